/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the replications of a server that run now, each on a thread of its own.
 *
 * INV-RPJ-1: of one replication id at most one job runs that was not cancelled.
 * INV-RPJ-2: a job lives until it has ended and the last reference is gone.
 * Lock: repl_jobs.lock guards the list and everything of a job that changes; nothing is called
 *       with it held.
 * Not here: the protocol (replicator/run.h), HTTP answers (server/handlers/replicate.c).
 */
#ifndef REPLICATOR_JOBS_H
#define REPLICATOR_JOBS_H

#include "replicator/options.h"

struct repl_job;
struct repl_jobs;

#define REPL_JOB_ID_SIZE 80 /* base id, "+continuous", "+create_target", NUL */

struct repl_jobs *repl_jobs_new(void);
/* Cancels all jobs: they end soon. Any thread. */
void repl_jobs_stop(struct repl_jobs *jobs);
/* Stops and waits for all threads. NULL is allowed. */
void repl_jobs_free(struct repl_jobs **jobs);

/* Who asks for a job, and how many there may be. */
struct repl_caller {
    const char *server_uuid;
    const char *user;
    size_t job_count_max;
};

/*
 * Starts a job, or takes a reference to the one that runs already.
 *   opts  emptied on success
 * Returns: TUF_OK; TUF_CONFLICT (it runs for another user); E_LIMIT (kind "too_many_jobs"; or the
 *          server stops); E_NOMEM.
 */
tuf_status repl_jobs_start(struct repl_job **out, struct repl_jobs *jobs,
                           struct repl_options *opts, const struct repl_caller *caller);

/* The id under which a job is cancelled. */
tuf_status repl_job_make_id(char out[REPL_JOB_ID_SIZE], const struct repl_options *opts,
                            const char *server_uuid);

/*
 *   user  who cancels; NULL: somebody who may cancel everybody's
 * Returns: TUF_OK; TUF_NOT_FOUND (no such job runs); TUF_CONFLICT (it is somebody else's).
 */
tuf_status repl_jobs_cancel(struct repl_jobs *jobs, const char *id, const char *user);

/*
 * Entries of _active_tasks: appends objects separated by commas.
 *   count  entries in out already; counted on
 */
void repl_jobs_append_tasks(struct buf *out, size_t *count, struct repl_jobs *jobs,
                            const char *node);

const char *repl_job_id(const struct repl_job *job);

/* How a job ended. */
struct repl_job_end {
    tuf_status status;
    const char *kind;               /* static */
    char text[TUF_ERROR_TEXT_SIZE];
};

/* False while it runs. Appends the result's JSON if it ended well. */
bool repl_job_end(struct repl_job_end *end_out, struct buf *result, struct repl_job *job);
void repl_job_unref(struct repl_job **job);

#endif
