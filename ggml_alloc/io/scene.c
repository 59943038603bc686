#include "io/scene.h"

#include "base/array.h"
#include "base/json.h"
#include "plan/plan.h"

#include <string.h>

/* After Okabe and Ito; told apart with a colour-vision deficiency, by lightness where not by hue, on white and on black. */
const char *const gai_scene_colours[SCENE_HUES] = { "#0072b2", "#e69f00", "#009e73", "#cc79a7",
                                                    "#56b4e9", "#d55e00", "#7d4b1f", "#c4c4c4" };

static const ga_graph *graph_of(const struct scene *scene)
{
    return scene->report->graph;
}

const char *gai_scene_name(const struct scene *scene, ga_id id)
{
    struct ga_node node;
    if (scene->intervals)
        return gai_intervals_id(scene->intervals, id - 1);
    return graph_of(scene) && ga_graph_node(graph_of(scene), id, &node) && node.name ? node.name : "";
}

const char *gai_scene_op(const struct scene *scene, ga_id id)
{
    struct ga_node node;
    return graph_of(scene) && ga_graph_node(graph_of(scene), id, &node) && node.op ? node.op : "";
}

uint32_t gai_scene_file_id(const struct scene *scene, ga_id id)
{
    return scene->report->file ? scene->report->file->file_ids[id] : id - 1;
}

const char *gai_scene_title(const struct scene *scene)
{
    const struct report *report = scene->report;
    const char *path = report->path && strcmp(report->path, "-") != 0 ? report->path : "<stdin>";
    return report->file ? report->file->name : path;
}

void gai_xml(const char *plain, size_t most, struct text *out)
{
    for (const char *at = plain; *at && (size_t)(at - plain) < most;) {
        size_t len = gai_utf8_len(at);
        if (*at == '<' || *at == '>' || *at == '&')
            gai_text(out, *at == '<' ? "&lt;" : *at == '>' ? "&gt;" : "&amp;");
        else if (len > 1 || (len == 1 && (unsigned char)*at >= 0x20 && *at != 0x7f))
            gai_text_raw(out, at, len);
        at += len ? len : 1;
    }
}

/* ---- tiles ---- */

static uint64_t chunk_start(const ga_plan *plan, unsigned pool, unsigned chunk)
{
    uint64_t start = 0;
    for (unsigned i = 0; i < chunk; i++)
        start += ga_plan_chunk(plan, pool, i);
    return start;
}

static enum ga_status add_tiles(struct scene *scene)
{
    const ga_plan *plan = scene->report->plan;
    if (!array_room(&scene->mem, &scene->tiles, &scene->cap_tiles, plan->info.n_storages))
        return GA_NO_MEMORY;
    scene->begin = UINT64_MAX;
    for (uint32_t i = 0; i < plan->info.n_storages; i++) {
        struct tile *tile = &scene->tiles[scene->n_tiles];
        struct ga_slot slot;
        *tile = (struct tile){ .id = plan->storages[i] };
        if (!ga_plan_slot(plan, tile->id, &slot) || !ga_plan_life(plan, tile->id, &tile->birth, &tile->death))
            continue;
        tile->pool = slot.pool;
        tile->chunk = slot.chunk;
        tile->size = slot.size;
        tile->at = chunk_start(plan, slot.pool, slot.chunk) + slot.offset;
        scene->begin = tile->birth < scene->begin ? tile->birth : scene->begin;
        scene->end = tile->death > scene->end ? tile->death : scene->end;
        scene->n_tiles++;
    }
    scene->begin = scene->n_tiles ? scene->begin : 0;
    return GA_OK;
}

static bool share_bytes(const struct tile *a, const struct tile *b)
{
    return a->pool == b->pool && a->at < b->at + b->size && b->at < a->at + a->size;
}

/* Sources whose bytes the heir took over end where it begins. */
static void end_sources(struct scene *scene, const uint32_t *tile_of, const struct tile *heir)
{
    struct ga_node node, source;
    ga_graph_node(graph_of(scene), heir->id, &node);
    for (uint32_t i = 0; i < node.n_src && node.reuse; i++) {
        if (node.src[i] == GA_NONE || !ga_graph_node(graph_of(scene), node.src[i], &source))
            continue;
        uint32_t at = tile_of[source.view_of != GA_NONE ? source.view_of : node.src[i]];
        struct tile *tile = at == UINT32_MAX ? NULL : &scene->tiles[at];
        if (tile && tile != heir && tile->birth < heir->birth && tile->death > heir->birth && share_bytes(tile, heir))
            tile->death = heir->birth;
    }
}

