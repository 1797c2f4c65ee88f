/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test replicator/run.c, pool.c, local.c and transfer.c with two databases of this process: what
 * arrives, where a run goes on, and that replicas that exchange what they have become the same.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "replicator/run.h"
#include "tests/lib/test.h"
#include "vfs/vfs.h"

static struct tuf_vfs *vfs;
static uint64_t seed = 1;

static void set_up(void)
{
    ck_ok(tufi_vfs_memory_new(&vfs));
    ck_ok(repl_global_init());
}

static void tear_down(void)
{
    tufi_vfs_memory_free(&vfs);
}

static tuf_db *open_db(const char *name)
{
    tuf_db *db = NULL;
    tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
    opts.flags = TUF_OPEN_CREATE;
    opts.vfs = vfs;
    ck_ok(tuf_db_open(&db, name, &opts));
    return db;
}

static tuf_status put(tuf_db *db, const char *json, unsigned flags)
{
    tuf_edit *edit = NULL;
    tuf_edit_options opts = TUF_EDIT_OPTIONS_INIT;
    tuf_edit_result result;
    opts.flags = flags;
    ck_ok(tuf_edit_parse(&edit, tuf_str(json), &opts));
    ck_ok(tuf_db_commit(db, &edit, 1, 0));
    tuf_edit_get_result(&result, edit);
    tuf_status st = result.status;
    tuf_edit_free(&edit);
    return st;
}

static _Atomic bool never;

/* Runs from one to the other; the newest entry of the history in `entry`. */
static tuf_status replicate(json_t **result, tuf_db *from, tuf_db *to, const char *more)
{
    struct repl_options opts;
    char text[300], id[REPL_ID_SIZE];
    (void)snprintf(text, sizeof(text), "{\"source\":\"http://a/a\",\"target\":\"http://b/b\"%s}", more);
    json_t *request = json_loads(text, 0, NULL);
    ck_ok(repl_options_parse(&opts, request));
    json_decref(request);
    (void)snprintf(text, sizeof(text), "%p", (void *)from);
    ck_ok(repl_endpoint_set_file(&opts.source, "a", text));
    (void)snprintf(text, sizeof(text), "%p", (void *)to);
    ck_ok(repl_endpoint_set_file(&opts.target, "b", text));
    ck_ok(repl_make_id(id, &opts, "u"));
    struct repl_run run = { .opts = &opts, .id = id, .cancel = &never, .source_db = from,
                            .target_db = to };
    tuf_status st = repl_run(result, &run);
    repl_options_release(&opts);
    return st;
}

static long long counted(const json_t *result, const char *name)
{
    const json_t *entry = json_array_get(json_object_get(result, "history"), 0);
    return json_integer_value(json_object_get(entry, name));
}

/* All leaves of all documents with what they hold, as text. */
static void describe(struct buf *out, tuf_db *db)
{
    tuf_snapshot *snapshot = NULL;
    tuf_cursor *cursor = NULL;
    tuf_doc *doc = NULL;
    const tuf_docinfo *info = NULL;
    tuf_range all = { .with_deleted = true };
    ck_ok(tuf_db_snapshot(&snapshot, db));
    ck_ok(tuf_cursor_open_ids(&cursor, snapshot, &all));
    while (tuf_cursor_next(&info, cursor) == TUF_OK) {
        buf_append_slice(out, info->id);
        for (size_t i = 0; i < info->leaf_count; i++) {
            char rev[TUF_REV_TEXT_SIZE];
            size_t len = tuf_rev_format(rev, info->leaves[i].rev);
            ck_ok(tuf_doc_open_leaf(&doc, snapshot, info, i));
            buf_append_u8(out, ' ');
            tufi_buf_append(out, rev, len);
            tufi_buf_printf(out, "%s ", info->leaves[i].deleted ? "!" : "");
            buf_append_slice(out, tuf_doc_body(doc));
            tuf_att_info att;
            for (size_t pos = 0; tuf_doc_att(&att, doc, pos) == TUF_OK; pos++) {
                tufi_buf_printf(out, " %llu/%llu/%llu/%02x%02x", (unsigned long long)att.revpos,
                                (unsigned long long)att.length,
                                (unsigned long long)att.encoded_length, att.md5[0], att.md5[1]);
            }
        }
        buf_append_u8(out, '\n');
    }
    ck_assert(!out->failed);
    tuf_doc_free(&doc);
    tuf_cursor_free(&cursor);
    tuf_snapshot_free(&snapshot);
}

static void check_same(tuf_db *a, tuf_db *b)
{
    TUF_AUTO(tufi_buf_release) struct buf left = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf right = BUF_INIT;
    describe(&left, a);
    describe(&right, b);
    ck_assert_msg(slice_equal(buf_slice(&left), buf_slice(&right)), "%.*s\n-----\n%.*s",
                  (int)left.len, (const char *)left.data, (int)right.len, (const char *)right.data);
}

