/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: opening, closing and describing databases; durability levels; listeners and waiting.
 *
 * Not here: recovery (test_recover.c); injected failures (test_faults.c).
 */
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/engine/world.h"

/* ---- open and close -------------------------------------------------------------------------- */

START_TEST(a_new_database_is_empty_and_has_an_identity)
{
    struct world w;
    world_init(&w, 512);
    world_open(&w);
    tuf_db_info info = world_info(&w);
    ck_assert_uint_eq(info.update_seq, 0);
    ck_assert_uint_eq(info.purge_seq, 0);
    ck_assert_uint_eq(info.doc_count, 0);
    ck_assert_uint_eq(info.commit_count, 0);
    ck_assert_uint_eq(info.revs_limit, 1000);
    ck_assert_uint_eq(info.purged_infos_limit, 1000);
    ck_assert_uint_eq(info.sector_size, 512);
    ck_assert_uint_gt(info.created_us, 0);
    check_clean(&w);
    world_reopen(&w);
    tuf_db_info again = world_info(&w);
    ck_assert_mem_eq(again.uuid, info.uuid, 16);
    ck_assert_uint_eq(again.created_us, info.created_us);
    world_end(&w);
}
END_TEST

static const struct {
    bool exists;
    unsigned flags;
    tuf_status status;
} open_cases[] = {
    { false, 0, TUF_NOT_FOUND },
    { false, TUF_OPEN_RDONLY, TUF_NOT_FOUND },
    { false, TUF_OPEN_RDONLY | TUF_OPEN_CREATE, TUF_NOT_FOUND },
    { false, TUF_OPEN_CREATE, TUF_OK },
    { false, TUF_OPEN_CREATE | TUF_OPEN_EXCLUSIVE, TUF_OK },
    { true, 0, TUF_OK },
    { true, TUF_OPEN_CREATE, TUF_OK },
    { true, TUF_OPEN_RDONLY, TUF_OK },
    { true, TUF_OPEN_CREATE | TUF_OPEN_EXCLUSIVE, TUF_EXISTS },
};

START_TEST(open_flags_say_what_may_exist)
{
    struct world w;
    world_init(&w, 4096);
    if (open_cases[_i].exists) {
        world_open(&w);
        (void)put(&w, "{'_id':'d'}");
        world_close(&w);
    }
    w.opts.flags = open_cases[_i].flags;
    w.opts.vfs = fault_vfs(w.fault);
    ck_assert_int_eq(tuf_db_open(&w.db, WORLD_PATH, &w.opts), open_cases[_i].status);
    ck_assert_int_eq(w.db != NULL, open_cases[_i].status == TUF_OK);
    if (!w.db)
        ck_assert_uint_eq(sim_handle_count(w.sim), 0);
    world_end(&w);
}
END_TEST

START_TEST(options_are_checked)
{
    struct world w;
    world_init(&w, 4096);
    static const struct {
        size_t struct_size;
        uint32_t sector_size;
        unsigned compression;
        int gzip_level;
        tuf_status status;
    } cases[] = {
        { 0, 4096, 0, 0, TUF_E_MISUSE },
        { sizeof(tuf_open_options) + 8, 4096, 0, 0, TUF_E_MISUSE },
        { sizeof(tuf_open_options), 1000, 0, 0, TUF_E_INVALID },
        { sizeof(tuf_open_options), 4096, 3, 0, TUF_E_INVALID },
        { sizeof(tuf_open_options), 4096, 0, 10, TUF_E_INVALID },
        { sizeof(tuf_open_options), 4096, 0, -2, TUF_E_INVALID },
    };
    w.opts.vfs = fault_vfs(w.fault);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tuf_open_options opts = w.opts;
        opts.struct_size = cases[i].struct_size;
        opts.sector_size = cases[i].sector_size;
        opts.compression = cases[i].compression;
        opts.gzip_level = cases[i].gzip_level;
        ck_fails(tuf_db_open(&w.db, WORLD_PATH, &opts), cases[i].status);
        ck_assert_ptr_null(w.db);
    }
    world_open(&w);
    tuf_db_info info = { .struct_size = sizeof(info) + 1 };
    ck_fails(tuf_snapshot_info(&info, world_look(&w)), TUF_E_MISUSE);
    info.struct_size = 0;
    ck_fails(tuf_snapshot_info(&info, w.snapshot), TUF_E_MISUSE);
    /* A program built against an older header knows fewer fields. */
    info = (tuf_db_info){ .struct_size = offsetof(tuf_db_info, purge_seq), .purge_seq = 77 };
    ck_ok(tuf_snapshot_info(&info, w.snapshot));
    ck_assert_uint_eq(info.purge_seq, 77);
    world_end(&w);
}
END_TEST

