/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: making edits: parsing, ids, the setters, and attachments from their JSON forms to what is
 * stored.
 *
 * Not here: which edits are accepted (test_place.c); JSON itself (tests/unit/json).
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/engine/world.h"

/* ---- refusals -------------------------------------------------------------------------------- */

static const struct {
    unsigned flags;
    const char *json;
    const char *kind;
    const char *text;
} refused_cases[] = {
    { 0, "{}", "illegal_docid", "Document id must not be empty" },
    { 0, "{'_id':''}", "illegal_docid", "Document id must not be empty" },
    { 0, "{'_id':7}", "illegal_docid", "Document id must be a string" },
    { 0, "{'_id':'_x'}", "illegal_docid", "Only reserved document ids may start with underscore." },
    { 0, "{'_id':'_design/'}", "illegal_docid", "Illegal document id `_design/`" },
    { 0, "{'_id':'_local/'}", "illegal_docid", "Illegal document id `_local/`" },
    { 0, "{'_id':'d','_rev':'x'}", "bad_request", "Invalid rev format" },
    { 0, "{'_id':'d','_rev':null}", "bad_request", "Invalid rev format" },
    { 0, "{'_id':'d','_rev':'1-zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz'}", "bad_request",
      "Invalid rev format" },
    { 0, "{'_id':'d','_deleted':1}", "doc_validation", "Bad special document member: _deleted" },
    { 0, "{'_id':'d','_nope':1}", "doc_validation", "Bad special document member: _nope" },
    { 0, "{'_id':'d','_revisions':{'start':1,'ids':['b','a']}}", "doc_validation",
      "_revisions has more ids than its start allows." },
    { 0, "[]", "bad_request", "Document must be a JSON object" },
    { 0, "{'_id':'d'", "bad_request", "invalid UTF-8 JSON" },
    { TUF_EDIT_REPLICATED, "{'_id':'d'}", "bad_request",
      "When `new_edits: false`, the document needs `_rev` or `_revisions` specified" },
    { TUF_EDIT_REPLICATED, "{'_id':'d','_rev':'0-a'}", "bad_request", "Invalid rev format" },
    { 0, "{'_id':'d','_attachments':{'':{'data':''}}}", "bad_request",
      "Attachment name must not be empty" },
    { 0, "{'_id':'d','_attachments':{'_a':{'data':''}}}", "bad_request",
      "Attachment name '_a' starts with prohibited character '_'" },
    { 0, "{'_id':'d','_attachments':{'a':{'data':'?'}}}", "bad_request",
      "Invalid attachment data for a" },
};

START_TEST(malformed_documents_are_refused_with_the_usual_text)
{
    tuf_edit *edit = NULL;
    tuf_edit_options opts = TUF_EDIT_OPTIONS_INIT;
    opts.flags = refused_cases[_i].flags;
    ck_fails(tuf_edit_parse(&edit, tuf_str(text("%s", refused_cases[_i].json)), &opts),
             TUF_E_INVALID);
    ck_text(tuf_last_error()->kind, refused_cases[_i].kind);
    ck_text(tuf_last_error()->text, refused_cases[_i].text);
    ck_assert_ptr_null(edit);
}
END_TEST

START_TEST(sizes_beyond_the_given_limits_are_refused)
{
    static const struct {
        const char *json;
        uint64_t doc_size_max, att_size_max;
        const char *kind; /* NULL: accepted */
        const char *text;
    } cases[] = {
        { "{'_id':'d','a':'xxxxxxxxxx'}", 16, 0, "document_too_large", "d" },
        { "{'_id':'d','a':'xxxxxxxxxx'}", 100, 0, NULL, NULL },
        { "{'_id':'d','_attachments':{'n':{'data':'YWJjZA=='}}}", 0, 3, "attachment_too_large",
          "n" },
        { "{'_id':'d','_attachments':{'n':{'data':'YWJjZGVmZ2hpamts'}}}", 0, 3,
          "attachment_too_large", "n" },
        { "{'_id':'d','_attachments':{'n':{'data':'YWJjZA=='}}}", 0, 4, NULL, NULL },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tuf_edit *edit = NULL;
        tuf_edit_options opts = TUF_EDIT_OPTIONS_INIT;
        opts.doc_size_max = cases[i].doc_size_max;
        opts.att_size_max = cases[i].att_size_max;
        tuf_status st = tuf_edit_parse(&edit, tuf_str(text("%s", cases[i].json)), &opts);
        ck_assert_int_eq(st, cases[i].kind ? TUF_E_LIMIT : TUF_OK);
        if (cases[i].kind) {
            ck_text(tuf_last_error()->kind, cases[i].kind);
            ck_text(tuf_last_error()->text, cases[i].text);
        }
        tuf_edit_free(&edit);
    }
}
END_TEST

