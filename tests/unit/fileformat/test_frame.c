/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: codecs of superblock, frame header, record header and checkpoint against the byte tables of
 * FORMAT.md. The expected bytes and checksums were computed from that text by another program.
 */
#include <stdlib.h>

#include "base/crc32c.h"
#include "base/hex.h"
#include "fileformat/frame.h"
#include "tests/lib/test.h"

static const uint8_t uuid[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

static void check_hex(const uint8_t *bytes, size_t len, const char *want)
{
    char *hex = calloc(1, len * 2 + 1);
    tufi_hex_encode(hex, bytes, len);
    ck_assert_str_eq(hex, want);
    free(hex);
}

/* ---- superblock ------------------------------------------------------------------------------ */

static struct superblock example_super(void)
{
    struct superblock s = {
        .version = 1,
        .compat_flags = 5,
        .sector_size = 512,
        .node_size = 8192,
        .created_us = 0x0102030405060708,
    };
    memcpy(s.uuid, uuid, sizeof(uuid));
    return s;
}

START_TEST(superblock_is_as_documented)
{
    struct superblock s = example_super();
    uint8_t block[SUPERBLOCK_SIZE];
    tufi_superblock_encode(block, &s);
    check_hex(block, 64,
              "5475666665740d0a"                 /* magic */
              "00000001" "00000000" "00000005"   /* version, features */
              "00000200" "00002000"              /* sector, node size */
              "000102030405060708090a0b0c0d0e0f" /* file id */
              "0102030405060708" "0000000000000000"
              "88d195b0");
    for (size_t i = 64; i < SUPERBLOCK_SIZE; i++)
        ck_assert_uint_eq(block[i], 0);
    struct superblock back;
    ck_ok(tufi_superblock_decode(&back, tuf_slice_of(block, sizeof(block))));
    ck_assert_mem_eq(back.uuid, uuid, sizeof(uuid));
    ck_assert_uint_eq(back.created_us, s.created_us);
    ck_assert_uint_eq(back.sector_size, 512);
    ck_assert_uint_eq(back.node_size, 8192);
    ck_assert_uint_eq(back.compat_flags, 5);
}
END_TEST

START_TEST(a_changed_or_short_superblock_is_refused)
{
    struct superblock s = example_super(), back;
    uint8_t block[SUPERBLOCK_SIZE];
    tufi_superblock_encode(block, &s);
    for (size_t i = 0; i < SUPERBLOCK_USED; i++) {
        block[i] ^= 0x10;
        ck_fails(tufi_superblock_decode(&back, tuf_slice_of(block, sizeof(block))),
                 TUF_E_CORRUPT);
        block[i] ^= 0x10;
    }
    for (size_t len = 0; len < SUPERBLOCK_USED; len++)
        ck_fails(tufi_superblock_decode(&back, tuf_slice_of(block, len)), TUF_E_CORRUPT);
}
END_TEST

static const struct {
    size_t off; /* of a be32 */
    uint32_t value;
    tuf_status status;
} super_cases[] = {
    { 8, 0, TUF_E_VERSION },      { 8, 2, TUF_E_VERSION },
    { 12, 1, TUF_E_VERSION },     { 12, 0x80000000, TUF_E_VERSION },
    { 16, 0xffffffff, TUF_OK },   { 20, 4096, TUF_OK },
    { 20, 0, TUF_E_CORRUPT },     { 20, 1024, TUF_E_CORRUPT },
    { 24, 127, TUF_E_CORRUPT },   { 24, 128, TUF_OK },
    { 24, 1048576, TUF_OK },      { 24, 1048577, TUF_E_CORRUPT },
};

START_TEST(fields_of_a_superblock_are_checked_behind_a_good_checksum)
{
    struct superblock s = example_super(), back;
    uint8_t block[SUPERBLOCK_SIZE];
    tufi_superblock_encode(block, &s);
    put_be32(block + super_cases[_i].off, super_cases[_i].value);
    put_be32(block + 60, tufi_crc32c(0, block, 60));
    ck_assert_int_eq(tufi_superblock_decode(&back, tuf_slice_of(block, sizeof(block))),
                     super_cases[_i].status);
}
END_TEST

/* ---- frame header ---------------------------------------------------------------------------- */

static struct frame_header example_frame(void)
{
    return (struct frame_header){
        .kind = FRAME_COMMIT,
        .off = 4096,
        .payload_len = 5,
        .commit = 7,
        .durable_off = 4096,
        .time_us = 1000,
        .update_seq = 9,
        .record_count = 2,
        .prev_crc = 0xdeadbeef,
        .payload_crc = tufi_crc32c(0, "hello", 5),
    };
}

START_TEST(frame_header_is_as_documented)
{
    struct frame_header h = example_frame();
    uint8_t bytes[FRAME_HEADER_SIZE];
    tufi_frame_encode(bytes, &h, uuid);
    check_hex(bytes, sizeof(bytes),
              "54754672" "01" "000000"
              "0000000000001000"  /* offset */
              "0000000000000005"  /* payload length */
              "0000000000000007"  /* commit */
              "0000000000001000"  /* durable offset */
              "0000000000000000"  /* checkpoint before */
              "00000000000003e8"  /* time */
              "0000000000000009"  /* sequence */
              "00000002"          /* records */
              "deadbeef"          /* frame before */
              "9a71bb4c"          /* payload crc */
              "2301c8ed");
    ck_assert_uint_eq(h.header_crc, 0x2301c8ed);
    struct frame_header back;
    ck_ok(tufi_frame_decode(&back, bytes, 4096, uuid));
    ck_assert_int_eq(back.kind, FRAME_COMMIT);
    ck_assert_uint_eq(back.payload_len, 5);
    ck_assert_uint_eq(back.commit, 7);
    ck_assert_uint_eq(back.durable_off, 4096);
    ck_assert_uint_eq(back.checkpoint_off, 0);
    ck_assert_uint_eq(back.time_us, 1000);
    ck_assert_uint_eq(back.update_seq, 9);
    ck_assert_uint_eq(back.record_count, 2);
    ck_assert_uint_eq(back.prev_crc, 0xdeadbeef);
    ck_assert_uint_eq(back.payload_crc, h.payload_crc);
    ck_assert_uint_eq(back.header_crc, h.header_crc);
}
END_TEST

/* How a file without its superblock is read: the checksum gives away what it began with. */
START_TEST(the_checksum_of_a_frame_gives_its_salt)
{
    struct frame_header h = example_frame(), back;
    uint8_t bytes[FRAME_HEADER_SIZE];
    uint32_t salt = 1;
    tufi_frame_encode(bytes, &h, uuid);
    ck_assert(!tufi_frame_guess_salt(&salt, bytes, h.off + 512));
    bytes[0] ^= 1;
    ck_assert(!tufi_frame_guess_salt(&salt, bytes, h.off));
    bytes[0] ^= 1;
    ck_assert_uint_eq(salt, 1);
    ck_assert(tufi_frame_guess_salt(&salt, bytes, h.off));
    ck_assert_uint_eq(salt, tufi_record_salt(uuid));
    ck_ok(tufi_frame_decode_salted(&back, bytes, h.off, salt));
}
END_TEST

START_TEST(a_frame_header_is_valid_only_unchanged_in_its_place_of_its_file)
{
    struct frame_header h = example_frame(), back;
    uint8_t bytes[FRAME_HEADER_SIZE];
    tufi_frame_encode(bytes, &h, uuid);
    for (size_t i = 0; i < FRAME_HEADER_SIZE * 8; i++) {
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
        ck_outcome(tufi_frame_decode(&back, bytes, 4096, uuid), TUF_NOT_FOUND);
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    ck_outcome(tufi_frame_decode(&back, bytes, 8192, uuid), TUF_NOT_FOUND);
    uint8_t other[16];
    memcpy(other, uuid, 16);
    other[15]++;
    ck_outcome(tufi_frame_decode(&back, bytes, 4096, other), TUF_NOT_FOUND);
    ck_ok(tufi_frame_decode(&back, bytes, 4096, uuid));
}
END_TEST

START_TEST(impossible_frame_headers_are_not_valid)
{
    static const struct {
        int kind;
        uint64_t payload_len, durable_off, checkpoint_off;
        bool valid;
    } cases[] = {
        { 1, 0, 0, 0, true },
        { 4, FRAME_PAYLOAD_MAX, 8192, 4096, true },
        { 0, 0, 0, 0, false },
        { 5, 0, 0, 0, false },
        { 1, 0, 8193, 0, false },    /* durable beyond itself */
        { 1, 0, 0, 8192, false },    /* its own checkpoint */
        { 3, 0, 0, 4096, true },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct frame_header h = example_frame(), back;
        h.off = 8192;
        h.kind = (enum frame_kind)cases[i].kind;
        h.payload_len = cases[i].payload_len;
        h.durable_off = cases[i].durable_off;
        h.checkpoint_off = cases[i].checkpoint_off;
        uint8_t bytes[FRAME_HEADER_SIZE];
        tufi_frame_encode(bytes, &h, uuid);
        ck_assert_int_eq(tufi_frame_decode(&back, bytes, 8192, uuid),
                         cases[i].valid ? TUF_OK : TUF_NOT_FOUND);
    }
}
END_TEST

START_TEST(a_frame_spans_whole_sectors)
{
    static const struct {
        uint64_t payload_len;
        uint64_t span_512, span_4096;
    } cases[] = {
        { 0, 512, 4096 },       { 432, 512, 4096 },   { 433, 1024, 4096 },
        { 4016, 4096, 4096 },   { 4017, 4608, 8192 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct frame_header h = { .payload_len = cases[i].payload_len };
        ck_assert_uint_eq(tufi_frame_span(&h, 512), cases[i].span_512);
        ck_assert_uint_eq(tufi_frame_span(&h, 4096), cases[i].span_4096);
    }
}
END_TEST

/* ---- record header --------------------------------------------------------------------------- */

START_TEST(record_header_is_as_documented)
{
    uint32_t salt = tufi_record_salt(uuid);
    ck_assert_uint_eq(salt, 0xd9c908eb);
    uint8_t head[RECORD_HEADER_SIZE];
    tufi_record_encode(head, RECORD_LOCAL, tuf_str("hello"), 4176, salt);
    check_hex(head, sizeof(head), "03" "000000" "00000005" "0b825383");
    struct record_header h;
    ck_ok(tufi_record_decode(&h, head, 4176));
    ck_assert_int_eq(h.type, RECORD_LOCAL);
    ck_assert_uint_eq(h.len, 5);
    ck_ok(tufi_record_verify(&h, tuf_str("hello"), 4176, salt));
}
END_TEST

START_TEST(a_record_is_verified_with_its_place_file_type_and_bytes)
{
    uint32_t salt = tufi_record_salt(uuid);
    uint8_t head[RECORD_HEADER_SIZE];
    tufi_record_encode(head, RECORD_LOCAL, tuf_str("hello"), 4176, salt);
    struct record_header h;
    ck_ok(tufi_record_decode(&h, head, 4176));
    ck_fails(tufi_record_verify(&h, tuf_str("hello"), 4177, salt), TUF_E_CORRUPT);
    ck_assert_uint_eq(tuf_last_error()->file_off, 4177);
    ck_fails(tufi_record_verify(&h, tuf_str("hello"), 4176, salt + 1), TUF_E_CORRUPT);
    ck_fails(tufi_record_verify(&h, tuf_str("hellO"), 4176, salt), TUF_E_CORRUPT);
    ck_fails(tufi_record_verify(&h, tuf_str("hell"), 4176, salt), TUF_E_CORRUPT);
    h.type = RECORD_META;
    ck_fails(tufi_record_verify(&h, tuf_str("hello"), 4176, salt), TUF_E_CORRUPT);
}
END_TEST

START_TEST(impossible_record_headers_are_refused)
{
    static const char *const cases[] = {
        "000000000000000500000000", "070000000000000500000000", "030100000000000500000000",
        "030001000000000500000000", "030000010000000500000000", "030000004000000100000000",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t head[RECORD_HEADER_SIZE];
        ck_assert(tufi_hex_decode(head, cases[i], sizeof(head) * 2));
        struct record_header h;
        ck_fails(tufi_record_decode(&h, head, 99), TUF_E_CORRUPT);
        ck_assert_uint_eq(tuf_last_error()->file_off, 99);
    }
}
END_TEST

/* ---- checkpoint ------------------------------------------------------------------------------ */

static struct checkpoint example_checkpoint(void)
{
    struct checkpoint c = {
        .update_seq = 1,
        .purge_seq = 2,
        .commit = 3,
        .prev_checkpoint_off = 0x1000,
    };
    c.roots[0] = (struct checkpoint_root){ 0x2000, 0x50, 0xcafe, 1, 6, { 4, 2, 0x700, 0x800 } };
    c.roots[3] = (struct checkpoint_root){ 0x2050, 0x60, 0xbabe, 2, 7, { 0 } };
    return c;
}

START_TEST(checkpoint_is_as_documented)
{
    struct checkpoint c = example_checkpoint();
    uint8_t bytes[CHECKPOINT_SIZE_MAX];
    size_t len = tufi_checkpoint_encode(bytes, &c);
    ck_assert_uint_eq(len, CHECKPOINT_SIZE);
    check_hex(bytes, 32 + 60,
              "0000000000000001" "0000000000000002" "0000000000000003" "0000000000001000"
              "0000000000002000" "00000050" "0000cafe" "00000001" "0000000000000006"
              "0000000000000004" "0000000000000002" "0000000000000700" "0000000000000800");
    for (size_t i = 92; i < 92 + 120; i++)
        ck_assert_uint_eq(bytes[i], 0);
    struct checkpoint back;
    ck_ok(tufi_checkpoint_decode(&back, tuf_slice_of(bytes, CHECKPOINT_SIZE), 0x9000));
    ck_assert_uint_eq(back.update_seq, 1);
    ck_assert_uint_eq(back.prev_checkpoint_off, 0x1000);
    ck_assert_uint_eq(back.roots[3].crc, 0xbabe);
    uint8_t again[CHECKPOINT_SIZE_MAX];
    tufi_checkpoint_encode(again, &back);
    ck_assert_mem_eq(again, bytes, CHECKPOINT_SIZE);
}
END_TEST

START_TEST(a_checkpoint_may_say_what_was_given_back)
{
    uint8_t bytes[CHECKPOINT_SIZE_MAX];
    struct checkpoint c = example_checkpoint(), back;
    c.trim_off = 0x1000;
    ck_assert_uint_eq(tufi_checkpoint_encode(bytes, &c), CHECKPOINT_SIZE + 8);
    check_hex(bytes + CHECKPOINT_SIZE, 8, "0000000000001000");
    ck_ok(tufi_checkpoint_decode(&back, tuf_slice_of(bytes, sizeof(bytes)), 0x9000));
    ck_assert_uint_eq(back.trim_off, 0x1000);
    static const uint64_t impossible[] = { 0, 0xfff, 0x1001, UINT64_MAX };
    for (size_t i = 0; i < sizeof(impossible) / sizeof(*impossible); i++) {
        put_be64(bytes + CHECKPOINT_SIZE, impossible[i]);
        ck_fails(tufi_checkpoint_decode(&back, tuf_slice_of(bytes, sizeof(bytes)), 0x9000),
                 TUF_E_CORRUPT);
    }
}
END_TEST

START_TEST(impossible_checkpoints_are_refused)
{
    uint8_t bytes[CHECKPOINT_SIZE_MAX];
    struct checkpoint c = example_checkpoint(), back;
    tufi_checkpoint_encode(bytes, &c);
    for (size_t len = 0; len < CHECKPOINT_SIZE; len++)
        ck_fails(tufi_checkpoint_decode(&back, tuf_slice_of(bytes, len), 0x9000), TUF_E_CORRUPT);
    /* Roots and the predecessor lie before the checkpoint. */
    ck_ok(tufi_checkpoint_decode(&back, tuf_slice_of(bytes, CHECKPOINT_SIZE), 0x20b0));
    ck_fails(tufi_checkpoint_decode(&back, tuf_slice_of(bytes, CHECKPOINT_SIZE), 0x20af),
             TUF_E_CORRUPT);
    ck_fails(tufi_checkpoint_decode(&back, tuf_slice_of(bytes, CHECKPOINT_SIZE), 0x2000),
             TUF_E_CORRUPT);
    for (int i = 0; i < 4; i++) {
        c = example_checkpoint();
        if (i == 0)
            c.roots[0].entry_count = 0; /* a root of nothing */
        else if (i == 1)
            c.roots[1].entry_count = 1; /* entries without a root */
        else if (i == 2)
            c.roots[0].height = 65;
        else
            c.prev_checkpoint_off = 0x9000;
        tufi_checkpoint_encode(bytes, &c);
        ck_fails(tufi_checkpoint_decode(&back, tuf_slice_of(bytes, CHECKPOINT_SIZE), 0x9000),
                 TUF_E_CORRUPT);
        ck_assert_uint_eq(tuf_last_error()->file_off, 0x9000);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("frame");
    TCase *super = tcase_create("superblock");
    tcase_add_test(super, superblock_is_as_documented);
    tcase_add_test(super, a_changed_or_short_superblock_is_refused);
    tcase_add_loop_test(super, fields_of_a_superblock_are_checked_behind_a_good_checksum, 0,
                        (int)(sizeof(super_cases) / sizeof(super_cases[0])));
    suite_add_tcase(s, super);
    TCase *frame = tcase_create("frame");
    tcase_add_test(frame, frame_header_is_as_documented);
    tcase_add_test(frame, the_checksum_of_a_frame_gives_its_salt);
    tcase_add_test(frame, a_frame_header_is_valid_only_unchanged_in_its_place_of_its_file);
    tcase_add_test(frame, impossible_frame_headers_are_not_valid);
    tcase_add_test(frame, a_frame_spans_whole_sectors);
    suite_add_tcase(s, frame);
    TCase *record = tcase_create("record");
    tcase_add_test(record, record_header_is_as_documented);
    tcase_add_test(record, a_record_is_verified_with_its_place_file_type_and_bytes);
    tcase_add_test(record, impossible_record_headers_are_refused);
    suite_add_tcase(s, record);
    TCase *checkpoint = tcase_create("checkpoint");
    tcase_add_test(checkpoint, checkpoint_is_as_documented);
    tcase_add_test(checkpoint, a_checkpoint_may_say_what_was_given_back);
    tcase_add_test(checkpoint, impossible_checkpoints_are_refused);
    suite_add_tcase(s, checkpoint);
    return tuft_run(s);
}
