/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: "tuffet restore": bring back a whole database under a new name, one document, or the bytes of
 * one attachment; from a backup, or from the past of a file that is in use.
 *
 * A document goes into a database that has none of its name with its revision and history. Where there
 * is one, the old content becomes a new revision upon the winner, so that it wins and replicates.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "cli/cli.h"

struct restore_options {
    const char *source, *dest;
    const char *at, *id, *rev, *att;
};

static bool parse_options(struct restore_options *out, int argc, char **argv)
{
    static const struct option long_options[] = {
        { "at", required_argument, NULL, 't' },
        { "doc", required_argument, NULL, 'd' },
        { "rev", required_argument, NULL, 'r' },
        { "att", required_argument, NULL, 'a' },
        { NULL, 0, NULL, 0 },
    };
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        const char **place = option == 't'   ? &out->at
                             : option == 'd' ? &out->id
                             : option == 'r' ? &out->rev
                             : option == 'a' ? &out->att
                                             : NULL;
        if (!place)
            return false;
        *place = optarg;
    }
    if (argc - optind != 2 || ((out->rev || out->att) && !out->id))
        return false;
    out->source = argv[optind];
    out->dest = argv[optind + 1];
    return true;
}

/* ---- a database ------------------------------------------------------------------------------- */

static int show_progress(uint64_t done, uint64_t total, void *ctx)
{
    cli_progress(ctx, done, total);
    return 0;
}

static int restore_database(const struct restore_options *opts)
{
    struct progress progress;
    cli_progress_init(&progress, "restoring");
    tuf_open_options moment = TUF_OPEN_OPTIONS_INIT;
    if (opts->at && !cli_parse_at(&moment, opts->at))
        return CLI_FAILED;
    tuf_backup_options how = TUF_BACKUP_OPTIONS_INIT;
    how.flags = TUF_BACKUP_NEW;
    how.at_kind = moment.at_kind;
    how.at = moment.at;
    how.progress = show_progress;
    how.ctx = &progress;
    tuf_backup_report report;
    tuf_status st = tuf_backup(&report, opts->source, opts->dest, &how);
    cli_progress_end(&progress);
    if (st == TUF_NOT_FOUND || st == TUF_EXISTS) {
        fprintf(stderr, "tuffet: %s: %s\n", st == TUF_EXISTS ? opts->dest : opts->source,
                st == TUF_EXISTS ? "is there already" : "no such file");
        return CLI_FAILED;
    }
    if (st != TUF_OK)
        return cli_report(opts->source, st);
    int result = cli_check_file(opts->dest, true);
    if (result == CLI_OK)
        printf("%s: restored as of commit %" PRIu64 ", sequence %" PRIu64 "\n", opts->dest,
               report.commit_count, report.update_seq);
    return result;
}

/* ---- an attachment ---------------------------------------------------------------------------- */

static int write_bytes(FILE *out, tuf_att_reader *reader, uint8_t *block, const char *name)
{
    for (;;) {
        size_t len = 0;
        tuf_status st = tuf_att_read(&len, reader, block, CLI_CHUNK_SIZE);
        if (st == TUF_END)
            return CLI_OK;
        if (st != TUF_OK)
            return cli_report(name, st);
        if (fwrite(block, 1, len, out) != len)
            return CLI_FAILED; /* said by who closes it */
    }
}

static int restore_attachment(const struct restore_options *opts, tuf_doc *doc)
{
    size_t pos = 0;
    tuf_att_reader *reader = NULL;
    TUF_AUTOFREE uint8_t *block = tufi_alloc(CLI_CHUNK_SIZE);
    tuf_status st = block ? tuf_doc_find_att(&pos, doc, tuf_str(opts->att)) : TUF_E_NOMEM;
    if (st == TUF_OK)
        st = tuf_att_open(&reader, doc, pos, TUF_ATT_DECODED);
    if (st != TUF_OK)
        return cli_report(opts->att, st);
    bool to_stdout = strcmp(opts->dest, "-") == 0;
    FILE *out = to_stdout ? stdout : fopen(opts->dest, "wbx");
    int result = out ? write_bytes(out, reader, block, opts->att) : CLI_FAILED;
    bool failed = !out || ferror(out) || fflush(out) != 0;
    if (out && !to_stdout && fclose(out) != 0)
        failed = true;
    if (failed)
        fprintf(stderr, "tuffet: %s: %s\n", opts->dest, strerror(errno));
    tuf_att_reader_free(&reader);
    return failed ? CLI_FAILED : result;
}

