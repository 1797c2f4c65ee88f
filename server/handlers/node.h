/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the names this server answers to as a node of one.
 */
#ifndef SERVER_HANDLERS_NODE_H
#define SERVER_HANDLERS_NODE_H

#include "server/http.h"

/* CouchDB's own name where none is configured; scripts for Docker images spell it out. */
#define NODE_NAME "nonode@nohost"

/* Whether the segment behind "/_node" names us; answers 404 and returns false if not. */
bool node_check(struct request *req);

#endif
