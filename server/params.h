/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the query string of a request (and a form body, which has the same syntax) as a list of
 * decoded pairs.
 *
 * INV-PAR-1: a parsed list holds decoded bytes only; a malformed %XX makes the parse fail.
 * Source: CouchDB's mochiweb: '+' is a space, the first of repeated keys counts, "a" is "a=".
 * Not here: what a parameter means (each handler), JSON values (parse the slice).
 */
#ifndef SERVER_PARAMS_H
#define SERVER_PARAMS_H

#include "base/arena.h"
#include "tuffet/types.h"

struct param {
    tuf_slice key;
    tuf_slice value;
};

struct params {
    struct param *items; /* in the arena given to params_parse */
    size_t count;
};

/*
 * Splits and decodes "a=1&b=2".
 * Returns: TUF_OK; E_INVALID (kind "bad_request", text "invalid_url_encoding"); E_LIMIT (more than
 *          PARAMS_COUNT_MAX); E_NOMEM.
 */
#define PARAMS_COUNT_MAX 256
tuf_status params_parse(struct params *out, struct arena *arena, tuf_slice text);

/* The first value of a key, NULL if there is none. */
const tuf_slice *params_find(const struct params *params, const char *key);
/* The same for two names of one thing ("startkey", "start_key"), whichever comes last as CouchDB
 * folds them. */
const tuf_slice *params_find2(const struct params *params, const char *key, const char *alias);
/* Whether a key has exactly this value. */
bool params_is(const struct params *params, const char *key, const char *value);

enum param_result { PARAM_ABSENT, PARAM_OK, PARAM_BAD };

/* "true" or "false" (any case), nothing else. out is untouched unless PARAM_OK. */
enum param_result params_bool(bool *out, const struct params *params, const char *key);
/* A decimal integer with optional sign that fits. out is untouched unless PARAM_OK. */
enum param_result params_int(int64_t *out, const struct params *params, const char *key);

/* Parses a whole slice as a decimal integer; false if it is none or does not fit. */
bool parse_int(int64_t *out, tuf_slice text);
bool parse_uint(uint64_t *out, tuf_slice text);

/* Percent-decodes; plus makes '+' a space. data is NULL with len 1 for a malformed escape, NULL
 * with len 0 for no memory. Text without escapes is returned as it is, not copied. */
tuf_slice url_decode(struct arena *arena, tuf_slice text, bool plus);

#endif
