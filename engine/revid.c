/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: hash an edit into its revision id (engine/revid.h).
 *
 *     83 6c 00000005  deleted  start  rev-or-0  body  atts  6a
 *
 * INV-RID-1: the id depends on the edit and its parent only, so the same edit made on two servers
 *            is one revision.
 * Source: see revid.h. The attachments are hashed in the reverse of their order in the document.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* MD5_*: a third of the cost of the EVP calls for 1 KB */
#include "engine/revid.h"

#include <openssl/md5.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/bytes.h"

/* The pieces in front of the body and behind it are small: they are collected, then hashed. */
static void write_atom(struct buf *b, const char *name)
{
    buf_append_u8(b, 0x64);
    write_be16(b, (uint16_t)strlen(name));
    buf_append_str(b, name);
}

static void write_binary(struct buf *b, tuf_slice bytes)
{
    buf_append_u8(b, 0x6d);
    write_be32(b, (uint32_t)bytes.len);
    buf_append_slice(b, bytes);
}

/* A generation: a byte, a 32-bit integer, or a big one. */
static void write_gen(struct buf *b, uint64_t gen)
{
    if (gen <= 255) {
        buf_append_u8(b, 0x61);
        buf_append_u8(b, (uint8_t)gen);
        return;
    }
    if (gen <= INT32_MAX) {
        buf_append_u8(b, 0x62);
        write_be32(b, (uint32_t)gen);
        return;
    }
    uint8_t bytes[8];
    uint8_t len = 0;
    for (; gen > 0; gen >>= 8)
        bytes[len++] = (uint8_t)gen;
    buf_append_u8(b, 0x6e);
    buf_append_u8(b, len);
    buf_append_u8(b, 0);
    tufi_buf_append(b, bytes, len);
}

static void write_head(struct buf *b, bool deleted, const tuf_rev *parent)
{
    static const uint8_t list_header[] = { 0x83, 0x6c, 0, 0, 0, 5 };
    tufi_buf_append(b, list_header, sizeof(list_header));
    write_atom(b, deleted ? "true" : "false");
    write_gen(b, parent ? parent->gen : 0);
    if (parent)
        write_binary(b, parent->id);
    else
        write_gen(b, 0);
}

static void write_atts(struct buf *b, const struct revid_att *atts, size_t count)
{
    if (count > 0) {
        buf_append_u8(b, 0x6c);
        write_be32(b, (uint32_t)count);
    }
    for (size_t i = count; i-- > 0;) {
        buf_append_u8(b, 0x68);
        buf_append_u8(b, 3);
        if (atts[i].hidden) {
            for (int part = 0; part < 3; part++)
                write_atom(b, "undefined");
            continue;
        }
        write_binary(b, atts[i].name);
        write_binary(b, atts[i].type);
        write_binary(b, tuf_slice_of(atts[i].md5, sizeof(atts[i].md5)));
    }
    buf_append_u8(b, 0x6a);
}

tuf_status tufi_revid_hash(uint8_t out[16], bool deleted, const tuf_rev *parent_or_null,
                           tuf_slice etf_body, const struct revid_att *atts, size_t count)
{
    TUF_AUTO(tufi_buf_release) struct buf b = BUF_INIT;
    tuf_assert(etf_body.len > 0);
    MD5_CTX md5;
    write_head(&b, deleted, parent_or_null);
    size_t head_len = b.len;
    write_atts(&b, atts, count);
    buf_append_u8(&b, 0x6a);
    if (b.failed)
        return tufi_nomem();
    int ok = MD5_Init(&md5); /* each is 1 or 0; those behind a failure do no harm */
    ok &= MD5_Update(&md5, b.data, head_len);
    ok &= MD5_Update(&md5, etf_body.data, etf_body.len);
    ok &= MD5_Update(&md5, b.data + head_len, b.len - head_len);
    ok &= MD5_Final(out, &md5);
    return ok ? TUF_OK : tufi_fail(TUF_E_INTERNAL, "the crypto library has no MD5");
}
