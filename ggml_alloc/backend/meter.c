#include "ggml_alloc/backend.h"

#include "base/mem.h"
#include "backend/backend.h"

struct ga_meter {
    struct ga_mem mem;
    const struct ga_backend *inner;
    struct ga_backend backend; /* what the users of the meter see */
    struct ga_meter_stats stats;
    uint64_t cap;     /* 0: none */
    uint64_t fail_in; /* allocs until one fails; 0: never */
};

static bool above_cap(const ga_meter *meter, size_t size)
{
    return meter->cap != 0 && (meter->stats.live > meter->cap || size > meter->cap - meter->stats.live);
}

static enum ga_status meter_alloc(void *user, size_t size, struct ga_buffer *buffer)
{
    ga_meter *meter = user;
    struct ga_meter_stats *stats = &meter->stats;
    stats->allocs++;
    bool asked_to_fail = meter->fail_in != 0 && --meter->fail_in == 0;
    enum ga_status status = GA_NO_SPACE;
    if (!asked_to_fail && !above_cap(meter, size))
        status = meter->inner->alloc(meter->inner->user, size, buffer);
    if (status != GA_OK) {
        stats->failures++;
        return status;
    }
    stats->live += size;
    stats->peak = max_u64(stats->peak, stats->live);
    stats->buffers++;
    return GA_OK;
}

static void meter_free(void *user, struct ga_buffer *buffer)
{
    ga_meter *meter = user;
    meter->stats.frees++;
    meter->stats.live -= buffer->size;
    meter->stats.buffers--;
    meter->inner->free(meter->inner->user, buffer);
}

static bool meter_info(void *user, uint64_t *free_bytes, uint64_t *total_bytes)
{
    const ga_meter *meter = user;
    uint64_t inner_free = UINT64_MAX, inner_total = UINT64_MAX;
    bool known = meter->inner->info && meter->inner->info(meter->inner->user, &inner_free, &inner_total);
    if (!known && meter->cap == 0)
        return false;
    uint64_t total = meter->cap ? meter->cap : UINT64_MAX;
    uint64_t left = total > meter->stats.live ? total - meter->stats.live : 0;
    *free_bytes = min_u64(inner_free, left);
    *total_bytes = min_u64(inner_total, total);
    return true;
}

ga_meter *ga_meter_new(const struct ga_env *env, const struct ga_backend *inner)
{
    struct ga_mem mem = gai_env(env).mem;
    ga_meter *meter = gai_backend_sound(inner) ? mem_new(&mem, ga_meter, 1) : NULL;
    if (!meter)
        return NULL;
    *meter = (ga_meter){ .mem = mem, .inner = inner, .backend = *inner };
    meter->backend.alloc = meter_alloc;
    meter->backend.free = meter_free;
    meter->backend.info = meter_info;
    meter->backend.vmem = NULL;
    meter->backend.user = meter;
    meter->backend.share = NULL; /* it would go past the meter */
    return meter;
}

void ga_meter_delete(ga_meter *meter)
{
    if (meter) {
        struct ga_mem mem = meter->mem;
        mem_free(&mem, meter, 1);
    }
}

const struct ga_backend *ga_meter_backend(ga_meter *meter)
{
    return &meter->backend;
}

void ga_meter_stats(const ga_meter *meter, struct ga_meter_stats *stats)
{
    *stats = meter->stats;
}

void ga_meter_cap(ga_meter *meter, uint64_t bytes)
{
    meter->cap = bytes;
}

void ga_meter_fail_in(ga_meter *meter, uint64_t calls)
{
    meter->fail_in = calls;
}
