/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: salvage of files with chosen damages, one for each kind of record and of loss: what comes back,
 * what stays away, and what is said about it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "fileformat/docinfo.h"
#include "fileformat/docrec.h"
#include "tests/unit/engine/image.h"

#define NEW_PATH "new.tuffet"
/* Two ids of the same hash, by which salvage groups records (FNV-1a, 64 bits). */
#define TWIN_A "8yn0iYCKYHlIj4-BwPqk"
#define TWIN_B "GReLUrM4wMqfg9yzV3KQ"

static char told[8192]; /* what the newest salvage said, a line for each */

static void tell(const tuf_finding *finding, void *ctx)
{
    (void)ctx;
    size_t len = strlen(told);
    snprintf(told + len, sizeof(told) - len, "%.*s: %s\n", (int)finding->id.len,
             (const char *)finding->id.data, finding->text);
}

static tuf_status salvage_from(tuf_salvage_report *report, const struct tuf_vfs *vfs)
{
    tuf_salvage_options opts = TUF_SALVAGE_OPTIONS_INIT;
    opts.vfs = vfs;
    opts.found = tell;
    told[0] = 0;
    return tuf_salvage(report, WORLD_PATH, NEW_PATH, &opts);
}

/* Opens what was salvaged. */
static void open_new(struct world *w)
{
    tuf_open_options how = TUF_OPEN_OPTIONS_INIT;
    how.vfs = fault_vfs(w->fault);
    ck_ok(tuf_db_open(&w->db, NEW_PATH, &how));
    check_clean(w);
}

/* Salvages the closed database; from then on w->db is the new one. */
static tuf_salvage_report salvage(struct world *w)
{
    tuf_salvage_report report;
    ck_ok(salvage_from(&report, fault_vfs(w->fault)));
    open_new(w);
    return report;
}

static void start(struct world *w)
{
    world_init(w, 512);
    w->opts.sector_size = 512;
    world_open(w);
}

/* The file as a killed process leaves it: without the checkpoint that closing makes. */
static void take(struct image *image, struct world *w)
{
    image_take(image, w);
    world_close(w);
}

static tuf_salvage_report salvage_image(struct world *w, struct image *image)
{
    image_store(w, image);
    tufi_buf_release(&image->bytes);
    return salvage(w);
}

static void flip_record(struct image *image, enum record_type type, size_t nth)
{
    image_flip(image, image_find_record(image, type, nth).off + RECORD_HEADER_SIZE);
}

static void purge(struct world *w, const char *id, const char *rev)
{
    tuf_revbuf parsed;
    bool purged;
    ck_ok(tuf_rev_parse(&parsed, tuf_str(rev)));
    tuf_purge_item item = { tuf_str(id), &parsed.rev, 1, &purged };
    ck_ok(tuf_db_purge(w->db, &item, 1));
}

/* A commit of one crafted record with good checksums. */
static void craft(struct image *image, enum record_type type, tuf_slice record)
{
    struct buf payload = BUF_INIT;
    struct frame_header last = image_last(image);
    image_put_record(&payload, image, type, record);
    image_append(image,
                 (struct frame_header){ .kind = FRAME_COMMIT,
                                        .commit = last.commit + 1,
                                        .update_seq = last.update_seq,
                                        .record_count = 1 },
                 &payload);
    tufi_buf_release(&payload);
}

/* ---- records ------------------------------------------------------------------------------------ */

