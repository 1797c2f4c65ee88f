/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: tuf_db_trim: give dead blocks of the file back, by punching holes.
 *
 *   0. Shorten histories (trim_shorten.c), so that old bodies are not needed for the ids beside them.
 *   1. Choose the base: the newest checkpoint that is old enough for everybody: for the history that is
 *      to be kept, for the pins, for the snapshots and holds of this handle.
 *   2. Mark every block below it that the base or anything later reaches (trim_mark.c).
 *   3. Write a checkpoint that names the base, and sync it.
 *   4. Punch what is not marked.
 *
 * INV-TR-1: before the first hole is made a checkpoint that names the base (trim_off) is durable, and
 *           every later one names it or a later base. So whoever looks at the past of this file knows
 *           where it begins. From the base on the file has no holes.
 * INV-TR-2: see trim_mark.c: what is alive is never dead before.
 * INV-TR-3: below the base records of leaves count, others are taken for missing (doc_history.c), as
 *           after a compaction: whether their bytes are still there is chance.
 *
 * A crash loses holes or keeps them: both are dead bytes. See docs/adr/0016.
 * Not here: what a state before the base means to recovery (recover.c) and to backups (backup.c).
 */
#include "base/alloc.h"
#include "base/arith.h"
#include "base/testhook.h"
#include "engine/options.h"
#include "engine/pins.h"
#include "engine/trim.h"

static void release(struct trim *t)
{
    tuf_snapshot_free(&t->state);
    tufi_db_free_handle(&t->base);
    tufi_store_unref(&t->store);
    tufi_buf_release(&t->record);
    tufi_docrec_view_release(&t->view);
    tufi_free(t->live);
}

/* ---- the base ----------------------------------------------------------------------------------- */

/* The newest checkpoint that nobody of this handle, and no pin, is behind. */
static tuf_status oldest_in_use(uint64_t *out, struct trim *t)
{
    struct btree_env *env = t->store->env;
    const struct btree_version *oldest = tufi_btree_acquire_oldest(env);
    uint64_t versions_off = ((const struct db_view *)oldest->owner_data)->checkpoint_off;
    tufi_btree_release(env, oldest);
    uint64_t pinned_off = UINT64_MAX;
    tuf_status st = tufi_pins_oldest(&pinned_off, t->db);
    *out = min_u64(tufi_store_oldest_hold(t->store, versions_off), min_u64(pinned_off, versions_off));
    return st;
}

/* Reads the checkpoint at `off` and says whether it can be the base. */
static tuf_status try_base(struct trim *t, uint64_t off, uint64_t limit, uint64_t *prev_out,
                           bool *good_out)
{
    const struct log *log = &t->store->log;
    struct frame_header h;
    struct checkpoint ck;
    tuf_status st = tufi_log_read_checkpoint(&ck, &h, log, off);
    if (st == TUF_NOT_FOUND)
        st = tufi_corrupt(off, "no checkpoint where one must be");
    if (st != TUF_OK)
        return st;
    uint64_t now_us = log->vfs->wall_us(log->vfs);
    bool old_enough = t->opts->keep_us == 0 ||
                      (h.time_us <= now_us && now_us - h.time_us >= t->opts->keep_us);
    *prev_out = ck.prev_checkpoint_off;
    *good_out = off <= limit && old_enough && ck.commit != CHECKPOINT_UNFINISHED;
    if (*good_out) {
        t->report->first_commit = ck.commit;
        t->report->first_seq = ck.update_seq;
    }
    return TUF_OK;
}

/* t->base_off stays 0 if there is nothing to give back. */
static tuf_status choose_base(struct trim *t, const struct db_view *newest)
{
    struct log *log = &t->store->log;
    uint64_t limit, off = newest->checkpoint_off, prev;
    bool good = false;
    tuf_status st = oldest_in_use(&limit, t);
    pthread_mutex_lock(&log->tail);
    t->tail_off = log->tail_off; /* after the look at holds: INV-TR-2 */
    pthread_mutex_unlock(&log->tail);
    /* Behind a compaction the file has nothing dead: its checkpoints on the way are no states. */
    uint64_t floor = max_u64(newest->size_compacted, log->trim_off);
    while (st == TUF_OK && off > floor) {
        st = try_base(t, off, limit, &prev, &good);
        if (st != TUF_OK || good)
            break;
        off = prev;
    }
    if (st == TUF_OK && good)
        t->base_off = off;
    return st;
}

