/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: arithmetic on decoded and user-supplied values, which must not wrap.
 */
#ifndef BASE_ARITH_H
#define BASE_ARITH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define add_ok(out, a, b) (!__builtin_add_overflow((a), (b), (out)))
#define mul_ok(out, a, b) (!__builtin_mul_overflow((a), (b), (out)))
#define sub_ok(out, a, b) (!__builtin_sub_overflow((a), (b), (out)))

static inline size_t min_size(size_t a, size_t b) { return a < b ? a : b; }
static inline size_t max_size(size_t a, size_t b) { return a > b ? a : b; }
static inline uint64_t min_u64(uint64_t a, uint64_t b) { return a < b ? a : b; }
static inline uint64_t max_u64(uint64_t a, uint64_t b) { return a > b ? a : b; }

/* Rounds up to a multiple of a power of two. The caller knows that it does not wrap. */
static inline uint64_t align_up(uint64_t value, uint64_t alignment)
{
    return (value + alignment - 1) & ~(alignment - 1);
}

#endif
