/*
 * gen_trace.c - what three kinds of programs ask a caching allocator for
 *
 * Sizes are those of real networks in 16-bit floats: width, layers and steps are, the values in them do not matter.
 */
#include "io/alloc_trace.h"

#include "base/bits.h"
#include "base/rng.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)

enum { COMPUTE, COPY }; /* streams */

struct program {
    struct alloc_trace *trace;
    struct rng rng;
    bool failed; /* no memory: nothing is added any more */
};

static uint32_t take(struct program *p, uint64_t bytes)
{
    uint32_t block = TRACE_NO_BLOCK;
    p->failed = p->failed || !gai_alloc_trace_alloc(p->trace, bytes, COMPUTE, &block);
    return block;
}

static void add(struct program *p, enum trace_kind kind, uint32_t block, uint32_t stream, uint64_t value)
{
    p->failed = p->failed || !gai_alloc_trace_add(p->trace, (struct trace_event){ value, block, (uint16_t)stream, (uint8_t)kind });
}

static void give(struct program *p, uint32_t block)
{
    add(p, TRACE_FREE, block, 0, 0);
}

static void work(struct program *p, uint32_t stream, uint32_t block, uint64_t ns)
{
    add(p, TRACE_WORK, block, stream, ns);
}

static void pass(struct program *p, uint64_t ns)
{
    add(p, TRACE_PASS, TRACE_NO_BLOCK, 0, ns);
}

/* ---- a language model that serves ---- */

enum {
    LLM_LAYERS = 32,
    LLM_WIDTH = 4096 * 2, /* bytes per token */
    LLM_INNER = 11008 * 2,
    LLM_KV = 1024 * 2 * 2,
    LLM_WORDS = 32000 * 4,
    LLM_SEATS = 16, /* requests at a time */
    LLM_STEPS = 260,
    KV_GROWS = 256, /* tokens */
};

struct request {
    uint32_t tokens, room, left; /* left 0: the seat is empty */
    uint32_t caches[LLM_LAYERS];
};

struct serving {
    struct program p;
    struct request seats[LLM_SEATS];
};

static void load_weights(struct program *p)
{
    take(p, (uint64_t)32000 * LLM_WIDTH);
    for (int layer = 0; layer < LLM_LAYERS; layer++) {
        take(p, (uint64_t)4096 * LLM_WIDTH * 3 / 2); /* queries, keys, values */
        take(p, (uint64_t)4096 * LLM_WIDTH);
        take(p, (uint64_t)4096 * LLM_INNER * 2);
        take(p, (uint64_t)4096 * LLM_INNER);
        take(p, LLM_WIDTH * 2);
    }
    take(p, (uint64_t)32000 * LLM_WIDTH);
}

/* One layer's scratch, in the order in which a framework lets it go; `x` is what comes in, what goes out is returned. */
static uint32_t run_layer(struct program *p, uint32_t x, uint64_t tokens, uint64_t context)
{
    uint32_t normed = take(p, tokens * LLM_WIDTH), qkv = take(p, tokens * LLM_WIDTH * 3 / 2);
    give(p, normed);
    uint32_t scores = take(p, min_u64(tokens * context * 32 * 2, 256 * MIB)), mixed = take(p, tokens * LLM_WIDTH);
    work(p, COMPUTE, scores, 20000 + tokens * 100);
    give(p, qkv);
    give(p, scores);
    uint32_t sum = take(p, tokens * LLM_WIDTH);
    give(p, mixed);
    give(p, x);
    uint32_t gate = take(p, tokens * LLM_INNER), up = take(p, tokens * LLM_INNER);
    uint32_t inner = take(p, tokens * LLM_INNER);
    give(p, gate);
    give(p, up);
    x = take(p, tokens * LLM_WIDTH);
    work(p, COMPUTE, inner, 40000 + tokens * 300);
    give(p, inner);
    give(p, sum);
    return x;
}

static void run_model(struct program *p, uint64_t tokens, uint64_t context, uint64_t answers)
{
    uint32_t x = take(p, tokens * LLM_WIDTH);
    for (int layer = 0; layer < LLM_LAYERS; layer++)
        x = run_layer(p, x, tokens, context);
    uint32_t logits = take(p, answers * LLM_WORDS), host = take(p, answers * 4);
    give(p, x);
    add(p, TRACE_SHARE, host, COPY, 0); /* the answers leave on another stream */
    work(p, COPY, host, 5000);
    give(p, logits);
    give(p, host);
}

