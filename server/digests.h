/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the digests that CouchDB's configuration and user documents can name.
 */
#ifndef SERVER_DIGESTS_H
#define SERVER_DIGESTS_H

#include <openssl/evp.h>

#include "base/bytes.h"

/* "sha", "sha1", "sha224", "sha256", "sha384", "sha512"; NULL for anything else. */
static inline const EVP_MD *digest_find(tuf_slice name)
{
    if (slice_is(name, "sha") || slice_is(name, "sha1"))
        return EVP_sha1();
    if (slice_is(name, "sha224"))
        return EVP_sha224();
    if (slice_is(name, "sha256"))
        return EVP_sha256();
    if (slice_is(name, "sha384"))
        return EVP_sha384();
    return slice_is(name, "sha512") ? EVP_sha512() : NULL;
}

#endif
