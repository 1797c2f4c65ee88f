/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: assertions. They state what is true if our code is right, and stay on in release builds: a
 * store that stops is better than one that writes nonsense.
 *
 * Never assert on bytes of a file or of the network, on user arguments, allocation or system
 * calls: those return a status.
 */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

#include <assert.h> /* static_assert */
#include <stdbool.h>

#ifdef TUF_DISABLE_ASSERT
#define tuf_assert(x) ((void)sizeof((x) ? 1 : 0))
#else
#define tuf_assert(x) ((x) ? (void)0 : tufi_panic(#x, __FILE__, __LINE__))
#endif

/* Expensive checks: on when built with TUF_DEBUG or when the environment has TUF_VERIFY=1. */
#ifdef TUF_DISABLE_ASSERT
#define tuf_check_slow(x) ((void)0)
#else
#define tuf_check_slow(x) (tufi_verify_enabled() ? tuf_assert(x) : (void)0)
#endif

#define tuf_unreachable(why) tufi_panic(why, __FILE__, __LINE__)

_Noreturn void tufi_panic(const char *what, const char *file, int line);
bool tufi_verify_enabled(void);

#endif
