/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: fuzz the whole server: the input is what a client sends over a connection. The admin is "a" with
 * the password "b" (Authorization: Basic YTpi), the databases are in a temporary folder.
 *
 * A byte 0xf8 (in no UTF-8 text) ends a piece: what follows is sent after the server had a chance to
 * read, or, 0xf9, over a connection of its own while the one before is still open.
 * What must hold: every connection ends after the client has closed its half; no answer of the server
 * begins with anything but a status line.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "fuzz/workdir.h"
#include "server/server.h"

#define CONNECTIONS_MAX 4
#define PIECES_MAX 16
#define END_MS 60000 /* more than any time-out of the server; machines may be busy */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sockaddr_in address;
static char listen_text[32];
static char config_path[96];

static void write_config(void)
{
    static const char text[] = "[admins]\na = b\n[chttpd_auth]\niterations = 10\n[log]\nlevel = none\n";
    snprintf(config_path, sizeof(config_path), "%s/fuzz.ini", workdir);
    FILE *f = fopen(config_path, "w");
    tuf_assert(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void *serve(void *arg)
{
    static const char *const addresses[] = { listen_text };
    static const char *const configs[] = { config_path };
    struct server_options options = {
        .data_dir = workdir,
        .listen = addresses,
        .listen_count = 1,
        .loop_count = 1,
        .worker_count = 1,
        .config_paths = configs,
        .config_count = 1,
    };
    (void)arg;
    exit(server_run(&options)); /* it is not told to stop */
}

static int dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* A port that was free a moment ago. */
static void pick_port(void)
{
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    tuf_assert(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    tuf_assert(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
    close(fd);
    snprintf(listen_text, sizeof(listen_text), "127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
}

static void start_once(void)
{
    static bool started;
    pthread_t thread;
    if (started)
        return;
    started = true;
    workdir_make();
    write_config();
    pick_port();
    tuf_assert(pthread_create(&thread, NULL, serve, NULL) == 0);
    pthread_detach(thread);
    for (int tries = 0; tries < 1000; tries++) {
        int fd = dial();
        if (fd >= 0) {
            close(fd);
            return;
        }
        usleep(10000);
    }
    abort();
}

/* Reads until the end. The server may cut the connection, but it must not keep it. */
static void drain(int fd)
{
    char answer[65536];
    size_t total = 0;
    struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
    for (;;) {
        int ready = poll(&poll_fd, 1, END_MS);
        ssize_t got = ready > 0 ? recv(fd, answer, sizeof(answer), 0) : -1;
        if (ready != 0 && got < 0 && errno == EINTR)
            continue; /* libFuzzer's clock */
        tuf_assert(ready > 0);
        if (got <= 0)
            break;
        if (total == 0 && got >= 9)
            tuf_assert(memcmp(answer, "HTTP/1.1 ", 9) == 0);
        total += (size_t)got;
    }
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fds[CONNECTIONS_MAX];
    size_t fd_count = 0, pieces = 0;
    if (size > 1 << 16)
        return 0;
    start_once();
    fds[fd_count++] = dial();
    while (size > 0 && pieces++ < PIECES_MAX) {
        size_t len = 0;
        while (len < size && data[len] != 0xf8 && data[len] != 0xf9)
            len++;
        (void)send(fds[fd_count - 1], data, len, MSG_NOSIGNAL);
        if (len < size && data[len] == 0xf9 && fd_count < CONNECTIONS_MAX)
            fds[fd_count++] = dial();
        else if (len < size)
            usleep(200);
        len += len < size;
        data += len;
        size -= len;
    }
    for (size_t i = 0; i < fd_count; i++) {
        if (fds[i] < 0)
            continue;
        shutdown(fds[i], SHUT_WR);
        drain(fds[i]);
    }
    return 0;
}
