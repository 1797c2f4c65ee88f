/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test json/docscan.c, special.c and attachments.c: what is split off a document, what is
 * refused and in which words, and what stays as its body.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/hex.h"
#include "json/scan.h"
#include "tests/lib/test.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define HEX_A "0123456789abcdef0123456789abcdef"
#define HEX_B "FEDCBA9876543210FEDCBA9876543210"

static void check_slice(tuf_slice got, const char *want)
{
    ck_assert_msg(slice_is(got, want), "got %.*s, want %s", (int)got.len,
                  got.len > 0 ? (const char *)got.data : "", want);
}

static void scan(struct scanned_doc *doc, const char *json)
{
    ck_ok(tufi_docscan(doc, tuf_str(json), DOCSCAN_ETF));
}

struct refused {
    const char *json;
    const char *kind;
    const char *text;
};

static const struct refused refused_docs[] = {
    { "", "bad_request", "invalid UTF-8 JSON" },
    { "{bad", "bad_request", "invalid UTF-8 JSON" },
    { "{\"a\":1}garbage", "bad_request", "invalid UTF-8 JSON" },
    { "{\"a\":1e400}", "bad_request", "invalid UTF-8 JSON" },
    { "[1", "bad_request", "invalid UTF-8 JSON" },
    { "null", "bad_request", "Document must be a JSON object" },
    { "1", "bad_request", "Document must be a JSON object" },
    { "true", "bad_request", "Document must be a JSON object" },
    { " [ ] ", "bad_request", "Document must be a JSON object" },
    { "\"x\"", "bad_request", "Document must be a JSON object" },
    { "[] 1", "bad_request", "invalid UTF-8 JSON" },
    /* _id */
    { "{\"_id\":1}", "illegal_docid", "Document id must be a string" },
    { "{\"_id\":null}", "illegal_docid", "Document id must be a string" },
    { "{\"_id\":{}}", "illegal_docid", "Document id must be a string" },
    { "{\"_id\":\"\"}", "illegal_docid", "Document id must not be empty" },
    { "{\"_id\":\"_design/\"}", "illegal_docid", "Illegal document id `_design/`" },
    { "{\"_id\":\"_local/\"}", "illegal_docid", "Illegal document id `_local/`" },
    { "{\"_id\":\"_x\"}", "illegal_docid",
      "Only reserved document ids may start with underscore." },
    { "{\"_id\":\"_design\"}", "illegal_docid",
      "Only reserved document ids may start with underscore." },
    { "{\"\\u005fid\":5}", "illegal_docid", "Document id must be a string" },
    /* _rev */
    { "{\"_rev\":null}", "bad_request", "Invalid rev format" },
    { "{\"_rev\":1}", "bad_request", "Invalid rev format" },
    { "{\"_rev\":\"\"}", "bad_request", "Invalid rev format" },
    { "{\"_rev\":\"zzz\"}", "bad_request", "Invalid rev format" },
    { "{\"_rev\":\"x-y\"}", "bad_request", "Invalid rev format" },
    { "{\"_rev\":\"1-\"}", "bad_request", "Invalid rev format" },
    { "{\"_rev\":\"1-zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\"}", "bad_request", "Invalid rev format" },
    { "{\"_rev\":\"bad\",\"_revisions\":{\"start\":1,\"ids\":[\"a\"]}}", "bad_request",
      "Invalid rev format" },
    /* _deleted */
    { "{\"_deleted\":1}", "doc_validation", "Bad special document member: _deleted" },
    { "{\"_deleted\":null}", "doc_validation", "Bad special document member: _deleted" },
    { "{\"_deleted\":\"true\"}", "doc_validation", "Bad special document member: _deleted" },
    /* _revisions */
    { "{\"_revisions\":[]}", "doc_validation", "Bad special document member: _revisions" },
    { "{\"_revisions\":{}}", "doc_validation", "_revisions.start isn't an integer." },
    { "{\"_revisions\":{\"start\":\"1\",\"ids\":[]}}", "doc_validation",
      "_revisions.start isn't an integer." },
    { "{\"_revisions\":{\"start\":1.0,\"ids\":[]}}", "doc_validation",
      "_revisions.start isn't an integer." },
    { "{\"_revisions\":{\"start\":99999999999999999999,\"ids\":[]}}", "doc_validation",
      "_revisions.start isn't an integer." },
    { "{\"_revisions\":{\"start\":1}}", "doc_validation", "_revisions.ids isn't a array." },
    { "{\"_revisions\":{\"start\":1,\"ids\":{}}}", "doc_validation",
      "_revisions.ids isn't a array." },
    { "{\"_revisions\":{\"start\":1,\"ids\":[1]}}", "doc_validation", "RevId isn't a string" },
    { "{\"_revisions\":{\"start\":1,\"ids\":[\"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\"]}}",
      "doc_validation", "RevId isn't a valid hexadecimal" },
    { "{\"_revisions\":{\"start\":1,\"ids\":[\"a\",\"\"]}}", "doc_validation",
      "RevId isn't a valid hexadecimal" },
    /* _attachments */
    { "{\"_attachments\":5}", "doc_validation", "Bad special document member: _attachments" },
    { "{\"_attachments\":null}", "doc_validation", "Bad special document member: _attachments" },
    { "{\"_attachments\":[]}", "doc_validation", "Bad special document member: _attachments" },
    { "{\"_attachments\":{\"a\":{}}}", "bad_request", "Invalid attachment data for a" },
    { "{\"_attachments\":{\"a\":{\"data\":1}}}", "bad_request", "Invalid attachment data for a" },
    { "{\"_attachments\":{\"a\":{\"stub\":false}}}", "bad_request",
      "Invalid attachment data for a" },
    { "{\"_attachments\":{\"a\":{\"stub\":\"true\"}}}", "bad_request",
      "Invalid attachment data for a" },
    { "{\"_attachments\":{\"_x\":{\"data\":\"\"}}}", "bad_request",
      "Attachment name '_x' starts with prohibited character '_'" },
    { "{\"_attachments\":{\"\\u005f\":{\"stub\":true}}}", "bad_request",
      "Attachment name '_' starts with prohibited character '_'" },
    /* others */
    { "{\"_x\":1}", "doc_validation", "Bad special document member: _x" },
    { "{\"_\":1}", "doc_validation", "Bad special document member: _" },
    { "{\"_ID\":\"a\"}", "doc_validation", "Bad special document member: _ID" },
    { "{\"_\\u0069dx\":1}", "doc_validation", "Bad special document member: _idx" },
    { "{\"_revision\":1}", "doc_validation", "Bad special document member: _revision" },
    { "{\"_replication\":1}", "doc_validation", "Bad special document member: _replication" },
    /* the first mistake in the document is the one reported, malformed text before all */
    { "{\"_x\":1,\"_id\":5}", "doc_validation", "Bad special document member: _x" },
    { "{\"_id\":5,\"_x\":1}", "illegal_docid", "Document id must be a string" },
    { "{\"_deleted\":5,\"_rev\":\"q\"}", "doc_validation",
      "Bad special document member: _deleted" },
    { "{\"_x\":1,\"a\":tru}", "bad_request", "invalid UTF-8 JSON" },
    { "{\"_id\":5,\"_y\":[}", "bad_request", "invalid UTF-8 JSON" },
    { "{\"_id\":\"a\",\"_id\":5}", "illegal_docid", "Document id must be a string" },
    { "{\"_id\":\"a\" \"b\":1}", "bad_request", "invalid UTF-8 JSON" },
    { "{\"_id\":\"a\",}", "bad_request", "invalid UTF-8 JSON" },
    { "{\"_id\":\"a\"", "bad_request", "invalid UTF-8 JSON" },
    { "{\"_conflicts\":[1,}", "bad_request", "invalid UTF-8 JSON" },
};

