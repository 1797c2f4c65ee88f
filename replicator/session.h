/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: how requests to one end say who they are: with the cookie of a session where the server has
 * them, else with the password each time. Shared by all connections of a job to that end, so that the
 * password is checked once and not with every request.
 *
 * INV-RPS-1: neither cookie nor password leaves for another server than the endpoint's.
 * Lock: session.lock guards everything in it; it is held during a login, so that one logs in for all.
 * Source: CouchDB's couch_replicator_auth_session (when it logs in again).
 * Not here: the request that logs in (replicator/http.c).
 */
#ifndef REPLICATOR_SESSION_H
#define REPLICATOR_SESSION_H

#include <pthread.h>

#include "replicator/endpoint.h"

enum session_mode {
    SESSION_UNKNOWN, /* nobody asked yet, or the cookie is no longer taken */
    SESSION_COOKIE,
    SESSION_BASIC,   /* the server has no sessions */
};

struct session {
    pthread_mutex_t lock;
    enum session_mode mode;
    char *cookie;         /* "Cookie: AuthSession=..."; owned */
    uint64_t login_ms;    /* monotonic */
    uint64_t refresh_ms;  /* monotonic: log in again from then on */
    unsigned generation;  /* counts logins */
};

void repl_session_init(struct session *out);
void repl_session_release(struct session *session);

/*
 * Takes over what the answer to a login said.
 *   set_cookie  value of its Set-Cookie header, NULL if there was none
 */
tuf_status repl_session_take(struct session *session, const char *set_cookie, uint64_t now_ms);

/* Whether somebody must log in before the next request. The lock is held. */
bool repl_session_is_due(const struct session *session, uint64_t now_ms);

/*
 * A request was refused with 401 or 403: forgets the cookie it had used, unless another one is there
 * already or it is but a moment old (then the refusal is meant).
 * Returns: whether asking again makes sense.
 */
bool repl_session_refused(struct session *session, unsigned generation, uint64_t now_ms);

#endif
