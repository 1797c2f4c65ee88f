/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the steps and scenarios of fail_loop (fail.h).
 */
#include "tests/crash/fail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "tests/sim/rng.h"

/* ---- steps ----------------------------------------------------------------------------------- */

static void issue(struct stage *s)
{
    s->issued = s->acked + 1;
    if (s->issued == FAIL_STATES_MAX)
        abort();
}

/* True if the scenario goes on. */
static bool done(struct stage *s, tuf_status st)
{
    if (st != TUF_OK) {
        if (st > 0 || st == TUF_E_INTERNAL || st == TUF_E_MISUSE || s->rehearsal)
            fail_violation(s, "a step ends in an impossible way", st);
        return false;
    }
    s->acked = s->issued;
    if (s->rehearsal) {
        fail_pause();
        s->states[s->acked] = fail_text_of(s->db, &st);
        if (st != TUF_OK)
            fail_violation(s, "reading everything in the rehearsal", st);
        fail_resume();
    }
    return true;
}

static bool step_open(struct stage *s)
{
    bool create = s->acked == 0;
    tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
    opts.sector_size = s->sector_size;
    opts.cache_size = 1;
    opts.flags = create ? TUF_OPEN_CREATE : 0;
    opts.vfs = fault_vfs(s->fault);
    if (create)
        issue(s);
    tuf_status st = tuf_db_open(&s->db, FAIL_PATH, &opts);
    fail_recoveries += s->crashed && st != TUF_OK;
    return create ? done(s, st) : st == TUF_OK;
}

static bool step_close(struct stage *s)
{
    return tuf_db_close(&s->db) == TUF_OK;
}

/* The process is killed: un-synced data stays in the page cache, nothing is closed properly. */
static bool step_crash(struct stage *s)
{
    fail_pause();
    fault_hold(s->fault, true);
    struct sim *disk = sim_clone(s->sim);
    (void)tuf_db_close(&s->db);
    sim_free(&s->sim);
    s->sim = disk;
    fault_rebase(s->fault, sim_vfs(disk));
    fault_hold(s->fault, false);
    s->crashed = true;
    fail_resume();
    return true;
}

static bool step_batch(struct stage *s, const char *const *docs, size_t count, unsigned flags)
{
    tuf_edit *edits[32] = { 0 };
    tuf_edit_options opts = TUF_EDIT_OPTIONS_INIT;
    opts.flags = flags;
    tuf_status st = TUF_OK;
    for (size_t i = 0; i < count && st == TUF_OK; i++)
        st = tuf_edit_parse(&edits[i], tuf_str(docs[i]), &opts);
    issue(s);
    if (st == TUF_OK)
        st = tuf_db_commit(s->db, edits, count, 0);
    for (size_t i = 0; i < count; i++) {
        tuf_edit_result result = { 0 };
        if (st == TUF_OK) {
            tuf_edit_get_result(&result, edits[i]);
            st = result.status;
        }
        tuf_edit_free(&edits[i]);
    }
    return done(s, st);
}

static bool step_put(struct stage *s, const char *doc)
{
    return step_batch(s, &doc, 1, 0);
}

static bool step_replicate(struct stage *s, const char *doc)
{
    return step_batch(s, &doc, 1, TUF_EDIT_REPLICATED);
}

