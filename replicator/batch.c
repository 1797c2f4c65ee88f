/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see replicator/batch.h.
 */
#include "replicator/batch.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "json/iter.h"
#include "replicator/transfer.h"

/* Documents asked for at once: their bodies are in memory together. */
#define GET_COUNT_MAX 100
/* Bytes of documents in one _bulk_docs. */
#define WRITE_SIZE_MAX (UINT64_C(4) << 20)

static void free_json(json_t **value)
{
    json_decref(*value);
}

/* ---- writing documents without attachments ----------------------------------------------- */

static tuf_status write_docs(struct repl_state *s, const tuf_slice *docs, size_t count)
{
    uint64_t refused = 0;
    if (count == 0)
        return TUF_OK;
    tuf_status st = repl_peer_bulk_docs(&refused, &s->target, docs, count);
    bool refused_whole = st == TUF_E_LIMIT || st == TUF_E_INVALID;
    if (refused_whole && count > 1) {
        st = write_docs(s, docs, count / 2);
        return st == TUF_OK ? write_docs(s, docs + count / 2, count - count / 2) : st;
    }
    if (refused_whole) {
        refused = 1;
        st = TUF_OK;
    }
    if (st != TUF_OK)
        return st;
    if (refused > count)
        refused = count;
    s->stats.doc_write_failures += refused;
    s->stats.docs_written += count - refused;
    return TUF_OK;
}

static tuf_status write_in_pieces(struct repl_state *s, const tuf_slice *docs, size_t count)
{
    size_t from = 0;
    uint64_t bytes = 0;
    tuf_status st = TUF_OK;
    if (count == 0)
        return TUF_OK;
    for (size_t i = 0; i < count && st == TUF_OK; i++) {
        if (i > from && bytes + docs[i].len > WRITE_SIZE_MAX) {
            st = write_docs(s, docs + from, i - from);
            from = i;
            bytes = 0;
        }
        bytes += docs[i].len;
    }
    return st == TUF_OK ? write_docs(s, docs + from, count - from) : st;
}

/* ---- one document ------------------------------------------------------------------------ */

static bool has_attachments(tuf_slice doc)
{
    tuf_slice value;
    struct json_iter iter;
    tuf_slice key, item;
    return tufi_json_member(&value, doc, "_attachments") == TUF_OK &&
           tufi_json_iter_begin(&iter, value, '{') == TUF_OK &&
           tufi_json_iter_next(&key, &item, &iter) != TUF_END;
}

/* The string a member holds; NULL if it is absent or no string. Caller decrefs. */
static json_t *text_member(tuf_slice doc, const char *name)
{
    tuf_slice raw;
    if (tufi_json_member(&raw, doc, name) != TUF_OK)
        return NULL;
    json_t *value = json_loadb((const char *)raw.data, raw.len, JSON_DECODE_ANY, NULL);
    if (!json_is_string(value)) {
        json_decref(value);
        return NULL;
    }
    return value;
}

/* Whether a document that came is one that was asked for and can be stored. */
static bool doc_is_good(tuf_slice doc, const char *id)
{
    tuf_slice revisions;
    json_t *own = text_member(doc, "_id"), *rev = text_member(doc, "_rev");
    bool good = own != NULL && rev != NULL && strcmp(json_string_value(own), id) == 0 &&
                tufi_json_member(&revisions, doc, "_revisions") == TUF_OK;
    json_decref(own);
    json_decref(rev);
    return good;
}

static void count_failure(struct repl_state *s)
{
    s->stats.doc_write_failures++;
}

/* A failure of one document, which the others need not share. */
static bool is_of_document(tuf_status st)
{
    return st == TUF_NOT_FOUND || st == TUF_E_LIMIT || st == TUF_E_INVALID;
}

static tuf_status send_with_attachments(struct repl_state *s, const char *id, const char *rev,
                                        const json_t *ancestors, tuf_slice json)
{
    enum transfer_outcome outcome = TRANSFER_REFUSED;
    struct transfer_doc doc = { id, rev, json, ancestors };
    tuf_status st = repl_transfer(&outcome, &s->source, &s->target, &doc);
    if (is_of_document(st) || (st == TUF_OK && outcome == TRANSFER_REFUSED)) {
        count_failure(s);
        return TUF_OK;
    }
    if (st == TUF_OK)
        s->stats.docs_written++;
    return st;
}

