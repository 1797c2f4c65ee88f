/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what _active_tasks, _scheduler/jobs and _scheduler/docs say of a job. See
 * replicator/jobs.h.
 *
 * INV-RPJ-5 holds here: an endpoint is shown by its `url`, which has neither user nor password.
 * Source: CouchDB's couch_replicator_scheduler and chttpd (names and order of the members).
 */
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "replicator/jobs_impl.h"

/* ---- parts ---------------------------------------------------------------------------------- */

static json_t *text_or_null(const char *text)
{
    return text != NULL ? json_string(text) : json_null();
}

static json_t *seq_of(const struct buf *text)
{
    json_t *seq = json_loadb((const char *)text->data, text->len, JSON_DECODE_ANY, NULL);
    return seq != NULL ? seq : json_null();
}

static json_t *time_of(time_t when)
{
    char text[REPL_TIME_SIZE];
    repl_format_time(text, when);
    return json_string(text);
}

static bool has_thread(const struct repl_job *job)
{
    return job->state == JOB_RUNNING;
}

static const char *state_of(const struct repl_job *job)
{
    if (job->removed)
        return NULL;
    switch (job->state) {
    case JOB_PENDING:
        return "pending";
    case JOB_RUNNING:
        return "running";
    case JOB_CRASHING:
        return "crashing";
    case JOB_COMPLETED:
        return "completed";
    case JOB_ENDED:
        break;
    }
    return NULL;
}

/* Numbers of the last run that told some; null before. */
static json_t *stats_of(const struct repl_job *job, bool with_seqs)
{
    const struct repl_stats *n = &job->stats;
    if (!job->has_stats)
        return json_null();
    json_t *pending = n->changes_pending >= 0 ? json_integer(n->changes_pending) : json_null();
    json_t *stats = json_pack(
        "{s:I,s:I,s:I,s:I,s:o,s:I,s:I,s:I,s:o}", "revisions_checked",
        (json_int_t)n->missing_checked, "missing_revisions_found", (json_int_t)n->missing_found,
        "docs_read", (json_int_t)n->docs_read, "docs_written", (json_int_t)n->docs_written,
        "changes_pending", pending, "doc_write_failures", (json_int_t)n->doc_write_failures,
        "bulk_get_docs", (json_int_t)n->bulk_get_docs, "bulk_get_attempts",
        (json_int_t)n->bulk_get_attempts, "checkpointed_source_seq",
        seq_of(&job->checkpointed_seq));
    if (with_seqs) {
        (void)json_object_set_new(stats, "source_seq", seq_of(&job->source_seq));
        (void)json_object_set_new(stats, "through_seq", seq_of(&job->through_seq));
    }
    return stats;
}

static json_t *pid_of(const struct repl_job *job)
{
    return has_thread(job) ? json_sprintf("<0.%llu.0>", (unsigned long long)job->pid) : json_null();
}

void repl_jobs_count(struct repl_counts *out, struct repl_jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    *out = jobs->happened;
    out->total = jobs->count;
    for (const struct repl_job *job = jobs->first; job != NULL; job = job->next) {
        out->running += job->state == JOB_RUNNING;
        out->pending += job->state == JOB_PENDING;
        out->crashed += job->state == JOB_CRASHING;
    }
    pthread_mutex_unlock(&jobs->lock);
}

/* ---- _active_tasks -------------------------------------------------------------------------- */

static json_t *task_of(const struct repl_job *job, const char *node)
{
    const struct repl_stats *n = &job->stats;
    json_t *pending = n->changes_pending >= 0 ? json_integer(n->changes_pending) : json_null();
    json_t *task = json_pack(
        "{s:s,s:s,s:o,s:s,s:s,s:s,s:s,s:o,s:b,s:o,s:o,s:I,s:I,s:I}", "node", node,
        "type", "replication", "pid", pid_of(job), "process_status", "waiting", "replication_id",
        job->id, "source", job->opts.source.url, "target", job->opts.target.url, "user",
        text_or_null(job->user), "continuous", job->opts.continuous, "doc_id",
        text_or_null(job->doc_id), "database", text_or_null(job->database), "started_on",
        (json_int_t)job->run_time, "updated_on", (json_int_t)time(NULL), "checkpoint_interval",
        (json_int_t)job->opts.checkpoint_ms);
    json_t *numbers = json_pack(
        "{s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:o,s:o}", "changes_pending", pending,
        "revisions_checked", (json_int_t)n->missing_checked, "missing_revisions_found",
        (json_int_t)n->missing_found, "docs_read", (json_int_t)n->docs_read, "docs_written",
        (json_int_t)n->docs_written, "doc_write_failures", (json_int_t)n->doc_write_failures,
        "bulk_get_docs", (json_int_t)n->bulk_get_docs, "bulk_get_attempts",
        (json_int_t)n->bulk_get_attempts, "source_seq", seq_of(&job->source_seq), "through_seq",
        seq_of(&job->through_seq), "checkpointed_source_seq", seq_of(&job->checkpointed_seq));
    if (numbers != NULL)
        (void)json_object_update(task, numbers);
    json_decref(numbers);
    return task;
}

void repl_jobs_append_tasks(struct buf *out, size_t *count, struct repl_jobs *jobs,
                            const char *node)
{
    pthread_mutex_lock(&jobs->lock);
    for (const struct repl_job *job = jobs->first; job != NULL; job = job->next) {
        if (!has_thread(job))
            continue;
        json_t *task = task_of(job, node);
        char *text = task != NULL ? json_dumps(task, JSON_COMPACT) : NULL;
        if ((*count)++ > 0)
            buf_append_u8(out, ',');
        buf_append_str(out, text != NULL ? text : "{}");
        free(text);
        json_decref(task);
    }
    pthread_mutex_unlock(&jobs->lock);
}