/* Deletes, or gives the winner another attachment. */
static bool step_edit_winner(struct stage *s, const char *id, const char *att_type, size_t att_len)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    TUF_AUTO(tuf_edit_free) tuf_edit *edit = NULL;
    TUF_AUTO(tuf_att_writer_free) tuf_att_writer *writer = NULL;
    TUF_AUTO(tuf_blob_free) tuf_blob *blob = NULL;
    static uint8_t bytes[300000];
    for (size_t i = 0; i < att_len; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 251);
    tuf_att_options opts = TUF_ATT_OPTIONS_INIT;
    opts.type = tuf_str(att_type ? att_type : "");
    tuf_status st = tuf_db_snapshot(&snapshot, s->db);
    if (st == TUF_OK)
        st = tuf_doc_open(&doc, snapshot, tuf_str(id), NULL);
    if (st == TUF_OK)
        st = tuf_edit_from_doc(&edit, doc);
    if (st == TUF_OK && !att_type)
        tuf_edit_set_deleted(edit, true);
    if (st == TUF_OK && att_type)
        st = tuf_att_writer_new(&writer, s->db, &opts);
    for (size_t at = 0; st == TUF_OK && at < att_len; at += 70000)
        st = tuf_att_write(writer, bytes + at, att_len - at < 70000 ? att_len - at : 70000);
    if (st == TUF_OK && att_type)
        st = tuf_att_finish(&blob, writer);
    if (st == TUF_OK && att_type)
        st = tuf_edit_put_attachment(edit, tuf_str("att"), opts.type, &blob);
    issue(s);
    if (st == TUF_OK)
        st = tuf_db_commit(s->db, &edit, 1, 0);
    tuf_edit_result result = { 0 };
    if (st == TUF_OK) {
        tuf_edit_get_result(&result, edit);
        st = result.status;
    }
    return done(s, st);
}

static bool step_purge(struct stage *s, const char *id)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    TUF_AUTO(tuf_doc_free) tuf_doc *doc = NULL;
    tuf_status st = tuf_db_snapshot(&snapshot, s->db);
    if (st == TUF_OK)
        st = tuf_doc_open(&doc, snapshot, tuf_str(id), NULL);
    issue(s);
    if (st == TUF_OK) {
        tuf_rev rev = tuf_doc_rev(doc);
        bool purged = false;
        tuf_purge_item item = { tuf_str(id), &rev, 1, &purged };
        st = tuf_db_purge(s->db, &item, 1);
    }
    return done(s, st);
}

static bool step_meta(struct stage *s, const char *value)
{
    issue(s);
    return done(s, tuf_db_put_meta(s->db, tuf_str("security"), tuf_str(value)));
}

static bool step_revs_limit(struct stage *s, uint32_t limit)
{
    issue(s);
    return done(s, tuf_db_set_revs_limit(s->db, limit));
}

static bool step_checkpoint(struct stage *s)
{
    return tuf_db_checkpoint(s->db) == TUF_OK;
}

static bool step_compact(struct stage *s)
{
    issue(s);
    return done(s, tuf_db_compact(NULL, s->db, NULL));
}

static int stop_here(uint64_t bytes, void *ctx)
{
    (void)bytes;
    (void)ctx;
    return TUF_COMPACT_LATER;
}

/* Stops at its first pause; the next compaction goes on there. No step. */
static bool step_compact_part(struct stage *s)
{
    tuf_compact_options opts = TUF_COMPACT_OPTIONS_INIT;
    opts.resume_size = 1;
    opts.pace = stop_here;
    tuf_status st = tuf_db_compact(NULL, s->db, &opts);
    if (st == TUF_OK || (st > 0 && st != TUF_STOPPED))
        fail_violation(s, "a compaction that was stopped ends in an impossible way", st);
    return st == TUF_STOPPED;
}

static bool step_pin(struct stage *s, const char *name)
{
    issue(s);
    return done(s, tuf_db_pin(s->db, tuf_str(name)));
}

/* The only pin, whose file a compaction kept. The file goes first: a row without it is a state of its own. */
static bool step_unpin_kept(struct stage *s, const char *name)
{
    char line[32];
    snprintf(line, sizeof(line), "\n pin %s ", name);
    issue(s);
    if (s->rehearsal) {
        fail_pause();
        const char *before = s->states[s->acked];
        const char *at = strstr(before, line);
        if (!at)
            abort();
        struct buf text = BUF_INIT;
        tufi_buf_printf(&text, "%.*sgone\n", (int)(at + strlen(line) - before), before);
        buf_append_u8(&text, 0);
        s->states[s->issued] = (char *)tufi_buf_take(&text);
        fail_resume();
    }
    s->issued++;
    return done(s, tuf_db_unpin(s->db, tuf_str(name)));
}

static bool step_restore_purge(struct stage *s, const char *id)
{
    static const uint8_t bytes[] = "0123456789abcdef";
    tuf_rev rev = { .gen = 1, .id = { bytes, 16 } };
    bool purged = false;
    tuf_purge_item item = {
        .id = tuf_str(id), .revs = &rev, .rev_count = 1, .purged_out = &purged
    };
    issue(s);
    return done(s, tuf_db_restore_purges(s->db, 7, &item, 1));
}

