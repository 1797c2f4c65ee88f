/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test replicator/checkpoint.c: ids and the comparison of two logs.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/hex.h"
#include "replicator/checkpoint.h"
#include "replicator/selector_normal.h"
#include "tests/lib/test.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static json_t *json_of(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    ck_assert_msg(value != NULL, "%s", text);
    return value;
}

/* ---- comparison -------------------------------------------------------------------------- */

struct pair {
    const char *source, *target;
    const char *seq; /* where to go on, as JSON */
};

static const struct pair pairs[] = {
    { "{}", "{}", "0" },
    /* The same last session. */
    { "{\"session_id\":\"a\",\"source_last_seq\":\"7-x\",\"history\":[]}",
      "{\"session_id\":\"a\",\"source_last_seq\":\"9-x\"}", "\"7-x\"" },
    { "{\"session_id\":\"a\"}", "{\"session_id\":\"a\"}", "0" },
    /* The source was ahead when the target died. */
    { "{\"session_id\":\"c\",\"source_last_seq\":9,\"history\":["
      "{\"session_id\":\"c\",\"recorded_seq\":9},{\"session_id\":\"b\",\"recorded_seq\":5}]}",
      "{\"session_id\":\"b\",\"source_last_seq\":5,\"history\":["
      "{\"session_id\":\"b\",\"recorded_seq\":5}]}", "5" },
    /* And the other way round. */
    { "{\"session_id\":\"b\",\"history\":[{\"session_id\":\"b\",\"recorded_seq\":5}]}",
      "{\"session_id\":\"c\",\"history\":[{\"session_id\":\"c\",\"recorded_seq\":9},"
      "{\"session_id\":\"b\",\"recorded_seq\":4}]}", "5" },
    /* The newest that both have counts. */
    { "{\"session_id\":\"d\",\"history\":[{\"session_id\":\"d\",\"recorded_seq\":9},"
      "{\"session_id\":\"b\",\"recorded_seq\":5},{\"session_id\":\"a\",\"recorded_seq\":2}]}",
      "{\"session_id\":\"e\",\"history\":[{\"session_id\":\"e\",\"recorded_seq\":8},"
      "{\"session_id\":\"b\",\"recorded_seq\":5},{\"session_id\":\"a\",\"recorded_seq\":2}]}", "5" },
    /* Nothing in common. */
    { "{\"session_id\":\"a\",\"source_last_seq\":9,\"history\":[{\"session_id\":\"a\"}]}",
      "{\"session_id\":\"b\",\"history\":[{\"session_id\":\"b\",\"recorded_seq\":3}]}", "0" },
    /* Nonsense is no checkpoint. */
    { "{\"session_id\":5,\"source_last_seq\":9,\"history\":[1,null,{}]}",
      "{\"session_id\":5,\"history\":{\"a\":1}}", "0" },
    { "{\"history\":[{\"recorded_seq\":9}]}", "{\"history\":[{\"recorded_seq\":9}]}", "0" },
};

START_TEST(logs_meet_at_the_newest_common_session)
{
    json_t *source = json_of(pairs[_i].source), *target = json_of(pairs[_i].target);
    json_t *want = json_of(pairs[_i].seq), *got = repl_compare_logs(source, target);
    ck_assert_msg(json_equal(want, got), "case %d", _i);
    json_decref(source);
    json_decref(target);
    json_decref(want);
    json_decref(got);
}
END_TEST

START_TEST(no_log_begins_at_zero)
{
    json_t *got = repl_compare_logs(NULL, NULL);
    ck_assert(json_is_integer(got) && json_integer_value(got) == 0);
    json_decref(got);
}
END_TEST

/* INV-RPC-2 */
START_TEST(history_keeps_the_newest_fifty)
{
    json_t *history = NULL;
    for (int i = 0; i < 200; i++) {
        char name[16];
        /* Each session writes twice: its second entry replaces the first. */
        (void)snprintf(name, sizeof(name), "s%d", i / 2);
        json_t *entry = json_pack("{s:s,s:i}", "session_id", name, "recorded_seq", i);
        json_t *more = repl_extend_history(entry, history);
        json_decref(entry);
        json_decref(history);
        history = more;
        ck_assert(json_array_size(history) <= REPL_HISTORY_MAX);
    }
    ck_assert_uint_eq(json_array_size(history), REPL_HISTORY_MAX);
    for (int i = 0; i < REPL_HISTORY_MAX; i++) {
        json_t *entry = json_array_get(history, (size_t)i);
        ck_assert_int_eq(json_integer_value(json_object_get(entry, "recorded_seq")), 199 - 2 * i);
    }
    json_decref(history);
}
END_TEST

