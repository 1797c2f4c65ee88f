/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: one end of a replication: where it is, what is shown of it, and what is sent to get in.
 *
 * INV-RPE-1: `url` and `shown` hold no password; `shown` is the only form for people and logs.
 * Not here: connections (replicator/http.h).
 */
#ifndef REPLICATOR_ENDPOINT_H
#define REPLICATOR_ENDPOINT_H

#include <curl/curl.h>
#include <jansson.h>

#include "base/buf.h"

struct endpoint {
    char *url;   /* "http://host:5984/db/": no userinfo, a slash at the end; owned */
    char *root;  /* "http://host:5984/"; owned */
    char *shown; /* url with "user:*****@" if there are credentials; owned */
    char *user;  /* user name, "" if none; owned */
    struct curl_slist *headers; /* Authorization and the caller's own; owned */
};

/*
 * Reads "source" or "target" of a replication: a URL, or {"url", "headers", "auth"}.
 * Returns: TUF_OK; E_INVALID (kind "invalid_replication"; with kind "error" and "Missing replicator
 *          database" if `value` is NULL or has no URL); E_NOMEM.
 */
tuf_status repl_endpoint_parse(struct endpoint *out, const json_t *value);
void repl_endpoint_release(struct endpoint *ep);

/* Appends a document id as it stands in a path: '/' of "_design/" and "_local/" stays. */
void repl_append_docid(struct buf *out, const char *id);
/* Percent-encodes everything but letters, digits and "-._~". */
void repl_append_escaped(struct buf *out, tuf_slice text);

#endif
