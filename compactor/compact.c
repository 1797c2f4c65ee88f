/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: tuf_db_compact: copy, catch up, switch.
 *
 *   1. Copy a snapshot into NAME.compact, beside readers and writers.
 *   2. Catch up with what changed meanwhile, in rounds, until little is left. A round that does not
 *      halve what is left slows the writers down to half of our speed, so that the next ones do.
 *   3. Under the writer lock: the last catch-up, a checkpoint, a rename, a sync of the directory; then
 *      the handle uses the new file. Writers wait for this step only, and for little.
 *
 * INV-CM-1: the new file has its name only after all that it needs was synced.
 * INV-CM-2: an edit that was prepared for the old file is prepared again (engine/group.c).
 * INV-CM-3: a round copies only what is durable in the old file: what the heir holds can therefore be
 *           continued after any crash (engine/heir.c).
 *
 * Source: the rounds are those of CouchDB's compactor; here each is made shorter than the one before,
 * so that it converges whatever the load.
 * Not here: what is copied (first.c, copy.c, small.c); how the new file is written (heir.c).
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "base/testhook.h"
#include "compactor/compaction.h"
#include "engine/options.h"
#include "engine/pins.h"

/* A guard against a rule that fails: then the switch takes longer. */
#define ROUNDS_MAX 200
/* With no more than this left, writers may wait for it. */
#define REST_CHANGES 256
#define REST_BYTES (1u << 20)
#define CHANGE_SIZE 256 /* what a change costs beside its bytes, about: see PACE_EDIT_SIZE */

static void release(struct compaction *k, bool keep)
{
    tuf_snapshot_free(&k->source);
    tuf_snapshot_free(&k->before);
    tufi_heir_end(k, keep);
    tufi_attmap_release(&k->atts);
    tufi_buf_release(&k->frame);
    tufi_buf_release(&k->value);
    tufi_buf_release(&k->row);
    tufi_buf_release(&k->window.bytes);
    tufi_free(k->heir_path);
    tufi_free(k->runs_path);
}

/* INV-CM-3. Syncs the log as far as the snapshot goes, and marks that place in the note. */
static tuf_status make_durable(struct compaction *k)
{
    struct log *log = &k->source->store->log;
    pthread_mutex_lock(&log->tail);
    k->note.mark_off = log->tail_off;
    k->note.mark_crc = log->tail_crc;
    bool durable = log->durable_off == log->tail_off;
    pthread_mutex_unlock(&log->tail);
    return durable ? TUF_OK : tufi_log_sync(log, k->note.mark_off);
}

/* Takes a new snapshot; the one before stays at hand. */
static tuf_status next_snapshot(struct compaction *k)
{
    tuf_snapshot_free(&k->before);
    k->before = tufi_steal(k->source);
    k->spent_before = atomic_load(&k->db->store->pace.spent);
    tuf_status st = tuf_db_snapshot(&k->source, k->db);
    tufi_buf_clear(&k->window.bytes); /* the file has grown over what was behind its end */
    k->window.size = 0;
    return st < 0 ? st : make_durable(k);
}

static void take_view(struct compaction *k)
{
    uint64_t size = k->now.size_file, checkpoint_off = k->now.checkpoint_off;
    k->now = *snapshot_view(k->source);
    k->now.size_file = size;
    k->now.checkpoint_off = checkpoint_off;
}

/* Brings the heir to the state of a new snapshot. */
static tuf_status copy_round(struct compaction *k)
{
    uint64_t since = snapshot_view(k->source)->update_seq, pending = 0;
    tuf_status st = next_snapshot(k);
    if (st == TUF_OK)
        st = tuf_snapshot_pending(&pending, k->source, since);
    if (tufi_is_damage(k, st))
        st = TUF_OK; /* it only says how far we are */
    k->steps_total = k->steps_done + pending;
    if (st < 0)
        return st;
    take_view(k);
    st = tufi_copy_docs(k, since);
    if (st == TUF_OK)
        st = tufi_drop_purged(k);
    if (st == TUF_OK)
        st = tufi_copy_small_trees(k);
    if (st == TUF_OK)
        k->note.copied_seq = k->now.update_seq;
    k->report->round_count++;
    return st;
}

static tuf_status first_round(struct compaction *k)
{
    tuf_status st = next_snapshot(k);
    if (st == TUF_OK)
        st = tufi_check_space(k);
    if (st != TUF_OK)
        return st;
    take_view(k);
    k->steps_total = snapshot_tree(k->source, TREE_BY_SEQ)->entry_count;
    st = tufi_copy_first(k);
    if (st == TUF_NOT_FOUND && k->continued) {
        k->report->docs_kept = k->steps_done = 0;
        st = tufi_heir_restart(k);
        if (st == TUF_OK && !k->continued) {
            take_view(k);
            st = make_durable(k);
        }
        if (st == TUF_OK)
            st = tufi_copy_first(k);
    }
    if (st == TUF_OK)
        k->note.copied_seq = k->now.update_seq;
    k->report->round_count++;
    return st;
}

