/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: who may write a document of a _replicator database, what it must look like, and what of it
 * others see.
 *
 * INV-RPG-1: a document has the name of its owner; nobody but the owner and admins of the database
 *            changes it, or takes a copy of it.
 * INV-RPG-2: nobody else sees the user and password of its URLs and proxies, its headers and its
 *            `auth`.
 * INV-RPG-3: a job of a document has no rights but those of the credentials that it carries: the
 *            name of a local database, which would need somebody's rights, is refused.
 * Source: CouchDB's couch_replicator_docs. Differences: what others see keeps its _rev; the owner
 * of the stored document counts as well as that of the new one.
 */
#ifndef SERVER_REPLICATOR_GUARD_H
#define SERVER_REPLICATOR_GUARD_H

#include <jansson.h>

#include "base/buf.h"
#include "replicator/options.h"
#include "server/docjson.h"

struct request;
struct server;

/* As server_before_write for such a database; returns at once for "_design/" and "_local/". */
tuf_status replicator_before_write(struct buf *json_out, struct request *req, tuf_slice id,
                                   tuf_slice json, bool replicated);
/* As server_before_change. */
tuf_status replicator_before_change(struct request *req, tuf_slice id);

/*
 * What a document asks for, with the configuration's defaults.
 * Returns: TUF_OK; E_INVALID, E_UNSUPPORTED with CouchDB's text; E_NOMEM.
 */
tuf_status replicator_parse(struct repl_options *out, const json_t *doc, struct server *server);

/* Makes a document be shown to the asking user without the secrets of others. For any database. */
void replicator_hide_secrets(struct docjson_options *opts, const struct request *req);

/* An endpoint without its user and password, for lists; JSON null if there is none. */
json_t *replicator_shown_endpoint(const json_t *endpoint);

#endif