/* ---- a document ------------------------------------------------------------------------------- */

static tuf_status copy_bytes(tuf_att_writer *writer, tuf_att_reader *reader)
{
    TUF_AUTOFREE uint8_t *block = tufi_alloc(CLI_CHUNK_SIZE);
    tuf_status st = block ? TUF_OK : TUF_E_NOMEM;
    while (st == TUF_OK) {
        size_t len = 0;
        st = tuf_att_read(&len, reader, block, CLI_CHUNK_SIZE);
        if (st == TUF_OK)
            st = tuf_att_write(writer, block, len);
    }
    return st == TUF_END ? TUF_OK : st;
}

/* The pos-th attachment's stored bytes, into the database that the edit is for. */
static tuf_status copy_attachment(tuf_db *db, tuf_edit *edit, const tuf_doc *doc, size_t pos)
{
    tuf_att_info info;
    tuf_att_reader *reader = NULL;
    tuf_att_writer *writer = NULL;
    tuf_blob *blob = NULL;
    tuf_status st = tuf_doc_att(&info, doc, pos);
    if (st == TUF_OK)
        st = tuf_att_open(&reader, doc, pos, TUF_ATT_STORED);
    tuf_att_options how = TUF_ATT_OPTIONS_INIT;
    how.type = info.type;
    how.gzip = info.gzip;
    how.raw = true;
    if (st == TUF_OK)
        st = tuf_att_writer_new(&writer, db, &how);
    if (st == TUF_OK)
        st = copy_bytes(writer, reader);
    if (st == TUF_OK)
        st = tuf_att_finish(&blob, writer);
    if (st == TUF_OK)
        st = tuf_edit_set_follow(edit, pos, &blob);
    tuf_blob_free(&blob);
    tuf_att_writer_free(&writer);
    tuf_att_reader_free(&reader);
    return st;
}

/* What the database has of the document now. */
struct there {
    bool found;
    bool deleted;
    tuf_revbuf winner;
};

/* The document as an edit: with its history where it is not known, else upon what is there. */
static tuf_status make_edit(tuf_edit **out, tuf_db *db, tuf_doc *doc, const struct there *there)
{
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    unsigned flags = there->found ? 0 : (unsigned)CLI_DOC_REVISIONS;
    tuf_status st = cli_append_doc(&json, doc, flags, CLI_ATTS_FOLLOW);
    tuf_edit_options how = TUF_EDIT_OPTIONS_INIT;
    how.flags = there->found ? 0 : (unsigned)TUF_EDIT_REPLICATED;
    if (st == TUF_OK)
        st = tuf_edit_parse(out, buf_slice(&json), &how);
    if (st == TUF_OK && there->found) /* a tombstone is revived by an edit without a parent */
        st = tuf_edit_set_parent(*out, there->deleted ? NULL : &there->winner.rev);
    for (size_t pos = 0; st == TUF_OK && pos < tuf_doc_att_count(doc); pos++)
        st = copy_attachment(db, *out, doc, pos);
    return st;
}

static int commit_edit(tuf_db *db, tuf_edit *edit, const char *dest)
{
    tuf_edit *const edits[] = { edit };
    tuf_status st = tuf_db_commit(db, edits, 1, 0);
    if (st != TUF_OK)
        return cli_report(dest, st);
    tuf_edit_result result;
    tuf_edit_get_result(&result, edit);
    if (result.status != TUF_OK)
        return cli_report(dest, result.status);
    tuf_slice id = tuf_edit_id(edit);
    char rev[TUF_REV_TEXT_SIZE];
    tuf_rev_format(rev, result.rev);
    printf("%.*s %s\n", (int)id.len, (const char *)id.data, rev);
    return CLI_OK;
}

