/*
 * Plans as pictures: tiles never cover each other, what is drawn agrees with a slow model, two scenes are matched completely; and
 * whatever fails, nothing is lost.
 */
#include "base/json.h"
#include "io/scene_diff.h"

#include "base/rng.h"
#include "plan/plan.h"
#include "unit/recorded.h"

#include <inttypes.h>

/* Something planned, and all that a scene of it borrows from. */
struct drawn {
    struct test_mem mem;
    struct tgraph graph;
    struct intervals intervals;
    bool is_graph;
    ga_plan *plan;
    struct report report;
    struct scene scene;
};

static void begin(struct drawn *drawn, const char *text, enum ga_effort effort)
{
    struct test_source from = { .text = text, .len = strlen(text) };
    struct ga_source source = test_source(&from);
    struct mishap mishap;
    struct ga_plan_opts opts = { .effort = effort };
    uint64_t align[8], chunk_max[8];
    *drawn = (struct drawn){ .is_graph = strncmp(text, "tgraph", 6) == 0 };
    struct ga_env env = test_env(&drawn->mem);
    if (drawn->is_graph) {
        cr_assert_eq(gai_tgraph_read(&env, &source, INPLACE_VIEWS, &drawn->graph, &mishap), GA_OK, "%s", mishap.what);
        cr_assert_leq(drawn->graph.n_buffers, 8);
        gai_tgraph_limits(&drawn->graph, align, chunk_max);
        opts.n_pools = drawn->graph.n_buffers;
        opts.align = align;
        opts.chunk_max = chunk_max;
        cr_assert_eq(ga_plan_graph(drawn->graph.graph, &opts, &drawn->plan), GA_OK);
    } else {
        cr_assert_eq(gai_intervals_read(&env.mem, &source, &drawn->intervals, &mishap), GA_OK, "%s", mishap.what);
        cr_assert_eq(ga_plan_intervals(&env, drawn->intervals.at, drawn->intervals.n, &opts, &drawn->plan), GA_OK);
    }
    drawn->report = (struct report){
        .plan = drawn->plan,
        .graph = drawn->is_graph ? drawn->graph.graph : NULL,
        .file = drawn->is_graph ? &drawn->graph : NULL,
        .path = "-",
    };
}

static enum ga_status make(struct drawn *drawn)
{
    return gai_scene_make(&drawn->report, drawn->is_graph ? NULL : &drawn->intervals, &drawn->scene);
}

static void end(struct drawn *drawn)
{
    gai_scene_fini(&drawn->scene);
    ga_plan_delete(drawn->plan);
    if (drawn->is_graph)
        gai_tgraph_fini(&drawn->graph);
    else
        gai_intervals_fini(&drawn->intervals);
    cr_assert_eq(drawn->mem.blocks, 0);
    cr_assert_not(drawn->mem.lied);
}

static const char *const cases[] = { "data/train-mnist-cnn-b500-fwd.tgraph", "cli/data/gpu1-max64m-llama3.1-8b-c8k-fa-pp.tgraph",
                                     "cli/data/whisper-tiny-nofa-conv.tgraph", NULL };
#define COLUMNS "id,lower,upper,size\n"
#define INTERVALS COLUMNS "a,0,4,100\nb<&,2,8,150\n\"c,5,8,0\nd,5,9,80000\ne,1,2,7\n"
enum { N_CASES = 4 };

/* To be freed. */
static char *case_text(unsigned at)
{
    char path[512];
    size_t len;
    if (cases[at]) {
        snprintf(path, sizeof path, "%s/%s", getenv("GGML_ALLOC_TESTS"), cases[at]);
        return slurp(path, &len);
    }
    char *text = malloc(sizeof INTERVALS);
    cr_assert(text);
    memcpy(text, INTERVALS, sizeof INTERVALS);
    return text;
}

/* ---- every way to write a scene ---- */

static enum ga_status write_plain(const struct scene *scene, struct text *out)
{
    return gai_scene_text(scene, 80, false, out);
}

static enum ga_status write_coloured(const struct scene *scene, struct text *out)
{
    return gai_scene_text(scene, 1, true, out);
}

