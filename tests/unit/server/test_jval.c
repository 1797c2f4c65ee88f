/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test server/jval.c beside jansson: both accept and refuse the same texts, and find the same in
 * them.
 */
#include "server/jval.h"

#include <jansson.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"
#include "tests/lib/test.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static const char *const texts[] = {
    /* words and numbers */
    "null", "true", "false", "nul", "nulll", "True", "0", "-0", "12", "-12", "01", "-", "-01", "+1",
    "1.5", "1.", ".5", "-1.25e3", "1e", "1e+", "1e-", "1e5", "1E+5", "1e-05", "1.e5", "0x10", "1 2",
    "NaN", "Infinity", " \t\r\n7 \t\r\n", "", " ", "\v1",
    /* strings */
    "\"\"", "\"a\"", "\"", "\"a", "\"a\\", "\"a\\\"", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\a\"", "\"\\'\"",
    "\"a\nb\"", "\"a\tb\"", "\"\x01\"", "\"\x7f\"", "\"\\u0041\"", "\"\\u00e4\\u00C4\"", "\"\\u20ac\"",
    "\"\\uffff\"", "\"\\ud834\\udd1e\"", "\"\\udbff\\udfff\"", "\"\\ud834\"", "\"\\ud834x\"",
    "\"\\ud834\\n\"", "\"\\ud834\\u0041\"", "\"\\ud834\\ud834\"", "\"\\udd1e\"", "\"\\ud834\\u\"",
    "\"\\ud834\\udd1\"", "\"\\u\"", "\"\\u1\"", "\"\\u12\"", "\"\\u123\"", "\"\\u123g\"", "\"\\u12G4\"",
    "\"\\u/234\"", "\"\\u:234\"", "\"\\u`234\"", "\"\\u0000\"", "\"x\\u0000y\"", "\"\xc3\xa4\"",
    "\"\xc3\"", "\"\xa4\"", "\"\xf0\x9d\x84\x9e\"", "\"\xed\xa0\x80\"", "\"\xc0\x80\"", "\"\xf5\x80\x80\x80\"",
    "\"\\n\xc3\"",
    /* containers */
    "[]", "[ ]", "{}", "{ }", "[1]", "[1,2]", "[1,]", "[,1]", "[1 2]", "[1", "[", "]", "{", "}", "[}",
    "{\"a\":1}", "{\"a\" : 1 , \"b\":[{}]}", "{\"a\":1,}", "{a:1}", "{\"a\"}", "{\"a\":}", "{\"a\":1",
    "{\"a\":1 \"b\":2}", "{1:2}", "{\"\":0}", "{\"a\\u0062\":1}", "{\"a", "{\"\xff\":1}", "[[[[[]]]]]",
    "[true,null,false]", "[tru]", "{} {}", "[1]]", "[\"a\",\"b\"]", "{\"a\":{\"b\":{\"c\":[1.5,\"d\"]}}}",
};

static void compare(const struct jval *got, const json_t *want)
{
    const struct jval *child = got->child;
    switch (json_typeof(want)) {
    case JSON_OBJECT:
        ck_assert_int_eq(got->type, JVAL_OBJECT);
        ck_assert_uint_eq(got->count, json_object_size(want));
        for (; child != NULL; child = child->next) {
            ck_assert_ptr_eq(jval_find(got, child->key), child);
            compare(child, json_object_getn(want, (const char *)child->key.data, child->key.len));
        }
        break;
    case JSON_ARRAY:
        ck_assert_int_eq(got->type, JVAL_ARRAY);
        ck_assert_uint_eq(got->count, json_array_size(want));
        for (size_t i = 0; i < got->count; i++, child = child->next)
            compare(child, json_array_get(want, i));
        ck_assert_ptr_null(child);
        break;
    case JSON_STRING:
        ck_assert_int_eq(got->type, JVAL_STRING);
        ck_assert(slice_equal(got->text, tuf_slice_of(json_string_value(want), json_string_length(want))));
        break;
    case JSON_INTEGER:
    case JSON_REAL:
        ck_assert_int_eq(got->type, JVAL_NUMBER);
        ck_assert_int_eq(got->is_integer, json_is_integer(want));
        break;
    case JSON_TRUE:
        ck_assert_int_eq(got->type, JVAL_TRUE);
        break;
    case JSON_FALSE:
        ck_assert_int_eq(got->type, JVAL_FALSE);
        break;
    case JSON_NULL:
        ck_assert_int_eq(got->type, JVAL_NULL);
        break;
    }
    ck_assert_int_eq(jval_is_bool(got), json_is_boolean(want));
}

START_TEST(it_reads_what_jansson_reads)
{
    struct arena arena = ARENA_INIT;
    const struct jval *got = NULL;
    /* In memory of its own size, so that a sanitizer sees a byte too far. */
    size_t len = strlen(texts[_i]);
    char *text = tufi_memdup(texts[_i], len);
    json_t *want = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    tuf_status st = jval_parse(&got, &arena, tuf_slice_of(text, len));
    ck_assert_msg((st == TUF_OK) == (want != NULL), "%s", texts[_i]);
    if (want != NULL)
        compare(got, want);
    else
        ck_fails(st, TUF_E_INVALID);
    json_decref(want);
    tufi_arena_release(&arena);
    tufi_free(text);
}
END_TEST

