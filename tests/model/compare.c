/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: comparisons of the library with the reference (compare.h): documents one by one.
 *
 * Not here: lists and ranges (compare_lists.c).
 */
#include "tests/model/compare.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "tests/model/expect.h"

char compare_why[COMPARE_WHY_SIZE];

tuf_rev compare_rev(const struct ref_rev *rev)
{
    return (tuf_rev){ rev->gen, tuf_slice_of(rev->id, rev->len) };
}

bool compare_info(tuf_snapshot *s, const struct ref_db *db)
{
    tuf_db_info info = { .struct_size = sizeof(info) };
    EXPECT_OK(tuf_snapshot_info(&info, s), "info");
    uint64_t live = ref_live_count(db), locals = 0;
    for (size_t i = 0; i < REF_LOCALS; i++)
        locals += db->locals[i].exists;
    EXPECT_NUMBER(info.update_seq, db->update_seq, "update_seq");
    EXPECT_NUMBER(info.purge_seq, db->purge_seq, "purge_seq");
    EXPECT_NUMBER(info.doc_count, live, "doc_count");
    EXPECT_NUMBER(info.doc_del_count, db->doc_count - live, "doc_del_count");
    EXPECT_NUMBER(info.local_count, locals, "local_count");
    EXPECT_NUMBER(info.revs_limit, db->revs_limit, "revs_limit");
    EXPECT_NUMBER(info.purged_infos_limit, db->purged_infos_limit, "purged_infos_limit");
    return true;
}

static bool read_stream(const tuf_doc *doc, size_t pos, unsigned flags, const uint8_t *want,
                        size_t want_len, const char *what)
{
    TUF_AUTO(tuf_att_reader_free) tuf_att_reader *reader = NULL;
    EXPECT_OK(tuf_att_open(&reader, doc, pos, flags), what);
    size_t at = 0;
    uint8_t buf[1000];
    tuf_status st;
    size_t len;
    while ((st = tuf_att_read(&len, reader, buf, sizeof(buf))) == TUF_OK) {
        EXPECT(len > 0 && len <= want_len - at && memcmp(buf, want + at, len) == 0,
               "%s: other bytes at %zu", what, at);
        at += len;
    }
    EXPECT_STATUS(st, TUF_END, what);
    EXPECT_NUMBER(at, want_len, what);
    return true;
}

static bool compare_att(const tuf_doc *doc, size_t pos, const struct ref_att *att, int gzip_level)
{
    tuf_att_info info;
    EXPECT_OK(tuf_doc_att(&info, doc, pos), "attachment");
    uint8_t *stored, md5[16];
    size_t stored_len;
    bool gzip = ref_att_stored(&stored, &stored_len, att, gzip_level);
    uint8_t *plain = malloc(att->len + 1);
    if (!plain)
        abort();
    ref_att_bytes(plain, att);
    EVP_Digest(stored, stored_len, md5, NULL, EVP_md5(), NULL);
    const char *name = ref_att_name(att->name), *type = ref_type_text(att->type);
    size_t found = SIZE_MAX;
    bool same = info.name.len == strlen(name) && memcmp(info.name.data, name, info.name.len) == 0 &&
                info.type.len == strlen(type) && memcmp(info.type.data, type, info.type.len) == 0 &&
                info.revpos == att->revpos && info.length == att->len &&
                info.encoded_length == stored_len && info.gzip == gzip &&
                memcmp(info.md5, md5, sizeof(md5)) == 0 &&
                tuf_doc_find_att(&found, doc, tuf_str(name)) == TUF_OK && found == pos;
    bool good = same && read_stream(doc, pos, TUF_ATT_STORED, stored, stored_len, "stored bytes") &&
                read_stream(doc, pos, TUF_ATT_DECODED, plain, att->len, "decoded bytes");
    free(stored);
    free(plain);
    EXPECT(same,
           "attachment %zu is %.*s revpos %" PRIu64 " length %" PRIu64 "/%" PRIu64
           " gzip %d, expected %s revpos %" PRIu64 " length %u/%zu gzip %d",
           pos, (int)info.name.len, (const char *)info.name.data, info.revpos, info.length,
           info.encoded_length, info.gzip, name, att->revpos, att->len, stored_len, gzip);
    return good;
}

