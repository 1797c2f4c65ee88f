/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: salvage of files that are damaged at thousands of places: every document whose own bytes are
 * intact comes back (INV-SA-1), and the result is always a sound database.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "engine/doc.h"
#include "tests/crash/dump.h"
#include "tests/sim/rng.h"
#include "tests/unit/engine/world.h"

#define DOC_COUNT 48
#define NEW_PATH "new.tuffet"
#define DAMAGES_PER_TEST 250

/* A revision of the original: what must come back if its bytes are intact. */
struct known {
    char id[32];
    char rev[TUF_REV_TEXT_SIZE];
    char *body;
    uint64_t off, end; /* of its record */
    bool has_att;
};

struct original {
    struct world w;
    uint8_t *bytes;
    size_t len;
    char *dump;
    struct known known[DOC_COUNT * 2];
    size_t known_count;
};

/* ---- the file ----------------------------------------------------------------------------------- */

static void put_att(struct world *w, unsigned i)
{
    static uint8_t bytes[600000];
    size_t len = i % 2 ? 3000 : sizeof(bytes) - i;
    struct rng rng = { i };
    rng_fill(&rng, bytes, len);
    tuf_edit *edit = world_parse(0, "{'_id':'att%u','v':'with bytes'}", i);
    tuf_blob *blob = world_blob(w, "x/y", bytes, len);
    ck_ok(tuf_edit_put_attachment(edit, tuf_str("a"), tuf_str("x/y"), &blob));
    ck_ok(world_commit(w, edit, NULL));
}

static void fill(struct world *w)
{
    char revs[DOC_COUNT][TUF_REV_TEXT_SIZE];
    for (unsigned i = 0; i < DOC_COUNT; i++)
        snprintf(revs[i], sizeof(revs[i]), "%s", put(w, "{'_id':'d%u','v':'%0*u'}", i, (int)(i * 7), i));
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = round; i < DOC_COUNT; i += 3)
            snprintf(revs[i], sizeof(revs[i]), "%s",
                     put(w, "{'_id':'d%u','_rev':'%s','round':%u}", i, revs[i], round));
    put(w, "{'_id':'d5','_rev':'%s','_deleted':true}", revs[5]);
    push_path(w, "conflict", 3, "c b a");
    push_path(w, "conflict", 2, "x a");
    put(w, "{'_id':'_local/l','v':1}");
    put(w, "{'_id':'_local/l','_rev':'0-1','v':2}");
    for (unsigned i = 0; i < 2; i++)
        put_att(w, i);
    ck_ok(tuf_db_put_meta(w->db, tuf_str("security"), tuf_str("{\"secret\":1}")));
    ck_ok(tuf_db_set_revs_limit(w->db, 77));
}

static void note_leaf(struct original *o, tuf_snapshot *snapshot, const tuf_docinfo *info,
                      size_t pos)
{
    tuf_doc *doc = NULL;
    struct known *k = &o->known[o->known_count++];
    ck_ok(tuf_doc_open_leaf(&doc, snapshot, info, pos));
    snprintf(k->id, sizeof(k->id), "%.*s", (int)info->id.len, (const char *)info->id.data);
    tuf_rev_format(k->rev, tuf_doc_rev(doc));
    tuf_slice body = tuf_doc_body(doc);
    k->body = strndup((const char *)body.data, body.len);
    k->off = doc->loc.off;
    k->end = doc->loc.off + RECORD_HEADER_SIZE + doc->loc.len;
    k->has_att = tuf_doc_att_count(doc) > 0;
    tuf_doc_free(&doc);
}

