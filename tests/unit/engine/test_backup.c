/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: backups on a simulated disk: whatever call fails and whatever a power failure leaves, the
 * copy can be read (INV-BAK-1, INV-BAK-3), nothing else is touched (INV-BAK-2), and the next run
 * completes it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "fileformat/frame.h"
#include "tests/crash/dump.h"
#include "tests/sim/rng.h"
#include "tests/unit/engine/world.h"

#define COPY_PATH "copy.tuffet"
#define IMAGE_COUNT 5

static tuf_status backup(const struct tuf_vfs *vfs, tuf_backup_report *report)
{
    tuf_backup_options opts = TUF_BACKUP_OPTIONS_INIT;
    opts.vfs = vfs;
    return tuf_backup(report, WORLD_PATH, COPY_PATH, &opts);
}

static void fill(struct world *w, unsigned from, unsigned count)
{
    static uint8_t bytes[30000];
    for (unsigned i = from; i < from + count; i++)
        put(w, "{'_id':'d%u','v':'%0200u'}", i, i);
    memset(bytes, (int)from, sizeof(bytes));
    tuf_edit *edit = world_parse(0, "{'_id':'att%u'}", from);
    tuf_blob *blob = world_blob(w, "x/y", bytes, sizeof(bytes));
    ck_ok(tuf_edit_put_attachment(edit, tuf_str("a"), tuf_str("x/y"), &blob));
    ck_ok(world_commit(w, edit, NULL));
}

/* The text of a database; NULL if there is none. It must be sound. */
static char *text_of(const struct tuf_vfs *vfs, const char *path)
{
    tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
    opts.flags = TUF_OPEN_RDONLY;
    opts.vfs = vfs;
    tuf_db *db = NULL;
    tuf_status st = tuf_db_open(&db, path, &opts);
    if (st == TUF_NOT_FOUND)
        return NULL;
    ck_ok(st);
    tuf_snapshot *snapshot = NULL;
    tuf_check_report report;
    ck_ok(tuf_db_snapshot(&snapshot, db));
    ck_ok(tuf_check(&report, snapshot, NULL));
    ck_assert_uint_eq(report.finding_count, 0);
    tuf_snapshot_free(&snapshot);
    struct buf out = BUF_INIT;
    ck_ok(dump_db(&out, db));
    buf_append_u8(&out, 0);
    ck_ok(tuf_db_close(&db));
    return (char *)tufi_buf_take(&out);
}

static void expect_copy(const struct tuf_vfs *vfs)
{
    char *source = text_of(vfs, WORLD_PATH), *copy = text_of(vfs, COPY_PATH);
    ck_assert_ptr_nonnull(copy);
    ck_assert_str_eq(copy, source);
    tufi_free(source);
    tufi_free(copy);
}

START_TEST(a_backup_grows_with_a_database_in_use)
{
    struct world w;
    tuf_backup_report report;
    size_t before = SUPERBLOCK_SIZE, len = 0; /* what is copied are frames */
    world_start(&w);
    for (unsigned i = 0; i < 6; i++) {
        fill(&w, 10 * i, 5);
        if (i % 2 == 1)
            ck_ok(tuf_db_checkpoint(w.db));
        ck_ok(backup(w.opts.vfs, &report));
        ck_assert(report.full == (i == 0));
        ck_assert_uint_eq(report.update_seq, world_info(&w).update_seq);
        ck_assert_uint_eq(report.commit_count, world_info(&w).commit_count);
        sim_peek(w.sim, COPY_PATH, &len);
        ck_assert_uint_eq(report.bytes_copied, len - before);
        before = len;
        expect_copy(w.opts.vfs);
        ck_ok(backup(w.opts.vfs, &report));
        ck_assert_uint_eq(report.bytes_copied, 0);
    }
    world_end(&w);
}
END_TEST

START_TEST(an_empty_database_is_backed_up)
{
    struct world w;
    world_start(&w);
    ck_ok(backup(w.opts.vfs, NULL));
    ck_ok(backup(w.opts.vfs, NULL));
    expect_copy(w.opts.vfs);
    fill(&w, 1, 2);
    ck_ok(backup(w.opts.vfs, NULL));
    expect_copy(w.opts.vfs);
    world_end(&w);
}
END_TEST