/* An open document against the node of its revision. */
static bool compare_open(tuf_doc *doc, const struct ref_db *db, const struct ref_doc *want,
                         const struct ref_node *node)
{
    tuf_rev rev = tuf_doc_rev(doc);
    EXPECT(tuf_rev_compare(rev, compare_rev(&node->rev)) == 0, "%s: another revision is open",
           ref_id_text(want->id));
    EXPECT_NUMBER(tuf_doc_deleted(doc), node->deleted, "deleted");
    char body[REF_BODY_SIZE_MAX];
    ref_body_text(body, node->body);
    tuf_slice got = tuf_doc_body(doc);
    EXPECT(got.len == strlen(body) && memcmp(got.data, body, got.len) == 0,
           "%s: body %.*s, expected %s", ref_id_text(want->id), (int)got.len,
           (const char *)got.data, body);
    EXPECT_NUMBER(tuf_doc_att_count(doc), node->att_count, "attachments");
    for (size_t i = 0; i < node->att_count; i++)
        if (!compare_att(doc, i, &node->atts[i], db->gzip_level))
            return false;
    return true;
}

static bool compare_history(tuf_doc *doc, const struct ref_doc *want, const struct ref_path *path,
                            size_t from)
{
    const tuf_rev_entry *revs = NULL;
    size_t count = 0;
    EXPECT_OK(tuf_doc_revisions(&revs, &count, doc), "revisions");
    EXPECT(count == path->count - from, "%s: %zu revisions, expected %zu", ref_id_text(want->id),
           count, path->count - from);
    for (size_t i = 0; i < count; i++) {
        const struct ref_node *node = ref_node_of(want, &path->revs[from + i]);
        tuf_rev_status status = !node->stored   ? TUF_REV_MISSING
                                : node->deleted ? TUF_REV_IS_DELETED
                                                : TUF_REV_AVAILABLE;
        EXPECT(tuf_rev_compare(revs[i].rev, compare_rev(&node->rev)) == 0,
               "%s: revision %zu of the history is another", ref_id_text(want->id), i);
        EXPECT_NUMBER(revs[i].status, status, "status of an old revision");
    }
    return true;
}

static bool compare_docinfo(const tuf_docinfo *info, const struct ref_doc *want)
{
    const char *id = ref_id_text(want->id);
    EXPECT(info->id.len == strlen(id) && memcmp(info->id.data, id, info->id.len) == 0,
           "entry of %.*s, expected %s", (int)info->id.len, (const char *)info->id.data, id);
    EXPECT_NUMBER(info->seq, want->seq, id);
    EXPECT_NUMBER(info->deleted, ref_winner(want)->deleted, id);
    EXPECT_NUMBER(info->leaf_count, want->path_count, "leaves");
    for (size_t i = 0; i < info->leaf_count; i++) {
        const struct ref_node *leaf = ref_node_of(want, &want->paths[i].revs[0]);
        EXPECT(tuf_rev_compare(info->leaves[i].rev, compare_rev(&leaf->rev)) == 0 &&
                   info->leaves[i].deleted == leaf->deleted,
               "%s: leaf %zu is another", id, i);
    }
    return true;
}

bool expect_docinfo(const tuf_docinfo *info, const struct ref_doc *want)
{
    return compare_docinfo(info, want);
}

/* Every revision the tree knows, by its name. */
static bool compare_by_rev(tuf_doc **doc, tuf_snapshot *s, const struct ref_db *db,
                           const struct ref_doc *want)
{
    for (size_t i = 0; i < want->node_count; i++) {
        const struct ref_node *node = &want->nodes[i];
        tuf_rev rev = compare_rev(&node->rev);
        tuf_status st = tuf_doc_open(doc, s, tuf_str(ref_id_text(want->id)), &rev);
        EXPECT_STATUS(st, node->stored ? TUF_OK : TUF_NOT_FOUND, "opening a revision");
        if (st != TUF_OK)
            continue;
        if (!compare_open(*doc, db, want, node))
            return false;
        for (size_t p = 0; p < want->path_count; p++) {
            size_t at = 0;
            while (at < want->paths[p].count &&
                   ref_rev_compare(&want->paths[p].revs[at], &node->rev) != 0)
                at++;
            if (at < want->paths[p].count && !compare_history(*doc, want, &want->paths[p], at))
                return false;
        }
    }
    return true;
}

