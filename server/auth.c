/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: checks the right that a route demands. See server/auth.h.
 *
 * Source: CouchDB's chttpd_auth_request and couch_db for rules and texts.
 */
#include "server/auth.h"

#include "base/assert.h"
#include "server/dbs.h"
#include "server/http.h"

bool user_has_role(const struct user_ctx *user, const char *role)
{
    for (size_t i = 0; i < user->role_count; i++) {
        if (slice_is(user->roles[i], role))
            return true;
    }
    return false;
}

static bool has_db_right(const struct request *req, bool admin)
{
    tuf_assert(req->dbh != NULL);
    struct security *sec = dbh_security(req->dbh);
    bool good = admin ? security_is_admin(sec, &req->user) : security_is_member(sec, &req->user);
    security_unref(&sec);
    return good;
}

bool auth_has(const struct request *req, enum right right)
{
    switch (right) {
    case RIGHT_OPEN:
        return true;
    case RIGHT_USER:
        return req->user.name.data != NULL;
    case RIGHT_METRICS:
        return req->user.is_server_admin || user_has_role(&req->user, "_metrics");
    case RIGHT_SRVADM:
        return req->user.is_server_admin;
    case RIGHT_MEMBER:
        return has_db_right(req, false);
    case RIGHT_DBADM:
    case RIGHT_DBADM_PATH:
        return has_db_right(req, true);
    }
    return false;
}

static void refuse_member(struct request *req)
{
    if (req->user.name.data == NULL)
        reply_error(req, 401, "unauthorized", "You are not authorized to access this db.");
    else
        reply_error(req, 403, "forbidden", "You are not allowed to access this db.");
}

bool auth_check(struct request *req, enum right right)
{
    if (auth_has(req, right))
        return true;
    bool known = req->user.name.data != NULL;
    switch (right) {
    case RIGHT_OPEN:
        break;
    case RIGHT_USER:
        reply_error(req, 401, "unauthorized", "You are not an authenticated user");
        break;
    case RIGHT_METRICS:
        reply_error(req, known ? 403 : 401, known ? "forbidden" : "unauthorized",
                    "You are not a server admin or read-only metrics user");
        break;
    case RIGHT_SRVADM:
        reply_error(req, 401, "unauthorized", "You are not a server admin.");
        break;
    case RIGHT_MEMBER:
        refuse_member(req);
        break;
    case RIGHT_DBADM:
        /* Who may not even read the database learns nothing more. */
        if (!auth_has(req, RIGHT_MEMBER))
            refuse_member(req);
        else
            reply_error(req, known ? 403 : 401, known ? "forbidden" : "unauthorized",
                        "You are not a db or server admin.");
        break;
    case RIGHT_DBADM_PATH:
        reply_error(req, 401, "unauthorized", "You are not a server or db admin.");
        break;
    }
    return false;
}
