/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: does a change with the library and with the reference, and compares the outcomes.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/hex.h"
#include "tests/model/expect.h"
#include "tests/model/run.h"

static void put_rev_text(struct buf *out, const struct ref_rev *rev)
{
    char text[TUF_REV_TEXT_SIZE];
    (void)tuf_rev_format(text, compare_rev(rev));
    tufi_buf_printf(out, "%s", text);
}

static void put_revisions(struct buf *out, const struct ref_path *path)
{
    tufi_buf_printf(out, ",\"_revisions\":{\"start\":%llu,\"ids\":[",
                    (unsigned long long)path->revs[0].gen);
    for (size_t i = 0; i < path->count; i++) {
        char text[TUF_REV_TEXT_SIZE];
        (void)tuf_rev_format(text, compare_rev(&path->revs[i]));
        tufi_buf_printf(out, "%s\"%s\"", i > 0 ? "," : "", strchr(text, '-') + 1);
    }
    tufi_buf_printf(out, "]}");
}

static void put_att(struct buf *out, const struct ref_edit_att *a)
{
    tufi_buf_printf(out, "\"%s\":", ref_att_name(a->att.name));
    if (a->stub) {
        tufi_buf_printf(out, "{\"stub\":true}");
        return;
    }
    uint8_t *bytes = malloc(a->att.len + 1);
    if (!bytes)
        abort();
    ref_att_bytes(bytes, &a->att);
    tufi_buf_printf(out, "{\"content_type\":\"%s\",\"data\":\"", ref_type_text(a->att.type));
    tufi_base64_encode(out, tuf_slice_of(bytes, a->att.len));
    tufi_buf_printf(out, "\"}");
    free(bytes);
}

/* The document's text. The id is taken from the options: it may need escapes. */
static void put_json(struct buf *out, const struct ref_edit *e)
{
    tufi_buf_printf(out, "{\"_id\":\"overridden\"");
    if (e->replicated && (e->path.count > 1 || e->body % 2 == 0)) {
        put_revisions(out, &e->path);
    } else if (e->replicated || (e->has_rev && !e->local)) {
        tufi_buf_printf(out, ",\"_rev\":\"");
        put_rev_text(out, e->replicated ? &e->path.revs[0] : &e->rev);
        tufi_buf_printf(out, "\"");
    } else if (e->has_rev) {
        tufi_buf_printf(out, ",\"_rev\":\"0-%llu\"", (unsigned long long)e->local_rev);
    }
    if (e->deleted)
        tufi_buf_printf(out, ",\"_deleted\":true");
    char body[REF_BODY_SIZE_MAX];
    ref_body_text(body, e->body);
    body[strlen(body) - 1] = '\0';
    tufi_buf_printf(out, "%s%s", e->body ? "," : "", body + 1);
    if (e->att_count > 0) {
        tufi_buf_printf(out, ",\"_attachments\":{");
        for (size_t i = 0; i < e->att_count; i++) {
            tufi_buf_printf(out, "%s", i > 0 ? "," : "");
            put_att(out, &e->atts[i]);
        }
        tufi_buf_printf(out, "}");
    }
    tufi_buf_printf(out, "}");
    if (out->failed)
        abort();
}

static bool parse_edit(tuf_edit **out, const struct ref_edit *e)
{
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    put_json(&json, e);
    tuf_edit_options opts = TUF_EDIT_OPTIONS_INIT;
    opts.flags = e->replicated ? (unsigned)TUF_EDIT_REPLICATED : 0;
    opts.id = tuf_str(e->local ? ref_local_text(e->id) : ref_id_text(e->id));
    tuf_status st = tuf_edit_parse(out, buf_slice(&json), &opts);
    EXPECT(st == TUF_OK, "parsing %.*s: %s (%s)", (int)json.len, (const char *)json.data,
           tuf_status_name(st), tuf_last_error()->text);
    return true;
}

static void take_result(struct ref_result *out, const tuf_edit *edit)
{
    tuf_edit_result got;
    tuf_edit_get_result(&got, edit);
    *out = (struct ref_result){ got.status, got.stored, got.seq, { .gen = got.rev.gen } };
    if (got.rev.id.len <= sizeof(out->rev.id)) {
        out->rev.len = (uint8_t)got.rev.id.len;
        if (got.rev.id.len > 0)
            memcpy(out->rev.id, got.rev.id.data, got.rev.id.len);
    }
}

tuf_status engine_commit(struct run *r, const struct change *c, struct ref_result *results)
{
    tuf_edit *edits[12] = { 0 };
    tuf_status st = TUF_OK;
    for (size_t i = 0; i < c->count && st == TUF_OK; i++)
        st = parse_edit(&edits[i], &c->edits[i]) ? TUF_OK : TUF_E_INTERNAL;
    if (st == TUF_OK)
        st = tuf_db_commit(r->db, edits, c->count, c->flags);
    for (size_t i = 0; i < c->count; i++) {
        if (st == TUF_OK)
            take_result(&results[i], edits[i]);
        tuf_edit_free(&edits[i]);
    }
    return st;
}

