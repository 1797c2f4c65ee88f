/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see replicator/run.h. Start, checkpoints and end; batches are in batch.c.
 */
#include "replicator/run.h"

#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "replicator/pool.h"

#define LONGPOLL_MS 10000
#define STOP_MS 5000 /* for each request of the last checkpoint of a job that was stopped */
#define TIME_SIZE 40
/* Pages with fewer changes are worked off at once, without other threads: what a continuous
 * replication does most of the time. */
#define POOL_ROWS_MIN 16
#define PAGE_ROWS_MAX 4000
#define SETTLE_BYTES (UINT64_C(64) << 20)
/* How often progress is reported while a page is worked off. */
#define REPORT_MS 500

/* A running replication. */
struct repl_state {
    const struct repl_run *run;
    struct repl_link main; /* this thread's connections */
    struct session source_session, target_session;
    pthread_mutex_t big_lock;
    struct repl_pool *pool; /* while there is much to do; NULL otherwise */
    struct repl_stats stats;
    char session_id[REPL_ID_SIZE];
    char log_id[REPL_ID_SIZE]; /* of the checkpoint documents */
    time_t start_time;
    uint64_t checkpoint_ms;   /* monotonic time of the last one */
    uint64_t rows_read;
    uint64_t bytes_settled;   /* of the stats, when the target's nodes were last written */
    bool caught_up;           /* the last page was not full */
    json_t *start_seq, *checkpointed_seq, *source_seq;
    json_t *through_seq;      /* everything before is in the target */
    json_t *read_seq;         /* everything before was read from the source */
    json_t *old_log, *old_history;       /* of the source, as found */
    json_t *source_rev, *target_rev;     /* of the two checkpoint documents */
    char *filter_code;        /* of a named filter; NULL: none */
    struct buf filter;        /* of the query, NUL-terminated */
    json_t *filter_body;      /* of the POST; NULL: GET */
};

tuf_status repl_global_init(void)
{
    json_object_seed(0); /* before threads could do it at the same time */
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK
               ? TUF_OK
               : tufi_fail(TUF_E_INTERNAL, "curl cannot be started");
}

/* ---- small things ------------------------------------------------------------------------ */

static void http_date(char out[TIME_SIZE], time_t when)
{
    static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    struct tm tm;
    memset(&tm, 0, sizeof(tm));
    (void)gmtime_r(&when, &tm);
    (void)snprintf(out, TIME_SIZE, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday % 7],
                   tm.tm_mday, months[tm.tm_mon % 12], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
                   tm.tm_sec);
}

static void replace(json_t **place, json_t *value)
{
    json_incref(value);
    json_decref(*place);
    *place = value;
}

static void report(struct repl_state *s, bool working)
{
    if (s->run->report == NULL)
        return;
    char *texts[3] = {
        json_dumps(s->source_seq, JSON_ENCODE_ANY | JSON_COMPACT),
        json_dumps(s->through_seq, JSON_ENCODE_ANY | JSON_COMPACT),
        json_dumps(s->checkpointed_seq, JSON_ENCODE_ANY | JSON_COMPACT),
    };
    struct repl_progress progress = { s->stats, working, texts[0] != NULL ? texts[0] : "null",
                                      texts[1] != NULL ? texts[1] : "null",
                                      texts[2] != NULL ? texts[2] : "null" };
    s->run->report(&progress, s->run->ctx);
    for (size_t i = 0; i < 3; i++)
        free(texts[i]);
}

/* ---- checkpoints ------------------------------------------------------------------------- */

static json_t *history_entry(const struct repl_state *s)
{
    char start[TIME_SIZE], end[TIME_SIZE];
    const struct repl_stats *n = &s->stats;
    http_date(start, s->start_time);
    http_date(end, time(NULL));
    return json_pack("{s:s,s:s,s:s,s:O,s:O,s:O,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "session_id",
                     s->session_id, "start_time", start, "end_time", end, "start_last_seq",
                     s->start_seq, "end_last_seq", s->through_seq, "recorded_seq", s->through_seq,
                     "missing_checked", (json_int_t)n->missing_checked, "missing_found",
                     (json_int_t)n->missing_found, "docs_read", (json_int_t)n->docs_read,
                     "docs_written", (json_int_t)n->docs_written, "doc_write_failures",
                     (json_int_t)n->doc_write_failures, "bulk_get_docs",
                     (json_int_t)n->bulk_get_docs, "bulk_get_attempts",
                     (json_int_t)n->bulk_get_attempts);
}

