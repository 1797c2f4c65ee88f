/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: merge one path of revisions into a tree.
 *
 * A path is a list of claims "this revision exists" and "this is its parent". A tree holds exactly
 * what the claims merged so far say:
 *   - a node for each revision of any path;
 *   - as its parent the greatest id that any path claimed, none if no path did;
 *   - a node that was claimed as a parent is no leaf, even if its child went to a greater parent
 *     (then it is a ghost).
 * Each of these is a union or a maximum over a set, so the order of merging cannot matter
 * (INV-RT-4), and a path that covers two roots joins them without being treated specially.
 *
 * All memory is taken before the first change: a failed merge leaves the tree as it was.
 *
 * Source: semantics of CouchDB's couch_key_tree:merge; see engine/revtree.h for the difference.
 */
#include "engine/revtree.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"

#define NODES_CAP_MIN 4

/* One merge under way. Arrays are owned by tufi_revtree_merge. */
struct merge {
    struct revtree *tree;
    const struct rev_path *path;
    int32_t *pos;      /* position in the tree of each path node, -1 while it is new */
    size_t new_count;  /* path nodes that are not in the tree */
    size_t id_bytes;   /* their ids' total size */
    size_t oldest_new; /* index in the path of the oldest of them */
    int32_t *moved;    /* where each old node went; NULL if none has to move */
    uint8_t *ids;      /* id_bytes in the tree's arena */
};

static tuf_rev path_rev(const struct rev_path *path, size_t index)
{
    return (tuf_rev){ .gen = path->gen - index, .id = path->ids[index] };
}

static tuf_status check_path(const struct rev_path *path)
{
    if (path->count == 0 || path->count > path->gen)
        return tufi_fail(TUF_E_INVALID, "a path of %zu revisions cannot end at generation %" PRIu64,
                         path->count, path->gen);
    if (path->count > REVTREE_PATH_MAX)
        return tufi_fail(TUF_E_LIMIT, "a path of %zu revisions, at most %d are accepted",
                         path->count, REVTREE_PATH_MAX);
    for (size_t i = 0; i < path->count; i++) {
        size_t len = path->ids[i].len;
        if (len == 0 || len > TUF_REV_ID_SIZE_MAX)
            return tufi_fail(TUF_E_INVALID, "revision id of %zu bytes", len);
    }
    return TUF_OK;
}

/* Finds what is there already. A path usually follows one branch, so the parent of the last hit
 * is tried before searching: a known path of any length takes one comparison per node. */
static void locate_path(struct merge *m)
{
    const struct rev_node *nodes = m->tree->nodes;
    int32_t guess = -1;
    for (size_t i = 0; i < m->path->count; i++) {
        int32_t pos = guess;
        if (pos < 0 || !slice_equal(nodes[pos].rev.id, m->path->ids[i]))
            pos = tufi_revtree_find(m->tree, path_rev(m->path, i));
        guess = pos >= 0 ? nodes[pos].parent : -1;
        m->pos[i] = pos;
        if (pos >= 0)
            continue;
        m->new_count++;
        m->id_bytes += m->path->ids[i].len;
        m->oldest_new = i;
    }
}

static enum revtree_result judge(const struct merge *m)
{
    if (m->pos[0] >= 0)
        return REVTREE_INTERNAL;
    if (m->tree->count == 0)
        return REVTREE_NEW_LEAF;
    for (size_t i = 1; i < m->path->count; i++)
        if (m->pos[i] >= 0)
            return m->tree->nodes[m->pos[i]].child_count == 0 ? REVTREE_NEW_LEAF
                                                              : REVTREE_NEW_BRANCH;
    return REVTREE_NEW_BRANCH;
}

static tuf_status reserve_nodes(struct revtree *t, size_t more)
{
    if (more > REVTREE_NODES_MAX - t->count)
        return tufi_fail(TUF_E_LIMIT, "a revision tree of more than %d nodes", REVTREE_NODES_MAX);
    if (more <= t->cap - t->count)
        return TUF_OK;
    size_t cap = max_size(t->count + more, max_size(t->count + t->count / 2, NODES_CAP_MIN));
    struct rev_node *nodes = tufi_realloc(t->nodes, cap * sizeof(*nodes));
    if (!nodes)
        return tufi_nomem();
    t->nodes = nodes;
    t->cap = cap;
    return TUF_OK;
}

/* Takes all memory the merge needs. */
static tuf_status prepare(struct merge *m)
{
    struct revtree *t = m->tree;
    if (m->new_count == 0)
        return TUF_OK;
    tuf_status st = reserve_nodes(t, m->new_count);
    if (st < 0)
        return st;
    bool at_end = t->count == 0 ||
                  rev_order(t->nodes[t->count - 1].rev, path_rev(m->path, m->oldest_new)) < 0;
    if (!at_end) {
        m->moved = tufi_alloc_array(t->count, sizeof(*m->moved));
        if (!m->moved)
            return tufi_nomem();
    }
    m->ids = tufi_arena_alloc(&t->arena, m->id_bytes);
    return m->ids ? TUF_OK : tufi_nomem();
}

