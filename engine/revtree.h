/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the revision tree of one document, as a pure value: merge of paths, stemming, leaves in
 * winning order, encoding. No I/O.
 *
 * INV-RT-1: a parent's generation is one less than its child's.
 * INV-RT-2: a revision (generation and id) occurs once in a tree.
 * INV-RT-3: nodes are sorted by generation, then id: equal trees are equal arrays, a parent comes
 *           before its children, and a revision is found by binary search.
 * INV-RT-4: the result of merging a set of paths does not depend on their order (tested).
 * INV-RT-5: child_count is the number of nodes that name the node as parent, except for a ghost,
 *           where it is 1 and no node does.
 *
 * Source: CouchDB's couch_key_tree, by its documented behaviour; here a flat sorted array with
 * parent positions instead of nested lists. One difference: there a revision that two paths give
 * different parents to is kept twice, and later paths go to whichever is found first, so the
 * result depends on the order of merging. Here it is kept once, below the parent with the
 * greatest id. Revision ids are hashes over the parent, so that only made-up histories differ.
 *
 * Not here: which pushed revisions are accepted, and the parent an interactive edit needs
 * (engine/commit.c).
 */
#ifndef ENGINE_REVTREE_H
#define ENGINE_REVTREE_H

#include "base/arena.h"
#include "base/bytes.h"

enum rev_node_flags {
    REV_NODE_DELETED = 1, /* the revision is a tombstone */
    REV_NODE_STORED = 2,  /* its body was stored: rec_off/rec_len say where */
    REV_NODE_ATTS = 4,    /* it has attachments */
    /* Some path named it as a parent, but that child hangs below a greater parent now and there is
     * no other. It is no leaf. Stemming drops it. Set and cleared by merging only. */
    REV_NODE_GHOST = 8,
};

struct rev_node {
    tuf_rev rev;       /* id in the tree's arena */
    int32_t parent;    /* position, -1 for a root */
    uint32_t flags;    /* enum rev_node_flags */
    uint64_t rec_off;  /* file offset of its document record; 0 if not stored */
    uint32_t rec_len;  /* bytes; 0 if not stored */
    uint32_t child_count; /* kept up to date by merge and stem: 0 means leaf */
};

struct revtree {
    struct rev_node *nodes; /* owned */
    size_t count;
    size_t cap;
    struct arena arena; /* ids */
};

#define REVTREE_INIT { 0 }

/* The longest path that is accepted in one merge, and the most nodes in a tree. */
#define REVTREE_PATH_MAX 100000
#define REVTREE_NODES_MAX 1000000

/* What merging a path did. */
enum revtree_result {
    REVTREE_NEW_LEAF,      /* extended a leaf, or first path of an empty tree */
    REVTREE_NEW_BRANCH,    /* new leaf somewhere else */
    REVTREE_INTERNAL,      /* nothing new below: only known, or older history */
};

/* A path to merge, newest revision first: ids[0] has generation gen, ids[1] gen - 1, ... */
struct rev_path {
    uint64_t gen;
    const tuf_slice *ids;
    size_t count; /* 1..gen */
};

void tufi_revtree_release(struct revtree *t);
/* Empties it but keeps memory for reuse. */
void tufi_revtree_clear(struct revtree *t);
/* Replaces out by a copy that shares nothing with t. E_NOMEM leaves out unchanged. */
tuf_status tufi_revtree_copy(struct revtree *out, const struct revtree *t);

/*
 * Merges a path whose newest revision has the given flags and record. Older revisions that are new
 * get no flags. An existing stored node keeps what it has; one without gains it. A path may join
 * roots. Positions of other nodes change.
 *   flags    REV_NODE_DELETED, REV_NODE_STORED, REV_NODE_ATTS
 *   pos_out  position of the path's newest node afterwards; may be NULL
 * Returns: TUF_OK; E_INVALID (count > gen, gen 0, id size), E_LIMIT, E_NOMEM: the tree is unchanged.
 */
tuf_status tufi_revtree_merge(struct revtree *t, const struct rev_path *path, uint32_t flags,
                              uint64_t rec_off, uint32_t rec_len, enum revtree_result *result_out,
                              size_t *pos_out);

/* Keeps the newest `limit` (from 1) revisions of every leaf's path. Positions change. Returns
 * E_NOMEM: the tree is unchanged. */
tuf_status tufi_revtree_stem(struct revtree *t, uint32_t limit);

/* Removes a leaf and the ancestors that lead only to it. TUF_NOT_FOUND if it is no leaf; E_NOMEM.
 * Positions change. */
tuf_status tufi_revtree_remove_leaf(struct revtree *t, tuf_rev rev);

/* Position of a revision, or -1. O(log count). */
int32_t tufi_revtree_find(const struct revtree *t, tuf_rev rev);

/* Number of revisions from a node to its root, itself included. */
size_t tufi_revtree_path_len(const struct revtree *t, size_t pos);

/*
 * Positions of the leaves in winning order (live first, then generation, then id, greatest first).
 *   out  receives an array to be freed with tufi_free
 */
tuf_status tufi_revtree_leaves(size_t **out, size_t *count_out, const struct revtree *t);

/* Whether `below` descends from `above` or is it. */
bool tufi_revtree_descends(const struct revtree *t, size_t below, size_t above);

/* Appends the encoding (see fileformat/FORMAT.md, "Revision tree"). */
void tufi_revtree_encode(struct buf *out, const struct revtree *t);
/* Replaces t; on failure it is empty. Returns E_CORRUPT (at base_off) if the bytes are not exactly
 * what encoding some tree gives; E_NOMEM. */
tuf_status tufi_revtree_decode(struct revtree *t, tuf_slice bytes, uint64_t base_off);

/* Stops the program if an invariant of this header is broken. O(count). */
void tufi_revtree_assert(const struct revtree *t);

/* Generation, then id bytes: the order of nodes (INV-RT-3). */
static inline int rev_order(tuf_rev a, tuf_rev b)
{
    if (a.gen != b.gen)
        return a.gen < b.gen ? -1 : 1;
    return slice_compare(a.id, b.id);
}

/* Orders two leaves as the winner rule does: negative if a wins over b. */
int tufi_rev_rank(tuf_rev a, bool a_deleted, tuf_rev b, bool b_deleted);

#endif