START_TEST(mistakes_are_named_as_couchdb_names_them) /* INV-DOC-1, INV-DOC-2 */
{
    const struct refused *r = &refused_docs[_i];
    struct scanned_doc doc;
    ck_fails(tufi_docscan(&doc, tuf_str(r->json), DOCSCAN_ETF), TUF_E_INVALID);
    ck_assert_str_eq(tuf_last_error()->kind, r->kind);
    ck_assert_str_eq(tuf_last_error()->text, r->text);
    ck_assert_ptr_null(doc.body.data);
    ck_assert_ptr_null(doc.arena.newest);
}
END_TEST

static const struct {
    const char *json;
    const char *body;
} bodies[] = {
    { "{}", "{}" },
    { " { } ", "{}" },
    { "{\"_id\":\"a\"}", "{}" },
    { "{\"_id\":\"a\",\"b\":1}", "{\"b\":1}" },
    { "{\"b\":1,\"_id\":\"a\"}", "{\"b\":1}" },
    { "{\"b\":1,\"_id\":\"a\",\"c\":2}", "{\"b\":1,\"c\":2}" },
    { "{\"_id\":\"a\",\"_rev\":\"1-x\",\"b\":1,\"_deleted\":false,\"c\":2}", "{\"b\":1,\"c\":2}" },
    { "{\"_conflicts\":[\"x\"],\"_revs_info\":[],\"_local_seq\":1,\"_deleted_conflicts\":null}",
      "{}" },
    { "{\"a\":{\"_id\":1,\"_x\":2}}", "{\"a\":{\"_id\":1,\"_x\":2}}" },
    { "{\"a\":[{\"_rev\":null}]}", "{\"a\":[{\"_rev\":null}]}" },
    { "{\"\":1,\"x_\":2}", "{\"\":1,\"x_\":2}" },
    { "{\"_replication_state\":1,\"_replication_state_time\":2,\"_replication_state_reason\":3,"
      "\"_replication_id\":4,\"_replication_stats\":{}}",
      "{\"_replication_state\":1,\"_replication_state_time\":2,\"_replication_state_reason\":3,"
      "\"_replication_id\":4,\"_replication_stats\":{}}" },
    { "{\"_replication_id\":1,\"a\":2,\"_replication_id\":3}", "{\"a\":2,\"_replication_id\":3}" },
    { "{\"a\":1,\"_id\":\"x\",\"a\":2}", "{\"a\":2}" },
    { "{\"a\":1,\"_id\":\"x\",\"b\":2,\"_rev\":\"1-y\",\"a\":3,\"_deleted\":true}",
      "{\"b\":2,\"a\":3}" },
};

