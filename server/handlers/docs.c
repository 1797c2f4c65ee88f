/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see server/handlers/docs.h.
 *
 * Source: CouchDB 3's chttpd_db for the meaning of parameters, their precedence and the texts.
 */
#include "server/handlers/docs.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "json/docscan.h"
#include "server/dbs.h"
#include "server/error_map.h"
#include "server/handlers/local_docs.h"
#include "server/handlers/partition.h"
#include "server/server.h"

/* ---- revisions --------------------------------------------------------------------------- */

static tuf_status bad_rev(void)
{
    return tufi_fail_kind(TUF_E_INVALID, "bad_request", "Invalid rev format");
}

tuf_status docs_parse_rev(tuf_rev *out, struct request *req, tuf_slice text)
{
    if (slice_starts(text, "0-") && text.len > 2) {
        tuf_slice id = request_copy(req, tuf_slice_of(text.data + 2, text.len - 2));
        if (id.data == NULL)
            return tufi_nomem();
        *out = (tuf_rev){ 0, id };
        return TUF_OK;
    }
    tuf_revbuf parsed;
    if (tuf_rev_parse(&parsed, text) != TUF_OK)
        return bad_rev();
    tuf_slice id = request_copy(req, parsed.rev.id);
    if (id.data == NULL)
        return tufi_nomem();
    *out = (tuf_rev){ parsed.rev.gen, id };
    return TUF_OK;
}

tuf_status docs_parse_revs(const tuf_rev **out, size_t *count_out, struct request *req,
                           const json_t *list)
{
    if (!json_is_array(list))
        return tufi_fail_kind(TUF_E_INVALID, "bad_request", "Invalid list of revisions");
    size_t count = json_array_size(list);
    tuf_rev *revs = tufi_arena_alloc(&req->arena, (count + 1) * sizeof(*revs));
    if (revs == NULL)
        return tufi_nomem();
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(list, i);
        if (!json_is_string(item))
            return bad_rev();
        tuf_slice text = tuf_slice_of(json_string_value(item), json_string_length(item));
        tuf_status st = docs_parse_rev(&revs[i], req, text);
        if (st != TUF_OK)
            return st;
    }
    *out = revs;
    *count_out = count;
    return TUF_OK;
}

static bool same_rev(const tuf_rev *a, const tuf_rev *b)
{
    return tuf_rev_compare(*a, *b) == 0;
}

/* The value without the quotes around it, as many as there are. */
static tuf_slice strip_quotes(tuf_slice value)
{
    while (value.len > 0 && value.data[0] == '"')
        value = tuf_slice_of(value.data + 1, value.len - 1);
    while (value.len > 0 && value.data[value.len - 1] == '"')
        value.len--;
    return value;
}

tuf_status docs_named_rev(tuf_rev *out, bool *named_out, struct request *req,
                          const tuf_rev *body_rev)
{
    tuf_rev query_rev = { 0 };
    tuf_rev tag = { 0 };
    const tuf_rev *named = body_rev;
    const tuf_slice *text = params_find(&req->params, "rev");
    if (text != NULL) {
        tuf_status st = docs_parse_rev(&query_rev, req, *text);
        if (st != TUF_OK)
            return st;
        if (named != NULL && !same_rev(named, &query_rev))
            return tufi_fail_kind(TUF_E_INVALID, "bad_request",
                                  "Document rev from request body and query string have "
                                  "different values");
        named = &query_rev;
    }
    tuf_slice match;
    if (request_header(&match, req, "If-Match")) {
        tuf_status st = docs_parse_rev(&tag, req, strip_quotes(match));
        if (st != TUF_OK)
            return st;
        if (named != NULL && !same_rev(named, &tag))
            return tufi_fail_kind(TUF_E_INVALID, "bad_request",
                                  "Document rev and etag have different values");
        named = &tag;
    }
    *named_out = named != NULL;
    if (named != NULL)
        *out = *named;
    return TUF_OK;
}

