/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see server/handlers/ddoc_check.h.
 *
 * A rule is a path of up to three members with the types each may have; "*" is every member. A
 * member that is not there breaks no rule. The rules are tried in order: the first that is broken
 * names the answer.
 */
#include "server/handlers/ddoc_check.h"

#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "server/jval.h"
#include "server/params.h"

#define STEPS_MAX 3
#define RANK_MAX 100

enum { IS_STRING = 1, IS_ARRAY = 2, IS_OBJECT = 4, IS_BOOLEAN = 8 };

struct step {
    const char *name; /* NULL behind the last */
    int types;
};

static const struct step rules[][STEPS_MAX] = {
    { { "autoupdate", IS_BOOLEAN } },
    { { "filters", IS_OBJECT }, { "*", IS_OBJECT | IS_STRING } },
    { { "language", IS_STRING } },
    { { "lists", IS_OBJECT }, { "*", IS_OBJECT | IS_STRING } },
    { { "options", IS_OBJECT }, { "include_design", IS_BOOLEAN } },
    { { "options", IS_OBJECT }, { "local_seq", IS_BOOLEAN } },
    { { "options", IS_OBJECT }, { "partitioned", IS_BOOLEAN } },
    { { "rewrites", IS_STRING | IS_ARRAY } },
    { { "shows", IS_OBJECT }, { "*", IS_OBJECT | IS_STRING } },
    { { "updates", IS_OBJECT }, { "*", IS_OBJECT | IS_STRING } },
    { { "validate_doc_update", IS_STRING | IS_OBJECT } },
    { { "views", IS_OBJECT }, { "lib", IS_OBJECT } },
    { { "views", IS_OBJECT }, { "*", IS_OBJECT }, { "map", 0 } }, /* see map_types */
    { { "views", IS_OBJECT }, { "*", IS_OBJECT }, { "reduce", IS_STRING } },
};

static const char *type_text(int types)
{
    switch (types) {
    case IS_STRING:
        return "string";
    case IS_OBJECT:
        return "object";
    case IS_BOOLEAN:
        return "boolean";
    case IS_STRING | IS_ARRAY:
        return "array or string";
    default:
        return "string or object";
    }
}

static bool has_type(const struct jval *value, int types)
{
    return (value->type == JVAL_STRING && (types & IS_STRING) != 0) ||
           (value->type == JVAL_ARRAY && (types & IS_ARRAY) != 0) ||
           (value->type == JVAL_OBJECT && (types & IS_OBJECT) != 0) ||
           (jval_is_bool(value) && (types & IS_BOOLEAN) != 0);
}

/* A Mango index keeps an object where others have a function's text. */
static int map_types(const struct jval *ddoc)
{
    const struct jval *language = jval_member(ddoc, "language");
    bool is_query =
        language != NULL && language->type == JVAL_STRING && slice_is(language->text, "query");
    return is_query ? IS_OBJECT : IS_STRING;
}

/* ---- rules ------------------------------------------------------------------------------- */

struct rule_walk {
    const struct step *steps;
    const struct jval *ddoc;
    struct buf *path; /* "views.v.map" so far */
};

static tuf_status try_step(struct rule_walk *walk, const struct jval *object, size_t pos);

static tuf_status try_value(struct rule_walk *walk, const struct jval *value, size_t pos)
{
    size_t path_len = walk->path->len;
    int types = walk->steps[pos].types;
    if (types == 0)
        types = map_types(walk->ddoc);
    if (pos > 0)
        buf_append_u8(walk->path, '.');
    buf_append_slice(walk->path, value->key);
    tuf_status st = buf_status(walk->path);
    if (st == TUF_OK && !has_type(value, types))
        return tufi_fail_kind(TUF_E_INVALID, "invalid_design_doc",
                              "`%.*s` field must have %s type", (int)walk->path->len,
                              (const char *)walk->path->data, type_text(types));
    if (st == TUF_OK && pos + 1 < STEPS_MAX && walk->steps[pos + 1].name != NULL &&
        value->type == JVAL_OBJECT)
        st = try_step(walk, value, pos + 1);
    walk->path->len = path_len;
    return st;
}

