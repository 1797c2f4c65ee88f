/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: copy what is no document: local documents, settings, named values, the purge log, what was
 * quarantined; and remove documents that were purged meanwhile.
 *
 * The first round copies all rows. Later ones walk the trees of both snapshots side by side and copy
 * what differs, since the last of them runs while writers wait.
 */
#include "base/alloc.h"
#include "base/bytes.h"
#include "compactor/compaction.h"

/* ---- rows ----------------------------------------------------------------------------------------- */

static tuf_status put_row(struct compaction *k, enum tree_kind kind, tuf_slice key,
                          const struct buf *row)
{
    tuf_status st = buf_status(row);
    return st < 0 ? st : tufi_btree_put(k->txn, kind, key, buf_slice(row));
}

static tuf_status copy_local(struct compaction *k, tuf_slice key, tuf_slice value)
{
    TUF_AUTO(tufi_buf_release) struct buf row = BUF_INIT;
    struct localinfo info;
    tuf_slice record;
    tuf_status st = tufi_localinfo_decode(&info, value);
    if (st == TUF_OK)
        st = tufi_source_read(k, info.rec, RECORD_LOCAL, &record);
    if (st == TUF_OK) {
        st = tufi_heir_put(k, RECORD_LOCAL, record, &info.rec);
    } else {
        st = tufi_note_damage(k, st, key, info.rec);
        info.rec = (struct rec_loc){ 0, 0 };
    }
    tufi_localinfo_encode(&row, &info);
    return st == TUF_OK ? put_row(k, TREE_LOCAL, key, &row) : st;
}

/* What an earlier compaction put aside. */
static tuf_status copy_quarantined(struct compaction *k, tuf_slice key, tuf_slice value)
{
    TUF_AUTO(tufi_buf_release) struct buf row = BUF_INIT;
    struct quarantined q;
    tuf_slice raw;
    tuf_status st = tufi_quarantined_decode(&q, value);
    if (st == TUF_OK && q.raw.off > 0) {
        st = tufi_source_read(k, q.raw, RECORD_CHUNK, &raw);
        if (st == TUF_OK)
            st = tufi_heir_put(k, RECORD_CHUNK, raw, &q.raw);
        else if (st == TUF_E_CORRUPT)
            q.raw = (struct rec_loc){ 0, 0 }; /* damaged again: the list says what it was */
    }
    if (st < 0 && st != TUF_E_CORRUPT)
        return st;
    tufi_quarantined_encode(&row, &q);
    return put_row(k, TREE_LOCAL, key, &row);
}

tuf_status tufi_copy_small_row(struct compaction *k, enum tree_kind kind, tuf_slice key,
                               tuf_slice value)
{
    uint8_t class = kind == TREE_LOCAL && key.len > 0 ? key.data[0] : 0;
    if (class == LOCAL_KEY_DOC)
        return copy_local(k, key, value);
    if (class == LOCAL_KEY_QUARANTINE)
        return copy_quarantined(k, key, value);
    if (kind == TREE_LOCAL && slice_is(key, HEIR_KEY))
        return TUF_OK; /* the source was an heir once */
    return tufi_btree_put(k->txn, kind, key, value);
}

/* ---- the first round -------------------------------------------------------------------------------- */

/* Takes the rows of a continued heir out, but for what it has quarantined: that class is the last. */
static tuf_status empty_tree(struct compaction *k, enum tree_kind kind)
{
    struct btree *tree = tufi_btree_txn_tree(k->txn, kind);
    tuf_status st = TUF_OK;
    while (st == TUF_OK && tree->entry_count > 0) {
        TUF_AUTO(compaction_free_cursor) struct btree_cursor *cursor = NULL;
        TUF_AUTO(tufi_buf_release) struct buf copy = BUF_INIT;
        tuf_slice key, value;
        st = tufi_btree_cursor_new(&cursor, k->heir->store->env, tree);
        if (st == TUF_OK)
            st = tufi_btree_seek_first(cursor);
        if (st == TUF_OK)
            st = tufi_btree_next(cursor, &key, &value);
        if (st != TUF_OK)
            return tufi_fold(st);
        if (kind == TREE_LOCAL && key.len > 0 && key.data[0] == LOCAL_KEY_QUARANTINE)
            return TUF_OK;
        buf_append_slice(&copy, key);
        compaction_free_cursor(&cursor);
        cursor = NULL;
        st = buf_status(&copy);
        if (st == TUF_OK)
            st = tufi_fold(tufi_btree_remove(k->txn, kind, buf_slice(&copy)));
    }
    return st;
}

static tuf_status copy_tree(struct compaction *k, enum tree_kind kind)
{
    TUF_AUTO(compaction_free_cursor) struct btree_cursor *cursor = NULL;
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
        st = tufi_copy_small_row(k, kind, key, value);
        if (st != TUF_OK)
            return st;
    }
    return st == TUF_END ? TUF_OK : st;
}

/* The heir's tree, from whatever it holds. Damaged nodes cost their rows. */
static tuf_status copy_whole_tree(struct compaction *k, enum tree_kind kind)
{
    tuf_status st = copy_tree(k, kind);
    if (!tufi_is_damage(k, st))
        return st;
    tufi_error_clear();
    st = empty_tree(k, kind);
    return st == TUF_OK ? tufi_copy_small_around(k, kind) : st;
}

/* ---- later rounds ------------------------------------------------------------------------------------ */

struct row_walk {
    struct btree_cursor *cursor;
    tuf_slice key, value;
    bool end;
};

static void row_walk_release(struct row_walk *w)
{
    compaction_free_cursor(&w->cursor);
}

