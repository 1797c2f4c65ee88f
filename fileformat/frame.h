/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: codecs of the outermost layer of a file: the superblock, the frame header, the record header
 * and the checkpoint. Pure: no I/O. Byte tables and validity conditions: FORMAT.md.
 *
 * A file is a superblock followed by frames, each starting on a sector boundary:
 *
 *   | superblock 4096 | frame | pad | frame | pad | ... | zeros written ahead |
 *   frame: | header 80 | payload |
 *   payload of a commit or chunk frame: | record header 12 | record | record header 12 | ...
 *
 * INV-FR-1: a frame header is valid only at its own offset of its own file (offset and file id enter
 *           the checksum), so a copy of a frame stored inside a document is never taken for one.
 * INV-FR-2: prev_crc chains each frame to the one before it.
 *
 * Not here: what is in a record (docrec.h), in a node (node.h); when frames are written
 * (engine/store.c).
 */
#ifndef FILEFORMAT_FRAME_H
#define FILEFORMAT_FRAME_H

#include <assert.h>

#include "base/bytes.h"

#define FORMAT_VERSION 1u
#define SUPERBLOCK_SIZE 4096u
#define SUPERBLOCK_USED 64u
#define FRAME_HEADER_SIZE 80u
#define RECORD_HEADER_SIZE 12u
/* Largest payload of one record; a document body is far smaller. */
#define RECORD_SIZE_MAX (1u << 30)
/* Largest payload of one frame. */
#define FRAME_PAYLOAD_MAX ((uint64_t)1 << 40)

struct superblock {
    uint32_t version;        /* FORMAT_VERSION */
    uint32_t incompat_flags; /* features a reader must know; an unknown one is E_VERSION */
    uint32_t compat_flags;   /* features a reader may ignore */
    uint32_t sector_size;    /* 512 or 4096 */
    uint32_t node_size;      /* target bytes of a tree node */
    uint8_t uuid[16];        /* random identity of the file */
    uint64_t created_us;     /* wall clock; of the database: compaction keeps it */
    uint64_t database_id;    /* random identity of the database, which compaction keeps; 0 in files
                                that were made before there was one: the file's serves */
};

void tufi_superblock_encode(uint8_t out[SUPERBLOCK_SIZE], const struct superblock *s);
/* Returns TUF_OK; E_CORRUPT; E_VERSION. */
tuf_status tufi_superblock_decode(struct superblock *out, tuf_slice bytes);

enum frame_kind {
    FRAME_COMMIT = 1,     /* records that become visible together */
    FRAME_NODES = 2,      /* tree nodes, referred to by a later checkpoint */
    FRAME_CHECKPOINT = 3, /* roots of all trees */
    FRAME_CHUNK = 4,      /* one record of attachment bytes, used once a commit refers to it */
};

struct frame_header {
    enum frame_kind kind;
    uint64_t off;            /* of this header in the file */
    uint64_t payload_len;    /* bytes after the header, padding excluded */
    uint64_t commit;         /* commit: its number; others: number of the newest commit before */
    uint64_t durable_off;    /* all bytes below were synced when this was written */
    uint64_t checkpoint_off; /* of the newest checkpoint frame before this one; 0: none */
    uint64_t time_us;        /* wall clock */
    uint64_t update_seq;     /* newest sequence after this frame */
    uint32_t record_count;   /* records in the payload (commit, chunk) */
    uint32_t prev_crc;       /* header_crc of the frame before; of the first frame: 0 */
    uint32_t payload_crc;    /* CRC-32C of the payload */
    uint32_t header_crc;     /* CRC-32C of the file id and the 76 bytes before */
};

/* Fills in header_crc of h too. */
void tufi_frame_encode(uint8_t out[FRAME_HEADER_SIZE], struct frame_header *h,
                       const uint8_t uuid[16]);

/*
 * Decodes and verifies a header that was read at `off`.
 * Returns: TUF_OK; TUF_NOT_FOUND if the bytes are no valid frame header of this file at this place
 *          (normal behind the end of the log; no failure detail is recorded).
 */
tuf_status tufi_frame_decode(struct frame_header *out, const uint8_t in[FRAME_HEADER_SIZE],
                             uint64_t off, const uint8_t uuid[16]);
