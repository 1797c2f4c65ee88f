/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: fuzz the JSON scanners with any text.
 *
 * What must hold: the canonical scanner and the skipper accept the same texts; canonical text is
 * valid UTF-8, not longer than its source, and its own canonical form; the term made while scanning
 * is well-formed and is the term of the canonical body; both ways count the same body size;
 * the parts that an iterator gives out are whole values inside the text.
 */
#include <stdint.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "json/iter.h"
#include "json/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_accepted_alike(tuf_slice json, bool accepted)
{
    struct cursor c = cursor_of(json);
    tuf_status st = tufi_json_skip_value(&c);
    if (st == TUF_OK) {
        cursor_peek(&c);
        if (c.pos != c.end)
            st = TUF_E_INVALID;
    }
    tuf_assert((st == TUF_OK) == accepted);
}

static void check_fix_point(tuf_slice canonical)
{
    TUF_AUTO(tufi_buf_release) struct buf again = BUF_INIT;
    tuf_status st = tufi_json_canonical(&again, canonical);
    tuf_assert(st == TUF_OK);
    tuf_assert(slice_equal(buf_slice(&again), canonical));
    tuf_assert(tufi_utf8_valid(canonical));
}

/* INV-ITER-1: an iterator takes the containers that the scanner takes, and its parts are whole. */
static void check_parts(tuf_slice json, bool accepted)
{
    struct json_iter iter;
    tuf_slice key, value;
    const uint8_t *behind = json.data;
    tuf_status st = tufi_json_iter_begin(&iter, json, 0);
    if (st != TUF_OK)
        return;
    while ((st = tufi_json_iter_next(&key, &value, &iter)) == TUF_OK) {
        tuf_slice first = key.len > 0 ? key : value;
        tuf_assert(first.data >= behind && value.data + value.len <= json.data + json.len);
        behind = value.data + value.len;
        tuf_assert(tufi_json_check(value, NULL) == TUF_OK);
        tuf_assert(key.len == 0 || tufi_json_check(key, NULL) == TUF_OK);
        (void)tufi_json_key_is(key, "_id");
    }
    /* The brackets of the container itself do not count as nesting here. */
    tuf_assert(st == TUF_END || !accepted);
    tuf_assert(st != TUF_END || accepted || json.len > JSON_STACK_MAX);
}

/* A walk over a term: `left` terms are still to come. */
static void check_term(tuf_slice etf)
{
    struct reader r = reader_of(etf);
    uint64_t left = 1;
    while (left > 0) {
        uint8_t tag = read_u8(&r);
        left--;
        if (tag == 0x6a || r.bad)
            continue;
        if (tag == 0x61)
            read_bytes(&r, 1);
        else if (tag == 0x62)
            read_bytes(&r, 4);
        else if (tag == 0x46)
            read_bytes(&r, 8);
        else if (tag == 0x6d)
            tuf_assert(tufi_utf8_valid(read_bytes(&r, read_be32(&r))));
        else if (tag == 0x64 || tag == 0x6b)
            read_bytes(&r, read_be16(&r));
        else if (tag == 0x6e)
            read_bytes(&r, (uint64_t)read_u8(&r) + 1);
        else if (tag == 0x6f)
            read_bytes(&r, (uint64_t)read_be32(&r) + 1);
        else if (tag == 0x68)
            left += read_u8(&r);
        else if (tag == 0x6c)
            left += (uint64_t)read_be32(&r) + 1;
        else
            tuf_unreachable("unknown term tag");
    }
    tuf_assert(!r.bad);
    tuf_assert(reader_left(&r) == 0);
}

static void check_document(tuf_slice json)
{
    struct scanned_doc doc, again;
    if (tufi_docscan(&doc, json, DOCSCAN_ETF) != TUF_OK)
        return;
    check_fix_point(buf_slice(&doc.body));
    check_term(buf_slice(&doc.etf));
    TUF_AUTO(tufi_buf_release) struct buf etf = BUF_INIT;
    tuf_status st = tufi_docscan_etf(&etf, buf_slice(&doc.body));
    tuf_assert(st == TUF_OK);
    tuf_assert(slice_equal(buf_slice(&etf), buf_slice(&doc.etf)));
    st = tufi_docscan(&again, buf_slice(&doc.body), 0);
    tuf_assert(st == TUF_OK);
    tuf_assert(again.body_size == doc.body_size);
    tuf_assert(slice_equal(buf_slice(&again.body), buf_slice(&doc.body)));
    tufi_docscan_release(&again);
    tufi_docscan_release(&doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tuf_slice json = tuf_slice_of(data, size);
    TUF_AUTO(tufi_buf_release) struct buf canonical = BUF_INIT;
    tuf_status st = tufi_json_canonical(&canonical, json);
    tuf_assert(st == TUF_OK || st == TUF_E_INVALID);
    check_accepted_alike(json, st == TUF_OK);
    check_parts(json, st == TUF_OK);
    if (st == TUF_OK) {
        tuf_assert(canonical.len <= size);
        check_fix_point(buf_slice(&canonical));
    }
    check_document(json);
    return 0;
}
