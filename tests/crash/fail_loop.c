/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: fails the first call into the file system or the allocator, then the second, then the
 * third, until a scenario runs through untouched: once with a single failure, once with all calls
 * failing from there on.
 *
 *   fail_loop [--part io|oom|all] [--scenarios N] [--jobs N] [--scenario NAME] [--mode NAME]
 *
 * Without --scenarios the few that are written by hand run; with it so many of all. After each
 * failure:
 *   - what was acknowledged is there after opening again, and after a power failure; what was not
 *     is wholly there or not at all; the check finds nothing;
 *   - reads gave an error or the right bytes;
 *   - with the fault gone the handle that is still open takes a write, or says TUF_E_POISONED with
 *     a text that tells to reopen; opened again, the database takes a write;
 *   - no file handle is left open, and every byte that was allocated is free again.
 * Ends with scenarios=N, io_faults=N, oom_faults=N, oom_recovery=N (of these, during the opening
 * after a kill) and violations=N; exit status 1 if there are any.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "tests/crash/dump.h"
#include "tests/crash/fail.h"

#define CALLS_MAX 100000 /* a scenario has far fewer */
#define VIOLATIONS_MAX 10
#define JOBS_MAX 64

/* How calls fail. */
static const struct mode {
    const char *name;
    bool alloc;
    struct fault_plan plan; /* `at` is filled in */
} modes[] = {
    { "eio_once", false, { .kind = FAULT_ANY } },
    { "eio_sticky", false, { .kind = FAULT_ANY, .sticky = true } },
    { "full_once", false, { .kind = FAULT_ANY, .sys_errno = ENOSPC } },
    { "full_sticky", false, { .kind = FAULT_ANY, .sys_errno = ENOSPC, .sticky = true } },
    { "quota_sticky", false, { .kind = FAULT_PWRITEV, .sys_errno = EDQUOT, .sticky = true } },
    { "readonly", false, { .kind = FAULT_PWRITEV, .sys_errno = EROFS, .sticky = true } },
    { "short_full", false, { .kind = FAULT_PWRITEV, .sys_errno = ENOSPC, .short_permille = 600 } },
    { "short_eio", false, { .kind = FAULT_PWRITEV, .short_permille = 1000 } },
    { "short_byte", false, { .kind = FAULT_PWRITEV, .short_permille = 1, .sticky = true } },
    { "read_eio", false, { .kind = FAULT_PREAD, .sticky = true } },
    { "sync_once", false, { .kind = FAULT_SYNC } },
    { "sync_drops", false, { .kind = FAULT_SYNC, .drop = true } },
    { "sync_evicts", false, { .kind = FAULT_SYNC, .drop = true, .evict = true } },
    { "emfile", false, { .kind = FAULT_OPEN, .sys_errno = EMFILE, .sticky = true } },
    { "oom_once", true, { .sticky = false } },
    { "oom_sticky", true, { .sticky = true } },
};
#define MODE_COUNT (sizeof(modes) / sizeof(*modes))

struct options {
    const char *scenario, *mode; /* NULL: all */
    bool io, oom;
    size_t scenario_count; /* 0: those written by hand */
    unsigned jobs;
};

struct totals {
    uint64_t scenarios, io, oom, oom_recovery, violations, passed, failed;
};

static char where[200];
uint64_t fail_recoveries;

/* ---- the failing allocator ------------------------------------------------------------------- */

static uint64_t alloc_calls, alloc_at, alloc_hits;
static bool alloc_sticky;

static bool alloc_hook(size_t size, void *ctx)
{
    (void)size;
    (void)ctx;
    alloc_calls++;
    bool hit =
        alloc_at > 0 && (alloc_calls == alloc_at || (alloc_sticky && alloc_calls > alloc_at));
    alloc_hits += hit;
    return !hit;
}

void fail_pause(void)
{
    tufi_alloc_set_hook(NULL, NULL);
}

void fail_resume(void)
{
    tufi_alloc_set_hook(alloc_hook, NULL);
}

/* Bytes in use. Exact where glibc keeps no freed blocks aside (main sets that); 0 elsewhere. */
static size_t bytes_in_use(void)
{
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
#else
    return 0; /* the leak sanitizer looks at the end */
#endif
}