START_TEST(ids_have_a_longest_size_and_are_utf8)
{
    tuf_edit *edit = world_parse(0, "{'_id':'d'}");
    char *id = malloc(TUF_ID_SIZE_MAX + 1);
    memset(id, 'x', TUF_ID_SIZE_MAX + 1);
    ck_ok(tuf_edit_set_id(edit, tuf_slice_of(id, TUF_ID_SIZE_MAX)));
    ck_fails(tuf_edit_set_id(edit, tuf_slice_of(id, TUF_ID_SIZE_MAX + 1)), TUF_E_INVALID);
    ck_text(tuf_last_error()->text, "Document id is too long");
    ck_fails(tuf_edit_set_id(edit, tuf_str("\xff")), TUF_E_INVALID);
    ck_text(tuf_last_error()->text, "Document id must be valid UTF-8");
    ck_assert_uint_eq(tuf_edit_id(edit).len, TUF_ID_SIZE_MAX);
    struct world w;
    world_start(&w);
    ck_ok(world_commit(&w, edit, NULL));
    tuf_doc *doc = NULL;
    ck_ok(tuf_doc_open(&doc, world_look(&w), tuf_slice_of(id, TUF_ID_SIZE_MAX), NULL));
    tuf_doc_free(&doc);
    free(id);
    check_clean(&w);
    world_reopen(&w);
    check_clean(&w);
    world_end(&w);
}
END_TEST

/* ---- getters and setters --------------------------------------------------------------------- */

START_TEST(an_edit_shows_its_id_revision_and_deletion)
{
    tuf_edit *edit = world_parse(0, "{'_id':'d','_rev':'3-abc','_deleted':true}");
    tuf_rev rev;
    char rev_text[TUF_REV_TEXT_SIZE];
    ck_ok(tuf_edit_rev(&rev, edit));
    (void)tuf_rev_format(rev_text, rev);
    ck_text(rev_text, "3-abc");
    ck_assert(tuf_edit_deleted(edit));
    tuf_edit_set_deleted(edit, false);
    ck_assert(!tuf_edit_deleted(edit));
    ck_ok(tuf_edit_set_parent(edit, NULL));
    ck_outcome(tuf_edit_rev(&rev, edit), TUF_NOT_FOUND);
    ck_assert(tuf_edit_id(edit).len == 1 && tuf_edit_id(edit).data[0] == 'd');
    tuf_edit_free(&edit);
    ck_assert_ptr_null(edit);
    tuf_edit_free(&edit);
    edit = world_parse(TUF_EDIT_REPLICATED, "{'_id':'d','_rev':'3-abc'}");
    ck_fails(tuf_edit_set_parent(edit, NULL), TUF_E_MISUSE);
    tuf_edit_free(&edit);
}
END_TEST

START_TEST(the_options_id_overrides_the_documents)
{
    tuf_edit *edit = NULL;
    tuf_edit_options opts = TUF_EDIT_OPTIONS_INIT;
    opts.id = tuf_str("other");
    ck_ok(tuf_edit_parse(&edit, tuf_str(text("{'_id':'d'}")), &opts));
    ck_assert_int_eq(memcmp(tuf_edit_id(edit).data, "other", 5), 0);
    tuf_edit_free(&edit);
    ck_ok(tuf_edit_parse(&edit, tuf_str("{}"), &opts));
    tuf_edit_free(&edit);
}
END_TEST

START_TEST(revisions_win_over_rev_and_give_the_parent)
{
    struct world w;
    world_start(&w);
    push(&w, "{'_id':'d','_revisions':{'start':2,'ids':['b','a']},'_rev':'9-zzz'}");
    ck_text(history(&w, "d", NULL), "2-b 1-a");
    const char *rev = put(&w, "{'_id':'d','_rev':'1-nope','_revisions':{'start':2,'ids':['b']}}");
    ck_text(history(&w, "d", NULL), text("%s 2-b 1-a", rev));
    /* An empty history is as none. */
    ck_outcome(try_put(&w, "{'_id':'d','_revisions':{'start':0,'ids':[]}}"), TUF_CONFLICT);
    (void)put(&w, "{'_id':'d','_rev':'%s','_revisions':{'start':0,'ids':[]}}", rev);
    world_end(&w);
}
END_TEST

START_TEST(a_cleared_body_is_what_a_delete_request_stores)
{
    struct world w;
    world_start(&w);
    push(&w, "{'_id':'d','_rev':'1-967a00dff5e02add41819138abb3284d','x':1}");
    tuf_edit *edit = NULL;
    ck_ok(tuf_edit_from_doc(&edit, world_doc(&w, "d", NULL)));
    tuf_edit_clear_body(edit);
    tuf_edit_set_deleted(edit, true);
    ck_ok(world_commit(&w, edit, NULL));
    ck_text(leaves(&w, "d"), "2-eec205a9d413992850a6e32678485900*");
    world_end(&w);
}
END_TEST

/* ---- preparing ahead -------------------------------------------------------------------------- */

static void change_nothing(struct world *w, tuf_edit *edit)
{
    (void)w;
    (void)edit;
}

static void change_deletion(struct world *w, tuf_edit *edit)
{
    (void)w;
    tuf_edit_set_deleted(edit, true);
}

static void change_body(struct world *w, tuf_edit *edit)
{
    (void)w;
    tuf_edit_clear_body(edit);
}

static void change_parent(struct world *w, tuf_edit *edit)
{
    tuf_rev parent = tuf_doc_rev(world_doc(w, "d", NULL));
    ck_ok(tuf_edit_set_parent(edit, &parent));
}

