/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see replicator/transfer.h. Two requests at once on one thread: the PUT asks for bytes, the
 * GET of the current attachment delivers them, and either is paused while the other is behind.
 */
#include "replicator/transfer.h"

#include <openssl/rand.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/hex.h"
#include "json/iter.h"
#include "replicator/local.h"

#define ATTS_MAX 10000
#define POLL_MS 200
#define BOUNDARY_SIZE 33
/* A transfer may take this long and one second for each so many bytes. */
#define SLOWEST_BYTES_PER_S 10000
#define ANSWER_MAX 65536
/* The kind of a failure that may be the document's own. */
#define ATTACHMENT_FAILED "attachment_failed"

struct att {
    char *name;
    char *type;
    uint64_t length; /* bytes that travel */
    bool gzip;
    bool inflate;    /* stored compressed, travels plain */
};

struct transfer {
    struct peer *source, *target;
    const struct transfer_doc *doc;
    bool with_stubs;
    struct att *atts; /* those that travel */
    size_t att_count;
    char boundary[BOUNDARY_SIZE];
    struct buf plain; /* the document's text with stubs and "follows" */
    struct buf head;  /* up to the first attachment's bytes */
    uint64_t total;   /* length of the body */

    tuf_snapshot *snapshot; /* of a local source, as the following */
    tuf_doc *stored;
    tuf_att_reader *reader; /* of the attachment being sent; owned */

    CURLM *multi;     /* of the source: it keeps connections from one document to the next */
    CURL *get, *put;
    struct curl_slist *get_headers, *put_headers;
    bool get_open;    /* get is in multi */
    struct buf text;  /* boundaries and heads to be sent before more attachment bytes */
    size_t text_pos;
    size_t att_pos;   /* attachment being sent */
    uint64_t att_left;/* its bytes not yet received */
    struct buf ring;  /* received, not yet sent */
    size_t ring_pos;
    bool put_paused, get_paused, bad_length, bad_get;
    tuf_status local_status; /* of reading from a local source */
    bool login_again; /* the source no longer takes the session */
    bool moved;       /* something was set going again: no reason to wait */
    struct buf answer;
};

/* ---- the document ------------------------------------------------------------------------ */

/* The generation of the newest ancestor that the revision descends from; 0 for none. */
static uint64_t known_generation(const json_t *revisions, const json_t *ancestors)
{
    json_int_t start = json_integer_value(json_object_get(revisions, "start")), best = 0;
    const json_t *ids = json_object_get(revisions, "ids");
    size_t pos;
    json_t *item;
    json_array_foreach(ancestors, pos, item) {
        const char *text = json_string_value(item);
        const char *dash = text != NULL ? strchr(text, '-') : NULL;
        char *end = NULL;
        long long gen = dash != NULL ? strtoll(text, &end, 10) : 0;
        if (dash == NULL || end != dash || gen <= best || gen > start)
            continue;
        const char *id = json_string_value(json_array_get(ids, (size_t)(start - gen)));
        if (id != NULL && strcmp(id, dash + 1) == 0)
            best = gen;
    }
    return (uint64_t)best;
}

static tuf_status bad_doc(const struct transfer *t, const char *what)
{
    return tufi_fail_kind(TUF_E_INVALID, "invalid_document", "%s of document %.80s is malformed",
                          what, t->doc->id);
}

static tuf_status add_att(struct transfer *t, const char *name, json_t *stub)
{
    const char *encoding = json_string_value(json_object_get(stub, "encoding"));
    const char *type = json_string_value(json_object_get(stub, "content_type"));
    bool gzip = encoding != NULL && strcmp(encoding, "gzip") == 0, inflate = false;
    if (encoding != NULL && !gzip)
        return bad_doc(t, "an attachment's encoding");
    if (gzip && t->target->plain_atts) {
        /* It goes out inflated: what described the compressed bytes is of no use. */
        gzip = false;
        inflate = true;
        (void)json_object_del(stub, "encoding");
        (void)json_object_del(stub, "encoded_length");
        (void)json_object_del(stub, "digest");
    }
    const json_t *length = json_object_get(stub, gzip ? "encoded_length" : "length");
    if (!json_is_integer(length) || json_integer_value(length) < 0 || t->att_count == ATTS_MAX)
        return bad_doc(t, "an attachment's length");
    struct att *att = &t->atts[t->att_count];
    att->name = tufi_strdup(tuf_str(name));
    att->type = tufi_strdup(tuf_str(type != NULL ? type : "application/octet-stream"));
    att->length = (uint64_t)json_integer_value(length);
    att->gzip = gzip;
    att->inflate = inflate;
    t->att_count++;
    return att->name != NULL && att->type != NULL ? TUF_OK : tufi_nomem();
}

