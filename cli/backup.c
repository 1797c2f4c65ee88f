/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: "tuffet backup": copy a database, or all of a folder, beside the server that uses them; the
 * next run copies what is new.
 *
 * With --keep a run makes a whole copy as DEST.next, verifies it, and moves the generations on: DEST
 * becomes DEST.1, that DEST.2. A run that is killed in between leaves whole generations only.
 *
 * A copy that is found damaged although the source is sound is made anew: else each further run would
 * find the same again.
 *
 * Exit status 0: all is saved; 1: something is wrong with a source or a copy; 2: something could not
 * be done. With --all the rest is saved all the same, and the status is the worst.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

#define KEEP_MAX 1000
#define SUFFIX ".tuf"

struct backup_options {
    const char *source, *dest;
    uint64_t keep; /* generations; 1: one file that grows */
    bool all;
    bool check;
    bool quiet;
};

static int show_progress(uint64_t done, uint64_t total, void *ctx)
{
    cli_progress(ctx, done, total);
    return 0;
}

static int print_report(const char *source, const char *dest, const tuf_backup_report *report)
{
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    tufi_buf_printf(&out, "%s: ", source);
    if (report->bytes_copied == 0 && !report->full) {
        buf_append_str(&out, "nothing new");
    } else {
        cli_append_size(&out, report->bytes_copied);
        buf_append_str(&out, report->full ? " copied" : " added");
    }
    tufi_buf_printf(&out, ", sequence %" PRIu64, report->update_seq);
    if (report->time_us > 0) {
        buf_append_str(&out, " of ");
        cli_append_time(&out, report->time_us);
    }
    if (report->diverged)
        tufi_buf_printf(&out, "; what was there is no past of it: it is %s.diverged now", dest);
    buf_append_u8(&out, '\n');
    return cli_flush(&out);
}

/* Damage is a clear no; anything else could not be done. */
static int complain(const char *path, tuf_status st)
{
    if (st == TUF_NOT_FOUND) {
        fprintf(stderr, "tuffet: %s: no such file\n", path);
        return CLI_FAILED;
    }
    cli_report(path, st);
    return st == TUF_E_CORRUPT ? CLI_NO : CLI_FAILED;
}

/* ---- files beside each other ------------------------------------------------------------------ */

static int complain_errno(const char *path)
{
    fprintf(stderr, "tuffet: %s: %s\n", path, strerror(errno));
    return CLI_FAILED;
}

/* "DEST.suffix"; DEST itself without one. */
static char *beside(const char *dest, const char *suffix)
{
    struct buf out = BUF_INIT;
    tufi_buf_printf(&out, "%s%s", dest, suffix);
    buf_append_u8(&out, 0);
    return (char *)tufi_buf_take(&out);
}

static int sync_folder_of(const char *path)
{
    TUF_AUTOFREE char *folder = beside(path, "");
    char *slash = folder ? strrchr(folder, '/') : NULL;
    if (slash)
        slash[slash == folder ? 1 : 0] = '\0';
    int fd = folder ? open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    int failed = fd < 0 || fsync(fd) != 0 ? complain_errno(path) : CLI_OK;
    if (fd >= 0)
        close(fd);
    return failed;
}

/* ---- one copy --------------------------------------------------------------------------------- */

/* *found_out: the copy was made and is damaged. */
static int copy_once(tuf_backup_report *report, bool *found_out, const struct backup_options *opts,
                     const char *source, const char *dest)
{
    struct progress progress;
    cli_progress_init(&progress, "copying");
    tuf_backup_options how = TUF_BACKUP_OPTIONS_INIT;
    how.progress = opts->quiet ? NULL : show_progress;
    how.ctx = &progress;
    tuf_status st = tuf_backup(report, source, dest, &how);
    cli_progress_end(&progress);
    *found_out = false;
    if (st != TUF_OK)
        return complain(source, st);
    int result = opts->check ? cli_check_file(dest, true) : CLI_OK;
    *found_out = result == CLI_NO;
    if (*found_out)
        fprintf(stderr, "tuffet: %s: the copy is damaged\n", dest);
    return result;
}

/* What an earlier run has copied is damaged now: from the first byte. It stays until the new copy is
 * whole and sound, and beside it then, since it may have what the source has lost; but not if it was
 * to become a generation. */
static int copy_anew(tuf_backup_report *report, const struct backup_options *opts,
                     const char *source, const char *dest)
{
    bool damaged = false;
    TUF_AUTOFREE char *made = beside(dest, ".anew");
    TUF_AUTOFREE char *aside = beside(dest, ".damaged");
    if (!made || !aside)
        return cli_report(dest, TUF_E_NOMEM);
    if (unlink(made) != 0 && errno != ENOENT)
        return complain_errno(made);
    int result = copy_once(report, &damaged, opts, source, made);
    if (result != CLI_OK)
        return result;
    if (opts->keep == 1 && rename(dest, aside) != 0)
        return complain_errno(dest);
    if (rename(made, dest) != 0)
        return complain_errno(made);
    if (opts->keep == 1)
        fprintf(stderr, "tuffet: %s: copied anew; the damaged one is %s\n", dest, aside);
    else
        fprintf(stderr, "tuffet: %s: copied anew\n", dest);
    return sync_folder_of(dest);
}

static int copy_one(const struct backup_options *opts, const char *source, const char *dest)
{
    bool damaged = false;
    tuf_backup_report report;
    int result = copy_once(&report, &damaged, opts, source, dest);
    if (damaged && !report.full)
        result = copy_anew(&report, opts, source, dest);
    if (result != CLI_OK || (opts->quiet && !report.diverged))
        return result;
    return print_report(source, dest, &report);
}

/* ---- generations ------------------------------------------------------------------------------ */

