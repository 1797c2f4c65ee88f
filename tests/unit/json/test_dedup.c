/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test json/dedup.c against a naive model: random objects with repeated keys, and keys made
 * to collide.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "json/scan.h"
#include "tests/lib/test.h"

#define MEMBER_COUNT_MAX 400

static uint64_t rng_state = 1;

static uint64_t next_random(uint64_t below)
{
    rng_state = rng_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (rng_state >> 33) % below;
}

/* An object whose i-th member is "k<keys[i]>":i; `raw` writes all, otherwise what must remain. */
static void write_object(struct buf *out, const unsigned *keys, size_t count, bool raw)
{
    bool first = true;
    buf_append_u8(out, '{');
    for (size_t i = 0; i < count; i++) {
        bool last = true;
        for (size_t j = i + 1; j < count; j++)
            last = last && keys[j] != keys[i];
        if (!raw && !last)
            continue;
        tufi_buf_printf(out, "%s\"key %u\":[%zu,{\"v\":%zu}]", first ? "" : ",", keys[i], i,
                        i * 300);
        first = false;
    }
    buf_append_u8(out, '}');
}

START_TEST(random_objects_keep_the_last_of_equal_keys) /* INV-CAN-2, INV-DUP-1 */
{
    unsigned keys[MEMBER_COUNT_MAX];
    for (int round = 0; round < 400; round++) {
        size_t count = 1 + next_random(round % 4 == 0 ? MEMBER_COUNT_MAX : 20);
        uint64_t key_count = 1 + next_random(count * 2);
        for (size_t i = 0; i < count; i++)
            keys[i] = (unsigned)next_random(key_count);
        TUF_AUTO(tufi_buf_release) struct buf raw = BUF_INIT;
        TUF_AUTO(tufi_buf_release) struct buf want = BUF_INIT;
        TUF_AUTO(tufi_buf_release) struct buf want_etf = BUF_INIT;
        write_object(&raw, keys, count, true);
        write_object(&want, keys, count, false);
        struct scanned_doc doc;
        ck_ok(tufi_docscan(&doc, buf_slice(&raw), DOCSCAN_ETF));
        ck_assert_uint_eq(doc.body.len, want.len);
        ck_assert_mem_eq(doc.body.data, want.data, want.len);
        ck_ok(tufi_docscan_etf(&want_etf, buf_slice(&want)));
        ck_assert_uint_eq(doc.etf.len, want_etf.len);
        ck_assert_mem_eq(doc.etf.data, want_etf.data, want_etf.len);
        tufi_docscan_release(&doc);
    }
}
END_TEST

START_TEST(equal_hashes_do_not_make_keys_equal)
{
    static const char *const names[] = { "a", "b", "aa", "a" };
    struct json_member members[4];
    memset(members, 0, sizeof(members));
    for (size_t i = 0; i < 4; i++) {
        members[i].key = (const uint8_t *)names[i];
        members[i].key_len = strlen(names[i]);
        members[i].key_hash = 42;
    }
    size_t dropped_count;
    ck_ok(tufi_json_mark_duplicates(&dropped_count, members, 3));
    ck_assert_uint_eq(dropped_count, 0);
    ck_ok(tufi_json_mark_duplicates(&dropped_count, members, 4));
    ck_assert_uint_eq(dropped_count, 1);
    ck_assert(members[0].dropped);
    ck_assert(!members[3].dropped);
}
END_TEST

START_TEST(hashes_that_share_a_slot_do_not_take_quadratic_time)
{
    /* Different hashes whose low bits are all equal: they meet in one slot of any table. */
    size_t count = 100000;
    struct json_member *members = tufi_alloc_zero(count * sizeof(*members));
    char *texts = malloc(count * 8);
    ck_assert_ptr_nonnull(members);
    for (size_t i = 0; i < count; i++) {
        snprintf(texts + i * 8, 8, "%07zu", i == 77 ? count - 1 : i);
        members[i].key = (const uint8_t *)texts + i * 8;
        members[i].key_len = 7;
        members[i].key_hash = (uint64_t)(i == 77 ? count - 1 : i) << 40;
    }
    clock_t start = clock();
    size_t dropped_count;
    ck_ok(tufi_json_mark_duplicates(&dropped_count, members, count));
    ck_assert_uint_eq(dropped_count, 1);
    ck_assert(members[77].dropped);
    ck_assert_int_lt(clock() - start, 2 * CLOCKS_PER_SEC);
    free(texts);
    tufi_free(members);
}
END_TEST

START_TEST(large_object_is_scanned_in_one_go)
{
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    for (int i = 0; i < 100000; i++)
        tufi_buf_printf(&json, "%s\"member number %d\":%d", i > 0 ? "," : "{", i % 99999, i);
    buf_append_u8(&json, '}');
    struct scanned_doc doc;
    clock_t start = clock();
    ck_ok(tufi_docscan(&doc, buf_slice(&json), DOCSCAN_ETF));
    ck_assert_int_lt(clock() - start, 2 * CLOCKS_PER_SEC);
    /* Member 0 came again at the end: its first place is gone. */
    ck_assert_mem_eq(doc.body.data, "{\"member number 1\":1,", 21);
    ck_assert_mem_eq(doc.body.data + doc.body.len - 24, "\"member number 0\":99999}", 24);
    tufi_docscan_release(&doc);
}
END_TEST

START_TEST(key_hash_depends_on_every_byte)
{
    char key[40];
    for (size_t len = 0; len < sizeof(key); len++) {
        memset(key, 'x', sizeof(key));
        uint64_t hash = tufi_json_key_hash(tuf_slice_of(key, len));
        ck_assert(hash == tufi_json_key_hash(tuf_slice_of(key, len)));
        ck_assert(hash !=
                  tufi_json_key_hash(tuf_slice_of(key, len + 1 < sizeof(key) ? len + 1 : 0)));
        for (size_t i = 0; i < len; i++) {
            key[i] = 'y';
            ck_assert(hash != tufi_json_key_hash(tuf_slice_of(key, len)));
            key[i] = 'x';
        }
    }
}
END_TEST

int main(void)
{
    const char *seed = getenv("TUF_SEED");
    rng_state = seed ? strtoull(seed, NULL, 10) : 20240607;
    printf("TUF_SEED=%llu\n", (unsigned long long)rng_state);
    Suite *suite = suite_create("json dedup");
    TCase *keys = tcase_create("keys");
    tcase_set_timeout(keys, 60);
    tcase_add_test(keys, random_objects_keep_the_last_of_equal_keys);
    tcase_add_test(keys, equal_hashes_do_not_make_keys_equal);
    tcase_add_test(keys, hashes_that_share_a_slot_do_not_take_quadratic_time);
    tcase_add_test(keys, large_object_is_scanned_in_one_go);
    tcase_add_test(keys, key_hash_depends_on_every_byte);
    suite_add_tcase(suite, keys);
    return tuft_run(suite);
}
