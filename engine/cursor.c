/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the public cursors: documents by id, by sequence, and local documents.
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "engine/doc.h"

#define CURSOR_MAGIC 0x7475666375303031u
#define LOCAL_PREFIX "_local/"

struct tuf_cursor {
    uint64_t magic;
    tuf_snapshot *snapshot;   /* borrowed */
    struct btree_cursor *btree;
    enum tree_kind kind;
    bool descending;
    bool with_deleted;
    bool has_bound;           /* stop at `bound` */
    bool bound_inclusive;
    bool ended;
    struct buf bound;         /* key where iteration ends */
    struct buf full_id;       /* of a local document */
    struct docinfo info;
    tuf_leaf *leaves;
    size_t leaf_cap;
    struct info_source source;
    tuf_docinfo shown;
};

void tuf_cursor_free(tuf_cursor **cursor)
{
    tuf_cursor *c = *cursor;
    *cursor = NULL;
    if (!c)
        return;
    tuf_assert(c->magic == CURSOR_MAGIC);
    if (c->btree)
        tufi_btree_cursor_free(&c->btree);
    tufi_buf_release(&c->bound);
    tufi_buf_release(&c->full_id);
    tufi_docinfo_release(&c->info);
    tufi_free(c->leaves);
    c->magic = 0;
    tufi_free(c);
}

static tuf_status cursor_new(tuf_cursor **out, tuf_snapshot *snapshot, enum tree_kind kind,
                             bool descending)
{
    tuf_cursor *c = tufi_alloc_zero(sizeof(*c));
    if (!c)
        return tufi_nomem();
    c->magic = CURSOR_MAGIC;
    c->snapshot = snapshot;
    c->kind = kind;
    c->descending = descending;
    tufi_docinfo_init(&c->info);
    tuf_status st = tufi_btree_cursor_new(&c->btree, snapshot->store->env,
                                          snapshot_tree(snapshot, kind));
    if (st < 0)
        tuf_cursor_free(&c);
    *out = c;
    return st;
}

/* The smallest key greater than `key`. */
static tuf_status append_successor(struct buf *out, tuf_slice key)
{
    buf_append_slice(out, key);
    buf_append_u8(out, 0);
    return buf_status(out);
}

/* Positions the cursor: forward before the first key of the range, backward behind its last. */
static tuf_status seek_start(tuf_cursor *c, bool has_start, tuf_slice start, bool exclude)
{
    if (!has_start)
        return c->descending ? tufi_btree_seek_last(c->btree) : tufi_btree_seek_first(c->btree);
    /* seek(k) stands before the first key >= k; prev then delivers the last key < k. */
    if (c->descending == exclude)
        return tufi_btree_seek(c->btree, start);
    TUF_AUTO(tufi_buf_release) struct buf key = BUF_INIT;
    tuf_status st = append_successor(&key, start);
    return st < 0 ? st : tufi_btree_seek(c->btree, buf_slice(&key));
}

static tuf_status set_range(tuf_cursor *c, const tuf_range *range, tuf_slice start, tuf_slice end)
{
    c->with_deleted = range->with_deleted;
    c->has_bound = range->has_end;
    c->bound_inclusive = !range->exclude_end;
    buf_append_slice(&c->bound, end);
    if (c->bound.failed)
        return tufi_nomem();
    return seek_start(c, range->has_start, start, range->exclude_start);
}

tuf_status tuf_cursor_open_ids(tuf_cursor **out, tuf_snapshot *snapshot, const tuf_range *range)
{
    tufi_error_clear();
    static const tuf_range everything = { 0 };
    range = range ? range : &everything;
    TUF_AUTO(tuf_cursor_free) tuf_cursor *c = NULL;
    tuf_status st = cursor_new(&c, snapshot, TREE_BY_ID, range->descending);
    if (st == TUF_OK)
        st = set_range(c, range, range->start, range->end);
    if (st == TUF_OK)
        *out = tufi_steal(c);
    return st;
}

/* The tree's key of a local document id; other ids sort before or behind all of them. */
static void append_local_key(struct buf *out, tuf_slice full_id)
{
    size_t skip = strlen(LOCAL_PREFIX);
    if (slice_starts(full_id, LOCAL_PREFIX)) {
        buf_append_u8(out, LOCAL_KEY_DOC);
        tufi_buf_append(out, full_id.data + skip, full_id.len - skip);
    } else {
        bool before = slice_compare(full_id, tuf_str(LOCAL_PREFIX)) < 0;
        buf_append_u8(out, before ? LOCAL_KEY_DOC : LOCAL_KEY_DOC + 1);
    }
}

tuf_status tuf_cursor_open_locals(tuf_cursor **out, tuf_snapshot *snapshot, const tuf_range *range)
{
    tufi_error_clear();
    TUF_AUTO(tuf_cursor_free) tuf_cursor *c = NULL;
    TUF_AUTO(tufi_buf_release) struct buf start = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf end = BUF_INIT;
    tuf_range whole = range ? *range : (tuf_range){ 0 };
    /* The tree holds other classes of keys too, so both bounds are always set. */
    uint8_t first = LOCAL_KEY_DOC, past = LOCAL_KEY_DOC + 1;
    tuf_slice low = tuf_slice_of(&first, 1), high = tuf_slice_of(&past, 1);
    if (whole.has_start)
        append_local_key(&start, whole.start);
    else
        buf_append_slice(&start, whole.descending ? high : low);
    if (whole.has_end)
        append_local_key(&end, whole.end);
    else
        buf_append_slice(&end, whole.descending ? low : high);
    whole.has_start = whole.has_end = true;
    if (start.failed || end.failed)
        return tufi_nomem();
    tuf_status st = cursor_new(&c, snapshot, TREE_LOCAL, whole.descending);
    if (st == TUF_OK)
        st = set_range(c, &whole, buf_slice(&start), buf_slice(&end));
    if (st == TUF_OK)
        *out = tufi_steal(c);
    return st;
}

