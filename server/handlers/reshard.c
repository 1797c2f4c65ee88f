/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: _reshard, as a node answers that has nothing to split: its state, an empty list of jobs.
 *
 * Invariants: no job is ever accepted, since none could be done: a database is one file.
 * Source: CouchDB's mem3_reshard_httpd. The state that is put says only whether jobs would run; it is
 * kept in memory, as [reshard] state.
 * Not here: _shards (shards.c).
 */
#include "base/alloc.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "json/docscan.h"
#include "server/handlers.h"
#include "server/jval.h"
#include "server/server.h"
#include "server/work.h"

#define RESHARD_BODY_MAX (64 * 1024)
#define REASON_SIZE_MAX 1000

/* CouchDB's answers here lack both headers. */
static void drop_headers(struct request *req)
{
    reply_header_drop(req, "X-Couch-Request-ID");
    reply_header_drop(req, "X-CouchDB-Body-Time");
}

/* "running" or "stopped", and the reason given or null. */
static void append_state(struct buf *out, struct request *req, const char *reason_name)
{
    TUF_AUTO(tufi_buf_release) struct buf state = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf reason = BUF_INIT;
    struct config *config = req->server->config;
    bool stopped =
        config_get(&state, config, "reshard", "state") && slice_is(buf_slice(&state), "stopped");
    tufi_buf_printf(out, "{\"state\":\"%s\",\"%s\":", stopped ? "stopped" : "running", reason_name);
    if (stopped && config_get(&reason, config, "reshard", "state_reason"))
        json_append_string(out, buf_slice(&reason));
    else
        buf_append_str(out, "null");
}

void handle_reshard(struct request *req)
{
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    drop_headers(req);
    append_state(&json, req, "state_reason");
    buf_append_str(&json, ",\"completed\":0,\"failed\":0,\"running\":0,\"stopped\":0,\"total\":0}");
    reply_json(req, 200, &json);
}

void handle_reshard_state_get(struct request *req)
{
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    drop_headers(req);
    append_state(&json, req, "reason");
    buf_append_u8(&json, '}');
    reply_json(req, 200, &json);
}

void handle_reshard_jobs_get(struct request *req)
{
    drop_headers(req);
    reply_json_text(req, 200, "{\"total_rows\":0,\"offset\":0,\"jobs\":[]}");
}

void handle_reshard_jobs_post(struct request *req)
{
    reply_error(req, 501, "not_implemented", "a database of this server is one file: no shards");
}

void handle_reshard_job(struct request *req)
{
    drop_headers(req);
    reply_error(req, 404, "not_found", "missing");
}

/* ---- the state --------------------------------------------------------------------------- */

struct reshard_change {
    tuf_slice state, reason;
};

static tuf_status put_state(struct request *req)
{
    const struct reshard_change *change = req->state;
    struct config *config = req->server->config;
    tuf_status st = config_set(NULL, config, "reshard", "state_reason", change->reason, false);
    return st == TUF_OK ? config_set(NULL, config, "reshard", "state", change->state, false) : st;
}

static void put_state_done(struct request *req, tuf_status st)
{
    if (st == TUF_OK)
        reply_json_text(req, 200, "{\"ok\":true}");
    else
        reply_status(req, st);
}

static tuf_status take_state(struct reshard_change *out, const struct jval *body)
{
    const struct jval *state = body->type == JVAL_OBJECT ? jval_member(body, "state") : NULL;
    const struct jval *reason = body->type == JVAL_OBJECT ? jval_member(body, "reason") : NULL;
    if (body->type != JVAL_OBJECT)
        return tufi_fail_kind(TUF_E_INVALID, "bad_request", "Request body must be a JSON object");
    if (state == NULL)
        return tufi_fail_kind(TUF_E_INVALID, "bad_request", "Expected a `state` field");
    if (state->type != JVAL_STRING ||
        (!slice_is(state->text, "running") && !slice_is(state->text, "stopped")))
        return tufi_fail_kind(TUF_E_INVALID, "bad_request",
                              "State field not `running` or `stopped`");
    out->state = state->text;
    out->reason = tuf_str("Shard splitting stopped on the cluster by user");
    if (reason != NULL && reason->type == JVAL_STRING && reason->text.len <= REASON_SIZE_MAX)
        out->reason = reason->text;
    return TUF_OK;
}

static void state_body(struct request *req, tuf_slice body)
{
    struct reshard_change *change = tufi_arena_alloc(&req->arena, sizeof(*change));
    const struct jval *value = NULL;
    tuf_status st = change != NULL ? body_parse(&value, req, body) : tufi_nomem();
    if (st == TUF_OK)
        st = take_state(change, value);
    req->state = change;
    if (st == TUF_OK)
        work_run(req, put_state, put_state_done);
    else
        reply_status(req, st);
}

void handle_reshard_state_put(struct request *req)
{
    drop_headers(req);
    if (request_require_json(req))
        body_collect(req, RESHARD_BODY_MAX, state_body);
}
