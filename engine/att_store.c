/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: store attachment bytes as chunks, and prepare attachments that are wholly in memory.
 *
 * Chunks are written as they fill, so a stream of any length takes one chunk of memory and eight
 * bytes for each chunk before it.
 *
 * Not here: the public stream (engine/attachment.c); reading (engine/att_reader.c).
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* the one-call MD5 needs no allocation */
#include "engine/att_store.h"

#include <openssl/md5.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"
#include "engine/att_gzip.h"

#define GZIP_LEVEL_DEFAULT 8

void tufi_att_sink_release(struct att_sink *s)
{
    tufi_buf_release(&s->chunk);
    tufi_attindex_release(&s->index);
}

static tuf_status append_chunk(struct att_sink *s, tuf_slice bytes)
{
    tuf_assert(bytes.len <= ATT_CHUNK_SIZE);
    struct rec_loc loc;
    tuf_status st = tufi_store_append_chunk(s->store, bytes, &loc);
    if (st < 0)
        return st;
    st = tufi_attindex_push(&s->index, loc.off);
    if (st < 0)
        return st;
    s->index.total += bytes.len;
    return TUF_OK;
}

tuf_status tufi_att_sink_write(struct att_sink *s, tuf_slice bytes)
{
    while (bytes.len > 0) {
        size_t room = ATT_CHUNK_SIZE - s->chunk.len;
        tuf_slice part = tuf_slice_of(bytes.data, min_size(bytes.len, room));
        bytes = tuf_slice_of(bytes.data + part.len, bytes.len - part.len);
        tuf_status st = TUF_OK;
        if (part.len == ATT_CHUNK_SIZE) { /* a whole chunk needs no copy */
            st = append_chunk(s, part);
        } else {
            buf_append_slice(&s->chunk, part);
            st = buf_status(&s->chunk);
            if (st == TUF_OK && s->chunk.len == ATT_CHUNK_SIZE) {
                st = append_chunk(s, buf_slice(&s->chunk));
                tufi_buf_clear(&s->chunk);
            }
        }
        if (st < 0)
            return st;
    }
    return TUF_OK;
}

static tuf_status append_index(struct rec_loc *out, struct att_sink *s)
{
    TUF_AUTO(tufi_buf_release) struct buf bytes = BUF_INIT;
    s->index.chunk_size = ATT_CHUNK_SIZE;
    tufi_attindex_encode(&bytes, &s->index);
    tuf_status st = buf_status(&bytes);
    return st < 0 ? st : tufi_store_append_chunk(s->store, buf_slice(&bytes), out);
}

tuf_status tufi_att_sink_finish(struct att_data *data, struct att_sink *s)
{
    tuf_status st = TUF_OK;
    if (s->chunk.len > 0)
        st = append_chunk(s, buf_slice(&s->chunk));
    if (st < 0)
        return st;
    tufi_buf_release(&s->chunk);
    struct rec_loc loc = { 0, 0 };
    if (s->index.count == 1)
        loc = (struct rec_loc){ s->index.offs[0], (uint32_t)s->index.total };
    else if (s->index.count > 1)
        st = append_index(&loc, s);
    if (st < 0)
        return st;
    data->encoded_length = s->index.total;
    data->chunk_count = (uint32_t)s->index.count;
    data->loc = loc;
    return TUF_OK;
}

static tuf_status append_to_buf(void *ctx, tuf_slice bytes)
{
    struct buf *out = ctx;
    buf_append_slice(out, bytes);
    return buf_status(out);
}

static tuf_status gzip_all(struct buf *out, tuf_slice bytes, int level)
{
    TUF_AUTO(tufi_gzip_writer_release) struct gzip_writer gzip = GZIP_WRITER_INIT;
    tuf_status st = tufi_gzip_writer_init(&gzip, level);
    return st < 0 ? st : tufi_gzip_write(&gzip, bytes, true, append_to_buf, out);
}

static int level_for(const tuf_db *db_or_null, tuf_slice type)
{
    if (!db_or_null)
        return tufi_type_matches(type, ATT_COMPRESSIBLE_DEFAULT) ? GZIP_LEVEL_DEFAULT : 0;
    return tufi_db_type_compressible(db_or_null, type) ? tufi_db_gzip_level(db_or_null) : 0;
}

tuf_status tufi_att_prepare(struct att_data *out, struct buf *stored_out, const tuf_db *db_or_null,
                            tuf_slice type, tuf_slice bytes)
{
    int level = level_for(db_or_null, type);
    size_t before = stored_out->len;
    tuf_status st =
        level > 0 ? gzip_all(stored_out, bytes, level) : append_to_buf(stored_out, bytes);
    if (st < 0)
        return st;
    /* An empty buffer has no memory to point into. */
    tuf_slice stored =
        tuf_slice_of(stored_out->data ? stored_out->data + before : NULL, stored_out->len - before);
    *out =
        (struct att_data){ .length = bytes.len, .encoded_length = stored.len, .gzip = level > 0 };
    MD5(stored.len > 0 ? stored.data : (const uint8_t *)"", stored.len, out->md5);
    return TUF_OK;
}

