/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the program that crashes every workload in every way and counts.
 *
 *   crash_enum [--budget-seconds S] [--jobs N] [--seed N] [--workload NAME] [--config N]
 *              [--all-configs] [--round R --boundary B --image I] [--verbose] [--list]
 *
 * The workloads written by hand run in every configuration; of the composed ones each runs in one,
 * which the seed chooses, or with --all-configs in every one. The jobs are processes that share the
 * list of runs. Ends with crash_images=N (distinct over all runs: two equal images of two workloads
 * count once) and violations=N; exit status 1 if there are any. A violation prints the command that
 * repeats it.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/crash/configs.h"
#include "tests/crash/enumerate.h"

#define VIOLATIONS_MAX 20
#define ROUNDS_MAX 1000000
#define RUNS_MAX 4096
#define JOBS_MAX 64

struct options {
    double budget_s;
    unsigned jobs;
    uint64_t seed;
    const char *workload; /* NULL: all */
    int64_t config;       /* -1: all */
    bool all_configs;
    uint64_t round;
    int64_t boundary;
    int64_t image;
    bool verbose;
};

/* A workload on a disk. */
struct planned {
    const struct workload *workload;
    size_t config;
};

static uint64_t now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void list_workloads(void)
{
    size_t composed_count;
    const struct workload *composed = composed_workloads(&composed_count);
    for (size_t i = 0; i < workload_count; i++)
        puts(workloads[i].name);
    for (size_t i = 0; i < composed_count; i++)
        puts(composed[i].name);
}

/* Options without a value. */
static bool take_switch(struct options *o, const char *name)
{
    if (strcmp(name, "--verbose") == 0) {
        o->verbose = true;
    } else if (strcmp(name, "--all-configs") == 0) {
        o->all_configs = true;
    } else if (strcmp(name, "--list") == 0) {
        list_workloads();
        exit(0);
    } else {
        return false;
    }
    return true;
}

static bool take_value(struct options *o, const char *name, const char *value)
{
    if (strcmp(name, "--budget-seconds") == 0)
        o->budget_s = strtod(value, NULL);
    else if (strcmp(name, "--jobs") == 0)
        o->jobs = (unsigned)strtoul(value, NULL, 0);
    else if (strcmp(name, "--seed") == 0)
        o->seed = strtoull(value, NULL, 0);
    else if (strcmp(name, "--workload") == 0)
        o->workload = value;
    else if (strcmp(name, "--config") == 0)
        o->config = strtoll(value, NULL, 0);
    else if (strcmp(name, "--round") == 0)
        o->round = strtoull(value, NULL, 0);
    else if (strcmp(name, "--boundary") == 0)
        o->boundary = strtoll(value, NULL, 0);
    else if (strcmp(name, "--image") == 0)
        o->image = strtoll(value, NULL, 0);
    else
        return false;
    return true;
}

static bool parse_options(struct options *o, int argc, char **argv)
{
    *o = (struct options){
        .budget_s = 120, .jobs = 1, .seed = 1, .config = -1, .boundary = -1, .image = -1
    };
    for (int i = 1; i < argc; i++) {
        if (take_switch(o, argv[i]))
            continue;
        if (i + 1 == argc || !take_value(o, argv[i], argv[i + 1]))
            return false;
        i++;
    }
    return o->config < (int64_t)CRASH_CONFIG_COUNT && o->jobs >= 1 && o->jobs <= JOBS_MAX;
}

static void plan_workload(struct planned *runs, size_t *count, const struct options *o,
                          const struct workload *workload, int64_t only_config)
{
    if (o->workload && strcmp(o->workload, workload->name) != 0)
        return;
    for (size_t c = 0; c < CRASH_CONFIG_COUNT; c++) {
        if (only_config >= 0 && (size_t)only_config != c)
            continue;
        if (*count == RUNS_MAX)
            abort();
        runs[(*count)++] = (struct planned){ workload, c };
    }
}

