/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: encode and decode a pin (pin.h).
 */
#include "fileformat/pin.h"

void tufi_pin_encode(uint8_t out[PIN_SIZE], const struct pin *pin)
{
    memcpy(out, pin->uuid, sizeof(pin->uuid));
    put_be64(out + 16, pin->checkpoint_off);
    put_be64(out + 24, pin->update_seq);
    put_be64(out + 32, pin->commit);
    put_be64(out + 40, pin->time_us);
}

tuf_status tufi_pin_decode(struct pin *out, tuf_slice value)
{
    if (value.len != PIN_SIZE)
        return tufi_corrupt(UINT64_MAX, "pin has %zu bytes instead of %u", value.len, PIN_SIZE);
    memcpy(out->uuid, value.data, sizeof(out->uuid));
    out->checkpoint_off = get_be64(value.data + 16);
    out->update_seq = get_be64(value.data + 24);
    out->commit = get_be64(value.data + 32);
    out->time_us = get_be64(value.data + 40);
    return TUF_OK;
}
