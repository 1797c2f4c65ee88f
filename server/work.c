/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the worker pool. See server/work.h.
 *
 * Commits wait in a queue of their database; a database with a waiting commit stands once in the
 * pool's line. A worker that takes it commits everything that waits by one call, and puts it back
 * into the line if more came meanwhile: so there is one commit call at a time per database, and
 * while it syncs the next batch gathers.
 *
 * Lock: pool->lock guards all queues; nothing is called with it held.
 */
#include "server/work.h"

#include <pthread.h>
#include <time.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "server/commit_queue.h"
#include "server/request.h"
#include "server/server.h"
#include "server/thread.h"

#define BATCH_JOBS_MAX 1024
#define SLOW_WAITING_MAX 512
#define BATCH_EDITS_MAX ((size_t)200000)

struct detached {
    struct detached *next;
    void (*run)(void *arg);
    void *arg;
};

struct job_list {
    struct work_job *first, *last;
};

struct work_pool {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct job_list jobs;
    struct job_list slow;                      /* of work_run_slow */
    size_t slow_waiting, slow_running;
    size_t slow_max;                           /* of slow_running; fixed */
    struct commit_queue *line_first, *line_last; /* databases with commits */
    struct detached *detached_first, *detached_last;
    bool stopping;
    bool commits_next;  /* takes turns between commits and the rest */
    unsigned thread_count;
    pthread_t threads[];
};

/* ---- completion -------------------------------------------------------------------------- */

/* On the loop. */
static void run_done(struct loop_task *task)
{
    struct work_job *job =
        (struct work_job *)(void *)((char *)task - offsetof(struct work_job, task));
    struct request *req = job->req;
    tuf_error *error = tufi_steal(job->error);
    if (job->memory_failed)
        req->priv->memory_failed = true;
    if (!request_job_ended(req)) {
        if (error != NULL)
            tufi_error_restore(error);
        else
            tufi_error_clear();
        job->done(req, job->status);
    }
    tufi_free(error);
}

/* On the worker. */
static tuf_status run_job(struct work_job *job)
{
    uint64_t failures = tufi_alloc_failures();
    tuf_status st = job->run(job->req);
    job->memory_failed = tufi_alloc_failures() != failures;
    return st;
}

/* On the worker, whose last error is the job's. */
static void complete(struct work_job *job, tuf_status status)
{
    job->status = status;
    job->error = NULL;
    if (status != TUF_OK && tuf_last_error()->status == status)
        job->error = tufi_memdup(tuf_last_error(), sizeof(tuf_error));
    loop_post(job->req->loop, &job->task);
}

/* ---- commits ----------------------------------------------------------------------------- */

static tuf_status commit_edits(struct dbh *dbh, tuf_edit *const *edits, size_t edit_count)
{
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    tuf_status st = tuf_db_commit(dbh_db(dbh), edits, edit_count, 0);
    clock_gettime(CLOCK_MONOTONIC, &after);
    int64_t us = (int64_t)(after.tv_sec - before.tv_sec) * 1000000 +
                 (after.tv_nsec - before.tv_nsec) / 1000;
    metrics_commit(&dbh_server(dbh)->metrics, us > 0 ? (uint64_t)us : 0, edit_count, st == TUF_OK);
    return st;
}

static void commit_one(struct dbh *dbh, struct work_job *job)
{
    complete(job, commit_edits(dbh, job->edits, job->edit_count));
}

/* Commits all jobs by one call; if that fails each on its own. */
static void commit_batch(struct dbh *dbh, struct work_job *jobs, size_t edit_count)
{
    struct work_job *next;
    TUF_AUTOFREE tuf_edit **edits =
        jobs->next != NULL ? tufi_alloc_array(edit_count, sizeof(*edits)) : NULL;
    tuf_status st = TUF_E_NOMEM;
    if (edits != NULL) {
        size_t pos = 0;
        for (struct work_job *job = jobs; job != NULL; job = job->next) {
            for (size_t i = 0; i < job->edit_count; i++)
                edits[pos++] = job->edits[i];
        }
        st = commit_edits(dbh, edits, edit_count);
    }
    for (struct work_job *job = jobs; job != NULL; job = next) {
        next = job->next; /* a completed job belongs to its loop */
        if (st == TUF_OK)
            complete(job, TUF_OK);
        else
            commit_one(dbh, job);
    }
}

