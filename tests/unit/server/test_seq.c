/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test server/seq.c: sequences as clients see them and give them back.
 */
#include "base/bytes.h"
#include "server/seq.h"
#include "tests/lib/test.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define NEWEST 7

static const uint8_t uuid[16] = { 0xde, 0xad, 0xbe, 0xef, 0x01, 0x02 };

struct given {
    const char *text;
    int64_t seq; /* -1: refused */
};

/* The token of the uuid above is t13q2-7wEC. */
static const struct given givens[] = {
    { "0", 0 },
    { "7", 7 },
    { "\"3\"", 3 },
    { "8", -1 }, /* beyond the newest: of another database, surely */
    { "99999999999999999999999", -1 },
    { "5-t13q2-7wEC", 5 },
    { "\"5-t13q2-7wEC\"", 5 },
    { "9-t13q2-7wEC", 9 },
    { "5-t13q2-7wEC-and-a-tail", 5 },
    /* of another database: from the start */
    { "5-t1AAAAAAAA", 0 },
    { "5-g1AAAABPeJzLYWBgYMxgTmEQTM4vTc5ISXIwNDLXMwBC", 0 },
    { "g1AAAABPeJzLYWBgYMxgTmEQTM4vTc5ISXIwNDLXMwBC", 0 },
    { "0-g2wAAAABaANkABFjb3VjaGRiQDEyNy4wLjAuMWwAAAACYQ", 0 },
    /* nonsense */
    { "", -1 },
    { "\"\"", -1 },
    { "bad", -1 },
    { "2-garbage", -1 },
    { "-1", -1 },
    { "1.5", -1 },
    { "now", -1 },
    { "5-", -1 },
    { "5-t1", -1 },
    { "x-t13q2-7wEC", -1 },
    { "99999999999999999999999-t13q2-7wEC", -1 },
};

START_TEST(a_sequence_is_read_or_refused)
{
    struct seq_token token;
    uint64_t seq = 12345;
    seq_token_of(&token, uuid);
    bool taken = seq_parse(&seq, tuf_str(givens[_i].text), &token, NEWEST);
    ck_assert_msg(taken == (givens[_i].seq >= 0), "%s", givens[_i].text);
    ck_assert_uint_eq(seq, taken ? (uint64_t)givens[_i].seq : 12345u);
}
END_TEST

START_TEST(what_is_written_is_read_again)
{
    struct seq_token token;
    struct buf text = BUF_INIT;
    uint64_t seq = 0;
    seq_token_of(&token, uuid);
    seq_append(&text, UINT64_MAX, &token);
    ck_assert(slice_is(buf_slice(&text), "\"18446744073709551615-t13q2-7wEC\""));
    ck_assert(seq_parse(&seq, buf_slice(&text), &token, NEWEST));
    ck_assert_uint_eq(seq, UINT64_MAX);
    tufi_buf_release(&text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/seq");
    TCase *tc = tcase_create("seq");
    tcase_add_loop_test(tc, a_sequence_is_read_or_refused, 0, COUNT(givens));
    tcase_add_test(tc, what_is_written_is_read_again);
    suite_add_tcase(suite, tc);
    return tuft_run(suite);
}
