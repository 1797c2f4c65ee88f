/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the text of a database's content (dump.h), by public calls only.
 */
#include "tests/crash/dump.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/crc32c.h"
#include "base/fail.h"

const char *const dump_meta_names[DUMP_META_COUNT] = { "security", "m1", "m2", "m3" };

static void put_rev(struct buf *out, tuf_rev rev)
{
    char text[TUF_REV_TEXT_SIZE];
    (void)tuf_rev_format(text, rev);
    tufi_buf_printf(out, " %s", text);
}

static tuf_status read_att(struct buf *out, const tuf_doc *doc, size_t pos)
{
    TUF_AUTO(tuf_att_reader_free) tuf_att_reader *reader = NULL;
    tuf_status st = tuf_att_open(&reader, doc, pos, TUF_ATT_STORED);
    uint32_t crc = 0;
    uint64_t total = 0;
    static uint8_t buf[64 * 1024];
    while (st == TUF_OK) {
        size_t len = 0;
        st = tuf_att_read(&len, reader, buf, sizeof(buf));
        if (st == TUF_OK) {
            crc = tufi_crc32c(crc, buf, len);
            total += len;
        }
    }
    tufi_buf_printf(out, " %" PRIu64 ":%08x", total, crc);
    return st == TUF_END ? TUF_OK : st;
}

static tuf_status dump_atts(struct buf *out, const tuf_doc *doc)
{
    for (size_t pos = 0; pos < tuf_doc_att_count(doc); pos++) {
        tuf_att_info info;
        tuf_status st = tuf_doc_att(&info, doc, pos);
        if (st != TUF_OK)
            return st;
        tufi_buf_printf(out, "   att ");
        buf_append_slice(out, info.name);
        tufi_buf_printf(out, " ");
        buf_append_slice(out, info.type);
        tufi_buf_printf(out, " %" PRIu64 " %" PRIu64 " %" PRIu64 " %d", info.revpos, info.length,
                        info.encoded_length, info.gzip);
        st = read_att(out, doc, pos);
        if (st != TUF_OK)
            return st;
        tufi_buf_printf(out, "\n");
    }
    return TUF_OK;
}

/* An older revision that is said to be there can be read. */
static tuf_status read_older(tuf_snapshot *snapshot, tuf_slice id, const tuf_rev_entry *revs,
                             size_t count)
{
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    tuf_status st = TUF_OK;
    for (size_t i = 1; st == TUF_OK && i < count; i++)
        if (revs[i].status == TUF_REV_AVAILABLE)
            st = tufi_fold(tuf_doc_open(&doc, snapshot, id, &revs[i].rev));
    return st;
}

static tuf_status dump_leaf(struct buf *out, tuf_doc **doc, tuf_snapshot *snapshot,
                            const tuf_docinfo *info, size_t leaf_pos)
{
    tuf_status st = tuf_doc_open_leaf(doc, snapshot, info, leaf_pos);
    if (st != TUF_OK)
        return st;
    tufi_buf_printf(out, "  %s", tuf_doc_deleted(*doc) ? "deleted" : "live");
    const tuf_rev_entry *revs = NULL;
    size_t count = 0;
    if (info->leaf_count > 0)
        st = tuf_doc_revisions(&revs, &count, *doc);
    if (st != TUF_OK)
        return st;
    for (size_t i = 0; i < count; i++)
        put_rev(out, revs[i].rev);
    tufi_buf_printf(out, " ");
    buf_append_slice(out, tuf_doc_body(*doc));
    tufi_buf_printf(out, "\n");
    st = read_older(snapshot, info->id, revs, count);
    if (st != TUF_OK)
        return st;
    return dump_atts(out, *doc);
}

static tuf_status dump_cursor(struct buf *out, tuf_cursor *cursor, tuf_snapshot *snapshot,
                              bool ids_only)
{
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    const tuf_docinfo *info;
    tuf_status st;
    while ((st = tuf_cursor_next(&info, cursor)) == TUF_OK) {
        tufi_buf_printf(out, " %" PRIu64 " %" PRIu64 " ", info->seq, info->local_rev);
        buf_append_slice(out, info->id);
        tufi_buf_printf(out, "\n");
        size_t leaf_count = info->leaf_count > 0 ? info->leaf_count : 1;
        for (size_t i = 0; i < leaf_count && !ids_only && st == TUF_OK; i++)
            st = dump_leaf(out, &doc, snapshot, info, i);
        if (st != TUF_OK)
            return st;
    }
    return st == TUF_END ? TUF_OK : st;
}