START_TEST(body_is_what_is_not_special)
{
    struct scanned_doc doc;
    scan(&doc, bodies[_i].json);
    check_slice(buf_slice(&doc.body), bodies[_i].body);
    TUF_AUTO(tufi_buf_release) struct buf etf = BUF_INIT;
    ck_ok(tufi_docscan_etf(&etf, buf_slice(&doc.body)));
    ck_assert(slice_equal(buf_slice(&etf), buf_slice(&doc.etf)));
    tufi_docscan_release(&doc);
}
END_TEST

START_TEST(term_is_made_only_on_demand)
{
    struct scanned_doc doc;
    ck_ok(tufi_docscan(&doc, tuf_str("{\"a\":[1,2]}"), 0));
    ck_assert_uint_eq(doc.etf.len, 0);
    check_slice(buf_slice(&doc.body), "{\"a\":[1,2]}");
    tufi_docscan_release(&doc);
}
END_TEST

START_TEST(id_is_decoded)
{
    struct scanned_doc doc;
    scan(&doc, "{\"_id\":\"caf\\u00e9\\n\\ud83d\\ude00\"}");
    ck_assert(doc.has_id);
    check_slice(doc.id, "caf\xc3\xa9\n\xf0\x9f\x98\x80");
    tufi_docscan_release(&doc);
    scan(&doc, "{\"_id\":\"_design/x\"}");
    check_slice(doc.id, "_design/x");
    tufi_docscan_release(&doc);
    scan(&doc, "{\"_id\":\"_local/x\",\"_rev\":\"0-1\"}");
    check_slice(doc.id, "_local/x");
    ck_assert_uint_eq(doc.rev.rev.gen, 0);
    tufi_docscan_release(&doc);
    scan(&doc, "{\"a\":1}");
    ck_assert(!doc.has_id);
    ck_assert(!doc.has_rev);
    ck_assert(!doc.has_revisions);
    ck_assert(!doc.has_attachments);
    ck_assert(!doc.deleted);
    tufi_docscan_release(&doc);
}
END_TEST

