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

/* Ways to say who asks, of [chttpd] authentication_handlers. */
enum auth_handler { AUTH_COOKIE = 1, AUTH_BASIC = 2, AUTH_PROXY = 4, AUTH_JWT = 8 };

/* Values that are read on every request, parsed once per change. Plain loads, any thread. */
struct settings {
    _Atomic uint64_t document_size_max;   /* bytes; [couchdb] max_document_size */
    _Atomic uint64_t attachment_size_max; /* bytes, 0 none; [couchdb] max_attachment_size */
    _Atomic uint64_t request_size_max;    /* bytes; [chttpd] max_http_request_size */
    _Atomic uint64_t uri_size_max;        /* bytes; [chttpd] max_uri_length */
    _Atomic uint64_t docid_size_max;      /* bytes, 0 none; [couchdb] max_document_id_length */
    _Atomic uint64_t changes_timeout_ms;  /* [chttpd] changes_timeout */
    _Atomic uint64_t connections_max;     /* [chttpd] max_connections */
    _Atomic uint64_t client_max;          /* [chttpd] max_connections_per_client */
    _Atomic uint64_t body_memory_max;     /* bytes, all requests; [chttpd] max_body_memory */
    _Atomic uint64_t head_timeout_ms;     /* [chttpd] head_timeout */
    _Atomic uint64_t body_timeout_ms;     /* [chttpd] body_timeout */
    _Atomic uint64_t idle_timeout_ms;     /* [chttpd] idle_timeout */
    _Atomic uint64_t write_timeout_ms;    /* [chttpd] write_timeout */
    _Atomic uint64_t session_timeout_s;   /* [chttpd_auth] timeout */
    _Atomic uint64_t dbs_info_max;        /* [chttpd] max_db_number_for_dbs_info_req */
    _Atomic uint64_t uuids_max;           /* [uuids] max_count */
    _Atomic bool require_valid_user;
    _Atomic bool require_valid_user_except_up;
    _Atomic bool admin_only_all_dbs;
    _Atomic bool enable_cors;
    _Atomic bool decode_plus;             /* '+' in a path is a space */
    _Atomic bool verify_content_md5;      /* [attachments] verify_content_md5 */
    _Atomic unsigned auth_handlers;       /* enum auth_handler */
    _Atomic bool has_allowed_hosts;       /* [chttpd] allowed_hosts is set */
    _Atomic bool has_vhosts;              /* [vhosts] has anything */
    _Atomic bool has_peer_header;         /* [chttpd] peer_header is set */
    _Atomic bool server_versions;         /* [chttpd] server_header_versions */
    _Atomic bool xframe_options;          /* [chttpd] enable_xframe_options */
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

/* Whether it is set to exactly this text. */
bool config_is(struct config *config, const char *section, const char *key, const char *text);

const struct settings *config_settings(const struct config *config);

/*
 * Reads a chain of files (later wins), then `local_path`, which need not exist and is the one that
 * is written. A path that is a directory stands for its "*.ini" in the order of their names.
 * Returns: TUF_OK; E_IO (a named file cannot be read); E_INVALID (a line is malformed, or its value
 *          is not of the form that its key has: the text names file and line); E_NOMEM.
 */
tuf_status config_new(struct config **out, const char *const *paths, size_t path_count,
                      const char *local_path);
void config_free(struct config **config);

/*
 * Sets a value in memory and, if `persist`, in the local file.
 *   old  receives the value before (nothing appended if there was none); NULL if not wanted
 * Returns: TUF_OK; E_INVALID (INV-CFG-1); E_IO, E_FULL, E_NOMEM (nothing changed).
 */
tuf_status config_set(struct buf *old, struct config *config, const char *section,
                      const char *key, tuf_slice value, bool persist);

/* Sets a value that comes from outside the files (environment, command line): it stays after a
 * reload, and is not written. */
tuf_status config_pin(struct config *config, const char *section, const char *key,
                      tuf_slice value);

/* As config_set, for removing a value. Returns also TUF_NOT_FOUND. */
tuf_status config_remove(struct buf *old, struct config *config, const char *section,
                         const char *key, bool persist);

/* Reads the files again; values set without `persist` are forgotten. */
tuf_status config_reload(struct config *config);

/* Appends the value of exactly this section and key. */
bool config_get_exact(struct buf *out, struct config *config, const char *section,
                      const char *key);

/* Visits all values, or those of one section, ordered by section and key. Must not call back. */
typedef void config_visitor(const char *section, const char *key, const char *value, void *ctx);
void config_visit(struct config *config, const char *section, config_visitor *visitor, void *ctx);

/* Called after every change, while no other can happen: it may read. One only; NULL takes it away. */
typedef void config_listener(struct config *config, void *ctx);
void config_set_listener(struct config *config, config_listener *listener, void *ctx);

/* Whether [admins] has anybody. */
bool config_has_admin(struct config *config);

#endif