/* No step: it only reads the database. What it says it has copied must be a copy. */
static bool step_backup(struct stage *s)
{
    tuf_backup_options opts = TUF_BACKUP_OPTIONS_INIT;
    opts.vfs = fault_vfs(s->fault);
    tuf_status st = tuf_backup(NULL, FAIL_PATH, "dir/backup.tuf", &opts);
    if (st > 0 || st == TUF_E_INTERNAL || st == TUF_E_MISUSE || (s->rehearsal && st != TUF_OK))
        fail_violation(s, "a backup ends in an impossible way", st);
    if (st != TUF_OK)
        return false;
    fail_pause();
    fault_hold(s->fault, true);
    tuf_open_options how = TUF_OPEN_OPTIONS_INIT;
    tuf_db *copy = NULL;
    how.flags = TUF_OPEN_RDONLY;
    how.vfs = sim_vfs(s->sim);
    st = tuf_db_open(&copy, "dir/backup.tuf", &how);
    char *text = st == TUF_OK ? fail_text_of(copy, &st) : NULL;
    if (!text || (s->states[s->acked] && strcmp(text, s->states[s->acked]) != 0))
        fail_violation(s, "a backup that was acknowledged is no copy", st);
    tuf_free(text);
    (void)tuf_db_close(&copy);
    fault_hold(s->fault, false);
    fail_resume();
    return true;
}

/* Takes the first number out of each line: sequences are new ones, and a file that is read in another
 * order gives others. */
static void without_seqs(char *text)
{
    char *to = text;
    bool first = true; /* of the line */
    for (const char *from = text; *from; from++) {
        if (first && *from >= '0' && *from <= '9') {
            while (from[1] >= '0' && from[1] <= '9')
                from++;
            first = false;
            continue;
        }
        first = *from == '\n' || (first && (*from == ' ' || (*from >= 'a' && *from <= 'z')));
        *to++ = *from;
    }
    *to = '\0';
}

/* What was brought back is the same each time. */
static void expect_salvaged(struct stage *s)
{
    tuf_open_options how = TUF_OPEN_OPTIONS_INIT;
    tuf_db *copy = NULL;
    how.flags = TUF_OPEN_RDONLY;
    how.vfs = sim_vfs(s->sim);
    tuf_status st = tuf_db_open(&copy, SALVAGE_PATH, &how);
    char *text = st == TUF_OK ? fail_text_of(copy, &st) : NULL;
    if (text)
        without_seqs(text);
    if (!text || (s->salvaged && strcmp(text, s->salvaged) != 0))
        fail_violation(s, "a salvage that left nothing out does not have everything", st);
    (void)tuf_db_close(&copy);
    if (s->rehearsal && !s->salvaged)
        s->salvaged = text;
    else
        tuf_free(text);
}

/* No step: the source is not changed. A salvage that says it left nothing out is a copy; after one that
 * failed the same call brings everything back, once what it left is out of its way. */
static bool step_salvage(struct stage *s)
{
    tuf_salvage_options opts = TUF_SALVAGE_OPTIONS_INIT;
    tuf_salvage_report report = { 0 };
    opts.vfs = fault_vfs(s->fault);
    tuf_status st = tuf_salvage(&report, FAIL_PATH, SALVAGE_PATH, &opts);
    if (st > 0 || st == TUF_E_INTERNAL || st == TUF_E_MISUSE || (s->rehearsal && st != TUF_OK))
        fail_violation(s, "a salvage ends in an impossible way", st);
    bool complete = st == TUF_OK && report.bytes_lost == 0 && !report.super_lost &&
                    report.settings_found && report.revs_lost + report.atts_lost == 0;
    fail_pause();
    fault_hold(s->fault, true);
    if (st != TUF_OK) { /* the same call can be made again */
        opts.vfs = sim_vfs(s->sim);
        (void)opts.vfs->unlink(opts.vfs, SALVAGE_PATH);
        tuf_status again = tuf_salvage(&report, FAIL_PATH, SALVAGE_PATH, &opts);
        if (again != TUF_OK)
            fail_violation(s, "a salvage after one that failed", again);
        complete = again == TUF_OK;
    }
    if (complete)
        expect_salvaged(s);
    (void)sim_vfs(s->sim)->unlink(sim_vfs(s->sim), SALVAGE_PATH);
    fault_hold(s->fault, false);
    fail_resume();
    return st == TUF_OK;
}

