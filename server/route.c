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

/* Behind the pattern's segment that begins here, and behind its slash. */
static const char *after_part(const char *part)
{
    while (*part != 0 && *part != '/')
        part++;
    return *part == '/' ? part + 1 : part;
}

/* Whether the pattern's segment that begins here is this text. Most rows end at its first letter. */
static bool part_is(const char *part, tuf_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (part[i] == 0 || part[i] == '/' || text.data[i] != (uint8_t)part[i])
            return false;
    }
    return part[text.len] == 0 || part[text.len] == '/';
}

/* The kinds of placeholders, told by as many letters as it takes: this runs for every row. */
static bool is_rest(const char *part)
{
    return part[1] == 'r';
}

static bool is_local(const char *part)
{
    return part[1] == 'l';
}

static bool is_doc(const char *part)
{
    return part[1] == 'd' && part[2] == 'o';
}

static bool is_att(const char *part)
{
    return part[1] == 'a' && part[2] == 't';
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

/* Whether the pattern's segment that begins here matches at *pos, which is moved on. */
static bool match_part(struct places *places, const char *part, const tuf_slice *segs,
                       size_t seg_count, size_t *pos)
{
    if (part[0] != '{') {
        if (*pos >= seg_count || !part_is(part, segs[*pos]))
            return false;
        (*pos)++;
        return true;
    }
    if (is_rest(part)) {
        *pos = seg_count;
        return true;
    }
    if (*pos >= seg_count)
        return false;
    if (is_doc(part) || is_local(part)) {
        size_t taken = is_doc(part) ? doc_segments(segs, seg_count, *pos)
                                    : local_segments(segs, seg_count, *pos);
        places->doc_pos = *pos;
        places->doc_segs = taken;
        *pos += taken;
        return taken > 0;
    }
    if (is_att(part)) {
        places->att_pos = *pos;
        *pos = seg_count;
    } else { /* {db}, {any} */
        (*pos)++;
    }
    return true;
}

/* Whether the letter that a pattern's first literal segment begins with is there, if that is the first
 * or the second segment: rules out most rows without walking them. */
static bool may_match(const char *pattern, const tuf_slice *segs, size_t seg_count)
{
    size_t at = 0;
    const char *part = pattern + 1;
    if (part[0] == '{') {
        part = after_part(part);
        at = 1;
    }
    if (part[0] == 0 || part[0] == '{')
        return true;
    return at < seg_count && segs[at].len > 0 && segs[at].data[0] == (uint8_t)part[0];
}

static bool match_pattern(struct places *places, const char *pattern, const tuf_slice *segs,
                          size_t seg_count)
{
    struct places found = { SIZE_MAX, 0, SIZE_MAX };
    size_t pos = 0;
    for (const char *part = pattern + 1; *part != 0; part = after_part(part)) {
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
    while (first->pattern != NULL && !(may_match(first->pattern, segs, seg_count) &&
                                       match_pattern(&places, first->pattern, segs, seg_count)))
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
