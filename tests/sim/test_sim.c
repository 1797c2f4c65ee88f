/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: tests of the simulated disk, its crashes, the order monitor and fault injection: a crash
 * test is worth nothing if the disk under it loses too little.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fail.h"
#include "tests/sim/fault.h"
#include "tests/sim/sim.h"

#define PATH "d/f"

static struct sim *sim;
static const struct tuf_vfs *vfs;
static struct vfs_file *file;

static void setup(void)
{
    sim = sim_new(512, 7);
    sim_set_monitor(sim, SIM_MONITOR_COUNT);
    vfs = sim_vfs(sim);
    ck_assert_int_eq(vfs->open(vfs, PATH, VFS_CREATE, &file), TUF_OK);
}

static void teardown(void)
{
    file->ops->close(file);
    ck_assert_uint_eq(sim_handle_count(sim), 0);
    sim_free(&sim);
}

static void fill(uint8_t byte, size_t len, uint64_t off)
{
    uint8_t *bytes = malloc(len);
    memset(bytes, byte, len);
    ck_assert_int_eq(tufi_vfs_write(file, bytes, len, off), TUF_OK);
    free(bytes);
}

static void sync_all(void)
{
    ck_assert_int_eq(file->ops->sync(file), TUF_OK);
    ck_assert_int_eq(vfs->sync_dir(vfs, PATH), TUF_OK);
}

/* Crashes with a plan; the caller frees. */
static struct sim *crash_keeping(const char *flags, struct sim_plan plan)
{
    uint8_t keep[64] = { 0 };
    size_t count = sim_pending_count(sim);
    ck_assert_uint_eq(count, strlen(flags));
    for (size_t i = 0; i < count; i++)
        keep[i] = flags[i] == '1';
    plan.keep = keep;
    return sim_crash(sim, &plan);
}

static void expect_byte(struct sim *image, size_t off, uint8_t want)
{
    size_t len;
    const uint8_t *bytes = sim_peek(image, PATH, &len);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_uint_lt(off, len);
    ck_assert_uint_eq(bytes[off], want);
}

static void expect_len(struct sim *image, const char *path, size_t want)
{
    size_t len;
    ck_assert_ptr_nonnull(sim_peek(image, path, &len));
    ck_assert_uint_eq(len, want);
}

static void expect_size(struct sim *image, size_t want)
{
    expect_len(image, PATH, want);
}

static const struct sim_plan no_damage = SIM_PLAN_INIT;

START_TEST(nothing_survives_that_was_not_synced)
{
    fill('a', 512, 0);
    struct sim *image = crash_keeping("000", no_damage); /* name, size, sector */
    size_t len;
    ck_assert_ptr_null(sim_peek(image, PATH, &len));
    sim_free(&image);
    ck_assert_int_eq(file->ops->sync(file), TUF_OK);
    image = crash_keeping("0", no_damage);
    ck_assert_ptr_null(sim_peek(image, PATH, &len));
    sim_free(&image);
    ck_assert_int_eq(vfs->sync_dir(vfs, PATH), TUF_OK);
    image = crash_keeping("", no_damage);
    expect_size(image, 512);
    expect_byte(image, 511, 'a');
    sim_free(&image);
}
END_TEST

START_TEST(each_sector_is_kept_or_lost_on_its_own)
{
    fill('a', 1536, 0);
    sync_all();
    fill('b', 1536, 0);
    struct sim *image = crash_keeping("010", no_damage);
    expect_byte(image, 511, 'a');
    expect_byte(image, 512, 'b');
    expect_byte(image, 1023, 'b');
    expect_byte(image, 1024, 'a');
    sim_free(&image);
}
END_TEST

START_TEST(a_lost_size_hides_kept_data_and_a_kept_size_shows_lost_data_as_zeros)
{
    fill('a', 512, 0);
    sync_all();
    fill('b', 1024, 512); /* size, two sectors */
    struct sim *image = crash_keeping("011", no_damage);
    expect_size(image, 512);
    sim_free(&image);
    image = crash_keeping("101", no_damage);
    expect_size(image, 1536);
    expect_byte(image, 512, 0);
    expect_byte(image, 1024, 'b');
    sim_free(&image);
    struct sim_plan garbage = SIM_PLAN_INIT;
    garbage.fill = SIM_FILL_GARBAGE;
    image = crash_keeping("100", garbage);
    size_t len;
    const uint8_t *bytes = sim_peek(image, PATH, &len);
    ck_assert(bytes[600] != 0 || bytes[601] != 0 || bytes[602] != 0);
    sim_free(&image);
    struct sim_plan part = SIM_PLAN_INIT;
    part.size_permille = 500;
    image = crash_keeping("111", part);
    expect_size(image, 1024);
    sim_free(&image);
}
END_TEST

