#include "place/place.h"

#include "base/rankset.h"
#include "place/rung.h"

/*
 * Time is swept; what lives is a set of ranks in the order of (pool, chunk, offset):
 *
 *     offset    0      64          192     256
 *     rank      0      1     2     3       4
 *     live      1      0     1     0       1
 *                            ^ newcomer: only 0 and 4, its neighbours, need be asked
 *
 * What lives is disjoint, so a newcomer that overlaps anything overlaps a neighbour.  An heir on the bytes of its source needs no
 * question while the source lives, since nothing else is in there; it enters when the source leaves.
 */
struct sweep {
    const struct problem *problem;
    const struct spot *spots; /* by item; NULL: only the fixed items, each where it must be */
    uint32_t *order;          /* by rank: the item; then as much again for sorting */
    uint32_t *rank;           /* by item */
    uint32_t *heir;           /* by item: who took it over, or PLACE_NONE */
    uint32_t *source;         /* by item: what it took over, or PLACE_NONE */
    uint32_t *next;           /* by item: the next that dies at the same step */
    uint32_t *dying;          /* by step: the first */
    struct rankset live;      /* of ranks */
    uint32_t now;
    const char *fault;
    uint32_t a, b; /* the two at fault */
};

static struct spot spot_of(const struct sweep *sweep, uint32_t i)
{
    return sweep->spots ? sweep->spots[i] : (struct spot){ .offset = sweep->problem->items[i].fixed - 1 };
}

static bool takes_part(const struct sweep *sweep, uint32_t i)
{
    return sweep->spots || sweep->problem->items[i].fixed;
}

static bool same_chunk(const struct sweep *sweep, uint32_t i, uint32_t j)
{
    return sweep->problem->items[i].pool == sweep->problem->items[j].pool && spot_of(sweep, i).chunk == spot_of(sweep, j).chunk;
}

static bool is_before(const struct sweep *sweep, uint32_t i, uint32_t j)
{
    const struct item *items = sweep->problem->items;
    struct spot a = spot_of(sweep, i), b = spot_of(sweep, j);
    if (items[i].pool != items[j].pool)
        return items[i].pool < items[j].pool;
    if (a.chunk != b.chunk)
        return a.chunk < b.chunk;
    return a.offset != b.offset ? a.offset < b.offset : i < j;
}

/* `i` sorts before or overlaps `j` of the same chunk. */
static bool overlaps(const struct sweep *sweep, uint32_t i, uint32_t j)
{
    return same_chunk(sweep, i, j) && spot_of(sweep, j).offset - spot_of(sweep, i).offset < sweep->problem->items[i].size;
}

static void merge(const struct sweep *sweep, const uint32_t *from, uint32_t *to, uint32_t n, uint32_t run)
{
    for (uint32_t low = 0; low < n;) {
        uint32_t mid = n - low < run ? n : low + run, end = n - mid < run ? n : mid + run;
        for (uint32_t i = low, j = mid, k = low; k < end; k++)
            to[k] = j == end || (i < mid && is_before(sweep, from[i], from[j])) ? from[i++] : from[j++];
        low = end;
    }
}

static void sort_by_place(struct sweep *sweep)
{
    uint32_t n = sweep->problem->n_items, *from = sweep->order, *to = sweep->order + n;
    for (uint32_t i = 0; i < n; i++)
        from[i] = i;
    for (uint32_t run = 1; run<n; run = run> UINT32_MAX / 2 ? n : 2 * run) {
        merge(sweep, from, to, n, run);
        uint32_t *was = from;
        from = to;
        to = was;
    }
    sweep->order = from < to ? from : to;
    if (from > to)
        for (uint32_t k = 0; k < n; k++)
            to[k] = from[k];
    for (uint32_t k = 0; k < n; k++)
        sweep->rank[sweep->order[k]] = k;
}

static const char *blame(struct sweep *sweep, uint32_t a, uint32_t b, const char *what)
{
    sweep->a = a;
    sweep->b = b;
    return what;
}

/* The source on whose bytes item i sits by right of an edge, or PLACE_NONE. */
static uint32_t find_source(const struct sweep *sweep, uint32_t i)
{
    const struct item *item = &sweep->problem->items[i];
    for (uint32_t e = item[0].edge; e < item[1].edge; e++) {
        const struct edge *edge = &sweep->problem->edges[e];
        const struct item *from = &sweep->problem->items[edge->from];
        bool touch = edge->from < i && from->death - 1 == item->birth;
        bool within = item->size <= from->size && edge->delta <= from->size - item->size;
        if (touch && within && takes_part(sweep, edge->from) && same_chunk(sweep, edge->from, i) &&
            spot_of(sweep, i).offset - spot_of(sweep, edge->from).offset == edge->delta)
            return edge->from;
    }
    return PLACE_NONE;
}

