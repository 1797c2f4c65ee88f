/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: decodes percent-encoded text and splits query strings. See server/params.h.
 *
 * Source: RFC 3986 section 2.1; the form encoding of the URL standard.
 */
#include "server/params.h"

#include <strings.h>

#include "base/bytes.h"
#include "base/fail.h"

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool needs_decoding(tuf_slice text, bool plus)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '%' || (plus && text.data[i] == '+'))
            return true;
    }
    return false;
}

tuf_slice url_decode(struct arena *arena, tuf_slice text, bool plus)
{
    if (!needs_decoding(text, plus))
        return text.data != NULL ? text : tuf_str("");
    uint8_t *out = tufi_arena_alloc(arena, text.len + 1);
    if (out == NULL)
        return tuf_slice_of(NULL, 0);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex_value(text.data[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_value(text.data[i + 2]) : -1;
            if (high < 0 || low < 0)
                return tuf_slice_of(NULL, 1);
            c = (uint8_t)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        out[len++] = c;
    }
    out[len] = 0;
    return tuf_slice_of(out, len);
}

static tuf_status decode_into(tuf_slice *out, struct arena *arena, tuf_slice text)
{
    tuf_slice decoded = url_decode(arena, text, true);
    if (decoded.data != NULL) {
        *out = decoded;
        return TUF_OK;
    }
    if (decoded.len == 0)
        return tufi_nomem();
    return tufi_fail_kind(TUF_E_INVALID, "bad_request", "invalid_url_encoding");
}

static tuf_status parse_pair(struct param *out, struct arena *arena, tuf_slice pair)
{
    const uint8_t *equals = memchr(pair.data, '=', pair.len);
    size_t key_len = equals != NULL ? (size_t)(equals - pair.data) : pair.len;
    tuf_slice value = equals != NULL ? tuf_slice_of(equals + 1, pair.len - key_len - 1)
                                     : tuf_str("");
    tuf_status st = decode_into(&out->key, arena, tuf_slice_of(pair.data, key_len));
    if (st != TUF_OK)
        return st;
    return decode_into(&out->value, arena, value);
}

static size_t count_pairs(tuf_slice text)
{
    size_t count = 1;
    for (size_t i = 0; i < text.len; i++)
        count += text.data[i] == '&';
    return count;
}

tuf_status params_parse(struct params *out, struct arena *arena, tuf_slice text)
{
    struct params params = { NULL, 0 };
    if (text.len == 0) {
        *out = params;
        return TUF_OK;
    }
    size_t room = count_pairs(text);
    if (room > PARAMS_COUNT_MAX)
        return tufi_fail_kind(TUF_E_LIMIT, "bad_request", "too many query parameters");
    params.items = tufi_arena_alloc(arena, room * sizeof(*params.items));
    if (params.items == NULL)
        return tufi_nomem();
    for (size_t pos = 0; pos <= text.len;) {
        const uint8_t *start = text.data + pos;
        const uint8_t *amp = memchr(start, '&', text.len - pos);
        size_t len = amp != NULL ? (size_t)(amp - start) : text.len - pos;
        pos += len + 1;
        if (len == 0)
            continue;
        tuf_status st = parse_pair(&params.items[params.count], arena, tuf_slice_of(start, len));
        if (st != TUF_OK)
            return st;
        params.count++;
    }
    *out = params;
    return TUF_OK;
}

const tuf_slice *params_find(const struct params *params, const char *key)
{
    for (size_t i = 0; i < params->count; i++) {
        if (slice_is(params->items[i].key, key))
            return &params->items[i].value;
    }
    return NULL;
}

const tuf_slice *params_find2(const struct params *params, const char *key, const char *alias)
{
    const tuf_slice *found = NULL;
    for (size_t i = 0; i < params->count; i++) {
        if (slice_is(params->items[i].key, key) || slice_is(params->items[i].key, alias))
            found = &params->items[i].value;
    }
    return found;
}

bool params_is(const struct params *params, const char *key, const char *value)
{
    const tuf_slice *found = params_find(params, key);
    return found != NULL && slice_is(*found, value);
}

enum param_result params_bool(bool *out, const struct params *params, const char *key)
{
    const tuf_slice *value = params_find(params, key);
    if (value == NULL)
        return PARAM_ABSENT;
    bool yes = slice_is_nocase(*value, "true");
    if (!yes && !slice_is_nocase(*value, "false"))
        return PARAM_BAD;
    *out = yes;
    return PARAM_OK;
}

bool parse_uint(uint64_t *out, tuf_slice text)
{
    uint64_t value = 0;
    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c < '0' || c > '9' || __builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(c - '0'), &value))
            return false;
    }
    *out = value;
    return true;
}

bool parse_int(int64_t *out, tuf_slice text)
{
    bool negative = text.len > 0 && text.data[0] == '-';
    bool has_sign = negative || (text.len > 0 && text.data[0] == '+');
    uint64_t magnitude;
    if (has_sign)
        text = tuf_slice_of(text.data + 1, text.len - 1);
    if (!parse_uint(&magnitude, text) || magnitude > (uint64_t)INT64_MAX + negative)
        return false;
    *out = (int64_t)(negative ? 0 - magnitude : magnitude);
    return true;
}

enum param_result params_int(int64_t *out, const struct params *params, const char *key)
{
    const tuf_slice *value = params_find(params, key);
    if (value == NULL)
        return PARAM_ABSENT;
    return parse_int(out, *value) ? PARAM_OK : PARAM_BAD;
}
