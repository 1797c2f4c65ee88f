/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: reads any bytes as what a remote answers to a replication: _changes, _revs_diff, _bulk_docs, an error,
 * and the documents that _bulk_get brings.
 *
 * Laws: what is built has the form that its reader promises, holds nothing that was not asked for, and is
 * small beside the answer (INV-RPA-1, INV-RPA-2).
 * Input: one byte that chooses the kind of answer, then the answer.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "json/iter.h"
#include "replicator/answers.h"
#include "replicator/docview.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROWS_MAX 20

static void check_texts(const json_t *list)
{
    size_t pos;
    json_t *item;
    tuf_assert(json_is_array(list));
    json_array_foreach(list, pos, item)
        tuf_assert(json_string_length(item) >= 3);
}

static void read_changes(tuf_slice body)
{
    json_t *page = NULL, *row;
    size_t pos;
    tuf_status st = repl_read_changes(&page, body, ROWS_MAX);
    tuf_assert((st == TUF_OK) == (page != NULL));
    if (st != TUF_OK)
        return;
    const json_t *rows = json_object_get(page, "results");
    tuf_assert(json_array_size(rows) <= ROWS_MAX && json_object_get(page, "last_seq") != NULL);
    json_array_foreach(rows, pos, row) {
        tuf_assert(json_is_string(json_object_get(row, "id")) && json_object_size(row) == 2);
        check_texts(json_object_get(row, "revs"));
        tuf_assert(json_array_size(json_object_get(row, "revs")) * 6 <= body.len);
    }
    json_decref(page);
}

static void read_diff(tuf_slice body)
{
    json_t *asked = json_pack("{s:[ss],s:[s]}", "a", "1-x", "2-y", "b", "1-z");
    json_t *diff = NULL, *item;
    const char *id;
    tuf_status st = repl_read_diff(&diff, body, asked);
    tuf_assert((st == TUF_OK) == (diff != NULL));
    json_object_foreach(diff, id, item) {
        const json_t *missing = json_object_get(item, "missing");
        const json_t *ancestors = json_object_get(item, "possible_ancestors");
        tuf_assert(json_array_size(missing) <= json_array_size(json_object_get(asked, id)));
        if (missing != NULL)
            check_texts(missing);
        if (ancestors != NULL)
            check_texts(ancestors);
    }
    json_decref(diff);
    json_decref(asked);
}

static void read_document(tuf_slice doc)
{
    struct doc_view view;
    if (repl_doc_view(&view, doc) != TUF_OK)
        return;
    tuf_slice parts[] = { view.id, view.rev, view.revisions, view.attachments };
    for (size_t i = 0; i < 4; i++)
        tuf_assert(parts[i].len == 0 || (parts[i].data >= doc.data &&
                                         parts[i].data + parts[i].len <= doc.data + doc.len));
    TUF_AUTOFREE char *id = repl_literal_text(view.id);
    if (id != NULL)
        tuf_assert(repl_literal_is(view.id, id));
    (void)repl_doc_is(&view, "a");
    (void)repl_doc_has_atts(&view);
}

/* The documents of {"results":[{"docs":[{"ok":...}]}]}. */
static void read_bulk_get(tuf_slice body)
{
    struct json_iter results, docs;
    tuf_slice list, key, result, item, doc;
    if (tufi_json_member(&list, body, "results") != TUF_OK ||
        tufi_json_iter_begin(&results, list, '[') != TUF_OK)
        return;
    while (tufi_json_iter_next(&key, &result, &results) == TUF_OK) {
        if (tufi_json_member(&list, result, "docs") != TUF_OK ||
            tufi_json_iter_begin(&docs, list, '[') != TUF_OK)
            continue;
        while (tufi_json_iter_next(&key, &item, &docs) == TUF_OK) {
            if (tufi_json_member(&doc, item, "ok") == TUF_OK)
                read_document(doc);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t refused = 0;
    if (size < 1 || size > 1 << 16)
        return 0;
    tuf_slice body = tuf_slice_of(data + 1, size - 1);
    switch (data[0] % 5) {
    case 0:
        read_changes(body);
        break;
    case 1:
        read_diff(body);
        break;
    case 2:
        if (repl_read_refusals(&refused, body) == TUF_OK)
            tuf_assert(refused * 10 <= size);
        break;
    case 3:
        tufi_free(repl_read_text(body, "reason"));
        break;
    default:
        read_bulk_get(body);
    }
    return 0;
}
