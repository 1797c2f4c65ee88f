/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: purges and the purge log.
 */
#include <stdio.h>

#include "tests/unit/engine/world.h"

/* Purges "1-a 2-b" of a document and returns what happened to each, as "10". */
static const char *purge(struct world *w, const char *id, const char *revs)
{
    static char flags[32];
    static tuf_revbuf parsed[16];
    tuf_rev list[16];
    bool purged[16];
    size_t count = 0;
    for (const char *p = revs; *p;) {
        size_t len = strcspn(p, " ");
        ck_ok(tuf_rev_parse(&parsed[count], tuf_slice_of(p, len)));
        list[count] = parsed[count].rev;
        purged[count++] = true;
        p += len + (p[len] == ' ');
    }
    tuf_purge_item item = { tuf_str(id), list, count, purged };
    ck_ok(tuf_db_purge(w->db, &item, 1));
    for (size_t i = 0; i < count; i++)
        flags[i] = purged[i] ? '1' : '0';
    flags[count] = 0;
    return flags;
}

struct log_text {
    char text[4096];
};

static tuf_status note_purge(const tuf_purge_info *info, void *ctx)
{
    struct log_text *log = ctx;
    size_t len = strlen(log->text);
    snprintf(log->text + len, sizeof(log->text) - len, "%s%llu:%.*s:%zu", len > 0 ? " " : "",
             (unsigned long long)info->purge_seq, (int)info->id.len, (const char *)info->id.data,
             info->rev_count);
    return TUF_OK;
}

static const char *purge_log(struct world *w, uint64_t since)
{
    static struct log_text log;
    log.text[0] = 0;
    ck_ok(tuf_snapshot_purges(world_look(w), since, note_purge, &log));
    return log.text;
}

/* The document d has leaves 3-c (on 2-b 1-a), 2-x (on 1-a), 2-t deleted (root). */
static const struct {
    const char *revs;
    const char *flags;
    const char *leaves;
    const char *histories[2]; /* of leaves that are left, or NULL */
    uint64_t seq;             /* update sequence afterwards */
} purge_cases[] = {
    { "3-c", "1", "2-x 2-t*", { "2-x 1-a", "2-t" }, 5 },
    { "2-x", "1", "3-c 2-t*", { "3-c 2-b 1-a", "2-t" }, 5 },
    { "2-t", "1", "3-c 2-x", { "3-c 2-b 1-a", "2-x 1-a" }, 5 },
    { "3-c 2-x", "11", "2-t*", { "2-t", NULL }, 4 },
    { "3-c 2-x 2-t", "111", "", { NULL, NULL }, 4 },
    { "2-t 3-c 2-x 3-c", "1110", "", { NULL, NULL }, 4 },
    { "1-a", "0", "3-c 2-x 2-t*", { "3-c 2-b 1-a", NULL }, 4 },
    { "2-b", "0", "3-c 2-x 2-t*", { "3-c 2-b 1-a", NULL }, 4 },
    { "9-z 2-x", "01", "3-c 2-t*", { "3-c 2-b 1-a", NULL }, 5 },
    { "", "", "3-c 2-x 2-t*", { NULL, NULL }, 4 },
};

START_TEST(leaves_are_forgotten_and_others_stay)
{
    struct world w;
    world_start(&w);
    push_path(&w, "d", 3, "c b a");
    push_path(&w, "d", 2, "x a");
    push(&w, "{'_id':'d','_rev':'2-t','_deleted':true}");
    const char *flags = purge(&w, "d", purge_cases[_i].revs);
    ck_text(flags, purge_cases[_i].flags);
    for (int round = 0; round < 3; round++) {
        ck_text(leaves(&w, "d"), purge_cases[_i].leaves);
        for (int i = 0; i < 2 && purge_cases[_i].histories[i]; i++) {
            const char *want = purge_cases[_i].histories[i];
            char rev[8];
            snprintf(rev, sizeof(rev), "%.3s", want);
            ck_text(history(&w, "d", rev), want);
        }
        tuf_db_info info = world_info(&w);
        ck_assert_uint_eq(info.update_seq, purge_cases[_i].seq);
        ck_assert_uint_eq(info.purge_seq, 1);
        ck_assert_uint_eq(info.doc_count + info.doc_del_count, purge_cases[_i].leaves[0] != 0);
        check_clean(&w);
        if (round == 0)
            world_kill(&w);
        else
            world_reopen(&w);
    }
    world_end(&w);
}
END_TEST

