/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see server/replications.h.
 */
#include "server/replications.h"

#include "base/alloc.h"
#include "server/dbs.h"
#include "server/http.h"
#include "server/log.h"
#include "server/replicator_docs.h"
#include "server/seq.h"
#include "server/server.h"

#define SECTION "replicator"

/* ---- hooks ---------------------------------------------------------------------------------- */

static uint64_t number(struct server *server, const char *key, uint64_t fallback, uint64_t least)
{
    uint64_t value = config_uint(server->config, SECTION, key, fallback);
    return value >= least ? value : least;
}

/* Seconds of the configuration as milliseconds. */
static uint64_t seconds(struct server *server, const char *key, uint64_t fallback_ms)
{
    uint64_t value = config_uint(server->config, SECTION, key, fallback_ms / 1000);
    return value < UINT64_MAX / 1000 ? value * 1000 : UINT64_MAX;
}

static void read_limits(struct repl_limits *out, void *ctx)
{
    struct server *server = ctx;
    const struct repl_limits defaults = REPL_LIMITS_INIT;
    out->jobs_max = (size_t)number(server, "max_jobs", defaults.jobs_max, 0);
    out->churn_max = (size_t)number(server, "max_churn", defaults.churn_max, 0);
    out->history_max = (size_t)number(server, "max_history", defaults.history_max, 1);
    out->interval_ms = number(server, "interval", defaults.interval_ms, 100);
    out->health_ms = seconds(server, "health_threshold", defaults.health_ms);
    out->backoff_first_ms = seconds(server, "min_backoff_penalty_sec", defaults.backoff_first_ms);
    out->backoff_longest_ms =
        seconds(server, "max_backoff_penalty_sec", defaults.backoff_longest_ms);
    /* Without a pause a job that fails at once would fill the log and harass the other end. */
    if (out->backoff_first_ms < 1000)
        out->backoff_first_ms = 1000;
    if (out->backoff_longest_ms < out->backoff_first_ms)
        out->backoff_longest_ms = out->backoff_first_ms;
    if (out->history_max > 1000)
        out->history_max = 1000;
}

static void log_event(const struct repl_event *event)
{
    const char *db = event->database != NULL ? event->database : "_replicate";
    const char *doc = event->doc_id != NULL ? event->doc_id : "";
    switch (event->kind) {
    case REPL_STARTED:
        log_line(LOG_NOTICE, "replication %s (%s/%s) started", event->id, db, doc);
        break;
    case REPL_STOPPED:
        log_line(LOG_NOTICE, "replication %s (%s/%s) stopped", event->id, db, doc);
        break;
    case REPL_CRASHED:
        log_line(LOG_ERROR, "replication %s (%s/%s) failed, %llu in a row, again in %llu s: %s",
                 event->id, db, doc, (unsigned long long)event->crash_count,
                 (unsigned long long)(event->wait_ms / 1000), event->error);
        break;
    case REPL_FAILED:
        log_line(LOG_ERROR, "replication %s (%s/%s) failed: %s", event->id, db, doc, event->error);
        break;
    case REPL_COMPLETED:
        log_line(LOG_NOTICE, "replication %s (%s/%s) completed", event->id, db, doc);
        break;
    case REPL_DOC_FAILED:
        log_line(LOG_ERROR, "replication %s (%s/%s): document %s, revision %s: %s", event->id, db, doc,
                 event->failed_id != NULL ? event->failed_id : "?",
                 event->failed_rev != NULL ? event->failed_rev : "?", event->error);
        break;
    }
}

static void on_event(const struct repl_event *event, void *ctx)
{
    struct server *server = ctx;
    log_event(event);
    if (event->database != NULL && event->kind != REPL_DOC_FAILED)
        replicator_docs_tell_job(server->replicator_docs, event);
}

/* ---- databases of this server ----------------------------------------------------------- */

/*
 * A job of a server admin goes to a database directly. Not to those whose writes the server watches:
 * system databases (passwords are hashed, jobs started) and partitioned ones (ids are checked). Should
 * functions come to judge documents (validate_doc_update), a target with one belongs here, too.
 */
static bool is_plain(const struct dbh *dbh)
{
    return !dbh_is_users(dbh) && !dbh_is_replicator(dbh) && !dbh_is_partitioned(dbh) &&
           dbh_name(dbh).data[0] != '_';
}

static bool open_place(struct repl_place *out, const char *name, bool create, void *ctx)
{
    struct server *server = ctx;
    TUF_AUTO(dbh_unref) struct dbh *dbh = NULL;
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    tuf_db_info info = { .struct_size = sizeof(info) };
    struct seq_token token;
    tuf_slice slice = tuf_str(name);
    if (dbs_check_name(slice) != DBS_NAME_OK || slice.data[0] == '_')
        return false;
    if (create) {
        tuf_status st = dbs_create(dbs_of(server), slice);
        if (st != TUF_OK && st != TUF_EXISTS)
            return false;
    }
    if (dbs_open(&dbh, dbs_of(server), slice) != TUF_OK || !is_plain(dbh) ||
        tuf_db_snapshot(&snapshot, dbh_db(dbh)) != TUF_OK ||
        tuf_snapshot_info(&info, snapshot) != TUF_OK)
        return false;
    seq_token_of(&token, info.uuid);
    (void)snprintf(out->token, sizeof(out->token), "%s", token.text);
    const struct settings *settings = config_settings(server->config);
    out->doc_size_max = settings->document_size_max;
    out->att_size_max = settings->attachment_size_max;
    out->db = dbh_db(dbh);
    out->handle = tufi_steal(dbh);
    return true;
}

