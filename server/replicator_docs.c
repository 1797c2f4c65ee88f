/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the thread, its queue and its table (replicator_docs.h).
 *
 * Locks: docs->lock guards queue and table; it is held for moments, may be taken with that of the
 * databases held, and that of the jobs with it. Only the thread changes the table.
 */
#include <openssl/rand.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "server/dbs.h"
#include "server/docload.h"
#include "server/http.h"
#include "server/log.h"
#include "server/replicator_docs_impl.h"
#include "server/replicator_guard.h"
#include "server/replicator_state.h"
#include "server/server.h"
#include "server/thread.h"

#define RETRY_S 30             /* before the second try of a document in ERROR, on average */
#define RETRY_LONGEST_S 86400
#define RETRY_DOUBLINGS_MAX 12
#define JITTER_PER_JOB_MS 10 /* starts after the server's own start are spread over so much each */

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t random_below(uint64_t limit)
{
    uint64_t value = 0;
    if (limit == 0 || RAND_bytes((unsigned char *)&value, (int)sizeof(value)) != 1)
        return 0;
    return value % limit;
}

/* ---- the table ------------------------------------------------------------------------------ */

static void free_entry(struct entry *entry)
{
    if (entry == NULL)
        return;
    repl_job_unref(&entry->job);
    tufi_free(entry->database);
    tufi_free(entry->id);
    tufi_free(entry->wish);
    tufi_free(entry->source);
    tufi_free(entry->target);
    tufi_free(entry->error);
    tufi_free(entry);
}

static void insert_entry(struct replicator_docs *docs, struct entry *entry)
{
    pthread_mutex_lock(&docs->lock);
    struct entry **bucket =
        replicator_docs_bucket(docs, tuf_str(entry->database), tuf_str(entry->id));
    entry->chain = *bucket;
    *bucket = entry;
    pthread_mutex_unlock(&docs->lock);
}

/* Ends the job of a document, if it has one, and forgets the document. */
static void forget_entry(struct replicator_docs *docs, struct entry *gone)
{
    struct entry **link = replicator_docs_bucket(docs, tuf_str(gone->database), tuf_str(gone->id));
    pthread_mutex_lock(&docs->lock);
    while (*link != gone)
        link = &(*link)->chain;
    *link = gone->chain;
    pthread_mutex_unlock(&docs->lock);
    if (gone->job != NULL)
        repl_job_remove(gone->job);
    free_entry(gone);
}

static void forget_doc(struct replicator_docs *docs, tuf_slice database, tuf_slice id)
{
    struct entry *entry = replicator_docs_find(docs, database, id);
    if (entry != NULL)
        forget_entry(docs, entry);
}

static void forget_database(struct replicator_docs *docs, const char *name)
{
    for (size_t i = 0; i < REPLICATOR_BUCKET_COUNT; i++) {
        struct entry *next;
        for (struct entry *entry = docs->buckets[i]; entry != NULL; entry = next) {
            next = entry->chain;
            if (strcmp(entry->database, name) == 0)
                forget_entry(docs, entry);
        }
    }
    struct watched **link = &docs->watched;
    while (*link != NULL && strcmp((*link)->name, name) != 0)
        link = &(*link)->next;
    struct watched *gone = *link;
    if (gone != NULL)
        *link = gone->next;
    tufi_free(gone);
}

static struct watched *find_watched(struct replicator_docs *docs, const char *name)
{
    struct watched *watched = docs->watched;
    while (watched != NULL && strcmp(watched->name, name) != 0)
        watched = watched->next;
    if (watched != NULL)
        return watched;
    size_t size = strlen(name) + 1;
    watched = tufi_alloc_zero(sizeof(*watched) + size);
    if (watched == NULL)
        return NULL;
    memcpy(watched->name, name, size);
    watched->next = docs->watched;
    docs->watched = watched;
    return watched;
}

/* ---- a document ----------------------------------------------------------------------------- */

