/*
 * tape.h - traffic drawn beforehand, so that everybody is played the very same
 */
#ifndef BENCH_TAPE_H
#define BENCH_TAPE_H

#include <stdbool.h>
#include <stdint.h>

/* An alloc when `size` is not 0, else a free, of what lies in `slot`. */
struct op {
    uint64_t size;
    uint32_t slot;
};

struct tape {
    struct op *ops;
    uint32_t n, cap;
    uint32_t n_fill;  /* so many first ops only prepare */
    uint32_t n_slots; /* slots are below */
    bool broken;      /* no memory */
};

/* One alloc and its free at a time, beside a few blocks that stay. */
bool tape_pairs(struct tape *tape, uint32_t n_pairs);
/* A network's steps, each the same: layers that keep something until the step goes back over them, and scratch. */
bool tape_steps(struct tape *tape, uint32_t n_pairs);
/* `live` blocks of 512 bytes to 1 MiB, of each octave as many; then one of them goes and another comes. */
bool tape_random(struct tape *tape, uint32_t live, uint32_t n_pairs);
/* Blocks for serving a language model: weights, prompts that are read in, tokens that are generated, caches that grow. */
bool tape_llm(struct tape *tape, uint32_t n_pairs);

/* The most bytes that are alive at one time. */
uint64_t tape_peak(const struct tape *tape);
void tape_fini(struct tape *tape);

#endif
