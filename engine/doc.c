/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: open one revision of a document: find its record, verify it, unpack its body.
 *
 * Not here: what is read beyond the one record: history and kinship of revisions (doc_history.c).
 */
#include "engine/doc.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/assert.h"

#define LOCAL_PREFIX "_local/"

static tuf_doc *doc_new(void)
{
    tuf_doc *doc = tufi_alloc_zero(sizeof(*doc));
    if (doc) {
        doc->magic = DOC_MAGIC;
        tufi_docinfo_init(&doc->info);
    }
    return doc;
}

void tuf_doc_free(tuf_doc **doc_ptr)
{
    tuf_doc *doc = *doc_ptr;
    *doc_ptr = NULL;
    if (!doc)
        return;
    tuf_assert(doc->magic == DOC_MAGIC);
    tufi_buf_release(&doc->id);
    tufi_buf_release(&doc->value);
    tufi_docinfo_release(&doc->info);
    tufi_free(doc->leaves);
    tufi_buf_release(&doc->record);
    tufi_read_ahead_release(&doc->ahead);
    tufi_docrec_view_release(&doc->view);
    tufi_buf_release(&doc->body);
    tufi_revtree_release(&doc->tree);
    tufi_free(doc->history);
    doc->magic = 0;
    tufi_free(doc);
}

static void doc_clear(tuf_doc *doc, tuf_snapshot *snapshot)
{
    doc->snapshot = snapshot;
    doc->open = false;
    doc->tree_loaded = false;
    tufi_free(doc->history);
    doc->history = NULL;
    doc->info.leaf_count = 0;
    doc->source = (struct info_source){ 0 };
    doc->shown = (tuf_docinfo){ 0 };
    doc->view.rec = (struct docrec){ 0 };
    tufi_buf_clear(&doc->body);
}

tuf_status tufi_doc_show(tuf_leaf **leaves, size_t *leaf_cap, tuf_docinfo *shown,
                         const struct docinfo *info)
{
    if (info->leaf_count > *leaf_cap) {
        tuf_leaf *more = tufi_realloc(*leaves, info->leaf_count * sizeof(**leaves));
        if (!more)
            return tufi_nomem();
        *leaves = more;
        *leaf_cap = info->leaf_count;
    }
    shown->seq = info->seq;
    shown->deleted = info->leaves[0].deleted;
    shown->leaf_count = info->leaf_count;
    shown->leaves = *leaves;
    shown->size_external = 0;
    for (size_t i = 0; i < info->leaf_count; i++) {
        (*leaves)[i] = (tuf_leaf){ info->leaves[i].rev, info->leaves[i].deleted };
        shown->size_external += info->leaves[i].size_external;
    }
    return TUF_OK;
}

/* Takes over an index entry: copies id and value. */
static tuf_status take_entry(tuf_doc *doc, tuf_slice id, tuf_slice value)
{
    tufi_buf_clear(&doc->id);
    buf_append_slice(&doc->id, id);
    tufi_buf_clear(&doc->value);
    buf_append_slice(&doc->value, value);
    if (doc->id.failed || doc->value.failed)
        return tufi_nomem();
    tuf_status st = tufi_docinfo_decode(&doc->info, buf_slice(&doc->value));
    if (st == TUF_OK)
        st = tufi_doc_show(&doc->leaves, &doc->leaf_cap, &doc->shown, &doc->info);
    doc->source = (struct info_source){ .value = buf_slice(&doc->value), .info = &doc->info };
    doc->shown.id = buf_slice(&doc->id);
    doc->shown.priv = &doc->source;
    return st;
}

static tuf_status take_local_entry(tuf_doc *doc, tuf_slice full_id, struct localinfo local)
{
    tufi_buf_clear(&doc->id);
    buf_append_slice(&doc->id, full_id);
    doc->source = (struct info_source){ .local = local, .is_local = true };
    doc->shown = (tuf_docinfo){
        .id = buf_slice(&doc->id),
        .local_rev = local.rev,
        .priv = &doc->source,
    };
    return buf_status(&doc->id);
}

static tuf_status lookup_doc(tuf_doc *doc, tuf_slice id)
{
    struct btree_env *env = doc->snapshot->store->env;
    struct btree_pin pin = BTREE_PIN_INIT;
    tuf_slice value;
    tuf_status st = tufi_btree_find(env, snapshot_tree(doc->snapshot, TREE_BY_ID), id, &value,
                                    &pin);
    if (st == TUF_OK)
        st = take_entry(doc, id, value);
    tufi_btree_unpin(env, &pin);
    return st;
}