static bool same_result(const struct ref_edit *e, const struct ref_result *got,
                        const struct ref_result *want)
{
    const char *id = e->local ? ref_local_text(e->id) : ref_id_text(e->id);
    EXPECT(got->status == want->status, "edit of %.60s%s: %s, expected %s", id,
           e->replicated ? " (replicated)" : "", tuf_status_name(got->status),
           tuf_status_name(want->status));
    if (got->status != TUF_OK)
        return true;
    if (!e->local) {
        EXPECT_NUMBER(got->stored, want->stored, "stored");
        EXPECT_NUMBER(got->seq, want->seq, "sequence");
    }
    EXPECT(ref_rev_compare(&got->rev, &want->rev) == 0, "edit of %.60s%s got another revision", id,
           e->replicated ? " (replicated)" : "");
    return true;
}

static void remember_stored(struct run *r, const struct ref_edit *e, const struct ref_result *res)
{
    const struct ref_doc *doc = e->local || !res->stored ? NULL : ref_find(&r->ref, e->id);
    for (size_t p = 0; doc && p < doc->path_count; p++)
        if (ref_rev_compare(&doc->paths[p].revs[0], &res->rev) == 0)
            remember(r, e->id, &doc->paths[p]);
}

static bool changes_something(const struct change *c, const struct ref_result *results)
{
    for (size_t i = 0; i < c->count; i++)
        if (results[i].stored)
            return true;
    return false;
}

bool run_change(struct run *r, const struct change *c)
{
    struct ref_result got[12], want[12];
    tuf_status st = engine_commit(r, c, got);
    tuf_status want_st = ref_commit(&r->ref, c->edits, c->count, want);
    if (st == TUF_E_INTERNAL)
        return false; /* compare_why is set */
    EXPECT(st == want_st, "commit of %zu: %s (%s), expected %s", c->count, tuf_status_name(st),
           tuf_last_error()->text, tuf_status_name(want_st));
    run_note(r, (uint64_t)st);
    if (st != TUF_OK)
        return true;
    for (size_t i = 0; i < c->count; i++) {
        if (!same_result(&c->edits[i], &got[i], &want[i]))
            return false;
        remember_stored(r, &c->edits[i], &want[i]);
        run_note(r, (uint64_t)want[i].status * 31 + want[i].seq);
    }
    if (changes_something(c, want))
        run_advance(r, !(c->flags & TUF_COMMIT_NO_WAIT));
    return true;
}

/* An attachment streamed into the winner of a document, whose others stay. */
bool run_attach(struct run *r)
{
    uint8_t id = (uint8_t)rng_below(&r->rng, r->id_count);
    const struct ref_doc *doc = ref_find(&r->ref, id);
    if (!doc || ref_winner(doc)->deleted)
        return true;
    static const uint32_t sizes[] = { 0, 1, 4095, 4096, 4097, 30000, 262144, 300000 };
    size_t pick = (size_t)rng_below(&r->rng, rng_chance(&r->rng, 8) ? 8 : 6);
    struct ref_att att = { .name = (uint8_t)rng_below(&r->rng, REF_ATTS_MAX),
                           .type = (uint8_t)rng_below(&r->rng, 3),
                           .seed = (uint32_t)rng_next(&r->rng),
                           .len = sizes[pick] };
    const struct ref_node *winner = ref_winner(doc);
    struct ref_edit e = { .id = id, .has_rev = true, .rev = winner->rev, .body = winner->body };
    e.atts[e.att_count++] = (struct ref_edit_att){ att, false };
    for (size_t i = 0; i < winner->att_count; i++)
        if (winner->atts[i].name != att.name)
            e.atts[e.att_count++] = (struct ref_edit_att){ { .name = winner->atts[i].name }, true };
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    TUF_AUTO(tuf_doc_free) tuf_doc *open = NULL;
    TUF_AUTO(tuf_edit_free) tuf_edit *edit = NULL;
    TUF_AUTO(tuf_att_writer_free) tuf_att_writer *writer = NULL;
    TUF_AUTO(tuf_blob_free) tuf_blob *blob = NULL;
    TUF_AUTOFREE uint8_t *bytes = tufi_alloc(att.len);
    ref_att_bytes(bytes, &att);
    tuf_att_options opts = TUF_ATT_OPTIONS_INIT;
    opts.type = tuf_str(ref_type_text(att.type));
    EXPECT_OK(tuf_db_snapshot(&snapshot, r->db), "snapshot");
    EXPECT_OK(tuf_doc_open(&open, snapshot, tuf_str(ref_id_text(id)), NULL), "winner");
    EXPECT_OK(tuf_edit_from_doc(&edit, open), "edit from a document");
    EXPECT_OK(tuf_att_writer_new(&writer, r->db, &opts), "attachment");
    for (uint32_t at = 0; at < att.len;) {
        uint32_t len = (uint32_t)(1 + rng_below(&r->rng, 50000));
        len = len < att.len - at ? len : att.len - at;
        EXPECT_OK(tuf_att_write(writer, bytes + at, len), "attachment bytes");
        at += len;
    }
    EXPECT_OK(tuf_att_finish(&blob, writer), "attachment end");
    EXPECT_OK(tuf_edit_put_attachment(edit, tuf_str(ref_att_name(att.name)), opts.type, &blob),
              "attaching");
    EXPECT_OK(tuf_db_commit(r->db, &edit, 1, 0), "commit with attachment");
    struct ref_result got, want;
    take_result(&got, edit);
    if (ref_commit(&r->ref, &e, 1, &want) != TUF_OK || !same_result(&e, &got, &want))
        return false;
    remember_stored(r, &e, &want);
    run_note(r, want.seq);
    run_advance(r, true);
    return true;
}

