/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: "tuffet compact": rewrite a database into a smaller file, which needs it for itself.
 *
 * Not here: a server compacts its own databases while it serves them (POST /db/_compact).
 */
#include <inttypes.h>
#include <string.h>

#include "cli/cli.h"
#include "tuffet/compact.h"

static void print_damage(const tuf_finding *finding, void *ctx)
{
    cli_progress_end(ctx);
    fprintf(stderr, "tuffet: document \"%.*s\": %s\n", (int)finding->id.len,
            (const char *)finding->id.data, finding->text);
}

static int show_progress(uint64_t done, uint64_t total, void *ctx)
{
    cli_progress(ctx, done, total);
    return 0;
}

static int print_report(const char *path, const tuf_compact_report *report)
{
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    tufi_buf_printf(&out, "%s: %" PRIu64 " documents, ", path,
                    report->docs_copied + report->docs_kept);
    cli_append_size(&out, report->size_before);
    buf_append_str(&out, " to ");
    cli_append_size(&out, report->size_after);
    if (report->bytes_shared > 0) {
        buf_append_str(&out, ", of which ");
        cli_append_size(&out, report->bytes_shared);
        buf_append_str(&out, " share the blocks they had");
    }
    if (report->docs_kept > 0)
        tufi_buf_printf(&out, ", %" PRIu64 " of them by an earlier attempt", report->docs_kept);
    if (report->damaged_count > 0)
        tufi_buf_printf(&out, ", %" PRIu64 " revisions or attachments had lost bytes",
                        report->damaged_count);
    buf_append_u8(&out, '\n');
    int result = cli_flush(&out);
    return result == CLI_OK && report->damaged_count > 0 ? CLI_NO : result;
}

int cli_compact(int argc, char **argv)
{
    bool past_io_errors = argc == 3 && strcmp(argv[1], "--past-io-errors") == 0;
    if (argc != (past_io_errors ? 3 : 2))
        return cli_usage(argv[0]);
    const char *path = argv[argc - 1];
    int result = CLI_OK;
    tuf_db *db = cli_open(&result, path, 0);
    if (!db)
        return result;
    struct progress progress;
    cli_progress_init(&progress, "compacting");
    tuf_compact_options opts = TUF_COMPACT_OPTIONS_INIT;
    opts.found = print_damage;
    opts.progress = show_progress;
    opts.ctx = &progress;
    opts.flags = past_io_errors ? (unsigned)TUF_COMPACT_PAST_IO_ERRORS : 0;
    tuf_compact_report report;
    memset(&report, 0, sizeof report);
    tuf_status st = tuf_db_compact(&report, db, &opts);
    cli_progress_end(&progress);
    result = st == TUF_OK ? print_report(path, &report) : cli_report(path, st);
    return cli_close(&db, path, result);
}
