/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test server/ini.c and server/config.c.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "server/config.h"
#include "server/ini.h"
#include "tests/lib/test.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static tuf_status see(tuf_slice section, tuf_slice key, tuf_slice value, void *ctx)
{
    buf_append_slice(ctx, section);
    buf_append_str(ctx, "/");
    buf_append_slice(ctx, key);
    buf_append_str(ctx, "=");
    buf_append_slice(ctx, value);
    buf_append_str(ctx, ";");
    return TUF_OK;
}

struct given {
    const char *text;
    const char *seen; /* NULL: refused */
};

static const struct given givens[] = {
    { "[a]\nb = c\n", "a/b=c;" },
    { "[a]\r\nb=c\r\n[ d ]\r\n  e  =  f g  \r\n", "a/b=c;d/e=f g;" },
    { "; comment\n# another\n[a]\nb = c ; why\nd = e;f\n", "a/b=c;a/d=e;f;" },
    { "[a]\nb = c = d\ne=f = g\nx=y=z\n", "a/b=c = d;a/e=f=g;a/x=y=z;" },
    { "[a]\nb =\nc = ; nothing\n", "a/b=;a/c=;" },
    { "b = c\n", "/b=c;" },
    { "", "" },
    { "[a\nb = c\n", NULL },
    { "nonsense\n", NULL },
    { "[a]\n= c\n", NULL },
};

START_TEST(lines_are_read_as_couchdb_reads_them)
{
    struct buf seen = BUF_INIT;
    tuf_status st = ini_read(tuf_str(givens[_i].text), see, &seen);
    ck_assert_msg((st == TUF_OK) == (givens[_i].seen != NULL), "%s", givens[_i].text);
    if (st == TUF_OK)
        ck_assert_msg(slice_is(buf_slice(&seen), givens[_i].seen), "%.*s", (int)seen.len,
                      (const char *)seen.data);
    tufi_buf_release(&seen);
}
END_TEST

struct change {
    const char *before;
    const char *after; /* with [s] k set to "new" */
};

static const struct change changes[] = {
    { "", "[s]\nk = new\n" },
    { "[s]\nk = old\n", "[s]\nk = new\n" },
    { "; top\n[s]\n; keep\nk=old ; gone\nother = 1\n", "; top\n[s]\n; keep\nk = new\nother = 1\n" },
    { "[s]\nother = 1\n[t]\nk = t", "[s]\nother = 1\nk = new\n[t]\nk = t\n" },
    { "[t]\nk = t\n", "[t]\nk = t\n[s]\nk = new\n" },
    { "[s]\nk = 1\nk = 2\n", "[s]\nk = new\n" },
    { "[s]", "[s]\nk = new\n" },
};

START_TEST(one_key_is_changed_and_the_rest_kept)
{
    struct buf after = BUF_INIT;
    ini_change(&after, tuf_str(changes[_i].before), "s", "k", tuf_str("new"));
    ck_assert_msg(slice_is(buf_slice(&after), changes[_i].after), "%.*s", (int)after.len,
                  (const char *)after.data);
    tufi_buf_release(&after);
}
END_TEST

START_TEST(nothing_that_makes_lines_may_be_stored)
{
    ck_assert(ini_key_ok("cors:example.com", "some-key"));
    ck_assert(!ini_key_ok("a]", "k"));
    ck_assert(!ini_key_ok("a", "k\nx"));
    ck_assert(!ini_key_ok("a", ""));
    ck_assert(!ini_key_ok("", "k"));
    ck_assert(!ini_key_ok("a", ";k"));
    ck_assert(!ini_key_ok("a", "[k"));
    ck_assert(!ini_key_ok("a", "k = v"));
    ck_assert(ini_value_ok(tuf_str("a;b = c")));
    ck_assert(!ini_value_ok(tuf_str("a\n[admins]")));
    ck_assert(!ini_value_ok(tuf_str("a\rb")));
    ck_assert(!ini_value_ok(tuf_str("a ; b")));
    ck_assert(!ini_value_ok(tuf_str(" a")));
    ck_assert(!ini_value_ok(tuf_slice_of("a\0b", 3)));
}
END_TEST

static char *dir;

static void make_dir(void)
{
    dir = tuft_tmpdir_new();
}

static void remove_dir(void)
{
    tuft_tmpdir_remove(&dir);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void check_value(struct config *config, const char *section, const char *key,
                        const char *want)
{
    struct buf got = BUF_INIT;
    bool found = config_get(&got, config, section, key);
    ck_assert_msg(found == (want != NULL), "%s/%s", section, key);
    if (want != NULL)
        ck_assert(slice_is(buf_slice(&got), want));
    tufi_buf_release(&got);
}

START_TEST(later_files_win_and_changes_outlive_a_reload)
{
    char *first = tuft_path(dir, "default.ini");
    char *local = tuft_path(dir, "local.ini");
    const char *const paths[] = { first };
    struct config *config = NULL;
    write_file(first, "[a]\nx = 1\ny = 2\n[httpd]\nenable_cors = true\n");
    write_file(local, "; mine\n[a]\ny = 3\n");
    ck_ok(config_new(&config, paths, 1, local));
    check_value(config, "a", "x", "1");
    check_value(config, "a", "y", "3");
    check_value(config, "chttpd", "enable_cors", "true");
    ck_assert(config_settings(config)->enable_cors);

    ck_ok(config_set(NULL, config, "a", "z", tuf_str("4"), true));
    ck_ok(config_set(NULL, config, "a", "memory", tuf_str("5"), false));
    ck_ok(config_remove(NULL, config, "a", "x", true));
    ck_outcome(config_remove(NULL, config, "a", "x", true), TUF_NOT_FOUND);
    ck_fails(config_set(NULL, config, "a", "b\nc", tuf_str("4"), true), TUF_E_INVALID);
    check_value(config, "a", "x", NULL);
    ck_ok(config_reload(config));
    check_value(config, "a", "x", NULL);
    check_value(config, "a", "z", "4");
    check_value(config, "a", "memory", NULL);
    config_free(&config);
    free(first);
    free(local);
}
END_TEST

START_TEST(a_missing_or_malformed_file_is_told)
{
    char *missing = tuft_path(dir, "missing.ini");
    char *local = tuft_path(dir, "local.ini");
    const char *const paths[] = { missing };
    struct config *config = NULL;
    ck_fails(config_new(&config, paths, 1, local), TUF_E_IO);
    ck_ok(config_new(&config, NULL, 0, local));
    config_free(&config);
    write_file(local, "[a]\nnonsense\n");
    ck_fails(config_new(&config, NULL, 0, local), TUF_E_INVALID);
    free(missing);
    free(local);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/ini");
    TCase *tc = tcase_create("ini");
    tcase_add_checked_fixture(tc, make_dir, remove_dir);
    tcase_add_loop_test(tc, lines_are_read_as_couchdb_reads_them, 0, COUNT(givens));
    tcase_add_loop_test(tc, one_key_is_changed_and_the_rest_kept, 0, COUNT(changes));
    tcase_add_test(tc, nothing_that_makes_lines_may_be_stored);
    tcase_add_test(tc, later_files_win_and_changes_outlive_a_reload);
    tcase_add_test(tc, a_missing_or_malformed_file_is_told);
    suite_add_tcase(suite, tc);
    return tuft_run(suite);
}
