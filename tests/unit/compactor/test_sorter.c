/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: entries come out in order whether or not they fit into memory, what fails is reported, and
 * nothing is left behind; and the table of copied attachments forgets the small ones first.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "compactor/attmap.h"
#include "compactor/sorter.h"
#include "tests/lib/test.h"
#include "tests/sim/fault.h"
#include "tests/sim/sim.h"

#define COUNT 2000u

static struct sim *sim;
static struct fault *fault;

static void start(void)
{
    sim = sim_new(4096, 1);
    fault = fault_new(sim_vfs(sim));
}

static void end(void)
{
    ck_assert_uint_eq(sim_handle_count(sim), 0);
    ck_assert_uint_eq(sim_name_count(sim), 0);
    fault_free(&fault);
    sim_free(&sim);
}

/* Every number below COUNT once, in no order. */
static uint32_t shuffled(uint32_t i)
{
    return (uint32_t)((uint64_t)i * 2741 % COUNT);
}

static tuf_slice key_of(char buf[64], uint32_t number)
{
    int len = snprintf(buf, 64, "%.*s%05u", (int)(number / 1000), "commonstart", number);
    return tuf_slice_of(buf, (size_t)len);
}

static tuf_status add_all(struct sorter *s)
{
    static uint8_t value[3000];
    tuf_status st = TUF_OK;
    for (uint32_t i = 0; st == TUF_OK && i < COUNT; i++) {
        char key[64];
        uint32_t number = shuffled(i);
        memset(value, (int)(number % 251), sizeof(value));
        size_t len = number % 100 == 0 ? sizeof(value) : number % 50;
        st = tufi_sorter_add(s, key_of(key, number), tuf_slice_of(value, len));
    }
    return st;
}

static uint32_t number_of(tuf_slice key)
{
    uint32_t number = 0;
    for (size_t i = key.len - 5; i < key.len; i++)
        number = number * 10 + (key.data[i] - '0');
    return number;
}

static tuf_status read_all(struct sorter *s, uint32_t *count_out)
{
    char last[64] = "";
    size_t last_len = 0;
    tuf_status st;
    tuf_slice key, value;
    *count_out = 0;
    while ((st = tufi_sorter_next(s, &key, &value)) == TUF_OK) {
        ck_assert_int_lt(slice_compare(tuf_slice_of(last, last_len), key), 0);
        uint32_t number = number_of(key);
        ck_assert_uint_eq(value.len, number % 100 == 0 ? 3000 : number % 50);
        ck_assert(value.len == 0 || value.data[value.len - 1] == number % 251);
        memcpy(last, key.data, key.len);
        last_len = key.len;
        ++*count_out;
    }
    return st;
}

static tuf_status sort(size_t memory, uint32_t *count_out)
{
    TUF_AUTO(tufi_sorter_free) struct sorter *s = NULL;
    tuf_status st = tufi_sorter_new(&s, fault_vfs(fault), "runs", memory);
    if (st == TUF_OK)
        st = add_all(s);
    return st == TUF_OK ? read_all(s, count_out) : st;
}

static const size_t memories[] = { 100, 2000, 20000, 80000, 1 << 24 };

START_TEST(entries_come_in_order)
{
    start();
    uint32_t count;
    ck_outcome(sort(memories[_i], &count), TUF_END);
    ck_assert_uint_eq(count, COUNT);
    end();
}
END_TEST

START_TEST(no_entries_and_one)
{
    start();
    struct sorter *s = NULL;
    tuf_slice key, value;
    ck_ok(tufi_sorter_new(&s, fault_vfs(fault), "runs", 100));
    ck_outcome(tufi_sorter_next(s, &key, &value), TUF_END);
    tufi_sorter_free(&s);
    ck_ok(tufi_sorter_new(&s, fault_vfs(fault), "runs", 100));
    ck_ok(tufi_sorter_add(s, tuf_str(""), tuf_str("")));
    ck_ok(tufi_sorter_next(s, &key, &value));
    ck_assert_uint_eq(key.len + value.len, 0);
    ck_outcome(tufi_sorter_next(s, &key, &value), TUF_END);
    ck_outcome(tufi_sorter_next(s, &key, &value), TUF_END);
    tufi_sorter_free(&s);
    end();
}
END_TEST

