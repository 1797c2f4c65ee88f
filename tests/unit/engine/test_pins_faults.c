/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: every allocation and every call to the disk fails while a pin is made, opened, listed, kept by a
 * compaction or removed, with a file system that has links and with one that has none: a pin that is
 * listed shows its state (INV-PI-1), the call can be made again, and no file stays for ever (INV-PI-2).
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "fileformat/docrec.h"
#include "tests/unit/engine/image.h"
#include "tests/unit/engine/sweep.h"

/* ---- what there is ------------------------------------------------------------------------------ */

static void open_with(struct world *w, bool links)
{
    sim_set_sharing(w->sim, links);
    world_open(w);
}

static tuf_status note_pin(const tuf_pin_info *info, void *ctx)
{
    char *out = ctx;
    size_t len = strlen(out);
    snprintf(out + len, 100 - len, "%.*s ", (int)info->name.len, (const char *)info->name.data);
    return TUF_OK;
}

static tuf_status list(char out[100], struct world *w)
{
    tuf_snapshot *snapshot = NULL;
    out[0] = 0;
    tuf_status st = tuf_db_snapshot(&snapshot, w->db);
    if (st == TUF_OK)
        st = tuf_snapshot_pins(snapshot, note_pin, out);
    tuf_snapshot_free(&snapshot);
    return st;
}

static size_t kept_files(struct world *w)
{
    size_t count = 0;
    for (size_t i = 0; i < sim_name_count(w->sim); i++)
        count += strstr(sim_name(w->sim, i), ".snapshot-") != NULL;
    return count;
}

static void expect_doc_count(struct world *w, const char *name, uint64_t want)
{
    tuf_db *db = NULL;
    tuf_snapshot *snapshot = NULL;
    tuf_db_info info = { .struct_size = sizeof(info) };
    tuf_open_options how = TUF_OPEN_OPTIONS_INIT;
    how.vfs = w->opts.vfs;
    how.cache_size = 1;
    ck_ok(tuf_db_open_pin(&db, w->db, tuf_str(name), &how));
    ck_ok(tuf_db_snapshot(&snapshot, db));
    ck_ok(tuf_snapshot_info(&info, snapshot));
    ck_assert_uint_eq(info.doc_count, want);
    tuf_snapshot_free(&snapshot);
    ck_ok(tuf_db_close(&db));
}

/* ---- acts --------------------------------------------------------------------------------------- */

static tuf_status act_pin(struct world *w)
{
    return tuf_db_pin(w->db, tuf_str("q"));
}

static tuf_status act_unpin(struct world *w)
{
    return tuf_db_unpin(w->db, tuf_str("p"));
}

static tuf_status act_open(struct world *w)
{
    tuf_db *db = NULL;
    tuf_status st = tuf_db_open_pin(&db, w->db, tuf_str("p"), NULL);
    tuf_status closed = tuf_db_close(&db);
    return st == TUF_OK ? closed : st;
}

static tuf_status act_list(struct world *w)
{
    char out[100];
    tuf_status st = list(out, w);
    if (st == TUF_OK)
        ck_text(out, "p ");
    return st;
}

static tuf_status act_compact(struct world *w)
{
    return tuf_db_compact(NULL, w->db, NULL);
}

struct act {
    const char *name;
    tuf_status (*run)(struct world *w);
    bool compacted; /* the pin's file is a kept one */
    bool links;
    const char *after; /* the pins when it is done */
    size_t kept;       /* files */
};

static const struct act acts[] = {
    { "pin", act_pin, false, false, "p q ", 0 },
    { "unpin", act_unpin, false, false, "", 0 },
    { "unpin a kept file", act_unpin, true, false, "", 0 },
    { "open", act_open, false, false, "p ", 0 },
    { "open a kept file", act_open, true, false, "p ", 1 },
    { "list", act_list, false, false, "p ", 0 },
    { "compact", act_compact, false, false, "p ", 1 },
    { "compact with links", act_compact, false, true, "p ", 1 },
};
#define ACT_COUNT ((int)(sizeof(acts) / sizeof(acts[0])))

