/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: implements tests/lib/test.h.
 */
#include "tests/lib/test.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void tuft_check_ok(tuf_status got, const char *expr, const char *file, int line)
{
    if (got != TUF_OK) {
        const tuf_error *e = tuf_last_error();
        ck_abort_msg("%s:%d: %s gave %s: %s (%s)", file, line, expr, tuf_status_name(got), e->text,
                     e->origin ? e->origin : "");
    }
    ck_assert_int_eq((int)got, (int)TUF_OK);
}

void tuft_check_status(tuf_status got, tuf_status want, const char *expr, const char *file,
                       int line)
{
    if (got != want)
        ck_abort_msg("%s:%d: %s gave %s instead of %s: %s", file, line, expr, tuf_status_name(got),
                     tuf_status_name(want), tuf_last_error()->text);
    ck_assert_int_eq((int)got, (int)want);
}

char *tuft_path(const char *dir, const char *name)
{
    size_t size = strlen(dir) + strlen(name) + 2;
    char *path = malloc(size);
    ck_assert_ptr_nonnull(path);
    snprintf(path, size, "%s/%s", dir, name);
    return path;
}

char *tuft_tmpdir_new(void)
{
    const char *base = getenv("TMPDIR");
    char *path = tuft_path(base && *base ? base : "/tmp", "tuffet-test-XXXXXX");
    ck_assert_msg(mkdtemp(path) != NULL, "cannot create %s", path);
    return path;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

void tuft_tmpdir_remove(char **path)
{
    if (!*path)
        return;
    ck_assert_int_eq(nftw(*path, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(*path);
    *path = NULL;
}

char *tuft_source_path(const char *name)
{
    const char *dir = getenv("TUF_SRCDIR");
    return tuft_path(dir && *dir ? dir : ".", name);
}

char *tuft_read_file(size_t *len_out, const char *path)
{
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "cannot open %s", path);
    ck_assert_int_eq(fseek(f, 0, SEEK_END), 0);
    long size = ftell(f);
    ck_assert_int_ge(size, 0);
    rewind(f);
    char *data = malloc((size_t)size + 1);
    ck_assert_ptr_nonnull(data);
    ck_assert_uint_eq(fread(data, 1, (size_t)size, f), (size_t)size);
    data[size] = 0;
    fclose(f);
    *len_out = (size_t)size;
    return data;
}

int tuft_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
