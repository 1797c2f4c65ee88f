/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see server/handlers/revselect.h.
 *
 * Source: CouchDB 3's fabric_doc_open_revs (sorted) and fabric_open_revs (tree order: the trees of
 * the forest from the last to the first, the leaves of each in the order of their branches).
 */
#include "server/handlers/revselect.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/bytes.h"

/* A document with more history or more leaves than this is answered in sorted order: reading every
 * path of a document with thousands of conflicts takes seconds. */
#define TREE_ORDER_REVS_MAX 100000
#define TREE_ORDER_LEAVES_MAX 200

static tuf_status alloc_items(struct rev_items *out, struct arena *arena, size_t count_max)
{
    out->count = 0;
    out->items = tufi_arena_alloc(arena, (count_max + 1) * sizeof(out->items[0]));
    return out->items == NULL ? tufi_nomem() : TUF_OK;
}

static void add_item(struct rev_items *out, tuf_rev rev, size_t leaf_pos, bool missing)
{
    for (size_t i = 0; i < out->count; i++) {
        if (tuf_rev_compare(out->items[i].rev, rev) == 0)
            return;
    }
    out->items[out->count++] = (struct rev_item){ rev, leaf_pos, missing };
}

static void add_leaf(struct rev_items *out, const tuf_docinfo *info, size_t pos)
{
    add_item(out, info->leaves[pos].rev, pos, false);
}

/* pos: room for one position per leaf */
static tuf_status add_below(struct rev_items *out, tuf_doc *info, tuf_rev rev, size_t *pos)
{
    size_t count = 0;
    tuf_status st = rev.gen == 0 ? TUF_OK : tuf_doc_leaves_below(pos, &count, info, rev);
    if (st != TUF_OK)
        return tufi_fold(st);
    for (size_t i = 0; i < count; i++)
        add_leaf(out, tuf_doc_info(info), pos[i]);
    if (count == 0)
        add_item(out, rev, SIZE_MAX, true);
    return TUF_OK;
}

/* A revision by its name. Inner ones may have lost their body: only opening tells. */
static tuf_status add_named(struct rev_items *out, const tuf_doc *info, tuf_snapshot *snapshot,
                            tuf_rev rev)
{
    const tuf_docinfo *entry = tuf_doc_info(info);
    for (size_t i = 0; i < entry->leaf_count; i++) {
        if (tuf_rev_compare(entry->leaves[i].rev, rev) == 0) {
            add_leaf(out, entry, i);
            return TUF_OK;
        }
    }
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    tuf_status st = rev.gen == 0 ? TUF_NOT_FOUND : tuf_doc_open(&doc, snapshot, entry->id, &rev);
    if (st < 0)
        return st;
    add_item(out, rev, SIZE_MAX, st != TUF_OK);
    return TUF_OK;
}

static int compare_sorted(const void *a, const void *b)
{
    const struct rev_item *x = a;
    const struct rev_item *y = b;
    if (x->missing != y->missing)
        return x->missing ? 1 : -1;
    return tuf_rev_compare(x->rev, y->rev);
}

/* A leaf with its history, oldest first. */
struct leaf_path {
    struct rev_item item;
    tuf_rev *revs;
    size_t count;
};

static int compare_paths(const void *a, const void *b)
{
    const struct leaf_path *x = a;
    const struct leaf_path *y = b;
    int roots = tuf_rev_compare(x->revs[0], y->revs[0]);
    if (roots != 0)
        return -roots;
    for (size_t i = 1; i < x->count && i < y->count; i++) {
        int order = tuf_rev_compare(x->revs[i], y->revs[i]);
        if (order != 0)
            return order;
    }
    return x->count < y->count ? -1 : x->count > y->count;
}

static tuf_status read_path(struct leaf_path *out, tuf_doc **doc, tuf_snapshot *snapshot,
                            const tuf_doc *info, struct arena *arena)
{
    const tuf_rev_entry *revs = NULL;
    tuf_status st = rev_item_open(doc, snapshot, tuf_doc_info(info)->id, info, &out->item);
    if (st == TUF_OK)
        st = tuf_doc_revisions(&revs, &out->count, *doc);
    if (st != TUF_OK)
        return tufi_fold(st);
    tuf_assert(out->count > 0);
    out->revs = tufi_arena_alloc(arena, out->count * sizeof(out->revs[0]));
    if (out->revs == NULL)
        return tufi_nomem();
    for (size_t i = 0; i < out->count; i++) {
        tuf_rev rev = revs[out->count - 1 - i].rev;
        out->revs[i] = (tuf_rev){ rev.gen, tufi_arena_copy(arena, rev.id) };
        if (out->revs[i].id.data == NULL)
            return tufi_nomem();
    }
    return TUF_OK;
}

