/*
 * puzzle.h - a placement problem to be solved: intervals or a graph, from a file or made up
 */
#ifndef BENCH_PUZZLE_H
#define BENCH_PUZZLE_H

#include "io/alloc_trace.h"
#include "io/csv.h"
#include "io/gen.h"
#include "io/tgraph.h"

#include <stdio.h>

struct puzzle {
    char name[96];
    const struct ga_interval *at; /* NULL: a graph */
    uint32_t n;                   /* intervals, or nodes */
    uint64_t load;                /* of intervals: no peak is lower */
    uint64_t optimum;             /* 0: not known */
    bool is_graph;
    struct intervals file;
    struct generated made;
    struct ga_interval *apart;
    struct tgraph graph;
    uint64_t recorded; /* of graphs: what the engine's own allocator needed, all pools */
};

/* A .tgraph, or interval CSV whose ids are the numbers from 0.  False, with a line on stderr, when it cannot be read. */
bool puzzle_load(struct puzzle *puzzle, const char *path, enum inplace inplace);
/*
 * A graph becomes the intervals of its largest pool, every tensor apart: what all planners can be asked for.  False: it cannot be
 * planned.
 */
bool puzzle_apart(struct puzzle *puzzle);
/* False: no memory. */
bool puzzle_perfect(struct puzzle *puzzle, const struct gen_perfect *wish);
bool puzzle_random(struct puzzle *puzzle, const struct gen_random *wish, const char *kind);
/* The blocks of a made-up trace of allocations; time counts its events. */
bool puzzle_trace(struct puzzle *puzzle, enum trace_program program, uint64_t seed, const char *name);
void puzzle_fini(struct puzzle *puzzle);

/* Interval CSV, ids from 0, without what is not asked for: other solvers know few columns. */
bool puzzle_write(const struct puzzle *puzzle, FILE *out);

/* Whether these offsets, one for each interval, are an answer; shares nothing with any solver.  O(n times what lives together). */
bool puzzle_judge(const struct puzzle *puzzle, const uint64_t *offsets, uint64_t *peak);

#endif
