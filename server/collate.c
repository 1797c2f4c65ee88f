/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: compares JSON values.
 *
 * Invariants: the comparison is a total order over parsed values and never fails: should ICU be
 * unable to open its collator, strings are ordered by bytes.
 * Source: see server/collate.h.
 * Not here: sort keys of indexes.
 */
#include "server/collate.h"

#include <pthread.h>
#include <stdlib.h>
#include <unicode/ucol.h>

#include "base/arith.h"
#include "base/bytes.h"

#define NUMBER_TEXT_MAX 1023

typedef int compare_strings(tuf_slice a, tuf_slice b);

/* Opened once and then only read, which ICU allows from any thread. */
static UCollator *root_collator;
static pthread_once_t root_once = PTHREAD_ONCE_INIT;

static void open_root(void)
{
    UErrorCode status = U_ZERO_ERROR;
    UCollator *opened = ucol_open("", &status);
    if (U_SUCCESS(status))
        root_collator = opened;
}

static int compare_icu(tuf_slice a, tuf_slice b)
{
    (void)pthread_once(&root_once, open_root);
    if (root_collator == NULL || a.len > INT32_MAX || b.len > INT32_MAX)
        return slice_compare(a, b);
    UErrorCode status = U_ZERO_ERROR;
    UCollationResult result =
        ucol_strcollUTF8(root_collator, a.len > 0 ? (const char *)a.data : "", (int32_t)a.len,
                         b.len > 0 ? (const char *)b.data : "", (int32_t)b.len, &status);
    if (U_FAILURE(status))
        return slice_compare(a, b);
    return (int)result;
}

static int compare_bytes(tuf_slice a, tuf_slice b)
{
    return slice_compare(a, b);
}

static int compare_integers(tuf_slice a, tuf_slice b)
{
    bool a_negative = a.data[0] == '-';
    bool b_negative = b.data[0] == '-';
    if (a_negative != b_negative)
        return a_negative ? -1 : 1;
    int order = a.len != b.len ? (a.len < b.len ? -1 : 1) : slice_compare(a, b);
    return a_negative ? -order : order;
}

static long double value_of(tuf_slice raw)
{
    char text[NUMBER_TEXT_MAX + 1];
    size_t len = min_size(raw.len, NUMBER_TEXT_MAX);
    memcpy(text, raw.data, len);
    text[len] = 0;
    return strtold(text, NULL);
}

int collate_numbers(const struct jval *a, const struct jval *b)
{
    if (a->is_integer && b->is_integer)
        return compare_integers(a->raw, b->raw);
    long double left = value_of(a->raw);
    long double right = value_of(b->raw);
    if (left != right)
        return left < right ? -1 : 1;
    return 0;
}

static int compare(const struct jval *a, const struct jval *b, compare_strings *strings);

static int compare_members(const struct jval *a, const struct jval *b, compare_strings *strings)
{
    const struct jval *left = a->child;
    const struct jval *right = b->child;
    while (left != NULL && right != NULL) {
        int order = a->type == JVAL_OBJECT ? strings(left->key, right->key) : 0;
        if (order == 0)
            order = compare(left, right, strings);
        if (order != 0)
            return order;
        left = left->next;
        right = right->next;
    }
    return left != NULL ? 1 : right != NULL ? -1 : 0;
}

static int compare(const struct jval *a, const struct jval *b, compare_strings *strings)
{
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    switch (a->type) {
    case JVAL_NULL:
    case JVAL_FALSE:
    case JVAL_TRUE:
        return 0;
    case JVAL_NUMBER:
        return collate_numbers(a, b);
    case JVAL_STRING:
        return strings(a->text, b->text);
    case JVAL_ARRAY:
    case JVAL_OBJECT:
        break;
    }
    return compare_members(a, b, strings);
}

int collate_values(const struct jval *a, const struct jval *b)
{
    return compare(a, b, compare_icu);
}

int collate_values_raw(const struct jval *a, const struct jval *b)
{
    return compare(a, b, compare_bytes);
}

bool collate_same(const struct jval *a, const struct jval *b)
{
    if (a->type != b->type || a->count != b->count)
        return false;
    if (a->type == JVAL_NUMBER)
        return a->is_integer == b->is_integer && collate_numbers(a, b) == 0;
    if (a->type == JVAL_STRING)
        return slice_equal(a->text, b->text);
    const struct jval *left = a->child;
    const struct jval *right = b->child;
    for (; left != NULL && right != NULL; left = left->next, right = right->next) {
        if (!slice_equal(left->key, right->key) || !collate_same(left, right))
            return false;
    }
    return true;
}
