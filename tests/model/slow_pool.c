#include "slow_pool.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

struct segment segments[SEGMENTS];
int n_segments, n_lanes;
struct pool pools[POOLS];
uint64_t capacity;
static struct lane lanes[LANES];

uint64_t slow_round_up(uint64_t x, uint64_t to)
{
    return (x + to - 1) / to * to;
}

uint64_t slow_reserved(void)
{
    uint64_t sum = 0;
    for (int s = 0; s < n_segments; s++)
        sum += segments[s].size;
    return sum;
}

/* The pool of that name while it is held; NULL: it is not. */
struct pool *slow_holder(ga_pool name)
{
    for (int p = 0; p < POOLS; p++)
        if (pools[p].name == name && (p == 0 || name))
            return &pools[p];
    return NULL;
}

static void cut_part(struct segment *segment, int at, uint64_t len)
{
    struct part *part = &segment->parts[at];
    if (len == 0 || part->len == len)
        return;
    cr_assert(segment->n_parts < PARTS);
    memmove(part + 1, part, (size_t)(segment->n_parts - at) * sizeof *part);
    segment->n_parts++;
    part[1].len -= len;
    part->len = len;
}

static void join_parts(struct segment *segment)
{
    int n = 1;
    for (int i = 1; i < segment->n_parts; i++) {
        if (!segment->parts[i].used && !segment->parts[n - 1].used)
            segment->parts[n - 1].len += segment->parts[i].len;
        else
            segment->parts[n++] = segment->parts[i];
    }
    segment->n_parts = n;
}

static char *address(const struct segment *segment, int at)
{
    char *ptr = segment->base;
    for (int i = 0; i < at; i++)
        ptr += segment->parts[i].len;
    return ptr;
}

/* What the request gets of a free part. */
char *slow_carve(struct segment *segment, int at, const struct request *request)
{
    const struct pool *pool = slow_holder(segment->pool);
    uint64_t len = segment->parts[at].len, skip = 0;
    if (request->align)
        skip = (0 - (uint64_t)(uintptr_t)address(segment, at)) & (request->align - 1);
    uint64_t rest = len - skip + request->pad - request->rounded, size = request->rounded - request->pad;
    if (!(segment->small ? rest >= 512 : rest > MIB) || pool->whole)
        size = len - skip;
    if (skip) {
        cut_part(segment, at, skip);
        at++;
    }
    cut_part(segment, at, size);
    segment->parts[at].used = true;
    segment->parts[at].requested = request->size;
    return address(segment, at);
}

bool slow_is_for(const struct segment *segment, const struct request *request, ga_pool pool)
{
    return segment->stream == request->stream && segment->small == request->small && segment->pool == pool;
}

bool slow_find_best(const struct request *request, ga_pool pool, struct segment **best, int *at)
{
    *best = NULL;
    for (int s = 0; s < n_segments; s++)
        for (int i = 0; slow_is_for(&segments[s], request, pool) && i < segments[s].n_parts; i++) {
            const struct part *part = &segments[s].parts[i];
            if (!part->used && part->len >= request->rounded && (!*best || part->len < (*best)->parts[*at].len)) {
                *best = &segments[s];
                *at = i;
            }
        }
    return *best != NULL;
}

static char *slow_take(const struct request *request, ga_pool pool)
{
    struct segment *best;
    int at = 0;
    return slow_find_best(request, pool, &best, &at) ? slow_carve(best, at, request) : NULL;
}

static uint64_t segment_size(const struct request *request)
{
    return request->small ? 2 * MIB : request->rounded < 10 * MIB ? 20 * MIB : slow_round_up(request->rounded, 2 * MIB);
}

bool slow_has_room(const struct request *request)
{
    return slow_reserved() + segment_size(request) <= capacity;
}

struct segment *slow_grow(const struct request *request, char *base)
{
    cr_assert(n_segments < SEGMENTS);
    struct part *parts = calloc(PARTS, sizeof *parts);
    parts[0].len = segment_size(request);
    segments[n_segments] = (struct segment){ .size = parts[0].len,
                                             .base = base,
                                             .pool = pools[request->pool].name,
                                             .stream = request->stream,
                                             .small = request->small,
                                             .n_parts = 1,
                                             .parts = parts };
    return &segments[n_segments++];
}

bool slow_is_idle(const struct segment *segment)
{
    return segment->n_parts == 1 && !segment->parts[0].used;
}

void slow_drop(int s)
{
    free(segments[s].parts);
    memmove(&segments[s], &segments[s + 1], (size_t)(n_segments - s - 1) * sizeof *segments);
    n_segments--;
}

/* Idle segments of the general pool and of those that nobody holds, or all of one pool; whether there were any. */
bool slow_trim(ga_pool pool)
{
    int before = n_segments;
    for (int s = n_segments; s-- > 0;) {
        bool goes = pool ? segments[s].pool == pool : segments[s].pool == 0 || !slow_holder(segments[s].pool);
        if (goes && slow_is_idle(&segments[s]))
            slow_drop(s);
    }
    return n_segments < before;
}

void slow_know_lane(const struct request *request)
{
    struct lane lane = { (uint32_t)pools[request->pool].name, request->stream, request->small };
    for (int i = 0; i < n_lanes; i++)
        if (lanes[i].slot == lane.slot && lanes[i].stream == lane.stream && lanes[i].small == lane.small)
            return;
    cr_assert(n_lanes < LANES);
    lanes[n_lanes++] = lane;
}

static char *slow_borrow(const struct request *request)
{
    for (int i = 0; i < n_lanes; i++)
        for (int p = 1; p < POOLS; p++) {
            bool lends = pools[p].name && pools[p].lends && (uint32_t)pools[p].name == lanes[i].slot;
            char *ptr = NULL;
            if (lends && lanes[i].stream == request->stream && lanes[i].small == request->small)
                ptr = slow_take(request, pools[p].name);
            if (ptr)
                return ptr;
        }
    return NULL;
}

/* False: no space.  *ptr NULL: from a new segment, whose address is still to be learned. */
bool slow_alloc(const struct request *request, char **ptr)
{
    ga_pool pool = pools[request->pool].name;
    slow_know_lane(request);
    if ((*ptr = slow_take(request, pool)) || slow_has_room(request))
        return true;
    if (pool == 0 && (*ptr = slow_borrow(request)))
        return true;
    slow_trim(0);
    return slow_has_room(request);
}

struct segment *slow_segment_of(const char *ptr)
{
    for (int s = 0; s < n_segments; s++)
        if ((uintptr_t)ptr - (uintptr_t)segments[s].base < segments[s].size)
            return &segments[s];
    return NULL;
}

int slow_part_of(const struct segment *segment, const char *ptr)
{
    int at = 0;
    for (const char *end = segment->base + segment->parts[0].len; end <= ptr; end += segment->parts[at].len)
        at++;
    return at;
}

void slow_free(const char *ptr)
{
    struct segment *segment = slow_segment_of(ptr);
    struct part *part = &segment->parts[slow_part_of(segment, ptr)];
    cr_assert(part->used);
    *part = (struct part){ .len = part->len };
    join_parts(segment);
}
