/*
 * scene.h - a plan as tiles to be drawn: time runs to the right, addresses of a pool upwards
 *
 *        address                                    step 12
 *     peak  |- - - - - - - - - - - - - .------. - - - -:- - -     panel: a pool, its chunks one above the other
 *           |            .-------------|  c   |------. :
 *     chunk |======.=====|      b      '------'      |=:=====     tile: a tensor with bytes of its own
 *           |  a   |     '--------------------'      | :
 *         0 '------'---------------------------------'-:----> time
 *
 * Whoever's bytes are taken over ends where its heir begins, so that no two tiles cover each other.
 */
#ifndef GAI_IO_SCENE_H
#define GAI_IO_SCENE_H

#include "io/csv.h"
#include "io/report.h"

/* The ops that take most, byte by step, each have a hue; all others share the last one.  Intervals have hues by size. */
#define SCENE_HUES 8u

struct tile {
    uint64_t birth, death; /* steps; of intervals: their times */
    uint64_t at, size;     /* `at` counts from the pool's first chunk on */
    ga_id id;
    uint16_t pool, chunk;
    uint8_t hue;
};

struct panel {
    unsigned pool;
    uint64_t peak, bound;
    uint64_t high; /* what it is drawn up to: its peak, or that of another beside it */
    uint64_t step; /* at which most lives */
    uint32_t n_tiles;
};

struct scene {
    struct ga_mem mem;
    const struct report *report;
    const struct intervals *intervals; /* NULL: it is a graph */
    struct tile *tiles;                /* by birth */
    struct panel *panels;              /* pools that need memory */
    uint32_t n_tiles, cap_tiles, n_panels, cap_panels;
    uint64_t begin, end;            /* no tile is outside of [begin, end) */
    const char *labels[SCENE_HUES]; /* what has the hue; NULL: nothing */
    const char *version;            /* of several of one title; NULL: there is one */
};

/* Borrows from all that it is made of.  GA_NO_MEMORY. */
enum ga_status gai_scene_make(const struct report *report, const struct intervals *intervals, struct scene *scene);
void gai_scene_fini(struct scene *scene);
/* For scenes beside each other: one meaning of the hues, one scale of bytes for the panels of a pool. */
void gai_scene_align(struct scene *scenes, uint32_t n);

/* NULL: the pool needs no memory, or there is none such. */
const struct panel *gai_scene_panel(const struct scene *scene, unsigned pool);

/* What the file calls it: for a graph's tensor its name, which may be "", for an interval its id. */
const char *gai_scene_name(const struct scene *scene, ga_id id);
const char *gai_scene_op(const struct scene *scene, ga_id id); /* "" for intervals */
uint32_t gai_scene_file_id(const struct scene *scene, ga_id id);
const char *gai_scene_title(const struct scene *scene);

/*
 * A panel cut into width * height cells, row 0 on top (at `high`): which hue covers most of each, SCENE_HUES where nothing is: what is
 * there for a moment is seen, too.  Only tiles that `only` (NULL: all) agrees to.  `scratch` has room for gai_raster_room() numbers.
 */
struct raster {
    unsigned width, height;
    float *scratch;
    uint8_t *cells;
};

static inline size_t gai_raster_room(unsigned width, unsigned height)
{
    return (size_t)width * height * SCENE_HUES;
}

typedef bool tile_choice(const struct scene *scene, const struct panel *panel, const struct tile *tile);
void gai_raster_fill(const struct raster *raster, const struct scene *scene, const struct panel *panel, tile_choice *only);

/* ---- writers; failure to write sticks to `out`, the status is about memory ---- */

/* Of at most `width` columns, with `is_coloured` by terminal colours, too. */
enum ga_status gai_scene_text(const struct scene *scene, unsigned width, bool is_coloured, struct text *out);
enum ga_status gai_scene_svg(const struct scene *scene, struct text *out);
/* A page that needs nothing else. */
void gai_scene_html(const struct scene *scene, struct text *out);
/* A memory snapshot for PyTorch's page: a pickle. */
enum ga_status gai_scene_memviz(const struct scene *scene, struct text *out);
/* Events for viewers of traces (JSON): counters, and slices that may overlap. */
enum ga_status gai_scene_trace(const struct scene *scene, struct text *out);
/* Offsets as a C header. */
void gai_scene_header(const struct scene *scene, struct text *out);

/* Text between tags: at most `most` bytes of it, whole characters; what XML does not allow is left out. */
void gai_xml(const char *plain, size_t most, struct text *out);

extern const char *const gai_scene_colours[SCENE_HUES];

/* Text on it is white. */
static inline bool hue_is_dark(unsigned hue)
{
    return hue == 0 || hue == 6;
}

#endif
