/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: password hashes: making, parsing, verifying, and a cache of verified ones.
 *
 * INV-PW-1: the cache holds no password, only keyed hashes of (name, password, stored hash): a
 *           changed password misses by itself.
 * Source: CouchDB's couch_passwords; RFC 8018 (PBKDF2).
 */
#ifndef SERVER_PASSWORD_H
#define SERVER_PASSWORD_H

#include "base/buf.h"
#include "tuffet/types.h"

#define SALT_SIZE 33         /* 32 hexadecimal digits and a NUL */
#define DERIVED_SIZE 129     /* of up to 64 bytes, and a NUL */
#define ITERATIONS_DEFAULT 600000
#define ITERATIONS_MAX 10000000

/* What is stored of a password. Slices are borrowed. */
struct stored_password {
    tuf_slice scheme;       /* "pbkdf2", "simple", "simple+pbkdf2"; empty: simple */
    tuf_slice prf;          /* "sha256" ...; empty: sha (SHA-1) */
    tuf_slice salt;
    tuf_slice derived_key;  /* hexadecimal */
    tuf_slice password_sha; /* hexadecimal, of the simple scheme */
    uint64_t iterations;    /* 0: 10000 */
};

/* COSTS as much as its iterations say: worker only. */
bool password_verify(const struct stored_password *stored, tuf_slice password);

/* Spends the time of a usual verification, for names that do not exist. */
void password_spend(tuf_slice password);

/* How a new hash is to be made. */
struct password_wish {
    bool simple;         /* the old scheme: hexadecimal SHA-1 of password and salt; the rest is not used */
    tuf_slice prf;       /* as above; empty: sha256 */
    uint64_t iterations;
    tuf_slice salt;      /* of SALT_SIZE - 1 bytes: this one; else a fresh one is made */
};

/* A key and its salt. COSTS. Returns: TUF_OK; E_INVALID (no such prf); E_INTERNAL. */
tuf_status password_make(char salt[SALT_SIZE], char derived[DERIVED_SIZE], tuf_slice password,
                         const struct password_wish *wish);

/* "-pbkdf2:sha256-KEY,SALT,ITERATIONS", "-pbkdf2-...", "-hashed-SHA,SALT". False: plain text. */
bool admin_password_parse(struct stored_password *out, tuf_slice text);
/* Appends the first form for a password, the last one for a simple wish. COSTS. */
tuf_status admin_password_make(struct buf *out, tuf_slice password,
                               const struct password_wish *wish);

struct password_cache;

struct password_cache *password_cache_new(void);
void password_cache_free(struct password_cache **cache);
bool password_cache_has(struct password_cache *cache, tuf_slice name, tuf_slice password,
                        const struct stored_password *stored);
void password_cache_add(struct password_cache *cache, tuf_slice name, tuf_slice password,
                        const struct stored_password *stored);

#endif
