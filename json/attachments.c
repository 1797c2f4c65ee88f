/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: read the elements of "_attachments".
 *
 * An element is a stub, or follows the document, or is inline data, tried in this order; what is
 * no object is passed over.
 *
 * INV-ATT-1: exactly one of stub, follows and has_data is set.
 * Source: CouchDB's couch_att module. Where it would fail with an internal error on a member of the
 * wrong type, we pass the member over.
 * Not here: decoding the data (its caller knows where the bytes go).
 */
#include "base/alloc.h"
#include "base/arith.h"
#include "base/hex.h"
#include "json/special.h"

#define DIGEST_PREFIX "md5-"

/* The elements as raw text, before duplicates are dropped. */
struct element {
    struct json_member member; /* only the fields that tufi_json_mark_duplicates uses */
    tuf_slice value;
};

struct element_list {
    struct scanned_doc *doc;
    tuf_slice text; /* all of "_attachments" */
    struct element *elements;
    size_t count;
    size_t cap;
};

/* One element under the reader. */
struct att_reading {
    struct scanned_att *att;
    struct arena *arena;
    tuf_slice data; /* raw values; empty if absent */
    tuf_slice digest;
    tuf_slice encoding;
    tuf_slice revpos;
    bool stub;
    bool follows;
};

bool tufi_special_uint(uint64_t *out, tuf_slice raw)
{
    if (raw.len == 0 || raw.data[0] < '0' || raw.data[0] > '9')
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < raw.len; i++) {
        if (raw.data[i] < '0' || raw.data[i] > '9')
            return false;
        if (!mul_ok(&value, value, (uint64_t)10) ||
            !add_ok(&value, value, (uint64_t)(raw.data[i] - '0')))
            return false;
    }
    *out = value;
    return true;
}

void *tufi_special_grow(const void *items, size_t *cap, size_t item_size, struct arena *arena)
{
    size_t new_cap = *cap > 0 ? *cap * 2 : 8;
    size_t size;
    if (!mul_ok(&size, new_cap, item_size))
        return NULL;
    void *grown = tufi_arena_alloc(arena, size);
    if (!grown)
        return NULL;
    if (*cap > 0)
        memcpy(grown, items, *cap * item_size);
    *cap = new_cap;
    return grown;
}

static tuf_status bad_data(tuf_slice name)
{
    return tufi_fail_kind(TUF_E_INVALID, "bad_request", "Invalid attachment data for %.*s",
                          (int)min_size(name.len, TUF_ERROR_TEXT_SIZE), (const char *)name.data);
}

static tuf_status visit_att_member(tuf_slice key, tuf_slice value, void *ctx)
{
    struct att_reading *r = ctx;
    struct scanned_att *att = r->att;
    if (slice_is(key, "content_type")) {
        att->type = tuf_slice_of(NULL, 0);
        return value.data[0] == '"' ? tufi_json_string_content(&att->type, value, r->arena)
                                    : TUF_OK;
    }
    if (slice_is(key, "data"))
        r->data = value;
    else if (slice_is(key, "digest"))
        r->digest = value;
    else if (slice_is(key, "encoding"))
        r->encoding = value;
    else if (slice_is(key, "revpos"))
        r->revpos = value;
    else if (slice_is(key, "stub"))
        r->stub = slice_is(value, "true");
    else if (slice_is(key, "follows"))
        r->follows = slice_is(value, "true");
    else if (slice_is(key, "length"))
        att->has_length = tufi_special_uint(&att->length, value);
    else if (slice_is(key, "encoded_length"))
        att->has_encoded_length = tufi_special_uint(&att->encoded_length, value);
    return TUF_OK;
}

/* Sets the digest if it is one of MD5 with the right length. */
static tuf_status read_digest(struct att_reading *r)
{
    if (r->digest.len == 0 || r->digest.data[0] != '"')
        return TUF_OK;
    tuf_slice text;
    tuf_status st = tufi_json_string_content(&text, r->digest, r->arena);
    if (st < 0)
        return st;
    if (!slice_starts(text, DIGEST_PREFIX))
        return TUF_OK;
    size_t prefix_len = strlen(DIGEST_PREFIX);
    TUF_AUTO(tufi_buf_release) struct buf bytes = BUF_INIT;
    bool ok =
        tufi_base64_decode(&bytes, tuf_slice_of(text.data + prefix_len, text.len - prefix_len));
    if (bytes.failed)
        return tufi_nomem();
    if (ok && bytes.len == sizeof(r->att->digest)) {
        memcpy(r->att->digest, bytes.data, bytes.len);
        r->att->has_digest = true;
    }
    return TUF_OK;
}

