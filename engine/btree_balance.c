/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: keeps the nodes of a tree between half empty and full.
 *
 * A node that is longer than node_size when encoded is split in halves of about the same length;
 * one that overflowed by getting the tree's greatest key keeps all but that key, so that a tree to
 * which one only appends has full nodes. A leaf that took its latest keys in ascending order is cut
 * behind them for the same reason (ids often ascend within a prefix). A node shorter than half of
 * node_size is joined with a neighbour if both fit into three quarters of a node (so that the next
 * insertion does not split them again), or in any case if it is shorter than an eighth; what is too
 * long then is split evenly.
 *
 * Measured: sixteen interleaved series of ascending ids fill leaves to 88 % instead of 49 %.
 *
 * INV-BB-1: an inner node made by a split has at least two children.
 * INV-BB-2: a separator is greater than every key left of it, and not greater than any right of it.
 * Source: Bayer & McCreight 1972; separators cut short as in Bayer & Unterauer, Prefix B-Trees,
 * 1977.
 */
#include "engine/btree_balance.h"

#include "base/arith.h"
#include "base/assert.h"
#include "engine/btree_env.h"

/* Insertions in a row, each right behind the one before, that make us expect more of them. */
#define RUN_COUNT_MIN 4

/* Fewest entries of which both halves of a split can be made (INV-BB-1). */
static uint32_t split_min(const struct bnode *node)
{
    return node->level > 0 ? 4 : 2;
}

static bool is_overfull(const struct btree_env *env, const struct bnode *node)
{
    return node->count >= split_min(node) && tufi_bnode_encoded_size(node) > env->config.node_size;
}

static bool is_underfull(const struct btree_env *env, const struct bnode *node)
{
    return (node->level > 0 && node->count == 1) ||
           tufi_bnode_encoded_size(node) < env->config.node_size / 2;
}

/* ---- owning the path ------------------------------------------------------------------------- */

/* Puts another node at step i: a copy of the one there, which goes. */
static void swap_node(struct btree_txn *txn, struct btree *tree, struct path *path, uint32_t i,
                      struct bnode *copy)
{
    struct bnode *old = path->steps[i].node;
    tufi_txn_adopt(txn, copy);
    path->steps[i].node = copy;
    if (i == 0) {
        tree->root = (struct node_ref){ .mem = copy };
    } else {
        struct path_step *above = &path->steps[i - 1];
        struct child child = tufi_bnode_child(above->node, above->pos);
        child.ref = (struct node_ref){ .mem = copy };
        tufi_bnode_set_child(above->node, above->pos, &child);
    }
    tufi_txn_replace(txn, old);
}

tuf_status tufi_path_own(struct btree_txn *txn, struct btree *tree, struct path *path,
                         size_t leaf_room)
{
    for (uint32_t i = 0; i < path->depth; i++) {
        struct bnode *node = path->steps[i].node;
        if (node->version == txn->number)
            continue;
        size_t more = i + 1 == path->depth ? leaf_room : 0;
        struct bnode *copy = tufi_bnode_slice(node, 0, node->count, more);
        if (!copy)
            return tufi_nomem();
        swap_node(txn, tree, path, i, copy);
    }
    path->owned = true;
    return TUF_OK;
}

tuf_status tufi_path_reserve(struct btree_txn *txn, struct btree *tree, struct path *path,
                             uint32_t i, size_t need)
{
    struct bnode *node = path->steps[i].node;
    tuf_assert(node->version == txn->number);
    if (bnode_room(node) >= need)
        return TUF_OK;
    /* An eighth to spare: few copies while a node fills up, little memory lost when it is full. */
    size_t spare = 128 + (node->heap_used - node->garbage) / 8;
    struct bnode *copy = tufi_bnode_slice(node, 0, node->count, need + spare);
    if (!copy)
        return tufi_nomem();
    swap_node(txn, tree, path, i, copy);
    return TUF_OK;
}

/* ---- splitting ------------------------------------------------------------------------------- */

