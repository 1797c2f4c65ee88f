/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the enumeration of crashes (enumerate.h).
 *
 * At each boundary (after every write, sync, cut, punch, name operation and acknowledgement) with K
 * un-synced items that matter: all 2^K subsets when K is at most SUBSETS_ALL, else none, all, every
 * prefix, every suffix, each one missing, each one alone (evenly thinned out to SERIES_MAX), and
 * random subsets; then, for some of these, a sector in flight, sizes in between, and tails. The
 * process alone is killed as well: un-synced items stay in the page cache, the database is opened,
 * and what it then shows must survive a power failure.
 *
 * INV-CE-1: an image is opened once; its result is remembered by its hash and compared again when
 *           the ledger has become stricter.
 */
#include "tests/crash/enumerate.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "tests/crash/dump.h"

#define SUBSETS_ALL 12
#define SERIES_MAX 64
#define RANDOM_SUBSETS 128
#define DAMAGED_STATES 32
#define DAMAGED_FIRST 2
#define DEEP_ONE_IN 4
#define SECOND_ONE_IN 16
#define EXTRA_DOC "{\"_id\":\"zz-extra\",\"after\":\"crash\"}"

char enumerate_recipe[256];

/* Which steps a database may show: from lo (acknowledged) to hi (issued). */
struct bounds {
    size_t lo[SCRIPT_DBS];
    size_t hi[SCRIPT_DBS];
};

/* What an image showed: a hash for each database, 0 for none. */
struct seen {
    uint64_t image;
    uint64_t shown[SCRIPT_DBS];
};

struct walk {
    struct enumeration *e;
    struct script *script;
    struct sim *shadow; /* the recording replayed so far */
    struct bounds bounds;
    struct rng rng;
    size_t start; /* position in the recording where crashes begin */
    uint64_t round;
    int64_t boundary;
    int64_t boundary_count; /* of a walk */
    uint64_t slice_end_us;  /* when this boundary has had its share of the time; 0: no limit */
    int64_t image;          /* of this boundary */
    uint8_t *keep;          /* flags of the plan at hand */
    size_t *items;          /* positions of the pending items that matter */
    size_t item_count;      /* of items */
    size_t pending_count;   /* of keep */
    bool cut_short;         /* some boundary did not get all its images */
    struct seen *table;     /* open addressing by image hash */
    size_t table_cap, table_count;
    uint64_t extra_hash[SCRIPT_DBS]; /* content after the extra document (second crashes) */
};

static uint64_t now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static bool out_of_time(const struct enumeration *e)
{
    return (e->deadline_us && now_us() > e->deadline_us) || e->violations >= e->violations_max;
}

/* ---- what was seen --------------------------------------------------------------------------- */

static struct seen *seen_slot(struct walk *w, uint64_t image)
{
    size_t pos = (size_t)(rng_mix(image) & (w->table_cap - 1));
    while (w->table[pos].image != 0 && w->table[pos].image != image)
        pos = (pos + 1) & (w->table_cap - 1);
    return &w->table[pos];
}

static void seen_reserve(struct walk *w)
{
    if (w->table_count * 2 < w->table_cap)
        return;
    struct seen *old = w->table;
    size_t old_cap = w->table_cap;
    w->table_cap = old_cap ? old_cap * 2 : 4096;
    w->table = calloc(w->table_cap, sizeof(*w->table));
    if (!w->table)
        abort();
    for (size_t i = 0; i < old_cap; i++)
        if (old[i].image != 0)
            *seen_slot(w, old[i].image) = old[i];
    free(old);
}

/* ---- judging --------------------------------------------------------------------------------- */

static void __attribute__((format(printf, 2, 3))) violation(struct walk *w, const char *fmt, ...)
{
    w->e->violations++;
    va_list args;
    va_start(args, fmt);
    printf("VIOLATION ");
    vprintf(fmt, args);
    va_end(args);
    printf("\n  again: %s\n", enumerate_recipe);
    fflush(stdout);
}

