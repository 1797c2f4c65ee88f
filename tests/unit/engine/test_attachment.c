/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: attachment streams against a store made of memory.
 *
 * This program defines the calls of engine/att.h that reach into the file (and the one of
 * engine/db.h), so the linker takes no other part of the engine: what fails here is wrong in
 * attachment.c, att_reader.c, att_store.c or att_gzip.c. The fake store fails on demand.
 *
 * Not here: attachments of real documents (tests of the public API).
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/md5.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/hex.h"
#include "engine/att_store.h"
#include "engine/db.h"
#include "tests/lib/test.h"

/* ---------------------------------------------------------------- the fake engine */

#define FAKE_HEADER 12
#define FAKE_RECORDS_MAX 4096

/* Zeroed when a test starts: each runs in a process of its own. */
static struct fake_store {
    struct {
        struct rec_loc loc;
        uint8_t *bytes;
    } records[FAKE_RECORDS_MAX];
    size_t record_count;
    uint64_t end;
    size_t append_calls, read_calls;
    size_t fail_append; /* number of the append call that fails, 0: none */
    size_t fail_read;
    bool readonly;
    int gzip_level;
    int snapshot_refs;
    int store_refs;
} fake;

static tuf_db fake_db;
static struct store fake_file;
static tuf_snapshot fake_snapshot;

struct tuf_doc {
    struct att_data data;
};

static void fake_init(void)
{
    fake.end = 8192;
    fake.gzip_level = 8;
    fake.snapshot_refs = 1;
    fake_snapshot.db = &fake_db;
    fake_snapshot.store = fake_db.store = &fake_file;
    fake.store_refs = 1;
}

static void fake_release(void)
{
    for (size_t i = 0; i < fake.record_count; i++)
        free(fake.records[i].bytes);
    fake.record_count = 0;
    ck_assert_int_eq(fake.snapshot_refs, 1);
    ck_assert_int_eq(fake.store_refs, 1);
}

tuf_status tufi_log_writable(const struct log *log)
{
    ck_assert_ptr_eq(log, &fake_file.log);
    return fake.readonly ? tufi_fail(TUF_E_READONLY, "fake store is read-only") : TUF_OK;
}

struct store *tufi_store_acquire(tuf_db *db)
{
    ck_assert_ptr_eq(db, &fake_db);
    fake.store_refs++;
    return &fake_file;
}

void tufi_store_ref(struct store *store)
{
    ck_assert_ptr_eq(store, &fake_file);
    fake.store_refs++;
}

void tufi_store_unref(struct store **store)
{
    if (*store)
        fake.store_refs--;
    *store = NULL;
}

void tufi_hold_take(struct store_hold *out, struct store *store)
{
    tufi_store_ref(store);
    *out = (struct store_hold){ store, 0 };
}

void tufi_hold_copy(struct store_hold *out, const struct store_hold *from)
{
    tufi_hold_take(out, from->store);
}

void tufi_hold_drop(struct store_hold *hold)
{
    if (hold->store)
        tufi_store_unref(&hold->store);
}

tuf_status tufi_store_append_chunk(struct store *store, tuf_slice payload, struct rec_loc *out)
{
    ck_assert_ptr_eq(store, &fake_file);
    ck_assert_uint_gt(payload.len, 0);
    if (++fake.append_calls == fake.fail_append)
        return tufi_fail(TUF_E_FULL, "fake store is full");
    ck_assert_uint_lt(fake.record_count, FAKE_RECORDS_MAX);
    uint8_t *bytes = malloc(payload.len);
    ck_assert_ptr_nonnull(bytes);
    memcpy(bytes, payload.data, payload.len);
    *out = (struct rec_loc){ .off = fake.end, .len = (uint32_t)payload.len };
    fake.records[fake.record_count].loc = *out;
    fake.records[fake.record_count++].bytes = bytes;
    fake.end = (fake.end + FAKE_HEADER + payload.len + 4095) / 4096 * 4096;
    return TUF_OK;
}

tuf_status tufi_store_read_chunk(struct store *store, struct rec_loc loc, void *buf)
{
    ck_assert_ptr_eq(store, &fake_file);
    if (++fake.read_calls == fake.fail_read)
        return tufi_corrupt(loc.off, "fake store is damaged");
    for (size_t i = 0; i < fake.record_count; i++)
        if (fake.records[i].loc.off == loc.off && fake.records[i].loc.len == loc.len) {
            memcpy(buf, fake.records[i].bytes, loc.len);
            return TUF_OK;
        }
    return tufi_corrupt(loc.off, "no chunk of %u bytes here", loc.len);
}