/* ---- what is shared with the steps ----------------------------------------------------------- */

void fail_violation(struct stage *s, const char *what, tuf_status st)
{
    printf("VIOLATION %s: %s (%s: %s, %s)\n", where, what, tuf_status_name(st),
           tuf_last_error()->text, tuf_last_error()->origin);
    fflush(stdout);
    s->violations++;
}

char *fail_text_of(tuf_db *db, tuf_status *st_out)
{
    struct buf out = BUF_INIT;
    *st_out = dump_db(&out, db);
    if (*st_out == TUF_OK)
        *st_out = dump_pins(&out, db);
    buf_append_u8(&out, 0);
    if (*st_out == TUF_OK && out.failed)
        *st_out = TUF_E_NOMEM;
    if (*st_out != TUF_OK) {
        tufi_buf_release(&out);
        return NULL;
    }
    return (char *)tufi_buf_take(&out);
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void begin(struct stage *s, const struct scenario *scenario)
{
    s->sector_size = scenario->sector_size > 0 ? scenario->sector_size : 512;
    s->sim = sim_new(s->sector_size, 1);
    sim_set_sharing(s->sim, !scenario->no_sharing);
    s->fault = fault_new(sim_vfs(s->sim));
    s->issued = s->acked = 0;
    s->crashed = false;
}

/* A value of the application that the dump does not show. */
#define PROBE "probe"

/* The fault is gone. Returns whether the open handle took a write. */
static bool probe_handle(struct stage *s)
{
    if (!s->db)
        return false;
    tuf_status st = tuf_db_put_meta(s->db, tuf_str(PROBE), tuf_str("1"));
    if (st == TUF_E_POISONED && strstr(tuf_last_error()->text, "reopen") == NULL)
        fail_violation(s, "poisoned without saying what to do", st);
    else if (st != TUF_OK && st != TUF_E_POISONED)
        fail_violation(s, "the handle is of no use after the fault", st);
    return st == TUF_OK;
}

static void end(struct stage *s)
{
    (void)tuf_db_close(&s->db);
    if (sim_handle_count(s->sim) != 0)
        fail_violation(s, "file handles are left open", TUF_OK);
}

static bool state_fits(const struct stage *s, const char *text)
{
    size_t first = s->acked > 0 ? s->acked : 1;
    for (size_t i = first; i <= s->issued || i == first; i++)
        if (s->states[i] && strcmp(s->states[i], text) == 0)
            return true;
    return false;
}

static void expect_probe(struct stage *s, tuf_snapshot *snapshot, const char *when)
{
    tuf_slice value = { 0 };
    tuf_status st = tuf_snapshot_get_meta(&value, snapshot, tuf_str(PROBE));
    if (st != TUF_OK)
        fail_violation(s, when, st);
    tuf_free((void *)(uintptr_t)value.data);
}

static void expect_state(struct stage *s, struct sim *disk, bool probed, const char *when)
{
    tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
    opts.sector_size = s->sector_size;
    opts.flags = s->acked == 0 ? TUF_OPEN_CREATE : 0;
    opts.vfs = sim_vfs(disk);
    tuf_db *db = NULL;
    tuf_status st = tuf_db_open(&db, FAIL_PATH, &opts);
    if (st != TUF_OK) {
        fail_violation(s, when, st);
        return;
    }
    char *text = fail_text_of(db, &st);
    if (!text || !state_fits(s, text))
        fail_violation(s, when, st);
    tuf_free(text);
    struct tuf_check_report report = { 0 };
    tuf_snapshot *snapshot = NULL;
    st = tuf_db_snapshot(&snapshot, db);
    if (st != TUF_OK || tuf_check(&report, snapshot, NULL) != TUF_OK || report.finding_count > 0)
        fail_violation(s, "check", st);
    if (st == TUF_OK && probed)
        expect_probe(s, snapshot, when);
    tuf_snapshot_free(&snapshot);
    st = tuf_db_put_meta(db, tuf_str(PROBE), tuf_str("2"));
    if (st != TUF_OK)
        fail_violation(s, "a write after opening again", st);
    if (tuf_db_close(&db) != TUF_OK)
        fail_violation(s, "closing after a fault", TUF_OK);
}

/* Runs with the at-th call failing. False: no call failed, the loop is over. */
static bool fail_one(struct stage *s, const struct scenario *scenario, const struct mode *mode,
                     uint64_t at)
{
    snprintf(where, sizeof(where), "fail_loop --scenario %s --mode %s # call %llu", scenario->name,
             mode->name, (unsigned long long)at);
    size_t before = bytes_in_use();
    begin(s, scenario);
    struct fault_plan plan = mode->plan;
    plan.at = mode->alloc ? 0 : at;
    fault_set(s->fault, &plan);
    alloc_calls = alloc_hits = 0;
    alloc_at = mode->alloc ? at : 0;
    alloc_sticky = plan.sticky;
    fail_resume();
    (void)scenario->play(s, scenario);
    fail_pause();
    uint64_t hits = mode->alloc ? alloc_hits : fault_hits(s->fault);
    fault_set(s->fault, NULL);
    bool probed = probe_handle(s);
    end(s);
    struct sim_plan nothing = SIM_PLAN_INIT;
    struct sim *image = sim_crash(s->sim, &nothing);
    expect_state(s, image, probed, "after a power failure");
    sim_free(&image);
    expect_state(s, s->sim, probed, "after opening again");
    fault_free(&s->fault);
    sim_free(&s->sim);
    if (bytes_in_use() != before)
        fail_violation(s, "memory is not given back", TUF_OK);
    return hits > 0;
}

static void rehearse(struct stage *s, const struct scenario *scenario)
{
    snprintf(where, sizeof(where), "fail_loop --scenario %s # rehearsal", scenario->name);
    begin(s, scenario);
    alloc_at = 0;
    s->rehearsal = true;
    if (!scenario->play(s, scenario))
        fail_violation(s, "the scenario does not get through without faults", TUF_OK);
    s->rehearsal = false;
    fail_pause();
    end(s);
    expect_state(s, s->sim, false, "after the rehearsal"); /* libcrypto's own memory is taken here, too */
    fault_free(&s->fault);
    sim_free(&s->sim);
}

static void run_scenario(struct totals *totals, const struct scenario *scenario,
                         const struct options *o)
{
    struct stage stage = { 0 };
    rehearse(&stage, scenario);
    uint64_t io = 0, oom = 0;
    for (size_t m = 0; m < MODE_COUNT && stage.violations < VIOLATIONS_MAX; m++) {
        bool in_part = modes[m].alloc ? o->oom : o->io;
        if (!in_part || (o->mode && strcmp(o->mode, modes[m].name) != 0))
            continue;
        uint64_t at = 1, before = stage.violations;
        fail_recoveries = 0;
        while (at < CALLS_MAX && stage.violations < VIOLATIONS_MAX &&
               fail_one(&stage, scenario, &modes[m], at))
            at++;
        *(modes[m].alloc ? &oom : &io) += at - 1;
        totals->oom_recovery += modes[m].alloc ? fail_recoveries : 0;
        *(stage.violations > before ? &totals->failed : &totals->passed) += 1;
    }
    printf("%-30s %6llu calls and %6llu allocations failed, %llu violations\n", scenario->name,
           (unsigned long long)io, (unsigned long long)oom, (unsigned long long)stage.violations);
    fflush(stdout);
    totals->io += io;
    totals->oom += oom;
    totals->violations += stage.violations;
    totals->scenarios++;
    for (size_t i = 0; i < FAIL_STATES_MAX; i++)
        tuf_free(stage.states[i]);
    tuf_free(stage.salvaged);
}

static void on_signal(int number)
{
    static const char text[] = "\nVIOLATION an assertion or a crash: ";
    (void)!write(STDOUT_FILENO, text, sizeof(text) - 1);
    (void)!write(STDOUT_FILENO, where, strlen(where));
    (void)!write(STDOUT_FILENO, "\n", 1);
    signal(number, SIG_DFL);
    raise(number);
}

static bool parse_options(struct options *o, int argc, char **argv)
{
    *o = (struct options){ .io = true, .oom = true, .jobs = 1 };
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc)
            return false;
        const char *name = argv[i], *value = argv[i + 1];
        if (strcmp(name, "--scenario") == 0)
            o->scenario = value;
        else if (strcmp(name, "--mode") == 0)
            o->mode = value;
        else if (strcmp(name, "--scenarios") == 0)
            o->scenario_count = strtoul(value, NULL, 0);
        else if (strcmp(name, "--jobs") == 0)
            o->jobs = (unsigned)strtoul(value, NULL, 0);
        else if (strcmp(name, "--part") == 0) {
            o->io = strcmp(value, "oom") != 0;
            o->oom = strcmp(value, "io") != 0;
        } else
            return false;
    }
    return o->jobs >= 1 && o->jobs <= JOBS_MAX;
}

