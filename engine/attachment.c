/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: write attachments as streams: digest, compress, cut into chunks.
 *
 *     received bytes -> [md5] -> [gzip] -> [md5] -> chunks (engine/att_store.c)
 *
 * INV-AT-1: memory does not grow with the stream, but for 8 bytes for each chunk of it.
 * INV-AT-2: after a failure a writer only repeats it: there is no blob with a hole.
 *
 * Not here: reading (engine/att_reader.c).
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* MD5_*: no allocation, no failure in the middle of a stream  \
                                     */
#include "tuffet/attachment.h"

#include <inttypes.h>
#include <openssl/md5.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"
#include "engine/att_gzip.h"
#include "engine/att_store.h"
#include "engine/db.h"

#define WRITER_MAGIC 0x74756661770031u

struct tuf_att_writer {
    uint64_t magic;
    struct store_hold hold;  /* compaction may go on beside the stream */
    struct att_sink sink;
    struct gzip_writer gzip; /* open if the bytes are compressed here */
    bool stored_gzip;        /* what is stored is gzip, made here or outside */
    MD5_CTX received_md5;
    MD5_CTX stored_md5; /* used only if gzip is open; otherwise the two are the same */
    uint64_t received_len;
    uint64_t size_max; /* 0: no limit */
    tuf_status failed; /* first failure, TUF_OK if none */
    bool finished;
};

static tuf_status init_md5(MD5_CTX *ctx)
{
    return MD5_Init(ctx) == 1 ? TUF_OK : tufi_fail(TUF_E_INTERNAL, "the crypto library has no MD5");
}

/* The level to compress with, 0 for not at all. */
static int choose_level(const tuf_db *db, const tuf_att_options *opts)
{
    if (opts->gzip || opts->raw || !tufi_db_type_compressible(db, opts->type))
        return 0;
    return tufi_db_gzip_level(db);
}

static tuf_status init_writer(tuf_att_writer *w, tuf_db *db, const tuf_att_options *opts)
{
    TUF_AUTO(tufi_store_unref) struct store *store = tufi_store_acquire(db);
    tufi_hold_take(&w->hold, store);
    tuf_status st = tufi_log_writable(&store->log);
    if (st == TUF_OK)
        st = init_md5(&w->received_md5);
    if (st == TUF_OK)
        st = init_md5(&w->stored_md5);
    int level = choose_level(db, opts);
    if (st == TUF_OK && level > 0)
        st = tufi_gzip_writer_init(&w->gzip, level);
    if (st < 0)
        return st;
    w->magic = WRITER_MAGIC;
    w->sink.store = store;
    w->stored_gzip = opts->gzip || level > 0;
    w->size_max = opts->size_max;
    return TUF_OK;
}

tuf_status tuf_att_writer_new(tuf_att_writer **out, tuf_db *db, const tuf_att_options *opts)
{
    static const tuf_att_options defaults = TUF_ATT_OPTIONS_INIT;
    tufi_error_clear();
    if (!opts)
        opts = &defaults;
    if (!db || opts->struct_size != sizeof(*opts))
        return tufi_fail(TUF_E_MISUSE, "no database, or options of another version");
    tuf_att_writer *w = tufi_alloc_zero(sizeof(*w));
    if (!w)
        return tufi_nomem();
    tuf_status st = init_writer(w, db, opts);
    if (st < 0) {
        tufi_hold_drop(&w->hold);
        tufi_free(w);
        return st;
    }
    *out = w;
    return TUF_OK;
}

static tuf_status check_writer(const tuf_att_writer *w)
{
    if (!w || w->magic != WRITER_MAGIC)
        return tufi_fail(TUF_E_MISUSE, "no attachment writer");
    if (w->finished)
        return tufi_fail(TUF_E_MISUSE, "the attachment is finished");
    if (w->failed < 0)
        return tufi_fail(w->failed, "an earlier write of this attachment failed");
    return TUF_OK;
}

