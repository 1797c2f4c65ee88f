/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: judge one edit under the writer lock and, if it is accepted, add its record to the commit and
 * apply it.
 *
 * Interactive edits are accepted only on top of a leaf; replicated ones whenever they bring a
 * revision that is nowhere in the tree. Rules: docs/document-model.md.
 *
 * INV-PL-1: an edit that is not accepted changes neither the trees nor the frame, apart from a
 *           whole-tree record that nothing points at.
 * INV-PL-2: a document's history is at most CHAIN_LEN_MIN + node_count / CHAIN_DIVISOR records long.
 *
 * Not here: what a record does to the trees (apply.c); histories that come together (supersede.c).
 */
#include <stdio.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"
#include "engine/edit.h"
#include "engine/revtree.h"

/* A whole-tree record costs about 24 bytes per node. Written after node_count / 8 edits, that is
 * some 200 bytes per edit however long the history is, and reading a tree costs that many reads at
 * the most. */
#define CHAIN_LEN_MIN 16
#define CHAIN_DIVISOR 8

/* An edit while it is placed. */
struct placing {
    struct commit *c;
    tuf_edit *e;
    struct buf value;     /* bytes that info borrows */
    struct docinfo info;  /* leaf_count 0: a new document */
    struct revtree tree;  /* loaded when needed */
    bool tree_loaded;
};

static void placing_release(struct placing *p)
{
    tufi_buf_release(&p->value);
    tufi_docinfo_release(&p->info);
    tufi_revtree_release(&p->tree);
}

static tuf_status finish_with(tuf_edit *e, tuf_status status)
{
    e->result.status = status;
    return TUF_OK;
}

static tuf_status find_current(struct placing *p)
{
    const struct btree *by_id = tufi_btree_txn_tree(p->c->txn, TREE_BY_ID);
    tuf_status st = tufi_find_docinfo(p->c->db->store->env, by_id, p->e->id, &p->value, &p->info);
    return st == TUF_NOT_FOUND ? TUF_OK : st;
}

static tuf_status load_tree(struct placing *p)
{
    if (p->tree_loaded)
        return TUF_OK;
    /* Records of this same commit are not in the file yet. */
    tuf_status st = tufi_history_load_pending(&p->tree, &p->c->db->store->log, &p->info,
                                              &p->c->db->group);
    p->tree_loaded = st == TUF_OK;
    return st;
}

tuf_status tufi_commit_put_tree(struct commit *c, tuf_slice id, const struct revtree *tree,
                                struct rec_loc *loc_out)
{
    TUF_AUTO(tufi_buf_release) struct buf bytes = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf payload = BUF_INIT;
    tufi_revtree_encode(&bytes, tree);
    tufi_treerec_encode(&payload, id, buf_slice(&bytes));
    if (bytes.failed || payload.failed)
        return tufi_nomem();
    return tufi_commit_put(c, RECORD_TREE, buf_slice(&payload), loc_out);
}

/* INV-PL-2. Where the history before this edit can be read. */
static tuf_status history_place(struct placing *p, struct rec_loc *prev_out)
{
    *prev_out = (struct rec_loc){ 0, 0 };
    if (p->info.leaf_count == 0)
        return TUF_OK;
    *prev_out = p->info.tree;
    if (p->info.chain_len < CHAIN_LEN_MIN + p->info.node_count / CHAIN_DIVISOR)
        return TUF_OK;
    tuf_status st = load_tree(p);
    return st < 0 ? st : tufi_commit_put_tree(p->c, p->e->id, &p->tree, prev_out);
}

/* Attachments as the record lists them; small ones get their bytes written here. */
static tuf_status place_atts(struct placing *p, struct stored_att **out, uint64_t gen)
{
    tuf_edit *e = p->e;
    struct stored_att *atts = tufi_alloc_array(e->att_count, sizeof(*atts));
    if (!atts)
        return tufi_nomem();
    *out = atts;
    for (size_t i = 0; i < e->att_count; i++) {
        struct edit_att *att = &e->atts[i];
        if (att->state == EDIT_ATT_STORED) {
            att->data.chunk_count = 1;
            tuf_status st = tufi_commit_put(p->c, RECORD_CHUNK, buf_slice(&att->bytes),
                                            &att->data.loc);
            if (st < 0)
                return st;
        }
        bool keep = att->keep_revpos || (e->replicated && att->has_revpos && att->revpos > 0);
        atts[i] = (struct stored_att){
            .name = att->name,
            .type = att->type,
            .revpos = keep ? att->revpos : gen,
            .data = att->data,
        };
    }
    return TUF_OK;
}