/* Enough for several pages and all workers; attachments, conflicts and deletions among them. */
static void fill(tuf_db *db, int count)
{
    char text[400];
    for (int i = 0; i < count; i++) {
        (void)snprintf(text, sizeof(text), "{\"_id\":\"doc%d\",\"n\":%d,\"t\":\"\\u00e9\"%s}", i, i,
                       i % 50 == 7 ? ",\"_attachments\":{\"x\":{\"content_type\":\"text/plain\","
                                     "\"data\":\"aGVsbG8gaGVsbG8gaGVsbG8gaGVsbG8gaGVsbG8gaGVsbG8=\"},"
                                     "\"y\":{\"content_type\":\"a/b\",\"data\":\"AAAA\"}}"
                                   : "");
        ck_ok(put(db, text, 0));
    }
    ck_ok(put(db, "{\"_id\":\"both\",\"_rev\":\"1-a\",\"x\":1}", TUF_EDIT_REPLICATED));
    ck_ok(put(db, "{\"_id\":\"both\",\"_rev\":\"1-b\",\"x\":2}", TUF_EDIT_REPLICATED));
    ck_ok(put(db, "{\"_id\":\"gone\",\"_rev\":\"2-b\",\"_deleted\":true}", TUF_EDIT_REPLICATED));
    ck_ok(put(db, "{\"_id\":\"_local/mine\",\"x\":2}", 0));
}

START_TEST(everything_arrives_and_once_only)
{
    tuf_db *a = open_db("a"), *b = open_db("b");
    json_t *result = NULL;
    fill(a, 3000);
    ck_ok(replicate(&result, a, b, ",\"worker_batch_size\":100"));
    ck_assert_int_eq(counted(result, "docs_written"), 3003);
    ck_assert_int_eq(counted(result, "docs_read"), 3003);
    ck_assert_int_eq(counted(result, "doc_write_failures"), 0);
    json_decref(result);
    check_same(a, b);
    ck_ok(replicate(&result, a, b, ""));
    ck_assert(json_is_true(json_object_get(result, "no_changes")));
    json_decref(result);
    ck_ok(put(a, "{\"_id\":\"one more\"}", 0));
    ck_ok(replicate(&result, a, b, ""));
    ck_assert_int_eq(counted(result, "missing_checked"), 1);
    ck_assert_int_eq(counted(result, "docs_written"), 1);
    json_decref(result);
    check_same(a, b);
    ck_ok(tuf_db_close(&a));
    ck_ok(tuf_db_close(&b));
}
END_TEST

START_TEST(local_documents_stay_where_they_are)
{
    tuf_db *a = open_db("a"), *b = open_db("b");
    json_t *result = NULL;
    tuf_snapshot *snapshot = NULL;
    tuf_doc *doc = NULL;
    fill(a, 1);
    ck_ok(replicate(&result, a, b, ""));
    json_decref(result);
    ck_ok(tuf_db_snapshot(&snapshot, b));
    ck_outcome(tuf_doc_open(&doc, snapshot, tuf_str("_local/mine"), NULL), TUF_NOT_FOUND);
    tuf_snapshot_free(&snapshot);
    ck_ok(tuf_db_close(&a));
    ck_ok(tuf_db_close(&b));
}
END_TEST

/* An attachment that the target has already stays there: only the document travels. */
START_TEST(attachments_that_did_not_change_do_not_travel)
{
    tuf_db *a = open_db("a"), *b = open_db("b");
    json_t *result = NULL;
    tuf_snapshot *snapshot = NULL;
    tuf_doc *doc = NULL;
    tuf_db_info before = { .struct_size = sizeof(before) }, after = before;
    char rev[TUF_REV_TEXT_SIZE], text[500];
    TUF_AUTO(tufi_buf_release) struct buf big = BUF_INIT;
    buf_append_str(&big, "{\"_id\":\"d\",\"_attachments\":{\"f\":{\"content_type\":\"a/b\",\"data\":\"");
    for (int i = 0; i < 200000; i++)
        buf_append_str(&big, "AAAA");
    buf_append_str(&big, "\"}}}");
    buf_append_u8(&big, 0);
    ck_ok(put(a, (const char *)big.data, 0));
    ck_ok(replicate(&result, a, b, ""));
    json_decref(result);
    ck_ok(tuf_db_snapshot(&snapshot, a));
    ck_ok(tuf_doc_open(&doc, snapshot, tuf_str("d"), NULL));
    rev[tuf_rev_format(rev, tuf_doc_rev(doc))] = 0;
    tuf_doc_free(&doc);
    tuf_snapshot_free(&snapshot);
    (void)snprintf(text, sizeof(text), "{\"_id\":\"d\",\"_rev\":\"%s\",\"more\":1,\"_attachments\":"
                   "{\"f\":{\"stub\":true,\"content_type\":\"a/b\"}}}", rev);
    ck_ok(put(a, text, 0));
    ck_ok(tuf_db_snapshot(&snapshot, b));
    ck_ok(tuf_snapshot_info(&before, snapshot));
    tuf_snapshot_free(&snapshot);
    ck_ok(replicate(&result, a, b, ""));
    ck_assert_int_eq(counted(result, "docs_written"), 1);
    json_decref(result);
    ck_ok(tuf_db_snapshot(&snapshot, b));
    ck_ok(tuf_snapshot_info(&after, snapshot));
    tuf_snapshot_free(&snapshot);
    ck_assert_uint_lt(after.size_file - before.size_file, 200000);
    check_same(a, b);
    ck_ok(tuf_db_close(&a));
    ck_ok(tuf_db_close(&b));
}
END_TEST

