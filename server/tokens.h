/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: who asks, as said by somebody else: a proxy's headers, or a JSON Web Token.
 *
 * INV-TOKENS-1: neither counts unless [chttpd] authentication_handlers names it.
 * INV-TOKENS-2: a proxy's word counts with its HMAC only, unless the files say
 *            "proxy_use_secret = false"; it never makes a server admin unless
 *            "proxy_allow_admin = true".
 * Source: CouchDB's proxy_authentication_handler and jwt_authentication_handler.
 * Difference: CouchDB believes the headers of everybody unless proxy_use_secret is set.
 */
#ifndef SERVER_TOKENS_H
#define SERVER_TOKENS_H

#include "server/http.h"

/* Fills req->user if there are such credentials. False when it has answered 400 or 401. */
bool tokens_identify(struct request *req);

#endif
