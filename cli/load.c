/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: "tuffet load": read the lines of "tuffet dump" (cli/dump.c says what they are) into a
 * database, which is created if it does not exist. Revisions keep their ids and histories, so that
 * loading twice, or over a database that has part of it, changes nothing more.
 *
 * Edits are committed in batches without waiting for the disk, and made durable at the end.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/slice.h"
#include "cli/cli.h"
#include "json/docscan.h"

#define BATCH_COUNT_DEFAULT 1000
#define BATCH_COUNT_MAX 100000
/* Text of the documents in one commit. */
#define BATCH_SIZE_MAX (16 * 1024 * 1024)

struct load {
    tuf_db *db;
    struct buf line;
    uint64_t line_no;
    tuf_edit **edits; /* batch_count_max places */
    size_t edit_count;
    size_t batch_count_max;
    size_t batch_size; /* bytes of text */
    uint64_t stored, known, local_count; /* revisions; local documents */
    uint64_t total;
    struct progress progress;
    struct purge_load purges;
};

static int complain(const struct load *l, tuf_status status)
{
    char what[64];
    snprintf(what, sizeof what, "line %" PRIu64, l->line_no);
    int result = cli_report(what, status);
    return result == CLI_OK ? CLI_OK : CLI_FAILED;
}

static int complain_text(const struct load *l, const char *text)
{
    fprintf(stderr, "tuffet: line %" PRIu64 ": %s\n", l->line_no, text);
    return CLI_FAILED;
}

static bool starts_with(tuf_slice s, const char *text)
{
    return s.len >= strlen(text) && memcmp(s.data, text, strlen(text)) == 0;
}

static int count_results(struct load *l)
{
    int result = CLI_OK;
    for (size_t i = 0; i < l->edit_count; i++) {
        tuf_edit_result r;
        tuf_edit_get_result(&r, l->edits[i]);
        tuf_slice id = tuf_edit_id(l->edits[i]);
        bool local = starts_with(id, "_local/");
        if (local && (r.status == TUF_OK || r.status == TUF_CONFLICT)) {
            l->local_count++; /* in a conflict a newer one is there, and stays */
        } else if (r.status != TUF_OK) {
            fprintf(stderr, "tuffet: %.*s: %s\n", (int)id.len, (const char *)id.data,
                    tuf_status_text(r.status));
            result = CLI_FAILED;
        } else if (r.stored) {
            l->stored++;
        } else {
            l->known++;
        }
    }
    return result;
}

static int commit_batch(struct load *l)
{
    if (l->edit_count == 0)
        return CLI_OK;
    tuf_status st = tuf_db_commit(l->db, l->edits, l->edit_count, TUF_COMMIT_NO_WAIT);
    int result = st == TUF_OK ? count_results(l) : complain(l, st);
    for (size_t i = 0; i < l->edit_count; i++)
        tuf_edit_free(&l->edits[i]);
    l->edit_count = 0;
    l->batch_size = 0;
    cli_progress(&l->progress, l->stored + l->known, l->total);
    return result;
}

/* ---- the lines --------------------------------------------------------------------------- */

struct header {
    uint64_t version, doc_count, doc_del_count, revs_limit, purged_infos_limit;
};

static tuf_status visit_header(tuf_slice key, tuf_slice value, void *ctx)
{
    struct header *h = ctx;
    if (slice_is(key, "_dump"))
        return tufi_json_each(value, visit_header, ctx);
    if (slice_is(key, "version"))
        h->version = cli_number(value);
    else if (slice_is(key, "doc_count"))
        h->doc_count = cli_number(value);
    else if (slice_is(key, "doc_del_count"))
        h->doc_del_count = cli_number(value);
    else if (slice_is(key, "revs_limit"))
        h->revs_limit = cli_number(value);
    else if (slice_is(key, "purged_infos_limit"))
        h->purged_infos_limit = cli_number(value);
    return TUF_OK;
}

/* Only what differs: setting a limit raises the update sequence. */
static tuf_status set_limits(tuf_db *db, const struct header *h)
{
    tuf_snapshot *snapshot = NULL;
    tuf_db_info info = { .struct_size = sizeof info };
    tuf_status st = tuf_db_snapshot(&snapshot, db);
    if (st == TUF_OK)
        st = tuf_snapshot_info(&info, snapshot);
    tuf_snapshot_free(&snapshot);
    if (st == TUF_OK && h->revs_limit > 0 && h->revs_limit <= UINT32_MAX &&
        h->revs_limit != info.revs_limit)
        st = tuf_db_set_revs_limit(db, (uint32_t)h->revs_limit);
    if (st == TUF_OK && h->purged_infos_limit > 0 && h->purged_infos_limit <= UINT32_MAX &&
        h->purged_infos_limit != info.purged_infos_limit)
        st = tuf_db_set_purged_infos_limit(db, (uint32_t)h->purged_infos_limit);
    return st;
}