START_TEST(nonsense_with_good_checksums_is_nobodys_record)
{
    static const enum record_type types[] = { RECORD_DOC,  RECORD_TREE,  RECORD_LOCAL,
                                              RECORD_META, RECORD_PURGE, RECORD_CHUNK };
    struct world w;
    struct image image;
    struct rng rng = { 7 };
    start(&w);
    put(&w, "{'_id':'d','v':1}");
    put(&w, "{'_id':'_local/l','v':1}");
    take(&image, &w);
    for (unsigned i = 0; i < 300; i++) {
        uint8_t bytes[64];
        size_t len = i % 64;
        rng_fill(&rng, bytes, sizeof(bytes));
        if (i % 2) /* small numbers get further */
            for (size_t k = 0; k < len; k++)
                bytes[k] &= 7;
        craft(&image, types[i % 6], tuf_slice_of(bytes, len));
    }
    tuf_salvage_report report = salvage_image(&w, &image);
    ck_assert_uint_eq(report.bytes_lost, 0);
    ck_text(body(&w, "d", NULL), "{\"v\":1}");
    ck_text(body(&w, "_local/l", NULL), "{\"v\":1}");
    world_end(&w);
}
END_TEST

static void craft_doc(struct image *image, const char *id, enum body_codec codec, const char *stored,
                      size_t body_len)
{
    struct buf record = BUF_INIT;
    tuf_revbuf rev;
    ck_ok(tuf_rev_parse(&rev, tuf_str("1-a")));
    struct docrec rec = { .seq = 90,
                          .id = tuf_str(id),
                          .rev = rev.rev,
                          .stem_limit = 1000,
                          .path_len = 1,
                          .node_count = 1,
                          .codec = codec,
                          .body_len = body_len,
                          .body = tuf_str(stored) };
    tufi_docrec_encode(&record, &rec);
    craft(image, RECORD_DOC, buf_slice(&record));
    tufi_buf_release(&record);
}

static void craft_local(struct image *image, const char *id, enum body_codec codec,
                        const char *stored, size_t body_len)
{
    struct buf record = BUF_INIT;
    struct localrec rec = { .id = tuf_str(id),
                            .rev = 1,
                            .codec = codec,
                            .body_len = body_len,
                            .body = tuf_str(stored) };
    tufi_localrec_encode(&record, &rec);
    craft(image, RECORD_LOCAL, buf_slice(&record));
    tufi_buf_release(&record);
}

START_TEST(a_body_that_cannot_be_unpacked_is_said_and_left_out)
{
    struct world w;
    struct image image;
    start(&w);
    put(&w, "{'_id':'d','v':1}");
    take(&image, &w);
    craft_doc(&image, "zip", BODY_ZLIB, "no deflate", 100);
    craft_doc(&image, "text", BODY_PLAIN, "{no json}", 9);
    craft_doc(&image, "_no", BODY_PLAIN, "{}", 2);
    craft_local(&image, "zip", BODY_SNAPPY, "no snappy", 100);
    craft_local(&image, "text", BODY_PLAIN, "{no json}", 9);
    craft_local(&image, "good", BODY_PLAIN, "{\"v\":2}", 7);
    tuf_salvage_report report = salvage_image(&w, &image);
    ck_assert_uint_eq(report.revs_lost, 3);
    ck_assert_ptr_nonnull(strstr(told, "zip: "));
    ck_assert_ptr_nonnull(strstr(told, "text: "));
    ck_assert_ptr_nonnull(strstr(told, "_no: "));
    ck_assert_uint_eq(report.locals_written, 1);
    ck_text(body(&w, "_local/good", NULL), "{\"v\":2}");
    ck_outcome(try_doc(&w, "_local/zip", NULL), TUF_NOT_FOUND);
    ck_outcome(try_doc(&w, "zip", NULL), TUF_NOT_FOUND);
    ck_text(body(&w, "d", NULL), "{\"v\":1}");
    world_end(&w);
}
END_TEST

/* Two copies of one record, as a repair by hand or a stale sector makes them. */
START_TEST(a_revision_that_is_there_twice_is_one_revision)
{
    struct world w;
    struct image image;
    start(&w);
    put(&w, "{'_id':'d','v':1}");
    take(&image, &w);
    for (int i = 0; i < 70; i++)
        craft_doc(&image, "twice", BODY_PLAIN, "{\"v\":2}", 7);
    tuf_salvage_report report = salvage_image(&w, &image);
    ck_assert_uint_eq(report.docs_written, 2);
    ck_text(leaves(&w, "twice"), "1-a");
    ck_assert_uint_eq(world_info(&w).doc_count, 2);
    world_end(&w);
}
END_TEST