/* One heir for each, and never by way of a third that is born and dies in between: the first still lives then. */
static const char *take_over(struct sweep *sweep, uint32_t i)
{
    const struct item *items = sweep->problem->items;
    uint32_t from = sweep->source[i];
    if (sweep->heir[from] != PLACE_NONE)
        return blame(sweep, sweep->heir[from], i, "two items take over the same one");
    if (items[from].birth == items[i].birth && sweep->source[from] != PLACE_NONE)
        return blame(sweep, sweep->source[from], i, "items that live together overlap");
    sweep->heir[from] = i;
    return NULL;
}

static const char *arrive(struct sweep *sweep, uint32_t i)
{
    sweep->source[i] = find_source(sweep, i);
    if (sweep->source[i] != PLACE_NONE)
        return take_over(sweep, i);
    uint32_t below = gai_rankset_below(&sweep->live, sweep->rank[i]);
    uint32_t above = gai_rankset_above(&sweep->live, sweep->rank[i]);
    if (below != RANKSET_NONE && overlaps(sweep, sweep->order[below], i))
        return blame(sweep, sweep->order[below], i, "items that live together overlap");
    if (above != RANKSET_NONE && overlaps(sweep, i, sweep->order[above]))
        return blame(sweep, sweep->order[above], i, "items that live together overlap");
    gai_rankset_add(&sweep->live, sweep->rank[i]);
    return NULL;
}

static void advance(struct sweep *sweep, uint32_t birth)
{
    const struct item *items = sweep->problem->items;
    while (sweep->now < birth) {
        sweep->now++;
        for (uint32_t i = sweep->dying[sweep->now]; i != PLACE_NONE; i = sweep->next[i])
            gai_rankset_drop(&sweep->live, sweep->rank[i]);
        for (uint32_t i = sweep->dying[sweep->now]; i != PLACE_NONE; i = sweep->next[i])
            if (sweep->heir[i] != PLACE_NONE && items[sweep->heir[i]].death > sweep->now)
                gai_rankset_add(&sweep->live, sweep->rank[sweep->heir[i]]);
    }
}

static const char *sweep_time(struct sweep *sweep)
{
    const struct problem *problem = sweep->problem;
    for (uint32_t step = 0; step <= problem->n_steps; step++)
        sweep->dying[step] = PLACE_NONE;
    for (uint32_t i = 0; i < problem->n_items; i++)
        sweep->heir[i] = PLACE_NONE;
    for (uint32_t i = 0; i < problem->n_items; i++) {
        const struct item *item = &problem->items[i];
        if (item->birth < sweep->now || item->death <= item->birth || item->death > problem->n_steps)
            return blame(sweep, i, i, "the item's life is empty or out of order");
        if (!takes_part(sweep, i))
            continue;
        advance(sweep, item->birth);
        const char *fault = arrive(sweep, i);
        if (fault)
            return fault;
        sweep->next[i] = sweep->dying[item->death];
        sweep->dying[item->death] = i;
    }
    return NULL;
}

static bool make_sweep(const struct ga_mem *mem, struct sweep *sweep)
{
    size_t n = sweep->problem->n_items;
    bool has_set = gai_rankset_init(&sweep->live, mem, sweep->problem->n_items);
    sweep->order = mem_new_raw(mem, uint32_t, 2 * n);
    sweep->rank = mem_new_raw(mem, uint32_t, n);
    sweep->heir = mem_new_raw(mem, uint32_t, n);
    sweep->source = mem_new_raw(mem, uint32_t, n);
    sweep->next = mem_new_raw(mem, uint32_t, n);
    sweep->dying = mem_new_raw(mem, uint32_t, (size_t)sweep->problem->n_steps + 1);
    return has_set && sweep->order && sweep->rank && sweep->heir && sweep->source && sweep->next && sweep->dying;
}

static void sweep_fini(const struct ga_mem *mem, struct sweep *sweep)
{
    size_t n = sweep->problem->n_items;
    mem_free(mem, sweep->dying, (size_t)sweep->problem->n_steps + 1);
    mem_free(mem, sweep->next, n);
    mem_free(mem, sweep->source, n);
    mem_free(mem, sweep->heir, n);
    mem_free(mem, sweep->rank, n);
    mem_free(mem, sweep->order, 2 * n);
    gai_rankset_fini(&sweep->live, mem);
}

