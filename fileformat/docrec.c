/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: encode and decode the records inside a commit (docrec.h).
 */
#include "fileformat/docrec.h"

#include "fileformat/frame.h"

#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"

enum docrec_flags {
    DOCREC_DELETED = 1,
    DOCREC_ATTS = 2,
    DOCREC_CODEC_SHIFT = 2, /* two bits */
    DOCREC_KNOWN = 0x0f,
};

static void encode_att(struct buf *out, const struct stored_att *a)
{
    write_sized(out, a->name);
    write_sized(out, a->type);
    write_varint(out, a->revpos);
    buf_append_u8(out, a->data.gzip ? 1 : 0);
    write_varint(out, a->data.length);
    write_varint(out, a->data.encoded_length);
    tufi_buf_append(out, a->data.md5, sizeof(a->data.md5));
    write_varint(out, a->data.chunk_count);
    if (a->data.chunk_count == 0)
        return;
    write_varint(out, a->data.loc.off);
    write_varint(out, a->data.loc.len);
}

void tufi_docrec_encode(struct buf *out, const struct docrec *r)
{
    tuf_assert(r->stem_limit > 0);
    tuf_assert(r->rev.gen > r->ancestor_count);
    write_varint(out, r->seq);
    unsigned flags = (r->deleted ? (unsigned)DOCREC_DELETED : 0) |
                     (r->att_count > 0 ? (unsigned)DOCREC_ATTS : 0) |
                     (unsigned)r->codec << DOCREC_CODEC_SHIFT;
    buf_append_u8(out, (uint8_t)flags);
    write_sized(out, r->id);
    write_varint(out, r->rev.gen);
    write_sized(out, r->rev.id);
    write_varint(out, r->ancestor_count);
    for (size_t i = 0; i < r->ancestor_count; i++)
        write_sized(out, r->ancestors[i]);
    write_varint(out, r->prev.off);
    if (r->prev.off > 0)
        write_varint(out, r->prev.len);
    write_varint(out, r->stem_limit);
    write_varint(out, r->path_len);
    write_varint(out, r->node_count);
    if (r->att_count > 0) {
        write_varint(out, r->att_count);
        for (size_t i = 0; i < r->att_count; i++)
            encode_att(out, &r->atts[i]);
    }
    write_varint(out, r->body_len);
    buf_append_slice(out, r->body);
}

void tufi_docrec_view_release(struct docrec_view *v)
{
    tufi_free(v->ancestors);
    tufi_free(v->atts);
    *v = (struct docrec_view)DOCREC_VIEW_INIT;
}

static tuf_slice read_rev_id(struct reader *in)
{
    tuf_slice id = read_sized(in);
    if (id.len == 0 || id.len > TUF_REV_ID_SIZE_MAX)
        in->bad = true;
    return id;
}

/* Offset and length 0: a compaction found these bytes damaged. */
static struct rec_loc read_loc(struct reader *in)
{
    struct rec_loc loc = { .off = read_varint(in) };
    uint64_t len = read_varint(in);
    if ((loc.off == 0 && len > 0) || len > RECORD_SIZE_MAX)
        in->bad = true;
    else
        loc.len = (uint32_t)len;
    return loc;
}

static struct stored_att read_att(struct reader *in)
{
    struct stored_att a = { 0 };
    a.name = read_sized(in);
    a.type = read_sized(in);
    a.revpos = read_varint(in);
    uint8_t flags = read_u8(in);
    a.data.gzip = flags & 1;
    a.data.length = read_varint(in);
    a.data.encoded_length = read_varint(in);
    tuf_slice md5 = read_bytes(in, sizeof(a.data.md5));
    if (!in->bad)
        memcpy(a.data.md5, md5.data, sizeof(a.data.md5));
    uint64_t chunk_count = read_varint(in);
    if (flags > 1 || chunk_count > UINT32_MAX)
        in->bad = true;
    a.data.chunk_count = (uint32_t)chunk_count;
    if (chunk_count > 0 && !in->bad)
        a.data.loc = read_loc(in);
    return a;
}

