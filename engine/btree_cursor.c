/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: moving through a tree in key order, and over many entries at once.
 *
 * A cursor is a path whose leaf position stands between two entries: before the one at pos. next
 * and prev deliver the entry on either side of it.
 *
 * INV-CU-1: a move that fails leaves the cursor where it was.
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "engine/btree_env.h"

struct btree_cursor {
    struct btree_env *env;
    struct btree tree;
    bool positioned;  /* a seek has succeeded */
    struct path path; /* empty if the tree is */
};

tuf_status tufi_btree_cursor_new(struct btree_cursor **out, struct btree_env *env,
                                 const struct btree *tree)
{
    struct btree_cursor *cursor = tufi_alloc(sizeof(*cursor));
    if (!cursor)
        return tufi_nomem();
    cursor->env = env;
    cursor->tree = *tree;
    cursor->positioned = false;
    path_init(&cursor->path);
    *out = cursor;
    return TUF_OK;
}

void tufi_btree_cursor_free(struct btree_cursor **cursor)
{
    if (!*cursor)
        return;
    tufi_path_release(&(*cursor)->path);
    tufi_free(*cursor);
    *cursor = NULL;
}

/* ---- positions ------------------------------------------------------------------------------- */

static struct path_step *leaf_of(struct btree_cursor *cursor)
{
    return &cursor->path.steps[cursor->path.depth - 1];
}

static void copy_steps(struct path *to, const struct path *from)
{
    memcpy(to->steps, from->steps, from->depth * sizeof(from->steps[0]));
    to->depth = from->depth;
    to->owned = from->owned;
}

/* Gives the cursor a new path and empties the other one. */
static void take_path(struct btree_cursor *cursor, struct path *path)
{
    tufi_path_release(&cursor->path);
    copy_steps(&cursor->path, path);
    path->depth = 0;
    cursor->positioned = true;
}

/* Walks down from a reference to the first or last leaf position below it, adding to the path. */
static tuf_status go_to_end(struct btree_cursor *cursor, struct path *path, struct node_ref ref,
                            unsigned level, bool last)
{
    for (;;) {
        struct path_step *step = &path->steps[path->depth];
        tuf_status st =
            tufi_btree_take_node(&step->node, cursor->env, &ref, level, cursor->tree.kind);
        if (st < 0)
            return st;
        path->depth++;
        if (level == 0) {
            step->pos = last ? step->node->count : 0;
            return TUF_OK;
        }
        step->pos = last ? step->node->count - 1 : 0;
        ref = tufi_bnode_child_ref(step->node, step->pos);
        level--;
    }
}

static tuf_status seek_end(struct btree_cursor *cursor, bool last)
{
    TUF_AUTO(tufi_path_release) struct path path;
    path_init(&path);
    if (!btree_is_empty(&cursor->tree)) {
        tuf_status st = go_to_end(cursor, &path, cursor->tree.root, cursor->tree.height - 1, last);
        if (st < 0)
            return st;
    }
    take_path(cursor, &path);
    return TUF_OK;
}

tuf_status tufi_btree_seek_first(struct btree_cursor *cursor)
{
    return seek_end(cursor, false);
}

tuf_status tufi_btree_seek_last(struct btree_cursor *cursor)
{
    return seek_end(cursor, true);
}

tuf_status tufi_btree_seek(struct btree_cursor *cursor, tuf_slice key)
{
    TUF_AUTO(tufi_path_release) struct path path;
    path_init(&path);
    if (!btree_is_empty(&cursor->tree)) {
        bool equal;
        tuf_status st = tufi_path_find(&path, cursor->env, &cursor->tree, key, &equal);
        if (st < 0)
            return st;
    }
    take_path(cursor, &path);
    return TUF_OK;
}

/* ---- single steps ---------------------------------------------------------------------------- */

static bool can_step(const struct path_step *step, bool backward)
{
    return backward ? step->pos > 0 : step->pos + 1 < step->node->count;
}

