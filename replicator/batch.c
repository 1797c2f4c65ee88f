/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see replicator/batch.h.
 */
#include "replicator/batch.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "json/iter.h"
#include "replicator/docview.h"
#include "replicator/openrevs.h"
#include "replicator/transfer.h"

/* Documents asked for at once, whose bodies are in memory together: as many as make a good answer. */
#define GET_COUNT_FIRST 100
#define GET_COUNT_MAX 500
#define GET_SIZE_GOOD (UINT64_C(1) << 20)
/* Longest answer for several documents, and for one unless it waits for its turn. */
#define GET_SIZE_MAX (UINT64_C(8) << 20)
/* Revisions asked for in one URL: their names fit OPEN_REVS_URL_MAX. */
#define OPEN_REVS_MAX 100
/* Batches whose missing revisions are waited for, if none of them ever turns up. */
#define VAIN_WAITS_MAX 3
/* Bytes of documents in one _bulk_docs. */
#define WRITE_SIZE_MAX (UINT64_C(4) << 20)

/* Tells of a document, or some, that were counted as failures. */
static void tell_failure(struct repl_link *s, const char *id, const char *rev, const char *why)
{
    if (s->run->doc_failed != NULL)
        s->run->doc_failed(id, rev, why, s->run->ctx);
}

static void count_failure(struct repl_link *s, const char *id, const char *rev, const char *why)
{
    s->stats.doc_write_failures++;
    tell_failure(s, id, rev, why);
}

/* ---- writing documents without attachments ----------------------------------------------- */

static void tell_refusals(struct repl_link *s, const tuf_slice *docs, size_t count, uint64_t refused)
{
    struct doc_view view;
    char why[80];
    bool named = count == 1 && repl_doc_view(&view, docs[0]) == TUF_OK;
    TUF_AUTOFREE char *id = named ? repl_literal_text(view.id) : NULL;
    TUF_AUTOFREE char *rev = named ? repl_literal_text(view.rev) : NULL;
    (void)snprintf(why, sizeof(why), "the target refuses %llu of %zu", (unsigned long long)refused,
                   count);
    tell_failure(s, id, rev, why);
}

static tuf_status write_docs(struct repl_link *s, const tuf_slice *docs, size_t count)
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
    if (refused > 0)
        tell_refusals(s, docs, count, refused);
    return TUF_OK;
}

static tuf_status write_in_pieces(struct repl_link *s, const tuf_slice *docs, size_t count)
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

/* A revision that the source has announced and does not have. It may be on its way there: those of a
 * batch are asked for once more at its end. */
static tuf_status note_absent(struct repl_link *s, const char *id, const char *rev)
{
    if (s->absent == NULL) {
        count_failure(s, id, rev, "the source does not have it");
        return TUF_OK;
    }
    json_t *one = json_pack("{s:s,s:s}", "id", id, "rev", rev);
    return one != NULL && json_array_append_new(s->absent, one) == 0 ? TUF_OK : tufi_nomem();
}

static tuf_status note_all_absent(struct repl_link *s, const char *id, const json_t *revs)
{
    size_t pos;
    const json_t *rev;
    tuf_status st = TUF_OK;
    json_array_foreach(revs, pos, rev) {
        if (st == TUF_OK)
            st = note_absent(s, id, json_string_value(rev));
    }
    return st;
}

/* A failure of one document, which the others need not share. */
static bool is_of_document(tuf_status st)
{
    return st == TUF_NOT_FOUND || st == TUF_E_LIMIT || st == TUF_E_INVALID;
}

static const char *failure_text(tuf_status st)
{
    if (st == TUF_NOT_FOUND)
        return "the source does not have it";
    return tuf_last_error()->text[0] != 0 ? tuf_last_error()->text : "it is not what it says";
}

static tuf_status send_with_attachments(struct repl_link *s, const char *id, const char *rev,
                                        const json_t *ancestors, tuf_slice json)
{
    enum transfer_outcome outcome = TRANSFER_REFUSED;
    struct transfer_doc doc = { id, rev, json, ancestors };
    uint64_t bytes = 0;
    tuf_status st = repl_transfer(&outcome, &bytes, &s->source, &s->target, &doc);
    s->stats.bytes_read += bytes;
    if (is_of_document(st) || (st == TUF_OK && outcome == TRANSFER_REFUSED)) {
        count_failure(s, id, rev, st != TUF_OK ? failure_text(st) : "the target refuses it");
        return TUF_OK;
    }
    if (st == TUF_OK)
        s->stats.docs_written++;
    return st;
}

