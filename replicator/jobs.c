/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see replicator/jobs.h.
 */
#include "replicator/jobs.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "replicator/run.h"

/* A continuous job that failed is tried again after so long, doubling. */
#define BACKOFF_FIRST_MS 1000
#define BACKOFF_LONGEST_MS 300000
/* One that ran for so long before it failed starts again with the first wait. */
#define HEALTHY_S 120
#define SEQ_TEXT_MAX 4096

struct repl_job {
    struct repl_jobs *jobs;
    struct repl_job *next;      /* in jobs->first; jobs->lock */
    unsigned ref_count;         /* jobs->lock */
    struct repl_options opts;   /* never changes */
    char base_id[REPL_ID_SIZE]; /* never changes, as the following */
    char id[REPL_JOB_ID_SIZE];
    char *user;
    char *server_uuid;
    time_t start_time;
    _Atomic bool cancel;
    /* jobs->lock: */
    bool ended;
    time_t updated;
    struct repl_stats stats;
    struct buf source_seq, through_seq, checkpointed_seq;
    struct buf result;
    struct repl_job_end end;    /* or the last failure of a continuous job that goes on */
    uint64_t failure_count;     /* in a row */
};

struct repl_jobs {
    pthread_mutex_t lock;
    pthread_cond_t empty;
    struct repl_job *first; /* that run */
    size_t count;
    bool stopping;
};

struct repl_jobs *repl_jobs_new(void)
{
    struct repl_jobs *jobs = tufi_alloc_zero(sizeof(*jobs));
    if (jobs == NULL || repl_global_init() != TUF_OK) {
        tufi_free(jobs);
        return NULL;
    }
    pthread_mutex_init(&jobs->lock, NULL);
    pthread_cond_init(&jobs->empty, NULL);
    return jobs;
}

void repl_jobs_stop(struct repl_jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    jobs->stopping = true;
    for (struct repl_job *job = jobs->first; job != NULL; job = job->next)
        job->cancel = true;
    pthread_mutex_unlock(&jobs->lock);
}

void repl_jobs_free(struct repl_jobs **jobs)
{
    if (*jobs == NULL)
        return;
    repl_jobs_stop(*jobs);
    pthread_mutex_lock(&(*jobs)->lock);
    while ((*jobs)->count > 0)
        pthread_cond_wait(&(*jobs)->empty, &(*jobs)->lock);
    pthread_mutex_unlock(&(*jobs)->lock);
    pthread_cond_destroy(&(*jobs)->empty);
    pthread_mutex_destroy(&(*jobs)->lock);
    tufi_free(*jobs);
    *jobs = NULL;
}

static void free_job(struct repl_job *job)
{
    repl_options_release(&job->opts);
    tufi_free(job->user);
    tufi_free(job->server_uuid);
    tufi_buf_release(&job->source_seq);
    tufi_buf_release(&job->through_seq);
    tufi_buf_release(&job->checkpointed_seq);
    tufi_buf_release(&job->result);
    tufi_free(job);
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

const char *repl_job_id(const struct repl_job *job)
{
    return job->id;
}

/* ---- the thread -------------------------------------------------------------------------- */

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
    if (progress->working)
        job->failure_count = 0;
    job->updated = time(NULL);
    keep_text(&job->source_seq, progress->source_seq);
    keep_text(&job->through_seq, progress->through_seq);
    keep_text(&job->checkpointed_seq, progress->checkpointed_seq);
    pthread_mutex_unlock(&job->jobs->lock);
}

static void note_error(struct repl_job *job, tuf_status st)
{
    const tuf_error *error = tuf_last_error();
    job->end.status = st;
    job->end.kind = st < 0 && error->kind[0] != 0 ? error->kind : "replication_failed";
    (void)snprintf(job->end.text, sizeof(job->end.text), "%s",
                   st < 0 ? error->text : st == TUF_STOPPED ? "the replication was cancelled" : "");
}

static void note_failure(struct repl_job *job, tuf_status st, bool again)
{
    pthread_mutex_lock(&job->jobs->lock);
    note_error(job, st);
    job->failure_count = again ? job->failure_count + 1 : 1;
    pthread_mutex_unlock(&job->jobs->lock);
}