static void make_original(struct original *o, unsigned kind)
{
    memset(o, 0, sizeof(*o));
    if (kind == 2) {
        world_init(&o->w, 512);
        o->w.opts.sector_size = 512;
        world_open(&o->w);
    } else {
        world_start(&o->w);
    }
    fill(&o->w);
    if (kind == 1) {
        ck_ok(tuf_db_compact(NULL, o->w.db, NULL));
        put(&o->w, "{'_id':'after','v':'compaction'}");
    }
    if (kind == 3)
        ck_ok(tuf_db_checkpoint(o->w.db));
    tuf_snapshot *snapshot = world_look(&o->w);
    tuf_cursor *cursor = NULL;
    const tuf_docinfo *info;
    tuf_range all = { .with_deleted = true };
    ck_ok(tuf_cursor_open_ids(&cursor, snapshot, &all));
    while (tuf_cursor_next(&info, cursor) == TUF_OK)
        for (size_t i = 0; i < info->leaf_count; i++)
            note_leaf(o, snapshot, info, i);
    tuf_cursor_free(&cursor);
    struct buf out = BUF_INIT;
    ck_ok(dump_db(&out, o->w.db));
    buf_append_u8(&out, 0);
    o->dump = (char *)tufi_buf_take(&out);
    if (kind != 3) /* else as a kill leaves it */
        world_close(&o->w);
    const uint8_t *bytes = sim_peek(o->w.sim, WORLD_PATH, &o->len);
    o->bytes = malloc(o->len);
    memcpy(o->bytes, bytes, o->len);
}

static void end_original(struct original *o)
{
    for (size_t i = 0; i < o->known_count; i++)
        free(o->known[i].body);
    free(o->bytes);
    tufi_free(o->dump);
    world_end(&o->w);
}

/* ---- salvage ------------------------------------------------------------------------------------ */

/* Salvages an image in memory; NULL: nothing was there to salvage. */
static tuf_db *salvage(struct tuf_vfs *vfs, const uint8_t *image, size_t len,
                       tuf_salvage_report *report)
{
    struct vfs_file *file = NULL;
    ck_ok(vfs->open(vfs, WORLD_PATH, VFS_CREATE, &file));
    ck_ok(tufi_vfs_write(file, image, len, 0));
    file->ops->close(file);
    tuf_salvage_options opts = TUF_SALVAGE_OPTIONS_INIT;
    opts.vfs = vfs;
    tuf_status st = tuf_salvage(report, WORLD_PATH, NEW_PATH, &opts);
    if (st == TUF_E_CORRUPT)
        return NULL;
    ck_ok(st);
    tuf_db *db = NULL;
    tuf_open_options how = TUF_OPEN_OPTIONS_INIT;
    how.vfs = vfs;
    ck_ok(tuf_db_open(&db, NEW_PATH, &how));
    return db;
}

static void expect_sound(tuf_db *db)
{
    tuf_snapshot *snapshot = NULL;
    tuf_check_report report;
    ck_ok(tuf_db_snapshot(&snapshot, db));
    ck_ok(tuf_check(&report, snapshot, NULL));
    ck_assert_uint_eq(report.finding_count, 0);
    tuf_snapshot_free(&snapshot);
}

static void expect_revision(tuf_snapshot *snapshot, const struct known *k, bool whole,
                            const char *what)
{
    tuf_doc *doc = NULL;
    tuf_revbuf rev;
    ck_ok(tuf_rev_parse(&rev, tuf_str(k->rev)));
    tuf_status st = tuf_doc_open(&doc, snapshot, tuf_str(k->id), &rev.rev);
    ck_assert_msg(st == TUF_OK, "%s: %s %s is lost", what, k->id, k->rev);
    tuf_slice body = tuf_doc_body(doc);
    ck_assert_msg(body.len == strlen(k->body) && memcmp(body.data, k->body, body.len) == 0,
                  "%s: %s has another body", what, k->id);
    ck_assert_msg(!whole || !k->has_att || tuf_doc_att_count(doc) == 1, "%s: %s lost its bytes", what,
                  k->id);
    tuf_doc_free(&doc);
}

