/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: codecs of the records inside a commit against the byte tables of FORMAT.md, section 5.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/hex.h"
#include "fileformat/docrec.h"
#include "tests/lib/test.h"

#define MD5_HEX "000102030405060708090a0b0c0d0e0f"

/* A deleted revision with everything in it. */
#define DOC_HEX                                                                                    \
    "ac02"              /* sequence 300 */                                                         \
    "07"                /* deleted, attachments, Snappy */                                         \
    "03646f63"          /* "doc" */                                                                \
    "030163"            /* 3-c */                                                                  \
    "0201620161"        /* two ancestors: b, a */                                                  \
    "882728"            /* previous: 40 bytes at 5,000 */                                          \
    "e807" "03" "04"    /* stem limit 1000, path 3, nodes 4 */                                     \
    "01"                /* one attachment */                                                       \
    "016e" "03782f79"   /* "n", "x/y" */                                                           \
    "02" "01"           /* revpos 2, gzip */                                                       \
    "0a" "09" MD5_HEX   /* 10 bytes, stored in 9 */                                                \
    "01" "e82009"       /* one chunk: 9 bytes at 4,200 */                                          \
    "07"                /* body of 7 bytes */
#define DOC_BODY_HEX "73746f726564" /* "stored" */

static tuf_slice from_hex(const char *hex)
{
    static uint8_t bytes[4096];
    size_t len = strlen(hex) / 2;
    ck_assert_uint_le(len, sizeof(bytes));
    ck_assert(tufi_hex_decode(bytes, hex, len * 2));
    return tuf_slice_of(bytes, len);
}

static void check_hex(const struct buf *b, const char *want)
{
    char *hex = calloc(1, b->len * 2 + 1);
    tufi_hex_encode(hex, b->data, b->len);
    ck_assert_str_eq(hex, want);
    free(hex);
}

/* ---- document revision ----------------------------------------------------------------------- */

START_TEST(document_record_is_as_documented)
{
    const tuf_slice ancestors[2] = { tuf_str("b"), tuf_str("a") };
    struct stored_att att = {
        .name = tuf_str("n"),
        .type = tuf_str("x/y"),
        .revpos = 2,
        .data = { .length = 10, .encoded_length = 9, .gzip = true, .chunk_count = 1,
                  .loc = { 4200, 9 } },
    };
    for (uint8_t i = 0; i < 16; i++)
        att.data.md5[i] = i;
    struct docrec r = {
        .seq = 300,
        .deleted = true,
        .id = tuf_str("doc"),
        .rev = { 3, tuf_str("c") },
        .ancestors = ancestors,
        .ancestor_count = 2,
        .prev = { 5000, 40 },
        .stem_limit = 1000,
        .path_len = 3,
        .node_count = 4,
        .atts = &att,
        .att_count = 1,
        .codec = BODY_SNAPPY,
        .body_len = 7,
        .body = tuf_str("stored"),
    };
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    tufi_docrec_encode(&out, &r);
    check_hex(&out, DOC_HEX DOC_BODY_HEX);
    TUF_AUTO(tufi_docrec_view_release) struct docrec_view v = DOCREC_VIEW_INIT;
    ck_ok(tufi_docrec_decode(&v, buf_slice(&out), 6000));
    ck_assert_uint_eq(v.rec.seq, 300);
    ck_assert(v.rec.deleted && slice_is(v.rec.id, "doc") && slice_is(v.rec.rev.id, "c"));
    ck_assert_uint_eq(v.rec.ancestor_count, 2);
    ck_assert(slice_is(v.rec.ancestors[0], "b") && slice_is(v.rec.ancestors[1], "a"));
    ck_assert_uint_eq(v.rec.prev.off, 5000);
    ck_assert_uint_eq(v.rec.prev.len, 40);
    ck_assert_uint_eq(v.rec.stem_limit, 1000);
    ck_assert_uint_eq(v.rec.att_count, 1);
    const struct stored_att *back = &v.rec.atts[0];
    ck_assert(slice_is(back->name, "n") && slice_is(back->type, "x/y") && back->data.gzip);
    ck_assert_uint_eq(back->revpos, 2);
    ck_assert_uint_eq(back->data.length, 10);
    ck_assert_uint_eq(back->data.encoded_length, 9);
    ck_assert_uint_eq(back->data.loc.off, 4200);
    ck_assert_mem_eq(back->data.md5, att.data.md5, 16);
    ck_assert_int_eq(v.rec.codec, BODY_SNAPPY);
    ck_assert_uint_eq(v.rec.body_len, 7);
    ck_assert(slice_is(v.rec.body, "stored"));
}
END_TEST

