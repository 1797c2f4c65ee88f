/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: laws that revision trees obey for every set of paths, tried on thousands of random sets and
 * compared with a model.
 *
 * The model knows no trees: it is a table of the claims made so far ("this revision exists", "that
 * is its parent"), over few generations and few ids so that paths collide all the time. Some sets
 * are consistent (a revision always has the same parent, as real ones do), others are not.
 *
 * TUF_SEED repeats a run, TUF_STEPS sets the number of sets (default 4000). A failure prints the
 * seed of its set.
 *
 * Not here: chosen cases and exact bytes (test_revtree.c).
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "engine/revtree.h"
#include "tests/lib/test.h"

#define GEN_COUNT 7
#define ID_COUNT 5
#define PATHS_MAX 10

/* In byte order, of many lengths; the last two are the usual size. */
static const tuf_slice id_table[ID_COUNT] = {
    { (const uint8_t *)"\0", 1 },
    { (const uint8_t *)"\0a", 2 },
    { (const uint8_t *)"a", 1 },
    { (const uint8_t *)"aaaaaaaaaaaaaaaa", 16 },
    { (const uint8_t *)"\xff-aaaaaaaaaaaaaa", 16 },
};

static unsigned long long set_seed; /* of the set under test */
static const char *law_name;        /* of the law it is tried on */

/* Not ck_assert, which reports each check to its parent process: there are millions. */
#define expect(cond)                                                                               \
    do {                                                                                           \
        if (!(cond))                                                                               \
            ck_abort_msg("%s: %s (repeat with TUF_SEED=%llu TUF_STEPS=1)", law_name, #cond,        \
                         set_seed);                                                                \
    } while (0)

static uint64_t rng_state;

static uint32_t rng(uint32_t bound)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return (uint32_t)(rng_state >> 20) % bound;
}

static void rng_seed(uint64_t seed)
{
    rng_state = seed * 0x9e3779b97f4a7c15ull + 1;
    for (int i = 0; i < 8; i++)
        rng(2);
}

static uint64_t env_number(const char *name, uint64_t fallback)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : fallback;
}

/* ---------------------------------------------------------------- paths */

struct test_path {
    size_t gen; /* of the newest */
    size_t count;
    int ids[GEN_COUNT]; /* indexes of id_table, newest first */
};

struct path_set {
    size_t count;
    struct test_path paths[PATHS_MAX];
};

/* The parent a revision always has in consistent sets. */
static int fixed_parent(uint64_t seed, size_t gen, int id)
{
    uint64_t h = (seed + gen * 31 + (uint64_t)id * 7) * 0x9e3779b97f4a7c15ull;
    return (int)((h >> 40) % ID_COUNT);
}

static void random_set(struct path_set *set, uint64_t seed, bool consistent)
{
    rng_seed(seed);
    set->count = 1 + rng(PATHS_MAX);
    for (size_t p = 0; p < set->count; p++) {
        struct test_path *path = &set->paths[p];
        path->gen = 1 + rng(GEN_COUNT);
        path->count = 1 + rng((uint32_t)path->gen);
        path->ids[0] = (int)rng(ID_COUNT);
        for (size_t i = 1; i < path->count; i++)
            path->ids[i] = consistent ? fixed_parent(seed, path->gen - i + 1, path->ids[i - 1])
                                      : (int)rng(ID_COUNT);
    }
}

static void shuffle(struct path_set *set)
{
    for (size_t i = set->count; i > 1; i--) {
        size_t other = rng((uint32_t)i);
        struct test_path kept = set->paths[i - 1];
        set->paths[i - 1] = set->paths[other];
        set->paths[other] = kept;
    }
}

/* What a revision's record is depends only on the revision, as on real replicas. */
static uint32_t flags_of(size_t gen, int id)
{
    return REV_NODE_STORED | ((gen * 3 + (size_t)id) % 4 == 0 ? REV_NODE_DELETED : 0u) |
           ((gen + (size_t)id) % 3 == 0 ? REV_NODE_ATTS : 0u);
}

static uint64_t off_of(size_t gen, int id)
{
    return (gen * 1000003 + (size_t)id * 7919) % 100000;
}

