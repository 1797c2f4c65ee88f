/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see replicator/local.h.
 */
#include "replicator/local.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/bytes.h"
#include "base/hex.h"
#include "json/docscan.h"
#include "replicator/run.h"

/* How long a wait for changes goes on before it looks whether it was cancelled. */
#define WAIT_STEP_MS 500

static tuf_status take_snapshot(tuf_snapshot **out, uint64_t *seq_out, const struct peer *peer)
{
    tuf_db_info info = { .struct_size = sizeof(info) };
    tuf_status st = tuf_db_snapshot(out, peer->db);
    if (st == TUF_OK)
        st = tuf_snapshot_info(&info, *out);
    *seq_out = info.update_seq;
    return st;
}

/* ---- sequences --------------------------------------------------------------------------- */

static json_t *make_seq(const struct peer *peer, uint64_t seq)
{
    return peer->seq_token[0] == 0 ? json_integer((json_int_t)seq)
                                   : json_sprintf("%" PRIu64 "-%s", seq, peer->seq_token);
}

/* A sequence of this database, whoever wrote it down; of another one or nonsense: from the start. */
static uint64_t read_seq(const struct peer *peer, const json_t *value, uint64_t newest)
{
    const char *text = json_string_value(value);
    char *end = NULL;
    if (json_is_integer(value)) {
        json_int_t number = json_integer_value(value);
        return number < 0 || (uint64_t)number > newest ? 0 : (uint64_t)number;
    }
    if (text == NULL || text[0] < '0' || text[0] > '9')
        return 0;
    unsigned long long number = strtoull(text, &end, 10);
    bool ours = *end == 0 || (*end == '-' && strcmp(end + 1, peer->seq_token) == 0);
    return ours && number <= newest ? number : 0;
}

/* ---- the database ------------------------------------------------------------------------ */

tuf_status repl_local_open(struct peer *peer)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    tuf_db_info info = { .struct_size = sizeof(info) };
    tuf_status st = tuf_db_snapshot(&snapshot, peer->db);
    if (st == TUF_OK)
        st = tuf_snapshot_info(&info, snapshot);
    if (st != TUF_OK)
        return st;
    json_decref(peer->update_seq);
    peer->update_seq = make_seq(peer, info.update_seq);
    tufi_free(peer->start_time);
    peer->start_time = tufi_memdup("0", 2);
    return peer->update_seq != NULL && peer->start_time != NULL ? TUF_OK : tufi_nomem();
}

tuf_status repl_local_get_local(json_t **out, struct peer *peer, const char *id)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    TUF_AUTO(tufi_buf_release) struct buf name = BUF_INIT;
    uint64_t seq = 0;
    tufi_buf_printf(&name, "_local/%s", id);
    tuf_status st = name.failed ? tufi_nomem() : take_snapshot(&snapshot, &seq, peer);
    if (st == TUF_OK)
        st = tuf_doc_open(&doc, snapshot, buf_slice(&name), NULL);
    if (st != TUF_OK)
        return st > 0 ? TUF_OK : st;
    tuf_slice body = tuf_doc_body(doc);
    *out = json_loadb((const char *)body.data, body.len, 0, NULL);
    return TUF_OK;
}

/* Commits one edit, durably. */
static tuf_status commit_one(tuf_edit_result *result, struct peer *peer, tuf_edit *edit)
{
    tuf_status st = tuf_db_commit(peer->db, &edit, 1, 0);
    if (st == TUF_OK)
        tuf_edit_get_result(result, edit);
    return st;
}

tuf_status repl_local_put_local(struct peer *peer, const char *id, json_t *doc)
{
    TUF_AUTO(tufi_buf_release) struct buf name = BUF_INIT;
    TUF_AUTO(tuf_edit_free) tuf_edit *edit = NULL;
    tuf_edit_options opts = TUF_EDIT_OPTIONS_INIT;
    tuf_edit_result result = { 0 };
    /* Local documents have no conflicts: what counts is what is in them. */
    (void)json_object_del(doc, "_rev");
    char *text = json_dumps(doc, JSON_COMPACT);
    tufi_buf_printf(&name, "_local/%s", id);
    if (text == NULL || name.failed) {
        free(text);
        return tufi_nomem();
    }
    opts.id = buf_slice(&name);
    tuf_status st = tuf_edit_parse(&edit, tuf_str(text), &opts);
    free(text);
    if (st == TUF_OK)
        st = commit_one(&result, peer, edit);
    return st == TUF_OK ? result.status : st;
}