static json_t *make_log(struct repl_state *s)
{
    json_t *entry = history_entry(s);
    json_t *history = entry != NULL ? repl_extend_history(entry, s->old_history) : NULL;
    json_decref(entry);
    if (history == NULL)
        return NULL;
    return json_pack("{s:s,s:O,s:i,s:o}", "session_id", s->session_id, "source_last_seq",
                     s->through_seq, "replication_id_version", REPL_ID_VERSION, "history", history);
}

static tuf_status put_log(struct peer *peer, const struct repl_state *s, const char *name,
                          json_t **rev, const json_t *log)
{
    json_t *doc = json_copy((json_t *)(uintptr_t)log);
    if (doc == NULL)
        return tufi_nomem();
    if (*rev != NULL)
        (void)json_object_set(doc, "_rev", *rev);
    tuf_status st = repl_peer_put_local(peer, s->log_id, doc);
    if (st == TUF_CONFLICT) {
        /* Another run of the same job wrote it, or our last answer was lost: what counts is that
         * both logs have this session in the end. */
        json_t *there = NULL;
        st = repl_peer_get_local(&there, peer, s->log_id);
        json_t *now = json_object_get(there, "_rev");
        if (st == TUF_OK && now != NULL)
            (void)json_object_set(doc, "_rev", now);
        json_decref(there);
        if (st == TUF_OK)
            st = repl_peer_put_local(peer, s->log_id, doc);
    }
    if (st == TUF_OK)
        replace(rev, json_object_get(doc, "_rev"));
    json_decref(doc);
    if (st == TUF_CONFLICT)
        st = tufi_fail_kind(TUF_E_IO, "checkpoint_commit_failure",
                            "Error updating the %s checkpoint document: conflict", name);
    return st;
}

static tuf_status checkpoint(struct repl_state *s)
{
    s->checkpoint_ms = repl_now_ms();
    if (!s->run->opts->use_checkpoints || json_equal(s->through_seq, s->checkpointed_seq))
        return TUF_OK;
    tuf_status st = repl_peer_commit(&s->main.target, "target");
    if (st == TUF_OK)
        st = repl_peer_commit(&s->main.source, "source");
    json_t *log = st == TUF_OK ? make_log(s) : NULL;
    if (st == TUF_OK && log == NULL)
        st = tufi_nomem();
    if (st == TUF_OK)
        st = put_log(&s->main.source, s, "source", &s->source_rev, log);
    if (st == TUF_OK)
        st = put_log(&s->main.target, s, "target", &s->target_rev, log);
    if (st == TUF_OK)
        replace(&s->checkpointed_seq, s->through_seq);
    json_decref(log);
    return st;
}

/* ---- start ------------------------------------------------------------------------------- */

static tuf_status create_target(struct repl_state *s)
{
    TUF_AUTO(tufi_buf_release) struct buf params = BUF_INIT;
    const char *name;
    json_t *value;
    json_object_foreach(s->run->opts->create_params, name, value) {
        char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY);
        if (params.len > 0)
            buf_append_u8(&params, '&');
        repl_append_escaped(&params, tuf_str(name));
        buf_append_u8(&params, '=');
        const char *plain = json_is_string(value) ? json_string_value(value) : text;
        repl_append_escaped(&params, tuf_str(plain != NULL ? plain : ""));
        free(text);
    }
    buf_append_u8(&params, 0);
    return params.failed ? tufi_nomem() : repl_peer_create(&s->main.target, (const char *)params.data);
}

/* Both checkpoint documents of an id; NULL where there is none. */
static tuf_status read_pair(json_t **source_out, json_t **target_out, struct repl_state *s,
                            const char *id)
{
    tuf_status st = repl_peer_get_local(source_out, &s->main.source, id);
    return st == TUF_OK ? repl_peer_get_local(target_out, &s->main.target, id) : st;
}

static bool is_zero(const json_t *seq)
{
    return json_is_integer(seq) && json_integer_value(seq) == 0;
}

/* No checkpoint under the job's id: maybe there is one under that of an older Tuffet. What is written
 * from here on has the job's own. */
