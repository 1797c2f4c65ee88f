/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the incremental multipart parser. See replicator/multipart.h.
 *
 * The state machine works on bytes; a byte sequence that may be the start of a delimiter
 * (CRLF "--" boundary) is held back in `held` until it is decided:
 *
 *   PREAMBLE --delimiter--> AFTER --CRLF--> HEAD --empty line--> DATA --delimiter--> AFTER
 *                           AFTER --"--"--> DONE
 *
 * Source: RFC 2046 section 5.1. Differences: white space after a boundary is accepted (the RFC
 * does), bare LF is not a line end (CouchDB's writer never makes one).
 */
#include "replicator/multipart.h"

#include <strings.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/fail.h"

enum mp_state { MP_PREAMBLE, MP_AFTER, MP_HEAD, MP_DATA, MP_DONE };

#define MP_HEADERS_MAX 32

struct multipart {
    const struct multipart_events *events;
    void *ctx;
    enum mp_state state;
    uint8_t delimiter[MULTIPART_BOUNDARY_MAX + 4]; /* CRLF "--" boundary */
    size_t delimiter_len;
    size_t matched;     /* bytes of the delimiter seen and held back... */
    size_t assumed;     /* ...of which the first ones (0 or 2) were never in the input */
    struct buf head;    /* the part's header block so far; in AFTER: the rest of the line */
    size_t part_count;
    size_t line_start;  /* in head: where the current line begins */
};

static bool boundary_char_ok(uint8_t c)
{
    return c > ' ' - 1 && c < 0x7f;
}

static tuf_status read_boundary(struct multipart *mp, tuf_slice content_type)
{
    TUF_AUTO(tufi_buf_release) struct buf boundary = BUF_INIT;
    bool found = header_param(&boundary, content_type, "boundary");
    if (boundary.failed)
        return tufi_nomem();
    if (!found || boundary.len == 0 || boundary.len > MULTIPART_BOUNDARY_MAX)
        return tufi_fail_kind(TUF_E_INVALID, "bad_request",
                              "multipart without a usable boundary");
    for (size_t i = 0; i < boundary.len; i++) {
        if (!boundary_char_ok(boundary.data[i]))
            return tufi_fail_kind(TUF_E_INVALID, "bad_request",
                                  "character 0x%02x in a multipart boundary", boundary.data[i]);
    }
    memcpy(mp->delimiter, "\r\n--", 4);
    memcpy(mp->delimiter + 4, boundary.data, boundary.len);
    mp->delimiter_len = boundary.len + 4;
    return TUF_OK;
}

tuf_status multipart_new(struct multipart **out, tuf_slice content_type,
                         const struct multipart_events *events, void *ctx)
{
    struct multipart *mp = tufi_alloc_zero(sizeof(*mp));
    if (mp == NULL)
        return tufi_nomem();
    mp->events = events;
    mp->ctx = ctx;
    /* The first delimiter may stand at the very beginning, without its CRLF. */
    mp->matched = mp->assumed = 2;
    tuf_status st = read_boundary(mp, content_type);
    if (st != TUF_OK) {
        multipart_free(&mp);
        return st;
    }
    *out = mp;
    return TUF_OK;
}

void multipart_free(struct multipart **mp)
{
    if (*mp == NULL)
        return;
    tufi_buf_release(&(*mp)->head);
    tufi_free(*mp);
    *mp = NULL;
}

static tuf_status give_data(struct multipart *mp, const uint8_t *data, size_t len)
{
    if (len == 0 || mp->state != MP_DATA)
        return TUF_OK;
    return mp->events->part_data(tuf_slice_of(data, len), mp->ctx);
}

static tuf_status delimiter_found(struct multipart *mp)
{
    bool in_part = mp->state == MP_DATA;
    mp->state = MP_AFTER;
    mp->matched = mp->assumed = 0;
    tufi_buf_clear(&mp->head);
    return in_part ? mp->events->part_end(mp->ctx) : TUF_OK;
}

/*
 * Consumes bytes of a preamble or of a part's data. A delimiter holds CR only at its start, so
 * after a mismatch nothing of what was held back but the current byte can begin a delimiter.
 */
static tuf_status scan_data(struct multipart *mp, const uint8_t **pos, const uint8_t *end)
{
    const uint8_t *p = *pos;
    const uint8_t *plain = p; /* start of bytes that are surely data */
    while (p < end) {
        if (mp->matched == 0) {
            const uint8_t *cr = memchr(p, '\r', (size_t)(end - p));
            p = cr != NULL ? cr : end;
            tuf_status st = give_data(mp, plain, (size_t)(p - plain));
            if (st != TUF_OK)
                return st;
            plain = p;
            if (p == end)
                break;
        }
        if (*p == mp->delimiter[mp->matched]) {
            p++;
            plain = p;
            if (++mp->matched == mp->delimiter_len) {
                *pos = p;
                return delimiter_found(mp);
            }
            continue;
        }
        size_t assumed = mp->assumed;
        size_t held = mp->matched - assumed;
        mp->matched = mp->assumed = 0;
        tuf_status st = give_data(mp, mp->delimiter + assumed, held);
        if (st != TUF_OK)
            return st;
        plain = p;
        if (*p != '\r')
            p++;
    }
    tuf_status st = give_data(mp, plain, (size_t)(end - plain));
    *pos = end;
    return st;
}

/* After a delimiter: "--" ends it all, white space and CRLF begin a part's header block. */
static tuf_status scan_after(struct multipart *mp, const uint8_t **pos, const uint8_t *end)
{
    while (*pos < end) {
        uint8_t c = *(*pos)++;
        size_t seen = mp->head.len;
        bool dash_before = seen > 0 && mp->head.data[seen - 1] == '-';
        bool cr_before = seen > 0 && mp->head.data[seen - 1] == '\r';
        if (dash_before && c == '-') {
            mp->state = MP_DONE;
            return TUF_OK;
        }
        if (cr_before && c == '\n') {
            mp->state = MP_HEAD;
            mp->line_start = 0;
            tufi_buf_clear(&mp->head);
            return TUF_OK;
        }
        bool expected = c == ' ' || c == '\t' || c == '\r' || (c == '-' && seen == 0);
        if (dash_before || cr_before || seen > 64 || !expected)
            return tufi_fail_kind(TUF_E_INVALID, "bad_request",
                                  "malformed multipart boundary line");
        buf_append_u8(&mp->head, c);
    }
    return buf_status(&mp->head);
}

static tuf_status parse_line(struct header *out, tuf_slice line)
{
    const uint8_t *colon = memchr(line.data, ':', line.len);
    if (colon == NULL || colon == line.data)
        return tufi_fail_kind(TUF_E_INVALID, "bad_request", "malformed multipart header line");
    out->name = slice_trim(tuf_slice_of(line.data, (size_t)(colon - line.data)), SLICE_OWS);
    size_t before = (size_t)(colon - line.data) + 1;
    out->value = slice_trim(tuf_slice_of(colon + 1, line.len - before), SLICE_OWS);
    return TUF_OK;
}

/* The header block is complete in mp->head: lines that end in CRLF, without the empty one. */
static tuf_status begin_part(struct multipart *mp)
{
    struct header headers[MP_HEADERS_MAX];
    size_t count = 0;
    for (size_t pos = 0; pos < mp->head.len;) {
        const uint8_t *start = mp->head.data + pos;
        const uint8_t *cr = memchr(start, '\r', mp->head.len - pos);
        tuf_assert(cr != NULL);
        size_t len = (size_t)(cr - start);
        pos += len + 2;
        if (count == MP_HEADERS_MAX)
            return tufi_fail_kind(TUF_E_LIMIT, "bad_request", "too many headers in a part");
        tuf_status st = parse_line(&headers[count++], tuf_slice_of(start, len));
        if (st != TUF_OK)
            return st;
    }
    if (++mp->part_count > MULTIPART_PARTS_MAX)
        return tufi_fail_kind(TUF_E_LIMIT, "bad_request", "too many parts");
    mp->state = MP_DATA;
    /* An empty part's delimiter shares its CRLF with the end of the header block. */
    mp->matched = mp->assumed = 2;
    return mp->events->part_begin(headers, count, mp->ctx);
}

static tuf_status scan_head(struct multipart *mp, const uint8_t **pos, const uint8_t *end)
{
    while (*pos < end) {
        uint8_t c = *(*pos)++;
        size_t len = mp->head.len;
        bool cr_before = len > mp->line_start && mp->head.data[len - 1] == '\r';
        if (c == 0 || (c == '\n') != cr_before)
            return tufi_fail_kind(TUF_E_INVALID, "bad_request", "stray byte in a part's headers");
        if (len >= MULTIPART_HEAD_MAX)
            return tufi_fail_kind(TUF_E_LIMIT, "bad_request", "a part's headers are too long");
        buf_append_u8(&mp->head, c);
        if (mp->head.failed)
            return tufi_nomem();
        if (c != '\n')
            continue;
        if (mp->head.len - mp->line_start == 2) {
            mp->head.len -= 2;
            return begin_part(mp);
        }
        mp->line_start = mp->head.len;
    }
    return TUF_OK;
}

tuf_status multipart_feed(struct multipart *mp, tuf_slice bytes)
{
    const uint8_t *pos = bytes.data;
    const uint8_t *end = bytes.data + bytes.len;
    tuf_status st = TUF_OK;
    while (pos < end && st == TUF_OK) {
        switch (mp->state) {
        case MP_PREAMBLE:
        case MP_DATA:
            st = scan_data(mp, &pos, end);
            break;
        case MP_AFTER:
            st = scan_after(mp, &pos, end);
            break;
        case MP_HEAD:
            st = scan_head(mp, &pos, end);
            break;
        case MP_DONE:
            return TUF_OK;
        }
    }
    return st;
}

bool multipart_is_done(const struct multipart *mp)
{
    return mp->state == MP_DONE;
}

tuf_status multipart_finish(struct multipart *mp)
{
    if (mp->state == MP_DONE)
        return TUF_OK;
    return tufi_fail_kind(TUF_E_INVALID, "bad_request", "multipart body ends before its boundary");
}
