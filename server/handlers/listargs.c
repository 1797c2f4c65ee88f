/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: reads the parameters of listings.
 *
 * Invariants: see server/handlers/listargs.h; parameters are folded in the order they came.
 * Source: server/handlers/listargs.h.
 * Not here: parameters of _changes (changes_args.c).
 */
#include "server/handlers/listargs.h"

#include <ctype.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "server/docjson.h"
#include "server/erlterm.h"

/* A value of either origin: `text` of a query string, or `json`. */
struct given {
    tuf_slice text;
    const struct jval *json;
    struct arena *arena;
};

static tuf_status refuse(const char *what, const struct given *value)
{
    TUF_AUTO(tufi_buf_release) struct buf shown = BUF_INIT;
    if (value->json != NULL)
        erlterm_append_pretty(&shown, value->json);
    else
        json_append_string(&shown, value->text);
    return tufi_fail_kind(TUF_E_INVALID, "query_parse_error", "%s: %.*s", what, (int)shown.len,
                          shown.data != NULL ? (const char *)shown.data : "");
}

static bool text_is(tuf_slice text, const char *word)
{
    if (text.len != strlen(word))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (tolower(text.data[i]) != word[i])
            return false;
    }
    return true;
}

static tuf_status read_bool(bool *out, const struct given *value)
{
    if (value->json != NULL && jval_is_bool(value->json)) {
        *out = value->json->type == JVAL_TRUE;
        return TUF_OK;
    }
    bool is_text = value->json == NULL || value->json->type == JVAL_STRING;
    tuf_slice text = value->json != NULL ? value->json->text : value->text;
    if (!is_text || (!text_is(text, "true") && !text_is(text, "false")))
        return refuse("Invalid boolean parameter", value);
    *out = text_is(text, "true");
    return TUF_OK;
}

static tuf_status read_count(uint64_t *out, const struct given *value)
{
    int64_t number = 0;
    bool is_number =
        value->json != NULL ? jval_int(&number, value->json) : parse_int(&number, value->text);
    if (!is_number)
        return refuse("Invalid value for integer", value);
    if (number < 0)
        return refuse("Invalid value for positive integer", value);
    *out = (uint64_t)number;
    return TUF_OK;
}

static tuf_status read_json(const struct jval **out, const struct given *value)
{
    if (value->json == NULL)
        return jval_parse_canonical(out, value->arena, value->text);
    *out = value->json;
    return TUF_OK;
}

static tuf_status read_key(struct list_key *out, const struct given *value)
{
    const struct jval *json = NULL;
    tuf_status st = read_json(&json, value);
    if (st != TUF_OK)
        return st;
    *out = (struct list_key){
        .set = true, .is_string = json->type == JVAL_STRING, .text = json->text, .raw = json->raw
    };
    return TUF_OK;
}

/* A document id, which is not JSON in a query string. */
static tuf_status read_docid(struct list_key *out, const struct given *value, const char *fault)
{
    if (value->json != NULL && value->json->type != JVAL_STRING)
        return tufi_fail_kind(TUF_E_INVALID, "query_parse_error", "%s", fault);
    *out = (struct list_key){ .set = true,
                              .is_string = true,
                              .text = value->json != NULL ? value->json->text : value->text };
    return TUF_OK;
}

static tuf_status read_flag(unsigned *flags, unsigned flag, const struct given *value)
{
    bool on = false;
    tuf_status st = read_bool(&on, value);
    if (st == TUF_OK && on)
        *flags |= flag;
    return st;
}

/* One of a few words; each of them is the same to us. */
static tuf_status check_word(const char *name, const struct given *value, const char *const *words)
{
    tuf_slice text = value->json != NULL ? value->json->text : value->text;
    bool is_bool = value->json != NULL && jval_is_bool(value->json);
    if (is_bool)
        text = value->json->raw;
    for (; *words != NULL; words++) {
        if (slice_is(text, *words))
            return TUF_OK;
    }
    return tufi_fail_kind(TUF_E_INVALID, "query_parse_error", "Invalid value for `%s`.", name);
}

static tuf_status read_inverse(bool *out, const struct given *value)
{
    bool on = false;
    tuf_status st = read_bool(&on, value);
    if (st == TUF_OK)
        *out = !on;
    return st;
}

static tuf_status read_keys(struct list_args *args, const struct given *value)
{
    const struct jval *json = NULL;
    tuf_status st = read_json(&json, value);
    if (st != TUF_OK)
        return st;
    if (json->type == JVAL_NULL) {
        args->keys = NULL;
        return TUF_OK;
    }
    if (json->type != JVAL_ARRAY)
        return tufi_fail_kind(TUF_E_INVALID, "bad_request",
                              value->json != NULL ? "`keys` body member must be an array."
                                                  : "`keys` parameter must be an array.");
    args->keys = json;
    return TUF_OK;
}

