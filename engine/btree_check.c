/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: verifies a whole tree, and shows everything in it.
 *
 * Clean nodes are read from the file and not taken from the cache: what is to be verified is the
 * file. That every leaf key lies between the separators around its leaf implies the order across
 * leaves. Not here: what keys and values mean (engine/check.c).
 */
#include <stdio.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "engine/btree_env.h"

struct walk {
    struct btree_env *env;
    const struct btree *tree;
    const struct btree_check_sink *sink;
};

/* Keys that may stand in a subtree: low <= key < high. Borrowed from the nodes above. */
struct key_range {
    const tuf_slice *low; /* NULL: none */
    const tuf_slice *high;
};

/* What a subtree really has. */
struct tally {
    uint64_t entry_count;
    struct reduction sum;
    bool damaged; /* a part could not be read: the numbers are too small */
};

static void report_as(const struct walk *w, tuf_status status, uint64_t off, const char *text)
{
    struct btree_finding finding = { .off = off, .status = status, .text = text };
    w->sink->found(w->sink->ctx, &finding);
}

static void report(const struct walk *w, uint64_t off, const char *text)
{
    report_as(w, TUF_E_CORRUPT, off, text);
}

static bool in_range(tuf_slice key, const struct key_range *range)
{
    return (!range->low || slice_compare(key, *range->low) >= 0) &&
           (!range->high || slice_compare(key, *range->high) < 0);
}

/* The order inside a node, and that a search finds every key. */
static void check_keys(const struct walk *w, const struct bnode *node,
                       const struct key_range *range)
{
    uint32_t first = node->level > 0 ? 1 : 0;
    for (uint32_t i = first; i < node->count; i++) {
        tuf_slice key = tufi_bnode_key(node, i);
        bool equal = true;
        uint32_t pos = node->level > 0 ? tufi_bnode_child_pos(node, key)
                                       : tufi_bnode_lower_bound(node, key, &equal);
        if (pos != i || !equal)
            report(w, node->off, "a key of the node is out of order");
        if (!in_range(key, range))
            report(w, node->off, "a key does not belong between the separators around its node");
    }
}

static tuf_status walk_leaf(const struct walk *w, const struct bnode *node, struct tally *tally)
{
    for (uint32_t i = 0; i < node->count; i++) {
        tuf_slice key = tufi_bnode_key(node, i);
        tuf_slice value = tufi_bnode_value(node, i);
        tufi_btree_reduce(&tally->sum, w->env, node->kind, key, value);
        tally->entry_count++;
        tuf_status st = w->sink->entry ? w->sink->entry(w->sink->ctx, key, value) : TUF_OK;
        if (st != TUF_OK)
            return st;
    }
    return TUF_OK;
}

static void compare_tally(const struct walk *w, uint64_t off, const struct tally *real,
                          uint64_t entry_count, const struct reduction *sum)
{
    char text[160];
    if (real->damaged)
        return;
    if (real->entry_count != entry_count) {
        snprintf(text, sizeof(text), "subtree has %llu entries, its parent says %llu",
                 (unsigned long long)real->entry_count, (unsigned long long)entry_count);
        report(w, off, text);
    }
    for (unsigned i = 0; i < REDUCTION_SLOTS; i++) {
        if (real->sum.v[i] == sum->v[i])
            continue;
        snprintf(text, sizeof(text), "subtree has reduction %llu in slot %u, its parent says %llu",
                 (unsigned long long)real->sum.v[i], i, (unsigned long long)sum->v[i]);
        report(w, off, text);
    }
}

static tuf_status walk_ref(const struct walk *w, const struct node_ref *ref, unsigned level,
                           const struct key_range *range, struct tally *tally_out);

static tuf_status walk_inner(const struct walk *w, const struct bnode *node,
                             const struct key_range *range, struct tally *tally)
{
    for (uint32_t i = 0; i < node->count; i++) {
        struct child child = tufi_bnode_child(node, i);
        tuf_slice low = tufi_bnode_key(node, i);
        tuf_slice high = i + 1 < node->count ? tufi_bnode_key(node, i + 1) : low;
        struct key_range part = { .low = i > 0 ? &low : range->low,
                                  .high = i + 1 < node->count ? &high : range->high };
        struct tally below = { 0 };
        tuf_status st = walk_ref(w, &child.ref, node->level - 1u, &part, &below);
        if (st != TUF_OK)
            return st;
        compare_tally(w, child.ref.off, &below, child.entry_count, &child.sum);
        tally->entry_count += below.entry_count;
        reduction_add(&tally->sum, &below.sum);
        tally->damaged = tally->damaged || below.damaged;
    }
    return TUF_OK;
}

static void autofree_node(struct bnode **node)
{
    tufi_bnode_free(*node);
}

/* Recursion goes as deep as the tree is high: a node of the wrong level is not walked into. */
static tuf_status walk_ref(const struct walk *w, const struct node_ref *ref, unsigned level,
                           const struct key_range *range, struct tally *tally_out)
{
    TUF_AUTO(autofree_node) struct bnode *read = NULL;
    const struct bnode *node = ref->mem;
    if (!node) {
        tuf_status st = tufi_btree_read_node(&read, w->env, ref, level, w->tree->kind);
        if (st == TUF_E_NOMEM)
            return st;
        if (st < 0) {
            report_as(w, st, ref->off, tuf_last_error()->text);
            tally_out->damaged = true;
            return TUF_OK;
        }
        if (w->sink->node)
            w->sink->node(w->sink->ctx, ref->off, ref->len);
        node = read;
    }
    tuf_assert(node->level == level);
    check_keys(w, node, range);
    return level > 0 ? walk_inner(w, node, range, tally_out) : walk_leaf(w, node, tally_out);
}

tuf_status tufi_btree_check(struct btree_env *env, const struct btree *tree,
                            const struct btree_check_sink *sink)
{
    struct walk w = { .env = env, .tree = tree, .sink = sink };
    struct tally tally = { 0 };
    if (tree->height > BTREE_HEIGHT_MAX) {
        report(&w, tree->root.off, "tree is said to be higher than any can be");
        return TUF_OK;
    }
    if (!btree_is_empty(tree)) {
        struct key_range all = { 0 };
        tuf_status st = walk_ref(&w, &tree->root, tree->height - 1, &all, &tally);
        if (st != TUF_OK)
            return st;
    }
    compare_tally(&w, tree->root.off, &tally, tree->entry_count, &tree->total);
    return TUF_OK;
}
