/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: writes the dirty nodes of a transaction's trees to the file.
 *
 * Nodes go out children before parents and in key order, one buffer at a time. A dirty leaf of a
 * published version only learns where its content now stands, and becomes a node of the cache when
 * the last version that reaches it goes. A dirty inner node of a published version is copied, since
 * its references change and readers may be in it.
 *
 * Not here: where the nodes are put (the engine's append callback).
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "base/crc32c.h"
#include "engine/btree_env.h"

struct writing {
    struct btree_txn *txn;
    btree_append_fn *append;
    void *ctx;
    struct buf buf; /* the node being written */
};

/* Writes one node whose references are clean, and says where it is. */
static tuf_status write_node(struct writing *w, struct bnode *node, struct node_ref *ref_out)
{
    tufi_buf_clear(&w->buf);
    tufi_bnode_encode(node, &w->buf);
    if (w->buf.failed)
        return tufi_nomem();
    uint64_t off = 0;
    tuf_status st = w->append(w->ctx, buf_slice(&w->buf), &off);
    if (st != TUF_OK)
        return st;
    tuf_assert(off != 0);
    node->off = off;
    node->len = (uint32_t)w->buf.len;
    node->crc = tufi_crc32c(0, w->buf.data, w->buf.len);
    *ref_out = (struct node_ref){ .off = off, .len = node->len, .crc = node->crc };
    return TUF_OK;
}

static tuf_status write_subtree(struct writing *w, struct node_ref *ref);

/* Writes the dirty children of an inner node of this txn and makes its references clean. */
static tuf_status write_children(struct writing *w, struct bnode *node)
{
    for (uint32_t i = 0; i < node->count; i++) {
        struct child child = tufi_bnode_child(node, i);
        if (!child.ref.mem)
            continue;
        tuf_status st = write_subtree(w, &child.ref);
        if (st != TUF_OK)
            return st;
        tufi_bnode_set_child(node, i, &child);
    }
    return TUF_OK;
}

/* Writes what is dirty at and below a reference, and makes the reference clean. Recursion goes as
 * deep as the tree is high: at most BTREE_HEIGHT_MAX. */
static tuf_status write_subtree(struct writing *w, struct node_ref *ref)
{
    struct btree_txn *txn = w->txn;
    struct bnode *node = ref->mem;
    bool shared = node->version != txn->number;
    struct bnode *own = node;
    if (node->level > 0) {
        if (shared) {
            own = tufi_bnode_slice(node, 0, node->count, 0);
            if (!own)
                return tufi_nomem();
            tufi_txn_adopt(txn, own);
        }
        tuf_status st = write_children(w, own);
        if (st != TUF_OK)
            return st;
    }
    tuf_status st = write_node(w, own, ref);
    if (st != TUF_OK)
        return st;
    if (shared)
        tufi_txn_replace(txn, node);
    return TUF_OK;
}

tuf_status tufi_btree_txn_write(struct btree_txn *txn, btree_append_fn *append, void *ctx)
{
    tuf_assert(!txn->written);
    txn->written = true;
    struct writing w = { .txn = txn, .append = append, .ctx = ctx };
    tuf_status st = TUF_OK;
    for (unsigned kind = 0; kind < BTREE_KINDS_MAX && st == TUF_OK; kind++) {
        struct node_ref *root = &txn->trees[kind].root;
        if (root->mem)
            st = write_subtree(&w, root);
    }
    tufi_buf_release(&w.buf);
    return st;
}
