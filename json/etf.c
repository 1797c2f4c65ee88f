/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the Erlang terms of JSON values, byte for byte as CouchDB feeds them to its hash.
 *
 *     array    6a (empty) | 6b u16 bytes (all elements 0..255, up to 65535 of them)
 *              | 6c u32 elements 6a
 *     object   68 01, then a list of pairs 68 02 key value
 *     string   6d u32 bytes          true, false, null   64 u16 name
 *     integer  61 u8 | 62 i32 | 6e u8-length sign bytes | 6f u32-length sign bytes (little-endian)
 *     float    46 and the eight bytes of the double
 *
 * INV-ETF-1: the bytes depend only on the value, not on how it was written (integers, strings).
 * Source: Erlang's external term format, minor version 1 (fileformat/FORMAT.md, "Revision ids").
 * Not here: the walk over the text (canonical.c), the version byte and the outer list
 * (engine/revid.c).
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "json/decimal.h"
#include "json/scan.h"

#define STRING_EXT_COUNT_MAX 65535
#define SMALL_BIG_SIZE_MAX 255

/* The header of a big integer and its magnitude, least significant byte first, without leading
 * zeros. */
static void write_big(struct buf *etf, bool negative, const uint8_t *bytes, size_t len)
{
    tuf_assert(len > 0);
    if (len <= SMALL_BIG_SIZE_MAX) {
        buf_append_u8(etf, 0x6e);
        buf_append_u8(etf, (uint8_t)len);
    } else {
        buf_append_u8(etf, 0x6f);
        write_be32(etf, (uint32_t)len);
    }
    buf_append_u8(etf, negative ? 1 : 0);
    tufi_buf_append(etf, bytes, len);
}

static void put_le64(uint8_t *out, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> 8 * i);
}

/* Bytes without the zeros at the significant end. */
static size_t trimmed_len(const uint8_t *bytes, size_t len)
{
    while (len > 0 && bytes[len - 1] == 0)
        len--;
    return len;
}

static void write_small_magnitude(struct buf *etf, const struct json_number *number)
{
    uint8_t bytes[8];
    put_le64(bytes, number->magnitude);
    write_big(etf, number->negative, bytes, trimmed_len(bytes, sizeof(bytes)));
}

static void write_long_magnitude(struct buf *etf, const struct json_number *number)
{
    TUF_AUTO(tufi_buf_release) struct buf bytes = BUF_INIT;
    size_t sign_len = number->negative ? 1 : 0;
    tufi_decimal_bytes(&bytes,
                       tuf_slice_of(number->text.data + sign_len, number->text.len - sign_len));
    if (bytes.failed)
        etf->failed = true;
    else
        write_big(etf, number->negative, bytes.data, bytes.len);
}

void tufi_etf_integer(struct buf *etf, const struct json_number *number)
{
    uint64_t magnitude = number->magnitude;
    if (!number->is_small) {
        write_long_magnitude(etf, number);
    } else if (!number->negative && magnitude <= 255) {
        uint8_t *p = etf_room(etf, 2);
        if (!p)
            return;
        p[0] = 0x61;
        p[1] = (uint8_t)magnitude;
        etf->len += 2;
    } else if (magnitude <= (uint64_t)INT32_MAX + (number->negative ? 1 : 0)) {
        uint32_t value = (uint32_t)magnitude;
        uint8_t *p = etf_room(etf, 5);
        if (!p)
            return;
        p[0] = 0x62;
        put_be32(p + 1, number->negative ? 0u - value : value);
        etf->len += 5;
    } else {
        write_small_magnitude(etf, number);
    }
}

void tufi_etf_float(struct buf *etf, double value)
{
    uint64_t bits;
    static_assert(sizeof(bits) == sizeof(value), "double is IEEE 754 binary64");
    memcpy(&bits, &value, sizeof(bits));
    uint8_t *p = etf_room(etf, 9);
    if (!p)
        return;
    p[0] = 0x46;
    put_be64(p + 1, bits);
    etf->len += 9;
}

void tufi_etf_atom(struct buf *etf, const char *name, uint16_t len)
{
    uint8_t *p = etf_room(etf, (size_t)len + 3);
    if (!p)
        return;
    p[0] = 0x64;
    put_be16(p + 1, len);
    memcpy(p + 3, name, len);
    etf->len += (size_t)len + 3;
}

void tufi_etf_escaped(struct buf *etf, tuf_slice text)
{
    if (!tufi_buf_reserve(etf, text.len + ETF_LIST_HEADER_SIZE))
        return;
    uint8_t *p = etf->data + etf->len;
    size_t len = tufi_json_unescape(p + ETF_LIST_HEADER_SIZE, text);
    p[0] = 0x6d;
    put_be32(p + 1, (uint32_t)len);
    etf->len += ETF_LIST_HEADER_SIZE + len;
}

/* Turns "6c u32 61 xx 61 xx ..." into "6b u16 xx xx ...". */
static void close_byte_list(struct buf *etf, const struct json_frame *f)
{
    uint8_t *list = etf->data + f->etf_off;
    const uint8_t *elements = list + ETF_LIST_HEADER_SIZE;
    tuf_assert(etf->len == f->etf_off + ETF_LIST_HEADER_SIZE + 2 * f->value_count);
    list[0] = 0x6b;
    put_be16(list + 1, (uint16_t)f->value_count);
    for (size_t i = 0; i < f->value_count; i++)
        list[3 + i] = elements[2 * i + 1];
    etf->len = f->etf_off + 3 + f->value_count;
}

void tufi_etf_close(struct buf *etf, const struct json_frame *f)
{
    if (etf->failed)
        return;
    if (f->value_count == 0) {
        etf->len = f->etf_off;
        buf_append_u8(etf, 0x6a);
        return;
    }
    if (!f->object && f->byte_count == f->value_count && f->value_count <= STRING_EXT_COUNT_MAX) {
        close_byte_list(etf, f);
        return;
    }
    put_be32(etf->data + f->etf_off + 1, (uint32_t)f->value_count);
    buf_append_u8(etf, 0x6a);
}
