/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test server/head.c and server/framing.c without a socket. The raw-byte cases over a
 * connection are in tests/http/00-framing.t.
 */
#include "base/arena.h"
#include "base/bytes.h"
#include "server/framing.h"
#include "server/head.h"
#include "tests/lib/test.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

struct given {
    const char *text;
    int status; /* 0: accepted */
};

static const struct given givens[] = {
    { "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0 },
    { "GET / HTTP/1.0\r\n\r\n", 0 },
    { "GET / HTTP/1.1\r\n\r\n", 400 },
    { "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 0 },
    { "GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505 },
    { "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 0 },
    { "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501 },
    { "GET / HTTP/1.1\r\nHost: a\r\nExpect: other\r\n\r\n", 417 },
    { "GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n", 400 },
    { "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400 },
};

START_TEST(a_head_is_accepted_or_refused_with_a_status)
{
    struct arena arena = ARENA_INIT;
    struct head head;
    struct head_error error = { 0, NULL };
    tuf_slice bytes = tuf_str(givens[_i].text);
    size_t scanned = 0;
    ck_assert_uint_eq(head_scan(&error, &scanned, bytes), bytes.len);
    ck_assert_int_eq(error.status, 0);
    bool accepted = head_parse(&head, &error, &arena, bytes);
    ck_assert_msg(accepted == (givens[_i].status == 0), "%s", givens[_i].text);
    ck_assert_int_eq(error.status, givens[_i].status);
    tufi_arena_release(&arena);
}
END_TEST

START_TEST(a_head_is_measured_when_its_empty_line_arrives)
{
    const char *text = "GET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
    size_t head_len = strlen(text) - 4;
    size_t scanned = 0;
    struct head_error error;
    for (size_t have = 0; have < head_len; have++) {
        ck_assert_uint_eq(head_scan(&error, &scanned, tuf_slice_of(text, have)), 0);
        ck_assert_int_eq(error.status, 0);
    }
    ck_assert_uint_eq(head_scan(&error, &scanned, tuf_str(text)), head_len);
}
END_TEST

START_TEST(values_are_trimmed_and_framing_is_read)
{
    struct arena arena = ARENA_INIT;
    struct head head;
    struct head_error error;
    tuf_slice bytes = tuf_str("PUT /a?b HTTP/1.1\r\nHost: a\r\nX:  y \t\r\nContent-Length: 12\r\n"
                              "Connection: x, close\r\nExpect: 100-Continue\r\n\r\n");
    ck_assert(head_parse(&head, &error, &arena, bytes));
    ck_assert(slice_is(head.method, "PUT"));
    ck_assert(slice_is(head.target, "/a?b"));
    ck_assert_uint_eq(head.header_count, 5);
    ck_assert(slice_is(head.headers[1].value, "y"));
    ck_assert(head.has_length);
    ck_assert_uint_eq(head.length, 12);
    ck_assert(!head.keep_alive);
    ck_assert(head.expect_continue);
    tufi_arena_release(&arena);
}
END_TEST

struct body {
    struct buf bytes;
    bool ended;
    bool wait;
};

static bool on_content(tuf_slice bytes, void *ctx)
{
    struct body *body = ctx;
    buf_append_slice(&body->bytes, bytes);
    return !body->wait;
}

static void on_end(void *ctx)
{
    struct body *body = ctx;
    body->ended = true;
}

static const struct framing_events events = { .content = on_content, .end = on_end };

START_TEST(a_chunked_body_ends_where_it_says_and_nothing_after_it_is_taken)
{
    struct framing framing;
    struct body body = { BUF_INIT, false, false };
    tuf_slice head = tuf_str("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    const char *text = "2\r\nab\r\n1;x=y\r\nc\r\n0\r\nT: u\r\n\r\nGET";
    size_t taken;
    ck_assert(framing_start(&framing, 1, head, &events, &body));
    ck_assert(!body.ended);
    ck_assert(framing_feed(&taken, &framing, text, strlen(text)));
    ck_assert_uint_eq(taken, strlen(text) - 3);
    ck_assert(body.ended);
    ck_assert(slice_is(buf_slice(&body.bytes), "abc"));
    tufi_buf_release(&body.bytes);
}
END_TEST

START_TEST(a_body_that_waits_goes_on_where_it_stopped)
{
    struct framing framing;
    struct body body = { BUF_INIT, false, true };
    tuf_slice head = tuf_str("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    const char *text = "2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n";
    size_t len = strlen(text);
    size_t taken;
    ck_assert(framing_start(&framing, 1, head, &events, &body));
    ck_assert(framing_feed(&taken, &framing, text, len));
    ck_assert(taken < len);
    ck_assert(slice_is(buf_slice(&body.bytes), "ab"));
    body.wait = false;
    size_t more;
    ck_assert(framing_feed(&more, &framing, text + taken, len - taken));
    ck_assert_uint_eq(taken + more, len);
    ck_assert(body.ended);
    ck_assert(slice_is(buf_slice(&body.bytes), "abcd"));
    tufi_buf_release(&body.bytes);
}
END_TEST

START_TEST(a_message_without_a_body_ends_with_its_head)
{
    struct framing framing;
    struct body body = { BUF_INIT, false, false };
    ck_assert(framing_start(&framing, 1, tuf_str("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), &events,
                            &body));
    ck_assert(body.ended);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/head");
    TCase *tc = tcase_create("head");
    tcase_add_loop_test(tc, a_head_is_accepted_or_refused_with_a_status, 0, COUNT(givens));
    tcase_add_test(tc, a_head_is_measured_when_its_empty_line_arrives);
    tcase_add_test(tc, values_are_trimmed_and_framing_is_read);
    tcase_add_test(tc, a_chunked_body_ends_where_it_says_and_nothing_after_it_is_taken);
    tcase_add_test(tc, a_body_that_waits_goes_on_where_it_stopped);
    tcase_add_test(tc, a_message_without_a_body_ends_with_its_head);
    suite_add_tcase(suite, tc);
    return tuft_run(suite);
}
