/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: /_node/...: the node's name, versions and counters.
 *
 * Invariants: only figures that are measured are shown; an unknown path is 404.
 * Source: CouchDB's chttpd_node.
 * Not here: configuration (server/config_http.c).
 */
#include "server/handlers/node.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unicode/ucol.h>
#include <unistd.h>

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

/* ---- counters --------------------------------------------------------------------------- */

static uint64_t uptime_s(const struct server *server)
{
    struct timespec now = { 0 };
    (void)clock_gettime(CLOCK_REALTIME, &now);
    uint64_t now_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
    return now_us > server->start_us ? (now_us - server->start_us) / 1000000 : 0;
}

static uint64_t resident_bytes(void)
{
    uint64_t total = 0;
    uint64_t resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%" SCNu64 " %" SCNu64, &total, &resident) != 2)
        resident = 0;
    (void)fclose(file);
    long page_size = sysconf(_SC_PAGESIZE);
    return page_size > 0 ? resident * (uint64_t)page_size : 0;
}

struct counter {
    const char *group; /* under "couchdb"; NULL: directly */
    const char *name;
    const char *desc;
    uint64_t value;
};

#define COUNTER_COUNT 2

static void read_counters(struct counter out[COUNTER_COUNT], const struct server *server)
{
    out[0] =
        (struct counter){ "httpd", "requests", "number of HTTP requests", server->request_count };
    out[1] = (struct counter){ NULL, "uptime", "seconds since the server was started",
                               uptime_s(server) };
}

static void append_counter(struct buf *out, const struct counter *counter)
{
    tufi_buf_printf(out, "{\"value\":%" PRIu64 ",\"type\":\"counter\",\"desc\":\"%s\"}",
                    counter->value, counter->desc);
}

/* Segments behind "/_node/N/_stats" that name a group or a counter. */
static bool append_stats(struct buf *out, const struct counter counters[COUNTER_COUNT],
                         const tuf_slice *path, size_t path_len)
{
    if (path_len == 0)
        buf_append_str(out, "{\"couchdb\":");
    if (path_len == 0 || (path_len == 1 && slice_is(path[0], "couchdb"))) {
        tufi_buf_printf(out, "{\"%s\":{\"%s\":", counters[0].group, counters[0].name);
        append_counter(out, &counters[0]);
        tufi_buf_printf(out, "},\"%s\":", counters[1].name);
        append_counter(out, &counters[1]);
        buf_append_str(out, path_len == 0 ? "}}" : "}");
        return true;
    }
    bool in_group = path_len > 1 && slice_is(path[0], "couchdb") && slice_is(path[1], "httpd");
    if (in_group && path_len == 2) {
        tufi_buf_printf(out, "{\"%s\":", counters[0].name);
        append_counter(out, &counters[0]);
        buf_append_u8(out, '}');
        return true;
    }
    if (in_group && path_len == 3 && slice_is(path[2], counters[0].name)) {
        append_counter(out, &counters[0]);
        return true;
    }
    bool uptime =
        path_len == 2 && slice_is(path[0], "couchdb") && slice_is(path[1], counters[1].name);
    if (uptime)
        append_counter(out, &counters[1]);
    return uptime;
}

void handle_node_stats(struct request *req)
{
    if (!node_check(req))
        return;
    struct counter counters[COUNTER_COUNT];
    read_counters(counters, req->server);
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    if (append_stats(&json, counters, req->segs + 3, req->seg_count - 3))
        reply_json(req, 200, &json);
    else
        reply_error(req, 404, "not_found", "missing");
}

void handle_node_system(struct request *req)
{
    if (!node_check(req))
        return;
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    tufi_buf_printf(&json,
                    "{\"uptime\":%" PRIu64 ",\"memory\":{\"other\":%" PRIu64
                    "},\"os_proc_count\":0,\"internal_replication_jobs\":0,"
                    "\"message_queues\":{},\"distribution\":{}}",
                    uptime_s(req->server), resident_bytes());
    reply_json(req, 200, &json);
}

void handle_node_prometheus(struct request *req)
{
    if (!node_check(req))
        return;
    TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
    uint64_t requests = req->server->request_count;
    tufi_buf_printf(&text,
                    "# HELP couchdb_httpd_requests_total number of HTTP requests\n"
                    "# TYPE couchdb_httpd_requests_total counter\n"
                    "couchdb_httpd_requests_total %" PRIu64 "\n\n"
                    "# HELP couchdb_uptime_seconds seconds since the server was started\n"
                    "# TYPE couchdb_uptime_seconds counter\n"
                    "couchdb_uptime_seconds %" PRIu64 "\n\n"
                    "# HELP process_resident_memory_bytes resident memory\n"
                    "# TYPE process_resident_memory_bytes gauge\n"
                    "process_resident_memory_bytes %" PRIu64 "\n",
                    requests, uptime_s(req->server), resident_bytes());
    reply_header_drop(req, "Cache-Control");
    reply_bytes(req, 200, "text/plain; version=2.0", &text);
}
