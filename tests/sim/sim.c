/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the simulated disk itself: its files, their un-synced items and the vfs calls.
 *
 * INV-SIM-1, INV-SIM-2: see sim_int.h.
 * Not here: which faults are modelled (sim.h); the names of files (names.c); building a crashed disk
 * (image.c); recording (trace.c); the rules of the order monitor (monitor.c).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arith.h"
#include "base/fail.h"
#include "tests/sim/sim_int.h"

#define CLOCK_START UINT64_C(1700000000000000)

void *sim_xalloc(void *old, size_t size)
{
    void *memory = realloc(old, size > 0 ? size : 1);
    if (!memory)
        abort();
    return memory;
}

char *sim_xstrdup(const char *text)
{
    size_t len = strlen(text) + 1;
    return memcpy(sim_xalloc(NULL, len), text, len);
}

/* Makes room for one more item. */
void *sim_grow_array(void *array, size_t count, size_t *cap, size_t item_size)
{
    if (count < *cap)
        return array;
    *cap = *cap ? *cap * 2 : 16;
    return sim_xalloc(array, *cap * item_size);
}

/* ---- contents -------------------------------------------------------------------------------- */

void content_reserve(struct content *c, size_t size, uint32_t sector_size)
{
    if (size <= c->cap)
        return;
    size_t cap = (size_t)align_up(max_size(size, c->cap + c->cap / 4), sector_size);
    c->data = sim_xalloc(c->data, cap);
    memset(c->data + c->cap, 0, cap - c->cap);
    c->cap = cap;
}

void content_copy(struct content *to, const struct content *from, uint32_t sector_size)
{
    content_reserve(to, from->cap, sector_size);
    if (from->cap > 0)
        memcpy(to->data, from->data, from->cap);
    if (to->cap > from->cap)
        memset(to->data + from->cap, 0, to->cap - from->cap);
    to->size = from->size;
}

static void content_cut(struct content *c, uint64_t size)
{
    if (size < c->cap)
        memset(c->data + size, 0, c->cap - (size_t)size);
    c->size = (size_t)size;
}

void content_apply(struct content *c, const struct item *item, uint32_t sector_size)
{
    switch (item->kind) {
    case SIM_ITEM_SECTOR:
        content_reserve(c, (size_t)(item->sector + 1) * sector_size, sector_size);
        memcpy(c->data + item->sector * sector_size, item->bytes, sector_size);
        return;
    case SIM_ITEM_GROW:
        content_reserve(c, (size_t)item->size, sector_size);
        c->size = max_size(c->size, (size_t)item->size);
        return;
    case SIM_ITEM_CUT:
        content_reserve(c, (size_t)item->size, sector_size);
        content_cut(c, item->size);
        return;
    case SIM_ITEM_NAME:
        break;
    }
    abort();
}

/* ---- files ----------------------------------------------------------------------------------- */

struct inode *sim_inode_new(struct sim *sim)
{
    struct inode *inode = sim_xalloc(NULL, sizeof(*inode));
    *inode = (struct inode){ .number = (uint32_t)sim->inode_count };
    sim->inodes =
        sim_grow_array(sim->inodes, sim->inode_count, &sim->inode_cap, sizeof(*sim->inodes));
    sim->inodes[sim->inode_count++] = inode;
    return inode;
}

static void clear_items(struct inode *inode)
{
    for (size_t i = 0; i < inode->item_count; i++)
        free(inode->items[i].bytes);
    inode->item_count = 0;
    if (inode->flag_cap > 0)
        memset(inode->touched, 0, inode->flag_cap);
}

static void inode_free(struct inode *inode)
{
    clear_items(inode);
    free(inode->items);
    free(inode->touched);
    free(inode->covered);
    free(inode->now.data);
    free(inode->durable.data);
    free(inode->history.data);
    free(inode);
}

static void reserve_flags(struct inode *inode, size_t sectors)
{
    if (sectors <= inode->flag_cap)
        return;
    size_t cap = max_size(sectors, inode->flag_cap * 2);
    inode->touched = sim_xalloc(inode->touched, cap);
    inode->covered = sim_xalloc(inode->covered, cap);
    memset(inode->touched + inode->flag_cap, 0, cap - inode->flag_cap);
    memset(inode->covered + inode->flag_cap, 0, cap - inode->flag_cap);
    inode->flag_cap = cap;
}

