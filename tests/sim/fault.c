/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: fault injection at the vfs (see fault.h for the faults).
 */
#include "tests/sim/fault.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "tests/sim/sim.h"

struct fault {
    struct tuf_vfs vfs; /* first; vfs.self points back */
    const struct tuf_vfs *below;
    struct fault_plan plan;
    uint64_t calls[FAULT_KIND_COUNT];
    uint64_t hits;
    bool held;
};

struct fault_file {
    struct vfs_file base; /* first */
    struct fault *fault;
    struct vfs_file *below; /* owned */
};

static const char *const kind_names[FAULT_KIND_COUNT] = {
    "open",  "pread",  "pwritev", "sync",    "truncate", "size",
    "punch", "clone",  "rename",  "link",    "unlink",   "syncdir", "random", "space", "any",
};

static struct fault *fault_of(const struct tuf_vfs *v)
{
    return v->self;
}

static struct fault_file *file_of(struct vfs_file *f)
{
    return (struct fault_file *)(void *)f;
}

static bool due(const struct fault_plan *plan, uint64_t call)
{
    return plan->at > 0 && (call == plan->at || (plan->sticky && call > plan->at));
}

/* Counts a call; true if it has to fail. */
static bool strikes(struct fault *fault, enum fault_kind kind)
{
    if (fault->held)
        return false;
    uint64_t of_kind = ++fault->calls[kind];
    uint64_t of_any = ++fault->calls[FAULT_ANY];
    bool hit = (fault->plan.kind == kind && due(&fault->plan, of_kind)) ||
               (fault->plan.kind == FAULT_ANY && due(&fault->plan, of_any));
    fault->hits += hit;
    return hit;
}

static tuf_status fail(const struct fault *fault, const char *what)
{
    int sys_errno = fault->plan.sys_errno ? fault->plan.sys_errno : EIO;
    return tufi_fail_errno(sys_errno, "injected fault in %s", what);
}

static tuf_status call_pread(struct vfs_file *f, void *buf, size_t len, uint64_t off,
                             size_t *got_out)
{
    struct fault_file *file = file_of(f);
    if (strikes(file->fault, FAULT_PREAD))
        return fail(file->fault, "pread");
    return file->below->ops->pread(file->below, buf, len, off, got_out);
}

/* Writes the part of the vectors that the plan lets through. */
static void write_part(struct fault_file *file, const struct iovec *iov, int iov_count,
                       uint64_t off)
{
    size_t len = 0;
    for (int i = 0; i < iov_count; i++)
        len += iov[i].iov_len;
    size_t part = len * file->fault->plan.short_permille / 1000;
    for (int i = 0; i < iov_count && part > 0; i++) {
        size_t step = iov[i].iov_len < part ? iov[i].iov_len : part;
        if (tufi_vfs_write(file->below, iov[i].iov_base, step, off) < 0)
            return;
        off += step;
        part -= step;
    }
}

static tuf_status call_pwritev(struct vfs_file *f, const struct iovec *iov, int iov_count,
                               uint64_t off)
{
    struct fault_file *file = file_of(f);
    if (strikes(file->fault, FAULT_PWRITEV)) {
        write_part(file, iov, iov_count, off);
        return fail(file->fault, "pwritev");
    }
    return file->below->ops->pwritev(file->below, iov, iov_count, off);
}

static tuf_status call_sync(struct vfs_file *f)
{
    struct fault_file *file = file_of(f);
    if (strikes(file->fault, FAULT_SYNC)) {
        if (file->fault->plan.drop)
            sim_drop_unsynced(file->below, file->fault->plan.evict);
        return fail(file->fault, "sync");
    }
    return file->below->ops->sync(file->below);
}

static tuf_status call_truncate(struct vfs_file *f, uint64_t size)
{
    struct fault_file *file = file_of(f);
    if (strikes(file->fault, FAULT_TRUNCATE))
        return fail(file->fault, "truncate");
    return file->below->ops->truncate(file->below, size);
}

static tuf_status call_size(struct vfs_file *f, uint64_t *size_out)
{
    struct fault_file *file = file_of(f);
    if (strikes(file->fault, FAULT_SIZE))
        return fail(file->fault, "size");
    return file->below->ops->size(file->below, size_out);
}

static tuf_status call_punch(struct vfs_file *f, uint64_t off, uint64_t len)
{
    struct fault_file *file = file_of(f);
    if (strikes(file->fault, FAULT_PUNCH))
        return fail(file->fault, "punch");
    return file->below->ops->punch(file->below, off, len);
}

static tuf_status call_clone(struct vfs_file *f, uint64_t off, struct vfs_file *from,
                             uint64_t from_off, uint64_t len)
{
    struct fault_file *file = file_of(f);
    if (!file->below->ops->clone)
        return tufi_fail(TUF_E_UNSUPPORTED, "no shared blocks below");
    if (strikes(file->fault, FAULT_CLONE))
        return fail(file->fault, "clone");
    return file->below->ops->clone(file->below, off, file_of(from)->below, from_off, len);
}

