/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: CouchDB's ini configuration: a chain of files, changed at run time over HTTP and written
 * back to the last of them.
 *
 * INV-CFG-1: no section, key or value with a line break or NUL is ever stored (nobody can make a
 *            new section by a value).
 * INV-CFG-2: the file that is written is replaced by rename, mode 0600.
 * Source: CouchDB's config application; keys as in its default.ini.
 * Not here: which keys HTTP may set (server/config_http.c), what they do (their users).
 */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include <stdatomic.h>

#include "base/buf.h"
#include "tuffet/tuffet.h"

struct config;

/* Values that are read on every request, parsed once per change. Plain loads, any thread. */
struct settings {
    _Atomic uint64_t document_size_max;   /* bytes; [couchdb] max_document_size */
    _Atomic uint64_t attachment_size_max; /* bytes, 0 none; [couchdb] max_attachment_size */
    _Atomic uint64_t request_size_max;    /* bytes; [chttpd] max_http_request_size */
    _Atomic uint64_t docid_size_max;      /* bytes, 0 none; [couchdb] max_document_id_length */
    _Atomic uint64_t changes_timeout_ms;  /* [chttpd] changes_timeout */
    _Atomic uint64_t session_timeout_s;   /* [chttpd_auth] timeout */
    _Atomic uint64_t dbs_info_max;        /* [chttpd] max_db_number_for_dbs_info_req */
    _Atomic uint64_t uuids_max;           /* [uuids] max_count */
    _Atomic bool require_valid_user;
    _Atomic bool require_valid_user_except_up;
    _Atomic bool admin_only_all_dbs;
    _Atomic bool enable_cors;
    _Atomic bool decode_plus;             /* '+' in a path is a space */
    _Atomic bool public_dbs;              /* [couchdb] default_security = everyone */
};

/*
 * Appends the value of a key; false (and nothing appended) if it is not set. Sections of which one
 * took over keys of another (chttpd/httpd, chttpd_auth/couch_httpd_auth) are asked in turn.
 * Any thread.
 */
bool config_get(struct buf *out, struct config *config, const char *section, const char *key);
bool config_bool(struct config *config, const char *section, const char *key, bool fallback);
/* "infinity" gives UINT64_MAX. */
uint64_t config_uint(struct config *config, const char *section, const char *key,
                     uint64_t fallback);

const struct settings *config_settings(const struct config *config);

#endif
