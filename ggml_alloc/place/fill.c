#include "place/fill.h"

#include <string.h>

/*
 * Filling from the ground up, wherever the choice is narrowest.  A frame's valley edge is covered by one of its candidates, each a
 * branch, or by none of them, the last branch: there they are passed over and their section rises.  Exactly one is true of an
 * answer in which nothing can slide down, so no branch is missing and none is met twice.
 *
 * The choice is made anywhere, not at the lowest item to come: where nothing may be lost a valley must be filled exactly, and
 * there is nearly always one that only one item fits.  Which taste is good differs from task to task, and a bad early choice is
 * never mended by searching on below it; so rounds are short at first and tastes take turns, more and more at random.  What a
 * round refuted stays refuted in the next ones, and where it failed is where they look first.
 */

#define FILL_MAX_CAPACITY ((uint64_t)1 << 31)
#define FILL_MAX_WORDS ((size_t)1 << 26)
#define FILL_SLOTS ((size_t)1 << 17)
#define FILL_MAX_NOISE 4u
#define FILL_STEP 8u  /* looks at an item, many at a time, cost what a look at one costs elsewhere */
#define FILL_ROUND 2u /* placements of the shortest round, per item */

/* A state's words: five by section, one more, one by item; and the marks. */
static size_t state_words(const struct exact_task *task)
{
    return 5 * ((size_t)task->n_sections + 1) + task->n_items + (task->n_items + 3) / 4;
}

static size_t all_words(const struct exact_task *task)
{
    return state_words(task) * ((size_t)task->n_items + 2);
}

static bool takes(const struct exact_task *task, uint64_t capacity)
{
    return capacity < FILL_MAX_CAPACITY && task->n_items < FILL_MAX_WORDS && task->n_sections < FILL_MAX_WORDS &&
           state_words(task) < FILL_MAX_WORDS / ((size_t)task->n_items + 2);
}

static void lay_out_state(struct fill_state *state, uint32_t *words, uint32_t n_items, uint32_t n_sections)
{
    uint32_t **by_section[] = { &state->floor, &state->top, &state->rest, &state->touch, &state->cross };
    for (size_t k = 0; k < sizeof by_section / sizeof by_section[0]; k++, words += n_sections + 1)
        *by_section[k] = words;
    state->low = words;
    state->mark = (uint8_t *)(words + n_items);
}

static void copy_items(struct fill *fill, const struct exact_task *task)
{
    for (uint32_t i = 0; i < task->n_items; i++) {
        const struct exact_item *item = &task->items[i];
        /* What passes the largest capacity never fits anywhere below one. */
        fill->items[i] = (struct fill_item){
            .size = (uint32_t)min_u64(item->size, FILL_MAX_CAPACITY),
            .lowest = (uint32_t)min_u64(item->lowest, FILL_MAX_CAPACITY),
            .align = (uint32_t)min_u64(item->align, FILL_MAX_CAPACITY),
            .from = item->from,
            .to = item->to,
            .fixed = item->fixed,
        };
        if (item->fixed)
            fill->fixed[fill->n_fixed++] = i;
    }
    struct rng rng = { 0 };
    for (uint32_t k = 0; k < 2 * task->n_items; k++)
        fill->zobrist[k] = rng_next(&rng);
}

/* Sorts `ids` by `keys[id] < n_keys`, equal ones as they were; `at` tells where each key's begin: n_keys + 1. */
static void sort_by(const uint32_t *keys, const uint32_t *ids, uint32_t n, uint32_t n_keys, uint32_t *sorted, uint32_t *at)
{
    memset(at, 0, ((size_t)n_keys + 1) * sizeof *at);
    for (uint32_t k = 0; k < n; k++)
        at[keys[ids[k]] + 1]++;
    for (uint32_t key = 0; key < n_keys; key++)
        at[key + 1] += at[key];
    for (uint32_t k = 0; k < n; k++)
        sorted[at[keys[ids[k]]]++] = ids[k];
    for (uint32_t key = n_keys; key > 0; key--)
        at[key] = at[key - 1];
    at[0] = 0;
}

