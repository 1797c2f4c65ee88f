/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: when a database is compacted without anybody asking.
 */
#include "server/compaction_policy.h"
#include "server/config.h"
#include "tests/lib/test.h"

/* The configuration is not asked in these tests. */
bool config_get(struct buf *out, struct config *config, const char *section, const char *key)
{
    (void)out;
    (void)config;
    (void)section;
    (void)key;
    return false;
}

bool config_bool(struct config *config, const char *section, const char *key, bool fallback)
{
    (void)config;
    (void)section;
    (void)key;
    return fallback;
}

uint64_t config_uint(struct config *config, const char *section, const char *key,
                     uint64_t fallback)
{
    (void)config;
    (void)section;
    (void)key;
    return fallback;
}

START_TEST(times_of_the_day)
{
    static const struct {
        const char *text;
        int minutes; /* -1: none */
    } cases[] = { { "00:00", 0 },  { "23:59", 1439 }, { "09:05", 545 }, { "24:00", -1 },
                  { "12:60", -1 }, { "1:00", -1 },    { "12-00", -1 },  { "", -1 },
                  { "ab:cd", -1 }, { "12:000", -1 } };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned minutes = 7;
        bool good = policy_parse_time(&minutes, tuf_str(cases[i].text));
        ck_assert_int_eq(good ? (int)minutes : -1, cases[i].minutes);
    }
}
END_TEST

START_TEST(hours_may_go_over_midnight)
{
    struct compaction_policy policy = { .from_min = 60, .to_min = 120 };
    ck_assert(!policy_allows(&policy, 59));
    ck_assert(policy_allows(&policy, 60));
    ck_assert(policy_allows(&policy, 119));
    ck_assert(!policy_allows(&policy, 120));
    policy = (struct compaction_policy){ .from_min = 1380, .to_min = 60 };
    ck_assert(policy_allows(&policy, 1400));
    ck_assert(policy_allows(&policy, 0));
    ck_assert(!policy_allows(&policy, 60));
    ck_assert(!policy_allows(&policy, 700));
    policy.to_min = policy.from_min;
    ck_assert(policy_allows(&policy, 700));
}
END_TEST

START_TEST(half_of_a_file_is_enough_garbage)
{
    struct compaction_policy policy;
    policy_read(&policy, NULL);
    ck_assert(policy.automatic);
    tuf_db_info info = { .size_file = 100000000, .size_active = 60000000, .doc_count = 1000 };
    ck_assert(!policy_wants(&policy, &info));
    info.size_active = 40000000;
    ck_assert(policy_wants(&policy, &info));
    info.doc_count = 1000000; /* rows and headers are no garbage */
    ck_assert(!policy_wants(&policy, &info));
    info = (tuf_db_info){ .size_file = 100000, .size_active = 10 };
    ck_assert(!policy_wants(&policy, &info)); /* not worth it */
    info = (tuf_db_info){ .size_file = 100000000, .size_active = UINT64_MAX / 2 };
    ck_assert(!policy_wants(&policy, &info)); /* shared attachments count for each document */
}
END_TEST

START_TEST(what_was_just_compacted_is_left_alone)
{
    struct compaction_policy policy;
    policy_read(&policy, NULL);
    tuf_db_info info = { .size_file = 100000000, .size_active = 1000, .size_compacted = 90000000 };
    ck_assert(!policy_wants(&policy, &info));
    info.size_compacted = 70000000;
    ck_assert(policy_wants(&policy, &info));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server compaction_policy");
    TCase *tc = tcase_create("policy");
    tcase_add_test(tc, times_of_the_day);
    tcase_add_test(tc, hours_may_go_over_midnight);
    tcase_add_test(tc, half_of_a_file_is_enough_garbage);
    tcase_add_test(tc, what_was_just_compacted_is_left_alone);
    suite_add_tcase(suite, tc);
    return tuft_run(suite);
}
