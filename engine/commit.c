/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: one commit: build a frame of records, apply them to the trees, write, sync, publish.
 *
 * INV-CO-1: readers see a durable commit only after its sync succeeded.
 * INV-CO-2: a commit that fails before its sync leaves no trace; one whose sync fails poisons the
 *           log, because nobody knows what is on the disk.
 *
 * Not here: which records an edit needs (place.c); how callers are grouped (group.c).
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "base/testhook.h"
#include "engine/db.h"

tuf_status tufi_commit_begin(struct commit *c, tuf_db *db)
{
    *c = (struct commit){ .db = db };
    pthread_mutex_lock(&db->writer);
    pthread_mutex_lock(&db->store->log.tail);
    c->now = db->now;
    tufi_buf_clear(&db->group);
    tufi_buf_append_zero(&db->group, FRAME_HEADER_SIZE);
    tuf_status st = buf_status(&db->group);
    if (st == TUF_OK)
        st = tufi_log_writable(&db->store->log);
    if (st == TUF_OK)
        st = tufi_btree_txn_begin(&c->txn, db->store->env);
    if (st < 0)
        tufi_commit_abort(c);
    return st;
}

void tufi_commit_abort(struct commit *c)
{
    if (c->txn)
        tufi_btree_txn_abort(&c->txn);
    pthread_mutex_unlock(&c->db->store->log.tail);
    pthread_mutex_unlock(&c->db->writer);
}

tuf_status tufi_commit_put(struct commit *c, enum record_type type, tuf_slice payload,
                           struct rec_loc *loc_out)
{
    if (payload.len > RECORD_SIZE_MAX)
        return tufi_fail(TUF_E_LIMIT, "record of %zu bytes is too large", payload.len);
    struct rec_loc loc = tufi_log_put_record(&c->db->store->log, &c->db->group, type, payload);
    c->record_count++;
    if (loc_out)
        *loc_out = loc;
    return buf_status(&c->db->group);
}

size_t tufi_commit_open_record(struct commit *c)
{
    size_t pos = c->db->group.len;
    tufi_buf_append_zero(&c->db->group, RECORD_HEADER_SIZE);
    return pos;
}

tuf_status tufi_commit_close_record(struct commit *c, size_t pos, enum record_type type,
                                    struct rec_loc *loc_out)
{
    struct buf *group = &c->db->group;
    if (group->failed)
        return tufi_nomem();
    size_t len = group->len - pos - RECORD_HEADER_SIZE;
    if (len > RECORD_SIZE_MAX)
        return tufi_fail(TUF_E_LIMIT, "record of %zu bytes is too large", len);
    *loc_out = (struct rec_loc){ c->db->store->log.tail_off + pos, (uint32_t)len };
    tufi_record_encode(group->data + pos, type,
                       tuf_slice_of(group->data + pos + RECORD_HEADER_SIZE, len), loc_out->off,
                       c->db->store->log.salt);
    c->record_count++;
    return TUF_OK;
}

static void publish(struct commit *c, struct db_view *view)
{
    tuf_db *db = c->db;
    db->now = c->now;
    *view = c->now;
    tufi_btree_txn_publish(&c->txn, view, tufi_free);
    pthread_mutex_lock(&db->wait);
    db->visible_seq = c->now.update_seq;
    pthread_cond_broadcast(&db->wait_changed);
    pthread_mutex_unlock(&db->wait);
}

/* Outside all locks: a listener may take its own. */
static void tell_listener(tuf_db *db)
{
    pthread_mutex_lock(&db->wait);
    tuf_commit_listener *listener = db->listener;
    void *ctx = db->listener_ctx;
    uint64_t seq = db->visible_seq;
    pthread_mutex_unlock(&db->wait);
    if (listener)
        listener(seq, ctx);
}

static tuf_status write_frame(struct commit *c)
{
    struct frame_header h = {
        .kind = FRAME_COMMIT,
        .commit = c->now.commit + 1,
        .update_seq = c->now.update_seq,
        .record_count = c->record_count,
    };
    tuf_status st = tufi_log_append(&c->db->store->log, &c->db->group, &h);
    if (st < 0)
        return st;
    c->now.commit = h.commit;
    c->now.size_file = c->db->store->log.tail_off;
    return TUF_OK;
}

/* A frame of unusual size should not keep its memory for ever. */
#define GROUP_KEEP_SIZE (8u << 20)

static void end(struct commit *c)
{
    tuf_db *db = c->db;
    /* A failed checkpoint has poisoned the log or found no room; the commit itself is safe. */
    if (tufi_db_checkpoint_due(db) && tufi_db_checkpoint_locked(db) < 0) {
        db->checkpoint_retry_off = db->store->log.tail_off + db->checkpoint_log_size / 8;
        tufi_error_clear();
    }
    if (db->group.cap > GROUP_KEEP_SIZE)
        tufi_buf_release(&db->group);
    pthread_mutex_unlock(&db->writer);
    tell_listener(db);
}

tuf_status tufi_commit_finish(struct commit *c, bool durable)
{
    tuf_db *db = c->db;
    tuf_assert(c->record_count > 0);
    struct db_view *view = tufi_alloc(sizeof(*view));
    tuf_status st = view ? write_frame(c) : tufi_nomem();
    if (st < 0) {
        tufi_free(view);
        tufi_commit_abort(c);
        return st;
    }
    uint64_t upto = db->store->log.tail_off;
    pthread_mutex_unlock(&db->store->log.tail);
    if (durable && !tufi_planted("skip_commit_sync") && !tufi_planted("ack_before_sync"))
        st = tufi_log_sync(&db->store->log, upto);
    if (st < 0) { /* INV-CO-2 */
        tufi_free(view);
        tufi_btree_txn_abort(&c->txn);
        pthread_mutex_unlock(&db->writer);
        return st;
    }
    publish(c, view); /* INV-CO-1 */
    if (tufi_planted("skip_commit_sync") || tufi_planted("ack_before_sync")) {
        /* Pretend: the tests must notice that the bytes are not there. */
        pthread_mutex_lock(&db->store->log.tail);
        db->store->log.durable_off = upto;
        pthread_mutex_unlock(&db->store->log.tail);
    }
    end(c);
    return TUF_OK;
}
