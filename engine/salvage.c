/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: tuf_salvage: a new database of what is intact in a damaged one.
 *
 *   1. Walk the file and note every intact record (salvage_scan.c).
 *   2. Open the newest checkpoint that can be opened, for what compaction keeps in trees only: limits,
 *      named values, the purge log. Apply later records of these.
 *   3. Write each document's revisions, oldest first, one of each document in a commit, so that older
 *      ones are stored before they are replaced.
 *   4. Say what that checkpoint knows of and was not found.
 *
 * INV-SA-3: a salvage that neither fails nor says so leaves nothing out and brings nothing back.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "engine/options.h"
#include "engine/salvage.h"
#include "json/docscan.h"
#include "tuffet/doc.h"

#define BATCH_COUNT 256

tuf_status tufi_salvage_grow(void **array, size_t count, size_t *cap, size_t size)
{
    if (count < *cap)
        return TUF_OK;
    size_t more = *cap > 0 ? *cap * 2 : 64;
    void *grown = more < SIZE_MAX / size ? tufi_realloc(*array, more * size) : NULL;
    if (!grown)
        return tufi_nomem();
    *array = grown;
    *cap = more;
    return TUF_OK;
}

void tufi_salvage_tell(struct salvage *s, uint64_t off, tuf_slice id, const char *format, ...)
{
    char text[200];
    va_list args;
    if (!s->opts->found)
        return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    tuf_finding finding = { .file_off = off, .id = id, .text = text };
    s->opts->found(&finding, s->opts->ctx);
}

/* ---- what is found ------------------------------------------------------------------------------ */

static tuf_status note_item(struct salvage *s, enum record_type type, tuf_slice id, uint64_t off,
                            size_t len)
{
    tuf_status st = tufi_salvage_grow((void **)&s->items, s->item_count, &s->item_cap,
                                      sizeof(*s->items));
    if (st == TUF_OK)
        s->items[s->item_count++] =
            (struct salvage_item){ slice_hash(id), off, (uint32_t)len, type };
    return st;
}

static tuf_status note_meta(struct salvage *s, tuf_slice payload, uint64_t off)
{
    uint8_t place[8];
    put_be64(place, off);
    tufi_buf_append(&s->metas, place, sizeof(place));
    write_sized(&s->metas, payload);
    return buf_status(&s->metas);
}

static tuf_status note_record(struct salvage *s, enum record_type type, tuf_slice payload,
                              uint64_t off)
{
    TUF_AUTO(tufi_docrec_view_release) struct docrec_view view = DOCREC_VIEW_INIT;
    struct localrec local;
    struct purgerec purge;
    tuf_slice id = tuf_slice_of(NULL, 0), tree;
    tuf_status st = TUF_OK;
    switch (type) {
    case RECORD_DOC:
        st = tufi_docrec_decode(&view, payload, off);
        id = view.rec.id;
        break;
    case RECORD_TREE:
        st = tufi_treerec_decode(&id, &tree, payload, off);
        break;
    case RECORD_LOCAL:
        st = tufi_localrec_decode(&local, payload, off);
        id = local.id;
        break;
    case RECORD_PURGE:
        st = tufi_purgerec_decode(&purge, payload, off);
        id = purge.id;
        break;
    case RECORD_META:
        return note_meta(s, payload, off);
    case RECORD_CHUNK:
    default:
        return TUF_OK;
    }
    if (st == TUF_E_CORRUPT)
        return TUF_OK; /* a good checksum over nonsense: nobody's record */
    return st < 0 ? st : note_item(s, type, id, off, payload.len);
}

/* ---- settings ----------------------------------------------------------------------------------- */

static tuf_status put_setting(struct salvage *s, tuf_slice key, tuf_slice value, bool removed)
{
    struct reader in = reader_of(value);
    uint64_t limit = min_u64(read_varint(&in), UINT32_MAX);
    if (key.len > 1 && key.data[0] == LOCAL_KEY_META)
        return tuf_db_put_meta(s->to, tuf_slice_of(key.data + 1, key.len - 1),
                               removed                ? tuf_slice_of(NULL, 0)
                               : value.len > 0        ? value
                                                      : tuf_slice_of("", 0));
    if (in.bad || limit == 0)
        return TUF_OK;
    if (slice_is(key, "Crevs_limit"))
        return tuf_db_set_revs_limit(s->to, (uint32_t)limit);
    if (slice_is(key, "Cpurged_infos_limit"))
        return tuf_db_set_purged_infos_limit(s->to, (uint32_t)limit);
    return TUF_OK;
}

