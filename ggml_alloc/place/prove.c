#include "place/exact.h"

#include <string.h>

/*
 * Rung 4.  A question is a height: does everything fit below?  Engines answer it task by task:
 *
 *     bytes   .-----------------------  best so far: known to fit
 *             |      ?  ?  ?            from both ends, by turns and with ever more steps
 *             '-----------------------  bound: nothing fits below
 *
 * Where items may take over the bytes of others, two problems stand in for the real one.  Who wants to show that something fits
 * keeps to the mergings of the best answer so far; who wants to show that nothing does lets heirs begin a step late, when their
 * sources are gone, which asks less than any merging.
 */
/* Filling answers most questions first, by far; what it finds hard is now and then easy for the other. */
static const struct {
    const struct exact_engine *engine;
    unsigned share; /* of the steps: one in so many */
} engines[] = { { &gai_exact_fill, 1 }, { &gai_exact_canon, 4 } };

#define N_ENGINES (sizeof engines / sizeof *engines)
#define UNKNOWN UINT64_MAX
#define FIRST_STEPS ((uint64_t)1 << 16)
#define SOON_STEPS ((uint64_t)1 << 22) /* some tenths of a second */

/* What is known of a task, in units, its floor included. */
struct goal {
    uint64_t low, high; /* nothing fits below low; it fits below high, UNKNOWN: not known how */
    void *engines[N_ENGINES];
};

/* The item on whose bytes another sits, and where. */
struct root {
    uint64_t shift;
    uint32_t item, at; /* at: among the items of the model, for roots */
};

struct model {
    struct exact exact;
    struct goal *goals;
    uint64_t *found; /* by item: the best offsets of its task */
};

struct prover {
    struct climb *climb;
    struct part *part;
    struct layout *trial;
    struct model fit, deny; /* deny is empty where fit does for both */
    struct root *roots;     /* by item: in `fit` */
    bool has_edges, proves;
    uint64_t limit; /* of climb->steps */
};

static bool go_on(void *user, uint64_t steps)
{
    struct prover *prover = user;
    prover->climb->steps += steps;
    gai_climb_pulse(prover->climb);
    return !prover->climb->stopped;
}

static void close_model(const struct ga_mem *mem, struct model *model)
{
    for (uint32_t t = 0; t < model->exact.n_tasks && model->goals; t++)
        for (size_t e = 0; e < N_ENGINES; e++)
            engines[e].engine->delete (mem, model->goals[t].engines[e]);
    mem_free(mem, model->found, model->exact.n_items);
    mem_free(mem, model->goals, model->exact.n_items);
    gai_exact_fini(mem, &model->exact);
    *model = (struct model){ 0 };
}

static enum ga_status finish_model(const struct ga_mem *mem, struct model *model)
{
    enum ga_status status = gai_exact_build(mem, &model->exact);
    if (status != GA_OK)
        return status;
    struct exact *exact = &model->exact;
    model->goals = mem_new(mem, struct goal, exact->n_items);
    model->found = mem_new_raw(mem, uint64_t, exact->n_items);
    if (!model->goals || !model->found)
        return GA_NO_MEMORY;
    memcpy(model->found, exact->offsets, exact->n_items * sizeof *model->found);
    for (uint32_t t = 0; t < exact->n_tasks; t++) {
        model->goals[t].low = exact->tasks[t].floor + exact->tasks[t].load;
        model->goals[t].high = UNKNOWN;
    }
    return GA_OK;
}

/* ---- what the engines are asked about ---- */

static struct exact_item item_of(const struct part *part, uint32_t i)
{
    const struct item *item = &part->items[i];
    return (struct exact_item){
        .size = item->size,
        .lowest = item->fixed ? item->fixed - 1 : 0,
        .align = item_align(part, item),
        .from = item->birth,
        .to = item->death,
        .origin = i,
        .fixed = item_is_fixed(item),
    };
}

/* Heirs begin when their sources are gone: whatever is merged, that much lives. */
static enum ga_status model_relaxed(struct prover *prover)
{
    const struct ga_mem *mem = prover->climb->mem;
    const struct part *part = prover->part;
    struct exact *exact = &prover->deny.exact;
    bool *saved = mem_new_raw(mem, bool, part->n_items);
    if (!saved)
        return GA_NO_MEMORY;
    enum ga_status status = gai_exact_init(mem, exact, part->n_items, part->n_steps);
    if (status == GA_OK) {
        gai_bound_saved(part, saved);
        for (uint32_t i = 0; i < part->n_items; i++) {
            struct exact_item item = item_of(part, i);
            item.from += saved[i];
            if (item.from < item.to)
                exact->items[exact->n_items++] = item;
        }
    }
    mem_free(mem, saved, part->n_items);
    return status;
}