static int load_header(struct load *l)
{
    struct header h = { 0 };
    tuf_status st = tufi_json_each(buf_slice(&l->line), visit_header, &h);
    if (st != TUF_OK)
        return complain(l, st);
    if (h.version != 1)
        return complain_text(l, "this is not a dump of version 1");
    l->total = h.doc_count + h.doc_del_count;
    return complain(l, set_limits(l->db, &h));
}

struct meta {
    tuf_slice name, value;
};

static tuf_status visit_meta(tuf_slice key, tuf_slice value, void *ctx)
{
    struct meta *m = ctx;
    if (slice_is(key, "_meta"))
        return tufi_json_each(value, visit_meta, ctx);
    if (slice_is(key, "name"))
        m->name = cli_plain_string(value);
    else if (slice_is(key, "value"))
        m->value = cli_plain_string(value);
    return TUF_OK;
}

static int load_meta(struct load *l)
{
    struct meta m = { tuf_slice_of(NULL, 0), tuf_slice_of(NULL, 0) };
    tuf_status st = tufi_json_each(buf_slice(&l->line), visit_meta, &m);
    if (st != TUF_OK)
        return complain(l, st);
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    if (!tufi_base64_decode(&value, m.value))
        return complain_text(l, "the value is not base64");
    return complain(l, tuf_db_put_meta(l->db, m.name, buf_slice(&value)));
}

/* ---- attachments ------------------------------------------------------------------------- */

static tuf_status visit_chunk(tuf_slice key, tuf_slice value, void *ctx)
{
    if (slice_is(key, "_chunk"))
        *(tuf_slice *)ctx = cli_plain_string(value);
    return TUF_OK;
}

/* Reads one "_chunk" line into `bytes`. */
static int read_chunk(struct load *l, struct buf *bytes)
{
    l->line_no++;
    if (!cli_read_line(&l->line, stdin))
        return complain_text(l, "the dump ends inside an attachment");
    tuf_slice text = tuf_slice_of(NULL, 0);
    tuf_status st = tufi_json_each(buf_slice(&l->line), visit_chunk, &text);
    if (st != TUF_OK)
        return complain(l, st);
    tufi_buf_clear(bytes);
    if (text.len == 0 || !tufi_base64_decode(bytes, text) || bytes->len == 0)
        return complain_text(l, "a line with bytes of an attachment was expected");
    return CLI_OK;
}

static int read_chunks(struct load *l, tuf_att_writer *writer, uint64_t size)
{
    TUF_AUTO(tufi_buf_release) struct buf bytes = BUF_INIT;
    while (size > 0) {
        if (read_chunk(l, &bytes) != CLI_OK)
            return CLI_FAILED;
        if (bytes.len > size)
            return complain_text(l, "the attachment is longer than it says");
        tuf_status st = tuf_att_write(writer, bytes.data, bytes.len);
        if (st != TUF_OK)
            return complain(l, st);
        size -= bytes.len;
    }
    return CLI_OK;
}

static int load_attachment(struct load *l, tuf_edit *edit, size_t pos)
{
    tuf_follow follow;
    tuf_status st = tuf_edit_follow(&follow, edit, pos);
    if (st != TUF_OK)
        return complain(l, st);
    tuf_att_options opts = TUF_ATT_OPTIONS_INIT;
    opts.type = follow.type;
    opts.gzip = follow.gzip;
    opts.raw = true;
    tuf_att_writer *writer = NULL;
    st = tuf_att_writer_new(&writer, l->db, &opts);
    if (st != TUF_OK)
        return complain(l, st);
    uint64_t size = follow.gzip ? follow.encoded_length : follow.length;
    if (size == UINT64_MAX) {
        tuf_att_writer_free(&writer);
        return complain_text(l, "an attachment has no length");
    }
    int result = read_chunks(l, writer, size);
    tuf_blob *blob = NULL;
    if (result == CLI_OK)
        result = complain(l, tuf_att_finish(&blob, writer));
    if (result == CLI_OK)
        result = complain(l, tuf_edit_set_follow(edit, pos, &blob));
    tuf_blob_free(&blob);
    tuf_att_writer_free(&writer);
    return result;
}

/* ---- documents --------------------------------------------------------------------------- */

/* A local document's stored revision is one more than the one it is put with. */
static tuf_status lower_local_rev(tuf_edit *edit)
{
    tuf_rev rev;
    if (tuf_edit_rev(&rev, edit) != TUF_OK || rev.gen != 0)
        return TUF_OK;
    char text[24] = { 0 };
    if (rev.id.len == 0 || rev.id.len >= sizeof text)
        return TUF_OK;
    memcpy(text, rev.id.data, rev.id.len);
    uint64_t number = cli_number(rev.id);
    if (number <= 1)
        return tuf_edit_set_parent(edit, NULL);
    int len = snprintf(text, sizeof text, "%" PRIu64, number - 1);
    rev.id = tuf_slice_of(text, (size_t)len);
    return tuf_edit_set_parent(edit, &rev);
}

