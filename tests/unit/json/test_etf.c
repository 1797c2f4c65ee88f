/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test json/etf.c: the term bytes of single values, and (with engine/revid.c) the revision
 * ids of tests/golden/revids, most of which a CouchDB server answered.
 */
#include <openssl/bn.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/hex.h"
#include "engine/revid.h"
#include "json/docscan.h"
#include "tests/lib/test.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define ATT_COUNT_MAX 300

static const struct {
    const char *json;
    const char *hex;
} terms[] = {
    { "0", "6100" },
    { "-0", "6100" },
    { "255", "61ff" },
    { "256", "6200000100" },
    { "-1", "62ffffffff" },
    { "2147483647", "627fffffff" },
    { "-2147483648", "6280000000" },
    { "2147483648", "6e040000000080" },
    { "-2147483649", "6e040101000080" },
    { "18446744073709551615", "6e0800ffffffffffffffff" },
    { "18446744073709551616", "6e0900000000000000000001" },
    { "-18446744073709551616", "6e0901000000000000000001" },
    { "9999999999999999999", "6e0800ffffe7890423c78a" },
    { "10000000000000000000", "6e08000000e8890423c78a" },
    { "1.5", "463ff8000000000000" },
    { "-0.0", "468000000000000000" },
    { "1e0", "463ff0000000000000" },
    { "true", "64000474727565" },
    { "false", "64000566616c7365" },
    { "null", "6400046e756c6c" },
    { "\"\"", "6d00000000" },
    { "\"a\\n\\u00e9\"", "6d00000004610ac3a9" },
    { "[]", "6a" },
    { "[1,2,3]", "6b0003010203" },
    { "[-0]", "6b000100" },
    { "[256]", "6c0000000162000001006a" },
    { "[1,256]", "6c000000026101"
                 "62000001006a" },
    { "[1.0]", "6c00000001463ff00000000000006a" },
    { "[[]]", "6c000000016a6a" },
    { "[[1],[]]", "6c000000026b0001016a6a" },
    { "{}", "68016a" },
    { "{\"a\":1}", "68016c0000000168026d0000000161"
                   "61016a" },
    { "{\"a\":1,\"a\":[2]}", "68016c0000000168026d0000000161"
                             "6b0001026a" },
};

START_TEST(value_has_its_term) /* INV-ETF-1 */
{
    TUF_AUTO(tufi_buf_release) struct buf etf = BUF_INIT;
    ck_ok(tufi_docscan_etf(&etf, tuf_str(terms[_i].json)));
    ck_assert_uint_eq(etf.len * 2, strlen(terms[_i].hex));
    char *hex = malloc(etf.len * 2 + 1);
    tufi_hex_encode(hex, etf.data, etf.len);
    hex[etf.len * 2] = '\0';
    ck_assert_str_eq(hex, terms[_i].hex);
    free(hex);
}
END_TEST

/* 2^bits in decimal, by doubling digits. */
static void power_of_two(struct buf *digits, size_t bits)
{
    buf_append_u8(digits, 1); /* least significant first */
    for (; bits > 0; bits--) {
        uint8_t carry = 0;
        for (size_t i = 0; i < digits->len; i++) {
            uint8_t doubled = (uint8_t)(digits->data[i] * 2 + carry);
            digits->data[i] = doubled % 10;
            carry = doubled / 10;
        }
        if (carry > 0)
            buf_append_u8(digits, carry);
    }
    for (size_t i = 0, j = digits->len - 1; i < j; i++, j--) {
        uint8_t digit = digits->data[i];
        digits->data[i] = digits->data[j];
        digits->data[j] = digit;
    }
    for (size_t i = 0; i < digits->len; i++)
        digits->data[i] = (uint8_t)(digits->data[i] + '0');
}

