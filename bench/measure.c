#include "measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double measure_now(void)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

double measure_busy(void)
{
    return (double)clock() * (1e9 / CLOCKS_PER_SEC);
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

double samples_min(const struct samples *samples)
{
    double min = samples->n ? samples->ns[0] : 0;
    for (int i = 1; i < samples->n; i++)
        min = samples->ns[i] < min ? samples->ns[i] : min;
    return min;
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

/* The power of two that holds `size` and a link. */
static unsigned class_of(size_t size)
{
    unsigned bits = 4;
    while (bits < sizeof(size_t) * 8 - 1 && ((size_t)1 << bits) < size)
        bits++;
    return bits;
}

static void *take_kept(struct keeper *keeper, size_t size)
{
    unsigned bits = class_of(size);
    void *block = keeper->kept[bits];
    if (!block)
        return malloc((size_t)1 << bits);
    memcpy(&keeper->kept[bits], block, sizeof block);
    return block;
}

static void keep(struct keeper *keeper, void *block, size_t size)
{
    unsigned bits = class_of(size);
    memcpy(block, &keeper->kept[bits], sizeof block);
    keeper->kept[bits] = block;
}

static void *resize_kept(void *user, void *ptr, size_t old_size, size_t new_size)
{
    struct keeper *keeper = user;
    if (ptr && new_size && class_of(old_size) == class_of(new_size))
        return ptr;
    void *grown = new_size ? take_kept(keeper, new_size) : NULL;
    if (!ptr || (new_size && !grown))
        return grown;
    if (grown)
        memcpy(grown, ptr, old_size < new_size ? old_size : new_size);
    keep(keeper, ptr, old_size);
    return grown;
}

struct ga_env keeper_env(struct keeper *keeper)
{
    return (struct ga_env){ .mem = { .resize = resize_kept, .user = keeper } };
}

void keeper_fini(struct keeper *keeper)
{
    for (unsigned bits = 0; bits < 64; bits++) {
        for (void *block = keeper->kept[bits], *next; block; block = next) {
            memcpy(&next, block, sizeof next);
            free(block);
        }
    }
    *keeper = (struct keeper){ 0 };
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
