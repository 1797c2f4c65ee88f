/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: damage in the file is found by tufi_btree_check, and never passes for data (INV-BT-1); keys
 * on the wrong side of a separator (INV-BB-2) are damage too.
 */
#include "base/alloc.h"
#include "base/crc32c.h"
#include "engine/btree_env.h"
#include "fileformat/node.h"
#include "tests/lib/test.h"
#include "tests/unit/engine/btree_model.h"

#define ENTRY_COUNT 300

static struct mem_file file;
static struct btree_config config;
static struct btree built; /* a tree that is wholly in the file */

struct findings {
    unsigned count;
    uint64_t first_off;
    char first_text[200];
    unsigned entry_count;
    unsigned node_count;
};

static void count_finding(void *ctx, const struct btree_finding *finding)
{
    struct findings *f = ctx;
    if (f->count++ == 0) {
        f->first_off = finding->off;
        strncpy(f->first_text, finding->text, sizeof(f->first_text) - 1);
    }
}

static tuf_status count_entry(void *ctx, tuf_slice key, tuf_slice value)
{
    (void)key;
    (void)value;
    struct findings *f = ctx;
    f->entry_count++;
    return TUF_OK;
}

static void count_node(void *ctx, uint64_t off, uint32_t len)
{
    struct findings *f = ctx;
    ck_assert_uint_ge(off, 16);
    ck_assert_uint_le(off + len, file.len);
    f->node_count++;
}

static struct findings check_tree(const struct btree *tree)
{
    struct findings f = { 0 };
    struct btree_check_sink sink = {
        .found = count_finding, .entry = count_entry, .node = count_node, .ctx = &f
    };
    struct btree_env *env;
    ck_ok(tufi_btree_env_new(&env, &config));
    ck_ok(tufi_btree_check(env, tree, &sink));
    tufi_btree_env_free(&env);
    return f;
}

static tuf_slice key_at(uint8_t bytes[8], uint64_t i)
{
    put_be64(bytes, i * 3);
    return tuf_slice_of(bytes, 8);
}

static void build(void)
{
    mem_file_init(&file);
    config = (struct btree_config){
        .read = mem_file_read, .ctx = &file, .reduce = { model_reduce }, .node_size = 256
    };
    struct btree_env *env;
    struct btree_txn *txn;
    ck_ok(tufi_btree_env_new(&env, &config));
    ck_ok(tufi_btree_txn_begin(&txn, env));
    for (uint64_t i = 0; i < ENTRY_COUNT; i++) {
        uint8_t key[8];
        ck_ok(tufi_btree_put(txn, 0, key_at(key, i), tuf_slice_of("0123456789", i % 10)));
    }
    ck_ok(tufi_btree_txn_write(txn, mem_file_append, &file));
    built = *tufi_btree_txn_tree(txn, 0);
    tufi_btree_txn_publish(&txn, NULL, NULL);
    tufi_btree_env_free(&env);
}

static void release_file(void)
{
    mem_file_release(&file);
}

START_TEST(sound_tree_has_no_findings)
{
    struct findings f = check_tree(&built);
    ck_assert_msg(f.count == 0, "%s", f.first_text);
    ck_assert_uint_eq(f.entry_count, ENTRY_COUNT);
    ck_assert_uint_eq(f.node_count, file.append_count);
    ck_assert_uint_gt(built.height, 2);
}
END_TEST

START_TEST(every_changed_byte_is_found)
{
    for (size_t i = 16; i < file.len; i++) {
        file.data[i] ^= 0x10;
        struct findings f = check_tree(&built);
        ck_assert_msg(f.count == 1, "byte %zu: %u findings", i, f.count);
        ck_assert_uint_le(f.first_off, i);
        file.data[i] ^= 0x10;
    }
}
END_TEST