START_TEST(powers_of_two_have_one_bit)
{
    for (size_t bits = 64; bits < 2200; bits += 37) {
        TUF_AUTO(tufi_buf_release) struct buf digits = BUF_INIT;
        TUF_AUTO(tufi_buf_release) struct buf etf = BUF_INIT;
        power_of_two(&digits, bits);
        ck_ok(tufi_docscan_etf(&etf, buf_slice(&digits)));
        struct reader r = reader_of(buf_slice(&etf));
        size_t len = read_u8(&r) == 0x6e ? read_u8(&r) : read_be32(&r);
        ck_assert_uint_eq(len, bits / 8 + 1);
        ck_assert_uint_eq(etf.data[0], len <= 255 ? 0x6e : 0x6f);
        ck_assert_uint_eq(read_u8(&r), 0);
        for (size_t i = 0; i + 1 < len; i++)
            ck_assert_uint_eq(read_u8(&r), 0);
        ck_assert_uint_eq(read_u8(&r), 1u << bits % 8);
        ck_assert_uint_eq(reader_left(&r), 0);
    }
}
END_TEST

/* One number: nines, a power of ten, or digits of all kinds. */
static void check_long_integer(size_t digit_count, int kind)
{
    TUF_AUTO(tufi_buf_release) struct buf digits = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf etf = BUF_INIT;
    for (size_t i = 0; i < digit_count; i++) {
        uint8_t digit = kind == 0 ? 9 : kind == 1 ? i == 0 : (uint8_t)((i * i + i / 7 + 1) % 10);
        buf_append_u8(&digits, (uint8_t)('0' + digit));
    }
    ck_ok(tufi_docscan_etf(&etf, buf_slice(&digits)));
    buf_append_u8(&digits, 0);
    BIGNUM *want = NULL;
    ck_assert_int_eq(BN_dec2bn(&want, (const char *)digits.data), (int)digit_count);
    struct reader r = reader_of(buf_slice(&etf));
    uint8_t *bytes = malloc((size_t)BN_num_bytes(want));
    ck_assert_int_gt(BN_bn2lebinpad(want, bytes, BN_num_bytes(want)), 0);
    size_t len = read_u8(&r) == 0x6e ? read_u8(&r) : read_be32(&r);
    ck_assert_uint_eq(len, (size_t)BN_num_bytes(want));
    ck_assert_uint_eq(read_u8(&r), 0);
    for (size_t i = 0; i < len; i++)
        ck_assert_uint_eq(read_u8(&r), bytes[i]);
    ck_assert_uint_eq(reader_left(&r), 0);
    free(bytes);
    BN_free(want);
}

START_TEST(long_integers_are_those_of_libcrypto) /* INV-DEC-1 */
{
    for (size_t count = 21; count < 5000; count += count < 200 ? 1 : 211)
        for (int kind = 0; kind < 3; kind++)
            check_long_integer(count, kind);
    check_long_integer(100003, 2);
}
END_TEST

START_TEST(byte_lists_have_a_longest_length)
{
    for (size_t count = 65534; count <= 65537; count++) {
        TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
        TUF_AUTO(tufi_buf_release) struct buf etf = BUF_INIT;
        for (size_t i = 0; i < count; i++)
            buf_append_str(&json, i == 0 ? "[7" : ",7");
        buf_append_u8(&json, ']');
        ck_ok(tufi_docscan_etf(&etf, buf_slice(&json)));
        ck_assert_uint_eq(etf.data[0], count <= 65535 ? 0x6b : 0x6c);
        ck_assert_uint_eq(etf.len, count <= 65535 ? count + 3 : count * 2 + 6);
    }
}
END_TEST

/* A line of vectors.txt, its columns cut out. */
struct vector {
    char *rev;
    bool deleted;
    char *parent; /* NULL: none */
    char *md5s;   /* NULL: none */
    char *text;
};

static char *next_column(char **pos, char end)
{
    char *start = *pos;
    char *stop = strchr(start, end);
    ck_assert_msg(stop != NULL, "a column is missing in: %s", start);
    *stop = '\0';
    *pos = stop + 1;
    return start;
}