int tufi_db_gzip_level(const tuf_db *db)
{
    ck_assert_ptr_eq(db, &fake_db);
    return fake.gzip_level;
}

bool tufi_db_type_compressible(const tuf_db *db, tuf_slice type)
{
    ck_assert_ptr_eq(db, &fake_db);
    return tufi_type_matches(type, ATT_COMPRESSIBLE_DEFAULT);
}

tuf_status tufi_doc_att_data(struct att_data *out, const struct tuf_doc *doc, size_t pos)
{
    if (pos > 0)
        return TUF_END;
    *out = doc->data;
    return TUF_OK;
}

tuf_snapshot *tufi_doc_snapshot(const struct tuf_doc *doc)
{
    ck_assert_ptr_nonnull(doc);
    return &fake_snapshot;
}

void tufi_snapshot_ref(tuf_snapshot *snapshot)
{
    ck_assert_ptr_eq(snapshot, &fake_snapshot);
    fake.snapshot_refs++;
}

void tufi_snapshot_unref(tuf_snapshot *snapshot)
{
    ck_assert_ptr_eq(snapshot, &fake_snapshot);
    fake.snapshot_refs--;
}

struct store *tufi_snapshot_store(const tuf_snapshot *snapshot)
{
    return snapshot->store;
}

/* ---------------------------------------------------------------- helpers */

static tuf_att_options options_for(const char *type)
{
    tuf_att_options opts = TUF_ATT_OPTIONS_INIT;
    opts.type = tuf_str(type);
    return opts;
}

/* Bytes that do not compress, the same for each length. */
static uint8_t *noise(size_t len)
{
    uint8_t *bytes = malloc(len + 1);
    ck_assert_ptr_nonnull(bytes);
    uint64_t state = 88172645463325252ull;
    for (size_t i = 0; i < len; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes[i] = (uint8_t)(state >> 24);
    }
    return bytes;
}

/* Writes in pieces of one size and finishes. */
static tuf_blob *write_pieces(const tuf_att_options *opts, tuf_slice bytes, size_t piece)
{
    tuf_att_writer *writer = NULL;
    tuf_blob *blob = NULL;
    ck_ok(tuf_att_writer_new(&writer, &fake_db, opts));
    for (size_t done = 0; done < bytes.len; done += piece) {
        size_t left = bytes.len - done;
        ck_ok(tuf_att_write(writer, bytes.data + done, left < piece ? left : piece));
    }
    ck_ok(tuf_att_finish(&blob, writer));
    ck_fails(tuf_att_write(writer, "x", 1), TUF_E_MISUSE);
    tuf_att_writer_free(&writer);
    ck_assert_ptr_null(writer);
    return blob;
}

static void expect_digest(const uint8_t md5[16], const char *base64)
{
    TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
    tufi_base64_encode(&text, tuf_slice_of(md5, 16));
    buf_append_u8(&text, 0);
    ck_assert_str_eq((const char *)text.data, base64);
}

static tuf_att_reader *open_reader(const struct att_data *data, unsigned flags)
{
    struct tuf_doc doc = { .data = *data }; /* a reader outlives its document */
    tuf_att_reader *reader = NULL;
    ck_ok(tuf_att_open(&reader, &doc, 0, flags));
    return reader;
}

/* Reads to the end in pieces of one size and compares. */
static void expect_bytes(const struct att_data *data, unsigned flags, tuf_slice want, size_t piece)
{
    TUF_AUTO(tuf_att_reader_free) tuf_att_reader *reader = open_reader(data, flags);
    TUF_AUTO(tufi_buf_release) struct buf got = BUF_INIT;
    uint8_t *room = malloc(piece);
    ck_assert_ptr_nonnull(room);
    size_t len = piece;
    tuf_status st;
    while ((st = tuf_att_read(&len, reader, room, piece)) == TUF_OK) {
        ck_assert_uint_gt(len, 0);
        ck_assert_uint_le(len, piece);
        tufi_buf_append(&got, room, len);
        if (len < piece)
            break;
    }
    ck_outcome(tuf_att_read(&len, reader, room, piece), TUF_END);
    free(room);
    ck_assert(slice_equal(buf_slice(&got), want));
}

static const tuf_slice sample = { (const uint8_t *)"This is a text document to save", 31 };

/* ---------------------------------------------------------------- writing */