static void call_forget(struct vfs_file *f, uint64_t off)
{
    struct fault_file *file = file_of(f);
    file->below->ops->forget(file->below, off);
}

static void call_push(struct vfs_file *f, uint64_t off, uint64_t len)
{
    struct fault_file *file = file_of(f);
    file->below->ops->push(file->below, off, len);
}

static void call_close(struct vfs_file *f)
{
    struct fault_file *file = file_of(f);
    file->below->ops->close(file->below);
    free(file);
}

static const struct vfs_file_ops fault_file_ops = {
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

static tuf_status call_open(const struct tuf_vfs *v, const char *path, unsigned flags,
                            struct vfs_file **out)
{
    struct fault *fault = fault_of(v);
    if (strikes(fault, FAULT_OPEN))
        return fail(fault, "open");
    struct vfs_file *below = NULL;
    tuf_status st = fault->below->open(fault->below, path, flags, &below);
    if (st != TUF_OK)
        return st;
    struct fault_file *file = malloc(sizeof(*file));
    if (!file)
        abort();
    *file = (struct fault_file){ { &fault_file_ops }, fault, below };
    *out = &file->base;
    return TUF_OK;
}

static tuf_status call_rename(const struct tuf_vfs *v, const char *from, const char *to)
{
    struct fault *fault = fault_of(v);
    if (strikes(fault, FAULT_RENAME))
        return fail(fault, "rename");
    return fault->below->rename(fault->below, from, to);
}

static tuf_status call_link(const struct tuf_vfs *v, const char *path, const char *second)
{
    struct fault *fault = fault_of(v);
    if (!fault->below->link)
        return tufi_fail(TUF_E_UNSUPPORTED, "no links below");
    if (strikes(fault, FAULT_LINK))
        return fail(fault, "link");
    return fault->below->link(fault->below, path, second);
}

static tuf_status call_unlink(const struct tuf_vfs *v, const char *path)
{
    struct fault *fault = fault_of(v);
    if (strikes(fault, FAULT_UNLINK))
        return fail(fault, "unlink");
    return fault->below->unlink(fault->below, path);
}

static tuf_status call_sync_dir(const struct tuf_vfs *v, const char *path)
{
    struct fault *fault = fault_of(v);
    if (strikes(fault, FAULT_SYNC_DIR))
        return fail(fault, "sync_dir");
    return fault->below->sync_dir(fault->below, path);
}

static tuf_status call_space(const struct tuf_vfs *v, const char *path, uint64_t *free_out)
{
    struct fault *fault = fault_of(v);
    if (strikes(fault, FAULT_SPACE))
        return fail(fault, "space");
    return fault->below->space(fault->below, path, free_out);
}

static uint64_t call_wall_us(const struct tuf_vfs *v)
{
    return fault_of(v)->below->wall_us(fault_of(v)->below);
}

static uint64_t call_monotonic_us(const struct tuf_vfs *v)
{
    return fault_of(v)->below->monotonic_us(fault_of(v)->below);
}

static tuf_status call_random(const struct tuf_vfs *v, void *buf, size_t len)
{
    struct fault *fault = fault_of(v);
    if (strikes(fault, FAULT_RANDOM))
        return fail(fault, "random");
    return fault->below->random(fault->below, buf, len);
}

struct fault *fault_new(const struct tuf_vfs *below)
{
    struct fault *fault = calloc(1, sizeof(*fault));
    if (!fault)
        abort();
    fault->below = below;
    fault->vfs = (struct tuf_vfs){
        .open = call_open,
        .rename = call_rename,
        .link = call_link,
        .unlink = call_unlink,
        .sync_dir = call_sync_dir,
        .space = call_space,
        .wall_us = call_wall_us,
        .monotonic_us = call_monotonic_us,
        .random = call_random,
        .self = fault,
    };
    return fault;
}

void fault_free(struct fault **fault)
{
    free(*fault);
    *fault = NULL;
}

const struct tuf_vfs *fault_vfs(struct fault *fault)
{
    return &fault->vfs;
}

void fault_set(struct fault *fault, const struct fault_plan *plan)
{
    fault->plan = plan ? *plan : (struct fault_plan){ 0 };
    memset(fault->calls, 0, sizeof(fault->calls));
    fault->hits = 0;
}

void fault_hold(struct fault *fault, bool on)
{
    fault->held = on;
}

void fault_rebase(struct fault *fault, const struct tuf_vfs *below)
{
    fault->below = below;
}

uint64_t fault_calls(const struct fault *fault, enum fault_kind kind)
{
    return fault->calls[kind];
}

uint64_t fault_hits(const struct fault *fault)
{
    return fault->hits;
}

void fault_describe(char *out, size_t size, const struct fault_plan *plan)
{
    snprintf(out, size, "%s#%llu%s:errno=%d,short=%u%s%s", kind_names[plan->kind],
             (unsigned long long)plan->at, plan->sticky ? "+" : "",
             plan->sys_errno ? plan->sys_errno : EIO, plan->short_permille,
             plan->drop ? ",drop" : "", plan->evict ? ",evict" : "");
}
