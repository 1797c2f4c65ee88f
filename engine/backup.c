/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: tuf_backup: a copy of a database that grows with it.
 *
 * A database is a prefix of its own future, so a backup is a prefix copy, and the next one appends to
 * it. While something is appended, the file NAME.part says up to where the copy is whole: after a
 * power failure in the middle, readers of the copy do not take what is missing for damage, and the
 * next run knows where to go on.
 *
 * INV-BAK-2: a file that is not a past of the source is never changed: a whole copy is made beside it,
 *           and takes its name when it is complete and synced.
 * INV-BAK-3: without NAME.part the copy is synced and whole.
 * INV-BAK-4: of a source with holes (trim.c) the bytes below its base are no whole frames: what the copy
 *           has of them is verified by its trees before it takes its name.
 */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "engine/backup.h"
#include "engine/options.h"
#include "fileformat/backupmark.h"
#include "tuffet/check.h"

#define ATTEMPTS_MAX 8 /* beside a source that gives back space */

static void release(struct backup *b)
{
    tufi_log_close(&b->from);
    tufi_log_close(&b->to);
    tufi_free(b->block);
}

static tuf_status open_log(struct log *log, const struct tuf_vfs *vfs, const char *path,
                           unsigned flags)
{
    tufi_free(log->path);
    log->path = tufi_memdup(path, strlen(path) + 1);
    log->vfs = vfs;
    if (!log->path)
        return tufi_nomem();
    return vfs->open(vfs, path, flags, &log->file);
}

static void close_log(struct log *log)
{
    if (log->file)
        log->file->ops->close(log->file);
    log->file = NULL;
}

static tuf_status append_suffix(struct buf *out, const char *path, const char *suffix)
{
    tufi_buf_printf(out, "%s%s", path, suffix);
    buf_append_u8(out, 0);
    return buf_status(out);
}

/* ---- NAME.part ---------------------------------------------------------------------------------- */

static tuf_status part_path(struct buf *out, const char *path)
{
    return append_suffix(out, path, ".part");
}

/* INV-BAK-3. From here on something may be appended. */
tuf_status tufi_backup_begin(struct backup *b)
{
    TUF_AUTO(tufi_buf_release) struct buf path = BUF_INIT;
    struct vfs_file *file = NULL;
    uint8_t bytes[BACKUP_MARK_SIZE];
    struct backup_mark mark = { b->end.off, b->end.chain ? b->end.last.off : 0 };
    tufi_backup_mark_encode(bytes, &mark, b->to.super.uuid);
    tuf_status st = part_path(&path, b->to.path);
    if (st == TUF_OK)
        st = tufi_fold(b->vfs->open(b->vfs, (const char *)path.data, VFS_CREATE, &file));
    if (st < 0)
        return st;
    st = tufi_vfs_write(file, bytes, sizeof(bytes), 0);
    if (st == TUF_OK)
        st = file->ops->sync(file);
    file->ops->close(file);
    return st == TUF_OK ? b->vfs->sync_dir(b->vfs, b->to.path) : st;
}

/* TUF_NOT_FOUND: there is no such file, or it is not whole, and so nothing had been appended yet. */
static tuf_status read_part(struct backup_mark *out, const struct log *log)
{
    TUF_AUTO(tufi_buf_release) struct buf path = BUF_INIT;
    struct vfs_file *file = NULL;
    uint8_t bytes[BACKUP_MARK_SIZE];
    size_t got = 0;
    tuf_status st = part_path(&path, log->path);
    if (st == TUF_OK)
        st = log->vfs->open(log->vfs, (const char *)path.data, VFS_RDONLY, &file);
    if (st != TUF_OK)
        return st;
    st = file->ops->pread(file, bytes, sizeof(bytes), 0, &got);
    file->ops->close(file);
    if (st < 0)
        return st;
    return got == sizeof(bytes) ? tufi_backup_mark_decode(out, bytes, log->super.uuid)
                                : TUF_NOT_FOUND;
}

