/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: comparisons of lists: changes, ranges of ids, local documents, purges, ranks; and
 * everything.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "tests/model/expect.h"

bool compare_meta(tuf_snapshot *s, const struct ref_db *db, uint8_t name)
{
    static const char *const names[REF_META] = { "security", "m1", "m2" };
    tuf_slice value = { 0 };
    tuf_status st = tuf_snapshot_get_meta(&value, s, tuf_str(names[name]));
    EXPECT_STATUS(st, db->meta_set[name] ? TUF_OK : TUF_NOT_FOUND, names[name]);
    if (st != TUF_OK)
        return true;
    char want[REF_BODY_SIZE_MAX];
    ref_body_text(want, db->meta[name]);
    bool same = value.len == strlen(want) && memcmp(value.data, want, value.len) == 0;
    tuf_free((void *)(uintptr_t)value.data);
    EXPECT(same, "value %s is another", names[name]);
    return true;
}

struct purge_walk {
    const struct ref_db *db;
    size_t next;
    bool same;
};

static tuf_status visit_purge(const tuf_purge_info *info, void *ctx)
{
    struct purge_walk *walk = ctx;
    if (walk->next >= walk->db->purge_count) {
        walk->same = false;
        return TUF_STOPPED;
    }
    const struct ref_purge *want = &walk->db->purges[walk->next++];
    const char *id = ref_id_text(want->id);
    walk->same &= info->purge_seq == want->purge_seq && info->rev_count == want->rev_count &&
                  info->id.len == strlen(id) && memcmp(info->id.data, id, info->id.len) == 0;
    for (size_t i = 0; walk->same && i < info->rev_count; i++)
        walk->same = tuf_rev_compare(info->revs[i], compare_rev(&want->revs[i])) == 0;
    return walk->same ? TUF_OK : TUF_STOPPED;
}

bool compare_purges(tuf_snapshot *s, const struct ref_db *db, uint64_t since)
{
    struct purge_walk walk = { db, 0, true };
    while (walk.next < db->purge_count && db->purges[walk.next].purge_seq <= since)
        walk.next++;
    EXPECT_OK(tuf_snapshot_purges(s, since, visit_purge, &walk), "purges");
    EXPECT(walk.same && walk.next == db->purge_count, "the purge log is another (%zu of %zu)",
           walk.next, db->purge_count);
    return true;
}

/* The document with the smallest sequence above `after` (or greatest below). */
static const struct ref_doc *next_by_seq(const struct ref_db *db, uint64_t after, bool descending)
{
    const struct ref_doc *best = NULL;
    for (size_t i = 0; i < db->doc_count; i++) {
        const struct ref_doc *doc = &db->docs[i];
        if (descending ? doc->seq >= after : doc->seq <= after)
            continue;
        if (!best || (descending ? doc->seq > best->seq : doc->seq < best->seq))
            best = doc;
    }
    return best;
}

bool compare_changes(tuf_snapshot *s, const struct ref_db *db, uint64_t since, bool descending)
{
    TUF_AUTO(tuf_cursor_free) tuf_cursor *cursor = NULL;
    EXPECT_OK(tuf_cursor_open_seqs(&cursor, s, since, descending), "changes");
    uint64_t at = descending ? UINT64_MAX : since;
    const struct ref_doc *want;
    const tuf_docinfo *info;
    uint64_t rows = 0, pending = 0;
    while ((want = next_by_seq(db, at, descending)) != NULL) {
        EXPECT_OK(tuf_cursor_next(&info, cursor), "next change");
        if (!expect_docinfo(info, want))
            return false;
        at = want->seq;
        rows++;
    }
    EXPECT_STATUS(tuf_cursor_next(&info, cursor), TUF_END, "end of changes");
    EXPECT_STATUS(tuf_cursor_next(&info, cursor), TUF_END, "end of changes, again");
    EXPECT_OK(tuf_snapshot_pending(&pending, s, since), "pending");
    if (!descending)
        EXPECT_NUMBER(pending, rows, "pending");
    return true;
}

/* A range as the reference sees it. */
struct window {
    tuf_range range;
    char start[420], end[420];
    uint64_t skip;
    size_t limit;
};

static void pick_bound(char *out, size_t size, struct rng *rng)
{
    snprintf(out, size, "%s", ref_id_text((uint8_t)rng_below(rng, REF_IDS)));
    if (rng_chance(rng, 4)) { /* a key that is no document */
        size_t len = strlen(out);
        snprintf(out + len, size - len, "%c", (int)(' ' + (int)rng_below(rng, 90)));
    }
}

static void pick_window(struct window *w, struct rng *rng)
{
    *w = (struct window){ .limit = SIZE_MAX };
    pick_bound(w->start, sizeof(w->start), rng);
    pick_bound(w->end, sizeof(w->end), rng);
    w->range = (tuf_range){
        .has_start = rng_chance(rng, 2),
        .has_end = rng_chance(rng, 2),
        .start = tuf_str(w->start),
        .end = tuf_str(w->end),
        .exclude_start = rng_chance(rng, 3),
        .exclude_end = rng_chance(rng, 3),
        .descending = rng_chance(rng, 2),
        .with_deleted = rng_chance(rng, 2),
    };
    if (rng_chance(rng, 2))
        w->skip = rng_below(rng, 12);
    if (rng_chance(rng, 3))
        w->limit = (size_t)rng_below(rng, 6);
}

static bool in_window(const struct window *w, const struct ref_doc *doc)
{
    const char *id = ref_id_text(doc->id);
    int sign = w->range.descending ? -1 : 1;
    int at_start = strcmp(id, w->start) * sign, at_end = strcmp(id, w->end) * sign;
    if (w->range.has_start && (at_start < 0 || (at_start == 0 && w->range.exclude_start)))
        return false;
    if (w->range.has_end && (at_end > 0 || (at_end == 0 && w->range.exclude_end)))
        return false;
    return w->range.with_deleted || !ref_winner(doc)->deleted;
}

