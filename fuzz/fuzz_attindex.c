/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: fuzz the chunk index of attachments: what is accepted describes chunks that fill the
 * attachment without overlapping, and is the one encoding of what it means.
 */
#include <stdint.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "fileformat/attindex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_chunks(const struct att_index *x)
{
    uint64_t sum = 0;
    uint64_t end = 0;
    for (size_t i = 0; i < x->count; i++) {
        struct rec_loc loc = tufi_attindex_chunk(x, i);
        tuf_assert(loc.len > 0);
        tuf_assert(loc.len <= x->chunk_size);
        tuf_assert(i == 0 || loc.off > end);
        tuf_assert(loc.off <= UINT64_MAX - loc.len);
        end = loc.off + loc.len;
        sum += loc.len;
    }
    tuf_assert(sum == x->total);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    TUF_AUTO(tufi_attindex_release) struct att_index x = ATT_INDEX_INIT;
    TUF_AUTO(tufi_buf_release) struct buf again = BUF_INIT;
    if (tufi_attindex_decode(&x, tuf_slice_of(data, size), 0) != TUF_OK) {
        tuf_assert(x.count == 0);
        return 0;
    }
    check_chunks(&x);
    tufi_attindex_encode(&again, &x);
    tuf_assert(slice_equal(tuf_slice_of(data, size), buf_slice(&again))); /* INV-AI-2 */
    return 0;
}