/* Every jobs-th scenario. */
static void do_job(struct totals *totals, const struct options *o, unsigned number)
{
    size_t count, by_hand;
    const struct scenario *scenarios = fail_scenarios(&count, &by_hand);
    size_t end = o->scenario           ? count
                 : !o->scenario_count  ? by_hand
                 : o->scenario_count < count ? o->scenario_count
                                             : count;
    for (size_t i = number; i < end; i += o->jobs)
        if (!o->scenario || strcmp(o->scenario, scenarios[i].name) == 0)
            run_scenario(totals, &scenarios[i], o);
}

/* A job that dies counts as a violation; it has said why. */
static void run_jobs(struct totals *sum, const struct options *o)
{
    int ends[JOBS_MAX][2];
    pid_t children[JOBS_MAX];
    for (unsigned i = 0; i < o->jobs; i++) {
        if (pipe(ends[i]) != 0 || fflush(stdout) != 0 || (children[i] = fork()) < 0)
            exit(2);
        if (children[i] == 0) {
            struct totals part = { 0 };
            do_job(&part, o, i);
            exit(write(ends[i][1], &part, sizeof(part)) == (ssize_t)sizeof(part) ? 0 : 2);
        }
        close(ends[i][1]);
    }
    for (unsigned i = 0; i < o->jobs; i++) {
        struct totals part;
        int status = 0;
        bool got = read(ends[i][0], &part, sizeof(part)) == (ssize_t)sizeof(part);
        close(ends[i][0]);
        waitpid(children[i], &status, 0);
        if (!got)
            part = (struct totals){ 0 };
        if (status != 0 && part.violations == 0)
            part.violations = part.failed = 1;
        sum->scenarios += part.scenarios;
        sum->io += part.io;
        sum->oom += part.oom;
        sum->oom_recovery += part.oom_recovery;
        sum->violations += part.violations;
        sum->passed += part.passed;
        sum->failed += part.failed;
    }
}