/* Moves to the nearest end of the neighbouring leaf. TUF_END if there is none. */
static tuf_status change_leaf(struct btree_cursor *cursor, bool backward)
{
    struct path *path = &cursor->path;
    uint32_t turn = path->depth - 1; /* the step below the one where we turn */
    while (turn > 0 && !can_step(&path->steps[turn - 1], backward))
        turn--;
    if (turn == 0)
        return TUF_END;
    struct path_step *at = &path->steps[turn - 1];
    uint32_t pos = backward ? at->pos - 1 : at->pos + 1;
    TUF_AUTO(tufi_path_release) struct path below;
    path_init(&below);
    tuf_status st = go_to_end(cursor, &below, tufi_bnode_child_ref(at->node, pos),
                              at->node->level - 1u, backward);
    if (st < 0)
        return st;
    at->pos = pos;
    tuf_assert(below.depth == path->depth - turn);
    for (uint32_t i = 0; i < below.depth; i++) {
        btree_drop_node(path->steps[turn + i].node);
        path->steps[turn + i] = below.steps[i];
    }
    below.depth = 0;
    return TUF_OK;
}

tuf_status tufi_btree_next(struct btree_cursor *cursor, tuf_slice *key_out, tuf_slice *value_out)
{
    tuf_status st = cursor->positioned ? TUF_OK : tufi_btree_seek_first(cursor);
    if (st < 0)
        return st;
    if (cursor->path.depth == 0)
        return TUF_END;
    if (leaf_of(cursor)->pos == leaf_of(cursor)->node->count) {
        st = change_leaf(cursor, false);
        if (st != TUF_OK)
            return st;
    }
    struct path_step *leaf = leaf_of(cursor);
    *key_out = tufi_bnode_key(leaf->node, leaf->pos);
    *value_out = tufi_bnode_value(leaf->node, leaf->pos);
    leaf->pos++;
    return TUF_OK;
}

tuf_status tufi_btree_prev(struct btree_cursor *cursor, tuf_slice *key_out, tuf_slice *value_out)
{
    tuf_status st = cursor->positioned ? TUF_OK : tufi_btree_seek_first(cursor);
    if (st < 0)
        return st;
    if (cursor->path.depth == 0)
        return TUF_END;
    if (leaf_of(cursor)->pos == 0) {
        st = change_leaf(cursor, true);
        if (st != TUF_OK)
            return st;
    }
    struct path_step *leaf = leaf_of(cursor);
    leaf->pos--;
    *key_out = tufi_bnode_key(leaf->node, leaf->pos);
    *value_out = tufi_bnode_value(leaf->node, leaf->pos);
    return TUF_OK;
}

/* ---- skipping -------------------------------------------------------------------------------- */

/* Entry or child number i's amount of a reduction slot. */
static uint64_t amount_at(const struct btree_env *env, const struct bnode *node, uint32_t i,
                          unsigned slot)
{
    if (node->level > 0) {
        struct child child = tufi_bnode_child(node, i);
        return child.sum.v[slot];
    }
    struct reduction one = { { 0 } };
    tufi_btree_reduce(&one, env, node->kind, tufi_bnode_key(node, i), tufi_bnode_value(node, i));
    return one.v[slot];
}

/* A place in the order of entries: how many, and how much of a slot, lie before it. */
struct rank {
    uint64_t count;
    uint64_t amount;
};

static struct rank rank_of_path(const struct btree_env *env, const struct path *path, unsigned slot)
{
    struct rank rank = { 0 };
    for (uint32_t i = 0; i < path->depth; i++) {
        const struct path_step *step = &path->steps[i];
        for (uint32_t k = 0; k < step->pos; k++) {
            rank.amount += amount_at(env, step->node, k, slot);
            rank.count += step->node->level > 0 ? tufi_bnode_child(step->node, k).entry_count : 1;
        }
    }
    return rank;
}

/* Whether an item of this amount lies wholly before the position searched. Forward, that is the
 * first position with `target` before it; backward, the last one with no more than `target`. */
static bool passes(uint64_t before, uint64_t amount, uint64_t target, bool backward)
{
    return backward ? before + amount <= target : before + amount < target;
}

