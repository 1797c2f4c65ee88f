/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: one replication from its start to its end, on the calling thread.
 *
 * INV-RPR-1: a checkpoint is written only for a sequence up to which every revision is in the
 *            target or was counted as a failure, and after the target said that it is durable.
 * Source: CouchDB's couch_replicator_scheduler_job and couch_replicator_worker.
 * Not here: threads, the list of jobs (replicator/jobs.h).
 */
#ifndef REPLICATOR_RUN_H
#define REPLICATOR_RUN_H

#include "replicator/checkpoint.h"
#include "replicator/peer.h"

struct repl_stats {
    uint64_t missing_checked; /* revisions asked about */
    uint64_t missing_found;
    uint64_t docs_read;
    uint64_t docs_written;
    uint64_t doc_write_failures;
    uint64_t bulk_get_docs;
    uint64_t bulk_get_attempts;
    uint64_t bytes_read;      /* of documents and attachments, about */
    int64_t changes_pending;  /* -1: unknown */
};

/* How far it is; sequences as JSON text. Borrowed during the call of `report`. */
struct repl_progress {
    struct repl_stats stats;
    bool working;                 /* a page was read and brought over: all is well */
    const char *source_seq;       /* newest of the source when it was last asked */
    const char *through_seq;      /* read and written */
    const char *checkpointed_seq;
};

struct repl_run {
    const struct repl_options *opts;
    const char *id; /* base id */
    _Atomic bool *cancel; /* end soon */
    /* Numbers go on from those of the history's newest entry, as CouchDB's do: they only ever grow
     * from run to run of a job. Else they are of this run. */
    bool go_on_counting;
    /* Called after every batch; may be NULL. */
    void (*report)(const struct repl_progress *progress, void *ctx);
    /* Called for a document that counts in doc_write_failures, by any thread of the run; may be NULL.
     *   id, rev  NULL: not known; why: a sentence without credentials. Borrowed. */
    void (*doc_failed)(const char *id, const char *rev, const char *why, void *ctx);
    void *ctx;
    /* Uuid of the server, so that the text of a filter function counts in the id of the checkpoints;
     * NULL: its name does, as it does in `id`. */
    const char *server_uuid;
    /* Set with `cancel`: without a last checkpoint. NULL: always without. */
    _Atomic bool *abandon;
    /* Databases that are open in this process, to be gone to without http; NULL: over http. Borrowed
     * for the whole run. `..._token` is what stands behind "N-" in the database's sequences for
     * others, or NULL. */
    tuf_db *source_db, *target_db;
    const char *source_token, *target_token;
    /* Whether those databases are still there; asked now and then. NULL: they are. */
    bool (*alive)(void *alive_ctx);
    void *alive_ctx;
    uint64_t doc_size_max, att_size_max; /* of what such a target takes; 0: everything */
};

/*
 * Runs it. A continuous one ends only by a failure or by `cancel`.
 *   result_out  the body of the answer to POST /_replicate; caller decrefs
 * Returns: TUF_OK; TUF_STOPPED (cancelled); E_IO with the kind and text to answer; E_LIMIT,
 *          E_INVALID, E_NOMEM.
 */
tuf_status repl_run(json_t **result_out, const struct repl_run *run);

/* Once per process, before any thread: curl's global state. */
tuf_status repl_global_init(void);

#endif