/* Leaks are counted to the byte, so glibc must not keep freed blocks in its threads' caches. */
static void restart_without_cache(char **argv)
{
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
    if (getenv("GLIBC_TUNABLES"))
        return;
    char self[4096];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1); /* valgrind answers with our name */
    if (len <= 0)
        return;
    self[len] = '\0';
    setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", 1);
    execv(self, argv);
#else
    (void)argv;
#endif
}

int main(int argc, char **argv)
{
    struct options o;
    if (!parse_options(&o, argc, argv)) {
        fprintf(stderr, "usage: fail_loop [--part io|oom|all] [--scenarios N] [--jobs N] "
                        "[--scenario NAME] [--mode NAME]\n");
        return 2;
    }
    restart_without_cache(argv);
    signal(SIGABRT, on_signal);
    signal(SIGSEGV, on_signal);
    struct totals t = { 0 };
    run_jobs(&t, &o);
    printf("scenarios=%llu\nviolations=%llu\n", (unsigned long long)t.scenarios,
           (unsigned long long)t.violations);
    if (o.oom)
        printf("oom_recovery=%llu\noom_faults=%llu\n", (unsigned long long)t.oom_recovery,
               (unsigned long long)t.oom);
    if (o.io)
        printf("io_faults=%llu\n", (unsigned long long)t.io);
    printf("%llu passed, %llu failed\n", (unsigned long long)t.passed,
           (unsigned long long)t.failed);
    return t.violations > 0 || t.passed == 0;
}