/* A document that is being looked at. */
struct seen {
    struct replicator_place place;
    tuf_slice database;
    const json_t *body;
};

/* What a document asks for, the same text for the same job. NULL: no memory. */
static char *wish_of(const json_t *body)
{
    static const char *const others[] = { "_replication_state", "_replication_state_time",
                                          "_replication_state_reason", "_replication_id",
                                          "_replication_stats", "owner" };
    json_t *wish = json_copy((json_t *)(uintptr_t)body);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        (void)json_object_del(wish, others[i]);
    char *text = json_dumps(wish, JSON_COMPACT | JSON_SORT_KEYS);
    char *copy = text != NULL ? tufi_strdup(tuf_str(text)) : NULL;
    free(text);
    json_decref(wish);
    return copy;
}

static bool writes_states(const struct replicator_docs *docs)
{
    return config_bool(docs->server->config, "replicator", "update_docs", false);
}

static char *shown_copy(const json_t *endpoint)
{
    json_t *shown = replicator_shown_endpoint(endpoint);
    char *copy = tufi_strdup(tuf_str(json_is_string(shown) ? json_string_value(shown) : ""));
    json_decref(shown);
    return copy;
}

static struct entry *make_entry(const struct seen *seen)
{
    struct entry *entry = tufi_alloc_zero(sizeof(*entry));
    if (entry == NULL)
        return NULL;
    entry->database = tufi_strdup(seen->database);
    entry->id = tufi_strdup(seen->place.id);
    entry->wish = wish_of(seen->body);
    entry->updated = entry->start_time = time(NULL);
    entry->retry_ms = UINT64_MAX;
    if (entry->database == NULL || entry->id == NULL || entry->wish == NULL) {
        free_entry(entry);
        return NULL;
    }
    return entry;
}

/* Notes that a document can have no job now. */
static void note_error(struct replicator_docs *docs, struct entry *entry, const struct seen *seen,
                       const char *reason)
{
    /* On average the wait of a job that crashed. */
    uint64_t range_s =
        2 * config_uint(docs->server->config, "replicator", "min_backoff_penalty_sec", RETRY_S);
    if (range_s > RETRY_LONGEST_S)
        range_s = RETRY_LONGEST_S;
    for (uint64_t i = 0; i < entry->error_count && i < RETRY_DOUBLINGS_MAX; i++)
        range_s *= 2;
    entry->error = tufi_strdup(tuf_str(reason));
    entry->source = shown_copy(json_object_get(seen->body, "source"));
    entry->target = shown_copy(json_object_get(seen->body, "target"));
    entry->error_count++;
    entry->retry_ms = now_ms() + 1000 + random_below(range_s * 1000);
    if (entry->retry_ms < docs->retry_ms)
        docs->retry_ms = entry->retry_ms;
    if (writes_states(docs))
        replicator_write_error(&seen->place, NULL, reason);
}

static tuf_status add_job(struct repl_job **out, struct replicator_docs *docs,
                          struct repl_options *opts, const struct entry *entry,
                          const struct seen *seen)
{
    json_t *user = json_object_get(json_object_get(seen->body, "user_ctx"), "name");
    uint64_t jitter_max = config_uint(docs->server->config, "replicator", "startup_jitter", 5000);
    uint64_t jitter = ++docs->added * JITTER_PER_JOB_MS;
    const struct repl_origin origin = {
        .server_uuid = docs->server->uuid,
        .user = json_string_value(user),
        .database = entry->database,
        .doc_id = entry->id,
        .delay_ms = docs->starting ? random_below(jitter < jitter_max ? jitter : jitter_max) : 0,
    };
    return repl_jobs_start(out, docs->server->replications, opts, &origin);
}

/* The job is there already: for another document, which is a mistake, or by POST /_replicate. False
 * if the document has failed. */
