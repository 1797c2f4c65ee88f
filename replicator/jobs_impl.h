/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what jobs.c and jobs_show.c share. See replicator/jobs.h.
 */
#ifndef REPLICATOR_JOBS_IMPL_H
#define REPLICATOR_JOBS_IMPL_H

#include <pthread.h>

#include "replicator/jobs.h"
#include "replicator/run.h"

#define REPL_BUCKET_COUNT 1024

enum job_state { JOB_PENDING, JOB_RUNNING, JOB_CRASHING, JOB_COMPLETED, JOB_ENDED };

struct repl_job {
    struct repl_jobs *jobs;
    /* Never changes: */
    struct repl_options opts;
    char base_id[REPL_ID_SIZE];
    char id[REPL_JOB_ID_SIZE];
    char *server_uuid;
    char *user, *database, *doc_id; /* NULL if there is none */
    uint64_t order;
    time_t start_time; /* when it was added */
    _Atomic bool cancel;  /* end soon */
    _Atomic bool abandon; /* and do not even write a checkpoint */
    atomic_uint told_failures; /* documents of this run */
    /* jobs->lock: */
    struct repl_job *prev, *next; /* in the table, in the order of being added */
    struct repl_job *chain;       /* in its bucket */
    unsigned ref_count;
    enum job_state state;
    bool linked;       /* in the table */
    bool removed;      /* to be forgotten when its thread ends */
    struct repl_limits limits; /* when it was started */
    uint64_t run_count, pid;
    uint64_t started_ms, ready_ms; /* monotonic */
    uint64_t crash_count;          /* in a row */
    time_t updated;                /* last event */
    time_t run_time, report_time;  /* of the run that goes on: its start, its last report */
    json_t *history;               /* newest first */
    bool has_stats;
    struct repl_stats stats;
    struct buf source_seq, through_seq, checkpointed_seq;
    struct buf result;
    struct repl_job_end end; /* or the last crash */
};

struct repl_jobs {
    struct repl_hooks hooks;
    pthread_mutex_t lock;
    pthread_cond_t wake;  /* of the scheduler; monotonic */
    pthread_cond_t empty; /* a thread ended */
    struct repl_job *first, *last;
    struct repl_job *buckets[REPL_BUCKET_COUNT];
    size_t count, thread_count;
    struct repl_counts happened; /* its counters; the states are counted when asked for */
    uint64_t order;       /* of the last job added */
    uint64_t round_ms;    /* when the next round is due */
    bool dirty;           /* something happened since the scheduler looked */
    bool has_scheduler, stopping;
    pthread_t scheduler;
};

/* The job of an id that was not removed, or NULL. With the lock held. */
struct repl_job *repl_jobs_find(const struct repl_jobs *jobs, const char *id);

#endif
