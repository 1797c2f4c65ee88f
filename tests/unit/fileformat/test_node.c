/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the encoded tree node: exact bytes, round trips, and every refusal of the decoder.
 */
#include "fileformat/node.h"

#include <stdio.h>

#include "base/alloc.h"
#include "tests/lib/test.h"

#define NODE_OFF 4711

static struct buf out;
static struct node_decoder decoder;

static void clear_out(void)
{
    tufi_buf_release(&out);
}

static void start_leaf(struct node_encoder *e, uint32_t count)
{
    struct node_header header = { .kind = 2, .level = 0, .entry_count = count };
    tufi_buf_clear(&out);
    tufi_node_encode_start(e, &out, &header);
}

static void start_inner(struct node_encoder *e, uint32_t count)
{
    struct node_header header = { .kind = 1, .level = 3, .entry_count = count };
    tufi_buf_clear(&out);
    tufi_node_encode_start(e, &out, &header);
}

/* Decodes everything in `bytes`; the status that ended it. */
static tuf_status decode_all(tuf_slice bytes, uint32_t *count_out)
{
    *count_out = 0;
    tuf_status st = tufi_node_decode_start(&decoder, bytes, NODE_OFF);
    while (st == TUF_OK) {
        tuf_slice key;
        tuf_slice value;
        struct node_child child;
        st = decoder.header.level > 0 ? tufi_node_decode_inner(&decoder, &key, &child)
                                      : tufi_node_decode_leaf(&decoder, &key, &value);
        *count_out += st == TUF_OK;
    }
    return st;
}

static void refuses(tuf_slice bytes)
{
    uint32_t count;
    ck_fails(decode_all(bytes, &count), TUF_E_CORRUPT);
    ck_assert_uint_eq(tuf_last_error()->file_off, NODE_OFF);
}

static const struct node_child some_child = {
    .off = 300, .len = 7, .crc = 0x01020304, .entry_count = 5, .reduction = { 0, 1, 128, 2 }
};

START_TEST(leaf_has_these_bytes)
{
    struct node_encoder e;
    start_leaf(&e, 2);
    tufi_node_encode_leaf(&e, tuf_str("abc"), tuf_str("1"));
    tufi_node_encode_leaf(&e, tuf_str("abde"), tuf_str(""));
    static const uint8_t expected[] = { 1, 2, 0, 0,   0,   0,   0,   2, 0, 0, 0,   12,
                                        0, 3, 1, 'a', 'b', 'c', '1', 2, 2, 0, 'd', 'e' };
    ck_assert_uint_eq(out.len, sizeof(expected));
    ck_assert_mem_eq(out.data, expected, sizeof(expected));
}
END_TEST

START_TEST(inner_node_has_these_bytes)
{
    struct node_encoder e;
    start_inner(&e, 1);
    tufi_node_encode_inner(&e, tuf_str(""), &some_child);
    static const uint8_t expected[] = { 1,    1, 3, 0, 0, 0, 0, 1, 0, 0, 0,    12, 0, 0,
                                        0xac, 2, 7, 1, 2, 3, 4, 5, 0, 1, 0x80, 1,  2 };
    ck_assert_uint_eq(out.len, sizeof(expected));
    ck_assert_mem_eq(out.data, expected, sizeof(expected));
}
END_TEST

static size_t make_key(char *text, size_t size, uint32_t i)
{
    return (size_t)snprintf(text, size, "some long common beginning %06u", i * 7);
}

START_TEST(leaf_comes_back_as_it_was)
{
    char keys[100][64];
    struct node_encoder e;
    start_leaf(&e, 100);
    for (uint32_t i = 0; i < 100; i++) {
        size_t len = make_key(keys[i], sizeof(keys[i]), i);
        tufi_node_encode_leaf(&e, tuf_slice_of(keys[i], len), tuf_slice_of(keys[i], i % 30));
    }
    ck_assert(!out.failed);
    ck_assert_uint_lt(out.len, 100 * 33); /* without compression the keys alone have 3,300 bytes */
    ck_ok(tufi_node_decode_start(&decoder, buf_slice(&out), NODE_OFF));
    ck_assert_uint_eq(decoder.header.kind, 2);
    ck_assert_uint_eq(decoder.header.entry_count, 100);
    for (uint32_t i = 0; i < 100; i++) {
        tuf_slice key;
        tuf_slice value;
        ck_ok(tufi_node_decode_leaf(&decoder, &key, &value));
        ck_assert(slice_is(key, keys[i]));
        ck_assert(slice_equal(value, tuf_slice_of(keys[i], i % 30)));
    }
    tuf_slice key;
    tuf_slice value;
    ck_outcome(tufi_node_decode_leaf(&decoder, &key, &value), TUF_END);
}
END_TEST