/* ---- query string ------------------------------------------------------------------------ */

/* Parameters that are "true" or nothing. */
static const struct {
    const char *key;
    unsigned flags;
} flag_table[] = {
    { "attachments", DOCJSON_ATTACHMENTS },
    { "meta", DOCJSON_REVS_INFO | DOCJSON_CONFLICTS | DOCJSON_DELETED_CONFLICTS },
    { "revs", DOCJSON_REVS },
    { "local_seq", DOCJSON_LOCAL_SEQ },
    { "revs_info", DOCJSON_REVS_INFO },
    { "conflicts", DOCJSON_CONFLICTS },
    { "deleted_conflicts", DOCJSON_DELETED_CONFLICTS },
    { "att_encoding_info", DOCJSON_ATT_ENCODING },
};

static tuf_status parse_json_revs(const tuf_rev **out, size_t *count_out, struct request *req,
                                  tuf_slice text)
{
    json_t *list =
        json_loadb((const char *)text.data, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (list == NULL)
        return tufi_fail_kind(TUF_E_INVALID, "bad_request", "invalid UTF-8 JSON");
    tuf_status st = docs_parse_revs(out, count_out, req, list);
    json_decref(list);
    return st;
}

static tuf_status parse_param(struct doc_query *q, struct request *req, const struct param *param)
{
    if (slice_is(param->key, "rev")) {
        q->has_rev = true;
        return docs_parse_rev(&q->rev, req, param->value);
    }
    if (slice_is(param->key, "open_revs")) {
        q->open_all = slice_is(param->value, "all");
        q->open_rev_count = 0;
        return q->open_all ? TUF_OK
                           : parse_json_revs(&q->open_revs, &q->open_rev_count, req, param->value);
    }
    if (slice_is(param->key, "atts_since")) {
        q->has_atts_since = true;
        return parse_json_revs(&q->atts_since, &q->atts_since_count, req, param->value);
    }
    if (slice_is(param->key, "new_edits")) {
        if (slice_is(param->value, "false"))
            q->replicated = true;
        else if (slice_is(param->value, "true"))
            q->replicated = false;
        return TUF_OK;
    }
    if (!slice_is(param->value, "true"))
        return TUF_OK;
    if (slice_is(param->key, "latest"))
        q->latest = true;
    for (size_t i = 0; i < sizeof(flag_table) / sizeof(flag_table[0]); i++) {
        if (slice_is(param->key, flag_table[i].key))
            q->flags |= flag_table[i].flags;
    }
    return TUF_OK;
}

bool doc_query_parse(struct doc_query *out, struct request *req)
{
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < req->params.count; i++) {
        tuf_status st = parse_param(out, req, &req->params.items[i]);
        if (st != TUF_OK) {
            reply_status(req, st);
            return false;
        }
    }
    return true;
}

/* ---- rights and limits ------------------------------------------------------------------- */

tuf_status docs_open(tuf_doc **doc_out, tuf_snapshot **snapshot_out, struct request *req,
                     tuf_slice id, const tuf_rev *rev)
{
    tuf_status st = server_before_read(req, id);
    if (st != TUF_OK)
        return st;
    /* Generation 0 is that of local documents, which have no history to ask for. */
    if (rev != NULL && (rev->gen == 0 || slice_starts(id, "_local/")))
        return TUF_NOT_FOUND;
    tuf_snapshot *snapshot = NULL;
    st = tuf_db_snapshot(&snapshot, dbh_db(req->dbh));
    if (st == TUF_OK)
        st = tuf_doc_open(doc_out, snapshot, id, rev);
    if (st == TUF_OK)
        *snapshot_out = tufi_steal(snapshot);
    tuf_snapshot_free(&snapshot);
    return st;
}

tuf_status docs_check_ddoc(const struct request *req, tuf_slice id)
{
    if (!slice_starts(id, "_design/") || auth_has(req, RIGHT_DBADM))
        return TUF_OK;
    const char *kind = req->user.name.data == NULL ? "unauthorized" : "forbidden";
    return tufi_fail_kind(TUF_E_INVALID, kind, "You are not a db or server admin.");
}

