/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what opening makes of files that end too early, are damaged, or hold impossible commits.
 *
 * Not here: all states that a power failure may leave (tests/crash).
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/crc32c.h"
#include "fileformat/docrec.h"
#include "tests/unit/engine/image.h"

/* A file of `count` documents, one commit each, as a killed process leaves it. Closes the world. */
static void make_file(struct world *w, struct image *out, int count, bool checkpoint)
{
    world_init(w, 512);
    world_open(w);
    for (int i = 0; i < count; i++) {
        (void)put(w, "{'_id':'d%d','v':%d}", i, i);
        if (checkpoint && i == count / 2)
            ck_ok(tuf_db_checkpoint(w->db));
    }
    image_take(out, w);
    world_close(w);
}

static tuf_status open_image(struct world *w, const struct image *image)
{
    image_store(w, image);
    w->opts.vfs = fault_vfs(w->fault);
    return tuf_db_open(&w->db, WORLD_PATH, &w->opts);
}

static void end(struct world *w, struct image *image)
{
    tufi_buf_release(&image->bytes);
    world_end(w);
}

START_TEST(a_file_cut_anywhere_opens_with_a_prefix_of_its_commits)
{
    struct world w;
    struct image image;
    make_file(&w, &image, 12, _i == 1);
    struct frame_header last = image_last(&image);
    size_t whole = (size_t)last.off + 512, seen = 0;
    for (size_t len = 0; len <= whole; len += 61) {
        image.bytes.len = len;
        tuf_status st = open_image(&w, &image);
        if (len < SUPERBLOCK_USED) {
            ck_assert_int_eq(st, TUF_E_CORRUPT);
            continue;
        }
        ck_ok(st);
        uint64_t count = world_info(&w).doc_count;
        ck_assert_uint_ge(count, seen);
        ck_assert_uint_le(count, 12);
        seen = count;
        for (uint64_t i = 0; i < 12; i++) {
            tuf_status found = try_doc(&w, text("d%d", (int)i), NULL);
            ck_assert_int_eq(found, i < count ? TUF_OK : TUF_NOT_FOUND);
        }
        check_clean(&w);
        (void)put(&w, "{'_id':'more'}");
        world_close(&w);
    }
    ck_assert_uint_ge(seen, 11);
    end(&w, &image);
}
END_TEST

START_TEST(a_damaged_frame_that_was_synced_is_refused_with_its_place)
{
    struct world w;
    struct image image;
    make_file(&w, &image, 6, false);
    struct frame_header h, last = image_last(&image);
    for (size_t nth = 0; image_frame(&h, &image, nth); nth++) {
        uint64_t used = FRAME_HEADER_SIZE + h.payload_len;
        for (uint64_t pos = 0; pos < used; pos += 7) {
            image_flip(&image, h.off + pos);
            tuf_status st = open_image(&w, &image);
            if (h.off < last.off) {
                ck_assert_int_eq(st, TUF_E_CORRUPT);
                ck_assert_uint_eq(tuf_last_error()->file_off, h.off);
                size_t len;
                ck_assert_mem_eq(sim_peek(w.sim, WORLD_PATH, &len), image.bytes.data,
                                 image.bytes.len); /* nothing was touched */
                ck_assert_uint_eq(len, image.bytes.len);
            } else { /* nobody says that the newest frame was synced */
                ck_ok(st);
                ck_assert_uint_eq(world_info(&w).doc_count, 5);
                world_close(&w);
            }
            image_flip(&image, h.off + pos);
        }
    }
    end(&w, &image);
}
END_TEST

