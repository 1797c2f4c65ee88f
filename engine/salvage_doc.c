/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: one document's intact records as edits of the new database.
 *
 * Each record knows a piece of the revision tree: its own path down to where it joined what was known.
 * The pieces of all records are merged, and each revision is stored with the path that comes out. A
 * single record that is lost between two leaves a gap of one generation, which the ids around it
 * close: the later one names the lost revision, and says how long its path was.
 *
 * What was purged stays away if the purge's record is intact.
 */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/hex.h"
#include "engine/salvage.h"
#include "json/docscan.h"

void tufi_salvage_doc_release(struct salvage_doc *d)
{
    tufi_revtree_release(&d->tree);
    tufi_buf_release(&d->kept);
    tufi_buf_release(&d->id_bytes);
}

/* ---- the tree ----------------------------------------------------------------------------------- */

/* The ids from a node back to its root; to be freed. */
static tuf_status path_of(tuf_slice **out, size_t *count_out, const struct revtree *tree,
                          size_t pos)
{
    size_t count = tufi_revtree_path_len(tree, pos);
    tuf_slice *ids = tufi_alloc_array(count, sizeof(*ids));
    if (!ids)
        return tufi_nomem();
    int32_t at = (int32_t)pos;
    for (size_t i = 0; i < count; i++, at = tree->nodes[at].parent)
        ids[i] = tree->nodes[at].rev.id;
    *out = ids;
    *count_out = count;
    return TUF_OK;
}

static tuf_status merge(struct revtree *tree, uint64_t gen, const tuf_slice *ids, size_t count,
                        bool deleted)
{
    enum revtree_result result;
    struct rev_path path = { gen, ids, count };
    return tufi_revtree_merge(tree, &path, deleted ? (uint32_t)REV_NODE_DELETED : 0, 0, 0, &result,
                              NULL);
}

static tuf_status merge_record(struct revtree *tree, const struct docrec *rec)
{
    TUF_AUTOFREE tuf_slice *ids = tufi_alloc_array(rec->ancestor_count + 1, sizeof(*ids));
    if (!ids)
        return tufi_nomem();
    ids[0] = rec->rev.id;
    for (size_t i = 0; i < rec->ancestor_count; i++)
        ids[i + 1] = rec->ancestors[i];
    return merge(tree, rec->rev.gen, ids, rec->ancestor_count + 1, rec->deleted);
}

static tuf_status merge_tree(struct revtree *into, const struct revtree *tree)
{
    tuf_status st = TUF_OK;
    for (size_t i = 0; st == TUF_OK && i < tree->count; i++) {
        TUF_AUTOFREE tuf_slice *ids = NULL;
        size_t count = 0;
        if (tree->nodes[i].child_count > 0)
            continue;
        st = path_of(&ids, &count, tree, i);
        if (st == TUF_OK)
            st = merge(into, tree->nodes[i].rev.gen, ids, count,
                       tree->nodes[i].flags & REV_NODE_DELETED);
    }
    return st;
}

/* ---- records ------------------------------------------------------------------------------------ */

/* One record, decoded as far as its type allows. */
struct reading {
    struct buf payload;
    struct docrec_view view;
    struct revtree tree;
    struct purgerec purge;
    tuf_slice id;
};

static void reading_release(struct reading *r)
{
    tufi_buf_release(&r->payload);
    tufi_docrec_view_release(&r->view);
    tufi_revtree_release(&r->tree);
}

/* E_CORRUPT for a record with a good checksum and bad content: somebody's craft. */
static tuf_status read_item(struct reading *r, const struct salvage *s,
                            const struct salvage_item *item)
{
    struct rec_loc loc = { item->off, item->len };
    enum record_type type = (enum record_type)item->type;
    tuf_slice bytes;
    tuf_status st = tufi_log_read_record(&s->from->log, loc, type, &r->payload);
    if (st != TUF_OK)
        return st;
    tuf_slice payload = buf_slice(&r->payload);
    switch (type) {
    case RECORD_DOC:
        st = tufi_docrec_decode(&r->view, payload, item->off);
        r->id = r->view.rec.id;
        return st;
    case RECORD_TREE:
        st = tufi_treerec_decode(&r->id, &bytes, payload, item->off);
        return st < 0 ? st : tufi_revtree_decode(&r->tree, bytes, item->off);
    case RECORD_PURGE:
        st = tufi_purgerec_decode(&r->purge, payload, item->off);
        r->id = r->purge.id;
        return st;
    case RECORD_LOCAL:
    case RECORD_META:
    case RECORD_CHUNK:
    default:
        return tufi_corrupt(item->off, "record is none of a document");
    }
}