static void describe_failure(char *out, size_t size)
{
    const tuf_error *error = tuf_last_error();
    snprintf(out, size, "%s: %s (%s, offset %lld)", tuf_status_name(error->status), error->text,
             error->origin, (long long)error->file_off);
}

static char *show(struct walk *w, tuf_db *db, const char *when)
{
    struct buf out = BUF_INIT;
    tuf_status st = dump_db(&out, db);
    if (st == TUF_OK)
        st = dump_pins(&out, db);
    if (st != TUF_OK) {
        char why[400];
        describe_failure(why, sizeof(why));
        violation(w, "%s: cannot read everything: %s (%s)", when, tuf_status_name(st), why);
        tufi_buf_release(&out);
        return NULL;
    }
    buf_append_u8(&out, 0);
    return (char *)tufi_buf_take(&out);
}

static bool fits(const struct walk *w, size_t which, uint64_t shown, const struct bounds *b)
{
    const struct ledger *l = &w->script->dbs[which];
    size_t first = b->lo[which] > 0 ? b->lo[which] : 1;
    for (size_t i = first; i <= b->hi[which]; i++)
        if (l->states[i].text && l->states[i].hash == shown)
            return true;
    return false;
}

static void report_misfit(struct walk *w, size_t which, const char *text, const struct bounds *b)
{
    const struct ledger *l = &w->script->dbs[which];
    violation(w, "%s shows none of the states %zu..%zu", l->path, b->lo[which], b->hi[which]);
    for (size_t i = 1; text && i < l->step_count; i++)
        if (l->states[i].text && strcmp(text, l->states[i].text) == 0)
            printf("  it is state %zu\n", i);
    if (w->e->verbose && text)
        printf("-- shown:\n%s-- state %zu:\n%s", text, b->lo[which],
               l->states[b->lo[which]].text ? l->states[b->lo[which]].text : "(none)\n");
}

struct finding_sink {
    struct walk *walk;
    uint64_t count;
};

static void found(const tuf_finding *finding, void *ctx)
{
    struct finding_sink *sink = ctx;
    if (sink->count++ == 0)
        violation(sink->walk, "check: %s (offset %lld)", finding->text,
                  (long long)finding->file_off);
}

static void verify(struct walk *w, tuf_db *db)
{
    tuf_snapshot *snapshot = NULL;
    struct finding_sink sink = { .walk = w };
    tuf_check_options opts = TUF_CHECK_OPTIONS_INIT;
    opts.found = found;
    opts.ctx = &sink;
    tuf_check_report report = { 0 };
    tuf_status st = tuf_db_snapshot(&snapshot, db);
    if (st == TUF_OK)
        st = tuf_check(&report, snapshot, &opts);
    if (st != TUF_OK)
        violation(w, "check failed: %s", tuf_status_name(st));
    else if (report.finding_count != sink.count)
        violation(w, "check counts %llu findings and names %llu",
                  (unsigned long long)report.finding_count, (unsigned long long)sink.count);
    tuf_snapshot_free(&snapshot);
}

/* Opens a database of a crashed disk; NULL (and a violation) if it cannot be opened. */
static tuf_db *reopen(struct walk *w, struct sim *disk, size_t which, bool create, const char *when)
{
    tuf_open_options opts = script_open_options(w->script, sim_vfs(disk));
    opts.flags = create ? TUF_OPEN_CREATE : 0;
    tuf_db *db = NULL;
    tuf_status st = tuf_db_open(&db, w->script->dbs[which].path, &opts);
    if (st == TUF_OK)
        return db;
    char why[400];
    describe_failure(why, sizeof(why));
    violation(w, "%s: %s does not open: %s (%s)", when, w->script->dbs[which].path,
              tuf_status_name(st), why);
    return NULL;
}

static uint64_t shown_hash(struct walk *w, tuf_db *db, const char *when)
{
    char *text = show(w, db, when);
    uint64_t hash = text ? script_hash_text(text) : 0;
    free(text);
    return hash;
}