static tuf_status read_older_logs(struct repl_state *s)
{
    const struct repl_run *run = s->run;
    json_t *source = NULL, *target = NULL;
    char id[REPL_ID_SIZE];
    if (run->server_uuid == NULL || !run->opts->winning_revs_only)
        return TUF_OK;
    const char *code = s->filter_code != NULL ? s->filter_code : run->opts->filter;
    tuf_status st = repl_make_id_of_filter(id, run->opts, run->server_uuid, code, true);
    if (st == TUF_OK)
        st = read_pair(&source, &target, s, id);
    json_t *seq = st == TUF_OK ? repl_compare_logs(source, target) : NULL;
    if (seq != NULL && !is_zero(seq)) {
        replace(&s->start_seq, seq);
        replace(&s->old_log, source);
        replace(&s->old_history, json_object_get(source, "history"));
    }
    json_decref(seq);
    json_decref(source);
    json_decref(target);
    return st;
}

static uint64_t count_of(const json_t *entry, const char *name)
{
    const json_t *value = json_object_get(entry, name);
    json_int_t count = json_is_integer(value) ? json_integer_value(value) : 0;
    /* A remote may have written anything; sums must not overflow. */
    return count > 0 && count <= INT64_MAX / 2 ? (uint64_t)count : 0;
}

/* From where the newest entry of the history stopped. */
static void take_old_stats(struct repl_state *s)
{
    const json_t *entry = json_array_get(s->old_history, 0);
    if (!s->run->go_on_counting || is_zero(s->start_seq) || entry == NULL)
        return;
    s->stats.missing_checked = count_of(entry, "missing_checked");
    s->stats.missing_found = count_of(entry, "missing_found");
    s->stats.docs_read = count_of(entry, "docs_read");
    s->stats.docs_written = count_of(entry, "docs_written");
    s->stats.doc_write_failures = count_of(entry, "doc_write_failures");
    s->stats.bulk_get_docs = count_of(entry, "bulk_get_docs");
    s->stats.bulk_get_attempts = count_of(entry, "bulk_get_attempts");
}

static tuf_status read_logs(struct repl_state *s)
{
    json_t *source = NULL, *target = NULL;
    tuf_status st = read_pair(&source, &target, s, s->log_id);
    if (st == TUF_OK) {
        replace(&s->source_rev, json_object_get(source, "_rev"));
        replace(&s->target_rev, json_object_get(target, "_rev"));
        replace(&s->old_log, source);
        replace(&s->old_history, json_object_get(source, "history"));
        s->start_seq = repl_compare_logs(source, target);
        if (s->start_seq == NULL)
            st = tufi_nomem();
        else if (source == NULL && target == NULL)
            st = read_older_logs(s);
    }
    if (st == TUF_OK)
        take_old_stats(s);
    if (st == TUF_OK && is_zero(s->start_seq) && s->run->opts->since_seq != NULL)
        replace(&s->start_seq, s->run->opts->since_seq);
    json_decref(source);
    json_decref(target);
    return st;
}

/* As CouchDB trims it: blanks around a text of one line. */
static tuf_slice trimmed(tuf_slice code)
{
    const uint8_t *feed = code.len > 0 ? memchr(code.data, '\n', code.len) : NULL;
    if (feed != NULL)
        return code;
    while (code.len > 0 && code.data[0] == ' ') {
        code.data++;
        code.len--;
    }
    while (code.len > 0 && code.data[code.len - 1] == ' ')
        code.len--;
    return code;
}

/* The id under which the checkpoints are kept: of a named filter its text counts, so that a changed
 * filter begins anew. */
static tuf_status make_log_id(struct repl_state *s)
{
    const char *filter = s->run->opts->filter;
    TUF_AUTO(tufi_buf_release) struct buf code = BUF_INIT;
    (void)snprintf(s->log_id, sizeof(s->log_id), "%s", s->run->id);
    if (filter == NULL || filter[0] == '_' || s->run->server_uuid == NULL)
        return TUF_OK;
    tuf_status st = repl_peer_filter_code(&code, &s->main.source, filter);
    if (st != TUF_OK)
        return st;
    tuf_slice text = trimmed(buf_slice(&code));
    char *copy = tufi_alloc(text.len + 1);
    if (copy == NULL)
        return tufi_nomem();
    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    copy[text.len] = 0;
    s->filter_code = copy;
    return repl_make_id_of_filter(s->log_id, s->run->opts, s->run->server_uuid, copy, false);
}

