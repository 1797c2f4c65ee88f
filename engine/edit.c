/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: make edits: from the text of a document, from a stored document, and by the small setters.
 *
 * INV-ED-1: everything an edit refers to lives in its own arena and buffers; the caller's text may
 *           go.
 *
 * Not here: reading JSON (json/docscan.h); what happens at commit (prepare.c, place.c).
 */
#include "engine/edit.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"
#include "base/hex.h"

#define LOCAL_PREFIX "_local/"
#define DESIGN_PREFIX "_design/"

static tuf_edit *new_edit(void)
{
    tuf_edit *e = tufi_alloc_zero(sizeof(*e));
    if (e)
        e->magic = EDIT_MAGIC;
    return e;
}

static void release_att(struct edit_att *att)
{
    tufi_buf_release(&att->bytes);
    tufi_hold_drop(&att->hold);
}

void tufi_edit_att_set_store(struct edit_att *att, struct store *store)
{
    struct store_hold old = att->hold;
    tufi_hold_take(&att->hold, store);
    tufi_hold_drop(&old);
}

void tuf_edit_free(tuf_edit **edit)
{
    tuf_edit *e = *edit;
    *edit = NULL;
    if (!e)
        return;
    tuf_assert(e->magic == EDIT_MAGIC);
    for (size_t i = 0; i < e->att_count; i++)
        release_att(&e->atts[i]);
    tufi_free(e->atts);
    tufi_buf_release(&e->body);
    tufi_buf_release(&e->etf);
    tufi_buf_release(&e->packed);
    tufi_arena_release(&e->arena);
    e->magic = 0;
    tufi_free(e);
}

static tuf_status illegal_id(const char *text)
{
    return tufi_fail_kind(TUF_E_INVALID, "illegal_docid", "%s", text);
}

/* CouchDB's rules on document ids. */
static tuf_status check_id(tuf_slice id)
{
    if (id.len == 0)
        return illegal_id("Document id must not be empty");
    if (id.len > TUF_ID_SIZE_MAX)
        return illegal_id("Document id is too long");
    if (!tufi_utf8_valid(id))
        return illegal_id("Document id must be valid UTF-8");
    if (id.data[0] != '_')
        return TUF_OK;
    if (slice_is(id, DESIGN_PREFIX))
        return illegal_id("Illegal document id `_design/`");
    if (slice_is(id, LOCAL_PREFIX))
        return illegal_id("Illegal document id `_local/`");
    if (!slice_starts(id, DESIGN_PREFIX) && !slice_starts(id, LOCAL_PREFIX))
        return illegal_id("Only reserved document ids may start with underscore.");
    return TUF_OK;
}

tuf_status tuf_edit_set_id(tuf_edit *edit, tuf_slice id)
{
    tuf_status st = check_id(id);
    if (st < 0)
        return st;
    edit->full_id = tufi_arena_copy(&edit->arena, id);
    if (!edit->full_id.data)
        return tufi_nomem();
    edit->local = slice_starts(id, LOCAL_PREFIX);
    size_t skip = edit->local ? strlen(LOCAL_PREFIX) : 0;
    edit->id = tuf_slice_of(edit->full_id.data + skip, id.len - skip);
    return TUF_OK;
}

static void copy_rev(tuf_revbuf *out, tuf_rev rev)
{
    tuf_assert(rev.id.len <= sizeof(out->bytes));
    if (rev.id.len > 0)
        memcpy(out->bytes, rev.id.data, rev.id.len);
    out->rev.gen = rev.gen;
    out->rev.id = tuf_slice_of(out->bytes, rev.id.len);
}

static tuf_status bad_request(const char *text)
{
    return tufi_fail_kind(TUF_E_INVALID, "bad_request", "%s", text);
}

/* ---- attachments ------------------------------------------------------------------------------ */

static tuf_status grow_atts(tuf_edit *e, size_t count)
{
    if (count <= e->att_cap)
        return TUF_OK;
    if (count > DOCREC_ATTS_MAX)
        return tufi_fail(TUF_E_LIMIT, "more than %d attachments", DOCREC_ATTS_MAX);
    size_t cap = max_size(count, e->att_cap * 2);
    struct edit_att *atts = tufi_realloc(e->atts, cap * sizeof(*atts));
    if (!atts)
        return tufi_nomem();
    e->atts = atts;
    e->att_cap = cap;
    return TUF_OK;
}

