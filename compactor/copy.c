/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: copy documents and the small trees from a snapshot into the heir.
 *
 * Bodies and attachments move as stored bytes: verified, not decompressed. Of a document's history the
 * ids stay, the bodies of inner revisions go. A lone leaf with a plain history lists its ancestors in
 * its own record; any other document gets a whole-tree record.
 *
 * INV-CP-1: a document of the heir is what it was in the source, or says what it lost.
 * Not here: what is no document (small.c), reading (source.c).
 */
#include "base/alloc.h"
#include "base/arena.h"
#include "base/assert.h"
#include "compactor/compaction.h"
#include "compactor/sorter.h"
#include "engine/edit.h"
#include "engine/revtree.h"

/* One document on its way. */
struct doc_copy {
    struct compaction *k;
    tuf_slice id;
    struct docinfo info;        /* borrows the source's row */
    struct revtree tree;
    struct docrec_view view;    /* of the leaf's record; borrows the source's window */
    struct arena arena;         /* ids of ancestors from older records */
};

static void doc_copy_release(struct doc_copy *d)
{
    tufi_docinfo_release(&d->info);
    tufi_revtree_release(&d->tree);
    tufi_docrec_view_release(&d->view);
    tufi_arena_release(&d->arena);
}

/* ---- attachments -------------------------------------------------------------------------------- */

static tuf_status put_chunk(void *ctx, tuf_slice payload, const struct rec_loc *same,
                            struct rec_loc *out)
{
    struct compaction *k = ctx;
    return k->stopped ? TUF_STOPPED : tufi_heir_put_chunk(k, payload, same, out);
}

static tuf_status copy_att(struct doc_copy *d, struct att_data *data)
{
    struct compaction *k = d->k;
    if (data->chunk_count == 0 || tufi_attmap_find(&k->atts, data))
        return TUF_OK;
    uint64_t old_off = data->loc.off;
    tuf_status st = tufi_att_copy(data, k->source->store, put_chunk, k);
    if (st == TUF_OK)
        return tufi_attmap_add(&k->atts, old_off, data);
    if (st > 0)
        return st;
    struct rec_loc lost = data->loc;
    data->loc = (struct rec_loc){ 0, 0 }; /* nothing can be read there */
    return tufi_note_damage(k, st, d->id, lost);
}

/* ---- revisions ---------------------------------------------------------------------------------- */

/* The path of a lone leaf back to its root, newest first, without the leaf itself. NULL: the tree
 * says more than a path does. */
static tuf_status plain_history(struct doc_copy *d, const struct leafinfo *leaf, tuf_slice **out,
                                size_t *count_out)
{
    *out = NULL;
    *count_out = 0;
    int32_t pos = tufi_revtree_find(&d->tree, leaf->rev);
    size_t len = pos < 0 ? 0 : tufi_revtree_path_len(&d->tree, (size_t)pos);
    if (d->info.leaf_count != 1 || len != d->tree.count)
        return TUF_OK;
    tuf_slice *ids = tufi_alloc_array(len, sizeof(*ids));
    if (!ids)
        return tufi_nomem();
    for (size_t i = 0; i + 1 < len; i++) {
        if (d->tree.nodes[pos].flags & REV_NODE_GHOST)
            tuf_unreachable("a path that is the whole tree has no ghost");
        pos = d->tree.nodes[pos].parent;
        ids[i] = d->tree.nodes[pos].rev.id;
    }
    *out = ids;
    *count_out = len - 1;
    return TUF_OK;
}

static tuf_status read_leaf(struct doc_copy *d, const struct leafinfo *leaf)
{
    tuf_slice payload;
    tuf_status st = tufi_source_read(d->k, leaf->rec, RECORD_DOC, &payload);
    return st < 0 ? st : tufi_docrec_decode(&d->view, payload, leaf->rec.off);
}

