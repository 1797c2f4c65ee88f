/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see server/replicator_guard.h.
 */
#include "server/replicator_guard.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "json/docscan.h"
#include "server/dbs.h"
#include "server/docload.h"
#include "server/http.h"
#include "server/replications.h"

static tuf_status forbid(const char *text)
{
    return tufi_fail_kind(TUF_E_INVALID, "forbidden", "%s", text);
}

static tuf_status forbid_foreign(void)
{
    return forbid("Can't update replication documents from other users.");
}

/* ---- parsing -------------------------------------------------------------------------------- */

static bool is_local_name(const json_t *endpoint)
{
    tuf_slice url = json_is_string(endpoint)
                        ? tuf_slice_of(json_string_value(endpoint), json_string_length(endpoint))
                        : tuf_slice_of(NULL, 0);
    return url.data != NULL && !slice_starts(url, "http://") && !slice_starts(url, "https://");
}

static tuf_status check_endpoint(const json_t *doc, const char *name)
{
    const json_t *endpoint = json_object_get(doc, name);
    if (is_local_name(endpoint))
        return tufi_fail_kind(TUF_E_INVALID, "bad_request", "local_endpoints_not_supported");
    if (endpoint == NULL || (json_is_object(endpoint) && json_object_get(endpoint, "url") == NULL))
        return tufi_fail_kind(TUF_E_INVALID, "bad_request", "Missing replicator database");
    return TUF_OK;
}

tuf_status replicator_parse(struct repl_options *out, const json_t *doc, struct server *server)
{
    tuf_status st = check_endpoint(doc, "source");
    if (st == TUF_OK)
        st = check_endpoint(doc, "target");
    if (st != TUF_OK)
        return st;
    json_t *job = json_copy((json_t *)(uintptr_t)doc);
    if (job == NULL)
        return tufi_nomem();
    st = replications_apply_defaults(job, server);
    if (st == TUF_OK)
        st = repl_options_parse(out, job);
    json_decref(job);
    if (st == TUF_OK) {
        st = replications_restrict(out, server);
        if (st != TUF_OK)
            repl_options_release(out);
    }
    return st;
}

/* ---- writing -------------------------------------------------------------------------------- */

static bool is_free(tuf_slice id)
{
    return slice_starts(id, "_design/") || slice_starts(id, "_local/");
}

/* Whether an owner lets the asking user change the document: nobody's is everybody's. */
static bool may_change(const struct request *req, const json_t *owner)
{
    if (user_has_role(&req->user, "_replicator") || auth_has(req, RIGHT_DBADM))
        return true;
    if (owner == NULL || json_is_null(owner))
        return true;
    return json_is_string(owner) && req->user.name.data != NULL &&
           slice_equal(tuf_slice_of(json_string_value(owner), json_string_length(owner)),
                       req->user.name);
}

tuf_status replicator_before_change(struct request *req, tuf_slice id)
{
    json_t *old = NULL;
    if (is_free(id))
        return TUF_OK;
    tuf_status st = doc_load(&old, NULL, req->dbh, id);
    if (st == TUF_OK && !may_change(req, json_object_get(old, "owner")))
        st = forbid_foreign();
    json_decref(old);
    return st == TUF_NOT_FOUND ? TUF_OK : st;
}

static tuf_status check_job(const struct request *req, const json_t *doc)
{
    if (slice_is(doc_member(doc, "_replication_state"), "failed"))
        return TUF_OK;
    struct repl_options opts = { 0 };
    tuf_status st = replicator_parse(&opts, doc, req->server);
    repl_options_release(&opts);
    if (st >= 0 || st == TUF_E_NOMEM)
        return st;
    char text[TUF_ERROR_TEXT_SIZE];
    (void)snprintf(text, sizeof(text), "%s", tuf_last_error()->text);
    return forbid(text);
}

struct member_copy {
    struct buf *out;
    const char *left_out; /* a member not to copy; NULL for none */
    size_t count;         /* written so far */
};

static tuf_status copy_member(tuf_slice key, tuf_slice value, void *ctx)
{
    struct member_copy *copy = ctx;
    if (copy->left_out != NULL && slice_is(key, copy->left_out))
        return TUF_OK;
    if (copy->count++ > 0)
        buf_append_u8(copy->out, ',');
    tufi_json_write_string(copy->out, key);
    buf_append_u8(copy->out, ':');
    buf_append_slice(copy->out, value);
    return buf_status(copy->out);
}

/* The text with the asking user as its owner, at the end. */
static tuf_status set_owner(struct buf *out, const struct request *req, tuf_slice json)
{
    struct member_copy copy = { .out = out, .left_out = "owner" };
    buf_append_u8(out, '{');
    tuf_status st = tufi_json_each(json, copy_member, &copy);
    if (st != TUF_OK)
        return tufi_fold(st);
    buf_append_str(out, copy.count > 0 ? ",\"owner\":" : "\"owner\":");
    if (req->user.name.data != NULL)
        tufi_json_write_string(out, req->user.name);
    else
        buf_append_str(out, "null");
    buf_append_u8(out, '}');
    return buf_status(out);
}

