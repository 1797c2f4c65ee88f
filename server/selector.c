/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: compiles selectors.
 *
 * Invariants: a negation is pushed down through $and, $or, $not and $nor to the conditions, but
 * not into $elemMatch, $allMatch and $keyMapMatch, below which $not stays a plain negation.
 * Source: CouchDB's mango_selector: norm_ops, norm_fields and norm_negations in one pass.
 * Not here: matching (selector_match.c).
 */
#include "base/alloc.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "server/erlterm.h"
#include "server/selector_impl.h"

#define DEPTH_MAX 100
/* Enough for honest patterns, and well below a second for those that explode. */
#define REGEX_MATCH_LIMIT 1000000
#define REGEX_HEAP_KIB 4096

struct compiler {
    struct selector *selector;
    unsigned depth;
};

/* Where in the selector the compiler is. */
struct place {
    tuf_slice path; /* field names so far, joined by dots */
    bool negated;
    bool literal; /* below $elemMatch and the like: negations are not pushed down */
};

static tuf_status compile(struct sel_node **out, struct compiler *c, const struct jval *cond,
                          struct place place);

struct condition_name {
    const char *name;
    enum sel_op op;
    enum sel_op opposite; /* op itself if it has none */
};

static const struct condition_name comparisons[] = {
    { "$eq", SEL_EQ, SEL_NE },
    { "$ne", SEL_NE, SEL_EQ },
    { "$lt", SEL_LT, SEL_GTE },
    { "$gte", SEL_GTE, SEL_LT },
    { "$lte", SEL_LTE, SEL_GT },
    { "$gt", SEL_GT, SEL_LTE },
    { "$in", SEL_IN, SEL_NIN },
    { "$nin", SEL_NIN, SEL_IN },
    { "$exists", SEL_EXISTS, SEL_EXISTS },
    { "$all", SEL_ALL, SEL_ALL },
    { "$type", SEL_TYPE, SEL_TYPE },
    { "$size", SEL_SIZE, SEL_SIZE },
    { "$mod", SEL_MOD, SEL_MOD },
    { "$regex", SEL_REGEX, SEL_REGEX },
    { "$beginsWith", SEL_BEGINS_WITH, SEL_BEGINS_WITH },
    { "$elemMatch", SEL_ELEM_MATCH, SEL_ELEM_MATCH },
    { "$allMatch", SEL_ALL_MATCH, SEL_ALL_MATCH },
    { "$keyMapMatch", SEL_KEY_MAP_MATCH, SEL_KEY_MAP_MATCH },
};

static const char *const unsupported[] = { "$where", "$geoWithin",  "$geoIntersects",
                                           "$near",  "$nearSphere", "$text" };

static tuf_status bad_arg(const struct jval *cond)
{
    TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
    erlterm_append(&text, cond);
    return tufi_fail_kind(TUF_E_INVALID, "bad_arg", "Bad argument for operator %.*s: %.*s",
                          (int)cond->key.len, (const char *)cond->key.data, (int)text.len,
                          text.data != NULL ? (const char *)text.data : "");
}

static tuf_status new_node(struct sel_node **out, struct compiler *c, enum sel_op op)
{
    struct sel_node *node = tufi_arena_alloc(&c->selector->arena, sizeof(*node));
    if (node == NULL)
        return tufi_nomem();
    *node = (struct sel_node){ .op = op };
    *out = node;
    return TUF_OK;
}

/* The members or elements of a container as the children of one node. */
typedef tuf_status compile_fn(struct sel_node **out, struct compiler *c, const struct jval *cond,
                              struct place place);

