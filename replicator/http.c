/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see replicator/http.h.
 */
#include "replicator/http.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/bytes.h"

#define RETRY_FIRST_MS 250
#define RETRY_LONGEST_MS 30000
/* A transfer below this rate for the whole time-out is given up. */
#define SLOW_BYTES_PER_S 100L
/* One answer held in memory may take this many time-outs in all. */
#define TOTAL_TIMEOUTS 10

/* ---- addresses --------------------------------------------------------------------------- */

static bool v4_allowed(uint32_t a)
{
    /* 0/8 (this network), 169.254/16 (link-local, metadata), 224/3 (multicast, reserved,
     * broadcast) */
    return a >> 24 != 0 && a >> 16 != 0xa9fe && a >> 29 != 7;
}

bool repl_address_allowed(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof(in));
        return v4_allowed(ntohl(in.sin_addr.s_addr));
    }
    if (address->sa_family != AF_INET6)
        return false;
    struct sockaddr_in6 in6;
    memcpy(&in6, address, sizeof(in6));
    const uint8_t *b = in6.sin6_addr.s6_addr;
    static const uint8_t nothing[16];
    static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    static const uint8_t nat64[12] = { 0, 0x64, 0xff, 0x9b };
    static const uint8_t aws_metadata[16] = { 0xfd, 0, 0x0e, 0xc2, 0, 0, 0, 0,
                                              0,    0, 0,    0,    0, 2, 0x54 };
    if (memcmp(b, mapped, 12) == 0 || memcmp(b, nat64, 12) == 0)
        return v4_allowed(get_be32(b + 12));
    /* fe80::/10, ff00::/8, ::, fd00:ec2::/32 */
    return !(b[0] == 0xfe && (b[1] & 0xc0) == 0x80) && b[0] != 0xff &&
           memcmp(b, nothing, 16) != 0 && memcmp(b, aws_metadata, 4) != 0;
}

static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)ctx;
    (void)purpose;
    if (!repl_address_allowed(&address->addr))
        return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ---- one handle -------------------------------------------------------------------------- */

tuf_status repl_http_init(struct http *out, const struct endpoint *ep,
                          const struct http_limits *limits)
{
    out->ep = ep;
    out->limits = *limits;
    out->curl = curl_easy_init();
    return out->curl != NULL ? TUF_OK : tufi_nomem();
}

void repl_http_release(struct http *http)
{
    curl_easy_cleanup(http->curl);
    http->curl = NULL;
}

void repl_http_reply_release(struct http_reply *reply)
{
    tufi_buf_release(&reply->body);
}

static int on_progress(void *ctx, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal,
                       curl_off_t ulnow)
{
    const _Atomic bool *cancel = ctx;
    (void)dltotal;
    (void)dlnow;
    (void)ultotal;
    (void)ulnow;
    return cancel != NULL && *cancel;
}

struct curl_slist *repl_http_headers(const struct http *http, const char *line)
{
    /* "Expect:" keeps curl from waiting for a 100 Continue. */
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    const struct curl_slist *from = http->ep->headers;
    for (bool last = false; list != NULL && !last; from = from != NULL ? from->next : NULL) {
        last = from == NULL;
        struct curl_slist *more = curl_slist_append(list, last ? line : from->data);
        if (more == NULL)
            curl_slist_free_all(list);
        list = more;
    }
    return list;
}

static CURLcode set_safety(CURL *curl, const struct http *http)
{
    long seconds = (long)((http->limits.timeout_ms + 999) / 1000);
    CURLcode code = curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075500
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    /* A proxy of the environment would see credentials and hide the address that is checked. */
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_PROXY, "");
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_XFERINFODATA, (void *)(uintptr_t)http->limits.cancel);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)http->limits.timeout_ms);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES_PER_S);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, seconds);
    return code;
}

tuf_status repl_http_prepare(CURL *curl, const struct http *http,
                             const struct http_request *request, struct curl_slist *headers)
{
    TUF_AUTO(tufi_buf_release) struct buf url = BUF_INIT;
    tufi_buf_printf(&url, "%s%s", request->at_root ? http->ep->root : http->ep->url,
                    request->path);
    buf_append_u8(&url, 0);
    if (url.failed)
        return tufi_nomem();
    curl_easy_reset(curl);
    CURLcode code = set_safety(curl, http);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_URL, (const char *)url.data);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_USERAGENT, "Tuffet/0.1.0");
    return code == CURLE_OK ? TUF_OK : repl_http_failure(http, code);
}

/* ---- failures ---------------------------------------------------------------------------- */

