/*
 * gguf_cache.h - what a model of a GGUF file keeps between tokens, layer by layer
 *
 *     attention    keys and values of each cell: cells x heads x length, in their type
 *     sliding      the same for the window and one micro-batch only
 *     MLA          one compressed row for all heads, no values
 *     recurrent    a state of fixed size per sequence, in f32
 *
 * The sizes are llama.cpp's, of streams of their own for each sequence: cells in steps of 256.
 */
#ifndef GAI_IO_GGUF_CACHE_H
#define GAI_IO_GGUF_CACHE_H

#include "io/gguf.h"

#define GGUF_CELLS 256u

struct gguf_use {
    uint64_t ctx, batch, ubatch, parallel; /* tokens; sequences.  ctx 0: what the model was trained on */
    uint32_t kv_type;
};

enum gguf_layer_cache { CACHE_NONE, CACHE_FULL, CACHE_SLIDING, CACHE_MLA, CACHE_RECURRENT, CACHE_BOTH, CACHE_KINDS };

struct gguf_layer_need {
    enum gguf_layer_cache cache;
    uint64_t keys, values, state; /* bytes */
};

struct gguf_need {
    uint64_t ctx, cells, window_cells; /* after rounding; cells of one sequence */
    uint32_t n_layers;
    bool knows_window;                   /* false: the file has a window, but not which layers slide: all count in full */
    uint64_t keys, values, state, total; /* bytes, of all layers */
    struct gguf_layer_need layers[GGUF_LIST];
};

/* GA_INVALID: `mishap` says why not. */
enum ga_status gai_gguf_need(const struct gguf *gguf, const struct gguf_use *use, struct gguf_need *need, struct mishap *mishap);

const char *gai_gguf_cache_name(enum gguf_layer_cache cache);

#endif
