/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: files in memory, with the name semantics of POSIX: a name is a link to a file, and a file
 * lives as long as a name or a handle refers to it.
 *
 * INV-MEM-1: file->refs is the number of its names plus its open handles.
 * INV-MEM-2: bytes between file->size and file->cap are zero, so that growing shows zeros.
 *
 * Nothing is durable and nothing can be lost: sync does nothing. One mutex guards everything.
 * Not here: simulated power loss (tests/sim/sim.c).
 */
#include "vfs/vfs.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"
#include "base/fail.h"

#define FILE_CAP_MIN 4096

struct mem_file {
    uint8_t *data; /* owned */
    size_t size;   /* bytes */
    size_t cap;    /* bytes allocated */
    size_t refs;
    bool locked; /* a handle holds the exclusive lock */
};

struct mem_name {
    char *path;            /* owned */
    struct mem_file *file; /* holds a reference */
    struct mem_name *next;
};

struct mem_fs {
    struct tuf_vfs vfs; /* first; vfs.self points back here */
    pthread_mutex_t lock;
    struct mem_name *names;
};

struct mem_handle {
    struct vfs_file base; /* first */
    struct mem_fs *fs;
    struct mem_file *file; /* holds a reference */
    bool holds_lock;
    bool read_only;
};

static struct mem_fs *fs_of(const struct tuf_vfs *v)
{
    return v->self;
}

static struct mem_handle *handle_of(struct vfs_file *f)
{
    return (struct mem_handle *)(void *)f;
}

static void unlock(pthread_mutex_t **lock)
{
    pthread_mutex_unlock(*lock);
}

#define LOCKED(fs)                                                                                 \
    TUF_AUTO(unlock) pthread_mutex_t *locked = &(fs)->lock;                                        \
    pthread_mutex_lock(locked)

static void file_unref(struct mem_file *file)
{
    tuf_assert(file->refs > 0);
    if (--file->refs > 0)
        return;
    tufi_free(file->data);
    tufi_free(file);
}

static tuf_status file_reserve(struct mem_file *file, size_t size)
{
    if (size <= file->cap)
        return TUF_OK;
    size_t cap = max_size(max_size(size, FILE_CAP_MIN), file->cap + file->cap / 2);
    uint8_t *data = tufi_realloc(file->data, cap);
    if (!data)
        return tufi_nomem();
    memset(data + file->cap, 0, cap - file->cap);
    file->data = data;
    file->cap = cap;
    return TUF_OK;
}

static tuf_status mem_pread(struct vfs_file *f, void *buf, size_t len, uint64_t off,
                            size_t *got_out)
{
    struct mem_handle *handle = handle_of(f);
    LOCKED(handle->fs);
    size_t size = handle->file->size;
    size_t got = off < size ? min_size(len, size - (size_t)off) : 0;
    if (got > 0)
        memcpy(buf, handle->file->data + off, got);
    *got_out = got;
    return TUF_OK;
}

static tuf_status mem_pwritev(struct vfs_file *f, const struct iovec *iov, int iov_count,
                              uint64_t off)
{
    struct mem_handle *handle = handle_of(f);
    if (handle->read_only)
        return tufi_fail(TUF_E_IO, "the handle is for reading only");
    LOCKED(handle->fs);
    size_t len = 0, end;
    for (int i = 0; i < iov_count; i++)
        len += iov[i].iov_len;
    if (!add_ok(&end, (size_t)off, len) || end > SIZE_MAX / 4)
        return tufi_fail(TUF_E_FULL, "offset beyond what memory can hold");
    tuf_status st = file_reserve(handle->file, end);
    if (st < 0)
        return st;
    uint8_t *to = handle->file->data + off;
    for (int i = 0; i < iov_count; i++) {
        if (iov[i].iov_len > 0)
            memcpy(to, iov[i].iov_base, iov[i].iov_len);
        to += iov[i].iov_len;
    }
    if (len > 0)
        handle->file->size = max_size(handle->file->size, end);
    return TUF_OK;
}

static tuf_status mem_sync(struct vfs_file *f)
{
    (void)f;
    return TUF_OK;
}

