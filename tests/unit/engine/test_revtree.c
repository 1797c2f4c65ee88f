/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: revision trees, case by case: what a merge makes of a tree, stemming, removal, winning
 * order, questions, limits, and the exact bytes of the encoding.
 *
 * Trees and paths are written as text. A path is "2:b>c", oldest first; a tree is the list of its
 * nodes in order, "1-a 2-b<a": `<` names the parent, `*` marks a stored body, `!` a tombstone,
 * `?` a ghost.
 *
 * Not here: laws over random trees (test_revtree_laws.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "base/hex.h"
#include "engine/revtree.h"
#include "tests/lib/test.h"

#define TEXT_PATH_MAX 64
#define REC_OFF 4096
#define REC_LEN 100

/* Splits "2:b>c" into a path that borrows the text. */
static void parse_path(struct rev_path *out, tuf_slice ids[TEXT_PATH_MAX], const char *text)
{
    tuf_slice oldest_first[TEXT_PATH_MAX];
    char *rest = NULL;
    uint64_t start = strtoull(text, &rest, 10);
    size_t count = 0;
    while (*rest != '\0') {
        const char *id = rest + 1;
        size_t len = strcspn(id, ">");
        ck_assert_uint_lt(count, TEXT_PATH_MAX);
        oldest_first[count++] = tuf_slice_of(id, len);
        rest += 1 + len;
    }
    for (size_t i = 0; i < count; i++)
        ids[i] = oldest_first[count - 1 - i];
    *out = (struct rev_path){ .gen = start + count - 1, .ids = ids, .count = count };
}

static enum revtree_result merge_flags(struct revtree *t, const char *text, uint32_t flags)
{
    tuf_slice ids[TEXT_PATH_MAX];
    struct rev_path path;
    parse_path(&path, ids, text);
    enum revtree_result result;
    size_t pos = SIZE_MAX;
    bool stored = (flags & REV_NODE_STORED) != 0;
    ck_ok(tufi_revtree_merge(t, &path, flags, stored ? REC_OFF : 0, stored ? REC_LEN : 0, &result,
                             &pos));
    ck_assert_uint_lt(pos, t->count);
    ck_assert_int_eq(rev_order(t->nodes[pos].rev, (tuf_rev){ path.gen, ids[0] }), 0);
    tufi_revtree_assert(t);
    return result;
}

static enum revtree_result merge(struct revtree *t, const char *text)
{
    return merge_flags(t, text, 0);
}

/* A static buffer with the text form of a tree. */
static const char *text_of(const struct revtree *t)
{
    static char text[4096];
    size_t len = 0;
    text[0] = '\0';
    for (size_t i = 0; i < t->count; i++) {
        const struct rev_node *n = &t->nodes[i];
        len += (size_t)snprintf(
            text + len, sizeof(text) - len, "%s%u-%.*s%s%s%s", i ? " " : "", (unsigned)n->rev.gen,
            (int)n->rev.id.len, n->rev.id.data, n->flags & REV_NODE_STORED ? "*" : "",
            n->flags & REV_NODE_DELETED ? "!" : "", n->flags & REV_NODE_GHOST ? "?" : "");
        if (n->parent >= 0)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "<%.*s",
                                    (int)t->nodes[n->parent].rev.id.len,
                                    t->nodes[n->parent].rev.id.data);
        ck_assert_uint_lt(len, sizeof(text));
    }
    return text;
}

static tuf_rev rev_of(uint64_t gen, const char *id)
{
    return (tuf_rev){ .gen = gen, .id = tuf_str(id) };
}

static size_t pos_of(const struct revtree *t, uint64_t gen, const char *id)
{
    int32_t pos = tufi_revtree_find(t, rev_of(gen, id));
    ck_assert_int_ge(pos, 0);
    return (size_t)pos;
}