/* The lists by edge, the longest items first: twins stay neighbours. */
static void sort_items(struct fill *fill, uint32_t *keys, uint32_t *ids)
{
    uint32_t n = fill->n_items, m = fill->n_sections;
    for (uint32_t i = 0; i < n; i++) {
        keys[i] = m - fill->items[i].to;
        ids[i] = i;
    }
    sort_by(keys, ids, n, m + 1, fill->right, fill->right_at);
    for (uint32_t i = 0; i < n; i++)
        keys[i] = fill->items[i].from;
    sort_by(keys, fill->right, n, m + 1, fill->left, fill->left_at);
    for (uint32_t s = 0; s <= m; s++)
        fill->first[s] = fill->left_at[s];
    for (uint32_t i = 0; i < n; i++)
        keys[i] = fill->items[i].to;
    sort_by(keys, ids, n, m + 1, fill->right, fill->right_at);
}

static void begin_state(struct fill *fill, struct fill_state *state)
{
    memset(state->floor, 0, 5 * ((size_t)fill->n_sections + 1) * sizeof *state->floor);
    memset(state->mark, FILL_FREE, fill->n_items);
    for (uint32_t i = 0; i < fill->n_items; i++) {
        const struct fill_item *item = &fill->items[i];
        state->low[i] = item->lowest;
        for (uint32_t s = item->from; s < item->to; s++) {
            state->rest[s] = (uint32_t)min_u64((uint64_t)state->rest[s] + item->size, FILL_MAX_CAPACITY);
            state->cross[s] += s > item->from;
        }
    }
}

static void fill_delete(const struct ga_mem *mem, void *engine)
{
    struct fill *fill = engine;
    if (!fill)
        return;
    size_t n = fill->n_items, m = (size_t)fill->n_sections + 2;
    const struct exact_task task = { .n_items = fill->n_items, .n_sections = fill->n_sections };
    mem_free(mem, fill->blame, m);
    mem_free(mem, fill->offsets, n);
    mem_free(mem, fill->refuted, FILL_SLOTS);
    mem_free(mem, fill->scratch, n > m / 2 ? 2 * n : m);
    mem_free(mem, fill->words, all_words(&task));
    mem_free(mem, fill->frames, n + 2);
    mem_free(mem, fill->zobrist, 2 * n);
    mem_free(mem, fill->right_at, m);
    mem_free(mem, fill->right, n);
    mem_free(mem, fill->left_at, m);
    mem_free(mem, fill->left, n);
    mem_free(mem, fill->first, m);
    mem_free(mem, fill->fixed, n);
    mem_free(mem, fill->items, n);
    mem_free(mem, fill, 1);
}

static bool make_room(const struct ga_mem *mem, struct fill *fill, const struct exact_task *task)
{
    size_t n = task->n_items, m = (size_t)task->n_sections + 2;
    fill->items = mem_new_raw(mem, struct fill_item, n);
    fill->fixed = mem_new_raw(mem, uint32_t, n);
    fill->first = mem_new_raw(mem, uint32_t, m);
    fill->left = mem_new_raw(mem, uint32_t, n);
    fill->left_at = mem_new_raw(mem, uint32_t, m);
    fill->right = mem_new_raw(mem, uint32_t, n);
    fill->right_at = mem_new_raw(mem, uint32_t, m);
    fill->zobrist = mem_new_raw(mem, uint64_t, 2 * n);
    fill->frames = mem_new_raw(mem, struct fill_frame, n + 2);
    fill->words = mem_new_raw(mem, uint32_t, all_words(task));
    fill->scratch = mem_new_raw(mem, uint32_t, n > m / 2 ? 2 * n : m);
    fill->refuted = mem_new(mem, struct fill_refuted, FILL_SLOTS);
    fill->offsets = mem_new_raw(mem, uint64_t, n);
    fill->blame = mem_new(mem, uint64_t, m);
    return fill->items && fill->blame && fill->offsets && fill->fixed && fill->first && fill->left && fill->left_at &&
           fill->right && fill->right_at && fill->zobrist && fill->frames && fill->words && fill->scratch && fill->refuted;
}

