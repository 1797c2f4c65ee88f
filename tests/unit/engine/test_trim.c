/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: dead bytes are given back (tuf_db_trim) and nothing else: whoever may still read a state reads it
 * (INV-TR-2), and who asks for one that is gone is told so (INV-TR-1, INV-TR-3).
 */
#include <stdio.h>

#include "base/alloc.h"
#include "engine/edit.h"
#include "tests/crash/dump.h"
#include "tests/unit/engine/sweep.h"
#include "tests/unit/engine/world.h"

#define ATT_SIZE 300000
#define BACKUP_PATH "copy.tuffet"

static char *dump_text(tuf_db *db)
{
    struct buf out = BUF_INIT;
    ck_ok(dump_db(&out, db));
    buf_append_u8(&out, 0);
    return (char *)tufi_buf_take(&out);
}

static void expect_dump(tuf_db *db, const char *want)
{
    char *got = dump_text(db);
    ck_assert_str_eq(got, want);
    tufi_free(got);
}

/* Bytes in blocks of zeros. */
static uint64_t zeros(struct world *w, const char *path)
{
    size_t len;
    uint64_t count = 0;
    const uint8_t *bytes = sim_peek(w->sim, path, &len);
    for (size_t off = 4096; off + 4096 <= len; off += 4096)
        count += bytes[off] == 0 && memcmp(bytes + off, bytes + off + 1, 4095) == 0;
    return count * 4096;
}

static tuf_trim_report trim(struct world *w)
{
    tuf_trim_report report;
    if (w->snapshot)
        tuf_snapshot_free(&w->snapshot);
    ck_ok(tuf_db_trim(&report, w->db, NULL));
    return report;
}

static const uint8_t *noise(unsigned salt)
{
    static uint8_t bytes[ATT_SIZE];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)((i * 2654435761u >> 7) + salt);
    return bytes;
}

static void attach(struct world *w, tuf_blob *blob, const char *id)
{
    tuf_edit *edit = world_parse(0, "{'_id':'%s'}", id);
    ck_ok(tuf_edit_put_attachment(edit, tuf_str("a"), tuf_str("x/y"), &blob));
    ck_ok(world_commit(w, edit, NULL));
}

static const char *revise(struct world *w, const char *id, const char *rev, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        rev = put(w, "{'_id':'%s','_rev':'%s','v':'%0900u'}", id, rev, i);
    return rev;
}

/* Documents with histories, attachments, tombstones, and what was all these. */
static const char *fill(struct world *w)
{
    static char first[64];
    snprintf(first, sizeof(first), "%s", put(w, "{'_id':'much','v':'first'}"));
    revise(w, "much", first, 40);
    for (unsigned i = 0; i < 30; i++)
        put(w, "{'_id':'d%02u','v':'%0500u'}", i, i);
    for (unsigned i = 0; i < 30; i += 2) {
        tuf_doc *doc = world_doc(w, text("d%02u", i), NULL);
        char rev[TUF_REV_TEXT_SIZE];
        (void)tuf_rev_format(rev, tuf_doc_rev(doc));
        put(w, "{'_id':'d%02u','_rev':'%s','_deleted':%s}", i, rev, i % 4 ? "true" : "false");
    }
    attach(w, world_blob(w, "x/y", noise(1), ATT_SIZE), "att");
    attach(w, world_blob(w, "x/y", noise(2), ATT_SIZE), "dead");
    tuf_doc *doc = world_doc(w, "dead", NULL);
    char rev[TUF_REV_TEXT_SIZE];
    (void)tuf_rev_format(rev, tuf_doc_rev(doc));
    put(w, "{'_id':'dead','_rev':'%s','_deleted':true}", rev);
    put(w, "{'_id':'_local/l','v':1}");
    push_path(w, "conflict", 2, "b a");
    push_path(w, "conflict", 2, "c a");
    return first;
}

START_TEST(what_is_alive_stays_and_space_returns)
{
    struct world w;
    world_start(&w);
    const char *first = fill(&w);
    ck_ok(try_doc(&w, "much", first));
    char *before = dump_text(w.db);
    uint64_t before_zeros = zeros(&w, WORLD_PATH);
    tuf_trim_report report = trim(&w);
    ck_assert_uint_gt(report.bytes_free, ATT_SIZE);
    ck_assert_uint_gt(zeros(&w, WORLD_PATH), before_zeros + ATT_SIZE * 9 / 10);
    ck_outcome(try_doc(&w, "much", first), TUF_NOT_FOUND);
    for (int round = 0; round < 3; round++) {
        expect_dump(w.db, before);
        check_clean(&w);
        if (round == 0)
            world_kill(&w);
        else
            world_reopen(&w);
        ck_outcome(try_doc(&w, "much", first), TUF_NOT_FOUND);
    }
    world_look(&w);
    ck_ok(tuf_db_compact(NULL, w.db, NULL));
    expect_dump(w.db, before);
    tufi_free(before);
    world_end(&w);
}
END_TEST