static tuf_status dump_docs(struct buf *out, tuf_snapshot *snapshot)
{
    TUF_AUTO(tuf_cursor_free) tuf_cursor *seqs = NULL;
    TUF_AUTO(tuf_cursor_free) tuf_cursor *ids = NULL;
    TUF_AUTO(tuf_cursor_free) tuf_cursor *locals = NULL;
    tuf_range all = { .with_deleted = true };
    tuf_status st = tuf_cursor_open_seqs(&seqs, snapshot, 0, false);
    if (st == TUF_OK)
        st = dump_cursor(out, seqs, snapshot, false);
    tufi_buf_printf(out, "ids\n");
    if (st == TUF_OK)
        st = tuf_cursor_open_ids(&ids, snapshot, &all);
    if (st == TUF_OK)
        st = dump_cursor(out, ids, snapshot, true);
    tufi_buf_printf(out, "locals\n");
    if (st == TUF_OK)
        st = tuf_cursor_open_locals(&locals, snapshot, &all);
    return st == TUF_OK ? dump_cursor(out, locals, snapshot, false) : st;
}

static tuf_status put_purge(const tuf_purge_info *info, void *ctx)
{
    struct buf *out = ctx;
    tufi_buf_printf(out, " purge %" PRIu64 " ", info->purge_seq);
    buf_append_slice(out, info->id);
    for (size_t i = 0; i < info->rev_count; i++)
        put_rev(out, info->revs[i]);
    tufi_buf_printf(out, "\n");
    return TUF_OK;
}

tuf_status dump_snapshot(struct buf *out, tuf_snapshot *snapshot)
{
    tuf_db_info info = { .struct_size = sizeof(info) };
    tuf_status st = tuf_snapshot_info(&info, snapshot);
    if (st != TUF_OK)
        return st;
    tufi_buf_printf(out,
                    "seq %" PRIu64 " purge %" PRIu64 " docs %" PRIu64 " deleted %" PRIu64
                    " locals %" PRIu64 " external %" PRIu64 " limits %u %u\n",
                    info.update_seq, info.purge_seq, info.doc_count, info.doc_del_count,
                    info.local_count, info.size_external, info.revs_limit, info.purged_infos_limit);
    st = dump_docs(out, snapshot);
    for (size_t i = 0; i < DUMP_META_COUNT && st == TUF_OK; i++) {
        tuf_slice value = { 0 };
        st = tuf_snapshot_get_meta(&value, snapshot, tuf_str(dump_meta_names[i]));
        if (st == TUF_OK) {
            tufi_buf_printf(out, " meta %s ", dump_meta_names[i]);
            buf_append_slice(out, value);
            tufi_buf_printf(out, "\n");
            tuf_free((void *)(uintptr_t)value.data);
        }
        st = st == TUF_NOT_FOUND ? TUF_OK : st;
    }
    return st == TUF_OK ? tuf_snapshot_purges(snapshot, 0, put_purge, out) : st;
}

tuf_status dump_db(struct buf *out, tuf_db *db)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    tuf_status st = tuf_db_snapshot(&snapshot, db);
    return st == TUF_OK ? dump_snapshot(out, snapshot) : st;
}

struct pin_dump {
    struct buf *out;
    tuf_db *db;
};

static tuf_status put_pin(const tuf_pin_info *info, void *ctx)
{
    const struct pin_dump *dump = ctx;
    TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
    tuf_db *pinned = NULL;
    tuf_status st = tuf_db_open_pin(&pinned, dump->db, info->name, NULL);
    if (st == TUF_OK)
        st = dump_db(&text, pinned);
    if (pinned && tuf_db_close(&pinned) != TUF_OK && st == TUF_OK)
        st = TUF_E_INTERNAL;
    if (st == TUF_OK)
        st = buf_status(&text);
    if (st != TUF_OK && st != TUF_E_CORRUPT)
        return st;
    tufi_buf_printf(dump->out, " pin ");
    buf_append_slice(dump->out, info->name);
    if (st == TUF_OK)
        tufi_buf_printf(dump->out, " %08x\n", tufi_crc32c(0, text.data, text.len));
    else
        tufi_buf_printf(dump->out, " gone\n");
    return TUF_OK;
}

tuf_status dump_pins(struct buf *out, tuf_db *db)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    struct pin_dump dump = { out, db };
    tuf_status st = tuf_db_snapshot(&snapshot, db);
    return st == TUF_OK ? tuf_snapshot_pins(snapshot, put_pin, &dump) : st;
}

uint64_t dump_committed_end(tuf_db *db)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    tuf_db_info info = { .struct_size = sizeof(info) };
    if (tuf_db_snapshot(&snapshot, db) != TUF_OK || tuf_snapshot_info(&info, snapshot) != TUF_OK)
        return 0;
    return info.size_file;
}
