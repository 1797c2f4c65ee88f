/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: parses JSON into a tree of values.
 *
 * Invariants: see server/jval.h; recursion is bounded by JSON_DEPTH_MAX; no byte is read past the
 * end of the text.
 * Source: RFC 8259.
 * Not here: the scanner of documents that are written (json/).
 */
#include "server/jval.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "json/docscan.h"
#include "server/params.h"

struct parser {
    const uint8_t *pos;
    const uint8_t *end;
    struct arena *arena;
    unsigned depth;
};

static tuf_status parse_value(struct jval **out, struct parser *p);

static tuf_status invalid(void)
{
    return tufi_fail_kind(TUF_E_INVALID, "bad_request", "invalid UTF-8 JSON");
}

static void skip_space(struct parser *p)
{
    while (p->pos < p->end &&
           (*p->pos == ' ' || *p->pos == '\t' || *p->pos == '\n' || *p->pos == '\r'))
        p->pos++;
}

static bool take(struct parser *p, char c)
{
    skip_space(p);
    if (p->pos == p->end || *p->pos != (uint8_t)c)
        return false;
    p->pos++;
    return true;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hexadecimal digits; -1 if they are not there. */
static int32_t read_unit(struct parser *p)
{
    if (p->end - p->pos < 4)
        return -1;
    int32_t unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(*p->pos++);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

static uint8_t *put_utf8(uint8_t *to, uint32_t code)
{
    if (code < 0x80) {
        *to++ = (uint8_t)code;
        return to;
    }
    if (code < 0x800) {
        *to++ = (uint8_t)(0xc0 | code >> 6);
    } else {
        if (code < 0x10000) {
            *to++ = (uint8_t)(0xe0 | code >> 12);
        } else {
            *to++ = (uint8_t)(0xf0 | code >> 18);
            *to++ = (uint8_t)(0x80 | (code >> 12 & 63));
        }
        *to++ = (uint8_t)(0x80 | (code >> 6 & 63));
    }
    *to++ = (uint8_t)(0x80 | (code & 63));
    return to;
}

/* Behind "\u": one character, of a surrogate pair if it is one. NULL for half of a pair. */
static uint8_t *unescape_unicode(uint8_t *to, struct parser *p)
{
    int32_t unit = read_unit(p);
    if (unit < 0 || (unit >= 0xdc00 && unit < 0xe000))
        return NULL;
    uint32_t code = (uint32_t)unit;
    if (unit >= 0xd800 && unit < 0xdc00) {
        if (p->end - p->pos < 2 || p->pos[0] != '\\' || p->pos[1] != 'u')
            return NULL;
        p->pos += 2;
        int32_t low = read_unit(p);
        if (low < 0xdc00 || low >= 0xe000)
            return NULL;
        code = 0x10000 + ((uint32_t)(unit - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
    }
    return put_utf8(to, code);
}

/* Behind a backslash. Returns the end of what was written, NULL for an unknown escape. */
static uint8_t *unescape(uint8_t *to, struct parser *p)
{
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    if (p->pos == p->end)
        return NULL;
    uint8_t c = *p->pos++;
    if (c == 'u')
        return unescape_unicode(to, p);
    const char *name = c == 0 ? NULL : strchr(names, c);
    if (name == NULL)
        return NULL;
    *to++ = (uint8_t)values[name - names];
    return to;
}

/* Behind the opening quote. Text without escapes is borrowed. */
static tuf_status parse_string(tuf_slice *out, struct parser *p)
{
    const uint8_t *begin = p->pos;
    bool escaped = false;
    const uint8_t *scan = begin;
    while (scan < p->end && *scan != '"') {
        if (*scan < 0x20)
            return invalid();
        if (*scan == '\\') {
            escaped = true;
            scan++;
            if (scan == p->end)
                return invalid();
        }
        scan++;
    }
    if (scan == p->end)
        return invalid();
    if (!escaped) {
        *out = tuf_slice_of(begin, (size_t)(scan - begin));
        p->pos = scan + 1;
        return tufi_utf8_valid(*out) ? TUF_OK : invalid();
    }
    /* Unescaping never makes text longer. */
    uint8_t *text = tufi_arena_alloc(p->arena, (size_t)(scan - begin) + 1);
    if (text == NULL)
        return tufi_nomem();
    uint8_t *to = text;
    while (p->pos < scan) {
        uint8_t c = *p->pos++;
        if (c != '\\') {
            *to++ = c;
            continue;
        }
        to = unescape(to, p);
        if (to == NULL || p->pos > scan)
            return invalid();
    }
    p->pos = scan + 1;
    *out = tuf_slice_of(text, (size_t)(to - text));
    return tufi_utf8_valid(*out) ? TUF_OK : invalid();
}

static size_t count_digits(const struct parser *p)
{
    const uint8_t *pos = p->pos;
    while (pos < p->end && *pos >= '0' && *pos <= '9')
        pos++;
    return (size_t)(pos - p->pos);
}

static tuf_status parse_number(struct jval *value, struct parser *p)
{
    value->type = JVAL_NUMBER;
    value->is_integer = true;
    if (p->pos < p->end && *p->pos == '-')
        p->pos++;
    size_t digits = count_digits(p);
    if (digits == 0 || (digits > 1 && *p->pos == '0'))
        return invalid();
    p->pos += digits;
    if (p->pos < p->end && *p->pos == '.') {
        value->is_integer = false;
        p->pos++;
        digits = count_digits(p);
        if (digits == 0)
            return invalid();
        p->pos += digits;
    }
    if (p->pos < p->end && (*p->pos | 0x20) == 'e') {
        value->is_integer = false;
        p->pos++;
        if (p->pos < p->end && (*p->pos == '+' || *p->pos == '-'))
            p->pos++;
        digits = count_digits(p);
        if (digits == 0)
            return invalid();
        p->pos += digits;
    }
    return TUF_OK;
}

static tuf_status parse_word(struct jval *value, struct parser *p)
{
    static const struct {
        const char *word;
        enum jval_type type;
    } words[] = { { "null", JVAL_NULL }, { "false", JVAL_FALSE }, { "true", JVAL_TRUE } };
    for (size_t i = 0; i < 3; i++) {
        size_t len = strlen(words[i].word);
        if ((size_t)(p->end - p->pos) >= len && memcmp(p->pos, words[i].word, len) == 0) {
            value->type = words[i].type;
            p->pos += len;
            return TUF_OK;
        }
    }
    return parse_number(value, p);
}

static tuf_status parse_member(struct jval **out, struct parser *p, bool keyed)
{
    tuf_slice key = tuf_slice_of(NULL, 0);
    if (keyed) {
        if (!take(p, '"'))
            return invalid();
        tuf_status st = parse_string(&key, p);
        if (st != TUF_OK)
            return st;
        if (!take(p, ':'))
            return invalid();
    }
    tuf_status st = parse_value(out, p);
    if (st == TUF_OK)
        (*out)->key = key;
    return st;
}

/* Behind the opening bracket. */
static tuf_status parse_container(struct jval *value, struct parser *p, bool keyed)
{
    value->type = keyed ? JVAL_OBJECT : JVAL_ARRAY;
    char closing = keyed ? '}' : ']';
    if (take(p, closing))
        return TUF_OK;
    if (++p->depth > JSON_DEPTH_MAX)
        return invalid();
    struct jval *last = NULL;
    do {
        struct jval *member = NULL;
        tuf_status st = parse_member(&member, p, keyed);
        if (st != TUF_OK)
            return st;
        if (last == NULL)
            value->child = member;
        else
            last->next = member;
        last = member;
        value->count++;
    } while (take(p, ','));
    p->depth--;
    return take(p, closing) ? TUF_OK : invalid();
}

static tuf_status parse_value(struct jval **out, struct parser *p)
{
    struct jval *value = tufi_arena_alloc(p->arena, sizeof(*value));
    if (value == NULL)
        return tufi_nomem();
    *value = (struct jval){ .type = JVAL_NULL };
    skip_space(p);
    const uint8_t *begin = p->pos;
    if (begin == p->end)
        return invalid();
    tuf_status st;
    if (*begin == '"') {
        p->pos++;
        value->type = JVAL_STRING;
        st = parse_string(&value->text, p);
    } else if (*begin == '{' || *begin == '[') {
        p->pos++;
        st = parse_container(value, p, *begin == '{');
    } else {
        st = parse_word(value, p);
    }
    value->raw = tuf_slice_of(begin, (size_t)(p->pos - begin));
    *out = value;
    return st;
}

tuf_status jval_parse(const struct jval **out, struct arena *arena, tuf_slice json)
{
    static const uint8_t nothing = 0;
    const uint8_t *begin = json.data != NULL ? json.data : &nothing;
    struct parser p = { .pos = begin, .end = begin + json.len, .arena = arena };
    struct jval *value = NULL;
    tuf_status st = parse_value(&value, &p);
    if (st != TUF_OK)
        return st;
    skip_space(&p);
    if (p.pos != p.end)
        return invalid();
    *out = value;
    return TUF_OK;
}

tuf_status jval_parse_canonical(const struct jval **out, struct arena *arena, tuf_slice json)
{
    TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
    tuf_status st = tufi_json_canonical(&text, json);
    if (st == TUF_E_INVALID)
        return invalid();
    if (st != TUF_OK)
        return st;
    tuf_slice kept = tufi_arena_copy(arena, buf_slice(&text));
    if (kept.data == NULL)
        return tufi_nomem();
    return jval_parse(out, arena, kept);
}

const struct jval *jval_find(const struct jval *object, tuf_slice key)
{
    const struct jval *found = NULL;
    if (object->type != JVAL_OBJECT)
        return NULL;
    for (const struct jval *member = object->child; member != NULL; member = member->next) {
        if (slice_equal(member->key, key))
            found = member;
    }
    return found;
}

const struct jval *jval_member(const struct jval *value, const char *name)
{
    return jval_find(value, tuf_str(name));
}

bool jval_int(int64_t *out, const struct jval *value)
{
    return value->type == JVAL_NUMBER && value->is_integer && parse_int(out, value->raw);
}

bool jval_is_string_list(const struct jval *value)
{
    if (value->type != JVAL_ARRAY)
        return false;
    for (const struct jval *item = value->child; item != NULL; item = item->next) {
        if (item->type != JVAL_STRING)
            return false;
    }
    return true;
}
