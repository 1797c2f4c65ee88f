/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test base/slice.h: comparing with and without case, trimming, splitting, hashing.
 */
#include "base/slice.h"
#include "tests/lib/test.h"

START_TEST(case_is_ignored_for_ascii_only)
{
    ck_assert(slice_is_nocase(tuf_str("Content-TYPE"), "content-type"));
    ck_assert(slice_is_nocase(tuf_str(""), ""));
    ck_assert(!slice_is_nocase(tuf_str("content-typ"), "content-type"));
    ck_assert(!slice_is_nocase(tuf_str("@"), "`"));
    ck_assert(!slice_is_nocase(tuf_str("["), "{"));
    ck_assert(!slice_is_nocase(tuf_str("\xc3\x84"), "\xc3\xa4"));
    ck_assert(slice_starts_nocase(tuf_str("BASIC eA=="), "Basic "));
    ck_assert(!slice_starts_nocase(tuf_str("Basic"), "Basic "));
}
END_TEST

START_TEST(trimming_takes_the_named_bytes)
{
    ck_assert(slice_is(slice_trim(tuf_str(" \t a b\t "), SLICE_OWS), "a b"));
    ck_assert(slice_is(slice_trim_start(tuf_str("  a "), " "), "a "));
    ck_assert(slice_is(slice_trim_end(tuf_str(" a\t "), " "), " a\t"));
    ck_assert_uint_eq(slice_trim(tuf_str(" \r\n\t"), SLICE_JSON_WS).len, 0);
    ck_assert_uint_eq(slice_trim(tuf_slice_of(NULL, 0), SLICE_OWS).len, 0);
    /* A NUL is never a blank, though strchr finds one at the end of every set. */
    ck_assert_uint_eq(slice_trim(tuf_slice_of("\0a\0", 3), SLICE_OWS).len, 3);
}
END_TEST

static void check_items(tuf_slice list, const char *const *expected, size_t count)
{
    tuf_slice item;
    for (size_t i = 0; i < count; i++) {
        ck_assert(slice_next_item(&item, &list, ','));
        ck_assert(slice_is(item, expected[i]));
    }
    ck_assert(!slice_next_item(&item, &list, ','));
    ck_assert(!slice_next_item(&item, &list, ','));
}

START_TEST(lists_keep_their_empty_items)
{
    check_items(tuf_str("a"), (const char *[]){ "a" }, 1);
    check_items(tuf_str("a, b"), (const char *[]){ "a", " b" }, 2);
    check_items(tuf_str(",a,"), (const char *[]){ "", "a", "" }, 3);
    check_items(tuf_str(""), (const char *[]){ "" }, 1);
    check_items(tuf_slice_of(NULL, 0), NULL, 0);
}
END_TEST

START_TEST(hash_is_fnv_1a) /* vectors of the authors' page */
{
    ck_assert_uint_eq(slice_hash(tuf_str("")), UINT64_C(0xcbf29ce484222325));
    ck_assert_uint_eq(slice_hash(tuf_str("a")), UINT64_C(0xaf63dc4c8601ec8c));
    ck_assert_uint_eq(slice_hash(tuf_str("foobar")), UINT64_C(0x85944171f73967e8));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base slice");
    TCase *slices = tcase_create("slices");
    tcase_add_test(slices, case_is_ignored_for_ascii_only);
    tcase_add_test(slices, trimming_takes_the_named_bytes);
    tcase_add_test(slices, lists_keep_their_empty_items);
    tcase_add_test(slices, hash_is_fnv_1a);
    suite_add_tcase(suite, slices);
    return tuft_run(suite);
}
