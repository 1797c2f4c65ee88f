/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the configuration as the server starts with it: files, then the environment, then the
 * command line.
 */
#ifndef SERVER_STARTUP_H
#define SERVER_STARTUP_H

#include "base/buf.h"
#include "tuffet/status.h"

struct config;
struct server;
struct server_options;

/*
 * Reads the files, and pins what environment and command line say.
 * Returns: TUF_OK; E_IO, E_INVALID, E_LIMIT, E_NOMEM, with a text for the operator.
 */
tuf_status startup_config(struct server *server, const struct server_options *options);

/* The value of a variable, or the content of the file that NAME_FILE names, without the line ends
 * behind it; false if there is neither, or it is empty. Failures: a file that cannot be read. */
bool startup_env(struct buf *out, tuf_status *status, const char *name);

/* Writes the whole configuration to standard output as an ini file, secrets as "****". */
void startup_print(struct config *config);

#endif