/* ---- changes ----------------------------------------------------------------------------- */

static json_t *rev_text(tuf_rev rev)
{
    char text[TUF_REV_TEXT_SIZE];
    size_t len = tuf_rev_format(text, rev);
    return json_stringn_nocheck(text, len);
}

static json_t *row_of(const tuf_docinfo *info, bool main_only)
{
    size_t count = main_only ? 1 : info->leaf_count;
    json_t *revs = json_array();
    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(revs, rev_text(info->leaves[i].rev));
    json_t *row = json_object();
    (void)json_object_set_new_nocheck(
        row, "id", json_stringn_nocheck((const char *)info->id.data, info->id.len));
    (void)json_object_set_new_nocheck(row, "revs", revs);
    if (json_array_size(revs) == count && json_object_size(row) == 2)
        return row;
    json_decref(row);
    return NULL;
}

static int compare_id(const void *key, const void *element)
{
    const tuf_slice *id = key;
    const char *const *other = element;
    size_t len = strlen(*other);
    int order = memcmp(id->data, *other, id->len < len ? id->len : len);
    return order != 0 ? order : (id->len > len) - (id->len < len);
}

/* The ids that pass; NULL: all do. */
struct id_list {
    const char **ids; /* sorted; owned */
    size_t count;
};

static void id_list_release(struct id_list *list)
{
    tufi_free(list->ids);
}

static tuf_status read_ids(struct id_list *out, const json_t *doc_ids)
{
    size_t pos;
    json_t *item;
    if (doc_ids == NULL)
        return TUF_OK;
    out->ids = tufi_alloc_array(json_array_size(doc_ids) + 1, sizeof(*out->ids));
    if (out->ids == NULL)
        return tufi_nomem();
    json_array_foreach(doc_ids, pos, item)
        out->ids[out->count++] = json_string_value(item);
    return TUF_OK;
}

static bool passes(const struct id_list *list, tuf_slice id)
{
    return list->ids == NULL ||
           bsearch(&id, list->ids, list->count, sizeof(*list->ids), compare_id) != NULL;
}

/* Rows after *seq until there are `limit`; moves *seq behind what was looked at. `newest` is the
 * snapshot's. */
static tuf_status collect_rows(json_t *rows, uint64_t *seq, uint64_t newest,
                               tuf_snapshot *snapshot, const struct changes_request *rq)
{
    TUF_AUTO(tuf_cursor_free) tuf_cursor *cursor = NULL;
    TUF_AUTO(id_list_release) struct id_list list = { 0 };
    bool main_only = strcmp(rq->style, "main_only") == 0;
    const tuf_docinfo *info = NULL;
    tuf_status st = read_ids(&list, json_object_get(rq->body, "doc_ids"));
    if (st == TUF_OK)
        st = tuf_cursor_open_seqs(&cursor, snapshot, *seq, false);
    while (st == TUF_OK && json_array_size(rows) < rq->limit) {
        st = tuf_cursor_next(&info, cursor);
        if (st != TUF_OK)
            break;
        *seq = info->seq;
        if (!passes(&list, info->id))
            continue;
        if (json_array_append_new(rows, row_of(info, main_only)) != 0)
            return tufi_nomem();
    }
    if (st == TUF_END)
        *seq = max_u64(newest, *seq); /* purges raise it without a row */
    return st == TUF_END ? TUF_OK : st;
}

/* Until there is something after a sequence, the time is over, or the job is cancelled. */
static tuf_status wait_for_changes(const struct peer *peer, uint64_t seq, uint64_t wait_ms)
{
    for (uint64_t left = wait_ms; left > 0;) {
        uint64_t step = left < WAIT_STEP_MS ? left : WAIT_STEP_MS;
        if (*peer->http.limits.cancel)
            return TUF_STOPPED;
        tuf_status st = tuf_db_wait(peer->db, seq, step);
        if (st != TUF_STOPPED)
            return st;
        left -= step;
    }
    return TUF_OK;
}

