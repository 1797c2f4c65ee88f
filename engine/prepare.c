/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: everything about an edit that needs no lock, done in the caller's thread: compress the body
 * and the attachments, write large attachments, find what stubs refer to, compute the revision id.
 *
 * A stored revision never changes, so what a stub refers to can be looked up in any snapshot that
 * has the parent. Parents that only an earlier edit of the same call makes are found later, under
 * the lock (place.c).
 */
#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"
#include "engine/edit.h"
#include "engine/revid.h"

/* Larger ones are written as chunk frames before the commit, to keep commits short. */
#define INLINE_ATT_SIZE_MAX (64u * 1024)

tuf_status tufi_edit_resolve_stub(struct edit_att *att, const tuf_edit *e,
                                  const struct stored_att *atts, size_t att_count)
{
    for (size_t i = 0; i < att_count; i++) {
        if (!slice_equal(atts[i].name, att->name))
            continue;
        if (att->has_revpos && att->revpos != atts[i].revpos)
            break;
        att->data = atts[i].data;
        att->revpos = atts[i].revpos;
        att->has_revpos = att->keep_revpos = true;
        tuf_slice type = tufi_arena_copy(&((tuf_edit *)(uintptr_t)e)->arena, atts[i].type);
        if (!type.data)
            return tufi_nomem();
        att->type = type;
        att->state = EDIT_ATT_PLACED;
        return TUF_OK;
    }
    return tufi_fail_kind(TUF_MISSING_STUB, "missing_stub",
                          "Invalid attachment stub in %.*s for %.*s",
                          (int)min_size(e->full_id.len, 80), (const char *)e->full_id.data,
                          (int)min_size(att->name.len, 80), (const char *)att->name.data);
}

static bool has_state(const tuf_edit *e, enum edit_att_state state)
{
    for (size_t i = 0; i < e->att_count; i++)
        if (e->atts[i].state == state)
            return true;
    return false;
}

static bool has_foreign(const tuf_edit *e, const struct store *store)
{
    for (size_t i = 0; i < e->att_count; i++)
        if (e->atts[i].state == EDIT_ATT_PLACED && e->atts[i].hold.store != store)
            return true;
    return false;
}

static tuf_status pack_att(struct edit_att *att, tuf_db *db)
{
    TUF_AUTO(tufi_buf_release) struct buf raw = att->bytes;
    att->bytes = (struct buf)BUF_INIT;
    tuf_status st = tufi_att_prepare(&att->data, &att->bytes, db, att->type, buf_slice(&raw));
    att->state = EDIT_ATT_STORED;
    return st;
}

/* Bytes that the parent already has under the same name are not written again: new ones take the place
 * of those that it lost. */
static bool reuse_parent_bytes(struct edit_att *att, const struct stored_att *atts,
                               size_t att_count)
{
    for (size_t i = 0; i < att_count; i++) {
        const struct att_data *have = &atts[i].data;
        if (!slice_equal(atts[i].name, att->name) || att_is_lost(have) ||
            have->gzip != att->data.gzip || have->encoded_length != att->data.encoded_length ||
            memcmp(have->md5, att->data.md5, sizeof(have->md5)) != 0)
            continue;
        att->data = *have;
        att->state = EDIT_ATT_PLACED;
        tufi_buf_release(&att->bytes);
        return true;
    }
    return false;
}

static tuf_status write_att(struct edit_att *att, struct store *store)
{
    if (att->bytes.len <= INLINE_ATT_SIZE_MAX && att->bytes.len > 0)
        return TUF_OK; /* goes into the commit's own frame */
    tuf_status st = tufi_att_store(&att->data, store, buf_slice(&att->bytes));
    if (st == TUF_OK) {
        att->state = EDIT_ATT_PLACED;
        tufi_edit_att_set_store(att, store);
        tufi_buf_release(&att->bytes);
    }
    return st;
}

static tuf_status put_chunk(void *ctx, tuf_slice payload, const struct rec_loc *same,
                            struct rec_loc *out)
{
    (void)same;
    return tufi_store_append_chunk(ctx, payload, out);
}

/* Compaction may have replaced the file since an attachment was written or looked up: then its
 * bytes are taken over into the new one. */
