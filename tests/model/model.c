/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the program of the model test.
 *
 *   model [--seed S --ops N [--without KIND,...]]   one run
 *   model --seeds A..B [--ops N]                    a run of N steps for each seed
 *   model --ops N                                   N steps in all, over many seeds
 *         [--jobs J]                                so many processes share the seeds
 *
 * TUF_SEED and TUF_STEPS stand for --seed and --ops. model_trace is a hash of all that happened: the
 * same program and seeds give the same one, however many jobs there are. Each run is a process of its own. One seed in
 * a hundred runs twice and must give the same trace hash. A failure prints the command that repeats
 * it, after trying to get there with fewer steps and fewer kinds of steps.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/model/run.h"
#include "tests/sim/rng.h"

#define OPS_PER_SEED 500
#define FAILURES_MAX 5
#define JOBS_MAX 64
#define ALL_EVERY 128
#define SHRINK_ALL_EVERY 1
#define CHILD_SECONDS 300

struct outcome {
    bool finished;
    bool good;
    uint64_t hash;
    uint64_t failed_at;
    char step[32];
    char why[COMPARE_WHY_SIZE];
};

static void child(int out, uint64_t seed, uint64_t ops, uint64_t off_mask, uint64_t all_every)
{
    static struct run run;
    static struct outcome result;
    alarm(CHILD_SECONDS);
    result.good = run_all(&run, seed, ops, off_mask, all_every, &result.failed_at);
    result.finished = true;
    result.hash = run.hash;
    snprintf(result.step, sizeof(result.step), "%s", run.step);
    snprintf(result.why, sizeof(result.why), "%s", compare_why);
    (void)!write(out, &result, sizeof(result));
    close(out);
    /* A failed run leaves its memory behind on purpose. */
    if (!result.good)
        _exit(1);
    exit(0); /* with the leak check, if there is one */
}

/* Runs in a child, so that an assertion or a leak is a failure like any other. */
static struct outcome run_once(uint64_t seed, uint64_t ops, uint64_t off_mask, uint64_t all_every)
{
    int ends[2];
    fflush(stdout);
    if (pipe(ends) != 0)
        exit(2);
    pid_t pid = fork();
    if (pid < 0)
        exit(2);
    if (pid == 0) {
        close(ends[0]);
        child(ends[1], seed, ops, off_mask, all_every);
    }
    close(ends[1]);
    struct outcome result = { 0 };
    if (read(ends[0], &result, sizeof(result)) != (ssize_t)sizeof(result))
        result = (struct outcome){ .failed_at = ops };
    close(ends[0]);
    int status = 0;
    waitpid(pid, &status, 0);
    if (!result.finished)
        snprintf(result.why, sizeof(result.why), "the process ended with signal %d, status %d",
                 WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                 WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    else if (result.good && status != 0) {
        result.good = false;
        snprintf(result.why, sizeof(result.why), "the run was good, its end was not (leak?)");
    }
    return result;
}

static void print_command(uint64_t seed, uint64_t ops, uint64_t off_mask)
{
    printf("  again: model --seed %llu --ops %llu", (unsigned long long)seed,
           (unsigned long long)ops);
    for (size_t i = 0, first = 1; i < RUN_OP_COUNT; i++) {
        if (!(off_mask >> i & 1))
            continue;
        printf("%s%s", first ? " --without " : ",", run_op_names[i]);
        first = 0;
    }
    printf("\n");
}

/* The steps that were needed: up to the failing one. */
static uint64_t steps_of(const struct outcome *o, uint64_t ops)
{
    return o->finished && o->failed_at < ops ? o->failed_at : ops;
}

static void quiet(bool on)
{
    static int saved = -1;
    if (on) {
        fflush(stderr);
        saved = dup(STDERR_FILENO);
        if (!freopen("/dev/null", "w", stderr))
            exit(2);
        return;
    }
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
}

/* Ever shorter prefixes, then without one kind of step after the other. */
static void shrink(uint64_t seed, uint64_t ops, uint64_t off_mask)
{
    quiet(true);
    struct outcome o = run_once(seed, ops, off_mask, SHRINK_ALL_EVERY);
    if (!o.good)
        ops = steps_of(&o, ops);
    for (uint64_t shorter = ops; shorter > 1;) { /* a crash does not tell its step */
        shorter = shorter - (shorter + 7) / 8;
        struct outcome s = run_once(seed, shorter, off_mask, SHRINK_ALL_EVERY);
        if (s.good)
            break;
        ops = steps_of(&s, shorter);
        shorter = ops;
        o = s;
    }
    for (size_t i = 1; i < RUN_OP_COUNT; i++) {
        uint64_t mask = off_mask | UINT64_C(1) << i;
        struct outcome s = run_once(seed, ops, mask, SHRINK_ALL_EVERY);
        if (mask == off_mask || s.good)
            continue;
        off_mask = mask;
        ops = steps_of(&s, ops);
        o = s;
    }
    quiet(false);
    printf("  shorter: step %llu (%s): %s\n", (unsigned long long)ops, o.step, o.why);
    print_command(seed, ops, off_mask);
}

static uint64_t mask_of(const char *names)
{
    uint64_t mask = 0;
    for (size_t i = 1; i < RUN_OP_COUNT; i++) {
        const char *at = strstr(names, run_op_names[i]);
        size_t len = strlen(run_op_names[i]);
        if (at && (at[len] == ',' || at[len] == '\0') && (at == names || at[-1] == ','))
            mask |= UINT64_C(1) << i;
    }
    return mask;
}

struct options {
    bool one;   /* --seed */
    bool range; /* --seeds */
    uint64_t first, last;
    uint64_t ops; /* 0: default */
    uint64_t off_mask;
    bool no_shrink;
    unsigned jobs;
};

struct totals {
    uint64_t seeds, failures, steps, trace;
};

static bool parse_options(struct options *o, int argc, char **argv)
{
    *o = (struct options){ .first = 1, .jobs = 1 };
    const char *seed = getenv("TUF_SEED"), *steps = getenv("TUF_STEPS");
    if (seed) {
        o->one = true;
        o->first = strtoull(seed, NULL, 0);
    }
    if (steps)
        o->ops = strtoull(steps, NULL, 0);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--no-shrink") == 0) {
            o->no_shrink = true;
            continue;
        }
        if (i + 1 == argc)
            return false;
        char *rest = NULL;
        if (strcmp(argv[i], "--seed") == 0) {
            o->one = true;
            o->first = strtoull(argv[i + 1], NULL, 0);
        } else if (strcmp(argv[i], "--ops") == 0) {
            o->ops = strtoull(argv[i + 1], NULL, 0);
        } else if (strcmp(argv[i], "--jobs") == 0) {
            o->jobs = (unsigned)strtoul(argv[i + 1], NULL, 0);
        } else if (strcmp(argv[i], "--without") == 0) {
            o->off_mask = mask_of(argv[i + 1]);
        } else if (strcmp(argv[i], "--seeds") == 0) {
            o->range = true;
            o->first = strtoull(argv[i + 1], &rest, 0);
            if (strncmp(rest, "..", 2) != 0)
                return false;
            o->last = strtoull(rest + 2, NULL, 0);
        } else {
            return false;
        }
        i++;
    }
    return o->jobs >= 1 && o->jobs <= JOBS_MAX;
}

