/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: one-time passwords by time, the second factor of a user document's member "totp".
 *
 * Source: RFC 4226 (HOTP), RFC 6238 (TOTP); CouchDB's couch_totp for what is accepted: this step of
 * 30 seconds, the one before and the one after.
 * Not here: counting of failures (server/lockout.h), which is what makes six digits enough.
 */
#ifndef SERVER_TOTP_H
#define SERVER_TOTP_H

#include <openssl/evp.h>

#include "base/buf.h"
#include "tuffet/types.h"

struct totp {
    const EVP_MD *digest; /* NULL: nothing is accepted */
    tuf_slice key;        /* bytes */
    unsigned digit_count; /* 6 to 8 */
};

/* Appends the bytes of base32 text (RFC 4648 section 6, padded or not, any case). False: it is none. */
bool totp_decode_key(struct buf *out, tuf_slice text);

/* The digits of a counter (RFC 4226): false on failure of the library. */
bool totp_digits(char out[9], const struct totp *totp, uint64_t counter);

/* Whether a token is that of now, or of a neighbouring step. Its time does not tell which. */
bool totp_check(const struct totp *totp, tuf_slice token, uint64_t now_s);

#endif