static tuf_status take_single(struct repl_link *s, const char *id, const char *rev,
                              const json_t *ancestors, tuf_slice doc)
{
    struct doc_view view;
    if (repl_doc_view(&view, doc) != TUF_OK || !repl_doc_is(&view, id)) {
        count_failure(s, id, rev, "the source sends something else");
        return TUF_OK;
    }
    s->stats.docs_read++;
    return repl_doc_has_atts(&view) ? send_with_attachments(s, id, rev, ancestors, doc)
                                    : write_docs(s, &doc, 1);
}

/* A document of unusual size: one at a time, however many connections there are. */
static tuf_status fetch_big(struct repl_link *s, const char *id, const char *rev,
                            const json_t *ancestors)
{
    TUF_AUTO(tufi_buf_release) struct buf doc = BUF_INIT;
    pthread_mutex_lock(s->big_lock);
    tuf_status st = repl_peer_get(&doc, &s->source, id, rev, HTTP_SIZE_MAX);
    if (st == TUF_OK) {
        st = take_single(s, id, rev, ancestors, buf_slice(&doc));
    } else if (st == TUF_NOT_FOUND) {
        st = note_absent(s, id, rev);
    } else if (is_of_document(st)) {
        count_failure(s, id, rev, failure_text(st));
        st = TUF_OK;
    }
    tufi_buf_release(&doc);
    pthread_mutex_unlock(s->big_lock);
    return st;
}

/* Reads one revision by itself, its attachments one by one, and brings it over: what every server can. */
static tuf_status fetch_plainly(struct repl_link *s, const char *id, const char *rev,
                                const json_t *ancestors)
{
    TUF_AUTO(tufi_buf_release) struct buf doc = BUF_INIT;
    tuf_status st = repl_peer_get(&doc, &s->source, id, rev, GET_SIZE_MAX);
    if (st == TUF_E_LIMIT) {
        tufi_buf_release(&doc);
        return fetch_big(s, id, rev, ancestors);
    }
    if (st == TUF_NOT_FOUND)
        return note_absent(s, id, rev);
    if (is_of_document(st)) {
        count_failure(s, id, rev, failure_text(st));
        return TUF_OK;
    }
    return st == TUF_OK ? take_single(s, id, rev, ancestors, buf_slice(&doc)) : st;
}

/* Writes what came without attachments, and counts. */
static tuf_status take_revs(struct repl_link *s, const struct open_revs_result *result)
{
    TUF_AUTO(tufi_buf_release) struct buf docs = BUF_INIT;
    struct reader lengths = reader_of(buf_slice(&result->lengths));
    size_t count = result->lengths.len / sizeof(size_t), len, pos = 0;
    s->stats.docs_read += result->read + count;
    s->stats.docs_written += result->written;
    s->stats.doc_write_failures += result->failed;
    s->stats.bytes_read += result->bytes;
    while (reader_left(&lengths) > 0) {
        memcpy(&len, read_bytes(&lengths, sizeof(len)).data, sizeof(len));
        tuf_slice doc = tuf_slice_of(result->texts.data + pos, len);
        tufi_buf_append(&docs, &doc, sizeof(doc));
        pos += len;
    }
    if (docs.failed)
        return tufi_nomem();
    /* The buffer's memory is aligned for any type. */
    return write_in_pieces(s, (const tuf_slice *)(const void *)docs.data, count);
}

static tuf_status fetch_revs_plainly(struct repl_link *s, const char *id, const json_t *revs,
                                     const json_t *ancestors)
{
    size_t pos;
    json_t *rev;
    tuf_status st = TUF_OK;
    json_array_foreach(revs, pos, rev) {
        if (st == TUF_OK)
            st = fetch_plainly(s, id, json_string_value(rev), ancestors);
    }
    return st;
}

/* Revisions of one document, with attachments in the same answer where the source can do that. */
static tuf_status fetch_revs(struct repl_link *s, const char *id, const json_t *revs,
                             const json_t *ancestors)
{
    TUF_AUTO(repl_open_revs_result_release) struct open_revs_result result = OPEN_REVS_RESULT_INIT;
    struct open_revs_request rq = { id, revs, ancestors, GET_SIZE_MAX };
    if (s->source.db != NULL || s->source.no_multipart || s->target.plain_atts)
        return fetch_revs_plainly(s, id, revs, ancestors);
    tuf_status st = repl_open_revs(&result, &s->source, &s->target, &rq);
    if (st == TUF_E_UNSUPPORTED && strcmp(tuf_last_error()->kind, "no_multipart") == 0)
        s->source.no_multipart = true;
    if (s->source.no_multipart || st == TUF_E_LIMIT) {
        repl_open_revs_result_release(&result);
        return fetch_revs_plainly(s, id, revs, ancestors);
    }
    if (st == TUF_NOT_FOUND)
        return note_all_absent(s, id, revs);
    if (is_of_document(st)) {
        count_failure(s, id, NULL, failure_text(st));
        return TUF_OK;
    }
    if (st == TUF_OK)
        st = take_revs(s, &result);
    if (st == TUF_OK && result.failed > 0)
        tell_failure(s, id, NULL, "revisions were refused or made no sense");
    return st == TUF_OK ? note_all_absent(s, id, result.absent) : st;
}

