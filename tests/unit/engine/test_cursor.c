/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: cursors over ids, sequences and local documents against a sorted array; ranks and counts.
 */
#include <stdio.h>

#include "tests/unit/engine/world.h"

/* Ids k00, k02, ... k98: every third document is deleted, so that bounds fall on live documents,
 * on deleted ones and between. */
#define DOC_COUNT 50

static bool model_deleted(int pos)
{
    return pos % 3 == 1;
}

static void model_id(char out[8], int pos)
{
    snprintf(out, 8, "k%02d", pos * 2);
}

/* Puts them in another order than their ids'. */
static void make_docs(struct world *w, const char *prefix)
{
    world_init(w, 512);
    w->opts.cache_size = 16384;
    world_open(w);
    for (int i = 0; i < DOC_COUNT; i++) {
        int pos = i * 17 % DOC_COUNT;
        char id[8];
        model_id(id, pos);
        (void)put(w, "{'_id':'%s%s','_deleted':%s}", prefix, id,
                  model_deleted(pos) && *prefix == 0 ? "true" : "false");
    }
}

struct bounds {
    int start, end; /* number in the id, -1: none */
    bool exclude_start, exclude_end, descending, with_deleted;
};

static bool model_inside(const struct bounds *b, int number)
{
    int low = b->descending ? b->end : b->start, high = b->descending ? b->start : b->end;
    bool skip_low = b->descending ? b->exclude_end : b->exclude_start;
    bool skip_high = b->descending ? b->exclude_start : b->exclude_end;
    if (low >= 0 && (number < low || (number == low && skip_low)))
        return false;
    return high < 0 || number < high || (number == high && !skip_high);
}

/* Positions in the model that a cursor delivers, in its order. */
static size_t model_select(int out[DOC_COUNT], const struct bounds *b, bool has_deleted)
{
    size_t count = 0;
    for (int i = 0; i < DOC_COUNT; i++) {
        int pos = b->descending ? DOC_COUNT - 1 - i : i;
        if (model_inside(b, pos * 2) && (b->with_deleted || !has_deleted || !model_deleted(pos)))
            out[count++] = pos;
    }
    return count;
}

static tuf_range range_of(const struct bounds *b, char start[32], char end[32], const char *prefix)
{
    snprintf(start, 32, "%sk%02d", prefix, b->start);
    snprintf(end, 32, "%sk%02d", prefix, b->end);
    return (tuf_range){
        .has_start = b->start >= 0,
        .has_end = b->end >= 0,
        .start = tuf_str(start),
        .end = tuf_str(end),
        .exclude_start = b->exclude_start,
        .exclude_end = b->exclude_end,
        .descending = b->descending,
        .with_deleted = b->with_deleted,
    };
}

static tuf_cursor *open_cursor(struct world *w, const struct bounds *b, const char *prefix)
{
    char start[32], end[32];
    tuf_range range = range_of(b, start, end, prefix);
    tuf_cursor *cursor = NULL;
    ck_ok(*prefix ? tuf_cursor_open_locals(&cursor, w->snapshot, &range)
                  : tuf_cursor_open_ids(&cursor, w->snapshot, &range));
    return cursor;
}

static void check_rows(tuf_cursor *cursor, const int *want, size_t count, const char *prefix)
{
    const tuf_docinfo *info;
    for (size_t i = 0; i < count; i++) {
        char id[40], name[8];
        model_id(name, want[i]);
        snprintf(id, sizeof(id), "%s%s", prefix, name);
        ck_ok(tuf_cursor_next(&info, cursor));
        ck_assert_uint_eq(info->id.len, strlen(id));
        ck_assert_mem_eq(info->id.data, id, info->id.len);
        if (*prefix == 0)
            ck_assert_int_eq(info->deleted, model_deleted(want[i]));
    }
    ck_outcome(tuf_cursor_next(&info, cursor), TUF_END);
    ck_outcome(tuf_cursor_next(&info, cursor), TUF_END);
}

static void check_bounds(struct world *w, const struct bounds *b, const char *prefix)
{
    int want[DOC_COUNT];
    size_t count = model_select(want, b, *prefix == 0);
    tuf_cursor *cursor = open_cursor(w, b, prefix);
    check_rows(cursor, want, count, prefix);
    tuf_cursor_free(&cursor);
    static const uint64_t skips[] = { 0, 1, 3, 10, 1000 };
    for (size_t i = 0; i < sizeof(skips) / sizeof(skips[0]); i++) {
        cursor = open_cursor(w, b, prefix);
        uint64_t skipped, want_skipped = skips[i] < count ? skips[i] : count;
        ck_ok(tuf_cursor_skip(&skipped, cursor, skips[i]));
        ck_assert_uint_eq(skipped, want_skipped);
        check_rows(cursor, want + want_skipped, count - (size_t)want_skipped, prefix);
        ck_ok(tuf_cursor_skip(&skipped, cursor, 5));
        ck_assert_uint_eq(skipped, 0);
        tuf_cursor_free(&cursor);
    }
}

