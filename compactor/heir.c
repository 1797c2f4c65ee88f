/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: write the new file: records in large frames, trees at checkpoints.
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "compactor/compaction.h"

#define FRAME_SIZE (1u << 20)
#define DIRTY_SIZE_MAX (128u << 20)
#define PAUSE_STEPS 4096

static void start_frame(struct compaction *k)
{
    tufi_buf_clear(&k->frame);
    tufi_buf_append_zero(&k->frame, FRAME_HEADER_SIZE);
    k->frame_records = 0;
}

tuf_status tufi_heir_open(struct compaction *k)
{
    TUF_AUTO(tufi_store_unref) struct store *store = tufi_store_acquire(k->db);
    k->heir_path = tufi_compact_path(store->log.path);
    if (!k->heir_path)
        return tufi_nomem();
    tuf_status st = store->log.vfs->unlink(store->log.vfs, k->heir_path);
    if (st < 0)
        return st;
    st = tufi_fold(tufi_db_open_heir(&k->heir, k->heir_path, k->db));
    if (st == TUF_OK)
        st = tufi_btree_txn_begin(&k->txn, k->heir->store->env);
    start_frame(k);
    return st < 0 ? st : buf_status(&k->frame);
}

void tufi_heir_discard(struct compaction *k)
{
    if (k->txn)
        tufi_btree_txn_abort(&k->txn);
    if (!k->heir)
        return;
    const struct tuf_vfs *vfs = k->heir->store->log.vfs;
    tufi_db_free_handle(&k->heir);
    tuf_error error = *tuf_last_error(); /* of what made it fail: worth more than this */
    if (vfs->unlink(vfs, k->heir_path) < 0)
        tufi_error_restore(&error); /* the next opening removes it */
}

static tuf_status flush_frame(struct compaction *k)
{
    struct log *log = &k->heir->store->log;
    if (k->frame_records == 0)
        return TUF_OK;
    struct frame_header h = {
        .kind = FRAME_CHUNK,
        .commit = k->now.commit,
        .update_seq = k->now.update_seq,
        .record_count = k->frame_records,
    };
    pthread_mutex_lock(&log->tail);
    tuf_status st = tufi_log_append(log, &k->frame, &h);
    pthread_mutex_unlock(&log->tail);
    start_frame(k);
    return st < 0 ? st : buf_status(&k->frame);
}

tuf_status tufi_heir_put(struct compaction *k, enum record_type type, tuf_slice payload,
                         struct rec_loc *out)
{
    if (payload.len > RECORD_SIZE_MAX)
        return tufi_fail(TUF_E_LIMIT, "record of %zu bytes is too large", payload.len);
    *out = tufi_log_put_record(&k->heir->store->log, &k->frame, type, payload);
    k->frame_records++;
    if (k->frame.failed)
        return tufi_nomem();
    return k->frame.len >= FRAME_SIZE ? flush_frame(k) : TUF_OK;
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

tuf_status tufi_heir_checkpoint(struct compaction *k)
{
    tuf_db *heir = k->heir;
    tuf_status st = flush_frame(k);
    if (st < 0)
        return st;
    pthread_mutex_lock(&heir->writer);
    st = publish(k);
    if (st == TUF_OK)
        st = tufi_db_checkpoint_locked(heir);
    k->now = heir->now;
    pthread_mutex_unlock(&heir->writer);
    return st < 0 ? st : tufi_btree_txn_begin(&k->txn, heir->store->env);
}

/* The random order in which ids arrive would dirty most of the tree again after each checkpoint, so
 * there are few: the memory spent on dirty nodes buys less writing. */
tuf_status tufi_heir_pause(struct compaction *k)
{
    if (k->steps_done % PAUSE_STEPS != 0)
        return TUF_OK;
    if (tufi_btree_dirty_size(k->heir->store->env) > DIRTY_SIZE_MAX)
        return tufi_heir_checkpoint(k);
    tuf_status st = publish(k);
    return st < 0 ? st : tufi_btree_txn_begin(&k->txn, k->heir->store->env);
}
