/*
 * memviz.c - a plan as a memory snapshot of PyTorch, for the page that shows those
 *
 * A pickle of protocol 2: pools are devices, chunks segments, tensors blocks with a frame that tells op and name.  Addresses count
 * from 2^20 on in every pool, since the page takes 0 for none.
 */
#include "io/scene_events.h"

#include "base/json.h"

#include <string.h>

static const uint64_t base = 1 << 20;

/* ---- pickle ---- */

static void put_bytes(struct text *out, uint64_t value, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        char byte = (char)(unsigned char)(value >> 8 * i & 0xff);
        gai_text_raw(out, &byte, 1);
    }
}

static void put_op(struct text *out, char op)
{
    gai_text_raw(out, &op, 1);
}

/*
 * LONG1, in as few bytes as keep it from being negative: of more than eight the page makes BigInts, which it then compares with plain
 * numbers in vain.
 */
static void put_number(struct text *out, uint64_t value)
{
    unsigned n = 1;
    while (n < 8 && value >> (8 * n - 1))
        n++;
    bool is_huge = n == 8 && value >> 63;
    put_op(out, '\x8a');
    put_bytes(out, is_huge ? 9 : n, 1);
    put_bytes(out, value, n);
    put_bytes(out, 0, is_huge ? 1 : 0);
}

/* Names may be any bytes, a pickle's strings are UTF-8. */
static void put_string(struct text *out, const char *string)
{
    char clean[256];
    size_t len = 0;
    for (const char *at = string; *at && len < sizeof clean - 4;) {
        size_t n = gai_utf8_len(at);
        if (n)
            memcpy(clean + len, at, n);
        else
            clean[len] = '?';
        len += n ? n : 1;
        at += n ? n : 1;
    }
    put_op(out, 'X');
    put_bytes(out, len, 4);
    gai_text_raw(out, clean, len);
}

static void put_key(struct text *out, const char *key, uint64_t value)
{
    put_string(out, key);
    put_number(out, value);
}

static void put_word(struct text *out, const char *key, const char *word)
{
    put_string(out, key);
    put_string(out, word);
}

/* "}(" ... "u" is a dictionary, "](" ... "e" a list. */
static void put_start(struct text *out, const char *start)
{
    gai_text_raw(out, start, 2);
}

/* Of one event or two; Python appends 1000 at once as well, and the page passes all of them to one call. */
enum { BATCH = 500 };

static void put_batch(struct text *out, uint32_t n)
{
    if (n % BATCH == 0)
        gai_text_raw(out, "e(", 2);
}

/* ---- the snapshot ---- */

static void put_frames(const struct scene *scene, const struct tile *tile, struct text *out)
{
    put_string(out, "frames");
    put_start(out, "](");
    if (tile) {
        put_start(out, "}(");
        put_word(out, "filename", gai_scene_op(scene, tile->id));
        put_word(out, "name", gai_scene_name(scene, tile->id));
        put_key(out, "line", gai_scene_file_id(scene, tile->id));
        put_op(out, 'u');
    }
    put_op(out, 'e');
}

static void put_event(const struct scene *scene, const char *action, uint64_t time, uint64_t address, uint64_t size,
                      const struct tile *tile, struct text *out)
{
    put_start(out, "}(");
    put_word(out, "action", action);
    put_key(out, "addr", address);
    put_key(out, "size", size);
    put_key(out, "stream", 0);
    put_key(out, "time_us", time);
    put_frames(scene, tile, out);
    put_op(out, 'u');
}

/* Chunks are not freed, and nothing is alive when the graph has run. */
static void put_segments(const struct scene *scene, unsigned pool, struct text *out)
{
    const ga_plan *plan = scene->report->plan;
    uint64_t at = base;
    for (unsigned i = 0; ga_plan_chunk(plan, pool, i) != 0; at += ga_plan_chunk(plan, pool, i++)) {
        uint64_t size = ga_plan_chunk(plan, pool, i);
        put_start(out, "}(");
        put_key(out, "device", pool);
        put_key(out, "address", at);
        put_key(out, "total_size", size);
        put_key(out, "allocated_size", 0);
        put_key(out, "active_size", 0);
        put_key(out, "requested_size", 0);
        put_key(out, "stream", 0);
        put_word(out, "segment_type", "large");
        put_string(out, "segment_pool_id");
        put_number(out, 0);
        put_number(out, 0);
        put_op(out, '\x86');
        put_string(out, "is_expandable");
        put_op(out, '\x89');
        put_frames(scene, NULL, out);
        put_string(out, "blocks");
        put_start(out, "](");
        put_start(out, "}(");
        put_key(out, "address", at);
        put_key(out, "size", size);
        put_key(out, "requested_size", size);
        put_word(out, "state", "inactive");
        put_frames(scene, NULL, out);
        gai_text_raw(out, "ueu", 3);
    }
}

static void put_tile(const struct scene *scene, const struct scene_event *event, struct text *out)
{
    const struct tile *tile = &scene->tiles[event->tile];
    if (!event->is_birth)
        put_event(scene, "free_requested", event->time, base + tile->at, tile->size, tile, out);
    put_event(scene, event->is_birth ? "alloc" : "free_completed", event->time, base + tile->at, tile->size, tile, out);
}

static void put_trace(const struct scene *scene, unsigned pool, const struct scene_event *events, uint32_t n, struct text *out)
{
    const ga_plan *plan = scene->report->plan;
    uint64_t at = base;
    uint32_t n_put = 0;
    put_start(out, "](");
    for (unsigned i = 0; ga_plan_chunk(plan, pool, i) != 0; at += ga_plan_chunk(plan, pool, i++)) {
        put_event(scene, "segment_alloc", scene->begin, at, ga_plan_chunk(plan, pool, i), NULL, out);
        put_batch(out, ++n_put);
    }
    for (uint32_t i = 0; i < n; i++)
        if (scene->tiles[events[i].tile].pool == pool) {
            put_tile(scene, &events[i], out);
            put_batch(out, ++n_put);
        }
    put_op(out, 'e');
}

enum ga_status gai_scene_memviz(const struct scene *scene, struct text *out)
{
    uint32_t n;
    struct scene_event *events = gai_scene_events(scene, &n);
    if (!events)
        return GA_NO_MEMORY;
    unsigned n_pools = gai_report_pools(scene->report);
    gai_text_raw(out, "\x80\x02}(", 4);
    put_string(out, "segments");
    put_start(out, "](");
    for (unsigned pool = 0; pool < n_pools; pool++)
        put_segments(scene, pool, out);
    put_op(out, 'e');
    put_string(out, "device_traces");
    put_start(out, "](");
    for (unsigned pool = 0; pool < n_pools; pool++)
        put_trace(scene, pool, events, n, out);
    put_op(out, 'e');
    put_string(out, "allocator_settings");
    put_op(out, '}');
    gai_text_raw(out, "u.", 2);
    mem_free(&scene->mem, events, n);
    return GA_OK;
}
