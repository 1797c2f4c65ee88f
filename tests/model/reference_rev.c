/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the revision id of an interactive edit, for the few shapes of bodies that the model writes:
 * the MD5 of [Deleted, OldStart, OldRev, Body, Atts] in Erlang's external term format.
 */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "tests/model/reference.h"

struct term {
    uint8_t bytes[4096];
    size_t len;
};

static void put(struct term *t, const void *data, size_t len)
{
    memcpy(t->bytes + t->len, data, len);
    t->len += len;
}

static void put_u8(struct term *t, uint8_t value)
{
    t->bytes[t->len++] = value;
}

static void put_u32(struct term *t, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        put_u8(t, (uint8_t)(value >> shift));
}

static void put_binary(struct term *t, const void *data, size_t len)
{
    put_u8(t, 0x6d);
    put_u32(t, (uint32_t)len);
    put(t, data, len);
}

static void put_int(struct term *t, uint64_t value)
{
    if (value <= 255) {
        put_u8(t, 0x61);
        put_u8(t, (uint8_t)value);
    } else if (value <= INT32_MAX) {
        put_u8(t, 0x62);
        put_u32(t, (uint32_t)value);
    } else { /* bodies are numbered below 2^32 */
        put_u8(t, 0x6e);
        put_u8(t, 4);
        put_u8(t, 0);
        for (int shift = 0; shift < 32; shift += 8)
            put_u8(t, (uint8_t)(value >> shift));
    }
}

static void put_body(struct term *t, uint32_t body)
{
    put(t, "\x68\x01", 2);
    if (body == 0) {
        put_u8(t, 0x6a);
        return;
    }
    char text[REF_BODY_SIZE_MAX];
    ref_body_text(text, body);
    const char *s = strstr(text, "\"s\":\"") + 5;
    put_u8(t, 0x6c);
    put_u32(t, 2);
    put(t, "\x68\x02", 2);
    put_binary(t, "v", 1);
    put_int(t, body);
    put(t, "\x68\x02", 2);
    put_binary(t, "s", 1);
    put_binary(t, s, strlen(s) - 2);
    put_u8(t, 0x6a);
}

static bool make_stored(uint8_t **out, size_t *len_out, const struct ref_att *att, int gzip_level)
{
    uint8_t *bytes = malloc(att->len + 1);
    if (!bytes)
        abort();
    ref_att_bytes(bytes, att);
    *out = bytes;
    *len_out = att->len;
    if (att->type != 1 || gzip_level <= 0)
        return false;
    z_stream z = { 0 };
    if (deflateInit2(&z, gzip_level, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
    size_t room = deflateBound(&z, att->len) + 64;
    uint8_t *packed = malloc(room);
    if (!packed)
        abort();
    z.next_in = bytes;
    z.avail_in = att->len;
    z.next_out = packed;
    z.avail_out = (uInt)room;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END)
        abort();
    *out = packed;
    *len_out = z.total_out;
    deflateEnd(&z);
    free(bytes);
    return true;
}

/* The same attachments are compared again and again, and compressing costs more than all the rest. */
bool ref_att_stored(uint8_t **out, size_t *len_out, const struct ref_att *att, int gzip_level)
{
    static struct {
        struct ref_att att;
        int gzip_level;
        uint8_t *bytes;
        size_t len;
        bool gzip;
    } cache[64], *slot;
    slot = &cache[(att->seed ^ att->len) % 64];
    if (!slot->bytes || slot->att.seed != att->seed || slot->att.len != att->len ||
        slot->att.type != att->type || slot->gzip_level != gzip_level) {
        free(slot->bytes);
        slot->gzip = make_stored(&slot->bytes, &slot->len, att, gzip_level);
        slot->att = *att;
        slot->gzip_level = gzip_level;
    }
    *out = malloc(slot->len + 1);
    if (!*out)
        abort();
    memcpy(*out, slot->bytes, slot->len);
    *len_out = slot->len;
    return slot->gzip;
}

/* An attachment of which only that it is there counts. */
static void put_hidden_att(struct term *t)
{
    put(t, "\x68\x03", 2);
    for (int part = 0; part < 3; part++)
        put(t, "\x64\0\x09undefined", 12);
}

static void put_atts(struct term *t, const struct ref_node *node, bool hidden, int gzip_level)
{
    if (node->att_count == 0) {
        put_u8(t, 0x6a);
        return;
    }
    put_u8(t, 0x6c);
    put_u32(t, node->att_count);
    for (size_t i = node->att_count; i > 0; i--) {
        const struct ref_att *att = &node->atts[i - 1];
        uint8_t *bytes, md5[16];
        size_t len;
        if (hidden) {
            put_hidden_att(t);
            continue;
        }
        (void)ref_att_stored(&bytes, &len, att, gzip_level);
        EVP_Digest(bytes, len, md5, NULL, EVP_md5(), NULL);
        free(bytes);
        put(t, "\x68\x03", 2);
        put_binary(t, ref_att_name(att->name), strlen(ref_att_name(att->name)));
        put_binary(t, ref_type_text(att->type), strlen(ref_type_text(att->type)));
        put_binary(t, md5, sizeof(md5));
    }
    put_u8(t, 0x6a);
}

void ref_rev_id(uint8_t out[16], const struct ref_edit *e, const struct ref_rev *parent,
                const struct ref_node *node, int gzip_level)
{
    struct term t = { .len = 0 };
    put(&t, "\x83\x6c\0\0\0\x05", 6);
    if (e->deleted)
        put(&t, "\x64\0\x04true", 7);
    else
        put(&t,
            "\x64\0\x05"
            "false",
            8);
    put_int(&t, parent ? parent->gen : 0);
    if (parent)
        put_binary(&t, parent->id, parent->len);
    else
        put_int(&t, 0);
    put_body(&t, e->body);
    /* Standing on a tombstone that the edit did not name: as CouchDB does. */
    put_atts(&t, node, parent && !e->has_rev, gzip_level);
    put_u8(&t, 0x6a);
    EVP_Digest(t.bytes, t.len, out, NULL, EVP_md5(), NULL);
}
