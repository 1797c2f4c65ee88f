/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the worker pool: everything that may block (commits, file reads, password hashes) runs
 * here, and its end is told on the event loop of the request.
 *
 * Commits of one database that wait at the same time are made by one tuf_db_commit call, so that
 * they share one sync. When the merged call fails as a whole each job is tried again on its own,
 * so that one client's missing stub is not another's error.
 *
 * INV-WORK-1: a request has at most one job at a time.
 * INV-WORK-2: `done` runs on the request's loop thread, and not at all if the client went away;
 *             the request's cleanup waits until the job has ended.
 * INV-WORK-3: when done gets a failure, tuf_last_error() is the one of the job's thread.
 */
#ifndef SERVER_WORK_H
#define SERVER_WORK_H

#include "tuffet/tuffet.h"

struct dbh;
struct request;
struct server;
struct work_pool;

/* Runs on a worker thread. May use req->state, req->arena, req->dbh and everything read-only in
 * the request; must not call reply_..., body_..., request_set_timer or feed_... */
typedef tuf_status work_fn(struct request *req);
typedef void work_done_fn(struct request *req, tuf_status status);

/* Runs a function on a worker, then done on the loop. */
void work_run(struct request *req, work_fn *run, work_done_fn *done);

/*
 * The same for work that keeps a processor busy (password hashes): at most half of the workers do
 * such jobs at a time, so that a flood of logins does not stop everything else.
 * Returns false if too many wait already: nothing was queued, answer 503.
 */
bool work_run_slow(struct request *req, work_fn *run, work_done_fn *done);

/*
 * Commits edits to req->dbh, merged with those of other requests. The edits stay the caller's and
 * must live until the request's cleanup (keep them in req->state).
 *   status of done: that of tuf_db_commit
 */
void work_commit(struct request *req, tuf_edit *const *edits, size_t edit_count,
                 work_done_fn *done);

/* Runs a function on a worker without a request (compaction, closing idle databases). Returns
 * false when out of memory or stopping. */
bool work_detached(struct server *server, void (*run)(void *arg), void *arg);

struct work_pool *work_pool_new(struct server *server, unsigned thread_count);
/* Lets queued jobs finish and joins the threads. NULL is allowed. */
void work_pool_free(struct work_pool **pool);

#endif
