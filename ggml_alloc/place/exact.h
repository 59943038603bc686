/*
 * exact.h - the contract of an exact engine: do these items fit below this height?
 *
 *     part --gai_exact_build()--> tasks, one per run of sections that nobody leaves     height |  .----.
 *     task --engine--> fits (and where), cannot (a proof), or unknown (its steps              |..|  b |.-----. capacity
 *                      are spent)                                                             |--'----'|  c  |
 *                                                                                             |   a    '--.--'
 *     A section is a maximal set of items that live at one time: whatever collides             '-----------'--> sections
 *     anywhere, collides in a section.  Neighbours are items that share one.
 *
 * All numbers are in units, the largest that divides every size and every offset that can matter.  An answer gives each item an
 * offset of at least its `lowest`, a multiple of its `align`, so that neighbours share no unit and nothing ends above the capacity;
 * a fixed item is exactly at its `lowest`.  Engines are asked by turns, each time with more steps, until one of them knows.
 */
#ifndef GAI_PLACE_EXACT_H
#define GAI_PLACE_EXACT_H

#include "place/rung.h"

struct exact_item {
    uint64_t size;     /* not 0 */
    uint64_t lowest;   /* a multiple of `align` */
    uint64_t align;    /* a power of two */
    uint32_t from, to; /* sections, half open, from < to */
    uint32_t origin;   /* whose it is, for those who made the task */
    bool fixed;
};

#define EXACT_LIMIT ((uint64_t)1 << 61) /* no size, offset, capacity or sum of the sizes of a section reaches it */

struct exact_task {
    const struct exact_item
        *items;                   /* by `from`, then `to`, falling size, `align`, `lowest`, `fixed`: identical ones are adjacent */
    uint32_t n_items, n_sections; /* n_items is not 0; each section lacks no item of which it could have one more */
    uint64_t load;                /* the largest sum of sizes over a section */
    uint64_t floor;               /* what lies below it, for those who made the task: not part of `capacity` */
};

enum exact_verdict { EXACT_UNKNOWN, EXACT_FITS, EXACT_CANNOT };

/* How an engine may reason.  Each rule is argued for where it is used; without it the answers are the same, later. */
enum exact_rule {
    EXACT_SECTIONS = 1, /* what is still to come must fit above each section's lowest offset */
    EXACT_LIFTER = 2,   /* an item passed over rests on a neighbour that is still to come */
    EXACT_TWINS = 4,    /* identical items come in one order */
    EXACT_CUTS = 8,     /* sides that nothing unplaced joins are decided apart */
    EXACT_ALL_RULES = 15,
};

struct exact_ask {
    uint64_t capacity;
    unsigned rules; /* enum exact_rule */
    uint64_t seed;
    uint64_t steps, limit;                     /* spent (the engine adds what it spends), and where it has to stop */
    bool (*go_on)(void *user, uint64_t steps); /* asked now and then with what was spent since; false: stop */
    void *user;
    uint64_t *offsets; /* by item; scratch unless the verdict is EXACT_FITS */
};

/*
 * An engine keeps what it learned from one question to the next: about one task, with any capacity.  The same questions in the same
 * order get the same answers on every machine.  All its memory comes from new(); decide() asks for none.
 */
struct exact_engine {
    const char *name;
    bool (*takes)(const struct exact_task *task, uint64_t capacity);       /* whether asking may be worth it; cheap */
    void *(*new)(const struct ga_mem *mem, const struct exact_task *task); /* NULL: no memory */
    void (*delete)(const struct ga_mem *mem, void *engine);                /* NULL is fine */
    enum exact_verdict (*decide)(void *engine, struct exact_ask *ask);
};

/* A part made ready, or what is to be made so. */
struct exact {
    uint64_t unit;  /* bytes */
    uint64_t floor; /* the highest end of an item in no task */
    struct exact_item *items;
    uint64_t *offsets; /* by item, above the floor of its task; of items in no task, set */
    struct exact_task *tasks;
    uint32_t n_items, n_tasks, room;
    uint32_t n_sections; /* room, until made ready: of `from` and `to`, which are steps then */
};

/*
 * init() makes room for n_items, and the caller fills in as many as there are: bytes, steps, origins.  build() puts them in the
 * order of their tasks.  An item that lives as long as all it meets lies below them and is in no task, where nothing is fixed or
 * aligned.  GA_NO_MEMORY; GA_NO_SPACE: too large for any engine; gai_exact_fini() accepts what a failure left.
 */
enum ga_status gai_exact_init(const struct ga_mem *mem, struct exact *exact, uint32_t n_items, uint32_t n_steps);
enum ga_status gai_exact_build(const struct ga_mem *mem, struct exact *exact);
void gai_exact_fini(const struct ga_mem *mem, struct exact *exact);

extern const struct exact_engine gai_exact_canon; /* branch and bound over canonical answers */
extern const struct exact_engine gai_exact_fill;  /* fills valleys, the narrowest choice first: strong where little may be lost */

/* Engines call this as they work, with what they did since; false: stop, and answer EXACT_UNKNOWN. */
static inline bool exact_spend(struct exact_ask *ask, uint64_t steps)
{
    ask->steps += steps;
    return ask->steps < ask->limit && (!ask->go_on || ask->go_on(ask->user, steps));
}

static inline bool exact_neighbours(const struct exact_item *a, const struct exact_item *b)
{
    return a->from < b->to && b->from < a->to;
}

#endif
