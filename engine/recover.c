/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what opening a database does: find the newest checkpoint, replay the frames after it, drop a
 * torn tail, refuse when acknowledged bytes are damaged.
 *
 * 1. Scan back from the end of the file, sector by sector, for a valid frame header. It names the
 *    newest checkpoint (or is one).
 * 2. From the checkpoint go forward while frames are valid and chained. Apply commits.
 * 3. At the first place without such a frame: if any valid frame behind it says that this place had
 *    been synced, acknowledged bytes are damaged: E_CORRUPT, and the file is not touched.
 *    Otherwise this is the end of the log: cut the file here and seal it with an empty frame.
 * 4. Sync before anything is shown: after a kill the newest frames may be in the page cache only.
 *    And read what was not yet declared durable from the device, not from the page cache: after a
 *    failed sync the cache shows frames that were never written, and a sync of them succeeds.
 *
 * INV-RE-1: recovery never removes a byte that some later frame declares durable.
 * INV-RE-2: recovering twice gives the same state.
 * INV-RE-3: what is shown after opening for writing was synced before it was read.
 * INV-RE-4: frames that recovery did not take are never taken by a later one.
 *
 * A read-only opening may stop earlier (tuf_open_options.at): it then begins at the newest checkpoint
 * that is not too new, which the chain of checkpoints leads to.
 * INV-RE-5: what is shown of the past is a state that a commit left. Compaction writes checkpoints of
 *           unfinished states too: replay shows them up, because a checkpoint that does not equal
 *           the replay before it is where the file's past begins, and one that says that it is
 *           unfinished (CHECKPOINT_UNFINISHED) is shown to nobody but the compaction.
 * INV-RE-6: a file that a compaction wrote has its commits in its checkpoints only. Frames there name
 *           commits that the log does not hold: without the checkpoint they are damage, not the newest.
 */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/crc32c.h"
#include "base/testhook.h"
#include "engine/db.h"

struct recovery {
    tuf_db *db;
    struct log *log;
    uint64_t file_size;
    uint64_t limit;      /* nothing behind counts; UINT64_MAX: the file ends where it ends */
    uint64_t off;        /* next frame to look at */
    uint32_t chain;      /* header_crc of the frame before */
    bool at_checkpoint;  /* the frame before is a checkpoint */
    bool created;        /* the file was made by this very open */
    bool acknowledged;   /* a frame behind says that the place at hand was synced */
    uint64_t newest_checkpoint; /* found from the end, 0: none */
    tuf_status search_status;   /* of reading checkpoints on the way there */
    struct db_view now;
    struct btree_txn *txn;
    struct buf payload;  /* of the frame at hand */
    struct docrec_view scratch;
};

/* Reads a frame's payload and compares its checksum. TUF_NOT_FOUND if it does not match. */
static tuf_status read_payload(struct recovery *r, const struct frame_header *h)
{
    uint64_t start = h->off + FRAME_HEADER_SIZE;
    if (start > r->file_size || h->payload_len > r->file_size - start)
        return TUF_NOT_FOUND;
    tufi_buf_clear(&r->payload);
    if (!tufi_buf_reserve(&r->payload, (size_t)h->payload_len))
        return tufi_nomem();
    r->payload.len = (size_t)h->payload_len;
    tuf_status st = tufi_log_read_padded(r->log, r->payload.data, r->payload.len, start);
    if (st < 0)
        return st;
    bool good = tufi_crc32c(0, r->payload.data, r->payload.len) == h->payload_crc;
    return good || tufi_planted("trust_size") ? TUF_OK : TUF_NOT_FOUND;
}

/* The same for a frame whose payload is not needed: in bounded memory, however long it is. */
static tuf_status skim_payload(struct recovery *r, const struct frame_header *h)
{
    uint64_t off = h->off + FRAME_HEADER_SIZE;
    if (off > r->file_size || h->payload_len > r->file_size - off)
        return TUF_NOT_FOUND;
    tufi_buf_clear(&r->payload);
    if (!tufi_buf_reserve(&r->payload, LOG_SCAN_BLOCK_SIZE))
        return tufi_nomem();
    tuf_status st = tufi_log_skim_payload(r->log, h, r->payload.data);
    return st == TUF_NOT_FOUND && tufi_planted("trust_size") ? TUF_OK : st;
}

