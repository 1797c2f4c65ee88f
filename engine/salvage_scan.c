/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: find every intact record of a damaged file.
 *
 * A record says where it begins, how long it is, and its checksum covers its own offset and the file's
 * id: so it can be recognised wherever the walk happens to be, and a copy of one inside a document is
 * not one. The walk goes from record to record while they follow each other; where none follows it
 * looks for a frame header at each sector, and else at the next byte.
 *
 * INV-SA-1: every record whose own bytes are intact is visited, once.
 * INV-SA-2: the work is linear in the size of the file, whatever it holds.
 */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/crc32c.h"
#include "engine/salvage.h"

#define WINDOW_SIZE ((size_t)1 << 20)
#define SECTOR_MIN 512u
/* What may be read in vain at each byte: above that only short candidates are tried, so that bytes that
 * look like the heads of many long records cost little. INV-SA-2 */
#define WASTE_FACTOR 16u
#define SHORT_RECORD 512u
#define GUESSES_MAX 64

/* Up to `len` bytes at an offset, zeros behind the end; valid until the next call. */
static const uint8_t *peek(struct salvage *s, uint64_t off, size_t len)
{
    if (off < s->window_off || off + len > s->window_off + WINDOW_SIZE) {
        tuf_status st = tufi_log_read_padded(&s->from->log, s->window, WINDOW_SIZE, off);
        if (st < 0) { /* a rotten sector: what can be read around it is worth having */
            memset(s->window, 0, WINDOW_SIZE);
            for (size_t at = 0; at < WINDOW_SIZE; at += SECTOR_MIN)
                if (tufi_log_read_padded(&s->from->log, s->window + at, SECTOR_MIN, off + at) < 0)
                    memset(s->window + at, 0xff, SECTOR_MIN);
        }
        s->window_off = off;
    }
    return s->window + (off - s->window_off);
}

/* ---- the salt ----------------------------------------------------------------------------------- */

static void count_guess(uint32_t *guesses, uint32_t *votes, uint32_t guess)
{
    for (size_t i = 0; i < GUESSES_MAX; i++) {
        if (votes[i] > 0 && guesses[i] != guess)
            continue;
        guesses[i] = guess;
        votes[i]++;
        return;
    }
}

/* The salt that most of the first frame headers agree upon. */
static tuf_status guess_salt(struct salvage *s)
{
    uint32_t guesses[GUESSES_MAX], votes[GUESSES_MAX] = { 0 };
    for (uint64_t off = SUPERBLOCK_SIZE; off < s->size && s->guesses < GUESSES_MAX;
         off += SECTOR_MIN) {
        uint32_t guess;
        if (!tufi_frame_guess_salt(&guess, peek(s, off, FRAME_HEADER_SIZE), off))
            continue;
        s->guesses++;
        count_guess(guesses, votes, guess);
    }
    if (s->guesses == 0)
        return tufi_corrupt(0, "nothing in this file looks like a database");
    size_t best = 0;
    for (size_t i = 1; i < GUESSES_MAX; i++)
        if (votes[i] > votes[best])
            best = i;
    s->from->log.salt = guesses[best];
    return TUF_OK;
}

tuf_status tufi_salvage_find_salt(struct salvage *s)
{
    tuf_status st = tufi_log_read_super(&s->from->log);
    if (st == TUF_OK)
        return st;
    s->report->super_lost = true;
    return guess_salt(s);
}

/* ---- the walk ----------------------------------------------------------------------------------- */

static void end_gap(struct salvage *s)
{
    if (s->gap_end == s->gap_off)
        return;
    s->report->bytes_lost += s->gap_end - s->gap_off;
    tufi_salvage_tell(s, s->gap_off, tuf_slice_of(NULL, 0),
                      "nothing intact was found from here to byte %" PRIu64, s->gap_end);
    s->gap_off = s->gap_end = 0;
}

/* A byte that nothing explains. Zeros are padding, unless they are among others. */
static void extend_gap(struct salvage *s, uint64_t off, uint8_t byte)
{
    if (byte == 0)
        return;
    if (s->gap_end == s->gap_off)
        s->gap_off = off;
    s->gap_end = off + 1;
}

