/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: which edits are accepted, what they do to the revision tree, and who wins.
 *
 * Not here: texts and attachments of edits (test_edit.c); the tree alone (test_revtree.c).
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/engine/world.h"

/* ---- revision ids ---------------------------------------------------------------------------- */

START_TEST(revisions_are_those_that_couchdb_computes)
{
    struct world w;
    world_start(&w);
    ck_text(put(&w, "{'_id':'d'}"), "1-967a00dff5e02add41819138abb3284d");
    ck_text(put(&w, "{'_id':'d','_rev':'1-967a00dff5e02add41819138abb3284d','_deleted':true}"),
            "2-eec205a9d413992850a6e32678485900");
    ck_text(put(&w, "{'_id':'d'}"), "3-5570e8bbb34412db757c2df4bfa1099b");
    ck_text(put(&w, "{'_id':'e'}"), "1-967a00dff5e02add41819138abb3284d");
    ck_text(put(&w, "{'_id':'e','_rev':'1-967a00dff5e02add41819138abb3284d'}"),
            "2-7051cbe5c8faecd085a3fa619e6e6337");
    ck_text(put(&w, "{'_id':'v','val':'r0'}"), "1-47f3268e7546965196b57572099f4372");
    ck_text(put(&w, "{'_id':'v','_rev':'1-47f3268e7546965196b57572099f4372','val':'gone',"
                    "'_deleted':true}"),
            "2-edffa07a2a6f32407e12766397829e90");
    ck_text(put(&w, "{'_id':'a','a':1}"), "1-23202479633c2b380f79507a776743d5");
    ck_text(body(&w, "v", "2-edffa07a2a6f32407e12766397829e90"), "{\"val\":\"gone\"}");
    check_clean(&w);
    world_end(&w);
}
END_TEST

/* ---- interactive edits ----------------------------------------------------------------------- */

enum state_of_doc { NO_DOC, LIVE, LIVE_SECOND, CONFLICT, DELETED, HALF_DELETED };

/* LIVE: 1-a. LIVE_SECOND: 1-a 2-b. CONFLICT: 2-b and 2-c on 1-a. DELETED: 1-a, 2-b deleted.
 * HALF_DELETED: 2-b live, 2-c deleted. */
static void make_state(struct world *w, enum state_of_doc state)
{
    if (state == NO_DOC)
        return;
    push(w, "{'_id':'d','_rev':'1-a','v':1}");
    if (state == LIVE)
        return;
    push(w, "{'_id':'d','_revisions':{'start':2,'ids':['b','a']},'_deleted':%s}",
         state == DELETED ? "true" : "false");
    if (state == CONFLICT || state == HALF_DELETED)
        push(w, "{'_id':'d','_revisions':{'start':2,'ids':['c','a']},'_deleted':%s}",
             state == HALF_DELETED ? "true" : "false");
}

static const struct {
    enum state_of_doc state;
    const char *rev; /* NULL: none given */
    bool deleted;
    tuf_status status;
    unsigned gen; /* of the new revision, if OK */
} interactive_cases[] = {
    { NO_DOC, NULL, false, TUF_OK, 1 },
    { NO_DOC, NULL, true, TUF_OK, 1 },
    { NO_DOC, "1-a", false, TUF_CONFLICT, 0 },
    { NO_DOC, "1-a", true, TUF_CONFLICT, 0 },
    { LIVE, NULL, false, TUF_CONFLICT, 0 },
    { LIVE, NULL, true, TUF_CONFLICT, 0 },
    { LIVE, "1-a", false, TUF_OK, 2 },
    { LIVE, "1-a", true, TUF_OK, 2 },
    { LIVE, "1-b", false, TUF_CONFLICT, 0 },
    { LIVE, "2-a", false, TUF_CONFLICT, 0 },
    { LIVE_SECOND, "1-a", false, TUF_CONFLICT, 0 },
    { LIVE_SECOND, "1-a", true, TUF_CONFLICT, 0 },
    { LIVE_SECOND, "2-b", false, TUF_OK, 3 },
    { CONFLICT, "2-b", false, TUF_OK, 3 },
    { CONFLICT, "2-c", false, TUF_OK, 3 },
    { CONFLICT, "2-c", true, TUF_OK, 3 },
    { CONFLICT, "1-a", false, TUF_CONFLICT, 0 },
    { CONFLICT, NULL, false, TUF_CONFLICT, 0 },
    { DELETED, NULL, false, TUF_OK, 3 },
    { DELETED, NULL, true, TUF_CONFLICT, 0 },
    { DELETED, "2-b", false, TUF_CONFLICT, 0 },
    { DELETED, "2-b", true, TUF_CONFLICT, 0 },
    { DELETED, "1-a", false, TUF_CONFLICT, 0 },
    { HALF_DELETED, "2-b", false, TUF_OK, 3 },
    { HALF_DELETED, "2-c", false, TUF_OK, 3 },
    { HALF_DELETED, "2-c", true, TUF_OK, 3 },
    { HALF_DELETED, NULL, false, TUF_CONFLICT, 0 },
};

