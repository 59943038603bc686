#include "order/rules.h"

#include "base/array.h"
#include "order/tally.h"

#include <string.h>

/* A turn with the key it had when it was pushed; what has another key by now is stale. */
struct entry {
    int64_t key;
    uint32_t rank; /* its place in the base, counted from where the order is made from */
    uint32_t turn;
};

struct heap {
    struct entry *at;
    uint32_t n, cap;
};

struct ruler {
    const struct turns *turns;
    enum rule rule;
    bool backwards;
    struct freedom freedom;
    struct tally tally;
    uint64_t *peaks;
    uint32_t *waits;    /* by turn: befores (backwards: afters) that are missing */
    uint32_t *ranks;    /* by turn: see entry */
    uint32_t *needs;    /* by turn: its place by need */
    int64_t *keys;      /* by turn */
    bool *done;         /* by turn */
    uint32_t *users;    /* by storage: the turns that have yet to touch it, added up by exclusive or */
    uint16_t *slots;    /* pools of the turns that compute, in the order made */
    struct heap *heaps; /* by pool, and one for turns that may run in between */
    struct heap early;  /* ready, but too far ahead; by rank */
    uint32_t n_done, n_computed, first_left;
};

/* Places counted from where the order is made from; given an order, which turn has this place, and which place this turn. */
static uint32_t flip(const struct ruler *r, uint32_t at)
{
    return r->backwards ? r->turns->n_turns - 1 - at : at;
}

static bool is_less(const struct entry *a, const struct entry *b)
{
    return a->key != b->key ? a->key < b->key : a->rank < b->rank;
}

static bool heap_push(struct ruler *r, struct heap *heap, struct entry entry)
{
    if (!array_room(&r->turns->mem, &heap->at, &heap->cap, heap->n + (uint64_t)1))
        return false;
    uint32_t at = heap->n++;
    for (; at > 0 && is_less(&entry, &heap->at[(at - 1) / 2]); at = (at - 1) / 2)
        heap->at[at] = heap->at[(at - 1) / 2];
    heap->at[at] = entry;
    return true;
}

static void heap_pop(struct heap *heap)
{
    struct entry last = heap->at[--heap->n];
    uint32_t at = 0;
    for (uint32_t child; (child = 2 * at + 1) < heap->n; at = child) {
        child += child + 1 < heap->n && is_less(&heap->at[child + 1], &heap->at[child]);
        if (!is_less(&heap->at[child], &last))
            break;
        heap->at[at] = heap->at[child];
    }
    heap->at[at] = last;
}

static uint64_t live_sum(const struct ruler *r)
{
    uint64_t sum = 0;
    for (unsigned pool = 0; pool < r->turns->n_pools; pool++)
        sum += r->tally.live[pool];
    return sum;
}

/* What the turn would add to what lives. */
static int64_t gain_of(struct ruler *r, uint32_t turn)
{
    uint64_t before = live_sum(r);
    if (r->backwards)
        gai_tally_take_back(&r->tally, turn);
    else
        gai_tally_run(&r->tally, turn, r->peaks);
    uint64_t after = live_sum(r);
    if (r->backwards)
        gai_tally_run(&r->tally, turn, r->peaks);
    else
        gai_tally_take_back(&r->tally, turn);
    return (int64_t)(after - before);
}

static int64_t key_of(struct ruler *r, uint32_t turn)
{
    if (r->rule == RULE_BY_NEED)
        return r->needs[turn];
    int64_t gain = gain_of(r, turn);
    return r->rule == RULE_FREES_FIRST ? gain > 0 : gain;
}

static struct heap *heap_of(struct ruler *r, uint32_t turn)
{
    bool waits_for_slot = r->turns->of[turn].computes && !r->freedom.mixes_pools;
    return &r->heaps[waits_for_slot ? r->turns->of[turn].pool : r->turns->n_pools];
}

static bool is_early(const struct ruler *r, uint32_t turn)
{
    uint32_t given = flip(r, turn);
    return given > r->n_done && given - r->n_done > r->freedom.reach;
}

/* A ready turn with a new key. */
static bool offer(struct ruler *r, uint32_t turn)
{
    if (is_early(r, turn))
        return heap_push(r, &r->early, (struct entry){ flip(r, turn), 0, turn });
    r->keys[turn] = key_of(r, turn);
    return heap_push(r, heap_of(r, turn), (struct entry){ r->keys[turn], r->ranks[turn], turn });
}

