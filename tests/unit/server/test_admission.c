/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what clients may take of the server together.
 */
#include <netinet/in.h>

#include "server/admission.h"
#include "tests/lib/test.h"

static struct sockaddr_in address(uint32_t number)
{
    return (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = number };
}

static bool enter(struct admission_client **out, struct admission *a, uint32_t who, uint64_t all,
                  uint64_t each)
{
    struct sockaddr_in addr = address(who);
    return admission_enter(out, a, (const struct sockaddr *)&addr, all, each);
}

START_TEST(connections_are_counted_together_and_for_each_address)
{
    struct admission *a = admission_new();
    struct admission_client *c[5] = { NULL };
    ck_assert(enter(&c[0], a, 1, 3, 2));
    ck_assert(enter(&c[1], a, 1, 3, 2));
    ck_assert(!enter(&c[2], a, 1, 3, 2));
    ck_assert(enter(&c[2], a, 2, 3, 2));
    ck_assert(!enter(&c[3], a, 3, 3, 2));
    admission_leave(a, &c[0]);
    ck_assert_ptr_null(c[0]);
    ck_assert(enter(&c[3], a, 1, 3, 2));
    for (size_t i = 1; i < 4; i++)
        admission_leave(a, &c[i]);
    ck_assert(enter(&c[4], a, 9, 1, 1));
    admission_leave(a, &c[4]);
    admission_free(&a);
}
END_TEST

START_TEST(many_addresses_come_and_go)
{
    struct admission *a = admission_new();
    static struct admission_client *clients[5000];
    for (uint32_t i = 0; i < 5000; i++)
        ck_assert(enter(&clients[i], a, i * 2654435761u, UINT64_MAX, 1));
    for (uint32_t i = 0; i < 5000; i += 2)
        admission_leave(a, &clients[i]);
    for (uint32_t i = 0; i < 5000; i += 2)
        ck_assert(enter(&clients[i], a, i * 2654435761u, UINT64_MAX, 1));
    struct admission_client *more = NULL;
    ck_assert(!enter(&more, a, 7 * 2654435761u, UINT64_MAX, 1));
    for (uint32_t i = 0; i < 5000; i++)
        admission_leave(a, &clients[i]);
    admission_free(&a);
}
END_TEST

START_TEST(bytes_are_held_up_to_the_limit) /* INV-ADM-1 */
{
    struct admission *a = admission_new();
    size_t one = 0, two = 0;
    ck_assert(admission_hold(a, &one, 60, 100));
    ck_assert(!admission_hold(a, &two, 41, 100));
    ck_assert_uint_eq(two, 0);
    ck_assert(admission_hold(a, &two, 40, 100));
    ck_assert(!admission_hold(a, &one, 61, 100));
    ck_assert(admission_hold(a, &one, 10, 100));
    ck_assert(admission_hold(a, &two, 90, 100));
    ck_assert(admission_hold(a, &two, 0, 100));
    ck_assert(admission_hold(a, &one, 0, 0));
    admission_free(&a);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server/admission");
    TCase *tc = tcase_create("admission");
    tcase_add_test(tc, connections_are_counted_together_and_for_each_address);
    tcase_add_test(tc, many_addresses_come_and_go);
    tcase_add_test(tc, bytes_are_held_up_to_the_limit);
    suite_add_tcase(suite, tc);
    return tuft_run(suite);
}
