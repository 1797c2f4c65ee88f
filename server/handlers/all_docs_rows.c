/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: writes listings of documents.
 *
 * Invariants: a step appends at most one row, or DOCJSON_STEP_SIZE bytes of an attachment; line
 * breaks stand where CouchDB puts them, because some clients read line by line.
 * Source: CouchDB's couch_mrview_http:view_cb (text), couch_mrview:all_docs_fold (offset).
 * Not here: requests (all_docs.c).
 */
#include "server/handlers/all_docs_rows.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "json/docscan.h"
#include "server/dbs.h"
#include "server/seq.h"

#define STEP_SIZE 65536
#define DESIGN_FIRST "_design/"
#define DESIGN_BEHIND "_design0"

void listing_release(struct listing *list)
{
    docjson_end(&list->stream);
    tuf_doc_free(&list->doc);
    tuf_doc_free(&list->entry);
    tuf_cursor_free(&list->cursor);
    tuf_snapshot_free(&list->snapshot);
}

/* ---- ranges ----------------------------------------------------------------------------- */

/* Bounds in ascending order. */
struct bounds {
    bool is_empty;
    bool high_is_below; /* the high bound lies before all ids */
    bool has_low, has_high;
    bool exclude_low, exclude_high;
    tuf_slice low, high;
};

static void raise_low(struct bounds *b, tuf_slice low)
{
    if (b->has_low && slice_compare(b->low, low) >= 0)
        return;
    b->has_low = true;
    b->exclude_low = false;
    b->low = low;
}

static void lower_high(struct bounds *b, tuf_slice behind)
{
    if (b->has_high && slice_compare(b->high, behind) < 0)
        return;
    b->has_high = true;
    b->exclude_high = true;
    b->high = behind;
}

static const struct list_key *given_key(const struct list_key *key, const struct list_key *docid)
{
    return key->set ? key : docid->set ? docid : NULL;
}

/* A key that is no string lies before all ids: nothing is below it, everything above. */
static void bounds_of(struct bounds *b, const struct list_args *args)
{
    const struct list_key *start = given_key(&args->start, &args->start_docid);
    const struct list_key *end = given_key(&args->end, &args->end_docid);
    const struct list_key *low = args->descending ? end : start;
    const struct list_key *high = args->descending ? start : end;
    if (low != NULL && low->is_string) {
        b->has_low = true;
        b->low = low->text;
        b->exclude_low = args->descending && args->exclude_end;
    }
    if (high != NULL && !high->is_string)
        b->is_empty = b->high_is_below = true;
    if (high != NULL && high->is_string) {
        b->has_high = true;
        b->high = high->text;
        b->exclude_high = !args->descending && args->exclude_end;
    }
}

static tuf_status partition_bounds(struct bounds *b, struct arena *arena, tuf_slice partition)
{
    uint8_t *text = tufi_arena_alloc(arena, 2 * (partition.len + 1));
    if (text == NULL)
        return tufi_nomem();
    uint8_t *behind = text + partition.len + 1;
    if (partition.len > 0) {
        memcpy(text, partition.data, partition.len);
        memcpy(behind, partition.data, partition.len);
    }
    text[partition.len] = ':';
    behind[partition.len] = ':' + 1;
    raise_low(b, tuf_slice_of(text, partition.len + 1));
    lower_high(b, tuf_slice_of(behind, partition.len + 1));
    return TUF_OK;
}

/* The range of a query, cut down to what it lists. */
static tuf_status make_bounds(struct bounds *b, const struct listing *list,
                              const struct list_args *args, struct arena *arena)
{
    bounds_of(b, args);
    if (list->kind == LISTING_DESIGN) {
        raise_low(b, tuf_str(DESIGN_FIRST));
        lower_high(b, tuf_str(DESIGN_BEHIND));
    }
    if (args->partition != NULL && list->kind == LISTING_ALL) {
        tuf_status st = partition_bounds(b, arena, *args->partition);
        if (st != TUF_OK)
            return st;
    }
    if (b->has_low && b->has_high && slice_compare(b->low, b->high) > 0)
        b->is_empty = true;
    return TUF_OK;
}

static tuf_status open_cursor(struct listing *list, const struct list_args *args,
                              const struct bounds *b)
{
    if (b->is_empty)
        return TUF_OK;
    tuf_range range = { .descending = args->descending };
    range.has_start = args->descending ? b->has_high : b->has_low;
    range.has_end = args->descending ? b->has_low : b->has_high;
    range.start = args->descending ? b->high : b->low;
    range.end = args->descending ? b->low : b->high;
    range.exclude_start = args->descending ? b->exclude_high : b->exclude_low;
    range.exclude_end = args->descending ? b->exclude_low : b->exclude_high;
    tuf_status st = list->kind == LISTING_LOCAL
                        ? tuf_cursor_open_locals(&list->cursor, list->snapshot, &range)
                        : tuf_cursor_open_ids(&list->cursor, list->snapshot, &range);
    if (st == TUF_OK && args->skip > 0)
        st = tuf_cursor_skip(NULL, list->cursor, args->skip);
    return st;
}

