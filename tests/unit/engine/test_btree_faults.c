/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: every allocation, read and append of a scenario fails once, in turn. The transaction is
 * then aborted; the newest version and all held ones must be what they were (INV-TX-2), nothing may
 * leak (AddressSanitizer; the environment counts its nodes), and work must go on.
 */
#include "base/alloc.h"
#include "engine/btree_env.h"
#include "tests/lib/test.h"
#include "tests/unit/engine/btree_model.h"

#define SCENARIO_STEPS 100

enum fault_kind {
    FAULT_ALLOC,
    FAULT_READ,
    FAULT_APPEND,
};

static uint64_t alloc_count;
static uint64_t alloc_fails_at;
static bool alloc_fails_on; /* persistently: all allocations from then on */

static bool count_alloc(size_t size, void *ctx)
{
    (void)size;
    (void)ctx;
    alloc_count++;
    return alloc_fails_on ? alloc_count < alloc_fails_at : alloc_count != alloc_fails_at;
}

static void plant(struct harness *h, enum fault_kind kind, uint64_t number, bool persistent)
{
    alloc_count = 0;
    alloc_fails_at = kind == FAULT_ALLOC ? number : UINT64_MAX;
    alloc_fails_on = persistent;
    tufi_alloc_set_hook(count_alloc, NULL);
    h->file.fail_read_at = kind == FAULT_READ ? h->file.read_count + number : 0;
    h->file.fail_append_at = kind == FAULT_APPEND ? h->file.append_count + number : 0;
}

/* Takes the fault out again; whether it has happened. */
static bool unplant(struct harness *h)
{
    bool happened = alloc_count >= alloc_fails_at ||
                    (h->file.fail_read_at > 0 && h->file.read_count >= h->file.fail_read_at) ||
                    (h->file.fail_append_at > 0 && h->file.append_count >= h->file.fail_append_at);
    tufi_alloc_set_hook(NULL, NULL);
    h->file.fail_read_at = 0;
    h->file.fail_append_at = 0;
    return happened;
}

/* A database of some hundred entries, in part in the file, with versions held. */
static void prepare(struct harness *h, struct choices *choices, uint64_t seed)
{
    *choices = (struct choices){ .random = seed };
    harness_init(h, choices, seed % 2 ? 128 : 512, 0);
    for (unsigned i = 0; i < 250; i++)
        ck_ok(harness_step(h));
    harness_publish(h);
}

static bool run_with_fault(enum fault_kind kind, uint64_t number, uint64_t seed, bool persistent)
{
    struct choices choices;
    struct harness h;
    prepare(&h, &choices, seed);
    plant(&h, kind, number, persistent);
    tuf_status st = TUF_OK;
    for (unsigned i = 0; i < SCENARIO_STEPS && st == TUF_OK; i++)
        st = harness_step(&h);
    if (st == TUF_OK)
        st = harness_reopen(&h);
    if (st < 0)
        harness_abort(&h);
    bool happened = unplant(&h);
    if (st < 0) {
        ck_assert(happened);
        ck_assert_int_eq((int)tuf_last_error()->status, (int)st);
    }
    harness_compare(&h);
    for (unsigned i = 0; i < 20; i++)
        ck_ok(harness_step(&h));
    harness_compare(&h);
    harness_release(&h);
    return happened;
}

/* The n-th of the scenario's allocations, reads or appends, for n = 1, 2, 3... until there is none.
 */
static void run_all(enum fault_kind kind, uint64_t seed, bool persistent)
{
    uint64_t number = 1;
    while (run_with_fault(kind, number, seed, persistent))
        number++;
    ck_assert_uint_gt(number, 10); /* the scenario does what it should be disturbed in */
}

START_TEST(every_failed_allocation_leaves_the_versions_alone)
{
    run_all(FAULT_ALLOC, (uint64_t)_i, false);
}
END_TEST

START_TEST(memory_that_stays_short_leaves_the_versions_alone)
{
    run_all(FAULT_ALLOC, (uint64_t)_i + 10, true);
}
END_TEST

START_TEST(every_failed_read_leaves_the_versions_alone)
{
    run_all(FAULT_READ, (uint64_t)_i + 20, false);
}
END_TEST