/* Missing revisions stay behind the found ones. */
static tuf_status sort_as_tree(struct rev_items *out, tuf_snapshot *snapshot, const tuf_doc *info)
{
    TUF_AUTO(tufi_arena_release) struct arena arena = ARENA_INIT;
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    qsort(out->items, out->count, sizeof(out->items[0]), compare_sorted);
    size_t found = 0;
    while (found < out->count && !out->items[found].missing)
        found++;
    if (found > TREE_ORDER_LEAVES_MAX)
        return TUF_OK;
    struct leaf_path *paths = tufi_arena_alloc(&arena, (found + 1) * sizeof(*paths));
    if (paths == NULL)
        return tufi_nomem();
    size_t rev_count = 0;
    for (size_t i = 0; i < found && rev_count < TREE_ORDER_REVS_MAX; i++) {
        paths[i].item = out->items[i];
        tuf_status st = read_path(&paths[i], &doc, snapshot, info, &arena);
        if (st != TUF_OK)
            return st;
        rev_count += paths[i].count;
    }
    if (rev_count >= TREE_ORDER_REVS_MAX)
        return TUF_OK;
    qsort(paths, found, sizeof(*paths), compare_paths);
    for (size_t i = 0; i < found; i++)
        out->items[i] = paths[i].item;
    return TUF_OK;
}

static tuf_status pick(struct rev_items *out, tuf_doc *info, tuf_snapshot *snapshot,
                       const struct rev_wish *wish, struct arena *arena)
{
    const tuf_docinfo *entry = tuf_doc_info(info);
    size_t *pos = tufi_arena_alloc(arena, (entry->leaf_count + 1) * sizeof(*pos));
    if (pos == NULL)
        return tufi_nomem();
    tuf_status st = alloc_items(out, arena, entry->leaf_count + wish->count);
    for (size_t i = 0; wish->all && st == TUF_OK && i < entry->leaf_count; i++)
        out->items[out->count++] = (struct rev_item){ entry->leaves[i].rev, i, false };
    for (size_t i = 0; !wish->all && st == TUF_OK && i < wish->count; i++)
        st = wish->latest ? add_below(out, info, wish->revs[i], pos)
                          : add_named(out, info, snapshot, wish->revs[i]);
    return st;
}

tuf_status revs_select(struct rev_items *out, tuf_doc **info, tuf_snapshot *snapshot, tuf_slice id,
                       const struct rev_wish *wish, struct arena *arena)
{
    /* Local documents have no revisions that could be asked for. */
    tuf_status st =
        slice_starts(id, "_local/") ? TUF_NOT_FOUND : tuf_doc_find_info(info, snapshot, id);
    if (st == TUF_NOT_FOUND) {
        st = alloc_items(out, arena, wish->count);
        for (size_t i = 0; !wish->all && st == TUF_OK && i < wish->count; i++)
            add_item(out, wish->revs[i], SIZE_MAX, true);
    } else if (st == TUF_OK) {
        st = pick(out, *info, snapshot, wish, arena);
    }
    if (st != TUF_OK || out->count < 2)
        return st;
    if (wish->order == REV_ORDER_TREE)
        return sort_as_tree(out, snapshot, *info);
    qsort(out->items, out->count, sizeof(out->items[0]), compare_sorted);
    return TUF_OK;
}

tuf_status rev_item_open(tuf_doc **doc, tuf_snapshot *snapshot, tuf_slice id, const tuf_doc *info,
                         const struct rev_item *item)
{
    if (item->leaf_pos == SIZE_MAX)
        return tuf_doc_open(doc, snapshot, id, &item->rev);
    return tuf_doc_open_leaf(doc, snapshot, tuf_doc_info(info), item->leaf_pos);
}
