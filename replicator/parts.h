/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the parts of a JSON text as they were written: a document goes from one peer to the other
 * byte for byte, so that no number changes its digits and no member its order.
 *
 * INV-RPP-1: every slice that is given out lies inside the text and was checked to be valid JSON.
 * Not here: values that are looked into (jansson).
 */
#ifndef REPLICATOR_PARTS_H
#define REPLICATOR_PARTS_H

#include "json/token.h"

struct json_parts {
    struct cursor at;
    uint8_t close; /* '}' or ']' */
    bool begun;
};

/*
 * Starts at a value of the given kind.
 *   open  '{' or '['
 * Returns: TUF_OK; E_INVALID if the value is something else.
 */
tuf_status repl_parts_begin(struct json_parts *out, tuf_slice value, char open);

/*
 * The next element or member.
 *   key_out  the member's name as written, quotes included; empty for an array
 * Returns: TUF_OK; TUF_END; E_INVALID (malformed, or something behind the closing bracket).
 */
tuf_status repl_parts_next(tuf_slice *key_out, tuf_slice *value_out, struct json_parts *parts);

/* Whether a member's name, as written, means this text. */
bool repl_key_is(tuf_slice raw_key, const char *name);

/* The last member of that name. Returns: TUF_OK; TUF_NOT_FOUND; E_INVALID. */
tuf_status repl_member(tuf_slice *out, tuf_slice object, const char *name);

#endif
