/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: _all_dbs and _dbs_info: the databases by name, and what is to be known of each.
 *
 * Invariants: names are listed in byte order; a database that is deleted meanwhile is left out.
 * Source: CouchDB's chttpd_misc (parameters are those of _all_docs).
 * Not here: opening databases (server/dbs.h).
 */
#include "base/alloc.h"
#include "base/arith.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "server/dbs.h"
#include "server/etag.h"
#include "server/handlers.h"
#include "server/handlers/dbinfo.h"
#include "server/handlers/listargs.h"
#include "server/loop.h"
#include "server/server.h"
#include "server/work.h"

#define STEP_SIZE 65536
#define KEYS_BODY_MAX (1024 * 1024)

/* req->state, in the request's arena. */
struct db_list {
    struct list_args args;
    bool with_info;
    struct dbs_names names; /* owned */
    const struct jval *key; /* next of the keys asked for; names are not used then */
    bool has_keys;
    size_t pos;    /* next name */
    uint64_t left; /* names still to be written */
    bool begun;
    bool written; /* an element was written */
};

static void free_db_list(struct request *req)
{
    struct db_list *list = req->state;
    dbs_names_release(&list->names);
}

static struct db_list *new_db_list(struct request *req, bool with_info)
{
    struct db_list *list = tufi_arena_alloc(&req->arena, sizeof(*list));
    if (list == NULL) {
        reply_status(req, tufi_nomem());
        return NULL;
    }
    *list = (struct db_list){ .args = LIST_ARGS_INIT, .with_info = with_info };
    req->state = list;
    request_on_cleanup(req, free_db_list);
    return list;
}

/* ---- which names ------------------------------------------------------------------------ */

/* Where a name stands to a bound; a bound that is no string lies before all names. */
static int compare_bound(tuf_slice name, const struct list_key *bound)
{
    return bound->is_string ? slice_compare(name, bound->text) : 1;
}

static bool in_range(const struct list_args *args, tuf_slice name)
{
    int direction = args->descending ? -1 : 1;
    if (args->start.set && compare_bound(name, &args->start) * direction < 0)
        return false;
    if (!args->end.set)
        return true;
    int order = compare_bound(name, &args->end) * direction;
    return args->exclude_end ? order < 0 : order <= 0;
}

static tuf_slice name_at(const struct db_list *list, size_t pos)
{
    return list->names.items[list->args.descending ? list->names.count - 1 - pos : pos];
}

/* The next name in range, false behind the last. */
static bool next_name(tuf_slice *out, struct db_list *list)
{
    while (list->left > 0 && list->pos < list->names.count) {
        tuf_slice name = name_at(list, list->pos++);
        if (!in_range(&list->args, name))
            continue;
        if (list->args.skip > 0) {
            list->args.skip--;
            continue;
        }
        list->left--;
        *out = name;
        return true;
    }
    return false;
}

/* ---- elements --------------------------------------------------------------------------- */

static void begin_element(struct buf *out, struct db_list *list)
{
    if (list->written)
        buf_append_u8(out, ',');
    list->written = true;
}

/* {"key":name,"info":{...}}. Returns TUF_NOT_FOUND, with nothing written, for no such database. */
static tuf_status append_info(struct buf *out, struct db_list *list, struct request *req,
                              tuf_slice name)
{
    TUF_AUTO(dbh_unref) struct dbh *dbh = NULL;
    tuf_status st = dbs_open(&dbh, dbs_of(req->server), name);
    if (st != TUF_OK)
        return st;
    TUF_AUTO(tufi_buf_release) struct buf info = BUF_INIT;
    st = dbinfo_append(&info, dbh);
    if (st != TUF_OK)
        return st;
    begin_element(out, list);
    buf_append_str(out, "{\"key\":");
    json_append_string(out, name);
    buf_append_str(out, ",\"info\":");
    buf_append_slice(out, buf_slice(&info));
    buf_append_u8(out, '}');
    return TUF_OK;
}

static tuf_status append_key(struct buf *out, struct db_list *list, struct request *req)
{
    const struct jval *key = list->key;
    list->key = key->next;
    tuf_status st = TUF_NOT_FOUND;
    if (key->type == JVAL_STRING && dbs_check_name(key->text) == DBS_NAME_OK)
        st = append_info(out, list, req, key->text);
    if (st != TUF_NOT_FOUND)
        return st;
    begin_element(out, list);
    buf_append_str(out, "{\"key\":");
    buf_append_slice(out, key->raw);
    buf_append_str(out, ",\"error\":\"not_found\"}");
    return TUF_OK;
}