/* What an open database shows must survive a power failure at once (nothing un-synced kept). */
static void expect_durable(struct walk *w, struct sim *disk, size_t which, uint64_t want,
                           const char *when)
{
    struct sim_plan nothing = SIM_PLAN_INIT;
    struct sim *image = sim_crash(disk, &nothing);
    tuf_db *db = reopen(w, image, which, false, when);
    if (db) {
        uint64_t got = shown_hash(w, db, when);
        if (got != 0 && got != want)
            violation(w, "%s: after one more power failure the content is another", when);
        (void)tuf_db_close(&db);
    }
    sim_free(&image);
}

static bool put_extra(struct walk *w, tuf_db *db)
{
    tuf_edit *edit = NULL;
    tuf_status st = tuf_edit_parse(&edit, tuf_str(EXTRA_DOC), NULL);
    if (st == TUF_OK)
        st = tuf_db_commit(db, &edit, 1, 0);
    if (st == TUF_OK) {
        tuf_edit_result result;
        tuf_edit_get_result(&result, edit);
        st = result.status;
    }
    tuf_edit_free(&edit);
    if (st != TUF_OK)
        violation(w, "a write after recovery failed: %s", tuf_status_name(st));
    return st == TUF_OK;
}

/* A power failure after recovery, a write, another power failure, a close, one more open. */
static void judge_deep(struct walk *w, struct sim *disk, tuf_db **db, size_t which, uint64_t shown)
{
    sim_acked(disk, w->script->dbs[which].path, dump_committed_end(*db));
    expect_durable(w, disk, which, shown, "recovered");
    if (!put_extra(w, *db))
        return;
    uint64_t extra = shown_hash(w, *db, "after a write");
    sim_acked(disk, w->script->dbs[which].path, dump_committed_end(*db));
    expect_durable(w, disk, which, extra, "written after recovery");
    tuf_status st = tuf_db_close(db);
    if (st != TUF_OK)
        violation(w, "closing after recovery: %s", tuf_status_name(st));
    *db = reopen(w, disk, which, false, "after a close");
    if (*db && shown_hash(w, *db, "after a close") != extra)
        violation(w, "closing and opening changed the content");
}

/* A compaction may be left half done. The next one finishes it, and loses nothing. */
static void finish_compaction(struct walk *w, struct sim *disk, size_t which)
{
    char heir[64];
    size_t len;
    snprintf(heir, sizeof(heir), "%s.compact", w->script->dbs[which].path);
    if (!sim_peek(disk, heir, &len))
        return;
    tuf_db *db = reopen(w, disk, which, false, "before the next compaction");
    if (!db)
        return;
    tuf_compact_report report;
    uint64_t shown = shown_hash(w, db, "before the next compaction");
    tuf_status st = tuf_db_compact(&report, db, NULL);
    if (st != TUF_OK)
        violation(w, "the next compaction: %s", tuf_status_name(st));
    else if (shown_hash(w, db, "after the next compaction") != shown)
        violation(w, "the next compaction changed the content");
    w->e->continued += report.docs_kept > 0;
    verify(w, db);
    (void)tuf_db_close(&db);
}

static char *content(struct walk *w, struct sim *disk, const char *path)
{
    tuf_open_options opts = script_open_options(w->script, sim_vfs(disk));
    struct buf out = BUF_INIT;
    tuf_db *db = NULL;
    tuf_status st = tuf_db_open(&db, path, &opts);
    if (st == TUF_OK)
        st = dump_db(&out, db);
    if (st != TUF_OK)
        violation(w, "reading %s beside its backup: %s", path, tuf_status_name(st));
    (void)tuf_db_close(&db);
    buf_append_u8(&out, 0);
    return (char *)tufi_buf_take(&out);
}

