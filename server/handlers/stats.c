/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: /_node/{name}/_stats, _system and _prometheus: what the server has counted, by CouchDB's
 * names where it counts the same, and by our own under "tuffet".
 *
 * Invariants: only figures that are measured are shown; an unknown path is 404; metrics are listed
 * in the order of their paths, which is what makes them a tree.
 * Source: CouchDB's chttpd_stats and couch_prometheus for names and forms.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "server/dbs.h"
#include "server/handlers.h"
#include "server/handlers/node.h"
#include "server/loop.h"
#include "server/replications.h"
#include "server/server.h"
#include "server/work.h"

#define METRICS_MAX 160
#define PATH_SIZE 64

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric {
    char path[PATH_SIZE]; /* "couchdb/httpd/requests" */
    const char *desc;
    enum metric_type type;
    uint64_t value;
    const struct histogram *histogram;
    double unit; /* of a histogram's values, in seconds; 1 for plain numbers */
};

struct metric_list {
    struct metric items[METRICS_MAX];
    size_t count;
};

/* ---- reading ----------------------------------------------------------------------------- */

static uint64_t uptime_s(const struct server *server)
{
    uint64_t now_us = clock_us();
    return now_us > server->start_us ? (now_us - server->start_us) / 1000000 : 0;
}

static uint64_t resident_bytes(void)
{
    char line[256], *second = line;
    FILE *file = fopen("/proc/self/statm", "re"); /* in pages: all, resident, ... */
    if (file == NULL)
        return 0;
    if (fgets(line, sizeof(line), file) == NULL)
        line[0] = '\0';
    (void)fclose(file);
    (void)strtoull(line, &second, 10);
    uint64_t resident = strtoull(second, NULL, 10);
    long page_size = sysconf(_SC_PAGESIZE);
    return page_size > 0 ? resident * (uint64_t)page_size : 0;
}

static struct metric *add(struct metric_list *list, enum metric_type type, const char *path,
                          const char *desc, uint64_t value)
{
    static struct metric spare; /* never shown */
    struct metric *metric =
        list->count < METRICS_MAX ? &list->items[list->count++] : &spare;
    *metric = (struct metric){ .desc = desc, .type = type, .value = value, .unit = 1 };
    snprintf(metric->path, sizeof(metric->path), "%s", path);
    return metric;
}

static void add_histogram(struct metric_list *list, const char *path, const char *desc,
                          const struct histogram *histogram, double unit)
{
    struct metric *metric = add(list, METRIC_HISTOGRAM, path, desc, histogram->count);
    metric->histogram = histogram;
    metric->unit = unit;
}

static void add_requests(struct metric_list *list, const struct metrics *metrics)
{
    static const char *const names[METRIC_METHODS] = { "GET", "HEAD", "POST", "PUT", "DELETE",
                                                       "COPY", "OPTIONS" };
    char path[PATH_SIZE];
    for (size_t i = 0; i < METRIC_METHODS; i++) {
        snprintf(path, sizeof(path), "couchdb/httpd_request_methods/%s", names[i]);
        add(list, METRIC_COUNTER, path, "number of HTTP requests by method", metrics->methods[i]);
    }
    for (int i = 0; i < METRIC_STATUS_MAX - METRIC_STATUS_MIN; i++) {
        snprintf(path, sizeof(path), "couchdb/httpd_status_codes/%d", i + METRIC_STATUS_MIN);
        /* Those that CouchDB lists are there from the start. */
        bool usual = i == 0 || i == 1 || i == 204 || i == 201 || i == 209 || i == 300;
        if (metrics->statuses[i] > 0 || usual)
            add(list, METRIC_COUNTER, path, "number of HTTP responses by status",
                metrics->statuses[i]);
    }
}