static size_t plan_runs(struct planned *runs, const struct options *o)
{
    size_t count = 0, composed_count;
    const struct workload *composed = composed_workloads(&composed_count);
    for (size_t i = 0; i < workload_count; i++)
        plan_workload(runs, &count, o, &workloads[i], o->config);
    for (size_t i = 0; i < composed_count; i++) {
        bool one = o->config < 0 && !o->all_configs && !o->workload;
        int64_t config = one ? (int64_t)((i + o->seed) % CRASH_CONFIG_COUNT) : o->config;
        plan_workload(runs, &count, o, &composed[i], config);
    }
    return count;
}

struct totals {
    uint64_t built, second, boundaries, violations, runs, incomplete, continued, links;
    uint64_t hash_count;
};

/* The hashes of a job's images, in a file for the parent. */
struct job {
    const struct options *options;
    struct totals totals;
    FILE *hashes;
};

/* Two workloads do not share their random numbers, else they would make the same images. */
static uint64_t seed_of(const struct options *o, const struct workload *workload)
{
    return rng_mix(o->seed ^ script_hash_text(workload->name));
}

static uint64_t count_links(const struct sim *sim)
{
    uint64_t count = 0;
    for (size_t i = 0; i < sim_trace_len(sim); i++)
        count += sim_trace_op(sim, i)->kind == SIM_OP_LINK;
    return count;
}

static void run_one(struct job *job, const struct planned *run, uint64_t deadline_us)
{
    const struct options *o = job->options;
    struct totals *totals = &job->totals;
    struct script_config how =
        crash_config(run->config, seed_of(o, run->workload), SIM_MONITOR_ABORT);
    struct script script;
    snprintf(enumerate_recipe, sizeof(enumerate_recipe),
             "crash_enum --workload %s --config %zu "
             "--seed %llu # (before any crash)",
             run->workload->name, run->config, (unsigned long long)o->seed);
    script_run(&script, run->workload, &how);
    totals->links += count_links(script.sim);
    struct enumeration e = {
        .workload = run->workload->name,
        .config_number = run->config,
        .seed = o->seed,
        .deadline_us = deadline_us,
        .only_boundary = o->boundary,
        .only_image = o->image,
        .only_round = o->round,
        .verbose = o->verbose,
        .violations_max = VIOLATIONS_MAX - totals->violations,
    };
    enumerate_crashes(&e, &script, o->boundary >= 0 ? o->round + 1 : ROUNDS_MAX);
    script_release(&script);
    totals->built += e.images;
    totals->second += e.second_crashes;
    totals->boundaries += e.boundaries;
    totals->violations += e.violations;
    totals->continued += e.continued;
    totals->runs++;
    totals->incomplete += !e.complete;
    totals->hash_count += e.distinct;
    if (fwrite(e.hashes, sizeof(*e.hashes), e.distinct, job->hashes) != e.distinct)
        exit(2);
    free(e.hashes);
    printf("%-27s config %zu: %6llu boundaries visited, %8llu images, %7llu distinct, %7llu second "
           "crashes, %llu violations%s\n",
           e.workload, run->config, (unsigned long long)e.boundaries, (unsigned long long)e.images,
           (unsigned long long)e.distinct, (unsigned long long)e.second_crashes,
           (unsigned long long)e.violations, e.complete ? "" : " (cut short)");
    fflush(stdout);
}

static void on_signal(int number)
{
    static const char text[] = "\nVIOLATION the library crashed or asserted; again: ";
    (void)!write(STDOUT_FILENO, text, sizeof(text) - 1);
    (void)!write(STDOUT_FILENO, enumerate_recipe, strlen(enumerate_recipe));
    (void)!write(STDOUT_FILENO, "\n", 1);
    signal(number, SIG_DFL);
    raise(number);
}

