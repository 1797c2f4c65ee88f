/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: forget leaf revisions without a trace but an entry in the purge log.
 *
 * tuf_db_restore_purges writes entries of another database's log, whose documents are not here.
 *
 * Every item has an entry in the log, whether there was such a leaf or not, and a call raises the
 * update sequence, as CouchDB does it: whoever follows the changes looks at the purges too.
 *
 * INV-PU-1: what remains of a document keeps a whole-tree record of its own, so that its history no
 *           longer leads to records of what was purged.
 */
#include "base/alloc.h"
#include "engine/edit.h"
#include "engine/revtree.h"

/* One document while it is purged. */
struct purging {
    struct commit *c;
    const tuf_purge_item *item;
    struct buf value;
    struct docinfo info;
    struct revtree tree;
    struct buf revs;    /* encoded list of what goes */
    size_t rev_count;   /* in it */
};

static void purging_release(struct purging *p)
{
    tufi_buf_release(&p->value);
    tufi_docinfo_release(&p->info);
    tufi_revtree_release(&p->tree);
    tufi_buf_release(&p->revs);
}

static size_t find_leaf_pos(const struct docinfo *info, tuf_rev rev)
{
    size_t pos = 0;
    while (pos < info->leaf_count && tuf_rev_compare(info->leaves[pos].rev, rev) != 0)
        pos++;
    return pos;
}

static void drop_leaf(struct docinfo *info, size_t pos)
{
    memmove(&info->leaves[pos], &info->leaves[pos + 1],
            (info->leaf_count - pos - 1) * sizeof(info->leaves[0]));
    info->leaf_count--;
}

/* Removes the asked leaves from info and tree and lists them. */
static tuf_status remove_leaves(struct purging *p)
{
    TUF_AUTOFREE tuf_rev *gone = tufi_alloc_array(p->item->rev_count, sizeof(*gone));
    if (!gone)
        return tufi_nomem();
    for (size_t i = 0; i < p->item->rev_count; i++) {
        tuf_rev rev = p->item->revs[i];
        size_t pos = find_leaf_pos(&p->info, rev);
        p->item->purged_out[i] = pos < p->info.leaf_count;
        if (!p->item->purged_out[i])
            continue;
        tuf_status st = tufi_revtree_remove_leaf(&p->tree, rev);
        if (st != TUF_OK)
            return st < 0 ? st : tufi_corrupt(p->info.tree.off, "a leaf is not in its tree");
        drop_leaf(&p->info, pos);
        gone[p->rev_count++] = rev;
    }
    tufi_revlist_encode(&p->revs, gone, p->rev_count);
    return buf_status(&p->revs);
}

/* Ancestors that led only to a purged leaf go with it, so nothing new can become a leaf. The path
 * lengths, estimates while there were several leaves, become right again. */
static tuf_status measure_leaves(struct purging *p)
{
    TUF_AUTOFREE size_t *positions = NULL;
    size_t count;
    tuf_status st = tufi_revtree_leaves(&positions, &count, &p->tree);
    if (st < 0)
        return st;
    if (count != p->info.leaf_count)
        return tufi_corrupt(p->info.tree.off, "tree has %zu leaves instead of %zu", count,
                            p->info.leaf_count);
    for (size_t i = 0; i < count; i++) /* both are in winning order */
        p->info.leaves[i].path_len = tufi_revtree_path_len(&p->tree, positions[i]);
    return TUF_OK;
}

/* Writes what is left: the tree, and an index value that points at it. */
static tuf_status encode_rest(struct purging *p, struct purgerec *rec, struct buf *docinfo)
{
    struct commit *c = p->c;
    tuf_status st = measure_leaves(p);
    if (st < 0)
        return st;
    st = tufi_commit_put_tree(c, p->item->id, &p->tree, &p->info.tree);
    if (st < 0)
        return st;
    /* CouchDB gives each leaf that is left a sequence; the document has the last one's. */
    p->info.seq = rec->seq = c->now.update_seq + p->info.leaf_count;
    p->info.chain_len = 1;
    p->info.node_count = p->tree.count;
    tufi_docinfo_encode(docinfo, &p->info);
    rec->docinfo = buf_slice(docinfo);
    return buf_status(docinfo);
}

