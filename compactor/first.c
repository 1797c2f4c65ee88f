/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the first round: everything that the snapshot has. The tree by sequence grows at its right
 * edge; the tree by id is built at the end from sorted runs. Each node is written once.
 *
 * An heir that is continued gives the documents that it has: those whose sequence the source still
 * has. Their records stay where they are; only the trees are built anew.
 *
 * INV-FI-1: up to the sequence of its note, an heir has every row that the source has.
 */
#include "base/alloc.h"
#include "base/testhook.h"
#include "compactor/compaction.h"
#include "compactor/sorter.h"

#define SORT_MEMORY (32u << 20)

/* Two trees by sequence side by side. */
struct side_by_side {
    struct btree_cursor *theirs, *ours;
    tuf_slice their_key, their_row, our_key, our_row;
    tuf_status their_end, our_end; /* TUF_END when through */
};

static void side_release(struct side_by_side *s)
{
    compaction_free_cursor(&s->theirs);
    compaction_free_cursor(&s->ours);
}

static tuf_status open_first(struct btree_cursor **out, struct btree_env *env,
                             const struct btree *tree)
{
    tuf_status st = tufi_btree_cursor_new(out, env, tree);
    return st < 0 ? st : tufi_btree_seek_first(*out);
}

static tuf_status next_row(struct btree_cursor *cursor, tuf_slice *key, tuf_slice *row,
                           tuf_status *end)
{
    tuf_status st = tufi_btree_next(cursor, key, row);
    *end = st;
    return st == TUF_END ? TUF_OK : st;
}

/* Whoever shares the attachments of a kept document finds them in the heir. */
static tuf_status remember_atts(struct compaction *k, const struct leafinfo *old,
                                const struct leafinfo *new)
{
    TUF_AUTO(tufi_buf_release) struct buf bytes = BUF_INIT;
    TUF_AUTO(tufi_docrec_view_release) struct docrec_view there = DOCREC_VIEW_INIT;
    TUF_AUTO(tufi_docrec_view_release) struct docrec_view here = DOCREC_VIEW_INIT;
    tuf_slice payload;
    if (old->rec.off == 0 || new->rec.off == 0)
        return TUF_OK;
    tuf_status st = tufi_source_read(k, old->rec, RECORD_DOC, &payload);
    if (st == TUF_OK)
        st = tufi_docrec_decode(&there, payload, old->rec.off);
    if (st == TUF_OK)
        st = tufi_log_read_record(&k->heir->store->log, new->rec, RECORD_DOC, &bytes);
    if (st == TUF_OK)
        st = tufi_docrec_decode(&here, buf_slice(&bytes), new->rec.off);
    if (st < 0 || there.rec.att_count != here.rec.att_count)
        return st == TUF_E_NOMEM ? st : TUF_OK; /* then they are stored once more */
    for (size_t i = 0; st == TUF_OK && i < here.rec.att_count; i++)
        if (there.atts[i].data.chunk_count > 0 && here.atts[i].data.loc.off > 0)
            st = tufi_attmap_add(&k->atts, there.atts[i].data.loc.off, &here.atts[i].data);
    return st;
}

static tuf_status compare_leaves(struct compaction *k, tuf_slice old_value, tuf_slice new_value)
{
    TUF_AUTO(tufi_docinfo_release) struct docinfo old;
    TUF_AUTO(tufi_docinfo_release) struct docinfo new;
    tufi_docinfo_init(&old);
    tufi_docinfo_init(&new);
    tuf_status st = tufi_docinfo_decode(&old, old_value);
    if (st == TUF_OK)
        st = tufi_docinfo_decode(&new, new_value);
    if (st == TUF_OK && old.leaf_count != new.leaf_count)
        return TUF_NOT_FOUND;
    for (size_t i = 0; st == TUF_OK && i < new.leaf_count; i++) {
        if (tuf_rev_compare(old.leaves[i].rev, new.leaves[i].rev) != 0)
            return TUF_NOT_FOUND;
        if (new.leaves[i].has_atts)
            st = remember_atts(k, &old.leaves[i], &new.leaves[i]);
    }
    return st;
}

/* Into the new trees. */
static tuf_status take_row(struct compaction *k, const struct side_by_side *s)
{
    tuf_slice id, value;
    tuf_status st = tufi_seqinfo_split(&id, &value, s->our_row);
    if (st == TUF_OK)
        st = tufi_btree_bulk_add(k->by_seq, s->our_key, s->our_row);
    if (st == TUF_OK)
        st = tufi_sorter_add(k->by_id, id, value);
    k->report->docs_kept++;
    return st == TUF_OK ? tufi_compaction_step(k) : st; /* no checkpoint yet: INV-FI-1 */
}