/* ---- ids --------------------------------------------------------------------------------- */

static void id_of(char out[REPL_ID_SIZE], const char *request, const char *uuid)
{
    struct repl_options opts;
    json_t *body = json_of(request);
    ck_ok(repl_options_parse(&opts, body));
    ck_ok(repl_make_id(out, &opts, uuid));
    ck_assert_uint_eq(strlen(out), REPL_ID_SIZE - 1);
    repl_options_release(&opts);
    json_decref(body);
}

#define PLAIN "{\"source\":\"http://joe:one@a/x\",\"target\":\"http://b/y\"}"

/* INV-RPC-1 */
static const char *const same[][2] = {
    { PLAIN, PLAIN },
    { PLAIN, "{\"source\":\"http://joe:two@a/x/\",\"target\":\"http://b/y\"}" },
    { PLAIN, "{\"source\":{\"url\":\"http://a:5984/x\",\"headers\":{\"Authorization\":"
             "\"Basic am9lOng=\"}},\"target\":\"http://b/y\"}" },
    { PLAIN, "{\"source\":{\"url\":\"http://a/x\",\"auth\":{\"basic\":{\"username\":\"joe\","
             "\"password\":\"z\"}}},\"target\":\"http://b/y\"}" },
    { PLAIN, "{\"source\":\"http://joe:one@a/x\",\"target\":\"http://b/y\",\"continuous\":true,"
             "\"create_target\":true,\"worker_batch_size\":7,\"checkpoint_interval\":1}" },
    { "{\"source\":\"http://a/x\",\"target\":\"http://b/y\",\"doc_ids\":[\"b\",\"a\",\"b\"]}",
      "{\"source\":\"http://a/x\",\"target\":\"http://b/y\",\"doc_ids\":[\"a\",\"b\"]}" },
    { "{\"source\":\"http://a/x\",\"target\":\"http://b/y\",\"selector\":{\"c\":{\"$eq\":{\"a\":1,\"b\":2}}}}",
      "{\"source\":\"http://a/x\",\"target\":\"http://b/y\",\"selector\":{\"c\":{\"$eq\":{\"b\":2,\"a\":1}}}}" },
};

START_TEST(the_same_job_has_the_same_id)
{
    char a[REPL_ID_SIZE], b[REPL_ID_SIZE];
    id_of(a, same[_i][0], "u");
    id_of(b, same[_i][1], "u");
    ck_assert_str_eq(a, b);
}
END_TEST

static const char *const other[] = {
    "{\"source\":\"http://ann:one@a/x\",\"target\":\"http://b/y\"}",
    "{\"source\":\"http://joe:one@a/z\",\"target\":\"http://b/y\"}",
    "{\"source\":\"http://joe:one@a:81/x\",\"target\":\"http://b/y\"}",
    "{\"source\":\"https://joe:one@a:444/x\",\"target\":\"http://b/y\"}",
    "{\"source\":{\"url\":\"http://joe:one@a/x\",\"headers\":{\"X\":\"y\"}},"
    "\"target\":\"http://b/y\"}",
    "{\"source\":\"http://joe:one@a/x\",\"target\":\"http://b/z\"}",
    "{\"source\":\"http://joe:one@a/x\",\"target\":\"http://b/y\",\"doc_ids\":[]}",
    "{\"source\":\"http://joe:one@a/x\",\"target\":\"http://b/y\",\"selector\":{}}",
    "{\"source\":\"http://joe:one@a/x\",\"target\":\"http://b/y\",\"filter\":\"d/f\"}",
    "{\"source\":\"http://joe:one@a/x\",\"target\":\"http://b/y\",\"winning_revs_only\":true}",
    "{\"source\":\"http://joe:one@a/x\",\"target\":\"http://b/y\",\"since_seq\":3}",
};

START_TEST(another_job_has_another_id)
{
    char a[REPL_ID_SIZE], b[REPL_ID_SIZE];
    id_of(a, PLAIN, "u");
    id_of(b, other[_i], "u");
    ck_assert_str_ne(a, b);
    id_of(b, PLAIN, "another server");
    ck_assert_str_ne(a, b);
}
END_TEST

