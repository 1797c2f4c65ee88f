/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see replicator/parts.h.
 */
#include "replicator/parts.h"

#include "base/alloc.h"
#include "base/bytes.h"

tuf_status repl_parts_begin(struct json_parts *out, tuf_slice value, char open)
{
    out->at = cursor_of(value);
    out->close = open == '{' ? '}' : ']';
    out->begun = false;
    if (cursor_peek(&out->at) != (uint8_t)open)
        return tufi_json_invalid();
    out->at.pos++;
    return TUF_OK;
}

static tuf_status end_of_parts(struct json_parts *parts)
{
    parts->at.pos++;
    return cursor_peek(&parts->at) == 0 && parts->at.pos == parts->at.end ? TUF_END
                                                                          : tufi_json_invalid();
}

static tuf_status read_key(tuf_slice *out, struct json_parts *parts)
{
    bool escaped = false;
    if (cursor_peek(&parts->at) != '"')
        return tufi_json_invalid();
    const uint8_t *start = parts->at.pos;
    tuf_status st = tufi_json_skip_string(&parts->at, &escaped);
    if (st != TUF_OK)
        return st;
    *out = tuf_slice_of(start, (size_t)(parts->at.pos - start));
    if (cursor_peek(&parts->at) != ':')
        return tufi_json_invalid();
    parts->at.pos++;
    return TUF_OK;
}

tuf_status repl_parts_next(tuf_slice *key_out, tuf_slice *value_out, struct json_parts *parts)
{
    uint8_t c = cursor_peek(&parts->at);
    if (c == parts->close)
        return end_of_parts(parts);
    if (parts->begun) {
        if (c != ',')
            return tufi_json_invalid();
        parts->at.pos++;
    }
    parts->begun = true;
    *key_out = tuf_slice_of(NULL, 0);
    if (parts->close == '}') {
        tuf_status st = read_key(key_out, parts);
        if (st != TUF_OK)
            return st;
    }
    (void)cursor_peek(&parts->at);
    const uint8_t *start = parts->at.pos;
    tuf_status st = tufi_json_skip_value(&parts->at);
    if (st == TUF_OK)
        *value_out = tuf_slice_of(start, (size_t)(parts->at.pos - start));
    return st;
}

bool repl_key_is(tuf_slice raw_key, const char *name)
{
    if (raw_key.len < 2)
        return false;
    tuf_slice inner = tuf_slice_of(raw_key.data + 1, raw_key.len - 2);
    if (memchr(inner.data, '\\', inner.len) == NULL)
        return slice_is(inner, name);
    /* "\u005fid" is "_id", too. A longer text than six bytes a letter cannot be this name. */
    uint8_t plain[256];
    if (inner.len > sizeof(plain))
        return false;
    return slice_is(tuf_slice_of(plain, tufi_json_unescape(plain, inner)), name);
}

tuf_status repl_member(tuf_slice *out, tuf_slice object, const char *name)
{
    struct json_parts parts;
    tuf_slice key, value;
    bool found = false;
    tuf_status st = repl_parts_begin(&parts, object, '{');
    while (st == TUF_OK) {
        st = repl_parts_next(&key, &value, &parts);
        if (st == TUF_OK && repl_key_is(key, name)) {
            *out = value;
            found = true;
        }
    }
    if (st != TUF_END)
        return st;
    return found ? TUF_OK : TUF_NOT_FOUND;
}
