#include "tape.h"

#include <stdlib.h>

#include "base/rng.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)

static void record(struct tape *tape, uint64_t size, uint32_t slot)
{
    if (tape->n == tape->cap) {
        uint32_t cap = tape->cap ? 2 * tape->cap : 1024;
        struct op *ops = tape->broken ? NULL : realloc(tape->ops, cap * sizeof *ops);
        if (!ops) {
            tape->broken = true;
            return;
        }
        tape->ops = ops;
        tape->cap = cap;
    }
    tape->ops[tape->n++] = (struct op){ .size = size, .slot = slot };
    if (slot >= tape->n_slots)
        tape->n_slots = slot + 1;
}

static void record_free(struct tape *tape, uint32_t slot)
{
    record(tape, 0, slot);
}

bool tape_pairs(struct tape *tape, uint32_t n_pairs)
{
    enum { STAY = 8 };
    *tape = (struct tape){ 0 };
    for (uint32_t i = 0; i < STAY; i++)
        record(tape, 100 * KIB << i % 3, i);
    tape->n_fill = tape->n;
    for (uint32_t i = 0; i < n_pairs; i++) {
        record(tape, 40 * KIB, STAY);
        record_free(tape, STAY);
    }
    return !tape->broken;
}

/* What a layer keeps until the step goes back over it, and what it needs while it runs. */
static uint64_t kept_size(uint32_t layer)
{
    return (layer % 4 ? 600 : 1500) * KIB + layer % 3 * 4096;
}

static uint64_t scratch_size(uint32_t layer, uint32_t i)
{
    static const uint64_t sizes[] = { 3 * MIB + 512, 200 * KIB, 24 * KIB, 12 * MIB };
    return sizes[(layer + i) % 4];
}

bool tape_steps(struct tape *tape, uint32_t n_pairs)
{
    enum { LAYERS = 32, SCRATCH = 3 };
    *tape = (struct tape){ 0 };
    for (uint32_t n = 0; n < n_pairs; n += LAYERS * (2 * SCRATCH + 1)) {
        for (uint32_t pass = 0; pass < 2; pass++) {
            for (uint32_t i = 0; i < LAYERS; i++) {
                uint32_t layer = pass ? LAYERS - 1 - i : i;
                for (uint32_t k = 0; k < SCRATCH; k++)
                    record(tape, scratch_size(layer, k), LAYERS + k);
                if (pass)
                    record_free(tape, layer);
                else
                    record(tape, kept_size(layer), layer);
                for (uint32_t k = 0; k < SCRATCH; k++)
                    record_free(tape, LAYERS + k);
            }
        }
        if (n == 0)
            tape->n_fill = tape->n;
    }
    return !tape->broken;
}

static uint64_t of_any_octave(struct rng *rng)
{
    uint64_t octave = 512 * ((uint64_t)1 << rng_below(rng, 11));
    return octave + rng_below(rng, octave);
}

bool tape_random(struct tape *tape, uint32_t live, uint32_t n_pairs)
{
    struct rng rng = { 1 };
    *tape = (struct tape){ 0 };
    for (uint32_t i = 0; i < live; i++)
        record(tape, of_any_octave(&rng), i);
    for (uint32_t i = 0; i < live + n_pairs; i++) {
        uint32_t slot = (uint32_t)rng_below(&rng, live);
        if (i == live)
            tape->n_fill = tape->n;
        record_free(tape, slot);
        record(tape, of_any_octave(&rng), slot);
    }
    return !tape->broken;
}

/* A model of some 1.5 GB: the sizes of its layers, in bytes per token where they depend on tokens. */
enum {
    MODEL_LAYERS = 24,
    MODEL_WIDTH = 2 * 2048,
    MODEL_FEED = 2 * 5632,
    MODEL_WORDS = 4 * 32000,
    KV_TOKENS = 16,       /* in one block of the caches */
    KV_PARTS = 3,         /* blocks that so many tokens take, of some layers each */
    KV_PART = 256 * 1024, /* bytes of one */
    REQUESTS = 24,
    REQUEST_BLOCKS = KV_PARTS * 128,
    SCRATCH_SLOTS = 8,
};

struct serving {
    struct tape *tape;
    struct rng rng;
    uint32_t scratch; /* slots from here */
    uint32_t requests;
    uint32_t tokens[REQUESTS], left[REQUESTS]; /* so far; to be generated, 0: nobody's */
};

