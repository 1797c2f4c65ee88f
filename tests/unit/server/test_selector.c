/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test server/selector.c, selector_match.c, collate.c and jval.c: which documents a selector
 * lets pass, what it refuses, and which fields are picked.
 */
#include <pthread.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "server/collate.h"
#include "server/selector.h"
#include "tests/lib/test.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

struct match_case {
    const char *selector;
    const char *doc;
    bool matches;
};

static const struct match_case match_cases[] = {
    { "{}", "{\"a\":1}", true },
    /* equality, also of whole containers; 1 equals 1.0 */
    { "{\"a\":1}", "{\"a\":1}", true },
    { "{\"a\":1}", "{\"a\":1.0}", true },
    { "{\"a\":1}", "{\"a\":\"1\"}", false },
    { "{\"a\":{\"$eq\":[1,2]}}", "{\"a\":[1,2]}", true },
    { "{\"a\":{}}", "{\"a\":{}}", true },
    { "{\"a\":{}}", "{\"a\":{\"b\":1}}", false },
    { "{\"a\":null}", "{\"a\":null}", true },
    { "{\"a\":null}", "{}", false },
    { "{\"a\":1,\"b\":2}", "{\"a\":1,\"b\":2}", true },
    { "{\"a\":1,\"b\":2}", "{\"a\":1,\"b\":3}", false },
    /* paths */
    { "{\"a.b\":1}", "{\"a\":{\"b\":1}}", true },
    { "{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1,\"c\":2}}", true },
    { "{\"a.1\":5}", "{\"a\":[4,5]}", true },
    { "{\"a.2\":5}", "{\"a\":[4,5]}", false },
    { "{\"a\\\\.b\":1}", "{\"a.b\":1}", true },
    { "{\"a\\\\.b\":1}", "{\"a\":{\"b\":1}}", false },
    { "{\"a.b\":{\"$exists\":false}}", "{\"a\":{}}", true },
    { "{\"a.b\":{\"$exists\":false}}", "{\"a\":5}", false },
    /* order across types */
    { "{\"a\":{\"$gt\":null}}", "{\"a\":false}", true },
    { "{\"a\":{\"$gt\":null}}", "{\"a\":null}", false },
    { "{\"a\":{\"$gt\":true}}", "{\"a\":-5}", true },
    { "{\"a\":{\"$gt\":99}}", "{\"a\":\"\"}", true },
    { "{\"a\":{\"$gt\":\"zzz\"}}", "{\"a\":[]}", true },
    { "{\"a\":{\"$gt\":[9]}}", "{\"a\":{}}", true },
    { "{\"a\":{\"$gte\":2,\"$lt\":5}}", "{\"a\":2}", true },
    { "{\"a\":{\"$gte\":2,\"$lt\":5}}", "{\"a\":5}", false },
    { "{\"a\":{\"$lte\":5}}", "{\"a\":5.0}", true },
    { "{\"a\":{\"$lt\":\"B\"}}", "{\"a\":\"a\"}", true },
    { "{\"a\":{\"$lt\":\"a\"}}", "{\"a\":\"B\"}", false },
    { "{\"_id\":{\"$lt\":\"a\"}}", "{\"_id\":\"B\"}", true },
    /* numbers beyond 2^53 keep their value */
    { "{\"a\":{\"$gt\":9007199254740992}}", "{\"a\":9007199254740993}", true },
    { "{\"a\":123456789012345678901234567890}", "{\"a\":123456789012345678901234567890}", true },
    { "{\"a\":{\"$gt\":123456789012345678901234567889}}", "{\"a\":123456789012345678901234567890}",
      true },
    { "{\"a\":{\"$lt\":0}}", "{\"a\":-123456789012345678901234567890}", true },
    /* a missing field fails, also a negated condition */
    { "{\"a\":{\"$ne\":1}}", "{\"b\":1}", false },
    { "{\"a\":{\"$ne\":1}}", "{\"a\":2}", true },
    { "{\"a\":{\"$nin\":[1]}}", "{}", false },
    { "{\"$not\":{\"a\":1}}", "{}", false },
    { "{\"$not\":{\"a\":1}}", "{\"a\":2}", true },
    { "{\"a\":{\"$not\":{\"$regex\":\"x\"}}}", "{\"a\":\"y\"}", true },
    { "{\"a\":{\"$not\":{\"$regex\":\"x\"}}}", "{}", false },
    { "{\"a\":{\"$exists\":true}}", "{\"a\":null}", true },
    { "{\"a\":{\"$exists\":false}}", "{}", true },
    { "{\"a\":{\"$not\":{\"$exists\":true}}}", "{}", true },
    { "{\"a\":{\"$not\":{\"$exists\":false}}}", "{}", false },
    /* combinations */
    { "{\"$or\":[{\"a\":1},{\"b\":1}]}", "{\"b\":1}", true },
    { "{\"$or\":[{\"a\":1},{\"b\":1}]}", "{\"b\":2}", false },
    { "{\"$and\":[{\"a\":1},{\"b\":1}]}", "{\"a\":1,\"b\":1}", true },
    { "{\"$and\":[{\"a\":1},{\"b\":1}]}", "{\"a\":1}", false },
    { "{\"$nor\":[{\"a\":1},{\"a\":2}]}", "{\"a\":3}", true },
    { "{\"$nor\":[{\"a\":1},{\"a\":2}]}", "{\"a\":2}", false },
    { "{\"$nor\":[{\"a\":1},{\"b\":2}]}", "{\"a\":3}", false },
    { "{\"a\":{\"$or\":[{\"$lt\":2},{\"$gt\":8}]}}", "{\"a\":9}", true },
    { "{\"$not\":{\"a\":1,\"b\":1}}", "{\"a\":1,\"b\":2}", true },
    { "{\"$not\":{\"$or\":[{\"a\":1},{\"b\":1}]}}", "{\"a\":2,\"b\":2}", true },
    { "{\"$not\":{\"$not\":{\"a\":1}}}", "{\"a\":1}", true },
    { "{\"$and\":[]}", "{}", true },
    { "{\"$or\":[]}", "{}", true },
    /* lists */
    { "{\"a\":{\"$in\":[1,2]}}", "{\"a\":2}", true },
    { "{\"a\":{\"$in\":[1,2]}}", "{\"a\":[5,2]}", true },
    { "{\"a\":{\"$in\":[]}}", "{\"a\":2}", false },
    { "{\"a\":{\"$nin\":[]}}", "{\"a\":2}", true },
    { "{\"a\":{\"$nin\":[1,2]}}", "{\"a\":[5,2]}", false },
    { "{\"a\":{\"$all\":[1,2]}}", "{\"a\":[2,3,1]}", true },
    { "{\"a\":{\"$all\":[1,2]}}", "{\"a\":[2]}", false },
    { "{\"a\":{\"$all\":[[1,2]]}}", "{\"a\":[1,2]}", true },
    { "{\"a\":{\"$all\":[]}}", "{\"a\":[1]}", false },
    { "{\"a\":{\"$all\":[1]}}", "{\"a\":1}", false },
    { "{\"a\":{\"$size\":2}}", "{\"a\":[1,2]}", true },
    { "{\"a\":{\"$size\":2}}", "{\"a\":\"ab\"}", false },
    { "{\"a\":{\"$elemMatch\":{\"$gt\":3,\"$lt\":5}}}", "{\"a\":[1,4,9]}", true },
    { "{\"a\":{\"$elemMatch\":{\"$gt\":3,\"$lt\":5}}}", "{\"a\":[1,9]}", false },
    { "{\"a\":{\"$elemMatch\":{\"x\":1}}}", "{\"a\":[{\"x\":2},{\"x\":1}]}", true },
    { "{\"a\":{\"$elemMatch\":{\"x\":1}}}", "{\"a\":{\"x\":1}}", false },
    { "{\"a\":{\"$allMatch\":{\"$gt\":0}}}", "{\"a\":[1,2]}", true },
    { "{\"a\":{\"$allMatch\":{\"$gt\":1}}}", "{\"a\":[1,2]}", false },
    { "{\"a\":{\"$allMatch\":{\"$gt\":0}}}", "{\"a\":[]}", false },
    { "{\"a\":{\"$elemMatch\":{\"$not\":{\"x\":1}}}}", "{\"a\":[{\"y\":1}]}", true },
    { "{\"a\":{\"$elemMatch\":{\"$nor\":[{\"x\":1},{\"x\":2}]}}}", "{\"a\":[{\"x\":2}]}", false },
    { "{\"a\":{\"$keyMapMatch\":{\"$eq\":\"k\"}}}", "{\"a\":{\"j\":1,\"k\":2}}", true },
    { "{\"a\":{\"$keyMapMatch\":{\"$eq\":\"k\"}}}", "{\"a\":{\"j\":1}}", false },
    /* the others */
    { "{\"a\":{\"$type\":\"string\"}}", "{\"a\":\"x\"}", true },
    { "{\"a\":{\"$type\":\"boolean\"}}", "{\"a\":true}", true },
    { "{\"a\":{\"$type\":\"null\"}}", "{\"a\":null}", true },
    { "{\"a\":{\"$type\":\"nonsense\"}}", "{\"a\":null}", false },
    { "{\"a\":{\"$mod\":[5,2]}}", "{\"a\":7}", true },
    { "{\"a\":{\"$mod\":[5,-2]}}", "{\"a\":-7}", true },
    { "{\"a\":{\"$mod\":[5,2]}}", "{\"a\":7.0}", false },
    { "{\"a\":{\"$mod\":[10,0]}}", "{\"a\":123456789012345678901234567890}", true },
    { "{\"a\":{\"$regex\":\"^b.n\"}}", "{\"a\":\"banana\"}", true },
    { "{\"a\":{\"$regex\":\"(?i)BAN\"}}", "{\"a\":\"banana\"}", true },
    { "{\"a\":{\"$regex\":\"^an\"}}", "{\"a\":\"banana\"}", false },
    { "{\"a\":{\"$regex\":\"1\"}}", "{\"a\":1}", false },
    { "{\"a\":{\"$beginsWith\":\"ba\"}}", "{\"a\":\"banana\"}", true },
    { "{\"a\":{\"$beginsWith\":\"na\"}}", "{\"a\":\"banana\"}", false },
    { "{\"type\":{\"$ne\":\"leaf\"}}", "{\"_id\":\"x\",\"type\":\"plain\"}", true },
};

