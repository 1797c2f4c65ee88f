/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: how long nodes live: a held version keeps its own nodes and no others (INV-VE-3), an
 * aborted txn leaves none, and what is written moves to the cache.
 */
#include "engine/btree_env.h"
#include "tests/lib/test.h"
#include "tests/unit/engine/btree_model.h"

static struct mem_file file;
static struct btree_config config;
static struct btree_env *env;
static unsigned freed_owner_count;

static void open_env(void)
{
    mem_file_init(&file);
    config = (struct btree_config){
        .read = mem_file_read, .ctx = &file, .cache_size = 1 << 20, .node_size = 256
    };
    ck_ok(tufi_btree_env_new(&env, &config));
    freed_owner_count = 0;
}

static void close_env(void)
{
    tufi_btree_env_free(&env);
    mem_file_release(&file);
}

static void count_owner(void *owner_data)
{
    (void)owner_data;
    freed_owner_count++;
}

static void put_number(struct btree_txn *txn, uint64_t number, uint64_t value)
{
    uint8_t key[8];
    uint8_t bytes[8];
    put_be64(key, number);
    put_be64(bytes, value);
    ck_ok(tufi_btree_put(txn, 0, tuf_slice_of(key, 8), tuf_slice_of(bytes, 8)));
}

/* One transaction that gives `count` keys from `first` on the value `value`. */
static void update(uint64_t first, uint64_t count, uint64_t value)
{
    struct btree_txn *txn;
    ck_ok(tufi_btree_txn_begin(&txn, env));
    for (uint64_t i = first; i < first + count; i++)
        put_number(txn, i, value);
    tufi_btree_txn_publish(&txn, &freed_owner_count, count_owner);
}

static void write_all(void)
{
    struct btree_txn *txn;
    ck_ok(tufi_btree_txn_begin(&txn, env));
    ck_ok(tufi_btree_txn_write(txn, mem_file_append, &file));
    tufi_btree_txn_publish(&txn, &freed_owner_count, count_owner);
}

static uint64_t value_of(const struct btree_version *version, uint64_t number)
{
    uint8_t key[8];
    struct btree_pin pin = BTREE_PIN_INIT;
    tuf_slice value;
    put_be64(key, number);
    ck_ok(tufi_btree_find(env, &version->trees[0], tuf_slice_of(key, 8), &value, &pin));
    uint64_t number_found = get_be64(value.data);
    tufi_btree_unpin(env, &pin);
    return number_found;
}

START_TEST(versions_nobody_holds_go_at_once)
{
    update(0, 1000, 0);
    size_t before = env->live_count;
    for (uint64_t i = 1; i <= 300; i++)
        update(i, 1, i);
    ck_assert_uint_eq(env->live_count, before);
    ck_assert_uint_eq(freed_owner_count, 300);
}
END_TEST

START_TEST(long_held_version_keeps_no_nodes_made_after_it)
{
    update(0, 1000, 0);
    size_t before = env->live_count;
    const struct btree_version *held = tufi_btree_acquire(env);
    for (uint64_t i = 1; i <= 2000; i++)
        update(i * 37 % 1000, 1, i);
    /* At most its own nodes and those of the newest version. */
    ck_assert_uint_le(env->live_count, 2 * before);
    for (uint64_t i = 0; i < 1000; i++)
        ck_assert_uint_eq(value_of(held, i), 0);
    tufi_btree_release(env, held);
    ck_assert_uint_eq(env->live_count, before);
}
END_TEST

START_TEST(readers_in_passing_do_not_make_the_old_one_keep_more)
{
    update(0, 1000, 0);
    size_t before = env->live_count;
    const struct btree_version *oldest = tufi_btree_acquire(env);
    for (uint64_t i = 1; i <= 500; i++) {
        update(i * 37 % 1000, 1, i);
        const struct btree_version *passing = tufi_btree_acquire(env);
        update(i * 41 % 1000, 1, i);
        ck_assert_uint_le(env->live_count, 3 * before);
        tufi_btree_release(env, passing);
    }
    ck_assert_uint_le(env->live_count, 2 * before);
    tufi_btree_release(env, oldest);
    ck_assert_uint_eq(env->live_count, before);
}
END_TEST

