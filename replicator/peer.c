/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see replicator/peer.h.
 */
#include "replicator/peer.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "json/iter.h"
#include "replicator/answers.h"
#include "replicator/docview.h"
#include "replicator/local.h"

/* Longest list: of the changes of one document, of refusals. */
#define LIST_SIZE_MAX (UINT64_C(16) << 20)
/* Longest page of changes, and list of missing revisions: what is built of it takes several times that.
 * Fewer changes are asked for if it is not enough. */
#define PAGE_SIZE_MAX (UINT64_C(4) << 20)
/* Longest other answer. What is built of one may take a hundred times that. */
#define SMALL_SIZE_MAX (UINT64_C(1) << 18)
#define LOG_SIZE_MAX (UINT64_C(1) << 19)
#define DDOC_SIZE_MAX (UINT64_C(8) << 20)
#define BULK_GET_PATH "_bulk_get?latest=true&revs=true&attachments=false"

void repl_peer_release(struct peer *peer)
{
    repl_http_release(&peer->http);
    curl_multi_cleanup(peer->multi);
    peer->multi = NULL;
    json_decref(peer->update_seq);
    peer->update_seq = NULL;
    tufi_free(peer->start_time);
    peer->start_time = NULL;
}

/* ---- helpers ----------------------------------------------------------------------------- */

static tuf_status bad_answer(const struct peer *peer, const char *what)
{
    return tufi_fail_kind(TUF_E_IO, "invalid_answer", "%s answers %s with something else",
                          peer->shown, what);
}

static tuf_status bad_status(const struct peer *peer, const char *kind, const char *what,
                             long status)
{
    return tufi_fail_kind(TUF_E_IO, kind, "%s answers %s with status %ld", peer->shown,
                          what, status);
}

static bool is_2xx(long status)
{
    return status >= 200 && status <= 299;
}

static tuf_status parse(json_t **out, const struct peer *peer, const struct http_reply *reply,
                        const char *what)
{
    *out = json_loadb((const char *)reply->body.data, reply->body.len, JSON_DECODE_ANY, NULL);
    return *out != NULL ? TUF_OK : bad_answer(peer, what);
}

static tuf_status ask(struct http_reply *out, struct peer *peer, const char *method,
                      const char *path, uint64_t size_max)
{
    struct http_request rq = { .method = method, .path = path, .size_max = size_max };
    return repl_http_call(out, &peer->http, &rq);
}

static tuf_status send_json(struct http_reply *out, struct peer *peer, const char *method,
                            const char *path, const json_t *body, uint64_t size_max)
{
    struct http_request rq = { .method = method, .path = path, .has_body = true,
                               .size_max = size_max };
    char *text = json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text == NULL)
        return tufi_nomem();
    rq.body = tuf_str(text);
    tuf_status st = repl_http_call(out, &peer->http, &rq);
    free(text);
    return st;
}

/* ---- the database ------------------------------------------------------------------------ */

static tuf_status access_failure(const struct peer *peer, long status)
{
    const char *shown = peer->shown;
    if (status == 401)
        return tufi_fail_kind(TUF_E_IO, "unauthorized",
                              "unauthorized to access or create database %s", shown);
    if (status == 403)
        return tufi_fail_kind(TUF_E_IO, "forbidden",
                              "forbidden to access or create database %s", shown);
    return tufi_fail_kind(TUF_E_IO, "db_not_found", "could not open %s", shown);
}

