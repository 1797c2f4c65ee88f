/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test replicator/schedule.c: waits after crashes, and who comes and goes.
 */
#include <stdlib.h>
#include <string.h>

#include "replicator/schedule.h"
#include "tests/lib/test.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define S SCHEDULE_WAITING
#define R SCHEDULE_RUNNING
#define T SCHEDULE_STOPPING
#define I SCHEDULE_IDLE
#define JOBS_MAX 8

static const struct repl_limits defaults = REPL_LIMITS_INIT;

/* ---- waits ---------------------------------------------------------------------------------- */

static const struct {
    uint64_t crash_count, wait_ms;
} waits[] = {
    { 1, 30000 },        { 2, 60000 },        { 3, 120000 },          { 10, 15360000 },
    { 11, 30720000 },    { 12, 30720000 },    { 1000000, 30720000 },  { UINT64_MAX, 30720000 },
};

START_TEST(a_wait_doubles_up_to_the_longest)
{
    ck_assert_uint_eq(repl_backoff_ms(&defaults, waits[_i].crash_count), waits[_i].wait_ms);
}
END_TEST

START_TEST(a_wait_never_overflows)
{
    struct repl_limits limits = defaults;
    limits.backoff_first_ms = UINT64_MAX / 3;
    limits.backoff_longest_ms = UINT64_MAX;
    ck_assert_uint_eq(repl_backoff_ms(&limits, 3), UINT64_MAX);
    limits.backoff_first_ms = 5000;
    limits.backoff_longest_ms = 1000;
    ck_assert_uint_eq(repl_backoff_ms(&limits, 1), 1000);
}
END_TEST

START_TEST(a_healthy_run_begins_the_count_anew)
{
    ck_assert_uint_eq(repl_count_crash(&defaults, 0, 0), 1);
    ck_assert_uint_eq(repl_count_crash(&defaults, 4, defaults.health_ms), 5);
    ck_assert_uint_eq(repl_count_crash(&defaults, 4, defaults.health_ms + 1), 1);
}
END_TEST

/* ---- choices -------------------------------------------------------------------------------- */

/* At time 100. `jobs` ends with the first of order 0. */
struct choice {
    size_t jobs_max, churn_max;
    struct schedule_job jobs[JOBS_MAX];
    const char *starts, *stops; /* positions */
    uint64_t next_ms;           /* with a round due at 160 */
};

static const struct choice choices[] = {
    /* Nobody is there; one waits; one is not ready; it runs. */
    { 2, 9, { { 0 } }, "", "", UINT64_MAX },
    { 2, 9, { { S, true, 1, 0, 0 } }, "0", "", 160 },
    { 2, 9, { { S, true, 1, 0, 130 } }, "", "", 130 },
    { 2, 9, { { S, true, 1, 0, 100 } }, "0", "", 160 },
    { 2, 9, { { R, true, 1, 5, 0 } }, "", "", UINT64_MAX },
    { 2, 9, { { I, true, 1, 5, 0 } }, "", "", UINT64_MAX },
    /* Places for two of four: those that never ran come first, then the one that ran longest ago. */
    { 2, 9, { { S, true, 1, 50, 0 }, { S, true, 2, 40, 0 }, { S, true, 3, 0, 0 },
              { S, true, 4, 0, 0 } }, "23", "", 160 },
    { 3, 9, { { S, true, 1, 50, 0 }, { S, true, 2, 40, 0 }, { S, true, 3, 0, 0 },
              { S, true, 4, 0, 0 } }, "231", "", 160 },
    /* All places are taken: the longest running ones give way, as many as wait. */
    { 2, 9, { { R, true, 1, 60, 0 }, { R, true, 2, 50, 0 }, { S, true, 3, 0, 0 } }, "", "1", 160 },
    { 2, 9, { { R, true, 1, 60, 0 }, { R, true, 2, 50, 0 }, { S, true, 3, 0, 0 },
              { S, true, 4, 0, 0 }, { S, true, 5, 0, 0 } }, "", "10", 160 },
    /* but at most churn_max, */
    { 2, 1, { { R, true, 1, 60, 0 }, { R, true, 2, 50, 0 }, { S, true, 3, 0, 0 },
              { S, true, 4, 0, 0 } }, "", "1", 160 },
    /* never a one-shot one, */
    { 2, 9, { { R, false, 1, 10, 0 }, { R, true, 2, 50, 0 }, { S, true, 3, 0, 0 },
              { S, true, 4, 0, 0 } }, "", "1", 160 },
    /* nobody for those that wait after a crash, */
    { 1, 9, { { R, true, 1, 60, 0 }, { S, true, 2, 0, 101 } }, "", "", 101 },
    /* and nobody while there is a place. */
    { 2, 9, { { R, true, 1, 60, 0 }, { S, true, 2, 0, 0 } }, "1", "", 160 },
    /* A place is taken until its thread has ended, and counts as coming free. */
    { 2, 9, { { T, true, 1, 10, 0 }, { R, true, 2, 50, 0 }, { S, true, 3, 0, 0 } }, "", "", 160 },
    /* max_jobs became smaller: continuous ones go first, then one-shot ones, whatever churn says. */
    { 1, 0, { { R, false, 1, 10, 0 }, { R, true, 2, 50, 0 }, { R, true, 3, 40, 0 } }, "", "21",
      160 },
    { 1, 0, { { R, false, 1, 10, 0 }, { R, false, 2, 50, 0 } }, "", "0", 160 },
    { 0, 9, { { R, true, 1, 10, 0 }, { S, true, 2, 0, 0 } }, "", "0", 160 },
};

