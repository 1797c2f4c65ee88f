/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: one round of a changes feed: walks the changes of a snapshot, filters them, writes rows.
 *
 * Invariants: memory does not grow with the number of changes; a step is bounded in output and in
 * changes looked at, so that a filter that lets nothing pass holds no worker for long.
 * Source: CouchDB's fabric_rpc:changes_enumerator and couch_changes (which revisions a row lists,
 * how "pending" counts, that _doc_ids and _design look documents up instead of walking).
 * Not here: when a round begins and ends (changes_feed.c).
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "json/docscan.h"
#include "server/handlers/changes_feed.h"

#define STEP_SIZE 65536
#define STEP_CHANGES_MAX 2000

void changes_scan_close(struct changes_scan *scan)
{
    docjson_end(&scan->stream);
    tuf_doc_free(&scan->doc);
    tuf_doc_free(&scan->entry);
    tuf_cursor_free(&scan->cursor);
    tuf_snapshot_free(&scan->snapshot);
    tufi_arena_release(&scan->scratch);
    tufi_arena_release(&scan->arena);
    *scan = (struct changes_scan){ 0 };
}

/* ---- finding documents by id ------------------------------------------------------------- */

/* Whether a change at this sequence belongs to the round. */
static bool in_round(const struct feed *feed, uint64_t seq)
{
    return feed->args.descending ? seq <= feed->since : seq > feed->since;
}

static tuf_status add_found(struct feed *feed, size_t *room, const tuf_docinfo *info)
{
    struct changes_scan *scan = &feed->scan;
    if (!in_round(feed, info->seq))
        return TUF_OK;
    if (scan->found_count == *room) {
        size_t more = *room == 0 ? 64 : *room * 2;
        struct changes_found *grown = tufi_arena_alloc(&scan->arena, more * sizeof(*grown));
        if (grown == NULL)
            return tufi_nomem();
        if (scan->found_count > 0)
            memcpy(grown, scan->found, scan->found_count * sizeof(*grown));
        scan->found = grown;
        *room = more;
    }
    tuf_slice id = tufi_arena_copy(&scan->arena, info->id);
    if (id.data == NULL)
        return tufi_nomem();
    scan->found[scan->found_count++] = (struct changes_found){ .seq = info->seq, .id = id };
    return TUF_OK;
}

static tuf_status find_doc_ids(struct feed *feed, size_t *room)
{
    struct changes_scan *scan = &feed->scan;
    for (size_t i = 0; i < feed->doc_id_count; i++) {
        if (slice_starts(feed->doc_ids[i], "_local/"))
            continue;
        tuf_status st = tuf_doc_find_info(&scan->entry, scan->snapshot, feed->doc_ids[i]);
        if (st == TUF_OK)
            st = add_found(feed, room, tuf_doc_info(scan->entry));
        if (st != TUF_OK && st != TUF_NOT_FOUND)
            return st;
    }
    return TUF_OK;
}

static tuf_status find_designs(struct feed *feed, size_t *room)
{
    tuf_range range = { .has_start = true,
                        .has_end = true,
                        .start = tuf_str("_design/"),
                        .end = tuf_str("_design0"),
                        .exclude_end = true,
                        .with_deleted = true };
    TUF_AUTO(tuf_cursor_free) tuf_cursor *cursor = NULL;
    tuf_status st = tuf_cursor_open_ids(&cursor, feed->scan.snapshot, &range);
    while (st == TUF_OK) {
        const tuf_docinfo *info = NULL;
        st = tuf_cursor_next(&info, cursor);
        if (st == TUF_OK)
            st = add_found(feed, room, info);
    }
    return st == TUF_END ? TUF_OK : st;
}

static int by_seq(const void *a, const void *b)
{
    const struct changes_found *left = a;
    const struct changes_found *right = b;
    return left->seq < right->seq ? -1 : left->seq > right->seq;
}

static int by_seq_descending(const void *a, const void *b)
{
    return by_seq(b, a);
}

static tuf_status find_all(struct feed *feed)
{
    static struct changes_found none;
    struct changes_scan *scan = &feed->scan;
    size_t room = 0;
    tuf_status st =
        feed->filter == FILTER_DESIGN ? find_designs(feed, &room) : find_doc_ids(feed, &room);
    if (scan->found == NULL)
        scan->found = &none;
    if (st == TUF_OK && scan->found_count > 1)
        qsort(scan->found, scan->found_count, sizeof(*scan->found),
              feed->args.descending ? by_seq_descending : by_seq);
    return st;
}

