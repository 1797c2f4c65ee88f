/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: named snapshots: rows that name a checkpoint of a file.
 *
 * Old checkpoints stay in the file, so a pin costs a row. When compaction is about to put another file
 * in the place of one that a pin names, it gives the old file the name PATH.snapshot-ID first (ID is
 * the file's id): a second link, no copy, where the file system has links.
 *
 * INV-PI-1: the file that a pin names is under PATH or under PATH.snapshot-ID. A pin is committed only
 *           while its file has the name, and both happen under the writer lock.
 * INV-PI-2: a file under PATH.snapshot-ID goes with the last pin that names it.
 */
#include "engine/pins.h"

#include "base/alloc.h"
#include "base/arith.h"
#include "base/hex.h"
#include "base/testhook.h"
#include "fileformat/pin.h"

#define ATTEMPTS_MAX 16

static bool same_file(const uint8_t a[16], const uint8_t b[16])
{
    return memcmp(a, b, 16) == 0;
}

static tuf_status path_of(struct buf *out, const char *path, const char *suffix,
                          const uint8_t uuid[16])
{
    char text[33] = { 0 };
    tufi_hex_encode(text, uuid, 16);
    tufi_buf_printf(out, "%s%s-%s", path, suffix, text);
    buf_append_u8(out, 0);
    return buf_status(out);
}

static tuf_status kept_path(struct buf *out, const char *path, const uint8_t uuid[16])
{
    return path_of(out, path, ".snapshot", uuid);
}

/* Of a copy that is being made, where the file system has no links. */
static tuf_status unfinished_path(struct buf *out, const char *kept)
{
    tufi_buf_printf(out, "%s.new", kept);
    buf_append_u8(out, 0);
    return buf_status(out);
}

/* ---- rows --------------------------------------------------------------------------------------- */

static tuf_status make_key(struct buf *out, tuf_slice name)
{
    if (name.len == 0 || name.len > TUF_PIN_NAME_SIZE_MAX)
        return tufi_fail(TUF_E_INVALID, "name of %zu bytes is not in 1..%d", name.len,
                         TUF_PIN_NAME_SIZE_MAX);
    buf_append_u8(out, LOCAL_KEY_PIN);
    buf_append_slice(out, name);
    return buf_status(out);
}

static tuf_status find_pin(struct pin *out, struct btree_env *env, const struct btree *local,
                           tuf_slice key)
{
    struct btree_pin hold = BTREE_PIN_INIT;
    tuf_slice value;
    tuf_status st = tufi_btree_find(env, local, key, &value, &hold);
    if (st != TUF_OK)
        return st;
    st = tufi_pin_decode(out, value);
    tufi_btree_unpin(env, &hold);
    return st;
}

static void free_cursor(struct btree_cursor **cursor)
{
    if (*cursor)
        tufi_btree_cursor_free(cursor);
}

typedef tuf_status row_visitor(tuf_slice name, const struct pin *pin, void *ctx);

static tuf_status each_pin(struct btree_env *env, const struct btree *local, row_visitor *visit,
                           void *ctx)
{
    static const uint8_t start[] = { LOCAL_KEY_PIN };
    TUF_AUTO(free_cursor) struct btree_cursor *cursor = NULL;
    tuf_status st = tufi_btree_cursor_new(&cursor, env, local);
    if (st == TUF_OK)
        st = tufi_btree_seek(cursor, tuf_slice_of(start, sizeof(start)));
    while (st == TUF_OK) {
        tuf_slice key, value;
        struct pin pin;
        st = tufi_btree_next(cursor, &key, &value);
        if (st == TUF_OK && (key.len == 0 || key.data[0] != LOCAL_KEY_PIN))
            break;
        if (st == TUF_OK)
            st = tufi_pin_decode(&pin, value);
        if (st == TUF_OK)
            st = visit(tuf_slice_of(key.data + 1, key.len - 1), &pin, ctx);
    }
    return st == TUF_END ? TUF_OK : st;
}

/* Writes or (value empty) removes a row in a commit that was begun; ends it. */
static tuf_status finish_row(struct commit *c, tuf_slice key, tuf_slice value)
{
    TUF_AUTO(tufi_buf_release) struct buf payload = BUF_INIT;
    struct metarec rec = { .key = key, .removed = value.len == 0, .value = value };
    tufi_metarec_encode(&payload, &rec);
    tuf_status st = buf_status(&payload);
    if (st == TUF_OK)
        st = tufi_commit_put(c, RECORD_META, buf_slice(&payload), NULL);
    if (st == TUF_OK)
        st = tufi_apply_meta(c->txn, &c->now, &rec);
    if (st < 0) {
        tufi_commit_abort(c);
        return st;
    }
    return tufi_commit_finish(c, true);
}

/* ---- making and removing ------------------------------------------------------------------------ */

static tuf_status take_checkpoint(struct pin *out, tuf_db *db)
{
    pthread_mutex_lock(&db->writer);
    tuf_status st = tufi_db_checkpoint_locked(db);
    const struct log *log = &db->store->log;
    *out = (struct pin){
        .checkpoint_off = db->now.checkpoint_off,
        .update_seq = db->now.update_seq,
        .commit = db->now.commit,
        .time_us = log->vfs->wall_us(log->vfs),
    };
    memcpy(out->uuid, log->super.uuid, sizeof(out->uuid));
    pthread_mutex_unlock(&db->writer);
    return st;
}

/* INV-PI-1. TUF_STOPPED: another file took the name since the checkpoint. */
static tuf_status put_pin(tuf_db *db, tuf_slice key, const struct pin *pin)
{
    uint8_t value[PIN_SIZE];
    struct commit c;
    struct pin other;
    tufi_pin_encode(value, pin);
    tuf_status st = tufi_commit_begin(&c, db);
    if (st < 0)
        return st;
    st = find_pin(&other, db->store->env, tufi_btree_txn_tree(c.txn, TREE_LOCAL), key);
    if (st == TUF_NOT_FOUND && same_file(db->store->log.super.uuid, pin->uuid))
        return finish_row(&c, key, tuf_slice_of(value, sizeof(value)));
    tufi_commit_abort(&c);
    return st == TUF_OK ? TUF_EXISTS : st == TUF_NOT_FOUND ? TUF_STOPPED : st;
}

tuf_status tuf_db_pin(tuf_db *db, tuf_slice name)
{
    tufi_error_clear();
    TUF_AUTO(tufi_buf_release) struct buf key = BUF_INIT;
    struct pin pin;
    tuf_status st = make_key(&key, name);
    if (st < 0)
        return st;
    st = TUF_STOPPED;
    for (int i = 0; st == TUF_STOPPED && i < ATTEMPTS_MAX; i++) {
        st = take_checkpoint(&pin, db);
        if (st == TUF_OK)
            st = put_pin(db, buf_slice(&key), &pin);
    }
    return st == TUF_STOPPED ? tufi_fail(TUF_E_LOCKED, "compactions follow each other too fast") : st;
}

struct user_count {
    const uint8_t *uuid;
    size_t count;
};

static tuf_status count_user(tuf_slice name, const struct pin *pin, void *ctx)
{
    struct user_count *users = ctx;
    (void)name;
    users->count += same_file(pin->uuid, users->uuid);
    return TUF_OK;
}

/* What of a kept file is there: the file, or the copy that was to become it. */
static tuf_status unlink_kept(const struct log *log, const char *kept)
{
    TUF_AUTO(tufi_buf_release) struct buf name = BUF_INIT;
    tuf_status whole = log->vfs->unlink(log->vfs, kept);
    tuf_status st = unfinished_path(&name, kept);
    if (st == TUF_OK)
        st = log->vfs->unlink(log->vfs, (const char *)name.data);
    return whole < 0 ? whole : st < 0 ? st : whole == TUF_OK ? TUF_OK : st;
}

/* INV-PI-2. Under the writer lock. The file may be there although the database did not leave it: then
 * it is a second link, of a compaction that did not come to its end. */
static tuf_status drop_file(tuf_db *db, struct btree *local, const struct pin *pin)
{
    TUF_AUTO(tufi_buf_release) struct buf path = BUF_INIT;
    const struct log *log = &db->store->log;
    struct user_count users = { pin->uuid, 0 };
    tuf_status st = each_pin(db->store->env, local, count_user, &users);
    if (st != TUF_OK || users.count > 1)
        return st;
    st = kept_path(&path, log->path, pin->uuid);
    if (st == TUF_OK)
        st = unlink_kept(log, (const char *)path.data);
    if (st == TUF_OK) /* the row must not be gone before the file is: nobody would look for it */
        st = log->vfs->sync_dir(log->vfs, log->path);
    return st < 0 ? st : TUF_OK;
}

tuf_status tuf_db_unpin(tuf_db *db, tuf_slice name)
{
    tufi_error_clear();
    TUF_AUTO(tufi_buf_release) struct buf key = BUF_INIT;
    struct commit c;
    struct pin pin;
    tuf_status st = make_key(&key, name);
    if (st == TUF_OK)
        st = tufi_commit_begin(&c, db);
    if (st < 0)
        return st;
    struct btree *local = tufi_btree_txn_tree(c.txn, TREE_LOCAL);
    st = find_pin(&pin, db->store->env, local, buf_slice(&key));
    if (st == TUF_OK) /* the file first: a row without a file can be removed again, not the other way */
        st = drop_file(db, local, &pin);
    if (st == TUF_OK)
        return finish_row(&c, buf_slice(&key), tuf_slice_of(NULL, 0));
    tufi_commit_abort(&c);
    return st;
}

/* ---- compaction --------------------------------------------------------------------------------- */

/* Where there are no links: a copy, which takes its name when it is synced. */
static tuf_status copy_file(struct log *log, const char *to)
{
    TUF_AUTO(tufi_buf_release) struct buf name = BUF_INIT;
    struct vfs_file *file = NULL;
    uint64_t size = 0;
    tuf_status st = unfinished_path(&name, to);
    const char *made = (const char *)name.data;
    if (st == TUF_OK)
        st = tufi_fold(log->vfs->open(log->vfs, made, VFS_CREATE, &file));
    if (st < 0)
        return st;
    st = log->file->ops->size(log->file, &size);
    if (st == TUF_OK)
        st = file->ops->truncate(file, 0);
    if (st == TUF_OK)
        st = tufi_vfs_copy(file, log->file, 0, size);
    if (st == TUF_OK)
        st = file->ops->sync(file);
    file->ops->close(file);
    return st == TUF_OK ? tufi_fold(log->vfs->rename(log->vfs, made, to)) : st;
}

tuf_status tufi_pins_keep_as(tuf_db *db, const char *suffix)
{
    TUF_AUTO(tufi_buf_release) struct buf path = BUF_INIT;
    struct log *log = &db->store->log;
    tuf_status st = path_of(&path, log->path, suffix, log->super.uuid);
    if (st < 0)
        return st;
    const char *to = (const char *)path.data;
    st = log->vfs->link ? log->vfs->link(log->vfs, log->path, to)
                        : tufi_fail(TUF_E_UNSUPPORTED, "no links");
    if (st == TUF_E_UNSUPPORTED)
        st = copy_file(log, to);
    if (st < 0 || tufi_planted("link_skip_dir_sync"))
        return st < 0 ? st : TUF_OK;
    return log->vfs->sync_dir(log->vfs, log->path); /* TUF_EXISTS: an attempt before this one */
}

tuf_status tufi_pins_keep_file(tuf_db *db)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    struct user_count users = { db->store->log.super.uuid, 0 };
    tuf_status st = tuf_db_snapshot(&snapshot, db);
    if (st == TUF_OK)
        st = each_pin(db->store->env, snapshot_tree(snapshot, TREE_LOCAL), count_user, &users);
    if (st != TUF_OK || users.count == 0)
        return st;
    return tufi_pins_keep_as(db, ".snapshot");
}

