/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: fuzz salvage: whatever the bytes are, there is either an error or a new database that is sound.
 *
 * The first byte says whether the superblock is given (bit 0: it is made for the id of the corpus
 * files) and whether the checksums of records are made right (bit 1), so that mutations of their
 * contents are reached.
 */
#include <stdint.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "fileformat/frame.h"
#include "tuffet/tuffet.h"
#include "vfs/vfs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define IMAGE_SIZE_MAX (256u * 1024)
#define PATH "/damaged.tuf"
#define NEW_PATH "/new.tuf"

static void put_superblock(uint8_t *image)
{
    struct superblock super = {
        .version = FORMAT_VERSION, .sector_size = 512, .node_size = 8192, .uuid = "0123456789abcde"
    };
    tufi_superblock_encode(image, &super);
}

/* Records one behind the other from the first sector on, whose lengths fit. */
static void repair_records(uint8_t *image, size_t size)
{
    uint8_t uuid[16];
    memcpy(uuid, image + 28, sizeof(uuid));
    size_t off = SUPERBLOCK_SIZE;
    while (off + RECORD_HEADER_SIZE <= size) {
        uint32_t len = get_be32(image + off + 4);
        if (len > size - off - RECORD_HEADER_SIZE)
            return;
        enum record_type type = (enum record_type)(image[off] % 6 + 1);
        tufi_record_encode(image + off, type, tuf_slice_of(image + off + RECORD_HEADER_SIZE, len),
                           off, tufi_record_salt(uuid));
        off += RECORD_HEADER_SIZE + len;
    }
}

static void salvage(const struct tuf_vfs *vfs)
{
    tuf_salvage_options opts = TUF_SALVAGE_OPTIONS_INIT;
    opts.vfs = vfs;
    if (tuf_salvage(NULL, PATH, NEW_PATH, &opts) != TUF_OK)
        return;
    tuf_open_options how = TUF_OPEN_OPTIONS_INIT;
    how.vfs = vfs;
    tuf_db *db = NULL;
    tuf_snapshot *snapshot = NULL;
    tuf_check_report report;
    tuf_assert(tuf_db_open(&db, NEW_PATH, &how) == TUF_OK);
    tuf_assert(tuf_db_snapshot(&snapshot, db) == TUF_OK);
    tuf_assert(tuf_check(&report, snapshot, NULL) == TUF_OK);
    tuf_assert(report.finding_count == 0);
    tuf_snapshot_free(&snapshot);
    tuf_assert(tuf_db_close(&db) == TUF_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > IMAGE_SIZE_MAX)
        return 0;
    size_t before = data[0] & 1 ? SUPERBLOCK_SIZE : 0, len = before + size - 1;
    uint8_t *image = tufi_alloc_zero(len + 1);
    struct tuf_vfs *vfs = NULL;
    struct vfs_file *file = NULL;
    if (image) {
        memcpy(image + before, data + 1, size - 1);
        if (before > 0)
            put_superblock(image);
        if (data[0] & 2 && len > SUPERBLOCK_SIZE)
            repair_records(image, len);
    }
    if (image && tufi_vfs_memory_new(&vfs) == TUF_OK &&
        vfs->open(vfs, PATH, VFS_CREATE, &file) == TUF_OK) {
        tuf_status st = tufi_vfs_write(file, image, len, 0);
        file->ops->close(file);
        if (st == TUF_OK)
            salvage(vfs);
    }
    tufi_vfs_memory_free(&vfs);
    tufi_free(image);
    return 0;
}