/* INV-BAK-2 */
START_TEST(a_compacted_or_changed_copy_is_replaced_and_a_stranger_kept)
{
    struct world w;
    tuf_backup_report report;
    world_start(&w);
    fill(&w, 1, 5);
    ck_ok(backup(w.opts.vfs, NULL));
    ck_ok(tuf_db_compact(NULL, w.db, NULL));
    fill(&w, 20, 5);
    ck_ok(backup(w.opts.vfs, &report));
    ck_assert(report.full && !report.diverged);
    expect_copy(w.opts.vfs);

    tuf_db *copy = NULL;
    ck_ok(tuf_db_open(&copy, COPY_PATH, &w.opts));
    ck_ok(tuf_db_put_meta(copy, tuf_str("security"), tuf_str("mine")));
    ck_fails(backup(w.opts.vfs, NULL), TUF_E_LOCKED);
    ck_ok(tuf_db_close(&copy));
    ck_ok(backup(w.opts.vfs, &report));
    ck_assert(report.full && report.diverged);
    expect_copy(w.opts.vfs);
    char *aside = text_of(w.opts.vfs, COPY_PATH ".diverged");
    ck_assert(aside && strstr(aside, "mine"));
    tufi_free(aside);

    static const char notes[] = "notes";
    sim_store(w.sim, COPY_PATH, notes, sizeof(notes));
    ck_fails(backup(w.opts.vfs, NULL), TUF_E_INVALID);
    size_t len = 0;
    ck_assert_str_eq((const char *)sim_peek(w.sim, COPY_PATH, &len), notes);
    world_end(&w);
}
END_TEST

START_TEST(damage_in_the_source_is_found_and_the_copy_stays)
{
    struct world w;
    world_start(&w);
    fill(&w, 1, 5);
    ck_ok(backup(w.opts.vfs, NULL));
    size_t len = 0, before = 0;
    sim_peek(w.sim, COPY_PATH, &before);
    fill(&w, 20, 5);
    world_close(&w);
    sim_set_monitor(w.sim, SIM_MONITOR_OFF);
    sim_peek(w.sim, WORLD_PATH, &len);
    struct vfs_file *file = NULL;
    ck_ok(w.opts.vfs->open(w.opts.vfs, WORLD_PATH, 0, &file));
    ck_ok(tufi_vfs_write(file, "XXXX", 4, before + 100));
    file->ops->close(file);
    ck_fails(backup(w.opts.vfs, NULL), TUF_E_CORRUPT);
    ck_assert_uint_eq(tuf_last_error()->file_off, before);
    char *copy = text_of(w.opts.vfs, COPY_PATH);
    ck_assert(copy && strstr(copy, "d5") && !strstr(copy, "d20"));
    tufi_free(copy);
    world_end(&w);
}
END_TEST

/* The damage, not that the copy could not be cut then. */
START_TEST(the_first_failure_is_what_a_backup_reports)
{
    struct world w;
    world_start(&w);
    fill(&w, 1, 5);
    ck_ok(backup(w.opts.vfs, NULL));
    fill(&w, 20, 60);
    uint64_t off = world_info(&w).size_file;
    put(&w, "{'_id':'last','v':'%0600u'}", 0u);
    world_close(&w);
    sim_set_monitor(w.sim, SIM_MONITOR_OFF);
    struct vfs_file *file = NULL;
    ck_ok(w.opts.vfs->open(w.opts.vfs, WORLD_PATH, 0, &file));
    ck_ok(tufi_vfs_write(file, "XXXX", 4, off + 100));
    file->ops->close(file);
    fault_set(w.fault, &(struct fault_plan){ .kind = FAULT_TRUNCATE, .at = 1, .sticky = true });
    ck_fails(backup(w.opts.vfs, NULL), TUF_E_CORRUPT);
    ck_assert_uint_eq(tuf_last_error()->file_off, off);
    ck_assert_uint_gt(fault_hits(w.fault), 0);
    fault_set(w.fault, NULL);
    world_end(&w);
}
END_TEST

/* ---- failures ----------------------------------------------------------------------------------- */

/* A source, and a copy of a part of it unless the first run is to be tested. */
static void prepare(struct world *w, bool first)
{
    world_start(w);
    fill(w, 1, 6);
    if (!first)
        ck_ok(backup(w->opts.vfs, NULL));
    fill(w, 20, 12);
    ck_ok(tuf_db_checkpoint(w->db));
    fill(w, 40, 3);
    world_close(w);
    sim_set_monitor(w->sim, SIM_MONITOR_OFF);
}

