/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: "tuffet check": verify a whole database, beside a running server if need be.
 *
 * Exit status 0: nothing found; 1: something is wrong with the file; 2: it could not be checked.
 */
#include <inttypes.h>
#include <string.h>

#include "cli/cli.h"

struct check_state {
    struct progress progress;
    uint64_t shown; /* findings printed */
};

#define FINDINGS_SHOWN_MAX 1000

static void print_finding(const tuf_finding *finding, void *ctx)
{
    struct check_state *state = ctx;
    if (state->shown++ >= FINDINGS_SHOWN_MAX)
        return;
    cli_progress_end(&state->progress);
    cli_print_finding(finding);
}

static int show_progress(uint64_t done, uint64_t total, void *ctx)
{
    struct check_state *state = ctx;
    cli_progress(&state->progress, done, total);
    return 0;
}

static int check_snapshot(tuf_snapshot *snapshot, const char *path, bool quiet)
{
    struct check_state state = { .shown = 0 };
    cli_progress_init(&state.progress, "checking");
    tuf_check_options opts = TUF_CHECK_OPTIONS_INIT;
    opts.found = print_finding;
    opts.progress = quiet ? NULL : show_progress;
    opts.ctx = &state;
    tuf_check_report report = { 0 };
    tuf_status st = tuf_check(&report, snapshot, &opts);
    cli_progress_end(&state.progress);
    if (st != TUF_OK) {
        cli_report(path, st);
        return CLI_FAILED;
    }
    if (report.finding_count > FINDINGS_SHOWN_MAX)
        printf("and %" PRIu64 " more\n", report.finding_count - FINDINGS_SHOWN_MAX);
    if (report.finding_count > 0) {
        printf("%s: %" PRIu64 " findings\n", path, report.finding_count);
        return CLI_NO;
    }
    if (!quiet)
        printf("%s: sound: %" PRIu64 " documents, %" PRIu64 " revisions, %" PRIu64
               " attachments, %" PRIu64 " bytes\n",
               path, report.docs_checked, report.revs_checked, report.atts_checked,
               report.bytes_checked);
    return CLI_OK;
}

int cli_check_file(const char *path, bool quiet)
{
    int result = CLI_OK;
    TUF_AUTO(cli_db_discard) tuf_db *db = cli_open(&result, path, TUF_OPEN_RDONLY);
    if (!db)
        return result;
    tuf_snapshot *snapshot = NULL;
    tuf_status st = tuf_db_snapshot(&snapshot, db);
    if (st != TUF_OK)
        return cli_report(path, st);
    result = check_snapshot(snapshot, path, quiet);
    tuf_snapshot_free(&snapshot);
    return result;
}

int cli_check(int argc, char **argv)
{
    bool quiet = argc == 3 && strcmp(argv[2], "--quiet") == 0;
    if (argc != 2 && !quiet)
        return cli_usage(argv[0]);
    return cli_check_file(argv[1], quiet);
}