START_TEST(documents_whose_ids_have_one_hash_both_come_back)
{
    struct world w;
    start(&w);
    push_path(&w, TWIN_A, 3, "c b a");
    push_path(&w, TWIN_B, 2, "y x");
    push_path(&w, TWIN_A, 4, "d c b a");
    push_path(&w, TWIN_A, 3, "e b a");
    put(&w, "{'_id':'_local/" TWIN_A "','v':1}");
    put(&w, "{'_id':'_local/" TWIN_B "','v':2}");
    put(&w, "{'_id':'_local/" TWIN_A "','v':3,'_rev':'0-1'}");
    for (unsigned i = 1; i < 18; i++)
        push_path(&w, TWIN_B, i + 2, text("z%u z%u", i, i - 1));
    purge(&w, TWIN_A, "4-d");
    world_close(&w);
    tuf_salvage_report report = salvage(&w);
    ck_assert_uint_eq(report.docs_written, 2);
    ck_assert_uint_eq(report.revs_lost, 0);
    ck_text(leaves(&w, TWIN_A), "3-e");
    ck_text(leaves(&w, TWIN_B), "19-z17 2-y");
    ck_text(body(&w, "_local/" TWIN_A, NULL), "{\"v\":3}");
    ck_text(body(&w, "_local/" TWIN_B, NULL), "{\"v\":2}");
    world_end(&w);
}
END_TEST

/* ---- histories ---------------------------------------------------------------------------------- */

static void make_history(struct world *w, unsigned count)
{
    push_path(w, "d", 1, "r1");
    for (unsigned i = 2; i <= count; i++)
        push_path(w, "d", i, text("r%u r%u", i, i - 1));
}

START_TEST(one_lost_revision_keeps_its_place_in_the_history)
{
    struct world w;
    struct image image;
    start(&w);
    make_history(&w, 6);
    take(&image, &w);
    flip_record(&image, RECORD_DOC, 2);
    (void)salvage_image(&w, &image);
    ck_text(leaves(&w, "d"), "6-r6");
    ck_text(history(&w, "d", NULL), "6-r6 5-r5 4-r4 3-r3 2-r2 1-r1");
    world_end(&w);
}
END_TEST

START_TEST(two_lost_revisions_leave_a_gap_and_no_guess)
{
    struct world w;
    struct image image;
    start(&w);
    make_history(&w, 6);
    take(&image, &w);
    flip_record(&image, RECORD_DOC, 2);
    flip_record(&image, RECORD_DOC, 3);
    (void)salvage_image(&w, &image);
    ck_text(leaves(&w, "d"), "6-r6 2-r2");
    ck_text(history(&w, "d", NULL), "6-r6 5-r5 4-r4");
    world_end(&w);
}
END_TEST

/* Which of the two it stood upon cannot be known. */
START_TEST(a_gap_above_a_conflict_stays_open)
{
    struct world w;
    struct image image;
    start(&w);
    make_history(&w, 2);
    push_path(&w, "d", 2, "other r1");
    push_path(&w, "d", 3, "r3 r2");
    push_path(&w, "d", 4, "r4 r3");
    take(&image, &w);
    flip_record(&image, RECORD_DOC, 3);
    (void)salvage_image(&w, &image);
    ck_text(leaves(&w, "d"), "4-r4 2-r2 2-other");
    ck_text(history(&w, "d", NULL), "4-r4 3-r3");
    world_end(&w);
}
END_TEST

/* ---- purges ------------------------------------------------------------------------------------- */