/* Rewrites "_attachments": stubs stay stubs if the target has their bytes, others follow. */
static tuf_status plan_atts(struct transfer *t, json_t *atts, uint64_t known)
{
    const char *name;
    json_t *stub;
    size_t count = json_object_size(atts);
    t->atts = tufi_alloc_array(count < ATTS_MAX ? count : ATTS_MAX, sizeof(*t->atts));
    if (t->atts == NULL)
        return tufi_nomem();
    json_object_foreach(atts, name, stub) {
        json_int_t revpos = json_integer_value(json_object_get(stub, "revpos"));
        if (!json_is_object(stub))
            return bad_doc(t, "an attachment");
        if (t->with_stubs && revpos > 0 && (uint64_t)revpos <= known) {
            (void)json_object_set_new(stub, "stub", json_true());
            continue;
        }
        tuf_status st = add_att(t, name, stub);
        if (st != TUF_OK)
            return st;
        (void)json_object_del(stub, "stub");
        if (json_object_set_new(stub, "follows", json_true()) != 0)
            return tufi_nomem();
    }
    return TUF_OK;
}

/* The document's text with another value of "_attachments". */
static tuf_status splice_atts(struct buf *out, tuf_slice doc, const char *atts)
{
    struct json_iter iter;
    tuf_slice key, value;
    tuf_status st = tufi_json_iter_begin(&iter, doc, '{');
    buf_append_u8(out, '{');
    while (st == TUF_OK) {
        st = tufi_json_iter_next(&key, &value, &iter);
        if (st != TUF_OK || tufi_json_key_is(key, "_attachments"))
            continue;
        buf_append_slice(out, key);
        buf_append_u8(out, ':');
        buf_append_slice(out, value);
        buf_append_u8(out, ',');
    }
    tufi_buf_printf(out, "\"_attachments\":");
    buf_append_str(out, atts);
    buf_append_u8(out, '}');
    return st == TUF_END ? buf_status(out) : st;
}

/* A value for a header line of a part. */
static void append_quoted(struct buf *out, const char *text)
{
    for (const char *c = text; *c != 0; c++) {
        if (*c == '"' || *c == '\\')
            buf_append_u8(out, '\\');
        buf_append_u8(out, (unsigned char)*c < ' ' ? ' ' : (uint8_t)*c);
    }
}

static void append_part_head(struct buf *out, const struct transfer *t, const struct att *att)
{
    tufi_buf_printf(out, "\r\n--%s\r\nContent-Disposition: attachment; filename=\"", t->boundary);
    append_quoted(out, att->name);
    buf_append_str(out, "\"\r\nContent-Type: ");
    for (const char *c = att->type; *c != 0; c++)
        buf_append_u8(out, (unsigned char)*c < ' ' ? ' ' : (uint8_t)*c);
    tufi_buf_printf(out, "\r\nContent-Length: %llu%s\r\n\r\n", (unsigned long long)att->length,
                    att->gzip ? "\r\nContent-Encoding: gzip" : "");
}

/* What goes before the pos-th attachment, or behind the last. */
static void append_between(struct buf *out, const struct transfer *t, size_t pos)
{
    if (pos < t->att_count)
        append_part_head(out, t, &t->atts[pos]);
    else
        tufi_buf_printf(out, "\r\n--%s--", t->boundary);
}

static tuf_status measure(struct transfer *t)
{
    TUF_AUTO(tufi_buf_release) struct buf scratch = BUF_INIT;
    t->total = t->head.len;
    for (size_t i = 0; i <= t->att_count; i++) {
        uint64_t bytes = i < t->att_count ? t->atts[i].length : 0;
        tufi_buf_clear(&scratch);
        append_between(&scratch, t, i);
        if (scratch.failed)
            return tufi_nomem();
        if (bytes > INT64_MAX / ATTS_MAX)
            return bad_doc(t, "an attachment's length");
        t->total += scratch.len + bytes;
    }
    return TUF_OK;
}

static void free_json(json_t **value)
{
    json_decref(*value);
}

