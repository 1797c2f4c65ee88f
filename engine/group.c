/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: tuf_db_commit: callers that arrive while a commit is on its way are taken together into the
 * next one, by one of them (the leader), so that they share a write and a sync.
 *
 * INV-GR-1: a request is answered only after its group's commit ended.
 * INV-GR-2: one caller's failure never becomes another's: a group that fails for a reason that may
 *           lie in one request is undone and its requests are committed one by one.
 *
 * Source: leader/follower group commit as in RocksDB's and InnoDB's write paths; no thread of its
 * own.
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "engine/edit.h"

#define GROUP_EDITS_MAX 8192
#define GROUP_SIZE_MAX (16u << 20)
#define PACE_EDIT_SIZE 256 /* what an edit costs beside its body, about */
#define CALL_EDITS_MAX 4194304u
#define CALL_SIZE_MAX ((size_t)1 << 30)

struct commit_request {
    tuf_edit *const *edits;
    size_t edit_count;
    size_t size;         /* about how many bytes it adds to the frame */
    struct store *store; /* which the edits were prepared for; holds a reference */
    bool durable;
    bool done;           /* queue lock */
    tuf_status status;
    tuf_error error;     /* detail of a failure, for the caller's thread */
    struct commit_request *next;
};

/* TUF_STOPPED: the file was replaced since the edits were prepared. */
static tuf_status place_all(struct commit *c, const struct commit_request *r)
{
    if (r->store != c->db->store)
        return TUF_STOPPED;
    for (size_t i = 0; i < r->edit_count; i++) {
        tuf_status st = tufi_edit_place(c, r->edits[i]);
        if (st < 0)
            return st;
    }
    return TUF_OK;
}

static bool still_good(tuf_db *db)
{
    TUF_AUTO(tufi_store_unref) struct store *store = tufi_store_acquire(db);
    return !atomic_load_explicit(&store->log.poisoned, memory_order_relaxed);
}

/* Commits the requests from `first` up to, not including, `end` as one. */
static tuf_status commit_range(tuf_db *db, struct commit_request *first,
                               const struct commit_request *end)
{
    struct commit c;
    tuf_status st = tufi_commit_begin(&c, db);
    if (st < 0)
        return st;
    bool durable = false;
    for (struct commit_request *r = first; st == TUF_OK && r != end; r = r->next) {
        durable |= r->durable;
        st = place_all(&c, r);
    }
    if (st != TUF_OK || c.record_count == 0) {
        tufi_commit_abort(&c);
        return st;
    }
    return tufi_commit_finish(&c, durable);
}

static void set_status(struct commit_request *first, const struct commit_request *end,
                       tuf_status st)
{
    for (struct commit_request *r = first; r != end; r = r->next) {
        r->status = st;
        if (st < 0)
            r->error = *tuf_last_error();
    }
}

/* A compaction that cannot keep up slows us down. Our requests may be of different stores: then
 * they are prepared again anyway. */
static void wait_for_pace(tuf_db *db, const struct commit_request *first)
{
    TUF_AUTO(tufi_store_unref) struct store *store = tufi_store_acquire(db);
    uint64_t bytes = 0;
    for (const struct commit_request *r = first; r; r = r->next)
        bytes += r->size + r->edit_count * PACE_EDIT_SIZE;
    tufi_pace_spend(&store->pace, bytes);
}

static void run_group(tuf_db *db, struct commit_request *first)
{
    wait_for_pace(db, first);
    tuf_status st = commit_range(db, first, NULL);
    if (st == TUF_OK || !first->next || !still_good(db)) {
        set_status(first, NULL, st);
        return;
    }
    for (struct commit_request *r = first; r; r = r->next) /* INV-GR-2 */
        set_status(r, r->next, commit_range(db, r, r->next));
}

/* Takes requests from the queue's front, at least one. Under the queue lock. */
static struct commit_request *take_group(tuf_db *db)
{
    struct commit_request *first = db->queue_head;
    struct commit_request *last = first;
    size_t edits = first->edit_count, size = first->size;
    while (last->next && edits + last->next->edit_count <= GROUP_EDITS_MAX &&
           size + last->next->size <= GROUP_SIZE_MAX) {
        last = last->next;
        edits += last->edit_count;
        size += last->size;
    }
    db->queue_head = last->next;
    if (!db->queue_head)
        db->queue_tail = NULL;
    last->next = NULL;
    return first;
}

static void lead(tuf_db *db)
{
    db->leading = true;
    struct commit_request *first = take_group(db);
    pthread_mutex_unlock(&db->queue);
    run_group(db, first);
    pthread_mutex_lock(&db->queue);
    while (first) {
        struct commit_request *next = first->next; /* `first` may vanish once it is done */
        first->done = true;
        first = next;
    }
    db->leading = false;
    pthread_cond_broadcast(&db->queue_done);
}

static void enqueue_and_wait(tuf_db *db, struct commit_request *r)
{
    pthread_mutex_lock(&db->queue);
    if (db->queue_tail)
        db->queue_tail->next = r;
    else
        db->queue_head = r;
    db->queue_tail = r;
    while (!r->done) {
        if (!db->leading)
            lead(db);
        else
            pthread_cond_wait(&db->queue_done, &db->queue);
    }
    pthread_mutex_unlock(&db->queue);
}

static tuf_status prepare_all(tuf_db *db, struct commit_request *r)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    tuf_status st = tuf_db_snapshot(&snapshot, db);
    if (st < 0)
        return st;
    r->store = snapshot->store;
    tufi_store_ref(r->store);
    r->size = 0;
    st = tufi_edits_mark_superseded(r->edits, r->edit_count);
    for (size_t i = 0; st == TUF_OK && i < r->edit_count; i++) {
        tuf_edit *e = r->edits[i];
        tuf_assert(e->magic == EDIT_MAGIC);
        if (!e->superseded)
            st = tufi_edit_prepare(e, db, snapshot);
        r->size += e->packed.len + e->id.len;
        for (size_t k = 0; k < e->att_count; k++)
            r->size += e->atts[k].bytes.len;
    }
    if (st == TUF_OK && r->size > CALL_SIZE_MAX)
        return tufi_fail(TUF_E_LIMIT, "%zu bytes in one call", r->size);
    return st;
}

static tuf_status commit_once(tuf_db *db, struct commit_request *r)
{
    r->done = false;
    r->next = NULL;
    tuf_status st = prepare_all(db, r);
    if (st == TUF_OK) {
        enqueue_and_wait(db, r);
        st = r->status;
        if (st < 0)
            tufi_error_restore(&r->error);
    }
    tufi_store_unref(&r->store);
    return st;
}

static tuf_status check_writable(tuf_db *db)
{
    TUF_AUTO(tufi_store_unref) struct store *store = tufi_store_acquire(db);
    return tufi_log_writable(&store->log);
}

tuf_status tuf_db_commit(tuf_db *db, tuf_edit *const *edits, size_t edit_count, unsigned flags)
{
    tufi_error_clear();
    tuf_status st = check_writable(db);
    if (st < 0 || edit_count == 0)
        return st;
    if (edit_count > CALL_EDITS_MAX)
        return tufi_fail(TUF_E_LIMIT, "%zu edits in one call", edit_count);
    struct commit_request r = {
        .edits = edits,
        .edit_count = edit_count,
        .durable = !(flags & TUF_COMMIT_NO_WAIT),
    };
    do
        st = commit_once(db, &r);
    while (st == TUF_STOPPED); /* compaction replaced the file meanwhile: prepare again */
    return st;
}
