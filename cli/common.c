/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: opening, messages, input and output of the commands (cli/cli.h).
 */
#include "cli/cli.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int cli_report(const char *what, tuf_status status)
{
    if (status == TUF_OK)
        return CLI_OK;
    const tuf_error *e = tuf_last_error();
    const char *text = e->status == status && e->text[0] ? e->text : tuf_status_text(status);
    fprintf(stderr, "tuffet: %s: %s", what, text);
    if (status < 0)
        fprintf(stderr, " (%s", tuf_status_name(status));
    if (status < 0 && e->status == status && e->file_off != UINT64_MAX)
        fprintf(stderr, " at byte %" PRIu64, e->file_off);
    fputs(status < 0 ? ")\n" : "\n", stderr);
    return status > 0 ? CLI_NO : CLI_FAILED;
}

tuf_db *cli_open(int *exit_out, const char *path, unsigned flags)
{
    tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
    opts.flags = flags;
    return cli_open_with(exit_out, path, &opts);
}

tuf_db *cli_open_with(int *exit_out, const char *path, const tuf_open_options *opts)
{
    tuf_db *db = NULL;
    tuf_status st = tuf_db_open(&db, path, opts);
    if (st == TUF_OK)
        return db;
    if (st == TUF_NOT_FOUND)
        fprintf(stderr, "tuffet: %s: no such file\n", path);
    else
        cli_report(path, st);
    *exit_out = st == TUF_E_CORRUPT ? CLI_NO : CLI_FAILED;
    return NULL;
}

int cli_close(tuf_db **db, const char *path, int so_far)
{
    tuf_status st = tuf_db_close(db);
    return st == TUF_OK ? so_far : cli_report(path, st);
}

void cli_db_discard(tuf_db **db)
{
    /* Only reached after a message about something worse. */
    if (tuf_db_close(db) != TUF_OK)
        return;
}

int cli_flush(struct buf *out)
{
    if (out->failed)
        return cli_report("output", TUF_E_NOMEM);
    size_t written = out->len > 0 ? fwrite(out->data, 1, out->len, stdout) : 0;
    if (written != out->len || fflush(stdout) != 0) {
        perror("tuffet: cannot write");
        return CLI_FAILED;
    }
    tufi_buf_clear(out);
    return CLI_OK;
}

void cli_print_finding(const tuf_finding *finding)
{
    if (finding->file_off != UINT64_MAX)
        printf("byte %" PRIu64 ": ", finding->file_off);
    if (finding->id.len > 0)
        printf("document \"%.*s\": ", (int)finding->id.len, (const char *)finding->id.data);
    printf("%s\n", finding->text);
}

bool cli_read_line(struct buf *out, FILE *in)
{
    char piece[65536];
    tufi_buf_clear(out);
    while (fgets(piece, sizeof piece, in)) {
        size_t len = strlen(piece);
        bool ended = len > 0 && piece[len - 1] == '\n';
        tufi_buf_append(out, piece, ended ? len - 1 : len);
        if (ended || out->failed)
            return !out->failed;
    }
    return out->len > 0;
}

void cli_append_time(struct buf *out, uint64_t time_us)
{
    time_t seconds = (time_t)(time_us / 1000000);
    struct tm tm;
    if (!gmtime_r(&seconds, &tm)) {
        tufi_buf_printf(out, "%" PRIu64 "us", time_us);
        return;
    }
    tufi_buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%06uZ", tm.tm_year + 1900, tm.tm_mon + 1,
                    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (unsigned)(time_us % 1000000));
}

void cli_append_size(struct buf *out, uint64_t size)
{
    static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    double value = (double)size;
    size_t unit = 0;
    for (; value >= 1024.0 && unit + 1 < sizeof units / sizeof units[0]; unit++)
        value /= 1024.0;
    if (unit == 0)
        tufi_buf_printf(out, "%" PRIu64 " bytes", size);
    else
        tufi_buf_printf(out, "%.1f %s", value, units[unit]);
}

uint64_t cli_number(tuf_slice value)
{
    uint64_t number = 0;
    for (size_t i = 0; i < value.len && value.data[i] >= '0' && value.data[i] <= '9'; i++)
        number = number > UINT32_MAX * (uint64_t)UINT32_MAX / 16
                     ? number
                     : number * 10 + (uint64_t)(value.data[i] - '0');
    return number;
}

tuf_slice cli_plain_string(tuf_slice json)
{
    return json.len >= 2 ? tuf_slice_of(json.data + 1, json.len - 2) : tuf_slice_of(NULL, 0);
}

static uint64_t now_us(void)
{
    struct timespec now = { 0 };
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void cli_progress_init(struct progress *p, const char *label)
{
    memset(p, 0, sizeof *p);
    p->label = label;
    p->on = isatty(STDERR_FILENO) == 1;
}

void cli_progress(struct progress *p, uint64_t done, uint64_t total)
{
    enum { WIDTH = 40 };
    if (!p->on)
        return;
    uint64_t now = now_us();
    if (p->drawn && now - p->last_us < 100000)
        return;
    p->last_us = now;
    p->drawn = true;
    if (total == 0) {
        fprintf(stderr, "\r%s %" PRIu64 " ", p->label, done);
        return;
    }
    double part = done >= total ? 1.0 : (double)done / (double)total;
    int filled = (int)(part * WIDTH);
    char bar[WIDTH + 1];
    memset(bar, ' ', WIDTH);
    memset(bar, '#', (size_t)filled);
    bar[WIDTH] = 0;
    fprintf(stderr, "\r%s [%s] %3d%% ", p->label, bar, (int)(part * 100));
}

void cli_progress_end(struct progress *p)
{
    if (p->drawn)
        fputs("\r\033[K", stderr);
    p->drawn = false;
}