/* The same with the checksum of the file id (tufi_record_salt) instead of the id. */
tuf_status tufi_frame_decode_salted(struct frame_header *out, const uint8_t in[FRAME_HEADER_SIZE],
                                    uint64_t off, uint32_t salt);
/* What the checksum of the file id must be if these bytes are an intact header read at `off`; false if
 * they do not look like one. For files without a superblock. */
bool tufi_frame_guess_salt(uint32_t *out, const uint8_t in[FRAME_HEADER_SIZE], uint64_t off);


/* Bytes from a frame's start to the next frame's. */
uint64_t tufi_frame_span(const struct frame_header *h, uint32_t sector_size);

enum record_type {
    RECORD_DOC = 1,   /* a revision of a document */
    RECORD_TREE = 2,  /* a whole revision tree */
    RECORD_LOCAL = 3, /* a local document or its removal */
    RECORD_META = 4,  /* a named value or its removal */
    RECORD_PURGE = 5, /* what a purge did to one document */
    RECORD_CHUNK = 6, /* attachment bytes, or the list of an attachment's chunks */
};

struct record_header {
    enum record_type type;
    uint32_t len; /* payload bytes */
    uint32_t crc;
};

/* Seed of all record checksums of a file. */
uint32_t tufi_record_salt(const uint8_t uuid[16]);
/* Writes the header of a record whose payload is given; `off` is the header's place in the file. */
void tufi_record_encode(uint8_t out[RECORD_HEADER_SIZE], enum record_type type, tuf_slice payload,
                        uint64_t off, uint32_t salt);
/* Reads type and length only. E_CORRUPT if they are impossible. */
tuf_status tufi_record_decode(struct record_header *out, const uint8_t in[RECORD_HEADER_SIZE],
                              uint64_t off);
/*
 * Takes the next record out of a commit's payload, of which `in` holds the rest; checksums are the
 * caller's to verify. E_CORRUPT if it does not fit.
 *   payload_out  borrowed
 *   off_out      the record's place in the file
 *   end_off      the place behind the payload
 */
tuf_status tufi_record_next(struct record_header *out, tuf_slice *payload_out, uint64_t *off_out,
                            struct reader *in, uint64_t end_off);
/* Verifies header and payload together. E_CORRUPT. */
tuf_status tufi_record_verify(const struct record_header *h, tuf_slice payload, uint64_t off,
                              uint32_t salt);

#define CHECKPOINT_TREES 4
/* In the place of a commit's number: a compaction was not through when it wrote this checkpoint. */
#define CHECKPOINT_UNFINISHED 0u
/* A tree's root as a checkpoint stores it. */
struct checkpoint_root {
    uint64_t off; /* 0: empty tree */
    uint32_t len;
    uint32_t crc;
    uint32_t height;
    uint64_t entry_count;
    uint64_t reduction[4];
};

struct checkpoint {
    uint64_t update_seq;
    uint64_t purge_seq;
    uint64_t commit;              /* number of the newest commit it contains, or
                                     CHECKPOINT_UNFINISHED */
    uint64_t prev_checkpoint_off; /* 0: none */
    struct checkpoint_root roots[CHECKPOINT_TREES];
    uint64_t trim_off;            /* a checkpoint: what this one's state and later ones do not reach
                                     of the bytes below it may be gone; 0: nothing is */
};

#define CHECKPOINT_ROOT_SIZE (8 + 4 + 4 + 4 + 8 + 4 * 8)
#define CHECKPOINT_SIZE (4 * 8 + CHECKPOINT_TREES * CHECKPOINT_ROOT_SIZE)
#define CHECKPOINT_SIZE_MAX (CHECKPOINT_SIZE + 8) /* with a trim_off */
static_assert(CHECKPOINT_SIZE_MAX + FRAME_HEADER_SIZE <= 512, "a checkpoint fits into one sector");

/* Returns how many bytes it has: CHECKPOINT_SIZE, or CHECKPOINT_SIZE_MAX if trim_off is not 0. */
size_t tufi_checkpoint_encode(uint8_t out[CHECKPOINT_SIZE_MAX], const struct checkpoint *c);
/* `off` is the frame's place, for messages and to bound the roots. E_CORRUPT. */
tuf_status tufi_checkpoint_decode(struct checkpoint *out, tuf_slice bytes, uint64_t off);

#endif