/* Writes a leaf's record; `ancestors` as in plain_history. */
static tuf_status write_leaf(struct doc_copy *d, struct leafinfo *leaf,
                             const tuf_slice *ancestors, size_t ancestor_count)
{
    struct docrec *rec = &d->view.rec;
    for (size_t i = 0; i < rec->att_count; i++) {
        tuf_status st = copy_att(d, &d->view.atts[i].data);
        if (st != TUF_OK)
            return st;
    }
    rec->prev = (struct rec_loc){ 0, 0 };
    rec->ancestors = ancestors;
    rec->ancestor_count = ancestor_count;
    rec->path_len = leaf->path_len;
    rec->node_count = d->info.node_count;
    /* A lower limit may have come since: the path here is already stemmed to what counts. */
    if (rec->stem_limit <= ancestor_count)
        rec->stem_limit = (uint32_t)ancestor_count + 1;
    size_t pos = tufi_heir_open_record(d->k);
    tufi_docrec_encode(&d->k->frame, rec);
    return tufi_heir_close_record(d->k, pos, RECORD_DOC, &leaf->rec);
}

static tuf_status copy_leaf(struct doc_copy *d, struct leafinfo *leaf)
{
    tuf_status st = read_leaf(d, leaf);
    if (st < 0) {
        struct rec_loc lost = leaf->rec;
        leaf->rec = (struct rec_loc){ 0, 0 }; /* known, but its body is lost */
        return tufi_note_damage(d->k, st, d->id, lost);
    }
    TUF_AUTOFREE tuf_slice *ancestors = NULL;
    size_t count = 0;
    if (st == TUF_OK)
        st = plain_history(d, leaf, &ancestors, &count);
    return st < 0 ? st : write_leaf(d, leaf, ancestors, count);
}

/* Where the tree's nodes are now: leaves at their new places; of inner ones nothing but the id stays,
 * however the history is written. */
static void relocate_nodes(struct doc_copy *d)
{
    for (size_t i = 0; i < d->tree.count; i++) {
        bool inner = d->tree.nodes[i].child_count > 0;
        d->tree.nodes[i].flags &= inner ? (uint32_t)REV_NODE_GHOST : ~(uint32_t)REV_NODE_STORED;
        d->tree.nodes[i].rec_off = d->tree.nodes[i].rec_len = 0;
    }
    for (size_t i = 0; i < d->info.leaf_count; i++) {
        int32_t pos = tufi_revtree_find(&d->tree, d->info.leaves[i].rev);
        if (pos < 0 || d->info.leaves[i].rec.off == 0)
            continue;
        d->tree.nodes[pos].flags |= REV_NODE_STORED;
        d->tree.nodes[pos].rec_off = d->info.leaves[i].rec.off;
        d->tree.nodes[pos].rec_len = d->info.leaves[i].rec.len;
    }
}

static tuf_status write_tree(struct doc_copy *d)
{
    TUF_AUTO(tufi_buf_release) struct buf bytes = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf payload = BUF_INIT;
    relocate_nodes(d);
    tufi_revtree_encode(&bytes, &d->tree);
    tufi_treerec_encode(&payload, d->id, buf_slice(&bytes));
    if (bytes.failed || payload.failed)
        return tufi_nomem();
    return tufi_heir_put(d->k, RECORD_TREE, buf_slice(&payload), &d->info.tree);
}

/* A document whose history cannot be read keeps its leaves. */
static tuf_status load_tree(struct doc_copy *d)
{
    tuf_status st = tufi_history_load(&d->tree, &d->k->source->store->log, &d->info);
    if (st == TUF_OK)
        return st;
    st = tufi_note_damage(d->k, st, d->id, (struct rec_loc){ 0, 0 });
    if (st < 0)
        return st;
    tufi_revtree_clear(&d->tree);
    for (size_t i = 0; st == TUF_OK && i < d->info.leaf_count; i++) {
        struct leafinfo *leaf = &d->info.leaves[i];
        struct rev_path path = { leaf->rev.gen, &leaf->rev.id, 1 };
        enum revtree_result result;
        uint32_t flags = (leaf->deleted ? (uint32_t)REV_NODE_DELETED : 0) |
                         (leaf->has_atts ? (uint32_t)REV_NODE_ATTS : 0);
        st = tufi_revtree_merge(&d->tree, &path, flags, 0, 0, &result, NULL);
        leaf->path_len = 1;
    }
    return st;
}

static tuf_status copy_by_tree(struct doc_copy *d)
{
    tuf_status st = load_tree(d);
    d->info.node_count = d->tree.count;
    for (size_t i = 0; st == TUF_OK && i < d->info.leaf_count; i++)
        st = copy_leaf(d, &d->info.leaves[i]);
    if (st != TUF_OK)
        return st;
    d->info.chain_len = 1;
    const struct leafinfo *first = &d->info.leaves[0];
    bool whole = d->info.leaf_count == 1 && first->rec.off > 0 && first->path_len == d->tree.count;
    if (!whole)
        return write_tree(d);
    d->info.tree = first->rec;
    return TUF_OK;
}