/* Accepts the first header from the end that leads to a checkpoint, or that has none before it. */
static bool note_newest(const struct frame_header *h, void *ctx)
{
    struct recovery *r = ctx;
    if (h->kind == FRAME_CHECKPOINT) {
        r->search_status = read_payload(r, h);
        if (r->search_status == TUF_NOT_FOUND)
            return false; /* torn: the one before is named by an earlier frame */
        r->newest_checkpoint = h->off;
    } else {
        r->newest_checkpoint = h->checkpoint_off;
    }
    return true;
}

/* One that could not be read may be whole: what lies before it is no substitute. */
static tuf_status find_newest(struct recovery *r)
{
    tuf_status st = tufi_log_scan_back(r->log, r->file_size, note_newest, r);
    return st == TUF_OK && r->search_status < 0 ? r->search_status : st;
}

static void root_of(struct btree *tree, unsigned kind, const struct checkpoint_root *root)
{
    tree->root = (struct node_ref){ root->off, root->len, root->crc, NULL };
    /* All roots were decoded. NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign) */
    tree->height = root->height;
    tree->entry_count = root->entry_count;
    tree->kind = (uint8_t)kind;
    memcpy(tree->total.v, root->reduction, sizeof(tree->total.v));
}

/* Where a checkpoint must be. */
static tuf_status read_checkpoint(struct recovery *r, struct frame_header *h,
                                  struct checkpoint *ck, uint64_t off)
{
    tuf_status st = tufi_log_read_checkpoint(ck, h, r->log, off);
    return st == TUF_NOT_FOUND ? tufi_corrupt(off, "a checkpoint is damaged") : st;
}

static tuf_status load_checkpoint(struct recovery *r, uint64_t off)
{
    struct frame_header h;
    struct checkpoint ck;
    tuf_status st = read_checkpoint(r, &h, &ck, off);
    if (st == TUF_OK && ck.commit == CHECKPOINT_UNFINISHED && !r->db->is_heir)
        return tufi_corrupt(off, /* INV-RE-5 */
                            "the file ends within what a compaction wrote, the rest is missing");
    if (st < 0)
        return st;
    for (unsigned kind = 0; kind < TREE_KINDS; kind++)
        root_of(tufi_btree_txn_tree(r->txn, kind), kind, &ck.roots[kind]);
    r->now.update_seq = ck.update_seq;
    r->now.purge_seq = ck.purge_seq;
    r->now.commit = ck.commit;
    r->now.checkpoint_off = off;
    r->now.checkpoint_us = h.time_us;
    r->off = off + tufi_frame_span(&h, r->log->super.sector_size);
    r->chain = h.header_crc;
    r->at_checkpoint = true;
    r->log->checkpoint_off = off;
    r->log->checkpoint_end = r->off;
    r->log->trim_off = max_u64(r->log->trim_off, ck.trim_off);
    r->log->trim_noted = ck.trim_off;
    return tufi_load_settings(r->db->store->env, tufi_btree_txn_tree(r->txn, TREE_LOCAL), &r->now);
}

static tuf_status replay_record(struct recovery *r, struct reader *in, uint64_t end_off)
{
    struct record_header h;
    tuf_slice payload;
    struct rec_loc loc;
    tuf_status st = tufi_record_next(&h, &payload, &loc.off, in, end_off);
    if (st < 0)
        return st;
    loc.len = h.len;
    return tufi_apply_record(r->txn, &r->now, h.type, payload, loc, &r->scratch);
}

static tuf_status replay_commit(struct recovery *r, const struct frame_header *h)
{
    struct reader in = reader_of(buf_slice(&r->payload));
    uint64_t end_off = h->off + FRAME_HEADER_SIZE + h->payload_len;
    for (uint32_t i = 0; i < h->record_count; i++) {
        tuf_status st = replay_record(r, &in, end_off);
        if (st < 0)
            return st;
    }
    if (reader_left(&in) > 0 || r->now.update_seq > h->update_seq)
        return tufi_corrupt(h->off, "commit %" PRIu64 " does not add up", h->commit);
    r->now.update_seq = h->update_seq; /* purges and settings raise it without a record of it */
    r->now.commit = h->commit;
    return TUF_OK;
}

