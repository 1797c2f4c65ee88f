/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the text form of revisions (tuffet/types.h).
 *
 * INV-REV-1: a usual revision, formatted and parsed again, is the same; its digits come out in
 *            lower case.
 * Source: CouchDB's couch_doc module. As there, an id of 16 characters is printed as the hex of its
 * bytes, so such a (never generated) text id does not survive a round trip. Unlike there, an id has
 * no control characters: each revision must fit into an ETag.
 */
#include "base/bytes.h"
#include "base/fail.h"
#include "base/hex.h"
#include "tuffet/types.h"

#define REV_GEN_MAX ((uint64_t)1 << 53)
#define REV_HEX_LEN 32

static tuf_status bad_format(void)
{
    return tufi_fail_kind(TUF_E_INVALID, "bad_request", "Invalid rev format");
}

/* Reads the digits before the dash; returns their count, 0 if there is no generation and dash. */
static size_t parse_gen(uint64_t *out, tuf_slice text)
{
    uint64_t gen = 0;
    size_t pos = 0;
    for (; pos < text.len && text.data[pos] >= '0' && text.data[pos] <= '9'; pos++) {
        gen = gen * 10 + (uint64_t)(text.data[pos] - '0');
        if (gen > REV_GEN_MAX)
            return 0;
    }
    *out = gen;
    return pos < text.len && text.data[pos] == '-' ? pos : 0;
}

tuf_status tuf_rev_parse(tuf_revbuf *out, tuf_slice text)
{
    tufi_error_clear();
    uint64_t gen;
    size_t gen_len = parse_gen(&gen, text);
    if (gen_len == 0)
        return bad_format();
    tuf_slice id = tuf_slice_of(text.data + gen_len + 1, text.len - gen_len - 1);
    if (id.len == 0 || id.len > TUF_REV_ID_SIZE_MAX)
        return bad_format();
    size_t id_len = id.len;
    bool hex = id.len == REV_HEX_LEN && tufi_hex_decode(out->bytes, (const char *)id.data, id.len);
    if (hex) {
        id_len = REV_HEX_LEN / 2;
    } else {
        /* Generation 0 is a local document's, whose id is a counter and never a digest. */
        if ((id.len == REV_HEX_LEN && gen > 0) || slice_has_control(id))
            return bad_format();
        memcpy(out->bytes, id.data, id.len);
    }
    out->rev.gen = gen;
    out->rev.id = tuf_slice_of(out->bytes, id_len);
    return TUF_OK;
}

size_t tuf_rev_format(char out[TUF_REV_TEXT_SIZE], tuf_rev rev)
{
    char digits[20];
    size_t digit_count = 0;
    uint64_t gen = rev.gen;
    do {
        digits[digit_count++] = (char)('0' + gen % 10);
        gen /= 10;
    } while (gen > 0);
    size_t len = 0;
    while (digit_count > 0)
        out[len++] = digits[--digit_count];
    out[len++] = '-';
    if (rev.id.len == REV_HEX_LEN / 2) {
        tufi_hex_encode(out + len, rev.id.data, rev.id.len);
        len += REV_HEX_LEN;
    } else {
        size_t id_len = rev.id.len < TUF_REV_ID_SIZE_MAX ? rev.id.len : TUF_REV_ID_SIZE_MAX;
        if (id_len > 0)
            memcpy(out + len, rev.id.data, id_len);
        len += id_len;
    }
    out[len] = '\0';
    return len;
}

int tuf_rev_compare(tuf_rev a, tuf_rev b)
{
    if (a.gen != b.gen)
        return a.gen < b.gen ? -1 : 1;
    size_t common = a.id.len < b.id.len ? a.id.len : b.id.len;
    int order = common > 0 ? memcmp(a.id.data, b.id.data, common) : 0;
    if (order != 0)
        return order;
    return a.id.len < b.id.len ? -1 : a.id.len > b.id.len;
}
