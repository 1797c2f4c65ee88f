/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: snapshots, and what can be asked of one without reading a document.
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "engine/db.h"

tuf_status tuf_db_snapshot(tuf_snapshot **out, tuf_db *db)
{
    tuf_snapshot *s = tufi_alloc(sizeof(*s));
    if (!s)
        return tufi_nomem();
    s->magic = SNAPSHOT_MAGIC;
    atomic_init(&s->refs, 1);
    s->db = db;
    s->store = tufi_store_acquire(db);
    s->version = tufi_btree_acquire(s->store->env);
    *out = s;
    return TUF_OK;
}

void tufi_snapshot_ref(tuf_snapshot *snapshot)
{
    tuf_assert(snapshot->magic == SNAPSHOT_MAGIC);
    atomic_fetch_add_explicit(&snapshot->refs, 1, memory_order_relaxed);
}

void tufi_snapshot_unref(tuf_snapshot *snapshot)
{
    tuf_assert(snapshot->magic == SNAPSHOT_MAGIC);
    if (atomic_fetch_sub_explicit(&snapshot->refs, 1, memory_order_acq_rel) > 1)
        return;
    tufi_btree_release(snapshot->store->env, snapshot->version);
    tufi_store_unref(&snapshot->store);
    snapshot->magic = 0;
    tufi_free(snapshot);
}

void tuf_snapshot_free(tuf_snapshot **snapshot)
{
    if (*snapshot)
        tufi_snapshot_unref(*snapshot);
    *snapshot = NULL;
}

struct store *tufi_snapshot_store(const tuf_snapshot *snapshot)
{
    return snapshot->store;
}

static tuf_db_info collect_info(const tuf_snapshot *s)
{
    const struct db_view *view = snapshot_view(s);
    const struct reduction *by_id = &snapshot_tree(s, TREE_BY_ID)->total;
    tuf_db_info info = {
        .struct_size = sizeof(info),
        .update_seq = view->update_seq,
        .purge_seq = view->purge_seq,
        .doc_count = by_id->v[COUNT_LIVE],
        .doc_del_count = by_id->v[COUNT_DELETED],
        .local_count = snapshot_tree(s, TREE_LOCAL)->total.v[COUNT_LIVE],
        .size_file = view->size_file,
        .size_active = by_id->v[SIZE_ACTIVE],
        .size_external = by_id->v[SIZE_EXTERNAL],
        .created_us = s->store->log.super.created_us,
        .revs_limit = view->revs_limit,
        .purged_infos_limit = view->purged_infos_limit,
        .sector_size = s->store->log.super.sector_size,
        .commit_count = view->commit,
        .checkpoint_off = view->checkpoint_off,
        .size_compacted = view->size_compacted,
        .trim_off = s->store->log.trim_off,
        .checkpoint_us = view->checkpoint_us,
    };
    tufi_btree_cache_count(&info.cache_hits, &info.cache_misses, s->store->env);
    const struct superblock *super = &s->store->log.super;
    memcpy(info.uuid, super->uuid, sizeof(info.uuid));
    if (super->database_id != 0) {
        put_be64(info.uuid, super->database_id);
        put_be64(info.uuid + 8, super->created_us);
    }
    return info;
}

tuf_status tuf_snapshot_info(tuf_db_info *out, const tuf_snapshot *snapshot)
{
    if (out->struct_size == 0 || out->struct_size > sizeof(*out))
        return tufi_fail(TUF_E_MISUSE, "info of %zu bytes is from another version",
                         out->struct_size);
    size_t size = out->struct_size;
    tuf_db_info info = collect_info(snapshot);
    info.struct_size = size;
    memcpy(out, &info, size);
    return TUF_OK;
}

tuf_status tuf_snapshot_get_meta(tuf_slice *out, tuf_snapshot *snapshot, tuf_slice name)
{
    tufi_error_clear();
    TUF_AUTO(tufi_buf_release) struct buf key = BUF_INIT;
    buf_append_u8(&key, LOCAL_KEY_META);
    buf_append_slice(&key, name);
    if (key.failed)
        return tufi_nomem();
    struct btree_env *env = snapshot->store->env;
    struct btree_pin pin = BTREE_PIN_INIT;
    tuf_slice value;
    tuf_status st = tufi_btree_find(env, snapshot_tree(snapshot, TREE_LOCAL), buf_slice(&key),
                                    &value, &pin);
    if (st != TUF_OK)
        return st;
    uint8_t *copy = tufi_alloc(value.len + 1);
    if (copy) {
        memcpy(copy, value.data, value.len);
        copy[value.len] = '\0';
        *out = tuf_slice_of(copy, value.len);
    }
    tufi_btree_unpin(env, &pin);
    return copy ? TUF_OK : tufi_nomem();
}

