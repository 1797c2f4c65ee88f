/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test server/head.c and server/framing.c without a socket. The raw-byte cases over a
 * connection are in tests/http/00-framing.t.
 */
#include "base/alloc.h"
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

START_TEST(trailers_are_fields_and_an_empty_line)
{
    struct arena arena = ARENA_INIT;
    struct header *trailers;
    size_t count;
    ck_assert(head_parse_trailers(&trailers, &count, &arena,
                                  tuf_str("Content-MD5: \tx= \r\nB:\r\n\r\n")));
    ck_assert_uint_eq(count, 2);
    ck_assert(slice_is(trailers[0].name, "Content-MD5"));
    ck_assert(slice_is(trailers[0].value, "x="));
    ck_assert(slice_is(trailers[1].name, "B"));
    ck_assert_uint_eq(trailers[1].value.len, 0);
    tufi_arena_release(&arena);
}
END_TEST

static const char *const bad_trailers[] = {
    "", "a: b\r\n", "a: b\r\n\r\nc: d\r\n", "\r\n\r\n", "a: b\n\r\n", "a: b\r\n\n",
    "a : b\r\n\r\n", " a: b\r\n\r\n", "a: b\r\n c\r\n\r\n", ": b\r\n\r\n", "a\r\n\r\n",
    "a: b\x01\r\n\r\n", "a: b\rc\r\n\r\n", "content-length: 0\r\n\r\n",
    "Transfer-Encoding: chunked\r\n\r\n", "Host: a\r\n\r\n", "a: b\r\nTrailer: a\r\n\r\n",
};

START_TEST(malformed_trailers_are_refused)
{
    struct arena arena = ARENA_INIT;
    struct header *trailers;
    size_t count;
    ck_assert_msg(!head_parse_trailers(&trailers, &count, &arena, tuf_str(bad_trailers[_i])),
                  "%s", bad_trailers[_i]);
    tufi_arena_release(&arena);
}
END_TEST

START_TEST(trailers_are_counted)
{
    struct arena arena = ARENA_INIT;
    struct header *trailers;
    size_t count;
    TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
    buf_append_str(&text, "\r\n");
    for (int i = 0; i < HEAD_HEADERS_MAX; i++)
        tufi_buf_printf(&text, "a: b\r\n");
    tuf_slice all = tuf_slice_of(text.data + 2, text.len - 2);
    ck_assert(!head_parse_trailers(&trailers, &count, &arena, all));
    buf_append_str(&text, "\r\n");
    ck_assert(!text.failed);
    all = tuf_slice_of(text.data + 2, text.len - 2);
    ck_assert(head_parse_trailers(&trailers, &count, &arena, all));
    ck_assert_uint_eq(count, HEAD_HEADERS_MAX);
    text.len -= 2;
    buf_append_str(&text, "a: b\r\n\r\n");
    all = tuf_slice_of(text.data + 2, text.len - 2);
    ck_assert(!head_parse_trailers(&trailers, &count, &arena, all));
    tufi_arena_release(&arena);
}
END_TEST

