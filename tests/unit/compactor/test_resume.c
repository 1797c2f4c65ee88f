/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: compactions that are interrupted, run out of space or meet damage.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "tests/unit/engine/image.h"

#define HEIR WORLD_PATH ".compact"
#define DOCS 12

static bool has_file(struct world *w, const char *path)
{
    size_t len;
    return sim_peek(w->sim, path, &len) != NULL;
}

static int stop_after(uint64_t bytes, void *ctx)
{
    (void)bytes;
    return --*(int *)ctx < 0 ? TUF_COMPACT_LATER : TUF_COMPACT_GO_ON;
}

static tuf_status compact_part(struct world *w, int writes)
{
    tuf_compact_options opts = TUF_COMPACT_OPTIONS_INIT;
    opts.resume_size = 1; /* a checkpoint after each document */
    opts.pace = stop_after;
    opts.ctx = &writes;
    return tuf_db_compact(NULL, w->db, &opts);
}

static void fill(struct world *w)
{
    for (int i = 0; i < DOCS; i++) {
        const char *rev = put(w, "{'_id':'d%d','v':0}", i);
        put(w, "{'_id':'d%d','_rev':'%s','v':1}", i, rev);
    }
    put(w, "{'_id':'att','_attachments':{'f':{'data':'aGVsbG8='}}}");
    push_path(w, "c", 3, "x y z");
    push_path(w, "c", 2, "b a");
    put(w, "{'_id':'_local/l','n':1}");
    ck_ok(tuf_db_put_meta(w->db, tuf_str("security"), tuf_str("{}")));
    ck_ok(tuf_db_set_revs_limit(w->db, 55));
}

static void expect_all(struct world *w)
{
    for (int i = 2; i < DOCS; i++)
        ck_text(body(w, text("d%d", i), NULL), text("{'v':1}"));
    ck_text(att_text(w, "att", "f"), "hello");
    ck_text(leaves(w, "c"), "3-x 2-b");
    ck_text(history(w, "c", "3-x"), "3-x 2-y 1-z");
    ck_text(body(w, "_local/l", NULL), text("{'n':1}"));
    ck_assert_uint_eq(world_info(w).revs_limit, 55);
    check_clean(w);
}

START_TEST(what_was_copied_is_kept)
{
    struct world w;
    world_start(&w);
    fill(&w);
    ck_outcome(compact_part(&w, 2 + 3 * _i), TUF_STOPPED);
    ck_assert(has_file(&w, HEIR));
    put(&w, "{'_id':'d0','_rev':'%s','v':'new'}",
        strtok((char *)(uintptr_t)history(&w, "d0", NULL), " "));
    tuf_revbuf rev;
    bool purged = false;
    ck_ok(tuf_rev_parse(&rev, tuf_str(strtok((char *)(uintptr_t)history(&w, "d1", NULL), " "))));
    tuf_purge_item item = { tuf_str("d1"), &rev.rev, 1, &purged };
    ck_ok(tuf_db_purge(w.db, &item, 1));
    if (_i % 2 == 0)
        world_reopen(&w);
    else
        world_kill(&w);
    ck_assert(has_file(&w, HEIR)); /* opening leaves what can be continued */
    tuf_compact_report report;
    ck_ok(tuf_db_compact(&report, w.db, NULL));
    ck_assert(_i < 2 || report.docs_kept > 0);
    ck_assert(!has_file(&w, HEIR));
    ck_text(body(&w, "d0", NULL), text("{'v':'new'}"));
    ck_outcome(try_doc(&w, "d1", NULL), TUF_NOT_FOUND);
    expect_all(&w);
    world_reopen(&w);
    expect_all(&w);
    world_end(&w);
}
END_TEST

/* INV-HE-1. An older copy of the file has other documents under the same sequences. */
START_TEST(a_copy_of_another_past_is_not_continued)
{
    struct world w;
    world_start(&w);
    put(&w, "{'_id':'common'}");
    world_close(&w);
    size_t len;
    const uint8_t *bytes = sim_peek(w.sim, WORLD_PATH, &len);
    uint8_t *old = malloc(len);
    memcpy(old, bytes, len);
    world_open(&w);
    for (int i = 0; i < 8; i++)
        put(&w, "{'_id':'d%d'}", i);
    ck_outcome(compact_part(&w, 9), TUF_STOPPED);
    world_close(&w);
    sim_store(w.sim, WORLD_PATH, old, len);
    free(old);
    world_open(&w);
    ck_assert(!has_file(&w, HEIR));
    for (int i = 0; i < 8; i++)
        put(&w, "{'_id':'e%d'}", i);
    tuf_compact_report report;
    ck_ok(tuf_db_compact(&report, w.db, NULL));
    ck_assert_uint_eq(report.docs_kept, 0);
    ck_assert_uint_eq(world_info(&w).doc_count, 9);
    ck_outcome(try_doc(&w, "d3", NULL), TUF_NOT_FOUND);
    check_clean(&w);
    world_end(&w);
}
END_TEST

