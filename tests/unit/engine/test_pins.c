/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: named snapshots: they show their state through changes, restarts and compactions (INV-PI-1), and
 * leave nothing behind (INV-PI-2).
 */
#include <stdio.h>

#include "base/alloc.h"
#include "tests/crash/dump.h"
#include "tests/unit/engine/world.h"

static char *dump_text(tuf_db *db)
{
    struct buf out = BUF_INIT;
    ck_ok(dump_db(&out, db));
    buf_append_u8(&out, 0);
    return (char *)tufi_buf_take(&out);
}

static void expect_pin(struct world *w, const char *name, const char *want)
{
    tuf_db *db = NULL;
    ck_ok(tuf_db_open_pin(&db, w->db, tuf_str(name), NULL));
    char *got = dump_text(db);
    ck_assert_str_eq(got, want);
    ck_fails(tuf_db_put_meta(db, tuf_str("x"), tuf_str("y")), TUF_E_READONLY);
    tufi_free(got);
    ck_ok(tuf_db_close(&db));
}

static tuf_status note_pin(const tuf_pin_info *info, void *ctx)
{
    char *out = ctx;
    size_t len = strlen(out);
    snprintf(out + len, 200 - len, "%.*s@%llu ", (int)info->name.len, (const char *)info->name.data,
             (unsigned long long)info->update_seq);
    return TUF_OK;
}

static const char *pins(struct world *w)
{
    static char out[200];
    out[0] = 0;
    ck_ok(tuf_snapshot_pins(world_look(w), note_pin, out));
    return out;
}

static size_t kept_files(struct world *w)
{
    size_t count = 0;
    for (size_t i = 0; i < sim_name_count(w->sim); i++)
        count += strstr(sim_name(w->sim, i), ".snapshot-") != NULL;
    return count;
}

START_TEST(a_pin_shows_its_state_through_everything)
{
    struct world w;
    world_start(&w);
    ck_ok(tuf_db_pin(w.db, tuf_str("empty")));
    char *empty = dump_text(w.db);
    for (unsigned i = 0; i < 20; i++)
        put(&w, "{'_id':'d%u'}", i);
    char *one = dump_text(w.db);
    ck_ok(tuf_db_pin(w.db, tuf_str("one")));
    ck_outcome(tuf_db_pin(w.db, tuf_str("one")), TUF_EXISTS);
    for (unsigned i = 20; i < 40; i++)
        put(&w, "{'_id':'d%u'}", i);
    char *two = dump_text(w.db);
    ck_ok(tuf_db_pin(w.db, tuf_str("two")));
    put(&w, "{'_id':'later'}");
    for (int round = 0; round < 3; round++) {
        expect_pin(&w, "one", one);
        expect_pin(&w, "two", two);
        ck_text(pins(&w), "empty@0 one@20 two@40 ");
        if (round == 0)
            world_reopen(&w);
        else
            ck_ok(tuf_db_compact(NULL, w.db, NULL));
        put(&w, "{'_id':'round%d'}", round);
    }
    tuf_db *db = NULL;
    ck_ok(tuf_db_open_pin(&db, w.db, tuf_str("empty"), NULL));
    ck_ok(tuf_db_close(&db));
    ck_assert_uint_eq(kept_files(&w), 1);
    world_kill(&w);
    expect_pin(&w, "one", one);
    ck_ok(tuf_db_unpin(w.db, tuf_str("one")));
    ck_ok(tuf_db_unpin(w.db, tuf_str("empty")));
    ck_assert_uint_eq(kept_files(&w), 1);
    expect_pin(&w, "two", two);
    ck_ok(tuf_db_open_pin(&db, w.db, tuf_str("two"), NULL));
    ck_ok(tuf_db_unpin(w.db, tuf_str("two")));
    ck_assert_uint_eq(kept_files(&w), 0);
    char *still = dump_text(db);
    ck_assert_str_eq(still, two);
    ck_ok(tuf_db_close(&db));
    ck_outcome(tuf_db_unpin(w.db, tuf_str("two")), TUF_NOT_FOUND);
    ck_outcome(tuf_db_open_pin(&db, w.db, tuf_str("two"), NULL), TUF_NOT_FOUND);
    ck_fails(tuf_db_pin(w.db, tuf_str("")), TUF_E_INVALID);
    tufi_free(empty);
    tufi_free(one);
    tufi_free(two);
    tufi_free(still);
    check_clean(&w);
    world_end(&w);
}
END_TEST

