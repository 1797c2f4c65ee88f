/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: everything an embedding program needs. See tuffet(3) and examples/.
 */
#ifndef TUFFET_TUFFET_H
#define TUFFET_TUFFET_H

#include "tuffet/status.h"
#include "tuffet/types.h"
#include "tuffet/db.h"
#include "tuffet/attachment.h"
#include "tuffet/edit.h"
#include "tuffet/doc.h"
#include "tuffet/backup.h"
#include "tuffet/check.h"
#include "tuffet/compact.h"
#include "tuffet/log.h"
#include "tuffet/pin.h"
#include "tuffet/salvage.h"

#define TUF_VERSION_STRING "0.1.0"

/*
 * The library's version, such as "0.1.0".
 * Ownership: static.
 * Threads: any.
 * Since: 0.1
 */
TUF_API const char *tuf_version(void);

#endif
