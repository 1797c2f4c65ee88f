/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the contract of vfs/vfs.h, tested against every implementation: the operating system's
 * files, files in memory, and the simulated disk of the crash tests.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fail.h"
#include "tests/sim/sim.h"
#include "vfs/vfs.h"

enum kind { POSIX, MEMORY, SIM, KIND_COUNT };

static char dir[64];
static struct tuf_vfs *memory;
static struct sim *sim;
static const struct tuf_vfs *vfs;
static char path_a[80], path_b[80];

static void setup(int kind)
{
    if (kind == POSIX) {
        strcpy(dir, "/tmp/tuffet-vfs-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(dir));
        vfs = tufi_vfs_posix();
    } else if (kind == MEMORY) {
        strcpy(dir, "dir");
        ck_assert_int_eq(tufi_vfs_memory_new(&memory), TUF_OK);
        vfs = memory;
    } else {
        strcpy(dir, "dir");
        sim = sim_new(512, 1);
        vfs = sim_vfs(sim);
    }
    snprintf(path_a, sizeof(path_a), "%s/a", dir);
    snprintf(path_b, sizeof(path_b), "%s/b", dir);
}

static void teardown(int kind)
{
    if (kind == POSIX) {
        unlink(path_a);
        unlink(path_b);
        rmdir(dir);
    } else if (kind == MEMORY) {
        tufi_vfs_memory_free(&memory);
    } else {
        sim_free(&sim);
    }
}

static struct vfs_file *open_file(const char *path, unsigned flags)
{
    struct vfs_file *file = NULL;
    ck_assert_int_eq(vfs->open(vfs, path, flags, &file), TUF_OK);
    ck_assert_ptr_nonnull(file);
    return file;
}

static void write_text(struct vfs_file *f, const char *text, uint64_t off)
{
    ck_assert_int_eq(tufi_vfs_write(f, text, strlen(text), off), TUF_OK);
}

static void expect_bytes(struct vfs_file *f, const void *want, size_t len, uint64_t off)
{
    uint8_t *got = malloc(len + 1);
    ck_assert_int_eq(tufi_vfs_read_exact(f, got, len, off), TUF_OK);
    ck_assert_mem_eq(got, want, len);
    free(got);
}

static uint64_t size_of(struct vfs_file *f)
{
    uint64_t size = UINT64_MAX;
    ck_assert_int_eq(f->ops->size(f, &size), TUF_OK);
    return size;
}

START_TEST(opening_a_missing_file_is_not_found)
{
    setup(_i);
    struct vfs_file *f = NULL;
    ck_assert_int_eq(vfs->open(vfs, path_a, 0, &f), TUF_NOT_FOUND);
    ck_assert_ptr_null(f);
    ck_assert_int_eq(vfs->unlink(vfs, path_a), TUF_NOT_FOUND);
    ck_assert_int_eq(vfs->rename(vfs, path_a, path_b), TUF_NOT_FOUND);
    teardown(_i);
}
END_TEST

START_TEST(exclusive_creation_refuses_an_existing_file)
{
    setup(_i);
    struct vfs_file *f = open_file(path_a, VFS_CREATE | VFS_EXCLUSIVE);
    struct vfs_file *second = NULL;
    ck_assert_int_eq(vfs->open(vfs, path_a, VFS_CREATE | VFS_EXCLUSIVE, &second), TUF_EXISTS);
    ck_assert_ptr_null(second);
    f->ops->close(f);
    teardown(_i);
}
END_TEST

START_TEST(a_locked_file_cannot_be_locked_again_until_closed)
{
    setup(_i);
    struct vfs_file *f = open_file(path_a, VFS_CREATE | VFS_LOCK);
    struct vfs_file *other = NULL;
    ck_assert_int_eq(vfs->open(vfs, path_a, VFS_LOCK, &other), TUF_E_LOCKED);
    ck_assert_int_eq(tuf_last_error()->status, TUF_E_LOCKED);
    other = open_file(path_a, VFS_RDONLY);
    other->ops->close(other);
    /* Closing another handle must not drop the lock. */
    ck_assert_int_eq(vfs->open(vfs, path_a, VFS_LOCK, &other), TUF_E_LOCKED);
    f->ops->close(f);
    f = open_file(path_a, VFS_LOCK);
    f->ops->close(f);
    teardown(_i);
}
END_TEST

START_TEST(vectors_are_written_in_order_and_holes_read_as_zeros)
{
    setup(_i);
    struct vfs_file *f = open_file(path_a, VFS_CREATE);
    char a[] = "one", b[] = "", c[] = "two";
    struct iovec iov[] = { { a, 3 }, { b, 0 }, { c, 3 } };
    ck_assert_int_eq(f->ops->pwritev(f, iov, 3, 5), TUF_OK);
    ck_assert_uint_eq(size_of(f), 11);
    expect_bytes(f, "\0\0\0\0\0onetwo", 11, 0);
    char buf[32];
    size_t got = 99;
    ck_assert_int_eq(f->ops->pread(f, buf, sizeof(buf), 8, &got), TUF_OK);
    ck_assert_uint_eq(got, 3);
    ck_assert_int_eq(f->ops->pread(f, buf, sizeof(buf), 500, &got), TUF_OK);
    ck_assert_uint_eq(got, 0);
    f->ops->close(f);
    teardown(_i);
}
END_TEST

START_TEST(hundreds_of_vectors_are_written)
{
    setup(_i);
    struct vfs_file *f = open_file(path_a, VFS_CREATE);
    enum { COUNT = 300, LEN = 37 };
    static uint8_t bytes[COUNT * LEN];
    struct iovec iov[COUNT];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    for (size_t i = 0; i < COUNT; i++)
        iov[i] = (struct iovec){ bytes + i * LEN, LEN };
    ck_assert_int_eq(f->ops->pwritev(f, iov, COUNT, 1), TUF_OK);
    expect_bytes(f, bytes, sizeof(bytes), 1);
    f->ops->close(f);
    teardown(_i);
}
END_TEST

START_TEST(an_exact_read_past_the_end_is_corrupt_with_its_offset)
{
    setup(_i);
    struct vfs_file *f = open_file(path_a, VFS_CREATE);
    write_text(f, "hello", 0);
    char buf[8];
    ck_assert_int_eq(tufi_vfs_read_exact(f, buf, 4, 3), TUF_E_CORRUPT);
    ck_assert_int_eq(tuf_last_error()->status, TUF_E_CORRUPT);
    ck_assert_uint_eq(tuf_last_error()->file_off, 3);
    f->ops->close(f);
    teardown(_i);
}
END_TEST

START_TEST(truncating_down_and_up_shows_zeros)
{
    setup(_i);
    struct vfs_file *f = open_file(path_a, VFS_CREATE);
    write_text(f, "abcdefgh", 0);
    ck_assert_int_eq(f->ops->truncate(f, 3), TUF_OK);
    ck_assert_uint_eq(size_of(f), 3);
    ck_assert_int_eq(f->ops->truncate(f, 6), TUF_OK);
    expect_bytes(f, "abc\0\0\0", 6, 0);
    write_text(f, "z", 9);
    expect_bytes(f, "abc\0\0\0\0\0\0z", 10, 0);
    f->ops->close(f);
    teardown(_i);
}
END_TEST

START_TEST(a_punched_range_reads_as_zeros)
{
    setup(_i);
    struct vfs_file *f = open_file(path_a, VFS_CREATE);
    static uint8_t bytes[16384], want[16384];
    memset(bytes, 0x5a, sizeof(bytes));
    memcpy(want, bytes, sizeof(want));
    memset(want + 4096, 0, 8192);
    ck_assert_int_eq(tufi_vfs_write(f, bytes, sizeof(bytes), 0), TUF_OK);
    tuf_status st = f->ops->punch(f, 4096, 8192);
    ck_assert(st == TUF_OK || st == TUF_E_UNSUPPORTED);
    expect_bytes(f, st == TUF_OK ? want : bytes, sizeof(want), 0);
    ck_assert_uint_eq(size_of(f), sizeof(bytes));
    f->ops->close(f);
    teardown(_i);
}
END_TEST

START_TEST(forgetting_the_cache_loses_nothing)
{
    setup(_i);
    struct vfs_file *f = open_file(path_a, VFS_CREATE);
    write_text(f, "synced", 0);
    ck_assert_int_eq(f->ops->sync(f), TUF_OK);
    write_text(f, "not yet", 5000);
    f->ops->forget(f, 0);
    f->ops->forget(f, UINT64_MAX);
    expect_bytes(f, "synced", 6, 0);
    expect_bytes(f, "not yet", 7, 5000);
    f->ops->close(f);
    teardown(_i);
}
END_TEST

START_TEST(an_open_file_outlives_its_name)
{
    setup(_i);
    struct vfs_file *f = open_file(path_a, VFS_CREATE);
    write_text(f, "old", 0);
    ck_assert_int_eq(vfs->unlink(vfs, path_a), TUF_OK);
    struct vfs_file *fresh = open_file(path_a, VFS_CREATE | VFS_EXCLUSIVE);
    ck_assert_uint_eq(size_of(fresh), 0);
    write_text(fresh, "new", 0);
    expect_bytes(f, "old", 3, 0);
    expect_bytes(fresh, "new", 3, 0);
    f->ops->close(f);
    fresh->ops->close(fresh);
    teardown(_i);
}
END_TEST

START_TEST(renaming_replaces_the_target)
{
    setup(_i);
    struct vfs_file *a = open_file(path_a, VFS_CREATE | VFS_LOCK);
    struct vfs_file *b = open_file(path_b, VFS_CREATE | VFS_LOCK);
    write_text(a, "aaa", 0);
    write_text(b, "bbb", 0);
    ck_assert_int_eq(a->ops->sync(a), TUF_OK);
    ck_assert_int_eq(vfs->rename(vfs, path_a, path_b), TUF_OK);
    ck_assert_int_eq(vfs->sync_dir(vfs, path_b), TUF_OK);
    expect_bytes(b, "bbb", 3, 0);
    struct vfs_file *now = open_file(path_b, VFS_RDONLY);
    expect_bytes(now, "aaa", 3, 0);
    struct vfs_file *none = NULL;
    ck_assert_int_eq(vfs->open(vfs, path_a, 0, &none), TUF_NOT_FOUND);
    /* The lock went with the file, not with the name. */
    ck_assert_int_eq(vfs->open(vfs, path_b, VFS_LOCK, &none), TUF_E_LOCKED);
    now->ops->close(now);
    a->ops->close(a);
    b->ops->close(b);
    teardown(_i);
}
END_TEST

START_TEST(a_file_with_two_names_lives_as_long_as_one_of_them)
{
    setup(_i);
    struct vfs_file *f = open_file(path_a, VFS_CREATE);
    tuf_status st = vfs->link ? vfs->link(vfs, path_a, path_b) : TUF_E_UNSUPPORTED;
    if (st == TUF_OK) {
        ck_assert_int_eq(vfs->link(vfs, path_a, path_b), TUF_EXISTS);
        write_text(f, "written behind the link", 0);
        ck_assert_int_eq(vfs->rename(vfs, path_a, path_b), TUF_OK); /* one file: both names stay */
        ck_assert_int_eq(vfs->unlink(vfs, path_a), TUF_OK);
        ck_assert_int_lt(vfs->link(vfs, path_a, path_b), TUF_OK);
        struct vfs_file *second = open_file(path_b, VFS_RDONLY);
        expect_bytes(second, "written behind the link", 23, 0);
        second->ops->close(second);
    }
    ck_assert(st == TUF_OK || (st == TUF_E_UNSUPPORTED && _i != SIM));
    f->ops->close(f);
    teardown(_i);
}
END_TEST

START_TEST(blocks_of_another_file_can_be_shared)
{
    setup(_i);
    struct vfs_file *a = open_file(path_a, VFS_CREATE), *b = open_file(path_b, VFS_CREATE);
    char block[2 * VFS_CLONE_ALIGN];
    memset(block, 'x', sizeof(block));
    ck_assert_int_eq(tufi_vfs_write(a, block, sizeof(block), VFS_CLONE_ALIGN), TUF_OK);
    tuf_status st = b->ops->clone ? b->ops->clone(b, 0, a, VFS_CLONE_ALIGN, sizeof(block))
                                  : TUF_E_UNSUPPORTED;
    if (st == TUF_OK) {
        write_text(a, "later", VFS_CLONE_ALIGN);
        ck_assert_uint_eq(size_of(b), sizeof(block));
        expect_bytes(b, block, sizeof(block), 0);
    }
    ck_assert(st == TUF_OK || (st == TUF_E_UNSUPPORTED && _i == POSIX)); /* ext4 does not */
    a->ops->close(a);
    b->ops->close(b);
    teardown(_i);
}
END_TEST

START_TEST(a_read_only_handle_cannot_write)
{
    setup(_i);
    struct vfs_file *f = open_file(path_a, VFS_CREATE);
    write_text(f, "x", 0);
    f->ops->close(f);
    f = open_file(path_a, VFS_RDONLY);
    ck_assert_int_lt(tufi_vfs_write(f, "y", 1, 0), TUF_OK);
    expect_bytes(f, "x", 1, 0);
    f->ops->close(f);
    teardown(_i);
}
END_TEST

START_TEST(clocks_run_forward_and_random_bytes_differ)
{
    setup(_i);
    uint64_t first = vfs->monotonic_us(vfs);
    ck_assert_uint_ge(vfs->monotonic_us(vfs), first);
    ck_assert_uint_gt(vfs->wall_us(vfs), UINT64_C(1500000000) * 1000000);
    uint8_t a[16] = { 0 }, b[16] = { 0 };
    ck_assert_int_eq(vfs->random(vfs, a, sizeof(a)), TUF_OK);
    ck_assert_int_eq(vfs->random(vfs, b, sizeof(b)), TUF_OK);
    ck_assert_mem_ne(a, b, sizeof(a));
    teardown(_i);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vfs contract");
    TCase *tc = tcase_create("all implementations");
    tcase_add_loop_test(tc, opening_a_missing_file_is_not_found, 0, KIND_COUNT);
    tcase_add_loop_test(tc, exclusive_creation_refuses_an_existing_file, 0, KIND_COUNT);
    tcase_add_loop_test(tc, a_locked_file_cannot_be_locked_again_until_closed, 0, KIND_COUNT);
    tcase_add_loop_test(tc, vectors_are_written_in_order_and_holes_read_as_zeros, 0, KIND_COUNT);
    tcase_add_loop_test(tc, hundreds_of_vectors_are_written, 0, KIND_COUNT);
    tcase_add_loop_test(tc, an_exact_read_past_the_end_is_corrupt_with_its_offset, 0, KIND_COUNT);
    tcase_add_loop_test(tc, truncating_down_and_up_shows_zeros, 0, KIND_COUNT);
    tcase_add_loop_test(tc, a_punched_range_reads_as_zeros, 0, KIND_COUNT);
    tcase_add_loop_test(tc, forgetting_the_cache_loses_nothing, 0, KIND_COUNT);
    tcase_add_loop_test(tc, an_open_file_outlives_its_name, 0, KIND_COUNT);
    tcase_add_loop_test(tc, renaming_replaces_the_target, 0, KIND_COUNT);
    tcase_add_loop_test(tc, a_file_with_two_names_lives_as_long_as_one_of_them, 0, KIND_COUNT);
    tcase_add_loop_test(tc, blocks_of_another_file_can_be_shared, 0, KIND_COUNT);
    tcase_add_loop_test(tc, a_read_only_handle_cannot_write, 0, KIND_COUNT);
    tcase_add_loop_test(tc, clocks_run_forward_and_random_bytes_differ, 0, KIND_COUNT);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
