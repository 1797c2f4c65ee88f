/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: GET and HEAD of one attachment, whole or in ranges.
 *
 * What is stored compressed goes out compressed if the client takes gzip, and is inflated on the
 * way otherwise; ranges are served of uncompressed attachments only, and under If-Range only if the
 * attachment is still the one it names. Nobody knows the inflated length of what a client had
 * compressed itself: that goes out in chunks.
 *
 * Attachments are other people's files under our origin: every answer is sandboxed (CSP) and says
 * that its type must not be guessed.
 *
 * Source: CouchDB 3's chttpd_db.
 */
#include <inttypes.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/bytes.h"
#include "base/hex.h"
#include "replicator/multipart.h"
#include "server/handlers/docs.h"
#include "server/handlers/ranges.h"
#include "server/server.h"

#define PIECE_SIZE 65536

struct att_get {
    tuf_snapshot *snapshot; /* owned */
    tuf_doc *doc;           /* owned; borrows the snapshot */
    tuf_att_info att;       /* borrows doc */
    tuf_att_reader *reader; /* owned */
    struct ranges ranges;
    size_t range_pos; /* range being sent */
    uint64_t left;    /* bytes of it still to be sent */
    bool in_range;    /* the head of the part was written */
    char boundary[BOUNDARY_SIZE];
};

static void get_cleanup(struct request *req)
{
    struct att_get *get = req->state;
    tuf_att_reader_free(&get->reader);
    tuf_doc_free(&get->doc);
    tuf_snapshot_free(&get->snapshot);
    tufi_free(get);
}

/* ---- Accept-Encoding --------------------------------------------------------------------- */

/* Whether the parameters of an item say q=0. */
static bool has_zero_q(tuf_slice params)
{
    tuf_slice param;
    while (request_next_item(&param, &params, ';')) {
        if (param.len < 3 || (param.data[0] | 0x20) != 'q' || param.data[1] != '=')
            continue;
        bool zero = true;
        for (size_t i = 2; i < param.len; i++)
            zero = zero && (param.data[i] == '0' || param.data[i] == '.');
        return zero;
    }
    return false;
}

/* gzip by its name, else by '*'. */
static bool accepts_gzip(const struct request *req)
{
    tuf_slice list;
    bool wildcard = false;
    if (!request_header(&list, req, "Accept-Encoding"))
        return false;
    tuf_slice params, name;
    while (request_next_item(&params, &list, ',')) {
        request_next_item(&name, &params, ';');
        if (slice_is_nocase(name, "gzip"))
            return !has_zero_q(params);
        if (slice_is(name, "*"))
            wildcard = !has_zero_q(params);
    }
    return wildcard;
}

/* ---- producers (worker) ------------------------------------------------------------------ */

/* Appends up to size bytes; TUF_END at the end of the attachment. */
static tuf_status append_piece(size_t *len_out, struct buf *out, struct att_get *get, size_t size)
{
    if (!tufi_buf_reserve(out, size))
        return buf_status(out);
    tuf_status st = tuf_att_read(len_out, get->reader, out->data + out->len, size);
    if (st == TUF_OK)
        out->len += *len_out;
    return st;
}

static enum produce_result produce_whole(struct request *req, struct buf *out)
{
    struct att_get *get = req->state;
    size_t len = 0;
    tuf_status st = append_piece(&len, out, get, PIECE_SIZE);
    if (st == TUF_OK)
        return PRODUCE_MORE;
    return st == TUF_END ? PRODUCE_DONE : PRODUCE_FAIL;
}

/* The next bytes of the current range. */
static tuf_status append_range(struct buf *out, struct att_get *get)
{
    size_t size = (size_t)min_u64(get->left, PIECE_SIZE);
    size_t len = 0;
    tuf_status st = append_piece(&len, out, get, size);
    if (st != TUF_OK)
        return tufi_fold(st);
    get->left -= len;
    return TUF_OK;
}