/* Keys with what a search can meet: one that is the beginning of the next, restarts, runs that share
 * much or nothing. Sorted. */
static size_t make_search_keys(char keys[][16])
{
    size_t count = 0;
    for (char a = 'b'; a <= 'e'; a++)
        for (char b = 'b'; b <= 'f'; b++) {
            snprintf(keys[count++], 16, "%c%c", a, b);
            snprintf(keys[count++], 16, "%c%cqq", a, b);
            snprintf(keys[count++], 16, "%c%cqqx", a, b);
            snprintf(keys[count++], 16, "%c%cqz", a, b);
        }
    return count;
}

/* Whether the leaf in `out` answers as a linear search of the keys does. */
static void search_as(char keys[][16], size_t count, const char *wanted)
{
    tuf_slice value = tuf_slice_of(NULL, 0);
    bool there = false;
    for (size_t i = 0; i < count; i++)
        there = there || strcmp(keys[i], wanted) == 0;
    ck_assert_msg(tufi_node_find(buf_slice(&out), tuf_str(wanted), &value) == there, "%s", wanted);
    if (there)
        ck_assert(slice_is(value, wanted));
}

START_TEST(search_without_decoding_finds_what_is_there)
{
    char keys[100][16];
    size_t all = make_search_keys(keys);
    struct node_encoder e;
    for (uint32_t count = 1; count <= all; count++) {
        start_leaf(&e, count);
        for (uint32_t i = 0; i < count; i++)
            tufi_node_encode_leaf(&e, tuf_str(keys[i]), tuf_str(keys[i]));
        char near[32];
        for (uint32_t i = 0; i < all; i++) {
            search_as(keys, count, keys[i]);
            for (const char *more = " aqz~"; *more; more++) {
                snprintf(near, sizeof(near), "%s%c", keys[i], *more);
                search_as(keys, count, near);
            }
            snprintf(near, sizeof(near), "%.*s", (int)strlen(keys[i]) - 1, keys[i]);
            search_as(keys, count, near);
        }
        search_as(keys, count, "");
        search_as(keys, count, "a");
        search_as(keys, count, "zzz");
    }
}
END_TEST

/* A writer need not use all that two keys have in common: here "abc" takes one byte of "ab". */
START_TEST(search_finds_a_key_that_shares_less_than_it_could)
{
    static const uint8_t bytes[] = { 1, 2, 0, 0,   0,   0,   0, 2, 0,   0,   0,  12,
                                     0, 2, 1, 'a', 'b', 'x', 1, 2, 1, 'b', 'c', 'y' };
    tuf_slice leaf = tuf_slice_of(bytes, sizeof(bytes));
    uint32_t count;
    ck_outcome(decode_all(leaf, &count), TUF_END);
    tuf_slice value;
    ck_assert(tufi_node_find(leaf, tuf_str("abc"), &value));
    ck_assert(slice_is(value, "y"));
    ck_assert(!tufi_node_find(leaf, tuf_str("abb"), &value));
    ck_assert(!tufi_node_find(leaf, tuf_str("abd"), &value));
}
END_TEST

/* What the decoder refuses behind the last entry, the search does not find either. */
START_TEST(search_ends_with_the_last_entry)
{
    static const uint8_t bytes[] = { 1, 2, 0, 0,   0,   0, 0, 1,   0,  0, 0, 12,
                                     0, 1, 1, 'a', 'x', 0, 1, 1, 'b', 'y' };
    tuf_slice leaf = tuf_slice_of(bytes, sizeof(bytes));
    tuf_slice value;
    ck_assert(tufi_node_find(leaf, tuf_str("a"), &value));
    ck_assert(slice_is(value, "x"));
    ck_assert(!tufi_node_find(leaf, tuf_str("b"), &value));
}
END_TEST

START_TEST(search_of_any_bytes_stays_inside_them)
{
    char keys[100][16];
    size_t count = make_search_keys(keys);
    struct node_encoder e;
    start_leaf(&e, (uint32_t)count);
    for (uint32_t i = 0; i < count; i++)
        tufi_node_encode_leaf(&e, tuf_str(keys[i]), tuf_str("value"));
    tuf_slice value;
    for (size_t pos = 0; pos < out.len; pos++) {
        TUF_AUTOFREE uint8_t *exact = tufi_memdup(out.data, out.len);
        for (unsigned byte = 0; byte < 256; byte += 15) {
            exact[pos] = (uint8_t)byte;
            if (tufi_node_find(tuf_slice_of(exact, out.len), tuf_str("dcqq"), &value))
                ck_assert(value.data >= exact && value.data + value.len <= exact + out.len);
        }
        TUF_AUTOFREE uint8_t *part = tufi_memdup(out.data, pos);
        if (tufi_node_find(tuf_slice_of(part, pos), tuf_str("dcqq"), &value))
            ck_assert(value.data >= part && value.data + value.len <= part + pos);
    }
}
END_TEST

