/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the order of JSON values that views and selectors use.
 *
 * null, false, true, numbers by value, strings by the rules of the ICU root collation, arrays
 * element by element, objects member by member in their stored order; the shorter first.
 *
 * Source: CouchDB's couch_ejson_compare; Unicode technical standard 10.
 * Not here: the order of document ids, which is that of bytes.
 */
#ifndef SERVER_COLLATE_H
#define SERVER_COLLATE_H

#include "server/jval.h"

/* Below, equal to, or above 0. Any thread. */
int collate_values(const struct jval *a, const struct jval *b);

/* The same with strings by bytes. */
int collate_values_raw(const struct jval *a, const struct jval *b);

/* Two numbers by their exact value: integers of any length, fractions as long doubles. */
int collate_numbers(const struct jval *a, const struct jval *b);

/* Whether two values are the same: 1 and 1.0 are not, nor are objects of another order. */
bool collate_same(const struct jval *a, const struct jval *b);

#endif