static enum ga_status write_html(const struct scene *scene, struct text *out)
{
    gai_scene_html(scene, out);
    return GA_OK;
}

static enum ga_status write_header(const struct scene *scene, struct text *out)
{
    gai_scene_header(scene, out);
    return GA_OK;
}

static enum ga_status write_pair(const struct scene *scene, struct text *out)
{
    struct scene_diff diff;
    enum ga_status status = gai_scene_diff(scene, scene, &diff);
    if (status != GA_OK)
        return status;
    gai_scene_diff_html(&diff, out);
    gai_scene_diff_text(&diff, out);
    status = gai_scene_diff_svg(&diff, out);
    gai_scene_diff_fini(&diff);
    return status;
}

static enum ga_status (*const writers[])(const struct scene *, struct text *) = {
    write_plain, write_coloured, gai_scene_svg, write_html, gai_scene_memviz, gai_scene_trace, write_header, write_pair,
};
enum { N_WRITERS = sizeof writers / sizeof *writers };

/* A scene made, written and forgotten; GA_IO when the sink refused. */
static enum ga_status draw(struct drawn *drawn, unsigned writer, struct test_text *into)
{
    struct ga_sink sink = test_sink(into);
    struct text out = text_to(&sink);
    enum ga_status status = make(drawn);
    if (status == GA_OK) {
        status = writers[writer](&drawn->scene, &out);
        gai_scene_fini(&drawn->scene);
    }
    enum ga_status written = gai_text_end(&out);
    return status == GA_OK ? written : status;
}

Test(scene, is_unharmed_when_memory_runs_out)
{
    for (unsigned c = 0; c < N_CASES; c++) {
        char *text = case_text(c);
        struct drawn drawn;
        begin(&drawn, text, GA_EFFORT_ONLINE);
        uint64_t live = drawn.mem.live;
        for (unsigned w = 0; w < N_WRITERS; w++) {
            uint64_t n = 0;
            enum ga_status status = GA_NO_MEMORY;
            while (status == GA_NO_MEMORY) {
                struct test_text into = { 0 };
                drawn.mem.requests = 0;
                drawn.mem.fail_at = ++n;
                status = draw(&drawn, w, &into);
                cr_assert_eq(drawn.mem.live, live, "case %u, writer %u, request %u", c, w, (unsigned)n);
                cr_assert_eq(status, drawn.mem.requests >= n ? GA_NO_MEMORY : GA_OK);
                test_text_fini(&into);
            }
            cr_assert_gt(n, 2, "case %u, writer %u asked for nothing", c, w);
        }
        drawn.mem.fail_at = 0;
        end(&drawn);
        free(text);
    }
}

Test(scene, tells_when_it_cannot_be_written)
{
    for (unsigned c = 0; c < N_CASES; c++) {
        char *text = case_text(c);
        struct drawn drawn;
        begin(&drawn, text, GA_EFFORT_ONLINE);
        uint64_t live = drawn.mem.live;
        for (unsigned w = 0; w < N_WRITERS; w++) {
            struct test_text whole = { 0 };
            cr_assert_eq(draw(&drawn, w, &whole), GA_OK);
            cr_assert_gt(whole.len, 100);
            for (size_t limit = 1; limit < whole.len; limit += whole.len < 8000 ? 997 : whole.len / 7) {
                struct test_text into = { .limit = limit };
                cr_assert_eq(draw(&drawn, w, &into), GA_IO, "case %u, writer %u, %u bytes", c, w, (unsigned)limit);
                cr_assert(into.len <= limit && (into.len == 0 || memcmp(into.text, whole.text, into.len) == 0));
                cr_assert_eq(drawn.mem.live, live);
                test_text_fini(&into);
            }
            test_text_fini(&whole);
        }
        end(&drawn);
        free(text);
    }
}

/* ---- tiles ---- */

static bool meet(const struct tile *a, const struct tile *b)
{
    return a->pool == b->pool && a->birth < b->death && b->birth < a->death && a->at < b->at + b->size && b->at < a->at + a->size;
}

