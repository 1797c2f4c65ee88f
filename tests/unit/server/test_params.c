/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test server/params.c.
 */
#include "base/arena.h"
#include "base/bytes.h"
#include "server/params.h"
#include "tests/lib/test.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static struct arena arena;

static void release_arena(void)
{
    tufi_arena_release(&arena);
}

START_TEST(pairs_are_split_and_decoded)
{
    struct params params;
    ck_ok(params_parse(&params, &arena, tuf_str("a=1&b=%20+x&&c&=d&a=2&e=f=g")));
    ck_assert_uint_eq(params.count, 6);
    ck_assert(slice_is(*params_find(&params, "a"), "1"));
    ck_assert(slice_is(*params_find(&params, "b"), "  x"));
    ck_assert(slice_is(*params_find(&params, "c"), ""));
    ck_assert(slice_is(*params_find(&params, ""), "d"));
    ck_assert(slice_is(*params_find(&params, "e"), "f=g"));
    ck_assert_ptr_null(params_find(&params, "f"));
    ck_assert(slice_is(*params_find2(&params, "b", "a"), "2"));
    ck_assert(params_is(&params, "a", "1"));
}
END_TEST

START_TEST(an_empty_query_has_no_pairs)
{
    struct params params;
    ck_ok(params_parse(&params, &arena, tuf_str("")));
    ck_assert_uint_eq(params.count, 0);
    ck_ok(params_parse(&params, &arena, tuf_str("&&")));
    ck_assert_uint_eq(params.count, 0);
}
END_TEST

static const char *const malformed[] = { "%", "%2", "a=%", "a=%g0", "a=%0g", "%%41=b", "a=b%2" };

START_TEST(a_malformed_escape_is_refused)
{
    struct params params;
    ck_fails(params_parse(&params, &arena, tuf_str(malformed[_i])), TUF_E_INVALID);
    ck_assert_str_eq(tuf_last_error()->text, "invalid_url_encoding");
}
END_TEST

START_TEST(too_many_pairs_are_refused)
{
    struct params params;
    struct buf text = BUF_INIT;
    for (int i = 0; i < PARAMS_COUNT_MAX; i++)
        buf_append_str(&text, i > 0 ? "&a" : "a");
    ck_ok(params_parse(&params, &arena, buf_slice(&text)));
    buf_append_str(&text, "&a");
    ck_fails(params_parse(&params, &arena, buf_slice(&text)), TUF_E_LIMIT);
    tufi_buf_release(&text);
}
END_TEST

START_TEST(an_escaped_nul_is_a_byte)
{
    tuf_slice got = url_decode(&arena, tuf_str("a%00b"), false);
    ck_assert(slice_equal(got, tuf_slice_of("a\0b", 3)));
}
END_TEST

struct number {
    const char *text;
    bool good;
    int64_t value;
};

static const struct number numbers[] = {
    { "0", true, 0 }, { "-1", true, -1 }, { "+7", true, 7 },
    { "9223372036854775807", true, INT64_MAX }, { "9223372036854775808", false, 0 },
    { "99999999999999999999999", false, 0 }, { "", false, 0 }, { "-", false, 0 },
    { "1.0", false, 0 }, { "1e3", false, 0 }, { "0x1", false, 0 }, { " 1", false, 0 },
    { "--1", false, 0 }, { "NaN", false, 0 },
};

START_TEST(a_number_fits_or_is_refused)
{
    int64_t value = 42;
    ck_assert(parse_int(&value, tuf_str(numbers[_i].text)) == numbers[_i].good);
    ck_assert_int_eq(value, numbers[_i].good ? numbers[_i].value : 42);
}
END_TEST

START_TEST(booleans_are_true_or_false_and_nothing_else)
{
    struct params params;
    bool value = false;
    ck_ok(params_parse(&params, &arena, tuf_str("a=true&b=FALSE&c=1&d=")));
    ck_assert_int_eq(params_bool(&value, &params, "a"), PARAM_OK);
    ck_assert(value);
    ck_assert_int_eq(params_bool(&value, &params, "b"), PARAM_OK);
    ck_assert(!value);
    ck_assert_int_eq(params_bool(&value, &params, "c"), PARAM_BAD);
    ck_assert_int_eq(params_bool(&value, &params, "d"), PARAM_BAD);
    ck_assert_int_eq(params_bool(&value, &params, "e"), PARAM_ABSENT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/params");
    TCase *tc = tcase_create("params");
    tcase_add_checked_fixture(tc, NULL, release_arena);
    tcase_add_test(tc, pairs_are_split_and_decoded);
    tcase_add_test(tc, an_empty_query_has_no_pairs);
    tcase_add_loop_test(tc, a_malformed_escape_is_refused, 0, COUNT(malformed));
    tcase_add_test(tc, too_many_pairs_are_refused);
    tcase_add_test(tc, an_escaped_nul_is_a_byte);
    tcase_add_loop_test(tc, a_number_fits_or_is_refused, 0, COUNT(numbers));
    tcase_add_test(tc, booleans_are_true_or_false_and_nothing_else);
    suite_add_tcase(suite, tc);
    return tuft_run(suite);
}
