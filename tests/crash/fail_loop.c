/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: fails the first call into the file system or the allocator, then the second, then the
 * third, until a scenario runs through untouched: once with a single failure, once with all calls
 * failing from there on.
 *
 *   fail_loop [--scenario NAME] [--mode NAME]
 *
 * After each failure: what was acknowledged is there after opening again, what was not is wholly
 * there or not at all, reads gave an error or the right bytes, no file handle is left open, and the
 * check finds nothing. Ends with io_faults=N, oom_faults=N and violations=N; exit status 1 if there
 * are any.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "tests/crash/dump.h"
#include "tests/crash/script.h"

#define PATH "dir/f.tuf"
#define STATES_MAX 40
#define CALLS_MAX 100000 /* a scenario has far fewer */

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
    { "short_full", false, { .kind = FAULT_PWRITEV, .sys_errno = ENOSPC, .short_permille = 600 } },
    { "short_eio", false, { .kind = FAULT_PWRITEV, .short_permille = 1000 } },
    { "sync_drops", false, { .kind = FAULT_SYNC, .drop = true } },
    { "sync_evicts", false, { .kind = FAULT_SYNC, .drop = true, .evict = true } },
    { "emfile", false, { .kind = FAULT_OPEN, .sys_errno = EMFILE, .sticky = true } },
    { "oom_once", true, { .sticky = false } },
    { "oom_sticky", true, { .sticky = true } },
};
#define MODE_COUNT (sizeof(modes) / sizeof(*modes))

struct stage {
    struct sim *sim;
    struct fault *fault;
    tuf_db *db;
    bool rehearsal;
    char *states[STATES_MAX]; /* from the rehearsal; [0] is no file, NULL */
    size_t issued, acked;
    uint64_t violations;
};

static char where[200];

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

/* Runs something without faults and without counting. */
static void pause_faults(void)
{
    tufi_alloc_set_hook(NULL, NULL);
}

static void resume_faults(void)
{
    tufi_alloc_set_hook(alloc_hook, NULL);
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void violation(struct stage *s, const char *what, tuf_status st)
{
    printf("VIOLATION %s: %s (%s: %s, %s)\n", where, what, tuf_status_name(st),
           tuf_last_error()->text, tuf_last_error()->origin);
    fflush(stdout);
    s->violations++;
}

static char *text_of(tuf_db *db, tuf_status *st_out)
{
    struct buf out = BUF_INIT;
    *st_out = dump_db(&out, db);
    buf_append_u8(&out, 0);
    if (*st_out == TUF_OK && out.failed)
        *st_out = TUF_E_NOMEM;
    if (*st_out != TUF_OK) {
        tufi_buf_release(&out);
        return NULL;
    }
    return (char *)tufi_buf_take(&out);
}

static void issue(struct stage *s)
{
    s->issued = s->acked + 1;
    if (s->issued == STATES_MAX)
        abort();
}

/* True if the scenario goes on. */
static bool done(struct stage *s, tuf_status st)
{
    if (st != TUF_OK) {
        if (st > 0 || st == TUF_E_INTERNAL || st == TUF_E_MISUSE || s->rehearsal)
            violation(s, "a step ends in an impossible way", st);
        return false;
    }
    s->acked = s->issued;
    if (s->rehearsal) {
        pause_faults();
        s->states[s->acked] = text_of(s->db, &st);
        if (st != TUF_OK)
            violation(s, "reading everything in the rehearsal", st);
        resume_faults();
    }
    return true;
}

static bool step_open(struct stage *s)
{
    bool create = s->acked == 0;
    tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
    opts.sector_size = 512;
    opts.cache_size = 1;
    opts.flags = create ? TUF_OPEN_CREATE : 0;
    opts.vfs = fault_vfs(s->fault);
    if (create)
        issue(s);
    tuf_status st = tuf_db_open(&s->db, PATH, &opts);
    return create ? done(s, st) : st == TUF_OK;
}

static bool step_close(struct stage *s)
{
    return tuf_db_close(&s->db) == TUF_OK;
}

static bool step_batch(struct stage *s, const char *const *docs, size_t count, unsigned flags)
{
    tuf_edit *edits[32] = { 0 };
    tuf_edit_options opts = TUF_EDIT_OPTIONS_INIT;
    opts.flags = flags;
    tuf_status st = TUF_OK;
    for (size_t i = 0; i < count && st == TUF_OK; i++)
        st = tuf_edit_parse(&edits[i], tuf_str(docs[i]), &opts);
    issue(s);
    if (st == TUF_OK)
        st = tuf_db_commit(s->db, edits, count, 0);
    for (size_t i = 0; i < count; i++) {
        tuf_edit_result result = { 0 };
        if (st == TUF_OK) {
            tuf_edit_get_result(&result, edits[i]);
            st = result.status;
        }
        tuf_edit_free(&edits[i]);
    }
    return done(s, st);
}

static bool step_put(struct stage *s, const char *doc)
{
    return step_batch(s, &doc, 1, 0);
}

static bool step_replicate(struct stage *s, const char *doc)
{
    return step_batch(s, &doc, 1, TUF_EDIT_REPLICATED);
}

/* Deletes, or gives the winner another attachment. */
static bool step_edit_winner(struct stage *s, const char *id, const char *att_type, size_t att_len)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    TUF_AUTO(tuf_edit_free) tuf_edit *edit = NULL;
    TUF_AUTO(tuf_att_writer_free) tuf_att_writer *writer = NULL;
    TUF_AUTO(tuf_blob_free) tuf_blob *blob = NULL;
    static uint8_t bytes[300000];
    for (size_t i = 0; i < att_len; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 251);
    tuf_att_options opts = TUF_ATT_OPTIONS_INIT;
    opts.type = tuf_str(att_type ? att_type : "");
    tuf_status st = tuf_db_snapshot(&snapshot, s->db);
    if (st == TUF_OK)
        st = tuf_doc_open(&doc, snapshot, tuf_str(id), NULL);
    if (st == TUF_OK)
        st = tuf_edit_from_doc(&edit, doc);
    if (st == TUF_OK && !att_type)
        tuf_edit_set_deleted(edit, true);
    if (st == TUF_OK && att_type)
        st = tuf_att_writer_new(&writer, s->db, &opts);
    for (size_t at = 0; st == TUF_OK && at < att_len; at += 70000)
        st = tuf_att_write(writer, bytes + at, att_len - at < 70000 ? att_len - at : 70000);
    if (st == TUF_OK && att_type)
        st = tuf_att_finish(&blob, writer);
    if (st == TUF_OK && att_type)
        st = tuf_edit_put_attachment(edit, tuf_str("att"), opts.type, &blob);
    issue(s);
    if (st == TUF_OK)
        st = tuf_db_commit(s->db, &edit, 1, 0);
    tuf_edit_result result = { 0 };
    if (st == TUF_OK) {
        tuf_edit_get_result(&result, edit);
        st = result.status;
    }
    return done(s, st);
}