struct oldest_pin {
    const uint8_t *uuid;
    uint64_t off;
};

static tuf_status note_oldest(tuf_slice name, const struct pin *pin, void *ctx)
{
    struct oldest_pin *oldest = ctx;
    (void)name;
    if (same_file(pin->uuid, oldest->uuid)) /* 0: of an empty database, before all checkpoints */
        oldest->off = min_u64(oldest->off, pin->checkpoint_off);
    return TUF_OK;
}

tuf_status tufi_pins_oldest(uint64_t *off, tuf_db *db)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    tuf_status st = tuf_db_snapshot(&snapshot, db);
    if (st < 0)
        return st;
    struct oldest_pin oldest = { snapshot->store->log.super.uuid, *off };
    st = each_pin(snapshot->store->env, snapshot_tree(snapshot, TREE_LOCAL), note_oldest, &oldest);
    *off = oldest.off;
    return st;
}

/* ---- reading ------------------------------------------------------------------------------------ */

struct visit_pins {
    tuf_pin_visitor *visitor;
    void *ctx;
};

static tuf_status show_pin(tuf_slice name, const struct pin *pin, void *ctx)
{
    const struct visit_pins *visit = ctx;
    tuf_pin_info info = { name, pin->update_seq, pin->commit, pin->time_us };
    return visit->visitor(&info, visit->ctx);
}