static tuf_status guard(struct buf *json_out, struct request *req, tuf_slice json,
                        const json_t *doc, bool replicated)
{
    const json_t *owner = json_object_get(doc, "owner");
    bool deleted = json_is_true(json_object_get(doc, "_deleted"));
    if (owner != NULL && !may_change(req, owner))
        return forbid_foreign();
    tuf_status st = deleted || replicated ? TUF_OK : check_job(req, doc);
    bool missing = owner == NULL || json_is_null(owner);
    if (st == TUF_OK && missing && !user_has_role(&req->user, "_replicator"))
        st = set_owner(json_out, req, json);
    return st;
}

tuf_status replicator_before_write(struct buf *json_out, struct request *req, tuf_slice id,
                                   tuf_slice json, bool replicated)
{
    json_t *doc = json_loadb((const char *)json.data, json.len, JSON_ALLOW_NUL, NULL);
    if (!json_is_object(doc)) {
        json_decref(doc);
        /* What is no JSON object is refused by the parser of documents with its usual texts. */
        struct scanned_doc scanned;
        tuf_status st = tufi_docscan(&scanned, json, 0);
        if (st != TUF_OK)
            return st;
        tufi_docscan_release(&scanned);
        return is_free(id) ? TUF_OK : forbid("the replication document cannot be read");
    }
    if (id.len == 0)
        id = doc_member(doc, "_id");
    tuf_status st = is_free(id) ? TUF_OK : replicator_before_change(req, id);
    if (st == TUF_OK && !is_free(id))
        st = guard(json_out, req, json, doc, replicated);
    json_decref(doc);
    return st;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* Appends a URL without the part up to the last '@': also of one that is no URL because a slash
 * stands in the password. */
static void append_plain_url(struct buf *out, tuf_slice url)
{
    const uint8_t *scheme_end = memmem(url.data, url.len, "://", 3);
    size_t host = scheme_end != NULL ? (size_t)(scheme_end - url.data) + 3 : 0;
    size_t start = host;
    for (size_t i = host; i < url.len; i++) {
        if (url.data[i] == '@')
            start = i + 1;
    }
    tufi_buf_append(out, url.data, host);
    tufi_buf_append(out, url.data + start, url.len - start);
}

static json_t *plain_url(const json_t *url)
{
    TUF_AUTO(tufi_buf_release) struct buf plain = BUF_INIT;
    append_plain_url(&plain, tuf_slice_of(json_string_value(url), json_string_length(url)));
    return plain.failed ? NULL : json_stringn((const char *)plain.data, plain.len);
}

/* An endpoint without what lets its owner in. */
static json_t *plain_endpoint(const json_t *endpoint)
{
    if (json_is_string(endpoint))
        return plain_url(endpoint);
    if (!json_is_object(endpoint))
        return NULL;
    json_t *plain = json_copy((json_t *)(uintptr_t)endpoint);
    (void)json_object_del(plain, "headers");
    (void)json_object_del(plain, "auth");
    const json_t *url = json_object_get(plain, "url");
    if (json_is_string(url))
        (void)json_object_set_new(plain, "url", plain_url(url));
    return plain;
}

json_t *replicator_shown_endpoint(const json_t *endpoint)
{
    const json_t *url = json_is_object(endpoint) ? json_object_get(endpoint, "url") : endpoint;
    if (!json_is_string(url) || json_string_length(url) == 0)
        return json_null();
    json_t *plain = plain_url(url);
    const char *text = json_string_value(plain);
    if (text == NULL || text[strlen(text) - 1] == '/')
        return plain;
    json_t *shown = json_sprintf("%s/", text);
    json_decref(plain);
    return shown;
}

/* Copies a member, an endpoint or proxy without its secrets. */
static tuf_status copy_plain(tuf_slice key, tuf_slice value, void *ctx)
{
    static const char *const urls[] = { "source", "target", "proxy", "source_proxy",
                                        "target_proxy" };
    bool is_url = false;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++)
        is_url = is_url || slice_is(key, urls[i]);
    if (!is_url)
        return copy_member(key, value, ctx);
    json_t *endpoint =
        json_loadb((const char *)value.data, value.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    json_t *plain = plain_endpoint(endpoint);
    char *text = plain != NULL ? json_dumps(plain, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    tuf_status st = copy_member(key, tuf_str(text != NULL ? text : "null"), ctx);
    free(text);
    json_decref(plain);
    json_decref(endpoint);
    return st;
}

/* The members of a body for somebody who is not an admin. See docjson_body. */
static tuf_status append_guarded(struct buf *out, tuf_slice body, tuf_slice reader)
{
    struct member_copy copy = { .out = out };
    json_t *doc = json_loadb((const char *)body.data, body.len, JSON_ALLOW_NUL, NULL);
    tuf_slice owner = doc_member(doc, "owner");
    bool own = reader.data != NULL && owner.data != NULL && slice_equal(owner, reader);
    json_decref(doc);
    if (!own)
        return tufi_fold(tufi_json_each(body, copy_plain, &copy));
    tufi_buf_append(out, body.data + 1, body.len - 2);
    return buf_status(out);
}

void replicator_hide_secrets(struct docjson_options *opts, const struct request *req)
{
    if (req->dbh == NULL || !dbh_is_replicator(req->dbh) || auth_has(req, RIGHT_DBADM))
        return;
    opts->body = append_guarded;
    opts->reader = req->user.name;
}