static bool walk_window(tuf_cursor *cursor, const struct ref_db *db, const struct window *w)
{
    uint64_t total = 0, seen = 0, skipped = 0;
    for (size_t i = 0; i < db->doc_count; i++)
        total += in_window(w, &db->docs[i]);
    if (w->skip > 0) {
        EXPECT_OK(tuf_cursor_skip(&skipped, cursor, w->skip), "skip");
        EXPECT_NUMBER(skipped, w->skip < total ? w->skip : total, "skipped");
    }
    size_t delivered = 0;
    const tuf_docinfo *info;
    for (size_t i = 0; i < db->doc_count && delivered < w->limit; i++) {
        const struct ref_doc *doc = &db->docs[w->range.descending ? db->doc_count - 1 - i : i];
        if (!in_window(w, doc) || seen++ < w->skip)
            continue;
        EXPECT_OK(tuf_cursor_next(&info, cursor), "next id");
        if (!expect_docinfo(info, doc))
            return false;
        delivered++;
    }
    if (delivered < w->limit)
        EXPECT_STATUS(tuf_cursor_next(&info, cursor), TUF_END, "end of ids");
    return true;
}

bool compare_range(tuf_snapshot *s, const struct ref_db *db, struct rng *rng)
{
    struct window w;
    pick_window(&w, rng);
    TUF_AUTO(tuf_cursor_free) tuf_cursor *cursor = NULL;
    EXPECT_OK(tuf_cursor_open_ids(&cursor, s, &w.range), "range");
    if (walk_window(cursor, db, &w))
        return true;
    char inner[600];
    snprintf(inner, sizeof(inner), "%.599s", compare_why);
    EXPECT(false, "range %s%.40s%s..%s%.40s%s %s %s skip %" PRIu64 ": %s",
           w.range.has_start ? "" : "(none) ", w.start, w.range.exclude_start ? "!" : "",
           w.range.has_end ? "" : "(none) ", w.end, w.range.exclude_end ? "!" : "",
           w.range.descending ? "down" : "up", w.range.with_deleted ? "all" : "live", w.skip,
           inner);
}

bool compare_locals_range(tuf_snapshot *s, const struct ref_db *db, bool descending)
{
    TUF_AUTO(tuf_cursor_free) tuf_cursor *cursor = NULL;
    tuf_range range = { .descending = descending };
    EXPECT_OK(tuf_cursor_open_locals(&cursor, s, &range), "locals");
    const tuf_docinfo *info;
    for (size_t i = 0; i < REF_LOCALS; i++) {
        uint8_t id = (uint8_t)(descending ? REF_LOCALS - 1 - i : i);
        if (!db->locals[id].exists)
            continue;
        EXPECT_OK(tuf_cursor_next(&info, cursor), "next local");
        const char *text = ref_local_text(id);
        EXPECT(info->id.len == strlen(text) && memcmp(info->id.data, text, info->id.len) == 0,
               "local %.*s, expected %s", (int)info->id.len, (const char *)info->id.data, text);
        EXPECT_NUMBER(info->local_rev, db->locals[id].rev, "local revision");
        EXPECT_NUMBER(info->leaf_count, 0, "leaves of a local document");
    }
    EXPECT_STATUS(tuf_cursor_next(&info, cursor), TUF_END, "end of locals");
    return true;
}

bool compare_rank(tuf_snapshot *s, const struct ref_db *db, uint8_t id, bool inclusive)
{
    uint64_t got = 0, want = 0;
    EXPECT_OK(tuf_snapshot_rank(&got, s, tuf_str(ref_id_text(id)), inclusive), "rank");
    for (size_t i = 0; i < db->doc_count; i++) {
        int order = strcmp(ref_id_text(db->docs[i].id), ref_id_text(id));
        want += !ref_winner(&db->docs[i])->deleted && (order < 0 || (order == 0 && inclusive));
    }
    EXPECT_NUMBER(got, want, "rank");
    return true;
}

static void found(const tuf_finding *finding, void *ctx)
{
    (void)ctx;
    snprintf(compare_why, sizeof(compare_why), "check: %s (offset %lld, %.*s)", finding->text,
             (long long)finding->file_off, (int)finding->id.len, (const char *)finding->id.data);
}

static bool run_check(tuf_snapshot *s, const struct ref_db *db)
{
    tuf_check_report report = { 0 };
    tuf_check_options opts = TUF_CHECK_OPTIONS_INIT;
    opts.found = found;
    EXPECT_OK(tuf_check(&report, s, &opts), "check");
    if (report.finding_count > 0)
        return false;
    EXPECT_NUMBER(report.docs_checked >= db->doc_count, 1, "documents checked");
    return true;
}

bool compare_all(tuf_snapshot *s, const struct ref_db *db)
{
    if (!compare_info(s, db))
        return false;
    for (uint8_t id = 0; id < REF_IDS; id++)
        if (!compare_doc(s, db, id, true))
            return false;
    for (uint8_t id = 0; id < REF_LOCALS; id++)
        if (!compare_local(s, db, id))
            return false;
    for (uint8_t name = 0; name < REF_META; name++)
        if (!compare_meta(s, db, name))
            return false;
    struct rng rng = { db->update_seq };
    return compare_purges(s, db, 0) && compare_changes(s, db, 0, false) &&
           compare_changes(s, db, 0, true) && compare_locals_range(s, db, false) &&
           compare_range(s, db, &rng) && run_check(s, db);
}
