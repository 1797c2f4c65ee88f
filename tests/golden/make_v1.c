/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: makes the example databases of format version 1 (tests/golden/v1) and their dumps.
 *
 *     make_v1 DIR
 *
 * It writes new files only and never replaces one: see tests/golden/README.md. Clock and random
 * numbers come from the simulated disk, so that the same library makes the same bytes.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "tests/crash/dump.h"
#include "tests/sim/sim.h"
#include "tuffet/tuffet.h"

#define PATH "db"

static struct sim *sim;
static tuf_db *db;

static void must(tuf_status st, const char *what)
{
    if (st == TUF_OK)
        return;
    fprintf(stderr, "make_v1: %s: %s: %s\n", what, tuf_status_name(st), tuf_last_error()->text);
    exit(EXIT_FAILURE);
}

static void open_db(uint32_t sector_size, unsigned compression)
{
    tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
    opts.flags = TUF_OPEN_CREATE;
    opts.sector_size = sector_size;
    opts.compression = compression;
    opts.vfs = sim_vfs(sim);
    must(tuf_db_open(&db, PATH, &opts), "open");
}

static void commit(tuf_edit *edit)
{
    must(tuf_db_commit(db, &edit, 1, 0), "commit");
    tuf_edit_result result;
    tuf_edit_get_result(&result, edit);
    must(result.status, "edit");
    tuf_edit_free(&edit);
}

/* Puts a document; ' stands for ". */
static void put(unsigned flags, const char *format, int number)
{
    char json[1024];
    snprintf(json, sizeof(json), format, number, number, number); /* NOLINT: our own formats */
    for (char *p = json; *p; p++)
        if (*p == '\'')
            *p = '"';
    tuf_edit *edit = NULL;
    tuf_edit_options opts = TUF_EDIT_OPTIONS_INIT;
    opts.flags = flags;
    must(tuf_edit_parse(&edit, tuf_str(json), &opts), json);
    commit(edit);
}

static tuf_doc *open_winner(tuf_snapshot **snapshot, const char *id)
{
    tuf_doc *doc = NULL;
    must(tuf_db_snapshot(snapshot, db), "snapshot");
    must(tuf_doc_open(&doc, *snapshot, tuf_str(id), NULL), id);
    return doc;
}

/* A new revision with the same content, or a tombstone. */
static void update(const char *id, bool deleted)
{
    tuf_snapshot *snapshot = NULL;
    tuf_doc *doc = open_winner(&snapshot, id);
    tuf_edit *edit = NULL;
    must(tuf_edit_from_doc(&edit, doc), id);
    tuf_edit_set_deleted(edit, deleted);
    tuf_doc_free(&doc);
    tuf_snapshot_free(&snapshot);
    commit(edit);
}

/* Whether it found the leaf. */
static bool ask_purge(const char *id, const char *rev_text)
{
    tuf_revbuf rev;
    bool purged;
    must(tuf_rev_parse(&rev, tuf_str(rev_text)), rev_text);
    tuf_purge_item item = { tuf_str(id), &rev.rev, 1, &purged };
    must(tuf_db_purge(db, &item, 1), id);
    return purged;
}

static void purge(const char *id, const char *rev)
{
    must(ask_purge(id, rev) ? TUF_OK : TUF_NOT_FOUND, id);
}

static void attach(const char *id, const char *type, size_t len)
{
    tuf_att_writer *writer = NULL;
    tuf_blob *blob = NULL;
    tuf_edit *edit = NULL;
    tuf_att_options opts = TUF_ATT_OPTIONS_INIT;
    opts.type = tuf_str(type);
    must(tuf_att_writer_new(&writer, db, &opts), id);
    for (size_t i = 0; i < len; i++)
        must(tuf_att_write(writer, "0123456789abcdef" + i % 16, 1), id);
    must(tuf_att_finish(&blob, writer), id);
    tuf_att_writer_free(&writer);
    tuf_edit_options edit_opts = TUF_EDIT_OPTIONS_INIT;
    edit_opts.id = tuf_str(id);
    must(tuf_edit_parse(&edit, tuf_str("{}"), &edit_opts), id);
    must(tuf_edit_put_attachment(edit, tuf_str("file"), tuf_str(type), &blob), id);
    commit(edit);
}

