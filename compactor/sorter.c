/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: sorting in bounded memory (sorter.h).
 *
 * An entry is: varint key length, varint value length, key, value; in memory and in runs alike. Each
 * run is read through a buffer of its own, and a heap says whose entry comes next.
 * Source: Knuth, The Art of Computer Programming, vol. 3, 5.4: external merge sort.
 */
#include "compactor/sorter.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "vfs/vfs.h"

#define WRITE_SIZE (1u << 20)
#define READ_SIZE_MIN 4096u
#define READ_SIZE_MAX (1u << 20)

struct item {
    uint64_t head; /* first eight bytes of the key, zero-padded: mostly enough to compare */
    const uint8_t *entry;
};

struct run {
    uint64_t off, end; /* what is not in the buffer yet */
    uint32_t crc_want, crc;
    struct buf buf;
    size_t pos;        /* of the next entry in it */
    tuf_slice key, value;
    uint64_t head;
};

struct sorter {
    const struct tuf_vfs *vfs;
    const char *path;
    size_t memory;
    struct vfs_file *file; /* NULL: everything fits into memory */
    uint64_t file_end;
    struct buf entries;
    size_t *places;        /* of the entries */
    size_t count, cap;
    struct item *items;    /* sorted */
    size_t next_item;
    bool sorted;
    struct run *runs;
    size_t run_count, run_cap;
    size_t *heap; /* numbers of runs that have an entry, the smallest first */
    size_t heap_count;
    bool started; /* the heap's first entry was delivered */
};

tuf_status tufi_sorter_new(struct sorter **out, const struct tuf_vfs *vfs, const char *path,
                           size_t memory)
{
    struct sorter *s = tufi_alloc_zero(sizeof(*s));
    if (!s)
        return tufi_nomem();
    s->vfs = vfs;
    s->path = path;
    s->memory = memory;
    *out = s;
    return TUF_OK;
}

void tufi_sorter_free(struct sorter **sorter)
{
    struct sorter *s = *sorter;
    *sorter = NULL;
    if (!s)
        return;
    if (s->file) {
        s->file->ops->close(s->file);
        tuf_error error = *tuf_last_error();
        if (s->vfs->unlink(s->vfs, s->path) < 0)
            tufi_error_restore(&error); /* the next opening removes it */
    }
    for (size_t i = 0; i < s->run_count; i++)
        tufi_buf_release(&s->runs[i].buf);
    tufi_buf_release(&s->entries);
    tufi_free(s->places);
    tufi_free(s->items);
    tufi_free(s->runs);
    tufi_free(s->heap);
    tufi_free(s);
}

static uint64_t head_of(tuf_slice key)
{
    uint8_t bytes[8] = { 0 };
    if (key.len > 0)
        memcpy(bytes, key.data, min_size(key.len, sizeof(bytes)));
    return get_be64(bytes);
}

static tuf_slice key_of(const uint8_t *entry)
{
    struct reader in = { entry, entry + 2 * VARINT_SIZE_MAX, false };
    uint64_t len = read_varint(&in);
    (void)read_varint(&in);
    return tuf_slice_of(in.pos, (size_t)len);
}

static int compare_items(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    if (x->head != y->head)
        return x->head < y->head ? -1 : 1;
    return slice_compare(key_of(x->entry), key_of(y->entry));
}

/* Puts what is in memory in order. */
static tuf_status sort_items(struct sorter *s)
{
    tufi_free(s->items);
    s->items = tufi_alloc_array(s->count, sizeof(*s->items));
    if (!s->items)
        return tufi_nomem();
    for (size_t i = 0; i < s->count; i++) {
        const uint8_t *entry = s->entries.data + s->places[i];
        s->items[i] = (struct item){ head_of(key_of(entry)), entry };
    }
    if (s->count > 1)
        qsort(s->items, s->count, sizeof(*s->items), compare_items);
    return TUF_OK;
}

/* ---- writing runs ------------------------------------------------------------------------------ */

static size_t entry_len(const uint8_t *entry)
{
    struct reader in = { entry, entry + 2 * VARINT_SIZE_MAX, false };
    uint64_t key_len = read_varint(&in);
    uint64_t value_len = read_varint(&in);
    return (size_t)(in.pos - entry) + (size_t)(key_len + value_len);
}

