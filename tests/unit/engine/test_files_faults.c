/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: every allocation and every call to the disk fails while dead bytes are given back and while a
 * backup is made, continued or replaced, of files with holes, too: the database shows what it showed, a
 * copy that is there can be read, and the same call succeeds once the fault is gone.
 */
#include <stdio.h>

#include "base/alloc.h"
#include "tests/crash/dump.h"
#include "tests/unit/engine/sweep.h"
#include "tests/unit/engine/world.h"

#define COPY_PATH "copy.tuffet"
#define AT_PATH "at.tuffet"

/* ---- acts --------------------------------------------------------------------------------------- */

static tuf_status trim(struct world *w)
{
    tuf_trim_report report;
    return tuf_db_trim(&report, w->db, NULL);
}

static tuf_status backup(struct world *w)
{
    tuf_backup_options opts = TUF_BACKUP_OPTIONS_INIT;
    opts.vfs = fault_vfs(w->fault);
    return tuf_backup(NULL, WORLD_PATH, COPY_PATH, &opts);
}

static tuf_status backup_at(struct world *w)
{
    tuf_backup_options opts = TUF_BACKUP_OPTIONS_INIT;
    opts.vfs = fault_vfs(w->fault);
    opts.flags = TUF_BACKUP_NEW;
    opts.at_kind = TUF_AT_SEQ;
    opts.at = 3;
    return tuf_backup(NULL, WORLD_PATH, AT_PATH, &opts);
}

/* ---- files -------------------------------------------------------------------------------------- */

/* Much that is dead, of each kind of record, and something that is not. */
static void fill(struct world *w, unsigned side)
{
    const char *rev = put(w, "{'_id':'d%u','v':'first'}", side);
    for (unsigned i = 0; i < 4; i++) {
        tuf_edit *edit = world_parse(0, "{'_id':'d%u','_rev':'%s','v':%u}", side, rev, i);
        tuf_edit_result result;
        char bytes[3000];
        memset(bytes, (int)i, sizeof(bytes));
        tuf_blob *blob = world_blob(w, "x/y", bytes, sizeof(bytes));
        ck_ok(tuf_edit_put_attachment(edit, tuf_str("a"), tuf_str("x/y"), &blob));
        ck_ok(tuf_db_commit(w->db, &edit, 1, 0));
        tuf_edit_get_result(&result, edit);
        char text_of_rev[TUF_REV_TEXT_SIZE];
        tuf_rev_format(text_of_rev, result.rev);
        rev = text("%s", text_of_rev);
        tuf_edit_free(&edit);
    }
    push_path(w, text("c%u", side), 3, "c b a");
    push_path(w, text("c%u", side), 2, "x a");
    push_path(w, "long", side * 20 + 1, "r0");
    for (unsigned i = 1; i < 18; i++)
        push_path(w, "long", side * 20 + i + 1, text("r%u r%u", i, i - 1));
    put(w, "{'_id':'_local/l%u','v':1}", side);
    ck_ok(tuf_db_put_meta(w->db, tuf_str("m1"), tuf_str("value")));
}

static void start(struct world *w)
{
    world_init(w, 512);
    w->opts.sector_size = 512;
    w->opts.cache_size = 8192;
    world_open(w);
    fill(w, 0);
    ck_ok(tuf_db_checkpoint(w->db));
}

static void start_more(struct world *w)
{
    start(w);
    fill(w, 1);
    ck_ok(tuf_db_checkpoint(w->db));
    fill(w, 2);
}

/* With a pin: what it shows stays. */
static void start_pinned(struct world *w)
{
    start(w);
    ck_ok(tuf_db_pin(w->db, tuf_str("p")));
    fill(w, 1);
    ck_ok(tuf_db_checkpoint(w->db));
}

static void start_copied(struct world *w)
{
    start(w);
    ck_ok(backup(w));
    fill(w, 1);
}

static void start_trimmed(struct world *w)
{
    start_more(w);
    ck_ok(trim(w));
    put(w, "{'_id':'behind'}");
}

/* The copy is older than the holes, or as old as they are. */
static void start_trimmed_after(struct world *w)
{
    start(w);
    ck_ok(backup(w));
    fill(w, 1);
    ck_ok(tuf_db_checkpoint(w->db));
    ck_ok(trim(w));
    put(w, "{'_id':'behind'}");
}

static void start_trimmed_before(struct world *w)
{
    start_trimmed(w);
    ck_ok(backup(w));
    fill(w, 3);
}

/* Somebody wrote into the copy. */
static void start_diverged(struct world *w)
{
    tuf_db *copy = NULL;
    start(w);
    ck_ok(backup(w));
    ck_ok(tuf_db_open(&copy, COPY_PATH, &w->opts));
    ck_ok(tuf_db_put_meta(copy, tuf_str("m2"), tuf_str("mine")));
    ck_ok(tuf_db_close(&copy));
    fill(w, 1);
}

/* A run was killed in the middle of the copy. */
static void start_begun(struct world *w, bool first)
{
    start(w);
    if (!first)
        ck_ok(backup(w));
    fill(w, 1);
    struct fault_plan plan = { .kind = FAULT_PWRITEV, .at = first ? 2 : 3, .sticky = true };
    fault_set(w->fault, &plan);
    (void)backup(w);
    fault_set(w->fault, NULL);
}

static void start_begun_first(struct world *w)
{
    start_begun(w, true);
}

