/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: encode and decode superblock, frame header, record header and checkpoint (frame.h).
 */
#include "fileformat/frame.h"

#include "base/arith.h"
#include "base/assert.h"
#include "base/crc32c.h"
#include "base/testhook.h"

static const uint8_t superblock_magic[8] = { 'T', 'u', 'f', 'f', 'e', 't', 0x0d, 0x0a };
#define FRAME_MAGIC 0x54754672u /* "TuFr" */

void tufi_superblock_encode(uint8_t out[SUPERBLOCK_SIZE], const struct superblock *s)
{
    memset(out, 0, SUPERBLOCK_SIZE);
    memcpy(out, superblock_magic, sizeof(superblock_magic));
    put_be32(out + 8, s->version);
    put_be32(out + 12, s->incompat_flags);
    put_be32(out + 16, s->compat_flags);
    put_be32(out + 20, s->sector_size);
    put_be32(out + 24, s->node_size);
    memcpy(out + 28, s->uuid, 16);
    put_be64(out + 44, s->created_us);
    put_be64(out + 52, s->database_id);
    put_be32(out + 60, tufi_crc32c(0, out, 60));
}

tuf_status tufi_superblock_decode(struct superblock *out, tuf_slice bytes)
{
    if (bytes.len < SUPERBLOCK_USED)
        return tufi_corrupt(0, "file is too short for a database: %zu bytes", bytes.len);
    const uint8_t *in = bytes.data;
    if (memcmp(in, superblock_magic, sizeof(superblock_magic)) != 0)
        return tufi_corrupt(0, "not a Tuffet database: wrong first bytes");
    if (get_be32(in + 60) != tufi_crc32c(0, in, 60))
        return tufi_corrupt(0, "superblock checksum does not match");
    struct superblock s = {
        .version = get_be32(in + 8),
        .incompat_flags = get_be32(in + 12),
        .compat_flags = get_be32(in + 16),
        .sector_size = get_be32(in + 20),
        .node_size = get_be32(in + 24),
        .created_us = get_be64(in + 44),
        .database_id = get_be64(in + 52),
    };
    memcpy(s.uuid, in + 28, 16);
    if (s.version != FORMAT_VERSION || s.incompat_flags != 0)
        return tufi_fail(TUF_E_VERSION, "file format version %u, features %#x are not known",
                         s.version, s.incompat_flags);
    if (s.sector_size != 512 && s.sector_size != 4096)
        return tufi_corrupt(20, "sector size %u is neither 512 nor 4096", s.sector_size);
    if (s.node_size < 128 || s.node_size > (1u << 20))
        return tufi_corrupt(24, "node size %u is out of range", s.node_size);
    *out = s;
    return TUF_OK;
}

static uint32_t header_crc(const uint8_t *in, const uint8_t uuid[16])
{
    return tufi_crc32c(tufi_crc32c(0, uuid, 16), in, FRAME_HEADER_SIZE - 4);
}

void tufi_frame_encode(uint8_t out[FRAME_HEADER_SIZE], struct frame_header *h,
                       const uint8_t uuid[16])
{
    tuf_assert(h->payload_len <= FRAME_PAYLOAD_MAX);
    put_be32(out, FRAME_MAGIC);
    out[4] = (uint8_t)h->kind;
    memset(out + 5, 0, 3);
    put_be64(out + 8, h->off);
    put_be64(out + 16, h->payload_len);
    put_be64(out + 24, h->commit);
    put_be64(out + 32, h->durable_off);
    put_be64(out + 40, h->checkpoint_off);
    put_be64(out + 48, h->time_us);
    put_be64(out + 56, h->update_seq);
    put_be32(out + 64, h->record_count);
    put_be32(out + 68, h->prev_crc);
    put_be32(out + 72, h->payload_crc);
    h->header_crc = header_crc(out, uuid);
    put_be32(out + 76, h->header_crc);
}

