/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: make a revision tree smaller: forget old revisions (stem) or a leaf (purge).
 *
 * Both keep the nodes that are near enough to a leaf and drop the rest in one pass. Ghosts have no
 * leaf below them, so neither leaves any.
 *
 * INV-RT-6: pruning keeps every leaf it was not told to remove, and makes no new leaf. For a kept
 *           node, the way down to its nearest leaf is kept too.
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "engine/revtree.h"

#define NO_LEAF UINT32_MAX

/* Steps from each node down to its nearest leaf, or NO_LEAF. A leaf at `removed` does not count.
 * Children come after their parent (INV-RT-3), so one walk from the end is enough. */
static void measure(uint32_t *steps, const struct revtree *t, size_t removed)
{
    for (size_t i = 0; i < t->count; i++)
        steps[i] = t->nodes[i].child_count == 0 && i != removed ? 0 : NO_LEAF;
    for (size_t i = t->count; i-- > 0;) {
        int32_t parent = t->nodes[i].parent;
        if (parent >= 0 && steps[i] != NO_LEAF && steps[i] + 1 < steps[parent])
            steps[parent] = steps[i] + 1;
    }
}

/* Drops the nodes with `limit` or more steps. Children of dropped nodes become roots. The array
 * `steps` is used up: it ends as the map of positions. */
static void drop_far(struct revtree *t, uint32_t *steps, uint32_t limit)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->count; i++) {
        if (steps[i] >= limit) {
            steps[i] = NO_LEAF;
            continue;
        }
        struct rev_node *node = &t->nodes[kept];
        *node = t->nodes[i];
        tuf_assert(!(node->flags & REV_NODE_GHOST)); /* INV-RT-6 */
        node->child_count = 0;
        if (node->parent >= 0) {
            uint32_t parent = steps[node->parent];
            node->parent = parent == NO_LEAF ? -1 : (int32_t)parent;
            if (node->parent >= 0)
                t->nodes[node->parent].child_count++;
        }
        steps[i] = (uint32_t)kept++;
    }
    t->count = kept;
    if (tufi_verify_enabled())
        tufi_revtree_assert(t);
}

static bool has_ghost(const struct revtree *t)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->nodes[i].flags & REV_NODE_GHOST)
            return true;
    return false;
}

tuf_status tufi_revtree_stem(struct revtree *t, uint32_t limit)
{
    tuf_assert(limit > 0);
    if (t->count == 0)
        return TUF_OK;
    /* Nodes are sorted: no path is longer than this. */
    uint64_t longest = t->nodes[t->count - 1].rev.gen - t->nodes[0].rev.gen + 1;
    if (longest <= limit && !has_ghost(t))
        return TUF_OK;
    TUF_AUTOFREE uint32_t *steps = tufi_alloc_array(t->count, sizeof(*steps));
    if (!steps)
        return tufi_nomem();
    measure(steps, t, SIZE_MAX);
    drop_far(t, steps, limit);
    return TUF_OK;
}

tuf_status tufi_revtree_remove_leaf(struct revtree *t, tuf_rev rev)
{
    int32_t pos = tufi_revtree_find(t, rev);
    if (pos < 0 || t->nodes[pos].child_count > 0)
        return TUF_NOT_FOUND;
    TUF_AUTOFREE uint32_t *steps = tufi_alloc_array(t->count, sizeof(*steps));
    if (!steps)
        return tufi_nomem();
    measure(steps, t, (size_t)pos);
    drop_far(t, steps, NO_LEAF);
    return TUF_OK;
}