static tuf_status mem_truncate(struct vfs_file *f, uint64_t size)
{
    struct mem_handle *handle = handle_of(f);
    if (handle->read_only)
        return tufi_fail(TUF_E_IO, "the handle is for reading only");
    LOCKED(handle->fs);
    struct mem_file *file = handle->file;
    if (size > SIZE_MAX / 4)
        return tufi_fail(TUF_E_FULL, "size beyond what memory can hold");
    tuf_status st = file_reserve(file, (size_t)size);
    if (st < 0)
        return st;
    if (size < file->size)
        memset(file->data + size, 0, file->size - (size_t)size);
    file->size = (size_t)size;
    return TUF_OK;
}

static tuf_status mem_size(struct vfs_file *f, uint64_t *size_out)
{
    struct mem_handle *handle = handle_of(f);
    LOCKED(handle->fs);
    *size_out = handle->file->size;
    return TUF_OK;
}

static tuf_status mem_punch(struct vfs_file *f, uint64_t off, uint64_t len)
{
    struct mem_handle *handle = handle_of(f);
    if (handle->read_only)
        return tufi_fail(TUF_E_IO, "the handle is for reading only");
    LOCKED(handle->fs);
    struct mem_file *file = handle->file;
    if (off < file->size)
        memset(file->data + off, 0, (size_t)min_u64(len, file->size - off));
    return TUF_OK;
}

/* There are no blocks to share: it stands for a file system that has some. */
static tuf_status mem_clone(struct vfs_file *f, uint64_t off, struct vfs_file *from,
                            uint64_t from_off, uint64_t len)
{
    TUF_AUTOFREE uint8_t *bytes = tufi_alloc((size_t)len);
    if (!bytes)
        return tufi_nomem();
    if ((off | from_off | len) % VFS_CLONE_ALIGN != 0)
        return tufi_fail(TUF_E_UNSUPPORTED, "no whole blocks");
    tuf_status st = tufi_vfs_read_exact(from, bytes, (size_t)len, from_off);
    return st == TUF_OK ? tufi_vfs_write(f, bytes, (size_t)len, off) : st;
}

static void mem_forget(struct vfs_file *f, uint64_t off)
{
    (void)f;
    (void)off;
}

static void mem_push(struct vfs_file *f, uint64_t off, uint64_t len)
{
    (void)f;
    (void)off;
    (void)len;
}

static void mem_close(struct vfs_file *f)
{
    struct mem_handle *handle = handle_of(f);
    {
        LOCKED(handle->fs);
        if (handle->holds_lock)
            handle->file->locked = false;
        file_unref(handle->file);
    }
    tufi_free(handle);
}

static const struct vfs_file_ops mem_file_ops = {
    .pread = mem_pread,
    .pwritev = mem_pwritev,
    .sync = mem_sync,
    .truncate = mem_truncate,
    .size = mem_size,
    .punch = mem_punch,
    .clone = mem_clone,
    .forget = mem_forget,
    .push = mem_push,
    .close = mem_close,
};

/* The link to a name, so that it can be taken out; its target is NULL if there is none. */
static struct mem_name **find_name(struct mem_fs *fs, const char *path)
{
    struct mem_name **link = &fs->names;
    while (*link && strcmp((*link)->path, path) != 0)
        link = &(*link)->next;
    return link;
}

static void remove_name(struct mem_name **link)
{
    struct mem_name *name = *link;
    *link = name->next;
    file_unref(name->file);
    tufi_free(name->path);
    tufi_free(name);
}

static tuf_status add_name(struct mem_fs *fs, const char *path, struct mem_name **out)
{
    TUF_AUTOFREE struct mem_name *name = tufi_alloc_zero(sizeof(*name));
    TUF_AUTOFREE struct mem_file *file = tufi_alloc_zero(sizeof(*file));
    TUF_AUTOFREE char *copy = tufi_memdup(path, strlen(path) + 1);
    if (!name || !file || !copy)
        return tufi_nomem();
    file->refs = 1;
    name->path = tufi_steal(copy);
    name->file = tufi_steal(file);
    name->next = fs->names;
    fs->names = name;
    *out = tufi_steal(name);
    return TUF_OK;
}

