/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: verify everything a snapshot reaches: nodes, counts, records, revision trees, attachments.
 *
 * What is verified, beyond the trees' own invariants (tufi_btree_check):
 *   - by-id and by-seq hold the same documents with the same values; sequences are unique and none
 *     is greater than update_seq;
 *   - leaves stand in winning order; each has a readable record of this document and revision;
 *   - the revision tree read from the records has exactly these leaves, and the path length of a
 *     lone leaf is right (with several leaves it is an estimate);
 *   - every attachment has the length and MD5 that its record states;
 *   - local documents can be read.
 * A damaged place is reported and the rest is still checked.
 */
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "base/alloc.h"
#include "engine/doc.h"
#include "tuffet/check.h"

struct checking {
    tuf_snapshot *snapshot;
    const tuf_check_options *opts;
    tuf_check_report *report;
    uint64_t steps_done, steps_total; /* entries visited, for the progress call */
    tuf_slice id;                     /* document at hand */
    tuf_doc *doc;
    tuf_status stop;                  /* what ends the check early */
};

static void report_text(struct checking *k, uint64_t off, const char *text)
{
    k->report->finding_count++;
    tuf_finding finding = { .file_off = off, .id = k->id, .text = text };
    if (k->opts->found)
        k->opts->found(&finding, k->opts->ctx);
}

/* Reports a failure to read. Returns it again if it is none of the file's. */
static tuf_status report_failure(struct checking *k, tuf_status st)
{
    if (st != TUF_E_CORRUPT && st != TUF_E_INVALID && st != TUF_E_IO)
        return st;
    tuf_error error = *tuf_last_error();
    report_text(k, error.file_off, error.text);
    return TUF_OK;
}

static void report_btree(void *ctx, const struct btree_finding *finding)
{
    struct checking *k = ctx;
    k->id = tuf_slice_of(NULL, 0);
    report_text(k, finding->off > 0 ? finding->off : UINT64_MAX, finding->text);
}

static tuf_status step(struct checking *k)
{
    k->steps_done++;
    if (!k->opts->progress || k->steps_done % 256 != 0)
        return TUF_OK;
    return k->opts->progress(k->steps_done, k->steps_total, k->opts->ctx) ? TUF_STOPPED : TUF_OK;
}

static tuf_status digest_attachment(struct checking *k, tuf_att_reader *reader, uint8_t md5[16],
                                    uint64_t *len_out)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    TUF_AUTOFREE uint8_t *buf = tufi_alloc(ATT_CHUNK_SIZE);
    tuf_status st = md && buf && EVP_DigestInit_ex(md, EVP_md5(), NULL) ? TUF_OK : tufi_nomem();
    *len_out = 0;
    while (st == TUF_OK) {
        size_t len;
        st = tuf_att_read(&len, reader, buf, ATT_CHUNK_SIZE);
        if (st == TUF_OK) {
            EVP_DigestUpdate(md, buf, len);
            *len_out += len;
            k->report->bytes_checked += len;
        }
    }
    unsigned size = 16;
    if (st == TUF_END && md && EVP_DigestFinal_ex(md, md5, &size))
        st = TUF_OK;
    EVP_MD_CTX_free(md);
    return st;
}

static tuf_status check_attachment(struct checking *k, size_t pos)
{
    tuf_att_info info;
    TUF_AUTO(tuf_att_reader_free) tuf_att_reader *reader = NULL;
    tuf_status st = tuf_doc_att(&info, k->doc, pos);
    if (st == TUF_OK)
        st = tuf_att_open(&reader, k->doc, pos, TUF_ATT_STORED);
    uint8_t md5[16] = { 0 };
    uint64_t len = 0;
    if (st == TUF_OK)
        st = digest_attachment(k, reader, md5, &len);
    if (st < 0)
        return report_failure(k, st);
    k->report->atts_checked++;
    if (len != info.encoded_length)
        report_text(k, k->doc->loc.off, "attachment has another length than its record says");
    else if (memcmp(md5, info.md5, sizeof(md5)) != 0)
        report_text(k, k->doc->loc.off, "attachment does not have its record's digest");
    return TUF_OK;
}