START_TEST(a_text_is_stored_as_couchdb_stores_it)
{
    fake_init();
    static const char *const types[] = { "text/plain", "TEXT/HTML; charset=utf-8",
                                         "application/json" };
    tuf_att_options opts = options_for(types[_i % 3]);
    tuf_blob *blob = write_pieces(&opts, sample, (size_t)_i + 1);
    tuf_blob_info info;
    tuf_blob_get_info(&info, blob);
    ck_assert(info.gzip);
    ck_assert_uint_eq(info.length, 31);
    expect_digest(info.md5, "wJORG+sY7HTKqCWOnk5tIQ==");
    uint8_t want[16];
    MD5(sample.data, sample.len, want);
    ck_assert_mem_eq(info.received_md5, want, 16);
    ck_assert_uint_eq(fake.record_count, 1);
    const uint8_t head[10] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3 };
    ck_assert_mem_eq(fake.records[0].bytes, head, sizeof(head));
    expect_bytes(&blob->data, TUF_ATT_DECODED, sample, 7);
    tuf_blob_free(&blob);
    ck_assert_ptr_null(blob);
    fake_release();
}
END_TEST

START_TEST(one_byte_of_text_is_twentyone_bytes_of_gzip)
{
    fake_init();
    tuf_att_options opts = options_for("text/plain");
    tuf_blob *blob = write_pieces(&opts, tuf_str("x"), 1);
    char hex[43] = { 0 };
    ck_assert_uint_eq(blob->data.encoded_length, 21);
    tufi_hex_encode(hex, fake.records[0].bytes, 21);
    ck_assert_str_eq(hex, "1f8b0800000000000003ab00008316dc8c01000000");
    tuf_blob_free(&blob);
    fake_release();
}
END_TEST

START_TEST(what_is_not_compressed_has_one_digest)
{
    fake_init();
    tuf_att_options opts[4] = { options_for("image/png"), options_for("text/plain"),
                                options_for(""), options_for("text/plain") };
    opts[1].raw = true;
    for (size_t i = 0; i < 4; i++) {
        if (i == 3)
            fake.gzip_level = 0;
        tuf_blob *blob = write_pieces(&opts[i], sample, 10);
        tuf_blob_info info;
        tuf_blob_get_info(&info, blob);
        ck_assert(!info.gzip);
        ck_assert_uint_eq(info.length, 31);
        ck_assert_uint_eq(info.encoded_length, 31);
        ck_assert_mem_eq(info.md5, info.received_md5, 16);
        expect_bytes(&blob->data, TUF_ATT_STORED, sample, 5);
        expect_bytes(&blob->data, TUF_ATT_DECODED, sample, 100);
        tuf_blob_free(&blob);
    }
    fake_release();
}
END_TEST

START_TEST(an_empty_attachment_has_no_chunk)
{
    fake_init();
    tuf_blob *blob = write_pieces(NULL, tuf_slice_of(NULL, 0), 1);
    ck_assert_uint_eq(blob->data.chunk_count, 0);
    ck_assert_uint_eq(blob->data.encoded_length, 0);
    expect_digest(blob->data.md5, "1B2M2Y8AsgTpgAmY7PhCfg==");
    expect_bytes(&blob->data, TUF_ATT_STORED, tuf_slice_of(NULL, 0), 10);
    tuf_blob_free(&blob);
    ck_assert_uint_eq(fake.record_count, 0);

    tuf_att_options opts = options_for("text/plain"); /* gzip of nothing is 20 bytes */
    blob = write_pieces(&opts, tuf_slice_of(NULL, 0), 1);
    ck_assert_uint_eq(blob->data.encoded_length, 20);
    ck_assert_uint_eq(blob->data.length, 0);
    expect_bytes(&blob->data, TUF_ATT_DECODED, tuf_slice_of(NULL, 0), 10);
    tuf_blob_free(&blob);
    fake_release();
}
END_TEST

static const size_t edge_lens[] = { 1,
                                    ATT_CHUNK_SIZE - 1,
                                    ATT_CHUNK_SIZE,
                                    ATT_CHUNK_SIZE + 1,
                                    2 * ATT_CHUNK_SIZE,
                                    3 * ATT_CHUNK_SIZE + 12345 };

START_TEST(streams_come_back_whatever_the_pieces)
{
    fake_init();
    size_t len = edge_lens[_i];
    uint8_t *bytes = noise(len);
    const size_t pieces[] = { 1000, ATT_CHUNK_SIZE, ATT_CHUNK_SIZE + 7, 10 * ATT_CHUNK_SIZE };
    for (size_t p = 0; p < 4; p++) {
        tuf_att_options opts = options_for(p % 2 == 0 ? "image/png" : "text/plain");
        tuf_blob *blob = write_pieces(&opts, tuf_slice_of(bytes, len), pieces[p]);
        ck_assert_uint_eq(blob->data.length, len);
        ck_assert_uint_eq(blob->data.chunk_count,
                          attindex_chunk_count(blob->data.encoded_length, ATT_CHUNK_SIZE));
        expect_bytes(&blob->data, TUF_ATT_DECODED, tuf_slice_of(bytes, len), 65536);
        expect_bytes(&blob->data, TUF_ATT_DECODED, tuf_slice_of(bytes, len), len);
        tuf_blob_free(&blob);
    }
    free(bytes);
    fake_release();
}
END_TEST

