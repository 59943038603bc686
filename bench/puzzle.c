#include "puzzle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

static size_t read_file(void *user, char *buf, size_t cap)
{
    FILE *file = user;
    size_t got = fread(buf, 1, cap, file);
    return ferror(file) ? SIZE_MAX : got;
}

/* The file's name, without folder and suffix. */
static void name_of(const char *path, char *name, size_t cap)
{
    const char *slash = strrchr(path, '/'), *start = slash ? slash + 1 : path, *dot = strrchr(start, '.');
    snprintf(name, cap, "%.*s", dot ? (int)(dot - start) : (int)strlen(start), start);
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), n = strlen(end);
    return len >= n && strcmp(text + len - n, end) == 0;
}

/* A death or a birth: of one moment, deaths come first. */
struct event {
    uint64_t time;
    uint32_t interval;
    bool birth;
};

static int by_time(const void *a, const void *b)
{
    const struct event *x = a, *y = b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return (x->birth > y->birth) - (x->birth < y->birth);
}

static struct event *make_events(const struct puzzle *puzzle)
{
    struct event *events = malloc((puzzle->n + 1) * 2 * sizeof *events);
    for (uint32_t i = 0; events && i < puzzle->n; i++) {
        events[2 * (size_t)i] = (struct event){ puzzle->at[i].birth, i, true };
        events[2 * (size_t)i + 1] = (struct event){ puzzle->at[i].death, i, false };
    }
    if (events)
        qsort(events, 2 * (size_t)puzzle->n, sizeof *events, by_time);
    return events;
}

static bool take_intervals(struct puzzle *puzzle, const struct ga_interval *at, uint32_t n)
{
    puzzle->at = at;
    puzzle->n = n;
    struct event *events = make_events(puzzle);
    uint64_t live = 0;
    for (size_t e = 0; events && e < 2 * (size_t)n; e++) {
        uint64_t size = at[events[e].interval].size;
        live = events[e].birth ? live + size : live - size;
        puzzle->load = live > puzzle->load ? live : puzzle->load;
    }
    free(events);
    return events != NULL;
}

static void sum_recorded(struct puzzle *puzzle)
{
    puzzle->n = puzzle->graph.n_nodes;
    puzzle->is_graph = true;
    for (uint32_t pool = 0; pool < puzzle->graph.n_buffers; pool++)
        puzzle->recorded += gai_tgraph_recorded(&puzzle->graph, pool);
}

bool puzzle_load(struct puzzle *puzzle, const char *path, enum inplace inplace)
{
    struct mishap mishap = { .what = "cannot be opened" };
    struct ga_env env = gai_env(NULL);
    *puzzle = (struct puzzle){ 0 };
    name_of(path, puzzle->name, sizeof puzzle->name);
    FILE *file = fopen(path, "rb");
    struct ga_source source = { .read = read_file, .user = file };
    bool good = false;
    if (file && ends_with(path, ".tgraph")) {
        good = gai_tgraph_read(NULL, &source, inplace, &puzzle->graph, &mishap) == GA_OK;
        if (good)
            sum_recorded(puzzle);
    } else if (file) {
        good = gai_intervals_read(&env.mem, &source, &puzzle->file, &mishap) == GA_OK &&
               take_intervals(puzzle, puzzle->file.at, puzzle->file.n);
    }
    if (!good)
        fprintf(stderr, "%s: %s\n", path, mishap.what);
    if (file)
        fclose(file);
    return good;
}

/* ---- making ---- */

bool puzzle_perfect(struct puzzle *puzzle, const struct gen_perfect *wish)
{
    struct ga_env env = gai_env(NULL);
    *puzzle = (struct puzzle){ .optimum = wish->drop == 0 ? GEN_HEIGHT : 0 };
    snprintf(puzzle->name, sizeof puzzle->name, "perfect-%" PRIu32 "-%" PRIu64, wish->n_pieces, wish->seed);
    return gai_gen_perfect(&env.mem, wish, &puzzle->made) == GA_OK && take_intervals(puzzle, puzzle->made.at, puzzle->made.n);
}

bool puzzle_random(struct puzzle *puzzle, const struct gen_random *wish, const char *kind)
{
    struct ga_env env = gai_env(NULL);
    *puzzle = (struct puzzle){ 0 };
    snprintf(puzzle->name, sizeof puzzle->name, "%s-%" PRIu32 "-%" PRIu64, kind, wish->n, wish->seed);
    return gai_gen_random(&env.mem, wish, &puzzle->made) == GA_OK && take_intervals(puzzle, puzzle->made.at, puzzle->made.n);
}

static unsigned largest_pool(const ga_plan *plan)
{
    struct ga_plan_info info;
    unsigned largest = 0;
    ga_plan_info(plan, &info);
    for (unsigned pool = 1; pool < info.n_pools; pool++)
        largest = ga_plan_peak(plan, pool) > ga_plan_peak(plan, largest) ? pool : largest;
    return largest;
}

/* Sizes are rounded up to the pool's alignment, so that nobody needs to know it. */
static bool take_apart(struct puzzle *puzzle, const ga_plan *plan, unsigned pool, uint64_t align)
{
    const struct tgraph *graph = &puzzle->graph;
    uint32_t n = 0;
    align = align ? align : 1;
    for (uint32_t i = 0; i < graph->n_tensors; i++) {
        struct ga_slot slot;
        struct ga_node node;
        struct ga_interval at = { 0 };
        if (ga_graph_node(graph->graph, graph->ids[i], &node) && node.view_of == GA_NONE &&
            ga_plan_slot(plan, graph->ids[i], &slot) && slot.pool == pool &&
            ga_plan_life(plan, graph->ids[i], &at.birth, &at.death)) {
            at.size = (slot.size + align - 1) / align * align;
            at.align = node.align > align ? node.align : 0;
            puzzle->apart[n++] = at;
        }
    }
    return take_intervals(puzzle, puzzle->apart, n);
}