static tuf_status copy_meta(tuf_slice name, tuf_slice value, void *ctx)
{
    struct salvage *s = ctx;
    return tuf_db_put_meta(s->to, name, value.len > 0 ? value : tuf_slice_of("", 0));
}

static tuf_status put_purge(struct salvage *s, uint64_t seq, tuf_slice id, const tuf_rev *revs,
                            size_t count)
{
    TUF_AUTOFREE bool *flags = tufi_alloc_array(count + 1, sizeof(*flags));
    if (!flags)
        return tufi_nomem();
    tuf_purge_item item = { .id = id, .revs = revs, .rev_count = count, .purged_out = flags };
    return tuf_db_restore_purges(s->to, max_u64(seq, 1), &item, 1);
}

static tuf_status copy_purge(const tuf_purge_info *info, void *ctx)
{
    return put_purge(ctx, info->purge_seq, info->id, info->revs, info->rev_count);
}

static tuf_status copy_settings(struct salvage *s, tuf_snapshot *snapshot)
{
    tuf_db_info info = { .struct_size = sizeof(info) };
    tuf_status st = tuf_snapshot_info(&info, snapshot);
    if (st == TUF_OK)
        st = tuf_db_set_revs_limit(s->to, info.revs_limit);
    if (st == TUF_OK)
        st = tuf_db_set_purged_infos_limit(s->to, info.purged_infos_limit);
    if (st == TUF_OK)
        st = tuf_snapshot_metas(snapshot, copy_meta, s);
    return st == TUF_OK ? tuf_snapshot_purges(snapshot, 0, copy_purge, s) : st;
}

/* The newest checkpoint whose settings can be read; *out NULL: there is none. */
static tuf_status open_past(struct salvage *s, tuf_db **out, tuf_snapshot **snapshot_out,
                            uint64_t *off_out)
{
    for (size_t i = s->checkpoint_count; i-- > 0;) {
        tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
        opts.flags = TUF_OPEN_RDONLY;
        opts.vfs = s->vfs;
        opts.at_kind = TUF_AT_CHECKPOINT;
        opts.at = s->checkpoints[i];
        tuf_status st = tuf_db_open(out, s->from->log.path, &opts);
        if (st == TUF_OK)
            st = tuf_db_snapshot(snapshot_out, *out);
        if (st == TUF_OK)
            st = copy_settings(s, *snapshot_out);
        if (st == TUF_OK) {
            *off_out = s->checkpoints[i];
            return TUF_OK;
        }
        tuf_snapshot_free(snapshot_out);
        (void)tuf_db_close(out);
        if (st != TUF_E_CORRUPT && st != TUF_E_IO && st != TUF_NOT_FOUND)
            return st;
    }
    return TUF_OK;
}

/* Values and limits that were set after the checkpoint. */
static tuf_status later_metas(struct salvage *s, uint64_t since)
{
    struct reader in = reader_of(buf_slice(&s->metas));
    tuf_status st = TUF_OK;
    while (st == TUF_OK && reader_left(&in) > 0) {
        struct metarec rec;
        tuf_slice place = read_bytes(&in, 8), payload = read_sized(&in);
        uint64_t off = get_be64(place.data);
        if (off > since && tufi_metarec_decode(&rec, payload, off) == TUF_OK)
            st = put_setting(s, rec.key, rec.value, rec.removed);
    }
    return st;
}