static void *fill_new(const struct ga_mem *mem, const struct exact_task *task)
{
    struct fill *fill = mem_new(mem, struct fill, 1);
    if (!fill)
        return NULL;
    fill->n_items = task->n_items;
    fill->n_sections = task->n_sections;
    if (!make_room(mem, fill, task)) {
        fill_delete(mem, fill);
        return NULL;
    }
    copy_items(fill, task);
    sort_items(fill, fill->scratch, fill->scratch + task->n_items);
    for (uint32_t d = 0; d < task->n_items + 2; d++)
        lay_out_state(&fill->frames[d].state, fill->words + d * state_words(task), task->n_items, task->n_sections);
    begin_state(fill, &fill->frames[task->n_items + 1].state);
    return fill;
}

static void copy_state(struct fill *fill, uint32_t to, uint32_t from)
{
    const struct exact_task task = { .n_items = fill->n_items, .n_sections = fill->n_sections };
    memcpy(fill->frames[to].state.floor, fill->frames[from].state.floor, state_words(&task) * sizeof *fill->words);
}

static void set_window(struct fill *fill, struct fill_frame *frame, uint32_t from, uint32_t to, uint32_t since)
{
    frame->window =
        (struct fill_window){ .from = from, .to = to, .first = fill->first[from], .last = fill->first[to], .since = since };
}

/* The window that was last touched; the others are as they were when it came about.  False: nothing is left. */
static bool find_window(struct fill *fill, struct fill_frame *frame)
{
    const struct fill_state *state = &frame->state;
    bool found = false;
    bool cuts = fill_has(fill, EXACT_CUTS);
    for (uint32_t a = 0, b; a < fill->n_sections; a = b) {
        uint32_t since = state->touch[a];
        uint64_t rest = state->rest[a];
        for (b = a + 1; b < fill->n_sections && (state->cross[b] > 0 || !cuts); b++) {
            since = state->touch[b] > since ? state->touch[b] : since;
            rest += state->rest[b];
        }
        if (rest == 0 || (found && since <= frame->window.since))
            continue;
        set_window(fill, frame, a, b, since);
        found = true;
    }
    return found;
}

static uint64_t mix(uint64_t hash, uint64_t x)
{
    hash = (hash ^ x) * 0xff51afd7ed558ccdu;
    return hash ^ hash >> 32;
}

/*
 * What decides whether a window can be filled: its floor, what is to come, how high the passed must be.  Not what the floor is made
 * of: an answer for the same window elsewhere would be one here, too; sliding down what can would make it one of those that the
 * branches had tried and refuted.  128 bits: that two windows of a search share a key by chance is not to be expected in the
 * lifetime of the universe.
 */
static void make_key(const struct fill *fill, struct fill_frame *frame)
{
    const struct fill_state *state = &frame->state;
    const struct fill_window *window = &frame->window;
    uint64_t a = window->from, b = window->to;
    for (uint32_t s = window->from; s < window->to; s++) {
        a = mix(a, state->floor[s]);
        b = mix(b, a ^ state->rest[s]);
    }
    for (uint32_t i = window->first; i < window->last; i++) {
        if (state->mark[i] == FILL_PLACED)
            continue;
        uint64_t height = state->mark[i] == FILL_PASSED ? 1 + (uint64_t)state->low[i] : 0;
        a += mix(fill->zobrist[2 * (size_t)i], height);
        b += mix(fill->zobrist[2 * (size_t)i + 1], height);
    }
    frame->key[0] = a;
    frame->key[1] = b | 1;
}

static struct fill_refuted *slot_of(const struct fill *fill, const struct fill_frame *frame)
{
    return &fill->refuted[frame->key[0] % FILL_SLOTS];
}