/* ggml's sixteenth chunk has no limit. */
static bool is_long(const struct problem *problem, const struct answer *answer, unsigned pool, uint32_t chunk)
{
    bool sixteenth = chunk == 15 && answer->pools[pool].n_chunks == 16;
    return answer->pools[pool].chunks[chunk] > problem->pools[pool].chunk_max && !sixteenth;
}

/* A chunk beyond the limit holds one item of that length; n_long: how many chunks are beyond. */
static const char *check_long_chunks(const struct sweep *sweep, const struct answer *answer, uint32_t n_long)
{
    const struct problem *problem = sweep->problem;
    for (uint32_t k = 0, end; k < problem->n_items && n_long > 0; k = end) {
        uint32_t first = sweep->order[k];
        unsigned pool = problem->items[first].pool;
        uint64_t longest = 0, len = answer->pools[pool].chunks[sweep->spots[first].chunk];
        for (end = k; end < problem->n_items && same_chunk(sweep, first, sweep->order[end]); end++)
            longest = max_u64(longest, problem->items[sweep->order[end]].size);
        n_long -= is_long(problem, answer, pool, sweep->spots[first].chunk) && longest == len;
    }
    return n_long > 0 ? "a chunk is longer than its pool allows" : NULL;
}

static enum ga_status judge(const struct ga_mem *mem, struct sweep *sweep, const struct answer *answer, uint32_t n_long)
{
    bool ready = make_sweep(mem, sweep);
    if (ready) {
        sort_by_place(sweep);
        sweep->fault = answer ? check_long_chunks(sweep, answer, n_long) : NULL;
        if (!sweep->fault)
            sweep->fault = sweep_time(sweep);
    }
    sweep_fini(mem, sweep);
    return ready ? GA_OK : GA_NO_MEMORY;
}

static const char *check_spots(const struct problem *problem, const struct answer *answer, uint32_t *a)
{
    for (uint32_t i = 0; i < problem->n_items; i++) {
        const struct item *item = &problem->items[i];
        const struct spot *spot = &answer->spots[i];
        const struct pool_limits *limits = &problem->pools[item->pool];
        const struct pool_answer *pool = &answer->pools[item->pool];
        unsigned log2 = item->align_log2 > limits->align_log2 ? item->align_log2 : limits->align_log2;
        *a = i;
        if (spot->chunk >= pool->n_chunks)
            return "the item's chunk does not exist";
        if (spot->offset > pool->chunks[spot->chunk] || item->size > pool->chunks[spot->chunk] - spot->offset)
            return "the item passes the end of its chunk";
        if (spot->offset & (((uint64_t)1 << log2) - 1))
            return "the item is misaligned";
        if (item->fixed && (spot->chunk != 0 || spot->offset != item->fixed - 1))
            return "the item is not where it must be";
    }
    return NULL;
}

static const char *check_pools(const struct problem *problem, const struct answer *answer, uint32_t *n_long)
{
    for (unsigned p = 0; p < answer->n_pools; p++) {
        const struct pool_answer *pool = &answer->pools[p];
        uint64_t sum = 0, slack = ((uint64_t)1 << problem->pools[p].align_log2) - 1;
        for (uint32_t c = 0; c < pool->n_chunks; c++) {
            *n_long += is_long(problem, answer, p, c);
            if (pool->chunks[c] & slack)
                return "a chunk is no multiple of the pool's alignment";
            if (!add_fits(sum, pool->chunks[c], &sum))
                return "the chunks are longer than any memory";
        }
        if (sum != pool->peak)
            return "the peak is not the sum of the chunks";
        if (pool->peak < pool->bound)
            return "the peak is below the bound";
    }
    return NULL;
}

const char *gai_place_check(const struct ga_mem *mem, const struct problem *problem, const struct answer *answer, uint32_t *a,
                            uint32_t *b)
{
    struct sweep sweep = { .problem = problem, .spots = answer->spots };
    if (answer->n_spots != problem->n_items || answer->n_pools != problem->n_pools)
        return "the answer is of another problem";
    uint32_t n_long = 0;
    sweep.fault = check_spots(problem, answer, &sweep.a);
    sweep.b = sweep.a;
    if (!sweep.fault)
        sweep.fault = check_pools(problem, answer, &n_long);
    if (!sweep.fault && judge(mem, &sweep, answer, n_long) != GA_OK)
        return "there is no memory to check it with";
    if (sweep.fault && a)
        *a = sweep.a;
    if (sweep.fault && b)
        *b = sweep.b;
    return sweep.fault;
}

enum ga_status gai_check_fixed(const struct ga_mem *mem, const struct problem *problem)
{
    struct sweep sweep = { .problem = problem };
    enum ga_status status = judge(mem, &sweep, NULL, 0);
    return status == GA_OK && sweep.fault ? GA_INVALID : status;
}