static void do_seed(struct totals *t, const struct options *o, uint64_t seed, uint64_t each)
{
    struct outcome a = run_once(seed, each, o->off_mask, ALL_EVERY);
    t->seeds++;
    t->steps += a.good ? each : a.failed_at;
    t->trace += rng_mix(a.hash ^ seed); /* the order of seeds does not matter */
    if (a.good && seed % 100 == 0) {
        /* INV-MO-1 */
        struct outcome b = run_once(seed, each, o->off_mask, ALL_EVERY);
        a.good = b.good && b.hash == a.hash;
        snprintf(a.why, sizeof(a.why), "the same seed gave two traces");
    }
    if (o->one)
        printf("trace_hash=%016llx\n", (unsigned long long)a.hash);
    if (a.good)
        return;
    t->failures++;
    printf("FAILURE seed %llu, step %llu (%s): %s\n", (unsigned long long)seed,
           (unsigned long long)a.failed_at, a.step, a.why);
    print_command(seed, steps_of(&a, each), o->off_mask);
    if (!o->no_shrink)
        shrink(seed, steps_of(&a, each), o->off_mask);
}

/* Every jobs-th seed from the number-th on. */
static void do_job(struct totals *t, const struct options *o, uint64_t last, uint64_t each,
                   unsigned number)
{
    for (uint64_t seed = o->first + number; seed <= last && t->failures < FAILURES_MAX;
         seed += o->jobs)
        do_seed(t, o, seed, each);
}

static void run_jobs(struct totals *sum, const struct options *o, uint64_t last, uint64_t each)
{
    int ends[JOBS_MAX][2];
    pid_t children[JOBS_MAX];
    for (unsigned i = 0; i < o->jobs; i++) {
        if (pipe(ends[i]) != 0 || fflush(stdout) != 0 || (children[i] = fork()) < 0)
            exit(2);
        if (children[i] == 0) {
            struct totals part = { 0 };
            do_job(&part, o, last, each, i);
            exit(write(ends[i][1], &part, sizeof(part)) == (ssize_t)sizeof(part) ? 0 : 2);
        }
        close(ends[i][1]);
    }
    for (unsigned i = 0; i < o->jobs; i++) {
        struct totals part = { .failures = 1 }; /* a job that died */
        (void)!read(ends[i][0], &part, sizeof(part));
        close(ends[i][0]);
        waitpid(children[i], NULL, 0);
        sum->seeds += part.seeds;
        sum->failures += part.failures;
        sum->steps += part.steps;
        sum->trace += part.trace;
    }
}

int main(int argc, char **argv)
{
    struct options o;
    if (!parse_options(&o, argc, argv)) {
        fprintf(stderr, "usage: model [--seed S | --seeds A..B] [--ops N] [--jobs J] "
                        "[--without KIND,...] [--no-shrink]\n");
        return 2;
    }
    uint64_t each = o.one || o.range ? (o.ops ? o.ops : OPS_PER_SEED) : OPS_PER_SEED;
    uint64_t last = o.one     ? o.first
                    : o.range ? o.last
                              : o.first + (o.ops ? (o.ops + each - 1) / each : 400) - 1;
    struct totals t = { 0 };
    run_jobs(&t, &o, last, each);
    printf("model_seeds=%llu\nmodel_trace=%016llx\nmodel_steps=%llu\n%llu passed, %llu failed\n",
           (unsigned long long)t.seeds, (unsigned long long)t.trace, (unsigned long long)t.steps,
           (unsigned long long)(t.seeds - t.failures), (unsigned long long)t.failures);
    return t.failures > 0 || t.seeds == 0;
}
