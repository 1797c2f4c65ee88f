/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test base/arena.c.
 */
#include <stddef.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/bytes.h"
#include "tests/lib/test.h"

START_TEST(allocations_are_aligned_and_do_not_overlap)
{
    struct arena a = ARENA_INIT;
    uint8_t *pieces[500];
    for (size_t i = 0; i < 500; i++) {
        size_t size = i * 7 % 300;
        pieces[i] = tufi_arena_alloc(&a, size);
        ck_assert_ptr_nonnull(pieces[i]);
        ck_assert_uint_eq((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
        memset(pieces[i], (int)(i & 0xff), size);
    }
    for (size_t i = 0; i < 500; i++)
        for (size_t j = 0; j < i * 7 % 300; j++)
            ck_assert_uint_eq(pieces[i][j], i & 0xff);
    tufi_arena_release(&a);
    ck_assert_ptr_null(a.newest);
}
END_TEST

START_TEST(large_pieces_get_a_block_of_their_own)
{
    struct arena a = ARENA_INIT;
    uint8_t *small = tufi_arena_alloc(&a, 10);
    uint8_t *large = tufi_arena_alloc(&a, 10 * 1024 * 1024);
    ck_assert_ptr_nonnull(small);
    ck_assert_ptr_nonnull(large);
    memset(large, 1, 10 * 1024 * 1024);
    ck_assert_ptr_null(tufi_arena_alloc(&a, SIZE_MAX));
    ck_assert_ptr_null(tufi_arena_alloc(&a, SIZE_MAX - 20));
    tufi_arena_release(&a);
    tufi_arena_release(&a);
}
END_TEST

START_TEST(copies_end_with_a_zero_byte)
{
    struct arena a = ARENA_INIT;
    tuf_slice copy = tufi_arena_copy(&a, tuf_str("hello"));
    ck_assert(slice_is(copy, "hello"));
    ck_assert_uint_eq(copy.data[5], 0);
    tuf_slice empty = tufi_arena_copy(&a, tuf_slice_of(NULL, 0));
    ck_assert_ptr_nonnull(empty.data);
    ck_assert_uint_eq(empty.len, 0);
    ck_assert_uint_eq(empty.data[0], 0);
    tufi_arena_release(&a);
}
END_TEST

static size_t alloc_count;

static bool count_allocation(size_t size, void *ctx)
{
    (void)size;
    (void)ctx;
    alloc_count++;
    return true;
}

START_TEST(cleared_arena_keeps_one_block)
{
    struct arena a = ARENA_INIT;
    tufi_arena_clear(&a);
    for (int i = 0; i < 1000; i++)
        ck_assert_ptr_nonnull(tufi_arena_alloc(&a, 100));
    tufi_arena_clear(&a);
    tufi_alloc_set_hook(count_allocation, NULL);
    for (int i = 0; i < 100; i++)
        ck_assert_ptr_nonnull(tufi_arena_alloc(&a, 100));
    tufi_alloc_set_hook(NULL, NULL);
    ck_assert_uint_eq(alloc_count, 0);
    tufi_arena_release(&a);
}
END_TEST

static bool refuse(size_t size, void *ctx)
{
    (void)size;
    (void)ctx;
    return false;
}

START_TEST(lack_of_memory_gives_null)
{
    struct arena a = ARENA_INIT;
    tufi_alloc_set_hook(refuse, NULL);
    ck_assert_ptr_null(tufi_arena_alloc(&a, 1));
    ck_assert_ptr_null(tufi_arena_copy(&a, tuf_str("x")).data);
    tufi_alloc_set_hook(NULL, NULL);
    ck_assert_ptr_nonnull(tufi_arena_alloc(&a, 1));
    tufi_arena_release(&a);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base arena");
    TCase *arena = tcase_create("arena");
    tcase_add_test(arena, allocations_are_aligned_and_do_not_overlap);
    tcase_add_test(arena, large_pieces_get_a_block_of_their_own);
    tcase_add_test(arena, copies_end_with_a_zero_byte);
    tcase_add_test(arena, cleared_arena_keeps_one_block);
    tcase_add_test(arena, lack_of_memory_gives_null);
    suite_add_tcase(suite, arena);
    return tuft_run(suite);
}
