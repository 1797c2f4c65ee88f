/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: user documents: finding one for a login. The checks of documents that are written are
 * declared in server/auth.h.
 */
#ifndef SERVER_USERS_H
#define SERVER_USERS_H

#include "server/docjson.h"
#include "server/http.h"
#include "server/password.h"
#include "server/totp.h"

#define USERS_DB "_users"
#define USER_ID_PREFIX "org.couchdb.user:"

/* What a login needs to know of a user. All slices are in the request's arena. */
struct user_record {
    struct stored_password password;
    tuf_slice *roles;
    size_t role_count;
    bool is_admin;      /* from [admins] */
    bool needs_token;   /* has a second factor */
    struct totp totp;   /* which, then */
    bool conflicted;    /* the document has live conflicts */
};

/*
 * Finds a user in [admins], then in the _users database.
 *   may_block  false: only look at a database that is open
 * Returns: TUF_OK; TUF_NOT_FOUND; TUF_STOPPED (it would block); failures.
 */
tuf_status user_find(struct user_record *out, struct request *req, tuf_slice name,
                     bool may_block);

/*
 * For who is no admin: documents of others show [chttpd_auth] public_fields only; does nothing for
 * other databases.
 *   id  of the document; empty if it is to be decided for each of several
 * Returns: TUF_OK; E_NOMEM.
 */
tuf_status users_hide_private(struct docjson_options *opts, struct request *req,
                              tuf_slice id);

/* TUF_NOT_FOUND if nothing of this document would be left by that; TUF_OK; failures. */
tuf_status users_show(struct request *req, const tuf_doc *doc);

#endif