static tuf_status seek_range(struct att_get *get)
{
    const struct byte_range *range = &get->ranges.items[get->range_pos];
    get->left = range->to - range->from + 1;
    return tufi_fold(tuf_att_seek(get->reader, range->from));
}

static enum produce_result produce_one_range(struct request *req, struct buf *out)
{
    struct att_get *get = req->state;
    if (append_range(out, get) != TUF_OK)
        return PRODUCE_FAIL;
    return get->left > 0 ? PRODUCE_MORE : PRODUCE_DONE;
}

static void append_range_head(struct buf *out, const struct att_get *get)
{
    const struct byte_range *range = &get->ranges.items[get->range_pos];
    if (get->range_pos == 0)
        tufi_buf_printf(out, "--%s", get->boundary);
    buf_append_str(out, "\r\n");
    multipart_header(out, "Content-Type", get->att.type);
    tufi_buf_printf(out, "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n\r\n",
                    range->from, range->to, get->att.length);
}

static enum produce_result produce_ranges(struct request *req, struct buf *out)
{
    struct att_get *get = req->state;
    if (!get->in_range) {
        append_range_head(out, get);
        if (seek_range(get) != TUF_OK)
            return PRODUCE_FAIL;
        get->in_range = true;
    }
    if (append_range(out, get) != TUF_OK)
        return PRODUCE_FAIL;
    if (get->left > 0)
        return PRODUCE_MORE;
    get->in_range = false;
    get->range_pos++;
    tufi_buf_printf(out, "\r\n--%s", get->boundary);
    if (get->range_pos < get->ranges.count)
        return PRODUCE_MORE;
    buf_append_str(out, "--");
    return PRODUCE_DONE;
}

/* ---- answers ----------------------------------------------------------------------------- */

static void reply_one_range(struct request *req, struct att_get *get, const char *type)
{
    const struct byte_range *range = &get->ranges.items[0];
    tuf_status st = seek_range(get);
    if (st != TUF_OK) {
        reply_status(req, st);
        return;
    }
    reply_headerf(req, "Content-Range", "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, range->from,
                  range->to, get->att.length);
    const struct producer producer = { .produce = produce_one_range,
                                       .blocking = true,
                                       .has_length = true,
                                       .length = get->left,
                                       .type = type };
    reply_stream(req, 206, &producer);
}

static void reply_ranges(struct request *req, struct att_get *get)
{
    char type[BOUNDARY_SIZE + 40];
    multipart_make_boundary(get->boundary);
    snprintf(type, sizeof(type), "multipart/byteranges; boundary=\"%s\"", get->boundary);
    const struct producer producer = { .produce = produce_ranges, .blocking = true, .type = type };
    reply_stream(req, 206, &producer);
}

static void reply_whole(struct request *req, const struct att_get *get, bool stored,
                        const char *type)
{
    const tuf_att_info *att = &get->att;
    struct producer producer = { .produce = produce_whole, .blocking = true, .type = type };
    producer.length = stored ? att->encoded_length : att->length;
    producer.has_length = !att->gzip || stored || att->length != att->encoded_length;
    reply_stream(req, 200, &producer);
}

static void add_headers(struct request *req, const tuf_att_info *att, bool stored, const char *etag)
{
    reply_header(req, "ETag", tuf_str(etag));
    reply_header(req, "Cache-Control", tuf_str("must-revalidate"));
    reply_header(req, "Accept-Ranges", tuf_str(att->gzip ? "none" : "bytes"));
    if (att->gzip && stored)
        reply_header(req, "Content-Encoding", tuf_str("gzip"));
}

