/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see server/handlers/docstream.h.
 *
 * The four forms differ only in the texts around documents, which are functions in a table.
 *
 * Source: CouchDB 3's chttpd_db for these texts, down to the order of members in error objects and
 * the place of line breaks around boundaries.
 */
#include "server/handlers/docstream.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "json/docscan.h"
#include "server/dbs.h"
#include "server/error_map.h"
#include "server/replicator_guard.h"
#include "server/users.h"

struct docstream_form {
    bool multipart;
    enum rev_order order;
    void (*begin)(struct buf *out, struct docstream *s);
    void (*begin_wish)(struct buf *out, struct docstream *s);
    void (*begin_doc)(struct buf *out, struct docstream *s);
    void (*end_doc)(struct buf *out, struct docstream *s);
    void (*missing)(struct buf *out, struct docstream *s, tuf_rev rev);
    /* an entry that failed as a whole */
    void (*error)(struct buf *out, struct docstream *s, const struct doc_wish *wish);
    void (*end_wish)(struct buf *out, struct docstream *s);
    void (*end)(struct buf *out, struct docstream *s);
};

static const struct doc_wish *current_wish(const struct docstream *s)
{
    return &s->wishes[s->wish_pos];
}

static void append_nothing(struct buf *out, struct docstream *s)
{
    (void)out;
    (void)s;
}

static void no_error(struct buf *out, struct docstream *s, const struct doc_wish *wish)
{
    (void)out;
    (void)s;
    (void)wish;
    tuf_unreachable("open_revs has no entries that fail by themselves");
}

/* ---- open_revs as JSON: [{"ok":DOC},{"missing":"REV"}] ----------------------------------- */

static void append_comma(struct buf *out, const struct docstream *s)
{
    if (s->item_pos > 0)
        buf_append_u8(out, ',');
}

static void append_missing_object(struct buf *out, tuf_rev rev)
{
    buf_append_str(out, "{\"missing\":");
    tufi_json_write_rev(out, rev);
    buf_append_u8(out, '}');
}

static void open_json_begin(struct buf *out, struct docstream *s)
{
    (void)s;
    buf_append_u8(out, '[');
}

static void json_begin_doc(struct buf *out, struct docstream *s)
{
    append_comma(out, s);
    buf_append_str(out, "{\"ok\":");
}

static void json_end_doc(struct buf *out, struct docstream *s)
{
    (void)s;
    buf_append_u8(out, '}');
}

static void open_json_missing(struct buf *out, struct docstream *s, tuf_rev rev)
{
    append_comma(out, s);
    append_missing_object(out, rev);
}

static void open_json_end(struct buf *out, struct docstream *s)
{
    (void)s;
    buf_append_str(out, "]\n");
}

const struct docstream_form docstream_open_revs_json = {
    false,        REV_ORDER_SORTED,  open_json_begin, append_nothing, json_begin_doc,
    json_end_doc, open_json_missing, no_error,        append_nothing, open_json_end,
};

/* ---- open_revs as multipart/mixed -------------------------------------------------------- */

static void append_boundary(struct buf *out, const struct docstream *s)
{
    buf_append_str(out, "--");
    buf_append_str(out, s->boundary);
}

static void mixed_begin(struct buf *out, struct docstream *s)
{
    append_boundary(out, s);
}

static void mixed_begin_doc(struct buf *out, struct docstream *s)
{
    if (related_has_parts(&s->related))
        tufi_buf_printf(out, "\r\nContent-Type: multipart/related; boundary=\"%s\"\r\n\r\n",
                        s->inner_boundary);
    else
        buf_append_str(out, "\r\nContent-Type: application/json\r\n\r\n");
}

static void mixed_end_doc(struct buf *out, struct docstream *s)
{
    buf_append_str(out, "\r\n");
    append_boundary(out, s);
}

static void mixed_missing(struct buf *out, struct docstream *s, tuf_rev rev)
{
    buf_append_str(out, "\r\nContent-Type: application/json; error=\"true\"\r\n\r\n");
    append_missing_object(out, rev);
    mixed_end_doc(out, s);
}

static void mixed_end(struct buf *out, struct docstream *s)
{
    (void)s;
    buf_append_str(out, "--");
}

const struct docstream_form docstream_open_revs_mixed = {
    true,          REV_ORDER_SORTED, mixed_begin, append_nothing, mixed_begin_doc,
    mixed_end_doc, mixed_missing,    no_error,    append_nothing, mixed_end,
};

/* ---- _bulk_get as JSON ------------------------------------------------------------------- */

static void bulk_json_begin(struct buf *out, struct docstream *s)
{
    (void)s;
    buf_append_str(out, "{\"results\":[");
}

static void bulk_json_begin_wish(struct buf *out, struct docstream *s)
{
    buf_append_str(out, s->wish_pos > 0 ? ",{\"id\":" : "{\"id\":");
    buf_append_slice(out, current_wish(s)->id_json);
    buf_append_str(out, ",\"docs\":[");
}

