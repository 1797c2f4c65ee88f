/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test server/route.c on a small table, and server/dbname.c.
 */
#include "base/bytes.h"
#include "server/dbname.h"
#include "server/dbs.h"
#include "server/route.h"
#include "tests/lib/test.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define SEGS_MAX 6

static const struct route table[] = {
    { "/", HTTP_GET, RIGHT_OPEN, NULL, "root", 0 },
    { "/_up", HTTP_GET, RIGHT_OPEN, NULL, "up", 0 },
    { "/_node/{any}/_config/{rest}", HTTP_GET, RIGHT_SRVADM, NULL, "config", 0 },
    { "/{db}", HTTP_GET, RIGHT_MEMBER, NULL, "db", 0 },
    { "/{db}", HTTP_PUT, RIGHT_SRVADM, NULL, NULL, 0 },
    { "/{db}/_changes", HTTP_GET, RIGHT_MEMBER, NULL, "changes", 0 },
    { "/{db}/{local}", HTTP_GET, RIGHT_MEMBER, NULL, "local", 0 },
    { "/{db}/{doc}", HTTP_GET | HTTP_PUT, RIGHT_MEMBER, NULL, "doc", 0 },
    { "/{db}/{doc}/{att}", HTTP_GET, RIGHT_MEMBER, NULL, "att", 0 },
    { NULL, 0, RIGHT_SRVADM, NULL, NULL, 0 },
};

struct given {
    const char *segs[SEGS_MAX];
    enum http_method method;
    const char *allow; /* of the row that matches; NULL: none matches */
    bool fits;
    size_t doc_segs;
};

static const struct given givens[] = {
    { { NULL }, HTTP_GET, "root", true, 0 },
    { { "_up" }, HTTP_GET, "up", true, 0 },
    { { "_up" }, HTTP_PUT, "up", false, 0 },
    { { "_node", "x", "_config" }, HTTP_GET, "config", true, 0 },
    { { "_node", "x", "_config", "a", "b" }, HTTP_GET, "config", true, 0 },
    { { "db" }, HTTP_GET, "db", true, 0 },
    { { "db" }, HTTP_POST, "db", false, 0 },
    { { "db", "_changes" }, HTTP_GET, "changes", true, 0 },
    { { "db", "x" }, HTTP_PUT, "doc", true, 1 },
    { { "db", "_design", "x" }, HTTP_GET, "doc", true, 2 },
    { { "db", "_design/x" }, HTTP_GET, "doc", true, 1 },
    { { "db", "_design", "x", "a", "b" }, HTTP_GET, "att", true, 2 },
    { { "db", "_local", "x" }, HTTP_GET, "local", true, 2 },
    { { "db", "_local/x" }, HTTP_GET, "local", true, 1 },
    { { "db", "x", "a" }, HTTP_GET, "att", true, 1 },
    { { "db", "x", "a", "b" }, HTTP_GET, "att", true, 1 },
};

START_TEST(a_path_finds_its_row)
{
    const struct given *given = &givens[_i];
    tuf_slice segs[SEGS_MAX];
    struct route_match match;
    size_t count = 0;
    while (count < SEGS_MAX && given->segs[count] != NULL) {
        segs[count] = tuf_str(given->segs[count]);
        count++;
    }
    route_find(&match, table, segs, count, given->method);
    ck_assert_ptr_nonnull(match.route);
    ck_assert_str_eq(match.route->allow, given->allow);
    ck_assert(match.method_fits == given->fits);
    ck_assert_uint_eq(match.doc_segs, given->doc_segs);
}
END_TEST

START_TEST(a_second_row_of_a_path_is_found_by_its_method)
{
    tuf_slice segs[] = { tuf_str("db") };
    struct route_match match;
    route_find(&match, table, segs, 1, HTTP_PUT);
    ck_assert(match.method_fits);
    ck_assert_int_eq((int)match.route->right, (int)RIGHT_SRVADM);
}
END_TEST

struct name {
    const char *name;
    const char *file; /* NULL: no valid name */
};

static const struct name names[] = {
    { "a", "a.tuf" },
    { "abc_0$()+-", "abc_0$()+-.tuf" },
    { "a/b/c", "a%2Fb%2Fc.tuf" },
    { "_users", "_users.tuf" },
    { "_replicator", "_replicator.tuf" },
    { "", NULL },
    { "1a", NULL },
    { "A", NULL },
    { "a.b", NULL },
    { "../a", NULL },
    { "a\\b", NULL },
    { "a b", NULL },
    { "_other", NULL },
    { "\xc3\xa9", NULL },
};

START_TEST(a_name_has_a_file_name_and_comes_back_from_it)
{
    char file[DBNAME_FILE_SIZE];
    char back[DBNAME_FILE_SIZE];
    tuf_slice name = tuf_str(names[_i].name);
    ck_assert_msg((dbs_check_name(name) == DBS_NAME_OK) == (names[_i].file != NULL), "%s",
                  names[_i].name);
    if (names[_i].file == NULL)
        return;
    ck_assert(dbname_to_file(file, name));
    ck_assert_str_eq(file, names[_i].file);
    ck_assert(dbname_from_file(back, file));
    ck_assert_str_eq(back, names[_i].name);
}
END_TEST

START_TEST(a_name_is_long_when_its_file_would_be)
{
    char name[DBNAME_FILE_SIZE];
    memset(name, 'a', sizeof(name));
    ck_assert_int_eq((int)dbs_check_name(tuf_slice_of(name, DBS_NAME_SIZE_MAX)), DBS_NAME_OK);
    ck_assert_int_eq((int)dbs_check_name(tuf_slice_of(name, DBS_NAME_SIZE_MAX + 1)),
                     DBS_NAME_LONG);
    memset(name + 1, '/', 99);
    ck_assert_int_eq((int)dbs_check_name(tuf_slice_of(name, 100)), DBS_NAME_LONG);
}
END_TEST

START_TEST(other_files_are_no_databases)
{
    char name[DBNAME_FILE_SIZE];
    ck_assert(!dbname_from_file(name, "local.ini"));
    ck_assert(!dbname_from_file(name, ".tuf"));
    ck_assert(!dbname_from_file(name, "A.tuf"));
    ck_assert(!dbname_from_file(name, "a.tuf.new"));
    ck_assert(!dbname_from_file(name, ".deleted.1.tuf"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/route");
    TCase *tc = tcase_create("route");
    tcase_add_loop_test(tc, a_path_finds_its_row, 0, COUNT(givens));
    tcase_add_test(tc, a_second_row_of_a_path_is_found_by_its_method);
    tcase_add_loop_test(tc, a_name_has_a_file_name_and_comes_back_from_it, 0, COUNT(names));
    tcase_add_test(tc, a_name_is_long_when_its_file_would_be);
    tcase_add_test(tc, other_files_are_no_databases);
    suite_add_tcase(suite, tc);
    return tuft_run(suite);
}
