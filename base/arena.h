/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: many small allocations that live and die together.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "tuffet/types.h"

struct arena_block;

struct arena {
    struct arena_block *newest; /* owned chain */
    size_t used;                /* bytes used in the newest block */
};

#define ARENA_INIT { 0 }

void tufi_arena_release(struct arena *a);
/* Forgets everything, keeping one block for reuse. */
void tufi_arena_clear(struct arena *a);
/* Aligned for any type. NULL when out of memory. */
void *tufi_arena_alloc(struct arena *a, size_t size);
/* Copies bytes, adding a NUL behind them. data is NULL when out of memory. */
tuf_slice tufi_arena_copy(struct arena *a, tuf_slice s);

#endif
