/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: one event loop: a thread with a libevent base, an inbox for tasks of other threads, and
 * the connections that belong to it.
 *
 * INV-LOOP-1: a connection, its requests and their callbacks run on one loop thread only.
 * INV-LOOP-2: a task is in at most one list; its owner keeps it alive until it has run.
 * Lock: inbox_lock guards the inbox only; nothing is called with it held.
 */
#ifndef SERVER_LOOP_H
#define SERVER_LOOP_H

#include <event2/event.h>
#include <pthread.h>
#include <time.h>

#include "tuffet/types.h"

#define HTTP_DATE_SIZE 40

struct conn;
struct request;
struct server;

/* Something to do on a loop; embedded in what it is about. */
struct loop_task {
    struct loop_task *next;
    void (*run)(struct loop_task *task);
};

struct task_list {
    struct loop_task *first;
    struct loop_task *last;
};

struct loop {
    struct server *server;
    unsigned index;             /* in server->loops */
    struct event_base *base;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t inbox_lock;
    struct task_list inbox;     /* from other threads; by inbox_lock */
    bool inbox_signalled;       /* a wake-up byte is on its way; by inbox_lock */
    int wake_fds[2];
    struct event *wake_event;
    struct event *tick_event;   /* every second: deadlines */
    struct task_list deferred;  /* from this thread: runs when the current callback is over */
    struct event *deferred_event;
    struct conn *conns;         /* chain */
    _Atomic size_t conn_count;  /* changed by the loop, read by _system */
    _Atomic uint64_t tick_ms;   /* when the tick last ran; read by the watchdog */
    size_t request_count;       /* also of connections that are gone */
    uint64_t trim_next_ms;      /* when malloc may be asked to give pages back again */
    uint64_t trim_request_count; /* requests served when it was last asked */
    uint8_t random[512];        /* see loop_random */
    size_t random_left;
    char date[HTTP_DATE_SIZE];              /* text of the Date header */
    int64_t date_s;             /* second it was made for */
    bool stopping;
    uint64_t stop_deadline_ms;
    struct loop_task stop_task;
};

tuf_status loop_new(struct loop **out, struct server *server, unsigned index);
/* Frees a loop that has no connections any more. NULL is allowed. */
void loop_free(struct loop **loop);

/* Runs until loop_stop and the last connection is gone. */
void loop_run(struct loop *loop);
tuf_status loop_start_thread(struct loop *loop);

/* Any thread: runs the task on the loop. */
void loop_post(struct loop *loop, struct loop_task *task);
/* Loop thread: runs the task after the current callback. */
void loop_defer(struct loop *loop, struct loop_task *task);

/* Loop thread: random bytes, valid until the next call; len at most 16. For names that only must
 * not repeat: a secret asks RAND_bytes itself. */
const uint8_t *loop_random(struct loop *loop, size_t len);

/* Any thread, once: connections finish what they answer, for up to 30 s, then the loop ends. */
void loop_stop(struct loop *loop);

/* Monotonic milliseconds. */
uint64_t clock_ms(void);
/* Wall clock, microseconds since the Unix epoch. */
uint64_t clock_us(void);
/* A moment as HTTP writes it: Sun, 06 Nov 1994 08:49:37 GMT. */
void http_date(char out[HTTP_DATE_SIZE], time_t when);
/* The text of a Date header for this second. */
const char *loop_date(struct loop *loop);

#endif
