/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: event loops: tasks, ticks, stopping. See server/loop.h.
 */
#include "server/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <openssl/rand.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/assert.h"
#include "base/fail.h"
#include "server/conn.h"
#include "server/feed.h"
#include "server/server.h"
#include "server/thread.h"

#define STOP_DEADLINE_MS 30000
#define TRIM_INTERVAL_MS 5000
#define TRIM_SIZE_MIN ((size_t)8 << 20) /* bytes that malloc holds without using them */

uint64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void http_date(char out[HTTP_DATE_SIZE], time_t when)
{
    struct tm parts;
    gmtime_r(&when, &parts);
    strftime(out, HTTP_DATE_SIZE, "%a, %d %b %Y %H:%M:%S GMT", &parts);
}

const char *loop_date(struct loop *loop)
{
    time_t now = time(NULL);
    if (now != loop->date_s) {
        http_date(loop->date, now);
        loop->date_s = now;
    }
    return loop->date;
}

/* ---- tasks ------------------------------------------------------------------------------- */

static void list_add(struct task_list *list, struct loop_task *task)
{
    task->next = NULL;
    if (list->last != NULL)
        list->last->next = task;
    else
        list->first = task;
    list->last = task;
}

static void run_list(struct task_list list)
{
    for (struct loop_task *task = list.first; task != NULL;) {
        /* The task may free itself. */
        struct loop_task *next = task->next;
        task->run(task);
        task = next;
    }
}

void loop_defer(struct loop *loop, struct loop_task *task)
{
    if (loop->deferred.first == NULL)
        event_active(loop->deferred_event, EV_READ, 0);
    list_add(&loop->deferred, task);
}

static void on_deferred(evutil_socket_t fd, short what, void *arg)
{
    struct loop *loop = arg;
    (void)fd;
    (void)what;
    struct task_list list = loop->deferred;
    loop->deferred = (struct task_list){ NULL, NULL };
    run_list(list);
}

const uint8_t *loop_random(struct loop *loop, size_t len)
{
    if (loop->random_left < len) {
        if (RAND_bytes(loop->random, (int)sizeof(loop->random)) != 1)
            put_be64(loop->random, clock_ms());
        loop->random_left = sizeof(loop->random);
    }
    loop->random_left -= len;
    return loop->random + loop->random_left;
}

void loop_post(struct loop *loop, struct loop_task *task)
{
    pthread_mutex_lock(&loop->inbox_lock);
    list_add(&loop->inbox, task);
    bool must_signal = !loop->inbox_signalled;
    loop->inbox_signalled = true;
    pthread_mutex_unlock(&loop->inbox_lock);
    while (must_signal && write(loop->wake_fds[1], "", 1) < 0 && errno == EINTR)
        continue;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct loop *loop = arg;
    char bytes[64];
    (void)what;
    while (read((int)fd, bytes, sizeof(bytes)) > 0)
        continue;
    pthread_mutex_lock(&loop->inbox_lock);
    struct task_list list = loop->inbox;
    loop->inbox = (struct task_list){ NULL, NULL };
    loop->inbox_signalled = false;
    pthread_mutex_unlock(&loop->inbox_lock);
    run_list(list);
}

/* ---- ticks and stopping ------------------------------------------------------------------ */

/* After a large request glibc keeps its pages for ever. A server that goes back to small ones gives
 * them back; one that is idle does not even look. */
static void give_back_memory(struct loop *loop, uint64_t now_ms)
{
#ifdef __GLIBC__
    if (loop->index != 0 || now_ms < loop->trim_next_ms ||
        loop->server->request_count == loop->trim_request_count)
        return;
    loop->trim_next_ms = now_ms + TRIM_INTERVAL_MS;
    loop->trim_request_count = loop->server->request_count;
    if (mallinfo2().fordblks > TRIM_SIZE_MIN)
        malloc_trim(0);
#else
    (void)loop;
    (void)now_ms;
#endif
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct loop *loop = arg;
    uint64_t now_ms = clock_ms();
    loop->tick_ms = now_ms;
    give_back_memory(loop, now_ms);
    (void)fd;
    (void)what;
    struct conn *next;
    for (struct conn *conn = loop->conns; conn != NULL; conn = next) {
        next = conn->next;
        conn_tick(conn, now_ms, loop->stopping);
    }
    if (!loop->stopping)
        return;
    if (now_ms >= loop->stop_deadline_ms) {
        for (struct conn *conn = loop->conns; conn != NULL; conn = next) {
            next = conn->next;
            conn_close(conn);
        }
    }
    if (loop->conn_count == 0 && loop->request_count == 0)
        event_base_loopexit(loop->base, NULL);
}