START_TEST(a_store_in_memory_equals_a_stream)
{
    fake_init();
    uint8_t *bytes = noise(700000);
    memset(bytes, 'a', 300000);
    static const char *const types[] = { "text/plain", "image/png" };
    for (size_t i = 0; i < 2; i++) {
        tuf_att_options opts = options_for(types[i]);
        tuf_blob *blob = write_pieces(&opts, tuf_slice_of(bytes, 700000), 999);
        TUF_AUTO(tufi_buf_release) struct buf stored = BUF_INIT;
        struct att_data data;
        /* Without a database the defaults hold. */
        ck_ok(tufi_att_prepare(&data, &stored, i == 0 ? NULL : &fake_db, tuf_str(types[i]),
                               tuf_slice_of(bytes, 700000)));
        ck_ok(tufi_att_store(&data, &fake_file, buf_slice(&stored)));
        ck_assert_uint_eq(data.length, blob->data.length);
        ck_assert_uint_eq(data.encoded_length, blob->data.encoded_length);
        ck_assert_int_eq(data.gzip, blob->data.gzip);
        ck_assert_mem_eq(data.md5, blob->data.md5, 16);
        ck_assert_uint_eq(data.chunk_count, blob->data.chunk_count);
        expect_bytes(&data, TUF_ATT_DECODED, tuf_slice_of(bytes, 700000), 5000);
        tuf_blob_free(&blob);
    }
    free(bytes);
    fake_release();
}
END_TEST

START_TEST(prepare_appends_behind_what_is_there)
{
    fake_init();
    TUF_AUTO(tufi_buf_release) struct buf stored = BUF_INIT;
    struct att_data data;
    buf_append_str(&stored, "before");
    ck_ok(tufi_att_prepare(&data, &stored, NULL, tuf_str("text/plain"), sample));
    expect_digest(data.md5, "wJORG+sY7HTKqCWOnk5tIQ==");
    ck_assert_uint_eq(stored.len, 6 + data.encoded_length);
    tufi_buf_clear(&stored);
    ck_ok(tufi_att_prepare(&data, &stored, NULL, tuf_str(""), tuf_slice_of(NULL, 0)));
    expect_digest(data.md5, "1B2M2Y8AsgTpgAmY7PhCfg==");
    ck_ok(tufi_att_store(&data, &fake_file, buf_slice(&stored)));
    ck_assert_uint_eq(data.chunk_count, 0);
    fake_release();
}
END_TEST

START_TEST(the_size_limit_counts_received_bytes)
{
    fake_init();
    tuf_att_options opts = options_for("text/plain");
    opts.size_max = 10;
    tuf_att_writer *writer = NULL;
    tuf_blob *blob = NULL;
    ck_ok(tuf_att_writer_new(&writer, &fake_db, &opts));
    ck_ok(tuf_att_write(writer, "0123456789", 10));
    ck_fails(tuf_att_write(writer, "x", 1), TUF_E_LIMIT);
    ck_assert_str_eq(tuf_last_error()->kind, "attachment_too_large");
    ck_fails(tuf_att_write(writer, "", 0), TUF_E_LIMIT); /* it stays so */
    ck_fails(tuf_att_finish(&blob, writer), TUF_E_LIMIT);
    ck_assert_ptr_null(blob);
    tuf_att_writer_free(&writer);
    fake_release();
}
END_TEST

START_TEST(a_failed_write_gives_no_blob)
{
    fake_init();
    uint8_t *bytes = noise(3 * ATT_CHUNK_SIZE);
    tuf_att_options opts = options_for("image/png");
    /* Three chunks and an index are appended: each of them fails once. */
    for (size_t fail = 1; fail <= 4; fail++) {
        fake.append_calls = 0;
        fake.fail_append = fail;
        tuf_att_writer *writer = NULL;
        tuf_blob *blob = NULL;
        ck_ok(tuf_att_writer_new(&writer, &fake_db, &opts));
        tuf_status st = tuf_att_write(writer, bytes, 3 * ATT_CHUNK_SIZE);
        if (fail <= 3)
            ck_assert_int_eq((int)st, (int)TUF_E_FULL);
        ck_fails(tuf_att_finish(&blob, writer), TUF_E_FULL);
        ck_assert_ptr_null(blob);
        tuf_att_writer_free(&writer);
    }
    free(bytes);
    fake_release();
}
END_TEST