START_TEST(a_sector_in_flight_is_torn_or_garbage_with_its_neighbours)
{
    fill('a', 512, 0);
    sync_all();
    fill('b', 100, 200);
    struct sim_plan tear = SIM_PLAN_INIT;
    tear.damage_item = 0;
    tear.damage = SIM_DAMAGE_TEAR_HEAD;
    tear.damage_at = 250;
    struct sim *image = crash_keeping("1", tear);
    expect_byte(image, 199, 'a');
    expect_byte(image, 249, 'b');
    expect_byte(image, 250, 'a');
    sim_free(&image);
    tear.damage = SIM_DAMAGE_TEAR_TAIL;
    image = crash_keeping("0", tear); /* damaged implies that it was in flight */
    expect_byte(image, 249, 'a');
    expect_byte(image, 250, 'b');
    expect_byte(image, 300, 'a');
    sim_free(&image);
    tear.damage = SIM_DAMAGE_ZERO;
    image = crash_keeping("1", tear);
    expect_byte(image, 0, 0); /* no powersafe overwrite: bytes never written again are lost */
    sim_free(&image);
}
END_TEST

START_TEST(the_last_kept_write_of_a_sector_wins)
{
    fill('a', 512, 0);
    sync_all();
    fill('b', 10, 0);
    fill('c', 10, 20);
    struct sim *image = crash_keeping("10", no_damage);
    expect_byte(image, 5, 'b');
    expect_byte(image, 25, 'a');
    sim_free(&image);
    image = crash_keeping("01", no_damage);
    expect_byte(image, 5, 'b'); /* the page held both when it was written */
    expect_byte(image, 25, 'c');
    sim_free(&image);
}
END_TEST

START_TEST(cutting_is_an_item_of_its_own)
{
    fill('a', 1024, 0);
    sync_all();
    ck_assert_int_eq(file->ops->truncate(file, 512), TUF_OK);
    fill('b', 512, 512);
    /* cut, grow, sector */
    struct sim *image = crash_keeping("000", no_damage);
    expect_byte(image, 600, 'a');
    sim_free(&image);
    image = crash_keeping("110", no_damage);
    expect_byte(image, 600, 0);
    sim_free(&image);
    struct sim_plan stale = SIM_PLAN_INIT;
    stale.fill = SIM_FILL_STALE;
    image = crash_keeping("110", stale);
    expect_size(image, 1024);
    sim_free(&image);
    image = crash_keeping("111", no_damage);
    expect_byte(image, 600, 'b');
    sim_free(&image);
}
END_TEST

START_TEST(stale_blocks_show_what_was_cut_off_before)
{
    fill('a', 2048, 0);
    sync_all();
    ck_assert_int_eq(file->ops->truncate(file, 512), TUF_OK);
    sync_all();
    fill('b', 512, 512);
    fill(0, 1024, 1024);
    /* grow, sector 1, grow, sectors 2 and 3 (zeros over nothing: no-ops) */
    ck_assert(sim_pending(sim, 3).noop);
    ck_assert(sim_pending(sim, 4).noop);
    struct sim_plan stale = SIM_PLAN_INIT;
    stale.fill = SIM_FILL_STALE;
    struct sim *image = crash_keeping("11100", stale);
    expect_byte(image, 600, 'b');
    expect_byte(image, 1024, 'a');
    expect_byte(image, 2047, 'a');
    sim_free(&image);
}
END_TEST

START_TEST(tails_follow_the_file)
{
    for (size_t i = 0; i < 4; i++)
        fill((uint8_t)('a' + i), 512, i * 512);
    sync_all();
    struct sim_plan tail = SIM_PLAN_INIT;
    tail.tail_sectors = 2;
    tail.tail = SIM_FILL_COPY;
    struct sim *image = crash_keeping("", tail);
    expect_size(image, 3072);
    size_t len;
    const uint8_t *bytes = sim_peek(image, PATH, &len);
    ck_assert(bytes[2048] >= 'a' && bytes[2048] <= 'd');
    sim_free(&image);
    tail.tail = SIM_FILL_ZERO;
    image = crash_keeping("", tail);
    expect_size(image, 3072);
    expect_byte(image, 2048, 0);
    expect_byte(image, 2047, 'd');
    sim_free(&image);
}
END_TEST

