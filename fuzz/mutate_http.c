/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: a mutator for targets whose input is what a client sends: bytes flipped at random hardly make a
 * second valid request, or a body of the length that its head says.
 *
 * One time in two libFuzzer's own mutation; else a request of the API's grammar is put in front, behind or in
 * the place of what is there, or the last body is mutated as JSON and its Content-Length made right.
 * Not here: anything of libFuzzer when the driver replays files; then nobody calls this.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "tests/sim/rng.h"

/* Of libFuzzer; NULL in a program that only replays. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size) __attribute__((weak));
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define PICK(rng, array) ((array)[rng_below((rng), COUNT(array))])

static const char *const methods[] = { "GET", "GET", "PUT", "PUT", "POST", "POST", "DELETE", "HEAD",
                                       "COPY", "OPTIONS" };
static const char *const dbs[] = { "db", "db", "db", "db2", "_users", "_replicator", "a%2Fb", "db/_snapshot/s" };
static const char *const tails[] = {
    "", "/doc", "/doc", "/doc/a.txt", "/_design/d", "/_local/l", "/_all_docs", "/_changes", "/_bulk_docs",
    "/_bulk_get", "/_revs_diff", "/_missing_revs", "/_purge", "/_security", "/_revs_limit", "/_compact",
    "/_ensure_full_commit", "/_design_docs", "/_local_docs", "/_purged_infos_limit", "/_find",
    "/_partition/p/_all_docs", "/_shards", "/_snapshot/s", "/_all_docs/queries", "/_design/d/_view/v"
};
static const char *const roots[] = { "/", "/_up", "/_all_dbs", "/_dbs_info", "/_session", "/_uuids",
                                     "/_active_tasks", "/_replicate", "/_scheduler/jobs", "/_scheduler/docs",
                                     "/_node/_local/_config", "/_node/_local/_stats", "/_db_updates",
                                     "/_membership", "/favicon.ico", "/_utils/" };
static const char *const params[] = {
    "rev=1-967a00dff5e02add41819138abb3284d", "new_edits=false", "open_revs=all",
    "open_revs=%5B%221-x%22%5D", "revs=true", "revs_info=true", "attachments=true", "conflicts=true",
    "include_docs=true", "descending=true", "limit=2", "skip=1", "startkey=%22a%22", "endkey=%22z%22",
    "key=%22doc%22", "keys=%5B%22doc%22%5D", "since=0", "since=now", "feed=normal", "feed=longpoll&timeout=1",
    "filter=_selector", "filter=_doc_ids", "style=all_docs", "update_seq=true", "batch=ok", "latest=true",
    "att_encoding_info=true", "q=2", "partitioned=true", "seq_interval=2", "inclusive_end=false"
};
static const char *const headers[] = {
    "Accept: application/json", "Accept: multipart/mixed", "Accept: multipart/related",
    "Content-Type: text/plain", "Content-Type: multipart/related; boundary=b", "If-Match: 1-x",
    "If-None-Match: \"x\"", "Range: bytes=0-3,5-", "Destination: copy", "Expect: 100-continue",
    "Content-Encoding: gzip", "Cookie: AuthSession=YWRtaW46NTE", "X-Couch-Full-Commit: false",
    "Origin: http://a", "Connection: close", "X-HTTP-Method-Override: PUT", "Accept-Encoding: gzip"
};
#define MULTIPART                                                                              \
    "--b\r\nContent-Type: application/json\r\n\r\n{\"_attachments\":{\"f\":{\"follows\":true," \
    "\"length\":2,\"content_type\":\"a/b\"}}}\r\n--b\r\n\r\nhi\r\n--b--"
static const char *const bodies[] = {
    "{}", "[]", "{\"_id\":\"doc\",\"a\":[1,-2.5e3,\"\\u00e9\",null]}", "{\"keys\":[\"doc\",\"x\"]}",
    "{\"docs\":[{\"_id\":\"doc\"},{\"a\":1},{\"_id\":\"x\",\"_deleted\":true}]}",
    "{\"new_edits\":false,\"docs\":[{\"_id\":\"doc\",\"_rev\":\"2-b\",\"_revisions\":{\"start\":2,\"ids\":[\"b\",\"a\"]}}]}",
    "{\"docs\":[{\"id\":\"doc\",\"rev\":\"1-x\"}]}", "{\"doc\":[\"1-x\",\"2-b\"]}",
    "{\"_attachments\":{\"a.txt\":{\"content_type\":\"text/plain\",\"data\":\"aGVsbG8=\"}}}",
    "{\"selector\":{\"a\":{\"$gt\":1},\"$or\":[{\"b\":null}]}}", "{\"doc_ids\":[\"doc\"]}",
    "{\"admins\":{\"names\":[\"a\"],\"roles\":[]},\"members\":{}}", "1000", "\"text\"",
    "{\"name\":\"a\",\"password\":\"b\"}", "{\"source\":\"db\",\"target\":\"db2\"}",
    "{\"queries\":[{\"limit\":1},{\"keys\":[\"doc\"]}]}", "{\"_id\":\"_design/d\",\"views\":{\"v\":{\"map\":\"x\"}}}",
    MULTIPART
};

static void add_request(struct buf *out, struct rng *rng)
{
    const char *method = PICK(rng, methods);
    if (rng_chance(rng, 4))
        tufi_buf_printf(out, "%s %s", method, PICK(rng, roots));
    else
        tufi_buf_printf(out, "%s /%s%s", method, PICK(rng, dbs), PICK(rng, tails));
    for (uint64_t i = rng_below(rng, 4), n = 0; n < i; n++)
        tufi_buf_printf(out, "%c%s", n == 0 ? '?' : '&', PICK(rng, params));
    buf_append_str(out, " HTTP/1.1\r\nHost: a\r\n");
    if (!rng_chance(rng, 8))
        buf_append_str(out, "Authorization: Basic YTpi\r\n");
    for (uint64_t i = rng_below(rng, 3); i > 0; i--)
        tufi_buf_printf(out, "%s\r\n", PICK(rng, headers));
    if (*method != 'P') {
        buf_append_str(out, "\r\n");
        return;
    }
    const char *body = PICK(rng, bodies);
    if (rng_chance(rng, 6))
        tufi_buf_printf(out, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n%s\r\n0\r\n\r\n", strlen(body), body);
    else
        tufi_buf_printf(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", strlen(body),
                        body);
}

/* The last Content-Length says how long what follows its head is. False if there is none. */
static bool mutate_last_body(struct buf *out, const uint8_t *data, size_t size, size_t max_size)
{
    static const char name[] = "Content-Length: ";
    const uint8_t *at = NULL;
    for (const uint8_t *from = data; (from = memmem(from, size - (size_t)(from - data), name, 16)); from++)
        at = from + 16;
    const uint8_t *end = at ? memmem(at, size - (size_t)(at - data), "\r\n\r\n", 4) : NULL;
    const uint8_t *line = end ? memmem(at, size - (size_t)(at - data), "\r\n", 2) : NULL;
    if (!line)
        return false;
    size_t len = size - (size_t)(end + 4 - data);
    uint8_t *body = tufi_alloc(max_size + 1);
    if (!body)
        return false;
    memcpy(body, end + 4, len);
    size_t room = max_size > size + 24 ? len + (max_size - size - 24) : len;
    len = LLVMFuzzerMutate(body, len, room > 0 ? room : 1);
    tufi_buf_append(out, data, (size_t)(at - data));
    tufi_buf_printf(out, "%zu", len);
    tufi_buf_append(out, line, (size_t)(end + 4 - line));
    tufi_buf_append(out, body, len);
    tufi_free(body);
    return true;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    struct rng rng = { seed };
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    if (!LLVMFuzzerMutate)
        return size;
    switch (rng_below(&rng, 8)) {
    case 0:
        add_request(&out, &rng);
        break;
    case 1:
        add_request(&out, &rng);
        tufi_buf_append(&out, data, size);
        break;
    case 2:
        tufi_buf_append(&out, data, size);
        buf_append_u8(&out, rng_chance(&rng, 4) ? 0xf9 : 0xf8);
        add_request(&out, &rng);
        break;
    case 3:
        if (!mutate_last_body(&out, data, size, max_size))
            return LLVMFuzzerMutate(data, size, max_size);
        break;
    default:
        return LLVMFuzzerMutate(data, size, max_size);
    }
    if (out.failed || out.len > max_size)
        return LLVMFuzzerMutate(data, size, max_size);
    memcpy(data, out.data, out.len);
    return out.len;
}