/* A backup may be left half done. The next one is a copy of what the database shows. */
static void finish_backup(struct walk *w, struct sim *disk, size_t which)
{
    bool begun = false;
    for (size_t i = 0; i < sim_name_count(disk); i++)
        begun |= strncmp(sim_name(disk, i), SCRIPT_BACKUP, strlen(SCRIPT_BACKUP)) == 0;
    if (!begun || which != 0)
        return;
    tuf_backup_options opts = TUF_BACKUP_OPTIONS_INIT;
    opts.vfs = sim_vfs(disk);
    tuf_status st = tuf_backup(NULL, w->script->dbs[which].path, SCRIPT_BACKUP, &opts);
    if (st != TUF_OK) {
        violation(w, "the next backup: %s (%s)", tuf_status_name(st), tuf_last_error()->text);
        return;
    }
    char *original = content(w, disk, w->script->dbs[which].path);
    char *copy = content(w, disk, SCRIPT_BACKUP);
    if (!original || !copy || strcmp(original, copy) != 0)
        violation(w, "the next backup is no copy");
    free(original);
    free(copy);
}

/* What operations may leave beside a database: the pinned files while there are pins, copies. */
static bool may_stay(const char *name, bool pinned)
{
    return (pinned && strstr(name, ".snapshot-") != NULL) ||
           strncmp(name, SCRIPT_BACKUP, strlen(SCRIPT_BACKUP)) == 0 ||
           strncmp(name, SCRIPT_SALVAGED, strlen(SCRIPT_SALVAGED)) == 0;
}

/* Nothing but the databases may be left once they were opened and closed. */
static void expect_no_strays(struct walk *w, struct sim *disk, bool pinned)
{
    for (size_t i = 0; i < sim_name_count(disk); i++) {
        bool known = may_stay(sim_name(disk, i), pinned);
        for (size_t k = 0; k < SCRIPT_DBS; k++)
            known |= strcmp(sim_name(disk, i), w->script->dbs[k].path) == 0;
        if (!known)
            violation(w, "file %s is left behind", sim_name(disk, i));
    }
}

/* Opens every database on the disk and compares. Returns what was shown. */
static void judge(struct walk *w, struct sim *disk, const struct bounds *b, bool deep,
                  uint64_t shown[SCRIPT_DBS])
{
    bool pinned = false;
    for (size_t i = 0; i < SCRIPT_DBS; i++) {
        shown[i] = 0;
        if (b->hi[i] == 0)
            continue;
        tuf_db *db = reopen(w, disk, i, b->lo[i] == 0, "after a crash");
        char *text = db ? show(w, db, "after a crash") : NULL;
        if (text) {
            shown[i] = script_hash_text(text);
            pinned |= strstr(text, "\n pin ") != NULL;
            if (!fits(w, i, shown[i], b))
                report_misfit(w, i, text, b);
            verify(w, db);
            if (deep)
                judge_deep(w, disk, &db, i, shown[i]);
        }
        free(text);
        if (db && tuf_db_close(&db) != TUF_OK)
            violation(w, "closing after a crash failed");
        if (shown[i] != 0) {
            finish_compaction(w, disk, i);
            finish_backup(w, disk, i);
        }
    }
    bool all_open = true;
    for (size_t i = 0; i < SCRIPT_DBS; i++)
        all_open &= b->hi[i] == 0 ? w->script->dbs[i].step_count == 0 : shown[i] != 0;
    if (all_open)
        expect_no_strays(w, disk, pinned);
    if (sim_handle_count(disk) != 0)
        violation(w, "%zu file handles are left open", sim_handle_count(disk));
}

/* ---- second crashes -------------------------------------------------------------------------- */

static bool fits_second(struct walk *w, size_t which, uint64_t shown, const struct bounds *b,
                        const uint64_t *first, int stage)
{
    if (stage == 0) /* recovery was under way */
        return fits(w, which, shown, b);
    if (stage == 1) /* its result was shown, the extra document was under way */
        return shown == first[which] || shown == w->extra_hash[which];
    return shown == w->extra_hash[which];
}

static void judge_second(struct walk *w, struct sim *disk, size_t which, const struct bounds *b,
                         const uint64_t *first, int stage)
{
    w->e->second_crashes++;
    tuf_db *db = reopen(w, disk, which, stage == 0 && b->lo[which] == 0, "after a second crash");
    if (!db)
        return;
    char *text = show(w, db, "after a second crash");
    uint64_t shown = text ? script_hash_text(text) : 0;
    if (text && !fits_second(w, which, shown, b, first, stage)) {
        violation(w, "after a second crash (stage %d) %s shows another content", stage,
                  w->script->dbs[which].path);
        if (w->e->verbose)
            printf("-- shown:\n%s", text);
    }
    free(text);
    verify(w, db);
    (void)tuf_db_close(&db);
}

