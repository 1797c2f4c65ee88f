/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see server/replicator_state.h.
 */
#include "base/buf.h"

#include "server/replicator_state.h"

#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "json/docscan.h"
#include "replicator/jobs.h"
#include "server/dbs.h"
#include "server/log.h"

struct merge {
    struct buf *out;
    const json_t *members;
    size_t count;
};

static void begin_member(struct merge *merge, tuf_slice key)
{
    buf_append_u8(merge->out, merge->count++ == 0 ? '{' : ',');
    tufi_json_write_string(merge->out, key);
    buf_append_u8(merge->out, ':');
}

static tuf_status keep_member(tuf_slice key, tuf_slice value, void *ctx)
{
    struct merge *merge = ctx;
    if (json_object_getn(merge->members, (const char *)key.data, key.len) != NULL)
        return TUF_OK;
    begin_member(merge, key);
    buf_append_slice(merge->out, value);
    return buf_status(merge->out);
}

static tuf_status add_members(struct merge *merge, json_t *members)
{
    const char *key;
    json_t *value;
    json_object_foreach(members, key, value) {
        if (json_is_null(value))
            continue;
        char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        if (text == NULL)
            return tufi_nomem();
        begin_member(merge, tuf_str(key));
        buf_append_str(merge->out, text);
        free(text);
    }
    buf_append_str(merge->out, merge->count == 0 ? "{}" : "}");
    return buf_status(merge->out);
}

/* The state's time goes behind the state. */
static json_t *add_time(json_t *members, const char *when)
{
    const char *key;
    json_t *value;
    json_t *timed = json_object();
    json_object_foreach(members, key, value) {
        (void)json_object_set(timed, key, value);
        if (strcmp(key, "_replication_state") == 0 && !json_is_null(value))
            (void)json_object_set_new(timed, "_replication_state_time", json_string(when));
    }
    return timed;
}

tuf_status replicator_merge_state(struct buf *out, tuf_slice body, json_t *members,
                                  const char *when)
{
    json_t *timed = add_time(members, when);
    struct merge merge = { out, timed, 0 };
    if (timed == NULL)
        return tufi_nomem();
    tuf_status st = tufi_fold(tufi_json_each(body, keep_member, &merge));
    if (st == TUF_OK)
        st = add_members(&merge, timed);
    json_decref(timed);
    return st;
}

/* Whether a document says all this already. */
static bool is_said(tuf_slice body, json_t *members)
{
    const char *key;
    json_t *value;
    bool same = true;
    json_t *doc = json_loadb((const char *)body.data, body.len, JSON_ALLOW_NUL, NULL);
    json_object_foreach(members, key, value) {
        const json_t *old = json_object_get(doc, key);
        same = same && (json_is_null(value) ? old == NULL : json_equal(old, value) == 1);
    }
    json_decref(doc);
    return same;
}

/* Returns also TUF_CONFLICT: there is a newer revision. */
static tuf_status change_doc(const struct replicator_place *place, json_t *members)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    TUF_AUTO(tuf_edit_free) tuf_edit *edit = NULL;
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    tuf_db *db = dbh_db(place->dbh);
    char when[REPL_TIME_SIZE];
    repl_format_time(when, time(NULL));
    tuf_edit_options opts = TUF_EDIT_OPTIONS_INIT;
    opts.id = place->id;
    tuf_status st = tuf_db_snapshot(&snapshot, db);
    if (st == TUF_OK)
        st = tuf_doc_open(&doc, snapshot, place->id, place->rev);
    if (st == TUF_OK && is_said(tuf_doc_body(doc), members))
        return TUF_OK;
    if (st == TUF_OK)
        st = replicator_merge_state(&json, tuf_doc_body(doc), members, when);
    if (st == TUF_OK)
        st = tuf_edit_parse(&edit, buf_slice(&json), &opts);
    if (st == TUF_OK)
        st = tuf_edit_set_parent(edit, place->rev);
    if (st == TUF_OK)
        st = tuf_db_commit(db, &edit, 1, 0);
    if (st != TUF_OK)
        return st;
    tuf_edit_result result = { .status = TUF_OK };
    tuf_edit_get_result(&result, edit);
    return result.status;
}

/*   members  null removes a member. Taken. NULL: out of memory */
static void write_state(const struct replicator_place *place, json_t *members)
{
    tuf_status st = members != NULL ? change_doc(place, members) : tufi_nomem();
    json_decref(members);
    if (st != TUF_OK && st != TUF_CONFLICT && st != TUF_NOT_FOUND && !dbh_is_deleted(place->dbh))
        log_line(LOG_ERROR, "writing the state of a replication: %s",
                 st < 0 ? tuf_last_error()->text : tuf_status_text(st));
}

void replicator_write_failed(const struct replicator_place *place, const char *reason)
{
    log_line(LOG_ERROR, "replication document %s/%.*s: %s",
             (const char *)dbh_name(place->dbh).data, (int)place->id.len,
             (const char *)place->id.data, reason);
    write_state(place, json_pack("{s:s,s:n,s:s}", "_replication_state", "failed",
                                 "_replication_stats", "_replication_state_reason", reason));
}

void replicator_write_completed(const struct replicator_place *place, json_t *stats)
{
    write_state(place, json_pack("{s:s,s:n,s:o}", "_replication_state", "completed",
                                 "_replication_state_reason", "_replication_stats", stats));
}

void replicator_write_triggered(const struct replicator_place *place, const char *job_id)
{
    write_state(place, json_pack("{s:s,s:n,s:s,s:n}", "_replication_state", "triggered",
                                 "_replication_state_reason", "_replication_id", job_id,
                                 "_replication_stats"));
}

void replicator_write_error(const struct replicator_place *place, const char *job_id,
                            const char *reason)
{
    write_state(place, json_pack("{s:s,s:s,s:n,s:s?}", "_replication_state", "error",
                                 "_replication_state_reason", reason, "_replication_stats",
                                 "_replication_id", job_id));
}

void replicator_clear_state(const struct replicator_place *place)
{
    write_state(place, json_pack("{s:n,s:n,s:n,s:n,s:n}", "_replication_state",
                                 "_replication_state_time", "_replication_state_reason",
                                 "_replication_id", "_replication_stats"));
}
