/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test server/handlers/ranges.c: which bytes a Range header means.
 */
#include "server/handlers/ranges.h"
#include "tests/lib/test.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

struct one_case {
    const char *header;
    uint64_t length;
    enum ranges_result result;
    uint64_t from;
    uint64_t to;
};

static const struct one_case one_cases[] = {
    { "bytes=0-9", 256, RANGES_OK, 0, 9 },
    { "bytes=0-0", 256, RANGES_OK, 0, 0 },
    { "bytes=5-", 256, RANGES_OK, 5, 255 },
    { "bytes=-5", 256, RANGES_OK, 251, 255 },
    { "bytes=0-255", 256, RANGES_OK, 0, 255 },
    { "bytes= 1-2 ", 256, RANGES_OK, 1, 2 },
    { "bytes=,1-2,", 256, RANGES_OK, 1, 2 },
    /* an end past the last byte is cut */
    { "bytes=250-300", 256, RANGES_OK, 250, 255 },
    { "bytes=0-999999999999", 256, RANGES_OK, 0, 255 },
    /* a suffix that is too long loses the first byte */
    { "bytes=-300", 256, RANGES_OK, 1, 255 },
    { "bytes=-256", 256, RANGES_OK, 1, 255 },
    { "bytes=-255", 256, RANGES_OK, 1, 255 },
    /* no range at all */
    { "bytes=0-", 256, RANGES_NONE, 0, 0 },
    { "bytes=abc", 256, RANGES_NONE, 0, 0 },
    { "bytes=", 256, RANGES_NONE, 0, 0 },
    { "bytes=-", 256, RANGES_NONE, 0, 0 },
    { "bytes=1", 256, RANGES_NONE, 0, 0 },
    { "bytes=1-2x", 256, RANGES_NONE, 0, 0 },
    { "bytes=1--2", 256, RANGES_NONE, 0, 0 },
    { "bytes=99999999999999999999-", 256, RANGES_NONE, 0, 0 },
    { "items=0-9", 256, RANGES_NONE, 0, 0 },
    { "", 256, RANGES_NONE, 0, 0 },
    /* cannot be satisfied */
    { "bytes=5-2", 256, RANGES_BAD, 0, 0 },
    { "bytes=256-", 256, RANGES_BAD, 0, 0 },
    { "bytes=256-300", 256, RANGES_BAD, 0, 0 },
    { "bytes=-0", 256, RANGES_BAD, 0, 0 },
    { "bytes=0-0", 0, RANGES_BAD, 0, 0 },
    { "bytes=-1", 0, RANGES_BAD, 0, 0 },
};

START_TEST(one_range_means_these_bytes)
{
    const struct one_case *c = &one_cases[_i];
    struct ranges got;
    ck_assert_msg(ranges_parse(&got, tuf_str(c->header), c->length) == c->result, "%s", c->header);
    if (c->result != RANGES_OK)
        return;
    ck_assert_uint_eq(got.count, 1);
    ck_assert_msg(got.items[0].from == c->from && got.items[0].to == c->to, "%s", c->header);
}
END_TEST

START_TEST(several_ranges_keep_their_order)
{
    struct ranges got;
    ck_assert_int_eq(ranges_parse(&got, tuf_str("bytes=7-8, 0-1,-2"), 10), RANGES_OK);
    ck_assert_uint_eq(got.count, 3);
    ck_assert_uint_eq(got.items[0].from, 7);
    ck_assert_uint_eq(got.items[1].to, 1);
    ck_assert_uint_eq(got.items[2].from, 8);
}
END_TEST

START_TEST(nine_ranges_are_served_and_ten_are_not)
{
    struct ranges got;
    ck_assert_int_eq(ranges_parse(&got, tuf_str("bytes=1-1,1-1,1-1,1-1,1-1,1-1,1-1,1-1,1-1"), 10),
                     RANGES_OK);
    ck_assert_uint_eq(got.count, 9);
    ck_assert_int_eq(
        ranges_parse(&got, tuf_str("bytes=1-1,1-1,1-1,1-1,1-1,1-1,1-1,1-1,1-1,1-1"), 10),
        RANGES_NONE);
}
END_TEST

START_TEST(one_bad_range_spoils_the_others)
{
    struct ranges got;
    ck_assert_int_eq(ranges_parse(&got, tuf_str("bytes=1-2,5-2"), 10), RANGES_BAD);
    ck_assert_int_eq(ranges_parse(&got, tuf_str("bytes=1-2,0-"), 10), RANGES_NONE);
    ck_assert_int_eq(ranges_parse(&got, tuf_str("bytes=5-2,x"), 10), RANGES_NONE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server ranges");
    TCase *tcase = tcase_create("ranges");
    tcase_add_loop_test(tcase, one_range_means_these_bytes, 0, COUNT(one_cases));
    tcase_add_test(tcase, several_ranges_keep_their_order);
    tcase_add_test(tcase, nine_ranges_are_served_and_ten_are_not);
    tcase_add_test(tcase, one_bad_range_spoils_the_others);
    suite_add_tcase(suite, tcase);
    return tuft_run(suite);
}
