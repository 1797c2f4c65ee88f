/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: moves a changes feed between scanning, waiting and its end.
 *
 * Invariants: everything here runs on the loop thread but scan_round, which may run on a worker;
 * while it does, only the worker touches the feed.
 * Source: see server/handlers/changes_feed.h.
 * Not here: rows (changes_rows.c).
 */
#include "server/handlers/changes_feed.h"

#include <inttypes.h>

#include "base/alloc.h"
#include "base/arith.h"
#include "base/assert.h"
#include "base/fail.h"
#include "server/dbs.h"
#include "server/loop.h"
#include "server/work.h"

/* Longest silence of a scan that finds nothing to tell, as in CouchDB. */
#define SCAN_BEAT_MS 5000

void feed_state_release(struct feed *feed)
{
    changes_scan_close(&feed->scan);
    selector_free(&feed->selector);
    tufi_buf_release(&feed->ready);
}

static bool is_list(const struct feed *feed)
{
    return feed->args.feed == CHANGES_NORMAL || feed->args.feed == CHANGES_LONGPOLL;
}

/* ---- waiting ---------------------------------------------------------------------------- */

static void wait_fired(struct request *req);

static void set_timer(struct request *req)
{
    const struct feed *feed = req->state;
    request_set_timer(req, feed->args.wait_ms, wait_fired);
}

static void end_feed(struct request *req)
{
    struct feed *feed = req->state;
    feed_cancel(req);
    request_set_timer(req, 0, NULL);
    feed->phase = FEED_PHASE_END;
    reply_resume(req);
}

static void append_beat(struct feed *feed)
{
    bool is_events = feed->args.feed == CHANGES_EVENTSOURCE;
    buf_append_str(&feed->ready, is_events ? "event: heartbeat\ndata: \n\n" : "\n");
}

static void wait_fired(struct request *req)
{
    struct feed *feed = req->state;
    if (!feed->args.heartbeat) {
        end_feed(req);
        return;
    }
    append_beat(feed);
    set_timer(req);
    reply_resume(req);
}

static void feed_woken(struct request *req, enum feed_event event)
{
    struct feed *feed = req->state;
    if (event != FEED_CHANGED) {
        end_feed(req);
        return;
    }
    request_set_timer(req, 0, NULL);
    feed->phase = FEED_PHASE_SCAN;
    reply_resume(req);
}

static void wait_for_change(struct request *req)
{
    struct feed *feed = req->state;
    if (feed->args.wait_ms == 0) {
        end_feed(req);
        return;
    }
    /* Something has to be sent so that the client sees the head of the answer. */
    if (!feed->row_written && !feed->has_waited)
        buf_append_str(&feed->ready, "\n");
    feed->has_waited = true;
    feed->phase = FEED_PHASE_IDLE;
    tuf_assert(!feed->scan.is_open); /* INV-CF-1 */
    set_timer(req);
    feed_wait(req, max_u64(feed->seen, feed->since), feed_woken);
}

/* ---- scanning --------------------------------------------------------------------------- */

static bool is_over(const struct feed *feed)
{
    switch (feed->args.feed) {
    case CHANGES_LONGPOLL:
        return feed->row_in_round || feed->args.descending;
    case CHANGES_CONTINUOUS:
    case CHANGES_EVENTSOURCE:
        return feed->limit_left == 0 || feed->args.descending;
    case CHANGES_NORMAL:
    case CHANGES_UNKNOWN:
        break;
    }
    return true;
}

static tuf_status scan_round(struct request *req)
{
    return changes_scan_step(req->state, dbh_db(req->dbh));
}

/* A filter that lets nothing pass must not look like a dead server. Never inside a document. */
static void beat_if_silent(struct feed *feed)
{
    uint64_t interval_ms = feed->args.heartbeat ? feed->args.wait_ms : SCAN_BEAT_MS;
    bool silent = feed->ready.len == 0 && !feed->scan.is_streaming;
    if (silent && clock_ms() - feed->sent_ms >= interval_ms)
        append_beat(feed);
}

static void take_scan(struct request *req, tuf_status st)
{
    struct feed *feed = req->state;
    if (st == TUF_OK)
        beat_if_silent(feed);
    if (st < 0) {
        feed->error = *tuf_last_error();
        feed->error.status = st; /* else a failure without a detail would scan for ever */
    } else if (st == TUF_END && is_over(feed))
        feed->phase = FEED_PHASE_END;
    else if (st == TUF_END)
        wait_for_change(req);
}

static void scan_done(struct request *req, tuf_status st)
{
    take_scan(req, st);
    reply_resume(req);
}

/*
 * Whether a scan may run on the loop: a feed that was woken looks at a few changes, which have just
 * been written and are in memory. Thousands of feeds that wake at once must not stand in the
 * workers' queue before the next commit.
 */
static bool is_quick(const struct feed *feed)
{
    return feed->phase == FEED_PHASE_SCAN && feed->round_done && !feed->args.include_docs &&
           feed->filter != FILTER_SELECTOR;
}

/* ---- the producer ----------------------------------------------------------------------- */

static void append_tail(struct buf *out, const struct feed *feed)
{
    if (feed->args.feed != CHANGES_EVENTSOURCE) {
        buf_append_str(out, is_list(feed) ? "\n],\n\"last_seq\":" : "{\"last_seq\":");
        seq_append(out, feed->since, &feed->token);
        if (!feed->is_db_updates)
            tufi_buf_printf(out, ",\"pending\":%" PRId64, feed->pending);
        buf_append_str(out, "}\n");
    }
    buf_append_u8(out, '\n');
}

/* Moves what was scanned into the answer. */
static void send_ready(struct buf *out, struct feed *feed)
{
    if (feed->ready.len > 0)
        feed->sent_ms = clock_ms();
    buf_append_slice(out, buf_slice(&feed->ready));
    if (feed->phase == FEED_PHASE_SCAN)
        tufi_buf_clear(&feed->ready);
    else
        tufi_buf_release(&feed->ready);
}

static enum produce_result produce(struct request *req, struct buf *out)
{
    struct feed *feed = req->state;
    if (feed->phase == FEED_PHASE_START) {
        if (is_list(feed))
            buf_append_str(out, "{\"results\":[\n");
        feed->phase = FEED_PHASE_SCAN;
        feed->sent_ms = clock_ms();
    }
    if (is_quick(feed))
        take_scan(req, scan_round(req));
    if (feed->error.status != TUF_OK) {
        tufi_error_restore(&feed->error);
        return PRODUCE_FAIL;
    }
    send_ready(out, feed);
    if (feed->phase == FEED_PHASE_END) {
        append_tail(out, feed);
        return PRODUCE_DONE;
    }
    if (is_quick(feed))
        return PRODUCE_MORE;
    if (feed->phase == FEED_PHASE_SCAN)
        work_run(req, scan_round, scan_done);
    return PRODUCE_WAIT;
}

void feed_start(struct request *req)
{
    struct feed *feed = req->state;
    struct producer producer = { .produce = produce };
    if (feed->args.feed == CHANGES_EVENTSOURCE) {
        producer.type = "text/event-stream";
        reply_header(req, "Cache-Control", tuf_str("no-cache"));
    }
    reply_stream(req, 200, &producer);
}
