/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: read one document (json/docscan.h): run the canonical scanner with special members split
 * off, then read those.
 *
 * INV-DOC-1: a failed scan leaves nothing allocated.
 * INV-DOC-2: malformed text is reported before anything that the text says.
 * Not here: the scanner (canonical.c), the special members (special.c).
 */
#include "json/docscan.h"

#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"
#include "json/scan.h"

/* Lengths inside terms are 32 bits wide. */
#define DOC_TEXT_SIZE_MAX ((size_t)UINT32_MAX)
#define BODY_WASTE_MAX 4096
#define ETF_RESERVE_MAX ((size_t)64 * 1024)

void tufi_docscan_release(struct scanned_doc *doc)
{
    tufi_buf_release(&doc->body);
    tufi_buf_release(&doc->etf);
    tufi_arena_release(&doc->arena);
    memset(doc, 0, sizeof(*doc));
}

/* A text that is no object is refused as malformed, or if it is not, as no document. */
static tuf_status refuse_other_value(tuf_slice json)
{
    struct cursor c = cursor_of(json);
    tuf_status st = tufi_json_skip_value(&c);
    if (st < 0)
        return st;
    cursor_peek(&c);
    if (c.pos != c.end)
        return tufi_json_invalid();
    return tufi_fail_kind(TUF_E_INVALID, "bad_request", "Document must be a JSON object");
}

static bool is_object(tuf_slice json)
{
    struct cursor c = cursor_of(json);
    return cursor_peek(&c) == '{';
}

/* Gives back what was reserved for the text of attachments and the like. */
static void shrink_body(struct buf *body)
{
    if (body->cap <= body->len * 2 + BODY_WASTE_MAX)
        return;
    uint8_t *data = tufi_realloc(body->data, body->len);
    if (!data)
        return; /* the larger block is still there */
    body->data = data;
    body->cap = body->len;
}

/* Room for the term of a usual document; longer ones grow from there. */
static size_t etf_estimate(size_t json_len)
{
    return min_size(json_len + json_len / 2, ETF_RESERVE_MAX) + 64;
}

static tuf_status scan_doc(struct scanned_doc *doc, tuf_slice json, unsigned flags)
{
    bool want_etf = flags & DOCSCAN_ETF;
    if (json.len > DOC_TEXT_SIZE_MAX)
        return tufi_fail(TUF_E_LIMIT, "a document has %zu bytes", json.len);
    if (!is_object(json))
        return refuse_other_value(json);
    if (!tufi_buf_reserve(&doc->body, json.len + JSON_COPY_SLACK + 2))
        return tufi_nomem();
    if (want_etf && !tufi_buf_reserve(&doc->etf, etf_estimate(json.len)))
        return tufi_nomem();
    TUF_AUTO(tufi_scan_release) struct scan s;
    tufi_scan_init(&s, json, doc->body.data, want_etf ? &doc->etf : NULL);
    s.arena = &doc->arena;
    s.depth_max = JSON_DOC_STACK_MAX;
    tuf_status st = tufi_scan_run(&s);
    if (st < 0)
        return st;
    doc->body.len = (size_t)(s.out - doc->body.data);
    tuf_assert(doc->body.len <= json.len); /* INV-SCAN-1 */
    doc->body_size = s.body_size;
    shrink_body(&doc->body);
    return tufi_special_apply(doc, &s);
}

tuf_status tufi_docscan(struct scanned_doc *out, tuf_slice json, unsigned flags)
{
    memset(out, 0, sizeof(*out));
    tuf_status st = scan_doc(out, json, flags);
    if (st < 0)
        tufi_docscan_release(out);
    return st;
}

tuf_status tufi_docscan_etf(struct buf *out, tuf_slice body)
{
    TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
    if (!tufi_buf_reserve(&text, body.len + JSON_COPY_SLACK + 2))
        return tufi_nomem();
    if (!tufi_buf_reserve(out, body.len + body.len / 2))
        return tufi_nomem();
    TUF_AUTO(tufi_scan_release) struct scan s;
    tufi_scan_init(&s, body, text.data, out);
    return tufi_scan_run(&s);
}