static tuf_status later_purges(struct salvage *s, uint64_t since)
{
    TUF_AUTO(tufi_buf_release) struct buf payload = BUF_INIT;
    tuf_status st = TUF_OK;
    for (size_t i = 0; st == TUF_OK && i < s->item_count; i++) {
        const struct salvage_item *item = &s->items[i];
        struct rec_loc loc = { item->off, item->len };
        struct purgerec rec;
        if (item->type != RECORD_PURGE || item->off < since)
            continue;
        TUF_AUTOFREE tuf_rev *revs = NULL;
        size_t count = 0;
        st = tufi_log_read_record(&s->from->log, loc, RECORD_PURGE, &payload);
        if (st == TUF_OK)
            st = tufi_purgerec_decode(&rec, buf_slice(&payload), item->off);
        if (st == TUF_OK)
            st = tufi_revlist_decode(&revs, &count, rec.revs, item->off);
        if (st == TUF_OK)
            st = put_purge(s, rec.purge_seq, rec.id, revs, count);
        if (st == TUF_E_CORRUPT)
            st = TUF_OK;
    }
    return st;
}

/* ---- documents ---------------------------------------------------------------------------------- */

/* Items of one hash value, which are one document, or seldom several. */
struct group {
    size_t first, count;
    uint64_t newest_off;
};

static int compare_items(const void *a, const void *b)
{
    const struct salvage_item *x = a, *y = b;
    if (x->id_hash != y->id_hash)
        return x->id_hash < y->id_hash ? -1 : 1;
    return x->off < y->off ? -1 : x->off > y->off;
}

static int compare_groups(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    return x->newest_off < y->newest_off ? -1 : x->newest_off > y->newest_off;
}

/* Documents in the order of their newest records, as they were by sequence. */
static tuf_status make_groups(struct salvage *s, struct group **out, size_t *count_out)
{
    size_t count = 0;
    if (s->item_count > 0)
        qsort(s->items, s->item_count, sizeof(*s->items), compare_items);
    struct group *groups = tufi_alloc_array(s->item_count + 1, sizeof(*groups));
    if (!groups)
        return tufi_nomem();
    for (size_t i = 0; i < s->item_count; i++) {
        if (count == 0 || s->items[groups[count - 1].first].id_hash != s->items[i].id_hash)
            groups[count++] = (struct group){ .first = i };
        groups[count - 1].count++;
        groups[count - 1].newest_off = s->items[i].off;
    }
    qsort(groups, count, sizeof(*groups), compare_groups);
    *out = groups;
    *count_out = count;
    return TUF_OK;
}

/* The id of a document's record; empty for one of another kind. Copied into `out`. */
static tuf_status read_id(struct salvage *s, const struct salvage_item *item, struct buf *out)
{
    TUF_AUTO(tufi_buf_release) struct buf payload = BUF_INIT;
    TUF_AUTO(tufi_docrec_view_release) struct docrec_view view = DOCREC_VIEW_INIT;
    struct rec_loc loc = { item->off, item->len };
    tufi_buf_clear(out);
    if (item->type != RECORD_DOC)
        return TUF_OK;
    tuf_status st = tufi_log_read_record(&s->from->log, loc, RECORD_DOC, &payload);
    if (st == TUF_OK)
        st = tufi_docrec_decode(&view, buf_slice(&payload), item->off);
    if (st == TUF_OK)
        buf_append_slice(out, view.rec.id);
    return st < 0 ? st : buf_status(out);
}

/* A batch of documents on their way. */
struct batch {
    struct salvage *s;
    struct salvage_doc docs[BATCH_COUNT];
    size_t doc_count;
    tuf_edit *edits[BATCH_COUNT];
    size_t edit_count;
};

static void batch_release(struct batch *b)
{
    for (size_t i = 0; i < b->edit_count; i++)
        tuf_edit_free(&b->edits[i]);
    for (size_t i = 0; i < b->doc_count; i++)
        tufi_salvage_doc_release(&b->docs[i]);
    b->edit_count = b->doc_count = 0;
}

static tuf_status commit_edits(struct batch *b)
{
    tuf_status st = b->edit_count > 0 ? tuf_db_commit(b->s->to, b->edits, b->edit_count,
                                                      TUF_COMMIT_NO_WAIT)
                                      : TUF_OK;
    for (size_t i = 0; i < b->edit_count; i++) {
        tuf_edit_result result;
        tuf_edit_get_result(&result, b->edits[i]);
        b->s->report->revs_written += st == TUF_OK && result.stored;
        tuf_edit_free(&b->edits[i]);
    }
    b->edit_count = 0;
    return st;
}

