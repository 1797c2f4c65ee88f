/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: some changes: which of their revisions the target lacks, and bringing them there.
 *
 * INV-RPB-1: a revision the target lacks is written, or counted in doc_write_failures, or the
 *            batch fails.
 * Source: CouchDB's couch_replicator_worker.
 * Not here: where the changes come from (replicator/run.c), several at a time (replicator/pool.h).
 */
#ifndef REPLICATOR_BATCH_H
#define REPLICATOR_BATCH_H

#include "replicator/run.h"

/* A pair of connections, and what was done over them. One thread at a time. */
struct repl_link {
    const struct repl_run *run;
    struct peer source, target;
    struct repl_stats stats;   /* since somebody took them */
    pthread_mutex_t *big_lock; /* held while a document of unusual size is in memory */
    size_t get_count;          /* documents to ask for at once; grows and shrinks */
    json_t *absent;            /* of this batch: array of {id,rev} to ask for once more; or NULL */
    unsigned vain_waits;       /* one after another in which nothing turned up */
};

/* rows: some "results" of a page of changes. Returns: TUF_OK; TUF_STOPPED; failures. */
tuf_status repl_batch(struct repl_link *link, const json_t *rows);

#endif