START_TEST(reading_only_tells_damage_too_and_never_writes)
{
    struct world w;
    struct image image;
    make_file(&w, &image, 6, false);
    w.opts.flags = TUF_OPEN_RDONLY;
    struct frame_header last = image_last(&image), h;
    ck_assert(image_frame(&h, &image, 2));
    image_flip(&image, h.off + 90);
    ck_fails(open_image(&w, &image), TUF_E_CORRUPT);
    image_flip(&image, h.off + 90);
    image_flip(&image, last.off + 90); /* a torn tail is not shown, and stays */
    ck_ok(open_image(&w, &image));
    ck_assert_uint_eq(world_info(&w).doc_count, 5);
    world_close(&w);
    size_t len;
    ck_assert_mem_eq(sim_peek(w.sim, WORLD_PATH, &len), image.bytes.data, image.bytes.len);
    ck_assert_uint_eq(len, image.bytes.len);
    end(&w, &image);
}
END_TEST

/* The disk, on which a writer completes a frame just before the read number `at`, from 1. */
struct beside {
    struct tuf_vfs vfs;
    const struct tuf_vfs *below;
    struct world *w;
    const struct image *whole;
    unsigned *reads, at;
};

struct beside_file {
    struct vfs_file base;
    struct vfs_file *below;
    const struct beside *disk;
};

static tuf_status beside_pread(struct vfs_file *f, void *buf, size_t len, uint64_t off, size_t *got)
{
    struct beside_file *file = (struct beside_file *)f;
    if (++*file->disk->reads == file->disk->at)
        image_overwrite(file->disk->w, file->disk->whole);
    return file->below->ops->pread(file->below, buf, len, off, got);
}

static tuf_status beside_size(struct vfs_file *f, uint64_t *out)
{
    struct vfs_file *below = ((struct beside_file *)f)->below;
    return below->ops->size(below, out);
}

static void beside_close(struct vfs_file *f)
{
    struct vfs_file *below = ((struct beside_file *)f)->below;
    below->ops->close(below);
    free(f);
}

static tuf_status beside_open(const struct tuf_vfs *v, const char *path, unsigned flags,
                              struct vfs_file **out)
{
    static const struct vfs_file_ops ops = { .pread = beside_pread,
                                             .size = beside_size,
                                             .close = beside_close };
    const struct beside *disk = (const struct beside *)v;
    struct vfs_file *below = NULL;
    tuf_status st = disk->below->open(disk->below, path, flags, &below);
    if (st != TUF_OK)
        return st;
    struct beside_file *file = calloc(1, sizeof(*file));
    ck_assert_ptr_nonnull(file);
    *file = (struct beside_file){ { &ops }, below, disk };
    *out = &file->base;
    return TUF_OK;
}

/* A frame that is looked at while its writer completes it is not damaged, though what follows it
 * says by then that it is durable. */
START_TEST(a_frame_that_a_writer_completes_meanwhile_is_no_damage)
{
    struct world w;
    struct image image, torn;
    struct frame_header h;
    make_file(&w, &image, 6, false);
    ck_assert(image_frame(&h, &image, 2));
    torn = (struct image){ .bytes = BUF_INIT, .super = image.super };
    buf_append_slice(&torn.bytes, buf_slice(&image.bytes));
    image_flip(&torn, h.off + 90);
    unsigned reads = 0;
    struct beside disk = {
        .vfs = *sim_vfs(w.sim), .below = sim_vfs(w.sim), .w = &w, .whole = &image, .reads = &reads
    };
    disk.vfs.open = beside_open;
    w.opts.flags = TUF_OPEN_RDONLY;
    w.opts.vfs = &disk.vfs;
    image_store(&w, &torn);
    ck_fails(tuf_db_open(&w.db, WORLD_PATH, &w.opts), TUF_E_CORRUPT);
    disk.at = reads; /* the last one, which is the second look at the frame */
    reads = 0;
    ck_ok(tuf_db_open(&w.db, WORLD_PATH, &w.opts));
    ck_assert_uint_gt(reads, disk.at);
    ck_assert_uint_eq(world_info(&w).doc_count, 6);
    world_close(&w);
    tufi_buf_release(&torn.bytes);
    end(&w, &image);
}
END_TEST

