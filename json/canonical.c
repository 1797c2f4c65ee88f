/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the one pass over JSON text that checks it, writes it canonically, and writes its term
 * bytes on the way. This is the hot path of bulk load.
 *
 * Structure is kept on an explicit stack (scan.frames); nothing recurses. Each member of an open
 * object is noted (scan.members). If an object turns out to have a key twice when it closes, the
 * earlier members are cut out of what was written; that is the only case in which bytes move.
 *
 * INV-CAN-1: canonical text scans to itself.
 * INV-CAN-2: of members with equal keys the last survives, at its own place.
 * Source: RFC 8259; CouchDB's rules on duplicates and numbers (json/docscan.h).
 * Not here: the term bytes of scalars (etf.c), duplicates (dedup.c), special members (special.c).
 */
#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "json/scan.h"

#define MEMBER_CAP_MIN 32

enum step { STEP_VALUE, STEP_AFTER };

/* A string as it was written to the output. */
struct copied {
    const uint8_t *text; /* canonical, between the quotes */
    size_t len;
    size_t shrink; /* bytes that decoding its escapes saves */
};

void tufi_scan_init(struct scan *s, tuf_slice json, uint8_t *out, struct buf *etf)
{
    s->c = cursor_of(json);
    s->out = out;
    s->etf = etf;
    s->body_size = 0;
    s->depth = 0;
    s->depth_max = JSON_STACK_MAX;
    s->members = NULL;
    s->member_count = 0;
    s->member_cap = 0;
    s->arena = NULL;
    memset(s->specials, 0, sizeof(s->specials));
    s->special_count = 0;
    s->frames = s->inline_frames;
    s->frame_cap = JSON_INLINE_DEPTH;
}

void tufi_scan_release(struct scan *s)
{
    tufi_free(s->members);
    s->members = NULL;
    if (s->frames != s->inline_frames)
        tufi_free(s->frames);
    s->frames = s->inline_frames;
}

static struct json_frame *top_frame(struct scan *s)
{
    return &s->frames[s->depth - 1];
}

/* Copies short texts without a call. Both sides have 16 bytes of slack behind len. */
static inline void copy_padded(uint8_t *to, const uint8_t *from, size_t len)
{
    if (len > 64) {
        memcpy(to, from, len);
        return;
    }
    for (size_t done = 0; done < len; done += JSON_COPY_SLACK)
        memcpy(to + done, from + done, JSON_COPY_SLACK);
}

/* A string as a binary. */
static inline void etf_string(struct buf *etf, const struct copied *string)
{
    if (string->shrink > 0) {
        tufi_etf_escaped(etf, tuf_slice_of(string->text, string->len));
        return;
    }
    uint8_t *p = etf_room(etf, string->len + ETF_LIST_HEADER_SIZE + JSON_COPY_SLACK);
    if (!p)
        return;
    p[0] = 0x6d;
    put_be32(p + 1, (uint32_t)string->len);
    copy_padded(p + ETF_LIST_HEADER_SIZE, string->text, string->len);
    etf->len += ETF_LIST_HEADER_SIZE + string->len;
}

static inline void etf_bytes(struct buf *etf, const void *bytes, size_t len)
{
    uint8_t *p = etf_room(etf, len);
    if (!p)
        return;
    memcpy(p, bytes, len);
    etf->len += len;
}

/* Copies a run of characters that are not ASCII. */
static tuf_status copy_unicode(struct scan *s)
{
    do {
        size_t len = tufi_utf8_sequence_len(s->c.pos, s->c.end);
        if (len == 0)
            return tufi_json_invalid();
        for (size_t i = 0; i < len; i++)
            *s->out++ = *s->c.pos++;
    } while (s->c.pos < s->c.end && *s->c.pos >= 0x80);
    return TUF_OK;
}

static tuf_status copy_escape(struct scan *s, size_t *shrink)
{
    uint32_t code = tufi_json_escape(&s->c);
    if (code == UINT32_MAX)
        return tufi_json_invalid();
    if (code >= 0x20 && code != '"' && code != '\\') {
        s->out += tufi_utf8_encode(s->out, code);
        return TUF_OK;
    }
    size_t len = tufi_json_write_escape(s->out, code);
    s->out += len;
    *shrink += len - 1;
    return TUF_OK;
}