/* What a power failure leaves can be read, and is completed. */
static void crash_and_go_on(struct sim *sim, bool first, unsigned image_no)
{
    size_t count = sim_pending_count(sim);
    uint8_t *keep = calloc(count + 1, 1);
    struct sim_plan plan = SIM_PLAN_INIT;
    struct rng rng = { image_no };
    memset(keep, image_no > 0, count); /* nothing, everything, or */
    plan.keep = keep;
    if (image_no > 1)
        sim_plan_random(&plan, keep, sim, &rng);
    struct sim *image = sim_crash(sim, &plan);
    sim_set_monitor(image, SIM_MONITOR_OFF);
    char *copy = text_of(sim_vfs(image), COPY_PATH);
    ck_assert(copy != NULL || first);
    ck_assert(copy == NULL || strstr(copy, "d6"));
    tufi_free(copy);
    ck_ok(backup(sim_vfs(image), NULL));
    expect_copy(sim_vfs(image));
    ck_assert_uint_eq(sim_handle_count(image), 0);
    sim_free(&image);
    free(keep);
}

START_TEST(a_run_that_ends_at_any_call_is_completed_by_the_next)
{
    bool first = _i % 2, sticky = _i >= 2;
    for (uint64_t at = 1;; at++) {
        struct world w;
        prepare(&w, first);
        struct fault_plan plan = { .kind = FAULT_ANY, .at = at, .sticky = sticky };
        fault_set(w.fault, &plan);
        tuf_status st = backup(w.opts.vfs, NULL);
        bool hit = fault_hits(w.fault) > 0;
        fault_set(w.fault, NULL);
        ck_assert(st < 0 || !sticky || !hit);
        ck_assert_uint_eq(sim_handle_count(w.sim), 0);
        for (unsigned i = 0; hit && i < IMAGE_COUNT; i++)
            crash_and_go_on(w.sim, first, i);
        ck_ok(backup(w.opts.vfs, NULL));
        expect_copy(w.opts.vfs);
        world_end(&w);
        if (!hit)
            break;
    }
}
END_TEST

/* A disk keeps nothing that it need not keep. */
START_TEST(a_finished_backup_survives_a_power_failure)
{
    struct world w;
    prepare(&w, _i == 0);
    ck_ok(backup(w.opts.vfs, NULL));
    uint8_t *keep = calloc(sim_pending_count(w.sim) + 1, 1);
    struct sim_plan plan = SIM_PLAN_INIT;
    plan.keep = keep;
    struct sim *image = sim_crash(w.sim, &plan);
    sim_set_monitor(image, SIM_MONITOR_OFF);
    char *want = text_of(w.opts.vfs, WORLD_PATH), *copy = text_of(sim_vfs(image), COPY_PATH);
    ck_assert_ptr_nonnull(copy);
    ck_assert_str_eq(copy, want);
    tufi_free(want);
    tufi_free(copy);
    sim_free(&image);
    free(keep);
    world_end(&w);
}
END_TEST

START_TEST(a_full_disk_keeps_what_is_there)
{
    struct world w;
    prepare(&w, false);
    char *before = text_of(w.opts.vfs, COPY_PATH);
    sim_set_space(w.sim, sim_space_used(w.sim) + 40000);
    ck_fails(backup(w.opts.vfs, NULL), TUF_E_FULL);
    char *after = text_of(w.opts.vfs, COPY_PATH);
    ck_assert_str_eq(before, after);
    sim_set_space(w.sim, UINT64_MAX);
    ck_ok(backup(w.opts.vfs, NULL));
    expect_copy(w.opts.vfs);
    tufi_free(before);
    tufi_free(after);
    world_end(&w);
}
END_TEST

START_TEST(an_earlier_state_is_a_new_file)
{
    struct world w;
    prepare(&w, false);
    tuf_backup_options opts = TUF_BACKUP_OPTIONS_INIT;
    opts.vfs = w.opts.vfs;
    opts.at_kind = TUF_AT_SEQ;
    opts.at = 7;
    ck_fails(tuf_backup(NULL, WORLD_PATH, "then.tuffet", &opts), TUF_E_MISUSE);
    opts.flags = TUF_BACKUP_NEW;
    ck_ok(tuf_backup(NULL, WORLD_PATH, "then.tuffet", &opts));
    char *old = text_of(w.opts.vfs, COPY_PATH), *then = text_of(w.opts.vfs, "then.tuffet");
    ck_assert_str_eq(then, old);
    tufi_free(old);
    tufi_free(then);
    ck_outcome(tuf_backup(NULL, WORLD_PATH, "then.tuffet", &opts), TUF_EXISTS);
    ck_outcome(tuf_backup(NULL, "nothing", "new.tuffet", &opts), TUF_NOT_FOUND);
    opts.at = 7777;
    ck_fails(tuf_backup(NULL, WORLD_PATH, "never.tuffet", &opts), TUF_E_INVALID);
    world_end(&w);
}
END_TEST

