/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the thread that writes the log of databases, and its queue (global_changes.h).
 *
 * The thread starts with the first event. The queue is a list in the order of the log, and a hash
 * table to find an event that stands in it: there are at most three of each database.
 * Lock: log->lock guards queue and table; it is held for a few instructions only, and may be taken
 * with that of the databases held, not the other way round.
 */
#include "server/global_changes.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "server/dbs.h"
#include "server/log.h"
#include "server/server.h"
#include "server/thread.h"

#define BUCKET_COUNT 1024
#define ID_SIZE (DBS_NAME_SIZE_MAX + 16)
#define COMMIT_MAX 256 /* events in one commit */
#define TRIES_MAX 5    /* of a commit, when clients write the same documents */

struct entry {
    struct entry *prev, *next; /* in the order of the log */
    struct entry *chain;       /* in its bucket */
    size_t len;
    char id[];
};

struct global_changes {
    struct server *server;
    _Atomic bool on;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct entry *first, *last;
    struct entry *buckets[BUCKET_COUNT];
    bool has_thread, stopping;
    pthread_t thread;
};

/* ---- the queue; with the lock held ------------------------------------------------------- */

static struct entry **bucket_of(struct global_changes *log, tuf_slice id)
{
    return &log->buckets[slice_hash(id) % BUCKET_COUNT];
}

static void unlink_entry(struct global_changes *log, struct entry *entry)
{
    if (entry->prev != NULL)
        entry->prev->next = entry->next;
    else
        log->first = entry->next;
    if (entry->next != NULL)
        entry->next->prev = entry->prev;
    else
        log->last = entry->prev;
}

static void append_entry(struct global_changes *log, struct entry *entry)
{
    entry->next = NULL;
    entry->prev = log->last;
    if (log->last != NULL)
        log->last->next = entry;
    else
        log->first = entry;
    log->last = entry;
}

/* The entry of an id, taken out of the list, or a new one. NULL: no memory. */
static struct entry *find_or_make(struct global_changes *log, tuf_slice id)
{
    struct entry **bucket = bucket_of(log, id);
    for (struct entry *entry = *bucket; entry != NULL; entry = entry->chain) {
        if (slice_equal(tuf_slice_of(entry->id, entry->len), id)) {
            unlink_entry(log, entry);
            return entry;
        }
    }
    struct entry *entry = tufi_alloc(sizeof(*entry) + id.len);
    if (entry == NULL)
        return NULL;
    entry->len = id.len;
    memcpy(entry->id, id.data, id.len);
    entry->chain = *bucket;
    *bucket = entry;
    return entry;
}

/* Everything that waits, as a list. */
static struct entry *take_all(struct global_changes *log)
{
    struct entry *first = log->first;
    log->first = log->last = NULL;
    memset(log->buckets, 0, sizeof(log->buckets));
    return first;
}

static void free_entries(struct entry *first)
{
    while (first != NULL) {
        struct entry *next = first->next;
        tufi_free(first);
        first = next;
    }
}

/* ---- writing ----------------------------------------------------------------------------- */

/* An edit that makes an event's document anew, whatever is there. */
static tuf_status make_edit(tuf_edit **out, tuf_snapshot *snapshot, const struct entry *entry)
{
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    tuf_edit_options opts = TUF_EDIT_OPTIONS_INIT;
    opts.id = tuf_slice_of(entry->id, entry->len);
    tuf_status st = tuf_edit_parse(out, tuf_str("{}"), &opts);
    if (st != TUF_OK)
        return st;
    st = tuf_doc_find_info(&doc, snapshot, opts.id);
    if (st != TUF_OK)
        return st == TUF_NOT_FOUND ? TUF_OK : st;
    const tuf_docinfo *info = tuf_doc_info(doc);
    /* Above a tombstone an edit without a parent continues it. */
    return info->deleted ? TUF_OK : tuf_edit_set_parent(*out, &info->leaves[0].rev);
}

static tuf_status commit_edits(tuf_edit **edits, tuf_db *db, struct entry *const *entries,
                               size_t count)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    tuf_status st = tuf_db_snapshot(&snapshot, db);
    for (size_t i = 0; st == TUF_OK && i < count; i++)
        st = make_edit(&edits[i], snapshot, entries[i]);
    return st == TUF_OK ? tuf_db_commit(db, edits, count, 0) : st;
}

/* Writes some events with one sync. Those that somebody else wrote meanwhile are tried again. */
static tuf_status write_some(tuf_db *db, struct entry **entries, size_t count)
{
    tuf_status st = TUF_OK;
    for (unsigned tries = 0; st == TUF_OK && count > 0; tries++) {
        tuf_edit *edits[COMMIT_MAX] = { NULL };
        size_t left = 0;
        if (tries == TRIES_MAX)
            return TUF_CONFLICT;
        st = commit_edits(edits, db, entries, count);
        for (size_t i = 0; i < count; i++) {
            tuf_edit_result result = { .status = TUF_OK };
            if (st == TUF_OK)
                tuf_edit_get_result(&result, edits[i]);
            if (result.status != TUF_OK)
                entries[left++] = entries[i];
            tuf_edit_free(&edits[i]);
        }
        count = left;
    }
    return st;
}

