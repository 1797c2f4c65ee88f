/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: update sequences as clients see them: strings "N-token", where N is the engine's sequence
 * and the token names the database file, so that a sequence of another database can be told.
 *
 * INV-SEQ-1: equal sequences of one database are equal strings.
 * Source: CouchDB 3 answers "N-opaque"; 1.x answered integers, which are still taken.
 * Not here: which parameter holds one (server/handlers/changes_args.c).
 */
#ifndef SERVER_SEQ_H
#define SERVER_SEQ_H

#include "base/buf.h"
#include "tuffet/types.h"

/* "t1" and eight characters of the URL alphabet, which are six bytes of the file's uuid; NUL. */
#define SEQ_TOKEN_SIZE 11

struct seq_token {
    char text[SEQ_TOKEN_SIZE];
};

void seq_token_of(struct seq_token *out, const uint8_t uuid[16]);

/* Appends the JSON string "7-t1abcdefgh", quotes included. */
void seq_append(struct buf *out, uint64_t seq, const struct seq_token *token);

/*
 * Reads what a client gives back: an integer not beyond the newest sequence, a string of this
 * database with any tail behind the token, with or without quotes. A well-formed sequence of
 * another database, or of a CouchDB, says nothing about this one: it means 0, "from the start".
 *   newest  the database's update sequence
 * Returns: false for anything else (400 "Malformed sequence supplied in 'since' parameter.").
 */
bool seq_parse(uint64_t *out, tuf_slice text, const struct seq_token *token, uint64_t newest);

#endif
