/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the effect of one record on the trees. Commits and replay after a crash go through the same
 * functions, so that recovery cannot come to another result than the commit did.
 *
 * INV-AP-1: the effect depends on the record, its place and the trees before it, on nothing else.
 *
 * Not here: the decision whether an edit is accepted, and the making of its record (place.c).
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "engine/edit.h"
#include "engine/revtree.h"

tuf_status tufi_find_docinfo(struct btree_env *env, const struct btree *by_id, tuf_slice id,
                             struct buf *value, struct docinfo *info)
{
    struct btree_pin pin = BTREE_PIN_INIT;
    tuf_slice found;
    tuf_status st = tufi_btree_find(env, by_id, id, &found, &pin);
    if (st != TUF_OK)
        return st;
    tufi_buf_clear(value);
    buf_append_slice(value, found);
    tufi_btree_unpin(env, &pin);
    st = buf_status(value);
    return st < 0 ? st : tufi_docinfo_decode(info, buf_slice(value));
}

static uint64_t external_size(const struct docrec *rec)
{
    uint64_t size = rec->body_len;
    for (size_t i = 0; i < rec->att_count; i++)
        size += rec->atts[i].data.length;
    return size;
}

static struct leafinfo leaf_of(const struct docrec *rec, struct rec_loc loc)
{
    struct leafinfo leaf = {
        .rev = rec->rev,
        .deleted = rec->deleted,
        .has_atts = rec->att_count > 0,
        .rec = loc,
        .path_len = rec->path_len,
        .size_external = external_size(rec),
    };
    for (size_t i = 0; i < rec->att_count; i++)
        leaf.att_size += rec->atts[i].data.encoded_length;
    return leaf;
}

/* Whether a leaf is on the path that the record lists. */
static bool is_ancestor(const struct docrec *rec, const struct leafinfo *leaf)
{
    if (leaf->rev.gen >= rec->rev.gen)
        return false;
    uint64_t distance = rec->rev.gen - leaf->rev.gen;
    return distance <= rec->ancestor_count &&
           slice_equal(rec->ancestors[distance - 1], leaf->rev.id);
}

static void remove_leaf_at(struct docinfo *info, size_t pos)
{
    memmove(&info->leaves[pos], &info->leaves[pos + 1],
            (info->leaf_count - pos - 1) * sizeof(info->leaves[0]));
    info->leaf_count--;
}

/* Takes out the leaves on the record's path (a path may join two roots) and puts in its own. */
static tuf_status update_leaves(struct docinfo *info, const struct docrec *rec,
                                struct rec_loc loc)
{
    for (size_t i = info->leaf_count; i > 0; i--)
        if (is_ancestor(rec, &info->leaves[i - 1]))
            remove_leaf_at(info, i - 1);
    tuf_status st = tufi_docinfo_reserve(info, info->leaf_count + 1);
    if (st < 0)
        return st;
    size_t pos = 0;
    while (pos < info->leaf_count &&
           tufi_rev_rank(info->leaves[pos].rev, info->leaves[pos].deleted, rec->rev,
                         rec->deleted) < 0)
        pos++;
    memmove(&info->leaves[pos + 1], &info->leaves[pos],
            (info->leaf_count - pos) * sizeof(info->leaves[0]));
    info->leaves[pos] = leaf_of(rec, loc);
    info->leaf_count++;
    return TUF_OK;
}

static bool same_place(struct rec_loc a, struct rec_loc b)
{
    return a.off == b.off;
}

/* Replaces a document's entries in both indexes. */
tuf_status tufi_apply_put_entries(struct btree_txn *txn, tuf_slice id, uint64_t old_seq,
                                  uint64_t seq, tuf_slice docinfo)
{
    TUF_AUTO(tufi_buf_release) struct buf row = BUF_INIT;
    uint8_t key[8];
    tuf_status st = tufi_btree_put(txn, TREE_BY_ID, id, docinfo);
    if (st == TUF_OK && old_seq > 0) {
        put_be64(key, old_seq);
        st = tufi_btree_remove(txn, TREE_BY_SEQ, tuf_slice_of(key, sizeof(key)));
        if (st == TUF_NOT_FOUND)
            return tufi_corrupt(UINT64_MAX, "by-seq lacks sequence %llu",
                                (unsigned long long)old_seq);
    }
    if (st != TUF_OK)
        return st;
    tufi_seqinfo_encode(&row, id, docinfo);
    if (row.failed)
        return tufi_nomem();
    put_be64(key, seq);
    return tufi_btree_put(txn, TREE_BY_SEQ, tuf_slice_of(key, sizeof(key)), buf_slice(&row));
}