START_TEST(a_damaged_purge_takes_nothing_away)
{
    struct world w;
    struct image image;
    start(&w);
    push_path(&w, "kept", 1, "a");
    push_path(&w, "gone", 1, "a");
    purge(&w, "kept", "1-a");
    purge(&w, "gone", "1-a");
    take(&image, &w);
    flip_record(&image, RECORD_PURGE, 0);
    (void)salvage_image(&w, &image);
    ck_text(leaves(&w, "kept"), "1-a");
    ck_outcome(try_doc(&w, "gone", NULL), TUF_NOT_FOUND);
    ck_assert_uint_eq(world_info(&w).purge_seq, 2);
    world_end(&w);
}
END_TEST

/* The tree that a purge leaves is written before it; without it the purge's own list counts. */
START_TEST(a_purge_counts_without_the_tree_before_it)
{
    struct world w;
    struct image image;
    start(&w);
    push_path(&w, "half", 1, "a");
    push_path(&w, "half", 2, "b a");
    push_path(&w, "half", 2, "x a");
    purge(&w, "half", "2-b");
    take(&image, &w);
    flip_record(&image, RECORD_TREE, 0);
    (void)salvage_image(&w, &image);
    ck_text(leaves(&w, "half"), "2-x");
    ck_assert_uint_eq(world_info(&w).purge_seq, 1);
    world_end(&w);
}
END_TEST

/* Its checksum is good, its list of revisions is not. */
START_TEST(a_purge_with_a_bad_list_takes_nothing_away)
{
    struct world w;
    struct image image;
    struct buf record = BUF_INIT;
    struct purgerec rec = { .purge_seq = 1, .id = tuf_str("kept"), .revs = tuf_str("\x05") };
    start(&w);
    push_path(&w, "kept", 1, "a");
    take(&image, &w);
    tufi_purgerec_encode(&record, &rec);
    craft(&image, RECORD_PURGE, buf_slice(&record));
    tufi_buf_release(&record);
    (void)salvage_image(&w, &image);
    ck_text(leaves(&w, "kept"), "1-a");
    ck_assert_uint_eq(world_info(&w).purge_seq, 0);
    world_end(&w);
}
END_TEST

/* ---- settings ----------------------------------------------------------------------------------- */

static const char *meta(struct world *w, const char *name)
{
    static char out[100];
    tuf_slice value;
    tuf_status st = tuf_snapshot_get_meta(&value, world_look(w), tuf_str(name));
    if (st == TUF_NOT_FOUND)
        return "none";
    ck_ok(st);
    snprintf(out, sizeof(out), "%.*s", (int)value.len, (const char *)value.data);
    tuf_free((void *)(uintptr_t)value.data);
    return out;
}

static void craft_meta(struct image *image, tuf_slice key, tuf_slice value)
{
    struct buf record = BUF_INIT;
    struct metarec rec = { .key = key, .value = value };
    tufi_metarec_encode(&record, &rec);
    craft(image, RECORD_META, buf_slice(&record));
    tufi_buf_release(&record);
}

static void make_settings(struct world *w)
{
    put(w, "{'_id':'d'}");
    ck_ok(tuf_db_put_meta(w->db, tuf_str("old"), tuf_str("1")));
    ck_ok(tuf_db_put_meta(w->db, tuf_str("empty"), tuf_str("")));
    ck_ok(tuf_db_checkpoint(w->db));
    ck_ok(tuf_db_put_meta(w->db, tuf_str("new"), tuf_str("2")));
    ck_ok(tuf_db_put_meta(w->db, tuf_str("void"), tuf_str("")));
    ck_ok(tuf_db_put_meta(w->db, tuf_str("old"), tuf_slice_of(NULL, 0)));
    ck_ok(tuf_db_set_revs_limit(w->db, 71));
    ck_ok(tuf_db_set_purged_infos_limit(w->db, 72));
}