static tuf_status check_att_name(tuf_slice name)
{
    if (name.len == 0)
        return bad_request("Attachment name must not be empty");
    if (name.len > ATT_NAME_SIZE_MAX)
        return bad_request("Attachment name is too long");
    if (!tufi_utf8_valid(name))
        return bad_request("Attachment name is not UTF-8 encoded");
    if (name.data[0] == '_')
        return tufi_fail_kind(TUF_E_INVALID, "bad_request",
                              "Attachment name '%.*s' starts with prohibited character '_'",
                              (int)min_size(name.len, 100), (const char *)name.data);
    return TUF_OK;
}

static tuf_status name_att(struct edit_att *att, tuf_edit *e, tuf_slice name, tuf_slice type)
{
    tuf_status st = check_att_name(name);
    if (st < 0)
        return st;
    if (type.len > ATT_TYPE_SIZE_MAX)
        return bad_request("Attachment content type is too long");
    if (type.len == 0)
        type = tuf_str("application/octet-stream");
    att->name = tufi_arena_copy(&e->arena, name);
    att->type = tufi_arena_copy(&e->arena, type);
    return att->name.data && att->type.data ? TUF_OK : tufi_nomem();
}

static tuf_status too_large(tuf_slice name)
{
    return tufi_fail_kind(TUF_E_LIMIT, "attachment_too_large", "%.*s",
                          (int)min_size(name.len, 190), (const char *)name.data);
}

static tuf_status take_inline(struct edit_att *att, const struct scanned_att *in,
                              uint64_t size_max)
{
    att->state = EDIT_ATT_BYTES;
    /* Refuse by the length of the text before decoding something huge. */
    if (size_max > 0 && in->data.len / 4 * 3 > size_max + 3)
        return too_large(in->name);
    if (!tufi_base64_decode(&att->bytes, in->data)) {
        if (att->bytes.failed)
            return tufi_nomem();
        return tufi_fail_kind(TUF_E_INVALID, "bad_request", "Invalid attachment data for %.*s",
                              (int)min_size(in->name.len, 150), (const char *)in->name.data);
    }
    if (size_max > 0 && att->bytes.len > size_max)
        return too_large(in->name);
    return TUF_OK;
}

static void take_follow(struct edit_att *att, const struct scanned_att *in)
{
    att->state = EDIT_ATT_FOLLOW;
    att->was_follow = true;
    att->follow = (tuf_follow){
        .name = att->name,
        .type = att->type,
        .length = in->has_length ? in->length : UINT64_MAX,
        .encoded_length = in->has_encoded_length ? in->encoded_length : UINT64_MAX,
        .gzip = in->gzip,
        .has_digest = in->has_digest,
    };
    memcpy(att->follow.digest, in->digest, sizeof(in->digest));
}

static tuf_status take_att(tuf_edit *e, const struct scanned_att *in, uint64_t size_max)
{
    struct edit_att *att = &e->atts[e->att_count];
    memset(att, 0, sizeof(*att));
    e->att_count++; /* now released with the edit */
    tuf_status st = name_att(att, e, in->name, in->type);
    if (st < 0)
        return st;
    att->has_revpos = in->has_revpos;
    att->revpos = in->revpos;
    if (in->stub)
        att->state = EDIT_ATT_STUB;
    else if (in->follows)
        take_follow(att, in);
    else
        st = take_inline(att, in, size_max);
    return st;
}

static tuf_status take_atts(tuf_edit *e, const struct scanned_doc *doc, uint64_t size_max)
{
    if (e->local)
        return TUF_OK; /* local documents have none: CouchDB drops them without a word */
    tuf_status st = grow_atts(e, doc->att_count);
    for (size_t i = 0; st == TUF_OK && i < doc->att_count; i++)
        st = take_att(e, &doc->atts[i], size_max);
    return st;
}

/* ---- parsing ---------------------------------------------------------------------------------- */

