/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see replicator/transfer.h. Two requests at once on one thread: the PUT asks for bytes, the
 * GET of the current attachment delivers them, and either is paused while the other is behind.
 */
#include "base/alloc.h"
#include "base/bytes.h"
#include "replicator/local.h"
#include "replicator/transfer_impl.h"

#define POLL_MS TRANSFER_POLL_MS
/* Bytes of a redirect's body. */
#define SKIPPED_MAX 65536
/* A transfer may take this long and one second for each so many bytes. */
#define SLOWEST_BYTES_PER_S 10000
#define ANSWER_MAX 65536

/* ---- the two requests -------------------------------------------------------------------- */

/* An answer that is no attachment: of a redirect the whole must come, since it ends with the place. */
static size_t skip_other(struct transfer *t, long status, size_t len)
{
    t->skipped += len;
    t->bad_get = status < 300 || status > 399 || t->skipped > SKIPPED_MAX;
    return t->bad_get ? 0 : len;
}

static size_t on_get_data(char *data, size_t size, size_t count, void *ctx)
{
    struct transfer *t = ctx;
    size_t len = size * count;
    long status = 0;
    (void)curl_easy_getinfo(t->get, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200)
        return skip_other(t, status, len);
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
    if (status != 200)
        return skip_other(t, status, len);
    t->bad_length = len > t->att_left;
    if (t->bad_length)
        return 0;
    t->att_left -= len;
    in->st = tuf_att_write(in->writer, data, len);
    return in->st == TUF_OK ? len : 0;
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

tuf_status repl_transfer_start_put(struct transfer *t)
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
    struct http_request rq = { .method = "PUT", .path = (const char *)path.data,
                               .url = t->put_url };
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
        return st < 0 ? st : repl_transfer_bad_doc(t, "an attachment");
    t->att_left = att->length;
    return TUF_OK;
}

/* url: where a redirect led, or NULL. */
static tuf_status start_get_at(struct transfer *t, const struct att *att, const char *url)
{
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
    struct http_request rq = { .method = "GET", .path = (const char *)path.data, .url = url };
    st = repl_http_prepare(t->get, &t->source->http, &rq, t->get_headers);
    if (st != TUF_OK)
        return st;
    /* A local target's attachment goes into its writer, the others to the PUT. */
    CURLcode code = curl_easy_setopt(t->get, CURLOPT_WRITEFUNCTION,
                                     t->inlet != NULL ? on_inlet_data : on_get_data);
    if (code == CURLE_OK)
        code = curl_easy_setopt(t->get, CURLOPT_WRITEDATA,
                                t->inlet != NULL ? (void *)t->inlet : (void *)t);
    if (code == CURLE_OK)
        code = curl_easy_setopt(t->get, CURLOPT_TIMEOUT_MS, (long)time_for(t, att->length));
    if (code != CURLE_OK)
        return repl_http_failure(&t->source->http, code);
    t->att_left = att->length;
    t->get_paused = false;
    t->get_open = curl_multi_add_handle(t->multi, t->get) == CURLM_OK;
    return t->get_open ? TUF_OK : tufi_nomem();
}

static tuf_status start_get(struct transfer *t, const struct att *att)
{
    t->get_redirects = 0;
    t->skipped = 0;
    return t->source->db != NULL ? open_local(t, att) : start_get_at(t, att, NULL);
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
    repl_transfer_append_between(&t->text, t, t->att_pos);
    if (t->text.failed)
        return tufi_nomem();
    return t->att_pos < t->att_count ? start_get(t, &t->atts[t->att_pos]) : TUF_OK;
}

static tuf_status get_ended(struct transfer *t, CURLcode code)
{
    TUF_AUTOFREE char *url = NULL;
    long status = 0;
    (void)curl_easy_getinfo(t->get, CURLINFO_RESPONSE_CODE, &status);
    tuf_status st =
        repl_http_redirect(&url, &t->get_redirects, t->get, &t->source->http, "GET");
    end_get(t);
    if (st != TUF_OK)
        return st;
    if (url != NULL) {
        /* Nothing of this attachment has gone anywhere. */
        t->bad_get = false;
        return start_get_at(t, &t->atts[t->att_pos], url);
    }
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

void repl_transfer_unpause(struct transfer *t)
{
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
    repl_transfer_unpause(t);
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
                return repl_transfer_bad_doc(t, "an attachment's length");
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
        st = repl_transfer_start_put(t);
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
    for (;;) {
        int left = 0;
        if (curl_multi_perform(t->multi, &running) != CURLM_OK)
            return tufi_fail_kind(TUF_E_IO, "req_failed", "curl cannot go on");
        const CURLMsg *message = curl_multi_info_read(t->multi, &left);
        if (message != NULL && message->msg == CURLMSG_DONE) {
            tuf_status st = in->st < 0 ? in->st : get_ended(t, message->data.result);
            if (st != TUF_OK || !t->get_open)
                return st;
            running = 1; /* it was a redirect */
        }
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
        return st < 0 ? st : repl_transfer_bad_doc(t, "the list of attachments");
    opts.type = follow.type;
    opts.gzip = follow.gzip;
    opts.raw = true;
    opts.size_max = t->target->att_size_max;
    st = tuf_att_writer_new(&in.writer, t->target->db, &opts);
    t->att_pos = pos;
    t->inlet = &in;
    if (st == TUF_OK)
        st = start_get(t, &t->atts[pos]);
    if (st == TUF_OK)
        st = t->reader != NULL ? copy_local(&in) : fetch_remote(&in);
    end_get(t);
    t->inlet = NULL;
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
        st = repl_transfer_bad_doc(t, "the list of attachments");
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

void repl_transfer_release(struct transfer *t)
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
    char *put_url; /* where a redirect led; owned. The next attempt goes there. */
    unsigned redirects;
    bool redirected;
};

static void attempt_release(struct attempt *a)
{
    tufi_free(a->put_url);
}

static tuf_status judge_put(struct attempt *out, struct transfer *t)
{
    char *url = NULL;
    (void)curl_easy_getinfo(t->put, CURLINFO_RESPONSE_CODE, &out->status);
    tuf_status st = repl_http_redirect(&url, &out->redirects, t->put, &t->target->http, "PUT");
    if (url == NULL)
        return st;
    tufi_free(out->put_url);
    out->put_url = url;
    out->redirected = true;
    return st;
}

static tuf_status try_once(struct attempt *out, struct peer *source, struct peer *target,
                           const struct transfer_doc *doc, bool with_stubs)
{
    TUF_AUTO(repl_transfer_release) struct transfer t = { .source = source, .target = target, .doc = doc,
                                            .with_stubs = with_stubs, .put_url = out->put_url };
    out->status = 0;
    out->redirected = false;
    tuf_status st = repl_transfer_plan(&t);
    if (st == TUF_OK)
        st = set_up_curl(&t);
    if (st == TUF_OK)
        st = target->db != NULL ? deliver(&out->status, &t) : flow(&t);
    out->login_again = t.login_again;
    out->bytes = t.total;
    return st == TUF_OK && target->db == NULL ? judge_put(out, &t) : st;
}

tuf_status repl_transfer(enum transfer_outcome *out, uint64_t *bytes_out, struct peer *source,
                         struct peer *target, const struct transfer_doc *doc)
{
    uint64_t pause_ms = 250;
    bool with_stubs = true, login_again = false;
    TUF_AUTO(attempt_release) struct attempt done = { 0 };
    tuf_status st;
    long status;
    for (unsigned attempt = 0;; attempt++) {
        do
            st = try_once(&done, source, target, doc, with_stubs);
        while (st == TUF_OK && done.redirected);
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
