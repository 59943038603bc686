#include "order/flow.h"

#include "base/array.h"
#include "base/bits.h"

#include <string.h>

#define FAR UINT32_MAX

bool gai_flow_init(struct flow *flow, const struct ga_mem *mem, uint32_t cap_nodes)
{
    *flow = (struct flow){ .mem = *mem, .cap_nodes = cap_nodes };
    flow->first = mem_new(mem, uint32_t, cap_nodes);
    flow->now = mem_new(mem, uint32_t, cap_nodes);
    flow->level = mem_new(mem, uint32_t, cap_nodes);
    flow->queue = mem_new(mem, uint32_t, cap_nodes);
    return flow->first && flow->now && flow->level && flow->queue;
}

void gai_flow_fini(struct flow *flow)
{
    mem_free(&flow->mem, flow->arcs, flow->cap_arcs);
    mem_free(&flow->mem, flow->first, flow->cap_nodes);
    mem_free(&flow->mem, flow->now, flow->cap_nodes);
    mem_free(&flow->mem, flow->level, flow->cap_nodes);
    mem_free(&flow->mem, flow->queue, flow->cap_nodes);
}

void gai_flow_reset(struct flow *flow, uint32_t n_nodes)
{
    flow->n_nodes = n_nodes;
    flow->n_arcs = 0;
    memset(flow->first, 0, n_nodes * sizeof *flow->first);
}

static void push_arc(struct flow *flow, uint32_t from, uint32_t to, uint64_t room)
{
    flow->arcs[flow->n_arcs] = (struct flow_arc){ room, to, flow->first[from] };
    flow->first[from] = ++flow->n_arcs;
}

bool gai_flow_add(struct flow *flow, uint32_t from, uint32_t to, uint64_t room)
{
    if (!array_room(&flow->mem, &flow->arcs, &flow->cap_arcs, flow->n_arcs + (uint64_t)2))
        return false;
    push_arc(flow, from, to, room);
    push_arc(flow, to, from, 0);
    return true;
}

/* How far each node is from the source, by arcs with room; whether the sink can be reached. */
static bool find_levels(struct flow *flow)
{
    uint32_t n = 0;
    memset(flow->level, 0xff, flow->n_nodes * sizeof *flow->level);
    flow->level[FLOW_SOURCE] = 0;
    flow->queue[n++] = FLOW_SOURCE;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t node = flow->queue[i];
        for (uint32_t at = flow->first[node]; at; at = flow->arcs[at - 1].next) {
            const struct flow_arc *arc = &flow->arcs[at - 1];
            flow->steps++;
            if (arc->room == 0 || flow->level[arc->to] != FAR)
                continue;
            flow->level[arc->to] = flow->level[node] + 1;
            flow->queue[n++] = arc->to;
        }
    }
    return flow->level[FLOW_SINK] != FAR;
}

static uint32_t tail_of(const struct flow *flow, uint32_t arc)
{
    return flow->arcs[arc ^ 1].to;
}

/* As much as the way in hand has room for; answers how much of the way is left, up to the first arc that is full. */
static uint32_t push_along(struct flow *flow, uint32_t length, uint64_t *sum)
{
    uint64_t most = FLOW_ANY;
    uint32_t kept = 0;
    flow->steps += length;
    for (uint32_t i = 0; i < length; i++)
        most = min_u64(most, flow->arcs[flow->queue[i]].room);
    for (uint32_t i = length; i-- > 0;) {
        flow->arcs[flow->queue[i]].room -= most;
        flow->arcs[flow->queue[i] ^ 1].room += most;
        kept = flow->arcs[flow->queue[i]].room == 0 ? i : kept;
    }
    *sum += most;
    return kept;
}

/* The next arc that leads from `node` one level on; 0: none. */
static uint32_t find_way(struct flow *flow, uint32_t node)
{
    uint32_t at = flow->now[node];
    for (; at; at = flow->arcs[at - 1].next) {
        const struct flow_arc *arc = &flow->arcs[at - 1];
        flow->steps++;
        if (arc->room && flow->level[arc->to] == flow->level[node] + 1)
            break;
    }
    flow->now[node] = at;
    return at;
}

/* By all shortest ways, until they are full. */
static void fill_ways(struct flow *flow, uint64_t end, uint64_t *sum)
{
    uint32_t length = 0, node = FLOW_SOURCE;
    memcpy(flow->now, flow->first, flow->n_nodes * sizeof *flow->now);
    while (flow->steps < end) {
        if (node == FLOW_SINK) {
            length = push_along(flow, length, sum);
            node = tail_of(flow, flow->queue[length]);
            continue;
        }
        uint32_t at = find_way(flow, node);
        if (at) {
            flow->queue[length++] = at - 1;
            node = flow->arcs[at - 1].to;
        } else if (length) {
            node = tail_of(flow, flow->queue[--length]);
            flow->now[node] = flow->arcs[flow->now[node] - 1].next;
        } else {
            break;
        }
    }
}

uint64_t gai_flow_run(struct flow *flow, uint64_t budget)
{
    uint64_t sum = 0, end = flow->steps + budget;
    while (flow->steps < end && find_levels(flow))
        fill_ways(flow, end, &sum);
    return sum;
}

bool gai_flow_is_beyond(const struct flow *flow, uint32_t node)
{
    return flow->level[node] == FAR;
}
