/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: user documents: finding one for a login. The checks of documents that are written are
 * declared in server/auth.h.
 */
#ifndef SERVER_USERS_H
#define SERVER_USERS_H

#include "server/http.h"
#include "server/password.h"

#define USERS_DB "_users"
#define USER_ID_PREFIX "org.couchdb.user:"

/* What a login needs to know of a user. All slices are in the request's arena. */
struct user_record {
    struct stored_password password;
    tuf_slice *roles;
    size_t role_count;
    bool is_admin;      /* from [admins] */
    bool needs_token;   /* has a second factor */
    bool conflicted;    /* the document has live conflicts */
};

/*
 * Finds a user in [admins], then in the _users database.
 *   may_block  false: only look at a database that is open
 * Returns: TUF_OK; TUF_NOT_FOUND; TUF_STOPPED (it would block); failures.
 */
tuf_status user_find(struct user_record *out, struct request *req, tuf_slice name,
                     bool may_block);

#endif