START_TEST(every_beginning_of_a_text_is_refused)
{
    static const char text[] = "{\"a\\u00e4\\ud834\\udd1e\\n\":[1.5e-3,true,null,\"x\"],\"b\":{\"c\":[]}}";
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        struct arena arena = ARENA_INIT;
        const struct jval *got = NULL;
        char *cut = tufi_memdup(text, len);
        ck_fails(jval_parse(&got, &arena, tuf_slice_of(cut, len)), TUF_E_INVALID);
        tufi_arena_release(&arena);
        tufi_free(cut);
    }
}
END_TEST

START_TEST(many_brackets_are_refused_not_followed)
{
    struct arena arena = ARENA_INIT;
    struct buf text = BUF_INIT;
    const struct jval *got = NULL;
    for (int i = 0; i < 100000; i++)
        buf_append_str(&text, i % 2 == 0 ? "[" : "{\"a\":");
    ck_fails(jval_parse(&got, &arena, buf_slice(&text)), TUF_E_INVALID);
    ck_fails(jval_parse_canonical(&got, &arena, buf_slice(&text)), TUF_E_INVALID);
    tufi_buf_release(&text);
    tufi_arena_release(&arena);
}
END_TEST

START_TEST(of_two_members_of_one_name_the_last_counts)
{
    struct arena arena = ARENA_INIT;
    const struct jval *got = NULL;
    int64_t number;
    ck_ok(jval_parse(&got, &arena, tuf_str("{\"a\":1,\"b\":2,\"a\":3}")));
    ck_assert(jval_int(&number, jval_member(got, "a")));
    ck_assert_int_eq(number, 3);
    ck_ok(jval_parse_canonical(&got, &arena, tuf_str("{\"a\":1,\"b\":2,\"\\u0061\":4}")));
    ck_assert_uint_eq(got->count, 2);
    ck_assert(jval_int(&number, jval_member(got, "a")));
    ck_assert_int_eq(number, 4);
    ck_assert_ptr_null(jval_member(got, "c"));
    ck_assert_ptr_null(jval_member(jval_member(got, "a"), "a"));
    tufi_arena_release(&arena);
}
END_TEST

START_TEST(integers_are_those_of_64_bits)
{
    static const struct {
        const char *text;
        bool good;
        int64_t number;
    } cases[] = {
        { "9223372036854775807", true, INT64_MAX }, { "-9223372036854775808", true, INT64_MIN },
        { "9223372036854775808", false, 0 },        { "-9223372036854775809", false, 0 },
        { "1.0", false, 0 },                        { "1e2", false, 0 },
        { "\"1\"", false, 0 },                      { "-0", true, 0 },
    };
    for (int i = 0; i < COUNT(cases); i++) {
        struct arena arena = ARENA_INIT;
        const struct jval *got = NULL;
        int64_t number = 7;
        ck_ok(jval_parse(&got, &arena, tuf_str(cases[i].text)));
        ck_assert_msg(jval_int(&number, got) == cases[i].good, "%s", cases[i].text);
        ck_assert_int_eq(number, cases[i].good ? cases[i].number : 7);
        tufi_arena_release(&arena);
    }
}
END_TEST

START_TEST(lists_of_strings_hold_nothing_else)
{
    static const struct {
        const char *text;
        bool good;
    } cases[] = { { "[]", true }, { "[\"a\"]", true }, { "[\"a\",1]", false }, { "{}", false },
                  { "\"a\"", false }, { "[[\"a\"]]", false }, { "[null,\"a\"]", false } };
    for (int i = 0; i < COUNT(cases); i++) {
        struct arena arena = ARENA_INIT;
        const struct jval *got = NULL;
        ck_ok(jval_parse(&got, &arena, tuf_str(cases[i].text)));
        ck_assert_msg(jval_is_string_list(got) == cases[i].good, "%s", cases[i].text);
        tufi_arena_release(&arena);
    }
}
END_TEST

static long alloc_left;

static bool fail_one(size_t size, void *ctx)
{
    (void)size;
    (void)ctx;
    return alloc_left-- != 0;
}

START_TEST(without_memory_it_says_so)
{
    static const char text[] = "{\"a\\n\":[1,\"\\t\",{\"b\":null}]}";
    tuf_status st = TUF_E_NOMEM;
    for (long at = 0; st != TUF_OK; at++) {
        struct arena arena = ARENA_INIT;
        const struct jval *got = NULL;
        ck_assert_int_lt(at, 1000);
        alloc_left = at;
        tufi_alloc_set_hook(fail_one, NULL);
        st = jval_parse_canonical(&got, &arena, tuf_str(text));
        tufi_alloc_set_hook(NULL, NULL);
        ck_assert(st == TUF_OK || st == TUF_E_NOMEM);
        tufi_arena_release(&arena);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jval");
    TCase *tcase = tcase_create("jval");
    tcase_add_loop_test(tcase, it_reads_what_jansson_reads, 0, COUNT(texts));
    tcase_add_test(tcase, every_beginning_of_a_text_is_refused);
    tcase_add_test(tcase, many_brackets_are_refused_not_followed);
    tcase_add_test(tcase, of_two_members_of_one_name_the_last_counts);
    tcase_add_test(tcase, integers_are_those_of_64_bits);
    tcase_add_test(tcase, lists_of_strings_hold_nothing_else);
    tcase_add_test(tcase, without_memory_it_says_so);
    suite_add_tcase(suite, tcase);
    return tuft_run(suite);
}
