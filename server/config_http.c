/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: /_node/{name}/_config: reading and changing the configuration over HTTP.
 *
 * Not here: what may be changed (server/config_keys.h).
 */
#include "base/alloc.h"
#include "server/admins.h"
#include "server/config_keys.h"
#include "server/erl_list.h"
#include "server/handlers.h"
#include "server/handlers/node.h"
#include "server/password.h"
#include "server/replications.h"
#include "server/request.h"
#include "server/server.h"

#define VALUE_MAX 131072

/* A change on its way; in the arena. */
struct config_change {
    const char *section, *key;
    tuf_slice value;
    bool remove, persist;
    struct buf old;
};

/* ---- path ---------------------------------------------------------------------------------- */

/* Segment text with its NUL; NULL with an answer made if it holds a NUL or memory ran out. */
static const char *segment_text(struct request *req, size_t pos)
{
    tuf_slice copy = request_copy(req, req->segs[pos]);
    if (copy.data == NULL) {
        reply_status(req, tufi_nomem());
        return NULL;
    }
    if (memchr(copy.data, 0, copy.len) != NULL) {
        reply_error(req, 400, "bad_request", "invalid section, key or value");
        return NULL;
    }
    return (const char *)copy.data;
}

/* ---- GET --------------------------------------------------------------------------------- */

struct dump {
    struct buf *out;
    const char *section; /* of the object that is open, NULL: none yet */
    size_t count;
};

static void dump_key(const char *section, const char *key, const char *value, void *ctx)
{
    struct dump *dump = ctx;
    (void)section;
    if (dump->count++ > 0)
        buf_append_u8(dump->out, ',');
    json_append_string(dump->out, tuf_str(key));
    buf_append_u8(dump->out, ':');
    json_append_string(dump->out, tuf_str(value));
}

static void dump_all(const char *section, const char *key, const char *value, void *ctx)
{
    struct dump *dump = ctx;
    if (dump->section == NULL || strcmp(dump->section, section) != 0) {
        buf_append_str(dump->out, dump->section != NULL ? "}," : "");
        json_append_string(dump->out, tuf_str(section));
        buf_append_str(dump->out, ":{");
        dump->section = section;
        dump->count = 0;
    }
    dump_key(section, key, value, ctx);
}

static void get_value(struct request *req)
{
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    const char *section = segment_text(req, 3);
    const char *key = section != NULL ? segment_text(req, 4) : NULL;
    if (key == NULL)
        return;
    if (!config_get_exact(&value, req->server->config, section, key)) {
        reply_error(req, 404, "not_found", "unknown_config_value");
        return;
    }
    struct buf body = BUF_INIT;
    json_append_string(&body, buf_slice(&value));
    reply_json(req, 200, &body);
}

void handle_config_get(struct request *req)
{
    struct config *config = req->server->config;
    if (!node_check(req))
        return;
    if (req->seg_count > 5) {
        reply_error(req, 404, "not_found", "missing");
        return;
    }
    if (req->seg_count == 5) {
        get_value(req);
        return;
    }
    const char *section = req->seg_count == 4 ? segment_text(req, 3) : NULL;
    if (req->seg_count == 4 && section == NULL)
        return;
    struct buf body = BUF_INIT;
    struct dump dump = { .out = &body };
    buf_append_u8(&body, '{');
    config_visit(config, section, section != NULL ? dump_key : dump_all, &dump);
    buf_append_str(&body, dump.section != NULL ? "}}" : "}");
    reply_json(req, 200, &body);
}

/* ---- PUT, DELETE ------------------------------------------------------------------------- */

static void release_change(struct request *req)
{
    struct config_change *change = req->state;
    tufi_buf_release(&change->old);
}

/* Whether [chttpd] config_whitelist, a list of {section, key}, is there and lacks this one. */
static bool is_not_listed(struct config *config, const char *section, const char *key)
{
    TUF_AUTO(tufi_buf_release) struct buf setting = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf listed_section = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf listed_key = BUF_INIT;
    if (!config_get(&setting, config, "chttpd", "config_whitelist") || setting.len == 0)
        return false;
    struct erl_list list = erl_list_begin(buf_slice(&setting));
    while (erl_list_next(&listed_section, &listed_key, &list)) {
        if (slice_is(buf_slice(&listed_section), section) &&
            slice_is(buf_slice(&listed_key), key))
            return false;
    }
    return true;
}

