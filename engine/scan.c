/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: look for valid frame headers sector by sector, from the end of the file or towards it, and
 * read frames at known places, where a torn one is none.
 *
 * Not here: what they mean (recover.c, backup.c, trim.c).
 */
#include "base/alloc.h"
#include "base/arith.h"
#include "base/crc32c.h"
#include "engine/db.h"

tuf_status tufi_log_read_padded(const struct log *log, uint8_t *buf, size_t len, uint64_t off)
{
    size_t got = 0;
    tuf_status st = log->file->ops->pread(log->file, buf, len, off, &got);
    if (st == TUF_OK && got < len)
        memset(buf + got, 0, len - got);
    return st;
}

tuf_status tufi_log_read_header(struct frame_header *out, const struct log *log, uint64_t off)
{
    uint8_t head[FRAME_HEADER_SIZE];
    tuf_status st = tufi_log_read_padded(log, head, sizeof(head), off);
    return st < 0 ? st : tufi_frame_decode(out, head, off, log->super.uuid);
}

tuf_status tufi_log_skim_payload(const struct log *log, const struct frame_header *h,
                                 uint8_t *block)
{
    uint64_t off = h->off + FRAME_HEADER_SIZE;
    uint32_t crc = 0;
    for (uint64_t left = h->payload_len; left > 0;) {
        size_t len = (size_t)min_u64(left, LOG_SCAN_BLOCK_SIZE);
        tuf_status st = tufi_log_read_padded(log, block, len, off);
        if (st < 0)
            return st;
        crc = tufi_crc32c(crc, block, len);
        off += len;
        left -= len;
    }
    return crc == h->payload_crc ? TUF_OK : TUF_NOT_FOUND;
}

tuf_status tufi_log_read_checkpoint(struct checkpoint *out, struct frame_header *h,
                                    const struct log *log, uint64_t off)
{
    uint8_t bytes[FRAME_HEADER_SIZE + CHECKPOINT_SIZE_MAX];
    tuf_status st = tufi_log_read_padded(log, bytes, sizeof(bytes), off);
    if (st == TUF_OK)
        st = tufi_frame_decode(h, bytes, off, log->super.uuid);
    if (st != TUF_OK)
        return st;
    const uint8_t *payload = bytes + FRAME_HEADER_SIZE;
    if (h->kind != FRAME_CHECKPOINT || h->payload_len > CHECKPOINT_SIZE_MAX ||
        tufi_crc32c(0, payload, (size_t)h->payload_len) != h->payload_crc)
        return TUF_NOT_FOUND;
    return tufi_checkpoint_decode(out, tuf_slice_of(payload, (size_t)h->payload_len), off);
}

struct log_scan {
    log_header_visitor *visit;
    void *ctx;
    bool stopped;
};

/* Visits the valid headers in one block of sectors, backward or forward, until told to stop. */
static tuf_status scan_block(const struct log *log, uint8_t *block, uint64_t start, size_t len,
                             bool backward, struct log_scan *scan)
{
    tuf_status st = tufi_log_read_padded(log, block, len, start);
    if (st < 0)
        return st;
    uint32_t sector = log->super.sector_size;
    for (size_t i = 0; i < len / sector && !scan->stopped; i++) {
        size_t pos = backward ? len - (i + 1) * sector : i * sector;
        struct frame_header h;
        if (tufi_frame_decode(&h, block + pos, start + pos, log->super.uuid) == TUF_OK)
            scan->stopped = scan->visit(&h, scan->ctx);
    }
    return TUF_OK;
}

tuf_status tufi_log_scan_back(const struct log *log, uint64_t file_size,
                              log_header_visitor *visit, void *ctx)
{
    struct log_scan scan = { visit, ctx, false };
    TUF_AUTOFREE uint8_t *block = tufi_alloc(LOG_SCAN_BLOCK_SIZE);
    if (!block)
        return tufi_nomem();
    uint64_t end = align_up(file_size, log->super.sector_size);
    while (end > SUPERBLOCK_SIZE && !scan.stopped) {
        uint64_t len = min_u64(end - SUPERBLOCK_SIZE, LOG_SCAN_BLOCK_SIZE);
        end -= len;
        tuf_status st = scan_block(log, block, end, (size_t)len, true, &scan);
        if (st < 0)
            return st;
    }
    return TUF_OK;
}

tuf_status tufi_log_scan_forward(const struct log *log, uint64_t file_size, uint64_t off,
                                 log_header_visitor *visit, void *ctx)
{
    struct log_scan scan = { visit, ctx, false };
    TUF_AUTOFREE uint8_t *block = tufi_alloc(LOG_SCAN_BLOCK_SIZE);
    if (!block)
        return tufi_nomem();
    uint64_t end = align_up(file_size, log->super.sector_size);
    while (off < end && !scan.stopped) {
        uint64_t len = min_u64(end - off, LOG_SCAN_BLOCK_SIZE);
        tuf_status st = scan_block(log, block, off, (size_t)len, false, &scan);
        if (st < 0)
            return st;
        off += len;
    }
    return TUF_OK;
}
