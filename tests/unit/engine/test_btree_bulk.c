/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: trees that are built bottom-up hold what they were given, are valid, and can be changed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "engine/btree_bulk.h"
#include "engine/btree_env.h"
#include "tests/lib/test.h"
#include "tests/unit/engine/btree_model.h"

static struct mem_file file;
static struct btree_env *env;

static void start(size_t node_size)
{
    mem_file_init(&file);
    struct btree_config config = { .read = mem_file_read,
                                   .ctx = &file,
                                   .reduce = { model_reduce },
                                   .cache_size = 1 << 20,
                                   .node_size = node_size };
    ck_ok(tufi_btree_env_new(&env, &config));
}

static void end(void)
{
    tufi_btree_env_free(&env);
    mem_file_release(&file);
}

/* Ids with a common beginning of varying length, and values of varying length. */
static tuf_slice key_of(char *buf, size_t size, unsigned number)
{
    int len = snprintf(buf, size, "type%03u:%08u%.*s", number / 1000, number, (int)(number % 7), "xxxxxxx");
    return tuf_slice_of(buf, (size_t)len);
}

static tuf_slice value_of(unsigned number)
{
    static const uint8_t bytes[30000];
    return tuf_slice_of(bytes, number % 997 == 0 ? number % 30000 : number % 90);
}

static void found(void *ctx, const struct btree_finding *finding)
{
    (void)ctx;
    ck_abort_msg("%s at %llu", finding->text, (unsigned long long)finding->off);
}

struct counting {
    unsigned number, step;
};

static tuf_status next_entry(void *ctx, tuf_slice key, tuf_slice value)
{
    struct counting *c = ctx;
    char buf[64];
    ck_assert(slice_equal(key, key_of(buf, sizeof(buf), c->number)));
    ck_assert(slice_equal(value, value_of(c->number)));
    c->number += c->step;
    return TUF_OK;
}

static void expect_tree(const struct btree *tree, unsigned count)
{
    struct counting c = { 0, 1 };
    struct btree_check_sink sink = { .found = found, .entry = next_entry, .ctx = &c };
    ck_ok(tufi_btree_check(env, tree, &sink));
    ck_assert_uint_eq(c.number, count);
    ck_assert_uint_eq(tree->entry_count, count);
}

static struct btree_bulk *fill(unsigned from, unsigned to, struct btree_bulk *bulk)
{
    char buf[64];
    if (!bulk)
        ck_ok(tufi_btree_bulk_new(&bulk, env, 0, mem_file_append, &file));
    for (unsigned i = from; i < to; i++)
        ck_ok(tufi_btree_bulk_add(bulk, key_of(buf, sizeof(buf), i), value_of(i)));
    return bulk;
}

static const unsigned sizes[] = { 0, 1, 2, 3, 10, 100, 101, 2000, 30000 };

START_TEST(a_tree_holds_what_it_was_built_of)
{
    for (size_t node_size = 64; node_size <= 8192; node_size *= 8) {
        start(node_size);
        struct btree_bulk *bulk = fill(0, sizes[_i], NULL);
        struct btree tree;
        ck_ok(tufi_btree_bulk_tree(&tree, bulk));
        expect_tree(&tree, sizes[_i]);
        tufi_btree_bulk_free(&bulk);
        end();
    }
}
END_TEST

START_TEST(trees_of_the_beginning_stay_valid_while_it_grows)
{
    start(256);
    struct btree_bulk *bulk = NULL;
    struct btree trees[40];
    for (unsigned i = 0; i < 40; i++) {
        bulk = fill(i * i, (i + 1) * (i + 1), bulk);
        ck_ok(tufi_btree_bulk_tree(&trees[i], bulk));
    }
    for (unsigned i = 0; i < 40; i++)
        expect_tree(&trees[i], (i + 1) * (i + 1));
    tufi_btree_bulk_free(&bulk);
    end();
}
END_TEST

START_TEST(nodes_are_full)
{
    start(4096);
    struct btree_bulk *bulk = fill(0, 30000, NULL);
    struct btree tree;
    ck_ok(tufi_btree_bulk_tree(&tree, bulk));
    uint64_t payload = 0;
    char buf[64];
    for (unsigned i = 0; i < 30000; i++)
        payload += key_of(buf, sizeof(buf), i).len + value_of(i).len;
    ck_assert_uint_lt(file.len, payload + payload / 8);
    tufi_btree_bulk_free(&bulk);
    end();
}
END_TEST