/* Copies from within a string to behind its closing quote. */
static tuf_status copy_rest(struct copied *string, struct scan *s)
{
    for (;;) {
        json_copy_plain(&s->out, &s->c);
        if (s->c.pos == s->c.end)
            return tufi_json_invalid();
        uint8_t special = *s->c.pos;
        if (special == '"')
            break;
        tuf_status st = special == '\\'   ? copy_escape(s, &string->shrink)
                        : special >= 0x80 ? copy_unicode(s)
                                          : tufi_json_invalid();
        if (st < 0)
            return st;
    }
    string->len = (size_t)(s->out - string->text);
    s->c.pos++;
    *s->out++ = '"';
    return TUF_OK;
}

/* Copies the string at the cursor, which is at its quote. Short and plain ones, which most are, are
 * done here with everything in registers. */
static inline tuf_status copy_string(struct copied *string, struct scan *s)
{
    struct cursor c = { s->c.pos + 1, s->c.end };
    uint8_t *out = s->out;
    *out++ = '"';
    string->text = out;
    string->shrink = 0;
    if (json_copy_block(&out, &c) && *c.pos == '"') {
        string->len = (size_t)(out - string->text);
        *out = '"';
        s->out = out + 1;
        s->c.pos = c.pos + 1;
        return TUF_OK;
    }
    s->out = out;
    s->c.pos = c.pos;
    return copy_rest(string, s);
}

static tuf_status string_value(struct scan *s)
{
    struct copied string;
    tuf_status st = copy_string(&string, s);
    if (st < 0)
        return st;
    s->body_size += 2 + string.len - string.shrink;
    if (s->etf)
        etf_string(s->etf, &string);
    return TUF_OK;
}

/* The sizes that CouchDB assumes for floats, by magnitude. */
static uint64_t float_size(double value)
{
    uint64_t sign = value < 0.0 ? 1 : 0;
    double magnitude = value < 0.0 ? -value : value;
    if (magnitude >= 1.0)
        return sign + (magnitude >= 1e100 ? 5 : magnitude >= 1e10 ? 4 : 3);
    if (magnitude <= 1e-300)
        return sign + 3;
    return sign + (magnitude <= 1e-100 ? 6 : magnitude <= 1e-10 ? 5 : magnitude <= 0.01 ? 4 : 3);
}

/* Copies the few bytes of a number without a call. */
static inline void copy_text(uint8_t *to, const uint8_t *from, size_t len)
{
    if (len > 32) {
        memcpy(to, from, len);
        return;
    }
    for (size_t i = 0; i < len; i++)
        to[i] = from[i];
}

static tuf_status number_value(struct scan *s)
{
    struct json_number number;
    tuf_status st = tufi_json_number(&number, &s->c);
    if (st < 0)
        return st;
    if (number.is_float) {
        s->body_size += float_size(number.value);
        if (s->etf)
            tufi_etf_float(s->etf, number.value);
    } else {
        if (number.negative && number.is_small && number.magnitude == 0) {
            number.negative = false; /* an integer has no negative zero */
            number.text = tuf_slice_of(number.text.data + 1, 1);
        }
        s->body_size += number.text.len;
        bool byte = number.is_small && !number.negative && number.magnitude <= 255;
        if (byte && s->depth > 0)
            top_frame(s)->byte_count++;
        if (s->etf)
            tufi_etf_integer(s->etf, &number);
    }
    copy_text(s->out, number.text.data, number.text.len);
    s->out += number.text.len;
    return TUF_OK;
}

static tuf_status literal_value(struct scan *s, const char *name, uint16_t len)
{
    if (!tufi_json_literal(&s->c, name, len))
        return tufi_json_invalid();
    memcpy(s->out, name, len);
    s->out += len;
    s->body_size += len;
    if (s->etf)
        tufi_etf_atom(s->etf, name, len);
    return TUF_OK;
}