static void change_attachments(struct world *w, tuf_edit *edit)
{
    tuf_blob *blob = world_blob(w, "text/plain", "bytes", 5);
    ck_ok(tuf_edit_put_attachment(edit, tuf_str("a"), tuf_str("text/plain"), &blob));
}

#define LONG_TEXT "'t':'again and again and again and again and again and again and again and " \
                  "again and again and again and again and again and again and again'"
#define REV_1 "1-967a00dff5e02add41819138abb3284d"

static const struct {
    unsigned flags;
    const char *before; /* stored by replication; NULL: nothing */
    const char *json;
    void (*change)(struct world *w, tuf_edit *edit);
} ahead_cases[] = {
    { 0, NULL, "{'_id':'d','x':1}", change_nothing },
    { 0, NULL, "{'_id':'d'," LONG_TEXT "}", change_nothing },
    { 0, NULL, "{'_id':'d'," LONG_TEXT "}", change_body },
    { 0, NULL, "{'_id':'d'," LONG_TEXT "}", change_attachments },
    { 0, NULL, "{'_id':'d','_attachments':{'b':{'data':'eQ=='}}," LONG_TEXT "}",
      change_attachments },
    { 0, NULL, "{'_id':'_local/d'," LONG_TEXT "}", change_nothing },
    { 0, "{'_id':'d','_rev':'" REV_1 "'}", "{'_id':'d'," LONG_TEXT "}", change_parent },
    { 0, "{'_id':'d','_rev':'" REV_1 "'}", "{'_id':'d','_rev':'" REV_1 "'," LONG_TEXT "}",
      change_deletion },
    /* Stands on the tombstone, which is only known under the lock. */
    { 0, "{'_id':'d','_rev':'" REV_1 "','_deleted':true}", "{'_id':'d'," LONG_TEXT "}",
      change_nothing },
    { TUF_EDIT_REPLICATED, NULL, "{'_id':'d','_rev':'" REV_1 "'," LONG_TEXT "}", change_nothing },
};

/* What is stored of a case: leaves, attachments and body. */
static const char *outcome_of(int pos, bool ahead)
{
    struct world w;
    world_start(&w);
    if (ahead_cases[pos].before)
        push(&w, "%s", ahead_cases[pos].before);
    tuf_edit *edit = world_parse(ahead_cases[pos].flags, "%s", ahead_cases[pos].json);
    if (ahead) {
        ck_ok(tuf_edit_prepare(edit, w.db));
        ck_ok(tuf_edit_prepare(edit, w.db));
    }
    ahead_cases[pos].change(&w, edit);
    tuf_edit_result result;
    bool local = tuf_edit_id(edit).len > 1;
    ck_ok(world_commit(&w, edit, &result));
    ck_assert(result.stored);
    const char *got = local ? body(&w, "_local/d", NULL) : leaves(&w, "d");
    char rev[TUF_REV_TEXT_SIZE];
    (void)snprintf(rev, sizeof(rev), "%.*s", (int)strcspn(got, "*"), got);
    if (!local)
        got = text("%s %s %s", got, atts(&w, "d", rev), body(&w, "d", rev));
    check_clean(&w);
    world_end(&w);
    return got;
}

START_TEST(what_was_prepared_ahead_is_stored_as_if_it_was_not)
{
    ck_text(outcome_of(_i, true), outcome_of(_i, false));
}
END_TEST

/* ---- inline attachments ---------------------------------------------------------------------- */

