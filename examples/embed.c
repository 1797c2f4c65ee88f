/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the first program to read: open a database, store a document, change it, see a conflict,
 * list everything.
 *
 *     cc embed.c $(pkg-config --cflags --libs tuffet) -o embed
 *     ./embed notes.tuf
 *
 * Statuses above zero are outcomes that a program expects (not found, conflict); those below zero
 * are failures, and tuf_last_error() tells more.
 */
#include <stdio.h>
#include <stdlib.h>
#include <tuffet/tuffet.h>

/* Stops at a failure. An outcome is left to the caller. */
static tuf_status must(tuf_status status, const char *what)
{
    if (status < 0) {
        fprintf(stderr, "%s: %s: %s\n", what, tuf_status_text(status), tuf_last_error()->text);
        exit(EXIT_FAILURE);
    }
    return status;
}

/* Stores one document, given as JSON with its "_id" and, if it replaces one, its "_rev".
 * Returns false on a conflict: somebody else was faster. */
static bool put(tuf_db *db, const char *json)
{
    tuf_edit *edit = NULL;
    tuf_edit_result result;
    must(tuf_edit_parse(&edit, tuf_str(json), NULL), "parse");
    must(tuf_db_commit(db, &edit, 1, 0), "commit"); /* on disk when it returns */
    tuf_edit_get_result(&result, edit);
    must(result.status, "edit");
    if (result.status == TUF_OK) {
        char rev[TUF_REV_TEXT_SIZE];
        tuf_rev_format(rev, result.rev);
        printf("stored as %s\n", rev);
    }
    tuf_edit_free(&edit);
    return result.status == TUF_OK;
}

/* Adds a member to a stored document: read it, change it, write it on top of what was read. */
static bool finish_note(tuf_db *db, const char *id)
{
    tuf_snapshot *snapshot = NULL;
    tuf_doc *doc = NULL;
    bool done = false;
    must(tuf_db_snapshot(&snapshot, db), "snapshot");
    if (must(tuf_doc_open(&doc, snapshot, tuf_str(id), NULL), "open") == TUF_OK) {
        char rev[TUF_REV_TEXT_SIZE];
        char json[1024];
        tuf_rev_format(rev, tuf_doc_rev(doc));
        tuf_slice body = tuf_doc_body(doc); /* "{...}" without _id and _rev */
        snprintf(json, sizeof(json), "%.*s,\"done\":true,\"_id\":\"%s\",\"_rev\":\"%s\"}",
                 (int)body.len - 1, (const char *)body.data, id, rev);
        done = put(db, json);
    }
    tuf_doc_free(&doc);
    tuf_snapshot_free(&snapshot);
    return done;
}

/* Prints every live document of one moment, whatever is written meanwhile. */
static void list(tuf_db *db)
{
    tuf_snapshot *snapshot = NULL;
    tuf_cursor *cursor = NULL;
    tuf_doc *doc = NULL; /* one for all: its memory is used again */
    const tuf_docinfo *info = NULL;
    must(tuf_db_snapshot(&snapshot, db), "snapshot");
    must(tuf_cursor_open_ids(&cursor, snapshot, NULL), "cursor");
    while (must(tuf_cursor_next(&info, cursor), "next") == TUF_OK) {
        must(tuf_doc_open_leaf(&doc, snapshot, info, 0), "open");
        tuf_slice body = tuf_doc_body(doc);
        printf("%.*s  %.*s\n", (int)info->id.len, (const char *)info->id.data, (int)body.len,
               (const char *)body.data);
    }
    tuf_doc_free(&doc);
    tuf_cursor_free(&cursor);
    tuf_snapshot_free(&snapshot);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FILE\n", argv[0]);
        return EXIT_FAILURE;
    }
    tuf_db *db = NULL;
    tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
    opts.flags = TUF_OPEN_CREATE;
    must(tuf_db_open(&db, argv[1], &opts), "open");
    if (!put(db, "{\"_id\":\"plants\",\"text\":\"water the plants\"}"))
        printf("the note is there already: a document without _rev is a new one\n");
    finish_note(db, "plants");
    if (!put(db, "{\"_id\":\"plants\",\"_rev\":\"1-0123\",\"text\":\"too late\"}"))
        printf("conflict: 1-0123 is not the newest revision\n");
    list(db);
    return must(tuf_db_close(&db), "close") == TUF_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