static tuf_status close_container(struct scan *s)
{
    struct json_frame *f = top_frame(s);
    s->c.pos++;
    if (f->object) {
        size_t dropped_count = 0;
        if (f->value_count > 1) {
            tuf_status st = tufi_json_mark_duplicates(&dropped_count, s->members + f->member_pos,
                                                      f->value_count);
            if (st < 0)
                return st;
        }
        if (dropped_count > 0)
            tufi_scan_remove_dropped(s, f);
        s->member_count = f->member_pos;
    }
    s->body_size += f->value_count == 0 ? 2 : f->object ? 1 : 1 + f->value_count;
    *s->out++ = f->object ? '}' : ']';
    if (s->etf)
        tufi_etf_close(s->etf, f);
    s->depth--;
    return TUF_OK;
}

static tuf_status grow_frames(struct scan *s)
{
    size_t cap = min_size(s->frame_cap * 4, s->depth_max);
    struct json_frame *frames = tufi_alloc_array(cap, sizeof(*frames));
    if (!frames)
        return tufi_nomem();
    memcpy(frames, s->frames, s->depth * sizeof(*frames));
    if (s->frames != s->inline_frames)
        tufi_free(s->frames);
    s->frames = frames;
    s->frame_cap = cap;
    return TUF_OK;
}

static tuf_status push_frame(struct scan *s, bool object)
{
    static const uint8_t object_header[] = { 0x68, 1, 0x6c, 0, 0, 0, 0 };
    if (s->depth == s->depth_max)
        return tufi_json_invalid();
    if (s->depth == s->frame_cap) {
        tuf_status st = grow_frames(s);
        if (st < 0)
            return st;
    }
    s->c.pos++;
    *s->out++ = object ? '{' : '[';
    struct json_frame *f = &s->frames[s->depth++];
    f->member_pos = s->member_count;
    f->value_count = 0;
    f->byte_count = 0;
    f->object = object;
    f->etf_off = 0;
    if (s->etf) {
        const uint8_t *header = object ? object_header : object_header + 2;
        etf_bytes(s->etf, header, object ? 7 : ETF_LIST_HEADER_SIZE);
        f->etf_off = s->etf->len - min_size(s->etf->len, ETF_LIST_HEADER_SIZE);
    }
    return TUF_OK;
}

static tuf_status grow_members(struct scan *s)
{
    size_t cap = max_size(s->member_cap * 2, MEMBER_CAP_MIN);
    size_t size;
    if (!mul_ok(&size, cap, sizeof(struct json_member)))
        return tufi_nomem();
    struct json_member *members = tufi_realloc(s->members, size);
    if (!members)
        return tufi_nomem();
    s->members = members;
    s->member_cap = cap;
    return TUF_OK;
}

/* Notes a member of the innermost object and writes its key's share of the term. */
static tuf_status add_member(struct scan *s, const struct copied *key)
{
    static const uint8_t pair_header[] = { 0x68, 2 };
    if (s->member_count == s->member_cap) {
        tuf_status st = grow_members(s);
        if (st < 0)
            return st;
    }
    struct json_member *m = &s->members[s->member_count++];
    m->key = key->text;
    m->key_len = key->len;
    m->key_hash = tufi_json_key_hash(tuf_slice_of(key->text, key->len));
    m->etf_off = s->etf ? s->etf->len : 0;
    m->size_at = s->body_size;
    m->dropped = false;
    s->body_size += 2 + key->len - key->shrink + 2;
    if (s->etf) {
        etf_bytes(s->etf, pair_header, sizeof(pair_header));
        etf_string(s->etf, key);
    }
    return TUF_OK;
}

/* Skips the value of a member that is no body, and notes where it is. */
static tuf_status split_special(struct scan *s, enum json_special_kind kind, tuf_slice key)
{
    cursor_peek(&s->c);
    const uint8_t *start = s->c.pos;
    tuf_status st = tufi_json_skip_value(&s->c);
    if (st < 0)
        return st;
    s->special_count++;
    if (kind == SPECIAL_IGNORED)
        return TUF_OK;
    struct json_special *special = &s->specials[kind];
    if (kind == SPECIAL_UNKNOWN) {
        if (special->order > 0)
            return TUF_OK;
        special->key = tufi_arena_copy(s->arena, key);
        if (!special->key.data)
            return tufi_nomem();
    }
    special->order = s->special_count;
    special->value = tuf_slice_of(start, (size_t)(s->c.pos - start));
    return TUF_OK;
}

