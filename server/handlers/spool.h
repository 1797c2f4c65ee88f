/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: takes a whole body whose size is not known to be small: up to SPOOL_MEMORY_MAX it is kept
 * in memory, beyond that it goes to a nameless file of the data directory while it arrives, and is
 * mapped at the end.
 *
 * INV-SP-1: the file has no name, so that it ends with the request or with the process.
 * INV-SP-2: of the body no more than SPOOL_MEMORY_MAX and some pieces is ever in memory, and the
 *           pages of the mapping that spool_pass has not given back.
 */
#ifndef SERVER_HANDLERS_SPOOL_H
#define SERVER_HANDLERS_SPOOL_H

#include "server/decoder.h"
#include "server/handlers/upload.h"

#define SPOOL_MEMORY_MAX ((size_t)8 << 20)

/* Must be the first member of what req->state points at. */
struct spool {
    struct upload upload; /* first */
    struct body_decoder decoder;
    struct buf bytes;   /* the body; of a spooled one what is to be written next */
    uint64_t size;      /* inflated bytes so far */
    uint64_t size_max;
    bool has_file;
    int file;
    uint8_t *map;       /* the whole file */
    size_t passed;      /* bytes of the map whose pages were given back */
    void (*done)(struct request *req, tuf_slice body);
};

/*
 * Reads and inflates the body on workers, then calls done on the loop as body_collect does.
 * Errors are answered as body_collect answers them; 507 if there is no room for the file.
 */
void spool_start(struct request *req, uint64_t size_max,
                 void (*done)(struct request *req, tuf_slice body));

/* Gives back the pages in front of a position of the mapped body; harmless for one in memory. The
 * bytes stay valid. Any thread, one at a time. */
void spool_pass(struct spool *spool, const uint8_t *pos);
/* The next walk begins at the front again. */
void spool_rewind(struct spool *spool);

/* For the request's cleanup. */
void spool_release(struct spool *spool);

#endif