START_TEST(last_of_repeated_special_members_counts)
{
    struct scanned_doc doc;
    scan(&doc, "{\"_id\":5,\"_id\":\"b\",\"_rev\":null,\"_deleted\":3,\"_rev\":\"2-x\",\"_"
               "deleted\":true}");
    check_slice(doc.id, "b");
    ck_assert_uint_eq(doc.rev.rev.gen, 2);
    ck_assert(doc.deleted);
    tufi_docscan_release(&doc);
    scan(&doc, "{\"_deleted\":true,\"\\u005fdeleted\":false}");
    ck_assert(!doc.deleted);
    tufi_docscan_release(&doc);
    scan(&doc, "{\"_attachments\":5,\"_attachments\":{}}");
    ck_assert(doc.has_attachments);
    ck_assert_uint_eq(doc.att_count, 0);
    tufi_docscan_release(&doc);
}
END_TEST

START_TEST(rev_is_parsed)
{
    struct scanned_doc doc;
    scan(&doc, "{\"_rev\":\"12-" HEX_B "\"}");
    ck_assert(doc.has_rev);
    ck_assert_uint_eq(doc.rev.rev.gen, 12);
    ck_assert_uint_eq(doc.rev.rev.id.len, 16);
    ck_assert_ptr_eq(doc.rev.rev.id.data, doc.rev.bytes);
    ck_assert_uint_eq(doc.rev.bytes[0], 0xfe);
    tufi_docscan_release(&doc);
    scan(&doc, "{\"_rev\":\"1-\\u0078\"}");
    check_slice(doc.rev.rev.id, "x");
    tufi_docscan_release(&doc);
}
END_TEST

START_TEST(revisions_are_listed_newest_first)
{
    struct scanned_doc doc;
    scan(&doc,
         "{\"_revisions\":{\"ids\":[\"" HEX_B "\",\"b\",\"" HEX_A "\"],\"start\":7,\"x\":1}}");
    ck_assert(doc.has_revisions);
    ck_assert_uint_eq(doc.revisions_start, 7);
    ck_assert_uint_eq(doc.revision_count, 3);
    ck_assert_uint_eq(doc.revisions[0].len, 16);
    ck_assert_uint_eq(doc.revisions[0].data[0], 0xfe);
    check_slice(doc.revisions[1], "b");
    ck_assert_uint_eq(doc.revisions[2].data[15], 0xef);
    tufi_docscan_release(&doc);
}
END_TEST

START_TEST(thousands_of_revisions_are_listed)
{
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    buf_append_str(&json, "{\"_revisions\":{\"start\":5000,\"ids\":[");
    for (int i = 0; i < 5000; i++)
        tufi_buf_printf(&json, "%s\"%032x\"", i > 0 ? "," : "", i);
    buf_append_str(&json, "]}}");
    struct scanned_doc doc;
    ck_ok(tufi_docscan(&doc, buf_slice(&json), 0));
    ck_assert_uint_eq(doc.revision_count, 5000);
    for (size_t i = 0; i < 5000; i++)
        ck_assert_uint_eq(get_be32(doc.revisions[i].data + 12), i);
    tufi_docscan_release(&doc);
}
END_TEST

START_TEST(revisions_win_over_rev)
{
    struct scanned_doc doc;
    scan(&doc, "{\"_rev\":\"9-z\",\"_revisions\":{\"start\":2,\"ids\":[\"b\",\"a\"]}}");
    ck_assert(doc.has_revisions);
    ck_assert(!doc.has_rev);
    tufi_docscan_release(&doc);
    /* What comes after _revisions is not even looked at. */
    scan(&doc, "{\"_revisions\":{\"start\":2,\"ids\":[\"b\",\"a\"]},\"_rev\":5}");
    ck_assert(doc.has_revisions);
    ck_assert(!doc.has_rev);
    tufi_docscan_release(&doc);
    scan(&doc, "{\"_revisions\":{\"start\":0,\"ids\":[]},\"_rev\":\"1-x\"}");
    ck_assert(!doc.has_revisions);
    ck_assert(doc.has_rev);
    tufi_docscan_release(&doc);
}
END_TEST