/* ---- strangers, the caller's wishes, and a source that changes meanwhile ------------------------ */

/* Beside db.tuffet, on the same disk. */
static void make_other(struct world *w, const char *path)
{
    tuf_db *db = NULL;
    tuf_open_options how = w->opts;
    how.flags = TUF_OPEN_CREATE;
    ck_ok(tuf_db_open(&db, path, &how));
    ck_ok(tuf_db_put_meta(db, tuf_str("security"), tuf_str("other")));
    ck_ok(tuf_db_close(&db));
}

START_TEST(another_database_keeps_its_backup)
{
    struct world w;
    world_start(&w);
    fill(&w, 1, 3);
    make_other(&w, COPY_PATH);
    ck_fails(backup(w.opts.vfs, NULL), TUF_E_INVALID);
    ck_assert_ptr_nonnull(strstr(tuf_last_error()->text, "a backup of another database"));
    char *kept = text_of(w.opts.vfs, COPY_PATH);
    ck_assert(kept && strstr(kept, "other"));
    tufi_free(kept);
    world_end(&w);
}
END_TEST

/* What a killed run left under the name that a whole copy has first. */
START_TEST(what_another_database_left_is_no_beginning)
{
    struct world w;
    tuf_backup_report report;
    world_start(&w);
    fill(&w, 1, 3);
    make_other(&w, COPY_PATH ".new");
    ck_ok(backup(w.opts.vfs, &report));
    ck_assert(report.full && !report.diverged);
    expect_copy(w.opts.vfs);
    ck_assert_ptr_null(text_of(w.opts.vfs, COPY_PATH ".new"));
    world_end(&w);
}
END_TEST

struct calls {
    unsigned count, stop_at; /* 0: never */
    uint64_t done, total;
};

static int note_progress(uint64_t done, uint64_t total, void *ctx)
{
    struct calls *calls = ctx;
    calls->done = done;
    calls->total = total;
    return ++calls->count == calls->stop_at;
}

/* A whole file, one with holes, and what is appended: stopped once, then completed. */
START_TEST(a_backup_ends_when_its_caller_says_so)
{
    struct world w;
    struct calls calls = { .stop_at = 1 };
    tuf_backup_options opts = TUF_BACKUP_OPTIONS_INIT;
    world_start(&w);
    fill(&w, 1, 20);
    if (_i == 1)
        ck_ok(tuf_db_trim(NULL, w.db, NULL));
    if (_i == 2) {
        ck_ok(backup(w.opts.vfs, NULL));
        fill(&w, 50, 5);
    }
    opts.vfs = w.opts.vfs;
    opts.progress = note_progress;
    opts.ctx = &calls;
    ck_outcome(tuf_backup(NULL, WORLD_PATH, COPY_PATH, &opts), TUF_STOPPED);
    ck_assert_uint_eq(calls.count, 1);
    ck_assert_uint_le(calls.done, calls.total);
    char *there = text_of(w.opts.vfs, COPY_PATH);
    ck_assert((there != NULL) == (_i == 2));
    tufi_free(there);
    calls = (struct calls){ .stop_at = 0 };
    ck_ok(tuf_backup(NULL, WORLD_PATH, COPY_PATH, &opts));
    ck_assert(calls.count > 0 || _i == 2); /* what was appended was verified before the stop */
    expect_copy(w.opts.vfs);
    opts.struct_size = 1;
    ck_fails(tuf_backup(NULL, WORLD_PATH, COPY_PATH, &opts), TUF_E_MISUSE);
    world_end(&w);
}
END_TEST

/* Something happens to the source when a path is opened for the nth time. */
struct meddler {
    struct tuf_vfs vfs; /* first: its calls get it back */
    const struct tuf_vfs *below;
    const char *path;
    unsigned nth;
    tuf_db *db;
    bool compacts; /* else it trims */
};

static tuf_status meddle_open(const struct tuf_vfs *vfs, const char *path, unsigned flags,
                              struct vfs_file **out)
{
    struct meddler *m = (struct meddler *)(void *)(uintptr_t)vfs;
    if (strcmp(path, m->path) == 0 && m->nth > 0 && --m->nth == 0)
        ck_ok(m->compacts ? tuf_db_compact(NULL, m->db, NULL) : tuf_db_trim(NULL, m->db, NULL));
    return m->below->open(m->below, path, flags, out);
}

static void start_meddling(struct meddler *m, struct world *w, const char *path, unsigned nth)
{
    *m = (struct meddler){ .vfs = *sim_vfs(w->sim), .below = sim_vfs(w->sim), .path = path,
                           .nth = nth, .db = w->db };
    m->vfs.open = meddle_open;
}