static void expect_settings(struct world *w)
{
    ck_text(meta(w, "old"), "none");
    ck_text(meta(w, "empty"), "");
    ck_text(meta(w, "new"), "2");
    ck_text(meta(w, "void"), "");
    tuf_db_info info = world_info(w);
    ck_assert_uint_eq(info.revs_limit, 71);
    ck_assert_uint_eq(info.purged_infos_limit, 72);
}

START_TEST(settings_after_the_last_checkpoint_count)
{
    struct world w;
    struct image image;
    start(&w);
    make_settings(&w);
    take(&image, &w);
    craft_meta(&image, tuf_str("Crevs_limit"), tuf_slice_of("\0", 1)); /* none is a limit */
    craft_meta(&image, tuf_str("Crevs_limit"), tuf_str("\xff\xff"));
    craft_meta(&image, tuf_str("Cunknown"), tuf_str("\x05"));
    craft_meta(&image, tuf_str("M"), tuf_str("\x05"));
    tuf_salvage_report report = salvage_image(&w, &image);
    ck_assert(report.settings_found);
    expect_settings(&w);
    world_end(&w);
}
END_TEST

/* Its frame header, its payload, or the nodes it points to. */
START_TEST(a_damaged_checkpoint_is_made_up_for_by_the_records)
{
    struct world w;
    struct image image;
    start(&w);
    make_settings(&w);
    take(&image, &w);
    struct frame_header h = image_find_frame(&image, _i == 2 ? FRAME_NODES : FRAME_CHECKPOINT, 0);
    image_flip(&image, h.off + (_i == 0 ? 9 : FRAME_HEADER_SIZE + h.payload_len / 2));
    tuf_salvage_report report = salvage_image(&w, &image);
    ck_assert_uint_ge(report.records_found, 8);
    expect_settings(&w);
    ck_assert_uint_eq(world_info(&w).doc_count, 1);
    world_end(&w);
}
END_TEST

/* And the records since the older one are added. */
START_TEST(nodes_that_are_lost_fall_back_to_an_older_checkpoint)
{
    struct world w;
    struct image image;
    start(&w);
    make_settings(&w);
    purge(&w, "d", "9-nosuch");
    ck_ok(tuf_db_checkpoint(w.db));
    push_path(&w, "late", 1, "a");
    purge(&w, "late", "1-a");
    ck_ok(tuf_db_checkpoint(w.db));
    take(&image, &w);
    struct frame_header h;
    uint64_t last = 0;
    for (size_t i = 0; image_frame(&h, &image, i); i++)
        if (h.kind == FRAME_NODES)
            last = h.off;
    image_flip(&image, last + FRAME_HEADER_SIZE + 40);
    tuf_salvage_report report = salvage_image(&w, &image);
    ck_assert(report.settings_found);
    expect_settings(&w);
    ck_assert_uint_eq(world_info(&w).purge_seq, 2);
    world_end(&w);
}
END_TEST

/* ---- attachments -------------------------------------------------------------------------------- */

#define LONG_NAME                                                                                  \
    "a name of more than sixty bytes, which is cut where the loss is told, in the middle of it"

static void attach(struct world *w, const char *id, const char *name, size_t len)
{
    static uint8_t bytes[700000];
    struct rng rng = { len };
    tuf_edit *edit = world_parse(0, "{'_id':'%s','_attachments':{'small':{'data':'aGVsbG8='}}}", id);
    rng_fill(&rng, bytes, len);
    tuf_blob *blob = world_blob(w, "x/y", bytes, len);
    ck_ok(tuf_edit_put_attachment(edit, tuf_str(name), tuf_str("x/y"), &blob));
    ck_ok(world_commit(w, edit, NULL));
}

