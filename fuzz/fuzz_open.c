/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: fuzz a whole database file: open, recover, check, read everything, write, open again.
 *
 * The first byte says how the rest is treated: bit 0 repairs the checksums (so that the bytes behind
 * them are reached), bit 1 opens read-only. The file is then opened in memory. Whatever is in it,
 * there is either an error or a database that can be read, written and opened again with the same
 * documents.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"
#include "base/crc32c.h"
#include "fileformat/frame.h"
#include "tuffet/tuffet.h"
#include "vfs/vfs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define IMAGE_SIZE_MAX (256u * 1024)
#define PATH "/fuzz.tuf"

/* ---- repairing checksums ----------------------------------------------------------------------- */

static void repair_records(uint8_t *image, size_t start, size_t end, uint32_t salt)
{
    while (start + RECORD_HEADER_SIZE <= end) {
        uint32_t len = get_be32(image + start + 4);
        if (len > end - start - RECORD_HEADER_SIZE)
            return;
        if (image[start] >= RECORD_DOC && image[start] <= RECORD_CHUNK)
            tufi_record_encode(image + start, (enum record_type)image[start],
                               tuf_slice_of(image + start + RECORD_HEADER_SIZE, len), start, salt);
        start += RECORD_HEADER_SIZE + len;
    }
}

/* A checkpoint's roots get the checksum of whatever they point at. */
static void repair_roots(uint8_t *image, size_t size, uint8_t *payload)
{
    for (size_t tree = 0; tree < CHECKPOINT_TREES; tree++) {
        uint8_t *root = payload + 32 + tree * CHECKPOINT_ROOT_SIZE;
        uint64_t off = get_be64(root);
        uint32_t len = get_be32(root + 8);
        if (off < size && len <= size - off)
            put_be32(root + 12, tufi_crc32c(0, image + off, len));
    }
}

static size_t repair_frame(uint8_t *image, size_t size, size_t off, const uint8_t uuid[16],
                           uint32_t *chain)
{
    uint8_t *head = image + off;
    size_t room = size - off - FRAME_HEADER_SIZE;
    struct frame_header h = {
        .kind = (enum frame_kind)(head[4] % 4 + 1),
        .off = off,
        .payload_len = min_u64(get_be64(head + 16), room),
        .commit = get_be64(head + 24),
        .durable_off = min_u64(get_be64(head + 32), off),
        .checkpoint_off = min_u64(get_be64(head + 40), off - 1),
        .time_us = get_be64(head + 48),
        .update_seq = get_be64(head + 56),
        .record_count = get_be32(head + 64),
        .prev_crc = *chain,
    };
    size_t start = off + FRAME_HEADER_SIZE;
    if (h.kind == FRAME_COMMIT || h.kind == FRAME_CHUNK)
        repair_records(image, start, start + (size_t)h.payload_len, tufi_record_salt(uuid));
    if (h.kind == FRAME_CHECKPOINT && h.payload_len >= CHECKPOINT_SIZE)
        repair_roots(image, size, image + start);
    h.payload_crc = tufi_crc32c(0, image + start, (size_t)h.payload_len);
    tufi_frame_encode(head, &h, uuid);
    *chain = h.header_crc;
    return (size_t)align_up(FRAME_HEADER_SIZE + h.payload_len, 512);
}

static void repair(uint8_t *image, size_t size)
{
    if (size < SUPERBLOCK_SIZE)
        return;
    put_be32(image + 60, tufi_crc32c(0, image, 60));
    uint8_t uuid[16];
    memcpy(uuid, image + 28, sizeof(uuid));
    uint32_t chain = 0;
    size_t off = SUPERBLOCK_SIZE;
    while (off + FRAME_HEADER_SIZE <= size)
        off += repair_frame(image, size, off, uuid, &chain);
}

/* ---- using what opened -------------------------------------------------------------------------- */

