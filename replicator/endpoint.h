/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: one end of a replication: where it is, what is shown of it, and what is sent to get in.
 *
 * INV-RPE-1: `url` and `shown` hold no password; `shown` is the only form for people and logs.
 * Not here: connections (replicator/http.h), sessions (replicator/session.h).
 */
#ifndef REPLICATOR_ENDPOINT_H
#define REPLICATOR_ENDPOINT_H

#include <curl/curl.h>
#include <jansson.h>

#include "base/buf.h"

struct endpoint {
    char *url;   /* "http://host:5984/db/": no userinfo, a slash at the end; owned */
    char *root;  /* "http://host:5984/"; owned */
    char *shown; /* for people: the url, or the name of a file; owned */
    char *user;  /* user name, "" if none; owned */
    char *password; /* NULL if there is no user; owned */
    char *basic; /* "Authorization: Basic ...", NULL if there is no user; owned */
    char *proxy; /* URL of a proxy, NULL for none; owned */
    char *host;  /* without the brackets of an IPv6 address; owned */
    unsigned port; /* also if the URL does not name it */
    char *path;  /* as in url, a slash at the end; owned */
    struct curl_slist *headers; /* the caller's own; owned */
    bool by_name; /* the caller named a database: the headers are the caller's own credentials */
    char *local_name; /* of a database of this server that may be gone to directly; NULL; owned */
    char *ca_file; /* certificates to trust in place of the system's; NULL; owned */
    bool unverified; /* certificates are not looked at */
    bool public_only;  /* no loopback or private address is connected to... */
    unsigned own_port; /* ...but this port of the loopback interface; 0: none */
    char *file_id; /* of a database that is no part of a server: its uuid; NULL otherwise; owned */
};

/*
 * Reads "source" or "target" of a replication: a URL, or {"url", "headers", "auth"}.
 * Returns: TUF_OK; E_INVALID (kind "invalid_replication"; with kind "error" and "Missing replicator
 *          database" if `value` is NULL or has no URL); E_NOMEM.
 */
tuf_status repl_endpoint_parse(struct endpoint *out, const json_t *value);
void repl_endpoint_release(struct endpoint *ep);

/*
 * Sets the proxy to go through.
 *   value  http, https or socks5 URL; NULL for none
 * Returns: TUF_OK; E_INVALID (kind "bad_request", "Invalid proxy url"); E_NOMEM.
 */
tuf_status repl_endpoint_set_proxy(struct endpoint *ep, const json_t *value);

/*
 * Makes an endpoint of a database that no server serves, in place of what it was.
 *   shown    its name for people
 *   file_id  what stays the same wherever the file goes
 */
tuf_status repl_endpoint_set_file(struct endpoint *ep, const char *shown, const char *file_id);

/* Allows going to the database of that name of this server directly, where that is possible. */
tuf_status repl_endpoint_set_local(struct endpoint *ep, const char *name);

/* Whether an absolute URL is of the same server: scheme, host and port; and names no user. */
bool repl_endpoint_same_origin(const struct endpoint *ep, const char *url);

/* Appends a document id as it stands in a path: '/' of "_design/" and "_local/" stays. */
void repl_append_docid(struct buf *out, const char *id);
/* Percent-encodes everything but letters, digits and "-._~". */
void repl_append_escaped(struct buf *out, tuf_slice text);

#endif