static bool matches(const char *selector_text, const char *doc_text)
{
    struct arena arena = ARENA_INIT;
    const struct jval *value = NULL;
    const struct jval *doc = NULL;
    struct selector *selector = NULL;
    ck_ok(jval_parse_canonical(&value, &arena, tuf_str(selector_text)));
    ck_ok(jval_parse(&doc, &arena, tuf_str(doc_text)));
    ck_ok(selector_new(&selector, value));
    bool result = selector_matches(selector, doc);
    selector_free(&selector);
    tufi_arena_release(&arena);
    return result;
}

START_TEST(a_selector_lets_these_documents_pass)
{
    const struct match_case *c = &match_cases[_i];
    ck_assert_msg(matches(c->selector, c->doc) == c->matches, "%s on %s", c->selector, c->doc);
}
END_TEST

struct refusal {
    const char *selector;
    const char *kind;
    const char *text;
};

static const struct refusal refusals[] = {
    { "{\"a\":{\"$zzz\":0}}", "invalid_operator", "Invalid operator: $zzz" },
    { "{\"$where\":\"1\"}", "not_supported", "Unsupported operator: $where" },
    { "{\"a\":{\"$text\":\"x\"}}", "not_supported", "Unsupported operator: $text" },
    { "{\"s\":{\"$regex\":\"(\"}}", "bad_arg", "Bad argument for operator $regex: <<40>>" },
    { "{\"s\":{\"$regex\":5}}", "bad_arg", "Bad argument for operator $regex: 5" },
    { "{\"a\":{\"$in\":\"ab\"}}", "bad_arg", "Bad argument for operator $in: <<97,98>>" },
    { "{\"a\":{\"$exists\":{\"b\":[1,1.5,null]}}}", "bad_arg",
      "Bad argument for operator $exists: {[{<<98>>,[1,1.5,null]}]}" },
    { "{\"a\":{\"$size\":-1}}", "bad_arg", "Bad argument for operator $size: -1" },
    { "{\"a\":{\"$mod\":[0,1]}}", "bad_arg", "Bad argument for operator $mod: [0,1]" },
    { "{\"$and\":{}}", "bad_arg", "Bad argument for operator $and: {[]}" },
    { "{\"$not\":[]}", "bad_arg", "Bad argument for operator $not: []" },
    { "{\"a\":{\"$elemMatch\":5}}", "bad_arg", "Bad argument for operator $elemMatch: 5" },
    { "{\"$gt\":5}", "invalid_selector", "One or more conditions is missing a field name." },
    { "{\"a..b\":5}", "invalid_field_name", "Invalid field name: a..b" },
};