static struct vector read_vector(char **pos)
{
    struct vector v = { 0 };
    v.rev = next_column(pos, '\t');
    v.deleted = *next_column(pos, '\t') == '1';
    v.parent = next_column(pos, '\t');
    if (strcmp(v.parent, "-") == 0)
        v.parent = NULL;
    v.md5s = next_column(pos, '\t');
    if (strcmp(v.md5s, "-") == 0)
        v.md5s = NULL;
    v.text = next_column(pos, '\n');
    return v;
}

/* Expands <<count*piece>>. */
static void expand(struct buf *out, const char *text)
{
    for (const char *open; (open = strstr(text, "<<")) != NULL;) {
        char *star;
        tufi_buf_append(out, text, (size_t)(open - text));
        unsigned long count = strtoul(open + 2, &star, 10);
        const char *close = strstr(star, ">>");
        ck_assert_ptr_nonnull(close);
        ck_assert_int_eq(*star, '*');
        for (; count > 0; count--)
            tufi_buf_append(out, star + 1, (size_t)(close - star - 1));
        text = close + 2;
    }
    buf_append_str(out, text);
}

static size_t read_atts(struct revid_att *atts, const struct scanned_doc *doc, const char *md5s)
{
    for (size_t i = 0; i < doc->att_count; i++) {
        ck_assert_uint_lt(i, ATT_COUNT_MAX);
        atts[i].name = doc->atts[i].name;
        atts[i].type =
            doc->atts[i].type.len > 0 ? doc->atts[i].type : tuf_str("application/octet-stream");
        ck_assert_ptr_nonnull(md5s);
        ck_assert(tufi_hex_decode(atts[i].md5, md5s + 33 * i, 32));
    }
    ck_assert(!md5s || strlen(md5s) + 1 == 33 * doc->att_count);
    return doc->att_count;
}

static void check_vector(const struct vector *v)
{
    static struct revid_att atts[ATT_COUNT_MAX];
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    struct scanned_doc doc;
    tuf_revbuf parent;
    expand(&json, v->text);
    tuf_status st = tufi_docscan(&doc, buf_slice(&json), DOCSCAN_ETF);
    ck_assert_msg(st == TUF_OK, "refused: %s", v->text);
    size_t att_count = read_atts(atts, &doc, v->md5s);
    if (v->parent)
        ck_ok(tuf_rev_parse(&parent, tuf_str(v->parent)));
    uint8_t id[16];
    ck_ok(tufi_revid_hash(id, v->deleted, v->parent ? &parent.rev : NULL, buf_slice(&doc.etf), atts,
                          att_count));
    tuf_rev rev = { (v->parent ? parent.rev.gen : 0) + 1, tuf_slice_of(id, sizeof(id)) };
    char text[TUF_REV_TEXT_SIZE];
    tuf_rev_format(text, rev);
    ck_assert_msg(strcmp(text, v->rev) == 0, "got %s, want %s: %.200s", text, v->rev, v->text);
    tufi_docscan_release(&doc);
}

START_TEST(revision_ids_are_those_of_couchdb) /* INV-RID-1 */
{
    size_t len;
    char *path = tuft_source_path("tests/golden/revids/vectors.txt");
    char *text = tuft_read_file(&len, path);
    size_t vector_count = 0;
    for (char *pos = text; *pos;) {
        if (*pos == '#') {
            next_column(&pos, '\n');
            continue;
        }
        struct vector v = read_vector(&pos);
        check_vector(&v);
        vector_count++;
    }
    ck_assert_uint_ge(vector_count, 500);
    free(text);
    free(path);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json etf");
    TCase *values = tcase_create("values");
    tcase_add_loop_test(values, value_has_its_term, 0, COUNT(terms));
    tcase_add_test(values, powers_of_two_have_one_bit);
    tcase_add_test(values, long_integers_are_those_of_libcrypto);
    tcase_add_test(values, byte_lists_have_a_longest_length);
    tcase_add_test(values, revision_ids_are_those_of_couchdb);
    suite_add_tcase(suite, values);
    return tuft_run(suite);
}