static bool settle_conflict(struct replicator_docs *docs, struct entry *entry,
                            const struct seen *seen, const char *job_id)
{
    TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf other = BUF_INIT;
    bool from_doc = repl_jobs_describe_origin(&other, docs->server->replications, job_id);
    tufi_buf_printf(&text, "Replication `%s` specified by document `%s` already ", job_id,
                    entry->id);
    if (from_doc)
        tufi_buf_printf(&text, "started, triggered by %.*s", (int)other.len,
                        (const char *)other.data);
    else
        buf_append_str(&text, "running as transient replication, started via `_replicate` API "
                              "endpoint");
    buf_append_u8(&text, 0);
    const char *reason = text.failed ? "out of memory" : (const char *)text.data;
    if (from_doc)
        replicator_write_failed(&seen->place, reason);
    else
        note_error(docs, entry, seen, reason);
    return !from_doc;
}

/* Gives a document its job. */
static void schedule_doc(struct replicator_docs *docs, const struct seen *seen,
                         uint64_t error_count)
{
    TUF_AUTO(repl_options_release) struct repl_options opts = { 0 };
    char job_id[REPL_JOB_ID_SIZE];
    tuf_status st = replicator_parse(&opts, seen->body, docs->server);
    if (st == TUF_OK)
        st = repl_job_make_id(job_id, &opts, docs->server->uuid);
    if (st != TUF_OK && st != TUF_E_NOMEM) {
        char reason[TUF_ERROR_TEXT_SIZE];
        (void)snprintf(reason, sizeof(reason), "%s", tuf_last_error()->text);
        replicator_write_failed(&seen->place, reason);
        return;
    }
    struct entry *entry = make_entry(seen);
    if (entry == NULL || st != TUF_OK) {
        free_entry(entry);
        log_line(LOG_ERROR, "out of memory: a replication document is not looked at");
        return;
    }
    entry->error_count = error_count;
    bool kept = true;
    st = add_job(&entry->job, docs, &opts, entry, seen);
    if (st == TUF_OK && writes_states(docs))
        replicator_write_triggered(&seen->place, job_id);
    else if (st == TUF_CONFLICT)
        kept = settle_conflict(docs, entry, seen, job_id);
    else if (st != TUF_OK && !docs->server->stopping)
        note_error(docs, entry, seen, tuf_last_error()->text);
    if (kept)
        insert_entry(docs, entry);
    else
        free_entry(entry);
}

/* A state that an older server left in a document that is to run. */
static bool has_old_state(const struct replicator_docs *docs, const json_t *body)
{
    return json_object_get(body, "_replication_state") != NULL && !writes_states(docs);
}

static void see_wish(struct replicator_docs *docs, const struct seen *seen)
{
    struct entry *entry = replicator_docs_find(docs, seen->database, seen->place.id);
    char *wish = wish_of(seen->body);
    bool same = entry != NULL && wish != NULL && strcmp(entry->wish, wish) == 0;
    tufi_free(wish);
    if (has_old_state(docs, seen->body)) {
        /* Its new revision comes by here again. */
        replicator_clear_state(&seen->place);
        return;
    }
    const char *state = same && entry->job != NULL ? repl_job_state(entry->job) : NULL;
    if (state != NULL) {
        if (strcmp(state, "completed") == 0)
            replicator_write_completed(&seen->place, repl_job_final_stats(entry->job));
        return;
    }
    uint64_t error_count = same ? entry->error_count : 0;
    if (entry != NULL)
        forget_entry(docs, entry);
    schedule_doc(docs, seen, error_count);
}

static void see_doc(struct replicator_docs *docs, const struct seen *seen)
{
    tuf_slice state = doc_member(seen->body, "_replication_state");
    if (slice_is(state, "completed") || slice_is(state, "failed"))
        forget_doc(docs, seen->database, seen->place.id);
    else if (json_is_object(seen->body))
        see_wish(docs, seen);
    else
        replicator_write_failed(&seen->place, "the document cannot be read");
}

