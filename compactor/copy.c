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
 * An attachment that several documents share (after COPY) is stored once for each of them.
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "compactor/compaction.h"
#include "engine/edit.h"
#include "engine/revtree.h"

/* One document on its way. */
struct doc_copy {
    struct compaction *k;
    tuf_slice id;
    struct docinfo info;        /* borrows the source's row */
    struct revtree tree;
    struct buf record;          /* payload of the leaf's record in the source */
    struct docrec_view view;
    struct att_data *old_atts;  /* attachments of this document copied so far: before... */
    struct att_data *new_atts;  /* ...and after */
    size_t att_count, att_cap;
};

static void doc_copy_release(struct doc_copy *d)
{
    tufi_docinfo_release(&d->info);
    tufi_revtree_release(&d->tree);
    tufi_buf_release(&d->record);
    tufi_docrec_view_release(&d->view);
    tufi_free(d->old_atts);
    tufi_free(d->new_atts);
}

/* Damage costs what it destroyed and no more. Other failures stop. */
static tuf_status note_damage(struct doc_copy *d, tuf_status st)
{
    if (st != TUF_E_CORRUPT)
        return st;
    tuf_error error = *tuf_last_error();
    d->k->report->damaged_count++;
    tuf_finding finding = { .file_off = error.file_off, .id = d->id, .text = error.text };
    if (d->k->opts->found)
        d->k->opts->found(&finding, d->k->opts->ctx);
    return TUF_OK;
}

/* ---- attachments -------------------------------------------------------------------------------- */

static tuf_status put_chunk(void *ctx, tuf_slice payload, struct rec_loc *out)
{
    return tufi_heir_put(ctx, RECORD_CHUNK, payload, out);
}

static tuf_status remember_att(struct doc_copy *d, const struct att_data *old,
                               const struct att_data *new)
{
    if (d->att_count == d->att_cap) {
        size_t cap = d->att_cap > 0 ? d->att_cap * 2 : 8;
        struct att_data *olds = tufi_realloc(d->old_atts, cap * sizeof(*olds));
        if (olds)
            d->old_atts = olds;
        struct att_data *news = olds ? tufi_realloc(d->new_atts, cap * sizeof(*news)) : NULL;
        if (!news)
            return tufi_nomem();
        d->new_atts = news;
        d->att_cap = cap;
    }
    d->old_atts[d->att_count] = *old;
    d->new_atts[d->att_count++] = *new;
    return TUF_OK;
}

static tuf_status copy_att(struct doc_copy *d, struct att_data *data)
{
    for (size_t i = 0; i < d->att_count; i++)
        if (d->old_atts[i].chunk_count > 0 && d->old_atts[i].loc.off == data->loc.off) {
            *data = d->new_atts[i];
            return TUF_OK;
        }
    struct att_data old = *data;
    tuf_status st = tufi_att_copy(data, d->k->source->store, put_chunk, d->k);
    if (st == TUF_E_CORRUPT) {
        data->loc = (struct rec_loc){ 0, 0 }; /* nothing can be read there */
        return note_damage(d, st);
    }
    return st < 0 ? st : remember_att(d, &old, data);
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
    const struct log *log = &d->k->source->store->log;
    tuf_status st = tufi_log_read_record(log, leaf->rec, RECORD_DOC, &d->record);
    return st < 0 ? st : tufi_docrec_decode(&d->view, buf_slice(&d->record), leaf->rec.off);
}

