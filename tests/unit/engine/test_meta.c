/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: named values and limits of a database.
 */
#include <stdlib.h>

#include "tests/unit/engine/world.h"

static const char *meta(struct world *w, const char *name)
{
    tuf_slice value;
    tuf_status st = tuf_snapshot_get_meta(&value, world_look(w), tuf_str(name));
    if (st == TUF_NOT_FOUND)
        return "-";
    ck_ok(st);
    ck_assert_uint_eq(value.data[value.len], 0);
    const char *out = text("%s", (const char *)value.data);
    tuf_free((void *)(uintptr_t)value.data);
    return out;
}

START_TEST(named_values_are_kept_replaced_and_removed)
{
    struct world w;
    world_start(&w);
    ck_text(meta(&w, "a"), "-");
    ck_ok(tuf_db_put_meta(w.db, tuf_str("a"), tuf_str("one")));
    ck_ok(tuf_db_put_meta(w.db, tuf_str("b"), tuf_str("")));
    ck_text(meta(&w, "a"), "one");
    ck_text(meta(&w, "b"), "");
    ck_ok(tuf_db_put_meta(w.db, tuf_str("a"), tuf_str("two")));
    world_kill(&w);
    ck_text(meta(&w, "a"), "two");
    world_reopen(&w);
    ck_text(meta(&w, "a"), "two");
    ck_text(meta(&w, "b"), "");
    ck_ok(tuf_db_put_meta(w.db, tuf_str("a"), tuf_slice_of(NULL, 0)));
    ck_ok(tuf_db_put_meta(w.db, tuf_str("never"), tuf_slice_of(NULL, 0)));
    ck_text(meta(&w, "a"), "-");
    world_kill(&w);
    ck_text(meta(&w, "a"), "-");
    ck_assert_uint_eq(world_info(&w).local_count, 0);
    ck_assert_uint_eq(world_info(&w).update_seq, 0);
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(sizes_of_names_and_values_are_limited)
{
    struct world w;
    world_start(&w);
    char *big = calloc(1, (1 << 20) + 1);
    memset(big, 'x', (1 << 20) + 1);
    tuf_slice longest = tuf_slice_of(big, 255);
    ck_fails(tuf_db_put_meta(w.db, tuf_str(""), tuf_str("v")), TUF_E_INVALID);
    ck_fails(tuf_db_put_meta(w.db, tuf_slice_of(big, 256), tuf_str("v")), TUF_E_INVALID);
    ck_fails(tuf_db_put_meta(w.db, longest, tuf_slice_of(big, (1 << 20) + 1)), TUF_E_LIMIT);
    ck_ok(tuf_db_put_meta(w.db, longest, tuf_slice_of(big, 1 << 20)));
    world_reopen(&w);
    tuf_slice value;
    ck_ok(tuf_snapshot_get_meta(&value, world_look(&w), longest));
    ck_assert_uint_eq(value.len, 1 << 20);
    ck_assert_mem_eq(value.data, big, 1 << 20);
    tuf_free((void *)(uintptr_t)value.data);
    free(big);
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(limits_are_kept_and_not_zero)
{
    struct world w;
    world_start(&w);
    ck_fails(tuf_db_set_revs_limit(w.db, 0), TUF_E_INVALID);
    ck_fails(tuf_db_set_purged_infos_limit(w.db, 0), TUF_E_INVALID);
    ck_ok(tuf_db_set_revs_limit(w.db, 1));
    ck_ok(tuf_db_set_purged_infos_limit(w.db, UINT32_MAX));
    for (int round = 0; round < 3; round++) {
        ck_assert_uint_eq(world_info(&w).revs_limit, 1);
        ck_assert_uint_eq(world_info(&w).purged_infos_limit, UINT32_MAX);
        if (round == 0)
            world_kill(&w);
        else
            world_reopen(&w);
    }
    /* Values of the application have names of their own. */
    ck_ok(tuf_db_put_meta(w.db, tuf_str("revs_limit"), tuf_str("\x07")));
    ck_assert_uint_eq(world_info(&w).revs_limit, 1);
    world_end(&w);
}
END_TEST

/* CouchDB: a new limit or security object is a change of the database. */
START_TEST(settings_raise_the_sequence)
{
    struct world w;
    world_start(&w);
    ck_ok(tuf_db_put_meta(w.db, tuf_str("x"), tuf_str("1")));
    ck_assert_uint_eq(world_info(&w).update_seq, 0);
    ck_ok(tuf_db_put_meta_change(w.db, tuf_str("security"), tuf_str("{}")));
    ck_ok(tuf_db_set_revs_limit(w.db, 1000)); /* also if it stays what it is */
    ck_ok(tuf_db_set_purged_infos_limit(w.db, 5));
    ck_outcome(tuf_db_wait(w.db, 2, 0), TUF_OK);
    ck_text(meta(&w, "security"), "{}");
    for (int round = 0; round < 4; round++) {
        ck_assert_uint_eq(world_info(&w).update_seq, 3);
        check_clean(&w);
        if (round == 0)
            world_kill(&w);
        else if (round == 1)
            world_reopen(&w);
        else if (round == 2)
            ck_ok(tuf_db_compact(NULL, w.db, NULL));
    }
    (void)put(&w, "{'_id':'d'}");
    ck_assert_uint_eq(world_info(&w).update_seq, 4);
    check_clean(&w);
    world_end(&w);
}
END_TEST

START_TEST(names_of_values_and_local_documents_do_not_meet)
{
    struct world w;
    world_start(&w);
    (void)put(&w, "{'_id':'_local/x','v':1}");
    ck_ok(tuf_db_put_meta(w.db, tuf_str("x"), tuf_str("value")));
    ck_ok(tuf_db_put_meta(w.db, tuf_str("x"), tuf_slice_of(NULL, 0)));
    ck_text(body(&w, "_local/x", NULL), "{\"v\":1}");
    ck_text(meta(&w, "x"), "-");
    world_end(&w);
}
END_TEST

START_TEST(the_size_behind_a_compaction_is_remembered)
{
    struct world w;
    world_start(&w);
    for (int i = 0; i < 20; i++)
        (void)put(&w, "{'_id':'d%d'}", i);
    ck_assert_uint_eq(world_info(&w).size_compacted, 0);
    ck_ok(tuf_db_compact(NULL, w.db, NULL));
    uint64_t size = world_info(&w).size_compacted;
    ck_assert_uint_gt(size, 4096);
    ck_assert_uint_le(size, world_info(&w).size_file);
    (void)put(&w, "{'_id':'later'}");
    world_kill(&w);
    ck_assert_uint_eq(world_info(&w).size_compacted, size);
    world_reopen(&w);
    ck_assert_uint_eq(world_info(&w).size_compacted, size);
    world_end(&w);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("meta");
    TCase *t = tcase_create("meta");
    tcase_add_test(t, named_values_are_kept_replaced_and_removed);
    tcase_add_test(t, sizes_of_names_and_values_are_limited);
    tcase_add_test(t, limits_are_kept_and_not_zero);
    tcase_add_test(t, settings_raise_the_sequence);
    tcase_add_test(t, names_of_values_and_local_documents_do_not_meet);
    tcase_add_test(t, the_size_behind_a_compaction_is_remembered);
    suite_add_tcase(s, t);
    return tuft_run(s);
}