/* "DEST.3"; DEST itself for 0. */
static char *generation(const char *dest, uint64_t number)
{
    char suffix[32] = "";
    if (number > 0)
        snprintf(suffix, sizeof(suffix), ".%" PRIu64, number);
    return beside(dest, suffix);
}

static int move_on(const char *dest, uint64_t number)
{
    TUF_AUTOFREE char *from = generation(dest, number);
    TUF_AUTOFREE char *to = generation(dest, number + 1);
    if (!from || !to)
        return cli_report(dest, TUF_E_NOMEM);
    return rename(from, to) == 0 || errno == ENOENT ? CLI_OK : complain_errno(from);
}

static int keep_generations(const struct backup_options *opts, const char *source,
                            const char *dest)
{
    struct backup_options whole = *opts;
    whole.check = true;
    TUF_AUTOFREE char *made = beside(dest, ".next");
    if (!made)
        return cli_report(dest, TUF_E_NOMEM);
    int result = copy_one(&whole, source, made);
    for (uint64_t i = opts->keep - 1; result == CLI_OK && i > 0; i--)
        result = move_on(dest, i - 1);
    if (result == CLI_OK && rename(made, dest) != 0)
        result = complain_errno(made);
    return result == CLI_OK ? sync_folder_of(dest) : result;
}

static int save(const struct backup_options *opts, const char *source, const char *dest)
{
    return opts->keep > 1 ? keep_generations(opts, source, dest) : copy_one(opts, source, dest);
}

/* ---- a whole folder --------------------------------------------------------------------------- */

static int worse(int a, int b)
{
    return a > b ? a : b;
}

static int save_folder(const struct backup_options *opts, const char *source, const char *dest,
                       unsigned depth);

static int save_entry(const struct backup_options *opts, const char *name, const char *source,
                      const char *dest, unsigned depth)
{
    struct stat info;
    size_t len = strlen(name);
    if (stat(source, &info) != 0)
        return errno == ENOENT ? CLI_OK : complain_errno(source); /* deleted meanwhile */
    if (S_ISDIR(info.st_mode))
        return save_folder(opts, source, dest, depth + 1);
    if (!S_ISREG(info.st_mode) || len <= strlen(SUFFIX) ||
        strcmp(name + len - strlen(SUFFIX), SUFFIX) != 0)
        return CLI_OK;
    return save(opts, source, dest);
}

static int save_folder(const struct backup_options *opts, const char *source, const char *dest,
                       unsigned depth)
{
    enum { DEPTH_MAX = 64 };
    DIR *folder = depth < DEPTH_MAX ? opendir(source) : NULL;
    if (!folder)
        return complain_errno(source);
    int result = CLI_OK;
    bool there = mkdir(dest, 0700) == 0 || errno == EEXIST;
    if (!there)
        result = complain_errno(dest);
    for (struct dirent *entry; there && (entry = readdir(folder)) != NULL;) {
        TUF_AUTO(tufi_buf_release) struct buf from = BUF_INIT;
        TUF_AUTO(tufi_buf_release) struct buf to = BUF_INIT;
        if (entry->d_name[0] == '.')
            continue;
        tufi_buf_printf(&from, "%s/%s", source, entry->d_name);
        tufi_buf_printf(&to, "%s/%s", dest, entry->d_name);
        buf_append_u8(&from, 0);
        buf_append_u8(&to, 0);
        int saved = from.failed || to.failed
                        ? cli_report(source, TUF_E_NOMEM)
                        : save_entry(opts, entry->d_name, (const char *)from.data,
                                     (const char *)to.data, depth);
        result = worse(result, saved);
    }
    closedir(folder);
    return result;
}

/* ---- the command ------------------------------------------------------------------------------ */

static bool parse_options(struct backup_options *out, int argc, char **argv)
{
    static const struct option long_options[] = {
        { "all", no_argument, NULL, 'a' },
        { "keep", required_argument, NULL, 'k' },
        { "check", no_argument, NULL, 'c' },
        { "quiet", no_argument, NULL, 'q' },
        { NULL, 0, NULL, 0 },
    };
    out->keep = 1;
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        switch (option) {
        case 'a':
            out->all = true;
            break;
        case 'k':
            out->keep = cli_number(tuf_str(optarg));
            if (out->keep < 1 || out->keep > KEEP_MAX)
                return false;
            break;
        case 'c':
            out->check = true;
            break;
        case 'q':
            out->quiet = true;
            break;
        default:
            return false;
        }
    }
    if (argc - optind != 2)
        return false;
    out->source = argv[optind];
    out->dest = argv[optind + 1];
    return true;
}

/* From a server only its documents can be had: what is new since the last run. */
static int replicate(const struct backup_options *opts)
{
    char name[] = "replicate", create[] = "--create-target";
    char *args[] = { name, create, (char *)(uintptr_t)opts->source, (char *)(uintptr_t)opts->dest,
                     NULL };
    if (opts->all || opts->check || opts->keep > 1) {
        fprintf(stderr, "tuffet: backup of a URL replicates: it has no other options\n");
        return CLI_FAILED;
    }
    optind = 1;
    return cli_replicate(4, args);
}

int cli_backup(int argc, char **argv)
{
    struct backup_options opts = { .source = NULL };
    if (!parse_options(&opts, argc, argv))
        return cli_usage(argv[0]);
    if (strstr(opts.source, "://"))
        return replicate(&opts);
    struct stat info;
    if (!opts.all && stat(opts.source, &info) == 0 && S_ISDIR(info.st_mode)) {
        fprintf(stderr, "tuffet: %s: is a folder: --all saves the databases below it\n", opts.source);
        return CLI_FAILED;
    }
    return opts.all ? save_folder(&opts, opts.source, opts.dest, 0)
                    : save(&opts, opts.source, opts.dest);
}
