/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: "tuffet info": counts, sizes and identity of a database, without locking it.
 */
#include <inttypes.h>
#include <string.h>

#include "base/hex.h"
#include "cli/cli.h"

static void append_uuid(struct buf *out, const tuf_db_info *info)
{
    char text[33] = { 0 };
    tufi_hex_encode(text, info->uuid, sizeof info->uuid);
    buf_append_str(out, text);
}

static void append_json(struct buf *out, const tuf_db_info *info)
{
    buf_append_str(out, "{\"uuid\":\"");
    append_uuid(out, info);
    buf_append_str(out, "\",\"created\":\"");
    cli_append_time(out, info->created_us);
    tufi_buf_printf(out,
                    "\",\"doc_count\":%" PRIu64 ",\"doc_del_count\":%" PRIu64
                    ",\"local_count\":%" PRIu64 ",\"update_seq\":%" PRIu64 ",\"purge_seq\":%" PRIu64,
                    info->doc_count, info->doc_del_count, info->local_count, info->update_seq,
                    info->purge_seq);
    tufi_buf_printf(out,
                    ",\"sizes\":{\"file\":%" PRIu64 ",\"active\":%" PRIu64 ",\"external\":%" PRIu64
                    "},\"revs_limit\":%" PRIu32 ",\"purged_infos_limit\":%" PRIu32,
                    info->size_file, info->size_active, info->size_external, info->revs_limit,
                    info->purged_infos_limit);
    tufi_buf_printf(out,
                    ",\"sector_size\":%" PRIu32 ",\"commit_count\":%" PRIu64
                    ",\"checkpoint_off\":%" PRIu64 "}\n",
                    info->sector_size, info->commit_count, info->checkpoint_off);
}

static void append_size_line(struct buf *out, const char *label, uint64_t size)
{
    tufi_buf_printf(out, "%-15s", label);
    cli_append_size(out, size);
    tufi_buf_printf(out, "\n");
}

static void append_text(struct buf *out, const tuf_db_info *info)
{
    tufi_buf_printf(out, "%-15s", "uuid");
    append_uuid(out, info);
    tufi_buf_printf(out, "\n%-15s", "created");
    cli_append_time(out, info->created_us);
    tufi_buf_printf(out, "\n%-15s%" PRIu64 " (and %" PRIu64 " deleted, %" PRIu64 " local)\n",
                    "documents", info->doc_count, info->doc_del_count, info->local_count);
    tufi_buf_printf(out, "%-15s%" PRIu64 " updates, %" PRIu64 " commits, %" PRIu64 " purges\n",
                    "history", info->update_seq, info->commit_count, info->purge_seq);
    append_size_line(out, "file", info->size_file);
    append_size_line(out, "in use", info->size_active);
    append_size_line(out, "uncompressed", info->size_external);
    tufi_buf_printf(out, "%-15s%" PRIu32 " revisions a path, %" PRIu32 " purges remembered\n",
                    "limits", info->revs_limit, info->purged_infos_limit);
    tufi_buf_printf(out, "%-15s%" PRIu32 " bytes\n", "sector", info->sector_size);
    tufi_buf_printf(out, "%-15sat byte %" PRIu64 "\n", "checkpoint", info->checkpoint_off);
}

static tuf_status read_info(tuf_db_info *out, tuf_db *db)
{
    tuf_snapshot *snapshot = NULL;
    tuf_status st = tuf_db_snapshot(&snapshot, db);
    if (st != TUF_OK)
        return st;
    memset(out, 0, sizeof *out);
    out->struct_size = sizeof *out;
    st = tuf_snapshot_info(out, snapshot);
    tuf_snapshot_free(&snapshot);
    return st;
}

int cli_info(int argc, char **argv)
{
    bool json = argc == 3 && strcmp(argv[2], "--json") == 0;
    if (argc != 2 && !json)
        return cli_usage(argv[0]);
    int result = CLI_OK;
    TUF_AUTO(cli_db_discard) tuf_db *db = cli_open(&result, argv[1], TUF_OPEN_RDONLY);
    if (!db)
        return result;
    tuf_db_info info;
    tuf_status st = read_info(&info, db);
    if (st != TUF_OK)
        return cli_report(argv[1], st);
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    if (json)
        append_json(&out, &info);
    else
        append_text(&out, &info);
    return cli_flush(&out);
}