/* INV-HE-2 */
START_TEST(a_file_of_somebody_else_is_left_alone)
{
    struct world w;
    world_start(&w);
    put(&w, "{'_id':'a'}");
    sim_store(w.sim, HEIR, "my notes", 8);
    world_reopen(&w);
    ck_fails(tuf_db_compact(NULL, w.db, NULL), TUF_E_INVALID);
    size_t len;
    ck_assert_int_eq(memcmp(sim_peek(w.sim, HEIR, &len), "my notes", 8), 0);
    put(&w, "{'_id':'b'}");
    world_end(&w);
}
END_TEST

START_TEST(a_copy_that_will_not_fit_is_refused_at_once)
{
    struct world w;
    world_start(&w);
    fill(&w);
    sim_set_space(w.sim, sim_space_used(w.sim) + 5000);
    ck_fails(tuf_db_compact(NULL, w.db, NULL), TUF_E_FULL);
    ck_assert(strstr(tuf_last_error()->text, "needs about"));
    ck_assert(!has_file(&w, HEIR));
    sim_set_space(w.sim, UINT64_MAX);
    ck_ok(tuf_db_compact(NULL, w.db, NULL));
    expect_all(&w);
    world_end(&w);
}
END_TEST

/* COPY shares the bytes; so does the compacted file. */
START_TEST(shared_attachments_are_stored_once)
{
    static char large[400000];
    struct world w;
    world_start(&w);
    for (size_t i = 0; i < sizeof(large); i++)
        large[i] = (char)(i * 2654435761u >> 24);
    tuf_blob *blob = world_blob(&w, "image/png", large, sizeof(large));
    tuf_edit *edit = world_parse(0, "{'_id':'base'}");
    ck_ok(tuf_edit_put_attachment(edit, tuf_str("big"), tuf_str("image/png"), &blob));
    ck_ok(world_commit(&w, edit, NULL));
    for (int i = 0; i < 5; i++) {
        tuf_edit *copy = NULL;
        ck_ok(tuf_edit_from_doc(&copy, world_doc(&w, "base", NULL)));
        ck_ok(tuf_edit_set_id(copy, tuf_str(text("copy%d", i))));
        ck_ok(tuf_edit_set_parent(copy, NULL));
        ck_ok(world_commit(&w, copy, NULL));
    }
    if (_i == 1) /* also those that an earlier attempt has copied */
        ck_outcome(compact_part(&w, 6), TUF_STOPPED);
    tuf_compact_report report;
    ck_ok(tuf_db_compact(&report, w.db, NULL));
    ck_assert_uint_lt(report.size_after, 2 * sizeof(large));
    for (int i = 0; i < 5; i++)
        ck_text(atts(&w, text("copy%d", i), NULL), "big:1:400000");
    check_clean(&w);
    world_end(&w);
}
END_TEST

static void count_finding(const tuf_finding *finding, void *ctx)
{
    ck_assert(slice_is(finding->id, "bad"));
    ++*(int *)ctx;
}

START_TEST(damaged_bytes_are_told_and_kept)
{
    struct world w;
    world_start(&w);
    w.opts.compression = TUF_COMPRESS_NONE;
    world_reopen(&w);
    fill(&w);
    put(&w, "{'_id':'bad','v':'precious bytes'}");
    world_close(&w);
    size_t len;
    const uint8_t *bytes = sim_peek(w.sim, WORLD_PATH, &len);
    uint8_t *copy = malloc(len);
    memcpy(copy, bytes, len);
    uint8_t *at = memmem(copy, len, "precious bytes", 14);
    ck_assert_ptr_nonnull(at);
    *at = 'P';
    sim_store(w.sim, WORLD_PATH, copy, len);
    free(copy);
    world_open(&w);
    int found = 0;
    tuf_compact_options opts = TUF_COMPACT_OPTIONS_INIT;
    opts.found = count_finding;
    opts.ctx = &found;
    for (int pass = 0; pass < 2; pass++) {
        tuf_compact_report report;
        found = 0;
        ck_ok(tuf_db_compact(&report, w.db, &opts));
        ck_assert_int_ge(found, 1);
        ck_assert_uint_eq(report.damaged_count, (uint64_t)found);
        bytes = sim_peek(w.sim, WORLD_PATH, &len);
        ck_assert_ptr_nonnull(memmem(bytes, len, "Precious bytes", 14));
        ck_assert_int_lt(try_doc(&w, "bad", NULL), 0); /* never silently another one */
        ck_text(body(&w, "d5", NULL), text("{'v':1}"));
    }
    world_end(&w);
}
END_TEST