static tuf_status open_at(tuf_db **out, struct world *w, uint64_t commit)
{
    tuf_open_options opts = w->opts;
    opts.flags = TUF_OPEN_RDONLY;
    opts.at_kind = TUF_AT_COMMIT;
    opts.at = commit;
    return tuf_db_open(out, WORLD_PATH, &opts);
}

static tuf_status count_commit(const tuf_log_entry *entry, void *ctx)
{
    uint64_t *first = ctx;
    if (*first == 0 && entry->kind == TUF_LOG_COMMIT)
        *first = entry->commit;
    return TUF_OK;
}

/* INV-TR-1 */
START_TEST(the_past_begins_where_it_is_said)
{
    struct world w;
    world_start(&w);
    fill(&w);
    uint64_t gone = world_info(&w).commit_count;
    put(&w, "{'_id':'last'}");
    tuf_trim_report report = trim(&w);
    uint64_t base_commit = world_info(&w).commit_count;
    ck_assert_uint_eq(report.first_commit, base_commit);
    tuf_snapshot_free(&w.snapshot);
    char *base = dump_text(w.db);
    for (unsigned i = 0; i < 10; i++)
        put(&w, "{'_id':'after%u'}", i);
    for (int round = 0; round < 2; round++) {
        tuf_db *db = NULL;
        uint64_t first = 0;
        ck_fails(open_at(&db, &w, gone), TUF_E_INVALID);
        ck_assert_ptr_nonnull(strstr(tuf_last_error()->text, "was given back"));
        ck_fails(open_at(&db, &w, 1), TUF_E_INVALID);
        ck_ok(open_at(&db, &w, base_commit));
        expect_dump(db, base);
        ck_ok(tuf_db_close(&db));
        ck_ok(open_at(&db, &w, base_commit + 5));
        ck_ok(tuf_db_close(&db));
        ck_ok(tuf_db_log(w.db, count_commit, &first));
        ck_assert_uint_eq(first, base_commit + 1); /* behind the base's checkpoint */
        world_kill(&w);
    }
    tufi_free(base);
    world_end(&w);
}
END_TEST

START_TEST(history_is_kept_as_long_as_asked)
{
    struct world w;
    world_start(&w);
    fill(&w);
    ck_ok(tuf_db_checkpoint(w.db));
    uint64_t old = world_info(&w).commit_count;
    tuf_trim_options opts = TUF_TRIM_OPTIONS_INIT;
    tuf_trim_report report;
    opts.keep_us = UINT64_MAX / 2;
    world_look(&w);
    tuf_snapshot_free(&w.snapshot);
    ck_ok(tuf_db_trim(&report, w.db, &opts));
    ck_assert_uint_eq(report.bytes_free, 0);
    tuf_db *db = NULL;
    ck_ok(open_at(&db, &w, old));
    ck_ok(tuf_db_close(&db));
    world_end(&w);
}
END_TEST

START_TEST(pins_snapshots_and_attachments_in_use_are_kept)
{
    struct world w;
    world_start(&w);
    fill(&w);
    char *state = dump_text(w.db);
    tuf_snapshot *held = NULL;
    tuf_db *pinned = NULL;
    ck_ok(tuf_db_checkpoint(w.db));
    if (_i == 0)
        ck_ok(tuf_db_snapshot(&held, w.db));
    else
        ck_ok(tuf_db_pin(w.db, tuf_str("p")));
    revise(&w, "new", put(&w, "{'_id':'new'}"), 5);
    tuf_doc *doc = world_doc(&w, "att", NULL);
    char rev[TUF_REV_TEXT_SIZE];
    (void)tuf_rev_format(rev, tuf_doc_rev(doc));
    put(&w, "{'_id':'att','_rev':'%s','_deleted':true}", rev);
    tuf_trim_report report = trim(&w);
    ck_assert_uint_gt(report.bytes_free, ATT_SIZE); /* of what was dead before */
    if (_i == 0) {
        struct buf out = BUF_INIT;
        ck_ok(dump_snapshot(&out, held));
        ck_assert_uint_eq(out.len, strlen(state));
        ck_assert_mem_eq(out.data, state, out.len);
        tufi_buf_release(&out);
        tuf_snapshot_free(&held);
    } else {
        ck_ok(tuf_db_open_pin(&pinned, w.db, tuf_str("p"), NULL));
        expect_dump(pinned, state);
        ck_ok(tuf_db_close(&pinned));
        ck_ok(tuf_db_unpin(w.db, tuf_str("p")));
    }
    uint64_t holes = zeros(&w, WORLD_PATH);
    trim(&w);
    ck_assert_uint_gt(zeros(&w, WORLD_PATH), holes + ATT_SIZE * 9 / 10);
    tufi_free(state);
    world_end(&w);
}
END_TEST

