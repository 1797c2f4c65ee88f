/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: databases that earlier versions wrote are read as before (tests/golden/README.md).
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "tests/crash/dump.h"
#include "tests/unit/engine/world.h"

#define GOLDEN_DIR "tests/golden/v1"

static void check_dump(struct world *w, const char *want)
{
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    ck_ok(dump_db(&out, w->db));
    buf_append_u8(&out, 0);
    ck_assert(!out.failed);
    ck_assert_str_eq((const char *)out.data, want);
}

static void open_in_place(const char *path, const char *want)
{
    struct world w = { .opts = TUF_OPEN_OPTIONS_INIT };
    w.opts.flags = TUF_OPEN_RDONLY;
    ck_ok(tuf_db_open(&w.db, path, &w.opts));
    check_dump(&w, want);
    check_clean(&w);
    tuf_snapshot_free(&w.snapshot);
    ck_ok(tuf_db_close(&w.db));
}

static void open_copy(const char *bytes, size_t len, const char *want)
{
    struct world w;
    world_init(&w, 512);
    sim_store(w.sim, WORLD_PATH, bytes, len);
    for (int round = 0; round < 3; round++) {
        world_open(&w);
        check_dump(&w, want);
        check_clean(&w);
        world_close(&w);
    }
    world_open(&w);
    uint64_t count = world_info(&w).doc_count;
    (void)put(&w, "{'_id':'written by this version'}");
    world_kill(&w);
    ck_assert_uint_eq(world_info(&w).doc_count, count + 1);
    check_clean(&w);
    world_end(&w);
}

static void check_file(const char *dir, const char *name, size_t stem_len)
{
    char dump_name[256];
    snprintf(dump_name, sizeof(dump_name), "%.*s.dump", (int)stem_len, name);
    char *path = tuft_path(dir, name);
    char *dump_path = tuft_path(dir, dump_name);
    size_t len, dump_len;
    char *bytes = tuft_read_file(&len, path);
    char *want = tuft_read_file(&dump_len, dump_path);
    open_in_place(path, want);
    open_copy(bytes, len, want);
    free(want);
    free(bytes);
    free(dump_path);
    free(path);
}

START_TEST(every_golden_file_shows_what_it_showed_then)
{
    char *dir = tuft_source_path(GOLDEN_DIR);
    DIR *entries = opendir(dir);
    ck_assert_msg(entries != NULL, "no %s", dir);
    size_t count = 0;
    for (struct dirent *e; (e = readdir(entries)) != NULL;) {
        size_t len = strlen(e->d_name), suffix = strlen(".tuffet");
        if (len <= suffix || strcmp(e->d_name + len - suffix, ".tuffet") != 0)
            continue;
        check_file(dir, e->d_name, len - suffix);
        count++;
    }
    closedir(entries);
    ck_assert_uint_ge(count, 6); /* they are never deleted */
    free(dir);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("golden");
    TCase *t = tcase_create("golden");
    tcase_set_timeout(t, 30);
    tcase_add_test(t, every_golden_file_shows_what_it_showed_then);
    suite_add_tcase(s, t);
    return tuft_run(s);
}