START_TEST(a_first_revision_has_no_previous_place)
{
    struct docrec r = {
        .seq = 1,
        .id = tuf_str("d"),
        .rev = { 1, tuf_str("a") },
        .stem_limit = 1,
        .path_len = 1,
        .node_count = 1,
        .body_len = 2,
        .body = tuf_str("{}"),
    };
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    tufi_docrec_encode(&out, &r);
    check_hex(&out, "0100" "0164" "010161" "00" "00" "01" "01" "01" "02" "7b7d");
    TUF_AUTO(tufi_docrec_view_release) struct docrec_view v = DOCREC_VIEW_INIT;
    ck_ok(tufi_docrec_decode(&v, buf_slice(&out), 5000));
    ck_assert_uint_eq(v.rec.prev.off, 0);
    ck_assert_uint_eq(v.rec.att_count, 0);
    ck_assert(!v.rec.deleted);
}
END_TEST

static const char *const bad_documents[] = {
    "0110" "0164" "010161" "00" "00" "01" "01" "01" "02" "7b7d", /* unknown flag */
    "010c" "0164" "010161" "00" "00" "01" "01" "01" "02" "7b7d", /* codec 3 */
    "0100" "00" "010161" "00" "00" "01" "01" "01" "02" "7b7d",   /* empty id */
    "0100" "0164" "0100" "00" "00" "01" "01" "01" "02" "7b7d",   /* empty revision id */
    "0100" "0164" "000161" "00" "00" "01" "01" "01" "02" "7b7d", /* generation 0 */
    "0100" "0164" "010161" "010162" "00" "01" "01" "01" "02" "7b7d", /* ancestor of generation 0 */
    "0100" "0164" "020161" "0100" "00" "01" "01" "01" "02" "7b7d",   /* ancestor without id */
    "0100" "0164" "010161" "00" "00" "00" "01" "01" "02" "7b7d", /* stem limit 0 */
    "0100" "0164" "010161" "00" "00" "8080808010" "01" "01" "02" "7b7d", /* beyond 32 bits */
    "0100" "0164" "010161" "00" "882728" "01" "01" "01" "02" "7b7d", /* previous lies behind */
    "0100" "0164" "010161" "00" "018180808008" "01" "01" "01" "02", /* previous too long */
    "0102" "0164" "010161" "00" "00" "01" "01" "01" "00" "02" "7b7d", /* flagged, no attachment */
    "0100" "0164" "010161" "ff01" "00" "01" "01" "01" "02" "7b7d", /* more ancestors than bytes */
    /* an attachment with flag 2, one of 2^32 chunks, a byte at 0 */
    "0102" "0164" "010161" "00" "00" "01" "01" "01" "01" "016e" "0178" "01" "02" "0101" MD5_HEX
    "00" "02" "7b7d",
    "0102" "0164" "010161" "00" "00" "01" "01" "01" "01" "016e" "0178" "01" "00" "0101" MD5_HEX
    "8080808010" "0101" "02" "7b7d",
    "0102" "0164" "010161" "00" "00" "01" "01" "01" "01" "016e" "0178" "01" "00" "0101" MD5_HEX
    "01" "0001" "02" "7b7d",
};

START_TEST(impossible_document_records_are_refused)
{
    TUF_AUTO(tufi_docrec_view_release) struct docrec_view v = DOCREC_VIEW_INIT;
    ck_fails(tufi_docrec_decode(&v, from_hex(bad_documents[_i]), 4500), TUF_E_CORRUPT);
    ck_assert_uint_eq(tuf_last_error()->file_off, 4500);
}
END_TEST

START_TEST(a_view_is_used_again_for_smaller_and_larger_records)
{
    TUF_AUTO(tufi_docrec_view_release) struct docrec_view v = DOCREC_VIEW_INIT;
    for (int i = 0; i < 3; i++) {
        ck_ok(tufi_docrec_decode(&v, from_hex(DOC_HEX DOC_BODY_HEX), 6000));
        ck_assert_uint_eq(v.rec.att_count, 1);
        ck_ok(tufi_docrec_decode(
            &v, from_hex("0100" "0164" "010161" "00" "00" "01" "01" "01" "02" "7b7d"), 6000));
        ck_assert_uint_eq(v.rec.att_count, 0);
        ck_assert_uint_eq(v.rec.ancestor_count, 0);
    }
}
END_TEST

/* ---- the other records ----------------------------------------------------------------------- */

