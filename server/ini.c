/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: reads and changes ini texts. See server/ini.h.
 */
#include "server/ini.h"

#include <stdio.h>

#include "base/bytes.h"

enum line_kind { LINE_NOTHING, LINE_SECTION, LINE_VALUE, LINE_BAD };

struct line {
    enum line_kind kind;
    tuf_slice name;  /* of the section, or key */
    tuf_slice value;
};

#define BLANKS " \t\r"

static tuf_slice cut_comment(tuf_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] == ';' && (i == 0 || byte_is_one_of(s.data[i - 1], BLANKS)))
            return tuf_slice_of(s.data, i);
    }
    return s;
}

/* The '=' that parts key and value: the spaced one if there is one, so that keys may hold '='. */
static const uint8_t *find_equals(tuf_slice s)
{
    for (size_t i = 0; i + 2 < s.len; i++) {
        if (byte_is_one_of(s.data[i], BLANKS) && s.data[i + 1] == '=' &&
            byte_is_one_of(s.data[i + 2], BLANKS))
            return s.data + i + 1;
    }
    return memchr(s.data, '=', s.len);
}

static struct line parse_line(tuf_slice text)
{
    struct line line = { LINE_NOTHING, tuf_str(""), tuf_str("") };
    /* The comment is cut before trimming, so that "key = ; note" keeps its spaced '='. */
    tuf_slice cut = cut_comment(text);
    tuf_slice s = slice_trim(cut, BLANKS);
    if (s.len == 0 || s.data[0] == '#')
        return line;
    if (s.data[0] == '[') {
        bool closed = s.data[s.len - 1] == ']';
        line.kind = closed ? LINE_SECTION : LINE_BAD;
        line.name = closed ? slice_trim(tuf_slice_of(s.data + 1, s.len - 2), BLANKS) : line.name;
        return line;
    }
    const uint8_t *equals = find_equals(s);
    if (equals == NULL || equals == s.data) {
        line.kind = LINE_BAD;
        return line;
    }
    line.kind = LINE_VALUE;
    line.name = slice_trim(tuf_slice_of(s.data, (size_t)(equals - s.data)), BLANKS);
    size_t before = (size_t)(equals - s.data) + 1;
    line.value = slice_trim(tuf_slice_of(equals + 1, s.len - before), BLANKS);
    return line;
}

/* Takes the next line, its end included, off the text. */
static tuf_slice next_line(tuf_slice *text)
{
    const uint8_t *lf = memchr(text->data, '\n', text->len);
    size_t len = lf != NULL ? (size_t)(lf - text->data) + 1 : text->len;
    tuf_slice line = tuf_slice_of(text->data, len);
    *text = tuf_slice_of(text->data + len, text->len - len);
    return line;
}

static tuf_slice without_end(tuf_slice line)
{
    if (line.len > 0 && line.data[line.len - 1] == '\n')
        line.len--;
    return line;
}

tuf_status ini_read(tuf_slice text, ini_visitor *visitor, void *ctx)
{
    tuf_slice section = tuf_str("");
    for (unsigned number = 1; text.len > 0; number++) {
        struct line line = parse_line(without_end(next_line(&text)));
        if (line.kind == LINE_BAD)
            return tufi_fail(TUF_E_INVALID, "line %u: neither a section nor a value", number);
        if (line.kind == LINE_SECTION)
            section = line.name;
        if (line.kind != LINE_VALUE)
            continue;
        tuf_status st = visitor(section, line.name, line.value, ctx);
        if (st == TUF_E_INVALID) {
            char why[256];
            snprintf(why, sizeof(why), "%s", tuf_last_error()->text);
            return tufi_fail(TUF_E_INVALID, "line %u: %s", number, why);
        }
        if (st != TUF_OK)
            return st;
    }
    return TUF_OK;
}

static void append_value(struct buf *out, const char *key, tuf_slice value)
{
    buf_append_str(out, key);
    buf_append_str(out, " = ");
    buf_append_slice(out, value);
    buf_append_u8(out, '\n');
}

void ini_change(struct buf *out, tuf_slice text, const char *section, const char *key,
                tuf_slice value)
{
    bool inside = false, written = false;
    while (text.len > 0) {
        tuf_slice raw = next_line(&text);
        struct line line = parse_line(without_end(raw));
        if (line.kind == LINE_SECTION) {
            if (inside && !written) {
                append_value(out, key, value);
                written = true;
            }
            inside = slice_is(line.name, section);
        }
        if (inside && line.kind == LINE_VALUE && slice_is(line.name, key)) {
            /* Repeated lines of the key go away: the last one would win. */
            if (!written)
                append_value(out, key, value);
            written = true;
            continue;
        }
        buf_append_slice(out, raw);
        if (raw.len > 0 && raw.data[raw.len - 1] != '\n')
            buf_append_u8(out, '\n');
    }
    if (written)
        return;
    if (!inside)
        tufi_buf_printf(out, "[%s]\n", section);
    append_value(out, key, value);
}

static bool text_ok(tuf_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] < ' ' || s.data[i] == 0x7f)
            return false;
    }
    return slice_equal(slice_trim(s, BLANKS), s);
}

bool ini_key_ok(const char *section, const char *key)
{
    tuf_slice s = tuf_str(section);
    tuf_slice k = tuf_str(key);
    if (s.len == 0 || k.len == 0 || s.len > 255 || k.len > 255 || !text_ok(s) || !text_ok(k))
        return false;
    if (strpbrk(section, "[];") != NULL || strchr(";#[", key[0]) != NULL)
        return false;
    return strstr(key, " ;") == NULL && strstr(key, " = ") == NULL;
}

bool ini_value_ok(tuf_slice value)
{
    if (value.len > 65536 || !text_ok(value) || (value.len > 0 && value.data[0] == ';'))
        return false;
    for (size_t i = 1; i < value.len; i++) {
        if (value.data[i] == ';' && byte_is_one_of(value.data[i - 1], BLANKS))
            return false;
    }
    return true;
}
