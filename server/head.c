/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: finds, checks and parses the head of a request. See server/head.h.
 */
#include "server/head.h"

#include <strings.h>

#include "base/arith.h"

static bool refuse(struct head_error *error, int status, const char *reason)
{
    error->status = status;
    error->reason = reason;
    return false;
}

static bool is_alnum(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* tchar of RFC 9110 section 5.6.2; '-' is in nearly every name */
static bool is_token_char(uint8_t c)
{
    return is_alnum(c) || c == '-' || (c != 0 && strchr("!#$%&'*+.^_`|~", c) != NULL);
}

size_t head_scan(struct head_error *error, size_t *scanned, tuf_slice bytes)
{
    size_t pos = *scanned;
    error->status = 0;
    while (pos < bytes.len) {
        const uint8_t *lf = memchr(bytes.data + pos, '\n', bytes.len - pos);
        if (lf == NULL)
            break;
        size_t at = (size_t)(lf - bytes.data);
        if (at == 0 || bytes.data[at - 1] != '\r') {
            refuse(error, 400, "line does not end in CRLF");
            return 0;
        }
        if (at >= 3 && bytes.data[at - 2] == '\n') {
            if (at + 1 > HEAD_SIZE_MAX + HEAD_LINE_MAX)
                refuse(error, 431, "request header fields too large");
            return error->status == 0 ? at + 1 : 0;
        }
        pos = at + 1;
    }
    *scanned = pos;
    bool no_line_yet = memchr(bytes.data, '\n', min_size(bytes.len, HEAD_LINE_MAX + 2)) == NULL;
    if (no_line_yet && bytes.len > HEAD_LINE_MAX + 2)
        refuse(error, 414, "the request uri is too long");
    else if (bytes.len > HEAD_SIZE_MAX + HEAD_LINE_MAX ||
             (!no_line_yet && bytes.len - pos > HEAD_HEADER_MAX + 2))
        refuse(error, 431, "request header fields too large");
    return 0;
}

/* Takes "http://authority" off an absolute-form target. */
static bool parse_target(struct head *out, struct head_error *error, tuf_slice target)
{
    for (size_t i = 0; i < target.len; i++) {
        if (target.data[i] <= ' ' || target.data[i] >= 0x7f || target.data[i] == '#')
            return refuse(error, 400, "invalid character in the request target");
    }
    bool absolute = false;
    if (target.len > 8 && strncasecmp((const char *)target.data, "http://", 7) == 0) {
        target = tuf_slice_of(target.data + 7, target.len - 7);
        absolute = true;
    } else if (target.len > 9 && strncasecmp((const char *)target.data, "https://", 8) == 0) {
        target = tuf_slice_of(target.data + 8, target.len - 8);
        absolute = true;
    }
    if (absolute) {
        const uint8_t *slash = memchr(target.data, '/', target.len);
        target = slash != NULL ? tuf_slice_of(slash, target.len - (size_t)(slash - target.data))
                               : tuf_str("/");
    }
    if (target.len == 0 || (target.data[0] != '/' && !slice_is(target, "*")))
        return refuse(error, 400, "the request target is not a path");
    out->target = target;
    return true;
}

static bool parse_version(struct head *out, struct head_error *error, tuf_slice version)
{
    if (slice_is(version, "HTTP/1.1"))
        out->minor = 1;
    else if (slice_is(version, "HTTP/1.0"))
        out->minor = 0;
    else if (version.len == 8 && slice_starts(version, "HTTP/") && version.data[6] == '.' &&
             version.data[5] >= '0' && version.data[5] <= '9' && version.data[7] >= '0' &&
             version.data[7] <= '9')
        return refuse(error, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    else
        return refuse(error, 400, "malformed request line");
    out->keep_alive = out->minor == 1;
    return true;
}

static bool parse_request_line(struct head *out, struct head_error *error, tuf_slice line)
{
    if (line.len > HEAD_LINE_MAX)
        return refuse(error, 414, "the request uri is too long");
    const uint8_t *end = line.data + line.len;
    const uint8_t *space = memchr(line.data, ' ', line.len);
    if (space == NULL)
        return refuse(error, 400, "malformed request line");
    const uint8_t *second = memchr(space + 1, ' ', (size_t)(end - space - 1));
    if (second == NULL)
        return refuse(error, 400, "malformed request line");
    out->method = tuf_slice_of(line.data, (size_t)(space - line.data));
    if (out->method.len == 0 || out->method.len > 32)
        return refuse(error, 400, "malformed request line");
    for (size_t i = 0; i < out->method.len; i++) {
        if (!is_token_char(out->method.data[i]))
            return refuse(error, 400, "malformed request line");
    }
    return parse_version(out, error, tuf_slice_of(second + 1, (size_t)(end - second - 1))) &&
           parse_target(out, error, tuf_slice_of(space + 1, (size_t)(second - space - 1)));
}

static bool parse_header_line(struct header *out, struct head_error *error, tuf_slice line)
{
    if (line.len > HEAD_HEADER_MAX)
        return refuse(error, 431, "request header field too large");
    size_t name_len = 0;
    while (name_len < line.len && is_token_char(line.data[name_len]))
        name_len++;
    if (name_len == 0 || name_len == line.len || line.data[name_len] != ':')
        return refuse(error, 400, "malformed header line");
    tuf_slice value = tuf_slice_of(line.data + name_len + 1, line.len - name_len - 1);
    bool clean = true;
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.data[i];
        clean &= (c >= ' ' || c == '\t') & (c != 0x7f);
    }
    if (!clean)
        return refuse(error, 400, "control character in a header");
    out->name = tuf_slice_of(line.data, name_len);
    out->value = slice_trim(value, SLICE_OWS);
    return true;
}

static bool check_host(struct head_error *error, tuf_slice host)
{
    for (size_t i = 0; i < host.len; i++) {
        uint8_t c = host.data[i];
        bool plain = is_alnum(c) || c == '.' || c == ':';
        if (!plain && strchr("-_~%!$&'()*+,;=[]", c) == NULL)
            return refuse(error, 400, "invalid Host header");
    }
    const uint8_t *end = host.data + host.len;
    const uint8_t *name_end = host.data; /* where a port may begin */
    if (host.len > 0 && host.data[0] == '[')
        name_end = memchr(host.data, ']', host.len);
    const uint8_t *colon =
        name_end != NULL ? memchr(name_end, ':', (size_t)(end - name_end)) : NULL;
    for (const uint8_t *at = colon; at != NULL && ++at < end;) {
        if (*at < '0' || *at > '9')
            name_end = NULL;
    }
    return name_end != NULL || refuse(error, 400, "invalid Host header");
}

static bool check_length(struct head *out, struct head_error *error, tuf_slice value)
{
    if (out->has_length)
        return refuse(error, 400, "more than one Content-Length");
    uint64_t length;
    if (!parse_uint(&length, value) || length > (uint64_t)INT64_MAX)
        return refuse(error, 400, "malformed Content-Length");
    out->has_length = true;
    out->length = length;
    return true;
}

static bool check_transfer_encoding(struct head *out, struct head_error *error, tuf_slice value)
{
    if (out->chunked)
        return refuse(error, 400, "more than one Transfer-Encoding");
    if (out->minor == 0)
        return refuse(error, 400, "Transfer-Encoding in HTTP/1.0");
    if (!slice_is_nocase(value, "chunked"))
        return refuse(error, 501, "the only transfer coding is chunked");
    out->chunked = true;
    return true;
}

/* Connection is a list of tokens; close wins over keep-alive. */
static void read_connection(struct head *out, tuf_slice value, bool *close_seen)
{
    tuf_slice word;
    while (slice_next_item(&word, &value, ',')) {
        word = slice_trim(word, SLICE_OWS);
        if (slice_is_nocase(word, "close"))
            *close_seen = true;
        else if (slice_is_nocase(word, "keep-alive"))
            out->keep_alive = true;
    }
}

/* Looks at the headers that decide on framing. */
static bool check_headers(struct head *out, struct head_error *error)
{
    size_t hosts = 0;
    bool close_seen = false;
    for (size_t i = 0; i < out->header_count; i++) {
        tuf_slice name = out->headers[i].name;
        tuf_slice value = out->headers[i].value;
        if (slice_is_nocase(name, "Host")) {
            hosts++;
            if (!check_host(error, value))
                return false;
        } else if (slice_is_nocase(name, "Content-Length")) {
            if (!check_length(out, error, value))
                return false;
        } else if (slice_is_nocase(name, "Transfer-Encoding")) {
            if (!check_transfer_encoding(out, error, value))
                return false;
        } else if (slice_is_nocase(name, "Connection")) {
            read_connection(out, value, &close_seen);
        } else if (slice_is_nocase(name, "Expect")) {
            if (!slice_is_nocase(value, "100-continue"))
                return refuse(error, 417, "the only expectation is 100-continue");
            out->expect_continue = out->minor == 1;
        }
    }
    out->keep_alive = out->keep_alive && !close_seen;
    if (hosts > 1 || (hosts == 0 && out->minor == 1))
        return refuse(error, 400, "exactly one Host header is needed");
    if (out->chunked && out->has_length)
        return refuse(error, 400, "both Content-Length and Transfer-Encoding");
    return true;
}

static size_t count_lines(tuf_slice bytes)
{
    size_t count = 0;
    for (size_t i = 0; i < bytes.len; i++)
        count += bytes.data[i] == '\n';
    return count;
}

bool head_parse(struct head *out, struct head_error *error, struct arena *arena, tuf_slice bytes)
{
    struct head head = { .minor = 1 };
    size_t line_count = count_lines(bytes);
    if (line_count < 2 || bytes.len > HEAD_SIZE_MAX + HEAD_LINE_MAX ||
        line_count - 2 > HEAD_HEADERS_MAX)
        return refuse(error, 431, "too many request header fields");
    head.headers = tufi_arena_alloc(arena, line_count * sizeof(*head.headers));
    if (head.headers == NULL)
        return refuse(error, 503, "out of memory");
    size_t header_bytes = 0;
    for (size_t pos = 0; pos < bytes.len;) {
        const uint8_t *start = bytes.data + pos;
        const uint8_t *lf = memchr(start, '\n', bytes.len - pos);
        if (lf == NULL || lf == start || lf[-1] != '\r')
            return refuse(error, 400, "line does not end in CRLF");
        tuf_slice line = tuf_slice_of(start, (size_t)(lf - start) - 1);
        bool is_first = pos == 0;
        pos += line.len + 2;
        if (is_first) {
            if (!parse_request_line(&head, error, line))
                return false;
            continue;
        }
        if (line.len == 0)
            break;
        header_bytes += line.len + 2;
        if (header_bytes > HEAD_SIZE_MAX)
            return refuse(error, 431, "request header fields too large");
        if (!parse_header_line(&head.headers[head.header_count++], error, line))
            return false;
    }
    if (!check_headers(&head, error))
        return false;
    *out = head;
    return true;
}

static bool frames_message(tuf_slice name)
{
    return slice_is_nocase(name, "Content-Length") || slice_is_nocase(name, "Transfer-Encoding") ||
           slice_is_nocase(name, "Host") || slice_is_nocase(name, "Trailer");
}

bool head_parse_trailers(struct header **out, size_t *count, struct arena *arena, tuf_slice bytes)
{
    struct head_error ignored;
    size_t line_count = count_lines(bytes);
    *count = 0;
    if (line_count == 0 || line_count - 1 > HEAD_HEADERS_MAX)
        return false;
    *out = tufi_arena_alloc(arena, line_count * sizeof(**out));
    if (*out == NULL)
        return false;
    for (size_t pos = 0; pos < bytes.len;) {
        const uint8_t *start = bytes.data + pos;
        const uint8_t *lf = memchr(start, '\n', bytes.len - pos);
        if (lf == NULL || lf == start || lf[-1] != '\r')
            return false;
        tuf_slice line = tuf_slice_of(start, (size_t)(lf - start) - 1);
        pos += line.len + 2;
        if (line.len == 0)
            return pos == bytes.len;
        if (!parse_header_line(&(*out)[*count], &ignored, line) ||
            frames_message((*out)[*count].name))
            return false;
        ++*count;
    }
    return false;
}