static tuf_status plan(struct transfer *t)
{
    tuf_slice atts_text, revs_text;
    uint8_t random[(BOUNDARY_SIZE - 1) / 2];
    if (RAND_bytes(random, sizeof(random)) != 1)
        return tufi_fail(TUF_E_INTERNAL, "no random bytes for a boundary");
    tufi_hex_encode(t->boundary, random, sizeof(random));
    if (tufi_json_member(&atts_text, t->doc->json, "_attachments") != TUF_OK ||
        tufi_json_member(&revs_text, t->doc->json, "_revisions") != TUF_OK)
        return bad_doc(t, "the text");
    TUF_AUTO(free_json) json_t *atts =
        json_loadb((const char *)atts_text.data, atts_text.len, 0, NULL);
    TUF_AUTO(free_json) json_t *revs =
        json_loadb((const char *)revs_text.data, revs_text.len, 0, NULL);
    if (!json_is_object(atts) || !json_is_object(revs))
        return bad_doc(t, "the text");
    tuf_status st = plan_atts(t, atts, known_generation(revs, t->doc->ancestors));
    char *text = st == TUF_OK ? json_dumps(atts, JSON_COMPACT) : NULL;
    if (st == TUF_OK)
        st = text == NULL ? tufi_nomem() : splice_atts(&t->plain, t->doc->json, text);
    free(text);
    if (st != TUF_OK)
        return st;
    tufi_buf_printf(&t->head, "--%s\r\nContent-Type: application/json\r\n\r\n", t->boundary);
    buf_append_slice(&t->head, buf_slice(&t->plain));
    st = buf_status(&t->head);
    return st == TUF_OK ? measure(t) : st;
}

/* ---- the two requests -------------------------------------------------------------------- */