/* Takes the frame at r->off. TUF_NOT_FOUND: there is none that continues the log. */
static tuf_status replay_frame(struct recovery *r)
{
    struct frame_header h;
    tuf_status st = tufi_log_read_header(&h, r->log, r->off);
    if (st != TUF_OK)
        return st;
    if (h.prev_crc != r->chain && !tufi_planted("accept_any_chain"))
        return TUF_NOT_FOUND;
    st = h.kind == FRAME_COMMIT ? read_payload(r, &h) : skim_payload(r, &h);
    if (st != TUF_OK)
        return st;
    if (h.kind != FRAME_COMMIT && h.commit > r->now.commit && r->db->at_kind == TUF_AT_NEWEST)
        return tufi_corrupt(h.off, /* INV-RE-6 */
                            "a checkpoint is damaged: the log ends with commit %" PRIu64
                            " where a frame knows of %" PRIu64,
                            r->now.commit, h.commit);
    if (h.kind == FRAME_COMMIT) {
        if (h.commit != r->now.commit + 1)
            return tufi_corrupt(h.off, "commit %" PRIu64 " follows commit %" PRIu64, h.commit,
                                r->now.commit);
        st = replay_commit(r, &h);
        if (st < 0)
            return st;
    }
    r->off += tufi_frame_span(&h, r->log->super.sector_size);
    r->chain = h.header_crc;
    r->at_checkpoint = h.kind == FRAME_CHECKPOINT;
    return TUF_OK;
}

static bool note_durable(const struct frame_header *h, void *ctx)
{
    struct recovery *r = ctx;
    r->acknowledged = h->durable_off > r->off;
    return r->acknowledged;
}

/* INV-RE-1. The log has no valid frame at r->off: is that its end, or damage? */
static tuf_status judge_end(struct recovery *r)
{
    r->acknowledged = false;
    tuf_status st = tufi_log_scan_forward(r->log, r->file_size, r->off, note_durable, r);
    if (st == TUF_OK && r->acknowledged)
        return tufi_corrupt(r->off, "a frame that had been synced is damaged");
    return st;
}

/* INV-RE-4. The frames that were lost behind the end chain to the newest good one: should their
 * bytes come back (a growing file may show what its blocks held before), they would continue the
 * log. An empty frame in their place ends that chain for good. A full disk must not keep it from
 * opening. */
static tuf_status seal(struct recovery *r)
{
    struct log *log = r->log;
    TUF_AUTO(tufi_buf_release) struct buf frame = BUF_INIT;
    tufi_buf_append_zero(&frame, FRAME_HEADER_SIZE);
    if (frame.failed)
        return tufi_nomem();
    struct frame_header h = {
        .kind = FRAME_CHUNK,
        .commit = log->newest_commit,
        .update_seq = log->newest_seq,
    };
    tuf_status st = tufi_log_append(log, &frame, &h);
    return st == TUF_E_FULL ? TUF_OK : st;
}

static tuf_status cut_and_sync(struct recovery *r)
{
    struct log *log = r->log;
    log->tail_off = r->off;
    log->tail_crc = r->chain;
    log->newest_commit = r->now.commit;
    log->newest_seq = r->now.update_seq;
    log->filled_end = r->off;
    log->durable_off = r->off;
    r->now.size_file = r->off;
    if (log->readonly)
        return TUF_OK;
    if (r->limit == UINT64_MAX && r->file_size == r->off && (r->at_checkpoint || r->created))
        return TUF_OK; /* it was closed properly: nothing was lost */
    tuf_status st = TUF_OK;
    if (r->limit != UINT64_MAX || r->file_size != r->off)
        st = log->file->ops->truncate(log->file, r->off);
    if (st == TUF_OK && !tufi_planted("skip_seal"))
        st = seal(r);
    if (st == TUF_OK && !tufi_planted("skip_open_sync"))
        st = log->file->ops->sync(log->file);
    log->durable_off = log->tail_off;
    r->now.size_file = log->tail_off;
    return st;
}

static bool note_durable_off(const struct frame_header *h, void *ctx)
{
    *(uint64_t *)ctx = h->durable_off;
    return true;
}

/* INV-RE-3. Whatever frame is newest in the cache: what it declares durable is. */
static tuf_status sync_and_reread(struct recovery *r)
{
    struct log *log = r->log;
    if (log->readonly || tufi_planted("skip_open_sync"))
        return TUF_OK;
    tuf_status st = log->file->ops->sync(log->file);
    uint64_t durable_off = 0;
    if (st == TUF_OK)
        st = tufi_log_scan_back(log, r->file_size, note_durable_off, &durable_off);
    if (st == TUF_OK && !tufi_planted("trust_cache"))
        log->file->ops->forget(log->file, max_u64(durable_off, SUPERBLOCK_SIZE));
    return st;
}

/* Beside a writer, a frame may be completed after it was looked at, and one behind it then says
 * that it is durable. Looking again tells this from damage. */
