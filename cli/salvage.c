/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: "tuffet salvage": what is intact in a damaged file, as a new database, and a list of what is
 * not.
 *
 * Exit status 0: nothing is missing; 1: something is, and is listed; 2: it could not be done.
 */
#include <inttypes.h>
#include <string.h>

#include "cli/cli.h"

static void print_loss(const tuf_finding *finding, void *ctx)
{
    cli_progress_end(ctx);
    cli_print_finding(finding);
}

static int show_progress(uint64_t done, uint64_t total, void *ctx)
{
    cli_progress(ctx, done, total);
    return 0;
}

static int print_report(const char *dest, const tuf_salvage_report *r)
{
    printf("%s: %" PRIu64 " documents, %" PRIu64 " revisions, %" PRIu64 " local documents\n", dest,
           r->docs_written, r->revs_written, r->locals_written);
    if (r->super_lost)
        printf("%s: the superblock was damaged: this is another identity\n", dest);
    if (!r->settings_found)
        printf("%s: limits, the security object and the purge log may be missing\n", dest);
    if (r->bytes_lost > 0 || r->atts_lost > 0 || r->revs_lost > 0)
        printf("%s: lost: %" PRIu64 " revisions, %" PRIu64 " attachments; %" PRIu64
               " bytes hold nothing intact\n",
               dest, r->revs_lost, r->atts_lost, r->bytes_lost);
    bool whole = !r->super_lost && r->settings_found && r->bytes_lost == 0 && r->atts_lost == 0 &&
                 r->revs_lost == 0;
    return whole ? CLI_OK : CLI_NO;
}

int cli_salvage(int argc, char **argv)
{
    if (argc != 3)
        return cli_usage(argv[0]);
    struct progress progress;
    cli_progress_init(&progress, "salvaging");
    tuf_salvage_options opts = TUF_SALVAGE_OPTIONS_INIT;
    opts.found = print_loss;
    opts.progress = show_progress;
    opts.ctx = &progress;
    tuf_salvage_report report;
    tuf_status st = tuf_salvage(&report, argv[1], argv[2], &opts);
    cli_progress_end(&progress);
    if (st == TUF_OK)
        return print_report(argv[2], &report);
    if (st == TUF_NOT_FOUND || st == TUF_EXISTS)
        fprintf(stderr, "tuffet: %s: %s\n", argv[st == TUF_EXISTS ? 2 : 1],
                st == TUF_EXISTS ? "is there already" : "no such file");
    else
        cli_report(argv[1], st);
    return CLI_FAILED;
}