static tuf_status lookup_local(tuf_doc *doc, tuf_slice full_id)
{
    TUF_AUTO(tufi_buf_release) struct buf key = BUF_INIT;
    size_t skip = strlen(LOCAL_PREFIX);
    buf_append_u8(&key, LOCAL_KEY_DOC);
    tufi_buf_append(&key, full_id.data + skip, full_id.len - skip);
    if (key.failed)
        return tufi_nomem();
    struct btree_env *env = doc->snapshot->store->env;
    struct btree_pin pin = BTREE_PIN_INIT;
    struct localinfo local;
    tuf_slice value;
    tuf_status st = tufi_btree_find(env, snapshot_tree(doc->snapshot, TREE_LOCAL),
                                    buf_slice(&key), &value, &pin);
    if (st == TUF_OK)
        st = tufi_localinfo_decode(&local, value);
    tufi_btree_unpin(env, &pin);
    return st == TUF_OK ? take_local_entry(doc, full_id, local) : st;
}

/* Points `doc` at an entry, allocating it if needed. */
static tuf_status find_entry(tuf_doc **doc, tuf_snapshot *snapshot, tuf_slice id)
{
    tufi_error_clear();
    if (!*doc)
        *doc = doc_new();
    if (!*doc)
        return tufi_nomem();
    doc_clear(*doc, snapshot);
    if (id.len == 0)
        return TUF_NOT_FOUND;
    return slice_starts(id, LOCAL_PREFIX) ? lookup_local(*doc, id) : lookup_doc(*doc, id);
}

/* Frees a document that this call allocated if the call fails. */
static tuf_status settle(tuf_doc **doc, bool was_null, tuf_status st)
{
    if (st != TUF_OK && was_null)
        tuf_doc_free(doc);
    return st;
}

tuf_status tuf_doc_find_info(tuf_doc **doc, tuf_snapshot *snapshot, tuf_slice id)
{
    bool was_null = !*doc;
    return settle(doc, was_null, find_entry(doc, snapshot, id));
}

static tuf_status open_record(tuf_doc *doc, struct rec_loc loc, tuf_rev rev)
{
    const struct log *log = &doc->snapshot->store->log;
    tuf_status st = tufi_log_read_along(log, loc, RECORD_DOC, &doc->record, &doc->ahead,
                                        snapshot_view(doc->snapshot)->size_file);
    if (st == TUF_OK)
        st = tufi_docrec_decode(&doc->view, buf_slice(&doc->record), loc.off);
    if (st < 0)
        return st;
    const struct docrec *rec = &doc->view.rec;
    if (!slice_equal(rec->id, buf_slice(&doc->id)) || tuf_rev_compare(rec->rev, rev) != 0)
        return tufi_corrupt(loc.off, "record is of another document or revision");
    tufi_buf_clear(&doc->body);
    st = tufi_body_unpack(&doc->body, rec->codec, rec->body, rec->body_len, loc.off);
    if (st < 0)
        return st;
    doc->loc = loc;
    doc->rev = rec->rev;
    doc->deleted = rec->deleted;
    doc->open = true;
    return TUF_OK;
}

static tuf_status open_local(tuf_doc *doc)
{
    struct rec_loc loc = doc->source.local.rec;
    const struct log *log = &doc->snapshot->store->log;
    tuf_status st = tufi_log_read_record(log, loc, RECORD_LOCAL, &doc->record);
    struct localrec rec;
    if (st == TUF_OK)
        st = tufi_localrec_decode(&rec, buf_slice(&doc->record), loc.off);
    if (st == TUF_OK) {
        tufi_buf_clear(&doc->body);
        st = tufi_body_unpack(&doc->body, rec.codec, rec.body, rec.body_len, loc.off);
    }
    if (st < 0)
        return st;
    int len = snprintf(doc->local_rev_text, sizeof(doc->local_rev_text), "%llu",
                       (unsigned long long)doc->source.local.rev);
    doc->rev = (tuf_rev){ 0, tuf_slice_of(doc->local_rev_text, (size_t)len) };
    doc->deleted = false;
    doc->open = true;
    return TUF_OK;
}

static tuf_status open_rev(tuf_doc *doc, const tuf_rev *rev)
{
    for (size_t i = 0; i < doc->info.leaf_count; i++)
        if (tuf_rev_compare(doc->info.leaves[i].rev, *rev) == 0)
            return open_record(doc, doc->info.leaves[i].rec, *rev);
    tuf_status st = tufi_doc_load_tree(doc);
    if (st < 0)
        return st;
    int32_t pos = tufi_revtree_find(&doc->tree, *rev);
    if (pos < 0 || !tufi_doc_node_stored(doc, &doc->tree.nodes[pos]))
        return TUF_NOT_FOUND;
    const struct rev_node *node = &doc->tree.nodes[pos];
    struct rec_loc loc = { node->rec_off, node->rec_len };
    st = open_record(doc, loc, *rev);
    bool given_back = st == TUF_E_CORRUPT && !tufi_doc_node_stored(doc, node); /* just now */
    return given_back ? TUF_NOT_FOUND : st;
}