Test(scene, has_a_tile_for_each_storage_and_none_over_another)
{
    for (unsigned c = 0; c < N_CASES; c++) {
        char *text = case_text(c);
        struct drawn drawn;
        begin(&drawn, text, GA_EFFORT_QUICK);
        cr_assert_eq(make(&drawn), GA_OK);
        const struct scene *scene = &drawn.scene;
        uint32_t n = 0, n_panels = 0;
        for (ga_id id = 1; id <= drawn.plan->n_nodes; id++) {
            struct ga_node node = { .view_of = GA_NONE };
            struct ga_slot slot;
            bool is_view = drawn.is_graph && ga_graph_node(drawn.graph.graph, id, &node) && node.view_of != GA_NONE;
            n += ga_plan_slot(drawn.plan, id, &slot) && !is_view;
        }
        cr_assert_eq(scene->n_tiles, n);
        for (uint32_t i = 0; i < scene->n_panels; i++)
            n_panels += scene->panels[i].n_tiles;
        cr_assert_eq(n_panels, n);
        for (uint32_t i = 0; i < n; i++) {
            const struct tile *tile = &scene->tiles[i];
            cr_assert(scene->begin <= tile->birth && tile->birth < tile->death && tile->death <= scene->end);
            cr_assert_leq(tile->at + tile->size, ga_plan_peak(drawn.plan, tile->pool));
            cr_assert_lt(tile->hue, SCENE_HUES);
            cr_assert(scene->labels[tile->hue]);
            for (uint32_t j = 0; j < i; j++)
                cr_assert_not(meet(tile, &scene->tiles[j]), "case %u: %u and %u", c, (unsigned)i, (unsigned)j);
        }
        end(&drawn);
        free(text);
    }
}

/* The share of [at, at + 1) that [low, high) has. */
static double share(double low, double high, unsigned at)
{
    double from = low > at ? low : at, to = high < at + 1.0 ? high : at + 1.0;
    return to > from ? to - from : 0;
}

static void weigh_cell(const struct scene *scene, const struct panel *panel, const struct raster *raster, unsigned row,
                       unsigned column, double weights[SCENE_HUES])
{
    double width = raster->width / (double)(scene->end - scene->begin), height = raster->height / (double)panel->peak;
    memset(weights, 0, SCENE_HUES * sizeof *weights);
    for (uint32_t i = 0; i < scene->n_tiles; i++) {
        const struct tile *tile = &scene->tiles[i];
        if (tile->pool != panel->pool)
            continue;
        double x = (double)(tile->birth - scene->begin) * width, y = raster->height - (double)(tile->at + tile->size) * height;
        weights[tile->hue] += share(x, (double)(tile->death - scene->begin) * width, column) *
                              share(y, raster->height - (double)tile->at * height, row);
    }
}

Test(scene, is_rastered_as_a_slow_model_does)
{
    enum { WIDTH = 37, HEIGHT = 11 };
    float scratch[WIDTH * HEIGHT * SCENE_HUES];
    uint8_t cells[WIDTH * HEIGHT];
    struct raster raster = { .width = WIDTH, .height = HEIGHT, .scratch = scratch, .cells = cells };
    cr_assert_eq(gai_raster_room(WIDTH, HEIGHT), sizeof scratch / sizeof *scratch);
    for (unsigned c = 0; c < N_CASES; c++) {
        char *text = case_text(c);
        struct drawn drawn;
        begin(&drawn, text, GA_EFFORT_QUICK);
        cr_assert_eq(make(&drawn), GA_OK);
        for (uint32_t p = 0; p < drawn.scene.n_panels; p++) {
            gai_raster_fill(&raster, &drawn.scene, &drawn.scene.panels[p], NULL);
            for (unsigned i = 0; i < WIDTH * HEIGHT; i++) {
                double weights[SCENE_HUES], most = 0;
                weigh_cell(&drawn.scene, &drawn.scene.panels[p], &raster, i / WIDTH, i % WIDTH, weights);
                for (unsigned hue = 0; hue < SCENE_HUES; hue++)
                    most = weights[hue] > most ? weights[hue] : most;
                if (most > 1e-6)
                    cr_assert(cells[i] < SCENE_HUES && weights[cells[i]] > most - 1e-4, "case %u, cell %u", c, i);
                else
                    cr_assert(cells[i] == SCENE_HUES || weights[cells[i]] > 0);
            }
        }
        end(&drawn);
        free(text);
    }
}

