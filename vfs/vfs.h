/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the only door to files, clocks and randomness. posix.c is the real one; memory.c keeps
 * files in memory; tests stack fault injection and a crash-simulating disk on the same table.
 *
 * Contract of durability, on which the engine relies and nothing more:
 *   - bytes written are durable after a later successful sync of the same file;
 *   - before that, any subset of the touched sectors may be on disk, in any order, and a sector in
 *     flight may hold anything;
 *   - a file's name is durable after a successful sync_dir of its directory;
 *   - after a failed sync nothing is known of the bytes written since the last good one.
 * Calls return TUF_OK or a failure made by tufi_fail_errno; an interrupted call is repeated inside.
 */
#ifndef VFS_VFS_H
#define VFS_VFS_H

#include <sys/uio.h>

#include "tuffet/types.h"

struct tuf_vfs;

enum vfs_open_flags {
    VFS_CREATE = 1,    /* create if missing */
    VFS_EXCLUSIVE = 2, /* with CREATE: TUF_EXISTS if it is there */
    VFS_RDONLY = 4,
    VFS_LOCK = 8, /* exclusive lock for the life of the handle; E_LOCKED if taken */
};

#define VFS_CLONE_ALIGN 4096u

/* An open file. Every implementation embeds this at the start of its own struct. */
struct vfs_file {
    const struct vfs_file_ops *ops;
};

struct vfs_file_ops {
    /* Reads up to len bytes; *got_out is less than len only at the end of the file. */
    tuf_status (*pread)(struct vfs_file *f, void *buf, size_t len, uint64_t off, size_t *got_out);
    /* Writes everything or fails. iov is not changed. */
    tuf_status (*pwritev)(struct vfs_file *f, const struct iovec *iov, int iov_count, uint64_t off);
    /* Makes content and size durable (fdatasync). */
    tuf_status (*sync)(struct vfs_file *f);
    tuf_status (*truncate)(struct vfs_file *f, uint64_t size);
    tuf_status (*size)(struct vfs_file *f, uint64_t *size_out);
    /* Gives back the space of a range, which reads as zeros afterwards; E_UNSUPPORTED is fine. */
    tuf_status (*punch)(struct vfs_file *f, uint64_t off, uint64_t len);
    /* Copies a range of a file of the same implementation to the same place, sharing blocks or
     * copying inside the system where it can. NULL or E_UNSUPPORTED: read and write. */
    tuf_status (*copy)(struct vfs_file *f, struct vfs_file *from, uint64_t off, uint64_t len);
    /* Lets a range share the blocks of a range of another file of the same implementation, so that
     * nothing is written twice. Offsets and length are multiples of VFS_CLONE_ALIGN. NULL or
     * E_UNSUPPORTED: not here, and nothing was done. */
    tuf_status (*clone)(struct vfs_file *f, uint64_t off, struct vfs_file *from, uint64_t from_off,
                        uint64_t len);
    /* Forgets cached copies of synced bytes from off on, so that the next read comes from the
     * device. After a failed sync a system may go on showing bytes that it will never write;
     * nothing else tells them from durable ones. */
    void (*forget)(struct vfs_file *f, uint64_t off);
    /* Begins to write a range to the device, so that a later sync has less to wait for. A hint:
     * nothing is durable by it. */
    void (*push)(struct vfs_file *f, uint64_t off, uint64_t len);
    void (*close)(struct vfs_file *f);
};

struct tuf_vfs {
    /* TUF_NOT_FOUND if it does not exist and CREATE is not given. */
    tuf_status (*open)(const struct tuf_vfs *v, const char *path, unsigned flags,
                       struct vfs_file **out);
    tuf_status (*rename)(const struct tuf_vfs *v, const char *from, const char *to);
    /* A second name for a file. TUF_EXISTS if the name is taken. NULL or E_UNSUPPORTED: no links. */
    tuf_status (*link)(const struct tuf_vfs *v, const char *path, const char *second);
    tuf_status (*unlink)(const struct tuf_vfs *v, const char *path); /* TUF_NOT_FOUND */
    /* Makes the names in the directory that holds `path` durable. */
    tuf_status (*sync_dir)(const struct tuf_vfs *v, const char *path);
    /* Bytes that files beside `path` may still take; UINT64_MAX if nobody knows. */
    tuf_status (*space)(const struct tuf_vfs *v, const char *path, uint64_t *free_out);
    uint64_t (*wall_us)(const struct tuf_vfs *v); /* since the Unix epoch */
    uint64_t (*monotonic_us)(const struct tuf_vfs *v);
    tuf_status (*random)(const struct tuf_vfs *v, void *buf, size_t len);
    void *self; /* of the implementation */
};

/* The operating system's files. Static; threads: any. */
const struct tuf_vfs *tufi_vfs_posix(void);

/* Files in memory, each instance a file system of its own. Threads: any. */
tuf_status tufi_vfs_memory_new(struct tuf_vfs **out);
void tufi_vfs_memory_free(struct tuf_vfs **vfs);

/* Reads exactly len bytes or fails: a file that ends earlier is E_CORRUPT with the offset. */
tuf_status tufi_vfs_read_exact(struct vfs_file *f, void *buf, size_t len, uint64_t off);
/* Copies a range of one file to the same place of another, as cheaply as both allow. */
tuf_status tufi_vfs_copy(struct vfs_file *to, struct vfs_file *from, uint64_t off, uint64_t len);
tuf_status tufi_vfs_write(struct vfs_file *f, const void *data, size_t len, uint64_t off);

#endif