struct rest {
    uint64_t changes, purges;
    uint64_t size; /* what it costs to copy, in the pace's bytes */
};

static tuf_status measure_rest(struct rest *out, struct compaction *k)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *newest = NULL;
    tuf_status st = tuf_db_snapshot(&newest, k->db);
    if (st < 0)
        return st;
    const struct db_view *view = snapshot_view(newest);
    out->changes = view->update_seq - k->now.update_seq;
    out->purges = view->purge_seq - k->now.purge_seq;
    out->size = atomic_load(&newest->store->pace.spent) - k->spent_before;
    return TUF_OK;
}

static bool is_little(const struct rest *rest)
{
    return rest->changes <= REST_CHANGES && rest->purges <= REST_CHANGES &&
           rest->size <= REST_BYTES + REST_CHANGES * CHANGE_SIZE;
}

static tuf_status copy_in_rounds(struct compaction *k)
{
    uint64_t last = UINT64_MAX;
    tuf_status st = first_round(k);
    for (int round = 1; st == TUF_OK && round < ROUNDS_MAX; round++) {
        struct rest rest;
        if (!tufi_planted("compact_rename_early")) /* so that the last, awaited one is small */
            st = tufi_heir_checkpoint(k);
        if (st == TUF_OK)
            st = measure_rest(&rest, k);
        if (st != TUF_OK || is_little(&rest))
            return st;
        if (round > 1 && rest.size > last / 2) {
            tufi_pace_set(&k->db->store->pace, true);
            k->report->slowed_writers = true;
        }
        last = rest.size;
        st = copy_round(k);
    }
    return st;
}

/* Gives the new file the name of the old one, durably. */
static tuf_status take_name(struct compaction *k, struct log *old)
{
    tuf_status st = tufi_pins_keep_file(k->db);
    if (tufi_is_damage(k, st)) { /* nobody can say whether a pin needs it */
        tufi_error_clear();
        k->keep_old = true;
        st = TUF_OK;
    }
    if (st == TUF_OK && k->keep_old)
        st = tufi_pins_keep_as(k->db, ".damaged");
    if (st == TUF_OK)
        st = tufi_fold(old->vfs->rename(old->vfs, k->heir_path, old->path));
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
    /* Before anybody has it: an attachment on its way takes no writer lock. */
    heir->store->log.newest_commit = k->now.commit;
    heir->store->log.newest_seq = k->now.update_seq;
    pthread_mutex_lock(&db->store_lock);
    db->store = heir->store;
    pthread_mutex_unlock(&db->store_lock);
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
    bool early = tufi_planted("compact_rename_early");
    if (early)
        st = take_name_if_allowed(k, &db->store->log);
    k->heir->sync_once = true;
    if (st == TUF_OK)
        st = tufi_heir_checkpoint(k);
    k->heir->sync_once = false;
    if (st == TUF_OK && !early)
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
    tufi_pace_set(&db->store->pace, false); /* whoever waited for it now waits for the lock */
    tuf_status st = finish_locked(k);
    k->report->blocked_us = vfs->monotonic_us(vfs) - start;
    pthread_mutex_unlock(&db->writer);
    if (st == TUF_OK)
        tufi_db_free_handle(&k->heir); /* with the old store: not a file to unlink any more */
    return st;
}

static tuf_status compact(struct compaction *k)
{
    tuf_status st = tufi_heir_start(k);
    if (st == TUF_OK)
        st = copy_in_rounds(k);
    if (st == TUF_OK)
        st = finish(k);
    tufi_pace_set(&k->db->store->pace, false);
    release(k, st == TUF_STOPPED && k->stopped == TUF_COMPACT_LATER);
    return st;
}

static tuf_status read_options(tuf_compact_options *out, const tuf_compact_options *opts)
{
    *out = (tuf_compact_options)TUF_COMPACT_OPTIONS_INIT;
    return tufi_take_options(out, sizeof(*out), opts);
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
    tuf_compact_options options;
    tuf_compact_report own;
    struct compaction k = { .db = db, .opts = &options, .report = report ? report : &own };
    memset(k.report, 0, sizeof(*k.report));
    bool empty = false;
    tuf_status st = read_options(&options, opts);
    if (st == TUF_OK)
        st = check_compactable(db, &empty);
    if (st < 0 || empty)
        return st;
    bool idle = false;
    if (!atomic_compare_exchange_strong(&db->compacting, &idle, true))
        return TUF_EXISTS;
    st = compact(&k);
    atomic_store(&db->compacting, false);
    return st;
}
