/*
 * canonical.c - MiniMalloc's search: does it fit into the capacity?
 *
 * Any answer can be pushed down until each interval rests on the ground or on another; so only orders are searched, in which offsets
 * never fall.  Time is cut where intervals begin or end; a section knows the lowest place that anything may still have in it, and
 * how much is still to be placed.
 *
 *     section bound    lowest place + what is to be placed > capacity: no
 *     dominance        a place at or above where another could end would leave a hole that this other had filled: no
 *     parts            sections that no unplaced interval joins any more are searched apart
 *     no neighbour     what fails behind one that has no unplaced neighbour fails behind its siblings, too
 *
 * Ties by three orders in turn, with a limit of steps that doubles.
 */
#include "measure.h"
#include "peers/ranks.h"
#include "peers/times.h"
#include "peers/room.h"

#include <stdlib.h>
#include <string.h>

struct piece {
    uint32_t first, last; /* sections, half open */
    uint64_t size, align;
    uint32_t rank;
    uint64_t floor; /* the lowest offset that is feasible now */
    bool placed;
};

/* The floor that a placement raised. */
struct undo {
    uint32_t at;
    uint64_t was;
};

struct canonical {
    const struct peer_task *task;
    struct piece *pieces;
    uint64_t *lowest, *unplaced; /* by section: the lowest place of what is to come, and how much that is */
    uint32_t n, n_sections;
    struct undo *undo;
    size_t n_undo, cap_undo;
    struct keys *keys; /* room to sort */
    unsigned order;    /* of ties */
    uint64_t steps, limit;
    uint64_t *offsets;
    bool failed; /* no memory */
};

enum outcome { FITS, NEVER, OUT_OF_STEPS };

static void note(struct canonical *c, uint32_t at, uint64_t was)
{
    if (c->n_undo == c->cap_undo) {
        size_t cap = c->cap_undo ? 2 * c->cap_undo : 1024;
        struct undo *more = room_grow(c->undo, cap * sizeof *more);
        if (!more) {
            c->failed = true;
            return;
        }
        c->undo = more;
        c->cap_undo = cap;
    }
    c->undo[c->n_undo++] = (struct undo){ at, was };
}

static void roll_back(struct canonical *c, size_t to)
{
    while (c->n_undo > to) {
        const struct undo *undo = &c->undo[--c->n_undo];
        c->pieces[undo->at].floor = undo->was;
    }
}

/* The unplaced ones of a part, which are what is searched. */
struct part {
    uint32_t *at;
    uint32_t n;
    uint32_t first, last; /* its sections */
};

static void place(struct canonical *c, const struct part *part, uint32_t p)
{
    struct piece *piece = &c->pieces[p];
    uint64_t end = piece->floor + piece->size;
    piece->placed = true;
    for (uint32_t s = piece->first; s < piece->last; s++)
        c->unplaced[s] -= piece->size;
    for (uint32_t k = 0; k < part->n; k++) {
        struct piece *other = &c->pieces[part->at[k]];
        if (other->placed || other->last <= piece->first || piece->last <= other->first || other->floor >= end)
            continue;
        note(c, part->at[k], other->floor);
        other->floor = peer_up(end, other->align);
    }
}

static void take_back(struct canonical *c, uint32_t p)
{
    struct piece *piece = &c->pieces[p];
    piece->placed = false;
    for (uint32_t s = piece->first; s < piece->last; s++)
        c->unplaced[s] += piece->size;
}

/*
 * Whether every section of the part may still be filled within the capacity, none of what is to come lying below `offset`, nor below
 * the lowest place of those that are to lie there.
 */
static bool may_fit(struct canonical *c, const struct part *part, uint64_t offset)
{
    for (uint32_t s = part->first; s < part->last; s++)
        c->lowest[s] = UINT64_MAX;
    for (uint32_t k = 0; k < part->n; k++) {
        const struct piece *piece = &c->pieces[part->at[k]];
        for (uint32_t s = piece->first; !piece->placed && s < piece->last; s++)
            c->lowest[s] = piece->floor < c->lowest[s] ? piece->floor : c->lowest[s];
    }
    for (uint32_t s = part->first; s < part->last; s++) {
        uint64_t base = c->lowest[s] > offset ? c->lowest[s] : offset;
        if (c->unplaced[s] > 0 && (base > c->task->capacity || c->task->capacity - base < c->unplaced[s]))
            return false;
    }
    return true;
}

static bool has_neighbour(const struct canonical *c, const struct part *part, uint32_t p)
{
    const struct piece *piece = &c->pieces[p];
    for (uint32_t k = 0; k < part->n; k++) {
        const struct piece *other = &c->pieces[part->at[k]];
        if (!other->placed && other->first < piece->last && piece->first < other->last)
            return true;
    }
    return false;
}