/* Where to cut so that both sides are about equally long. */
static uint32_t find_middle(const struct bnode *node)
{
    uint32_t side_min = split_min(node) / 2;
    size_t total = 0;
    for (uint32_t i = 0; i < node->count; i++)
        total += tufi_bnode_entry_size(node, i);
    size_t before = 0;
    uint32_t middle = 0;
    while (middle < node->count) {
        size_t size = tufi_bnode_entry_size(node, middle);
        if (before + size / 2 >= total / 2)
            break;
        before += size;
        middle++;
    }
    if (middle < side_min)
        return side_min;
    return middle > node->count - side_min ? node->count - side_min : middle;
}

/* The shortest key that parts entries middle - 1 and middle; borrowed from the node. */
static tuf_slice separator_at(const struct bnode *node, uint32_t middle)
{
    tuf_slice right = tufi_bnode_key(node, middle);
    if (node->level > 0)
        return right;
    tuf_slice left = tufi_bnode_key(node, middle - 1);
    size_t same = 0;
    while (same < left.len && left.data[same] == right.data[same])
        same++;
    tuf_assert(same < right.len); /* the keys ascend: so INV-BB-2 */
    return tuf_slice_of(right.data, same + 1);
}

static void sum_node(const struct btree_env *env, const struct bnode *node, struct child *out)
{
    for (uint32_t i = 0; i < node->count; i++) {
        if (node->level > 0) {
            struct child child = tufi_bnode_child(node, i);
            reduction_add(&out->sum, &child.sum);
            out->entry_count += child.entry_count;
        } else {
            tufi_btree_reduce(&out->sum, env, node->kind, tufi_bnode_key(node, i),
                              tufi_bnode_value(node, i));
            out->entry_count++;
        }
    }
}

/*
 * Where to cut a node that overflowed while it took keys in ascending order: right behind them, so
 * that the left part is full and the following ones have room. 0 if there is no such run.
 */
static uint32_t find_cut(const struct btree_env *env, const struct bnode *node,
                         enum balance_hint hint)
{
    if (hint == BALANCE_RIGHT_EDGE)
        return node->count - split_min(node) / 2;
    if (node->level > 0 || node->run_count < RUN_COUNT_MIN)
        return 0;
    size_t left_size = tufi_bnode_encoded_size(node);
    for (uint32_t i = node->run_end; i < node->count; i++)
        left_size -= min_size(left_size, tufi_bnode_entry_size(node, i));
    bool fits = left_size <= env->config.node_size && node->run_end < node->count;
    return fits ? node->run_end : node->run_end - 1;
}

/* Cuts off the entries from `middle` on. If these are few, the node itself stays. */
static tuf_status make_left(struct btree_txn *txn, struct bnode *node, uint32_t middle,
                            struct bnode **left_out)
{
    if ((node->count - middle) * 8 <= node->count) {
        while (node->count > middle)
            tufi_bnode_remove(node, node->count - 1);
        *left_out = node;
        return TUF_OK;
    }
    *left_out = tufi_bnode_slice(node, 0, middle, 0);
    if (!*left_out)
        return tufi_nomem();
    tufi_txn_adopt(txn, *left_out);
    return TUF_OK;
}

/* Splits child `pos` of the node at step i before its entry `cut`; 0: in the middle. */
static tuf_status split_child(struct btree_txn *txn, struct btree *tree, struct path *path,
                              uint32_t i, uint32_t pos, uint32_t cut)
{
    struct bnode *node = tufi_bnode_child_ref(path->steps[i].node, pos).mem;
    tuf_assert(node->version == txn->number);
    uint32_t middle = cut > 0 ? cut : find_middle(node);
    tuf_slice separator = separator_at(node, middle);
    tuf_status st = tufi_path_reserve(txn, tree, path, i, tufi_bnode_inner_room(separator));
    if (st < 0)
        return st;
    struct bnode *right_node = tufi_bnode_slice(node, middle, node->count, 0);
    if (!right_node)
        return tufi_nomem();
    tufi_txn_adopt(txn, right_node);
    struct child right = { .ref = { .mem = right_node } };
    sum_node(txn->env, right_node, &right);

    struct bnode *parent = path->steps[i].node;
    struct child left = tufi_bnode_child(parent, pos);
    left.entry_count -= right.entry_count;
    reduction_subtract(&left.sum, &right.sum);
    /* Before make_left: the separator is borrowed from an entry that it may remove. */
    tufi_bnode_insert_inner(parent, pos + 1, separator, &right);
    st = make_left(txn, node, middle, &left.ref.mem);
    if (st < 0)
        return st;
    tufi_bnode_set_child(parent, pos, &left);
    if (left.ref.mem != node)
        tufi_txn_replace(txn, node);
    return TUF_OK;
}