START_TEST(names_are_kept_in_any_subset_or_in_order)
{
    struct vfs_file *other = NULL;
    ck_assert_int_eq(vfs->open(vfs, "d/g", VFS_CREATE, &other), TUF_OK);
    ck_assert_int_eq(vfs->rename(vfs, "d/g", "d/h"), TUF_OK);
    struct sim *image = crash_keeping("001", no_damage); /* create f, create g, rename */
    size_t len;
    ck_assert_uint_eq(sim_name_count(image), 1);
    ck_assert_ptr_nonnull(sim_peek(image, "d/h", &len));
    sim_free(&image);
    image = crash_keeping("010", no_damage);
    ck_assert_uint_eq(sim_name_count(image), 1);
    ck_assert_str_eq(sim_name(image, 0), "d/g");
    sim_free(&image);
    sim_set_profile(sim, SIM_ORDERED);
    image = crash_keeping("001", no_damage);
    ck_assert_uint_eq(sim_name_count(image), 0);
    sim_free(&image);
    /* On a journalling file system a sync that changes the size takes the names along... */
    fill('x', 1, 0);
    ck_assert_int_eq(file->ops->sync(file), TUF_OK);
    ck_assert_uint_eq(sim_pending_count(sim), 0);
    /* ...and one over existing bytes does not. */
    ck_assert_int_eq(vfs->rename(vfs, "d/h", "d/i"), TUF_OK);
    fill('y', 1, 0);
    ck_assert_int_eq(file->ops->sync(file), TUF_OK);
    ck_assert_uint_eq(sim_pending_count(sim), 1);
    other->ops->close(other);
}
END_TEST

START_TEST(a_directory_sync_covers_its_own_names_only)
{
    struct vfs_file *other = NULL;
    ck_assert_int_eq(vfs->open(vfs, "e/g", VFS_CREATE, &other), TUF_OK);
    ck_assert_int_eq(vfs->sync_dir(vfs, "d/anything"), TUF_OK);
    struct sim *image = crash_keeping("0", no_damage);
    ck_assert_uint_eq(sim_name_count(image), 1);
    ck_assert_str_eq(sim_name(image, 0), PATH);
    sim_free(&image);
    other->ops->close(other);
}
END_TEST

START_TEST(a_second_name_is_kept_or_lost_like_any_other)
{
    fill('a', 512, 0);
    sync_all();
    ck_assert_int_eq(vfs->link(vfs, PATH, "d/second"), TUF_OK);
    ck_assert_int_eq(vfs->link(vfs, PATH, "d/second"), TUF_EXISTS);
    ck_assert_uint_eq(sim_space_used(sim), 512);
    struct sim *image = crash_keeping("0", no_damage);
    ck_assert_uint_eq(sim_name_count(image), 1);
    sim_free(&image);
    ck_assert_int_eq(vfs->rename(vfs, PATH, "d/second"), TUF_OK); /* one file: nothing is done */
    ck_assert_uint_eq(sim_name_count(sim), 2);
    /* Both names show one file, whatever of its last write arrived. */
    fill('b', 1024, 0);
    struct sim_plan torn = SIM_PLAN_INIT;
    torn.damage_item = 2; /* link, size, first sector */
    torn.damage = SIM_DAMAGE_GARBAGE;
    image = crash_keeping("1110", torn);
    size_t len, second_len;
    const uint8_t *bytes = sim_peek(image, PATH, &len);
    const uint8_t *second = sim_peek(image, "d/second", &second_len);
    ck_assert_uint_eq(len, 1024);
    ck_assert_ptr_eq(bytes, second);
    ck_assert(bytes[0] != 'b' || bytes[1] != 'b' || bytes[2] != 'b');
    sim_free(&image);
    ck_assert_int_eq(vfs->sync_dir(vfs, PATH), TUF_OK);
    ck_assert_int_eq(vfs->unlink(vfs, PATH), TUF_OK);
    image = crash_keeping("1000", no_damage);
    ck_assert_uint_eq(sim_name_count(image), 1);
    ck_assert_str_eq(sim_name(image, 0), "d/second");
    expect_len(image, "d/second", 512);
    sim_free(&image);
    sim_set_sharing(sim, false);
    ck_assert_int_eq(vfs->link(vfs, "d/second", "d/third"), TUF_E_UNSUPPORTED);
}
END_TEST