/* Reads everything, faults included: an error, or exactly what is there. */
static bool step_read(struct stage *s)
{
    tuf_status st;
    char *text = fail_text_of(s->db, &st);
    if (text && s->states[s->acked] && strcmp(text, s->states[s->acked]) != 0)
        fail_violation(s, "a read gave something else without an error", TUF_OK);
    if (!text && (st > 0 || st == TUF_E_INTERNAL || st == TUF_E_MISUSE))
        fail_violation(s, "a read ends in an impossible way", st);
    tuf_free(text);
    return st == TUF_OK;
}

static bool step_check(struct stage *s)
{
    TUF_AUTO(tuf_snapshot_free) tuf_snapshot *snapshot = NULL;
    tuf_check_report report = { 0 };
    tuf_status st = tuf_db_snapshot(&snapshot, s->db);
    return st == TUF_OK && tuf_check(&report, snapshot, NULL) == TUF_OK;
}

/* ---- scenarios ------------------------------------------------------------------------------- */

static bool play_writes(struct stage *s, const struct scenario *scenario)
{
    (void)scenario;
    const char *batch[20];
    static char texts[20][64];
    for (int i = 0; i < 20; i++) {
        snprintf(texts[i], sizeof(texts[i]), "{\"_id\":\"doc%02d\",\"n\":%d}", i, i);
        batch[i] = texts[i];
    }
    return step_open(s) && step_put(s, "{\"_id\":\"a\",\"v\":1}") && step_batch(s, batch, 20, 0) &&
           step_put(s, "{\"_id\":\"_local/x\",\"v\":1}") && step_meta(s, "{}") &&
           step_edit_winner(s, "a", NULL, 0) && step_put(s, "{\"_id\":\"a\",\"v\":2}") &&
           step_close(s);
}

static bool play_trees(struct stage *s, const struct scenario *scenario)
{
    (void)scenario;
    return step_open(s) && step_put(s, "{\"_id\":\"a\",\"v\":1}") &&
           step_replicate(s, "{\"_id\":\"a\",\"_revisions\":{\"start\":3,\"ids\":[\"c\",\"b\","
                             "\"a\"]},\"v\":2}") &&
           step_replicate(s, "{\"_id\":\"a\",\"_revisions\":{\"start\":4,\"ids\":[\"e\",\"d\","
                             "\"b\",\"a\"]},\"v\":3}") &&
           step_revs_limit(s, 2) &&
           step_replicate(s, "{\"_id\":\"a\",\"_revisions\":{\"start\":5,\"ids\":[\"f\",\"e\"]},"
                             "\"_deleted\":true}") &&
           step_purge(s, "a") && step_purge(s, "a") && step_put(s, "{\"_id\":\"b\"}") &&
           step_close(s);
}

static bool play_attachments(struct stage *s, const struct scenario *scenario)
{
    (void)scenario;
    return step_open(s) &&
           step_put(s, "{\"_id\":\"a\",\"_attachments\":{\"t\":{\"content_type\":\"text/plain\","
                       "\"data\":\"aGVsbG8gaGVsbG8gaGVsbG8=\"}}}") &&
           step_edit_winner(s, "a", "image/png", 300000) &&
           step_edit_winner(s, "a", "text/plain", 50000) && step_read(s) && step_check(s) &&
           step_close(s);
}

static bool play_reopen(struct stage *s, const struct scenario *scenario)
{
    (void)scenario;
    return step_open(s) && step_put(s, "{\"_id\":\"a\",\"v\":1}") && step_checkpoint(s) &&
           step_put(s, "{\"_id\":\"b\",\"v\":1}") && step_close(s) && step_open(s) &&
           step_read(s) && step_put(s, "{\"_id\":\"c\",\"v\":1}") && step_checkpoint(s) &&
           step_checkpoint(s) && step_edit_winner(s, "a", NULL, 0) && step_read(s) &&
           step_check(s) && step_close(s) && step_open(s) && step_close(s);
}