static tuf_status read_encoding(struct att_reading *r)
{
    if (r->encoding.len == 0 || r->encoding.data[0] != '"')
        return TUF_OK;
    tuf_slice text;
    tuf_status st = tufi_json_string_content(&text, r->encoding, r->arena);
    if (st == TUF_OK)
        r->att->gzip = slice_is(text, "gzip");
    return st;
}

/* A stub's revpos must match the stored one: one that is no number matches none. */
static void read_revpos(struct att_reading *r)
{
    struct scanned_att *att = r->att;
    if (r->revpos.len == 0)
        return;
    att->has_revpos = tufi_special_uint(&att->revpos, r->revpos);
    if (!att->has_revpos && att->stub) {
        att->has_revpos = true;
        att->revpos = UINT64_MAX;
    }
}

static tuf_status read_att(struct scanned_att *att, tuf_slice value, struct arena *arena)
{
    struct att_reading r = { .att = att, .arena = arena };
    tuf_status st = tufi_json_each(value, visit_att_member, &r);
    if (st < 0)
        return st;
    att->stub = r.stub;
    att->follows = r.follows && !r.stub;
    att->has_data = !r.stub && !r.follows;
    read_revpos(&r);
    if (att->has_data) {
        /* Lengths, digest and encoding of inline data are not believed. */
        att->has_length = false;
        att->has_encoded_length = false;
        if (r.data.len == 0 || r.data.data[0] != '"')
            return bad_data(att->name);
        return tufi_json_string_content(&att->data, r.data, arena);
    }
    st = read_digest(&r);
    return st < 0 ? st : read_encoding(&r);
}

static bool inside(tuf_slice part, tuf_slice whole)
{
    return part.data >= whole.data && part.data <= whole.data + whole.len;
}

static tuf_status visit_element(tuf_slice key, tuf_slice value, void *ctx)
{
    struct element_list *list = ctx;
    if (list->count == list->cap) {
        struct element *grown = tufi_special_grow(list->elements, &list->cap,
                                                  sizeof(struct element), &list->doc->arena);
        if (!grown)
            return tufi_nomem();
        list->elements = grown;
    }
    if (!inside(key, list->text)) {
        key = tufi_arena_copy(&list->doc->arena, key);
        if (!key.data)
            return tufi_nomem();
    }
    struct element *element = &list->elements[list->count++];
    element->member = (struct json_member){
        .key = key.data,
        .key_len = key.len,
        .key_hash = tufi_json_key_hash(key),
    };
    element->value = value;
    return TUF_OK;
}

/* Marks all but the last element of each name. */
static tuf_status drop_duplicates(struct element_list *list)
{
    TUF_AUTOFREE struct json_member *members = tufi_alloc_array(list->count, sizeof(*members));
    if (!members)
        return tufi_nomem();
    for (size_t i = 0; i < list->count; i++)
        members[i] = list->elements[i].member;
    size_t dropped_count;
    tuf_status st = tufi_json_mark_duplicates(&dropped_count, members, list->count);
    if (st < 0)
        return st;
    for (size_t i = 0; i < list->count; i++)
        list->elements[i].member.dropped = members[i].dropped;
    return TUF_OK;
}

tuf_status tufi_special_attachments(struct scanned_doc *doc, tuf_slice value)
{
    struct element_list list = { .doc = doc, .text = value };
    tuf_status st = tufi_json_each(value, visit_element, &list);
    if (st < 0 || list.count == 0)
        return st;
    st = drop_duplicates(&list);
    if (st < 0)
        return st;
    size_t size;
    if (!mul_ok(&size, list.count, sizeof(struct scanned_att)))
        return tufi_nomem();
    doc->atts = tufi_arena_alloc(&doc->arena, size);
    if (!doc->atts)
        return tufi_nomem();
    memset(doc->atts, 0, size);
    for (size_t i = 0; i < list.count; i++) {
        const struct element *element = &list.elements[i];
        if (element->member.dropped || element->value.data[0] != '{')
            continue;
        struct scanned_att *att = &doc->atts[doc->att_count++];
        att->name = tuf_slice_of(element->member.key, element->member.key_len);
        st = read_att(att, element->value, &doc->arena);
        if (st < 0)
            return st;
    }
    return TUF_OK;
}

tuf_status tufi_special_check_names(const struct scanned_doc *doc)
{
    for (size_t i = 0; i < doc->att_count; i++) {
        tuf_slice name = doc->atts[i].name;
        if (name.len > 0 && name.data[0] == '_')
            return tufi_fail_kind(TUF_E_INVALID, "bad_request",
                                  "Attachment name '%.*s' starts with prohibited character '_'",
                                  (int)min_size(name.len, TUF_ERROR_TEXT_SIZE),
                                  (const char *)name.data);
    }
    return TUF_OK;
}
