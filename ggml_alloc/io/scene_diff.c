#include "io/scene_diff.h"

#include "base/array.h"
#include "plan/plan.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is which ---- */

/* What a tile is known by; `id` is 0 where names tell. */
struct key {
    const char *op, *name;
    uint64_t size; /* of those without a name; else 0 */
    ga_id id;
    uint32_t tile;
};

/* As ggml names what nobody gave a name: node_12, leaf_3. */
static bool is_numbered(const char *name)
{
    bool has_stem = strncmp(name, "node_", 5) == 0 || strncmp(name, "leaf_", 5) == 0;
    return !*name || (has_stem && name[5] && !name[5 + strspn(name + 5, "0123456789")]);
}

static bool is_one_graph(const struct scene *before, const struct scene *after)
{
    uint32_t n = before->report->plan->n_nodes;
    if (after->report->plan->n_nodes != n || !before->intervals != !after->intervals)
        return false;
    for (ga_id id = 1; id <= n; id++)
        if (strcmp(gai_scene_op(before, id), gai_scene_op(after, id)) != 0 ||
            strcmp(gai_scene_name(before, id), gai_scene_name(after, id)) != 0)
            return false;
    return true;
}

static struct key key_of(const struct scene *scene, uint32_t at, bool by_id)
{
    const struct tile *tile = &scene->tiles[at];
    if (by_id)
        return (struct key){ .op = "", .name = "", .id = tile->id, .tile = at };
    struct key key = { .op = gai_scene_op(scene, tile->id), .name = gai_scene_name(scene, tile->id), .tile = at };
    if (!scene->intervals && is_numbered(key.name)) {
        key.name = "";
        key.size = tile->size;
    }
    return key;
}

static int compare_names(const struct key *a, const struct key *b)
{
    int order = strcmp(a->name, b->name);
    if (order == 0)
        order = strcmp(a->op, b->op);
    if (order == 0 && a->size != b->size)
        order = a->size < b->size ? -1 : 1;
    if (order == 0 && a->id != b->id)
        order = a->id < b->id ? -1 : 1;
    return order;
}

static int compare_keys(const void *left, const void *right)
{
    const struct key *a = left, *b = right;
    int order = compare_names(a, b);
    return order ? order : (a->tile > b->tile) - (a->tile < b->tile);
}

/* NULL: no memory.  To be freed as scene->n_tiles elements. */
static struct key *sorted_keys(const struct scene *scene, bool by_id)
{
    struct key *keys = mem_new_raw(&scene->mem, struct key, scene->n_tiles);
    for (uint32_t i = 0; keys && i < scene->n_tiles; i++)
        keys[i] = key_of(scene, i, by_id);
    if (keys)
        qsort(keys, scene->n_tiles, sizeof *keys, compare_keys);
    return keys;
}

/* ---- what became of it ---- */

static enum fate fate_of(const struct tile *before, const struct tile *after)
{
    if (before->size != after->size)
        return before->size < after->size ? FATE_GROWN : FATE_SHRUNK;
    if (before->pool != after->pool || before->chunk != after->chunk || before->at != after->at)
        return FATE_MOVED;
    uint64_t life_before = before->death - before->birth, life_after = after->death - after->birth;
    if (life_before != life_after)
        return life_before < life_after ? FATE_LONGER : FATE_SHORTER;
    return FATE_SAME;
}

static void add(struct scene_diff *diff, const struct key *before, const struct key *after)
{
    struct twins *twins = &diff->twins[diff->n++];
    *twins = (struct twins){ before ? before->tile : NO_TILE, after ? after->tile : NO_TILE, before ? FATE_GONE : FATE_NEW };
    if (before && after)
        twins->fate = fate_of(&diff->before->tiles[before->tile], &diff->after->tiles[after->tile]);
    diff->counts[twins->fate]++;
}

/* Two sorted lists become one. */
static void pair_up(struct scene_diff *diff, const struct key *before, const struct key *after)
{
    const struct key *before_end = before + diff->before->n_tiles, *after_end = after + diff->after->n_tiles;
    while (before < before_end || after < after_end) {
        int order = before == before_end ? 1 : after == after_end ? -1 : compare_names(before, after);
        add(diff, order <= 0 ? before : NULL, order >= 0 ? after : NULL);
        before += order <= 0;
        after += order >= 0;
    }
}

/* Where a line stands among those of its fate: the largest first, in the order of the later scene. */
struct place {
    uint64_t size;
    struct twins twins;
};

static int compare_places(const void *left, const void *right)
{
    const struct place *a = left, *b = right;
    if (a->twins.fate != b->twins.fate)
        return a->twins.fate < b->twins.fate ? -1 : 1;
    if (a->size != b->size)
        return a->size > b->size ? -1 : 1;
    if (a->twins.after != b->twins.after)
        return a->twins.after < b->twins.after ? -1 : 1;
    return (a->twins.before > b->twins.before) - (a->twins.before < b->twins.before);
}

static uint64_t larger_size(const struct scene_diff *diff, const struct twins *twins)
{
    uint64_t before = twins->before == NO_TILE ? 0 : diff->before->tiles[twins->before].size;
    uint64_t after = twins->after == NO_TILE ? 0 : diff->after->tiles[twins->after].size;
    return before > after ? before : after;
}

static bool sort_twins(struct scene_diff *diff)
{
    struct place *places = mem_new_raw(&diff->mem, struct place, diff->n);
    for (uint32_t i = 0; places && i < diff->n; i++)
        places[i] = (struct place){ larger_size(diff, &diff->twins[i]), diff->twins[i] };
    if (places)
        qsort(places, diff->n, sizeof *places, compare_places);
    for (uint32_t i = 0; places && i < diff->n; i++)
        diff->twins[i] = places[i].twins;
    mem_free(&diff->mem, places, diff->n);
    return places || diff->n == 0;
}

enum ga_status gai_scene_diff(const struct scene *before, const struct scene *after, struct scene_diff *diff)
{
    *diff = (struct scene_diff){ .mem = before->mem, .before = before, .after = after };
    bool by_id = is_one_graph(before, after);
    struct key *keys_before = sorted_keys(before, by_id), *keys_after = sorted_keys(after, by_id);
    uint64_t most = (uint64_t)before->n_tiles + after->n_tiles;
    bool has_memory = keys_before && keys_after && array_room(&diff->mem, &diff->twins, &diff->cap, most);
    if (has_memory) {
        pair_up(diff, keys_before, keys_after);
        has_memory = sort_twins(diff);
    }
    mem_free(&before->mem, keys_before, before->n_tiles);
    mem_free(&after->mem, keys_after, after->n_tiles);
    if (has_memory)
        return GA_OK;
    gai_scene_diff_fini(diff);
    return GA_NO_MEMORY;
}

void gai_scene_diff_fini(struct scene_diff *diff)
{
    mem_free(&diff->mem, diff->twins, diff->cap);
    *diff = (struct scene_diff){ 0 };
}