START_TEST(a_second_writer_is_kept_out)
{
    struct world w;
    world_start(&w);
    tuf_db *second = NULL;
    ck_fails(tuf_db_open(&second, WORLD_PATH, &w.opts), TUF_E_LOCKED);
    ck_assert_ptr_null(second);
    (void)put(&w, "{'_id':'d'}");
    world_close(&w);
    ck_ok(tuf_db_open(&second, WORLD_PATH, &w.opts));
    ck_ok(tuf_db_close(&second));
    world_end(&w);
}
END_TEST

START_TEST(a_reader_opens_beside_the_writer_and_sees_the_moment_of_opening)
{
    struct world w;
    world_start(&w);
    (void)put(&w, "{'_id':'a'}");
    tuf_open_options opts = w.opts;
    opts.flags = TUF_OPEN_RDONLY;
    struct world r = w;
    r.snapshot = NULL;
    r.doc = NULL;
    ck_ok(tuf_db_open(&r.db, WORLD_PATH, &opts));
    (void)put(&w, "{'_id':'b'}");
    ck_ok(tuf_db_checkpoint(w.db));
    ck_assert_uint_eq(world_info(&r).doc_count, 1);
    ck_text(body(&r, "a", NULL), "{}");
    check_clean(&r);
    /* It writes nothing. */
    ck_fails(try_put(&r, "{'_id':'c'}"), TUF_E_READONLY);
    ck_fails(tuf_db_checkpoint(r.db), TUF_E_READONLY);
    ck_fails(tuf_db_set_revs_limit(r.db, 5), TUF_E_READONLY);
    ck_fails(tuf_db_purge(r.db, NULL, 0), TUF_E_READONLY);
    tuf_att_writer *writer = NULL;
    ck_fails(tuf_att_writer_new(&writer, r.db, NULL), TUF_E_READONLY);
    ck_ok(tuf_db_sync(r.db));
    tuf_doc_free(&r.doc);
    tuf_snapshot_free(&r.snapshot);
    ck_ok(tuf_db_close(&r.db));
    ck_ok(tuf_db_open(&r.db, WORLD_PATH, &opts));
    ck_assert_uint_eq(world_info(&r).doc_count, 2);
    tuf_doc_free(&r.doc);
    tuf_snapshot_free(&r.snapshot);
    ck_ok(tuf_db_close(&r.db));
    (void)put(&w, "{'_id':'c'}");
    world_end(&w);
}
END_TEST

START_TEST(closing_nothing_is_fine)
{
    tuf_db *db = NULL;
    ck_ok(tuf_db_close(&db));
}
END_TEST

START_TEST(a_database_lives_in_a_real_file_and_in_memory)
{
    char *dir = tuft_tmpdir_new();
    char *path = tuft_path(dir, "x.tuffet");
    struct tuf_vfs *memory = NULL;
    ck_ok(tufi_vfs_memory_new(&memory));
    for (int round = 0; round < 2; round++) {
        struct world w = { .opts = TUF_OPEN_OPTIONS_INIT };
        w.opts.flags = TUF_OPEN_CREATE;
        w.opts.vfs = round == 0 ? memory : NULL;
        ck_ok(tuf_db_open(&w.db, path, &w.opts));
        const char *rev = put(&w, "{'_id':'d','x':[1,2]}");
        (void)put(&w, "{'_id':'d','_rev':'%s','x':[3]}", rev);
        check_clean(&w);
        tuf_doc_free(&w.doc);
        tuf_snapshot_free(&w.snapshot);
        ck_ok(tuf_db_close(&w.db));
        ck_ok(tuf_db_open(&w.db, path, &w.opts));
        ck_text(body(&w, "d", NULL), "{\"x\":[3]}");
        ck_text(body(&w, "d", rev), "{\"x\":[1,2]}");
        check_clean(&w);
        tuf_doc_free(&w.doc);
        tuf_snapshot_free(&w.snapshot);
        ck_ok(tuf_db_close(&w.db));
    }
    tufi_vfs_memory_free(&memory);
    free(path);
    tuft_tmpdir_remove(&dir);
}
END_TEST

#define LONG_BODY                                                                                  \
    "{'_id':'d%u','t':'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"   \
    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'}"

