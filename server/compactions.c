/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the compaction thread and its queue (compactions.h).
 *
 * Between compactions the thread looks, every check_interval, which of the open databases have enough
 * garbage. Where a compaction was interrupted it goes on first, after the start of the server.
 * Lock: compactions->lock guards the queue; nothing is called with it held but what appends text.
 */
#include "server/compactions.h"

#include <inttypes.h>
#include <pthread.h>
#include <time.h>

#include "base/alloc.h"
#include "server/compaction_policy.h"
#include "server/config.h"
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
    bool trim;                  /* only gives dead space back, in the same file */
    bool automatic;             /* nobody asked: it keeps to the policy's hours and speed */
    _Atomic bool paused;        /* shown only */
    _Atomic bool cancelled;
    uint64_t paced_us, paced_bytes; /* when its speed was first measured, and written since */
};

struct compactions {
    struct server *server;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct compaction_job *first, *last; /* the one that runs stays first until it ends */
    bool has_thread;
    uint64_t next_check_us;
    _Atomic bool stopping;
    pthread_t thread;
};

/* ---- one compaction ------------------------------------------------------------------------ */

static enum tuf_compact_answer answer(const struct compaction_job *job)
{
    if (job->cancelled || dbh_is_deleted(job->dbh))
        return TUF_COMPACT_CANCEL;
    return job->owner->stopping ? TUF_COMPACT_LATER : TUF_COMPACT_GO_ON;
}

static int show_progress(uint64_t done, uint64_t total, void *ctx)
{
    struct compaction_job *job = ctx;
    job->done = done;
    job->total = total;
    job->updated_s = clock_us() / 1000000;
    return (int)answer(job);
}

static unsigned minute_of_day(void)
{
    time_t now = (time_t)(clock_us() / 1000000);
    struct tm local;
    return localtime_r(&now, &local) != NULL ? (unsigned)(local.tm_hour * 60 + local.tm_min) : 0;
}

/* Sleeps until the lock's condition is signalled, at most so long. With the lock held. */
static void sleep_us(struct compactions *c, uint64_t us)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    uint64_t ns = (uint64_t)until.tv_nsec + us % 1000000 * 1000;
    until.tv_sec += (time_t)(us / 1000000 + ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    pthread_cond_timedwait(&c->wake, &c->lock, &until);
}

/* How long a job has to wait before it writes more; 0: it may go on. */
static uint64_t delay_us(struct compaction_job *job)
{
    struct config *config = job->owner->server->config;
    struct compaction_policy policy;
    policy_read(&policy, config);
    job->paused = config_bool(config, "compaction", "paused", false) ||
                  (job->automatic && !policy_allows(&policy, minute_of_day()));
    uint64_t now = clock_us();
    if (job->paused || !job->automatic || policy.bytes_per_second == UINT64_MAX) {
        job->paced_us = 0;
        return job->paused ? 1000000 : 0;
    }
    if (job->paced_us == 0) {
        job->paced_us = now;
        job->paced_bytes = 0;
    }
    double due = (double)job->paced_bytes * 1e6 / (double)policy.bytes_per_second;
    double passed = (double)(now - job->paced_us);
    return due > passed ? (uint64_t)(due - passed) + 1 : 0;
}

