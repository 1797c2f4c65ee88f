/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the thread-local detail of the last failure, and the tables of status codes.
 *
 * INV-FAIL-1: making a failure never allocates.
 */
#include "base/fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tuffet/tuffet.h"

static _Thread_local tuf_error last_error = { .kind = "", .origin = "" };

const char *tuf_status_name(tuf_status status)
{
    switch (status) {
#define STATUS_NAME(name, value, text)                                                             \
    case TUF_##name:                                                                               \
        return #name;
        TUF_STATUS_TABLE(STATUS_NAME)
#undef STATUS_NAME
    default:
        return "UNKNOWN";
    }
}

const char *tuf_status_text(tuf_status status)
{
    switch (status) {
#define STATUS_TEXT(name, value, text)                                                             \
    case TUF_##name:                                                                               \
        return text;
        TUF_STATUS_TABLE(STATUS_TEXT)
#undef STATUS_TEXT
    default:
        return "unknown status";
    }
}

const char *tuf_version(void)
{
    return TUF_VERSION_STRING;
}

const tuf_error *tuf_last_error(void)
{
    return &last_error;
}

void tufi_error_clear(void)
{
    last_error.status = TUF_OK;
    last_error.sys_errno = 0;
    last_error.file_off = UINT64_MAX;
    last_error.kind = "";
    last_error.origin = "";
    last_error.text[0] = '\0';
}

void tufi_error_restore(const tuf_error *saved)
{
    last_error = *saved;
}

/* Bytes of the UTF-8 character at `p`, 0 if there is none. NUL ends every text, so it is safe to
 * look one byte further as long as the one before was part of a character. */
static size_t character_len(const unsigned char *p)
{
    size_t len = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : 4;
    if (p[0] >= 0x80 && (p[0] < 0xc2 || p[0] > 0xf4))
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

/* Ids in a text come from the user and may be cut in the middle of a character; whoever shows the
 * text may rely on valid UTF-8. */
static void replace_broken_characters(char *text)
{
    for (size_t pos = 0; text[pos] != '\0';) {
        size_t len = character_len((const unsigned char *)text + pos);
        if (len == 0)
            text[pos] = '?';
        pos += len > 0 ? len : 1;
    }
}

static tuf_status record(const char *origin, tuf_status status, const char *kind, const char *fmt,
                         va_list args)
{
    last_error.status = status;
    last_error.sys_errno = 0;
    last_error.file_off = UINT64_MAX;
    last_error.kind = kind;
    last_error.origin = origin;
    vsnprintf(last_error.text, sizeof(last_error.text), fmt, args);
    replace_broken_characters(last_error.text);
    return status;
}

tuf_status tufi_fail_at(const char *origin, tuf_status status, const char *kind, const char *fmt,
                        ...)
{
    va_list args;
    va_start(args, fmt);
    record(origin, status, kind, fmt, args);
    va_end(args);
    return status;
}

static tuf_status status_of_errno(int sys_errno)
{
    if (sys_errno == ENOSPC || sys_errno == EDQUOT || sys_errno == EFBIG)
        return TUF_E_FULL;
    return sys_errno == ENOMEM ? TUF_E_NOMEM : TUF_E_IO;
}

tuf_status tufi_fail_errno_at(const char *origin, int sys_errno, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    tuf_status status = record(origin, status_of_errno(sys_errno), "", fmt, args);
    va_end(args);
    size_t used = strlen(last_error.text);
    char text[80];
    const char *name = strerror_r(sys_errno, text, sizeof(text));
    snprintf(last_error.text + used, sizeof(last_error.text) - used, ": %s", name);
    last_error.sys_errno = sys_errno;
    return status;
}

tuf_status tufi_corrupt_at(const char *origin, uint64_t off, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    record(origin, TUF_E_CORRUPT, "", fmt, args);
    va_end(args);
    last_error.file_off = off;
    return TUF_E_CORRUPT;
}

tuf_status tufi_fold(tuf_status status)
{
    if (status > 0)
        return tufi_fail(TUF_E_INTERNAL, "unexpected outcome %s", tuf_status_name(status));
    return status;
}