static struct item *add_item(struct inode *inode, enum sim_item_kind kind)
{
    inode->items =
        sim_grow_array(inode->items, inode->item_count, &inode->item_cap, sizeof(*inode->items));
    struct item *item = &inode->items[inode->item_count++];
    *item = (struct item){ .kind = kind };
    return item;
}

static void set_size(struct inode *inode, uint64_t size)
{
    if (size == inode->now.size)
        return;
    struct item *item = add_item(inode, size > inode->now.size ? SIM_ITEM_GROW : SIM_ITEM_CUT);
    item->size = size;
    inode->now.size = (size_t)size;
}

/* Records what a sector holds now. */
static void note_sector(struct sim *sim, struct inode *inode, uint64_t sector)
{
    uint32_t sector_size = sim->sector_size;
    const uint8_t *bytes = inode->now.data + sector * sector_size;
    const struct content *durable = &inode->durable;
    bool noop = false;
    if (!inode->touched[sector])
        noop = (sector + 1) * sector_size <= durable->cap
                   ? memcmp(durable->data + sector * sector_size, bytes, sector_size) == 0
                   : bytes_are_zero(bytes, sector_size);
    struct item *item = add_item(inode, SIM_ITEM_SECTOR);
    item->noop = noop;
    item->sector = sector;
    item->bytes = sim_xalloc(NULL, sector_size);
    memcpy(item->bytes, bytes, sector_size);
    inode->touched[sector] = 1;
}

void inode_write(struct sim *sim, struct inode *inode, const void *data, size_t len, uint64_t off)
{
    if (len == 0)
        return;
    struct sim_op *op = trace_add(sim, SIM_OP_WRITE, inode);
    if (op) {
        op->off = off;
        op->len = len;
        op->bytes = memcpy(sim_xalloc(NULL, len), data, len);
    }
    size_t end = (size_t)off + len;
    content_reserve(&inode->now, end, sim->sector_size);
    uint64_t first = off / sim->sector_size, last = (end - 1) / sim->sector_size;
    reserve_flags(inode, (size_t)last + 1);
    for (uint64_t s = first; s <= last; s++)
        monitor_write(sim, inode, s);
    memcpy(inode->now.data + off, data, len);
    if (end > inode->now.size)
        set_size(inode, end);
    for (uint64_t s = first; s <= last; s++)
        note_sector(sim, inode, s);
}

void inode_truncate(struct sim *sim, struct inode *inode, uint64_t size)
{
    struct sim_op *op = trace_add(sim, SIM_OP_TRUNCATE, inode);
    if (op)
        op->off = size;
    monitor_truncate(sim, inode, size);
    if (size < inode->now.size) {
        content_reserve(&inode->history, inode->now.cap, sim->sector_size);
        memcpy(inode->history.data + size, inode->now.data + size, inode->now.size - (size_t)size);
        size_t first = (size_t)(align_up(size, sim->sector_size) / sim->sector_size);
        for (size_t s = first; s < inode->flag_cap; s++)
            inode->covered[s] = 0;
    }
    size_t old = inode->now.size;
    content_reserve(&inode->now, (size_t)size, sim->sector_size);
    set_size(inode, size);
    if (size < old)
        content_cut(&inode->now, size);
}

/* Punching is freeing: it needs no later write to be durable, so it may or may not be on disk. */
void inode_punch(struct sim *sim, struct inode *inode, uint64_t off, uint64_t len)
{
    struct sim_op *op = trace_add(sim, SIM_OP_PUNCH, inode);
    if (op) {
        op->off = off;
        op->len = len;
    }
    if (off >= inode->now.size || len == 0)
        return;
    size_t end = (size_t)min_u64(off + len, inode->now.size);
    memset(inode->now.data + off, 0, end - (size_t)off);
    reserve_flags(inode, (end - 1) / sim->sector_size + 1);
    for (uint64_t s = off / sim->sector_size; s <= (end - 1) / sim->sector_size; s++) {
        note_sector(sim, inode, s);
        inode->covered[s] = 0;
    }
}