/*
 * Merged as in the best answer: who sits on the bytes of a source in the step that both live in has taken them over.
 */
static void find_roots(struct prover *prover)
{
    const struct part *part = prover->part;
    const struct spot *spots = part->best.spots;
    for (uint32_t i = 0; i < part->n_items; i++) {
        prover->roots[i] = (struct root){ .item = i };
        for (uint32_t e = part->items[i].edge; e < part->items[i + 1].edge; e++) {
            const struct edge *edge = &part->edges[e];
            if (spots[i].chunk != spots[edge->from].chunk || spots[i].offset != spots[edge->from].offset + edge->delta)
                continue;
            const struct root *root = &prover->roots[edge->from];
            prover->roots[i] = (struct root){ .item = root->item, .shift = root->shift + edge->delta };
        }
    }
}

/* A unit is as large as its first item, in which its heirs lie.  False: one of it is fixed, or asks for more alignment. */
static bool add_heir(struct exact_item *unit, const struct part *part, uint32_t heir)
{
    const struct item *item = &part->items[heir];
    unit->to = item->death > unit->to ? item->death : unit->to;
    return !unit->fixed && !item_is_fixed(item) && item_align(part, item) <= unit->align;
}

/* One item per unit.  *possible: whether there is such a model. */
static enum ga_status model_merged(struct prover *prover, bool *possible)
{
    const struct part *part = prover->part;
    struct exact *exact = &prover->fit.exact;
    enum ga_status status = gai_exact_init(prover->climb->mem, exact, part->n_items, part->n_steps);
    if (status != GA_OK)
        return status;
    find_roots(prover);
    *possible = true;
    for (uint32_t i = 0; i < part->n_items; i++) {
        struct root *root = &prover->roots[i];
        if (root->item == i) {
            root->at = exact->n_items;
            exact->items[exact->n_items++] = item_of(part, i);
        } else {
            *possible &= add_heir(&exact->items[prover->roots[root->item].at], part, i);
        }
    }
    return GA_OK;
}

/* ---- asking ---- */

/* Whether the task fits below `height`, floor included; at most `steps`. */
static enum exact_verdict ask_engines(struct prover *prover, struct model *model, uint32_t t, uint64_t height, uint64_t steps,
                                      enum ga_status *status)
{
    const struct exact_task *task = &model->exact.tasks[t];
    struct goal *goal = &model->goals[t];
    size_t first = (size_t)(task->items - model->exact.items);
    for (size_t e = 0; e < N_ENGINES; e++) {
        if (!engines[e].engine->takes(task, height - task->floor))
            continue;
        if (!goal->engines[e])
            goal->engines[e] = engines[e].engine->new (prover->climb->mem, task);
        if (!goal->engines[e]) {
            *status = GA_NO_MEMORY;
            return EXACT_UNKNOWN;
        }
        struct exact_ask ask = {
            .capacity = height - task->floor,
            .rules = EXACT_ALL_RULES,
            .seed = prover->climb->opts->seed,
            .limit = min_u64(steps / engines[e].share, prover->limit - min_u64(prover->limit, prover->climb->steps)),
            .offsets = &model->exact.offsets[first],
            .go_on = go_on,
            .user = prover,
        };
        enum exact_verdict verdict = engines[e].engine->decide(goal->engines[e], &ask);
        if (ask.steps == 0) /* what is seen at once costs something, too, or very many heights were asked for nothing */
            prover->climb->steps += task->n_items;
        if (verdict == EXACT_FITS)
            memcpy(&model->found[first], &model->exact.offsets[first], task->n_items * sizeof *model->found);
        if (verdict != EXACT_UNKNOWN)
            return verdict;
    }
    return EXACT_UNKNOWN;
}