static void second_crashes(struct walk *w, struct sim *shadow, size_t which, const struct bounds *b,
                           const uint64_t *first, int stage)
{
    /* Numbers of its own: whether an image is new must not change the plans after it. */
    struct rng rng = { sim_hash(shadow) };
    size_t count = sim_pending_count(shadow);
    uint8_t *keep = malloc(count + 1);
    for (int variant = 0; variant < 6; variant++) {
        struct sim_plan plan = SIM_PLAN_INIT;
        plan.keep = keep;
        memset(keep, variant == 1, count);
        if (variant == 2) {
            memset(keep, 1, count);
            plan.fill = SIM_FILL_STALE;
            plan.tail = SIM_FILL_STALE;
            plan.tail_sectors = 16;
        } else if (variant > 2) {
            sim_plan_random(&plan, keep, shadow, &rng);
        }
        struct sim *image = sim_crash(shadow, &plan);
        uint64_t hash = rng_mix(sim_hash(image) + (uint64_t)stage * 77 + which) | 1;
        seen_reserve(w);
        struct seen *slot = seen_slot(w, hash);
        if (slot->image == 0) {
            slot->image = hash;
            w->table_count++;
            judge_second(w, image, which, b, first, stage);
        }
        sim_free(&image);
    }
    free(keep);
}

/* Records the recovery of an image and one more write, and crashes these as well. */
static void crash_again(struct walk *w, struct sim *image, size_t which, const struct bounds *b,
                        const uint64_t *first)
{
    struct sim *live = sim_clone(image), *shadow = sim_clone(image);
    sim_set_monitor(shadow, SIM_MONITOR_OFF);
    sim_record(live);
    tuf_db *db = reopen(w, live, which, b->lo[which] == 0, "second run");
    sim_mark(live, 0, 1);
    bool written = db && put_extra(w, db);
    w->extra_hash[which] = written ? shown_hash(w, db, "second run") : first[which];
    sim_mark(live, 0, 2);
    if (db)
        (void)tuf_db_close(&db);
    int stage = 0;
    for (size_t i = 0; i < sim_trace_len(live); i++) {
        const struct sim_op *op = sim_trace_op(live, i);
        sim_replay(shadow, op);
        if (op->kind == SIM_OP_MARK)
            stage = (int)op->len;
        second_crashes(w, shadow, which, b, first, written ? stage : 0);
    }
    sim_free(&live);
    sim_free(&shadow);
}

/* ---- images ---------------------------------------------------------------------------------- */

static void set_recipe(const struct walk *w, bool kill)
{
    snprintf(enumerate_recipe, sizeof(enumerate_recipe),
             "crash_enum --workload %s --config %llu --seed %llu --round %llu --boundary %lld "
             "--image %lld --verbose%s",
             w->e->workload, (unsigned long long)w->e->config_number,
             (unsigned long long)w->e->seed, (unsigned long long)w->round, (long long)w->boundary,
             (long long)w->image, kill ? " # (kill)" : "");
}

static bool wanted(struct walk *w)
{
    w->image++;
    if (w->e->only_image >= 0)
        return w->image == w->e->only_image;
    if (w->slice_end_us && now_us() > w->slice_end_us) {
        w->cut_short = true;
        return false;
    }
    return w->e->violations < w->e->violations_max;
}

static void note_distinct(struct enumeration *e, uint64_t hash)
{
    if (e->distinct == e->hash_cap) {
        e->hash_cap = e->hash_cap ? e->hash_cap * 2 : 4096;
        e->hashes = realloc(e->hashes, e->hash_cap * sizeof(*e->hashes));
        if (!e->hashes)
            abort();
    }
    e->hashes[e->distinct++] = hash;
}

