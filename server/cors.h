/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: cross-origin resource sharing: preflight answers and the headers of every other answer.
 *
 * INV-CORS-1: off unless [chttpd] enable_cors (or [httpd] enable_cors) is true and the origin is
 *             listed; the listed "*" is echoed as the asking origin.
 * Source: the Fetch standard; CouchDB's chttpd_cors for defaults and texts.
 */
#ifndef SERVER_CORS_H
#define SERVER_CORS_H

#include <stdbool.h>

struct config;
struct request;

/* Answers an OPTIONS request that is an acceptable preflight. False: go on with it as usual. */
bool cors_preflight(struct request *req);

/* Adds the headers for an answer that is about to be written. */
void cors_add_headers(struct request *req);

/* Whether the request names an Origin that is let in. */
bool cors_accepts(struct request *req);

/* Says in the log what a configuration that is allowed does not mean well: once. */
void cors_warn(struct config *config);

#endif