static bool after_some(size_t size, void *ctx)
{
    int *left = ctx;
    (void)size;
    return (*left)-- > 0;
}

/* Writes and reads an attachment of two chunks, once. */
static tuf_status round_trip(tuf_slice bytes)
{
    tuf_att_options opts = options_for("text/plain");
    TUF_AUTO(tuf_att_writer_free) tuf_att_writer *writer = NULL;
    TUF_AUTO(tuf_blob_free) tuf_blob *blob = NULL;
    TUF_AUTO(tuf_att_reader_free) tuf_att_reader *reader = NULL;
    tuf_status st = tuf_att_writer_new(&writer, &fake_db, &opts);
    if (st == TUF_OK)
        st = tuf_att_write(writer, bytes.data, bytes.len);
    if (st == TUF_OK)
        st = tuf_att_finish(&blob, writer);
    if (st < 0)
        return st;
    struct tuf_doc doc = { .data = blob->data };
    st = tuf_att_open(&reader, &doc, 0, TUF_ATT_DECODED);
    uint8_t room[1000];
    size_t len;
    while (st == TUF_OK)
        st = tuf_att_read(&len, reader, room, sizeof(room));
    return st == TUF_END ? TUF_OK : st;
}

START_TEST(every_allocation_may_fail)
{
    fake_init();
    uint8_t *bytes = noise(300000);
    int step = 0;
    tuf_status st;
    do {
        int left = step++;
        tufi_alloc_set_hook(after_some, &left);
        st = round_trip(tuf_slice_of(bytes, 300000));
        tufi_alloc_set_hook(NULL, NULL);
        ck_assert(st == TUF_OK || st == TUF_E_NOMEM);
        ck_assert_int_eq(fake.snapshot_refs, 1);
    ck_assert_int_eq(fake.store_refs, 1);
    } while (st != TUF_OK);
    ck_assert_int_gt(step, 10);
    free(bytes);
    fake_release();
}
END_TEST

START_TEST(misuse_is_refused)
{
    fake_init();
    tuf_att_writer *writer = NULL;
    tuf_blob *blob = NULL;
    tuf_att_options opts = TUF_ATT_OPTIONS_INIT;
    opts.struct_size = 3;
    ck_fails(tuf_att_writer_new(&writer, &fake_db, &opts), TUF_E_MISUSE);
    ck_fails(tuf_att_writer_new(&writer, NULL, NULL), TUF_E_MISUSE);
    fake.readonly = true;
    ck_fails(tuf_att_writer_new(&writer, &fake_db, NULL), TUF_E_READONLY);
    fake.readonly = false;
    ck_assert_ptr_null(writer);
    ck_fails(tuf_att_write(NULL, "x", 1), TUF_E_MISUSE);
    ck_ok(tuf_att_writer_new(&writer, &fake_db, NULL));
    ck_ok(tuf_att_write(writer, "x", 1));
    ck_ok(tuf_att_finish(&blob, writer));
    tuf_blob *second = NULL;
    ck_fails(tuf_att_finish(&second, writer), TUF_E_MISUSE);
    struct tuf_doc doc = { .data = blob->data };
    tuf_att_reader *reader = NULL;
    ck_fails(tuf_att_open(&reader, &doc, 0, 8), TUF_E_MISUSE);
    ck_outcome(tuf_att_open(&reader, &doc, 1, 0), TUF_END);
    ck_assert_ptr_null(reader);
    uint8_t byte;
    size_t len;
    ck_ok(tuf_att_open(&reader, &doc, 0, 0));
    ck_fails(tuf_att_read(&len, reader, &byte, 0), TUF_E_MISUSE);
    tuf_att_reader_free(&reader);
    tuf_att_reader_free(&reader);
    tuf_blob_free(&blob);
    tuf_blob_free(&blob);
    tuf_att_writer_free(&writer);
    tuf_att_writer_free(&writer);
    fake_release();
}
END_TEST

/* ---------------------------------------------------------------- reading */