static void judge_new(struct walk *w, struct sim *image, struct seen *slot, uint64_t hash)
{
    bool all = w->e->only_image >= 0;
    slot->image = hash;
    w->table_count++;
    note_distinct(w->e, hash);
    bool second = all || rng_mix(hash) % SECOND_ONE_IN == 0;
    struct sim *copy = second ? sim_clone(image) : NULL;
    uint64_t shown[SCRIPT_DBS];
    judge(w, image, &w->bounds, all || rng_mix(hash + 1) % DEEP_ONE_IN == 0, shown);
    memcpy(slot->shown, shown, sizeof(shown));
    for (size_t i = 0; i < SCRIPT_DBS && second; i++)
        if (shown[i] != 0)
            crash_again(w, copy, i, &w->bounds, shown);
    sim_free(&copy);
}

static void try_plan(struct walk *w, const struct sim_plan *plan)
{
    if (!wanted(w))
        return;
    set_recipe(w, false);
    struct sim *image = sim_crash(w->shadow, plan);
    sim_set_monitor(image, w->script->config.monitor);
    w->e->images++;
    uint64_t hash = sim_hash(image) | 1;
    seen_reserve(w);
    struct seen *slot = seen_slot(w, hash);
    if (slot->image == 0) {
        judge_new(w, image, slot, hash);
    } else { /* INV-CE-1 */
        for (size_t i = 0; i < SCRIPT_DBS; i++) {
            if (w->bounds.hi[i] == 0 || fits(w, i, slot->shown[i], &w->bounds))
                continue;
            if (slot->shown[i] != 0 || w->bounds.lo[i] > 0)
                report_misfit(w, i, NULL, &w->bounds);
        }
    }
    sim_free(&image);
}

static void keep_none(struct walk *w)
{
    memset(w->keep, 0, w->pending_count);
}

static void keep_item(struct walk *w, size_t item, bool kept)
{
    w->keep[w->items[item]] = kept;
}

static struct sim_plan plan_of(struct walk *w)
{
    struct sim_plan plan = SIM_PLAN_INIT;
    plan.keep = w->keep;
    plan.seed = rng_next(&w->rng);
    return plan;
}

static void try_kept(struct walk *w)
{
    struct sim_plan plan = plan_of(w);
    try_plan(w, &plan);
}

static void all_subsets(struct walk *w)
{
    for (uint32_t bits = 0; bits < 1u << w->item_count; bits++) {
        keep_none(w);
        for (size_t i = 0; i < w->item_count; i++)
            keep_item(w, i, bits >> i & 1);
        try_kept(w);
    }
}

/* Prefixes, suffixes, one missing, one alone: in each the kept range depends on one position. */
static void series(struct walk *w)
{
    size_t count = w->item_count;
    size_t step = count / SERIES_MAX + 1;
    for (size_t at = 0; at <= count; at = at + step > count && at < count ? count : at + step) {
        for (int kind = 0; kind < 4; kind++) {
            keep_none(w);
            for (size_t i = 0; i < count; i++) {
                bool kept = kind == 0   ? i < at
                            : kind == 1 ? i >= at
                            : kind == 2 ? i != at
                                        : i == at;
                keep_item(w, i, kept);
            }
            try_kept(w);
        }
    }
}

static void random_subsets(struct walk *w, size_t how_many)
{
    for (size_t round = 0; round < how_many; round++) {
        uint64_t odds = 1 + rng_below(&w->rng, 9);
        keep_none(w);
        for (size_t i = 0; i < w->item_count; i++)
            keep_item(w, i, rng_below(&w->rng, 10) < odds);
        try_kept(w);
    }
}

/* The kept set for damages: all, a prefix, or a random one. */
static void keep_some(struct walk *w, size_t state)
{
    size_t prefix = (size_t)rng_below(&w->rng, w->item_count + 1);
    keep_none(w);
    for (size_t i = 0; i < w->item_count; i++)
        keep_item(w, i, state == 0 || (state % 2 ? i < prefix : rng_chance(&w->rng, 2)));
}