static void start(struct world *w, const struct act *act)
{
    world_init(w, 512);
    w->opts.sector_size = 512;
    open_with(w, act->links);
    put(w, "{'_id':'a'}");
    ck_ok(tuf_db_pin(w->db, tuf_str("p")));
    put(w, "{'_id':'b'}");
    if (act->compacted) {
        ck_ok(tuf_db_compact(NULL, w->db, NULL));
        put(w, "{'_id':'c'}");
    }
}

/* As a killed process leaves it. */
static void kill_and_open(struct world *w, bool links)
{
    struct sim *left = sim_clone(w->sim);
    tuf_snapshot_free(&w->snapshot);
    (void)tuf_db_close(&w->db);
    fault_free(&w->fault);
    sim_free(&w->sim);
    w->sim = left;
    w->fault = fault_new(sim_vfs(left));
    open_with(w, links);
}

static void expect_good(struct world *w, const struct act *act, tuf_status st)
{
    char pins[100];
    kill_and_open(w, act->links);
    ck_ok(list(pins, w));
    if (st == TUF_OK)
        ck_text(pins, act->after);
    ck_assert_msg(strcmp(pins, act->after) == 0 || strcmp(pins, "p ") == 0, "%s: %s", act->name, pins);
    if (strstr(pins, "p ") && act->run != act_unpin) /* which lets go of the file first */
        expect_doc_count(w, "p", 1);
    if (strstr(pins, "q "))
        expect_doc_count(w, "q", 2);
    st = act->run(w);
    ck_assert(st == TUF_OK || (st == TUF_EXISTS && strstr(pins, "q")) ||
              (st == TUF_NOT_FOUND && pins[0] == 0));
    ck_ok(list(pins, w));
    ck_text(pins, act->after);
    if (pins[0])
        expect_doc_count(w, "p", 1);
    ck_assert_uint_ge(kept_files(w), act->kept);
    tuf_status gone = tuf_db_unpin(w->db, tuf_str("p"));
    ck_assert(gone == TUF_OK || pins[0] == 0);
    ck_assert_uint_eq(kept_files(w), 0);
    check_clean(w);
}

START_TEST(each_call_may_fail_and_is_made_good)
{
    const struct act *act = &acts[_i / SWEEP_KIND_COUNT];
    enum sweep_kind kind = (enum sweep_kind)(_i % SWEEP_KIND_COUNT);
    bool hit = true;
    for (uint64_t at = 1; hit; at++) {
        struct world w;
        start(&w, act);
        sweep_begin(w.fault, kind, at);
        tuf_status st = act->run(&w);
        hit = sweep_end(w.fault);
        ck_assert_msg(st <= TUF_OK && st != TUF_E_INTERNAL && (hit || st == TUF_OK), "%s at %llu: %s",
                      act->name, (unsigned long long)at, tuf_status_name(st));
        if (kind == SWEEP_MEMORY && st < 0)
            ck_assert_int_eq(st, TUF_E_NOMEM);
        expect_good(&w, act, st);
        world_end(&w);
        ck_assert_uint_lt(at, 3000);
    }
}
END_TEST

/* ---- damage ------------------------------------------------------------------------------------- */

START_TEST(names_have_their_limits)
{
    struct world w;
    char name[TUF_PIN_NAME_SIZE_MAX + 2];
    tuf_db *db = NULL;
    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = 0;
    world_start(&w);
    ck_fails(tuf_db_pin(w.db, tuf_str(name)), TUF_E_INVALID);
    ck_fails(tuf_db_unpin(w.db, tuf_str(name)), TUF_E_INVALID);
    ck_fails(tuf_db_open_pin(&db, w.db, tuf_str(name), NULL), TUF_E_INVALID);
    name[TUF_PIN_NAME_SIZE_MAX] = 0;
    ck_ok(tuf_db_pin(w.db, tuf_str(name)));
    ck_ok(tuf_db_open_pin(&db, w.db, tuf_str(name), NULL));
    ck_ok(tuf_db_close(&db));
    ck_ok(tuf_db_unpin(w.db, tuf_str(name)));
    world_end(&w);
}
END_TEST

