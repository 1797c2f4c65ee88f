/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test json/iter.c.
 */
#include "json/iter.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "tests/lib/test.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

struct given {
    const char *text;
    const char *seen; /* "key=value;" of each; NULL: refused */
};

/* INV-ITER-1 */
static const struct given givens[] = {
    { "{}", "" },
    { " { } ", "" },
    { "[]", "" },
    { "[1, 2.50 ,\"x\"]", "=1;=2.50;=\"x\";" },
    { "{\"a\":1,\"b\" : [1,{}] }\n", "\"a\"=1;\"b\"=[1,{}];" },
    { "{\"a\":12345678901234567890123.10}", "\"a\"=12345678901234567890123.10;" },
    { "{\"a\":1,}", NULL },
    { "{\"a\"}", NULL },
    { "{\"a\":}", NULL },
    { "{a:1}", NULL },
    { "{\"a\":1} x", NULL },
    { "{\"a\":1", NULL },
    { "[1 2]", NULL },
    { "[1,]", NULL },
    { "[", NULL },
    { "", NULL },
    { "5", NULL },
};

START_TEST(values_come_as_they_were_written)
{
    TUF_AUTO(tufi_buf_release) struct buf seen = BUF_INIT;
    struct json_iter iter;
    tuf_slice key, value, text = tuf_str(givens[_i].text);
    bool array = strchr(givens[_i].text, '[') != NULL && strchr(givens[_i].text, '{') == NULL;
    tuf_status st = tufi_json_iter_begin(&iter, text, array ? '[' : '{');
    while (st == TUF_OK && (st = tufi_json_iter_next(&key, &value, &iter)) == TUF_OK) {
        ck_assert(value.data >= text.data && value.data + value.len <= text.data + text.len);
        buf_append_slice(&seen, key);
        buf_append_u8(&seen, '=');
        buf_append_slice(&seen, value);
        buf_append_u8(&seen, ';');
    }
    ck_assert_msg((st == TUF_END) == (givens[_i].seen != NULL), "%s", givens[_i].text);
    if (st == TUF_END)
        ck_assert_msg(slice_is(buf_slice(&seen), givens[_i].seen), "%s", givens[_i].text);
}
END_TEST

START_TEST(a_member_is_found_by_what_its_name_means)
{
    tuf_slice value;
    ck_ok(tufi_json_member(&value, tuf_str("{\"_id\":1,\"\\u005fid\":2,\"x\":3}"), "_id"));
    ck_assert(slice_is(value, "2")); /* the last counts */
    ck_outcome(tufi_json_member(&value, tuf_str("{\"_idx\":1,\"id\":2}"), "_id"), TUF_NOT_FOUND);
    ck_fails(tufi_json_member(&value, tuf_str("{\"_id\":1"), "_id"), TUF_E_INVALID);
    ck_fails(tufi_json_member(&value, tuf_str("[]"), "_id"), TUF_E_INVALID);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json iter");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, values_come_as_they_were_written, 0, COUNT(givens));
    tcase_add_test(tcase, a_member_is_found_by_what_its_name_means);
    suite_add_tcase(suite, tcase);
    return tuft_run(suite);
}
