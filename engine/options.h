/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: options of a public call, whose struct may grow: a caller that was compiled with an older,
 * shorter one gets the defaults for the rest.
 */
#ifndef ENGINE_OPTIONS_H
#define ENGINE_OPTIONS_H

#include <string.h>

#include "base/fail.h"

/*
 *   out   holds the defaults; `size` bytes
 *   opts  NULL, or a struct that begins with its own size as a size_t
 */
static inline tuf_status tufi_take_options(void *out, size_t size, const void *opts)
{
    size_t given;
    if (!opts)
        return TUF_OK;
    memcpy(&given, opts, sizeof(given));
    if (given < sizeof(given) || given > size)
        return tufi_fail(TUF_E_MISUSE, "options of %zu bytes are from another version", given);
    memcpy(out, opts, given);
    return TUF_OK;
}

#endif
