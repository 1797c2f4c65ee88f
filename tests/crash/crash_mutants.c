/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: proves that the crash tests find bugs: plants each durability bug of base/testhook.h in
 * turn and runs the enumeration, which must then fail. The order monitor is off, so that what is
 * measured is the enumeration alone.
 *
 *   crash_mutants [--budget-seconds S] [--mutant NAME]
 *
 * Ends with mutants_caught=N/M; exit status 1 if one escaped. Needs a library built with
 * -DTUF_TEST_HOOKS.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/testhook.h"
#include "tests/crash/configs.h"
#include "tests/crash/enumerate.h"
#include "tests/sim/testhook.h"

#define SEED 1

/* Each with the workloads that should see it first; all others follow. */
static const struct mutant {
    const char *name;
    const char *first;
} mutants[] = {
    { "skip_commit_sync", "one_doc" },
    { "ack_before_sync", "one_doc" },
    { "skip_checkpoint_sync", "checkpoint" },
    { "header_before_nodes", "checkpoint" },
    { "skip_dir_sync", "create" },
    { "no_pad", "update" },
    { "skip_open_sync", "no_wait" },
    { "retry_failed_sync", "sync_fails_and_drops_later" },
    { "trust_size", "no_wait" },
    { "accept_any_chain", "no_wait" },
    { "trust_cache", "sync_fails_and_drops_later" },
    { "skip_seal", "att_small" },
    { "compact_skip_dir_sync", "compact" },
    { "link_skip_dir_sync", "pins" },
    { "compact_rename_early", "compact_all" },
    { "compact_trust_note", "compact_cancelled" },
    { "trim_before_note", "trim_history" },
    { "trim_forgets_history", "trim" },
};
#define MUTANT_COUNT (sizeof(mutants) / sizeof(*mutants))

/* What a child tells its parent. */
struct verdict {
    bool finished;
    uint64_t violations;
    uint64_t asked; /* how often the planted place was reached */
};

static uint64_t now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void run_child(int out, const char *mutant, const struct workload *workload, size_t config,
                      uint64_t deadline_us)
{
    struct script_config how = crash_config(config, SEED, SIM_MONITOR_OFF);
    struct script script;
    testhook_plant(mutant);
    script_run(&script, workload, &how);
    struct enumeration e = {
        .workload = workload->name,
        .config_number = config,
        .seed = SEED,
        .deadline_us = deadline_us,
        .only_boundary = -1,
        .only_image = -1,
        .violations_max = 1,
    };
    enumerate_crashes(&e, &script, 3);
    struct verdict v = { true, e.violations, testhook_asked() };
    (void)!write(out, &v, sizeof(v));
    _exit(0);
}

/* Whether the planted bug was seen, and how: NULL, or what to print. */
static const char *try_in_child(const char *mutant, const struct workload *workload, size_t config,
                                uint64_t deadline_us, bool *reached)
{
    int ends[2];
    if (pipe(ends) != 0)
        exit(2);
    fflush(stdout);
    pid_t child = fork();
    if (child < 0)
        exit(2);
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        run_child(ends[1], mutant, workload, config, deadline_us);
    }
    close(ends[1]);
    struct verdict v = { 0 };
    ssize_t got = read(ends[0], &v, sizeof(v));
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    if (got != (ssize_t)sizeof(v)) {
        *reached = true;
        return WIFSIGNALED(status) ? "an assertion" : "the recorded run";
    }
    *reached |= v.asked > 0;
    return v.violations > 0 ? "a crash image" : NULL;
}

static bool catch_mutant(const struct mutant *m, uint64_t budget_us)
{
    uint64_t start = now_us();
    bool reached = false;
    for (size_t pass = 0; pass < 2; pass++) {
        for (size_t c = 0; c < CRASH_CONFIG_COUNT; c++) {
            for (size_t w = 0; w < workload_count; w++) {
                bool is_first = strcmp(workloads[w].name, m->first) == 0;
                uint64_t now = now_us();
                if (is_first != (pass == 0) || now > start + budget_us)
                    continue;
                uint64_t deadline = now + budget_us / (pass == 0 ? 4 : 12);
                const char *how = try_in_child(m->name, &workloads[w], c, deadline, &reached);
                if (!how)
                    continue;
                printf("%-22s caught by %s (%s, config %zu) after %.1f s\n", m->name, how,
                       workloads[w].name, c, (double)(now_us() - start) / 1e6);
                return true;
            }
        }
    }
    printf("%-22s ESCAPED after %.1f s%s\n", m->name, (double)(now_us() - start) / 1e6,
           reached ? "" : " (the planted place was never reached)");
    return false;
}

int main(int argc, char **argv)
{
    double budget_s = 20; /* for each mutant */
    const char *only = NULL;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--budget-seconds") == 0)
            budget_s = strtod(argv[i + 1], NULL);
        else if (strcmp(argv[i], "--mutant") == 0)
            only = argv[i + 1];
    }
#ifndef TUF_TEST_HOOKS
    fprintf(stderr, "built without TUF_TEST_HOOKS: no bug can be planted\n");
    return 2;
#endif
    /* Without a bug the same runs must be clean, or a catch would mean nothing. */
    bool reached = false;
    for (size_t i = 0; i < MUTANT_COUNT; i++) {
        for (size_t w = 0; w < workload_count; w++) {
            if (strcmp(workloads[w].name, mutants[i].first) != 0)
                continue;
            if (try_in_child(NULL, &workloads[w], 0, now_us() + 1000000, &reached)) {
                printf("%s fails without any planted bug\nmutants_caught=0/%zu\n",
                       workloads[w].name, MUTANT_COUNT);
                return 1;
            }
        }
    }
    size_t caught = 0, count = 0;
    for (size_t i = 0; i < MUTANT_COUNT; i++) {
        if (only && strcmp(only, mutants[i].name) != 0)
            continue;
        count++;
        caught += catch_mutant(&mutants[i], (uint64_t)(budget_s * 1e6));
    }
    printf("mutants_caught=%zu/%zu\n", caught, count);
    return caught == count && count > 0 ? 0 : 1;
}
