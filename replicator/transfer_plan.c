/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: which attachments of a document travel, and the texts around them. See replicator/transfer.h.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "json/iter.h"
#include "replicator/docview.h"
#include "replicator/transfer_impl.h"

#define ATTS_MAX 10000
#define ATTS_SIZE_MAX ((size_t)8 << 20)

/* The generation of "3-abc" whose id is this literal; 0 if it is another one. */
static uint64_t generation_of(const char *ancestor, tuf_slice id)
{
    char *dash = NULL;
    unsigned long long gen = strtoull(ancestor, &dash, 10);
    return *dash == '-' && repl_literal_is(id, dash + 1) ? gen : 0;
}

/* The generation of the newest ancestor that the revision descends from; 0 for none. */
static tuf_status find_known(uint64_t *out, tuf_slice revisions, const json_t *ancestors)
{
    struct json_iter iter;
    tuf_slice start_text, list, key, id;
    size_t pos;
    json_t *item;
    char digits[24] = "";
    *out = 0;
    if (tufi_json_member(&start_text, revisions, "start") != TUF_OK ||
        tufi_json_member(&list, revisions, "ids") != TUF_OK ||
        tufi_json_iter_begin(&iter, list, '[') != TUF_OK || start_text.len >= sizeof(digits))
        return TUF_E_INVALID;
    memcpy(digits, start_text.data, start_text.len);
    uint64_t gen = strtoull(digits, NULL, 10);
    tuf_status st = TUF_OK;
    for (; st == TUF_OK && *out == 0 && json_array_size(ancestors) > 0; gen--) {
        st = tufi_json_iter_next(&key, &id, &iter);
        if (st != TUF_OK)
            break;
        json_array_foreach(ancestors, pos, item) {
            if (generation_of(json_string_value(item), id) == gen)
                *out = gen;
        }
    }
    return st == TUF_END ? TUF_OK : st;
}

tuf_status repl_transfer_bad_doc(const struct transfer *t, const char *what)
{
    return tufi_fail_kind(TUF_E_INVALID, "invalid_document", "%s of document %.80s is malformed",
                          what, t->doc->id);
}

static tuf_status add_att(struct transfer *t, const char *name, json_t *stub)
{
    const char *encoding = json_string_value(json_object_get(stub, "encoding"));
    const char *type = json_string_value(json_object_get(stub, "content_type"));
    bool gzip = encoding != NULL && strcmp(encoding, "gzip") == 0, inflate = false;
    if (encoding != NULL && !gzip)
        return repl_transfer_bad_doc(t, "an attachment's encoding");
    if (gzip && t->target->plain_atts) {
        /* It goes out inflated: what described the compressed bytes is of no use. */
        gzip = false;
        inflate = true;
        (void)json_object_del(stub, "encoding");
        (void)json_object_del(stub, "encoded_length");
        (void)json_object_del(stub, "digest");
    }
    const json_t *length = json_object_get(stub, gzip ? "encoded_length" : "length");
    if (!json_is_integer(length) || json_integer_value(length) < 0 || t->att_count == ATTS_MAX)
        return repl_transfer_bad_doc(t, "an attachment's length");
    struct att *att = &t->atts[t->att_count];
    att->name = tufi_strdup(tuf_str(name));
    att->type = tufi_strdup(tuf_str(type != NULL ? type : "application/octet-stream"));
    att->length = (uint64_t)json_integer_value(length);
    att->gzip = gzip;
    att->inflate = inflate;
    t->att_count++;
    return att->name != NULL && att->type != NULL ? TUF_OK : tufi_nomem();
}

/* "_attachments" as values, of which there are not many more than attachments (INV-RPA-1). */
static json_t *read_atts(tuf_slice text)
{
    struct json_iter iter;
    tuf_slice key, value;
    size_t count = 0, opened = 0;
    if (text.len > ATTS_SIZE_MAX || tufi_json_iter_begin(&iter, text, '{') != TUF_OK)
        return NULL;
    while (tufi_json_iter_next(&key, &value, &iter) == TUF_OK)
        count++;
    for (size_t i = 0; i < text.len; i++)
        opened += text.data[i] == '{' || text.data[i] == '[';
    if (count > ATTS_MAX || opened > 2 * count + 1000)
        return NULL;
    json_t *atts = json_loadb((const char *)text.data, text.len, 0, NULL);
    if (json_is_object(atts))
        return atts;
    json_decref(atts);
    return NULL;
}

/* Rewrites "_attachments": stubs stay stubs if the target has their bytes, others follow. */
static tuf_status plan_atts(struct transfer *t, json_t *atts, uint64_t known)
{
    const char *name;
    json_t *stub;
    size_t count = json_object_size(atts);
    t->atts = tufi_alloc_array(count < ATTS_MAX ? count : ATTS_MAX, sizeof(*t->atts));
    if (t->atts == NULL)
        return tufi_nomem();
    json_object_foreach(atts, name, stub) {
        json_int_t revpos = json_integer_value(json_object_get(stub, "revpos"));
        if (!json_is_object(stub))
            return repl_transfer_bad_doc(t, "an attachment");
        if (t->with_stubs && revpos > 0 && (uint64_t)revpos <= known) {
            (void)json_object_set_new(stub, "stub", json_true());
            continue;
        }
        tuf_status st = add_att(t, name, stub);
        if (st != TUF_OK)
            return st;
        (void)json_object_del(stub, "stub");
        if (json_object_set_new(stub, "follows", json_true()) != 0)
            return tufi_nomem();
    }
    return TUF_OK;
}

