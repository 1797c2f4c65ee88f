/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the server's log: one line per event, in CouchDB's form or as JSON.
 *
 * INV-SLOG-1: a line holds no control character and no secret: no Authorization, no Cookie, no
 *            body; a password in a query string or a URL is masked.
 */
#ifndef SERVER_LOG_H
#define SERVER_LOG_H

#include <stdbool.h>

#include "base/fail.h"

struct config;
struct request;

enum log_level { LOG_DEBUG, LOG_INFO, LOG_NOTICE, LOG_WARNING, LOG_ERROR, LOG_NONE };

/* False if there is no level of this name. */
bool log_level_parse(enum log_level *out, const char *name);
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);

/* The node that lines name; before other threads run. */
void log_set_node(const char *name);

/* Takes level, form and the limit of slow requests from [log]. Any thread. */
void log_configure(struct config *config);
/* Opens what [log] writer and file name, again if it is open. False: errno says why. */
bool log_open(struct config *config);

/* Any thread. Writes one line with a single call. */
void log_line(enum log_level level, const char *fmt, ...) TUFI_PRINTF(2, 3);

/* One line for a finished request (level notice), and one more (warning) if it was slow. */
void log_access(struct request *req);

#endif
