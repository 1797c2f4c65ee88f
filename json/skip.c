/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: check JSON text without building or copying anything.
 *
 * INV-SKIP-1: accepts exactly what the canonical scanner accepts, up to the nesting that wrapping a
 *             document adds.
 * Source: RFC 8259.
 * Not here: the elements of a container (json/iter.h).
 */
#include "base/alloc.h"
#include "json/scan.h"

enum step { STEP_VALUE, STEP_KEY, STEP_AFTER };

struct skipper {
    struct cursor *c;
    const struct json_watch *watch; /* NULL: nobody wants to know */
    const uint8_t *reported;        /* how far the watch was told we are */
    size_t depth;
    uint8_t objects[JSON_STACK_MAX / 8 + 1]; /* a bit per open container: whether it is an object */
};

static void push_container(struct skipper *s, bool object)
{
    uint8_t *byte = &s->objects[s->depth / 8];
    uint8_t bit = (uint8_t)(1u << s->depth % 8);
    *byte = object ? *byte | bit : *byte & (uint8_t)~bit;
    s->depth++;
}

static bool top_is_object(const struct skipper *s)
{
    size_t top = s->depth - 1;
    return s->objects[top / 8] >> top % 8 & 1;
}

static tuf_status skip_number(struct cursor *c)
{
    struct json_number number;
    return tufi_json_number(&number, c);
}

static tuf_status skip_literal(struct cursor *c)
{
    bool ok = tufi_json_literal(c, "true", 4) || tufi_json_literal(c, "false", 5) ||
              tufi_json_literal(c, "null", 4);
    return ok ? TUF_OK : tufi_json_invalid();
}

/* Consumes an opening bracket; closes it at once if the container is empty. */
static tuf_status open_container(enum step *next, struct skipper *s, uint8_t closer)
{
    if (s->depth == JSON_STACK_MAX)
        return tufi_json_invalid();
    s->c->pos++;
    if (cursor_peek(s->c) == closer) {
        s->c->pos++;
        *next = STEP_AFTER;
        return TUF_OK;
    }
    push_container(s, closer == '}');
    *next = closer == '}' ? STEP_KEY : STEP_VALUE;
    return TUF_OK;
}

static tuf_status skip_value_step(enum step *next, struct skipper *s)
{
    bool escaped;
    *next = STEP_AFTER;
    switch (cursor_peek(s->c)) {
    case '{':
        return open_container(next, s, '}');
    case '[':
        return open_container(next, s, ']');
    case '"':
        return tufi_json_skip_string(s->c, &escaped);
    case 't':
    case 'f':
    case 'n':
        return skip_literal(s->c);
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return skip_number(s->c);
    default:
        return tufi_json_invalid();
    }
}

static tuf_status skip_key_step(enum step *next, struct skipper *s)
{
    bool escaped;
    *next = STEP_VALUE;
    if (cursor_peek(s->c) != '"')
        return tufi_json_invalid();
    tuf_status st = tufi_json_skip_string(s->c, &escaped);
    if (st < 0)
        return st;
    if (cursor_peek(s->c) != ':')
        return tufi_json_invalid();
    s->c->pos++;
    return TUF_OK;
}

/* Behind a value inside a container: a comma, or the closing bracket. */
static tuf_status skip_after_step(enum step *next, struct skipper *s)
{
    uint8_t closer = top_is_object(s) ? '}' : ']';
    uint8_t found = cursor_peek(s->c);
    if (found == ',')
        *next = closer == '}' ? STEP_KEY : STEP_VALUE;
    else if (found == closer)
        s->depth--;
    else
        return tufi_json_invalid();
    s->c->pos++;
    return TUF_OK;
}

static void report(struct skipper *s)
{
    if ((size_t)(s->c->pos - s->reported) < JSON_WATCH_STEP)
        return;
    s->reported = s->c->pos;
    s->watch->passed(s->c->pos, s->watch->ctx);
}

tuf_status tufi_json_skip_watched(struct cursor *c, const struct json_watch *watch)
{
    struct skipper s = { .c = c, .watch = watch, .reported = c->pos };
    enum step next = STEP_VALUE;
    do {
        if (s.watch != NULL)
            report(&s);
        tuf_status st = next == STEP_VALUE ? skip_value_step(&next, &s)
                        : next == STEP_KEY ? skip_key_step(&next, &s)
                                           : skip_after_step(&next, &s);
        if (st < 0)
            return st;
    } while (next != STEP_AFTER || s.depth > 0);
    return TUF_OK;
}

tuf_status tufi_json_skip_value(struct cursor *c)
{
    return tufi_json_skip_watched(c, NULL);
}

tuf_status tufi_json_check(tuf_slice json, const struct json_watch *watch)
{
    struct cursor c = cursor_of(json);
    tuf_status st = tufi_json_skip_watched(&c, watch);
    if (st < 0)
        return st;
    cursor_peek(&c);
    return c.pos == c.end ? TUF_OK : tufi_json_invalid();
}
