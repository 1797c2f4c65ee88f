/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: requests that wait for changes. Each database has one list per loop; a commit posts one
 * task to each loop that has waiters, however many there are. See server/dbs.h, server/feed.h.
 *
 * INV-FEED-1: no lost wake-up: a waiter is counted before it looks at the newest sequence, and a
 *             commit publishes its sequence before it looks at the count.
 */
#include "server/feed.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "server/request.h"
#include "server/server.h"

struct feed_list {
    struct loop *loop;
    struct dbh *dbh;
    struct request *first;       /* waiting requests; loop thread only */
    _Atomic size_t count;
    _Atomic bool queued;         /* the task is on its way; it holds a reference of the dbh */
    struct loop_task task;
};

static void link_in(struct request **first, struct request *req)
{
    req->priv->feed_prev = NULL;
    req->priv->feed_next = *first;
    if (*first != NULL)
        (*first)->priv->feed_prev = req;
    *first = req;
}

static void unlink_from(struct request **first, struct request *req)
{
    struct request_priv *priv = req->priv;
    if (priv->feed_prev != NULL)
        priv->feed_prev->priv->feed_next = priv->feed_next;
    else
        *first = priv->feed_next;
    if (priv->feed_next != NULL)
        priv->feed_next->priv->feed_prev = priv->feed_prev;
    priv->feed_prev = priv->feed_next = NULL;
}

static struct feed_list *list_of(struct request *req)
{
    return &dbh_feed_lists(req->dbh)[req->loop->index];
}

void feed_cancel(struct request *req)
{
    struct request_priv *priv = req->priv;
    if (!priv->feed_waiting)
        return;
    priv->feed_waiting = false;
    struct feed_list *list = list_of(req);
    unlink_from(&list->first, req);
    list->count--;
}

void feed_release(struct request *req)
{
    feed_cancel(req);
}

static void wake(struct request *req, enum feed_event event)
{
    void (*fn)(struct request *, enum feed_event) = req->priv->wake;
    feed_cancel(req);
    fn(req, event);
}

static bool should_wake(enum feed_event *event, const struct request *req)
{
    if (dbh_is_deleted(req->dbh)) {
        *event = FEED_DELETED;
        return true;
    }
    if (req->loop->stopping) {
        *event = FEED_SHUTDOWN;
        return true;
    }
    *event = FEED_CHANGED;
    return dbh_latest_seq(req->dbh) > req->priv->feed_seen;
}

/* Wakes those of a list that have something new. A callback may wait again: it then stands in
 * front of `req`, which is not visited twice. */
static void run_list_task(struct loop_task *task)
{
    struct feed_list *list =
        (struct feed_list *)(void *)((char *)task - offsetof(struct feed_list, task));
    struct dbh *dbh = list->dbh;
    list->queued = false;
    struct request *next;
    for (struct request *req = list->first; req != NULL; req = next) {
        enum feed_event event;
        next = req->priv->feed_next;
        if (should_wake(&event, req))
            wake(req, event);
    }
    dbh_unref(&dbh);
}

static void post(struct feed_list *list)
{
    if (atomic_exchange(&list->queued, true))
        return;
    dbh_ref(list->dbh);
    loop_post(list->loop, &list->task);
}

void feed_wait(struct request *req, uint64_t seen,
               void (*wake_fn)(struct request *req, enum feed_event event))
{
    struct request_priv *priv = req->priv;
    if (priv->ended)
        return;
    feed_cancel(req);
    struct feed_list *list = list_of(req);
    priv->wake = wake_fn;
    priv->feed_seen = seen;
    priv->feed_waiting = true;
    link_in(&list->first, req);
    list->count++;
    enum feed_event event;
    if (should_wake(&event, req))
        post(list);
}

struct feed_list *feed_lists_new(struct server *server, struct dbh *dbh)
{
    struct feed_list *lists = tufi_alloc_zero(server->loop_count * sizeof(*lists));
    for (unsigned i = 0; lists != NULL && i < server->loop_count; i++) {
        lists[i].loop = server->loops[i];
        lists[i].dbh = dbh;
        lists[i].task.run = run_list_task;
    }
    return lists;
}

void feed_lists_free(struct feed_list *lists)
{
    tufi_free(lists);
}

void feed_notify(struct feed_list *lists)
{
    struct server *server = lists[0].loop->server;
    for (unsigned i = 0; i < server->loop_count; i++) {
        if (lists[i].count > 0)
            post(&lists[i]);
    }
}

void feed_stop_all(struct loop *loop)
{
    struct conn *next;
    for (struct conn *conn = loop->conns; conn != NULL; conn = next) {
        next = conn->next;
        if (conn->req != NULL && conn->req->priv->feed_waiting)
            wake(conn->req, FEED_SHUTDOWN);
    }
}