/* False when answered. */
static bool start_change(struct request *req, bool remove)
{
    if (!node_check(req))
        return false;
    if (req->seg_count != 5) {
        if (req->seg_count > 5) {
            reply_error(req, 404, "not_found", "missing");
        } else {
            reply_header(req, "Allow", tuf_str("GET"));
            reply_error(req, 405, "method_not_allowed", "Only GET allowed");
        }
        return false;
    }
    struct config_change *change = tufi_arena_alloc(&req->arena, sizeof(*change));
    if (change == NULL) {
        reply_status(req, tufi_nomem());
        return false;
    }
    memset(change, 0, sizeof(*change));
    change->section = segment_text(req, 3);
    change->key = change->section != NULL ? segment_text(req, 4) : NULL;
    if (change->key == NULL)
        return false;
    change->remove = remove;
    change->persist = !request_header_is(req, "X-Couch-Persist", "false");
    req->state = change;
    request_on_cleanup(req, release_change);
    if (is_not_listed(req->server->config, change->section, change->key)) {
        reply_error(req, 400, "modification_not_allowed", "This config variable is read-only");
        return false;
    }
    if (!config_is_file_only(change->section, change->key))
        return true;
    reply_error(req, 403, "forbidden",
                "Config section blacklisted for modification over HTTP API.");
    return false;
}

/* An admin's password is stored as its hash. */
static tuf_status hash_admin(struct request *req, struct config_change *change)
{
    TUF_AUTO(tufi_buf_release) struct buf hashed = BUF_INIT;
    struct stored_password stored;
    if (strcmp(change->section, "admins") != 0 || admin_password_parse(&stored, change->value))
        return TUF_OK;
    tuf_status st = admins_hash(&hashed, req->server->config, change->value);
    if (st == TUF_OK)
        change->value = request_copy(req, buf_slice(&hashed));
    return st == TUF_OK && change->value.data == NULL ? tufi_nomem() : st;
}

static tuf_status run_change(struct request *req)
{
    struct config_change *change = req->state;
    struct config *config = req->server->config;
    tuf_status st = change->remove ? TUF_OK : hash_admin(req, change);
    if (st != TUF_OK)
        return st;
    if (change->remove)
        st = config_remove(&change->old, config, change->section, change->key, change->persist);
    else
        st = config_set(&change->old, config, change->section, change->key, change->value,
                        change->persist);
    if (st == TUF_OK && strcmp(change->section, "replicator") == 0)
        repl_jobs_wake(req->server->replications);
    return st;
}

static void change_done(struct request *req, tuf_status status)
{
    const struct config_change *change = req->state;
    if (status == TUF_NOT_FOUND) {
        reply_error(req, 404, "not_found", "unknown_config_value");
        return;
    }
    if (status != TUF_OK) {
        reply_status(req, status);
        return;
    }
    struct buf body = BUF_INIT;
    json_append_string(&body, buf_slice(&change->old));
    body.failed = body.failed || change->old.failed;
    reply_json(req, 200, &body);
}

static void value_read(struct request *req, tuf_slice body)
{
    struct config_change *change = req->state;
    json_t *value = body_json(req, body.len > 0 ? body : tuf_str("x"), 'v');
    if (value == NULL)
        return;
    if (!json_is_string(value)) {
        json_decref(value);
        reply_error(req, 400, "bad_request", "a JSON string expected");
        return;
    }
    tuf_slice text = tuf_slice_of(json_string_value(value), json_string_length(value));
    change->value = request_copy(req, slice_trim(text, " \t\n"));
    json_decref(value);
    if (change->value.data == NULL)
        reply_status(req, tufi_nomem());
    else
        work_run(req, run_change, change_done);
}

void handle_config_put(struct request *req)
{
    if (start_change(req, false))
        body_collect(req, VALUE_MAX, value_read);
}

void handle_config_delete(struct request *req)
{
    if (start_change(req, true))
        work_run(req, run_change, change_done);
}

/* ---- reload ------------------------------------------------------------------------------ */

static tuf_status run_reload(struct request *req)
{
    tuf_status st = config_reload(req->server->config);
    repl_jobs_wake(req->server->replications);
    return st == TUF_OK ? admins_prepare(req->server->config) : st;
}

static void reload_done(struct request *req, tuf_status status)
{
    if (status == TUF_OK)
        reply_json_text(req, 200, "{\"ok\":true}");
    else
        reply_status(req, status);
}

void handle_config_reload(struct request *req)
{
    if (node_check(req))
        work_run(req, run_reload, reload_done);
}