static enum exact_verdict ask_task(struct prover *prover, struct model *model, uint32_t t, uint64_t height, uint64_t steps,
                                   enum ga_status *status)
{
    struct goal *goal = &model->goals[t];
    if (height < goal->low)
        return EXACT_CANNOT;
    if (goal->high <= height)
        return EXACT_FITS;
    enum exact_verdict verdict = ask_engines(prover, model, t, height, steps, status);
    if (verdict == EXACT_CANNOT)
        goal->low = height + 1;
    if (verdict == EXACT_FITS)
        goal->high = height;
    return verdict;
}

/* One task that cannot is enough; all have to fit. */
static enum exact_verdict ask_model(struct prover *prover, struct model *model, uint64_t height, uint64_t steps,
                                    enum ga_status *status)
{
    enum exact_verdict all = EXACT_FITS;
    if (height < model->exact.floor)
        return EXACT_CANNOT;
    for (uint32_t t = 0; t < model->exact.n_tasks && *status == GA_OK && !prover->climb->stopped; t++) {
        enum exact_verdict verdict = ask_task(prover, model, t, height, steps, status);
        if (verdict == EXACT_CANNOT)
            return verdict;
        if (verdict == EXACT_UNKNOWN)
            all = verdict;
    }
    return *status == GA_OK && !prover->climb->stopped ? all : EXACT_UNKNOWN;
}

/* ---- what the answers are good for ---- */

static void offer(struct prover *prover)
{
    const struct exact *exact = &prover->fit.exact;
    const struct part *part = prover->part;
    struct spot *spots = prover->trial->spots;
    for (uint32_t k = 0; k < exact->n_items; k++)
        spots[exact->items[k].origin] = (struct spot){ .offset = prover->fit.found[k] * exact->unit };
    for (uint32_t t = 0; t < exact->n_tasks; t++)
        for (uint32_t k = 0; k < exact->tasks[t].n_items; k++)
            spots[exact->tasks[t].items[k].origin].offset += exact->tasks[t].floor * exact->unit;
    uint64_t peak = 0;
    for (uint32_t i = 0; i < part->n_items; i++) {
        const struct root *root = &prover->roots[i];
        spots[i] = (struct spot){ .offset = spots[root->item].offset + root->shift };
        peak = max_u64(peak, spots[i].offset + part->items[i].size);
    }
    prover->trial->peak = peak;
    prover->trial->n_chunks = 1;
    prover->trial->over = false;
    gai_climb_offer(prover->climb, prover->part, prover->trial);
}

/* Nothing fits below `low` bytes. */
static void raise_bound(struct prover *prover, uint64_t low)
{
    struct part *part = prover->part;
    part->bound = max_u64(part->bound, align_up(low, (uint64_t)1 << part->limits.align_log2));
}

/* Whether everything fits into `height` bytes: a better answer, a better bound, or neither. */
static enum exact_verdict decide(struct prover *prover, uint64_t height, uint64_t steps, enum ga_status *status)
{
    struct exact *fit = &prover->fit.exact, *deny = &prover->deny.exact;
    enum exact_verdict verdict =
        fit->n_items > 0 ? ask_model(prover, &prover->fit, height / fit->unit, steps, status) : EXACT_UNKNOWN;
    if (verdict == EXACT_FITS)
        offer(prover);
    if (verdict == EXACT_CANNOT && (prover->has_edges || !prover->proves))
        verdict = EXACT_UNKNOWN;
    if (verdict == EXACT_CANNOT)
        raise_bound(prover, (height / fit->unit + 1) * fit->unit);
    if (verdict != EXACT_UNKNOWN || !prover->has_edges || !prover->proves)
        return verdict;
    verdict = ask_model(prover, &prover->deny, height / deny->unit, steps, status);
    if (verdict == EXACT_CANNOT)
        raise_bound(prover, (height / deny->unit + 1) * deny->unit);
    return verdict == EXACT_CANNOT ? verdict : EXACT_UNKNOWN;
}

/* ---- which heights are asked, and with how many steps ---- */

static bool is_over(const struct prover *prover, enum ga_status status)
{
    return status != GA_OK || prover->climb->steps >= prover->limit || gai_climb_done(prover->climb, prover->part);
}

/* The highest one that is worth asking: a better answer than the best so far, in one chunk. */
static uint64_t highest(const struct part *part)
{
    uint64_t better = part->best.over ? UINT64_MAX : part->best.peak - (part->best.n_chunks <= 1);
    return min_u64(better, part->limits.chunk_max);
}

