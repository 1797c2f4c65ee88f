/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what only the operating system's files do: file modes, real disk-full errors, descriptors
 * that do not leak into children, directories that can be synced.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail.h"
#include "vfs/vfs.h"

static char dir[64];
static char path[80];

static void setup(void)
{
    strcpy(dir, "/tmp/tuffet-posix-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/f", dir);
}

static void teardown(void)
{
    unlink(path);
    rmdir(dir);
}

static struct vfs_file *open_file(unsigned flags)
{
    const struct tuf_vfs *v = tufi_vfs_posix();
    struct vfs_file *f = NULL;
    ck_assert_int_eq(v->open(v, path, flags, &f), TUF_OK);
    return f;
}

START_TEST(a_created_file_is_private)
{
    mode_t old = umask(0);
    struct vfs_file *f = open_file(VFS_CREATE);
    umask(old);
    struct stat info;
    ck_assert_int_eq(stat(path, &info), 0);
    ck_assert_uint_eq(info.st_mode & 07777, 0600);
    f->ops->close(f);
}
END_TEST

START_TEST(the_lock_excludes_other_processes_and_dies_with_them)
{
    static struct vfs_file *f; /* the children end without closing it: no leak to valgrind */
    f = open_file(VFS_CREATE | VFS_LOCK);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        const struct tuf_vfs *v = tufi_vfs_posix();
        struct vfs_file *mine = NULL;
        _exit(v->open(v, path, VFS_LOCK, &mine) == TUF_E_LOCKED ? 0 : 1);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    f->ops->close(f);
    int ready[2];
    ck_assert_int_eq(pipe(ready), 0);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        (void)open_file(VFS_LOCK);
        (void)!write(ready[1], "x", 1);
        pause();
        _exit(0);
    }
    char byte;
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    kill(child, SIGKILL);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    f = open_file(VFS_LOCK);
    f->ops->close(f);
    close(ready[0]);
    close(ready[1]);
}
END_TEST

START_TEST(a_file_too_large_is_reported_as_full)
{
    struct vfs_file *f = open_file(VFS_CREATE);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = { 8192, 8192 };
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    static uint8_t bytes[16384];
    /* The system takes the first half and refuses the second: all or nothing for the caller. */
    ck_assert_int_eq(tufi_vfs_write(f, bytes, sizeof(bytes), 0), TUF_E_FULL);
    ck_assert_int_eq(tuf_last_error()->sys_errno, EFBIG);
    ck_assert_int_eq(tufi_vfs_write(f, bytes, 4096, 0), TUF_OK);
    f->ops->close(f);
}
END_TEST

START_TEST(a_device_without_space_is_reported_as_full)
{
    int fd = open("/dev/full", O_WRONLY);
    ck_assert_int_ge(fd, 0);
    /* /dev/full is refused by open as no regular file; the mapping itself is what matters. */
    ck_assert_int_eq(write(fd, "x", 1), -1);
    ck_assert_int_eq(tufi_fail_errno(errno, "writing"), TUF_E_FULL);
    close(fd);
    const struct tuf_vfs *v = tufi_vfs_posix();
    struct vfs_file *f = NULL;
    ck_assert_int_eq(v->open(v, "/dev/full", 0, &f), TUF_E_IO);
    ck_assert_ptr_null(f);
}
END_TEST

START_TEST(descriptors_close_on_exec)
{
    int before = open("/dev/null", O_RDONLY);
    struct vfs_file *f = open_file(VFS_CREATE);
    /* The lowest free number was taken by the file: the next after ours. */
    int flags = fcntl(before + 1, F_GETFD);
    ck_assert_int_ge(flags, 0);
    ck_assert_int_ne(flags & FD_CLOEXEC, 0);
    f->ops->close(f);
    close(before);
}
END_TEST

START_TEST(syncing_works_for_files_and_directories)
{
    const struct tuf_vfs *v = tufi_vfs_posix();
    struct vfs_file *f = open_file(VFS_CREATE);
    ck_assert_int_eq(tufi_vfs_write(f, "x", 1, 0), TUF_OK);
    ck_assert_int_eq(f->ops->sync(f), TUF_OK);
    ck_assert_int_eq(v->sync_dir(v, path), TUF_OK);
    ck_assert_int_eq(v->sync_dir(v, "name-without-slash"), TUF_OK);
    ck_assert_int_eq(v->sync_dir(v, "/no-such-file"), TUF_OK);
    ck_assert_int_eq(v->sync_dir(v, "/no-such-directory-of-ours/x"), TUF_E_IO);
    f->ops->close(f);
}
END_TEST

START_TEST(offsets_beyond_the_system_fail_cleanly)
{
    struct vfs_file *f = open_file(VFS_CREATE);
    uint8_t byte = 0;
    size_t got;
    ck_assert_int_eq(tufi_vfs_write(f, &byte, 1, UINT64_MAX - 1), TUF_E_FULL);
    ck_assert_int_eq(f->ops->truncate(f, UINT64_MAX), TUF_E_FULL);
    ck_assert_int_eq(f->ops->pread(f, &byte, 1, UINT64_MAX - 1, &got), TUF_E_IO);
    ck_assert_int_eq(f->ops->punch(f, UINT64_MAX - 1, 1), TUF_E_IO);
    f->ops->close(f);
}
END_TEST

START_TEST(bytes_beyond_four_gib_are_where_they_belong)
{
    struct vfs_file *f = open_file(VFS_CREATE);
    uint64_t off = (UINT64_C(5) << 30) + 3;
    ck_assert_int_eq(tufi_vfs_write(f, "far", 3, off), TUF_OK);
    char got[3];
    ck_assert_int_eq(tufi_vfs_read_exact(f, got, 3, off), TUF_OK);
    ck_assert_mem_eq(got, "far", 3);
    ck_assert_int_eq(tufi_vfs_read_exact(f, got, 3, off & 0xffffffff), TUF_OK);
    ck_assert_mem_eq(got, "\0\0\0", 3);
    f->ops->close(f);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vfs posix");
    TCase *tc = tcase_create("posix");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_created_file_is_private);
    tcase_add_test(tc, the_lock_excludes_other_processes_and_dies_with_them);
    tcase_add_test(tc, a_file_too_large_is_reported_as_full);
    tcase_add_test(tc, a_device_without_space_is_reported_as_full);
    tcase_add_test(tc, descriptors_close_on_exec);
    tcase_add_test(tc, syncing_works_for_files_and_directories);
    tcase_add_test(tc, offsets_beyond_the_system_fail_cleanly);
    tcase_add_test(tc, bytes_beyond_four_gib_are_where_they_belong);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