START_TEST(inner_node_comes_back_as_it_was)
{
    struct node_encoder e;
    struct node_child child = { .off = UINT64_MAX,
                                .len = NODE_SIZE_MAX,
                                .crc = 0xffffffff,
                                .entry_count = UINT64_MAX,
                                .reduction = { UINT64_MAX, 0, 1, UINT64_MAX } };
    start_inner(&e, 2);
    tufi_node_encode_inner(&e, tuf_str(""), &some_child);
    tufi_node_encode_inner(&e, tuf_str("m"), &child);
    ck_ok(tufi_node_decode_start(&decoder, buf_slice(&out), NODE_OFF));
    ck_assert_uint_eq(decoder.header.level, 3);
    tuf_slice key;
    struct node_child got;
    ck_ok(tufi_node_decode_inner(&decoder, &key, &got));
    ck_assert_uint_eq(key.len, 0);
    ck_assert_uint_eq(got.off, some_child.off);
    ck_ok(tufi_node_decode_inner(&decoder, &key, &got));
    ck_assert(slice_is(key, "m"));
    ck_assert_uint_eq(got.off, child.off);
    ck_assert_uint_eq(got.len, child.len);
    ck_assert_uint_eq(got.crc, child.crc);
    ck_assert_uint_eq(got.entry_count, child.entry_count);
    ck_assert_mem_eq(got.reduction, child.reduction, sizeof(got.reduction));
}
END_TEST

START_TEST(longest_key_and_its_neighbour_come_back)
{
    static uint8_t bytes[NODE_KEY_SIZE_MAX];
    memset(bytes, 'k', sizeof(bytes));
    struct node_encoder e;
    start_leaf(&e, 2);
    tufi_node_encode_leaf(&e, tuf_slice_of(bytes, sizeof(bytes) - 1), tuf_str("x"));
    tufi_node_encode_leaf(&e, tuf_slice_of(bytes, sizeof(bytes)), tuf_str("y"));
    uint32_t count;
    ck_outcome(decode_all(buf_slice(&out), &count), TUF_END);
    ck_assert_uint_eq(count, 2);
    ck_assert_uint_eq(decoder.key_len, sizeof(bytes));
}
END_TEST

START_TEST(every_truncation_is_refused)
{
    struct node_encoder e;
    start_leaf(&e, 20);
    char keys[20][64];
    for (uint32_t i = 0; i < 20; i++) {
        size_t len = make_key(keys[i], sizeof(keys[i]), i);
        tufi_node_encode_leaf(&e, tuf_slice_of(keys[i], len), tuf_str("value"));
    }
    for (size_t len = 0; len < out.len; len++) {
        TUF_AUTOFREE uint8_t *exact = tufi_memdup(out.data, len);
        refuses(tuf_slice_of(exact, len));
    }
}
END_TEST

START_TEST(bytes_behind_the_last_entry_are_refused)
{
    struct node_encoder e;
    start_leaf(&e, 1);
    tufi_node_encode_leaf(&e, tuf_str("a"), tuf_str("b"));
    buf_append_u8(&out, 0);
    refuses(buf_slice(&out));
}
END_TEST

/* One byte of a sound leaf of 17 entries is changed: what the decoder has to notice. */
static const struct {
    const char *what;
    size_t pos;
    uint8_t byte;
} broken[] = {
    { "format", 0, 2 },
    { "level without such a tree", 2, NODE_LEVEL_MAX + 1 },
    { "reserved byte", 3, 1 },
    { "no entries", 7, 0 },
    { "one entry less than there are", 7, 16 },
    { "more entries than fit", 4, 0xff },
    { "restart of the first entry", 11, 17 },
    { "restart of entry 16", 15, 0 },
    { "restart that shares", 16, 1 },
    { "key length past the end", 17, 0x7f },
    { "shares more than there is", 21, 9 },
};