/* ---- two scenes ---- */

/* Some of sixty intervals, by chance. */
static char *some_intervals(struct rng *rng)
{
    char *text = malloc(8192);
    cr_assert(text);
    size_t len = (size_t)snprintf(text, 8192, COLUMNS);
    for (unsigned i = 0; i < 60; i++)
        if (rng_below(rng, 4))
            len += (size_t)snprintf(text + len, 8192 - len, "n%u,%u,%u,%u\n", i, i, i + 1 + (unsigned)rng_below(rng, 3),
                                    64 << rng_below(rng, 2));
    return text;
}

static enum fate slow_fate(const struct tile *before, const struct tile *after)
{
    if (!before || !after)
        return before ? FATE_GONE : FATE_NEW;
    if (before->size != after->size)
        return after->size > before->size ? FATE_GROWN : FATE_SHRUNK;
    if (before->at != after->at)
        return FATE_MOVED;
    int64_t change = (int64_t)(after->death - after->birth) - (int64_t)(before->death - before->birth);
    return change > 0 ? FATE_LONGER : change < 0 ? FATE_SHORTER : FATE_SAME;
}

static void check_diff(const struct scene_diff *diff)
{
    bool seen_before[64] = { false }, seen_after[64] = { false };
    uint32_t counts[N_FATES] = { 0 };
    for (uint32_t i = 0; i < diff->n; i++) {
        const struct twins *twins = &diff->twins[i];
        const struct tile *before = twins->before == NO_TILE ? NULL : &diff->before->tiles[twins->before];
        const struct tile *after = twins->after == NO_TILE ? NULL : &diff->after->tiles[twins->after];
        cr_assert(before || after);
        cr_assert_eq(twins->fate, slow_fate(before, after));
        cr_assert(i == 0 || diff->twins[i - 1].fate <= twins->fate);
        counts[twins->fate]++;
        if (before && after)
            cr_assert_str_eq(gai_scene_name(diff->before, before->id), gai_scene_name(diff->after, after->id));
        cr_assert_not((before && seen_before[twins->before]) || (after && seen_after[twins->after]));
        seen_before[before ? twins->before : 63] = true;
        seen_after[after ? twins->after : 63] = true;
        /* Who is gone is nowhere among those that came. */
        for (uint32_t j = 0; before && !after && j < diff->after->n_tiles; j++)
            cr_assert_str_neq(gai_scene_name(diff->before, before->id), gai_scene_name(diff->after, diff->after->tiles[j].id));
    }
    cr_assert_eq(diff->n - counts[FATE_NEW], diff->before->n_tiles);
    cr_assert_eq(diff->n - counts[FATE_GONE], diff->after->n_tiles);
    cr_assert_arr_eq(counts, diff->counts, sizeof counts);
}

Test(scene, matches_each_tile_with_its_twin)
{
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct rng rng = { seed };
        char *texts[] = { some_intervals(&rng), some_intervals(&rng) };
        struct drawn drawn[2];
        struct scene_diff diff;
        for (unsigned i = 0; i < 2; i++) {
            begin(&drawn[i], texts[i], i ? GA_EFFORT_QUICK : GA_EFFORT_ONLINE);
            cr_assert_eq(make(&drawn[i]), GA_OK);
        }
        cr_assert_eq(gai_scene_diff(&drawn[0].scene, &drawn[1].scene, &diff), GA_OK);
        check_diff(&diff);
        gai_scene_diff_fini(&diff);
        for (unsigned i = 0; i < 2; i++) {
            end(&drawn[i]);
            free(texts[i]);
        }
    }
}