static tuf_status check_leaf(struct checking *k, const tuf_docinfo *info, size_t pos)
{
    tuf_status st = tuf_doc_open_leaf(&k->doc, k->snapshot, info, pos);
    if (st < 0)
        return report_failure(k, st);
    k->report->revs_checked++;
    k->report->bytes_checked += k->doc->loc.len;
    const struct leafinfo *leaf = &k->doc->info.leaves[pos];
    if (leaf->deleted != k->doc->deleted)
        report_text(k, leaf->rec.off, "index and record disagree whether it is deleted");
    if (leaf->has_atts != (k->doc->view.rec.att_count > 0))
        report_text(k, leaf->rec.off, "index and record disagree whether it has attachments");
    for (size_t i = 0; st == TUF_OK && i < tuf_doc_att_count(k->doc); i++)
        st = check_attachment(k, i);
    return st;
}

static void compare_leaves(struct checking *k, const struct docinfo *info,
                           const struct revtree *tree, const size_t *positions, size_t count)
{
    if (count != info->leaf_count) {
        report_text(k, info->tree.off, "revision tree has another number of leaves");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct rev_node *node = &tree->nodes[positions[i]];
        const struct leafinfo *leaf = &info->leaves[i];
        if (tuf_rev_compare(node->rev, leaf->rev) != 0)
            report_text(k, info->tree.off, "revision tree has another leaf");
        else if (node->rec_off != leaf->rec.off)
            report_text(k, info->tree.off, "revision tree has a leaf at another place");
        else if (count == 1 && tufi_revtree_path_len(tree, positions[i]) != leaf->path_len)
            report_text(k, info->tree.off, "a path of the revision tree has another length");
    }
}

static tuf_status check_history(struct checking *k, const struct docinfo *info)
{
    TUF_AUTO(tufi_revtree_release) struct revtree tree = REVTREE_INIT;
    TUF_AUTOFREE size_t *positions = NULL;
    size_t count = 0;
    tuf_status st = tufi_history_load(&tree, &k->snapshot->store->log, info);
    if (st == TUF_OK)
        st = tufi_revtree_leaves(&positions, &count, &tree);
    if (st < 0)
        return report_failure(k, st);
    compare_leaves(k, info, &tree, positions, count);
    return TUF_OK;
}

static void check_order(struct checking *k, const struct docinfo *info)
{
    for (size_t i = 1; i < info->leaf_count; i++)
        if (tufi_rev_rank(info->leaves[i - 1].rev, info->leaves[i - 1].deleted,
                          info->leaves[i].rev, info->leaves[i].deleted) >= 0)
            report_text(k, UINT64_MAX, "leaves are not in winning order");
}

/* INV-DI-2: the document's row in by-seq is the same. */
static tuf_status check_row(struct checking *k, tuf_slice id, const struct docinfo *info,
                            tuf_slice value)
{
    uint8_t key[8];
    put_be64(key, info->seq);
    struct btree_env *env = k->snapshot->store->env;
    struct btree_pin pin = BTREE_PIN_INIT;
    tuf_slice row, row_id, row_value;
    tuf_status st = tufi_btree_find(env, snapshot_tree(k->snapshot, TREE_BY_SEQ),
                                    tuf_slice_of(key, sizeof(key)), &row, &pin);
    if (st == TUF_OK)
        st = tufi_seqinfo_split(&row_id, &row_value, row);
    if (st == TUF_NOT_FOUND)
        report_text(k, UINT64_MAX, "document is missing in the index by sequence");
    else if (st == TUF_OK && (!slice_equal(row_id, id) || !slice_equal(row_value, value)))
        report_text(k, UINT64_MAX, "indexes by id and by sequence differ");
    tufi_btree_unpin(env, &pin);
    if (info->seq > snapshot_view(k->snapshot)->update_seq)
        report_text(k, UINT64_MAX, "document has a sequence from the future");
    return st < 0 ? report_failure(k, st) : TUF_OK;
}

static tuf_status check_doc(struct checking *k, tuf_slice id, const struct docinfo *info,
                            tuf_slice value)
{
    struct info_source source = { .value = value, .info = info };
    tuf_docinfo shown = { .id = id, .leaf_count = info->leaf_count, .priv = &source };
    k->report->docs_checked++;
    check_order(k, info);
    tuf_status st = check_row(k, id, info, value);
    if (st == TUF_OK)
        st = check_history(k, info);
    for (size_t i = 0; st == TUF_OK && i < info->leaf_count; i++)
        st = check_leaf(k, &shown, i);
    return st;
}