/* Who it is matters for attachments only; whoever does not say is taken for a CouchDB. */
static tuf_status look_at_server(struct peer *peer)
{
    TUF_AUTO(repl_http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    struct http_request rq = { .method = "GET", .path = "", .at_root = true, .size_max = 65536 };
    tuf_status st = repl_http_call(&reply, &peer->http, &rq);
    if (st == TUF_STOPPED || st == TUF_E_NOMEM)
        return st;
    json_auto_t *root =
        json_loadb((const char *)reply.body.data, reply.body.len, 0, NULL);
    peer->plain_atts = json_object_get(root, "express-pouchdb") != NULL;
    const char *build = json_string_value(json_object_get(root, "git_sha"));
    peer->full_stubs = build != NULL && strncmp(build, "tuffet-", 7) == 0;
    return TUF_OK;
}

tuf_status repl_peer_open(struct peer *peer)
{
    if (peer->db != NULL)
        return repl_local_open(peer);
    TUF_AUTO(repl_http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    tuf_status st = ask(&reply, peer, "GET", "", SMALL_SIZE_MAX);
    if (st == TUF_E_LIMIT)
        return access_failure(peer, 0);
    if (st != TUF_OK)
        return st;
    json_auto_t *info =
        json_loadb((const char *)reply.body.data, reply.body.len, 0, NULL);
    json_t *seq = json_object_get(info, "update_seq");
    if (reply.status != 200 || seq == NULL)
        return access_failure(peer, reply.status);
    const char *time = json_string_value(json_object_get(info, "instance_start_time"));
    if (time == NULL)
        time = "0";
    tufi_free(peer->start_time);
    json_decref(peer->update_seq);
    peer->update_seq = json_incref(seq);
    peer->start_time = tufi_memdup(time, strlen(time) + 1);
    return peer->start_time != NULL ? look_at_server(peer) : tufi_nomem();
}

tuf_status repl_peer_create(struct peer *peer, const char *params)
{
    if (peer->db != NULL)
        return TUF_OK; /* it is open: it is there */
    TUF_AUTO(repl_http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    TUF_AUTO(tufi_buf_release) struct buf path = BUF_INIT;
    tufi_buf_printf(&path, "%s%s", params[0] != 0 ? "?" : "", params);
    buf_append_u8(&path, 0);
    if (path.failed)
        return tufi_nomem();
    tuf_status st = ask(&reply, peer, "PUT", (const char *)path.data, SMALL_SIZE_MAX);
    if (st == TUF_OK && (reply.status == 401 || reply.status == 403))
        st = access_failure(peer, reply.status);
    return st;
}

tuf_status repl_peer_commit(struct peer *peer, const char *name)
{
    if (peer->db != NULL)
        return tuf_db_sync(peer->db);
    TUF_AUTO(repl_http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    struct http_request rq = { .method = "POST", .path = "_ensure_full_commit", .has_body = true,
                               .body = tuf_str("{}"), .size_max = SMALL_SIZE_MAX };
    tuf_status st = repl_http_call(&reply, &peer->http, &rq);
    if (st != TUF_OK)
        return st;
    if (!is_2xx(reply.status))
        return tufi_fail_kind(TUF_E_IO, "checkpoint_commit_failure",
                              "Failure on %s commit: status %ld", name, reply.status);
    json_auto_t *body =
        json_loadb((const char *)reply.body.data, reply.body.len, 0, NULL);
    const char *time = json_string_value(json_object_get(body, "instance_start_time"));
    if (time == NULL || strcmp(time, "0") == 0 || strcmp(peer->start_time, "0") == 0 ||
        strcmp(time, peer->start_time) == 0)
        return TUF_OK;
    return tufi_fail_kind(TUF_E_IO, "checkpoint_commit_failure",
                          "instance_start_time on %s database has changed since last checkpoint.",
                          name);
}

/* ---- local documents --------------------------------------------------------------------- */

tuf_status repl_peer_get_local(json_t **out, struct peer *peer, const char *id)
{
    TUF_AUTO(repl_http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    TUF_AUTO(tufi_buf_release) struct buf path = BUF_INIT;
    *out = NULL;
    if (peer->db != NULL)
        return repl_local_get_local(out, peer, id);
    tufi_buf_printf(&path, "_local/%s", id);
    buf_append_u8(&path, 0);
    tuf_status st = path.failed ? tufi_nomem()
                                : ask(&reply, peer, "GET", (const char *)path.data, LOG_SIZE_MAX);
    if (st != TUF_OK || reply.status == 404)
        return st;
    if (reply.status != 200)
        return reply.status == 401 || reply.status == 403
                   ? access_failure(peer, reply.status)
                   : bad_status(peer, "invalid_answer", "GET of a checkpoint", reply.status);
    st = parse(out, peer, &reply, "GET of a checkpoint");
    if (st == TUF_OK && !json_is_object(*out)) {
        json_decref(*out);
        *out = NULL;
        return bad_answer(peer, "GET of a checkpoint");
    }
    return st;
}

tuf_status repl_peer_put_local(struct peer *peer, const char *id, json_t *doc)
{
    if (peer->db != NULL)
        return repl_local_put_local(peer, id, doc);
    TUF_AUTO(repl_http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    TUF_AUTO(tufi_buf_release) struct buf path = BUF_INIT;
    tufi_buf_printf(&path, "_local/%s", id);
    buf_append_u8(&path, 0);
    tuf_status st = path.failed ? tufi_nomem()
                                : send_json(&reply, peer, "PUT", (const char *)path.data, doc,
                                            SMALL_SIZE_MAX);
    if (st != TUF_OK)
        return st;
    if (reply.status == 409)
        return TUF_CONFLICT;
    if (!is_2xx(reply.status))
        return bad_status(peer, "checkpoint_commit_failure", "PUT of a checkpoint", reply.status);
    json_auto_t *body =
        json_loadb((const char *)reply.body.data, reply.body.len, 0, NULL);
    json_t *rev = json_object_get(body, "rev");
    if (!json_is_string(rev) || json_object_set(doc, "_rev", rev) != 0)
        return bad_answer(peer, "PUT of a checkpoint");
    return TUF_OK;
}

static tuf_status filter_failure(const struct peer *peer, const char *filter)
{
    return tufi_fail_kind(TUF_E_IO, "filter_fetch_error", "no filter function \"%.80s\" on %s",
                          filter, peer->shown);
}

/* The text of a function among the "filters" of a design document. */
static bool find_code(struct buf *out, tuf_slice ddoc, const char *name)
{
    struct json_iter iter;
    tuf_slice filters, key, value;
    if (tufi_json_member(&filters, ddoc, "filters") != TUF_OK ||
        tufi_json_iter_begin(&iter, filters, '{') != TUF_OK)
        return false;
    while (tufi_json_iter_next(&key, &value, &iter) == TUF_OK) {
        if (!repl_literal_is(key, name) || value.len < 2 || value.data[0] != '"')
            continue;
        TUF_AUTOFREE uint8_t *text = tufi_alloc(value.len);
        if (text == NULL) {
            out->failed = true;
            return true;
        }
        size_t len = tufi_json_unescape(text, tuf_slice_of(value.data + 1, value.len - 2));
        tufi_buf_append(out, text, len);
        return true;
    }
    return false;
}

tuf_status repl_peer_filter_code(struct buf *out, struct peer *peer, const char *filter)
{
    TUF_AUTO(repl_http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    TUF_AUTO(tufi_buf_release) struct buf path = BUF_INIT;
    const char *slash = strchr(filter, '/');
    if (peer->db != NULL)
        return filter_failure(peer, filter);
    if (slash == NULL)
        return tufi_fail_kind(TUF_E_INVALID, "bad_request",
                              "Invalid filter. Must match `ddocname/filtername`.");
    buf_append_str(&path, "_design/");
    repl_append_escaped(&path, tuf_slice_of(filter, (size_t)(slash - filter)));
    buf_append_u8(&path, 0);
    tuf_status st = path.failed ? tufi_nomem()
                                : ask(&reply, peer, "GET", (const char *)path.data, DDOC_SIZE_MAX);
    if (st != TUF_OK)
        return st;
    if (reply.status != 200 || !find_code(out, buf_slice(&reply.body), slash + 1))
        return filter_failure(peer, filter);
    return buf_status(out);
}

/* ---- changes ----------------------------------------------------------------------------- */

static void append_since(struct buf *out, const json_t *since)
{
    if (json_is_string(since)) {
        repl_append_escaped(out, tuf_str(json_string_value(since)));
        return;
    }
    char *text = json_dumps(since, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text == NULL)
        out->failed = true;
    else
        repl_append_escaped(out, tuf_str(text));
    free(text);
}

/* What the source says is wrong, such as a filter that it does not have. */
static tuf_status changes_failure(const struct peer *peer, const struct http_reply *reply)
{
    TUF_AUTOFREE char *reason = repl_read_text(buf_slice(&reply->body), "reason");
    if (reason == NULL)
        return bad_status(peer, "changes_req_failed", "_changes", reply->status);
    return tufi_fail_kind(TUF_E_IO, "changes_req_failed", "%s answers _changes with status %ld: %.80s",
                          peer->shown, reply->status, reason);
}

tuf_status repl_peer_changes(json_t **out, struct peer *peer, const struct changes_request *rq)
{
    TUF_AUTO(repl_http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    TUF_AUTO(tufi_buf_release) struct buf path = BUF_INIT;
    struct http_request request = { .method = rq->body != NULL ? "POST" : "GET",
                                    .size_max = rq->limit > 1 ? PAGE_SIZE_MAX : LIST_SIZE_MAX,
                                    .wait_ms = rq->wait_ms };
    char *text = NULL;
    *out = NULL;
    if (peer->db != NULL)
        return repl_local_changes(out, peer, rq);
    tufi_buf_printf(&path, "_changes?style=%s&limit=%llu%s&since=", rq->style,
                    (unsigned long long)rq->limit, rq->filter);
    append_since(&path, rq->since);
    if (rq->wait_ms > 0)
        tufi_buf_printf(&path, "&feed=longpoll&timeout=%llu", (unsigned long long)rq->wait_ms);
    buf_append_u8(&path, 0);
    if (rq->body != NULL) {
        text = json_dumps(rq->body, JSON_COMPACT);
        request.has_body = true;
        request.body = tuf_str(text != NULL ? text : "");
    }
    if (path.failed || (rq->body != NULL && text == NULL)) {
        free(text);
        return tufi_nomem();
    }
    request.path = (const char *)path.data;
    tuf_status st = repl_http_call(&reply, &peer->http, &request);
    free(text);
    if (st != TUF_OK)
        return st;
    if (reply.status == 401 || reply.status == 403)
        return access_failure(peer, reply.status);
    if (reply.status != 200)
        return changes_failure(peer, &reply);
    st = repl_read_changes(out, buf_slice(&reply.body), rq->limit);
    return st == TUF_E_INVALID ? bad_answer(peer, "_changes") : st;
}

/* ---- revisions --------------------------------------------------------------------------- */

tuf_status repl_peer_revs_diff(json_t **out, struct peer *peer, const json_t *revs)
{
    TUF_AUTO(repl_http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    *out = NULL;
    if (peer->db != NULL)
        return repl_local_revs_diff(out, peer, revs);
    tuf_status st = send_json(&reply, peer, "POST", "_revs_diff", revs, PAGE_SIZE_MAX);
    if (st != TUF_OK)
        return st;
    if (reply.status == 401 || reply.status == 403)
        return access_failure(peer, reply.status);
    if (reply.status != 200)
        return bad_status(peer, "revs_diff_failed", "_revs_diff", reply.status);
    st = repl_read_diff(out, buf_slice(&reply.body), revs);
    return st == TUF_E_INVALID ? bad_answer(peer, "_revs_diff") : st;
}

/* Only ids and revisions: with atts_since a source puts attachments into the answer, as base64 in memory
 * on both sides, where stubs are wanted, whose bytes are streamed. */
static json_t *bulk_get_items(const json_t *wanted)
{
    json_t *items = json_array(), *one;
    size_t pos;
    json_array_foreach(wanted, pos, one) {
        json_t *item = json_pack("{s:O,s:O}", "id", json_object_get(one, "id"), "rev",
                                 json_object_get(one, "rev"));
        if (json_array_append_new(items, item) != 0) {
            json_decref(items);
            return NULL;
        }
    }
    return items;
}

tuf_status repl_peer_bulk_get(struct buf *out, struct peer *peer, const json_t *wanted,
                              uint64_t size_max)
{
    if (peer->db != NULL)
        return repl_local_bulk_get(out, peer, wanted);
    TUF_AUTO(repl_http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    json_t *body = json_pack("{s:o,s:b,s:b,s:b}", "docs", bulk_get_items(wanted), "latest", 1,
                             "revs", 1, "attachments", 0);
    if (body == NULL)
        return tufi_nomem();
    tuf_status st = send_json(&reply, peer, "POST",
                              peer->full_stubs ? BULK_GET_PATH "&att_encoding_info=true"
                                               : BULK_GET_PATH, body, size_max);
    json_decref(body);
    if (st != TUF_OK)
        return st;
    long status = reply.status;
    if (status == 400 || status == 404 || status == 405 || status == 501)
        return TUF_NOT_FOUND;
    if (status == 401 || status == 403)
        return access_failure(peer, status);
    if (status != 200)
        return bad_status(peer, "bulk_get_failed", "_bulk_get", status);
    *out = reply.body;
    reply.body = (struct buf)BUF_INIT;
    return TUF_OK;
}

tuf_status repl_peer_get(struct buf *out, struct peer *peer, const char *id, const char *rev,
                         uint64_t size_max)
{
    if (peer->db != NULL)
        return repl_local_get(out, peer, id, rev);
    TUF_AUTO(repl_http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    TUF_AUTO(tufi_buf_release) struct buf path = BUF_INIT;
    repl_append_docid(&path, id);
    buf_append_str(&path, "?revs=true&att_encoding_info=true&rev=");
    repl_append_escaped(&path, tuf_str(rev));
    buf_append_u8(&path, 0);
    struct http_request rq = { .method = "GET", .path = (const char *)path.data,
                               .size_max = size_max };
    tuf_status st = path.failed ? tufi_nomem() : repl_http_call(&reply, &peer->http, &rq);
    if (st != TUF_OK)
        return st;
    if (reply.status == 404 || reply.status == 403)
        return TUF_NOT_FOUND;
    if (reply.status != 200)
        return bad_status(peer, "invalid_answer", "GET of a document", reply.status);
    *out = reply.body;
    reply.body = (struct buf)BUF_INIT;
    return TUF_OK;
}

/* ---- writing ----------------------------------------------------------------------------- */

tuf_status repl_peer_bulk_docs(uint64_t *refused_out, struct peer *peer, const tuf_slice *docs,
                               size_t count)
{
    TUF_AUTO(repl_http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    TUF_AUTO(tufi_buf_release) struct buf body = BUF_INIT;
    *refused_out = 0;
    if (peer->db != NULL)
        return repl_local_bulk_docs(refused_out, peer, docs, count);
    buf_append_str(&body, "{\"new_edits\":false,\"docs\":[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_append_u8(&body, ',');
        buf_append_slice(&body, docs[i]);
    }
    buf_append_str(&body, "]}");
    if (body.failed)
        return tufi_nomem();
    struct http_request rq = { .method = "POST", .path = "_bulk_docs", .has_body = true,
                               .body = buf_slice(&body), .size_max = LIST_SIZE_MAX };
    tuf_status st = repl_http_call(&reply, &peer->http, &rq);
    if (st != TUF_OK)
        return st;
    if (reply.status == 413)
        return tufi_fail_kind(TUF_E_LIMIT, "too_large", "%s refuses so many documents at once",
                              peer->shown);
    if (reply.status == 400)
        return tufi_fail_kind(TUF_E_INVALID, "bulk_docs_failed", "%s refuses a document",
                              peer->shown);
    if (reply.status == 401 || reply.status == 403)
        return access_failure(peer, reply.status);
    if (reply.status != 201 && reply.status != 417)
        return bad_status(peer, "bulk_docs_failed", "_bulk_docs", reply.status);
    return repl_read_refusals(refused_out, buf_slice(&reply.body)) == TUF_OK
               ? TUF_OK
               : bad_answer(peer, "_bulk_docs");
}
