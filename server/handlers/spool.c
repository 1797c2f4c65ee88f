/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: see server/handlers/spool.h.
 */
#include "server/handlers/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "server/request.h"
#include "server/server.h"

#define WRITE_STEP ((size_t)256 * 1024)
#define PASS_STEP ((size_t)1 << 20)

/* ---- the file (worker) ------------------------------------------------------------------- */

/* Without a name at once. O_TMPFILE would save the name, but not every file system has it; a crash
 * in between leaves an empty file that no database is. */
static tuf_status open_file(struct spool *spool, const char *dir)
{
    TUF_AUTO(tufi_buf_release) struct buf path = BUF_INIT;
    tufi_buf_printf(&path, "%s/.spool-XXXXXX", dir);
    buf_append_u8(&path, 0);
    if (path.failed)
        return tufi_nomem();
    spool->file = mkostemp((char *)path.data, O_CLOEXEC); /* mode 0600 */
    if (spool->file < 0)
        return tufi_fail_errno(errno, "cannot make a temporary file in %s", dir);
    spool->has_file = true;
    unlink((char *)path.data);
    return TUF_OK;
}

static tuf_status write_bytes(struct spool *spool)
{
    size_t done = 0;
    while (done < spool->bytes.len) {
        ssize_t n = write(spool->file, spool->bytes.data + done, spool->bytes.len - done);
        if (n < 0 && errno != EINTR)
            return tufi_fail_errno(errno, "cannot write a temporary file");
        if (n > 0)
            done += (size_t)n;
    }
    tufi_buf_clear(&spool->bytes);
    return TUF_OK;
}

static tuf_status map_file(struct spool *spool)
{
    tuf_status st = write_bytes(spool);
    if (st != TUF_OK)
        return st;
    tufi_buf_release(&spool->bytes);
    void *map = mmap(NULL, (size_t)spool->size, PROT_READ, MAP_PRIVATE, spool->file, 0);
    if (map == MAP_FAILED)
        return tufi_fail_errno(errno, "cannot map a temporary file");
    spool->map = map;
    return TUF_OK;
}

/* ---- taking the body (worker) ------------------------------------------------------------ */

/* After bytes were added: `before` is how many waited before. */
static tuf_status took(struct spool *spool, struct request *req, size_t before)
{
    if (spool->bytes.failed)
        return tufi_nomem();
    spool->size += spool->bytes.len - before;
    if (spool->size > spool->size_max)
        return tufi_fail_kind(TUF_E_LIMIT, "too_large", "the request entity is too large");
    tuf_status st = TUF_OK;
    if (!spool->has_file && spool->bytes.len > SPOOL_MEMORY_MAX) {
        st = open_file(spool, req->server->data_dir);
        if (st == TUF_OK)
            st = write_bytes(spool);
        tufi_buf_release(&spool->bytes);
    }
    if (st == TUF_OK && spool->has_file && spool->bytes.len >= WRITE_STEP)
        st = write_bytes(spool);
    return st == TUF_OK ? body_hold(req, spool->bytes.cap) : st;
}

static tuf_status eat(struct request *req, tuf_slice bytes, bool last)
{
    struct spool *spool = req->state;
    tuf_status st = TUF_OK;
    while (st == TUF_OK && bytes.len > 0) {
        size_t before = spool->bytes.len;
        if (spool->decoder.gzip) {
            st = decoder_step(&spool->decoder, &spool->bytes, &bytes);
        } else {
            buf_append_slice(&spool->bytes, bytes);
            bytes.len = 0;
        }
        if (st == TUF_OK)
            st = took(spool, req, before);
    }
    if (st == TUF_OK && last)
        st = decoder_end(&spool->decoder);
    return st == TUF_OK && last && spool->has_file ? map_file(spool) : st;
}

static void finished(struct request *req, tuf_status status)
{
    struct spool *spool = req->state;
    if (status != TUF_OK)
        reply_status(req, status);
    else if (spool->map != NULL)
        spool->done(req, tuf_slice_of(spool->map, (size_t)spool->size));
    else
        spool->done(req, spool->bytes.len > 0 ? buf_slice(&spool->bytes) : tuf_str(""));
}

/* ---- interface --------------------------------------------------------------------------- */

void spool_start(struct request *req, uint64_t size_max,
                 void (*done)(struct request *req, tuf_slice body))
{
    struct spool *spool = req->state;
    spool->upload.eat = eat;
    spool->upload.finished = finished;
    spool->size_max = size_max;
    spool->done = done;
    if (decoder_start(&spool->decoder, req))
        upload_start(req, size_max);
}

void spool_pass(struct spool *spool, const uint8_t *pos)
{
    if (spool->map == NULL || (size_t)(pos - spool->map) < spool->passed + PASS_STEP)
        return;
    size_t upto = (size_t)(pos - spool->map) / PASS_STEP * PASS_STEP;
    (void)madvise(spool->map + spool->passed, upto - spool->passed, MADV_DONTNEED);
    spool->passed = upto;
}

void spool_rewind(struct spool *spool)
{
    spool->passed = 0;
}

void spool_release(struct spool *spool)
{
    upload_release(&spool->upload);
    decoder_release(&spool->decoder);
    tufi_buf_release(&spool->bytes);
    if (spool->map != NULL)
        munmap(spool->map, (size_t)spool->size);
    if (spool->has_file)
        close(spool->file);
}
