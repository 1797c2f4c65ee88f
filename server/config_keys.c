/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the table of known keys. See server/config_keys.h.
 */
#include "server/config_keys.h"

#include "base/arith.h"
#include "base/slice.h"
#include "server/compaction_policy.h"
#include "server/params.h"

enum value_form {
    FORM_BOOL,     /* true, false */
    FORM_COUNT,    /* a number */
    FORM_LIMIT,    /* a number or "infinity" */
    FORM_PORT,     /* 0 to 65535 */
    FORM_LEVEL,    /* of the log */
    FORM_WRITER,   /* of the log */
    FORM_TLS,      /* a version of TLS */
    FORM_SAME_SITE,
    FORM_MAINTENANCE,
    FORM_SECURITY, /* of new databases */
    FORM_LOCKOUT,  /* its mode */
    FORM_DIGEST,   /* of PBKDF2 */
    FORM_SCHEME,   /* of passwords */
    FORM_TIME,     /* of the day: 23:00 */
};

struct known_key {
    const char *section;
    const char *key;
    enum value_form form;
};

/* Sections that took over keys of others are listed under the newer name. */
static const struct known_key known_keys[] = {
    { "couchdb", "max_document_size", FORM_LIMIT },
    { "couchdb", "max_attachment_size", FORM_LIMIT },
    { "couchdb", "max_document_id_length", FORM_LIMIT },
    { "couchdb", "single_node", FORM_BOOL },
    { "couchdb", "maintenance_mode", FORM_MAINTENANCE },
    { "couchdb", "default_security", FORM_SECURITY },
    { "couchdb", "users_db_security_editable", FORM_BOOL },
    { "chttpd", "port", FORM_PORT },
    { "chttpd", "enable", FORM_BOOL },
    { "chttpd", "require_valid_user", FORM_BOOL },
    { "chttpd", "require_valid_user_except_for_up", FORM_BOOL },
    { "chttpd", "admin_only_all_dbs", FORM_BOOL },
    { "chttpd", "enable_cors", FORM_BOOL },
    { "chttpd", "enable_xframe_options", FORM_BOOL },
    { "chttpd", "decode_plus_to_space", FORM_BOOL },
    { "chttpd", "server_header_versions", FORM_BOOL },
    { "chttpd", "max_http_request_size", FORM_LIMIT },
    { "chttpd", "max_uri_length", FORM_LIMIT },
    { "chttpd", "changes_timeout", FORM_LIMIT },
    { "chttpd", "max_connections", FORM_LIMIT },
    { "chttpd", "max_connections_per_client", FORM_LIMIT },
    { "chttpd", "max_body_memory", FORM_LIMIT },
    { "chttpd", "head_timeout", FORM_LIMIT },
    { "chttpd", "body_timeout", FORM_LIMIT },
    { "chttpd", "idle_timeout", FORM_LIMIT },
    { "chttpd", "write_timeout", FORM_LIMIT },
    { "chttpd", "max_db_number_for_dbs_info_req", FORM_COUNT },
    { "chttpd_auth", "timeout", FORM_COUNT },
    { "chttpd_auth", "allow_persistent_cookies", FORM_BOOL },
    { "chttpd_auth", "iterations", FORM_COUNT },
    { "chttpd_auth", "min_iterations", FORM_COUNT },
    { "chttpd_auth", "max_iterations", FORM_COUNT },
    { "chttpd_auth", "proxy_use_secret", FORM_BOOL },
    { "chttpd_auth", "proxy_allow_admin", FORM_BOOL },
    { "chttpd_auth", "same_site", FORM_SAME_SITE },
    { "chttpd_auth", "upgrade_hash_on_auth", FORM_BOOL },
    { "chttpd_auth", "pbkdf2_prf", FORM_DIGEST },
    { "chttpd_auth", "password_scheme", FORM_SCHEME },
    { "chttpd_auth", "users_db_public", FORM_BOOL },
    { "chttpd_auth", "allow_conflicted_user_docs", FORM_BOOL },
    { "chttpd_auth_lockout", "mode", FORM_LOCKOUT },
    { "chttpd_auth_lockout", "threshold", FORM_COUNT },
    { "chttpd_auth_lockout", "max_lifetime", FORM_COUNT },
    { "couch_peruser", "enable", FORM_BOOL },
    { "couch_peruser", "delete_dbs", FORM_BOOL },
    { "cors", "credentials", FORM_BOOL },
    { "cors", "max_age", FORM_COUNT },
    { "csp", "utils_enable", FORM_BOOL },
    { "csp", "attachments_enable", FORM_BOOL },
    { "csp", "showlist_enable", FORM_BOOL },
    { "uuids", "max_count", FORM_COUNT },
    { "compaction", "auto", FORM_BOOL },
    { "compaction", "paused", FORM_BOOL },
    { "compaction", "min_file_size", FORM_COUNT },
    { "compaction", "min_garbage_percent", FORM_COUNT },
    { "compaction", "check_interval", FORM_COUNT },
    { "compaction", "bytes_per_second", FORM_LIMIT },
    { "compaction", "trim", FORM_BOOL },
    { "compaction", "keep_history", FORM_COUNT },
    { "compaction", "from", FORM_TIME },
    { "compaction", "to", FORM_TIME },
    { "attachments", "verify_content_md5", FORM_BOOL },
    { "log", "level", FORM_LEVEL },
    { "log", "writer", FORM_WRITER },
    { "log", "json", FORM_BOOL },
    { "log", "slow_request_ms", FORM_COUNT },
    { "ssl", "enable", FORM_BOOL },
    { "ssl", "port", FORM_PORT },
    { "ssl", "min_version", FORM_TLS },
    { "ssl", "verify_ssl_certificates", FORM_BOOL },
    { "ssl", "fail_if_no_peer_cert", FORM_BOOL },
    { "ssl", "ssl_certificate_max_depth", FORM_COUNT },
    { "replicator", "max_jobs", FORM_COUNT },
    { "replicator", "interval", FORM_COUNT },
    { "replicator", "max_churn", FORM_COUNT },
    { "replicator", "max_history", FORM_COUNT },
    { "replicator", "startup_jitter", FORM_COUNT },
    { "replicator", "min_backoff_penalty_sec", FORM_COUNT },
    { "replicator", "max_backoff_penalty_sec", FORM_COUNT },
    { "replicator", "health_threshold", FORM_LIMIT },
    { "replicator", "update_docs", FORM_BOOL },
    { "replicator", "connection_timeout", FORM_LIMIT },
    { "replicator", "retries_per_request", FORM_LIMIT },
    { "replicator", "http_connections", FORM_COUNT },
    { "replicator", "worker_processes", FORM_COUNT },
    { "replicator", "worker_batch_size", FORM_COUNT },
    { "replicator", "checkpoint_interval", FORM_COUNT },
    { "replicator", "missing_doc_retry_msec", FORM_LIMIT },
    { "replicator", "use_checkpoints", FORM_BOOL },
    { "replicator", "use_bulk_get", FORM_BOOL },
    { "replicator", "allow_private_addresses", FORM_BOOL },
    { "replicator", "verify_ssl_certificates", FORM_BOOL },
};

