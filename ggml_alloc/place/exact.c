#include "place/exact.h"

static bool is_before(const struct exact_item *a, const struct exact_item *b)
{
    if (a->from != b->from)
        return a->from < b->from;
    if (a->to != b->to)
        return a->to < b->to;
    if (a->size != b->size)
        return a->size > b->size;
    if (a->align != b->align)
        return a->align < b->align;
    if (a->fixed != b->fixed)
        return a->fixed;
    return a->lowest != b->lowest ? a->lowest < b->lowest : a->origin < b->origin;
}

static void sift(struct exact_item *heap, uint32_t n, uint32_t at)
{
    struct exact_item item = heap[at];
    for (uint32_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && is_before(&heap[child], &heap[child + 1]))
            child++;
        if (!is_before(&item, &heap[child]))
            break;
        heap[at] = heap[child];
    }
    heap[at] = item;
}

static void sort_items(struct exact_item *items, uint32_t n)
{
    for (uint32_t at = n / 2; at-- > 0;)
        sift(items, n, at);
    for (uint32_t end = n; end-- > 1;) {
        struct exact_item last = items[end];
        items[end] = items[0];
        items[0] = last;
        sift(items, end, 0);
    }
}

static uint64_t gcd(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* The unit divides sizes and places that are given, and is a divisor or a multiple of each alignment. */
static bool measure_in_units(struct exact *exact)
{
    uint64_t unit = 0, align = 1;
    for (uint32_t i = 0; i < exact->n_items; i++) {
        unit = gcd(gcd(unit, exact->items[i].size), exact->items[i].lowest);
        align = max_u64(align, exact->items[i].align);
    }
    unit = unit % align == 0 ? unit : gcd(unit, align);
    exact->unit = unit = unit ? unit : 1; /* there are no items */
    for (uint32_t i = 0; i < exact->n_items; i++) {
        struct exact_item *item = &exact->items[i];
        item->size /= unit;
        item->lowest /= unit;
        item->align = item->align > unit ? item->align / unit : 1;
        if (item->size >= EXACT_LIMIT || item->lowest >= EXACT_LIMIT - item->size)
            return false;
    }
    return true;
}

enum { IS_BIRTH = 1, IS_DEATH = 2 };

/* From steps to sections: one ends with the first death after a birth.  `marks`: by step, zeroed. */
static uint32_t cut_sections(struct exact *exact, uint32_t *marks)
{
    for (uint32_t i = 0; i < exact->n_items; i++) {
        marks[exact->items[i].from] |= IS_BIRTH;
        marks[exact->items[i].to] |= IS_DEATH;
    }
    uint32_t n = 0;
    bool open = false;
    for (uint32_t step = 0; step < exact->n_sections; step++) {
        uint32_t mark = marks[step];
        n += (mark & IS_DEATH) && open;
        open = (open && !(mark & IS_DEATH)) || (mark & IS_BIRTH);
        marks[step] = n;
    }
    for (uint32_t i = 0; i < exact->n_items; i++) {
        exact->items[i].from = marks[exact->items[i].from];
        exact->items[i].to = marks[exact->items[i].to];
    }
    return n;
}

/* A run of items, by `from`, and of sections that nobody leaves; what lies below. */
struct run {
    uint32_t first, last;
    uint64_t floor;
};

static bool may_sink(const struct exact *exact, const struct run *run)
{
    for (uint32_t i = run->first; i < run->last; i++)
        if (exact->items[i].fixed || exact->items[i].align > 1 || exact->items[i].lowest > 0)
            return false;
    return true;
}

static void reverse(struct exact_item *items, uint32_t n)
{
    for (uint32_t a = 0; a + 1 < n; a++, n--) {
        struct exact_item item = items[a];
        items[a] = items[n - 1];
        items[n - 1] = item;
    }
}

/*
 * Takes out the items that live through the whole run, to the front: whatever the answer, they can be exchanged with what is below
 * them until they lie on the floor.  Of the items that begin with the run, they end last.
 */
static void sink(struct exact *exact, struct run *run, uint32_t from, uint32_t to)
{
    uint32_t at = run->first;
    while (at < run->last && exact->items[at].from == from && exact->items[at].to != to)
        at++;
    uint32_t end = at;
    while (end < run->last && exact->items[end].from == from)
        end++;
    reverse(&exact->items[run->first], at - run->first);
    reverse(&exact->items[at], end - at);
    reverse(&exact->items[run->first], end - run->first);
    for (uint32_t n = end - at; n > 0; n--) {
        exact->offsets[run->first] = run->floor;
        run->floor += exact->items[run->first++].size;
    }
    exact->floor = max_u64(exact->floor, run->floor);
}

/* The end of the run that begins with item `first`; *to: its last section's end. */
static uint32_t end_of_run(const struct exact *exact, uint32_t first, uint32_t last, uint32_t *to)
{
    uint32_t end = first;
    for (*to = exact->items[first].to; end < last && exact->items[end].from < *to; end++)
        *to = exact->items[end].to > *to ? exact->items[end].to : *to;
    return end;
}

static uint64_t load_of(const struct exact_task *task, uint64_t *sums)
{
    for (uint32_t s = 0; s <= task->n_sections; s++)
        sums[s] = 0;
    for (uint32_t i = 0; i < task->n_items; i++) {
        sums[task->items[i].from] += task->items[i].size;
        sums[task->items[i].to] -= task->items[i].size;
    }
    uint64_t live = 0, most = 0;
    for (uint32_t s = 0; s < task->n_sections; s++) {
        live += sums[s];
        most = max_u64(most, live);
    }
    return most;
}

static void add_task(struct exact *exact, const struct run *run, uint32_t to, uint64_t *sums)
{
    uint32_t from = exact->items[run->first].from;
    for (uint32_t i = run->first; i < run->last; i++) {
        exact->items[i].from -= from;
        exact->items[i].to -= from;
    }
    struct exact_task *task = &exact->tasks[exact->n_tasks++];
    *task = (struct exact_task){
        .items = &exact->items[run->first], .n_items = run->last - run->first, .n_sections = to - from, .floor = run->floor
    };
    task->load = load_of(task, sums);
}

#define LOOKS 64 /* at each item, on average: lives nested by the thousand would take forever to unpack */

/* Run by run; one from which something was taken falls apart again.  `todo` has room for a run per item. */
static void cut_tasks(struct exact *exact, struct run *todo, uint64_t *sums)
{
    uint64_t looks = 0;
    uint32_t n = 0;
    todo[n++] = (struct run){ .last = exact->n_items };
    while (n > 0) {
        struct run rest = todo[--n], run = rest;
        uint32_t to;
        run.last = end_of_run(exact, run.first, rest.last, &to);
        if (run.last < rest.last)
            todo[n++] = (struct run){ .first = run.last, .last = rest.last, .floor = rest.floor };
        uint32_t from = exact->items[run.first].from, first = run.first;
        looks += run.last - run.first;
        if (looks / LOOKS <= exact->n_items && may_sink(exact, &run))
            sink(exact, &run, from, to);
        if (run.first == first)
            add_task(exact, &run, to, sums);
        else if (run.first < run.last)
            todo[n++] = run;
    }
}

enum ga_status gai_exact_init(const struct ga_mem *mem, struct exact *exact, uint32_t n_items, uint32_t n_steps)
{
    *exact = (struct exact){ .room = n_items, .n_sections = n_steps + 1 };
    exact->items = mem_new_raw(mem, struct exact_item, n_items);
    exact->offsets = mem_new_raw(mem, uint64_t, n_items);
    exact->tasks = mem_new_raw(mem, struct exact_task, n_items);
    if (exact->items && exact->offsets && exact->tasks)
        return GA_OK;
    gai_exact_fini(mem, exact);
    return GA_NO_MEMORY;
}

void gai_exact_fini(const struct ga_mem *mem, struct exact *exact)
{
    mem_free(mem, exact->tasks, exact->room);
    mem_free(mem, exact->offsets, exact->room);
    mem_free(mem, exact->items, exact->room);
    *exact = (struct exact){ 0 };
}

enum ga_status gai_exact_build(const struct ga_mem *mem, struct exact *exact)
{
    if (!measure_in_units(exact))
        return GA_NO_SPACE;
    uint32_t *marks = mem_new(mem, uint32_t, exact->n_sections);
    uint64_t *sums = mem_new_raw(mem, uint64_t, exact->n_sections);
    struct run *todo = mem_new_raw(mem, struct run, (size_t)exact->n_items + 1);
    bool ok = marks && sums && todo;
    if (ok) {
        cut_sections(exact, marks);
        sort_items(exact->items, exact->n_items);
        cut_tasks(exact, todo, sums);
    }
    mem_free(mem, todo, (size_t)exact->n_items + 1);
    mem_free(mem, sums, exact->n_sections);
    mem_free(mem, marks, exact->n_sections);
    return ok ? GA_OK : GA_NO_MEMORY;
}
