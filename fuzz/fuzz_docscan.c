/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: fuzz the special members of documents.
 *
 * The input is wrapped so that mutations stay near them: a byte chooses a member, the rest is its
 * value; or the whole input is the document. What must hold: with and without the term the same
 * answer; every failure has a kind and a text; what is accepted keeps the promises of docscan.h.
 */
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/hex.h"
#include "engine/revid.h"
#include "json/docscan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const openings[] = {
    "{\"_id\":",
    "{\"_rev\":",
    "{\"_deleted\":",
    "{\"_revisions\":",
    "{\"_revisions\":{\"start\":3,\"ids\":",
    "{\"_attachments\":",
    "{\"a\":1,\"_attachments\":{\"name\":",
    "{\"_attachments\":{\"n\":{\"content_type\":\"text/plain\",\"stub\":true,\"digest\":",
    "{\"_attachments\":{\"n\":{\"data\":",
    "{\"_",
};

static void check_revision(const struct scanned_doc *doc)
{
    if (!doc->has_rev)
        return;
    char text[TUF_REV_TEXT_SIZE];
    tuf_revbuf again;
    size_t len = tuf_rev_format(text, doc->rev.rev);
    tuf_assert(len < TUF_REV_TEXT_SIZE);
    tuf_status st = tuf_rev_parse(&again, tuf_slice_of(text, len));
    tuf_assert(st == TUF_OK);
    tuf_assert(tuf_rev_compare(again.rev, doc->rev.rev) == 0);
}

static void check_revisions(const struct scanned_doc *doc)
{
    tuf_assert(!doc->has_revisions || !doc->has_rev);
    for (size_t i = 0; i < doc->revision_count; i++) {
        tuf_assert(doc->revisions[i].len > 0);
        tuf_assert(doc->revisions[i].len <= TUF_REV_ID_SIZE_MAX);
        tuf_assert(doc->revisions[i].len != 32);
    }
}

static void check_attachments(const struct scanned_doc *doc)
{
    tuf_assert(doc->has_attachments || doc->att_count == 0);
    for (size_t i = 0; i < doc->att_count; i++) {
        const struct scanned_att *att = &doc->atts[i];
        tuf_assert(att->has_data + att->stub + att->follows == 1);
        tuf_assert(tufi_utf8_valid(att->name));
        tuf_assert(att->name.len == 0 || att->name.data[0] != '_');
        for (size_t j = 0; j < i && j < 16; j++)
            tuf_assert(!slice_equal(att->name, doc->atts[j].name));
        TUF_AUTO(tufi_buf_release) struct buf bytes = BUF_INIT;
        TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
        if (att->has_data && tufi_base64_decode(&bytes, att->data)) {
            TUF_AUTO(tufi_buf_release) struct buf back = BUF_INIT;
            tufi_base64_encode(&text, buf_slice(&bytes));
            tuf_assert(tufi_base64_decode(&back, buf_slice(&text)));
            tuf_assert(slice_equal(buf_slice(&back), buf_slice(&bytes)));
        }
    }
}

static void check_hash(const struct scanned_doc *doc)
{
    uint8_t id[16];
    const tuf_rev *parent = doc->has_rev ? &doc->rev.rev : NULL;
    tuf_status st = tufi_revid_hash(id, doc->deleted, parent, buf_slice(&doc->etf), NULL, 0);
    tuf_assert(st == TUF_OK);
}

static void check_failure(tuf_status st)
{
    const tuf_error *e = tuf_last_error();
    tuf_assert(st == TUF_E_INVALID);
    tuf_assert(e->status == st);
    tuf_assert(e->kind[0] != '\0');
    tuf_assert(e->text[0] != '\0');
}

static void check_document(tuf_slice json)
{
    struct scanned_doc doc, plain;
    tuf_status st = tufi_docscan(&doc, json, DOCSCAN_ETF);
    tuf_status plain_st = tufi_docscan(&plain, json, 0);
    tuf_assert(st == plain_st);
    if (st != TUF_OK) {
        check_failure(st);
        return;
    }
    tuf_assert(slice_equal(buf_slice(&doc.body), buf_slice(&plain.body)));
    tuf_assert(doc.body_size == plain.body_size);
    tuf_assert(!doc.has_id || (doc.id.len > 0 && tufi_utf8_valid(doc.id)));
    check_revision(&doc);
    check_revisions(&doc);
    check_attachments(&doc);
    check_hash(&doc);
    tufi_docscan_release(&plain);
    tufi_docscan_release(&doc);
}

/* Opening, value, and as many brackets as were opened. */
static void check_wrapped(const char *opening, const uint8_t *data, size_t size)
{
    TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
    buf_append_str(&text, opening);
    tufi_buf_append(&text, data, size);
    for (const char *p = opening; *p; p++)
        if (*p == '{')
            buf_append_u8(&text, '}');
    tuf_assert(!text.failed);
    check_document(buf_slice(&text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t opening_count = sizeof(openings) / sizeof(openings[0]);
    if (size > 0 && data[0] < opening_count)
        check_wrapped(openings[data[0]], data + 1, size - 1);
    else
        check_document(tuf_slice_of(data, size));
    return 0;
}