static tuf_status fetch_single(struct repl_link *s, const char *id, const char *rev,
                               const json_t *ancestors)
{
    json_auto_t *revs = json_pack("[s]", rev);
    return revs != NULL ? fetch_revs(s, id, revs, ancestors) : tufi_nomem();
}

/* ---- _bulk_get --------------------------------------------------------------------------- */

static tuf_status bad_bulk_get(const struct repl_link *s)
{
    return tufi_fail_kind(TUF_E_IO, "bulk_get_failed", "%s answers _bulk_get with something else",
                          s->source.shown);
}

static const char *asked_text(const json_t *asked, const char *name)
{
    return json_string_value(json_object_get(asked, name));
}

/* One {"ok":doc} of a result. */
static tuf_status take_item(struct buf *plain, struct repl_link *s, tuf_slice item,
                            const json_t *asked)
{
    struct doc_view view;
    tuf_slice doc;
    const char *id = asked_text(asked, "id");
    bool good = tufi_json_member(&doc, item, "ok") == TUF_OK &&
                repl_doc_view(&view, doc) == TUF_OK && repl_doc_is(&view, id);
    bool with_atts = good && repl_doc_has_atts(&view);
    if (good && !with_atts) {
        s->stats.docs_read++;
        s->stats.bulk_get_docs++;
        tufi_buf_append(plain, &doc, sizeof(doc));
        return buf_status(plain);
    }
    TUF_AUTOFREE char *rev = good ? repl_literal_text(view.rev) : NULL;
    const char *named = rev != NULL ? rev : asked_text(asked, "rev");
    const json_t *ancestors = json_object_get(asked, "atts_since");
    if (!with_atts || !s->source.full_stubs)
        return fetch_single(s, id, named, ancestors);
    s->stats.docs_read++;
    return send_with_attachments(s, id, named, ancestors, doc);
}