tuf_status repl_local_changes(json_t **out, struct peer *peer, const struct changes_request *rq)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    json_auto_t *rows = json_array();
    uint64_t newest = 0, pending = 0;
    if (strstr(rq->filter, "_doc_ids") == NULL && rq->filter[0] != 0)
        return tufi_fail_kind(TUF_E_INVALID, "bad_request",
                              "filters and selectors need a server in front of the source");
    tuf_status st = take_snapshot(&snapshot, &newest, peer);
    uint64_t seq = read_seq(peer, rq->since, newest);
    if (st == TUF_OK && newest <= seq && rq->wait_ms > 0) {
        tuf_snapshot_free(&snapshot);
        st = wait_for_changes(peer, seq, rq->wait_ms);
        if (st == TUF_OK)
            st = take_snapshot(&snapshot, &newest, peer);
    }
    if (st == TUF_OK)
        st = rows != NULL ? collect_rows(rows, &seq, newest, snapshot, rq) : tufi_nomem();
    if (st == TUF_OK)
        st = tuf_snapshot_pending(&pending, snapshot, seq);
    if (st != TUF_OK)
        return st;
    *out = json_pack("{s:O,s:o,s:I}", "results", rows, "last_seq", make_seq(peer, seq), "pending",
                     (json_int_t)pending);
    return *out != NULL ? TUF_OK : tufi_nomem();
}

/* ---- revisions --------------------------------------------------------------------------- */

/* Revisions of the target that the missing ones may descend from: older leaves. */
static json_t *ancestors_of(const tuf_docinfo *info, uint64_t newest_gen)
{
    json_t *list = NULL;
    for (size_t i = 0; i < info->leaf_count; i++) {
        if (info->leaves[i].rev.gen >= newest_gen)
            continue;
        if (list == NULL)
            list = json_array();
        (void)json_array_append_new(list, rev_text(info->leaves[i].rev));
    }
    return list;
}

static tuf_status add_missing(json_t *diff, const char *id, json_t *missing,
                              const tuf_docinfo *info, uint64_t newest_gen)
{
    json_t *item = json_pack("{s:O}", "missing", missing);
    json_t *ancestors = info != NULL ? ancestors_of(info, newest_gen) : NULL;
    if (ancestors != NULL)
        (void)json_object_set_new(item, "possible_ancestors", ancestors);
    return json_object_set_new_nocheck(diff, id, item) == 0 ? TUF_OK : tufi_nomem();
}

/* What of one document's revisions is missing. doc: memory that is used again. */
static tuf_status diff_doc(json_t *diff, tuf_doc **doc, tuf_snapshot *snapshot, const char *id,
                           const json_t *revs)
{
    json_auto_t *missing = json_array();
    size_t pos;
    json_t *text;
    uint64_t newest_gen = 0;
    tuf_status found = tuf_doc_find_info(doc, snapshot, tuf_str(id));
    if (found < 0)
        return found;
    json_array_foreach(revs, pos, text) {
        tuf_revbuf rev;
        bool known = false;
        tuf_slice raw = tuf_slice_of(json_string_value(text), json_string_length(text));
        if (tuf_rev_parse(&rev, raw) != TUF_OK)
            continue; /* no revision: nothing that could be stored */
        tuf_status st = found == TUF_OK ? tuf_doc_known_revs(&known, *doc, &rev.rev, 1) : TUF_OK;
        if (st != TUF_OK)
            return st;
        if (known)
            continue;
        if (rev.rev.gen > newest_gen)
            newest_gen = rev.rev.gen;
        if (json_array_append(missing, text) != 0)
            return tufi_nomem();
    }
    if (json_array_size(missing) == 0)
        return TUF_OK;
    return add_missing(diff, id, missing, found == TUF_OK ? tuf_doc_info(*doc) : NULL, newest_gen);
}

tuf_status repl_local_revs_diff(json_t **out, struct peer *peer, const json_t *revs)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    uint64_t seq = 0;
    const char *id;
    json_t *list;
    tuf_status st = take_snapshot(&snapshot, &seq, peer);
    *out = json_object();
    if (st == TUF_OK && *out == NULL)
        st = tufi_nomem();
    /* jansson's loop wants a mutable object, although it changes nothing. */
    union { const json_t *in; json_t *out; } object = { revs };
    json_object_foreach(object.out, id, list) {
        if (st == TUF_OK)
            st = diff_doc(*out, &doc, snapshot, id, list);
    }
    return st;
}

/* ---- reading documents ------------------------------------------------------------------- */