static void add_databases(struct metric_list *list, struct server *server)
{
    struct dbs_totals totals;
    dbs_sum(&totals, server->dbs);
    add(list, METRIC_GAUGE, "couchdb/open_databases", "number of open databases", totals.count);
    add(list, METRIC_GAUGE, "tuffet/databases/size_file", "bytes of the open databases' files",
        totals.size_file);
    add(list, METRIC_GAUGE, "tuffet/databases/size_dead",
        "bytes of the open databases' files that compaction would give back", totals.size_dead);
    add(list, METRIC_GAUGE, "tuffet/databases/log_since_checkpoint",
        "bytes that opening the open databases after a kill would read",
        totals.size_since_checkpoint);
    uint64_t now_us = clock_us();
    add(list, METRIC_GAUGE, "tuffet/databases/checkpoint_age",
        "seconds since the checkpoint of the open database that has waited longest for the next",
        totals.checkpoint_us > 0 && now_us > totals.checkpoint_us
            ? (now_us - totals.checkpoint_us) / 1000000 : 0);
    add(list, METRIC_COUNTER, "tuffet/cache/hits", "tree nodes of the open databases that were in memory",
        totals.cache_hits);
    add(list, METRIC_COUNTER, "tuffet/cache/misses", "tree nodes of the open databases that were read from files",
        totals.cache_misses);
}

static void add_replications(struct metric_list *list, struct server *server)
{
    struct repl_counts n;
    repl_jobs_count(&n, server->replications);
    add(list, METRIC_GAUGE, "couch_replicator/jobs/total", "number of replication jobs", n.total);
    add(list, METRIC_GAUGE, "couch_replicator/jobs/running", "number that run", n.running);
    add(list, METRIC_GAUGE, "couch_replicator/jobs/pending", "number that wait for a place",
        n.pending);
    add(list, METRIC_GAUGE, "couch_replicator/jobs/crashed", "number that wait after a crash",
        n.crashed);
    add(list, METRIC_COUNTER, "couch_replicator/jobs/adds", "jobs added", n.adds);
    add(list, METRIC_COUNTER, "couch_replicator/jobs/removes", "jobs removed", n.removes);
    add(list, METRIC_COUNTER, "couch_replicator/jobs/starts", "starts of jobs", n.starts);
    add(list, METRIC_COUNTER, "couch_replicator/jobs/stops", "jobs stopped to make room", n.stops);
    add(list, METRIC_COUNTER, "couch_replicator/jobs/crashes", "crashes of jobs", n.crashes);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct metric *)a)->path, ((const struct metric *)b)->path);
}

static void collect(struct metric_list *list, struct server *server)
{
    const struct metrics *metrics = &server->metrics;
    list->count = 0;
    add(list, METRIC_COUNTER, "couchdb/httpd/requests", "number of HTTP requests",
        server->request_count);
    add(list, METRIC_COUNTER, "couchdb/httpd/aborted_requests",
        "number of requests whose client went away", metrics->aborted);
    add(list, METRIC_COUNTER, "couchdb/uptime", "seconds since the server was started",
        uptime_s(server));
    add(list, METRIC_COUNTER, "couchdb/document_writes", "number of edits given to commits",
        metrics->edits);
    add_requests(list, metrics);
    add_databases(list, server);
    add_replications(list, server);
    add(list, METRIC_COUNTER, "tuffet/commits/failed", "number of commits that failed as a whole",
        metrics->failed_commits);
    add(list, METRIC_GAUGE, "tuffet/memory/resident", "resident memory in bytes",
        resident_bytes());
    add_histogram(list, "couchdb/request_time", "length of a request", &metrics->request_ms, 1e-3);
    add_histogram(list, "tuffet/commits/time", "length of a commit", &metrics->commit_us, 1e-6);
    add_histogram(list, "tuffet/commits/group_size", "edits in one commit", &metrics->group_size,
                  1);
    qsort(list->items, list->count, sizeof(list->items[0]), by_path);
}

/* ---- _stats ------------------------------------------------------------------------------ */

static const double quantiles[] = { 0.5, 0.75, 0.9, 0.95, 0.99, 0.999 };
#define QUANTILE_COUNT (sizeof(quantiles) / sizeof(quantiles[0]))