/* The round-th revision of each document. */
static tuf_status write_round(struct batch *b, size_t round)
{
    for (size_t i = 0; i < b->doc_count; i++) {
        struct salvage_doc *d = &b->docs[i];
        if (round >= tufi_salvage_doc_count(d))
            continue;
        tuf_edit *edit = NULL;
        tuf_status st = tufi_salvage_doc_edit(&edit, d, round);
        if (st == TUF_OK) {
            b->edits[b->edit_count++] = edit;
        } else if (st == TUF_E_CORRUPT || st == TUF_E_INVALID || st == TUF_E_IO) {
            tuf_error error = *tuf_last_error();
            b->s->report->revs_lost++;
            tufi_salvage_tell(b->s, error.file_off, d->id, "%s", error.text);
        } else {
            return st;
        }
    }
    return commit_edits(b);
}

static tuf_status write_batch(struct batch *b)
{
    size_t rounds = 0;
    tuf_status st = TUF_OK;
    for (size_t i = 0; i < b->doc_count; i++) {
        size_t count = tufi_salvage_doc_count(&b->docs[i]);
        rounds = max_size(rounds, count);
        b->s->report->docs_written += count > 0;
    }
    for (size_t round = 0; st == TUF_OK && round < rounds; round++)
        st = write_round(b, round);
    batch_release(b);
    return st;
}

/* Whether an earlier item of the group has this id. */
static bool seen_before(const struct batch *b, size_t from, tuf_slice id)
{
    for (size_t i = from; i < b->doc_count; i++)
        if (slice_equal(b->docs[i].id, id))
            return true;
    return false;
}

static tuf_status add_group(struct batch *b, const struct group *group)
{
    struct salvage *s = b->s;
    const struct salvage_item *items = &s->items[group->first];
    size_t from = b->doc_count;
    for (size_t i = 0; i < group->count && b->doc_count < BATCH_COUNT; i++) {
        TUF_AUTO(tufi_buf_release) struct buf id = BUF_INIT;
        tuf_status st = read_id(s, &items[i], &id);
        if (st < 0 && st != TUF_E_CORRUPT && st != TUF_E_IO)
            return st;
        if (st < 0) { /* it was intact when the file was walked */
            s->report->revs_lost++;
            tufi_salvage_tell(s, items[i].off, tuf_slice_of(NULL, 0), "a record cannot be read any more");
        }
        if (st < 0 || id.len == 0 || seen_before(b, from, buf_slice(&id)))
            continue; /* no document's, or one that is there already */
        struct salvage_doc *d = &b->docs[b->doc_count++];
        *d = (struct salvage_doc){ .s = s, .items = items, .item_count = group->count };
        d->id_bytes = id;
        id = (struct buf)BUF_INIT;
        d->id = buf_slice(&d->id_bytes);
        st = tufi_salvage_doc_plan(d);
        if (st < 0)
            return st;
        if (group->count < 64)
            continue;
        /* Many records: nearly surely of this one document, and each look at an id costs a read. */
        if (tufi_salvage_doc_count(d) > group->count / 2)
            break;
    }
    return TUF_OK;
}

static tuf_status write_docs(struct salvage *s, const struct group *groups, size_t count)
{
    struct batch *b = tufi_alloc_zero(sizeof(*b));
    if (!b)
        return tufi_nomem();
    b->s = s;
    tuf_status st = TUF_OK;
    for (size_t i = 0; st == TUF_OK && i < count; i++) {
        st = add_group(b, &groups[i]);
        if (st == TUF_OK && (b->doc_count > BATCH_COUNT / 2 || i + 1 == count))
            st = write_batch(b);
        if (st == TUF_OK && s->opts->progress && s->opts->progress(i + 1, count, s->opts->ctx))
            st = TUF_STOPPED;
    }
    batch_release(b);
    tufi_free(b);
    return st;
}

/* ---- local documents ---------------------------------------------------------------------------- */