bool run_purge(struct run *r)
{
    uint8_t id = (uint8_t)rng_below(&r->rng, r->id_count);
    const struct ref_doc *doc = ref_find(&r->ref, id);
    struct ref_rev asked[4];
    tuf_rev revs[4];
    bool got[4] = { true, true, true, true }, want[4];
    size_t count = 1 + (size_t)rng_below(&r->rng, 3);
    for (size_t i = 0; i < count; i++) {
        asked[i] = (struct ref_rev){ .gen = 1, .len = 4, .id = "none" };
        if (doc && !rng_chance(&r->rng, 5))
            asked[i] = rng_chance(&r->rng, 3)
                           ? doc->nodes[rng_below(&r->rng, doc->node_count)].rev
                           : doc->paths[rng_below(&r->rng, doc->path_count)].revs[0];
        revs[i] = compare_rev(&asked[i]);
    }
    tuf_purge_item item = { tuf_str(ref_id_text(id)), revs, count, got };
    EXPECT_OK(tuf_db_purge(r->db, &item, 1), "purge");
    ref_purge(&r->ref, id, asked, count, want);
    for (size_t i = 0; i < count; i++)
        EXPECT_NUMBER(got[i], want[i], "purged");
    run_note(r, r->ref.purge_seq);
    run_advance(r, true);
    return true;
}

bool run_limits(struct run *r)
{
    if (rng_chance(&r->rng, 8)) {
        EXPECT_STATUS(tuf_db_set_revs_limit(r->db, 0), TUF_E_INVALID, "revs_limit 0");
        return true;
    }
    if (rng_chance(&r->rng, 3)) {
        r->ref.purged_infos_limit = (uint32_t)(1 + rng_below(&r->rng, 5));
        EXPECT_OK(tuf_db_set_purged_infos_limit(r->db, r->ref.purged_infos_limit),
                  "purged_infos_limit");
    } else {
        r->ref.revs_limit = (uint32_t)(1 + rng_below(&r->rng, 12));
        EXPECT_OK(tuf_db_set_revs_limit(r->db, r->ref.revs_limit), "revs_limit");
    }
    r->ref.update_seq++;
    run_advance(r, true);
    return true;
}

bool run_meta(struct run *r)
{
    static const char *const names[REF_META] = { "security", "m1", "m2" };
    uint8_t name = (uint8_t)rng_below(&r->rng, REF_META);
    r->ref.meta_set[name] = !rng_chance(&r->rng, 4);
    r->ref.meta[name] = (uint32_t)++r->next_body;
    char text[REF_BODY_SIZE_MAX] = "";
    if (r->ref.meta_set[name])
        ref_body_text(text, r->ref.meta[name]);
    tuf_slice value = r->ref.meta_set[name] ? tuf_str(text) : tuf_slice_of(NULL, 0);
    if (rng_chance(&r->rng, 2)) {
        EXPECT_OK(tuf_db_put_meta(r->db, tuf_str(names[name]), value), "put_meta");
    } else {
        EXPECT_OK(tuf_db_put_meta_change(r->db, tuf_str(names[name]), value), "put_meta_change");
        r->ref.update_seq++;
    }
    run_advance(r, true);
    return true;
}

bool run_compact(struct run *r)
{
    tuf_compact_report report = { 0 };
    EXPECT_OK(tuf_db_compact(&report, r->db, NULL), "compaction");
    EXPECT_NUMBER(report.damaged_count, 0, "damaged places");
    ref_compact(&r->ref);
    run_advance(r, true);
    return true;
}
