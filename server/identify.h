/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: finds out who asks, from the Cookie and Authorization headers.
 */
#ifndef SERVER_IDENTIFY_H
#define SERVER_IDENTIFY_H

#include "server/http.h"

/*
 * Fills req->user and goes on with `then`, now or after a job; or answers 400, 401, 403 itself and
 * does not. Without credentials req->user stays nobody.
 */
void identify_user(struct request *req, void (*then)(struct request *req));

#endif