START_TEST(ranges_are_read_by_seeking)
{
    fake_init();
    const size_t size = 3 * ATT_CHUNK_SIZE + 100;
    uint8_t *bytes = noise(size);
    tuf_att_options opts = options_for("image/png");
    tuf_blob *blob = write_pieces(&opts, tuf_slice_of(bytes, size), 50000);
    TUF_AUTO(tuf_att_reader_free)
    tuf_att_reader *reader = open_reader(&blob->data, TUF_ATT_DECODED);
    const size_t offs[] = { 0, 1, ATT_CHUNK_SIZE - 1, ATT_CHUNK_SIZE, size - 100, size - 1, 5 };
    uint8_t *room = malloc(size);
    for (size_t i = 0; i < sizeof(offs) / sizeof(offs[0]); i++) {
        size_t len = 0;
        ck_ok(tuf_att_seek(reader, offs[i]));
        ck_ok(tuf_att_read(&len, reader, room, 300000));
        size_t left = size - offs[i];
        ck_assert_uint_eq(len, left < 300000 ? left : 300000);
        ck_assert_mem_eq(room, bytes + offs[i], len);
    }
    size_t len = 0;
    ck_ok(tuf_att_seek(reader, size));
    ck_outcome(tuf_att_read(&len, reader, room, 1), TUF_END);
    ck_outcome(tuf_att_seek(reader, size + 1), TUF_END);
    ck_outcome(tuf_att_seek(reader, UINT64_MAX), TUF_END);
    /* Small reads inside one chunk read it once. */
    ck_ok(tuf_att_seek(reader, 0));
    fake.read_calls = 0;
    for (int i = 0; i < 100; i++)
        ck_ok(tuf_att_read(&len, reader, room, 100));
    ck_assert_uint_eq(fake.read_calls, 1);
    free(room);
    free(bytes);
    tuf_blob_free(&blob);
    tuf_att_reader_free(&reader);
    fake_release();
}
END_TEST

START_TEST(what_is_decoded_cannot_be_sought)
{
    fake_init();
    tuf_att_options opts = options_for("text/plain");
    tuf_blob *blob = write_pieces(&opts, sample, 31);
    tuf_att_reader *reader = open_reader(&blob->data, TUF_ATT_DECODED);
    ck_fails(tuf_att_seek(reader, 0), TUF_E_MISUSE);
    tuf_att_reader_free(&reader);
    reader = open_reader(&blob->data, TUF_ATT_STORED);
    ck_ok(tuf_att_seek(reader, 10));
    tuf_att_reader_free(&reader);
    tuf_blob_free(&blob);
    fake_release();
}
END_TEST

static void gzip_member(struct buf *out, tuf_slice bytes)
{
    struct att_data data;
    ck_ok(tufi_att_prepare(&data, out, NULL, tuf_str("text/plain"), bytes));
}

START_TEST(gzip_from_outside_is_kept_and_read_member_by_member)
{
    fake_init();
    uint8_t *bytes = noise(300000);
    TUF_AUTO(tufi_buf_release) struct buf gzip = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf want = BUF_INIT;
    for (size_t i = 0; i < 5; i++) { /* members end at odd places in chunks; some are empty */
        tuf_slice part = tuf_slice_of(bytes, i * i * 20000 % 300000);
        gzip_member(&gzip, part);
        buf_append_slice(&want, part);
    }
    tuf_att_options opts = options_for("image/png");
    opts.gzip = true;
    tuf_blob *blob = write_pieces(&opts, buf_slice(&gzip), 777);
    ck_assert(blob->data.gzip);
    ck_assert_uint_eq(blob->data.length, gzip.len);
    ck_assert_uint_eq(blob->data.encoded_length, gzip.len);
    ck_assert_mem_eq(blob->data.md5, blob->received_md5, 16);
    expect_bytes(&blob->data, TUF_ATT_STORED, buf_slice(&gzip), 4096);
    expect_bytes(&blob->data, TUF_ATT_DECODED, buf_slice(&want), 4096);
    expect_bytes(&blob->data, TUF_ATT_DECODED, buf_slice(&want), want.len);
    tuf_blob_free(&blob);
    free(bytes);
    fake_release();
}
END_TEST

/* Reads decoded until something else than data comes. */
static tuf_status decode_to_end(const struct att_data *data)
{
    TUF_AUTO(tuf_att_reader_free) tuf_att_reader *reader = open_reader(data, TUF_ATT_DECODED);
    uint8_t room[64];
    size_t len;
    tuf_status st;
    do
        st = tuf_att_read(&len, reader, room, sizeof(room));
    while (st == TUF_OK);
    return st;
}