static bool place_is_there(const struct repl_place *place)
{
    return !dbh_is_deleted(place->handle);
}

static void close_place(struct repl_place *place)
{
    struct dbh *dbh = place->handle;
    place->db = NULL;
    dbh_unref(&dbh);
}

struct repl_jobs *replications_new(struct server *server)
{
    const struct repl_hooks hooks = { read_limits, on_event, server, open_place, place_is_there,
                                      close_place };
    return repl_jobs_new(&hooks);
}

/* ---- defaults ------------------------------------------------------------------------------- */

tuf_status replications_apply_defaults(json_t *job, struct server *server)
{
    static const struct {
        const char *key;
        bool is_bool;
    } defaults[] = {
        { "connection_timeout", false }, { "retries_per_request", false },
        { "http_connections", false },   { "worker_processes", false },
        { "worker_batch_size", false },  { "checkpoint_interval", false },
        { "missing_doc_retry_msec", false },
        { "use_checkpoints", true },     { "use_bulk_get", true },
    };
    for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
        const char *key = defaults[i].key;
        TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
        if (json_object_get(job, key) != NULL || !config_get(&text, server->config, SECTION, key))
            continue;
        uint64_t count = config_uint(server->config, SECTION, key, UINT64_MAX);
        json_t *value = NULL;
        if (defaults[i].is_bool)
            value = json_boolean(config_bool(server->config, SECTION, key, true));
        else if (count <= INT64_MAX)
            value = json_integer((json_int_t)count);
        else
            continue; /* "infinity", or no number: the replicator's own default */
        if (json_object_set_new(job, key, value) != 0)
            return tufi_nomem();
    }
    return TUF_OK;
}

/* ---- remote ends ---------------------------------------------------------------------------- */

/* Whether a list of the configuration ("http,https") has the scheme of a URL. */
static bool lists_scheme(struct server *server, const char *key, const char *fallback,
                         const char *url)
{
    TUF_AUTO(tufi_buf_release) struct buf list = BUF_INIT;
    const char *end = strstr(url, "://");
    if (!config_get(&list, server->config, SECTION, key))
        buf_append_str(&list, fallback);
    tuf_slice scheme = tuf_slice_of(url, end != NULL ? (size_t)(end - url) : 0);
    return slice_list_has(buf_slice(&list), scheme, false);
}

tuf_status replications_restrict(struct repl_options *opts, struct server *server)
{
    struct endpoint *ends[] = { &opts->source, &opts->target };
    TUF_AUTO(tufi_buf_release) struct buf ca_file = BUF_INIT;
    bool has_file = config_get(&ca_file, server->config, SECTION, "ssl_trusted_certificates_file") &&
                    ca_file.len > 0;
    bool verified = config_bool(server->config, SECTION, "verify_ssl_certificates", true);
    bool private = config_bool(server->config, SECTION, "allow_private_addresses", true);
    for (size_t i = 0; i < 2; i++) {
        struct endpoint *ep = ends[i];
        if (!lists_scheme(server, "valid_endpoint_protocols", "http,https", ep->url))
            return tufi_fail_kind(TUF_E_INVALID, "invalid_replication", "endpoint has an invalid url");
        if (ep->proxy != NULL &&
            !lists_scheme(server, "valid_proxy_protocols", "http,https,socks5", ep->proxy))
            return tufi_fail_kind(TUF_E_INVALID, "bad_request", "Invalid proxy url");
        ep->unverified = !verified;
        ep->ca_file = has_file ? tufi_strdup(buf_slice(&ca_file)) : NULL;
        if (has_file && ep->ca_file == NULL)
            return tufi_nomem();
        ep->public_only = !private;
        ep->own_port = server->port;
    }
    return TUF_OK;
}

/* ---- rights --------------------------------------------------------------------------------- */

bool replications_allowed(struct request *req)
{
    TUF_AUTO(dbh_unref) struct dbh *dbh = NULL;
    if (req->user.is_server_admin || user_has_role(&req->user, "_replicator"))
        return true;
    if (req->user.name.data == NULL ||
        dbs_open(&dbh, dbs_of(req->server), tuf_str("_replicator")) != TUF_OK)
        return false;
    struct security *sec = dbh_security(dbh);
    bool allowed = !security_is_public(sec) && security_is_member(sec, &req->user);
    security_unref(&sec);
    return allowed;
}