/* Takes what waits, within bounds. With the lock held. */
static struct work_job *take_batch(size_t *edit_count_out, struct commit_queue *queue)
{
    struct work_job *jobs = queue->first;
    struct work_job *last = jobs;
    size_t edit_count = jobs->edit_count;
    for (size_t count = 1; last->next != NULL && count < BATCH_JOBS_MAX; count++) {
        if (edit_count + last->next->edit_count > BATCH_EDITS_MAX)
            break;
        last = last->next;
        edit_count += last->edit_count;
    }
    queue->first = last->next;
    if (queue->first == NULL)
        queue->last = NULL;
    last->next = NULL;
    *edit_count_out = edit_count;
    return jobs;
}

static void line_add(struct work_pool *pool, struct commit_queue *queue)
{
    queue->next = NULL;
    if (pool->line_last != NULL)
        pool->line_last->next = queue;
    else
        pool->line_first = queue;
    pool->line_last = queue;
    pthread_cond_signal(&pool->wake);
}

/* Called and returns with the lock held. */
static void serve_commits(struct work_pool *pool)
{
    struct commit_queue *queue = pool->line_first;
    pool->line_first = queue->next;
    if (pool->line_first == NULL)
        pool->line_last = NULL;
    struct dbh *dbh = queue->dbh;
    size_t edit_count;
    struct work_job *jobs = take_batch(&edit_count, queue);
    pthread_mutex_unlock(&pool->lock);
    commit_batch(dbh, jobs, edit_count);
    pthread_mutex_lock(&pool->lock);
    if (queue->first != NULL) {
        line_add(pool, queue);
        return;
    }
    queue->scheduled = false;
    pthread_mutex_unlock(&pool->lock);
    dbh_unref(&dbh); /* may close the database: it was deleted */
    pthread_mutex_lock(&pool->lock);
}

void work_commit(struct request *req, tuf_edit *const *edits, size_t edit_count,
                 work_done_fn *done)
{
    struct work_pool *pool = req->server->pool;
    struct work_job *job = &req->priv->job;
    struct commit_queue *queue = dbh_commit_queue(req->dbh);
    tuf_assert(!req->priv->job_running);
    req->priv->job_running = true;
    *job = (struct work_job){ .req = req, .edits = edits, .edit_count = edit_count, .done = done };
    job->task.run = run_done;
    pthread_mutex_lock(&pool->lock);
    if (queue->last != NULL)
        queue->last->next = job;
    else
        queue->first = job;
    queue->last = job;
    if (!queue->scheduled) {
        queue->scheduled = true;
        queue->dbh = dbh_ref(req->dbh);
        line_add(pool, queue);
    }
    pthread_mutex_unlock(&pool->lock);
}

/* ---- other jobs -------------------------------------------------------------------------- */

static void list_add(struct job_list *list, struct work_job *job)
{
    if (list->last != NULL)
        list->last->next = job;
    else
        list->first = job;
    list->last = job;
}

static struct work_job *list_take(struct job_list *list)
{
    struct work_job *job = list->first;
    list->first = job->next;
    if (list->first == NULL)
        list->last = NULL;
    return job;
}

static void prepare_job(struct request *req, work_fn *run, work_done_fn *done)
{
    struct work_job *job = &req->priv->job;
    tuf_assert(!req->priv->job_running);
    req->priv->job_running = true;
    *job = (struct work_job){ .req = req, .run = run, .done = done };
    job->task.run = run_done;
}