START_TEST(a_purged_document_is_gone_and_can_come_back)
{
    struct world w;
    world_start(&w);
    push(&w, "{'_id':'d','_revisions':{'start':2,'ids':['b','a']}}");
    ck_text(purge(&w, "d", "2-b"), "1");
    ck_outcome(try_doc(&w, "d", NULL), TUF_NOT_FOUND);
    ck_outcome(try_doc(&w, "d", "2-b"), TUF_NOT_FOUND);
    ck_text(purge(&w, "d", "2-b"), "0");
    ck_text(purge(&w, "never", "1-a"), "0");
    ck_assert_uint_eq(world_info(&w).purge_seq, 3);
    /* Replication may bring it again: nothing remembers it. */
    ck_assert(push(&w, "{'_id':'d','_revisions':{'start':2,'ids':['b','a']},'again':1}"));
    ck_text(body(&w, "d", NULL), "{\"again\":1}");
    ck_assert_uint_eq(world_info(&w).update_seq, 5);
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(edits_go_on_after_a_purge)
{
    struct world w;
    world_start(&w);
    push_path(&w, "d", 3, "c b a");
    push_path(&w, "d", 3, "x b a");
    ck_text(purge(&w, "d", "3-x"), "1");
    const char *rev = put(&w, "{'_id':'d','_rev':'3-c'}");
    ck_text(history(&w, "d", NULL), text("%s 3-c 2-b 1-a", rev));
    ck_assert(push_path(&w, "d", 3, "x b a"));
    ck_text(history(&w, "d", "3-x"), "3-x 2-b 1-a");
    check_clean(&w);
    world_kill(&w);
    ck_text(history(&w, "d", "3-x"), "3-x 2-b 1-a");
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(one_call_purges_many_documents_and_one_twice)
{
    struct world w;
    world_start(&w);
    push(&w, "{'_id':'a','_rev':'1-a'}");
    push(&w, "{'_id':'a','_rev':'1-b'}");
    push(&w, "{'_id':'c','_rev':'1-c'}");
    uint64_t commits = world_info(&w).commit_count;
    tuf_revbuf revs[3];
    ck_ok(tuf_rev_parse(&revs[0], tuf_str("1-a")));
    ck_ok(tuf_rev_parse(&revs[1], tuf_str("1-b")));
    ck_ok(tuf_rev_parse(&revs[2], tuf_str("1-c")));
    bool flags[4] = { false };
    tuf_purge_item items[4] = {
        { tuf_str("a"), &revs[0].rev, 1, &flags[0] },
        { tuf_str("c"), &revs[2].rev, 1, &flags[1] },
        { tuf_str("a"), &revs[1].rev, 1, &flags[2] },
        { tuf_str("a"), &revs[1].rev, 1, &flags[3] },
    };
    ck_ok(tuf_db_purge(w.db, items, 4));
    ck_assert(flags[0] && flags[1] && flags[2] && !flags[3]);
    ck_assert_uint_eq(world_info(&w).commit_count, commits + 1);
    ck_assert_uint_eq(world_info(&w).doc_count, 0);
    ck_text(purge_log(&w, 0), "1:a:1 2:c:1 3:a:1 4:a:1");
    ck_text(purge_log(&w, 2), "3:a:1 4:a:1");
    ck_text(purge_log(&w, UINT64_MAX), "");
    check_clean(&w);
    world_kill(&w);
    ck_text(purge_log(&w, 0), "1:a:1 2:c:1 3:a:1 4:a:1");
    ck_ok(tuf_db_purge(w.db, NULL, 0));
    ck_assert_uint_eq(world_info(&w).commit_count, commits + 1);
    world_end(&w);
}
END_TEST

START_TEST(the_log_keeps_the_newest_entries_only)
{
    struct world w;
    world_start(&w);
    ck_ok(tuf_db_set_purged_infos_limit(w.db, 3));
    for (int i = 0; i < 6; i++) {
        push(&w, "{'_id':'d%d','_rev':'1-a'}", i);
        ck_text(purge(&w, text("d%d", i), "1-a"), "1");
    }
    ck_text(purge_log(&w, 0), "4:d3:1 5:d4:1 6:d5:1");
    ck_assert_uint_eq(world_info(&w).purge_seq, 6);
    world_kill(&w);
    ck_text(purge_log(&w, 0), "4:d3:1 5:d4:1 6:d5:1");
    world_reopen(&w);
    ck_text(purge_log(&w, 0), "4:d3:1 5:d4:1 6:d5:1");
    ck_ok(tuf_db_set_purged_infos_limit(w.db, 1));
    push(&w, "{'_id':'last','_rev':'1-a'}");
    ck_text(purge(&w, "last", "1-a"), "1");
    ck_text(purge_log(&w, 0), "7:last:1");
    check_clean(&w);
    world_end(&w);
}
END_TEST

static tuf_status stop(const tuf_purge_info *info, void *ctx)
{
    (void)info;
    ++*(int *)ctx;
    return TUF_STOPPED;
}

START_TEST(a_visitor_of_the_log_may_stop)
{
    struct world w;
    world_start(&w);
    push(&w, "{'_id':'a','_rev':'1-a'}");
    push(&w, "{'_id':'b','_rev':'1-a'}");
    (void)purge(&w, "a", "1-a");
    (void)purge(&w, "b", "1-a");
    int calls = 0;
    ck_outcome(tuf_snapshot_purges(world_look(&w), 0, stop, &calls), TUF_STOPPED);
    ck_assert_int_eq(calls, 1);
    world_end(&w);
}
END_TEST

/* CouchDB counts requests, whether they find something or not. */
START_TEST(what_finds_nothing_counts_and_changes_nothing)
{
    struct world w;
    world_start(&w);
    push_path(&w, "d", 2, "b a");
    ck_text(purge(&w, "d", "1-a 9-z"), "00");
    ck_text(purge(&w, "never", "1-a"), "0");
    for (int round = 0; round < 4; round++) {
        tuf_db_info info = world_info(&w);
        ck_assert_uint_eq(info.purge_seq, 2);
        ck_assert_uint_eq(info.update_seq, 3);
        ck_text(purge_log(&w, 0), "1:d:2 2:never:1");
        ck_text(history(&w, "d", NULL), "2-b 1-a");
        check_clean(&w);
        if (round == 0)
            world_kill(&w);
        else if (round == 1)
            world_reopen(&w);
        else if (round == 2)
            ck_ok(tuf_db_compact(NULL, w.db, NULL));
    }
    /* The next edit's sequence is behind what the purges took. */
    push(&w, "{'_id':'e','_rev':'1-e'}");
    ck_assert_uint_eq(world_info(&w).update_seq, 4);
    ck_text(purge(&w, "d", "2-b"), "1");
    ck_outcome(try_doc(&w, "d", NULL), TUF_NOT_FOUND);
    ck_assert_uint_eq(world_info(&w).update_seq, 5);
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(a_purge_may_be_the_first_that_happens)
{
    struct world w;
    world_start(&w);
    ck_text(purge(&w, "never", "1-a"), "0");
    for (int round = 0; round < 2; round++) {
        ck_assert_uint_eq(world_info(&w).purge_seq, 1);
        ck_text(purge_log(&w, 0), "1:never:1");
        check_clean(&w);
        if (round == 0)
            world_kill(&w);
    }
    world_end(&w);
}
END_TEST

START_TEST(a_call_raises_the_sequence_once)
{
    struct world w;
    world_start(&w);
    push(&w, "{'_id':'a','_rev':'1-a'}");
    push(&w, "{'_id':'a','_rev':'1-b'}");
    push(&w, "{'_id':'a','_rev':'1-c'}");
    tuf_revbuf revs[2];
    ck_ok(tuf_rev_parse(&revs[0], tuf_str("9-z")));
    ck_ok(tuf_rev_parse(&revs[1], tuf_str("1-b")));
    bool flags[2] = { false };
    tuf_purge_item items[3] = {
        { tuf_str("x"), &revs[0].rev, 1, &flags[0] },
        { tuf_str("a"), &revs[0].rev, 1, &flags[0] },
        { tuf_str("a"), &revs[1].rev, 1, &flags[1] },
    };
    ck_ok(tuf_db_purge(w.db, items, 2));
    ck_assert_uint_eq(world_info(&w).update_seq, 4);
    ck_ok(tuf_db_purge(w.db, items, 3));
    ck_assert_uint_eq(world_info(&w).update_seq, 6); /* a leaf for each: two are left */
    ck_assert_uint_eq(world_info(&w).purge_seq, 5);
    check_clean(&w);
    world_kill(&w);
    ck_assert_uint_eq(world_info(&w).update_seq, 6);
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(a_long_history_is_purged_whole)
{
    struct world w;
    world_start(&w);
    const char *rev = put(&w, "{'_id':'d'}");
    for (int i = 0; i < 100; i++)
        rev = put(&w, "{'_id':'d','_rev':'%s'}", rev);
    push(&w, "{'_id':'d','_rev':'1-other'}");
    ck_text(purge(&w, "d", rev), "1");
    ck_text(leaves(&w, "d"), "1-other");
    ck_text(history(&w, "d", NULL), "1-other");
    check_clean(&w);
    world_end(&w);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("purge");
    TCase *t = tcase_create("purge");
    tcase_add_loop_test(t, leaves_are_forgotten_and_others_stay, 0,
                        (int)(sizeof(purge_cases) / sizeof(purge_cases[0])));
    tcase_add_test(t, a_purged_document_is_gone_and_can_come_back);
    tcase_add_test(t, edits_go_on_after_a_purge);
    tcase_add_test(t, one_call_purges_many_documents_and_one_twice);
    tcase_add_test(t, the_log_keeps_the_newest_entries_only);
    tcase_add_test(t, a_visitor_of_the_log_may_stop);
    tcase_add_test(t, what_finds_nothing_counts_and_changes_nothing);
    tcase_add_test(t, a_purge_may_be_the_first_that_happens);
    tcase_add_test(t, a_call_raises_the_sequence_once);
    tcase_add_test(t, a_long_history_is_purged_whole);
    suite_add_tcase(s, t);
    return tuft_run(s);
}