/* Writes a leaf's record; `ancestors` as in plain_history. */
static tuf_status write_leaf(struct doc_copy *d, struct leafinfo *leaf,
                             const tuf_slice *ancestors, size_t ancestor_count)
{
    struct docrec *rec = &d->view.rec;
    for (size_t i = 0; i < rec->att_count; i++) {
        tuf_status st = copy_att(d, &d->view.atts[i].data);
        if (st < 0)
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
    TUF_AUTO(tufi_buf_release) struct buf payload = BUF_INIT;
    tufi_docrec_encode(&payload, rec);
    if (payload.failed)
        return tufi_nomem();
    return tufi_heir_put(d->k, RECORD_DOC, buf_slice(&payload), &leaf->rec);
}

static tuf_status copy_leaf(struct doc_copy *d, struct leafinfo *leaf)
{
    tuf_status st = read_leaf(d, leaf);
    if (st == TUF_E_CORRUPT) {
        leaf->rec = (struct rec_loc){ 0, 0 }; /* known, but its body is lost */
        return note_damage(d, st);
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
    if (st != TUF_E_CORRUPT)
        return st;
    st = note_damage(d, st);
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

static tuf_status copy_revisions(struct doc_copy *d)
{
    tuf_status st = load_tree(d);
    d->info.node_count = d->tree.count;
    for (size_t i = 0; st == TUF_OK && i < d->info.leaf_count; i++)
        st = copy_leaf(d, &d->info.leaves[i]);
    if (st < 0)
        return st;
    d->info.chain_len = 1;
    const struct leafinfo *first = &d->info.leaves[0];
    bool whole = d->info.leaf_count == 1 && first->rec.off > 0 && first->path_len == d->tree.count;
    if (!whole)
        return write_tree(d);
    d->info.tree = first->rec;
    return TUF_OK;
}

static tuf_status put_rows(struct doc_copy *d)
{
    struct compaction *k = d->k;
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf old = BUF_INIT;
    TUF_AUTO(tufi_docinfo_release) struct docinfo before;
    tufi_docinfo_init(&before);
    const struct btree *by_id = tufi_btree_txn_tree(k->txn, TREE_BY_ID);
    tuf_status st = tufi_find_docinfo(k->heir->store->env, by_id, d->id, &old, &before);
    if (st < 0)
        return st;
    uint64_t old_seq = st == TUF_OK ? before.seq : 0;
    tufi_docinfo_encode(&value, &d->info);
    if (value.failed)
        return tufi_nomem();
    return tufi_apply_put_entries(k->txn, d->id, old_seq, d->info.seq, buf_slice(&value));
}

static tuf_status copy_doc(struct compaction *k, tuf_slice row)
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

static tuf_status step(struct compaction *k)
{
    k->steps_done++;
    if (k->opts->progress && k->steps_done % 256 == 0 &&
        k->opts->progress(k->steps_done, k->steps_total, k->opts->ctx))
        return TUF_STOPPED;
    return tufi_heir_pause(k);
}

static void free_cursor(struct btree_cursor **cursor)
{
    if (*cursor)
        tufi_btree_cursor_free(cursor);
}

tuf_status tufi_copy_docs(struct compaction *k, uint64_t since)
{
    TUF_AUTO(free_cursor) struct btree_cursor *cursor = NULL;
    uint8_t start[8];
    put_be64(start, since + 1);
    tuf_status st = tufi_btree_cursor_new(&cursor, k->source->store->env,
                                          snapshot_tree(k->source, TREE_BY_SEQ));
    if (st == TUF_OK)
        st = tufi_btree_seek(cursor, tuf_slice_of(start, sizeof(start)));
    while (st == TUF_OK) {
        tuf_slice key, row;
        st = tufi_btree_next(cursor, &key, &row);
        if (st == TUF_OK)
            st = copy_doc(k, row);
        if (st == TUF_OK)
            st = step(k);
    }
    return st == TUF_END ? TUF_OK : st;
}

/* ---- the small trees ----------------------------------------------------------------------------- */

/* Takes out all rows of one of the heir's trees. */
static tuf_status empty_tree(struct compaction *k, enum tree_kind kind)
{
    struct btree *tree = tufi_btree_txn_tree(k->txn, kind);
    tuf_status st = TUF_OK;
    while (st == TUF_OK && tree->entry_count > 0) {
        TUF_AUTO(free_cursor) struct btree_cursor *cursor = NULL;
        TUF_AUTO(tufi_buf_release) struct buf copy = BUF_INIT;
        tuf_slice key, value;
        st = tufi_btree_cursor_new(&cursor, k->heir->store->env, tree);
        if (st == TUF_OK)
            st = tufi_btree_seek_first(cursor);
        if (st == TUF_OK)
            st = tufi_btree_next(cursor, &key, &value);
        if (st != TUF_OK)
            return tufi_fold(st);
        buf_append_slice(&copy, key);
        free_cursor(&cursor);
        cursor = NULL;
        st = buf_status(&copy);
        if (st == TUF_OK)
            st = tufi_fold(tufi_btree_remove(k->txn, kind, buf_slice(&copy)));
    }
    return st;
}

static tuf_status copy_local(struct compaction *k, tuf_slice key, tuf_slice value)
{
    TUF_AUTO(tufi_buf_release) struct buf record = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf row = BUF_INIT;
    struct localinfo info;
    tuf_status st = tufi_localinfo_decode(&info, value);
    if (st == TUF_OK)
        st = tufi_log_read_record(&k->source->store->log, info.rec, RECORD_LOCAL, &record);
    if (st == TUF_E_CORRUPT) {
        struct doc_copy d = { .k = k, .id = key };
        info.rec = (struct rec_loc){ 0, 0 };
        st = note_damage(&d, st);
    } else if (st == TUF_OK) {
        st = tufi_heir_put(k, RECORD_LOCAL, buf_slice(&record), &info.rec);
    }
    tufi_localinfo_encode(&row, &info);
    if (st == TUF_OK)
        st = buf_status(&row);
    return st < 0 ? st : tufi_btree_put(k->txn, TREE_LOCAL, key, buf_slice(&row));
}

static tuf_status copy_rows(struct compaction *k, enum tree_kind kind)
{
    TUF_AUTO(free_cursor) struct btree_cursor *cursor = NULL;
    tuf_status st = empty_tree(k, kind);
    if (st == TUF_OK)
        st = tufi_btree_cursor_new(&cursor, k->source->store->env,
                                   snapshot_tree(k->source, kind));
    if (st == TUF_OK)
        st = tufi_btree_seek_first(cursor);
    while (st == TUF_OK) {
        tuf_slice key, value;
        st = tufi_btree_next(cursor, &key, &value);
        if (st != TUF_OK)
            break;
        if (kind == TREE_LOCAL && key.len > 0 && key.data[0] == LOCAL_KEY_DOC)
            st = copy_local(k, key, value);
        else
            st = tufi_btree_put(k->txn, kind, key, value);
    }
    return st == TUF_END ? TUF_OK : st;
}

tuf_status tufi_copy_small_trees(struct compaction *k)
{
    tuf_status st = copy_rows(k, TREE_LOCAL);
    return st < 0 ? st : copy_rows(k, TREE_PURGE);
}

/* ---- purged documents ---------------------------------------------------------------------------- */

static tuf_status drop_doc(struct compaction *k, tuf_slice id)
{
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    TUF_AUTO(tufi_docinfo_release) struct docinfo info;
    tufi_docinfo_init(&info);
    const struct btree *by_id = tufi_btree_txn_tree(k->txn, TREE_BY_ID);
    tuf_status st = tufi_find_docinfo(k->heir->store->env, by_id, id, &value, &info);
    uint8_t key[8];
    put_be64(key, info.seq);
    if (st == TUF_OK)
        st = tufi_btree_remove(k->txn, TREE_BY_SEQ, tuf_slice_of(key, sizeof(key)));
    if (st == TUF_OK)
        st = tufi_btree_remove(k->txn, TREE_BY_ID, id);
    return tufi_fold(st);
}

/* Ids of the heir that the source lacks, sized one behind the other. */
static tuf_status collect_purged(struct compaction *k, struct buf *out)
{
    TUF_AUTO(free_cursor) struct btree_cursor *cursor = NULL;
    struct btree_env *env = k->source->store->env;
    tuf_status st = tufi_btree_cursor_new(&cursor, k->heir->store->env,
                                          tufi_btree_txn_tree(k->txn, TREE_BY_ID));
    if (st == TUF_OK)
        st = tufi_btree_seek_first(cursor);
    while (st == TUF_OK) {
        tuf_slice id, value;
        st = tufi_btree_next(cursor, &id, &value);
        if (st != TUF_OK)
            break;
        struct btree_pin pin = BTREE_PIN_INIT;
        st = tufi_btree_find(env, snapshot_tree(k->source, TREE_BY_ID), id, &value, &pin);
        tufi_btree_unpin(env, &pin);
        if (st == TUF_NOT_FOUND) {
            write_sized(out, id);
            st = buf_status(out);
        }
    }
    return st == TUF_END ? TUF_OK : st;
}

tuf_status tufi_drop_purged(struct compaction *k)
{
    /* All of the source's documents are there by now; more can only be purged ones. */
    if (tufi_btree_txn_tree(k->txn, TREE_BY_ID)->entry_count ==
        snapshot_tree(k->source, TREE_BY_ID)->entry_count)
        return TUF_OK;
    TUF_AUTO(tufi_buf_release) struct buf ids = BUF_INIT;
    tuf_status st = collect_purged(k, &ids);
    struct reader in = reader_of(buf_slice(&ids));
    while (st == TUF_OK && reader_left(&in) > 0)
        st = drop_doc(k, read_sized(&in));
    return st;
}
