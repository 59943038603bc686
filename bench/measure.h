/*
 * measure.h - time and memory, measured the same way by every benchmark
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "ggml_alloc/base.h"

/* Nanoseconds since some moment. */
double measure_now(void);
/* The same of this process's time alone, all threads together: what others do meanwhile is in none of it.  In microseconds. */
double measure_busy(void);

/* Times of one thing done again and again; the median says what it takes. */
#define MEASURE_MAX 1001
struct samples {
    double ns[MEASURE_MAX];
    int n;
};

void samples_add(struct samples *samples, double ns); /* past MEASURE_MAX: dropped */
double samples_median(struct samples *samples);       /* sorts them; 0 when there are none */

double samples_min(const struct samples *samples);

/* A memory hook that counts. */
struct meter {
    uint64_t requests, live, peak;
};

struct ga_env meter_env(struct meter *meter);

/*
 * A memory hook that keeps what is given back, in lists by powers of two, as an engine that plans again and again would: the yardstick
 * keeps its tables, too, and neither is to be measured by how the system hands out fresh pages.
 */
struct keeper {
    void *kept[64];
};

struct ga_env keeper_env(struct keeper *keeper);
void keeper_fini(struct keeper *keeper); /* everything must be back */

/* Geometric mean of what was added. */
struct geomean {
    double log_sum;
    int n;
};

void geomean_add(struct geomean *mean, double x);
double geomean_of(const struct geomean *mean);

#endif
