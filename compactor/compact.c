/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: tuf_db_compact: copy, catch up, switch.
 *
 *   1. Copy a snapshot into NAME.compact, beside readers and writers.
 *   2. Catch up with what changed meanwhile, in rounds, until little is left.
 *   3. Under the writer lock: the last catch-up, a checkpoint, a rename, a sync of the directory; then
 *      the handle uses the new file. Writers wait for this step only, so it always ends.
 *
 * INV-CM-1: the new file has its name only after all that it needs was synced.
 * INV-CM-2: an edit that was prepared for the old file is prepared again (engine/group.c).
 *
 * Source: the rounds are those of CouchDB's compactor; here the last one runs with writers held off, so
 * that it converges whatever the load.
 * Not here: what is copied (copy.c); how the new file is written (heir.c).
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "base/testhook.h"
#include "compactor/compaction.h"

#define ROUNDS_MAX 10
/* Below this many changes the rest is copied with writers held off. */
#define REST_CHANGES 500

static void release(struct compaction *k)
{
    if (k->source)
        tuf_snapshot_free(&k->source);
    tufi_heir_discard(k);
    tufi_buf_release(&k->frame);
    tufi_free(k->heir_path);
}

/* Brings the heir to the state of a new snapshot. */
static tuf_status copy_round(struct compaction *k)
{
    uint64_t since = k->now.update_seq;
    tuf_snapshot_free(&k->source);
    tuf_status st = tuf_db_snapshot(&k->source, k->db);
    if (st < 0)
        return st;
    const struct db_view *view = snapshot_view(k->source);
    uint64_t pending = 0;
    st = tuf_snapshot_pending(&pending, k->source, since);
    k->steps_total = k->steps_done + pending;
    if (st == TUF_OK)
        st = tufi_copy_docs(k, since);
    if (st == TUF_OK)
        st = tufi_drop_purged(k);
    if (st == TUF_OK)
        st = tufi_copy_small_trees(k);
    if (st != TUF_OK)
        return st;
    uint64_t size = k->now.size_file, checkpoint_off = k->now.checkpoint_off;
    k->now = *view;
    k->now.size_file = size;
    k->now.checkpoint_off = checkpoint_off;
    return TUF_OK;
}

static tuf_status copy_in_rounds(struct compaction *k)
{
    tuf_status st = copy_round(k);
    for (int round = 1; st == TUF_OK && round < ROUNDS_MAX; round++) {
        uint64_t newest;
        pthread_mutex_lock(&k->db->wait);
        newest = k->db->visible_seq;
        pthread_mutex_unlock(&k->db->wait);
        if (newest - k->now.update_seq < REST_CHANGES)
            break;
        st = copy_round(k);
    }
    /* So that the last checkpoint, for which writers wait, is small. */
    return st == TUF_OK ? tufi_heir_checkpoint(k) : st;
}

/* Gives the new file the name of the old one, durably. */
static tuf_status take_name(struct compaction *k, struct log *old)
{
    tuf_status st = tufi_fold(old->vfs->rename(old->vfs, k->heir_path, old->path));
    if (st < 0)
        return st;
    if (tufi_planted("compact_skip_dir_sync"))
        return TUF_OK;
    st = old->vfs->sync_dir(old->vfs, old->path);
    if (st < 0) /* after a crash either file may have the name: nothing may be added to one of them */
        atomic_store(&k->heir->store->log.poisoned, true);
    return TUF_OK;
}

static void swap_stores(struct compaction *k)
{
    tuf_db *db = k->db, *heir = k->heir;
    struct store *old = db->store;
    char *path = heir->store->log.path; /* the attempt's name; the old store keeps it for messages */
    heir->store->log.path = old->log.path;
    old->log.path = path;
    pthread_mutex_lock(&db->store_lock);
    db->store = heir->store;
    pthread_mutex_unlock(&db->store_lock);
    db->store->log.newest_commit = k->now.commit;
    db->store->log.newest_seq = k->now.update_seq;
    heir->store = old; /* goes with the heir's handle, unless a reader still holds it */
    db->now = k->now;
    db->checkpoint_retry_off = 0;
}

