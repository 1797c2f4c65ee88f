/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: implements tests/unit/engine/image.h with the codecs of fileformat/.
 */
#include "tests/unit/engine/image.h"

#include "base/crc32c.h"

void image_take(struct image *out, struct world *w)
{
    size_t len;
    const uint8_t *bytes = sim_peek(w->sim, WORLD_PATH, &len);
    ck_assert_ptr_nonnull(bytes);
    *out = (struct image){ .bytes = BUF_INIT };
    tufi_buf_append(&out->bytes, bytes, len);
    ck_assert(!out->bytes.failed);
    ck_ok(tufi_superblock_decode(&out->super, buf_slice(&out->bytes)));
}

void image_store(struct world *w, const struct image *image)
{
    sim_set_monitor(w->sim, SIM_MONITOR_OFF);
    const struct tuf_vfs *vfs = sim_vfs(w->sim);
    tuf_status st = vfs->unlink(vfs, WORLD_PATH);
    ck_assert(st == TUF_OK || st == TUF_NOT_FOUND);
    sim_store(w->sim, WORLD_PATH, image->bytes.data, image->bytes.len);
}

void image_overwrite(struct world *w, const struct image *image)
{
    sim_set_monitor(w->sim, SIM_MONITOR_OFF);
    const struct tuf_vfs *vfs = sim_vfs(w->sim);
    struct vfs_file *file = NULL;
    ck_ok(vfs->open(vfs, WORLD_PATH, 0, &file));
    ck_ok(tufi_vfs_write(file, image->bytes.data, image->bytes.len, 0));
    ck_ok(file->ops->sync(file));
    file->ops->close(file);
}

static bool frame_at(struct frame_header *out, const struct image *image, uint64_t off)
{
    if (off + FRAME_HEADER_SIZE > image->bytes.len)
        return false;
    return tufi_frame_decode(out, image->bytes.data + off, off, image->super.uuid) == TUF_OK;
}

bool image_frame(struct frame_header *out, const struct image *image, size_t nth)
{
    uint64_t off = SUPERBLOCK_SIZE;
    while (frame_at(out, image, off)) {
        if (nth-- == 0)
            return true;
        off += tufi_frame_span(out, image->super.sector_size);
    }
    return false;
}

struct frame_header image_find_frame(const struct image *image, enum frame_kind kind, size_t nth)
{
    struct frame_header h;
    for (size_t i = 0; image_frame(&h, image, i); i++)
        if (h.kind == kind && nth-- == 0)
            return h;
    ck_abort_msg("no such frame of kind %d", (int)kind);
}

struct frame_header image_last(const struct image *image)
{
    struct frame_header h, last = { .off = 0 };
    for (size_t i = 0; image_frame(&h, image, i); i++)
        last = h;
    return last;
}

struct rec_loc image_find_record(const struct image *image, enum record_type type, size_t nth)
{
    struct frame_header h;
    for (size_t i = 0; image_frame(&h, image, i); i++) {
        uint64_t off = h.off + FRAME_HEADER_SIZE;
        for (uint32_t r = 0; r < h.record_count; r++) {
            struct record_header rec;
            ck_ok(tufi_record_decode(&rec, image->bytes.data + off, off));
            if (rec.type == type && nth-- == 0)
                return (struct rec_loc){ off, rec.len };
            off += RECORD_HEADER_SIZE + rec.len;
        }
    }
    ck_abort_msg("no such record of type %d", (int)type);
}

void image_flip(struct image *image, uint64_t off)
{
    ck_assert_uint_lt(off, image->bytes.len);
    image->bytes.data[off] ^= 0x20;
}

static uint64_t end_of_log(const struct image *image)
{
    struct frame_header last = image_last(image);
    return last.off == 0 ? SUPERBLOCK_SIZE
                         : last.off + tufi_frame_span(&last, image->super.sector_size);
}

uint64_t image_next_payload(const struct image *image)
{
    return end_of_log(image) + FRAME_HEADER_SIZE;
}

void image_put_record(struct buf *payload, const struct image *image, enum record_type type,
                      tuf_slice record)
{
    uint8_t head[RECORD_HEADER_SIZE];
    tufi_record_encode(head, type, record, image_next_payload(image) + payload->len,
                       tufi_record_salt(image->super.uuid));
    tufi_buf_append(payload, head, sizeof(head));
    buf_append_slice(payload, record);
}

void image_append(struct image *image, struct frame_header h, const struct buf *payload)
{
    struct frame_header last = image_last(image);
    h.off = end_of_log(image);
    h.payload_len = payload->len;
    h.durable_off = h.durable_off ? h.durable_off : last.durable_off;
    h.checkpoint_off = last.kind == FRAME_CHECKPOINT ? last.off : last.checkpoint_off;
    h.prev_crc = last.header_crc;
    h.payload_crc = tufi_crc32c(0, payload->data, payload->len);
    uint8_t head[FRAME_HEADER_SIZE];
    tufi_frame_encode(head, &h, image->super.uuid);
    image->bytes.len = h.off;
    tufi_buf_append(&image->bytes, head, sizeof(head));
    buf_append_slice(&image->bytes, buf_slice(payload));
    uint64_t end = h.off + tufi_frame_span(&h, image->super.sector_size);
    tufi_buf_append_zero(&image->bytes, end - image->bytes.len);
    ck_assert(!image->bytes.failed);
}
