/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the purge log of a dump: lines {"_purge":{"seq":N,"docs":{"id":["1-a",..]}}}, collected so
 * that many are written with one sync. Entries that the database has by their number are left out.
 */
#include "base/slice.h"
#include "cli/cli.h"
#include "json/docscan.h"

#define BATCH_COUNT 500

struct purge_row {
    struct buf id;
    struct buf revs; /* tuf_revbuf, one behind the other */
    bool taken;      /* the line had a document */
};

static tuf_status visit_rev(tuf_slice key, tuf_slice value, void *ctx)
{
    (void)key;
    struct buf *revs = ctx;
    tuf_revbuf rev;
    tuf_status st = tuf_rev_parse(&rev, cli_plain_string(value));
    tufi_buf_append(revs, &rev, sizeof rev);
    return st;
}

static tuf_status visit_doc(tuf_slice key, tuf_slice value, void *ctx)
{
    struct purge_row *row = ctx;
    row->taken = true;
    tufi_buf_clear(&row->id);
    tufi_buf_clear(&row->revs);
    buf_append_slice(&row->id, key);
    return tufi_json_each(value, visit_rev, &row->revs);
}

struct purge_line {
    uint64_t seq;
    struct purge_row *row;
};

static tuf_status visit_line(tuf_slice key, tuf_slice value, void *ctx)
{
    struct purge_line *line = ctx;
    if (slice_is(key, "_purge"))
        return tufi_json_each(value, visit_line, ctx);
    if (slice_is(key, "seq"))
        line->seq = cli_number(value);
    if (slice_is(key, "docs"))
        return tufi_json_each(value, visit_doc, line->row);
    return TUF_OK;
}

static tuf_status newest_purge(uint64_t *out, tuf_db *db)
{
    tuf_snapshot *snapshot = NULL;
    tuf_status st = tuf_db_snapshot(&snapshot, db);
    if (st != TUF_OK)
        return st;
    tuf_db_info info = { .struct_size = sizeof info };
    st = tuf_snapshot_info(&info, snapshot);
    tuf_snapshot_free(&snapshot);
    *out = info.purge_seq;
    return st;
}

static void release_row(struct purge_row *row)
{
    tufi_buf_release(&row->id);
    tufi_buf_release(&row->revs);
}

tuf_status cli_load_purge(struct purge_load *load, tuf_db *db, tuf_slice line)
{
    uint64_t newest = 0;
    tuf_status st = newest_purge(&newest, db);
    if (st == TUF_OK && !load->rows)
        load->rows = tufi_alloc_array(BATCH_COUNT, sizeof *load->rows);
    if (st != TUF_OK || !load->rows)
        return st != TUF_OK ? st : tufi_nomem();
    struct purge_row row = { .taken = false };
    struct purge_line read = { 0, &row };
    st = tufi_json_each(line, visit_line, &read);
    if (st == TUF_OK && (row.id.failed || row.revs.failed))
        st = tufi_nomem();
    if (st == TUF_OK && (!row.taken || read.seq == 0))
        st = tufi_fail(TUF_E_INVALID, "this is no entry of a purge log");
    if (st != TUF_OK || read.seq <= newest) {
        release_row(&row);
        return st;
    }
    if (load->count == 0)
        load->first_seq = read.seq;
    load->rows[load->count++] = row;
    return load->count == BATCH_COUNT ? cli_load_purges_end(load, db) : TUF_OK;
}

/* One request for all rows; `revs` and `flags` have room for all their revisions. */
static tuf_status write_rows(const struct purge_load *load, tuf_db *db, tuf_rev *revs, bool *flags)
{
    TUF_AUTOFREE tuf_purge_item *items = tufi_alloc_array(load->count, sizeof *items);
    if (!items)
        return tufi_nomem();
    for (size_t i = 0; i < load->count; i++) {
        const struct purge_row *row = &load->rows[i];
        items[i] = (tuf_purge_item){ .id = buf_slice(&row->id), .revs = revs, .purged_out = flags };
        for (size_t at = 0; at < row->revs.len; at += sizeof(tuf_revbuf)) {
            tuf_revbuf rev;
            memcpy(&rev, row->revs.data + at, sizeof rev);
            *revs = rev.rev;
            revs->id.data = row->revs.data + at + offsetof(tuf_revbuf, bytes);
            revs++;
            flags++;
            items[i].rev_count++;
        }
    }
    return tuf_db_restore_purges(db, load->first_seq, items, load->count);
}

tuf_status cli_load_purges_end(struct purge_load *load, tuf_db *db)
{
    size_t rev_count = 0;
    for (size_t i = 0; i < load->count; i++)
        rev_count += load->rows[i].revs.len / sizeof(tuf_revbuf);
    if (load->count == 0)
        return TUF_OK;
    TUF_AUTOFREE tuf_rev *revs = tufi_alloc_array(rev_count + 1, sizeof *revs);
    TUF_AUTOFREE bool *flags = tufi_alloc_array(rev_count + 1, sizeof *flags);
    tuf_status st = revs && flags ? write_rows(load, db, revs, flags) : tufi_nomem();
    for (size_t i = 0; i < load->count; i++)
        release_row(&load->rows[i]);
    load->count = 0;
    return st;
}

void cli_load_purges_release(struct purge_load *load)
{
    for (size_t i = 0; i < load->count; i++)
        release_row(&load->rows[i]);
    tufi_free(load->rows);
    load->rows = NULL;
    load->count = 0;
}
