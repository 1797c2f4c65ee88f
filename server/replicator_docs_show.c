/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: finding a document in the table of replicator_docs.h, and what _scheduler/docs says of it.
 *
 * Source: CouchDB's couch_replicator (names and order of the members).
 */
#include <time.h>

#include "base/alloc.h"
#include "server/docload.h"
#include "server/handlers/node.h"
#include "server/http.h"
#include "server/replicator_docs_impl.h"
#include "server/replicator_guard.h"

struct entry **replicator_docs_bucket(struct replicator_docs *docs, tuf_slice database,
                                      tuf_slice id)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < database.len; i++)
        hash = (hash ^ database.data[i]) * 16777619u;
    for (size_t i = 0; i < id.len; i++)
        hash = (hash ^ id.data[i]) * 16777619u;
    return &docs->buckets[hash % REPLICATOR_BUCKET_COUNT];
}

struct entry *replicator_docs_find(struct replicator_docs *docs, tuf_slice database, tuf_slice id)
{
    struct entry *entry = *replicator_docs_bucket(docs, database, id);
    while (entry != NULL && !(slice_is(database, entry->database) && slice_is(id, entry->id)))
        entry = entry->chain;
    return entry;
}

static json_t *time_text(time_t when)
{
    char text[REPL_TIME_SIZE];
    repl_format_time(text, when);
    return json_string(text);
}

/* With the lock held. */
static json_t *show_entry(const struct entry *entry)
{
    if (entry->job != NULL)
        return repl_job_show_doc(entry->job, NODE_NAME);
    return json_pack("{s:n,s:s,s:s,s:s,s:s,s:{s:s},s:I,s:o,s:o,s:n,s:n}", "id", "node", NODE_NAME,
                     "source", entry->source != NULL ? entry->source : "", "target",
                     entry->target != NULL ? entry->target : "", "state", "error", "info", "error",
                     entry->error != NULL ? entry->error : "", "error_count",
                     (json_int_t)entry->error_count, "last_updated", time_text(entry->updated),
                     "start_time", time_text(entry->start_time), "source_proxy", "target_proxy");
}

/* What a document that has no job says of itself. */
static json_t *show_body(const json_t *body)
{
    const json_t *when = json_object_get(body, "_replication_state_time");
    tuf_slice state = doc_member(body, "_replication_state");
    json_t *start = json_incref((json_t *)(uintptr_t)when);
    json_t *info = NULL;
    bool failed = slice_is(state, "failed");
    if (slice_is(state, "completed")) {
        info = json_copy(json_object_get(body, "_replication_stats"));
        json_t *begun = json_object_get(info, "start_time");
        if (begun != NULL) {
            json_decref(start);
            start = json_incref(begun);
            (void)json_object_del(info, "start_time");
        }
    } else if (failed) {
        info = json_pack("{s:O?}", "error", json_object_get(body, "_replication_state_reason"));
    }
    return json_pack("{s:n,s:o,s:o,s:s,s:i,s:o?,s:o?,s:O?}", "id", "source",
                     replicator_shown_endpoint(json_object_get(body, "source")), "target",
                     replicator_shown_endpoint(json_object_get(body, "target")), "state",
                     failed ? "failed" : info != NULL ? "completed" : "initializing",
                     "error_count", failed ? 1 : 0, "info", info, "start_time", start,
                     "last_updated", when);
}

json_t *replicator_docs_show(struct replicator_docs *docs, tuf_slice database, tuf_slice id,
                             tuf_slice body)
{
    json_t *shown = json_pack("{s:s%,s:s%}", "database", (const char *)database.data, database.len,
                              "doc_id", (const char *)id.data, id.len);
    pthread_mutex_lock(&docs->lock);
    const struct entry *entry = replicator_docs_find(docs, database, id);
    json_t *rest = entry != NULL ? show_entry(entry) : NULL;
    pthread_mutex_unlock(&docs->lock);
    if (entry == NULL) {
        json_t *doc = json_loadb((const char *)body.data, body.len, JSON_ALLOW_NUL, NULL);
        rest = show_body(doc);
        json_decref(doc);
    }
    if (shown == NULL || rest == NULL || json_object_update(shown, rest) != 0) {
        json_decref(shown);
        shown = NULL;
    }
    json_decref(rest);
    return shown;
}
