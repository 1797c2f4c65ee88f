/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: matches documents against compiled selectors, and picks fields of documents.
 *
 * Invariants: matching allocates nothing but the match data of a regular expression.
 * Source: CouchDB's mango_selector:match, mango_doc and mango_fields.
 * Not here: compiling (selector.c).
 */
#include "base/bytes.h"
#include "base/fail.h"
#include "json/docscan.h"
#include "server/collate.h"
#include "server/params.h"
#include "server/selector_impl.h"

typedef int compare_values(const struct jval *a, const struct jval *b);

static bool match(const struct selector *s, const struct sel_node *node, const struct jval *value,
                  compare_values *order);

/* An element by its position. */
static enum path_result element_at(const struct jval **out, const struct jval *array,
                                   tuf_slice name)
{
    int64_t pos = 0;
    if (!parse_int(&pos, name) || pos < 0 || (uint64_t)pos >= array->count)
        return PATH_BAD;
    const struct jval *item = array->child;
    while (pos-- > 0)
        item = item->next;
    *out = item;
    return PATH_FOUND;
}

enum path_result sel_walk(const struct jval **out, const struct jval *value, const tuf_slice *path)
{
    for (; path->data != NULL; path++) {
        if (value->type == JVAL_ARRAY) {
            enum path_result found = element_at(&value, value, *path);
            if (found != PATH_FOUND)
                return found;
            continue;
        }
        if (value->type != JVAL_OBJECT)
            return PATH_BAD;
        value = jval_find(value, *path);
        if (value == NULL)
            return PATH_MISSING;
    }
    *out = value;
    return PATH_FOUND;
}

static bool equals_any(const struct jval *args, const struct jval *value, compare_values *order)
{
    for (const struct jval *arg = args->child; arg != NULL; arg = arg->next) {
        if (order(value, arg) == 0)
            return true;
    }
    return false;
}

/* The value, or for an array one of its elements, equals an argument. */
static bool match_in(const struct jval *args, const struct jval *value, compare_values *order)
{
    if (value->type != JVAL_ARRAY)
        return equals_any(args, value, order);
    for (const struct jval *item = value->child; item != NULL; item = item->next) {
        if (equals_any(args, item, order))
            return true;
    }
    return false;
}

static bool contains(const struct jval *array, const struct jval *wanted)
{
    for (const struct jval *item = array->child; item != NULL; item = item->next) {
        if (collate_same(item, wanted))
            return true;
    }
    return false;
}