static tuf_status local_edit(tuf_edit **out, const struct localrec *rec, uint64_t off)
{
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf id = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf body = BUF_INIT;
    tufi_buf_printf(&id, "_local/");
    buf_append_slice(&id, rec->id);
    tuf_status st = tufi_body_unpack(&body, rec->codec, rec->body, rec->body_len, off);
    if (st < 0 || id.failed)
        return st < 0 ? st : tufi_nomem();
    buf_append_str(&json, "{\"_id\":");
    tufi_json_write_string(&json, buf_slice(&id));
    if (rec->rev > 1) /* what is stored is one more than what it is put upon */
        tufi_buf_printf(&json, ",\"_rev\":\"0-%" PRIu64 "\"", rec->rev - 1);
    if (body.len > 2) {
        buf_append_u8(&json, ',');
        tufi_buf_append(&json, body.data + 1, body.len - 2);
    }
    buf_append_u8(&json, '}');
    st = buf_status(&json);
    return st < 0 ? st : tuf_edit_parse(out, buf_slice(&json), NULL);
}

/* Whether an id is in a list of sized ones; adds it if it is not. */
static bool was_seen(struct buf *ids, tuf_slice id)
{
    struct reader in = reader_of(buf_slice(ids));
    while (reader_left(&in) > 0)
        if (slice_equal(read_sized(&in), id))
            return true;
    write_sized(ids, id);
    return false;
}

static tuf_status write_local(struct salvage *s, const struct salvage_item *item, struct buf *seen)
{
    TUF_AUTO(tufi_buf_release) struct buf payload = BUF_INIT;
    TUF_AUTO(tuf_edit_free) tuf_edit *edit = NULL;
    struct rec_loc loc = { item->off, item->len };
    struct localrec rec;
    tuf_status st = tufi_log_read_record(&s->from->log, loc, RECORD_LOCAL, &payload);
    if (st == TUF_OK)
        st = tufi_localrec_decode(&rec, buf_slice(&payload), item->off);
    if (st < 0)
        return st == TUF_E_CORRUPT ? TUF_OK : st;
    if (was_seen(seen, rec.id) || rec.removed)
        return buf_status(seen);
    st = local_edit(&edit, &rec, item->off);
    if (st == TUF_E_CORRUPT || st == TUF_E_INVALID)
        return TUF_OK;
    if (st == TUF_OK)
        st = tuf_db_commit(s->to, &edit, 1, TUF_COMMIT_NO_WAIT);
    s->report->locals_written += st == TUF_OK;
    return st;
}

/* The newest record of each: of what has one hash value from its end. */
static tuf_status write_locals(struct salvage *s)
{
    TUF_AUTO(tufi_buf_release) struct buf seen = BUF_INIT;
    tuf_status st = TUF_OK;
    for (size_t i = s->item_count; st == TUF_OK && i-- > 0;) {
        if (i + 1 < s->item_count && s->items[i + 1].id_hash != s->items[i].id_hash)
            tufi_buf_clear(&seen);
        if (s->items[i].type == RECORD_LOCAL)
            st = write_local(s, &s->items[i], &seen);
    }
    return st;
}

/* ---- what is missing ---------------------------------------------------------------------------- */

/* Whether the new database knows a revision, as a leaf or in a history. */
static tuf_status is_known(bool *out, tuf_doc **doc, tuf_snapshot *now, tuf_slice id, tuf_rev rev)
{
    *out = false;
    tuf_status st = tuf_doc_find_info(doc, now, id);
    if (st == TUF_OK)
        st = tuf_doc_known_revs(out, *doc, &rev, 1);
    return st == TUF_NOT_FOUND ? TUF_OK : st;
}

static tuf_status tell_missing(struct salvage *s, tuf_doc **doc, tuf_snapshot *now,
                               const tuf_docinfo *info)
{
    tuf_status st = TUF_OK;
    for (size_t i = 0; st == TUF_OK && i < info->leaf_count; i++) {
        bool known;
        char rev[TUF_REV_TEXT_SIZE];
        st = is_known(&known, doc, now, info->id, info->leaves[i].rev);
        if (st != TUF_OK || known)
            continue;
        tuf_rev_format(rev, info->leaves[i].rev);
        s->report->revs_lost++;
        tufi_salvage_tell(s, UINT64_MAX, info->id, "revision %s is lost", rev);
    }
    return st;
}

