/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: trims that are refused or stopped, that go by the clock, and of files with damage: what was lost
 * or quarantined before does not hinder them, what is found damaged now ends them without a hole.
 */
#include <stdio.h>

#include "base/alloc.h"
#include "tests/crash/dump.h"
#include "tests/unit/engine/image.h"
#include "tuffet/check.h"

#define SECOND UINT64_C(1000000)

static char *dump_text(tuf_db *db)
{
    struct buf out = BUF_INIT;
    ck_ok(dump_db(&out, db));
    buf_append_u8(&out, 0);
    return (char *)tufi_buf_take(&out);
}

/* Frees the text of before. */
static void expect_same(struct world *w, char *before)
{
    char *after = dump_text(w->db);
    ck_assert_str_eq(after, before);
    tufi_free(after);
    tufi_free(before);
    check_clean(w);
}

static tuf_status trim(tuf_trim_report *report, struct world *w, const tuf_trim_options *opts)
{
    if (w->snapshot)
        tuf_snapshot_free(&w->snapshot);
    return tuf_db_trim(report, w->db, opts);
}

/* ---- refused and stopped ------------------------------------------------------------------------ */

START_TEST(what_cannot_be_trimmed_is_said)
{
    struct world w;
    world_start(&w);
    put(&w, "{'_id':'a'}");
    tuf_trim_options opts = { .struct_size = 1 };
    ck_fails(trim(NULL, &w, &opts), TUF_E_MISUSE);
    ck_ok(trim(NULL, &w, NULL)); /* a report is nobody's duty */
    w.opts.flags = TUF_OPEN_RDONLY;
    world_reopen(&w);
    ck_fails(trim(NULL, &w, NULL), TUF_E_READONLY);
    ck_text(body(&w, "a", NULL), "{}");
    world_end(&w);
}
END_TEST

#define REVISED 70
#define PLAIN 1100

enum stop { STOP_NEVER, STOP_AT_HISTORIES, STOP_AT_MARKS };

struct told {
    tuf_db *db;
    enum stop stop;
    unsigned histories, marks; /* calls */
    uint64_t done, total;      /* of the first about marks */
};

static int note_progress(uint64_t done, uint64_t total, void *ctx)
{
    struct told *told = ctx;
    ck_outcome(tuf_db_trim(NULL, told->db, NULL), TUF_EXISTS);
    if (total == 0) {
        told->histories++;
        return told->stop == STOP_AT_HISTORIES;
    }
    if (told->marks++ == 0) {
        told->done = done;
        told->total = total;
    }
    return told->stop == STOP_AT_MARKS;
}

static tuf_status trim_told(struct told *told, tuf_trim_report *report, struct world *w, enum stop stop)
{
    tuf_trim_options opts = TUF_TRIM_OPTIONS_INIT;
    *told = (struct told){ .db = w->db, .stop = stop };
    opts.progress = note_progress;
    opts.ctx = told;
    return trim(report, w, &opts);
}

/* While histories are written anew, and while what is alive is looked for. */
START_TEST(a_trim_ends_when_its_caller_says_so)
{
    struct world w;
    struct told told;
    tuf_trim_report report;
    world_start(&w);
    for (unsigned i = 0; i < REVISED; i++) {
        const char *rev = put(&w, "{'_id':'r%03u','v':'%0300u'}", i, i);
        put(&w, "{'_id':'r%03u','_rev':'%s','v':2}", i, rev);
    }
    for (unsigned i = 0; i < PLAIN; i++)
        put(&w, "{'_id':'p%04u'}", i);
    char *before = dump_text(w.db);
    ck_outcome(trim_told(&told, &report, &w, STOP_AT_HISTORIES), TUF_STOPPED);
    ck_assert_uint_eq(told.histories, 1);
    ck_assert_uint_eq(told.marks + report.holes, 0);
    ck_outcome(trim_told(&told, &report, &w, STOP_AT_MARKS), TUF_STOPPED);
    ck_assert_uint_eq(told.histories, 0); /* the few that were left make no round */
    ck_assert_uint_eq(told.marks, 1);
    ck_assert_uint_eq(told.total, REVISED + PLAIN);
    ck_assert_uint_lt(told.done, told.total);
    ck_assert_uint_eq(report.holes, 0);
    ck_ok(trim_told(&told, &report, &w, STOP_NEVER));
    ck_assert_uint_eq(told.marks, 1);
    ck_assert_uint_gt(report.holes, 0);
    expect_same(&w, before);
    world_end(&w);
}
END_TEST

