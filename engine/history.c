/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: build a document's revision tree from its records.
 *
 * Each document record names the record that described the tree before it. Following these places
 * leads back to a whole-tree record or to the document's first record; merging forward from there
 * gives the tree. Writers put in a whole-tree record often enough to bound the walk (place.c).
 *
 * INV-HI-1: places only lead backwards in the file, so the walk ends.
 */
#include "base/alloc.h"
#include "engine/db.h"
#include "engine/revtree.h"

/* What one record adds to the tree; ids are in the walk's arena. */
struct step {
    uint64_t gen;
    tuf_slice *ids; /* newest first */
    size_t count;
    uint32_t flags;
    uint32_t stem_limit;
    struct rec_loc rec;
    struct step *later; /* the step that comes after it in time */
};

static tuf_status copy_step(struct step **first, struct arena *arena, const struct docrec *rec,
                            struct rec_loc loc)
{
    size_t count = rec->ancestor_count + 1;
    struct step *step = tufi_arena_alloc(arena, sizeof(*step));
    tuf_slice *ids = tufi_arena_alloc(arena, count * sizeof(*ids));
    if (!step || !ids)
        return tufi_nomem();
    for (size_t i = 0; i < count; i++) {
        ids[i] = tufi_arena_copy(arena, i == 0 ? rec->rev.id : rec->ancestors[i - 1]);
        if (!ids[i].data)
            return tufi_nomem();
    }
    uint32_t flags = (uint32_t)REV_NODE_STORED | (rec->deleted ? (uint32_t)REV_NODE_DELETED : 0) |
                     (rec->att_count > 0 ? (uint32_t)REV_NODE_ATTS : 0);
    *step = (struct step){ rec->rev.gen, ids, count, flags, rec->stem_limit, loc, *first };
    *first = step;
    return TUF_OK;
}

/* Walks back from `loc`; leaves the steps in order of time, and in `out` the tree before them. */
static tuf_status walk_back(struct revtree *out, struct step **first, struct arena *arena,
                            const struct log *log, struct rec_loc loc,
                            const struct buf *pending)
{
    TUF_AUTO(tufi_buf_release) struct buf payload = BUF_INIT;
    TUF_AUTO(tufi_docrec_view_release) struct docrec_view view = DOCREC_VIEW_INIT;
    while (loc.off > 0) {
        enum record_type type;
        tuf_status st = tufi_log_read_any(log, loc, &type, &payload, pending);
        if (st < 0)
            return st;
        if (type == RECORD_TREE) {
            tuf_slice id, tree;
            st = tufi_treerec_decode(&id, &tree, buf_slice(&payload), loc.off);
            return st < 0 ? st : tufi_revtree_decode(out, tree, loc.off);
        }
        if (type != RECORD_DOC)
            return tufi_corrupt(loc.off, "record of type %d is part of no history", (int)type);
        st = tufi_docrec_decode(&view, buf_slice(&payload), loc.off);
        if (st == TUF_OK)
            st = copy_step(first, arena, &view.rec, loc);
        if (st < 0)
            return st;
        loc = view.rec.prev; /* INV-HI-1: the decoder has checked that it lies before */
    }
    return TUF_OK;
}

static tuf_status merge_step(struct revtree *tree, const struct step *step)
{
    struct rev_path path = { step->gen, step->ids, step->count };
    enum revtree_result result;
    tuf_status st = tufi_revtree_merge(tree, &path, step->flags, step->rec.off, step->rec.len,
                                       &result, NULL);
    if (st == TUF_E_INVALID || st == TUF_E_LIMIT)
        return tufi_corrupt(step->rec.off, "record's revision path is impossible");
    return st < 0 ? st : tufi_revtree_stem(tree, step->stem_limit);
}

tuf_status tufi_history_load(struct revtree *out, const struct log *log,
                             const struct docinfo *info)
{
    return tufi_history_load_pending(out, log, info, NULL);
}

tuf_status tufi_history_load_pending(struct revtree *out, const struct log *log,
                                     const struct docinfo *info, const struct buf *pending)
{
    TUF_AUTO(tufi_arena_release) struct arena arena = ARENA_INIT;
    struct step *step = NULL;
    tufi_revtree_clear(out);
    tuf_status st = walk_back(out, &step, &arena, log, info->tree, pending);
    for (; st == TUF_OK && step; step = step->later)
        st = merge_step(out, step);
    return st;
}