START_TEST(a_bad_selector_is_refused_with_the_text_clients_know)
{
    const struct refusal *c = &refusals[_i];
    struct arena arena = ARENA_INIT;
    const struct jval *value = NULL;
    struct selector *selector = NULL;
    ck_ok(jval_parse_canonical(&value, &arena, tuf_str(c->selector)));
    ck_fails(selector_new(&selector, value), TUF_E_INVALID);
    ck_assert_str_eq(tuf_last_error()->kind, c->kind);
    ck_assert_str_eq(tuf_last_error()->text, c->text);
    tufi_arena_release(&arena);
}
END_TEST

START_TEST(deep_nesting_is_refused)
{
    struct arena arena = ARENA_INIT;
    struct buf text = BUF_INIT;
    const struct jval *value = NULL;
    struct selector *selector = NULL;
    for (int i = 0; i < 300; i++)
        buf_append_str(&text, "{\"$not\":");
    buf_append_str(&text, "{\"a\":1}");
    for (int i = 0; i < 300; i++)
        buf_append_u8(&text, '}');
    ck_ok(jval_parse_canonical(&value, &arena, buf_slice(&text)));
    ck_fails(selector_new(&selector, value), TUF_E_INVALID);
    tufi_buf_release(&text);
    tufi_arena_release(&arena);
}
END_TEST