/* Every jobs-th run of the list. The totals go to `out`. */
static void do_job(struct job *job, const struct planned *runs, size_t run_count, unsigned number,
                   int out)
{
    const struct options *o = job->options;
    uint64_t end = now_us() + (uint64_t)(o->budget_s * 1e6);
    size_t left = (run_count + o->jobs - 1 - number) / o->jobs;
    for (size_t i = number; i < run_count && job->totals.violations < VIOLATIONS_MAX;
         i += o->jobs, left--) {
        uint64_t now = now_us();
        uint64_t share = now < end ? (end - now) / left : 1;
        run_one(job, &runs[i], o->boundary >= 0 ? 0 : now + share);
    }
    if (fflush(job->hashes) != 0 ||
        write(out, &job->totals, sizeof(job->totals)) != (ssize_t)sizeof(job->totals))
        exit(2);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static uint64_t count_distinct(FILE *const *files, unsigned count, uint64_t hash_count)
{
    uint64_t *all = malloc((hash_count + 1) * sizeof(*all));
    size_t got = 0;
    if (!all)
        abort();
    for (unsigned i = 0; i < count; i++) {
        rewind(files[i]);
        got += fread(all + got, sizeof(*all), hash_count - got, files[i]);
    }
    qsort(all, got, sizeof(*all), by_value);
    uint64_t distinct = 0;
    for (size_t i = 0; i < got; i++)
        distinct += i == 0 || all[i] != all[i - 1];
    free(all);
    return distinct;
}

static void add_totals(struct totals *sum, const struct totals *part)
{
    sum->built += part->built;
    sum->second += part->second;
    sum->boundaries += part->boundaries;
    sum->violations += part->violations;
    sum->continued += part->continued;
    sum->links += part->links;
    sum->runs += part->runs;
    sum->incomplete += part->incomplete;
    sum->hash_count += part->hash_count;
}

/* Runs the jobs. A job that dies counts as a violation; it has said why. */
static void run_jobs(struct totals *totals, FILE **files, const struct options *o,
                     const struct planned *runs, size_t run_count)
{
    int ends[JOBS_MAX][2];
    pid_t children[JOBS_MAX];
    for (unsigned i = 0; i < o->jobs; i++) {
        files[i] = tmpfile();
        if (!files[i] || pipe(ends[i]) != 0 || fflush(stdout) != 0 || (children[i] = fork()) < 0)
            exit(2);
        if (children[i] == 0) {
            struct job job = { .options = o, .hashes = files[i] };
            do_job(&job, runs, run_count, i, ends[i][1]);
            exit(0);
        }
        close(ends[i][1]);
    }
    for (unsigned i = 0; i < o->jobs; i++) {
        struct totals part = { 0 };
        int status = 0;
        if (read(ends[i][0], &part, sizeof(part)) != (ssize_t)sizeof(part))
            part = (struct totals){ .violations = 1 };
        close(ends[i][0]);
        waitpid(children[i], &status, 0);
        if (status != 0 && part.violations == 0)
            part.violations = 1;
        add_totals(totals, &part);
    }
}

int main(int argc, char **argv)
{
    static struct planned runs[RUNS_MAX];
    struct options o;
    if (!parse_options(&o, argc, argv)) {
        fprintf(stderr, "usage: crash_enum [--budget-seconds S] [--jobs N] [--seed N] [--workload "
                        "NAME] [--config N] [--all-configs] [--round R --boundary B --image I] "
                        "[--verbose] [--list]\n");
        return 2;
    }
    signal(SIGABRT, on_signal);
    signal(SIGSEGV, on_signal);
    signal(SIGBUS, on_signal);
    size_t run_count = plan_runs(runs, &o), composed_count;
    (void)composed_workloads(&composed_count);
    if (run_count == 0) {
        fprintf(stderr, "no such workload or configuration\n");
        return 2;
    }
    if (run_count < o.jobs)
        o.jobs = (unsigned)run_count;
    struct totals totals = { 0 };
    FILE *files[JOBS_MAX];
    run_jobs(&totals, files, &o, runs, run_count);
    uint64_t distinct = count_distinct(files, o.jobs, totals.hash_count);
    printf("crash_workloads=%zu\ncrash_runs=%llu\ncrash_runs_cut_short=%llu\n"
           "crash_boundaries=%llu\ncrash_images_built=%llu\ncrash_second=%llu\n"
           "compactions_continued=%llu\ncrash_links=%llu\n"
           "violations=%llu\ncrash_images=%llu\n",
           o.workload ? (size_t)1 : workload_count + composed_count,
           (unsigned long long)totals.runs, (unsigned long long)totals.incomplete,
           (unsigned long long)totals.boundaries, (unsigned long long)totals.built,
           (unsigned long long)totals.second, (unsigned long long)totals.continued,
           (unsigned long long)totals.links, (unsigned long long)totals.violations,
           (unsigned long long)distinct);
    return totals.violations > 0 || distinct == 0;
}
