#include "backend/timeline.h"

#include <assert.h>
#include <string.h>

#include "base/array.h"
#include "base/bits.h"

static uint64_t given(const struct stream *stream)
{
    return stream->done + (stream->len - stream->first);
}

static bool is_idle(const struct stream *stream)
{
    return stream->first == stream->len;
}

static bool is_blocked(const struct timeline *line, const struct task *task)
{
    return line->streams[task->after_stream].done < task->after;
}

static void end_first(struct stream *stream)
{
    stream->first++;
    stream->done++;
    stream->begun = false;
    if (is_idle(stream))
        stream->first = stream->len = 0;
}

static void begin_what_can(struct timeline *line)
{
    for (unsigned s = 0; s < line->n_streams; s++) {
        struct stream *stream = &line->streams[s];
        if (is_idle(stream) || stream->begun)
            continue;
        const struct task *task = &stream->tasks[stream->first];
        if (is_blocked(line, task))
            continue;
        stream->begun = true;
        stream->ends = task->ns == GA_SIM_BY_HAND ? UINT64_MAX : add_sat(line->now, task->ns);
    }
}

/* The stream whose task ends next, by the clock; NULL: none does. */
static struct stream *next_to_end(struct timeline *line)
{
    struct stream *next = NULL;
    for (unsigned s = 0; s < line->n_streams; s++) {
        struct stream *stream = &line->streams[s];
        if (stream->begun && stream->ends != UINT64_MAX && (!next || stream->ends < next->ends))
            next = stream;
    }
    return next;
}

/* Ends what the clock ends until `time`, and begins what that allows. */
static void run_until(struct timeline *line, uint64_t time)
{
    for (;;) {
        begin_what_can(line);
        struct stream *next = next_to_end(line);
        if (!next || next->ends > time)
            break;
        line->now = next->ends;
        end_first(next);
    }
    line->now = time;
}

/* Ends one task at once: the first of `s`, or the one that it waits for in the end. */
static void force_one(struct timeline *line, uint32_t s)
{
    for (;;) {
        const struct stream *stream = &line->streams[s];
        const struct task *task = &stream->tasks[stream->first];
        assert(!is_idle(stream));
        if (!is_blocked(line, task))
            break;
        s = task->after_stream;
    }
    end_first(&line->streams[s]);
}

static void pass_until_done(struct timeline *line, uint32_t s, uint64_t count)
{
    run_until(line, line->now);
    while (line->streams[s].done < count) {
        const struct stream *next = next_to_end(line);
        if (!next)
            force_one(line, s);
        run_until(line, next ? next->ends : line->now);
    }
}

bool gai_timeline_init(struct timeline *line, const struct ga_mem *mem, unsigned n_streams)
{
    *line = (struct timeline){ .mem = *mem, .n_streams = n_streams };
    line->streams = mem_new(mem, struct stream, n_streams);
    line->known = n_streams <= 4096 ? mem_new(mem, uint64_t, (size_t)n_streams * n_streams) : NULL;
    if (!line->streams || !line->known) {
        gai_timeline_fini(line);
        return false;
    }
    for (unsigned s = 0; s < n_streams; s++)
        line->streams[s].known = line->known + (size_t)s * n_streams;
    return true;
}

void gai_timeline_fini(struct timeline *line)
{
    for (unsigned s = 0; line->streams && s < line->n_streams; s++)
        mem_free(&line->mem, line->streams[s].tasks, line->streams[s].cap);
    mem_free(&line->mem, line->streams, line->n_streams);
    mem_free(&line->mem, line->known, (size_t)line->n_streams * line->n_streams);
    mem_free(&line->mem, line->marks, line->cap_marks);
    mem_free(&line->mem, line->marks_known, line->cap_marks_known);
    *line = (struct timeline){ 0 };
}

static enum ga_status append(struct timeline *line, uint32_t s, const struct task *task)
{
    struct stream *stream = &line->streams[s];
    if (stream->first && stream->len == stream->cap) {
        stream->len -= stream->first;
        memmove(stream->tasks, stream->tasks + stream->first, stream->len * sizeof *stream->tasks);
        stream->first = 0;
    }
    if (!array_room(&line->mem, &stream->tasks, &stream->cap, stream->len + 1u))
        return GA_NO_MEMORY;
    stream->tasks[stream->len++] = *task;
    stream->known[s]++;
    run_until(line, line->now);
    return GA_OK;
}

bool gai_timeline_has(const struct timeline *line, ga_event event)
{
    return event != 0 && event <= line->n_marks && line->marks[event - 1].stream != UINT32_MAX;
}