static enum revtree_result merge(struct revtree *t, const struct test_path *p)
{
    tuf_slice ids[GEN_COUNT];
    for (size_t i = 0; i < p->count; i++)
        ids[i] = id_table[p->ids[i]];
    struct rev_path path = { .gen = p->gen, .ids = ids, .count = p->count };
    enum revtree_result result;
    size_t pos;
    expect(tufi_revtree_merge(t, &path, flags_of(p->gen, p->ids[0]), off_of(p->gen, p->ids[0]),
                              (uint32_t)p->gen, &result, &pos) == TUF_OK);
    expect((int)pos == tufi_revtree_find(t, (tuf_rev){ path.gen, ids[0] }));
    return result;
}

/* ---------------------------------------------------------------- model */

struct claim {
    bool exists;
    bool stored;
    bool is_parent; /* somebody's */
    int parent;     /* greatest id claimed as its parent, -1 if none */
};

struct model {
    struct claim at[GEN_COUNT + 1][ID_COUNT];
};

static void model_init(struct model *m)
{
    memset(m, 0, sizeof(*m));
    for (size_t gen = 0; gen <= GEN_COUNT; gen++)
        for (int id = 0; id < ID_COUNT; id++)
            m->at[gen][id].parent = -1;
}

static bool model_is_leaf(const struct model *m, size_t gen, int id)
{
    return m->at[gen][id].exists && !m->at[gen][id].is_parent;
}

static bool model_is_empty(const struct model *m)
{
    for (size_t gen = 1; gen <= GEN_COUNT; gen++)
        for (int id = 0; id < ID_COUNT; id++)
            if (m->at[gen][id].exists)
                return false;
    return true;
}

static enum revtree_result model_judge(const struct model *m, const struct test_path *p)
{
    if (m->at[p->gen][p->ids[0]].exists)
        return REVTREE_INTERNAL;
    for (size_t i = 1; i < p->count; i++)
        if (m->at[p->gen - i][p->ids[i]].exists)
            return model_is_leaf(m, p->gen - i, p->ids[i]) ? REVTREE_NEW_LEAF : REVTREE_NEW_BRANCH;
    return model_is_empty(m) ? REVTREE_NEW_LEAF : REVTREE_NEW_BRANCH;
}

static void model_merge(struct model *m, const struct test_path *p)
{
    for (size_t i = 0; i < p->count; i++) {
        struct claim *c = &m->at[p->gen - i][p->ids[i]];
        c->exists = true;
        if (i > 0)
            c->is_parent = true;
        if (i + 1 < p->count && p->ids[i + 1] > c->parent)
            c->parent = p->ids[i + 1];
    }
    m->at[p->gen][p->ids[0]].stored = true;
}

/* Keeps what is fewer than `limit` steps above a leaf, by walking up from each leaf. */
static void model_stem(struct model *m, size_t limit)
{
    bool keep[GEN_COUNT + 1][ID_COUNT] = { { false } };
    for (size_t leaf_gen = 1; leaf_gen <= GEN_COUNT; leaf_gen++)
        for (int leaf = 0; leaf < ID_COUNT; leaf++) {
            if (!model_is_leaf(m, leaf_gen, leaf))
                continue;
            int id = leaf;
            for (size_t step = 0; step < limit && id >= 0; step++) {
                keep[leaf_gen - step][id] = true;
                id = m->at[leaf_gen - step][id].parent;
            }
        }
    for (size_t gen = GEN_COUNT; gen > 0; gen--)
        for (int id = 0; id < ID_COUNT; id++) {
            struct claim *c = &m->at[gen][id];
            if (!keep[gen][id])
                *c = (struct claim){ .parent = -1 };
            else if (c->parent >= 0 && !keep[gen - 1][c->parent])
                c->parent = -1;
        }
}

static bool model_has_child(const struct model *m, size_t gen, int id)
{
    for (int child = 0; gen < GEN_COUNT && child < ID_COUNT; child++)
        if (m->at[gen + 1][child].exists && m->at[gen + 1][child].parent == id)
            return true;
    return false;
}

static void model_remove_leaf(struct model *m, size_t gen, int id)
{
    int parent = m->at[gen][id].parent;
    m->at[gen][id] = (struct claim){ .parent = -1 };
    if (parent >= 0 && !model_has_child(m, gen - 1, parent))
        model_remove_leaf(m, gen - 1, parent);
}