static tuf_status open_found(tuf_doc *doc, const tuf_rev *rev)
{
    if (doc->source.is_local)
        return open_local(doc);
    if (rev)
        return open_rev(doc, rev);
    if (doc->info.leaves[0].deleted)
        return TUF_DELETED;
    return open_record(doc, doc->info.leaves[0].rec, doc->info.leaves[0].rev);
}

tuf_status tuf_doc_open(tuf_doc **doc, tuf_snapshot *snapshot, tuf_slice id, const tuf_rev *rev)
{
    bool was_null = !*doc;
    tuf_status st = find_entry(doc, snapshot, id);
    if (st == TUF_OK)
        st = open_found(*doc, rev);
    return settle(doc, was_null, st);
}

static tuf_status open_leaf(tuf_doc *doc, const tuf_docinfo *info, size_t leaf_pos)
{
    const struct info_source *source = info->priv;
    if (source->is_local) {
        tuf_status st = take_local_entry(doc, info->id, source->local);
        return st < 0 ? st : open_local(doc);
    }
    tuf_status st = take_entry(doc, info->id, source->value);
    if (st < 0)
        return st;
    const struct leafinfo *leaf = &doc->info.leaves[leaf_pos];
    return open_record(doc, leaf->rec, leaf->rev);
}

tuf_status tuf_doc_open_leaf(tuf_doc **doc, tuf_snapshot *snapshot, const tuf_docinfo *info,
                             size_t leaf_pos)
{
    tufi_error_clear();
    bool was_null = !*doc;
    if (!info->priv || (info->leaf_count > 0 && leaf_pos >= info->leaf_count))
        return tufi_fail(TUF_E_MISUSE, "no leaf %zu", leaf_pos);
    if (was_null)
        *doc = doc_new();
    if (!*doc)
        return tufi_nomem();
    if (info == &(*doc)->shown) { /* another leaf of the same document */
        const struct docinfo *own = &(*doc)->info;
        if ((*doc)->source.is_local)
            return open_local(*doc);
        return open_record(*doc, own->leaves[leaf_pos].rec, own->leaves[leaf_pos].rev);
    }
    doc_clear(*doc, snapshot);
    return settle(doc, was_null, open_leaf(*doc, info, leaf_pos));
}

const tuf_docinfo *tuf_doc_info(const tuf_doc *doc)
{
    return &doc->shown;
}

tuf_rev tuf_doc_rev(const tuf_doc *doc)
{
    return doc->rev;
}

bool tuf_doc_deleted(const tuf_doc *doc)
{
    return doc->deleted;
}

tuf_slice tuf_doc_body(const tuf_doc *doc)
{
    return doc->open ? buf_slice(&doc->body) : tuf_str("{}");
}

size_t tuf_doc_att_count(const tuf_doc *doc)
{
    return doc->open ? doc->view.rec.att_count : 0;
}

tuf_status tuf_doc_att(tuf_att_info *out, const tuf_doc *doc, size_t pos)
{
    if (pos >= tuf_doc_att_count(doc))
        return TUF_END;
    const struct stored_att *att = &doc->view.rec.atts[pos];
    *out = (tuf_att_info){
        .name = att->name,
        .type = att->type,
        .revpos = att->revpos,
        .length = att->data.length,
        .encoded_length = att->data.encoded_length,
        .gzip = att->data.gzip,
    };
    memcpy(out->md5, att->data.md5, sizeof(out->md5));
    return TUF_OK;
}

tuf_status tuf_doc_find_att(size_t *pos_out, const tuf_doc *doc, tuf_slice name)
{
    for (size_t i = 0; i < tuf_doc_att_count(doc); i++)
        if (slice_equal(doc->view.rec.atts[i].name, name)) {
            *pos_out = i;
            return TUF_OK;
        }
    return TUF_NOT_FOUND;
}

tuf_status tufi_doc_att_data(struct att_data *out, const struct tuf_doc *doc, size_t pos)
{
    if (pos >= tuf_doc_att_count(doc))
        return TUF_END;
    *out = doc->view.rec.atts[pos].data;
    return TUF_OK;
}

const struct stored_att *tufi_doc_stored_atts(const struct tuf_doc *doc, size_t *count_out)
{
    *count_out = tuf_doc_att_count(doc);
    return doc->view.rec.atts;
}

tuf_snapshot *tufi_doc_snapshot(const struct tuf_doc *doc)
{
    return doc->snapshot;
}
