/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: reads Erlang lists. See server/erl_list.h.
 */
#include "server/erl_list.h"

#include "base/slice.h"

static void skip_space(struct erl_list *list)
{
    while (list->at < list->end && byte_is_one_of(*list->at, " \t"))
        list->at++;
}

/* Whether the next character is this one, which is taken then. */
static bool take(struct erl_list *list, char wanted)
{
    skip_space(list);
    if (list->at == list->end || *list->at != (uint8_t)wanted)
        return false;
    list->at++;
    return true;
}

struct erl_list erl_list_begin(tuf_slice text)
{
    struct erl_list list = { text.data, text.data + text.len, false };
    if (text.len > 0)
        list.bad = !take(&list, '[');
    return list;
}

static bool is_atom_byte(uint8_t c)
{
    uint8_t lower = byte_lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || byte_is_one_of(c, "_@-.");
}

static bool take_quoted(struct buf *out, struct erl_list *list, char quote)
{
    while (list->at < list->end && *list->at != (uint8_t)quote) {
        if (*list->at == '\\' && ++list->at == list->end)
            return false;
        buf_append_u8(out, *list->at++);
    }
    return take(list, quote);
}

static bool take_word(struct buf *out, struct erl_list *list)
{
    if (take(list, '"'))
        return take_quoted(out, list, '"');
    if (take(list, '\''))
        return take_quoted(out, list, '\'');
    const uint8_t *start = list->at;
    while (list->at < list->end && is_atom_byte(*list->at))
        buf_append_u8(out, *list->at++);
    return list->at > start;
}

bool erl_list_next(struct buf *first, struct buf *second, struct erl_list *list)
{
    tufi_buf_clear(first);
    tufi_buf_clear(second);
    if (list->bad || list->at == list->end)
        return false;
    if (take(list, ']')) {
        skip_space(list);
        list->bad = list->at != list->end;
        list->at = list->end;
        return false;
    }
    bool good;
    if (take(list, '{'))
        good = take_word(first, list) && take(list, ',') && take_word(second, list) &&
               take(list, '}');
    else
        good = take_word(first, list);
    skip_space(list);
    /* A comma, or the end, which the next call finds. */
    good = good && !first->failed && !second->failed && list->at < list->end &&
           (*list->at == ']' || take(list, ','));
    list->bad = !good;
    return good;
}
