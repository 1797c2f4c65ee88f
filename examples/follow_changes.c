/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: follow a database's changes as they happen, and remember how far one got.
 *
 *     ./follow_changes events.tuf 100
 *
 * One thread writes documents, the main thread prints each change. The position is kept in a local
 * document: a second run goes on where the first stopped. A document that changes twice between
 * two looks appears once, with its newest revision.
 */
#include <inttypes.h>
#include <pthread.h>
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

static void put(tuf_db *db, const char *json)
{
    tuf_edit *edit = NULL;
    must(tuf_edit_parse(&edit, tuf_str(json), NULL), "parse");
    must(tuf_db_commit(db, &edit, 1, 0), "commit");
    tuf_edit_free(&edit);
}

struct producer {
    tuf_db *db;
    int count;
    uint64_t run; /* makes this run's ids new */
};

static void *produce(void *arg)
{
    const struct producer *p = arg;
    for (int i = 0; i < p->count; i++) {
        char json[100];
        snprintf(json, sizeof(json), "{\"_id\":\"event-%" PRIu64 "-%04d\"}", p->run, i);
        put(p->db, json);
    }
    return NULL;
}

/* Prints the changes after a sequence; returns the newest seen. Purges and settings raise the sequence
 * without a change of a document: the snapshot's is what to wait behind. */
static uint64_t print_changes(tuf_db *db, uint64_t since)
{
    tuf_snapshot *snapshot = NULL;
    tuf_cursor *cursor = NULL;
    const tuf_docinfo *info = NULL;
    must(tuf_db_snapshot(&snapshot, db), "snapshot");
    must(tuf_cursor_open_seqs(&cursor, snapshot, since, false), "cursor");
    while (must(tuf_cursor_next(&info, cursor), "next") == TUF_OK) {
        char rev[TUF_REV_TEXT_SIZE];
        tuf_rev_format(rev, info->leaves[0].rev);
        printf("%" PRIu64 "  %.*s  %s%s\n", info->seq, (int)info->id.len, (const char *)info->id.data,
               rev, info->deleted ? "  deleted" : "");
    }
    tuf_db_info db_info = { .struct_size = sizeof(db_info) };
    must(tuf_snapshot_info(&db_info, snapshot), "info");
    tuf_cursor_free(&cursor);
    tuf_snapshot_free(&snapshot);
    return db_info.update_seq;
}

/* The sequence in the local document, 0 if there is none. */
static uint64_t load_position(tuf_db *db)
{
    tuf_snapshot *snapshot = NULL;
    tuf_doc *doc = NULL;
    uint64_t seq = 0;
    must(tuf_db_snapshot(&snapshot, db), "snapshot");
    if (must(tuf_doc_open(&doc, snapshot, tuf_str("_local/follower"), NULL), "open") == TUF_OK) {
        tuf_slice body = tuf_doc_body(doc); /* {"seq":5} */
        char text[64];
        snprintf(text, sizeof(text), "%.*s", (int)body.len, (const char *)body.data);
        const char *colon = strchr(text, ':');
        seq = colon ? strtoull(colon + 1, NULL, 10) : 0;
    }
    tuf_doc_free(&doc);
    tuf_snapshot_free(&snapshot);
    return seq;
}

static void save_position(tuf_db *db, uint64_t seq)
{
    char json[100];
    snprintf(json, sizeof(json), "{\"_id\":\"_local/follower\",\"seq\":%" PRIu64 "}", seq);
    put(db, json); /* local documents have no conflicts and are not changes */
}

int main(int argc, char **argv)
{
    tuf_db *db = NULL;
    tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
    opts.flags = TUF_OPEN_CREATE;
    must(tuf_db_open(&db, argc > 1 ? argv[1] : "events.tuf", &opts), "open");
    uint64_t seq = load_position(db);
    struct producer producer = { .db = db,
                                 .count = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 10,
                                 .run = seq };
    pthread_t thread;
    if (pthread_create(&thread, NULL, produce, &producer) != 0)
        abort();
    /* Sleeps until something is newer than seq; a second of silence ends the program. */
    while (must(tuf_db_wait(db, seq, 1000), "wait") == TUF_OK) {
        seq = print_changes(db, seq);
        save_position(db, seq);
    }
    pthread_join(thread, NULL);
    must(tuf_db_close(&db), "close");
    return EXIT_SUCCESS;
}
