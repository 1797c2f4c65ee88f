/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: fuzz what handlers read in header values: the first byte chooses Range, a sequence (Last-Event-ID),
 * Cookie, or lists and parameters (Accept, Content-Type, X-Forwarded-*); the rest is the value.
 *
 * Laws: a range lies within its resource; a sequence that was made here is read back, one that is read
 * is not beyond the newest; no cookie is accepted but one that the server made, and that one also behind
 * other cookies and in quotes; nothing of a header gets into a Location with a line end.
 */
#include <stdint.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "fuzz/workdir.h"
#include "replicator/multipart.h"
#include "server/config.h"
#include "server/handlers/ranges.h"
#include "server/old_secrets.h"
#include "server/request.h"
#include "server/seq.h"
#include "server/server.h"
#include "server/session.h"

#define NOW_S UINT64_C(1700000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct server server;

static void start_once(void)
{
    static char path[96];
    const char *const paths[] = { path };
    if (server.config)
        return;
    workdir_make();
    snprintf(path, sizeof(path), "%s/a.ini", workdir);
    FILE *f = fopen(path, "w");
    tuf_assert(f && fputs("[chttpd_auth]\nsecret = of tests\n", f) >= 0 && fclose(f) == 0);
    char local[sizeof(workdir) + 16];
    snprintf(local, sizeof(local), "%s/local.ini", workdir);
    tuf_assert(config_new(&server.config, paths, 1, local) == TUF_OK);
    server.old_secrets = old_secrets_new();
    tuf_assert(server.old_secrets);
}

static void try_ranges(tuf_slice value)
{
    struct ranges ranges;
    uint64_t length = value.len > 0 ? (uint64_t)1 << (value.data[0] % 64) : 0;
    if (ranges_parse(&ranges, value, length) != RANGES_OK)
        return;
    tuf_assert(ranges.count > 0 && ranges.count <= RANGES_MAX);
    for (size_t i = 0; i < ranges.count; i++) {
        tuf_assert(ranges.items[i].from <= ranges.items[i].to);
        tuf_assert(ranges.items[i].to < length);
    }
}

static void try_seq(tuf_slice value)
{
    static const uint8_t uuid[16] = "0123456789abcdef";
    TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
    struct seq_token token;
    uint64_t seq = 0, again = 0, newest = value.len * 1000;
    seq_token_of(&token, uuid);
    if (!seq_parse(&seq, value, &token, newest))
        return;
    seq_append(&text, seq, &token);
    tuf_assert(!text.failed);
    tuf_assert(seq_parse(&again, buf_slice(&text), &token, UINT64_MAX) && again == seq);
}

/* Whether a Cookie header of this value logs in. */
static bool logs_in(tuf_slice value, tuf_slice salt)
{
    struct header header = { tuf_str("Cookie"), value };
    struct request req = { .server = &server, .headers = &header, .header_count = 1 };
    struct session session;
    tuf_slice found;
    bool good = session_find(&found, &req) && session_decode(&session, &req, found);
    if (good) {
        tuf_assert(slice_starts(session.message, "") && session.name.len < session.message.len);
        good = session_check(&server, &session, salt, NOW_S + 1);
    }
    tufi_arena_release(&req.arena);
    return good;
}

static void try_cookie(tuf_slice value)
{
    TUF_AUTO(tufi_buf_release) struct buf made = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf line = BUF_INIT;
    tuf_slice salt = tuf_str("salt");
    tuf_assert(!logs_in(value, salt));
    if (memchr(value.data ? value.data : (const uint8_t *)"", ':', value.len))
        return; /* no name of a user who can have a cookie */
    tuf_assert(session_make(&made, &server, value, salt, NOW_S) == TUF_OK);
    tufi_buf_printf(&line, "other=1; AuthSession=\"");
    buf_append_slice(&line, buf_slice(&made));
    tufi_buf_printf(&line, "\"; AuthSession=later");
    tuf_assert(!line.failed && logs_in(buf_slice(&line), salt));
    tuf_assert(!logs_in(buf_slice(&line), tuf_str("pepper")));
}

static void try_lists(tuf_slice value)
{
    static const char *const names[] = { "Accept", "Content-Type", "X-Forwarded-Host", "X-Forwarded-Proto",
                                         "Host" };
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    TUF_AUTO(tufi_buf_release) struct buf param = BUF_INIT;
    struct header headers[5];
    struct request_priv priv = { 0 };
    struct request req = { .server = &server, .priv = &priv, .headers = headers, .header_count = 5 };
    for (size_t i = 0; i < 5; i++)
        headers[i] = (struct header){ tuf_str(names[i]), value };
    tuf_slice item, rest = value;
    size_t total = 0;
    while (request_next_item(&item, &rest, ','))
        total += item.len;
    tuf_assert(total <= value.len);
    bool json = request_accepts(&req, "application/json");
    tuf_assert(json == request_accepts(&req, "application/json"));
    if (header_param(&param, value, "boundary"))
        tuf_assert(param.len <= value.len);
    request_append_base_url(&out, &req);
    tuf_assert(out.failed || memchr(out.data, '\n', out.len) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const kinds[])(tuf_slice) = { try_ranges, try_seq, try_cookie, try_lists };
    if (size < 1 || size > 16384)
        return 0;
    for (size_t i = 1; i < size; i++)
        if (data[i] == '\n' || data[i] == '\r' || data[i] == 0)
            return 0; /* in no header value: fuzz_http */
    start_once();
    kinds[data[0] % 4](tuf_slice_of(data + 1, size - 1));
    return 0;
}