static struct rev_node new_node(struct merge *m, size_t index)
{
    tuf_slice id = m->path->ids[index];
    memcpy(m->ids, id.data, id.len);
    struct rev_node node = { .rev = { m->path->gen - index, tuf_slice_of(m->ids, id.len) },
                             .parent = -1 };
    m->ids += id.len;
    return node;
}

/* Old nodes that moved name their parents by old positions. Those before `unmoved` stayed. */
static void fix_parents(struct merge *m, size_t unmoved)
{
    struct revtree *t = m->tree;
    for (size_t i = unmoved; i < t->count; i++) {
        int32_t parent = t->nodes[i].parent;
        if (parent >= 0 && (size_t)parent >= unmoved)
            t->nodes[i].parent = m->moved[parent];
    }
}

/* Puts the new nodes in their places. Path and tree are both sorted, so this is one merge of two
 * lists, from the end, into the room behind the tree. Afterwards all of m->pos is valid. */
static void insert_nodes(struct merge *m)
{
    struct revtree *t = m->tree;
    size_t from = t->count;              /* nodes[0..from) have not moved */
    size_t to = t->count + m->new_count; /* nodes[to..) are final */
    t->count = to;
    for (size_t i = 0; i < m->path->count && from < to; i++) {
        tuf_rev rev = path_rev(m->path, i);
        while (from > 0 && rev_order(t->nodes[from - 1].rev, rev) >= 0) {
            t->nodes[--to] = t->nodes[--from];
            /* New nodes: there is room. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
            m->moved[from] = (int32_t)to;
        }
        if (m->pos[i] < 0)
            t->nodes[--to] = new_node(m, i);
        m->pos[i] = (int32_t)to;
    }
    tuf_assert(from == to);
    if (m->moved)
        fix_parents(m, from);
}

static void gain_child(struct rev_node *node)
{
    if (node->flags & REV_NODE_GHOST)
        node->flags &= ~(uint32_t)REV_NODE_GHOST; /* its count of 1 becomes true */
    else
        node->child_count++;
}

static void lose_child(struct rev_node *node)
{
    tuf_assert(node->child_count > 0);
    if (node->child_count == 1)
        node->flags |= REV_NODE_GHOST;
    else
        node->child_count--;
}

/* Adds the claim that one node is the parent of another. */
static void claim_parent(struct rev_node *nodes, int32_t child, int32_t parent)
{
    int32_t current = nodes[child].parent;
    if (current == parent)
        return;
    if (current < 0 || slice_compare(nodes[current].rev.id, nodes[parent].rev.id) < 0) {
        if (current >= 0)
            lose_child(&nodes[current]);
        nodes[child].parent = parent;
        gain_child(&nodes[parent]);
    } else if (nodes[parent].child_count == 0) {
        gain_child(&nodes[parent]);
        lose_child(&nodes[parent]);
    }
}

static void set_record(struct rev_node *node, uint32_t flags, uint64_t rec_off, uint32_t rec_len)
{
    if (node->flags & REV_NODE_STORED)
        return;
    node->flags |= flags;
    if (flags & REV_NODE_STORED) {
        node->rec_off = rec_off;
        node->rec_len = rec_len;
    }
}

tuf_status tufi_revtree_merge(struct revtree *t, const struct rev_path *path, uint32_t flags,
                              uint64_t rec_off, uint32_t rec_len, enum revtree_result *result_out,
                              size_t *pos_out)
{
    tuf_assert(!(flags & ~(uint32_t)(REV_NODE_DELETED | REV_NODE_STORED | REV_NODE_ATTS)));
    tuf_status st = check_path(path);
    if (st < 0)
        return st;
    TUF_AUTOFREE int32_t *pos = tufi_alloc_array(path->count, sizeof(*pos));
    TUF_AUTOFREE int32_t *moved = NULL;
    if (!pos)
        return tufi_nomem();
    struct merge m = { .tree = t, .path = path, .pos = pos };
    locate_path(&m);
    enum revtree_result result = judge(&m);
    st = prepare(&m);
    moved = m.moved;
    if (st < 0)
        return st;
    insert_nodes(&m);
    for (size_t i = 0; i + 1 < path->count; i++)
        claim_parent(t->nodes, pos[i], pos[i + 1]);
    set_record(&t->nodes[pos[0]], flags, rec_off, rec_len);
    if (tufi_verify_enabled())
        tufi_revtree_assert(t);
    *result_out = result;
    if (pos_out)
        *pos_out = (size_t)pos[0];
    return TUF_OK;
}
