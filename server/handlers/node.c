/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: /_node/...: the node's name and versions.
 *
 * Invariants: an unknown path is 404.
 * Source: CouchDB's chttpd_node.
 * Not here: configuration (server/config_http.c), counters (stats.c).
 */
#include "server/handlers/node.h"

#include <unicode/ucol.h>

#include "base/alloc.h"
#include "server/handlers.h"
#include "server/server.h"

bool node_check(struct request *req)
{
    tuf_slice name = req->segs[1];
    if (slice_is(name, "_local") || slice_is(name, NODE_NAME) ||
        slice_is(name, req->server->node_name) ||
        slice_is(name, "couchdb@127.0.0.1"))
        return true;
    reply_errorf(req, 404, "not_found", "no such node: %.*s", (int)name.len,
                 (const char *)name.data);
    return false;
}

void handle_node_incomplete(struct request *req)
{
    reply_error(req, 400, "bad_request", "Incomplete path to _node request");
}

void handle_node_missing(struct request *req)
{
    if (node_check(req))
        reply_error(req, 404, "not_found", "missing");
}

/* A text with the node's name in it. */
static void reply_named(struct request *req, const char *before, const char *after)
{
    struct buf json = BUF_INIT;
    buf_append_str(&json, before);
    json_append_string(&json, tuf_str(req->server->node_name));
    buf_append_str(&json, after);
    reply_json(req, 200, &json);
}

void handle_node_name(struct request *req)
{
    if (node_check(req))
        reply_named(req, "{\"name\":", "}");
}

void handle_node_smoosh(struct request *req)
{
    if (node_check(req))
        reply_json_text(req, 200, "{\"channels\":{}}");
}

static void append_version(struct buf *out, const char *name, const UVersionInfo version)
{
    char text[U_MAX_VERSION_STRING_LENGTH];
    u_versionToString(version, text);
    tufi_buf_printf(out, ",\"%s\":\"%s\"", name, text);
}

void handle_node_versions(struct request *req)
{
    if (!node_check(req))
        return;
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    buf_append_str(&json, "{\"tuffet\":{\"version\":\"" TUF_VERSION_STRING
                          "\"},\"collation_driver\":{\"name\":\"libicu\"");
    UVersionInfo version;
    u_getVersion(version);
    append_version(&json, "library_version", version);
    UErrorCode status = U_ZERO_ERROR;
    UCollator *collator = ucol_open("", &status);
    if (U_SUCCESS(status)) {
        ucol_getVersion(collator, version);
        append_version(&json, "collator_version", version);
        ucol_getUCAVersion(collator, version);
        append_version(&json, "collation_algorithm_version", version);
        ucol_close(collator);
    }
    buf_append_str(&json, "}}");
    reply_json(req, 200, &json);
}
