/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: every allocation of an edit's making, preparing and storing fails once: the call says so, and the
 * same edit made again has the same revision. Ids and histories that are none.
 */
#include <stdio.h>

#include "base/slice.h"
#include "tests/unit/engine/sweep.h"
#include "tests/unit/engine/world.h"

/* ---- edits -------------------------------------------------------------------------------------- */

struct sample {
    unsigned flags;
    const char *json;
    const char *rev; /* that it comes with; NULL: none */
    bool stubs;
};

static const struct sample samples[] = {
    { 0, "{'_id':'a','v':[1,2.5,'x',null,true,{'y':{}}]}", NULL, false },
    { 0, "{'_id':'a','_rev':'1-x','_deleted':true}", "1-x", false },
    { 0, "{'_id':'_local/a','v':1}", NULL, false },
    { 0, "{'_id':'_design/a','views':{}}", NULL, false },
    { 0, "{'_id':'a','_attachments':{'b':{'data':'aGVsbG8='},'c':{'data':'','content_type':'x/y'}}}", NULL,
      false },
    { 0, "{'_id':'a','_attachments':{'s':{'stub':true}}}", NULL, true },
    { 0, "{'_id':'a','_attachments':{'f':{'follows':true,'length':3,'content_type':'x/y'}}}", NULL, true },
    { TUF_EDIT_REPLICATED, "{'_id':'a','_rev':'1-x'}", "1-x", false },
    { TUF_EDIT_REPLICATED, "{'_id':'a','_revisions':{'start':3,'ids':['c','b','a']}}", "3-c", false },
    { TUF_EDIT_REPLICATED,
      "{'_id':'a','_rev':'2-b','_revisions':{'start':2,'ids':['b','a']},'_attachments':{'b':{'revpos':1,"
      "'data':'aGVsbG8='}}}",
      "2-b", false },
};
#define SAMPLE_COUNT ((int)(sizeof(samples) / sizeof(samples[0])))

static tuf_status parse(tuf_edit **out, const struct sample *sample)
{
    tuf_edit_options opts = TUF_EDIT_OPTIONS_INIT;
    opts.flags = sample->flags;
    return tuf_edit_parse(out, tuf_str(text("%s", sample->json)), &opts);
}

static void expect_edit(const tuf_edit *edit, const struct sample *sample)
{
    tuf_rev rev;
    char rev_text[TUF_REV_TEXT_SIZE];
    tuf_status st = tuf_edit_rev(&rev, edit);
    ck_assert_int_eq(st, sample->rev ? TUF_OK : TUF_NOT_FOUND);
    if (st == TUF_OK) {
        tuf_rev_format(rev_text, rev);
        ck_text(rev_text, sample->rev);
    }
    ck_assert(tuf_edit_has_stubs(edit) == sample->stubs);
    ck_assert(tuf_edit_deleted(edit) == (strstr(sample->json, "_deleted") != NULL));
    ck_assert_uint_eq(tuf_edit_id(edit).data[tuf_edit_id(edit).len - 1], 'a');
}

START_TEST(making_an_edit_may_fail_anywhere)
{
    const struct sample *sample = &samples[_i];
    struct world w;
    bool hit = true;
    uint64_t at;
    world_start(&w);
    for (at = 1; hit; at++) {
        tuf_edit *edit = NULL;
        sweep_begin(w.fault, SWEEP_MEMORY, at);
        tuf_status st = parse(&edit, sample);
        hit = sweep_end(w.fault);
        ck_assert(st == TUF_OK || (hit && st == TUF_E_NOMEM));
        ck_assert((edit != NULL) == (st == TUF_OK));
        if (edit)
            expect_edit(edit, sample);
        tuf_edit_free(&edit);
    }
    ck_assert_uint_gt(at, 2);
    world_end(&w);
}
END_TEST

/* Parsed, prepared and stored; the revision that comes out is always the same. */
static tuf_status store(char rev_out[TUF_REV_TEXT_SIZE], struct world *w, const struct sample *sample,
                        bool prepare)
{
    tuf_edit *edit = NULL;
    tuf_edit_result result;
    tuf_status st = parse(&edit, sample);
    if (st == TUF_OK && prepare)
        st = tuf_edit_prepare(edit, w->db);
    if (st == TUF_OK)
        st = tuf_db_commit(w->db, &edit, 1, 0);
    if (st == TUF_OK) {
        tuf_edit_get_result(&result, edit);
        st = result.status;
        tuf_rev_format(rev_out, result.rev);
    }
    tuf_edit_free(&edit);
    return st;
}

