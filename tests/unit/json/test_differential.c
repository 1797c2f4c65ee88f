/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the scanner against another parser (jansson): both accept the same texts, and read the same
 * values in them; and the cases of RFC 8259 that parsers get wrong.
 *
 * Left out of the comparison, because the two differ on purpose: escapes of surrogates (CouchDB's
 * rules, test_canonical.c) and nesting beyond what jansson takes (2048).
 * Source: the cases follow JSONTestSuite (Seriot 2016).
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "json/docscan.h"
#include "json/token.h"
#include "tests/lib/test.h"
#include "tests/sim/rng.h"

#define ROUNDS 60000

static const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL;

static void generate(struct buf *out, struct rng *rng, int depth)
{
    static const char *const atoms[] = { "true", "false", "null", "0", "-0", "1.5e3", "1E-2", "\"\"",
                                         "\"a\\n\\u00e9\\\"\"", "\"\xc3\xa9\"", "123456789012345678901",
                                         "0.1", "-1e+10", "\"\\/\"", "\"\\u0000\"", "\"\xf0\x9f\x8d\xb0\"" };
    size_t kind = rng_below(rng, depth > 0 ? 6 : 4);
    if (kind < 4) {
        buf_append_str(out, atoms[rng_below(rng, sizeof(atoms) / sizeof(*atoms))]);
        return;
    }
    size_t count = rng_below(rng, 4);
    buf_append_str(out, kind == 4 ? "[" : "{");
    for (size_t i = 0; i < count; i++) {
        buf_append_str(out, i > 0 ? "," : "");
        if (rng_chance(rng, 4))
            buf_append_str(out, " \t\r\n");
        if (kind == 5)
            tufi_buf_printf(out, "\"k%u\":", (unsigned)rng_below(rng, 3));
        generate(out, rng, depth - 1);
    }
    buf_append_str(out, kind == 4 ? "]" : "}");
}

/* One byte changed, added, or taken away. */
static void mutate(struct buf *text, struct rng *rng)
{
    static const char bytes[] = "{}[]:,\"\\0123456789eE+-.tfnu \t\n\x01\x7f\x80\xc3\xed\xf4\xff";
    if (text->len == 0)
        return;
    size_t at = rng_below(rng, text->len);
    uint8_t byte = (uint8_t)bytes[rng_below(rng, sizeof(bytes) - 1)];
    switch (rng_below(rng, 3)) {
    case 0:
        text->data[at] = byte;
        break;
    case 1:
        memmove(text->data + at, text->data + at + 1, text->len - at - 1);
        text->len--;
        break;
    default:
        buf_append_u8(text, 0);
        memmove(text->data + at + 1, text->data + at, text->len - 1 - at);
        text->data[at] = byte;
        break;
    }
}

static bool has_surrogate(tuf_slice text)
{
    for (size_t i = 0; i + 2 < text.len; i++)
        if (text.data[i] == 'u' && (text.data[i + 1] | 0x20) == 'd' && text.data[i + 2] >= '8')
            return true;
    return false;
}

static void compare(tuf_slice text)
{
    struct buf canonical = BUF_INIT;
    json_error_t error;
    tuf_status st = tufi_json_canonical(&canonical, text);
    json_t *theirs = json_loadb((const char *)text.data, text.len, flags, &error);
    if (!has_surrogate(text)) {
        ck_assert_msg((st == TUF_OK) == (theirs != NULL), "\"%.*s\": we say %s, jansson %s",
                      (int)text.len, (const char *)text.data, tuf_status_name(st),
                      theirs ? "yes" : error.text);
        if (theirs) {
            json_t *ours =
                json_loadb((const char *)canonical.data, canonical.len, flags, &error);
            ck_assert_msg(ours && json_equal(ours, theirs), "\"%.*s\" became \"%.*s\"",
                          (int)text.len, (const char *)text.data, (int)canonical.len,
                          (const char *)canonical.data);
            json_decref(ours);
        }
    }
    json_decref(theirs);
    tufi_buf_release(&canonical);
}

START_TEST(generated_texts_mean_the_same_to_both)
{
    struct rng rng = { (uint64_t)_i + 1 };
    for (int i = 0; i < ROUNDS / 4; i++) {
        struct buf text = BUF_INIT;
        generate(&text, &rng, 4);
        for (uint64_t k = rng_below(&rng, 4); k > 0; k--)
            mutate(&text, &rng);
        if (text.len > 0)
            compare(buf_slice(&text));
        tufi_buf_release(&text);
    }
}
END_TEST