tuf_status tufi_backup_whole_end(uint64_t *out, const struct log *log)
{
    struct backup_mark mark;
    tuf_status st = read_part(&mark, log);
    if (st == TUF_OK)
        *out = mark.end;
    return st;
}

tuf_status tufi_backup_drop_part(const struct log *log)
{
    TUF_AUTO(tufi_buf_release) struct buf path = BUF_INIT;
    tuf_status st = part_path(&path, log->path);
    return st < 0 ? st : log->vfs->unlink(log->vfs, (const char *)path.data);
}

/* Cuts the copy at its verified end, durably. */
static tuf_status seal(struct backup *b)
{
    const struct vfs_file_ops *ops = b->to.file->ops;
    tuf_status st = ops->truncate(b->to.file, b->end.off);
    return st == TUF_OK ? ops->sync(b->to.file) : st;
}

/* The same for a copy that had its name before. */
static tuf_status seal_appended(struct backup *b)
{
    tuf_status st = seal(b);
    if (st == TUF_OK)
        st = tufi_backup_drop_part(&b->to);
    return st < 0 ? st : b->vfs->sync_dir(b->vfs, b->to.path);
}

/* Reads the last frame before NAME.part. TUF_NOT_FOUND: it is not there. */
static tuf_status read_last(struct log_end *end, const struct log *log, uint64_t off)
{
    if (off == 0)
        return TUF_OK;
    tuf_status st = tufi_log_read_header(&end->last, log, off);
    if (st == TUF_OK && off + tufi_frame_span(&end->last, log->super.sector_size) != end->off)
        st = TUF_NOT_FOUND;
    end->chain = end->last.header_crc;
    return st;
}

/* ---- what is there ------------------------------------------------------------------------------ */

enum verdict {
    APPEND,  /* a past of the source */
    REPLACE, /* the source was compacted since */
    DIVERGED /* the same file once, but not its past */
};

/* The whole copy is verified. */
static tuf_status verify_copy(struct backup *b, uint64_t size)
{
    uint64_t trim_off;
    tuf_status st = tufi_backup_find_trim(&trim_off, &b->to);
    if (st == TUF_OK)
        st = tufi_backup_start(&b->end, &b->to, trim_off);
    while (st == TUF_OK)
        st = tufi_backup_pass(&b->end, &b->to, size, b->block);
    return st == TUF_NOT_FOUND ? TUF_OK : st;
}

static bool note_last(const struct frame_header *h, void *ctx)
{
    ((struct log_end *)ctx)->last = *h;
    return true;
}

/* The frame at the very end of the copy. TUF_NOT_FOUND: something else is there. */
static tuf_status find_last(struct log_end *end, const struct log *log, uint64_t size)
{
    *end = (struct log_end){ .off = SUPERBLOCK_SIZE };
    if (size == SUPERBLOCK_SIZE)
        return TUF_OK;
    tuf_status st = tufi_log_scan_back(log, size, note_last, end);
    if (st < 0)
        return st;
    end->off = end->last.off + tufi_frame_span(&end->last, log->super.sector_size);
    end->chain = end->last.header_crc;
    return end->chain != 0 && end->off == size ? TUF_OK : TUF_NOT_FOUND;
}

/* Where the copy ends: as NAME.part says, else where the file does. */
static tuf_status find_end(struct backup *b)
{
    uint64_t size;
    struct backup_mark mark;
    tuf_status st = b->to.file->ops->size(b->to.file, &size);
    if (st == TUF_OK)
        st = read_part(&mark, &b->to);
    b->begun = st == TUF_OK;
    if (st == TUF_OK) {
        b->end = (struct log_end){ .off = mark.end };
        st = read_last(&b->end, &b->to, mark.last_off);
    } else if (st == TUF_NOT_FOUND) {
        st = find_last(&b->end, &b->to, size);
    }
    if (st != TUF_NOT_FOUND)
        return st;
    b->begun = true; /* somebody else changed it */
    return verify_copy(b, size);
}