static tuf_status copy_path(tuf_edit *e, const tuf_slice *ids, size_t count)
{
    if (count > DOCREC_PATH_MAX)
        return tufi_fail(TUF_E_LIMIT, "revision path of %zu is longer than %d", count,
                         DOCREC_PATH_MAX);
    e->path = tufi_arena_alloc(&e->arena, count * sizeof(*e->path));
    if (!e->path)
        return tufi_nomem();
    for (size_t i = 0; i < count; i++) {
        e->path[i] = tufi_arena_copy(&e->arena, ids[i]);
        if (!e->path[i].data)
            return tufi_nomem();
    }
    e->path_count = count;
    return TUF_OK;
}

static tuf_status take_revisions(tuf_edit *e, const struct scanned_doc *doc)
{
    if (doc->revision_count == 0 || doc->revisions_start == 0)
        return TUF_OK; /* an empty history is as none */
    if (doc->revision_count > doc->revisions_start)
        return tufi_fail_kind(TUF_E_INVALID, "doc_validation",
                              "_revisions has more ids than its start allows.");
    tuf_rev rev = { doc->revisions_start, doc->revisions[0] };
    if (rev.id.len == 0 || rev.id.len > TUF_REV_ID_SIZE_MAX)
        return bad_request("Invalid rev format");
    copy_rev(&e->rev, rev);
    e->has_rev = true;
    return e->replicated ? copy_path(e, doc->revisions, doc->revision_count) : TUF_OK;
}

static tuf_status take_rev(tuf_edit *e, const struct scanned_doc *doc)
{
    if (doc->has_revisions) {
        tuf_status st = take_revisions(e, doc);
        if (st < 0 || e->has_rev)
            return st;
    }
    if (doc->has_rev) {
        copy_rev(&e->rev, doc->rev.rev);
        e->has_rev = true;
        if (e->replicated && !e->local)
            return copy_path(e, &e->rev.rev.id, 1);
        return TUF_OK;
    }
    if (e->replicated && !e->local)
        return bad_request("When `new_edits: false`, the document needs `_rev` or `_revisions` "
                           "specified");
    return TUF_OK;
}

static tuf_status check_rev(const tuf_edit *e)
{
    if (e->replicated && !e->local && e->rev.rev.gen == 0)
        return bad_request("Invalid rev format");
    return TUF_OK;
}

static tuf_status take_document(tuf_edit *e, struct scanned_doc *doc,
                                const tuf_edit_options *opts)
{
    tuf_slice id = opts->id.len > 0 ? opts->id : doc->id;
    if (opts->id.len == 0 && !doc->has_id)
        return illegal_id("Document id must not be empty");
    tuf_status st = tuf_edit_set_id(e, id);
    if (st < 0)
        return st;
    if (opts->doc_size_max > 0 && doc->body_size > opts->doc_size_max)
        return tufi_fail_kind(TUF_E_LIMIT, "document_too_large", "%.*s",
                              (int)min_size(id.len, 190), (const char *)id.data);
    e->deleted = doc->deleted;
    st = take_rev(e, doc);
    if (st == TUF_OK)
        st = check_rev(e);
    if (st == TUF_OK)
        st = take_atts(e, doc, opts->att_size_max);
    e->body = doc->body;
    e->etf = doc->etf;
    doc->body = doc->etf = (struct buf)BUF_INIT;
    return st;
}

tuf_status tuf_edit_parse(tuf_edit **out, tuf_slice json, const tuf_edit_options *opts)
{
    tufi_error_clear();
    tuf_edit_options options = TUF_EDIT_OPTIONS_INIT;
    if (opts)
        memcpy(&options, opts, min_size(opts->struct_size, sizeof(options)));
    struct scanned_doc doc;
    bool replicated = options.flags & TUF_EDIT_REPLICATED;
    tuf_status st = tufi_docscan(&doc, json, replicated ? 0 : DOCSCAN_ETF);
    if (st < 0)
        return st;
    TUF_AUTO(tuf_edit_free) tuf_edit *e = new_edit();
    st = e ? TUF_OK : tufi_nomem();
    if (e) {
        e->replicated = replicated;
        st = take_document(e, &doc, &options);
    }
    tufi_docscan_release(&doc);
    if (st == TUF_OK)
        *out = tufi_steal(e);
    return st;
}

/* ---- from a stored document -------------------------------------------------------------------- */