void inode_sync(struct sim *sim, struct inode *inode)
{
    trace_add(sim, SIM_OP_SYNC, inode);
    bool size_changed = false;
    for (size_t i = 0; i < inode->item_count; i++) {
        const struct item *item = &inode->items[i];
        content_apply(&inode->durable, item, sim->sector_size);
        size_changed |= item->kind != SIM_ITEM_SECTOR;
        if (item->kind == SIM_ITEM_SECTOR)
            inode->covered[item->sector] = !bytes_are_zero(item->bytes, sim->sector_size);
    }
    /* A cut that came after the write frees the sector again. */
    size_t end = (size_t)align_up(inode->durable.size, sim->sector_size) / sim->sector_size;
    for (size_t s = end; s < inode->flag_cap; s++)
        inode->covered[s] = 0;
    clear_items(inode);
    if (sim->profile == SIM_ORDERED && size_changed)
        names_promote(sim, NULL, 0);
}

void inode_drop(struct sim *sim, struct inode *inode, bool evict)
{
    struct sim_op *op = trace_add(sim, SIM_OP_DROP, inode);
    if (op)
        op->len = evict;
    clear_items(inode);
    if (evict) {
        content_copy(&inode->now, &inode->durable, sim->sector_size);
        return;
    }
    /* The size is metadata: the journal still gets it, so a hole remains where the data was. */
    if (inode->now.size != inode->durable.size) {
        bool grew = inode->now.size > inode->durable.size;
        add_item(inode, grew ? SIM_ITEM_GROW : SIM_ITEM_CUT)->size = inode->now.size;
    }
}

/* Shows what is durable again where a failed sync dropped what was written. */
void inode_forget(struct sim *sim, struct inode *inode, uint64_t off)
{
    struct sim_op *op = trace_add(sim, SIM_OP_FORGET, inode);
    if (op)
        op->off = off;
    struct content *now = &inode->now;
    uint32_t sector_size = sim->sector_size;
    size_t end = now->cap / sector_size;
    for (size_t s = (size_t)min_u64(off / sector_size, end); s < end; s++) {
        if (s < inode->flag_cap && inode->touched[s])
            continue;
        size_t at = s * sector_size;
        if (at + sector_size <= inode->durable.cap)
            memcpy(now->data + at, inode->durable.data + at, sector_size);
        else
            memset(now->data + at, 0, sector_size);
    }
}

/* ---- the vfs calls --------------------------------------------------------------------------- */

static struct sim *sim_of(const struct tuf_vfs *v)
{
    return v->self;
}

static struct sim_file *file_of(struct vfs_file *f)
{
    return (struct sim_file *)(void *)f;
}

/* A file with two names takes its room once; shared blocks count in each file. */
static uint64_t space_used(const struct sim *sim)
{
    uint64_t used = 0;
    for (size_t i = 0; i < sim->now.count; i++) {
        const struct inode *inode = sim->now.names[i].inode;
        bool counted = false;
        for (size_t j = 0; j < i && !counted; j++)
            counted = sim->now.names[j].inode == inode;
        if (!counted)
            used += align_up(inode->now.size, sim->sector_size);
    }
    return used;
}

static tuf_status call_pread(struct vfs_file *f, void *buf, size_t len, uint64_t off,
                             size_t *got_out)
{
    struct sim_file *file = file_of(f);
    pthread_mutex_lock(&file->sim->lock);
    const struct content *now = &file->inode->now;
    size_t got = off < now->size ? min_size(len, now->size - (size_t)off) : 0;
    if (got > 0)
        memcpy(buf, now->data + off, got);
    pthread_mutex_unlock(&file->sim->lock);
    *got_out = got;
    return TUF_OK;
}

/* How many of len bytes at off fit on the disk. */
static size_t room_for(const struct sim *sim, const struct inode *inode, uint64_t off, size_t len)
{
    if (sim->space == UINT64_MAX)
        return len;
    uint64_t used = space_used(sim);
    uint64_t limit = align_up(inode->now.size, sim->sector_size);
    limit += sim->space > used ? sim->space - used : 0;
    limit = limit / sim->sector_size * sim->sector_size;
    return off >= limit ? 0 : (size_t)min_u64(len, limit - off);
}

