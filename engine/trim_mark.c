/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: find every byte below a checkpoint that its state, or a later one, may read.
 *
 * The checkpoint's trees lead to nodes, leaf records, the records of histories, attachments, local
 * documents and what was quarantined. Bytes of an attachment may be older than the commit that took
 * them in: so the commits behind the checkpoint are read, too.
 *
 * INV-TR-2: what is alive in a state and lies before a checkpoint was alive at that checkpoint, or is an
 *           attachment that a commit after it names. Nothing that is dead comes to life again.
 */
#include <stdio.h>

#include "base/arith.h"
#include "base/crc32c.h"
#include "base/testhook.h"
#include "engine/trim.h"
#include "fileformat/attindex.h"

#define STEPS_TOLD 1024

static void mark(struct trim *t, uint64_t off, uint64_t len)
{
    uint64_t end = min_u64(off + len, t->base_off);
    for (uint64_t block = off / TRIM_BLOCK_SIZE; block * TRIM_BLOCK_SIZE < end; block++)
        t->live[block / 8] |= (uint8_t)(1u << block % 8);
}

static void mark_record(struct trim *t, struct rec_loc loc)
{
    if (loc.off > 0) /* else it was lost to damage */
        mark(t, loc.off, (uint64_t)loc.len + RECORD_HEADER_SIZE);
}

/* ---- documents ---------------------------------------------------------------------------------- */

static tuf_status mark_chunks(struct trim *t, const struct att_data *data)
{
    TUF_AUTO(tufi_attindex_release) struct att_index index = ATT_INDEX_INIT;
    if (data->chunk_count == 0 || att_is_lost(data))
        return TUF_OK;
    mark_record(t, data->loc);
    if (data->chunk_count == 1)
        return TUF_OK;
    tuf_status st = tufi_att_read_index(&index, data->loc, t->store);
    for (size_t i = 0; st == TUF_OK && i < index.count; i++)
        mark_record(t, tufi_attindex_chunk(&index, i));
    return st;
}

static tuf_status mark_atts(struct trim *t, const struct docrec_view *view)
{
    tuf_status st = TUF_OK;
    for (size_t i = 0; st == TUF_OK && i < view->rec.att_count; i++)
        st = mark_chunks(t, &view->atts[i].data);
    return st;
}

static tuf_status mark_leaf(struct trim *t, const struct leafinfo *leaf)
{
    mark_record(t, leaf->rec);
    if (!leaf->has_atts || leaf->rec.off == 0)
        return TUF_OK;
    tuf_status st = tufi_log_read_record(&t->store->log, leaf->rec, RECORD_DOC, &t->record);
    if (st == TUF_OK)
        st = tufi_docrec_decode(&t->view, buf_slice(&t->record), leaf->rec.off);
    return st == TUF_OK ? mark_atts(t, &t->view) : st;
}

/* The records that the revision tree is built from (history.c). */
static tuf_status mark_history(struct trim *t, const struct docinfo *info)
{
    struct rec_loc loc = info->tree;
    if (tufi_planted("trim_forgets_history"))
        return TUF_OK;
    mark_record(t, loc);
    if (info->chain_len <= 1)
        return TUF_OK;
    while (loc.off > 0) {
        enum record_type type;
        tuf_status st = tufi_log_read_any(&t->store->log, loc, &type, &t->record, NULL);
        if (st == TUF_OK && type == RECORD_DOC)
            st = tufi_docrec_decode(&t->view, buf_slice(&t->record), loc.off);
        if (st != TUF_OK || type != RECORD_DOC)
            return st;
        loc = t->view.rec.prev;
        mark_record(t, loc);
    }
    return TUF_OK;
}

static tuf_status step(struct trim *t)
{
    t->steps_done++;
    if (t->opts->progress && t->steps_done % STEPS_TOLD == 0 &&
        t->opts->progress(t->steps_done, t->steps_total, t->opts->ctx))
        return TUF_STOPPED;
    return TUF_OK;
}

static tuf_status mark_doc(void *ctx, tuf_slice id, tuf_slice value)
{
    struct trim *t = ctx;
    TUF_AUTO(tufi_docinfo_release) struct docinfo info;
    (void)id;
    tufi_docinfo_init(&info);
    tuf_status st = tufi_docinfo_decode(&info, value);
    for (size_t i = 0; st == TUF_OK && i < info.leaf_count; i++)
        st = mark_leaf(t, &info.leaves[i]);
    if (st == TUF_OK)
        st = mark_history(t, &info);
    return st == TUF_OK ? step(t) : st;
}