static tuf_status init_peer(struct peer *out, const struct endpoint *ep, struct session *session,
                            const struct repl_run *run)
{
    const struct repl_options *opts = run->opts;
    struct http_limits limits = { opts->timeout_ms, opts->retries, run->cancel };
    out->shown = ep->shown;
    out->http.limits = limits;
    return out->db != NULL ? TUF_OK : repl_http_init(&out->http, ep, session, &limits);
}

/* Connections of their own to both ends. Also the maker of the pool's. */
static tuf_status make_link(struct repl_link *out, void *ctx)
{
    struct repl_state *s = ctx;
    const struct repl_run *run = s->run;
    const struct repl_link *main = &s->main;
    out->run = run;
    out->big_lock = &s->big_lock;
    out->source.db = run->source_db;
    out->target.db = run->target_db;
    out->source.seq_token = run->source_token != NULL ? run->source_token : "";
    out->target.seq_token = run->target_token != NULL ? run->target_token : "";
    out->target.doc_size_max = run->doc_size_max;
    out->target.att_size_max = run->att_size_max;
    /* What was learned when they were opened. */
    out->source.no_bulk_get = main->source.no_bulk_get;
    out->source.no_multipart = main->source.no_multipart;
    out->source.full_stubs = main->source.full_stubs;
    out->target.plain_atts = main->target.plain_atts;
    tuf_status st = init_peer(&out->source, &run->opts->source, &s->source_session, run);
    return st == TUF_OK ? init_peer(&out->target, &run->opts->target, &s->target_session, run)
                        : st;
}

static tuf_status start(struct repl_state *s)
{
    const struct repl_options *opts = s->run->opts;
    s->start_time = time(NULL);
    tuf_status st = repl_make_session_id(s->session_id);
    if (st == TUF_OK)
        st = make_link(&s->main, s);
    if (st == TUF_OK && opts->create_target)
        st = create_target(s);
    if (st == TUF_OK)
        st = repl_peer_open(&s->main.source);
    if (st == TUF_OK)
        st = repl_peer_open(&s->main.target);
    if (st == TUF_OK)
        st = make_log_id(s);
    if (st == TUF_OK)
        st = read_logs(s);
    if (st != TUF_OK)
        return st;
    replace(&s->through_seq, s->start_seq);
    replace(&s->read_seq, s->start_seq);
    replace(&s->checkpointed_seq, s->start_seq);
    replace(&s->source_seq, s->main.source.update_seq);
    s->checkpoint_ms = repl_now_ms();
    report(s, false);
    return TUF_OK;
}

static void release(struct repl_state *s)
{
    repl_pool_stop(&s->pool);
    repl_peer_release(&s->main.source);
    repl_peer_release(&s->main.target);
    json_t *values[] = { s->read_seq, s->start_seq, s->through_seq, s->checkpointed_seq, s->source_seq,
                         s->old_log, s->old_history, s->source_rev, s->target_rev,
                         s->filter_body };
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        json_decref(values[i]);
    tufi_buf_release(&s->filter);
    tufi_free(s->filter_code);
    repl_session_release(&s->source_session);
    repl_session_release(&s->target_session);
    pthread_mutex_destroy(&s->big_lock);
}

/* ---- the loop ---------------------------------------------------------------------------- */

/* What the source is asked to leave out. */
static tuf_status make_filter(struct repl_state *s)
{
    const struct repl_options *opts = s->run->opts;
    const char *name;
    json_t *value;
    if (opts->doc_ids != NULL) {
        buf_append_str(&s->filter, "&filter=_doc_ids");
        s->filter_body = json_pack("{s:O}", "doc_ids", opts->doc_ids);
    } else if (opts->selector != NULL) {
        buf_append_str(&s->filter, "&filter=_selector");
        s->filter_body = json_pack("{s:O}", "selector", opts->selector);
    } else if (opts->filter != NULL) {
        buf_append_str(&s->filter, "&filter=");
        repl_append_escaped(&s->filter, tuf_str(opts->filter));
        json_object_foreach(opts->query_params, name, value) {
            char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY);
            const char *plain = json_is_string(value) ? json_string_value(value) : text;
            buf_append_u8(&s->filter, '&');
            repl_append_escaped(&s->filter, tuf_str(name));
            buf_append_u8(&s->filter, '=');
            repl_append_escaped(&s->filter, tuf_str(plain != NULL ? plain : ""));
            free(text);
        }
    }
    buf_append_u8(&s->filter, 0);
    bool bodyless = (opts->doc_ids != NULL || opts->selector != NULL) && s->filter_body == NULL;
    return s->filter.failed || bodyless ? tufi_nomem() : TUF_OK;
}

