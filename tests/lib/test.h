/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what every unit test needs: checks of a status with its detail, temporary folders, and a
 * main function that runs one suite.
 */
#ifndef TESTS_LIB_TEST_H
#define TESTS_LIB_TEST_H

#include <check.h>

#include "tuffet/status.h"

/* The expression is TUF_OK; prints the detail of the failure if it is not. */
#define ck_ok(expr) tuft_check_ok((expr), #expr, __FILE__, __LINE__)

/* The expression fails with a status (negative), and the thread's detail says the same. */
#define ck_fails(expr, want)                                                                       \
    do {                                                                                           \
        tuft_check_status((expr), (want), #expr, __FILE__, __LINE__);                              \
        ck_assert_int_eq((int)tuf_last_error()->status, (int)(want));                              \
    } while (0)

/* The expression has an outcome (positive status). */
#define ck_outcome(expr, want) tuft_check_status((expr), (want), #expr, __FILE__, __LINE__)

void tuft_check_ok(tuf_status got, const char *expr, const char *file, int line);
void tuft_check_status(tuf_status got, tuf_status want, const char *expr, const char *file,
                       int line);

/* A new empty folder below $TMPDIR or /tmp; removed with its files by tuft_tmpdir_remove.
 * The path is to be freed with free(). */
char *tuft_tmpdir_new(void);
void tuft_tmpdir_remove(char **path);

/* "dir/name", to be freed with free(). */
char *tuft_path(const char *dir, const char *name);

/* The path of a file of the source tree ($TUF_SRCDIR or the current directory). */
char *tuft_source_path(const char *name);

/* Reads a whole file; the bytes are to be freed with free(). Fails the test if it cannot. */
char *tuft_read_file(size_t *len_out, const char *path);

/* Runs one suite and returns what main should return. */
int tuft_run(Suite *suite);

#endif