tuf_status tufi_frame_decode(struct frame_header *out, const uint8_t in[FRAME_HEADER_SIZE],
                             uint64_t off, const uint8_t uuid[16])
{
    if (get_be32(in) != FRAME_MAGIC) /* before the checksum of the file id: scans come here often */
        return TUF_NOT_FOUND;
    return tufi_frame_decode_salted(out, in, off, tufi_record_salt(uuid));
}

tuf_status tufi_frame_decode_salted(struct frame_header *out, const uint8_t in[FRAME_HEADER_SIZE],
                                    uint64_t off, uint32_t salt)
{
    if (get_be32(in) != FRAME_MAGIC || get_be64(in + 8) != off)
        return TUF_NOT_FOUND;
    if (get_be32(in + 76) != tufi_crc32c(salt, in, FRAME_HEADER_SIZE - 4))
        return TUF_NOT_FOUND;
    if (in[4] < FRAME_COMMIT || in[4] > FRAME_CHUNK)
        return TUF_NOT_FOUND;
    struct frame_header h = {
        .kind = (enum frame_kind)in[4],
        .off = off,
        .payload_len = get_be64(in + 16),
        .commit = get_be64(in + 24),
        .durable_off = get_be64(in + 32),
        .checkpoint_off = get_be64(in + 40),
        .time_us = get_be64(in + 48),
        .update_seq = get_be64(in + 56),
        .record_count = get_be32(in + 64),
        .prev_crc = get_be32(in + 68),
        .payload_crc = get_be32(in + 72),
        .header_crc = get_be32(in + 76),
    };
    if (h.payload_len > FRAME_PAYLOAD_MAX || h.durable_off > off || h.checkpoint_off >= off)
        return TUF_NOT_FOUND;
    *out = h;
    return TUF_OK;
}

bool tufi_frame_guess_salt(uint32_t *out, const uint8_t in[FRAME_HEADER_SIZE], uint64_t off)
{
    if (get_be32(in) != FRAME_MAGIC || get_be64(in + 8) != off)
        return false;
    /* CRC is a shift register: bytes that are known can be taken out again from the end. */
    *out = tufi_crc32c_undo(get_be32(in + 76), in, FRAME_HEADER_SIZE - 4);
    return true;
}

uint64_t tufi_frame_span(const struct frame_header *h, uint32_t sector_size)
{
    uint32_t unit = tufi_planted("no_pad") ? 8 : sector_size;
    return align_up(FRAME_HEADER_SIZE + h->payload_len, unit);
}

uint32_t tufi_record_salt(const uint8_t uuid[16])
{
    return tufi_crc32c(0, uuid, 16);
}

static uint32_t record_crc(const uint8_t head[8], tuf_slice payload, uint64_t off, uint32_t salt)
{
    uint8_t place[8];
    put_be64(place, off);
    uint32_t crc = tufi_crc32c(salt, place, sizeof(place));
    crc = tufi_crc32c(crc, head, 8);
    return tufi_crc32c(crc, payload.data, payload.len);
}

void tufi_record_encode(uint8_t out[RECORD_HEADER_SIZE], enum record_type type, tuf_slice payload,
                        uint64_t off, uint32_t salt)
{
    tuf_assert(payload.len <= RECORD_SIZE_MAX);
    out[0] = (uint8_t)type;
    memset(out + 1, 0, 3);
    put_be32(out + 4, (uint32_t)payload.len);
    put_be32(out + 8, record_crc(out, payload, off, salt));
}

tuf_status tufi_record_decode(struct record_header *out, const uint8_t in[RECORD_HEADER_SIZE],
                              uint64_t off)
{
    uint32_t len = get_be32(in + 4);
    if (in[0] < RECORD_DOC || in[0] > RECORD_CHUNK || in[1] || in[2] || in[3])
        return tufi_corrupt(off, "record type %u is not known", in[0]);
    if (len > RECORD_SIZE_MAX)
        return tufi_corrupt(off, "record says %u bytes, at most %u are possible", len,
                            RECORD_SIZE_MAX);
    out->type = (enum record_type)in[0];
    out->len = len;
    out->crc = get_be32(in + 8);
    return TUF_OK;
}

