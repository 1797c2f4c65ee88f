/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test json/canonical.c, token.c and number.c: what is JSON, what is not, and its one
 * canonical text. Each accepted text is also scanned at every alignment, because the scanner works
 * on blocks of 16 bytes.
 */
#include <locale.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "json/scan.h"
#include "tests/lib/test.h"

struct accepted {
    const char *text;
    const char *canonical; /* NULL: the text itself */
};

static const struct accepted accepted_texts[] = {
    /* scalars at the top */
    { "null", NULL },
    { "true", NULL },
    { "false", NULL },
    { "0", NULL },
    { "\"\"", NULL },
    { " null ", "null" },
    { "\t1", "1" },
    { "1\n", "1" },
    { "\r\n true\r\n", "true" },
    /* integers */
    { "-0", "0" },
    { "[-0]", "[0]" },
    { "-1", NULL },
    { "10", NULL },
    { "255", NULL },
    { "-255", NULL },
    { "9007199254740993", NULL },
    { "18446744073709551616", NULL },
    { "-18446744073709551616", NULL },
    { "123456789012345678901234567890123456789012345678901234567890", NULL },
    /* floats keep their text */
    { "0.0", NULL },
    { "-0.0", NULL },
    { "-0e0", NULL },
    { "0e1", NULL },
    { "0E1", NULL },
    { "1.0", NULL },
    { "1.50", NULL },
    { "1e2", NULL },
    { "1E2", NULL },
    { "1e+2", NULL },
    { "1e-2", NULL },
    { "1.5e0002", NULL },
    { "1.7976931348623157e308", NULL },
    { "-1.7976931348623157e308", NULL },
    { "5e-324", NULL },
    { "1e-400", NULL },
    { "-1e-99999999999999999999", NULL },
    { "0e99999999999999999999", NULL },
    { "0.00000000000000000000000000000000000000000000000000000000001e60", NULL },
    { "100000000000000000000000000000000000000000000000000e-50", NULL },
    { "1.000000000000000000000000000000000000000000000000000000001", NULL },
    /* strings */
    { "\"a\"", NULL },
    { "\"/\"", NULL },
    { "\"\\/\"", "\"/\"" },
    { "\"\\\"\"", NULL },
    { "\"\\\\\"", NULL },
    { "\"\\b\\f\\n\\r\\t\"", NULL },
    { "\"\\u0008\\u000c\\u000a\\u000D\\u0009\"", "\"\\b\\f\\n\\r\\t\"" },
    { "\"\\u0000\"", NULL },
    { "\"\\u001f\"", "\"\\u001F\"" },
    { "\"\\u000b\"", "\"\\u000B\"" },
    { "\"\\u0020\"", "\" \"" },
    { "\"\\u0022\\u005C\\u002f\"", "\"\\\"\\\\/\"" },
    { "\"\\u0041\\u0062\"", "\"Ab\"" },
    { "\"\\u007f\"", "\"\x7f\"" },
    { "\"\x7f\"", NULL },
    { "\"\\u0080\"", "\"\xc2\x80\"" },
    { "\"\\u07ff\"", "\"\xdf\xbf\"" },
    { "\"\\u0800\"", "\"\xe0\xa0\x80\"" },
    { "\"\\uD7FF\\uE000\"", "\"\xed\x9f\xbf\xee\x80\x80\"" },
    { "\"\\uffff\"", "\"\xef\xbf\xbf\"" },
    { "\"\\ud800\\udc00\"", "\"\xf0\x90\x80\x80\"" },
    { "\"\\udbff\\udfff\"", "\"\xf4\x8f\xbf\xbf\"" },
    { "\"\\uD83D\\uDE00\"", "\"\xf0\x9f\x98\x80\"" },
    { "\"\xc2\x80\"", NULL },
    { "\"\xdf\xbf\"", NULL },
    { "\"\xe0\xa0\x80\"", NULL },
    { "\"\xe2\x80\xa8\xe2\x80\xa9\"", NULL },
    { "\"\xed\x9f\xbf\"", NULL },
    { "\"\xee\x80\x80\"", NULL },
    { "\"\xef\xbf\xbe\xef\xbf\xbf\"", NULL },
    { "\"\xf0\x90\x80\x80\"", NULL },
    { "\"\xf4\x8f\xbf\xbf\"", NULL },
    { "\"0123456789abcde\"", NULL },
    { "\"0123456789abcdef\"", NULL },
    { "\"0123456789abcdefg\"", NULL },
    { "\"0123456789abcde\\n\"", NULL },
    { "\"0123456789abcdef\xc3\xa9\"", NULL },
    { "\"0123456789abcdef0123456789abcdef\\u00e9z\"",
      "\"0123456789abcdef0123456789abcdef\xc3\xa9z\"" },
    /* arrays */
    { "[]", NULL },
    { "[ ]", "[]" },
    { "[1]", NULL },
    { "[ 1 , 2 ]", "[1,2]" },
    { "[[],[[]],{}]", NULL },
    { "[\n1,\t\"a\",\r null]", "[1,\"a\",null]" },
    { "[true,false,null]", NULL },
    { "[1,\"1\",1.0]", NULL },
    /* objects */
    { "{}", NULL },
    { "{ }", "{}" },
    { "{\"\":0}", NULL },
    { "{ \"a\" : 1 }", "{\"a\":1}" },
    { "{\"a\":{\"b\":{\"c\":[{}]}}}", NULL },
    { "{\"b\":1,\"a\":2}", NULL },
    { "{\"\\u0061\":1}", "{\"a\":1}" },
    { "{\"\\n\":1}", NULL },
    { "{\"_id\":1}", NULL },
    /* of equal keys the last stays, where it is */
    { "{\"a\":1,\"a\":2}", "{\"a\":2}" },
    { "{\"a\":1,\"b\":3,\"a\":2}", "{\"b\":3,\"a\":2}" },
    { "{\"a\":1,\"b\":2,\"c\":3,\"b\":4,\"a\":5}", "{\"c\":3,\"b\":4,\"a\":5}" },
    { "{\"a\":1,\"a\":2,\"a\":3}", "{\"a\":3}" },
    { "{\"\":1,\"\":2}", "{\"\":2}" },
    { "{\"a\":1,\"\\u0061\":2}", "{\"a\":2}" },
    { "{\"\\u000a\":1,\"x\":0,\"\\n\":2}", "{\"x\":0,\"\\n\":2}" },
    { "{\"x\":{\"a\":1,\"a\":2},\"y\":3}", "{\"x\":{\"a\":2},\"y\":3}" },
    { "{\"x\":{\"a\":1,\"a\":2},\"x\":{\"b\":1,\"c\":2,\"b\":3}}", "{\"x\":{\"c\":2,\"b\":3}}" },
    { "[{\"a\":[1,2,3],\"a\":[]},{\"a\":1,\"a\":2}]", "[{\"a\":[]},{\"a\":2}]" },
};

