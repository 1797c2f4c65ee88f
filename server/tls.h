/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: certificates and the settings of TLS: [ssl] cert_file, key_file, min_version, ciphers, and
 * [ssl:HOST] for clients that ask for that name.
 *
 * INV-TLS-1: TLS 1.2 at least, no renegotiation, no compression.
 * INV-TLS-2: certificates are replaced as a whole: if one of them cannot be read the old ones stay,
 *            and connections that stand keep theirs.
 * Source: OpenSSL's SSL_CTX_new(3) and neighbours.
 */
#ifndef SERVER_TLS_H
#define SERVER_TLS_H

#include <openssl/ssl.h>

#include "base/fail.h"

struct config;
struct tls;

/* Returns: TUF_OK; E_INVALID (a file that cannot be used, with its name); E_NOMEM. */
tuf_status tls_new(struct tls **out, struct config *config);
void tls_free(struct tls **tls);

/* Reads the files again. Any thread. */
tuf_status tls_reload(struct tls *tls, struct config *config);

/* The state of a new connection; NULL when out of memory. Any thread. */
SSL *tls_accept(struct tls *tls);

#endif