static uint64_t next_random(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return seed >> 33;
}

/* Changes some document of few, so that replicas come into conflict. */
static void change_something(tuf_db *db)
{
    tuf_snapshot *snapshot = NULL;
    tuf_doc *doc = NULL;
    char id[20], rev[TUF_REV_TEXT_SIZE + 10] = "", text[500];
    (void)snprintf(id, sizeof(id), "d%d", (int)(next_random() % 8));
    ck_ok(tuf_db_snapshot(&snapshot, db));
    if (tuf_doc_open(&doc, snapshot, tuf_str(id), NULL) == TUF_OK) {
        size_t len = (size_t)snprintf(rev, sizeof(rev), ",\"_rev\":\"");
        len += tuf_rev_format(rev + len, tuf_doc_rev(doc));
        (void)snprintf(rev + len, sizeof(rev) - len, "\"");
    }
    tuf_doc_free(&doc);
    tuf_snapshot_free(&snapshot);
    (void)snprintf(text, sizeof(text), "{\"_id\":\"%s\"%s,\"n\":%d%s%s}", id, rev,
                   (int)(next_random() % 1000),
                   rev[0] != 0 && next_random() % 6 == 0 ? ",\"_deleted\":true" : "",
                   next_random() % 4 == 0 ? ",\"_attachments\":{\"f\":{\"data\":\"AAECAwQ=\"}}" : "");
    ck_ok(put(db, text, 0));
}

/* Three replicas that write on their own and replicate now and then, each with each. */
START_TEST(replicas_become_the_same)
{
    tuf_db *dbs[3] = { open_db("a"), open_db("b"), open_db("c") };
    json_t *result = NULL;
    seed = (uint64_t)_i * 1000 + 1;
    for (int step = 0; step < 60; step++) {
        change_something(dbs[next_random() % 3]);
        if (next_random() % 4 == 0) {
            size_t from = next_random() % 3, to = (from + 1 + next_random() % 2) % 3;
            ck_ok(replicate(&result, dbs[from], dbs[to], ""));
            json_decref(result);
        }
    }
    /* Twice around a ring: everything has been everywhere. */
    for (size_t i = 0; i < 6; i++) {
        ck_ok(replicate(&result, dbs[i % 3], dbs[(i + 1) % 3], ""));
        json_decref(result);
    }
    check_same(dbs[0], dbs[1]);
    check_same(dbs[1], dbs[2]);
    for (size_t i = 0; i < 3; i++)
        ck_ok(tuf_db_close(&dbs[i]));
}
END_TEST

START_TEST(a_filter_without_a_server_is_refused)
{
    tuf_db *a = open_db("a"), *b = open_db("b");
    json_t *result = NULL;
    ck_assert(replicate(&result, a, b, ",\"selector\":{\"x\":1}") == TUF_E_INVALID);
    ck_assert(replicate(&result, a, b, ",\"filter\":\"_view\"") == TUF_E_INVALID);
    fill(a, 20);
    ck_ok(replicate(&result, a, b, ",\"doc_ids\":[\"doc3\",\"both\",\"nothing\"]"));
    ck_assert_int_eq(counted(result, "docs_written"), 3);
    json_decref(result);
    ck_ok(tuf_db_close(&a));
    ck_ok(tuf_db_close(&b));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("run");
    TCase *tcase = tcase_create("all");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, everything_arrives_and_once_only);
    tcase_add_test(tcase, local_documents_stay_where_they_are);
    tcase_add_test(tcase, attachments_that_did_not_change_do_not_travel);
    tcase_add_loop_test(tcase, replicas_become_the_same, 0, 12);
    tcase_add_test(tcase, a_filter_without_a_server_is_refused);
    suite_add_tcase(suite, tcase);
    return tuft_run(suite);
}
