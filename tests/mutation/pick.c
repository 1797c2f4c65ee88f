/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: takes one test out of a libcheck program. Linked into the unit tests of `make mutation` with
 * --wrap=_tcase_add_test: $TUF_PICK=list prints the tests of the program, one "NAME FIRST END" each,
 * and runs none; $TUF_PICK="NAME FIRST END" runs that one, for these numbers of its loop.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void __real__tcase_add_test(TCase *tc, const TTest *test, int signal_no, int exit_value, int start,
                            int end);
void __wrap__tcase_add_test(TCase *tc, const TTest *test, int signal_no, int exit_value, int start,
                            int end);

void __wrap__tcase_add_test(TCase *tc, const TTest *test, int signal_no, int exit_value, int start,
                            int end)
{
    const char *pick = getenv("TUF_PICK");
    char name[256];
    int first = start;
    int last = end;
    if (pick && strcmp(pick, "list") == 0) {
        printf("%s %d %d\n", test->name, start, end);
        return;
    }
    if (pick && (sscanf(pick, "%255s %d %d", name, &first, &last) != 3 || strcmp(name, test->name) != 0))
        return;
    __real__tcase_add_test(tc, test, signal_no, exit_value, first, last);
}
