/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see server/handlers/ranges.h.
 *
 * Source: RFC 9110 section 14; where CouchDB differs from it (a long suffix loses the first byte,
 * "0-" is no range) we follow CouchDB.
 */
#include "server/handlers/ranges.h"

#include "base/bytes.h"

/* One range as it is written: either number may be absent. */
struct raw_range {
    bool has_from, has_to;
    uint64_t from, to;
};

/* Takes digits off the front; false if there are none or too many. */
static bool take_number(uint64_t *out, tuf_slice *text)
{
    uint64_t value = 0;
    size_t len = 0;
    while (len < text->len && text->data[len] >= '0' && text->data[len] <= '9' && len < 18)
        value = value * 10 + (uint64_t)(text->data[len++] - '0');
    *text = tuf_slice_of(text->data + len, text->len - len);
    *out = value;
    return len > 0;
}

static bool parse_raw(struct raw_range *out, tuf_slice text)
{
    memset(out, 0, sizeof(*out));
    out->has_from = take_number(&out->from, &text);
    if (text.len == 0 || text.data[0] != '-')
        return false;
    text = tuf_slice_of(text.data + 1, text.len - 1);
    out->has_to = take_number(&out->to, &text);
    return text.len == 0 && (out->has_from || out->has_to);
}

static enum ranges_result resolve(struct byte_range *out, const struct raw_range *raw,
                                  uint64_t length)
{
    if (raw->has_from && !raw->has_to && raw->from == 0)
        return RANGES_NONE;
    if (raw->has_from && raw->has_to && raw->to < raw->from)
        return RANGES_BAD;
    if (length == 0)
        return RANGES_BAD;
    uint64_t to = raw->has_to && raw->to < length ? raw->to : length - 1;
    if (!raw->has_from) {
        if (to == 0)
            return RANGES_BAD;
        *out = (struct byte_range){ length - to, length - 1 };
        return RANGES_OK;
    }
    if (raw->from > to)
        return RANGES_BAD;
    *out = (struct byte_range){ raw->from, to };
    return RANGES_OK;
}

enum ranges_result ranges_parse(struct ranges *out, tuf_slice header, uint64_t length)
{
    static const char unit[] = "bytes=";
    out->count = 0;
    if (!slice_starts(header, unit))
        return RANGES_NONE;
    struct raw_range raw[RANGES_MAX];
    size_t raw_count = 0;
    tuf_slice list = tuf_slice_of(header.data + strlen(unit), header.len - strlen(unit));
    tuf_slice text;
    while (slice_next_item(&text, &list, ',')) {
        text = slice_trim(text, SLICE_OWS);
        if (text.len > 0 && (raw_count == RANGES_MAX || !parse_raw(&raw[raw_count++], text)))
            return RANGES_NONE;
    }
    /* Everything is read before anything is judged: a malformed range voids the header. */
    for (size_t i = 0; i < raw_count; i++) {
        enum ranges_result result = resolve(&out->items[i], &raw[i], length);
        if (result != RANGES_OK)
            return result;
    }
    out->count = raw_count;
    return raw_count > 0 ? RANGES_OK : RANGES_NONE;
}
