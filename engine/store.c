/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the log: create the file, append frames at its end, sync, read records.
 *
 * INV-LOG-1: a frame starts on a sector of its own, so writing it never touches a sector that holds
 *            acknowledged bytes (a drive may damage the whole sector in flight).
 * INV-LOG-2: the tail moves only after the whole frame was written; a failed write leaves it, and
 *            the next attempt overwrites the same unacknowledged place.
 * INV-LOG-3: after a failed sync nothing is written any more: the kernel may have dropped the dirty
 *            pages and a second sync would prove nothing.
 * INV-LOG-4: one sync at a time: of two that share a descriptor the kernel tells only one that writing
 *            back has failed, and the other would acknowledge what is lost.
 *
 * While commits are small the file is filled with zeros ahead of the tail, so that most syncs need
 * no change of the file's metadata. Rebello et al., "Can Applications Recover from fsync
 * Failures?", ATC 2020, is the reason for INV-LOG-3.
 *
 * Not here: what a commit does (commit.c); what opening does (recover.c).
 */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"
#include "base/crc32c.h"
#include "base/testhook.h"
#include "engine/db.h"

#define FILL_STEP_MIN (64u * 1024)
#define FILL_STEP_MAX (4u * 1024 * 1024)
/* Frames above this size just extend the file: filling ahead would double what they write. */
#define FILL_FRAME_SIZE_MAX (64u * 1024)
#define NODE_SIZE_DEFAULT 8192u
#define SECTOR_SIZE_DEFAULT 4096u

static tuf_status init_super(struct superblock *s, const struct tuf_vfs *vfs,
                             const tuf_open_options *opts)
{
    *s = (struct superblock){
        .version = FORMAT_VERSION,
        .sector_size = opts->sector_size ? opts->sector_size : SECTOR_SIZE_DEFAULT,
        .node_size = NODE_SIZE_DEFAULT,
        .created_us = vfs->wall_us(vfs),
    };
    if (s->sector_size != 512 && s->sector_size != 4096)
        return tufi_fail(TUF_E_INVALID, "sector size %u is neither 512 nor 4096", s->sector_size);
    tuf_status st = vfs->random(vfs, s->uuid, sizeof(s->uuid));
    return st < 0 ? st : vfs->random(vfs, &s->database_id, sizeof(s->database_id));
}

/* Writes and syncs a superblock in a file that has no name yet (or the name of an attempt). */
static tuf_status write_super(struct log *log)
{
    TUF_AUTOFREE uint8_t *block = tufi_alloc(SUPERBLOCK_SIZE);
    if (!block)
        return tufi_nomem();
    tufi_superblock_encode(block, &log->super);
    tuf_status st = log->file->ops->truncate(log->file, 0);
    if (st == TUF_OK)
        st = tufi_vfs_write(log->file, block, SUPERBLOCK_SIZE, 0);
    return st == TUF_OK ? log->file->ops->sync(log->file) : st;
}

static bool exists(const struct tuf_vfs *vfs, const char *path)
{
    struct vfs_file *file = NULL;
    if (vfs->open(vfs, path, VFS_RDONLY, &file) != TUF_OK)
        return false;
    file->ops->close(file);
    return true;
}

/* The file is made under another name and renamed when it is whole, so that a database file under
 * its own name always has a superblock. The lock on the attempt keeps two creators apart. */
tuf_status tufi_log_create(struct log *log, const tuf_open_options *opts,
                           const struct superblock *heir_of)
{
    TUF_AUTO(tufi_buf_release) struct buf name = BUF_INIT;
    tufi_buf_printf(&name, "%s.new", log->path);
    buf_append_u8(&name, 0);
    tuf_status st = buf_status(&name);
    if (st == TUF_OK)
        st = init_super(&log->super, log->vfs, opts);
    if (st == TUF_OK && heir_of) {
        log->super.database_id = heir_of->database_id;
        log->super.created_us = heir_of->created_us;
        log->super.sector_size = heir_of->sector_size;
        log->super.node_size = heir_of->node_size;
    }
    if (st == TUF_OK)
        st = tufi_fold(log->vfs->open(log->vfs, (const char *)name.data, VFS_CREATE | VFS_LOCK,
                                      &log->file));
    if (st < 0)
        return st;
    if (exists(log->vfs, log->path))
        return TUF_EXISTS;
    st = write_super(log);
    log->filled_end = SUPERBLOCK_SIZE;
    if (st == TUF_OK)
        st = tufi_fold(log->vfs->rename(log->vfs, (const char *)name.data, log->path));
    if (st == TUF_OK && !tufi_planted("skip_dir_sync"))
        st = log->vfs->sync_dir(log->vfs, log->path);
    return st;
}

