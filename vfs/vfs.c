/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the calls that every file shares, whatever its implementation.
 *
 * Not here: the implementations (posix.c, memory.c).
 */
#include "vfs/vfs.h"

#include <inttypes.h>

#include "base/fail.h"

tuf_status tufi_vfs_read_exact(struct vfs_file *f, void *buf, size_t len, uint64_t off)
{
    size_t got = 0;
    tuf_status st = f->ops->pread(f, buf, len, off, &got);
    if (st < 0)
        return st;
    if (got < len)
        return tufi_corrupt(off, "file ends %zu bytes into %zu bytes at %" PRIu64, got, len, off);
    return TUF_OK;
}

tuf_status tufi_vfs_write(struct vfs_file *f, const void *data, size_t len, uint64_t off)
{
    /* The cast drops const: pwritev only reads, but struct iovec is shared with readv. */
    struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = len };
    return f->ops->pwritev(f, &iov, 1, off);
}