static const struct merge_case {
    const char *before[3]; /* paths merged first */
    const char *path;
    enum revtree_result result;
    const char *after;
} merge_cases[] = {
    /* One row per situation a client can make. */
    { { 0 }, "1:a", REVTREE_NEW_LEAF, "1-a" },
    { { "1:a>b" }, "1:a>b>c", REVTREE_NEW_LEAF, "1-a 2-b<a 3-c<b" },
    { { "1:a>b>c" }, "1:a>b", REVTREE_INTERNAL, "1-a 2-b<a 3-c<b" },
    { { "1:a>b" }, "1:a>c", REVTREE_NEW_BRANCH, "1-a 2-b<a 2-c<a" },
    { { "2:b>c" }, "1:a>b", REVTREE_INTERNAL, "1-a 2-b<a 3-c<b" },
    { { "1:a" }, "1:x", REVTREE_NEW_BRANCH, "1-a 1-x" },
    { { "1:a>b" }, "4:d", REVTREE_NEW_BRANCH, "1-a 2-b<a 4-d" },
    { { "1:a>b", "1:a>c" }, "2:c>d", REVTREE_NEW_LEAF, "1-a 2-b<a 2-c<a 3-d<c" },
    { { "1:a", "3:x>y" }, "2:w>x", REVTREE_INTERNAL, "1-a 2-w 3-x<w 4-y<x" },
    /* The same path again. */
    { { "1:a>b>c" }, "1:a>b>c", REVTREE_INTERNAL, "1-a 2-b<a 3-c<b" },
    { { "1:a>b>c" }, "3:c", REVTREE_INTERNAL, "1-a 2-b<a 3-c<b" },
    { { "1:a>b>c" }, "2:b>c", REVTREE_INTERNAL, "1-a 2-b<a 3-c<b" },
    /* Several new revisions at once. */
    { { "1:a" }, "1:a>b>c>d", REVTREE_NEW_LEAF, "1-a 2-b<a 3-c<b 4-d<c" },
    { { "1:a>b>c" }, "1:a>x>y", REVTREE_NEW_BRANCH, "1-a 2-b<a 2-x<a 3-c<b 3-y<x" },
    { { "1:a>b" }, "2:b>c", REVTREE_NEW_LEAF, "1-a 2-b<a 3-c<b" },
    /* Older history and a new leaf in one path. */
    { { "3:c" }, "1:a>b>c>d", REVTREE_NEW_LEAF, "1-a 2-b<a 3-c<b 4-d<c" },
    { { "3:c>d" }, "1:a>b>c>e", REVTREE_NEW_BRANCH, "1-a 2-b<a 3-c<b 4-d<c 4-e<c" },
    /* A path that joins two roots, three roots, and roots with branches. */
    { { "1:a>b", "4:d" }, "2:b>c>d", REVTREE_INTERNAL, "1-a 2-b<a 3-c<b 4-d<c" },
    { { "1:a>b", "4:d" }, "1:a>b>c>d>e", REVTREE_NEW_LEAF, "1-a 2-b<a 3-c<b 4-d<c 5-e<d" },
    { { "1:a", "3:c", "5:e>f" },
      "1:a>b>c>d>e",
      REVTREE_INTERNAL,
      "1-a 2-b<a 3-c<b 4-d<c 5-e<d 6-f<e" },
    { { "2:b>x", "2:b>y", "1:a" }, "1:a>b", REVTREE_INTERNAL, "1-a 2-b<a 3-x<b 3-y<b" },
    /* The same id in another generation is another revision. */
    { { "1:a" }, "1:a>a", REVTREE_NEW_LEAF, "1-a 2-a<a" },
    { { "1:a>a" }, "2:a>a>a", REVTREE_NEW_LEAF, "1-a 2-a<a 3-a<a 4-a<a" },
    /* Ids of mixed lengths order by bytes, a prefix first. */
    { { "1:ab", "1:b" }, "1:a", REVTREE_NEW_BRANCH, "1-a 1-ab 1-b" },
    /* Two paths disagree about a parent: the greater one keeps the child, the other is a ghost. */
    { { "1:a>x" }, "1:b>x", REVTREE_INTERNAL, "1-a? 1-b 2-x<b" },
    { { "1:b>x" }, "1:a>x", REVTREE_INTERNAL, "1-a? 1-b 2-x<b" },
    { { "1:b>x", "1:a>x" }, "1:a>y", REVTREE_NEW_BRANCH, "1-a 1-b 2-x<b 2-y<a" },
    { { "1:a>x", "1:a>y" }, "1:b>x", REVTREE_INTERNAL, "1-a 1-b 2-x<b 2-y<a" },
};