static void start_begun_again(struct world *w)
{
    start_begun(w, false);
}

struct job {
    const char *name;
    void (*prepare)(struct world *w);
    tuf_status (*act)(struct world *w);
};

static const struct job jobs[] = {
    { "trim", start_more, trim },
    { "trim behind a pin", start_pinned, trim },
    { "trim again", start_trimmed_before, trim },
    { "first backup", start_more, backup },
    { "next backup", start_copied, backup },
    { "backup of a file with holes", start_trimmed, backup },
    { "holes since the backup", start_trimmed_after, backup },
    { "next backup of a file with holes", start_trimmed_before, backup },
    { "the copy was changed", start_diverged, backup },
    { "a first backup was stopped", start_begun_first, backup },
    { "a backup was stopped", start_begun_again, backup },
    { "an earlier state", start_more, backup_at },
};
#define JOB_COUNT ((int)(sizeof(jobs) / sizeof(jobs[0])))

/* ---- the loop ----------------------------------------------------------------------------------- */

static char *dump_text(tuf_db *db)
{
    struct buf out = BUF_INIT;
    ck_ok(dump_db(&out, db));
    buf_append_u8(&out, 0);
    ck_assert(!out.failed);
    return (char *)tufi_buf_take(&out);
}

/* NULL: there is none. */
static char *dump_copy(struct world *w, const char *path)
{
    tuf_db *db = NULL;
    tuf_snapshot *snapshot = NULL;
    tuf_check_report report;
    tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
    opts.flags = TUF_OPEN_RDONLY;
    opts.vfs = fault_vfs(w->fault);
    tuf_status st = tuf_db_open(&db, path, &opts);
    if (st == TUF_NOT_FOUND)
        return NULL;
    ck_ok(st);
    ck_ok(tuf_db_snapshot(&snapshot, db));
    ck_ok(tuf_check(&report, snapshot, NULL));
    ck_assert_uint_eq(report.finding_count, 0);
    tuf_snapshot_free(&snapshot);
    char *out = dump_text(db);
    ck_ok(tuf_db_close(&db));
    return out;
}

static void expect_text(char *got, const char *want, const struct job *job, uint64_t at)
{
    ck_assert_msg(got && strcmp(got, want) == 0, "%s at %llu: wanted\n%s\ngot\n%s", job->name,
                  (unsigned long long)at, want, got ? got : "nothing");
    tufi_free(got);
}

static void make_good(struct world *w, const struct job *job, const char *before, uint64_t at,
                      tuf_status st)
{
    if (tuf_db_put_meta(w->db, tuf_str("m1"), tuf_str("value")) < 0)
        world_reopen(w); /* a failed sync: nothing more is written by this handle */
    expect_text(dump_text(w->db), before, job, at);
    if (job->act == backup)
        tufi_free(dump_copy(w, COPY_PATH));
    if (st < 0) {
        st = job->act(w);
        ck_assert(st == TUF_OK || (st == TUF_EXISTS && job->act == backup_at)); /* it had its name */
    }
    if (job->act == backup)
        expect_text(dump_copy(w, COPY_PATH), before, job, at);
    if (job->act == backup_at) {
        char *then = dump_copy(w, AT_PATH);
        ck_assert(then && strstr(then, "seq 3 "));
        tufi_free(then);
    }
}

/* Opens the prepared files once more. */
static void start_again(struct world *w, struct sim *disk)
{
    struct sim *copy = sim_clone(disk);
    world_init(w, 512);
    fault_free(&w->fault);
    sim_free(&w->sim);
    w->sim = copy;
    w->fault = fault_new(sim_vfs(copy));
    w->opts.cache_size = 8192;
    sim_set_monitor(w->sim, SIM_MONITOR_OFF);
    world_open(w);
}

START_TEST(each_call_may_fail_and_is_made_good)
{
    const struct job *job = &jobs[_i / SWEEP_KIND_COUNT];
    enum sweep_kind kind = (enum sweep_kind)(_i % SWEEP_KIND_COUNT);
    struct world w;
    job->prepare(&w);
    char *before = dump_text(w.db);
    tuf_snapshot_free(&w.snapshot);
    struct sim *disk = sim_clone(w.sim);
    world_end(&w);
    bool hit = true;
    for (uint64_t at = 1; hit; at++) {
        start_again(&w, disk);
        sweep_begin(w.fault, kind, at);
        tuf_status st = job->act(&w);
        hit = sweep_end(w.fault);
        ck_assert_msg(st <= TUF_OK && st != TUF_E_INTERNAL && (hit || st == TUF_OK), "%s at %llu: %s",
                      job->name, (unsigned long long)at, tuf_status_name(st));
        if (kind == SWEEP_MEMORY && st < 0)
            ck_assert_int_eq(st, TUF_E_NOMEM);
        make_good(&w, job, before, at, st);
        check_clean(&w);
        world_kill(&w);
        expect_text(dump_text(w.db), before, job, at);
        world_end(&w);
        ck_assert_uint_lt(at, 5000);
    }
    tufi_free(before);
    sim_free(&disk);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("files_faults");
    TCase *tc = tcase_create("files_faults");
    tcase_add_loop_test(tc, each_call_may_fail_and_is_made_good, 0, JOB_COUNT * SWEEP_KIND_COUNT);
    tcase_set_timeout(tc, 120);
    suite_add_tcase(suite, tc);
    return tuft_run(suite);
}
