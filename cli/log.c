/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: "tuffet log": list the commits and checkpoints of a file, oldest first, with their times
 * and sequences.
 */
#include <inttypes.h>
#include <string.h>

#include "cli/cli.h"

struct log_options {
    bool json;
    bool checkpoints_only;
};

#define FLUSH_SIZE 65536

struct log_state {
    struct log_options opts;
    struct buf out;
    int result;
};

static const char *kind_name(tuf_log_kind kind)
{
    switch (kind) {
    case TUF_LOG_COMMIT:
        return "commit";
    case TUF_LOG_NODES:
        return "nodes";
    case TUF_LOG_CHECKPOINT:
        return "checkpoint";
    case TUF_LOG_CHUNK:
        return "chunk";
    default: /* of a newer library */
        return "other";
    }
}

static void append_json(struct buf *out, const tuf_log_entry *e)
{
    tufi_buf_printf(out, "{\"kind\":\"%s\",\"off\":%" PRIu64 ",\"size\":%" PRIu64, kind_name(e->kind),
                    e->off, e->size);
    tufi_buf_printf(out, ",\"commit\":%" PRIu64 ",\"update_seq\":%" PRIu64 ",\"records\":%" PRIu32,
                    e->commit, e->update_seq, e->record_count);
    buf_append_str(out, ",\"time\":\"");
    cli_append_time(out, e->time_us);
    buf_append_str(out, "\"}\n");
}

static void append_text(struct buf *out, const tuf_log_entry *e)
{
    tufi_buf_printf(out, "%12" PRIu64 " %10" PRIu64 "  %-10s %9" PRIu64, e->off, e->size,
                    kind_name(e->kind), e->commit);
    if (e->kind == TUF_LOG_COMMIT || e->kind == TUF_LOG_CHECKPOINT)
        tufi_buf_printf(out, " %10" PRIu64 " %8" PRIu32 "  ", e->update_seq, e->record_count);
    else
        tufi_buf_printf(out, " %10s %8s  ", "", "");
    cli_append_time(out, e->time_us);
    buf_append_u8(out, '\n');
}

static tuf_status visit(const tuf_log_entry *entry, void *ctx)
{
    struct log_state *state = ctx;
    if (state->opts.checkpoints_only && entry->kind != TUF_LOG_CHECKPOINT)
        return TUF_OK;
    if (state->opts.json)
        append_json(&state->out, entry);
    else
        append_text(&state->out, entry);
    if (state->out.len >= FLUSH_SIZE || state->out.failed)
        state->result = cli_flush(&state->out);
    return state->result == CLI_OK ? TUF_OK : TUF_STOPPED;
}

static bool parse_options(struct log_options *out, int argc, char **argv)
{
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            out->json = true;
        else if (strcmp(argv[i], "--checkpoints") == 0)
            out->checkpoints_only = true;
        else
            return false;
    }
    return argc >= 2;
}

int cli_log(int argc, char **argv)
{
    struct log_state state = { .result = CLI_OK };
    if (!parse_options(&state.opts, argc, argv))
        return cli_usage(argv[0]);
    TUF_AUTO(cli_db_discard) tuf_db *db = cli_open(&state.result, argv[1], TUF_OPEN_RDONLY);
    if (!db)
        return state.result;
    if (!state.opts.json)
        tufi_buf_printf(&state.out, "%12s %10s  %-10s %9s %10s %8s  %s\n", "byte", "size", "kind",
                        "commit", "seq", "records", "time");
    tuf_status st = tuf_db_log(db, visit, &state);
    int flushed = cli_flush(&state.out);
    tufi_buf_release(&state.out);
    if (st != TUF_OK && st != TUF_STOPPED)
        return cli_report(argv[1], st);
    return state.result != CLI_OK ? state.result : flushed;
}