tuf_status docs_check_id_size(const struct request *req, tuf_slice id)
{
    uint64_t size_max = server_settings(req->server)->docid_size_max;
    if (id.len > TUF_ID_SIZE_MAX || (size_max != 0 && id.len > size_max))
        return tufi_fail_kind(TUF_E_INVALID, "illegal_docid", "Document id is too long");
    return partition_check_id(req->dbh, id);
}

void docs_edit_limits(tuf_edit_options *opts, const struct request *req)
{
    const struct settings *settings = server_settings(req->server);
    opts->doc_size_max = settings->document_size_max;
    opts->att_size_max = settings->attachment_size_max;
}

/* ---- answers to writes ------------------------------------------------------------------- */

void docs_etag(char out[DOCS_ETAG_SIZE], tuf_rev rev)
{
    out[0] = '"';
    size_t len = tuf_rev_format(out + 1, rev);
    out[len + 1] = '"';
    out[len + 2] = 0;
}

void docs_add_location(struct request *req, tuf_slice id, tuf_slice att_name)
{
    TUF_AUTO(tufi_buf_release) struct buf url = BUF_INIT;
    request_append_base_url(&url, req);
    buf_append_u8(&url, '/');
    url_encode(&url, dbh_name(req->dbh));
    buf_append_u8(&url, '/');
    url_encode(&url, id);
    if (att_name.len > 0) {
        buf_append_u8(&url, '/');
        url_encode(&url, att_name);
    }
    if (!url.failed)
        reply_header(req, "Location", buf_slice(&url));
}

tuf_rev docs_result_rev(const tuf_edit *edit)
{
    tuf_edit_result result;
    tuf_edit_get_result(&result, edit);
    tuf_rev given;
    if (result.rev.id.len == 0 && tuf_edit_rev(&given, edit) == TUF_OK)
        return given;
    return result.rev;
}

void docs_append_result(struct buf *out, const tuf_edit *edit)
{
    buf_append_str(out, "{\"ok\":true,\"id\":");
    json_append_string(out, tuf_edit_id(edit));
    buf_append_str(out, ",\"rev\":");
    tufi_json_write_rev(out, docs_result_rev(edit));
    buf_append_u8(out, '}');
}

static void add_etag(struct request *req, const tuf_edit *edit)
{
    tuf_rev rev = docs_result_rev(edit);
    char etag[DOCS_ETAG_SIZE];
    if (!slice_starts(tuf_edit_id(edit), "_local/")) {
        docs_etag(etag, rev);
        reply_headerf(req, "ETag", "%s", etag);
        return;
    }
    char tag[ETAG_SIZE];
    if (local_etag_of_stored(tag, req, tuf_edit_id(edit), rev))
        reply_headerf(req, "ETag", "%s", tag);
}

static void reply_batch(struct request *req, tuf_slice id)
{
    struct buf json = BUF_INIT;
    buf_append_str(&json, "{\"ok\":true,\"id\":");
    json_append_string(&json, id);
    buf_append_u8(&json, '}');
    reply_json(req, 202, &json);
}

void docs_reply_written(struct request *req, tuf_status status, const tuf_edit *edit, int http_ok,
                        unsigned flags)
{
    if (flags & DOCS_BATCH) {
        reply_batch(req, tuf_edit_id(edit));
        return;
    }
    if (status == TUF_OK) {
        tuf_edit_result result;
        tuf_edit_get_result(&result, edit);
        status = result.status;
    }
    if (status != TUF_OK) {
        reply_status(req, status);
        return;
    }
    if (flags & DOCS_ETAG)
        add_etag(req, edit);
    if (flags & DOCS_LOCATION)
        docs_add_location(req, tuf_edit_id(edit), req->att_name);
    struct buf json = BUF_INIT;
    docs_append_result(&json, edit);
    reply_json(req, http_ok, &json);
}