static void write_all(struct global_changes *log, struct entry *first)
{
    TUF_AUTO(dbh_unref) struct dbh *dbh = NULL;
    tuf_status st = dbs_open(&dbh, dbs_of(log->server), tuf_str(GLOBAL_CHANGES_NAME));
    while (st == TUF_OK && first != NULL) {
        struct entry *entries[COMMIT_MAX];
        size_t count = 0;
        for (; first != NULL && count < COMMIT_MAX; first = first->next)
            entries[count++] = first;
        st = write_some(dbh_db(dbh), entries, count);
    }
    /* Deleted meanwhile: then there is no log to be written. */
    if (st != TUF_OK && st != TUF_NOT_FOUND && (dbh == NULL || !dbh_is_deleted(dbh)))
        log_line(LOG_ERROR, "writing " GLOBAL_CHANGES_NAME ": %s",
                 st < 0 ? tuf_last_error()->text : tuf_status_text(st));
}

/* ---- the thread -------------------------------------------------------------------------- */

/* With the lock held: lets events come together. */
static void linger(struct global_changes *log)
{
    struct timespec end = { 0 };
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_nsec += GLOBAL_CHANGES_DELAY_MS * 1000000L;
    end.tv_sec += end.tv_nsec / 1000000000L;
    end.tv_nsec %= 1000000000L;
    while (!log->stopping && pthread_cond_timedwait(&log->wake, &log->lock, &end) == 0)
        continue;
}

static void *thread_main(void *arg)
{
    struct global_changes *log = arg;
    pthread_mutex_lock(&log->lock);
    while (!log->stopping || log->first != NULL) {
        if (log->first == NULL) {
            pthread_cond_wait(&log->wake, &log->lock);
            continue;
        }
        linger(log);
        struct entry *batch = take_all(log);
        pthread_mutex_unlock(&log->lock);
        if (batch != NULL)
            write_all(log, batch);
        free_entries(batch);
        pthread_mutex_lock(&log->lock);
    }
    pthread_mutex_unlock(&log->lock);
    return NULL;
}

/* With the lock held. */
static bool start_thread(struct global_changes *log)
{
    if (!log->has_thread)
        log->has_thread = thread_start(&log->thread, thread_main, log) == 0;
    return log->has_thread;
}

/* ---- telling ----------------------------------------------------------------------------- */

/*   dbh  of a commit, else NULL */
static void tell(struct global_changes *log, enum global_event event, tuf_slice name,
                 const struct dbh *dbh)
{
    static const char *const types[] = { "created", "updated", "deleted" };
    char id[ID_SIZE];
    if (!log->on || slice_is(name, GLOBAL_CHANGES_NAME))
        return;
    int len = snprintf(id, sizeof(id), "%s:%.*s", types[event], (int)name.len,
                       (const char *)name.data);
    pthread_mutex_lock(&log->lock);
    /* A commit that ends after its database was deleted must not stand behind the deletion, which
     * marks the database before it is told. */
    bool wanted = log->on && (dbh == NULL || !dbh_is_deleted(dbh));
    bool good = !wanted || start_thread(log);
    if (wanted && good) {
        struct entry *entry = find_or_make(log, tuf_slice_of(id, (size_t)len));
        good = entry != NULL;
        bool was_empty = log->first == NULL;
        if (good)
            append_entry(log, entry);
        if (good && was_empty)
            pthread_cond_signal(&log->wake);
    }
    pthread_mutex_unlock(&log->lock);
    if (!good)
        log_line(LOG_ERROR, "out of memory: %s is not told in " GLOBAL_CHANGES_NAME, id);
}

void global_changes_tell(struct global_changes *log, enum global_event event, tuf_slice name)
{
    tell(log, event, name, NULL);
}

void global_changes_tell_commit(struct global_changes *log, const struct dbh *dbh)
{
    if (log->on)
        tell(log, GLOBAL_UPDATED, dbh_name(dbh), dbh);
}

void global_changes_set_on(struct global_changes *log, bool on)
{
    struct entry *dropped = NULL;
    pthread_mutex_lock(&log->lock);
    log->on = on;
    if (!on)
        dropped = take_all(log);
    pthread_mutex_unlock(&log->lock);
    free_entries(dropped);
}

/* ---- life -------------------------------------------------------------------------------- */

struct global_changes *global_changes_new(struct server *server)
{
    struct global_changes *log = tufi_alloc_zero(sizeof(*log));
    if (log == NULL)
        return NULL;
    log->server = server;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&log->lock, NULL);
    pthread_cond_init(&log->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return log;
}

void global_changes_free(struct global_changes **log_p)
{
    struct global_changes *log = *log_p;
    if (log == NULL)
        return;
    pthread_mutex_lock(&log->lock);
    log->stopping = true;
    pthread_cond_signal(&log->wake);
    pthread_mutex_unlock(&log->lock);
    if (log->has_thread)
        pthread_join(log->thread, NULL);
    /* Not before: the last commits of the log ask for it, too. */
    *log_p = NULL;
    free_entries(log->first);
    pthread_cond_destroy(&log->wake);
    pthread_mutex_destroy(&log->lock);
    tufi_free(log);
}
