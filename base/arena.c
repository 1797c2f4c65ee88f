/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the arena (base/arena.h): a chain of blocks, newest first, of growing size.
 *
 * INV-ARENA-1: every pointer handed out is aligned for any type and stays valid until the arena is
 *           cleared or released.
 */
#include "base/arena.h"

#include <stddef.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"

#define ARENA_ALIGN _Alignof(max_align_t)
#define ARENA_BLOCK_SIZE_MIN ((size_t)1008) /* with its header 1 KiB, which glibc hands out fast */
#define ARENA_BLOCK_SIZE_MAX ((size_t)256 * 1024)

struct arena_block {
    struct arena_block *older; /* owned */
    size_t size;               /* bytes of data */
    max_align_t data[];
};

void tufi_arena_release(struct arena *a)
{
    while (a->newest) {
        struct arena_block *older = a->newest->older;
        tufi_free(a->newest);
        a->newest = older;
    }
    a->used = 0;
}

void tufi_arena_clear(struct arena *a)
{
    if (!a->newest)
        return;
    /* The newest block is the largest, so it is the one to keep. */
    struct arena kept = { .newest = a->newest->older };
    tufi_arena_release(&kept);
    a->newest->older = NULL;
    a->used = 0;
}

static bool add_block(struct arena *a, size_t size_min)
{
    size_t grown = a->newest ? min_size(a->newest->size * 2, ARENA_BLOCK_SIZE_MAX) : 0;
    size_t size = max_size(size_min, max_size(grown, ARENA_BLOCK_SIZE_MIN));
    size_t total;
    if (!add_ok(&total, size, sizeof(struct arena_block)))
        return false;
    struct arena_block *block = tufi_alloc(total);
    if (!block)
        return false;
    block->older = a->newest;
    block->size = size;
    a->newest = block;
    a->used = 0;
    return true;
}

void *tufi_arena_alloc(struct arena *a, size_t size)
{
    if (size > SIZE_MAX - ARENA_ALIGN)
        return NULL;
    size_t rounded = (size_t)align_up(size > 0 ? size : 1, ARENA_ALIGN);
    bool fits = a->newest && rounded <= a->newest->size - a->used;
    if (!fits && !add_block(a, rounded))
        return NULL;
    uint8_t *memory = (uint8_t *)a->newest->data + a->used;
    a->used += rounded;
    tuf_assert((uintptr_t)memory % ARENA_ALIGN == 0); /* INV-ARENA-1 */
    return memory;
}

tuf_slice tufi_arena_copy(struct arena *a, tuf_slice s)
{
    size_t size;
    if (!add_ok(&size, s.len, (size_t)1))
        return tuf_slice_of(NULL, 0);
    uint8_t *copy = tufi_arena_alloc(a, size);
    if (!copy)
        return tuf_slice_of(NULL, 0);
    if (s.len > 0)
        memcpy(copy, s.data, s.len);
    copy[s.len] = 0;
    return tuf_slice_of(copy, s.len);
}
