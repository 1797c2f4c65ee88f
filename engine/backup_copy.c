/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: copy the frames of a log, in runs, and verify each in the copy.
 *
 * Beside a writer the newest frame may be seen before all of it is there. A frame that is not whole is
 * the end, unless one behind it says that it had been synced: then it is looked at once more, and
 * then it is damage. That is what recovery does with it, too.
 *
 * INV-BAK-1: what the end of the copy covers was read back from the copy, with good checksums.
 */
#include <inttypes.h>

#include "base/arith.h"
#include "engine/backup.h"

#define RUN_SIZE ((uint64_t)8 << 20)

tuf_status tufi_backup_pass(struct log_end *end, const struct log *log, uint64_t file_size,
                            uint8_t *block)
{
    struct frame_header h;
    tuf_status st = tufi_log_read_header(&h, log, end->off);
    if (st != TUF_OK)
        return st;
    uint64_t start = h.off + FRAME_HEADER_SIZE;
    if (h.prev_crc != end->chain || start > file_size || h.payload_len > file_size - start)
        return TUF_NOT_FOUND;
    st = block ? tufi_log_skim_payload(log, &h, block) : TUF_OK;
    if (st != TUF_OK)
        return st;
    end->last = h;
    end->chain = h.header_crc;
    end->off += tufi_frame_span(&h, log->super.sector_size);
    return TUF_OK;
}

/* ---- files with holes (trim.c) ------------------------------------------------------------------- */

#define BLOCK_SIZE 4096u

struct newest {
    const struct log *log;
    struct checkpoint checkpoint;
    uint64_t off; /* 0: there is none */
    tuf_status st;
};

/* A torn one is none: the frame before it names another. */
static bool note_newest(const struct frame_header *h, void *ctx)
{
    struct newest *n = ctx;
    n->off = h->kind == FRAME_CHECKPOINT ? h->off : h->checkpoint_off;
    struct frame_header found;
    n->st = n->off > 0 ? tufi_log_read_checkpoint(&n->checkpoint, &found, n->log, n->off)
                       : TUF_NOT_FOUND;
    return n->st != TUF_NOT_FOUND || h->kind != FRAME_CHECKPOINT;
}

tuf_status tufi_backup_find_trim(uint64_t *out, const struct log *log)
{
    struct newest newest = { .log = log, .st = TUF_NOT_FOUND };
    uint64_t size;
    tuf_status st = log->file->ops->size(log->file, &size);
    if (st == TUF_OK)
        st = tufi_log_scan_back(log, size, note_newest, &newest);
    *out = st == TUF_OK && newest.st == TUF_OK ? newest.checkpoint.trim_off : 0;
    return st < 0 || newest.st == TUF_NOT_FOUND ? st : newest.st;
}

tuf_status tufi_backup_start(struct log_end *out, const struct log *log, uint64_t trim_off)
{
    struct frame_header h;
    *out = (struct log_end){ .off = max_u64(trim_off, SUPERBLOCK_SIZE) };
    if (trim_off == 0)
        return TUF_OK;
    tuf_status st = tufi_log_read_header(&h, log, trim_off);
    if (st == TUF_OK)
        out->chain = h.prev_crc;
    return st;
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
    return len == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0);
}

/* Writes the blocks of a piece that are not zero, in runs. */
static tuf_status write_data(struct backup *b, uint64_t off, size_t len)
{
    tuf_status st = TUF_OK;
    for (size_t pos = 0; st == TUF_OK && pos < len;) {
        size_t end = pos;
        while (end < len && !is_zero(b->block + end, min_size(BLOCK_SIZE, len - end)))
            end += min_size(BLOCK_SIZE, len - end);
        if (end > pos)
            st = tufi_vfs_write(b->to.file, b->block + pos, end - pos, off + pos);
        b->report->bytes_copied += end - pos;
        pos = end + min_size(BLOCK_SIZE, len - end);
    }
    return st;
}

