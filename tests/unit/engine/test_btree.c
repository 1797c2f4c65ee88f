/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: B+trees: chosen cases, the shape of trees, and random operations against a model.
 *
 * TUF_SEED repeats one random run, TUF_STEPS sets its number of operations.
 * Not here: failures (test_btree_faults.c), damage (test_btree_check.c), when nodes are freed
 * (test_btree_versions.c), threads (test_btree_threads.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "engine/btree_env.h"
#include "tests/lib/test.h"
#include "tests/unit/engine/btree_model.h"

static struct mem_file file;
static struct btree_env *env;
static struct btree_txn *txn;

static void open_env(size_t node_size)
{
    mem_file_init(&file);
    struct btree_config config = { .read = mem_file_read,
                                   .ctx = &file,
                                   .reduce = { model_reduce },
                                   .cache_size = 1 << 20,
                                   .node_size = node_size };
    ck_ok(tufi_btree_env_new(&env, &config));
    ck_ok(tufi_btree_txn_begin(&txn, env));
}

static void close_env(void)
{
    tufi_btree_txn_abort(&txn);
    tufi_btree_env_free(&env);
    mem_file_release(&file);
}

static struct btree *tree(void)
{
    return tufi_btree_txn_tree(txn, 0);
}

static void put(const char *key, const char *value)
{
    ck_ok(tufi_btree_put(txn, 0, tuf_str(key), tuf_str(value)));
}

static bool has(const char *key, const char *value)
{
    struct btree_pin pin = BTREE_PIN_INIT;
    tuf_slice found;
    tuf_status st = tufi_btree_find(env, tree(), tuf_str(key), &found, &pin);
    ck_assert_int_ge(st, 0);
    bool same = st == TUF_OK && slice_is(found, value);
    tufi_btree_unpin(env, &pin);
    return same;
}

static tuf_slice number_key(uint8_t bytes[8], uint64_t number)
{
    put_be64(bytes, number);
    return tuf_slice_of(bytes, 8);
}

static void put_number(uint64_t number, size_t value_len)
{
    static const uint8_t value[4096];
    uint8_t key[8];
    ck_ok(tufi_btree_put(txn, 0, number_key(key, number), tuf_slice_of(value, value_len)));
}

static void remove_number(uint64_t number)
{
    uint8_t key[8];
    ck_ok(tufi_btree_remove(txn, 0, number_key(key, number)));
}

START_TEST(empty_tree_lookup_is_not_found)
{
    open_env(0);
    ck_assert(!has("a", ""));
    ck_outcome(tufi_btree_remove(txn, 0, tuf_str("a")), TUF_NOT_FOUND);
    struct btree_cursor *cursor;
    tuf_slice key;
    tuf_slice value;
    uint64_t passed;
    ck_ok(tufi_btree_cursor_new(&cursor, env, tree()));
    ck_outcome(tufi_btree_next(cursor, &key, &value), TUF_END);
    ck_outcome(tufi_btree_prev(cursor, &key, &value), TUF_END);
    ck_ok(tufi_btree_seek(cursor, tuf_str("x")));
    ck_ok(tufi_btree_skip(cursor, false, 0, 5, NULL, &passed));
    ck_assert_uint_eq(passed, 0);
    tufi_btree_cursor_free(&cursor);
    close_env();
}
END_TEST

START_TEST(empty_key_and_empty_value_are_an_entry)
{
    open_env(0);
    put("", "");
    put("a", "1");
    ck_assert(has("", ""));
    ck_assert_uint_eq(tree()->entry_count, 2);
    close_env();
}
END_TEST

START_TEST(last_removed_entry_leaves_an_empty_tree)
{
    open_env(0);
    put("a", "1");
    ck_ok(tufi_btree_remove(txn, 0, tuf_str("a")));
    ck_assert_uint_eq(tree()->height, 0);
    ck_assert_ptr_null(tree()->root.mem);
    ck_assert_uint_eq(env->live_count, 0);
    put("b", "2");
    ck_assert(has("b", "2"));
    close_env();
}
END_TEST

START_TEST(same_value_again_copies_nothing)
{
    open_env(0);
    put("a", "1");
    tufi_btree_txn_publish(&txn, NULL, NULL);
    ck_ok(tufi_btree_txn_begin(&txn, env));
    const struct bnode *before = tree()->root.mem;
    put("a", "1");
    ck_assert_ptr_eq(tree()->root.mem, before);
    put("a", "2");
    ck_assert_ptr_ne(tree()->root.mem, before);
    close_env();
}
END_TEST

START_TEST(too_long_key_or_value_is_a_limit)
{
    open_env(0);
    TUF_AUTOFREE uint8_t *bytes = tufi_alloc_zero(BTREE_VALUE_SIZE_MAX + 1);
    ck_fails(tufi_btree_put(txn, 0, tuf_slice_of(bytes, BTREE_KEY_SIZE_MAX + 1), tuf_str("")),
             TUF_E_LIMIT);
    ck_fails(tufi_btree_put(txn, 0, tuf_str("a"), tuf_slice_of(bytes, BTREE_VALUE_SIZE_MAX + 1)),
             TUF_E_LIMIT);
    close_env();
}
END_TEST

START_TEST(longest_key_and_value_survive_the_file)
{
    open_env(0);
    TUF_AUTOFREE uint8_t *bytes = tufi_alloc(BTREE_VALUE_SIZE_MAX);
    memset(bytes, 'v', BTREE_VALUE_SIZE_MAX);
    tuf_slice value = tuf_slice_of(bytes, BTREE_VALUE_SIZE_MAX);
    put("a", "1");
    put("z", "2");
    ck_ok(tufi_btree_put(txn, 0, tuf_slice_of(bytes, BTREE_KEY_SIZE_MAX), value));
    ck_ok(tufi_btree_txn_write(txn, mem_file_append, &file));
    tufi_btree_txn_publish(&txn, NULL, NULL);
    ck_ok(tufi_btree_txn_begin(&txn, env));
    struct btree_pin pin = BTREE_PIN_INIT;
    tuf_slice found;
    ck_ok(tufi_btree_find(env, tree(), tuf_slice_of(bytes, BTREE_KEY_SIZE_MAX), &found, &pin));
    ck_assert(slice_equal(found, value));
    tufi_btree_unpin(env, &pin);
    ck_assert(has("a", "1") && has("z", "2"));
    close_env();
}
END_TEST

/* ---- the shape ------------------------------------------------------------------------------- */

/* Encoded bytes of all leaves, and how many there are. */
struct leaves {
    size_t count;
    size_t size;
    size_t smallest;
};

static void measure_leaves(const struct node_ref *ref, struct leaves *out)
{
    const struct bnode *node = ref->mem;
    ck_assert_ptr_nonnull(node);
    if (node->level > 0) {
        for (uint32_t i = 0; i < node->count; i++) {
            struct node_ref child = tufi_bnode_child_ref(node, i);
            measure_leaves(&child, out);
        }
        return;
    }
    TUF_AUTO(tufi_buf_release) struct buf encoded = BUF_INIT;
    tufi_bnode_encode(node, &encoded);
    ck_assert(!encoded.failed);
    out->count++;
    out->size += encoded.len;
    if (out->smallest == 0 || encoded.len < out->smallest)
        out->smallest = encoded.len;
}

static struct leaves leaves_of_tree(void)
{
    struct leaves leaves = { 0 };
    measure_leaves(&tree()->root, &leaves);
    return leaves;
}

static size_t fill_percent(const struct leaves *leaves, size_t node_size)
{
    return leaves->size * 100 / (leaves->count * node_size);
}

START_TEST(ascending_keys_fill_the_nodes)
{
    open_env(8192);
    for (uint64_t i = 0; i < 20000; i++)
        put_number(i, 50);
    struct leaves leaves = leaves_of_tree();
    ck_assert_uint_gt(fill_percent(&leaves, 8192), 90);
    close_env();
}
END_TEST

START_TEST(ascending_keys_fill_the_nodes_over_many_txns)
{
    open_env(8192);
    for (uint64_t i = 0; i < 20000; i++) {
        put_number(i, 50);
        if (i % 10 == 0) {
            tufi_btree_txn_publish(&txn, NULL, NULL);
            ck_ok(tufi_btree_txn_begin(&txn, env));
        }
    }
    struct leaves leaves = leaves_of_tree();
    ck_assert_uint_gt(fill_percent(&leaves, 8192), 90);
    close_env();
}
END_TEST

/* As with ids that count up behind a prefix. */
START_TEST(series_of_ascending_keys_fill_the_nodes)
{
    open_env(8192);
    for (uint64_t i = 0; i < 20000; i++)
        put_number((i / 20 % 16) << 32 | i, 50);
    struct leaves leaves = leaves_of_tree();
    ck_assert_uint_gt(fill_percent(&leaves, 8192), 85);
    close_env();
}
END_TEST

START_TEST(random_keys_leave_no_nearly_empty_nodes)
{
    open_env(4096);
    struct choices choices = { .random = 1 };
    for (uint64_t i = 0; i < 20000; i++)
        put_number(choose(&choices, UINT32_MAX), 50);
    struct leaves leaves = leaves_of_tree();
    ck_assert_uint_gt(fill_percent(&leaves, 4096), 60);
    ck_assert_uint_gt(leaves.smallest, 4096 / 4);
    close_env();
}
END_TEST

START_TEST(removed_entries_take_their_nodes_with_them)
{
    open_env(1024);
    for (uint64_t i = 0; i < 10000; i++)
        put_number(i, 20);
    for (uint64_t i = 0; i < 10000; i++) {
        if (i % 20 != 0)
            remove_number(i);
    }
    ck_assert_uint_eq(tree()->entry_count, 500);
    struct leaves leaves = leaves_of_tree();
    ck_assert_uint_gt(fill_percent(&leaves, 1024), 33);
    for (uint64_t i = 0; i < 10000; i += 20)
        remove_number(i);
    ck_assert_uint_eq(tree()->height, 0);
    ck_assert_uint_eq(env->live_count, 0);
    close_env();
}
END_TEST

START_TEST(nodes_fit_the_size_they_are_given)
{
    static const size_t sizes[] = { 256, 1024, 8192 };
    open_env(sizes[_i]);
    for (uint64_t i = 0; i < 5000; i++)
        put_number((i + 1) * UINT64_C(0x9e3779b97f4a7c15), i % 40);
    size_t before = file.len;
    ck_ok(tufi_btree_txn_write(txn, mem_file_append, &file));
    size_t mean = (file.len - before) / file.append_count;
    ck_assert_uint_le(mean, sizes[_i]);
    ck_assert_uint_ge(mean, sizes[_i] / 2);
    close_env();
}
END_TEST

START_TEST(separators_are_cut_short)
{
    open_env(4096);
    char key[128];
    for (unsigned i = 0; i < 2000; i++) {
        snprintf(key, sizeof(key), "%05u-with-a-very-long-tail-that-no-separator-needs", i * 31);
        put(key, "v");
    }
    const struct bnode *root = tree()->root.mem;
    ck_assert_uint_gt(root->level, 0);
    for (uint32_t i = 1; i < root->count; i++)
        ck_assert_uint_le(tufi_bnode_key(root, i).len, 5);
    close_env();
}
END_TEST

/* ---- random operations ----------------------------------------------------------------------- */

static uint64_t env_number(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);
    return value && *value ? strtoull(value, NULL, 10) : otherwise;
}