static tuf_status run_until_done(json_t **result, struct repl_job *job)
{
    struct repl_run run = { .opts = &job->opts, .id = job->base_id, .cancel = &job->cancel,
                            .report = on_report, .ctx = job, .server_uuid = job->server_uuid };
    uint64_t pause_ms = BACKOFF_FIRST_MS;
    for (;;) {
        time_t begin = time(NULL);
        tuf_status st = repl_run(result, &run);
        if (st == TUF_STOPPED || !job->opts.continuous)
            return st;
        bool again = time(NULL) - begin <= HEALTHY_S;
        if (!again)
            pause_ms = BACKOFF_FIRST_MS;
        note_failure(job, st, again);
        if (repl_sleep(pause_ms, &job->cancel) != TUF_OK)
            return TUF_STOPPED;
        pause_ms = pause_ms * 2 < BACKOFF_LONGEST_MS ? pause_ms * 2 : BACKOFF_LONGEST_MS;
    }
}

static void unlink_job(struct repl_jobs *jobs, struct repl_job *job)
{
    struct repl_job **place = &jobs->first;
    while (*place != job)
        place = &(*place)->next;
    *place = job->next;
}

static void note_end(struct repl_job *job, tuf_status st, json_t *result)
{
    note_error(job, st);
    char *text = result != NULL ? json_dumps(result, JSON_COMPACT) : NULL;
    if (text != NULL)
        buf_append_str(&job->result, text);
    free(text);
    job->ended = true;
}

static void *job_main(void *arg)
{
    struct repl_job *job = arg;
    struct repl_jobs *jobs = job->jobs;
    json_t *result = NULL;
    tuf_status st = run_until_done(&result, job);
    pthread_mutex_lock(&jobs->lock);
    note_end(job, st, result);
    unlink_job(jobs, job);
    if (--job->ref_count == 0)
        free_job(job);
    if (--jobs->count == 0)
        pthread_cond_broadcast(&jobs->empty);
    json_decref(result);
    pthread_mutex_unlock(&jobs->lock);
    return NULL;
}

/* ---- starting ---------------------------------------------------------------------------- */

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

static struct repl_job *find(const struct repl_jobs *jobs, const char *id)
{
    struct repl_job *job = jobs->first;
    while (job != NULL && (job->cancel || strcmp(job->id, id) != 0))
        job = job->next;
    return job;
}

static struct repl_job *make_job(struct repl_jobs *jobs, const char *id,
                                 const struct repl_caller *caller)
{
    struct repl_job *job = tufi_alloc_zero(sizeof(*job));
    if (job == NULL)
        return NULL;
    job->jobs = jobs;
    job->ref_count = 2; /* the caller's and the thread's */
    job->start_time = job->updated = time(NULL);
    job->stats.changes_pending = -1;
    job->user = tufi_memdup(caller->user, strlen(caller->user) + 1);
    job->server_uuid = tufi_memdup(caller->server_uuid, strlen(caller->server_uuid) + 1);
    (void)snprintf(job->id, sizeof(job->id), "%s", id);
    memcpy(job->base_id, id, REPL_ID_SIZE - 1);
    if (job->user == NULL || job->server_uuid == NULL) {
        free_job(job);
        return NULL;
    }
    return job;
}

static tuf_status start_thread(struct repl_job *job)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, job_main, job) != 0)
        return tufi_fail_kind(TUF_E_LIMIT, "too_many_jobs", "no thread for another replication");
    pthread_detach(thread);
    return TUF_OK;
}

static tuf_status start_new(struct repl_job **out, struct repl_jobs *jobs,
                            struct repl_options *opts, const struct repl_caller *caller,
                            const char *id)
{
    if (jobs->stopping)
        return tufi_fail_kind(TUF_E_LIMIT, "too_many_jobs", "the server stops");
    if (jobs->count >= caller->job_count_max)
        return tufi_fail_kind(TUF_E_LIMIT, "too_many_jobs", "%zu replications run already",
                              jobs->count);
    struct repl_job *job = make_job(jobs, id, caller);
    if (job == NULL)
        return tufi_nomem();
    /* Its thread waits for the lock before it ends: it is in the list by then. */
    job->opts = *opts;
    tuf_status st = start_thread(job);
    if (st != TUF_OK) {
        memset(&job->opts, 0, sizeof(job->opts));
        free_job(job);
        return st;
    }
    memset(opts, 0, sizeof(*opts));
    job->next = jobs->first;
    jobs->first = job;
    jobs->count++;
    *out = job;
    return TUF_OK;
}

