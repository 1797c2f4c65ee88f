/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: putting and removing one entry.
 *
 * 1. Walk down, reading only, and find the place.
 * 2. Copy the nodes of the path that the txn did not make.
 * 3. Change the leaf; add the difference to the sums on the path.
 * 4. Bring the path back into shape (btree_balance.c).
 *
 * A failure in any step leaves a tree that can only be aborted, but every node is where abort finds
 * it (INV-TX-1).
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "engine/btree_balance.h"
#include "engine/btree_env.h"

/* Creates the root of an empty tree. */
static tuf_status plant_root(struct btree_txn *txn, struct btree *tree, size_t room)
{
    struct bnode *leaf = tufi_bnode_new(tree->kind, 0, room);
    if (!leaf)
        return tufi_nomem();
    tufi_txn_adopt(txn, leaf);
    tree->root = (struct node_ref){ .mem = leaf };
    tree->height = 1;
    return TUF_OK;
}

/* The change that one put or remove makes to every sum above its leaf. */
struct difference {
    struct reduction added;
    struct reduction removed;
    uint64_t count; /* 0, 1, or UINT64_MAX for -1 */
};

static void apply_difference(struct btree *tree, struct path *path, const struct difference *diff)
{
    for (uint32_t i = 0; i + 1 < path->depth; i++) {
        struct path_step *step = &path->steps[i];
        struct child child = tufi_bnode_child(step->node, step->pos);
        child.entry_count += diff->count;
        reduction_add(&child.sum, &diff->added);
        reduction_subtract(&child.sum, &diff->removed);
        tufi_bnode_set_child(step->node, step->pos, &child);
    }
    tree->entry_count += diff->count;
    reduction_add(&tree->total, &diff->added);
    reduction_subtract(&tree->total, &diff->removed);
}

static bool is_right_edge(const struct path *path)
{
    for (uint32_t i = 0; i + 1 < path->depth; i++) {
        if (path->steps[i].pos + 1 != path->steps[i].node->count)
            return false;
    }
    const struct path_step *leaf = &path->steps[path->depth - 1];
    return leaf->pos == leaf->node->count;
}

/* Puts an entry at the leaf position of a path whose nodes all belong to the txn. */
static tuf_status insert_entry(struct btree_txn *txn, struct btree *tree, struct path *path,
                               tuf_slice key, tuf_slice value)
{
    uint32_t last = path->depth - 1;
    tuf_status st = tufi_path_reserve(txn, tree, path, last, tufi_bnode_leaf_room(key, value));
    if (st < 0)
        return st;
    tufi_bnode_insert_leaf(path->steps[last].node, path->steps[last].pos, key, value);
    return TUF_OK;
}

tuf_status tufi_btree_put(struct btree_txn *txn, unsigned kind, tuf_slice key, tuf_slice value)
{
    tuf_assert(kind < BTREE_KINDS_MAX);
    tuf_assert(!txn->written);
    if (key.len > BTREE_KEY_SIZE_MAX || value.len > BTREE_VALUE_SIZE_MAX)
        return tufi_fail(TUF_E_LIMIT, "tree entry with a key of %zu and a value of %zu bytes",
                         key.len, value.len);
    struct btree *tree = &txn->trees[kind];
    struct btree_env *env = txn->env;
    size_t room = tufi_bnode_leaf_room(key, value);
    tuf_status st = btree_is_empty(tree) ? plant_root(txn, tree, room) : TUF_OK;
    if (st < 0)
        return st;
    TUF_AUTO(tufi_path_release) struct path path;
    path_init(&path);
    bool equal = false;
    st = tufi_path_find(&path, env, tree, key, &equal);
    if (st < 0)
        return st;
    struct path_step *leaf = &path.steps[path.depth - 1];
    struct difference diff = { .count = equal ? 0 : 1 };
    bool shrinks = false;
    if (equal) {
        tuf_slice old = tufi_bnode_value(leaf->node, leaf->pos);
        if (slice_equal(old, value))
            return TUF_OK;
        shrinks = value.len < old.len;
        tufi_btree_reduce(&diff.removed, env, kind, key, old);
    }
    tufi_btree_reduce(&diff.added, env, kind, key, value);
    st = tufi_path_own(txn, tree, &path, room);
    if (st < 0)
        return st;
    bool right_edge = !equal && is_right_edge(&path);
    bool replaced = equal && tufi_bnode_shrink_value(leaf->node, leaf->pos, value);
    if (equal && !replaced)
        tufi_bnode_remove(leaf->node, leaf->pos);
    if (!replaced)
        st = insert_entry(txn, tree, &path, key, value);
    if (st < 0)
        return st;
    apply_difference(tree, &path, &diff);
    enum balance_hint hint = right_edge ? BALANCE_RIGHT_EDGE : BALANCE_GROWN;
    return tufi_path_balance(txn, tree, &path, shrinks ? BALANCE_SHRUNK : hint);
}

tuf_status tufi_btree_remove(struct btree_txn *txn, unsigned kind, tuf_slice key)
{
    tuf_assert(kind < BTREE_KINDS_MAX);
    tuf_assert(!txn->written);
    struct btree *tree = &txn->trees[kind];
    if (btree_is_empty(tree))
        return TUF_NOT_FOUND;
    TUF_AUTO(tufi_path_release) struct path path;
    path_init(&path);
    bool equal = false;
    tuf_status st = tufi_path_find(&path, txn->env, tree, key, &equal);
    if (st < 0)
        return st;
    if (!equal)
        return TUF_NOT_FOUND;
    struct path_step *leaf = &path.steps[path.depth - 1];
    struct difference diff = { .count = UINT64_MAX };
    tufi_btree_reduce(&diff.removed, txn->env, kind, key, tufi_bnode_value(leaf->node, leaf->pos));
    st = tufi_path_own(txn, tree, &path, 0);
    if (st < 0)
        return st;
    tufi_bnode_remove(leaf->node, leaf->pos);
    apply_difference(tree, &path, &diff);
    return tufi_path_balance(txn, tree, &path, BALANCE_SHRUNK);
}
