/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the members of a document that begin with '_': which of them exist, and what their values
 * must be. Their texts were checked and cut out by the scanner; here they are read, in the order of
 * the document, so that of several mistakes the first is reported.
 *
 * INV-SPEC-1: every slice of the result lies in the document's arena or in the input text.
 * Source: CouchDB's couch_doc module (order of checks, error texts).
 * Not here: the elements of "_attachments" (attachments.c).
 */
#include "base/bytes.h"
#include "base/hex.h"
#include "json/special.h"

#define REVISIONS_START_MAX ((uint64_t)1 << 53)
#define REV_HEX_LEN 32

struct special_name {
    const char *name;
    enum json_special_kind kind;
};

static const struct special_name special_names[] = {
    { "_id", SPECIAL_ID },
    { "_rev", SPECIAL_REV },
    { "_deleted", SPECIAL_DELETED },
    { "_attachments", SPECIAL_ATTACHMENTS },
    { "_revisions", SPECIAL_REVISIONS },
    { "_revs_info", SPECIAL_IGNORED },
    { "_local_seq", SPECIAL_IGNORED },
    { "_conflicts", SPECIAL_IGNORED },
    { "_deleted_conflicts", SPECIAL_IGNORED },
    { "_replication_state", SPECIAL_BODY },
    { "_replication_state_time", SPECIAL_BODY },
    { "_replication_state_reason", SPECIAL_BODY },
    { "_replication_id", SPECIAL_BODY },
    { "_replication_stats", SPECIAL_BODY },
};

enum json_special_kind tufi_special_kind(tuf_slice key)
{
    for (size_t i = 0; i < sizeof(special_names) / sizeof(special_names[0]); i++)
        if (slice_is(key, special_names[i].name))
            return special_names[i].kind;
    return SPECIAL_UNKNOWN;
}

static tuf_status bad_member(tuf_slice name)
{
    return tufi_fail_kind(TUF_E_INVALID, "doc_validation", "Bad special document member: %.*s",
                          (int)(name.len < TUF_ERROR_TEXT_SIZE ? name.len : TUF_ERROR_TEXT_SIZE),
                          (const char *)name.data);
}

static tuf_status bad_docid(const char *text)
{
    return tufi_fail_kind(TUF_E_INVALID, "illegal_docid", "%s", text);
}

/* A document id is valid UTF-8 already, because the text is. */
static tuf_status check_docid(tuf_slice id)
{
    if (id.len == 0)
        return bad_docid("Document id must not be empty");
    if (slice_is(id, "_design/"))
        return bad_docid("Illegal document id `_design/`");
    if (slice_is(id, "_local/"))
        return bad_docid("Illegal document id `_local/`");
    if (id.data[0] == '_' && !slice_starts(id, "_design/") && !slice_starts(id, "_local/"))
        return bad_docid("Only reserved document ids may start with underscore.");
    return TUF_OK;
}

static tuf_status apply_id(struct scanned_doc *doc, tuf_slice value)
{
    if (value.data[0] != '"')
        return bad_docid("Document id must be a string");
    tuf_status st = tufi_json_string_content(&doc->id, value, &doc->arena);
    if (st < 0)
        return st;
    doc->has_id = true;
    return check_docid(doc->id);
}

static tuf_status apply_rev(struct scanned_doc *doc, tuf_slice value)
{
    if (doc->has_revisions)
        return TUF_OK; /* it was given by _revisions, and what stands here does not matter */
    if (value.data[0] != '"')
        return tufi_fail_kind(TUF_E_INVALID, "bad_request", "Invalid rev format");
    tuf_slice text;
    tuf_status st = tufi_json_string_content(&text, value, &doc->arena);
    if (st < 0)
        return st;
    st = tuf_rev_parse(&doc->rev, text);
    doc->has_rev = st == TUF_OK;
    return st;
}

static tuf_status apply_deleted(struct scanned_doc *doc, tuf_slice value)
{
    if (!slice_is(value, "true") && !slice_is(value, "false"))
        return bad_member(tuf_str("_deleted"));
    doc->deleted = slice_is(value, "true");
    return TUF_OK;
}

static tuf_status bad_revisions(const char *text)
{
    return tufi_fail_kind(TUF_E_INVALID, "doc_validation", "%s", text);
}

/* The members of "_revisions", as raw text; empty if absent. */
struct revisions_text {
    tuf_slice start;
    tuf_slice ids;
};

static tuf_status visit_revisions(tuf_slice key, tuf_slice value, void *ctx)
{
    struct revisions_text *text = ctx;
    if (slice_is(key, "start"))
        text->start = value;
    else if (slice_is(key, "ids"))
        text->ids = value;
    return TUF_OK;
}