static tuf_status lists_rev(bool *out, tuf_slice revlist, tuf_rev rev)
{
    TUF_AUTOFREE tuf_rev *revs = NULL;
    size_t count = 0;
    tuf_status st = tufi_revlist_decode(&revs, &count, revlist, UINT64_MAX);
    for (size_t i = 0; st == TUF_OK && i < count; i++)
        *out |= tuf_rev_compare(revs[i], rev) == 0;
    return st;
}

/* Of a document of which something is left the tree is written just before the purge: what is not in it
 * is gone. */
static tuf_status left_out_before(bool *out, const struct salvage_doc *d, size_t purge_pos, tuf_rev rev)
{
    TUF_AUTO(reading_release) struct reading before = { .id = { NULL, 0 } };
    const struct salvage_item *item = &d->items[purge_pos - 1];
    if (item->type != RECORD_TREE)
        return TUF_OK; /* all of it went, or the tree's record is damaged */
    tuf_status st = read_item(&before, d->s, item);
    if (st == TUF_OK && slice_equal(before.id, d->id))
        *out |= tufi_revtree_find(&before.tree, rev) < 0;
    return st;
}

/* Whether the purge of the i-th item took the revision of the pos-th. */
static tuf_status is_purged_by(bool *out, const struct salvage_doc *d, size_t i, size_t pos, tuf_rev rev)
{
    TUF_AUTO(reading_release) struct reading r = { .id = { NULL, 0 } };
    tuf_status st = read_item(&r, d->s, &d->items[i]);
    if (st < 0 || !slice_equal(r.id, d->id) || r.purge.stays) /* stays: it found no such leaf */
        return st;
    st = lists_rev(out, r.purge.revs, rev);
    if (st < 0)
        return st;
    *out |= r.purge.seq == 0;
    return i - 1 > pos ? left_out_before(out, d, i, rev) : TUF_OK;
}

/* Whether a later purge took the revision of the pos-th item. Without an answer there must be no document:
 * what was purged does not come back because a call failed. A record of nonsense is not asked. */
static tuf_status is_purged(bool *out, struct salvage_doc *d, size_t pos, tuf_rev rev)
{
    tuf_status st = TUF_OK;
    for (size_t i = pos + 1; i < d->item_count && !*out && st == TUF_OK; i++) {
        if (d->items[i].type != RECORD_PURGE)
            continue;
        st = is_purged_by(out, d, i, pos, rev);
        if (st == TUF_E_CORRUPT) {
            d->s->report->settings_found = false;
            tufi_salvage_tell(d->s, d->items[i].off, d->id, "a purge of it cannot be read");
            st = TUF_OK;
        }
    }
    return st;
}

static tuf_status plan_item(struct salvage_doc *d, size_t pos)
{
    TUF_AUTO(reading_release) struct reading r = { .id = { NULL, 0 } };
    const struct salvage_item *item = &d->items[pos];
    tuf_status st = item->type == RECORD_PURGE ? TUF_OK : read_item(&r, d->s, item);
    if (st < 0 || item->type == RECORD_PURGE || !slice_equal(r.id, d->id))
        return st == TUF_E_CORRUPT ? TUF_OK : st;
    if (item->type == RECORD_TREE)
        return merge_tree(&d->tree, &r.tree);
    bool purged = false;
    st = is_purged(&purged, d, pos, r.view.rec.rev);
    if (st < 0 || purged)
        return st;
    tufi_buf_append(&d->kept, item, sizeof(*item));
    st = merge_record(&d->tree, &r.view.rec);
    return st < 0 ? st : buf_status(&d->kept);
}

/* The only leaf of a generation; -1 if there is none or there are several. */
static int32_t lone_leaf(const struct revtree *tree, uint64_t gen)
{
    int32_t found = -1;
    for (size_t i = 0; i < tree->count; i++) {
        if (tree->nodes[i].rev.gen != gen || tree->nodes[i].child_count > 0)
            continue;
        if (found >= 0)
            return -1;
        found = (int32_t)i;
    }
    return found;
}