/* Reads one revision by itself and brings it over. */
static tuf_status fetch_single(struct repl_state *s, const char *id, const char *rev,
                               const json_t *ancestors)
{
    TUF_AUTO(repl_http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    tuf_status st = repl_peer_get(&reply, &s->source, id, rev);
    tuf_slice doc = buf_slice(&reply.body);
    if (is_of_document(st) || (st == TUF_OK && !doc_is_good(doc, id))) {
        count_failure(s);
        return TUF_OK;
    }
    if (st != TUF_OK)
        return st;
    s->stats.docs_read++;
    return has_attachments(doc) ? send_with_attachments(s, id, rev, ancestors, doc)
                                : write_docs(s, &doc, 1);
}

/* ---- _bulk_get --------------------------------------------------------------------------- */

static tuf_status bad_bulk_get(const struct repl_state *s)
{
    return tufi_fail_kind(TUF_E_IO, "bulk_get_failed", "%s answers _bulk_get with something else",
                          s->source.http.ep->shown);
}

static const char *asked_text(const json_t *asked, const char *name)
{
    return json_string_value(json_object_get(asked, name));
}

/* One {"ok":doc} of a result. */
static tuf_status take_item(struct buf *plain, struct repl_state *s, tuf_slice item,
                            const json_t *asked)
{
    tuf_slice doc;
    const char *id = asked_text(asked, "id");
    bool good = tufi_json_member(&doc, item, "ok") == TUF_OK && doc_is_good(doc, id);
    if (!good || has_attachments(doc)) {
        json_t *rev = good ? text_member(doc, "_rev") : NULL;
        tuf_status st =
            fetch_single(s, id, rev != NULL ? json_string_value(rev) : asked_text(asked, "rev"),
                         json_object_get(asked, "ancestors"));
        json_decref(rev);
        return st;
    }
    s->stats.docs_read++;
    s->stats.bulk_get_docs++;
    tufi_buf_append(plain, &doc, sizeof(doc));
    return buf_status(plain);
}

/* One {"id","docs":[...]} of the answer: the revision, or the leaves that came after it. */
static tuf_status take_result(struct buf *plain, struct repl_state *s, tuf_slice result,
                              const json_t *asked)
{
    struct json_iter iter;
    tuf_slice list, key, item;
    size_t count = 0;
    if (tufi_json_member(&list, result, "docs") != TUF_OK ||
        tufi_json_iter_begin(&iter, list, '[') != TUF_OK)
        return bad_bulk_get(s);
    tuf_status st;
    while ((st = tufi_json_iter_next(&key, &item, &iter)) == TUF_OK) {
        st = take_item(plain, s, item, asked);
        if (st != TUF_OK)
            return st;
        count++;
    }
    return st == TUF_END && count > 0 ? TUF_OK : bad_bulk_get(s);
}

static tuf_status take_results(struct buf *plain, struct repl_state *s, tuf_slice body,
                               const json_t *wanted)
{
    struct json_iter iter;
    tuf_slice list, key, item;
    size_t count = json_array_size(wanted), pos = 0;
    if (tufi_json_member(&list, body, "results") != TUF_OK ||
        tufi_json_iter_begin(&iter, list, '[') != TUF_OK)
        return bad_bulk_get(s);
    tuf_status st;
    while ((st = tufi_json_iter_next(&key, &item, &iter)) == TUF_OK) {
        if (pos == count)
            return bad_bulk_get(s);
        st = take_result(plain, s, item, json_array_get(wanted, pos++));
        if (st != TUF_OK)
            return st;
    }
    return st == TUF_END && pos == count ? TUF_OK : bad_bulk_get(s);
}

static tuf_status fetch_each(struct repl_state *s, const json_t *wanted)
{
    size_t pos;
    json_t *asked;
    json_array_foreach(wanted, pos, asked) {
        tuf_status st = fetch_single(s, asked_text(asked, "id"), asked_text(asked, "rev"),
                                     json_object_get(asked, "ancestors"));
        if (st != TUF_OK)
            return st;
    }
    return TUF_OK;
}

static tuf_status fetch_bulk(struct repl_state *s, const json_t *wanted)
{
    TUF_AUTO(repl_http_reply_release) struct http_reply reply = HTTP_REPLY_INIT;
    TUF_AUTO(tufi_buf_release) struct buf plain = BUF_INIT; /* tuf_slice of each plain document */
    if (!s->run->opts->use_bulk_get || s->source.no_bulk_get)
        return fetch_each(s, wanted);
    size_t count = json_array_size(wanted);
    s->stats.bulk_get_attempts += count;
    tuf_status st = repl_peer_bulk_get(&reply, &s->source, wanted);
    if (st == TUF_NOT_FOUND)
        s->source.no_bulk_get = true;
    if (st == TUF_NOT_FOUND || st == TUF_E_LIMIT)
        return fetch_each(s, wanted);
    if (st != TUF_OK)
        return st;
    st = take_results(&plain, s, buf_slice(&reply.body), wanted);
    if (st != TUF_OK)
        return st;
    /* The buffer's memory is aligned for any type. */
    return write_in_pieces(s, (const tuf_slice *)(const void *)plain.data,
                           plain.len / sizeof(tuf_slice));
}

/* ---- what is missing --------------------------------------------------------------------- */

/* {id:[rev]} of a page of changes. */
static tuf_status collect_revs(json_t **out, uint64_t *count_out, const json_t *rows)
{
    size_t pos, change_pos;
    json_t *row, *change;
    *count_out = 0;
    *out = json_object();
    json_array_foreach(rows, pos, row) {
        const char *id = json_string_value(json_object_get(row, "id"));
        if (id[0] == 0)
            continue;
        json_t *revs = json_object_get(*out, id);
        if (revs == NULL) {
            revs = json_array();
            if (json_object_set_new(*out, id, revs) != 0)
                return tufi_nomem();
        }
        json_array_foreach(json_object_get(row, "changes"), change_pos, change) {
            if (json_array_append(revs, json_object_get(change, "rev")) != 0)
                return tufi_nomem();
            ++*count_out;
        }
    }
    return TUF_OK;
}

static tuf_status fetch_wanted(struct repl_state *s, json_t *wanted)
{
    tuf_status st = *s->run->cancel ? TUF_STOPPED : fetch_bulk(s, wanted);
    (void)json_array_clear(wanted);
    return st;
}

static tuf_status fetch_missing(struct repl_state *s, json_t *diff)
{
    TUF_AUTO(free_json) json_t *wanted = json_array();
    const char *id;
    json_t *item, *rev;
    size_t pos;
    json_object_foreach(diff, id, item) {
        json_t *ancestors = json_object_get(item, "possible_ancestors");
        json_array_foreach(json_object_get(item, "missing"), pos, rev) {
            json_t *one = json_pack("{s:s,s:O,s:O?}", "id", id, "rev", rev, "ancestors", ancestors);
            if (one == NULL || json_array_append_new(wanted, one) != 0)
                return tufi_nomem();
            s->stats.missing_found++;
            tuf_status st = json_array_size(wanted) >= GET_COUNT_MAX ? fetch_wanted(s, wanted)
                                                                     : TUF_OK;
            if (st != TUF_OK)
                return st;
        }
    }
    return json_array_size(wanted) > 0 ? fetch_wanted(s, wanted) : TUF_OK;
}

tuf_status repl_batch(struct repl_state *s, const json_t *rows)
{
    TUF_AUTO(free_json) json_t *revs = NULL;
    TUF_AUTO(free_json) json_t *diff = NULL;
    uint64_t count = 0;
    tuf_status st = collect_revs(&revs, &count, rows);
    if (st == TUF_OK && count > 0)
        st = repl_peer_revs_diff(&diff, &s->target, revs);
    if (st != TUF_OK || count == 0)
        return st;
    s->stats.missing_checked += count;
    return fetch_missing(s, diff);
}
