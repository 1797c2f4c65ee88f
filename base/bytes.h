/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the sticky reader and writer of encoded bytes: big-endian fixed widths and LEB128 varints.
 *
 * INV-BY-1: a read past the end sets `bad`, yields zeros and empty slices, and never moves past
 *           the end.
 * A writer is a struct buf (base/buf.h), whose error sticks too.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include "base/buf.h"
#include "base/slice.h"

struct reader {
    const uint8_t *pos;
    const uint8_t *end;
    bool bad;
};

static inline struct reader reader_of(tuf_slice s)
{
    /* An empty slice may have no address, and NULL + 0 is not defined in C. */
    struct reader r = { s.data, s.len > 0 ? s.data + s.len : s.data, false };
    return r;
}

static inline size_t reader_left(const struct reader *r)
{
    return (size_t)(r->end - r->pos);
}

/* Borrowed bytes, or an empty slice and bad. */
static inline tuf_slice read_bytes(struct reader *r, uint64_t len)
{
    if (r->bad || len > reader_left(r)) {
        r->bad = true;
        return tuf_slice_of(NULL, 0);
    }
    tuf_slice s = tuf_slice_of(r->pos, (size_t)len);
    r->pos += (size_t)len;
    return s;
}

static inline uint8_t read_u8(struct reader *r)
{
    if (r->bad || r->pos == r->end) {
        r->bad = true;
        return 0;
    }
    return *r->pos++;
}

static inline uint16_t get_be16(const uint8_t *p)
{
    return (uint16_t)((uint16_t)p[0] << 8 | p[1]);
}

static inline uint32_t get_be32(const uint8_t *p)
{
    /* Callers have four bytes. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t get_be64(const uint8_t *p)
{
    return (uint64_t)get_be32(p) << 32 | get_be32(p + 4);
}

static inline void put_be16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void put_be32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

static inline void put_be64(uint8_t *p, uint64_t v)
{
    put_be32(p, (uint32_t)(v >> 32));
    put_be32(p + 4, (uint32_t)v);
}

static inline uint16_t read_be16(struct reader *r)
{
    tuf_slice s = read_bytes(r, 2);
    return r->bad ? 0 : get_be16(s.data);
}

static inline uint32_t read_be32(struct reader *r)
{
    tuf_slice s = read_bytes(r, 4);
    return r->bad ? 0 : get_be32(s.data);
}

static inline uint64_t read_be64(struct reader *r)
{
    tuf_slice s = read_bytes(r, 8);
    return r->bad ? 0 : get_be64(s.data);
}

/* LEB128, at most 10 bytes, no overlong form of the last byte beyond 64 bits. */
static inline uint64_t read_varint(struct reader *r)
{
    if (!r->bad && r->pos != r->end && *r->pos < 0x80) /* most of them are one byte */
        return *r->pos++;
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = read_u8(r);
        if (r->bad || (shift == 63 && byte > 1))
            break;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    r->bad = true;
    return 0;
}

/* A varint length followed by that many bytes. */
static inline tuf_slice read_sized(struct reader *r)
{
    return read_bytes(r, read_varint(r));
}

#define VARINT_SIZE_MAX 10

/* Returns the bytes written, at most VARINT_SIZE_MAX. */
static inline size_t put_varint(uint8_t *p, uint64_t value)
{
    size_t len = 0;
    while (value >= 0x80) {
        p[len++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    p[len++] = (uint8_t)value;
    return len;
}

static inline size_t varint_size(uint64_t value)
{
    size_t len = 1;
    for (; value >= 0x80; value >>= 7)
        len++;
    return len;
}

static inline void write_varint(struct buf *b, uint64_t value)
{
    uint8_t bytes[VARINT_SIZE_MAX];
    tufi_buf_append(b, bytes, put_varint(bytes, value));
}

static inline void write_sized(struct buf *b, tuf_slice s)
{
    write_varint(b, s.len);
    tufi_buf_append(b, s.data, s.len);
}

static inline void write_be16(struct buf *b, uint16_t v)
{
    uint8_t bytes[2];
    put_be16(bytes, v);
    tufi_buf_append(b, bytes, sizeof(bytes));
}

static inline void write_be32(struct buf *b, uint32_t v)
{
    uint8_t bytes[4];
    put_be32(bytes, v);
    tufi_buf_append(b, bytes, sizeof(bytes));
}

static inline void write_be64(struct buf *b, uint64_t v)
{
    uint8_t bytes[8];
    put_be64(bytes, v);
    tufi_buf_append(b, bytes, sizeof(bytes));
}

#endif