static tuf_status flush_run(struct sorter *s, struct run *run, struct buf *out)
{
    tuf_status st = buf_status(out);
    if (st == TUF_OK)
        st = tufi_vfs_write(s->file, out->data, out->len, s->file_end);
    if (st < 0)
        return st;
    run->crc_want = tufi_crc32c(run->crc_want, out->data, out->len);
    s->file_end += out->len;
    tufi_buf_clear(out);
    return TUF_OK;
}

static tuf_status add_run(struct sorter *s)
{
    if (s->run_count == s->run_cap) {
        size_t cap = s->run_cap > 0 ? s->run_cap * 2 : 16;
        struct run *more = tufi_realloc(s->runs, cap * sizeof(*more));
        if (!more)
            return tufi_nomem();
        s->runs = more;
        s->run_cap = cap;
    }
    s->runs[s->run_count++] = (struct run){ .off = s->file_end };
    return TUF_OK;
}

static tuf_status spill(struct sorter *s)
{
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    tuf_status st = TUF_OK;
    if (!s->file)
        st = tufi_fold(s->vfs->open(s->vfs, s->path, VFS_CREATE, &s->file));
    if (st == TUF_OK)
        st = sort_items(s);
    if (st == TUF_OK)
        st = add_run(s);
    if (st < 0)
        return st;
    struct run *run = &s->runs[s->run_count - 1];
    for (size_t i = 0; st == TUF_OK && i < s->count; i++) {
        tufi_buf_append(&out, s->items[i].entry, entry_len(s->items[i].entry));
        if (out.len >= WRITE_SIZE)
            st = flush_run(s, run, &out);
    }
    if (st == TUF_OK)
        st = flush_run(s, run, &out);
    run->end = s->file_end;
    s->count = 0;
    tufi_buf_clear(&s->entries);
    return st;
}

tuf_status tufi_sorter_add(struct sorter *s, tuf_slice key, tuf_slice value)
{
    if (s->count > 0 && s->entries.len + key.len + value.len > s->memory) {
        tuf_status st = spill(s);
        if (st < 0)
            return st;
    }
    if (s->count == s->cap) {
        size_t cap = s->cap > 0 ? s->cap * 2 : 1024;
        size_t *more = tufi_realloc(s->places, cap * sizeof(*more));
        if (!more)
            return tufi_nomem();
        s->places = more;
        s->cap = cap;
    }
    s->places[s->count++] = s->entries.len;
    write_varint(&s->entries, key.len);
    write_varint(&s->entries, value.len);
    buf_append_slice(&s->entries, key);
    buf_append_slice(&s->entries, value);
    /* Whoever reads lengths may look beyond the entry, never beyond the memory. */
    (void)tufi_buf_reserve(&s->entries, 2 * VARINT_SIZE_MAX);
    return buf_status(&s->entries);
}

/* ---- merging ----------------------------------------------------------------------------------- */

/* Has at least `need` bytes behind run->pos in the buffer. */
static tuf_status fill(struct sorter *s, struct run *run, size_t need)
{
    if (run->buf.len - run->pos >= need)
        return TUF_OK;
    size_t kept = run->buf.len - run->pos;
    if (kept > 0)
        memmove(run->buf.data, run->buf.data + run->pos, kept);
    run->buf.len = kept;
    run->pos = 0;
    size_t share = s->memory / (s->run_count + 1);
    size_t want = max_size(need - kept, min_size(max_size(share, READ_SIZE_MIN), READ_SIZE_MAX));
    size_t len = (size_t)min_u64(want, run->end - run->off);
    if (len < need - kept)
        return tufi_corrupt(run->off, "a sorted run ends within an entry");
    if (!tufi_buf_reserve(&run->buf, len))
        return tufi_nomem();
    tuf_status st = tufi_vfs_read_exact(s->file, run->buf.data + kept, len, run->off);
    if (st < 0)
        return st;
    run->crc = tufi_crc32c(run->crc, run->buf.data + kept, len);
    run->buf.len += len;
    run->off += len;
    return TUF_OK;
}

