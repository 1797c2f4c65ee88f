/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what happens when an assertion fails: say it and stop.
 */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void tufi_panic(const char *what, const char *file, int line)
{
    fprintf(stderr, "tuffet: assertion failed at %s:%d: %s\n", file, line, what);
    fflush(stderr);
    abort();
}

bool tufi_verify_enabled(void)
{
#ifdef TUF_DEBUG
    return true;
#else
    static int enabled = -1; /* racing threads compute the same value */
    int known = __atomic_load_n(&enabled, __ATOMIC_RELAXED);
    if (known < 0) {
        const char *value = getenv("TUF_VERIFY");
        known = value && value[0] == '1';
        __atomic_store_n(&enabled, known, __ATOMIC_RELAXED);
    }
    return known != 0;
#endif
}