/* The document's text with another value of "_attachments". */
static tuf_status splice_atts(struct buf *out, tuf_slice doc, const char *atts)
{
    struct json_iter iter;
    tuf_slice key, value;
    tuf_status st = tufi_json_iter_begin(&iter, doc, '{');
    buf_append_u8(out, '{');
    while (st == TUF_OK) {
        st = tufi_json_iter_next(&key, &value, &iter);
        if (st != TUF_OK || tufi_json_key_is(key, "_attachments"))
            continue;
        buf_append_slice(out, key);
        buf_append_u8(out, ':');
        buf_append_slice(out, value);
        buf_append_u8(out, ',');
    }
    tufi_buf_printf(out, "\"_attachments\":");
    buf_append_str(out, atts);
    buf_append_u8(out, '}');
    return st == TUF_END ? buf_status(out) : st;
}

/* A value for a header line of a part. */
static void append_quoted(struct buf *out, const char *text)
{
    for (const char *c = text; *c != 0; c++) {
        if (*c == '"' || *c == '\\')
            buf_append_u8(out, '\\');
        buf_append_u8(out, (uint8_t)*c);
    }
}

static void append_part_head(struct buf *out, const struct transfer *t, const struct att *att)
{
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    buf_append_str(&value, "attachment; filename=\"");
    append_quoted(&value, att->name);
    buf_append_u8(&value, '"');
    multipart_open_part(out, t->boundary, false);
    multipart_header(out, "Content-Disposition", buf_slice(&value));
    multipart_header(out, "Content-Type", tuf_str(att->type));
    tufi_buf_printf(out, "Content-Length: %llu\r\n", (unsigned long long)att->length);
    if (att->gzip)
        multipart_header(out, "Content-Encoding", tuf_str("gzip"));
    multipart_head_end(out);
    out->failed = out->failed || value.failed;
}

void repl_transfer_append_between(struct buf *out, const struct transfer *t, size_t pos)
{
    if (pos < t->att_count)
        append_part_head(out, t, &t->atts[pos]);
    else
        multipart_close(out, t->boundary);
}

static tuf_status measure(struct transfer *t)
{
    TUF_AUTO(tufi_buf_release) struct buf scratch = BUF_INIT;
    t->total = t->head.len;
    for (size_t i = 0; i <= t->att_count; i++) {
        uint64_t bytes = i < t->att_count ? t->atts[i].length : 0;
        tufi_buf_clear(&scratch);
        repl_transfer_append_between(&scratch, t, i);
        if (scratch.failed)
            return tufi_nomem();
        if (bytes > INT64_MAX / ATTS_MAX)
            return repl_transfer_bad_doc(t, "an attachment's length");
        t->total += scratch.len + bytes;
    }
    return TUF_OK;
}

static tuf_status finish_plan(struct transfer *t)
{
    multipart_make_boundary(t->boundary);
    multipart_open_part(&t->head, t->boundary, true);
    multipart_header(&t->head, "Content-Type", tuf_str("application/json"));
    multipart_head_end(&t->head);
    buf_append_slice(&t->head, buf_slice(&t->plain));
    return t->head.failed ? tufi_nomem() : measure(t);
}

tuf_status repl_transfer_plan(struct transfer *t)
{
    tuf_slice atts_text, revs_text;
    if (tufi_json_member(&atts_text, t->doc->json, "_attachments") != TUF_OK ||
        tufi_json_member(&revs_text, t->doc->json, "_revisions") != TUF_OK)
        return repl_transfer_bad_doc(t, "the text");
    json_auto_t *atts = read_atts(atts_text);
    uint64_t known = 0;
    if (atts == NULL || find_known(&known, revs_text, t->doc->ancestors) != TUF_OK)
        return repl_transfer_bad_doc(t, "the text");
    tuf_status st = plan_atts(t, atts, known);
    char *text = st == TUF_OK ? json_dumps(atts, JSON_COMPACT) : NULL;
    if (st == TUF_OK)
        st = text == NULL ? tufi_nomem() : splice_atts(&t->plain, t->doc->json, text);
    free(text);
    if (st != TUF_OK)
        return st;
    return finish_plan(t);
}

tuf_status repl_transfer_plan_follows(struct transfer *t)
{
    tuf_slice text;
    const char *name;
    json_t *stub;
    tuf_status st = tufi_json_member(&text, buf_slice(&t->plain), "_attachments");
    json_auto_t *atts = st == TUF_OK ? read_atts(text) : NULL;
    if (atts == NULL)
        return repl_transfer_bad_doc(t, "the text");
    size_t count = json_object_size(atts);
    t->atts = tufi_alloc_array(count < ATTS_MAX ? count + 1 : ATTS_MAX, sizeof(*t->atts));
    if (t->atts == NULL)
        return tufi_nomem();
    json_object_foreach(atts, name, stub) {
        if (!json_is_object(stub))
            return repl_transfer_bad_doc(t, "an attachment");
        st = json_is_true(json_object_get(stub, "follows")) ? add_att(t, name, stub) : TUF_OK;
        if (st != TUF_OK)
            return st;
    }
    return finish_plan(t);
}
