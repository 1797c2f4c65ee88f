/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: whether a design document may be written: its members have the types that readers of
 * design documents rely on.
 *
 * Source: CouchDB's couch_mrview, for what is looked at, in which order, and the texts.
 * Not here: who may write one (docs_check_ddoc); whether functions compile.
 */
#ifndef SERVER_HANDLERS_DDOC_CHECK_H
#define SERVER_HANDLERS_DDOC_CHECK_H

#include "tuffet/types.h"

/*
 * Judges the text of a design document that the engine accepted.
 * Returns: TUF_OK; E_INVALID with kind "invalid_design_doc"; E_NOMEM.
 * Threads: any.
 */
tuf_status ddoc_check(tuf_slice json);

#endif
