/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: named snapshots as databases that can only be read.
 *
 * The snapshot "daily" of the database "db" is the database "db/_snapshot/daily": a name by CouchDB's
 * rules, so that every client takes it. In a URL it may be written so, or with %2F. Its rights are those
 * of "db" as they are now. Its local documents, which replicators write to a source, are in a database
 * of their own, "db/_snapshot/daily/_local", which nobody else sees.
 */
#ifndef SERVER_SNAPSHOTS_H
#define SERVER_SNAPSHOTS_H

#include "server/dbname.h"
#include "server/http.h"

/* Before the route is searched: /db/_snapshot/NAME/... becomes what /db%2F_snapshot%2FNAME/... is. False
 * when answered. */
bool snapshots_rewrite(struct request *req);

/* Before the database is opened: sends local documents to their place. False when answered. */
bool snapshots_route(struct request *req);

/* Refuses what would write to a snapshot. True when answered. */
bool snapshots_refuse(struct request *req);

#endif