static bool step_purge(struct stage *s, const char *id)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    tuf_status st = tuf_db_snapshot(&snapshot, s->db);
    if (st == TUF_OK)
        st = tuf_doc_open(&doc, snapshot, tuf_str(id), NULL);
    issue(s);
    if (st == TUF_OK) {
        tuf_rev rev = tuf_doc_rev(doc);
        bool purged = false;
        tuf_purge_item item = { tuf_str(id), &rev, 1, &purged };
        st = tuf_db_purge(s->db, &item, 1);
    }
    return done(s, st);
}

static bool step_meta(struct stage *s, const char *value)
{
    issue(s);
    return done(s, tuf_db_put_meta(s->db, tuf_str("security"), tuf_str(value)));
}

static bool step_revs_limit(struct stage *s, uint32_t limit)
{
    issue(s);
    return done(s, tuf_db_set_revs_limit(s->db, limit));
}

static bool step_checkpoint(struct stage *s)
{
    return tuf_db_checkpoint(s->db) == TUF_OK;
}

static bool step_compact(struct stage *s)
{
    issue(s);
    return done(s, tuf_db_compact(NULL, s->db, NULL));
}

/* Reads everything, faults included: an error, or exactly what is there. */
static bool step_read(struct stage *s)
{
    tuf_status st;
    char *text = text_of(s->db, &st);
    if (text && s->states[s->acked] && strcmp(text, s->states[s->acked]) != 0)
        violation(s, "a read gave something else without an error", TUF_OK);
    if (!text && (st > 0 || st == TUF_E_INTERNAL || st == TUF_E_MISUSE))
        violation(s, "a read ends in an impossible way", st);
    tuf_free(text);
    return st == TUF_OK;
}

static bool step_check(struct stage *s)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    tuf_check_report report = { 0 };
    tuf_status st = tuf_db_snapshot(&snapshot, s->db);
    return st == TUF_OK && tuf_check(&report, snapshot, NULL) == TUF_OK;
}

/* ---- scenarios ------------------------------------------------------------------------------- */

