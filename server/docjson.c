/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see server/docjson.h.
 *
 * A local document has a revision "0-N" and none of the other metadata.
 */
#include "server/docjson.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/hex.h"
#include "json/docscan.h"

/* A multiple of three, so that pieces of base64 can be put behind one another. */
#define PIECE_SIZE (DOCJSON_STEP_SIZE / 4 * 3)
static_assert(PIECE_SIZE % 3 == 0, "base64 pieces must not need padding");

static bool is_local(const tuf_doc *doc)
{
    return slice_starts(tuf_doc_info(doc)->id, "_local/");
}

static tuf_status append_revisions(struct buf *out, tuf_doc *doc)
{
    const tuf_rev_entry *entries = NULL;
    size_t count = 0;
    tuf_status st = tuf_doc_revisions(&entries, &count, doc);
    if (st != TUF_OK)
        return tufi_fold(st);
    tufi_json_write_revisions(out, entries, count);
    return TUF_OK;
}

static const char *rev_status_name(tuf_rev_status status)
{
    switch (status) {
    case TUF_REV_AVAILABLE:
        return "available";
    case TUF_REV_MISSING:
        return "missing";
    case TUF_REV_IS_DELETED:
        return "deleted";
    }
    tuf_unreachable("revision status");
}

static tuf_status append_revs_info(struct buf *out, tuf_doc *doc)
{
    const tuf_rev_entry *revs = NULL;
    size_t count = 0;
    tuf_status st = tuf_doc_revisions(&revs, &count, doc);
    if (st != TUF_OK)
        return tufi_fold(st);
    buf_append_str(out, ",\"_revs_info\":[");
    for (size_t i = 0; i < count; i++) {
        buf_append_str(out, i > 0 ? ",{\"rev\":" : "{\"rev\":");
        tufi_json_write_rev(out, revs[i].rev);
        tufi_buf_printf(out, ",\"status\":\"%s\"}", rev_status_name(revs[i].status));
    }
    buf_append_u8(out, ']');
    return TUF_OK;
}

/* Leaves beside the winner, which is the first. */
static bool has_conflicts(const tuf_docinfo *info, bool deleted)
{
    for (size_t i = 1; i < info->leaf_count; i++) {
        if (info->leaves[i].deleted == deleted)
            return true;
    }
    return false;
}

static void append_conflicts(struct buf *out, const tuf_docinfo *info, bool deleted)
{
    if (!has_conflicts(info, deleted))
        return;
    buf_append_str(out, deleted ? ",\"_deleted_conflicts\":[" : ",\"_conflicts\":[");
    bool first = true;
    for (size_t i = 1; i < info->leaf_count; i++) {
        if (info->leaves[i].deleted != deleted)
            continue;
        if (!first)
            buf_append_u8(out, ',');
        first = false;
        tufi_json_write_rev(out, info->leaves[i].rev);
    }
    buf_append_u8(out, ']');
}

bool docjson_has_meta(const tuf_doc *doc, unsigned flags)
{
    if (is_local(doc))
        return false;
    const tuf_docinfo *info = tuf_doc_info(doc);
    return (flags & (DOCJSON_REVS_INFO | DOCJSON_LOCAL_SEQ)) != 0 ||
           ((flags & DOCJSON_CONFLICTS) != 0 && has_conflicts(info, false)) ||
           ((flags & DOCJSON_DELETED_CONFLICTS) != 0 && has_conflicts(info, true));
}

static tuf_status append_meta(struct buf *out, tuf_doc *doc, unsigned flags)
{
    const tuf_docinfo *info = tuf_doc_info(doc);
    if (flags & DOCJSON_REVS) {
        tuf_status st = append_revisions(out, doc);
        if (st != TUF_OK)
            return st;
    }
    if (flags & DOCJSON_REVS_INFO) {
        tuf_status st = append_revs_info(out, doc);
        if (st != TUF_OK)
            return st;
    }
    if (flags & DOCJSON_CONFLICTS)
        append_conflicts(out, info, false);
    if (flags & DOCJSON_DELETED_CONFLICTS)
        append_conflicts(out, info, true);
    if (flags & DOCJSON_LOCAL_SEQ)
        tufi_buf_printf(out, ",\"_local_seq\":%" PRIu64, info->seq);
    return TUF_OK;
}

/* Everything before the attachments, without the closing brace. */
static tuf_status append_head(struct buf *out, tuf_doc *doc, const struct docjson_options *opts)
{
    const tuf_docinfo *info = tuf_doc_info(doc);
    tuf_slice body = tuf_doc_body(doc);
    tuf_assert(body.len >= 2);
    if (!tufi_buf_reserve(out, body.len + info->id.len + 128))
        return buf_status(out);
    buf_append_str(out, "{\"_id\":");
    tufi_json_write_string(out, info->id);
    buf_append_str(out, ",\"_rev\":");
    if (is_local(doc))
        tufi_buf_printf(out, "\"0-%" PRIu64 "\"", info->local_rev);
    else
        tufi_json_write_rev(out, tuf_doc_rev(doc));
    tuf_status st = TUF_OK;
    if (body.len > 2) {
        buf_append_u8(out, ',');
        if (opts->body != NULL && !is_local(doc))
            st = opts->body(out, body, opts->reader);
        else
            tufi_buf_append(out, body.data + 1, body.len - 2);
    }
    if (is_local(doc) || st != TUF_OK)
        return st != TUF_OK ? st : buf_status(out);
    if (tuf_doc_deleted(doc))
        buf_append_str(out, ",\"_deleted\":true");
    st = append_meta(out, doc, opts->flags);
    return st != TUF_OK ? st : buf_status(out);
}