/* ---- the databases --------------------------------------------------------------------------- */

#define R TUF_EDIT_REPLICATED

static void make_plain(void)
{
    open_db(4096, TUF_COMPRESS_SNAPPY);
    for (int i = 0; i < 12; i++)
        put(0, "{'_id':'doc-%02d','n':%d,'text':'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'}",
            i);
    put(0, "{'_id':'_design/app','views':{'v':{'map':'function(doc){emit(null)}'}}}", 0);
    put(0, "{'_id':'_local/point','n':%d}", 1);
    must(tuf_db_put_meta(db, tuf_str("security"), tuf_str("{\"admins\":{}}")), "meta");
    update("doc-03", false);
    update("doc-04", true);
    must(tuf_db_close(&db), "close");
}

static void make_conflicts(void)
{
    open_db(512, TUF_COMPRESS_NONE);
    put(R, "{'_id':'c','_rev':'1-a','v':1}", 0);
    put(R, "{'_id':'c','_revisions':{'start':3,'ids':['c','b','a']},'v':2}", 0);
    put(R, "{'_id':'c','_revisions':{'start':3,'ids':['d','b','a']},'v':3}", 0);
    put(R, "{'_id':'c','_revisions':{'start':2,'ids':['e','a']},'_deleted':true}", 0);
    put(R, "{'_id':'c','_rev':'7-9b2f4e0c6d8a11223344556677889900','v':4}", 0);
    put(R, "{'_id':'tomb','_rev':'4-t','_deleted':true,'why':'kept'}", 0);
    put(0, "{'_id':'tomb','back':true}", 0);
    must(tuf_db_checkpoint(db), "checkpoint");
    put(R, "{'_id':'c','_revisions':{'start':4,'ids':['f','d']},'v':5}", 0);
    put(R, "{'_id':'joined','_revisions':{'start':4,'ids':['d','c']}}", 0);
    put(R, "{'_id':'joined','_revisions':{'start':4,'ids':['e','c','b','a']}}", 0);
}

static void make_attachments(void)
{
    open_db(4096, TUF_COMPRESS_ZLIB);
    attach("empty", "application/octet-stream", 0);
    attach("small", "application/octet-stream", 100);
    attach("text", "text/plain", 5000);
    attach("chunks", "application/octet-stream", 262144 + 1000);
    put(0,
        "{'_id':'inline','_attachments':{'a':{'content_type':'text/plain','data':'aGVsbG8='},"
        "'b':{'data':''},'c':{'content_type':'image/png','data':'AAEC'}}}",
        0);
    update("inline", false);
    update("chunks", false);
    must(tuf_db_close(&db), "close");
}

static void make_history(void)
{
    open_db(512, TUF_COMPRESS_SNAPPY);
    must(tuf_db_set_revs_limit(db, 30), "limit");
    put(0, "{'_id':'long','n':%d}", 1);
    for (int i = 0; i < 70; i++) {
        update("long", false);
        if (i == 40)
            must(tuf_db_checkpoint(db), "checkpoint");
    }
    put(R, "{'_id':'long','_revisions':{'start':3,'ids':['x','y','z']}}", 0);
    put(R, "{'_id':'stemmed','_revisions':{'start':40,'ids':['x40','x39','x38','x37']}}", 0);
    update("long", false);
}

static void make_purges(void)
{
    open_db(512, TUF_COMPRESS_SNAPPY);
    must(tuf_db_set_purged_infos_limit(db, 3), "limit");
    for (int i = 0; i < 5; i++) {
        put(R, "{'_id':'p','_rev':'1-p%d'}", i);
        put(0, "{'_id':'_local/l%d','n':%d}", i);
    }
    put(R, "{'_id':'gone','_revisions':{'start':2,'ids':['g','a']}}", 0);
    purge("gone", "2-g");
    for (int i = 0; i < 3; i++) {
        char rev[32];
        snprintf(rev, sizeof(rev), "1-p%d", i);
        purge("p", rev);
    }
    put(0, "{'_id':'_local/l2','_deleted':true}", 0);
    must(tuf_db_put_meta(db, tuf_str("m1"), tuf_str("one")), "meta");
    must(tuf_db_put_meta(db, tuf_str("m2"), tuf_str("two")), "meta");
    must(tuf_db_put_meta(db, tuf_str("m1"), tuf_slice_of(NULL, 0)), "meta");
    must(tuf_db_close(&db), "close");
}