/* Takes stored bytes that were compressed here. */
static tuf_status store_compressed(void *ctx, tuf_slice bytes)
{
    tuf_att_writer *w = ctx;
    MD5_Update(&w->stored_md5, bytes.data, bytes.len);
    return tufi_att_sink_write(&w->sink, bytes);
}

static tuf_status write_bytes(tuf_att_writer *w, tuf_slice bytes)
{
    uint64_t len;
    if (!add_ok(&len, w->received_len, bytes.len) || (w->size_max > 0 && len > w->size_max))
        return tufi_fail_kind(TUF_E_LIMIT, "attachment_too_large",
                              "attachment is longer than %" PRIu64 " bytes", w->size_max);
    w->received_len = len;
    if (bytes.len == 0)
        return TUF_OK;
    MD5_Update(&w->received_md5, bytes.data, bytes.len);
    if (w->gzip.open)
        return tufi_gzip_write(&w->gzip, bytes, false, store_compressed, w);
    return tufi_att_sink_write(&w->sink, bytes);
}

tuf_status tuf_att_write(tuf_att_writer *writer, const void *data, size_t len)
{
    tufi_error_clear();
    tuf_status st = check_writer(writer);
    if (st < 0)
        return st;
    st = write_bytes(writer, tuf_slice_of(data, len));
    writer->failed = st;
    return st;
}

static tuf_status finish_stream(tuf_blob *blob, tuf_att_writer *w)
{
    tuf_status st = TUF_OK;
    if (w->gzip.open)
        st = tufi_gzip_write(&w->gzip, tuf_slice_of(NULL, 0), true, store_compressed, w);
    if (st == TUF_OK)
        st = tufi_att_sink_finish(&blob->data, &w->sink);
    if (st < 0)
        return st;
    tufi_hold_copy(&blob->hold, &w->hold);
    blob->data.length = w->received_len;
    blob->data.gzip = w->stored_gzip;
    MD5_Final(blob->received_md5, &w->received_md5);
    if (w->gzip.open)
        MD5_Final(blob->data.md5, &w->stored_md5);
    else
        memcpy(blob->data.md5, blob->received_md5, sizeof(blob->data.md5));
    return TUF_OK;
}

tuf_status tuf_att_finish(tuf_blob **out, tuf_att_writer *writer)
{
    tufi_error_clear();
    tuf_status st = check_writer(writer);
    if (st < 0)
        return st;
    TUF_AUTOFREE tuf_blob *blob = tufi_alloc_zero(sizeof(*blob));
    if (!blob)
        return tufi_nomem(); /* nothing was lost: it may be called again */
    st = finish_stream(blob, writer);
    writer->failed = st;
    if (st < 0)
        return st;
    writer->finished = true;
    *out = tufi_steal(blob);
    return TUF_OK;
}

void tuf_att_writer_free(tuf_att_writer **writer)
{
    tuf_att_writer *w = *writer;
    *writer = NULL;
    if (!w)
        return;
    tuf_assert(w->magic == WRITER_MAGIC);
    tufi_att_sink_release(&w->sink);
    tufi_gzip_writer_release(&w->gzip);
    tufi_hold_drop(&w->hold);
    w->magic = 0;
    tufi_free(w);
}

void tuf_blob_get_info(tuf_blob_info *out, const tuf_blob *blob)
{
    *out = (tuf_blob_info){ .length = blob->data.length,
                            .encoded_length = blob->data.encoded_length,
                            .gzip = blob->data.gzip };
    memcpy(out->md5, blob->data.md5, sizeof(out->md5));
    memcpy(out->received_md5, blob->received_md5, sizeof(out->received_md5));
}

void tuf_blob_free(tuf_blob **blob)
{
    if (*blob)
        tufi_hold_drop(&(*blob)->hold);
    tufi_free(*blob);
    *blob = NULL;
}