/* ---- ties ---- */

/* Totals, widths and areas, the most important first, the larger first. */
struct keys {
    uint64_t key[3];
    uint32_t piece;
};

static int by_keys(const void *a, const void *b)
{
    const struct keys *x = a, *y = b;
    for (int i = 0; i < 3; i++)
        if (x->key[i] != y->key[i])
            return x->key[i] > y->key[i] ? -1 : 1;
    return (x->piece > y->piece) - (x->piece < y->piece);
}

/* Ranks the pieces of a part by what is still to be placed around them; `was` (may be NULL) gets the ranks before. */
static void rank_part(struct canonical *c, const struct part *part, uint32_t *was)
{
    for (uint32_t k = 0; k < part->n; k++) {
        uint32_t p = part->at[k];
        uint64_t total = 0, width = rank_life(c->task, p), area = rank_area(c->task, p);
        for (uint32_t s = c->pieces[p].first; s < c->pieces[p].last; s++)
            total = c->unplaced[s] > total ? c->unplaced[s] : total;
        const struct keys by_order[] = { { { total, width, area }, p },
                                         { { total, area, width }, p },
                                         { { width, area, total }, p } };
        c->keys[k] = by_order[c->order];
        if (was)
            was[k] = c->pieces[p].rank;
    }
    qsort(c->keys, part->n, sizeof *c->keys, by_keys);
    for (uint32_t k = 0; k < part->n; k++)
        c->pieces[c->keys[k].piece].rank = k;
}

/* ---- search ---- */

static enum outcome search(struct canonical *c, const struct part *part, uint64_t offset, uint32_t rank);

/* Where unplaced ones cross from one section into the next, `crossing` behind its first is not 0. */
static void count_crossing(const struct canonical *c, const struct part *whole, uint32_t *crossing)
{
    uint32_t n = whole->last - whole->first, sum = 0;
    memset(crossing, 0, (n + (size_t)1) * sizeof *crossing);
    for (uint32_t k = 0; k < whole->n; k++) {
        const struct piece *piece = &c->pieces[whole->at[k]];
        if (piece->placed)
            continue;
        crossing[piece->first - whole->first]++;
        crossing[piece->last - 1 - whole->first]--;
    }
    for (uint32_t s = 0; s < n; s++)
        crossing[s] = sum += crossing[s];
}

/* What lies within [first, last) and is unplaced. */
static struct part part_of(const struct canonical *c, const struct part *whole, uint32_t first, uint32_t last, uint32_t *at)
{
    struct part part = { at, 0, first, last };
    for (uint32_t k = 0; k < whole->n; k++) {
        const struct piece *piece = &c->pieces[whole->at[k]];
        if (!piece->placed && piece->first >= first && piece->last <= last)
            at[part.n++] = whole->at[k];
    }
    return part;
}

/* Apart from the rest: in an order of its own, from the ground on. */
static enum outcome search_apart(struct canonical *c, const struct part *part)
{
    uint32_t *was = room_new((part->n + (size_t)1) * sizeof *was);
    if (!was)
        return OUT_OF_STEPS;
    rank_part(c, part, was);
    enum outcome outcome = search(c, part, 0, 0);
    for (uint32_t k = 0; k < part->n; k++)
        c->pieces[part->at[k]].rank = was[k];
    room_give(was);
    return outcome;
}

/* The unplaced ones of a part: apart where none of them crosses, else on from (offset, rank). */
static enum outcome search_parts(struct canonical *c, const struct part *whole, uint64_t offset, uint32_t rank)
{
    size_t n_sections = whole->last - whole->first;
    uint32_t *at = room_new((whole->n + n_sections + 1) * sizeof *at), *crossing = at ? at + whole->n : NULL;
    enum outcome outcome = at ? FITS : OUT_OF_STEPS;
    if (at)
        count_crossing(c, whole, crossing);
    for (uint32_t s = whole->first, end; s < whole->last && outcome == FITS; s = end) {
        for (end = s + 1; crossing[end - 1 - whole->first] > 0;)
            end++;
        if (c->unplaced[s] == 0)
            continue;
        struct part part = part_of(c, whole, s, end, at);
        bool is_whole = s == whole->first && end == whole->last;
        outcome = is_whole ? search(c, &part, offset, rank) : search_apart(c, &part);
    }
    room_give(at);
    return outcome;
}

/* The lowest of those that come at (offset, rank) or behind it, and below `limit`; UINT32_MAX: there is none. */
static uint32_t next_piece(const struct canonical *c, const struct part *part, uint64_t offset, uint32_t rank, uint64_t limit)
{
    uint32_t best = UINT32_MAX;
    for (uint32_t k = 0; k < part->n; k++) {
        const struct piece *piece = &c->pieces[part->at[k]];
        bool is_behind = piece->floor > offset || (piece->floor == offset && piece->rank >= rank);
        if (piece->placed || !is_behind || piece->floor >= limit)
            continue;
        if (best == UINT32_MAX || piece->floor < c->pieces[best].floor ||
            (piece->floor == c->pieces[best].floor && piece->rank < c->pieces[best].rank))
            best = part->at[k];
    }
    return best;
}

