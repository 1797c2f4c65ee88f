/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: "tuffet dump": the whole database as JSON lines, in constant memory.
 *
 * The lines, in this order:
 *     {"_dump":{"version":1,...}}            once
 *     {"_meta":{"name":..,"value":..}}       what an application keeps in the file
 *     {"_purge":{"seq":..,"docs":{..}}}      the purge log: {"docid":["rev",..]}
 *     {"_id":..,"_rev":..,"_revisions":..}   every leaf revision, in the order of changes;
 *                                            attachments say "follows":true
 *     {"_chunk":"base64"}                    stored bytes of these attachments, one after another,
 *                                            each in as many lines as it needs
 *     {"_id":"_local/..","_rev":"0-N",..}    local documents
 * No stored document has a member "_dump", "_meta", "_purge" or "_chunk": names with an underscore are
 * reserved.
 */
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "base/hex.h"
#include "cli/cli.h"
#include "json/docscan.h"

struct dump {
    const char *path;
    tuf_snapshot *snapshot;
    tuf_doc *doc;       /* used again and again */
    struct buf out;
    uint8_t *chunk;     /* CLI_CHUNK_SIZE */
    struct progress progress;
    uint64_t done, total; /* documents */
    int result;           /* of a visit that stopped */
};

#define FLUSH_SIZE (256 * 1024)

/* Ends a line. */
static int end_line(struct dump *d)
{
    buf_append_u8(&d->out, '\n');
    return d->out.len >= FLUSH_SIZE || d->out.failed ? cli_flush(&d->out) : CLI_OK;
}

static int dump_header(struct dump *d)
{
    tuf_db_info info = { .struct_size = sizeof info };
    tuf_status st = tuf_snapshot_info(&info, d->snapshot);
    if (st != TUF_OK)
        return cli_report(d->path, st);
    char uuid[33] = { 0 };
    tufi_hex_encode(uuid, info.uuid, sizeof info.uuid);
    d->total = info.doc_count + info.doc_del_count;
    tufi_buf_printf(&d->out, "{\"_dump\":{\"version\":1,\"uuid\":\"%s\",\"update_seq\":%" PRIu64, uuid,
                    info.update_seq);
    tufi_buf_printf(&d->out,
                    ",\"doc_count\":%" PRIu64 ",\"doc_del_count\":%" PRIu64
                    ",\"local_count\":%" PRIu64 ",\"revs_limit\":%" PRIu32
                    ",\"purged_infos_limit\":%" PRIu32 "}}",
                    info.doc_count, info.doc_del_count, info.local_count, info.revs_limit,
                    info.purged_infos_limit);
    return end_line(d);
}

/* Ends a line inside a visit; what was said about a failure is in d->result. */
static tuf_status end_visit(struct dump *d)
{
    d->result = end_line(d);
    return d->result == CLI_OK ? TUF_OK : TUF_STOPPED;
}

static tuf_status visit_meta(tuf_slice name, tuf_slice value, void *ctx)
{
    struct dump *d = ctx;
    buf_append_str(&d->out, "{\"_meta\":{\"name\":");
    tufi_json_write_string(&d->out, name);
    buf_append_str(&d->out, ",\"value\":\"");
    tufi_base64_encode(&d->out, value);
    buf_append_str(&d->out, "\"}}");
    return end_visit(d);
}

static tuf_status visit_purge(const tuf_purge_info *info, void *ctx)
{
    struct dump *d = ctx;
    tufi_buf_printf(&d->out, "{\"_purge\":{\"seq\":%" PRIu64 ",\"docs\":{", info->purge_seq);
    tufi_json_write_string(&d->out, info->id);
    for (size_t i = 0; i < info->rev_count; i++) {
        char rev[TUF_REV_TEXT_SIZE];
        tuf_rev_format(rev, info->revs[i]);
        buf_append_str(&d->out, i == 0 ? ":[" : ",");
        tufi_json_write_string(&d->out, tuf_str(rev));
    }
    buf_append_str(&d->out, info->rev_count > 0 ? "]}}}" : ":[]}}}");
    return end_visit(d);
}

static int dump_settings(struct dump *d)
{
    tuf_status st = tuf_snapshot_metas(d->snapshot, visit_meta, d);
    if (st == TUF_OK)
        st = tuf_snapshot_purges(d->snapshot, 0, visit_purge, d);
    return st == TUF_STOPPED ? d->result : cli_report(d->path, st);
}