/* A node of that operation over what `compile_one` makes of every element or member. */
static tuf_status compile_each(struct sel_node **out, struct compiler *c, enum sel_op op,
                               const struct jval *list, struct place place,
                               compile_fn *compile_one)
{
    struct sel_node *node = NULL;
    tuf_status st = new_node(&node, c, op);
    struct sel_node **tail = node != NULL ? &node->child : NULL;
    for (const struct jval *item = list->child; st == TUF_OK && item != NULL; item = item->next) {
        st = compile_one(tail, c, item, place);
        if (st == TUF_OK)
            /* Set where TUF_OK came back. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
            tail = &(*tail)->next;
    }
    *out = node;
    return st;
}

static tuf_status compile_regex(struct sel_node *node, const struct jval *cond)
{
    int error = 0;
    PCRE2_SIZE error_off = 0;
    const uint8_t *pattern = cond->text.len > 0 ? cond->text.data : (const uint8_t *)"";
    node->regex = pcre2_compile(pattern, cond->text.len, 0, &error, &error_off, NULL);
    return node->regex != NULL ? TUF_OK : bad_arg(cond);
}

static tuf_status compile_mod(struct sel_node *node, const struct jval *cond)
{
    const struct jval *divisor = cond->type == JVAL_ARRAY ? cond->child : NULL;
    if (divisor == NULL || cond->count != 2 || !jval_int(&node->number, divisor) ||
        !jval_int(&node->rest, divisor->next) || node->number == 0 || node->number == INT64_MIN)
        return bad_arg(cond);
    return TUF_OK;
}

/* The argument of a condition; what it may be depends on the operator. */
static tuf_status compile_argument(struct sel_node *node, struct compiler *c,
                                   const struct jval *cond)
{
    struct place inside = { .path = tuf_slice_of("", 0), .literal = true };
    node->value = cond;
    switch (node->op) {
    case SEL_IN:
    case SEL_NIN:
    case SEL_ALL:
        return cond->type == JVAL_ARRAY ? TUF_OK : bad_arg(cond);
    case SEL_EXISTS:
        node->exists = cond->type == JVAL_TRUE;
        return jval_is_bool(cond) ? TUF_OK : bad_arg(cond);
    case SEL_TYPE:
    case SEL_BEGINS_WITH:
        return cond->type == JVAL_STRING ? TUF_OK : bad_arg(cond);
    case SEL_SIZE:
        return jval_int(&node->number, cond) && node->number >= 0 ? TUF_OK : bad_arg(cond);
    case SEL_MOD:
        return compile_mod(node, cond);
    case SEL_REGEX:
        return cond->type == JVAL_STRING ? compile_regex(node, cond) : bad_arg(cond);
    case SEL_ELEM_MATCH:
    case SEL_ALL_MATCH:
    case SEL_KEY_MAP_MATCH:
        return cond->type == JVAL_OBJECT ? compile(&node->child, c, cond, inside) : bad_arg(cond);
    case SEL_EQ:
    case SEL_NE:
    case SEL_LT:
    case SEL_LTE:
    case SEL_GT:
    case SEL_GTE:
    case SEL_AND:
    case SEL_OR:
    case SEL_NOT:
        break;
    }
    return TUF_OK;
}

static tuf_status compile_leaf(struct sel_node **out, struct compiler *c, const struct jval *cond,
                               struct place place, const struct condition_name *row)
{
    bool flips = row->opposite != row->op;
    struct sel_node *node = NULL;
    tuf_status st = new_node(&node, c, place.negated ? row->opposite : row->op);
    if (st != TUF_OK)
        return st;
    *out = node;
    st = compile_argument(node, c, cond);
    if (st != TUF_OK)
        return st;
    node->is_id = slice_is(place.path, "_id");
    const tuf_slice *path = NULL;
    st = sel_parse_path(&path, &c->selector->arena, place.path);
    if (st != TUF_OK)
        return st;
    node->path = path;
    if (!place.negated || flips)
        return TUF_OK;
    if (node->op == SEL_EXISTS) {
        node->exists = !node->exists;
        return TUF_OK;
    }
    /* No opposite: the path moves up to the negation, so that a missing field fails both. */
    struct sel_node *wrapper = NULL;
    st = new_node(&wrapper, c, SEL_NOT);
    if (st != TUF_OK)
        return st;
    static const tuf_slice here[] = { { NULL, 0 } };
    wrapper->path = path;
    wrapper->child = node;
    node->path = here;
    *out = wrapper;
    return TUF_OK;
}

static tuf_status compile_not(struct sel_node **out, struct compiler *c, const struct jval *cond,
                              struct place place)
{
    if (!place.literal) {
        place.negated = !place.negated;
        return compile(out, c, cond, place);
    }
    static const tuf_slice here[] = { { NULL, 0 } };
    struct sel_node *node = NULL;
    tuf_status st = new_node(&node, c, SEL_NOT);
    if (st != TUF_OK)
        return st;
    *out = node;
    node->path = here;
    return compile(&node->child, c, cond, place);
}

static tuf_status compile_logic(struct sel_node **out, struct compiler *c, const struct jval *cond,
                                struct place place)
{
    if (slice_is(cond->key, "$not"))
        return cond->type == JVAL_OBJECT ? compile_not(out, c, cond, place) : bad_arg(cond);
    if (cond->type != JVAL_ARRAY)
        return bad_arg(cond);
    bool is_or = !slice_is(cond->key, "$and");
    if (slice_is(cond->key, "$nor") && !place.literal)
        place.negated = !place.negated;
    if (!slice_is(cond->key, "$nor") || !place.literal)
        return compile_each(out, c, is_or != place.negated ? SEL_OR : SEL_AND, cond, place,
                            compile);
    static const tuf_slice here[] = { { NULL, 0 } };
    struct sel_node *node = NULL;
    tuf_status st = new_node(&node, c, SEL_NOT);
    if (st != TUF_OK)
        return st;
    *out = node;
    node->path = here;
    return compile_each(&node->child, c, SEL_OR, cond, place, compile);
}

static tuf_status compile_operator(struct sel_node **out, struct compiler *c,
                                   const struct jval *cond, struct place place)
{
    if (slice_is(cond->key, "$and") || slice_is(cond->key, "$or") || slice_is(cond->key, "$nor") ||
        slice_is(cond->key, "$not"))
        return compile_logic(out, c, cond, place);
    for (size_t i = 0; i < sizeof(comparisons) / sizeof(comparisons[0]); i++) {
        if (slice_is(cond->key, comparisons[i].name))
            return compile_leaf(out, c, cond, place, &comparisons[i]);
    }
    for (size_t i = 0; i < sizeof(unsupported) / sizeof(unsupported[0]); i++) {
        if (slice_is(cond->key, unsupported[i]))
            return tufi_fail_kind(TUF_E_INVALID, "not_supported", "Unsupported operator: %s",
                                  unsupported[i]);
    }
    return tufi_fail_kind(TUF_E_INVALID, "invalid_operator", "Invalid operator: %.*s",
                          (int)cond->key.len, (const char *)cond->key.data);
}

/* One member {"key": cond}: an operator, or a field name that makes the path longer. */
static tuf_status compile_member(struct sel_node **out, struct compiler *c, const struct jval *cond,
                                 struct place place)
{
    if (slice_starts(cond->key, "$"))
        return compile_operator(out, c, cond, place);
    if (place.path.len == 0) {
        place.path = cond->key;
        return compile(out, c, cond, place);
    }
    size_t len = place.path.len + 1 + cond->key.len;
    uint8_t *path = tufi_arena_alloc(&c->selector->arena, len);
    if (path == NULL)
        return tufi_nomem();
    memcpy(path, place.path.data, place.path.len);
    path[place.path.len] = '.';
    if (cond->key.len > 0)
        memcpy(path + place.path.len + 1, cond->key.data, cond->key.len);
    place.path = tuf_slice_of(path, len);
    return compile(out, c, cond, place);
}

/* Several members of one object: all of them, or with a negation any of their opposites. */
static tuf_status compile(struct sel_node **out, struct compiler *c, const struct jval *cond,
                          struct place place)
{
    static const struct condition_name equals = { "$eq", SEL_EQ, SEL_NE };
    if (++c->depth > DEPTH_MAX)
        return tufi_fail_kind(TUF_E_INVALID, "invalid_selector", "Selector is nested too deeply.");
    tuf_status st;
    if (cond->type == JVAL_OBJECT && cond->count == 1)
        st = compile_member(out, c, cond->child, place);
    else if (cond->type == JVAL_OBJECT && cond->count > 1)
        st = compile_each(out, c, place.negated ? SEL_OR : SEL_AND, cond, place, compile_member);
    else
        st = compile_leaf(out, c, cond, place, &equals);
    c->depth--;
    return st;
}

tuf_status sel_parse_path(const tuf_slice **out, struct arena *arena, tuf_slice text)
{
    size_t dots = 0;
    for (size_t i = 0; i < text.len; i++)
        dots += text.data[i] == '.';
    tuf_slice *names = tufi_arena_alloc(arena, (dots + 2) * sizeof(*names));
    uint8_t *bytes = tufi_arena_alloc(arena, text.len + 1);
    if (names == NULL || bytes == NULL)
        return tufi_nomem();
    size_t count = 0;
    uint8_t *begin = bytes;
    uint8_t *to = bytes;
    for (size_t i = 0; i <= text.len && text.len > 0; i++) {
        bool escaped = i > 0 && text.data[i - 1] == '\\';
        if (i < text.len && (text.data[i] != '.' || escaped)) {
            if (text.data[i] != '\\')
                *to++ = text.data[i];
            continue;
        }
        if (to == begin)
            return tufi_fail_kind(TUF_E_INVALID, "invalid_field_name", "Invalid field name: %.*s",
                                  (int)text.len, (const char *)text.data);
        names[count++] = tuf_slice_of(begin, (size_t)(to - begin));
        begin = to;
    }
    names[count] = tuf_slice_of(NULL, 0);
    *out = names;
    return TUF_OK;
}

static void free_regexes(struct sel_node *node)
{
    for (; node != NULL; node = node->next) {
        pcre2_code_free(node->regex);
        free_regexes(node->child);
    }
}

void selector_free(struct selector **selector)
{
    struct selector *s = tufi_steal(*selector);
    if (s == NULL)
        return;
    free_regexes(s->root);
    pcre2_match_context_free(s->limits);
    tufi_arena_release(&s->arena);
    tufi_free(s);
}

static bool lacks_field(const struct sel_node *root)
{
    return root->op > SEL_OR && root->path != NULL && root->path[0].data == NULL;
}

tuf_status selector_new(struct selector **out, const struct jval *value)
{
    TUF_AUTO(selector_free) struct selector *selector = tufi_alloc_zero(sizeof(*selector));
    if (selector == NULL)
        return tufi_nomem();
    selector->limits = pcre2_match_context_create(NULL);
    if (selector->limits == NULL)
        return tufi_nomem();
    (void)pcre2_set_match_limit(selector->limits, REGEX_MATCH_LIMIT);
    (void)pcre2_set_heap_limit(selector->limits, REGEX_HEAP_KIB);
    struct compiler c = { .selector = selector };
    struct place top = { .path = tuf_slice_of("", 0) };
    if (value->count > 0) {
        tuf_status st = compile(&selector->root, &c, value, top);
        if (st != TUF_OK)
            return st;
        if (lacks_field(selector->root))
            return tufi_fail_kind(TUF_E_INVALID, "invalid_selector",
                                  "One or more conditions is missing a field name.");
    }
    *out = tufi_steal(selector);
    return TUF_OK;
}