START_TEST(what_follows_the_log_does_not_matter)
{
    struct world w;
    struct image image;
    make_file(&w, &image, 6, true);
    struct frame_header last = image_last(&image);
    uint64_t tail = last.off + tufi_frame_span(&last, 512);
    image.bytes.len = tail;
    struct rng rng = { 3 };
    for (size_t i = 0; i < 600000; i++)
        buf_append_u8(&image.bytes, _i == 0 ? 0 : (uint8_t)rng_next(&rng));
    if (_i == 2) /* frames of this very file, in another place */
        memcpy(image.bytes.data + tail, image.bytes.data + 4096, tail - 4096);
    ck_ok(open_image(&w, &image));
    ck_assert_uint_eq(world_info(&w).doc_count, 6);
    check_clean(&w);
    (void)put(&w, "{'_id':'more'}");
    world_kill(&w);
    ck_assert_uint_eq(world_info(&w).doc_count, 7);
    check_clean(&w);
    end(&w, &image);
}
END_TEST

START_TEST(opening_twice_gives_the_same_state)
{
    struct world w;
    struct image image;
    make_file(&w, &image, 6, _i > 0);
    image_flip(&image, image_last(&image).off + 20);
    ck_ok(open_image(&w, &image));
    for (int round = 0; round < 3; round++) {
        world_kill(&w);
        ck_assert_uint_eq(world_info(&w).doc_count, 5);
        ck_assert_uint_eq(world_info(&w).update_seq, 5);
        check_clean(&w);
    }
    end(&w, &image);
}
END_TEST

START_TEST(a_commit_that_was_dropped_does_not_come_back)
{
    struct world w;
    struct image image;
    make_file(&w, &image, 6, false);
    struct frame_header last;
    ck_assert(image_frame(&last, &image, 5));
    struct image cut;
    cut = image;
    cut.bytes = (struct buf)BUF_INIT;
    tufi_buf_append(&cut.bytes, image.bytes.data, last.off);
    ck_ok(open_image(&w, &cut));
    ck_assert_uint_eq(world_info(&w).doc_count, 5);
    /* The lost bytes reappear behind the new end, as stale blocks may. */
    struct image now;
    image_take(&now, &w);
    world_close(&w);
    struct frame_header seal = image_last(&now);
    uint64_t end_off = seal.off + 512;
    now.bytes.len = end_off;
    if (image.bytes.len > end_off)
        tufi_buf_append(&now.bytes, image.bytes.data + end_off, image.bytes.len - end_off);
    ck_ok(open_image(&w, &now));
    ck_assert_uint_eq(world_info(&w).doc_count, 5);
    check_clean(&w);
    tufi_buf_release(&cut.bytes);
    tufi_buf_release(&now.bytes);
    end(&w, &image);
}
END_TEST

START_TEST(a_damaged_checkpoint_is_refused_if_a_later_frame_names_it)
{
    struct world w;
    struct image image;
    make_file(&w, &image, 8, true);
    struct frame_header ck = image_find_frame(&image, FRAME_CHECKPOINT, 0);
    for (uint64_t pos = 0; pos < FRAME_HEADER_SIZE + CHECKPOINT_SIZE; pos += 13) {
        image_flip(&image, ck.off + pos);
        ck_fails(open_image(&w, &image), TUF_E_CORRUPT);
        ck_assert_uint_eq(tuf_last_error()->file_off, ck.off);
        image_flip(&image, ck.off + pos);
    }
    end(&w, &image);
}
END_TEST

