/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see replicator/selector_normal.h. Three steps: every condition gets its operator, names of
 * fields move to the operators as paths, negations move down as far as they can.
 *
 * All functions give a new reference, or NULL. Recursion is as deep as the parser of JSON allows.
 */
#include "replicator/selector_normal.h"

#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/bytes.h"

typedef json_t *step(const json_t *value, const char *path);

static json_t *copy(const json_t *value)
{
    union { const json_t *in; json_t *out; } same = { value };
    return json_incref(same.out);
}

/* {name: value}; takes the value. */
static json_t *pair(const char *name, json_t *value)
{
    json_t *object = value != NULL ? json_object() : NULL;
    if (object == NULL || json_object_set_new(object, name, value) != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

/* The only member of an object; NULL if it has another number of them. */
static const char *only_member(const json_t **value_out, const json_t *object)
{
    union { const json_t *in; json_t *out; } same = { object };
    if (!json_is_object(object) || json_object_size(object) != 1)
        return NULL;
    void *iter = json_object_iter(same.out);
    *value_out = json_object_iter_value(iter);
    return json_object_iter_key(iter);
}

static bool is_one_of(const char *name, const char *const *names)
{
    while (*names != NULL && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

static const char *const lists[] = { "$and", "$or", "$nor", NULL };
static const char *const matches[] = { "$elemMatch", "$allMatch", "$keyMapMatch", NULL };
static const char *const terminals[] = { "$in",  "$nin", "$exists", "$type", "$mod", "$regex",
                                         "$all", "$size", "$lt",    "$lte",  "$eq",  "$ne",
                                         "$gte", "$gt",   "$default", "$beginsWith", NULL };

/* {name: [step of each]} */
static json_t *each(const char *name, const json_t *list, step *next, const char *path)
{
    json_t *out = json_array(), *item;
    size_t pos;
    if (!json_is_array(list)) {
        json_decref(out);
        return NULL;
    }
    json_array_foreach(list, pos, item) {
        if (json_array_append_new(out, next(item, path)) != 0) {
            json_decref(out);
            return NULL;
        }
    }
    return pair(name, out);
}

/* ---- operators --------------------------------------------------------------------------- */

static json_t *norm_ops(const json_t *value, const char *path);

/* An implicit $and. */
static json_t *norm_members(const json_t *object)
{
    union { const json_t *in; json_t *out; } same = { object };
    json_t *list = json_array(), *value;
    const char *name;
    json_object_foreach(same.out, name, value) {
        json_t *one = pair(name, json_incref(value));
        json_t *normal = one != NULL ? norm_ops(one, NULL) : NULL;
        json_decref(one);
        if (json_array_append_new(list, normal) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return pair("$and", list);
}

static json_t *norm_ops(const json_t *value, const char *path)
{
    const json_t *arg = NULL;
    const char *name = only_member(&arg, value);
    if (name == NULL)
        return json_object_size(value) > 1 ? norm_members(value) : pair("$eq", copy(value));
    if (is_one_of(name, lists))
        return each(name, arg, norm_ops, path);
    if (strcmp(name, "$not") == 0 || is_one_of(name, matches))
        return json_is_object(arg) ? pair(name, norm_ops(arg, path)) : NULL;
    if (strcmp(name, "$text") == 0)
        return pair("$default", copy(value));
    if (is_one_of(name, terminals))
        return copy(value);
    return name[0] == '$' ? NULL : pair(name, norm_ops(arg, path));
}

/* ---- fields ------------------------------------------------------------------------------ */

static json_t *norm_fields(const json_t *value, const char *path)
{
    const json_t *arg = NULL;
    const char *name = only_member(&arg, value);
    if (name == NULL)
        return NULL;
    if (is_one_of(name, lists))
        return each(name, arg, norm_fields, path);
    if (strcmp(name, "$not") == 0)
        return pair(name, norm_fields(arg, path));
    if (is_one_of(name, matches))
        return pair(path, pair(name, norm_fields(arg, "")));
    if (strcmp(name, "$default") == 0)
        return path[0] == 0 ? copy(value) : NULL;
    if (name[0] == '$')
        return pair(path, copy(value));
    TUF_AUTO(tufi_buf_release) struct buf longer = BUF_INIT;
    buf_append_str(&longer, path);
    buf_append_str(&longer, path[0] != 0 ? "." : "");
    buf_append_str(&longer, name);
    buf_append_u8(&longer, 0);
    return longer.failed ? NULL : norm_fields(arg, (const char *)longer.data);
}

/* ---- negations --------------------------------------------------------------------------- */

static json_t *negate(const json_t *value, const char *path);

static json_t *norm_negations(const json_t *value, const char *path)
{
    const json_t *arg = NULL;
    const char *name = only_member(&arg, value);
    if (name == NULL)
        return NULL;
    if (strcmp(name, "$not") == 0)
        return negate(arg, path);
    if (strcmp(name, "$nor") == 0)
        return each("$and", arg, negate, path);
    if (strcmp(name, "$and") == 0 || strcmp(name, "$or") == 0)
        return each(name, arg, norm_negations, path);
    return copy(value);
}

static json_t *negate(const json_t *value, const char *path)
{
    static const char *const opposites[][2] = { { "$lt", "$gte" }, { "$lte", "$gt" }, { "$eq", "$ne" },
                                                { "$ne", "$eq" },  { "$gte", "$lt" }, { "$gt", "$lte" },
                                                { "$in", "$nin" }, { "$nin", "$in" } };
    const json_t *arg = NULL;
    const char *name = only_member(&arg, value);
    if (name == NULL || strcmp(name, "$default") == 0)
        return NULL;
    if (strcmp(name, "$not") == 0)
        return norm_negations(arg, path);
    if (strcmp(name, "$nor") == 0)
        return each("$or", arg, norm_negations, path);
    if (strcmp(name, "$and") == 0)
        return each("$or", arg, negate, path);
    if (strcmp(name, "$or") == 0)
        return each("$and", arg, negate, path);
    for (size_t i = 0; i < sizeof(opposites) / sizeof(opposites[0]); i++) {
        if (strcmp(name, opposites[i][0]) == 0)
            return pair(opposites[i][1], copy(arg));
    }
    if (strcmp(name, "$exists") == 0)
        return pair(name, json_boolean(!json_is_true(arg)));
    return name[0] == '$' ? pair("$not", copy(value)) : pair(name, negate(arg, path));
}

json_t *repl_selector_normal(const json_t *selector)
{
    if (json_is_object(selector) && json_object_size(selector) == 0)
        return copy(selector);
    json_t *ops = norm_ops(selector, NULL);
    json_t *fields = ops != NULL ? norm_fields(ops, "") : NULL;
    json_t *normal = fields != NULL ? norm_negations(fields, NULL) : NULL;
    json_decref(ops);
    json_decref(fields);
    if (json_object_get(normal, "") != NULL) { /* an operator without a field */
        json_decref(normal);
        return NULL;
    }
    return normal;
}