/* INV-BAK-2. The copy's last frame must stand in the source, byte by byte: its chain covers the rest. */
static tuf_status compare_ends(struct backup *b, enum verdict *out)
{
    uint8_t ours[FRAME_HEADER_SIZE], theirs[FRAME_HEADER_SIZE];
    *out = APPEND;
    if (b->end.chain == 0)
        return TUF_OK;
    tuf_status st = tufi_log_read_padded(&b->to, ours, sizeof(ours), b->end.last.off);
    if (st == TUF_OK)
        st = tufi_log_read_padded(&b->from, theirs, sizeof(theirs), b->end.last.off);
    if (st == TUF_OK && memcmp(ours, theirs, sizeof(ours)) != 0)
        *out = DIVERGED;
    return st;
}

static bool same_database(const struct superblock *a, const struct superblock *b)
{
    return a->database_id == b->database_id && a->created_us == b->created_us;
}

static tuf_status judge_copy(struct backup *b, const char *dest, enum verdict *out)
{
    tuf_status st = tufi_log_read_super(&b->to);
    if (st == TUF_E_CORRUPT)
        return tufi_fail(TUF_E_INVALID, "%.120s is there and is no backup", dest);
    if (st < 0)
        return st;
    if (!same_database(&b->from.super, &b->to.super))
        return tufi_fail(TUF_E_INVALID, "%.120s is a backup of another database", dest);
    if (memcmp(b->from.super.uuid, b->to.super.uuid, sizeof(b->to.super.uuid)) != 0) {
        *out = REPLACE;
        return TUF_OK;
    }
    st = find_end(b);
    if (st == TUF_OK && b->end.off < b->from_trim) {
        *out = REPLACE; /* the frames that it lacks are not whole any more */
        return TUF_OK;
    }
    return st < 0 ? st : compare_ends(b, out);
}

/* ---- copying ------------------------------------------------------------------------------------ */

static tuf_status append_new(struct backup *b)
{
    tuf_status st = tufi_backup_copy(b);
    if (!b->begun)
        return st;
    if (st == TUF_OK)
        return seal_appended(b);
    /* What is verified stays, what is not goes. The first failure is what counts. */
    tuf_error error = *tuf_last_error();
    if (seal_appended(b) < 0 || st < 0)
        tufi_error_restore(&error);
    return st;
}

/* Whether a whole copy was begun by a run that was killed; then it goes on from there. */
static tuf_status begun_before(struct backup *b, bool *out)
{
    enum verdict verdict = REPLACE;
    *out = false;
    if (b->from_trim > 0 || tufi_log_read_super(&b->to) < 0 ||
        memcmp(b->from.super.uuid, b->to.super.uuid, sizeof(b->to.super.uuid)) != 0)
        return TUF_OK;
    uint64_t size;
    tuf_status st = b->to.file->ops->size(b->to.file, &size);
    if (st == TUF_OK)
        st = verify_copy(b, size);
    if (st == TUF_OK)
        st = compare_ends(b, &verdict);
    *out = verdict == APPEND;
    return st;
}

static tuf_status copy_all(struct backup *b)
{
    bool begun;
    tuf_status st = begun_before(b, &begun);
    b->report->full = true;
    b->begun = true; /* its name says so */
    if (st == TUF_OK && begun)
        st = tufi_backup_copy(b);
    if (st != TUF_OK || begun)
        return st == TUF_OK ? seal(b) : st;
    b->end = (struct log_end){ .off = SUPERBLOCK_SIZE };
    st = b->to.file->ops->truncate(b->to.file, 0);
    if (st == TUF_OK)
        st = tufi_vfs_copy(b->to.file, b->from.file, 0, SUPERBLOCK_SIZE);
    if (st == TUF_OK)
        st = tufi_log_read_super(&b->to);
    if (st == TUF_OK && b->from_trim > 0)
        st = tufi_backup_copy_trimmed(b);
    if (st == TUF_OK)
        st = tufi_backup_copy(b);
    return st == TUF_OK ? seal(b) : st;
}

