/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: one page of changes: which revisions the target lacks, and bringing them there.
 *
 * INV-RPB-1: a revision the target lacks is written, or counted in doc_write_failures, or the
 *            batch fails.
 * Source: CouchDB's couch_replicator_worker.
 */
#ifndef REPLICATOR_BATCH_H
#define REPLICATOR_BATCH_H

#include <time.h>

#include "replicator/run.h"

/* A running replication. */
struct repl_state {
    const struct repl_run *run;
    struct peer source, target;
    struct session source_session, target_session;
    struct repl_stats stats;
    char session_id[REPL_ID_SIZE];
    char log_id[REPL_ID_SIZE];           /* of the checkpoint documents */
    time_t start_time;
    uint64_t checkpoint_ms;   /* monotonic time of the last one */
    uint64_t rows_read;
    bool caught_up;           /* the last page was not full */
    json_t *start_seq, *through_seq, *checkpointed_seq, *source_seq;
    json_t *old_log, *old_history;       /* of the source, as found */
    json_t *source_rev, *target_rev;     /* of the two checkpoint documents */
    struct buf filter;        /* of the query, NUL-terminated */
    json_t *filter_body;      /* of the POST; NULL: GET */
};

/* rows: "results" of a page of changes. Returns: TUF_OK; TUF_STOPPED; failures. */
tuf_status repl_batch(struct repl_state *s, const json_t *rows);

#endif
