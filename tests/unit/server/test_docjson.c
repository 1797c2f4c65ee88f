/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test server/docjson.c and server/handlers/related.c: what a document looks like, and that
 * large attachments go out in steps whose sum is the announced length.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/hex.h"
#include "server/docjson.h"
#include "server/handlers/related.h"
#include "tests/lib/test.h"

#define LARGE_SIZE 300001 /* not a multiple of three, more than one chunk */

static char *dir;
static tuf_db *db;

static void setup(void)
{
    dir = tuft_tmpdir_new();
    char *path = tuft_path(dir, "t.tuffet");
    tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
    opts.flags = TUF_OPEN_CREATE;
    ck_ok(tuf_db_open(&db, path, &opts));
    free(path);
}

static void teardown(void)
{
    ck_ok(tuf_db_close(&db));
    tuft_tmpdir_remove(&dir);
}

static void put(const char *json, unsigned flags)
{
    tuf_edit *edit = NULL;
    tuf_edit_options opts = TUF_EDIT_OPTIONS_INIT;
    tuf_edit_result result;
    opts.flags = flags;
    ck_ok(tuf_edit_parse(&edit, tuf_str(json), &opts));
    ck_ok(tuf_db_commit(db, &edit, 1, 0));
    tuf_edit_get_result(&result, edit);
    ck_ok(result.status);
    tuf_edit_free(&edit);
}

/* A document "big": an attachment of LARGE_SIZE bytes that do not compress, then a small one. */
static void put_big(void)
{
    static uint8_t bytes[LARGE_SIZE];
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    uint32_t state = 1;
    for (size_t i = 0; i < LARGE_SIZE; i++) {
        state = state * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(state >> 24);
    }
    buf_append_str(&json, "{\"_id\":\"big\",\"v\":1,\"_attachments\":{\"large\":{\"data\":\"");
    tufi_base64_encode(&json, tuf_slice_of(bytes, sizeof(bytes)));
    buf_append_str(&json,
                   "\"},\"t.txt\":{\"content_type\":\"text/plain\",\"data\":\"aGVsbG8=\"}}}");
    tufi_buf_append(&json, "", 1);
    put((const char *)json.data, 0);
}

struct shown {
    tuf_snapshot *snapshot;
    tuf_doc *doc;
};

static struct shown show(const char *id)
{
    struct shown shown = { NULL, NULL };
    ck_ok(tuf_db_snapshot(&shown.snapshot, db));
    ck_ok(tuf_doc_open(&shown.doc, shown.snapshot, tuf_str(id), NULL));
    return shown;
}

static void hide(struct shown *shown)
{
    tuf_doc_free(&shown->doc);
    tuf_snapshot_free(&shown->snapshot);
}

struct form {
    const char *json; /* as it is written, replicated */
    const char *id;
    unsigned flags; /* enum docjson_flags */
    const char *want;
};

static const struct form forms[] = {
    { "{\"_id\":\"a\",\"_rev\":\"1-x\"}", "a", 0, "{\"_id\":\"a\",\"_rev\":\"1-x\"}" },
    { "{ \"v\" : [ 1.50 , {} ], \"_id\":\"a\\u0022\",\"_rev\":\"1-x\"}", "a\"", 0,
      "{\"_id\":\"a\\\"\",\"_rev\":\"1-x\",\"v\":[1.50,{}]}" },
    { "{\"_id\":\"a\",\"_rev\":\"1-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"v\":1}", "a", DOCJSON_REVS,
      "{\"_id\":\"a\",\"_rev\":\"1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"v\":1,\"_revisions\":{"
      "\"start\":1,"
      "\"ids\":[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"]}}" },
    { "{\"_id\":\"a\",\"_revisions\":{\"start\":9,\"ids\":[\"z\",\"y\"]}}", "a",
      DOCJSON_REVS | DOCJSON_META,
      "{\"_id\":\"a\",\"_rev\":\"9-z\",\"_revisions\":{\"start\":9,\"ids\":[\"z\",\"y\"]},"
      "\"_revs_info\":[{\"rev\":\"9-z\",\"status\":\"available\"},{\"rev\":\"8-y\",\"status\":"
      "\"missing\"}],\"_local_seq\":1}" },
    { "{\"_id\":\"a\",\"_rev\":\"1-x\",\"_attachments\":{\"f\":{\"data\":\"YQ==\"}}}", "a",
      DOCJSON_ATTACHMENTS | DOCJSON_ATT_ENCODING,
      "{\"_id\":\"a\",\"_rev\":\"1-x\",\"_attachments\":{\"f\":{\"content_type\":"
      "\"application/octet-stream\",\"revpos\":1,\"digest\":\"md5-DMF1ucDxtqgxw5niaXcmYQ==\","
      "\"data\":\"YQ==\"}}}" },
    { "{\"_id\":\"_local/x\",\"_rev\":\"0-6\",\"v\":1}", "_local/x", DOCJSON_REVS | DOCJSON_META,
      "{\"_id\":\"_local/x\",\"_rev\":\"0-7\",\"v\":1}" },
};

START_TEST(a_document_has_this_form)
{
    const struct form *form = &forms[_i];
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    put(form->json, TUF_EDIT_REPLICATED);
    struct shown shown = show(form->id);
    const struct docjson_options opts = { .flags = form->flags };
    ck_ok(docjson_write(&out, shown.doc, &opts));
    hide(&shown);
    ck_assert_msg(slice_is(buf_slice(&out), form->want), "got %.*s\nwant %s", (int)out.len,
                  (const char *)out.data, form->want);
}
END_TEST