/* What nothing fills below one capacity, nothing fills below a smaller one. */
static bool is_refuted(const struct fill *fill, const struct fill_frame *frame)
{
    const struct fill_refuted *slot = slot_of(fill, frame);
    return slot->key[0] == frame->key[0] && slot->key[1] == frame->key[1] && slot->capacity >= fill->capacity;
}

static void learn(struct fill *fill, const struct fill_frame *frame)
{
    if (frame->key[1] != 0)
        *slot_of(fill, frame) = (struct fill_refuted){ .key = { frame->key[0], frame->key[1] }, .capacity = fill->capacity };
}

/* Looks at a new frame whose consequences are drawn; `changed`: its window may have come apart or be full. */
static enum fill_outcome enter(struct fill *fill, struct fill_frame *frame, bool changed)
{
    if (changed && !find_window(fill, frame))
        return FILL_DONE;
    make_key(fill, frame);
    return !is_refuted(fill, frame) && gai_fill_choose(fill, frame) ? FILL_OPEN : FILL_REFUTED;
}

/* Who was passed over rests on what was still to come: perhaps on this one, unless it is too high for that already. */
static void free_passed(struct fill *fill, struct fill_frame *frame, const struct fill_item *placed, uint32_t end)
{
    for (uint32_t i = frame->window.first; i < frame->window.last; i++) {
        const struct fill_item *item = &fill->items[i];
        bool may_rest = fill_lives(item, placed->from, placed->to) && align_up(end, item->align) >= frame->state.low[i];
        if (frame->state.mark[i] == FILL_PASSED && may_rest)
            frame->state.mark[i] = FILL_FREE;
    }
}

/* Places the item where the current frame's choice says, in a new frame. */
static enum fill_outcome place(struct fill *fill, uint32_t id)
{
    const struct fill_item *item = &fill->items[id];
    uint32_t depth = ++fill->depth, end;
    struct fill_frame *frame = &fill->frames[depth], *before = &fill->frames[depth - 1];
    copy_state(fill, depth, depth - 1);
    struct fill_state *state = &frame->state;
    set_window(fill, frame, before->window.from, before->window.to, depth);
    frame->key[0] = frame->key[1] = 0;
    fill->offsets[id] = before->choice.ground;
    end = before->choice.ground + item->size;
    state->mark[id] = FILL_PLACED;
    bool came_apart = false;
    for (uint32_t s = item->from; s < item->to; s++) {
        state->floor[s] = state->top[s] = end;
        state->rest[s] -= item->size;
        state->touch[s] = depth;
        bool is_border = s > item->from && --state->cross[s] == 0;
        came_apart |= is_border || state->rest[s] == 0;
        if (state->rest[s] == 0)
            state->floor[s] = fill->capacity; /* no valley any more */
    }
    free_passed(fill, frame, item, end);
    if (!gai_fill_settle(fill, frame, item->from, item->to))
        return FILL_REFUTED;
    return enter(fill, frame, came_apart);
}

/* The current frame's window cannot be filled: neither can it in the frame where it came about, which another choice made. */
static bool step_back(struct fill *fill)
{
    struct fill_frame *frame = &fill->frames[fill->depth];
    learn(fill, frame);
    if (frame->window.since == 0)
        return false;
    fill->depth = frame->window.since - 1;
    return true;
}

static enum fill_outcome begin_round(struct fill *fill)
{
    struct fill_frame *root = &fill->frames[0];
    copy_state(fill, 0, fill->n_items + 1);
    fill->depth = 0;
    set_window(fill, root, 0, fill->n_sections, 0);
    root->key[0] = root->key[1] = 0;
    for (uint32_t s = 0; s < fill->n_sections; s++) {
        if (root->state.rest[s] > fill->capacity)
            return FILL_REFUTED;
        if (root->state.rest[s] == 0)
            root->state.floor[s] = fill->capacity; /* no valley */
    }
    for (uint32_t i = 0; i < fill->n_items; i++) {
        uint32_t low = gai_fill_clear(fill, &root->state, i, root->state.low[i]);
        if ((uint64_t)low + fill->items[i].size > fill->capacity || (fill->items[i].fixed && low != fill->items[i].lowest))
            return FILL_REFUTED;
        root->state.low[i] = low;
    }
    return gai_fill_settle(fill, root, 0, fill->n_sections) ? enter(fill, root, true) : FILL_REFUTED;
}

