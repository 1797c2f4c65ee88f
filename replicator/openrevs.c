/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see replicator/openrevs.h.
 *
 *   GET --curl--> raw --outer parser--> a part: the text of a document, an error, or
 *                                       multipart/related --inner parser--> text, attachments
 *   attachments --> ring --curl--> PUT      (a remote target)
 *               --> tuf_att_write           (a database of this process)
 *
 * The callbacks of curl only move bytes; parsers run in the loop between them, and stop while the ring
 * is full. Then `raw` fills up, and the GET is paused.
 */
#include "replicator/openrevs.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "replicator/docview.h"
#include "replicator/transfer_impl.h"

#define FEED_SIZE 16384
#define ERROR_SIZE_MAX 65536
/* The answer may take this long and one second for each so many bytes of it. */
#define SLOWEST_BYTES_PER_S 10000

enum part_kind { PART_SKIPPED, PART_TEXT, PART_ERROR, PART_RELATED };

/* What one attempt came to, and what the next one has to know. */
struct attempt {
    bool with_stubs;      /* ask with atts_since */
    bool stub_is_missing; /* the target does not have what it was thought to have */
    bool again;           /* at once: with a new session, or where a redirect leads */
    char *get_url, *put_url; /* there; owned, or NULL */
    unsigned get_redirects, put_redirects;
};

struct reading {
    struct peer *source, *target;
    const struct open_revs_request *rq;
    struct open_revs_result *result;
    struct attempt *a;

    CURLM *multi;
    CURL *get;
    struct curl_slist *headers;
    struct buf raw; /* received, not yet parsed */
    size_t raw_pos;
    bool in_multi, paused, ended, judged;
    bool in_event; /* the parser waits: nothing is fed to it meanwhile */
    bool distrusted; /* what still comes is of no use */
    CURLcode code; /* once it has ended */
    uint64_t deadline_ms;

    struct multipart *outer, *inner;
    enum part_kind kind;
    struct buf text; /* of the part */
    size_t text_total;
    size_t inner_count; /* parts of the inner body so far */

    /* The document with attachments that is under way. */
    struct transfer_doc doc;
    struct transfer t;
    bool sending;  /* its attachments go to the target; else they are skipped */
    bool put_done;
    long put_status; /* of HTTP, or what it would have been */
    tuf_edit *edit;  /* of a local target, as the following */
    tuf_att_writer *writer;
};

void repl_open_revs_result_release(struct open_revs_result *result)
{
    tufi_buf_release(&result->texts);
    tufi_buf_release(&result->lengths);
    json_decref(result->absent);
}

/* ---- curl -------------------------------------------------------------------------------- */