static void append_error_object(struct buf *out, const struct doc_wish *wish)
{
    buf_append_str(out, "{\"rev\":");
    buf_append_slice(out, wish->rev_json);
    buf_append_str(out, ",\"reason\":");
    json_append_string(out, tuf_str(wish->reason));
    buf_append_str(out, ",\"id\":");
    buf_append_slice(out, wish->id_json);
    buf_append_str(out, ",\"error\":");
    json_append_string(out, tuf_str(wish->error));
    buf_append_u8(out, '}');
}

static void bulk_json_missing(struct buf *out, struct docstream *s, tuf_rev rev)
{
    append_comma(out, s);
    buf_append_str(out, "{\"error\":{\"rev\":");
    tufi_json_write_rev(out, rev);
    buf_append_str(out, ",\"reason\":\"missing\",\"id\":");
    buf_append_slice(out, current_wish(s)->id_json);
    buf_append_str(out, ",\"error\":\"not_found\"}}");
}

static void bulk_json_error(struct buf *out, struct docstream *s, const struct doc_wish *wish)
{
    (void)s;
    buf_append_str(out, "{\"error\":");
    append_error_object(out, wish);
    buf_append_u8(out, '}');
}

static void bulk_json_end_wish(struct buf *out, struct docstream *s)
{
    (void)s;
    buf_append_str(out, "]}");
}

static void bulk_json_end(struct buf *out, struct docstream *s)
{
    (void)s;
    buf_append_str(out, "]}\n");
}

const struct docstream_form docstream_bulk_json = {
    false,        REV_ORDER_TREE,    bulk_json_begin, bulk_json_begin_wish, json_begin_doc,
    json_end_doc, bulk_json_missing, bulk_json_error, bulk_json_end_wish,   bulk_json_end,
};

/* ---- _bulk_get as multipart -------------------------------------------------------------- */

static void append_open_part(struct buf *out, const struct docstream *s)
{
    buf_append_str(out, "\r\n");
    append_boundary(out, s);
    buf_append_str(out, "\r\n");
}

static void bulk_mixed_begin_doc(struct buf *out, struct docstream *s)
{
    append_open_part(out, s);
    if (!related_has_parts(&s->related)) {
        buf_append_str(out, "Content-Type: application/json\r\n\r\n");
        return;
    }
    char rev[TUF_REV_TEXT_SIZE];
    size_t rev_len = tuf_rev_format(rev, tuf_doc_rev(s->doc));
    multipart_header(out, "X-Doc-Id", current_wish(s)->id);
    multipart_header(out, "X-Rev-Id", tuf_slice_of(rev, rev_len));
    tufi_buf_printf(out, "Content-Type: multipart/related; boundary=%s\r\n\r\n", s->inner_boundary);
}

static void bulk_mixed_missing(struct buf *out, struct docstream *s, tuf_rev rev)
{
    append_open_part(out, s);
    buf_append_str(out, "Content-Type: application/json; error=\"true\"\r\n\r\n{\"rev\":");
    tufi_json_write_rev(out, rev);
    buf_append_str(out, ",\"error\":\"not_found\",\"reason\":\"missing\"}");
}

static void bulk_mixed_error(struct buf *out, struct docstream *s, const struct doc_wish *wish)
{
    append_open_part(out, s);
    buf_append_str(out, "Content-Type: application/json; error=\"true\"\r\n\r\n");
    append_error_object(out, wish);
}

static void bulk_mixed_end(struct buf *out, struct docstream *s)
{
    if (s->wish_count == 0)
        return;
    buf_append_str(out, "\r\n");
    append_boundary(out, s);
    buf_append_str(out, "--\r\n");
}

const struct docstream_form docstream_bulk_mixed = {
    true,           REV_ORDER_TREE,     append_nothing,   append_nothing, bulk_mixed_begin_doc,
    append_nothing, bulk_mixed_missing, bulk_mixed_error, append_nothing, bulk_mixed_end,
};

/* ---- the stream -------------------------------------------------------------------------- */

tuf_status docstream_begin(struct docstream *s, struct request *req,
                           const struct docstream_form *form, const struct doc_wish *wishes,
                           size_t wish_count)
{
    s->req = req;
    s->form = form;
    s->wishes = wishes;
    s->wish_count = wish_count;
    multipart_make_boundary(s->boundary);
    multipart_make_boundary(s->inner_boundary);
    return tuf_db_snapshot(&s->snapshot, dbh_db(req->dbh));
}

/* Finds the revisions of the current wish. */
static tuf_status select_items(struct docstream *s)
{
    const struct doc_wish *wish = current_wish(s);
    struct rev_wish revs = wish->revs;
    revs.order = s->form->order;
    tufi_arena_clear(&s->arena);
    s->item_pos = 0;
    s->items.count = 0;
    s->selected = true;
    return revs_select(&s->items, &s->info, s->snapshot, wish->id, &revs, &s->arena);
}

