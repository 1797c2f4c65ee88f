/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: read attachments as streams: one chunk in memory, inflated on the way if asked.
 *
 * INV-AR-1: a reader's memory is one chunk, the index and, if it inflates, zlib's window, whatever
 *           the attachment's length or what its bytes expand to.
 *
 * Bytes that came from outside as gzip are the user's: that they are broken is E_INVALID, found by
 * whoever asks for them decoded, and never E_CORRUPT.
 *
 * Not here: writing (engine/attachment.c).
 */
#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"
#include "engine/att_gzip.h"
#include "engine/att_store.h"
#include "tuffet/doc.h"

#define READER_MAGIC 0x74756661720031u
#define NO_CHUNK SIZE_MAX

struct tuf_att_reader {
    uint64_t magic;
    tuf_snapshot *snapshot; /* a reference of our own */
    struct att_index index; /* also for one chunk; count 0 if empty */
    uint8_t *chunk;         /* owned: bytes of the chunk that was read last, NULL before */
    size_t chunk_pos;       /* which it is, or NO_CHUNK */
    uint64_t off;           /* next stored byte */
    bool decoding;
    struct gzip_reader gzip; /* open if decoding */
};

/* One chunk is an index of one entry, which has no record of its own. */
static tuf_status index_of_one(struct att_index *out, const struct att_data *data)
{
    if (data->encoded_length != data->loc.len || data->loc.len == 0 ||
        data->loc.len > ATTINDEX_CHUNK_SIZE_MAX)
        return tufi_corrupt(data->loc.off, "a chunk of %u bytes holds an attachment of %llu",
                            data->loc.len, (unsigned long long)data->encoded_length);
    out->total = data->encoded_length;
    out->chunk_size = data->loc.len;
    return tufi_attindex_push(out, data->loc.off);
}

static tuf_status load_index(struct att_index *out, struct store *store, const struct att_data *data)
{
    if (data->chunk_count == 0 && data->encoded_length != 0)
        return tufi_corrupt(data->loc.off, "an attachment of %llu bytes has no chunk",
                            (unsigned long long)data->encoded_length);
    if (data->chunk_count == 0)
        return TUF_OK;
    if (att_is_lost(data))
        return tufi_att_lost();
    if (data->chunk_count == 1)
        return index_of_one(out, data);
    if (data->loc.len / VARINT_SIZE_MAX > ATTINDEX_COUNT_MAX)
        return tufi_corrupt(data->loc.off, "attachment index of %u bytes", data->loc.len);
    TUF_AUTOFREE uint8_t *bytes = tufi_alloc(data->loc.len);
    if (!bytes)
        return tufi_nomem();
    tuf_status st = tufi_store_read_chunk(store, data->loc, bytes);
    if (st == TUF_OK)
        st = tufi_attindex_decode(out, tuf_slice_of(bytes, data->loc.len), data->loc.off);
    if (st < 0)
        return st;
    if (out->total != data->encoded_length || out->count != data->chunk_count)
        return tufi_corrupt(data->loc.off, "attachment index disagrees with its document");
    return TUF_OK;
}

static tuf_status init_reader(tuf_att_reader *r, const struct att_data *data, unsigned flags)
{
    r->magic = READER_MAGIC;
    r->chunk_pos = NO_CHUNK;
    r->decoding = (flags & TUF_ATT_DECODED) && data->gzip;
    tuf_status st = load_index(&r->index, tufi_snapshot_store(r->snapshot), data);
    if (st == TUF_OK && r->decoding)
        st = tufi_gzip_reader_init(&r->gzip);
    return st;
}

tuf_status tuf_att_open(tuf_att_reader **out, const struct tuf_doc *doc, size_t pos, unsigned flags)
{
    tufi_error_clear();
    if (!doc || (flags & ~(unsigned)TUF_ATT_DECODED))
        return tufi_fail(TUF_E_MISUSE, "no document, or unknown flags");
    struct att_data data;
    tuf_status st = tufi_doc_att_data(&data, doc, pos);
    if (st != TUF_OK)
        return st;
    TUF_AUTO(tuf_att_reader_free) tuf_att_reader *r = tufi_alloc_zero(sizeof(*r));
    if (!r)
        return tufi_nomem();
    r->snapshot = tufi_doc_snapshot(doc);
    tufi_snapshot_ref(r->snapshot);
    st = init_reader(r, &data, flags);
    if (st < 0)
        return st;
    *out = tufi_steal(r);
    return TUF_OK;
}

