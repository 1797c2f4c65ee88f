/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the compaction thread and its queue (compactions.h).
 *
 * The thread starts with the first compaction: a server that never compacts does not pay for it.
 * Lock: compactions->lock guards the queue; nothing is called with it held but what appends text.
 */
#include "server/compactions.h"

#include <inttypes.h>
#include <pthread.h>

#include "base/alloc.h"
#include "server/dbs.h"
#include "server/http.h"
#include "server/log.h"
#include "server/loop.h"
#include "server/server.h"
#include "server/thread.h"

struct compaction_job {
    struct compaction_job *next;
    struct compactions *owner;
    struct dbh *dbh;            /* holds a reference */
    uint64_t started_s;         /* wall clock, when queued */
    _Atomic uint64_t updated_s;
    _Atomic uint64_t done, total; /* documents */
    bool running;
};

struct compactions {
    struct server *server;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct compaction_job *first, *last; /* the one that runs stays first until it ends */
    bool has_thread;
    _Atomic bool stopping;
    pthread_t thread;
};

static int show_progress(uint64_t done, uint64_t total, void *ctx)
{
    struct compaction_job *job = ctx;
    job->done = done;
    job->total = total;
    job->updated_s = clock_us() / 1000000;
    return job->owner->stopping || dbh_is_deleted(job->dbh);
}

static int before_switch(void *ctx)
{
    struct compaction_job *job = ctx;
    return dbh_lock_name(job->dbh) ? 0 : -1;
}

static void after_switch(void *ctx)
{
    struct compaction_job *job = ctx;
    dbh_unlock_name(job->dbh);
}

static void tell_damage(const tuf_finding *finding, void *ctx)
{
    struct compaction_job *job = ctx;
    log_line(LOG_ERROR, "compaction of %s: document %.*s: %s", (const char *)dbh_name(job->dbh).data,
             (int)finding->id.len, (const char *)finding->id.data, finding->text);
}

static void run_job(struct compaction_job *job)
{
    tuf_compact_options opts = TUF_COMPACT_OPTIONS_INIT;
    opts.found = tell_damage;
    opts.progress = show_progress;
    opts.before_switch = before_switch;
    opts.after_switch = after_switch;
    opts.ctx = job;
    tuf_compact_report report;
    const char *name = (const char *)dbh_name(job->dbh).data;
    tuf_status st = tuf_db_compact(&report, dbh_db(job->dbh), &opts);
    if (st == TUF_OK)
        log_line(LOG_INFO, "compacted %s: %" PRIu64 " to %" PRIu64 " bytes, writers waited %" PRIu64
                           " us", name, report.size_before, report.size_after, report.blocked_us);
    else if (st != TUF_STOPPED)
        log_line(LOG_ERROR, "compaction of %s: %s", name,
                 st < 0 ? tuf_last_error()->text : tuf_status_text(st));
}

/* With the lock held. */
static void drop_first(struct compactions *c)
{
    struct compaction_job *job = c->first;
    c->first = job->next;
    if (c->first == NULL)
        c->last = NULL;
    dbh_unref(&job->dbh);
    tufi_free(job);
}

static void *thread_main(void *arg)
{
    struct compactions *c = arg;
    pthread_mutex_lock(&c->lock);
    while (!c->stopping) {
        if (c->first == NULL) {
            pthread_cond_wait(&c->wake, &c->lock);
            continue;
        }
        c->first->running = true;
        struct compaction_job *job = c->first;
        pthread_mutex_unlock(&c->lock);
        if (!dbh_is_deleted(job->dbh))
            run_job(job);
        pthread_mutex_lock(&c->lock);
        drop_first(c);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* With the lock held. */
static bool start_thread(struct compactions *c)
{
    if (!c->has_thread)
        c->has_thread = thread_start(&c->thread, thread_main, c) == 0;
    return c->has_thread;
}

static bool is_queued(const struct compactions *c, const struct dbh *dbh)
{
    for (const struct compaction_job *job = c->first; job != NULL; job = job->next) {
        if (job->dbh == dbh)
            return true;
    }
    return false;
}

static bool enqueue(struct compactions *c, struct dbh *dbh)
{
    struct compaction_job *job = tufi_alloc_zero(sizeof(*job));
    if (job == NULL || !start_thread(c)) {
        tufi_free(job);
        return false;
    }
    job->owner = c;
    job->dbh = dbh_ref(dbh);
    job->started_s = clock_us() / 1000000;
    job->updated_s = job->started_s;
    if (c->last != NULL)
        c->last->next = job;
    else
        c->first = job;
    c->last = job;
    pthread_cond_signal(&c->wake);
    return true;
}

bool compactions_start(struct compactions *compactions, struct dbh *dbh)
{
    pthread_mutex_lock(&compactions->lock);
    bool good = !compactions->stopping && (is_queued(compactions, dbh) || enqueue(compactions, dbh));
    pthread_mutex_unlock(&compactions->lock);
    return good;
}

bool compactions_running(struct compactions *compactions, const struct dbh *dbh)
{
    pthread_mutex_lock(&compactions->lock);
    bool running = is_queued(compactions, dbh);
    pthread_mutex_unlock(&compactions->lock);
    return running;
}

static void append_task(struct buf *out, const struct compaction_job *job)
{
    uint64_t done = job->done, total = job->total;
    tufi_buf_printf(out, "{\"node\":\"%s\",\"pid\":\"<0.0.0>\",\"process_status\":\"",
                    job->owner->server->node_name);
    buf_append_str(out, job->running ? "running" : "waiting");
    buf_append_str(out, "\",\"type\":\"database_compaction\",\"phase\":\"docs\",\"database\":");
    json_append_string(out, dbh_name(job->dbh));
    tufi_buf_printf(out,
                    ",\"changes_done\":%" PRIu64 ",\"total_changes\":%" PRIu64
                    ",\"progress\":%" PRIu64 ",\"started_on\":%" PRIu64 ",\"updated_on\":%" PRIu64
                    "}",
                    done, total, total > 0 ? done * 100 / total : 0, job->started_s,
                    (uint64_t)job->updated_s);
}

void compactions_append_tasks(struct buf *out, size_t *count, struct compactions *compactions)
{
    pthread_mutex_lock(&compactions->lock);
    for (struct compaction_job *job = compactions->first; job != NULL; job = job->next) {
        if ((*count)++ > 0)
            buf_append_u8(out, ',');
        append_task(out, job);
    }
    pthread_mutex_unlock(&compactions->lock);
}

struct compactions *compactions_new(struct server *server)
{
    struct compactions *c = tufi_alloc_zero(sizeof(*c));
    if (c == NULL)
        return NULL;
    c->server = server;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->wake, NULL);
    return c;
}

void compactions_free(struct compactions **compactions)
{
    struct compactions *c = *compactions;
    *compactions = NULL;
    if (c == NULL)
        return;
    pthread_mutex_lock(&c->lock);
    c->stopping = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
    if (c->has_thread)
        pthread_join(c->thread, NULL);
    while (c->first != NULL)
        drop_first(c);
    pthread_cond_destroy(&c->wake);
    pthread_mutex_destroy(&c->lock);
    tufi_free(c);
}