/* Reads never give a wrong value, whatever byte is changed. */
START_TEST(no_changed_byte_passes_for_data)
{
    for (size_t i = 16; i < file.len; i += 7) {
        file.data[i] ^= 0x01;
        struct btree_env *env;
        ck_ok(tufi_btree_env_new(&env, &config));
        unsigned corrupt_count = 0;
        for (uint64_t n = 0; n < ENTRY_COUNT; n++) {
            uint8_t key[8];
            struct btree_pin pin = BTREE_PIN_INIT;
            tuf_slice value;
            tuf_status st = tufi_btree_find(env, &built, key_at(key, n), &value, &pin);
            if (st == TUF_OK)
                ck_assert(slice_equal(value, tuf_slice_of("0123456789", n % 10)));
            else
                ck_assert_int_eq((int)st, (int)TUF_E_CORRUPT);
            corrupt_count += st != TUF_OK;
            tufi_btree_unpin(env, &pin);
        }
        ck_assert_uint_gt(corrupt_count, 0);
        tufi_btree_env_free(&env);
        file.data[i] ^= 0x01;
    }
}
END_TEST

START_TEST(check_goes_on_past_a_damaged_leaf)
{
    file.data[20] ^= 1; /* the first node written is the first leaf */
    struct findings f = check_tree(&built);
    ck_assert_uint_eq(f.count, 1);
    ck_assert_uint_eq(f.first_off, 16);
    ck_assert_uint_gt(f.entry_count, ENTRY_COUNT * 8 / 10);
    ck_assert_uint_lt(f.entry_count, ENTRY_COUNT);
}
END_TEST

/* ---- nodes that are sound in themselves but wrong in their place ----------------------------- */

static struct node_ref append_encoded(const struct buf *encoded)
{
    struct node_ref ref = { .len = (uint32_t)encoded->len,
                            .crc = tufi_crc32c(0, encoded->data, encoded->len) };
    ck_assert(!encoded->failed);
    ck_ok(mem_file_append(&file, buf_slice(encoded), &ref.off));
    return ref;
}

static struct node_ref append_leaf(uint8_t kind, const char *first, const char *second)
{
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    struct node_header header = { .kind = kind, .level = 0, .entry_count = 2 };
    struct node_encoder e;
    tufi_node_encode_start(&e, &out, &header);
    tufi_node_encode_leaf(&e, tuf_str(first), tuf_str("v"));
    tufi_node_encode_leaf(&e, tuf_str(second), tuf_str("v"));
    return append_encoded(&out);
}

struct planted {
    const char *separator;
    const char *right_first; /* first key of the right leaf */
    uint64_t right_count;
    uint64_t right_live;
    uint8_t leaf_kind;
    uint8_t root_level;
    uint64_t total_count;
    const char *text; /* of the finding */
};

static const struct planted planted[] = {
    { "m", "m", 2, 2, 0, 1, 4, NULL },
    { "n", "m", 2, 2, 0, 1, 4, "a key does not belong between the separators around its node" },
    { "b", "m", 2, 2, 0, 1, 4, "a key does not belong between the separators around its node" },
    { "m", "m", 3, 2, 0, 1, 4, "subtree has 2 entries, its parent says 3" },
    { "m", "m", 2, 1, 0, 1, 4, "subtree has reduction 2 in slot 0, its parent says 1" },
    { "m", "m", 2, 2, 1, 1, 4, "node of tree 1 level 0 where tree 0 level 0 belongs" },
    { "m", "m", 2, 2, 0, 2, 4, "node of tree 0 level 2 where tree 0 level 1 belongs" },
    { "m", "m", 2, 2, 0, 1, 5, "subtree has 4 entries, its parent says 5" },
};

START_TEST(node_in_the_wrong_place_is_found)
{
    const struct planted *p = &planted[_i];
    struct node_child left = { .entry_count = 2, .reduction = { 2, 0, 2, 2 } };
    struct node_child right = { .entry_count = p->right_count,
                                .reduction = { p->right_live, 0, 2, 2 } };
    struct node_ref left_ref = append_leaf(0, "a", "b");
    struct node_ref right_ref = append_leaf(p->leaf_kind, p->right_first, "z");
    left.off = left_ref.off;
    left.len = left_ref.len;
    left.crc = left_ref.crc;
    right.off = right_ref.off;
    right.len = right_ref.len;
    right.crc = right_ref.crc;
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    struct node_header header = { .kind = 0, .level = p->root_level, .entry_count = 2 };
    struct node_encoder e;
    tufi_node_encode_start(&e, &out, &header);
    tufi_node_encode_inner(&e, tuf_str(""), &left);
    tufi_node_encode_inner(&e, tuf_str(p->separator), &right);
    struct btree tree = { .root = append_encoded(&out),
                          .entry_count = p->total_count,
                          .total = { { 4, 0, 4, 4 } },
                          .height = 2 };
    struct findings f = check_tree(&tree);
    if (!p->text) {
        ck_assert_msg(f.count == 0, "%s", f.first_text);
        return;
    }
    ck_assert_uint_ge(f.count, 1);
    ck_assert_str_eq(f.first_text, p->text);
}
END_TEST