static tuf_status open_base(struct trim *t)
{
    tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
    opts.flags = TUF_OPEN_RDONLY;
    opts.vfs = t->store->log.vfs;
    opts.cache_size = t->db->cache_size;
    opts.at_kind = TUF_AT_CHECKPOINT;
    opts.at = t->base_off;
    tuf_status st = tufi_fold(tuf_db_open(&t->base, t->store->log.path, &opts));
    if (st == TUF_OK && memcmp(t->base->store->log.super.uuid, t->store->log.super.uuid, 16) != 0)
        st = tufi_fail(TUF_E_IO, "another file has the name of this database");
    if (st == TUF_OK)
        st = tuf_db_snapshot(&t->state, t->base);
    if (st != TUF_OK)
        return st;
    t->steps_total = snapshot_tree(t->state, TREE_BY_ID)->entry_count;
    t->live = tufi_alloc_zero((size_t)(t->base_off / TRIM_BLOCK_SIZE / 8 + 1));
    return t->live ? TUF_OK : tufi_nomem();
}

/* ---- giving back -------------------------------------------------------------------------------- */

/* INV-TR-1. */
static tuf_status note_base(struct trim *t)
{
    tuf_db *db = t->db;
    struct log *log = &t->store->log;
    pthread_mutex_lock(&db->writer);
    log->trim_off = t->base_off;
    tuf_status st = tufi_planted("trim_before_note") ? TUF_OK : tufi_db_checkpoint_locked(db);
    if (st < 0)
        log->trim_off = log->trim_noted;
    pthread_mutex_unlock(&db->writer);
    return st;
}

static tuf_status punch_run(struct trim *t, uint64_t from, uint64_t to)
{
    struct vfs_file *file = t->store->log.file;
    uint64_t off = from * TRIM_BLOCK_SIZE, len = (to - from) * TRIM_BLOCK_SIZE;
    if (len == 0)
        return TUF_OK;
    t->report->holes++;
    t->report->bytes_free += len;
    return file->ops->punch(file, off, len);
}

static tuf_status punch_dead(struct trim *t)
{
    uint64_t count = t->base_off / TRIM_BLOCK_SIZE, start = 0;
    tuf_status st = TUF_OK;
    for (uint64_t block = 0; st == TUF_OK && block < count; block++) {
        if (!trim_is_live(t, block))
            continue;
        st = punch_run(t, start, block);
        start = block + 1;
    }
    if (st == TUF_OK)
        st = punch_run(t, start, count);
    return st == TUF_OK ? tufi_log_sync(&t->store->log, 0) : st;
}

/* Asks with a range that holds nothing: behind the file's end. */
static tuf_status check_supported(const struct log *log)
{
    uint64_t size;
    tuf_status st = log->file->ops->size(log->file, &size);
    if (st < 0)
        return st;
    return log->file->ops->punch(log->file, align_up(size, TRIM_BLOCK_SIZE) + TRIM_BLOCK_SIZE,
                                 TRIM_BLOCK_SIZE);
}

static tuf_status trim(struct trim *t)
{
    tuf_status st = check_supported(&t->store->log);
    if (st == TUF_OK)
        st = tufi_trim_shorten(t);
    if (st != TUF_OK)
        return st;
    pthread_mutex_lock(&t->db->writer);
    st = tufi_db_checkpoint_locked(t->db);
    struct db_view newest = t->db->now;
    pthread_mutex_unlock(&t->db->writer);
    if (st == TUF_OK)
        st = choose_base(t, &newest);
    if (st != TUF_OK || t->base_off == 0)
        return st;
    st = open_base(t);
    if (st == TUF_OK)
        st = tufi_trim_mark(t);
    if (st == TUF_OK)
        st = note_base(t);
    return st == TUF_OK ? punch_dead(t) : st;
}

tuf_status tuf_db_trim(tuf_trim_report *report, tuf_db *db, const tuf_trim_options *opts)
{
    tufi_error_clear();
    tuf_trim_options options = TUF_TRIM_OPTIONS_INIT;
    tuf_trim_report own;
    tuf_status st = tufi_take_options(&options, sizeof(options), opts);
    if (st != TUF_OK)
        return st;
    bool idle = false;
    if (!atomic_compare_exchange_strong(&db->compacting, &idle, true))
        return TUF_EXISTS;
    struct trim t = { .db = db, .opts = &options, .report = report ? report : &own };
    memset(t.report, 0, sizeof(*t.report));
    t.store = tufi_store_acquire(db);
    st = tufi_log_writable(&t.store->log);
    if (st == TUF_OK)
        st = trim(&t);
    release(&t);
    atomic_store(&db->compacting, false);
    return st;
}