static const char *const rejected_texts[] = {
    /* nothing, or too much */
    "",
    " ",
    "\n",
    "1 2",
    "{} {}",
    "[]]",
    "{}}",
    "null,",
    "[] x",
    "\xef\xbb\xbf{}",
    "//c\n1",
    "1 /* c */",
    "# 1",
    /* literals */
    "nul",
    "nulll",
    "True",
    "TRUE",
    "tru",
    "truee",
    "fals",
    "undefined",
    "NaN",
    "Infinity",
    "-Infinity",
    "nan",
    /* numbers */
    "-",
    "+1",
    "01",
    "-01",
    "00",
    "-00",
    ".5",
    "-.5",
    "1.",
    "1.e1",
    "1e",
    "1e+",
    "1e-",
    "1E",
    "e1",
    "1e1.5",
    "1.2.3",
    "0x10",
    "1_000",
    "1,000",
    "--1",
    "1-",
    "1e400",
    "-1e400",
    "1.8e308",
    "1e99999999999999999999",
    "[1e400]",
    "{\"a\":1e309}",
    /* strings */
    "\"",
    "\"a",
    "a\"",
    "'a'",
    "\"a\"b\"",
    "\"\\\"",
    "\"\\",
    "\"\\x41\"",
    "\"\\a\"",
    "\"\\0\"",
    "\"\\'\"",
    "\"\\U0041\"",
    "\"\\u\"",
    "\"\\u1\"",
    "\"\\u12\"",
    "\"\\u123\"",
    "\"\\u123g\"",
    "\"\\u 123\"",
    "\"\\u-123\"",
    "\"\\ud800\"",
    "\"\\ud800x\"",
    "\"\\ud800\\n\"",
    "\"\\ud800\\ud800\"",
    "\"\\ud800\\u0041\"",
    "\"\\udc00\"",
    "\"\\udfff\\ud800\"",
    "\"\\ud83d\\\"",
    "\"\\ud83d\\u\"",
    "\"\\ud83d\\ude0\"",
    "\"\t\"",
    "\"\n\"",
    "\"\x01\"",
    "\"\x1f\"",
    "\"0123456789abcdef\n\"",
    "\"0123456789abcdef0123456789abcde\x1f\"",
    "\"\x80\"",
    "\"\xbf\"",
    "\"\xc0\x80\"",
    "\"\xc1\xbf\"",
    "\"\xc2\"",
    "\"\xc2\x41\"",
    "\"\xc2\xc2\x80\"",
    "\"\xe0\x80\x80\"",
    "\"\xe0\x9f\xbf\"",
    "\"\xe2\x82\"",
    "\"\xe2\x82\x41\"",
    "\"\xed\xa0\x80\"",
    "\"\xed\xbf\xbf\"",
    "\"\xed\xa0\xbd\xed\xb8\x80\"",
    "\"\xf0\x80\x80\x80\"",
    "\"\xf0\x8f\xbf\xbf\"",
    "\"\xf0\x9f\x98\"",
    "\"\xf0\x9f\x98\x41\"",
    "\"\xf4\x90\x80\x80\"",
    "\"\xf5\x80\x80\x80\"",
    "\"\xff\"",
    "\"\xfe\"",
    "\"0123456789abcdef\xff\"",
    /* arrays */
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1,,2]",
    "[1 2]",
    "[1;2]",
    "[1}",
    "[[]",
    "[\"a\"",
    "[\"a]",
    "[:]",
    "[1:2]",
    "[-]",
    /* objects */
    "{",
    "}",
    "{\"a\"",
    "{\"a\"}",
    "{\"a\":",
    "{\"a\":}",
    "{\"a\":1",
    "{\"a\":1,",
    "{\"a\":1,}",
    "{,\"a\":1}",
    "{\"a\" 1}",
    "{\"a\"=1}",
    "{\"a\"::1}",
    "{\"a\":1:2}",
    "{\"a\":1 \"b\":2}",
    "{\"a\":1,,\"b\":2}",
    "{\"a\":1]",
    "{a:1}",
    "{1:1}",
    "{null:1}",
    "{'a':1}",
    "{\"a\":tru}",
    "{\"\xff\":1}",
    "{\"\\ud800\":1}",
    "{\"a\":1}garbage",
    "{[]:1}",
    "{\"a\":[}",
    "{\"a\":[1}]",
};

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* Scans a heap copy of exactly the text's size, so that a sanitizer sees a read behind it. */
static tuf_status canonical_copy(struct buf *out, const char *text, size_t len)
{
    TUF_AUTOFREE uint8_t *copy = tufi_memdup(text, len);
    ck_assert_ptr_nonnull(copy);
    return tufi_json_canonical(out, tuf_slice_of(copy, len));
}