/* Its only chunk, one of its chunks, or the list of them: the last of the four. */
START_TEST(an_attachment_without_its_bytes_is_left_out_and_said)
{
    struct world w;
    struct image image;
    start(&w);
    attach(&w, "att", LONG_NAME, _i == 0 ? 3000 : 700000);
    take(&image, &w);
    flip_record(&image, RECORD_CHUNK, _i == 0 ? 0 : _i == 1 ? 1 : 3);
    tuf_salvage_report report = salvage_image(&w, &image);
    ck_assert_uint_eq(report.atts_lost, 1);
    ck_assert_ptr_nonnull(strstr(told, "att: attachment \"a name of more than"));
    ck_assert_ptr_null(strstr(told, "in the middle of it"));
    ck_text(atts(&w, "att", NULL), "small:1:5");
    ck_text(att_text(&w, "att", "small"), "hello");
    world_end(&w);
}
END_TEST

START_TEST(compressed_attachments_come_back_as_they_were)
{
    struct world w;
    struct buf long_text = BUF_INIT;
    start(&w);
    tufi_buf_printf(&long_text, "%05000d", 5);
    tuf_blob *blob = world_blob(&w, "text/plain", long_text.data, long_text.len);
    tuf_edit *edit = world_parse(0, "{'_id':'att'}");
    ck_ok(tuf_edit_put_attachment(edit, tuf_str("zip"), tuf_str("text/plain"), &blob));
    ck_ok(world_commit(&w, edit, NULL));
    buf_append_u8(&long_text, 0);
    world_close(&w);
    tuf_salvage_report report = salvage(&w);
    ck_assert_uint_eq(report.atts_lost, 0);
    ck_text(att_text(&w, "att", "zip"), (const char *)long_text.data);
    ck_assert_ptr_nonnull(strstr(atts(&w, "att", NULL), ":1:5000"));
    tufi_buf_release(&long_text);
    world_end(&w);
}
END_TEST

/* ---- files -------------------------------------------------------------------------------------- */

START_TEST(a_file_of_nothing_is_no_database)
{
    struct world w;
    tuf_salvage_report report;
    struct image image = { .bytes = BUF_INIT };
    static const size_t lens[] = { 0, 100, 4096, 200000 };
    world_init(&w, 512);
    for (size_t i = 0; i < lens[_i]; i++)
        buf_append_u8(&image.bytes, (uint8_t)(i * 7 + 3));
    image_store(&w, &image);
    ck_fails(salvage_from(&report, fault_vfs(w.fault)), TUF_E_CORRUPT);
    ck_assert(report.super_lost);
    ck_assert_uint_eq(sim_name_count(w.sim), 1);
    ck_outcome(tuf_salvage(NULL, "nosuch", NEW_PATH,
                           &(tuf_salvage_options){ .struct_size = sizeof(tuf_salvage_options),
                                                   .vfs = fault_vfs(w.fault) }),
               TUF_NOT_FOUND);
    ck_fails(tuf_salvage(&report, WORLD_PATH, NEW_PATH, &(tuf_salvage_options){ .struct_size = 1 }),
             TUF_E_MISUSE);
    tufi_buf_release(&image.bytes);
    world_end(&w);
}
END_TEST

/* The id of a file without superblock is what most of its frame headers agree upon, although another
 * file's stand before them. With more headers than are counted, too. */
START_TEST(the_frames_vote_for_the_lost_superblock)
{
    struct world w;
    struct image image;
    unsigned count = _i ? 90 : 20;
    start(&w);
    for (unsigned i = 0; i < count; i++)
        put(&w, "{'_id':'d%u'}", i);
    take(&image, &w);
    struct frame_header heads[3];
    for (size_t i = 0; i < 3; i++)
        heads[i] = image_find_frame(&image, FRAME_COMMIT, i);
    for (size_t i = 0; i < 3; i++) { /* records have checksums of their own: d0, d1, d2 are still there */
        const uint8_t uuid[16] = { 9, 9, (uint8_t)(i / 2) };
        tufi_frame_encode(image.bytes.data + heads[i].off, &heads[i], uuid);
    }
    memset(image.bytes.data, 0, SUPERBLOCK_SIZE);
    tuf_salvage_report report = salvage_image(&w, &image);
    ck_assert(report.super_lost);
    ck_assert(!report.settings_found);
    ck_assert_uint_eq(world_info(&w).doc_count, count);
    world_end(&w);
}
END_TEST