tuf_status tufi_apply_doc_info(struct btree_txn *txn, struct db_view *now,
                               const struct docrec *rec, struct rec_loc loc,
                               struct docinfo *info)
{
    uint64_t old_seq = info->leaf_count > 0 ? info->seq : 0;
    if (rec->prev.off == 0)
        info->chain_len = 1;
    else
        info->chain_len = same_place(rec->prev, info->tree) ? info->chain_len + 1 : 2;
    info->seq = rec->seq;
    info->tree = loc;
    info->node_count = rec->node_count;
    tuf_status st = update_leaves(info, rec, loc);
    if (st < 0)
        return st;
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    tufi_docinfo_encode(&value, info);
    if (value.failed)
        return tufi_nomem();
    st = tufi_apply_put_entries(txn, rec->id, old_seq, rec->seq, buf_slice(&value));
    if (st == TUF_OK)
        now->update_seq = rec->seq;
    return st;
}

tuf_status tufi_apply_doc(struct btree_txn *txn, struct db_view *now, const struct docrec *rec,
                          struct rec_loc loc)
{
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    TUF_AUTO(tufi_docinfo_release) struct docinfo info;
    tufi_docinfo_init(&info);
    if (rec->seq <= now->update_seq)
        return tufi_corrupt(loc.off, "sequence %llu comes after %llu",
                            (unsigned long long)rec->seq, (unsigned long long)now->update_seq);
    const struct btree *by_id = tufi_btree_txn_tree(txn, TREE_BY_ID);
    tuf_status st = tufi_find_docinfo(tufi_btree_txn_env(txn), by_id, rec->id, &value, &info);
    if (st != TUF_OK && st != TUF_NOT_FOUND)
        return st;
    return tufi_apply_doc_info(txn, now, rec, loc, &info);
}

static tuf_status remove_row(struct btree_txn *txn, enum tree_kind kind, tuf_slice key)
{
    tuf_status st = tufi_btree_remove(txn, kind, key);
    return st == TUF_NOT_FOUND ? TUF_OK : st;
}

tuf_status tufi_apply_local(struct btree_txn *txn, const struct localrec *rec, struct rec_loc loc)
{
    TUF_AUTO(tufi_buf_release) struct buf key = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    buf_append_u8(&key, LOCAL_KEY_DOC);
    buf_append_slice(&key, rec->id);
    struct localinfo info = { .rev = rec->rev, .rec = loc };
    tufi_localinfo_encode(&value, &info);
    if (key.failed || value.failed)
        return tufi_nomem();
    if (rec->removed)
        return remove_row(txn, TREE_LOCAL, buf_slice(&key));
    return tufi_btree_put(txn, TREE_LOCAL, buf_slice(&key), buf_slice(&value));
}

static void set_limit(uint32_t *limit, uint32_t by_default, tuf_slice value)
{
    struct reader in = reader_of(value);
    uint64_t number = read_varint(&in);
    *limit = in.bad || number == 0 || number > UINT32_MAX ? by_default : (uint32_t)number;
}

static void set_size_compacted(struct db_view *now, tuf_slice value)
{
    struct heirinfo note;
    now->size_compacted = tufi_heirinfo_decode(&note, value) == TUF_OK ? note.size : 0;
}

static void set_setting(struct db_view *now, tuf_slice key, tuf_slice value)
{
    if (slice_is(key, "Crevs_limit"))
        set_limit(&now->revs_limit, REVS_LIMIT_DEFAULT, value);
    else if (slice_is(key, "Cpurged_infos_limit"))
        set_limit(&now->purged_infos_limit, PURGED_INFOS_LIMIT_DEFAULT, value);
    else if (slice_is(key, HEIR_KEY))
        set_size_compacted(now, value);
}

tuf_status tufi_apply_meta(struct btree_txn *txn, struct db_view *now, const struct metarec *rec)
{
    set_setting(now, rec->key, rec->value);
    if (rec->removed)
        return remove_row(txn, TREE_LOCAL, rec->key);
    return tufi_btree_put(txn, TREE_LOCAL, rec->key, rec->value);
}

tuf_status tufi_load_settings(struct btree_env *env, const struct btree *local,
                              struct db_view *now)
{
    static const char *const keys[] = { "Crevs_limit", "Cpurged_infos_limit", HEIR_KEY };
    now->revs_limit = REVS_LIMIT_DEFAULT;
    now->purged_infos_limit = PURGED_INFOS_LIMIT_DEFAULT;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct btree_pin pin = BTREE_PIN_INIT;
        tuf_slice value;
        tuf_status st = tufi_btree_find(env, local, tuf_str(keys[i]), &value, &pin);
        if (st < 0)
            return st;
        if (st == TUF_OK)
            set_setting(now, tuf_str(keys[i]), value);
        tufi_btree_unpin(env, &pin);
    }
    return TUF_OK;
}

