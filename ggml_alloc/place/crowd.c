#include "place/crowd.h"

#include <string.h>

#define LEAST_STRIDE 16u

static uint32_t first_mark(const struct crowd *crowd, uint32_t section)
{
    return section / crowd->stride;
}

static uint32_t count_marks(const struct crowd *crowd, const struct block *block)
{
    return first_mark(crowd, block->to - 1) - first_mark(crowd, block->from);
}

static void index_births(struct crowd *crowd)
{
    for (uint32_t s = 0, b = 0; s <= crowd->n_sections; s++) {
        while (b < crowd->n_blocks && crowd->blocks[b].from < s)
            b++;
        crowd->born[s] = b;
    }
}

/* Each block onto the roll of every mark that it lives across. */
static void call_rolls(struct crowd *crowd)
{
    for (uint32_t b = 0; b < crowd->n_blocks; b++)
        for (uint32_t k = count_marks(crowd, &crowd->blocks[b]); k > 0; k--)
            crowd->roll[first_mark(crowd, crowd->blocks[b].from) + k]++;
    for (uint32_t mark = 0, sum = 0; mark <= crowd->n_marks; mark++) {
        sum += crowd->roll[mark];
        crowd->roll[mark] = sum; /* its end; its begin when all are on it */
    }
    for (uint32_t b = crowd->n_blocks; b-- > 0;)
        for (uint32_t k = count_marks(crowd, &crowd->blocks[b]); k > 0; k--)
            crowd->rolls[--crowd->roll[first_mark(crowd, crowd->blocks[b].from) + k]] = b;
}

bool gai_crowd_init(struct crowd *crowd, const struct quick *quick)
{
    const struct ga_mem *mem = quick->climb->mem;
    crowd->blocks = quick->blocks;
    crowd->n_blocks = quick->n_blocks;
    crowd->n_sections = quick->n_sections;
    crowd->met = quick->order;
    crowd->next = (uint32_t *)(void *)quick->keys;
    uint64_t lives = 0;
    for (uint32_t b = 0; b < crowd->n_blocks; b++)
        lives += crowd->blocks[b].to - crowd->blocks[b].from;
    crowd->stride = LEAST_STRIDE + (uint32_t)(lives / crowd->n_sections);
    crowd->n_marks = crowd->n_sections / crowd->stride + 1;
    for (uint32_t b = 0; b < crowd->n_blocks; b++)
        crowd->n_rolls += count_marks(crowd, &crowd->blocks[b]);
    crowd->boxes = mem_new_raw(mem, struct box, crowd->n_blocks);
    crowd->weights = mem_new(mem, uint32_t, crowd->n_blocks);
    crowd->born = (uint32_t *)(void *)quick->scratch;
    crowd->roll = mem_new(mem, uint32_t, (size_t)crowd->n_marks + 1);
    size_t left = 2 * quick->n_scratch - ((size_t)crowd->n_sections + 1);
    if (crowd->n_rolls > left)
        crowd->own_rolls = mem_new_raw(mem, uint32_t, crowd->n_rolls);
    crowd->rolls = crowd->n_rolls > left ? crowd->own_rolls : crowd->born + crowd->n_sections + 1;
    if (!crowd->boxes || !crowd->weights || !crowd->roll || !crowd->rolls)
        return false;
    index_births(crowd);
    call_rolls(crowd);
    for (uint32_t b = 0; b < crowd->n_blocks; b++) {
        uint64_t size = quick->part->items[crowd->blocks[b].item].size;
        crowd->boxes[b] = (struct box){ .offset = BOX_OUT, .size = size };
    }
    return true;
}

void gai_crowd_fini(struct crowd *crowd, const struct ga_mem *mem)
{
    mem_free(mem, crowd->own_rolls, crowd->n_rolls);
    mem_free(mem, crowd->roll, (size_t)crowd->n_marks + 1);
    mem_free(mem, crowd->weights, crowd->n_blocks);
    mem_free(mem, crowd->boxes, crowd->n_blocks);
}

uint32_t gai_crowd_meet(struct crowd *crowd, uint32_t block)
{
    const struct box *boxes = crowd->boxes;
    uint32_t from = crowd->blocks[block].from, mark = first_mark(crowd, from), n = 0;
    const uint32_t *roll = crowd->rolls + crowd->roll[mark];
    uint32_t n_roll = crowd->roll[mark + 1] - crowd->roll[mark];
    for (uint32_t k = 0; k < n_roll; k++) {
        crowd->met[n] = roll[k];
        n += crowd->blocks[roll[k]].to > from && boxes[roll[k]].offset != BOX_OUT;
    }
    uint32_t first = crowd->born[mark * crowd->stride], middle = crowd->born[from], last = crowd->born[crowd->blocks[block].to];
    for (uint32_t b = first; b < middle; b++) {
        crowd->met[n] = b;
        n += crowd->blocks[b].to > from && boxes[b].offset != BOX_OUT;
    }
    for (uint32_t b = middle; b < last; b++) {
        crowd->met[n] = b;
        n += boxes[b].offset != BOX_OUT;
    }
    crowd->n_met = n;
    return n_roll + last - first;
}

