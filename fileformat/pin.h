/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: codec of a pin: the value of a row of class P in the local tree.
 */
#ifndef FILEFORMAT_PIN_H
#define FILEFORMAT_PIN_H

#include "base/bytes.h"

#define PIN_SIZE 48u

struct pin {
    uint8_t uuid[16];        /* of the file that holds the state */
    uint64_t checkpoint_off; /* in it; 0: the empty database */
    uint64_t update_seq;
    uint64_t commit;
    uint64_t time_us;        /* when it was made */
};

void tufi_pin_encode(uint8_t out[PIN_SIZE], const struct pin *pin);
/* E_CORRUPT. */
tuf_status tufi_pin_decode(struct pin *out, tuf_slice value);

#endif