/* TUF_NOT_FOUND: no intact record is at `off`. */
static tuf_status read_record(struct salvage *s, struct record_header *h, uint64_t off)
{
    const uint8_t *bytes = peek(s, off, RECORD_HEADER_SIZE);
    if (bytes[0] < RECORD_DOC || bytes[0] > RECORD_CHUNK || bytes[1] || bytes[2] || bytes[3])
        return TUF_NOT_FOUND;
    uint32_t len = get_be32(bytes + 4);
    if (len > RECORD_SIZE_MAX || s->size - off < RECORD_HEADER_SIZE ||
        len > s->size - off - RECORD_HEADER_SIZE)
        return TUF_NOT_FOUND;
    if (s->wasted / WASTE_FACTOR > s->size && len > SHORT_RECORD)
        return TUF_NOT_FOUND;
    tuf_status st = tufi_record_decode(h, bytes, off);
    tufi_buf_clear(&s->record);
    if (st == TUF_OK && !tufi_buf_reserve(&s->record, (size_t)len + 1))
        return tufi_nomem();
    s->record.len = len;
    if (st == TUF_OK)
        st = tufi_vfs_read_exact(s->from->log.file, s->record.data, len, off + RECORD_HEADER_SIZE);
    if (st == TUF_OK)
        st = tufi_record_verify(h, buf_slice(&s->record), off, s->from->log.salt);
    if (st == TUF_OK)
        return TUF_OK;
    s->wasted += len;
    return TUF_NOT_FOUND; /* unreadable or not a record */
}

static bool payload_intact(struct salvage *s, const struct frame_header *h)
{
    uint64_t off = h->off + FRAME_HEADER_SIZE, left = h->payload_len;
    uint32_t crc = 0;
    if (left > s->size - min_u64(off, s->size))
        return false;
    while (left > 0) {
        size_t len = (size_t)min_u64(left, WINDOW_SIZE);
        crc = tufi_crc32c(crc, peek(s, off, len), len);
        off += len;
        left -= len;
    }
    bool intact = crc == h->payload_crc;
    s->wasted += intact ? 0 : h->payload_len;
    return intact;
}

static tuf_status note_checkpoint(struct salvage *s, uint64_t off)
{
    tuf_status st = tufi_salvage_grow((void **)&s->checkpoints, s->checkpoint_count,
                                      &s->checkpoint_cap, sizeof(*s->checkpoints));
    if (st == TUF_OK)
        s->checkpoints[s->checkpoint_count++] = off;
    return st;
}

/* Moves behind a frame header, or behind a frame of tree nodes. TUF_NOT_FOUND: there is none. */
static tuf_status pass_frame(struct salvage *s, uint64_t *off)
{
    struct frame_header h;
    tuf_status st = tufi_frame_decode_salted(&h, peek(s, *off, FRAME_HEADER_SIZE), *off,
                                             s->from->log.salt);
    if (st != TUF_OK)
        return st;
    bool records = h.kind == FRAME_COMMIT || h.kind == FRAME_CHUNK, intact = false;
    if (!records && s->wasted / WASTE_FACTOR <= s->size)
        intact = payload_intact(s, &h);
    if (intact && h.kind == FRAME_CHECKPOINT)
        st = note_checkpoint(s, *off);
    end_gap(s);
    *off += FRAME_HEADER_SIZE + (intact ? h.payload_len : 0);
    return st;
}

static tuf_status pass_byte(struct salvage *s, uint64_t *off)
{
    extend_gap(s, *off, *peek(s, *off, 1));
    ++*off;
    return TUF_OK; /* like its kin above */
}

static tuf_status pass_record(struct salvage *s, uint64_t *off, salvage_visitor *visit)
{
    struct record_header h;
    tuf_status st = read_record(s, &h, *off);
    if (st != TUF_OK)
        return st;
    end_gap(s);
    s->report->records_found++;
    st = visit(s, h.type, buf_slice(&s->record), *off);
    *off += RECORD_HEADER_SIZE + h.len;
    return tufi_fold(st);
}

tuf_status tufi_salvage_scan(struct salvage *s, salvage_visitor *visit)
{
    uint64_t off = SUPERBLOCK_SIZE, told = 0;
    tuf_status st = TUF_OK;
    while (st == TUF_OK && off < s->size) {
        st = off % SECTOR_MIN == 0 ? pass_frame(s, &off) : TUF_NOT_FOUND;
        if (st == TUF_NOT_FOUND)
            st = pass_record(s, &off, visit);
        if (st == TUF_NOT_FOUND)
            st = pass_byte(s, &off);
        if (s->opts->progress && off - told > WINDOW_SIZE) {
            told = off;
            if (s->opts->progress(off, s->size, s->opts->ctx))
                return TUF_STOPPED;
        }
    }
    end_gap(s);
    return st;
}