void work_run(struct request *req, work_fn *run, work_done_fn *done)
{
    struct work_pool *pool = req->server->pool;
    prepare_job(req, run, done);
    pthread_mutex_lock(&pool->lock);
    list_add(&pool->jobs, &req->priv->job);
    pthread_cond_signal(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

bool work_run_slow(struct request *req, work_fn *run, work_done_fn *done)
{
    struct work_pool *pool = req->server->pool;
    pthread_mutex_lock(&pool->lock);
    bool good = pool->slow_waiting < SLOW_WAITING_MAX;
    if (good) {
        prepare_job(req, run, done);
        list_add(&pool->slow, &req->priv->job);
        pool->slow_waiting++;
        pthread_cond_signal(&pool->wake);
    }
    pthread_mutex_unlock(&pool->lock);
    return good;
}

bool work_detached(struct server *server, void (*run)(void *arg), void *arg)
{
    struct work_pool *pool = server->pool;
    struct detached *task = pool != NULL ? tufi_alloc(sizeof(*task)) : NULL;
    if (task == NULL)
        return false;
    *task = (struct detached){ .run = run, .arg = arg };
    pthread_mutex_lock(&pool->lock);
    if (pool->stopping) {
        pthread_mutex_unlock(&pool->lock);
        tufi_free(task);
        return false;
    }
    if (pool->detached_last != NULL)
        pool->detached_last->next = task;
    else
        pool->detached_first = task;
    pool->detached_last = task;
    pthread_cond_signal(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    return true;
}

/* The serve functions are called and return with the lock held. */
static void serve_job(struct work_pool *pool)
{
    struct work_job *job = list_take(&pool->jobs);
    pthread_mutex_unlock(&pool->lock);
    tufi_error_clear();
    complete(job, run_job(job));
    pthread_mutex_lock(&pool->lock);
}

static bool slow_may_run(const struct work_pool *pool)
{
    return pool->slow.first != NULL && pool->slow_running < pool->slow_max;
}

static void serve_slow(struct work_pool *pool)
{
    struct work_job *job = list_take(&pool->slow);
    pool->slow_waiting--;
    pool->slow_running++;
    pthread_mutex_unlock(&pool->lock);
    tufi_error_clear();
    /* Nobody waits for the answer any more: a flood of logins ends with its connections. */
    complete(job, job->req->priv->client_gone ? TUF_STOPPED : run_job(job));
    pthread_mutex_lock(&pool->lock);
    pool->slow_running--;
    /* One that was held back may go now; its own signal is long spent. */
    if (slow_may_run(pool))
        pthread_cond_signal(&pool->wake);
}

static void serve_detached(struct work_pool *pool)
{
    struct detached *task = pool->detached_first;
    pool->detached_first = task->next;
    if (pool->detached_first == NULL)
        pool->detached_last = NULL;
    pthread_mutex_unlock(&pool->lock);
    task->run(task->arg);
    tufi_free(task);
    pthread_mutex_lock(&pool->lock);
}

static void *thread_main(void *arg)
{
    struct work_pool *pool = arg;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        bool commits = pool->line_first != NULL;
        if (commits && (pool->commits_next || pool->jobs.first == NULL)) {
            pool->commits_next = false;
            serve_commits(pool);
        } else if (pool->jobs.first != NULL) {
            pool->commits_next = true;
            serve_job(pool);
        } else if (slow_may_run(pool)) {
            serve_slow(pool);
        } else if (pool->detached_first != NULL) {
            serve_detached(pool);
        } else if (pool->stopping && pool->slow.first == NULL) {
            break;
        } else {
            pthread_cond_wait(&pool->wake, &pool->lock);
        }
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* ---- life -------------------------------------------------------------------------------- */

struct work_pool *work_pool_new(struct server *server, unsigned thread_count)
{
    (void)server;
    struct work_pool *pool =
        tufi_alloc_zero(sizeof(*pool) + thread_count * sizeof(pool->threads[0]));
    if (pool == NULL)
        return NULL;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pool->slow_max = thread_count > 1 ? thread_count / 2 : 1;
    /* Under the lock: the first thread reads the count while the others are being made. */
    pthread_mutex_lock(&pool->lock);
    while (pool->thread_count < thread_count &&
           thread_start(&pool->threads[pool->thread_count], thread_main, pool) == 0)
        pool->thread_count++;
    pthread_mutex_unlock(&pool->lock);
    if (pool->thread_count == 0)
        work_pool_free(&pool);
    return pool;
}

void work_pool_free(struct work_pool **pool)
{
    if (*pool == NULL)
        return;
    pthread_mutex_lock(&(*pool)->lock);
    (*pool)->stopping = true;
    pthread_cond_broadcast(&(*pool)->wake);
    pthread_mutex_unlock(&(*pool)->lock);
    for (unsigned i = 0; i < (*pool)->thread_count; i++)
        pthread_join((*pool)->threads[i], NULL);
    pthread_cond_destroy(&(*pool)->wake);
    pthread_mutex_destroy(&(*pool)->lock);
    tufi_free(*pool);
    *pool = NULL;
}
