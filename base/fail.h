/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the only way to make a failure. Each failure is made once, at its origin, and forwarded
 * unchanged from there on.
 *
 * Not here: the codes themselves (tuffet/status.h); the mapping to HTTP (server/error_map.c).
 */
#ifndef BASE_FAIL_H
#define BASE_FAIL_H

#include "tuffet/status.h"

#define TUFI_STRINGIFY_(x) #x
#define TUFI_STRINGIFY(x) TUFI_STRINGIFY_(x)
#define TUFI_HERE __FILE__ ":" TUFI_STRINGIFY(__LINE__)

#define TUFI_PRINTF(fmt_pos, arg_pos) __attribute__((format(printf, fmt_pos, arg_pos)))

/* Records the detail of a failure or of a described outcome, and returns its status. */
#define tufi_fail(status, ...) tufi_fail_at(TUFI_HERE, (status), "", __VA_ARGS__)

/* The same with a machine-readable kind (a static string such as "doc_validation"). */
#define tufi_fail_kind(status, kind, ...) tufi_fail_at(TUFI_HERE, (status), (kind), __VA_ARGS__)

/* The same for a failed system call: maps ENOSPC/EDQUOT to E_FULL, ENOMEM to E_NOMEM, the rest to
 * E_IO, and keeps the errno. */
#define tufi_fail_errno(sys_errno, ...) tufi_fail_errno_at(TUFI_HERE, (sys_errno), __VA_ARGS__)

/* The only way to make E_CORRUPT: always with the file offset. */
#define tufi_corrupt(off, ...) tufi_corrupt_at(TUFI_HERE, (off), __VA_ARGS__)

/* Out of memory; does not allocate. */
#define tufi_nomem() tufi_fail_at(TUFI_HERE, TUF_E_NOMEM, "", "out of memory")

#ifdef __clang_analyzer__
/* What an analyser cannot see from here: a failure is the status that it was made with. */
#undef tufi_fail
#undef tufi_fail_kind
#undef tufi_fail_errno
#undef tufi_corrupt
#undef tufi_nomem
#define tufi_fail(status, ...) ((void)tufi_fail_at(TUFI_HERE, TUF_OK, "", __VA_ARGS__), (status))
#define tufi_fail_kind(status, kind, ...) \
    ((void)tufi_fail_at(TUFI_HERE, TUF_OK, (kind), __VA_ARGS__), (status))
#define tufi_fail_errno(sys_errno, ...) \
    ((void)tufi_fail_errno_at(TUFI_HERE, (sys_errno), __VA_ARGS__), TUF_E_IO)
#define tufi_corrupt(off, ...) ((void)tufi_corrupt_at(TUFI_HERE, (off), __VA_ARGS__), TUF_E_CORRUPT)
#define tufi_nomem() TUF_E_NOMEM
#endif

tuf_status tufi_fail_at(const char *origin, tuf_status status, const char *kind, const char *fmt,
                        ...) TUFI_PRINTF(4, 5) __attribute__((cold));
tuf_status tufi_fail_errno_at(const char *origin, int sys_errno, const char *fmt, ...)
    TUFI_PRINTF(3, 4) __attribute__((cold));
tuf_status tufi_corrupt_at(const char *origin, uint64_t off, const char *fmt, ...)
    TUFI_PRINTF(3, 4) __attribute__((cold));

/* Turns an outcome that cannot happen here (a positive status) into E_INTERNAL. */
tuf_status tufi_fold(tuf_status status);

/* Forgets the thread's last failure: called at the entry of public calls. */
void tufi_error_clear(void);

/* Sets the thread's last failure to a saved one (when work moved between threads). */
void tufi_error_restore(const tuf_error *saved);

#endif