tuf_status repl_jobs_start(struct repl_job **out, struct repl_jobs *jobs,
                           struct repl_options *opts, const struct repl_caller *caller)
{
    char id[REPL_JOB_ID_SIZE];
    tuf_status st = repl_job_make_id(id, opts, caller->server_uuid);
    *out = NULL;
    if (st != TUF_OK)
        return st;
    pthread_mutex_lock(&jobs->lock);
    struct repl_job *job = find(jobs, id);
    if (job == NULL) {
        st = start_new(out, jobs, opts, caller, id);
    } else if (strcmp(job->user, caller->user) != 0) {
        st = TUF_CONFLICT;
    } else {
        job->ref_count++;
        *out = job;
    }
    pthread_mutex_unlock(&jobs->lock);
    return st;
}

tuf_status repl_jobs_cancel(struct repl_jobs *jobs, const char *id, const char *user)
{
    tuf_status st = TUF_OK;
    pthread_mutex_lock(&jobs->lock);
    struct repl_job *job = find(jobs, id);
    if (job == NULL)
        st = TUF_NOT_FOUND;
    else if (user != NULL && strcmp(user, job->user) != 0)
        st = TUF_CONFLICT;
    else
        job->cancel = true;
    pthread_mutex_unlock(&jobs->lock);
    return st;
}

bool repl_job_end(struct repl_job_end *end_out, struct buf *result, struct repl_job *job)
{
    pthread_mutex_lock(&job->jobs->lock);
    bool ended = job->ended;
    if (ended) {
        *end_out = job->end;
        buf_append_slice(result, buf_slice(&job->result));
    }
    pthread_mutex_unlock(&job->jobs->lock);
    return ended;
}

/* ---- what is shown ----------------------------------------------------------------------- */

static json_t *seq_of(const struct buf *text)
{
    json_t *seq = json_loadb((const char *)text->data, text->len, JSON_DECODE_ANY, NULL);
    return seq != NULL ? seq : json_null();
}

static json_t *task_of(const struct repl_job *job, const char *node)
{
    const struct repl_stats *n = &job->stats;
    json_t *task = json_pack(
        "{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:b,s:n,s:n,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "type",
        "replication", "node", node, "process_status", "waiting", "replication_id", job->id,
        "source", job->opts.source.shown, "target", job->opts.target.shown, "user", job->user,
        "continuous", job->opts.continuous, "doc_id", "database", "started_on",
        (json_int_t)job->start_time, "updated_on", (json_int_t)job->updated,
        "checkpoint_interval", (json_int_t)job->opts.checkpoint_ms, "revisions_checked",
        (json_int_t)n->missing_checked, "missing_revisions_found", (json_int_t)n->missing_found,
        "docs_read", (json_int_t)n->docs_read, "docs_written", (json_int_t)n->docs_written,
        "doc_write_failures", (json_int_t)n->doc_write_failures, "bulk_get_docs",
        (json_int_t)n->bulk_get_docs, "bulk_get_attempts", (json_int_t)n->bulk_get_attempts);
    json_t *pending = n->changes_pending >= 0 ? json_integer(n->changes_pending) : json_null();
    (void)json_object_set_new(task, "changes_pending", pending);
    (void)json_object_set_new(task, "source_seq", seq_of(&job->source_seq));
    (void)json_object_set_new(task, "through_seq", seq_of(&job->through_seq));
    (void)json_object_set_new(task, "checkpointed_source_seq", seq_of(&job->checkpointed_seq));
    if (job->failure_count > 0) {
        (void)json_object_set_new(task, "error_count",
                                  json_integer((json_int_t)job->failure_count));
        (void)json_object_set_new(task, "last_error", json_string(job->end.text));
    }
    return task;
}

void repl_jobs_append_tasks(struct buf *out, size_t *count, struct repl_jobs *jobs,
                            const char *node)
{
    pthread_mutex_lock(&jobs->lock);
    for (const struct repl_job *job = jobs->first; job != NULL; job = job->next) {
        json_t *task = task_of(job, node);
        char *text = json_dumps(task, JSON_COMPACT);
        if ((*count)++ > 0)
            buf_append_u8(out, ',');
        buf_append_str(out, text != NULL ? text : "{}");
        free(text);
        json_decref(task);
    }
    pthread_mutex_unlock(&jobs->lock);
}