START_TEST(broken_gzip_is_the_users_fault)
{
    fake_init();
    TUF_AUTO(tufi_buf_release) struct buf good = BUF_INIT;
    gzip_member(&good, sample);
    tuf_att_options opts = TUF_ATT_OPTIONS_INIT;
    opts.gzip = true;
    /* Every cut but the whole and nothing, every damaged byte that gzip protects. */
    for (size_t len = 1; len < good.len; len++) {
        tuf_blob *blob = write_pieces(&opts, tuf_slice_of(good.data, len), 1000);
        ck_fails(decode_to_end(&blob->data), TUF_E_INVALID);
        ck_assert_str_eq(tuf_last_error()->kind, "bad_request");
        tuf_blob_free(&blob);
    }
    for (size_t i = 0; i < good.len; i++) {
        if (i >= 4 && i <= 9)
            continue; /* time, extra flags and system mean nothing */
        good.data[i] ^= 0x10;
        tuf_blob *blob = write_pieces(&opts, buf_slice(&good), 1000);
        ck_fails(decode_to_end(&blob->data), TUF_E_INVALID);
        expect_bytes(&blob->data, TUF_ATT_STORED, buf_slice(&good), 1000);
        tuf_blob_free(&blob);
        good.data[i] ^= 0x10;
    }
    tufi_buf_append(&good, "junk", 4);
    tuf_blob *blob = write_pieces(&opts, buf_slice(&good), 1000);
    ck_fails(decode_to_end(&blob->data), TUF_E_INVALID);
    tuf_blob_free(&blob);
    blob = write_pieces(&opts, tuf_slice_of(NULL, 0), 1);
    ck_outcome(decode_to_end(&blob->data), TUF_END);
    tuf_blob_free(&blob);
    fake_release();
}
END_TEST

static size_t memory_peak;

static bool note_size(size_t size, void *ctx)
{
    (void)ctx;
    if (size > memory_peak)
        memory_peak = size;
    return true;
}

START_TEST(a_bomb_expands_by_no_more_than_asked_for)
{
    fake_init();
    const size_t size = 64u << 20;
    uint8_t *zeros = calloc(1, 1 << 20);
    tuf_att_options opts = options_for("text/plain");
    tuf_att_writer *writer = NULL;
    tuf_blob *blob = NULL;
    ck_ok(tuf_att_writer_new(&writer, &fake_db, &opts));
    for (size_t done = 0; done < size; done += 1 << 20)
        ck_ok(tuf_att_write(writer, zeros, 1 << 20));
    ck_ok(tuf_att_finish(&blob, writer));
    tuf_att_writer_free(&writer);
    ck_assert_uint_lt(blob->data.encoded_length, 100000);
    tufi_alloc_set_hook(note_size, NULL);
    tuf_att_reader *reader = open_reader(&blob->data, TUF_ATT_DECODED);
    size_t total = 0, len;
    while (tuf_att_read(&len, reader, zeros, 10000) == TUF_OK)
        total += len;
    tufi_alloc_set_hook(NULL, NULL);
    ck_assert_uint_eq(total, size);
    ck_assert_uint_le(memory_peak, ATT_CHUNK_SIZE);
    tuf_att_reader_free(&reader);
    tuf_blob_free(&blob);
    free(zeros);
    fake_release();
}
END_TEST

START_TEST(a_damaged_chunk_fails_the_read_and_no_other)
{
    fake_init();
    const size_t size = 3 * ATT_CHUNK_SIZE;
    uint8_t *bytes = noise(size);
    tuf_att_options opts = options_for("image/png");
    tuf_blob *blob = write_pieces(&opts, tuf_slice_of(bytes, size), size);
    tuf_att_reader *reader = open_reader(&blob->data, 0);
    size_t len;
    ck_ok(tuf_att_seek(reader, ATT_CHUNK_SIZE));
    fake.fail_read = fake.read_calls + 1;
    ck_fails(tuf_att_read(&len, reader, bytes, 10), TUF_E_CORRUPT);
    ck_ok(tuf_att_read(&len, reader, bytes + size - 10, 10)); /* damage is asked for anew */
    ck_assert_mem_eq(bytes + size - 10, bytes + ATT_CHUNK_SIZE, 10);
    tuf_att_reader_free(&reader);
    free(bytes);
    tuf_blob_free(&blob);
    fake_release();
}
END_TEST

START_TEST(a_place_that_cannot_be_is_corrupt)
{
    fake_init();
    const size_t size = 3 * ATT_CHUNK_SIZE;
    uint8_t *bytes = noise(size);
    tuf_att_options opts = options_for("image/png");
    tuf_blob *blob = write_pieces(&opts, tuf_slice_of(bytes, size), size);
    for (int i = 0; i < 7; i++) {
        struct tuf_doc doc = { .data = blob->data };
        switch (i) {
        case 0:
            doc.data.encoded_length++;
            break;
        case 1:
            doc.data.chunk_count--;
            break;
        case 2:
            doc.data.chunk_count = 0;
            break;
        case 3:
            doc.data.chunk_count = 1;
            break;
        case 4:
            doc.data.loc.len = UINT32_MAX;
            break;
        case 5:
            doc.data.loc.off++;
            break;
        default: /* a chunk's bytes taken for the index */
            doc.data.loc = fake.records[0].loc;
            break;
        }
        tuf_att_reader *reader = NULL;
        ck_fails(tuf_att_open(&reader, &doc, 0, 0), TUF_E_CORRUPT);
        ck_assert_ptr_null(reader);
    }
    free(bytes);
    tuf_blob_free(&blob);
    fake_release();
}
END_TEST