static tuf_status decode_doc(tuf_slice payload)
{
    TUF_AUTO(tufi_docrec_view_release) struct docrec_view v = DOCREC_VIEW_INIT;
    return tufi_docrec_decode(&v, payload, 6000);
}

static tuf_status decode_tree(tuf_slice payload)
{
    tuf_slice id, tree;
    return tufi_treerec_decode(&id, &tree, payload, 6000);
}

static tuf_status decode_local(tuf_slice payload)
{
    struct localrec r;
    return tufi_localrec_decode(&r, payload, 6000);
}

static tuf_status decode_meta(tuf_slice payload)
{
    struct metarec r;
    return tufi_metarec_decode(&r, payload, 6000);
}

static tuf_status decode_purge(tuf_slice payload)
{
    struct purgerec r;
    return tufi_purgerec_decode(&r, payload, 6000);
}

static tuf_status decode_revlist(tuf_slice payload)
{
    TUF_AUTOFREE tuf_rev *revs = NULL;
    size_t count;
    return tufi_revlist_decode(&revs, &count, payload, 6000);
}

static const struct {
    tuf_status (*decode)(tuf_slice payload);
    const char *hex;  /* what must all be there */
    const char *rest; /* and bytes of free length behind it */
} records[] = {
    { decode_doc, DOC_HEX, DOC_BODY_HEX },
    { decode_tree, "03646f63", "0102" },
    { decode_local, "04" "016c" "05" "02", "7b7d" },
    { decode_meta, "00" "054d6e616d65", "7631" },
    { decode_purge, "07" "0164" "0401020162" "09" "78", "79" },
    { decode_purge, "07" "0164" "0401020162" "00", "" },
    { decode_revlist, "02" "020162" "01026161", "" },
};

START_TEST(every_truncation_of_a_record_is_refused)
{
    tuf_slice head = from_hex(records[_i].hex);
    ck_ok(records[_i].decode(head));
    for (size_t len = 0; len < head.len; len++) {
        uint8_t *copy = malloc(len + 1); /* its own block, for the address sanitizer */
        memcpy(copy, head.data, len);
        ck_fails(records[_i].decode(tuf_slice_of(copy, len)), TUF_E_CORRUPT);
        ck_assert_uint_eq(tuf_last_error()->file_off, 6000);
        free(copy);
    }
    char whole[2048];
    snprintf(whole, sizeof(whole), "%s%s", records[_i].hex, records[_i].rest);
    ck_ok(records[_i].decode(from_hex(whole)));
}
END_TEST

START_TEST(small_records_are_as_documented)
{
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    struct localrec local = { .id = tuf_str("l"), .rev = 5, .codec = BODY_ZLIB, .body_len = 2,
                              .body = tuf_str("{}") };
    tufi_localrec_encode(&out, &local);
    check_hex(&out, "04" "016c" "05" "02" "7b7d");
    ck_ok(tufi_localrec_decode(&local, buf_slice(&out), 6000));
    ck_assert(!local.removed && local.rev == 5 && local.codec == BODY_ZLIB);
    ck_assert(slice_is(local.id, "l") && slice_is(local.body, "{}"));
    tufi_buf_clear(&out);
    local.removed = true;
    local.codec = BODY_PLAIN;
    tufi_localrec_encode(&out, &local);
    check_hex(&out, "01" "016c" "05" "02" "7b7d");

    tufi_buf_clear(&out);
    struct metarec meta = { .key = tuf_str("Mname"), .value = tuf_str("v1") };
    tufi_metarec_encode(&out, &meta);
    check_hex(&out, "00" "054d6e616d65" "7631");
    ck_ok(tufi_metarec_decode(&meta, buf_slice(&out), 6000));
    ck_assert(slice_is(meta.key, "Mname") && slice_is(meta.value, "v1") && !meta.removed);

    tufi_buf_clear(&out);
    tufi_treerec_encode(&out, tuf_str("doc"), tuf_str("T"));
    check_hex(&out, "03646f63" "54");

    TUF_AUTO(tufi_buf_release) struct buf list = BUF_INIT;
    const tuf_rev revs[2] = { { 2, tuf_str("b") }, { 1, tuf_str("aa") } };
    tufi_revlist_encode(&list, revs, 2);
    check_hex(&list, "02" "020162" "01026161");
    tuf_rev *back = NULL;
    size_t count;
    ck_ok(tufi_revlist_decode(&back, &count, buf_slice(&list), 0));
    ck_assert_uint_eq(count, 2);
    ck_assert_int_eq(tuf_rev_compare(back[0], revs[0]), 0);
    ck_assert_int_eq(tuf_rev_compare(back[1], revs[1]), 0);
    tufi_free(back);

    tufi_buf_clear(&out);
    tufi_buf_clear(&list);
    tufi_revlist_encode(&list, revs, 1);
    struct purgerec purge = { .purge_seq = 7, .id = tuf_str("d"), .revs = buf_slice(&list),
                              .seq = 9, .docinfo = tuf_str("xyz") };
    tufi_purgerec_encode(&out, &purge);
    check_hex(&out, "07" "0164" "0401020162" "09" "78797a");
    ck_ok(tufi_purgerec_decode(&purge, buf_slice(&out), 6000));
    ck_assert(purge.purge_seq == 7 && purge.seq == 9 && slice_is(purge.docinfo, "xyz"));
    ck_assert(!purge.stays);
    purge.stays = true;
    purge.docinfo = tuf_slice_of(NULL, 0);
    tufi_buf_clear(&out);
    tufi_purgerec_encode(&out, &purge);
    check_hex(&out, "07" "0164" "0401020162" "09" "00");
    ck_ok(tufi_purgerec_decode(&purge, buf_slice(&out), 6000));
    ck_assert(purge.stays && purge.seq == 9 && purge.docinfo.len == 0);
}
END_TEST

