/*
 * pieces.h - small placement problems of one pool, made up: where exact solvers go wrong
 */
#ifndef TESTS_MODEL_PIECES_H
#define TESTS_MODEL_PIECES_H

#include "place/place.h"

#include "base/rng.h"

#define MADE_MAX 64

struct made {
    struct item items[MADE_MAX + 1];
    struct edge edges[2 * MADE_MAX];
    struct pool_limits limits;
    struct problem problem;
    uint64_t known; /* a peak that is reached, by a cut rectangle; 0: nothing is known */
};

/* Lives and sizes at random, small numbers in odd units; some are aligned, some fixed where no other fixed one is. */
void made_any(struct made *made, struct rng *rng, uint32_t n);

/* A rectangle cut into n pieces, full or with some room; some stay fixed, some ask for the alignment that they had. */
void made_cut(struct made *made, struct rng *rng, uint32_t n);

/* One or the other. */
void made_some(struct made *made, struct rng *rng, uint32_t n);

/* Small sizes and lives that touch, and up to two items that each may take over. */
void made_heirs(struct made *made, struct rng *rng, uint32_t n);

#endif
