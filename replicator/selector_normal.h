/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the one form that CouchDB gives to selectors that mean the same, which counts for the id of a
 * replication.
 *
 * Source: CouchDB's mango_selector:normalize.
 * Not here: what a selector selects (the source does that).
 */
#ifndef REPLICATOR_SELECTOR_NORMAL_H
#define REPLICATOR_SELECTOR_NORMAL_H

#include <jansson.h>

/* A new reference; NULL for what CouchDB refuses (or out of memory). Keys are not sorted. */
json_t *repl_selector_normal(const json_t *selector);

#endif