static bool offer_early(struct ruler *r)
{
    while (r->early.n && !is_early(r, r->early.at[0].turn)) {
        uint32_t turn = r->early.at[0].turn;
        heap_pop(&r->early);
        if (!offer(r, turn))
            return false;
    }
    return true;
}

static struct entry *heap_top(struct ruler *r, struct heap *heap)
{
    while (heap->n) {
        uint32_t turn = heap->at[0].turn;
        if (!r->done[turn] && r->keys[turn] == heap->at[0].key)
            return heap->at;
        heap_pop(heap);
    }
    return NULL;
}

/* Whether it may run now, as far as pools take turns. */
static bool has_slot(const struct ruler *r, uint32_t turn)
{
    const struct turn *at = &r->turns->of[turn];
    return r->freedom.mixes_pools || !at->computes || r->slots[r->n_computed] == at->pool;
}

/* The turn to run next; TURN_NONE: none may. */
static uint32_t choose(struct ruler *r)
{
    while (r->done[flip(r, r->first_left)])
        r->first_left++;
    uint32_t due = flip(r, r->first_left);
    if (r->n_done - r->first_left == r->freedom.reach && r->n_done >= r->first_left)
        return has_slot(r, due) ? due : TURN_NONE;
    uint16_t slot = r->slots[r->n_computed];
    struct entry *free = heap_top(r, &r->heaps[r->turns->n_pools]);
    struct entry *best = heap_top(r, &r->heaps[slot]);
    if (!best || (free && is_less(free, best)))
        best = free;
    return best ? best->turn : TURN_NONE;
}

/* Who is left alone with a storage gains by running: its key changes. */
static bool rekey(struct ruler *r, uint32_t turn)
{
    const struct turns *turns = r->turns;
    uint32_t first = turns->steps[turns->of[turn].step].use, end = turns->steps[turns->of[turn + 1].step].use;
    for (uint32_t i = first; i < end; i++)
        r->users[turns->uses[i]] ^= turn;
    for (uint32_t i = first; i < end && r->rule != RULE_BY_NEED; i++) {
        uint32_t storage = turns->uses[i], left = r->tally.left[storage];
        uint32_t alone = r->backwards ? turns->storages[storage].n_uses - left : left;
        uint32_t user = r->users[storage];
        if (alone == 1 && user < turns->n_turns && !r->done[user] && r->waits[user] == 0 && !offer(r, user))
            return false;
    }
    return true;
}

static bool advance(struct ruler *r, uint32_t turn)
{
    const struct turn *at = &r->turns->of[turn];
    const uint32_t *next = r->backwards ? r->turns->befores : r->turns->afters;
    uint32_t first = r->backwards ? at[0].before : at[0].after, end = r->backwards ? at[1].before : at[1].after;
    if (r->backwards)
        gai_tally_take_back(&r->tally, turn);
    else
        gai_tally_run(&r->tally, turn, r->peaks);
    r->done[turn] = true;
    r->n_done++;
    r->n_computed += at->computes;
    if (!rekey(r, turn))
        return false;
    for (uint32_t i = first; i < end; i++)
        if (--r->waits[next[i]] == 0 && !offer(r, next[i]))
            return false;
    return offer_early(r);
}

/* Depth first, sources as they were given, results as they were given; without recursion, for chains are long. */
static void rank_by_need(struct ruler *r, uint32_t *stack)
{
    const struct turns *turns = r->turns;
    uint32_t *at = r->waits, rank = 0; /* how far each turn's befores have been followed */
    for (uint32_t turn = 0; turn < turns->n_turns; turn++)
        at[turn] = turns->of[turn].before;
    for (uint32_t result = 0; result < turns->n_turns; result++) {
        bool is_result = turns->of[result].after == turns->of[result + 1].after;
        uint32_t depth = 0;
        if (is_result)
            stack[depth++] = result;
        while (depth) {
            uint32_t turn = stack[depth - 1];
            if (at[turn] < turns->of[turn + 1].before) {
                uint32_t before = turns->befores[at[turn]++];
                if (r->needs[before] == TURN_NONE)
                    stack[depth++] = before;
            } else {
                r->needs[turn] = r->needs[turn] == TURN_NONE ? rank++ : r->needs[turn];
                depth--;
            }
        }
    }
}

