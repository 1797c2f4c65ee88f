/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: measure what reading documents costs: canonical text, term, revision id.
 *
 * Prints one line per kind of document and stage: MB/s of input and microseconds per document. The
 * documents have about 1 KB, except where the name says otherwise.
 * Not here: writing them (bench of the engine).
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "engine/revid.h"
#include "json/docscan.h"

#define RUN_SECONDS 0.5

struct sample {
    const char *name;
    void (*write)(struct buf *out);
};

static void write_prose(struct buf *out)
{
    static const char prose[] = "The quick brown fox jumps over the lazy dog and runs on. ";
    buf_append_str(out,
                   "{\"_id\":\"doc-000001\",\"type\":\"post\",\"title\":\"A title of the post\",");
    for (int i = 0; i < 8; i++) {
        tufi_buf_printf(out, "\"paragraph%d\":\"", i);
        buf_append_str(out, prose);
        buf_append_str(out, prose);
        buf_append_str(out, "\",");
    }
    buf_append_str(out, "\"tags\":[\"a\",\"b\"],\"count\":17}");
}

static void write_records(struct buf *out)
{
    buf_append_str(
        out, "{\"_id\":\"doc-000001\",\"customer\":{\"name\":\"Jane Doe\",\"city\":\"Springfield\","
             "\"active\":true,\"since\":2019},\"items\":[");
    for (int i = 0; i < 11; i++)
        tufi_buf_printf(out,
                        "%s{\"sku\":\"AB-%05d\",\"quantity\":%d,\"price\":%d.%02d,\"note\":null}",
                        i > 0 ? "," : "", i * 731, i * 3, i * 17, i * 7);
    buf_append_str(out, "],\"created_at\":\"2024-05-17T12:34:56.789Z\",\"total\":1234.5}");
}

static void write_spaced(struct buf *out)
{
    buf_append_str(out, "{\n  \"_id\": \"doc-000001\",\n  \"values\": [\n");
    for (int i = 0; i < 20; i++)
        tufi_buf_printf(out, "%s    { \"key\": \"name %d\", \"value\": %d }", i > 0 ? ",\n" : "", i,
                        i * 1000);
    buf_append_str(out, "\n  ]\n}\n");
}

static void write_unicode(struct buf *out)
{
    buf_append_str(out, "{\"_id\":\"doc-000001\"");
    for (int i = 0; i < 12; i++)
        tufi_buf_printf(out,
                        ",\"feld%d\":\"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e gr\xc3\xbc\xc3\x9f"
                        "e aus K\xc3\xb6ln \\n \xf0\x9f\x98\x80 \xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\"",
                        i);
    buf_append_u8(out, '}');
}

static void write_numbers(struct buf *out)
{
    buf_append_str(out, "{\"_id\":\"doc-000001\",\"points\":[");
    for (int i = 0; i < 55; i++)
        tufi_buf_printf(out, "%s%d.%06d,%d", i > 0 ? "," : "", i * 3 - 80, i * 12345, i * 100001);
    buf_append_str(out, "]}");
}

static void write_small(struct buf *out)
{
    buf_append_str(out, "{\"_id\":\"doc-000001\",\"v\":1}");
}

static void write_many_keys(struct buf *out)
{
    for (int i = 0; i < 5000; i++)
        tufi_buf_printf(out, "%s\"member %d\":%d", i > 0 ? "," : "{", i, i);
    buf_append_u8(out, '}');
}

static const struct sample samples[] = {
    { "prose", write_prose },         { "records", write_records }, { "spaced", write_spaced },
    { "unicode", write_unicode },     { "numbers", write_numbers }, { "small", write_small },
    { "5000 keys", write_many_keys },
};

enum stage { STAGE_CANONICAL, STAGE_SCAN, STAGE_TERM, STAGE_REVID, STAGE_COUNT };

static const char *const stage_names[STAGE_COUNT] = { "canonical", "docscan", "+ term", "+ revid" };

static tuf_status run_once(enum stage stage, tuf_slice json, struct buf *out)
{
    if (stage == STAGE_CANONICAL) {
        tufi_buf_clear(out);
        return tufi_json_canonical(out, json);
    }
    struct scanned_doc doc;
    tuf_status st = tufi_docscan(&doc, json, stage == STAGE_SCAN ? 0 : DOCSCAN_ETF);
    if (st < 0)
        return st;
    uint8_t id[16];
    if (stage == STAGE_REVID)
        st = tufi_revid_hash(id, false, NULL, buf_slice(&doc.etf), NULL, 0);
    tufi_docscan_release(&doc);
    return st;
}

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Seconds of processor time per document, the best of five parts: other load counts less. */
static double measure(enum stage stage, tuf_slice json)
{
    TUF_AUTO(tufi_buf_release) struct buf out = BUF_INIT;
    double best = 1e9;
    for (int part = 0; part < 5; part++) {
        size_t count = 0;
        double start = now();
        double end = start;
        while (end - start < RUN_SECONDS / 5) {
            for (int i = 0; i < 100; i++)
                if (run_once(stage, json, &out) < 0)
                    abort();
            count += 100;
            end = now();
        }
        double each = (end - start) / (double)count;
        best = each < best ? each : best;
    }
    return best;
}

int main(void)
{
    printf("%-10s %-10s %7s %9s %9s\n", "document", "stage", "bytes", "MB/s", "us/doc");
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        TUF_AUTO(tufi_buf_release) struct buf json = BUF_INIT;
        samples[i].write(&json);
        for (unsigned stage = 0; stage < STAGE_COUNT; stage++) {
            double seconds = measure((enum stage)stage, buf_slice(&json));
            printf("%-10s %-10s %7zu %9.0f %9.2f\n", samples[i].name, stage_names[stage], json.len,
                   (double)json.len / seconds / 1e6, seconds * 1e6);
        }
    }
    return 0;
}