static tuf_status row_walk_next(struct row_walk *w)
{
    tuf_status st = tufi_btree_next(w->cursor, &w->key, &w->value);
    w->end = st == TUF_END;
    return w->end ? TUF_OK : st;
}

static tuf_status row_walk_start(struct row_walk *w, tuf_snapshot *snapshot, enum tree_kind kind)
{
    tuf_status st = tufi_btree_cursor_new(&w->cursor, snapshot->store->env,
                                          snapshot_tree(snapshot, kind));
    if (st == TUF_OK)
        st = tufi_btree_seek_first(w->cursor);
    return st == TUF_OK ? row_walk_next(w) : st;
}

static bool same_tree(const struct btree *a, const struct btree *b)
{
    return a->root.mem == b->root.mem && a->root.off == b->root.off && a->root.crc == b->root.crc;
}

static tuf_status copy_difference(struct compaction *k, enum tree_kind kind)
{
    TUF_AUTO(row_walk_release) struct row_walk old = { .cursor = NULL };
    TUF_AUTO(row_walk_release) struct row_walk new = { .cursor = NULL };
    if (same_tree(snapshot_tree(k->before, kind), snapshot_tree(k->source, kind)))
        return TUF_OK;
    tuf_status st = row_walk_start(&old, k->before, kind);
    if (st == TUF_OK)
        st = row_walk_start(&new, k->source, kind);
    while (st == TUF_OK && !(old.end && new.end)) {
        int order = old.end ? 1 : new.end ? -1 : slice_compare(old.key, new.key);
        if (order < 0)
            st = tufi_fold(tufi_btree_remove(k->txn, kind, old.key));
        else if (order > 0 || !slice_equal(old.value, new.value))
            st = tufi_copy_small_row(k, kind, new.key, new.value);
        if (st == TUF_OK && order <= 0)
            st = row_walk_next(&old);
        if (st == TUF_OK && order >= 0)
            st = row_walk_next(&new);
    }
    return st;
}

tuf_status tufi_copy_small_trees(struct compaction *k)
{
    tuf_status st = TUF_OK;
    for (unsigned kind = TREE_LOCAL; st == TUF_OK && kind <= TREE_PURGE; kind++) {
        st = k->before ? copy_difference(k, kind) : copy_whole_tree(k, kind);
        if (k->before && tufi_is_damage(k, st))
            st = copy_whole_tree(k, kind);
    }
    return st;
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

/* Drops a document of the heir if the source does not have it any more. */
static tuf_status drop_if_gone(struct compaction *k, tuf_slice id)
{
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    TUF_AUTO(tufi_docinfo_release) struct docinfo info;
    tufi_docinfo_init(&info);
    tuf_status st = tufi_find_docinfo(k->heir->store->env, tufi_btree_txn_tree(k->txn, TREE_BY_ID),
                                      id, &value, &info);
    if (st == TUF_OK)
        st = tufi_source_has_doc(k, id, info.seq);
    else if (st == TUF_NOT_FOUND)
        return TUF_OK;
    return st == TUF_NOT_FOUND ? drop_doc(k, id) : st;
}

/* The purges since the last snapshot, from the purge log. TUF_NOT_FOUND: it was cut off meanwhile. */
static tuf_status drop_logged(struct compaction *k)
{
    TUF_AUTO(compaction_free_cursor) struct btree_cursor *cursor = NULL;
    uint64_t expected = snapshot_view(k->before)->purge_seq;
    uint8_t start[8];
    put_be64(start, expected + 1);
    tuf_status st = tufi_btree_cursor_new(&cursor, k->source->store->env,
                                          snapshot_tree(k->source, TREE_PURGE));
    if (st == TUF_OK)
        st = tufi_btree_seek(cursor, tuf_slice_of(start, sizeof(start)));
    while (st == TUF_OK) {
        tuf_slice key, value;
        st = tufi_btree_next(cursor, &key, &value);
        if (st != TUF_OK)
            break;
        struct reader in = reader_of(value);
        tuf_slice id = read_sized(&in);
        if (key.len != 8 || get_be64(key.data) != ++expected || in.bad)
            return TUF_NOT_FOUND;
        st = drop_if_gone(k, id);
    }
    if (st != TUF_END)
        return st;
    return expected == snapshot_view(k->source)->purge_seq ? TUF_OK : TUF_NOT_FOUND;
}

/* Ids of the heir that the source lacks, sized one behind the other. */
static tuf_status collect_purged(struct compaction *k, struct buf *out)
{
    TUF_AUTO(compaction_free_cursor) struct btree_cursor *cursor = NULL;
    tuf_status st = tufi_btree_cursor_new(&cursor, k->heir->store->env,
                                          tufi_btree_txn_tree(k->txn, TREE_BY_ID));
    if (st == TUF_OK)
        st = tufi_btree_seek_first(cursor);
    while (st == TUF_OK) {
        tuf_slice id, value;
        st = tufi_btree_next(cursor, &id, &value);
        if (st != TUF_OK)
            break;
        struct reader in = reader_of(value);
        st = tufi_source_has_doc(k, id, read_varint(&in));
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
    if (snapshot_view(k->before)->purge_seq == snapshot_view(k->source)->purge_seq)
        return TUF_OK;
    tuf_status st = drop_logged(k);
    if (st != TUF_NOT_FOUND)
        return st;
    TUF_AUTO(tufi_buf_release) struct buf ids = BUF_INIT;
    st = collect_purged(k, &ids);
    struct reader in = reader_of(buf_slice(&ids));
    while (st == TUF_OK && reader_left(&in) > 0)
        st = drop_doc(k, read_sized(&in));
    return st;
}