/* Caches are grown by making larger ones, a layer at a time. */
static void grow_caches(struct program *p, struct request *request)
{
    uint32_t room = (request->tokens + KV_GROWS) / KV_GROWS * KV_GROWS;
    for (int layer = 0; layer < LLM_LAYERS && request->room < room; layer++) {
        uint32_t larger = take(p, (uint64_t)room * LLM_KV);
        if (request->room) {
            work(p, COMPUTE, larger, 2000 + request->tokens * 5);
            give(p, request->caches[layer]);
        }
        request->caches[layer] = larger;
    }
    request->room = max_u64(room, request->room) == room ? room : request->room;
}

static void arrive(struct serving *s, struct request *request)
{
    *request = (struct request){ .left = 0 };
    request->tokens = 32 + (uint32_t)rng_below(&s->p.rng, (uint64_t)1 << (6 + rng_below(&s->p.rng, 6)));
    request->left = 16 + (uint32_t)rng_below(&s->p.rng, 240);
    grow_caches(&s->p, request);
    run_model(&s->p, request->tokens, request->tokens, 1);
}

static void leave(struct program *p, struct request *request)
{
    for (int layer = 0; layer < LLM_LAYERS; layer++)
        give(p, request->caches[layer]);
    request->left = 0;
}

static void generate(struct serving *s)
{
    uint64_t n = 0, longest = 0;
    for (int i = 0; i < LLM_SEATS; i++) {
        n += s->seats[i].left != 0;
        longest = s->seats[i].left ? max_u64(longest, s->seats[i].tokens) : longest;
    }
    if (n)
        run_model(&s->p, n, longest, n);
    for (int i = 0; i < LLM_SEATS; i++) {
        struct request *request = &s->seats[i];
        if (request->left == 0)
            continue;
        request->tokens++;
        grow_caches(&s->p, request);
        if (--request->left == 0)
            leave(&s->p, request);
    }
}

/* Requests come in bursts, and wait for an empty seat. */
static void serve(struct program *p)
{
    struct serving s = { .p = *p };
    uint64_t waiting = 0;
    load_weights(&s.p);
    for (int step = 0; step < LLM_STEPS && !s.p.failed; step++) {
        if (rng_below(&s.p.rng, 12) == 0)
            waiting += 1 + rng_below(&s.p.rng, 6);
        for (int i = 0; i < LLM_SEATS && waiting; i++)
            if (s.seats[i].left == 0) {
                arrive(&s, &s.seats[i]);
                waiting--;
                break; /* one prompt a step, so that others need not wait */
            }
        generate(&s);
        pass(&s.p, 2000000);
    }
    *p = s.p;
}

/* ---- images in steps ---- */

enum { IMAGE_LEVELS = 4, IMAGE_STEPS = 20, IMAGES = 4, IMAGE_SKIPS = IMAGE_LEVELS * 3 };

/* A residual block and, but for the first level, attention: scratch of the size of `x`, which goes; what comes out is as large. */
static uint32_t run_block(struct program *p, uint32_t x, uint64_t bytes, uint64_t pixels, bool attends)
{
    uint32_t normed = take(p, bytes), convolved = take(p, bytes * 9 / 4), out;
    give(p, normed);
    out = take(p, bytes);
    work(p, COMPUTE, convolved, 30000 + bytes / 64);
    give(p, convolved);
    if (attends) {
        uint32_t qkv = take(p, bytes * 3), scores = take(p, pixels * pixels * 8 * 2), mixed = take(p, bytes);
        work(p, COMPUTE, scores, 20000 + pixels * 10);
        give(p, scores);
        give(p, qkv);
        give(p, out);
        out = mixed;
    }
    give(p, x);
    return out;
}

static void run_unet(struct program *p, uint64_t pixels)
{
    static const uint64_t channels[IMAGE_LEVELS] = { 320, 640, 1280, 1280 };
    uint32_t skips[IMAGE_SKIPS], n = 0;
    uint64_t bytes = pixels * channels[0] * 2;
    uint32_t x = take(p, bytes);
    for (int level = 0; level < IMAGE_LEVELS; level++) {
        uint64_t here = pixels >> 2 * level;
        bytes = here * channels[level] * 2;
        for (int block = 0; block < 2; block++) {
            x = run_block(p, x, bytes, here, level > 0);
            skips[n++] = take(p, bytes);
        }
    }
    for (int level = IMAGE_LEVELS - 1; level >= 0; level--) {
        uint64_t here = pixels >> 2 * level;
        bytes = here * channels[level] * 2;
        for (int block = 0; block < 2; block++) {
            uint32_t joined = take(p, bytes * 2);
            give(p, skips[--n]);
            give(p, x);
            x = run_block(p, joined, bytes, here, level > 0);
        }
    }
    give(p, x);
}