/* Bytes of an attachment that no commit names yet, at any distance from the commit that does. */
START_TEST(an_attachment_on_its_way_is_alive)
{
    struct world w;
    world_start(&w);
    fill(&w);
    for (int round = 0; round < 4; round++) {
        tuf_blob *blob = world_blob(&w, "x/y", noise(7), ATT_SIZE);
        ck_ok(tuf_db_checkpoint(w.db));
        for (int i = 0; i < round; i++) {
            put(&w, "{'_id':'r%d-%d'}", round, i);
            trim(&w);
        }
        attach(&w, blob, text("late%d", round));
        if (round % 2)
            trim(&w);
        world_kill(&w);
        trim(&w);
        for (int i = 0; i <= round; i++) {
            tuf_doc *doc = world_doc(&w, text("late%d", i), NULL);
            TUF_AUTO(tuf_att_reader_free) tuf_att_reader *reader = NULL;
            static uint8_t got[ATT_SIZE];
            size_t len = 0;
            ck_ok(tuf_att_open(&reader, doc, 0, TUF_ATT_STORED));
            ck_ok(tuf_att_read(&len, reader, got, sizeof(got)));
            ck_assert_uint_eq(len, ATT_SIZE);
            ck_assert_mem_eq(got, noise(7), ATT_SIZE);
        }
    }
    check_clean(&w);
    world_end(&w);
}
END_TEST

/* INV-TR-3: nothing refers to bytes that were given back, whenever it was prepared. */
START_TEST(a_stub_of_an_old_revision_is_missing)
{
    struct world w;
    world_start(&w);
    put(&w, "{'_id':'before'}");
    ck_ok(tuf_db_pin(w.db, tuf_str("p")));
    attach(&w, world_blob(&w, "x/y", noise(3), ATT_SIZE), "s");
    char first[TUF_REV_TEXT_SIZE];
    (void)tuf_rev_format(first, tuf_doc_rev(world_doc(&w, "s", NULL)));
    put(&w, "{'_id':'s','_rev':'%s','v':2}", first);
    trim(&w); /* up to the pin; holds from now on are newer */
    tuf_edit *edit = NULL;
    if (_i == 0) {
        tuf_doc *old = world_doc(&w, "s", first);
        ck_ok(tuf_edit_from_doc(&edit, old));
        ck_ok(tuf_edit_set_id(edit, tuf_str("copy")));
        ck_ok(tuf_edit_set_parent(edit, NULL));
    } else {
        edit = world_parse(TUF_EDIT_REPLICATED,
                           "{'_id':'s','_rev':'2-c','_revisions':{'start':2,'ids':['c','%s']},"
                           "'_attachments':{'a':{'stub':true,'revpos':1}}}",
                           first + 2);
        ck_ok(tufi_edit_prepare(edit, w.db, world_look(&w)));
    }
    ck_ok(tuf_db_unpin(w.db, tuf_str("p")));
    ck_assert_uint_gt(trim(&w).bytes_free, ATT_SIZE);
    ck_fails(world_commit(&w, edit, NULL), TUF_MISSING_STUB);
    ck_outcome(try_doc(&w, "s", first), TUF_NOT_FOUND);
    check_clean(&w);
    world_end(&w);
}
END_TEST

/* Damages the first record with this id, whose length is its first byte. */
static void damage_record(struct world *w, const char *sized_id)
{
    size_t len, id_len = strlen(sized_id);
    const uint8_t *bytes = sim_peek(w->sim, WORLD_PATH, &len), *found = NULL;
    for (size_t i = 4096; i + id_len < len && !found; i++)
        if (memcmp(bytes + i, sized_id, id_len) == 0)
            found = bytes + i;
    ck_assert_ptr_nonnull(found);
    uint64_t off = (uint64_t)(found - bytes);
    struct vfs_file *file = NULL;
    sim_set_monitor(w->sim, SIM_MONITOR_OFF);
    ck_ok(sim_vfs(w->sim)->open(sim_vfs(w->sim), WORLD_PATH, 0, &file));
    ck_ok(tufi_vfs_write(file, "x", 1, off + 1));
    file->ops->close(file);
}

