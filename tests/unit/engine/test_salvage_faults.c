/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: every single allocation and every single call to the disk of a salvage fails, in a small file
 * that has a record of each kind on both sides of its last checkpoint; progress, and no options.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "tests/crash/dump.h"
#include "tests/unit/engine/sweep.h"
#include "tests/unit/engine/world.h"

#define NEW_PATH "new.tuffet"

static void purge(struct world *w, const char *id, const char *rev)
{
    tuf_revbuf parsed;
    bool purged;
    ck_ok(tuf_rev_parse(&parsed, tuf_str(rev)));
    tuf_purge_item item = { tuf_str(id), &parsed.rev, 1, &purged };
    ck_ok(tuf_db_purge(w->db, &item, 1));
}

static void some_of_each(struct world *w, unsigned side)
{
    put(w, "{'_id':'d%u'}", side);
    push_path(w, text("half%u", side), 3, "c b a");
    push_path(w, text("half%u", side), 2, "x a");
    purge(w, text("half%u", side), "3-c");
    push_path(w, text("gone%u", side), 1, "a");
    purge(w, text("gone%u", side), "1-a");
    put(w, "{'_id':'_local/l%u','v':1}", side);
    ck_ok(tuf_db_put_meta(w->db, tuf_str(side ? "m1" : "m2"), tuf_str("value")));
    ck_ok(tuf_db_set_revs_limit(w->db, 70 + side));
    ck_ok(tuf_db_set_purged_infos_limit(w->db, 80 + side));
    tuf_edit *edit = world_parse(0, "{'_id':'att%u'}", side);
    tuf_blob *blob = world_blob(w, "text/plain", "hello hello hello hello hello hello", 35);
    ck_ok(tuf_edit_put_attachment(edit, tuf_str("a"), tuf_str("text/plain"), &blob));
    ck_ok(world_commit(w, edit, NULL));
}

static void make_file(struct world *w)
{
    world_init(w, 512);
    w->opts.sector_size = 512;
    world_open(w);
    some_of_each(w, 0);
    push_path(w, "long", 1, "r0"); /* a tree is written for it */
    for (unsigned i = 1; i < 18; i++)
        push_path(w, "long", i + 1, text("r%u r%u", i, i - 1));
    ck_ok(tuf_db_checkpoint(w->db));
    some_of_each(w, 1);
    ck_ok(tuf_db_put_meta(w->db, tuf_str("m2"), tuf_slice_of(NULL, 0)));
    put(w, "{'_id':'_local/l0','_rev':'0-1','_deleted':true}");
    tuf_snapshot_free(&w->snapshot);
    struct sim *left = sim_clone(w->sim); /* as a kill leaves it: no checkpoint of a close */
    world_close(w);
    fault_free(&w->fault);
    sim_free(&w->sim);
    w->sim = left;
    w->fault = fault_new(sim_vfs(left));
}

static tuf_status salvage(struct world *w, tuf_salvage_report *report)
{
    tuf_salvage_options opts = TUF_SALVAGE_OPTIONS_INIT;
    opts.vfs = fault_vfs(w->fault);
    return tuf_salvage(report, WORLD_PATH, NEW_PATH, &opts);
}

static char *dump_new(struct world *w)
{
    struct buf out = BUF_INIT;
    tuf_open_options how = TUF_OPEN_OPTIONS_INIT;
    how.vfs = fault_vfs(w->fault);
    ck_ok(tuf_db_open(&w->db, NEW_PATH, &how));
    check_clean(w);
    ck_ok(dump_db(&out, w->db));
    buf_append_u8(&out, 0);
    tuf_snapshot_free(&w->snapshot);
    tuf_doc_free(&w->doc);
    ck_ok(tuf_db_close(&w->db));
    return (char *)tufi_buf_take(&out);
}

static bool is_whole(const tuf_salvage_report *report)
{
    return report->bytes_lost == 0 && !report->super_lost && report->settings_found &&
           report->revs_lost + report->atts_lost == 0;
}

static void expect_file(struct world *w, enum sweep_kind kind, uint64_t at, const char *want)
{
    char *got = dump_new(w);
    ck_assert_msg(strcmp(got, want) == 0, "kind %d, %llu: wanted\n%s\ngot\n%s", (int)kind,
                  (unsigned long long)at, want, got);
    tufi_free(got);
}

