/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: before dead bytes are looked for: give every document whose history is read from several records
 * one record with the whole tree. Else the bodies of its last revisions would all be alive, for the
 * few ids that stand beside them.
 *
 * The records go into commits of their own, which change nothing that a reader sees.
 * INV-TR-4: after a crash replay knows nothing of it: the document's history is then read as before, from
 *           records that no trim has touched, since its base comes after a checkpoint.
 */
#include "base/alloc.h"
#include "engine/edit.h"
#include "engine/revtree.h"
#include "engine/trim.h"

#define DOCS_AT_ONCE 64

static tuf_status shorten_doc(struct commit *c, tuf_slice id)
{
    TUF_AUTO(tufi_buf_release) struct buf old = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    TUF_AUTO(tufi_revtree_release) struct revtree tree = REVTREE_INIT;
    TUF_AUTO(tufi_docinfo_release) struct docinfo info;
    tufi_docinfo_init(&info);
    struct store *store = c->db->store;
    tuf_status st = tufi_find_docinfo(store->env, tufi_btree_txn_tree(c->txn, TREE_BY_ID), id, &old,
                                      &info);
    if (st != TUF_OK || info.chain_len <= 1)
        return st < 0 ? st : TUF_OK; /* changed or purged meanwhile */
    st = tufi_history_load(&tree, &store->log, &info);
    if (st == TUF_OK)
        st = tufi_commit_put_tree(c, id, &tree, &info.tree);
    if (st < 0)
        return st;
    info.chain_len = 1;
    info.node_count = tree.count;
    tufi_docinfo_encode(&value, &info);
    st = buf_status(&value);
    return st < 0 ? st
                  : tufi_apply_put_entries(c->txn, id, info.seq, info.seq, buf_slice(&value));
}

static tuf_status shorten(struct trim *t, struct buf *ids)
{
    struct commit c;
    if (ids->len == 0)
        return TUF_OK;
    tuf_status st = tufi_commit_begin(&c, t->db);
    if (st < 0)
        return st;
    struct reader in = reader_of(buf_slice(ids));
    while (st == TUF_OK && reader_left(&in) > 0)
        st = shorten_doc(&c, read_sized(&in));
    tufi_buf_clear(ids);
    if (st == TUF_OK && c.record_count > 0)
        return tufi_commit_finish(&c, false);
    tufi_commit_abort(&c);
    return st;
}

/* Notes a document that needs it. */
static tuf_status look_at(struct buf *ids, size_t *count, tuf_slice id, tuf_slice value)
{
    TUF_AUTO(tufi_docinfo_release) struct docinfo info;
    tufi_docinfo_init(&info);
    tuf_status st = tufi_docinfo_decode(&info, value);
    if (st < 0 || info.chain_len <= 1)
        return st;
    write_sized(ids, id);
    ++*count;
    return buf_status(ids);
}

static void free_cursor(struct btree_cursor **cursor)
{
    if (*cursor)
        tufi_btree_cursor_free(cursor);
}

tuf_status tufi_trim_shorten(struct trim *t)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    TUF_AUTO(free_cursor) struct btree_cursor *cursor = NULL;
    TUF_AUTO(tufi_buf_release) struct buf ids = BUF_INIT;
    size_t count = 0;
    tuf_status st = tuf_db_snapshot(&snapshot, t->db);
    if (st == TUF_OK)
        st = tufi_btree_cursor_new(&cursor, snapshot->store->env,
                                   snapshot_tree(snapshot, TREE_BY_ID));
    if (st == TUF_OK)
        st = tufi_btree_seek_first(cursor);
    while (st == TUF_OK) {
        tuf_slice id, value;
        st = tufi_btree_next(cursor, &id, &value);
        if (st == TUF_OK)
            st = look_at(&ids, &count, id, value);
        if (st != TUF_OK || count < DOCS_AT_ONCE)
            continue;
        st = shorten(t, &ids);
        count = 0;
        if (st == TUF_OK && t->opts->progress && t->opts->progress(0, 0, t->opts->ctx))
            return TUF_STOPPED;
    }
    return st == TUF_END ? shorten(t, &ids) : st;
}