static void decode(struct program *p, uint64_t pixels)
{
    uint32_t x = take(p, pixels * 512 * 2);
    for (int level = 0; level < IMAGE_LEVELS; level++) {
        uint64_t here = pixels << 2 * (level < 3 ? level : 3), channels = level < 2 ? 512 : 128;
        for (int block = 0; block < 3; block++)
            x = run_block(p, x, here * channels * 2, here, false);
    }
    uint32_t image = take(p, (pixels << 6) * 3);
    give(p, x);
    add(p, TRACE_SHARE, image, COPY, 0);
    work(p, COPY, image, 400000);
    give(p, image);
}

static void diffuse(struct program *p)
{
    for (int i = 0; i < 600; i++)
        take(p, 4 * KIB << rng_below(&p->rng, 13)); /* weights */
    for (int image = 0; image < IMAGES && !p->failed; image++) {
        uint64_t side = 64 + 16 * rng_below(&p->rng, 5), pixels = side * side;
        uint32_t words = take(p, 2 * 77 * 768 * 2), latents = take(p, pixels * 4 * 4);
        for (int step = 0; step < IMAGE_STEPS; step++) {
            run_unet(p, pixels);
            uint32_t next = take(p, pixels * 4 * 4);
            give(p, latents);
            latents = next;
            pass(p, 8000000);
        }
        decode(p, pixels);
        give(p, latents);
        give(p, words);
        pass(p, 50000000);
    }
}

/* ---- training ---- */

enum { NET_LAYERS = 24, NET_STEPS = 10, NET_KEPT = 4 };

struct network {
    uint32_t kept[NET_LAYERS][NET_KEPT];
    uint32_t gradients[NET_LAYERS];
};

static void go_forward(struct program *p, struct network *net, uint64_t tokens)
{
    static const uint64_t kept[NET_KEPT] = { 2048, 6144, 2048, 8192 };
    for (int layer = 0; layer < NET_LAYERS; layer++)
        for (int k = 0; k < NET_KEPT; k++) {
            uint32_t scratch = take(p, tokens * kept[k]);
            net->kept[layer][k] = take(p, tokens * kept[k] + 512 * (uint64_t)k);
            work(p, COMPUTE, scratch, 50000);
            give(p, scratch);
        }
}

/* Gradients are summed up over all machines while the layers before are still gone through. */
static void go_backward(struct program *p, struct network *net, uint64_t tokens)
{
    uint32_t above = take(p, tokens * 2048);
    for (int layer = NET_LAYERS - 1; layer >= 0; layer--) {
        for (int k = NET_KEPT - 1; k >= 0; k--) {
            uint32_t scratch = take(p, tokens * 4096);
            work(p, COMPUTE, scratch, 90000);
            give(p, net->kept[layer][k]);
            give(p, scratch);
        }
        uint32_t below = take(p, tokens * 2048);
        give(p, above);
        above = below;
        net->gradients[layer] = take(p, 25 * MIB);
        uint32_t bucket = take(p, 25 * MIB);
        add(p, TRACE_SHARE, bucket, COPY, 0);
        work(p, COPY, bucket, 700000);
        give(p, bucket);
    }
    give(p, above);
}

static void train(struct program *p)
{
    struct network net;
    for (int layer = 0; layer < NET_LAYERS; layer++)
        take(p, 25 * MIB);
    for (int step = 0; step < NET_STEPS && !p->failed; step++) {
        uint64_t tokens = 1024 * (6 + rng_below(&p->rng, 3)); /* batches are padded to their longest text */
        uint32_t batch = take(p, tokens * 8);
        go_forward(p, &net, tokens);
        uint32_t logits = take(p, tokens * 32000 * 2);
        pass(p, 4000000);
        give(p, logits);
        go_backward(p, &net, tokens);
        pass(p, 9000000);
        for (int layer = 0; layer < NET_LAYERS; layer++) {
            if (step == 0) { /* the optimiser's memory */
                take(p, 50 * MIB);
                take(p, 50 * MIB);
            }
            uint32_t scratch = take(p, 50 * MIB);
            work(p, COMPUTE, scratch, 60000);
            give(p, scratch);
            give(p, net.gradients[layer]);
        }
        give(p, batch);
    }
}

enum ga_status gai_gen_trace(const struct ga_mem *mem, enum trace_program program, uint64_t seed, struct alloc_trace *trace)
{
    *trace = (struct alloc_trace){ .mem = *mem };
    struct program p = { .trace = trace, .rng = { seed } };
    if (program == TRACE_LLM)
        serve(&p);
    else if (program == TRACE_DIFFUSION)
        diffuse(&p);
    else
        train(&p);
    if (!p.failed)
        return GA_OK;
    gai_alloc_trace_fini(trace);
    return GA_NO_MEMORY;
}
