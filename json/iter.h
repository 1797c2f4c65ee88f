/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the elements of one JSON array or object, one after another, as they were written: nothing is
 * built, no number changes its digits and no member its order.
 *
 * INV-ITER-1: every slice that is given out lies inside the text and was checked to be valid JSON.
 * Source: RFC 8259.
 * Not here: a walk by call-backs (tufi_json_each in json/docscan.h, a loop over this); duplicate
 *           keys: every member is reported, and who keeps the last one seen has CouchDB's rule.
 */
#ifndef JSON_ITER_H
#define JSON_ITER_H

#include "json/token.h"

struct json_iter {
    struct cursor at;
    const struct json_watch *watch; /* NULL: nobody wants to know; may be set after the begin */
    uint8_t closer;                 /* '}' or ']' */
    bool begun;
    bool escaped;                   /* the last key holds a backslash */
};

/*
 * Starts at a container.
 *   opener  '{' or '[', or 0 for either
 * Returns: TUF_OK; E_INVALID if the text does not begin with one.
 */
tuf_status tufi_json_iter_begin(struct json_iter *out, tuf_slice json, char opener);

/*
 * The next element or member.
 *   key_out  the member's name as written, quotes included; empty for an array
 * Returns: TUF_OK; TUF_END; E_INVALID (malformed, or something behind the closing bracket).
 */
tuf_status tufi_json_iter_next(tuf_slice *key_out, tuf_slice *value_out, struct json_iter *iter);

/* Whether a member's name, as written, means this text of up to 42 bytes. */
bool tufi_json_key_is(tuf_slice raw_key, const char *name);

/* The last member of that name. Returns: TUF_OK; TUF_NOT_FOUND; E_INVALID. */
tuf_status tufi_json_member(tuf_slice *out, tuf_slice object, const char *name);

#endif