/* Joins a record's path to what it must have stood upon, if a single record between is lost. */
static tuf_status close_gap(struct salvage_doc *d, const struct salvage_item *item)
{
    TUF_AUTO(reading_release) struct reading r = { .id = { NULL, 0 } };
    TUF_AUTOFREE tuf_slice *above = NULL;
    TUF_AUTOFREE tuf_slice *below = NULL;
    TUF_AUTOFREE tuf_slice *ids = NULL;
    size_t above_count = 0, below_count = 0;
    tuf_status st = read_item(&r, d->s, item);
    int32_t pos = st == TUF_OK ? tufi_revtree_find(&d->tree, r.view.rec.rev) : -1;
    if (pos < 0)
        return st == TUF_E_CORRUPT ? TUF_OK : st;
    st = path_of(&above, &above_count, &d->tree, (size_t)pos);
    uint64_t gen = r.view.rec.rev.gen;
    if (st < 0 || r.view.rec.path_len <= above_count || above_count >= gen)
        return st;
    int32_t leaf = lone_leaf(&d->tree, gen - above_count);
    if (leaf < 0)
        return TUF_OK;
    st = path_of(&below, &below_count, &d->tree, (size_t)leaf);
    ids = st == TUF_OK ? tufi_alloc_array(above_count + below_count, sizeof(*ids)) : NULL;
    if (!ids)
        return st < 0 ? st : tufi_nomem();
    memcpy(ids, above, above_count * sizeof(*ids));
    memcpy(ids + above_count, below, below_count * sizeof(*ids));
    return merge(&d->tree, gen, ids, above_count + below_count, r.view.rec.deleted);
}

size_t tufi_salvage_doc_count(const struct salvage_doc *d)
{
    return d->kept.len / sizeof(struct salvage_item);
}

static struct salvage_item kept_item(const struct salvage_doc *d, size_t pos)
{
    struct salvage_item item;
    memcpy(&item, d->kept.data + pos * sizeof(item), sizeof(item));
    return item;
}

tuf_status tufi_salvage_doc_plan(struct salvage_doc *d)
{
    tuf_status st = TUF_OK;
    for (size_t i = 0; st == TUF_OK && i < d->item_count; i++)
        st = plan_item(d, i);
    for (size_t i = 1; st == TUF_OK && i < tufi_salvage_doc_count(d); i++) {
        struct salvage_item item = kept_item(d, i);
        st = close_gap(d, &item);
    }
    return st;
}

/* ---- edits -------------------------------------------------------------------------------------- */

static void append_revisions(struct buf *out, const struct revtree *tree, tuf_rev rev)
{
    int32_t at = tufi_revtree_find(tree, rev);
    tufi_buf_printf(out, ",\"_revisions\":{\"start\":%" PRIu64 ",\"ids\":[", rev.gen);
    for (bool first = true; at >= 0; at = tree->nodes[at].parent, first = false) {
        char text[TUF_REV_TEXT_SIZE];
        tuf_rev_format(text, tree->nodes[at].rev);
        if (!first)
            buf_append_u8(out, ',');
        tufi_json_write_string(out, tuf_str(strchr(text, '-') + 1));
    }
    buf_append_str(out, "]}");
}

static void append_att(struct buf *out, const struct stored_att *att)
{
    const struct att_data *data = &att->data;
    tufi_json_write_string(out, att->name);
    buf_append_str(out, ":{\"content_type\":");
    tufi_json_write_string(out, att->type);
    tufi_buf_printf(out, ",\"revpos\":%" PRIu64 ",\"digest\":\"md5-", att->revpos);
    tufi_base64_encode(out, tuf_slice_of(data->md5, sizeof(data->md5)));
    tufi_buf_printf(out, "\",\"length\":%" PRIu64, data->length);
    if (data->gzip)
        tufi_buf_printf(out, ",\"encoding\":\"gzip\",\"encoded_length\":%" PRIu64,
                        data->encoded_length);
    buf_append_str(out, ",\"follows\":true}");
}

/* What tufi_att_copy hands over: the chunks, then perhaps an index. */
struct chunk_sink {
    tuf_att_writer *writer;
    uint64_t left; /* chunks */
    uint64_t off;  /* an index of places that nobody reads is made on the way: they must ascend */
};

static tuf_status take_chunk(void *ctx, tuf_slice payload, const struct rec_loc *same,
                            struct rec_loc *out)
{
    (void)same;
    struct chunk_sink *sink = ctx;
    *out = (struct rec_loc){ sink->off, (uint32_t)payload.len };
    sink->off += RECORD_HEADER_SIZE + payload.len + 1;
    if (sink->left == 0)
        return TUF_OK;
    sink->left--;
    return tuf_att_write(sink->writer, payload.data, payload.len);
}

/* Copies an attachment's bytes into the new database. TUF_NOT_FOUND: they are lost. */
static tuf_status copy_att(tuf_blob **out, struct salvage *s, const struct stored_att *att)
{
    TUF_AUTO(tuf_att_writer_free) tuf_att_writer *writer = NULL;
    tuf_att_options how = TUF_ATT_OPTIONS_INIT;
    how.type = att->type;
    how.gzip = att->data.gzip;
    how.raw = true;
    tuf_status st = tuf_att_writer_new(&writer, s->to, &how);
    if (st != TUF_OK)
        return st;
    struct att_data data = att->data;
    struct chunk_sink sink = { writer, data.chunk_count, SUPERBLOCK_SIZE };
    st = tufi_att_copy(&data, s->from, take_chunk, &sink);
    if (st == TUF_OK)
        st = tuf_att_finish(out, writer);
    if (st == TUF_E_CORRUPT || st == TUF_E_IO)
        return TUF_NOT_FOUND;
    return st;
}