static void check_text(const struct buf *got, const char *want)
{
    ck_assert_uint_eq(got->len, strlen(want));
    ck_assert_mem_eq(got->data, want, got->len);
}

START_TEST(valid_text_has_one_canonical_form) /* INV-CAN-1 */
{
    const struct accepted *a = &accepted_texts[_i];
    const char *want = a->canonical ? a->canonical : a->text;
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    ck_ok(canonical_copy(&out, a->text, strlen(a->text)));
    check_text(&out, want);
    tufi_buf_clear(&out);
    ck_ok(canonical_copy(&out, want, strlen(want)));
    check_text(&out, want);
}
END_TEST

START_TEST(position_in_the_text_does_not_matter)
{
    const struct accepted *a = &accepted_texts[_i];
    const char *want = a->canonical ? a->canonical : a->text;
    for (size_t shift = 0; shift < 34; shift++) {
        TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
        TUF_AUTO(tufi_buf_release) struct buf expected = BUF_INIT;
        TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
        tufi_buf_printf(&text, "[\"%.*s\",%s]", (int)shift, "0123456789abcdefghijklmnopqrstuvwxyz",
                        a->text);
        tufi_buf_printf(&expected, "[\"%.*s\",%s]", (int)shift,
                        "0123456789abcdefghijklmnopqrstuvwxyz", want);
        ck_ok(canonical_copy(&out, (const char *)text.data, text.len));
        ck_assert_uint_eq(out.len, expected.len);
        ck_assert_mem_eq(out.data, expected.data, out.len);
    }
}
END_TEST

