/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: [vhosts]: a name by which clients ask, put in front of every path as a path of this server.
 *
 * INV-VHOST-1: rights are judged by the path that comes out; a name gives nobody any.
 * Source: CouchDB's couch_httpd_vhost, for the forms of names and targets.
 */
#ifndef SERVER_VHOSTS_H
#define SERVER_VHOSTS_H

#include "base/buf.h"

struct config;

/*
 * Finds the path that a request is for.
 *   host  value of the header, with or without a port
 *   path  without the query, as it was sent
 * Names are "host", "host:port", each with or without "/prefix"; a label ":name" of the host takes
 * any label and gives it to ":name" in the target; a first label "*" takes any number of them, and
 * gives them to "*". [httpd] vhost_global_handlers (_utils, _uuids, _session, _users) are not mapped.
 * Returns true with the path appended; false (nothing appended) if no name fits.
 */
bool vhosts_map(struct buf *out, struct config *config, tuf_slice host, tuf_slice path);

#endif
