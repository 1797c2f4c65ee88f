/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see replicator/answers.h.
 */
#include "replicator/answers.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "json/iter.h"
#include "replicator/docview.h"

/* Longest sequence: CouchDB's have some hundred bytes for each shard. */
#define SEQ_SIZE_MAX 65536
/* Of revisions that a missing one may descend from more are of no use. */
#define ANCESTORS_MAX 1000
#define REV_SIZE_MAX 200

static tuf_status malformed(const char *what)
{
    return tufi_fail_kind(TUF_E_INVALID, "invalid_answer", "%s is malformed", what);
}

static json_t *string_of(tuf_slice literal)
{
    TUF_AUTOFREE char *text = repl_literal_text(literal);
    return text != NULL ? json_string(text) : NULL;
}

/* A revision, appended to a list. */
static tuf_status add_rev(json_t *list, tuf_slice literal)
{
    json_t *rev = literal.len > 4 && literal.len <= REV_SIZE_MAX ? string_of(literal) : NULL;
    if (rev == NULL)
        return malformed("a revision");
    return json_array_append_new(list, rev) == 0 ? TUF_OK : tufi_nomem();
}

/* A number or a text; of something else that is short, what it is. */
static tuf_status small_value(json_t **out, tuf_slice text)
{
    *out = text.len <= SEQ_SIZE_MAX
               ? json_loadb((const char *)text.data, text.len, JSON_DECODE_ANY, NULL)
               : NULL;
    return *out != NULL ? TUF_OK : malformed("a sequence");
}

/* ---- _changes ---------------------------------------------------------------------------- */

/* [{"rev":"1-a"},...] */
static tuf_status read_revs(json_t *revs, tuf_slice list)
{
    struct json_iter iter;
    tuf_slice key, item, rev;
    tuf_status st = tufi_json_iter_begin(&iter, list, '[');
    while (st == TUF_OK) {
        st = tufi_json_iter_next(&key, &item, &iter);
        if (st == TUF_OK && tufi_json_member(&rev, item, "rev") != TUF_OK)
            st = malformed("a change");
        if (st == TUF_OK)
            st = add_rev(revs, rev);
    }
    return st == TUF_END ? TUF_OK : st;
}

static tuf_status read_row(json_t **out, tuf_slice row)
{
    struct json_iter iter;
    tuf_slice key, value, id = { 0 }, seq = { 0 }, changes = { 0 };
    tuf_status st = tufi_json_iter_begin(&iter, row, '{');
    while (st == TUF_OK) {
        st = tufi_json_iter_next(&key, &value, &iter);
        if (st != TUF_OK)
            break;
        if (tufi_json_key_is(key, "id"))
            id = value;
        else if (tufi_json_key_is(key, "seq"))
            seq = value;
        else if (tufi_json_key_is(key, "changes"))
            changes = value;
    }
    if (st != TUF_END || seq.len == 0 || changes.len == 0)
        return malformed("a row of _changes");
    json_auto_t *name = string_of(id);
    json_auto_t *revs = json_array();
    if (name == NULL)
        return malformed("an id of _changes");
    st = revs != NULL ? read_revs(revs, changes) : tufi_nomem();
    if (st != TUF_OK)
        return st;
    *out = json_pack("{s:O,s:O}", "id", name, "revs", revs);
    return *out != NULL ? TUF_OK : tufi_nomem();
}

static tuf_status read_rows(json_t *rows, tuf_slice list, uint64_t rows_max)
{
    struct json_iter iter;
    tuf_slice key, item;
    tuf_status st = tufi_json_iter_begin(&iter, list, '[');
    while (st == TUF_OK) {
        json_t *row = NULL;
        st = tufi_json_iter_next(&key, &item, &iter);
        if (st == TUF_OK && json_array_size(rows) >= rows_max)
            st = malformed("a list of more changes than were asked for");
        if (st == TUF_OK)
            st = read_row(&row, item);
        if (st == TUF_OK && json_array_append_new(rows, row) != 0)
            st = tufi_nomem();
    }
    return st == TUF_END ? TUF_OK : st;
}

static tuf_status set_small(json_t *object, const char *name, tuf_slice text)
{
    json_t *value = NULL;
    tuf_status st = small_value(&value, text);
    if (st == TUF_OK && json_object_set_new(object, name, value) != 0)
        st = tufi_nomem();
    return st;
}

