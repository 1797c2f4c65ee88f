/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: an open document, as the files that read documents share it.
 *
 * A document owns copies of everything it shows, so that it outlives the cursor that found it; its
 * buffers are used again when it is opened anew.
 */
#ifndef ENGINE_DOC_H
#define ENGINE_DOC_H

#include "engine/db.h"
#include "engine/revtree.h"

#define DOC_MAGIC 0x7475666f64303031u

/* What a tuf_docinfo.priv points at. */
struct info_source {
    tuf_slice value;            /* index value, borrowed */
    const struct docinfo *info; /* decoded from it */
    struct localinfo local;
    bool is_local;
};

struct tuf_doc {
    uint64_t magic;
    tuf_snapshot *snapshot;   /* borrowed */
    struct buf id;
    struct buf value;         /* index value */
    struct docinfo info;      /* borrows value */
    tuf_leaf *leaves;         /* owned; borrow value */
    size_t leaf_cap;
    struct info_source source;
    tuf_docinfo shown;        /* borrows all of the above */

    bool open;                /* a revision is open, below */
    struct rec_loc loc;
    struct buf record;        /* its payload */
    struct read_ahead ahead;  /* documents opened in the order of their changes lie side by side */
    struct docrec_view view;  /* borrows record */
    struct buf body;
    tuf_rev rev;              /* borrows record, or local_rev_text */
    bool deleted;
    char local_rev_text[24];

    struct revtree tree;
    bool tree_loaded;
    tuf_rev_entry *history;   /* owned; borrows tree or record */
};

/* Fills out->leaves and out->shown from a docinfo that was decoded from `value`. */
tuf_status tufi_doc_show(tuf_leaf **leaves, size_t *leaf_cap, tuf_docinfo *shown,
                         const struct docinfo *info);

/* Builds doc->tree (doc_history.c). */
tuf_status tufi_doc_load_tree(tuf_doc *doc);
/* Whether the record of a revision in doc->tree is there. */
bool tufi_doc_node_stored(const tuf_doc *doc, const struct rev_node *node);

#endif