tuf_status tufi_backup_copy_trimmed(struct backup *b)
{
    tuf_status st = b->to.file->ops->truncate(b->to.file, b->from_trim);
    for (uint64_t off = SUPERBLOCK_SIZE; st == TUF_OK && off < b->from_trim;) {
        size_t len = (size_t)min_u64(b->from_trim - off, LOG_SCAN_BLOCK_SIZE);
        st = tufi_log_read_padded(&b->from, b->block, len, off);
        if (st == TUF_OK)
            st = write_data(b, off, len);
        off += len;
        if (st == TUF_OK && b->opts->progress &&
            b->opts->progress(off, max_u64(b->from_size, off), b->opts->ctx))
            return TUF_STOPPED;
    }
    return st == TUF_OK ? tufi_backup_start(&b->end, &b->from, b->from_trim) : st;
}

/* ---- runs ---------------------------------------------------------------------------------------- */

/* The frames of one run, by their headers in the source. */
static tuf_status find_run(const struct backup *b, struct log_end *run)
{
    tuf_status st = TUF_OK;
    while (st == TUF_OK && run->off < b->stop && run->off - b->end.off < RUN_SIZE)
        st = tufi_backup_pass(run, &b->from, b->from_size, NULL);
    return st == TUF_NOT_FOUND ? TUF_OK : st;
}

static tuf_status copy_run(struct backup *b, uint64_t end)
{
    uint64_t start = b->end.off;
    uint64_t len = min_u64(end, b->from_size) - start; /* a last frame may lack its padding */
    tuf_status st = b->begun ? TUF_OK : tufi_backup_begin(b);
    b->begun = true;
    if (st == TUF_OK)
        st = tufi_vfs_copy(b->to.file, b->from.file, start, len);
    while (st == TUF_OK && b->end.off < end)
        st = tufi_backup_pass(&b->end, &b->to, end, b->block);
    b->report->bytes_copied += b->end.off - start;
    return st;
}

static bool note_durable(const struct frame_header *h, void *ctx)
{
    uint64_t *off = ctx;
    if (h->durable_off <= *off)
        return false;
    *off = UINT64_MAX;
    return true;
}

/* There is no whole frame at the end: whether one behind says that there was. */
static tuf_status judge_end(struct backup *b, bool *damaged_out)
{
    uint64_t mark = b->end.off;
    *damaged_out = false;
    if (b->end.off >= b->stop)
        return TUF_OK;
    tuf_status st = b->from.file->ops->size(b->from.file, &b->from_size);
    if (st == TUF_OK)
        st = tufi_log_scan_forward(&b->from, b->from_size, b->end.off, note_durable, &mark);
    *damaged_out = mark != b->end.off;
    return st;
}

static tuf_status copy_runs(struct backup *b)
{
    for (;;) {
        struct log_end run = b->end;
        tuf_status st = find_run(b, &run);
        if (st < 0 || run.off == b->end.off)
            return st;
        st = copy_run(b, run.off);
        if (st != TUF_OK)
            return st == TUF_NOT_FOUND ? TUF_OK : st;
        if (b->opts->progress && b->opts->progress(b->end.off, b->from_size, b->opts->ctx))
            return TUF_STOPPED;
    }
}

tuf_status tufi_backup_copy(struct backup *b)
{
    uint64_t looked_at = 0; /* where the end was judged before */
    for (;;) {
        tuf_status st = b->from.file->ops->size(b->from.file, &b->from_size);
        bool damaged = false;
        if (st == TUF_OK)
            st = copy_runs(b);
        if (st == TUF_OK)
            st = judge_end(b, &damaged);
        if (st != TUF_OK || !damaged)
            return st;
        if (looked_at == b->end.off)
            return tufi_corrupt(b->end.off, "a frame of the source that had been synced is damaged");
        looked_at = b->end.off;
    }
}