START_TEST(a_torn_checkpoint_at_the_end_is_done_without)
{
    struct world w;
    struct image image;
    world_init(&w, 512);
    world_open(&w);
    for (int i = 0; i < 6; i++) {
        (void)put(&w, "{'_id':'d%d'}", i);
        if (i == 2)
            ck_ok(tuf_db_checkpoint(w.db));
    }
    ck_ok(tuf_db_checkpoint(w.db));
    image_take(&image, &w);
    world_close(&w);
    struct frame_header ck = image_find_frame(&image, FRAME_CHECKPOINT, 1);
    static const uint64_t places[] = { 0, 40, 76, 80, 100, 379 };
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        image_flip(&image, ck.off + places[i]);
        ck_ok(open_image(&w, &image));
        ck_assert_uint_eq(world_info(&w).doc_count, 6);
        check_clean(&w);
        world_close(&w);
        image_flip(&image, ck.off + places[i]);
    }
    end(&w, &image);
}
END_TEST

/* ---- commits that no writer makes ------------------------------------------------------------ */

static void put_doc(struct buf *payload, const struct image *image, uint64_t seq)
{
    TUF_AUTO(tufi_buf_release) struct buf rec = BUF_INIT;
    struct docrec r = { .seq = seq,
                        .id = tuf_str("x"),
                        .rev = { 1, tuf_str("a") },
                        .stem_limit = 1,
                        .path_len = 1,
                        .node_count = 1,
                        .body_len = 2,
                        .body = tuf_str("{}") };
    tufi_docrec_encode(&rec, &r);
    image_put_record(payload, image, RECORD_DOC, buf_slice(&rec));
}

enum crafted {
    GOOD,
    SHORT_HEADER,
    SHORT_RECORD,
    BYTES_LEFT,
    WRONG_SEQ,
    OLD_SEQ,
    COMMIT_JUMP,
    BAD_DOC,
    BAD_LOCAL,
    BAD_META,
    BAD_PURGE,
    PURGE_OF_NOTHING,
    UNKNOWN_TYPE,
    CRAFTED_COUNT,
};

static const struct {
    tuf_status status;
    const char *text; /* part of the failure */
} crafted_cases[CRAFTED_COUNT] = {
    [GOOD] = { TUF_OK, NULL },
    [SHORT_HEADER] = { TUF_E_CORRUPT, "commit ends within a record" },
    [SHORT_RECORD] = { TUF_E_CORRUPT, "does not fit into its commit" },
    [BYTES_LEFT] = { TUF_E_CORRUPT, "does not add up" },
    [WRONG_SEQ] = { TUF_E_CORRUPT, "does not add up" },
    [OLD_SEQ] = { TUF_E_CORRUPT, "comes after" },
    [COMMIT_JUMP] = { TUF_E_CORRUPT, "follows commit" },
    [BAD_DOC] = { TUF_E_CORRUPT, "document record" },
    [BAD_LOCAL] = { TUF_E_CORRUPT, "local document record" },
    [BAD_META] = { TUF_E_CORRUPT, "meta record" },
    [BAD_PURGE] = { TUF_E_CORRUPT, "purge record" },
    [PURGE_OF_NOTHING] = { TUF_E_CORRUPT, "a purge finds no such document" },
    [UNKNOWN_TYPE] = { TUF_E_CORRUPT, "is not known" },
};

static void craft(struct buf *payload, struct frame_header *h, const struct image *image,
                  enum crafted which)
{
    TUF_AUTO(tufi_buf_release) struct buf rec = BUF_INIT;
    uint64_t seq = h->update_seq + 1;
    h->commit += which == COMMIT_JUMP ? 2 : 1;
    if (which < BAD_DOC) {
        put_doc(payload, image, which == OLD_SEQ ? seq - 1 : seq);
        h->update_seq = which == WRONG_SEQ ? seq - 1 : seq;
    } else if (which == PURGE_OF_NOTHING) {
        struct purgerec purge = { .purge_seq = 1,
                                  .id = tuf_str("nope"),
                                  .seq = seq,
                                  .docinfo = tuf_str("what is left"),
                                  .revs = tuf_slice_of("\x00", 1) };
        tufi_purgerec_encode(&rec, &purge);
        image_put_record(payload, image, RECORD_PURGE, buf_slice(&rec));
    } else {
        static const enum record_type types[] = { RECORD_DOC, RECORD_LOCAL, RECORD_META,
                                                  RECORD_PURGE };
        image_put_record(payload, image,
                         which == UNKNOWN_TYPE ? RECORD_META : types[which - BAD_DOC],
                         tuf_slice_of("\xff", 1));
        if (which == UNKNOWN_TYPE)
            payload->data[0] = 99;
    }
    if (which == SHORT_HEADER || which == SHORT_RECORD)
        payload->len = which == SHORT_HEADER ? 11 : payload->len - 1;
    if (which == BYTES_LEFT)
        buf_append_u8(payload, 0);
    h->record_count = 1;
}

