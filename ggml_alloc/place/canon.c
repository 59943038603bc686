#include "place/canon.h"

#define MAX_ITEMS 2048u
#define CAPACITY_LIMIT (UNIT_MAX / 2)

/* The child's arrays: the parent's, with item j placed.  All sections of which `base` has to be found anew. */
static struct span place(const struct canon *canon, const struct frame *parent, struct frame *child, int32_t j)
{
    const struct view *view = &parent->view;
    const int32_t *from = view->from, *to = view->to;
    int32_t birth = from[j], death = to[j], first = birth, last = death;
    unit top = parent->rest[j] + view->size[j];
    for (int32_t i = 0; i < view->n; i++) {
        int32_t above = -((from[i] < death) & (to[i] > birth));
        unit was = parent->rest[i], rest = max_i32(was, top & above);
        int32_t raised = -(rest > was);
        child->rest[i] = rest;
        child->low[i] = max_i32(parent->low[i], rest);
        child->wait[i] = parent->wait[i] | raised; /* all ones: WAITS_FOR_NONE */
        first = min_i32(first, (from[i] & raised) | (first & ~raised));
        last = max_i32(last, to[i] & raised);
    }
    child->rest[j] = child->low[j] = UNIT_MAX;
    for (int32_t s = view->sections.from; s < view->sections.to; s++) {
        child->base[s] = parent->base[s];
        child->sum[s] = parent->sum[s];
        child->cross[s] = parent->cross[s];
    }
    for (int32_t s = birth; s < death; s++)
        child->sum[s] -= view->size[j];
    for (int32_t s = birth + 1; s < death; s++)
        child->cross[s]--;
    for (int32_t i = 0; i < view->n && !canon->plain; i++)
        if (!is_placed(child, i)) {
            child->rest[i] = gai_canon_rest(canon, child, i, child->rest[i]);
            child->low[i] = max_i32(child->low[i], child->rest[i]);
            child->wait[i] = WAITS_FOR_NONE;
        }
    return canon->plain ? (struct span){ first, last } : view->sections;
}

enum outcome { HOPELESS, FAILED, SOLVED, DEEPER };

static enum outcome try_item(struct canon *canon, int32_t j)
{
    struct frame *parent = &canon->stack[canon->depth - 1];
    parent->chosen = j;
    canon->nodes++;
    canon->ask->offsets[parent->view.id[j]] = (uint64_t)parent->rest[j];
    if (parent->n_left == 1)
        return SOLVED;
    struct frame child = { .view = parent->view, .parent = canon->depth - 1, .n_left = parent->n_left - 1, .mark = canon->n_used };
    gai_canon_arrays(canon, &child);
    struct span changed = place(canon, parent, &child, j);
    canon->pending += (uint64_t)parent->view.n / 16 + 1;
    if (!gai_canon_settle(canon, &child, changed)) {
        canon->n_used = child.mark;
        return FAILED;
    }
    gai_canon_push(canon, &child, life_of(&parent->view, j));
    return DEEPER;
}

/* The choice of the top frame failed: it goes higher.  False: and that fails, too. */
static bool pass_over(struct canon *canon)
{
    struct frame *frame = &canon->stack[canon->depth - 1];
    int32_t j = frame->chosen;
    frame->low[j] = frame->rest[j] + 1;
    return gai_canon_settle(canon, frame, life_of(&frame->view, j));
}

/* The top frame fails, and with it the choice that led there.  False: there was none. */
static bool go_back(struct canon *canon)
{
    do {
        int32_t parent = canon->stack[canon->depth - 1].parent;
        if (parent < 0)
            return false;
        canon->n_used = canon->stack[parent + 1].mark;
        canon->depth = parent + 1;
    } while (!pass_over(canon));
    return true;
}

/* The top frame is solved, and with the last of its sides the parent.  False: nothing is left to do. */
static bool go_on(struct canon *canon)
{
    const struct frame *top;
    do {
        top = &canon->stack[--canon->depth];
        canon->n_used = top->mark;
    } while (canon->depth > 0 && top->parent == canon->depth - 1);
    return canon->depth > 0;
}

#define PENDING 4096u

/* False: stop. */
static bool spend(struct canon *canon)
{
    if (canon->pending < PENDING)
        return true;
    uint64_t steps = canon->pending;
    canon->pending = 0;
    return exact_spend(canon->ask, steps);
}

static enum exact_verdict search(struct canon *canon, uint64_t nodes)
{
    for (uint64_t last = canon->nodes + nodes; canon->nodes < last && spend(canon);) {
        struct frame *top = &canon->stack[canon->depth - 1];
        canon->pending += (uint64_t)top->view.n / 16 + 1;
        int32_t j = gai_canon_choose(canon, top);
        enum outcome outcome = j >= 0 ? try_item(canon, j) : HOPELESS;
        if (outcome == SOLVED && !go_on(canon))
            return EXACT_FITS;
        bool failed = outcome == HOPELESS || (outcome == FAILED && !pass_over(canon));
        if (failed && !go_back(canon))
            return EXACT_CANNOT;
    }
    return EXACT_UNKNOWN;
}