static void set_result_rev(tuf_edit *e, tuf_rev rev)
{
    memcpy(e->result_rev.bytes, rev.id.data, rev.id.len);
    e->result_rev.rev.gen = rev.gen;
    e->result_rev.rev.id = tuf_slice_of(e->result_rev.bytes, rev.id.len);
    e->result.rev = e->result_rev.rev;
}

/* Completes a record whose revision and history are set, appends and applies it. */
static tuf_status put_document(struct placing *p, struct docrec *rec)
{
    tuf_edit *e = p->e;
    struct commit *c = p->c;
    TUF_AUTOFREE struct stored_att *atts = NULL;
    tuf_status st = TUF_OK;
    if (e->att_count > 0)
        st = place_atts(p, &atts, rec->rev.gen);
    if (st < 0)
        return st;
    rec->seq = c->now.update_seq + 1;
    rec->deleted = e->deleted;
    rec->id = e->id;
    rec->stem_limit = c->now.revs_limit;
    rec->atts = atts;
    rec->att_count = e->att_count;
    rec->codec = e->codec;
    rec->body_len = e->body_len;
    rec->body = buf_slice(&e->packed);
    size_t pos = tufi_commit_open_record(c);
    tufi_docrec_encode(&c->db->group, rec);
    struct rec_loc loc;
    st = tufi_commit_close_record(c, pos, RECORD_DOC, &loc);
    if (st == TUF_OK)
        st = tufi_apply_doc_info(c->txn, &c->now, rec, loc, &p->info);
    if (st < 0)
        return st;
    e->result = (tuf_edit_result){ .status = TUF_OK, .stored = true, .seq = rec->seq };
    set_result_rev(e, rec->rev);
    return TUF_OK;
}

/* A damaged history spoils this edit only: nothing was changed yet. */
static tuf_status spoil_edit(struct placing *p, tuf_status st)
{
    return st == TUF_E_CORRUPT || st == TUF_E_LIMIT ? finish_with(p->e, st) : st;
}

/* ---- interactive ------------------------------------------------------------------------------- */

static const struct leafinfo *find_leaf(const struct docinfo *info, tuf_rev rev)
{
    for (size_t i = 0; i < info->leaf_count; i++)
        if (tuf_rev_compare(info->leaves[i].rev, rev) == 0)
            return &info->leaves[i];
    return NULL;
}

/* The leaf that an interactive edit extends; NULL for a new document. False: a conflict. */
static bool choose_parent(const struct placing *p, const struct leafinfo **parent)
{
    const tuf_edit *e = p->e;
    *parent = NULL;
    if (p->info.leaf_count == 0)
        return !e->has_rev;
    bool all_deleted = p->info.leaves[0].deleted;
    if (e->has_rev) {
        *parent = all_deleted ? NULL : find_leaf(&p->info, e->rev.rev);
        return *parent != NULL;
    }
    *parent = &p->info.leaves[0];
    return all_deleted && !e->deleted;
}

static bool has_stub(const tuf_edit *e)
{
    for (size_t i = 0; i < e->att_count; i++)
        if (e->atts[i].state == EDIT_ATT_STUB)
            return true;
    return false;
}

/* Stubs that refer to a revision which an earlier edit of the same commit made. */
static tuf_status resolve_late_stubs(struct placing *p, const struct leafinfo *parent)
{
    TUF_AUTO(tufi_buf_release) struct buf payload = BUF_INIT;
    TUF_AUTO(tufi_docrec_view_release) struct docrec_view view = DOCREC_VIEW_INIT;
    tuf_status st = TUF_OK;
    if (parent) {
        st = tufi_log_read_pending(&p->c->db->store->log, parent->rec, RECORD_DOC, &payload,
                                   &p->c->db->group);
        if (st == TUF_OK)
            st = tufi_docrec_decode(&view, buf_slice(&payload), parent->rec.off);
    }
    for (size_t i = 0; st == TUF_OK && i < p->e->att_count; i++) {
        struct edit_att *att = &p->e->atts[i];
        if (att->state != EDIT_ATT_STUB)
            continue;
        st = tufi_edit_resolve_stub(att, p->e, view.rec.atts, view.rec.att_count);
        att->late = st == TUF_OK;
    }
    return st;
}