/* As far as the checkpoint's index can be read. */
static tuf_status compare_with_past(struct salvage *s, tuf_snapshot *past)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *now = NULL;
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    TUF_AUTO(tuf_cursor_free) tuf_cursor *cursor = NULL;
    static const tuf_range all = { .with_deleted = true };
    tuf_status st = tuf_db_snapshot(&now, s->to);
    if (st == TUF_OK)
        st = tuf_cursor_open_ids(&cursor, past, &all);
    while (st == TUF_OK) {
        const tuf_docinfo *info = NULL;
        st = tuf_cursor_next(&info, cursor);
        if (st == TUF_OK)
            st = tell_missing(s, &doc, now, info);
    }
    return st == TUF_END || st == TUF_E_CORRUPT || st == TUF_E_IO ? TUF_OK : st;
}

/* ---- the call ----------------------------------------------------------------------------------- */

static tuf_status write_all(struct salvage *s, uint64_t settings_off)
{
    struct group *groups = NULL;
    size_t count = 0;
    tuf_status st = later_metas(s, settings_off);
    if (st == TUF_OK)
        st = later_purges(s, settings_off); /* before the items are sorted: in order */
    if (st == TUF_OK)
        st = make_groups(s, &groups, &count);
    if (st == TUF_OK)
        st = write_docs(s, groups, count);
    tufi_free(groups);
    if (st == TUF_OK)
        st = write_locals(s);
    return st == TUF_OK ? tuf_db_sync(s->to) : st;
}

static tuf_status walk_and_write(struct salvage *s)
{
    tuf_db *past = NULL;
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    uint64_t settings_off = 0;
    tuf_status st = tufi_salvage_scan(s, note_record);
    if (st == TUF_OK && !s->report->super_lost)
        st = open_past(s, &past, &snapshot, &settings_off);
    s->report->settings_found = past || (s->checkpoint_count == 0 && !s->report->super_lost);
    if (st == TUF_OK)
        st = write_all(s, settings_off);
    if (st == TUF_OK && past)
        st = compare_with_past(s, snapshot);
    tuf_snapshot_free(&snapshot);
    tuf_status closed = tuf_db_close(&past);
    return st == TUF_OK ? closed : st;
}

static tuf_status open_both(struct salvage *s, const char *damaged, const char *dest)
{
    struct log *log = &s->from->log;
    s->window = tufi_alloc(1u << 20);
    s->window_off = UINT64_MAX / 2; /* nothing is in it */
    if (!s->window)
        return tufi_nomem();
    tuf_status st = s->vfs->open(s->vfs, damaged, VFS_RDONLY, &log->file);
    if (st == TUF_OK)
        st = log->file->ops->size(log->file, &s->size);
    if (st == TUF_OK)
        st = tufi_salvage_find_salt(s);
    tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
    opts.flags = TUF_OPEN_CREATE | TUF_OPEN_EXCLUSIVE;
    opts.vfs = s->vfs;
    return st == TUF_OK ? tuf_db_open(&s->to, dest, &opts) : st;
}

static void release(struct salvage *s)
{
    tufi_store_unref(&s->from);
    tufi_free(s->window);
    tufi_buf_release(&s->record);
    tufi_buf_release(&s->metas);
    tufi_free(s->items);
    tufi_free(s->checkpoints);
}

tuf_status tuf_salvage(tuf_salvage_report *report, const char *damaged, const char *dest,
                       const tuf_salvage_options *opts)
{
    tufi_error_clear();
    tuf_salvage_options options = TUF_SALVAGE_OPTIONS_INIT;
    tuf_salvage_report own;
    struct salvage s = { .opts = &options, .report = report ? report : &own };
    memset(s.report, 0, sizeof(*s.report));
    tuf_status st = tufi_take_options(&options, sizeof(options), opts);
    if (st != TUF_OK)
        return st;
    s.vfs = s.opts->vfs ? s.opts->vfs : tufi_vfs_posix();
    s.from = tufi_store_new(damaged, s.vfs, true);
    if (!s.from)
        return tufi_nomem();
    st = open_both(&s, damaged, dest);
    if (st == TUF_OK)
        st = walk_and_write(&s);
    tuf_status closed = tuf_db_close(&s.to);
    release(&s);
    return st == TUF_OK ? closed : st;
}
