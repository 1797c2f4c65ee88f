/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the life of a revision tree and the questions asked of it.
 *
 * Invariants: those of engine/revtree.h; tufi_revtree_assert below checks them.
 *
 * Because nodes are sorted (INV-RT-3), finding is a binary search and the leaves in winning order
 * are two walks from the end of the array: no sorting anywhere.
 *
 * Not here: merging (revtree_merge.c), stemming and removal (revtree_prune.c), the encoding
 * (revtree_codec.c).
 */
#include "engine/revtree.h"

#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"

void tufi_revtree_release(struct revtree *t)
{
    tufi_free(t->nodes);
    tufi_arena_release(&t->arena);
    *t = (struct revtree)REVTREE_INIT;
}

void tufi_revtree_clear(struct revtree *t)
{
    t->count = 0;
    tufi_arena_clear(&t->arena);
}

static size_t id_bytes_of(const struct revtree *t)
{
    size_t total = 0;
    for (size_t i = 0; i < t->count; i++)
        total += t->nodes[i].rev.id.len;
    return total;
}

tuf_status tufi_revtree_copy(struct revtree *out, const struct revtree *t)
{
    TUF_AUTO(tufi_revtree_release) struct revtree copy = REVTREE_INIT;
    copy.nodes = tufi_alloc_array(t->count, sizeof(*t->nodes));
    uint8_t *ids = tufi_arena_alloc(&copy.arena, max_size(id_bytes_of(t), 1));
    if (!copy.nodes || !ids)
        return tufi_nomem();
    for (size_t i = 0; i < t->count; i++) {
        tuf_slice id = t->nodes[i].rev.id;
        memcpy(ids, id.data, id.len);
        copy.nodes[i] = t->nodes[i];
        copy.nodes[i].rev.id.data = ids;
        ids += id.len;
    }
    copy.count = t->count;
    copy.cap = t->count;
    tufi_revtree_release(out);
    *out = copy;
    copy = (struct revtree)REVTREE_INIT;
    return TUF_OK;
}

int32_t tufi_revtree_find(const struct revtree *t, tuf_rev rev)
{
    size_t low = 0;
    size_t high = t->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = rev_order(t->nodes[middle].rev, rev);
        if (order == 0)
            return (int32_t)middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

size_t tufi_revtree_path_len(const struct revtree *t, size_t pos)
{
    tuf_assert(pos < t->count);
    size_t len = 1;
    for (int32_t p = t->nodes[pos].parent; p >= 0; p = t->nodes[p].parent)
        len++;
    return len;
}

bool tufi_revtree_descends(const struct revtree *t, size_t below, size_t above)
{
    tuf_assert(below < t->count);
    tuf_assert(above < t->count);
    int32_t p = (int32_t)below;
    /* Ancestors come earlier in the array: once past it, it cannot come any more. */
    while (p > (int32_t)above)
        p = t->nodes[p].parent;
    return p == (int32_t)above;
}

static size_t count_leaves(const struct revtree *t)
{
    size_t leaf_count = 0;
    for (size_t i = 0; i < t->count; i++)
        leaf_count += t->nodes[i].child_count == 0;
    return leaf_count;
}

/* Appends the leaves that are deleted or not, greatest first. Returns the new length of out. */
static size_t collect_leaves(size_t *out, size_t len, const struct revtree *t, bool deleted)
{
    for (size_t i = t->count; i-- > 0;) {
        const struct rev_node *node = &t->nodes[i];
        bool node_deleted = (node->flags & REV_NODE_DELETED) != 0;
        if (node->child_count == 0 && node_deleted == deleted)
            out[len++] = i;
    }
    return len;
}

tuf_status tufi_revtree_leaves(size_t **out, size_t *count_out, const struct revtree *t)
{
    size_t leaf_count = count_leaves(t);
    size_t *leaves = tufi_alloc_array(leaf_count, sizeof(*leaves));
    if (!leaves)
        return tufi_nomem();
    size_t len = collect_leaves(leaves, 0, t, false);
    len = collect_leaves(leaves, len, t, true);
    tuf_assert(len == leaf_count);
    *out = leaves;
    *count_out = leaf_count;
    return TUF_OK;
}

int tufi_rev_rank(tuf_rev a, bool a_deleted, tuf_rev b, bool b_deleted)
{
    if (a_deleted != b_deleted)
        return a_deleted ? 1 : -1;
    return rev_order(b, a);
}

static void assert_node(const struct revtree *t, size_t pos)
{
    const struct rev_node *node = &t->nodes[pos];
    tuf_assert(node->rev.gen > 0);
    tuf_assert(node->rev.id.len > 0);
    tuf_assert(node->rev.id.len <= TUF_REV_ID_SIZE_MAX);
    if (node->parent >= 0) {
        tuf_assert((size_t)node->parent < pos);
        tuf_assert(t->nodes[node->parent].rev.gen == node->rev.gen - 1); /* INV-RT-1 */
    }
    if (pos > 0) /* INV-RT-2, INV-RT-3 */
        tuf_assert(rev_order(t->nodes[pos - 1].rev, node->rev) < 0);
    if (!(node->flags & REV_NODE_STORED)) {
        tuf_assert(node->rec_off == 0);
        tuf_assert(node->rec_len == 0);
    }
}

/* The children of a node are one generation later, and so in a narrow range after it; but counting
 * them for every node at once takes one array. Without memory this part is skipped. */
static void assert_child_counts(const struct revtree *t)
{
    TUF_AUTOFREE uint32_t *counts = tufi_alloc_zero(t->count * sizeof(*counts));
    if (!counts)
        return;
    for (size_t i = 0; i < t->count; i++)
        if (t->nodes[i].parent >= 0)
            counts[t->nodes[i].parent]++;
    for (size_t i = 0; i < t->count; i++) { /* INV-RT-5 */
        bool ghost = (t->nodes[i].flags & REV_NODE_GHOST) != 0;
        if (ghost)
            tuf_assert(counts[i] == 0);
        tuf_assert(t->nodes[i].child_count == (ghost ? 1 : counts[i]));
    }
}

void tufi_revtree_assert(const struct revtree *t)
{
    tuf_assert(t->count <= t->cap);
    tuf_assert(t->count <= REVTREE_NODES_MAX);
    for (size_t i = 0; i < t->count; i++)
        assert_node(t, i);
    assert_child_counts(t);
}
