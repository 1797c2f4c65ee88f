/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the operating system's files, clocks and randomness.
 *
 * INV-PX-1: a call that returns TUF_OK did everything it was asked; interrupted calls and short
 *           results are continued here and nowhere else.
 * INV-PX-2: a failed sync is reported once and never repeated here: the kernel marks the pages
 *           clean after a failure, so a second answer proves nothing.
 *
 * Source: open file description locks (fcntl(2), F_OFD_SETLK) belong to the handle, unlike POSIX
 * record locks, which any close() in the process drops.
 * Not here: what is written (engine/store.c); the contract of durability (vfs/vfs.h).
 */
#include "vfs/vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"
#include "base/fail.h"

#define IOV_BATCH 64        /* vectors per system call; IOV_MAX is 1024 */
#define OFF_LIMIT INT64_MAX /* of off_t */
#define COPY_STEP ((uint64_t)1 << 30)
#define OPEN_RETRY_MAX 16   /* times a file may vanish between open and lock */

struct posix_file {
    struct vfs_file base; /* first: a vfs_file pointer is a posix_file pointer */
    int fd;               /* owned */
};

static struct posix_file *file_of(struct vfs_file *f)
{
    return (struct posix_file *)(void *)f;
}

static bool off_ok(uint64_t off, uint64_t len)
{
    uint64_t end;
    return add_ok(&end, off, len) && end <= OFF_LIMIT;
}

static tuf_status posix_pread(struct vfs_file *f, void *buf, size_t len, uint64_t off,
                              size_t *got_out)
{
    if (!off_ok(off, len))
        return tufi_fail(TUF_E_IO, "offset beyond what a file can hold");
    size_t got = 0;
    while (got < len) {
        ssize_t n = pread(file_of(f)->fd, (uint8_t *)buf + got, len - got, (off_t)(off + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return tufi_fail_errno(errno, "reading %zu bytes at %llu", len,
                                   (unsigned long long)off);
        if (n == 0)
            break;
        got += (size_t)n;
    }
    *got_out = got;
    return TUF_OK;
}

/* Copies what is left of the vectors after `skip` bytes of the first, at most IOV_BATCH. */
static int fill_batch(struct iovec *batch, const struct iovec *iov, int iov_count, size_t skip)
{
    int count = iov_count < IOV_BATCH ? iov_count : IOV_BATCH;
    for (int i = 0; i < count; i++)
        batch[i] = iov[i];
    batch[0].iov_base = (uint8_t *)batch[0].iov_base + skip;
    batch[0].iov_len -= skip;
    return count;
}

static tuf_status posix_pwritev(struct vfs_file *f, const struct iovec *iov, int iov_count,
                                uint64_t off)
{
    size_t skip = 0; /* bytes of iov[0] already written */
    while (iov_count > 0) {
        if (skip == iov->iov_len) {
            iov++;
            iov_count--;
            skip = 0;
            continue;
        }
        struct iovec batch[IOV_BATCH];
        int count = fill_batch(batch, iov, iov_count, skip);
        if (!off_ok(off, batch[0].iov_len))
            return tufi_fail(TUF_E_FULL, "offset beyond what a file can hold");
        ssize_t n = pwritev(file_of(f)->fd, batch, count, (off_t)off);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return tufi_fail_errno(n < 0 ? errno : EIO, "writing at %llu", (unsigned long long)off);
        off += (size_t)n;
        for (size_t left = (size_t)n; left > 0;) {
            size_t step = min_size(left, iov->iov_len - skip);
            skip += step;
            left -= step;
            if (skip == iov->iov_len && left > 0) {
                iov++;
                iov_count--;
                skip = 0;
            }
        }
    }
    return TUF_OK;
}

static tuf_status posix_sync(struct vfs_file *f)
{
    int rc;
    do {
        rc = fdatasync(file_of(f)->fd);
    } while (rc < 0 && errno == EINTR);
    return rc < 0 ? tufi_fail_errno(errno, "syncing a file") : TUF_OK;
}

static tuf_status posix_truncate(struct vfs_file *f, uint64_t size)
{
    if (!off_ok(size, 0))
        return tufi_fail(TUF_E_FULL, "size beyond what a file can hold");
    int rc;
    do {
        rc = ftruncate(file_of(f)->fd, (off_t)size);
    } while (rc < 0 && errno == EINTR);
    if (rc < 0)
        return tufi_fail_errno(errno, "truncating to %llu bytes", (unsigned long long)size);
    return TUF_OK;
}

static tuf_status posix_size(struct vfs_file *f, uint64_t *size_out)
{
    struct stat info;
    if (fstat(file_of(f)->fd, &info) < 0)
        return tufi_fail_errno(errno, "asking for a file's size");
    *size_out = (uint64_t)info.st_size;
    return TUF_OK;
}

static tuf_status posix_punch(struct vfs_file *f, uint64_t off, uint64_t len)
{
    if (len == 0)
        return TUF_OK;
    if (!off_ok(off, len))
        return tufi_fail(TUF_E_IO, "range beyond what a file can hold");
    int rc;
    do {
        rc = fallocate(file_of(f)->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off,
                       (off_t)len);
    } while (rc < 0 && errno == EINTR);
    if (rc < 0 && (errno == EOPNOTSUPP || errno == ENOSYS))
        return tufi_fail(TUF_E_UNSUPPORTED, "this file system cannot punch holes");
    return rc < 0 ? tufi_fail_errno(errno, "punching a hole") : TUF_OK;
}

/* Linux shares blocks in copy_file_range where the file system can. */
static tuf_status posix_copy(struct vfs_file *f, struct vfs_file *from, uint64_t off, uint64_t len)
{
    if (!off_ok(off, len))
        return tufi_fail(TUF_E_IO, "range beyond what a file can hold");
    off_t in = (off_t)off, out = (off_t)off;
    while (len > 0) {
        ssize_t n = copy_file_range(file_of(from)->fd, &in, file_of(f)->fd, &out,
                                    (size_t)min_u64(len, COPY_STEP), 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO || errno == EFBIG))
            return tufi_fail_errno(errno, "copying at %llu", (unsigned long long)out);
        if (n <= 0) /* two file systems, an old kernel, a file that ends here */
            return tufi_fail(TUF_E_UNSUPPORTED, "the system does not copy between these files");
        len -= (uint64_t)n;
    }
    return TUF_OK;
}

static tuf_status posix_clone(struct vfs_file *f, uint64_t off, struct vfs_file *from,
                              uint64_t from_off, uint64_t len)
{
    struct file_clone_range range = {
        .src_fd = file_of(from)->fd, .src_offset = from_off, .src_length = len, .dest_offset = off
    };
    int rc;
    do {
        rc = ioctl(file_of(f)->fd, FICLONERANGE, &range);
    } while (rc < 0 && errno == EINTR);
    if (rc < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO))
        return tufi_fail_errno(errno, "sharing blocks at %llu", (unsigned long long)off);
    return rc < 0 ? tufi_fail(TUF_E_UNSUPPORTED, "this file system does not share blocks") : TUF_OK;
}