static enum ga_status end_all_sources(struct scene *scene)
{
    uint32_t n = scene->report->plan->info.n_nodes + 1;
    uint32_t *tile_of = mem_new_raw(&scene->mem, uint32_t, n);
    if (!tile_of)
        return GA_NO_MEMORY;
    memset(tile_of, 0xff, n * sizeof *tile_of);
    for (uint32_t i = 0; i < scene->n_tiles; i++)
        tile_of[scene->tiles[i].id] = i;
    for (uint32_t i = 0; i < scene->n_tiles; i++)
        end_sources(scene, tile_of, &scene->tiles[i]);
    mem_free(&scene->mem, tile_of, n);
    return GA_OK;
}

static enum ga_status add_panels(struct scene *scene)
{
    const ga_plan *plan = scene->report->plan;
    for (unsigned pool = 0; pool < gai_report_pools(scene->report); pool++) {
        struct panel panel = { .pool = pool, .peak = ga_plan_peak(plan, pool), .bound = ga_plan_bound(plan, pool) };
        panel.high = panel.peak;
        if (panel.peak == 0)
            continue;
        if (!array_room(&scene->mem, &scene->panels, &scene->cap_panels, scene->n_panels + 1u))
            return GA_NO_MEMORY;
        ga_plan_live_at_peak(plan, pool, NULL, 0, &panel.step);
        for (uint32_t i = 0; i < scene->n_tiles; i++)
            panel.n_tiles += scene->tiles[i].pool == pool;
        scene->panels[scene->n_panels++] = panel;
    }
    return GA_OK;
}

/* ---- hues ---- */

enum { MOST_OPS = 128 };

struct tally {
    const char *op;
    double weight; /* bytes times steps */
};

static unsigned find_op(struct tally *ops, unsigned *n, const char *op)
{
    for (unsigned i = 0; i < *n; i++)
        if (strcmp(ops[i].op, op) == 0)
            return i;
    if (*n < MOST_OPS)
        ops[(*n)++] = (struct tally){ .op = op };
    return *n - 1;
}

static void sort_ops(struct tally *ops, unsigned n)
{
    for (unsigned i = 1; i < n; i++)
        for (unsigned j = i; j > 0 && ops[j].weight > ops[j - 1].weight; j--) {
            struct tally swapped = ops[j];
            ops[j] = ops[j - 1];
            ops[j - 1] = swapped;
        }
}

static unsigned weigh_ops(const struct scene *scenes, uint32_t n_scenes, struct tally ops[MOST_OPS])
{
    unsigned n = 0;
    for (const struct scene *scene = scenes; scene < scenes + n_scenes; scene++)
        for (const struct tile *tile = scene->tiles; tile < scene->tiles + scene->n_tiles; tile++)
            ops[find_op(ops, &n, gai_scene_op(scene, tile->id))].weight += (double)tile->size * (double)(tile->death - tile->birth);
    return n;
}

static void colour_by_op(struct scene *scene, struct tally *ops, unsigned n)
{
    for (unsigned hue = 0; hue < n && hue < SCENE_HUES - 1; hue++)
        scene->labels[hue] = *ops[hue].op ? ops[hue].op : "no op";
    if (n >= SCENE_HUES)
        scene->labels[SCENE_HUES - 1] = "other ops";
    for (uint32_t i = 0; i < scene->n_tiles; i++) {
        unsigned at = find_op(ops, &n, gai_scene_op(scene, scene->tiles[i].id));
        scene->tiles[i].hue = (uint8_t)(at < SCENE_HUES - 1 ? at : SCENE_HUES - 1);
    }
}

/* A hue for each factor of four below the peak. */
static unsigned hue_of_size(uint64_t size, uint64_t peak)
{
    unsigned hue = 0;
    while (hue < 5 && size < peak >> (2 * (hue + 1)))
        hue++;
    return hue;
}

static void colour_by_size(struct scene *scenes, uint32_t n, uint64_t peak)
{
    static const char *const labels[SCENE_HUES] = { "1/4 of the peak or more", "1/16 or more",   "1/64 or more",
                                                    "1/256 or more",           "1/1024 or more", "less" };
    bool is_used[SCENE_HUES] = { false };
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < scenes[i].n_tiles; j++) {
            struct tile *tile = &scenes[i].tiles[j];
            tile->hue = (uint8_t)hue_of_size(tile->size, peak);
            is_used[tile->hue] = true;
        }
    for (uint32_t i = 0; i < n; i++)
        for (unsigned hue = 0; hue < SCENE_HUES; hue++)
            scenes[i].labels[hue] = is_used[hue] ? labels[hue] : NULL;
}