/* More than are done at once, by somebody who is not asked. */
START_TEST(many_histories_are_shortened_without_a_word)
{
    struct world w;
    tuf_trim_report report;
    struct told told;
    world_start(&w);
    for (unsigned i = 0; i < 2 * REVISED; i++) {
        const char *rev = put(&w, "{'_id':'r%03u','v':'%0300u'}", i, i);
        put(&w, "{'_id':'r%03u','_rev':'%s','v':2}", i, rev);
    }
    char *before = dump_text(w.db);
    if (_i == 0) {
        ck_ok(trim(&report, &w, NULL));
    } else {
        ck_ok(trim_told(&told, &report, &w, STOP_NEVER));
        ck_assert_uint_eq(told.histories, 2);
    }
    ck_assert_uint_gt(report.bytes_free, 2 * REVISED * 100);
    world_kill(&w);
    expect_same(&w, before);
    world_end(&w);
}
END_TEST

/* ---- the clock ---------------------------------------------------------------------------------- */

struct clock {
    struct tuf_vfs vfs; /* first: its calls get it back */
    uint64_t now_us;
};

static uint64_t clock_us(const struct tuf_vfs *vfs)
{
    return ((const struct clock *)(const void *)vfs)->now_us;
}

static uint64_t commits_at(struct world *w, struct clock *clock, uint64_t now_us, const char *id)
{
    clock->now_us = now_us;
    put(w, "{'_id':'%s'}", id);
    ck_ok(tuf_db_checkpoint(w->db));
    uint64_t count = world_info(w).commit_count;
    tuf_snapshot_free(&w->snapshot);
    return count;
}

static uint64_t first_kept(struct world *w, uint64_t keep_us)
{
    tuf_trim_options opts = TUF_TRIM_OPTIONS_INIT;
    tuf_trim_report report;
    opts.keep_us = keep_us;
    ck_ok(trim(&report, w, &opts));
    return report.first_commit;
}

/* The newest state that is old enough is the first; nothing is, for a clock that went back. */
START_TEST(what_is_kept_goes_by_the_clock)
{
    struct world w;
    struct clock clock;
    world_init(&w, 4096);
    clock.vfs = *sim_vfs(w.sim);
    clock.vfs.wall_us = clock_us;
    clock.now_us = 1000 * SECOND;
    w.opts.vfs = &clock.vfs;
    ck_ok(tuf_db_open(&w.db, WORLD_PATH, &w.opts));
    uint64_t first = commits_at(&w, &clock, 1100 * SECOND, "a");
    uint64_t second = commits_at(&w, &clock, 1200 * SECOND, "b");
    (void)commits_at(&w, &clock, 1300 * SECOND, "c");
    clock.now_us = 500 * SECOND;
    ck_assert_uint_eq(first_kept(&w, SECOND), 0);
    clock.now_us = 1300 * SECOND;
    ck_assert_uint_eq(first_kept(&w, 101 * SECOND), first);
    ck_assert_uint_eq(first_kept(&w, 100 * SECOND), second);
    check_clean(&w);
    world_end(&w);
}
END_TEST

/* ---- damage ------------------------------------------------------------------------------------- */

static char found[4096]; /* what the newest check said, a line for each */

static void note_finding(const tuf_finding *finding, void *ctx)
{
    (void)ctx;
    size_t len = strlen(found);
    snprintf(found + len, sizeof(found) - len, "%.*s: %s\n", (int)finding->id.len,
             (const char *)finding->id.data, finding->text);
}

static const char *findings(struct world *w)
{
    tuf_check_options opts = TUF_CHECK_OPTIONS_INIT;
    tuf_check_report report;
    opts.found = note_finding;
    found[0] = 0;
    ck_ok(tuf_check(&report, world_look(w), &opts));
    tuf_snapshot_free(&w->snapshot);
    return text("%s", found);
}

static void attach(struct world *w, const char *id, uint8_t salt, size_t len)
{
    static uint8_t bytes[700000];
    struct rng rng = { salt };
    rng_fill(&rng, bytes, len);
    tuf_edit *edit = world_parse(0, "{'_id':'%s'}", id);
    tuf_blob *blob = world_blob(w, "x/y", bytes, len);
    ck_ok(tuf_edit_put_attachment(edit, tuf_str("a"), tuf_str("x/y"), &blob));
    ck_ok(world_commit(w, edit, NULL));
}

static bool has_bytes(struct world *w, const char *wanted)
{
    size_t len;
    const uint8_t *bytes = sim_peek(w->sim, WORLD_PATH, &len);
    return memmem(bytes, len, wanted, strlen(wanted)) != NULL;
}