tuf_status tuf_snapshot_pins(tuf_snapshot *snapshot, tuf_pin_visitor *visitor, void *ctx)
{
    tufi_error_clear();
    struct visit_pins visit = { visitor, ctx };
    return each_pin(snapshot->store->env, snapshot_tree(snapshot, TREE_LOCAL), show_pin, &visit);
}

/* Opens a path if the pinned file is there; TUF_STOPPED: another one is. */
static tuf_status try_path(tuf_db **out, const char *path, const struct pin *pin,
                           const tuf_open_options *opts)
{
    tuf_status st = tuf_db_open(out, path, opts);
    if (st == TUF_NOT_FOUND)
        return TUF_STOPPED;
    if (st == TUF_OK && same_file((*out)->store->log.super.uuid, pin->uuid))
        return TUF_OK;
    if (st == TUF_OK) {
        tuf_status closed = tuf_db_close(out);
        return closed < 0 ? closed : TUF_STOPPED;
    }
    /* Another file has no such checkpoint, or no such past. */
    return st == TUF_E_CORRUPT || st == TUF_E_INVALID ? TUF_STOPPED : st;
}

static tuf_status copy_path(struct buf *out, tuf_db *db)
{
    pthread_mutex_lock(&db->writer); /* compaction changes it */
    tufi_buf_printf(out, "%s", db->store->log.path);
    pthread_mutex_unlock(&db->writer);
    buf_append_u8(out, 0);
    return buf_status(out);
}

