/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: Tuffet behind the benchmark's interface. It does more than its peers: each put scans the
 * JSON text, computes the CouchDB revision id, and keeps a second index by sequence.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/engines.h"
#include "tuffet/tuffet.h"

#define OK(call) check((call), #call)

static void check(tuf_status status, const char *what)
{
    if (status != TUF_OK)
        bench_die(what, tuf_last_error()->text);
}

static void *open_db(const char *dir)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/bench.tuf", dir);
    tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
    opts.flags = TUF_OPEN_CREATE;
    const char *cache = getenv("BENCH_CACHE_MB");
    if (cache)
        opts.cache_size = (size_t)strtoul(cache, NULL, 10) << 20;
    tuf_db *db = NULL;
    OK(tuf_db_open(&db, path, &opts));
    return db;
}

static void close_db(void *db)
{
    tuf_db *handle = db;
    OK(tuf_db_close(&handle));
}

/* Updates are done as an application does them: read the current revision, then write on top. */
static void set_parent(tuf_edit *edit, tuf_doc **doc, tuf_snapshot *snapshot, const char *id)
{
    OK(tuf_doc_find_info(doc, snapshot, tuf_slice_of(id, 16)));
    OK(tuf_edit_set_parent(edit, &tuf_doc_info(*doc)->leaves[0].rev));
}

static void put(void *db, const struct bench_doc *docs, size_t count, bool update)
{
    tuf_snapshot *snapshot = NULL;
    tuf_doc *doc = NULL;
    tuf_edit **edits = calloc(count, sizeof(*edits));
    OK(tuf_db_snapshot(&snapshot, db));
    for (size_t i = 0; i < count; i++) {
        tuf_edit_options opts = TUF_EDIT_OPTIONS_INIT;
        opts.id = tuf_slice_of(docs[i].id, 16);
        OK(tuf_edit_parse(&edits[i], tuf_slice_of(docs[i].json, docs[i].json_len), &opts));
        if (update)
            set_parent(edits[i], &doc, snapshot, docs[i].id);
        OK(tuf_edit_prepare(edits[i], db)); /* while the text is in the processor's caches */
    }
    OK(tuf_db_commit(db, edits, count, 0));
    for (size_t i = 0; i < count; i++) {
        tuf_edit_result result;
        tuf_edit_get_result(&result, edits[i]);
        /* Random updates may hit one document twice in a batch: a conflict, as it should be. */
        if (result.status != TUF_OK && !(update && result.status == TUF_CONFLICT))
            bench_die("edit", tuf_status_name(result.status));
        tuf_edit_free(&edits[i]);
    }
    free(edits);
    tuf_doc_free(&doc);
    tuf_snapshot_free(&snapshot);
}

struct session {
    tuf_snapshot *snapshot;
    tuf_doc *doc;
};

static void *session_new(void *db)
{
    struct session *s = calloc(1, sizeof(*s));
    OK(tuf_db_snapshot(&s->snapshot, db));
    return s;
}

static void session_free(void *session)
{
    struct session *s = session;
    tuf_doc_free(&s->doc);
    tuf_snapshot_free(&s->snapshot);
    free(s);
}

static size_t get(void *session, const char *id)
{
    struct session *s = session;
    OK(tuf_doc_open(&s->doc, s->snapshot, tuf_slice_of(id, 16), NULL));
    return tuf_doc_body(s->doc).len;
}

static size_t scan(void *session, bool by_seq)
{
    struct session *s = session;
    tuf_cursor *cursor = NULL;
    const tuf_docinfo *info;
    size_t count = 0;
    if (by_seq)
        OK(tuf_cursor_open_seqs(&cursor, s->snapshot, 0, false));
    else
        OK(tuf_cursor_open_ids(&cursor, s->snapshot, NULL));
    while (tuf_cursor_next(&info, cursor) == TUF_OK) {
        OK(tuf_doc_open_leaf(&s->doc, s->snapshot, info, 0));
        count++;
    }
    tuf_cursor_free(&cursor);
    return count;
}

static void compact(void *db, const char *dir)
{
    (void)dir;
    OK(tuf_db_compact(NULL, db, NULL));
}

const struct bench_engine bench_tuffet = {
    .name = "tuffet",
    .open = open_db,
    .close = close_db,
    .put = put,
    .session_new = session_new,
    .session_free = session_free,
    .get = get,
    .scan = scan,
    .has_seq = true,
    .compact = compact,
};