/* What was whole at the first look is zeros when it is copied: that is no damage. */
START_TEST(a_source_that_is_given_holes_meanwhile_is_copied)
{
    struct world w;
    struct meddler meddler;
    tuf_backup_report report;
    world_start(&w);
    for (unsigned i = 0; i < 30; i++) {
        const char *rev = put(&w, "{'_id':'d%u','v':'%0900u'}", i, i);
        put(&w, "{'_id':'d%u','_rev':'%s','v':2}", i, rev);
    }
    start_meddling(&meddler, &w, COPY_PATH ".new", 1);
    ck_ok(backup(&meddler.vfs, &report));
    ck_assert_uint_eq(meddler.nth, 0);
    ck_assert(report.full);
    ck_assert_uint_eq(report.update_seq, 60);
    expect_copy(w.opts.vfs);
    world_end(&w);
}
END_TEST

/* An earlier state is looked up in the file that has the name: it must be the one that is copied. */
START_TEST(a_source_that_is_compacted_meanwhile_is_said)
{
    struct world w;
    struct meddler meddler;
    tuf_backup_options opts = TUF_BACKUP_OPTIONS_INIT;
    world_start(&w);
    fill(&w, 1, 5);
    start_meddling(&meddler, &w, WORLD_PATH, 2);
    meddler.compacts = true;
    opts.vfs = &meddler.vfs;
    opts.flags = TUF_BACKUP_NEW;
    opts.at_kind = TUF_AT_SEQ;
    opts.at = 6;
    ck_fails(tuf_backup(NULL, WORLD_PATH, COPY_PATH, &opts), TUF_E_LOCKED);
    ck_assert_ptr_nonnull(strstr(tuf_last_error()->text, "compacted at this moment"));
    ck_assert_ptr_null(text_of(w.opts.vfs, COPY_PATH));
    ck_ok(tuf_backup(NULL, WORLD_PATH, COPY_PATH, &opts));
    expect_copy(w.opts.vfs);
    world_end(&w);
}
END_TEST

/* Without options: the files of the operating system. */
START_TEST(files_are_backed_up_without_options)
{
    char *dir = tuft_tmpdir_new();
    char *source = tuft_path(dir, "a.tuffet"), *copy = tuft_path(dir, "b.tuffet");
    tuf_open_options how = TUF_OPEN_OPTIONS_INIT;
    how.flags = TUF_OPEN_CREATE;
    tuf_db *db = NULL;
    ck_ok(tuf_db_open(&db, source, &how));
    ck_ok(tuf_db_put_meta(db, tuf_str("security"), tuf_str("{}")));
    ck_ok(tuf_backup(NULL, source, copy, NULL));
    ck_ok(tuf_db_close(&db));
    char *want = text_of(NULL, source), *got = text_of(NULL, copy);
    ck_assert(want && got);
    ck_assert_str_eq(got, want);
    tufi_free(want);
    tufi_free(got);
    tuft_tmpdir_remove(&dir);
    free(source);
    free(copy);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("backup");
    TCase *tc = tcase_create("backup");
    tcase_add_test(tc, a_backup_grows_with_a_database_in_use);
    tcase_add_test(tc, an_empty_database_is_backed_up);
    tcase_add_test(tc, a_compacted_or_changed_copy_is_replaced_and_a_stranger_kept);
    tcase_add_test(tc, damage_in_the_source_is_found_and_the_copy_stays);
    tcase_add_test(tc, the_first_failure_is_what_a_backup_reports);
    tcase_add_loop_test(tc, a_run_that_ends_at_any_call_is_completed_by_the_next, 0, 4);
    tcase_add_loop_test(tc, a_finished_backup_survives_a_power_failure, 0, 2);
    tcase_add_test(tc, a_full_disk_keeps_what_is_there);
    tcase_add_test(tc, an_earlier_state_is_a_new_file);
    tcase_add_test(tc, another_database_keeps_its_backup);
    tcase_add_test(tc, what_another_database_left_is_no_beginning);
    tcase_add_loop_test(tc, a_backup_ends_when_its_caller_says_so, 0, 3);
    tcase_add_test(tc, a_source_that_is_given_holes_meanwhile_is_copied);
    tcase_add_test(tc, a_source_that_is_compacted_meanwhile_is_said);
    tcase_add_test(tc, files_are_backed_up_without_options);
    tcase_set_timeout(tc, 120);
    suite_add_tcase(suite, tc);
    return tuft_run(suite);
}
