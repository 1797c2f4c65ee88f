/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: where log lines go: standard error, a file, syslog, or standard error as systemd's journal
 * reads it.
 *
 * INV-LSINK-1: a line is written by one call; a sink that fails loses lines, never blocks others.
 */
#ifndef SERVER_LOG_SINK_H
#define SERVER_LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>

enum log_writer { LOG_TO_STDERR, LOG_TO_FILE, LOG_TO_SYSLOG, LOG_TO_JOURNAL };

/*
 * Chooses a sink, or opens the same file again (it was renamed away). Any thread.
 *   path  of LOG_TO_FILE, made with mode 0600 if it is not there
 * Returns false, and stays at what was, if the file cannot be opened; errno says why.
 */
bool log_sink_set(enum log_writer writer, const char *path);

/* Writes a line, whose end is added here. `priority` is syslog's, 0 to 7. */
void log_sink_write(int priority, char *line, size_t len);

#endif
