/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what needs more of a document than one record: its history, and the kinship of revisions. The
 * revision tree is built only when the leaves and the record at hand do not give the answer.
 */
#include "base/alloc.h"
#include "engine/doc.h"

tuf_status tufi_doc_load_tree(tuf_doc *doc)
{
    if (doc->tree_loaded)
        return TUF_OK;
    tuf_status st = tufi_history_load(&doc->tree, &doc->snapshot->store->log, &doc->info);
    doc->tree_loaded = st == TUF_OK;
    return st;
}

/* INV-TR-3: of what was given back only leaves are there. */
bool tufi_doc_node_stored(const tuf_doc *doc, const struct rev_node *node)
{
    return node->flags & REV_NODE_STORED &&
           (node->child_count == 0 || node->rec_off >= doc->snapshot->store->log.trim_off);
}

static tuf_rev_status status_of(const tuf_doc *doc, const struct rev_node *node)
{
    if (node->flags & REV_NODE_DELETED)
        return TUF_REV_IS_DELETED;
    return tufi_doc_node_stored(doc, node) ? TUF_REV_AVAILABLE : TUF_REV_MISSING;
}

/* A document whose first record is the open one: the record lists the whole path. */
static tuf_status history_of_record(tuf_doc *doc, size_t *count_out)
{
    const struct docrec *rec = &doc->view.rec;
    size_t count = rec->ancestor_count + 1;
    doc->history = tufi_alloc_array(count, sizeof(*doc->history));
    if (!doc->history)
        return tufi_nomem();
    doc->history[0].rev = rec->rev;
    doc->history[0].status = rec->deleted ? TUF_REV_IS_DELETED : TUF_REV_AVAILABLE;
    for (size_t i = 1; i < count; i++) {
        doc->history[i].rev = (tuf_rev){ rec->rev.gen - i, rec->ancestors[i - 1] };
        doc->history[i].status = TUF_REV_MISSING;
    }
    *count_out = count;
    return TUF_OK;
}

static tuf_status history_of_tree(tuf_doc *doc, size_t *count_out)
{
    tuf_status st = tufi_doc_load_tree(doc);
    if (st < 0)
        return st;
    int32_t pos = tufi_revtree_find(&doc->tree, doc->rev);
    if (pos < 0)
        return tufi_corrupt(doc->loc.off, "revision is not in its own document's tree");
    size_t count = tufi_revtree_path_len(&doc->tree, (size_t)pos);
    doc->history = tufi_alloc_array(count, sizeof(*doc->history));
    if (!doc->history)
        return tufi_nomem();
    for (size_t i = 0; i < count; i++) {
        const struct rev_node *node = &doc->tree.nodes[pos];
        doc->history[i] = (tuf_rev_entry){ node->rev, status_of(doc, node) };
        pos = node->parent;
    }
    *count_out = count;
    return TUF_OK;
}

tuf_status tuf_doc_revisions(const tuf_rev_entry **out, size_t *count_out, tuf_doc *doc)
{
    tufi_error_clear();
    if (!doc->open || doc->source.is_local)
        return tufi_fail(TUF_E_MISUSE, "no revision with a history is open");
    tufi_free(doc->history);
    doc->history = NULL;
    bool first = doc->view.rec.prev.off == 0 && doc->info.tree.off == doc->loc.off &&
                 doc->view.rec.ancestor_count < doc->view.rec.stem_limit;
    tuf_status st = first ? history_of_record(doc, count_out) : history_of_tree(doc, count_out);
    if (st == TUF_OK)
        *out = doc->history;
    return st;
}

bool tufi_doc_is_leaf(const struct tuf_doc *doc, tuf_rev rev)
{
    for (size_t i = 0; i < doc->info.leaf_count; i++)
        if (tuf_rev_compare(doc->info.leaves[i].rev, rev) == 0)
            return true;
    return false;
}

/* A revision at or above the generation of every leaf is known only if it is a leaf. */
static bool needs_tree(const struct docinfo *info, tuf_rev rev)
{
    for (size_t i = 0; i < info->leaf_count; i++)
        if (info->leaves[i].rev.gen > rev.gen)
            return true;
    return false;
}

tuf_status tuf_doc_known_revs(bool *found_out, tuf_doc *doc, const tuf_rev *revs, size_t count)
{
    tufi_error_clear();
    for (size_t i = 0; i < count; i++) {
        found_out[i] = tufi_doc_is_leaf(doc, revs[i]);
        if (found_out[i] || !needs_tree(&doc->info, revs[i]))
            continue;
        tuf_status st = tufi_doc_load_tree(doc);
        if (st < 0)
            return st;
        found_out[i] = tufi_revtree_find(&doc->tree, revs[i]) >= 0;
    }
    return TUF_OK;
}

static tuf_status leaves_below_inner(size_t *leaf_pos_out, size_t *count_out, tuf_doc *doc,
                                     tuf_rev rev)
{
    tuf_status st = tufi_doc_load_tree(doc);
    if (st < 0)
        return st;
    int32_t above = tufi_revtree_find(&doc->tree, rev);
    for (size_t i = 0; above >= 0 && i < doc->info.leaf_count; i++) {
        int32_t below = tufi_revtree_find(&doc->tree, doc->info.leaves[i].rev);
        if (below < 0)
            return tufi_corrupt(doc->info.tree.off, "a leaf is not in its document's tree");
        if (tufi_revtree_descends(&doc->tree, (size_t)below, (size_t)above))
            leaf_pos_out[(*count_out)++] = i;
    }
    return TUF_OK;
}

tuf_status tuf_doc_leaves_below(size_t *leaf_pos_out, size_t *count_out, tuf_doc *doc, tuf_rev rev)
{
    tufi_error_clear();
    *count_out = 0;
    for (size_t i = 0; i < doc->info.leaf_count; i++)
        if (tuf_rev_compare(doc->info.leaves[i].rev, rev) == 0) {
            leaf_pos_out[(*count_out)++] = i;
            return TUF_OK;
        }
    if (!needs_tree(&doc->info, rev))
        return TUF_OK;
    return leaves_below_inner(leaf_pos_out, count_out, doc, rev);
}