/* The sector in flight: the last kept one, or any, also one of the zeros written ahead. */
static size_t pick_flight(struct walk *w)
{
    if (w->pending_count == 0)
        return SIM_NO_ITEM;
    if (rng_chance(&w->rng, 2))
        return (size_t)rng_below(&w->rng, w->pending_count);
    for (size_t i = w->pending_count; i > 0; i--)
        if (w->keep[i - 1] && sim_pending(w->shadow, i - 1).kind == SIM_ITEM_SECTOR)
            return i - 1;
    return SIM_NO_ITEM;
}

static void damages(struct walk *w)
{
    uint32_t sector = sim_sector_size(w->shadow);
    size_t flight = pick_flight(w);
    uint32_t cuts[4] = { 1, sector / 4, (uint32_t)rng_below(&w->rng, sector), sector - 1 };
    for (int kind = SIM_DAMAGE_TEAR_HEAD; kind <= SIM_DAMAGE_COPY && flight != SIM_NO_ITEM;
         kind++) {
        for (int cut = 0; cut < (kind <= SIM_DAMAGE_TEAR_TAIL ? 4 : 1); cut++) {
            struct sim_plan plan = plan_of(w);
            plan.damage_item = flight;
            plan.damage = (enum sim_damage)kind;
            plan.damage_at = cuts[cut];
            try_plan(w, &plan);
        }
    }
}

static void sizes_and_tails(struct walk *w)
{
    static const uint32_t permille[] = { 0, 1, 500, 999 };
    static const uint32_t tails[] = { 1, 9 };
    for (size_t i = 0; i < 4; i++) {
        struct sim_plan plan = plan_of(w);
        plan.size_permille = permille[i];
        plan.fill = (enum sim_fill)rng_below(&w->rng, SIM_FILL_COPY + 1);
        try_plan(w, &plan);
    }
    for (int fill = SIM_FILL_ZERO; fill <= SIM_FILL_COPY; fill++) {
        struct sim_plan plan = plan_of(w);
        plan.fill = (enum sim_fill)fill;
        try_plan(w, &plan);
        for (size_t i = 0; i < 2; i++) {
            plan.tail = (enum sim_fill)fill;
            plan.tail_sectors = tails[i];
            plan.seed = rng_next(&w->rng);
            try_plan(w, &plan);
        }
    }
}

/* The process dies, the page cache lives: what opening then shows must be durable. */
static void kill_process(struct walk *w)
{
    if (!wanted(w))
        return;
    set_recipe(w, true);
    struct sim *disk = sim_clone(w->shadow);
    sim_set_monitor(disk, w->script->config.monitor);
    w->e->images++;
    for (size_t i = 0; i < SCRIPT_DBS; i++) {
        if (w->bounds.hi[i] == 0)
            continue;
        tuf_db *db = reopen(w, disk, i, w->bounds.lo[i] == 0, "after a kill");
        uint64_t shown = db ? shown_hash(w, db, "after a kill") : 0;
        if (shown != 0 && !fits(w, i, shown, &w->bounds))
            violation(w, "after a kill %s shows none of the states %zu..%zu",
                      w->script->dbs[i].path, w->bounds.lo[i], w->bounds.hi[i]);
        if (shown != 0)
            expect_durable(w, disk, i, shown, "shown after a kill");
        if (db)
            (void)tuf_db_close(&db);
    }
    sim_free(&disk);
}

static void list_items(struct walk *w)
{
    w->pending_count = sim_pending_count(w->shadow);
    w->keep = realloc(w->keep, w->pending_count + 1);
    w->items = realloc(w->items, (w->pending_count + 1) * sizeof(*w->items));
    if (!w->keep || !w->items)
        abort();
    w->item_count = 0;
    for (size_t i = 0; i < w->pending_count; i++)
        if (!sim_pending(w->shadow, i).noop)
            w->items[w->item_count++] = i;
}

static void damaged_states(struct walk *w, size_t first, size_t end)
{
    for (size_t i = first; i < end && (w->item_count > 0 || i == 0); i++) {
        keep_some(w, i + w->round);
        damages(w);
        sizes_and_tails(w);
    }
}