/* Purges that find nothing and settings raise the sequence. Killed: all of it is in the log. */
static void make_raised(void)
{
    open_db(512, TUF_COMPRESS_SNAPPY);
    put(R, "{'_id':'d','_revisions':{'start':2,'ids':['b','a']}}", 0);
    (void)ask_purge("d", "1-a");
    (void)ask_purge("never", "1-a");
    must(tuf_db_set_revs_limit(db, 1000), "limit");
    must(tuf_db_put_meta_change(db, tuf_str("security"), tuf_str("{}")), "meta");
    put(R, "{'_id':'e','_rev':'1-x'}", 0);
    put(R, "{'_id':'e','_rev':'1-y'}", 0);
    put(R, "{'_id':'e','_rev':'1-z'}", 0);
    purge("e", "1-z");
    (void)ask_purge("d", "9-none");
}

static void make_torn(void)
{
    open_db(512, TUF_COMPRESS_SNAPPY);
    for (int i = 0; i < 6; i++)
        put(0, "{'_id':'t%d','n':%d}", i);
    /* The newest commit is cut in the middle, below. */
}

/* Holes below the base, and a commit behind it. */
static void make_trimmed(void)
{
    open_db(4096, TUF_COMPRESS_SNAPPY);
    for (int i = 0; i < 8; i++) {
        put(R, "{'_id':'much','_revisions':{'start':%d,'ids':['r%d']},'n':%d}", i + 1);
        put(R, "{'_id':'once%d','_rev':'1-a','n':%d}", i);
    }
    put(0, "{'_id':'_local/l','n':%d}", 1);
    put(R, "{'_id':'once3','_revisions':{'start':2,'ids':['b','a']},'_deleted':true}", 0);
    must(tuf_db_trim(NULL, db, NULL), "trim");
    put(R, "{'_id':'after','_rev':'1-c'}", 0);
}

static const struct {
    const char *name;
    void (*make)(void);
    size_t cut; /* bytes of the file that are kept; 0: all */
} databases[] = {
    { "plain", make_plain, 0 },
    { "conflicts", make_conflicts, 0 },
    { "attachments", make_attachments, 0 },
    { "history", make_history, 0 },
    { "purges", make_purges, 0 },
    { "torn", make_torn, 4096 + 5 * 512 + 100 },
    { "raised", make_raised, 0 },
    { "trimmed", make_trimmed, 0 },
};

/* ---- files ----------------------------------------------------------------------------------- */

static void write_new(const char *dir, const char *name, const char *suffix, tuf_slice bytes)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s.%s", dir, name, suffix);
    FILE *f = fopen(path, "wbx"); /* x: only a new one */
    if (!f || fwrite(bytes.data, 1, bytes.len, f) != bytes.len || fclose(f) != 0) {
        fprintf(stderr, "make_v1: cannot create %s (files are never replaced)\n", path);
        exit(EXIT_FAILURE);
    }
}

static void save(const char *dir, const char *name, size_t cut)
{
    TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf bytes = BUF_INIT;
    size_t len;
    const uint8_t *now = sim_peek(sim, PATH, &len);
    tufi_buf_append(&bytes, now, cut ? cut : len);
    write_new(dir, name, "tuffet", buf_slice(&bytes));
    must(tuf_db_close(&db), "close");
    struct sim *other = sim_new(512, 1);
    sim_store(other, PATH, bytes.data, bytes.len);
    tuf_open_options opts = TUF_OPEN_OPTIONS_INIT;
    opts.flags = TUF_OPEN_RDONLY;
    opts.vfs = sim_vfs(other);
    must(tuf_db_open(&db, PATH, &opts), "open again");
    must(dump_db(&text, db), "dump");
    must(tuf_db_close(&db), "close");
    sim_free(&other);
    write_new(dir, name, "dump", buf_slice(&text));
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: make_v1 DIR\n");
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < sizeof(databases) / sizeof(databases[0]); i++) {
        sim = sim_new(512, 1000 + i);
        databases[i].make();
        save(argv[1], databases[i].name, databases[i].cut);
        sim_free(&sim);
    }
    return EXIT_SUCCESS;
}