static tuf_status call_pwritev(struct vfs_file *f, const struct iovec *iov, int iov_count,
                               uint64_t off)
{
    struct sim_file *file = file_of(f);
    struct sim *sim = file->sim;
    if (file->read_only)
        return tufi_fail(TUF_E_IO, "the handle is for reading only");
    size_t len = 0;
    for (int i = 0; i < iov_count; i++)
        len += iov[i].iov_len;
    uint8_t *flat = sim_xalloc(NULL, len);
    size_t done = 0;
    for (int i = 0; i < iov_count; i++) {
        if (iov[i].iov_len > 0)
            memcpy(flat + done, iov[i].iov_base, iov[i].iov_len);
        done += iov[i].iov_len;
    }
    pthread_mutex_lock(&sim->lock);
    size_t fits = room_for(sim, file->inode, off, len);
    inode_write(sim, file->inode, flat, fits, off);
    pthread_mutex_unlock(&sim->lock);
    free(flat);
    return fits < len ? tufi_fail(TUF_E_FULL, "simulated disk is full") : TUF_OK;
}

/* Shared as they are now: a later change of either file is not seen in the other. */
static tuf_status call_clone(struct vfs_file *f, uint64_t off, struct vfs_file *from,
                             uint64_t from_off, uint64_t len)
{
    struct sim_file *file = file_of(f);
    struct sim *sim = file->sim;
    const struct content *source = &file_of(from)->inode->now;
    if (sim->no_sharing)
        return tufi_fail(TUF_E_UNSUPPORTED, "the simulated disk does not share blocks");
    if (off % VFS_CLONE_ALIGN != 0 || from_off % VFS_CLONE_ALIGN != 0 || len % VFS_CLONE_ALIGN != 0)
        return tufi_fail(TUF_E_UNSUPPORTED, "no whole blocks");
    pthread_mutex_lock(&sim->lock);
    tuf_status st = TUF_OK;
    if (from_off > source->size || len > source->size - from_off)
        st = tufi_fail(TUF_E_UNSUPPORTED, "the source ends before");
    else if (room_for(sim, file->inode, off, (size_t)len) < len)
        st = tufi_fail(TUF_E_FULL, "simulated disk is full");
    else
        inode_write(sim, file->inode, source->data + from_off, (size_t)len, off);
    pthread_mutex_unlock(&sim->lock);
    return st;
}

static tuf_status call_sync(struct vfs_file *f)
{
    struct sim_file *file = file_of(f);
    pthread_mutex_lock(&file->sim->lock);
    inode_sync(file->sim, file->inode);
    pthread_mutex_unlock(&file->sim->lock);
    return TUF_OK;
}

static tuf_status call_truncate(struct vfs_file *f, uint64_t size)
{
    struct sim_file *file = file_of(f);
    if (file->read_only)
        return tufi_fail(TUF_E_IO, "the handle is for reading only");
    pthread_mutex_lock(&file->sim->lock);
    inode_truncate(file->sim, file->inode, size);
    pthread_mutex_unlock(&file->sim->lock);
    return TUF_OK;
}

static tuf_status call_size(struct vfs_file *f, uint64_t *size_out)
{
    struct sim_file *file = file_of(f);
    pthread_mutex_lock(&file->sim->lock);
    *size_out = file->inode->now.size;
    pthread_mutex_unlock(&file->sim->lock);
    return TUF_OK;
}

static tuf_status call_punch(struct vfs_file *f, uint64_t off, uint64_t len)
{
    struct sim_file *file = file_of(f);
    if (file->read_only)
        return tufi_fail(TUF_E_IO, "the handle is for reading only");
    pthread_mutex_lock(&file->sim->lock);
    inode_punch(file->sim, file->inode, off, len);
    pthread_mutex_unlock(&file->sim->lock);
    return TUF_OK;
}

static void call_forget(struct vfs_file *f, uint64_t off)
{
    struct sim_file *file = file_of(f);
    pthread_mutex_lock(&file->sim->lock);
    inode_forget(file->sim, file->inode, off);
    pthread_mutex_unlock(&file->sim->lock);
}