/* Attachments may still be written to the old file. */
static uint64_t log_size(struct log *log)
{
    pthread_mutex_lock(&log->tail);
    uint64_t size = log->tail_off;
    pthread_mutex_unlock(&log->tail);
    return size;
}

/* Under the writer lock. The owner of the name has the last word. */
static tuf_status take_name_if_allowed(struct compaction *k, struct log *old)
{
    const tuf_compact_options *opts = k->opts;
    if (opts->before_switch && opts->before_switch(opts->ctx) != 0)
        return TUF_STOPPED;
    tuf_status st = take_name(k, old);
    if (opts->after_switch)
        opts->after_switch(opts->ctx);
    return st;
}

/* Under the writer lock. */
static tuf_status finish_locked(struct compaction *k)
{
    tuf_db *db = k->db;
    tuf_status st = tufi_log_writable(&db->store->log);
    if (st == TUF_OK)
        st = copy_round(k);
    if (st != TUF_OK)
        return st;
    tuf_assert(k->now.update_seq == db->now.update_seq);
    st = tufi_heir_checkpoint(k);
    if (st == TUF_OK)
        st = take_name_if_allowed(k, &db->store->log);
    if (st != TUF_OK)
        return st;
    tufi_btree_txn_abort(&k->txn);
    k->report->size_before = log_size(&db->store->log);
    k->report->size_after = log_size(&k->heir->store->log);
    swap_stores(k);
    return TUF_OK;
}

static tuf_status finish(struct compaction *k)
{
    tuf_db *db = k->db;
    const struct tuf_vfs *vfs = k->heir->store->log.vfs;
    pthread_mutex_lock(&db->writer);
    uint64_t start = vfs->monotonic_us(vfs);
    tuf_status st = finish_locked(k);
    k->report->blocked_us = vfs->monotonic_us(vfs) - start;
    pthread_mutex_unlock(&db->writer);
    if (st == TUF_OK)
        tufi_db_free_handle(&k->heir); /* with the old store: not a file to unlink any more */
    return st;
}

static tuf_status compact(struct compaction *k)
{
    tuf_status st = tufi_heir_open(k);
    k->now = (struct db_view){ .revs_limit = REVS_LIMIT_DEFAULT,
                               .purged_infos_limit = PURGED_INFOS_LIMIT_DEFAULT };
    if (st == TUF_OK)
        st = copy_in_rounds(k);
    if (st == TUF_OK)
        st = finish(k);
    release(k);
    return st;
}

static tuf_status check_compactable(tuf_db *db, bool *empty_out)
{
    TUF_AUTO(tufi_store_unref) struct store *store = tufi_store_acquire(db);
    tuf_status st = tufi_log_writable(&store->log);
    pthread_mutex_lock(&db->writer);
    *empty_out = db->now.commit == 0;
    pthread_mutex_unlock(&db->writer);
    return st;
}

tuf_status tuf_db_compact(tuf_compact_report *report, tuf_db *db, const tuf_compact_options *opts)
{
    tufi_error_clear();
    static const tuf_compact_options quiet = TUF_COMPACT_OPTIONS_INIT;
    tuf_compact_report own;
    struct compaction k = { .db = db,
                            .opts = opts ? opts : &quiet,
                            .report = report ? report : &own };
    memset(k.report, 0, sizeof(*k.report));
    bool empty;
    tuf_status st = check_compactable(db, &empty);
    if (st < 0 || empty)
        return st;
    bool idle = false;
    if (!atomic_compare_exchange_strong(&db->compacting, &idle, true))
        return TUF_EXISTS;
    st = compact(&k);
    atomic_store(&db->compacting, false);
    return st;
}
