/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the life of a write transaction: begin, publish, abort, and who owns its nodes.
 *
 * INV-TX-1: every node whose version is the txn's number is on txn->nodes; every dirty node of a
 *           published version that the txn's trees no longer reach is on txn->retired. So abort
 *           needs no walk, and is right after any failure.
 * INV-TX-2: until publish, nothing of a published version changes but the list links, off, len and
 *           crc of retired nodes, which no reader looks at.
 * Not here: changing the trees (btree_modify.c), writing them to the file (btree_write.c).
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "engine/btree_env.h"

tuf_status tufi_btree_txn_begin(struct btree_txn **out, struct btree_env *env)
{
    TUF_AUTOFREE struct version *made = tufi_alloc_zero(sizeof(*made));
    TUF_AUTOFREE struct btree_txn *txn = tufi_alloc_zero(sizeof(*txn));
    if (!made || !txn)
        return tufi_nomem();
    /* Only the writer publishes, and we are the writer: the newest version stays. */
    pthread_mutex_lock(&env->versions.lock);
    const struct btree_version *newest = &env->versions.newest->shown;
    pthread_mutex_unlock(&env->versions.lock);
    txn->env = env;
    txn->number = newest->number + 1;
    memcpy(txn->trees, newest->trees, sizeof(txn->trees));
    txn->made = tufi_steal(made);
    *out = tufi_steal(txn);
    return TUF_OK;
}

struct btree *tufi_btree_txn_tree(struct btree_txn *txn, unsigned kind)
{
    tuf_assert(kind < BTREE_KINDS_MAX);
    return &txn->trees[kind];
}

struct btree_env *tufi_btree_txn_env(const struct btree_txn *txn)
{
    return txn->env;
}

void tufi_txn_adopt(struct btree_txn *txn, struct bnode *node)
{
    node->version = txn->number;
    tufi_node_list_add(&txn->nodes, node);
    atomic_fetch_add_explicit(&txn->env->live_count, 1, memory_order_relaxed);
}

static void free_node(struct btree_txn *txn, struct bnode *node)
{
    tufi_node_list_remove(&txn->nodes, node);
    atomic_fetch_sub_explicit(&txn->env->live_count, 1, memory_order_relaxed);
    tufi_bnode_free(node);
}

void tufi_txn_replace(struct btree_txn *txn, struct bnode *node)
{
    if (node->version == 0) {
        tufi_node_cache_demote(&txn->env->cache, node);
        btree_drop_node(node);
    } else if (node->version == txn->number) {
        free_node(txn, node);
    } else {
        tufi_node_list_add(&txn->retired, node);
    }
}

/* Bytes of the nodes of a list that are still dirty. */
static size_t list_size(const struct node_list *list)
{
    size_t size = 0;
    for (const struct bnode *node = list->first; node; node = node->next)
        size += bnode_mem_size(node);
    return size;
}

/* Gives the nodes that txn_write put into the file to the cache, while nobody else knows them. */
static void release_written(struct btree_txn *txn)
{
    struct bnode *node = txn->nodes.first;
    while (node) {
        struct bnode *next = node->next;
        if (node->off != 0) {
            tufi_node_list_remove(&txn->nodes, node);
            tufi_btree_retire_now(txn->env, node);
        }
        node = next;
    }
}

void tufi_btree_txn_publish(struct btree_txn **txn, void *owner_data,
                            void (*free_owner)(void *owner_data))
{
    struct btree_txn *t = *txn;
    *txn = NULL;
    struct btree_env *env = t->env;
    if (t->written)
        release_written(t);
    size_t size = atomic_load_explicit(&env->dirty_size, memory_order_relaxed);
    size = size + list_size(&t->nodes) - list_size(&t->retired);
    atomic_store_explicit(&env->dirty_size, size, memory_order_relaxed);

    struct version *made = tufi_steal(t->made);
    made->shown.number = t->number;
    memcpy(made->shown.trees, t->trees, sizeof(t->trees));
    made->shown.owner_data = owner_data;
    made->free_owner = free_owner;
    tufi_version_publish(env, made, &t->retired);
    tufi_free(t);
}

void tufi_btree_txn_abort(struct btree_txn **txn)
{
    struct btree_txn *t = *txn;
    if (!t)
        return;
    *txn = NULL;
    while (t->nodes.first)
        free_node(t, t->nodes.first);
    while (t->retired.first) {
        struct bnode *node = t->retired.first;
        tufi_node_list_remove(&t->retired, node);
        node->off = 0; /* txn_write may have named a place that will not be used */
    }
    tufi_free(t->made);
    tufi_free(t);
}
