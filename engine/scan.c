/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: look for valid frame headers sector by sector, from the end of the file or towards it.
 *
 * Not here: what their frames mean (recover.c, backup.c).
 */
#include "base/alloc.h"
#include "base/arith.h"
#include "engine/db.h"

tuf_status tufi_log_read_padded(const struct log *log, uint8_t *buf, size_t len, uint64_t off)
{
    size_t got = 0;
    tuf_status st = log->file->ops->pread(log->file, buf, len, off, &got);
    if (st == TUF_OK && got < len)
        memset(buf + got, 0, len - got);
    return st;
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
