/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: session cookies: AuthSession = base64url(NAME ":" HEXTIME ":" MAC).
 *
 * INV-SES-1: a cookie counts only with a MAC keyed by the server's secret and the user's salt: it
 *            ends with the password it was made for.
 * Source: CouchDB's couch_httpd_auth.
 */
#ifndef SERVER_SESSION_H
#define SERVER_SESSION_H

#include <openssl/evp.h>

#include "server/http.h"

struct session {
    tuf_slice name;
    uint64_t time_s;   /* when it was made, seconds since the Unix epoch */
    tuf_slice message; /* "NAME:HEXTIME" */
    tuf_slice mac;
};

/* The value of the AuthSession cookie; false if there is none or it is empty. */
bool session_find(tuf_slice *out, const struct request *req);

/* Decodes a value into the request's arena. False: malformed. */
bool session_decode(struct session *out, struct request *req, tuf_slice value);

/* Whether the session is of this user (known by the salt) and not over. */
bool session_check(struct server *server, const struct session *session, tuf_slice salt,
                   uint64_t now_s);

/* Appends a new value. Creates and stores the server's secret if there is none: may write. */
tuf_status session_make(struct buf *out, struct server *server, tuf_slice name, tuf_slice salt,
                        uint64_t now_s);

/* Adds Set-Cookie with this value; an empty one clears the cookie. */
void session_set_cookie(struct request *req, tuf_slice value);

/* The configured digests, and taking the next of them off such a list: NULL at the end. */
void session_algorithms(struct buf *out, struct server *server);
const EVP_MD *session_next_algorithm(tuf_slice *list);

/* Makes sure that there is a secret. Called at start. */
tuf_status session_ensure_secret(struct server *server);

#endif