/* INV-RPC-3: ids that a CouchDB 3.5.0 with this uuid gave to these jobs. */
static const struct {
    const char *request;
    const char *id;
} couchdbs[] = {
    { "{\"source\":\"http://admin:secret@127.0.0.1:15984/o_rs\","
      "\"target\":\"http://admin:secret@127.0.0.1:15984/o_rt\",\"continuous\":true}",
      "b385d0de2f2fb0ee4a9977b6d89f86bb" },
    { "{\"source\":\"http://admin:secret@127.0.0.1:15984/o_nosuch/\","
      "\"target\":\"http://admin:secret@127.0.0.1:15984/o_rt\"}",
      "710a6590fcee628361623d6b1a091c5a" },
};

START_TEST(ids_are_couchdbs)
{
    char id[REPL_ID_SIZE];
    id_of(id, couchdbs[_i].request, "302e63882fa0dc23879c16a1cb3c040b");
    ck_assert_str_eq(id, couchdbs[_i].id);
}
END_TEST

/* Selectors and what mango_selector:normalize and the sorting of keys make of them. */
static const struct {
    const char *selector;
    const char *normal; /* NULL: refused */
} selectors[] = {
    { "{}", "{}" },
    { "{\"a\":1}", "{\"a\":{\"$eq\":1}}" },
    { "{\"b\":2,\"a\":{\"$gt\":1}}", "{\"$and\":[{\"b\":{\"$eq\":2}},{\"a\":{\"$gt\":1}}]}" },
    { "{\"a\":{\"b\":{\"$lt\":9,\"$gt\":5}}}",
      "{\"$and\":[{\"a.b\":{\"$lt\":9}},{\"a.b\":{\"$gt\":5}}]}" },
    { "{\"a\":{}}", "{\"a\":{\"$eq\":{}}}" },
    { "{\"a\":{\"$eq\":{\"z\":1,\"b\":[{\"y\":1,\"x\":2}]}}}",
      "{\"a\":{\"$eq\":{\"b\":[{\"x\":2,\"y\":1}],\"z\":1}}}" },
    { "{\"$not\":{\"a\":{\"$gt\":10}}}", "{\"a\":{\"$lte\":10}}" },
    { "{\"$not\":{\"$and\":[{\"a\":{\"$gt\":10}},{\"b\":{\"$in\":[1]}}]}}",
      "{\"$or\":[{\"a\":{\"$lte\":10}},{\"b\":{\"$nin\":[1]}}]}" },
    { "{\"$nor\":[{\"a\":1},{\"b\":{\"$exists\":true}}]}",
      "{\"$and\":[{\"a\":{\"$ne\":1}},{\"b\":{\"$exists\":false}}]}" },
    { "{\"$not\":{\"$nor\":[{\"a\":1}]}}", "{\"$or\":[{\"a\":{\"$eq\":1}}]}" },
    { "{\"$not\":{\"$not\":{\"a\":1}}}", "{\"a\":{\"$eq\":1}}" },
    { "{\"a\":{\"$not\":{\"$regex\":\"x\"}}}", "{\"a\":{\"$not\":{\"$regex\":\"x\"}}}" },
    { "{\"a\":{\"$elemMatch\":{\"$gte\":80,\"$lt\":85}}}",
      "{\"a\":{\"$elemMatch\":{\"$and\":[{\"\":{\"$gte\":80}},{\"\":{\"$lt\":85}}]}}}" },
    { "{\"a\":{\"$allMatch\":{\"b\":1}}}", "{\"a\":{\"$allMatch\":{\"b\":{\"$eq\":1}}}}" },
    { "{\"$text\":\"x\"}", "{\"$default\":{\"$text\":\"x\"}}" },
    { "{\"a\":{\"$what\":1}}", NULL },
    { "{\"$and\":{}}", NULL },
    { "{\"$gt\":1}", NULL },
    { "{\"$not\":1}", NULL },
    { "{\"a\":{\"$text\":\"x\"}}", NULL },
};

