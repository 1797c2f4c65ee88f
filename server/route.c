/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: finds the row of a path and a method. See server/route.h for the patterns.
 */
#include "server/route.h"

#include "base/assert.h"

/* Where a match of the pattern's placeholders began. */
struct places {
    size_t doc_pos, doc_segs, att_pos;
};

/* The next pattern segment; advances past it and its slash. */
static tuf_slice next_part(const char **pattern)
{
    const char *start = *pattern;
    const char *slash = strchr(start, '/');
    size_t len = slash != NULL ? (size_t)(slash - start) : strlen(start);
    *pattern = slash != NULL ? slash + 1 : start + len;
    return tuf_slice_of(start, len);
}

/* How many segments the id at `pos` takes: 0 if none may stand there. */
static size_t doc_segments(const tuf_slice *segs, size_t seg_count, size_t pos)
{
    if (pos >= seg_count)
        return 0;
    if (slice_is(segs[pos], "_design"))
        return pos + 1 < seg_count ? 2 : 1;
    return 1;
}

static size_t local_segments(const tuf_slice *segs, size_t seg_count, size_t pos)
{
    if (pos >= seg_count)
        return 0;
    if (slice_is(segs[pos], "_local"))
        return pos + 1 < seg_count ? 2 : 1;
    return slice_starts(segs[pos], "_local/") ? 1 : 0;
}

/* Whether `part` matches at *pos, which is moved on. */
static bool match_part(struct places *places, tuf_slice part, const tuf_slice *segs,
                       size_t seg_count, size_t *pos)
{
    if (slice_is(part, "{rest}")) {
        *pos = seg_count;
        return true;
    }
    if (*pos >= seg_count)
        return false;
    if (slice_is(part, "{doc}") || slice_is(part, "{local}")) {
        size_t taken = slice_is(part, "{doc}") ? doc_segments(segs, seg_count, *pos)
                                               : local_segments(segs, seg_count, *pos);
        places->doc_pos = *pos;
        places->doc_segs = taken;
        *pos += taken;
        return taken > 0;
    }
    if (slice_is(part, "{att}")) {
        places->att_pos = *pos;
        *pos = seg_count;
        return true;
    }
    if (!slice_is(part, "{db}") && !slice_is(part, "{any}") && !slice_equal(part, segs[*pos]))
        return false;
    (*pos)++;
    return true;
}

static bool match_pattern(struct places *places, const char *pattern, const tuf_slice *segs,
                          size_t seg_count)
{
    struct places found = { SIZE_MAX, 0, SIZE_MAX };
    size_t pos = 0;
    const char *at = pattern + 1;
    while (*at != 0) {
        tuf_slice part = next_part(&at);
        if (!match_part(&found, part, segs, seg_count, &pos))
            return false;
    }
    if (pos != seg_count)
        return false;
    *places = found;
    return true;
}

void route_find(struct route_match *out, const struct route *table, const tuf_slice *segs,
                size_t seg_count, enum http_method method)
{
    struct route_match match = { NULL, false, SIZE_MAX, 0, SIZE_MAX };
    const struct route *first = table;
    struct places places;
    while (first->pattern != NULL && !match_pattern(&places, first->pattern, segs, seg_count))
        first++;
    if (first->pattern != NULL) {
        match.route = first;
        match.doc_pos = places.doc_pos;
        match.doc_segs = places.doc_segs;
        match.att_pos = places.att_pos;
    }
    for (const struct route *row = first;
         row->pattern != NULL && strcmp(row->pattern, first->pattern) == 0; row++) {
        if ((row->methods & (unsigned)method) != 0) {
            match.route = row;
            match.method_fits = true;
            break;
        }
    }
    *out = match;
}
