#include "peers/boxes.h"
#include "peers/room.h"

#include <stdlib.h>
#include <string.h>

struct chunk {
    struct chunk *next;
    size_t used, size;
    uint64_t bytes[];
};

enum { CHUNK = 1 << 20 };

void boxes_fini(struct boxes *boxes)
{
    while (boxes->chunks) {
        struct chunk *next = boxes->chunks->next;
        room_give(boxes->chunks);
        boxes->chunks = next;
    }
    room_give(boxes->jobs);
    *boxes = (struct boxes){ 0 };
}

void *boxes_room(struct boxes *boxes, size_t bytes)
{
    bytes = (bytes + 7) / 8 * 8;
    struct chunk *chunk = boxes->chunks;
    if (!chunk || chunk->size - chunk->used < bytes) {
        size_t size = bytes > CHUNK ? bytes : CHUNK;
        chunk = room_new(sizeof *chunk + size);
        if (!chunk) {
            boxes->failed = true;
            return NULL;
        }
        *chunk = (struct chunk){ .next = boxes->chunks, .size = size };
        boxes->chunks = chunk;
    }
    void *room = (char *)chunk->bytes + chunk->used;
    chunk->used += bytes;
    return room;
}

struct jobs boxes_list(struct boxes *boxes, uint32_t n)
{
    return (struct jobs){ boxes_room(boxes, (n + (size_t)1) * sizeof(uint32_t)), 0 };
}

struct jobs boxes_join(struct boxes *boxes, struct jobs a, struct jobs b)
{
    struct jobs joined = boxes_list(boxes, a.n + b.n);
    if (!joined.at)
        return joined;
    for (uint32_t i = 0; i < a.n; i++)
        joined.at[joined.n++] = a.at[i];
    for (uint32_t i = 0; i < b.n; i++)
        joined.at[joined.n++] = b.at[i];
    return joined;
}

uint32_t boxes_add(struct boxes *boxes, struct job job)
{
    if (boxes->n == boxes->cap) {
        uint32_t cap = boxes->cap ? 2 * boxes->cap : 1024;
        struct job *more = room_grow(boxes->jobs, cap * sizeof *more);
        if (!more) {
            boxes->failed = true;
            return 0;
        }
        boxes->jobs = more;
        boxes->cap = cap;
    }
    boxes->jobs[boxes->n] = job;
    return boxes->n++;
}

uint32_t boxes_wrap(struct boxes *boxes, struct jobs inside, uint64_t size)
{
    struct job box = { .size = size, .birth = UINT64_MAX, .inside = inside, .interval = JOB_BOX };
    for (uint32_t i = 0; i < inside.n; i++) {
        const struct job *job = &boxes->jobs[inside.at[i]];
        box.birth = job->birth < box.birth ? job->birth : box.birth;
        box.death = job->death > box.death ? job->death : box.death;
    }
    return boxes_add(boxes, box);
}

/* ---- order ---- */

struct timed {
    uint64_t time;
    uint32_t job;
};

static int by_time(const void *a, const void *b)
{
    const struct timed *x = a, *y = b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return (x->job > y->job) - (x->job < y->job);
}

void boxes_sort(const struct boxes *boxes, struct jobs jobs, bool by_death)
{
    struct timed *timed = room_new((jobs.n + (size_t)1) * sizeof *timed);
    for (uint32_t i = 0; timed && i < jobs.n; i++) {
        const struct job *job = &boxes->jobs[jobs.at[i]];
        timed[i] = (struct timed){ by_death ? job->death : job->birth, jobs.at[i] };
    }
    if (timed)
        qsort(timed, jobs.n, sizeof *timed, by_time);
    for (uint32_t i = 0; timed && i < jobs.n; i++)
        jobs.at[i] = timed[i].job;
    room_give(timed);
}

/* ---- rows ---- */