static bool ruler_init(struct ruler *r)
{
    const struct turns *turns = r->turns;
    const struct ga_mem *mem = &turns->mem;
    size_t n = (size_t)turns->n_turns + 1;
    r->peaks = mem_new(mem, uint64_t, turns->n_pools);
    r->waits = mem_new(mem, uint32_t, n);
    r->ranks = mem_new(mem, uint32_t, n);
    r->needs = mem_new_raw(mem, uint32_t, n);
    r->keys = mem_new(mem, int64_t, n);
    r->done = mem_new(mem, bool, n);
    r->users = mem_new(mem, uint32_t, turns->n_storages);
    r->slots = mem_new_raw(mem, uint16_t, n);
    r->heaps = mem_new(mem, struct heap, turns->n_pools + (size_t)1);
    return r->peaks && r->waits && r->ranks && r->needs && r->keys && r->done && r->users && r->slots && r->heaps &&
           gai_tally_init(&r->tally, turns);
}

static void ruler_fini(struct ruler *r)
{
    const struct turns *turns = r->turns;
    const struct ga_mem *mem = &turns->mem;
    size_t n = (size_t)turns->n_turns + 1;
    for (unsigned pool = 0; r->heaps && pool <= turns->n_pools; pool++)
        mem_free(mem, r->heaps[pool].at, r->heaps[pool].cap);
    mem_free(mem, r->early.at, r->early.cap);
    mem_free(mem, r->peaks, turns->n_pools);
    mem_free(mem, r->waits, n);
    mem_free(mem, r->ranks, n);
    mem_free(mem, r->needs, n);
    mem_free(mem, r->keys, n);
    mem_free(mem, r->done, n);
    mem_free(mem, r->users, turns->n_storages);
    mem_free(mem, r->slots, n);
    mem_free(mem, r->heaps, turns->n_pools + (size_t)1);
    gai_tally_fini(&r->tally);
}

static void list_slots(struct ruler *r)
{
    const struct turns *turns = r->turns;
    uint32_t n = 0;
    for (uint32_t rank = 0; rank < turns->n_turns; rank++)
        if (turns->of[flip(r, rank)].computes)
            r->slots[n++] = turns->of[flip(r, rank)].pool;
    r->slots[n] = 0; /* nobody waits for it */
}

/* Everything up to the first choice. */
static bool start(struct ruler *r, const uint32_t *base, uint32_t *scratch)
{
    const struct turns *turns = r->turns;
    list_slots(r);
    gai_tally_reset(&r->tally, r->peaks);
    for (uint32_t place = 0; place < turns->n_turns; place++)
        r->ranks[base[place]] = flip(r, place);
    if (r->rule == RULE_BY_NEED) {
        memset(r->needs, 0xff, ((size_t)turns->n_turns + 1) * sizeof *r->needs);
        rank_by_need(r, scratch);
    }
    for (uint32_t turn = 0; turn < turns->n_turns; turn++) {
        const struct turn *at = &turns->of[turn];
        r->waits[turn] = r->backwards ? at[1].after - at[0].after : at[1].before - at[0].before;
        for (uint32_t i = turns->steps[at[0].step].use; i < turns->steps[at[1].step].use; i++)
            r->users[turns->uses[i]] ^= turn;
    }
    for (uint32_t place = 0; r->backwards && place < turns->n_turns; place++)
        gai_tally_run(&r->tally, base[place], r->peaks);
    for (uint32_t turn = 0; turn < turns->n_turns; turn++)
        if (r->waits[turn] == 0 && !offer(r, turn))
            return false;
    return true;
}

enum ga_status gai_rule(const struct turns *turns, enum rule rule, bool backwards, const struct freedom *freedom,
                        const uint32_t *base, uint32_t *order, bool *made)
{
    struct ruler r = { .turns = turns, .rule = rule, .backwards = backwards, .freedom = *freedom };
    bool ok = ruler_init(&r) && start(&r, base, order);
    *made = true;
    while (ok && *made && r.n_done < turns->n_turns) {
        uint32_t place = flip(&r, r.n_done), turn = choose(&r);
        *made = turn != TURN_NONE;
        if (*made) {
            order[place] = turn;
            ok = advance(&r, turn);
        }
    }
    ruler_fini(&r);
    return ok ? GA_OK : GA_NO_MEMORY;
}