static tuf_status check_trees(tuf_db *db)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    tuf_check_report report;
    tuf_status st = tuf_db_snapshot(&snapshot, db);
    if (st == TUF_OK)
        st = tuf_check(&report, snapshot, NULL);
    if (st == TUF_OK && report.finding_count > 0)
        return tufi_corrupt(UINT64_MAX, "the copy of a file with holes has %llu damaged places",
                            (unsigned long long)report.finding_count);
    return st;
}

/* INV-BAK-4. A copy that ends before the checkpoint that tells of the holes gets one that does. */
static tuf_status check_trimmed(struct backup *b, const char *made)
{
    tuf_db *db = NULL;
    tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
    uint64_t known;
    opts.vfs = b->vfs;
    if (b->from_trim == 0)
        return TUF_OK;
    tuf_status st = tufi_backup_find_trim(&known, &b->to);
    bool tells = known >= b->from_trim;
    opts.flags = tells ? (unsigned)TUF_OPEN_RDONLY : 0;
    close_log(&b->to);
    if (st == TUF_OK)
        st = tufi_fold(tuf_db_open(&db, made, &opts));
    if (st == TUF_OK)
        st = check_trees(db);
    if (st == TUF_OK && !tells) {
        db->store->log.trim_off = b->from_trim;
        st = tuf_db_checkpoint(db);
    }
    if (st == TUF_OK)
        return tuf_db_close(&db);
    tufi_db_free_handle(&db);
    return st;
}

static tuf_status take_name(struct backup *b, const char *made, const char *dest)
{
    TUF_AUTO(tufi_buf_release) struct buf aside = BUF_INIT;
    tuf_status st = append_suffix(&aside, dest, ".diverged");
    if (st == TUF_OK && b->report->diverged)
        st = tufi_fold(b->vfs->rename(b->vfs, dest, (const char *)aside.data));
    if (st == TUF_OK)
        st = tufi_fold(b->vfs->rename(b->vfs, made, dest));
    return st == TUF_OK ? b->vfs->sync_dir(b->vfs, dest) : st;
}

/* A whole copy, under another name until it is complete. */
static tuf_status make_full(struct backup *b, const char *dest)
{
    TUF_AUTO(tufi_buf_release) struct buf name = BUF_INIT;
    tuf_status st = append_suffix(&name, dest, ".new");
    const char *made = (const char *)name.data;
    if (st == TUF_OK)
        st = tufi_fold(open_log(&b->to, b->vfs, made, VFS_CREATE | VFS_LOCK));
    if (st < 0)
        return st;
    st = copy_all(b);
    if (st == TUF_OK)
        st = check_trimmed(b, made);
    if (st == TUF_OK)
        return take_name(b, made, dest);
    tuf_error error = *tuf_last_error();
    if (b->vfs->unlink(b->vfs, made) < 0 || st < 0)
        tufi_error_restore(&error);
    return st;
}

static tuf_status bring_up_to_date(struct backup *b, const char *dest)
{
    enum verdict verdict = REPLACE;
    unsigned how = b->opts->flags & TUF_BACKUP_NEW ? VFS_RDONLY : VFS_LOCK;
    tuf_status st = open_log(&b->to, b->vfs, dest, how);
    if (st == TUF_NOT_FOUND)
        return make_full(b, dest);
    if (st == TUF_OK && b->opts->flags & TUF_BACKUP_NEW)
        return TUF_EXISTS;
    if (st == TUF_OK)
        st = judge_copy(b, dest, &verdict);
    if (st != TUF_OK)
        return st;
    if (verdict == APPEND)
        return append_new(b);
    close_log(&b->to);
    b->report->diverged = verdict == DIVERGED;
    return make_full(b, dest);
}