static bool play_writes(struct stage *s)
{
    const char *batch[20];
    static char texts[20][64];
    for (int i = 0; i < 20; i++) {
        snprintf(texts[i], sizeof(texts[i]), "{\"_id\":\"doc%02d\",\"n\":%d}", i, i);
        batch[i] = texts[i];
    }
    return step_open(s) && step_put(s, "{\"_id\":\"a\",\"v\":1}") && step_batch(s, batch, 20, 0) &&
           step_put(s, "{\"_id\":\"_local/x\",\"v\":1}") && step_meta(s, "{}") &&
           step_edit_winner(s, "a", NULL, 0) && step_put(s, "{\"_id\":\"a\",\"v\":2}") &&
           step_close(s);
}

static bool play_trees(struct stage *s)
{
    return step_open(s) && step_put(s, "{\"_id\":\"a\",\"v\":1}") &&
           step_replicate(s, "{\"_id\":\"a\",\"_revisions\":{\"start\":3,\"ids\":[\"c\",\"b\","
                             "\"a\"]},\"v\":2}") &&
           step_replicate(s, "{\"_id\":\"a\",\"_revisions\":{\"start\":4,\"ids\":[\"e\",\"d\","
                             "\"b\",\"a\"]},\"v\":3}") &&
           step_revs_limit(s, 2) &&
           step_replicate(s, "{\"_id\":\"a\",\"_revisions\":{\"start\":5,\"ids\":[\"f\",\"e\"]},"
                             "\"_deleted\":true}") &&
           step_purge(s, "a") && step_purge(s, "a") && step_put(s, "{\"_id\":\"b\"}") &&
           step_close(s);
}

static bool play_attachments(struct stage *s)
{
    return step_open(s) &&
           step_put(s, "{\"_id\":\"a\",\"_attachments\":{\"t\":{\"content_type\":\"text/plain\","
                       "\"data\":\"aGVsbG8gaGVsbG8gaGVsbG8=\"}}}") &&
           step_edit_winner(s, "a", "image/png", 300000) &&
           step_edit_winner(s, "a", "text/plain", 50000) && step_read(s) && step_check(s) &&
           step_close(s);
}

static bool play_reopen(struct stage *s)
{
    return step_open(s) && step_put(s, "{\"_id\":\"a\",\"v\":1}") && step_checkpoint(s) &&
           step_put(s, "{\"_id\":\"b\",\"v\":1}") && step_close(s) && step_open(s) &&
           step_read(s) && step_put(s, "{\"_id\":\"c\",\"v\":1}") && step_checkpoint(s) &&
           step_checkpoint(s) && step_edit_winner(s, "a", NULL, 0) && step_read(s) &&
           step_check(s) && step_close(s) && step_open(s) && step_close(s);
}

static bool play_compaction(struct stage *s)
{
    return step_open(s) && step_put(s, "{\"_id\":\"a\",\"v\":1}") &&
           step_put(s, "{\"_id\":\"_local/x\",\"v\":1}") &&
           step_edit_winner(s, "a", "image/png", 300000) &&
           step_replicate(s,
                          "{\"_id\":\"a\",\"_revisions\":{\"start\":2,\"ids\":[\"f\",\"e\"]}}") &&
           step_put(s, "{\"_id\":\"p\"}") && step_purge(s, "p") && step_compact(s) &&
           step_put(s, "{\"_id\":\"b\"}") && step_read(s) && step_compact(s) && step_close(s);
}

static const struct scenario {
    const char *name;
    bool (*play)(struct stage *s); /* false: a step failed */
} scenarios[] = {
    { "writes", play_writes },           { "trees", play_trees },
    { "attachments", play_attachments }, { "reopen", play_reopen },
    { "compaction", play_compaction },
};
#define SCENARIO_COUNT (sizeof(scenarios) / sizeof(*scenarios))

/* ---- the loop -------------------------------------------------------------------------------- */

static void begin(struct stage *s, uint64_t seed)
{
    s->sim = sim_new(512, seed);
    s->fault = fault_new(sim_vfs(s->sim));
    s->issued = s->acked = 0;
}

static void end(struct stage *s)
{
    (void)tuf_db_close(&s->db);
    fault_set(s->fault, NULL);
    pause_faults();
    if (sim_handle_count(s->sim) != 0)
        violation(s, "file handles are left open", TUF_OK);
}

static bool state_fits(const struct stage *s, const char *text)
{
    size_t first = s->acked > 0 ? s->acked : 1;
    for (size_t i = first; i <= s->issued || i == first; i++)
        if (s->states[i] && strcmp(s->states[i], text) == 0)
            return true;
    return false;
}

