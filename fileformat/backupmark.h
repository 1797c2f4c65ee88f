/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the file NAME.part beside a backup while something is appended to it: up to where the backup
 * is whole. What is missing behind that place is no damage.
 */
#ifndef FILEFORMAT_BACKUPMARK_H
#define FILEFORMAT_BACKUPMARK_H

#include "base/bytes.h"

/* Bytes of the file. */
#define BACKUP_MARK_SIZE 512u

struct backup_mark {
    uint64_t end;      /* of the log that was synced: at a sector */
    uint64_t last_off; /* of the last frame; 0: there is none */
};

void tufi_backup_mark_encode(uint8_t out[BACKUP_MARK_SIZE], const struct backup_mark *mark,
                             const uint8_t uuid[16]);
/* Returns TUF_OK; TUF_NOT_FOUND if the bytes are no mark for a backup of this file. */
tuf_status tufi_backup_mark_decode(struct backup_mark *out, const uint8_t in[BACKUP_MARK_SIZE],
                                   const uint8_t uuid[16]);

#endif