static const char *newer_section(const char *section)
{
    if (strcmp(section, "httpd") == 0)
        return "chttpd";
    return strcmp(section, "couch_httpd_auth") == 0 ? "chttpd_auth" : section;
}

static bool is_one_of(tuf_slice value, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (slice_is_nocase(value, *words))
            return true;
    }
    return false;
}

/* The forms that are one of a few words. */
static const struct {
    const char *words[14]; /* the last one NULL */
    const char *text;
} word_forms[] = {
    /* CouchDB's own names of levels, and the shorter ones of this server. */
    [FORM_LEVEL] = { { "debug", "info", "notice", "warning", "warn", "error", "err", "critical",
                       "crit", "alert", "emergency", "emerg", "none" },
                     "debug, info, notice, warning, error or none" },
    [FORM_WRITER] = { { "stderr", "file", "syslog", "journald" },
                      "stderr, file, syslog or journald" },
    [FORM_TLS] = { { "tlsv1.2", "tlsv1.3" }, "tlsv1.2 or tlsv1.3" },
    [FORM_SAME_SITE] = { { "strict", "lax", "none" }, "strict, lax or none" },
    [FORM_MAINTENANCE] = { { "true", "false", "nolb" }, "true, false or nolb" },
    [FORM_SECURITY] = { { "admin_only", "admin_local", "everyone" },
                        "admin_only, admin_local or everyone" },
    [FORM_LOCKOUT] = { { "off", "warn", "enforce" }, "off, warn or enforce" },
    [FORM_DIGEST] = { { "sha", "sha224", "sha256", "sha384", "sha512" },
                      "sha, sha224, sha256, sha384 or sha512" },
    [FORM_SCHEME] = { { "pbkdf2", "simple" }, "pbkdf2 or simple" },
};