/* The kept file is deleted, or another database stands in its place. */
START_TEST(a_missing_file_is_said)
{
    struct world w;
    tuf_db *db = NULL;
    const struct act how = { .compacted = true };
    start(&w, &how);
    for (size_t i = 0; i < sim_name_count(w.sim); i++) {
        char *name = strdup(sim_name(w.sim, i));
        if (strstr(name, ".snapshot-")) {
            ck_ok(sim_vfs(w.sim)->unlink(sim_vfs(w.sim), name));
            if (_i == 1) {
                ck_ok(tuf_db_open(&db, name, &w.opts));
                ck_ok(tuf_db_close(&db));
            }
        }
        free(name);
    }
    ck_fails(tuf_db_open_pin(&db, w.db, tuf_str("p"), NULL), TUF_E_CORRUPT);
    ck_ok(tuf_db_unpin(w.db, tuf_str("p")));
    ck_assert_uint_eq(kept_files(&w), 0);
    world_end(&w);
}
END_TEST

/* A row of a pin that is none is damage wherever it is read; nothing is deleted for it. */
START_TEST(a_damaged_row_is_said_everywhere)
{
    struct world w;
    struct image image;
    struct buf record = BUF_INIT, payload = BUF_INIT;
    tuf_db *db = NULL;
    char pins[100];
    const struct act how = { .links = false };
    start(&w, &how);
    world_close(&w);
    image_take(&image, &w);
    struct metarec rec = { .key = tuf_str("Pbad"), .value = tuf_str("short") };
    tufi_metarec_encode(&record, &rec);
    image_put_record(&payload, &image, RECORD_META, buf_slice(&record));
    struct frame_header last = image_last(&image);
    image_append(&image,
                 (struct frame_header){ .kind = FRAME_COMMIT,
                                        .commit = last.commit + 1,
                                        .update_seq = last.update_seq,
                                        .record_count = 1 },
                 &payload);
    image_store(&w, &image);
    open_with(&w, false);
    ck_fails(tuf_db_open_pin(&db, w.db, tuf_str("bad"), NULL), TUF_E_CORRUPT);
    ck_fails(list(pins, &w), TUF_E_CORRUPT);
    ck_fails(tuf_db_unpin(w.db, tuf_str("bad")), TUF_E_CORRUPT);
    ck_fails(tuf_db_unpin(w.db, tuf_str("p")), TUF_E_CORRUPT); /* it cannot see who else needs the file */
    ck_fails(tuf_db_pin(w.db, tuf_str("bad")), TUF_E_CORRUPT);
    expect_doc_count(&w, "p", 1);
    ck_ok(tuf_db_compact(NULL, w.db, NULL)); /* and nobody can say what of the old file is needed */
    size_t kept = 0;
    for (size_t i = 0; i < sim_name_count(w.sim); i++)
        kept += strstr(sim_name(w.sim, i), ".damaged-") != NULL;
    ck_assert_uint_eq(kept, 1);
    tufi_buf_release(&record);
    tufi_buf_release(&payload);
    tufi_buf_release(&image.bytes);
    world_end(&w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pins_faults");
    TCase *tc = tcase_create("pins_faults");
    tcase_add_loop_test(tc, each_call_may_fail_and_is_made_good, 0, ACT_COUNT * SWEEP_KIND_COUNT);
    tcase_add_test(tc, names_have_their_limits);
    tcase_add_loop_test(tc, a_missing_file_is_said, 0, 2);
    tcase_add_test(tc, a_damaged_row_is_said_everywhere);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    return tuft_run(suite);
}
