#include "place/quick.h"

/*
 * FIT: one block after the other, each into a gap between what stands already.
 *
 *     offset                      placed items, sorted by offset, are walked once per block; those that
 *       ^   [ c  ]                live at other times are stepped over.
 *       |   .....    <- gap
 *       |   [  a   ][ b ]         Unlike LOW it sees gaps, and it costs a walk: n^2 / 2, so only small
 *       '-------------------->    problems come here.
 */
#define FIT_STEPS ((uint64_t)1 << 22)

struct fit {
    struct quick *quick;
    uint32_t *next; /* by item: the next one by offset */
    uint32_t first;
    uint64_t limit, peak;
    bool tightest; /* the gap that leaves least; else the lowest */
};

static uint64_t end_of(const struct fit *fit, uint32_t i)
{
    return fit->quick->trial->spots[i].offset + fit->quick->part->items[i].size;
}

static bool lives_in(const struct fit *fit, uint32_t i, uint32_t from, uint32_t to)
{
    const struct item *item = &fit->quick->part->items[i];
    const uint32_t *section = fit->quick->section;
    return section[item->birth] < to && from < section[item->death];
}

static void insert(struct fit *fit, uint32_t i, uint64_t offset)
{
    const struct spot *spots = fit->quick->trial->spots;
    uint32_t *link = &fit->first;
    while (*link != PLACE_NONE && spots[*link].offset < offset)
        link = &fit->next[*link];
    fit->quick->trial->spots[i] = (struct spot){ .offset = offset };
    fit->next[i] = *link;
    *link = i;
    fit->peak = max_u64(fit->peak, end_of(fit, i));
}

static uint64_t find_gap(const struct fit *fit, const struct block *block, uint64_t align)
{
    uint64_t at = 0, best = UINT64_MAX, least = UINT64_MAX, size = fit->quick->part->items[block->item].size;
    for (uint32_t i = fit->first; i != PLACE_NONE; i = fit->next[i]) {
        if (!lives_in(fit, i, block->from, block->to))
            continue;
        uint64_t offset = fit->quick->trial->spots[i].offset;
        if (offset > at && offset - at >= size && offset - at - size < least) {
            best = at;
            least = offset - at - size;
            if (!fit->tightest)
                return best;
        }
        at = max_u64(at, align_up(end_of(fit, i), align));
    }
    return best != UINT64_MAX ? best : at;
}

/* The lowest base at or above `base` at which one member of a bent unit, `rel` above it, is clear of what is placed. */
static uint64_t clear_member(const struct fit *fit, uint32_t member, uint64_t base, uint64_t rel, uint64_t align)
{
    const struct item *item = &fit->quick->part->items[member];
    const uint32_t *section = fit->quick->section;
    for (uint32_t i = fit->first; i != PLACE_NONE; i = fit->next[i]) {
        if (fit->quick->trial->spots[i].offset >= base + rel + item->size)
            break;
        if (lives_in(fit, i, section[item->birth], section[item->death]) && end_of(fit, i) > base + rel)
            base = align_up(end_of(fit, i) - rel, align);
    }
    return base;
}

static uint64_t clear_bent(const struct fit *fit, const struct block *block, uint64_t align)
{
    const struct quick *quick = fit->quick;
    uint64_t base = 0, was;
    do {
        uint64_t rel = 0;
        was = base;
        for (uint32_t i = block->item; i != PLACE_NONE; i = quick->heir[i]) {
            rel += quick->via[i] ? heir_delta(quick, i) : 0;
            base = clear_member(fit, i, base, rel, align);
        }
    } while (base != was);
    return base;
}

/* False when the best so far is out of reach. */
static bool fit_block(struct fit *fit, const struct block *block)
{
    const struct quick *quick = fit->quick;
    const struct item *item = &quick->part->items[block->item];
    uint64_t align = item_align(quick->part, item);
    uint64_t offset = block->bent ? clear_bent(fit, block, align) : find_gap(fit, block, align);
    if (item->size > fit->limit || offset > fit->limit - item->size)
        return false;
    for (uint32_t i = block->item; i != PLACE_NONE; i = quick->heir[i]) {
        offset += quick->via[i] ? heir_delta(quick, i) : 0;
        insert(fit, i, offset);
    }
    return true;
}

static void fit_all(struct quick *quick, bool tightest)
{
    const struct part *part = quick->part;
    uint64_t walk = (uint64_t)part->n_items * part->n_items / 2;
    if (quick_is_chunked(quick) || walk > FIT_STEPS)
        return;
    quick->climb->steps += walk;
    struct fit fit = { .quick = quick, .first = PLACE_NONE, .limit = part->best.peak - 1, .tightest = tightest };
    fit.next = quick->order + quick->n_blocks;
    for (uint32_t k = part->n_fixed; k-- > 0;)
        insert(&fit, part->fixed[k], part->items[part->fixed[k]].fixed - 1);
    for (uint32_t rank = 0; rank < quick->n_blocks; rank++)
        if (!fit_block(&fit, &quick->blocks[quick->order[rank]]))
            return;
    gai_quick_offer(quick, fit.peak);
}

void gai_quick_first_fit(struct quick *quick)
{
    fit_all(quick, false);
}

void gai_quick_best_fit(struct quick *quick)
{
    fit_all(quick, true);
}