/* ---- the usual case: one leaf, whose records lead straight back ---------------------------------- */

/* A document's only path, newest first, without the leaf. */
struct straight_path {
    tuf_slice *ids; /* owned */
    size_t count, want;
};

static void straight_path_release(struct straight_path *p)
{
    tufi_free(p->ids);
}

/* Adds the ids of an older record, if its revision is the last one that is known. */
static tuf_status add_older(struct doc_copy *d, struct straight_path *p, const struct docrec *older)
{
    tuf_rev last = { d->view.rec.rev.gen - p->count, p->ids[p->count - 1] };
    if (tuf_rev_compare(older->rev, last) != 0)
        return TUF_NOT_FOUND;
    for (size_t i = 0; i < older->ancestor_count && p->count < p->want; i++) {
        p->ids[p->count] = tufi_arena_copy(&d->arena, older->ancestors[i]);
        if (!p->ids[p->count].data)
            return tufi_nomem();
        p->count++;
    }
    return TUF_OK;
}

/* TUF_NOT_FOUND: the history is not that simple, or something cannot be read. */
static tuf_status walk_straight(struct doc_copy *d, struct straight_path *p)
{
    TUF_AUTO(tufi_buf_release) struct buf bytes = BUF_INIT;
    TUF_AUTO(tufi_docrec_view_release) struct docrec_view view = DOCREC_VIEW_INIT;
    struct rec_loc loc = d->view.rec.prev;
    while (p->count < p->want) {
        enum record_type type;
        if (loc.off == 0 || p->count == 0)
            return TUF_NOT_FOUND;
        tuf_status st = tufi_log_read_any(&d->k->source->store->log, loc, &type, &bytes, NULL);
        if (st == TUF_OK && type != RECORD_DOC)
            return TUF_NOT_FOUND;
        if (st == TUF_OK)
            st = tufi_docrec_decode(&view, buf_slice(&bytes), loc.off);
        if (st == TUF_OK)
            st = add_older(d, p, &view.rec);
        if (st != TUF_OK)
            return st == TUF_E_NOMEM ? st : TUF_NOT_FOUND;
        loc = view.rec.prev;
    }
    return TUF_OK;
}

/* TUF_NOT_FOUND: nothing was done. */
static tuf_status copy_straight(struct doc_copy *d)
{
    struct leafinfo *leaf = &d->info.leaves[0];
    if (d->info.leaf_count != 1 || d->info.tree.off != leaf->rec.off ||
        d->info.node_count != leaf->path_len || leaf->path_len == 0)
        return TUF_NOT_FOUND;
    tuf_status st = read_leaf(d, leaf);
    if (st < 0)
        return TUF_NOT_FOUND; /* met again there */
    const struct docrec *rec = &d->view.rec;
    if (leaf->path_len - 1 > DOCREC_PATH_MAX)
        return TUF_NOT_FOUND;
    TUF_AUTO(straight_path_release) struct straight_path p = { .want = (size_t)leaf->path_len - 1 };
    if (rec->ancestor_count > p.want || rec->rev.gen <= p.want)
        return TUF_NOT_FOUND;
    const tuf_slice *ancestors = rec->ancestors;
    if (rec->ancestor_count < p.want) {
        p.ids = tufi_alloc_array(p.want, sizeof(*p.ids));
        if (!p.ids)
            return tufi_nomem();
        p.count = rec->ancestor_count;
        memcpy(p.ids, rec->ancestors, p.count * sizeof(*p.ids));
        st = walk_straight(d, &p);
        ancestors = p.ids;
    }
    if (st == TUF_OK)
        st = write_leaf(d, leaf, ancestors, p.want);
    d->info.chain_len = 1;
    d->info.tree = leaf->rec;
    return st;
}

static tuf_status copy_revisions(struct doc_copy *d)
{
    tuf_status st = copy_straight(d);
    return st == TUF_NOT_FOUND ? copy_by_tree(d) : st;
}

/* ---- documents ------------------------------------------------------------------------------------- */