tuf_status docjson_since_gen(uint64_t *out, tuf_doc *doc, const struct docjson_options *opts)
{
    uint64_t newest = 0;
    if (opts->atts_since_count > 0) {
        const tuf_rev_entry *revs = NULL;
        size_t count = 0;
        tuf_status st = tuf_doc_revisions(&revs, &count, doc);
        if (st != TUF_OK)
            return tufi_fold(st);
        for (size_t i = 0; i < count && newest == 0; i++) {
            for (size_t j = 0; j < opts->atts_since_count && newest == 0; j++) {
                if (tuf_rev_compare(revs[i].rev, opts->atts_since[j]) == 0)
                    newest = revs[i].rev.gen;
            }
        }
    }
    *out = newest;
    return TUF_OK;
}

static void append_encoding(struct buf *out, const tuf_att_info *att, unsigned flags)
{
    if (att->gzip && (flags & DOCJSON_ATT_ENCODING))
        tufi_buf_printf(out, ",\"encoding\":\"gzip\",\"encoded_length\":%" PRIu64,
                        att->encoded_length);
    buf_append_u8(out, '}');
}

/* An attachment up to its data, or whole if it shows none. */
static tuf_status append_att(struct buf *out, struct docjson_stream *s)
{
    tuf_att_info att;
    tuf_status st = tuf_doc_att(&att, s->doc, s->att_pos);
    if (st != TUF_OK)
        return tufi_fold(st);
    buf_append_str(out, s->att_pos == 0 ? ",\"_attachments\":{" : ",");
    tufi_json_write_string(out, att.name);
    buf_append_str(out, ":{\"content_type\":");
    tufi_json_write_string(out, att.type);
    tufi_buf_printf(out, ",\"revpos\":%" PRIu64 ",\"digest\":\"md5-", att.revpos);
    tufi_base64_encode(out, tuf_slice_of(att.md5, sizeof(att.md5)));
    bool shown = (s->opts.flags & DOCJSON_ATTACHMENTS) && att.revpos > s->since_gen;
    if (shown && !(s->opts.flags & DOCJSON_FOLLOWS)) {
        buf_append_str(out, "\",\"data\":\"");
        return tufi_fold(tuf_att_open(&s->reader, s->doc, s->att_pos, TUF_ATT_DECODED));
    }
    tufi_buf_printf(out, "\",\"length\":%" PRIu64 ",\"%s\":true", att.length,
                    shown ? "follows" : "stub");
    append_encoding(out, &att, s->opts.flags);
    s->att_pos++;
    return buf_status(out);
}

/* The next piece of the open attachment's data; its end closes the attachment. */
static tuf_status append_data(struct buf *out, struct docjson_stream *s)
{
    TUF_AUTO(tufi_buf_release) struct buf piece = BUF_INIT;
    if (!tufi_buf_reserve(&piece, PIECE_SIZE))
        return buf_status(&piece);
    size_t len = 0;
    tuf_status st = tuf_att_read(&len, s->reader, piece.data, PIECE_SIZE);
    if (st < 0)
        return st;
    if (st == TUF_OK) {
        tufi_base64_encode(out, tuf_slice_of(piece.data, len));
        return buf_status(out);
    }
    tuf_att_info att;
    st = tuf_doc_att(&att, s->doc, s->att_pos);
    if (st != TUF_OK)
        return tufi_fold(st);
    tuf_att_reader_free(&s->reader);
    buf_append_u8(out, '"');
    append_encoding(out, &att, s->opts.flags);
    s->att_pos++;
    return buf_status(out);
}

void docjson_begin(struct docjson_stream *s, tuf_doc *doc, const struct docjson_options *opts)
{
    memset(s, 0, sizeof(*s));
    s->doc = doc;
    if (opts != NULL)
        s->opts = *opts;
}

tuf_status docjson_next(struct buf *out, struct docjson_stream *s)
{
    if (!s->begun) {
        tuf_status st = append_head(out, s->doc, &s->opts);
        if (st == TUF_OK && (s->opts.flags & DOCJSON_ATTACHMENTS))
            st = docjson_since_gen(&s->since_gen, s->doc, &s->opts);
        if (st != TUF_OK)
            return st;
        s->begun = true;
    }
    size_t count = is_local(s->doc) ? 0 : tuf_doc_att_count(s->doc);
    size_t start = out->len;
    while (s->att_pos < count) {
        if (out->len - start >= DOCJSON_STEP_SIZE)
            return TUF_OK;
        tuf_status st = s->reader == NULL ? append_att(out, s) : append_data(out, s);
        if (st != TUF_OK)
            return st;
    }
    buf_append_str(out, count > 0 ? "}}" : "}");
    tuf_status st = buf_status(out);
    return st == TUF_OK ? TUF_END : st;
}

void docjson_end(struct docjson_stream *s)
{
    tuf_att_reader_free(&s->reader);
}

tuf_status docjson_write(struct buf *out, tuf_doc *doc, const struct docjson_options *opts)
{
    TUF_AUTO(docjson_end) struct docjson_stream s;
    docjson_begin(&s, doc, opts);
    tuf_status st = TUF_OK;
    while (st == TUF_OK)
        st = docjson_next(out, &s);
    return st == TUF_END ? TUF_OK : st;
}
