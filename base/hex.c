/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: hexadecimal and base64 text (base/hex.h).
 *
 * INV-HEX-1: decoding what was encoded gives the same bytes.
 * Source: RFC 4648. We differ from it in two places, as CouchDB does: the standard alphabet's
 * decoder skips white space, and neither decoder insists that the unused low bits of the last
 * digit are zero.
 */
#include "base/hex.h"

#define XX 0xff /* no digit of the alphabet */

/* Digit values of the ASCII characters; the two alphabets differ in four of them. */
#define DIGIT_VALUES(PLUS, DASH, SLASH, UNDER)                                                     \
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,    \
        XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, PLUS, XX,  \
        DASH, XX, SLASH, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, XX, XX, XX, XX, XX, XX, XX, 0, 1, \
        2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,    \
        XX, XX, XX, XX, UNDER, XX, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, \
        42, 43, 44, 45, 46, 47, 48, 49, 50, 51, XX, XX, XX, XX, XX

static const uint8_t standard_values[128] = { DIGIT_VALUES(62, XX, 63, XX) };
static const uint8_t url_values[128] = { DIGIT_VALUES(XX, 62, XX, 63) };

static const char standard_chars[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void tufi_hex_encode(char *out, const uint8_t *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 15];
    }
}

static uint8_t hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return (uint8_t)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (uint8_t)(c - 'a' + 10);
    if (c >= 'A' && c <= 'F')
        return (uint8_t)(c - 'A' + 10);
    return XX;
}

bool tufi_hex_decode(uint8_t *out, const char *text, size_t len)
{
    if (len % 2 != 0)
        return false;
    for (size_t i = 0; i < len; i += 2) {
        uint8_t high = hex_value(text[i]);
        uint8_t low = hex_value(text[i + 1]);
        if (high == XX || low == XX)
            return false;
        out[i / 2] = (uint8_t)(high << 4 | low);
    }
    return true;
}

size_t tufi_base64_size(size_t len)
{
    return (len + 2) / 3 * 4;
}

/* Writes the digits of up to three bytes; returns how many (one more than the bytes). */
static size_t encode_group(uint8_t out[4], const uint8_t *bytes, size_t len, const char *chars)
{
    uint32_t bits = (uint32_t)bytes[0] << 16;
    if (len > 1)
        bits |= (uint32_t)bytes[1] << 8;
    if (len > 2)
        bits |= bytes[2];
    out[0] = (uint8_t)chars[bits >> 18];
    out[1] = (uint8_t)chars[bits >> 12 & 63];
    out[2] = (uint8_t)chars[bits >> 6 & 63];
    out[3] = (uint8_t)chars[bits & 63];
    return len + 1;
}

static void encode(struct buf *out, tuf_slice data, const char *chars, bool pad)
{
    if (data.len == 0 || !tufi_buf_reserve(out, tufi_base64_size(data.len)))
        return;
    uint8_t *p = out->data + out->len;
    size_t done = 0;
    for (; data.len - done >= 3; done += 3)
        p += encode_group(p, data.data + done, 3, chars);
    if (done < data.len) {
        size_t digit_count = encode_group(p, data.data + done, data.len - done, chars);
        if (pad) {
            memset(p + digit_count, '=', 4 - digit_count);
            digit_count = 4;
        }
        p += digit_count;
    }
    out->len = (size_t)(p - out->data);
}

void tufi_base64_encode(struct buf *out, tuf_slice data)
{
    encode(out, data, standard_chars, true);
}

void tufi_base64url_encode(struct buf *out, tuf_slice data)
{
    encode(out, data, url_chars, false);
}

static uint8_t digit_value(const uint8_t values[128], uint8_t c)
{
    return c < 128 ? values[c] : XX;
}

/* Decodes whole groups of four digits; stops at the first that holds anything else. */
static size_t decode_groups(struct buf *out, tuf_slice text, const uint8_t values[128])
{
    uint8_t *p = out->data + out->len;
    size_t pos = 0;
    for (; text.len - pos >= 4; pos += 4) {
        uint8_t a = digit_value(values, text.data[pos]);
        uint8_t b = digit_value(values, text.data[pos + 1]);
        uint8_t c = digit_value(values, text.data[pos + 2]);
        uint8_t d = digit_value(values, text.data[pos + 3]);
        if ((a | b | c | d) > 63)
            break;
        *p++ = (uint8_t)(a << 2 | b >> 4);
        *p++ = (uint8_t)(b << 4 | c >> 2);
        *p++ = (uint8_t)(c << 6 | d);
    }
    out->len = (size_t)(p - out->data);
    return pos;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct decode_rules {
    const uint8_t *values; /* 128 digit values */
    bool skip_space;
    bool pad_required;
};

/* Decodes what the fast loop left: spaces, padding, the last group. */
static bool decode_rest(struct buf *out, tuf_slice text, const struct decode_rules *rules)
{
    uint32_t bits = 0;
    size_t digit_count = 0; /* of the group under way */
    size_t pad_count = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (rules->skip_space && is_space(c))
            continue;
        if (c == '=') {
            pad_count++;
            continue;
        }
        uint8_t value = digit_value(rules->values, c);
        if (value == XX || pad_count > 0)
            return false;
        bits = bits << 6 | value;
        if (++digit_count == 4) {
            const uint8_t bytes[3] = { (uint8_t)(bits >> 16), (uint8_t)(bits >> 8), (uint8_t)bits };
            tufi_buf_append(out, bytes, sizeof(bytes));
            digit_count = 0;
        }
    }
    if (digit_count == 1 || (digit_count == 0 && pad_count > 0))
        return false;
    if (digit_count > 0 && pad_count != 4 - digit_count && (rules->pad_required || pad_count > 0))
        return false;
    if (digit_count == 2)
        buf_append_u8(out, (uint8_t)(bits >> 4));
    if (digit_count == 3) {
        buf_append_u8(out, (uint8_t)(bits >> 10));
        buf_append_u8(out, (uint8_t)(bits >> 2));
    }
    return !out->failed;
}

static bool decode(struct buf *out, tuf_slice text, const struct decode_rules *rules)
{
    if (!tufi_buf_reserve(out, text.len / 4 * 3 + 3))
        return false;
    size_t done = decode_groups(out, text, rules->values);
    return decode_rest(out, tuf_slice_of(text.data + done, text.len - done), rules);
}

bool tufi_base64_decode(struct buf *out, tuf_slice text)
{
    static const struct decode_rules rules = { standard_values, true, true };
    return text.len == 0 || decode(out, text, &rules);
}

bool tufi_base64url_decode(struct buf *out, tuf_slice text)
{
    static const struct decode_rules rules = { url_values, false, false };
    return text.len == 0 || decode(out, text, &rules);
}