tuf_status tufi_log_read_super(struct log *log)
{
    uint8_t block[SUPERBLOCK_USED];
    size_t got = 0;
    tuf_status st = log->file->ops->pread(log->file, block, sizeof(block), 0, &got);
    if (st < 0)
        return st;
    st = tufi_superblock_decode(&log->super, tuf_slice_of(block, got));
    if (st == TUF_OK)
        log->salt = tufi_record_salt(log->super.uuid);
    return st;
}

void tufi_log_close(struct log *log)
{
    if (log->file)
        log->file->ops->close(log->file);
    log->file = NULL;
    tufi_free(log->path);
    log->path = NULL;
}

tuf_status tufi_log_writable(const struct log *log)
{
    if (log->readonly)
        return tufi_fail(TUF_E_READONLY, "database is open for reading only");
    if (atomic_load_explicit(&log->poisoned, memory_order_relaxed))
        return tufi_fail(TUF_E_POISONED, "a write to %s failed earlier: reopen it", log->path);
    return TUF_OK;
}

static void poison(struct log *log)
{
    atomic_store_explicit(&log->poisoned, true, memory_order_relaxed);
}

/* Writes zeros behind the frame just written. Failure does no harm: the next frames then extend
 * the file themselves. */
static void fill_ahead(struct log *log)
{
    static const uint8_t zeros[64 * 1024];
    uint64_t step = max_u64(log->fill_step, FILL_STEP_MIN);
    uint64_t end = log->filled_end + step;
    while (log->filled_end < end) {
        size_t len = (size_t)min_u64(end - log->filled_end, sizeof(zeros));
        if (tufi_vfs_write(log->file, zeros, len, log->filled_end) < 0)
            return;
        log->filled_end += len;
    }
    log->fill_step = min_u64(step * 2, FILL_STEP_MAX);
}

/* `rest` is the end of the payload that is not in the frame's buffer. */
static void fill_in_header(struct log *log, struct buf *frame, tuf_slice rest,
                           struct frame_header *h)
{
    h->off = log->tail_off;
    h->payload_len = frame->len - FRAME_HEADER_SIZE + rest.len;
    h->durable_off = log->durable_off;
    h->checkpoint_off = log->checkpoint_off;
    h->time_us = log->vfs->wall_us(log->vfs);
    h->prev_crc = log->tail_crc;
    h->payload_crc =
        tufi_crc32c(0, frame->data + FRAME_HEADER_SIZE, frame->len - FRAME_HEADER_SIZE);
    h->payload_crc = tufi_crc32c(h->payload_crc, rest.data, rest.len);
    tufi_frame_encode(frame->data, h, log->super.uuid);
}

/* After a failed write. A full disk may have taken all of the frame but its padding: cut off, or
 * the next recovery would find a commit that was reported as not done. Synced, because a cut can be
 * lost as a write can. */
static void undo_append(struct log *log, tuf_status failure)
{
    tuf_error saved = *tuf_last_error();
    pthread_mutex_lock(&log->sync); /* INV-LOG-4 */
    if (failure == TUF_E_FULL && tufi_log_writable(log) == TUF_OK &&
        log->file->ops->truncate(log->file, log->tail_off) == TUF_OK &&
        log->file->ops->sync(log->file) == TUF_OK)
        log->filled_end = log->tail_off;
    else
        poison(log);
    pthread_mutex_unlock(&log->sync);
    tufi_error_restore(&saved);
}

static const uint8_t zeros[SECTOR_SIZE_DEFAULT]; /* padding */

/* Writes a frame of which `rest`, the end of its payload, is elsewhere (or empty), and zeros behind. */
static tuf_status write_pieces(struct log *log, const struct buf *frame, tuf_slice rest,
                               size_t padding)
{
    struct iovec pieces[3] = { { .iov_base = frame->data, .iov_len = frame->len } };
    int count = 1;
    if (rest.len > 0)
        pieces[count++] = (struct iovec){ (void *)(uintptr_t)rest.data, rest.len };
    if (padding > 0)
        pieces[count++] = (struct iovec){ (void *)(uintptr_t)zeros, padding };
    return log->file->ops->pwritev(log->file, pieces, count, log->tail_off);
}

