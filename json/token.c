/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: strings, escapes and UTF-8 of JSON text (json/token.h).
 *
 * INV-TOK-2: what is accepted decodes to valid UTF-8: no surrogates, no overlong forms.
 * Source: RFC 8259 section 7, RFC 3629 section 4.
 * Not here: numbers (number.c).
 */
#include "json/token.h"

#include <inttypes.h>

#include "base/assert.h"

#define CODE_BAD UINT32_MAX

tuf_status tufi_json_invalid(void)
{
    return tufi_fail_kind(TUF_E_INVALID, "bad_request", "invalid UTF-8 JSON");
}

size_t tufi_utf8_sequence_len(const uint8_t *pos, const uint8_t *end)
{
    size_t left = (size_t)(end - pos);
    uint8_t first = pos[0];
    if (first < 0xc2 || first > 0xf4)
        return 0;
    size_t len = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (left < len || (pos[1] & 0xc0) != 0x80)
        return 0;
    if (len == 2)
        return 2;
    /* The second byte is narrower where a shorter form, a surrogate or a code point above
     * U+10FFFF would fit. */
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (pos[1] < low || pos[1] > high || (pos[2] & 0xc0) != 0x80)
        return 0;
    return len == 3 || (pos[3] & 0xc0) == 0x80 ? len : 0;
}

bool tufi_utf8_valid(tuf_slice text)
{
    struct cursor c = cursor_of(text);
    while (c.pos < c.end) {
        size_t len = *c.pos < 0x80 ? 1 : tufi_utf8_sequence_len(c.pos, c.end);
        if (len == 0)
            return false;
        c.pos += len;
    }
    return true;
}

size_t tufi_utf8_encode(uint8_t *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (uint8_t)(0xc0 | code >> 6);
        out[1] = (uint8_t)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (uint8_t)(0xe0 | code >> 12);
        out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (code & 0x3f));
        return 3;
    }
    tuf_assert(code <= 0x10ffff);
    out[0] = (uint8_t)(0xf0 | code >> 18);
    out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (code & 0x3f));
    return 4;
}

/* Four hexadecimal digits; moves behind them. */
static uint32_t read_hex4(struct cursor *c)
{
    if (c->end - c->pos < 4)
        return CODE_BAD;
    uint32_t code = 0;
    for (size_t i = 0; i < 4; i++) {
        uint8_t digit = c->pos[i];
        uint8_t lower = digit | 0x20;
        if (digit >= '0' && digit <= '9')
            code = code << 4 | (uint32_t)(digit - '0');
        else if (lower >= 'a' && lower <= 'f')
            code = code << 4 | (uint32_t)(lower - 'a' + 10);
        else
            return CODE_BAD;
    }
    c->pos += 4;
    return code;
}

/* Behind "\u": one code unit, or two if the first is a high surrogate. */
static uint32_t read_unicode_escape(struct cursor *c)
{
    uint32_t high = read_hex4(c);
    if (high == CODE_BAD || high < 0xd800 || high > 0xdfff)
        return high;
    if (high >= 0xdc00 || c->end - c->pos < 2 || c->pos[0] != '\\' || c->pos[1] != 'u')
        return CODE_BAD;
    c->pos += 2;
    uint32_t low = read_hex4(c);
    if (low < 0xdc00 || low > 0xdfff)
        return CODE_BAD;
    return 0x10000 + ((high & 0x3ff) << 10 | (low & 0x3ff));
}

uint32_t tufi_json_escape(struct cursor *c)
{
    if (c->end - c->pos < 2)
        return CODE_BAD;
    uint8_t kind = c->pos[1];
    c->pos += 2;
    switch (kind) {
    case '"':
    case '\\':
    case '/':
        return kind;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'u':
        return read_unicode_escape(c);
    default:
        return CODE_BAD;
    }
}

