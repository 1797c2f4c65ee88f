/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: write the new file: records in large frames, trees at checkpoints.
 *
 * INV-HR-1: a checkpoint's note (struct heirinfo) names a state of the source that is durable, and
 *           says no more than what the checkpoint's trees hold.
 * INV-HR-2: a checkpoint in the middle of a round says that it is unfinished: a file that was cut
 *           there later does not open as if those were all documents (engine/recover.c).
 * INV-HR-3: frames begin on blocks, and what is before a chunk's bytes in a frame of its own has the same
 *           length in every file: so whole blocks of it are the same in the old file and in the new.
 * Not here: whether an heir that was left behind can be continued (engine/heir.c).
 */
#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"
#include "base/testhook.h"
#include "compactor/compaction.h"
#include "compactor/sorter.h"

#define FRAME_SIZE (1u << 20)
#define DIRTY_SIZE_MAX (64u << 20)
/* What a kill may cost: bytes of the heir that have to be copied again. */
#define RESUME_SIZE (64u << 20)
#define SPACE_CHECK_SIZE (64u << 20)
#define SPACE_LEFT_MIN (8u << 20)
#define PUSH_SIZE (4u << 20)
#define PAUSE_STEPS 1024

static void start_frame(struct compaction *k)
{
    tufi_buf_clear(&k->frame);
    tufi_buf_append_zero(&k->frame, FRAME_HEADER_SIZE);
    k->frame_records = 0;
}

static tuf_status begin(struct compaction *k)
{
    uint64_t resume = k->opts->resume_size > 0 ? k->opts->resume_size : RESUME_SIZE;
    k->now = k->heir->now;
    k->next_resume_off = k->heir->store->log.tail_off + resume;
    k->next_space_off = k->heir->store->log.tail_off + SPACE_CHECK_SIZE;
    k->pushed_off = k->heir->store->log.tail_off;
    start_frame(k);
    tuf_status st = buf_status(&k->frame);
    return st < 0 ? st : tufi_btree_txn_begin(&k->txn, k->heir->store->env);
}

tuf_status tufi_heir_start(struct compaction *k)
{
    TUF_AUTO(tufi_store_unref) struct store *store = tufi_store_acquire(k->db);
    k->heir_path = tufi_compact_path(store->log.path, "");
    k->runs_path = tufi_compact_path(store->log.path, ".runs");
    if (!k->heir_path || !k->runs_path)
        return tufi_nomem();
    tuf_status st = tufi_heir_open(&k->heir, &k->note, k->heir_path, k->db);
    if (st < 0)
        return st;
    k->continued = k->note.copied_seq > 0;
    memcpy(k->note.source_uuid, store->log.super.uuid, sizeof(k->note.source_uuid));
    return begin(k);
}

tuf_status tufi_heir_restart(struct compaction *k)
{
    const struct tuf_vfs *vfs = k->heir->store->log.vfs;
    tufi_btree_bulk_free(&k->by_seq);
    tufi_sorter_free(&k->by_id);
    tufi_attmap_release(&k->atts);
    tufi_btree_txn_abort(&k->txn);
    tufi_db_free_handle(&k->heir);
    tuf_status st = vfs->unlink(vfs, k->heir_path);
    tufi_free(tufi_steal(k->heir_path));
    tufi_free(tufi_steal(k->runs_path));
    return st < 0 ? st : tufi_heir_start(k);
}

void tufi_heir_end(struct compaction *k, bool keep)
{
    if (k->txn)
        tufi_btree_txn_abort(&k->txn);
    if (!k->heir)
        return;
    const struct tuf_vfs *vfs = k->heir->store->log.vfs;
    tufi_db_free_handle(&k->heir);
    tuf_error error = *tuf_last_error(); /* of what made it fail: worth more than this */
    if (!keep && vfs->unlink(vfs, k->heir_path) < 0)
        tufi_error_restore(&error); /* the next opening removes it */
}

/* ---- frames --------------------------------------------------------------------------------------- */

