/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see server/docload.h.
 */
#include "server/docload.h"

#include "base/alloc.h"
#include "base/fail.h"
#include "server/dbs.h"

tuf_status doc_load(json_t **out, bool *conflicted_out, struct dbh *dbh, tuf_slice id)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    tuf_status st = tuf_db_snapshot(&snapshot, dbh_db(dbh));
    if (st != TUF_OK)
        return st;
    tuf_doc *doc = NULL;
    st = tuf_doc_open(&doc, snapshot, id, NULL);
    if (st == TUF_OK) {
        tuf_slice body = tuf_doc_body(doc);
        const tuf_docinfo *info = tuf_doc_info(doc);
        size_t live = 0;
        for (size_t i = 0; i < info->leaf_count; i++)
            live += !info->leaves[i].deleted;
        if (conflicted_out != NULL)
            *conflicted_out = live > 1;
        *out = json_loadb((const char *)body.data, body.len, JSON_ALLOW_NUL, NULL);
        if (*out == NULL)
            st = tufi_fail(TUF_E_INTERNAL, "a document of the server cannot be read");
    }
    tuf_doc_free(&doc);
    return st == TUF_DELETED ? TUF_NOT_FOUND : st;
}

tuf_slice doc_member(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_string(value))
        return tuf_slice_of(NULL, 0);
    return tuf_slice_of(json_string_value(value), json_string_length(value));
}