/* False: nothing fits. */
static bool begin(struct canon *canon)
{
    const struct exact_task *task = canon->task;
    int32_t n = (int32_t)task->n_items, n_sections = (int32_t)task->n_sections;
    canon->n_used = 0;
    canon->depth = 1;
    struct frame *root = &canon->stack[0];
    *root = (struct frame){ .parent = -1, .n_left = n };
    root->view.sections = (struct span){ 0, n_sections };
    gai_canon_room(canon, root, n);
    for (int32_t s = 0; s < n_sections; s++)
        root->sum[s] = root->cross[s] = 0;
    for (int32_t i = 0; i < n; i++) {
        const struct exact_item *item = &task->items[canon->order[i]];
        root->view.id[i] = canon->order[i];
        root->view.size[i] = (unit)item->size;
        root->view.from[i] = (int32_t)item->from;
        root->view.to[i] = (int32_t)item->to;
        root->rest[i] = root->low[i] = (unit)item->lowest;
        root->wait[i] = WAITS_FOR_NONE;
        for (uint32_t s = item->from; s < item->to; s++)
            root->sum[s] += (unit)item->size;
        for (uint32_t s = item->from + 1; s < item->to; s++)
            root->cross[s]++;
    }
    gai_canon_find_twins(canon, &root->view);
    for (int32_t i = 0; i < n && !canon->plain; i++)
        root->rest[i] = root->low[i] = gai_canon_rest(canon, root, i, root->rest[i]);
    return gai_canon_settle(canon, root, root->view.sections);
}

static enum exact_verdict canon_decide(void *engine, struct exact_ask *ask)
{
    struct canon *canon = engine;
    if (ask->capacity < canon->task->load)
        return EXACT_CANNOT;
    if (canon->attempted != ask->capacity)
        canon->attempt = 0;
    canon->attempted = ask->capacity;
    canon->capacity = (unit)ask->capacity;
    canon->ask = ask;
    enum exact_verdict verdict = EXACT_UNKNOWN;
    while (verdict == EXACT_UNKNOWN && ask->steps < ask->limit) {
        uint64_t nodes = gai_canon_rank(canon);
        if (!begin(canon))
            return EXACT_CANNOT;
        verdict = search(canon, nodes);
        canon->pending += canon->task->n_items;
        if (verdict == EXACT_UNKNOWN && !exact_spend(ask, canon->pending))
            break;
        canon->pending = 0;
    }
    return verdict;
}

/* A section's sum may be more than what fits. */
static bool canon_takes(const struct exact_task *task, uint64_t capacity)
{
    return task->n_items <= MAX_ITEMS && capacity < (uint64_t)CAPACITY_LIMIT && task->load <= capacity;
}

static size_t room_of(const struct exact_task *task)
{
    size_t words = gai_canon_words((int32_t)task->n_items, (int32_t)task->n_sections);
    return words + words / 2;
}

static void canon_delete(const struct ga_mem *mem, void *engine)
{
    struct canon *canon = engine;
    if (!canon)
        return;
    const struct exact_task *task = canon->task;
    size_t n = task->n_items;
    mem_free(mem, canon->keys, n);
    mem_free(mem, canon->order, n);
    mem_free(mem, canon->totals, task->n_sections);
    mem_free(mem, canon->weights, task->n_sections);
    mem_free(mem, canon->stack, n + 1);
    mem_free(mem, canon->words, room_of(task));
    mem_free(mem, canon, 1);
}

static void *canon_new(const struct ga_mem *mem, const struct exact_task *task)
{
    struct canon *canon = mem_new(mem, struct canon, 1);
    if (!canon)
        return NULL;
    size_t n = task->n_items;
    canon->task = task;
    canon->plain = true;
    canon->n_words = room_of(task);
    canon->words = mem_new_raw(mem, int32_t, canon->n_words);
    canon->stack = mem_new_raw(mem, struct frame, n + 1);
    canon->totals = mem_new(mem, unit, task->n_sections);
    canon->weights = mem_new_raw(mem, uint32_t, task->n_sections);
    canon->order = mem_new_raw(mem, int32_t, n);
    canon->keys = mem_new_raw(mem, uint64_t, n);
    if (!canon->words || !canon->stack || !canon->totals || !canon->weights || !canon->order || !canon->keys) {
        canon_delete(mem, canon);
        return NULL;
    }
    for (uint32_t i = 0; i < task->n_items; i++) {
        const struct exact_item *item = &task->items[i];
        canon->plain &= !item->fixed && item->align == 1;
        for (uint32_t s = item->from; s < item->to; s++)
            canon->totals[s] += (unit)item->size;
    }
    for (uint32_t s = 0; s < task->n_sections; s++)
        canon->weights[s] = 1;
    canon->heaviest = 1;
    return canon;
}

const struct exact_engine gai_exact_canon = {
    .name = "canon",
    .takes = canon_takes,
    .new = canon_new,
    .delete = canon_delete,
    .decide = canon_decide,
};