/* The image differs from the original in [from, end) only. */
static void expect_intact_ones(const struct original *o, tuf_db *db, uint64_t from, uint64_t end,
                               const tuf_salvage_report *report, const char *what)
{
    tuf_snapshot *snapshot = NULL;
    ck_ok(tuf_db_snapshot(&snapshot, db));
    for (size_t i = 0; i < o->known_count; i++) {
        const struct known *k = &o->known[i];
        if (k->end <= from || k->off >= end)
            expect_revision(snapshot, k, report->atts_lost == 0, what);
    }
    tuf_snapshot_free(&snapshot);
}

enum damage { FLIP, GARBAGE, ZEROS, SHIFTED, CUT, DAMAGE_COUNT };

static size_t do_damage(uint8_t *image, size_t len, struct rng *rng, uint64_t *from, uint64_t *end)
{
    enum damage damage = (enum damage)rng_below(rng, DAMAGE_COUNT);
    size_t sectors = 1 + (size_t)rng_below(rng, 16), at = (size_t)rng_below(rng, len / 512 - 16) * 512;
    *from = at;
    *end = at + sectors * 512;
    switch (damage) {
    case FLIP:
        *from = rng_below(rng, len);
        *end = *from + 1;
        image[*from] ^= (uint8_t)(1u << rng_below(rng, 8));
        return len;
    case GARBAGE:
        rng_fill(rng, image + at, sectors * 512);
        return len;
    case ZEROS:
        memset(image + at, 0, sectors * 512);
        return len;
    case SHIFTED: /* another part of the file */
        memmove(image + at, image + (at > 8192 ? at - 8192 : at + 8192), sectors * 512);
        return len;
    case CUT:
        *end = UINT64_MAX;
        return at > 0 ? at : 512;
    case DAMAGE_COUNT:
        break;
    }
    return len;
}

START_TEST(every_document_whose_bytes_are_intact_comes_back)
{
    struct original o;
    make_original(&o, (unsigned)_i % 4);
    struct rng rng = { (uint64_t)_i + 1 };
    for (unsigned n = 0; n < DAMAGES_PER_TEST; n++) {
        char what[100];
        uint64_t from, end;
        tuf_salvage_report report;
        struct tuf_vfs *vfs = NULL;
        uint8_t *image = malloc(o.len + 65536);
        memcpy(image, o.bytes, o.len);
        size_t len = do_damage(image, o.len, &rng, &from, &end);
        snprintf(what, sizeof(what), "file %d, damage %u, bytes %llu to %llu", _i, n,
                 (unsigned long long)from, (unsigned long long)end);
        ck_ok(tufi_vfs_memory_new(&vfs));
        tuf_db *db = salvage(vfs, image, len, &report);
        ck_assert_msg(db || len <= 4096, "%s: nothing was found", what);
        if (db) {
            expect_sound(db);
            expect_intact_ones(&o, db, from, end, &report, what);
        }
        ck_ok(tuf_db_close(&db));
        tufi_vfs_memory_free(&vfs);
        free(image);
    }
    end_original(&o);
}
END_TEST

