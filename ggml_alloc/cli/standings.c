/*
 * standings.c - how each planner did over all instances
 */
#include "cli/results.h"

#include "base/array.h"

#include <math.h>
#include <string.h>

static uint32_t find_peer(const struct standings *s, const char *peer)
{
    uint32_t p = 0;
    while (p < s->n_peers && strcmp(s->peers[p].peer, peer) != 0)
        p++;
    return p;
}

static uint32_t find_instance(const struct standings *s, const char *instance)
{
    /* Results come instance by instance: the last is tried first. */
    if (s->n_instances && strcmp(s->instances[s->n_instances - 1]->instance, instance) == 0)
        return s->n_instances - 1;
    uint32_t i = 0;
    while (i < s->n_instances && strcmp(s->instances[i]->instance, instance) != 0)
        i++;
    return i;
}

static bool list(struct standings *s, const struct results *results)
{
    for (uint32_t r = 0; r < results->n; r++) {
        const struct result *result = &results->at[r];
        if (find_peer(s, result->peer) == s->n_peers) {
            if (!array_room(&s->mem, &s->peers, &s->cap_peers, s->n_peers + 1u))
                return false;
            s->peers[s->n_peers++] = (struct standing){ .peer = result->peer };
        }
        if (find_instance(s, result->instance) == s->n_instances) {
            if (!array_room(&s->mem, &s->instances, &s->cap_instances, s->n_instances + 1u))
                return false;
            s->instances[s->n_instances++] = result;
        }
    }
    return true;
}

static bool fill(struct standings *s, const struct results *results)
{
    s->cells = (const struct result **)gai_mem_zalloc(&s->mem, (size_t)s->n_instances * s->n_peers, sizeof *s->cells);
    s->best = mem_new(&s->mem, uint64_t, s->n_instances);
    if (!s->cells || !s->best)
        return false;
    for (uint32_t r = 0; r < results->n; r++) {
        const struct result *result = &results->at[r];
        uint32_t i = find_instance(s, result->instance), p = find_peer(s, result->peer);
        s->cells[(size_t)i * s->n_peers + p] = result; /* of several, the last */
        if (result->peak && (s->best[i] == 0 || result->peak < s->best[i]))
            s->best[i] = result->peak;
    }
    return true;
}

static void sum_up(struct standings *s, uint32_t p)
{
    struct standing *peer = &s->peers[p];
    double load_logs = 0, best_logs = 0;
    uint32_t n_load = 0;
    for (uint32_t i = 0; i < s->n_instances; i++) {
        const struct result *cell = standings_cell(s, i, p);
        if (!cell)
            continue;
        peer->total_ns += cell->median_ns;
        peer->most_bytes = cell->bytes > peer->most_bytes ? cell->bytes : peer->most_bytes;
        peer->proved += cell->proved;
        if (cell->peak == 0)
            continue;
        peer->answered++;
        peer->lowest += cell->peak == s->best[i];
        best_logs += log((double)cell->peak / (double)s->best[i]);
        if (cell->load == 0)
            continue;
        double over = (double)cell->peak / (double)cell->load;
        n_load++;
        load_logs += log(over);
        peer->worst_load = over - 1 > peer->worst_load ? over - 1 : peer->worst_load;
    }
    peer->over_load = n_load ? exp(load_logs / n_load) - 1 : 0;
    peer->over_best = peer->answered ? exp(best_logs / peer->answered) - 1 : 0;
}

enum ga_status standings_make(const struct ga_mem *mem, const struct results *results, struct standings *standings)
{
    *standings = (struct standings){ .mem = *mem };
    if (!list(standings, results) || !fill(standings, results)) {
        standings_fini(standings);
        return GA_NO_MEMORY;
    }
    for (uint32_t p = 0; p < standings->n_peers; p++)
        sum_up(standings, p);
    return GA_OK;
}

void standings_fini(struct standings *s)
{
    size_t n_cells = (size_t)s->n_instances * s->n_peers;
    mem_free(&s->mem, s->peers, s->cap_peers);
    gai_mem_free(&s->mem, (void *)s->instances, s->cap_instances, sizeof *s->instances);
    gai_mem_free(&s->mem, (void *)s->cells, n_cells, sizeof *s->cells);
    mem_free(&s->mem, s->best, s->n_instances);
    *s = (struct standings){ .mem = s->mem };
}

double standings_share(const struct standings *s, uint32_t peer, double factor)
{
    uint32_t all = 0, within = 0;
    for (uint32_t i = 0; i < s->n_instances; i++) {
        const struct result *cell = standings_cell(s, i, peer);
        all += s->best[i] != 0;
        within += cell && cell->peak && (double)cell->peak <= factor * (double)s->best[i];
    }
    return all ? (double)within / all : 0;
}

struct change *results_pair(const struct ga_mem *mem, const struct results *before, const struct results *after, uint32_t *n,
                            uint32_t *cap)
{
    *n = 0;
    *cap = after->n;
    struct change *changes = mem_new_raw(mem, struct change, after->n);
    for (uint32_t a = 0; changes && a < after->n; a++)
        for (uint32_t b = 0; b < before->n; b++)
            if (strcmp(before->at[b].peer, after->at[a].peer) == 0 && strcmp(before->at[b].instance, after->at[a].instance) == 0) {
                changes[(*n)++] = (struct change){ &before->at[b], &after->at[a] };
                break;
            }
    return changes;
}