static bool have_ops(const struct scene *scenes, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (scenes[i].report->graph)
            return true;
    return false;
}

static uint64_t highest_peak(const struct scene *scenes, uint32_t n)
{
    uint64_t most = 0;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < scenes[i].n_panels; j++)
            most = scenes[i].panels[j].peak > most ? scenes[i].panels[j].peak : most;
    return most;
}

static void colour(struct scene *scenes, uint32_t n)
{
    struct tally ops[MOST_OPS];
    if (!have_ops(scenes, n)) {
        colour_by_size(scenes, n, highest_peak(scenes, n));
        return;
    }
    unsigned n_ops = weigh_ops(scenes, n, ops);
    sort_ops(ops, n_ops);
    for (uint32_t i = 0; i < n; i++)
        colour_by_op(&scenes[i], ops, n_ops);
}

const struct panel *gai_scene_panel(const struct scene *scene, unsigned pool)
{
    for (uint32_t i = 0; i < scene->n_panels; i++)
        if (scene->panels[i].pool == pool)
            return &scene->panels[i];
    return NULL;
}

void gai_scene_align(struct scene *scenes, uint32_t n)
{
    colour(scenes, n);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < scenes[i].n_panels; j++)
            for (uint32_t k = 0; k < n; k++) {
                const struct panel *other = gai_scene_panel(&scenes[k], scenes[i].panels[j].pool);
                if (other && other->peak > scenes[i].panels[j].high)
                    scenes[i].panels[j].high = other->peak;
            }
}

enum ga_status gai_scene_make(const struct report *report, const struct intervals *intervals, struct scene *scene)
{
    *scene = (struct scene){ .mem = report->plan->mem, .report = report, .intervals = intervals };
    enum ga_status status = add_tiles(scene);
    if (status == GA_OK && report->graph)
        status = end_all_sources(scene);
    if (status == GA_OK)
        status = add_panels(scene);
    if (status != GA_OK) {
        gai_scene_fini(scene);
        return status;
    }
    colour(scene, 1);
    return GA_OK;
}

void gai_scene_fini(struct scene *scene)
{
    mem_free(&scene->mem, scene->tiles, scene->cap_tiles);
    mem_free(&scene->mem, scene->panels, scene->cap_panels);
    *scene = (struct scene){ 0 };
}

/* ---- cells ---- */

struct extent {
    double low, high;
};

/* The share of cell `at` that lies in the extent. */
static double covered(const struct extent *extent, unsigned at)
{
    double low = extent->low > at ? extent->low : at, high = extent->high < at + 1.0 ? extent->high : at + 1.0;
    return high > low ? high - low : 0;
}

static void cover(const struct raster *raster, const struct extent *x, const struct extent *y, unsigned hue)
{
    for (unsigned row = (unsigned)y->low; row < raster->height && row < y->high; row++)
        for (unsigned column = (unsigned)x->low; column < raster->width && column < x->high; column++) {
            size_t cell = (size_t)row * raster->width + column;
            raster->scratch[cell * SCENE_HUES + hue] += (float)(covered(x, column) * covered(y, row));
        }
}

static uint8_t strongest(const float *shares)
{
    unsigned best = 0;
    float sum = 0;
    for (unsigned hue = 0; hue < SCENE_HUES; hue++) {
        sum += shares[hue];
        best = shares[hue] > shares[best] ? hue : best;
    }
    return (uint8_t)(sum <= 1e-9f ? SCENE_HUES : best);
}

void gai_raster_fill(const struct raster *raster, const struct scene *scene, const struct panel *panel, tile_choice *only)
{
    double per_time = raster->width / (double)(scene->end - scene->begin), per_byte = raster->height / (double)panel->high;
    memset(raster->scratch, 0, gai_raster_room(raster->width, raster->height) * sizeof(float));
    for (uint32_t i = 0; i < scene->n_tiles; i++) {
        const struct tile *tile = &scene->tiles[i];
        if (tile->pool != panel->pool || (only && !only(scene, panel, tile)))
            continue;
        struct extent x = { (double)(tile->birth - scene->begin) * per_time, (double)(tile->death - scene->begin) * per_time };
        double top = raster->height - (double)(tile->at + tile->size) * per_byte;
        struct extent y = { top > 0 ? top : 0, raster->height - (double)tile->at * per_byte };
        cover(raster, &x, &y, tile->hue);
    }
    for (size_t cell = 0; cell < (size_t)raster->width * raster->height; cell++)
        raster->cells[cell] = strongest(&raster->scratch[cell * SCENE_HUES]);
}