START_TEST(commits_that_no_writer_makes_are_refused)
{
    struct world w;
    struct image image;
    make_file(&w, &image, 3, false);
    struct frame_header h = image_last(&image);
    TUF_AUTO(tufi_buf_release) struct buf payload = BUF_INIT;
    craft(&payload, &h, &image, (enum crafted)_i);
    image_append(&image, h, &payload);
    tuf_status st = open_image(&w, &image);
    if (crafted_cases[_i].status == TUF_OK) {
        ck_ok(st);
        ck_text(leaves(&w, "x"), "1-a");
        check_clean(&w);
    } else {
        ck_assert_int_eq(st, crafted_cases[_i].status);
        ck_assert_msg(strstr(tuf_last_error()->text, crafted_cases[_i].text) != NULL, "%s",
                      tuf_last_error()->text);
        ck_assert_uint_eq(sim_handle_count(w.sim), 0);
    }
    end(&w, &image);
}
END_TEST

static void append_commit(struct image *image, uint64_t time_us)
{
    struct frame_header h = image_last(image);
    h.kind = FRAME_COMMIT;
    h.commit++;
    h.record_count = 0;
    h.time_us = time_us;
    struct buf nothing = BUF_INIT;
    image_append(image, h, &nothing);
}

static void append_checkpoint(struct image *image, const struct checkpoint *ck)
{
    TUF_AUTO(tufi_buf_release) struct buf payload = BUF_INIT;
    uint8_t bytes[CHECKPOINT_SIZE_MAX];
    struct frame_header h = image_last(image);
    h.kind = FRAME_CHECKPOINT;
    h.record_count = 0;
    tufi_buf_append(&payload, bytes, tufi_checkpoint_encode(bytes, ck));
    image_append(image, h, &payload);
}

/* The log ends where a frame stands on another one than that before it. */
START_TEST(a_frame_of_another_chain_is_not_taken)
{
    struct world w;
    struct image image;
    make_file(&w, &image, 3, false);
    uint64_t log_end = image_next_payload(&image) - FRAME_HEADER_SIZE;
    append_commit(&image, 1);
    append_commit(&image, 2);
    struct frame_header second = image_last(&image);
    uint8_t kept[FRAME_HEADER_SIZE];
    memcpy(kept, image.bytes.data + second.off, sizeof(kept));
    image.bytes.len = log_end;
    append_commit(&image, 3); /* another first */
    append_commit(&image, 2);
    ck_assert_uint_eq(image_last(&image).off, second.off);
    memcpy(image.bytes.data + second.off, kept, sizeof(kept));
    ck_ok(open_image(&w, &image));
    ck_assert_uint_eq(world_info(&w).commit_count, 4);
    end(&w, &image);
}
END_TEST