static const uint64_t *known_at(const struct timeline *line, ga_event event)
{
    return line->marks_known + (size_t)(event - 1) * line->n_streams;
}

enum ga_status gai_timeline_add(struct timeline *line, uint32_t stream, uint64_t base, uint64_t size, uint64_t ns)
{
    return append(line, stream, &(struct task){ .base = base, .size = size, .ns = ns, .after_stream = stream });
}

enum ga_status gai_timeline_follow(struct timeline *line, uint32_t stream, ga_event event)
{
    if (event == 0)
        return GA_OK;
    const uint64_t *known = known_at(line, event);
    uint32_t other = line->marks[event - 1].stream;
    enum ga_status status = append(line, stream, &(struct task){ .after_stream = other, .after = known[other] });
    if (status != GA_OK)
        return status;
    for (unsigned s = 0; s < line->n_streams; s++)
        line->streams[stream].known[s] = max_u64(line->streams[stream].known[s], known[s]);
    return GA_OK;
}

enum ga_status gai_timeline_mark(struct timeline *line, uint32_t stream, ga_event *event)
{
    uint32_t at = line->spare ? line->spare - 1 : line->n_marks;
    uint64_t end = ((uint64_t)at + 1) * line->n_streams;
    if (!array_room(&line->mem, &line->marks, &line->cap_marks, (uint64_t)at + 1) ||
        !array_room(&line->mem, &line->marks_known, &line->cap_marks_known, end))
        return GA_NO_MEMORY;
    if (line->spare)
        line->spare = line->marks[at].next;
    else
        line->n_marks++;
    line->n_events++;
    line->marks[at] = (struct mark){ .stream = stream };
    memcpy(line->marks_known + end - line->n_streams, line->streams[stream].known, line->n_streams * sizeof *line->known);
    *event = (ga_event)at + 1;
    return GA_OK;
}

void gai_timeline_drop(struct timeline *line, ga_event event)
{
    if (event == 0)
        return;
    line->marks[event - 1] = (struct mark){ .stream = UINT32_MAX, .next = line->spare };
    line->spare = (uint32_t)event;
    line->n_events--;
}

bool gai_timeline_reached(const struct timeline *line, ga_event event)
{
    if (event == 0)
        return true;
    uint32_t stream = line->marks[event - 1].stream;
    return line->streams[stream].done >= known_at(line, event)[stream];
}

void gai_timeline_advance(struct timeline *line, uint64_t ns)
{
    run_until(line, add_sat(line->now, ns));
}

void gai_timeline_finish(struct timeline *line, uint32_t s)
{
    while (!is_idle(&line->streams[s]))
        force_one(line, s);
    run_until(line, line->now);
}

void gai_timeline_await(struct timeline *line, ga_event event)
{
    if (event == 0)
        return;
    uint32_t stream = line->marks[event - 1].stream;
    pass_until_done(line, stream, known_at(line, event)[stream]);
}

void gai_timeline_await_all(struct timeline *line)
{
    for (uint32_t s = 0; s < line->n_streams; s++)
        pass_until_done(line, s, given(&line->streams[s]));
}

static bool overlaps(const struct task *task, uint64_t base, uint64_t size)
{
    return task->size && size && task->base < base + size && base < task->base + task->size;
}

bool gai_timeline_touches(const struct timeline *line, uint32_t stream, uint64_t base, uint64_t size)
{
    for (unsigned s = 0; s < line->n_streams; s++) {
        const struct stream *other = &line->streams[s];
        uint64_t known = stream == TIMELINE_NOBODY ? 0 : line->streams[stream].known[s];
        for (uint32_t i = other->first; i < other->len; i++) {
            uint64_t count = other->done + (i - other->first) + 1;
            if (count > known && overlaps(&other->tasks[i], base, size))
                return true;
        }
    }
    return false;
}

const char *gai_timeline_check(const struct timeline *line)
{
    for (unsigned s = 0; s < line->n_streams; s++) {
        const struct stream *stream = &line->streams[s];
        if (stream->first > stream->len || stream->len > stream->cap)
            return "a stream's tasks are not in its array";
        if (stream->known[s] != given(stream))
            return "a stream does not know its own tasks";
        if (stream->begun && is_idle(stream))
            return "a task began that is not there";
        if (stream->begun && (stream->ends <= line->now || is_blocked(line, &stream->tasks[stream->first])))
            return "a task should have ended, or not have begun";
        for (unsigned other = 0; other < line->n_streams; other++)
            if (stream->known[other] > given(&line->streams[other]))
                return "a stream knows tasks that nobody was given";
    }
    return NULL;
}