static tuf_status look_there(struct there *out, tuf_db *db, const char *id)
{
    tuf_snapshot *snapshot = NULL;
    tuf_doc *doc = NULL;
    tuf_status st = tuf_db_snapshot(&snapshot, db);
    if (st == TUF_OK)
        st = tuf_doc_find_info(&doc, snapshot, tuf_str(id));
    out->found = st == TUF_OK;
    if (st == TUF_OK) {
        char rev[TUF_REV_TEXT_SIZE];
        size_t len = tuf_rev_format(rev, tuf_doc_info(doc)->leaves[0].rev);
        out->deleted = tuf_doc_info(doc)->deleted;
        st = tuf_rev_parse(&out->winner, tuf_slice_of(rev, len));
    }
    tuf_doc_free(&doc);
    tuf_snapshot_free(&snapshot);
    return st == TUF_NOT_FOUND ? TUF_OK : st;
}

static int restore_into(const struct restore_options *opts, tuf_db *db, tuf_doc *doc)
{
    struct there there;
    tuf_status st = look_there(&there, db, opts->id);
    if (st == TUF_OK && there.found && tuf_rev_compare(there.winner.rev, tuf_doc_rev(doc)) == 0) {
        printf("%s is there in this revision\n", opts->id);
        return CLI_OK;
    }
    tuf_edit *edit = NULL;
    if (st == TUF_OK)
        st = make_edit(&edit, db, doc, &there);
    int result = st == TUF_OK ? commit_edit(db, edit, opts->dest) : cli_report(opts->id, st);
    tuf_edit_free(&edit);
    return result;
}

static int restore_document(const struct restore_options *opts, tuf_doc *doc)
{
    if (strcmp(opts->dest, "-") == 0) {
        TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
        tuf_status st = cli_append_doc(&out, doc, 0, CLI_ATTS_INLINE);
        buf_append_u8(&out, '\n');
        return st == TUF_OK ? cli_flush(&out) : cli_report(opts->id, st);
    }
    if (strncmp(opts->id, "_local/", 7) == 0) {
        fprintf(stderr, "tuffet: a local document is restored to standard output only\n");
        return CLI_FAILED;
    }
    int result = CLI_OK;
    tuf_db *db = cli_open(&result, opts->dest, TUF_OPEN_CREATE);
    return db ? cli_close(&db, opts->dest, restore_into(opts, db, doc)) : result;
}

static int restore_part(const struct restore_options *opts)
{
    int result = CLI_OK;
    TUF_AUTO(cli_db_discard) tuf_db *db = cli_open_at(&result, opts->source, opts->at);
    if (!db)
        return result;
    tuf_revbuf rev;
    tuf_snapshot *snapshot = NULL;
    tuf_doc *doc = NULL;
    tuf_status st = opts->rev ? tuf_rev_parse(&rev, tuf_str(opts->rev)) : TUF_OK;
    if (st == TUF_OK)
        st = tuf_db_snapshot(&snapshot, db);
    if (st == TUF_OK)
        st = tuf_doc_open(&doc, snapshot, tuf_str(opts->id), opts->rev ? &rev.rev : NULL);
    if (st != TUF_OK)
        result = cli_report(opts->id, st);
    else
        result = opts->att ? restore_attachment(opts, doc) : restore_document(opts, doc);
    tuf_doc_free(&doc);
    tuf_snapshot_free(&snapshot);
    return result;
}

int cli_restore(int argc, char **argv)
{
    struct restore_options opts = { .source = NULL };
    if (!parse_options(&opts, argc, argv))
        return cli_usage(argv[0]);
    return opts.id ? restore_part(&opts) : restore_database(&opts);
}
