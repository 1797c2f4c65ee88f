/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test base/rev.c: the text form and the order of revisions.
 */
#include <stdlib.h>

#include "base/bytes.h"
#include "tests/lib/test.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static const struct {
    const char *text;
    uint64_t gen;
    size_t id_len;
    const char *formatted; /* NULL: the text itself */
} valid[] = {
    { "1-967a00dff5e02add41819138abb3284d", 1, 16, NULL },
    { "1-967A00DFF5E02ADD41819138ABB3284D", 1, 16, "1-967a00dff5e02add41819138abb3284d" },
    { "1-x", 1, 1, NULL },
    { "12-abcdef", 12, 6, NULL },
    { "007-x", 7, 1, "7-x" },
    { "9007199254740992-x", UINT64_C(9007199254740992), 1, NULL },
    { "1-a-b-", 1, 4, NULL },
    { "1--", 1, 1, NULL },
    { "0-1", 0, 1, NULL },
    { "0-zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", 0, 32, NULL },
    { "3-967a00dff5e02add41819138abb3284", 3, 31, NULL },
    { "3-967a00dff5e02add41819138abb3284dd", 3, 33, NULL },
    { "2-\xc3\xa9", 2, 2, NULL },
    { "1-sixteen letters.", 1, 16, "1-7369787465656e206c6574746572732e" },
};

START_TEST(text_is_parsed_and_formatted) /* INV-REV-1 */
{
    tuf_revbuf rev;
    char text[TUF_REV_TEXT_SIZE];
    ck_ok(tuf_rev_parse(&rev, tuf_str(valid[_i].text)));
    ck_assert_uint_eq(rev.rev.gen, valid[_i].gen);
    ck_assert_uint_eq(rev.rev.id.len, valid[_i].id_len);
    size_t len = tuf_rev_format(text, rev.rev);
    ck_assert_str_eq(text, valid[_i].formatted ? valid[_i].formatted : valid[_i].text);
    ck_assert_uint_eq(len, strlen(text));
}
END_TEST

static const char *const invalid[] = {
    "",
    "-",
    "1",
    "1-",
    "-x",
    "x-y",
    " 1-x",
    "1 -x",
    "+1-x",
    "-1-x",
    "1.0-x",
    "9007199254740993-x",
    "99999999999999999999999-x",
    "1-967a00dff5e02add41819138abb3284g",
    "1-a\nb",
    "1-\x7f",
    "1-zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
};

START_TEST(other_text_is_refused)
{
    tuf_revbuf rev;
    ck_fails(tuf_rev_parse(&rev, tuf_str(invalid[_i])), TUF_E_INVALID);
    ck_assert_str_eq(tuf_last_error()->kind, "bad_request");
    ck_assert_str_eq(tuf_last_error()->text, "Invalid rev format");
}
END_TEST

START_TEST(long_ids_have_a_limit)
{
    char text[TUF_REV_TEXT_SIZE + 1] = "18-";
    tuf_revbuf rev;
    char again[TUF_REV_TEXT_SIZE];
    memset(text + 3, 'q', 256);
    ck_fails(tuf_rev_parse(&rev, tuf_slice_of(text, 3 + 256)), TUF_E_INVALID);
    ck_ok(tuf_rev_parse(&rev, tuf_slice_of(text, 3 + 255)));
    ck_assert_uint_eq(tuf_rev_format(again, rev.rev), 258);
}
END_TEST

START_TEST(largest_generation_is_formatted)
{
    char text[TUF_REV_TEXT_SIZE];
    tuf_rev rev = { UINT64_MAX, tuf_str("x") };
    tuf_rev_format(text, rev);
    ck_assert_str_eq(text, "18446744073709551615-x");
}
END_TEST

START_TEST(order_is_by_generation_then_bytes)
{
    /* Ascending. Digests are compared as raw bytes, so 0x61... comes after "a" and before "b". */
    static const char *const order[] = {
        "1-00000000000000000000000000000000", "1-9",  "1-a",
        "1-61000000000000000000000000000000", "1-aa", "1-b",
        "1-ff000000000000000000000000000000", "2-0",  "10-0",
    };
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        for (size_t j = 0; j < sizeof(order) / sizeof(order[0]); j++) {
            tuf_revbuf a, b;
            ck_ok(tuf_rev_parse(&a, tuf_str(order[i])));
            ck_ok(tuf_rev_parse(&b, tuf_str(order[j])));
            int got = tuf_rev_compare(a.rev, b.rev);
            ck_assert_msg((got > 0) - (got < 0) == (i > j) - (i < j), "%s, %s", order[i], order[j]);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base rev");
    TCase *revs = tcase_create("revs");
    tcase_add_loop_test(revs, text_is_parsed_and_formatted, 0, COUNT(valid));
    tcase_add_loop_test(revs, other_text_is_refused, 0, COUNT(invalid));
    tcase_add_test(revs, long_ids_have_a_limit);
    tcase_add_test(revs, largest_generation_is_formatted);
    tcase_add_test(revs, order_is_by_generation_then_bytes);
    suite_add_tcase(suite, revs);
    return tuft_run(suite);
}
