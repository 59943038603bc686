/*
 * trace_json.c - a plan for viewers of traces: a counter for each pool, slices for each tensor; a step takes a microsecond
 *
 *     b MUL_MAT                    viewers make a row of slices that begin with one name: those of an op
 *       b ffn_gate-0 ... e         within it the tensor
 *     e
 *
 * Processes are pools, from 1 on: 0 is no process to some.
 */
#include "io/scene_events.h"

#include "base/json.h"

#include <inttypes.h>

static void write_edge(const struct scene *scene, const struct scene_event *event, const char *name, struct text *out)
{
    unsigned pid = scene->tiles[event->tile].pool + 1u;
    gai_text(out, ",\n{\"ph\":\"%c\",\"cat\":\"tensor\",\"pid\":%u,\"tid\":%u,\"ts\":%" PRIu64 ",\"id\":%" PRIu32 ",\"name\":",
             event->is_birth ? 'b' : 'e', pid, pid, event->time, event->tile + 1);
    gai_json_string(out, name);
}

static void write_slices(const struct scene *scene, const struct scene_event *event, struct text *out)
{
    const struct tile *tile = &scene->tiles[event->tile];
    const char *name = gai_scene_name(scene, tile->id), *op = gai_scene_op(scene, tile->id);
    name = *name ? name : "no name";
    op = *op ? op : "tensor";
    if (!event->is_birth) {
        write_edge(scene, event, name, out);
        gai_text(out, "}");
        write_edge(scene, event, op, out);
        gai_text(out, "}");
        return;
    }
    write_edge(scene, event, op, out);
    gai_text(out, "}");
    write_edge(scene, event, name, out);
    gai_text(out, ",\"args\":{\"op\":");
    gai_json_string(out, op);
    gai_text(out, ",\"id\":%" PRIu32 ",\"chunk\":%u,\"address\":%" PRIu64 ",\"bytes\":%" PRIu64 "}}",
             gai_scene_file_id(scene, tile->id), tile->chunk, tile->at, tile->size);
}

static void write_pool_name(const struct scene *scene, const struct panel *panel, bool is_first, struct text *out)
{
    gai_text(out, "%s\n{\"ph\":\"M\",\"pid\":%u,\"name\":\"process_name\",\"args\":{\"name\":", is_first ? "" : ",",
             panel->pool + 1);
    const char *name = gai_report_pool_name(scene->report, panel->pool);
    gai_json_string(out, *name ? name : "memory");
    gai_text(out, "}}");
}

/* What lives in the pool, wherever that changes. */
static void write_counter(const struct scene *scene, unsigned pool, const struct scene_event *events, uint32_t n, struct text *out)
{
    uint64_t live = 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct tile *tile = &scene->tiles[events[i].tile];
        if (tile->pool == pool)
            live = events[i].is_birth ? live + tile->size : live - tile->size;
        if (i + 1 == n || events[i + 1].time != events[i].time)
            gai_text(out, ",\n{\"ph\":\"C\",\"pid\":%u,\"ts\":%" PRIu64 ",\"name\":\"live\",\"args\":{\"bytes\":%" PRIu64 "}}",
                     pool + 1, events[i].time, live);
    }
}

enum ga_status gai_scene_trace(const struct scene *scene, struct text *out)
{
    uint32_t n;
    struct scene_event *events = gai_scene_events(scene, &n);
    if (!events)
        return GA_NO_MEMORY;
    gai_text(out, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
    for (uint32_t i = 0; i < scene->n_panels; i++)
        write_pool_name(scene, &scene->panels[i], i == 0, out);
    for (uint32_t i = 0; i < n; i++)
        write_slices(scene, &events[i], out);
    for (uint32_t i = 0; i < scene->n_panels; i++)
        write_counter(scene, scene->panels[i].pool, events, n, out);
    gai_text(out, "\n]}\n");
    mem_free(&scene->mem, events, n);
    return GA_OK;
}