static tuf_status copy_stored_att(tuf_edit *e, const tuf_doc *doc, size_t pos)
{
    tuf_att_info info;
    tuf_status st = tuf_doc_att(&info, doc, pos);
    if (st != TUF_OK)
        return tufi_fold(st);
    struct edit_att *att = &e->atts[pos];
    memset(att, 0, sizeof(*att));
    e->att_count = pos + 1;
    att->state = EDIT_ATT_PLACED;
    tufi_edit_att_set_store(att, tufi_snapshot_store(tufi_doc_snapshot(doc)));
    att->from_past = !tufi_doc_is_leaf(doc, tuf_doc_rev(doc));
    att->has_revpos = att->keep_revpos = true;
    att->revpos = info.revpos;
    att->name = tufi_arena_copy(&e->arena, info.name);
    att->type = tufi_arena_copy(&e->arena, info.type);
    if (!att->name.data || !att->type.data)
        return tufi_nomem();
    return tufi_doc_att_data(&att->data, doc, pos);
}

static tuf_status copy_document(tuf_edit *e, const tuf_doc *doc)
{
    tuf_slice id = tuf_doc_info(doc)->id;
    e->local = slice_starts(id, LOCAL_PREFIX);
    tuf_status st = tuf_edit_set_id(e, id);
    if (st < 0)
        return st;
    copy_rev(&e->rev, tuf_doc_rev(doc));
    e->has_rev = true;
    buf_append_slice(&e->body, tuf_doc_body(doc));
    st = buf_status(&e->body);
    if (st == TUF_OK)
        st = tufi_docscan_etf(&e->etf, buf_slice(&e->body));
    size_t count = tuf_doc_att_count(doc);
    if (st == TUF_OK)
        st = grow_atts(e, count);
    for (size_t i = 0; st == TUF_OK && i < count; i++)
        st = copy_stored_att(e, doc, i);
    return st;
}

tuf_status tuf_edit_from_doc(tuf_edit **out, const tuf_doc *doc)
{
    tufi_error_clear();
    TUF_AUTO(tuf_edit_free) tuf_edit *e = new_edit();
    if (!e)
        return tufi_nomem();
    tuf_status st = copy_document(e, doc);
    if (st == TUF_OK)
        *out = tufi_steal(e);
    return st;
}

/* ---- setters and getters ----------------------------------------------------------------------- */

tuf_status tuf_edit_set_parent(tuf_edit *edit, const tuf_rev *parent)
{
    if (edit->replicated)
        return tufi_fail(TUF_E_MISUSE, "a replicated edit brings its own revision");
    edit->hashed = false;
    edit->has_rev = parent != NULL;
    if (parent)
        copy_rev(&edit->rev, *parent);
    return TUF_OK;
}

void tuf_edit_set_deleted(tuf_edit *edit, bool deleted)
{
    edit->hashed = false;
    edit->deleted = deleted;
}

void tuf_edit_clear_body(tuf_edit *edit)
{
    static const uint8_t empty_object_term[] = { 0x68, 0x01, 0x6a };
    /* Shrinking needs no memory: the buffers hold at least an empty object, and the stored form of
     * one is itself. */
    edit->hashed = false;
    if (edit->is_packed) {
        tufi_buf_clear(&edit->packed);
        buf_append_str(&edit->packed, "{}");
        edit->codec = BODY_PLAIN;
        edit->body_len = edit->packed.len;
        return;
    }
    tufi_buf_clear(&edit->body);
    buf_append_str(&edit->body, "{}");
    tufi_buf_clear(&edit->etf);
    tufi_buf_append(&edit->etf, empty_object_term, sizeof(empty_object_term));
}

static size_t find_att(const tuf_edit *e, tuf_slice name)
{
    size_t pos = 0;
    while (pos < e->att_count && !slice_equal(e->atts[pos].name, name))
        pos++;
    return pos;
}

static void drop_att(tuf_edit *e, size_t pos)
{
    release_att(&e->atts[pos]);
    memmove(&e->atts[pos], &e->atts[pos + 1], (e->att_count - pos - 1) * sizeof(e->atts[0]));
    e->att_count--;
}