START_TEST(shared_blocks_are_durable_with_the_next_sync)
{
    fill('a', 4 * VFS_CLONE_ALIGN, 0);
    sync_all();
    struct vfs_file *other = NULL;
    ck_assert_int_eq(vfs->open(vfs, "d/other", VFS_CREATE, &other), TUF_OK);
    ck_assert_int_eq(vfs->sync_dir(vfs, "d/other"), TUF_OK);
    ck_assert_int_eq(other->ops->clone(other, 0, file, VFS_CLONE_ALIGN, 2 * VFS_CLONE_ALIGN), TUF_OK);
    ck_assert_int_lt(other->ops->clone(other, 0, file, VFS_CLONE_ALIGN, 100), TUF_OK);
    ck_assert_int_lt(other->ops->clone(other, 0, file, 4 * VFS_CLONE_ALIGN, VFS_CLONE_ALIGN), TUF_OK);
    fill('b', 4 * VFS_CLONE_ALIGN, 0); /* is not seen in the other one */
    char seen[2];
    ck_assert_int_eq(tufi_vfs_read_exact(other, seen, 2, VFS_CLONE_ALIGN), TUF_OK);
    ck_assert_mem_eq(seen, "aa", 2);
    struct sim_plan nothing = SIM_PLAN_INIT;
    struct sim *image = sim_crash(sim, &nothing);
    expect_len(image, "d/other", 0);
    sim_free(&image);
    ck_assert_int_eq(other->ops->sync(other), TUF_OK);
    image = sim_crash(sim, &nothing);
    expect_len(image, "d/other", 2 * VFS_CLONE_ALIGN);
    sim_free(&image);
    sim_set_sharing(sim, false);
    ck_assert_int_eq(other->ops->clone(other, 0, file, 0, VFS_CLONE_ALIGN), TUF_E_UNSUPPORTED);
    other->ops->close(other);
}
END_TEST

START_TEST(keeping_everything_shows_what_was_seen)
{
    struct rng rng = { 99 };
    for (int round = 0; round < 300; round++) {
        uint64_t off = rng_below(&rng, 6000), what = rng_below(&rng, 10);
        if (what < 6)
            fill((uint8_t)rng_next(&rng), (size_t)(1 + rng_below(&rng, 2000)), off);
        else if (what < 7)
            ck_assert_int_eq(file->ops->truncate(file, off), TUF_OK);
        else if (what < 8)
            ck_assert_int_eq(file->ops->punch(file, off, 700), TUF_OK);
        else if (what < 9)
            sync_all();
        size_t count = sim_pending_count(sim);
        uint8_t *keep = malloc(count + 1);
        memset(keep, 1, count + 1);
        struct sim_plan plan = SIM_PLAN_INIT;
        plan.keep = keep;
        struct sim *image = sim_crash(sim, &plan);
        ck_assert_uint_eq(sim_hash(image), sim_hash(sim));
        sim_free(&image);
        free(keep);
    }
}
END_TEST

START_TEST(a_replayed_recording_gives_the_same_disk_at_every_step)
{
    struct sim *shadow = sim_new(512, 7), *live = sim_new(512, 7);
    sim_record(live);
    const struct tuf_vfs *v = sim_vfs(live);
    struct vfs_file *f = NULL;
    ck_assert_int_eq(v->open(v, "d/a", VFS_CREATE, &f), TUF_OK);
    ck_assert_int_eq(tufi_vfs_write(f, "hello", 5, 300), TUF_OK);
    sim_mark(live, 4, 2);
    ck_assert_int_eq(f->ops->sync(f), TUF_OK);
    ck_assert_int_eq(f->ops->truncate(f, 100), TUF_OK);
    ck_assert_int_eq(v->rename(v, "d/a", "d/b"), TUF_OK);
    ck_assert_int_eq(v->sync_dir(v, "d/b"), TUF_OK);
    ck_assert_int_eq(v->link(v, "d/b", "d/c"), TUF_OK);
    f->ops->close(f);
    ck_assert_uint_eq(sim_trace_len(live), 8);
    ck_assert_int_eq(sim_trace_op(live, 2)->kind, SIM_OP_MARK);
    ck_assert_uint_eq(sim_trace_op(live, 2)->off, 4);
    for (size_t i = 0; i < sim_trace_len(live); i++)
        sim_replay(shadow, sim_trace_op(live, i));
    ck_assert_uint_eq(sim_hash(shadow), sim_hash(live));
    ck_assert_uint_eq(sim_pending_count(shadow), sim_pending_count(live));
    sim_free(&shadow);
    sim_free(&live);
}
END_TEST

