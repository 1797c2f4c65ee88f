/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: give back the space of what is no longer current.
 */
#ifndef TUFFET_COMPACT_H
#define TUFFET_COMPACT_H

#include "tuffet/check.h"

typedef struct tuf_compact_report {
    uint64_t docs_copied;   /* documents written, those of catch-up rounds counted again */
    uint64_t docs_kept;     /* documents that an earlier, unfinished attempt had written */
    uint64_t damaged_count; /* revisions and attachments whose bytes are lost (see `found`) */
    uint64_t size_before;   /* bytes of the file */
    uint64_t size_after;
    uint64_t blocked_us;    /* how long commits had to wait for the switch */
    uint64_t round_count;   /* copies and catch-ups before that */
    uint64_t bytes_shared;  /* of attachments whose blocks both files had for a while: not written */
    bool slowed_writers;    /* they wrote faster than it could catch up, and had to wait for it */
} tuf_compact_report;

enum tuf_compact_flags {
    TUF_COMPACT_PAST_IO_ERRORS = 1, /* take what the device cannot read for damaged, too */
};

/* What `progress` and `pace` answer. */
enum tuf_compact_answer {
    TUF_COMPACT_GO_ON = 0,
    TUF_COMPACT_CANCEL = 1, /* give it up */
    TUF_COMPACT_LATER = 2,  /* stop; the next attempt goes on with what was copied */
};

typedef struct tuf_compact_options {
    size_t struct_size;
    /* Called for each damaged place; may be NULL. The document stays, without the lost bytes. */
    void (*found)(const tuf_finding *finding, void *ctx);
    /* Called now and then; may be NULL. Returns enum tuf_compact_answer. */
    int (*progress)(uint64_t done, uint64_t total, void *ctx);
    void *ctx;
    /* Around the moment the new file takes the name, for callers who delete or rename the file of an
     * open database: take a lock in the first, give it back in the second. NULL: neither is called.
     * A non-zero return of the first cancels, and the second is not called. Commits wait meanwhile. */
    int (*before_switch)(void *ctx);
    void (*after_switch)(void *ctx);
    unsigned flags;         /* enum tuf_compact_flags */
    /* Called after each write of about a megabyte, with its bytes; may be NULL. It may sleep, to spare
     * the device or to pause. Returns enum tuf_compact_answer. Not called while it catches up. */
    int (*pace)(uint64_t bytes, void *ctx);
    uint64_t resume_size;   /* after so many bytes a killed compaction can be continued; 0: 64 MiB */
} tuf_compact_options;

#define TUF_COMPACT_OPTIONS_INIT { .struct_size = sizeof(tuf_compact_options) }

/*
 * Rewrites a database into a new file and puts it in the old one's place, while readers and writers go
 * on. What remains: the newest state of every document with all its leaves, their attachments and
 * the ids of their ancestors (as far as revs_limit keeps them), tombstones, local documents, the
 * purge log, limits and named values. What goes: bodies of older revisions, and all that was
 * superseded. Sequences do not change. Snapshots and readers keep the old file until they end; then
 * its space returns.
 *   report  may be NULL
 *   opts    NULL for defaults
 * Returns: TUF_OK; TUF_EXISTS (one is running on this handle); TUF_STOPPED (cancelled); E_READONLY;
 *          E_POISONED; E_FULL, E_IO, E_NOMEM: the database goes on with its old file.
 * Ownership: none passes.
 * Threads: any; it runs in the caller's thread. Commits wait only for the last catch-up and the
 *          switch.
 * Durability: the new file is synced before it takes the name, and the directory after; a crash at any
 *             moment leaves the old file or the new one, with every acknowledged commit.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_db_compact(tuf_compact_report *report, tuf_db *db,
                                               const tuf_compact_options *opts);

typedef struct tuf_trim_report {
    uint64_t bytes_free;   /* of the file that take no space any more; those of earlier calls too */
    uint64_t holes;        /* in how many pieces */
    uint64_t first_commit; /* the oldest state that can still be opened; 0: all can */
    uint64_t first_seq;
} tuf_trim_report;

typedef struct tuf_trim_options {
    size_t struct_size;
    uint64_t keep_us; /* history that stays readable: microseconds before now; 0: none */
    /* Called now and then, may be NULL: non-zero stops. */
    int (*progress)(uint64_t done, uint64_t total, void *ctx);
    void *ctx;
} tuf_trim_options;

#define TUF_TRIM_OPTIONS_INIT { .struct_size = sizeof(tuf_trim_options) }

/*
 * Gives the space of dead bytes back to the file system, without a copy and without a new file: punches
 * holes where neither the oldest state that is kept nor any later one has anything. Kept are: all
 * states since `keep_us` before now, every pin, every snapshot and attachment in use by this handle.
 * Earlier states can not be opened any more (tuf_open_options.at, E_INVALID), and older revisions are
 * missing, as after a compaction. The file's length stays as it is.
 *   report  may be NULL
 *   opts    NULL for defaults: no history is kept
 * Returns: TUF_OK; TUF_EXISTS (a compaction or another trim runs on this handle); TUF_STOPPED;
 *          E_UNSUPPORTED (this file system punches no holes); E_CORRUPT (something that is alive is
 *          damaged: nothing was given back); E_READONLY; E_POISONED; E_FULL, E_IO, E_NOMEM.
 * Threads: any; it runs in the caller's thread. Commits wait for its checkpoints only. Handles of other
 *          processes that are open on a state older than what is kept lose it.
 * Durability: what can no longer be opened is on disk before the first hole is made; a crash at any
 *             moment costs no byte that is alive.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_db_trim(tuf_trim_report *report, tuf_db *db,
                                            const tuf_trim_options *opts);

#endif
