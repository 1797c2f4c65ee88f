/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the bytes of one B+tree node in the file.
 *
 *   0  u8    format, NODE_FORMAT
 *   1  u8    kind: which tree
 *   2  u8    level, 0 = leaf
 *   3  u8    0
 *   4  be32  entry count N, at least 1
 *   8  be32  restart[ceil(N / 16)]: where entries 0, 16, 32... start, counted from byte 0
 *      entries, in strictly ascending key order:
 *        varint shared      bytes of the previous key that this key starts with; 0 at a restart
 *        varint unshared    bytes of the key that follow here
 *        leaf:  varint value length, key bytes, value bytes
 *        inner: key bytes, varint off, varint len, be32 crc, varint entry count,
 *               4 varints of reduction                       (all of the child)
 *
 * INV-NODE-1: the first entry of an inner node has the empty key: it stands for everything below
 *             the second one. Every other key is a separator: the subtree left of it holds smaller
 *             keys, its own subtree holds equal or greater ones.
 *
 * The node has no checksum of its own: its reference (in the parent or the header) holds length and
 * CRC-32C, so that a stale or misplaced node is noticed too.
 *
 * Not here: the node in memory (engine/bnode.h).
 */
#ifndef FILEFORMAT_NODE_H
#define FILEFORMAT_NODE_H

#include "base/buf.h"
#include "base/bytes.h"

#define NODE_FORMAT 1
#define NODE_HEADER_SIZE 8
#define NODE_RESTART_INTERVAL 16
#define NODE_KEY_SIZE_MAX 17000
#define NODE_LEVEL_MAX 31
#define NODE_REDUCTION_SLOTS 4
/* Longest encoded node: one entry of the largest size has room. */
#define NODE_SIZE_MAX (32u << 20)
/* Bytes of an inner entry besides its key, at most. */
#define NODE_CHILD_SIZE_MAX (2 * 3 + 10 + 5 + 4 + 10 + NODE_REDUCTION_SLOTS * 10)

struct node_header {
    uint8_t kind;
    uint8_t level;        /* 0..NODE_LEVEL_MAX */
    uint32_t entry_count; /* at least 1 */
};

/* What an inner entry says about its subtree. */
struct node_child {
    uint64_t off;         /* of the child's encoded node, never 0 */
    uint32_t len;         /* 1..NODE_SIZE_MAX */
    uint32_t crc;         /* CRC-32C of those bytes */
    uint64_t entry_count; /* leaf entries below, at least 1 */
    uint64_t reduction[NODE_REDUCTION_SLOTS];
};

struct node_encoder {
    struct buf *out;     /* borrowed; its error sticks */
    size_t start;        /* where the node begins in out */
    uint32_t done_count; /* entries written */
    struct node_header header;
    tuf_slice last_key; /* borrowed from the caller until the next entry */
};

/* Starts a node at the end of out. Exactly header->entry_count entries must follow, in key order;
 * each key must stay valid until the next one is given. Then check out->failed. */
void tufi_node_encode_start(struct node_encoder *e, struct buf *out,
                            const struct node_header *header);
void tufi_node_encode_leaf(struct node_encoder *e, tuf_slice key, tuf_slice value);
void tufi_node_encode_inner(struct node_encoder *e, tuf_slice key, const struct node_child *child);

struct node_decoder {
    struct reader in;
    const uint8_t *bytes; /* borrowed: the whole node */
    uint64_t off;         /* of the node in the file, for messages */
    struct node_header header;
    uint32_t done_count; /* entries read */
    size_t key_len;
    uint8_t key[NODE_KEY_SIZE_MAX]; /* of the last entry */
};

/* Reads the header. `bytes` must outlive the decoder. E_CORRUPT, with off. */
tuf_status tufi_node_decode_start(struct node_decoder *d, tuf_slice bytes, uint64_t off);
/* Deliver the entries in order. key_out is borrowed until the next call, value_out from the node.
 * TUF_END behind the last one, after checking that nothing follows it; E_CORRUPT. */
tuf_status tufi_node_decode_leaf(struct node_decoder *d, tuf_slice *key_out, tuf_slice *value_out);
tuf_status tufi_node_decode_inner(struct node_decoder *d, tuf_slice *key_out,
                                  struct node_child *child_out);

/*
 * Looks a key up in an encoded leaf without decoding it: a binary search among the restarts, then
 * at most 16 entries in a row. The leaf must have been accepted by the decoder once; of any other
 * the answer means nothing, but nothing outside of `bytes` is read.
 *   value_out  borrowed from bytes
 * Returns: whether the key is there.
 */
bool tufi_node_find(tuf_slice bytes, tuf_slice key, tuf_slice *value_out);

#endif