/* What was done since; false: stop. */
static bool tell(struct fill *fill, struct exact_ask *ask)
{
    uint64_t steps = fill->work / FILL_STEP;
    fill->work %= FILL_STEP;
    return exact_spend(ask, steps);
}

/* Goes on with the round until it ends, or its placements or the steps are spent. */
static enum exact_verdict search(struct fill *fill, struct exact_ask *ask)
{
    while (fill->outcome != FILL_DONE) {
        if (fill->n_placements == 0 || !tell(fill, ask))
            return EXACT_UNKNOWN;
        if (fill->outcome == FILL_REFUTED && !step_back(fill))
            return EXACT_CANNOT;
        struct fill_frame *frame = &fill->frames[fill->depth];
        fill->work += (uint64_t)(frame->window.last - frame->window.first) + frame->window.to - frame->window.from;
        uint32_t item = gai_fill_next(fill, frame);
        if (item == PLACE_NONE) {
            fill->outcome = gai_fill_pass(fill, frame) && gai_fill_choose(fill, frame) ? FILL_OPEN : FILL_REFUTED;
        } else {
            fill->outcome = place(fill, item);
            fill->n_placements--;
        }
    }
    memcpy(ask->offsets, fill->offsets, fill->n_items * sizeof *ask->offsets);
    return EXACT_FITS;
}

/* Rounds are 1, 1, 2, 1, 1, 2, 4 ... times as long as the shortest, each length with each taste, later ones with more noise. */
static void next_round(struct fill *fill)
{
    uint32_t turn = fill->n_rounds / FILL_N_TASTES;
    fill->taste = (enum fill_taste)(fill->n_rounds % FILL_N_TASTES);
    fill->noise = turn < FILL_MAX_NOISE ? turn : FILL_MAX_NOISE;
    fill->n_rounds++;
    fill->n_placements = ((uint64_t)FILL_ROUND * fill->n_items) << low_bit((uint64_t)turn + 1);
    for (uint32_t s = 0; s < fill->n_sections; s++)
        fill->blame[s] /= 2;
    fill->outcome = begin_round(fill);
}

/* Whether the question is a new one: the other answers may be of use, where the search stood is not. */
static void begin(struct fill *fill, const struct exact_ask *ask)
{
    bool asked_before = fill->n_rounds > 0 && ask->capacity == fill->capacity && ask->rules == fill->rules;
    if (asked_before)
        return;
    fill->capacity = (uint32_t)ask->capacity;
    fill->rules = ask->rules;
    fill->rng.state = ask->seed + ++fill->n_asked;
    memset(fill->blame, 0, fill->n_sections * sizeof *fill->blame);
    fill->n_rounds = 0;
    fill->n_placements = 0;
}

static enum exact_verdict decide(void *engine, struct exact_ask *ask)
{
    struct fill *fill = engine;
    if (ask->capacity >= FILL_MAX_CAPACITY)
        return EXACT_UNKNOWN;
    begin(fill, ask);
    enum exact_verdict verdict = EXACT_UNKNOWN;
    while (verdict == EXACT_UNKNOWN && tell(fill, ask)) {
        if (fill->n_placements == 0)
            next_round(fill);
        verdict = search(fill, ask);
    }
    return verdict;
}

const struct exact_engine gai_exact_fill = {
    .name = "fill",
    .takes = takes,
    .new = fill_new,
    .delete = fill_delete,
    .decide = decide,
};