/* Nothing is lost: the same documents, limits, values, local documents. */
START_TEST(an_intact_file_comes_back_as_it_was)
{
    struct original o;
    make_original(&o, (unsigned)_i);
    struct tuf_vfs *vfs = NULL;
    tuf_salvage_report report;
    ck_ok(tufi_vfs_memory_new(&vfs));
    tuf_db *db = salvage(vfs, o.bytes, o.len, &report);
    expect_sound(db);
    ck_assert_uint_eq(report.bytes_lost, 0);
    ck_assert_uint_eq(report.revs_lost + report.atts_lost, 0);
    ck_assert(report.settings_found && !report.super_lost);
    expect_intact_ones(&o, db, 0, 0, &report, "intact");
    tuf_snapshot *a = NULL;
    tuf_slice value;
    tuf_db_info info = { .struct_size = sizeof(info) };
    ck_ok(tuf_db_snapshot(&a, db));
    ck_ok(tuf_snapshot_info(&info, a));
    ck_assert_uint_eq(info.revs_limit, 77);
    ck_assert_uint_eq(info.doc_count + info.doc_del_count, o.known_count - 1); /* one conflict */
    ck_assert_uint_eq(info.doc_del_count, 1);
    ck_ok(tuf_snapshot_get_meta(&value, a, tuf_str("security")));
    ck_assert_str_eq((const char *)value.data, "{\"secret\":1}");
    tuf_free((void *)(uintptr_t)value.data);
    tuf_doc *doc = NULL;
    ck_ok(tuf_doc_open(&doc, a, tuf_str("_local/l"), NULL));
    ck_assert_uint_eq(tuf_doc_info(doc)->local_rev, 2);
    ck_ok(tuf_doc_open(&doc, a, tuf_str("conflict"), NULL));
    ck_assert_uint_eq(tuf_doc_info(doc)->leaf_count, 2);
    const tuf_rev_entry *history;
    size_t count;
    ck_ok(tuf_doc_revisions(&history, &count, doc));
    ck_assert_uint_eq(count, 3);
    tuf_doc_free(&doc);
    tuf_snapshot_free(&a);
    ck_ok(tuf_db_close(&db));
    tufi_vfs_memory_free(&vfs);
    end_original(&o);
}
END_TEST

START_TEST(a_file_without_superblock_comes_back)
{
    struct original o;
    make_original(&o, (unsigned)_i);
    struct tuf_vfs *vfs = NULL;
    tuf_salvage_report report;
    memset(o.bytes, 0xee, 4096);
    ck_ok(tufi_vfs_memory_new(&vfs));
    tuf_db *db = salvage(vfs, o.bytes, o.len, &report);
    ck_assert(report.super_lost);
    expect_sound(db);
    expect_intact_ones(&o, db, 0, 4096, &report, "superblock");
    ck_ok(tuf_db_close(&db));
    tufi_vfs_memory_free(&vfs);
    end_original(&o);
}
END_TEST

START_TEST(what_was_purged_stays_away)
{
    struct world w;
    world_start(&w);
    bool purged[2];
    tuf_revbuf revs[2];
    ck_ok(tuf_rev_parse(&revs[0], tuf_str("3-c")));
    push_path(&w, "gone", 3, "c b a");
    push_path(&w, "half", 3, "c b a");
    push_path(&w, "half", 2, "x a");
    tuf_purge_item items[] = { { tuf_str("gone"), &revs[0].rev, 1, purged },
                               { tuf_str("half"), &revs[0].rev, 1, purged } };
    ck_ok(tuf_db_purge(w.db, items, 2));
    /* A purge that finds no such leaf takes nothing away, even of what comes later. */
    tuf_purge_item no_leaf = { tuf_str("kept"), &revs[1].rev, 1, purged };
    ck_ok(tuf_rev_parse(&revs[1], tuf_str("2-b")));
    push_path(&w, "kept", 3, "c b a");
    ck_ok(tuf_db_purge(w.db, &no_leaf, 1));
    put(&w, "{'_id':'other'}");
    world_close(&w);
    size_t len;
    const uint8_t *bytes = sim_peek(w.sim, WORLD_PATH, &len);
    struct tuf_vfs *vfs = NULL;
    tuf_salvage_report report;
    ck_ok(tufi_vfs_memory_new(&vfs));
    tuf_db *db = salvage(vfs, bytes, len, &report);
    expect_sound(db);
    tuf_snapshot *snapshot = NULL;
    tuf_doc *doc = NULL;
    ck_ok(tuf_db_snapshot(&snapshot, db));
    ck_outcome(tuf_doc_open(&doc, snapshot, tuf_str("gone"), NULL), TUF_NOT_FOUND);
    ck_ok(tuf_doc_open(&doc, snapshot, tuf_str("half"), NULL));
    ck_assert_uint_eq(tuf_doc_info(doc)->leaf_count, 1);
    ck_assert_uint_eq(tuf_doc_rev(doc).gen, 2);
    tuf_db_info info = { .struct_size = sizeof(info) };
    ck_ok(tuf_snapshot_info(&info, snapshot));
    ck_assert_uint_eq(info.purge_seq, 3);
    tuf_doc_free(&doc);
    ck_ok(tuf_doc_open(&doc, snapshot, tuf_str("kept"), NULL));
    ck_assert_uint_eq(tuf_doc_rev(doc).gen, 3);
    tuf_doc_free(&doc);
    tuf_snapshot_free(&snapshot);
    ck_ok(tuf_db_close(&db));
    tufi_vfs_memory_free(&vfs);
    world_end(&w);
}
END_TEST