tuf_status repl_read_changes(json_t **out, tuf_slice body, uint64_t rows_max)
{
    struct json_iter iter;
    tuf_slice key, value, results = { 0 }, last = { 0 }, pending = { 0 };
    *out = NULL;
    tuf_status st = tufi_json_iter_begin(&iter, body, '{');
    while (st == TUF_OK) {
        st = tufi_json_iter_next(&key, &value, &iter);
        if (st != TUF_OK)
            break;
        if (tufi_json_key_is(key, "results"))
            results = value;
        else if (tufi_json_key_is(key, "last_seq"))
            last = value;
        else if (tufi_json_key_is(key, "pending"))
            pending = value;
    }
    if (st != TUF_END || results.len == 0 || last.len == 0)
        return malformed("an answer of _changes");
    json_auto_t *page = json_object();
    json_t *rows = json_array();
    if (json_object_set_new(page, "results", rows) != 0)
        return tufi_nomem();
    st = read_rows(rows, results, rows_max);
    if (st == TUF_OK)
        st = set_small(page, "last_seq", last);
    if (st == TUF_OK && pending.len > 0)
        st = set_small(page, "pending", pending);
    if (st == TUF_OK)
        *out = json_incref(page);
    return st;
}

/* ---- _revs_diff -------------------------------------------------------------------------- */

/* Strings of a list: no more than `max`, or (lenient) only the first `max`. */
static tuf_status read_texts(json_t **out, tuf_slice list, size_t max, bool lenient)
{
    struct json_iter iter;
    tuf_slice key, item;
    json_auto_t *texts = json_array();
    tuf_status st = texts != NULL ? tufi_json_iter_begin(&iter, list, '[') : tufi_nomem();
    while (st == TUF_OK) {
        st = tufi_json_iter_next(&key, &item, &iter);
        if (st != TUF_OK)
            break;
        if (json_array_size(texts) < max)
            st = add_rev(texts, item);
        else if (!lenient)
            st = malformed("a list of more revisions than were asked for");
    }
    if (st != TUF_END)
        return st;
    *out = json_incref(texts);
    return TUF_OK;
}

static tuf_status read_diff_item(json_t *diff, const char *id, tuf_slice item, size_t asked_count)
{
    json_auto_t *missing = NULL;
    json_auto_t *ancestors = NULL;
    tuf_slice list;
    tuf_status st = tufi_json_member(&list, item, "missing");
    if (st == TUF_OK)
        st = read_texts(&missing, list, asked_count, false);
    if (st == TUF_OK || st == TUF_NOT_FOUND)
        st = tufi_json_member(&list, item, "possible_ancestors");
    if (st == TUF_OK)
        st = read_texts(&ancestors, list, ANCESTORS_MAX, true);
    if (st != TUF_OK && st != TUF_NOT_FOUND)
        return st;
    json_t *one = json_pack("{s:O*,s:O*}", "missing", missing, "possible_ancestors", ancestors);
    return one != NULL && json_object_set_new(diff, id, one) == 0 ? TUF_OK : tufi_nomem();
}

tuf_status repl_read_diff(json_t **out, tuf_slice body, const json_t *asked)
{
    struct json_iter iter;
    tuf_slice key, item;
    json_auto_t *diff = json_object();
    *out = NULL;
    tuf_status st = diff != NULL ? tufi_json_iter_begin(&iter, body, '{') : tufi_nomem();
    while (st == TUF_OK) {
        st = tufi_json_iter_next(&key, &item, &iter);
        if (st != TUF_OK)
            break;
        TUF_AUTOFREE char *id = repl_literal_text(key);
        const json_t *revs = id != NULL ? json_object_get(asked, id) : NULL;
        st = revs != NULL ? read_diff_item(diff, id, item, json_array_size(revs))
                          : malformed("an id of _revs_diff");
    }
    if (st != TUF_END)
        return st;
    *out = json_incref(diff);
    return TUF_OK;
}

/* ---- others ------------------------------------------------------------------------------ */

tuf_status repl_read_refusals(uint64_t *out, tuf_slice body)
{
    struct json_iter iter;
    tuf_slice key, value, error;
    *out = 0;
    tuf_status st = tufi_json_iter_begin(&iter, body, '[');
    while (st == TUF_OK) {
        st = tufi_json_iter_next(&key, &value, &iter);
        if (st == TUF_OK && tufi_json_member(&error, value, "error") == TUF_OK)
            ++*out;
    }
    return st == TUF_END ? TUF_OK : st;
}

char *repl_read_text(tuf_slice object, const char *name)
{
    tuf_slice value;
    return tufi_json_member(&value, object, name) == TUF_OK ? repl_literal_text(value) : NULL;
}
