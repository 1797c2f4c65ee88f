/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see replicator/docview.h.
 */
#include "replicator/docview.h"

#include "base/alloc.h"
#include "base/bytes.h"

/* Longest id and revision are far below, even if each byte is escaped. */
#define LITERAL_MAX ((size_t)TUF_ID_SIZE_MAX * 6 + 2)

tuf_status repl_doc_view(struct doc_view *out, tuf_slice doc)
{
    struct json_iter iter;
    tuf_slice key, value;
    memset(out, 0, sizeof(*out));
    tuf_status st = tufi_json_iter_begin(&iter, doc, '{');
    while (st == TUF_OK) {
        st = tufi_json_iter_next(&key, &value, &iter);
        /* Most names begin with a letter. */
        if (st != TUF_OK || key.len < 3 || (key.data[1] != '_' && key.data[1] != '\\'))
            continue;
        if (tufi_json_key_is(key, "_id"))
            out->id = value;
        else if (tufi_json_key_is(key, "_rev"))
            out->rev = value;
        else if (tufi_json_key_is(key, "_revisions"))
            out->revisions = value;
        else if (tufi_json_key_is(key, "_attachments"))
            out->attachments = value;
    }
    return st == TUF_END ? TUF_OK : st;
}

char *repl_literal_text(tuf_slice value)
{
    if (value.len < 2 || value.len > LITERAL_MAX || value.data[0] != '"')
        return NULL;
    tuf_slice inner = tuf_slice_of(value.data + 1, value.len - 2);
    char *text = tufi_alloc(inner.len + 1);
    if (text == NULL)
        return NULL;
    size_t len = tufi_json_unescape((uint8_t *)text, inner);
    text[len] = 0;
    if (memchr(text, 0, len) != NULL)
        tufi_free(tufi_steal(text));
    return text;
}

bool repl_literal_is(tuf_slice value, const char *text)
{
    if (value.len < 2 || value.data[0] != '"')
        return false;
    tuf_slice inner = tuf_slice_of(value.data + 1, value.len - 2);
    if (inner.len == 0 || memchr(inner.data, '\\', inner.len) == NULL)
        return slice_is(inner, text);
    TUF_AUTOFREE char *plain = repl_literal_text(value);
    return plain != NULL && strcmp(plain, text) == 0;
}

bool repl_doc_is(const struct doc_view *view, const char *id)
{
    return repl_literal_is(view->id, id) && view->rev.len > 2 && view->rev.data[0] == '"' &&
           view->revisions.len > 0;
}

bool repl_doc_has_atts(const struct doc_view *view)
{
    struct json_iter iter;
    tuf_slice key, value;
    return view->attachments.len > 0 &&
           tufi_json_iter_begin(&iter, view->attachments, '{') == TUF_OK &&
           tufi_json_iter_next(&key, &value, &iter) != TUF_END;
}
