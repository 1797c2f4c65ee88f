/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: gzip streams on top of zlib (engine/att_gzip.h).
 *
 * zlib counts input and output in unsigned int: larger pieces are passed in parts.
 */
#include "engine/att_gzip.h"

#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"
#include "base/fail.h"

#define WINDOW_BITS_GZIP 31
#define MEMORY_LEVEL 8
#define OUT_SIZE 16384
#define PART_SIZE_MAX ((size_t)1 << 30)

static voidpf take_memory(voidpf ctx, uInt item_count, uInt item_size)
{
    (void)ctx;
    return tufi_alloc_array(item_count, item_size);
}

static void return_memory(voidpf ctx, voidpf memory)
{
    (void)ctx;
    tufi_free(memory);
}

/* zlib's input pointer is not const unless ZLIB_CONST is defined, but it only reads. */
static void set_input(z_stream *z, tuf_slice in)
{
    memcpy(&z->next_in, &in.data, sizeof(in.data));
    z->avail_in = (uInt)in.len;
}

tuf_status tufi_gzip_writer_init(struct gzip_writer *g, int level)
{
    tuf_assert(!g->open);
    *g = (struct gzip_writer){ .z = { .zalloc = take_memory, .zfree = return_memory } };
    int result =
        deflateInit2(&g->z, level, Z_DEFLATED, WINDOW_BITS_GZIP, MEMORY_LEVEL, Z_DEFAULT_STRATEGY);
    if (result != Z_OK)
        return result == Z_MEM_ERROR ? tufi_nomem()
                                     : tufi_fail(TUF_E_INTERNAL, "zlib refuses level %d", level);
    g->open = true;
    return TUF_OK;
}

void tufi_gzip_writer_release(struct gzip_writer *g)
{
    if (g->open)
        deflateEnd(&g->z);
    g->open = false;
}

/* Runs deflate until it wants more input, or with Z_FINISH until it has said everything. */
static tuf_status drain(struct gzip_writer *g, int flush, gzip_sink *sink, void *ctx)
{
    uint8_t out[OUT_SIZE];
    int result = Z_OK;
    do {
        g->z.next_out = out;
        g->z.avail_out = sizeof(out);
        result = deflate(&g->z, flush);
        if (result == Z_STREAM_ERROR)
            return tufi_fail(TUF_E_INTERNAL, "deflate lost its state");
        size_t len = sizeof(out) - g->z.avail_out;
        tuf_status st = len > 0 ? sink(ctx, tuf_slice_of(out, len)) : TUF_OK;
        if (st < 0)
            return st;
    } while (flush == Z_FINISH ? result != Z_STREAM_END : g->z.avail_out == 0);
    tuf_assert(g->z.avail_in == 0);
    return TUF_OK;
}

tuf_status tufi_gzip_write(struct gzip_writer *g, tuf_slice bytes, bool last, gzip_sink *sink,
                           void *ctx)
{
    tuf_assert(g->open);
    while (bytes.len > 0) {
        tuf_slice part = tuf_slice_of(bytes.data, min_size(bytes.len, PART_SIZE_MAX));
        set_input(&g->z, part);
        tuf_status st = drain(g, Z_NO_FLUSH, sink, ctx);
        if (st < 0)
            return st;
        bytes = tuf_slice_of(bytes.data + part.len, bytes.len - part.len);
    }
    return last ? drain(g, Z_FINISH, sink, ctx) : TUF_OK;
}

tuf_status tufi_gzip_reader_init(struct gzip_reader *g)
{
    tuf_assert(!g->open);
    *g = (struct gzip_reader){ .z = { .zalloc = take_memory, .zfree = return_memory } };
    if (inflateInit2(&g->z, WINDOW_BITS_GZIP) != Z_OK)
        return tufi_nomem();
    g->open = true;
    return TUF_OK;
}

void tufi_gzip_reader_release(struct gzip_reader *g)
{
    if (g->open)
        inflateEnd(&g->z);
    g->open = false;
}

static tuf_status fail_inflate(int result, const char *zlib_says)
{
    if (result == Z_MEM_ERROR)
        return tufi_nomem();
    return tufi_fail_kind(TUF_E_INVALID, "bad_request", "attachment is not valid gzip: %s",
                          zlib_says ? zlib_says : "bad data");
}

tuf_status tufi_gzip_read(size_t *used_out, size_t *made_out, struct gzip_reader *g, tuf_slice in,
                          void *out, size_t size)
{
    tuf_assert(g->open);
    size_t in_len = min_size(in.len, PART_SIZE_MAX);
    size_t out_len = min_size(size, PART_SIZE_MAX);
    set_input(&g->z, tuf_slice_of(in.data, in_len));
    g->z.next_out = out;
    g->z.avail_out = (uInt)out_len;
    int result = Z_OK;
    while (g->z.avail_out > 0 && (result == Z_OK || g->z.avail_in > 0)) {
        if (!g->inside) {
            if (g->z.avail_in == 0)
                break;
            inflateReset(&g->z);
            g->inside = true;
        }
        result = inflate(&g->z, Z_NO_FLUSH);
        if (result == Z_BUF_ERROR)
            break; /* no progress without more input */
        if (result != Z_OK && result != Z_STREAM_END)
            return fail_inflate(result, g->z.msg);
        g->inside = result != Z_STREAM_END;
    }
    *used_out = in_len - g->z.avail_in;
    *made_out = out_len - g->z.avail_out;
    return TUF_OK;
}

tuf_status tufi_gzip_reader_finish(const struct gzip_reader *g)
{
    if (g->inside)
        return tufi_fail_kind(TUF_E_INVALID, "bad_request",
                              "attachment is not valid gzip: it ends too early");
    return TUF_OK;
}
