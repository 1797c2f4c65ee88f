/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: which revisions of a document a request means: all leaves, named ones, or what has become
 * of named ones.
 */
#ifndef SERVER_HANDLERS_REVSELECT_H
#define SERVER_HANDLERS_REVSELECT_H

#include "base/arena.h"
#include "tuffet/tuffet.h"

/* The order of the answer. */
enum rev_order {
    REV_ORDER_SORTED, /* by revision, missing ones last: open_revs */
    REV_ORDER_TREE,   /* as the revision tree is walked: _bulk_get */
};

/* What is asked. */
struct rev_wish {
    bool all;    /* every leaf; revs is not looked at */
    bool latest; /* the leaves below revs instead of revs */
    const tuf_rev *revs;
    size_t count;
    enum rev_order order;
};

/* One revision of the answer. */
struct rev_item {
    tuf_rev rev;
    size_t leaf_pos; /* in the document's leaves; SIZE_MAX: not a leaf, open it by rev */
    bool missing;    /* unknown, or its body is gone */
};

struct rev_items {
    struct rev_item *items; /* in the arena */
    size_t count;
};

/*
 * Finds the revisions. Each is listed once.
 *   info  in/out: receives the document's entry, which the items borrow; empty if it is unknown
 * Returns: TUF_OK (also for an unknown document: everything named is missing then); failures.
 */
tuf_status revs_select(struct rev_items *out, tuf_doc **info, tuf_snapshot *snapshot, tuf_slice id,
                       const struct rev_wish *wish, struct arena *arena);

/* Opens one that is not missing. Outcomes as tuf_doc_open. */
tuf_status rev_item_open(tuf_doc **doc, tuf_snapshot *snapshot, tuf_slice id, const tuf_doc *info,
                         const struct rev_item *item);

#endif