/* What the connections of this thread have done. */
static void take_stats(struct repl_state *s)
{
    repl_stats_add(&s->stats, &s->main.stats);
    memset(&s->main.stats, 0, sizeof(s->main.stats));
}

static unsigned worker_count(const struct repl_options *opts)
{
    /* Each has a connection to either end and two more while attachments travel. */
    unsigned most = opts->connections / 2;
    return most < opts->workers ? most : opts->workers;
}

/* Takes what the workers have done so far. Returns: TUF_OK; TUF_END (all of it); failures. */
static tuf_status collect(struct repl_state *s, uint64_t wait_ms)
{
    json_t *seq = NULL;
    tuf_status st = repl_pool_collect(&seq, &s->stats, s->pool, wait_ms);
    if (seq != NULL)
        replace(&s->through_seq, seq);
    json_decref(seq);
    return st;
}

/* Waits for all workers and lets them go. */
static tuf_status drain(struct repl_state *s)
{
    tuf_status st = TUF_OK;
    while (s->pool != NULL && st == TUF_OK) {
        st = collect(s, REPORT_MS);
        report(s, st == TUF_OK || st == TUF_END);
        if (st == TUF_OK && *s->run->cancel)
            st = TUF_STOPPED;
    }
    repl_pool_stop(&s->pool);
    return st == TUF_END ? TUF_OK : st;
}

/* Has the changes of a page brought over, by this thread or by the workers. */
static tuf_status work_off(struct repl_state *s, const json_t *rows, json_t *last_seq)
{
    unsigned workers = worker_count(s->run->opts);
    tuf_status st = TUF_OK;
    if (s->pool == NULL && (json_array_size(rows) < POOL_ROWS_MIN || workers <= 1)) {
        st = repl_batch(&s->main, rows);
        take_stats(s);
        if (st == TUF_OK)
            replace(&s->through_seq, last_seq);
        return st;
    }
    if (s->pool == NULL)
        st = repl_pool_start(&s->pool, workers, make_link, s);
    if (st == TUF_OK)
        st = repl_pool_submit(s->pool, rows, last_seq);
    if (st == TUF_OK)
        st = collect(s, 0);
    return st == TUF_END ? TUF_OK : st;
}

/* A target of this process keeps the nodes that were changed in memory until its next checkpoint: so many
 * bytes of documents make one due. */
static tuf_status bound_memory(struct repl_state *s)
{
    if (s->main.target.db == NULL || s->stats.bytes_read - s->bytes_settled < SETTLE_BYTES)
        return TUF_OK;
    s->bytes_settled = s->stats.bytes_read;
    return tuf_db_checkpoint(s->main.target.db);
}

/* One page of changes and what follows from it. *end_out: a one-shot replication is through. */
static tuf_status round_of(bool *end_out, struct repl_state *s, uint64_t *limit)
{
    const struct repl_options *opts = s->run->opts;
    json_t *page = NULL;
    struct changes_request rq = {
        .since = s->read_seq,
        .style = opts->winning_revs_only ? "main_only" : "all_docs",
        .filter = (const char *)s->filter.data,
        .body = s->filter_body,
        .limit = *limit,
        .wait_ms = opts->continuous && s->caught_up ? LONGPOLL_MS : 0,
    };
    if (s->run->alive != NULL && !s->run->alive(s->run->alive_ctx))
        return tufi_fail_kind(TUF_E_IO, "db_not_found", "a database was deleted");
    tuf_status st = repl_peer_changes(&page, &s->main.source, &rq);
    if (st == TUF_E_LIMIT && *limit > 1) {
        *limit /= 2;
        return TUF_OK;
    }
    if (st != TUF_OK)
        return st;
    json_t *rows = json_object_get(page, "results"), *last = json_object_get(page, "last_seq");
    json_t *pending = json_object_get(page, "pending");
    size_t count = json_array_size(rows);
    s->caught_up = count < *limit;
    *end_out = s->caught_up && !opts->continuous;
    s->stats.changes_pending = json_is_integer(pending) ? json_integer_value(pending) : -1;
    if (count > 0)
        st = work_off(s, rows, last);
    if (st == TUF_OK && s->caught_up)
        st = drain(s);
    if (st == TUF_OK)
        st = bound_memory(s);
    if (st == TUF_OK) {
        replace(&s->read_seq, last);
        s->rows_read += count;
    }
    if (st == TUF_OK && s->caught_up) {
        replace(&s->through_seq, last);
        replace(&s->source_seq, last);
    }
    if (st == TUF_OK)
        report(s, true);
    json_decref(page);
    return st;
}