static tuf_status append_revisions(struct buf *out, tuf_doc *doc)
{
    const tuf_rev_entry *entries = NULL;
    size_t count = 0;
    tuf_status st = tuf_doc_revisions(&entries, &count, doc);
    if (st != TUF_OK)
        return st;
    tufi_json_write_revisions(out, entries, count);
    return TUF_OK;
}

static tuf_status append_stubs(struct buf *out, const tuf_doc *doc)
{
    tuf_att_info att;
    size_t count = tuf_doc_att_count(doc);
    for (size_t pos = 0; pos < count; pos++) {
        tuf_status st = tuf_doc_att(&att, doc, pos);
        if (st != TUF_OK)
            return st;
        buf_append_str(out, pos > 0 ? "," : ",\"_attachments\":{");
        tufi_json_write_string(out, att.name);
        buf_append_str(out, ":{\"content_type\":");
        tufi_json_write_string(out, att.type);
        tufi_buf_printf(out, ",\"revpos\":%" PRIu64 ",\"digest\":\"md5-", att.revpos);
        tufi_base64_encode(out, tuf_slice_of(att.md5, sizeof(att.md5)));
        tufi_buf_printf(out, "\",\"length\":%" PRIu64, att.length);
        if (att.gzip)
            tufi_buf_printf(out, ",\"encoding\":\"gzip\",\"encoded_length\":%" PRIu64,
                            att.encoded_length);
        buf_append_str(out, ",\"stub\":true}");
    }
    if (count > 0)
        buf_append_u8(out, '}');
    return TUF_OK;
}

/* The text of an open revision, as GET ?revs=true&att_encoding_info=true gives it. */
static tuf_status append_doc(struct buf *out, tuf_doc *doc)
{
    tuf_slice body = tuf_doc_body(doc);
    buf_append_str(out, "{\"_id\":");
    tufi_json_write_string(out, tuf_doc_info(doc)->id);
    buf_append_str(out, ",\"_rev\":");
    tufi_json_write_rev(out, tuf_doc_rev(doc));
    if (tuf_doc_deleted(doc))
        buf_append_str(out, ",\"_deleted\":true");
    tuf_status st = append_revisions(out, doc);
    if (st == TUF_OK)
        st = append_stubs(out, doc);
    if (body.len > 2) { /* more than "{}": its members, without the brace */
        buf_append_u8(out, ',');
        tufi_buf_append(out, body.data + 1, body.len - 1);
    } else {
        buf_append_u8(out, '}');
    }
    return st == TUF_OK ? buf_status(out) : st;
}

tuf_status repl_local_open_doc(tuf_doc **out, tuf_snapshot *snapshot, const char *id,
                               const char *rev)
{
    tuf_revbuf wanted;
    tuf_status st = tuf_rev_parse(&wanted, tuf_str(rev));
    return st == TUF_OK ? tuf_doc_open(out, snapshot, tuf_str(id), &wanted.rev) : st;
}

/* The positions of the leaves that are a revision or came after it; room for all of them. */
static tuf_status find_leaves(size_t *positions, size_t *count_out, tuf_doc *doc, tuf_rev rev)
{
    const tuf_docinfo *info = tuf_doc_info(doc);
    for (size_t i = 0; i < info->leaf_count; i++) {
        if (tuf_rev_compare(info->leaves[i].rev, rev) == 0) {
            positions[0] = i;
            *count_out = 1;
            return TUF_OK;
        }
    }
    return tuf_doc_leaves_below(positions, count_out, doc, rev);
}

/* Two documents whose memory is used again and again. */
struct reading {
    tuf_snapshot *snapshot;
    tuf_doc *info, *doc;
    size_t *positions; /* owned */
    size_t position_cap;
};

static void reading_release(struct reading *r)
{
    tuf_doc_free(&r->info);
    tuf_doc_free(&r->doc);
    tuf_snapshot_free(&r->snapshot);
    tufi_free(r->positions);
}