static tuf_status look_again(struct recovery *r, tuf_status judged)
{
    if (judged != TUF_E_CORRUPT || !r->log->readonly)
        return judged;
    tuf_error error = *tuf_last_error();
    tuf_status st = replay_frame(r);
    if (st == TUF_NOT_FOUND) {
        tufi_error_restore(&error);
        return judged;
    }
    return st < 0 ? st : TUF_STOPPED;
}

/* ---- the past ---------------------------------------------------------------------------------- */

/* Whether a state with these marks is newer than the one that is asked for. */
static bool is_beyond(const struct recovery *r, uint64_t commit, uint64_t seq, uint64_t time_us)
{
    switch (r->db->at_kind) {
    case TUF_AT_COMMIT:
        return commit > r->db->at;
    case TUF_AT_SEQ:
        return seq > r->db->at;
    case TUF_AT_TIME:
        return time_us > r->db->at;
    default:
        return false;
    }
}

static tuf_status no_such_past(const struct recovery *r, const char *what)
{
    return tufi_fail(TUF_E_INVALID,
                     "%s commit %" PRIu64 ", sequence %" PRIu64 ": nothing is known of what is asked",
                     what, r->now.commit, r->now.update_seq);
}

/* INV-TR-1. The newest checkpoint knows what of the past was given back. */
static tuf_status take_trim(struct recovery *r)
{
    struct frame_header h;
    struct checkpoint ck;
    if (r->newest_checkpoint == 0)
        return TUF_OK;
    tuf_status st = read_checkpoint(r, &h, &ck, r->newest_checkpoint);
    if (st == TUF_OK)
        r->log->trim_off = ck.trim_off;
    return st;
}

static tuf_status given_back(uint64_t commit, uint64_t seq)
{
    return tufi_fail(TUF_E_INVALID,
                     "history before commit %" PRIu64 ", sequence %" PRIu64 " was given back", commit,
                     seq);
}

/* Follows the chain of checkpoints back to one that is not too new; 0: there is none. */
static tuf_status go_back(struct recovery *r, uint64_t *off)
{
    while (*off > 0) {
        struct frame_header h;
        struct checkpoint ck;
        tuf_status st = read_checkpoint(r, &h, &ck, *off);
        if (st < 0 || (ck.commit != CHECKPOINT_UNFINISHED &&
                       !is_beyond(r, ck.commit, ck.update_seq, h.time_us)))
            return st;
        if (*off <= r->log->trim_off)
            return given_back(ck.commit, ck.update_seq);
        *off = ck.prev_checkpoint_off; /* smaller: the decoder saw to it */
    }
    return TUF_OK;
}

/* INV-RE-5. A checkpoint on the way. *base_commit: the state that replay began with. */
static tuf_status pass_checkpoint(struct recovery *r, const struct frame_header *h,
                                  uint64_t *base_commit)
{
    struct frame_header again;
    struct checkpoint ck;
    tuf_status st = read_checkpoint(r, &again, &ck, h->off);
    if (st < 0 || ck.commit == CHECKPOINT_UNFINISHED ||
        (ck.commit == r->now.commit && ck.update_seq == r->now.update_seq))
        return st;
    if (r->now.commit != *base_commit)
        return tufi_corrupt(h->off, "a checkpoint is not the state after commit %" PRIu64,
                            r->now.commit);
    st = load_checkpoint(r, h->off);
    *base_commit = r->now.commit;
    if (st == TUF_OK && is_beyond(r, ck.commit, ck.update_seq, h->time_us))
        return no_such_past(r, "the file was compacted, its past begins with");
    return st;
}

/* Looks at the frame at r->off. TUF_END: it is a commit too new. */
static tuf_status look_ahead(struct recovery *r, uint64_t *base_commit)
{
    struct frame_header h;
    tuf_status st = tufi_log_read_header(&h, r->log, r->off);
    if (st != TUF_OK || h.prev_crc != r->chain)
        return st < 0 ? st : TUF_OK; /* for replay_frame to judge */
    if (h.kind == FRAME_COMMIT && is_beyond(r, h.commit, h.update_seq, h.time_us))
        return TUF_END;
    return h.kind == FRAME_CHECKPOINT ? pass_checkpoint(r, &h, base_commit) : TUF_OK;
}

/* The log ends before anything too new: any later time is now, but no later number exists. */
static tuf_status judge_newest(const struct recovery *r)
{
    uint64_t newest = r->db->at_kind == TUF_AT_SEQ ? r->now.update_seq : r->now.commit;
    if (r->db->at_kind != TUF_AT_TIME && newest < r->db->at)
        return no_such_past(r, "the newest state is");
    return TUF_OK;
}