static int dump_chunks_of(struct dump *d, tuf_att_reader *reader)
{
    for (;;) {
        size_t len = 0;
        tuf_status st = tuf_att_read(&len, reader, d->chunk, CLI_CHUNK_SIZE);
        if (st == TUF_END)
            return CLI_OK;
        if (st != TUF_OK)
            return cli_report(d->path, st);
        buf_append_str(&d->out, "{\"_chunk\":\"");
        tufi_base64_encode(&d->out, tuf_slice_of(d->chunk, len));
        buf_append_str(&d->out, "\"}");
        int result = end_line(d);
        if (result != CLI_OK)
            return result;
    }
}

static int dump_attachments(struct dump *d)
{
    for (size_t pos = 0; pos < tuf_doc_att_count(d->doc); pos++) {
        tuf_att_reader *reader = NULL;
        tuf_status st = tuf_att_open(&reader, d->doc, pos, TUF_ATT_STORED);
        if (st != TUF_OK)
            return cli_report(d->path, st);
        int result = dump_chunks_of(d, reader);
        tuf_att_reader_free(&reader);
        if (result != CLI_OK)
            return result;
    }
    return CLI_OK;
}

static int dump_leaf(struct dump *d, const tuf_docinfo *info, size_t pos)
{
    tuf_status st = tuf_doc_open_leaf(&d->doc, d->snapshot, info, pos);
    if (st == TUF_OK)
        st = cli_append_doc(&d->out, d->doc, CLI_DOC_REVISIONS, CLI_ATTS_FOLLOW);
    if (st != TUF_OK)
        return cli_report(d->path, st);
    int result = end_line(d);
    return result == CLI_OK ? dump_attachments(d) : result;
}

/* The winner comes last, so that a loading server announces it as the newest change. */
static int dump_document(struct dump *d, const tuf_docinfo *info)
{
    size_t count = info->leaf_count > 0 ? info->leaf_count : 1;
    for (size_t pos = count; pos-- > 0;) {
        int result = dump_leaf(d, info, pos);
        if (result != CLI_OK)
            return result;
    }
    cli_progress(&d->progress, ++d->done, d->total);
    return CLI_OK;
}

static int dump_cursor(struct dump *d, tuf_cursor *cursor)
{
    for (;;) {
        const tuf_docinfo *info = NULL;
        tuf_status st = tuf_cursor_next(&info, cursor);
        if (st == TUF_END)
            return CLI_OK;
        if (st != TUF_OK)
            return cli_report(d->path, st);
        int result = dump_document(d, info);
        if (result != CLI_OK)
            return result;
    }
}

static int dump_documents(struct dump *d, bool local)
{
    tuf_cursor *cursor = NULL;
    tuf_range range;
    memset(&range, 0, sizeof range);
    tuf_status st = local ? tuf_cursor_open_locals(&cursor, d->snapshot, &range)
                          : tuf_cursor_open_seqs(&cursor, d->snapshot, 0, false);
    if (st != TUF_OK)
        return cli_report(d->path, st);
    int result = dump_cursor(d, cursor);
    tuf_cursor_free(&cursor);
    return result;
}

static int dump_all(struct dump *d)
{
    int result = dump_header(d);
    if (result == CLI_OK)
        result = dump_settings(d);
    if (result == CLI_OK)
        result = dump_documents(d, false);
    if (result == CLI_OK)
        result = dump_documents(d, true);
    return result == CLI_OK ? cli_flush(&d->out) : result;
}

static bool parse_options(const char **path, const char **at, int argc, char **argv)
{
    static const struct option long_options[] = {
        { "at", required_argument, NULL, 't' },
        { NULL, 0, NULL, 0 },
    };
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (option != 't')
            return false;
        *at = optarg;
    }
    *path = argv[optind];
    return argc - optind == 1;
}

int cli_dump(int argc, char **argv)
{
    const char *path = NULL, *at = NULL;
    if (!parse_options(&path, &at, argc, argv))
        return cli_usage(argv[0]);
    int result = CLI_OK;
    TUF_AUTO(cli_db_discard) tuf_db *db = cli_open_at(&result, path, at);
    if (!db)
        return result;
    struct dump d = { .path = path };
    cli_progress_init(&d.progress, "dumping");
    d.chunk = tufi_alloc(CLI_CHUNK_SIZE);
    tuf_status st = d.chunk ? tuf_db_snapshot(&d.snapshot, db) : TUF_E_NOMEM;
    result = st == TUF_OK ? dump_all(&d) : cli_report(path, st);
    cli_progress_end(&d.progress);
    tuf_doc_free(&d.doc);
    tuf_snapshot_free(&d.snapshot);
    tufi_free(d.chunk);
    tufi_buf_release(&d.out);
    return result;
}
