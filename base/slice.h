/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: borrowed runs of bytes: comparing, trimming, splitting, hashing. Nothing here allocates.
 *
 * Letters are compared without their case as ASCII, whatever the locale says.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "tuffet/types.h"

/* Optional white space of HTTP (RFC 9110, 5.6.3). */
#define SLICE_OWS " \t"
/* Insignificant white space of JSON (RFC 8259, 2). */
#define SLICE_JSON_WS " \t\r\n"

/* Byte order of slices, the shorter first when one is a prefix of the other. */
static inline int slice_compare(tuf_slice a, tuf_slice b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common > 0 ? memcmp(a.data, b.data, common) : 0;
    if (order != 0)
        return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

/* The same for qsort and bsearch. */
static inline int slice_order(const void *a, const void *b)
{
    return slice_compare(*(const tuf_slice *)a, *(const tuf_slice *)b);
}

static inline bool slice_equal(tuf_slice a, tuf_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool slice_is(tuf_slice a, const char *text)
{
    return slice_equal(a, tuf_str(text));
}

static inline bool slice_starts(tuf_slice a, const char *prefix)
{
    size_t len = strlen(prefix);
    return a.len >= len && memcmp(a.data, prefix, len) == 0;
}

/* Whether a text has characters that no header can carry. */
static inline bool slice_has_control(tuf_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < 0x20 || text.data[i] == 0x7f)
            return true;
    }
    return false;
}

static inline uint8_t byte_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static inline bool slice_equal_nocase(tuf_slice a, tuf_slice b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (byte_lower(a.data[i]) != byte_lower(b.data[i]))
            return false;
    }
    return true;
}

static inline bool slice_is_nocase(tuf_slice a, const char *text)
{
    return slice_equal_nocase(a, tuf_str(text));
}

static inline bool slice_starts_nocase(tuf_slice a, const char *prefix)
{
    tuf_slice start = tuf_str(prefix);
    return a.len >= start.len && slice_equal_nocase(tuf_slice_of(a.data, start.len), start);
}

static inline bool byte_is_one_of(uint8_t c, const char *set)
{
    return c != 0 && strchr(set, c) != NULL;
}

/* Without the bytes of `blanks` (no NUL) in front, behind, on both ends. */
static inline tuf_slice slice_trim_start(tuf_slice s, const char *blanks)
{
    while (s.len > 0 && byte_is_one_of(s.data[0], blanks))
        s = tuf_slice_of(s.data + 1, s.len - 1);
    return s;
}

static inline tuf_slice slice_trim_end(tuf_slice s, const char *blanks)
{
    while (s.len > 0 && byte_is_one_of(s.data[s.len - 1], blanks))
        s.len--;
    return s;
}

static inline tuf_slice slice_trim(tuf_slice s, const char *blanks)
{
    return slice_trim_end(slice_trim_start(s, blanks), blanks);
}

/*
 * Takes the next item off a list, without its separator. False at the end: after the last item
 * `rest` has no address, so that "a," is two items, the second empty.
 */
static inline bool slice_next_item(tuf_slice *item, tuf_slice *rest, char separator)
{
    if (rest->data == NULL)
        return false;
    const uint8_t *at = rest->len > 0 ? memchr(rest->data, separator, rest->len) : NULL;
    size_t len = at != NULL ? (size_t)(at - rest->data) : rest->len;
    *item = tuf_slice_of(rest->data, len);
    *rest = at != NULL ? tuf_slice_of(at + 1, rest->len - len - 1) : tuf_slice_of(NULL, 0);
    return true;
}

/* Whether a comma list, blanks around its items, has this one. An empty item is none. */
static inline bool slice_list_has(tuf_slice list, tuf_slice wanted, bool ignore_case)
{
    tuf_slice item;
    while (wanted.len > 0 && slice_next_item(&item, &list, ',')) {
        item = slice_trim(item, SLICE_OWS);
        if (ignore_case ? slice_equal_nocase(item, wanted) : slice_equal(item, wanted))
            return true;
    }
    return false;
}

/* FNV-1a, 64 bits. Not for keys that somebody can choose to collide, unless that is cheap. */
static inline uint64_t slice_hash(tuf_slice s)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < s.len; i++)
        hash = (hash ^ s.data[i]) * UINT64_C(0x100000001b3);
    return hash;
}

#endif
