/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: a stored document as one JSON object: special members around the stored body text, which
 * is never parsed.
 *
 * Source: the member order is CouchDB's.
 */
#include <inttypes.h>

#include "base/hex.h"
#include "cli/cli.h"
#include "json/docscan.h"

static tuf_status append_revisions(struct buf *out, tuf_doc *doc)
{
    const tuf_rev_entry *entries = NULL;
    size_t count = 0;
    tuf_status st = tuf_doc_revisions(&entries, &count, doc);
    if (st != TUF_OK)
        return st;
    tufi_json_write_revisions(out, entries, count);
    return TUF_OK;
}

static void append_leaves(struct buf *out, const tuf_doc *doc, bool deleted, const char *member)
{
    const tuf_docinfo *info = tuf_doc_info(doc);
    size_t found = 0;
    for (size_t i = 1; i < info->leaf_count; i++) {
        if (info->leaves[i].deleted != deleted)
            continue;
        if (found++ == 0)
            tufi_buf_printf(out, ",\"%s\":[", member);
        else
            buf_append_u8(out, ',');
        tufi_json_write_rev(out, info->leaves[i].rev);
    }
    if (found > 0)
        buf_append_u8(out, ']');
}

static void free_reader(tuf_att_reader **reader)
{
    tuf_att_reader_free(reader);
}

static tuf_status append_att_data(struct buf *out, const tuf_doc *doc, size_t pos)
{
    TUF_AUTO(free_reader) tuf_att_reader *reader = NULL;
    tuf_status st = tuf_att_open(&reader, doc, pos, TUF_ATT_DECODED);
    if (st != TUF_OK)
        return st;
    TUF_AUTOFREE uint8_t *chunk = tufi_alloc(CLI_CHUNK_SIZE);
    if (!chunk)
        return TUF_E_NOMEM;
    buf_append_str(out, ",\"data\":\"");
    for (;;) {
        size_t len = 0;
        st = tuf_att_read(&len, reader, chunk, CLI_CHUNK_SIZE);
        if (st != TUF_OK)
            break;
        /* Every chunk but the last is full, and a multiple of three: no padding inside. */
        tufi_base64_encode(out, tuf_slice_of(chunk, len));
    }
    buf_append_u8(out, '"');
    return st == TUF_END ? TUF_OK : st;
}

static tuf_status append_att(struct buf *out, const tuf_doc *doc, size_t pos, enum cli_atts how)
{
    tuf_att_info att;
    tuf_status st = tuf_doc_att(&att, doc, pos);
    if (st != TUF_OK)
        return st;
    tufi_json_write_string(out, att.name);
    buf_append_str(out, ":{\"content_type\":");
    tufi_json_write_string(out, att.type);
    tufi_buf_printf(out, ",\"revpos\":%" PRIu64 ",\"digest\":\"md5-", att.revpos);
    tufi_base64_encode(out, tuf_slice_of(att.md5, sizeof att.md5));
    buf_append_u8(out, '"');
    if (how == CLI_ATTS_INLINE) {
        st = append_att_data(out, doc, pos);
    } else {
        tufi_buf_printf(out, ",\"length\":%" PRIu64, att.length);
        if (att.gzip)
            tufi_buf_printf(out, ",\"encoding\":\"gzip\",\"encoded_length\":%" PRIu64,
                            att.encoded_length);
        buf_append_str(out, how == CLI_ATTS_FOLLOW ? ",\"follows\":true" : ",\"stub\":true");
    }
    buf_append_u8(out, '}');
    return st;
}

static tuf_status append_atts(struct buf *out, const tuf_doc *doc, enum cli_atts how)
{
    size_t count = tuf_doc_att_count(doc);
    if (count == 0)
        return TUF_OK;
    buf_append_str(out, ",\"_attachments\":{");
    for (size_t pos = 0; pos < count; pos++) {
        if (pos > 0)
            buf_append_u8(out, ',');
        tuf_status st = append_att(out, doc, pos, how);
        if (st != TUF_OK)
            return st;
    }
    buf_append_u8(out, '}');
    return TUF_OK;
}

tuf_status cli_append_doc(struct buf *out, tuf_doc *doc, unsigned flags, enum cli_atts atts)
{
    const tuf_docinfo *info = tuf_doc_info(doc);
    buf_append_str(out, "{\"_id\":");
    tufi_json_write_string(out, info->id);
    buf_append_str(out, ",\"_rev\":");
    if (info->leaf_count == 0)
        tufi_buf_printf(out, "\"0-%" PRIu64 "\"", info->local_rev);
    else
        tufi_json_write_rev(out, tuf_doc_rev(doc));
    tuf_slice body = tuf_doc_body(doc);
    if (body.len > 2) { /* more than "{}": its members, without the braces */
        buf_append_u8(out, ',');
        tufi_buf_append(out, body.data + 1, body.len - 2);
    }
    if (tuf_doc_deleted(doc))
        buf_append_str(out, ",\"_deleted\":true");
    tuf_status st = TUF_OK;
    if (info->leaf_count > 0 && (flags & CLI_DOC_REVISIONS))
        st = append_revisions(out, doc);
    if (st == TUF_OK && (flags & CLI_DOC_CONFLICTS)) {
        append_leaves(out, doc, false, "_conflicts");
        append_leaves(out, doc, true, "_deleted_conflicts");
    }
    if (st == TUF_OK)
        st = append_atts(out, doc, atts);
    buf_append_u8(out, '}');
    return st == TUF_OK && out->failed ? TUF_E_NOMEM : st;
}
