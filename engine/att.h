/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what the engine's parts share about attachments: where the bytes are, and the few calls into
 * the file that writing and reading them needs.
 *
 * An attachment's stored bytes (gzip or not) are cut into chunks of ATT_CHUNK_SIZE, each a record
 * with its own checksum. One chunk: the attachment points at it. More: it points at an index
 * record that lists them. None: the attachment is empty.
 *
 * Not here: the public calls (tuffet/attachment.h, attachment.c); how an attachment is listed in a
 * document record (fileformat/docrec.h); the index (fileformat/attindex.h).
 */
#ifndef ENGINE_ATT_H
#define ENGINE_ATT_H

#include "base/buf.h"
#include "fileformat/place.h"
#include "tuffet/attachment.h"

struct store;

/* Whoever refers to bytes of a file, and no version of the trees that is held does, has one: it keeps
 * the file open and its bytes where they are (open.c, trim.c). All zero: none. */
struct store_hold {
    struct store *store; /* holds a reference */
    unsigned slot;       /* of the store's counts */
};
/* For what a snapshot that is held now refers to, or what is written from now on. */
void tufi_hold_take(struct store_hold *out, struct store *store);
/* For what another hold keeps. */
void tufi_hold_copy(struct store_hold *out, const struct store_hold *from);
/* All zero is allowed. */
void tufi_hold_drop(struct store_hold *hold);

/* A finished stream (tuffet/attachment.h). */
struct tuf_blob {
    struct att_data data;
    uint8_t received_md5[16];
    struct store_hold hold; /* on the file that has it */
};

/*
 * Appends a chunk (or index) record to the log, without a sync. Takes the tail lock for the
 * write. Implemented by engine/store.c.
 * Returns: TUF_OK; E_FULL, E_IO, E_POISONED, E_READONLY, E_NOMEM.
 */
tuf_status tufi_store_append_chunk(struct store *store, tuf_slice payload, struct rec_loc *out);

/*
 * Reads a chunk or index record's payload and verifies its checksum.
 *   buf  loc.len bytes
 * Returns: TUF_OK; E_CORRUPT, E_IO.
 */
tuf_status tufi_store_read_chunk(struct store *store, struct rec_loc loc, void *buf);

/* The gzip level (0: never) and the type list of a database. */
int tufi_db_gzip_level(const tuf_db *db);
bool tufi_db_type_compressible(const tuf_db *db, tuf_slice type);

/* What a reader needs to know of an attachment of an open document; implemented by engine/doc.c. */
struct stored_att;
/* All attachments of an open document, in order. */
const struct stored_att *tufi_doc_stored_atts(const struct tuf_doc *doc, size_t *count_out);
/* Whether a revision is a leaf of an open document. */
bool tufi_doc_is_leaf(const struct tuf_doc *doc, tuf_rev rev);
tuf_status tufi_doc_att_data(struct att_data *out, const struct tuf_doc *doc, size_t pos);
tuf_snapshot *tufi_doc_snapshot(const struct tuf_doc *doc);
/* Holds / drops a snapshot for a reader that outlives its document; implemented by engine/db.c. */
void tufi_snapshot_ref(tuf_snapshot *snapshot);
void tufi_snapshot_unref(tuf_snapshot *snapshot);
struct store *tufi_snapshot_store(const tuf_snapshot *snapshot);

/*
 * Stores bytes that are wholly in memory (inline "data") as tuf_att_writer would: compresses what
 * is compressible and computes the digest, but writes nothing yet.
 *   stored_out  the bytes to store (compressed or a copy)
 *   out         everything but chunk_count and loc
 */
tuf_status tufi_att_prepare(struct att_data *out, struct buf *stored_out, const tuf_db *db_or_null,
                            tuf_slice type, tuf_slice bytes);

/*
 * Writes prepared bytes as chunks and completes data->chunk_count and data->loc.
 */
tuf_status tufi_att_store(struct att_data *data, struct store *store, tuf_slice stored);

/*
 * Copies an attachment's stored bytes, chunk by chunk, checksums verified, and gives data its new
 * place.
 *   put  appends a chunk (or index) and says where it is; same: where `from` has the same bytes, NULL if
 *        it has not
 */
typedef tuf_status att_put_chunk_fn(void *ctx, tuf_slice payload, const struct rec_loc *same,
                                    struct rec_loc *out);
/* Makes the failure that stands for an attachment's bytes which are lost (att_is_lost): E_CORRUPT. */
tuf_status tufi_att_lost(void);
/* Reads the list of an attachment's chunks: loc is that of the index. E_CORRUPT, E_IO, E_NOMEM. */
struct att_index;
tuf_status tufi_att_read_index(struct att_index *out, struct rec_loc loc, struct store *from);
tuf_status tufi_att_copy(struct att_data *data, struct store *from, att_put_chunk_fn *put,
                         void *ctx);

/* CouchDB's rule on a comma list of patterns such as "text/\*, application/json" (tested on the type
 * before ';', ASCII case ignored). */
bool tufi_type_matches(tuf_slice type, const char *patterns);
#define ATT_COMPRESSIBLE_DEFAULT                                                                   \
    "text/*, application/javascript, application/json, application/xml"

#endif