/* Looks at a document's winner. */
static tuf_status see_winner(struct replicator_docs *docs, struct dbh *dbh, tuf_doc *doc)
{
    tuf_slice text = tuf_doc_body(doc);
    tuf_rev rev = tuf_doc_rev(doc);
    json_t *body = json_loadb((const char *)text.data, text.len, 0, NULL);
    const struct seen seen = { { dbh, tuf_doc_info(doc)->id, &rev }, dbh_name(dbh), body };
    see_doc(docs, &seen);
    json_decref(body);
    return TUF_OK;
}

/* ---- a database ----------------------------------------------------------------------------- */

static tuf_status see_change(struct replicator_docs *docs, struct dbh *dbh,
                             tuf_snapshot *snapshot, const tuf_docinfo *info)
{
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    if (slice_starts(info->id, "_design/"))
        return TUF_OK;
    if (info->deleted) {
        forget_doc(docs, dbh_name(dbh), info->id);
        return TUF_OK;
    }
    tuf_status st = tuf_doc_open_leaf(&doc, snapshot, info, 0);
    return st == TUF_OK ? see_winner(docs, dbh, doc) : st;
}

/* A purged document leaves no change behind: those that have jobs are looked at again. */
static tuf_status see_purges(struct replicator_docs *docs, tuf_snapshot *snapshot,
                             struct watched *watched)
{
    tuf_db_info db = { .struct_size = sizeof(db) };
    tuf_status st = tuf_snapshot_info(&db, snapshot);
    if (st != TUF_OK || db.purge_seq == watched->purge_seq)
        return st;
    watched->purge_seq = db.purge_seq;
    for (size_t i = 0; i < REPLICATOR_BUCKET_COUNT; i++) {
        struct entry *next;
        for (struct entry *entry = docs->buckets[i]; entry != NULL; entry = next) {
            TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
            next = entry->chain;
            if (strcmp(entry->database, watched->name) != 0)
                continue;
            st = tuf_doc_open(&doc, snapshot, tuf_str(entry->id), NULL);
            if (st < 0)
                return st;
            if (st != TUF_OK || tuf_doc_deleted(doc))
                forget_entry(docs, entry);
        }
    }
    return TUF_OK;
}

static tuf_status read_changes(struct replicator_docs *docs, struct dbh *dbh,
                               struct watched *watched)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    TUF_AUTO(tuf_cursor_free) tuf_cursor *cursor = NULL;
    const tuf_docinfo *info = NULL;
    tuf_status st = tuf_db_snapshot(&snapshot, dbh_db(dbh));
    if (st == TUF_OK)
        st = see_purges(docs, snapshot, watched);
    if (st == TUF_OK)
        st = tuf_cursor_open_seqs(&cursor, snapshot, watched->seq, false);
    while (st == TUF_OK && !docs->stopping) {
        st = tuf_cursor_next(&info, cursor);
        if (st == TUF_OK) {
            watched->seq = info->seq;
            st = see_change(docs, dbh, snapshot, info);
        }
    }
    return st == TUF_END ? TUF_OK : st;
}

static void see_database(struct replicator_docs *docs, const char *name)
{
    TUF_AUTO(dbh_unref) struct dbh *dbh = NULL;
    tuf_status st = dbs_open(&dbh, dbs_of(docs->server), tuf_str(name));
    if (st == TUF_NOT_FOUND) {
        forget_database(docs, name);
        return;
    }
    struct watched *watched = st == TUF_OK ? find_watched(docs, name) : NULL;
    if (st == TUF_OK && watched == NULL)
        st = tufi_nomem();
    if (st == TUF_OK)
        st = read_changes(docs, dbh, watched);
    if (st != TUF_OK)
        log_line(LOG_ERROR, "reading replications of %s: %s", name,
                 st < 0 ? tuf_last_error()->text : tuf_status_text(st));
}

