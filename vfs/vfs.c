/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the calls that every file shares, whatever its implementation.
 *
 * Not here: the implementations (posix.c, memory.c).
 */
#include "vfs/vfs.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/fail.h"

#define COPY_BLOCK_SIZE ((size_t)1 << 20)

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

static tuf_status read_and_write(struct vfs_file *to, struct vfs_file *from, uint64_t off,
                                 uint64_t len)
{
    size_t size = (size_t)min_u64(len, COPY_BLOCK_SIZE);
    TUF_AUTOFREE uint8_t *block = tufi_alloc(max_size(size, 1));
    if (!block)
        return tufi_nomem();
    for (uint64_t done = 0; done < len;) {
        size_t part = (size_t)min_u64(len - done, size);
        tuf_status st = tufi_vfs_read_exact(from, block, part, off + done);
        if (st == TUF_OK)
            st = tufi_vfs_write(to, block, part, off + done);
        if (st < 0)
            return st;
        done += part;
    }
    return TUF_OK;
}

tuf_status tufi_vfs_copy(struct vfs_file *to, struct vfs_file *from, uint64_t off, uint64_t len)
{
    tuf_status st = TUF_E_UNSUPPORTED;
    if (len > 0 && to->ops == from->ops && to->ops->copy)
        st = to->ops->copy(to, from, off, len);
    return st == TUF_E_UNSUPPORTED ? read_and_write(to, from, off, len) : st;
}
