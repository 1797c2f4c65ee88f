/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: POST /_replicate: starts and cancels replications.
 *
 * The name of a local database becomes a URL of this server, with the caller's own credentials: a
 * replication reads and writes through the API and can do no more than its caller. A one-shot
 * replication runs on its own thread; the request looks after it with a timer and holds neither a
 * worker nor the loop meanwhile.
 *
 * INV-RPH-4: only those whom replications_allowed() names start replications, because the server
 *            then connects to where they say.
 * Source: CouchDB's chttpd_misc:handle_replicate_req and couch_replicator:replicate.
 * Not here: the protocol (replicator/), documents of _replicator (server/replicator_docs.h).
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "server/handlers.h"
#include "server/replications.h"
#include "server/server.h"
#include "server/work.h"

#define BODY_SIZE_MAX (UINT64_C(16) << 20)
#define LOOK_FIRST_MS 10
#define LOOK_LONGEST_MS 200

struct waiting {
    struct repl_job *job;
    uint64_t look_ms; /* until the next look */
};

/* ---- answers ----------------------------------------------------------------------------- */

static int status_of(const char *kind, tuf_status st)
{
    if (strcmp(kind, "unauthorized") == 0)
        return 401;
    if (strcmp(kind, "forbidden") == 0)
        return 403;
    if (strcmp(kind, "bad_request") == 0 || strcmp(kind, "invalid_replication") == 0)
        return 400;
    if (strcmp(kind, "too_many_jobs") == 0 || st == TUF_STOPPED)
        return 503;
    return st == TUF_E_UNSUPPORTED ? 501 : 500;
}

static void reply_failure(struct request *req, tuf_status st)
{
    const tuf_error *error = tuf_last_error();
    char text[TUF_ERROR_TEXT_SIZE];
    const char *kind = error->kind[0] != 0 ? error->kind : "error";
    (void)snprintf(text, sizeof(text), "%s", error->text);
    if (st == TUF_CONFLICT)
        reply_error(req, 409, "conflict", "this replication runs for another user");
    else
        reply_error(req, status_of(kind, st), kind, text);
}

static void reply_accepted(struct request *req, int status, const char *id)
{
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    buf_append_str(&json, "{\"ok\":true,\"_local_id\":");
    json_append_string(&json, tuf_str(id));
    buf_append_u8(&json, '}');
    reply_json(req, status, &json);
}

/* ---- a one-shot job ---------------------------------------------------------------------- */

static void forget_job(struct request *req)
{
    struct waiting *waiting = req->state;
    repl_job_unref(&waiting->job);
}

static void look(struct request *req)
{
    struct waiting *waiting = req->state;
    struct repl_job_end end;
    TUF_AUTO(tufi_buf_release) struct buf result = BUF_INIT;
    if (!repl_job_end(&end, &result, waiting->job)) {
        if (waiting->look_ms < LOOK_LONGEST_MS)
            waiting->look_ms += LOOK_FIRST_MS;
        request_set_timer(req, waiting->look_ms, look);
        return;
    }
    if (end.status == TUF_OK)
        reply_json(req, 200, &result);
    else
        reply_error(req, status_of(end.kind, end.status), end.kind, end.text);
}

static void wait_for_job(struct request *req, struct repl_job *job)
{
    struct waiting *waiting = tufi_arena_alloc(&req->arena, sizeof(*waiting));
    if (waiting == NULL) {
        repl_job_unref(&job);
        reply_status(req, tufi_nomem());
        return;
    }
    waiting->job = job;
    waiting->look_ms = LOOK_FIRST_MS;
    req->state = waiting;
    request_on_cleanup(req, forget_job);
    request_set_timer(req, waiting->look_ms, look);
}

/* ---- local names ------------------------------------------------------------------------- */

/* The headers by which the caller is known to us. */
static json_t *own_headers(struct request *req)
{
    static const char *const names[] = { "Authorization", "Cookie" };
    json_t *headers = json_object();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        tuf_slice value;
        if (request_header(&value, req, names[i]))
            (void)json_object_set_new(headers, names[i],
                                      json_stringn((const char *)value.data, value.len));
    }
    return headers;
}

/* Makes an URL of a local name; leaves everything else alone. */
static tuf_status resolve_name(json_t *body, const char *member, struct request *req)
{
    const json_t *value = json_object_get(body, member);
    const json_t *url = json_is_object(value) ? json_object_get(value, "url") : value;
    const char *text = json_string_value(url);
    TUF_AUTO(tufi_buf_release) struct buf own = BUF_INIT;
    if (text == NULL || strstr(text, "://") != NULL)
        return TUF_OK;
    if (req->server->own_url[0] == 0)
        return tufi_fail_kind(TUF_E_INVALID, "bad_request",
                              "%s is the name of a database here, and there is no address to ask "
                              "for it", member);
    buf_append_str(&own, req->server->own_url);
    url_encode(&own, tuf_str(text));
    if (own.failed)
        return tufi_nomem();
    json_t *endpoint = json_pack("{s:o,s:o}", "url",
                                 json_stringn((const char *)own.data, own.len), "headers",
                                 own_headers(req));
    return json_object_set_new(body, member, endpoint) == 0 ? TUF_OK : tufi_nomem();
}

/* Whether the caller wrote a name and no URL; see resolve_name. */
static bool is_name(const json_t *body, const char *member)
{
    const json_t *value = json_object_get(body, member);
    const char *text =
        json_string_value(json_is_object(value) ? json_object_get(value, "url") : value);
    return text != NULL && strstr(text, "://") == NULL;
}