static void set_tick(struct loop *loop, long period_ms)
{
    struct timeval period = { period_ms / 1000, period_ms % 1000 * 1000 };
    event_add(loop->tick_event, &period);
}

static void run_stop(struct loop_task *task)
{
    struct loop *loop = (struct loop *)(void *)((char *)task - offsetof(struct loop, stop_task));
    loop->stopping = true;
    loop->stop_deadline_ms = clock_ms() + STOP_DEADLINE_MS;
    feed_stop_all(loop);
    set_tick(loop, 20);
}

void loop_stop(struct loop *loop)
{
    loop->stop_task.run = run_stop;
    loop_post(loop, &loop->stop_task);
}

/* ---- life -------------------------------------------------------------------------------- */

static bool open_pipe(struct loop *loop)
{
    if (pipe(loop->wake_fds) != 0)
        return false;
    for (int i = 0; i < 2; i++) {
        evutil_make_socket_nonblocking(loop->wake_fds[i]);
        evutil_make_socket_closeonexec(loop->wake_fds[i]);
    }
    return true;
}

tuf_status loop_new(struct loop **out, struct server *server, unsigned index)
{
    struct loop *loop = tufi_alloc_zero(sizeof(*loop));
    if (loop == NULL)
        return tufi_nomem();
    loop->server = server;
    loop->index = index;
    loop->wake_fds[0] = loop->wake_fds[1] = -1;
    pthread_mutex_init(&loop->inbox_lock, NULL);
    struct event_config *config = event_config_new();
    if (config != NULL) {
        /* Every base belongs to one thread. */
        event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
        loop->base = event_base_new_with_config(config);
        event_config_free(config);
    }
    if (loop->base == NULL || !open_pipe(loop)) {
        loop_free(&loop);
        return tufi_fail_errno(errno, "cannot make an event loop");
    }
    loop->wake_event =
        event_new(loop->base, loop->wake_fds[0], EV_READ | EV_PERSIST, on_wake, loop);
    loop->tick_event = event_new(loop->base, -1, EV_PERSIST, on_tick, loop);
    loop->deferred_event = event_new(loop->base, -1, 0, on_deferred, loop);
    if (loop->wake_event == NULL || loop->tick_event == NULL || loop->deferred_event == NULL ||
        event_add(loop->wake_event, NULL) != 0) {
        loop_free(&loop);
        return tufi_nomem();
    }
    loop->tick_ms = clock_ms();
    set_tick(loop, 1000);
    *out = loop;
    return TUF_OK;
}

void loop_free(struct loop **loop)
{
    if (*loop == NULL)
        return;
    struct event *events[] = { (*loop)->wake_event, (*loop)->tick_event, (*loop)->deferred_event };
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        if (events[i] != NULL)
            event_free(events[i]);
    }
    if ((*loop)->base != NULL)
        event_base_free((*loop)->base);
    for (int i = 0; i < 2; i++) {
        if ((*loop)->wake_fds[i] >= 0)
            close((*loop)->wake_fds[i]);
    }
    pthread_mutex_destroy(&(*loop)->inbox_lock);
    tufi_free(*loop);
    *loop = NULL;
}

void loop_run(struct loop *loop)
{
    event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

static void *thread_main(void *arg)
{
    loop_run(arg);
    return NULL;
}

tuf_status loop_start_thread(struct loop *loop)
{
    int err = thread_start(&loop->thread, thread_main, loop);
    if (err != 0)
        return tufi_fail_errno(err, "cannot start a thread");
    loop->has_thread = true;
    return TUF_OK;
}
