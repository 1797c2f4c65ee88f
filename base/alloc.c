/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: allocation with a hook for tests that make any single allocation fail.
 */
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#include "base/arith.h"
#include "tuffet/db.h"

#define ZERO_BY_HAND_MAX 1024

/* Set by tests before they start threads; never in production. */
static bool (*alloc_hook)(size_t size, void *ctx);
static void *alloc_hook_ctx;

void tufi_alloc_set_hook(bool (*hook)(size_t size, void *ctx), void *ctx)
{
    alloc_hook = hook;
    alloc_hook_ctx = ctx;
}

static _Thread_local uint64_t failure_count;

static bool allowed(size_t size)
{
    return !alloc_hook || alloc_hook(size, alloc_hook_ctx);
}

static void *counted(void *memory)
{
    failure_count += memory == NULL;
    return memory;
}

uint64_t tufi_alloc_failures(void)
{
    return failure_count;
}

void *tufi_alloc(size_t size)
{
    return counted(allowed(size) ? malloc(size > 0 ? size : 1) : NULL);
}

void *tufi_alloc_unhooked(size_t size)
{
    return malloc(size > 0 ? size : 1);
}

/* calloc of glibc passes by the thread's own lists of free memory, which is worth it for large
 * pieces only: those may come zeroed from the kernel. */
void *tufi_alloc_zero(size_t size)
{
    if (size > ZERO_BY_HAND_MAX)
        return counted(allowed(size) ? calloc(1, size) : NULL);
    void *memory = tufi_alloc(size);
    if (memory)
        memset(memory, 0, size);
    return memory;
}

void *tufi_realloc(void *old, size_t size)
{
    return counted(allowed(size) ? realloc(old, size > 0 ? size : 1) : NULL);
}

void *tufi_alloc_array(size_t item_count, size_t item_size)
{
    size_t size;
    return mul_ok(&size, item_count, item_size) ? tufi_alloc(size) : NULL;
}

void *tufi_memdup(const void *data, size_t len)
{
    void *copy = tufi_alloc(len);
    if (copy && len > 0)
        memcpy(copy, data, len);
    return copy;
}

char *tufi_strdup(tuf_slice text)
{
    char *copy = text.len < SIZE_MAX ? tufi_alloc(text.len + 1) : NULL;
    if (!copy)
        return NULL;
    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    return copy;
}

void tufi_free(void *memory)
{
    free(memory);
}

void tuf_free(void *memory)
{
    free(memory);
}

void tufi_autofree(void *pointer_to_pointer)
{
    void *memory;
    memcpy(&memory, pointer_to_pointer, sizeof(memory));
    free(memory);
}
