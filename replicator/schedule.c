/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see replicator/schedule.h.
 */
#include "replicator/schedule.h"

/* More doublings change nothing: the longest wait is reached long before. */
#define DOUBLINGS_MAX 40

uint64_t repl_backoff_ms(const struct repl_limits *limits, uint64_t crash_count)
{
    uint64_t wait_ms = limits->backoff_first_ms;
    for (uint64_t i = 1; i < crash_count && i < DOUBLINGS_MAX; i++) {
        if (wait_ms >= limits->backoff_longest_ms / 2)
            return limits->backoff_longest_ms;
        wait_ms *= 2;
    }
    return wait_ms < limits->backoff_longest_ms ? wait_ms : limits->backoff_longest_ms;
}

uint64_t repl_count_crash(const struct repl_limits *limits, uint64_t crash_count, uint64_t ran_ms)
{
    return ran_ms > limits->health_ms ? 1 : crash_count + 1;
}

struct tally {
    size_t running;  /* not told to stop */
    size_t stopping;
    size_t ready;
};

static bool is_ready(const struct schedule_job *job, uint64_t now_ms)
{
    return job->state == SCHEDULE_WAITING && job->ready_ms <= now_ms;
}

static struct tally count_jobs(const struct schedule_job *jobs, size_t count, uint64_t now_ms)
{
    struct tally tally = { 0, 0, 0 };
    for (size_t i = 0; i < count; i++) {
        tally.running += jobs[i].state == SCHEDULE_RUNNING;
        tally.stopping += jobs[i].state == SCHEDULE_STOPPING;
        tally.ready += is_ready(&jobs[i], now_ms);
    }
    return tally;
}

static bool comes_before(const struct schedule_job *a, const struct schedule_job *b)
{
    return a->started_ms != b->started_ms ? a->started_ms < b->started_ms : a->order < b->order;
}

/* Puts a position into the list of the `room` smallest, kept in order. Returns its new length. */
static size_t keep_smallest(size_t *picks, size_t len, size_t room, const struct schedule_job *jobs,
                            size_t pos)
{
    if (len == room) {
        if (room == 0 || !comes_before(&jobs[pos], &jobs[picks[len - 1]]))
            return len;
        len--;
    }
    size_t place = len;
    for (; place > 0 && comes_before(&jobs[pos], &jobs[picks[place - 1]]); place--)
        picks[place] = picks[place - 1];
    picks[place] = pos;
    return len + 1;
}

size_t repl_pick_starts(size_t *picks_out, const struct schedule_job *jobs, size_t count,
                        const struct repl_limits *limits, uint64_t now_ms)
{
    struct tally tally = count_jobs(jobs, count, now_ms);
    size_t taken = tally.running + tally.stopping;
    size_t room = limits->jobs_max > taken ? limits->jobs_max - taken : 0;
    size_t len = 0;
    if (tally.ready < room)
        room = tally.ready;
    for (size_t i = 0; i < count && room > 0; i++) {
        if (is_ready(&jobs[i], now_ms))
            len = keep_smallest(picks_out, len, room, jobs, i);
    }
    return len;
}

/* Appends the `room` jobs of one kind that ran the longest. */
static size_t pick_oldest(size_t *picks, size_t room, const struct schedule_job *jobs, size_t count,
                          bool continuous)
{
    size_t len = 0;
    for (size_t i = 0; i < count && room > 0; i++) {
        if (jobs[i].state == SCHEDULE_RUNNING && jobs[i].continuous == continuous)
            len = keep_smallest(picks, len, room, jobs, i);
    }
    return len;
}

size_t repl_pick_stops(size_t *picks_out, const struct schedule_job *jobs, size_t count,
                       const struct repl_limits *limits, uint64_t now_ms)
{
    struct tally tally = count_jobs(jobs, count, now_ms);
    size_t excess = tally.running > limits->jobs_max ? tally.running - limits->jobs_max : 0;
    size_t churn = limits->churn_max > excess ? limits->churn_max - excess : 0;
    /* Those that are stopping make room already. */
    size_t kept = tally.running - excess;
    size_t room = limits->jobs_max - kept;
    size_t wanted = tally.ready > room ? tally.ready - room : 0;
    if (churn > wanted)
        churn = wanted;
    size_t len = pick_oldest(picks_out, excess + churn, jobs, count, true);
    if (len < excess)
        len += pick_oldest(picks_out + len, excess - len, jobs, count, false);
    return len;
}

uint64_t repl_next_ms(const struct schedule_job *jobs, size_t count,
                      const struct repl_limits *limits, uint64_t round_ms, uint64_t now_ms)
{
    struct tally tally = count_jobs(jobs, count, now_ms);
    uint64_t next_ms = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        if (jobs[i].state == SCHEDULE_WAITING && jobs[i].ready_ms > now_ms &&
            jobs[i].ready_ms < next_ms)
            next_ms = jobs[i].ready_ms;
    }
    /* A round changes something only while somebody waits for a place, or too many run. */
    bool full = tally.ready > 0 || tally.running > limits->jobs_max;
    return full && round_ms < next_ms ? round_ms : next_ms;
}