/* What was resolved in a commit that was undone may have pointed into its frame. */
static void forget_late_stubs(tuf_edit *e)
{
    for (size_t i = 0; i < e->att_count; i++)
        if (e->atts[i].late) {
            e->atts[i].state = EDIT_ATT_STUB;
            e->atts[i].late = false;
        }
}

/* Whether the revision that an interactive edit makes is in the tree already: replication may have
 * brought it without its parent. */
static tuf_status find_known(struct placing *p, tuf_rev rev, bool *known_out)
{
    *known_out = find_leaf(&p->info, rev) != NULL;
    bool may_be_inner = false;
    for (size_t i = 0; i < p->info.leaf_count; i++)
        may_be_inner |= p->info.leaves[i].rev.gen > rev.gen;
    if (*known_out || !may_be_inner)
        return TUF_OK;
    tuf_status st = load_tree(p);
    *known_out = st == TUF_OK && tufi_revtree_find(&p->tree, rev) >= 0;
    return st;
}

static tuf_status place_interactive(struct placing *p)
{
    tuf_edit *e = p->e;
    const struct leafinfo *parent;
    forget_late_stubs(e);
    if (!choose_parent(p, &parent))
        return finish_with(e, TUF_CONFLICT);
    tuf_status st = TUF_OK;
    if (has_stub(e))
        st = resolve_late_stubs(p, parent);
    if (st > 0)
        return finish_with(e, st);
    bool as_hashed = e->hashed && (parent != NULL) == e->has_rev;
    e->hashed = as_hashed; /* if not, another try stands on another parent, maybe */
    if (st == TUF_OK && !as_hashed)
        st = tufi_edit_hash(e->hash, e, parent ? &parent->rev : NULL);
    struct docrec rec = { .rev = { 1, tuf_slice_of(e->hash, sizeof(e->hash)) } };
    rec.path_len = rec.node_count = 1;
    uint8_t parent_id[TUF_REV_ID_SIZE_MAX];
    tuf_slice ancestor = { 0 };
    if (parent) { /* copied: applying moves the leaves */
        memcpy(parent_id, parent->rev.id.data, parent->rev.id.len);
        ancestor = tuf_slice_of(parent_id, parent->rev.id.len);
        rec.ancestors = &ancestor;
        rec.ancestor_count = 1;
        rec.rev.gen = parent->rev.gen + 1;
        rec.path_len = min_u64(parent->path_len + 1, p->c->now.revs_limit);
        rec.node_count = p->info.leaf_count == 1 ? rec.path_len : p->info.node_count + 1;
    }
    bool known = false;
    if (st == TUF_OK)
        st = find_known(p, rec.rev, &known);
    if (st == TUF_OK && known)
        return finish_with(e, TUF_CONFLICT);
    if (st == TUF_OK)
        st = history_place(p, &rec.prev);
    return st < 0 ? spoil_edit(p, st) : put_document(p, &rec);
}

/* ---- replicated -------------------------------------------------------------------------------- */

/* Whether the edit's path ends in a leaf that is known as far back as the path goes. A lone leaf's
 * length is exact, and nothing beyond the limit matters to it. With several leaves lengths are not
 * exact, and what is older may matter to another branch, whose oldest revision may be in it. */
static bool extends(const struct placing *p, const struct leafinfo *leaf)
{
    const tuf_edit *e = p->e;
    uint64_t distance = e->rev.rev.gen - leaf->rev.gen;
    if (p->info.leaf_count > 1)
        return e->path_count <= distance + 1;
    return min_u64(e->path_count, p->c->now.revs_limit) <= distance + leaf->path_len;
}