/* Numbered nodes shift when one comes in between; they are told apart by op and size. */
Test(scene, matches_numbered_tensors_by_op_and_size)
{
    static const char *const texts[] = {
        BEGIN("3\t1\t2\t0") LEAF("0", "i") T("1", "n", "ADD", "16", "64", "0", "-", "-1", "0", "0", "node_0")
            T("2", "n", "MUL", "16", "64", "0", "o", "-1", "0", "1", "node_1") "end\n",
        BEGIN("4\t1\t3\t0") LEAF("0", "i") T("1", "n", "NORM", "16", "64", "0", "-", "-1", "0", "0", "node_0")
            T("2", "n", "ADD", "16", "64", "0", "-", "-1", "0", "1", "node_1")
                T("3", "n", "MUL", "32", "128", "0", "o", "-1", "0", "2", "node_2") "end\n",
    };
    struct drawn drawn[2];
    struct scene_diff diff;
    for (unsigned i = 0; i < 2; i++) {
        begin(&drawn[i], texts[i], GA_EFFORT_QUICK);
        cr_assert_eq(make(&drawn[i]), GA_OK);
    }
    cr_assert_eq(gai_scene_diff(&drawn[0].scene, &drawn[1].scene, &diff), GA_OK);
    cr_assert_eq(diff.counts[FATE_GONE], 1); /* MUL of 64 bytes */
    cr_assert_eq(diff.counts[FATE_NEW], 2);  /* NORM, and MUL of 128 bytes */
    cr_assert_eq(diff.n, 5);
    for (uint32_t i = 0; i < diff.n; i++)
        if (diff.twins[i].before != NO_TILE && diff.twins[i].after != NO_TILE)
            cr_assert_str_eq(gai_scene_op(&drawn[0].scene, drawn[0].scene.tiles[diff.twins[i].before].id),
                             gai_scene_op(&drawn[1].scene, drawn[1].scene.tiles[diff.twins[i].after].id));
    gai_scene_diff_fini(&diff);
    for (unsigned i = 0; i < 2; i++)
        end(&drawn[i]);
}

Test(scene, gives_two_scenes_one_meaning_of_the_hues_and_one_scale)
{
    struct drawn drawn[2];
    struct scene scenes[2];
    for (unsigned i = 0; i < 2; i++) {
        char *text = case_text(i);
        begin(&drawn[i], text, GA_EFFORT_ONLINE);
        cr_assert_eq(make(&drawn[i]), GA_OK);
        scenes[i] = drawn[i].scene;
        free(text);
    }
    gai_scene_align(scenes, 2);
    for (unsigned hue = 0; hue < SCENE_HUES; hue++) {
        cr_assert(scenes[0].labels[hue] && scenes[1].labels[hue]);
        cr_assert_str_eq(scenes[0].labels[hue], scenes[1].labels[hue]);
    }
    cr_assert_eq(scenes[0].panels[0].high, scenes[1].panels[0].high);
    cr_assert_geq(scenes[0].panels[0].high, scenes[0].panels[0].peak);
    cr_assert_geq(scenes[0].panels[0].high, scenes[1].panels[0].peak);
    for (unsigned i = 0; i < 2; i++)
        for (uint32_t j = 0; j < scenes[i].n_tiles; j++) {
            const struct tile *tile = &scenes[i].tiles[j];
            bool is_named = strcmp(scenes[i].labels[tile->hue], gai_scene_op(&scenes[i], tile->id)) == 0;
            cr_assert(is_named || tile->hue == SCENE_HUES - 1);
        }
    for (unsigned i = 0; i < 2; i++)
        end(&drawn[i]);
}

#define MOST "18446744073709551615"

Test(scene, survives_numbers_as_large_as_there_are)
{
    static const char *const texts[] = {
        COLUMNS "a,0," MOST ",4611686018427387904\nb,1,2,1\nc,18446744073709551000," MOST ",9\n",
        COLUMNS "a,18446744073709551614," MOST ",1\n",
        COLUMNS "a,0,1,0\n",
        COLUMNS "a,3,4,1\nb,18446744073709551600," MOST ",4611686018427387904\n",
    };
    for (unsigned t = 0; t < sizeof texts / sizeof *texts; t++) {
        struct drawn drawn;
        begin(&drawn, texts[t], GA_EFFORT_QUICK);
        for (unsigned w = 0; w < N_WRITERS; w++) {
            struct test_text into = { 0 };
            cr_assert_eq(draw(&drawn, w, &into), GA_OK);
            cr_assert(into.len > 0 && into.len < 100000, "text %u, writer %u: %u", t, w, (unsigned)into.len);
            test_text_fini(&into);
        }
        end(&drawn);
    }
}