/* Walks to the position that has `target` of the slot before it. */
static tuf_status seek_amount(struct btree_cursor *cursor, unsigned slot, uint64_t target,
                              bool backward, uint64_t *before_out)
{
    TUF_AUTO(tufi_path_release) struct path path;
    path_init(&path);
    struct node_ref ref = cursor->tree.root;
    uint64_t before = 0;
    for (unsigned level = cursor->tree.height; level-- > 0;) {
        struct path_step *step = &path.steps[path.depth];
        tuf_status st =
            tufi_btree_take_node(&step->node, cursor->env, &ref, level, cursor->tree.kind);
        if (st < 0)
            return st;
        path.depth++;
        step->pos = 0;
        uint32_t end = level > 0 ? step->node->count - 1 : step->node->count;
        for (; step->pos < end; step->pos++) {
            uint64_t amount = amount_at(cursor->env, step->node, step->pos, slot);
            if (!passes(before, amount, target, backward))
                break;
            before += amount;
        }
        if (level > 0)
            ref = tufi_bnode_child_ref(step->node, step->pos);
    }
    struct path_step *leaf = &path.steps[path.depth - 1];
    /* Set where TUF_OK came back. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
    if (!backward && leaf->pos < leaf->node->count) {
        before += amount_at(cursor->env, leaf->node, leaf->pos, slot);
        leaf->pos++; /* the entry that reaches the target is passed too */
    }
    take_path(cursor, &path);
    *before_out = before;
    return TUF_OK;
}

/* One call of skip. */
struct skip {
    unsigned slot;
    bool backward;
    bool to_end; /* all that lies ahead is not enough */
    struct rank here;
    uint64_t target; /* amount before the position wanted; only if not to_end */
};

/* Stops at the bound if it comes before the target; otherwise *stopped_out is false. */
static tuf_status stop_at_bound(struct btree_cursor *cursor, const struct skip *skip,
                                tuf_slice bound, bool *stopped_out, uint64_t *passed_out)
{
    struct reduction sum;
    struct rank at;
    tuf_status st = tufi_btree_rank(cursor->env, &cursor->tree, bound, false, &sum, &at.count);
    if (st < 0)
        return st;
    at.amount = sum.v[skip->slot];
    *stopped_out =
        skip->to_end || (skip->backward ? at.amount > skip->target : at.amount < skip->target);
    /* A bound that has been passed already comes before any target too: then the cursor stays. */
    bool ahead = skip->backward ? at.count < skip->here.count : at.count > skip->here.count;
    if (!*stopped_out || !ahead)
        return TUF_OK;
    st = tufi_btree_seek(cursor, bound);
    if (st < 0)
        return st;
    *passed_out = skip->backward ? skip->here.amount - at.amount : at.amount - skip->here.amount;
    return TUF_OK;
}

tuf_status tufi_btree_skip(struct btree_cursor *cursor, bool backward, unsigned slot,
                           uint64_t amount, const tuf_slice *bound, uint64_t *passed_out)
{
    tuf_assert(slot < REDUCTION_SLOTS);
    tuf_status st = cursor->positioned ? TUF_OK : tufi_btree_seek_first(cursor);
    if (st < 0)
        return st;
    *passed_out = 0;
    if (cursor->path.depth == 0 || amount == 0)
        return TUF_OK;
    struct skip skip = { .slot = slot, .backward = backward };
    skip.here = rank_of_path(cursor->env, &cursor->path, slot);
    uint64_t ahead = backward ? skip.here.amount : cursor->tree.total.v[slot] - skip.here.amount;
    skip.to_end = amount > ahead;
    skip.target = backward ? skip.here.amount - amount : skip.here.amount + amount;
    bool stopped = false;
    if (bound)
        st = stop_at_bound(cursor, &skip, *bound, &stopped, passed_out);
    if (st < 0 || stopped)
        return st;
    uint64_t before = skip.here.amount;
    if (skip.to_end) {
        st = seek_end(cursor, !backward);
        before = backward ? 0 : skip.here.amount + ahead;
    } else {
        st = seek_amount(cursor, slot, skip.target, backward, &before);
    }
    if (st == TUF_OK)
        *passed_out = backward ? skip.here.amount - before : before - skip.here.amount;
    return st;
}
