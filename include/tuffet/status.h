/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the one set of result codes, and the detail of a thread's last failure.
 *
 * Zero is success. A positive status is an *outcome*: the docstring of the call lists it and the
 * caller handles it. A negative status is a *failure*: forward it unchanged.
 */
#ifndef TUFFET_STATUS_H
#define TUFFET_STATUS_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define TUF_API __attribute__((visibility("default")))
#define TUF_MUST_USE __attribute__((warn_unused_result))
#else
#define TUF_API
#define TUF_MUST_USE
#endif

/* code, value, text. Values are part of the ABI: never renumber. */
#define TUF_STATUS_TABLE(X)                                                                        \
    X(OK, 0, "success")                                                                            \
    X(NOT_FOUND, 1, "not found")                                                                   \
    X(CONFLICT, 2, "document update conflict")                                                     \
    X(EXISTS, 3, "already exists")                                                                 \
    X(END, 4, "no more items")                                                                     \
    X(STOPPED, 5, "stopped by the caller")                                                         \
    X(DELETED, 6, "document is deleted")                                                           \
    X(MISSING_STUB, 7, "attachment stub refers to nothing")                                        \
    X(E_NOMEM, -1, "out of memory")                                                                \
    X(E_IO, -2, "input/output error")                                                              \
    X(E_FULL, -3, "no space left")                                                                 \
    X(E_CORRUPT, -4, "file is damaged")                                                            \
    X(E_VERSION, -5, "file format is newer than this library")                                     \
    X(E_INVALID, -6, "invalid data from the user")                                                 \
    X(E_MISUSE, -7, "call is not allowed here")                                                    \
    X(E_LOCKED, -8, "database is in use by another process")                                       \
    X(E_READONLY, -9, "database is open for reading only")                                         \
    X(E_LIMIT, -10, "a limit is exceeded")                                                         \
    X(E_UNSUPPORTED, -11, "not supported")                                                         \
    X(E_POISONED, -12, "a write failed earlier: reopen the database")                              \
    X(E_INTERNAL, -13, "internal error")

typedef enum tuf_status {
#define TUF_STATUS_ENUM(name, value, text) TUF_##name = (value),
    TUF_STATUS_TABLE(TUF_STATUS_ENUM)
#undef TUF_STATUS_ENUM
} tuf_status;

#define TUF_ERROR_TEXT_SIZE 200

/*
 * What went wrong, in detail. Set at the origin of a failure (negative status) and of the outcomes
 * whose docstring says so.
 */
typedef struct tuf_error {
    tuf_status status;               /* equals the status that the call returned */
    int sys_errno;                   /* errno of the failed system call, 0 if none */
    uint64_t file_off;               /* offset in the database file, UINT64_MAX if none */
    const char *kind;                /* stable machine-readable word ("doc_validation"), or "" */
    const char *origin;              /* "engine/commit.c:120"; static storage */
    char text[TUF_ERROR_TEXT_SIZE];  /* one line, no full stop, NUL-terminated */
} tuf_error;

/*
 * The name of a status code, such as "E_CORRUPT".
 * Returns: a static string; "UNKNOWN" for a value that is no status.
 * Ownership: static.
 * Threads: any.
 * Since: 0.1
 */
TUF_API const char *tuf_status_name(tuf_status status);

/*
 * A short English text for a status code.
 * Returns: a static string.
 * Ownership: static.
 * Threads: any.
 * Since: 0.1
 */
TUF_API const char *tuf_status_text(tuf_status status);

/*
 * Detail of the calling thread's last failure.
 * Returns: never NULL; its status is TUF_OK if the last public call did not fail.
 * Ownership: borrowed until this thread's next tuf_ call.
 * Threads: any; each thread has its own.
 * Since: 0.1
 */
TUF_API const tuf_error *tuf_last_error(void);

#endif