/* Now and then: is there room left for others, and does the device keep up? */
static tuf_status look_around(struct compaction *k)
{
    struct log *log = &k->heir->store->log;
    if (log->tail_off - k->pushed_off >= PUSH_SIZE) {
        log->file->ops->push(log->file, k->pushed_off, log->tail_off - k->pushed_off);
        k->pushed_off = log->tail_off;
    }
    if (log->tail_off < k->next_space_off)
        return TUF_OK;
    k->next_space_off = log->tail_off + SPACE_CHECK_SIZE;
    uint64_t space = 0;
    tuf_status st = log->vfs->space(log->vfs, log->path, &space);
    if (st == TUF_OK && space < SPACE_LEFT_MIN)
        return tufi_fail(TUF_E_FULL, "compaction leaves the last %llu bytes to others",
                         (unsigned long long)space);
    return st;
}

/* The caller may sleep, and may have had enough: which is noticed between two documents or chunks.
 * Not while writers wait for us. */
static void pace_caller(struct compaction *k, uint64_t bytes)
{
    if (k->opts->pace && !k->stopped && !atomic_load(&k->db->store->pace.on))
        k->stopped = k->opts->pace(bytes, k->opts->ctx);
}

static tuf_status append_frame(struct compaction *k, struct buf *frame, enum frame_kind kind,
                               uint32_t record_count)
{
    struct log *log = &k->heir->store->log;
    struct frame_header h = {
        .kind = kind,
        .commit = k->now.commit,
        .update_seq = k->now.update_seq,
        .record_count = record_count,
    };
    size_t size = frame->len;
    pthread_mutex_lock(&log->tail);
    tuf_status st = tufi_log_append(log, frame, &h);
    pthread_mutex_unlock(&log->tail);
    if (st == TUF_OK)
        st = look_around(k);
    if (st == TUF_OK)
        pace_caller(k, size);
    return st;
}

static tuf_status flush_frame(struct compaction *k)
{
    if (k->frame_records == 0)
        return TUF_OK;
    tuf_status st = append_frame(k, &k->frame, FRAME_CHUNK, k->frame_records);
    start_frame(k);
    return st < 0 ? st : buf_status(&k->frame);
}

size_t tufi_heir_open_record(struct compaction *k)
{
    size_t pos = k->frame.len;
    tufi_buf_append_zero(&k->frame, RECORD_HEADER_SIZE);
    return pos;
}

tuf_status tufi_heir_close_record(struct compaction *k, size_t pos, enum record_type type,
                                  struct rec_loc *out)
{
    const struct log *log = &k->heir->store->log;
    if (k->frame.failed)
        return tufi_nomem();
    size_t len = k->frame.len - pos - RECORD_HEADER_SIZE;
    if (len > RECORD_SIZE_MAX)
        return tufi_fail(TUF_E_LIMIT, "record of %zu bytes is too large", len);
    *out = (struct rec_loc){ log->tail_off + pos, (uint32_t)len };
    tufi_record_encode(k->frame.data + pos, type,
                       tuf_slice_of(k->frame.data + pos + RECORD_HEADER_SIZE, len), out->off,
                       log->salt);
    k->frame_records++;
    tufi_pace_grant(&k->db->store->pace, len / 2);
    return k->frame.len >= FRAME_SIZE ? flush_frame(k) : TUF_OK;
}

tuf_status tufi_heir_put(struct compaction *k, enum record_type type, tuf_slice payload,
                         struct rec_loc *out)
{
    size_t pos = tufi_heir_open_record(k);
    buf_append_slice(&k->frame, payload);
    return tufi_heir_close_record(k, pos, type, out);
}

/* A chunk in a frame of its own begins so many bytes behind a block, in any file: INV-HR-3. */
#define CLONE_SIZE_MIN (64u << 10)

static bool can_share(const struct compaction *k, tuf_slice payload, const struct rec_loc *same)
{
    const struct log *log = &k->heir->store->log;
    return same && payload.len >= CLONE_SIZE_MIN && log->file->ops->clone && !log->no_clone &&
           log->super.sector_size % VFS_CLONE_ALIGN == 0 &&
           same->off % VFS_CLONE_ALIGN == FRAME_HEADER_SIZE;
}