/* The one leaf that the edit just extends: then the tree is not needed. NULL if there is none, or
 * if the path says more: two leaves on it, or ancestors older than those that are known; or if the
 * edit's own revision may be known as the ancestor of a longer leaf. */
static const struct leafinfo *find_extended(const struct placing *p)
{
    const tuf_edit *e = p->e;
    const struct leafinfo *found = NULL;
    for (size_t i = 0; i < p->info.leaf_count; i++) {
        const struct leafinfo *leaf = &p->info.leaves[i];
        if (leaf->rev.gen > e->rev.rev.gen)
            return NULL;
        if (leaf->rev.gen == e->rev.rev.gen)
            continue;
        uint64_t distance = e->rev.rev.gen - leaf->rev.gen;
        if (distance >= e->path_count || !slice_equal(e->path[distance], leaf->rev.id))
            continue;
        if (found || !extends(p, leaf))
            return NULL;
        found = leaf;
    }
    return found;
}

/* Merges the path into the loaded tree to learn whether it is new and how long it becomes. */
static tuf_status merge_path(struct placing *p, struct docrec *rec, bool *known_out)
{
    tuf_edit *e = p->e;
    tuf_status st = load_tree(p);
    if (st < 0)
        return st;
    *known_out = tufi_revtree_find(&p->tree, e->rev.rev) >= 0;
    if (*known_out)
        return TUF_OK;
    st = history_place(p, &rec->prev); /* before the merge: it may write the tree as it was */
    if (st < 0)
        return st;
    struct rev_path path = { e->rev.rev.gen, e->path, e->path_count };
    enum revtree_result result;
    st = tufi_revtree_merge(&p->tree, &path, 0, 0, 0, &result, NULL);
    if (st == TUF_OK)
        st = tufi_revtree_stem(&p->tree, p->c->now.revs_limit);
    if (st < 0)
        return st;
    int32_t pos = tufi_revtree_find(&p->tree, e->rev.rev);
    tuf_assert(pos >= 0);
    rec->path_len = tufi_revtree_path_len(&p->tree, (size_t)pos);
    rec->node_count = p->tree.count;
    rec->ancestors = e->path + 1;
    rec->ancestor_count = e->path_count - 1;
    return TUF_OK;
}

static tuf_status extend_leaf(struct placing *p, const struct leafinfo *leaf, struct docrec *rec)
{
    uint64_t distance = p->e->rev.rev.gen - leaf->rev.gen;
    rec->ancestors = p->e->path + 1;
    rec->ancestor_count = (size_t)distance;
    rec->path_len = min_u64(leaf->path_len + distance, p->c->now.revs_limit);
    rec->node_count =
        p->info.leaf_count == 1 ? rec->path_len : p->info.node_count + distance;
    return history_place(p, &rec->prev);
}

static void start_history(const struct placing *p, struct docrec *rec)
{
    size_t count = (size_t)min_u64(p->e->path_count, p->c->now.revs_limit);
    rec->ancestors = p->e->path + 1;
    rec->ancestor_count = count - 1;
    rec->path_len = rec->node_count = count;
}

/* A revision that is known, or that is only an ancestor of another one that comes with it. */
static tuf_status ignore_edit(tuf_edit *e)
{
    e->result = (tuf_edit_result){ .status = TUF_OK };
    set_result_rev(e, e->rev.rev);
    return TUF_OK;
}

static tuf_status place_replicated(struct placing *p)
{
    tuf_edit *e = p->e;
    struct docrec rec = { .rev = e->rev.rev };
    tuf_status st = TUF_OK;
    bool known = find_leaf(&p->info, e->rev.rev) != NULL;
    const struct leafinfo *leaf = known ? NULL : find_extended(p);
    if (!known && p->info.leaf_count == 0)
        start_history(p, &rec);
    else if (!known && leaf)
        st = extend_leaf(p, leaf, &rec);
    else if (!known)
        st = merge_path(p, &rec, &known);
    if (st < 0)
        return spoil_edit(p, st);
    if (known)
        return ignore_edit(e);
    if (has_stub(e))
        return finish_with(e, TUF_MISSING_STUB);
    return put_document(p, &rec);
}

/* ---- local ------------------------------------------------------------------------------------- */