/* Splits child `pos` of the node at step i (first at `cut`), and its parts, until all fit. */
static tuf_status split_until_fit(struct btree_txn *txn, struct btree *tree, struct path *path,
                                  uint32_t i, uint32_t pos, uint32_t cut)
{
    uint32_t end = pos + 1;
    while (pos < end) {
        if (!is_overfull(txn->env, tufi_bnode_child_ref(path->steps[i].node, pos).mem)) {
            pos++;
            continue;
        }
        tuf_status st = split_child(txn, tree, path, i, pos, cut);
        if (st < 0)
            return st;
        cut = 0;
        end++;
    }
    return TUF_OK;
}

/* Puts a new root above the old one; the path's steps move down by one. */
static tuf_status raise_root(struct btree_txn *txn, struct btree *tree, struct path *path)
{
    if (tree->height == BTREE_HEIGHT_MAX)
        return tufi_fail(TUF_E_LIMIT, "tree has %u levels already", tree->height);
    tuf_slice empty = tuf_slice_of(NULL, 0);
    struct bnode *root =
        tufi_bnode_new(tree->kind, (uint8_t)tree->height, 2 * tufi_bnode_inner_room(empty) + 128);
    if (!root)
        return tufi_nomem();
    tufi_txn_adopt(txn, root);
    struct child below = { .ref = tree->root,
                           .entry_count = tree->entry_count,
                           .sum = tree->total };
    tufi_bnode_insert_inner(root, 0, empty, &below);
    tree->root = (struct node_ref){ .mem = root };
    tree->height++;
    memmove(path->steps + 1, path->steps, path->depth * sizeof(path->steps[0]));
    path->depth++;
    path->steps[0] = (struct path_step){ .node = root };
    return TUF_OK;
}

/* ---- joining --------------------------------------------------------------------------------- */

static size_t child_size(const struct bnode *parent, uint32_t pos)
{
    struct node_ref ref = tufi_bnode_child_ref(parent, pos);
    return ref.mem ? tufi_bnode_encoded_size(ref.mem) : ref.len;
}

/*
 * Chooses with which neighbour the child at `pos` should be joined.
 *   left_out  position of the left one of the two
 */
static bool pick_neighbour(const struct btree_env *env, const struct bnode *parent, uint32_t pos,
                           uint32_t *left_out)
{
    const struct bnode *node = tufi_bnode_child_ref(parent, pos).mem;
    size_t size = tufi_bnode_encoded_size(node);
    size_t limit = env->config.node_size / 4 * 3;
    if (parent->count < 2)
        return false;
    *left_out = pos > 0 ? pos - 1 : 0;
    if (pos > 0 && size + child_size(parent, pos - 1) <= limit)
        return true;
    if (pos + 1 < parent->count && size + child_size(parent, pos + 1) <= limit) {
        *left_out = pos;
        return true;
    }
    return size < env->config.node_size / 8 || (node->level > 0 && node->count == 1);
}