static tuf_status open_pinned(tuf_db **out, tuf_db *db, const struct pin *pin,
                              const tuf_open_options *opts)
{
    TUF_AUTO(tufi_buf_release) struct buf path = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf kept = BUF_INIT;
    tuf_status st = copy_path(&path, db);
    if (st == TUF_OK)
        st = kept_path(&kept, (const char *)path.data, pin->uuid);
    if (st < 0)
        return st;
    st = TUF_STOPPED;
    for (int i = 0; st == TUF_STOPPED && i < 4; i++) /* it may move between the two looks */
        st = try_path(out, (const char *)(i % 2 ? kept.data : path.data), pin, opts);
    return st == TUF_STOPPED ? tufi_corrupt(UINT64_MAX, "the file of a snapshot is missing") : st;
}

tuf_status tuf_db_open_pin(tuf_db **out, tuf_db *db, tuf_slice name, const tuf_open_options *opts)
{
    tufi_error_clear();
    TUF_AUTO(tufi_buf_release) struct buf key = BUF_INIT;
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    struct pin pin;
    tuf_status st = make_key(&key, name);
    if (st == TUF_OK)
        st = tuf_db_snapshot(&snapshot, db);
    if (st == TUF_OK)
        st = find_pin(&pin, snapshot->store->env, snapshot_tree(snapshot, TREE_LOCAL),
                      buf_slice(&key));
    if (st != TUF_OK)
        return st;
    tuf_open_options how = TUF_OPEN_OPTIONS_INIT;
    how.flags = TUF_OPEN_RDONLY;
    how.vfs = opts && opts->vfs ? opts->vfs : snapshot->store->log.vfs;
    how.cache_size = opts ? opts->cache_size : 0;
    how.at_kind = pin.checkpoint_off > 0 ? TUF_AT_CHECKPOINT : TUF_AT_COMMIT;
    how.at = pin.checkpoint_off;
    return open_pinned(out, db, &pin, &how);
}