/* ---- the round --------------------------------------------------------------------------- */

/* Only the first round can be long enough to be worth a search. */
static bool looks_up(const struct feed *feed)
{
    if (feed->round_done)
        return false;
    return feed->filter == FILTER_DESIGN ||
           (feed->filter == FILTER_DOC_IDS && feed->doc_id_count <= feed->find_max);
}

static tuf_status open_round(struct feed *feed, tuf_db *db)
{
    struct changes_scan *scan = &feed->scan;
    scan->is_open = true;
    tuf_status st = tuf_db_snapshot(&scan->snapshot, db);
    scan->info.struct_size = sizeof(scan->info);
    if (st == TUF_OK)
        st = tuf_snapshot_info(&scan->info, scan->snapshot);
    uint64_t pending = 0;
    if (st == TUF_OK && !feed->args.descending)
        st = tuf_snapshot_pending(&pending, scan->snapshot, feed->since);
    if (st != TUF_OK)
        return st;
    /* Descending counts down from nothing, and so does CouchDB: the number means nothing then. */
    feed->pending = (int64_t)pending;
    feed->row_in_round = false;
    if (looks_up(feed))
        return find_all(feed);
    return tuf_cursor_open_seqs(&scan->cursor, scan->snapshot, feed->since, feed->args.descending);
}

/* The next change of the round. Returns TUF_END behind the last. */
static tuf_status next_change(const tuf_docinfo **out, struct changes_scan *scan)
{
    if (scan->cursor != NULL)
        return tuf_cursor_next(out, scan->cursor);
    if (scan->found_pos == scan->found_count)
        return TUF_END;
    tuf_status st =
        tuf_doc_find_info(&scan->entry, scan->snapshot, scan->found[scan->found_pos++].id);
    if (st == TUF_OK)
        *out = tuf_doc_info(scan->entry);
    return tufi_fold(st);
}

/* ---- filters ----------------------------------------------------------------------------- */

static bool is_listed(const struct feed *feed, tuf_slice id)
{
    return feed->doc_id_count > 0 && bsearch(&id, feed->doc_ids, feed->doc_id_count,
                                             sizeof(feed->doc_ids[0]), slice_order) != NULL;
}

/* The document of a leaf as a tree of values in the scratch arena. */
static tuf_status read_doc(const struct jval **out, struct changes_scan *scan,
                           const tuf_docinfo *info, size_t leaf_pos, unsigned flags)
{
    tuf_status st = tuf_doc_open_leaf(&scan->doc, scan->snapshot, info, leaf_pos);
    if (st != TUF_OK)
        return st;
    TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
    struct docjson_options opts = { .flags = flags };
    st = docjson_write(&text, scan->doc, &opts);
    if (st != TUF_OK)
        return st;
    tuf_slice kept = tufi_arena_copy(&scan->scratch, buf_slice(&text));
    if (kept.data == NULL)
        return tufi_nomem();
    return jval_parse(out, &scan->scratch, kept);
}

/* Asks the selector about the winner, or with style=all_docs about every leaf. A leaf whose body
 * is gone does not pass. */
static tuf_status select_leaves(bool *passes, size_t *count_out, struct feed *feed,
                                const tuf_docinfo *info)
{
    size_t leaves = feed->args.all_leaves ? info->leaf_count : 1;
    unsigned flags = feed->args.all_leaves ? 0 : DOCJSON_CONFLICTS;
    for (size_t i = 0; i < leaves; i++) {
        const struct jval *doc = NULL;
        tuf_status st = read_doc(&doc, &feed->scan, info, i, flags);
        if (st < 0)
            return st;
        passes[i] = st == TUF_OK && selector_matches(feed->selector, doc);
        *count_out += passes[i];
    }
    return TUF_OK;
}

/*
 * Which leaves of a change the row lists.
 *   passes_out  one flag for each leaf, in the scratch arena
 *   count_out   how many; 0: there is no row
 */