/* INV-SEL-2 */
START_TEST(an_exploding_pattern_does_not_match_and_does_not_hang)
{
    ck_assert(
        !matches("{\"a\":{\"$regex\":\"^(a+)+$\"}}",
                 "{\"a\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"}"));
}
END_TEST

struct shared {
    const struct selector *selector;
    const struct jval *doc;
    int matches;
};

static void *match_often(void *arg)
{
    struct shared *shared = arg;
    for (int i = 0; i < 2000; i++)
        shared->matches += selector_matches(shared->selector, shared->doc);
    return NULL;
}

/* INV-SEL-1, INV-JV-1: both are only read; a data race would show under ThreadSanitizer. */
START_TEST(threads_may_share_a_selector_and_a_document)
{
    struct arena arena = ARENA_INIT;
    const struct jval *value = NULL;
    const struct jval *doc = NULL;
    struct selector *selector = NULL;
    ck_ok(jval_parse_canonical(&value, &arena,
                               tuf_str("{\"a\":{\"$regex\":\"^b\"},\"b\":{\"$gt\":\"A\"}}")));
    ck_ok(jval_parse(&doc, &arena, tuf_str("{\"a\":\"ba\",\"b\":\"B\"}")));
    ck_ok(selector_new(&selector, value));
    struct shared shared[2] = { { selector, doc, 0 }, { selector, doc, 0 } };
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, match_often, &shared[i]), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_int_eq(shared[i].matches, 2000);
    }
    selector_free(&selector);
    tufi_arena_release(&arena);
}
END_TEST

struct pick {
    const char *fields;
    const char *want;
};

static const struct pick picks[] = {
    { "[]", "{\"_id\":\"x\",\"a\":{\"b\":1,\"c\":[2,3]},\"d\":null}" },
    { "[\"d\",\"_id\"]", "{\"d\":null,\"_id\":\"x\"}" },
    { "[\"a.b\",\"missing\",\"a.c\"]", "{\"a\":{\"b\":1,\"c\":[2,3]}}" },
    { "[\"a.c.1\"]", "{\"a\":{\"c\":{\"1\":3}}}" },
    { "[\"a\",\"a.b\"]", "{\"a\":{\"b\":1,\"c\":[2,3]}}" },
};

