/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: counts. See server/metrics.h.
 */
#include "server/metrics.h"

#include "base/slice.h"
#include "server/request.h"
#include "server/server.h"

void histogram_add(struct histogram *histogram, uint64_t value)
{
    size_t bucket = value == 0 ? 0 : 64 - (size_t)__builtin_clzll(value);
    if (bucket >= HISTOGRAM_BUCKETS)
        bucket = HISTOGRAM_BUCKETS - 1;
    histogram->buckets[bucket]++;
    histogram->count++;
    histogram->sum += value;
}

uint64_t histogram_quantile(const struct histogram *histogram, double quantile)
{
    uint64_t total = 0, seen = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        total += histogram->buckets[i];
    if (total == 0)
        return 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if ((double)seen >= quantile * (double)total)
            return UINT64_C(1) << i;
    }
    return UINT64_C(1) << (HISTOGRAM_BUCKETS - 1);
}

void metrics_request(struct request *req)
{
    static const char *const names[METRIC_METHODS] = { "GET", "HEAD", "POST", "PUT", "DELETE",
                                                       "COPY", "OPTIONS" };
    struct metrics *metrics = &req->server->metrics;
    const struct request_priv *priv = req->priv;
    for (size_t i = 0; i < METRIC_METHODS; i++) {
        if (slice_is(priv->method_text, names[i]))
            metrics->methods[i]++;
    }
    if (priv->status >= METRIC_STATUS_MIN && priv->status < METRIC_STATUS_MAX)
        metrics->statuses[priv->status - METRIC_STATUS_MIN]++;
    if (priv->client_gone)
        metrics->aborted++;
    histogram_add(&metrics->request_ms, clock_ms() - priv->start_ms);
}

void metrics_commit(struct metrics *metrics, uint64_t us, size_t edit_count, bool good)
{
    metrics->edits += edit_count;
    metrics->failed_commits += !good;
    histogram_add(&metrics->commit_us, us);
    histogram_add(&metrics->group_size, edit_count);
}