START_TEST(bodies_are_stored_in_each_compression)
{
    struct world w;
    world_init(&w, 4096);
    for (unsigned i = 0; i < 3; i++) {
        w.opts.compression = i;
        world_open(&w);
        (void)put(&w, "%s", text(LONG_BODY, i));
        (void)put(&w, "{'_id':'short%u'}", i);
        world_close(&w);
    }
    world_open(&w);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_uint_eq(strlen(body(&w, text("d%u", i), NULL)),
                          strlen(text(LONG_BODY, i)) - strlen("\"_id\":\"d0\","));
        ck_text(body(&w, text("short%u", i), NULL), "{}");
    }
    check_clean(&w);
    world_end(&w);
}
END_TEST

/* ---- durability ------------------------------------------------------------------------------ */

/* The disk after a power failure that lost everything that was not synced. */
static void lose_power(struct world *w)
{
    struct sim_plan plan = SIM_PLAN_INIT;
    struct sim *left = sim_crash(w->sim, &plan);
    world_close(w);
    fault_free(&w->fault);
    sim_free(&w->sim);
    w->sim = left;
    w->fault = fault_new(sim_vfs(left));
    world_open(w);
}

START_TEST(a_commit_that_returned_survives_a_power_failure)
{
    struct world w;
    world_start(&w);
    (void)put(&w, "{'_id':'d','x':1}");
    lose_power(&w);
    ck_text(body(&w, "d", NULL), "{\"x\":1}");
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(a_commit_without_waiting_is_visible_at_once_and_durable_after_a_sync)
{
    struct world w;
    world_start(&w);
    (void)put(&w, "{'_id':'safe'}");
    struct fault_plan count = { .kind = FAULT_SYNC };
    fault_set(w.fault, &count);
    tuf_edit *edit = world_parse(0, "{'_id':'d'}");
    ck_ok(tuf_db_commit(w.db, &edit, 1, TUF_COMMIT_NO_WAIT));
    tuf_edit_free(&edit);
    ck_assert_uint_eq(fault_calls(w.fault, FAULT_SYNC), 0);
    ck_ok(try_doc(&w, "d", NULL));
    lose_power(&w);
    ck_outcome(try_doc(&w, "d", NULL), TUF_NOT_FOUND);
    ck_ok(try_doc(&w, "safe", NULL));
    edit = world_parse(0, "{'_id':'e'}");
    ck_ok(tuf_db_commit(w.db, &edit, 1, TUF_COMMIT_NO_WAIT));
    tuf_edit_free(&edit);
    fault_set(w.fault, &count);
    ck_ok(tuf_db_sync(w.db));
    ck_assert_uint_eq(fault_calls(w.fault, FAULT_SYNC), 1);
    ck_ok(tuf_db_sync(w.db)); /* nothing waits */
    ck_assert_uint_eq(fault_calls(w.fault, FAULT_SYNC), 1);
    lose_power(&w);
    ck_ok(try_doc(&w, "e", NULL));
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(a_later_commit_makes_an_earlier_one_durable)
{
    struct world w;
    world_start(&w);
    tuf_edit *edit = world_parse(0, "{'_id':'d'}");
    ck_ok(tuf_db_commit(w.db, &edit, 1, TUF_COMMIT_NO_WAIT));
    tuf_edit_free(&edit);
    (void)put(&w, "{'_id':'e'}");
    lose_power(&w);
    ck_ok(try_doc(&w, "d", NULL));
    ck_ok(try_doc(&w, "e", NULL));
    world_end(&w);
}
END_TEST

START_TEST(after_a_failed_sync_the_handle_refuses_to_write_until_reopened)
{
    struct world w;
    world_start(&w);
    (void)put(&w, "{'_id':'safe'}");
    struct fault_plan plan = { .kind = FAULT_SYNC, .at = 1, .drop = true };
    fault_set(w.fault, &plan);
    ck_fails(try_put(&w, "{'_id':'lost'}"), TUF_E_IO);
    fault_set(w.fault, NULL);
    ck_outcome(try_doc(&w, "lost", NULL), TUF_NOT_FOUND);
    ck_ok(try_doc(&w, "safe", NULL));
    ck_fails(try_put(&w, "{'_id':'d'}"), TUF_E_POISONED);
    ck_fails(tuf_db_checkpoint(w.db), TUF_E_POISONED);
    ck_fails(tuf_db_sync(w.db), TUF_E_POISONED);
    ck_fails(tuf_db_set_revs_limit(w.db, 5), TUF_E_POISONED);
    ck_fails(tuf_db_purge(w.db, NULL, 0), TUF_E_POISONED);
    tuf_att_writer *writer = NULL;
    ck_fails(tuf_att_writer_new(&writer, w.db, NULL), TUF_E_POISONED);
    check_clean(&w);
    world_reopen(&w);
    ck_outcome(try_doc(&w, "lost", NULL), TUF_NOT_FOUND);
    ck_ok(try_doc(&w, "safe", NULL));
    (void)put(&w, "{'_id':'lost'}");
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(a_full_disk_refuses_a_commit_and_takes_it_later)
{
    struct world w;
    world_start(&w);
    (void)put(&w, "{'_id':'a'}");
    sim_set_space(w.sim, sim_space_used(w.sim));
    /* The zeros written ahead have room for some commits. */
    tuf_status st = TUF_OK;
    int stored = 0;
    for (; st == TUF_OK && stored < 1000; stored++)
        st = try_put(&w, "{'_id':'n%d'}", stored);
    ck_assert_int_eq(st, TUF_E_FULL);
    ck_assert_int_gt(stored, 1);
    ck_assert_int_lt(stored, 1000);
    ck_assert_uint_eq(world_info(&w).doc_count, (uint64_t)stored);
    sim_set_space(w.sim, UINT64_MAX);
    (void)put(&w, "{'_id':'n%d'}", stored - 1);
    check_clean(&w);
    world_kill(&w);
    ck_assert_uint_eq(world_info(&w).doc_count, (uint64_t)stored + 1);
    check_clean(&w);
    world_end(&w);
}
END_TEST

/* ---- listeners and waiting ------------------------------------------------------------------- */

static void note_seq(uint64_t update_seq, void *ctx)
{
    uint64_t *seqs = ctx;
    seqs[0]++;
    seqs[1] = update_seq;
}

START_TEST(the_listener_hears_of_each_commit)
{
    struct world w;
    world_start(&w);
    uint64_t heard[2] = { 0, 0 };
    tuf_db_set_listener(w.db, note_seq, heard);
    (void)put(&w, "{'_id':'a'}");
    ck_assert(heard[0] == 1 && heard[1] == 1);
    tuf_edit *edits[2] = { world_parse(0, "{'_id':'b'}"), world_parse(0, "{'_id':'c'}") };
    ck_ok(tuf_db_commit(w.db, edits, 2, 0));
    tuf_edit_free(&edits[0]);
    tuf_edit_free(&edits[1]);
    ck_assert(heard[0] == 2 && heard[1] == 3);
    ck_outcome(try_put(&w, "{'_id':'a'}"), TUF_CONFLICT);
    ck_assert_uint_eq(heard[0], 2);
    tuf_db_set_listener(w.db, NULL, NULL);
    (void)put(&w, "{'_id':'d'}");
    ck_assert_uint_eq(heard[0], 2);
    world_end(&w);
}
END_TEST

START_TEST(waiting_ends_with_a_change_or_the_time_out)
{
    struct world w;
    world_start(&w);
    ck_outcome(tuf_db_wait(w.db, 0, 0), TUF_STOPPED);
    ck_outcome(tuf_db_wait(w.db, 0, 20), TUF_STOPPED);
    (void)put(&w, "{'_id':'a'}");
    ck_ok(tuf_db_wait(w.db, 0, 0));
    ck_ok(tuf_db_wait(w.db, 0, UINT64_MAX));
    ck_outcome(tuf_db_wait(w.db, 1, 1), TUF_STOPPED);
    world_reopen(&w);
    ck_ok(tuf_db_wait(w.db, 0, 0));
    ck_outcome(tuf_db_wait(w.db, 1, 0), TUF_STOPPED);
    world_end(&w);
}
END_TEST

/* ---- counts and sizes ------------------------------------------------------------------------ */

START_TEST(counts_and_sizes_follow_the_documents)
{
    struct world w;
    world_start(&w);
    const char *a = put(&w, "{'_id':'a','x':1}");
    (void)put(&w, "{'_id':'_design/v','views':{}}");
    (void)put(&w, "{'_id':'_local/l'}");
    const char *b = put(&w, "{'_id':'b','_attachments':{'t':{'data':'%s'}}}",
                        "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo=");
    tuf_db_info info = world_info(&w);
    ck_assert_uint_eq(info.doc_count, 3);
    ck_assert_uint_eq(info.local_count, 1);
    ck_assert_uint_eq(info.update_seq, 3);
    ck_assert_uint_eq(info.commit_count, 4);
    ck_assert_uint_eq(info.size_external, strlen("{\"x\":1}{\"views\":{}}{}") + 26);
    ck_assert_uint_gt(info.size_active, info.size_external);
    ck_assert_uint_ge(info.size_file, 5 * 4096);
    (void)put(&w, "{'_id':'b','_rev':'%s','_deleted':true}", b);
    (void)put(&w, "{'_id':'a','_rev':'%s','x':22}", a);
    info = world_info(&w);
    ck_assert_uint_eq(info.doc_count, 2);
    ck_assert_uint_eq(info.doc_del_count, 1);
    ck_assert_uint_eq(info.size_external, strlen("{\"x\":22}{\"views\":{}}{}"));
    uint64_t active = info.size_active;
    world_kill(&w);
    info = world_info(&w);
    ck_assert_uint_eq(info.doc_count, 2);
    ck_assert_uint_eq(info.size_active, active);
    ck_assert_uint_eq(info.commit_count, 6);
    world_reopen(&w);
    info = world_info(&w);
    ck_assert_uint_eq(info.doc_del_count, 1);
    ck_assert_uint_eq(info.size_active, active);
    ck_assert_uint_gt(info.checkpoint_off, 0);
    world_end(&w);
}
END_TEST

START_TEST(a_snapshot_does_not_change_while_writers_go_on)
{
    struct world w;
    world_start(&w);
    const char *rev = put(&w, "{'_id':'d','v':0}");
    (void)put(&w, "{'_id':'keep'}");
    tuf_snapshot *old = NULL;
    ck_ok(tuf_db_snapshot(&old, w.db));
    for (int i = 1; i < 200; i++)
        rev = put(&w, "{'_id':'d','v':%d,'_rev':'%s'}", i, rev);
    for (int i = 0; i < 200; i++)
        (void)put(&w, "{'_id':'n%d'}", i);
    ck_ok(tuf_db_checkpoint(w.db));
    tuf_doc *doc = NULL;
    ck_ok(tuf_doc_open(&doc, old, tuf_str("d"), NULL));
    ck_assert_int_eq(memcmp(tuf_doc_body(doc).data, "{\"v\":0}", 7), 0);
    tuf_db_info info = { .struct_size = sizeof(info) };
    ck_ok(tuf_snapshot_info(&info, old));
    ck_assert_uint_eq(info.doc_count, 2);
    ck_assert_uint_eq(info.update_seq, 2);
    ck_outcome(tuf_doc_open(&doc, old, tuf_str("n1"), NULL), TUF_NOT_FOUND);
    uint64_t pending;
    ck_ok(tuf_snapshot_pending(&pending, old, 0));
    ck_assert_uint_eq(pending, 2);
    tuf_check_report report;
    ck_ok(tuf_check(&report, old, NULL));
    ck_assert_uint_eq(report.finding_count, 0);
    ck_assert_uint_eq(report.docs_checked, 2);
    tuf_doc_free(&doc);
    tuf_snapshot_free(&old);
    tuf_snapshot_free(&old);
    check_clean(&w);
    world_end(&w);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("db");
    TCase *opening = tcase_create("opening");
    tcase_add_test(opening, a_new_database_is_empty_and_has_an_identity);
    tcase_add_loop_test(opening, open_flags_say_what_may_exist, 0,
                        (int)(sizeof(open_cases) / sizeof(open_cases[0])));
    tcase_add_test(opening, options_are_checked);
    tcase_add_test(opening, a_second_writer_is_kept_out);
    tcase_add_test(opening, a_reader_opens_beside_the_writer_and_sees_the_moment_of_opening);
    tcase_add_test(opening, closing_nothing_is_fine);
    tcase_add_test(opening, a_database_lives_in_a_real_file_and_in_memory);
    tcase_add_test(opening, bodies_are_stored_in_each_compression);
    suite_add_tcase(s, opening);
    TCase *durable = tcase_create("durability");
    tcase_add_test(durable, a_commit_that_returned_survives_a_power_failure);
    tcase_add_test(durable, a_commit_without_waiting_is_visible_at_once_and_durable_after_a_sync);
    tcase_add_test(durable, a_later_commit_makes_an_earlier_one_durable);
    tcase_add_test(durable, after_a_failed_sync_the_handle_refuses_to_write_until_reopened);
    tcase_add_test(durable, a_full_disk_refuses_a_commit_and_takes_it_later);
    suite_add_tcase(s, durable);
    TCase *watching = tcase_create("watching");
    tcase_add_test(watching, the_listener_hears_of_each_commit);
    tcase_add_test(watching, waiting_ends_with_a_change_or_the_time_out);
    tcase_add_test(watching, counts_and_sizes_follow_the_documents);
    tcase_add_test(watching, a_snapshot_does_not_change_while_writers_go_on);
    suite_add_tcase(s, watching);
    return tuft_run(s);
}
