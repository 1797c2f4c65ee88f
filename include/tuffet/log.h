/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: list the commits and checkpoints of a database file.
 */
#ifndef TUFFET_LOG_H
#define TUFFET_LOG_H

#include "tuffet/db.h"

typedef enum tuf_log_kind {
    TUF_LOG_COMMIT = 1,
    TUF_LOG_NODES = 2,
    TUF_LOG_CHECKPOINT = 3,
    TUF_LOG_CHUNK = 4,
} tuf_log_kind;

typedef struct tuf_log_entry {
    tuf_log_kind kind;
    uint64_t off;          /* file offset of the frame */
    uint64_t size;         /* bytes, padding included */
    uint64_t commit;       /* commit number */
    uint64_t time_us;      /* wall clock, microseconds since the Unix epoch */
    uint64_t update_seq;   /* newest sequence after it (commits and checkpoints) */
    uint32_t record_count; /* records in it (commits) */
} tuf_log_entry;

typedef tuf_status tuf_log_visitor(const tuf_log_entry *entry, void *ctx);

/*
 * Visits the frames of a database file from its beginning, until the visitor returns non-zero.
 * Returns: TUF_OK; what the visitor returned; E_CORRUPT, E_IO, E_NOMEM.
 * Threads: any.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_db_log(tuf_db *db, tuf_log_visitor *visitor, void *ctx);

#endif
