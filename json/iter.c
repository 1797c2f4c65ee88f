/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see json/iter.h.
 */
#include "json/iter.h"

#include "base/alloc.h"
#include "base/bytes.h"

tuf_status tufi_json_iter_begin(struct json_iter *out, tuf_slice json, char opener)
{
    memset(out, 0, sizeof(*out));
    out->at = cursor_of(json);
    uint8_t found = cursor_peek(&out->at);
    if ((found != '{' && found != '[') || (opener != 0 && found != (uint8_t)opener))
        return tufi_json_invalid();
    out->closer = found == '{' ? '}' : ']';
    out->at.pos++;
    return TUF_OK;
}

static tuf_status end_of_container(struct json_iter *iter)
{
    iter->at.pos++;
    (void)cursor_peek(&iter->at);
    return iter->at.pos == iter->at.end ? TUF_END : tufi_json_invalid();
}

/* Reads a key and its colon. */
static tuf_status read_key(tuf_slice *out, struct json_iter *iter)
{
    if (cursor_peek(&iter->at) != '"')
        return tufi_json_invalid();
    const uint8_t *start = iter->at.pos;
    tuf_status st = tufi_json_skip_string(&iter->at, &iter->escaped);
    if (st < 0)
        return st;
    *out = tuf_slice_of(start, (size_t)(iter->at.pos - start));
    if (cursor_peek(&iter->at) != ':')
        return tufi_json_invalid();
    iter->at.pos++;
    return TUF_OK;
}

tuf_status tufi_json_iter_next(tuf_slice *key_out, tuf_slice *value_out, struct json_iter *iter)
{
    uint8_t found = cursor_peek(&iter->at);
    if (found == iter->closer)
        return end_of_container(iter);
    if (iter->begun) {
        if (found != ',')
            return tufi_json_invalid();
        iter->at.pos++;
    }
    iter->begun = true;
    iter->escaped = false;
    *key_out = tuf_slice_of(NULL, 0);
    if (iter->closer == '}') {
        tuf_status st = read_key(key_out, iter);
        if (st < 0)
            return st;
    }
    (void)cursor_peek(&iter->at);
    const uint8_t *start = iter->at.pos;
    tuf_status st = tufi_json_skip_watched(&iter->at, iter->watch);
    if (st == TUF_OK)
        *value_out = tuf_slice_of(start, (size_t)(iter->at.pos - start));
    return st;
}

bool tufi_json_key_is(tuf_slice raw_key, const char *name)
{
    if (raw_key.len < 2)
        return false;
    tuf_slice inner = tuf_slice_of(raw_key.data + 1, raw_key.len - 2);
    if (inner.len == 0 || memchr(inner.data, '\\', inner.len) == NULL)
        return slice_is(inner, name);
    /* "\u005fid" is "_id", too. A longer text than six bytes a letter cannot be this name. */
    uint8_t plain[256];
    if (inner.len > sizeof(plain))
        return false;
    return slice_is(tuf_slice_of(plain, tufi_json_unescape(plain, inner)), name);
}

tuf_status tufi_json_member(tuf_slice *out, tuf_slice object, const char *name)
{
    struct json_iter iter;
    tuf_slice key, value;
    bool found = false;
    tuf_status st = tufi_json_iter_begin(&iter, object, '{');
    while (st == TUF_OK) {
        st = tufi_json_iter_next(&key, &value, &iter);
        if (st == TUF_OK && tufi_json_key_is(key, name)) {
            *out = value;
            found = true;
        }
    }
    if (st != TUF_END)
        return st;
    return found ? TUF_OK : TUF_NOT_FOUND;
}

/* ---- the walk ---------------------------------------------------------------------------- */

/* What a key means: a part of it, or made in `plain`. Lives until the next key. */
static tuf_status key_content(tuf_slice *out, struct buf *plain, tuf_slice raw, bool escaped)
{
    *out = raw;
    /* Set with TUF_OK. NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
    if (raw.len == 0)
        return TUF_OK;
    tuf_slice inner = tuf_slice_of(raw.data + 1, raw.len - 2);
    *out = inner;
    if (!escaped)
        return TUF_OK;
    tufi_buf_clear(plain);
    if (!tufi_buf_reserve(plain, inner.len))
        return tufi_nomem();
    *out = tuf_slice_of(plain->data, tufi_json_unescape(plain->data, inner));
    return TUF_OK;
}

tuf_status tufi_json_each(tuf_slice json, json_member_visitor *visitor, void *ctx)
{
    return tufi_json_each_watched(json, visitor, ctx, NULL);
}

tuf_status tufi_json_each_watched(tuf_slice json, json_member_visitor *visitor, void *ctx,
                                  const struct json_watch *watch)
{
    TUF_AUTO(tufi_buf_release) struct buf plain = BUF_INIT;
    struct json_iter iter;
    tuf_slice raw, key, value;
    tuf_status st = tufi_json_iter_begin(&iter, json, 0);
    iter.watch = watch;
    while (st == TUF_OK && (st = tufi_json_iter_next(&raw, &value, &iter)) == TUF_OK) {
        st = key_content(&key, &plain, raw, iter.escaped);
        if (st == TUF_OK && (st = visitor(key, value, ctx)) == TUF_END)
            return st; /* the visitor's own */
    }
    return st == TUF_END ? TUF_OK : st;
}