/* INV-SA-3 */
START_TEST(each_call_and_each_allocation_may_fail)
{
    enum sweep_kind kind = (enum sweep_kind)_i;
    struct world w;
    tuf_salvage_report report;
    make_file(&w);
    ck_ok(salvage(&w, &report));
    ck_assert(is_whole(&report));
    char *want = dump_new(&w);
    const struct tuf_vfs *vfs = sim_vfs(w.sim);
    bool hit = true;
    for (uint64_t at = 1; hit; at++) {
        tuf_status st = vfs->unlink(vfs, NEW_PATH);
        ck_assert(st == TUF_OK || st == TUF_NOT_FOUND);
        sweep_begin(w.fault, kind, at);
        st = salvage(&w, &report);
        hit = sweep_end(w.fault);
        ck_assert_msg(st <= TUF_OK && st != TUF_E_INTERNAL, "kind %d, %llu: %s: %s", _i,
                      (unsigned long long)at, tuf_status_name(st), tuf_last_error()->text);
        if (kind == SWEEP_MEMORY) {
            ck_assert(st == TUF_OK || st == TUF_E_NOMEM);
            ck_assert_msg(st < 0 || is_whole(&report), "allocation %llu: something is missing",
                          (unsigned long long)at);
        }
        ck_assert_uint_eq(sim_handle_count(w.sim), 0);
        if (st == TUF_OK && is_whole(&report))
            expect_file(&w, kind, at, want);
        ck_assert_uint_lt(at, 20000);
    }
    /* The damaged file is as it was. */
    ck_assert_int_le(vfs->unlink(vfs, NEW_PATH), TUF_NOT_FOUND);
    ck_ok(salvage(&w, &report));
    expect_file(&w, kind, 0, want);
    tufi_free(want);
    world_end(&w);
}
END_TEST

/* ---- the call ----------------------------------------------------------------------------------- */

struct stop {
    unsigned calls, at;
};

static int stop_at(uint64_t done, uint64_t total, void *ctx)
{
    struct stop *stop = ctx;
    ck_assert_uint_le(done, total);
    return ++stop->calls == stop->at;
}

static void put_bytes(struct world *w, unsigned i, size_t len)
{
    uint8_t *bytes = malloc(len);
    struct rng rng = { i };
    ck_assert_ptr_nonnull(bytes);
    rng_fill(&rng, bytes, len);
    tuf_edit *edit = world_parse(0, "{'_id':'b%u'}", i);
    tuf_blob *blob = world_blob(w, "x/y", bytes, len);
    ck_ok(tuf_edit_put_attachment(edit, tuf_str("a"), tuf_str("x/y"), &blob));
    ck_ok(world_commit(w, edit, NULL));
    free(bytes);
}

START_TEST(progress_is_told_and_stops_a_salvage)
{
    struct world w;
    struct stop stop = { .at = 0 };
    tuf_salvage_options opts = TUF_SALVAGE_OPTIONS_INIT;
    world_start(&w);
    for (unsigned i = 0; i < 4; i++)
        put_bytes(&w, i, 600000);
    world_close(&w);
    opts.vfs = fault_vfs(w.fault);
    opts.progress = stop_at;
    opts.ctx = &stop;
    ck_ok(tuf_salvage(NULL, WORLD_PATH, NEW_PATH, &opts));
    ck_assert_uint_ge(stop.calls, 3); /* of the walk, and of the documents */
    unsigned last = stop.calls;
    for (unsigned at = 1; at <= last; at++) {
        stop = (struct stop){ .at = at };
        ck_ok(sim_vfs(w.sim)->unlink(sim_vfs(w.sim), NEW_PATH));
        ck_outcome(tuf_salvage(NULL, WORLD_PATH, NEW_PATH, &opts), TUF_STOPPED);
        ck_assert_uint_eq(stop.calls, at);
    }
    ck_assert_uint_eq(sim_handle_count(w.sim), 0);
    world_end(&w);
}
END_TEST

/* With the files of the system and without options. */
START_TEST(a_salvage_needs_no_options)
{
    struct world w;
    size_t len;
    char *dir = tuft_tmpdir_new();
    char *from = tuft_path(dir, "a.tuffet"), *to = tuft_path(dir, "b.tuffet");
    world_start(&w);
    put(&w, "{'_id':'d','v':1}");
    world_close(&w);
    const uint8_t *bytes = sim_peek(w.sim, WORLD_PATH, &len);
    FILE *file = fopen(from, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, len, file), len);
    ck_assert_int_eq(fclose(file), 0);
    ck_ok(tuf_salvage(NULL, from, to, NULL));
    ck_ok(tuf_db_open(&w.db, to, NULL));
    ck_text(body(&w, "d", NULL), "{\"v\":1}");
    tuf_snapshot_free(&w.snapshot);
    tuf_doc_free(&w.doc);
    ck_ok(tuf_db_close(&w.db));
    ck_outcome(tuf_salvage(NULL, from, to, NULL), TUF_EXISTS);
    tuft_tmpdir_remove(&dir);
    free(from);
    free(to);
    world_end(&w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("salvage_faults");
    TCase *tc = tcase_create("salvage_faults");
    tcase_add_loop_test(tc, each_call_and_each_allocation_may_fail, 0, SWEEP_KIND_COUNT);
    tcase_add_test(tc, progress_is_told_and_stops_a_salvage);
    tcase_add_test(tc, a_salvage_needs_no_options);
    tcase_set_timeout(tc, 120);
    suite_add_tcase(suite, tc);
    return tuft_run(suite);
}