static void expect_node(const struct model *m, size_t gen, int id, const struct revtree *t,
                        size_t pos)
{
    const struct claim *c = &m->at[gen][id];
    expect(pos < t->count);
    const struct rev_node *n = &t->nodes[pos];
    expect(n->rev.gen == gen);
    expect(slice_equal(n->rev.id, id_table[id]));
    expect((n->parent >= 0) == (c->parent >= 0));
    if (c->parent >= 0)
        expect(slice_equal(t->nodes[n->parent].rev.id, id_table[c->parent]));
    expect((n->child_count == 0) == !c->is_parent);
    bool ghost = c->is_parent && !model_has_child(m, gen, id);
    uint32_t want = (c->stored ? flags_of(gen, id) : 0u) | (ghost ? REV_NODE_GHOST : 0u);
    expect(n->flags == want);
    expect(n->rec_off == (c->stored ? off_of(gen, id) : 0));
}

static void expect_tree(const struct model *m, const struct revtree *t)
{
    size_t pos = 0;
    for (size_t gen = 1; gen <= GEN_COUNT; gen++)
        for (int id = 0; id < ID_COUNT; id++)
            if (m->at[gen][id].exists)
                expect_node(m, gen, id, t, pos++);
    expect(pos == t->count);
    tufi_revtree_assert(t);
}

/* ---------------------------------------------------------------- helpers */

static void merge_all(struct revtree *t, const struct path_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        merge(t, &set->paths[i]);
}

static void expect_equal(const struct revtree *a, const struct revtree *b)
{
    TUF_AUTO(tufi_buf_release) struct buf a_bytes = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf b_bytes = BUF_INIT;
    tufi_revtree_encode(&a_bytes, a);
    tufi_revtree_encode(&b_bytes, b);
    expect(!a_bytes.failed);
    expect(!b_bytes.failed);
    expect(slice_equal(buf_slice(&a_bytes), buf_slice(&b_bytes)));
}

typedef void law_fn(struct path_set *set);

/* Tries a law on many sets, consistent and not. */
static void try_law(law_fn *law, bool only_consistent)
{
    uint64_t first = env_number("TUF_SEED", 1);
    uint64_t count = env_number("TUF_STEPS", 4000);
    for (uint64_t seed = first; seed < first + count; seed++) {
        struct path_set set;
        random_set(&set, seed, only_consistent || seed % 2 == 0);
        set_seed = seed;
        law(&set);
    }
}

/* ---------------------------------------------------------------- laws */

static void agrees_with_model(struct path_set *set)
{
    TUF_AUTO(tufi_revtree_release) struct revtree t = REVTREE_INIT;
    struct model m;
    model_init(&m);
    for (size_t i = 0; i < set->count; i++) {
        enum revtree_result want = model_judge(&m, &set->paths[i]);
        expect((int)merge(&t, &set->paths[i]) == (int)want);
        model_merge(&m, &set->paths[i]);
        expect_tree(&m, &t);
    }
}

static void order_does_not_matter(struct path_set *set)
{
    TUF_AUTO(tufi_revtree_release) struct revtree first = REVTREE_INIT;
    merge_all(&first, set);
    for (int round = 0; round < 4; round++) {
        TUF_AUTO(tufi_revtree_release) struct revtree other = REVTREE_INIT;
        shuffle(set);
        merge_all(&other, set);
        expect_equal(&first, &other);
    }
}

static void merging_again_changes_nothing(struct path_set *set)
{
    TUF_AUTO(tufi_revtree_release) struct revtree t = REVTREE_INIT;
    TUF_AUTO(tufi_revtree_release) struct revtree before = REVTREE_INIT;
    merge_all(&t, set);
    expect(tufi_revtree_copy(&before, &t) == TUF_OK);
    shuffle(set);
    for (size_t i = 0; i < set->count; i++)
        expect((int)merge(&t, &set->paths[i]) == (int)REVTREE_INTERNAL);
    expect_equal(&before, &t);
}