/* Times are in milliseconds, as CouchDB's. */
static void append_histogram(struct buf *out, const struct metric *metric)
{
    const struct histogram *h = metric->histogram;
    double scale = metric->unit < 1 ? metric->unit * 1000 : 1;
    double mean = h->count > 0 ? (double)h->sum / (double)h->count * scale : 0;
    tufi_buf_printf(out, "{\"n\":%" PRIu64 ",\"arithmetic_mean\":%.3f,\"percentile\":[", h->count,
                    mean);
    for (size_t i = 0; i < QUANTILE_COUNT; i++)
        tufi_buf_printf(out, "%s[%g,%.3f]", i > 0 ? "," : "", quantiles[i] * 100,
                        (double)histogram_quantile(h, quantiles[i]) * scale);
    buf_append_str(out, "]}");
}

static void append_leaf(struct buf *out, const struct metric *metric)
{
    static const char *const types[] = { "counter", "gauge", "histogram" };
    buf_append_str(out, "{\"value\":");
    if (metric->type == METRIC_HISTOGRAM)
        append_histogram(out, metric);
    else
        tufi_buf_printf(out, "%" PRIu64, metric->value);
    tufi_buf_printf(out, ",\"type\":\"%s\",\"desc\":\"%s\"}", types[metric->type], metric->desc);
}

/* Writes items[from, to), whose paths agree in the first `skip` bytes, as a tree; returns where it
 * ended. Paths are a few segments deep. */
static void append_tree(struct buf *out, const struct metric *items, size_t count, size_t skip)
{
    buf_append_u8(out, '{');
    for (size_t i = 0; i < count;) {
        const char *name = items[i].path + skip;
        size_t len = strcspn(name, "/");
        size_t end = i + 1;
        while (end < count && strncmp(items[end].path + skip, name, len) == 0 &&
               (items[end].path[skip + len] == '/' || items[end].path[skip + len] == 0))
            end++;
        tufi_buf_printf(out, "%s\"%.*s\":", i > 0 ? "," : "", (int)len, name);
        if (name[len] == 0)
            append_leaf(out, &items[i]);
        else
            append_tree(out, items + i, end - i, skip + len + 1);
        i = end;
    }
    buf_append_u8(out, '}');
}

/* The asked path, "" for all; false if it is longer than any. */
static bool asked_path(char out[PATH_SIZE], const struct request *req)
{
    size_t len = 0;
    for (size_t i = 3; i < req->seg_count; i++) {
        if (len + req->segs[i].len + 2 > PATH_SIZE)
            return false;
        if (len > 0)
            out[len++] = '/';
        memcpy(out + len, req->segs[i].data, req->segs[i].len);
        len += req->segs[i].len;
    }
    out[len] = 0;
    return strlen(out) == len;
}

static bool append_asked(struct buf *out, const struct metric_list *list, const char *path)
{
    size_t len = strlen(path), first = 0;
    if (len == 0) {
        append_tree(out, list->items, list->count, 0);
        return true;
    }
    while (first < list->count && strncmp(list->items[first].path, path, len) != 0)
        first++;
    for (; first < list->count && strncmp(list->items[first].path, path, len) == 0; first++) {
        char next = list->items[first].path[len];
        if (next == 0) {
            append_leaf(out, &list->items[first]);
            return true;
        }
        size_t end = first;
        while (end < list->count && strncmp(list->items[end].path, path, len) == 0 &&
               list->items[end].path[len] == '/')
            end++;
        if (next == '/') {
            append_tree(out, list->items + first, end - first, len + 1);
            return true;
        }
    }
    return false;
}

static struct metric_list *collect_for(struct request *req)
{
    struct metric_list *list = tufi_arena_alloc(&req->arena, sizeof(*list));
    if (list == NULL)
        reply_status(req, tufi_nomem());
    else
        collect(list, req->server);
    return list;
}

void handle_node_stats(struct request *req)
{
    char path[PATH_SIZE];
    struct metric_list *list = node_check(req) ? collect_for(req) : NULL;
    if (list == NULL)
        return;
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    if (asked_path(path, req) && append_asked(&json, list, path))
        reply_json(req, 200, &json);
    else
        reply_error(req, 404, "not_found", "missing");
}

/* ---- _system ----------------------------------------------------------------------------- */

