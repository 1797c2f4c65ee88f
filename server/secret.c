/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the one comparison of secrets (INV-AUTH-1): its time tells nothing but the lengths.
 */
#include <openssl/crypto.h>

#include "server/auth.h"

bool auth_equal(tuf_slice a, tuf_slice b)
{
    return a.len == b.len && a.len > 0 && CRYPTO_memcmp(a.data, b.data, a.len) == 0;
}