START_TEST(every_failing_call_is_reported)
{
    static const enum fault_kind kinds[] = { FAULT_PWRITEV, FAULT_PREAD, FAULT_OPEN };
    start();
    bool hit = true;
    for (uint64_t at = 1; hit; at += 1 + at / 4) {
        struct fault_plan plan = { .kind = kinds[_i], .at = at };
        uint32_t count;
        fault_set(fault, &plan);
        tuf_status st = sort(40000, &count);
        hit = fault_hits(fault) > 0;
        fault_set(fault, NULL);
        ck_assert_int_eq(st, hit ? TUF_E_IO : TUF_END);
    }
    end();
}
END_TEST

START_TEST(rotten_runs_are_found)
{
    for (size_t off = 0; off < 80000; off += 7919) {
        start();
        struct sorter *s = NULL;
        ck_ok(tufi_sorter_new(&s, sim_vfs(sim), "runs", 20000));
        ck_ok(add_all(s));
        size_t len;
        const uint8_t *bytes = sim_peek(sim, "runs", &len);
        ck_assert_uint_gt(len, off);
        struct vfs_file *f = NULL;
        uint8_t flipped = bytes[off] ^ 4;
        ck_ok(sim_vfs(sim)->open(sim_vfs(sim), "runs", 0, &f));
        ck_ok(tufi_vfs_write(f, &flipped, 1, off));
        f->ops->close(f);
        tuf_status st = TUF_OK;
        tuf_slice key, value;
        while (st == TUF_OK)
            st = tufi_sorter_next(s, &key, &value);
        ck_assert_int_eq(st, TUF_E_CORRUPT);
        tufi_sorter_free(&s);
        end();
    }
}
END_TEST

static size_t alloc_left;

static bool fail_one_allocation(size_t size, void *ctx)
{
    (void)size;
    (void)ctx;
    return alloc_left == 0 || --alloc_left > 0;
}

START_TEST(every_failing_allocation_is_reported)
{
    start();
    tuf_status st = TUF_E_NOMEM;
    for (size_t at = 1; st == TUF_E_NOMEM; at += 1 + at / 3) {
        uint32_t count;
        alloc_left = at;
        tufi_alloc_set_hook(fail_one_allocation, NULL);
        st = sort(40000, &count);
        tufi_alloc_set_hook(NULL, NULL);
        ck_assert(st == TUF_E_NOMEM || st == TUF_END);
    }
    end();
}
END_TEST

START_TEST(the_table_of_attachments_is_bounded)
{
    struct att_map map = { .count = 0 };
    for (uint64_t i = 1; i <= 3000000; i++) {
        struct att_data data = { .encoded_length = i % 64 * 1024,
                                 .loc = { i * 2, (uint32_t)(i % 64) } };
        ck_ok(tufi_attmap_add(&map, i * 64, &data));
    }
    ck_assert_uint_le(map.cap, 1u << 21);
    size_t large = 0;
    for (uint64_t i = 1; i <= 3000000; i++) {
        struct att_data data = { .loc = { i * 64, 1 } };
        if (tufi_attmap_find(&map, &data)) {
            ck_assert_uint_eq(data.loc.off, i * 2);
            large += i % 64 >= 32;
        }
    }
    ck_assert_uint_ge(large, 3000000 / 64 * 32);
    tufi_attmap_release(&map);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("compactor sorter");
    TCase *tc = tcase_create("sorter");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, entries_come_in_order, 0, sizeof(memories) / sizeof(memories[0]));
    tcase_add_test(tc, no_entries_and_one);
    tcase_add_loop_test(tc, every_failing_call_is_reported, 0, 3);
    tcase_add_test(tc, rotten_runs_are_found);
    tcase_add_test(tc, every_failing_allocation_is_reported);
    tcase_add_test(tc, the_table_of_attachments_is_bounded);
    suite_add_tcase(suite, tc);
    return tuft_run(suite);
}
