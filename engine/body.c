/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: compress and decompress document bodies.
 *
 * INV-BODY-1: what comes out of unpacking has exactly the length that the record states.
 */
#include <snappy-c.h>
#include <zlib.h>

#include "engine/db.h"

/* Below this a body rarely shrinks, and the record's other fields outweigh the gain. */
#define PACK_SIZE_MIN 96
#define ZLIB_LEVEL 6

static tuf_status pack_snappy(struct buf *out, bool *smaller, tuf_slice body)
{
    size_t size = snappy_max_compressed_length(body.len);
    if (!tufi_buf_reserve(out, size))
        return tufi_nomem();
    snappy_status result = snappy_compress((const char *)body.data, body.len,
                                           (char *)out->data + out->len, &size);
    *smaller = result == SNAPPY_OK && size < body.len;
    if (*smaller)
        out->len += size;
    return TUF_OK;
}

static tuf_status pack_zlib(struct buf *out, bool *smaller, tuf_slice body)
{
    uLongf size = compressBound(body.len);
    if (!tufi_buf_reserve(out, size))
        return tufi_nomem();
    int result = compress2(out->data + out->len, &size, body.data, body.len, ZLIB_LEVEL);
    *smaller = result == Z_OK && size < body.len;
    if (*smaller)
        out->len += size;
    return TUF_OK;
}

tuf_status tufi_body_pack(struct buf *out, enum body_codec *codec_out, tuf_slice body,
                          unsigned compression)
{
    bool smaller = false;
    tuf_status st = TUF_OK;
    if (body.len >= PACK_SIZE_MIN && compression == TUF_COMPRESS_SNAPPY)
        st = pack_snappy(out, &smaller, body);
    else if (body.len >= PACK_SIZE_MIN && compression == TUF_COMPRESS_ZLIB)
        st = pack_zlib(out, &smaller, body);
    if (st < 0)
        return st;
    if (smaller) {
        *codec_out = compression == TUF_COMPRESS_ZLIB ? BODY_ZLIB : BODY_SNAPPY;
        return TUF_OK;
    }
    *codec_out = BODY_PLAIN;
    buf_append_slice(out, body);
    return buf_status(out);
}

static bool unpack_snappy(uint8_t *out, size_t body_len, tuf_slice stored)
{
    size_t len = 0;
    const char *in = (const char *)stored.data;
    if (snappy_uncompressed_length(in, stored.len, &len) != SNAPPY_OK || len != body_len)
        return false;
    return snappy_uncompress(in, stored.len, (char *)out, &len) == SNAPPY_OK && len == body_len;
}

static bool unpack_zlib(uint8_t *out, size_t body_len, tuf_slice stored)
{
    uLongf len = body_len;
    return uncompress(out, &len, stored.data, stored.len) == Z_OK && len == body_len;
}

tuf_status tufi_body_unpack(struct buf *out, enum body_codec codec, tuf_slice stored,
                            uint64_t body_len, uint64_t off)
{
    /* Checksums are right at this point, but a hostile file can have right checksums. */
    if (body_len > RECORD_SIZE_MAX)
        return tufi_corrupt(off, "body says %llu bytes", (unsigned long long)body_len);
    if (!tufi_buf_reserve(out, (size_t)body_len + 1))
        return tufi_nomem();
    uint8_t *room = out->data + out->len;
    bool good = false;
    switch (codec) {
    case BODY_PLAIN:
        good = stored.len == body_len;
        if (good && stored.len > 0)
            memcpy(room, stored.data, stored.len);
        break;
    case BODY_SNAPPY:
        good = unpack_snappy(room, (size_t)body_len, stored);
        break;
    case BODY_ZLIB:
        good = unpack_zlib(room, (size_t)body_len, stored);
        break;
    }
    if (!good)
        return tufi_corrupt(off, "body does not decompress to %llu bytes",
                            (unsigned long long)body_len);
    out->len += (size_t)body_len;
    return TUF_OK;
}