START_TEST(the_monitor_sees_committed_bytes_rewritten_or_cut)
{
    fill('a', 600, 0);
    fill(0, 1024, 1024);
    sync_all();
    sim_acked(sim, PATH, 2048);
    fill('b', 100, 1024); /* zeros are free */
    ck_assert_uint_eq(sim_monitor_violations(sim), 0);
    fill('b', 100, 1200); /* and stay so until a sync */
    ck_assert_uint_eq(sim_monitor_violations(sim), 0);
    fill('b', 1, 900); /* the sector holds committed bytes */
    ck_assert_uint_eq(sim_monitor_violations(sim), 1);
    sync_all();
    fill('b', 1, 1500);
    ck_assert_uint_eq(sim_monitor_violations(sim), 2);
    fill('c', 100, 2048);
    sync_all();
    fill('d', 100, 2048); /* behind the committed end */
    ck_assert_int_eq(file->ops->truncate(file, 2048), TUF_OK);
    ck_assert_uint_eq(sim_monitor_violations(sim), 2);
    ck_assert_int_eq(file->ops->truncate(file, 2047), TUF_OK);
    ck_assert_uint_eq(sim_monitor_violations(sim), 3);
}
END_TEST

START_TEST(the_monitor_sees_an_acknowledgement_before_the_sync)
{
    sync_all();
    fill(0, 4096, 0);
    sim_acked(sim, PATH, 0); /* zeros ahead */
    ck_assert_uint_eq(sim_monitor_violations(sim), 0);
    fill('a', 10, 0);
    sim_acked(sim, PATH, 10); /* neither the sector, twice written, nor the size */
    ck_assert_uint_eq(sim_monitor_violations(sim), 3);
    sync_all();
    sim_acked(sim, PATH, 10);
    ck_assert_uint_eq(sim_monitor_violations(sim), 3);
    ck_assert_int_eq(vfs->rename(vfs, PATH, "d/new"), TUF_OK);
    sim_acked(sim, "d/new", 10);
    ck_assert_uint_eq(sim_monitor_violations(sim), 4);
    sim_acked(sim, "d/none", 10);
    ck_assert_uint_eq(sim_monitor_violations(sim), 5);
}
END_TEST

START_TEST(a_full_disk_takes_a_part_and_fails)
{
    sim_set_space(sim, 2048);
    uint8_t bytes[3000] = { 1 };
    ck_assert_int_eq(tufi_vfs_write(file, bytes, 3000, 0), TUF_E_FULL);
    expect_size(sim, 2048);
    ck_assert_int_eq(tufi_vfs_write(file, bytes, 1000, 0), TUF_OK);
    ck_assert_int_eq(tufi_vfs_write(file, bytes, 1, 2048), TUF_E_FULL);
    sim_set_space(sim, UINT64_MAX);
    ck_assert_int_eq(tufi_vfs_write(file, bytes, 3000, 0), TUF_OK);
}
END_TEST

START_TEST(a_failed_sync_can_lose_data_for_good)
{
    struct fault *fault = fault_new(vfs);
    const struct tuf_vfs *v = fault_vfs(fault);
    struct vfs_file *f = NULL;
    ck_assert_int_eq(v->open(v, "d/x", VFS_CREATE, &f), TUF_OK);
    ck_assert_int_eq(v->sync_dir(v, "d/x"), TUF_OK);
    struct fault_plan plan = { .kind = FAULT_SYNC, .at = 1, .drop = true };
    fault_set(fault, &plan);
    ck_assert_int_eq(tufi_vfs_write(f, "lost", 4, 0), TUF_OK);
    ck_assert_int_eq(f->ops->sync(f), TUF_E_IO);
    ck_assert_int_eq(f->ops->sync(f), TUF_OK);
    ck_assert_uint_eq(fault_hits(fault), 1);
    char seen[4];
    ck_assert_int_eq(tufi_vfs_read_exact(f, seen, 4, 0), TUF_OK);
    ck_assert_mem_eq(seen, "lost", 4); /* the page cache still has it */
    f->ops->forget(f, 0);
    ck_assert_int_eq(tufi_vfs_read_exact(f, seen, 4, 0), TUF_OK);
    ck_assert_mem_eq(seen, "\0\0\0\0", 4); /* the device never had it */
    f->ops->close(f);
    struct sim_plan crash = SIM_PLAN_INIT;
    uint8_t keep[16];
    memset(keep, 1, sizeof(keep));
    crash.keep = keep;
    struct sim *image = sim_crash(sim, &crash);
    size_t len;
    const uint8_t *bytes = sim_peek(image, "d/x", &len);
    ck_assert_uint_eq(len, 4); /* the size arrived, the data never */
    ck_assert_mem_eq(bytes, "\0\0\0\0", 4);
    sim_free(&image);
    fault_free(&fault);
}
END_TEST

