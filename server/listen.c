/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: accepts connections. See server/listen.h.
 */
#include "server/listen.h"

#include <assert.h>
#include <errno.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "server/admission.h"
#include "server/conn.h"
#include "server/log.h"
#include "server/params.h"
#include "server/server.h"
#include "server/tls.h"

#define BACKLOG 1024
#define PAUSE_MS 100

struct listener {
    struct server *server;
    struct evconnlistener *listener;
    struct event *resume_event;
    int reserve_fd;
    unsigned next_loop;
    unsigned port;
    bool tls;
    char unix_path[LISTEN_PATH_MAX]; /* to remove at the end; empty: none */
};

/* A connection on its way to its loop. */
struct arrival {
    struct loop_task task;
    struct loop *loop;
    evutil_socket_t fd;
    bool tls;
    struct admission_client *client;
    struct sockaddr_storage addr;
};

bool listen_parse(struct listen_address *out, const char *text)
{
    const char *colon = strrchr(text, ':');
    uint64_t port;
    /* getaddrinfo takes 70000 for 4464. */
    if (colon == NULL || strlen(colon + 1) >= sizeof(out->port) ||
        !parse_uint(&port, tuf_str(colon + 1)) || port > 65535)
        return false;
    size_t len = (size_t)(colon - text);
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (len >= sizeof(out->host))
        return false;
    memcpy(out->host, text, len);
    out->host[len] = 0;
    snprintf(out->port, sizeof(out->port), "%s", colon + 1);
    return true;
}

static struct addrinfo *look_up(const struct listen_address *address)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_PASSIVE };
    struct addrinfo *found = NULL;
    bool any = address->host[0] == 0 || strcmp(address->host, "any") == 0;
    if (getaddrinfo(any ? "0.0.0.0" : address->host, address->port, &hints, &found) != 0)
        return NULL;
    return found;
}

static bool is_loopback(const struct sockaddr *addr)
{
    if (addr->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)addr;
        return ntohl(in->sin_addr.s_addr) >> 24 == 127;
    }
    if (addr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)addr;
        return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
    }
    return false;
}

bool listen_is_loopback(const struct listen_address *address)
{
    if (address->unix_socket)
        return true;
    struct addrinfo *found = look_up(address);
    bool all = found != NULL;
    for (const struct addrinfo *one = found; one != NULL; one = one->ai_next)
        all = all && is_loopback(one->ai_addr);
    if (found != NULL)
        freeaddrinfo(found);
    return all;
}

static void run_arrival(struct loop_task *task)
{
    struct arrival *arrival = (struct arrival *)(void *)task;
    SSL *ssl = arrival->tls ? tls_accept(arrival->loop->server->tls) : NULL;
    if (arrival->loop->stopping || (arrival->tls && ssl == NULL)) {
        SSL_free(ssl);
        evutil_closesocket(arrival->fd);
        admission_leave(arrival->loop->server->admission, &arrival->client);
    } else {
        conn_open(arrival->loop, arrival->fd, (struct sockaddr *)&arrival->addr, ssl,
                  arrival->client);
    }
    tufi_free(arrival);
}

#define TOO_MANY "{\"error\":\"service_unavailable\",\"reason\":\"too many connections\"}\n"
static_assert(sizeof(TOO_MANY) - 1 == 64, "Content-Length below");