/*
 * Going up with a box, another begins to be in the way at one offset and ceases to be at a later one: two events, at the first
 * aligned offsets from there on.  Events lie in cells by offset, unsorted: a cell is sorted only when it might hold the best.
 */
struct walk {
    struct crowd *crowd;
    uint64_t size, align, top; /* of the box; top: the highest offset */
    unsigned shift;            /* from offset to cell */
    int64_t cost, best;
    uint64_t best_at;
};

static int64_t weight_of(const struct crowd *crowd, uint32_t block)
{
    return crowd->weights[block] == BOX_NAILED ? CROWD_UNBEARABLE : crowd->weights[block];
}

/* Even events begin, odd ones end. */
static uint64_t offset_of(const struct walk *walk, uint32_t event)
{
    const struct box *box = &walk->crowd->boxes[walk->crowd->met[event / 2]];
    if (event % 2)
        return align_up(box->offset + box->size, walk->align);
    return box->offset < walk->size ? 0 : align_up(box->offset + 1 - walk->size, walk->align);
}

static void file(struct walk *walk, uint32_t event, uint64_t offset)
{
    struct crowd *crowd = walk->crowd;
    struct cell *cell = &crowd->cells[offset >> walk->shift];
    int64_t weight = weight_of(crowd, crowd->met[event / 2]);
    if (event % 2)
        cell->fall += weight;
    else
        cell->rise += weight;
    crowd->next[event] = cell->first;
    cell->first = event;
}

static void file_all(struct walk *walk)
{
    struct crowd *crowd = walk->crowd;
    for (uint32_t k = 0; k < crowd->n_met; k++) {
        uint64_t begin = offset_of(walk, 2 * k), end = offset_of(walk, 2 * k + 1);
        if (begin > walk->top)
            continue;
        if (begin == 0)
            walk->cost += weight_of(crowd, crowd->met[k]);
        else
            file(walk, 2 * k, begin);
        if (end <= walk->top)
            file(walk, 2 * k + 1, end);
    }
}

/* Sorts the first `n` of a list by offset; `rest` gets what follows them.  A cell may hold very many: n log n, in place. */
static uint32_t sort_events(const struct walk *walk, uint32_t list, uint32_t n, uint32_t *rest)
{
    uint32_t *next = walk->crowd->next;
    if (n == 1) {
        *rest = next[list];
        next[list] = PLACE_NONE;
        return list;
    }
    uint32_t b, a = sort_events(walk, list, n / 2, &b), head, *link = &head;
    b = sort_events(walk, b, n - n / 2, rest);
    while (a != PLACE_NONE && b != PLACE_NONE) {
        uint32_t *first = offset_of(walk, b) < offset_of(walk, a) ? &b : &a;
        *link = *first;
        link = &next[*first];
        *first = *link;
    }
    *link = a != PLACE_NONE ? a : b;
    return head;
}

static void consider(struct walk *walk, uint64_t offset)
{
    if (walk->cost >= walk->best)
        return;
    walk->best = walk->cost;
    walk->best_at = offset;
}

static void walk_cell(struct walk *walk, struct cell *cell)
{
    const struct crowd *crowd = walk->crowd;
    uint32_t n = 0, rest;
    for (uint32_t event = cell->first; event != PLACE_NONE; event = crowd->next[event])
        n++;
    uint32_t event = sort_events(walk, cell->first, n, &rest);
    while (event != PLACE_NONE) {
        uint64_t offset = offset_of(walk, event);
        for (; event != PLACE_NONE && offset_of(walk, event) == offset; event = crowd->next[event]) {
            int64_t weight = weight_of(crowd, crowd->met[event / 2]);
            walk->cost += event % 2 ? -weight : weight;
        }
        consider(walk, offset);
    }
}

/* What it costs behind the last event of a cell: nothing dearer needs to be looked at. */
static int64_t cheapest_end(const struct walk *walk, uint32_t n_cells)
{
    int64_t cost = walk->cost, least = cost;
    for (uint32_t c = 0; c < n_cells; c++) {
        cost += walk->crowd->cells[c].rise - walk->crowd->cells[c].fall;
        least = cost < least ? cost : least;
    }
    return least;
}

int64_t gai_crowd_find(struct crowd *crowd, uint32_t block, uint64_t roof, uint64_t align, uint64_t *offset)
{
    uint64_t size = crowd->boxes[block].size;
    if (size > roof)
        return CROWD_UNBEARABLE;
    struct walk walk = { .crowd = crowd, .size = size, .align = align, .top = roof - size };
    while (walk.top >> walk.shift >= CROWD_CELLS)
        walk.shift++;
    uint32_t n_cells = (uint32_t)(walk.top >> walk.shift) + 1;
    for (uint32_t c = 0; c < n_cells; c++)
        crowd->cells[c] = (struct cell){ .first = PLACE_NONE };
    file_all(&walk);
    walk.best = cheapest_end(&walk, n_cells) + 1;
    consider(&walk, 0);
    for (uint32_t c = 0; c < n_cells && walk.best > 0; c++) {
        struct cell *cell = &crowd->cells[c];
        if (cell->first == PLACE_NONE)
            continue;
        if (walk.cost - cell->fall < walk.best)
            walk_cell(&walk, cell);
        else
            walk.cost += cell->rise - cell->fall;
    }
    *offset = walk.best_at;
    return walk.best;
}
