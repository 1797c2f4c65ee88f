/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: who asks, and what they may do.
 *
 * INV-AUTH-1: secrets are compared in constant time only (auth_equal).
 * INV-AUTH-2: a route without a right cannot be written: every row of server/routes.c names one.
 * Source: CouchDB's chttpd_auth, chttpd_auth_request, couch_users_db.
 * Not here: cookies and hashes (server/session.h, server/password.h), checks of documents written
 * to _users (server/users.h).
 */
#ifndef SERVER_AUTH_H
#define SERVER_AUTH_H

#include <jansson.h>

#include "base/buf.h"
#include "tuffet/tuffet.h"

struct dbh;
struct request;
struct server;

/* Who asks. Slices are in the request's arena. */
struct user_ctx {
    tuf_slice name;           /* data is NULL for nobody */
    const tuf_slice *roles;
    size_t role_count;
    const char *handler;      /* "default", "cookie", or NULL: how they were authenticated */
    bool is_server_admin;     /* has the role _admin */
};

/* What a route demands, in the order of a growing demand. */
enum right {
    RIGHT_OPEN,      /* nobody is asked (but require_valid_user) */
    RIGHT_USER,      /* any authenticated user */
    RIGHT_METRICS,   /* server admin, or role _metrics */
    RIGHT_SRVADM,    /* server admin */
    RIGHT_MEMBER,    /* member of the database */
    RIGHT_DBADM,     /* admin of the database: "You are not a db or server admin." */
    RIGHT_DBADM_PATH /* the same for _compact and _view_cleanup, which word it differently */
};

/*
 * Checks a right of the asking user; for the last three on req->dbh.
 * Returns true, or has answered 401 or 403 and returns false.
 */
bool auth_check(struct request *req, enum right right);

/* The same without an answer. */
bool auth_has(const struct request *req, enum right right);

bool user_has_role(const struct user_ctx *user, const char *role);

/* A parsed security object: immutable, reference counted. */
struct security;

/* Parses {"admins":{"names":[],"roles":[]},"members":{...}}; NULL when out of memory. An empty
 * text is the default of a new database: admins only. */
struct security *security_new(tuf_slice json);
struct security *security_ref(struct security *sec);
void security_unref(struct security **sec);
bool security_is_admin(const struct security *sec, const struct user_ctx *user);
/* Whether both member lists are empty. */
bool security_is_public(const struct security *sec);
/* Server admins, database admins and members; everybody if both member lists are empty. */
bool security_is_member(const struct security *sec, const struct user_ctx *user);

/*
 * Checks a document that is about to be written to a database whose dbh_is_users() is true, and
 * replaces a plain password by its hash; of one whose dbh_is_replicator() is true (see
 * server/replicator_guard.c) fills in the owner. For the former to be called on a WORKER (it costs
 * 0.2 s). Call before tuf_edit_parse, for interactive and replicated writes; does nothing (json_out
 * stays empty) for every other database, so that callers need not ask.
 *   replicated  the write brings its own revision
 *   json_out  receives the text to parse instead; empty if `json` may stay as it is
 *   id        document id of the edit
 *   json      the document's text
 * Returns: TUF_OK; E_INVALID with kind "forbidden", "unauthorized", "not_found" or "bad_request"
 *          and the text to answer (reply_status makes 403, 401, 404, 400 of it); E_NOMEM.
 */
tuf_status server_before_write(struct buf *json_out, struct request *req, tuf_slice id,
                               tuf_slice json, bool replicated);

/*
 * For deletions by DELETE, copies and attachments in such databases, where there is no text:
 * whether this user may change that document. Returns as server_before_write.
 */
tuf_status server_before_change(struct request *req, tuf_slice id);

/*
 * For reading a document of a _users database: not_found or forbidden for those of others; design
 * documents need an admin. TUF_OK for every other database.
 */
tuf_status server_before_read(struct request *req, tuf_slice id);

/* Same length and same bytes, in time that depends on the lengths only. */
bool auth_equal(tuf_slice a, tuf_slice b);

#endif