/* Makes one node of children `pos` and pos + 1 of the node at step i. */
static tuf_status join_children(struct btree_txn *txn, struct path *path, uint32_t i, uint32_t pos)
{
    struct bnode *parent = path->steps[i].node;
    struct child left = tufi_bnode_child(parent, pos);
    struct child right = tufi_bnode_child(parent, pos + 1);
    struct bnode *left_node;
    struct bnode *right_node;
    unsigned level = parent->level - 1u;
    tuf_status st = tufi_btree_take_node(&left_node, txn->env, &left.ref, level, parent->kind);
    if (st < 0)
        return st;
    st = tufi_btree_take_node(&right_node, txn->env, &right.ref, level, parent->kind);
    if (st < 0) {
        btree_drop_node(left_node);
        return st;
    }
    struct bnode *both = tufi_bnode_join(left_node, right_node, tufi_bnode_key(parent, pos + 1));
    if (!both) {
        btree_drop_node(left_node);
        btree_drop_node(right_node);
        return tufi_nomem();
    }
    tufi_txn_adopt(txn, both);
    tufi_txn_replace(txn, left_node);
    tufi_txn_replace(txn, right_node);
    left.ref = (struct node_ref){ .mem = both };
    left.entry_count += right.entry_count;
    reduction_add(&left.sum, &right.sum);
    tufi_bnode_set_child(parent, pos, &left);
    tufi_bnode_remove(parent, pos + 1);
    return TUF_OK;
}

static tuf_status fill_up(struct btree_txn *txn, struct btree *tree, struct path *path, uint32_t i,
                          bool *changed_out)
{
    struct path_step *above = &path->steps[i];
    uint32_t left_pos;
    if (!pick_neighbour(txn->env, above->node, above->pos, &left_pos))
        return TUF_OK;
    *changed_out = true;
    tuf_status st = join_children(txn, path, i, left_pos);
    return st < 0 ? st : split_until_fit(txn, tree, path, i, left_pos, 0);
}

static void remove_empty(struct btree_txn *txn, struct path_step *above, struct bnode *node)
{
    tuf_assert(node->count == 0);
    tufi_bnode_remove(above->node, above->pos);
    tufi_txn_replace(txn, node);
}

/* Takes away roots that have a single child or nothing. */
static void lower_root(struct btree_txn *txn, struct btree *tree)
{
    struct bnode *root = tree->root.mem;
    while (root && root->level > 0 && root->count == 1) {
        tree->root = tufi_bnode_child_ref(root, 0);
        tree->height--;
        tufi_txn_replace(txn, root);
        root = tree->root.mem;
    }
    if (root && root->count == 0) {
        tufi_txn_replace(txn, root);
        tree->root = (struct node_ref){ 0 };
        tree->height = 0;
    }
}

/* Brings the node at step i into shape; whether its parent has changed beyond the sums. */
static tuf_status balance_step(struct btree_txn *txn, struct btree *tree, struct path *path,
                               uint32_t *i, enum balance_hint hint, bool *changed_out)
{
    struct bnode *node = path->steps[*i].node;
    if (is_overfull(txn->env, node)) {
        if (*i == 0) {
            tuf_status st = raise_root(txn, tree, path);
            if (st < 0)
                return st;
            *i = 1;
        }
        *changed_out = true;
        return split_until_fit(txn, tree, path, *i - 1, path->steps[*i - 1].pos,
                               find_cut(txn->env, node, hint));
    }
    if (*i > 0 && node->count == 0) {
        remove_empty(txn, &path->steps[*i - 1], node);
        *changed_out = true;
        return TUF_OK;
    }
    if (*i > 0 && hint == BALANCE_SHRUNK && is_underfull(txn->env, node))
        return fill_up(txn, tree, path, *i - 1, changed_out);
    return TUF_OK;
}

tuf_status tufi_path_balance(struct btree_txn *txn, struct btree *tree, struct path *path,
                             enum balance_hint hint)
{
    uint32_t i = path->depth - 1;
    bool changed = true;
    while (changed) {
        changed = false;
        tuf_status st = balance_step(txn, tree, path, &i, hint, &changed);
        if (st < 0)
            return st;
        if (i == 0)
            break;
        i--;
    }
    lower_root(txn, tree);
    return TUF_OK;
}
