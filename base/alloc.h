/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: every allocation of the library goes through here, so that tests can make any of them fail.
 */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stddef.h>
#include <stdint.h>

#include "tuffet/types.h"

/* All return NULL when out of memory; a size of 0 gives a unique pointer. */
void *tufi_alloc(size_t size) __attribute__((malloc, alloc_size(1)));
void *tufi_alloc_zero(size_t size) __attribute__((malloc, alloc_size(1)));
void *tufi_realloc(void *old, size_t size);
/* item_count * item_size with an overflow check. */
void *tufi_alloc_array(size_t item_count, size_t item_size);
void *tufi_memdup(const void *data, size_t len);
/* A copy with a NUL behind it. */
char *tufi_strdup(tuf_slice text);
void tufi_free(void *memory);

/* How often this thread got NULL, so far: whether anything it did in between is to be believed. */
uint64_t tufi_alloc_failures(void);

/* For whom must not see a failure that a test makes; memory of it goes to tufi_free, too. */
void *tufi_alloc_unhooked(size_t size) __attribute__((malloc, alloc_size(1)));

/* Test hook: called before each allocation; false makes it fail. NULL removes it. */
void tufi_alloc_set_hook(bool (*hook)(size_t size, void *ctx), void *ctx);

/* Runs a release function on a local variable when it leaves scope. */
#define TUF_AUTO(release) __attribute__((cleanup(release)))

void tufi_autofree(void *pointer_to_pointer);
#define TUF_AUTOFREE TUF_AUTO(tufi_autofree)

/* Moves a pointer out of its variable. */
#define tufi_steal(p) __extension__({ __typeof__(p) stolen_ = (p); (p) = NULL; stolen_; })

#endif