static uint64_t lowest_end(const struct canonical *c, const struct part *part)
{
    uint64_t end = UINT64_MAX;
    for (uint32_t k = 0; k < part->n; k++) {
        const struct piece *piece = &c->pieces[part->at[k]];
        end = piece->floor + piece->size < end ? piece->floor + piece->size : end;
    }
    return end;
}

static bool is_out_of_steps(struct canonical *c)
{
    bool is_late = c->task->deadline > 0 && c->steps % 1024 == 0 && measure_now() > c->task->deadline;
    return c->failed || is_late || c->steps++ >= c->limit;
}

/* All of the part is unplaced; none of it goes below (offset, rank). */
static enum outcome search(struct canonical *c, const struct part *part, uint64_t offset, uint32_t rank)
{
    if (part->n == 0)
        return FITS;
    uint64_t limit = lowest_end(c, part);
    for (;;) {
        uint32_t p = next_piece(c, part, offset, rank, limit);
        if (p == UINT32_MAX)
            return NEVER;
        if (is_out_of_steps(c))
            return OUT_OF_STEPS;
        offset = c->pieces[p].floor;
        rank = c->pieces[p].rank + 1;
        size_t mark = c->n_undo;
        c->offsets[p] = offset;
        place(c, part, p);
        enum outcome outcome = may_fit(c, part, offset) ? search_parts(c, part, offset, rank) : NEVER;
        bool is_alone = outcome == NEVER && !has_neighbour(c, part, p);
        take_back(c, p);
        roll_back(c, mark);
        if (outcome != NEVER || is_alone)
            return outcome;
    }
}

/* ---- before and after ---- */

/* A section behind each time at which something begins or ends. */
static bool cut_sections(struct canonical *c)
{
    struct times times = times_of(c->task);
    if (!times.at)
        return false;
    c->n_sections = times.n;
    c->lowest = room_zeroed(times.n + (size_t)1, sizeof *c->lowest);
    c->unplaced = room_zeroed(times.n + (size_t)1, sizeof *c->unplaced);
    for (uint32_t i = 0; c->lowest && c->unplaced && i < c->n; i++) {
        const struct ga_interval *at = &c->task->at[i];
        struct piece *piece = &c->pieces[i];
        *piece = (struct piece){ times_find(times, at->birth), times_find(times, at->death), at->size, at->align, 0, 0, false };
        for (uint32_t s = piece->first; s < piece->last; s++)
            c->unplaced[s] += piece->size;
    }
    room_give(times.at);
    return c->lowest && c->unplaced;
}

static enum outcome search_by_turns(struct canonical *c, const struct part *all)
{
    enum outcome outcome = OUT_OF_STEPS;
    uint64_t left = c->task->steps ? c->task->steps : 1 << 18;
    for (unsigned turn = 0; outcome == OUT_OF_STEPS && left > 0; turn++) {
        if (c->failed || (c->task->deadline > 0 && measure_now() > c->task->deadline))
            break;
        c->order = turn % 3;
        c->steps = 0;
        c->limit = (uint64_t)c->n << (1 + turn / 3);
        c->limit = c->limit < left ? c->limit : left;
        rank_part(c, all, NULL);
        outcome = search_parts(c, all, 0, 0);
        left -= c->steps < left ? c->steps : left;
    }
    return outcome;
}

enum peer_end peer_canonical(const struct peer_task *task, uint64_t *offsets)
{
    struct peer_task own = *task;
    own.capacity = task->capacity ? task->capacity : task->load;
    struct canonical c = { .task = &own, .n = task->n };
    c.offsets = offsets;
    c.pieces = room_zeroed(task->n + (size_t)1, sizeof *c.pieces);
    c.keys = room_new((task->n + (size_t)1) * sizeof *c.keys);
    uint32_t *at = room_new((task->n + (size_t)1) * sizeof *at);
    enum outcome outcome = OUT_OF_STEPS;
    if (c.pieces && c.keys && at && cut_sections(&c)) {
        for (uint32_t i = 0; i < task->n; i++)
            at[i] = i;
        outcome = search_by_turns(&c, &(struct part){ at, task->n, 0, c.n_sections });
    }
    room_give(c.pieces);
    room_give(c.keys);
    room_give(c.lowest);
    room_give(c.unplaced);
    room_give(c.undo);
    room_give(at);
    return outcome == FITS ? PEER_ANSWERED : outcome == NEVER ? PEER_CANNOT : PEER_GAVE_UP;
}