/* ---------------------------------------------------------------- types */

static const struct type_case {
    const char *type;
    const char *patterns;
    bool matches;
} type_cases[] = {
    { "text/plain", ATT_COMPRESSIBLE_DEFAULT, true },
    { "text/", ATT_COMPRESSIBLE_DEFAULT, true },
    { "Text/HTML", ATT_COMPRESSIBLE_DEFAULT, true },
    { " text/plain ", ATT_COMPRESSIBLE_DEFAULT, true },
    { "text/plain; charset=utf-8", ATT_COMPRESSIBLE_DEFAULT, true },
    { "application/json", ATT_COMPRESSIBLE_DEFAULT, true },
    { "application/json ;a=b;c=d", ATT_COMPRESSIBLE_DEFAULT, true },
    { "application/xml", ATT_COMPRESSIBLE_DEFAULT, true },
    { "application/javascript", ATT_COMPRESSIBLE_DEFAULT, true },
    { "application/jsonp", ATT_COMPRESSIBLE_DEFAULT, false },
    { "xapplication/json", ATT_COMPRESSIBLE_DEFAULT, false },
    { "application/octet-stream", ATT_COMPRESSIBLE_DEFAULT, false },
    { "image/png", ATT_COMPRESSIBLE_DEFAULT, false },
    { "image/text/x", ATT_COMPRESSIBLE_DEFAULT, false },
    { "text", ATT_COMPRESSIBLE_DEFAULT, false },
    { "", ATT_COMPRESSIBLE_DEFAULT, false },
    { "", "*", true },
    { "anything", "*", true },
    { "image/svg+xml", "image/*+xml", true },
    { "image/svg+xml2", "image/*+xml", false },
    { "aXbXc", "a*b*c", true },
    { "abbc", "a*bc", true },
    { "ab", "a*b*c", false },
    { "text/plain", "", false },
    { "", "", false },
    { "", " , ,", false },
    { "b", ",a , b,", true },
};

START_TEST(types_match_as_listed)
{
    const struct type_case *c = &type_cases[_i];
    ck_assert_msg(tufi_type_matches(tuf_str(c->type), c->patterns) == c->matches,
                  "\"%s\" in \"%s\"", c->type, c->patterns);
}
END_TEST

static Suite *attachment_suite(void)
{
    Suite *s = suite_create("attachment");
    TCase *writing = tcase_create("write");
    tcase_add_loop_test(writing, a_text_is_stored_as_couchdb_stores_it, 0, 31);
    tcase_add_test(writing, one_byte_of_text_is_twentyone_bytes_of_gzip);
    tcase_add_test(writing, what_is_not_compressed_has_one_digest);
    tcase_add_test(writing, an_empty_attachment_has_no_chunk);
    tcase_add_loop_test(writing, streams_come_back_whatever_the_pieces, 0,
                        (int)(sizeof(edge_lens) / sizeof(edge_lens[0])));
    tcase_add_test(writing, a_store_in_memory_equals_a_stream);
    tcase_add_test(writing, prepare_appends_behind_what_is_there);
    tcase_add_test(writing, the_size_limit_counts_received_bytes);
    tcase_add_test(writing, a_failed_write_gives_no_blob);
    tcase_add_test(writing, every_allocation_may_fail);
    tcase_add_test(writing, misuse_is_refused);
    tcase_set_timeout(writing, 60);
    suite_add_tcase(s, writing);
    TCase *reading = tcase_create("read");
    tcase_add_test(reading, ranges_are_read_by_seeking);
    tcase_add_test(reading, what_is_decoded_cannot_be_sought);
    tcase_add_test(reading, gzip_from_outside_is_kept_and_read_member_by_member);
    tcase_add_test(reading, broken_gzip_is_the_users_fault);
    tcase_add_test(reading, a_bomb_expands_by_no_more_than_asked_for);
    tcase_add_test(reading, a_damaged_chunk_fails_the_read_and_no_other);
    tcase_add_test(reading, a_place_that_cannot_be_is_corrupt);
    tcase_set_timeout(reading, 60);
    suite_add_tcase(s, reading);
    TCase *types = tcase_create("types");
    tcase_add_loop_test(types, types_match_as_listed, 0,
                        (int)(sizeof(type_cases) / sizeof(type_cases[0])));
    suite_add_tcase(s, types);
    return s;
}

int main(void)
{
    return tuft_run(attachment_suite());
}