static tuf_status parse_document(tuf_edit **out, tuf_slice line)
{
    bool local = starts_with(line, "{\"_id\":\"_local/");
    tuf_edit_options opts = TUF_EDIT_OPTIONS_INIT;
    opts.flags = local ? 0 : (unsigned)TUF_EDIT_REPLICATED;
    tuf_status st = tuf_edit_parse(out, line, &opts);
    return st == TUF_OK && local ? lower_local_rev(*out) : st;
}

static int load_document(struct load *l)
{
    tuf_edit *edit = NULL;
    l->batch_size += l->line.len;
    tuf_status st = parse_document(&edit, buf_slice(&l->line));
    if (st != TUF_OK) {
        int result = complain(l, st);
        tuf_edit_free(&edit);
        return result;
    }
    for (size_t pos = 0; pos < tuf_edit_follow_count(edit); pos++) {
        if (load_attachment(l, edit, pos) != CLI_OK) {
            tuf_edit_free(&edit);
            return CLI_FAILED;
        }
    }
    l->edits[l->edit_count++] = edit;
    if (l->edit_count == l->batch_count_max || l->batch_size >= BATCH_SIZE_MAX)
        return commit_batch(l);
    return CLI_OK;
}

static int load_line(struct load *l)
{
    tuf_slice line = buf_slice(&l->line);
    if (starts_with(line, "{\"_dump\":"))
        return load_header(l);
    if (starts_with(line, "{\"_meta\":"))
        return load_meta(l);
    if (starts_with(line, "{\"_purge\":"))
        return complain(l, cli_load_purge(&l->purges, l->db, line));
    if (l->purges.count > 0) { /* before the documents: a purged one may be back */
        tuf_status st = cli_load_purges_end(&l->purges, l->db);
        if (st != TUF_OK)
            return complain(l, st);
    }
    if (starts_with(line, "{\"_chunk\":"))
        return complain_text(l, "bytes that belong to no attachment");
    return load_document(l);
}

static int load_all(struct load *l)
{
    int result = CLI_OK;
    while (result == CLI_OK) {
        l->line_no++;
        if (!cli_read_line(&l->line, stdin))
            break;
        if (l->line.len > 0)
            result = load_line(l);
    }
    if (result == CLI_OK && l->line.failed)
        result = complain(l, TUF_E_NOMEM);
    if (result == CLI_OK && ferror(stdin))
        result = complain_text(l, "cannot read on");
    /* What was read before a bad line is kept: it is whole. */
    int committed = commit_batch(l);
    tuf_status st = result == CLI_OK ? cli_load_purges_end(&l->purges, l->db) : TUF_OK;
    if (st == TUF_OK)
        st = tuf_db_sync(l->db);
    if (st != TUF_OK)
        return complain(l, st);
    return result != CLI_OK ? result : committed;
}

static bool parse_options(struct load *l, int argc, char **argv)
{
    static const struct option long_options[] = {
        { "batch", required_argument, NULL, 'b' },
        { NULL, 0, NULL, 0 },
    };
    l->batch_count_max = BATCH_COUNT_DEFAULT;
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (option != 'b')
            return false;
        uint64_t count = cli_number(tuf_str(optarg));
        if (count < 1 || count > BATCH_COUNT_MAX)
            return false;
        l->batch_count_max = (size_t)count;
    }
    return argc - optind == 1;
}

int cli_load(int argc, char **argv)
{
    struct load l = { .line_no = 0 };
    if (!parse_options(&l, argc, argv))
        return cli_usage(argv[0]);
    const char *path = argv[optind];
    int result = CLI_OK;
    l.db = cli_open(&result, path, TUF_OPEN_CREATE);
    if (!l.db)
        return result;
    cli_progress_init(&l.progress, "loading");
    l.edits = tufi_alloc_array(l.batch_count_max, sizeof(tuf_edit *));
    result = l.edits ? load_all(&l) : cli_report(path, TUF_E_NOMEM);
    cli_progress_end(&l.progress);
    for (size_t i = 0; i < l.edit_count; i++)
        tuf_edit_free(&l.edits[i]);
    tufi_free(l.edits);
    tufi_buf_release(&l.line);
    cli_load_purges_release(&l.purges);
    result = cli_close(&l.db, path, result);
    if (result == CLI_OK)
        printf("%s: %" PRIu64 " revisions stored, %" PRIu64 " known before, %" PRIu64
               " local documents\n",
               path, l.stored, l.known, l.local_count);
    return result;
}