tuf_status tufi_att_store(struct att_data *data, struct store *store, tuf_slice stored)
{
    tuf_assert(data->encoded_length == stored.len);
    TUF_AUTO(tufi_att_sink_release) struct att_sink sink = ATT_SINK_INIT;
    sink.store = store;
    tuf_status st = tufi_att_sink_write(&sink, stored);
    return st < 0 ? st : tufi_att_sink_finish(data, &sink);
}

/* ---------------------------------------------------------------- types */

#define BLANKS " \t\n\v\f\r"

/* Whether a pattern with stars is the whole text. On a mismatch only the last star can take one
 * more byte: stars before it have matched as little as they could, which is never worse. */
static bool glob_matches(tuf_slice pattern, tuf_slice text)
{
    size_t p = 0, t = 0;
    size_t star = SIZE_MAX, star_text = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.data[p] == '*') {
            star = p++;
            star_text = t;
        } else if (p < pattern.len && byte_lower(pattern.data[p]) == byte_lower(text.data[t])) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.data[p] == '*')
        p++;
    return p == pattern.len;
}

bool tufi_type_matches(tuf_slice type, const char *patterns)
{
    tuf_slice name = tuf_str("");
    tuf_slice rest = tuf_str(patterns);
    tuf_slice pattern;
    slice_next_item(&name, &type, ';');
    name = slice_trim(name, BLANKS);
    while (slice_next_item(&pattern, &rest, ',')) {
        pattern = slice_trim(pattern, BLANKS);
        if (pattern.len > 0 && glob_matches(pattern, name))
            return true;
    }
    return false;
}

/* Copies one chunk; `buf` has room for it. */
static tuf_status copy_chunk(struct rec_loc *loc, struct store *from, uint8_t *buf,
                             att_put_chunk_fn *put, void *ctx)
{
    tuf_status st = tufi_store_read_chunk(from, *loc, buf);
    struct rec_loc same = *loc;
    return st < 0 ? st : put(ctx, tuf_slice_of(buf, loc->len), &same, loc);
}

tuf_status tufi_att_read_index(struct att_index *out, struct rec_loc loc, struct store *from)
{
    TUF_AUTOFREE uint8_t *bytes = tufi_alloc(loc.len);
    if (!bytes)
        return tufi_nomem();
    tuf_status st = tufi_store_read_chunk(from, loc, bytes);
    return st < 0 ? st : tufi_attindex_decode(out, tuf_slice_of(bytes, loc.len), loc.off);
}

static tuf_status copy_chunks(struct att_index *to, struct att_data *data, struct store *from,
                              att_put_chunk_fn *put, void *ctx)
{
    TUF_AUTO(tufi_attindex_release) struct att_index index = ATT_INDEX_INIT;
    tuf_status st = tufi_att_read_index(&index, data->loc, from);
    if (st < 0)
        return st;
    TUF_AUTOFREE uint8_t *buf = tufi_alloc(index.chunk_size);
    if (!buf)
        return tufi_nomem();
    to->chunk_size = index.chunk_size;
    to->total = index.total;
    for (size_t i = 0; st == TUF_OK && i < index.count; i++) {
        struct rec_loc loc = tufi_attindex_chunk(&index, i);
        st = copy_chunk(&loc, from, buf, put, ctx);
        if (st == TUF_OK)
            st = tufi_attindex_push(to, loc.off);
    }
    return st;
}

tuf_status tufi_att_lost(void)
{
    return tufi_corrupt(UINT64_MAX, "a compaction found this attachment damaged");
}

tuf_status tufi_att_copy(struct att_data *data, struct store *from, att_put_chunk_fn *put,
                         void *ctx)
{
    if (data->chunk_count == 0)
        return TUF_OK;
    if (att_is_lost(data))
        return tufi_att_lost();
    if (data->chunk_count == 1) {
        if (data->loc.len > ATTINDEX_CHUNK_SIZE_MAX)
            return tufi_corrupt(data->loc.off, "chunk says %u bytes", data->loc.len);
        TUF_AUTOFREE uint8_t *buf = tufi_alloc(data->loc.len);
        return buf ? copy_chunk(&data->loc, from, buf, put, ctx) : tufi_nomem();
    }
    TUF_AUTO(tufi_attindex_release) struct att_index to = ATT_INDEX_INIT;
    TUF_AUTO(tufi_buf_release) struct buf bytes = BUF_INIT;
    tuf_status st = copy_chunks(&to, data, from, put, ctx);
    if (st != TUF_OK)
        return st;
    tufi_attindex_encode(&bytes, &to);
    st = buf_status(&bytes);
    return st < 0 ? st : put(ctx, buf_slice(&bytes), NULL, &data->loc);
}