/* Grows a reused array. Elements take at least one byte each, so `count` is bounded by the input. */
static tuf_status grow(void **array, size_t *cap, size_t count, size_t item_size)
{
    if (count <= *cap)
        return TUF_OK;
    size_t size;
    void *bigger = mul_ok(&size, count, item_size) ? tufi_realloc(*array, size) : NULL;
    if (!bigger)
        return tufi_nomem();
    *array = bigger;
    *cap = count;
    return TUF_OK;
}

static tuf_status read_ancestors(struct docrec_view *out, struct reader *in)
{
    uint64_t count = read_varint(in);
    if (in->bad || count > DOCREC_PATH_MAX || count > reader_left(in)) {
        in->bad = true;
        return TUF_OK;
    }
    void *array = out->ancestors;
    tuf_status st = grow(&array, &out->ancestor_cap, (size_t)count, sizeof(tuf_slice));
    out->ancestors = array;
    if (st < 0)
        return st;
    for (size_t i = 0; i < count; i++)
        out->ancestors[i] = read_rev_id(in);
    out->rec.ancestors = out->ancestors;
    out->rec.ancestor_count = (size_t)count;
    return TUF_OK;
}

static tuf_status read_atts(struct docrec_view *out, struct reader *in)
{
    uint64_t count = read_varint(in);
    if (in->bad || count == 0 || count > DOCREC_ATTS_MAX || count > reader_left(in)) {
        in->bad = true;
        return TUF_OK;
    }
    void *array = out->atts;
    tuf_status st = grow(&array, &out->att_cap, (size_t)count, sizeof(struct stored_att));
    out->atts = array;
    if (st < 0)
        return st;
    for (size_t i = 0; i < count; i++)
        out->atts[i] = read_att(in);
    out->rec.atts = out->atts;
    out->rec.att_count = (size_t)count;
    return TUF_OK;
}

static void read_history_place(struct docrec *r, struct reader *in)
{
    r->prev.off = read_varint(in);
    if (r->prev.off > 0) {
        uint64_t len = read_varint(in);
        if (len > RECORD_SIZE_MAX)
            in->bad = true;
        r->prev.len = (uint32_t)len;
    }
    uint64_t limit = read_varint(in);
    if (limit == 0 || limit > UINT32_MAX)
        in->bad = true;
    r->stem_limit = (uint32_t)limit;
    r->path_len = read_varint(in);
    r->node_count = read_varint(in);
}

tuf_status tufi_docrec_decode(struct docrec_view *out, tuf_slice payload, uint64_t off)
{
    struct reader in = reader_of(payload);
    struct docrec *r = &out->rec;
    *r = (struct docrec){ .seq = read_varint(&in) };
    uint8_t flags = read_u8(&in);
    r->deleted = flags & DOCREC_DELETED;
    r->codec = (enum body_codec)(flags >> DOCREC_CODEC_SHIFT & 3);
    r->id = read_sized(&in);
    r->rev.gen = read_varint(&in);
    r->rev.id = read_rev_id(&in);
    tuf_status st = read_ancestors(out, &in);
    if (st < 0)
        return st;
    read_history_place(r, &in);
    if (flags & DOCREC_ATTS && !in.bad) {
        st = read_atts(out, &in);
        if (st < 0)
            return st;
    }
    r->body_len = read_varint(&in);
    r->body = read_bytes(&in, reader_left(&in));
    if (in.bad || flags & ~(unsigned)DOCREC_KNOWN || r->codec > BODY_ZLIB || r->id.len == 0 ||
        r->id.len > TUF_ID_SIZE_MAX || r->rev.gen <= r->ancestor_count || r->prev.off >= off)
        return tufi_corrupt(off, "document record of %zu bytes is malformed", payload.len);
    return TUF_OK;
}

void tufi_treerec_encode(struct buf *out, tuf_slice id, tuf_slice tree)
{
    write_sized(out, id);
    buf_append_slice(out, tree);
}

tuf_status tufi_treerec_decode(tuf_slice *id_out, tuf_slice *tree_out, tuf_slice payload,
                               uint64_t off)
{
    struct reader in = reader_of(payload);
    *id_out = read_sized(&in);
    *tree_out = read_bytes(&in, reader_left(&in));
    if (in.bad)
        return tufi_corrupt(off, "revision tree record of %zu bytes is malformed", payload.len);
    return TUF_OK;
}