static void call_close(struct vfs_file *f)
{
    struct sim_file *file = file_of(f);
    pthread_mutex_lock(&file->sim->lock);
    if (file->holds_lock)
        file->inode->locked = false;
    file->sim->handle_count--;
    pthread_mutex_unlock(&file->sim->lock);
    free(file);
}

/* A hint: un-synced bytes may reach the disk at any time anyway. */
static void call_push(struct vfs_file *f, uint64_t off, uint64_t len)
{
    (void)f;
    (void)off;
    (void)len;
}

static const struct vfs_file_ops sim_file_ops = {
    .pread = call_pread,
    .pwritev = call_pwritev,
    .sync = call_sync,
    .truncate = call_truncate,
    .size = call_size,
    .punch = call_punch,
    .clone = call_clone,
    .forget = call_forget,
    .push = call_push,
    .close = call_close,
};

/* Lock held. */
static tuf_status open_locked(struct sim *sim, const char *path, unsigned flags, struct inode **out)
{
    struct inode *inode = name_find(&sim->now, path);
    if (!inode && !(flags & VFS_CREATE))
        return TUF_NOT_FOUND;
    if (inode && (flags & VFS_EXCLUSIVE))
        return TUF_EXISTS;
    if (inode && (flags & VFS_LOCK) && inode->locked)
        return tufi_fail(TUF_E_LOCKED, "%.120s is in use", path);
    if (!inode)
        inode = names_create(sim, path);
    if (flags & VFS_LOCK)
        inode->locked = true;
    sim->handle_count++;
    *out = inode;
    return TUF_OK;
}

static tuf_status call_open(const struct tuf_vfs *v, const char *path, unsigned flags,
                            struct vfs_file **out)
{
    struct sim *sim = sim_of(v);
    struct inode *inode = NULL;
    pthread_mutex_lock(&sim->lock);
    tuf_status st = open_locked(sim, path, flags, &inode);
    pthread_mutex_unlock(&sim->lock);
    if (st != TUF_OK)
        return st;
    struct sim_file *file = sim_xalloc(NULL, sizeof(*file));
    *file = (struct sim_file){
        .base.ops = &sim_file_ops,
        .sim = sim,
        .inode = inode,
        .holds_lock = flags & VFS_LOCK,
        .read_only = flags & VFS_RDONLY,
    };
    *out = &file->base;
    return TUF_OK;
}

static tuf_status call_rename(const struct tuf_vfs *v, const char *from, const char *to)
{
    struct sim *sim = sim_of(v);
    pthread_mutex_lock(&sim->lock);
    const struct inode *inode = name_find(&sim->now, from);
    if (inode && inode != name_find(&sim->now, to)) /* two names of one file: nothing is done */
        names_rename(sim, from, to);
    pthread_mutex_unlock(&sim->lock);
    return inode ? TUF_OK : TUF_NOT_FOUND;
}

static tuf_status call_link(const struct tuf_vfs *v, const char *path, const char *second)
{
    struct sim *sim = sim_of(v);
    if (sim->no_sharing)
        return tufi_fail(TUF_E_UNSUPPORTED, "the simulated disk has no links");
    pthread_mutex_lock(&sim->lock);
    bool found = name_find(&sim->now, path), taken = name_find(&sim->now, second);
    if (found && !taken)
        names_link(sim, path, second);
    pthread_mutex_unlock(&sim->lock);
    if (!found)
        return tufi_fail_errno(ENOENT, "linking %.120s", path);
    return taken ? TUF_EXISTS : TUF_OK;
}

static tuf_status call_unlink(const struct tuf_vfs *v, const char *path)
{
    struct sim *sim = sim_of(v);
    pthread_mutex_lock(&sim->lock);
    bool found = name_find(&sim->now, path);
    if (found)
        names_unlink(sim, path);
    pthread_mutex_unlock(&sim->lock);
    return found ? TUF_OK : TUF_NOT_FOUND;
}

static tuf_status call_sync_dir(const struct tuf_vfs *v, const char *path)
{
    struct sim *sim = sim_of(v);
    pthread_mutex_lock(&sim->lock);
    names_sync(sim, path);
    pthread_mutex_unlock(&sim->lock);
    return TUF_OK;
}

