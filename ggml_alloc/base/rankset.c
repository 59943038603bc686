#include "base/rankset.h"

#include "base/bits.h"

bool gai_rankset_init(struct rankset *set, const struct ga_mem *mem, uint32_t n)
{
    uint32_t starts[RANKSET_LEVELS], words = n;
    *set = (struct rankset){ 0 };
    do {
        words = words / 64 + 1;
        starts[set->n_levels++] = set->n_words;
        set->n_words += words;
    } while (words > 1);
    set->words = mem_new(mem, uint64_t, set->n_words);
    for (uint32_t l = 0; l < set->n_levels && set->words; l++)
        set->levels[l] = set->words + starts[l];
    return set->words != NULL;
}

void gai_rankset_fini(struct rankset *set, const struct ga_mem *mem)
{
    mem_free(mem, set->words, set->n_words);
    *set = (struct rankset){ 0 };
}

void gai_rankset_add(struct rankset *set, uint32_t rank)
{
    for (uint32_t l = 0; l < set->n_levels; l++, rank >>= 6)
        set->levels[l][rank >> 6] |= (uint64_t)1 << (rank & 63);
}

void gai_rankset_drop(struct rankset *set, uint32_t rank)
{
    for (uint32_t l = 0; l < set->n_levels; l++, rank >>= 6) {
        set->levels[l][rank >> 6] &= ~((uint64_t)1 << (rank & 63));
        if (set->levels[l][rank >> 6])
            return;
    }
}

bool gai_rankset_has(const struct rankset *set, uint32_t rank)
{
    return set->levels[0][rank >> 6] >> (rank & 63) & 1;
}

/* Up until a word has a neighbour, then down along its edge. */
uint32_t gai_rankset_below(const struct rankset *set, uint32_t rank)
{
    for (uint32_t l = 0; l < set->n_levels; l++, rank >>= 6) {
        uint64_t bits = set->levels[l][rank >> 6] & (((uint64_t)1 << (rank & 63)) - 1);
        if (!bits)
            continue;
        rank = (rank & ~63u) | high_bit(bits);
        while (l-- > 0)
            rank = rank << 6 | high_bit(set->levels[l][rank]);
        return rank;
    }
    return RANKSET_NONE;
}

uint32_t gai_rankset_above(const struct rankset *set, uint32_t rank)
{
    for (uint32_t l = 0; l < set->n_levels; l++, rank >>= 6) {
        uint64_t bits = set->levels[l][rank >> 6] & ~(((uint64_t)2 << (rank & 63)) - 1);
        if (!bits)
            continue;
        rank = (rank & ~63u) | low_bit(bits);
        while (l-- > 0)
            rank = rank << 6 | low_bit(set->levels[l][rank]);
        return rank;
    }
    return RANKSET_NONE;
}