/* Whoever looks for an earlier state walks from checkpoint to checkpoint, and past those on the way. */
START_TEST(checkpoints_that_no_writer_makes_are_refused)
{
    static const char *const texts[] = { "points forward to its predecessor",
                                         "is not the state after commit" };
    struct world w;
    struct image image;
    make_file(&w, &image, 3, false);
    struct checkpoint ck = { .update_seq = 90, .commit = 90 };
    if (_i == 0)
        ck.prev_checkpoint_off = image_next_payload(&image) - FRAME_HEADER_SIZE;
    append_checkpoint(&image, &ck);
    w.opts.flags = TUF_OPEN_RDONLY;
    w.opts.at_kind = TUF_AT_COMMIT;
    w.opts.at = 3;
    ck_fails(open_image(&w, &image), TUF_E_CORRUPT);
    ck_assert_msg(strstr(tuf_last_error()->text, texts[_i]) != NULL, "%s", tuf_last_error()->text);
    ck_assert_uint_eq(sim_handle_count(w.sim), 0);
    end(&w, &image);
}
END_TEST

START_TEST(a_file_of_a_newer_version_or_another_kind_is_refused)
{
    struct world w;
    struct image image;
    make_file(&w, &image, 1, false);
    put_be32(image.bytes.data + 8, 2);
    put_be32(image.bytes.data + 60, tufi_crc32c(0, image.bytes.data, 60));
    ck_fails(open_image(&w, &image), TUF_E_VERSION);
    put_be32(image.bytes.data + 8, 1);
    put_be32(image.bytes.data + 12, 4); /* a feature that must be known */
    put_be32(image.bytes.data + 60, tufi_crc32c(0, image.bytes.data, 60));
    ck_fails(open_image(&w, &image), TUF_E_VERSION);
    put_be32(image.bytes.data + 12, 0);
    image.bytes.data[6] = '\n'; /* a text-mode copy */
    ck_fails(open_image(&w, &image), TUF_E_CORRUPT);
    ck_assert_uint_eq(tuf_last_error()->file_off, 0);
    image.bytes.len = 0;
    ck_fails(open_image(&w, &image), TUF_E_CORRUPT);
    ck_assert_uint_eq(sim_handle_count(w.sim), 0);
    end(&w, &image);
}
END_TEST

START_TEST(an_attempt_to_create_that_was_killed_is_taken_over)
{
    struct world w;
    world_init(&w, 4096);
    sim_store(w.sim, WORLD_PATH ".new", "garbage", 7);
    world_open(&w);
    (void)put(&w, "{'_id':'d'}");
    world_kill(&w);
    ck_ok(try_doc(&w, "d", NULL));
    ck_assert_uint_eq(sim_name_count(w.sim), 1);
    world_end(&w);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("recover");
    TCase *damage = tcase_create("damage");
    tcase_set_timeout(damage, 30);
    tcase_add_loop_test(damage, a_file_cut_anywhere_opens_with_a_prefix_of_its_commits, 0, 2);
    tcase_add_test(damage, a_damaged_frame_that_was_synced_is_refused_with_its_place);
    tcase_add_test(damage, reading_only_tells_damage_too_and_never_writes);
    tcase_add_test(damage, a_frame_that_a_writer_completes_meanwhile_is_no_damage);
    tcase_add_loop_test(damage, what_follows_the_log_does_not_matter, 0, 3);
    tcase_add_loop_test(damage, opening_twice_gives_the_same_state, 0, 2);
    tcase_add_test(damage, a_commit_that_was_dropped_does_not_come_back);
    tcase_add_test(damage, a_damaged_checkpoint_is_refused_if_a_later_frame_names_it);
    tcase_add_test(damage, a_torn_checkpoint_at_the_end_is_done_without);
    suite_add_tcase(s, damage);
    TCase *crafted = tcase_create("crafted");
    tcase_add_loop_test(crafted, commits_that_no_writer_makes_are_refused, 0, CRAFTED_COUNT);
    tcase_add_test(crafted, a_frame_of_another_chain_is_not_taken);
    tcase_add_loop_test(crafted, checkpoints_that_no_writer_makes_are_refused, 0, 2);
    tcase_add_test(crafted, a_file_of_a_newer_version_or_another_kind_is_refused);
    tcase_add_test(crafted, an_attempt_to_create_that_was_killed_is_taken_over);
    suite_add_tcase(s, crafted);
    return tuft_run(s);
}