/* ---- _scheduler/jobs ------------------------------------------------------------------------ */

static json_t *show_job(const struct repl_job *job, const char *node)
{
    return json_pack("{s:o,s:s,s:o,s:s,s:s,s:o,s:o,s:o,s:o,s:s,s:o}", "database",
                     text_or_null(job->database), "id", job->id, "pid", pid_of(job), "source",
                     job->opts.source.url, "target", job->opts.target.url, "user",
                     text_or_null(job->user), "doc_id", text_or_null(job->doc_id), "info",
                     stats_of(job, true), "history", json_deep_copy(job->history), "node", node,
                     "start_time", time_of(job->start_time));
}

static bool is_listed(const struct repl_job *job)
{
    return !job->removed && job->state != JOB_COMPLETED && job->state != JOB_ENDED;
}

static int compare_ids(const void *a, const void *b)
{
    const struct repl_job *const *left = a;
    const struct repl_job *const *right = b;
    return strcmp((*left)->id, (*right)->id);
}

/* The jobs in the order of their ids. NULL: no memory. With the lock held. */
static const struct repl_job **sort_jobs(size_t *count_out, const struct repl_jobs *jobs)
{
    size_t count = 0;
    const struct repl_job **list =
        tufi_alloc_array(jobs->count + 1, sizeof(const struct repl_job *));
    if (list == NULL)
        return NULL;
    for (const struct repl_job *job = jobs->first; job != NULL; job = job->next) {
        if (is_listed(job))
            list[count++] = job;
    }
    if (count > 1)
        qsort(list, count, sizeof(const struct repl_job *), compare_ids);
    *count_out = count;
    return list;
}

json_t *repl_jobs_list(struct repl_jobs *jobs, const char *node, uint64_t skip, uint64_t limit)
{
    size_t count = 0;
    json_t *rows = json_array();
    pthread_mutex_lock(&jobs->lock);
    const struct repl_job **list = sort_jobs(&count, jobs);
    size_t offset = skip < count ? (size_t)skip : count;
    for (size_t i = offset; list != NULL && i < count && i - offset < limit; i++)
        (void)json_array_append_new(rows, show_job(list[i], node));
    pthread_mutex_unlock(&jobs->lock);
    bool good = list != NULL;
    tufi_free(list);
    if (!good) {
        json_decref(rows);
        return NULL;
    }
    return json_pack("{s:I,s:I,s:o}", "total_rows", (json_int_t)count, "offset",
                     (json_int_t)offset, "jobs", rows);
}

json_t *repl_jobs_show(bool *found_out, struct repl_jobs *jobs, const char *id, const char *node)
{
    pthread_mutex_lock(&jobs->lock);
    const struct repl_job *job = repl_jobs_find(jobs, id);
    *found_out = job != NULL && is_listed(job);
    json_t *shown = *found_out ? show_job(job, node) : NULL;
    pthread_mutex_unlock(&jobs->lock);
    return shown;
}

/* ---- _scheduler/docs ------------------------------------------------------------------------ */

static json_t *info_of(const struct repl_job *job)
{
    if (job->state == JOB_CRASHING)
        return json_pack("{s:o}", "error",
                         json_sprintf("%s: %s", job->end.kind, job->end.text));
    return stats_of(job, job->state != JOB_COMPLETED);
}

/* A proxy's URL without the part up to '@'; null for none. */
static json_t *proxy_of(const struct endpoint *ep)
{
    const char *host = ep->proxy != NULL ? strstr(ep->proxy, "://") : NULL;
    if (host == NULL)
        return json_null();
    host += 3;
    const char *at = strrchr(host, '@');
    return json_sprintf("%.*s%s", (int)(host - ep->proxy), ep->proxy, at != NULL ? at + 1 : host);
}

json_t *repl_job_show_doc(struct repl_job *job, const char *node)
{
    pthread_mutex_lock(&job->jobs->lock);
    json_t *shown = json_pack(
        "{s:s,s:s,s:s,s:s,s:s?,s:o,s:I,s:o,s:o,s:o,s:o}", "id", job->id, "node", node, "source",
        job->opts.source.url, "target", job->opts.target.url, "state", state_of(job), "info",
        info_of(job), "error_count", (json_int_t)job->crash_count, "last_updated",
        time_of(job->updated), "start_time", time_of(job->start_time), "source_proxy",
        proxy_of(&job->opts.source), "target_proxy", proxy_of(&job->opts.target));
    pthread_mutex_unlock(&job->jobs->lock);
    return shown;
}

const char *repl_job_state(struct repl_job *job)
{
    pthread_mutex_lock(&job->jobs->lock);
    const char *state = state_of(job);
    pthread_mutex_unlock(&job->jobs->lock);
    return state;
}

json_t *repl_job_final_stats(struct repl_job *job)
{
    pthread_mutex_lock(&job->jobs->lock);
    json_t *stats = stats_of(job, false);
    /* Nothing is pending when a one-shot replication has ended. */
    (void)json_object_set_new(stats, "changes_pending", json_null());
    (void)json_object_set_new(stats, "start_time", time_of(job->start_time));
    pthread_mutex_unlock(&job->jobs->lock);
    return stats;
}