/* A list of revision ids that grows. */
struct id_list {
    struct scanned_doc *doc;
    size_t cap;
};

static tuf_status push_revision(struct id_list *list, tuf_slice id)
{
    struct scanned_doc *doc = list->doc;
    if (doc->revision_count == list->cap) {
        tuf_slice *grown =
            tufi_special_grow(doc->revisions, &list->cap, sizeof(tuf_slice), &doc->arena);
        if (!grown)
            return tufi_nomem();
        doc->revisions = grown;
    }
    doc->revisions[doc->revision_count++] = id;
    return TUF_OK;
}

static tuf_status visit_revision(tuf_slice key, tuf_slice value, void *ctx)
{
    (void)key;
    struct id_list *list = ctx;
    if (value.data[0] != '"')
        return bad_revisions("RevId isn't a string");
    tuf_slice id;
    tuf_status st = tufi_json_string_content(&id, value, &list->doc->arena);
    if (st < 0)
        return st;
    if (id.len == 0 || id.len > TUF_REV_ID_SIZE_MAX || slice_has_control(id))
        return bad_revisions("RevId isn't a valid hexadecimal");
    if (id.len != REV_HEX_LEN)
        return push_revision(list, id);
    uint8_t *bytes = tufi_arena_alloc(&list->doc->arena, REV_HEX_LEN / 2);
    if (!bytes)
        return tufi_nomem();
    if (!tufi_hex_decode(bytes, (const char *)id.data, id.len))
        return bad_revisions("RevId isn't a valid hexadecimal");
    return push_revision(list, tuf_slice_of(bytes, REV_HEX_LEN / 2));
}

static tuf_status apply_revisions(struct scanned_doc *doc, tuf_slice value)
{
    if (value.data[0] != '{')
        return bad_member(tuf_str("_revisions"));
    struct revisions_text text = { 0 };
    tuf_status st = tufi_json_each(value, visit_revisions, &text);
    if (st < 0)
        return st;
    uint64_t start = UINT64_MAX;
    if (!tufi_special_uint(&start, text.start) || start > REVISIONS_START_MAX)
        return bad_revisions("_revisions.start isn't an integer.");
    if (text.ids.len == 0 || text.ids.data[0] != '[')
        return bad_revisions("_revisions.ids isn't a array.");
    struct id_list list = { .doc = doc };
    st = tufi_json_each(text.ids, visit_revision, &list);
    if (st < 0)
        return st;
    /* No start and no ids is what a document without revisions has: "_rev" still counts then. */
    doc->has_revisions = start > 0 || doc->revision_count > 0;
    doc->revisions_start = start;
    if (doc->has_revisions)
        doc->has_rev = false;
    return TUF_OK;
}

static tuf_status apply_attachments(struct scanned_doc *doc, tuf_slice value)
{
    if (value.data[0] != '{')
        return bad_member(tuf_str("_attachments"));
    doc->has_attachments = true;
    return tufi_special_attachments(doc, value);
}

static tuf_status apply_one(struct scanned_doc *doc, enum json_special_kind kind,
                            const struct json_special *special)
{
    switch (kind) {
    case SPECIAL_ID:
        return apply_id(doc, special->value);
    case SPECIAL_REV:
        return apply_rev(doc, special->value);
    case SPECIAL_REVISIONS:
        return apply_revisions(doc, special->value);
    case SPECIAL_ATTACHMENTS:
        return apply_attachments(doc, special->value);
    case SPECIAL_DELETED:
        return apply_deleted(doc, special->value);
    case SPECIAL_UNKNOWN:
        return bad_member(special->key);
    case SPECIAL_IGNORED:
    case SPECIAL_BODY:
    default:
        return tufi_fail(TUF_E_INTERNAL, "special member of kind %d was kept", (int)kind);
    }
}

tuf_status tufi_special_apply(struct scanned_doc *doc, const struct scan *s)
{
    size_t done = 0;
    for (;;) {
        size_t next = SPECIAL_VALUE_COUNT;
        for (size_t kind = 0; kind < SPECIAL_VALUE_COUNT; kind++) {
            size_t order = s->specials[kind].order;
            if (order > done && (next == SPECIAL_VALUE_COUNT || order < s->specials[next].order))
                next = kind;
        }
        if (next == SPECIAL_VALUE_COUNT)
            break;
        tuf_status st = apply_one(doc, (enum json_special_kind)next, &s->specials[next]);
        if (st < 0)
            return st;
        done = s->specials[next].order;
    }
    return tufi_special_check_names(doc);
}
