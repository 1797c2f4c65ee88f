/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: GET /_utils/...: the web interface. The files of [chttpd] utils_dir if it is set (Fauxton's
 * built release), else the page that is part of the program (server/www.h). And /favicon.ico.
 *
 * INV-UTL-1: no segment of a path that leaves its directory, or that is hidden, reaches the file
 *            system.
 * Source: CouchDB's chttpd_misc for headers and the answer to what is not there.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "server/config.h"
#include "server/etag.h"
#include "server/handlers.h"
#include "server/loop.h"
#include "server/server.h"
#include "server/work.h"
#include "server/www.h"

#define FILE_SIZE_MAX ((off_t)64 << 20) /* bytes; Fauxton's largest is about 4 MB */

/* CouchDB's, which Fauxton needs: it compiles templates. */
#define FAUXTON_POLICY                                                                             \
    "child-src 'self' data: blob:; default-src 'self'; img-src 'self' data:; font-src 'self'; "    \
    "script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "                          \
    "frame-src https://blog.couchdb.org;"
#define OWN_POLICY                                                                                 \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "                    \
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

struct page {
    struct buf path; /* in the file system */
    struct buf content;
    tuf_slice name; /* the path below /_utils/ */
};

/* "/_utils" without its slash: relative links of a page would lead elsewhere. */
static bool lacks_slash(const struct request *req)
{
    tuf_slice path = req->target;
    tuf_slice rest = path;
    slice_next_item(&path, &rest, '?');
    return req->seg_count == 1 && path.len > 0 && path.data[path.len - 1] != '/';
}

static void redirect(struct request *req)
{
    TUF_AUTO(tufi_buf_release) struct buf location = BUF_INIT;
    request_append_base_url(&location, req);
    buf_append_str(&location, "/_utils/");
    reply_header(req, "Location", buf_slice(&location));
    reply_empty(req, 301);
}

static void add_headers(struct request *req, const char *policy)
{
    reply_header(req, "Cache-Control", tuf_str("private, must-revalidate"));
    reply_content_policy(req, "utils", policy);
    reply_header_drop(req, "X-Couch-Request-ID");
    reply_header_drop(req, "X-CouchDB-Body-Time");
}

static void reply_missing(struct request *req, const char *policy)
{
    TUF_AUTO(tufi_buf_release) struct buf text = BUF_INIT;
    buf_append_str(&text, "Not found.");
    add_headers(req, policy);
    reply_bytes(req, 404, "text/plain", &text);
}

static void reply_file(struct request *req, tuf_slice name, struct buf *content, const char *policy)
{
    char etag[ETAG_SIZE];
    etag_of_bytes(etag, buf_slice(content));
    add_headers(req, policy);
    if (request_not_modified(req, etag))
        return;
    reply_header(req, "ETag", tuf_str(etag));
    reply_bytes(req, 200, www_type(name), content);
}

/* ---- our own page ------------------------------------------------------------------------ */

static void reply_own(struct request *req, tuf_slice name)
{
    TUF_AUTO(tufi_buf_release) struct buf content = BUF_INIT;
    tuf_slice file = www_find(name);
    if (file.data == NULL) {
        reply_missing(req, OWN_POLICY);
        return;
    }
    tufi_buf_append(&content, file.data, file.len);
    if (content.failed)
        reply_status(req, tufi_nomem());
    else
        reply_file(req, name, &content, OWN_POLICY);
}

/* ---- a directory ------------------------------------------------------------------------- */