static tuf_status move_att(struct edit_att *att, struct store *store)
{
    if (att->state != EDIT_ATT_PLACED || att->hold.store == store)
        return TUF_OK;
    tuf_status st = tufi_att_copy(&att->data, att->hold.store, put_chunk, store);
    if (st == TUF_OK)
        tufi_edit_att_set_store(att, store);
    return st;
}

/* Opens the record whose attachments the edit builds on: the parent of an interactive edit, the
 * newest stored ancestor of a replicated one. TUF_NOT_FOUND if the snapshot has none. */
static tuf_status open_base(tuf_doc **doc, tuf_snapshot *snapshot, const tuf_edit *e)
{
    if (!e->replicated) {
        if (!e->has_rev)
            return TUF_NOT_FOUND;
        return tuf_doc_open(doc, snapshot, e->full_id, &e->rev.rev);
    }
    for (size_t i = 1; i < e->path_count; i++) {
        tuf_rev rev = { e->rev.rev.gen - i, e->path[i] };
        tuf_status st = tuf_doc_open(doc, snapshot, e->full_id, &rev);
        if (st != TUF_NOT_FOUND)
            return st;
    }
    return TUF_NOT_FOUND;
}

/* A stub in a document without a past: there is nothing it could refer to. */
static tuf_status missing_base(tuf_doc **doc, tuf_snapshot *snapshot, const tuf_edit *e)
{
    if (!e->replicated && e->has_rev)
        return TUF_OK; /* judged under the lock: most likely a conflict */
    tuf_status st = tuf_doc_find_info(doc, snapshot, e->full_id);
    if (st < 0)
        return st;
    bool known = st == TUF_OK;
    if (known && !e->replicated && !tuf_doc_info(*doc)->deleted)
        return TUF_OK; /* a conflict */
    bool already = false;
    if (known && e->replicated) {
        st = tuf_doc_known_revs(&already, *doc, &e->rev.rev, 1);
        if (st < 0 || already)
            return st;
    }
    return tufi_fail_kind(TUF_MISSING_STUB, "missing_stub",
                          "Previous revision missing for document %.*s",
                          (int)min_size(e->full_id.len, 120), (const char *)e->full_id.data);
}

static tuf_status use_base(tuf_edit *e, const tuf_doc *doc)
{
    size_t count;
    const struct stored_att *atts = tufi_doc_stored_atts(doc, &count);
    struct store *store = tufi_snapshot_store(tufi_doc_snapshot(doc));
    bool current = e->replicated || tufi_doc_is_leaf(doc, e->rev.rev);
    bool from_past = !tufi_doc_is_leaf(doc, tuf_doc_rev(doc));
    for (size_t i = 0; i < e->att_count; i++) {
        struct edit_att *att = &e->atts[i];
        bool elsewhere = att->state == EDIT_ATT_PLACED && att->hold.store != store;
        if ((att->state == EDIT_ATT_STORED || elsewhere) && !from_past)
            if (reuse_parent_bytes(att, atts, count))
                tufi_edit_att_set_store(att, store);
        if (att->state != EDIT_ATT_STUB)
            continue;
        tuf_status st = tufi_edit_resolve_stub(att, e, atts, count);
        if (st < 0 || (st > 0 && current))
            return st;
        if (st == TUF_OK) {
            tufi_edit_att_set_store(att, store);
            att->from_past = from_past;
        }
        /* Not current: a conflict, to be found under the lock. */
    }
    return TUF_OK;
}

static tuf_status prepare_atts(tuf_edit *e, tuf_db *db, tuf_snapshot *snapshot)
{
    tuf_status st = TUF_OK;
    if (has_state(e, EDIT_ATT_FOLLOW))
        return tufi_fail_kind(TUF_E_INVALID, "bad_request",
                              "attachment bytes that should follow the document are missing");
    for (size_t i = 0; st == TUF_OK && i < e->att_count; i++)
        if (e->atts[i].state == EDIT_ATT_BYTES)
            st = pack_att(&e->atts[i], db);
    if (st < 0)
        return st;
    if (has_state(e, EDIT_ATT_STUB) || has_state(e, EDIT_ATT_STORED) ||
        has_foreign(e, snapshot->store)) {
        TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
        st = open_base(&doc, snapshot, e);
        if (st == TUF_OK)
            st = use_base(e, doc);
        else if (st == TUF_NOT_FOUND)
            st = has_state(e, EDIT_ATT_STUB) ? missing_base(&doc, snapshot, e) : TUF_OK;
    }
    for (size_t i = 0; st == TUF_OK && i < e->att_count; i++) {
        if (e->atts[i].state == EDIT_ATT_STORED)
            st = write_att(&e->atts[i], snapshot->store);
        if (st == TUF_OK)
            st = move_att(&e->atts[i], snapshot->store);
    }
    return st;
}

