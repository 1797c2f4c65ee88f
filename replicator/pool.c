/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see replicator/pool.h.
 */
#include "replicator/pool.h"

#include <time.h>

#include "base/alloc.h"

#define PAGES_MAX 3
#define WORKERS_MAX 16
/* A page is cut into two pieces for each worker, but not into smaller ones than this. */
#define PIECE_ROWS_MIN 4

struct page {
    struct page *next;
    json_t *last_seq;
    size_t left; /* pieces not yet done */
};

struct piece {
    struct piece *next;
    struct page *page;
    json_t *rows;
};

struct worker {
    struct repl_pool *pool;
    struct repl_link link;
    pthread_t thread;
};

struct repl_pool {
    pthread_mutex_t lock;
    pthread_cond_t work; /* a piece, or the end */
    pthread_cond_t done; /* a piece is done, or a worker failed */
    struct piece *first_piece;
    struct page *first_page, *last_page;
    size_t page_count;
    struct repl_stats stats; /* not yet collected */
    tuf_status failure;      /* of the first worker that failed */
    tuf_error error;         /* its detail */
    bool stop;
    unsigned worker_count;
    struct worker workers[WORKERS_MAX];
};

void repl_stats_add(struct repl_stats *sum, const struct repl_stats *more)
{
    sum->missing_checked += more->missing_checked;
    sum->missing_found += more->missing_found;
    sum->docs_read += more->docs_read;
    sum->docs_written += more->docs_written;
    sum->doc_write_failures += more->doc_write_failures;
    sum->bulk_get_docs += more->bulk_get_docs;
    sum->bulk_get_attempts += more->bulk_get_attempts;
    sum->bytes_read += more->bytes_read;
}

/* ---- a worker ---------------------------------------------------------------------------- */

static struct piece *next_piece(struct repl_pool *pool)
{
    while (pool->first_piece == NULL && !pool->stop)
        pthread_cond_wait(&pool->work, &pool->lock);
    if (pool->stop)
        return NULL;
    struct piece *piece = pool->first_piece;
    pool->first_piece = piece->next;
    return piece;
}

static void free_piece(struct piece *piece)
{
    json_decref(piece->rows);
    tufi_free(piece);
}

static void note_end(struct repl_pool *pool, struct worker *w, const struct piece *piece,
                     tuf_status st)
{
    repl_stats_add(&pool->stats, &w->link.stats);
    memset(&w->link.stats, 0, sizeof(w->link.stats));
    if (st == TUF_OK) {
        piece->page->left--;
    } else if (pool->failure == TUF_OK) {
        pool->failure = st;
        pool->error = *tuf_last_error();
        pool->stop = true;
        pthread_cond_broadcast(&pool->work);
    }
    pthread_cond_broadcast(&pool->done);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct repl_pool *pool = w->pool;
    struct piece *piece;
    pthread_mutex_lock(&pool->lock);
    while ((piece = next_piece(pool)) != NULL) {
        pthread_mutex_unlock(&pool->lock);
        tuf_status st = repl_batch(&w->link, piece->rows);
        pthread_mutex_lock(&pool->lock);
        note_end(pool, w, piece, st);
        free_piece(piece);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* ---- start and end ----------------------------------------------------------------------- */

static void release_link(struct repl_link *link)
{
    repl_peer_release(&link->source);
    repl_peer_release(&link->target);
}

static tuf_status add_worker(struct repl_pool *pool, repl_link_maker *make, void *ctx)
{
    struct worker *w = &pool->workers[pool->worker_count];
    w->pool = pool;
    tuf_status st = make(&w->link, ctx);
    if (st == TUF_OK && pthread_create(&w->thread, NULL, worker_main, w) != 0)
        st = tufi_fail_kind(TUF_E_LIMIT, "too_many_jobs", "no thread for another replication");
    if (st == TUF_OK)
        pool->worker_count++;
    else
        release_link(&w->link);
    return st;
}

tuf_status repl_pool_start(struct repl_pool **out, unsigned worker_count, repl_link_maker *make,
                           void *ctx)
{
    struct repl_pool *pool = tufi_alloc_zero(sizeof(*pool));
    pthread_condattr_t attr;
    tuf_status st = TUF_OK;
    if (pool == NULL)
        return tufi_nomem();
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->done, &attr);
    pthread_condattr_destroy(&attr);
    if (worker_count > WORKERS_MAX)
        worker_count = WORKERS_MAX;
    while (st == TUF_OK && pool->worker_count < worker_count)
        st = add_worker(pool, make, ctx);
    if (pool->worker_count > 0) {
        *out = pool;
        return TUF_OK;
    }
    repl_pool_stop(&pool);
    return st;
}

void repl_pool_stop(struct repl_pool **place)
{
    struct repl_pool *pool = tufi_steal(*place);
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stop = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->worker_count; i++) {
        pthread_join(pool->workers[i].thread, NULL);
        release_link(&pool->workers[i].link);
    }
    for (struct piece *piece = pool->first_piece, *next; piece != NULL; piece = next) {
        next = piece->next;
        free_piece(piece);
    }
    for (struct page *page = pool->first_page, *next; page != NULL; page = next) {
        next = page->next;
        json_decref(page->last_seq);
        tufi_free(page);
    }
    pthread_cond_destroy(&pool->work);
    pthread_cond_destroy(&pool->done);
    pthread_mutex_destroy(&pool->lock);
    tufi_free(pool);
}

