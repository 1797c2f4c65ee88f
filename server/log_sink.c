/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: writes lines to the chosen sink. See server/log_sink.h.
 *
 * Lock: readers write, the one who changes the sink waits for them.
 */
#include "server/log_sink.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static enum log_writer current = LOG_TO_STDERR;
static int file_fd = -1;

bool log_sink_set(enum log_writer writer, const char *path)
{
    int fd = -1;
    if (writer == LOG_TO_FILE) {
        fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
            return false;
    }
    pthread_rwlock_wrlock(&lock);
    if (file_fd >= 0)
        close(file_fd);
    file_fd = fd;
    if (writer == LOG_TO_SYSLOG)
        openlog("tuffetd", LOG_PID, LOG_DAEMON);
    current = writer;
    pthread_rwlock_unlock(&lock);
    return true;
}

static void write_line(int fd, int priority, char *line, size_t len)
{
    char prefix[8];
    int prefix_len = priority < 0 ? 0 : snprintf(prefix, sizeof(prefix), "<%d>", priority);
    char end = '\n';
    struct iovec parts[] = { { prefix, (size_t)prefix_len }, { line, len }, { &end, 1 } };
    if (writev(fd, parts, 3) < 0)
        return; /* there is nowhere else to say so */
}

void log_sink_write(int priority, char *line, size_t len)
{
    pthread_rwlock_rdlock(&lock);
    switch (current) {
    case LOG_TO_STDERR:
        write_line(STDERR_FILENO, -1, line, len);
        break;
    case LOG_TO_FILE:
        write_line(file_fd, -1, line, len);
        break;
    case LOG_TO_SYSLOG:
        syslog(priority, "%.*s", (int)len, line);
        break;
    case LOG_TO_JOURNAL:
        write_line(STDERR_FILENO, priority, line, len);
        break;
    }
    pthread_rwlock_unlock(&lock);
}
