/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what the server gives the table of replications: limits and defaults from [replicator] of
 * the configuration, lines in the log; and who may replicate.
 *
 * Not here: the table (replicator/jobs.h), documents that ask for jobs (server/replicator_docs.h).
 */
#ifndef SERVER_REPLICATIONS_H
#define SERVER_REPLICATIONS_H

#include <jansson.h>

#include "replicator/jobs.h"

struct request;
struct server;

/* The table, which asks the configuration and tells the log and server->replicator_docs. */
struct repl_jobs *replications_new(struct server *server);

/* Puts the configuration's values where a job does not say its own. */
tuf_status replications_apply_defaults(json_t *job, struct server *server);

/*
 * What the configuration says of remote ends: valid_endpoint_protocols, valid_proxy_protocols,
 * allow_private_addresses, verify_ssl_certificates, ssl_trusted_certificates_file.
 * Returns: TUF_OK; E_INVALID (kind "bad_request", "invalid_replication").
 */
tuf_status replications_restrict(struct repl_options *opts, struct server *server);

/*
 * Whether the asking user may start replications: server admins, the role "_replicator", and
 * members of the database _replicator who are named there (a list that is open to everybody names
 * nobody).
 * BLOCKS: worker only.
 */
bool replications_allowed(struct request *req);

#endif