static bool match_all(const struct jval *args, const struct jval *value)
{
    if (value->type != JVAL_ARRAY || args->count == 0)
        return false;
    bool has_each = true;
    for (const struct jval *arg = args->child; arg != NULL; arg = arg->next)
        has_each = has_each && contains(value, arg);
    bool is_it =
        /* One element: a child. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
        args->count == 1 && args->child->type == JVAL_ARRAY && collate_same(args->child, value);
    return has_each || is_it;
}

static const char *type_name(enum jval_type type)
{
    static const char *const names[] = { "null",   "boolean", "boolean", "number",
                                         "string", "array",   "object" };
    return names[type];
}

/* Remainder of an integer of any length, with the sign of the dividend. */
static bool match_mod(const struct sel_node *node, const struct jval *value)
{
    if (value->type != JVAL_NUMBER || !value->is_integer)
        return false;
    bool negative = value->raw.data[0] == '-';
    uint64_t divisor = node->number < 0 ? (uint64_t)-node->number : (uint64_t)node->number;
    unsigned __int128 rest = 0;
    for (size_t i = negative ? 1 : 0; i < value->raw.len; i++)
        rest = (rest * 10 + (unsigned)(value->raw.data[i] - '0')) % divisor;
    int64_t found = negative ? -(int64_t)rest : (int64_t)rest;
    return found == node->rest;
}

static bool match_regex(const struct selector *s, const struct sel_node *node,
                        const struct jval *value)
{
    if (value->type != JVAL_STRING)
        return false;
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    if (data == NULL)
        return false;
    const uint8_t *subject = value->text.len > 0 ? value->text.data : (const uint8_t *)"";
    int found = pcre2_match(node->regex, subject, value->text.len, 0, 0, data, s->limits);
    pcre2_match_data_free(data);
    return found >= 0;
}

static bool match_elements(const struct selector *s, const struct sel_node *node,
                           const struct jval *value, compare_values *order)
{
    bool want = node->op == SEL_ELEM_MATCH;
    if (value->type != JVAL_ARRAY || value->count == 0)
        return false;
    for (const struct jval *item = value->child; item != NULL; item = item->next) {
        if (match(s, node->child, item, order) == want)
            return want;
    }
    return !want;
}

static bool match_keys(const struct selector *s, const struct sel_node *node,
                       const struct jval *value, compare_values *order)
{
    if (value->type != JVAL_OBJECT)
        return false;
    for (const struct jval *item = value->child; item != NULL; item = item->next) {
        struct jval key = { .type = JVAL_STRING, .text = item->key };
        if (match(s, node->child, &key, order))
            return true;
    }
    return false;
}

static bool begins_with(const struct jval *value, tuf_slice prefix)
{
    return value->type == JVAL_STRING && value->text.len >= prefix.len &&
           slice_equal(tuf_slice_of(value->text.data, prefix.len), prefix);
}

/* A condition on a value that is there. */
static bool match_value(const struct selector *s, const struct sel_node *node,
                        const struct jval *value, compare_values *order)
{
    switch (node->op) {
    case SEL_EQ:
        return order(value, node->value) == 0;
    case SEL_NE:
        return order(value, node->value) != 0;
    case SEL_LT:
        return order(value, node->value) < 0;
    case SEL_LTE:
        return order(value, node->value) <= 0;
    case SEL_GT:
        return order(value, node->value) > 0;
    case SEL_GTE:
        return order(value, node->value) >= 0;
    case SEL_IN:
        return match_in(node->value, value, order);
    case SEL_NIN:
        return !match_in(node->value, value, order);
    case SEL_ALL:
        return match_all(node->value, value);
    case SEL_EXISTS:
        return node->exists;
    case SEL_TYPE:
        return slice_is(node->value->text, type_name(value->type));
    case SEL_SIZE:
        return value->type == JVAL_ARRAY && value->count == (uint64_t)node->number;
    case SEL_MOD:
        return match_mod(node, value);
    case SEL_REGEX:
        return match_regex(s, node, value);
    case SEL_BEGINS_WITH:
        return begins_with(value, node->value->text);
    case SEL_ELEM_MATCH:
    case SEL_ALL_MATCH:
        return match_elements(s, node, value, order);
    case SEL_KEY_MAP_MATCH:
        return match_keys(s, node, value, order);
    case SEL_NOT:
        return !match(s, node->child, value, order);
    case SEL_AND:
    case SEL_OR:
        break;
    }
    return false;
}

static bool match(const struct selector *s, const struct sel_node *node, const struct jval *value,
                  compare_values *order)
{
    if (node->op == SEL_AND || node->op == SEL_OR) {
        bool decides = node->op == SEL_OR;
        for (const struct sel_node *child = node->child; child != NULL; child = child->next) {
            if (match(s, child, value, order) == decides)
                return decides;
        }
        /* An empty $or holds as an empty $and does. */
        return !decides || node->child == NULL;
    }
    const struct jval *found = NULL;
    enum path_result result = sel_walk(&found, value, node->path);
    if (result == PATH_MISSING)
        return node->op == SEL_EXISTS && !node->exists;
    if (result == PATH_BAD)
        return false;
    return match_value(s, node, found, node->is_id ? collate_values_raw : order);
}

bool selector_matches(const struct selector *selector, const struct jval *doc)
{
    return selector->root == NULL || match(selector, selector->root, doc, collate_values);
}

/* ---- fields ----------------------------------------------------------------------------- */

tuf_status field_list_parse(struct field_list *out, struct arena *arena, const struct jval *paths)
{
    const tuf_slice **list = tufi_arena_alloc(arena, (paths->count + 1) * sizeof(*list));
    if (list == NULL)
        return tufi_nomem();
    size_t count = 0;
    for (const struct jval *item = paths->child; item != NULL; item = item->next) {
        if (item->type != JVAL_STRING)
            return tufi_fail_kind(TUF_E_INVALID, "invalid_field",
                                  "Invalid JSON for field spec: %.*s", (int)item->raw.len,
                                  (const char *)item->raw.data);
        tuf_status st = sel_parse_path(&list[count++], arena, item->text);
        if (st != TUF_OK)
            return st;
    }
    out->paths = list;
    out->count = count;
    return TUF_OK;
}

/* What is to be written: an object of picked members, or a value of the document. */
struct picked {
    tuf_slice name;
    const struct jval *value; /* NULL: an object of the children */
    struct picked *child;
    struct picked *next;
};

static struct picked *pick_child(struct picked *parent, tuf_slice name, struct arena *scratch)
{
    struct picked **tail = &parent->child;
    for (; *tail != NULL; tail = &(*tail)->next) {
        if (slice_equal((*tail)->name, name))
            return *tail;
    }
    struct picked *made = tufi_arena_alloc(scratch, sizeof(*made));
    if (made == NULL)
        return NULL;
    *made = (struct picked){ .name = name };
    *tail = made;
    return made;
}

static void write_picked(struct buf *out, const struct picked *picked)
{
    if (picked->value != NULL) {
        buf_append_slice(out, picked->value->raw);
        return;
    }
    buf_append_u8(out, '{');
    for (const struct picked *item = picked->child; item != NULL; item = item->next) {
        if (item != picked->child)
            buf_append_u8(out, ',');
        tufi_json_write_string(out, item->name);
        buf_append_u8(out, ':');
        write_picked(out, item);
    }
    buf_append_u8(out, '}');
}

tuf_status field_list_write(struct buf *out, const struct field_list *fields,
                            const struct jval *doc, struct arena *scratch)
{
    struct picked root = { .value = fields->count == 0 ? doc : NULL };
    for (size_t i = 0; i < fields->count; i++) {
        const struct jval *value = NULL;
        const tuf_slice *path = fields->paths[i];
        if (path->data == NULL || sel_walk(&value, doc, path) != PATH_FOUND)
            continue;
        struct picked *at = &root;
        for (; path->data != NULL && at != NULL && at->value == NULL; path++)
            at = pick_child(at, *path, scratch);
        if (at == NULL)
            return tufi_nomem();
        if (at->value == NULL)
            at->value = value;
    }
    write_picked(out, &root);
    return buf_status(out);
}