/* One {"id","docs":[...]} of the answer: the revision, or the leaves that came after it. */
static tuf_status take_result(struct buf *plain, struct repl_link *s, tuf_slice result,
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

static tuf_status take_results(struct buf *plain, struct repl_link *s, tuf_slice body,
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

/* One by one; the revisions of a document, which stand together, at once. */
static tuf_status fetch_each(struct repl_link *s, const json_t *wanted)
{
    size_t count = json_array_size(wanted);
    for (size_t pos = 0; pos < count;) {
        json_auto_t *revs = json_array();
        const json_t *first = json_array_get(wanted, pos);
        const char *id = asked_text(first, "id");
        do {
            json_t *rev = json_object_get(json_array_get(wanted, pos++), "rev");
            if (revs == NULL || json_array_append(revs, rev) != 0)
                return tufi_nomem();
        } while (pos < count && json_array_size(revs) < OPEN_REVS_MAX &&
                 strcmp(asked_text(json_array_get(wanted, pos), "id"), id) == 0);
        tuf_status st = fetch_revs(s, id, revs, json_object_get(first, "atts_since"));
        if (st == TUF_OK && *s->run->cancel)
            st = TUF_STOPPED;
        if (st != TUF_OK)
            return st;
    }
    return TUF_OK;
}

/* So many that an answer is neither a long wait nor a great many bytes. */
static void adapt(struct repl_link *s, size_t count, size_t answer_len)
{
    if (answer_len > 2 * GET_SIZE_GOOD && s->get_count > 1)
        s->get_count /= 2;
    else if (count >= s->get_count && answer_len < GET_SIZE_GOOD / 2 && s->get_count < GET_COUNT_MAX)
        s->get_count *= 2;
    if (s->get_count > GET_COUNT_MAX)
        s->get_count = GET_COUNT_MAX;
}

static tuf_status fetch_bulk(struct repl_link *s, const json_t *wanted)
{
    TUF_AUTO(tufi_buf_release) struct buf body = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf plain = BUF_INIT; /* tuf_slice of each plain document */
    if (!s->run->opts->use_bulk_get || s->source.no_bulk_get)
        return fetch_each(s, wanted);
    size_t count = json_array_size(wanted);
    s->stats.bulk_get_attempts += count;
    tuf_status st = repl_peer_bulk_get(&body, &s->source, wanted, GET_SIZE_MAX);
    if (st == TUF_NOT_FOUND)
        s->source.no_bulk_get = true;
    if (st == TUF_E_LIMIT)
        s->get_count = s->get_count / 4 + 1;
    if (st == TUF_NOT_FOUND || st == TUF_E_LIMIT) {
        tufi_buf_release(&body);
        return fetch_each(s, wanted);
    }
    if (st != TUF_OK)
        return st;
    adapt(s, count, body.len);
    s->stats.bytes_read += body.len;
    st = take_results(&plain, s, buf_slice(&body), wanted);
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
    size_t pos, rev_pos;
    json_t *row, *rev;
    *count_out = 0;
    *out = json_object();
    json_array_foreach(rows, pos, row) {
        const char *id = json_string_value(json_object_get(row, "id"));
        /* Local documents stay where they are, whatever a source says. */
        if (id[0] == 0 || strncmp(id, "_local/", 7) == 0)
            continue;
        json_t *revs = json_object_get(*out, id);
        if (revs == NULL) {
            revs = json_array();
            if (json_object_set_new(*out, id, revs) != 0)
                return tufi_nomem();
        }
        json_array_foreach(json_object_get(row, "revs"), rev_pos, rev) {
            if (json_array_append(revs, rev) != 0)
                return tufi_nomem();
            ++*count_out;
        }
    }
    return TUF_OK;
}

static tuf_status fetch_wanted(struct repl_link *s, json_t *wanted)
{
    tuf_status st = *s->run->cancel ? TUF_STOPPED : fetch_bulk(s, wanted);
    (void)json_array_clear(wanted);
    return st;
}

static tuf_status fetch_missing(struct repl_link *s, json_t *diff)
{
    json_auto_t *wanted = json_array();
    const char *id;
    json_t *item, *rev;
    size_t pos;
    json_object_foreach(diff, id, item) {
        json_t *ancestors = json_object_get(item, "possible_ancestors");
        json_array_foreach(json_object_get(item, "missing"), pos, rev) {
            json_t *one = json_pack("{s:s,s:O,s:O*}", "id", id, "rev", rev, "atts_since", ancestors);
            if (one == NULL || json_array_append_new(wanted, one) != 0)
                return tufi_nomem();
            s->stats.missing_found++;
            tuf_status st = json_array_size(wanted) >= s->get_count ? fetch_wanted(s, wanted)
                                                                    : TUF_OK;
            if (st != TUF_OK)
                return st;
        }
    }
    return json_array_size(wanted) > 0 ? fetch_wanted(s, wanted) : TUF_OK;
}

/* What was missing, once more and with all attachments; what is missing still has failed. As CouchDB's
 * couch_replicator_worker does, only that one wait is for all of a batch, and that its end is a count. */
static tuf_status fetch_absent(struct repl_link *s)
{
    json_auto_t *absent = s->absent;
    size_t pos, count = json_array_size(absent);
    const json_t *one;
    s->absent = NULL;
    if (count == 0)
        return TUF_OK;
    uint64_t failures = s->stats.doc_write_failures;
    tuf_status st = repl_sleep(s->run->opts->missing_retry_ms, s->run->cancel);
    json_array_foreach(absent, pos, one) {
        if (st == TUF_OK)
            st = fetch_single(s, asked_text(one, "id"), asked_text(one, "rev"), NULL);
        if (st == TUF_OK && *s->run->cancel)
            st = TUF_STOPPED;
    }
    s->vain_waits = s->stats.doc_write_failures - failures == count ? s->vain_waits + 1 : 0;
    return st;
}

tuf_status repl_batch(struct repl_link *s, const json_t *rows)
{
    json_auto_t *revs = NULL;
    json_auto_t *diff = NULL;
    uint64_t count = 0;
    if (s->get_count == 0)
        s->get_count = GET_COUNT_FIRST;
    tuf_status st = collect_revs(&revs, &count, rows);
    if (st == TUF_OK && count > 0)
        st = repl_peer_revs_diff(&diff, &s->target, revs);
    if (st != TUF_OK || count == 0)
        return st;
    s->stats.missing_checked += count;
    /* A database of this process has what it has. */
    bool may_wait = s->source.db == NULL && s->vain_waits < VAIN_WAITS_MAX;
    s->absent = may_wait ? json_array() : NULL;
    st = fetch_missing(s, diff);
    if (st == TUF_OK)
        return fetch_absent(s);
    json_decref(s->absent);
    s->absent = NULL;
    return st;
}
