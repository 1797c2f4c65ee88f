/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: "tuffet changes": documents in the order of their newest change, one JSON line each, as
 * _changes?style=all_docs of a server lists them.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "json/docscan.h"

struct changes_options {
    const char *path;
    const char *at;
    uint64_t since;
};

#define FLUSH_SIZE 65536

static bool parse_options(struct changes_options *out, int argc, char **argv)
{
    static const struct option long_options[] = {
        { "since", required_argument, NULL, 's' },
        { "at", required_argument, NULL, 't' },
        { NULL, 0, NULL, 0 },
    };
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        char *end = NULL;
        switch (option) {
        case 's':
            out->since = strtoull(optarg, &end, 10);
            if (*optarg < '0' || *optarg > '9' || *end)
                return false;
            break;
        case 't':
            out->at = optarg;
            break;
        default:
            return false;
        }
    }
    if (argc - optind != 1)
        return false;
    out->path = argv[optind];
    return true;
}

static void append_change(struct buf *out, const tuf_docinfo *info)
{
    tufi_buf_printf(out, "{\"seq\":%" PRIu64 ",\"id\":", info->seq);
    tufi_json_write_string(out, info->id);
    buf_append_str(out, ",\"changes\":[");
    for (size_t i = 0; i < info->leaf_count; i++) {
        char rev[TUF_REV_TEXT_SIZE];
        tuf_rev_format(rev, info->leaves[i].rev);
        buf_append_str(out, i > 0 ? ",{\"rev\":" : "{\"rev\":");
        tufi_json_write_string(out, tuf_str(rev));
        buf_append_u8(out, '}');
    }
    buf_append_str(out, info->deleted ? "],\"deleted\":true}\n" : "]}\n");
}

static int print_changes(tuf_cursor *cursor, const char *path)
{
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    for (;;) {
        const tuf_docinfo *info = NULL;
        tuf_status st = tuf_cursor_next(&info, cursor);
        if (st == TUF_END)
            return cli_flush(&out);
        if (st != TUF_OK)
            return cli_report(path, st);
        append_change(&out, info);
        if ((out.len >= FLUSH_SIZE || out.failed) && cli_flush(&out) != CLI_OK)
            return CLI_FAILED;
    }
}

int cli_changes(int argc, char **argv)
{
    struct changes_options opts = { .path = NULL };
    if (!parse_options(&opts, argc, argv))
        return cli_usage(argv[0]);
    int result = CLI_OK;
    TUF_AUTO(cli_db_discard) tuf_db *db = cli_open_at(&result, opts.path, opts.at);
    if (!db)
        return result;
    tuf_snapshot *snapshot = NULL;
    tuf_cursor *cursor = NULL;
    tuf_status st = tuf_db_snapshot(&snapshot, db);
    if (st == TUF_OK)
        st = tuf_cursor_open_seqs(&cursor, snapshot, opts.since, false);
    result = st == TUF_OK ? print_changes(cursor, opts.path) : cli_report(opts.path, st);
    tuf_cursor_free(&cursor);
    tuf_snapshot_free(&snapshot);
    return result;
}