START_TEST(the_chosen_call_fails_once_or_from_then_on)
{
    struct fault *fault = fault_new(vfs);
    const struct tuf_vfs *v = fault_vfs(fault);
    struct vfs_file *f = NULL;
    ck_assert_int_eq(v->open(v, "d/x", VFS_CREATE, &f), TUF_OK);
    struct fault_plan plan = {
        .kind = FAULT_PWRITEV, .at = 2, .sys_errno = ENOSPC, .short_permille = 500
    };
    fault_set(fault, &plan);
    ck_assert_int_eq(tufi_vfs_write(f, "1111", 4, 0), TUF_OK);
    ck_assert_int_eq(tufi_vfs_write(f, "2222", 4, 4), TUF_E_FULL);
    uint64_t size;
    ck_assert_int_eq(f->ops->size(f, &size), TUF_OK);
    ck_assert_uint_eq(size, 6); /* half of it was written */
    ck_assert_int_eq(tufi_vfs_write(f, "3333", 4, 4), TUF_OK);
    plan.sticky = true;
    plan.kind = FAULT_ANY;
    fault_set(fault, &plan);
    ck_assert_int_eq(f->ops->sync(f), TUF_OK);
    ck_assert_int_eq(f->ops->sync(f), TUF_E_FULL);
    ck_assert_int_eq(f->ops->size(f, &size), TUF_E_FULL);
    struct vfs_file *none = NULL;
    ck_assert_int_eq(v->open(v, "d/x", 0, &none), TUF_E_FULL);
    ck_assert_uint_eq(fault_calls(fault, FAULT_ANY), 4);
    ck_assert_uint_eq(fault_hits(fault), 3);
    fault_set(fault, NULL);
    f->ops->close(f);
    fault_free(&fault);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sim");
    TCase *tc = tcase_create("sim");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, nothing_survives_that_was_not_synced);
    tcase_add_test(tc, each_sector_is_kept_or_lost_on_its_own);
    tcase_add_test(tc, a_lost_size_hides_kept_data_and_a_kept_size_shows_lost_data_as_zeros);
    tcase_add_test(tc, a_sector_in_flight_is_torn_or_garbage_with_its_neighbours);
    tcase_add_test(tc, the_last_kept_write_of_a_sector_wins);
    tcase_add_test(tc, cutting_is_an_item_of_its_own);
    tcase_add_test(tc, stale_blocks_show_what_was_cut_off_before);
    tcase_add_test(tc, tails_follow_the_file);
    tcase_add_test(tc, names_are_kept_in_any_subset_or_in_order);
    tcase_add_test(tc, a_directory_sync_covers_its_own_names_only);
    tcase_add_test(tc, a_second_name_is_kept_or_lost_like_any_other);
    tcase_add_test(tc, shared_blocks_are_durable_with_the_next_sync);
    tcase_add_test(tc, keeping_everything_shows_what_was_seen);
    tcase_add_test(tc, a_replayed_recording_gives_the_same_disk_at_every_step);
    tcase_add_test(tc, the_monitor_sees_committed_bytes_rewritten_or_cut);
    tcase_add_test(tc, the_monitor_sees_an_acknowledgement_before_the_sync);
    tcase_add_test(tc, a_full_disk_takes_a_part_and_fails);
    tcase_add_test(tc, a_failed_sync_can_lose_data_for_good);
    tcase_add_test(tc, the_chosen_call_fails_once_or_from_then_on);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
