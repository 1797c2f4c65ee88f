/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: a JSON text as a tree of values in an arena. Unlike jansson's it keeps numbers of any size
 * as their text, strings with NUL, and the order of members.
 *
 * INV-JV-1: a tree is read-only after the parse and borrows the text it was made of.
 * Source: RFC 8259.
 * Not here: the writer (json/docscan.h), the order of values (server/collate.h).
 */
#ifndef SERVER_JVAL_H
#define SERVER_JVAL_H

#include "base/arena.h"
#include "tuffet/types.h"

/* In the order of view collation. */
enum jval_type {
    JVAL_NULL,
    JVAL_FALSE,
    JVAL_TRUE,
    JVAL_NUMBER,
    JVAL_STRING,
    JVAL_ARRAY,
    JVAL_OBJECT,
};

struct jval {
    enum jval_type type;
    bool is_integer;          /* NUMBER without fraction and exponent */
    tuf_slice key;            /* decoded, of a member of an object */
    tuf_slice raw;            /* text of the value */
    tuf_slice text;           /* decoded, of a STRING */
    size_t count;             /* elements or members */
    const struct jval *next;  /* sibling */
    const struct jval *child; /* first element or member */
};

/*
 * Parses a whole text, which need not be canonical.
 *   json  borrowed by the tree
 * Returns: TUF_OK; E_INVALID (kind "bad_request", "invalid UTF-8 JSON"); E_NOMEM.
 */
tuf_status jval_parse(const struct jval **out, struct arena *arena, tuf_slice json);

/*
 * The same for text from a client: made canonical first, so that of duplicate members the last
 * counts. The canonical text lives in the arena.
 */
tuf_status jval_parse_canonical(const struct jval **out, struct arena *arena, tuf_slice json);

/* The last member of that name of an object; NULL if there is none, or `value` is no object. */
const struct jval *jval_member(const struct jval *value, const char *name);
const struct jval *jval_find(const struct jval *object, tuf_slice key);

/* A NUMBER that is an integer of 64 bits. */
bool jval_int(int64_t *out, const struct jval *value);

/* An ARRAY of nothing but STRINGs. */
bool jval_is_string_list(const struct jval *value);

static inline bool jval_is_bool(const struct jval *value)
{
    return value->type == JVAL_FALSE || value->type == JVAL_TRUE;
}

#endif