void handle_node_system(struct request *req)
{
    if (!node_check(req))
        return;
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    size_t conns = 0;
    for (unsigned i = 0; i < req->server->loop_count; i++)
        conns += req->server->loops[i]->conn_count;
    tufi_buf_printf(&json,
                    "{\"uptime\":%" PRIu64 ",\"memory\":{\"other\":%" PRIu64
                    "},\"process_count\":%u,\"connection_count\":%zu,\"os_proc_count\":0,"
                    "\"internal_replication_jobs\":0,\"message_queues\":{},\"distribution\":{}}",
                    uptime_s(req->server), resident_bytes(), req->server->loop_count, conns);
    reply_json(req, 200, &json);
}

/* ---- _prometheus ------------------------------------------------------------------------- */

/* "couchdb/httpd_status_codes/200" is couchdb_httpd_status_codes{code="200"}. */
static const char *label_of(const char *path)
{
    if (strstr(path, "/httpd_status_codes/") != NULL)
        return "code";
    return strstr(path, "/httpd_request_methods/") != NULL ? "method" : NULL;
}

static void metric_name(char out[PATH_SIZE + 16], const struct metric *metric, bool labelled)
{
    size_t len = labelled ? (size_t)(strrchr(metric->path, '/') - metric->path)
                          : strlen(metric->path);
    const char *end = metric->type == METRIC_COUNTER && !labelled ? "_total" : "";
    if (metric->type == METRIC_HISTOGRAM && metric->unit < 1)
        end = "_seconds";
    if (strcmp(metric->path, "couchdb/uptime") == 0)
        end = "_seconds";
    /* CouchDB's other applications have a name in front that they do not have in _stats. */
    const char *front = strncmp(metric->path, "couch_", 6) == 0 ? "couchdb_" : "";
    snprintf(out, PATH_SIZE + 16, "%s%.*s%s", front, (int)len, metric->path, end);
    for (char *c = out; *c != 0; c++)
        if (*c == '/')
            *c = '_';
}

/* Cumulative buckets, as Prometheus wants them, up to the largest that has something. */
static void append_buckets(struct buf *out, const char *name, const struct metric *metric)
{
    const struct histogram *h = metric->histogram;
    uint64_t seen = 0, count = h->count;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS - 1 && seen < count; i++) {
        seen += h->buckets[i];
        tufi_buf_printf(out, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name,
                        (double)(UINT64_C(1) << i) * metric->unit, seen);
    }
    tufi_buf_printf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum %g\n%s_count %" PRIu64 "\n",
                    name, count, name, (double)h->sum * metric->unit, name, count);
}

static void append_metric(struct buf *out, const struct metric *metric, char last[PATH_SIZE + 16])
{
    static const char *const types[] = { "counter", "gauge", "histogram" };
    char name[PATH_SIZE + 16];
    const char *label = label_of(metric->path);
    metric_name(name, metric, label != NULL);
    if (strcmp(name, last) != 0)
        tufi_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, metric->desc, name,
                        types[metric->type]);
    memcpy(last, name, sizeof(name));
    if (metric->type == METRIC_HISTOGRAM)
        append_buckets(out, name, metric);
    else if (label != NULL)
        tufi_buf_printf(out, "%s{%s=\"%s\"} %" PRIu64 "\n", name, label,
                        strrchr(metric->path, '/') + 1, metric->value);
    else
        tufi_buf_printf(out, "%s %" PRIu64 "\n", name, metric->value);
}

void handle_node_prometheus(struct request *req)
{
    char last[PATH_SIZE + 16] = "";
    struct metric_list *list = node_check(req) ? collect_for(req) : NULL;
    if (list == NULL)
        return;
    TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
    for (size_t i = 0; i < list->count; i++)
        append_metric(&text, &list->items[i], last);
    tufi_buf_printf(&text,
                    "# HELP process_resident_memory_bytes resident memory\n"
                    "# TYPE process_resident_memory_bytes gauge\n"
                    "process_resident_memory_bytes %" PRIu64 "\n",
                    resident_bytes());
    reply_header_drop(req, "Cache-Control");
    reply_bytes(req, 200, "text/plain; version=2.0", &text);
}
