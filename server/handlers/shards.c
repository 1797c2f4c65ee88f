/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: _shards: the ranges of hashes into which a cluster would cut the database.
 *
 * A database of this server is one file, and this node has all of it. Who reads the ranges (tools
 * that copy a cluster, scripts that look where a document is) gets those of the q that the
 * database was created with.
 *
 * Source: CouchDB's mem3: equal ranges of 32 bits, the last one takes the rest; a document is where
 * the CRC-32 of its id falls, of its partition alone in a partitioned database.
 * Not here: what q has to be (db.c), where it is kept (server/dbs.h).
 */
#include <inttypes.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "server/dbs.h"
#include "server/handlers.h"
#include "server/server.h"

#define HASH_COUNT ((uint64_t)1 << 32)

static void append_range(struct buf *out, uint64_t pos, uint64_t count)
{
    uint64_t size = HASH_COUNT / count;
    uint64_t end = pos + 1 == count ? HASH_COUNT : (pos + 1) * size;
    tufi_buf_printf(out, "%08" PRIx64 "-%08" PRIx64, pos * size, end - 1);
}

/* The text of an id that decides its range. */
static tuf_slice hashed_part(const struct dbh *dbh, tuf_slice id)
{
    const uint8_t *colon = id.len > 0 ? memchr(id.data, ':', id.len) : NULL;
    if (!dbh_is_partitioned(dbh) || slice_starts(id, "_design/") || colon == NULL)
        return id;
    return tuf_slice_of(id.data, (size_t)(colon - id.data));
}

static uint64_t range_of(const struct dbh *dbh, tuf_slice id, uint64_t count)
{
    tuf_slice part = hashed_part(dbh, id);
    uint64_t pos = crc32_z(0, part.data, part.len) / (HASH_COUNT / count);
    return pos < count ? pos : count - 1;
}

void handle_shards(struct request *req)
{
    TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
    uint64_t count = dbh_shards(req->dbh);
    reply_header_drop(req, "X-Couch-Request-ID");
    reply_header_drop(req, "X-CouchDB-Body-Time");
    if (req->seg_count > 2) {
        buf_append_str(&json, "{\"range\":\"");
        append_range(&json, range_of(req->dbh, req->segs[2], count), count);
        tufi_buf_printf(&json, "\",\"nodes\":[\"%s\"]}", req->server->node_name);
    } else {
        buf_append_str(&json, "{\"shards\":{");
        for (uint64_t pos = 0; pos < count; pos++) {
            buf_append_str(&json, pos > 0 ? ",\"" : "\"");
            append_range(&json, pos, count);
            tufi_buf_printf(&json, "\":[\"%s\"]", req->server->node_name);
        }
        buf_append_str(&json, "}}");
    }
    reply_json(req, 200, &json);
}
