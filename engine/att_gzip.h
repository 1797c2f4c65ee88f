/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: gzip as streams, in constant memory.
 *
 * Compressed bytes decide attachment digests and with them revision ids, so they have to be the
 * ones CouchDB writes: zlib's deflate with window bits 31 (a gzip header without name or time),
 * memory level 8, default strategy, fed without flushes. They do not depend on how the input is
 * cut, but on the zlib they are made with and on the operating system (byte 9 of the header).
 *
 * INV-GZ-1: all memory of zlib comes from base/alloc.h.
 */
#ifndef ENGINE_ATT_GZIP_H
#define ENGINE_ATT_GZIP_H

#include <zlib.h>

#include "tuffet/types.h"

/* Takes the next output bytes. */
typedef tuf_status gzip_sink(void *ctx, tuf_slice bytes);

struct gzip_writer {
    z_stream z;
    bool open;
};

#define GZIP_WRITER_INIT                                                                           \
    {                                                                                              \
        0                                                                                          \
    }

/* level 1..9. Returns TUF_OK; E_NOMEM. */
tuf_status tufi_gzip_writer_init(struct gzip_writer *g, int level);
void tufi_gzip_writer_release(struct gzip_writer *g);
/* Compresses more bytes; `last` ends the stream. Returns what the sink returned; E_INTERNAL. */
tuf_status tufi_gzip_write(struct gzip_writer *g, tuf_slice bytes, bool last, gzip_sink *sink,
                           void *ctx);

struct gzip_reader {
    z_stream z;
    bool open;
    bool inside; /* a member began and has not ended */
};

#define GZIP_READER_INIT                                                                           \
    {                                                                                              \
        0                                                                                          \
    }

tuf_status tufi_gzip_reader_init(struct gzip_reader *g);
void tufi_gzip_reader_release(struct gzip_reader *g);

/*
 * Decompresses from `in` to `out` until one of them is used up. Members that follow each other are
 * one stream.
 *   used_out   bytes taken from in
 *   made_out   bytes put to out
 * Returns: TUF_OK; E_INVALID (kind "bad_request": not gzip); E_NOMEM.
 */
tuf_status tufi_gzip_read(size_t *used_out, size_t *made_out, struct gzip_reader *g, tuf_slice in,
                          void *out, size_t size);

/* Whether the input may end here. Returns TUF_OK; E_INVALID (kind "bad_request"). */
tuf_status tufi_gzip_reader_finish(const struct gzip_reader *g);

#endif
