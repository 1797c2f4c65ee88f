/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: a disk that tells a lost write once, to the first of the syncs that run side by side, as Linux
 * does for those that share a descriptor. What the other one has acknowledged would be lost.
 *
 * One thread commits; while it syncs, another finds the disk full in the middle of an attachment, and its
 * cleaning up syncs, too.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "tests/lib/test.h"
#include "tuffet/tuffet.h"
#include "vfs/vfs.h"

#define PATIENCE_MS 300 /* for another sync to come */

/* The file system in memory, below. */
static struct tuf_vfs *memory;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool armed;        /* from here on writing back fails */
    bool error_waits;  /* nobody has been told yet */
    unsigned syncing;
} disk = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static _Thread_local bool full; /* for this thread the disk is */

struct file {
    struct vfs_file base;
    struct vfs_file *inner; /* owned */
};

static struct vfs_file *inner_of(struct vfs_file *f)
{
    return ((struct file *)f)->inner;
}

static tuf_status read_some(struct vfs_file *f, void *buf, size_t len, uint64_t off, size_t *got_out)
{
    return inner_of(f)->ops->pread(inner_of(f), buf, len, off, got_out);
}

static tuf_status write_all(struct vfs_file *f, const struct iovec *iov, int count, uint64_t off)
{
    if (full)
        return tufi_fail_errno(ENOSPC, "writing");
    return inner_of(f)->ops->pwritev(inner_of(f), iov, count, off);
}

/* The first waits a while for company. The last to come is told of the error. */
static bool hears_of_it(void)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_nsec += PATIENCE_MS * 1000000L;
    end.tv_sec += end.tv_nsec / 1000000000L;
    end.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&disk.lock);
    bool first = ++disk.syncing == 1;
    pthread_cond_broadcast(&disk.changed);
    while (disk.armed && first && disk.syncing < 2 &&
           pthread_cond_timedwait(&disk.changed, &disk.lock, &end) == 0)
        continue;
    bool told = disk.armed && disk.error_waits;
    disk.error_waits &= !told;
    if (!first)
        disk.syncing--;
    pthread_mutex_unlock(&disk.lock);
    return told;
}

static tuf_status sync_file(struct vfs_file *f)
{
    if (hears_of_it())
        return tufi_fail_errno(EIO, "syncing a file");
    return inner_of(f)->ops->sync(inner_of(f));
}

static tuf_status cut(struct vfs_file *f, uint64_t size)
{
    return inner_of(f)->ops->truncate(inner_of(f), size);
}

static tuf_status get_size(struct vfs_file *f, uint64_t *size_out)
{
    return inner_of(f)->ops->size(inner_of(f), size_out);
}

static tuf_status punch(struct vfs_file *f, uint64_t off, uint64_t len)
{
    return inner_of(f)->ops->punch(inner_of(f), off, len);
}

static void forget(struct vfs_file *f, uint64_t off)
{
    inner_of(f)->ops->forget(inner_of(f), off);
}

static void push_out(struct vfs_file *f, uint64_t off, uint64_t len)
{
    inner_of(f)->ops->push(inner_of(f), off, len);
}

static void close_file(struct vfs_file *f)
{
    inner_of(f)->ops->close(inner_of(f));
    tufi_free(f);
}

static const struct vfs_file_ops file_ops = {
    .pread = read_some,
    .pwritev = write_all,
    .sync = sync_file,
    .truncate = cut,
    .size = get_size,
    .punch = punch,
    .forget = forget,
    .push = push_out,
    .close = close_file,
};

static tuf_status open_file(const struct tuf_vfs *v, const char *path, unsigned flags,
                            struct vfs_file **out)
{
    (void)v;
    struct file *file = tufi_alloc(sizeof(*file));
    ck_assert_ptr_nonnull(file);
    file->base.ops = &file_ops;
    tuf_status st = memory->open(memory, path, flags, &file->inner);
    if (st == TUF_OK)
        *out = &file->base;
    else
        tufi_free(file);
    return st;
}

static void *commit_one(void *arg)
{
    tuf_db *db = arg;
    tuf_edit *edit = NULL;
    ck_ok(tuf_edit_parse(&edit, tuf_str("{\"_id\":\"d\"}"), NULL));
    static tuf_status status;
    status = tuf_db_commit(db, &edit, 1, 0);
    tuf_edit_free(&edit);
    return &status;
}

/* INV-LOG-4 */
START_TEST(of_two_syncs_none_hides_the_error_of_the_other)
{
    static uint8_t bytes[600000];
    tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
    tuf_att_options att = TUF_ATT_OPTIONS_INIT;
    tuf_att_writer *writer = NULL;
    tuf_db *db = NULL;
    pthread_t thread;
    void *result;
    ck_ok(tufi_vfs_memory_new(&memory));
    struct tuf_vfs vfs = *memory;
    vfs.open = open_file;
    att.type = tuf_str("image/png");
    opts.vfs = &vfs;
    opts.flags = TUF_OPEN_CREATE;
    ck_ok(tuf_db_open(&db, "db.tuffet", &opts));
    ck_ok(tuf_att_writer_new(&writer, db, &att));

    disk.syncing = 0;
    disk.armed = disk.error_waits = true;
    ck_assert_int_eq(pthread_create(&thread, NULL, commit_one, db), 0);
    pthread_mutex_lock(&disk.lock);
    while (disk.syncing == 0)
        pthread_cond_wait(&disk.changed, &disk.lock);
    pthread_mutex_unlock(&disk.lock);
    full = true;
    ck_assert_int_eq(tuf_att_write(writer, bytes, sizeof(bytes)), TUF_E_FULL);
    full = false;
    pthread_join(thread, &result);
    ck_assert_int_eq(*(tuf_status *)result, TUF_E_IO); /* it was told, or would have lied */

    tuf_edit *edit = NULL;
    ck_ok(tuf_edit_parse(&edit, tuf_str("{\"_id\":\"e\"}"), NULL));
    ck_assert_int_eq(tuf_db_commit(db, &edit, 1, 0), TUF_E_POISONED);
    tuf_edit_free(&edit);
    disk.armed = false;
    tuf_att_writer_free(&writer);
    (void)tuf_db_close(&db);
    tufi_vfs_memory_free(&memory);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("shared_error");
    TCase *t = tcase_create("shared_error");
    tcase_add_test(t, of_two_syncs_none_hides_the_error_of_the_other);
    suite_add_tcase(s, t);
    return tuft_run(s);
}