START_TEST(inline_attachment_is_found) /* INV-ATT-1 */
{
    struct scanned_doc doc;
    scan(&doc, "{\"_attachments\":{\"f\\u00fc.txt\":{\"content_type\":\"text\\/plain\",\"data\":"
               "\"aGk=\",\"length\":9,\"digest\":\"md5-AAAAAAAAAAAAAAAAAAAAAA==\",\"revpos\":4,"
               "\"encoding\":\"gzip\"}}}");
    ck_assert_uint_eq(doc.att_count, 1);
    const struct scanned_att *att = &doc.atts[0];
    check_slice(att->name, "f\xc3\xbc.txt");
    check_slice(att->type, "text/plain");
    check_slice(att->data, "aGk=");
    ck_assert(att->has_data);
    ck_assert(!att->stub);
    ck_assert(!att->follows);
    ck_assert(!att->gzip);
    ck_assert(!att->has_digest);
    ck_assert(!att->has_length);
    ck_assert(att->has_revpos);
    ck_assert_uint_eq(att->revpos, 4);
    tufi_docscan_release(&doc);
}
END_TEST

START_TEST(data_may_have_escapes) /* INV-SPEC-1 */
{
    struct scanned_doc doc;
    scan(&doc, "{\"_attachments\":{\"a\":{\"data\":\"a\\/\\u002b=\"}}}");
    check_slice(doc.atts[0].data, "a/+=");
    ck_assert_uint_eq(doc.atts[0].type.len, 0);
    tufi_docscan_release(&doc);
}
END_TEST

START_TEST(stub_keeps_what_it_says)
{
    struct scanned_doc doc;
    scan(&doc,
         "{\"_attachments\":{\"a\":{\"stub\":true,\"follows\":true,\"data\":\"x\",\"revpos\":3,"
         "\"digest\":\"md5-EViFEOBH26O0rin93lnbEg==\",\"length\":260,\"encoding\":\"gzip\","
         "\"encoded_length\":36,\"content_type\":\"text/plain\"}}}");
    const struct scanned_att *att = &doc.atts[0];
    ck_assert(att->stub);
    ck_assert(!att->follows);
    ck_assert(!att->has_data);
    ck_assert(att->gzip);
    ck_assert(att->has_digest);
    ck_assert_uint_eq(att->digest[0], 0x11);
    ck_assert_uint_eq(att->digest[15], 0x12);
    ck_assert_uint_eq(att->length, 260);
    ck_assert_uint_eq(att->encoded_length, 36);
    ck_assert_uint_eq(att->revpos, 3);
    tufi_docscan_release(&doc);
}
END_TEST

START_TEST(members_of_the_wrong_type_are_passed_over)
{
    struct scanned_doc doc;
    scan(&doc,
         "{\"_attachments\":{\"a\":{\"stub\":true,\"revpos\":\"3\",\"digest\":5,\"length\":-1,"
         "\"encoding\":7,\"encoded_length\":1.5,\"content_type\":null},"
         "\"b\":{\"follows\":true,\"revpos\":null,\"digest\":\"sha1-x\",\"encoding\":\"identity\","
         "\"length\":18446744073709551616}}}");
    const struct scanned_att *a = &doc.atts[0];
    ck_assert(a->has_revpos); /* one that matches no stored attachment */
    ck_assert(a->revpos == UINT64_MAX);
    ck_assert(!a->has_digest && !a->has_length && !a->has_encoded_length && !a->gzip);
    ck_assert_uint_eq(a->type.len, 0);
    const struct scanned_att *b = &doc.atts[1];
    ck_assert(b->follows && !b->has_revpos && !b->has_digest && !b->has_length && !b->gzip);
    tufi_docscan_release(&doc);
}
END_TEST

START_TEST(attachments_keep_their_order)
{
    struct scanned_doc doc;
    scan(&doc, "{\"_attachments\":{\"b\":{\"data\":\"\"},\"skip\":5,\"a\":{\"stub\":true},"
               "\"c\":{\"follows\":true}}}");
    ck_assert_uint_eq(doc.att_count, 3);
    check_slice(doc.atts[0].name, "b");
    check_slice(doc.atts[1].name, "a");
    check_slice(doc.atts[2].name, "c");
    ck_assert_uint_eq(doc.atts[0].data.len, 0);
    ck_assert(doc.atts[0].has_data);
    tufi_docscan_release(&doc);
}
END_TEST

