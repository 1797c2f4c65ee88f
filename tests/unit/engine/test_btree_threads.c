/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: one writer and three readers at once: every version that a reader acquires is one the
 * writer published, whole, and stays so (INV-BN-3). Meant for ThreadSanitizer; without it, it still
 * checks what is read.
 *
 * Every entry of a version has the value 'number of the version that last changed it', and the
 * owner data says what all of them add up to.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "engine/btree_env.h"
#include "tests/lib/test.h"
#include "tests/unit/engine/btree_model.h"

#define KEY_COUNT 2000
#define TXN_COUNT 400
#define READER_COUNT 3

static struct mem_file file;
static struct btree_env *env;
static atomic_bool done;

struct owner {
    uint64_t sum;   /* of all values */
    uint64_t count; /* of entries */
};

static void sum_values(struct reduction *out, tuf_slice key, tuf_slice value)
{
    (void)key;
    out->v[0] = 1;
    out->v[1] = get_be64(value.data);
}

static tuf_slice make_key(uint8_t bytes[8], uint32_t i)
{
    put_be64(bytes, i * UINT64_C(0x9e3779b97f4a7c15));
    return tuf_slice_of(bytes, 8);
}

static uint64_t txn_sum(struct btree_txn *txn)
{
    return tufi_btree_txn_tree(txn, 0)->total.v[1];
}

static void change_some(struct btree_txn *txn, struct choices *c, uint64_t number)
{
    for (unsigned i = 0; i < 25; i++) {
        uint8_t key[8];
        uint8_t value[8];
        put_be64(value, number);
        make_key(key, choose(c, KEY_COUNT));
        if (choose(c, 4) > 0)
            model_require(tufi_btree_put(txn, 0, tuf_slice_of(key, 8), tuf_slice_of(value, 8)) ==
                          TUF_OK);
        else
            model_require(tufi_btree_remove(txn, 0, tuf_slice_of(key, 8)) >= 0);
    }
}

static void *write_versions(void *arg)
{
    (void)arg;
    struct choices c = { .random = 5 };
    uint64_t published = 0;
    for (uint64_t number = 1; number <= TXN_COUNT; number++) {
        struct btree_txn *txn;
        model_require(tufi_btree_txn_begin(&txn, env) == TUF_OK);
        change_some(txn, &c, published + 1);
        if (number % 10 == 7) {
            tufi_btree_txn_abort(&txn);
            continue;
        }
        if (number % 10 == 3)
            model_require(tufi_btree_txn_write(txn, mem_file_append, &file) == TUF_OK);
        struct owner *owner = malloc(sizeof(*owner));
        model_require(owner);
        owner->sum = txn_sum(txn);
        owner->count = tufi_btree_txn_tree(txn, 0)->entry_count;
        tufi_btree_txn_publish(&txn, owner, free);
        published++;
    }
    atomic_store(&done, true);
    return NULL;
}

static void scan_version(const struct btree_version *version)
{
    const struct owner *owner = version->owner_data;
    struct btree_cursor *cursor;
    model_require(tufi_btree_cursor_new(&cursor, env, &version->trees[0]) == TUF_OK);
    uint64_t sum = 0;
    uint64_t count = 0;
    tuf_slice key;
    tuf_slice value;
    tuf_status st = tufi_btree_next(cursor, &key, &value);
    for (; st == TUF_OK; st = tufi_btree_next(cursor, &key, &value)) {
        sum += get_be64(value.data);
        count++;
    }
    model_require(st == TUF_END);
    tufi_btree_cursor_free(&cursor);
    model_require(sum == (owner ? owner->sum : 0));
    model_require(count == (owner ? owner->count : 0));
}

static void look_up_some(const struct btree_version *version, struct choices *c)
{
    for (unsigned i = 0; i < 100; i++) {
        uint8_t key[8];
        struct btree_pin pin = BTREE_PIN_INIT;
        tuf_slice value;
        make_key(key, choose(c, KEY_COUNT));
        tuf_status st =
            tufi_btree_find(env, &version->trees[0], tuf_slice_of(key, 8), &value, &pin);
        model_require(st >= 0);
        model_require(st == TUF_NOT_FOUND || get_be64(value.data) <= version->number);
        tufi_btree_unpin(env, &pin);
    }
}

static void *read_versions(void *arg)
{
    struct choices c = { .random = *(const uint64_t *)arg };
    const struct btree_version *held = tufi_btree_acquire(env);
    while (!atomic_load(&done)) {
        const struct btree_version *version = tufi_btree_acquire(env);
        model_require(version->number >= held->number);
        scan_version(version);
        look_up_some(version, &c);
        scan_version(held);
        if (choose(&c, 4) == 0) {
            tufi_btree_ref(env, version);
            tufi_btree_release(env, held);
            held = version;
        }
        tufi_btree_release(env, version);
    }
    tufi_btree_release(env, held);
    return NULL;
}

static void run_threads(size_t cache_size)
{
    mem_file_init(&file);
    struct btree_config config = { .read = mem_file_read,
                                   .ctx = &file,
                                   .reduce = { sum_values },
                                   .cache_size = cache_size,
                                   .node_size = 512 };
    ck_ok(tufi_btree_env_new(&env, &config));
    atomic_store(&done, false);
    pthread_t threads[READER_COUNT + 1];
    uint64_t seeds[READER_COUNT] = { 11, 22, 33 };
    for (unsigned i = 0; i < READER_COUNT; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_versions, &seeds[i]), 0);
    ck_assert_int_eq(pthread_create(&threads[READER_COUNT], NULL, write_versions, NULL), 0);
    for (unsigned i = 0; i <= READER_COUNT; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    tufi_btree_env_free(&env);
    mem_file_release(&file);
}

START_TEST(readers_see_whole_versions_with_a_large_cache)
{
    run_threads(1 << 20);
}
END_TEST

START_TEST(readers_see_whole_versions_while_nodes_are_evicted)
{
    run_threads(20000);
}
END_TEST

START_TEST(readers_see_whole_versions_without_a_cache)
{
    run_threads(0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("btree_threads");
    TCase *tcase = tcase_create("btree_threads");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, readers_see_whole_versions_with_a_large_cache);
    tcase_add_test(tcase, readers_see_whole_versions_while_nodes_are_evicted);
    tcase_add_test(tcase, readers_see_whole_versions_without_a_cache);
    suite_add_tcase(suite, tcase);
    return tuft_run(suite);
}
