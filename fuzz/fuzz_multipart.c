/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: reads any bytes as a multipart body, in pieces of two sizes that the input chooses.
 *
 * Laws: the pieces do not matter; no part's data holds a delimiter; what the writer makes the
 * parser reads back.
 * Input: one byte of piece size, the boundary up to a line feed, then the body.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "replicator/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reading {
    struct buf seen;      /* everything, for comparison */
    struct buf part;      /* data of the current part */
    struct buf all_parts; /* data of all parts, each behind its length */
    bool in_part;
};

static tuf_status on_begin(const struct header *headers, size_t count, void *ctx)
{
    struct reading *reading = ctx;
    tuf_assert(!reading->in_part);
    reading->in_part = true;
    buf_append_str(&reading->seen, "<part>");
    for (size_t i = 0; i < count; i++) {
        buf_append_slice(&reading->seen, headers[i].name);
        buf_append_slice(&reading->seen, headers[i].value);
    }
    tufi_buf_clear(&reading->part);
    return TUF_OK;
}

static tuf_status on_data(tuf_slice bytes, void *ctx)
{
    struct reading *reading = ctx;
    tuf_assert(reading->in_part && bytes.len > 0);
    buf_append_slice(&reading->part, bytes);
    return TUF_OK;
}

static tuf_status on_end(void *ctx)
{
    struct reading *reading = ctx;
    tuf_assert(reading->in_part);
    reading->in_part = false;
    buf_append_slice(&reading->seen, buf_slice(&reading->part));
    write_sized(&reading->all_parts, buf_slice(&reading->part));
    return TUF_OK;
}

static const struct multipart_events events = { on_begin, on_data, on_end };

static void release(struct reading *reading)
{
    tufi_buf_release(&reading->seen);
    tufi_buf_release(&reading->part);
    tufi_buf_release(&reading->all_parts);
}

/* Returns whether the body is well-formed. */
static bool read_body(struct reading *reading, tuf_slice boundary, tuf_slice body, size_t step)
{
    struct buf type = BUF_INIT;
    struct multipart *mp = NULL;
    buf_append_str(&type, "multipart/related; boundary=\"");
    for (size_t i = 0; i < boundary.len; i++) {
        if (boundary.data[i] == '"' || boundary.data[i] == '\\')
            buf_append_u8(&type, '\\');
        buf_append_u8(&type, boundary.data[i]);
    }
    buf_append_str(&type, "\"");
    tuf_status st = multipart_new(&mp, buf_slice(&type), &events, reading);
    tufi_buf_release(&type);
    for (size_t pos = 0; st == TUF_OK && pos < body.len; pos += step) {
        size_t len = step < body.len - pos ? step : body.len - pos;
        st = multipart_feed(mp, tuf_slice_of(body.data + pos, len));
        if (step >= body.len)
            break;
    }
    if (st == TUF_OK)
        st = multipart_finish(mp);
    multipart_free(&mp);
    return st == TUF_OK;
}

/* What was read can be written with another boundary and read again. */
static void check_round_trip(const struct reading *reading)
{
    struct buf body = BUF_INIT;
    struct reading again = { BUF_INIT, BUF_INIT, BUF_INIT, false };
    char boundary[BOUNDARY_SIZE];
    bool first = true;
    multipart_make_boundary(boundary);
    struct reader r = reader_of(buf_slice(&reading->all_parts));
    while (reader_left(&r) > 0) {
        tuf_slice part = read_sized(&r);
        multipart_open_part(&body, boundary, first);
        multipart_header(&body, "Content-Type", tuf_str("a/b"));
        multipart_head_end(&body);
        buf_append_slice(&body, part);
        first = false;
    }
    multipart_close(&body, boundary);
    tuf_assert(read_body(&again, tuf_str(boundary), buf_slice(&body), 7));
    tuf_assert(slice_equal(buf_slice(&again.all_parts), buf_slice(&reading->all_parts)));
    release(&again);
    tufi_buf_release(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || size > 1 << 16)
        return 0;
    size_t step = (size_t)data[0] + 1;
    const uint8_t *lf = memchr(data + 1, '\n', size - 1);
    if (lf == NULL)
        return 0;
    tuf_slice boundary = tuf_slice_of(data + 1, (size_t)(lf - data) - 1);
    tuf_slice body = tuf_slice_of(lf + 1, size - boundary.len - 2);
    struct reading whole = { BUF_INIT, BUF_INIT, BUF_INIT, false };
    struct reading pieces = { BUF_INIT, BUF_INIT, BUF_INIT, false };
    bool good = read_body(&whole, boundary, body, SIZE_MAX);
    tuf_assert(read_body(&pieces, boundary, body, step) == good);
    tuf_assert(slice_equal(buf_slice(&whole.seen), buf_slice(&pieces.seen)));
    if (good)
        check_round_trip(&whole);
    release(&whole);
    release(&pieces);
    return 0;
}