START_TEST(last_of_equal_attachment_names_counts)
{
    struct scanned_doc doc;
    scan(&doc, "{\"_attachments\":{\"a\":{\"bad\":1},\"b\":{\"data\":\"Yg==\"},"
               "\"\\u0061\":{\"data\":\"YQ==\"},\"c\":{\"stub\":true},\"c\":7}}");
    ck_assert_uint_eq(doc.att_count, 2);
    check_slice(doc.atts[0].name, "b");
    check_slice(doc.atts[1].name, "a");
    check_slice(doc.atts[1].data, "YQ==");
    tufi_docscan_release(&doc);
}
END_TEST

START_TEST(large_attachment_does_not_stay_in_the_body)
{
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    buf_append_str(&json, "{\"a\":1,\"_attachments\":{\"x\":{\"data\":\"");
    for (size_t i = 0; i < 200000; i++)
        buf_append_str(&json, "QUJD");
    buf_append_str(&json, "\"}}}");
    struct scanned_doc doc;
    ck_ok(tufi_docscan(&doc, buf_slice(&json), DOCSCAN_ETF));
    ck_assert_uint_eq(doc.atts[0].data.len, 800000);
    ck_assert(doc.atts[0].data.data > json.data);
    ck_assert(doc.atts[0].data.data < json.data + json.len);
    ck_assert_uint_lt(doc.body.cap, 10000);
    tufi_docscan_release(&doc);
}
END_TEST

static const struct {
    const char *json;
    uint64_t size;
} sizes[] = {
    { "{}", 2 },
    { "{\"_id\":\"long id does not count\"}", 2 },
    { "{\"a\":1}", 1 + 3 + 1 + 2 },
    { "{\"a\":\"\"}", 1 + 3 + 2 + 2 },
    { "{\"a\":\"\\u00e9\\n\"}", 1 + 3 + 5 + 2 },
    { "{\"\\n\":1}", 1 + 3 + 1 + 2 },
    { "{\"a\":[]}", 1 + 3 + 2 + 2 },
    { "{\"a\":{}}", 1 + 3 + 2 + 2 },
    { "{\"a\":[1,22]}", 1 + 3 + (1 + 2 + 3) + 2 },
    { "{\"a\":-123}", 1 + 3 + 4 + 2 },
    { "{\"a\":-0}", 1 + 3 + 1 + 2 },
    { "{\"a\":[true,false,null]}", 1 + 3 + (1 + 5 + 6 + 5) + 2 },
    { "{\"a\":1.0}", 1 + 3 + 3 + 2 },
    { "{\"a\":-1.5}", 1 + 3 + 4 + 2 },
    { "{\"a\":1e10}", 1 + 3 + 4 + 2 },
    { "{\"a\":1e100}", 1 + 3 + 5 + 2 },
    { "{\"a\":1e-1}", 1 + 3 + 3 + 2 },
    { "{\"a\":1e-2}", 1 + 3 + 4 + 2 },
    { "{\"a\":1e-10}", 1 + 3 + 5 + 2 },
    { "{\"a\":1e-100}", 1 + 3 + 6 + 2 },
    { "{\"a\":0.0}", 1 + 3 + 3 + 2 },
    { "{\"a\":111,\"b\":2,\"a\":3}", 1 + (3 + 1 + 2) * 2 },
    { "{\"a\":{\"x\":[1,2,3],\"x\":4},\"a\":{\"x\":5,\"y\":6,\"x\":7}}",
      1 + 3 + (1 + (3 + 1 + 2) * 2) + 2 },
};

START_TEST(body_size_is_counted_as_couchdb_counts)
{
    struct scanned_doc doc;
    scan(&doc, sizes[_i].json);
    ck_assert_uint_eq(doc.body_size, sizes[_i].size);
    tufi_docscan_release(&doc);
}
END_TEST

