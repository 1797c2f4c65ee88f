/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what the commands of "tuffet" share: exit statuses, opening a file, messages, output, and
 * documents as JSON.
 *
 * Not here: anything of the engine. The commands use include/tuffet, and base/ and json/ for
 * buffers and JSON text; "replicate" uses replicator/.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdio.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "tuffet/tuffet.h"

/* Exit statuses. */
enum {
    CLI_OK = 0,
    CLI_NO = 1,    /* a clear no: not found, conflict, findings */
    CLI_FAILED = 2 /* could not do it: wrong arguments, no such file, I/O error */
};

/* One command: argv[0] is its name. Returns an exit status. */
typedef int cli_main(int argc, char **argv);
cli_main cli_backup, cli_changes, cli_check, cli_compact, cli_dump, cli_get, cli_info, cli_load,
    cli_log, cli_put, cli_replicate, cli_restore, cli_salvage, cli_trim;

/* Prints the usage line of a command on stderr; returns CLI_FAILED. */
int cli_usage(const char *command);

/*
 * Opens a database; on failure prints why and returns NULL with *exit_out set. A damaged file gives
 * CLI_NO, everything else CLI_FAILED.
 */
tuf_db *cli_open(int *exit_out, const char *path, unsigned flags);

/* The same with all options. */
tuf_db *cli_open_with(int *exit_out, const char *path, const tuf_open_options *opts);

/*
 * Reads how people name a moment: a sequence ("1234"), a commit ("c17"), a day or a time in UTC
 * ("2026-01-31", "2026-01-31T12:00", "2026-01-31T12:00:00.5Z"). Complains and returns false otherwise.
 */
bool cli_parse_at(tuf_open_options *out, const char *text);

/* The same as cli_open for reading, at a moment of the past; NULL: the newest state. */
tuf_db *cli_open_at(int *exit_out, const char *path, const char *at);

/* Prints "tuffet: WHAT: the reason" for a status that is not TUF_OK; returns the exit status. */
int cli_report(const char *what, tuf_status status);

/* Closes a database that was written to; returns `so_far`, or CLI_FAILED if closing failed. */
int cli_close(tuf_db **db, const char *path, int so_far);

/* Verifies a whole file and says what is wrong; quiet: and nothing else. */
int cli_check_file(const char *path, bool quiet);

/* Prints where something is wrong, and what, on a line. */
void cli_print_finding(const tuf_finding *finding);

/* Cleanup helpers for TUF_AUTO. */
void cli_db_discard(tuf_db **db);

/* Writes a buffer to stdout and empties it. Returns CLI_OK or CLI_FAILED (after a message). */
int cli_flush(struct buf *out);

/* Reads one line, without its line break, of any length. False at the end or when out->failed. */
bool cli_read_line(struct buf *out, FILE *in);

/* Appends a time as 2026-01-31T12:00:00.123456Z. */
void cli_append_time(struct buf *out, uint64_t time_us);

/* Appends a count of bytes as people read it, such as "12.3 MiB". */
void cli_append_size(struct buf *out, uint64_t size);

/* A progress bar on stderr, drawn only if that is a terminal and at most ten times a second. */
struct progress {
    const char *label;
    uint64_t last_us; /* of the last drawing */
    bool on;
    bool drawn;
};

void cli_progress_init(struct progress *p, const char *label);
/* total 0: unknown, only the count is shown. */
void cli_progress(struct progress *p, uint64_t done, uint64_t total);
/* Removes the bar. */
void cli_progress_end(struct progress *p);

/* How attachments appear in a document's JSON. */
enum cli_atts {
    CLI_ATTS_STUB,   /* "stub":true */
    CLI_ATTS_INLINE, /* "data":"base64", decoded */
    CLI_ATTS_FOLLOW  /* "follows":true: stored bytes come in lines of their own */
};

enum cli_doc_flags {
    CLI_DOC_REVISIONS = 1, /* "_revisions" */
    CLI_DOC_CONFLICTS = 2  /* "_conflicts" and "_deleted_conflicts" */
};

/* Appends an open document as one JSON object. Returns TUF_OK or the library's failure. */
tuf_status cli_append_doc(struct buf *out, tuf_doc *doc, unsigned flags, enum cli_atts atts);

/* Bytes of an attachment in one "_chunk" line of a dump: a multiple of three. */
#define CLI_CHUNK_SIZE (768 * 1024)

/* The value of a run of decimal digits at the start of a text; a number that is too large stays
 * large. */
uint64_t cli_number(tuf_slice text);
/* The text of a JSON string that needs no unescaping, without its quotes. */
tuf_slice cli_plain_string(tuf_slice json);

/* Lines of the purge log on their way into a database (cli/load_purge.c). */
struct purge_load {
    struct purge_row *rows; /* owned */
    size_t count;
    uint64_t first_seq;
};
/* Takes one "_purge" line of a dump; rows are written in batches. */
tuf_status cli_load_purge(struct purge_load *load, tuf_db *db, tuf_slice line);
/* Writes what waits. */
tuf_status cli_load_purges_end(struct purge_load *load, tuf_db *db);
void cli_load_purges_release(struct purge_load *load);

#endif
