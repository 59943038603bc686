/*
 * alloc_trace_pytorch.c - a memory snapshot of PyTorch, as JSON: the history of the first device that has one
 *
 *     {"device_traces": [[{"action": "alloc", "addr": 140..., "size": 4096, "stream": 0, "frames": [...]}, ...], ...], ...}
 *
 * A free counts when it is requested.  What happened to segments is the business of the allocator that is replayed.
 */
#include "io/alloc_trace_read.h"
#include "io/json_read.h"

#include <string.h>

struct entry {
    char action[24];
    uint64_t addr, size, stream;
    unsigned seen;
};

enum { SEEN_ACTION = 1, SEEN_ADDR = 2, SEEN_SIZE = 4, SEEN_STREAM = 8 };

static bool refuse_json(struct trace_reading *reading, const struct json_reader *json, const char *what)
{
    reading->line = json->line;
    gai_trace_refuse(reading, "%s", json->wrong ? json->wrong : what);
    if (json->is_unreadable)
        reading->status = GA_IO;
    return false;
}

static bool read_field(struct trace_reading *reading, struct json_reader *json, struct entry *entry)
{
    struct {
        const char *name;
        uint64_t *to;
        unsigned bit;
    } numbers[] = { { "addr", &entry->addr, SEEN_ADDR },
                    { "size", &entry->size, SEEN_SIZE },
                    { "stream", &entry->stream, SEEN_STREAM } };
    if (strcmp(json->text, "action") == 0) {
        if (gai_json_next(json) != JSON_STRING || json->len >= sizeof entry->action)
            return refuse_json(reading, json, "an action that is no word");
        memcpy(entry->action, json->text, json->len + 1);
        entry->seen |= SEEN_ACTION;
        return true;
    }
    for (unsigned i = 0; i < 3; i++)
        if (strcmp(json->text, numbers[i].name) == 0) {
            gai_json_next(json);
            entry->seen |= gai_json_u64(json, numbers[i].to) ? numbers[i].bit : 0;
            return gai_json_skip(json) || refuse_json(reading, json, "");
        }
    return gai_json_skip(json) || refuse_json(reading, json, "");
}

static bool take_entry(struct trace_reading *reading, const struct json_reader *json, const struct entry *entry)
{
    bool begins = strcmp(entry->action, "alloc") == 0, ends = strcmp(entry->action, "free_requested") == 0;
    uint32_t stream;
    reading->line = json->line;
    if (!begins && !ends)
        return true;
    if (entry->seen != (SEEN_ACTION | SEEN_ADDR | SEEN_SIZE | SEEN_STREAM))
        return gai_trace_refuse(reading, "an alloc or free without whole numbers for addr, size and stream");
    if (!gai_trace_stream(reading, entry->stream, &stream))
        return false;
    return begins ? gai_trace_begins(reading, entry->addr, entry->size, stream)
                  : gai_trace_ends(reading, entry->addr, entry->size, stream);
}

/* The entries of one device; its array is open. */
static bool read_device(struct trace_reading *reading, struct json_reader *json)
{
    for (enum json_token token = gai_json_next(json); token != JSON_CLOSE; token = gai_json_next(json)) {
        struct entry entry = { .seen = 0 };
        if (token != JSON_OBJECT)
            return refuse_json(reading, json, "an entry of the history is no object");
        while ((token = gai_json_next(json)) == JSON_NAME)
            if (!read_field(reading, json, &entry))
                return false;
        if (token != JSON_CLOSE)
            return refuse_json(reading, json, "an entry of the history does not end");
        if (!take_entry(reading, json, &entry))
            return false;
    }
    return true;
}

static bool read_devices(struct trace_reading *reading, struct json_reader *json)
{
    if (gai_json_next(json) != JSON_ARRAY)
        return refuse_json(reading, json, "device_traces is no array");
    for (enum json_token token = gai_json_next(json); token != JSON_CLOSE; token = gai_json_next(json)) {
        if (token != JSON_ARRAY)
            return refuse_json(reading, json, "the history of a device is no array");
        bool is_wanted = reading->trace->n == 0;
        if (is_wanted ? !read_device(reading, json) : !gai_json_skip(json) && !refuse_json(reading, json, ""))
            return false;
    }
    return true;
}

enum ga_status gai_trace_pytorch(struct trace_reading *reading, const struct ga_source *source)
{
    struct json_reader json = json_from(source);
    bool has_traces = false;
    if (gai_json_next(&json) != JSON_OBJECT) {
        refuse_json(reading, &json, "no object with device_traces: save the snapshot with its history");
        return reading->status;
    }
    enum json_token token;
    while (reading->status == GA_OK && (token = gai_json_next(&json)) == JSON_NAME) {
        bool is_traces = strcmp(json.text, "device_traces") == 0;
        has_traces |= is_traces;
        if (is_traces ? !read_devices(reading, &json) : !gai_json_skip(&json) && !refuse_json(reading, &json, ""))
            return reading->status;
    }
    if (reading->status == GA_OK && (token != JSON_CLOSE || gai_json_next(&json) != JSON_END))
        refuse_json(reading, &json, "more than one value");
    if (reading->status == GA_OK && !has_traces)
        refuse_json(reading, &json, "no device_traces: save the snapshot with its history");
    return reading->status;
}