START_TEST(merging_a_path_gives_the_listed_tree_and_result)
{
    const struct merge_case *c = &merge_cases[_i];
    TUF_AUTO(tufi_revtree_release) struct revtree t = REVTREE_INIT;
    for (size_t i = 0; i < 3 && c->before[i]; i++)
        merge(&t, c->before[i]);
    enum revtree_result result = merge(&t, c->path);
    ck_assert_str_eq(text_of(&t), c->after);
    ck_assert_int_eq((int)result, (int)c->result);
}
END_TEST

START_TEST(merge_fills_an_unknown_body_but_keeps_a_known_one)
{
    TUF_AUTO(tufi_revtree_release) struct revtree t = REVTREE_INIT;
    merge(&t, "1:a>b>c");
    ck_assert_int_eq((int)merge_flags(&t, "1:a>b", REV_NODE_STORED | REV_NODE_ATTS),
                     (int)REVTREE_INTERNAL);
    ck_assert_str_eq(text_of(&t), "1-a 2-b*<a 3-c<b");
    const struct rev_node *b = &t.nodes[pos_of(&t, 2, "b")];
    ck_assert_uint_eq(b->rec_off, REC_OFF);
    ck_assert_uint_eq(b->rec_len, REC_LEN);
    ck_assert_uint_eq(b->flags, REV_NODE_STORED | REV_NODE_ATTS);

    tuf_slice id = tuf_str("b");
    struct rev_path again = { .gen = 2, .ids = &id, .count = 1 };
    enum revtree_result result;
    ck_ok(
        tufi_revtree_merge(&t, &again, REV_NODE_STORED | REV_NODE_DELETED, 9999, 7, &result, NULL));
    ck_assert_uint_eq(t.nodes[pos_of(&t, 2, "b")].rec_off, REC_OFF);
    ck_assert_uint_eq(t.nodes[pos_of(&t, 2, "b")].flags, REV_NODE_STORED | REV_NODE_ATTS);
}
END_TEST

