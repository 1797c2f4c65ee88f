/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: local documents: numbers instead of revision trees, no conflicts, no sequences.
 */
#include "tests/unit/engine/world.h"

START_TEST(the_number_that_is_given_is_trusted)
{
    static const struct {
        const char *rev; /* NULL: none */
        const char *result;
    } cases[] = {
        { NULL, "0-1" },    { NULL, "0-1" }, { "0-1", "0-2" }, { "0-1", "0-2" },
        { "0-41", "0-42" }, { NULL, "0-1" }, { "0-0", "0-1" },
    };
    struct world w;
    world_start(&w);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *rev = cases[i].rev;
        ck_text(put(&w, "{'_id':'_local/l','i':%zu%s%s%s}", i, rev ? ",'_rev':'" : "",
                    rev ? rev : "", rev ? "'" : ""),
                cases[i].result);
        ck_text(body(&w, "_local/l", NULL), text("{'i':%zu}", i));
        ck_assert_uint_eq(tuf_doc_info(w.doc)->leaf_count, 0);
        char number[TUF_REV_TEXT_SIZE];
        (void)tuf_rev_format(number, tuf_doc_rev(w.doc));
        ck_text(number, cases[i].result);
    }
    ck_assert_uint_eq(world_info(&w).update_seq, 0);
    ck_assert_uint_eq(world_info(&w).local_count, 1);
    ck_assert_uint_eq(world_info(&w).doc_count, 0);
    check_clean(&w);
    world_kill(&w);
    ck_text(body(&w, "_local/l", NULL), "{\"i\":6}");
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(a_deletion_leaves_nothing)
{
    struct world w;
    world_start(&w);
    ck_outcome(try_put(&w, "{'_id':'_local/l','_deleted':true}"), TUF_NOT_FOUND);
    (void)put(&w, "{'_id':'_local/l'}");
    ck_text(put(&w, "{'_id':'_local/l','_rev':'0-1','_deleted':true}"), "0-0");
    ck_outcome(try_doc(&w, "_local/l", NULL), TUF_NOT_FOUND);
    ck_assert_uint_eq(world_info(&w).local_count, 0);
    ck_outcome(try_put(&w, "{'_id':'_local/l','_deleted':true}"), TUF_NOT_FOUND);
    ck_text(put(&w, "{'_id':'_local/l'}"), "0-1");
    world_kill(&w);
    ck_ok(try_doc(&w, "_local/l", NULL));
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(a_revision_that_is_no_number_is_refused)
{
    static const char *const revs[] = { "0-x", "0-1x", "0-1234567890123456789" };
    struct world w;
    world_start(&w);
    for (size_t i = 0; i < 3; i++) {
        tuf_status st = try_put(&w, "{'_id':'_local/l','_rev':'%s'}", revs[i]);
        ck_assert_int_eq(st, TUF_E_INVALID);
    }
    ck_outcome(try_doc(&w, "_local/l", NULL), TUF_NOT_FOUND);
    world_end(&w);
}
END_TEST

START_TEST(attachments_are_dropped_without_a_word)
{
    struct world w;
    world_start(&w);
    (void)put(&w, "{'_id':'_local/l','x':1,'_attachments':{'a':{'data':'YQ=='}}}");
    ck_text(atts(&w, "_local/l", NULL), "");
    const tuf_rev_entry *revs;
    size_t count;
    ck_fails(tuf_doc_revisions(&revs, &count, w.doc), TUF_E_MISUSE);
    world_end(&w);
}
END_TEST

START_TEST(several_local_edits_of_one_call_are_placed_in_order)
{
    struct world w;
    world_start(&w);
    tuf_edit *edits[4] = { world_parse(0, "{'_id':'_local/l','v':1}"),
                           world_parse(0, "{'_id':'_local/l','v':2,'_rev':'0-1'}"),
                           world_parse(0, "{'_id':'_local/l','_deleted':true}"),
                           world_parse(TUF_EDIT_REPLICATED, "{'_id':'_local/l','v':3}") };
    ck_ok(tuf_db_commit(w.db, edits, 4, 0));
    for (size_t i = 0; i < 4; i++) {
        tuf_edit_result result;
        tuf_edit_get_result(&result, edits[i]);
        ck_assert_int_eq(result.status, TUF_OK);
        ck_assert(result.stored && result.seq == 0);
        tuf_edit_free(&edits[i]);
    }
    ck_text(body(&w, "_local/l", NULL), "{\"v\":3}");
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(a_local_document_is_edited_from_what_is_stored)
{
    struct world w;
    world_start(&w);
    (void)put(&w, "{'_id':'_local/l','x':1}");
    tuf_edit *edit = NULL;
    ck_ok(tuf_edit_from_doc(&edit, world_doc(&w, "_local/l", NULL)));
    tuf_edit_result result;
    ck_ok(world_commit(&w, edit, &result));
    ck_text(body(&w, "_local/l", NULL), "{\"x\":1}");
    /* Copied to an ordinary document and back. */
    ck_ok(tuf_edit_from_doc(&edit, w.doc));
    ck_ok(tuf_edit_set_id(edit, tuf_str("d")));
    ck_ok(tuf_edit_set_parent(edit, NULL));
    ck_ok(world_commit(&w, edit, &result));
    ck_text(body(&w, "d", NULL), "{\"x\":1}");
    check_clean(&w);
    world_end(&w);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("local");
    TCase *t = tcase_create("local");
    tcase_add_test(t, the_number_that_is_given_is_trusted);
    tcase_add_test(t, a_deletion_leaves_nothing);
    tcase_add_test(t, a_revision_that_is_no_number_is_refused);
    tcase_add_test(t, attachments_are_dropped_without_a_word);
    tcase_add_test(t, several_local_edits_of_one_call_are_placed_in_order);
    tcase_add_test(t, a_local_document_is_edited_from_what_is_stored);
    suite_add_tcase(s, t);
    return tuft_run(s);
}
