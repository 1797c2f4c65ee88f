/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the environment of the B+trees, loading nodes, and looking up one key.
 *
 * INV-BT-1: a node is checked against the length and checksum of its reference when it is loaded,
 *           and must have the level and kind that its place demands; so a walk down always ends.
 * Not here: cursors (btree_cursor.c), changes (btree_txn.c, btree_modify.c, btree_write.c).
 */
#include "engine/btree.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/crc32c.h"
#include "engine/btree_env.h"
#include "fileformat/node.h"

/* ---- the environment ------------------------------------------------------------------------- */

static size_t usable_node_size(size_t wanted)
{
    if (wanted == 0)
        return BTREE_NODE_SIZE_DEFAULT;
    if (wanted < BTREE_NODE_SIZE_MIN)
        return BTREE_NODE_SIZE_MIN;
    return wanted < BTREE_NODE_SIZE_MAX ? wanted : BTREE_NODE_SIZE_MAX;
}

tuf_status tufi_btree_env_new(struct btree_env **out, const struct btree_config *config)
{
    TUF_AUTOFREE struct btree_env *env = tufi_alloc_zero(sizeof(*env));
    if (!env)
        return tufi_nomem();
    env->config = *config;
    env->config.node_size = usable_node_size(config->node_size);
    tuf_status st = tufi_version_list_init(&env->versions);
    if (st < 0)
        return st;
    st = tufi_node_cache_init(&env->cache, config->cache_size);
    if (st < 0) {
        tufi_version_list_release(&env->versions);
        return st;
    }
    *out = tufi_steal(env);
    return TUF_OK;
}

static void free_dirty(struct btree_env *env, const struct node_ref *ref)
{
    struct bnode *node = ref->mem;
    if (!node)
        return;
    for (uint32_t i = 0; node->level > 0 && i < node->count; i++) {
        struct node_ref child = tufi_bnode_child_ref(node, i);
        free_dirty(env, &child);
    }
    atomic_fetch_sub_explicit(&env->live_count, 1, memory_order_relaxed);
    tufi_bnode_free(node);
}

void tufi_btree_env_free(struct btree_env **env)
{
    struct btree_env *e = *env;
    if (!e)
        return;
    *env = NULL;
    for (unsigned kind = 0; kind < BTREE_KINDS_MAX; kind++)
        free_dirty(e, &e->versions.newest->shown.trees[kind].root);
    tuf_assert(atomic_load(&e->live_count) == 0);
    tufi_version_list_release(&e->versions);
    tufi_node_cache_release(&e->cache);
    tufi_free(e);
}

size_t tufi_btree_dirty_size(const struct btree_env *env)
{
    return atomic_load_explicit(&env->dirty_size, memory_order_relaxed);
}

void tufi_btree_cache_count(uint64_t *hits_out, uint64_t *misses_out, struct btree_env *env)
{
    tufi_node_cache_count(hits_out, misses_out, &env->cache);
}

size_t tufi_btree_cache_used(const struct btree_env *env)
{
    return node_cache_used(&env->cache);
}

void tufi_btree_retire_now(struct btree_env *env, struct bnode *node)
{
    tuf_assert(node->version != 0);
    atomic_fetch_sub_explicit(&env->live_count, 1, memory_order_relaxed);
    struct bnode *kept = NULL;
    if (node->off != 0)
        kept = node->level == 0 ? tufi_bnode_pack(node) : node;
    if (kept != node)
        tufi_bnode_free(node);
    if (!kept)
        return;
    kept->version = 0;
    tufi_node_cache_take_cold(&env->cache, kept);
}

void tufi_btree_reduce(struct reduction *sum, const struct btree_env *env, unsigned kind,
                       tuf_slice key, tuf_slice value)
{
    if (!env->config.reduce[kind])
        return;
    struct reduction one = { { 0 } };
    env->config.reduce[kind](&one, key, value);
    reduction_add(sum, &one);
}

/* ---- loading --------------------------------------------------------------------------------- */

static tuf_status check_place(const struct bnode *node, uint64_t off, unsigned level, unsigned kind)
{
    if (node->level != level || node->kind != kind)
        return tufi_corrupt(off, "node of tree %u level %u where tree %u level %u belongs",
                            node->kind, node->level, kind, level);
    return TUF_OK;
}