tuf_status repl_http_failure(const struct http *http, CURLcode code)
{
    const char *where = http->ep->shown;
    if (code == CURLE_OUT_OF_MEMORY)
        return tufi_nomem();
    if (code == CURLE_ABORTED_BY_CALLBACK && *http->limits.cancel)
        return TUF_STOPPED;
    if (code == CURLE_COULDNT_RESOLVE_HOST)
        return tufi_fail_kind(TUF_E_IO, "nxdomain", "could not resolve %s", where);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return tufi_fail_kind(TUF_E_IO, "timeout", "no answer in time from %s", where);
    if (code == CURLE_COULDNT_CONNECT)
        return tufi_fail_kind(TUF_E_IO, "conn_failed", "could not connect to %s", where);
    return tufi_fail_kind(TUF_E_IO, "req_failed", "%s: %s", where, curl_easy_strerror(code));
}

bool repl_http_may_retry(tuf_status st, long http_status)
{
    if (st != TUF_OK)
        return st == TUF_E_IO;
    return http_status == 408 || http_status == 429 || (http_status >= 500 && http_status != 501);
}

tuf_status repl_sleep(uint64_t ms, const _Atomic bool *cancel)
{
    for (uint64_t left = ms; left > 0;) {
        uint64_t step = left < 50 ? left : 50;
        struct timespec time = { 0, (long)step * 1000000 };
        if (cancel != NULL && *cancel)
            return TUF_STOPPED;
        nanosleep(&time, NULL);
        left -= step;
    }
    return cancel != NULL && *cancel ? TUF_STOPPED : TUF_OK;
}

/* ---- a request with its answer in memory ------------------------------------------------- */

struct sink {
    struct buf *body;
    uint64_t size_max;
    bool too_long;
};

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
    struct sink *sink = ctx;
    size_t len = size * count;
    if (len > sink->size_max - sink->body->len) {
        sink->too_long = true;
        return 0;
    }
    tufi_buf_append(sink->body, data, len);
    return sink->body->failed ? 0 : len;
}

static CURLcode set_body(CURL *curl, const struct http_request *request, struct sink *sink,
                         const struct http *http)
{
    uint64_t total_ms = http->limits.timeout_ms * TOTAL_TIMEOUTS + request->wait_ms;
    CURLcode code = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_WRITEDATA, sink);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip");
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)total_ms);
    /* A longpoll is silent on purpose. */
    if (code == CURLE_OK && request->wait_ms > 0)
        code = curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME,
                                (long)((http->limits.timeout_ms + request->wait_ms) / 1000 + 1));
    if (code != CURLE_OK || !request->has_body)
        return code;
    code = curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
    if (code == CURLE_OK)
        code = curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
                                request->body.len > 0 ? (const char *)request->body.data : "");
    return code;
}

static tuf_status call_once(struct http_reply *out, struct http *http,
                            const struct http_request *request, struct curl_slist *headers)
{
    struct sink sink = { &out->body, request->size_max != 0 ? request->size_max : HTTP_SIZE_MAX,
                         false };
    tufi_buf_clear(&out->body);
    out->status = 0;
    tuf_status st = repl_http_prepare(http->curl, http, request, headers);
    if (st != TUF_OK)
        return st;
    CURLcode code = set_body(http->curl, request, &sink, http);
    if (code == CURLE_OK)
        code = curl_easy_perform(http->curl);
    if (sink.too_long)
        return tufi_fail_kind(TUF_E_LIMIT, "answer_too_large",
                              "%s answers with more than %llu bytes", http->ep->shown,
                              (unsigned long long)sink.size_max);
    if (out->body.failed)
        return tufi_nomem();
    if (code != CURLE_OK)
        return repl_http_failure(http, code);
    (void)curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &out->status);
    return TUF_OK;
}

tuf_status repl_http_call(struct http_reply *out, struct http *http,
                          const struct http_request *request)
{
    uint64_t pause_ms = RETRY_FIRST_MS;
    struct curl_slist *headers = repl_http_headers(http, "Accept: application/json");
    if (headers != NULL && request->has_body) {
        struct curl_slist *more = curl_slist_append(headers, "Content-Type: application/json");
        if (more == NULL)
            curl_slist_free_all(headers);
        headers = more;
    }
    if (headers == NULL)
        return tufi_nomem();
    tuf_status st = TUF_OK;
    for (unsigned attempt = 0;; attempt++) {
        st = call_once(out, http, request, headers);
        if (attempt >= http->limits.retries || !repl_http_may_retry(st, out->status) ||
            repl_sleep(pause_ms, http->limits.cancel) != TUF_OK)
            break;
        pause_ms = pause_ms * 2 < RETRY_LONGEST_MS ? pause_ms * 2 : RETRY_LONGEST_MS;
    }
    if (st != TUF_OK && *http->limits.cancel)
        st = TUF_STOPPED;
    curl_slist_free_all(headers);
    return st;
}