bool puzzle_apart(struct puzzle *puzzle)
{
    uint64_t align[64] = { 0 }, chunk_max[64] = { 0 };
    struct ga_plan_opts opts = { .effort = GA_EFFORT_NONE, .n_pools = puzzle->graph.n_buffers, .align = align };
    ga_plan *plan;
    if (opts.n_pools > 64)
        return false;
    gai_tgraph_limits(&puzzle->graph, align, chunk_max);
    puzzle->apart = malloc((puzzle->graph.n_tensors + (size_t)1) * sizeof *puzzle->apart);
    if (!puzzle->apart || ga_plan_graph(puzzle->graph.graph, &opts, &plan) != GA_OK)
        return false;
    unsigned pool = largest_pool(plan);
    bool good = take_apart(puzzle, plan, pool, align[pool]);
    ga_plan_delete(plan);
    return good;
}

static bool take_blocks(struct puzzle *puzzle, const struct alloc_trace *trace)
{
    puzzle->apart = calloc(trace->n_blocks + (size_t)1, sizeof *puzzle->apart);
    for (uint32_t i = 0; puzzle->apart && i < trace->n; i++) {
        const struct trace_event *event = &trace->at[i];
        if (event->kind == TRACE_ALLOC)
            puzzle->apart[event->block] = (struct ga_interval){ .size = event->value, .birth = i, .death = trace->n };
        else if (event->kind == TRACE_FREE)
            puzzle->apart[event->block].death = i;
    }
    return puzzle->apart && take_intervals(puzzle, puzzle->apart, trace->n_blocks);
}

bool puzzle_trace(struct puzzle *puzzle, enum trace_program program, uint64_t seed, const char *name)
{
    struct ga_env env = gai_env(NULL);
    struct alloc_trace trace;
    *puzzle = (struct puzzle){ 0 };
    snprintf(puzzle->name, sizeof puzzle->name, "%s-%" PRIu64, name, seed);
    if (gai_gen_trace(&env.mem, program, seed, &trace) != GA_OK)
        return false;
    bool good = take_blocks(puzzle, &trace);
    gai_alloc_trace_fini(&trace);
    return good;
}

void puzzle_fini(struct puzzle *puzzle)
{
    struct ga_env env = gai_env(NULL);
    if (puzzle->file.at)
        gai_intervals_fini(&puzzle->file);
    if (puzzle->made.at)
        gai_generated_fini(&env.mem, &puzzle->made);
    if (puzzle->is_graph)
        gai_tgraph_fini(&puzzle->graph);
    free(puzzle->apart);
    *puzzle = (struct puzzle){ 0 };
}

/* ---- for others to solve ---- */

bool puzzle_write(const struct puzzle *puzzle, FILE *out)
{
    bool aligned = false, fixed = false;
    for (uint32_t i = 0; i < puzzle->n; i++) {
        aligned |= puzzle->at[i].align > 1;
        fixed |= puzzle->at[i].fixed != 0;
    }
    fprintf(out, "id,lower,upper,size%s%s\n", aligned ? ",alignment" : "", fixed ? ",offset" : "");
    for (uint32_t i = 0; i < puzzle->n; i++) {
        const struct ga_interval *at = &puzzle->at[i];
        fprintf(out, "%" PRIu32 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64, i, at->birth, at->death, at->size);
        if (aligned)
            fprintf(out, ",%" PRIu64, at->align ? at->align : 1);
        if (fixed)
            fputc(',', out);
        if (at->fixed)
            fprintf(out, "%" PRIu64, at->fixed - 1);
        fputc('\n', out);
    }
    return fflush(out) == 0;
}

/* ---- judging ---- */

static bool is_allowed(const struct ga_interval *at, uint64_t offset)
{
    uint64_t align = at->align ? at->align : 1;
    return offset % align == 0 && (at->fixed == 0 || offset == at->fixed - 1) && offset <= UINT64_MAX - at->size;
}

static bool overlap(const struct puzzle *puzzle, const uint64_t *offsets, uint32_t a, uint32_t b)
{
    return offsets[a] < offsets[b] + puzzle->at[b].size && offsets[b] < offsets[a] + puzzle->at[a].size;
}

bool puzzle_judge(const struct puzzle *puzzle, const uint64_t *offsets, uint64_t *peak)
{
    struct event *events = make_events(puzzle);
    uint32_t *live = malloc((puzzle->n + 1) * sizeof *live), n_live = 0;
    bool good = events && live;
    *peak = 0;
    for (size_t e = 0; good && e < 2 * (size_t)puzzle->n; e++) {
        uint32_t i = events[e].interval, at = 0;
        for (; good && at < n_live && (events[e].birth || live[at] != i); at++)
            good = !events[e].birth || !overlap(puzzle, offsets, live[at], i);
        if (!events[e].birth) {
            live[at] = live[--n_live];
            continue;
        }
        good = good && is_allowed(&puzzle->at[i], offsets[i]);
        live[n_live++] = i;
        *peak = offsets[i] + puzzle->at[i].size > *peak ? offsets[i] + puzzle->at[i].size : *peak;
    }
    free(live);
    free(events);
    return good;
}
