/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: write the changed tree nodes and a checkpoint frame that holds the roots.
 *
 *   | NODES frame: header, node, node, ... | sync | CHECKPOINT frame: header, roots | sync
 *
 * INV-CK-1: the checkpoint frame is written only after the nodes it points at were synced, so a
 *           checkpoint that can be read can be used.
 * INV-CK-2: a checkpoint changes no document: the state it holds equals the replay of all commits
 *           before it.
 * INV-CK-3: an heir gets each checkpoint that is asked for: compaction changes trees (named values,
 *           settings, purges) without appending to the log.
 * INV-CK-4: the last checkpoint of an heir is synced together with its nodes. Until then the heir has not
 *           got its name, and who continues one compares the checksums of all nodes by sequence.
 *
 * It runs in the writer's thread and holds the writer lock, so commits wait; readers do not. See
 * docs/adr for the reasons.
 */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"
#include "base/crc32c.h"
#include "base/testhook.h"
#include "engine/db.h"

#define NODE_BUFFER_SIZE (1u << 20)

/* The NODES frame while it is written. */
struct node_sink {
    struct log *log;
    uint64_t start;     /* of the frame */
    uint64_t flushed;   /* bytes of payload written so far */
    struct buf pending; /* payload not yet written */
    uint32_t crc;       /* of the payload */
};

static tuf_status flush_nodes(struct node_sink *s)
{
    uint64_t off = s->start + FRAME_HEADER_SIZE + s->flushed;
    s->crc = tufi_crc32c(s->crc, s->pending.data, s->pending.len);
    tuf_status st = tufi_vfs_write(s->log->file, s->pending.data, s->pending.len, off);
    s->flushed += s->pending.len;
    tufi_buf_clear(&s->pending);
    return st;
}

static tuf_status append_node(void *ctx, tuf_slice encoded, uint64_t *off_out)
{
    struct node_sink *s = ctx;
    uint64_t off = s->start + FRAME_HEADER_SIZE + s->flushed + s->pending.len;
    buf_append_slice(&s->pending, encoded);
    if (s->pending.failed)
        return tufi_nomem();
    *off_out = off;
    return s->pending.len >= NODE_BUFFER_SIZE ? flush_nodes(s) : TUF_OK;
}

/* Completes the frame: header and padding around the payload that is already in place. */
static tuf_status finish_nodes(struct node_sink *s, const struct db_view *now)
{
    struct log *log = s->log;
    tuf_status st = flush_nodes(s);
    if (st < 0)
        return st;
    struct frame_header h = {
        .kind = FRAME_NODES,
        .off = s->start,
        .payload_len = s->flushed,
        .commit = now->commit,
        .durable_off = log->durable_off,
        .checkpoint_off = log->checkpoint_off,
        .time_us = log->vfs->wall_us(log->vfs),
        .update_seq = now->update_seq,
        .prev_crc = log->tail_crc,
        .payload_crc = s->crc,
    };
    uint8_t head[FRAME_HEADER_SIZE];
    tufi_frame_encode(head, &h, log->super.uuid);
    st = tufi_vfs_write(log->file, head, sizeof(head), s->start);
    uint64_t span = tufi_frame_span(&h, log->super.sector_size);
    uint64_t used = FRAME_HEADER_SIZE + h.payload_len;
    if (st == TUF_OK && span > used) {
        static const uint8_t zeros[4096];
        st = tufi_vfs_write(log->file, zeros, (size_t)(span - used), s->start + used);
    }
    if (st < 0)
        return st;
    log->tail_off += span;
    log->tail_crc = h.header_crc;
    log->filled_end = max_u64(log->filled_end, log->tail_off);
    return TUF_OK;
}

static tuf_status write_nodes(struct btree_txn *txn, struct log *log, const struct db_view *now)
{
    TUF_AUTO(tufi_buf_release) struct buf pending = BUF_INIT;
    struct node_sink sink = { .log = log, .start = log->tail_off, .pending = pending };
    tuf_status st = tufi_btree_txn_write(txn, append_node, &sink);
    if (st == TUF_OK)
        st = finish_nodes(&sink, now);
    pending = sink.pending; /* released on return */
    return tufi_fold(st);
}

static void describe_root(struct checkpoint_root *out, const struct btree *tree)
{
    tuf_assert(tree->root.mem == NULL); /* INV-CK-1: nothing dirty is left */
    *out = (struct checkpoint_root){
        .off = tree->root.off,
        .len = tree->root.len,
        .crc = tree->root.crc,
        .height = tree->height,
        .entry_count = tree->entry_count,
    };
    static_assert(sizeof(out->reduction) == sizeof(tree->total), "the same slots");
    memcpy(out->reduction, tree->total.v, sizeof(out->reduction));
}