/* What steers views only: read so that nonsense is refused, else of no effect. */
static tuf_status read_view_arg(struct list_args *args, tuf_slice key, const struct given *value)
{
    static const char *const stale_words[] = { "ok", "update_after", NULL };
    static const char *const bool_words[] = { "true", "false", NULL };
    static const char *const update_words[] = { "true", "false", "lazy", NULL };
    bool on = false;
    uint64_t count = 0;
    tuf_status st = TUF_OK;
    if (slice_is(key, "stale"))
        return check_word("stale", value, stale_words);
    if (slice_is(key, "stable"))
        return check_word("stable", value, bool_words);
    if (slice_is(key, "update"))
        return check_word("update", value, update_words);
    if (slice_is(key, "sorted"))
        return read_bool(&on, value);
    if (slice_is(key, "reduce")) {
        st = read_bool(&on, value);
        args->reduce = on;
    } else if (slice_is(key, "group")) {
        st = read_bool(&on, value);
        args->grouping = on;
    } else if (slice_is(key, "group_level")) {
        st = read_count(&count, value);
        args->grouping = count > 0;
    }
    return st;
}

static tuf_status read_arg(struct list_args *args, tuf_slice key, const struct given *value)
{
    if (slice_is(key, "key")) {
        tuf_status st = read_key(&args->start, value);
        args->end = args->start;
        return st;
    }
    if (slice_is(key, "keys"))
        return read_keys(args, value);
    if (slice_is(key, "startkey") || slice_is(key, "start_key"))
        return read_key(&args->start, value);
    if (slice_is(key, "endkey") || slice_is(key, "end_key"))
        return read_key(&args->end, value);
    if (slice_is(key, "startkey_docid") || slice_is(key, "start_key_doc_id"))
        return read_docid(&args->start_docid, value, "`start_key_docid` must be a string.");
    if (slice_is(key, "endkey_docid") || slice_is(key, "end_key_doc_id"))
        return read_docid(&args->end_docid, value, "`end_key_docid` must be a string.");
    if (slice_is(key, "limit"))
        return read_count(&args->limit, value);
    if (slice_is(key, "skip"))
        return read_count(&args->skip, value);
    if (slice_is(key, "descending"))
        return read_bool(&args->descending, value);
    if (slice_is(key, "inclusive_end"))
        return read_inverse(&args->exclude_end, value);
    if (slice_is(key, "include_docs"))
        return read_bool(&args->include_docs, value);
    if (slice_is(key, "update_seq"))
        return read_bool(&args->update_seq, value);
    if (slice_is(key, "conflicts"))
        return read_flag(&args->doc_flags, DOCJSON_CONFLICTS, value);
    if (slice_is(key, "attachments"))
        return read_flag(&args->doc_flags, DOCJSON_ATTACHMENTS, value);
    if (slice_is(key, "att_encoding_info"))
        return read_flag(&args->doc_flags, DOCJSON_ATT_ENCODING, value);
    return read_view_arg(args, key, value);
}

tuf_status list_args_from_query(struct list_args *args, const struct params *params,
                                struct arena *arena)
{
    for (size_t i = 0; i < params->count; i++) {
        struct given value = { .text = params->items[i].value, .arena = arena };
        if (slice_is(params->items[i].key, "partition")) {
            args->partition = &params->items[i].value;
            continue;
        }
        tuf_status st = read_arg(args, params->items[i].key, &value);
        if (st != TUF_OK)
            return st;
    }
    return TUF_OK;
}

tuf_status list_args_from_json(struct list_args *args, const struct jval *object)
{
    for (const struct jval *item = object->child; item != NULL; item = item->next) {
        struct given value = { .json = item };
        if (slice_is(item->key, "partition")) {
            args->partition = &item->text;
            continue;
        }
        tuf_status st = read_arg(args, item->key, &value);
        if (st != TUF_OK)
            return st;
    }
    return TUF_OK;
}

tuf_status list_args_check(const struct list_args *args)
{
    const char *fault = NULL;
    if (args->reduce)
        fault = "Reduce is invalid for map-only views.";
    else if (args->keys != NULL && args->keys->count > 0 && (args->start.set || args->end.set))
        fault = "`keys` is incompatible with `key`, `start_key` and `end_key`";
    else if (args->grouping)
        fault = "Invalid use of grouping on a map view.";
    return fault == NULL ? TUF_OK : tufi_fail_kind(TUF_E_INVALID, "query_parse_error", "%s", fault);
}

void list_args_fold_single_key(struct list_args *args)
{
    if (args->keys == NULL || args->keys->count != 1 || args->start.set || args->end.set)
        return;
    const struct jval *key = args->keys->child;
    args->start = (struct list_key){
        .set = true, .is_string = key->type == JVAL_STRING, .text = key->text, .raw = key->raw
    };
    args->end = args->start;
    args->keys = NULL;
}
