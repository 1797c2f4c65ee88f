/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: find the replicated edits of a call that another edit of the same call makes an ancestor of.
 *
 * CouchDB merges all histories that one request brings for a document and stores the revisions that
 * are leaves afterwards: an ancestor is not stored, gets no sequence, and its body is never seen. So
 * it is here, whatever the order of the edits.
 *
 * Not here: what the histories meet in the database (place.c).
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "engine/edit.h"

static int compare_ids(const void *a, const void *b)
{
    const tuf_edit *const *left = a, *const *right = b;
    return slice_compare((*left)->id, (*right)->id);
}

static bool is_ancestor(const tuf_edit *older, const tuf_edit *newer)
{
    if (older->rev.rev.gen >= newer->rev.rev.gen)
        return false;
    uint64_t distance = newer->rev.rev.gen - older->rev.rev.gen;
    return distance < newer->path_count &&
           slice_equal(newer->path[distance], older->rev.rev.id);
}

/* Edits of one document: few, or one after another all the same. */
static void mark_document(tuf_edit **edits, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count && !edits[i]->superseded; k++)
            edits[i]->superseded = is_ancestor(edits[i], edits[k]);
}

tuf_status tufi_edits_mark_superseded(tuf_edit *const *edits, size_t edit_count)
{
    if (edit_count < 2)
        return TUF_OK;
    TUF_AUTOFREE tuf_edit **sorted = tufi_alloc_array(edit_count, sizeof(*sorted));
    if (!sorted)
        return tufi_nomem();
    size_t count = 0;
    for (size_t i = 0; i < edit_count; i++)
        if (edits[i]->replicated && !edits[i]->local) {
            edits[i]->superseded = false;
            sorted[count++] = edits[i];
        }
    qsort(sorted, count, sizeof(*sorted), compare_ids);
    for (size_t start = 0, end; start < count; start = end) {
        end = start + 1;
        while (end < count && slice_equal(sorted[start]->id, sorted[end]->id))
            end++;
        if (end - start > 1)
            mark_document(sorted + start, end - start);
    }
    return TUF_OK;
}