static tuf_status mem_open(const struct tuf_vfs *v, const char *path, unsigned flags,
                           struct vfs_file **out)
{
    struct mem_fs *fs = fs_of(v);
    TUF_AUTOFREE struct mem_handle *handle = tufi_alloc_zero(sizeof(*handle));
    if (!handle)
        return tufi_nomem();
    LOCKED(fs);
    struct mem_name *name = *find_name(fs, path);
    if (!name && !(flags & VFS_CREATE))
        return TUF_NOT_FOUND;
    if (name && (flags & VFS_EXCLUSIVE))
        return TUF_EXISTS;
    if (name && (flags & VFS_LOCK) && name->file->locked)
        return tufi_fail(TUF_E_LOCKED, "%.120s is in use", path);
    if (!name) {
        tuf_status st = add_name(fs, path, &name);
        if (st < 0)
            return st;
    }
    handle->base.ops = &mem_file_ops;
    handle->fs = fs;
    handle->file = name->file;
    handle->file->refs++;
    handle->read_only = flags & VFS_RDONLY;
    handle->holds_lock = flags & VFS_LOCK;
    if (handle->holds_lock)
        handle->file->locked = true;
    *out = &tufi_steal(handle)->base;
    return TUF_OK;
}

static tuf_status mem_rename(const struct tuf_vfs *v, const char *from, const char *to)
{
    struct mem_fs *fs = fs_of(v);
    TUF_AUTOFREE char *copy = tufi_memdup(to, strlen(to) + 1);
    if (!copy)
        return tufi_nomem();
    LOCKED(fs);
    if (!*find_name(fs, from))
        return TUF_NOT_FOUND;
    if (strcmp(from, to) == 0)
        return TUF_OK;
    struct mem_name **replaced = find_name(fs, to);
    if (*replaced)
        remove_name(replaced);
    struct mem_name *name = *find_name(fs, from);
    tufi_free(name->path);
    name->path = tufi_steal(copy);
    return TUF_OK;
}

static tuf_status mem_unlink(const struct tuf_vfs *v, const char *path)
{
    struct mem_fs *fs = fs_of(v);
    LOCKED(fs);
    struct mem_name **link = find_name(fs, path);
    if (!*link)
        return TUF_NOT_FOUND;
    remove_name(link);
    return TUF_OK;
}

static tuf_status mem_sync_dir(const struct tuf_vfs *v, const char *path)
{
    (void)v;
    (void)path;
    return TUF_OK;
}

static tuf_status mem_space(const struct tuf_vfs *v, const char *path, uint64_t *free_out)
{
    (void)v;
    (void)path;
    *free_out = UINT64_MAX;
    return TUF_OK;
}

static uint64_t mem_wall_us(const struct tuf_vfs *v)
{
    (void)v;
    return tufi_vfs_posix()->wall_us(tufi_vfs_posix());
}

static uint64_t mem_monotonic_us(const struct tuf_vfs *v)
{
    (void)v;
    return tufi_vfs_posix()->monotonic_us(tufi_vfs_posix());
}

static tuf_status mem_random(const struct tuf_vfs *v, void *buf, size_t len)
{
    (void)v;
    return tufi_vfs_posix()->random(tufi_vfs_posix(), buf, len);
}

tuf_status tufi_vfs_memory_new(struct tuf_vfs **out)
{
    struct mem_fs *fs = tufi_alloc_zero(sizeof(*fs));
    if (!fs)
        return tufi_nomem();
    pthread_mutex_init(&fs->lock, NULL);
    fs->vfs = (struct tuf_vfs){
        .open = mem_open,
        .rename = mem_rename,
        .unlink = mem_unlink,
        .sync_dir = mem_sync_dir,
        .space = mem_space,
        .wall_us = mem_wall_us,
        .monotonic_us = mem_monotonic_us,
        .random = mem_random,
        .self = fs,
    };
    *out = &fs->vfs;
    return TUF_OK;
}

void tufi_vfs_memory_free(struct tuf_vfs **vfs)
{
    if (!*vfs)
        return;
    struct mem_fs *fs = fs_of(*vfs);
    while (fs->names) {
        tuf_assert(fs->names->file->refs == 1); /* no handle may be open */
        remove_name(&fs->names);
    }
    pthread_mutex_destroy(&fs->lock);
    tufi_free(fs);
    *vfs = NULL;
}
