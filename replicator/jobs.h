/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the table of replications: those that run, each on a thread of its own, those that wait for
 * a place, and those that wait after a crash. A thread of the table starts and stops them.
 *
 *             +-----------------------------+
 *             v                             | stopped to make room
 *   added -> PENDING -> RUNNING ------------+
 *             ^           |  \ done -> COMPLETED, or forgotten
 *             | time      v
 *             +------- CRASHING (a one-shot of POST /_replicate ends instead)
 *
 * INV-RPJ-1: of one replication id at most one job exists that was not removed, and at most one
 *            thread runs.
 * INV-RPJ-2: a job lives until it has left the table and the last reference is gone.
 * INV-RPJ-3: at most jobs_max threads run.
 * INV-RPJ-4: while nothing happens and nobody waits no thread of the table wakes up.
 * INV-RPJ-5: what is shown of a job names its endpoints without user or password, and errors have
 *            been through repl_redact.
 * Lock: repl_jobs.lock guards the table and everything of a job that changes; no function of others
 *       is called with it held.
 * Not here: who is chosen (replicator/schedule.h), the protocol (replicator/run.h), documents that
 * ask for jobs (server/replicator_docs.h), HTTP answers (server/handlers/).
 */
#ifndef REPLICATOR_JOBS_H
#define REPLICATOR_JOBS_H

#include "replicator/options.h"
#include "replicator/schedule.h"
#include "tuffet/tuffet.h"

struct repl_job;
struct repl_jobs;

#define REPL_JOB_ID_SIZE 80 /* base id, "+continuous", "+create_target", NUL */

/* What happened to a job. Strings are borrowed during the call. */
enum repl_event_kind { REPL_STARTED, REPL_STOPPED, REPL_CRASHED, REPL_FAILED, REPL_COMPLETED,
                       /* a document was not brought over; of each run the first ones */
                       REPL_DOC_FAILED };

struct repl_event {
    enum repl_event_kind kind;
    const char *id;
    const char *database, *doc_id; /* NULL: of POST /_replicate */
    const char *error;             /* "kind: text" of a crash or failure, else NULL */
    const char *failed_id, *failed_rev; /* of the document; NULL: not known. error says why */
    uint64_t crash_count;          /* in a row */
    uint64_t wait_ms;              /* until it is tried again */
};

/* A database of the server, open for a job. */
struct repl_place {
    tuf_db *db;
    char token[16];      /* what stands behind "N-" in its sequences */
    void *handle;        /* of whoever opened it */
    uint64_t doc_size_max, att_size_max; /* 0: no limit */
};

/* What the table asks and tells. Called from its threads, without its lock. */
struct repl_hooks {
    void (*limits)(struct repl_limits *out, void *ctx);
    void (*event)(const struct repl_event *event, void *ctx);
    void *ctx;
    /* Opens a database for a job to go to directly. False: the job takes the URL. NULL: always so. */
    bool (*open)(struct repl_place *out, const char *name, bool create, void *ctx);
    bool (*is_there)(const struct repl_place *place);
    void (*close)(struct repl_place *place);
};

struct repl_jobs *repl_jobs_new(const struct repl_hooks *hooks);
/* Stops all jobs where they are: they end soon. Any thread. */
void repl_jobs_stop(struct repl_jobs *jobs);
/* Stops and waits for all threads. NULL is allowed. */
void repl_jobs_free(struct repl_jobs **jobs);

/* Where a job comes from. Strings are copied. */
struct repl_origin {
    const char *server_uuid;
    const char *user;              /* NULL: nobody */
    const char *database, *doc_id; /* NULL: POST /_replicate */
    bool may_join;                 /* may look on at everybody's jobs */
    uint64_t delay_ms;             /* not to be started before */
};

/*
 * Adds a job, or for POST /_replicate takes a reference to the one that is there already.
 *   opts  emptied on success
 * Returns: TUF_OK; TUF_CONFLICT (it is there for another user or document); E_LIMIT (kind
 *          "too_many_jobs"; or the server stops); E_NOMEM.
 */
tuf_status repl_jobs_start(struct repl_job **out, struct repl_jobs *jobs,
                           struct repl_options *opts, const struct repl_origin *origin);

/* The id under which a job is cancelled. */
tuf_status repl_job_make_id(char out[REPL_JOB_ID_SIZE], const struct repl_options *opts,
                            const char *server_uuid);

/*
 * Removes a job; its thread ends soon, with a checkpoint if that is possible at once.
 *   user  who cancels; NULL: somebody who may cancel everybody's
 * Returns: TUF_OK; TUF_NOT_FOUND (no such job); TUF_CONFLICT (it is somebody else's).
 */
tuf_status repl_jobs_cancel(struct repl_jobs *jobs, const char *id, const char *user);
/* The same for a job at hand; also one that has completed. */
void repl_job_remove(struct repl_job *job);

/* The limits have changed: looks at once who runs. Any thread. */
void repl_jobs_wake(struct repl_jobs *jobs);

/* The document a job comes from, as 'document `D` from db `X`'; false if there is no such job or it
 * comes from no document. */
bool repl_jobs_describe_origin(struct buf *out, struct repl_jobs *jobs, const char *id);

/* Jobs by state, and what happened since the start. */
struct repl_counts {
    uint64_t total, running, pending, crashed;
    uint64_t adds, removes, starts, stops, crashes;
};

void repl_jobs_count(struct repl_counts *out, struct repl_jobs *jobs);

const char *repl_job_id(const struct repl_job *job);

/* How a job that was not tried again ended. */
struct repl_job_end {
    tuf_status status; /* TUF_STOPPED: it was cancelled */
    char kind[32];     /* error, e.g. "db_not_found" */
    char text[TUF_ERROR_TEXT_SIZE];
};

/* Whether it has ended; if so fills what became of it. `result` gets JSON text on success. */
bool repl_job_end(struct repl_job_end *end_out, struct buf *result, struct repl_job *job);

/* Gives a reference back and clears it. NULL is allowed. */
void repl_job_unref(struct repl_job **job);

/* ---- what is shown ------------------------------------------------------------------------ */
/* All of these return NULL when out of memory. */

/* Entries of _active_tasks, of jobs that run: appends objects separated by commas.
 *   count  entries in out already; counted on
 */
void repl_jobs_append_tasks(struct buf *out, size_t *count, struct repl_jobs *jobs,
                            const char *node);

/* The answer of _scheduler/jobs. */
json_t *repl_jobs_list(struct repl_jobs *jobs, const char *node, uint64_t skip, uint64_t limit);
/* One of it; *found_out says whether there is such a job. */
json_t *repl_jobs_show(bool *found_out, struct repl_jobs *jobs, const char *id, const char *node);

/* Members of an answer of _scheduler/docs behind "doc_id": id, node, source, ...; "state" is null if it
 * was cancelled or removed. */
json_t *repl_job_show_doc(struct repl_job *job, const char *node);
/* "pending", "running", "crashing", "completed". A literal. NULL if it was cancelled or removed. */
const char *repl_job_state(struct repl_job *job);
/* What a completed job leaves in its document (_replication_stats). */
json_t *repl_job_final_stats(struct repl_job *job);

/* Seconds since 1970 as "2026-11-22T08:00:00Z". */
#define REPL_TIME_SIZE 32
void repl_format_time(char out[REPL_TIME_SIZE], time_t when);

#endif
