/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: implements json/decimal.h.
 *
 * Groups of digits are the first numbers of one limb; then neighbours are joined, low + high *
 * 10^(digits of low), until one number is left. The products are Karatsuba's, so that the time for a
 * hostile number grows with n^1.6, not with its square.
 *
 * INV-DEC-1: a number of s groups fits s limbs, since 10^LIMB_DIGIT_COUNT is less than a limb's range.
 * Source: Knuth, The Art of Computer Programming 2, 4.3.3 and 4.4.
 */
#include "json/decimal.h"

#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"

#ifdef __SIZEOF_INT128__
typedef uint64_t limb;
__extension__ typedef unsigned __int128 wide;
#define LIMB_DIGIT_COUNT 19
#define LIMB_POWER UINT64_C(10000000000000000000)
#else
typedef uint32_t limb;
typedef uint64_t wide;
#define LIMB_DIGIT_COUNT 9
#define LIMB_POWER UINT32_C(1000000000)
#endif

#define LIMB_BITS (8 * sizeof(limb))
#define SCHOOL_COUNT 32 /* up to here the plain product is the faster one */

/* What one conversion works with, all in one allocation. */
struct work {
    limb *value;   /* count limbs: the numbers that are being joined */
    limb *power;   /* 10^LIMB_DIGIT_COUNT to the power of the limbs of one number */
    limb *product; /* count limbs */
    limb *scratch; /* of multiply() */
    size_t count;  /* a power of two */
};

/* a += b; returns the carry. */
static limb add_to(limb *a, const limb *b, size_t n)
{
    limb carry = 0;
    for (size_t i = 0; i < n; i++) {
        wide sum = (wide)a[i] + b[i] + carry;
        a[i] = (limb)sum;
        carry = (limb)(sum >> LIMB_BITS);
    }
    return carry;
}

/* out = a - b; returns the borrow. */
static limb subtract(limb *out, const limb *a, const limb *b, size_t n)
{
    limb borrow = 0;
    for (size_t i = 0; i < n; i++) {
        wide difference = (wide)a[i] - b[i] - borrow;
        out[i] = (limb)difference;
        borrow = (limb)(difference >> LIMB_BITS) & 1;
    }
    return borrow;
}

/* out = |a - b|; returns whether a < b. */
static bool distance(limb *out, const limb *a, const limb *b, size_t n)
{
    size_t i = n;
    while (i > 0 && a[i - 1] == b[i - 1])
        i--;
    bool less = i > 0 && a[i - 1] < b[i - 1];
    (void)subtract(out, less ? b : a, less ? a : b, n);
    return less;
}

static void multiply_plain(limb *out, const limb *a, const limb *b, size_t n)
{
    memset(out, 0, 2 * n * sizeof(*out));
    for (size_t i = 0; i < n; i++) {
        limb carry = 0;
        for (size_t j = 0; j < n; j++) {
            wide sum = (wide)a[i] * b[j] + out[i + j] + carry;
            out[i + j] = (limb)sum;
            carry = (limb)(sum >> LIMB_BITS);
        }
        out[i + n] = carry;
    }
}

/* out (2n limbs) = a * b (n limbs each, n a power of two); scratch has 4n limbs. */
static void multiply(limb *out, const limb *a, const limb *b, size_t n, limb *scratch)
{
    if (n <= SCHOOL_COUNT) {
        multiply_plain(out, a, b, n);
        return;
    }
    size_t half = n / 2;
    limb *middle = scratch + n;
    limb *rest = scratch + 2 * n;
    bool negative = distance(scratch, a, a + half, half);
    if (distance(scratch + half, b, b + half, half))
        negative = !negative;
    multiply(middle, scratch, scratch + half, half, rest);
    multiply(out, a, b, half, rest);
    multiply(out + n, a + half, b + half, half, rest);
    /* a0 b1 + a1 b0 = a0 b0 + a1 b1 - (a0 - a1)(b0 - b1) */
    memcpy(scratch, out, n * sizeof(*out));
    limb carry = add_to(scratch, out + n, n);
    if (negative)
        carry += add_to(scratch, middle, n);
    else
        carry -= subtract(scratch, scratch, middle, n);
    carry += add_to(out + half, scratch, n);
    for (size_t i = half + n; carry > 0; i++) {
        tuf_assert(i < 2 * n);
        out[i] += carry;
        carry = out[i] < carry;
    }
}

/* The digits in groups, the least significant first. Returns how many there are. */
static size_t read_groups(limb *groups, tuf_slice digits)
{
    size_t count = 0;
    size_t end = digits.len;
    while (end > 0) {
        size_t start = end > LIMB_DIGIT_COUNT ? end - LIMB_DIGIT_COUNT : 0;
        limb group = 0;
        for (size_t i = start; i < end; i++)
            group = group * 10 + (limb)(digits.data[i] - '0');
        groups[count++] = group;
        end = start;
    }
    return count;
}

/* Joins neighbours of `size` limbs each, as far as there are any (INV-DEC-1). */
static void join(struct work *w, size_t group_count, size_t size)
{
    for (size_t at = 0; at + size < group_count; at += 2 * size) {
        limb *low = w->value + at;
        multiply(w->product, low + size, w->power, size, w->scratch);
        limb carry = add_to(w->product, low, size);
        for (size_t i = size; carry > 0; i++) {
            tuf_assert(i < 2 * size);
            w->product[i] += carry;
            carry = w->product[i] == 0;
        }
        memcpy(low, w->product, 2 * size * sizeof(*low));
    }
}

static void write_bytes(struct buf *out, const limb *value, size_t count)
{
    while (count > 0 && value[count - 1] == 0)
        count--;
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[sizeof(limb)];
        size_t len = 0;
        for (limb left = value[i]; i + 1 < count ? len < sizeof(limb) : left > 0; left >>= 8)
            bytes[len++] = (uint8_t)left;
        tufi_buf_append(out, bytes, len);
    }
}

void tufi_decimal_bytes(struct buf *out, tuf_slice digits)
{
    struct work w = { .count = 1 };
    while (w.count < (digits.len + LIMB_DIGIT_COUNT - 1) / LIMB_DIGIT_COUNT)
        w.count *= 2;
    /* Numbers, product, power (the last half as long as the numbers), scratch for half of them. */
    TUF_AUTOFREE limb *all = tufi_alloc_array(5 * w.count, sizeof(limb));
    if (!all) {
        out->failed = true;
        return;
    }
    w.value = all;
    w.product = w.value + w.count;
    w.power = w.product + w.count;
    w.scratch = w.power + w.count;
    memset(w.value, 0, w.count * sizeof(*w.value));
    size_t group_count = read_groups(w.value, digits);
    w.power[0] = LIMB_POWER;
    for (size_t size = 1; size < w.count; size *= 2) {
        join(&w, group_count, size);
        if (2 * size < w.count) {
            multiply(w.product, w.power, w.power, size, w.scratch);
            memcpy(w.power, w.product, 2 * size * sizeof(limb));
        }
    }
    write_bytes(out, w.value, w.count);
}