/* Replays to the last commit that is not too new. */
static tuf_status replay_to(struct recovery *r)
{
    uint64_t base_commit = r->now.commit;
    for (;;) {
        uint64_t off = r->off;
        tuf_status st = look_ahead(r, &base_commit);
        if (st == TUF_END)
            return TUF_OK;
        if (st == TUF_OK && r->off == off) /* else a checkpoint was taken in the place of the base */
            st = replay_frame(r);
        if (st == TUF_NOT_FOUND) {
            st = look_again(r, judge_end(r));
            if (st == TUF_OK)
                return judge_newest(r);
        }
        if (st < 0)
            return st;
    }
}

static tuf_status replay_past(struct recovery *r)
{
    tuf_status st = find_newest(r);
    if (st == TUF_OK)
        st = take_trim(r);
    if (r->db->at_kind == TUF_AT_CHECKPOINT) /* whatever the newest one is like */
        return r->db->at < r->log->trim_off
                   ? tufi_corrupt(r->db->at, "what this checkpoint reaches was given back")
                   : load_checkpoint(r, r->db->at);
    uint64_t off = r->newest_checkpoint;
    if (st == TUF_OK)
        st = go_back(r, &off);
    if (st == TUF_OK && off > 0)
        st = load_checkpoint(r, off);
    if (st == TUF_OK && off == 0 && r->db->at_kind == TUF_AT_TIME &&
        r->db->at < r->log->super.created_us)
        return no_such_past(r, "the database was made later; it began with");
    return st < 0 ? st : replay_to(r);
}

/* Replays to the end of the log. TUF_OK: r->off is the end. */
static tuf_status replay_tail(struct recovery *r)
{
    for (;;) {
        tuf_status st = TUF_OK;
        while (st == TUF_OK)
            st = replay_frame(r);
        if (st == TUF_NOT_FOUND)
            st = look_again(r, judge_end(r));
        if (st != TUF_STOPPED)
            return st;
    }
}

static tuf_status replay_all(struct recovery *r)
{
    if (r->db->at_kind != TUF_AT_NEWEST) {
        tuf_status past = replay_past(r);
        return past < 0 ? past : cut_and_sync(r);
    }
    tuf_status st = sync_and_reread(r);
    if (st == TUF_OK)
        st = find_newest(r);
    if (st == TUF_OK && r->newest_checkpoint > 0)
        st = load_checkpoint(r, r->newest_checkpoint);
    if (st == TUF_OK && !r->db->is_heir)
        st = replay_tail(r);
    return st < 0 ? st : cut_and_sync(r);
}

static tuf_status recover(struct recovery *r)
{
    struct log *log = r->log;
    tuf_status st = log->file->ops->size(log->file, &r->file_size);
    r->file_size = min_u64(r->file_size, r->limit);
    if (st == TUF_OK)
        st = tufi_btree_txn_begin(&r->txn, r->db->store->env);
    if (st < 0)
        return st;
    TUF_AUTOFREE struct db_view *view = tufi_alloc(sizeof(*view));
    st = view ? replay_all(r) : tufi_nomem();
    if (st < 0) {
        tufi_btree_txn_abort(&r->txn);
        return st;
    }
    r->db->now = r->now;
    r->db->visible_seq = r->now.update_seq;
    *view = r->now;
    tufi_btree_txn_publish(&r->txn, tufi_steal(view), tufi_free);
    return TUF_OK;
}

static tuf_status recover_below(tuf_db *db, uint64_t limit)
{
    struct recovery r = {
        .db = db,
        .log = &db->store->log,
        .limit = limit,
        .off = SUPERBLOCK_SIZE,
        .created = db->store->log.filled_end == SUPERBLOCK_SIZE, /* set by tufi_log_create */
        .now = { .revs_limit = REVS_LIMIT_DEFAULT,
                 .purged_infos_limit = PURGED_INFOS_LIMIT_DEFAULT },
    };
    db->store->log.checkpoint_end = SUPERBLOCK_SIZE;
    tuf_status st = recover(&r);
    tufi_buf_release(&r.payload);
    tufi_docrec_view_release(&r.scratch);
    return st;
}

tuf_status tufi_db_recover(tuf_db *db)
{
    /* After a power failure in the middle of a backup, later frames may be there without earlier
     * ones, newest checkpoints included: what was not synced does not count. */
    uint64_t limit = UINT64_MAX;
    tuf_status st = tufi_backup_whole_end(&limit, &db->store->log);
    return st < 0 ? st : recover_below(db, limit);
}