/* ---- the call ----------------------------------------------------------------------------------- */

/* Where the log of an earlier state ends. */
static tuf_status find_stop(struct backup *b, const char *source)
{
    b->stop = UINT64_MAX;
    if (b->opts->at_kind == TUF_AT_NEWEST)
        return TUF_OK;
    tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
    opts.flags = TUF_OPEN_RDONLY;
    opts.vfs = b->vfs;
    opts.at_kind = b->opts->at_kind;
    opts.at = b->opts->at;
    tuf_db *db = NULL;
    tuf_status st = tuf_db_open(&db, source, &opts);
    if (st != TUF_OK)
        return st;
    bool same = memcmp(db->store->log.super.uuid, b->from.super.uuid, 16) == 0;
    b->stop = db->store->log.tail_off;
    st = tuf_db_close(&db);
    if (st == TUF_OK && !same)
        return tufi_fail(TUF_E_LOCKED, "%.120s was compacted at this moment", source);
    return st;
}

static tuf_status run(struct backup *b, const char *source, const char *dest)
{
    tuf_status st = open_log(&b->from, b->vfs, source, VFS_RDONLY);
    if (st == TUF_OK)
        st = tufi_log_read_super(&b->from);
    if (st == TUF_OK)
        st = tufi_backup_find_trim(&b->from_trim, &b->from);
    if (st == TUF_OK)
        st = find_stop(b, source);
    if (st == TUF_OK)
        st = bring_up_to_date(b, dest);
    if (st != TUF_OK)
        return st;
    b->report->size = b->end.off;
    b->report->commit_count = b->end.last.commit;
    b->report->update_seq = b->end.last.update_seq;
    b->report->time_us = b->end.last.time_us;
    return TUF_OK;
}

/* Whether the source was given holes meanwhile: then what looked like damage was none. */
static bool was_trimmed(struct backup *b)
{
    uint64_t trim_off = b->from_trim;
    tuf_error error = *tuf_last_error();
    bool changed = b->from.file && tufi_backup_find_trim(&trim_off, &b->from) == TUF_OK &&
                   trim_off != b->from_trim;
    tufi_error_restore(&error);
    return changed;
}

static tuf_status run_again(struct backup *b, const char *source, const char *dest)
{
    close_log(&b->from);
    close_log(&b->to);
    b->begun = false;
    b->end = (struct log_end){ .off = 0 };
    memset(b->report, 0, sizeof(*b->report));
    return run(b, source, dest);
}

tuf_status tuf_backup(tuf_backup_report *report, const char *source, const char *dest,
                      const tuf_backup_options *opts)
{
    tufi_error_clear();
    tuf_backup_options options = TUF_BACKUP_OPTIONS_INIT;
    tuf_backup_report own;
    struct backup b = { .opts = &options, .report = report ? report : &own };
    memset(b.report, 0, sizeof(*b.report));
    tuf_status st = tufi_take_options(&options, sizeof(options), opts);
    if (st != TUF_OK)
        return st;
    if (b.opts->at_kind != TUF_AT_NEWEST && !(b.opts->flags & TUF_BACKUP_NEW))
        return tufi_fail(TUF_E_MISUSE, "a backup does not go back: an earlier state is a new file");
    b.vfs = b.opts->vfs ? b.opts->vfs : tufi_vfs_posix();
    b.block = tufi_alloc(LOG_SCAN_BLOCK_SIZE);
    st = b.block ? run(&b, source, dest) : tufi_nomem();
    for (int i = 0; st == TUF_E_CORRUPT && was_trimmed(&b) && i < ATTEMPTS_MAX; i++)
        st = run_again(&b, source, dest);
    release(&b);
    return st;
}
