/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: tuf_db_log lists the frames of the file.
 */
#include "tests/unit/engine/image.h"

struct seen {
    tuf_log_entry entries[16];
    size_t count;
    size_t stop_after; /* 0: never */
};

static tuf_status visit(const tuf_log_entry *entry, void *ctx)
{
    struct seen *s = ctx;
    ck_assert_uint_lt(s->count, 16);
    s->entries[s->count++] = *entry;
    return s->count == s->stop_after ? TUF_STOPPED : TUF_OK;
}

START_TEST(every_frame_is_listed_in_order)
{
    struct world w;
    world_init(&w, 512);
    world_open(&w);
    struct seen s = { 0 };
    ck_ok(tuf_db_log(w.db, visit, &s));
    ck_assert_uint_eq(s.count, 0);
    (void)put(&w, "{'_id':'a'}");
    tuf_blob *blob = world_blob(&w, "", "bytes", 5);
    tuf_blob_free(&blob);
    tuf_edit *edits[2] = { world_parse(0, "{'_id':'b'}"), world_parse(0, "{'_id':'c'}") };
    ck_ok(tuf_db_commit(w.db, edits, 2, 0));
    tuf_edit_free(&edits[0]);
    tuf_edit_free(&edits[1]);
    ck_ok(tuf_db_checkpoint(w.db));
    ck_ok(tuf_db_log(w.db, visit, &s));
    static const struct {
        tuf_log_kind kind;
        uint64_t commit, seq;
        uint32_t record_count;
    } want[] = {
        { TUF_LOG_COMMIT, 1, 1, 1 }, { TUF_LOG_CHUNK, 1, 1, 1 },      { TUF_LOG_COMMIT, 2, 3, 2 },
        { TUF_LOG_NODES, 2, 3, 0 },  { TUF_LOG_CHECKPOINT, 2, 3, 0 },
    };
    ck_assert_uint_eq(s.count, 5);
    uint64_t off = 4096;
    for (size_t i = 0; i < 5; i++) {
        ck_assert_int_eq(s.entries[i].kind, want[i].kind);
        ck_assert_uint_eq(s.entries[i].commit, want[i].commit);
        ck_assert_uint_eq(s.entries[i].update_seq, want[i].seq);
        ck_assert_uint_eq(s.entries[i].record_count, want[i].record_count);
        ck_assert_uint_eq(s.entries[i].off, off);
        ck_assert_uint_gt(s.entries[i].time_us, 0);
        off += s.entries[i].size;
    }
    ck_assert_uint_eq(world_info(&w).size_file, off);
    world_end(&w);
}
END_TEST

START_TEST(a_visitor_may_stop)
{
    struct world w;
    world_start(&w);
    for (int i = 0; i < 5; i++)
        (void)put(&w, "{'_id':'d%d'}", i);
    struct seen s = { .stop_after = 2 };
    ck_fails(tuf_db_set_revs_limit(w.db, 0), TUF_E_INVALID);
    ck_outcome(tuf_db_log(w.db, visit, &s), TUF_STOPPED);
    ck_assert_uint_eq(s.count, 2);
    ck_assert_int_eq(tuf_last_error()->status, TUF_OK); /* the failure before is another call's */
    world_end(&w);
}
END_TEST

START_TEST(a_damaged_header_ends_the_list_with_its_place)
{
    struct world w;
    world_start(&w);
    for (int i = 0; i < 5; i++)
        (void)put(&w, "{'_id':'d%d'}", i);
    struct image image;
    image_take(&image, &w);
    struct frame_header h;
    ck_assert(image_frame(&h, &image, 3));
    image_flip(&image, h.off + 30);
    image_overwrite(&w, &image);
    struct seen s = { 0 };
    ck_fails(tuf_db_log(w.db, visit, &s), TUF_E_CORRUPT);
    ck_assert_uint_eq(tuf_last_error()->file_off, h.off);
    ck_assert_uint_eq(s.count, 3);
    struct fault_plan plan = { .kind = FAULT_PREAD, .at = 1 };
    fault_set(w.fault, &plan);
    ck_fails(tuf_db_log(w.db, visit, &s), TUF_E_IO);
    fault_set(w.fault, NULL);
    tufi_buf_release(&image.bytes);
    world_end(&w);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("frames");
    TCase *t = tcase_create("frames");
    tcase_add_test(t, every_frame_is_listed_in_order);
    tcase_add_test(t, a_visitor_may_stop);
    tcase_add_test(t, a_damaged_header_ends_the_list_with_its_place);
    suite_add_tcase(s, t);
    return tuft_run(s);
}