static tuf_status check_reader(const tuf_att_reader *r)
{
    if (!r || r->magic != READER_MAGIC)
        return tufi_fail(TUF_E_MISUSE, "no attachment reader");
    return TUF_OK;
}

tuf_status tuf_att_seek(tuf_att_reader *reader, uint64_t off)
{
    tufi_error_clear();
    tuf_status st = check_reader(reader);
    if (st < 0)
        return st;
    if (reader->decoding)
        return tufi_fail(TUF_E_MISUSE, "a decoded attachment cannot be sought");
    if (off > reader->index.total)
        return TUF_END;
    reader->off = off;
    return TUF_OK;
}

/* Makes the chunk of the next stored byte the one in memory. */
static tuf_status load_chunk(tuf_att_reader *r, size_t pos)
{
    if (r->chunk_pos == pos)
        return TUF_OK;
    if (!r->chunk)
        r->chunk = tufi_alloc(tufi_attindex_chunk(&r->index, 0).len);
    if (!r->chunk)
        return tufi_nomem();
    r->chunk_pos = NO_CHUNK; /* its bytes are overwritten, whether reading succeeds or not */
    struct store *store = tufi_snapshot_store(r->snapshot);
    tuf_status st = tufi_store_read_chunk(store, tufi_attindex_chunk(&r->index, pos), r->chunk);
    if (st == TUF_OK)
        r->chunk_pos = pos;
    return st;
}

/* Borrows the rest of the chunk at the next stored byte; empty at the end. */
static tuf_status peek_stored(tuf_slice *out, tuf_att_reader *r)
{
    *out = tuf_slice_of(NULL, 0);
    if (r->off >= r->index.total)
        return TUF_OK;
    size_t pos = (size_t)(r->off / r->index.chunk_size);
    size_t skip = (size_t)(r->off % r->index.chunk_size);
    tuf_status st = load_chunk(r, pos);
    if (st < 0)
        return st;
    *out = tuf_slice_of(r->chunk + skip, tufi_attindex_chunk(&r->index, pos).len - skip);
    return TUF_OK;
}

/* Reads once. made_out 0 with room left means the end. */
static tuf_status read_some(size_t *made_out, tuf_att_reader *r, uint8_t *to, size_t size)
{
    for (;;) {
        tuf_slice in;
        tuf_status st = peek_stored(&in, r);
        if (st < 0)
            return st;
        size_t used = min_size(in.len, size);
        size_t made = used;
        if (r->decoding)
            st = tufi_gzip_read(&used, &made, &r->gzip, in, to, size);
        else if (used > 0)
            memcpy(to, in.data, used);
        if (st < 0)
            return st;
        r->off += used;
        *made_out = made;
        if (made > 0)
            return TUF_OK;
        if (in.len == 0)
            return r->decoding ? tufi_gzip_reader_finish(&r->gzip) : TUF_OK;
    }
}

tuf_status tuf_att_read(size_t *len_out, tuf_att_reader *reader, void *buf, size_t size)
{
    tufi_error_clear();
    tuf_status st = check_reader(reader);
    if (st < 0)
        return st;
    if (size == 0)
        return tufi_fail(TUF_E_MISUSE, "no room to read into");
    uint8_t *to = buf;
    size_t len = 0;
    size_t made = 1;
    while (len < size && made > 0) {
        st = read_some(&made, reader, to + len, size - len);
        if (st < 0)
            return st;
        len += made;
    }
    if (len == 0)
        return TUF_END;
    *len_out = len;
    return TUF_OK;
}

void tuf_att_reader_free(tuf_att_reader **reader)
{
    tuf_att_reader *r = *reader;
    *reader = NULL;
    if (!r)
        return;
    tuf_assert(r->magic == READER_MAGIC);
    tufi_snapshot_unref(r->snapshot);
    tufi_attindex_release(&r->index);
    tufi_gzip_reader_release(&r->gzip);
    tufi_free(r->chunk);
    r->magic = 0;
    tufi_free(r);
}