static tuf_status keep_row(struct compaction *k, const struct side_by_side *s)
{
    tuf_slice our_id, our_value, their_id, their_value;
    tuf_status st = tufi_seqinfo_split(&our_id, &our_value, s->our_row);
    if (st == TUF_OK)
        st = tufi_seqinfo_split(&their_id, &their_value, s->their_row);
    if (st == TUF_OK && !slice_equal(our_id, their_id))
        return TUF_NOT_FOUND;
    if (st == TUF_OK)
        st = compare_leaves(k, their_value, our_value);
    return st == TUF_OK ? take_row(k, s) : st;
}

/* INV-FI-1. TUF_NOT_FOUND: the heir is not what its note says. */
static tuf_status keep_rows(struct compaction *k)
{
    TUF_AUTO(side_release) struct side_by_side s = { .theirs = NULL };
    uint8_t last[8];
    put_be64(last, k->note.copied_seq);
    tuf_slice end = tuf_slice_of(last, sizeof(last));
    struct btree_env *heir_env = k->heir->store->env;
    tuf_status st = open_first(&s.theirs, k->source->store->env,
                               snapshot_tree(k->source, TREE_BY_SEQ));
    if (st == TUF_OK)
        st = open_first(&s.ours, heir_env, tufi_btree_txn_tree(k->txn, TREE_BY_SEQ));
    if (st == TUF_OK)
        st = next_row(s.theirs, &s.their_key, &s.their_row, &s.their_end);
    if (st == TUF_OK)
        st = next_row(s.ours, &s.our_key, &s.our_row, &s.our_end);
    while (st == TUF_OK && s.their_end == TUF_OK && slice_compare(s.their_key, end) <= 0) {
        int order = s.our_end == TUF_OK ? slice_compare(s.our_key, s.their_key) : 1;
        if (order > 0)
            return TUF_NOT_FOUND;
        if (order == 0)
            st = keep_row(k, &s);
        else if (tufi_planted("compact_trust_note"))
            st = take_row(k, &s);
        if (st == TUF_OK && order == 0)
            st = next_row(s.theirs, &s.their_key, &s.their_row, &s.their_end);
        if (st == TUF_OK)
            st = next_row(s.ours, &s.our_key, &s.our_row, &s.our_end);
    }
    return st;
}

static tuf_status build_by_id(struct compaction *k)
{
    TUF_AUTO(tufi_btree_bulk_free) struct btree_bulk *bulk = NULL;
    tuf_status st = tufi_btree_bulk_new(&bulk, k->heir->store->env, TREE_BY_ID,
                                        tufi_heir_write_nodes, k);
    while (st == TUF_OK) {
        tuf_slice id, value;
        st = tufi_sorter_next(k->by_id, &id, &value);
        if (st == TUF_OK)
            st = tufi_btree_bulk_add(bulk, id, value);
        if (st == TUF_OK && k->stopped)
            return TUF_STOPPED;
    }
    if (st != TUF_END)
        return st;
    return tufi_btree_bulk_tree(tufi_btree_txn_tree(k->txn, TREE_BY_ID), bulk);
}

/* The old trees of a continued heir go: they are not what is being built. */
static void forget_trees(struct compaction *k)
{
    for (unsigned kind = TREE_BY_ID; kind <= TREE_BY_SEQ; kind++)
        *tufi_btree_txn_tree(k->txn, kind) = (struct btree){ .kind = (uint8_t)kind };
}

static tuf_status copy_rows(struct compaction *k)
{
    tuf_status st = tufi_btree_bulk_new(&k->by_seq, k->heir->store->env, TREE_BY_SEQ,
                                        tufi_heir_write_nodes, k);
    if (st == TUF_OK)
        st = tufi_sorter_new(&k->by_id, k->source->store->log.vfs, k->runs_path, SORT_MEMORY);
    if (st == TUF_OK && k->continued)
        st = keep_rows(k);
    if (st != TUF_OK)
        return st == TUF_E_CORRUPT && k->continued ? TUF_NOT_FOUND : st;
    forget_trees(k);
    st = tufi_copy_docs(k, k->note.copied_seq);
    if (st == TUF_OK)
        st = tufi_btree_bulk_tree(tufi_btree_txn_tree(k->txn, TREE_BY_SEQ), k->by_seq);
    return st == TUF_OK ? build_by_id(k) : st;
}

tuf_status tufi_copy_first(struct compaction *k)
{
    tuf_status st = copy_rows(k);
    tufi_btree_bulk_free(&k->by_seq);
    tufi_sorter_free(&k->by_id);
    return st == TUF_OK ? tufi_copy_small_trees(k) : st;
}
