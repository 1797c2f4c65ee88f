/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: copy what damaged nodes of the index leave of it.
 *
 * Both trees of documents hold the same rows. Where one has a node that cannot be read the other has the
 * documents, most likely: so both are walked around their damage, and what either has is copied in the
 * order of sequences. The bytes of such a node are kept in the quarantine.
 *
 * INV-AD-1: a document that is named by either tree is in the heir.
 * INV-AD-2: if some are named by neither, their number is reported, and the old file is kept under
 *           PATH.damaged-ID: salvage can find there what no tree knows.
 */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "compactor/compaction.h"
#include "compactor/sorter.h"

#define SORT_MEMORY (16u << 20)
#define KEY_SIZE 9 /* sequence, then which tree */

/* One walk around damage. */
struct around {
    struct compaction *k;
    struct sorter *rows; /* owned */
    uint64_t since;
    uint64_t found;      /* rows that both trees together have, from sequence 1 on */
    enum tree_kind kind; /* of the tree at hand */
    tuf_status failed;   /* of noting damage */
    struct buf row;
};

static void around_release(struct around *a)
{
    tufi_sorter_free(&a->rows);
    tufi_buf_release(&a->row);
}

bool tufi_is_damage(const struct compaction *k, tuf_status st)
{
    return st == TUF_E_CORRUPT ||
           (st == TUF_E_IO && (k->opts->flags & TUF_COMPACT_PAST_IO_ERRORS));
}

/* A node that cannot be read; its length is not known here. */
static tuf_status note_node(struct compaction *k, uint64_t off, const char *text)
{
    const struct log *log = &k->source->store->log;
    struct rec_loc raw = { off, log->super.node_size - RECORD_HEADER_SIZE };
    return tufi_note_damage(k, tufi_corrupt(off, "index: %.200s", text), tuf_slice_of(NULL, 0), raw);
}

static void note_finding(void *ctx, const struct btree_finding *finding)
{
    struct around *a = ctx;
    if (a->failed == TUF_OK)
        a->failed = note_node(a->k, finding->off, finding->text);
}

static tuf_status add_row(struct around *a, uint64_t seq, tuf_slice row)
{
    uint8_t key[KEY_SIZE];
    put_be64(key, seq);
    key[8] = (uint8_t)a->kind;
    return tufi_sorter_add(a->rows, tuf_slice_of(key, sizeof(key)), row);
}

static tuf_status take_id_row(void *ctx, tuf_slice id, tuf_slice value)
{
    struct around *a = ctx;
    struct reader in = reader_of(value);
    uint64_t seq = read_varint(&in);
    if (in.bad)
        return TUF_OK; /* the other tree's row may be better */
    tufi_buf_clear(&a->row);
    tufi_seqinfo_encode(&a->row, id, value);
    tuf_status st = buf_status(&a->row);
    return st < 0 ? st : add_row(a, seq, buf_slice(&a->row));
}

static tuf_status take_seq_row(void *ctx, tuf_slice key, tuf_slice row)
{
    struct around *a = ctx;
    return key.len == 8 ? add_row(a, get_be64(key.data), row) : TUF_OK;
}

static tuf_status walk_tree(struct around *a, enum tree_kind kind,
                            tuf_status (*entry)(void *, tuf_slice, tuf_slice))
{
    struct btree_check_sink sink = { .found = note_finding, .entry = entry, .ctx = a };
    a->kind = kind;
    tuf_status st = tufi_btree_check(a->k->source->store->env, snapshot_tree(a->k->source, kind),
                                     &sink);
    return st != TUF_OK ? st : a->failed;
}

static tuf_status copy_rows(struct around *a)
{
    struct compaction *k = a->k;
    uint64_t last = 0;
    tuf_status st = TUF_OK;
    while (st == TUF_OK) {
        tuf_slice key, row;
        st = tufi_sorter_next(a->rows, &key, &row);
        if (st != TUF_OK)
            break;
        uint64_t seq = get_be64(key.data);
        if (seq == last)
            continue; /* from the other tree */
        last = seq;
        a->found++;
        if (seq <= a->since)
            continue;
        st = tufi_copy_doc(k, row);
        if (st == TUF_OK)
            st = tufi_compaction_step(k);
        if (st == TUF_OK)
            st = tufi_heir_pause(k);
    }
    return st == TUF_END ? TUF_OK : st;
}

/* INV-AD-2. */
static void report_lost(struct around *a)
{
    struct compaction *k = a->k;
    uint64_t count = snapshot_tree(k->source, TREE_BY_SEQ)->entry_count;
    if (a->found >= count || k->keep_old)
        return;
    k->keep_old = true;
    k->report->damaged_count += count - a->found;
    (void)tufi_corrupt(UINT64_MAX,
                       "%" PRIu64 " documents are named by no index any more; the old file is kept "
                       "beside the new one for salvage",
                       count - a->found);
    tuf_error error = *tuf_last_error();
    tuf_finding finding = { .file_off = error.file_off, .text = error.text };
    if (k->opts->found)
        k->opts->found(&finding, k->opts->ctx);
    tufi_error_clear();
}

tuf_status tufi_copy_docs_around(struct compaction *k, uint64_t since)
{
    TUF_AUTO(around_release) struct around a = { .k = k, .since = since };
    TUF_AUTOFREE char *path = tufi_compact_path(k->source->store->log.path, ".rows");
    if (!path)
        return tufi_nomem();
    tuf_status st = tufi_sorter_new(&a.rows, k->source->store->log.vfs, path, SORT_MEMORY);
    if (st == TUF_OK)
        st = walk_tree(&a, TREE_BY_SEQ, take_seq_row);
    if (st == TUF_OK)
        st = walk_tree(&a, TREE_BY_ID, take_id_row);
    if (st == TUF_OK)
        st = copy_rows(&a);
    if (st == TUF_OK)
        report_lost(&a);
    tufi_sorter_free(&a.rows); /* before its path */
    return st;
}

/* ---- the small trees ---------------------------------------------------------------------------- */

static tuf_status take_small_row(void *ctx, tuf_slice key, tuf_slice value)
{
    struct around *a = ctx;
    return tufi_copy_small_row(a->k, a->kind, key, value);
}

tuf_status tufi_copy_small_around(struct compaction *k, enum tree_kind kind)
{
    struct around a = { .k = k };
    return walk_tree(&a, kind, take_small_row);
}

/* ---- whether a document is still there ----------------------------------------------------------- */

tuf_status tufi_source_has_doc(struct compaction *k, tuf_slice id, uint64_t seq)
{
    struct btree_env *env = k->source->store->env;
    struct btree_pin pin = BTREE_PIN_INIT;
    tuf_slice value;
    uint8_t key[8];
    put_be64(key, seq);
    tuf_status st = tufi_btree_find(env, snapshot_tree(k->source, TREE_BY_ID), id, &value, &pin);
    tufi_btree_unpin(env, &pin);
    if (!tufi_is_damage(k, st))
        return st;
    pin = (struct btree_pin)BTREE_PIN_INIT;
    st = tufi_btree_find(env, snapshot_tree(k->source, TREE_BY_SEQ),
                         tuf_slice_of(key, sizeof(key)), &value, &pin);
    tufi_btree_unpin(env, &pin);
    if (tufi_is_damage(k, st)) {
        tufi_error_clear();
        return TUF_OK; /* nobody knows: it stays */
    }
    return st;
}