/* Three versions are released in every order; each reads right as long as it is held. */
START_TEST(versions_may_be_released_in_any_order)
{
    static const unsigned orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
                                           { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
    update(0, 200, 0);
    size_t before = env->live_count;
    const struct btree_version *held[3];
    for (uint64_t v = 0; v < 3; v++) {
        update(0, 200, v);
        held[v] = tufi_btree_acquire(env);
        update(0, 50, 100); /* a version between that nobody holds */
    }
    update(0, 200, 3);
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned k = i; k < 3; k++)
            ck_assert_uint_eq(value_of(held[orders[_i][k]], 17), orders[_i][k]);
        tufi_btree_release(env, held[orders[_i][i]]);
    }
    ck_assert_uint_eq(env->live_count, before);
    ck_assert_uint_eq(freed_owner_count, 7); /* of 8 versions, the newest is left */
}
END_TEST

START_TEST(second_hold_keeps_the_version)
{
    update(0, 10, 1);
    const struct btree_version *version = tufi_btree_acquire(env);
    tufi_btree_ref(env, version);
    update(0, 10, 2);
    tufi_btree_release(env, version);
    ck_assert_uint_eq(value_of(version, 5), 1);
    tufi_btree_release(env, version);
    ck_assert_uint_eq(freed_owner_count, 1);
}
END_TEST

START_TEST(aborted_txn_leaves_nothing)
{
    update(0, 500, 0);
    size_t live = env->live_count;
    size_t dirty = tufi_btree_dirty_size(env);
    struct btree_txn *txn;
    ck_ok(tufi_btree_txn_begin(&txn, env));
    for (uint64_t i = 0; i < 2000; i++)
        put_number(txn, i, 9);
    tufi_btree_txn_abort(&txn);
    ck_assert_ptr_null(txn);
    ck_assert_uint_eq(env->live_count, live);
    ck_assert_uint_eq(tufi_btree_dirty_size(env), dirty);
    const struct btree_version *version = tufi_btree_acquire(env);
    ck_assert_uint_eq(version->trees[0].entry_count, 500);
    ck_assert_uint_eq(value_of(version, 3), 0);
    tufi_btree_release(env, version);
}
END_TEST

START_TEST(dirty_size_is_what_the_newest_version_reaches)
{
    ck_assert_uint_eq(tufi_btree_dirty_size(env), 0);
    update(0, 1000, 0);
    size_t all = tufi_btree_dirty_size(env);
    ck_assert_uint_gt(all, 1000 * 16);
    const struct btree_version *held = tufi_btree_acquire(env);
    update(0, 1000, 1);
    ck_assert_uint_lt(tufi_btree_dirty_size(env), all + all / 2);
    tufi_btree_release(env, held);
    write_all();
    ck_assert_uint_eq(tufi_btree_dirty_size(env), 0);
    update(7, 1, 2);
    ck_assert_uint_gt(tufi_btree_dirty_size(env), 0);
    ck_assert_uint_lt(tufi_btree_dirty_size(env), all / 2);
}
END_TEST

START_TEST(written_nodes_are_found_in_the_cache)
{
    update(0, 1000, 4);
    write_all();
    ck_assert_uint_eq(env->live_count, 0);
    ck_assert_uint_gt(tufi_btree_cache_used(env), 1000 * 16);
    const struct btree_version *version = tufi_btree_acquire(env);
    for (uint64_t i = 0; i < 1000; i++)
        ck_assert_uint_eq(value_of(version, i), 4);
    tufi_btree_release(env, version);
    ck_assert_uint_eq(file.read_count, 0);
}
END_TEST

START_TEST(version_before_a_checkpoint_still_reads_its_dirty_nodes)
{
    update(0, 1000, 4);
    const struct btree_version *held = tufi_btree_acquire(env);
    write_all();
    update(0, 1000, 5);
    ck_assert_ptr_nonnull(held->trees[0].root.mem);
    for (uint64_t i = 0; i < 1000; i++)
        ck_assert_uint_eq(value_of(held, i), 4);
    size_t used = tufi_btree_cache_used(env);
    tufi_btree_release(env, held);
    ck_assert_uint_ge(tufi_btree_cache_used(env), used);
}
END_TEST