/* A kill leaves them in no checkpoint. */
START_TEST(settings_behind_the_last_checkpoint_come_back)
{
    struct world w;
    world_start(&w);
    put(&w, "{'_id':'d'}");
    ck_ok(tuf_db_put_meta(w.db, tuf_str("gone"), tuf_str("x")));
    ck_ok(tuf_db_checkpoint(w.db));
    ck_ok(tuf_db_put_meta(w.db, tuf_str("gone"), tuf_slice_of(NULL, 0)));
    ck_ok(tuf_db_put_meta(w.db, tuf_str("security"), tuf_str("{}")));
    ck_ok(tuf_db_set_revs_limit(w.db, 33));
    ck_ok(tuf_db_set_purged_infos_limit(w.db, 44));
    size_t len;
    const uint8_t *bytes = sim_peek(w.sim, WORLD_PATH, &len);
    struct tuf_vfs *vfs = NULL;
    tuf_salvage_report report;
    ck_ok(tufi_vfs_memory_new(&vfs));
    tuf_db *db = salvage(vfs, bytes, len, &report);
    tuf_snapshot *snapshot = NULL;
    tuf_db_info info = { .struct_size = sizeof(info) };
    tuf_slice value;
    ck_ok(tuf_db_snapshot(&snapshot, db));
    ck_ok(tuf_snapshot_info(&info, snapshot));
    ck_assert_uint_eq(info.revs_limit, 33);
    ck_assert_uint_eq(info.purged_infos_limit, 44);
    ck_outcome(tuf_snapshot_get_meta(&value, snapshot, tuf_str("gone")), TUF_NOT_FOUND);
    ck_ok(tuf_snapshot_get_meta(&value, snapshot, tuf_str("security")));
    ck_assert_str_eq((const char *)value.data, "{}");
    tuf_free((void *)(uintptr_t)value.data);
    tuf_snapshot_free(&snapshot);
    ck_ok(tuf_db_close(&db));
    tufi_vfs_memory_free(&vfs);
    world_end(&w);
}
END_TEST

