/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: pages of changes worked off by several threads, each with its own connections, while the next
 * page is read.
 *
 * INV-RPW-1: a page is through only when all pages before it are, so that its sequence may stand in a
 *            checkpoint.
 * INV-RPW-2: at most PAGES_MAX pages are in memory.
 * Lock: pool.lock guards the lists, the pages and the sums; none is taken with it held.
 * Source: CouchDB's couch_replicator_changes_manager and its queue of workers.
 * Not here: what is done with the changes (replicator/batch.h).
 */
#ifndef REPLICATOR_POOL_H
#define REPLICATOR_POOL_H

#include "replicator/batch.h"

struct repl_pool;

/* Makes the connections of a worker. Returns: TUF_OK; failures (the pool then has fewer). */
typedef tuf_status repl_link_maker(struct repl_link *out, void *ctx);

/*
 * Starts workers.
 * Returns: TUF_OK with at least one; failures of the first link; E_NOMEM; E_LIMIT (no thread).
 */
tuf_status repl_pool_start(struct repl_pool **out, unsigned worker_count, repl_link_maker *make,
                           void *ctx);

/*
 * Gives a page to the workers; waits while PAGES_MAX are under way.
 *   last_seq  a new reference is taken
 * Returns: TUF_OK; E_NOMEM; the first failure of a worker, on the calling thread.
 */
tuf_status repl_pool_submit(struct repl_pool *pool, const json_t *rows, json_t *last_seq);

/*
 * What has become of the pages.
 *   seq_out    sequence of the newest page that is through since the last call, or NULL; caller decrefs
 *   stats      what was done since the last call is added
 *   wait_ms    wait so long for a page to be through, if any is under way
 * Returns: TUF_OK; TUF_END (nothing is under way any more); the first failure of a worker.
 */
tuf_status repl_pool_collect(json_t **seq_out, struct repl_stats *stats, struct repl_pool *pool,
                             uint64_t wait_ms);

/* Ends the threads; what they have begun they finish or break off. NULL is allowed. */
void repl_pool_stop(struct repl_pool **pool);

/* Adds what was counted to a sum. */
void repl_stats_add(struct repl_stats *sum, const struct repl_stats *more);

#endif