static tuf_status fill_upto(struct sorter *s, struct run *run, size_t want)
{
    size_t kept = run->buf.len - run->pos;
    uint64_t left = kept + (run->end - run->off);
    return fill(s, run, (size_t)min_u64(want, left));
}

/* INV-SO-1. Moves to the run's next entry; TUF_END behind the last one. */
static tuf_status advance(struct sorter *s, struct run *run)
{
    tuf_status st = fill_upto(s, run, 2 * VARINT_SIZE_MAX);
    if (st < 0)
        return st;
    if (run->pos == run->buf.len) {
        if (run->crc != run->crc_want)
            return tufi_corrupt(run->end, "a sorted run does not have its checksum");
        return TUF_END;
    }
    struct reader in = reader_of(tuf_slice_of(run->buf.data + run->pos, run->buf.len - run->pos));
    size_t before = reader_left(&in);
    uint64_t key_len = read_varint(&in), value_len = read_varint(&in);
    uint64_t len;
    if (in.bad || !add_ok(&len, key_len, value_len) || len > SIZE_MAX / 4)
        return tufi_corrupt(run->off, "an entry of a sorted run is malformed");
    run->pos += before - reader_left(&in);
    st = fill(s, run, (size_t)len);
    if (st < 0)
        return st;
    run->key = tuf_slice_of(run->buf.data + run->pos, (size_t)key_len);
    run->value = tuf_slice_of(run->key.data + key_len, (size_t)value_len);
    run->head = head_of(run->key);
    run->pos += (size_t)len;
    return TUF_OK;
}

static bool run_before(const struct run *a, const struct run *b)
{
    return a->head != b->head ? a->head < b->head : slice_compare(a->key, b->key) < 0;
}

static void sift_down(struct sorter *s, size_t pos)
{
    for (;;) {
        size_t least = pos;
        for (size_t child = 2 * pos + 1; child <= 2 * pos + 2 && child < s->heap_count; child++)
            if (run_before(&s->runs[s->heap[child]], &s->runs[s->heap[least]]))
                least = child;
        if (least == pos)
            return;
        size_t moved = s->heap[pos];
        s->heap[pos] = s->heap[least];
        s->heap[least] = moved;
        pos = least;
    }
}

static tuf_status start_merge(struct sorter *s)
{
    tuf_status st = s->count > 0 ? spill(s) : TUF_OK;
    tufi_buf_release(&s->entries);
    s->heap = tufi_alloc_array(s->run_count, sizeof(*s->heap));
    if (!s->heap)
        return tufi_nomem();
    for (size_t i = 0; st == TUF_OK && i < s->run_count; i++) {
        st = advance(s, &s->runs[i]);
        if (st == TUF_OK)
            s->heap[s->heap_count++] = i;
        st = st == TUF_END ? TUF_OK : st;
    }
    for (size_t i = s->heap_count; i-- > 0;)
        sift_down(s, i);
    return st;
}

static tuf_status next_merged(struct sorter *s, tuf_slice *key_out, tuf_slice *value_out)
{
    if (s->started) {
        tuf_status st = advance(s, &s->runs[s->heap[0]]);
        if (st < 0)
            return st;
        if (st == TUF_END)
            s->heap[0] = s->heap[--s->heap_count];
        if (s->heap_count > 0)
            sift_down(s, 0);
    }
    s->started = true;
    if (s->heap_count == 0)
        return TUF_END;
    *key_out = s->runs[s->heap[0]].key;
    *value_out = s->runs[s->heap[0]].value;
    return TUF_OK;
}

tuf_status tufi_sorter_next(struct sorter *s, tuf_slice *key_out, tuf_slice *value_out)
{
    if (!s->sorted) {
        tuf_status st = s->file ? start_merge(s) : sort_items(s);
        if (st < 0)
            return st;
        s->sorted = true;
    }
    if (s->file)
        return s->started && s->heap_count == 0 ? TUF_END : next_merged(s, key_out, value_out);
    if (s->next_item == s->count)
        return TUF_END;
    const uint8_t *entry = s->items[s->next_item++].entry;
    *key_out = key_of(entry);
    size_t len = entry_len(entry);
    const uint8_t *value = key_out->data + key_out->len;
    *value_out = tuf_slice_of(value, len - (size_t)(value - entry));
    return TUF_OK;
}