START_TEST(rivals_are_listed_by_rank)
{
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    put("{\"_id\":\"a\",\"_rev\":\"1-b\"}", TUF_EDIT_REPLICATED);
    put("{\"_id\":\"a\",\"_rev\":\"1-d\"}", TUF_EDIT_REPLICATED);
    put("{\"_id\":\"a\",\"_rev\":\"1-c\"}", TUF_EDIT_REPLICATED);
    put("{\"_id\":\"a\",\"_rev\":\"5-e\",\"_deleted\":true}", TUF_EDIT_REPLICATED);
    struct shown shown = show("a");
    const struct docjson_options opts = { .flags = DOCJSON_CONFLICTS | DOCJSON_DELETED_CONFLICTS };
    ck_ok(docjson_write(&out, shown.doc, &opts));
    ck_assert(docjson_has_meta(shown.doc, DOCJSON_CONFLICTS));
    ck_assert(!docjson_has_meta(shown.doc, DOCJSON_REVS | DOCJSON_ATTACHMENTS));
    hide(&shown);
    ck_assert(slice_is(buf_slice(&out),
                       "{\"_id\":\"a\",\"_rev\":\"1-d\",\"_conflicts\":[\"1-c\",\"1-b\"],"
                       "\"_deleted_conflicts\":[\"5-e\"]}"));
}
END_TEST

/* INV-DJ-2 */
START_TEST(large_attachments_come_in_bounded_steps)
{
    TUF_AUTO(tufi_buf_release) struct buf whole = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf sum = BUF_INIT;
    put_big();
    struct shown shown = show("big");
    const struct docjson_options opts = { .flags = DOCJSON_ATTACHMENTS };
    ck_ok(docjson_write(&whole, shown.doc, &opts));
    TUF_AUTO(docjson_end) struct docjson_stream stream;
    docjson_begin(&stream, shown.doc, &opts);
    tuf_status st = TUF_OK;
    size_t steps = 0;
    for (; st == TUF_OK; steps++) {
        TUF_AUTO(tufi_buf_release) struct buf step = BUF_INIT;
        st = docjson_next(&step, &stream);
        ck_assert_uint_le(step.len, 2 * DOCJSON_STEP_SIZE + 1024);
        buf_append_slice(&sum, buf_slice(&step));
    }
    ck_assert_int_eq(st, TUF_END);
    ck_assert_uint_gt(steps, 3);
    ck_assert(slice_equal(buf_slice(&whole), buf_slice(&sum)));
    docjson_end(&stream);
    hide(&shown);
}
END_TEST

/* INV-REL-1 */
START_TEST(announced_length_is_what_is_written)
{
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    uint64_t length = 0;
    put_big();
    struct shown shown = show("big");
    const struct docjson_options opts = { .flags = 0 };
    TUF_AUTO(related_end) struct related related;
    ck_ok(related_begin(&related, shown.doc, &opts, "BOUNDARY"));
    ck_assert(related_has_parts(&related));
    ck_ok(related_length(&length, &related));
    tuf_status st = TUF_OK;
    while (st == TUF_OK) {
        size_t before = out.len;
        st = related_next(&out, &related);
        ck_assert_uint_le(out.len - before, 2 * DOCJSON_STEP_SIZE + 1024);
    }
    ck_assert_int_eq(st, TUF_END);
    ck_assert_uint_eq(out.len, length);
    related_end(&related);
    hide(&shown);
}
END_TEST

START_TEST(what_the_client_has_is_a_stub)
{
    put("{\"_id\":\"a\",\"_rev\":\"1-x\",\"_attachments\":{\"f\":{\"data\":\"YQ==\"}}}",
        TUF_EDIT_REPLICATED);
    put("{\"_id\":\"a\",\"_revisions\":{\"start\":2,\"ids\":[\"y\",\"x\"]},\"_attachments\":{\"f\":"
        "{"
        "\"stub\":true,\"revpos\":1},\"g\":{\"data\":\"Yg==\",\"revpos\":2}}}",
        TUF_EDIT_REPLICATED);
    const tuf_rev since[] = { { 7, tuf_str("q") }, { 1, tuf_str("x") } };
    struct shown shown = show("a");
    struct docjson_options opts = { .atts_since = since, .atts_since_count = 2 };
    TUF_AUTO(related_end) struct related related;
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    ck_ok(related_begin(&related, shown.doc, &opts, "B"));
    ck_assert_int_eq(related_next(&out, &related), TUF_END);
    tufi_buf_append(&out, "", 1);
    ck_assert_ptr_nonnull(strstr((char *)out.data, "\"length\":1,\"stub\":true},\"g\":"));
    ck_assert_ptr_nonnull(strstr((char *)out.data, "\"length\":1,\"follows\":true}}"));
    ck_assert_ptr_nonnull(strstr((char *)out.data, "filename=\"g\""));
    ck_assert_ptr_null(strstr((char *)out.data, "filename=\"f\""));
    related_end(&related);
    hide(&shown);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server docjson");
    TCase *tcase = tcase_create("documents");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, a_document_has_this_form, 0,
                        (int)(sizeof(forms) / sizeof(forms[0])));
    tcase_add_test(tcase, rivals_are_listed_by_rank);
    tcase_add_test(tcase, large_attachments_come_in_bounded_steps);
    tcase_add_test(tcase, announced_length_is_what_is_written);
    tcase_add_test(tcase, what_the_client_has_is_a_stub);
    suite_add_tcase(suite, tcase);
    return tuft_run(suite);
}