/* {"a":[[[...]]]} */
static tuf_status scan_nested(size_t depth)
{
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    buf_append_str(&json, "{\"a\":");
    for (size_t i = 0; i < depth; i++)
        buf_append_u8(&json, '[');
    for (size_t i = 0; i < depth; i++)
        buf_append_u8(&json, ']');
    buf_append_u8(&json, '}');
    struct scanned_doc doc;
    tuf_status st = tufi_docscan(&doc, buf_slice(&json), DOCSCAN_ETF);
    if (st == TUF_OK)
        tufi_docscan_release(&doc);
    return st;
}

START_TEST(a_thousand_levels_below_the_document_are_allowed)
{
    ck_ok(scan_nested(JSON_DEPTH_MAX));
    ck_fails(scan_nested(JSON_DEPTH_MAX + 1), TUF_E_INVALID);
    ck_fails(scan_nested(100000), TUF_E_INVALID);
}
END_TEST

static bool fail_at(size_t size, void *ctx)
{
    (void)size;
    size_t *left = ctx;
    return (*left)-- != 0;
}

START_TEST(every_failed_allocation_is_reported)
{
    static const char json[] =
        "{\"_id\":\"\\u00e9\",\"a\":{\"x\":1,\"x\":[1,2,300000000000000000000000000000000000000000]"
        "},"
        "\"f\":0.30000000000000004,\"_revisions\":{\"start\":2,\"ids\":[\"" HEX_A
        "\",\"\\u0062\"]},"
        "\"_rev\":\"1-a\",\"_attachments\":{\"\\u0061\":{\"data\":\"\\u0059Q==\"},\"b\":{\"stub\":"
        "true,"
        "\"digest\":\"md5-EViFEOBH26O0rin93lnbEg==\"},\"b\":{\"follows\":true}}}";
    size_t k = 0;
    for (;; k++) {
        ck_assert_uint_lt(k, 200);
        size_t left = k;
        struct scanned_doc doc;
        tufi_alloc_set_hook(fail_at, &left);
        tuf_status st = tufi_docscan(&doc, tuf_str(json), DOCSCAN_ETF);
        tufi_alloc_set_hook(NULL, NULL);
        if (st == TUF_OK) {
            tufi_docscan_release(&doc);
            break;
        }
        ck_assert_int_eq(st, TUF_E_NOMEM);
        ck_assert_ptr_null(doc.body.data);
    }
    ck_assert_uint_gt(k, 5);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json docscan");
    TCase *members = tcase_create("members");
    tcase_add_loop_test(members, mistakes_are_named_as_couchdb_names_them, 0, COUNT(refused_docs));
    tcase_add_loop_test(members, body_is_what_is_not_special, 0, COUNT(bodies));
    tcase_add_test(members, term_is_made_only_on_demand);
    tcase_add_test(members, id_is_decoded);
    tcase_add_test(members, last_of_repeated_special_members_counts);
    tcase_add_test(members, rev_is_parsed);
    tcase_add_test(members, revisions_are_listed_newest_first);
    tcase_add_test(members, thousands_of_revisions_are_listed);
    tcase_add_test(members, revisions_win_over_rev);
    suite_add_tcase(suite, members);
    TCase *atts = tcase_create("attachments");
    tcase_add_test(atts, inline_attachment_is_found);
    tcase_add_test(atts, data_may_have_escapes);
    tcase_add_test(atts, stub_keeps_what_it_says);
    tcase_add_test(atts, members_of_the_wrong_type_are_passed_over);
    tcase_add_test(atts, attachments_keep_their_order);
    tcase_add_test(atts, last_of_equal_attachment_names_counts);
    tcase_add_test(atts, large_attachment_does_not_stay_in_the_body);
    suite_add_tcase(suite, atts);
    TCase *limits = tcase_create("limits");
    tcase_add_loop_test(limits, body_size_is_counted_as_couchdb_counts, 0, COUNT(sizes));
    tcase_add_test(limits, a_thousand_levels_below_the_document_are_allowed);
    tcase_add_test(limits, every_failed_allocation_is_reported);
    suite_add_tcase(suite, limits);
    return tuft_run(suite);
}