void tufi_localrec_encode(struct buf *out, const struct localrec *r)
{
    buf_append_u8(out, (uint8_t)((r->removed ? 1u : 0u) | (unsigned)r->codec << 1));
    write_sized(out, r->id);
    write_varint(out, r->rev);
    write_varint(out, r->body_len);
    buf_append_slice(out, r->body);
}

tuf_status tufi_localrec_decode(struct localrec *out, tuf_slice payload, uint64_t off)
{
    struct reader in = reader_of(payload);
    uint8_t flags = read_u8(&in);
    out->removed = flags & 1;
    out->codec = (enum body_codec)(flags >> 1 & 3);
    out->id = read_sized(&in);
    out->rev = read_varint(&in);
    out->body_len = read_varint(&in);
    out->body = read_bytes(&in, reader_left(&in));
    if (in.bad || flags >> 1 > BODY_ZLIB || out->id.len == 0)
        return tufi_corrupt(off, "local document record of %zu bytes is malformed", payload.len);
    return TUF_OK;
}

void tufi_metarec_encode(struct buf *out, const struct metarec *r)
{
    buf_append_u8(out, r->removed ? 1 : 0);
    write_sized(out, r->key);
    buf_append_slice(out, r->value);
}

tuf_status tufi_metarec_decode(struct metarec *out, tuf_slice payload, uint64_t off)
{
    struct reader in = reader_of(payload);
    uint8_t flags = read_u8(&in);
    out->removed = flags & 1;
    out->key = read_sized(&in);
    out->value = read_bytes(&in, reader_left(&in));
    if (in.bad || flags > 1 || out->key.len < 2)
        return tufi_corrupt(off, "meta record of %zu bytes is malformed", payload.len);
    return TUF_OK;
}

void tufi_purgerec_encode(struct buf *out, const struct purgerec *r)
{
    write_varint(out, r->purge_seq);
    write_sized(out, r->id);
    write_sized(out, r->revs);
    write_varint(out, r->seq);
    if (r->stays)
        buf_append_u8(out, 0); /* no index value begins so: its sequence is not 0 */
    buf_append_slice(out, r->docinfo);
}

tuf_status tufi_purgerec_decode(struct purgerec *out, tuf_slice payload, uint64_t off)
{
    struct reader in = reader_of(payload);
    out->purge_seq = read_varint(&in);
    out->id = read_sized(&in);
    out->revs = read_sized(&in);
    out->seq = read_varint(&in);
    out->docinfo = read_bytes(&in, reader_left(&in));
    out->stays = out->docinfo.len == 1 && out->docinfo.data[0] == 0;
    if (in.bad || out->id.len == 0 || (out->seq == 0) != (out->docinfo.len == 0))
        return tufi_corrupt(off, "purge record of %zu bytes is malformed", payload.len);
    if (out->stays)
        out->docinfo = tuf_slice_of(NULL, 0);
    return TUF_OK;
}

void tufi_revlist_encode(struct buf *out, const tuf_rev *revs, size_t count)
{
    write_varint(out, count);
    for (size_t i = 0; i < count; i++) {
        write_varint(out, revs[i].gen);
        write_sized(out, revs[i].id);
    }
}

tuf_status tufi_revlist_decode(tuf_rev **out, size_t *count_out, tuf_slice bytes, uint64_t off)
{
    struct reader in = reader_of(bytes);
    uint64_t count = read_varint(&in);
    if (in.bad || count > reader_left(&in))
        return tufi_corrupt(off, "revision list is malformed");
    TUF_AUTOFREE tuf_rev *revs = tufi_alloc_array((size_t)count, sizeof(*revs));
    if (!revs)
        return tufi_nomem();
    for (size_t i = 0; i < count; i++) {
        revs[i].gen = read_varint(&in);
        revs[i].id = read_rev_id(&in);
    }
    if (in.bad || reader_left(&in) > 0)
        return tufi_corrupt(off, "revision list is malformed");
    *out = tufi_steal(revs);
    *count_out = (size_t)count;
    return TUF_OK;
}