START_TEST(interactive_edits_are_accepted_on_leaves_only)
{
    struct world w;
    world_start(&w);
    make_state(&w, interactive_cases[_i].state);
    uint64_t seq = world_info(&w).update_seq;
    const char *before = leaves(&w, "d");
    const char *rev = interactive_cases[_i].rev;
    tuf_edit_result result;
    tuf_edit *edit = world_parse(0, "{'_id':'d','new':1,'_deleted':%s%s%s%s}",
                                 interactive_cases[_i].deleted ? "true" : "false",
                                 rev ? ",'_rev':'" : "", rev ? rev : "", rev ? "'" : "");
    ck_assert_int_eq(world_commit(&w, edit, &result), interactive_cases[_i].status);
    bool ok = interactive_cases[_i].status == TUF_OK;
    ck_assert_int_eq(result.stored, ok);
    ck_assert_uint_eq(result.seq, ok ? seq + 1 : 0);
    ck_assert_uint_eq(world_info(&w).update_seq, ok ? seq + 1 : seq);
    if (!ok)
        ck_text(leaves(&w, "d"), before);
    check_clean(&w);
    const char *after = leaves(&w, "d");
    if (ok) {
        char mark[16];
        snprintf(mark, sizeof(mark), "%u-", interactive_cases[_i].gen);
        ck_assert_ptr_nonnull(strstr(after, mark));
    }
    world_kill(&w);
    ck_text(leaves(&w, "d"), after);
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(a_recreated_document_continues_the_winning_tombstone)
{
    struct world w;
    world_start(&w);
    push(&w, "{'_id':'d','_revisions':{'start':2,'ids':['b','a']},'_deleted':true}");
    push(&w, "{'_id':'d','_revisions':{'start':3,'ids':['d','c','a']},'_deleted':true}");
    const char *rev = put(&w, "{'_id':'d','again':true}");
    ck_text(history(&w, "d", rev), text("%s 3-d 2-c 1-a", rev));
    ck_text(leaves(&w, "d"), text("%s 2-b*", rev));
    ck_assert_uint_eq(world_info(&w).doc_count, 1);
    ck_assert_uint_eq(world_info(&w).doc_del_count, 0);
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(a_deletion_of_a_document_is_counted_and_answered)
{
    struct world w;
    world_start(&w);
    const char *first = put(&w, "{'_id':'d','x':1}");
    const char *second = put(&w, "{'_id':'d','_rev':'%s','_deleted':true}", first);
    ck_outcome(try_doc(&w, "d", NULL), TUF_DELETED);
    ck_text(body(&w, "d", second), "{}");
    ck_assert(tuf_doc_deleted(w.doc));
    ck_text(body(&w, "d", first), "{\"x\":1}");
    ck_assert(!tuf_doc_deleted(w.doc));
    ck_assert_uint_eq(world_info(&w).doc_count, 0);
    ck_assert_uint_eq(world_info(&w).doc_del_count, 1);
    world_end(&w);
}
END_TEST

START_TEST(edits_of_one_id_in_one_call_are_placed_in_order)
{
    struct world w;
    world_start(&w);
    tuf_edit *edits[4];
    edits[0] = world_parse(0, "{'_id':'d','v':1}");
    edits[1] = world_parse(0, "{'_id':'d','v':2}");
    edits[2] = world_parse(0, "{'_id':'e','v':1}");
    edits[3] =
        world_parse(0, "{'_id':'d','v':3,'_rev':'1-%s'}", "0d8ea4ef9dc2ddcf3abc2b9bb5c5b1dd");
    ck_ok(tuf_db_commit(w.db, edits, 4, 0));
    static const tuf_status want[] = { TUF_OK, TUF_CONFLICT, TUF_OK, TUF_CONFLICT };
    for (size_t i = 0; i < 4; i++) {
        tuf_edit_result result;
        tuf_edit_get_result(&result, edits[i]);
        ck_assert_int_eq(result.status, want[i]);
        tuf_edit_free(&edits[i]);
    }
    ck_assert_uint_eq(world_info(&w).update_seq, 2);
    ck_assert_uint_eq(world_info(&w).commit_count, 1);
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(a_later_edit_of_a_call_may_build_on_an_earlier_one)
{
    struct world w;
    world_start(&w);
    tuf_edit *edits[2];
    edits[0] = world_parse(0, "{'_id':'d'}");
    edits[1] = world_parse(0, "{'_id':'d','_rev':'1-967a00dff5e02add41819138abb3284d'}");
    ck_ok(tuf_db_commit(w.db, edits, 2, 0));
    for (size_t i = 0; i < 2; i++) {
        tuf_edit_result result;
        tuf_edit_get_result(&result, edits[i]);
        ck_assert_int_eq(result.status, TUF_OK);
        tuf_edit_free(&edits[i]);
    }
    ck_text(history(&w, "d", NULL),
            "2-7051cbe5c8faecd085a3fa619e6e6337 1-967a00dff5e02add41819138abb3284d");
    ck_assert_uint_eq(world_info(&w).update_seq, 2);
    check_clean(&w);
    world_kill(&w);
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(an_edit_that_conflicts_can_be_committed_again_with_another_parent)
{
    struct world w;
    world_start(&w);
    push(&w, "{'_id':'d','_rev':'1-a'}");
    tuf_edit *edit = world_parse(0, "{'_id':'d','x':1}");
    tuf_edit_result result;
    ck_ok(tuf_db_commit(w.db, &edit, 1, 0));
    tuf_edit_get_result(&result, edit);
    ck_assert_int_eq(result.status, TUF_CONFLICT);
    tuf_revbuf parent;
    ck_ok(tuf_rev_parse(&parent, tuf_str("1-a")));
    ck_ok(tuf_edit_set_parent(edit, &parent.rev));
    ck_ok(world_commit(&w, edit, &result));
    ck_assert_uint_eq(result.seq, 2);
    world_end(&w);
}
END_TEST

#define SECOND_OF_EMPTY "7051cbe5c8faecd085a3fa619e6e6337"

START_TEST(an_edit_that_makes_a_known_revision_is_a_conflict)
{
    struct world w;
    world_start(&w);
    const char *first = put(&w, "{'_id':'leaf'}");
    push(&w, "{'_id':'leaf','_rev':'2-" SECOND_OF_EMPTY "'}");
    ck_outcome(try_put(&w, "{'_id':'leaf','_rev':'%s'}", first), TUF_CONFLICT);
    ck_text(leaves(&w, "leaf"), text("2-" SECOND_OF_EMPTY " %s", first));
    (void)put(&w, "{'_id':'inner'}");
    push(&w, "{'_id':'inner','_revisions':{'start':3,'ids':['c','" SECOND_OF_EMPTY "']}}");
    ck_outcome(try_put(&w, "{'_id':'inner','_rev':'%s'}", first), TUF_CONFLICT);
    ck_text(leaves(&w, "inner"), text("3-c %s", first));
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(no_edits_are_no_commit)
{
    struct world w;
    world_start(&w);
    ck_ok(tuf_db_commit(w.db, NULL, 0, 0));
    ck_assert_uint_eq(world_info(&w).commit_count, 0);
    world_end(&w);
}
END_TEST

/* ---- replicated edits ------------------------------------------------------------------------ */

struct pushed {
    unsigned gen;
    const char *path; /* newest first */
    bool stored;
};

/* Each letter is a revision. The worked examples of the merge rules. */
static const struct {
    struct pushed pushes[4];
    const char *leaves;
    const char *history; /* of the winner */
} push_cases[] = {
    { { { 1, "a", true } }, "1-a", "1-a" },
    { { { 1, "a", true }, { 1, "a", false } }, "1-a", "1-a" },
    { { { 2, "b a", true }, { 3, "c b a", true } }, "3-c", "3-c 2-b 1-a" },
    { { { 3, "c b a", true }, { 2, "b a", false } }, "3-c", "3-c 2-b 1-a" },
    { { { 3, "c b a", true }, { 1, "a", false } }, "3-c", "3-c 2-b 1-a" },
    { { { 2, "b a", true }, { 2, "c a", true } }, "2-c 2-b", "2-c 1-a" },
    { { { 2, "b", true }, { 2, "b a", false } }, "2-b", "2-b" },
    { { { 3, "c b", true }, { 2, "b a", false } }, "3-c", "3-c 2-b" },
    { { { 1, "a", true }, { 1, "x", true } }, "1-x 1-a", "1-x" },
    { { { 2, "b a", true }, { 4, "d", true } }, "4-d 2-b", "4-d" },
    { { { 2, "b a", true }, { 2, "c a", true }, { 3, "d c", true } }, "3-d 2-b", "3-d 2-c 1-a" },
    { { { 1, "a", true }, { 4, "d c b a", true } }, "4-d", "4-d 3-c 2-b 1-a" },
    { { { 3, "c b a", true }, { 5, "e d x", true } }, "5-e 3-c", "5-e 4-d 3-x" },
    { { { 3, "c b a", true }, { 5, "e d c", true } }, "5-e", "5-e 4-d 3-c 2-b 1-a" },
    { { { 3, "c b a", true }, { 3, "d b a", true }, { 3, "e b a", true }, { 4, "f d", true } },
      "4-f 3-e 3-c",
      "4-f 3-d 2-b 1-a" },
    /* The path brings older ancestors than the leaf that it extends had. */
    { { { 3, "c", true }, { 4, "d c b a", true } }, "4-d", "4-d 3-c 2-b 1-a" },
    { { { 3, "c b", true }, { 5, "e d c b a", true } }, "5-e", "5-e 4-d 3-c 2-b 1-a" },
    /* Two leaves lie on one path. */
    { { { 1, "a", true }, { 3, "c", true }, { 4, "d c b a", true } }, "4-d", "4-d 3-c 2-b 1-a" },
    { { { 3, "c", true }, { 1, "a", true }, { 3, "c b a", false }, { 4, "d c b a", true } },
      "4-d",
      "4-d 3-c 2-b 1-a" },
    { { { 1, "a", true }, { 2, "b", true }, { 3, "c", true }, { 4, "d c b a", true } },
      "4-d",
      "4-d 3-c 2-b 1-a" },
    /* Roots that were apart are joined: the paths of other leaves become longer. */
    { { { 4, "d c", true }, { 4, "e c b a", true } }, "4-e 4-d", "4-e 3-c 2-b 1-a" },
    { { { 4, "d c", true }, { 3, "x b", true }, { 4, "e c b a", true } },
      "4-e 4-d 3-x",
      "4-e 3-c 2-b 1-a" },
    /* What is known as an ancestor is not stored, even if it extends another leaf. */
    { { { 3, "c b", true }, { 1, "a", true }, { 2, "b a", false } }, "3-c 1-a", "3-c 2-b" },
};

START_TEST(replicated_paths_are_merged_into_the_tree)
{
    struct world w;
    world_start(&w);
    for (size_t i = 0; i < 4 && push_cases[_i].pushes[i].path; i++) {
        const struct pushed *p = &push_cases[_i].pushes[i];
        ck_assert_int_eq(push_path(&w, "d", p->gen, p->path), p->stored);
    }
    ck_text(leaves(&w, "d"), push_cases[_i].leaves);
    ck_text(history(&w, "d", NULL), push_cases[_i].history);
    check_clean(&w);
    world_kill(&w);
    ck_text(leaves(&w, "d"), push_cases[_i].leaves);
    ck_text(history(&w, "d", NULL), push_cases[_i].history);
    check_clean(&w);
    world_reopen(&w);
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(the_other_path_grows_too_when_roots_are_joined)
{
    struct world w;
    world_start(&w);
    push_path(&w, "d", 4, "d c");
    push_path(&w, "d", 4, "e c b a");
    ck_text(history(&w, "d", "4-d"), "4-d 3-c 2-b 1-a");
    ck_assert(push_path(&w, "d", 5, "f d"));
    ck_text(history(&w, "d", "5-f"), "5-f 4-d 3-c 2-b 1-a");
    check_clean(&w);
    world_end(&w);
}
END_TEST

/* Leaves of one made-up history; every order of their arrival must end in the same state. */
static const struct pushed shuffled[] = {
    { 3, "c b a", true }, { 3, "d b a", true }, { 4, "e c b a", true },
    { 2, "f a", true },   { 4, "g", true },
};
#define SHUFFLED_COUNT 5

static bool next_order(size_t order[SHUFFLED_COUNT])
{
    size_t i = SHUFFLED_COUNT - 1;
    while (i > 0 && order[i - 1] >= order[i])
        i--;
    if (i == 0)
        return false;
    size_t j = SHUFFLED_COUNT - 1;
    while (order[j] <= order[i - 1])
        j--;
    size_t swap = order[i - 1];
    order[i - 1] = order[j];
    order[j] = swap;
    for (size_t lo = i, hi = SHUFFLED_COUNT - 1; lo < hi; lo++, hi--) {
        swap = order[lo];
        order[lo] = order[hi];
        order[hi] = swap;
    }
    return true;
}

START_TEST(the_order_of_replicated_edits_does_not_matter)
{
    struct world w;
    world_start(&w);
    size_t order[SHUFFLED_COUNT] = { 0, 1, 2, 3, 4 };
    int round = 0;
    do {
        char id[16];
        snprintf(id, sizeof(id), "d%d", round++);
        for (size_t i = 0; i < SHUFFLED_COUNT; i++)
            (void)push_path(&w, id, shuffled[order[i]].gen, shuffled[order[i]].path);
        ck_text(leaves(&w, id), "4-g 4-e 3-d 2-f");
        ck_text(history(&w, id, "4-e"), "4-e 3-c 2-b 1-a");
        ck_text(history(&w, id, "3-d"), "3-d 2-b 1-a");
        ck_text(history(&w, id, "2-f"), "2-f 1-a");
        ck_text(history(&w, id, NULL), "4-g");
    } while (next_order(order));
    ck_assert_int_eq(round, 120);
    check_clean(&w);
    world_kill(&w);
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(a_replayed_revision_gets_no_sequence)
{
    struct world w;
    world_start(&w);
    ck_assert(push(&w, "{'_id':'d','_revisions':{'start':2,'ids':['b','a']},'x':1}"));
    uint64_t commits = world_info(&w).commit_count;
    ck_assert(!push(&w, "{'_id':'d','_revisions':{'start':2,'ids':['b','a']},'x':2}"));
    ck_assert(!push(&w, "{'_id':'d','_rev':'1-a','x':3}"));
    ck_assert_uint_eq(world_info(&w).update_seq, 1);
    ck_assert_uint_eq(world_info(&w).commit_count, commits);
    ck_text(body(&w, "d", NULL), "{\"x\":1}");
    ck_outcome(try_doc(&w, "d", "1-a"), TUF_NOT_FOUND);
    world_end(&w);
}
END_TEST

/* ---- winners --------------------------------------------------------------------------------- */

/* As CouchDB, which merges all histories of a request before it stores what are leaves then. */
START_TEST(ancestors_that_come_with_their_heirs_are_not_stored)
{
    static const size_t orders[][3] = { { 0, 1, 2 }, { 2, 1, 0 }, { 1, 2, 0 } };
    const size_t *order = orders[_i];
    struct world w;
    world_start(&w);
    tuf_edit *made[3] = {
        world_parse(TUF_EDIT_REPLICATED, "{'_id':'a','_rev':'1-x','v':1}"),
        world_parse(TUF_EDIT_REPLICATED,
                    "{'_id':'a','_revisions':{'start':2,'ids':['y','x']},'v':2}"),
        world_parse(TUF_EDIT_REPLICATED,
                    "{'_id':'a','_revisions':{'start':3,'ids':['z','y','x']},'v':3}"),
    };
    tuf_edit *edits[4] = { made[order[0]], made[order[1]], made[order[2]],
                           world_parse(TUF_EDIT_REPLICATED, "{'_id':'b','_rev':'1-x'}") };
    ck_ok(tuf_db_commit(w.db, edits, 4, 0));
    for (size_t i = 0; i < 4; i++) {
        tuf_edit_result result;
        tuf_edit_get_result(&result, edits[i]);
        ck_assert_int_eq(result.status, TUF_OK);
        ck_assert(result.stored == (edits[i] == made[2] || i == 3));
        tuf_edit_free(&edits[i]);
    }
    ck_assert_uint_eq(world_info(&w).update_seq, 2);
    ck_text(leaves(&w, "a"), "3-z");
    ck_text(history(&w, "a", NULL), "3-z 2-y 1-x");
    ck_outcome(try_doc(&w, "a", "2-y"), TUF_NOT_FOUND);
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(a_live_leaf_wins_over_a_longer_deleted_one)
{
    struct world w;
    world_start(&w);
    push(&w, "{'_id':'d','_revisions':{'start':3,'ids':['z','y','a']},'_deleted':true}");
    push(&w, "{'_id':'d','_revisions':{'start':2,'ids':['b','a']},'v':'b'}");
    push(&w, "{'_id':'d','_revisions':{'start':2,'ids':['c','a']},'v':'c'}");
    ck_text(leaves(&w, "d"), "2-c 2-b 3-z*");
    ck_text(body(&w, "d", NULL), "{\"v\":\"c\"}");
    /* Deleting the winner lets the next one win. */
    const char *gone = put(&w, "{'_id':'d','_rev':'2-c','_deleted':true}");
    ck_text(body(&w, "d", NULL), "{\"v\":\"b\"}");
    const char *last = put(&w, "{'_id':'d','_rev':'2-b','_deleted':true}");
    ck_outcome(try_doc(&w, "d", NULL), TUF_DELETED);
    const char *got = leaves(&w, "d");
    ck_assert_ptr_nonnull(strstr(got, gone));
    ck_assert_ptr_nonnull(strstr(got, last));
    ck_assert_uint_eq(world_info(&w).doc_del_count, 1);
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(a_document_may_have_many_conflicts)
{
    struct world w;
    world_start(&w);
    for (int i = 0; i < 40; i++)
        push(&w, "{'_id':'d','_revisions':{'start':2,'ids':['x%02d','a']}}", i * 7 % 40);
    (void)leaves(&w, "d");
    const tuf_docinfo *info = tuf_doc_info(w.doc);
    ck_assert_uint_eq(info->leaf_count, 40);
    for (size_t i = 1; i < info->leaf_count; i++)
        ck_assert_int_gt(tuf_rev_compare(info->leaves[i - 1].rev, info->leaves[i].rev), 0);
    check_clean(&w);
    world_reopen(&w);
    check_clean(&w);
    world_end(&w);
}
END_TEST

/* ---- long histories -------------------------------------------------------------------------- */

static bool is_history_of(struct world *w, const char *id, char revs[][40], size_t count,
                          size_t limit)
{
    const tuf_rev_entry *entries;
    size_t got;
    ck_ok(tuf_doc_revisions(&entries, &got, world_doc(w, id, NULL)));
    size_t want = count < limit ? count : limit;
    ck_assert_uint_eq(got, want);
    for (size_t i = 0; i < got; i++) {
        char rev[TUF_REV_TEXT_SIZE];
        (void)tuf_rev_format(rev, entries[i].rev);
        if (strcmp(rev, revs[count - 1 - i]) != 0)
            return false;
        ck_assert_int_eq(entries[i].status, TUF_REV_AVAILABLE);
    }
    return true;
}

START_TEST(a_history_of_3000_edits_costs_a_bounded_size_and_is_right_after_reopening)
{
    enum { EDITS = 3000 };
    static char revs[EDITS][40];
    struct world w;
    world_init(&w, 512);
    world_open(&w);
    uint64_t start = 0;
    for (size_t i = 0; i < EDITS; i++) {
        const char *rev = i == 0 ? put(&w, "{'_id':'d','n':0}")
                                 : put(&w, "{'_id':'d','n':%zu,'_rev':'%s'}", i, revs[i - 1]);
        snprintf(revs[i], sizeof(revs[i]), "%s", rev);
        if (i == 1500)
            start = world_info(&w).size_file;
        if (i % 500 == 17)
            ck_assert(is_history_of(&w, "d", revs, i + 1, 1000));
    }
    /* Frames of one sector, and now and then a whole tree of 1,000 nodes. */
    uint64_t bytes_per_edit = (world_info(&w).size_file - start) / (EDITS - 1501);
    ck_assert_uint_lt(bytes_per_edit, 512 + 300);
    ck_assert(is_history_of(&w, "d", revs, EDITS, 1000));
    world_kill(&w);
    ck_assert(is_history_of(&w, "d", revs, EDITS, 1000));
    check_clean(&w);
    world_reopen(&w);
    ck_assert(is_history_of(&w, "d", revs, EDITS, 1000));
    ck_outcome(try_doc(&w, "d", revs[EDITS - 1000]), TUF_OK);
    ck_outcome(try_doc(&w, "d", revs[EDITS - 1001]), TUF_NOT_FOUND);
    world_end(&w);
}
END_TEST

START_TEST(paths_are_stemmed_to_the_limit)
{
    struct world w;
    world_start(&w);
    ck_ok(tuf_db_set_revs_limit(w.db, 3));
    push_path(&w, "d", 6, "f e d c b a");
    ck_text(history(&w, "d", NULL), "6-f 5-e 4-d");
    push_path(&w, "d", 7, "g f");
    ck_text(history(&w, "d", NULL), "7-g 6-f 5-e");
    const char *rev = put(&w, "{'_id':'d','_rev':'7-g'}");
    ck_text(history(&w, "d", NULL), text("%s 7-g 6-f", rev));
    check_clean(&w);
    world_kill(&w);
    ck_text(history(&w, "d", NULL), text("%s 7-g 6-f", rev));
    /* A path that no longer overlaps makes a conflict. */
    ck_assert(push_path(&w, "d", 6, "x e d"));
    ck_text(history(&w, "d", "6-x"), "6-x 5-e 4-d");
    check_clean(&w);
    world_reopen(&w);
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(a_smaller_limit_applies_from_the_next_edit_on)
{
    struct world w;
    world_start(&w);
    push_path(&w, "d", 5, "e d c b a");
    push_path(&w, "d", 5, "x d c b a");
    ck_ok(tuf_db_set_revs_limit(w.db, 2));
    ck_text(history(&w, "d", "5-e"), "5-e 4-d 3-c 2-b 1-a");
    push_path(&w, "d", 6, "f e");
    ck_text(history(&w, "d", "6-f"), "6-f 5-e 4-d"); /* 4-d is near enough to 5-x */
    ck_text(history(&w, "d", "5-x"), "5-x 4-d");
    check_clean(&w);
    world_kill(&w);
    ck_text(history(&w, "d", "5-x"), "5-x 4-d");
    check_clean(&w);
    ck_ok(tuf_db_set_revs_limit(w.db, 10));
    push_path(&w, "d", 7, "g f");
    ck_text(history(&w, "d", "7-g"), "7-g 6-f 5-e 4-d");
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(replicated_edits_survive_stemming_in_any_mixture)
{
    struct world w;
    world_start(&w);
    struct rng rng = { 7 };
    ck_ok(tuf_db_set_revs_limit(w.db, 4));
    /* Random walks in a small space of revisions: paths join, branch and are forgotten. */
    for (int i = 0; i < 400; i++) {
        unsigned gen = 1 + (unsigned)rng_below(&rng, 8);
        unsigned count = 1 + (unsigned)rng_below(&rng, gen);
        char path[64] = "";
        for (unsigned k = 0; k < count; k++) {
            size_t len = strlen(path);
            snprintf(path + len, sizeof(path) - len, "%s%c%u", k > 0 ? " " : "",
                     (char)('a' + rng_below(&rng, 2)), gen - k);
        }
        (void)push_path(&w, "d", gen, path);
        if (i % 100 == 99) {
            ck_ok(tuf_db_set_revs_limit(w.db, 1 + (uint32_t)rng_below(&rng, 6)));
            check_clean(&w);
        }
    }
    check_clean(&w);
    const char *before = leaves(&w, "d");
    world_kill(&w);
    ck_text(leaves(&w, "d"), before);
    check_clean(&w);
    world_end(&w);
}
END_TEST

#define COUNT_OF(a) ((int)(sizeof(a) / sizeof((a)[0])))

/* CouchDB sees the attachments of an edit that revives a document only after it made the revision's id. */
START_TEST(attachments_of_a_revival_do_not_change_its_revision)
{
    static const char *const members[] = { "", "'a':{'data':'YQ=='}", "'b':{'data':'YmI='}" };
    char revs[3][TUF_REV_TEXT_SIZE], fresh[3][TUF_REV_TEXT_SIZE];
    for (unsigned i = 0; i < 3; i++) {
        struct world w;
        world_start(&w);
        const char *rev = put(&w, "{'_id':'d'}");
        put(&w, "{'_id':'d','_rev':'%s','_deleted':true}", rev);
        snprintf(revs[i], sizeof(revs[i]), "%s", put(&w, "{'_id':'d','_attachments':{%s}}", members[i]));
        snprintf(fresh[i], sizeof(fresh[i]), "%s", put(&w, "{'_id':'e','_attachments':{%s}}", members[i]));
        ck_text(atts(&w, "d", NULL), i == 0 ? "" : i == 1 ? "a:3:1" : "b:3:2");
        check_clean(&w);
        world_end(&w);
    }
    ck_assert_str_eq(revs[1], revs[2]);
    ck_assert_str_ne(revs[0], revs[1]); /* how many there are does */
    ck_assert_str_ne(fresh[1], fresh[2]);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("place");
    TCase *interactive = tcase_create("interactive");
    tcase_add_test(interactive, revisions_are_those_that_couchdb_computes);
    tcase_add_loop_test(interactive, interactive_edits_are_accepted_on_leaves_only, 0,
                        COUNT_OF(interactive_cases));
    tcase_add_test(interactive, a_recreated_document_continues_the_winning_tombstone);
    tcase_add_test(interactive, a_deletion_of_a_document_is_counted_and_answered);
    tcase_add_test(interactive, edits_of_one_id_in_one_call_are_placed_in_order);
    tcase_add_test(interactive, a_later_edit_of_a_call_may_build_on_an_earlier_one);
    tcase_add_test(interactive, an_edit_that_conflicts_can_be_committed_again_with_another_parent);
    tcase_add_test(interactive, an_edit_that_makes_a_known_revision_is_a_conflict);
    tcase_add_test(interactive, no_edits_are_no_commit);
    tcase_add_test(interactive, attachments_of_a_revival_do_not_change_its_revision);
    suite_add_tcase(s, interactive);
    TCase *replicated = tcase_create("replicated");
    tcase_set_timeout(replicated, 30);
    tcase_add_loop_test(replicated, replicated_paths_are_merged_into_the_tree, 0,
                        COUNT_OF(push_cases));
    tcase_add_test(replicated, the_other_path_grows_too_when_roots_are_joined);
    tcase_add_test(replicated, the_order_of_replicated_edits_does_not_matter);
    tcase_add_test(replicated, a_replayed_revision_gets_no_sequence);
    tcase_add_loop_test(replicated, ancestors_that_come_with_their_heirs_are_not_stored, 0, 3);
    tcase_add_test(replicated, a_live_leaf_wins_over_a_longer_deleted_one);
    tcase_add_test(replicated, a_document_may_have_many_conflicts);
    suite_add_tcase(s, replicated);
    TCase *histories = tcase_create("histories");
    tcase_set_timeout(histories, 60);
    tcase_add_test(histories,
                   a_history_of_3000_edits_costs_a_bounded_size_and_is_right_after_reopening);
    tcase_add_test(histories, paths_are_stemmed_to_the_limit);
    tcase_add_test(histories, a_smaller_limit_applies_from_the_next_edit_on);
    tcase_add_test(histories, replicated_edits_survive_stemming_in_any_mixture);
    suite_add_tcase(s, histories);
    return tuft_run(s);
}
