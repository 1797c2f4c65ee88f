/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: JSON Web Tokens as credentials: signature, claims, roles.
 *
 * INV-JWT-1: a token counts only with a signature by a key of [jwt_keys] whose type is the one
 *            that the token's algorithm needs: "none" is no algorithm, and an RSA key is never the
 *            secret of an HMAC.
 * Source: RFC 7515, 7518, 7519; CouchDB's jwtf for keys, texts and defaults.
 * Difference: "exp" and "nbf" are checked whenever a token has them, not only if they are required.
 */
#ifndef SERVER_JWT_H
#define SERVER_JWT_H

#include <jansson.h>

#include "server/config.h"

/* Why a token is refused. Texts are static. */
struct jwt_error {
    int status; /* 400 or 401 */
    const char *reason;
};

/*
 * Checks a compact token by [jwt_keys] and [jwt_auth] required_claims.
 * Returns the claims (a new reference), or NULL with `error` set.
 */
json_t *jwt_check(struct jwt_error *error, struct config *config, tuf_slice token,
                  uint64_t now_s);

/*
 * The roles of checked claims, by [jwt_auth] roles_claim_path or roles_claim_name: a new array of
 * strings, empty if there are none; NULL if they have another form.
 */
json_t *jwt_roles(struct config *config, const json_t *claims);

#endif
