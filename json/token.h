/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the tokens of JSON text, for the scanners of this folder: where a string's plain part ends,
 * one escape, one UTF-8 sequence, one number.
 *
 * INV-TOK-1: no function reads at or behind `end`.
 * Source: RFC 8259, RFC 3629.
 * Not here: structure (canonical.c keeps and rewrites, skip.c only checks).
 */
#ifndef JSON_TOKEN_H
#define JSON_TOKEN_H

#include "base/buf.h"
#include "json/docscan.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* Bytes that a vector step may write behind what it copies. */
#define JSON_COPY_SLACK 16

/* Text under the scanner. */
struct cursor {
    const uint8_t *pos;
    const uint8_t *end;
};

/* Every refusal of malformed text: E_INVALID in CouchDB's words. */
tuf_status tufi_json_invalid(void) __attribute__((cold));

struct json_number {
    tuf_slice text; /* as written */
    bool negative;
    bool is_float;      /* has a fraction or an exponent */
    bool is_small;      /* an integer whose magnitude fits `magnitude` */
    size_t digit_count; /* of an integer */
    uint64_t magnitude; /* of a small integer */
    double value;       /* of a float */
};

/*
 * Reads the number at the cursor.
 * Returns: TUF_OK; E_INVALID (also for a float beyond the range of a double); E_NOMEM.
 */
tuf_status tufi_json_number(struct json_number *out, struct cursor *c);

/* One escape, `pos` at its backslash; moves behind it. Returns UINT32_MAX if it is malformed. */
uint32_t tufi_json_escape(struct cursor *c);

/* Length of the UTF-8 sequence at pos (whose first byte is >= 0x80), 0 if it is malformed. */
size_t tufi_utf8_sequence_len(const uint8_t *pos, const uint8_t *end);

/* Writes a code point that is no surrogate; returns the bytes written, at most 4. */
size_t tufi_utf8_encode(uint8_t *out, uint32_t code);

/* Writes a character that must be escaped as canonical text writes it; returns the bytes, at most
 * 6. */
size_t tufi_json_write_escape(uint8_t *out, uint32_t code);

/* Moves behind the literal if it is there. */
bool tufi_json_literal(struct cursor *c, const char *text, size_t len);

/* Checks the string at the cursor (at its quote) and moves behind it; sets *escaped if it holds a
 * backslash. */
tuf_status tufi_json_skip_string(struct cursor *c, bool *escaped);

/* Checks the value at the cursor and moves behind it. */
tuf_status tufi_json_skip_value(struct cursor *c);
/* The same, and tells a watch (NULL: none) how far it has come. */
tuf_status tufi_json_skip_watched(struct cursor *c, const struct json_watch *watch);

/*
 * The content of a string literal that is known to be well-formed, quotes included in `raw`.
 * Without escapes it is a part of `raw`, otherwise it is made in the arena.
 * Returns: TUF_OK; E_NOMEM.
 */
tuf_status tufi_json_string_content(tuf_slice *out, tuf_slice raw, struct arena *arena);

/* Unescapes well-formed text between quotes into out (raw.len bytes are enough); returns the
 * bytes written. */
size_t tufi_json_unescape(uint8_t *out, tuf_slice raw);

/* Over a text whose data may be NULL if it is empty. */
static inline struct cursor cursor_of(tuf_slice text)
{
    static const uint8_t nothing[1];
    const uint8_t *start = text.len > 0 ? text.data : nothing;
    return (struct cursor){ start, start + text.len };
}

static inline bool json_space(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Skips white space; returns the character there, 0 at the end (0 is valid nowhere). */
static inline uint8_t cursor_peek(struct cursor *c)
{
    while (c->pos < c->end) {
        if (*c->pos > ' ' || !json_space(*c->pos))
            return *c->pos;
        c->pos++;
    }
    return 0;
}

/* Whether a byte ends the plain part of a string: quote, backslash, control, not ASCII. */
static inline bool json_special(uint8_t c)
{
    return c < 0x20 || c >= 0x80 || c == '"' || c == '\\';
}

#if defined(__SSE2__)
/* One bit for each of 16 bytes that is special. The signed comparison catches bytes above 0x7f
 * together with the controls. */
static inline unsigned json_special_mask(__m128i bytes)
{
    __m128i low = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
    __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    __m128i slash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(low, _mm_or_si128(quote, slash)));
}
#else
/* The lowest set bit is at bit 7 of the first special byte (in memory order, little-endian); 0 if
 * all eight are plain. A byte behind the first may be reported wrongly, never the first. */
static inline uint64_t json_special_word(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t highs = ones * 0x80;
    uint64_t quote = word ^ (ones * '"');
    uint64_t slash = word ^ (ones * '\\');
    uint64_t found = (word - ones * 0x20) | word | (quote - ones) | (slash - ones);
    return found & highs;
}
#endif

/* Copies up to a block of plain bytes. True if it stopped at a special one; false if there is more
 * plain text, or too little text left to look at a block. */
static inline bool json_copy_block(uint8_t **out, struct cursor *c)
{
#if defined(__SSE2__)
    if (c->end - c->pos < 16)
        return false;
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)c->pos);
    _mm_storeu_si128((__m128i *)(void *)*out, bytes);
    unsigned mask = json_special_mask(bytes);
    size_t step = mask != 0 ? (size_t)__builtin_ctz(mask) : 16;
    c->pos += step;
    *out += step;
    return mask != 0;
#else
    (void)out;
    (void)c;
    return false;
#endif
}

/* Copies the plain part of a string; out needs JSON_COPY_SLACK bytes more than are copied. Both
 * positions are moved. */
static inline void json_copy_plain(uint8_t **out, struct cursor *c)
{
    const uint8_t *p = c->pos;
    uint8_t *o = *out;
#if defined(__SSE2__)
    while (c->end - p >= 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
        _mm_storeu_si128((__m128i *)(void *)o, bytes);
        unsigned mask = json_special_mask(bytes);
        size_t step = mask != 0 ? (size_t)__builtin_ctz(mask) : 16;
        p += step;
        o += step;
        if (mask != 0) {
            c->pos = p;
            *out = o;
            return;
        }
    }
#else
    while (c->end - p >= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        if (json_special_word(word) != 0)
            break;
        memcpy(o, &word, 8);
        p += 8;
        o += 8;
    }
#endif
    while (p < c->end && !json_special(*p))
        *o++ = *p++;
    c->pos = p;
    *out = o;
}

/* Moves behind the plain part of a string. */
static inline void json_skip_plain(struct cursor *c)
{
    const uint8_t *p = c->pos;
#if defined(__SSE2__)
    for (; c->end - p >= 16; p += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
        unsigned mask = json_special_mask(bytes);
        if (mask != 0) {
            c->pos = p + __builtin_ctz(mask);
            return;
        }
    }
#else
    for (; c->end - p >= 8; p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        if (json_special_word(word) != 0)
            break;
    }
#endif
    while (p < c->end && !json_special(*p))
        p++;
    c->pos = p;
}

#endif