/* The list of records grows from 64 on: with so many nothing is behind the last one. */
START_TEST(as_many_records_as_the_list_has_room_for)
{
    struct world w;
    struct image image;
    start(&w);
    for (int i = 0; i < 62 + _i; i++)
        put(&w, "{'_id':'_local/l%d','v':%d}", i, i);
    take(&image, &w);
    tuf_salvage_report report = salvage_image(&w, &image);
    ck_assert_uint_eq(report.locals_written, 62 + (unsigned)_i);
    ck_text(body(&w, "_local/l61", NULL), "{\"v\":61}");
    world_end(&w);
}
END_TEST

/* ---- sectors that cannot be read ---------------------------------------------------------------- */

/* The vfs below, with a range of bytes of one file that cannot be read. */
struct rotten {
    struct tuf_vfs vfs;
    const struct tuf_vfs *below;
    uint64_t from, end;
};

struct rotten_file {
    struct vfs_file base;
    struct vfs_file_ops ops;
    struct vfs_file *below;
    const struct rotten *disk;
};

static tuf_status rotten_pread(struct vfs_file *f, void *buf, size_t len, uint64_t off, size_t *got)
{
    struct rotten_file *file = (struct rotten_file *)f;
    if (off < file->disk->end && off + len > file->disk->from)
        return tufi_fail(TUF_E_IO, "rotten");
    return file->below->ops->pread(file->below, buf, len, off, got);
}

static tuf_status rotten_size(struct vfs_file *f, uint64_t *out)
{
    struct rotten_file *file = (struct rotten_file *)f;
    return file->below->ops->size(file->below, out);
}

static void rotten_close(struct vfs_file *f)
{
    struct rotten_file *file = (struct rotten_file *)f;
    file->below->ops->close(file->below);
    free(file);
}

static tuf_status rotten_open(const struct tuf_vfs *v, const char *path, unsigned flags,
                              struct vfs_file **out)
{
    const struct rotten *disk = (const struct rotten *)v;
    if (strcmp(path, WORLD_PATH) != 0)
        return disk->below->open(disk->below, path, flags, out);
    struct rotten_file *file = calloc(1, sizeof(*file));
    ck_assert_ptr_nonnull(file);
    tuf_status st = disk->below->open(disk->below, path, flags, &file->below);
    if (st != TUF_OK) {
        free(file);
        return st;
    }
    file->ops = (struct vfs_file_ops){ .pread = rotten_pread, .size = rotten_size, .close = rotten_close };
    file->base.ops = &file->ops;
    file->disk = disk;
    *out = &file->base;
    return TUF_OK;
}

/* Salvages with a range of the file rotten. */
static tuf_salvage_report salvage_rotten(struct world *w, uint64_t from, uint64_t end)
{
    struct rotten disk = { .vfs = *sim_vfs(w->sim), .below = sim_vfs(w->sim), .from = from, .end = end };
    tuf_salvage_report report;
    disk.vfs.open = rotten_open;
    ck_ok(salvage_from(&report, &disk.vfs));
    open_new(w);
    return report;
}

START_TEST(what_is_around_a_rotten_sector_comes_back)
{
    struct world w;
    struct image image;
    start(&w);
    for (unsigned i = 0; i < 20; i++)
        put(&w, "{'_id':'d%u'}", i);
    ck_ok(tuf_db_checkpoint(w.db));
    take(&image, &w);
    struct frame_header h = image_find_frame(&image, FRAME_COMMIT, 7);
    tuf_salvage_report report = salvage_rotten(&w, h.off, h.off + 512);
    ck_assert_uint_eq(world_info(&w).doc_count, 19);
    ck_outcome(try_doc(&w, "d7", NULL), TUF_NOT_FOUND);
    ck_assert_uint_eq(report.revs_lost, 1);
    ck_assert_uint_eq(report.bytes_lost, 512); /* unread bytes are no padding */
    ck_assert_ptr_nonnull(strstr(told, "d7: revision 1-"));
    tufi_buf_release(&image.bytes);
    world_end(&w);
}
END_TEST