/* Looks at one document again: its job ended, or it is its turn after an error. */
static void see_again(struct replicator_docs *docs, const struct item *item)
{
    TUF_AUTO(dbh_unref) struct dbh *dbh = NULL;
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    tuf_status st = dbs_open(&dbh, dbs_of(docs->server), tuf_str(item->database));
    if (st == TUF_OK)
        st = tuf_db_snapshot(&snapshot, dbh_db(dbh));
    if (st == TUF_OK)
        st = tuf_doc_open(&doc, snapshot, tuf_str(item->id), NULL);
    if (st != TUF_OK)
        return;
    if (!item->crashed) {
        (void)see_winner(docs, dbh, doc);
        return;
    }
    tuf_rev rev = tuf_doc_rev(doc);
    const struct entry *entry =
        replicator_docs_find(docs, tuf_str(item->database), tuf_str(item->id));
    const struct replicator_place place = { dbh, tuf_str(item->id), &rev };
    if (entry != NULL && entry->job != NULL && writes_states(docs))
        replicator_write_error(&place, repl_job_id(entry->job), item->error);
}

/* Documents whose wait after an error is over. */
static void retry_docs(struct replicator_docs *docs)
{
    uint64_t now = now_ms();
    if (docs->retry_ms > now)
        return;
    docs->retry_ms = UINT64_MAX;
    for (size_t i = 0; i < REPLICATOR_BUCKET_COUNT; i++) {
        struct entry *next;
        for (struct entry *entry = docs->buckets[i]; entry != NULL; entry = next) {
            next = entry->chain;
            /* Looking at it replaces this entry by one in the same bucket, in front. */
            const struct item item = { NULL, NEWS_JOB, false, entry->database, entry->id, NULL };
            if (entry->retry_ms <= now)
                see_again(docs, &item);
            else if (entry->retry_ms < docs->retry_ms)
                docs->retry_ms = entry->retry_ms;
        }
    }
}

/* ---- the queue ------------------------------------------------------------------------------ */

static void free_item(struct item **item)
{
    if (*item == NULL)
        return;
    tufi_free((*item)->database);
    tufi_free((*item)->id);
    tufi_free((*item)->error);
    tufi_free(*item);
    *item = NULL;
}

static struct item *new_item(enum news news, tuf_slice database)
{
    struct item *item = tufi_alloc_zero(sizeof(*item));
    if (item == NULL)
        return NULL;
    item->news = news;
    item->database = tufi_strdup(database);
    if (item->database == NULL)
        free_item(&item);
    return item;
}

/* A change of a database that waits to be read need not be told twice. */
static bool is_told(const struct replicator_docs *docs, tuf_slice database)
{
    return docs->last != NULL && docs->last->news == NEWS_CHANGED &&
           slice_is(database, docs->last->database);
}

static void push(struct replicator_docs *docs, struct item *item)
{
    if (docs->last != NULL)
        docs->last->next = item;
    else
        docs->first = item;
    docs->last = item;
    pthread_cond_signal(&docs->wake);
}

void replicator_docs_tell(struct replicator_docs *docs, tuf_slice name, bool deleted)
{
    pthread_mutex_lock(&docs->lock);
    bool told = !docs->has_thread || (!deleted && is_told(docs, name));
    struct item *item =
        told ? NULL : new_item(deleted ? NEWS_DELETED : NEWS_CHANGED, name);
    if (item != NULL)
        push(docs, item);
    pthread_mutex_unlock(&docs->lock);
    if (!told && item == NULL)
        log_line(LOG_ERROR, "out of memory: a change of replications is not seen");
}

void replicator_docs_tell_job(struct replicator_docs *docs, const struct repl_event *event)
{
    if (event->kind != REPL_COMPLETED && event->kind != REPL_CRASHED)
        return;
    struct item *item = new_item(NEWS_JOB, tuf_str(event->database));
    if (item == NULL)
        return; /* the document is looked at again after a restart */
    item->id = tufi_strdup(tuf_str(event->doc_id));
    item->crashed = event->kind == REPL_CRASHED;
    item->error = tufi_strdup(tuf_str(event->error != NULL ? event->error : ""));
    if (item->id == NULL || item->error == NULL) {
        free_item(&item);
        return;
    }
    pthread_mutex_lock(&docs->lock);
    push(docs, item);
    pthread_mutex_unlock(&docs->lock);
}