static void check_rejected(const char *text, size_t len)
{
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    ck_fails(canonical_copy(&out, text, len), TUF_E_INVALID);
    ck_assert_str_eq(tuf_last_error()->kind, "bad_request");
    ck_assert_str_eq(tuf_last_error()->text, "invalid UTF-8 JSON");
    ck_assert_uint_eq(out.len, 0);
    TUF_AUTOFREE uint8_t *copy = tufi_memdup(text, len);
    struct cursor c = cursor_of(tuf_slice_of(copy, len));
    if (tufi_json_skip_value(&c) == TUF_OK) {
        cursor_peek(&c);
        ck_assert_msg(c.pos < c.end, "the skipper accepts %s", text);
    }
}

START_TEST(invalid_text_is_refused) /* INV-SKIP-1 */
{
    check_rejected(rejected_texts[_i], strlen(rejected_texts[_i]));
}
END_TEST

START_TEST(invalid_text_is_refused_deep_inside)
{
    for (size_t shift = 0; shift < 20; shift++) {
        TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
        tufi_buf_printf(&text, "[\"%.*s\",{\"a\":%s}]", (int)shift, "0123456789abcdefghij",
                        rejected_texts[_i]);
        TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
        ck_fails(canonical_copy(&out, (const char *)text.data, text.len), TUF_E_INVALID);
    }
}
END_TEST

START_TEST(text_cut_short_is_refused) /* INV-TOK-1 */
{
    static const char whole[] =
        "{\"abcdef\":[1,-2.5e3,\"x\\n\xc3\xa9\",{\"\":null}],\"b\":[true,false]}";
    for (size_t len = 0; len + 1 < sizeof(whole); len++)
        check_rejected(whole, len);
}
END_TEST

START_TEST(zero_bytes_are_refused)
{
    check_rejected("\0", 1);
    check_rejected(NULL, 0);
    check_rejected("1\0", 2);
    check_rejected("[1\0]", 4);
    check_rejected("\"\0\"", 3);
    check_rejected("{\"a\0\":1}", 8);
}
END_TEST

/* count opening brackets, then as many closing ones. */
static void append_brackets(struct buf *text, size_t count, const char *open, const char *close)
{
    for (size_t i = 0; i < count; i++)
        buf_append_str(text, open);
    buf_append_str(text, "1");
    for (size_t i = 0; i < count; i++)
        buf_append_str(text, close);
}

START_TEST(depth_is_limited)
{
    static const struct {
        size_t depth;
        bool ok;
    } cases[] = { { 1, true },
                  { JSON_DEPTH_MAX, true },
                  { JSON_STACK_MAX, true },
                  { JSON_STACK_MAX + 1, false },
                  { 100000, false } };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        TUF_AUTO(tufi_buf_release) struct buf arrays = BUF_INIT;
        TUF_AUTO(tufi_buf_release) struct buf objects = BUF_INIT;
        TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
        append_brackets(&arrays, cases[i].depth, "[", "]");
        append_brackets(&objects, cases[i].depth, "{\"a\":", "}");
        tuf_status want = cases[i].ok ? TUF_OK : TUF_E_INVALID;
        ck_outcome(tufi_json_canonical(&out, buf_slice(&arrays)), want);
        ck_outcome(tufi_json_canonical(&out, buf_slice(&objects)), want);
        struct cursor c = cursor_of(buf_slice(&arrays));
        ck_outcome(tufi_json_skip_value(&c), want);
    }
}
END_TEST