/* ---- the head of a listing -------------------------------------------------------------- */

static tuf_status total_rows(uint64_t *out, struct listing *list)
{
    *out = list->info.doc_count;
    if (list->kind != LISTING_DESIGN)
        return TUF_OK;
    uint64_t before = 0;
    uint64_t until = 0;
    tuf_status st = tuf_snapshot_rank(&before, list->snapshot, tuf_str(DESIGN_FIRST), false);
    if (st == TUF_OK)
        st = tuf_snapshot_rank(&until, list->snapshot, tuf_str(DESIGN_BEHIND), false);
    *out = until - min_u64(before, until);
    return st;
}

/* How many documents, of all, come before the first of the range in the listing's direction. */
static tuf_status rows_before(uint64_t *out, struct listing *list, const struct list_args *args,
                              const struct bounds *b)
{
    uint64_t all = list->info.doc_count;
    uint64_t rank = 0;
    *out = 0;
    if (!args->descending)
        return b->has_low ? tuf_snapshot_rank(out, list->snapshot, b->low, false) : TUF_OK;
    if (!b->has_high && !b->high_is_below)
        return TUF_OK;
    tuf_status st = TUF_OK;
    if (!b->high_is_below)
        st = tuf_snapshot_rank(&rank, list->snapshot, b->high, !b->exclude_high);
    *out = all - min_u64(rank, all);
    return st;
}

static tuf_status append_meta(struct buf *out, struct listing *list, const struct list_args *args,
                              const struct bounds *b)
{
    if (list->is_multi)
        buf_append_str(out, list->query_pos == 0 ? "\r\n" : ",\r\n");
    bool is_local = list->kind == LISTING_LOCAL;
    uint64_t total = 0;
    uint64_t before = 0;
    tuf_status st = is_local ? TUF_OK : total_rows(&total, list);
    if (st == TUF_OK && !is_local && args->keys == NULL)
        st = rows_before(&before, list, args, b);
    if (st != TUF_OK)
        return st;
    if (is_local)
        buf_append_str(out, "{\"total_rows\":null,");
    else
        tufi_buf_printf(out, "{\"total_rows\":%" PRIu64 ",", total);
    uint64_t offset = 0;
    if (!add_ok(&offset, before, args->skip) || offset > total)
        offset = total;
    if (is_local || args->keys != NULL)
        buf_append_str(out, "\"offset\":null");
    else
        tufi_buf_printf(out, "\"offset\":%" PRIu64, offset);
    if (args->update_seq) {
        struct seq_token token;
        seq_token_of(&token, list->info.uuid);
        buf_append_str(out, ",\"update_seq\":");
        if (args->keys != NULL || is_local)
            buf_append_str(out, "null");
        else
            seq_append(out, list->info.update_seq, &token);
    }
    buf_append_str(out, ",\"rows\":[\r\n");
    return TUF_OK;
}

/* The keys in the order to answer, less those that skip and limit take away. */
static tuf_status order_keys(struct listing *list, const struct list_args *args,
                             struct arena *arena)
{
    size_t count = args->keys->count;
    list->keys = tufi_arena_alloc(arena, (count + 1) * sizeof(*list->keys));
    if (list->keys == NULL)
        return tufi_nomem();
    size_t pos = 0;
    for (const struct jval *key = args->keys->child; key != NULL; key = key->next, pos++)
        list->keys[args->descending ? count - 1 - pos : pos] = key;
    list->key_pos = (size_t)min_u64(args->skip, count);
    list->key_end = list->key_pos + (size_t)min_u64(args->limit, count - list->key_pos);
    return TUF_OK;
}

static tuf_status begin_query(struct buf *out, struct listing *list, struct arena *arena)
{
    const struct list_args *args = &list->queries[list->query_pos];
    bool has_range = args->start.set || args->end.set;
    tuf_assert(args->keys == NULL || args->keys->count == 0 || !has_range); /* INV-LA-1 */
    tuf_cursor_free(&list->cursor);
    list->keys = NULL;
    list->row_written = false;
    list->rows_left = args->limit;
    struct bounds b = { 0 };
    tuf_status st = make_bounds(&b, list, args, arena);
    if (st == TUF_OK)
        st = args->keys != NULL ? order_keys(list, args, arena) : open_cursor(list, args, &b);
    return st == TUF_OK ? append_meta(out, list, args, &b) : st;
}

/* ---- rows ------------------------------------------------------------------------------- */

static void begin_row(struct buf *out, struct listing *list)
{
    if (list->row_written)
        buf_append_str(out, ",\r\n");
    list->row_written = true;
}

static void append_rev(struct buf *out, const tuf_docinfo *info)
{
    if (info->leaf_count == 0)
        tufi_buf_printf(out, "\"0-%" PRIu64 "\"", info->local_rev);
    else
        tufi_json_write_rev(out, info->leaves[0].rev);
}