static void read_document(tuf_doc **doc, tuf_snapshot *snapshot, const tuf_docinfo *info)
{
    for (size_t i = 0; i < info->leaf_count; i++) {
        const tuf_rev_entry *history;
        size_t count;
        if (tuf_doc_open_leaf(doc, snapshot, info, i) != TUF_OK)
            continue;
        if (tuf_doc_revisions(&history, &count, *doc) != TUF_OK)
            continue;
        for (size_t k = 0; k < tuf_doc_att_count(*doc) && k < 8; k++) {
            TUF_AUTO(tuf_att_reader_free) tuf_att_reader *reader = NULL;
            uint8_t bytes[512];
            size_t len, total = 0;
            if (tuf_att_open(&reader, *doc, k, k % 2 ? TUF_ATT_DECODED : TUF_ATT_STORED) == TUF_OK)
                while (total < (1u << 20) &&
                       tuf_att_read(&len, reader, bytes, sizeof(bytes)) == TUF_OK)
                    total += len;
        }
    }
}

static void read_everything(tuf_db *db)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    TUF_AUTO(tuf_cursor_free) tuf_cursor *cursor = NULL;
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    tuf_check_report report;
    const tuf_docinfo *info;
    if (tuf_db_snapshot(&snapshot, db) != TUF_OK)
        return;
    if (tuf_check(&report, snapshot, NULL) != TUF_OK)
        return;
    if (tuf_cursor_open_ids(&cursor, snapshot, NULL) != TUF_OK)
        return;
    while (tuf_cursor_next(&info, cursor) == TUF_OK)
        read_document(&doc, snapshot, info);
}

static bool write_one(tuf_db *db)
{
    TUF_AUTO(tuf_edit_free) tuf_edit *edit = NULL;
    tuf_edit_result result;
    if (tuf_edit_parse(&edit, tuf_str("{\"_id\":\"\xc3\xa9 new\",\"a\":1}"), NULL) != TUF_OK ||
        tuf_db_commit(db, &edit, 1, 0) != TUF_OK)
        return false;
    tuf_edit_get_result(&result, edit);
    return result.status == TUF_OK && result.stored;
}

static void expect_one(tuf_db *db)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    tuf_assert(tuf_db_snapshot(&snapshot, db) == TUF_OK);
    tuf_assert(tuf_doc_open(&doc, snapshot, tuf_str("\xc3\xa9 new"), NULL) == TUF_OK);
}

static void use(const struct tuf_vfs *vfs, bool readonly)
{
    tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
    opts.vfs = vfs;
    opts.flags = readonly ? TUF_OPEN_RDONLY : 0;
    opts.cache_size = 256 * 1024;
    tuf_db *db = NULL;
    if (tuf_db_open(&db, PATH, &opts) != TUF_OK)
        return;
    read_everything(db);
    bool written = !readonly && write_one(db);
    tuf_status closed = tuf_db_close(&db);
    if (!written || closed != TUF_OK)
        return;
    /* What was acknowledged is there after opening again. */
    tuf_assert(tuf_db_open(&db, PATH, &opts) == TUF_OK);
    expect_one(db);
    (void)tuf_db_close(&db);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > IMAGE_SIZE_MAX)
        return 0;
    uint8_t how = data[0];
    uint8_t *image = tufi_memdup(data + 1, size - 1);
    struct tuf_vfs *vfs = NULL;
    struct vfs_file *file = NULL;
    if (image && how & 1)
        repair(image, size - 1);
    if (image && tufi_vfs_memory_new(&vfs) == TUF_OK &&
        vfs->open(vfs, PATH, VFS_CREATE, &file) == TUF_OK) {
        tuf_status st = tufi_vfs_write(file, image, size - 1, 0);
        file->ops->close(file);
        if (st == TUF_OK)
            use(vfs, how & 2);
    }
    tufi_vfs_memory_free(&vfs);
    tufi_free(image);
    return 0;
}