/* The name that stands for a database of this server, or NULL. */
static const char *local_name(const json_t *body, const char *member)
{
    const char *text = json_string_value(json_object_get(body, member));
    /* A snapshot's local documents are elsewhere: requests find them. */
    bool plain = text != NULL && text[0] != 0 && strstr(text, "/_snapshot/") == NULL;
    return plain && is_name(body, member) ? text : NULL;
}

/* Where the two ends may be; and what an admin may do with a database needs no request to be asked for. */
static tuf_status allow_ends(struct repl_options *opts, const json_t *names,
                             const struct request *req)
{
    const char *source = local_name(names, "source"), *target = local_name(names, "target");
    tuf_status st = replications_restrict(opts, req->server);
    /* The caller chose a name, not an address. */
    opts->source.by_name = is_name(names, "source");
    opts->target.by_name = is_name(names, "target");
    opts->source.public_only = opts->source.public_only && !opts->source.by_name;
    opts->target.public_only = opts->target.public_only && !opts->target.by_name;
    if (st != TUF_OK || !req->user.is_server_admin)
        return st;
    if (source != NULL)
        st = repl_endpoint_set_local(&opts->source, source);
    if (st == TUF_OK && target != NULL)
        st = repl_endpoint_set_local(&opts->target, target);
    return st;
}

/* ---- the request ------------------------------------------------------------------------- */

/* A cancel that names the job; NULL if it does not. */
static const char *named_job(const json_t *body)
{
    static const char *const names[] = { "replication_id", "_local_id", "id" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const json_t *value = json_object_get(body, names[i]);
        if (json_is_string(value))
            return json_string_value(value);
    }
    return NULL;
}

static void append_user(struct buf *out, const struct request *req)
{
    buf_append_slice(out, req->user.name);
    buf_append_u8(out, 0);
}

static void cancel(struct request *req, const char *id)
{
    TUF_AUTO(tufi_buf_release) struct buf user = BUF_INIT;
    char plain[REPL_JOB_ID_SIZE];
    (void)snprintf(plain, sizeof(plain), "%s", id);
    for (char *c = plain; *c != 0; c++) {
        if (*c == ' ') /* a '+' that went through a form */
            *c = '+';
    }
    append_user(&user, req);
    if (user.failed) {
        reply_status(req, tufi_nomem());
        return;
    }
    tuf_status st = repl_jobs_cancel(req->server->replications, plain,
                                     req->user.is_server_admin ? NULL : (const char *)user.data);
    if (st == TUF_OK)
        reply_accepted(req, 200, plain);
    else if (st == TUF_CONFLICT)
        reply_error(req, 401, "unauthorized", "this replication is somebody else's");
    else
        reply_error(req, 404, "not_found", "missing");
}

static void start(struct request *req, struct repl_options *opts)
{
    TUF_AUTO(tufi_buf_release) struct buf user = BUF_INIT;
    struct repl_job *job = NULL;
    append_user(&user, req);
    const struct repl_origin origin = { .server_uuid = req->server->uuid,
                                        .user = user.failed ? "" : (const char *)user.data,
                                        .may_join = req->user.is_server_admin };
    bool continuous = opts->continuous;
    tuf_status st = repl_jobs_start(&job, req->server->replications, opts, &origin);
    if (st != TUF_OK) {
        reply_failure(req, st);
    } else if (continuous) {
        reply_accepted(req, 202, repl_job_id(job));
        repl_job_unref(&job);
    } else {
        wait_for_job(req, job);
    }
}

static void on_body(struct request *req, tuf_slice text)
{
    json_auto_t *body = body_json(req, text, 'o');
    TUF_AUTO(repl_options_release) struct repl_options opts = { 0 };
    char id[REPL_JOB_ID_SIZE];
    if (body == NULL)
        return;
    if (json_is_true(json_object_get(body, "cancel")) && named_job(body) != NULL) {
        cancel(req, named_job(body));
        return;
    }
    json_auto_t *names = json_copy(body);
    tuf_status st = resolve_name(body, "source", req);
    if (st == TUF_OK)
        st = resolve_name(body, "target", req);
    if (st == TUF_OK)
        st = replications_apply_defaults(body, req->server);
    if (st == TUF_OK)
        st = repl_options_parse(&opts, body);
    if (st == TUF_OK)
        st = allow_ends(&opts, names, req);
    if (st == TUF_OK && opts.cancel)
        st = repl_job_make_id(id, &opts, req->server->uuid);
    if (st != TUF_OK)
        reply_failure(req, st);
    else if (opts.cancel)
        cancel(req, id);
    else
        start(req, &opts);
}

static tuf_status ask_right(struct request *req)
{
    return replications_allowed(req) ? TUF_OK : TUF_STOPPED;
}

static void right_known(struct request *req, tuf_status st)
{
    if (st == TUF_OK)
        body_collect(req, BODY_SIZE_MAX, on_body);
    else
        reply_error(req, 403, "forbidden",
                    "only server admins, users with the role _replicator and named members of the "
                    "database _replicator may replicate");
}

void handle_replicate(struct request *req)
{
    if (!request_require_json(req))
        return;
    if (req->user.is_server_admin)
        right_known(req, TUF_OK);
    else
        work_run(req, ask_right, right_known);
}