tuf_status tufi_heir_put_chunk(struct compaction *k, tuf_slice payload, const struct rec_loc *same,
                               struct rec_loc *out)
{
    struct log *log = &k->heir->store->log;
    if (!can_share(k, payload, same))
        return tufi_heir_put(k, RECORD_CHUNK, payload, out);
    tuf_status st = flush_frame(k);
    if (st == TUF_OK) {
        log->share_from = k->source->store->log.file;
        log->share_off = same->off - FRAME_HEADER_SIZE;
        st = tufi_heir_put(k, RECORD_CHUNK, payload, out);
        if (st == TUF_OK)
            st = flush_frame(k);
        log->share_from = NULL;
    }
    k->report->bytes_shared = log->shared_size;
    return st;
}

tuf_status tufi_heir_write_nodes(void *ctx, tuf_slice nodes, uint64_t *off_out)
{
    struct compaction *k = ctx;
    TUF_AUTO(tufi_buf_release) struct buf frame = BUF_INIT;
    tuf_status st = flush_frame(k); /* the places of its records are given out already */
    if (st < 0)
        return st;
    uint32_t sector = k->heir->store->log.super.sector_size;
    if (!tufi_buf_reserve(&frame, FRAME_HEADER_SIZE + nodes.len + sector))
        return tufi_nomem();
    tufi_buf_append_zero(&frame, FRAME_HEADER_SIZE);
    buf_append_slice(&frame, nodes);
    *off_out = log_next_payload(&k->heir->store->log);
    return append_frame(k, &frame, FRAME_NODES, 0);
}

/* ---- checkpoints ---------------------------------------------------------------------------------- */

/* INV-HR-1. */
static tuf_status put_note(struct compaction *k)
{
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    k->now.size_compacted = k->note.size = k->heir->store->log.tail_off;
    tufi_heirinfo_encode(&value, &k->note);
    tuf_status st = buf_status(&value);
    return st < 0 ? st
                  : tufi_btree_put(k->txn, TREE_LOCAL, tuf_str(HEIR_KEY), buf_slice(&value));
}

/* Makes the working trees the heir's newest version. */
static tuf_status publish(struct compaction *k)
{
    struct db_view *view = tufi_alloc(sizeof(*view));
    if (!view)
        return tufi_nomem();
    k->now.size_file = k->heir->store->log.tail_off;
    k->heir->now = *view = k->now;
    tufi_btree_txn_publish(&k->txn, view, tufi_free);
    return TUF_OK;
}

static tuf_status write_checkpoint(struct compaction *k, bool finished)
{
    tuf_db *heir = k->heir;
    tuf_status st = flush_frame(k);
    if (st == TUF_OK && k->by_seq) /* what there is of it, so that the copy can be continued */
        st = tufi_btree_bulk_tree(tufi_btree_txn_tree(k->txn, TREE_BY_SEQ), k->by_seq);
    if (st == TUF_OK)
        st = put_note(k);
    if (st != TUF_OK)
        return st;
    pthread_mutex_lock(&heir->writer);
    heir->unfinished = !finished;
    st = publish(k);
    if (st == TUF_OK)
        st = tufi_db_checkpoint_locked(heir);
    k->now = heir->now;
    pthread_mutex_unlock(&heir->writer);
    uint64_t resume = k->opts->resume_size > 0 ? k->opts->resume_size : RESUME_SIZE;
    k->next_resume_off = heir->store->log.tail_off + resume;
    k->pushed_off = heir->store->log.tail_off;
    return st < 0 ? st : tufi_btree_txn_begin(&k->txn, heir->store->env);
}

tuf_status tufi_heir_checkpoint(struct compaction *k)
{
    return write_checkpoint(k, true);
}

tuf_status tufi_heir_pause(struct compaction *k)
{
    if (k->heir->store->log.tail_off + k->frame.len > k->next_resume_off + FRAME_HEADER_SIZE)
        return write_checkpoint(k, false);
    if (k->by_seq || k->steps_done % PAUSE_STEPS != 0)
        return TUF_OK;
    if (tufi_btree_dirty_size(k->heir->store->env) > DIRTY_SIZE_MAX)
        return write_checkpoint(k, false);
    tuf_status st = publish(k); /* only then is the size of changed nodes known */
    return st < 0 ? st : tufi_btree_txn_begin(&k->txn, k->heir->store->env);
}
