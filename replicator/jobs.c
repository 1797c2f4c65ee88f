/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see replicator/jobs.h. What is shown is in jobs_show.c.
 *
 * The scheduler's thread starts with the first job. It sleeps until something happens, a wait after
 * a crash ends, or a round is due because jobs wait for places.
 */
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "replicator/jobs_impl.h"
#include "replicator/redact.h"

#define JOBS_COUNT_MAX 100000
#define SEQ_TEXT_MAX 4096
#define REASON_SIZE (TUF_ERROR_TEXT_SIZE + 64)
/* What a remote sends may nest 2,048 deep (jansson's limit): some 500 bytes of stack a level, with a
 * sanitizer. Only what is touched takes memory. */
#define THREAD_STACK_SIZE ((size_t)4 << 20)

void repl_format_time(char out[REPL_TIME_SIZE], time_t when)
{
    struct tm tm;
    memset(&tm, 0, sizeof(tm));
    (void)gmtime_r(&when, &tm);
    if (strftime(out, REPL_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        out[0] = 0;
}

/* ---- the table; with the lock held ---------------------------------------------------------- */

static struct repl_job **bucket_of(const struct repl_jobs *jobs, const char *id)
{
    uint32_t hash = 2166136261u;
    for (; *id != 0; id++)
        hash = (hash ^ (uint8_t)*id) * 16777619u;
    return (struct repl_job **)(uintptr_t)&jobs->buckets[hash % REPL_BUCKET_COUNT];
}

struct repl_job *repl_jobs_find(const struct repl_jobs *jobs, const char *id)
{
    struct repl_job *job = *bucket_of(jobs, id);
    while (job != NULL && (job->removed || strcmp(job->id, id) != 0))
        job = job->chain;
    return job;
}

/* Whether a removed job of the same id still has its thread. */
static bool is_blocked(const struct repl_job *job)
{
    const struct repl_job *other = *bucket_of(job->jobs, job->id);
    for (; other != NULL; other = other->chain) {
        if (other != job && other->state == JOB_RUNNING && strcmp(other->id, job->id) == 0)
            return true;
    }
    return false;
}

static void link_job(struct repl_jobs *jobs, struct repl_job *job)
{
    struct repl_job **bucket = bucket_of(jobs, job->id);
    job->order = ++jobs->order;
    job->chain = *bucket;
    *bucket = job;
    job->prev = jobs->last;
    if (jobs->last != NULL)
        jobs->last->next = job;
    else
        jobs->first = job;
    jobs->last = job;
    jobs->count++;
    jobs->happened.adds++;
    job->linked = true;
}

static void free_job(struct repl_job *job)
{
    repl_options_release(&job->opts);
    tufi_free(job->server_uuid);
    tufi_free(job->user);
    tufi_free(job->database);
    tufi_free(job->doc_id);
    json_decref(job->history);
    tufi_buf_release(&job->source_seq);
    tufi_buf_release(&job->through_seq);
    tufi_buf_release(&job->checkpointed_seq);
    tufi_buf_release(&job->result);
    tufi_free(job);
}

/* Takes a job out of the table, if it is there, and gives the table's reference back. */
static void unlink_job(struct repl_job *job)
{
    struct repl_jobs *jobs = job->jobs;
    if (!job->linked)
        return;
    job->linked = false;
    struct repl_job **link = bucket_of(jobs, job->id);
    while (*link != job)
        link = &(*link)->chain;
    *link = job->chain;
    if (job->prev != NULL)
        job->prev->next = job->next;
    else
        jobs->first = job->next;
    if (job->next != NULL)
        job->next->prev = job->prev;
    else
        jobs->last = job->prev;
    jobs->count--;
    jobs->happened.removes++;
    if (--job->ref_count == 0)
        free_job(job);
}

static void wake_scheduler(struct repl_jobs *jobs)
{
    jobs->dirty = true;
    pthread_cond_signal(&jobs->wake);
}

/* ---- history; with the lock held ------------------------------------------------------------ */

static void add_history(struct repl_job *job, const char *type, const char *reason, size_t max)
{
    char when[REPL_TIME_SIZE];
    job->updated = time(NULL);
    repl_format_time(when, job->updated);
    json_t *event = json_pack("{s:s,s:s}", "timestamp", when, "type", type);
    if (reason != NULL)
        (void)json_object_set_new(event, "reason", json_string(reason));
    /* Out of memory an event is missing; the job goes on. */
    (void)json_array_insert_new(job->history, 0, event);
    while (json_array_size(job->history) > (max > 0 ? max : 1))
        (void)json_array_remove(job->history, json_array_size(job->history) - 1);
}

static struct repl_limits read_limits(const struct repl_jobs *jobs)
{
    struct repl_limits limits = REPL_LIMITS_INIT;
    if (jobs->hooks.limits != NULL)
        jobs->hooks.limits(&limits, jobs->hooks.ctx);
    return limits;
}

static void tell(struct repl_jobs *jobs, const struct repl_event *event)
{
    if (jobs->hooks.event != NULL)
        jobs->hooks.event(event, jobs->hooks.ctx);
}

static struct repl_event event_of(enum repl_event_kind kind, const struct repl_job *job)
{
    return (struct repl_event){ .kind = kind, .id = job->id, .database = job->database,
                                .doc_id = job->doc_id };
}

/* ---- a job's thread ------------------------------------------------------------------------- */

static void keep_text(struct buf *out, const char *text)
{
    tufi_buf_clear(out);
    buf_append_str(out, strlen(text) <= SEQ_TEXT_MAX ? text : "null");
    if (out->failed)
        tufi_buf_clear(out);
}

static void on_report(const struct repl_progress *progress, void *ctx)
{
    struct repl_job *job = ctx;
    pthread_mutex_lock(&job->jobs->lock);
    job->stats = progress->stats;
    job->has_stats = true;
    job->report_time = time(NULL);
    keep_text(&job->source_seq, progress->source_seq);
    keep_text(&job->through_seq, progress->through_seq);
    keep_text(&job->checkpointed_seq, progress->checkpointed_seq);
    pthread_mutex_unlock(&job->jobs->lock);
}

/* Enough to know what is wrong, and no flood. */
#define TOLD_FAILURES_MAX 10

static void on_doc_failed(const char *id, const char *rev, const char *why, void *ctx)
{
    struct repl_job *job = ctx;
    struct repl_event event = event_of(REPL_DOC_FAILED, job);
    if (atomic_fetch_add(&job->told_failures, 1) >= TOLD_FAILURES_MAX)
        return;
    event.failed_id = id;
    event.failed_rev = rev;
    event.error = why;
    tell(job->jobs, &event);
}

static void note_error(struct repl_job *job, tuf_status st)
{
    const tuf_error *error = tuf_last_error();
    job->end.status = st;
    (void)snprintf(job->end.kind, sizeof(job->end.kind), "%s",
                   st < 0 && error->kind[0] != 0 ? error->kind : "replication_failed");
    (void)snprintf(job->end.text, sizeof(job->end.text), "%s",
                   st < 0 ? error->text : st == TUF_STOPPED ? "the replication was cancelled" : "");
    repl_redact(job->end.text, &job->opts.source);
    repl_redact(job->end.text, &job->opts.target);
}

/* With the lock held, as settle(). */
static void settle_done(struct repl_job *job, const json_t *result)
{
    char *text = result != NULL ? json_dumps(result, JSON_COMPACT) : NULL;
    buf_append_str(&job->result, text != NULL ? text : "{}");
    free(text);
    note_error(job, TUF_OK);
    /* The job of a document stays until the document says so. */
    job->state = job->database != NULL ? JOB_COMPLETED : JOB_ENDED;
    job->crash_count = 0;
    job->updated = time(NULL);
}

/*   reason  room for the event's error, which will point there */
static void settle_crash(struct repl_event *event, char reason[REASON_SIZE], struct repl_job *job,
                         tuf_status st, const struct repl_limits *limits)
{
    bool again = job->database != NULL || job->opts.continuous;
    uint64_t now = repl_now_ms();
    note_error(job, st);
    (void)snprintf(reason, REASON_SIZE, "%s: %s", job->end.kind, job->end.text);
    job->crash_count = repl_count_crash(limits, job->crash_count, now - job->started_ms);
    job->state = again ? JOB_CRASHING : JOB_ENDED;
    event->kind = again ? REPL_CRASHED : REPL_FAILED;
    event->error = reason;
    event->crash_count = job->crash_count;
    event->wait_ms = repl_backoff_ms(limits, job->crash_count);
    job->ready_ms = now + event->wait_ms;
    job->jobs->happened.crashes++;
    add_history(job, "crashed", reason, limits->history_max);
}

/* What a run's end means for its job. */
static void settle(struct repl_event *event, char reason[REASON_SIZE], struct repl_job *job,
                   tuf_status st, const json_t *result)
{
    struct repl_limits limits = job->limits;
    event->kind = REPL_STOPPED;
    if (job->removed || job->jobs->stopping) {
        job->removed = true;
        job->state = JOB_ENDED;
        note_error(job, st == TUF_OK ? TUF_STOPPED : st);
    } else if (st == TUF_OK) {
        settle_done(job, result);
        event->kind = REPL_COMPLETED;
    } else if (st == TUF_STOPPED) {
        job->state = JOB_PENDING;
        job->crash_count = 0;
        job->jobs->happened.stops++;
        add_history(job, "stopped", NULL, limits.history_max);
    } else {
        settle_crash(event, reason, job, st, &limits);
    }
}

/* The databases that a run goes to directly. */
struct places {
    const struct repl_hooks *hooks;
    struct repl_place source, target;
};

static bool are_there(void *ctx)
{
    const struct places *p = ctx;
    return (p->source.db == NULL || p->hooks->is_there(&p->source)) &&
           (p->target.db == NULL || p->hooks->is_there(&p->target));
}

static void open_places(struct places *p, struct repl_run *run)
{
    const struct repl_options *opts = run->opts;
    /* A source filters by itself only as a server. */
    bool filtered = opts->filter != NULL || opts->selector != NULL;
    if (p->hooks->open == NULL)
        return;
    if (opts->source.local_name != NULL && !filtered &&
        p->hooks->open(&p->source, opts->source.local_name, false, p->hooks->ctx)) {
        run->source_db = p->source.db;
        run->source_token = p->source.token;
    }
    if (opts->target.local_name != NULL && opts->create_params == NULL &&
        p->hooks->open(&p->target, opts->target.local_name, opts->create_target, p->hooks->ctx)) {
        run->target_db = p->target.db;
        run->target_token = p->target.token;
        run->doc_size_max = p->target.doc_size_max;
        run->att_size_max = p->target.att_size_max;
    }
    run->alive = are_there;
    run->alive_ctx = p;
}

static void close_places(struct places *p)
{
    if (p->source.db != NULL)
        p->hooks->close(&p->source);
    if (p->target.db != NULL)
        p->hooks->close(&p->target);
}

static void *job_main(void *arg)
{
    struct repl_job *job = arg;
    struct repl_jobs *jobs = job->jobs;
    struct places places = { .hooks = &jobs->hooks };
    struct repl_run run = { .opts = &job->opts, .id = job->base_id, .cancel = &job->cancel,
                            .go_on_counting = true, .report = on_report,
                            .doc_failed = on_doc_failed, .ctx = job, .abandon = &job->abandon,
                            .server_uuid = job->server_uuid };
    struct repl_event event = event_of(REPL_STARTED, job);
    char reason[REASON_SIZE];
    json_t *result = NULL;
    atomic_store(&job->told_failures, 0);
    tell(jobs, &event);
    open_places(&places, &run);
    tuf_status st = repl_run(&result, &run);
    close_places(&places);
    pthread_mutex_lock(&jobs->lock);
    settle(&event, reason, job, st, result);
    pthread_mutex_unlock(&jobs->lock);
    json_decref(result);
    tell(jobs, &event);
    pthread_mutex_lock(&jobs->lock);
    if (job->removed || job->state == JOB_ENDED)
        unlink_job(job);
    if (--job->ref_count == 0)
        free_job(job);
    jobs->thread_count--;
    wake_scheduler(jobs);
    pthread_cond_broadcast(&jobs->empty);
    pthread_mutex_unlock(&jobs->lock);
    return NULL;
}

static bool start_thread(pthread_t *out, void *(*run)(void *), void *arg)
{
    pthread_attr_t attr;
    sigset_t all, before;
    if (pthread_attr_init(&attr) != 0)
        return false;
    (void)pthread_attr_setstacksize(&attr, THREAD_STACK_SIZE);
    /* Signals are the main thread's. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool good = pthread_create(out, &attr, run, arg) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return good;
}

/* ---- the scheduler; with the lock held but in scheduler_main -------------------------------- */

static void start_job(struct repl_job *job, const struct repl_limits *limits)
{
    struct repl_jobs *jobs = job->jobs;
    pthread_t thread;
    job->cancel = false;
    job->limits = *limits;
    job->started_ms = repl_now_ms();
    job->run_time = job->report_time = time(NULL);
    job->pid = ++job->run_count + job->order * 16;
    job->ref_count++;
    jobs->thread_count++;
    if (start_thread(&thread, job_main, job)) {
        pthread_detach(thread);
        job->state = JOB_RUNNING;
        jobs->happened.starts++;
        add_history(job, "started", NULL, limits->history_max);
        return;
    }
    job->ref_count--;
    jobs->thread_count--;
    /* Later there may be memory for it. */
    job->state = JOB_CRASHING;
    job->ready_ms = repl_now_ms() + limits->backoff_first_ms;
    add_history(job, "crashed", "no thread for another replication", limits->history_max);
}

static enum schedule_state schedule_state_of(const struct repl_job *job)
{
    switch (job->state) {
    case JOB_PENDING:
    case JOB_CRASHING:
        return is_blocked(job) ? SCHEDULE_IDLE : SCHEDULE_WAITING;
    case JOB_RUNNING:
        return job->cancel ? SCHEDULE_STOPPING : SCHEDULE_RUNNING;
    case JOB_COMPLETED:
    case JOB_ENDED:
        break;
    }
    return SCHEDULE_IDLE;
}

struct round {
    struct schedule_job *view;
    struct repl_job **jobs; /* behind each */
    size_t *picks;
    size_t count;
};

static void free_round(struct round *round)
{
    tufi_free(round->view);
    tufi_free(round->jobs);
    tufi_free(round->picks);
}

static bool fill_round(struct round *round, struct repl_jobs *jobs)
{
    size_t room = jobs->count + 1;
    round->view = tufi_alloc_array(room, sizeof(*round->view));
    round->jobs = tufi_alloc_array(room, sizeof(struct repl_job *));
    round->picks = tufi_alloc_array(room, sizeof(*round->picks));
    if (round->view == NULL || round->jobs == NULL || round->picks == NULL)
        return false;
    for (struct repl_job *job = jobs->first; job != NULL; job = job->next) {
        round->jobs[round->count] = job;
        round->view[round->count++] = (struct schedule_job){
            schedule_state_of(job), job->opts.continuous, job->order, job->started_ms,
            job->ready_ms
        };
    }
    return true;
}

/* Starts and stops what is to be. Returns when to look again. */
static uint64_t schedule(struct repl_jobs *jobs, const struct repl_limits *limits)
{
    TUF_AUTO(free_round) struct round round = { 0 };
    uint64_t now = repl_now_ms();
    if (!fill_round(&round, jobs))
        return now + limits->interval_ms;
    if (now >= jobs->round_ms) {
        size_t stops = repl_pick_stops(round.picks, round.view, round.count, limits, now);
        for (size_t i = 0; i < stops; i++) {
            round.jobs[round.picks[i]]->cancel = true;
            round.view[round.picks[i]].state = SCHEDULE_STOPPING;
        }
        jobs->round_ms = now + limits->interval_ms;
    }
    size_t starts = repl_pick_starts(round.picks, round.view, round.count, limits, now);
    for (size_t i = 0; i < starts; i++) {
        start_job(round.jobs[round.picks[i]], limits);
        round.view[round.picks[i]].state = schedule_state_of(round.jobs[round.picks[i]]);
        round.view[round.picks[i]].ready_ms = round.jobs[round.picks[i]]->ready_ms;
    }
    return repl_next_ms(round.view, round.count, limits, jobs->round_ms, now);
}

static void sleep_until(struct repl_jobs *jobs, uint64_t until_ms)
{
    struct timespec end = { (time_t)(until_ms / 1000), (long)(until_ms % 1000) * 1000000L };
    while (!jobs->dirty && !jobs->stopping) {
        if (until_ms == UINT64_MAX)
            pthread_cond_wait(&jobs->wake, &jobs->lock);
        else if (pthread_cond_timedwait(&jobs->wake, &jobs->lock, &end) != 0)
            return;
    }
}

static void *scheduler_main(void *arg)
{
    struct repl_jobs *jobs = arg;
    pthread_mutex_lock(&jobs->lock);
    while (!jobs->stopping) {
        jobs->dirty = false;
        pthread_mutex_unlock(&jobs->lock);
        struct repl_limits limits = read_limits(jobs);
        pthread_mutex_lock(&jobs->lock);
        if (!jobs->stopping)
            sleep_until(jobs, schedule(jobs, &limits));
    }
    pthread_mutex_unlock(&jobs->lock);
    return NULL;
}

/* ---- adding and removing -------------------------------------------------------------------- */

tuf_status repl_job_make_id(char out[REPL_JOB_ID_SIZE], const struct repl_options *opts,
                            const char *server_uuid)
{
    char base[REPL_ID_SIZE];
    tuf_status st = repl_make_id(base, opts, server_uuid);
    if (st == TUF_OK)
        (void)snprintf(out, REPL_JOB_ID_SIZE, "%s%s%s", base,
                       opts->continuous ? "+continuous" : "",
                       opts->create_target ? "+create_target" : "");
    return st;
}

static bool copy_text(char **out, const char *text)
{
    *out = text != NULL ? tufi_memdup(text, strlen(text) + 1) : NULL;
    return text == NULL || *out != NULL;
}

/* Without its options. */
static struct repl_job *make_job(struct repl_jobs *jobs, const char *id,
                                 const struct repl_origin *origin)
{
    struct repl_job *job = tufi_alloc_zero(sizeof(*job));
    if (job == NULL)
        return NULL;
    job->jobs = jobs;
    job->ref_count = 2; /* the caller's and the table's */
    job->start_time = time(NULL);
    job->ready_ms = origin->delay_ms > 0 ? repl_now_ms() + origin->delay_ms : 0;
    job->stats.changes_pending = -1;
    (void)snprintf(job->id, sizeof(job->id), "%s", id);
    memcpy(job->base_id, id, REPL_ID_SIZE - 1);
    job->history = json_array();
    if (job->history == NULL || !copy_text(&job->server_uuid, origin->server_uuid) ||
        !copy_text(&job->user, origin->user) || !copy_text(&job->database, origin->database) ||
        !copy_text(&job->doc_id, origin->doc_id)) {
        free_job(job);
        return NULL;
    }
    add_history(job, "added", NULL, 1);
    return job;
}

static tuf_status add_new(struct repl_job **out, struct repl_jobs *jobs, struct repl_options *opts,
                          const struct repl_origin *origin, const char *id)
{
    if (jobs->stopping)
        return tufi_fail_kind(TUF_E_LIMIT, "too_many_jobs", "the server stops");
    if (jobs->count >= JOBS_COUNT_MAX)
        return tufi_fail_kind(TUF_E_LIMIT, "too_many_jobs", "there are %zu replications already",
                              jobs->count);
    if (!jobs->has_scheduler) {
        jobs->has_scheduler = start_thread(&jobs->scheduler, scheduler_main, jobs);
        if (!jobs->has_scheduler)
            return tufi_fail_kind(TUF_E_LIMIT, "too_many_jobs", "no thread for replications");
    }
    struct repl_job *job = make_job(jobs, id, origin);
    if (job == NULL)
        return tufi_nomem();
    job->opts = *opts;
    memset(opts, 0, sizeof(*opts));
    link_job(jobs, job);
    wake_scheduler(jobs);
    *out = job;
    return TUF_OK;
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

tuf_status repl_jobs_start(struct repl_job **out, struct repl_jobs *jobs,
                           struct repl_options *opts, const struct repl_origin *origin)
{
    char id[REPL_JOB_ID_SIZE];
    tuf_status st = repl_job_make_id(id, opts, origin->server_uuid);
    *out = NULL;
    if (st != TUF_OK)
        return st;
    pthread_mutex_lock(&jobs->lock);
    struct repl_job *job = repl_jobs_find(jobs, id);
    if (job == NULL) {
        st = add_new(out, jobs, opts, origin, id);
    } else if (origin->database != NULL ||
               (!origin->may_join && !same_text(job->user, origin->user))) {
        st = TUF_CONFLICT;
    } else {
        job->ref_count++;
        *out = job;
    }
    pthread_mutex_unlock(&jobs->lock);
    return st;
}

/* With the lock held. A job that does not run leaves the table at once. */
static void remove_job(struct repl_job *job)
{
    if (job->removed)
        return;
    job->removed = true;
    job->cancel = true;
    wake_scheduler(job->jobs);
    if (job->state == JOB_RUNNING)
        return;
    if (job->state != JOB_COMPLETED)
        note_error(job, TUF_STOPPED);
    job->state = JOB_ENDED;
    unlink_job(job);
}

tuf_status repl_jobs_cancel(struct repl_jobs *jobs, const char *id, const char *user)
{
    tuf_status st = TUF_OK;
    pthread_mutex_lock(&jobs->lock);
    struct repl_job *job = repl_jobs_find(jobs, id);
    if (job == NULL)
        st = TUF_NOT_FOUND;
    else if (user != NULL && !same_text(user, job->user))
        st = TUF_CONFLICT;
    else
        remove_job(job);
    pthread_mutex_unlock(&jobs->lock);
    return st;
}

void repl_jobs_wake(struct repl_jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    jobs->round_ms = 0;
    wake_scheduler(jobs);
    pthread_mutex_unlock(&jobs->lock);
}

void repl_job_remove(struct repl_job *job)
{
    struct repl_jobs *jobs = job->jobs;
    pthread_mutex_lock(&jobs->lock);
    remove_job(job);
    pthread_mutex_unlock(&jobs->lock);
}

bool repl_jobs_describe_origin(struct buf *out, struct repl_jobs *jobs, const char *id)
{
    pthread_mutex_lock(&jobs->lock);
    const struct repl_job *job = repl_jobs_find(jobs, id);
    bool from_doc = job != NULL && job->database != NULL;
    if (from_doc)
        tufi_buf_printf(out, "document `%s` from db `%s`", job->doc_id, job->database);
    pthread_mutex_unlock(&jobs->lock);
    return from_doc;
}

/* ---- references ----------------------------------------------------------------------------- */

const char *repl_job_id(const struct repl_job *job)
{
    return job->id;
}

void repl_job_unref(struct repl_job **job)
{
    struct repl_job *old = tufi_steal(*job);
    if (old == NULL)
        return;
    pthread_mutex_t *lock = &old->jobs->lock;
    pthread_mutex_lock(lock);
    bool last = --old->ref_count == 0;
    pthread_mutex_unlock(lock);
    if (last)
        free_job(old);
}

bool repl_job_end(struct repl_job_end *end_out, struct buf *result, struct repl_job *job)
{
    pthread_mutex_lock(&job->jobs->lock);
    bool ended = job->state == JOB_ENDED || job->state == JOB_COMPLETED;
    if (ended) {
        *end_out = job->end;
        buf_append_slice(result, buf_slice(&job->result));
    }
    pthread_mutex_unlock(&job->jobs->lock);
    return ended;
}

/* ---- life ----------------------------------------------------------------------------------- */

struct repl_jobs *repl_jobs_new(const struct repl_hooks *hooks)
{
    struct repl_jobs *jobs = tufi_alloc_zero(sizeof(*jobs));
    if (jobs == NULL || repl_global_init() != TUF_OK) {
        tufi_free(jobs);
        return NULL;
    }
    jobs->hooks = *hooks;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&jobs->lock, NULL);
    pthread_cond_init(&jobs->wake, &monotonic);
    pthread_cond_init(&jobs->empty, NULL);
    pthread_condattr_destroy(&monotonic);
    return jobs;
}

void repl_jobs_stop(struct repl_jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    jobs->stopping = true;
    /* Whoever waits for a job that does not run learns of its end here. */
    for (struct repl_job *job = jobs->first, *next; job != NULL; job = next) {
        next = job->next;
        job->abandon = true;
        remove_job(job);
    }
    pthread_cond_signal(&jobs->wake);
    pthread_mutex_unlock(&jobs->lock);
}

void repl_jobs_free(struct repl_jobs **jobs_p)
{
    struct repl_jobs *jobs = *jobs_p;
    if (jobs == NULL)
        return;
    repl_jobs_stop(jobs);
    if (jobs->has_scheduler)
        pthread_join(jobs->scheduler, NULL);
    pthread_mutex_lock(&jobs->lock);
    while (jobs->thread_count > 0)
        pthread_cond_wait(&jobs->empty, &jobs->lock);
    pthread_mutex_unlock(&jobs->lock);
    pthread_cond_destroy(&jobs->empty);
    pthread_cond_destroy(&jobs->wake);
    pthread_mutex_destroy(&jobs->lock);
    tufi_free(jobs);
    *jobs_p = NULL;
}
