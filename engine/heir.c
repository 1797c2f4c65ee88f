/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the file that a compaction fills, NAME.compact: whether one that was left behind can be
 * continued, and what happens to it otherwise.
 *
 * An heir's checkpoints carry a note (struct heirinfo): of which file it is the heir, how far that
 * file's log was synced when the heir's copy was taken, and up to which sequence it has the documents.
 *
 * INV-HE-1: an heir is continued only if the file has the note's id and, at the note's place, a frame
 *           that follows the frame the note names: so every sequence that the heir holds is still
 *           what it was, even if somebody put an older copy of the file in its place.
 * INV-HE-2: a file of that name that belongs to another database is never touched.
 *
 * Not here: filling it (compactor/).
 */
#include <inttypes.h>

#include "base/alloc.h"
#include "engine/db.h"

char *tufi_compact_path(const char *path, const char *suffix)
{
    struct buf name = BUF_INIT;
    tufi_buf_printf(&name, "%s.compact%s", path, suffix);
    buf_append_u8(&name, 0);
    if (name.failed)
        tufi_buf_release(&name);
    return (char *)tufi_buf_take(&name);
}

tuf_status tufi_heir_note(struct heirinfo *out, tuf_db *heir)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    tuf_status st = tuf_db_snapshot(&snapshot, heir);
    if (st < 0)
        return st;
    struct btree_env *env = snapshot->store->env;
    struct btree_pin pin = BTREE_PIN_INIT;
    tuf_slice value;
    st = tufi_btree_find(env, snapshot_tree(snapshot, TREE_LOCAL), tuf_str(HEIR_KEY), &value, &pin);
    if (st == TUF_OK)
        st = tufi_heirinfo_decode(out, value);
    tufi_btree_unpin(env, &pin);
    return st;
}

/* INV-HE-1. */
static tuf_status fits_log(const struct heirinfo *note, struct log *log)
{
    if (memcmp(note->source_uuid, log->super.uuid, sizeof(note->source_uuid)) != 0)
        return TUF_NOT_FOUND;
    pthread_mutex_lock(&log->tail);
    uint64_t tail_off = log->tail_off;
    uint32_t tail_crc = log->tail_crc;
    pthread_mutex_unlock(&log->tail);
    if (note->mark_off >= tail_off)
        return note->mark_off == tail_off && note->mark_crc == tail_crc ? TUF_OK : TUF_NOT_FOUND;
    uint8_t head[FRAME_HEADER_SIZE];
    struct frame_header h;
    tuf_status st = tufi_vfs_read_exact(log->file, head, sizeof(head), note->mark_off);
    if (st == TUF_OK)
        st = tufi_frame_decode(&h, head, note->mark_off, log->super.uuid);
    return st == TUF_OK && h.prev_crc != note->mark_crc ? TUF_NOT_FOUND : st;
}

static tuf_status open_left_over(tuf_db **out, const char *path, tuf_db *db, unsigned flags)
{
    TUF_AUTO(tufi_store_unref) struct store *store = tufi_store_acquire(db);
    tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
    opts.flags = flags;
    opts.vfs = store->log.vfs;
    opts.cache_size = db->cache_size;
    opts.compression = db->compression;
    opts.gzip_level = db->gzip_level;
    opts.compressible_types = db->compressible_types;
    opts.checkpoint_log_size = UINT64_MAX; /* it says itself when */
    opts.checkpoint_dirty_size = SIZE_MAX;
    return tufi_db_open_as_heir(out, path, &opts, &store->log.super);
}

/* Whether the file is this database's. TUF_NOT_FOUND: there is none. */
static tuf_status ask_owner(bool *ours, const char *path, const struct log *log)
{
    struct log other = { .vfs = log->vfs };
    tuf_status st = log->vfs->open(log->vfs, path, VFS_RDONLY, &other.file);
    if (st != TUF_OK)
        return st;
    st = tufi_log_read_super(&other);
    other.file->ops->close(other.file);
    *ours = st == TUF_OK && other.super.database_id == log->super.database_id &&
            other.super.created_us == log->super.created_us;
    return st == TUF_E_IO || st == TUF_E_NOMEM ? st : TUF_OK;
}

/* Looks at what stands under the heir's name. TUF_OK: it can be continued; TUF_NOT_FOUND: nothing is
 * there, or was and is removed. */
static tuf_status judge(tuf_db **heir_out, const char *path, tuf_db *db, unsigned flags)
{
    struct log *log = &db->store->log;
    bool ours = false;
    tuf_status st = ask_owner(&ours, path, log);
    if (st != TUF_OK)
        return st;
    if (!ours) /* INV-HE-2 */
        return tufi_fail(TUF_E_INVALID, "%.200s is in the way: it is no part of this database",
                         path);
    tuf_db *heir = NULL;
    struct heirinfo note;
    st = open_left_over(&heir, path, db, flags);
    if (st == TUF_OK)
        st = tufi_heir_note(&note, heir);
    if (st == TUF_OK)
        st = fits_log(&note, log);
    if (st == TUF_OK) {
        *heir_out = heir;
        return TUF_OK;
    }
    tufi_db_free_handle(&heir);
    if (st == TUF_E_NOMEM || st == TUF_E_LOCKED)
        return st;
    st = log->vfs->unlink(log->vfs, path);
    return st < 0 ? st : TUF_NOT_FOUND;
}

static tuf_status unlink_side_files(const struct log *log)
{
    static const char *const suffixes[] = { ".new", ".runs", ".rows" };
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        TUF_AUTOFREE char *path = tufi_compact_path(log->path, suffixes[i]);
        tuf_status st = path ? log->vfs->unlink(log->vfs, path) : tufi_nomem();
        if (st < 0)
            return st;
    }
    return TUF_OK;
}

tuf_status tufi_heir_tidy(tuf_db *db)
{
    struct log *log = &db->store->log;
    TUF_AUTOFREE char *path = tufi_compact_path(log->path, "");
    if (!path)
        return tufi_nomem();
    tuf_status st = unlink_side_files(log);
    if (st < 0)
        return st;
    tuf_db *heir = NULL;
    st = judge(&heir, path, db, TUF_OPEN_RDONLY);
    tufi_db_free_handle(&heir);
    if (st == TUF_E_INVALID || st == TUF_E_IO) {
        tufi_error_clear(); /* whatever it is, it does not keep the database from opening */
        return TUF_OK;
    }
    return st < 0 ? st : TUF_OK;
}

tuf_status tufi_heir_open(tuf_db **out, struct heirinfo *note, const char *path, tuf_db *db)
{
    tuf_db *heir = NULL;
    tuf_status st = judge(&heir, path, db, 0);
    if (st == TUF_OK)
        st = tufi_heir_note(note, heir);
    if (st == TUF_OK) {
        *out = heir;
        return TUF_OK;
    }
    tufi_db_free_handle(&heir);
    if (st != TUF_NOT_FOUND)
        return st;
    *note = (struct heirinfo){ .copied_seq = 0 };
    return tufi_fold(open_left_over(out, path, db, TUF_OPEN_CREATE | TUF_OPEN_EXCLUSIVE));
}