/* Returns TUF_END behind the last element. */
static tuf_status append_element(struct buf *out, struct db_list *list, struct request *req)
{
    if (list->has_keys)
        return list->key != NULL ? append_key(out, list, req) : TUF_END;
    tuf_slice name;
    if (!next_name(&name, list))
        return TUF_END;
    if (!list->with_info) {
        begin_element(out, list);
        json_append_string(out, name);
        return TUF_OK;
    }
    tuf_status st = append_info(out, list, req, name);
    return st == TUF_NOT_FOUND ? TUF_OK : st;
}

static enum produce_result produce(struct request *req, struct buf *out)
{
    struct db_list *list = req->state;
    tuf_status st = TUF_OK;
    if (!list->begun)
        buf_append_u8(out, '[');
    list->begun = true;
    while (st == TUF_OK && out->len < STEP_SIZE && !out->failed)
        st = append_element(out, list, req);
    if (st == TUF_OK)
        st = buf_status(out);
    if (st == TUF_END)
        buf_append_str(out, "]\n");
    if (st == TUF_END)
        return PRODUCE_DONE;
    return st == TUF_OK ? PRODUCE_MORE : PRODUCE_FAIL;
}

static void stream_list(struct request *req)
{
    static const struct producer producer = { .produce = produce, .blocking = true };
    reply_stream(req, 200, &producer);
}

/* ---- GET -------------------------------------------------------------------------------- */

static tuf_status read_names(struct request *req)
{
    struct db_list *list = req->state;
    return dbs_list(&list->names, dbs_of(req->server));
}

static void names_done(struct request *req, tuf_status st)
{
    struct db_list *list = req->state;
    TUF_AUTO(tufi_buf_release) struct buf all = BUF_INIT;
    for (size_t i = 0; st == TUF_OK && i < list->names.count; i++) {
        buf_append_slice(&all, list->names.items[i]);
        buf_append_u8(&all, 0);
    }
    if (st == TUF_OK)
        st = buf_status(&all);
    if (st != TUF_OK) {
        reply_status(req, st);
        return;
    }
    char etag[ETAG_SIZE];
    /* What _dbs_info tells changes with every write: its tag never comes again. */
    if (list->with_info)
        buf_append_slice(&all, tuf_slice_of(loop_random(req->loop, 16), 16));
    etag_of_bytes(etag, buf_slice(&all));
    if (!list->with_info && request_not_modified(req, etag))
        return;
    reply_header(req, "ETag", tuf_str(etag));
    list->left = list->args.limit;
    stream_list(req);
}

static void list_dbs(struct request *req, bool with_info)
{
    struct db_list *list = new_db_list(req, with_info);
    if (list == NULL)
        return;
    tuf_status st = list_args_from_query(&list->args, &req->params, &req->arena);
    if (st == TUF_OK)
        work_run(req, read_names, names_done);
    else
        reply_status(req, st);
}

void handle_all_dbs(struct request *req)
{
    list_dbs(req, false);
}

void handle_dbs_info(struct request *req)
{
    list_dbs(req, true);
}

/* ---- POST _dbs_info --------------------------------------------------------------------- */

static tuf_status refuse(const char *reason)
{
    return tufi_fail_kind(TUF_E_INVALID, "bad_request", "%s", reason);
}

static tuf_status take_keys(struct db_list *list, struct request *req, tuf_slice body)
{
    const struct jval *object = NULL;
    tuf_status st = body_parse(&object, req, body);
    if (st != TUF_OK)
        return st;
    if (object->type != JVAL_OBJECT)
        return refuse("Request body must be a JSON object");
    const struct jval *keys = jval_member(object, "keys");
    if (keys == NULL)
        return refuse("`keys` member must exist.");
    if (keys->type != JVAL_ARRAY)
        return refuse("`keys` member must be an array.");
    if (keys->count > server_settings(req->server)->dbs_info_max)
        return refuse("too_many_keys");
    list->has_keys = true;
    list->key = keys->child;
    return TUF_OK;
}

static void dbs_info_body(struct request *req, tuf_slice body)
{
    tuf_status st = take_keys(req->state, req, body);
    if (st == TUF_OK)
        stream_list(req);
    else
        reply_status(req, st);
}

void handle_dbs_info_post(struct request *req)
{
    if (request_require_json(req) && new_db_list(req, true) != NULL)
        body_collect(req, KEYS_BODY_MAX, dbs_info_body);
}