static void posix_forget(struct vfs_file *f, uint64_t off)
{
    /* Advice: pages that are dirty or in use stay, and there is nothing to do about it. */
    if (off_ok(off, 0))
        (void)posix_fadvise(file_of(f)->fd, (off_t)off, 0, POSIX_FADV_DONTNEED);
}

static void posix_push(struct vfs_file *f, uint64_t off, uint64_t len)
{
    if (off_ok(off, len))
        (void)sync_file_range(file_of(f)->fd, (off_t)off, (off_t)len, SYNC_FILE_RANGE_WRITE);
}

static void posix_close(struct vfs_file *f)
{
    /* The descriptor is gone even if close() fails, and no unsynced byte is worth anything. */
    (void)close(file_of(f)->fd);
    tufi_free(f);
}

static const struct vfs_file_ops posix_file_ops = {
    .pread = posix_pread,
    .pwritev = posix_pwritev,
    .sync = posix_sync,
    .truncate = posix_truncate,
    .size = posix_size,
    .punch = posix_punch,
    .copy = posix_copy,
    .clone = posix_clone,
    .forget = posix_forget,
    .push = posix_push,
    .close = posix_close,
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

static tuf_status lock_fd(int fd, const char *path)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int rc;
    do {
        rc = fcntl(fd, F_OFD_SETLK, &lock);
    } while (rc < 0 && errno == EINTR);
    if (rc < 0 && (errno == EAGAIN || errno == EACCES))
        return tufi_fail(TUF_E_LOCKED, "%.120s is in use", path);
    return rc < 0 ? tufi_fail_errno(errno, "locking %.120s", path) : TUF_OK;
}

/* Opens once; TUF_END if the file was unlinked or replaced before it could be locked. */
static tuf_status open_once(const char *path, unsigned flags, struct vfs_file **out)
{
    int mode = flags & VFS_RDONLY ? O_RDONLY : O_RDWR;
    mode |= flags & VFS_CREATE ? O_CREAT : 0;
    mode |= flags & VFS_EXCLUSIVE ? O_EXCL : 0;
    TUF_AUTO(close_fd) int fd = -1;
    do {
        fd = open(path, mode | O_CLOEXEC | O_NOCTTY, S_IRUSR | S_IWUSR);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0 && errno == ENOENT && !(flags & VFS_CREATE))
        return TUF_NOT_FOUND;
    if (fd < 0 && errno == EEXIST && (flags & VFS_EXCLUSIVE))
        return TUF_EXISTS;
    if (fd < 0)
        return tufi_fail_errno(errno, "opening %.120s", path);
    struct stat info;
    if (flags & VFS_LOCK) {
        tuf_status st = lock_fd(fd, path);
        if (st < 0)
            return st;
    }
    if (fstat(fd, &info) < 0)
        return tufi_fail_errno(errno, "asking about %.120s", path);
    if (!S_ISREG(info.st_mode))
        return tufi_fail(TUF_E_IO, "%.120s is no regular file", path);
    if ((flags & VFS_LOCK) && info.st_nlink == 0)
        return TUF_END;
    struct posix_file *file = tufi_alloc(sizeof(*file));
    if (!file)
        return tufi_nomem();
    file->base.ops = &posix_file_ops;
    file->fd = fd;
    fd = -1;
    *out = &file->base;
    return TUF_OK;
}

