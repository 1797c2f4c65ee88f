/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the bytes of a database file, to be looked into, damaged and extended by tests.
 */
#ifndef TESTS_UNIT_ENGINE_IMAGE_H
#define TESTS_UNIT_ENGINE_IMAGE_H

#include "fileformat/frame.h"
#include "fileformat/place.h"
#include "tests/unit/engine/world.h"

struct image {
    struct buf bytes; /* owned */
    struct superblock super;
};

/* Copies what is on the disk now. Release with tufi_buf_release(&image.bytes). */
void image_take(struct image *out, struct world *w);
/* Replaces the file of a closed database. */
void image_store(struct world *w, const struct image *image);
/* Writes the bytes into the file of an open database, behind its back. */
void image_overwrite(struct world *w, const struct image *image);
/* The nth frame of the log, from 0; false behind the last. */
bool image_frame(struct frame_header *out, const struct image *image, size_t nth);
/* The nth frame of a kind, which must be there. */
struct frame_header image_find_frame(const struct image *image, enum frame_kind kind, size_t nth);
/* The nth record of a type, which must be there. */
struct rec_loc image_find_record(const struct image *image, enum record_type type, size_t nth);
void image_flip(struct image *image, uint64_t off);
/* Adds a frame that continues the log; what is behind its end is cut off. Set kind, commit,
 * update_seq, record_count. */
void image_append(struct image *image, struct frame_header h, const struct buf *payload);
/* Where the payload of the next image_append begins. */
uint64_t image_next_payload(const struct image *image);
/* Appends a record to a payload that begins at image_next_payload. */
void image_put_record(struct buf *payload, const struct image *image, enum record_type type,
                      tuf_slice record);
/* The update_seq and commit after the newest frame. */
struct frame_header image_last(const struct image *image);

#endif
