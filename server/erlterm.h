/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: JSON values as CouchDB's error texts show them: in the notation of Erlang terms.
 */
#ifndef SERVER_ERLTERM_H
#define SERVER_ERLTERM_H

#include "base/buf.h"
#include "server/jval.h"

/* Appends a value as io:format("~w") prints it: strings as <<97,98>>, objects as {[{<<97>>,1}]}. */
void erlterm_append(struct buf *out, const struct jval *value);

/* Appends a value as "~p" prints simple ones: strings as <<"ab">>. */
void erlterm_append_pretty(struct buf *out, const struct jval *value);

#endif