/* The places that a failed checkpoint named may be used for something else later. */
START_TEST(aborted_write_leaves_nothing_in_the_cache)
{
    update(0, 1000, 4);
    size_t live = env->live_count;
    struct btree_txn *txn;
    ck_ok(tufi_btree_txn_begin(&txn, env));
    put_number(txn, 3, 77);
    ck_ok(tufi_btree_txn_write(txn, mem_file_append, &file));
    tufi_btree_txn_abort(&txn);
    ck_assert_uint_eq(tufi_btree_cache_used(env), 0);
    ck_assert_uint_eq(env->live_count, live);
    memset(file.data + 16, 0, file.len - 16);
    file.len = 16;
    update(0, 1000, 5);
    write_all();
    const struct btree_version *version = tufi_btree_acquire(env);
    for (uint64_t i = 0; i < 1000; i++)
        ck_assert_uint_eq(value_of(version, i), 5);
    tufi_btree_release(env, version);
}
END_TEST

START_TEST(cache_stays_within_its_size)
{
    close_env();
    open_env();
    tufi_btree_env_free(&env);
    config.cache_size = 64 * 1024;
    ck_ok(tufi_btree_env_new(&env, &config));
    for (uint64_t i = 0; i < 20; i++)
        update(i * 1000, 1000, i);
    write_all();
    ck_assert_uint_le(tufi_btree_cache_used(env), config.cache_size);
    const struct btree_version *version = tufi_btree_acquire(env);
    for (uint64_t i = 0; i < 20000; i++) {
        ck_assert_uint_eq(value_of(version, i), i / 1000);
        ck_assert_uint_le(tufi_btree_cache_used(env), config.cache_size);
    }
    ck_assert_uint_gt(tufi_btree_cache_used(env), config.cache_size / 2);
    ck_assert_uint_gt(file.read_count, 0);
    tufi_btree_release(env, version);
}
END_TEST

START_TEST(pinned_node_outlives_its_place_in_the_cache)
{
    close_env();
    open_env();
    tufi_btree_env_free(&env);
    config.cache_size = 0;
    ck_ok(tufi_btree_env_new(&env, &config));
    update(0, 1000, 6);
    write_all();
    const struct btree_version *version = tufi_btree_acquire(env);
    struct btree_pin pin = BTREE_PIN_INIT;
    uint8_t key[8] = { 0 };
    tuf_slice value;
    ck_ok(tufi_btree_find(env, &version->trees[0], tuf_slice_of(key, 8), &value, &pin));
    for (uint64_t i = 0; i < 1000; i++)
        ck_assert_uint_eq(value_of(version, i), 6);
    ck_assert_uint_eq(get_be64(value.data), 6);
    tufi_btree_unpin(env, &pin);
    tufi_btree_release(env, version);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("btree_versions");
    TCase *tcase = tcase_create("btree_versions");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, open_env, close_env);
    tcase_add_test(tcase, versions_nobody_holds_go_at_once);
    tcase_add_test(tcase, long_held_version_keeps_no_nodes_made_after_it);
    tcase_add_test(tcase, readers_in_passing_do_not_make_the_old_one_keep_more);
    tcase_add_loop_test(tcase, versions_may_be_released_in_any_order, 0, 6);
    tcase_add_test(tcase, second_hold_keeps_the_version);
    tcase_add_test(tcase, aborted_txn_leaves_nothing);
    tcase_add_test(tcase, dirty_size_is_what_the_newest_version_reaches);
    tcase_add_test(tcase, written_nodes_are_found_in_the_cache);
    tcase_add_test(tcase, version_before_a_checkpoint_still_reads_its_dirty_nodes);
    tcase_add_test(tcase, aborted_write_leaves_nothing_in_the_cache);
    tcase_add_test(tcase, cache_stays_within_its_size);
    tcase_add_test(tcase, pinned_node_outlives_its_place_in_the_cache);
    suite_add_tcase(suite, tcase);
    return tuft_run(suite);
}