static const struct {
    tuf_status (*decode)(tuf_slice payload);
    const char *hex;
} bad_records[] = {
    { decode_local, "06" "016c" "05" "02" "7b7d" }, /* codec 3 */
    { decode_local, "08" "016c" "05" "02" "7b7d" }, /* unknown flag */
    { decode_local, "00" "00" "05" "02" "7b7d" },   /* no id */
    { decode_meta, "02" "024d61" },                 /* unknown flag */
    { decode_meta, "00" "014d" },                   /* no name */
    { decode_purge, "07" "00" "0100" "00" },        /* no id */
    { decode_purge, "07" "0164" "0100" "00" "78" }, /* gone, with an index value */
    { decode_purge, "07" "0164" "0100" "09" },      /* not gone, without one */
    { decode_purge, "07" "0164" "0100" "00" "00" }, /* stays, without a sequence */
    { decode_revlist, "01" "020162" "00" },         /* something behind it */
    { decode_revlist, "01" "0200" },                /* empty id */
    { decode_revlist, "ff7f" "020162" },            /* more than bytes */
};

START_TEST(a_revision_id_has_a_longest_length)
{
    for (size_t over = 0; over < 2; over++) {
        TUF_AUTO(tufi_buf_release) struct buf list = BUF_INIT;
        write_varint(&list, 1);
        write_varint(&list, 7);
        write_varint(&list, TUF_REV_ID_SIZE_MAX + over);
        tufi_buf_append_zero(&list, TUF_REV_ID_SIZE_MAX + over);
        if (over)
            ck_fails(decode_revlist(buf_slice(&list)), TUF_E_CORRUPT);
        else
            ck_ok(decode_revlist(buf_slice(&list)));
    }
}
END_TEST

START_TEST(a_setting_may_say_that_it_is_gone)
{
    struct metarec meta = { .key = tuf_str("Mname") };
    ck_ok(tufi_metarec_decode(&meta, from_hex("01" "054d6e616d65"), 6000));
    ck_assert(meta.removed && slice_is(meta.key, "Mname") && meta.value.len == 0);
}
END_TEST

START_TEST(impossible_records_are_refused)
{
    ck_fails(bad_records[_i].decode(from_hex(bad_records[_i].hex)), TUF_E_CORRUPT);
}
END_TEST

#define COUNT_OF(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
    Suite *s = suite_create("docrec");
    TCase *document = tcase_create("document");
    tcase_add_test(document, document_record_is_as_documented);
    tcase_add_test(document, a_first_revision_has_no_previous_place);
    tcase_add_loop_test(document, impossible_document_records_are_refused, 0,
                        COUNT_OF(bad_documents));
    tcase_add_test(document, a_view_is_used_again_for_smaller_and_larger_records);
    suite_add_tcase(s, document);
    TCase *others = tcase_create("records");
    tcase_add_loop_test(others, every_truncation_of_a_record_is_refused, 0, COUNT_OF(records));
    tcase_add_test(others, small_records_are_as_documented);
    tcase_add_test(others, a_revision_id_has_a_longest_length);
    tcase_add_test(others, a_setting_may_say_that_it_is_gone);
    tcase_add_loop_test(others, impossible_records_are_refused, 0, COUNT_OF(bad_records));
    suite_add_tcase(s, others);
    return tuft_run(s);
}
