/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the program that crashes every workload in every way and counts.
 *
 *   crash_enum [--budget-seconds S] [--seed N] [--workload NAME] [--config N]
 *              [--round R --boundary B --image I] [--verbose] [--list]
 *
 * Ends with crash_images=N and violations=N; exit status 1 if there are any. A violation prints the
 * command that repeats it.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/crash/configs.h"
#include "tests/crash/enumerate.h"

#define VIOLATIONS_MAX 20
#define ROUNDS_MAX 1000000

struct options {
    double budget_s;
    uint64_t seed;
    const char *workload; /* NULL: all */
    int64_t config;       /* -1: all */
    uint64_t round;
    int64_t boundary;
    int64_t image;
    bool verbose;
};

static uint64_t now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void list_workloads(void)
{
    for (size_t i = 0; i < workload_count; i++)
        puts(workloads[i].name);
}

static bool parse_options(struct options *o, int argc, char **argv)
{
    *o = (struct options){ .budget_s = 120, .seed = 1, .config = -1, .boundary = -1, .image = -1 };
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        if (strcmp(name, "--verbose") == 0) {
            o->verbose = true;
            continue;
        }
        if (strcmp(name, "--list") == 0) {
            list_workloads();
            exit(0);
        }
        if (i + 1 == argc)
            return false;
        const char *value = argv[++i];
        if (strcmp(name, "--budget-seconds") == 0)
            o->budget_s = strtod(value, NULL);
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
    }
    return o->config < (int64_t)CRASH_CONFIG_COUNT;
}

static bool chosen(const struct options *o, size_t workload, size_t config)
{
    return (!o->workload || strcmp(o->workload, workloads[workload].name) == 0) &&
           (o->config < 0 || (size_t)o->config == config);
}

static size_t count_chosen(const struct options *o)
{
    size_t count = 0;
    for (size_t w = 0; w < workload_count; w++)
        for (size_t c = 0; c < CRASH_CONFIG_COUNT; c++)
            count += chosen(o, w, c);
    return count;
}

struct totals {
    uint64_t built, distinct, second, boundaries, violations, runs, incomplete;
};

static void run_one(const struct options *o, size_t workload, size_t config, uint64_t deadline_us,
                    struct totals *totals)
{
    struct script_config how = crash_config(config, o->seed, SIM_MONITOR_ABORT);
    struct script script;
    snprintf(enumerate_recipe, sizeof(enumerate_recipe),
             "crash_enum --workload %s --config %zu "
             "--seed %llu # (before any crash)",
             workloads[workload].name, config, (unsigned long long)o->seed);
    script_run(&script, &workloads[workload], &how);
    struct enumeration e = {
        .workload = workloads[workload].name,
        .config_number = config,
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
    totals->distinct += e.distinct;
    totals->second += e.second_crashes;
    totals->boundaries += e.boundaries;
    totals->violations += e.violations;
    totals->runs++;
    totals->incomplete += !e.complete;
    printf("%-27s config %zu: %6llu boundaries visited, %8llu images, %7llu distinct, %7llu second "
           "crashes, %llu violations%s\n",
           e.workload, config, (unsigned long long)e.boundaries, (unsigned long long)e.images,
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

int main(int argc, char **argv)
{
    struct options o;
    if (!parse_options(&o, argc, argv)) {
        fprintf(stderr, "usage: crash_enum [--budget-seconds S] [--seed N] [--workload NAME] "
                        "[--config N] [--round R --boundary B --image I] [--verbose] [--list]\n");
        return 2;
    }
    signal(SIGABRT, on_signal);
    signal(SIGSEGV, on_signal);
    signal(SIGBUS, on_signal);
    size_t left = count_chosen(&o);
    if (left == 0) {
        fprintf(stderr, "no such workload or configuration\n");
        return 2;
    }
    struct totals totals = { 0 };
    uint64_t end = now_us() + (uint64_t)(o.budget_s * 1e6);
    for (size_t w = 0; w < workload_count && totals.violations < VIOLATIONS_MAX; w++) {
        for (size_t c = 0; c < CRASH_CONFIG_COUNT && totals.violations < VIOLATIONS_MAX; c++) {
            if (!chosen(&o, w, c))
                continue;
            uint64_t now = now_us();
            uint64_t share = now < end ? (end - now) / left : 1;
            run_one(&o, w, c, o.boundary >= 0 ? 0 : now + share, &totals);
            left--;
        }
    }
    printf("crash_runs=%llu\ncrash_runs_cut_short=%llu\ncrash_boundaries=%llu\ncrash_images_built=%"
           "llu\n"
           "crash_second=%llu\ncrash_images=%llu\nviolations=%llu\n",
           (unsigned long long)totals.runs, (unsigned long long)totals.incomplete,
           (unsigned long long)totals.boundaries, (unsigned long long)totals.built,
           (unsigned long long)totals.second, (unsigned long long)totals.distinct,
           (unsigned long long)totals.violations);
    return totals.violations > 0 || totals.distinct == 0;
}
