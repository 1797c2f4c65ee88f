/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: passwords in user documents: judging a new one, putting its hash in its place, and making
 * the hash of an old one as strong as the configuration wants.
 *
 * Source: CouchDB's couch_users_db and couch_password_hasher.
 * Not here: hashing itself (server/password.h), who may write a user document (server/users.c).
 */
#ifndef SERVER_USER_PASSWORDS_H
#define SERVER_USER_PASSWORDS_H

#include <jansson.h>

#include "server/users.h"

struct config;

/* What new hashes are to be, by [chttpd_auth] password_scheme and iterations; no prf and no salt. */
struct password_wish password_wish_of(struct config *config);

/*
 * The text of a user document with its password replaced by a hash; nothing is appended if it has
 * none. COSTS: worker only.
 * Returns: TUF_OK; E_INVALID with kind "forbidden" or "bad_request"; E_NOMEM, E_INTERNAL.
 */
tuf_status user_replace_password(struct buf *json_out, struct request *req, json_t *doc);

/*
 * After a password was right: if its hash is weaker than a new one would be, and
 * [chttpd_auth] upgrade_hash_on_auth is not false, stores a new one with the same salt, so that
 * sessions stay. What goes wrong is told in the log. COSTS: worker only.
 */
void user_upgrade_hash(struct request *req, tuf_slice name, tuf_slice password,
                       const struct user_record *record);

#endif