START_TEST(broken_leaf_is_refused)
{
    struct node_encoder e;
    start_leaf(&e, 17);
    char keys[17][4];
    for (uint32_t i = 0; i < 17; i++) {
        snprintf(keys[i], sizeof(keys[i]), "%c", 'a' + (int)i);
        tufi_node_encode_leaf(&e, tuf_str(keys[i]), tuf_str("v"));
    }
    uint32_t count;
    ck_outcome(decode_all(buf_slice(&out), &count), TUF_END);
    ck_assert_msg(out.data[broken[_i].pos] != broken[_i].byte, "%s", broken[_i].what);
    out.data[broken[_i].pos] = broken[_i].byte;
    refuses(buf_slice(&out));
}
END_TEST

START_TEST(keys_that_do_not_ascend_are_refused)
{
    static const char *const pairs[][2] = {
        { "b", "a" }, { "a", "a" }, { "ab", "a" }, { "", "" }, { "prefix-b", "prefix-a" },
    };
    struct node_encoder e;
    start_leaf(&e, 2);
    tufi_node_encode_leaf(&e, tuf_str(pairs[_i][0]), tuf_str("v"));
    tufi_node_encode_leaf(&e, tuf_str(pairs[_i][1]), tuf_str("v"));
    refuses(buf_slice(&out));
}
END_TEST

START_TEST(impossible_child_is_refused)
{
    /* Places in the only entry: off, len, entry count. */
    static const size_t places[] = { 14, 15, 20 };
    struct node_encoder e;
    struct node_child child = some_child;
    child.off = 3;
    start_inner(&e, 1);
    tufi_node_encode_inner(&e, tuf_str(""), &child);
    ck_assert_uint_eq(out.data[14], 3);
    ck_assert_uint_ne(out.data[places[_i]], 0);
    out.data[places[_i]] = 0;
    refuses(buf_slice(&out));
}
END_TEST

START_TEST(first_key_of_an_inner_node_must_be_empty)
{
    static const uint8_t bytes[] = { 1, 1,   3, 0, 0, 0, 0, 1, 0, 0, 0, 12, 0,
                                     1, 'x', 3, 7, 1, 2, 3, 4, 5, 0, 1, 0,  2 };
    refuses(tuf_slice_of(bytes, sizeof(bytes)));
}
END_TEST

START_TEST(key_longer_than_any_is_refused)
{
    tufi_buf_clear(&out);
    static const uint8_t start[] = { 1, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 12, 0 };
    tufi_buf_append(&out, start, sizeof(start));
    write_varint(&out, NODE_KEY_SIZE_MAX + 1);
    write_varint(&out, 0);
    tufi_buf_append_zero(&out, NODE_KEY_SIZE_MAX + 1);
    refuses(buf_slice(&out));
}
END_TEST

static bool no_memory(size_t size, void *ctx)
{
    (void)size;
    (void)ctx;
    return false;
}

START_TEST(encoding_without_memory_sets_failed)
{
    struct node_encoder e;
    clear_out();
    tufi_alloc_set_hook(no_memory, NULL);
    start_leaf(&e, 1);
    tufi_node_encode_leaf(&e, tuf_str("a"), tuf_str("b"));
    tufi_alloc_set_hook(NULL, NULL);
    ck_assert(out.failed);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("node");
    TCase *tcase = tcase_create("node");
    tcase_add_checked_fixture(tcase, NULL, clear_out);
    tcase_add_test(tcase, leaf_has_these_bytes);
    tcase_add_test(tcase, inner_node_has_these_bytes);
    tcase_add_test(tcase, leaf_comes_back_as_it_was);
    tcase_add_test(tcase, search_without_decoding_finds_what_is_there);
    tcase_add_test(tcase, search_finds_a_key_that_shares_less_than_it_could);
    tcase_add_test(tcase, search_ends_with_the_last_entry);
    tcase_add_test(tcase, search_of_any_bytes_stays_inside_them);
    tcase_add_test(tcase, inner_node_comes_back_as_it_was);
    tcase_add_test(tcase, longest_key_and_its_neighbour_come_back);
    tcase_add_test(tcase, every_truncation_is_refused);
    tcase_add_test(tcase, bytes_behind_the_last_entry_are_refused);
    tcase_add_loop_test(tcase, broken_leaf_is_refused, 0, sizeof(broken) / sizeof(broken[0]));
    tcase_add_loop_test(tcase, keys_that_do_not_ascend_are_refused, 0, 5);
    tcase_add_loop_test(tcase, impossible_child_is_refused, 0, 3);
    tcase_add_test(tcase, first_key_of_an_inner_node_must_be_empty);
    tcase_add_test(tcase, key_longer_than_any_is_refused);
    tcase_add_test(tcase, encoding_without_memory_sets_failed);
    suite_add_tcase(suite, tcase);
    return tuft_run(suite);
}