/* The next piece of news, or NULL when it is time to retry or to end. */
static struct item *take_item(struct replicator_docs *docs)
{
    uint64_t until = docs->retry_ms;
    struct timespec end = { (time_t)(until / 1000), (long)(until % 1000) * 1000000L };
    int late = 0;
    pthread_mutex_lock(&docs->lock);
    while (docs->first == NULL && !docs->stopping && late == 0) {
        if (until == UINT64_MAX)
            pthread_cond_wait(&docs->wake, &docs->lock);
        else
            late = pthread_cond_timedwait(&docs->wake, &docs->lock, &end);
    }
    struct item *item = docs->first;
    if (item != NULL) {
        docs->first = item->next;
        if (docs->first == NULL)
            docs->last = NULL;
    }
    pthread_mutex_unlock(&docs->lock);
    return item;
}

/* ---- the thread ----------------------------------------------------------------------------- */

static void see_all(struct replicator_docs *docs)
{
    struct dbs_names names = { NULL, 0 };
    if (dbs_list(&names, dbs_of(docs->server)) != TUF_OK) {
        log_line(LOG_ERROR, "looking for replications: %s", tuf_last_error()->text);
        return;
    }
    docs->starting = true;
    for (size_t i = 0; i < names.count && !docs->stopping; i++) {
        if (dbs_is_replicator_name(names.items[i]))
            see_database(docs, (const char *)names.items[i].data);
    }
    docs->starting = false;
    dbs_names_release(&names);
}

static void *thread_main(void *arg)
{
    struct replicator_docs *docs = arg;
    see_all(docs);
    while (!docs->stopping) {
        TUF_AUTO(free_item) struct item *item = take_item(docs);
        if (item != NULL && !docs->stopping) {
            if (item->news == NEWS_DELETED)
                forget_database(docs, item->database);
            if (item->news == NEWS_JOB)
                see_again(docs, item);
            else
                see_database(docs, item->database);
        }
        retry_docs(docs);
    }
    return NULL;
}

/* ---- life ----------------------------------------------------------------------------------- */

struct replicator_docs *replicator_docs_new(struct server *server)
{
    struct replicator_docs *docs = tufi_alloc_zero(sizeof(*docs));
    if (docs == NULL)
        return NULL;
    docs->server = server;
    docs->retry_ms = UINT64_MAX;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&docs->lock, NULL);
    pthread_cond_init(&docs->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return docs;
}

tuf_status replicator_docs_start(struct replicator_docs *docs)
{
    pthread_mutex_lock(&docs->lock);
    docs->has_thread = thread_start(&docs->thread, thread_main, docs) == 0;
    pthread_mutex_unlock(&docs->lock);
    return docs->has_thread ? TUF_OK : tufi_fail(TUF_E_LIMIT, "no thread for replications");
}

void replicator_docs_free(struct replicator_docs **docs_p)
{
    struct replicator_docs *docs = *docs_p;
    if (docs == NULL)
        return;
    pthread_mutex_lock(&docs->lock);
    docs->stopping = true;
    bool has_thread = docs->has_thread;
    pthread_cond_signal(&docs->wake);
    pthread_mutex_unlock(&docs->lock);
    if (has_thread)
        pthread_join(docs->thread, NULL);
    for (struct item *item = docs->first, *next; item != NULL; item = next) {
        next = item->next;
        free_item(&item);
    }
    for (size_t i = 0; i < REPLICATOR_BUCKET_COUNT; i++) {
        for (struct entry *entry = docs->buckets[i], *next; entry != NULL; entry = next) {
            next = entry->chain;
            free_entry(entry);
        }
    }
    for (struct watched *watched = docs->watched, *next; watched != NULL; watched = next) {
        next = watched->next;
        tufi_free(watched);
    }
    pthread_cond_destroy(&docs->wake);
    pthread_mutex_destroy(&docs->lock);
    tufi_free(docs);
    *docs_p = NULL;
}