/* The term of a body of which only the stored form is left. */
static tuf_status rebuild_etf(struct buf *etf, const tuf_edit *e)
{
    if (!e->is_packed)
        return tufi_docscan_etf(etf, buf_slice(&e->body));
    TUF_AUTO(tufi_buf_release) struct buf body = BUF_INIT;
    tuf_status st = tufi_body_unpack(&body, e->codec, buf_slice(&e->packed), e->body_len, 0);
    return st < 0 ? st : tufi_docscan_etf(etf, buf_slice(&body));
}

tuf_status tufi_edit_hash(uint8_t out[16], const tuf_edit *e, const tuf_rev *parent)
{
    TUF_AUTOFREE struct revid_att *atts = NULL;
    if (e->att_count > 0) {
        atts = tufi_alloc_array(e->att_count, sizeof(*atts));
        if (!atts)
            return tufi_nomem();
        for (size_t i = 0; i < e->att_count; i++) {
            atts[i].name = e->atts[i].name;
            atts[i].type = e->atts[i].type;
            memcpy(atts[i].md5, e->atts[i].data.md5, sizeof(atts[i].md5));
            atts[i].hidden = parent != NULL && !e->has_rev;
        }
    }
    TUF_AUTO(tufi_buf_release) struct buf rebuilt = BUF_INIT;
    tuf_slice etf = buf_slice(&e->etf);
    if (etf.len == 0) {
        tuf_status st = rebuild_etf(&rebuilt, e);
        if (st < 0)
            return st;
        etf = buf_slice(&rebuilt);
    }
    return tufi_revid_hash(out, e->deleted, parent, etf, atts, e->att_count);
}

static tuf_status pack_body(tuf_edit *e, const tuf_db *db)
{
    tufi_buf_clear(&e->packed);
    tuf_status st = tufi_body_pack(&e->packed, &e->codec, buf_slice(&e->body), db->compression);
    e->body_len = e->body.len;
    return st;
}

/* Whether the revision id is known before the commit, and without its attachments. */
static bool hashes_alone(const tuf_edit *e)
{
    return !e->replicated && !e->local && e->att_count == 0;
}

tuf_status tuf_edit_prepare(tuf_edit *e, tuf_db *db)
{
    tuf_assert(e->magic == EDIT_MAGIC);
    tufi_error_clear();
    if (e->is_packed || e->att_count > 0)
        return TUF_OK;
    tuf_status st = TUF_OK;
    if (hashes_alone(e)) {
        st = tufi_edit_hash(e->hash, e, e->has_rev ? &e->rev.rev : NULL);
        e->hashed = st == TUF_OK;
    }
    if (st < 0)
        return st;
    /* The term is of no more use, its memory is. */
    if (e->packed.data == NULL) {
        e->packed = e->etf;
        e->etf = (struct buf)BUF_INIT;
    }
    tufi_buf_release(&e->etf);
    st = pack_body(e, db);
    if (st < 0)
        return st;
    e->is_packed = true;
    tufi_buf_release(&e->body);
    return TUF_OK;
}

tuf_status tufi_edit_prepare(tuf_edit *e, tuf_db *db, tuf_snapshot *snapshot)
{
    tuf_status st = TUF_OK;
    e->result = (tuf_edit_result){ .status = TUF_E_INTERNAL };
    if (e->full_id.len == 0)
        return tufi_fail_kind(TUF_E_INVALID, "illegal_docid", "Document id must not be empty");
    if (e->att_count > 0)
        st = prepare_atts(e, db, snapshot);
    if (st != TUF_OK)
        return st;
    if (e->is_packed && e->hashed && hashes_alone(e))
        return TUF_OK;
    e->hashed = false;
    if (!e->is_packed)
        st = pack_body(e, db);
    if (st < 0 || e->replicated || e->local || has_state(e, EDIT_ATT_STUB))
        return st;
    st = tufi_edit_hash(e->hash, e, e->has_rev ? &e->rev.rev : NULL);
    e->hashed = st == TUF_OK;
    return st;
}