/* Every call of a compaction fails once: the pin shows its state, and the next compaction keeps it. */
START_TEST(a_pin_survives_a_compaction_that_fails_anywhere)
{
    for (uint64_t at = 1;; at++) {
        struct world w;
        world_start(&w);
        put(&w, "{'_id':'a'}");
        char *then = dump_text(w.db);
        ck_ok(tuf_db_pin(w.db, tuf_str("p")));
        put(&w, "{'_id':'b'}");
        struct fault_plan plan = { .kind = FAULT_ANY, .at = at };
        fault_set(w.fault, &plan);
        tuf_status st = tuf_db_compact(NULL, w.db, NULL);
        bool hit = fault_hits(w.fault) > 0;
        fault_set(w.fault, NULL);
        ck_assert(st <= 0);
        world_kill(&w);
        expect_pin(&w, "p", then);
        ck_ok(tuf_db_compact(NULL, w.db, NULL));
        expect_pin(&w, "p", then);
        tufi_free(then);
        world_end(&w);
        if (!hit)
            break;
    }
}
END_TEST

/* A compaction that ends anywhere may have kept the pinned file: it goes with the pin all the same. */
START_TEST(a_compaction_that_fails_anywhere_leaves_no_file_for_ever)
{
    for (uint64_t at = 1;; at++) {
        struct world w;
        world_start(&w);
        put(&w, "{'_id':'a'}");
        ck_ok(tuf_db_pin(w.db, tuf_str("p")));
        struct fault_plan plan = { .kind = FAULT_ANY, .at = at };
        fault_set(w.fault, &plan);
        tuf_status st = tuf_db_compact(NULL, w.db, NULL);
        bool hit = fault_hits(w.fault) > 0;
        fault_set(w.fault, NULL);
        ck_assert(st <= 0);
        world_kill(&w);
        ck_ok(tuf_db_unpin(w.db, tuf_str("p")));
        ck_assert_uint_eq(kept_files(&w), 0);
        world_end(&w);
        if (!hit)
            break;
    }
}
END_TEST

/* Of the first state of all, which has no checkpoint; with options of the caller's. */
START_TEST(a_pin_of_an_empty_database_outlives_a_trim)
{
    struct world w;
    tuf_db *db = NULL;
    tuf_trim_report report;
    tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
    world_start(&w);
    char *empty = dump_text(w.db);
    ck_ok(tuf_db_pin(w.db, tuf_str("empty")));
    for (unsigned i = 0; i < 20; i++) {
        const char *rev = put(&w, "{'_id':'d%u','v':'%0900u'}", i, i);
        put(&w, "{'_id':'d%u','_rev':'%s','v':1}", i, rev);
    }
    if (_i == 1) {
        ck_ok(tuf_db_trim(&report, w.db, NULL));
        ck_assert_uint_eq(report.bytes_free, 0); /* all states since then are kept */
    }
    expect_pin(&w, "empty", empty);
    opts.cache_size = 1 << 20;
    ck_ok(tuf_db_open_pin(&db, w.db, tuf_str("empty"), &opts));
    ck_ok(tuf_db_close(&db));
    opts.vfs = w.opts.vfs;
    ck_ok(tuf_db_open_pin(&db, w.db, tuf_str("empty"), &opts));
    ck_ok(tuf_db_close(&db));
    ck_ok(tuf_db_unpin(w.db, tuf_str("empty")));
    ck_ok(tuf_db_trim(&report, w.db, NULL));
    ck_assert_uint_gt(report.bytes_free, 0);
    tufi_free(empty);
    world_end(&w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pins");
    TCase *tc = tcase_create("pins");
    tcase_add_test(tc, a_pin_shows_its_state_through_everything);
    tcase_add_test(tc, a_pin_survives_a_compaction_that_fails_anywhere);
    tcase_add_test(tc, a_compaction_that_fails_anywhere_leaves_no_file_for_ever);
    tcase_add_loop_test(tc, a_pin_of_an_empty_database_outlives_a_trim, 0, 2);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    return tuft_run(suite);
}
