#include "measure.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

double measure_now(void)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

void samples_add(struct samples *samples, double ns)
{
    if (samples->n < MEASURE_MAX)
        samples->ns[samples->n++] = ns;
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

double samples_median(struct samples *samples)
{
    if (samples->n == 0)
        return 0;
    qsort(samples->ns, (size_t)samples->n, sizeof *samples->ns, by_value);
    return samples->ns[samples->n / 2];
}

static void *resize(void *user, void *ptr, size_t old_size, size_t new_size)
{
    struct meter *meter = user;
    if (new_size == 0) {
        meter->live -= old_size;
        free(ptr);
        return NULL;
    }
    void *grown = realloc(ptr, new_size);
    if (!grown)
        return NULL;
    meter->requests++;
    /* What grows is held twice while it is copied. */
    if (meter->live + new_size > meter->peak)
        meter->peak = meter->live + new_size;
    meter->live += new_size - old_size;
    return grown;
}

struct ga_env meter_env(struct meter *meter)
{
    return (struct ga_env){ .mem = { .resize = resize, .user = meter } };
}

void geomean_add(struct geomean *mean, double x)
{
    mean->log_sum += log(x);
    mean->n++;
}

double geomean_of(const struct geomean *mean)
{
    return mean->n ? exp(mean->log_sum / mean->n) : 0;
}