START_TEST(reference_past_the_end_is_found)
{
    struct btree tree = built;
    tree.root.off = file.len - 3;
    struct findings f = check_tree(&tree);
    ck_assert_uint_eq(f.count, 1);
    tree = built;
    tree.root.len = NODE_SIZE_MAX + 1;
    f = check_tree(&tree);
    ck_assert_uint_eq(f.count, 1);
    ck_assert_ptr_nonnull(strstr(f.first_text, "node reference with length"));
    tree = built;
    tree.height = UINT32_MAX;
    f = check_tree(&tree);
    ck_assert_uint_eq(f.count, 1);
}
END_TEST

START_TEST(node_that_was_right_once_is_not_taken_from_the_cache)
{
    struct btree_env *env;
    config.cache_size = 1 << 20;
    ck_ok(tufi_btree_env_new(&env, &config));
    struct btree_pin pin = BTREE_PIN_INIT;
    uint8_t key[8];
    tuf_slice value;
    ck_ok(tufi_btree_find(env, &built, key_at(key, 0), &value, &pin));
    tufi_btree_unpin(env, &pin);
    struct btree stale = built;
    stale.root.crc ^= 1;
    ck_fails(tufi_btree_find(env, &stale, key_at(key, 0), &value, &pin), TUF_E_CORRUPT);
    stale = built;
    stale.height--;
    ck_fails(tufi_btree_find(env, &stale, key_at(key, 0), &value, &pin), TUF_E_CORRUPT);
    tufi_btree_env_free(&env);
}
END_TEST

static tuf_status stop_at_tenth(void *ctx, tuf_slice key, tuf_slice value)
{
    (void)key;
    (void)value;
    unsigned *count = ctx;
    return ++*count == 10 ? TUF_STOPPED : TUF_OK;
}

static void refuse_finding(void *ctx, const struct btree_finding *finding)
{
    (void)ctx;
    ck_abort_msg("%s", finding->text);
}

START_TEST(entry_callback_stops_the_walk)
{
    unsigned count = 0;
    struct btree_check_sink sink = { .found = refuse_finding,
                                     .entry = stop_at_tenth,
                                     .ctx = &count };
    struct btree_env *env;
    ck_ok(tufi_btree_env_new(&env, &config));
    ck_outcome(tufi_btree_check(env, &built, &sink), TUF_STOPPED);
    ck_assert_uint_eq(count, 10);
    tufi_btree_env_free(&env);
}
END_TEST

/* Its checksum was right: a packed leaf is refused before anything is searched in it. */
START_TEST(a_packed_leaf_of_nonsense_is_refused)
{
    static const uint8_t fills[] = { 0x00, 0x01, 0xff };
    for (size_t i = 0; i < sizeof(fills); i++) {
        struct bnode *node = tufi_bnode_new_packed(512);
        ck_assert_ptr_nonnull(node);
        memset(node->page, fills[i], 512);
        ck_fails(tufi_bnode_check_packed(node, 8192), TUF_E_CORRUPT);
        ck_assert_uint_eq(tuf_last_error()->file_off, 8192);
        tufi_bnode_free(node);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("btree_check");
    TCase *tcase = tcase_create("btree_check");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, build, release_file);
    tcase_add_test(tcase, sound_tree_has_no_findings);
    tcase_add_test(tcase, every_changed_byte_is_found);
    tcase_add_test(tcase, no_changed_byte_passes_for_data);
    tcase_add_test(tcase, check_goes_on_past_a_damaged_leaf);
    tcase_add_loop_test(tcase, node_in_the_wrong_place_is_found, 0,
                        sizeof(planted) / sizeof(planted[0]));
    tcase_add_test(tcase, reference_past_the_end_is_found);
    tcase_add_test(tcase, node_that_was_right_once_is_not_taken_from_the_cache);
    tcase_add_test(tcase, entry_callback_stops_the_walk);
    tcase_add_test(tcase, a_packed_leaf_of_nonsense_is_refused);
    suite_add_tcase(suite, tcase);
    return tuft_run(suite);
}