/* The systematic round shares the time evenly among the boundaries that are left. */
static void set_slice(struct walk *w)
{
    w->slice_end_us = w->e->deadline_us;
    uint64_t now = now_us();
    if (w->e->deadline_us == 0 || w->round > 0 || now >= w->e->deadline_us)
        return;
    uint64_t left = (uint64_t)(w->boundary_count - w->boundary);
    w->slice_end_us = now + (w->e->deadline_us - now) / (left > 0 ? left : 1);
}

static void crash_here(struct walk *w)
{
    w->boundary++;
    w->image = -1;
    if (w->e->only_boundary >= 0 &&
        (w->boundary != w->e->only_boundary || w->round != w->e->only_round))
        return;
    w->e->boundaries++;
    /* Each boundary has numbers of its own, so that it can be repeated alone. */
    w->rng.state = rng_mix(w->e->seed * 1000003 + w->round * 7919 + (uint64_t)w->boundary);
    list_items(w);
    set_slice(w);
    /* What may be cut short comes last, so that each boundary gets some of every kind. */
    size_t first = w->round == 0 ? DAMAGED_FIRST : 2;
    if (w->round == 0)
        kill_process(w);
    damaged_states(w, 0, first);
    if (w->round > 0) {
        random_subsets(w, w->item_count > SUBSETS_ALL ? 16 : 0);
        return;
    }
    if (w->item_count <= SUBSETS_ALL) {
        all_subsets(w);
    } else {
        series(w);
        random_subsets(w, RANDOM_SUBSETS);
    }
    damaged_states(w, first, DAMAGED_STATES);
}

static void take_mark(struct walk *w, const struct sim_op *op)
{
    size_t which = (size_t)(op->off >> 8);
    size_t step = (size_t)op->len;
    if ((op->off & 0xff) == MARK_START)
        return;
    if ((op->off & 0xff) == MARK_ACKED)
        w->bounds.lo[which] = step;
    if (w->bounds.hi[which] < step)
        w->bounds.hi[which] = step;
}

static bool is_boundary(const struct sim_op *op)
{
    return op->kind != SIM_OP_MARK || (op->off & 0xff) == MARK_ACKED;
}

/* Where crashes begin: behind the mark, if there is one. */
static size_t start_of(const struct sim *recording)
{
    for (size_t i = 0; i < sim_trace_len(recording); i++) {
        const struct sim_op *op = sim_trace_op(recording, i);
        if (op->kind == SIM_OP_MARK && (op->off & 0xff) == MARK_START)
            return i + 1;
    }
    return 0;
}

static void walk_once(struct walk *w)
{
    w->shadow = sim_new(w->script->config.disk_sector, w->script->config.seed);
    sim_set_profile(w->shadow, w->script->config.profile);
    sim_set_sharing(w->shadow, w->script->config.sharing);
    sim_set_monitor(w->shadow, SIM_MONITOR_OFF);
    w->bounds = (struct bounds){ 0 };
    w->boundary = -1;
    size_t len = sim_trace_len(w->script->sim);
    for (size_t i = 0; i < len && (w->round == 0 || !out_of_time(w->e)); i++) {
        const struct sim_op *op = sim_trace_op(w->script->sim, i);
        if (op->kind == SIM_OP_MARK)
            take_mark(w, op);
        else
            sim_replay(w->shadow, op);
        if (i >= w->start && is_boundary(op))
            crash_here(w);
    }
    sim_free(&w->shadow);
}

void enumerate_crashes(struct enumeration *e, struct script *script, uint64_t rounds_max)
{
    struct walk w = { .e = e, .script = script };
    w.start = start_of(script->sim);
    for (size_t i = w.start; i < sim_trace_len(script->sim); i++)
        w.boundary_count += is_boundary(sim_trace_op(script->sim, i));
    walk_once(&w);
    e->complete = !w.cut_short && w.boundary + 1 == w.boundary_count;
    for (w.round = 1; w.round < rounds_max && !out_of_time(e); w.round++) {
        uint64_t before = e->distinct;
        walk_once(&w);
        if (e->only_boundary < 0 && e->distinct == before)
            break;
    }
    free(w.keep);
    free(w.items);
    free(w.table);
    enumerate_recipe[0] = '\0';
}