/* Shares the inner blocks of a frame. TUF_E_UNSUPPORTED: they must be written. */
static tuf_status write_shared(struct log *log, const struct buf *frame, size_t padding)
{
    size_t end = frame->len / VFS_CLONE_ALIGN * VFS_CLONE_ALIGN;
    if (end <= VFS_CLONE_ALIGN)
        return tufi_fail(TUF_E_UNSUPPORTED, "no whole block");
    struct iovec last[2] = { { frame->data + end, frame->len - end },
                             { (void *)(uintptr_t)zeros, padding } };
    /* The ends first: a range beyond the end of a file cannot be shared everywhere. */
    tuf_status st = tufi_vfs_write(log->file, frame->data, VFS_CLONE_ALIGN, log->tail_off);
    if (st == TUF_OK)
        st = log->file->ops->pwritev(log->file, last, 2, log->tail_off + end);
    if (st == TUF_OK)
        st = log->file->ops->clone(log->file, log->tail_off + VFS_CLONE_ALIGN, log->share_from,
                                   log->share_off + VFS_CLONE_ALIGN, end - VFS_CLONE_ALIGN);
    if (st == TUF_OK)
        log->shared_size += end - VFS_CLONE_ALIGN;
    return st;
}

static tuf_status write_frame(struct log *log, const struct buf *frame, tuf_slice rest,
                              size_t padding)
{
    tuf_assert(padding < sizeof(zeros));
    if (log->share_from && rest.len == 0) {
        tuf_status st = write_shared(log, frame, padding);
        if (st != TUF_E_UNSUPPORTED)
            return st;
        log->no_clone = true;
        tufi_error_clear();
    }
    return write_pieces(log, frame, rest, padding);
}

static tuf_status append_frame(struct log *log, struct buf *frame, tuf_slice rest,
                               struct frame_header *h)
{
    tuf_assert(frame->len >= FRAME_HEADER_SIZE);
    tuf_assert(log->durable_off <= log->tail_off); /* INV-DB-3 */
    tuf_status st = tufi_log_writable(log);
    if (st < 0)
        return st;
    if (frame->failed)
        return tufi_nomem();
    fill_in_header(log, frame, rest, h);
    uint64_t span = tufi_frame_span(h, log->super.sector_size);
    st = write_frame(log, frame, rest, (size_t)(span - frame->len - rest.len));
    if (st < 0) {
        undo_append(log, st);
        return st;
    }
    log->tail_off += span; /* INV-LOG-2 */
    log->tail_crc = h->header_crc;
    if (h->kind == FRAME_COMMIT) {
        log->newest_commit = h->commit;
        log->newest_seq = h->update_seq;
    }
    if (log->tail_off > log->filled_end) {
        log->filled_end = log->tail_off;
        if (h->kind == FRAME_COMMIT && span <= FILL_FRAME_SIZE_MAX)
            fill_ahead(log);
    }
    return TUF_OK;
}

tuf_status tufi_log_append(struct log *log, struct buf *frame, struct frame_header *h)
{
    return append_frame(log, frame, tuf_slice_of(NULL, 0), h);
}

/* INV-LOG-3, INV-LOG-4 */
static tuf_status sync_alone(struct log *log)
{
    pthread_mutex_lock(&log->sync);
    tuf_status st = tufi_log_writable(log);
    if (st == TUF_OK) {
        st = log->file->ops->sync(log->file);
        if (st < 0 && tufi_planted("retry_failed_sync"))
            st = log->file->ops->sync(log->file);
        if (st < 0)
            poison(log);
    }
    pthread_mutex_unlock(&log->sync);
    return st;
}

tuf_status tufi_log_sync(struct log *log, uint64_t upto)
{
    tuf_status st = sync_alone(log);
    if (st < 0)
        return st;
    pthread_mutex_lock(&log->tail);
    log->durable_off = max_u64(log->durable_off, upto);
    pthread_mutex_unlock(&log->tail);
    return TUF_OK;
}

/* Bytes of a record, from the frame under construction or from the file. */
static tuf_status fetch(const struct log *log, struct rec_loc loc, uint8_t *out, size_t size,
                        const struct buf *pending)
{
    if (!pending || loc.off < log->tail_off)
        return tufi_vfs_read_exact(log->file, out, size, loc.off);
    uint64_t pos = loc.off - log->tail_off;
    if (pos > pending->len || size > pending->len - pos)
        return tufi_corrupt(loc.off, "record lies behind the end of the log");
    memcpy(out, pending->data + pos, size);
    return TUF_OK;
}

tuf_status tufi_log_check_record(const struct log *log, struct rec_loc loc, const uint8_t *bytes,
                                 enum record_type *type_out)
{
    struct record_header h;
    tuf_status st = tufi_record_decode(&h, bytes, loc.off);
    if (st < 0)
        return st;
    tuf_slice payload = tuf_slice_of(bytes + RECORD_HEADER_SIZE, loc.len);
    st = tufi_record_verify(&h, payload, loc.off, log->salt);
    if (st == TUF_OK)
        *type_out = h.type;
    return st;
}