tuf_status tuf_snapshot_rank(uint64_t *out, tuf_snapshot *snapshot, tuf_slice id, bool inclusive)
{
    tufi_error_clear();
    struct reduction sum;
    uint64_t count;
    tuf_status st = tufi_btree_rank(snapshot->store->env, snapshot_tree(snapshot, TREE_BY_ID), id,
                                    inclusive, &sum, &count);
    if (st == TUF_OK)
        *out = sum.v[COUNT_LIVE];
    return st;
}

tuf_status tuf_snapshot_pending(uint64_t *out, tuf_snapshot *snapshot, uint64_t since)
{
    tufi_error_clear();
    const struct btree *by_seq = snapshot_tree(snapshot, TREE_BY_SEQ);
    uint8_t key[8];
    put_be64(key, since);
    struct reduction sum;
    uint64_t before;
    tuf_status st = tufi_btree_rank(snapshot->store->env, by_seq, tuf_slice_of(key, sizeof(key)),
                                    true, &sum, &before);
    if (st == TUF_OK)
        *out = by_seq->entry_count - before;
    return st;
}

static tuf_status visit_purge(tuf_slice key, tuf_slice value, tuf_purge_visitor *visitor,
                              void *ctx)
{
    struct reader in = reader_of(value);
    tuf_purge_info info = { .purge_seq = key.len == 8 ? get_be64(key.data) : 0 };
    info.id = read_sized(&in);
    if (in.bad || key.len != 8)
        return tufi_corrupt(UINT64_MAX, "entry of the purge log is malformed");
    TUF_AUTOFREE tuf_rev *revs = NULL;
    tuf_status st = tufi_revlist_decode(&revs, &info.rev_count,
                                        read_bytes(&in, reader_left(&in)), UINT64_MAX);
    info.revs = revs;
    return st < 0 ? st : visitor(&info, ctx);
}

static void free_btree_cursor(struct btree_cursor **cursor)
{
    if (*cursor)
        tufi_btree_cursor_free(cursor);
}

tuf_status tuf_snapshot_purges(tuf_snapshot *snapshot, uint64_t since, tuf_purge_visitor *visitor,
                               void *ctx)
{
    tufi_error_clear();
    TUF_AUTO(free_btree_cursor) struct btree_cursor *cursor = NULL;
    uint8_t start[8];
    put_be64(start, since == UINT64_MAX ? since : since + 1);
    tuf_status st = tufi_btree_cursor_new(&cursor, snapshot->store->env,
                                          snapshot_tree(snapshot, TREE_PURGE));
    if (st == TUF_OK)
        st = tufi_btree_seek(cursor, tuf_slice_of(start, sizeof(start)));
    while (st == TUF_OK) {
        tuf_slice key, value;
        st = tufi_btree_next(cursor, &key, &value);
        if (st == TUF_OK)
            st = visit_purge(key, value, visitor, ctx);
    }
    return st == TUF_END ? TUF_OK : st;
}

tuf_status tuf_snapshot_metas(tuf_snapshot *snapshot, tuf_meta_visitor *visitor, void *ctx)
{
    tufi_error_clear();
    static const uint8_t start[] = { LOCAL_KEY_META };
    TUF_AUTO(free_btree_cursor) struct btree_cursor *cursor = NULL;
    tuf_status st = tufi_btree_cursor_new(&cursor, snapshot->store->env,
                                          snapshot_tree(snapshot, TREE_LOCAL));
    if (st == TUF_OK)
        st = tufi_btree_seek(cursor, tuf_slice_of(start, sizeof(start)));
    while (st == TUF_OK) {
        tuf_slice key, value;
        st = tufi_btree_next(cursor, &key, &value);
        if (st == TUF_OK && (key.len == 0 || key.data[0] != LOCAL_KEY_META))
            break;
        if (st == TUF_OK)
            st = visitor(tuf_slice_of(key.data + 1, key.len - 1), value, ctx);
    }
    return st == TUF_END ? TUF_OK : st;
}
