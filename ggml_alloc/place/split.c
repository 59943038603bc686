#include "place/rung.h"

/*
 * One pool: the part is the problem.  Several: items are copied pool by pool, into one array that the parts share, and the steps of
 * a part with few items are renumbered, so that its cost depends on its own items only:
 *
 *     births   2     5  5     9          steps of the part: 0 1 1 2
 *     death 6 -> births before it: 3rd   lives through 0 and 1: [.., 2)
 */

#define SPARSE 8 /* steps per item from which renumbering pays */

/* Room for all parts at once: items and one sentinel, edges, origins. */
static bool make_room(struct climb *climb)
{
    climb->items = mem_new_raw(climb->mem, struct item, (size_t)climb->n_items + 1);
    climb->edges = mem_new_raw(climb->mem, struct edge, climb->n_edges);
    climb->origins = mem_new_raw(climb->mem, uint32_t, climb->n_items);
    return climb->items && climb->edges && climb->origins;
}

/* Where each part begins.  Parts point into the shared arrays. */
static void lay_out_parts(struct climb *climb, const struct problem *problem)
{
    for (uint32_t i = 0; i < problem->n_items; i++)
        climb->parts[problem->items[i].pool].n_items++;
    uint32_t first = 0;
    for (unsigned p = 0; p < climb->n_parts; p++) {
        struct part *part = &climb->parts[p];
        part->items = &climb->items[first];
        part->edges = climb->edges;
        part->origin = &climb->origins[first];
        first += part->n_items;
        part->n_items = 0; /* counts again while items arrive */
    }
}

/* The part's index of item i: origins grow, and the answer lies among them. */
static uint32_t find_origin(const struct part *part, uint32_t i)
{
    uint32_t low = 0, high = part->n_items;
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        if (part->origin[mid] <= i)
            low = mid;
        else
            high = mid;
    }
    return low;
}

static void copy_items(struct climb *climb, const struct problem *problem)
{
    for (uint32_t i = 0; i < problem->n_items; i++) {
        struct part *part = &climb->parts[problem->items[i].pool];
        uint32_t at = (uint32_t)(part->items - climb->items) + part->n_items++;
        climb->items[at] = problem->items[i];
        climb->origins[at] = i;
    }
}

/* In the order of the copied items, so that an item's edges end where the next one's begin. */
static void copy_edges(struct climb *climb, const struct problem *problem)
{
    uint32_t n = 0;
    for (uint32_t at = 0; at < problem->n_items; at++) {
        const struct item *item = &problem->items[climb->origins[at]];
        climb->items[at].edge = n;
        for (uint32_t e = item[0].edge; e < item[1].edge; e++) {
            climb->edges[n] = problem->edges[e];
            climb->edges[n++].from = find_origin(&climb->parts[item->pool], problem->edges[e].from);
        }
    }
    climb->items[problem->n_items] = (struct item){ .edge = n };
}

/* How many of the steps births[0 .. n) lie before `step`. */
static uint32_t rank_of(const uint32_t *births, uint32_t n, uint32_t step)
{
    uint32_t low = 0, high = n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (births[mid] < step)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* `births` has room for one number per item. */
static void renumber_steps(struct climb *climb, struct part *part, uint32_t *births)
{
    struct item *items = &climb->items[part->items - climb->items];
    uint32_t n = 0;
    for (uint32_t i = 0; i < part->n_items; i++)
        if (n == 0 || births[n - 1] < items[i].birth)
            births[n++] = items[i].birth;
    for (uint32_t i = 0; i < part->n_items; i++) {
        items[i].birth = rank_of(births, n, items[i].birth);
        items[i].death = rank_of(births, n, items[i].death);
    }
    part->n_steps = n;
}

static enum ga_status split_pools(struct climb *climb, const struct problem *problem)
{
    uint32_t *births = mem_new_raw(climb->mem, uint32_t, climb->n_items);
    if (!births || !make_room(climb)) {
        mem_free(climb->mem, births, climb->n_items);
        return GA_NO_MEMORY;
    }
    lay_out_parts(climb, problem);
    copy_items(climb, problem);
    copy_edges(climb, problem);
    for (unsigned p = 0; p < climb->n_parts; p++) {
        struct part *part = &climb->parts[p];
        part->n_steps = problem->n_steps;
        if (part->n_steps / SPARSE > part->n_items)
            renumber_steps(climb, part, births);
    }
    mem_free(climb->mem, births, climb->n_items);
    return GA_OK;
}

/* By offset: sift the largest to the end, again and again. */
static void sift(const struct item *items, uint32_t *heap, uint32_t n, uint32_t at)
{
    uint32_t id = heap[at];
    for (uint32_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && items[heap[child + 1]].fixed > items[heap[child]].fixed)
            child++;
        if (items[heap[child]].fixed <= items[id].fixed)
            break;
        heap[at] = heap[child];
    }
    heap[at] = id;
}

static void sort_fixed(struct part *part)
{
    for (uint32_t at = part->n_fixed / 2; at-- > 0;)
        sift(part->items, part->fixed, part->n_fixed, at);
    for (uint32_t n = part->n_fixed; n-- > 1;) {
        uint32_t last = part->fixed[n];
        part->fixed[n] = part->fixed[0];
        part->fixed[0] = last;
        sift(part->items, part->fixed, n, 0);
    }
}

static enum ga_status list_fixed(const struct ga_mem *mem, struct part *part)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < part->n_items; i++) {
        part->mixed |= part->items[i].align_log2 > part->limits.align_log2;
        n += item_is_fixed(&part->items[i]);
    }
    if (n == 0)
        return GA_OK;
    part->fixed = mem_new_raw(mem, uint32_t, n);
    if (!part->fixed)
        return GA_NO_MEMORY;
    part->n_fixed = n;
    n = 0;
    for (uint32_t i = 0; i < part->n_items; i++)
        if (item_is_fixed(&part->items[i]))
            part->fixed[n++] = i;
    sort_fixed(part);
    return GA_OK;
}

enum ga_status gai_split(struct climb *climb, const struct problem *problem)
{
    climb->parts = mem_new(climb->mem, struct part, problem->n_pools);
    if (!climb->parts)
        return GA_NO_MEMORY;
    climb->n_parts = problem->n_pools;
    for (unsigned p = 0; p < climb->n_parts; p++)
        climb->parts[p].limits = problem->pools[p];
    enum ga_status status = GA_OK;
    if (climb->n_parts == 1) {
        struct part *part = &climb->parts[0];
        part->items = problem->items;
        part->edges = problem->edges;
        part->n_items = problem->n_items;
        part->n_steps = problem->n_steps;
    } else {
        status = split_pools(climb, problem);
    }
    for (unsigned p = 0; p < climb->n_parts && status == GA_OK; p++)
        status = list_fixed(climb->mem, &climb->parts[p]);
    return status;
}

void gai_split_fini(struct climb *climb)
{
    for (unsigned p = 0; p < climb->n_parts; p++) {
        struct part *part = &climb->parts[p];
        mem_free(climb->mem, part->best.spots, part->n_items);
        mem_free(climb->mem, part->fixed, part->n_fixed);
    }
    mem_free(climb->mem, climb->origins, climb->n_items);
    mem_free(climb->mem, climb->edges, climb->n_edges);
    mem_free(climb->mem, climb->items, (size_t)climb->n_items + 1);
    mem_free(climb->mem, climb->parts, climb->n_parts);
}