/* NULL if the value has the form, else what it should be. */
static const char *wanted(enum value_form form, tuf_slice value)
{
    uint64_t number;
    bool is_number = parse_uint(&number, value);
    unsigned minutes;
    switch (form) {
    case FORM_BOOL:
        return slice_is(value, "true") || slice_is(value, "false") ? NULL : "true or false";
    case FORM_COUNT:
        return is_number ? NULL : "a number";
    case FORM_LIMIT:
        return is_number || slice_is(value, "infinity") ? NULL : "a number or infinity";
    case FORM_PORT:
        return is_number && number <= 65535 ? NULL : "a port from 0 to 65535";
    case FORM_TIME:
        return policy_parse_time(&minutes, value) ? NULL : "a time of the day such as 23:00";
    case FORM_LEVEL:
    case FORM_WRITER:
    case FORM_TLS:
    case FORM_SAME_SITE:
    case FORM_MAINTENANCE:
    case FORM_SECURITY:
    case FORM_LOCKOUT:
    case FORM_DIGEST:
    case FORM_SCHEME:
        return is_one_of(value, word_forms[form].words) ? NULL : word_forms[form].text;
    }
    return NULL;
}

tuf_status config_check_value(const char *section, const char *key, tuf_slice value)
{
    section = newer_section(section);
    for (size_t i = 0; i < sizeof(known_keys) / sizeof(known_keys[0]); i++) {
        const struct known_key *known = &known_keys[i];
        if (strcmp(known->section, section) != 0 || strcmp(known->key, key) != 0 || value.len == 0)
            continue;
        const char *text = wanted(known->form, value);
        if (text != NULL)
            return tufi_fail_kind(TUF_E_INVALID, "bad_request",
                                  "[%s] %s wants %s, not \"%.*s\"", section, key, text,
                                  (int)min_size(value.len, 60), (const char *)value.data);
    }
    return TUF_OK;
}

/* ---- what is not for HTTP ------------------------------------------------------------------ */

/* A key of "*" means the whole section. */
static const char *const file_only[][2] = {
    { "daemons", "*" }, { "external", "*" }, { "httpd_design_handlers", "*" },
    { "httpd_db_handlers", "*" }, { "httpd_global_handlers", "*" },
    { "native_query_servers", "*" }, { "os_daemons", "*" }, { "query_servers", "*" },
    { "feature_flags", "*" }, { "couchdb_engines", "*" }, { "indexers", "*" }, { "ssl", "*" },
    { "prometheus", "*" }, { "jwt_keys", "*" }, { "tuffet", "*" },
    { "couchdb", "js_engine" }, { "log", "file" }, { "log", "writer" },
    { "chttpd", "config_whitelist" }, { "chttpd", "enable" }, { "chttpd", "peer_header" },
    { "chttpd_auth", "authentication_db" }, { "chttpd_auth", "proxy_use_secret" },
    { "chttpd_auth", "proxy_allow_admin" }, { "replicator", "password" },
    { "replicator", "allow_private_addresses" }, { "replicator", "verify_ssl_certificates" },
};

/* Ends of names that say what it is, in whatever section. */
static const char *const file_only_ends[] = {
    "_dir", "_file", "_program", "_command", "bind_address", "port", "unix_socket",
};

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

bool config_is_file_only(const char *section, const char *key)
{
    section = newer_section(section);
    for (size_t i = 0; i < sizeof(file_only) / sizeof(file_only[0]); i++) {
        if (strcmp(file_only[i][0], section) == 0 &&
            (file_only[i][1][0] == '*' || strcmp(file_only[i][1], key) == 0))
            return true;
    }
    for (size_t i = 0; i < sizeof(file_only_ends) / sizeof(file_only_ends[0]); i++) {
        if (ends_with(key, file_only_ends[i]))
            return true;
    }
    return false;
}

bool config_is_secret(const char *section, const char *key)
{
    static const char *const ends[] = { "password", "secret", "token", "key" };
    if (strcmp(section, "admins") == 0 || strcmp(section, "jwt_keys") == 0)
        return true;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (ends_with(key, ends[i]))
            return true;
    }
    return false;
}