static size_t on_bytes(char *data, size_t size, size_t count, void *ctx)
{
    struct reading *r = ctx;
    size_t len = size * count;
    if (r->raw.len - r->raw_pos + len > TRANSFER_BUFFER) {
        r->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    tufi_buf_append(&r->raw, data, len);
    return r->raw.failed ? 0 : len;
}

/* ["1-a","2-b"] of so many as fit, encoded. */
static void append_revs(struct buf *out, const json_t *revs, size_t size_max)
{
    size_t pos;
    json_t *item;
    repl_append_escaped(out, tuf_str("["));
    json_array_foreach(revs, pos, item) {
        size_t len = json_string_length(item);
        if (out->len + 3 * len + 16 > size_max)
            break;
        repl_append_escaped(out, tuf_str(pos > 0 ? ",\"" : "\""));
        repl_append_escaped(out, tuf_str(json_string_value(item)));
        repl_append_escaped(out, tuf_str("\""));
    }
    repl_append_escaped(out, tuf_str("]"));
}

static tuf_status make_path(struct buf *out, const struct reading *r)
{
    repl_append_docid(out, r->rq->id);
    buf_append_str(out, "?revs=true&open_revs=");
    size_t before = out->len;
    append_revs(out, r->rq->revs, SIZE_MAX);
    if (out->len > OPEN_REVS_URL_MAX && json_array_size(r->rq->revs) > 1)
        return tufi_fail_kind(TUF_E_LIMIT, "too_many_revs", "%zu bytes of revisions", out->len - before);
    buf_append_str(out, "&latest=true");
    if (r->a->with_stubs && json_array_size(r->rq->ancestors) > 0) {
        buf_append_str(out, "&atts_since=");
        append_revs(out, r->rq->ancestors, OPEN_REVS_URL_MAX);
    }
    buf_append_u8(out, 0);
    return buf_status(out);
}

static tuf_status start_get(struct reading *r)
{
    TUF_AUTO(tufi_buf_release) struct buf path = BUF_INIT;
    tuf_status st = make_path(&path, r);
    if (st == TUF_OK)
        st = repl_http_headers(&r->headers, &r->source->http, "Accept: multipart/mixed");
    if (st != TUF_OK)
        return st;
    struct http_request rq = { .method = "GET", .path = (const char *)path.data,
                               .url = r->a->get_url };
    st = repl_http_prepare(r->get, &r->source->http, &rq, r->headers);
    if (st != TUF_OK)
        return st;
    CURLcode code = curl_easy_setopt(r->get, CURLOPT_WRITEFUNCTION, on_bytes);
    if (code == CURLE_OK)
        code = curl_easy_setopt(r->get, CURLOPT_WRITEDATA, r);
    if (code != CURLE_OK)
        return repl_http_failure(&r->source->http, code);
    r->deadline_ms = repl_now_ms() + r->source->http.limits.timeout_ms * 10;
    r->in_multi = curl_multi_add_handle(r->multi, r->get) == CURLM_OK;
    return r->in_multi ? TUF_OK : tufi_nomem();
}

static void take_messages(struct reading *r)
{
    int left = 0;
    const CURLMsg *message;
    while ((message = curl_multi_info_read(r->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        if (message->easy_handle == r->get) {
            r->ended = true;
            r->code = message->data.result;
        } else if (message->easy_handle == r->t.put) {
            r->put_done = true;
            if (message->data.result == CURLE_OK)
                (void)curl_easy_getinfo(r->t.put, CURLINFO_RESPONSE_CODE, &r->put_status);
        }
    }
}

static void compact(struct buf *b, size_t *pos)
{
    size_t rest = b->len - *pos;
    if (rest > 0 && *pos < TRANSFER_BUFFER / 2)
        return;
    if (rest > 0)
        memmove(b->data, b->data + *pos, rest);
    b->len = rest;
    *pos = 0;
}

static bool may_feed(const struct reading *r)
{
    return r->raw_pos < r->raw.len && r->t.ring.len - r->t.ring_pos < TRANSFER_BUFFER;
}

/* Lets curl work; `wait`: until something happens. */
static tuf_status pump(struct reading *r, bool wait)
{
    int running = 0;
    if (curl_multi_perform(r->multi, &running) != CURLM_OK)
        return tufi_fail_kind(TUF_E_IO, "req_failed", "curl cannot go on");
    take_messages(r);
    r->t.moved = false;
    repl_transfer_unpause(&r->t);
    if (r->paused && r->raw.len - r->raw_pos < TRANSFER_BUFFER / 2) {
        r->paused = false;
        r->t.moved = true;
        (void)curl_easy_pause(r->get, CURLPAUSE_CONT);
    }
    if (*r->source->http.limits.cancel)
        return TUF_STOPPED;
    if (repl_now_ms() > r->deadline_ms)
        return tufi_fail_kind(TUF_E_IO, "timeout", "no answer in time from %s", r->source->shown);
    if (wait && !r->t.moved && !r->put_done && (r->in_event || !may_feed(r)))
        (void)curl_multi_poll(r->multi, NULL, 0, TRANSFER_POLL_MS, NULL);
    return TUF_OK;
}

/* ---- a document with attachments --------------------------------------------------------- */

static void drop_doc(struct reading *r)
{
    if (r->t.multi != NULL && r->t.put != NULL)
        curl_multi_remove_handle(r->t.multi, r->t.put);
    r->t.multi = NULL; /* it is this reading's */
    repl_transfer_release(&r->t);
    memset(&r->t, 0, sizeof(r->t));
    tuf_att_writer_free(&r->writer);
    tuf_edit_free(&r->edit);
    r->sending = false;
    r->put_done = false;
    r->put_status = 0;
}

/* A failure of this document alone: the rest of its bytes is skipped, nothing is stored of it. */
static tuf_status refuse_doc(struct reading *r)
{
    drop_doc(r);
    r->result->failed++;
    return TUF_OK;
}

static bool is_of_document(tuf_status st)
{
    return st == TUF_E_INVALID || st == TUF_E_LIMIT;
}

static tuf_status begin_put(struct reading *r)
{
    struct transfer *t = &r->t;
    t->multi = r->multi;
    t->put_url = r->a->put_url;
    t->put = curl_easy_init();
    if (t->put == NULL)
        return tufi_nomem();
    buf_append_slice(&t->ring, buf_slice(&t->head));
    repl_transfer_append_between(&t->ring, t, 0);
    return t->ring.failed ? tufi_nomem() : repl_transfer_start_put(t);
}

static tuf_status begin_edit(struct reading *r)
{
    tuf_edit_options opts = TUF_EDIT_OPTIONS_INIT;
    opts.flags = TUF_EDIT_REPLICATED;
    opts.doc_size_max = r->target->doc_size_max;
    tuf_status st = tuf_edit_parse(&r->edit, buf_slice(&r->t.plain), &opts);
    if (st == TUF_OK && tuf_edit_follow_count(r->edit) != r->t.att_count)
        st = repl_transfer_bad_doc(&r->t, "the list of attachments");
    return st;
}

static tuf_status begin_att(struct reading *r)
{
    struct transfer *t = &r->t;
    tuf_att_options opts = TUF_ATT_OPTIONS_INIT;
    tuf_follow follow;
    if (!r->sending)
        return TUF_OK;
    if (t->att_pos >= t->att_count)
        return refuse_doc(r);
    t->att_left = t->atts[t->att_pos].length;
    if (r->target->db == NULL)
        return TUF_OK;
    tuf_status st = tuf_edit_follow(&follow, r->edit, t->att_pos);
    if (st != TUF_OK)
        return st;
    opts.type = follow.type;
    opts.gzip = follow.gzip;
    opts.raw = true;
    opts.size_max = r->target->att_size_max;
    st = tuf_att_writer_new(&r->writer, r->target->db, &opts);
    return is_of_document(st) ? refuse_doc(r) : st;
}

static tuf_status att_data(struct reading *r, tuf_slice bytes)
{
    struct transfer *t = &r->t;
    tuf_status st = TUF_OK;
    if (!r->sending)
        return TUF_OK;
    if (bytes.len > t->att_left) {
        r->distrusted = true; /* it may never end */
        return refuse_doc(r);
    }
    t->att_left -= bytes.len;
    r->result->bytes += bytes.len;
    if (r->target->db != NULL)
        st = tuf_att_write(r->writer, bytes.data, bytes.len);
    else
        buf_append_slice(&t->ring, bytes);
    if (t->ring.failed)
        return tufi_nomem();
    return is_of_document(st) ? refuse_doc(r) : st;
}

static tuf_status end_att(struct reading *r)
{
    struct transfer *t = &r->t;
    TUF_AUTO(tuf_blob_free) tuf_blob *blob = NULL;
    if (!r->sending)
        return TUF_OK;
    if (t->att_left > 0)
        return refuse_doc(r);
    t->att_pos++;
    if (r->target->db == NULL) {
        repl_transfer_append_between(&t->ring, t, t->att_pos);
        return buf_status(&t->ring);
    }
    tuf_status st = tuf_att_finish(&blob, r->writer);
    tuf_att_writer_free(&r->writer);
    if (st == TUF_OK)
        st = tuf_edit_set_follow(r->edit, t->att_pos - 1, &blob);
    return is_of_document(st) ? refuse_doc(r) : st;
}

static tuf_status wait_for_put(struct reading *r)
{
    tuf_status st = TUF_OK;
    r->in_event = true;
    while (st == TUF_OK && !r->put_done)
        st = pump(r, true);
    r->in_event = false;
    if (st == TUF_OK && r->put_status == 0)
        st = tufi_fail_kind(TUF_E_IO, "req_failed", "%s cuts off a PUT", r->target->shown);
    return st;
}

static tuf_status commit_edit(struct reading *r)
{
    tuf_edit_result result = { 0 };
    tuf_status st = tuf_db_commit(r->target->db, &r->edit, 1, 0);
    r->put_status = 412;
    if (st == TUF_MISSING_STUB)
        return TUF_OK;
    if (st == TUF_OK)
        tuf_edit_get_result(&result, r->edit);
    r->put_status = result.status == TUF_OK ? 201 : 400;
    return st;
}

/* Where an answer leads, for the next attempt. *url: known so far; owned. */
static tuf_status take_redirect(struct reading *r, char **url, unsigned *count, CURL *curl,
                                const char *method)
{
    char *there = NULL;
    const struct peer *peer = curl == r->get ? r->source : r->target;
    tuf_status st = repl_http_redirect(&there, count, curl, &peer->http, method);
    if (there == NULL)
        return st;
    tufi_free(*url);
    *url = there;
    r->a->again = true;
    return TUF_OK;
}

static tuf_status judge_put(struct reading *r)
{
    struct attempt *a = r->a;
    long status = r->put_status;
    bool local = r->target->db != NULL;
    tuf_status st = local ? TUF_OK
                          : take_redirect(r, &a->put_url, &a->put_redirects, r->t.put, "PUT");
    drop_doc(r);
    if (st != TUF_OK || a->again)
        return st;
    if (status >= 200 && status <= 299) {
        r->result->written++;
        return TUF_OK;
    }
    if (status == 412 && a->with_stubs && json_array_size(r->rq->ancestors) > 0) {
        a->stub_is_missing = true;
        return TUF_OK;
    }
    if (!local && repl_http_may_login(&r->target->http, status))
        a->again = true;
    else if (!local && repl_http_may_retry(TUF_OK, status))
        return tufi_fail_kind(TUF_E_IO, "document_failed", "%s answers a PUT with status %ld",
                              r->target->shown, status);
    else
        r->result->failed++;
    return TUF_OK;
}

static tuf_status end_doc(struct reading *r)
{
    if (!r->sending)
        return TUF_OK;
    if (r->t.att_pos != r->t.att_count)
        return refuse_doc(r);
    tuf_status st = r->target->db != NULL ? commit_edit(r) : wait_for_put(r);
    if (is_of_document(st))
        return refuse_doc(r);
    return st == TUF_OK ? judge_put(r) : st;
}

/* ---- texts ------------------------------------------------------------------------------- */

static tuf_status keep_text(struct reading *r)
{
    size_t len = r->text.len;
    buf_append_slice(&r->result->texts, buf_slice(&r->text));
    tufi_buf_append(&r->result->lengths, &len, sizeof(len));
    return r->result->texts.failed || r->result->lengths.failed ? tufi_nomem() : TUF_OK;
}

/* The text in front of attachments is complete. */
static tuf_status begin_doc(struct reading *r)
{
    struct doc_view view;
    struct transfer *t = &r->t;
    drop_doc(r);
    r->result->read++;
    if (repl_doc_view(&view, buf_slice(&r->text)) != TUF_OK || !repl_doc_is(&view, r->rq->id))
        return refuse_doc(r);
    t->source = r->source;
    t->target = r->target;
    t->doc = &r->doc;
    buf_append_slice(&t->plain, buf_slice(&r->text));
    tuf_status st = t->plain.failed ? tufi_nomem() : repl_transfer_plan_follows(t);
    if (st == TUF_OK)
        st = r->target->db != NULL ? begin_edit(r) : begin_put(r);
    if (is_of_document(st))
        return refuse_doc(r);
    r->sending = st == TUF_OK;
    r->deadline_ms += t->total / SLOWEST_BYTES_PER_S * 1000;
    return st;
}

static tuf_status add_text(struct reading *r, tuf_slice bytes)
{
    r->text_total += bytes.len;
    if (r->text_total > r->rq->json_max)
        return tufi_fail_kind(TUF_E_LIMIT, "answer_too_large",
                              "%s answers with more than %llu bytes", r->source->shown,
                              (unsigned long long)r->rq->json_max);
    buf_append_slice(&r->text, bytes);
    return buf_status(&r->text);
}

/* ---- the inner body ---------------------------------------------------------------------- */

static tuf_status on_inner_begin(const struct header *headers, size_t count, void *ctx)
{
    struct reading *r = ctx;
    (void)headers;
    (void)count;
    tufi_buf_clear(&r->text);
    return r->inner_count++ == 0 ? TUF_OK : begin_att(r);
}

static tuf_status on_inner_data(tuf_slice bytes, void *ctx)
{
    struct reading *r = ctx;
    return r->inner_count == 1 ? add_text(r, bytes) : att_data(r, bytes);
}

static tuf_status on_inner_end(void *ctx)
{
    struct reading *r = ctx;
    return r->inner_count == 1 ? begin_doc(r) : end_att(r);
}

static const struct multipart_events inner_events = { on_inner_begin, on_inner_data, on_inner_end };

/* ---- the outer body ---------------------------------------------------------------------- */

static enum part_kind kind_of(tuf_slice type)
{
    TUF_AUTO(tufi_buf_release) struct buf error = BUF_INIT;
    static const char related[] = "multipart/related";
    size_t len = sizeof(related) - 1;
    if (type.len >= len && slice_is_nocase(tuf_slice_of(type.data, len), related))
        return PART_RELATED;
    return header_param(&error, type, "error") && slice_is(buf_slice(&error), "true") ? PART_ERROR
                                                                                     : PART_TEXT;
}

static tuf_status on_part_begin(const struct header *headers, size_t count, void *ctx)
{
    struct reading *r = ctx;
    tuf_slice type;
    (void)header_find(&type, headers, count, "Content-Type");
    r->kind = kind_of(type);
    r->inner_count = 0;
    tufi_buf_clear(&r->text);
    return r->kind == PART_RELATED ? multipart_new(&r->inner, type, &inner_events, r) : TUF_OK;
}

static tuf_status on_part_data(tuf_slice bytes, void *ctx)
{
    struct reading *r = ctx;
    switch (r->kind) {
    case PART_TEXT:
        return add_text(r, bytes);
    case PART_RELATED:
        return multipart_feed(r->inner, bytes);
    case PART_ERROR:
        if (r->text.len + bytes.len <= ERROR_SIZE_MAX)
            buf_append_slice(&r->text, bytes);
        return buf_status(&r->text);
    case PART_SKIPPED:
        break;
    }
    return TUF_OK;
}

static tuf_status end_related(struct reading *r)
{
    tuf_status st = multipart_finish(r->inner);
    multipart_free(&r->inner);
    if (st == TUF_OK)
        st = end_doc(r);
    drop_doc(r);
    return st;
}

/* {"missing":"1-a"}: one of those that were asked for. */
static tuf_status end_error(struct reading *r)
{
    TUF_AUTOFREE char *rev = NULL;
    tuf_slice literal;
    size_t pos;
    const json_t *asked;
    if (tufi_json_member(&literal, buf_slice(&r->text), "missing") == TUF_OK)
        rev = repl_literal_text(literal);
    json_array_foreach(r->rq->revs, pos, asked) {
        if (rev == NULL || strcmp(json_string_value(asked), rev) != 0)
            continue;
        if (r->result->absent == NULL)
            r->result->absent = json_array();
        return json_array_append_new(r->result->absent, json_string(rev)) == 0 ? TUF_OK
                                                                               : tufi_nomem();
    }
    r->result->failed++;
    return TUF_OK;
}

static tuf_status on_part_end(void *ctx)
{
    struct reading *r = ctx;
    struct doc_view view;
    if (r->kind == PART_RELATED)
        return end_related(r);
    if (r->kind == PART_ERROR)
        return end_error(r);
    bool good = r->kind == PART_TEXT && repl_doc_view(&view, buf_slice(&r->text)) == TUF_OK &&
                repl_doc_is(&view, r->rq->id);
    if (good)
        return keep_text(r);
    r->result->failed++;
    return TUF_OK;
}

static const struct multipart_events outer_events = { on_part_begin, on_part_data, on_part_end };

/* ---- the answer -------------------------------------------------------------------------- */

static tuf_status no_multipart(const struct reading *r, long status)
{
    return tufi_fail_kind(TUF_E_UNSUPPORTED, "no_multipart",
                          "%s answers open_revs in another form (status %ld)", r->source->shown, status);
}

/* Its status and type are known: is it what was asked for? */
static tuf_status judge_answer(struct reading *r)
{
    long status = 0;
    char *type = NULL;
    static const char mixed[] = "multipart/mixed";
    (void)curl_easy_getinfo(r->get, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(r->get, CURLINFO_CONTENT_TYPE, &type);
    if (status >= 300 && status <= 399 && !r->ended) {
        /* Where it leads is known at its end. */
        r->text_total += r->raw.len - r->raw_pos;
        r->raw_pos = r->raw.len = 0;
        return r->text_total <= ERROR_SIZE_MAX ? TUF_OK : no_multipart(r, status);
    }
    r->judged = true;
    if (r->ended && r->code != CURLE_OK)
        return repl_http_failure(&r->source->http, r->code);
    tuf_status st = take_redirect(r, &r->a->get_url, &r->a->get_redirects, r->get, "GET");
    if (st == TUF_OK && !r->a->again)
        r->a->again = repl_http_may_login(&r->source->http, status);
    if (st != TUF_OK || r->a->again)
        return st;
    if (status == 404)
        return TUF_NOT_FOUND;
    if (status == 414)
        return tufi_fail_kind(TUF_E_LIMIT, "too_many_revs", "too long a question");
    if (repl_http_may_retry(TUF_OK, status))
        return tufi_fail_kind(TUF_E_IO, "req_failed", "%s answers open_revs with status %ld",
                              r->source->shown, status);
    if (status != 200 || type == NULL || strncasecmp(type, mixed, sizeof(mixed) - 1) != 0 ||
        multipart_new(&r->outer, tuf_str(type), &outer_events, r) != TUF_OK)
        return no_multipart(r, status);
    return TUF_OK;
}

/* Parses what has come, as long as there is room for what comes out. */
static tuf_status feed(struct reading *r)
{
    tuf_status st = TUF_OK;
    while (st == TUF_OK && may_feed(r) && !r->distrusted && !multipart_is_done(r->outer)) {
        size_t len = r->raw.len - r->raw_pos < FEED_SIZE ? r->raw.len - r->raw_pos : FEED_SIZE;
        TUF_AUTOFREE uint8_t *piece = tufi_memdup(r->raw.data + r->raw_pos, len);
        if (piece == NULL)
            return tufi_nomem();
        r->raw_pos += len;
        compact(&r->raw, &r->raw_pos);
        compact(&r->t.ring, &r->t.ring_pos);
        /* A copy: an event may wait for curl, which appends to raw. */
        st = multipart_feed(r->outer, tuf_slice_of(piece, len));
    }
    if (st == TUF_E_INVALID)
        st = tufi_fail_kind(TUF_E_IO, "invalid_answer", "%s answers open_revs with something else",
                            r->source->shown);
    return st;
}

/* The rest of the answer is not read: all that has not come has failed. */
static void count_rest(struct reading *r)
{
    struct open_revs_result *out = r->result;
    uint64_t good = out->written + out->lengths.len / sizeof(size_t) + json_array_size(out->absent);
    uint64_t asked = json_array_size(r->rq->revs);
    if (good + out->failed < asked)
        out->failed = asked - good;
}

static bool is_through(const struct reading *r)
{
    return r->distrusted || (r->a->again && !r->sending) ||
           (r->outer != NULL && multipart_is_done(r->outer));
}

/* An answer that ended, all of it looked at, without its last boundary. */
static tuf_status judge_end(const struct reading *r)
{
    if (!r->ended || r->outer == NULL || multipart_is_done(r->outer) || r->raw_pos != r->raw.len)
        return TUF_OK;
    return r->code != CURLE_OK
               ? repl_http_failure(&r->source->http, r->code)
               : tufi_fail_kind(TUF_E_IO, "req_failed", "%s ends in the middle of an answer",
                                r->source->shown);
}

static tuf_status step(struct reading *r)
{
    tuf_status st = pump(r, !may_feed(r) && !r->ended);
    /* The target answers before it has everything, or before the last boundary came. */
    if (st == TUF_OK && r->sending && r->put_done)
        st = wait_for_put(r) == TUF_OK ? judge_put(r) : TUF_E_IO;
    if (st == TUF_OK && !r->judged && (r->ended || r->raw.len > 0))
        st = judge_answer(r);
    if (st == TUF_OK && r->outer != NULL)
        st = feed(r);
    return st == TUF_OK ? judge_end(r) : st;
}

static tuf_status run(struct reading *r)
{
    tuf_status st = start_get(r);
    while (st == TUF_OK && !is_through(r))
        st = step(r);
    if (st == TUF_OK && r->distrusted)
        count_rest(r);
    /* What is behind the last boundary: else the connection could not be used again. */
    for (int i = 0; st == TUF_OK && !r->ended && !r->a->again && !r->distrusted && i < 3; i++) {
        r->raw_pos = r->raw.len = 0;
        st = pump(r, true);
    }
    return st;
}

static void release(struct reading *r)
{
    drop_doc(r);
    if (r->in_multi)
        curl_multi_remove_handle(r->multi, r->get);
    curl_easy_cleanup(r->get);
    curl_slist_free_all(r->headers);
    multipart_free(&r->inner);
    multipart_free(&r->outer);
    tufi_buf_release(&r->raw);
    tufi_buf_release(&r->text);
}

static void reset_result(struct open_revs_result *out)
{
    tufi_buf_clear(&out->texts);
    tufi_buf_clear(&out->lengths);
    out->read = out->written = out->failed = out->bytes = 0;
    json_decref(out->absent);
    out->absent = NULL;
}

static void attempt_release(struct attempt *a)
{
    tufi_free(a->get_url);
    tufi_free(a->put_url);
}

static tuf_status try_once(struct attempt *a, struct open_revs_result *out, struct peer *source,
                           struct peer *target, const struct open_revs_request *rq)
{
    TUF_AUTO(release) struct reading r = { .source = source, .target = target, .rq = rq,
                                           .result = out, .a = a };
    reset_result(out);
    a->again = a->stub_is_missing = false;
    r.doc.id = rq->id;
    if (source->multi == NULL)
        source->multi = curl_multi_init();
    r.multi = source->multi;
    r.get = curl_easy_init();
    if (r.multi == NULL || r.get == NULL)
        return tufi_nomem();
    return run(&r);
}

tuf_status repl_open_revs(struct open_revs_result *out, struct peer *source, struct peer *target,
                          const struct open_revs_request *rq)
{
    TUF_AUTO(attempt_release) struct attempt a = { .with_stubs = true };
    uint64_t pause_ms = 250;
    /* Redirects are few (repl_http_redirect): they are no attempts. */
    unsigned attempt = 0;
    for (;;) {
        unsigned redirects = a.get_redirects + a.put_redirects;
        tuf_status st = try_once(&a, out, source, target, rq);
        if (st == TUF_OK && a.get_redirects + a.put_redirects > redirects)
            continue;
        bool again = false;
        if (st == TUF_OK && a.stub_is_missing)
            a.with_stubs = false;
        else if (st == TUF_OK && a.again)
            again = true;
        else if (st != TUF_E_IO)
            return st;
        if (attempt++ >= source->http.limits.retries)
            return st;
        if (!again && repl_sleep(pause_ms, source->http.limits.cancel) != TUF_OK)
            return TUF_STOPPED;
        pause_ms *= 2;
    }
}
