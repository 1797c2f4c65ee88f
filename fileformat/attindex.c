/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: codec of the chunk index (fileformat/attindex.h).
 */
#include "fileformat/attindex.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"

#define OFFS_CAP_MIN 16

static_assert(ATT_CHUNK_SIZE <= ATTINDEX_CHUNK_SIZE_MAX, "what is written can be read");

void tufi_attindex_release(struct att_index *x)
{
    tufi_free(x->offs);
    *x = (struct att_index)ATT_INDEX_INIT;
}

tuf_status tufi_attindex_push(struct att_index *x, uint64_t off)
{
    if (x->count == ATTINDEX_COUNT_MAX)
        return tufi_fail(TUF_E_LIMIT, "an attachment of more than %u chunks", ATTINDEX_COUNT_MAX);
    if (x->count == x->cap) {
        size_t cap = max_size(x->cap * 2, OFFS_CAP_MIN);
        uint64_t *offs = tufi_realloc(x->offs, cap * sizeof(*offs));
        if (!offs)
            return tufi_nomem();
        x->offs = offs;
        x->cap = cap;
    }
    x->offs[x->count++] = off;
    return TUF_OK;
}

void tufi_attindex_encode(struct buf *out, const struct att_index *x)
{
    tuf_assert(x->chunk_size > 0);
    tuf_assert(x->chunk_size <= ATTINDEX_CHUNK_SIZE_MAX);
    tuf_assert(x->count > 0);
    tuf_assert(attindex_chunk_count(x->total, x->chunk_size) == x->count);
    write_varint(out, x->chunk_size);
    write_varint(out, x->total);
    write_varint(out, x->offs[0]);
    for (size_t i = 1; i < x->count; i++) {
        tuf_assert(x->offs[i] > x->offs[i - 1] + x->chunk_size); /* INV-AI-1 */
        write_varint(out, x->offs[i] - x->offs[i - 1] - x->chunk_size);
    }
}

/* A varint in its shortest form only (INV-AI-2). */
static uint64_t read_short_varint(struct reader *r)
{
    const uint8_t *start = r->pos;
    uint64_t value = read_varint(r);
    if (!r->bad && (size_t)(r->pos - start) != varint_size(value))
        r->bad = true;
    return value;
}

static tuf_status decode_offs(struct att_index *x, struct reader *r, size_t count,
                              uint64_t base_off)
{
    x->offs = tufi_alloc_array(count, sizeof(*x->offs));
    if (!x->offs)
        return tufi_nomem();
    x->cap = count;
    uint64_t off = read_short_varint(r);
    for (;;) {
        uint64_t end;
        if (r->bad || !add_ok(&end, off, x->chunk_size))
            return tufi_corrupt(base_off, "chunk %zu of an attachment index is invalid", x->count);
        x->offs[x->count++] = off;
        if (x->count == count)
            return TUF_OK;
        uint64_t gap = read_short_varint(r);
        if (r->bad || gap == 0 || !add_ok(&off, end, gap))
            return tufi_corrupt(base_off, "chunk %zu of an attachment index is invalid", x->count);
    }
}

static tuf_status decode_index(struct att_index *x, tuf_slice bytes, uint64_t base_off)
{
    struct reader r = reader_of(bytes);
    uint64_t chunk_size = read_short_varint(&r);
    x->total = read_short_varint(&r);
    if (r.bad || chunk_size == 0 || chunk_size > ATTINDEX_CHUNK_SIZE_MAX || x->total == 0)
        return tufi_corrupt(base_off,
                            "attachment index says %" PRIu64 " bytes in chunks of %" PRIu64,
                            x->total, chunk_size);
    x->chunk_size = (uint32_t)chunk_size;
    uint64_t count = attindex_chunk_count(x->total, x->chunk_size);
    /* Each offset takes a byte at least: a total that the bytes cannot hold sizes no allocation. */
    if (count > ATTINDEX_COUNT_MAX || count > reader_left(&r))
        return tufi_corrupt(base_off,
                            "attachment index of %zu bytes cannot have %" PRIu64 " chunks",
                            bytes.len, count);
    tuf_status st = decode_offs(x, &r, (size_t)count, base_off);
    if (st < 0)
        return st;
    if (reader_left(&r) > 0)
        return tufi_corrupt(base_off, "%zu bytes follow an attachment index", reader_left(&r));
    return TUF_OK;
}

tuf_status tufi_attindex_decode(struct att_index *x, tuf_slice bytes, uint64_t base_off)
{
    tufi_attindex_release(x);
    tuf_status st = decode_index(x, bytes, base_off);
    if (st < 0)
        tufi_attindex_release(x);
    return st;
}

struct rec_loc tufi_attindex_chunk(const struct att_index *x, size_t pos)
{
    tuf_assert(pos < x->count);
    struct rec_loc loc = { .off = x->offs[pos], .len = x->chunk_size };
    if (pos + 1 == x->count)
        loc.len = (uint32_t)(x->total - pos * (uint64_t)x->chunk_size);
    return loc;
}
