/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: "tuffet trim": give the space of dead bytes back without a copy, by holes in the file.
 *
 * Not here: a server trims its own databases ([compaction] trim).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arith.h"
#include "cli/cli.h"
#include "tuffet/compact.h"

/* "90s", "15m", "12h", "7d"; a plain number is seconds. */
static bool parse_duration(uint64_t *us_out, const char *text)
{
    static const struct {
        char unit;
        uint64_t seconds;
    } units[] = { { '\0', 1 }, { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
    uint64_t number = 0;
    const char *c = text;
    for (; *c >= '0' && *c <= '9'; c++)
        if (!mul_ok(&number, number, 10) || !add_ok(&number, number, (uint64_t)(*c - '0')))
            return false;
    if (c == text || (*c && c[1]))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (units[i].unit == *c)
            return mul_ok(us_out, number, units[i].seconds * 1000000);
    return false;
}

static int show_progress(uint64_t done, uint64_t total, void *ctx)
{
    if (total > 0)
        cli_progress(ctx, done, total > done ? total : done);
    return 0;
}

static int print_report(const char *path, const tuf_trim_report *report)
{
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    tufi_buf_printf(&out, "%s: ", path);
    cli_append_size(&out, report->bytes_free);
    tufi_buf_printf(&out, " of the file take no space, in %" PRIu64 " holes", report->holes);
    if (report->first_commit > 0)
        tufi_buf_printf(&out, "; its past begins with commit %" PRIu64 ", sequence %" PRIu64,
                        report->first_commit, report->first_seq);
    buf_append_u8(&out, '\n');
    return cli_flush(&out);
}

int cli_trim(int argc, char **argv)
{
    tuf_trim_options opts = TUF_TRIM_OPTIONS_INIT;
    bool keeps = argc == 4 && strcmp(argv[1], "--keep") == 0;
    if (argc != (keeps ? 4 : 2) || (keeps && !parse_duration(&opts.keep_us, argv[2])))
        return cli_usage(argv[0]);
    const char *path = argv[argc - 1];
    int result = CLI_OK;
    tuf_db *db = cli_open(&result, path, 0);
    if (!db)
        return result;
    struct progress progress;
    cli_progress_init(&progress, "looking for dead bytes");
    opts.progress = show_progress;
    opts.ctx = &progress;
    tuf_trim_report report;
    memset(&report, 0, sizeof report);
    tuf_status st = tuf_db_trim(&report, db, &opts);
    cli_progress_end(&progress);
    result = st == TUF_OK ? print_report(path, &report) : cli_report(path, st);
    return cli_close(&db, path, result);
}
