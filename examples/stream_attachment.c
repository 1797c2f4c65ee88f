/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: store a file of any size as an attachment and read it back, both in constant memory.
 *
 *     ./stream_attachment photos.tuf put holiday beach.jpg image/jpeg < beach.jpg
 *     ./stream_attachment photos.tuf get holiday beach.jpg > copy.jpg
 */
#include <stdio.h>
#include <stdlib.h>
#include <tuffet/tuffet.h>

static tuf_status must(tuf_status status, const char *what)
{
    if (status < 0) {
        fprintf(stderr, "%s: %s: %s\n", what, tuf_status_text(status), tuf_last_error()->text);
        exit(EXIT_FAILURE);
    }
    return status;
}

/* Writes standard input into the database file. Nothing refers to the bytes yet: if the program
 * stops before the commit they are dead space, which compaction reclaims. */
static tuf_blob *receive(tuf_db *db, const char *type)
{
    static char buf[65536];
    tuf_att_writer *writer = NULL;
    tuf_blob *blob = NULL;
    tuf_att_options opts = TUF_ATT_OPTIONS_INIT;
    opts.type = tuf_str(type); /* text and JSON are compressed on the way */
    size_t len;
    must(tuf_att_writer_new(&writer, db, &opts), "start");
    while ((len = fread(buf, 1, sizeof(buf), stdin)) > 0)
        must(tuf_att_write(writer, buf, len), "write");
    must(tuf_att_finish(&blob, writer), "finish");
    tuf_att_writer_free(&writer);
    return blob;
}

/* An edit that keeps a document's body and attachments, or makes a new document. */
static tuf_edit *edit_of(tuf_snapshot *snapshot, const char *id)
{
    tuf_doc *doc = NULL;
    tuf_edit *edit = NULL;
    if (must(tuf_doc_open(&doc, snapshot, tuf_str(id), NULL), "open") == TUF_OK)
        must(tuf_edit_from_doc(&edit, doc), "edit");
    else
        must(tuf_edit_parse(&edit, tuf_str("{\"_id\":\"new\"}"), NULL), "edit");
    must(tuf_edit_set_id(edit, tuf_str(id)), "id");
    tuf_doc_free(&doc);
    return edit;
}

static int put(tuf_db *db, const char *id, const char *name, const char *type)
{
    tuf_blob *blob = receive(db, type);
    tuf_snapshot *snapshot = NULL;
    tuf_edit_result result;
    must(tuf_db_snapshot(&snapshot, db), "snapshot");
    tuf_edit *edit = edit_of(snapshot, id);
    must(tuf_edit_put_attachment(edit, tuf_str(name), tuf_str(type), &blob), "attach");
    must(tuf_db_commit(db, &edit, 1, 0), "commit"); /* document and bytes become durable together */
    tuf_edit_get_result(&result, edit);
    if (result.status != TUF_OK)
        fprintf(stderr, "not stored: %s\n", tuf_status_text(result.status));
    int code = result.status == TUF_OK ? EXIT_SUCCESS : EXIT_FAILURE;
    tuf_edit_free(&edit);
    tuf_snapshot_free(&snapshot);
    return code;
}

static int get(tuf_db *db, const char *id, const char *name)
{
    static char buf[65536];
    tuf_snapshot *snapshot = NULL;
    tuf_doc *doc = NULL;
    tuf_att_reader *reader = NULL;
    size_t pos, len;
    int code = EXIT_FAILURE;
    must(tuf_db_snapshot(&snapshot, db), "snapshot");
    if (must(tuf_doc_open(&doc, snapshot, tuf_str(id), NULL), "open") == TUF_OK &&
        must(tuf_doc_find_att(&pos, doc, tuf_str(name)), "find") == TUF_OK) {
        must(tuf_att_open(&reader, doc, pos, TUF_ATT_DECODED), "open attachment");
        while (must(tuf_att_read(&len, reader, buf, sizeof(buf)), "read") == TUF_OK)
            fwrite(buf, 1, len, stdout);
        code = fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    } else {
        fprintf(stderr, "%s has no attachment %s\n", id, name);
    }
    tuf_att_reader_free(&reader);
    tuf_doc_free(&doc);
    tuf_snapshot_free(&snapshot);
    return code;
}

int main(int argc, char **argv)
{
    bool putting = argc == 6 && strcmp(argv[2], "put") == 0;
    if (!putting && !(argc == 5 && strcmp(argv[2], "get") == 0)) {
        fprintf(stderr, "usage: %s FILE put ID NAME TYPE | FILE get ID NAME\n", argv[0]);
        return EXIT_FAILURE;
    }
    tuf_db *db = NULL;
    tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
    opts.flags = putting ? TUF_OPEN_CREATE : TUF_OPEN_RDONLY;
    if (must(tuf_db_open(&db, argv[1], &opts), "open") != TUF_OK) {
        fprintf(stderr, "%s does not exist\n", argv[1]);
        return EXIT_FAILURE;
    }
    int code = putting ? put(db, argv[3], argv[4], argv[5]) : get(db, argv[3], argv[4]);
    must(tuf_db_close(&db), "close");
    return code;
}