/* Nobody waits for this answer to be sent: it fits into the socket, or the client does without. */
static void turn_away(evutil_socket_t fd)
{
    static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\n"
                                 "Content-Type: application/json\r\nContent-Length: 64\r\n"
                                 "Retry-After: 1\r\nConnection: close\r\n\r\n" TOO_MANY;
    if (send(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
        shutdown(fd, SHUT_WR);
    evutil_closesocket(fd);
}

static void on_accept(struct evconnlistener *source, evutil_socket_t fd, struct sockaddr *addr,
                      int addr_len, void *arg)
{
    struct listener *listener = arg;
    struct server *server = listener->server;
    const struct settings *settings = server_settings(server);
    struct loop *loop = server->loops[listener->next_loop++ % server->loop_count];
    struct admission_client *client = NULL;
    struct arrival *arrival = NULL;
    (void)source;
    if (addr_len >= 0 && (size_t)addr_len <= sizeof(arrival->addr) &&
        admission_enter(&client, server->admission, addr, settings->connections_max,
                        settings->client_max))
        arrival = tufi_alloc_zero(sizeof(*arrival));
    if (arrival == NULL) {
        admission_leave(server->admission, &client);
        if (listener->tls)
            evutil_closesocket(fd); /* no handshake for this */
        else
            turn_away(fd);
        return;
    }
    arrival->client = client;
    arrival->task.run = run_arrival;
    arrival->loop = loop;
    arrival->fd = fd;
    arrival->tls = listener->tls;
    memcpy(&arrival->addr, addr, (size_t)addr_len);
    if (loop->index == 0)
        run_arrival(&arrival->task);
    else
        loop_post(loop, &arrival->task);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
    struct listener *listener = arg;
    (void)fd;
    (void)what;
    evconnlistener_enable(listener->listener);
}

static void on_error(struct evconnlistener *source, void *arg)
{
    struct listener *listener = arg;
    int err = EVUTIL_SOCKET_ERROR();
    struct timeval pause = { 0, PAUSE_MS * 1000 };
    log_line(LOG_WARNING, "cannot accept a connection: %s", strerror(err));
    if ((err == EMFILE || err == ENFILE) && listener->reserve_fd >= 0) {
        close(listener->reserve_fd);
        int fd = accept(evconnlistener_get_fd(source), NULL, NULL);
        if (fd >= 0)
            close(fd);
        listener->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    evconnlistener_disable(source);
    event_add(listener->resume_event, &pause);
}

static unsigned bound_port(evutil_socket_t fd)
{
    struct sockaddr_storage addr = { 0 };
    socklen_t len = sizeof(addr);
    if (getsockname(fd, (struct sockaddr *)&addr, &len) != 0)
        return 0;
    if (addr.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)(void *)&addr)->sin6_port);
    /* It is one of the two families. NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage) */
    return ntohs(((struct sockaddr_in *)(void *)&addr)->sin_port);
}

/* A socket left behind by a server that was killed is in the way; one that answers is not ours. */
static void remove_stale(const struct sockaddr_un *addr)
{
    struct stat info;
    if (lstat(addr->sun_path, &info) != 0 || !S_ISSOCK(info.st_mode))
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool dead = fd >= 0 && connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) != 0 &&
                errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    if (dead)
        unlink(addr->sun_path);
}

static struct evconnlistener *listen_unix(struct listener *listener, struct event_base *base,
                                          const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    size_t size = strlen(path) + 1;
    if (size > sizeof(addr.sun_path) || size > sizeof(listener->unix_path)) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    memcpy(addr.sun_path, path, size);
    remove_stale(&addr);
    struct evconnlistener *made = evconnlistener_new_bind(
        base, on_accept, listener, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG,
        (struct sockaddr *)&addr, sizeof(addr));
    if (made != NULL) {
        memcpy(listener->unix_path, path, size);
        (void)chmod(path, 0660);
    }
    return made;
}

static struct evconnlistener *listen_host(struct listener *listener, struct event_base *base,
                                          const struct listen_address *address)
{
    unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE;
    struct addrinfo *found = look_up(address);
    if (found == NULL) {
        errno = EADDRNOTAVAIL;
        return NULL;
    }
    /* "::" beside "0.0.0.0" wants its own half only. */
    if (found->ai_family == AF_INET6)
        flags |= LEV_OPT_BIND_IPV6ONLY;
    struct evconnlistener *made =
        evconnlistener_new_bind(base, on_accept, listener, flags, BACKLOG, found->ai_addr,
                                (int)found->ai_addrlen);
    int err = errno;
    freeaddrinfo(found);
    errno = err;
    return made;
}

tuf_status listener_new(struct listener **out, struct server *server,
                        const struct listen_address *address)
{
    struct listener *listener = tufi_alloc_zero(sizeof(*listener));
    if (listener == NULL)
        return tufi_nomem();
    listener->server = server;
    listener->tls = address->tls;
    listener->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct event_base *base = server->loops[0]->base;
    listener->resume_event = evtimer_new(base, on_resume, listener);
    listener->listener = address->unix_socket ? listen_unix(listener, base, address->host)
                                              : listen_host(listener, base, address);
    if (listener->listener == NULL || listener->resume_event == NULL) {
        int err = errno;
        listener_free(&listener);
        return tufi_fail_errno(err, "cannot listen on %s%s%s", address->host,
                               address->unix_socket ? "" : " port ", address->port);
    }
    evconnlistener_set_error_cb(listener->listener, on_error);
    if (!address->unix_socket)
        listener->port = bound_port(evconnlistener_get_fd(listener->listener));
    *out = listener;
    return TUF_OK;
}

unsigned listener_port(const struct listener *listener)
{
    return listener->port;
}

void listener_free(struct listener **listener)
{
    if (*listener == NULL)
        return;
    if ((*listener)->listener != NULL)
        evconnlistener_free((*listener)->listener);
    if ((*listener)->resume_event != NULL)
        event_free((*listener)->resume_event);
    if ((*listener)->unix_path[0] != 0)
        unlink((*listener)->unix_path);
    if ((*listener)->reserve_fd >= 0)
        close((*listener)->reserve_fd);
    tufi_free(*listener);
    *listener = NULL;
}
