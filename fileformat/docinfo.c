/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: encode, decode and reduce the values of the index trees (docinfo.h).
 */
#include "fileformat/docinfo.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "fileformat/frame.h"

enum docinfo_flags {
    DOCINFO_TREE_IS_WINNER = 1, /* the tree's record is the winner's own record */
};

enum leaf_flags {
    LEAF_DELETED = 1,
    LEAF_ATTS = 2,
};

void tufi_docinfo_init(struct docinfo *d)
{
    memset(d, 0, sizeof(*d));
    d->leaves = d->inline_leaves;
}

void tufi_docinfo_release(struct docinfo *d)
{
    if (d->leaf_cap > 0)
        tufi_free(d->leaves);
    tufi_docinfo_init(d);
}

tuf_status tufi_docinfo_reserve(struct docinfo *d, size_t count)
{
    if (count <= (d->leaf_cap > 0 ? d->leaf_cap : DOCINFO_INLINE_LEAVES))
        return TUF_OK;
    if (count > DOCINFO_LEAVES_MAX)
        return tufi_fail(TUF_E_LIMIT, "document has more than %d conflicting revisions",
                         DOCINFO_LEAVES_MAX);
    struct leafinfo *leaves = tufi_alloc_array(count * 2, sizeof(*leaves));
    if (!leaves)
        return tufi_nomem();
    memcpy(leaves, d->leaves, d->leaf_count * sizeof(*leaves));
    if (d->leaf_cap > 0)
        tufi_free(d->leaves);
    d->leaves = leaves;
    d->leaf_cap = count * 2;
    return TUF_OK;
}

static bool loc_equal(struct rec_loc a, struct rec_loc b)
{
    return a.off == b.off && a.len == b.len;
}

void tufi_docinfo_encode(struct buf *out, const struct docinfo *d)
{
    tuf_assert(d->leaf_count > 0);
    write_varint(out, d->seq);
    bool same = loc_equal(d->tree, d->leaves[0].rec);
    buf_append_u8(out, same ? DOCINFO_TREE_IS_WINNER : 0);
    if (!same) {
        write_varint(out, d->tree.off);
        write_varint(out, d->tree.len);
    }
    write_varint(out, d->chain_len);
    write_varint(out, d->node_count);
    write_varint(out, d->leaf_count);
    for (size_t i = 0; i < d->leaf_count; i++) {
        const struct leafinfo *leaf = &d->leaves[i];
        buf_append_u8(out, (uint8_t)((leaf->deleted ? (unsigned)LEAF_DELETED : 0) |
                                     (leaf->has_atts ? (unsigned)LEAF_ATTS : 0)));
        write_varint(out, leaf->rev.gen);
        write_sized(out, leaf->rev.id);
        write_varint(out, leaf->rec.off);
        write_varint(out, leaf->rec.len);
        write_varint(out, leaf->path_len);
        write_varint(out, leaf->size_external);
        if (leaf->has_atts)
            write_varint(out, leaf->att_size);
    }
}

static void read_leaf(struct leafinfo *leaf, struct reader *in)
{
    uint8_t flags = read_u8(in);
    leaf->deleted = flags & LEAF_DELETED;
    leaf->has_atts = flags & LEAF_ATTS;
    leaf->rev.gen = read_varint(in);
    leaf->rev.id = read_sized(in);
    leaf->rec.off = read_varint(in);
    uint64_t len = read_varint(in);
    leaf->rec.len = (uint32_t)len;
    leaf->path_len = read_varint(in);
    leaf->size_external = read_varint(in);
    leaf->att_size = leaf->has_atts ? read_varint(in) : 0;
    if (flags > 3 || len > RECORD_SIZE_MAX || leaf->rev.id.len == 0 ||
        leaf->rev.id.len > TUF_REV_ID_SIZE_MAX || leaf->rev.gen == 0)
        in->bad = true;
}

tuf_status tufi_docinfo_decode(struct docinfo *out, tuf_slice bytes)
{
    struct reader in = reader_of(bytes);
    out->seq = read_varint(&in);
    uint8_t flags = read_u8(&in);
    uint64_t tree_len = 0;
    if (!(flags & DOCINFO_TREE_IS_WINNER)) {
        out->tree.off = read_varint(&in);
        tree_len = read_varint(&in);
        out->tree.len = (uint32_t)tree_len;
    }
    out->chain_len = read_varint(&in);
    out->node_count = read_varint(&in);
    uint64_t leaf_count = read_varint(&in);
    if (in.bad || flags > 1 || tree_len > RECORD_SIZE_MAX || leaf_count == 0 ||
        leaf_count > reader_left(&in) || leaf_count > DOCINFO_LEAVES_MAX)
        return tufi_corrupt(UINT64_MAX, "index value of a document is malformed");
    out->leaf_count = 0;
    tuf_status st = tufi_docinfo_reserve(out, (size_t)leaf_count);
    if (st < 0)
        return st;
    for (size_t i = 0; i < leaf_count; i++)
        read_leaf(&out->leaves[i], &in);
    if (in.bad || reader_left(&in) > 0)
        return tufi_corrupt(UINT64_MAX, "index value of a document is malformed");
    out->leaf_count = (size_t)leaf_count;
    if (flags & DOCINFO_TREE_IS_WINNER)
        out->tree = out->leaves[0].rec;
    return TUF_OK;
}