START_TEST(merge_refuses_paths_that_cannot_be)
{
    TUF_AUTO(tufi_revtree_release) struct revtree t = REVTREE_INIT;
    merge(&t, "1:a>b");
    uint8_t long_id[256] = { 1 };
    tuf_slice ids[3] = { tuf_str("x"), tuf_str("y"), tuf_str("z") };
    enum revtree_result result;
    const struct rev_path bad[] = {
        { .gen = 0, .ids = ids, .count = 0 },
        { .gen = 0, .ids = ids, .count = 1 },
        { .gen = 1, .ids = ids, .count = 0 },
        { .gen = 2, .ids = ids, .count = 3 },
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_fails(tufi_revtree_merge(&t, &bad[i], 0, 0, 0, &result, NULL), TUF_E_INVALID);
    const struct rev_path good = { .gen = 5, .ids = ids, .count = 3 };
    ids[1] = tuf_slice_of(long_id, 0);
    ck_fails(tufi_revtree_merge(&t, &good, 0, 0, 0, &result, NULL), TUF_E_INVALID);
    ids[1] = tuf_slice_of(long_id, 256);
    ck_fails(tufi_revtree_merge(&t, &good, 0, 0, 0, &result, NULL), TUF_E_INVALID);
    ck_assert_str_eq(text_of(&t), "1-a 2-b<a");
    ids[1] = tuf_slice_of(long_id, 255);
    ck_ok(tufi_revtree_merge(&t, &good, 0, 0, 0, &result, NULL));
}
END_TEST

/* A path of 8-byte ids made from a number and their generation. */
static tuf_slice *number_path(struct rev_path *out, size_t count, uint32_t branch)
{
    uint8_t *bytes = malloc(count * 8);
    tuf_slice *ids = malloc(count * sizeof(*ids));
    ck_assert_ptr_nonnull(bytes);
    ck_assert_ptr_nonnull(ids);
    for (size_t i = 0; i < count; i++) {
        put_be32(bytes + i * 8, branch);
        put_be32(bytes + i * 8 + 4, (uint32_t)(count - i));
        ids[i] = tuf_slice_of(bytes + i * 8, 8);
    }
    *out = (struct rev_path){ .gen = count, .ids = ids, .count = count };
    return ids;
}

/* ids[0] is where the bytes of all ids begin. */
static void free_path(tuf_slice *ids)
{
    union {
        const uint8_t *borrowed;
        void *owned;
    } bytes = { .borrowed = ids[0].data };
    free(bytes.owned);
    free(ids);
}

START_TEST(merge_has_limits)
{
    TUF_AUTO(tufi_revtree_release) struct revtree t = REVTREE_INIT;
    struct rev_path path;
    enum revtree_result result;
    tuf_slice *ids = number_path(&path, REVTREE_PATH_MAX + 1, 0);
    ck_fails(tufi_revtree_merge(&t, &path, 0, 0, 0, &result, NULL), TUF_E_LIMIT);
    free_path(ids);
    for (uint32_t branch = 0; branch < 10; branch++) {
        ids = number_path(&path, REVTREE_PATH_MAX, branch);
        ck_ok(tufi_revtree_merge(&t, &path, 0, 0, 0, &result, NULL));
        free_path(ids);
    }
    ck_assert_uint_eq(t.count, REVTREE_NODES_MAX);
    ids = number_path(&path, 1, 10);
    ck_fails(tufi_revtree_merge(&t, &path, 0, 0, 0, &result, NULL), TUF_E_LIMIT);
    free_path(ids);
    ck_assert_uint_eq(t.count, REVTREE_NODES_MAX);
}
END_TEST

static double now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

/* Linear work is far below a tenth of a millisecond per node list of this size; quadratic work
 * would take seconds. The bound is loose because tests also run under sanitizers and valgrind. */
START_TEST(merging_a_long_known_path_is_linear)
{
    TUF_AUTO(tufi_revtree_release) struct revtree t = REVTREE_INIT;
    struct rev_path path;
    tuf_slice *ids = number_path(&path, 10000, 1);
    enum revtree_result result;
    ck_ok(tufi_revtree_merge(&t, &path, 0, 0, 0, &result, NULL));
    double start = now_ms();
    const int round_count = 20;
    for (int i = 0; i < round_count; i++)
        ck_ok(tufi_revtree_merge(&t, &path, 0, 0, 0, &result, NULL));
    double each = (now_ms() - start) / round_count;
    free_path(ids);
    ck_assert_uint_eq(t.count, 10000);
    ck_assert_msg(each < 100, "%.2f ms for one merge", each);
}
END_TEST

static bool never(size_t size, void *ctx)
{
    (void)size;
    (void)ctx;
    return false;
}

static bool after_some(size_t size, void *ctx)
{
    int *left = ctx;
    (void)size;
    return (*left)-- > 0;
}

START_TEST(a_failed_merge_leaves_the_tree_unchanged)
{
    TUF_AUTO(tufi_revtree_release) struct revtree t = REVTREE_INIT;
    TUF_AUTO(tufi_buf_release) struct buf before = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf after = BUF_INIT;
    struct rev_path path, other;
    enum revtree_result result;
    tuf_slice *ids = number_path(&path, 300, 5);
    tuf_slice *other_ids = number_path(&other, 1000, 3);
    ck_ok(tufi_revtree_merge(&t, &path, 0, 0, 0, &result, NULL));
    tufi_revtree_encode(&before, &t);
    tuf_status st = TUF_E_NOMEM;
    int step = 0;
    for (; st != TUF_OK; step++) {
        int left = step;
        tufi_alloc_set_hook(after_some, &left);
        st = tufi_revtree_merge(&t, &other, 0, 0, 0, &result, NULL);
        tufi_alloc_set_hook(NULL, NULL);
        tufi_revtree_assert(&t);
        if (st == TUF_OK)
            break;
        ck_assert_int_eq((int)st, (int)TUF_E_NOMEM);
        tufi_buf_clear(&after);
        tufi_revtree_encode(&after, &t);
        ck_assert(slice_equal(buf_slice(&before), buf_slice(&after)));
    }
    ck_assert_int_ge(step, 3);
    ck_assert_uint_eq(t.count, 1300);
    free_path(ids);
    free_path(other_ids);
}
END_TEST

static const struct stem_case {
    const char *paths[3];
    uint32_t limit;
    const char *after;
} stem_cases[] = {
    { { "1:a>b>c>d>e" }, 3, "3-c 4-d<c 5-e<d" },
    { { "1:a>b>c>d>e" }, 5, "1-a 2-b<a 3-c<b 4-d<c 5-e<d" },
    { { "1:a>b>c>d>e" }, 1000, "1-a 2-b<a 3-c<b 4-d<c 5-e<d" },
    { { "1:a>b>c>d>e" }, 1, "5-e" },
    /* A short branch keeps the part of the trunk that is near to it. */
    { { "1:a>b>c>d>e", "1:a>x" }, 2, "1-a 2-x<a 4-d 5-e<d" },
    /* The cut splits a tree in two roots. */
    { { "1:a>b>c", "1:a>x>y" }, 2, "2-b 2-x 3-c<b 3-y<x" },
    { { "1:a>b>c", "1:a>x>y" }, 3, "1-a 2-b<a 2-x<a 3-c<b 3-y<x" },
    { { "1:a", "5:x>y" }, 1, "1-a 6-y" },
    /* Ghosts go, whatever the limit. */
    { { "1:a>x", "1:b>x" }, 1000, "1-b 2-x<b" },
};

START_TEST(stemming_keeps_what_is_near_a_leaf)
{
    const struct stem_case *c = &stem_cases[_i];
    TUF_AUTO(tufi_revtree_release) struct revtree t = REVTREE_INIT;
    for (size_t i = 0; i < 3 && c->paths[i]; i++)
        merge(&t, c->paths[i]);
    ck_ok(tufi_revtree_stem(&t, c->limit));
    tufi_revtree_assert(&t);
    ck_assert_str_eq(text_of(&t), c->after);
}
END_TEST

START_TEST(stemming_an_empty_tree_is_fine)
{
    TUF_AUTO(tufi_revtree_release) struct revtree t = REVTREE_INIT;
    ck_ok(tufi_revtree_stem(&t, 1));
    ck_assert_uint_eq(t.count, 0);
}
END_TEST

START_TEST(stemming_without_memory_changes_nothing)
{
    TUF_AUTO(tufi_revtree_release) struct revtree t = REVTREE_INIT;
    merge(&t, "1:a>b>c");
    tufi_alloc_set_hook(never, NULL);
    tuf_status st = tufi_revtree_stem(&t, 1);
    tufi_alloc_set_hook(NULL, NULL);
    ck_assert_int_eq((int)st, (int)TUF_E_NOMEM);
    ck_assert_str_eq(text_of(&t), "1-a 2-b<a 3-c<b");
}
END_TEST

START_TEST(removing_a_leaf_takes_what_leads_only_to_it)
{
    TUF_AUTO(tufi_revtree_release) struct revtree t = REVTREE_INIT;
    merge(&t, "1:a>b>c>d");
    merge(&t, "1:a>b>x");
    merge(&t, "7:z");
    ck_outcome(tufi_revtree_remove_leaf(&t, rev_of(3, "c")), TUF_NOT_FOUND);
    ck_outcome(tufi_revtree_remove_leaf(&t, rev_of(3, "q")), TUF_NOT_FOUND);
    ck_ok(tufi_revtree_remove_leaf(&t, rev_of(4, "d")));
    ck_assert_str_eq(text_of(&t), "1-a 2-b<a 3-x<b 7-z");
    ck_ok(tufi_revtree_remove_leaf(&t, rev_of(3, "x")));
    ck_assert_str_eq(text_of(&t), "7-z");
    ck_ok(tufi_revtree_remove_leaf(&t, rev_of(7, "z")));
    ck_assert_uint_eq(t.count, 0);
    ck_outcome(tufi_revtree_remove_leaf(&t, rev_of(7, "z")), TUF_NOT_FOUND);
}
END_TEST

START_TEST(leaves_come_in_winning_order)
{
    TUF_AUTO(tufi_revtree_release) struct revtree t = REVTREE_INIT;
    merge_flags(&t, "1:a>b>c>d>e", REV_NODE_DELETED);
    merge_flags(&t, "1:a>m", 0);
    merge_flags(&t, "1:a>n", 0);
    merge_flags(&t, "1:a>na", 0);
    merge_flags(&t, "1:a>o>p", 0);
    merge_flags(&t, "1:a>z", REV_NODE_DELETED);
    const char *want[] = { "p", "na", "n", "m", "e", "z" };
    size_t *leaves = NULL;
    size_t count = 0;
    ck_ok(tufi_revtree_leaves(&leaves, &count, &t));
    ck_assert_uint_eq(count, 6);
    for (size_t i = 0; i < count; i++)
        ck_assert(slice_is(t.nodes[leaves[i]].rev.id, want[i]));
    for (size_t i = 1; i < count; i++) {
        const struct rev_node *a = &t.nodes[leaves[i - 1]];
        const struct rev_node *b = &t.nodes[leaves[i]];
        ck_assert_int_lt(
            tufi_rev_rank(a->rev, a->flags & REV_NODE_DELETED, b->rev, b->flags & REV_NODE_DELETED),
            0);
    }
    tufi_free(leaves);
}
END_TEST

START_TEST(a_ghost_is_no_leaf)
{
    TUF_AUTO(tufi_revtree_release) struct revtree t = REVTREE_INIT;
    merge_flags(&t, "1:b>x", REV_NODE_STORED | REV_NODE_DELETED);
    merge(&t, "1:a>x");
    size_t *leaves = NULL;
    size_t count = 0;
    ck_ok(tufi_revtree_leaves(&leaves, &count, &t));
    ck_assert_uint_eq(count, 1);
    ck_assert(slice_is(t.nodes[leaves[0]].rev.id, "x"));
    tufi_free(leaves);
    ck_outcome(tufi_revtree_remove_leaf(&t, rev_of(1, "a")), TUF_NOT_FOUND);
    ck_ok(tufi_revtree_remove_leaf(&t, rev_of(2, "x")));
    ck_assert_uint_eq(t.count, 0);
}
END_TEST

START_TEST(questions_about_ancestry)
{
    TUF_AUTO(tufi_revtree_release) struct revtree t = REVTREE_INIT;
    merge(&t, "3:a>b>c");
    merge(&t, "3:a>x");
    size_t a = pos_of(&t, 3, "a"), b = pos_of(&t, 4, "b"), c = pos_of(&t, 5, "c");
    size_t x = pos_of(&t, 4, "x");
    ck_assert(tufi_revtree_descends(&t, c, a));
    ck_assert(tufi_revtree_descends(&t, c, c));
    ck_assert(tufi_revtree_descends(&t, c, b));
    ck_assert(!tufi_revtree_descends(&t, a, c));
    ck_assert(!tufi_revtree_descends(&t, c, x));
    ck_assert(!tufi_revtree_descends(&t, x, b));
    ck_assert_uint_eq(tufi_revtree_path_len(&t, c), 3);
    ck_assert_uint_eq(tufi_revtree_path_len(&t, x), 2);
    ck_assert_uint_eq(tufi_revtree_path_len(&t, a), 1);
    ck_assert_int_eq(tufi_revtree_find(&t, rev_of(4, "a")), -1);
    ck_assert_int_eq(tufi_revtree_find(&t, rev_of(2, "a")), -1);
    ck_assert_int_eq(tufi_revtree_find(&t, rev_of(9, "a")), -1);
}
END_TEST

START_TEST(a_copy_shares_nothing)
{
    TUF_AUTO(tufi_revtree_release) struct revtree copy = REVTREE_INIT;
    TUF_AUTO(tufi_revtree_release) struct revtree empty = REVTREE_INIT;
    {
        TUF_AUTO(tufi_revtree_release) struct revtree t = REVTREE_INIT;
        merge_flags(&t, "1:a>b", REV_NODE_STORED);
        merge(&copy, "1:old");
        ck_ok(tufi_revtree_copy(&copy, &t));
        merge(&t, "1:a>b>c");
    }
    ck_assert_str_eq(text_of(&copy), "1-a 2-b*<a");
    merge(&copy, "1:a>x");
    ck_assert_str_eq(text_of(&copy), "1-a 2-b*<a 2-x<a");
    ck_ok(tufi_revtree_copy(&copy, &empty));
    ck_assert_uint_eq(copy.count, 0);
}
END_TEST

/* The bytes on disk are a promise: this test fails when they change. */
START_TEST(the_encoding_is_as_documented)
{
    TUF_AUTO(tufi_revtree_release) struct revtree t = REVTREE_INIT;
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    merge_flags(&t, "300:a>b", REV_NODE_STORED); /* offset 4096, 100 bytes */
    merge_flags(&t, "300:a>c", REV_NODE_STORED | REV_NODE_DELETED);
    merge(&t, "300:a>0123456789abcdef");
    merge(&t, "300:a>d");
    tufi_revtree_encode(&out, &t);
    const char *want = "05"
                       "00ac020161"                         /* root 300-a */
                       "3030313233343536373839616263646566" /* 16-byte id, 1 back */
                       "42016280406"
                       "4" /* b: 2 back, +4096, 100 */
                       "63030163"
                       "0064"      /* c: far 3, +0, 100 */
                       "60040164"; /* d: far 4 */
    char hex[200] = { 0 };
    ck_assert_uint_lt(out.len * 2, sizeof(hex));
    tufi_hex_encode(hex, out.data, out.len);
    ck_assert_str_eq(hex, want);
    TUF_AUTO(tufi_revtree_release) struct revtree back = REVTREE_INIT;
    ck_ok(tufi_revtree_decode(&back, buf_slice(&out), 0));
    ck_assert_str_eq(text_of(&back), "300-a 301-0123456789abcdef<a 301-b*<a 301-c*!<a 301-d<a");
}
END_TEST

START_TEST(a_stored_node_takes_about_24_bytes)
{
    TUF_AUTO(tufi_revtree_release) struct revtree t = REVTREE_INIT;
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    uint8_t bytes[1000][16];
    tuf_slice ids[2];
    enum revtree_result result;
    for (uint32_t i = 0; i < 1000; i++) {
        memset(bytes[i], 0, 16);
        put_be32(bytes[i], i * 2654435761u);
        ids[0] = tuf_slice_of(bytes[i], 16);
        ids[1] = i > 0 ? tuf_slice_of(bytes[i - 1], 16) : ids[0];
        struct rev_path path = { .gen = i + 1, .ids = ids, .count = i > 0 ? 2 : 1 };
        ck_ok(tufi_revtree_merge(&t, &path, REV_NODE_STORED, 1000000000u + i * 700000ull, 500,
                                 &result, NULL));
    }
    tufi_revtree_encode(&out, &t);
    ck_assert_uint_le(out.len, 24 * 1000);
}
END_TEST

static const struct bad_case {
    const char *why;
    const char *hex;
} bad_cases[] = {
    { "nothing", "" },
    { "count without nodes", "01" },
    { "count too great for its bytes", "ff7f00010161" },
    { "huge count", "ffffffffffffffffff0100010161" },
    { "overlong count", "810000010161" },
    { "bytes after the tree", "010001016100" },
    { "bytes after the empty tree", "0000" },
    { "reserved bit", "0180010161" },
    { "generation 0", "0100000161" },
    { "overlong generation", "010081000161" },
    { "empty id", "0100010061" },
    { "cut id", "0100010261" },
    { "16-byte id with a length", "0100011030303030303030303030303030303030" },
    { "first node has a parent", "01200161" },
    { "parent before the first", "02000101614"
                                 "00162" },
    { "far parent that is near", "020001016160010162" },
    { "far parent before the first", "020001016160030162" },
    { "far parent out of range", "0200010161"
                                 "60ffffffffffffffffff010162" },
    { "same revision twice", "020001016100010161" },
    { "out of order", "020001016200010161" },
    { "generation out of order", "020002016100010162" },
    { "child of the greatest generation", "0200ffffffffffffffffff010161200162" },
    { "child of a ghost", "0208010161200162" },
    { "record length beyond 32 bits", "01020101610080808080"
                                      "10" },
    { "record missing", "0102010161" },
};

START_TEST(decode_refuses_what_encode_never_writes)
{
    const struct bad_case *c = &bad_cases[_i];
    uint8_t bytes[100];
    size_t len = strlen(c->hex);
    ck_assert_uint_le(len / 2, sizeof(bytes));
    ck_assert(tufi_hex_decode(bytes, c->hex, len));
    TUF_AUTO(tufi_revtree_release) struct revtree t = REVTREE_INIT;
    merge(&t, "1:a");
    tuf_status st = tufi_revtree_decode(&t, tuf_slice_of(bytes, len / 2), 12345);
    ck_assert_msg(st == TUF_E_CORRUPT, "%s: %s", c->why, tuf_status_name(st));
    ck_assert_uint_eq(tuf_last_error()->file_off, 12345);
    ck_assert_uint_eq(t.count, 0);
}
END_TEST

START_TEST(decode_takes_what_the_bad_cases_are_made_of)
{
    const char *good[] = { "00",
                           "0100010161",
                           "02000101612"
                           "00162",
                           "0200010161"
                           "00010162",
                           "0208010161"
                           "00010162",
                           "01020101610080808080"
                           "01" };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        uint8_t bytes[100];
        size_t len = strlen(good[i]);
        ck_assert(tufi_hex_decode(bytes, good[i], len));
        TUF_AUTO(tufi_revtree_release) struct revtree t = REVTREE_INIT;
        TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
        ck_ok(tufi_revtree_decode(&t, tuf_slice_of(bytes, len / 2), 0));
        tufi_revtree_encode(&out, &t);
        ck_assert(slice_equal(buf_slice(&out), tuf_slice_of(bytes, len / 2)));
    }
}
END_TEST