/* Reads the bytes of a node and compares them with its reference. */
static tuf_status read_encoded(uint8_t *bytes, struct btree_env *env, const struct node_ref *ref)
{
    tuf_status st = env->config.read(env->config.ctx, bytes, ref->len, ref->off);
    if (st != TUF_OK)
        return tufi_fold(st);
    uint32_t crc = tufi_crc32c(0, bytes, ref->len);
    if (crc != ref->crc)
        return tufi_corrupt(ref->off, "node of %u bytes has checksum %08x, its parent says %08x",
                            ref->len, crc, ref->crc);
    return TUF_OK;
}

static tuf_status check_ref(const struct node_ref *ref)
{
    if (ref->off == 0 || ref->len == 0 || ref->len > NODE_SIZE_MAX)
        return tufi_corrupt(ref->off, "node reference with length %u", ref->len);
    return TUF_OK;
}

static void autofree_node(struct bnode **node)
{
    tufi_bnode_free(*node);
}

static void set_place(struct bnode *node, const struct node_ref *ref)
{
    /* Called with the node just read. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
    node->off = ref->off;
    node->len = ref->len;
    node->crc = ref->crc;
}

tuf_status tufi_btree_read_node(struct bnode **out, struct btree_env *env,
                                const struct node_ref *ref, unsigned level, unsigned kind)
{
    tuf_status st = check_ref(ref);
    if (st < 0)
        return st;
    TUF_AUTOFREE uint8_t *bytes = tufi_alloc(ref->len);
    if (!bytes)
        return tufi_nomem();
    TUF_AUTO(autofree_node) struct bnode *node = NULL;
    st = read_encoded(bytes, env, ref);
    if (st == TUF_OK)
        st = tufi_bnode_decode(&node, tuf_slice_of(bytes, ref->len), ref->off);
    if (st == TUF_OK)
        st = check_place(node, ref->off, level, kind);
    if (st < 0)
        return st;
    set_place(node, ref);
    *out = tufi_steal(node);
    return TUF_OK;
}

/* A leaf as the cache keeps it. */
static tuf_status read_packed(struct bnode **out, struct btree_env *env,
                              const struct node_ref *ref, unsigned kind)
{
    tuf_status st = check_ref(ref);
    if (st < 0)
        return st;
    TUF_AUTO(autofree_node) struct bnode *node = tufi_bnode_new_packed(ref->len);
    if (!node)
        return tufi_nomem();
    st = read_encoded(node->page, env, ref);
    if (st == TUF_OK)
        st = tufi_bnode_check_packed(node, ref->off);
    if (st == TUF_OK)
        st = check_place(node, ref->off, 0, kind);
    if (st < 0)
        return st;
    set_place(node, ref);
    *out = tufi_steal(node);
    return TUF_OK;
}

/* A clean node as the cache keeps it, pinned: leaves packed. */
static tuf_status take_clean(struct bnode **out, struct btree_env *env, const struct node_ref *ref,
                             unsigned level, unsigned kind)
{
    struct bnode *node = tufi_node_cache_find(&env->cache, ref);
    if (!node) {
        tuf_status st = level > 0 ? tufi_btree_read_node(&node, env, ref, level, kind)
                                  : read_packed(&node, env, ref, kind);
        if (st < 0)
            return st;
        node = tufi_node_cache_take(&env->cache, node);
        if (!node)
            return tufi_corrupt(ref->off, "two different nodes at one place");
    }
    tuf_status st = check_place(node, ref->off, level, kind);
    if (st < 0) {
        btree_drop_node(node);
        return st;
    }
    *out = node;
    return TUF_OK;
}

tuf_status tufi_btree_take_node(struct bnode **out, struct btree_env *env,
                                const struct node_ref *ref, unsigned level, unsigned kind)
{
    if (ref->mem) {
        bnode_prefetch(ref->mem);
        tuf_assert(ref->mem->level == level);
        *out = ref->mem;
        return TUF_OK;
    }
    struct bnode *node;
    tuf_status st = take_clean(&node, env, ref, level, kind);
    if (st < 0)
        return st;
    if (node->packed) {
        struct bnode *copy = tufi_bnode_unpack(node);
        btree_drop_node(node);
        if (!copy)
            return tufi_nomem();
        copy->single = true;
        node = copy;
    }
    *out = node;
    return TUF_OK;
}

void tufi_btree_unpin(struct btree_env *env, struct btree_pin *pin)
{
    (void)env;
    if (pin->node)
        btree_drop_node(pin->node);
    pin->node = NULL;
}

/* ---- looking up ------------------------------------------------------------------------------ */

/* Where a leaf has the key. */
static bool find_in_leaf(const struct bnode *leaf, tuf_slice key, tuf_slice *value_out)
{
    if (leaf->packed)
        return tufi_bnode_find_packed(leaf, key, value_out);
    bool equal;
    uint32_t pos = tufi_bnode_lower_bound(leaf, key, &equal);
    if (equal)
        *value_out = tufi_bnode_value(leaf, pos);
    return equal;
}

tuf_status tufi_btree_find(struct btree_env *env, const struct btree *tree, tuf_slice key,
                           tuf_slice *value_out, struct btree_pin *pin)
{
    tuf_assert(!pin->node);
    if (btree_is_empty(tree))
        return TUF_NOT_FOUND;
    struct node_ref ref = tree->root;
    struct bnode *node;
    tuf_status st;
    for (unsigned level = tree->height - 1; level > 0; level--) {
        st = tufi_btree_take_node(&node, env, &ref, level, tree->kind);
        if (st < 0)
            return st;
        ref = tufi_bnode_child_ref(node, tufi_bnode_child_pos(node, key));
        btree_drop_node(node);
    }
    st = ref.mem ? tufi_btree_take_node(&node, env, &ref, 0, tree->kind)
                 : take_clean(&node, env, &ref, 0, tree->kind);
    if (st < 0)
        return st;
    if (!find_in_leaf(node, key, value_out)) {
        btree_drop_node(node);
        return TUF_NOT_FOUND;
    }
    pin->node = node;
    return TUF_OK;
}

void tufi_path_release(struct path *path)
{
    for (uint32_t i = 0; i < path->depth && !path->owned; i++)
        btree_drop_node(path->steps[i].node);
    path->depth = 0;
}

tuf_status tufi_path_find(struct path *path, struct btree_env *env, const struct btree *tree,
                          tuf_slice key, bool *equal_out)
{
    tuf_assert(tree->height > 0);
    struct node_ref ref = tree->root;
    for (unsigned level = tree->height; level-- > 0;) {
        struct path_step *step = &path->steps[path->depth];
        tuf_status st = tufi_btree_take_node(&step->node, env, &ref, level, tree->kind);
        if (st < 0)
            return st;
        path->depth++;
        if (level == 0) {
            step->pos = tufi_bnode_lower_bound(step->node, key, equal_out);
            break;
        }
        step->pos = tufi_bnode_child_pos(step->node, key);
        ref = tufi_bnode_child_ref(step->node, step->pos);
    }
    return TUF_OK;
}

/* Adds up the first `end` entries of a node. */
static void sum_before(const struct btree_env *env, const struct bnode *node, uint32_t end,
                       struct reduction *sum, uint64_t *count)
{
    for (uint32_t i = 0; i < end; i++) {
        if (node->level == 0) {
            tufi_btree_reduce(sum, env, node->kind, tufi_bnode_key(node, i),
                              tufi_bnode_value(node, i));
            *count += 1;
            continue;
        }
        struct child child = tufi_bnode_child(node, i);
        reduction_add(sum, &child.sum);
        *count += child.entry_count;
    }
}

tuf_status tufi_btree_rank(struct btree_env *env, const struct btree *tree, tuf_slice key,
                           bool inclusive, struct reduction *sum_out, uint64_t *count_out)
{
    struct reduction sum = { { 0 } };
    uint64_t count = 0;
    if (!btree_is_empty(tree)) {
        TUF_AUTO(tufi_path_release) struct path path;
        path_init(&path);
        bool equal;
        tuf_status st = tufi_path_find(&path, env, tree, key, &equal);
        if (st < 0)
            return st;
        for (uint32_t i = 0; i < path.depth; i++) {
            bool leaf = i + 1 == path.depth;
            uint32_t end = path.steps[i].pos + (leaf && equal && inclusive);
            sum_before(env, path.steps[i].node, end, &sum, &count);
        }
    }
    *sum_out = sum;
    *count_out = count;
    return TUF_OK;
}
