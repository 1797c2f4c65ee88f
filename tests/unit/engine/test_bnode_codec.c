/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: nodes from hostile bytes: every byte changed, every length cut. Both ways in (a node and a packed
 * leaf) agree about what is a node, and what they accept is one.
 */
#include <stdio.h>

#include "engine/bnode.h"
#include "tests/lib/test.h"

#define NODE_OFF 8192
#define KIND 2

static void make_leaf(struct buf *out)
{
    struct bnode *node = tufi_bnode_new(KIND, 0, 8192);
    ck_assert_ptr_nonnull(node);
    for (unsigned i = 0; i < 40; i++) { /* more than one restart of the key compression */
        char key[32], value[32];
        snprintf(key, sizeof(key), "common/%03u", i);
        snprintf(value, sizeof(value), "%0*u", (int)(i % 7), i);
        tufi_bnode_append_leaf(node, tuf_str(key), tuf_str(value));
    }
    tufi_bnode_end_appending(node);
    tufi_bnode_encode(node, out);
    ck_assert(!out->failed);
    tufi_bnode_free(node);
}

static void make_inner(struct buf *out)
{
    struct bnode *node = tufi_bnode_new(KIND, 1, 8192);
    ck_assert_ptr_nonnull(node);
    for (unsigned i = 0; i < 20; i++) {
        char key[32];
        struct child child = { .ref = { .off = 4096 + i, .len = 100 + i, .crc = i },
                               .entry_count = 1 + i };
        child.sum.v[0] = i;
        snprintf(key, sizeof(key), "k%02u", i);
        tufi_bnode_insert_inner(node, i, tuf_str(i ? key : ""), &child);
    }
    tufi_bnode_encode(node, out);
    ck_assert(!out->failed);
    tufi_bnode_free(node);
}

/* What was accepted has its keys in order and is the same node after another round. */
static void expect_node(const struct bnode *node)
{
    struct buf bytes = BUF_INIT, again = BUF_INIT;
    struct bnode *copy = NULL;
    ck_assert_uint_ge(node->count, 1);
    for (uint32_t i = 1; i < node->count; i++)
        ck_assert(i == 1 && node->level > 0 ? true
                                            : slice_compare(tufi_bnode_key(node, i - 1),
                                                            tufi_bnode_key(node, i)) < 0);
    tufi_bnode_encode(node, &bytes);
    ck_ok(tufi_bnode_decode(&copy, buf_slice(&bytes), NODE_OFF));
    tufi_bnode_encode(copy, &again);
    ck_assert(slice_equal(buf_slice(&bytes), buf_slice(&again)));
    tufi_bnode_free(copy);
    tufi_buf_release(&bytes);
    tufi_buf_release(&again);
}

static tuf_status decode(tuf_slice bytes)
{
    struct bnode *node = NULL;
    tuf_status st = tufi_bnode_decode(&node, bytes, NODE_OFF);
    if (st == TUF_OK) {
        expect_node(node);
        tufi_bnode_free(node);
        return st;
    }
    ck_assert_int_eq(st, TUF_E_CORRUPT);
    ck_assert_uint_eq(tuf_last_error()->file_off, NODE_OFF);
    ck_assert_ptr_null(node);
    return st;
}

/* The same bytes as a packed leaf. */
static tuf_status check_packed(tuf_slice bytes)
{
    struct bnode *packed = tufi_bnode_new_packed((uint32_t)bytes.len);
    ck_assert_ptr_nonnull(packed);
    memcpy(packed->page, bytes.data, bytes.len);
    tuf_status st = tufi_bnode_check_packed(packed, NODE_OFF);
    if (st == TUF_OK && packed->level == 0) {
        struct bnode *node = tufi_bnode_unpack(packed);
        ck_assert_ptr_nonnull(node);
        ck_assert_uint_eq(node->count, packed->count);
        for (uint32_t i = 0; i < node->count; i++) {
            tuf_slice value;
            ck_assert(tufi_bnode_find_packed(packed, tufi_bnode_key(node, i), &value));
            ck_assert(slice_equal(value, tufi_bnode_value(node, i)));
        }
        tufi_bnode_free(node);
    }
    tufi_bnode_free(packed);
    return st;
}

START_TEST(every_changed_byte_and_every_cut)
{
    static const uint8_t masks[] = { 0x01, 0x80, 0xff };
    struct buf bytes = BUF_INIT;
    unsigned refused = 0;
    if (_i == 0)
        make_leaf(&bytes);
    else
        make_inner(&bytes);
    ck_ok(decode(buf_slice(&bytes)));
    ck_ok(check_packed(buf_slice(&bytes)));
    for (size_t at = 0; at < bytes.len; at++) {
        for (size_t m = 0; m < sizeof(masks); m++) {
            bytes.data[at] ^= masks[m];
            tuf_status st = decode(buf_slice(&bytes));
            ck_assert_int_eq(check_packed(buf_slice(&bytes)), st);
            refused += st < 0;
            bytes.data[at] ^= masks[m];
        }
        if (at > 0)
            ck_assert_int_eq(decode(tuf_slice_of(bytes.data, at)), TUF_E_CORRUPT);
    }
    ck_assert_uint_gt(refused, 50);
    buf_append_u8(&bytes, 0); /* something follows */
    ck_assert_int_eq(decode(buf_slice(&bytes)), TUF_E_CORRUPT);
    tufi_buf_release(&bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bnode_codec");
    TCase *tc = tcase_create("bnode_codec");
    tcase_add_loop_test(tc, every_changed_byte_and_every_cut, 0, 2);
    suite_add_tcase(suite, tc);
    return tuft_run(suite);
}
