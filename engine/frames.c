/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: tuf_db_log: walk the frames of the file from its beginning.
 */
#include "base/arith.h"
#include "engine/db.h"
#include "tuffet/log.h"

static tuf_log_kind kind_of(enum frame_kind kind)
{
    switch (kind) {
    case FRAME_COMMIT:
        return TUF_LOG_COMMIT;
    case FRAME_NODES:
        return TUF_LOG_NODES;
    case FRAME_CHECKPOINT:
        return TUF_LOG_CHECKPOINT;
    case FRAME_CHUNK:
    default:
        return TUF_LOG_CHUNK;
    }
}

tuf_status tuf_db_log(tuf_db *db, tuf_log_visitor *visitor, void *ctx)
{
    tufi_error_clear();
    TUF_AUTO(tufi_store_unref) struct store *store = tufi_store_acquire(db);
    struct log *log = &store->log;
    pthread_mutex_lock(&log->tail);
    uint64_t end = log->tail_off;
    pthread_mutex_unlock(&log->tail);
    tuf_status st = TUF_OK;
    uint64_t off = max_u64(SUPERBLOCK_SIZE, log->trim_off); /* INV-TR-1 */
    while (st == TUF_OK && off < end) {
        uint8_t head[FRAME_HEADER_SIZE];
        struct frame_header h;
        st = tufi_vfs_read_exact(log->file, head, sizeof(head), off);
        if (st < 0)
            return st;
        if (tufi_frame_decode(&h, head, off, log->super.uuid) != TUF_OK)
            return tufi_corrupt(off, "no valid frame where one must begin");
        tuf_log_entry entry = {
            .kind = kind_of(h.kind),
            .off = off,
            .size = tufi_frame_span(&h, log->super.sector_size),
            .commit = h.commit,
            .time_us = h.time_us,
            .update_seq = h.update_seq,
            .record_count = h.record_count,
        };
        st = visitor(&entry, ctx);
        off += entry.size;
    }
    return st;
}