/* Damage in the base's state, or in a commit behind it, which may name attachments that live. */
START_TEST(a_damaged_file_gives_nothing_back)
{
    struct world w;
    world_start(&w);
    fill(&w);
    ck_ok(tuf_db_checkpoint(w.db));
    if (_i == 1) {
        ck_ok(tuf_db_pin(w.db, tuf_str("p")));
        put(&w, "{'_id':'behind the pin'}");
    }
    damage_record(&w, _i == 0 ? "\003att" : "\016behind the pin");
    uint64_t holes = zeros(&w, WORLD_PATH);
    tuf_trim_report report;
    tuf_snapshot_free(&w.snapshot);
    ck_fails(tuf_db_trim(&report, w.db, NULL), TUF_E_CORRUPT);
    ck_assert_uint_eq(report.holes, 0);
    ck_assert_uint_le(zeros(&w, WORLD_PATH), holes);
    world_end(&w);
}
END_TEST

static void expect_copy(struct world *w)
{
    tuf_open_options opts = w->opts;
    opts.flags = TUF_OPEN_RDONLY;
    tuf_db *db = NULL;
    ck_ok(tuf_db_open(&db, BACKUP_PATH, &opts));
    char *want = dump_text(w->db);
    expect_dump(db, want);
    tufi_free(want);
    ck_ok(tuf_db_close(&db));
}

/* All reads from one on, or one alone: that may be made good by another one. */
START_TEST(a_trim_that_cannot_read_fails_or_gives_back_the_same)
{
    bool hit = true, sticky = _i == 0;
    uint64_t holes = 0;
    for (uint64_t at = 0; hit; at += 1 + at / 4) {
        struct world w;
        tuf_trim_report report;
        world_start(&w);
        (void)fill(&w);
        world_reopen(&w);
        char *before = dump_text(w.db);
        if (w.snapshot)
            tuf_snapshot_free(&w.snapshot);
        fault_set(w.fault, &(struct fault_plan){ .kind = FAULT_PREAD, .at = at, .sticky = sticky });
        tuf_status st = tuf_db_trim(&report, w.db, NULL);
        hit = fault_hits(w.fault) > 0;
        fault_set(w.fault, NULL);
        if (at == 0)
            holes = report.holes;
        if (st == TUF_OK)
            ck_assert_uint_eq(report.holes, holes);
        ck_assert_int_eq(st, hit && (sticky || st < 0) ? TUF_E_IO : TUF_OK);
        hit = hit || at == 0;
        expect_dump(w.db, before);
        tufi_free(before);
        world_end(&w);
    }
}
END_TEST

/* A failure is told: none makes it give back less, or more, in silence. */
START_TEST(each_call_and_each_allocation_of_a_trim_may_fail)
{
    struct world w;
    tuf_trim_report report;
    bool hit = true;
    world_start(&w);
    (void)fill(&w);
    char *want = dump_text(w.db);
    tuf_snapshot_free(&w.snapshot);
    tuf_doc_free(&w.doc);
    world_close(&w);
    struct sim *filled = w.sim;
    fault_free(&w.fault);
    uint64_t bytes_free = 0;
    for (uint64_t at = 0; hit; at++) { /* the first one: nothing fails */
        w.sim = sim_clone(filled);
        w.fault = fault_new(sim_vfs(w.sim));
        world_open(&w);
        if (at > 0)
            sweep_begin(w.fault, (enum sweep_kind)_i, at);
        tuf_status st = tuf_db_trim(&report, w.db, NULL);
        hit = at == 0 || sweep_end(w.fault);
        if (at == 0)
            bytes_free = report.bytes_free;
        ck_assert_msg(st == TUF_OK || st == (_i == SWEEP_MEMORY ? TUF_E_NOMEM : TUF_E_IO),
                      "%llu: %s", (unsigned long long)at, tuf_status_name(st));
        ck_assert_msg(st < 0 || report.bytes_free == bytes_free, "%llu: %llu of %llu bytes",
                      (unsigned long long)at, (unsigned long long)report.bytes_free,
                      (unsigned long long)bytes_free);
        expect_dump(w.db, want);
        (void)tuf_db_close(&w.db);
        fault_free(&w.fault);
        sim_free(&w.sim);
    }
    ck_assert_uint_gt(bytes_free, ATT_SIZE);
    tufi_free(want);
    sim_free(&filled);
}
END_TEST