/* A crafted file may purge what is not there. */
static tuf_status expect_row(tuf_status st, const char *what)
{
    return st == TUF_NOT_FOUND ? tufi_corrupt(UINT64_MAX, "a purge finds no %s", what) : st;
}

/* Drops the oldest entries of the purge log beyond the limit. */
static tuf_status trim_purge_log(struct btree_txn *txn, const struct db_view *now)
{
    struct btree *log = tufi_btree_txn_tree(txn, TREE_PURGE);
    while (log->entry_count > now->purged_infos_limit) {
        uint8_t key[8];
        put_be64(key, now->purge_seq - (log->entry_count - 1));
        tuf_status st = tufi_btree_remove(txn, TREE_PURGE, tuf_slice_of(key, sizeof(key)));
        if (st != TUF_OK)
            return expect_row(st, "oldest entry of the purge log");
    }
    return TUF_OK;
}

static tuf_status replace_purged_doc(struct btree_txn *txn, struct db_view *now,
                                     const struct purgerec *rec)
{
    if (rec->stays)
        return TUF_OK; /* none of the revisions was a leaf */
    TUF_AUTO(tufi_buf_release) struct buf value = BUF_INIT;
    TUF_AUTO(tufi_docinfo_release) struct docinfo info;
    tufi_docinfo_init(&info);
    const struct btree *by_id = tufi_btree_txn_tree(txn, TREE_BY_ID);
    tuf_status st = tufi_find_docinfo(tufi_btree_txn_env(txn), by_id, rec->id, &value, &info);
    if (st == TUF_NOT_FOUND && rec->seq == 0)
        return TUF_OK; /* a purge that happened elsewhere (tuf_db_restore_purges) */
    if (st != TUF_OK)
        return expect_row(st, "such document");
    if (rec->seq > 0) {
        st = tufi_apply_put_entries(txn, rec->id, info.seq, rec->seq, rec->docinfo);
        now->update_seq = rec->seq;
        return st;
    }
    uint8_t key[8];
    put_be64(key, info.seq);
    st = tufi_btree_remove(txn, TREE_BY_SEQ, tuf_slice_of(key, sizeof(key)));
    if (st == TUF_OK)
        st = tufi_btree_remove(txn, TREE_BY_ID, rec->id);
    return expect_row(st, "row of the document");
}

tuf_status tufi_apply_purge(struct btree_txn *txn, struct db_view *now,
                            const struct purgerec *rec)
{
    TUF_AUTO(tufi_buf_release) struct buf row = BUF_INIT;
    uint8_t key[8];
    write_sized(&row, rec->id);
    buf_append_slice(&row, rec->revs);
    if (row.failed)
        return tufi_nomem();
    tuf_status st = replace_purged_doc(txn, now, rec);
    if (st < 0)
        return st;
    now->purge_seq = rec->purge_seq;
    put_be64(key, rec->purge_seq);
    st = tufi_btree_put(txn, TREE_PURGE, tuf_slice_of(key, sizeof(key)), buf_slice(&row));
    return st < 0 ? st : trim_purge_log(txn, now);
}

tuf_status tufi_apply_record(struct btree_txn *txn, struct db_view *now, enum record_type type,
                             tuf_slice payload, struct rec_loc loc, struct docrec_view *scratch)
{
    tuf_status st;
    struct localrec local;
    struct metarec meta;
    struct purgerec purge;
    switch (type) {
    case RECORD_DOC:
        st = tufi_docrec_decode(scratch, payload, loc.off);
        return st < 0 ? st : tufi_apply_doc(txn, now, &scratch->rec, loc);
    case RECORD_LOCAL:
        st = tufi_localrec_decode(&local, payload, loc.off);
        return st < 0 ? st : tufi_apply_local(txn, &local, loc);
    case RECORD_META:
        st = tufi_metarec_decode(&meta, payload, loc.off);
        return st < 0 ? st : tufi_apply_meta(txn, now, &meta);
    case RECORD_PURGE:
        st = tufi_purgerec_decode(&purge, payload, loc.off);
        return st < 0 ? st : tufi_apply_purge(txn, now, &purge);
    case RECORD_TREE:
    case RECORD_CHUNK:
        return TUF_OK; /* only read when another record points at them */
    default:
        return tufi_corrupt(loc.off, "record type %d is not known", (int)type);
    }
}