static void check_all_bounds(struct world *w, const char *prefix)
{
    /* None, before all, a live one, a deleted one, between, the last, behind all. */
    static const int places[] = { -1, 0, 1, 2, 50, 51, 56, 98, 99 };
    enum { PLACES = sizeof(places) / sizeof(places[0]) };
    (void)world_look(w);
    for (int start = 0; start < PLACES; start++)
        for (int end = 0; end < PLACES; end++)
            for (unsigned flags = 0; flags < 16; flags++) {
                struct bounds b = { places[start],    places[end],      flags & 1,
                                    (flags & 2) != 0, (flags & 4) != 0, (flags & 8) != 0 };
                check_bounds(w, &b, prefix);
            }
}

START_TEST(cursors_by_id_agree_with_the_model_for_all_bounds)
{
    struct world w;
    make_docs(&w, "");
    check_all_bounds(&w, "");
    world_reopen(&w);
    check_all_bounds(&w, "");
    world_end(&w);
}
END_TEST

START_TEST(cursors_over_local_documents_agree_with_the_model_for_all_bounds)
{
    struct world w;
    make_docs(&w, "_local/");
    ck_ok(tuf_db_put_meta(w.db, tuf_str("m"), tuf_str("not listed")));
    ck_ok(tuf_db_set_revs_limit(w.db, 10));
    check_all_bounds(&w, "_local/");
    world_end(&w);
}
END_TEST

START_TEST(bounds_that_are_no_local_ids_take_all_or_nothing)
{
    struct world w;
    make_docs(&w, "_local/");
    (void)world_look(&w);
    static const struct {
        const char *start, *end;
        size_t count;
    } cases[] = {
        { "_a", "_z", DOC_COUNT },
        { "_a", "_b", 0 },
        { "_z", "_zz", 0 },
        { "_local/", "a", DOC_COUNT },
    };
    for (size_t i = 0; i < 4; i++) {
        tuf_range range = { .has_start = true,
                            .has_end = true,
                            .start = tuf_str(cases[i].start),
                            .end = tuf_str(cases[i].end) };
        tuf_cursor *cursor = NULL;
        ck_ok(tuf_cursor_open_locals(&cursor, w.snapshot, &range));
        const tuf_docinfo *info;
        size_t count = 0;
        while (tuf_cursor_next(&info, cursor) == TUF_OK)
            count++;
        ck_assert_uint_eq(count, cases[i].count);
        tuf_cursor_free(&cursor);
    }
    tuf_cursor *cursor = NULL;
    ck_ok(tuf_cursor_open_locals(&cursor, w.snapshot, NULL));
    uint64_t skipped;
    ck_ok(tuf_cursor_skip(&skipped, cursor, 1000));
    ck_assert_uint_eq(skipped, DOC_COUNT);
    tuf_cursor_free(&cursor);
    tuf_cursor_free(&cursor);
    world_end(&w);
}
END_TEST

START_TEST(cursors_by_sequence_go_both_ways_from_any_place)
{
    struct world w;
    make_docs(&w, "");
    /* A second edit moves a document to the end. */
    (void)put(&w, "{'_id':'new'}");
    push(&w, "{'_id':'k00','_rev':'5-z'}");
    (void)world_look(&w);
    uint64_t seqs[DOC_COUNT + 2], newest = DOC_COUNT + 2;
    size_t count = 0;
    for (uint64_t seq = 2; seq <= newest; seq++) /* sequence 1 was k00's */
        seqs[count++] = seq;
    for (uint64_t since = 0; since <= newest + 1; since++) {
        tuf_cursor *cursor = NULL;
        const tuf_docinfo *info;
        ck_ok(tuf_cursor_open_seqs(&cursor, w.snapshot, since, false));
        uint64_t left = 0;
        for (size_t i = 0; i < count; i++)
            if (seqs[i] > since) {
                ck_ok(tuf_cursor_next(&info, cursor));
                ck_assert_uint_eq(info->seq, seqs[i]);
                left++;
            }
        ck_outcome(tuf_cursor_next(&info, cursor), TUF_END);
        tuf_cursor_free(&cursor);
        uint64_t pending;
        ck_ok(tuf_snapshot_pending(&pending, w.snapshot, since));
        ck_assert_uint_eq(pending, left);
        ck_ok(tuf_cursor_open_seqs(&cursor, w.snapshot, since, true));
        for (size_t i = count; i-- > 0;) {
            ck_ok(tuf_cursor_next(&info, cursor));
            ck_assert_uint_eq(info->seq, seqs[i]);
        }
        ck_outcome(tuf_cursor_next(&info, cursor), TUF_END);
        tuf_cursor_free(&cursor);
        uint64_t skipped;
        ck_ok(tuf_cursor_open_seqs(&cursor, w.snapshot, since, false));
        ck_ok(tuf_cursor_skip(&skipped, cursor, 7));
        ck_assert_uint_eq(skipped, left < 7 ? left : 7);
        tuf_cursor_free(&cursor);
    }
    world_end(&w);
}
END_TEST