static bool play_compaction(struct stage *s, const struct scenario *scenario)
{
    (void)scenario;
    return step_open(s) && step_put(s, "{\"_id\":\"a\",\"v\":1}") &&
           step_put(s, "{\"_id\":\"_local/x\",\"v\":1}") &&
           step_edit_winner(s, "a", "image/png", 300000) &&
           step_replicate(s,
                          "{\"_id\":\"a\",\"_revisions\":{\"start\":2,\"ids\":[\"f\",\"e\"]}}") &&
           step_put(s, "{\"_id\":\"p\"}") && step_purge(s, "p") && step_compact(s) &&
           step_put(s, "{\"_id\":\"b\"}") && step_read(s) && step_compact(s) && step_close(s);
}

static bool play_pins(struct stage *s, const struct scenario *scenario)
{
    (void)scenario;
    return step_open(s) && step_put(s, "{\"_id\":\"a\",\"v\":1}") && step_pin(s, "p") &&
           step_put(s, "{\"_id\":\"b\"}") && step_compact_part(s) && step_compact(s) &&
           step_read(s) && step_unpin_kept(s, "p") && step_pin(s, "q") && step_crash(s) &&
           step_open(s) && step_read(s) && step_close(s);
}

static bool play_backups(struct stage *s, const struct scenario *scenario)
{
    (void)scenario;
    return step_open(s) && step_put(s, "{\"_id\":\"a\",\"v\":1}") && step_backup(s) &&
           step_put(s, "{\"_id\":\"b\"}") && step_backup(s) && step_compact(s) &&
           step_restore_purge(s, "c") && step_backup(s) && step_close(s);
}

/* INV-HR-3: with whole blocks in both files, and the heir's own writes around them. */
static bool play_shared(struct stage *s, const struct scenario *scenario)
{
    (void)scenario;
    return step_open(s) && step_put(s, "{\"_id\":\"a\"}") &&
           step_edit_winner(s, "a", "image/png", 100000) && step_compact(s) &&
           step_put(s, "{\"_id\":\"b\"}") && step_compact(s) && step_read(s) && step_crash(s) &&
           step_open(s) && step_read(s) && step_check(s) && step_close(s);
}

static bool play_salvage(struct stage *s, const struct scenario *scenario)
{
    (void)scenario;
    return step_open(s) && step_put(s, "{\"_id\":\"a\",\"v\":1}") &&
           step_edit_winner(s, "a", "image/png", 9000) &&
           step_replicate(s, "{\"_id\":\"a\",\"_revisions\":{\"start\":2,\"ids\":[\"f\",\"e\"]}}") &&
           step_put(s, "{\"_id\":\"_local/x\",\"v\":1}") && step_meta(s, "{}") &&
           step_put(s, "{\"_id\":\"p\"}") && step_purge(s, "p") && step_checkpoint(s) &&
           step_put(s, "{\"_id\":\"b\"}") && step_edit_winner(s, "b", NULL, 0) && step_close(s) &&
           step_salvage(s) && step_open(s) && step_read(s) && step_close(s);
}

/* ---- composed scenarios ---------------------------------------------------------------------- */

struct operation {
    const char *name;
    bool (*run)(struct stage *s, unsigned place);
};

static bool op_put(struct stage *s, unsigned place)
{
    char doc[64];
    snprintf(doc, sizeof(doc), "{\"_id\":\"put%u\",\"v\":[1,2,3]}", place);
    return step_put(s, doc);
}

static bool op_delete(struct stage *s, unsigned place)
{
    char id[8];
    snprintf(id, sizeof(id), "x%u", place);
    return step_edit_winner(s, id, NULL, 0);
}

static bool op_conflict(struct stage *s, unsigned place)
{
    char doc[160];
    snprintf(doc, sizeof(doc),
             "{\"_id\":\"c\",\"_revisions\":{\"start\":2,\"ids\":[\"b%u\",\"a%u\"]},\"v\":1}", place,
             place);
    return step_replicate(s, doc);
}

