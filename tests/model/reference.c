/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the reference model (reference.h): documents, revision trees, commits, purges.
 *
 * INV-REF-1 to INV-REF-3: see reference.h.
 */
#include "tests/model/reference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/rng.h"

static void *xrealloc(void *old, size_t size)
{
    void *memory = realloc(old, size > 0 ? size : 1);
    if (!memory)
        abort();
    return memory;
}

static void *xdup(const void *data, size_t size)
{
    void *copy = xrealloc(NULL, size);
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

/* ---- texts ----------------------------------------------------------------------------------- */

const char *ref_id_text(uint8_t id)
{
    static const char *const texts[REF_IDS] = {
        "a",
        "A",
        "aa",
        "ab",
        "b",
        "a/b",
        "a b",
        "\xc3\xa9",
        "z",
        "_design/d",
        "_design/\xc3\xbc",
        "0",
        "00",
        "1",
        "10",
        "2",
        "\xf0\x9f\x98\x80",
        "a\x7f",
        "doc-1",
        "doc-2",
        "doc-10",
        "~",
        NULL,
        NULL,
    };
    static char long_id[2][400];
    if (texts[id])
        return texts[id];
    char *out = long_id[id % 2];
    if (out[0] == '\0') {
        memset(out, 'l', 300);
        out[300] = (char)('0' + id % 2);
    }
    return out;
}

const char *ref_local_text(uint8_t id)
{
    static const char *const texts[REF_LOCALS] = { "_local/a", "_local/b", "_local/checkpoint",
                                                   "_local/z" };
    return texts[id];
}

const char *ref_att_name(uint8_t name)
{
    static const char *const names[REF_ATTS_MAX] = { "a.txt", "dir/b.png", "\xc3\xa9" };
    return names[name];
}

const char *ref_type_text(uint8_t type)
{
    static const char *const types[] = { "image/png", "text/plain", "application/octet-stream" };
    return types[type];
}

void ref_body_text(char *out, uint32_t body)
{
    if (body == 0) {
        strcpy(out, "{}");
        return;
    }
    int at = snprintf(out, 64, "{\"v\":%u,\"s\":\"", body);
    size_t len = body % 211;
    for (size_t i = 0; i < len; i++)
        out[(size_t)at + i] = (char)('a' + (body >> (i % 24)) % 26);
    strcpy(out + (size_t)at + len, "\"}");
}

void ref_att_bytes(uint8_t *out, const struct ref_att *att)
{
    struct rng rng = { att->seed };
    rng_fill(&rng, out, att->len);
    if (att->type == 1) /* something that compresses */
        for (uint32_t i = 0; i < att->len; i++)
            out[i] = (uint8_t)('a' + out[i] % 5);
}

/* ---- comparing ------------------------------------------------------------------------------- */

int ref_rev_compare(const struct ref_rev *a, const struct ref_rev *b)
{
    if (a->gen != b->gen)
        return a->gen < b->gen ? -1 : 1;
    size_t common = a->len < b->len ? a->len : b->len;
    int order = memcmp(a->id, b->id, common);
    return order != 0 ? order : (int)a->len - (int)b->len;
}

static int id_compare(uint8_t a, uint8_t b)
{
    return strcmp(ref_id_text(a), ref_id_text(b));
}

struct ref_doc *ref_find(const struct ref_db *db, uint8_t id)
{
    for (size_t i = 0; i < db->doc_count; i++)
        if (db->docs[i].id == id)
            return &db->docs[i];
    return NULL;
}

struct ref_node *ref_node_of(const struct ref_doc *doc, const struct ref_rev *rev)
{
    for (size_t i = 0; doc && i < doc->node_count; i++)
        if (ref_rev_compare(&doc->nodes[i].rev, rev) == 0)
            return &doc->nodes[i];
    return NULL;
}

struct ref_node *ref_winner(const struct ref_doc *doc)
{
    return ref_node_of(doc, &doc->paths[0].revs[0]);
}

uint64_t ref_live_count(const struct ref_db *db)
{
    uint64_t count = 0;
    for (size_t i = 0; i < db->doc_count; i++)
        count += !ref_winner(&db->docs[i])->deleted;
    return count;
}

/* ---- life ------------------------------------------------------------------------------------ */

void ref_init(struct ref_db *db)
{
    *db = (struct ref_db){ .revs_limit = 1000, .purged_infos_limit = 1000 };
}

static void path_release(struct ref_path *p)
{
    free(p->revs);
}

static struct ref_path path_copy(const struct ref_path *p)
{
    return (struct ref_path){ xdup(p->revs, p->count * sizeof(*p->revs)), p->count };
}

static void doc_release(struct ref_doc *doc)
{
    for (size_t i = 0; i < doc->path_count; i++)
        path_release(&doc->paths[i]);
    free(doc->paths);
    free(doc->nodes);
}

static struct ref_doc doc_copy(const struct ref_doc *from)
{
    struct ref_doc doc = *from;
    doc.nodes = xdup(from->nodes, from->node_count * sizeof(*from->nodes));
    doc.paths = xrealloc(NULL, from->path_count * sizeof(*from->paths));
    for (size_t i = 0; i < from->path_count; i++)
        doc.paths[i] = path_copy(&from->paths[i]);
    return doc;
}

void ref_release(struct ref_db *db)
{
    for (size_t i = 0; i < db->doc_count; i++)
        doc_release(&db->docs[i]);
    free(db->docs);
    for (size_t i = 0; i < db->purge_count; i++)
        free(db->purges[i].revs);
    free(db->purges);
    *db = (struct ref_db){ 0 };
}

void ref_copy(struct ref_db *to, const struct ref_db *from)
{
    *to = *from;
    to->docs = xrealloc(NULL, from->doc_count * sizeof(*from->docs));
    for (size_t i = 0; i < from->doc_count; i++)
        to->docs[i] = doc_copy(&from->docs[i]);
    to->purges = xdup(from->purges, from->purge_count * sizeof(*from->purges));
    for (size_t i = 0; i < from->purge_count; i++)
        to->purges[i].revs =
            xdup(from->purges[i].revs, from->purges[i].rev_count * sizeof(struct ref_rev));
}

/* ---- revision trees as lists of paths ------------------------------------------------------ */

static size_t path_find(const struct ref_path *p, const struct ref_rev *rev)
{
    for (size_t i = 0; i < p->count; i++)
        if (ref_rev_compare(&p->revs[i], rev) == 0)
            return i;
    return SIZE_MAX;
}

/* Lets each path know the older revisions that another path knows. */
static bool lengthen_once(struct ref_doc *doc)
{
    for (size_t q = 0; q < doc->path_count; q++) {
        struct ref_path *short_one = &doc->paths[q];
        for (size_t r = 0; r < doc->path_count; r++) {
            const struct ref_path *other = &doc->paths[r];
            if (r == q)
                continue;
            size_t at = path_find(other, &short_one->revs[short_one->count - 1]);
            if (at == SIZE_MAX || at + 1 == other->count)
                continue;
            size_t more = other->count - at - 1;
            short_one->revs =
                xrealloc(short_one->revs, (short_one->count + more) * sizeof(*short_one->revs));
            memcpy(short_one->revs + short_one->count, other->revs + at + 1,
                   more * sizeof(*short_one->revs));
            short_one->count += more;
            return true;
        }
    }
    return false;
}

/* INV-REF-2 */
static bool leaf_is_in_another(const struct ref_doc *doc, size_t q)
{
    for (size_t r = 0; r < doc->path_count; r++) {
        size_t at = r == q ? SIZE_MAX : path_find(&doc->paths[r], &doc->paths[q].revs[0]);
        if (at != SIZE_MAX && (at > 0 || r < q))
            return true;
    }
    return false;
}

static void drop_path(struct ref_doc *doc, size_t pos)
{
    path_release(&doc->paths[pos]);
    memmove(&doc->paths[pos], &doc->paths[pos + 1],
            (doc->path_count - pos - 1) * sizeof(*doc->paths));
    doc->path_count--;
}

static bool leaf_wins(const struct ref_doc *doc, size_t a, size_t b)
{
    const struct ref_node *x = ref_node_of(doc, &doc->paths[a].revs[0]);
    const struct ref_node *y = ref_node_of(doc, &doc->paths[b].revs[0]);
    if (x->deleted != y->deleted)
        return y->deleted;
    return ref_rev_compare(&x->rev, &y->rev) > 0;
}

static void sort_paths(struct ref_doc *doc)
{
    for (size_t i = 1; i < doc->path_count; i++) {
        for (size_t k = i; k > 0 && leaf_wins(doc, k, k - 1); k--) {
            struct ref_path swap = doc->paths[k];
            doc->paths[k] = doc->paths[k - 1];
            doc->paths[k - 1] = swap;
        }
    }
}

static void add_node(struct ref_doc *doc, const struct ref_node *node)
{
    doc->nodes = xrealloc(doc->nodes, (doc->node_count + 1) * sizeof(*doc->nodes));
    doc->nodes[doc->node_count++] = *node;
}

/* INV-REF-3, after paths have changed. */
static void settle_nodes(struct ref_doc *doc)
{
    size_t kept = 0;
    for (size_t i = 0; i < doc->node_count; i++) {
        bool used = false;
        for (size_t p = 0; p < doc->path_count; p++)
            used |= path_find(&doc->paths[p], &doc->nodes[i].rev) != SIZE_MAX;
        if (used)
            doc->nodes[kept++] = doc->nodes[i];
    }
    doc->node_count = kept;
    for (size_t p = 0; p < doc->path_count; p++) {
        for (size_t i = 0; i < doc->paths[p].count; i++) {
            struct ref_node unknown = { .rev = doc->paths[p].revs[i] };
            if (!ref_node_of(doc, &unknown.rev))
                add_node(doc, &unknown);
        }
    }
    sort_paths(doc);
}

static void merge(struct ref_doc *doc, const struct ref_path *path)
{
    doc->paths = xrealloc(doc->paths, (doc->path_count + 1) * sizeof(*doc->paths));
    doc->paths[doc->path_count++] = path_copy(path);
    while (lengthen_once(doc))
        ;
    for (size_t i = doc->path_count; i > 0; i--)
        if (leaf_is_in_another(doc, i - 1))
            drop_path(doc, i - 1);
}

/* Keeps a revision when it is among the newest `limit` of any path. */
static void stem(struct ref_doc *doc, uint32_t limit)
{
    bool **keep = xrealloc(NULL, doc->path_count * sizeof(*keep));
    for (size_t p = 0; p < doc->path_count; p++) {
        keep[p] = xrealloc(NULL, doc->paths[p].count);
        for (size_t i = 0; i < doc->paths[p].count; i++) {
            keep[p][i] = false;
            for (size_t q = 0; q < doc->path_count; q++)
                keep[p][i] |= path_find(&doc->paths[q], &doc->paths[p].revs[i]) < limit;
        }
    }
    for (size_t p = 0; p < doc->path_count; p++) {
        size_t count = 0;
        while (count < doc->paths[p].count && keep[p][count])
            count++;
        doc->paths[p].count = count;
        free(keep[p]);
    }
    free(keep);
}

/* ---- edits ----------------------------------------------------------------------------------- */

static struct ref_doc *insert_doc(struct ref_db *db, uint8_t id)
{
    db->docs = xrealloc(db->docs, (db->doc_count + 1) * sizeof(*db->docs));
    size_t pos = db->doc_count++;
    for (; pos > 0 && id_compare(db->docs[pos - 1].id, id) > 0; pos--)
        db->docs[pos] = db->docs[pos - 1];
    db->docs[pos] = (struct ref_doc){ .id = id };
    return &db->docs[pos];
}

static bool is_leaf(const struct ref_doc *doc, const struct ref_rev *rev)
{
    for (size_t i = 0; doc && i < doc->path_count; i++)
        if (ref_rev_compare(&doc->paths[i].revs[0], rev) == 0)
            return true;
    return false;
}

/* The revision an interactive edit extends: TUF_OK with *parent_out NULL for none. */
static tuf_status find_parent(const struct ref_doc *doc, const struct ref_edit *e,
                              const struct ref_node **parent_out)
{
    *parent_out = NULL;
    if (!doc)
        return e->has_rev ? TUF_CONFLICT : TUF_OK;
    const struct ref_node *winner = ref_winner(doc);
    if (winner->deleted) { /* then every leaf is */
        if (e->has_rev || e->deleted)
            return TUF_CONFLICT;
        *parent_out = winner;
        return TUF_OK;
    }
    if (!e->has_rev || !is_leaf(doc, &e->rev))
        return TUF_CONFLICT;
    *parent_out = ref_node_of(doc, &e->rev);
    return TUF_OK;
}

/* The attachments of the new revision. */
static tuf_status take_atts(struct ref_node *node, const struct ref_edit *e,
                            const struct ref_node *parent)
{
    for (size_t i = 0; i < e->att_count; i++) {
        struct ref_att att = e->atts[i].att;
        att.revpos = node->rev.gen;
        if (e->atts[i].stub) {
            size_t k = 0;
            while (parent && k < parent->att_count && parent->atts[k].name != att.name)
                k++;
            if (!parent || k == parent->att_count)
                return TUF_MISSING_STUB;
            att = parent->atts[k];
        }
        node->atts[node->att_count++] = att;
    }
    return TUF_OK;
}

static void store(struct ref_db *db, struct ref_doc *doc, const struct ref_path *path,
                  const struct ref_node *node, struct ref_result *result)
{
    merge(doc, path);
    struct ref_node *known = ref_node_of(doc, &node->rev);
    if (known)
        *known = *node;
    else
        add_node(doc, node);
    stem(doc, db->revs_limit);
    settle_nodes(doc);
    doc->seq = ++db->update_seq;
    *result = (struct ref_result){ TUF_OK, true, doc->seq, node->rev };
}

static tuf_status apply_interactive(struct ref_db *db, const struct ref_edit *e,
                                    struct ref_result *result)
{
    struct ref_doc *doc = ref_find(db, e->id);
    const struct ref_node *parent;
    result->status = find_parent(doc, e, &parent);
    if (result->status != TUF_OK)
        return TUF_OK;
    struct ref_node node = { .rev = { .gen = parent ? parent->rev.gen + 1 : 1, .len = 16 },
                             .stored = true,
                             .deleted = e->deleted,
                             .body = e->body };
    tuf_status st = take_atts(&node, e, parent);
    if (st != TUF_OK)
        return st;
    ref_rev_id(node.rev.id, e, parent ? &parent->rev : NULL, &node, db->gzip_level);
    if (ref_node_of(doc, &node.rev)) {
        result->status = TUF_CONFLICT;
        return TUF_OK;
    }
    struct ref_rev pair[2] = { node.rev };
    if (parent)
        pair[1] = parent->rev;
    struct ref_path path = { pair, parent ? 2 : 1 };
    store(db, doc ? doc : insert_doc(db, e->id), &path, &node, result);
    return TUF_OK;
}

static tuf_status apply_replicated(struct ref_db *db, const struct ref_edit *e,
                                   struct ref_result *result)
{
    struct ref_doc *doc = ref_find(db, e->id);
    struct ref_node node = {
        .rev = e->path.revs[0], .stored = true, .deleted = e->deleted, .body = e->body
    };
    *result = (struct ref_result){ .status = TUF_OK, .rev = node.rev };
    tuf_status st = take_atts(&node, e, NULL);
    if (st != TUF_OK)
        return st;
    if (doc) { /* tentatively: is it a leaf then, and was none before? */
        struct ref_doc trial = doc_copy(doc);
        merge(&trial, &e->path);
        bool accepted = is_leaf(&trial, &node.rev) && !is_leaf(doc, &node.rev);
        doc_release(&trial);
        if (!accepted)
            return TUF_OK;
    }
    store(db, doc ? doc : insert_doc(db, e->id), &e->path, &node, result);
    return TUF_OK;
}

static void apply_local(struct ref_db *db, const struct ref_edit *e, struct ref_result *result)
{
    struct ref_local *local = &db->locals[e->id];
    if (e->deleted && !local->exists) {
        result->status = TUF_NOT_FOUND;
        return;
    }
    uint64_t base = e->has_rev ? e->local_rev : 0;
    *local = (struct ref_local){ !e->deleted, e->deleted ? 0 : base + 1, e->body };
    *result = (struct ref_result){ .status = TUF_OK, .stored = true };
    result->rev.len = (uint8_t)snprintf((char *)result->rev.id, sizeof(result->rev.id), "%llu",
                                        (unsigned long long)local->rev);
}

tuf_status ref_commit(struct ref_db *db, const struct ref_edit *edits, size_t count,
                      struct ref_result *results)
{
    struct ref_db before;
    ref_copy(&before, db);
    tuf_status st = TUF_OK;
    for (size_t i = 0; i < count && st == TUF_OK; i++) {
        results[i] = (struct ref_result){ 0 };
        if (edits[i].local)
            apply_local(db, &edits[i], &results[i]);
        else if (edits[i].replicated)
            st = apply_replicated(db, &edits[i], &results[i]);
        else
            st = apply_interactive(db, &edits[i], &results[i]);
    }
    if (st == TUF_OK) {
        ref_release(&before);
        return TUF_OK;
    }
    ref_release(db);
    *db = before;
    return st;
}

/* ---- purge ----------------------------------------------------------------------------------- */

static void note_purge(struct ref_db *db, uint8_t id, const struct ref_rev *revs, size_t count)
{
    db->purges = xrealloc(db->purges, (db->purge_count + 1) * sizeof(*db->purges));
    db->purges[db->purge_count++] =
        (struct ref_purge){ ++db->purge_seq, id, xdup(revs, count * sizeof(*revs)), count };
    while (db->purge_count > db->purged_infos_limit) {
        free(db->purges[0].revs);
        memmove(db->purges, db->purges + 1, --db->purge_count * sizeof(*db->purges));
    }
}

void ref_purge(struct ref_db *db, uint8_t id, const struct ref_rev *revs, size_t count,
               bool *purged_out)
{
    struct ref_doc *doc = ref_find(db, id);
    struct ref_rev *gone = xrealloc(NULL, count * sizeof(*gone));
    size_t gone_count = 0;
    for (size_t i = 0; i < count; i++) {
        purged_out[i] = is_leaf(doc, &revs[i]);
        if (!purged_out[i])
            continue;
        gone[gone_count++] = revs[i];
        for (size_t p = 0; p < doc->path_count; p++)
            if (ref_rev_compare(&doc->paths[p].revs[0], &revs[i]) == 0)
                drop_path(doc, p--);
    }
    uint64_t before = db->update_seq;
    note_purge(db, id, gone_count > 0 ? gone : revs, gone_count > 0 ? gone_count : count);
    if (gone_count > 0) {
        settle_nodes(doc);
        if (doc->path_count > 0) {
            doc->seq = db->update_seq += doc->path_count; /* one for each leaf that is left */
        } else {
            size_t pos = (size_t)(doc - db->docs);
            doc_release(doc);
            memmove(doc, doc + 1, (--db->doc_count - pos) * sizeof(*doc));
        }
    }
    if (db->update_seq == before)
        db->update_seq++; /* every call counts */
    free(gone);
}

void ref_compact(struct ref_db *db)
{
    for (size_t i = 0; i < db->doc_count; i++) {
        struct ref_doc *doc = &db->docs[i];
        for (size_t k = 0; k < doc->node_count; k++) {
            struct ref_node bare = { .rev = doc->nodes[k].rev };
            if (!is_leaf(doc, &bare.rev))
                doc->nodes[k] = bare;
        }
    }
}