static tuf_status mark_local(void *ctx, tuf_slice key, tuf_slice value)
{
    struct trim *t = ctx;
    struct localinfo local;
    struct quarantined q;
    uint8_t class = key.len > 0 ? key.data[0] : 0;
    tuf_status st = TUF_OK;
    if (class == LOCAL_KEY_DOC)
        st = tufi_localinfo_decode(&local, value);
    else if (class == LOCAL_KEY_QUARANTINE)
        st = tufi_quarantined_decode(&q, value);
    if (st == TUF_OK && class == LOCAL_KEY_DOC)
        mark_record(t, local.rec);
    else if (st == TUF_OK && class == LOCAL_KEY_QUARANTINE)
        mark_record(t, q.raw);
    return st;
}

/* ---- trees -------------------------------------------------------------------------------------- */

static void mark_node(void *ctx, uint64_t off, uint32_t len)
{
    mark(ctx, off, len);
}

/* In a damaged file nothing is given back. */
static void note_damage(void *ctx, const struct btree_finding *finding)
{
    struct trim *t = ctx;
    if (t->failed != TUF_OK)
        return;
    char text[200]; /* may be the last error's */
    (void)snprintf(text, sizeof(text), "%s", finding->text);
    t->failed = finding->status == TUF_E_CORRUPT ? tufi_corrupt(finding->off, "%s", text)
                                                 : tufi_fail(finding->status, "%s", text);
}

static tuf_status mark_trees(struct trim *t)
{
    tuf_status (*const entries[])(void *, tuf_slice, tuf_slice) = { mark_doc, NULL, mark_local, NULL };
    for (unsigned kind = 0; kind < TREE_KINDS; kind++) {
        struct btree_check_sink sink = {
            .found = note_damage, .entry = entries[kind], .node = mark_node, .ctx = t
        };
        tuf_status st = tufi_btree_check(t->state->store->env,
                                         snapshot_tree(t->state, (enum tree_kind)kind), &sink);
        if (st != TUF_OK || t->failed != TUF_OK)
            return st != TUF_OK ? st : t->failed;
    }
    return TUF_OK;
}

/* ---- commits behind the base -------------------------------------------------------------------- */

static tuf_status mark_record_atts(struct trim *t, struct reader *in, uint64_t end_off)
{
    struct record_header h;
    tuf_slice payload;
    uint64_t off;
    tuf_status st = tufi_record_next(&h, &payload, &off, in, end_off);
    if (st < 0 || h.type != RECORD_DOC)
        return st;
    st = tufi_docrec_decode(&t->view, payload, off);
    return st == TUF_OK ? mark_atts(t, &t->view) : st;
}

/* Verified, because damaged bytes may name other attachments than the ones that live. */
static tuf_status mark_commit(struct trim *t, const struct frame_header *h, struct buf *payload)
{
    uint64_t off = h->off + FRAME_HEADER_SIZE;
    tufi_buf_clear(payload);
    if (!tufi_buf_reserve(payload, (size_t)h->payload_len))
        return tufi_nomem();
    payload->len = (size_t)h->payload_len;
    tuf_status st = tufi_vfs_read_exact(t->store->log.file, payload->data, payload->len, off);
    if (st == TUF_OK && tufi_crc32c(0, payload->data, payload->len) != h->payload_crc)
        st = tufi_corrupt(off, "a commit's checksum does not match");
    struct reader in = reader_of(buf_slice(payload));
    for (uint32_t i = 0; st == TUF_OK && i < h->record_count; i++)
        st = mark_record_atts(t, &in, off + payload->len);
    return st;
}

/* INV-TR-2. */
static tuf_status mark_later(struct trim *t)
{
    TUF_AUTO(tufi_buf_release) struct buf payload = BUF_INIT;
    const struct log *log = &t->store->log;
    for (uint64_t off = t->base_off; off < t->tail_off;) {
        struct frame_header h;
        tuf_status st = tufi_log_read_header(&h, log, off);
        if (st == TUF_NOT_FOUND)
            st = tufi_corrupt(off, "no valid frame where one must begin");
        if (st == TUF_OK && h.kind == FRAME_COMMIT)
            st = mark_commit(t, &h, &payload);
        if (st == TUF_OK)
            st = step(t);
        if (st != TUF_OK)
            return st;
        off += tufi_frame_span(&h, log->super.sector_size);
    }
    return TUF_OK;
}

tuf_status tufi_trim_mark(struct trim *t)
{
    mark(t, 0, SUPERBLOCK_SIZE);
    tuf_status st = mark_trees(t);
    return st == TUF_OK ? mark_later(t) : st;
}