static bool op_batch(struct stage *s, unsigned place)
{
    enum { COUNT = 12 };
    static char texts[COUNT][48];
    const char *docs[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(texts[i], sizeof(texts[i]), "{\"_id\":\"batch%u-%02u\",\"n\":%u}", place, i, i);
        docs[i] = texts[i];
    }
    return step_batch(s, docs, COUNT, 0);
}

static bool op_local(struct stage *s, unsigned place)
{
    char doc[64];
    snprintf(doc, sizeof(doc), "{\"_id\":\"_local/l%u\",\"v\":%u}", place, place);
    return step_put(s, doc);
}

static bool op_attach(struct stage *s, unsigned place)
{
    (void)place;
    return step_edit_winner(s, "u", "image/png", 6000);
}

static bool op_gzip(struct stage *s, unsigned place)
{
    (void)place;
    return step_edit_winner(s, "u", "text/plain", 3000);
}

static bool op_inline(struct stage *s, unsigned place)
{
    char doc[160];
    snprintf(doc, sizeof(doc),
             "{\"_id\":\"inline%u\",\"_attachments\":{\"x\":{\"content_type\":\"text/plain\","
             "\"data\":\"aGVsbG8gd29ybGQ=\"}}}",
             place);
    return step_put(s, doc);
}

static bool op_meta(struct stage *s, unsigned place)
{
    char value[32];
    snprintf(value, sizeof(value), "{\"place\":%u}", place);
    return step_meta(s, value);
}

static bool op_purge(struct stage *s, unsigned place)
{
    char id[8];
    snprintf(id, sizeof(id), "g%u", place);
    return step_purge(s, id);
}

static bool op_revs_limit(struct stage *s, unsigned place)
{
    return step_revs_limit(s, 1 + place);
}

static bool op_purged_infos(struct stage *s, unsigned place)
{
    issue(s);
    return done(s, tuf_db_set_purged_infos_limit(s->db, 10 + place));
}

/* A commit that does not wait, and the sync that makes it durable: one step. */
static bool op_sync(struct stage *s, unsigned place)
{
    TUF_AUTO(tuf_edit_free) tuf_edit *edit = NULL;
    char doc[64];
    snprintf(doc, sizeof(doc), "{\"_id\":\"lazy%u\"}", place);
    tuf_status st = tuf_edit_parse(&edit, tuf_str(doc), NULL);
    issue(s);
    if (st == TUF_OK)
        st = tuf_db_commit(s->db, &edit, 1, TUF_COMMIT_NO_WAIT);
    tuf_edit_result result = { 0 };
    if (st == TUF_OK) {
        tuf_edit_get_result(&result, edit);
        st = result.status;
    }
    return done(s, st == TUF_OK ? tuf_db_sync(s->db) : st);
}

static bool op_checkpoint(struct stage *s, unsigned place)
{
    (void)place;
    return step_checkpoint(s);
}

static bool op_compact(struct stage *s, unsigned place)
{
    (void)place;
    return step_compact(s);
}

static bool op_trim(struct stage *s, unsigned place)
{
    (void)place;
    issue(s);
    return done(s, tuf_db_trim(NULL, s->db, NULL));
}

static bool op_reopen(struct stage *s, unsigned place)
{
    (void)place;
    return step_close(s) && step_open(s);
}

static bool op_compact_part(struct stage *s, unsigned place)
{
    (void)place;
    return step_compact_part(s);
}

static bool op_pin(struct stage *s, unsigned place)
{
    char name[8];
    snprintf(name, sizeof(name), "p%u", place);
    return step_pin(s, name);
}

static bool op_restore_purge(struct stage *s, unsigned place)
{
    char id[16];
    snprintf(id, sizeof(id), "elsewhere%u", place);
    return step_restore_purge(s, id);
}

static bool op_read(struct stage *s, unsigned place)
{
    (void)place;
    return step_read(s) && step_check(s);
}

