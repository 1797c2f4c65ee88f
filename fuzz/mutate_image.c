/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: a mutator for targets whose input is a byte and a database file: works on frames, which bytes
 * flipped at random destroy rather than rearrange.
 *
 * Frames are removed, repeated, exchanged, cut off, their payloads mutated in place, and what a header points
 * at is set to the place of another frame. The target makes the checksums right where the first byte
 * says so, and that is mostly set here. One time in four it is libFuzzer's own mutation.
 */
#include <stdint.h>
#include <string.h>

#include "base/arith.h"
#include "fileformat/frame.h"
#include "tests/sim/rng.h"

/* Of libFuzzer; NULL in a program that only replays. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size) __attribute__((weak));
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

#define SECTOR 512u
#define FRAMES_MAX 256

struct piece {
    size_t off, len; /* in the image; sectors */
};

static size_t find_frames(struct piece out[FRAMES_MAX], const uint8_t *image, size_t size)
{
    size_t count = 0;
    for (size_t off = SUPERBLOCK_SIZE; off + FRAME_HEADER_SIZE <= size && count < FRAMES_MAX;) {
        uint64_t payload = min_u64(get_be64(image + off + 16), size - off - FRAME_HEADER_SIZE);
        size_t len = (size_t)align_up(FRAME_HEADER_SIZE + payload, SECTOR);
        out[count++] = (struct piece){ off, min_size(len, size - off) };
        off += len;
    }
    return count;
}

/* Returns the new size. */
static size_t repeat_frame(uint8_t *image, size_t size, size_t room, struct piece from, size_t to)
{
    if (size + from.len > room || from.len > SECTOR * 32)
        return size;
    uint8_t copy[SECTOR * 32];
    memcpy(copy, image + from.off, from.len);
    memmove(image + to + from.len, image + to, size - to);
    memcpy(image + to, copy, from.len);
    return size + from.len;
}

static size_t remove_frame(uint8_t *image, size_t size, struct piece what)
{
    memmove(image + what.off, image + what.off + what.len, size - what.off - what.len);
    return size - what.len;
}

static void exchange_bytes(uint8_t *image, struct piece a, struct piece b)
{
    for (size_t i = 0; i < min_size(a.len, b.len); i++) {
        uint8_t byte = image[a.off + i];
        image[a.off + i] = image[b.off + i];
        image[b.off + i] = byte;
    }
}

/* Commit number, durable and checkpoint offsets, sequence: of other frames, or off by one. */
static void change_header(uint8_t *head, struct rng *rng, struct piece other, const uint8_t *image)
{
    static const size_t fields[] = { 24, 32, 40, 56 };
    size_t field = fields[rng_below(rng, 4)];
    uint64_t values[] = { other.off, get_be64(head + field) + 1, get_be64(head + field) - 1, 0, UINT64_MAX,
                          get_be64(image + other.off + field) };
    put_be64(head + field, values[rng_below(rng, 6)]);
    if (rng_chance(rng, 4))
        head[4] = (uint8_t)rng_below(rng, 5);
}

static void mutate_payload(uint8_t *image, struct piece what)
{
    uint8_t *payload = image + what.off + FRAME_HEADER_SIZE;
    if (what.len > FRAME_HEADER_SIZE)
        (void)LLVMFuzzerMutate(payload, what.len - FRAME_HEADER_SIZE, what.len - FRAME_HEADER_SIZE);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    struct rng rng = { seed };
    struct piece frames[FRAMES_MAX];
    if (!LLVMFuzzerMutate)
        return size;
    size_t count = size > 1 ? find_frames(frames, data + 1, size - 1) : 0;
    if (count == 0 || rng_chance(&rng, 4))
        return LLVMFuzzerMutate(data, size, max_size);
    if (!rng_chance(&rng, 8))
        data[0] |= 1;
    uint8_t *image = data + 1;
    size_t len = size - 1;
    struct piece one = frames[rng_below(&rng, count)], other = frames[rng_below(&rng, count)];
    switch (rng_below(&rng, 8)) {
    case 0:
        len = remove_frame(image, len, one);
        break;
    case 1:
        len = repeat_frame(image, len, max_size - 1, one, other.off);
        break;
    case 2:
        exchange_bytes(image, one, other);
        break;
    case 3:
        len = one.off + (size_t)rng_below(&rng, one.len + 1);
        break;
    case 4:
    case 5:
        change_header(image + one.off, &rng, other, image);
        break;
    default:
        mutate_payload(image, one);
        break;
    }
    return len + 1;
}