/* A row without its closing brace, and what of the document goes into this step. */
static tuf_status append_row(struct buf *out, struct listing *list, const tuf_docinfo *info)
{
    const struct list_args *args = &list->queries[list->query_pos];
    begin_row(out, list);
    buf_append_str(out, "{\"id\":");
    json_append_string(out, info->id);
    buf_append_str(out, ",\"key\":");
    json_append_string(out, info->id);
    buf_append_str(out, ",\"value\":{\"rev\":");
    append_rev(out, info);
    buf_append_str(out, info->deleted ? ",\"deleted\":true}" : "}");
    if (args->include_docs && info->deleted) {
        buf_append_str(out, ",\"doc\":null");
    } else if (args->include_docs) {
        tuf_status st = tuf_doc_open_leaf(&list->doc, list->snapshot, info, 0);
        if (st != TUF_OK)
            return tufi_fold(st);
        buf_append_str(out, ",\"doc\":");
        struct docjson_options opts = list->guard;
        opts.flags = args->doc_flags;
        if (opts.body != NULL) /* attachments are no public fields */
            opts.flags &= ~(unsigned)DOCJSON_ATTACHMENTS;
        docjson_begin(&list->stream, list->doc, &opts);
        list->is_streaming = true;
        return TUF_OK;
    }
    buf_append_u8(out, '}');
    return TUF_OK;
}

static tuf_status find_entry(struct listing *list, tuf_slice id)
{
    if (slice_starts(id, "_local/"))
        return tuf_doc_open(&list->entry, list->snapshot, id, NULL);
    return tuf_doc_find_info(&list->entry, list->snapshot, id);
}

static tuf_status append_key(struct buf *out, struct listing *list)
{
    const struct jval *key = list->keys[list->key_pos++];
    tuf_status st = key->type == JVAL_STRING ? find_entry(list, key->text) : TUF_NOT_FOUND;
    if (st == TUF_OK)
        return append_row(out, list, tuf_doc_info(list->entry));
    if (st != TUF_NOT_FOUND && st != TUF_DELETED)
        return st;
    begin_row(out, list);
    buf_append_str(out, "{\"key\":");
    buf_append_slice(out, key->raw);
    buf_append_str(out, ",\"error\":\"not_found\"}");
    return TUF_OK;
}

/* Returns TUF_END when the query has no more rows. */
static tuf_status append_next(struct buf *out, struct listing *list)
{
    if (list->keys != NULL)
        return list->key_pos < list->key_end ? append_key(out, list) : TUF_END;
    if (list->cursor == NULL || list->rows_left == 0)
        return TUF_END;
    list->rows_left--;
    const tuf_docinfo *info = NULL;
    tuf_status st = tuf_cursor_next(&info, list->cursor);
    return st == TUF_OK ? append_row(out, list, info) : st;
}

static tuf_status continue_doc(struct buf *out, struct listing *list)
{
    tuf_status st = docjson_next(out, &list->stream);
    if (st != TUF_END)
        return st;
    list->is_streaming = false;
    docjson_end(&list->stream);
    buf_append_u8(out, '}');
    return TUF_OK;
}

/* ---- steps ------------------------------------------------------------------------------ */

static tuf_status open_listing(struct buf *out, struct listing *list, struct request *req)
{
    tuf_status st = tuf_db_snapshot(&list->snapshot, dbh_db(req->dbh));
    list->info.struct_size = sizeof(list->info);
    if (st == TUF_OK)
        st = tuf_snapshot_info(&list->info, list->snapshot);
    if (st == TUF_OK && list->is_multi)
        buf_append_str(out, "{\"results\":[");
    list->phase = list->query_count > 0 ? LISTING_META : LISTING_DONE;
    return st;
}

static void end_query(struct buf *out, struct listing *list)
{
    buf_append_str(out, "\r\n]}");
    list->query_pos++;
    list->phase = list->query_pos < list->query_count ? LISTING_META : LISTING_DONE;
}

static tuf_status step(struct buf *out, struct listing *list, struct request *req)
{
    tuf_status st = TUF_OK;
    switch (list->phase) {
    case LISTING_OPEN:
        return open_listing(out, list, req);
    case LISTING_META:
        list->phase = LISTING_ROWS;
        return begin_query(out, list, &req->arena);
    case LISTING_ROWS:
        st = list->is_streaming ? continue_doc(out, list) : append_next(out, list);
        if (st != TUF_END)
            return st;
        end_query(out, list);
        return TUF_OK;
    case LISTING_DONE:
        break;
    }
    buf_append_str(out, list->is_multi ? "\r\n]}\n" : "\n");
    return TUF_END;
}

enum produce_result listing_produce(struct request *req, struct buf *out)
{
    struct listing *list = req->state;
    tuf_status st = TUF_OK;
    while (st == TUF_OK && out->len < STEP_SIZE && !out->failed)
        st = step(out, list, req);
    if (st == TUF_OK)
        st = buf_status(out);
    if (st == TUF_OK)
        return PRODUCE_MORE;
    return st == TUF_END ? PRODUCE_DONE : PRODUCE_FAIL;
}