START_TEST(storing_an_edit_may_fail_anywhere)
{
    static const int which[] = { 0, 3, 4, 8, 9 };
    const struct sample *sample = &samples[which[_i / 2]];
    char want[TUF_REV_TEXT_SIZE] = "", got[TUF_REV_TEXT_SIZE];
    bool hit = true;
    for (uint64_t at = 0; hit || at < 2; at++) { /* 0: nothing fails */
        struct world w;
        world_start(&w);
        sweep_begin(w.fault, SWEEP_MEMORY, at);
        tuf_status st = store(got, &w, sample, _i % 2);
        hit = sweep_end(w.fault);
        if (at == 0) {
            ck_ok(st);
            memcpy(want, got, sizeof(want));
        }
        ck_assert_msg(st == TUF_OK || st == TUF_E_NOMEM, "%llu: %s", (unsigned long long)at,
                      tuf_status_name(st));
        if (st != TUF_OK) {
            ck_assert_uint_eq(world_info(&w).doc_count, 0);
            ck_ok(store(got, &w, sample, _i % 2));
        }
        ck_text(got, want);
        ck_assert_uint_eq(world_info(&w).doc_count, 1);
        check_clean(&w);
        world_end(&w);
    }
}
END_TEST

START_TEST(copying_a_document_may_fail_anywhere)
{
    struct world w;
    bool hit = true;
    world_start(&w);
    put(&w, "{'_id':'a','v':1,'_attachments':{'b':{'data':'aGVsbG8='},'c':{'data':'aGVsbG8='}}}");
    const tuf_doc *doc = world_doc(&w, "a", NULL);
    for (uint64_t at = 1; hit; at++) {
        tuf_edit *edit = NULL;
        sweep_begin(w.fault, SWEEP_MEMORY, at);
        tuf_status st = tuf_edit_from_doc(&edit, doc);
        hit = sweep_end(w.fault);
        ck_assert(st == TUF_OK || (hit && st == TUF_E_NOMEM));
        ck_assert((edit != NULL) == (st == TUF_OK));
        tuf_edit_free(&edit);
    }
    world_end(&w);
}
END_TEST

/* ---- what is refused ---------------------------------------------------------------------------- */

START_TEST(ids_that_are_none)
{
    static const char *const bad[] = { "", "_", "_x", "_design", "_design/", "_local", "_local/", "_localx",
                                       "\xff" };
    static const char *const good[] = { "x", "x_", "_design/x", "_local/x", "design/" };
    tuf_edit *edit = world_parse(0, "{'_id':'first'}");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_fails(tuf_edit_set_id(edit, tuf_str(bad[i])), TUF_E_INVALID);
        ck_assert(slice_equal(tuf_edit_id(edit), tuf_str("first")));
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_ok(tuf_edit_set_id(edit, tuf_str(good[i])));
        ck_assert(slice_equal(tuf_edit_id(edit), tuf_str(good[i])));
    }
    tuf_edit_free(&edit);
}
END_TEST

START_TEST(histories_that_are_none)
{
    static const char *const bad[] = {
        "{'_id':'a'}",
        "{'_id':'a','_revisions':{'start':0,'ids':[]}}",
        "{'_id':'a','_revisions':{'start':0,'ids':['x']}}",
        "{'_id':'a','_revisions':{'start':3,'ids':[]}}",
        "{'_id':'a','_revisions':{'start':1,'ids':['b','a']}}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const struct sample sample = { TUF_EDIT_REPLICATED, bad[i], NULL, false };
        tuf_edit *edit = NULL;
        ck_fails(parse(&edit, &sample), TUF_E_INVALID);
        ck_assert_ptr_null(edit);
    }
    /* An empty one beside a revision is as none. */
    const struct sample both = { TUF_EDIT_REPLICATED,
                                 "{'_id':'a','_rev':'4-d','_revisions':{'start':0,'ids':[]}}", "4-d",
                                 false };
    tuf_edit *edit = NULL;
    ck_ok(parse(&edit, &both));
    expect_edit(edit, &both);
    tuf_edit_free(&edit);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("edit_faults");
    TCase *tc = tcase_create("edit_faults");
    tcase_add_loop_test(tc, making_an_edit_may_fail_anywhere, 0, SAMPLE_COUNT);
    tcase_add_loop_test(tc, storing_an_edit_may_fail_anywhere, 0, 10);
    tcase_add_test(tc, copying_a_document_may_fail_anywhere);
    tcase_add_test(tc, ids_that_are_none);
    tcase_add_test(tc, histories_that_are_none);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    return tuft_run(suite);
}