tuf_status tuf_edit_put_attachment(tuf_edit *edit, tuf_slice name, tuf_slice type, tuf_blob **blob)
{
    tufi_error_clear();
    if (edit->local)
        return bad_request("_local documents do not accept attachments.");
    struct edit_att att = { .state = EDIT_ATT_PLACED };
    tuf_status st = name_att(&att, edit, name, type);
    if (st == TUF_OK)
        st = grow_atts(edit, edit->att_count + 1);
    if (st < 0)
        return st;
    size_t pos = find_att(edit, name);
    if (pos < edit->att_count)
        drop_att(edit, pos);
    att.data = (*blob)->data;
    tufi_hold_copy(&att.hold, &(*blob)->hold);
    memmove(&edit->atts[1], &edit->atts[0], edit->att_count * sizeof(edit->atts[0]));
    edit->atts[0] = att;
    edit->att_count++;
    tuf_blob_free(blob);
    return TUF_OK;
}

tuf_status tuf_edit_remove_attachment(tuf_edit *edit, tuf_slice name)
{
    size_t pos = find_att(edit, name);
    if (pos == edit->att_count)
        return TUF_NOT_FOUND;
    drop_att(edit, pos);
    return TUF_OK;
}

size_t tuf_edit_follow_count(const tuf_edit *edit)
{
    size_t count = 0;
    for (size_t i = 0; i < edit->att_count; i++)
        count += edit->atts[i].was_follow;
    return count;
}

static struct edit_att *nth_follow(const tuf_edit *edit, size_t pos)
{
    for (size_t i = 0; i < edit->att_count; i++)
        if (edit->atts[i].was_follow && pos-- == 0)
            return &edit->atts[i];
    return NULL;
}

tuf_status tuf_edit_follow(tuf_follow *out, const tuf_edit *edit, size_t pos)
{
    const struct edit_att *att = nth_follow(edit, pos);
    if (!att)
        return TUF_END;
    *out = att->follow;
    return TUF_OK;
}

static tuf_status check_follow(const tuf_follow *f, const struct tuf_blob *blob,
                               uint64_t received)
{
    uint64_t expected = f->gzip ? f->encoded_length : f->length;
    if (expected != UINT64_MAX && received > expected)
        return bad_request("attachment longer than expected");
    if (expected != UINT64_MAX && received < expected)
        return bad_request("attachment shorter than expected");
    if (f->has_digest && memcmp(f->digest, blob->received_md5, sizeof(f->digest)) != 0)
        return tufi_fail_kind(TUF_E_INVALID, "md5_mismatch", "Possible message corruption.");
    return TUF_OK;
}

tuf_status tuf_edit_set_follow(tuf_edit *edit, size_t pos, tuf_blob **blob)
{
    tufi_error_clear();
    struct edit_att *att = nth_follow(edit, pos);
    if (!att)
        return TUF_END;
    const struct att_data *data = &(*blob)->data;
    /* Bytes that were compressed here came in their decoded length, others as they are stored. */
    uint64_t received = att->follow.gzip ? data->encoded_length : data->length;
    tuf_status st = check_follow(&att->follow, *blob, received);
    if (st < 0)
        return st;
    att->data = *data;
    tufi_hold_drop(&att->hold);
    tufi_hold_copy(&att->hold, &(*blob)->hold);
    if (att->follow.gzip && att->follow.length != UINT64_MAX)
        att->data.length = att->follow.length;
    att->state = EDIT_ATT_PLACED;
    tuf_blob_free(blob);
    return TUF_OK;
}

tuf_slice tuf_edit_id(const tuf_edit *edit)
{
    return edit->full_id;
}

tuf_status tuf_edit_rev(tuf_rev *out, const tuf_edit *edit)
{
    if (!edit->has_rev)
        return TUF_NOT_FOUND;
    *out = edit->rev.rev;
    return TUF_OK;
}

bool tuf_edit_deleted(const tuf_edit *edit)
{
    return edit->deleted;
}

bool tuf_edit_has_stubs(const tuf_edit *edit)
{
    for (size_t i = 0; i < edit->att_count; i++)
        if (edit->atts[i].state == EDIT_ATT_STUB || edit->atts[i].state == EDIT_ATT_FOLLOW)
            return true;
    return false;
}

void tuf_edit_get_result(tuf_edit_result *out, const tuf_edit *edit)
{
    *out = edit->result;
}
