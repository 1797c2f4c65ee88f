/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: read the old file: records through a window, damage, and how much space a copy will take.
 *
 * Rows come in the order of their sequences, and so do the records in the file, with garbage between
 * them. While that holds the window grows; when places jump about it shrinks to the record.
 *
 * INV-SR-1: no byte is used that its record's checksum does not cover.
 */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "compactor/compaction.h"

#define WINDOW_SIZE_MIN (8u << 10)
#define WINDOW_SIZE_MAX (256u << 10)
#define QUARANTINE_SIZE_MAX (64u << 20)
/* An entry in both trees and the headers around it, about. */
#define ROW_SIZE 192u
#define SPACE_RESERVE_MAX (64u << 20)

static bool holds(const struct window *w, uint64_t off, uint64_t len)
{
    return off >= w->off && off - w->off <= w->bytes.len && len <= w->bytes.len - (off - w->off);
}

/* Reads a window that begins with the record. */
static tuf_status move_window(struct compaction *k, uint64_t off, size_t len)
{
    struct window *w = &k->window;
    const struct log *log = &k->source->store->log;
    bool near = w->bytes.len > 0 && off >= w->off && off - w->off <= 2 * (uint64_t)WINDOW_SIZE_MAX;
    if (near)
        w->size = min_size(max_size(w->size * 2, WINDOW_SIZE_MIN), WINDOW_SIZE_MAX);
    else
        w->size = w->size / 4;
    size_t want = max_size(len, w->size);
    tufi_buf_clear(&w->bytes);
    if (!tufi_buf_reserve(&w->bytes, want))
        return tufi_nomem();
    size_t got = 0;
    tuf_status st = log->file->ops->pread(log->file, w->bytes.data, want, off, &got);
    if (st < 0)
        return st;
    w->off = off;
    w->bytes.len = got;
    return TUF_OK;
}

tuf_status tufi_source_read(struct compaction *k, struct rec_loc loc, enum record_type type,
                            tuf_slice *payload_out)
{
    struct window *w = &k->window;
    const struct log *log = &k->source->store->log;
    if (loc.off < SUPERBLOCK_SIZE || loc.len > RECORD_SIZE_MAX)
        return tufi_corrupt(loc.off, "impossible place of a record");
    size_t len = RECORD_HEADER_SIZE + (size_t)loc.len;
    tuf_status st = holds(w, loc.off, len) ? TUF_OK : move_window(k, loc.off, len);
    if (st < 0)
        return st;
    if (!holds(w, loc.off, len))
        return tufi_corrupt(loc.off, "the file ends within a record");
    const uint8_t *bytes = w->bytes.data + (loc.off - w->off);
    struct record_header h;
    st = tufi_record_decode(&h, bytes, loc.off);
    tuf_slice payload = tuf_slice_of(bytes + RECORD_HEADER_SIZE, loc.len);
    if (st == TUF_OK)
        st = tufi_record_verify(&h, payload, loc.off, log->salt); /* INV-SR-1 */
    if (st == TUF_OK && h.type != type)
        st = tufi_corrupt(loc.off, "record has type %d instead of %d", (int)h.type, (int)type);
    if (st == TUF_OK)
        *payload_out = payload;
    return st;
}

/* ---- damage -------------------------------------------------------------------------------------- */

/* Keeps the bytes that should have been a record, as far as they can be read. */
static tuf_status keep_raw(struct compaction *k, struct rec_loc loc, struct rec_loc *out)
{
    TUF_AUTO(tufi_buf_release) struct buf raw = BUF_INIT;
    const struct log *log = &k->source->store->log;
    size_t len = (size_t)min_u64((uint64_t)loc.len + RECORD_HEADER_SIZE, QUARANTINE_SIZE_MAX);
    if (!tufi_buf_reserve(&raw, len))
        return tufi_nomem();
    if (log->file->ops->pread(log->file, raw.data, len, loc.off, &raw.len) < 0)
        return TUF_OK; /* the device does not give them */
    return tufi_heir_put(k, RECORD_CHUNK, buf_slice(&raw), out);
}

tuf_status tufi_note_damage(struct compaction *k, tuf_status st, tuf_slice id, struct rec_loc loc)
{
    bool unreadable = st == TUF_E_IO && k->opts->flags & TUF_COMPACT_PAST_IO_ERRORS;
    if (st != TUF_E_CORRUPT && !unreadable)
        return st;
    tuf_error error = *tuf_last_error();
    k->report->damaged_count++;
    tuf_finding finding = { .file_off = error.file_off, .id = id, .text = error.text };
    if (k->opts->found)
        k->opts->found(&finding, k->opts->ctx);
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    uint8_t key[9] = { LOCAL_KEY_QUARANTINE };
    struct quarantined row = { .id = id, .text = tuf_str(error.text) };
    put_be64(key + 1, loc.off > 0 ? loc.off : error.file_off);
    st = loc.off > 0 ? keep_raw(k, loc, &row.raw) : TUF_OK;
    if (st < 0)
        return st;
    tufi_quarantined_encode(&value, &row);
    st = buf_status(&value);
    return st < 0 ? st
                  : tufi_btree_put(k->txn, TREE_LOCAL, tuf_slice_of(key, sizeof(key)),
                                   buf_slice(&value));
}

/* ---- space --------------------------------------------------------------------------------------- */

/* Bytes that the heir will have, about. */
static uint64_t expected_size(struct compaction *k)
{
    const struct btree *by_id = snapshot_tree(k->source, TREE_BY_ID);
    uint64_t active = by_id->total.v[SIZE_ACTIVE] + by_id->entry_count * ROW_SIZE;
    /* Shared attachments count once for each document: it is not more than there is. */
    return min_u64(active, snapshot_view(k->source)->size_file) + SUPERBLOCK_SIZE;
}

tuf_status tufi_check_space(struct compaction *k)
{
    const struct log *log = &k->heir->store->log;
    uint64_t space = 0, need = expected_size(k);
    tuf_status st = log->vfs->space(log->vfs, log->path, &space);
    if (st < 0)
        return st;
    need -= min_u64(need, log->tail_off);
    uint64_t reserve = min_u64(need / 8, SPACE_RESERVE_MAX);
    if (space < need + reserve)
        return tufi_fail(TUF_E_FULL,
                         "compaction needs about %" PRIu64 " bytes and %" PRIu64 " are free",
                         need + reserve, space);
    return TUF_OK;
}