#define NONCE "q7Zp0vKx3sRwY9fTn2Lb6Hc8JdGm5Ae1Xu4Io"

/* Compaction keeps the bytes of a record that it cannot read, and names what else was lost. */
START_TEST(what_was_lost_before_does_not_hinder_a_trim)
{
    struct world w;
    struct image image;
    tuf_trim_report report;
    world_start(&w);
    put(&w, "{'_id':'hurt','v':'" NONCE "'}");
    attach(&w, "long", 1, 700000);
    attach(&w, "short", 2, 3000);
    put(&w, "{'_id':'_local/l','v':1}");
    ck_ok(tuf_db_checkpoint(w.db));
    image_take(&image, &w);
    image_flip(&image, image_find_record(&image, RECORD_DOC, 0).off + RECORD_HEADER_SIZE);
    image_flip(&image, image_find_record(&image, RECORD_CHUNK, 1).off + RECORD_HEADER_SIZE);
    image_overwrite(&w, &image);
    tufi_buf_release(&image.bytes);
    ck_ok(tuf_db_compact(NULL, w.db, NULL));
    const char *said = findings(&w);
    ck_assert_ptr_nonnull(strstr(said, "long: a compaction found this attachment damaged"));
    ck_assert(has_bytes(&w, NONCE));
    attach(&w, "dead", 3, 300000);
    tuf_doc *doc = world_doc(&w, "dead", NULL);
    char rev[TUF_REV_TEXT_SIZE];
    (void)tuf_rev_format(rev, tuf_doc_rev(doc));
    put(&w, "{'_id':'dead','_rev':'%s','_deleted':true}", rev);
    ck_ok(trim(&report, &w, NULL));
    ck_assert_uint_gt(report.bytes_free, 250000);
    for (int round = 0; round < 2; round++) {
        ck_text(findings(&w), said);
        ck_assert(has_bytes(&w, NONCE));
        ck_assert_int_lt(try_doc(&w, "hurt", NULL), 0);
        ck_text(body(&w, "_local/l", NULL), "{\"v\":1}");
        ck_text(atts(&w, "short", NULL), "a:1:3000");
        world_kill(&w);
    }
    world_end(&w);
}
END_TEST

/* Two nodes of a tree, a header behind the base, or that of a checkpoint on the way to it. */
START_TEST(damage_is_said_and_nothing_is_given_back)
{
    static const char *const texts[] = { "node", "no valid frame where one must begin",
                                         "no checkpoint where one must be" };
    struct world w;
    struct image image;
    tuf_trim_report report;
    world_start(&w);
    for (unsigned i = 0; i < 600; i++)
        put(&w, "{'_id':'d%04u','v':%u}", i, i);
    ck_ok(tuf_db_pin(w.db, tuf_str("p")));
    put(&w, "{'_id':'behind the pin'}");
    ck_ok(tuf_db_checkpoint(w.db));
    image_take(&image, &w);
    struct frame_header h;
    if (_i == 0) {
        h = image_find_frame(&image, FRAME_NODES, 0);
        image_flip(&image, h.off + FRAME_HEADER_SIZE + 100);
        image_flip(&image, h.off + FRAME_HEADER_SIZE + h.payload_len / 3);
    } else {
        h = _i == 1 ? image_find_frame(&image, FRAME_COMMIT, 601) /* that behind the pin's own */
                    : image_find_frame(&image, FRAME_CHECKPOINT, 0);
        image_flip(&image, h.off + 9);
    }
    image_overwrite(&w, &image);
    tufi_buf_release(&image.bytes);
    ck_fails(trim(&report, &w, NULL), TUF_E_CORRUPT);
    ck_assert_msg(strstr(tuf_last_error()->text, texts[_i]) != NULL, "%s", tuf_last_error()->text);
    ck_assert_uint_eq(report.holes, 0);
    world_end(&w);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("trim_states");
    TCase *tc = tcase_create("trim_states");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, what_cannot_be_trimmed_is_said);
    tcase_add_test(tc, a_trim_ends_when_its_caller_says_so);
    tcase_add_loop_test(tc, many_histories_are_shortened_without_a_word, 0, 2);
    tcase_add_test(tc, what_is_kept_goes_by_the_clock);
    tcase_add_test(tc, what_was_lost_before_does_not_hinder_a_trim);
    tcase_add_loop_test(tc, damage_is_said_and_nothing_is_given_back, 0, 3);
    suite_add_tcase(s, tc);
    return tuft_run(s);
}
