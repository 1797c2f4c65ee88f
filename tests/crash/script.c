/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the steps of a workload and their ledger (script.h).
 *
 * INV-SC-1: a step of the recorded run that succeeds gives the text of the rehearsal's step.
 */
#include "tests/crash/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "tests/crash/dump.h"

/* Small, so that tiny workloads use every path. */
#define CACHE_SIZE (64u * 1024)

static void surprise(const char *what, tuf_status st)
{
    const tuf_error *e = tuf_last_error();
    fprintf(stderr, "crash tests: %s: %s (%s, %s, offset %llu)\n", what, tuf_status_name(st),
            e->text, e->origin, (unsigned long long)e->file_off);
    exit(2);
}

static void must(tuf_status st, const char *what)
{
    if (st != TUF_OK)
        surprise(what, st);
}

uint64_t script_hash_text(const char *text)
{
    uint64_t h = 1;
    for (; *text != '\0'; text++)
        h = rng_mix(h ^ (uint8_t)*text) + 1;
    return h;
}

tuf_open_options script_open_options(const struct script *s, const struct tuf_vfs *vfs)
{
    tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
    opts.sector_size = s->config.db_sector;
    opts.cache_size = CACHE_SIZE;
    opts.checkpoint_log_size = s->checkpoint_log_size;
    opts.vfs = vfs;
    return opts;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static char *text_of(tuf_db *db)
{
    struct buf out = BUF_INIT;
    must(dump_db(&out, db), "reading everything");
    must(dump_pins(&out, db), "reading named snapshots");
    buf_append_u8(&out, 0);
    if (out.failed)
        abort();
    return (char *)tufi_buf_take(&out);
}

static void issue(struct script *s, size_t which)
{
    struct ledger *l = &s->dbs[which];
    if (l->step + 2 > SCRIPT_STEPS_MAX)
        abort();
    if (l->step_count < l->step + 2)
        l->step_count = l->step + 2;
    sim_mark(s->sim, mark_of(which, MARK_ISSUED), l->step + 1);
}

static void acknowledge(struct script *s, size_t which)
{
    sim_acked(s->sim, s->dbs[which].path, dump_committed_end(s->handles[which]));
    sim_mark(s->sim, mark_of(which, MARK_ACKED), s->dbs[which].step);
}

/* The step that was issued succeeded. */
static void done(struct script *s, size_t which, bool durable)
{
    struct ledger *l = &s->dbs[which];
    struct state *state = &l->states[++l->step];
    if (durable)
        acknowledge(s, which);
    char *text = text_of(s->handles[which]);
    if (!state->text) {
        state->text = text;
        state->hash = script_hash_text(text);
        return;
    }
    if (strcmp(state->text, text) != 0) { /* INV-SC-1 */
        fprintf(stderr, "step %zu differs from its rehearsal:\n%s\n-- rehearsed:\n%s\n", l->step,
                text, state->text);
        exit(2);
    }
    free(text);
}

void script_open(struct script *s, size_t which)
{
    struct ledger *l = &s->dbs[which];
    bool create = l->step == 0;
    tuf_open_options opts = script_open_options(s, fault_vfs(s->fault));
    opts.flags = create ? TUF_OPEN_CREATE | TUF_OPEN_EXCLUSIVE : 0;
    if (create)
        issue(s, which);
    must(tuf_db_open(&s->handles[which], l->path, &opts), "opening");
    if (create)
        done(s, which, true);
    else
        acknowledge(s, which); /* what an open shows is durable */
}

void script_start(struct script *s)
{
    sim_mark(s->sim, mark_of(0, MARK_START), 0);
}

static char *snapshot_text(tuf_snapshot *snapshot)
{
    struct buf out = BUF_INIT;
    must(dump_snapshot(&out, snapshot), "reading a snapshot");
    buf_append_u8(&out, 0);
    if (out.failed)
        abort();
    return (char *)tufi_buf_take(&out);
}

void script_hold(struct script *s, size_t which)
{
    script_end_hold(s);
    must(tuf_db_snapshot(&s->held, s->handles[which]), "snapshot");
    s->held_db = which;
    s->held_text = snapshot_text(s->held);
}

void script_end_hold(struct script *s)
{
    if (!s->held)
        return;
    char *text = snapshot_text(s->held);
    if (strcmp(text, s->held_text) != 0)
        surprise("a snapshot changed while it was held", TUF_E_INTERNAL);
    free(text);
    free(s->held_text);
    s->held_text = NULL;
    tuf_snapshot_free(&s->held);
}

void script_close(struct script *s, size_t which)
{
    if (s->held_db == which)
        script_end_hold(s);
    must(tuf_db_close(&s->handles[which]), "closing");
    sim_mark(s->sim, mark_of(which, MARK_ACKED), s->dbs[which].step);
}

void script_checkpoint(struct script *s, size_t which)
{
    must(tuf_db_checkpoint(s->handles[which]), "checkpoint");
    acknowledge(s, which);
}

uint64_t script_compact(struct script *s, size_t which)
{
    tuf_compact_report report = { 0 };
    issue(s, which);
    tuf_compact_options opts = TUF_COMPACT_OPTIONS_INIT;
    opts.resume_size = s->resume_size;
    must(tuf_db_compact(&report, s->handles[which], &opts), "compaction");
    done(s, which, true);
    return report.bytes_shared;
}

static int stop_here(uint64_t bytes, void *ctx)
{
    (void)bytes;
    (void)ctx;
    return TUF_COMPACT_LATER;
}

void script_compact_part(struct script *s, size_t which)
{
    tuf_compact_options opts = TUF_COMPACT_OPTIONS_INIT;
    opts.resume_size = 1;
    opts.pace = stop_here;
    tuf_status st = tuf_db_compact(NULL, s->handles[which], &opts);
    if (st != TUF_STOPPED)
        surprise("a compaction that was stopped", st);
}

void script_trim(struct script *s, size_t which)
{
    issue(s, which);
    must(tuf_db_trim(NULL, s->handles[which], NULL), "giving back");
    done(s, which, true);
}

void script_sync(struct script *s, size_t which)
{
    must(tuf_db_sync(s->handles[which]), "sync");
    acknowledge(s, which);
}

static tuf_edit *parse(const char *doc, unsigned flags)
{
    tuf_edit *edit = NULL;
    tuf_edit_options opts = TUF_EDIT_OPTIONS_INIT;
    opts.flags = flags;
    must(tuf_edit_parse(&edit, tuf_str(doc), &opts), doc);
    return edit;
}

static tuf_status commit(struct script *s, size_t which, tuf_edit **edits, size_t count,
                         unsigned flags)
{
    issue(s, which);
    tuf_status st = tuf_db_commit(s->handles[which], edits, count, flags);
    for (size_t i = 0; i < count; i++) {
        tuf_edit_result result;
        tuf_edit_get_result(&result, edits[i]);
        if (st == TUF_OK && result.status != TUF_OK)
            surprise("an edit was refused", result.status);
        tuf_edit_free(&edits[i]);
    }
    if (st == TUF_OK)
        done(s, which, !(flags & TUF_COMMIT_NO_WAIT));
    else if (s->rehearsal)
        surprise("commit", st);
    return st;
}

tuf_status script_batch(struct script *s, size_t which, const char *const *docs, size_t count,
                        unsigned edit_flags, unsigned commit_flags)
{
    tuf_edit **edits = calloc(count, sizeof(tuf_edit *));
    if (!edits)
        abort();
    for (size_t i = 0; i < count; i++)
        edits[i] = parse(docs[i], edit_flags);
    tuf_status st = commit(s, which, edits, count, commit_flags);
    free(edits);
    return st;
}

void script_put(struct script *s, size_t which, const char *doc)
{
    must(script_batch(s, which, &doc, 1, 0, 0), doc);
}

void script_put_replicated(struct script *s, size_t which, const char *doc)
{
    must(script_batch(s, which, &doc, 1, TUF_EDIT_REPLICATED, 0), doc);
}

static void open_winner(struct script *s, size_t which, const char *id, tuf_snapshot **snapshot,
                        tuf_doc **doc)
{
    must(tuf_db_snapshot(snapshot, s->handles[which]), "snapshot");
    must(tuf_doc_open(doc, *snapshot, tuf_str(id), NULL), id);
}

void script_update(struct script *s, size_t which, const char *id, const char *body)
{
    tuf_snapshot *snapshot = NULL;
    tuf_doc *doc = NULL;
    open_winner(s, which, id, &snapshot, &doc);
    char rev[TUF_REV_TEXT_SIZE];
    (void)tuf_rev_format(rev, tuf_doc_rev(doc));
    struct buf json = BUF_INIT;
    tufi_buf_printf(&json, "{\"_id\":\"%s\",\"_rev\":\"%s\"%s%s", id, rev,
                    body ? "" : ",\"_deleted\":true", body && body[1] != '}' ? "," : "");
    buf_append_str(&json, body ? body + 1 : "}");
    buf_append_u8(&json, 0);
    tuf_doc_free(&doc);
    tuf_snapshot_free(&snapshot);
    script_put(s, which, (const char *)json.data);
    tufi_buf_release(&json);
}

void script_attach(struct script *s, size_t which, const char *id, const char *type,
                   tuf_slice bytes, size_t step_size)
{
    tuf_att_writer *writer = NULL;
    tuf_att_options opts = TUF_ATT_OPTIONS_INIT;
    opts.type = tuf_str(type);
    must(tuf_att_writer_new(&writer, s->handles[which], &opts), "attachment");
    for (size_t off = 0; off < bytes.len; off += step_size) {
        size_t len = bytes.len - off < step_size ? bytes.len - off : step_size;
        must(tuf_att_write(writer, bytes.data + off, len), "attachment bytes");
    }
    tuf_blob *blob = NULL;
    must(tuf_att_finish(&blob, writer), "attachment end");
    tuf_att_writer_free(&writer);
    struct buf json = BUF_INIT;
    tufi_buf_printf(&json, "{\"_id\":\"%s\"}", id);
    buf_append_u8(&json, 0);
    tuf_edit *edit = parse((const char *)json.data, 0);
    tufi_buf_release(&json);
    must(tuf_edit_put_attachment(edit, tuf_str("a.bin"), tuf_str(type), &blob), "attaching");
    must(commit(s, which, &edit, 1, 0), "commit with attachment");
}

void script_meta(struct script *s, size_t which, const char *name, const char *value)
{
    issue(s, which);
    tuf_slice bytes = value ? tuf_str(value) : tuf_slice_of(NULL, 0);
    must(tuf_db_put_meta(s->handles[which], tuf_str(name), bytes), "meta");
    done(s, which, true);
}

void script_purge_winner(struct script *s, size_t which, const char *id)
{
    tuf_snapshot *snapshot = NULL;
    tuf_doc *doc = NULL;
    open_winner(s, which, id, &snapshot, &doc);
    tuf_rev rev = tuf_doc_rev(doc);
    bool purged = false;
    tuf_purge_item item = {
        .id = tuf_str(id), .revs = &rev, .rev_count = 1, .purged_out = &purged
    };
    issue(s, which);
    must(tuf_db_purge(s->handles[which], &item, 1), "purge");
    if (!purged)
        surprise("nothing was purged", TUF_NOT_FOUND);
    tuf_doc_free(&doc);
    tuf_snapshot_free(&snapshot);
    done(s, which, true);
}

void script_revs_limit(struct script *s, size_t which, uint32_t limit)
{
    issue(s, which);
    must(tuf_db_set_revs_limit(s->handles[which], limit), "revs_limit");
    done(s, which, true);
}

void script_purged_infos_limit(struct script *s, size_t which, uint32_t limit)
{
    issue(s, which);
    must(tuf_db_set_purged_infos_limit(s->handles[which], limit), "purged_infos_limit");
    done(s, which, true);
}

void script_restore_purge(struct script *s, size_t which, const char *id)
{
    static const uint8_t bytes[] = "0123456789abcdef";
    tuf_rev rev = { .gen = 1, .id = { bytes, 16 } };
    bool purged = false;
    tuf_purge_item item = {
        .id = tuf_str(id), .revs = &rev, .rev_count = 1, .purged_out = &purged
    };
    issue(s, which);
    must(tuf_db_restore_purges(s->handles[which], 7, &item, 1), "restored purges");
    done(s, which, true);
}

/* ---- named snapshots and copies -------------------------------------------------------------- */

void script_pin(struct script *s, size_t which, const char *name)
{
    issue(s, which);
    must(tuf_db_pin(s->handles[which], tuf_str(name)), "pin");
    done(s, which, true);
}

static tuf_status take_name(const tuf_pin_info *info, void *ctx)
{
    snprintf(ctx, TUF_PIN_NAME_SIZE_MAX + 1, "%.*s", (int)info->name.len,
             (const char *)info->name.data);
    return TUF_STOPPED;
}

static bool first_pin(struct script *s, size_t which, char out[TUF_PIN_NAME_SIZE_MAX + 1])
{
    tuf_snapshot *snapshot = NULL;
    must(tuf_db_snapshot(&snapshot, s->handles[which]), "snapshot");
    tuf_status st = tuf_snapshot_pins(snapshot, take_name, out);
    tuf_snapshot_free(&snapshot);
    if (st != TUF_STOPPED)
        must(st, "pins");
    return st == TUF_STOPPED;
}

bool script_pinned(struct script *s, size_t which)
{
    char name[TUF_PIN_NAME_SIZE_MAX + 1];
    return first_pin(s, which, name);
}

static bool has_kept_file(struct script *s)
{
    for (size_t i = 0; i < sim_name_count(s->sim); i++)
        if (strstr(sim_name(s->sim, i), ".snapshot-"))
            return true;
    return false;
}

/* A pin's own file goes before its row: killed in between, the row is left, and is taken back by asking
 * again. That is a state of its own, which nobody acknowledges. */
static void issue_half_unpinned(struct script *s, size_t which, const char *name)
{
    struct ledger *l = &s->dbs[which];
    issue(s, which);
    const char *before = l->states[l->step].text;
    struct state *state = &l->states[++l->step];
    if (state->text)
        return;
    char line[TUF_PIN_NAME_SIZE_MAX + 16];
    snprintf(line, sizeof(line), "\n pin %s ", name);
    const char *at = strstr(before, line);
    if (!at)
        surprise("a pin that is not shown", TUF_E_INTERNAL);
    at += strlen(line);
    struct buf text = BUF_INIT;
    tufi_buf_printf(&text, "%.*sgone%s", (int)(at - before), before, at + strcspn(at, "\n"));
    buf_append_u8(&text, 0);
    if (text.failed)
        abort();
    state->text = (char *)tufi_buf_take(&text);
    state->hash = script_hash_text(state->text);
}

void script_unpin(struct script *s, size_t which)
{
    char name[TUF_PIN_NAME_SIZE_MAX + 1];
    if (!first_pin(s, which, name))
        surprise("nothing to unpin", TUF_NOT_FOUND);
    if (has_kept_file(s))
        issue_half_unpinned(s, which, name);
    issue(s, which);
    must(tuf_db_unpin(s->handles[which], tuf_str(name)), "unpin");
    done(s, which, true);
}

void script_backup(struct script *s, size_t which)
{
    tuf_backup_options opts = TUF_BACKUP_OPTIONS_INIT;
    opts.vfs = fault_vfs(s->fault);
    must(tuf_backup(NULL, s->dbs[which].path, SCRIPT_BACKUP, &opts), "backup");
}

void script_salvage(struct script *s, size_t which, unsigned number)
{
    char to[sizeof(SCRIPT_SALVAGED) + 12];
    snprintf(to, sizeof(to), "%s%u", SCRIPT_SALVAGED, number);
    tuf_salvage_options opts = TUF_SALVAGE_OPTIONS_INIT;
    opts.vfs = fault_vfs(s->fault);
    must(tuf_salvage(NULL, s->dbs[which].path, to, &opts), "salvage");
}

bool script_failed(struct script *s, size_t which)
{
    struct ledger *l = &s->dbs[which];
    (void)tuf_db_close(&s->handles[which]);
    tuf_open_options opts = script_open_options(s, fault_vfs(s->fault));
    must(tuf_db_open(&s->handles[which], l->path, &opts), "opening after a failure");
    char *text = text_of(s->handles[which]);
    bool again = strcmp(text, l->states[l->step].text) == 0;
    if (!again && (!l->states[l->step + 1].text || strcmp(text, l->states[l->step + 1].text) != 0))
        surprise("after a failure the database holds neither the old nor the new state",
                 TUF_E_INTERNAL);
    free(text);
    if (!again)
        l->step++;
    acknowledge(s, which);
    return again;
}

/* ---- running --------------------------------------------------------------------------------- */

static void play(struct script *s, const struct workload *workload)
{
    s->sim = sim_new(s->config.disk_sector, s->config.seed);
    sim_set_profile(s->sim, s->config.profile);
    sim_set_sharing(s->sim, s->config.sharing);
    sim_set_monitor(s->sim, s->config.monitor);
    s->fault = fault_new(sim_vfs(s->sim));
    for (size_t i = 0; i < SCRIPT_DBS; i++)
        s->dbs[i].step = 0;
    sim_record(s->sim);
    s->workload = workload;
    workload->run(s);
    for (size_t i = 0; i < SCRIPT_DBS; i++)
        if (s->handles[i])
            script_close(s, i);
    if (sim_handle_count(s->sim) != 0)
        surprise("file handles are left open", TUF_E_INTERNAL);
}

static void end_play(struct script *s)
{
    fault_free(&s->fault);
    sim_free(&s->sim);
}

void script_run(struct script *out, const struct workload *workload,
                const struct script_config *config)
{
    *out = (struct script){ .config = *config };
    out->dbs[0].path = "dir/a.tuf";
    out->dbs[1].path = "dir/b.tuf";
    out->rehearsal = true;
    play(out, workload);
    end_play(out);
    out->rehearsal = false;
    play(out, workload);
}

void script_release(struct script *s)
{
    end_play(s);
    for (size_t i = 0; i < SCRIPT_DBS; i++)
        for (size_t k = 0; k < SCRIPT_STEPS_MAX; k++)
            free(s->dbs[i].states[k].text);
}
