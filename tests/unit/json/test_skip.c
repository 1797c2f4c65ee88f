/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test json/skip.c and the walk of json/iter.c that stands on it.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "json/docscan.h"
#include "tests/lib/test.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* Writes "key=value;" for each element. */
static tuf_status note_element(tuf_slice key, tuf_slice value, void *ctx)
{
    struct buf *notes = ctx;
    buf_append_slice(notes, key);
    buf_append_u8(notes, '=');
    buf_append_slice(notes, value);
    buf_append_u8(notes, ';');
    return TUF_OK;
}

static const struct {
    const char *json;
    const char *notes;
} walks[] = {
    { "[]", "" },
    { "{}", "" },
    { " [ ] ", "" },
    { "[1]", "=1;" },
    { "[1,[2,3],{\"a\":4}]", "=1;=[2,3];={\"a\":4};" },
    { " [ 1 , \"x,]\" , null ] ", "=1;=\"x,]\";=null;" },
    { "{\"a\":1,\"b\":{\"c\":[{}]},\"\":true}", "a=1;b={\"c\":[{}]};=true;" },
    { "{ \"a\" : [ 1 , 2 ] , \"b\" : 1.50 }", "a=[ 1 , 2 ];b=1.50;" },
    { "{\"\\u0061\\n\":1,\"long key with \\u00e9\":2,\"z\":3}",
      "a\n=1;long key with \xc3\xa9=2;z=3;" },
    { "{\"a\":1,\"a\":2}", "a=1;a=2;" },
};

START_TEST(walk_visits_each_element)
{
    TUF_AUTO(tufi_buf_release) struct buf notes = BUF_INIT;
    ck_ok(tufi_json_each(tuf_str(walks[_i].json), note_element, &notes));
    ck_assert_msg(slice_is(buf_slice(&notes), walks[_i].notes), "%.*s", (int)notes.len,
                  (const char *)notes.data);
}
END_TEST

static const char *const no_containers[] = {
    "",          "1",     "\"a\"",   "null",       "[",        "[1",        "[1,",
    "[1,]",      "[1 2]", "[1}",     "{\"a\"}",    "{\"a\":}", "{\"a\":1",  "{\"a\":1,}",
    "{a:1}",     "[tru]", "[1] 2",   "{} {}",      "[01]",     "[\"\\x\"]", "{\"\\x\":1}",
    "{\"a\":1]", "{1:1}", "[1e400]", "[\"\xff\"]", "]",        "{,}",
};

START_TEST(malformed_text_is_refused)
{
    TUF_AUTO(tufi_buf_release) struct buf notes = BUF_INIT;
    ck_fails(tufi_json_each(tuf_str(no_containers[_i]), note_element, &notes), TUF_E_INVALID);
    ck_assert_str_eq(tuf_last_error()->text, "invalid UTF-8 JSON");
}
END_TEST

static tuf_status stop_at_second(tuf_slice key, tuf_slice value, void *ctx)
{
    (void)key;
    (void)value;
    int *count = ctx;
    return ++*count == 2 ? TUF_STOPPED : TUF_OK;
}

START_TEST(visitor_can_stop_the_walk)
{
    int count = 0;
    ck_outcome(tufi_json_each(tuf_str("[1,2,3,bad"), stop_at_second, &count), TUF_STOPPED);
    ck_assert_int_eq(count, 2);
}
END_TEST

/* Walks down into arrays. */
static tuf_status descend(tuf_slice key, tuf_slice value, void *ctx)
{
    (void)key;
    int *depth = ctx;
    ++*depth;
    return value.data[0] == '[' ? tufi_json_each(value, descend, ctx) : TUF_OK;
}

START_TEST(walks_nest)
{
    int depth = 0;
    ck_ok(tufi_json_each(tuf_str("[[[[[[5]]]]]]"), descend, &depth));
    ck_assert_int_eq(depth, 6);
}
END_TEST

START_TEST(deepest_document_fits_into_a_bulk_request)
{
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf notes = BUF_INIT;
    buf_append_str(&json, "{\"docs\":[{\"a\":");
    for (int i = 0; i < JSON_DEPTH_MAX; i++)
        buf_append_u8(&json, '[');
    for (int i = 0; i < JSON_DEPTH_MAX; i++)
        buf_append_u8(&json, ']');
    buf_append_str(&json, "}]}");
    ck_ok(tufi_json_each(buf_slice(&json), note_element, &notes));
}
END_TEST

static void count_passed(const uint8_t *pos, void *ctx)
{
    const uint8_t **last = ctx;
    ck_assert_uint_ge((size_t)(pos - *last), JSON_WATCH_STEP);
    *last = pos;
}

START_TEST(watch_follows_a_walk_through_a_long_value)
{
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf notes = BUF_INIT;
    buf_append_str(&json, "[[0");
    while (json.len < 4 * JSON_WATCH_STEP)
        buf_append_str(&json, ",12345678");
    buf_append_str(&json, "]]");
    ck_assert(!json.failed);
    const uint8_t *last = json.data;
    struct json_watch watch = { count_passed, &last };
    ck_ok(tufi_json_each_watched(buf_slice(&json), note_element, &notes, &watch));
    ck_assert_uint_ge((size_t)(last - json.data), 3 * JSON_WATCH_STEP);
    last = json.data;
    ck_ok(tufi_json_check(buf_slice(&json), &watch));
    ck_assert_uint_ge((size_t)(last - json.data), 3 * JSON_WATCH_STEP);
}
END_TEST

START_TEST(check_takes_one_value)
{
    ck_ok(tufi_json_check(tuf_str(" \"a\" "), NULL));
    ck_ok(tufi_json_check(tuf_str("[1,{\"a\":null}]"), NULL));
    ck_fails(tufi_json_check(tuf_str("1 2"), NULL), TUF_E_INVALID);
    ck_fails(tufi_json_check(tuf_str(""), NULL), TUF_E_INVALID);
    ck_fails(tufi_json_check(tuf_str("[1"), NULL), TUF_E_INVALID);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json skip");
    TCase *walk = tcase_create("walk");
    tcase_add_loop_test(walk, walk_visits_each_element, 0, COUNT(walks));
    tcase_add_loop_test(walk, malformed_text_is_refused, 0, COUNT(no_containers));
    tcase_add_test(walk, visitor_can_stop_the_walk);
    tcase_add_test(walk, walks_nest);
    tcase_add_test(walk, deepest_document_fits_into_a_bulk_request);
    tcase_add_test(walk, watch_follows_a_walk_through_a_long_value);
    tcase_add_test(walk, check_takes_one_value);
    suite_add_tcase(suite, walk);
    return tuft_run(suite);
}