static const struct operation operations[] = {
    { "put", op_put },         { "delete", op_delete },       { "conflict", op_conflict },
    { "batch", op_batch },     { "local", op_local },         { "attach", op_attach },
    { "gzip", op_gzip },       { "inline", op_inline },       { "meta", op_meta },
    { "purge", op_purge },     { "revs_limit", op_revs_limit }, { "purged_infos", op_purged_infos },
    { "sync", op_sync },       { "checkpoint", op_checkpoint }, { "compact", op_compact },
    { "reopen", op_reopen },   { "read", op_read },
    { "compact_part", op_compact_part }, { "pin", op_pin },
    { "restore_purge", op_restore_purge }, { "trim", op_trim },
};
#define OP_COUNT (sizeof(operations) / sizeof(*operations))
#define BY_HAND 10
#define TRIPLE_COUNT 1000

/* Ends with a recovery and a reading of everything, which fail in their turn. */
static bool play_composed(struct stage *s, const struct scenario *scenario)
{
    static const char *const docs[] = { "{\"_id\":\"u\",\"v\":0}",  "{\"_id\":\"c\",\"v\":0}",
                                        "{\"_id\":\"x0\",\"v\":0}", "{\"_id\":\"x1\",\"v\":0}",
                                        "{\"_id\":\"x2\",\"v\":0}", "{\"_id\":\"g0\",\"v\":0}",
                                        "{\"_id\":\"g1\",\"v\":0}", "{\"_id\":\"g2\",\"v\":0}" };
    bool good = step_open(s) && step_batch(s, docs, sizeof(docs) / sizeof(*docs), 0);
    for (unsigned i = 0; i < scenario->op_count && good; i++)
        good = operations[scenario->ops[i]].run(s, i);
    return good && step_crash(s) && step_open(s) && step_read(s) &&
           step_put(s, "{\"_id\":\"after\"}") && step_check(s) && step_close(s);
}

static struct scenario scenarios[BY_HAND + OP_COUNT + OP_COUNT * OP_COUNT + TRIPLE_COUNT] = {
    { .name = "writes", .play = play_writes },
    { .name = "trees", .play = play_trees },
    { .name = "attachments", .play = play_attachments },
    { .name = "reopen", .play = play_reopen },
    { .name = "compaction", .play = play_compaction },
    { .name = "pins", .play = play_pins },
    { .name = "pins_copied", .play = play_pins, .no_sharing = true },
    { .name = "backups", .play = play_backups },
    { .name = "shared", .play = play_shared, .sector_size = 4096 },
    { .name = "salvage", .play = play_salvage },
};
static char names[sizeof(scenarios) / sizeof(*scenarios)][48];

static void add(size_t *count, unsigned op_count, size_t first, size_t second, size_t third)
{
    size_t ops[3] = { first, second, third };
    struct scenario *scenario = &scenarios[*count];
    char *name = names[*count];
    *scenario = (struct scenario){ .name = name, .play = play_composed, .op_count = op_count };
    for (unsigned i = 0; i < op_count; i++) {
        scenario->ops[i] = (uint8_t)ops[i];
        snprintf(name + strlen(name), sizeof(names[0]) - strlen(name), "%s%s", i > 0 ? "+" : "",
                 operations[ops[i]].name);
    }
    ++*count;
}

const struct scenario *fail_scenarios(size_t *count_out, size_t *by_hand_out)
{
    static size_t count;
    if (count == 0) {
        struct rng rng = { 5 };
        count = BY_HAND;
        for (size_t i = 0; i < OP_COUNT; i++)
            add(&count, 1, i, 0, 0);
        /* A shifted diagonal at a time: a part of them still has every operation. */
        for (size_t shift = 0; shift < OP_COUNT; shift++)
            for (size_t i = 0; i < OP_COUNT; i++)
                add(&count, 2, i, (i + shift) % OP_COUNT, 0);
        for (size_t i = 0; i < TRIPLE_COUNT; i++) {
            size_t first = (size_t)rng_below(&rng, OP_COUNT);
            size_t second = (size_t)rng_below(&rng, OP_COUNT);
            add(&count, 3, first, second, (size_t)rng_below(&rng, OP_COUNT));
        }
    }
    *count_out = count;
    *by_hand_out = BY_HAND;
    return scenarios;
}