static tuf_status filter_change(bool **passes_out, size_t *count_out, struct feed *feed,
                                const tuf_docinfo *info)
{
    tufi_arena_clear(&feed->scan.scratch);
    bool *passes = tufi_arena_alloc(&feed->scan.scratch, info->leaf_count + 1);
    if (passes == NULL)
        return tufi_nomem();
    memset(passes, 0, info->leaf_count + 1);
    *passes_out = passes;
    *count_out = 0;
    if (feed->filter == FILTER_SELECTOR)
        return select_leaves(passes, count_out, feed, info);
    if (feed->filter == FILTER_DOC_IDS && !is_listed(feed, info->id))
        return TUF_OK;
    if (feed->filter == FILTER_DESIGN && !slice_starts(info->id, "_design"))
        return TUF_OK;
    if (feed->filter == FILTER_EVENTS && memchr(info->id.data, ':', info->id.len) == NULL)
        return TUF_OK;
    *count_out = feed->args.all_leaves ? info->leaf_count : 1;
    memset(passes, 1, *count_out);
    return TUF_OK;
}

/* ---- rows -------------------------------------------------------------------------------- */

static void append_seq(struct buf *out, const struct feed *feed)
{
    if (feed->scan.row_seq_hidden)
        buf_append_str(out, "null");
    else
        seq_append(out, feed->scan.row_seq, &feed->token);
}

static void end_row(struct buf *out, const struct feed *feed)
{
    buf_append_u8(out, '}');
    if (feed->args.feed == CHANGES_CONTINUOUS)
        buf_append_u8(out, '\n');
    if (feed->args.feed != CHANGES_EVENTSOURCE)
        return;
    buf_append_str(out, "\nid: ");
    append_seq(out, feed);
    buf_append_str(out, "\n\n");
}

static tuf_status append_fields(struct feed *feed, const tuf_docinfo *info)
{
    struct changes_scan *scan = &feed->scan;
    const struct jval *doc = NULL;
    tuf_status st = read_doc(&doc, scan, info, 0, feed->args.doc_flags);
    if (st == TUF_OK)
        return field_list_write(&feed->ready, &feed->fields, doc, &scan->scratch);
    if (st > 0) {
        buf_append_str(&feed->ready, "null");
        return TUF_OK;
    }
    return st;
}

/* The document of a row, or as much of it as fits into a step. */
static tuf_status append_doc(struct feed *feed, const tuf_docinfo *info)
{
    struct changes_scan *scan = &feed->scan;
    buf_append_str(&feed->ready, ",\"doc\":");
    if (feed->has_fields)
        return append_fields(feed, info);
    tuf_status st = tuf_doc_open_leaf(&scan->doc, scan->snapshot, info, 0);
    if (st < 0)
        return st;
    if (st != TUF_OK) {
        buf_append_str(&feed->ready, "null");
        return TUF_OK;
    }
    struct docjson_options opts = { .flags = feed->args.doc_flags };
    docjson_begin(&scan->stream, scan->doc, &opts);
    scan->is_streaming = true;
    return TUF_OK;
}

static void append_revs(struct buf *out, const tuf_docinfo *info, const bool *passes)
{
    bool first = true;
    for (size_t i = 0; i < info->leaf_count; i++) {
        if (!passes[i])
            continue;
        buf_append_str(out, first ? "{\"rev\":" : ",{\"rev\":");
        tufi_json_write_rev(out, info->leaves[i].rev);
        buf_append_u8(out, '}');
        first = false;
    }
}

/* {"seq":...,"id":...,"changes":[...] of a document. */
static void append_change(struct buf *out, const struct feed *feed, const tuf_docinfo *info,
                          const bool *passes)
{
    buf_append_str(out, "{\"seq\":");
    append_seq(out, feed);
    buf_append_str(out, ",\"id\":");
    json_append_string(out, info->id);
    buf_append_str(out, ",\"changes\":[");
    append_revs(out, info, passes);
    buf_append_str(out, info->deleted ? "],\"deleted\":true" : "]");
}