START_TEST(a_built_tree_can_be_changed)
{
    start(256);
    struct btree_bulk *bulk = fill(0, 3000, NULL);
    struct btree_txn *txn;
    char buf[64];
    ck_ok(tufi_btree_txn_begin(&txn, env));
    ck_ok(tufi_btree_bulk_tree(tufi_btree_txn_tree(txn, 0), bulk));
    for (unsigned i = 0; i < 3000; i++)
        if (i % 3 != 0)
            ck_ok(tufi_btree_remove(txn, 0, key_of(buf, sizeof(buf), i)));
    struct counting c = { 0, 3 };
    struct btree_check_sink sink = { .found = found, .entry = next_entry, .ctx = &c };
    ck_ok(tufi_btree_check(env, tufi_btree_txn_tree(txn, 0), &sink));
    ck_assert_uint_eq(c.number, 3000);
    tufi_btree_txn_abort(&txn);
    tufi_btree_bulk_free(&bulk);
    end();
}
END_TEST

START_TEST(keys_must_ascend)
{
    start(256);
    struct btree_bulk *bulk = fill(0, 5, NULL);
    char buf[64];
    ck_fails(tufi_btree_bulk_add(bulk, key_of(buf, sizeof(buf), 4), value_of(4)), TUF_E_INTERNAL);
    ck_fails(tufi_btree_bulk_add(bulk, key_of(buf, sizeof(buf), 2), value_of(2)), TUF_E_INTERNAL);
    tufi_btree_bulk_free(&bulk);
    end();
}
END_TEST

static size_t alloc_left;

static bool fail_one_allocation(size_t size, void *ctx)
{
    (void)size;
    (void)ctx;
    return alloc_left == 0 || --alloc_left > 0;
}

static tuf_status build(struct btree *tree)
{
    TUF_AUTO(tufi_btree_bulk_free) struct btree_bulk *bulk = NULL;
    char buf[64];
    tuf_status st = tufi_btree_bulk_new(&bulk, env, 0, mem_file_append, &file);
    for (unsigned i = 0; st == TUF_OK && i < 300; i++)
        st = tufi_btree_bulk_add(bulk, key_of(buf, sizeof(buf), i), value_of(i));
    return st == TUF_OK ? tufi_btree_bulk_tree(tree, bulk) : st;
}

START_TEST(every_failing_allocation_is_reported)
{
    start(256);
    tuf_status st = TUF_E_NOMEM;
    for (size_t at = 1; st == TUF_E_NOMEM; at++) {
        struct btree tree;
        alloc_left = at;
        tufi_alloc_set_hook(fail_one_allocation, NULL);
        st = build(&tree);
        tufi_alloc_set_hook(NULL, NULL);
        ck_assert(st == TUF_OK || st == TUF_E_NOMEM);
        if (st == TUF_OK)
            expect_tree(&tree, 300);
    }
    end();
}
END_TEST

START_TEST(a_failing_write_is_reported)
{
    start(256);
    tuf_status st = TUF_E_IO;
    uint64_t failed = 0;
    for (uint64_t at = 1; st != TUF_OK; at++) {
        struct btree tree;
        file.fail_append_at = file.append_count + at;
        st = build(&tree);
        failed += st < 0;
    }
    ck_assert_uint_gt(failed, 2);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("engine btree_bulk");
    TCase *tc = tcase_create("bulk");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_tree_holds_what_it_was_built_of, 0, sizeof(sizes) / sizeof(sizes[0]));
    tcase_add_test(tc, trees_of_the_beginning_stay_valid_while_it_grows);
    tcase_add_test(tc, nodes_are_full);
    tcase_add_test(tc, a_built_tree_can_be_changed);
    tcase_add_test(tc, keys_must_ascend);
    tcase_add_test(tc, every_failing_allocation_is_reported);
    tcase_add_test(tc, a_failing_write_is_reported);
    suite_add_tcase(suite, tc);
    return tuft_run(suite);
}