static void run_random(uint64_t seed, uint64_t steps)
{
    static const size_t node_sizes[] = { 128, 256, 512, 64, 1024, 8192 };
    static const size_t cache_sizes[] = { 0, 20000, 1 << 20 };
    struct choices choices = { .random = seed };
    struct harness h;
    fprintf(stderr, "repeat with TUF_SEED=%llu TUF_STEPS=%llu\n", (unsigned long long)seed,
            (unsigned long long)steps);
    harness_init(&h, &choices, node_sizes[seed % 6], cache_sizes[seed / 6 % 3]);
    if (seed % 2 == 1) { /* bigger entries: fewer to a node */
        h.key_len_max = 40;
        h.value_len_max = 200;
    }
    for (uint64_t i = 0; i < steps; i++) {
        ck_ok(harness_step(&h));
        if (i % 500 == 499)
            harness_compare(&h);
    }
    harness_compare(&h);
    ck_ok(harness_reopen(&h));
    harness_compare(&h);
    harness_release(&h);
}

START_TEST(random_operations_behave_like_a_sorted_array)
{
    run_random((uint64_t)_i, env_number("TUF_STEPS", 6000));
}
END_TEST

START_TEST(random_operations_of_a_new_seed)
{
    uint64_t seed = env_number("TUF_SEED", (uint64_t)time(NULL));
    run_random(seed, env_number("TUF_STEPS", 6000));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("btree");
    TCase *tcase = tcase_create("btree");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, empty_tree_lookup_is_not_found);
    tcase_add_test(tcase, empty_key_and_empty_value_are_an_entry);
    tcase_add_test(tcase, last_removed_entry_leaves_an_empty_tree);
    tcase_add_test(tcase, same_value_again_copies_nothing);
    tcase_add_test(tcase, too_long_key_or_value_is_a_limit);
    tcase_add_test(tcase, longest_key_and_value_survive_the_file);
    tcase_add_test(tcase, ascending_keys_fill_the_nodes);
    tcase_add_test(tcase, ascending_keys_fill_the_nodes_over_many_txns);
    tcase_add_test(tcase, series_of_ascending_keys_fill_the_nodes);
    tcase_add_test(tcase, random_keys_leave_no_nearly_empty_nodes);
    tcase_add_test(tcase, removed_entries_take_their_nodes_with_them);
    tcase_add_loop_test(tcase, nodes_fit_the_size_they_are_given, 0, 3);
    tcase_add_test(tcase, separators_are_cut_short);
    tcase_add_loop_test(tcase, random_operations_behave_like_a_sorted_array, 0, 18);
    tcase_add_test(tcase, random_operations_of_a_new_seed);
    suite_add_tcase(suite, tcase);
    return tuft_run(suite);
}