static tuf_status try_step(struct rule_walk *walk, const struct jval *object, size_t pos)
{
    tuf_status st = TUF_OK;
    if (strcmp(walk->steps[pos].name, "*") != 0) {
        const struct jval *value = jval_member(object, walk->steps[pos].name);
        return value == NULL ? TUF_OK : try_value(walk, value, pos);
    }
    for (const struct jval *value = object->child; st == TUF_OK && value != NULL;
         value = value->next)
        st = try_value(walk, value, pos);
    return st;
}

static tuf_status try_rules(const struct jval *ddoc)
{
    TUF_AUTO(tufi_buf_release) struct buf path = BUF_INIT;
    tuf_status st = TUF_OK;
    struct rule_walk walk = { NULL, ddoc, &path };
    for (size_t i = 0; st == TUF_OK && i < sizeof(rules) / sizeof(rules[0]); i++) {
        walk.steps = rules[i];
        st = try_step(&walk, ddoc, 0);
        path.len = 0;
    }
    return st;
}

/* ---- views ------------------------------------------------------------------------------- */

static tuf_status bad_view(const char *format, tuf_slice name)
{
    return tufi_fail_kind(TUF_E_INVALID, "invalid_design_doc", format, (int)name.len,
                          (const char *)name.data);
}

/* "_top_10", "_bottom_3": how many to keep. */
static tuf_status check_rank(tuf_slice digits)
{
    uint64_t rank = 0;
    if (!parse_uint(&rank, digits))
        return tufi_fail_kind(TUF_E_INVALID, "invalid_design_doc", "invalid rank reducer");
    if (rank == 0 || rank > RANK_MAX)
        return tufi_fail_kind(TUF_E_INVALID, "invalid_design_doc",
                              "rank value must be between 1 and 100");
    return TUF_OK;
}

static tuf_status check_reduce(tuf_slice source)
{
    static const char *const known[] = { "_sum", "_count", "_stats", "_approx_count_distinct",
                                         "_first", "_last" };
    if (!slice_starts(source, "_"))
        return TUF_OK;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (slice_starts(source, known[i]))
            return TUF_OK;
    if (slice_starts(source, "_top_"))
        return check_rank(tuf_slice_of(source.data + 5, source.len - 5));
    if (slice_starts(source, "_bottom_"))
        return check_rank(tuf_slice_of(source.data + 8, source.len - 8));
    return bad_view("`%.*s` is not a supported reduce function.", source);
}

static tuf_status check_views(const struct jval *ddoc)
{
    const struct jval *views = jval_member(ddoc, "views");
    const struct jval *language = jval_member(ddoc, "language");
    bool is_javascript = language == NULL || slice_is(language->text, "javascript");
    const struct jval *view = views == NULL ? NULL : views->child;
    for (; view != NULL; view = view->next)
        if (!slice_is(view->key, "lib") && jval_member(view, "map") == NULL)
            return bad_view("View `%.*s` must contain map function", view->key);
    view = views == NULL || !is_javascript ? NULL : views->child;
    tuf_status st = TUF_OK;
    for (; st == TUF_OK && view != NULL; view = view->next) {
        const struct jval *reduce = jval_member(view, "reduce");
        if (!slice_is(view->key, "lib") && reduce != NULL)
            st = check_reduce(reduce->text);
    }
    return st;
}

tuf_status ddoc_check(tuf_slice json)
{
    TUF_AUTO(tufi_arena_release) struct arena arena = ARENA_INIT;
    const struct jval *ddoc = NULL;
    tuf_status st = jval_parse_canonical(&ddoc, &arena, json);
    if (st == TUF_OK)
        st = try_rules(ddoc);
    return st == TUF_OK ? check_views(ddoc) : st;
}