START_TEST(hundred_thousand_opening_brackets_are_refused)
{
    TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
    for (size_t i = 0; i < 100000; i++)
        buf_append_u8(&text, '[');
    check_rejected((const char *)text.data, text.len);
}
END_TEST

START_TEST(numbers_of_any_length_keep_their_digits)
{
    static const struct {
        const char *start;
        bool zeros;
    } kinds[] = { { "", false },    { "-", false },     { "0.", false },
                  { "-0.0", false }, { "1.5e-", true }, { "1E+", true } };
    for (size_t len = 20000; len <= 2000000; len *= 10) {
        for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
            TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
            TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
            buf_append_str(&text, kinds[k].start);
            for (size_t i = 0; i < len; i++)
                buf_append_u8(&text, kinds[k].zeros ? '0' : (uint8_t)('1' + i % 9));
            ck_ok(tufi_json_canonical(&out, buf_slice(&text)));
            ck_assert_uint_eq(out.len, text.len);
            ck_assert_int_eq(memcmp(out.data, text.data, text.len), 0);
        }
    }
}
END_TEST

START_TEST(result_is_appended)
{
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    buf_append_str(&out, "before ");
    ck_ok(tufi_json_canonical(&out, tuf_str("[ 1 ]")));
    ck_ok(tufi_json_canonical(&out, tuf_str("{\"a\" :2 , \"a\" :3}")));
    check_text(&out, "before [1]{\"a\":3}");
}
END_TEST

/* Takes the place of the C library's function, which follows the process's locale. A locale with
 * another decimal point may not be installed where the tests run; this shows the mistake anyway. */
static bool strtod_was_called;

double strtod(const char *text, char **end)
{
    strtod_was_called = true;
    return strtold(text, end) > 0 ? 1.0 : 0.0;
}