static tuf_status read_all(struct buf *out, int fd)
{
    struct stat about;
    if (fstat(fd, &about) != 0)
        return tufi_fail_errno(errno, "cannot read a file of the web interface");
    if (!S_ISREG(about.st_mode) || about.st_size > FILE_SIZE_MAX)
        return TUF_NOT_FOUND;
    size_t size = (size_t)about.st_size;
    if (!tufi_buf_reserve(out, size + 1))
        return buf_status(out);
    while (out->len < size) {
        ssize_t got = read(fd, out->data + out->len, size - out->len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return tufi_fail_errno(errno, "cannot read a file of the web interface");
        if (got == 0)
            break;
        out->len += (size_t)got;
    }
    return TUF_OK;
}

/* On a worker. */
static tuf_status read_file(struct request *req)
{
    struct page *page = req->state;
    int fd = open((const char *)page->path.data, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return TUF_NOT_FOUND;
    tuf_status st = read_all(&page->content, fd);
    (void)close(fd);
    return st;
}

static void file_read(struct request *req, tuf_status status)
{
    struct page *page = req->state;
    if (status == TUF_NOT_FOUND)
        reply_missing(req, FAUXTON_POLICY);
    else if (status != TUF_OK)
        reply_status(req, status);
    else
        reply_file(req, page->name, &page->content, FAUXTON_POLICY);
}

static void page_cleanup(struct request *req)
{
    struct page *page = req->state;
    tufi_buf_release(&page->path);
    tufi_buf_release(&page->content);
    tufi_free(page);
}

/* INV-UTL-1. Segments are percent-decoded: a "%2F" in one is a slash by now. */
static bool is_safe(tuf_slice segment)
{
    return segment.len > 0 && segment.data[0] != '.' &&
           memchr(segment.data, '/', segment.len) == NULL &&
           memchr(segment.data, '\0', segment.len) == NULL;
}

static void reply_from_dir(struct request *req, tuf_slice dir)
{
    struct page *page = tufi_alloc_zero(sizeof(*page));
    if (page == NULL) {
        reply_status(req, tufi_nomem());
        return;
    }
    req->state = page;
    request_on_cleanup(req, page_cleanup);
    tufi_buf_append(&page->path, dir.data, dir.len);
    for (size_t i = 1; i < req->seg_count; i++) {
        if (!is_safe(req->segs[i])) {
            reply_missing(req, FAUXTON_POLICY);
            return;
        }
        buf_append_u8(&page->path, '/');
        tufi_buf_append(&page->path, req->segs[i].data, req->segs[i].len);
    }
    page->name = req->seg_count > 1 ? req->segs[req->seg_count - 1] : tuf_str("index.html");
    if (req->seg_count == 1)
        buf_append_str(&page->path, "/index.html");
    buf_append_u8(&page->path, '\0');
    if (page->path.failed)
        reply_status(req, tufi_nomem());
    else
        work_run(req, read_file, file_read);
}

void handle_utils(struct request *req)
{
    TUF_AUTO(tufi_buf_release) struct buf dir = BUF_INIT;
    if (lacks_slash(req))
        redirect(req);
    else if (config_get(&dir, req->server->config, "chttpd", "utils_dir") && dir.len > 0)
        reply_from_dir(req, buf_slice(&dir));
    else if (req->seg_count > 2)
        reply_missing(req, OWN_POLICY);
    else
        reply_own(req, req->seg_count == 2 ? req->segs[1] : tuf_str("index.html"));
}

void handle_favicon(struct request *req)
{
    char etag[ETAG_SIZE], expires[HTTP_DATE_SIZE];
    TUF_AUTO(tufi_buf_release) struct buf content = BUF_INIT;
    tuf_slice file = www_find(tuf_str("favicon.ico"));
    tufi_buf_append(&content, file.data, file.len);
    if (content.failed) {
        reply_status(req, tufi_nomem());
        return;
    }
    http_date(expires, time(NULL) + 365 * 24 * 60 * 60); /* a year */
    etag_of_bytes(etag, file);
    reply_header(req, "Cache-Control", tuf_str("public, max-age=31536000"));
    reply_header(req, "Expires", tuf_str(expires));
    if (request_not_modified(req, etag))
        return;
    reply_header(req, "ETag", tuf_str(etag));
    reply_bytes(req, 200, www_type(tuf_str("favicon.ico")), &content);
}
