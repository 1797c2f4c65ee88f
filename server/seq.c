/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: writes and reads sequence strings.
 *
 * Invariants: see server/seq.h. A token is compared in full before its number is believed.
 * Source: server/seq.h.
 * Not here: the sequences themselves (engine).
 */
#include "server/seq.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "server/params.h"

#define TOKEN_LEN (SEQ_TOKEN_SIZE - 1)
#define TOKEN_MARK "t1"
/* The shortest opaque part a CouchDB makes is about 40 characters; shorter text is no sequence. */
#define COUCH_OPAQUE_LEN_MIN 24

static const char url_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void seq_token_of(struct seq_token *out, const uint8_t uuid[16])
{
    memcpy(out->text, TOKEN_MARK, 2);
    char *pos = out->text + 2;
    for (size_t i = 0; i < 6; i += 3) {
        uint32_t bits = (uint32_t)uuid[i] << 16 | (uint32_t)uuid[i + 1] << 8 | uuid[i + 2];
        for (unsigned shift = 24; shift > 0; shift -= 6)
            *pos++ = url_alphabet[bits >> (shift - 6) & 63];
    }
    *pos = 0;
}

void seq_append(struct buf *out, uint64_t seq, const struct seq_token *token)
{
    tufi_buf_printf(out, "\"%" PRIu64 "-%s\"", seq, token->text);
}

static bool is_url_alphabet(tuf_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] == 0 || strchr(url_alphabet, s.data[i]) == NULL)
            return false;
    }
    return true;
}

/* Whether an opaque part is one that a Tuffet or a CouchDB made for another database. */
static bool is_foreign(tuf_slice opaque)
{
    if (slice_starts(opaque, TOKEN_MARK) && opaque.len == TOKEN_LEN)
        return is_url_alphabet(opaque);
    bool couch = slice_starts(opaque, "g1AAAA") || slice_starts(opaque, "g2wAAA");
    return couch && opaque.len >= COUCH_OPAQUE_LEN_MIN && is_url_alphabet(opaque);
}

static tuf_slice without_quotes(tuf_slice text)
{
    bool quoted = text.len >= 2 && text.data[0] == '"' && text.data[text.len - 1] == '"';
    return quoted ? tuf_slice_of(text.data + 1, text.len - 2) : text;
}

bool seq_parse(uint64_t *out, tuf_slice text, const struct seq_token *token, uint64_t newest)
{
    text = without_quotes(text);
    size_t digits = 0;
    while (digits < text.len && text.data[digits] >= '0' && text.data[digits] <= '9')
        digits++;
    uint64_t number = 0;
    bool has_number = digits > 0 && parse_uint(&number, tuf_slice_of(text.data, digits));
    if (digits == text.len) {
        if (!has_number || number > newest)
            return false;
        *out = number;
        return true;
    }
    if (digits > 0 && (text.data[digits] != '-' || !has_number))
        digits = 0; /* an opaque part alone may begin with digits */
    tuf_slice opaque = text;
    if (digits > 0)
        opaque = tuf_slice_of(text.data + digits + 1, text.len - digits - 1);
    if (digits > 0 && slice_starts(opaque, token->text)) {
        *out = number;
        return true;
    }
    if (!is_foreign(opaque))
        return false;
    *out = 0;
    return true;
}
