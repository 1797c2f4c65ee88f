/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test replicator/multipart.c and replicator/multipart_write.c.
 */
#include "base/bytes.h"
#include "replicator/multipart.h"
#include "tests/lib/test.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* What was read, as text: "[name=value]data|" for each part. */
static tuf_status on_begin(const struct header *headers, size_t count, void *ctx)
{
    for (size_t i = 0; i < count; i++) {
        buf_append_str(ctx, "[");
        buf_append_slice(ctx, headers[i].name);
        buf_append_str(ctx, "=");
        buf_append_slice(ctx, headers[i].value);
        buf_append_str(ctx, "]");
    }
    return TUF_OK;
}

static tuf_status on_data(tuf_slice bytes, void *ctx)
{
    buf_append_slice(ctx, bytes);
    return TUF_OK;
}

static tuf_status on_end(void *ctx)
{
    buf_append_str(ctx, "|");
    return TUF_OK;
}

static const struct multipart_events events = { on_begin, on_data, on_end };

struct given {
    const char *body;
    const char *seen; /* NULL: refused */
};

static const struct given givens[] = {
    { "--b\r\nA: x\r\n\r\nhello\r\n--b--", "[A=x]hello|" },
    { "--b\r\n\r\nhello\r\n--b\r\n\r\n\r\n--b--\r\nepilogue", "hello||" },
    { "preamble\r\n--b\r\n\r\nx\r\n--b--", "x|" },
    { "\r\n--b\r\n\r\nx\r\n--b--", "x|" },
    { "--b \t\r\n\r\nx\r\n--b--", "x|" },
    /* an empty part: its delimiter shares the CRLF */
    { "--b\r\nA: x\r\n\r\n--b--", "[A=x]|" },
    /* things that look like a delimiter and are data */
    { "--b\r\n\r\n\r\n-\r\n--\r\n--a\r\r\n--b--", "\r\n-\r\n--\r\n--a\r|" },
    { "--b\r\n\r\n--a\r\n--b--", "--a|" },
    { "--b\r\n\r\n\r\r\n--b--", "\r|" },
    { "--b--", "" },
    { "", NULL },
    { "--b", NULL },
    { "--b\r\n\r\nno end", NULL },
    { "--bx\r\n\r\nx\r\n--b--", NULL },
    { "--b\r\nno colon\r\n\r\nx\r\n--b--", NULL },
    { "--b\r\nA: x\n\r\nx\r\n--b--", NULL },
    { "--b\n\nx\n--b--", NULL },
};

static bool read_body(struct buf *seen, const char *body, size_t step)
{
    struct multipart *mp = NULL;
    tuf_status st = multipart_new(&mp, tuf_str("multipart/mixed; boundary=b"), &events, seen);
    size_t len = strlen(body);
    for (size_t pos = 0; st == TUF_OK && pos < len; pos += step)
        st = multipart_feed(mp, tuf_slice_of(body + pos, step < len - pos ? step : len - pos));
    if (st == TUF_OK)
        st = multipart_finish(mp);
    multipart_free(&mp);
    return st == TUF_OK;
}

START_TEST(a_body_is_read_the_same_in_pieces_of_any_size)
{
    const struct given *given = &givens[_i];
    for (size_t step = 1; step <= strlen(given->body) + 1; step++) {
        struct buf seen = BUF_INIT;
        bool good = read_body(&seen, given->body, step);
        ck_assert_msg(good == (given->seen != NULL), "%s in steps of %zu", given->body, step);
        if (good)
            ck_assert_msg(slice_is(buf_slice(&seen), given->seen), "%s: %.*s", given->body,
                          (int)seen.len, (const char *)seen.data);
        tufi_buf_release(&seen);
    }
}
END_TEST

struct parameter {
    const char *value;
    const char *found; /* of "boundary"; NULL: none */
};

static const struct parameter parameters[] = {
    { "multipart/related; boundary=abc", "abc" },
    { "multipart/related;boundary=\"a b\\\"c\"", "a b\"c" },
    { "multipart/related; type=\"x;boundary=y\"; BOUNDARY=z", "z" },
    { "multipart/related; boundary=a; boundary=b", "a" },
    { "multipart/related", NULL },
    { "multipart/related; boundary", NULL },
    { "multipart/related; boundary=\"never closed", NULL },
    { "", NULL },
};

START_TEST(a_parameter_is_found_and_unquoted)
{
    struct buf found = BUF_INIT;
    bool good = header_param(&found, tuf_str(parameters[_i].value), "boundary");
    ck_assert_msg(good == (parameters[_i].found != NULL), "%s", parameters[_i].value);
    if (good)
        ck_assert(slice_is(buf_slice(&found), parameters[_i].found));
    tufi_buf_release(&found);
}
END_TEST

START_TEST(a_long_header_block_is_refused)
{
    struct multipart *mp = NULL;
    struct buf seen = BUF_INIT;
    ck_ok(multipart_new(&mp, tuf_str("a/b; boundary=b"), &events, &seen));
    ck_ok(multipart_feed(mp, tuf_str("--b\r\nA: ")));
    tuf_status st = TUF_OK;
    for (size_t i = 0; i <= MULTIPART_HEAD_MAX && st == TUF_OK; i++)
        st = multipart_feed(mp, tuf_str("x"));
    ck_assert_int_eq((int)st, (int)TUF_E_LIMIT);
    multipart_free(&mp);
    tufi_buf_release(&seen);
}
END_TEST

START_TEST(the_writer_makes_what_the_parser_reads)
{
    struct buf body = BUF_INIT;
    struct buf seen = BUF_INIT;
    multipart_open_part(&body, "b", true);
    multipart_header(&body, "A", tuf_str("x\r\nEvil: y"));
    multipart_head_end(&body);
    buf_append_str(&body, "one");
    multipart_open_part(&body, "b", false);
    multipart_head_end(&body);
    multipart_close(&body, "b");
    buf_append_u8(&body, 0);
    ck_assert(read_body(&seen, (const char *)body.data, 4));
    ck_assert(slice_is(buf_slice(&seen), "[A=x  Evil: y]one||"));
    tufi_buf_release(&body);
    tufi_buf_release(&seen);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replicator/multipart");
    TCase *tc = tcase_create("multipart");
    tcase_add_loop_test(tc, a_body_is_read_the_same_in_pieces_of_any_size, 0, COUNT(givens));
    tcase_add_loop_test(tc, a_parameter_is_found_and_unquoted, 0, COUNT(parameters));
    tcase_add_test(tc, a_long_header_block_is_refused);
    tcase_add_test(tc, the_writer_makes_what_the_parser_reads);
    suite_add_tcase(suite, tc);
    return tuft_run(suite);
}