START_TEST(selectors_get_couchdbs_form)
{
    json_t *selector = json_of(selectors[_i].selector);
    json_t *normal = repl_selector_normal(selector);
    char *text = normal != NULL ? json_dumps(normal, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    if (selectors[_i].normal == NULL)
        ck_assert_msg(text == NULL, "%s", text);
    else
        ck_assert_str_eq(text, selectors[_i].normal);
    free(text);
    json_decref(normal);
    json_decref(selector);
}
END_TEST

/* The terms were written by hand after the external term format, and hashed with another program. */
static const struct {
    const char *more;
    bool characters;
    const char *term; /* behind the two endpoints, in hexadecimal, and before the end of the list */
    unsigned count;
} terms[] = {
    { ",\"winning_revs_only\":true", false, "6d0000001177696e6e696e675f726576735f6f6e6c79", 1 },
    { ",\"winning_revs_only\":true", true, "6b001177696e6e696e675f726576735f6f6e6c79", 1 },
    { ",\"since_seq\":\"5-x\"", false, "6d00000003352d78", 1 },
    { ",\"since_seq\":7", false, "6107", 1 },
    { ",\"doc_ids\":[\"b%20c\",\"a+b\",\"b c\"]", false,
      "6c000000026d00000003612062" "6d00000003622063" "6a", 1 },
    /* {[{<<"a">>,{[{<<"$eq">>,1}]}}]} */
    { ",\"selector\":{\"a\":1}", false,
      "68016c0000000168026d0000000161" "68016c0000000168026d000000032465716101" "6a6a", 1 },
};

static void add_hex(struct buf *out, const char *text)
{
    for (; text[0] != 0; text += 2) {
        uint8_t byte;
        ck_assert(tufi_hex_decode(&byte, text, 2));
        buf_append_u8(out, byte);
    }
}

/* {remote,undefined,"a",default,"/x/",[{"X","y"}],undefined} and the same of b, without headers */
#define TERM_A "680764000672656d6f7465640009756e646566696e65646b00016164000764656661756c746b00032f782f" \
    "6c0000000168026b0001586b0001796a640009756e646566696e6564"
#define TERM_B "680764000672656d6f7465640009756e646566696e65646b00016261516b00032f792f" \
    "6a640009756e646566696e6564"

START_TEST(ids_are_of_the_terms_that_couchdb_makes)
{
    TUF_AUTO(tufi_buf_release) struct buf term = BUF_INIT;
    struct repl_options opts;
    char text[500], id[REPL_ID_SIZE], want[REPL_ID_SIZE] = "";
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    (void)snprintf(text, sizeof(text), "{\"source\":{\"url\":\"http://a/x\",\"headers\":{\"X\":\"y\"}},"
                   "\"target\":\"http://b:81/y/\"%s}", terms[_i].more);
    json_t *body = json_of(text);
    ck_ok(repl_options_parse(&opts, body));
    ck_ok(repl_make_id_of_filter(id, &opts, "u", NULL, terms[_i].characters));
    add_hex(&term, "836c000000");
    buf_append_u8(&term, (uint8_t)(3 + terms[_i].count));
    add_hex(&term, "6d0000000175" TERM_A TERM_B);
    add_hex(&term, terms[_i].term);
    add_hex(&term, "6a");
    ck_assert_int_eq(EVP_Digest(term.data, term.len, digest, &len, EVP_md5(), NULL), 1);
    tufi_hex_encode(want, digest, len);
    ck_assert_str_eq(id, want);
    repl_options_release(&opts);
    json_decref(body);
}
END_TEST

START_TEST(a_filter_counts_by_its_text)
{
    char by_name[REPL_ID_SIZE], by_code[REPL_ID_SIZE], by_other[REPL_ID_SIZE];
    struct repl_options opts;
    json_t *body = json_of("{\"source\":\"http://a/x\",\"target\":\"http://b/y\","
                           "\"filter\":\"d/f\"}");
    ck_ok(repl_options_parse(&opts, body));
    ck_ok(repl_make_id(by_name, &opts, "u"));
    ck_ok(repl_make_id_of_filter(by_code, &opts, "u", "function (doc) { return true }", false));
    ck_ok(repl_make_id_of_filter(by_other, &opts, "u", "function (doc) { return false }", false));
    ck_assert_str_ne(by_name, by_code);
    ck_assert_str_ne(by_code, by_other);
    repl_options_release(&opts);
    json_decref(body);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("checkpoint");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, logs_meet_at_the_newest_common_session, 0, COUNT(pairs));
    tcase_add_test(tcase, no_log_begins_at_zero);
    tcase_add_test(tcase, history_keeps_the_newest_fifty);
    tcase_add_loop_test(tcase, the_same_job_has_the_same_id, 0, COUNT(same));
    tcase_add_loop_test(tcase, another_job_has_another_id, 0, COUNT(other));
    tcase_add_loop_test(tcase, ids_are_couchdbs, 0, COUNT(couchdbs));
    tcase_add_loop_test(tcase, selectors_get_couchdbs_form, 0, COUNT(selectors));
    tcase_add_loop_test(tcase, ids_are_of_the_terms_that_couchdb_makes, 0, COUNT(terms));
    tcase_add_test(tcase, a_filter_counts_by_its_text);
    suite_add_tcase(suite, tcase);
    return tuft_run(suite);
}