static void run_layers(struct serving *to, uint64_t tokens, uint64_t n_logits)
{
    uint32_t x = to->scratch, a = x + 1, b = x + 2, c = x + 3;
    record(to->tape, tokens * MODEL_WIDTH, x);
    for (int layer = 0; layer < MODEL_LAYERS; layer++) {
        record(to->tape, tokens * MODEL_WIDTH, a);
        record(to->tape, tokens * MODEL_WIDTH * 3 / 2, b);
        record_free(to->tape, a);
        record(to->tape, tokens * MODEL_WIDTH, c);
        record_free(to->tape, b);
        record(to->tape, tokens * MODEL_FEED, a);
        record(to->tape, tokens * MODEL_FEED, b);
        record_free(to->tape, c);
        record(to->tape, tokens * MODEL_WIDTH, c);
        record_free(to->tape, a);
        record_free(to->tape, b);
        record_free(to->tape, x);
        record(to->tape, tokens * MODEL_WIDTH, x);
        record_free(to->tape, c);
    }
    record(to->tape, n_logits * MODEL_WORDS, a);
    record_free(to->tape, x);
    record_free(to->tape, a);
}

/* Blocks for the tokens [from, to) of a request. */
static void grow(struct serving *to, uint32_t request, uint32_t from, uint32_t until)
{
    for (uint32_t block = (from + KV_TOKENS - 1) / KV_TOKENS; block * KV_TOKENS < until; block++)
        for (uint32_t part = 0; part < KV_PARTS; part++)
            record(to->tape, KV_PART, to->requests + request * REQUEST_BLOCKS + block * KV_PARTS + part);
}

static void arrive(struct serving *to, uint32_t request)
{
    uint32_t prompt = 16 + (uint32_t)rng_below(&to->rng, 1u << (6 + rng_below(&to->rng, 5)));
    to->tokens[request] = prompt;
    to->left[request] = 8 + (uint32_t)rng_below(&to->rng, 400);
    grow(to, request, 0, prompt);
    run_layers(to, prompt, 1);
}

static void leave(struct serving *to, uint32_t request)
{
    uint32_t blocks = (to->tokens[request] + KV_TOKENS - 1) / KV_TOKENS * KV_PARTS;
    for (uint32_t i = 0; i < blocks; i++)
        record_free(to->tape, to->requests + request * REQUEST_BLOCKS + i);
}

static void generate(struct serving *to)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < REQUESTS; i++)
        n += to->left[i] != 0;
    if (n == 0)
        return;
    run_layers(to, n, n);
    for (uint32_t i = 0; i < REQUESTS; i++) {
        if (to->left[i] == 0)
            continue;
        grow(to, i, to->tokens[i], to->tokens[i] + 1);
        to->tokens[i]++;
        if (--to->left[i] == 0)
            leave(to, i);
    }
}

static void load_weights(struct serving *to)
{
    record(to->tape, (uint64_t)32000 * MODEL_WIDTH, 0);
    for (uint32_t layer = 0; layer < MODEL_LAYERS; layer++) {
        record(to->tape, (uint64_t)2048 * MODEL_WIDTH * 3 / 2, 1 + 4 * layer);
        record(to->tape, (uint64_t)2048 * MODEL_WIDTH, 2 + 4 * layer);
        record(to->tape, (uint64_t)2048 * MODEL_FEED * 3, 3 + 4 * layer);
        record(to->tape, MODEL_WIDTH, 4 + 4 * layer);
    }
    to->scratch = to->tape->n_slots;
    to->requests = to->scratch + SCRATCH_SLOTS;
}

bool tape_llm(struct tape *tape, uint32_t n_pairs)
{
    struct serving to = { .tape = tape, .rng = { 1 } };
    *tape = (struct tape){ 0 };
    load_weights(&to);
    tape->n_fill = tape->n;
    uint32_t n = 2 * n_pairs;
    for (uint32_t step = 0; !tape->broken && tape->n < n; step++) {
        /* Quiet and busy times, and now and then many at once. */
        uint64_t chance = step % 4096 < 2048 ? 3 : 12, arrivals = rng_below(&to.rng, 100) < chance;
        arrivals = rng_below(&to.rng, 1000) == 0 ? 8 : arrivals;
        for (uint32_t i = 0; i < REQUESTS && arrivals; i++)
            if (to.left[i] == 0) {
                arrive(&to, i);
                arrivals--;
            }
        generate(&to);
    }
    return !tape->broken;
}

uint64_t tape_peak(const struct tape *tape)
{
    uint64_t *sizes = calloc(tape->n_slots, sizeof *sizes), live = 0, peak = 0;
    for (uint32_t i = 0; sizes && i < tape->n; i++) {
        const struct op *op = &tape->ops[i];
        live += op->size - sizes[op->slot];
        sizes[op->slot] = op->size;
        peak = live > peak ? live : peak;
    }
    free(sizes);
    return peak;
}

void tape_fini(struct tape *tape)
{
    free(tape->ops);
    *tape = (struct tape){ 0 };
}