struct body {
    struct buf bytes;
    bool ended;
    bool wait;
    struct buf trailers;
    bool refuse_trailers;
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

static bool on_trailers(tuf_slice section, void *ctx)
{
    struct body *body = ctx;
    buf_append_slice(&body->trailers, section);
    return !body->refuse_trailers;
}

static const struct framing_events events = {
    .content = on_content,
    .trailers = on_trailers,
    .end = on_end,
};

static const char chunked_head[] =
    "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

START_TEST(trailers_come_whole_however_they_arrive)
{
    const char *text = "1\r\na\r\n0;x\r\nT: u\r\nV: \r\n\r\nGET";
    size_t len = strlen(text) - 3;
    for (size_t step = 1; step <= len + 3; step++) {
        struct framing framing;
        struct body body = { BUF_INIT, false, false, BUF_INIT, false };
        size_t pos = 0;
        ck_assert(framing_start(&framing, 1, tuf_str(chunked_head), &events, &body));
        while (!body.ended) {
            size_t taken;
            size_t have = len + 3 - pos < step ? len + 3 - pos : step;
            ck_assert(have > 0);
            ck_assert(framing_feed(&taken, &framing, text + pos, have));
            pos += taken;
        }
        ck_assert_uint_eq(pos, len);
        ck_assert(slice_is(buf_slice(&body.bytes), "a"));
        ck_assert(slice_is(buf_slice(&body.trailers), "T: u\r\nV: \r\n\r\n"));
        tufi_buf_release(&body.bytes);
        tufi_buf_release(&body.trailers);
    }
}
END_TEST

/* Feeds the end of a chunked body with these trailers. */
static bool feed_trailers(struct body *body, tuf_slice trailers)
{
    struct framing framing;
    size_t taken;
    ck_assert(framing_start(&framing, 1, tuf_str(chunked_head), &events, body));
    ck_assert(framing_feed(&taken, &framing, "0\r\n", 3));
    ck_assert_uint_eq(taken, 3);
    ck_assert(!body->ended);
    bool good = framing_feed(&taken, &framing, (const char *)trailers.data, trailers.len);
    framing_release(&framing);
    return good;
}

START_TEST(trailers_that_are_refused_end_nothing)
{
    struct body body = { BUF_INIT, false, false, BUF_INIT, true };
    ck_assert(!feed_trailers(&body, tuf_str("T: u\r\n\r\n")));
    ck_assert(!body.ended);
    body.refuse_trailers = false;
    ck_assert(!feed_trailers(&body, tuf_str("T: u\n\r\n")));
    ck_assert(!feed_trailers(&body, tuf_str("\n")));
    ck_assert(!feed_trailers(&body, tuf_str("T: u\r\n\n")));
    ck_assert(!body.ended);
    ck_assert(feed_trailers(&body, tuf_str("T: u\r\n")));
    ck_assert(!body.ended);
    tufi_buf_release(&body.trailers);
}
END_TEST

START_TEST(trailers_are_bounded)
{
    TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
    struct body body = { BUF_INIT, false, false, BUF_INIT, false };
    buf_append_str(&text, "T: ");
    while (text.len < FRAMING_TRAILERS_MAX - 4)
        buf_append_u8(&text, 'x');
    buf_append_str(&text, "\r\n\r\n");
    ck_assert(feed_trailers(&body, buf_slice(&text)));
    ck_assert(body.ended);
    body.ended = false;
    text.data[text.len - 4] = 'x';
    text.len -= 3;
    buf_append_str(&text, "\r\n\r\n");
    ck_assert(!feed_trailers(&body, buf_slice(&text)));
    ck_assert(!body.ended);
    tufi_buf_release(&body.trailers);
}
END_TEST

START_TEST(a_chunked_body_ends_where_it_says_and_nothing_after_it_is_taken)
{
    struct framing framing;
    struct body body = { BUF_INIT, false, false, BUF_INIT, false };
    tuf_slice head = tuf_str("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    const char *text = "2\r\nab\r\n1;x=y\r\nc\r\n0\r\nT: u\r\n\r\nGET";
    size_t taken;
    ck_assert(framing_start(&framing, 1, head, &events, &body));
    ck_assert(!body.ended);
    ck_assert(framing_feed(&taken, &framing, text, strlen(text)));
    ck_assert_uint_eq(taken, strlen(text) - 3);
    ck_assert(body.ended);
    ck_assert(slice_is(buf_slice(&body.bytes), "abc"));
    ck_assert(slice_is(buf_slice(&body.trailers), "T: u\r\n\r\n"));
    tufi_buf_release(&body.bytes);
    tufi_buf_release(&body.trailers);
}
END_TEST

START_TEST(a_body_that_waits_goes_on_where_it_stopped)
{
    struct framing framing;
    struct body body = { BUF_INIT, false, true, BUF_INIT, false };
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
    struct body body = { BUF_INIT, false, false, BUF_INIT, false };
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
    tcase_add_test(tc, trailers_are_fields_and_an_empty_line);
    tcase_add_loop_test(tc, malformed_trailers_are_refused, 0, COUNT(bad_trailers));
    tcase_add_test(tc, trailers_are_counted);
    tcase_add_test(tc, trailers_come_whole_however_they_arrive);
    tcase_add_test(tc, trailers_that_are_refused_end_nothing);
    tcase_add_test(tc, trailers_are_bounded);
    tcase_add_test(tc, a_chunked_body_ends_where_it_says_and_nothing_after_it_is_taken);
    tcase_add_test(tc, a_body_that_waits_goes_on_where_it_stopped);
    tcase_add_test(tc, a_message_without_a_body_ends_with_its_head);
    suite_add_tcase(suite, tc);
    return tuft_run(suite);
}
