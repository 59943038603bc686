#include "cache/host.h"

#include "base/array.h"

/* A place that is free, or the next. */
static uint32_t place_of(const ga_host *host)
{
    uint32_t at = 0;
    while (at < host->n_pools && host->pools[at])
        at++;
    return at;
}

struct host_pool *gai_host_add_pool(ga_host *host, uint64_t id)
{
    const struct ga_mem *mem = &host->env.mem;
    uint32_t at = place_of(host);
    struct host_pool *pool = array_room(mem, &host->pools, &host->cap_pools, at + 1u) ? mem_new(mem, struct host_pool, 1) : NULL;
    if (!pool)
        return NULL;
    pool->id = id;
    host->pools[at] = pool;
    if (at == host->n_pools)
        host->n_pools++;
    return pool;
}

static struct host_pool *pool_of(const ga_host *host, uint64_t id, uint32_t *at)
{
    for (uint32_t i = HOST_SHARED + 1; i < host->n_pools; i++)
        if (host->pools[i] && host->pools[i]->id == id) {
            *at = i;
            return host->pools[i];
        }
    return NULL;
}

uint32_t gai_host_choose(const ga_host *host, ga_stream stream)
{
    uint32_t chosen = HOST_SHARED;
    uint64_t begun = UINT64_MAX;
    for (uint32_t i = HOST_SHARED + 1; i < host->n_pools; i++) {
        const struct host_pool *pool = host->pools[i];
        if (!pool || pool->begun == 0 || pool->begun > begun || (pool->accepts && !pool->accepts(pool->user, stream)))
            continue;
        chosen = i;
        begun = pool->begun;
    }
    return chosen;
}

enum ga_status ga_host_pool_begin(ga_host *host, uint64_t id, bool (*accepts)(void *user, ga_stream stream), void *user)
{
    uint32_t at;
    enum ga_status status = GA_OK;
    lock_take(&host->lock);
    struct host_pool *pool = pool_of(host, id, &at);
    if (!pool)
        pool = gai_host_add_pool(host, id);
    if (!pool) {
        status = GA_NO_MEMORY;
    } else if (pool->begun) {
        status = GA_BUSY;
    } else {
        pool->shares++;
        pool->begun = ++host->n_begun;
        pool->accepts = accepts;
        pool->user = user;
    }
    lock_give(&host->lock);
    return status;
}

enum ga_status ga_host_pool_end(ga_host *host, uint64_t id)
{
    uint32_t at;
    lock_take(&host->lock);
    struct host_pool *pool = pool_of(host, id, &at);
    bool records = pool && pool->begun;
    if (records)
        pool->begun = 0;
    lock_give(&host->lock);
    return records ? GA_OK : pool ? GA_INVALID : GA_UNKNOWN;
}

/* No capture needs them any more; the device may. */
static void let_kept_go(ga_host *host, uint32_t pool)
{
    for (uint32_t slot = 1; slot <= host->n_blocks; slot++) {
        ga_host_block *block = host->blocks[slot];
        if (block->state == HOST_KEPT && block->pool == pool)
            gai_host_defer(host, block);
    }
}

enum ga_status ga_host_pool_release(ga_host *host, uint64_t id)
{
    uint32_t at;
    enum ga_status status = GA_OK;
    lock_take(&host->lock);
    struct host_pool *pool = pool_of(host, id, &at);
    if (!pool || pool->shares == 0)
        status = GA_UNKNOWN;
    else if (pool->shares == 1 && pool->begun)
        status = GA_BUSY;
    else if (--pool->shares == 0)
        let_kept_go(host, at);
    gai_host_tidy(host);
    lock_give(&host->lock);
    return status;
}

void gai_host_drop_pools(ga_host *host)
{
    for (uint32_t i = HOST_SHARED + 1; i < host->n_pools; i++) {
        struct host_pool *pool = host->pools[i];
        if (!pool || pool->shares > 0 || pool->n_users > 0)
            continue;
        mem_free(&host->env.mem, pool, 1);
        host->pools[i] = NULL;
    }
}
