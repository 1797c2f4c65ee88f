/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: what the listing of documents offers to other handlers.
 */
#ifndef SERVER_HANDLERS_ALL_DOCS_H
#define SERVER_HANDLERS_ALL_DOCS_H

#include "server/http.h"

/* Answers GET or POST /db/_partition/P/_all_docs. */
void all_docs_of_partition(struct request *req, tuf_slice partition);

#endif
