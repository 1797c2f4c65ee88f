/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: writes JSON values in the notation of Erlang terms.
 *
 * Invariants: output is bounded by TERM_TEXT_MAX, since error texts are.
 * Source: Erlang's io_lib, formats ~w and ~p.
 * Not here: the external term format (json/).
 */
#include "server/erlterm.h"

#include <stdio.h>
#include <stdlib.h>

#define TERM_TEXT_MAX 512

static void append_binary(struct buf *out, tuf_slice text)
{
    buf_append_str(out, "<<");
    for (size_t i = 0; i < text.len && out->len < TERM_TEXT_MAX; i++)
        tufi_buf_printf(out, i == 0 ? "%u" : ",%u", (unsigned)text.data[i]);
    buf_append_str(out, ">>");
}

static void append_float(struct buf *out, tuf_slice raw)
{
    char text[64];
    size_t len = raw.len < sizeof(text) - 1 ? raw.len : sizeof(text) - 1;
    memcpy(text, raw.data, len);
    text[len] = 0;
    double value = strtod(text, NULL);
    /* The shortest digits that read back as the same number. */
    for (int precision = 1; precision <= 17; precision++) {
        (void)snprintf(text, sizeof(text), "%.*g", precision, value);
        if (strtod(text, NULL) == value)
            break;
    }
    buf_append_str(out, text);
    if (strpbrk(text, ".eni") == NULL)
        buf_append_str(out, ".0");
}

void erlterm_append(struct buf *out, const struct jval *value)
{
    bool is_object = value->type == JVAL_OBJECT;
    if (value->type == JVAL_STRING) {
        append_binary(out, value->text);
        return;
    }
    if (value->type == JVAL_NUMBER && !value->is_integer) {
        append_float(out, value->raw);
        return;
    }
    if (value->type != JVAL_ARRAY && !is_object) {
        buf_append_slice(out, value->raw);
        return;
    }
    buf_append_str(out, is_object ? "{[" : "[");
    for (const struct jval *item = value->child; item != NULL; item = item->next) {
        if (out->len > TERM_TEXT_MAX)
            break;
        if (item != value->child)
            buf_append_u8(out, ',');
        if (is_object) {
            buf_append_u8(out, '{');
            append_binary(out, item->key);
            buf_append_u8(out, ',');
        }
        erlterm_append(out, item);
        if (is_object)
            buf_append_u8(out, '}');
    }
    buf_append_str(out, is_object ? "]}" : "]");
}

void erlterm_append_pretty(struct buf *out, const struct jval *value)
{
    if (value->type != JVAL_STRING) {
        erlterm_append(out, value);
        return;
    }
    buf_append_str(out, "<<\"");
    buf_append_slice(out, value->text);
    buf_append_str(out, "\">>");
}