/* Merges every leaf's whole path of one tree into another, as a replicator would. */
static void replicate(struct revtree *target, const struct revtree *source)
{
    size_t *leaves = NULL;
    size_t leaf_count = 0;
    expect(tufi_revtree_leaves(&leaves, &leaf_count, source) == TUF_OK);
    for (size_t i = 0; i < leaf_count; i++) {
        const struct rev_node *leaf = &source->nodes[leaves[i]];
        tuf_slice ids[GEN_COUNT];
        size_t count = 0;
        for (int32_t p = (int32_t)leaves[i]; p >= 0; p = source->nodes[p].parent)
            ids[count++] = source->nodes[p].rev.id;
        expect(count == tufi_revtree_path_len(source, leaves[i]));
        struct rev_path path = { .gen = leaf->rev.gen, .ids = ids, .count = count };
        enum revtree_result result;
        expect(tufi_revtree_merge(target, &path, leaf->flags, leaf->rec_off, leaf->rec_len, &result,
                                  NULL) == TUF_OK);
    }
    tufi_free(leaves);
}

/* Bodies of inner revisions are not replicated: forget them before comparing. */
static void forget_inner_bodies(struct revtree *t)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->nodes[i].child_count > 0) {
            t->nodes[i].flags = 0;
            t->nodes[i].rec_off = 0;
            t->nodes[i].rec_len = 0;
        }
}

static void replicas_converge(struct path_set *set)
{
    TUF_AUTO(tufi_revtree_release) struct revtree a = REVTREE_INIT;
    TUF_AUTO(tufi_revtree_release) struct revtree b = REVTREE_INIT;
    TUF_AUTO(tufi_revtree_release) struct revtree all = REVTREE_INIT;
    for (size_t i = 0; i < set->count; i++)
        merge(rng(2) == 0 ? &a : &b, &set->paths[i]);
    merge_all(&all, set);
    replicate(&b, &a);
    replicate(&a, &b);
    forget_inner_bodies(&a);
    forget_inner_bodies(&b);
    forget_inner_bodies(&all);
    expect_equal(&a, &b);
    expect_equal(&a, &all);
}

static void stemming_agrees_with_model(struct path_set *set)
{
    TUF_AUTO(tufi_revtree_release) struct revtree t = REVTREE_INIT;
    struct model m;
    model_init(&m);
    uint32_t limit = 1 + rng(GEN_COUNT + 1);
    for (size_t i = 0; i < set->count; i++) {
        merge(&t, &set->paths[i]);
        model_merge(&m, &set->paths[i]);
        if (rng(3) > 0)
            continue;
        expect(tufi_revtree_stem(&t, limit) == TUF_OK);
        model_stem(&m, limit);
        expect_tree(&m, &t);
    }
}

static void stemming_twice_is_stemming_once(struct path_set *set)
{
    TUF_AUTO(tufi_revtree_release) struct revtree once = REVTREE_INIT;
    TUF_AUTO(tufi_revtree_release) struct revtree twice = REVTREE_INIT;
    uint32_t limit = 1 + rng(GEN_COUNT);
    merge_all(&once, set);
    expect(tufi_revtree_stem(&once, limit) == TUF_OK);
    expect(tufi_revtree_copy(&twice, &once) == TUF_OK);
    expect(tufi_revtree_stem(&twice, limit) == TUF_OK);
    expect_equal(&once, &twice);
}

static void stemming_keeps_the_leaves(struct path_set *set)
{
    TUF_AUTO(tufi_revtree_release) struct revtree before = REVTREE_INIT;
    TUF_AUTO(tufi_revtree_release) struct revtree after = REVTREE_INIT;
    merge_all(&before, set);
    expect(tufi_revtree_copy(&after, &before) == TUF_OK);
    expect(tufi_revtree_stem(&after, 1 + rng(GEN_COUNT)) == TUF_OK);
    size_t *a = NULL, *b = NULL;
    size_t a_count = 0, b_count = 0;
    expect(tufi_revtree_leaves(&a, &a_count, &before) == TUF_OK);
    expect(tufi_revtree_leaves(&b, &b_count, &after) == TUF_OK);
    expect(a_count == b_count);
    for (size_t i = 0; i < a_count; i++)
        expect(rev_order(before.nodes[a[i]].rev, after.nodes[b[i]].rev) == 0);
    tufi_free(a);
    tufi_free(b);
}