tuf_status tuf_cursor_open_seqs(tuf_cursor **out, tuf_snapshot *snapshot, uint64_t since,
                                bool descending)
{
    tufi_error_clear();
    TUF_AUTO(tuf_cursor_free) tuf_cursor *c = NULL;
    uint8_t key[8];
    put_be64(key, since);
    tuf_status st = cursor_new(&c, snapshot, TREE_BY_SEQ, descending);
    if (st < 0)
        return st;
    c->with_deleted = true;
    st = seek_start(c, !descending, tuf_slice_of(key, sizeof(key)), true);
    if (st == TUF_OK)
        *out = tufi_steal(c);
    return st;
}

static bool past_bound(const tuf_cursor *c, tuf_slice key)
{
    if (!c->has_bound)
        return false;
    int order = slice_compare(key, buf_slice(&c->bound));
    if (order == 0)
        return !c->bound_inclusive;
    return c->descending ? order < 0 : order > 0;
}

static tuf_status show_doc(tuf_cursor *c, tuf_slice id, tuf_slice value)
{
    tuf_status st = tufi_docinfo_decode(&c->info, value);
    if (st == TUF_OK)
        st = tufi_doc_show(&c->leaves, &c->leaf_cap, &c->shown, &c->info);
    c->source = (struct info_source){ .value = value, .info = &c->info };
    c->shown.id = id;
    c->shown.priv = &c->source;
    return st;
}

static tuf_status show_local(tuf_cursor *c, tuf_slice key, tuf_slice value)
{
    c->source = (struct info_source){ .is_local = true };
    tuf_status st = tufi_localinfo_decode(&c->source.local, value);
    if (st < 0)
        return st;
    tufi_buf_clear(&c->full_id);
    buf_append_str(&c->full_id, LOCAL_PREFIX);
    tufi_buf_append(&c->full_id, key.data + 1, key.len - 1);
    c->shown = (tuf_docinfo){
        .id = buf_slice(&c->full_id),
        .local_rev = c->source.local.rev,
        .priv = &c->source,
    };
    return buf_status(&c->full_id);
}

static tuf_status show_row(tuf_cursor *c, tuf_slice key, tuf_slice value)
{
    if (c->kind == TREE_LOCAL)
        return key.len > 1 && key.data[0] == LOCAL_KEY_DOC ? show_local(c, key, value) : TUF_END;
    if (c->kind == TREE_BY_ID)
        return show_doc(c, key, value);
    tuf_slice id, docinfo;
    tuf_status st = tufi_seqinfo_split(&id, &docinfo, value);
    return st < 0 ? st : show_doc(c, id, docinfo);
}

tuf_status tuf_cursor_next(const tuf_docinfo **info_out, tuf_cursor *cursor)
{
    tufi_error_clear();
    while (!cursor->ended) {
        tuf_slice key, value;
        tuf_status st = cursor->descending ? tufi_btree_prev(cursor->btree, &key, &value)
                                           : tufi_btree_next(cursor->btree, &key, &value);
        if (st == TUF_OK && past_bound(cursor, key))
            st = TUF_END;
        if (st == TUF_OK)
            st = show_row(cursor, key, value);
        if (st != TUF_OK) {
            cursor->ended = true;
            return st;
        }
        if (cursor->kind == TREE_BY_ID && cursor->shown.deleted && !cursor->with_deleted)
            continue;
        *info_out = &cursor->shown;
        return TUF_OK;
    }
    return TUF_END;
}

/* Skips one by one: for rows that no reduction slot counts alone. */
static tuf_status skip_singly(uint64_t *skipped, tuf_cursor *cursor, uint64_t count)
{
    const tuf_docinfo *info;
    while (*skipped < count) {
        tuf_status st = tuf_cursor_next(&info, cursor);
        if (st != TUF_OK)
            return st == TUF_END ? TUF_OK : st;
        (*skipped)++;
    }
    return TUF_OK;
}

static tuf_status skip_counted(uint64_t *skipped, tuf_cursor *cursor, uint64_t count)
{
    TUF_AUTO(tufi_buf_release) struct buf stop = BUF_INIT;
    tuf_slice bound = buf_slice(&cursor->bound);
    if (cursor->has_bound && cursor->descending != cursor->bound_inclusive) {
        tuf_status st = append_successor(&stop, bound);
        if (st < 0)
            return st;
        bound = buf_slice(&stop);
    }
    return tufi_btree_skip(cursor->btree, cursor->descending, COUNT_LIVE, count,
                           cursor->has_bound ? &bound : NULL, skipped);
}

tuf_status tuf_cursor_skip(uint64_t *skipped_out, tuf_cursor *cursor, uint64_t count)
{
    tufi_error_clear();
    uint64_t skipped = 0;
    bool counted = cursor->kind != TREE_BY_ID || !cursor->with_deleted;
    tuf_status st = TUF_OK;
    if (!cursor->ended && count > 0)
        st = counted ? skip_counted(&skipped, cursor, count)
                     : skip_singly(&skipped, cursor, count);
    if (st == TUF_OK && skipped_out)
        *skipped_out = skipped;
    return st;
}