static tuf_status put_purge(struct purging *p)
{
    struct commit *c = p->c;
    TUF_AUTO(tufi_buf_release) struct buf docinfo = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf payload = BUF_INIT;
    struct purgerec rec = {
        .purge_seq = c->now.purge_seq + 1,
        .id = p->item->id,
        .revs = buf_slice(&p->revs),
    };
    tuf_status st = TUF_OK;
    if (p->info.leaf_count > 0)
        st = encode_rest(p, &rec, &docinfo);
    if (st < 0)
        return st;
    tufi_purgerec_encode(&payload, &rec);
    if (payload.failed)
        return tufi_nomem();
    st = tufi_commit_put(c, RECORD_PURGE, buf_slice(&payload), NULL);
    return st < 0 ? st : tufi_apply_purge(c->txn, &c->now, &rec);
}

/* A row of the purge log for a document that is not here, or has none of the leaves. */
static tuf_status put_row(struct commit *c, const tuf_purge_item *item, bool is_here)
{
    TUF_AUTO(tufi_buf_release) struct buf revs = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf payload = BUF_INIT;
    tufi_revlist_encode(&revs, item->revs, item->rev_count);
    struct purgerec rec = {
        .purge_seq = c->now.purge_seq + 1,
        .id = item->id,
        .revs = buf_slice(&revs),
        .seq = is_here ? c->now.update_seq : 0,
        .stays = is_here,
    };
    tufi_purgerec_encode(&payload, &rec);
    if (revs.failed || payload.failed)
        return tufi_nomem();
    tuf_status st = tufi_commit_put(c, RECORD_PURGE, buf_slice(&payload), NULL);
    return st < 0 ? st : tufi_apply_purge(c->txn, &c->now, &rec);
}

/* Purges what is here of a document, and notes the request. */
static tuf_status purge_doc(struct commit *c, const tuf_purge_item *item)
{
    TUF_AUTO(purging_release) struct purging p = { .c = c, .item = item };
    tufi_docinfo_init(&p.info);
    memset(item->purged_out, 0, item->rev_count * sizeof(*item->purged_out));
    const struct btree *by_id = tufi_btree_txn_tree(c->txn, TREE_BY_ID);
    tuf_status st = tufi_find_docinfo(c->db->store->env, by_id, item->id, &p.value, &p.info);
    if (st == TUF_OK)
        st = tufi_history_load_pending(&p.tree, &c->db->store->log, &p.info, &c->db->group);
    if (st == TUF_NOT_FOUND)
        return put_row(c, item, false);
    if (st == TUF_OK)
        st = remove_leaves(&p);
    if (st != TUF_OK)
        return tufi_fold(st);
    return p.rev_count > 0 ? put_purge(&p) : put_row(c, item, true);
}

static tuf_status finish(struct commit *c, tuf_status st)
{
    if (st < 0 || c->record_count == 0) {
        tufi_commit_abort(c);
        return st;
    }
    return tufi_commit_finish(c, true);
}

tuf_status tuf_db_purge(tuf_db *db, const tuf_purge_item *items, size_t item_count)
{
    tufi_error_clear();
    struct commit c;
    tuf_status st = tufi_commit_begin(&c, db);
    if (st < 0)
        return st;
    uint64_t before = c.now.update_seq;
    for (size_t i = 0; st == TUF_OK && i < item_count; i++)
        st = purge_doc(&c, &items[i]);
    if (c.now.update_seq == before)
        c.now.update_seq++;
    return finish(&c, st);
}

tuf_status tuf_db_restore_purges(tuf_db *db, uint64_t first_purge_seq, const tuf_purge_item *items,
                                 size_t item_count)
{
    tufi_error_clear();
    if (first_purge_seq == 0)
        return tufi_fail(TUF_E_INVALID, "purges are numbered from 1");
    struct commit c;
    tuf_status st = tufi_commit_begin(&c, db);
    if (st < 0)
        return st;
    if (c.now.purge_seq == 0)
        c.now.purge_seq = first_purge_seq - 1;
    for (size_t i = 0; st == TUF_OK && i < item_count; i++)
        st = purge_doc(&c, &items[i]);
    return finish(&c, st);
}