tuf_status tufi_log_read_any(const struct log *log, struct rec_loc loc, enum record_type *type_out,
                             struct buf *payload, const struct buf *pending)
{
    if (loc.off < SUPERBLOCK_SIZE || loc.len > RECORD_SIZE_MAX)
        return tufi_corrupt(loc.off, "impossible place of a record");
    tufi_buf_clear(payload);
    size_t size = RECORD_HEADER_SIZE + (size_t)loc.len;
    if (!tufi_buf_reserve(payload, size))
        return tufi_nomem();
    tuf_status st = fetch(log, loc, payload->data, size, pending);
    if (st < 0)
        return st;
    st = tufi_log_check_record(log, loc, payload->data, type_out);
    if (st < 0)
        return st;
    memmove(payload->data, payload->data + RECORD_HEADER_SIZE, loc.len);
    payload->len = loc.len;
    return TUF_OK;
}

tuf_status tufi_log_read_record(const struct log *log, struct rec_loc loc, enum record_type type,
                                struct buf *payload)
{
    return tufi_log_read_pending(log, loc, type, payload, NULL);
}

tuf_status tufi_log_read_pending(const struct log *log, struct rec_loc loc, enum record_type type,
                                 struct buf *payload, const struct buf *pending)
{
    enum record_type found;
    tuf_status st = tufi_log_read_any(log, loc, &found, payload, pending);
    /* Set with TUF_OK. NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
    if (st == TUF_OK && found != type)
        return tufi_corrupt(loc.off, "record has type %d instead of %d", (int)found, (int)type);
    return st;
}

struct rec_loc tufi_log_put_record(const struct log *log, struct buf *frame, enum record_type type,
                                   tuf_slice payload)
{
    struct rec_loc loc = { .off = log->tail_off + frame->len, .len = (uint32_t)payload.len };
    if (!tufi_buf_reserve(frame, RECORD_HEADER_SIZE + payload.len))
        return loc;
    tufi_record_encode(frame->data + frame->len, type, payload, loc.off, log->salt);
    frame->len += RECORD_HEADER_SIZE;
    buf_append_slice(frame, payload);
    return loc;
}

tuf_status tufi_store_append_chunk(struct store *store, tuf_slice payload, struct rec_loc *out)
{
    struct log *log = &store->log;
    tufi_pace_spend(&store->pace, payload.len);
    TUF_AUTO(tufi_buf_release) struct buf frame = BUF_INIT;
    tufi_buf_append_zero(&frame, FRAME_HEADER_SIZE + RECORD_HEADER_SIZE);
    if (frame.failed)
        return tufi_nomem();
    struct frame_header h = { .kind = FRAME_CHUNK, .record_count = 1 };
    pthread_mutex_lock(&log->tail);
    h.commit = log->newest_commit;
    h.update_seq = log->newest_seq;
    /* Its bytes go to the file from where they are: chunks are large. */
    struct rec_loc loc = { log->tail_off + FRAME_HEADER_SIZE, (uint32_t)payload.len };
    tufi_record_encode(frame.data + FRAME_HEADER_SIZE, RECORD_CHUNK, payload, loc.off, log->salt);
    tuf_status st = append_frame(log, &frame, payload, &h);
    pthread_mutex_unlock(&log->tail);
    if (st == TUF_OK)
        *out = loc;
    return st;
}

/* Reads straight into the caller's buffer: attachments are large. */
tuf_status tufi_store_read_chunk(struct store *store, struct rec_loc loc, void *buf)
{
    const struct log *log = &store->log;
    if (loc.off < SUPERBLOCK_SIZE || loc.len > RECORD_SIZE_MAX)
        return tufi_corrupt(loc.off, "impossible place of a chunk");
    uint8_t head[RECORD_HEADER_SIZE];
    tuf_status st = tufi_vfs_read_exact(log->file, head, sizeof(head), loc.off);
    struct record_header h;
    if (st == TUF_OK)
        st = tufi_record_decode(&h, head, loc.off);
    if (st == TUF_OK && (h.type != RECORD_CHUNK || h.len != loc.len))
        return tufi_corrupt(loc.off, "no chunk of %u bytes here", loc.len);
    if (st == TUF_OK)
        st = tufi_vfs_read_exact(log->file, buf, loc.len, loc.off + RECORD_HEADER_SIZE);
    if (st == TUF_OK)
        st = tufi_record_verify(&h, tuf_slice_of(buf, loc.len), loc.off, log->salt);
    return st;
}
