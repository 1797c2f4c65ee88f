/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: write and read attachments as streams, in constant memory.
 *
 * Bytes are written to the file while they arrive and become part of a document when an edit that
 * holds the finished blob is committed. A blob that is never committed is dead space until the
 * next compaction.
 */
#ifndef TUFFET_ATTACHMENT_H
#define TUFFET_ATTACHMENT_H

#include "tuffet/db.h"

typedef struct tuf_att_writer tuf_att_writer;
typedef struct tuf_blob tuf_blob;
typedef struct tuf_att_reader tuf_att_reader;

typedef struct tuf_att_options {
    size_t struct_size;
    tuf_slice type;    /* content type; decides whether the bytes are stored compressed */
    bool gzip;         /* the bytes written are gzip already and are stored as they are */
    bool raw;          /* never compress (bytes that follow a replicated document) */
    uint64_t size_max; /* E_LIMIT (kind "attachment_too_large") beyond; 0: no limit */
} tuf_att_options;

#define TUF_ATT_OPTIONS_INIT { .struct_size = sizeof(tuf_att_options) }

/* What is known of a finished blob. */
typedef struct tuf_blob_info {
    uint64_t length;         /* decoded bytes; equals encoded_length when gzip came from outside */
    uint64_t encoded_length; /* stored bytes */
    bool gzip;               /* stored compressed */
    uint8_t md5[16];         /* of the stored bytes */
    uint8_t received_md5[16];/* of the bytes as they were written by the caller */
} tuf_blob_info;

/*
 * Starts writing an attachment.
 * Returns: TUF_OK; E_READONLY, E_POISONED, E_NOMEM.
 * Ownership: free with tuf_att_writer_free, also after tuf_att_finish.
 * Threads: one at a time; commits of other threads go on meanwhile.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_att_writer_new(tuf_att_writer **out, tuf_db *db,
                                                   const tuf_att_options *opts);

/*
 * Appends bytes. Buffers up to 256 KiB, then writes them to the file.
 * Returns: TUF_OK; E_FULL, E_IO, E_LIMIT, E_POISONED, E_NOMEM.
 * Threads: one at a time.
 * Durability: none until the edit that holds the blob is committed.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_att_write(tuf_att_writer *writer, const void *data,
                                              size_t len);

/*
 * Ends the stream.
 * Returns: TUF_OK; as tuf_att_write.
 * Ownership: the blob is freed by the edit it is given to, or by tuf_blob_free.
 * Threads: one at a time.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_att_finish(tuf_blob **out, tuf_att_writer *writer);

/*
 * Frees a writer. NULL is allowed.
 * Threads: one at a time.
 * Since: 0.1
 */
TUF_API void tuf_att_writer_free(tuf_att_writer **writer);

/*
 * Describes a blob.
 * Threads: any.
 * Since: 0.1
 */
TUF_API void tuf_blob_get_info(tuf_blob_info *out, const tuf_blob *blob);

/*
 * Frees a blob. NULL is allowed.
 * Threads: one at a time.
 * Since: 0.1
 */
TUF_API void tuf_blob_free(tuf_blob **blob);

/* One attachment of a stored revision. Slices are borrowed from the tuf_doc. */
typedef struct tuf_att_info {
    tuf_slice name;
    tuf_slice type;          /* content type */
    uint64_t revpos;         /* generation in which it last changed */
    uint64_t length;         /* decoded bytes */
    uint64_t encoded_length; /* stored bytes */
    bool gzip;               /* stored compressed */
    uint8_t md5[16];         /* of the stored bytes */
} tuf_att_info;

struct tuf_doc;

enum tuf_att_read_flags {
    TUF_ATT_STORED = 0,  /* the stored bytes, gzip if they are stored so */
    TUF_ATT_DECODED = 1, /* inflate what is stored compressed; no seeking then */
};

/*
 * Opens the pos-th attachment of a document for reading.
 * Returns: TUF_OK; TUF_END (no such position); E_NOMEM, E_CORRUPT, E_IO.
 * Ownership: free with tuf_att_reader_free. It keeps its own snapshot: the document may go first,
 *            the database must not be closed before.
 * Threads: one at a time.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_att_open(tuf_att_reader **out, const struct tuf_doc *doc,
                                             size_t pos, unsigned flags);

/*
 * Moves to a byte of the stored bytes. Only without TUF_ATT_DECODED, or on an attachment that is
 * stored uncompressed.
 * Returns: TUF_OK; TUF_END (beyond the end); E_MISUSE.
 * Threads: one at a time.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_att_seek(tuf_att_reader *reader, uint64_t off);

/*
 * Reads on. Verifies the checksum of each chunk it touches.
 *   len_out  bytes delivered, at most `size`; fewer only at the end
 * Returns: TUF_OK (len_out > 0); TUF_END; E_CORRUPT, E_IO, E_NOMEM.
 * Threads: one at a time.
 * Since: 0.1
 */
TUF_API TUF_MUST_USE tuf_status tuf_att_read(size_t *len_out, tuf_att_reader *reader, void *buf,
                                             size_t size);

/*
 * Frees a reader. NULL is allowed.
 * Threads: one at a time.
 * Since: 0.1
 */
TUF_API void tuf_att_reader_free(tuf_att_reader **reader);

#endif
