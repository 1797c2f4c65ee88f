/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: fuzz selectors: the input is two JSON texts, a selector and a document, with a NUL between.
 *
 * What must hold: the parser of values accepts what the canonical scanner accepts; a selector
 * compiles or is refused as invalid; matching ends; a selector and its negation do not both let a
 * document pass; a value equals itself.
 */
#include <stdint.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "json/docscan.h"
#include "server/collate.h"
#include "server/selector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct jval *parse(struct arena *arena, tuf_slice text)
{
    TUF_AUTO(tufi_buf_release) struct buf canonical = BUF_INIT;
    const struct jval *plain = NULL;
    const struct jval *value = NULL;
    tuf_status scanned = tufi_json_canonical(&canonical, text);
    tuf_status parsed = jval_parse(&plain, arena, text);
    /* The scanner also refuses numbers beyond a double. */
    tuf_assert(scanned != TUF_OK || parsed == TUF_OK);
    tuf_status st = jval_parse_canonical(&value, arena, text);
    tuf_assert(st == scanned);
    if (st != TUF_OK)
        return NULL;
    tuf_assert(slice_equal(value->raw, buf_slice(&canonical)));
    tuf_assert(collate_values(value, value) == 0);
    tuf_assert(collate_same(value, value));
    return value;
}

static bool matches(const struct jval *selector_value, const struct jval *doc)
{
    struct selector *selector = NULL;
    tuf_status st = selector_new(&selector, selector_value);
    tuf_assert(st == TUF_OK || st == TUF_E_INVALID);
    bool result = st == TUF_OK && selector_matches(selector, doc);
    selector_free(&selector);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = ARENA_INIT;
    const uint8_t *split = size > 0 ? memchr(data, 0, size) : NULL;
    size_t len = split != NULL ? (size_t)(split - data) : size;
    const struct jval *selector = parse(&arena, tuf_slice_of(data, len));
    const struct jval *doc = NULL;
    if (split != NULL)
        doc = parse(&arena, tuf_slice_of(split + 1, size - len - 1));
    if (selector != NULL && doc != NULL && selector->type == JVAL_OBJECT && selector->count > 0 &&
        doc->type == JVAL_OBJECT) {
        struct jval inner = *selector;
        inner.key = tuf_str("$not");
        inner.next = NULL;
        struct jval negation = { .type = JVAL_OBJECT, .count = 1, .child = &inner };
        bool both = matches(selector, doc) && matches(&negation, doc);
        /* An empty $or holds on both sides, as it does in CouchDB. */
        bool has_empty = memmem(data, len, "[]", 2) != NULL || memmem(data, len, "[ ", 2) != NULL;
        tuf_assert(!both || has_empty);
    }
    tufi_arena_release(&arena);
    return 0;
}
