/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: test server/error_map.c: every status has an answer.
 */
#include <string.h>

#include "base/fail.h"
#include "server/error_map.h"
#include "tests/lib/test.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

struct expected {
    tuf_status status;
    int http;
    const char *error;
};

#define NAMED(name, value, text) TUF_##name,
static const tuf_status all[] = { TUF_STATUS_TABLE(NAMED) };

static const struct expected answers[] = {
    { TUF_OK, 500, "internal_server_error" },
    { TUF_NOT_FOUND, 404, "not_found" },
    { TUF_CONFLICT, 409, "conflict" },
    { TUF_EXISTS, 412, "file_exists" },
    { TUF_END, 500, "internal_server_error" },
    { TUF_STOPPED, 500, "timeout" },
    { TUF_DELETED, 404, "not_found" },
    { TUF_MISSING_STUB, 412, "missing_stub" },
    { TUF_E_NOMEM, 503, "service_unavailable" },
    { TUF_E_IO, 500, "internal_server_error" },
    { TUF_E_FULL, 507, "insufficient_storage" },
    { TUF_E_CORRUPT, 500, "internal_server_error" },
    { TUF_E_VERSION, 500, "internal_server_error" },
    { TUF_E_INVALID, 400, "bad_request" },
    { TUF_E_MISUSE, 500, "internal_server_error" },
    { TUF_E_LOCKED, 503, "service_unavailable" },
    { TUF_E_READONLY, 403, "forbidden" },
    { TUF_E_LIMIT, 413, "too_large" },
    { TUF_E_UNSUPPORTED, 501, "not_implemented" },
    { TUF_E_POISONED, 500, "internal_server_error" },
    { TUF_E_INTERNAL, 500, "internal_server_error" },
};

START_TEST(every_status_has_its_answer)
{
    struct http_error got;
    const struct expected *want = NULL;
    for (int i = 0; i < COUNT(answers); i++) {
        if (answers[i].status == all[_i])
            want = &answers[i];
    }
    ck_assert_msg(want != NULL, "no expectation for %s", tuf_status_name(all[_i]));
    error_map(&got, all[_i], NULL);
    ck_assert_int_eq(got.status, want->http);
    ck_assert_str_eq(got.error, want->error);
    ck_assert(strlen(got.reason) > 0);
    ck_assert_str_ne(http_reason(got.status), "Unknown");
}
END_TEST

static const struct expected kinds[] = {
    { TUF_E_INVALID, 400, "bad_request" },
    { TUF_E_INVALID, 400, "doc_validation" },
    { TUF_E_INVALID, 400, "illegal_docid" },
    { TUF_E_INVALID, 400, "illegal_database_name" },
    { TUF_E_INVALID, 401, "unauthorized" },
    { TUF_E_INVALID, 403, "forbidden" },
    { TUF_E_LIMIT, 413, "document_too_large" },
    { TUF_E_LIMIT, 413, "attachment_too_large" },
};

START_TEST(the_kind_of_a_detail_decides)
{
    struct http_error got;
    tuf_status st = tufi_fail_kind(kinds[_i].status, kinds[_i].error, "the text");
    error_map(&got, st, tuf_last_error());
    ck_assert_int_eq(got.status, kinds[_i].http);
    ck_assert_str_eq(got.error, kinds[_i].error);
    ck_assert_str_eq(got.reason, "the text");
}
END_TEST

START_TEST(a_detail_of_another_failure_is_not_told)
{
    struct http_error got;
    tuf_status st = tufi_fail_kind(TUF_E_INVALID, "forbidden", "secret");
    ck_assert_int_eq((int)st, (int)TUF_E_INVALID);
    error_map(&got, TUF_E_FULL, tuf_last_error());
    ck_assert_int_eq(got.status, 507);
    ck_assert_str_ne(got.reason, "secret");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/error_map");
    TCase *tc = tcase_create("error_map");
    tcase_add_loop_test(tc, every_status_has_its_answer, 0, COUNT(all));
    tcase_add_loop_test(tc, the_kind_of_a_detail_decides, 0, COUNT(kinds));
    tcase_add_test(tc, a_detail_of_another_failure_is_not_told);
    suite_add_tcase(suite, tc);
    return tuft_run(suite);
}