static const char *const accepted[] = {
    "[]", "{}", "[1]", " [1] ", "\t[\r\n1 ]", "null", "\"x\"", "-0", "[-0.0]", "[1E22]", "[1e-2]",
    "[0e+1]", "[123.456e78]", "[\"\\u0060\\u012a\\u12AB\"]", "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]",
    "[\"\x7f\"]", "[\"\xe2\x80\xa8\"]", "[\"\xf4\x8f\xbf\xbf\"]", "{\"\":0}", "{\"a\":1,\"a\":2}",
    "{\"\\u0000\":1}", "[\"a/*b*/c\"]", "[[]   ]", "[1,null,null,2]",
};
static const char *const refused[] = {
    "", " ", "[", "]", "[1", "[1,", "[1,]", "[,1]", "[,]", "[1 2]", "[1,,2]", "{", "}", "{\"a\"}",
    "{\"a\":", "{\"a\":1", "{\"a\":1,}", "{,\"a\":1}", "{a:1}", "{'a':1}", "{1:1}", "{\"a\" 1}",
    "{\"a\":1 \"b\":2}", "{\"a\"::1}", "tru", "nul", "True", "NaN", "Infinity", "-Infinity", "[-]", "[+1]",
    "[01]", "[-01]", "[1.]", "[.5]", "[1.e1]", "[1e]", "[1e+]", "[0x1]", "[1_0]", "[- 1]", "[1.2.3]",
    "[\"\\x\"]", "[\"\\u12\"]", "[\"\\u12G4\"]", "[\"\\\"]", "[\"a", "[\"\n\"]", "[\"\t\"]", "[\"\x1f\"]",
    "[\"\xff\"]", "[\"\xc0\xaf\"]", "[\"\xed\xa0\x80\"]", "[\"\xf4\x90\x80\x80\"]", "[\"\xe2\x82\"]", "['a']",
    "[1]x", "[1]]", "[1][2]", "{}}", "/**/1", "[1]//", "\xef\xbb\xbf[]", "[\x0c]", "[\xc2\xa0]", "[\xe2\x81\xa0]",
};

START_TEST(a_text_of_rfc_8259_is_accepted)
{
    struct buf out = BUF_INIT;
    ck_assert_msg(tufi_json_canonical(&out, tuf_str(accepted[_i])) == TUF_OK, "%s", accepted[_i]);
    tufi_buf_release(&out);
}
END_TEST

START_TEST(what_is_no_text_of_rfc_8259_is_refused)
{
    struct buf out = BUF_INIT;
    ck_assert_msg(tufi_json_canonical(&out, tuf_str(refused[_i])) == TUF_E_INVALID, "%s",
                  refused[_i]);
    tufi_buf_release(&out);
}
END_TEST

START_TEST(a_hundred_thousand_brackets_are_refused_or_read)
{
    enum { COUNT = 100000 };
    static const char *const units[] = { "[", "{\"a\":", "[{\"\":" };
    for (size_t i = 0; i < 3; i++) {
        struct buf text = BUF_INIT, out = BUF_INIT;
        for (size_t k = 0; k < COUNT; k++)
            buf_append_str(&text, units[i]);
        tuf_status st = tufi_json_canonical(&out, buf_slice(&text));
        ck_assert(st == TUF_E_INVALID || st == TUF_E_LIMIT);
        tufi_buf_release(&text);
        tufi_buf_release(&out);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json/differential");
    TCase *tc = tcase_create("differential");
    tcase_add_loop_test(tc, generated_texts_mean_the_same_to_both, 0, 4);
    tcase_add_loop_test(tc, a_text_of_rfc_8259_is_accepted, 0,
                        (int)(sizeof(accepted) / sizeof(*accepted)));
    tcase_add_loop_test(tc, what_is_no_text_of_rfc_8259_is_refused, 0,
                        (int)(sizeof(refused) / sizeof(*refused)));
    tcase_add_test(tc, a_hundred_thousand_brackets_are_refused_or_read);
    suite_add_tcase(suite, tc);
    return tuft_run(suite);
}
