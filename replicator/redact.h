/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: takes out of a text about a replication what lets somebody in. A remote may say in an error
 * what it was sent, and errors are shown and logged.
 *
 * INV-RRD-1: no text that repl_redact has seen holds a password, a header's value or the
 *            credentials of a proxy of that end, as they are sent or written, if they are of
 *            REDACT_SIZE_MIN bytes or more.
 */
#ifndef REPLICATOR_REDACT_H
#define REPLICATOR_REDACT_H

#include "replicator/endpoint.h"

/* Shorter ones are parts of ordinary words. */
#define REDACT_SIZE_MIN 4

/*
 * Replaces secrets of an endpoint by asterisks, and its `shown` form by its `url`.
 *   text  NUL-terminated; never gets longer
 */
void repl_redact(char *text, const struct endpoint *ep);

#endif