static void removing_leaves_agrees_with_model(struct path_set *set)
{
    TUF_AUTO(tufi_revtree_release) struct revtree t = REVTREE_INIT;
    struct model m;
    model_init(&m);
    for (size_t i = 0; i < set->count; i++) {
        merge(&t, &set->paths[i]);
        model_merge(&m, &set->paths[i]);
    }
    model_stem(&m, GEN_COUNT); /* the model has no ghosts while leaves are removed */
    expect(tufi_revtree_stem(&t, GEN_COUNT) == TUF_OK);
    for (int round = 0; round < 30; round++) {
        size_t gen = 1 + rng(GEN_COUNT);
        int id = (int)rng(ID_COUNT);
        tuf_rev rev = { gen, id_table[id] };
        bool leaf = m.at[gen][id].exists && !model_has_child(&m, gen, id);
        expect(tufi_revtree_remove_leaf(&t, rev) == (leaf ? TUF_OK : TUF_NOT_FOUND));
        if (leaf)
            model_remove_leaf(&m, gen, id);
        expect_tree(&m, &t);
    }
}

static void decoding_restores_the_tree(struct path_set *set)
{
    TUF_AUTO(tufi_revtree_release) struct revtree t = REVTREE_INIT;
    TUF_AUTO(tufi_revtree_release) struct revtree back = REVTREE_INIT;
    TUF_AUTO(tufi_buf_release) struct buf bytes = BUF_INIT;
    merge_all(&t, set);
    tufi_revtree_encode(&bytes, &t);
    expect(tufi_revtree_decode(&back, buf_slice(&bytes), 0) == TUF_OK);
    tufi_revtree_assert(&back);
    expect(back.count == t.count);
    for (size_t i = 0; i < t.count; i++) {
        const struct rev_node *a = &t.nodes[i];
        const struct rev_node *b = &back.nodes[i];
        expect(rev_order(a->rev, b->rev) == 0);
        expect(a->parent == b->parent);
        expect(a->flags == b->flags);
        expect(a->rec_off == b->rec_off);
        expect(a->rec_len == b->rec_len);
        expect(a->child_count == b->child_count);
    }
}

/* INV-RT-7: damaged bytes are refused, or are the one encoding of some other tree. */
static void a_tree_has_one_encoding(struct path_set *set)
{
    TUF_AUTO(tufi_revtree_release) struct revtree t = REVTREE_INIT;
    TUF_AUTO(tufi_buf_release) struct buf bytes = BUF_INIT;
    merge_all(&t, set);
    tufi_revtree_encode(&bytes, &t);
    for (int round = 0; round < 8; round++) {
        TUF_AUTO(tufi_buf_release) struct buf again = BUF_INIT;
        bytes.data[rng((uint32_t)bytes.len)] ^= (uint8_t)(1u << rng(8));
        tuf_slice damaged = buf_slice(&bytes);
        if (rng(4) == 0)
            damaged.len = rng((uint32_t)bytes.len);
        if (tufi_revtree_decode(&t, damaged, 0) != TUF_OK)
            continue;
        tufi_revtree_assert(&t);
        tufi_revtree_encode(&again, &t);
        expect(slice_equal(damaged, buf_slice(&again)));
    }
}

static const struct law {
    const char *name;
    law_fn *law;
    bool only_consistent;
} laws[] = {
    { "agrees_with_model", agrees_with_model, false },
    { "order_does_not_matter", order_does_not_matter, false },
    { "merging_again_changes_nothing", merging_again_changes_nothing, false },
    { "replicas_converge", replicas_converge, true }, /* leaf paths cannot tell of ghosts */
    { "stemming_agrees_with_model", stemming_agrees_with_model, false },
    { "stemming_twice_is_stemming_once", stemming_twice_is_stemming_once, false },
    { "stemming_keeps_the_leaves", stemming_keeps_the_leaves, false },
    { "removing_leaves_agrees_with_model", removing_leaves_agrees_with_model, false },
    { "decoding_restores_the_tree", decoding_restores_the_tree, false },
    { "a_tree_has_one_encoding", a_tree_has_one_encoding, false },
};

START_TEST(law_holds_for_random_paths)
{
    law_name = laws[_i].name;
    try_law(laws[_i].law, laws[_i].only_consistent);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("revtree laws");
    TCase *tc = tcase_create("laws");
    tcase_add_loop_test(tc, law_holds_for_random_paths, 0, (int)(sizeof(laws) / sizeof(laws[0])));
    tcase_set_timeout(tc, 300);
    suite_add_tcase(s, tc);
    return tuft_run(s);
}