START_TEST(attachments_enter_the_revision_id_as_in_couchdb)
{
    struct world w;
    world_init(&w, 4096);
    world_open(&w);
    ck_text(put(&w, "{'_id':'gz','_attachments':{'foo.txt':{'content_type':'text/plain',"
                    "'data':'eA=='}}}"),
            "1-2347a5691c6299a2c88f4503ff065ca7");
    ck_text(put(&w, "{'_id':'bin','_attachments':{'foo.bin':{'data':'eA=='}}}"),
            "1-64b98c7298c0d85e3b6d221ddf69ae99");
    world_close(&w);
    w.opts.gzip_level = -1;
    world_open(&w);
    ck_text(put(&w, "{'_id':'plain','_attachments':{'foo.txt':{'content_type':'text/plain',"
                    "'data':'eA=='}}}"),
            "1-90cd32f6d9d0fb3f9759288644f03f98");
    ck_text(put(&w, "{'_id':'two','_attachments':{'a.txt':{'content_type':'text/plain','data':"
                    "'eA=='},'b.txt':{'content_type':'text/plain','data':'eQ=='}}}"),
            "1-7926ebbfb7c6b2e45bab73eb8acb1232");
    ck_text(att_text(&w, "gz", "foo.txt"), "x");
    ck_text(att_text(&w, "two", "b.txt"), "y");
    tuf_att_info info;
    ck_ok(tuf_doc_att(&info, world_doc(&w, "gz", NULL), 0));
    ck_assert(info.gzip);
    ck_assert_uint_eq(info.length, 1);
    ck_assert_uint_eq(info.encoded_length, 21);
    ck_outcome(tuf_doc_att(&info, w.doc, 1), TUF_END);
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(revpos_is_the_generation_of_the_last_change)
{
    struct world w;
    world_start(&w);
    const char *r1 =
        put(&w, "{'_id':'d','_attachments':{'a':{'data':'YQ=='},'b':{'data':'Yg=='}}}");
    ck_text(atts(&w, "d", NULL), "a:1:1 b:1:1");
    const char *r2 = put(&w,
                         "{'_id':'d','_rev':'%s','_attachments':{'a':{'stub':true},"
                         "'b':{'data':'YmI='},'c':{'data':''}}}",
                         r1);
    ck_text(atts(&w, "d", NULL), "a:1:1 b:2:2 c:2:0");
    ck_text(att_text(&w, "d", "a"), "a");
    ck_text(att_text(&w, "d", "c"), "");
    /* What is not listed is removed. */
    const char *r3 =
        put(&w, "{'_id':'d','_rev':'%s','_attachments':{'c':{'stub':true,'revpos':2}}}", r2);
    ck_text(atts(&w, "d", NULL), "c:2:0");
    const char *r4 = put(&w, "{'_id':'d','_rev':'%s'}", r3);
    ck_text(atts(&w, "d", NULL), "");
    ck_text(atts(&w, "d", r2), "a:1:1 b:2:2 c:2:0");
    ck_text(atts(&w, "d", r4), "");
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(bytes_that_the_parent_has_are_not_stored_again)
{
    struct world w;
    world_start(&w);
    char data[4001];
    for (size_t i = 0; i < 4000; i++)
        data[i] = (char)('A' + i * 7 % 23);
    data[4000] = 0;
    const char *r1 = put(&w, "{'_id':'d','_attachments':{'a':{'data':'%s'}}}", data);
    uint64_t size = world_info(&w).size_file;
    const char *r2 =
        put(&w, "{'_id':'d','_rev':'%s','_attachments':{'a':{'data':'%s'}}}", r1, data);
    ck_assert_uint_eq(world_info(&w).size_file - size, 4096);
    ck_text(atts(&w, "d", r2), "a:2:3000");
    /* Under another name they are new bytes. */
    size = world_info(&w).size_file;
    (void)put(&w, "{'_id':'d','_rev':'%s','_attachments':{'b':{'data':'%s'}}}", r2, data);
    ck_assert_uint_gt(world_info(&w).size_file, size);
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(large_inline_attachments_are_stored_in_chunks)
{
    struct world w;
    world_start(&w);
    enum { LEN = 800000 };
    char *json = malloc(LEN + 200);
    int head = snprintf(json, 200, "{\"_id\":\"d\",\"_attachments\":{\"big\":{\"data\":\"");
    for (size_t i = 0; i < LEN; i++)
        json[(size_t)head + i] = (char)('a' + rng_mix(i) % 26);
    memcpy(json + head + LEN, "\"}}}", 5);
    tuf_edit *edit = NULL;
    ck_ok(tuf_edit_parse(&edit, tuf_str(json), NULL));
    free(json);
    ck_ok(world_commit(&w, edit, NULL));
    ck_text(atts(&w, "d", NULL), "big:1:600000");
    check_clean(&w);
    world_kill(&w);
    check_clean(&w);
    world_end(&w);
}
END_TEST

/* ---- stubs ----------------------------------------------------------------------------------- */

#define STUB "'_attachments':{'a':{'stub':true}}"

static const struct {
    unsigned flags;
    const char *json; /* of the document d, or another id without a past */
    tuf_status status;
    const char *text; /* of the failure */
} stub_cases[] = {
    { 0, "{'_id':'new'," STUB "}", TUF_MISSING_STUB, "Previous revision missing for document new" },
    { 0, "{'_id':'d','_rev':'1-r'," STUB "}", TUF_OK, NULL },
    { 0, "{'_id':'d','_rev':'1-r','_attachments':{'a':{'stub':true,'revpos':1}}}", TUF_OK, NULL },
    { 0, "{'_id':'d','_rev':'1-r','_attachments':{'a':{'stub':true,'revpos':2}}}", TUF_MISSING_STUB,
      "Invalid attachment stub in d for a" },
    { 0, "{'_id':'d','_rev':'1-r','_attachments':{'z':{'stub':true}}}", TUF_MISSING_STUB,
      "Invalid attachment stub in d for z" },
    { 0, "{'_id':'d'," STUB "}", TUF_CONFLICT, NULL },
    { 0, "{'_id':'d','_rev':'1-x'," STUB "}", TUF_CONFLICT, NULL },
    { 0, "{'_id':'gone'," STUB "}", TUF_MISSING_STUB,
      "Previous revision missing for document gone" },
    { 0, "{'_id':'old','_rev':'1-r','_attachments':{'z':{'stub':true}}}", TUF_CONFLICT, NULL },
    { TUF_EDIT_REPLICATED, "{'_id':'new','_rev':'1-a'," STUB "}", TUF_MISSING_STUB,
      "Previous revision missing for document new" },
    { TUF_EDIT_REPLICATED, "{'_id':'d','_rev':'2-a'," STUB "}", TUF_MISSING_STUB,
      "Previous revision missing for document d" },
    { TUF_EDIT_REPLICATED, "{'_id':'d','_revisions':{'start':2,'ids':['a','r']}," STUB "}", TUF_OK,
      NULL },
    { TUF_EDIT_REPLICATED, "{'_id':'d','_revisions':{'start':4,'ids':['a','x','y','r']}," STUB "}",
      TUF_OK, NULL },
    { TUF_EDIT_REPLICATED,
      "{'_id':'d','_revisions':{'start':2,'ids':['a','r']},'_attachments':{'z':{'stub':true}}}",
      TUF_MISSING_STUB, "Invalid attachment stub in d for z" },
    { TUF_EDIT_REPLICATED, "{'_id':'d','_rev':'1-r'," STUB "}", TUF_OK, NULL }, /* a replay */
};

START_TEST(stubs_refer_to_the_attachments_of_the_parent)
{
    struct world w;
    world_start(&w);
    push(&w, "{'_id':'d','_rev':'1-r','_attachments':{'a':{'content_type':'x/y','data':'YQ=='}}}");
    push(&w, "{'_id':'gone','_rev':'1-r','_deleted':true}");
    push(&w, "{'_id':'old','_rev':'1-r'}");
    push(&w, "{'_id':'old','_revisions':{'start':2,'ids':['s','r']}}");
    uint64_t seq = world_info(&w).update_seq;
    tuf_status st = stub_cases[_i].flags ? try_push(&w, "%s", stub_cases[_i].json)
                                         : try_put(&w, "%s", stub_cases[_i].json);
    ck_assert_int_eq(st, stub_cases[_i].status);
    if (stub_cases[_i].text)
        ck_text(tuf_last_error()->text, stub_cases[_i].text);
    if (st != TUF_OK)
        ck_assert_uint_eq(world_info(&w).update_seq, seq);
    if (st == TUF_OK && world_info(&w).update_seq > seq) {
        ck_text(att_text(&w, "d", "a"), "a");
        tuf_att_info info;
        ck_ok(tuf_doc_att(&info, w.doc, 0));
        ck_assert_uint_eq(info.revpos, 1);
        ck_assert(info.type.len == 3 && memcmp(info.type.data, "x/y", 3) == 0);
    }
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(a_missing_stub_refuses_the_whole_call)
{
    struct world w;
    world_start(&w);
    tuf_edit *edits[2] = { world_parse(0, "{'_id':'good'}"),
                           world_parse(0, "{'_id':'bad','_attachments':{'a':{'stub':true}}}") };
    ck_outcome(tuf_db_commit(w.db, edits, 2, 0), TUF_MISSING_STUB);
    ck_outcome(try_doc(&w, "good", NULL), TUF_NOT_FOUND);
    ck_ok(tuf_db_commit(w.db, edits, 1, 0)); /* the other one is still good */
    ck_ok(try_doc(&w, "good", NULL));
    tuf_edit_free(&edits[0]);
    tuf_edit_free(&edits[1]);
    world_end(&w);
}
END_TEST

START_TEST(a_stub_may_refer_to_an_earlier_edit_of_the_same_call)
{
    static const char first[] = "{'_id':'d','_attachments':{'a':{'data':'YQ=='}}}";
    struct world probe;
    world_start(&probe);
    const char *rev = put(&probe, "%s", first);
    world_end(&probe);
    struct world w;
    world_start(&w);
    tuf_edit *edits[3] = {
        world_parse(0, "%s", first),
        world_parse(0, "{'_id':'d','_rev':'%s'," STUB "}", rev),
        world_parse(0, "{'_id':'d','_rev':'%s','_attachments':{'z':{'stub':true}}}", rev),
    };
    ck_ok(tuf_db_commit(w.db, edits, 3, 0));
    static const tuf_status want[] = { TUF_OK, TUF_OK, TUF_CONFLICT };
    for (size_t i = 0; i < 3; i++) {
        tuf_edit_result result;
        tuf_edit_get_result(&result, edits[i]);
        ck_assert_int_eq(result.status, want[i]);
        tuf_edit_free(&edits[i]);
    }
    ck_text(atts(&w, "d", NULL), "a:1:1");
    ck_text(att_text(&w, "d", "a"), "a");
    /* Late stubs that refer to nothing. */
    tuf_edit *late[2] = { world_parse(0, "{'_id':'e'}"),
                          world_parse(0, "{'_id':'e','_rev':'1-967a00dff5e02add41819138abb3284d',"
                                         "'_attachments':{'z':{'stub':true}}}") };
    ck_ok(tuf_db_commit(w.db, late, 2, 0));
    tuf_edit_result result;
    tuf_edit_get_result(&result, late[1]);
    ck_assert_int_eq(result.status, TUF_MISSING_STUB);
    tuf_edit_free(&late[0]);
    tuf_edit_free(&late[1]);
    check_clean(&w);
    world_kill(&w);
    check_clean(&w);
    world_end(&w);
}
END_TEST

/* ---- follows --------------------------------------------------------------------------------- */

static const struct {
    const char *declared; /* further members of the attachment */
    const char *bytes;
    bool gzip;
    const char *text; /* of the failure, NULL: accepted */
} follow_cases[] = {
    { "", "hello", false, NULL },
    { ",'length':5", "hello", false, NULL },
    { ",'length':5", "hell", false, "attachment shorter than expected" },
    { ",'length':5", "hello!", false, "attachment longer than expected" },
    { ",'length':5,'digest':'md5-XUFAKrxLKna5cZ2REBfFkg=='", "hello", false, NULL },
    { ",'length':5,'digest':'md5-XUFAKrxLKna5cZ2REBfFkg=='", "hellO", false,
      "Possible message corruption." },
    { ",'encoding':'gzip','encoded_length':5,'length':9", "hello", true, NULL },
    { ",'encoding':'gzip','encoded_length':5", "hello", true, NULL },
    { ",'encoding':'gzip','encoded_length':4,'length':9", "hello", true,
      "attachment longer than expected" },
};

START_TEST(bytes_that_follow_are_compared_with_what_was_declared)
{
    struct world w;
    world_start(&w);
    tuf_edit *edit = world_parse(
        0,
        "{'_id':'d','_attachments':{'i':{'data':'aQ=='},'f':{'content_type':'text/plain',"
        "'follows':true%s}}}",
        follow_cases[_i].declared);
    ck_assert_uint_eq(tuf_edit_follow_count(edit), 1);
    tuf_follow follow;
    ck_ok(tuf_edit_follow(&follow, edit, 0));
    ck_assert(follow.name.len == 1 && follow.name.data[0] == 'f');
    ck_assert_int_eq(follow.gzip, follow_cases[_i].gzip);
    ck_outcome(tuf_edit_follow(&follow, edit, 1), TUF_END);
    ck_fails(tuf_db_commit(w.db, &edit, 1, 0), TUF_E_INVALID); /* the bytes are not there yet */
    tuf_att_options opts = TUF_ATT_OPTIONS_INIT;
    opts.type = tuf_str("text/plain");
    opts.gzip = follow_cases[_i].gzip;
    tuf_att_writer *writer = NULL;
    tuf_blob *blob = NULL;
    ck_ok(tuf_att_writer_new(&writer, w.db, &opts));
    ck_ok(tuf_att_write(writer, follow_cases[_i].bytes, strlen(follow_cases[_i].bytes)));
    ck_ok(tuf_att_finish(&blob, writer));
    tuf_att_writer_free(&writer);
    ck_outcome(tuf_edit_set_follow(edit, 1, &blob), TUF_END);
    if (follow_cases[_i].text) {
        ck_fails(tuf_edit_set_follow(edit, 0, &blob), TUF_E_INVALID);
        ck_text(tuf_last_error()->text, follow_cases[_i].text);
        tuf_blob_free(&blob);
        tuf_edit_free(&edit);
    } else {
        ck_ok(tuf_edit_set_follow(edit, 0, &blob));
        ck_assert_ptr_null(blob);
        ck_ok(world_commit(&w, edit, NULL));
        ck_text(atts(&w, "d", NULL), strstr(follow_cases[_i].declared, ":9") ? "i:1:1 f:1:9" : "i:1:1 f:1:5");
        if (!follow_cases[_i].gzip)
            ck_text(att_text(&w, "d", "f"), "hello");
        check_clean(&w);
    }
    world_end(&w);
}
END_TEST

/* ---- edits of stored documents --------------------------------------------------------------- */

START_TEST(an_attachment_is_put_in_front_of_those_that_are_there)
{
    struct world w;
    world_start(&w);
    (void)put(&w, "{'_id':'d','x':1,'_attachments':{'a':{'data':'YQ=='},'b':{'data':'Yg=='}}}");
    tuf_edit *edit = NULL;
    ck_ok(tuf_edit_from_doc(&edit, world_doc(&w, "d", NULL)));
    tuf_blob *blob = world_blob(&w, "text/plain", "new", 3);
    tuf_blob_info info;
    tuf_blob_get_info(&info, blob);
    ck_assert_uint_eq(info.length, 3);
    ck_assert(info.gzip);
    ck_ok(tuf_edit_put_attachment(edit, tuf_str("b"), tuf_str("text/plain"), &blob));
    ck_assert_ptr_null(blob);
    ck_ok(world_commit(&w, edit, NULL));
    ck_text(atts(&w, "d", NULL), "b:2:3 a:1:1");
    ck_text(body(&w, "d", NULL), "{\"x\":1}");
    ck_text(att_text(&w, "d", "b"), "new");
    ck_ok(tuf_edit_from_doc(&edit, world_doc(&w, "d", NULL)));
    ck_outcome(tuf_edit_remove_attachment(edit, tuf_str("nope")), TUF_NOT_FOUND);
    ck_ok(tuf_edit_remove_attachment(edit, tuf_str("b")));
    ck_ok(world_commit(&w, edit, NULL));
    ck_text(atts(&w, "d", NULL), "a:1:1");
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(attachment_names_are_checked)
{
    static const struct {
        const char *name;
        const char *text;
    } cases[] = {
        { "", "Attachment name must not be empty" },
        { "_x", "Attachment name '_x' starts with prohibited character '_'" },
        { "\xc3\x28", "Attachment name is not UTF-8 encoded" },
    };
    struct world w;
    world_start(&w);
    tuf_edit *edit = world_parse(0, "{'_id':'d'}");
    tuf_blob *blob = world_blob(&w, "", "x", 1);
    for (size_t i = 0; i < 3; i++) {
        ck_fails(tuf_edit_put_attachment(edit, tuf_str(cases[i].name), tuf_str(""), &blob),
                 TUF_E_INVALID);
        ck_text(tuf_last_error()->text, cases[i].text);
        ck_assert_ptr_nonnull(blob);
    }
    static char long_name[9000];
    memset(long_name, 'n', sizeof(long_name));
    ck_fails(tuf_edit_put_attachment(edit, tuf_slice_of(long_name, 8193), tuf_str(""), &blob),
             TUF_E_INVALID);
    ck_fails(tuf_edit_put_attachment(edit, tuf_str("n"), tuf_slice_of(long_name, 1025), &blob),
             TUF_E_INVALID);
    ck_ok(tuf_edit_put_attachment(edit, tuf_slice_of(long_name, 8192),
                                  tuf_slice_of(long_name, 1024), &blob));
    ck_ok(world_commit(&w, edit, NULL));
    tuf_edit *local = world_parse(0, "{'_id':'_local/l'}");
    blob = world_blob(&w, "", "x", 1);
    ck_fails(tuf_edit_put_attachment(local, tuf_str("n"), tuf_str(""), &blob), TUF_E_INVALID);
    ck_text(tuf_last_error()->text, "_local documents do not accept attachments.");
    tuf_blob_free(&blob);
    tuf_edit_free(&local);
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(a_document_is_copied_with_its_attachments)
{
    struct world w;
    world_start(&w);
    (void)put(&w, "{'_id':'from','x':[1.5,{'y':null}],'_attachments':{'a':{'data':'YQ=='}}}");
    uint64_t size = world_info(&w).size_file;
    tuf_edit *edit = NULL;
    ck_ok(tuf_edit_from_doc(&edit, world_doc(&w, "from", NULL)));
    ck_ok(tuf_edit_set_id(edit, tuf_str("to")));
    ck_ok(tuf_edit_set_parent(edit, NULL));
    ck_ok(world_commit(&w, edit, NULL));
    ck_text(body(&w, "to", NULL), "{\"x\":[1.5,{\"y\":null}]}");
    ck_text(att_text(&w, "to", "a"), "a");
    ck_assert_uint_eq(world_info(&w).size_file - size, 4096);
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(replicated_attachments_keep_their_revpos)
{
    struct world w;
    world_start(&w);
    push(&w, "{'_id':'d','_revisions':{'start':3,'ids':['c','b','a']},'_attachments':{"
             "'a':{'data':'YQ==','revpos':2},'b':{'data':'Yg=='}}}");
    ck_text(atts(&w, "d", NULL), "a:2:1 b:3:1");
    /* An interactive edit sets it, whatever it says. */
    (void)put(&w, "{'_id':'d','_rev':'3-c','_attachments':{'a':{'data':'Yg==','revpos':2}}}");
    ck_text(atts(&w, "d", NULL), "a:4:1");
    world_end(&w);
}
END_TEST

/* Frames are valid at one offset only: a copy of the file inside the file confuses nobody. */
START_TEST(a_database_may_hold_a_copy_of_its_own_file)
{
    struct world w;
    world_start(&w);
    for (int i = 0; i < 20; i++)
        (void)put(&w, "{'_id':'d%d','x':%d}", i, i);
    ck_ok(tuf_db_checkpoint(w.db));
    for (int round = 0; round < 3; round++) {
        size_t len;
        const uint8_t *bytes = sim_peek(w.sim, WORLD_PATH, &len);
        uint8_t *copy = malloc(len);
        memcpy(copy, bytes, len);
        tuf_blob *blob = world_blob(&w, "application/octet-stream", copy, len);
        free(copy);
        tuf_edit *edit = world_parse(0, "{'_id':'copy%d'}", round);
        ck_ok(tuf_edit_put_attachment(edit, tuf_str("file"), tuf_str(""), &blob));
        ck_ok(world_commit(&w, edit, NULL));
        world_kill(&w);
        ck_assert_uint_eq(world_info(&w).doc_count, 21 + (uint64_t)round);
        check_clean(&w);
    }
    world_end(&w);
}
END_TEST

/* ---- across a compaction --------------------------------------------------------------------- */

static tuf_edit *edit_with_blob(struct world *w, const char *id, size_t len)
{
    uint8_t *bytes = malloc(len + 1);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)rng_mix(i);
    tuf_blob *blob = world_blob(w, "application/x", bytes, len);
    free(bytes);
    tuf_edit *edit = world_parse(0, "{'_id':'%s'}", id);
    ck_ok(tuf_edit_put_attachment(edit, tuf_str("blob"), tuf_str("application/x"), &blob));
    return edit;
}

START_TEST(attachments_written_before_a_compaction_are_taken_over)
{
    struct world w;
    world_start(&w);
    const char *rev = put(&w, "{'_id':'d','_attachments':{'a':{'data':'YWJj'}}}");
    tuf_edit *edits[5];
    edits[0] = edit_with_blob(&w, "empty", 0);
    edits[1] = edit_with_blob(&w, "one", 1000);
    edits[2] = edit_with_blob(&w, "many", 600000);
    edits[3] = edits[4] = NULL;
    ck_ok(tuf_edit_from_doc(&edits[3], world_doc(&w, "d", NULL)));
    ck_ok(tuf_edit_from_doc(&edits[4], w.doc));
    ck_ok(tuf_edit_set_id(edits[4], tuf_str("copy")));
    ck_ok(tuf_edit_set_parent(edits[4], NULL));
    ck_ok(tuf_db_compact(NULL, w.db, NULL));
    ck_ok(tuf_db_commit(w.db, edits, 5, 0));
    for (size_t i = 0; i < 5; i++) {
        tuf_edit_result result;
        tuf_edit_get_result(&result, edits[i]);
        ck_assert_int_eq(result.status, TUF_OK);
        tuf_edit_free(&edits[i]);
    }
    for (int round = 0; round < 2; round++) {
        check_clean(&w);
        ck_text(atts(&w, "empty", NULL), "blob:1:0");
        ck_text(atts(&w, "one", NULL), "blob:1:1000");
        ck_text(atts(&w, "many", NULL), "blob:1:600000");
        ck_text(att_text(&w, "d", "a"), "abc");
        ck_text(att_text(&w, "copy", "a"), "abc");
        world_kill(&w);
    }
    ck_outcome(try_doc(&w, "d", rev), TUF_OK); /* it was the leaf when the file was rewritten */
    world_end(&w);
}
END_TEST

START_TEST(a_stub_refers_to_the_new_file_after_a_compaction)
{
    struct world w;
    world_start(&w);
    const char *rev = put(&w, "{'_id':'d','_attachments':{'a':{'data':'YWJj'}}}");
    tuf_edit *edit = world_parse(0, "{'_id':'d','_rev':'%s'," STUB "}", rev);
    tuf_snapshot *old = NULL;
    ck_ok(tuf_db_snapshot(&old, w.db));
    ck_ok(tuf_db_compact(NULL, w.db, NULL));
    ck_ok(world_commit(&w, edit, NULL));
    ck_text(att_text(&w, "d", "a"), "abc");
    tuf_doc *doc = NULL;
    ck_ok(tuf_doc_open(&doc, old, tuf_str("d"), NULL)); /* the old file, still */
    ck_ok(tuf_edit_from_doc(&edit, doc));
    tuf_doc_free(&doc);
    tuf_snapshot_free(&old);
    ck_outcome(world_commit(&w, edit, NULL), TUF_CONFLICT);
    check_clean(&w);
    world_end(&w);
}
END_TEST

#define COUNT_OF(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
    Suite *s = suite_create("edit");
    TCase *making = tcase_create("making");
    tcase_add_loop_test(making, malformed_documents_are_refused_with_the_usual_text, 0,
                        COUNT_OF(refused_cases));
    tcase_add_test(making, sizes_beyond_the_given_limits_are_refused);
    tcase_add_test(making, ids_have_a_longest_size_and_are_utf8);
    tcase_add_test(making, an_edit_shows_its_id_revision_and_deletion);
    tcase_add_test(making, the_options_id_overrides_the_documents);
    tcase_add_test(making, revisions_win_over_rev_and_give_the_parent);
    tcase_add_test(making, a_cleared_body_is_what_a_delete_request_stores);
    tcase_add_loop_test(making, what_was_prepared_ahead_is_stored_as_if_it_was_not, 0,
                        COUNT_OF(ahead_cases));
    suite_add_tcase(s, making);
    TCase *attachments = tcase_create("attachments");
    tcase_add_test(attachments, attachments_enter_the_revision_id_as_in_couchdb);
    tcase_add_test(attachments, revpos_is_the_generation_of_the_last_change);
    tcase_add_test(attachments, bytes_that_the_parent_has_are_not_stored_again);
    tcase_add_test(attachments, large_inline_attachments_are_stored_in_chunks);
    tcase_add_loop_test(attachments, stubs_refer_to_the_attachments_of_the_parent, 0,
                        COUNT_OF(stub_cases));
    tcase_add_test(attachments, a_missing_stub_refuses_the_whole_call);
    tcase_add_test(attachments, a_stub_may_refer_to_an_earlier_edit_of_the_same_call);
    tcase_add_loop_test(attachments, bytes_that_follow_are_compared_with_what_was_declared, 0,
                        COUNT_OF(follow_cases));
    tcase_add_test(attachments, an_attachment_is_put_in_front_of_those_that_are_there);
    tcase_add_test(attachments, attachment_names_are_checked);
    tcase_add_test(attachments, a_document_is_copied_with_its_attachments);
    tcase_add_test(attachments, replicated_attachments_keep_their_revpos);
    tcase_add_test(attachments, a_database_may_hold_a_copy_of_its_own_file);
    tcase_add_test(attachments, attachments_written_before_a_compaction_are_taken_over);
    tcase_add_test(attachments, a_stub_refers_to_the_new_file_after_a_compaction);
    suite_add_tcase(s, attachments);
    return tuft_run(s);
}
