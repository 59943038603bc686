#include "order/parts.h"

/*
 * A turn is a cut when all before it, in the order given, are before it by their links, and all behind it likewise.  All before are,
 * when each of them has a link that ends no later than at the turn: following such links from any of them arrives there.
 */
static void mark_whom_all_behind_follow(const struct turns *turns, uint32_t *marks)
{
    uint32_t nearest = turns->n_turns; /* of the turns behind, the one whose last link from before comes from farthest back: + 1 */
    for (uint32_t turn = turns->n_turns; turn-- > 0;) {
        uint32_t latest = 0;
        marks[turn] = nearest > turn;
        for (uint32_t i = turns->of[turn].before; i < turns->of[turn + 1].before; i++)
            latest = turns->befores[i] + 1 > latest ? turns->befores[i] + 1 : latest;
        nearest = latest < nearest ? latest : nearest;
    }
}

void gai_parts(const struct turns *turns, uint32_t *first, uint32_t *end)
{
    uint32_t n = turns->n_turns, begin = 0, farthest = 0;
    mark_whom_all_behind_follow(turns, end);
    for (uint32_t turn = 0; turn < n; turn++) {
        bool is_cut = farthest <= turn && end[turn];
        uint32_t earliest = n;
        for (uint32_t i = turns->of[turn].after; i < turns->of[turn + 1].after; i++)
            earliest = turns->afters[i] < earliest ? turns->afters[i] : earliest;
        farthest = earliest > farthest ? earliest : farthest;
        first[turn] = is_cut ? turn : begin;
        begin = is_cut ? turn + 1 : begin;
    }
    for (uint32_t turn = n; turn-- > 0;)
        end[turn] = turn + 1 < n && first[turn + 1] == first[turn] ? end[turn + 1] : turn + 1;
}
