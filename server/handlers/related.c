/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see server/handlers/related.h.
 */
#include "server/handlers/related.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/assert.h"

tuf_status related_begin(struct related *r, tuf_doc *doc, const struct docjson_options *opts,
                         const char *boundary)
{
    memset(r, 0, sizeof(*r));
    r->doc = doc;
    tuf_assert(strlen(boundary) < sizeof(r->boundary));
    memcpy(r->boundary, boundary, strlen(boundary) + 1);
    struct docjson_options own = *opts;
    own.flags |= DOCJSON_ATTACHMENTS | DOCJSON_FOLLOWS | DOCJSON_ATT_ENCODING;
    tuf_status st = docjson_since_gen(&r->since_gen, doc, &own);
    if (st == TUF_OK)
        st = docjson_write(&r->json, doc, &own);
    if (st != TUF_OK)
        return st;
    size_t count = tuf_doc_att_count(doc);
    for (size_t i = 0; i < count; i++) {
        tuf_att_info att;
        st = tuf_doc_att(&att, doc, i);
        if (st != TUF_OK)
            return tufi_fold(st);
        if (att.revpos > r->since_gen)
            r->part_count++;
    }
    return TUF_OK;
}

bool related_has_parts(const struct related *r)
{
    return r->part_count > 0;
}

static void append_part_head(struct buf *out, const struct related *r, const tuf_att_info *att)
{
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    multipart_open_part(out, r->boundary, false);
    buf_append_str(&value, "attachment; filename=\"");
    buf_append_slice(&value, att->name);
    buf_append_u8(&value, '"');
    multipart_header(out, "Content-Disposition", buf_slice(&value));
    multipart_header(out, "Content-Type", att->type);
    tufi_buf_clear(&value);
    tufi_buf_printf(&value, "%" PRIu64, att->encoded_length);
    multipart_header(out, "Content-Length", buf_slice(&value));
    if (att->gzip)
        multipart_header(out, "Content-Encoding", tuf_str("gzip"));
    multipart_head_end(out);
    if (value.failed)
        out->failed = true;
}

static void append_json_part(struct buf *out, const struct related *r)
{
    if (r->part_count > 0) {
        multipart_open_part(out, r->boundary, true);
        multipart_header(out, "Content-Type", tuf_str("application/json"));
        multipart_head_end(out);
    }
    buf_append_slice(out, buf_slice(&r->json));
}

/* The next attachment that is no stub; TUF_END if there is none. */
static tuf_status next_part(tuf_att_info *out, struct related *r)
{
    for (;; r->att_pos++) {
        tuf_status st = tuf_doc_att(out, r->doc, r->att_pos);
        if (st != TUF_OK || out->revpos > r->since_gen)
            return st;
    }
}

tuf_status related_length(uint64_t *out, const struct related *r)
{
    TUF_AUTO(tufi_buf_release) struct buf heads = BUF_INIT;
    uint64_t data_len = 0;
    append_json_part(&heads, r);
    size_t count = r->part_count > 0 ? tuf_doc_att_count(r->doc) : 0;
    for (size_t i = 0; i < count; i++) {
        tuf_att_info att;
        tuf_status st = tuf_doc_att(&att, r->doc, i);
        if (st != TUF_OK)
            return tufi_fold(st);
        if (att.revpos <= r->since_gen)
            continue;
        append_part_head(&heads, r, &att);
        data_len += att.encoded_length;
    }
    if (r->part_count > 0)
        multipart_close(&heads, r->boundary);
    *out = heads.len + data_len;
    return buf_status(&heads);
}

static tuf_status append_data(struct buf *out, struct related *r)
{
    if (!tufi_buf_reserve(out, DOCJSON_STEP_SIZE))
        return buf_status(out);
    size_t len = 0;
    tuf_status st = tuf_att_read(&len, r->reader, out->data + out->len, DOCJSON_STEP_SIZE);
    if (st == TUF_OK) {
        out->len += len;
        return TUF_OK;
    }
    if (st == TUF_END) {
        tuf_att_reader_free(&r->reader);
        r->att_pos++;
        return TUF_OK;
    }
    return st;
}

tuf_status related_next(struct buf *out, struct related *r)
{
    if (!r->begun) {
        append_json_part(out, r);
        tufi_buf_release(&r->json);
        r->begun = true;
        if (r->part_count == 0)
            return out->failed ? buf_status(out) : TUF_END;
    }
    size_t start = out->len;
    while (out->len - start < DOCJSON_STEP_SIZE) {
        tuf_status st = TUF_OK;
        if (r->reader != NULL) {
            st = append_data(out, r);
        } else {
            tuf_att_info att;
            st = next_part(&att, r);
            if (st == TUF_END) {
                multipart_close(out, r->boundary);
                return out->failed ? buf_status(out) : TUF_END;
            }
            if (st == TUF_OK) {
                append_part_head(out, r, &att);
                st = tuf_att_open(&r->reader, r->doc, r->att_pos, TUF_ATT_STORED);
            }
        }
        if (st != TUF_OK)
            return tufi_fold(st);
    }
    return buf_status(out);
}

void related_end(struct related *r)
{
    tuf_att_reader_free(&r->reader);
    tufi_buf_release(&r->json);
}
