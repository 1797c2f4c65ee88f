/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: implements tests/unit/engine/world.h.
 */
#include "tests/unit/engine/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_SIZE (64 * 1024)
#define TEXT_COUNT 64

/* ---- texts ----------------------------------------------------------------------------------- */

static char *next_text(void)
{
    static char texts[TEXT_COUNT][TEXT_SIZE];
    static size_t pos;
    char *out = texts[pos++ % TEXT_COUNT];
    out[0] = 0;
    return out;
}

static void append(char *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void append(char *out, const char *format, ...)
{
    size_t len = strlen(out);
    va_list args;
    va_start(args, format);
    int more = vsnprintf(out + len, TEXT_SIZE - len, format, args);
    va_end(args);
    ck_assert(more >= 0 && (size_t)more < TEXT_SIZE - len);
}

static const char *vtext(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

static const char *vtext(const char *format, va_list args)
{
    char *out = next_text();
    int len = vsnprintf(out, TEXT_SIZE, format, args);
    ck_assert(len >= 0 && len < TEXT_SIZE);
    for (char *p = out; *p; p++)
        if (*p == '\'')
            *p = '"';
    return out;
}

const char *text(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *out = vtext(format, args);
    va_end(args);
    return out;
}

static const char *rev_text(tuf_rev rev)
{
    char *out = next_text();
    (void)tuf_rev_format(out, rev);
    return out;
}

/* ---- life ------------------------------------------------------------------------------------ */

void world_init(struct world *w, uint32_t sector_size)
{
    memset(w, 0, sizeof(*w));
    w->sim = sim_new(sector_size, 42);
    w->fault = fault_new(sim_vfs(w->sim));
    w->opts = (tuf_open_options)TUF_OPEN_OPTIONS_INIT;
    w->opts.flags = TUF_OPEN_CREATE;
    w->opts.sector_size = sector_size;
}

void world_open(struct world *w)
{
    w->opts.vfs = fault_vfs(w->fault);
    ck_ok(tuf_db_open(&w->db, WORLD_PATH, &w->opts));
}

void world_start(struct world *w)
{
    world_init(w, 4096);
    world_open(w);
}

static void forget(struct world *w)
{
    tuf_doc_free(&w->doc);
    tuf_snapshot_free(&w->snapshot);
}

void world_close(struct world *w)
{
    forget(w);
    ck_ok(tuf_db_close(&w->db));
    ck_assert_uint_eq(sim_handle_count(w->sim), 0);
}

void world_reopen(struct world *w)
{
    world_close(w);
    world_open(w);
}

void world_kill(struct world *w)
{
    struct sim *left = sim_clone(w->sim);
    world_close(w);
    fault_free(&w->fault);
    sim_free(&w->sim);
    w->sim = left;
    w->fault = fault_new(sim_vfs(left));
    world_open(w);
}

void world_end(struct world *w)
{
    if (w->db)
        world_close(w);
    fault_free(&w->fault);
    sim_free(&w->sim);
}

/* ---- writing --------------------------------------------------------------------------------- */

tuf_edit *world_parse(unsigned flags, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *json = vtext(format, args);
    va_end(args);
    tuf_edit *edit = NULL;
    tuf_edit_options opts = TUF_EDIT_OPTIONS_INIT;
    opts.flags = flags;
    ck_ok(tuf_edit_parse(&edit, tuf_str(json), &opts));
    return edit;
}

static const char *last_result_rev; /* of the newest world_commit; a returned text */

tuf_status world_commit(struct world *w, tuf_edit *edit, tuf_edit_result *result_out)
{
    tuf_edit_result result = { 0 };
    tuf_status st = tuf_db_commit(w->db, &edit, 1, 0);
    if (st == TUF_OK) {
        tuf_edit_get_result(&result, edit);
        st = result.status;
        if (st == TUF_OK && result.rev.id.len > 0)
            last_result_rev = rev_text(result.rev);
    }
    if (result_out)
        *result_out = result;
    tuf_edit_free(&edit);
    return st;
}

static tuf_status write_json(struct world *w, unsigned flags, const char *json,
                             tuf_edit_result *result)
{
    tuf_edit *edit = NULL;
    tuf_edit_options opts = TUF_EDIT_OPTIONS_INIT;
    opts.flags = flags;
    tuf_status st = tuf_edit_parse(&edit, tuf_str(json), &opts);
    return st == TUF_OK ? world_commit(w, edit, result) : st;
}

const char *put(struct world *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *json = vtext(format, args);
    va_end(args);
    tuf_edit_result result;
    tuf_status st = write_json(w, 0, json, &result);
    if (st != TUF_OK)
        ck_abort_msg("put %s: %s: %s", json, tuf_status_name(st), tuf_last_error()->text);
    ck_assert(result.stored);
    return last_result_rev;
}

tuf_status try_put(struct world *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *json = vtext(format, args);
    va_end(args);
    tuf_edit_result result;
    return write_json(w, 0, json, &result);
}

static bool push_json(struct world *w, const char *json)
{
    tuf_edit_result result;
    tuf_status st = write_json(w, TUF_EDIT_REPLICATED, json, &result);
    if (st != TUF_OK)
        ck_abort_msg("push %s: %s: %s", json, tuf_status_name(st), tuf_last_error()->text);
    return result.stored;
}

bool push(struct world *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *json = vtext(format, args);
    va_end(args);
    return push_json(w, json);
}

tuf_status try_push(struct world *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *json = vtext(format, args);
    va_end(args);
    tuf_edit_result result;
    return write_json(w, TUF_EDIT_REPLICATED, json, &result);
}

bool push_path(struct world *w, const char *id, unsigned gen, const char *path)
{
    char *json = next_text();
    append(json, "{\"_id\":\"%s\",\"_revisions\":{\"start\":%u,\"ids\":[\"", id, gen);
    for (const char *p = path; *p; p++)
        append(json, *p == ' ' ? "\",\"" : "%c", *p);
    append(json, "\"]}}");
    return push_json(w, json);
}

tuf_blob *world_blob(struct world *w, const char *type, const void *data, size_t len)
{
    tuf_att_options opts = TUF_ATT_OPTIONS_INIT;
    opts.type = tuf_str(type);
    tuf_att_writer *writer = NULL;
    tuf_blob *blob = NULL;
    ck_ok(tuf_att_writer_new(&writer, w->db, &opts));
    ck_ok(tuf_att_write(writer, data, len));
    ck_ok(tuf_att_finish(&blob, writer));
    tuf_att_writer_free(&writer);
    return blob;
}

/* ---- reading --------------------------------------------------------------------------------- */

tuf_snapshot *world_look(struct world *w)
{
    forget(w);
    ck_ok(tuf_db_snapshot(&w->snapshot, w->db));
    return w->snapshot;
}

tuf_db_info world_info(struct world *w)
{
    tuf_db_info info = { .struct_size = sizeof(info) };
    ck_ok(tuf_snapshot_info(&info, world_look(w)));
    return info;
}

tuf_status try_doc(struct world *w, const char *id, const char *rev)
{
    tuf_revbuf parsed;
    if (rev)
        ck_ok(tuf_rev_parse(&parsed, tuf_str(rev)));
    (void)world_look(w);
    return tuf_doc_open(&w->doc, w->snapshot, tuf_str(id), rev ? &parsed.rev : NULL);
}

tuf_doc *world_doc(struct world *w, const char *id, const char *rev)
{
    ck_ok(try_doc(w, id, rev));
    return w->doc;
}

const char *leaves(struct world *w, const char *id)
{
    char *out = next_text();
    tuf_status st = tuf_doc_find_info(&w->doc, world_look(w), tuf_str(id));
    if (st == TUF_NOT_FOUND)
        return out;
    ck_ok(st);
    const tuf_docinfo *info = tuf_doc_info(w->doc);
    for (size_t i = 0; i < info->leaf_count; i++)
        append(out, "%s%s%s", i > 0 ? " " : "", rev_text(info->leaves[i].rev),
               info->leaves[i].deleted ? "*" : "");
    return out;
}

const char *history(struct world *w, const char *id, const char *rev)
{
    char *out = next_text();
    tuf_doc *doc = world_doc(w, id, rev);
    const tuf_rev_entry *revs;
    size_t count;
    ck_ok(tuf_doc_revisions(&revs, &count, doc));
    for (size_t i = 0; i < count; i++)
        append(out, "%s%s", i > 0 ? " " : "", rev_text(revs[i].rev));
    return out;
}

const char *body(struct world *w, const char *id, const char *rev)
{
    char *out = next_text();
    tuf_slice bytes = tuf_doc_body(world_doc(w, id, rev));
    append(out, "%.*s", (int)bytes.len, (const char *)bytes.data);
    return out;
}

const char *atts(struct world *w, const char *id, const char *rev)
{
    char *out = next_text();
    tuf_doc *doc = world_doc(w, id, rev);
    for (size_t i = 0; i < tuf_doc_att_count(doc); i++) {
        tuf_att_info info;
        ck_ok(tuf_doc_att(&info, doc, i));
        append(out, "%s%.*s:%llu:%llu", i > 0 ? " " : "", (int)info.name.len,
               (const char *)info.name.data, (unsigned long long)info.revpos,
               (unsigned long long)info.length);
    }
    return out;
}

const char *att_text(struct world *w, const char *id, const char *name)
{
    char *out = next_text();
    tuf_doc *doc = world_doc(w, id, NULL);
    size_t pos;
    ck_ok(tuf_doc_find_att(&pos, doc, tuf_str(name)));
    tuf_att_reader *reader = NULL;
    ck_ok(tuf_att_open(&reader, doc, pos, TUF_ATT_DECODED));
    size_t used = 0, len;
    tuf_status st;
    while ((st = tuf_att_read(&len, reader, out + used, TEXT_SIZE - 1 - used)) == TUF_OK)
        used += len;
    ck_outcome(st, TUF_END);
    tuf_att_reader_free(&reader);
    out[used] = 0;
    return out;
}

static void print_finding(const tuf_finding *finding, void *ctx)
{
    (void)ctx;
    fprintf(stderr, "finding at %llu, document %.*s: %s\n", (unsigned long long)finding->file_off,
            (int)finding->id.len, (const char *)finding->id.data, finding->text);
}

void check_clean(struct world *w)
{
    tuf_check_report report;
    tuf_check_options opts = TUF_CHECK_OPTIONS_INIT;
    opts.found = print_finding;
    ck_ok(tuf_check(&report, world_look(w), &opts));
    ck_assert_uint_eq(report.finding_count, 0);
}