/* Rows in use, by when they are left: a heap of times. */
static void push(struct timed *heap, uint32_t n, struct timed new)
{
    uint32_t at = n;
    for (; at > 0 && by_time(&new, &heap[(at - 1) / 2]) < 0; at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = new;
}

static struct timed pop(struct timed *heap, uint32_t n)
{
    struct timed first = heap[0], last = heap[n - 1];
    uint32_t at = 0;
    for (uint32_t child; (child = 2 * at + 1) < n - 1; at = child) {
        if (child + 1 < n - 1 && by_time(&heap[child + 1], &heap[child]) < 0)
            child++;
        if (by_time(&last, &heap[child]) <= 0)
            break;
        heap[at] = heap[child];
    }
    heap[at] = last;
    return first;
}

/* Which row each of the jobs, sorted by birth, goes to: one that is left, or a new one. */
static uint32_t choose_rows(const struct boxes *boxes, struct jobs jobs, uint32_t *row_of, struct timed *heap)
{
    uint32_t n_rows = 0;
    for (uint32_t i = 0; i < jobs.n; i++) {
        const struct job *job = &boxes->jobs[jobs.at[i]];
        bool is_left = n_rows > 0 && heap[0].time <= job->birth;
        row_of[i] = is_left ? pop(heap, n_rows).job : n_rows;
        push(heap, is_left ? n_rows - 1 : n_rows, (struct timed){ job->death, row_of[i] });
        n_rows += !is_left;
    }
    return n_rows;
}

uint32_t boxes_rows(struct boxes *boxes, struct jobs jobs, struct jobs **rows)
{
    boxes_sort(boxes, jobs, false);
    uint32_t *row_of = boxes_room(boxes, (jobs.n + (size_t)1) * sizeof *row_of);
    struct timed *heap = boxes_room(boxes, (jobs.n + (size_t)1) * sizeof *heap);
    if (!row_of || !heap)
        return 0;
    uint32_t n = choose_rows(boxes, jobs, row_of, heap);
    uint32_t *counts = boxes_room(boxes, (n + (size_t)1) * sizeof *counts);
    *rows = boxes_room(boxes, (n + (size_t)1) * sizeof **rows);
    if (!counts || !*rows)
        return 0;
    memset(counts, 0, n * sizeof *counts);
    for (uint32_t i = 0; i < jobs.n; i++)
        counts[row_of[i]]++;
    for (uint32_t r = 0; r < n; r++)
        (*rows)[r] = boxes_list(boxes, counts[r]);
    for (uint32_t i = 0; i < jobs.n && !boxes->failed; i++) {
        struct jobs *row = &(*rows)[row_of[i]];
        row->at[row->n++] = jobs.at[i];
    }
    return boxes->failed ? 0 : n;
}

/* ---- opening ---- */

static uint64_t next_smaller(const struct boxes *boxes, struct jobs jobs, uint64_t than)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < jobs.n; i++) {
        uint64_t own = boxes->jobs[jobs.at[i]].size;
        size = own < than && own > size ? own : size;
    }
    return size;
}

static void open_one(struct boxes *boxes, uint32_t at, uint64_t offset, uint64_t *offsets)
{
    const struct job *job = &boxes->jobs[at];
    if (job->interval == JOB_BOX)
        boxes_open(boxes, job->inside, offset, offsets);
    else if (job->interval != JOB_FILLER)
        offsets[job->interval] = offset;
}

void boxes_open(struct boxes *boxes, struct jobs jobs, uint64_t offset, uint64_t *offsets)
{
    for (uint64_t size = next_smaller(boxes, jobs, UINT64_MAX); size > 0; size = next_smaller(boxes, jobs, size)) {
        struct jobs same = boxes_list(boxes, jobs.n), *rows;
        for (uint32_t i = 0; i < jobs.n && same.at; i++)
            if (boxes->jobs[jobs.at[i]].size == size)
                same.at[same.n++] = jobs.at[i];
        uint32_t n = same.at ? boxes_rows(boxes, same, &rows) : 0;
        for (uint32_t r = 0; r < n; r++, offset += size)
            for (uint32_t i = 0; i < rows[r].n; i++)
                open_one(boxes, rows[r].at[i], offset, offsets);
    }
}