/* The documents come back without the superblock, and the settings with the records that set them. */
START_TEST(a_rotten_superblock_costs_no_document)
{
    struct world w;
    start(&w);
    make_settings(&w);
    world_close(&w);
    tuf_salvage_report report = salvage_rotten(&w, 0, 1);
    ck_assert(report.super_lost && !report.settings_found);
    ck_assert_uint_eq(report.docs_written, 1);
    expect_settings(&w);
    world_end(&w);
}
END_TEST

/* A payload that reaches beyond the end, and a record that does. */
START_TEST(what_was_cut_off_is_not_looked_for)
{
    struct world w;
    struct image image;
    start(&w);
    for (unsigned i = 0; i < 5; i++)
        put(&w, "{'_id':'d%u','v':'%0600u'}", i, i);
    ck_ok(tuf_db_checkpoint(w.db));
    take(&image, &w);
    struct frame_header h = image_find_frame(&image, _i < 2 ? FRAME_NODES : FRAME_COMMIT, _i < 2 ? 0 : 4);
    image.bytes.len = h.off + (_i == 0 ? FRAME_HEADER_SIZE + 5 : _i == 1 ? 30 : FRAME_HEADER_SIZE + 6);
    if (_i == 3)
        image.bytes.len += 20;
    tuf_salvage_report report = salvage_image(&w, &image);
    ck_assert_uint_eq(report.docs_written, _i < 2 ? 5 : 4);
    ck_assert_uint_eq(world_info(&w).doc_count, _i < 2 ? 5 : 4);
    world_end(&w);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("salvage_craft");
    TCase *tc = tcase_create("salvage_craft");
    tcase_add_test(tc, nonsense_with_good_checksums_is_nobodys_record);
    tcase_add_test(tc, a_body_that_cannot_be_unpacked_is_said_and_left_out);
    tcase_add_test(tc, a_revision_that_is_there_twice_is_one_revision);
    tcase_add_test(tc, documents_whose_ids_have_one_hash_both_come_back);
    tcase_add_test(tc, one_lost_revision_keeps_its_place_in_the_history);
    tcase_add_test(tc, two_lost_revisions_leave_a_gap_and_no_guess);
    tcase_add_test(tc, a_gap_above_a_conflict_stays_open);
    tcase_add_test(tc, a_damaged_purge_takes_nothing_away);
    tcase_add_test(tc, a_purge_counts_without_the_tree_before_it);
    tcase_add_test(tc, a_purge_with_a_bad_list_takes_nothing_away);
    tcase_add_test(tc, settings_after_the_last_checkpoint_count);
    tcase_add_loop_test(tc, a_damaged_checkpoint_is_made_up_for_by_the_records, 0, 3);
    tcase_add_test(tc, nodes_that_are_lost_fall_back_to_an_older_checkpoint);
    tcase_add_loop_test(tc, an_attachment_without_its_bytes_is_left_out_and_said, 0, 3);
    tcase_add_test(tc, compressed_attachments_come_back_as_they_were);
    tcase_add_loop_test(tc, a_file_of_nothing_is_no_database, 0, 4);
    tcase_add_loop_test(tc, the_frames_vote_for_the_lost_superblock, 0, 2);
    tcase_add_loop_test(tc, as_many_records_as_the_list_has_room_for, 0, 4);
    tcase_add_test(tc, what_is_around_a_rotten_sector_comes_back);
    tcase_add_test(tc, a_rotten_superblock_costs_no_document);
    tcase_add_loop_test(tc, what_was_cut_off_is_not_looked_for, 0, 4);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    return tuft_run(suite);
}