static int pace(uint64_t bytes, void *ctx)
{
    struct compaction_job *job = ctx;
    struct compactions *c = job->owner;
    job->paced_bytes += bytes;
    uint64_t wait;
    while (answer(job) == TUF_COMPACT_GO_ON && (wait = delay_us(job)) > 0) {
        pthread_mutex_lock(&c->lock);
        if (!c->stopping && !job->cancelled)
            sleep_us(c, wait < 1000000 ? wait : 1000000);
        pthread_mutex_unlock(&c->lock);
    }
    return (int)answer(job);
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

static int trim_progress(uint64_t done, uint64_t total, void *ctx)
{
    return show_progress(done, total, ctx) != TUF_COMPACT_GO_ON;
}

static void run_trim(struct compaction_job *job)
{
    struct compaction_policy policy;
    policy_read(&policy, job->owner->server->config);
    tuf_trim_options opts = TUF_TRIM_OPTIONS_INIT;
    opts.keep_us = policy.keep_history_s * 1000000;
    opts.progress = trim_progress;
    opts.ctx = job;
    tuf_trim_report report;
    const char *name = (const char *)dbh_name(job->dbh).data;
    tuf_status st = tuf_db_trim(&report, dbh_db(job->dbh), &opts);
    if (st == TUF_OK && report.first_commit > 0)
        log_line(LOG_INFO, "trimmed %s: %" PRIu64 " bytes take no space, its past begins with"
                           " sequence %" PRIu64, name, report.bytes_free, report.first_seq);
    else if (st < 0)
        log_line(LOG_ERROR, "trimming %s: %s", name, tuf_last_error()->text);
}

static void run_job(struct compaction_job *job)
{
    tuf_compact_options opts = TUF_COMPACT_OPTIONS_INIT;
    opts.found = tell_damage;
    opts.progress = show_progress;
    opts.pace = pace;
    opts.before_switch = before_switch;
    opts.after_switch = after_switch;
    opts.ctx = job;
    tuf_compact_report report;
    const char *name = (const char *)dbh_name(job->dbh).data;
    tuf_status st = tuf_db_compact(&report, dbh_db(job->dbh), &opts);
    if (st == TUF_OK)
        log_line(LOG_INFO, "compacted %s: %" PRIu64 " to %" PRIu64 " bytes, writers waited %" PRIu64
                           " us%s", name, report.size_before, report.size_after, report.blocked_us,
                 report.slowed_writers ? " and were slowed before" : "");
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

/* ---- the queue --------------------------------------------------------------------------- */

/* With the lock held. */
static struct compaction_job *find_job(const struct compactions *c, const struct dbh *dbh, bool trim)
{
    for (struct compaction_job *job = c->first; job != NULL; job = job->next) {
        if (job->dbh == dbh && job->trim == trim)
            return job;
    }
    return NULL;
}

static bool enqueue(struct compactions *c, struct dbh *dbh, bool automatic, bool trim)
{
    struct compaction_job *job = tufi_alloc_zero(sizeof(*job));
    if (job == NULL) {
        tufi_free(job);
        return false;
    }
    job->owner = c;
    job->automatic = automatic;
    job->trim = trim;
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

/* ---- without being asked ------------------------------------------------------------------- */

static void enqueue_unasked(struct compactions *c, struct dbh *dbh, bool trim)
{
    pthread_mutex_lock(&c->lock);
    if (!c->stopping && find_job(c, dbh, trim) == NULL)
        (void)enqueue(c, dbh, true, trim);
    pthread_mutex_unlock(&c->lock);
}

/* What the server was stopped or killed over goes on. */
static void resume_unfinished(struct compactions *c)
{
    struct dbs_names names = { NULL, 0 };
    struct compaction_policy policy;
    policy_read(&policy, c->server->config);
    if (!policy.automatic || dbs_list_unfinished(&names, dbs_of(c->server)) != TUF_OK)
        return;
    for (size_t i = 0; i < names.count && !c->stopping; i++) {
        struct dbh *dbh = NULL;
        if (dbs_open(&dbh, dbs_of(c->server), names.items[i]) == TUF_OK)
            enqueue_unasked(c, dbh, false);
        dbh_unref(&dbh);
    }
    dbs_names_release(&names);
}

static bool read_info(tuf_db_info *info, struct dbh *dbh)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    *info = (tuf_db_info){ .struct_size = sizeof(*info) };
    return !dbh_is_deleted(dbh) && tuf_db_snapshot(&snapshot, dbh_db(dbh)) == TUF_OK &&
           tuf_snapshot_info(info, snapshot) == TUF_OK;
}

static void look_for_garbage(struct compactions *c, const struct compaction_policy *policy)
{
    struct dbh **refs = NULL;
    size_t count = dbs_refs_open(&refs, dbs_of(c->server));
    for (size_t i = 0; i < count; i++) {
        tuf_db_info info;
        if (read_info(&info, refs[i])) {
            if (policy->automatic && policy_wants(policy, &info))
                enqueue_unasked(c, refs[i], false);
            else if (policy_wants_trim(policy, &info))
                enqueue_unasked(c, refs[i], true);
        }
        dbh_unref(&refs[i]);
    }
    tufi_free(refs);
}

/* With the lock held, which is given back meanwhile. */
static void wait_for_work(struct compactions *c)
{
    struct compaction_policy policy;
    policy_read(&policy, c->server->config);
    uint64_t now = clock_us(), interval = policy.check_interval_s * 1000000;
    if (c->next_check_us == 0 || c->next_check_us > now + interval)
        c->next_check_us = now + interval;
    if (now < c->next_check_us) {
        sleep_us(c, c->next_check_us - now < 5000000 ? c->next_check_us - now : 5000000);
        return;
    }
    c->next_check_us = now + interval;
    if ((!policy.automatic && !policy.trim) || !policy_allows(&policy, minute_of_day()) ||
        config_bool(c->server->config, "compaction", "paused", false))
        return;
    pthread_mutex_unlock(&c->lock);
    look_for_garbage(c, &policy);
    pthread_mutex_lock(&c->lock);
}

static void *thread_main(void *arg)
{
    struct compactions *c = arg;
    resume_unfinished(c);
    pthread_mutex_lock(&c->lock);
    while (!c->stopping) {
        if (c->first == NULL) {
            wait_for_work(c);
            continue;
        }
        c->first->running = true;
        struct compaction_job *job = c->first;
        pthread_mutex_unlock(&c->lock);
        bool wanted = !dbh_is_deleted(job->dbh) && !job->cancelled;
        if (wanted && job->trim)
            run_trim(job);
        if (wanted && !job->trim)
            run_job(job);
        pthread_mutex_lock(&c->lock);
        drop_first(c);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

bool compactions_begin(struct compactions *compactions)
{
    compactions->has_thread = thread_start(&compactions->thread, thread_main, compactions) == 0;
    return compactions->has_thread;
}

bool compactions_start(struct compactions *compactions, struct dbh *dbh)
{
    pthread_mutex_lock(&compactions->lock);
    struct compaction_job *job = find_job(compactions, dbh, false);
    if (job != NULL)
        job->automatic = false; /* now somebody waits for it */
    bool good = !compactions->stopping &&
                (job != NULL || enqueue(compactions, dbh, false, false));
    pthread_mutex_unlock(&compactions->lock);
    return good;
}

bool compactions_cancel(struct compactions *compactions, const struct dbh *dbh)
{
    pthread_mutex_lock(&compactions->lock);
    struct compaction_job *job = find_job(compactions, dbh, false);
    if (job != NULL)
        job->cancelled = true;
    pthread_cond_signal(&compactions->wake);
    pthread_mutex_unlock(&compactions->lock);
    return job != NULL;
}

bool compactions_running(struct compactions *compactions, const struct dbh *dbh)
{
    pthread_mutex_lock(&compactions->lock);
    bool running = find_job(compactions, dbh, false) != NULL;
    pthread_mutex_unlock(&compactions->lock);
    return running;
}

static void append_task(struct buf *out, const struct compaction_job *job)
{
    uint64_t done = job->done, total = job->total;
    tufi_buf_printf(out, "{\"node\":\"%s\",\"pid\":\"<0.0.0>\",\"process_status\":\"",
                    job->owner->server->node_name);
    buf_append_str(out, !job->running ? "waiting" : job->paused ? "suspended" : "running");
    tufi_buf_printf(out, "\",\"type\":\"database_compaction\",\"phase\":\"%s\",\"database\":",
                    job->trim ? "trim" : "docs");
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