static bool begins_special(const struct scan *s, const struct copied *key)
{
    return s->arena && s->depth == 1 && key->len > 0 && key->text[0] == '_';
}

/* Reads a key and its colon. If the member is special its value is consumed too (STEP_AFTER). */
static tuf_status read_member(enum step *next, struct scan *s)
{
    struct json_frame *f = top_frame(s);
    if (cursor_peek(&s->c) != '"')
        return tufi_json_invalid();
    uint8_t *out_before = s->out;
    if (f->value_count > 0)
        *s->out++ = ',';
    struct copied key;
    tuf_status st = copy_string(&key, s);
    if (st < 0)
        return st;
    if (cursor_peek(&s->c) != ':')
        return tufi_json_invalid();
    s->c.pos++;
    if (begins_special(s, &key)) {
        tuf_slice text = tuf_slice_of(key.text, key.len);
        enum json_special_kind kind = tufi_special_kind(text);
        if (kind != SPECIAL_BODY) {
            s->out = out_before;
            *next = STEP_AFTER;
            return split_special(s, kind, text);
        }
    }
    *s->out++ = ':';
    f->value_count++;
    *next = STEP_VALUE;
    return add_member(s, &key);
}

static tuf_status open_object(enum step *next, struct scan *s)
{
    tuf_status st = push_frame(s, true);
    if (st < 0)
        return st;
    if (cursor_peek(&s->c) == '}')
        return close_container(s);
    return read_member(next, s);
}

static tuf_status open_array(enum step *next, struct scan *s)
{
    tuf_status st = push_frame(s, false);
    if (st < 0)
        return st;
    if (cursor_peek(&s->c) == ']')
        return close_container(s);
    top_frame(s)->value_count++;
    *next = STEP_VALUE;
    return TUF_OK;
}

/* Reads a scalar, or opens a container up to its first value. */
static tuf_status value_step(enum step *next, struct scan *s)
{
    *next = STEP_AFTER;
    switch (cursor_peek(&s->c)) {
    case '"':
        return string_value(s);
    case '{':
        return open_object(next, s);
    case '[':
        return open_array(next, s);
    case 't':
        return literal_value(s, "true", 4);
    case 'f':
        return literal_value(s, "false", 5);
    case 'n':
        return literal_value(s, "null", 4);
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
        return number_value(s);
    default:
        return tufi_json_invalid();
    }
}

/* Behind a value inside a container: a comma and what follows it, or the closing bracket. */
static tuf_status after_step(enum step *next, struct scan *s)
{
    struct json_frame *f = top_frame(s);
    uint8_t found = cursor_peek(&s->c);
    if (found == (f->object ? '}' : ']'))
        return close_container(s);
    if (found != ',')
        return tufi_json_invalid();
    s->c.pos++;
    if (f->object)
        return read_member(next, s);
    *s->out++ = ',';
    f->value_count++;
    *next = STEP_VALUE;
    return TUF_OK;
}

tuf_status tufi_scan_run(struct scan *s)
{
    enum step next = STEP_VALUE;
    do {
        tuf_status st = next == STEP_VALUE ? value_step(&next, s) : after_step(&next, s);
        if (st < 0)
            return st;
    } while (next == STEP_VALUE || s->depth > 0);
    cursor_peek(&s->c);
    if (s->c.pos != s->c.end)
        return tufi_json_invalid();
    tuf_assert(s->member_count == 0);
    return s->etf ? buf_status(s->etf) : TUF_OK;
}

tuf_status tufi_json_canonical(struct buf *out, tuf_slice json)
{
    if (!tufi_buf_reserve(out, json.len + JSON_COPY_SLACK + 2))
        return tufi_nomem();
    TUF_AUTO(tufi_scan_release) struct scan s;
    tufi_scan_init(&s, json, out->data + out->len, NULL);
    tuf_status st = tufi_scan_run(&s);
    if (st == TUF_OK)
        out->len = (size_t)(s.out - out->data);
    return st;
}