static tuf_status append_leaves(struct buf *out, size_t *count_out, struct reading *r,
                                const char *id, const char *rev_text)
{
    tuf_revbuf rev;
    *count_out = 0;
    tuf_status st = tuf_doc_find_info(&r->info, r->snapshot, tuf_str(id));
    if (st != TUF_OK || tuf_rev_parse(&rev, tuf_str(rev_text)) != TUF_OK)
        return st < 0 ? st : TUF_OK;
    size_t leaf_count = tuf_doc_info(r->info)->leaf_count, found = 0;
    if (leaf_count > r->position_cap) {
        tufi_free(r->positions);
        r->position_cap = leaf_count;
        r->positions = tufi_alloc_array(leaf_count, sizeof(*r->positions));
        if (r->positions == NULL)
            return tufi_nomem();
    }
    st = find_leaves(r->positions, &found, r->info, rev.rev);
    for (size_t i = 0; i < found && st == TUF_OK; i++) {
        st = tuf_doc_open_leaf(&r->doc, r->snapshot, tuf_doc_info(r->info), r->positions[i]);
        if (st != TUF_OK)
            break;
        buf_append_str(out, *count_out > 0 ? ",{\"ok\":" : "{\"ok\":");
        st = append_doc(out, r->doc);
        buf_append_u8(out, '}');
        ++*count_out;
    }
    return st;
}

tuf_status repl_local_bulk_get(struct buf *out, struct peer *peer, const json_t *wanted)
{
    TUF_AUTO(reading_release) struct reading r = { 0 };
    size_t pos;
    json_t *item;
    uint64_t seq = 0;
    tuf_status st = take_snapshot(&r.snapshot, &seq, peer);
    buf_append_str(out, "{\"results\":[");
    json_array_foreach(wanted, pos, item) {
        const char *id = json_string_value(json_object_get(item, "id"));
        const char *rev = json_string_value(json_object_get(item, "rev"));
        size_t count = 0;
        if (st != TUF_OK)
            break;
        buf_append_str(out, pos > 0 ? ",{\"docs\":[" : "{\"docs\":[");
        st = append_leaves(out, &count, &r, id, rev);
        if (count == 0)
            buf_append_str(out, "{\"error\":{\"error\":\"not_found\"}}");
        buf_append_str(out, "]}");
        if (st == TUF_OK && out->len > HTTP_SIZE_MAX && json_array_size(wanted) > 1)
            st = tufi_fail_kind(TUF_E_LIMIT, "answer_too_large", "too many bytes at once");
    }
    buf_append_str(out, "]}");
    return st == TUF_OK ? buf_status(out) : st;
}

tuf_status repl_local_get(struct buf *out, struct peer *peer, const char *id, const char *rev)
{
    TUF_AUTO(reading_release) struct reading r = { 0 };
    uint64_t seq = 0;
    tuf_status st = take_snapshot(&r.snapshot, &seq, peer);
    if (st == TUF_OK)
        st = repl_local_open_doc(&r.doc, r.snapshot, id, rev);
    if (st == TUF_E_INVALID)
        st = TUF_NOT_FOUND;
    return st == TUF_OK ? append_doc(out, r.doc) : st;
}

/* ---- writing ----------------------------------------------------------------------------- */

struct edits {
    tuf_edit **items;
    size_t count;
};

static void edits_release(struct edits *edits)
{
    for (size_t i = 0; i < edits->count; i++)
        tuf_edit_free(&edits->items[i]);
    tufi_free(edits->items);
}

tuf_status repl_local_bulk_docs(uint64_t *refused_out, struct peer *peer, const tuf_slice *docs,
                                size_t count)
{
    TUF_AUTO(edits_release) struct edits edits = { 0 };
    tuf_edit_options opts = TUF_EDIT_OPTIONS_INIT;
    opts.flags = TUF_EDIT_REPLICATED;
    opts.doc_size_max = peer->doc_size_max;
    *refused_out = 0;
    edits.items = tufi_alloc_array(count, sizeof(*edits.items));
    if (edits.items == NULL)
        return tufi_nomem();
    for (size_t i = 0; i < count; i++) {
        tuf_status st = tuf_edit_parse(&edits.items[edits.count], docs[i], &opts);
        if (st == TUF_OK)
            edits.count++;
        else if (st == TUF_E_INVALID || st == TUF_E_LIMIT)
            ++*refused_out;
        else
            return st;
    }
    tuf_status st =
        edits.count > 0 ? tuf_db_commit(peer->db, edits.items, edits.count, 0) : TUF_OK;
    for (size_t i = 0; i < edits.count && st == TUF_OK; i++) {
        tuf_edit_result result;
        tuf_edit_get_result(&result, edits.items[i]);
        *refused_out += result.status != TUF_OK ? 1 : 0;
    }
    return st == TUF_MISSING_STUB ? tufi_fail_kind(TUF_E_INVALID, "bulk_docs_failed",
                                                   "a stub without its attachment")
                                  : st;
}