/* In the first round rows come in the order of their sequences, and each document once. */
static tuf_status add_rows(struct doc_copy *d, tuf_slice value)
{
    struct compaction *k = d->k;
    struct buf *row = &k->row;
    uint8_t key[8];
    put_be64(key, d->info.seq);
    tufi_buf_clear(row);
    tufi_seqinfo_encode(row, d->id, value);
    tuf_status st = buf_status(row);
    if (st == TUF_OK)
        st = tufi_btree_bulk_add(k->by_seq, tuf_slice_of(key, sizeof(key)), buf_slice(row));
    if (st == TUF_OK)
        st = tufi_sorter_add(k->by_id, d->id, value);
    if (st == TUF_OK)
        k->note.copied_seq = d->info.seq;
    return st;
}

static tuf_status put_rows(struct doc_copy *d)
{
    struct compaction *k = d->k;
    struct buf *value = &k->value;
    tufi_buf_clear(value);
    tufi_docinfo_encode(value, &d->info);
    if (value->failed)
        return tufi_nomem();
    if (k->by_seq)
        return add_rows(d, buf_slice(value));
    TUF_AUTO(tufi_buf_release) struct buf old = BUF_INIT;
    TUF_AUTO(tufi_docinfo_release) struct docinfo before;
    tufi_docinfo_init(&before);
    const struct btree *by_id = tufi_btree_txn_tree(k->txn, TREE_BY_ID);
    tuf_status st = tufi_find_docinfo(k->heir->store->env, by_id, d->id, &old, &before);
    if (st < 0)
        return st;
    uint64_t old_seq = st == TUF_OK ? before.seq : 0;
    return tufi_apply_put_entries(k->txn, d->id, old_seq, d->info.seq, buf_slice(value));
}

tuf_status tufi_copy_doc(struct compaction *k, tuf_slice row)
{
    TUF_AUTO(doc_copy_release) struct doc_copy d = { .k = k };
    tufi_docinfo_init(&d.info);
    tuf_slice value;
    tuf_status st = tufi_seqinfo_split(&d.id, &value, row);
    if (st == TUF_OK)
        st = tufi_docinfo_decode(&d.info, value);
    if (st == TUF_OK)
        st = copy_revisions(&d);
    if (st == TUF_OK)
        st = put_rows(&d);
    k->report->docs_copied++;
    return st;
}

tuf_status tufi_compaction_step(struct compaction *k)
{
    k->steps_done++;
    if (k->opts->progress && k->steps_done % 256 == 0 && !k->stopped)
        k->stopped = k->opts->progress(k->steps_done, k->steps_total, k->opts->ctx);
    return k->stopped ? TUF_STOPPED : TUF_OK;
}

/* Up to a damaged node: *damaged_out, and then *last is the newest sequence that was copied. */
static tuf_status copy_in_order(struct compaction *k, uint64_t *last, bool *damaged_out)
{
    TUF_AUTO(compaction_free_cursor) struct btree_cursor *cursor = NULL;
    uint8_t start[8];
    put_be64(start, *last + 1);
    tuf_status st = tufi_btree_cursor_new(&cursor, k->source->store->env,
                                          snapshot_tree(k->source, TREE_BY_SEQ));
    if (st == TUF_OK)
        st = tufi_btree_seek(cursor, tuf_slice_of(start, sizeof(start)));
    while (st == TUF_OK) {
        tuf_slice key, row;
        st = tufi_btree_next(cursor, &key, &row);
        if (st != TUF_OK)
            break;
        *last = key.len == 8 ? get_be64(key.data) : *last;
        st = tufi_copy_doc(k, row);
        if (st == TUF_OK)
            st = tufi_compaction_step(k);
        if (st == TUF_OK)
            st = tufi_heir_pause(k);
        if (st != TUF_OK)
            return st;
    }
    *damaged_out = tufi_is_damage(k, st);
    return st == TUF_END || *damaged_out ? TUF_OK : st;
}

tuf_status tufi_copy_docs(struct compaction *k, uint64_t since)
{
    bool damaged = false;
    uint64_t last = since;
    tuf_status st = copy_in_order(k, &last, &damaged);
    if (st != TUF_OK || !damaged)
        return st;
    tufi_error_clear();
    return tufi_copy_docs_around(k, last);
}