/* ---- pages ------------------------------------------------------------------------------- */

static tuf_status failure_of(const struct repl_pool *pool)
{
    tufi_error_restore(&pool->error);
    return pool->failure;
}

/* Appends a piece to a list of its own. */
static tuf_status cut(struct piece ***end, struct page *page, const json_t *rows, size_t from,
                      size_t to)
{
    struct piece *piece = tufi_alloc_zero(sizeof(*piece));
    if (piece == NULL)
        return tufi_nomem();
    piece->page = page;
    piece->rows = json_array();
    **end = piece;
    *end = &piece->next;
    for (size_t i = from; i < to; i++) {
        if (json_array_append(piece->rows, json_array_get(rows, i)) != 0)
            return tufi_nomem();
    }
    return TUF_OK;
}

static void enqueue(struct repl_pool *pool, struct page *page, struct piece *pieces)
{
    struct piece **end = &pool->first_piece;
    while (*end != NULL)
        end = &(*end)->next;
    *end = pieces;
    if (pool->first_page == NULL)
        pool->first_page = page;
    else
        pool->last_page->next = page;
    pool->last_page = page;
    pool->page_count++;
    pthread_cond_broadcast(&pool->work);
}

tuf_status repl_pool_submit(struct repl_pool *pool, const json_t *rows, json_t *last_seq)
{
    struct page *page = tufi_alloc_zero(sizeof(*page));
    struct piece *pieces = NULL, **end = &pieces;
    size_t count = json_array_size(rows), size = count / (2 * pool->worker_count) + 1;
    tuf_status st = page != NULL ? TUF_OK : tufi_nomem();
    if (size < PIECE_ROWS_MIN)
        size = PIECE_ROWS_MIN;
    for (size_t from = 0; from < count && st == TUF_OK; from += size) {
        st = cut(&end, page, rows, from, from + size < count ? from + size : count);
        page->left++;
    }
    if (st != TUF_OK) {
        for (struct piece *piece = pieces, *next; piece != NULL; piece = next) {
            next = piece->next;
            free_piece(piece);
        }
        tufi_free(page);
        return st;
    }
    page->last_seq = json_incref(last_seq);
    pthread_mutex_lock(&pool->lock);
    while (pool->page_count >= PAGES_MAX && pool->first_page->left > 0 && pool->failure == TUF_OK)
        pthread_cond_wait(&pool->done, &pool->lock);
    enqueue(pool, page, pieces);
    st = pool->failure;
    pthread_mutex_unlock(&pool->lock);
    return st == TUF_OK ? TUF_OK : failure_of(pool);
}

static void wait_until_done(struct repl_pool *pool, uint64_t wait_ms)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += (time_t)(wait_ms / 1000);
    end.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (end.tv_nsec >= 1000000000) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000;
    }
    while (pool->first_page != NULL && pool->first_page->left > 0 && pool->failure == TUF_OK) {
        if (pthread_cond_timedwait(&pool->done, &pool->lock, &end) != 0)
            return;
    }
}

tuf_status repl_pool_collect(json_t **seq_out, struct repl_stats *stats, struct repl_pool *pool,
                             uint64_t wait_ms)
{
    *seq_out = NULL;
    pthread_mutex_lock(&pool->lock);
    if (wait_ms > 0)
        wait_until_done(pool, wait_ms);
    repl_stats_add(stats, &pool->stats);
    memset(&pool->stats, 0, sizeof(pool->stats));
    /* INV-RPW-1 */
    while (pool->first_page != NULL && pool->first_page->left == 0) {
        struct page *page = pool->first_page;
        pool->first_page = page->next;
        pool->page_count--;
        json_decref(*seq_out);
        *seq_out = page->last_seq;
        tufi_free(page);
    }
    bool empty = pool->first_page == NULL;
    tuf_status st = pool->failure;
    pthread_mutex_unlock(&pool->lock);
    if (st != TUF_OK)
        return failure_of(pool);
    return empty ? TUF_END : TUF_OK;
}
