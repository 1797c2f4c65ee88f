/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: who runs, who gives way and who waits, as pure functions of a list of jobs and a time.
 *
 * INV-SCH-1: with more jobs than places every one that is ready runs after a bounded number of
 *            rounds: the one that ran the longest gives way, the one that waited the longest comes.
 * INV-SCH-2: the wait after a crash doubles with each crash in a row, up to a longest one.
 * Source: CouchDB's couch_replicator_scheduler. Differences: a free place is filled at once instead
 *         of at the next round, and a wait ends when it ends.
 * Not here: threads and clocks (replicator/jobs.h).
 */
#ifndef REPLICATOR_SCHEDULE_H
#define REPLICATOR_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How much may happen at a time: [replicator] of the configuration. */
struct repl_limits {
    size_t jobs_max;             /* that run at a time */
    size_t churn_max;            /* that give way per round */
    size_t history_max;          /* events kept of a job */
    uint64_t interval_ms;        /* between two rounds */
    uint64_t backoff_first_ms;   /* wait after the first crash */
    uint64_t backoff_longest_ms;
    uint64_t health_ms;          /* who ran for longer before a crash starts with the first wait */
};

#define REPL_LIMITS_INIT { 500, 20, 20, 60000, 30000, 30720000, 120000 }

enum schedule_state {
    SCHEDULE_IDLE,     /* not to be started: ended, or the same job still stops */
    SCHEDULE_WAITING,
    SCHEDULE_RUNNING,
    SCHEDULE_STOPPING, /* told to stop; has its place until its thread ends */
};

/* What counts of a job. Times are of one monotonic clock. */
struct schedule_job {
    enum schedule_state state;
    bool continuous;
    uint64_t order;      /* of being added: smaller is older */
    uint64_t started_ms; /* last time; 0: never */
    uint64_t ready_ms;   /* not to be started before */
};

/* The wait after the count-th crash in a row (from 1). */
uint64_t repl_backoff_ms(const struct repl_limits *limits, uint64_t crash_count);

/* The number of crashes in a row after one more.
 *   ran_ms  how long the job ran before it crashed
 */
uint64_t repl_count_crash(const struct repl_limits *limits, uint64_t crash_count, uint64_t ran_ms);

/*
 * Jobs to start now, those that waited the longest first.
 *   picks_out  room for limits->jobs_max or `count` positions, whichever is less
 * Returns how many.
 */
size_t repl_pick_starts(size_t *picks_out, const struct schedule_job *jobs, size_t count,
                        const struct repl_limits *limits, uint64_t now_ms);

/*
 * Jobs to stop in a round, those that ran the longest first: what is beyond jobs_max, continuous
 * ones before others; then continuous ones whose places others wait for, churn_max in all.
 *   picks_out  room for `count` positions
 */
size_t repl_pick_stops(size_t *picks_out, const struct schedule_job *jobs, size_t count,
                       const struct repl_limits *limits, uint64_t now_ms);

/*
 * When there is something to do again if nothing else happens; UINT64_MAX: never.
 *   round_ms  when the next round is due
 */
uint64_t repl_next_ms(const struct schedule_job *jobs, size_t count,
                      const struct repl_limits *limits, uint64_t round_ms, uint64_t now_ms);

#endif
