/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: "tuffet get": print one document.
 */
#include <getopt.h>

#include "cli/cli.h"

struct get_options {
    const char *path;
    const char *id;
    const char *rev;
    const char *at;
    unsigned flags; /* enum cli_doc_flags */
    enum cli_atts atts;
};

static bool parse_options(struct get_options *out, int argc, char **argv)
{
    static const struct option long_options[] = {
        { "rev", required_argument, NULL, 'r' },
        { "revs", no_argument, NULL, 'h' },
        { "conflicts", no_argument, NULL, 'c' },
        { "attachments", no_argument, NULL, 'a' },
        { "at", required_argument, NULL, 't' },
        { NULL, 0, NULL, 0 },
    };
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        switch (option) {
        case 'r':
            out->rev = optarg;
            break;
        case 'h':
            out->flags |= CLI_DOC_REVISIONS;
            break;
        case 'c':
            out->flags |= CLI_DOC_CONFLICTS;
            break;
        case 'a':
            out->atts = CLI_ATTS_INLINE;
            break;
        case 't':
            out->at = optarg;
            break;
        default:
            return false;
        }
    }
    if (argc - optind != 2)
        return false;
    out->path = argv[optind];
    out->id = argv[optind + 1];
    return true;
}

static int print_doc(tuf_snapshot *snapshot, const struct get_options *opts)
{
    tuf_revbuf rev;
    if (opts->rev && tuf_rev_parse(&rev, tuf_str(opts->rev)) != TUF_OK)
        return cli_report(opts->rev, TUF_E_INVALID);
    tuf_doc *doc = NULL;
    tuf_status st = tuf_doc_open(&doc, snapshot, tuf_str(opts->id), opts->rev ? &rev.rev : NULL);
    if (st != TUF_OK)
        return cli_report(opts->id, st);
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    st = cli_append_doc(&out, doc, opts->flags, opts->atts);
    tuf_doc_free(&doc);
    if (st != TUF_OK)
        return cli_report(opts->id, st);
    buf_append_u8(&out, '\n');
    return cli_flush(&out);
}

int cli_get(int argc, char **argv)
{
    struct get_options opts = { .atts = CLI_ATTS_STUB };
    if (!parse_options(&opts, argc, argv))
        return cli_usage(argv[0]);
    int result = CLI_OK;
    TUF_AUTO(cli_db_discard) tuf_db *db = cli_open_at(&result, opts.path, opts.at);
    if (!db)
        return result;
    tuf_snapshot *snapshot = NULL;
    tuf_status st = tuf_db_snapshot(&snapshot, db);
    if (st != TUF_OK)
        return cli_report(opts.path, st);
    result = print_doc(snapshot, &opts);
    tuf_snapshot_free(&snapshot);
    return result;
}
