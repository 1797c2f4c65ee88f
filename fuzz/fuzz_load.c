/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: fuzz what `tuffet load` reads: the input is its standard input.
 *
 * What must hold: it ends with a status of its own, and whatever it stored is a sound database.
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/assert.h"
#include "cli/cli.h"
#include "fuzz/workdir.h"
#include "tuffet/tuffet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int cli_usage(const char *command)
{
    (void)command;
    return CLI_FAILED;
}

/* What the command says goes nowhere. */
static int quiet_begin(void)
{
    int saved = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);
    fflush(stdout);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    close(null);
    return saved;
}

static void quiet_end(int saved)
{
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    dup2(saved, STDERR_FILENO);
    close(saved);
}

static void check(const char *path)
{
    tuf_db *db = NULL;
    tuf_snapshot *snapshot = NULL;
    tuf_check_report report = { 0 };
    if (tuf_db_open(&db, path, NULL) != TUF_OK)
        return; /* refused before anything was made */
    tuf_assert(tuf_db_snapshot(&snapshot, db) == TUF_OK);
    tuf_assert(tuf_check(&report, snapshot, NULL) == TUF_OK && report.finding_count == 0);
    tuf_snapshot_free(&snapshot);
    tuf_assert(tuf_db_close(&db) == TUF_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char input[96], path[96];
    if (size > 1 << 16)
        return 0;
    workdir_make();
    snprintf(input, sizeof(input), "%s/input", workdir);
    snprintf(path, sizeof(path), "%s/db.tuf", workdir);
    FILE *f = fopen(input, "wb");
    tuf_assert(f != NULL && fwrite(data, 1, size, f) == size && fclose(f) == 0);
    tuf_assert(freopen(input, "rb", stdin) != NULL);
    char name[] = "load";
    char *argv[] = { name, path, NULL };
    optind = 0; /* getopt begins anew */
    int said = quiet_begin();
    int code = cli_load(2, argv);
    quiet_end(said);
    tuf_assert(code >= 0 && code < 128);
    check(path);
    unlink(path);
    unlink(input);
    return 0;
}