START_TEST(ranks_count_live_documents_before_an_id)
{
    struct world w;
    make_docs(&w, "");
    (void)world_look(&w);
    for (int number = 0; number < 102; number++) {
        for (int inclusive = 0; inclusive < 2; inclusive++) {
            uint64_t want = 0, got;
            for (int pos = 0; pos < DOC_COUNT; pos++)
                want +=
                    !model_deleted(pos) && (pos * 2 < number || (inclusive && pos * 2 == number));
            char id[16];
            snprintf(id, sizeof(id), "k%02d", number);
            if (number > 99)
                snprintf(id, sizeof(id), "z");
            ck_ok(tuf_snapshot_rank(&got, w.snapshot, tuf_str(id), inclusive));
            ck_assert_uint_eq(got, want);
        }
    }
    world_end(&w);
}
END_TEST

START_TEST(a_cursor_opens_documents_without_another_search)
{
    struct world w;
    world_start(&w);
    push(&w, "{'_id':'a','_rev':'1-x','v':1}");
    push(&w, "{'_id':'a','_rev':'1-w','v':2}");
    (void)put(&w, "{'_id':'_local/l','v':3}");
    (void)world_look(&w);
    tuf_cursor *cursor = NULL;
    const tuf_docinfo *info;
    ck_ok(tuf_cursor_open_ids(&cursor, w.snapshot, NULL));
    ck_ok(tuf_cursor_next(&info, cursor));
    ck_assert_uint_eq(info->size_external, 14);
    ck_ok(tuf_doc_open_leaf(&w.doc, w.snapshot, info, 1));
    ck_assert_mem_eq(tuf_doc_body(w.doc).data, "{\"v\":2}", 7);
    ck_fails(tuf_doc_open_leaf(&w.doc, w.snapshot, info, 2), TUF_E_MISUSE);
    tuf_docinfo nothing = { 0 };
    ck_fails(tuf_doc_open_leaf(&w.doc, w.snapshot, &nothing, 0), TUF_E_MISUSE);
    tuf_cursor_free(&cursor);
    ck_ok(tuf_cursor_open_locals(&cursor, w.snapshot, NULL));
    ck_ok(tuf_cursor_next(&info, cursor));
    ck_assert_uint_eq(info->local_rev, 1);
    ck_ok(tuf_doc_open_leaf(&w.doc, w.snapshot, info, 0));
    ck_assert_mem_eq(tuf_doc_body(w.doc).data, "{\"v\":3}", 7);
    tuf_cursor_free(&cursor);
    world_end(&w);
}
END_TEST

START_TEST(an_empty_database_has_no_rows)
{
    struct world w;
    world_start(&w);
    (void)world_look(&w);
    const tuf_docinfo *info;
    uint64_t count = 7;
    tuf_cursor *cursors[4] = { NULL };
    tuf_range back = { .descending = true };
    ck_ok(tuf_cursor_open_ids(&cursors[0], w.snapshot, NULL));
    ck_ok(tuf_cursor_open_seqs(&cursors[1], w.snapshot, 0, true));
    ck_ok(tuf_cursor_open_locals(&cursors[2], w.snapshot, NULL));
    ck_ok(tuf_cursor_open_ids(&cursors[3], w.snapshot, &back));
    for (size_t i = 0; i < 4; i++) {
        ck_ok(tuf_cursor_skip(NULL, cursors[i], 3));
        ck_outcome(tuf_cursor_next(&info, cursors[i]), TUF_END);
        tuf_cursor_free(&cursors[i]);
    }
    ck_ok(tuf_snapshot_rank(&count, w.snapshot, tuf_str("x"), true));
    ck_assert_uint_eq(count, 0);
    ck_ok(tuf_snapshot_pending(&count, w.snapshot, 0));
    ck_assert_uint_eq(count, 0);
    world_end(&w);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("cursor");
    TCase *t = tcase_create("cursor");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, cursors_by_id_agree_with_the_model_for_all_bounds);
    tcase_add_test(t, cursors_over_local_documents_agree_with_the_model_for_all_bounds);
    tcase_add_test(t, bounds_that_are_no_local_ids_take_all_or_nothing);
    tcase_add_test(t, cursors_by_sequence_go_both_ways_from_any_place);
    tcase_add_test(t, ranks_count_live_documents_before_an_id);
    tcase_add_test(t, a_cursor_opens_documents_without_another_search);
    tcase_add_test(t, an_empty_database_has_no_rows);
    suite_add_tcase(s, t);
    return tuft_run(s);
}
