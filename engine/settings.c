/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: the small public calls of a database: limits, named values, sync, checkpoint, waiting.
 */
#include <errno.h>
#include <time.h>

#include "base/alloc.h"
#include "engine/db.h"

/*   raise  the update sequence grows, though no document has the new one */
static tuf_status put_row(tuf_db *db, const struct metarec *rec, bool raise)
{
    TUF_AUTO(tufi_buf_release) struct buf payload = BUF_INIT;
    tufi_metarec_encode(&payload, rec);
    if (payload.failed)
        return tufi_nomem();
    struct commit c;
    tuf_status st = tufi_commit_begin(&c, db);
    if (st < 0)
        return st;
    st = tufi_commit_put(&c, RECORD_META, buf_slice(&payload), NULL);
    if (st == TUF_OK)
        st = tufi_apply_meta(c.txn, &c.now, rec);
    c.now.update_seq += raise;
    if (st < 0) {
        tufi_commit_abort(&c);
        return st;
    }
    return tufi_commit_finish(&c, true);
}

static tuf_status put_limit(tuf_db *db, const char *key, uint32_t limit)
{
    if (limit == 0)
        return tufi_fail_kind(TUF_E_INVALID, "bad_request", "limit must be a positive integer");
    uint8_t value[VARINT_SIZE_MAX];
    struct metarec rec = {
        .key = tuf_str(key),
        .value = tuf_slice_of(value, put_varint(value, limit)),
    };
    return put_row(db, &rec, true);
}

tuf_status tuf_db_set_revs_limit(tuf_db *db, uint32_t limit)
{
    tufi_error_clear();
    return put_limit(db, "Crevs_limit", limit);
}

tuf_status tuf_db_set_purged_infos_limit(tuf_db *db, uint32_t limit)
{
    tufi_error_clear();
    return put_limit(db, "Cpurged_infos_limit", limit);
}

static tuf_status put_value(tuf_db *db, tuf_slice name, tuf_slice value, bool raise)
{
    tufi_error_clear();
    if (name.len == 0 || name.len > META_NAME_SIZE_MAX)
        return tufi_fail(TUF_E_INVALID, "name of %zu bytes is not in 1..%d", name.len,
                         META_NAME_SIZE_MAX);
    if (value.len > META_VALUE_SIZE_MAX)
        return tufi_fail(TUF_E_LIMIT, "value of %zu bytes is larger than %u", value.len,
                         META_VALUE_SIZE_MAX);
    TUF_AUTO(tufi_buf_release) struct buf key = BUF_INIT;
    buf_append_u8(&key, LOCAL_KEY_META);
    buf_append_slice(&key, name);
    if (key.failed)
        return tufi_nomem();
    struct metarec rec = {
        .key = buf_slice(&key),
        .removed = !value.data,
        .value = value,
    };
    return put_row(db, &rec, raise);
}

tuf_status tuf_db_put_meta(tuf_db *db, tuf_slice name, tuf_slice value)
{
    return put_value(db, name, value, false);
}

tuf_status tuf_db_put_meta_change(tuf_db *db, tuf_slice name, tuf_slice value)
{
    return put_value(db, name, value, true);
}

tuf_status tuf_db_sync(tuf_db *db)
{
    tufi_error_clear();
    TUF_AUTO(tufi_store_unref) struct store *store = tufi_store_acquire(db);
    struct log *log = &store->log;
    if (log->readonly)
        return TUF_OK;
    pthread_mutex_lock(&log->tail);
    uint64_t upto = log->tail_off;
    bool clean = log->durable_off >= upto;
    pthread_mutex_unlock(&log->tail);
    return clean ? tufi_log_writable(log) : tufi_log_sync(log, upto);
}

tuf_status tuf_db_checkpoint(tuf_db *db)
{
    tufi_error_clear();
    pthread_mutex_lock(&db->writer);
    tuf_status st = tufi_db_checkpoint_locked(db);
    pthread_mutex_unlock(&db->writer);
    return st;
}

void tuf_db_set_listener(tuf_db *db, tuf_commit_listener *listener, void *ctx)
{
    pthread_mutex_lock(&db->wait);
    db->listener = listener;
    db->listener_ctx = ctx;
    pthread_mutex_unlock(&db->wait);
}

static struct timespec deadline_after(uint64_t timeout_ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    /* A wait of more than a year is a wait for ever. */
    if (timeout_ms > 366ull * 86400 * 1000)
        timeout_ms = 366ull * 86400 * 1000;
    t.tv_sec += (time_t)(timeout_ms / 1000);
    t.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

tuf_status tuf_db_wait(tuf_db *db, uint64_t since, uint64_t timeout_ms)
{
    struct timespec deadline = deadline_after(timeout_ms);
    pthread_mutex_lock(&db->wait);
    int result = 0;
    while (db->visible_seq <= since && result != ETIMEDOUT && timeout_ms > 0)
        result = pthread_cond_timedwait(&db->wait_changed, &db->wait, &deadline);
    bool changed = db->visible_seq > since;
    pthread_mutex_unlock(&db->wait);
    return changed ? TUF_OK : TUF_STOPPED;
}