/* Half way, or nearer to the bound where that is higher than what any engine takes. */
static bool ask_between(struct prover *prover, uint64_t steps, enum ga_status *status)
{
    const struct part *part = prover->part;
    uint64_t before = prover->climb->steps;
    for (uint64_t gap = (highest(part) - part->bound) / 2; gap > 0 && !is_over(prover, *status); gap /= 2) {
        if (decide(prover, part->bound + gap, steps, status) != EXACT_UNKNOWN)
            return true;
        if (prover->climb->steps != before)
            break;
    }
    return false;
}

/* Asks all that is asked in one round: true when something became known. */
static bool ask_round(struct prover *prover, uint64_t steps, enum ga_status *status)
{
    const struct part *part = prover->part;
    uint64_t capacity = part->limits.capacity;
    if (capacity)
        return decide(prover, min_u64(capacity, highest(part)), steps, status) != EXACT_UNKNOWN;
    bool known = decide(prover, part->bound, steps, status) != EXACT_UNKNOWN;
    if (!is_over(prover, *status) && part->bound < highest(part))
        known |= ask_between(prover, steps, status);
    if (!is_over(prover, *status) && part->bound < highest(part))
        known |= decide(prover, highest(part), steps / 4, status) != EXACT_UNKNOWN;
    return known;
}

static enum ga_status ask_rounds(struct prover *prover)
{
    const struct part *part = prover->part;
    enum ga_status status = GA_OK;
    uint64_t steps = FIRST_STEPS;
    while (!is_over(prover, status) && part->bound <= highest(part)) {
        if (part->limits.capacity && part->bound > part->limits.capacity)
            break;
        uint64_t before = prover->climb->steps;
        if (ask_round(prover, steps, &status))
            continue;
        if (prover->climb->steps == before) /* no engine is left that would try */
            break;
        steps *= 2;
    }
    return status;
}

/* Chunks laid end to end are an answer in one piece, but for items aligned to more than chunks are. */
static bool may_deny(const struct part *part)
{
    return part->limits.chunk_max == UINT64_MAX || !part->mixed;
}

static enum ga_status open_models(struct prover *prover)
{
    const struct ga_mem *mem = prover->climb->mem;
    bool possible;
    enum ga_status status = model_merged(prover, &possible);
    if (status == GA_OK && possible)
        status = finish_model(mem, &prover->fit);
    else if (status == GA_OK)
        close_model(mem, &prover->fit);
    if (status == GA_OK && prover->has_edges && prover->proves)
        status = model_relaxed(prover);
    if (status == GA_OK && prover->has_edges && prover->proves)
        status = finish_model(mem, &prover->deny);
    return status;
}

static enum ga_status prove(struct climb *climb, struct part *part, struct layout *trial, uint64_t steps)
{
    if (part->n_items == 0 || steps == 0 || part->bound > highest(part))
        return GA_OK;
    struct prover prover = { .climb = climb, .part = part, .trial = trial, .limit = climb->steps + steps };
    prover.has_edges = part->items[0].edge < part->items[part->n_items].edge;
    prover.proves = may_deny(part);
    prover.roots = mem_new_raw(climb->mem, struct root, part->n_items);
    enum ga_status status = prover.roots ? open_models(&prover) : GA_NO_MEMORY;
    if (status == GA_OK)
        status = ask_rounds(&prover);
    close_model(climb->mem, &prover.deny);
    close_model(climb->mem, &prover.fit);
    mem_free(climb->mem, prover.roots, part->n_items);
    return status == GA_NO_SPACE ? GA_OK : status;
}

/* This part's share of the steps that are left: those after it may need as many. */
static uint64_t share_of(const struct climb *climb, const struct part *part)
{
    uint64_t n = 0, left = climb->budget - min_u64(climb->budget, climb->steps);
    for (const struct part *other = part; other < &climb->parts[climb->n_parts]; other++)
        n += !gai_climb_done(climb, other);
    return left / (n ? n : 1);
}

/* An eighth of however many steps were given: what fits tightly is found by this or not at all, and the search in between takes all. */
enum ga_status gai_place_prove_soon(struct climb *climb, struct part *part, struct layout *trial)
{
    uint64_t share = share_of(climb, part);
    return prove(climb, part, trial, max_u64(min_u64(share / 4, SOON_STEPS), share / 8));
}

enum ga_status gai_place_prove(struct climb *climb, struct part *part, struct layout *trial)
{
    return prove(climb, part, trial, share_of(climb, part));
}