START_TEST(every_failed_append_leaves_the_versions_alone)
{
    run_all(FAULT_APPEND, (uint64_t)_i + 30, false);
}
END_TEST

START_TEST(first_entry_without_memory_leaves_the_tree_empty)
{
    struct choices choices = { .random = 1 };
    struct harness h;
    harness_init(&h, &choices, 128, 0);
    alloc_fails_on = false;
    tuf_status st = TUF_E_NOMEM;
    for (alloc_fails_at = 1; st != TUF_OK; alloc_fails_at++) {
        struct btree_txn *txn = NULL;
        alloc_count = 0;
        tufi_alloc_set_hook(count_alloc, NULL);
        st = tufi_btree_txn_begin(&txn, h.env);
        if (st == TUF_OK)
            st = tufi_btree_put(txn, 0, tuf_str("a"), tuf_str("b"));
        tufi_alloc_set_hook(NULL, NULL);
        ck_assert(st == TUF_OK || st == TUF_E_NOMEM);
        tufi_btree_txn_abort(&txn);
        harness_compare(&h);
    }
    ck_assert_uint_ge(alloc_fails_at, 4);
    harness_release(&h);
}
END_TEST

START_TEST(environment_without_memory_is_not_made)
{
    struct btree_config config = { .read = mem_file_read };
    struct btree_env *env = NULL;
    alloc_fails_on = false;
    for (alloc_fails_at = 1; !env; alloc_fails_at++) {
        alloc_count = 0;
        tufi_alloc_set_hook(count_alloc, NULL);
        tuf_status st = tufi_btree_env_new(&env, &config);
        tufi_alloc_set_hook(NULL, NULL);
        ck_assert_int_eq((int)st, (int)(env ? TUF_OK : TUF_E_NOMEM));
    }
    ck_assert_uint_gt(alloc_fails_at, 3);
    tufi_btree_env_free(&env);
}
END_TEST

/* INV-CU-1 */
START_TEST(cursor_stays_where_it_was_when_a_read_fails)
{
    struct choices choices;
    struct harness h;
    choices = (struct choices){ .random = 1 };
    harness_init(&h, &choices, 128, 0);
    ck_ok(harness_begin(&h));
    for (uint64_t i = 0; i < 200; i++) {
        uint8_t key[8];
        put_be64(key, i);
        ck_ok(tufi_btree_put(h.txn, 0, tuf_slice_of(key, 8), tuf_str("value")));
        model_put(&h.work[0], tuf_slice_of(key, 8), tuf_str("value"));
    }
    harness_publish(&h);
    ck_ok(harness_reopen(&h));
    const struct btree_version *version = tufi_btree_acquire(h.env);
    struct btree_cursor *cursor;
    ck_ok(tufi_btree_cursor_new(&cursor, h.env, &version->trees[0]));
    for (uint64_t i = 0; i < 200;) {
        tuf_slice key;
        tuf_slice value;
        h.file.fail_read_at = h.file.read_count + 1;
        tuf_status st = tufi_btree_next(cursor, &key, &value);
        h.file.fail_read_at = 0;
        if (st == TUF_E_IO)
            st = tufi_btree_next(cursor, &key, &value);
        ck_ok(st);
        ck_assert_uint_eq(get_be64(key.data), i);
        i++;
    }
    tufi_btree_cursor_free(&cursor);
    tufi_btree_release(h.env, version);
    harness_release(&h);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("btree_faults");
    TCase *tcase = tcase_create("btree_faults");
    tcase_set_timeout(tcase, 240);
    tcase_add_loop_test(tcase, every_failed_allocation_leaves_the_versions_alone, 0, 2);
    tcase_add_loop_test(tcase, memory_that_stays_short_leaves_the_versions_alone, 0, 2);
    tcase_add_loop_test(tcase, every_failed_read_leaves_the_versions_alone, 0, 2);
    tcase_add_loop_test(tcase, every_failed_append_leaves_the_versions_alone, 0, 2);
    tcase_add_test(tcase, first_entry_without_memory_leaves_the_tree_empty);
    tcase_add_test(tcase, environment_without_memory_is_not_made);
    tcase_add_test(tcase, cursor_stays_where_it_was_when_a_read_fails);
    suite_add_tcase(suite, tcase);
    return tuft_run(suite);
}