/* What was done before a job was stopped need not be done again, if both ends take a checkpoint
 * without delay. */
static void checkpoint_of_stopped(struct repl_state *s)
{
    struct http *ends[] = { &s->main.source.http, &s->main.target.http };
    if (s->run->abandon == NULL || *s->run->abandon)
        return;
    if (s->pool != NULL)
        (void)collect(s, 0);
    repl_pool_stop(&s->pool);
    for (size_t i = 0; i < 2; i++) {
        ends[i]->limits.cancel = s->run->abandon;
        ends[i]->limits.retries = 0;
        if (ends[i]->limits.timeout_ms > STOP_MS)
            ends[i]->limits.timeout_ms = STOP_MS;
    }
    tuf_status st = checkpoint(s);
    (void)st; /* the next run begins at the checkpoint before */
}

static tuf_status loop(struct repl_state *s)
{
    uint64_t limit = s->run->opts->batch_size;
    bool end = false, first = true;
    tuf_status st = TUF_OK;
    while (st == TUF_OK && !end) {
        st = round_of(&end, s, &limit);
        if (first && !s->caught_up && limit == s->run->opts->batch_size) {
            /* There is a lot to do: pages that keep all workers busy. */
            limit *= worker_count(s->run->opts);
            if (limit > PAGE_ROWS_MAX)
                limit = PAGE_ROWS_MAX;
        }
        first = false;
        if (st == TUF_OK && !end && repl_now_ms() - s->checkpoint_ms >= s->run->opts->checkpoint_ms)
            st = checkpoint(s);
        if (st == TUF_OK && *s->run->cancel)
            st = TUF_STOPPED;
    }
    if (st == TUF_OK)
        st = checkpoint(s);
    else if (st == TUF_STOPPED)
        checkpoint_of_stopped(s);
    report(s, false);
    return st;
}

/* With doc_ids CouchDB shows the numbers of this run once more at the top. */
static void add_totals(json_t *result, const struct repl_state *s)
{
    static const char *const names[] = { "start_time", "end_time", "docs_read", "docs_written",
                                         "doc_write_failures" };
    json_t *entry = history_entry(s);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)json_object_set(result, names[i], json_object_get(entry, names[i]));
    json_decref(entry);
}

static json_t *make_result(struct repl_state *s)
{
    if (!s->run->opts->use_checkpoints)
        return json_pack("{s:b,s:b}", "ok", 1, "use_checkpoints", 0);
    json_t *result = json_pack("{s:b}", "ok", 1);
    bool nothing = s->rows_read == 0 && json_equal(s->start_seq, s->through_seq);
    if (result == NULL)
        return NULL;
    if (nothing)
        (void)json_object_set_new(result, "no_changes", json_true());
    json_t *log = nothing && s->old_log != NULL ? json_copy(s->old_log) : make_log(s);
    (void)json_object_del(log, "_id");
    (void)json_object_del(log, "_rev");
    if (log == NULL || json_object_update(result, log) != 0) {
        json_decref(result);
        result = NULL;
    }
    json_decref(log);
    if (result != NULL && s->run->opts->doc_ids != NULL)
        add_totals(result, s);
    return result;
}

tuf_status repl_run(json_t **result_out, const struct repl_run *run)
{
    TUF_AUTO(release) struct repl_state s = { .run = run };
    *result_out = NULL;
    s.stats.changes_pending = -1;
    repl_session_init(&s.source_session);
    repl_session_init(&s.target_session);
    pthread_mutex_init(&s.big_lock, NULL);
    tuf_status st = start(&s);
    if (st == TUF_OK)
        st = make_filter(&s);
    if (st == TUF_OK)
        st = loop(&s);
    if (st == TUF_OK) {
        *result_out = make_result(&s);
        st = *result_out != NULL ? TUF_OK : tufi_nomem();
    }
    return st;
}
