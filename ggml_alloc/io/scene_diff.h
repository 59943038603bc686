/*
 * scene_diff.h - two scenes side by side: which tile of one is which of the other, and what became of it
 *
 *     before   a   b   b'  c           same name and op, and of several the first with the first
 *              |    \   \
 *     after    a  d  b   b'            c is gone, d is new
 *
 * Tensors without a name of their own, as ggml numbers them, are matched by op and size; those of one graph by id.
 */
#ifndef GAI_IO_SCENE_DIFF_H
#define GAI_IO_SCENE_DIFF_H

#include "io/scene.h"

/* The first that applies. */
enum fate { FATE_GONE, FATE_NEW, FATE_GROWN, FATE_SHRUNK, FATE_MOVED, FATE_LONGER, FATE_SHORTER, FATE_SAME, N_FATES };

#define NO_TILE UINT32_MAX

struct twins {
    uint32_t before, after; /* tiles; NO_TILE */
    enum fate fate;
};

struct scene_diff {
    struct ga_mem mem;
    const struct scene *before, *after;
    struct twins *twins; /* by fate, the largest first */
    uint32_t n, cap;
    uint32_t counts[N_FATES];
};

/* Borrows from both; n log n.  GA_NO_MEMORY. */
enum ga_status gai_scene_diff(const struct scene *before, const struct scene *after, struct scene_diff *diff);
void gai_scene_diff_fini(struct scene_diff *diff);

/* "gone", "new", ... */
const char *gai_fate_name(enum fate fate);

/* Both on one page, with a list of what changed. */
void gai_scene_diff_html(const struct scene_diff *diff, struct text *out);
/* Both in one drawing, pool by pool. */
enum ga_status gai_scene_diff_svg(const struct scene_diff *diff, struct text *out);
/* What changed, as text: both peaks, then the largest of each fate. */
void gai_scene_diff_text(const struct scene_diff *diff, struct text *out);

#endif