static size_t count_of(const struct choice *choice)
{
    size_t count = 0;
    while (count < JOBS_MAX && choice->jobs[count].order != 0)
        count++;
    return count;
}

static void check_picks(const size_t *picks, size_t len, const char *want, int pos)
{
    char got[JOBS_MAX + 1] = { 0 };
    for (size_t i = 0; i < len; i++)
        got[i] = (char)('0' + picks[i]);
    ck_assert_msg(strcmp(got, want) == 0, "choice %d: \"%s\", expected \"%s\"", pos, got, want);
}

START_TEST(those_who_waited_longest_come_and_those_who_ran_longest_go)
{
    const struct choice *choice = &choices[_i];
    struct repl_limits limits = defaults;
    size_t picks[JOBS_MAX];
    size_t count = count_of(choice);
    limits.jobs_max = choice->jobs_max;
    limits.churn_max = choice->churn_max;
    size_t len = repl_pick_starts(picks, choice->jobs, count, &limits, 100);
    check_picks(picks, len, choice->starts, _i);
    len = repl_pick_stops(picks, choice->jobs, count, &limits, 100);
    check_picks(picks, len, choice->stops, _i);
    ck_assert_uint_eq(repl_next_ms(choice->jobs, count, &limits, 160, 100), choice->next_ms);
}
END_TEST

/* INV-SCH-1: fifty continuous jobs on seven places; each runs again within a bounded time. */
START_TEST(everybody_gets_a_turn)
{
    enum { JOB_COUNT = 50, ROUND_COUNT = 60 };
    struct repl_limits limits = defaults;
    struct schedule_job jobs[JOB_COUNT];
    uint64_t runs[JOB_COUNT] = { 0 };
    size_t picks[JOB_COUNT];
    limits.jobs_max = 7;
    limits.churn_max = 3;
    for (size_t i = 0; i < JOB_COUNT; i++)
        jobs[i] = (struct schedule_job){ S, true, i + 1, 0, 0 };
    for (uint64_t round = 1; round <= ROUND_COUNT; round++) {
        size_t running = 0;
        size_t stops = repl_pick_stops(picks, jobs, JOB_COUNT, &limits, round * 1000);
        ck_assert_uint_le(stops, limits.churn_max);
        for (size_t i = 0; i < stops; i++)
            jobs[picks[i]].state = S;
        size_t starts = repl_pick_starts(picks, jobs, JOB_COUNT, &limits, round * 1000);
        for (size_t i = 0; i < starts; i++) {
            jobs[picks[i]].state = R;
            jobs[picks[i]].started_ms = round * 1000 + i;
            runs[picks[i]]++;
        }
        for (size_t i = 0; i < JOB_COUNT; i++)
            running += jobs[i].state == R;
        ck_assert_uint_eq(running, limits.jobs_max);
    }
    /* 7 + 59 * 3 starts are 184: three or four for each. */
    for (size_t i = 0; i < JOB_COUNT; i++)
        ck_assert_msg(runs[i] == 3 || runs[i] == 4, "job %zu ran %llu times", i,
                      (unsigned long long)runs[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schedule");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, a_wait_doubles_up_to_the_longest, 0, COUNT(waits));
    tcase_add_test(tcase, a_wait_never_overflows);
    tcase_add_test(tcase, a_healthy_run_begins_the_count_anew);
    tcase_add_loop_test(tcase, those_who_waited_longest_come_and_those_who_ran_longest_go, 0,
                        COUNT(choices));
    tcase_add_test(tcase, everybody_gets_a_turn);
    suite_add_tcase(suite, tcase);
    return tuft_run(suite);
}