bool compare_doc(tuf_snapshot *s, const struct ref_db *db, uint8_t id, bool deep)
{
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    const struct ref_doc *want = ref_find(db, id);
    tuf_slice name = tuf_str(ref_id_text(id));
    tuf_status st = tuf_doc_open(&doc, s, name, NULL);
    tuf_status want_st = !want ? TUF_NOT_FOUND : ref_winner(want)->deleted ? TUF_DELETED : TUF_OK;
    EXPECT_STATUS(st, want_st, ref_id_text(id));
    if (st == TUF_OK && !(compare_open(doc, db, want, ref_winner(want)) &&
                          compare_docinfo(tuf_doc_info(doc), want) &&
                          compare_history(doc, want, &want->paths[0], 0)))
        return false;
    EXPECT_STATUS(tuf_doc_find_info(&doc, s, name), want ? TUF_OK : TUF_NOT_FOUND, "find_info");
    if (!want)
        return true;
    if (!compare_docinfo(tuf_doc_info(doc), want))
        return false;
    TUF_AUTO(tuf_doc_free) tuf_doc *other = NULL;
    for (size_t i = 0; i < want->path_count; i++) {
        EXPECT_OK(tuf_doc_open_leaf(&other, s, tuf_doc_info(doc), i), "opening a leaf");
        if (!compare_open(other, db, want, ref_node_of(want, &want->paths[i].revs[0])) ||
            !compare_history(other, want, &want->paths[i], 0))
            return false;
    }
    return !deep || compare_by_rev(&other, s, db, want);
}

bool compare_local(tuf_snapshot *s, const struct ref_db *db, uint8_t id)
{
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    const struct ref_local *want = &db->locals[id];
    tuf_status st = tuf_doc_open(&doc, s, tuf_str(ref_local_text(id)), NULL);
    EXPECT_STATUS(st, want->exists ? TUF_OK : TUF_NOT_FOUND, ref_local_text(id));
    if (st != TUF_OK)
        return true;
    char body[REF_BODY_SIZE_MAX];
    ref_body_text(body, want->body);
    tuf_slice got = tuf_doc_body(doc);
    EXPECT(got.len == strlen(body) && memcmp(got.data, body, got.len) == 0,
           "%s: body %.*s, expected %s", ref_local_text(id), (int)got.len, (const char *)got.data,
           body);
    EXPECT_NUMBER(tuf_doc_info(doc)->local_rev, want->rev, "local revision");
    return true;
}

/* A random revision of the document or of nobody. */
static struct ref_rev some_rev(const struct ref_doc *doc, struct rng *rng)
{
    if (rng_chance(rng, 4)) {
        struct ref_rev none = { .gen = 1 + rng_below(rng, 5), .len = 16 };
        rng_fill(rng, none.id, sizeof(none.id));
        return none;
    }
    return doc->nodes[rng_below(rng, doc->node_count)].rev;
}

static bool below(const struct ref_path *path, const struct ref_rev *rev)
{
    for (size_t i = 0; i < path->count; i++)
        if (ref_rev_compare(&path->revs[i], rev) == 0)
            return true;
    return false;
}

bool compare_known(tuf_snapshot *s, const struct ref_db *db, uint8_t id, struct rng *rng)
{
    enum { COUNT = 6 };
    const struct ref_doc *want = ref_find(db, id);
    if (!want)
        return true;
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    EXPECT_OK(tuf_doc_find_info(&doc, s, tuf_str(ref_id_text(id))), "find_info");
    struct ref_rev asked[COUNT];
    tuf_rev revs[COUNT];
    bool found[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        asked[i] = some_rev(want, rng);
        revs[i] = compare_rev(&asked[i]);
    }
    EXPECT_OK(tuf_doc_known_revs(found, doc, revs, COUNT), "known_revs");
    for (size_t i = 0; i < COUNT; i++)
        EXPECT_NUMBER(found[i], ref_node_of(want, &asked[i]) != NULL, "known revision");
    size_t positions[64], count = 0, want_count = 0;
    if (want->path_count > 64)
        return true;
    EXPECT_OK(tuf_doc_leaves_below(positions, &count, doc, revs[0]), "leaves_below");
    for (size_t p = 0; p < want->path_count; p++) {
        if (!below(&want->paths[p], &asked[0]))
            continue;
        bool listed = false;
        for (size_t i = 0; i < count; i++)
            listed |= positions[i] == p;
        EXPECT(listed, "%s: leaf %zu is below, and not listed", ref_id_text(id), p);
        want_count++;
    }
    EXPECT_NUMBER(count, want_count, "leaves below");
    return true;
}