/* The N of a parent "0-N"; 0 without one. */
static tuf_status parent_number(const tuf_edit *e, uint64_t *out)
{
    *out = 0;
    if (!e->has_rev)
        return TUF_OK;
    tuf_slice digits = e->rev.rev.id;
    bool good = digits.len > 0 && digits.len <= 18;
    for (size_t i = 0; good && i < digits.len; i++) {
        good = digits.data[i] >= '0' && digits.data[i] <= '9';
        *out = *out * 10 + (uint64_t)(digits.data[i] - '0');
    }
    if (!good)
        return tufi_fail_kind(TUF_E_INVALID, "bad_request", "Invalid rev format");
    return TUF_OK;
}

static tuf_status local_exists(struct commit *c, const tuf_edit *e, bool *exists_out)
{
    TUF_AUTO(tufi_buf_release) struct buf key = BUF_INIT;
    buf_append_u8(&key, LOCAL_KEY_DOC);
    buf_append_slice(&key, e->id);
    if (key.failed)
        return tufi_nomem();
    struct btree_pin pin = BTREE_PIN_INIT;
    tuf_slice value;
    tuf_status st = tufi_btree_find(c->db->store->env, tufi_btree_txn_tree(c->txn, TREE_LOCAL),
                                    buf_slice(&key), &value, &pin);
    tufi_btree_unpin(c->db->store->env, &pin);
    *exists_out = st == TUF_OK;
    return st == TUF_NOT_FOUND ? TUF_OK : st;
}

static void set_local_rev(tuf_edit *e, uint64_t number)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
    set_result_rev(e, (tuf_rev){ 0, tuf_slice_of(text, (size_t)len) });
}

static tuf_status put_local(struct commit *c, tuf_edit *e, uint64_t number)
{
    struct localrec rec = {
        .id = e->id,
        .removed = e->deleted,
        .rev = number,
        .codec = e->codec,
        .body_len = e->body_len,
        .body = buf_slice(&e->packed),
    };
    size_t pos = tufi_commit_open_record(c);
    tufi_localrec_encode(&c->db->group, &rec);
    struct rec_loc loc;
    tuf_status st = tufi_commit_close_record(c, pos, RECORD_LOCAL, &loc);
    if (st == TUF_OK)
        st = tufi_apply_local(c->txn, &rec, loc);
    if (st < 0)
        return st;
    e->result = (tuf_edit_result){ .status = TUF_OK, .stored = true };
    set_local_rev(e, number);
    return TUF_OK;
}

/* Local documents are not versioned: the number given is trusted, as CouchDB 3 does. */
static tuf_status place_local(struct commit *c, tuf_edit *e)
{
    uint64_t number;
    tuf_status st = parent_number(e, &number);
    if (st < 0)
        return finish_with(e, st);
    if (!e->deleted)
        return put_local(c, e, number + 1);
    bool exists = false;
    st = local_exists(c, e, &exists);
    if (st < 0)
        return st;
    return exists ? put_local(c, e, 0) : finish_with(e, TUF_NOT_FOUND);
}

/* INV-TR-3. Bytes of a revision that was no leaf any more when the edit took them from it. */
static bool was_given_back(const struct commit *c, const tuf_edit *e)
{
    for (size_t i = 0; i < e->att_count; i++)
        if (e->atts[i].from_past && e->atts[i].state == EDIT_ATT_PLACED &&
            e->atts[i].data.loc.off < c->db->store->log.trim_off)
            return true;
    return false;
}

tuf_status tufi_edit_place(struct commit *c, tuf_edit *e)
{
    if (e->local)
        return place_local(c, e);
    if (e->superseded)
        return ignore_edit(e);
    TUF_AUTO(placing_release) struct placing p = { .c = c, .e = e };
    tufi_docinfo_init(&p.info);
    tuf_status st = find_current(&p);
    if (st < 0)
        return st;
    if (was_given_back(c, e))
        return finish_with(
            e, tufi_fail_kind(TUF_MISSING_STUB, "missing_stub",
                              "the attachments of an older revision were given back meanwhile"));
    return e->replicated ? place_replicated(&p) : place_interactive(&p);
}