static size_t on_get_data(char *data, size_t size, size_t count, void *ctx)
{
    struct transfer *t = ctx;
    size_t len = size * count;
    long status = 0;
    (void)curl_easy_getinfo(t->get, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) {
        t->bad_get = true;
        return 0;
    }
    if (len > t->att_left) {
        t->bad_length = true;
        return 0;
    }
    if (t->ring_pos == t->ring.len) {
        tufi_buf_clear(&t->ring);
        t->ring_pos = 0;
    }
    if (t->ring.len + len > TRANSFER_BUFFER && t->ring.len > 0) {
        t->get_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    tufi_buf_append(&t->ring, data, len);
    if (t->ring.failed)
        return 0;
    t->att_left -= len;
    return len;
}

static size_t take(char *data, size_t room, const struct buf *from, size_t *pos)
{
    size_t len = from->len - *pos < room ? from->len - *pos : room;
    if (len > 0)
        memcpy(data, from->data + *pos, len);
    *pos += len;
    return len;
}

/* From a local source; 0 at the end, which comes too early if bytes are left. */
static size_t read_local(char *data, size_t room, struct transfer *t)
{
    size_t len = 0;
    if (room > t->att_left)
        room = (size_t)t->att_left;
    t->local_status = tuf_att_read(&len, t->reader, data, room);
    if (t->local_status != TUF_OK)
        return CURL_READFUNC_ABORT;
    t->att_left -= len;
    return len;
}

static size_t on_put_wants(char *data, size_t size, size_t count, void *ctx)
{
    struct transfer *t = ctx;
    size_t len = take(data, size * count, &t->text, &t->text_pos);
    if (len == 0)
        len = take(data, size * count, &t->ring, &t->ring_pos);
    if (len == 0 && t->reader != NULL && t->att_left > 0)
        return read_local(data, size * count, t);
    if (len == 0 && t->att_pos < t->att_count) {
        t->put_paused = true;
        return CURL_READFUNC_PAUSE;
    }
    return len;
}

static size_t on_put_answer(char *data, size_t size, size_t count, void *ctx)
{
    struct transfer *t = ctx;
    size_t len = size * count;
    if (t->answer.len + len <= ANSWER_MAX)
        tufi_buf_append(&t->answer, data, len);
    return len;
}

static uint64_t time_for(const struct transfer *t, uint64_t bytes)
{
    return t->source->http.limits.timeout_ms * 2 + bytes / SLOWEST_BYTES_PER_S * 1000;
}

static tuf_status start_put(struct transfer *t)
{
    TUF_AUTO(tufi_buf_release) struct buf path = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf type = BUF_INIT;
    repl_append_docid(&path, t->doc->id);
    buf_append_str(&path, "?new_edits=false");
    buf_append_u8(&path, 0);
    tufi_buf_printf(&type, "Content-Type: multipart/related; boundary=\"%s\"", t->boundary);
    buf_append_u8(&type, 0);
    if (path.failed || type.failed)
        return tufi_nomem();
    tuf_status st =
        repl_http_headers(&t->put_headers, &t->target->http, (const char *)type.data);
    if (st != TUF_OK)
        return st;
    struct http_request rq = { .method = "PUT", .path = (const char *)path.data };
    st = repl_http_prepare(t->put, &t->target->http, &rq, t->put_headers);
    if (st != TUF_OK)
        return st;
    CURLcode code = curl_easy_setopt(t->put, CURLOPT_UPLOAD, 1L);
    if (code == CURLE_OK)
        code = curl_easy_setopt(t->put, CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->total);
    if (code == CURLE_OK)
        code = curl_easy_setopt(t->put, CURLOPT_READFUNCTION, on_put_wants);
    if (code == CURLE_OK)
        code = curl_easy_setopt(t->put, CURLOPT_READDATA, t);
    if (code == CURLE_OK)
        code = curl_easy_setopt(t->put, CURLOPT_WRITEFUNCTION, on_put_answer);
    if (code == CURLE_OK)
        code = curl_easy_setopt(t->put, CURLOPT_WRITEDATA, t);
    if (code == CURLE_OK)
        code = curl_easy_setopt(t->put, CURLOPT_TIMEOUT_MS, (long)time_for(t, t->total));
    if (code != CURLE_OK)
        return repl_http_failure(&t->target->http, code);
    return curl_multi_add_handle(t->multi, t->put) == CURLM_OK ? TUF_OK : tufi_nomem();
}

/* From the database itself: the PUT reads straight from it. */
static tuf_status open_local(struct transfer *t, const struct att *att)
{
    size_t pos = 0;
    tuf_status st = TUF_OK;
    if (t->snapshot == NULL)
        st = tuf_db_snapshot(&t->snapshot, t->source->db);
    if (st == TUF_OK && t->stored == NULL)
        st = repl_local_open_doc(&t->stored, t->snapshot, t->doc->id, t->doc->rev);
    if (st == TUF_OK)
        st = tuf_doc_find_att(&pos, t->stored, tuf_str(att->name));
    tuf_att_reader_free(&t->reader);
    if (st == TUF_OK)
        st = tuf_att_open(&t->reader, t->stored, pos, att->inflate ? TUF_ATT_DECODED
                                                                   : TUF_ATT_STORED);
    if (st != TUF_OK)
        return st < 0 ? st : bad_doc(t, "an attachment");
    t->att_left = att->length;
    return TUF_OK;
}

static tuf_status start_get(struct transfer *t, const struct att *att)
{
    if (t->source->db != NULL)
        return open_local(t, att);
    TUF_AUTO(tufi_buf_release) struct buf path = BUF_INIT;
    repl_append_docid(&path, t->doc->id);
    buf_append_u8(&path, '/');
    repl_append_escaped(&path, tuf_str(att->name));
    buf_append_str(&path, "?rev=");
    repl_append_escaped(&path, tuf_str(t->doc->rev));
    buf_append_u8(&path, 0);
    if (path.failed)
        return tufi_nomem();
    /* curl must not inflate: what is stored compressed travels so. */
    tuf_status st = repl_http_headers(&t->get_headers, &t->source->http,
                                      att->gzip ? "Accept-Encoding: gzip"
                                                : "Accept-Encoding: identity");
    if (st != TUF_OK)
        return st;
    struct http_request rq = { .method = "GET", .path = (const char *)path.data };
    st = repl_http_prepare(t->get, &t->source->http, &rq, t->get_headers);
    if (st != TUF_OK)
        return st;
    CURLcode code = curl_easy_setopt(t->get, CURLOPT_WRITEFUNCTION, on_get_data);
    if (code == CURLE_OK)
        code = curl_easy_setopt(t->get, CURLOPT_WRITEDATA, t);
    if (code == CURLE_OK)
        code = curl_easy_setopt(t->get, CURLOPT_TIMEOUT_MS, (long)time_for(t, att->length));
    if (code != CURLE_OK)
        return repl_http_failure(&t->source->http, code);
    t->att_left = att->length;
    t->get_paused = false;
    t->get_open = curl_multi_add_handle(t->multi, t->get) == CURLM_OK;
    return t->get_open ? TUF_OK : tufi_nomem();
}

static void end_get(struct transfer *t)
{
    if (t->get_open)
        curl_multi_remove_handle(t->multi, t->get);
    t->get_open = false;
    curl_slist_free_all(t->get_headers);
    t->get_headers = NULL;
}

/* ---- the flow ---------------------------------------------------------------------------- */

static tuf_status next_att(struct transfer *t)
{
    append_between(&t->text, t, t->att_pos);
    if (t->text.failed)
        return tufi_nomem();
    return t->att_pos < t->att_count ? start_get(t, &t->atts[t->att_pos]) : TUF_OK;
}

static tuf_status get_ended(struct transfer *t, CURLcode code)
{
    long status = 0;
    (void)curl_easy_getinfo(t->get, CURLINFO_RESPONSE_CODE, &status);
    end_get(t);
    t->login_again = repl_http_may_login(&t->source->http, status);
    if (t->bad_get || (code == CURLE_OK && status != 200))
        return tufi_fail_kind(TUF_E_IO, status >= 500 ? "req_failed" : ATTACHMENT_FAILED,
                              "%s answers the GET of an attachment with status %ld",
                              t->source->shown, status);
    if (t->bad_length || (code == CURLE_OK && t->att_left > 0))
        return tufi_fail_kind(TUF_E_IO, ATTACHMENT_FAILED,
                              "an attachment of %.80s has another length than it says", t->doc->id);
    if (code != CURLE_OK)
        return repl_http_failure(&t->source->http, code);
    return TUF_OK;
}

/* Whether the next boundary may be written: all of the attachment has been sent. */
static bool att_is_sent(const struct transfer *t)
{
    return !t->get_open && t->att_left == 0 && t->ring_pos == t->ring.len &&
           t->text_pos == t->text.len && t->att_pos < t->att_count;
}

static tuf_status unpause(struct transfer *t)
{
    t->moved = false;
    if (att_is_sent(t)) {
        tufi_buf_clear(&t->text);
        t->text_pos = 0;
        t->att_pos++;
        t->moved = true;
        tuf_status st = next_att(t);
        if (st != TUF_OK)
            return st;
    }
    if (t->get_paused && t->ring_pos == t->ring.len) {
        t->get_paused = false;
        t->moved = true;
        (void)curl_easy_pause(t->get, CURLPAUSE_CONT);
    }
    if (t->put_paused && (t->text_pos < t->text.len || t->ring_pos < t->ring.len)) {
        t->put_paused = false;
        t->moved = true;
        (void)curl_easy_pause(t->put, CURLPAUSE_CONT);
    }
    return TUF_OK;
}

/* Reads the ends that curl has to tell. *done_out: the PUT is over. */
static tuf_status take_messages(bool *done_out, struct transfer *t)
{
    int left = 0;
    CURLMsg *message;
    while ((message = curl_multi_info_read(t->multi, &left)) != NULL) {
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        if (message->easy_handle == t->put) {
            *done_out = true;
            if (t->local_status < 0)
                return t->local_status;
            if (t->local_status != TUF_OK)
                return bad_doc(t, "an attachment's length");
            return code == CURLE_OK ? TUF_OK : repl_http_failure(&t->target->http, code);
        }
        tuf_status st = get_ended(t, code);
        if (st != TUF_OK)
            return st;
    }
    return TUF_OK;
}

static tuf_status flow(struct transfer *t)
{
    bool done = false;
    buf_append_slice(&t->text, buf_slice(&t->head));
    tuf_status st = buf_status(&t->text);
    if (st == TUF_OK)
        st = next_att(t);
    if (st == TUF_OK)
        st = start_put(t);
    while (st == TUF_OK && !done) {
        int running = 0;
        if (curl_multi_perform(t->multi, &running) != CURLM_OK)
            return tufi_fail_kind(TUF_E_IO, "req_failed", "curl cannot go on");
        st = take_messages(&done, t);
        if (st != TUF_OK || done)
            break;
        st = unpause(t);
        if (st == TUF_OK && *t->source->http.limits.cancel)
            st = TUF_STOPPED;
        if (st == TUF_OK)
            (void)curl_multi_poll(t->multi, NULL, 0, t->moved ? 0 : POLL_MS, NULL);
    }
    return st;
}

/* ---- into a database of this process ----------------------------------------------------- */

/* Where the bytes of a GET go. */
struct inlet {
    struct transfer *t;
    tuf_att_writer *writer;
    tuf_status st;
};

static void inlet_release(struct inlet *in)
{
    tuf_att_writer_free(&in->writer);
}

static size_t on_inlet_data(char *data, size_t size, size_t count, void *ctx)
{
    struct inlet *in = ctx;
    struct transfer *t = in->t;
    size_t len = size * count;
    long status = 0;
    (void)curl_easy_getinfo(t->get, CURLINFO_RESPONSE_CODE, &status);
    t->bad_get = status != 200;
    t->bad_length = len > t->att_left;
    if (t->bad_get || t->bad_length)
        return 0;
    t->att_left -= len;
    in->st = tuf_att_write(in->writer, data, len);
    return in->st == TUF_OK ? len : 0;
}

static tuf_status copy_local(struct inlet *in)
{
    struct transfer *t = in->t;
    size_t len = 0;
    TUF_AUTOFREE uint8_t *piece = tufi_alloc(TRANSFER_BUFFER);
    tuf_status st = piece != NULL ? TUF_OK : tufi_nomem();
    while (st == TUF_OK) {
        st = *t->target->http.limits.cancel ? TUF_STOPPED
                                            : tuf_att_read(&len, t->reader, piece, TRANSFER_BUFFER);
        if (st == TUF_OK)
            st = tuf_att_write(in->writer, piece, len);
    }
    return st == TUF_END ? TUF_OK : st;
}

static tuf_status fetch_remote(struct inlet *in)
{
    struct transfer *t = in->t;
    int running = 1;
    CURLcode code = curl_easy_setopt(t->get, CURLOPT_WRITEFUNCTION, on_inlet_data);
    if (code == CURLE_OK)
        code = curl_easy_setopt(t->get, CURLOPT_WRITEDATA, in);
    if (code != CURLE_OK)
        return repl_http_failure(&t->source->http, code);
    for (;;) {
        int left = 0;
        if (curl_multi_perform(t->multi, &running) != CURLM_OK)
            return tufi_fail_kind(TUF_E_IO, "req_failed", "curl cannot go on");
        const CURLMsg *message = curl_multi_info_read(t->multi, &left);
        if (message != NULL && message->msg == CURLMSG_DONE)
            return in->st < 0 ? in->st : get_ended(t, message->data.result);
        if (*t->source->http.limits.cancel)
            return TUF_STOPPED;
        (void)curl_multi_poll(t->multi, NULL, 0, POLL_MS, NULL);
    }
}

/* One attachment from wherever it is into the edit. */
static tuf_status fill(struct transfer *t, tuf_edit *edit, size_t pos)
{
    TUF_AUTO(inlet_release) struct inlet in = { .t = t };
    TUF_AUTO(tuf_blob_free) tuf_blob *blob = NULL;
    tuf_att_options opts = TUF_ATT_OPTIONS_INIT;
    tuf_follow follow;
    tuf_status st = tuf_edit_follow(&follow, edit, pos);
    if (st != TUF_OK || pos >= t->att_count)
        return st < 0 ? st : bad_doc(t, "the list of attachments");
    opts.type = follow.type;
    opts.gzip = follow.gzip;
    opts.raw = true;
    opts.size_max = t->target->att_size_max;
    st = tuf_att_writer_new(&in.writer, t->target->db, &opts);
    if (st == TUF_OK)
        st = start_get(t, &t->atts[pos]);
    if (st == TUF_OK)
        st = t->reader != NULL ? copy_local(&in) : fetch_remote(&in);
    end_get(t);
    if (st == TUF_OK)
        st = tuf_att_finish(&blob, in.writer);
    return st == TUF_OK ? tuf_edit_set_follow(edit, pos, &blob) : st;
}

/* The same as a PUT of the whole, with the status that its answer would have. */
static tuf_status deliver(long *status_out, struct transfer *t)
{
    TUF_AUTO(tuf_edit_free) tuf_edit *edit = NULL;
    tuf_edit_options opts = TUF_EDIT_OPTIONS_INIT;
    tuf_edit_result result = { 0 };
    opts.flags = TUF_EDIT_REPLICATED;
    opts.doc_size_max = t->target->doc_size_max;
    tuf_status st = tuf_edit_parse(&edit, buf_slice(&t->plain), &opts);
    size_t count = st == TUF_OK ? tuf_edit_follow_count(edit) : 0;
    if (st == TUF_OK && count != t->att_count)
        st = bad_doc(t, "the list of attachments");
    for (size_t pos = 0; pos < count && st == TUF_OK; pos++)
        st = fill(t, edit, pos);
    if (st == TUF_OK)
        st = tuf_db_commit(t->target->db, &edit, 1, 0);
    if (st == TUF_MISSING_STUB) {
        *status_out = 412;
        return TUF_OK;
    }
    if (st != TUF_OK)
        return st;
    tuf_edit_get_result(&result, edit);
    *status_out = result.status == TUF_OK ? 201 : 400;
    return TUF_OK;
}

static void release(struct transfer *t)
{
    end_get(t);
    tuf_att_reader_free(&t->reader);
    tuf_doc_free(&t->stored);
    tuf_snapshot_free(&t->snapshot);
    if (t->multi != NULL && t->put != NULL)
        curl_multi_remove_handle(t->multi, t->put);
    curl_easy_cleanup(t->get);
    curl_easy_cleanup(t->put);
    curl_slist_free_all(t->put_headers);
    for (size_t i = 0; i < t->att_count; i++) {
        tufi_free(t->atts[i].name);
        tufi_free(t->atts[i].type);
    }
    tufi_free(t->atts);
    tufi_buf_release(&t->plain);
    tufi_buf_release(&t->head);
    tufi_buf_release(&t->text);
    tufi_buf_release(&t->ring);
    tufi_buf_release(&t->answer);
}

static tuf_status set_up_curl(struct transfer *t)
{
    struct peer *source = t->source;
    if (source->multi == NULL)
        source->multi = curl_multi_init();
    t->multi = source->multi;
    t->get = curl_easy_init();
    t->put = curl_easy_init();
    return t->multi != NULL && t->get != NULL && t->put != NULL ? TUF_OK : tufi_nomem();
}

/* What one attempt came to. */
struct attempt {
    long status; /* of HTTP; of a local target what HTTP would have said */
    bool login_again;
    uint64_t bytes;
};

static tuf_status try_once(struct attempt *out, struct peer *source, struct peer *target,
                           const struct transfer_doc *doc, bool with_stubs)
{
    TUF_AUTO(release) struct transfer t = { .source = source, .target = target, .doc = doc,
                                            .with_stubs = with_stubs };
    memset(out, 0, sizeof(*out));
    tuf_status st = plan(&t);
    if (st == TUF_OK)
        st = set_up_curl(&t);
    if (st == TUF_OK)
        st = target->db != NULL ? deliver(&out->status, &t) : flow(&t);
    out->login_again = t.login_again;
    out->bytes = t.total;
    if (st == TUF_OK && target->db == NULL)
        (void)curl_easy_getinfo(t.put, CURLINFO_RESPONSE_CODE, &out->status);
    return st;
}

tuf_status repl_transfer(enum transfer_outcome *out, uint64_t *bytes_out, struct peer *source,
                         struct peer *target, const struct transfer_doc *doc)
{
    uint64_t pause_ms = 250;
    bool with_stubs = true, login_again = false;
    struct attempt done;
    tuf_status st;
    long status;
    for (unsigned attempt = 0;; attempt++) {
        st = try_once(&done, source, target, doc, with_stubs);
        status = done.status;
        login_again = done.login_again;
        if (st == TUF_OK && status == 412 && with_stubs)
            with_stubs = false; /* it does not have what it was thought to have */
        else if (login_again || (target->db == NULL && repl_http_may_login(&target->http, status)))
            continue;
        else if (!repl_http_may_retry(st, status))
            break;
        if (attempt >= source->http.limits.retries)
            break;
        if (repl_sleep(pause_ms, source->http.limits.cancel) != TUF_OK)
            return TUF_STOPPED;
        pause_ms *= 2;
    }
    /* Wrong again and again: not the connection's fault. The other documents need not wait. */
    if (st == TUF_E_IO && strcmp(tuf_last_error()->kind, ATTACHMENT_FAILED) == 0)
        return TUF_E_INVALID;
    if (st != TUF_OK)
        return st;
    if (status >= 500)
        return tufi_fail_kind(TUF_E_IO, "document_failed", "%s answers a PUT with status %ld",
                              target->shown, status);
    *out = status >= 200 && status <= 299 ? TRANSFER_DONE : TRANSFER_REFUSED;
    *bytes_out = done.bytes;
    return TUF_OK;
}