void tufi_seqinfo_encode(struct buf *out, tuf_slice id, tuf_slice docinfo)
{
    write_sized(out, id);
    buf_append_slice(out, docinfo);
}

tuf_status tufi_seqinfo_split(tuf_slice *id_out, tuf_slice *docinfo_out, tuf_slice bytes)
{
    struct reader in = reader_of(bytes);
    *id_out = read_sized(&in);
    *docinfo_out = read_bytes(&in, reader_left(&in));
    if (in.bad || id_out->len == 0)
        return tufi_corrupt(UINT64_MAX, "index value of a sequence is malformed");
    return TUF_OK;
}

void tufi_localinfo_encode(struct buf *out, const struct localinfo *l)
{
    write_varint(out, l->rev);
    write_varint(out, l->rec.off);
    write_varint(out, l->rec.len);
}

tuf_status tufi_localinfo_decode(struct localinfo *out, tuf_slice bytes)
{
    struct reader in = reader_of(bytes);
    out->rev = read_varint(&in);
    out->rec.off = read_varint(&in);
    uint64_t len = read_varint(&in);
    out->rec.len = (uint32_t)len;
    if (in.bad || len > RECORD_SIZE_MAX || reader_left(&in) > 0)
        return tufi_corrupt(UINT64_MAX, "index value of a local document is malformed");
    return TUF_OK;
}

void tufi_quarantined_encode(struct buf *out, const struct quarantined *q)
{
    write_varint(out, q->raw.off);
    write_varint(out, q->raw.len);
    write_sized(out, q->id);
    write_sized(out, q->text);
}

tuf_status tufi_quarantined_decode(struct quarantined *out, tuf_slice bytes)
{
    struct reader in = reader_of(bytes);
    out->raw.off = read_varint(&in);
    uint64_t len = read_varint(&in);
    out->raw.len = (uint32_t)len;
    out->id = read_sized(&in);
    out->text = read_sized(&in);
    if (in.bad || len > RECORD_SIZE_MAX || reader_left(&in) > 0)
        return tufi_corrupt(UINT64_MAX, "entry of the quarantine is malformed");
    return TUF_OK;
}

void tufi_heirinfo_encode(struct buf *out, const struct heirinfo *h)
{
    tufi_buf_append(out, h->source_uuid, sizeof(h->source_uuid));
    write_varint(out, h->mark_off);
    write_be32(out, h->mark_crc);
    write_varint(out, h->copied_seq);
    write_varint(out, h->size);
}

tuf_status tufi_heirinfo_decode(struct heirinfo *out, tuf_slice bytes)
{
    struct reader in = reader_of(bytes);
    tuf_slice uuid = read_bytes(&in, sizeof(out->source_uuid));
    struct heirinfo h = { .mark_off = read_varint(&in) };
    h.mark_crc = read_be32(&in);
    h.copied_seq = read_varint(&in);
    h.size = read_varint(&in);
    if (in.bad || reader_left(&in) > 0)
        return tufi_corrupt(UINT64_MAX, "note of a compaction is malformed");
    /* They were read. NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
    memcpy(h.source_uuid, uuid.data, sizeof(h.source_uuid));
    *out = h;
    return TUF_OK;
}

void tufi_reduce_by_id(struct reduction *out, tuf_slice key, tuf_slice value)
{
    (void)key;
    *out = (struct reduction){ { 0 } };
    struct docinfo d;
    tufi_docinfo_init(&d);
    /* A malformed value counts as nothing here; whoever reads it reports it. */
    if (tufi_docinfo_decode(&d, value) == TUF_OK) {
        out->v[d.leaves[0].deleted ? COUNT_DELETED : COUNT_LIVE] = 1;
        for (size_t i = 0; i < d.leaf_count; i++) {
            out->v[SIZE_ACTIVE] += d.leaves[i].rec.len + d.leaves[i].att_size;
            out->v[SIZE_EXTERNAL] += d.leaves[i].size_external;
        }
    }
    tufi_docinfo_release(&d);
}

void tufi_reduce_by_seq(struct reduction *out, tuf_slice key, tuf_slice value)
{
    (void)key;
    (void)value;
    *out = (struct reduction){ { 1 } };
}

void tufi_reduce_local(struct reduction *out, tuf_slice key, tuf_slice value)
{
    (void)value;
    *out = (struct reduction){ { key.len > 0 && key.data[0] == LOCAL_KEY_DOC } };
}
