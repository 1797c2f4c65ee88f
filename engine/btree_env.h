/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what the files of the B+tree share: the environment, the path from a root to a leaf, and
 * the transaction.
 *
 * Threads: the environment is shared; a transaction belongs to one thread; a path lives in one
 * call. Locks: versions.lock and the shards' locks are never held together.
 */
#ifndef ENGINE_BTREE_ENV_H
#define ENGINE_BTREE_ENV_H

#include "engine/bnode.h"
#include "engine/node_cache.h"
#include "engine/version.h"

#define BTREE_NODE_SIZE_DEFAULT 8192
#define BTREE_NODE_SIZE_MIN 64
#define BTREE_NODE_SIZE_MAX (1u << 20)

struct btree_env {
    struct btree_config config;
    struct version_list versions;
    struct node_cache cache;
    _Atomic size_t dirty_size; /* bytes of dirty nodes that the newest version reaches */
    _Atomic size_t live_count; /* nodes that txns and versions own: not those of the cache */
};

/* ---- nodes ----------------------------------------------------------------------------------- */

/*
 * The node behind a reference. A clean one comes pinned or, if it is a leaf, as a copy of its own,
 * because leaves are packed in the cache: give it back with btree_drop_node.
 *   level, kind  what the node must be; E_CORRUPT if it is not
 */
tuf_status tufi_btree_take_node(struct bnode **out, struct btree_env *env,
                                const struct node_ref *ref, unsigned level, unsigned kind);
/* The same, past the cache: always read and verified. The caller owns it. */
tuf_status tufi_btree_read_node(struct bnode **out, struct btree_env *env,
                                const struct node_ref *ref, unsigned level, unsigned kind);

static inline void btree_drop_node(struct bnode *node)
{
    if (node->version != 0)
        return;
    if (node->single)
        tufi_bnode_free(node);
    else
        node_cache_unpin(node);
}

/* Adds the contribution of one leaf entry. */
void tufi_btree_reduce(struct reduction *sum, const struct btree_env *env, unsigned kind,
                       tuf_slice key, tuf_slice value);

static inline void reduction_add(struct reduction *sum, const struct reduction *more)
{
    for (unsigned i = 0; i < REDUCTION_SLOTS; i++)
        sum->v[i] += more->v[i];
}

static inline void reduction_subtract(struct reduction *sum, const struct reduction *less)
{
    for (unsigned i = 0; i < REDUCTION_SLOTS; i++)
        sum->v[i] -= less->v[i];
}

static inline bool btree_is_empty(const struct btree *tree)
{
    return tree->height == 0;
}

/* Frees a dirty node that no version can reach any more, or hands it to the cache if its content
 * is in the file. */
void tufi_btree_retire_now(struct btree_env *env, struct bnode *node);

/* ---- a path ---------------------------------------------------------------------------------- */

struct path_step {
    struct bnode *node;
    uint32_t pos; /* of the child the path follows; in the leaf: of an entry */
};

/* steps[0] is the root. Clean nodes are pinned by the path. */
struct path {
    uint32_t depth; /* steps in use */
    bool owned;     /* all nodes were made by the txn: nothing to unpin */
    struct path_step steps[BTREE_HEIGHT_MAX];
};

static inline void path_init(struct path *path)
{
    path->depth = 0;
    path->owned = false;
}

/* Unpins what is pinned and empties the path. */
void tufi_path_release(struct path *path);
/*
 * Walks from the root to the leaf where `key` belongs. The tree is not empty; the path is empty,
 * and must be released even after a failure. equal_out  whether the leaf's entry at the last pos
 * has the key
 */
tuf_status tufi_path_find(struct path *path, struct btree_env *env, const struct btree *tree,
                          tuf_slice key, bool *equal_out);

/* ---- a transaction --------------------------------------------------------------------------- */

struct btree_txn {
    struct btree_env *env;
    uint64_t number;      /* of the version it will be */
    struct version *made; /* owned: so that publishing needs no memory */
    struct btree trees[BTREE_KINDS_MAX];
    struct node_list nodes;   /* made in this txn and in its trees, or just written */
    struct node_list retired; /* of published versions, replaced in this txn */
    bool written;             /* txn_write was called */
};

/* Takes a new node into the txn: it is freed if the txn is aborted. */
void tufi_txn_adopt(struct btree_txn *txn, struct bnode *node);
/* The tree no longer reaches this node: frees it, retires it, or unpins it. */
void tufi_txn_replace(struct btree_txn *txn, struct bnode *node);

#endif
