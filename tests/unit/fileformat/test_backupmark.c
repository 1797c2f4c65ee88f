/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the mark beside an unfinished backup, and the pin of a snapshot: what is written is read, and
 * nothing else.
 */
#include "fileformat/backupmark.h"
#include "fileformat/pin.h"
#include "tests/lib/test.h"

static const uint8_t UUID[16] = "0123456789abcdef";

static tuf_status through(struct backup_mark *out, uint64_t end, uint64_t last_off)
{
    uint8_t bytes[BACKUP_MARK_SIZE];
    tufi_backup_mark_encode(bytes, &(struct backup_mark){ end, last_off }, UUID);
    return tufi_backup_mark_decode(out, bytes, UUID);
}

START_TEST(a_mark_is_read_as_it_was_written)
{
    struct backup_mark mark;
    ck_ok(through(&mark, 1 << 20, (1 << 20) - 512));
    ck_assert_uint_eq(mark.end, 1 << 20);
    ck_assert_uint_eq(mark.last_off, (1 << 20) - 512);
    ck_ok(through(&mark, 512, 0));
    ck_assert_uint_eq(mark.end, 512);
    ck_assert_uint_eq(mark.last_off, 0);
}
END_TEST

/* Its checksum is right: only the places say that it is none of ours. */
START_TEST(a_mark_that_cannot_be_is_none)
{
    struct backup_mark mark = { 1, 2 };
    ck_outcome(through(&mark, 4096 + 8, 512), TUF_NOT_FOUND);
    ck_outcome(through(&mark, 4096, 4096), TUF_NOT_FOUND);
    ck_outcome(through(&mark, 4096, 8192), TUF_NOT_FOUND);
    ck_outcome(through(&mark, 0, 0), TUF_NOT_FOUND);
    ck_assert(mark.end == 1 && mark.last_off == 2);
}
END_TEST

START_TEST(a_mark_with_any_bit_changed_is_none)
{
    uint8_t bytes[BACKUP_MARK_SIZE];
    struct backup_mark mark;
    tufi_backup_mark_encode(bytes, &(struct backup_mark){ 4096, 512 }, UUID);
    for (size_t i = 0; i < 28 * 8; i++) {
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
        ck_outcome(tufi_backup_mark_decode(&mark, bytes, UUID), TUF_NOT_FOUND);
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    ck_ok(tufi_backup_mark_decode(&mark, bytes, UUID));
    ck_outcome(tufi_backup_mark_decode(&mark, bytes, (const uint8_t *)"0123456789abcdeg"),
               TUF_NOT_FOUND);
}
END_TEST

START_TEST(a_pin_is_read_as_it_was_written)
{
    struct pin pin = { .checkpoint_off = 1, .update_seq = 2, .commit = 3, .time_us = 4 };
    struct pin back = { 0 };
    uint8_t bytes[PIN_SIZE + 1] = { 0 };
    memcpy(pin.uuid, UUID, sizeof(pin.uuid));
    tufi_pin_encode(bytes, &pin);
    ck_ok(tufi_pin_decode(&back, tuf_slice_of(bytes, PIN_SIZE)));
    ck_assert_mem_eq(back.uuid, UUID, sizeof(UUID));
    ck_assert_uint_eq(back.checkpoint_off, 1);
    ck_assert_uint_eq(back.update_seq, 2);
    ck_assert_uint_eq(back.commit, 3);
    ck_assert_uint_eq(back.time_us, 4);
    ck_fails(tufi_pin_decode(&back, tuf_slice_of(bytes, PIN_SIZE - 1)), TUF_E_CORRUPT);
    ck_fails(tufi_pin_decode(&back, tuf_slice_of(bytes, PIN_SIZE + 1)), TUF_E_CORRUPT);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("backupmark");
    TCase *tc = tcase_create("backupmark");
    tcase_add_test(tc, a_mark_is_read_as_it_was_written);
    tcase_add_test(tc, a_mark_that_cannot_be_is_none);
    tcase_add_test(tc, a_mark_with_any_bit_changed_is_none);
    tcase_add_test(tc, a_pin_is_read_as_it_was_written);
    suite_add_tcase(s, tc);
    return tuft_run(s);
}