static tuf_status posix_open(const struct tuf_vfs *v, const char *path, unsigned flags,
                             struct vfs_file **out)
{
    (void)v;
    tuf_assert(!(flags & VFS_LOCK) || !(flags & VFS_RDONLY));
    tuf_assert(!(flags & VFS_EXCLUSIVE) || (flags & VFS_CREATE));
    for (int i = 0; i < OPEN_RETRY_MAX; i++) {
        tuf_status st = open_once(path, flags, out);
        if (st != TUF_END)
            return st;
    }
    return tufi_fail(TUF_E_LOCKED, "%.120s is being replaced again and again", path);
}

static tuf_status posix_rename(const struct tuf_vfs *v, const char *from, const char *to)
{
    (void)v;
    if (rename(from, to) == 0)
        return TUF_OK;
    return errno == ENOENT ? TUF_NOT_FOUND : tufi_fail_errno(errno, "renaming %.120s", from);
}

static tuf_status posix_unlink(const struct tuf_vfs *v, const char *path)
{
    (void)v;
    if (unlink(path) == 0)
        return TUF_OK;
    return errno == ENOENT ? TUF_NOT_FOUND : tufi_fail_errno(errno, "removing %.120s", path);
}

static tuf_status posix_link(const struct tuf_vfs *v, const char *path, const char *second)
{
    (void)v;
    if (link(path, second) == 0)
        return TUF_OK;
    if (errno == EEXIST)
        return TUF_EXISTS;
    if (errno == EPERM || errno == EOPNOTSUPP || errno == EMLINK || errno == ENOSYS)
        return tufi_fail(TUF_E_UNSUPPORTED, "this file system has no links");
    return tufi_fail_errno(errno, "linking %.120s", path);
}

/* The directory that holds a path, as a string to be freed; NULL when out of memory. */
static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return tufi_memdup(".", 2);
    size_t len = slash == path ? 1 : (size_t)(slash - path);
    char *dir = tufi_alloc(len + 1);
    if (dir) {
        memcpy(dir, path, len);
        dir[len] = '\0';
    }
    return dir;
}

static tuf_status posix_sync_dir(const struct tuf_vfs *v, const char *path)
{
    (void)v;
    TUF_AUTOFREE char *dir = directory_of(path);
    if (!dir)
        return tufi_nomem();
    TUF_AUTO(close_fd) int fd = -1;
    do {
        fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return tufi_fail_errno(errno, "opening directory %.120s", dir);
    int rc;
    do {
        rc = fsync(fd);
    } while (rc < 0 && errno == EINTR);
    return rc < 0 ? tufi_fail_errno(errno, "syncing directory %.120s", dir) : TUF_OK;
}

static tuf_status posix_space(const struct tuf_vfs *v, const char *path, uint64_t *free_out)
{
    (void)v;
    TUF_AUTOFREE char *dir = directory_of(path);
    if (!dir)
        return tufi_nomem();
    struct statvfs info;
    int rc;
    do {
        rc = statvfs(dir, &info);
    } while (rc < 0 && errno == EINTR);
    if (rc < 0)
        return tufi_fail_errno(errno, "asking for the free space beside %.120s", path);
    uint64_t unit = info.f_frsize > 0 ? info.f_frsize : info.f_bsize;
    *free_out = info.f_bavail < UINT64_MAX / max_u64(unit, 1) ? info.f_bavail * unit : UINT64_MAX;
    return TUF_OK;
}

static uint64_t clock_us(clockid_t clock)
{
    struct timespec now = { 0 };
    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t posix_wall_us(const struct tuf_vfs *v)
{
    (void)v;
    return clock_us(CLOCK_REALTIME);
}

static uint64_t posix_monotonic_us(const struct tuf_vfs *v)
{
    (void)v;
    return clock_us(CLOCK_MONOTONIC);
}

static tuf_status posix_random(const struct tuf_vfs *v, void *buf, size_t len)
{
    (void)v;
    for (size_t got = 0; got < len;) {
        ssize_t n = getrandom((uint8_t *)buf + got, len - got, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return tufi_fail_errno(errno, "asking for random bytes");
        got += (size_t)n;
    }
    return TUF_OK;
}

static const struct tuf_vfs posix_vfs = {
    .open = posix_open,
    .rename = posix_rename,
    .link = posix_link,
    .unlink = posix_unlink,
    .sync_dir = posix_sync_dir,
    .space = posix_space,
    .wall_us = posix_wall_us,
    .monotonic_us = posix_monotonic_us,
    .random = posix_random,
};

const struct tuf_vfs *tufi_vfs_posix(void)
{
    return &posix_vfs;
}
