/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the state of the canonical scanner, shared by the files that make it: canonical.c (text and
 * structure), etf.c (term bytes), dedup.c (duplicate keys), special.c (members such as "_rev").
 *
 * INV-SCAN-1: canonical text is never longer than the text it was made from. So one reservation of
 *             the input's size makes room for all of it, and pointers into it stay valid.
 */
#ifndef JSON_SCAN_H
#define JSON_SCAN_H

#include "json/token.h"

/* Containers open at once: a document is an object and JSON_DEPTH_MAX levels inside it. */
#define JSON_DOC_STACK_MAX (JSON_DEPTH_MAX + 1)
/* The same for other texts, which may wrap documents (a bulk request, a result row). */
#define JSON_STACK_MAX (JSON_DEPTH_MAX + 16)

/* Nesting up to which no memory is allocated. Small, because hardened builds zero the whole state
 * for each document. */
#define JSON_INLINE_DEPTH 16

/* A member of an open object. */
struct json_member {
    const uint8_t *key; /* its text between the quotes, canonical: equal keys have equal texts */
    size_t key_len;
    uint64_t key_hash; /* of the text; equal texts have equal hashes */
    size_t etf_off;    /* where its pair begins in the term bytes */
    uint64_t size_at;  /* scan.body_size before it */
    bool dropped;      /* a later member has the same key */
};

/* A container that is open. */
struct json_frame {
    size_t etf_off;     /* where its list begins in the term bytes */
    size_t member_pos;  /* its first member in scan.members */
    size_t value_count; /* members or elements so far */
    size_t byte_count;  /* elements that are integers in 0..255 */
    bool object;
};

/* Members of a document that are not body. */
enum json_special_kind {
    SPECIAL_ID,
    SPECIAL_REV,
    SPECIAL_REVISIONS,
    SPECIAL_ATTACHMENTS,
    SPECIAL_DELETED,
    SPECIAL_UNKNOWN, /* refused */
    SPECIAL_VALUE_COUNT,
    SPECIAL_IGNORED = SPECIAL_VALUE_COUNT, /* read-only members, sent back by clients */
    SPECIAL_BODY,                          /* begins with '_' but belongs to the body */
};

/* The last member of each kind (of SPECIAL_UNKNOWN: the first). */
struct json_special {
    size_t order;    /* from 1, in the order of the text; 0: absent */
    tuf_slice key;   /* canonical text between the quotes; only of SPECIAL_UNKNOWN, in the arena */
    tuf_slice value; /* raw text, part of the input */
};

struct scan {
    struct cursor c;
    uint8_t *out;       /* where the next canonical byte goes */
    struct buf *etf;    /* NULL: no term bytes wanted */
    uint64_t body_size; /* as CouchDB counts it */
    size_t depth;       /* open containers */
    size_t depth_max;
    struct json_member *members; /* of all open objects, outer first; owned */
    size_t member_count;
    size_t member_cap;
    struct arena *arena; /* NULL: nothing is split off */
    struct json_special specials[SPECIAL_VALUE_COUNT];
    size_t special_count;      /* specials met, repeated ones included */
    struct json_frame *frames; /* inline_frames, or owned if the nesting is deeper */
    size_t frame_cap;
    struct json_frame inline_frames[JSON_INLINE_DEPTH];
};

/*
 * Scans one value to its end (white space behind it included; nothing may follow). `out` needs room
 * for the whole input and JSON_COPY_SLACK bytes.
 */
tuf_status tufi_scan_run(struct scan *s);
void tufi_scan_init(struct scan *s, tuf_slice json, uint8_t *out, struct buf *etf);
void tufi_scan_release(struct scan *s);

/*
 * Marks all but the last of members with equal keys.
 *   dropped_out  how many are marked
 * Returns: TUF_OK; E_NOMEM.
 */
tuf_status tufi_json_mark_duplicates(size_t *dropped_out, struct json_member *members,
                                     size_t count);

/* A hash of a key's text, equal for equal texts. */
uint64_t tufi_json_key_hash(tuf_slice key);

/* Removes the marked members of the innermost object from the text, the term and the size. */
void tufi_scan_remove_dropped(struct scan *s, struct json_frame *f);

/* Which member of a document a key (canonical text between the quotes) is; it begins with '_'. */
enum json_special_kind tufi_special_kind(tuf_slice key);

/* Reads the members that were split off into doc. */
tuf_status tufi_special_apply(struct scanned_doc *doc, const struct scan *s);

/* Term bytes. All are sticky through buf.failed. */
void tufi_etf_integer(struct buf *etf, const struct json_number *number);
void tufi_etf_float(struct buf *etf, double value);
void tufi_etf_atom(struct buf *etf, const char *name, uint16_t len);
/* A binary whose content is canonical string text with escapes. */
void tufi_etf_escaped(struct buf *etf, tuf_slice text);
/* Ends the list of an array or object whose placeholder was written by json_etf_open. */
void tufi_etf_close(struct buf *etf, const struct json_frame *f);

/* Room for len term bytes, NULL when out of memory (the buffer remembers it). */
static inline uint8_t *etf_room(struct buf *etf, size_t len)
{
    if (len > etf->cap - etf->len && !tufi_buf_reserve(etf, len))
        return NULL;
    return etf->data + etf->len;
}

/* A list header whose count is filled in when the list ends. */
#define ETF_LIST_HEADER_SIZE 5

#endif