/* An attachment with its bytes in the new database, or none if they are lost. */
static tuf_status salvage_att(tuf_blob **out, struct salvage_doc *d, const struct docrec *rec,
                              size_t pos)
{
    const struct stored_att *att = &rec->atts[pos];
    tuf_status st = copy_att(out, d->s, att);
    tuf_blob_info info = { .length = 0 };
    if (st == TUF_OK)
        tuf_blob_get_info(&info, *out);
    if (st == TUF_OK && memcmp(info.md5, att->data.md5, sizeof(info.md5)) == 0)
        return TUF_OK;
    tuf_blob_free(out);
    if (st < 0)
        return st;
    char rev[TUF_REV_TEXT_SIZE];
    tuf_rev_format(rev, rec->rev);
    d->s->report->atts_lost++;
    tufi_salvage_tell(d->s, att->data.loc.off, d->id, "attachment \"%.*s\" of revision %s is lost",
                      (int)(att->name.len < 60 ? att->name.len : 60), (const char *)att->name.data,
                      rev);
    return TUF_OK;
}

/* The text of a revision with the attachments of which there is a blob. */
static tuf_status write_json(struct buf *out, const struct salvage_doc *d, const struct docrec *rec,
                             tuf_blob *const *blobs, uint64_t off)
{
    TUF_AUTO(tufi_buf_release) struct buf body = BUF_INIT;
    char rev[TUF_REV_TEXT_SIZE];
    tuf_rev_format(rev, rec->rev);
    tuf_status st = tufi_body_unpack(&body, rec->codec, rec->body, rec->body_len, off);
    if (st < 0)
        return st;
    buf_append_str(out, "{\"_id\":");
    tufi_json_write_string(out, d->id);
    buf_append_str(out, ",\"_rev\":");
    tufi_json_write_string(out, tuf_str(rev));
    buf_append_str(out, rec->deleted ? ",\"_deleted\":true" : "");
    append_revisions(out, &d->tree, rec->rev);
    const char *open = ",\"_attachments\":{";
    for (size_t i = 0; i < rec->att_count; i++) {
        if (!blobs[i])
            continue;
        buf_append_str(out, open);
        append_att(out, &rec->atts[i]);
        open = ",";
    }
    buf_append_str(out, *open == ',' && open[1] == '\0' ? "}" : "");
    if (body.len > 2) { /* more than "{}" */
        buf_append_u8(out, ',');
        tufi_buf_append(out, body.data + 1, body.len - 2);
    }
    buf_append_u8(out, '}');
    return buf_status(out);
}

static tuf_status give_blobs(tuf_edit *edit, tuf_blob **blobs, size_t count)
{
    tuf_status st = TUF_OK;
    for (size_t i = 0, pos = 0; st == TUF_OK && i < count; i++)
        if (blobs[i])
            st = tuf_edit_set_follow(edit, pos++, &blobs[i]);
    return tufi_fold(st);
}

static tuf_status make_edit(tuf_edit **out, struct salvage_doc *d, const struct docrec *rec,
                            tuf_blob **blobs, uint64_t off)
{
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    tuf_edit_options how = TUF_EDIT_OPTIONS_INIT;
    how.flags = TUF_EDIT_REPLICATED;
    tuf_status st = TUF_OK;
    for (size_t i = 0; st == TUF_OK && i < rec->att_count; i++)
        st = salvage_att(&blobs[i], d, rec, i);
    if (st == TUF_OK)
        st = write_json(&json, d, rec, blobs, off);
    if (st == TUF_OK)
        st = tuf_edit_parse(out, buf_slice(&json), &how);
    return st == TUF_OK ? give_blobs(*out, blobs, rec->att_count) : st;
}

tuf_status tufi_salvage_doc_edit(tuf_edit **out, struct salvage_doc *d, size_t pos)
{
    TUF_AUTO(reading_release) struct reading r = { .id = { NULL, 0 } };
    struct salvage_item item = kept_item(d, pos);
    tuf_status st = read_item(&r, d->s, &item);
    if (st < 0)
        return st;
    const struct docrec *rec = &r.view.rec;
    TUF_AUTOFREE tuf_blob **blobs = tufi_alloc_zero((rec->att_count + 1) * sizeof(*blobs));
    if (!blobs)
        return tufi_nomem();
    st = make_edit(out, d, rec, blobs, item.off);
    for (size_t i = 0; i < rec->att_count; i++)
        tuf_blob_free(&blobs[i]);
    if (st < 0)
        tuf_edit_free(out);
    return st;
}
