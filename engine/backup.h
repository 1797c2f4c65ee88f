/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: a backup on its way, as backup.c and backup_copy.c share it.
 */
#ifndef ENGINE_BACKUP_H
#define ENGINE_BACKUP_H

#include "engine/db.h"
#include "tuffet/backup.h"

/* A place in a log up to which its frames are whole and chained. */
struct log_end {
    uint64_t off;             /* where the next frame would begin */
    uint32_t chain;           /* header_crc of the frame before; 0: there is none */
    struct frame_header last; /* the frame before; kind 0: there is none */
};

struct backup {
    const tuf_backup_options *opts;
    tuf_backup_report *report;
    const struct tuf_vfs *vfs;
    struct log from, to;   /* files and superblocks only */
    uint64_t from_size;    /* bytes, as last seen */
    uint64_t stop;         /* copy nothing from here on: UINT64_MAX or a frame's end */
    uint64_t from_trim;    /* below it the source has holes; 0: it has none */
    struct log_end end;    /* of what is in `to` and verified */
    bool begun;            /* something may be behind that: NAME.part or another name says so */
    uint8_t *block;        /* LOG_SCAN_BLOCK_SIZE bytes */
};

/* Moves over one frame. TUF_NOT_FOUND: no whole frame that continues the log is there. Verifies its
 * payload if `block` (LOG_SCAN_BLOCK_SIZE bytes) is given. */
tuf_status tufi_backup_pass(struct log_end *end, const struct log *log, uint64_t file_size,
                            uint8_t *block);
/* Below which place a file has holes, as its newest checkpoint says; 0: it has none. */
tuf_status tufi_backup_find_trim(uint64_t *out, const struct log *log);
/* The first frame that can be verified. TUF_NOT_FOUND: no frame is there. */
tuf_status tufi_backup_start(struct log_end *out, const struct log *log, uint64_t trim_off);
/* Copies what lies before that, and leaves out what is zero. */
tuf_status tufi_backup_copy_trimmed(struct backup *b);
/* Says durably that something is about to be appended. */
tuf_status tufi_backup_begin(struct backup *b);
/* Copies and verifies from b->end to the end of the source's log. */
tuf_status tufi_backup_copy(struct backup *b);

#endif