static tuf_status call_space(const struct tuf_vfs *v, const char *path, uint64_t *free_out)
{
    struct sim *sim = sim_of(v);
    (void)path;
    uint64_t used = sim->space < UINT64_MAX ? sim_space_used(sim) : 0;
    *free_out = used < sim->space ? sim->space - used : 0;
    return TUF_OK;
}

static uint64_t tick(const struct tuf_vfs *v)
{
    struct sim *sim = sim_of(v);
    pthread_mutex_lock(&sim->lock);
    uint64_t now = sim->clock_us++;
    pthread_mutex_unlock(&sim->lock);
    return now;
}

static tuf_status call_random(const struct tuf_vfs *v, void *buf, size_t len)
{
    struct sim *sim = sim_of(v);
    pthread_mutex_lock(&sim->lock);
    rng_fill(&sim->rng, buf, len);
    pthread_mutex_unlock(&sim->lock);
    return TUF_OK;
}

/* ---- life ------------------------------------------------------------------------------------ */

struct sim *sim_new(uint32_t sector_size, uint64_t seed)
{
    struct sim *sim = sim_xalloc(NULL, sizeof(*sim));
    *sim = (struct sim){
        .sector_size = sector_size,
        .monitor = SIM_MONITOR_ABORT,
        .space = UINT64_MAX,
        .seed = seed,
        .rng = { rng_mix(seed + 1) },
        .clock_us = CLOCK_START,
    };
    sim->vfs = (struct tuf_vfs){
        .open = call_open,
        .rename = call_rename,
        .link = call_link,
        .unlink = call_unlink,
        .sync_dir = call_sync_dir,
        .space = call_space,
        .wall_us = tick,
        .monotonic_us = tick,
        .random = call_random,
        .self = sim,
    };
    pthread_mutex_init(&sim->lock, NULL);
    return sim;
}

void sim_free(struct sim **sim_ptr)
{
    struct sim *sim = *sim_ptr;
    if (!sim)
        return;
    for (size_t i = 0; i < sim->inode_count; i++)
        inode_free(sim->inodes[i]);
    free(sim->inodes);
    for (size_t i = 0; i < sim->pending_count; i++) {
        free(sim->pending[i].path);
        free(sim->pending[i].path_to);
    }
    free(sim->pending);
    names_clear(&sim->now);
    names_clear(&sim->durable);
    trace_free(&sim->trace);
    pthread_mutex_destroy(&sim->lock);
    free(sim);
    *sim_ptr = NULL;
}

const struct tuf_vfs *sim_vfs(struct sim *sim)
{
    return &sim->vfs;
}

void sim_set_profile(struct sim *sim, enum sim_profile profile)
{
    sim->profile = profile;
}

void sim_set_sharing(struct sim *sim, bool on)
{
    sim->no_sharing = !on;
}

void sim_set_space(struct sim *sim, uint64_t space)
{
    sim->space = space;
}

uint64_t sim_space_used(struct sim *sim)
{
    return space_used(sim);
}

size_t sim_handle_count(struct sim *sim)
{
    return sim->handle_count;
}

uint32_t sim_sector_size(const struct sim *sim)
{
    return sim->sector_size;
}

const uint8_t *sim_peek(struct sim *sim, const char *path, size_t *len_out)
{
    const struct inode *inode = name_find(&sim->now, path);
    *len_out = inode ? inode->now.size : 0;
    if (!inode)
        return NULL;
    return inode->now.data ? inode->now.data : (const uint8_t *)"";
}

void sim_store(struct sim *sim, const char *path, const void *data, size_t len)
{
    pthread_mutex_lock(&sim->lock);
    struct inode *inode = names_create(sim, path);
    inode_write(sim, inode, data, len, 0);
    inode_sync(sim, inode);
    names_sync(sim, path);
    pthread_mutex_unlock(&sim->lock);
}

size_t sim_name_count(struct sim *sim)
{
    return sim->now.count;
}

const char *sim_name(struct sim *sim, size_t pos)
{
    return sim->now.names[pos].path;
}

void sim_drop_unsynced(struct vfs_file *f, bool evict)
{
    struct sim_file *file = file_of(f);
    pthread_mutex_lock(&file->sim->lock);
    inode_drop(file->sim, file->inode, evict);
    pthread_mutex_unlock(&file->sim->lock);
}