static tuf_status check_id_entry(void *ctx, tuf_slice key, tuf_slice value)
{
    struct checking *k = ctx;
    TUF_AUTO(tufi_docinfo_release) struct docinfo info;
    tufi_docinfo_init(&info);
    k->id = key;
    tuf_status st = tufi_docinfo_decode(&info, value);
    st = st < 0 ? report_failure(k, st) : check_doc(k, key, &info, value);
    if (st == TUF_OK)
        st = step(k);
    return k->stop = st;
}

static tuf_status check_local_entry(void *ctx, tuf_slice key, tuf_slice value)
{
    struct checking *k = ctx;
    k->id = key;
    if (key.len == 0 || key.data[0] != LOCAL_KEY_DOC)
        return TUF_OK;
    struct info_source source = { .is_local = true };
    tuf_docinfo shown = { .id = key, .priv = &source };
    tuf_status st = tufi_localinfo_decode(&source.local, value);
    if (st == TUF_OK)
        st = tuf_doc_open_leaf(&k->doc, k->snapshot, &shown, 0);
    st = st < 0 ? report_failure(k, st) : step(k);
    return k->stop = st;
}

static tuf_status check_purge_entry(void *ctx, tuf_slice key, tuf_slice value)
{
    struct checking *k = ctx;
    struct reader in = reader_of(value);
    TUF_AUTOFREE tuf_rev *revs = NULL;
    size_t count;
    k->id = read_sized(&in);
    tuf_status st = tufi_revlist_decode(&revs, &count, read_bytes(&in, reader_left(&in)),
                                        UINT64_MAX);
    if (key.len != 8 || get_be64(key.data) > snapshot_view(k->snapshot)->purge_seq)
        report_text(k, UINT64_MAX, "entry of the purge log has an impossible number");
    return k->stop = st < 0 ? report_failure(k, st) : TUF_OK;
}

typedef tuf_status entry_visitor(void *ctx, tuf_slice key, tuf_slice value);

static tuf_status check_tree(struct checking *k, enum tree_kind kind, entry_visitor *visitor)
{
    struct btree_check_sink sink = { .found = report_btree, .entry = visitor, .ctx = k };
    tuf_status st = tufi_btree_check(k->snapshot->store->env, snapshot_tree(k->snapshot, kind),
                                     &sink);
    k->id = tuf_slice_of(NULL, 0);
    if (k->stop != TUF_OK)
        return k->stop;
    return st < 0 ? report_failure(k, st) : st;
}

static tuf_status check_all(struct checking *k)
{
    tuf_status st = check_tree(k, TREE_BY_ID, check_id_entry);
    if (st == TUF_OK)
        st = check_tree(k, TREE_BY_SEQ, NULL);
    if (st == TUF_OK)
        st = check_tree(k, TREE_LOCAL, check_local_entry);
    if (st == TUF_OK)
        st = check_tree(k, TREE_PURGE, check_purge_entry);
    if (st != TUF_OK)
        return st;
    if (snapshot_tree(k->snapshot, TREE_BY_ID)->entry_count !=
        snapshot_tree(k->snapshot, TREE_BY_SEQ)->entry_count)
        report_text(k, UINT64_MAX, "indexes by id and by sequence have different sizes");
    return TUF_OK;
}

tuf_status tuf_check(tuf_check_report *report, tuf_snapshot *snapshot,
                     const tuf_check_options *opts)
{
    tufi_error_clear();
    static const tuf_check_options quiet = TUF_CHECK_OPTIONS_INIT;
    memset(report, 0, sizeof(*report));
    struct checking k = {
        .snapshot = snapshot,
        .opts = opts ? opts : &quiet,
        .report = report,
        .steps_total = snapshot_tree(snapshot, TREE_BY_ID)->entry_count +
                       snapshot_tree(snapshot, TREE_LOCAL)->entry_count,
    };
    tuf_status st = check_all(&k);
    tuf_doc_free(&k.doc);
    return st;
}
