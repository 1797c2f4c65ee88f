/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what "tuffet replicate" is asked to do, for the one pair of databases or for a whole server.
 *
 * Not here: the protocol (replicator/run.h).
 */
#ifndef CLI_REPLICATE_H
#define CLI_REPLICATE_H

#include <jansson.h>

#include "cli/cli.h"

struct replication {
    json_t *request;    /* members of a POST to /_replicate but source and target; owned */
    bool create_target;
    bool continuous;
    bool quiet;
    bool json;          /* print the answer of a POST to /_replicate */
};

/* Whether an argument is the URL of something. */
bool cli_is_url(const char *text);

/*
 * Replicates one database; says what came of it.
 *   source, target  a URL as text or {"url","auth"}, or the path of a file
 * Returns: an exit status: CLI_NO if documents were refused.
 */
int cli_replicate_one(const struct replication *what, const json_t *source, const json_t *target);

/* Replicates all databases of a server into files of a directory. Returns: the worst exit status. */
int cli_mirror(const struct replication *what, const char *url, const char *directory);

#endif