/* The letter behind the backslash, 0 if the character has no short escape. */
static uint8_t short_escape(uint32_t code)
{
    switch (code) {
    case '"':
    case '\\':
        return (uint8_t)code;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

size_t tufi_json_write_escape(uint8_t *out, uint32_t code)
{
    static const char digits[] = "0123456789ABCDEF";
    uint8_t letter = short_escape(code);
    tuf_assert(letter != 0 || code < 0x20);
    out[0] = '\\';
    if (letter != 0) {
        out[1] = letter;
        return 2;
    }
    out[1] = 'u';
    out[2] = '0';
    out[3] = '0';
    out[4] = (uint8_t)digits[code >> 4];
    out[5] = (uint8_t)digits[code & 15];
    return 6;
}

bool tufi_json_literal(struct cursor *c, const char *text, size_t len)
{
    if ((size_t)(c->end - c->pos) < len || memcmp(c->pos, text, len) != 0)
        return false;
    c->pos += len;
    return true;
}

tuf_status tufi_json_skip_string(struct cursor *c, bool *escaped)
{
    c->pos++;
    for (;;) {
        json_skip_plain(c);
        if (c->pos == c->end || *c->pos < 0x20)
            return tufi_json_invalid();
        if (*c->pos == '"') {
            c->pos++;
            return TUF_OK;
        }
        if (*c->pos == '\\') {
            *escaped = true;
            if (tufi_json_escape(c) == CODE_BAD)
                return tufi_json_invalid();
            continue;
        }
        size_t len = tufi_utf8_sequence_len(c->pos, c->end);
        if (len == 0)
            return tufi_json_invalid();
        c->pos += len;
    }
}

size_t tufi_json_unescape(uint8_t *out, tuf_slice raw)
{
    uint8_t *o = out;
    struct cursor c = cursor_of(raw);
    while (c.pos < c.end) {
        size_t left = (size_t)(c.end - c.pos);
        const uint8_t *slash = memchr(c.pos, '\\', left);
        size_t plain = slash ? (size_t)(slash - c.pos) : left;
        memcpy(o, c.pos, plain);
        o += plain;
        c.pos += plain;
        if (c.pos == c.end)
            break;
        uint32_t code = tufi_json_escape(&c);
        tuf_assert(code != CODE_BAD);
        o += tufi_utf8_encode(o, code);
    }
    return (size_t)(o - out);
}

tuf_status tufi_json_string_content(tuf_slice *out, tuf_slice raw, struct arena *arena)
{
    tuf_assert(raw.len >= 2);
    tuf_slice inner = tuf_slice_of(raw.data + 1, raw.len - 2);
    if (!memchr(inner.data, '\\', inner.len)) {
        *out = inner;
        return TUF_OK;
    }
    uint8_t *decoded = tufi_arena_alloc(arena, inner.len);
    if (!decoded)
        return tufi_nomem();
    *out = tuf_slice_of(decoded, tufi_json_unescape(decoded, inner));
    return TUF_OK;
}

void tufi_json_write_string(struct buf *out, tuf_slice text)
{
    buf_append_u8(out, '"');
    size_t plain_pos = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        uint8_t escape[6];
        size_t escape_len = tufi_json_write_escape(escape, c);
        tufi_buf_append(out, text.data + plain_pos, i - plain_pos);
        tufi_buf_append(out, escape, escape_len);
        plain_pos = i + 1;
    }
    tufi_buf_append(out, text.data + plain_pos, text.len - plain_pos);
    buf_append_u8(out, '"');
}

void tufi_json_write_rev(struct buf *out, tuf_rev rev)
{
    char text[TUF_REV_TEXT_SIZE];
    size_t len = tuf_rev_format(text, rev);
    tufi_json_write_string(out, tuf_slice_of(text, len));
}

void tufi_json_write_rev_id(struct buf *out, tuf_rev rev)
{
    char text[TUF_REV_TEXT_SIZE];
    size_t len = tuf_rev_format(text, rev);
    const char *dash = memchr(text, '-', len);
    tuf_assert(dash != NULL); /* every revision is formatted with one */
    tufi_json_write_string(out, tuf_slice_of(dash + 1, len - (size_t)(dash + 1 - text)));
}

void tufi_json_write_revisions(struct buf *out, const tuf_rev_entry *entries, size_t count)
{
    if (count == 0)
        return;
    tufi_buf_printf(out, ",\"_revisions\":{\"start\":%" PRIu64 ",\"ids\":[", entries[0].rev.gen);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append_u8(out, ',');
        tufi_json_write_rev_id(out, entries[i].rev);
    }
    buf_append_str(out, "]}");
}