/* What a revision stood upon is known by its length when one record between is lost. */
START_TEST(a_history_goes_on_below_a_lost_record)
{
    struct world w;
    char revs[3][TUF_REV_TEXT_SIZE] = { "" };
    world_start(&w);
    snprintf(revs[0], sizeof(revs[0]), "%s", put(&w, "{'_id':'gap','v':1}"));
    snprintf(revs[1], sizeof(revs[1]), "%s", put(&w, "{'_id':'gap','_rev':'%s','v':2}", revs[0]));
    tuf_doc *doc = NULL;
    ck_ok(tuf_doc_open(&doc, world_look(&w), tuf_str("gap"), NULL));
    uint64_t off = doc->loc.off;
    tuf_doc_free(&doc);
    snprintf(revs[2], sizeof(revs[2]), "%s", put(&w, "{'_id':'gap','_rev':'%s','v':3}", revs[1]));
    world_close(&w);
    size_t len;
    const uint8_t *bytes = sim_peek(w.sim, WORLD_PATH, &len);
    uint8_t *image = malloc(len);
    memcpy(image, bytes, len);
    image[off + 20] ^= 1;
    struct tuf_vfs *vfs = NULL;
    tuf_salvage_report report;
    ck_ok(tufi_vfs_memory_new(&vfs));
    tuf_db *db = salvage(vfs, image, len, &report);
    expect_sound(db);
    ck_assert_uint_gt(report.bytes_lost, 0);
    tuf_snapshot *snapshot = NULL;
    ck_ok(tuf_db_snapshot(&snapshot, db));
    ck_ok(tuf_doc_open(&doc, snapshot, tuf_str("gap"), NULL));
    ck_assert_uint_eq(tuf_doc_info(doc)->leaf_count, 1);
    const tuf_rev_entry *history;
    size_t count;
    ck_ok(tuf_doc_revisions(&history, &count, doc));
    ck_assert_uint_eq(count, 3);
    for (size_t i = 0; i < 3; i++) {
        char text[TUF_REV_TEXT_SIZE];
        tuf_rev_format(text, history[i].rev);
        ck_assert_str_eq(text, revs[2 - i]);
    }
    tuf_doc_free(&doc);
    tuf_snapshot_free(&snapshot);
    ck_ok(tuf_db_close(&db));
    tufi_vfs_memory_free(&vfs);
    free(image);
    world_end(&w);
}
END_TEST

/* INV-SA-2 */
START_TEST(bytes_that_look_like_records_cost_little)
{
    size_t len = 4u << 20;
    uint8_t *image = malloc(len);
    struct original o;
    make_original(&o, 0);
    memcpy(image, o.bytes, 4096);
    for (size_t i = 4096; i + 8 <= len; i += 8)
        memcpy(image + i, "\x01\0\0\0\0\x10\0\0", 8);
    struct tuf_vfs *vfs = NULL;
    tuf_salvage_report report;
    ck_ok(tufi_vfs_memory_new(&vfs));
    clock_t start = clock();
    tuf_db *db = salvage(vfs, image, len, &report);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    ck_assert_msg(seconds < 20, "%.1f s", seconds);
    ck_assert_uint_eq(report.docs_written, 0);
    ck_ok(tuf_db_close(&db));
    tufi_vfs_memory_free(&vfs);
    free(image);
    end_original(&o);
}
END_TEST

/* ---- failing calls ------------------------------------------------------------------------------
 */

struct alloc_fault {
    uint64_t calls, at;
    bool hit;
};

static bool may_allocate(size_t size, void *ctx)
{
    (void)size;
    struct alloc_fault *f = ctx;
    f->hit = f->hit || ++f->calls == f->at;
    return f->calls != f->at;
}

static char *dump_of(const struct tuf_vfs *vfs)
{
    tuf_open_options how = TUF_OPEN_OPTIONS_INIT;
    tuf_db *db = NULL;
    struct buf out = BUF_INIT;
    how.vfs = vfs;
    ck_ok(tuf_db_open(&db, NEW_PATH, &how));
    expect_sound(db);
    ck_ok(dump_db(&out, db));
    buf_append_u8(&out, 0);
    ck_ok(tuf_db_close(&db));
    return (char *)tufi_buf_take(&out);
}

/* Salvages with the k-th call of a kind failing (FAULT_KIND_COUNT: the k-th allocation). Returns
 * whether one did. */