START_TEST(locale_does_not_change_floats) /* INV-NUM-1 */
{
    const char *names[] = { "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "C" };
    for (size_t i = 0; i < 4 && !setlocale(LC_ALL, names[i]); i++)
        continue;
    struct json_number number;
    tuf_slice text = tuf_str("0.30000000000000004");
    struct cursor c = cursor_of(text);
    strtod_was_called = false; /* libcheck reads its time-outs with it */
    ck_ok(tufi_json_number(&number, &c));
    ck_assert(number.value == 0.30000000000000004);
    ck_assert(!strtod_was_called);
}
END_TEST

START_TEST(floats_are_rounded_correctly)
{
    static const struct {
        const char *text;
        double value;
    } cases[] = {
        { "0.1", 0.1 },
        { "1e22", 1e22 },
        { "1e23", 1e23 },
        { "9007199254740993.0", 9007199254740992.0 },
        { "9007199254740993.0000000000000000000000001", 9007199254740994.0 },
        { "123456789.123456789", 123456789.12345679 },
        { "2.2250738585072011e-308", 2.2250738585072011e-308 },
        { "4.9e-324", 4.9e-324 },
        { "5e-324", 0.0 }, /* as CouchDB computes it: 5 * 10^-324 */
        { "-2.5", -2.5 },
        { "12345678901234567890.5", 12345678901234567890.5 },
        { "0.000000000000000000000000000001", 1e-30 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json_number number;
        tuf_slice text = tuf_str(cases[i].text);
        struct cursor c = cursor_of(text);
        ck_ok(tufi_json_number(&number, &c));
        ck_assert(number.is_float);
        ck_assert_msg(number.value == cases[i].value, "%s", cases[i].text);
    }
}
END_TEST

START_TEST(written_strings_are_canonical)
{
    static const char text[] = "a\"\\/\b\f\n\r\t\x01\x1f\x7f\xc3\xa9\xf0\x9f\x98\x80";
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf again = BUF_INIT;
    tufi_json_write_string(&out, tuf_str(text));
    check_text(&out, "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001F\x7f\xc3\xa9\xf0\x9f\x98\x80\"");
    ck_ok(tufi_json_canonical(&again, buf_slice(&out)));
    ck_assert_uint_eq(again.len, out.len);
    ck_assert_mem_eq(again.data, out.data, out.len);
    tufi_buf_clear(&out);
    tufi_json_write_string(&out, tuf_slice_of("\0", 1));
    tufi_json_write_string(&out, tuf_slice_of(NULL, 0));
    check_text(&out, "\"\\u0000\"\"\"");
}
END_TEST

START_TEST(utf8_is_checked) /* INV-TOK-2 */
{
    ck_assert(tufi_utf8_valid(tuf_slice_of(NULL, 0)));
    ck_assert(tufi_utf8_valid(tuf_str("abc\xc3\xa9\xed\x9f\xbf\xf4\x8f\xbf\xbf")));
    ck_assert(tufi_utf8_valid(tuf_slice_of("\0", 1)));
    ck_assert(!tufi_utf8_valid(tuf_str("abc\xc3")));
    ck_assert(!tufi_utf8_valid(tuf_str("\xed\xa0\x80")));
    ck_assert(!tufi_utf8_valid(tuf_str("\xc0\xaf")));
    ck_assert(!tufi_utf8_valid(tuf_str("\xf4\x90\x80\x80")));
    ck_assert(!tufi_utf8_valid(tuf_str("x\xf0\x9f\x98")));
}
END_TEST

/* Fails the allocation whose number it is. */
static bool fail_at(size_t size, void *ctx)
{
    (void)size;
    size_t *left = ctx;
    return (*left)-- != 0;
}

START_TEST(every_failed_allocation_is_reported)
{
    TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
    buf_append_str(&text, "{\"f\":0.30000000000000004,\"k0\":1");
    for (int i = 0; i < 200; i++)
        tufi_buf_printf(&text, ",\"k%d\":[1]", i);
    buf_append_u8(&text, '}');
    for (size_t k = 0;; k++) {
        ck_assert_uint_lt(k, 100);
        size_t left = k;
        TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
        tufi_alloc_set_hook(fail_at, &left);
        tuf_status st = tufi_json_canonical(&out, buf_slice(&text));
        tufi_alloc_set_hook(NULL, NULL);
        if (st == TUF_OK) {
            ck_assert_uint_gt(k, 3);
            break;
        }
        ck_assert_int_eq(st, TUF_E_NOMEM);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json canonical");
    TCase *texts = tcase_create("texts");
    tcase_add_loop_test(texts, valid_text_has_one_canonical_form, 0, COUNT(accepted_texts));
    tcase_add_loop_test(texts, position_in_the_text_does_not_matter, 0, COUNT(accepted_texts));
    tcase_add_loop_test(texts, invalid_text_is_refused, 0, COUNT(rejected_texts));
    tcase_add_loop_test(texts, invalid_text_is_refused_deep_inside, 0, COUNT(rejected_texts));
    tcase_add_test(texts, text_cut_short_is_refused);
    tcase_add_test(texts, zero_bytes_are_refused);
    tcase_add_test(texts, result_is_appended);
    suite_add_tcase(suite, texts);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, depth_is_limited);
    tcase_add_test(limits, hundred_thousand_opening_brackets_are_refused);
    tcase_add_test(limits, numbers_of_any_length_keep_their_digits);
    tcase_add_test(limits, every_failed_allocation_is_reported);
    suite_add_tcase(suite, limits);
    TCase *values = tcase_create("values");
    tcase_add_test(values, locale_does_not_change_floats);
    tcase_add_test(values, floats_are_rounded_correctly);
    tcase_add_test(values, written_strings_are_canonical);
    tcase_add_test(values, utf8_is_checked);
    suite_add_tcase(suite, values);
    return tuft_run(suite);
}