static tuf_status write_roots(struct btree_txn *txn, tuf_db *db, struct db_view *now)
{
    struct log *log = &db->store->log;
    struct checkpoint ck = {
        .update_seq = now->update_seq,
        .purge_seq = now->purge_seq,
        .commit = db->unfinished ? CHECKPOINT_UNFINISHED : now->commit,
        .prev_checkpoint_off = log->checkpoint_off,
        .trim_off = log->trim_off,
    };
    for (unsigned kind = 0; kind < TREE_KINDS; kind++)
        describe_root(&ck.roots[kind], tufi_btree_txn_tree(txn, kind));
    uint8_t payload[CHECKPOINT_SIZE_MAX];
    size_t len = tufi_checkpoint_encode(payload, &ck);
    TUF_AUTO(tufi_buf_release) struct buf frame = BUF_INIT;
    tufi_buf_append_zero(&frame, FRAME_HEADER_SIZE);
    tufi_buf_append(&frame, payload, len);
    if (frame.failed)
        return tufi_nomem();
    struct frame_header h = {
        .kind = FRAME_CHECKPOINT,
        .commit = now->commit,
        .update_seq = now->update_seq,
    };
    uint64_t off = log->tail_off;
    tuf_status st = tufi_log_append(log, &frame, &h);
    if (st < 0)
        return st;
    now->checkpoint_off = off;
    now->checkpoint_us = log->vfs->wall_us(log->vfs);
    now->size_file = log->tail_off;
    return TUF_OK;
}

static tuf_status sync_tail(struct log *log)
{
    pthread_mutex_lock(&log->tail);
    uint64_t upto = log->tail_off;
    pthread_mutex_unlock(&log->tail);
    return tufi_log_sync(log, upto);
}

static tuf_status write_all(struct btree_txn *txn, tuf_db *db, struct db_view *now)
{
    struct log *log = &db->store->log;
    pthread_mutex_lock(&log->tail);
    tuf_status st = write_nodes(txn, log, now);
    pthread_mutex_unlock(&log->tail);
    if (st == TUF_OK && !db->sync_once && !tufi_planted("skip_checkpoint_sync") &&
        !tufi_planted("header_before_nodes"))
        st = sync_tail(log);
    if (st < 0)
        return st;
    pthread_mutex_lock(&log->tail);
    st = write_roots(txn, db, now);
    pthread_mutex_unlock(&log->tail);
    return st < 0 ? st : sync_tail(log);
}

tuf_status tufi_db_checkpoint_locked(tuf_db *db)
{
    struct log *log = &db->store->log;
    tuf_status st = tufi_log_writable(log);
    if (st < 0)
        return st;
    if (db->now.commit == 0)
        return TUF_OK;
    if (!db->is_heir && log->checkpoint_end == log->tail_off && log->trim_noted == log->trim_off)
        return TUF_OK; /* nothing is new since the last one; INV-CK-3 */
    struct db_view now = db->now;
    TUF_AUTOFREE struct db_view *view = tufi_alloc(sizeof(*view));
    struct btree_txn *txn = NULL;
    st = view ? tufi_btree_txn_begin(&txn, db->store->env) : tufi_nomem();
    if (st < 0)
        return st;
    st = write_all(txn, db, &now);
    if (st < 0) {
        tufi_btree_txn_abort(&txn);
        return st;
    }
    pthread_mutex_lock(&log->tail);
    log->checkpoint_off = now.checkpoint_off;
    log->checkpoint_end = log->tail_off;
    log->trim_noted = log->trim_off;
    pthread_mutex_unlock(&log->tail);
    db->now = now;
    *view = now;
    tufi_btree_txn_publish(&txn, tufi_steal(view), tufi_free);
    return TUF_OK;
}

bool tufi_db_checkpoint_due(tuf_db *db)
{
    struct log *log = &db->store->log;
    if (log->readonly || atomic_load_explicit(&log->poisoned, memory_order_relaxed))
        return false;
    pthread_mutex_lock(&log->tail);
    uint64_t logged = log->tail_off - log->checkpoint_end;
    bool waiting = log->tail_off < db->checkpoint_retry_off; /* the last attempt failed */
    pthread_mutex_unlock(&log->tail);
    if (waiting)
        return false;
    return logged > db->checkpoint_log_size ||
           tufi_btree_dirty_size(db->store->env) > db->checkpoint_dirty_size;
}