static tuf_status open_att(struct att_get *get, struct request *req, const struct doc_query *query)
{
    size_t pos = 0;
    tuf_status st =
        docs_open(&get->doc, &get->snapshot, req, req->docid, query->has_rev ? &query->rev : NULL);
    if (st != TUF_OK) {
        reply_status(req, st);
        return st;
    }
    st = tuf_doc_find_att(&pos, get->doc, req->att_name);
    if (st == TUF_NOT_FOUND) {
        reply_error(req, 404, "not_found", "Document is missing attachment");
        return st;
    }
    if (st == TUF_OK)
        st = tuf_doc_att(&get->att, get->doc, pos);
    bool decode = st == TUF_OK && get->att.gzip && !accepts_gzip(req);
    if (st == TUF_OK)
        st = tuf_att_open(&get->reader, get->doc, pos, decode ? TUF_ATT_DECODED : TUF_ATT_STORED);
    if (st != TUF_OK)
        reply_status(req, st);
    return st;
}

/* The stored type as the text of a header: replication brings types that nobody has checked. */
static const char *clean_type(struct request *req, tuf_slice type)
{
    char *text = tufi_arena_alloc(&req->arena, type.len + 1);
    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < type.len; i++)
        /* A space is a char. NOLINTNEXTLINE(bugprone-narrowing-conversions) */
        text[i] = type.data[i] < ' ' || type.data[i] == 0x7f ? ' ' : (char)type.data[i];
    text[type.len] = 0;
    return text;
}

/*
 * Whether Range still means these bytes: it does unless If-Range names other ones. Tags are
 * compared strongly (RFC 9110 section 13.1.5), so a weak one never matches; nor does a date, since
 * attachments have none. CouchDB 3 ignores If-Range, and would let a client join bytes of two
 * different attachments. So do we where that cannot happen: a strong tag that no attachment can have
 * (theirs is an MD5 in base64) is of nothing that was downloaded here.
 */
static bool if_range_holds(const struct request *req, tuf_slice etag)
{
    tuf_slice tag;
    if (!request_header(&tag, req, "If-Range") || slice_equal(tag, etag))
        return true;
    bool strong = tag.len >= 2 && tag.data[0] == '"' && tag.data[tag.len - 1] == '"';
    return strong && tag.len != etag.len;
}

static void answer(struct request *req, struct att_get *get)
{
    const tuf_att_info *att = &get->att;
    bool stored = !att->gzip || accepts_gzip(req);
    TUF_AUTO(tufi_buf_release) struct buf etag = BUF_INIT;
    buf_append_u8(&etag, '"');
    tufi_base64_encode(&etag, tuf_slice_of(att->md5, sizeof(att->md5)));
    tufi_buf_append(&etag, "\"", 2);
    const char *type = clean_type(req, att->type);
    if (etag.failed || type == NULL) {
        reply_status(req, tufi_nomem());
        return;
    }
    if (request_not_modified(req, (const char *)etag.data))
        return;
    tuf_slice range;
    enum ranges_result ranges = RANGES_NONE;
    if (!att->gzip && request_header(&range, req, "Range") &&
        if_range_holds(req, tuf_slice_of(etag.data, etag.len - 1))) /* without its NUL */
        ranges = ranges_parse(&get->ranges, range, att->length);
    if (ranges == RANGES_BAD) {
        reply_error(req, 416, "requested_range_not_satisfiable", "Requested range not satisfiable");
        return;
    }
    reply_content_policy(req, "attachments", "sandbox");
    if (ranges == RANGES_OK && get->ranges.count > 1) {
        reply_ranges(req, get);
        return;
    }
    add_headers(req, att, stored, (const char *)etag.data);
    if (ranges == RANGES_OK)
        reply_one_range(req, get, type);
    else
        reply_whole(req, get, stored, type);
}

void handle_att_get(struct request *req)
{
    struct doc_query query;
    if (!doc_query_parse(&query, req))
        return;
    struct att_get *get = tufi_alloc_zero(sizeof(*get));
    if (get == NULL) {
        reply_status(req, tufi_nomem());
        return;
    }
    req->state = get;
    request_on_cleanup(req, get_cleanup);
    if (open_att(get, req, &query) == TUF_OK)
        answer(req, get);
}
