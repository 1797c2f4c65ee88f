/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: copy a database file, also while another process writes to it, and bring such a copy up to
 * date.
 */
#ifndef TUFFET_BACKUP_H
#define TUFFET_BACKUP_H

#include "tuffet/db.h"

enum tuf_backup_flags {
    TUF_BACKUP_NEW = 1, /* outcome TUF_EXISTS if there is a file of that name */
};

typedef struct tuf_backup_options {
    size_t struct_size;
    unsigned flags;            /* enum tuf_backup_flags */
    unsigned at_kind;          /* enum tuf_at: copy up to an earlier state; only with NEW */
    uint64_t at;
    const struct tuf_vfs *vfs; /* NULL: the operating system's files */
    /* Called now and then with bytes; may be NULL. A non-zero return stops the backup. */
    int (*progress)(uint64_t done, uint64_t total, void *ctx);
    void *ctx;
} tuf_backup_options;

#define TUF_BACKUP_OPTIONS_INIT { .struct_size = sizeof(tuf_backup_options) }

typedef struct tuf_backup_report {
    bool full;             /* everything was copied: there was no backup, or the source was compacted */
    bool diverged;         /* what was there is no past of the source: it is now DEST.diverged */
    uint64_t bytes_copied; /* and verified */
    uint64_t size;         /* bytes of the backup's log */
    uint64_t commit_count; /* number of the newest commit in it */
    uint64_t update_seq;   /* newest sequence in it */
    uint64_t time_us;      /* of its newest frame, microseconds since the Unix epoch; 0: it is empty */
} tuf_backup_report;

/*
 * Makes `dest` a copy of the database file `source`, itself a valid database. If it is a copy already,
 * only what was appended since is copied; if the source was compacted or replaced since, a whole
 * copy takes its place when it is complete. Every frame is verified in the copy. The source is only
 * read: a process that writes to it is neither stopped nor slowed.
 * An interrupted run leaves the backup as it was or with more of the source; the next run goes on.
 *   report  may be NULL
 *   opts    NULL for defaults
 * Returns: TUF_OK; TUF_NOT_FOUND (no source); TUF_EXISTS (NEW); TUF_STOPPED; E_CORRUPT (the source is
 *          damaged: file_off says where; the backup keeps what it had); E_INVALID (dest is no backup, or
 *          of another database; opts->at is not in the source); E_LOCKED (dest is in use); E_MISUSE (at
 *          without NEW); E_FULL, E_IO, E_NOMEM, E_VERSION.
 * Threads: any.
 * Durability: durable on return, name included. Costs two syncs if something was copied.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_backup(tuf_backup_report *report, const char *source,
                                           const char *dest, const tuf_backup_options *opts);

#endif