tuf_status tufi_record_next(struct record_header *out, tuf_slice *payload_out, uint64_t *off_out,
                            struct reader *in, uint64_t end_off)
{
    uint64_t off = end_off - reader_left(in);
    tuf_slice head = read_bytes(in, RECORD_HEADER_SIZE);
    *off_out = off;
    if (in->bad)
        return tufi_corrupt(off, "commit ends within a record");
    tuf_status st = tufi_record_decode(out, head.data, off);
    if (st < 0)
        return st;
    *payload_out = read_bytes(in, out->len);
    if (in->bad)
        return tufi_corrupt(off, "record of %u bytes does not fit into its commit", out->len);
    return TUF_OK;
}

tuf_status tufi_record_verify(const struct record_header *h, tuf_slice payload, uint64_t off,
                              uint32_t salt)
{
    uint8_t head[8] = { (uint8_t)h->type };
    put_be32(head + 4, h->len);
    if (payload.len != h->len || record_crc(head, payload, off, salt) != h->crc)
        return tufi_corrupt(off, "record checksum does not match");
    return TUF_OK;
}

size_t tufi_checkpoint_encode(uint8_t out[CHECKPOINT_SIZE_MAX], const struct checkpoint *c)
{
    put_be64(out, c->update_seq);
    put_be64(out + 8, c->purge_seq);
    put_be64(out + 16, c->commit);
    put_be64(out + 24, c->prev_checkpoint_off);
    uint8_t *p = out + 32;
    for (size_t tree = 0; tree < CHECKPOINT_TREES; tree++, p += CHECKPOINT_ROOT_SIZE) {
        const struct checkpoint_root *r = &c->roots[tree];
        put_be64(p, r->off);
        put_be32(p + 8, r->len);
        put_be32(p + 12, r->crc);
        put_be32(p + 16, r->height);
        put_be64(p + 20, r->entry_count);
        for (size_t slot = 0; slot < 4; slot++)
            put_be64(p + 28 + 8 * slot, r->reduction[slot]);
    }
    if (c->trim_off == 0)
        return CHECKPOINT_SIZE;
    put_be64(p, c->trim_off);
    return CHECKPOINT_SIZE_MAX;
}

tuf_status tufi_checkpoint_decode(struct checkpoint *out, tuf_slice bytes, uint64_t off)
{
    bool trimmed = bytes.len == CHECKPOINT_SIZE_MAX;
    if (bytes.len != CHECKPOINT_SIZE && !trimmed)
        return tufi_corrupt(off, "checkpoint has %zu bytes instead of %d", bytes.len,
                            CHECKPOINT_SIZE);
    struct checkpoint c = {
        .update_seq = get_be64(bytes.data),
        .purge_seq = get_be64(bytes.data + 8),
        .commit = get_be64(bytes.data + 16),
        .prev_checkpoint_off = get_be64(bytes.data + 24),
    };
    const uint8_t *p = bytes.data + 32;
    for (size_t tree = 0; tree < CHECKPOINT_TREES; tree++, p += CHECKPOINT_ROOT_SIZE) {
        struct checkpoint_root *r = &c.roots[tree];
        r->off = get_be64(p);
        r->len = get_be32(p + 8);
        r->crc = get_be32(p + 12);
        r->height = get_be32(p + 16);
        r->entry_count = get_be64(p + 20);
        for (size_t slot = 0; slot < 4; slot++)
            r->reduction[slot] = get_be64(p + 28 + 8 * slot);
        if (r->off >= off || r->len > off - r->off || (r->off == 0) != (r->entry_count == 0) ||
            r->height > 64)
            return tufi_corrupt(off, "checkpoint has an impossible root of tree %zu", tree);
    }
    if (c.prev_checkpoint_off >= off)
        return tufi_corrupt(off, "checkpoint points forward to its predecessor");
    c.trim_off = trimmed ? get_be64(p) : 0;
    if (trimmed && (c.trim_off < SUPERBLOCK_SIZE || c.trim_off > c.prev_checkpoint_off))
        return tufi_corrupt(off, "checkpoint says that everything before byte %llu was given back",
                            (unsigned long long)c.trim_off);
    *out = c;
    return TUF_OK;
}
