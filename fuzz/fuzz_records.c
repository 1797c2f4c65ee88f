/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: fuzz the decoders of records, index values, frame headers and checkpoints. The first byte
 * chooses the decoder. What a decoder accepts is encoded again and must decode to the same.
 */
#include <stdint.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "fileformat/backupmark.h"
#include "fileformat/docinfo.h"
#include "fileformat/docrec.h"
#include "fileformat/frame.h"
#include "fileformat/pin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Records may point anywhere before this offset. */
#define RECORD_OFF ((uint64_t)1 << 62)

static void expect_same(const struct buf *first, const struct buf *second)
{
    tuf_assert(!first->failed && !second->failed);
    tuf_assert(slice_equal(buf_slice(first), buf_slice(second)));
}

static void try_docrec(tuf_slice in)
{
    TUF_AUTO(tufi_docrec_view_release) struct docrec_view view = DOCREC_VIEW_INIT;
    TUF_AUTO(tufi_docrec_view_release) struct docrec_view again = DOCREC_VIEW_INIT;
    TUF_AUTO(tufi_buf_release) struct buf first = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf second = BUF_INIT;
    if (tufi_docrec_decode(&view, in, RECORD_OFF) != TUF_OK)
        return;
    tufi_docrec_encode(&first, &view.rec);
    tuf_assert(tufi_docrec_decode(&again, buf_slice(&first), RECORD_OFF) == TUF_OK);
    tufi_docrec_encode(&second, &again.rec);
    expect_same(&first, &second);
}

static void try_small_records(tuf_slice in)
{
    struct localrec local;
    struct metarec meta;
    struct purgerec purge;
    tuf_slice id, tree;
    if (tufi_localrec_decode(&local, in, RECORD_OFF) == TUF_OK)
        tuf_assert(local.id.len > 0 && local.body.len <= in.len);
    if (tufi_metarec_decode(&meta, in, RECORD_OFF) == TUF_OK)
        tuf_assert(meta.key.len > 1 && meta.value.len < in.len);
    if (tufi_purgerec_decode(&purge, in, RECORD_OFF) == TUF_OK)
        tuf_assert((purge.seq == 0) == (purge.docinfo.len == 0 && !purge.stays));
    if (tufi_treerec_decode(&id, &tree, in, RECORD_OFF) == TUF_OK)
        tuf_assert(id.len + tree.len < in.len);
}

static void try_docinfo(tuf_slice in)
{
    TUF_AUTO(tufi_docinfo_release) struct docinfo info;
    TUF_AUTO(tufi_docinfo_release) struct docinfo again;
    TUF_AUTO(tufi_buf_release) struct buf first = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf second = BUF_INIT;
    tufi_docinfo_init(&info);
    tufi_docinfo_init(&again);
    struct reduction sum;
    tufi_reduce_by_id(&sum, tuf_str("id"), in);
    if (tufi_docinfo_decode(&info, in) != TUF_OK) {
        tuf_assert(sum.v[COUNT_LIVE] == 0 && sum.v[COUNT_DELETED] == 0);
        return;
    }
    tuf_assert(sum.v[COUNT_LIVE] + sum.v[COUNT_DELETED] == 1);
    tufi_docinfo_encode(&first, &info);
    tuf_assert(tufi_docinfo_decode(&again, buf_slice(&first)) == TUF_OK);
    tufi_docinfo_encode(&second, &again);
    expect_same(&first, &second);
}

static void try_lists(tuf_slice in)
{
    TUF_AUTOFREE tuf_rev *revs = NULL;
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    size_t count;
    struct localinfo local;
    tuf_slice id, value;
    struct heirinfo note, again;
    struct pin pin;
    if (tufi_pin_decode(&pin, in) == TUF_OK) {
        uint8_t pin_bytes[PIN_SIZE];
        tufi_pin_encode(pin_bytes, &pin);
        tuf_assert(memcmp(pin_bytes, in.data, PIN_SIZE) == 0);
    }
    (void)!tufi_localinfo_decode(&local, in);
    if (tufi_heirinfo_decode(&note, in) == TUF_OK) {
        TUF_AUTO(tufi_buf_release) struct buf bytes = BUF_INIT;
        tufi_heirinfo_encode(&bytes, &note);
        tuf_assert(tufi_heirinfo_decode(&again, buf_slice(&bytes)) == TUF_OK);
        tuf_assert(again.mark_crc == note.mark_crc && again.copied_seq == note.copied_seq);
    }
    struct quarantined quarantined;
    (void)!tufi_seqinfo_split(&id, &value, in);
    if (tufi_quarantined_decode(&quarantined, in) == TUF_OK)
        tuf_assert(quarantined.id.len + quarantined.text.len < in.len);
    if (tufi_revlist_decode(&revs, &count, in, 0) != TUF_OK)
        return;
    tufi_revlist_encode(&out, revs, count);
    tuf_assert(!out.failed && out.len <= in.len);
}

static void try_frames(tuf_slice in)
{
    static const uint8_t uuid[16] = "0123456789abcdef";
    struct superblock super;
    struct checkpoint checkpoint;
    (void)!tufi_superblock_decode(&super, in);
    if (tufi_checkpoint_decode(&checkpoint, in, RECORD_OFF) == TUF_OK) {
        uint8_t out[CHECKPOINT_SIZE_MAX];
        tuf_assert(tufi_checkpoint_encode(out, &checkpoint) == in.len);
        tuf_assert(memcmp(out, in.data, in.len) == 0);
    }
    if (in.len < FRAME_HEADER_SIZE)
        return;
    struct backup_mark mark;
    if (in.len >= BACKUP_MARK_SIZE && tufi_backup_mark_decode(&mark, in.data, uuid) == TUF_OK)
        tuf_assert(mark.last_off < mark.end);
    struct frame_header h;
    struct record_header r;
    if (tufi_frame_decode(&h, in.data, get_be64(in.data + 8), uuid) == TUF_OK)
        tuf_assert(h.durable_off <= h.off && h.checkpoint_off < h.off);
    if (tufi_record_decode(&r, in.data, 0) == TUF_OK)
        tuf_assert(r.len <= RECORD_SIZE_MAX);
    struct reader rest = reader_of(in);
    tuf_slice payload;
    uint64_t off, before = RECORD_OFF;
    for (; tufi_record_next(&r, &payload, &off, &rest, RECORD_OFF + in.len) == TUF_OK;
         before = off + RECORD_HEADER_SIZE + payload.len)
        tuf_assert(off == before && payload.len == r.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const decoders[])(tuf_slice) = { try_docrec, try_small_records, try_docinfo,
                                                   try_lists, try_frames };
    if (size < 1)
        return 0;
    decoders[data[0] % 5](tuf_slice_of(data + 1, size - 1));
    return 0;
}