/* The checkpoints before the base of an earlier trim may be holes. */
START_TEST(a_trim_looks_back_to_the_one_before)
{
    struct world w;
    tuf_trim_options opts = TUF_TRIM_OPTIONS_INIT;
    tuf_trim_report report;
    world_start(&w);
    fill(&w);
    for (unsigned i = 0; i < 4; i++) {
        put(&w, "{'_id':'more%u'}", i);
        ck_ok(tuf_db_checkpoint(w.db));
    }
    trim(&w);
    opts.keep_us = UINT64_MAX / 2; /* nothing is old enough */
    ck_ok(tuf_db_trim(&report, w.db, &opts));
    ck_assert_uint_eq(report.bytes_free, 0);
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(a_backup_of_a_file_with_holes_has_them_too)
{
    struct world w;
    tuf_backup_report report;
    tuf_backup_options opts = TUF_BACKUP_OPTIONS_INIT;
    world_start(&w);
    opts.vfs = w.opts.vfs;
    if (_i == 1) /* a copy from before */
        ck_ok(tuf_backup(&report, WORLD_PATH, BACKUP_PATH, &opts));
    fill(&w);
    if (_i == 2) { /* what the copy lacks is kept */
        ck_ok(tuf_db_pin(w.db, tuf_str("p")));
        ck_ok(tuf_backup(&report, WORLD_PATH, BACKUP_PATH, &opts));
    }
    uint64_t free = trim(&w).bytes_free;
    ck_ok(tuf_backup(&report, WORLD_PATH, BACKUP_PATH, &opts));
    ck_assert(report.full == (_i < 2));
    expect_copy(&w);
    if (_i < 2)
        ck_assert_uint_ge(zeros(&w, BACKUP_PATH), free);
    for (int round = 0; round < 3; round++) {
        put(&w, "{'_id':'later%d'}", round);
        if (round == 1)
            trim(&w);
        ck_ok(tuf_backup(&report, WORLD_PATH, BACKUP_PATH, &opts));
        ck_assert(report.full == (round == 1 && _i < 2));
        expect_copy(&w);
    }
    world_end(&w);
}
END_TEST

START_TEST(a_file_with_holes_is_salvaged)
{
    struct world w;
    world_start(&w);
    fill(&w);
    trim(&w);
    put(&w, "{'_id':'later'}");
    char *want = dump_text(w.db);
    tuf_salvage_options opts = TUF_SALVAGE_OPTIONS_INIT;
    tuf_salvage_report report;
    opts.vfs = w.opts.vfs;
    ck_ok(tuf_salvage(&report, WORLD_PATH, "saved.tuffet", &opts));
    ck_assert_uint_eq(report.bytes_lost, 0);
    tuf_open_options how = w.opts;
    tuf_db *db = NULL;
    ck_ok(tuf_db_open(&db, "saved.tuffet", &how));
    tuf_snapshot *snapshot = NULL;
    ck_ok(tuf_db_snapshot(&snapshot, db));
    tuf_db_info info = { .struct_size = sizeof(info) };
    ck_ok(tuf_snapshot_info(&info, snapshot));
    ck_assert_uint_eq(info.doc_count, world_info(&w).doc_count);
    ck_assert_uint_eq(info.doc_del_count, world_info(&w).doc_del_count);
    tuf_snapshot_free(&snapshot);
    ck_ok(tuf_db_close(&db));
    tufi_free(want);
    world_end(&w);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("trim");
    TCase *tc = tcase_create("trim");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, what_is_alive_stays_and_space_returns);
    tcase_add_test(tc, the_past_begins_where_it_is_said);
    tcase_add_test(tc, history_is_kept_as_long_as_asked);
    tcase_add_loop_test(tc, pins_snapshots_and_attachments_in_use_are_kept, 0, 2);
    tcase_add_test(tc, an_attachment_on_its_way_is_alive);
    tcase_add_loop_test(tc, a_stub_of_an_old_revision_is_missing, 0, 2);
    tcase_add_loop_test(tc, a_damaged_file_gives_nothing_back, 0, 2);
    tcase_add_loop_test(tc, a_backup_of_a_file_with_holes_has_them_too, 0, 3);
    tcase_add_loop_test(tc, a_trim_that_cannot_read_fails_or_gives_back_the_same, 0, 2);
    tcase_add_loop_test(tc, each_call_and_each_allocation_of_a_trim_may_fail, 0, SWEEP_KIND_COUNT);
    tcase_add_test(tc, a_trim_looks_back_to_the_one_before);
    tcase_add_test(tc, a_file_with_holes_is_salvaged);
    suite_add_tcase(s, tc);
    return tuft_run(s);
}