static void attach(struct world *w, const char *id, const char *rev, uint64_t salt, size_t len)
{
    static uint8_t bytes[700000];
    struct rng rng = { salt };
    rng_fill(&rng, bytes, len);
    tuf_edit *edit = rev ? world_parse(0, "{'_id':'%s','_rev':'%s','v':1}", id, rev)
                         : world_parse(0, "{'_id':'%s','v':1}", id);
    tuf_blob *blob = world_blob(w, "x/y", bytes, len);
    ck_ok(tuf_edit_put_attachment(edit, tuf_str("a"), tuf_str("x/y"), &blob));
    ck_ok(world_commit(w, edit, NULL));
}

static tuf_status read_att(struct world *w, const char *id, size_t *len_out)
{
    TUF_AUTO(tuf_att_reader_free) tuf_att_reader *reader = NULL;
    static uint8_t bytes[700000];
    *len_out = 0;
    tuf_status st = tuf_att_open(&reader, world_doc(w, id, NULL), 0, TUF_ATT_STORED);
    return st < 0 ? st : tuf_att_read(len_out, reader, bytes, sizeof(bytes));
}

/* The only chunk of an attachment, or one of its chunks. Whoever has the bytes can give them back. */
START_TEST(a_damaged_attachment_costs_its_document_nothing_else)
{
    struct world w;
    struct image image;
    tuf_compact_report report;
    char rev[TUF_REV_TEXT_SIZE];
    size_t len, size = _i == 0 ? 3000 : 700000;
    world_start(&w);
    attach(&w, "hurt", NULL, 1, size);
    attach(&w, "sound", NULL, 2, 1000);
    ck_ok(tuf_db_checkpoint(w.db));
    image_take(&image, &w);
    image_flip(&image, image_find_record(&image, RECORD_CHUNK, 0).off + RECORD_HEADER_SIZE);
    image_overwrite(&w, &image);
    tufi_buf_release(&image.bytes);
    for (int pass = 0; pass < 2; pass++) {
        ck_ok(tuf_db_compact(&report, w.db, NULL));
        ck_assert_uint_eq(report.damaged_count, 1);
        ck_text(body(&w, "hurt", NULL), "{\"v\":1}");
        ck_text(atts(&w, "hurt", NULL), text("a:1:%zu", size));
        ck_fails(read_att(&w, "hurt", &len), TUF_E_CORRUPT);
        ck_assert_ptr_nonnull(strstr(tuf_last_error()->text, "found this attachment damaged"));
        ck_ok(read_att(&w, "sound", &len));
        ck_assert_uint_eq(len, 1000);
        world_reopen(&w);
    }
    (void)tuf_rev_format(rev, tuf_doc_rev(world_doc(&w, "hurt", NULL)));
    attach(&w, "hurt", rev, 1, size);
    ck_ok(read_att(&w, "hurt", &len));
    ck_assert_uint_eq(len, size);
    ck_ok(tuf_db_compact(&report, w.db, NULL));
    ck_assert_uint_eq(report.damaged_count, 0);
    check_clean(&w);
    world_end(&w);
}
END_TEST

/* ---- what a compaction left on the way is no state ---------------------------------- */

/* Opens what is there. Whoever gets in sees everything, or a file that nothing was written to. */
static tuf_status open_all_or_nothing(struct world *w)
{
    tuf_status st = tuf_db_open(&w->db, WORLD_PATH, &w->opts);
    if (st != TUF_OK)
        return st;
    if (world_info(w).update_seq > 0)
        expect_all(w);
    else
        ck_assert_uint_eq(world_info(w).doc_count, 0);
    world_close(w);
    return TUF_OK;
}

static void compact_in_steps(struct world *w)
{
    tuf_compact_options opts = TUF_COMPACT_OPTIONS_INIT;
    opts.resume_size = 1;
    ck_ok(tuf_db_compact(NULL, w->db, &opts));
}