START_TEST(fields_are_picked_in_the_order_of_the_list)
{
    struct arena arena = ARENA_INIT;
    struct buf out = BUF_INIT;
    const struct jval *doc = NULL;
    const struct jval *paths = NULL;
    struct field_list fields = { 0 };
    ck_ok(jval_parse(&doc, &arena, tuf_str(picks[0].want)));
    ck_ok(jval_parse(&paths, &arena, tuf_str(picks[_i].fields)));
    ck_ok(field_list_parse(&fields, &arena, paths));
    ck_ok(field_list_write(&out, &fields, doc, &arena));
    buf_append_u8(&out, 0);
    ck_assert_str_eq((const char *)out.data, picks[_i].want);
    tufi_buf_release(&out);
    tufi_arena_release(&arena);
}
END_TEST

START_TEST(values_are_ordered_as_views_order_them)
{
    static const char *const ordered[] = { "null",      "false",     "true",     "-5",    "0",
                                           "1.5",       "2",         "\"\"",     "\"_\"", "\"1\"",
                                           "\"a\"",     "\"A\"",     "\"aa\"",   "\"b\"", "\"B\"",
                                           "[]",        "[1]",       "[1,2]",    "[2]",   "{}",
                                           "{\"a\":1}", "{\"a\":2}", "{\"b\":1}" };
    struct arena arena = ARENA_INIT;
    for (int i = 0; i < COUNT(ordered); i++) {
        for (int j = 0; j < COUNT(ordered); j++) {
            const struct jval *left = NULL;
            const struct jval *right = NULL;
            ck_ok(jval_parse(&left, &arena, tuf_str(ordered[i])));
            ck_ok(jval_parse(&right, &arena, tuf_str(ordered[j])));
            int order = collate_values(left, right);
            ck_assert_msg((order < 0) == (i < j) && (order > 0) == (i > j), "%s and %s", ordered[i],
                          ordered[j]);
        }
    }
    tufi_arena_release(&arena);
}
END_TEST

static const char *const bad_texts[] = { "",      "{",         "[1,]",        "{\"a\"}",   "01",
                                         "1.",    "1e",        "\"\\x\"",     "\"\\u12\"", "nul",
                                         "[1 2]", "\"\n\"",    "\"\\ud800\"", "\"\xff\"",  "1 2",
                                         "-",     "{\"a\":1,}" };

START_TEST(what_is_no_json_is_refused)
{
    struct arena arena = ARENA_INIT;
    const struct jval *value = NULL;
    ck_fails(jval_parse(&value, &arena, tuf_str(bad_texts[_i])), TUF_E_INVALID);
    ck_assert_ptr_null(value);
    tufi_arena_release(&arena);
}
END_TEST

START_TEST(strings_are_decoded)
{
    struct arena arena = ARENA_INIT;
    const struct jval *value = NULL;
    ck_ok(jval_parse(&value, &arena, tuf_str(" [ \"\\u00e9\\n\\ud83d\\ude00\\u0000x\" ] ")));
    ck_assert(slice_equal(value->child->text, tuf_slice_of("\xc3\xa9\n\xf0\x9f\x98\x80\0x", 9)));
    tufi_arena_release(&arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/selector");
    TCase *tc = tcase_create("selector");
    tcase_add_loop_test(tc, a_selector_lets_these_documents_pass, 0, COUNT(match_cases));
    tcase_add_loop_test(tc, a_bad_selector_is_refused_with_the_text_clients_know, 0,
                        COUNT(refusals));
    tcase_add_test(tc, deep_nesting_is_refused);
    tcase_add_test(tc, an_exploding_pattern_does_not_match_and_does_not_hang);
    tcase_add_test(tc, threads_may_share_a_selector_and_a_document);
    tcase_add_loop_test(tc, fields_are_picked_in_the_order_of_the_list, 0, COUNT(picks));
    tcase_add_test(tc, values_are_ordered_as_views_order_them);
    tcase_add_loop_test(tc, what_is_no_json_is_refused, 0, COUNT(bad_texts));
    tcase_add_test(tc, strings_are_decoded);
    suite_add_tcase(suite, tc);
    return tuft_run(suite);
}