static Suite *revtree_suite(void)
{
    Suite *s = suite_create("revtree");
    TCase *merging = tcase_create("merge");
    tcase_add_loop_test(merging, merging_a_path_gives_the_listed_tree_and_result, 0,
                        (int)(sizeof(merge_cases) / sizeof(merge_cases[0])));
    tcase_add_test(merging, merge_fills_an_unknown_body_but_keeps_a_known_one);
    tcase_add_test(merging, merge_refuses_paths_that_cannot_be);
    tcase_add_test(merging, merge_has_limits);
    tcase_add_test(merging, merging_a_long_known_path_is_linear);
    tcase_add_test(merging, a_failed_merge_leaves_the_tree_unchanged);
    tcase_set_timeout(merging, 120);
    suite_add_tcase(s, merging);
    TCase *pruning = tcase_create("prune");
    tcase_add_loop_test(pruning, stemming_keeps_what_is_near_a_leaf, 0,
                        (int)(sizeof(stem_cases) / sizeof(stem_cases[0])));
    tcase_add_test(pruning, stemming_an_empty_tree_is_fine);
    tcase_add_test(pruning, stemming_without_memory_changes_nothing);
    tcase_add_test(pruning, removing_a_leaf_takes_what_leads_only_to_it);
    suite_add_tcase(s, pruning);
    TCase *asking = tcase_create("ask");
    tcase_add_test(asking, leaves_come_in_winning_order);
    tcase_add_test(asking, a_ghost_is_no_leaf);
    tcase_add_test(asking, questions_about_ancestry);
    tcase_add_test(asking, a_copy_shares_nothing);
    suite_add_tcase(s, asking);
    TCase *codec = tcase_create("codec");
    tcase_add_test(codec, the_encoding_is_as_documented);
    tcase_add_test(codec, a_stored_node_takes_about_24_bytes);
    tcase_add_loop_test(codec, decode_refuses_what_encode_never_writes, 0,
                        (int)(sizeof(bad_cases) / sizeof(bad_cases[0])));
    tcase_add_test(codec, decode_takes_what_the_bad_cases_are_made_of);
    suite_add_tcase(s, codec);
    return s;
}

int main(void)
{
    return tuft_run(revtree_suite());
}
