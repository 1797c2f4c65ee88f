/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the small endpoints of the server: "/", _up, _uuids, _active_tasks, _membership and the
 * icon.
 *
 * Invariants: nothing here touches a database or the disk.
 * Source: CouchDB's chttpd_misc.
 * Not here: the web interface (utils.c), _all_dbs (all_dbs.c), _node (node.c), _cluster_setup
 * (cluster_setup.c).
 */
#include "base/alloc.h"
#include "base/bytes.h"
#include "replicator/jobs.h"
#include "server/compactions.h"
#include "server/etag.h"
#include "server/handlers.h"
#include "server/handlers/node.h"
#include "server/server.h"

/* Appends a configured text as a JSON string, or a fallback. */
static void append_config(struct buf *out, struct request *req, const char *section,
                          const char *key, const char *fallback)
{
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    if (config_get(&value, req->server->config, section, key) && value.len > 0)
        json_append_string(out, buf_slice(&value));
    else
        json_append_string(out, tuf_str(fallback));
}

void handle_welcome(struct request *req)
{
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    buf_append_str(&json, "{\"couchdb\":\"Welcome\",\"version\":\"" SERVER_VERSION_COUCH
                          "\",\"git_sha\":\"tuffet-" TUF_VERSION_STRING "\",\"uuid\":");
    json_append_string(&json, tuf_str(req->server->uuid));
    /* What clients switch on by; the list is CouchDB 3.5's. */
    buf_append_str(&json, ",\"features\":[\"access-ready\",\"partitioned\","
                          "\"pluggable-storage-engines\",\"reshard\",\"scheduler\"],"
                          "\"vendor\":{\"name\":");
    append_config(&json, req, "vendor", "name", "Tuffet");
    buf_append_str(&json, ",\"version\":");
    append_config(&json, req, "vendor", "version", TUF_VERSION_STRING);
    buf_append_str(&json, "}}");
    reply_json(req, 200, &json);
}

void handle_up(struct request *req)
{
    TUF_AUTO(tufi_buf_release) struct buf mode = BUF_INIT;
    (void)config_get(&mode, req->server->config, "couchdb", "maintenance_mode");
    if (slice_is(buf_slice(&mode), "true"))
        reply_json_text(req, 404, "{\"status\":\"maintenance_mode\"}");
    else if (slice_is(buf_slice(&mode), "nolb"))
        reply_json_text(req, 404, "{\"status\":\"nolb\"}");
    else
        reply_json_text(req, 200, "{\"status\":\"ok\",\"seeds\":{}}");
}

/* ---- _uuids ----------------------------------------------------------------------------- */

/* Answers 400 and returns false for a bad count. */
static bool uuid_count(uint64_t *out, struct request *req)
{
    int64_t count = 1;
    enum param_result result = params_int(&count, &req->params, "count");
    if (result == PARAM_BAD || count < 0) {
        reply_error(req, 400, "bad_request", "count must be a positive integer");
        return false;
    }
    if ((uint64_t)count > server_settings(req->server)->uuids_max) {
        reply_error(req, 400, "bad_request", "count parameter too large");
        return false;
    }
    *out = (uint64_t)count;
    return true;
}

void handle_uuids(struct request *req)
{
    uint64_t count = 0;
    if (!uuid_count(&count, req))
        return;
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    buf_append_str(&json, "{\"uuids\":[");
    for (uint64_t i = 0; i < count; i++) {
        char uuid[SERVER_UUID_SIZE];
        server_new_uuid(req->server, uuid);
        tufi_buf_printf(&json, i == 0 ? "\"%s\"" : ",\"%s\"", uuid);
    }
    buf_append_str(&json, "]}");
    char etag[ETAG_SIZE];
    etag_of_bytes(etag, buf_slice(&json));
    reply_header(req, "Cache-Control", tuf_str("no-cache"));
    reply_header(req, "ETag", tuf_str(etag));
    reply_header(req, "Expires", tuf_str("Mon, 01 Jan 1990 00:00:00 GMT"));
    reply_header(req, "Pragma", tuf_str("no-cache"));
    reply_header_drop(req, "X-Couch-Request-ID");
    reply_header_drop(req, "X-CouchDB-Body-Time");
    reply_json(req, 200, &json);
}

/* ---- what a node of one has to say ------------------------------------------------------ */

void handle_active_tasks(struct request *req)
{
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    size_t count = 0;
    buf_append_u8(&json, '[');
    compactions_append_tasks(&json, &count, req->server->compactions);
    repl_jobs_append_tasks(&json, &count, req->server->replications,
                            req->server->node_name);
    buf_append_u8(&json, ']');
    reply_json(req, 200, &json);
}

void handle_membership(struct request *req)
{
    reply_header_drop(req, "X-Couch-Request-ID");
    reply_header_drop(req, "X-CouchDB-Body-Time");
    struct buf json = BUF_INIT;
    buf_append_str(&json, "{\"all_nodes\":[");
    json_append_string(&json, tuf_str(req->server->node_name));
    buf_append_str(&json, "],\"cluster_nodes\":[");
    json_append_string(&json, tuf_str(req->server->node_name));
    buf_append_str(&json, "]}");
    reply_json(req, 200, &json);
}