static bool salvage_with_fault(const struct original *o, enum fault_kind kind, uint64_t k,
                               const char *want)
{
    struct tuf_vfs *vfs = NULL;
    struct vfs_file *file = NULL;
    ck_ok(tufi_vfs_memory_new(&vfs));
    ck_ok(vfs->open(vfs, WORLD_PATH, VFS_CREATE, &file));
    ck_ok(tufi_vfs_write(file, o->bytes, o->len, 0));
    file->ops->close(file);
    struct fault *fault = fault_new(vfs);
    struct alloc_fault alloc = { .at = k };
    struct fault_plan plan = { .kind = kind, .at = k };
    tuf_salvage_options opts = TUF_SALVAGE_OPTIONS_INIT;
    tuf_salvage_report report;
    opts.vfs = fault_vfs(fault);
    if (kind == FAULT_KIND_COUNT)
        tufi_alloc_set_hook(may_allocate, &alloc);
    else
        fault_set(fault, &plan);
    tuf_status st = tuf_salvage(&report, WORLD_PATH, NEW_PATH, &opts);
    tufi_alloc_set_hook(NULL, NULL);
    bool hit = kind == FAULT_KIND_COUNT ? alloc.hit : fault_hits(fault) > 0;
    fault_set(fault, NULL);
    ck_assert_msg(st <= TUF_OK && st != TUF_E_INTERNAL, "call %llu of kind %d: %s",
                  (unsigned long long)k, (int)kind, tuf_status_name(st));
    if (kind == FAULT_KIND_COUNT && hit)
        ck_assert_msg(st == TUF_E_NOMEM || st == TUF_OK, "allocation %llu: %s",
                      (unsigned long long)k, tuf_status_name(st));
    bool complete = st == TUF_OK && report.bytes_lost == 0 && !report.super_lost &&
                    report.settings_found && report.revs_lost + report.atts_lost == 0;
    if (st < 0) { /* the damaged file is as it was: the same call can be made again */
        if (vfs->open(vfs, NEW_PATH, 0, &file) == TUF_OK) {
            file->ops->close(file);
            ck_ok(vfs->unlink(vfs, NEW_PATH));
        }
        ck_ok(tuf_salvage(&report, WORLD_PATH, NEW_PATH, &opts));
        complete = true;
    }
    if (complete) {
        char *got = dump_of(vfs);
        ck_assert_msg(strcmp(got, want) == 0, "call %llu of kind %d: %s, and something is missing",
                      (unsigned long long)k, (int)kind, tuf_status_name(st));
        tufi_free(got);
    }
    fault_free(&fault);
    tufi_vfs_memory_free(&vfs);
    return hit;
}

/* It says so, and nothing is left out in silence. */
START_TEST(each_call_of_a_salvage_may_fail)
{
    static const enum fault_kind kinds[] = { FAULT_KIND_COUNT, FAULT_ANY };
    struct original o;
    make_original(&o, (unsigned)_i / 2);
    struct tuf_vfs *vfs = NULL;
    tuf_salvage_report report;
    ck_ok(tufi_vfs_memory_new(&vfs));
    tuf_db *db = salvage(vfs, o.bytes, o.len, &report);
    ck_ok(tuf_db_close(&db));
    char *want = dump_of(vfs);
    tufi_vfs_memory_free(&vfs);
    uint64_t k = 1;
    while (salvage_with_fault(&o, kinds[_i % 2], k, want))
        k += 1 + k / 40;
    ck_assert_uint_gt(k, 100);
    tufi_free(want);
    end_original(&o);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("salvage");
    TCase *tc = tcase_create("salvage");
    tcase_add_loop_test(tc, every_document_whose_bytes_are_intact_comes_back, 0, 8);
    tcase_add_loop_test(tc, an_intact_file_comes_back_as_it_was, 0, 4);
    tcase_add_loop_test(tc, a_file_without_superblock_comes_back, 0, 4);
    tcase_add_test(tc, what_was_purged_stays_away);
    tcase_add_test(tc, settings_behind_the_last_checkpoint_come_back);
    tcase_add_test(tc, a_history_goes_on_below_a_lost_record);
    tcase_add_test(tc, bytes_that_look_like_records_cost_little);
    tcase_add_loop_test(tc, each_call_of_a_salvage_may_fail, 0, 8);
    tcase_set_timeout(tc, 300);
    suite_add_tcase(suite, tc);
    return tuft_run(suite);
}