tuf_status docstream_is_empty(bool *out, struct docstream *s)
{
    tuf_status st = select_items(s);
    if (st == TUF_OK)
        *out = s->items.count == 0;
    return st;
}

static void append_failed_wish(struct buf *out, struct docstream *s, const char *error,
                               const char *reason)
{
    struct doc_wish failed = *current_wish(s);
    failed.error = error;
    failed.reason = reason;
    if (failed.rev_json.len == 0)
        failed.rev_json = tuf_str("\"undefined\"");
    s->form->error(out, s, &failed);
}

/* A wish whose document may not be read, or has nothing to show, is answered with an error. */
static tuf_status check_wish(struct buf *out, struct docstream *s)
{
    tuf_status st = server_before_read(s->req, current_wish(s)->id);
    if (st != TUF_OK) {
        struct http_error mapped;
        error_map(&mapped, st, tuf_last_error());
        append_failed_wish(out, s, mapped.error, mapped.reason);
        s->items.count = 0;
    } else if (s->items.count == 0) {
        append_failed_wish(out, s, "not_found", "missing");
    }
    return TUF_OK;
}

/* Finds the revisions of a wish, or answers it with an error, which leaves it without items. */
static tuf_status begin_wish(struct buf *out, struct docstream *s)
{
    const struct doc_wish *wish = current_wish(s);
    s->form->begin_wish(out, s);
    if (wish->error != NULL) {
        s->items.count = 0;
        s->item_pos = 0;
        s->selected = true;
        append_failed_wish(out, s, wish->error, wish->reason);
        return TUF_OK;
    }
    tuf_status st = s->selected ? TUF_OK : select_items(s);
    if (st != TUF_OK)
        return st;
    return s->form->error == no_error ? TUF_OK : check_wish(out, s);
}

static tuf_status begin_doc(struct buf *out, struct docstream *s)
{
    const struct doc_wish *wish = current_wish(s);
    struct docjson_options opts = { .flags = s->flags & ~(unsigned)DOCJSON_META,
                                    .atts_since = wish->atts_since,
                                    .atts_since_count = wish->atts_since_count };
    replicator_hide_secrets(&opts, s->req);
    if (wish->has_atts_since)
        opts.flags |= DOCJSON_ATTACHMENTS;
    tuf_status st = users_hide_private(&opts, s->req, wish->id);
    if (st == TUF_OK && s->form->multipart)
        st = related_begin(&s->related, s->doc, &opts, s->inner_boundary);
    else if (st == TUF_OK)
        docjson_begin(&s->json, s->doc, &opts);
    if (st != TUF_OK)
        return st;
    s->form->begin_doc(out, s);
    s->writing = true;
    return TUF_OK;
}

static tuf_status begin_item(struct buf *out, struct docstream *s)
{
    const struct rev_item *item = &s->items.items[s->item_pos];
    tuf_status st = TUF_NOT_FOUND;
    if (!item->missing)
        st = rev_item_open(&s->doc, s->snapshot, current_wish(s)->id, s->info, item);
    if (st == TUF_OK)
        return begin_doc(out, s);
    if (st < 0)
        return st;
    s->form->missing(out, s, item->rev);
    s->item_pos++;
    return TUF_OK;
}

static tuf_status write_doc(struct buf *out, struct docstream *s)
{
    tuf_status st =
        s->form->multipart ? related_next(out, &s->related) : docjson_next(out, &s->json);
    if (st != TUF_END)
        return st;
    docjson_end(&s->json);
    related_end(&s->related);
    s->writing = false;
    s->form->end_doc(out, s);
    s->item_pos++;
    return TUF_OK;
}

static tuf_status step(struct buf *out, struct docstream *s)
{
    if (s->writing)
        return write_doc(out, s);
    if (!s->begun) {
        s->begun = true;
        s->form->begin(out, s);
        return s->wish_count > 0 ? begin_wish(out, s) : TUF_OK;
    }
    if (s->wish_pos == s->wish_count) {
        s->form->end(out, s);
        return TUF_END;
    }
    if (s->item_pos < s->items.count)
        return begin_item(out, s);
    s->form->end_wish(out, s);
    s->selected = false;
    s->wish_pos++;
    return s->wish_pos < s->wish_count ? begin_wish(out, s) : TUF_OK;
}

tuf_status docstream_next(struct buf *out, struct docstream *s)
{
    size_t start = out->len;
    while (out->len - start < DOCJSON_STEP_SIZE) {
        tuf_status st = step(out, s);
        if (st == TUF_OK)
            st = buf_status(out);
        if (st != TUF_OK)
            return st == TUF_END && out->failed ? buf_status(out) : st;
    }
    return TUF_OK;
}

void docstream_end(struct docstream *s)
{
    docjson_end(&s->json);
    related_end(&s->related);
    tuf_doc_free(&s->doc);
    tuf_doc_free(&s->info);
    tuf_snapshot_free(&s->snapshot);
    tufi_arena_release(&s->arena);
}