/* {"db_name":...,"type":...,"seq":... of an event, whose id is "TYPE:NAME". */
static void append_event(struct buf *out, const struct feed *feed, tuf_slice id)
{
    const uint8_t *colon = memchr(id.data, ':', id.len);
    size_t len = colon != NULL ? (size_t)(colon - id.data) : id.len;
    size_t name_pos = len + (colon != NULL);
    buf_append_str(out, "{\"db_name\":");
    json_append_string(out, tuf_slice_of(id.data + name_pos, id.len - name_pos));
    buf_append_str(out, ",\"type\":");
    json_append_string(out, tuf_slice_of(id.data, len));
    buf_append_str(out, ",\"seq\":");
    append_seq(out, feed);
}

static tuf_status append_row(struct feed *feed, const tuf_docinfo *info, const bool *passes)
{
    struct buf *out = &feed->ready;
    uint64_t interval = feed->args.seq_interval;
    bool is_list = feed->args.feed == CHANGES_NORMAL || feed->args.feed == CHANGES_LONGPOLL;
    if (is_list && feed->row_written)
        buf_append_str(out, ",\r\n");
    if (feed->args.feed == CHANGES_EVENTSOURCE)
        buf_append_str(out, "data: ");
    feed->scan.row_seq = info->seq;
    feed->scan.row_seq_hidden = interval > 0 && feed->limit_left % interval != 0;
    /* CouchDB's event source tells the changes of the log as they are. */
    if (feed->is_db_updates && feed->args.feed != CHANGES_EVENTSOURCE)
        append_event(out, feed, info->id);
    else
        append_change(out, feed, info, passes);
    feed->row_written = true;
    feed->row_in_round = true;
    feed->limit_left--;
    if (feed->args.include_docs) {
        tuf_status st = append_doc(feed, info);
        if (st != TUF_OK || feed->scan.is_streaming)
            return st;
    }
    end_row(out, feed);
    return buf_status(out);
}

static tuf_status continue_doc(struct feed *feed)
{
    struct changes_scan *scan = &feed->scan;
    tuf_status st = docjson_next(&feed->ready, &scan->stream);
    if (st != TUF_END)
        return st;
    docjson_end(&scan->stream);
    scan->is_streaming = false;
    end_row(&feed->ready, feed);
    return buf_status(&feed->ready);
}

/* ---- steps ------------------------------------------------------------------------------- */

/* Nothing more may be written. As in CouchDB, one change that would not pass is still skipped. */
static tuf_status skip_at_limit(struct feed *feed)
{
    if (feed->filter == FILTER_NONE || feed->scan.cursor == NULL)
        return TUF_END;
    const tuf_docinfo *info = NULL;
    tuf_status st = next_change(&info, &feed->scan);
    bool *passes = NULL;
    size_t pass_count = 0;
    if (st == TUF_OK)
        st = filter_change(&passes, &pass_count, feed, info);
    if (st != TUF_OK)
        return st;
    if (pass_count == 0) {
        feed->since = info->seq;
        feed->pending -= feed->args.limit == 0;
    }
    return TUF_END;
}

static tuf_status one_change(struct feed *feed)
{
    if (feed->scan.is_streaming)
        return continue_doc(feed);
    if (feed->limit_left == 0)
        return skip_at_limit(feed);
    const tuf_docinfo *info = NULL;
    tuf_status st = next_change(&info, &feed->scan);
    /* Documents that were looked up say nothing of the others: all of them have been seen. */
    if (st == TUF_END && feed->scan.cursor == NULL && !feed->args.descending)
        feed->since =
            feed->scan.info.update_seq > feed->since ? feed->scan.info.update_seq : feed->since;
    if (st != TUF_OK)
        return st;
    /* Set where TUF_OK came back. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
    feed->since = info->seq;
    feed->pending--;
    bool *passes = NULL;
    size_t pass_count = 0;
    st = filter_change(&passes, &pass_count, feed, info);
    if (st != TUF_OK || pass_count == 0)
        return st;
    return append_row(feed, info, passes);
}

tuf_status changes_scan_step(struct feed *feed, tuf_db *db)
{
    tuf_status st = feed->scan.is_open ? TUF_OK : open_round(feed, db);
    for (size_t i = 0; st == TUF_OK && i < STEP_CHANGES_MAX && feed->ready.len < STEP_SIZE; i++)
        st = one_change(feed);
    if (st == TUF_OK)
        return buf_status(&feed->ready);
    if (st == TUF_END) {
        feed->seen = feed->scan.info.update_seq;
        feed->round_done = true;
    }
    changes_scan_close(&feed->scan);
    return st;
}