static void expect_state(struct stage *s, struct sim *disk, const char *when)
{
    tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
    opts.sector_size = 512;
    opts.flags = s->acked == 0 ? TUF_OPEN_CREATE : 0;
    opts.vfs = sim_vfs(disk);
    tuf_db *db = NULL;
    tuf_status st = tuf_db_open(&db, PATH, &opts);
    if (st != TUF_OK) {
        violation(s, when, st);
        return;
    }
    char *text = text_of(db, &st);
    if (!text || !state_fits(s, text))
        violation(s, when, st);
    tuf_free(text);
    struct tuf_check_report report = { 0 };
    tuf_snapshot *snapshot = NULL;
    st = tuf_db_snapshot(&snapshot, db);
    if (st != TUF_OK || tuf_check(&report, snapshot, NULL) != TUF_OK || report.finding_count > 0)
        violation(s, "check", st);
    tuf_snapshot_free(&snapshot);
    (void)tuf_db_close(&db);
}

/* Runs with the at-th call failing. False: no call failed, the loop is over. */
static bool fail_one(struct stage *s, const struct scenario *scenario, const struct mode *mode,
                     uint64_t at)
{
    snprintf(where, sizeof(where), "fail_loop --scenario %s --mode %s # call %llu", scenario->name,
             mode->name, (unsigned long long)at);
    begin(s, 1);
    struct fault_plan plan = mode->plan;
    plan.at = mode->alloc ? 0 : at;
    fault_set(s->fault, &plan);
    alloc_calls = alloc_hits = 0;
    alloc_at = mode->alloc ? at : 0;
    alloc_sticky = plan.sticky;
    resume_faults();
    (void)scenario->play(s);
    uint64_t hits = mode->alloc ? alloc_hits : fault_hits(s->fault);
    end(s);
    struct sim_plan nothing = SIM_PLAN_INIT;
    struct sim *image = sim_crash(s->sim, &nothing);
    expect_state(s, image, "after a power failure");
    sim_free(&image);
    expect_state(s, s->sim, "after opening again");
    fault_free(&s->fault);
    sim_free(&s->sim);
    return hits > 0;
}

static void rehearse(struct stage *s, const struct scenario *scenario)
{
    snprintf(where, sizeof(where), "fail_loop --scenario %s # rehearsal", scenario->name);
    begin(s, 1);
    alloc_at = 0;
    s->rehearsal = true;
    if (!scenario->play(s))
        violation(s, "the scenario does not get through without faults", TUF_OK);
    s->rehearsal = false;
    end(s);
    fault_free(&s->fault);
    sim_free(&s->sim);
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

int main(int argc, char **argv)
{
    const char *only_scenario = NULL, *only_mode = NULL;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--scenario") == 0)
            only_scenario = argv[i + 1];
        else if (strcmp(argv[i], "--mode") == 0)
            only_mode = argv[i + 1];
    }
    signal(SIGABRT, on_signal);
    signal(SIGSEGV, on_signal);
    uint64_t io = 0, oom = 0, violations = 0, passed = 0, failed = 0;
    for (size_t k = 0; k < SCENARIO_COUNT; k++) {
        if (only_scenario && strcmp(only_scenario, scenarios[k].name) != 0)
            continue;
        struct stage stage = { 0 };
        rehearse(&stage, &scenarios[k]);
        for (size_t m = 0; m < MODE_COUNT && stage.violations < 10; m++) {
            if (only_mode && strcmp(only_mode, modes[m].name) != 0)
                continue;
            uint64_t at = 1, before = stage.violations;
            while (at < CALLS_MAX && stage.violations < 10 &&
                   fail_one(&stage, &scenarios[k], &modes[m], at))
                at++;
            *(modes[m].alloc ? &oom : &io) += at - 1;
            *(stage.violations > before ? &failed : &passed) += 1;
            printf("%-12s %-12s %6llu calls failed, %llu violations\n", scenarios[k].name,
                   modes[m].name, (unsigned long long)(at - 1),
                   (unsigned long long)(stage.violations - before));
        }
        violations += stage.violations;
        for (size_t i = 0; i < STATES_MAX; i++)
            tuf_free(stage.states[i]);
    }
    printf("io_faults=%llu\noom_faults=%llu\nviolations=%llu\n%llu passed, %llu failed\n",
           (unsigned long long)io, (unsigned long long)oom, (unsigned long long)violations,
           (unsigned long long)passed, (unsigned long long)failed);
    return violations > 0 || passed == 0;
}
