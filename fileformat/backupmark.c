/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: encode and decode the mark of a backup under way (backupmark.h).
 */
#include "fileformat/backupmark.h"

#include "base/crc32c.h"

static const uint8_t mark_magic[8] = { 'T', 'u', 'B', 'a', 'c', 'k', 0x0d, 0x0a };
#define MARK_USED 24u

static uint32_t mark_crc(const uint8_t *in, const uint8_t uuid[16])
{
    return tufi_crc32c(tufi_crc32c(0, uuid, 16), in, MARK_USED);
}

void tufi_backup_mark_encode(uint8_t out[BACKUP_MARK_SIZE], const struct backup_mark *mark,
                             const uint8_t uuid[16])
{
    memset(out, 0, BACKUP_MARK_SIZE);
    memcpy(out, mark_magic, sizeof(mark_magic));
    put_be64(out + 8, mark->end);
    put_be64(out + 16, mark->last_off);
    put_be32(out + MARK_USED, mark_crc(out, uuid));
}

tuf_status tufi_backup_mark_decode(struct backup_mark *out, const uint8_t in[BACKUP_MARK_SIZE],
                                   const uint8_t uuid[16])
{
    if (memcmp(in, mark_magic, sizeof(mark_magic)) != 0 ||
        get_be32(in + MARK_USED) != mark_crc(in, uuid))
        return TUF_NOT_FOUND;
    struct backup_mark mark = { get_be64(in + 8), get_be64(in + 16) };
    if (mark.end % 512 != 0 || mark.last_off >= mark.end)
        return TUF_NOT_FOUND;
    *out = mark;
    return TUF_OK;
}