START_TEST(a_cut_file_shows_no_unfinished_state) /* INV-RE-5, INV-HR-2 */
{
    struct world w;
    world_start(&w);
    fill(&w);
    compact_in_steps(&w);
    world_close(&w);
    size_t len, refused = 0;
    const uint8_t *file = sim_peek(w.sim, WORLD_PATH, &len);
    uint8_t *whole = malloc(len);
    ck_assert_ptr_nonnull(whole);
    memcpy(whole, file, len);
    w.opts.flags = _i == 0 ? 0 : TUF_OPEN_RDONLY;
    for (size_t cut = 4096; cut <= len; cut += 512) {
        sim_store(w.sim, WORLD_PATH, whole, cut);
        tuf_status st = open_all_or_nothing(&w);
        ck_assert(st == TUF_OK || st == TUF_E_CORRUPT);
        ck_assert(st == TUF_OK || tuf_last_error()->file_off != UINT64_MAX);
        refused += st != TUF_OK;
    }
    ck_assert_uint_ge(refused, DOCS);
    sim_store(w.sim, WORLD_PATH, whole, len);
    ck_ok(open_all_or_nothing(&w));
    free(whole);
    world_end(&w);
}
END_TEST

struct times {
    uint64_t at[1000];
    size_t count;
};

static tuf_status note_checkpoint(const tuf_log_entry *entry, void *ctx)
{
    struct times *times = ctx;
    ck_assert_uint_lt(times->count, 1000);
    if (entry->kind == TUF_LOG_CHECKPOINT)
        times->at[times->count++] = entry->time_us;
    return TUF_OK;
}

START_TEST(the_past_has_no_unfinished_state) /* INV-RE-5 */
{
    static struct times times;
    struct world w;
    world_start(&w);
    fill(&w);
    compact_in_steps(&w);
    times.count = 0;
    ck_ok(tuf_db_log(w.db, note_checkpoint, &times));
    ck_assert_uint_ge(times.count, DOCS);
    world_close(&w);
    w.opts.flags = TUF_OPEN_RDONLY;
    w.opts.at_kind = TUF_AT_TIME;
    size_t refused = 0;
    for (size_t i = 0; i < times.count; i++) {
        w.opts.at = times.at[i];
        tuf_status st = open_all_or_nothing(&w);
        ck_assert(st == TUF_OK || st == TUF_E_INVALID);
        refused += st != TUF_OK;
    }
    ck_assert_uint_ge(refused, DOCS);
    w.opts.at_kind = TUF_AT_NEWEST;
    w.opts.flags = 0;
    world_open(&w);
    expect_all(&w);
    world_end(&w);
}
END_TEST

/* ---- killed at every call, with writes before the next try --------------------------------------- */

/* False: the compaction ended before the call came. */
static bool kill_at(uint64_t call, uint64_t *kept)
{
    struct world w;
    world_start(&w);
    fill(&w);
    for (int i = 0; i < 60; i++)
        push(&w, "{'_id':'e%d','_rev':'1-a'}", i);
    struct fault_plan plan = { .kind = FAULT_ANY, .at = call, .sticky = true };
    tuf_compact_options opts = TUF_COMPACT_OPTIONS_INIT;
    opts.resume_size = 1;
    fault_set(w.fault, &plan);
    tuf_status st = tuf_db_compact(NULL, w.db, &opts);
    fault_set(w.fault, NULL);
    world_kill(&w);
    expect_all(&w);
    put(&w, "{'_id':'between','call':%d}", (int)call);
    tuf_compact_report report;
    ck_ok(tuf_db_compact(&report, w.db, &opts));
    *kept += report.docs_kept > 0;
    expect_all(&w);
    ck_text(body(&w, "between", NULL), text("{'call':%d}", (int)call));
    ck_assert(!has_file(&w, HEIR));
    world_end(&w);
    return st != TUF_OK;
}

START_TEST(killed_anywhere_it_finishes_on_the_next_try)
{
    uint64_t call = 1, kept = 0;
    while (kill_at(call, &kept))
        call++;
    ck_assert_uint_ge(call, 500);
    ck_assert_uint_ge(kept, 400);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("compactor resume");
    TCase *tc = tcase_create("resume");
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, what_was_copied_is_kept, 0, 9);
    tcase_add_test(tc, a_copy_of_another_past_is_not_continued);
    tcase_add_test(tc, a_file_of_somebody_else_is_left_alone);
    tcase_add_test(tc, a_copy_that_will_not_fit_is_refused_at_once);
    tcase_add_loop_test(tc, shared_attachments_are_stored_once, 0, 2);
    tcase_add_test(tc, damaged_bytes_are_told_and_kept);
    tcase_add_loop_test(tc, a_damaged_attachment_costs_its_document_nothing_else, 0, 2);
    tcase_add_loop_test(tc, a_cut_file_shows_no_unfinished_state, 0, 2);
    tcase_add_test(tc, the_past_has_no_unfinished_state);
    tcase_add_test(tc, killed_anywhere_it_finishes_on_the_next_try);
    suite_add_tcase(suite, tc);
    return tuft_run(suite);
}
