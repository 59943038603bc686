/*
 * replay_players.c - our allocators, as a trace sees them
 */
#include "cli/replay.h"

#include "ggml_alloc/cache.h"
#include "ggml_alloc/heap.h"
#include "ggml_alloc/host.h"

#include "cache/policy.h"

/* ---- device ---- */

static enum ga_status device_alloc(struct player *player, uint32_t block, uint64_t bytes, ga_stream stream)
{
    return ga_cache_alloc(player->allocator, (size_t)bytes, stream, &player->blocks[block], NULL);
}

static void device_free(struct player *player, uint32_t block)
{
    ga_cache_free(player->allocator, player->blocks[block]);
}

static void device_share(struct player *player, uint32_t block, ga_stream stream)
{
    ga_cache_share(player->allocator, player->blocks[block], stream);
}

static void *device_ptr(struct player *player, uint32_t block, size_t *size)
{
    return ga_cache_ptr(player->allocator, player->blocks[block], size);
}

static void device_sync(struct player *player)
{
    ga_cache_sync(player->allocator);
}

static struct replay_bytes device_bytes(struct player *player)
{
    struct ga_cache_stats stats;
    ga_cache_stats(player->allocator, &stats);
    return (struct replay_bytes){ .used = stats.all.active_bytes.now, .reserved = stats.all.reserved_bytes.now };
}

static void device_close(struct player *player)
{
    ga_cache_delete(player->allocator);
}

bool player_open_device(struct player *player, enum replay_policy policy)
{
    struct ga_cache_opts opts = { .expandable = policy == REPLAY_RANGE };
    if (policy == REPLAY_SEGMENTS)
        opts = gai_policy_close();
    player->allocator = ga_cache_new(NULL, ga_sim_backend(player->sim), &opts);
    player->alloc = device_alloc;
    player->free = device_free;
    player->share = device_share;
    player->ptr = device_ptr;
    player->sync = device_sync;
    player->bytes = device_bytes;
    player->close = device_close;
    return player->allocator != NULL;
}

/* ---- host ---- */

static ga_host_block *host_token(const struct player *player, uint32_t block)
{
    return (ga_host_block *)(uintptr_t)player->blocks[block];
}

static enum ga_status host_alloc(struct player *player, uint32_t block, uint64_t bytes, ga_stream stream)
{
    ga_host_block *token = NULL;
    void *ptr;
    enum ga_status status = ga_host_alloc(player->allocator, (size_t)bytes, &ptr, &token);
    if (status == GA_OK && bytes)
        status = ga_host_record(player->allocator, ptr, token, stream); /* where it was asked for, it is used */
    player->blocks[block] = (uintptr_t)token;
    return status;
}

static void host_free(struct player *player, uint32_t block)
{
    ga_host_free(player->allocator, host_token(player, block));
}

static void host_share(struct player *player, uint32_t block, ga_stream stream)
{
    ga_host_record(player->allocator, NULL, host_token(player, block), stream);
}

static void *host_ptr(struct player *player, uint32_t block, size_t *size)
{
    return ga_host_ptr(player->allocator, host_token(player, block), size);
}

static void host_sync(struct player *player)
{
    ga_host_sync(player->allocator);
}

static struct replay_bytes host_bytes(struct player *player)
{
    struct ga_host_stats stats;
    ga_host_stats(player->allocator, &stats);
    return (struct replay_bytes){ .used = stats.active_bytes.now, .reserved = stats.allocated_bytes.now };
}

static void host_close(struct player *player)
{
    ga_host_delete(player->allocator);
}

bool player_open_host(struct player *player)
{
    player->allocator = ga_host_new(NULL, ga_sim_backend(player->sim), NULL);
    player->alloc = host_alloc;
    player->free = host_free;
    player->share = host_share;
    player->ptr = host_ptr;
    player->sync = host_sync;
    player->bytes = host_bytes;
    player->close = host_close;
    return player->allocator != NULL;
}

/* ---- heap ---- */

static ga_heap *heap_face(const struct player *player)
{
    return ga_heaps_get(player->allocator, false);
}

static enum ga_status heap_alloc(struct player *player, uint32_t block, uint64_t bytes, ga_stream stream)
{
    enum ga_status status = ga_heap_alloc(heap_face(player), (size_t)bytes, 0, &player->blocks[block]);
    if (status == GA_OK && bytes)
        status = ga_heap_use(heap_face(player), player->blocks[block], stream);
    return status;
}

static void heap_free(struct player *player, uint32_t block)
{
    ga_heap_free(heap_face(player), player->blocks[block]);
}

static void heap_share(struct player *player, uint32_t block, ga_stream stream)
{
    ga_heap_use(heap_face(player), player->blocks[block], stream);
}

static void *heap_ptr(struct player *player, uint32_t block, size_t *size)
{
    return ga_heap_ptr(heap_face(player), player->blocks[block], size);
}

static void heap_commit(struct player *player, ga_stream stream)
{
    ga_heap_commit(heap_face(player), stream);
}

static void heap_sync(struct player *player)
{
    for (uint32_t stream = 0; stream < player->trace->n_streams; stream++)
        ga_heap_commit(heap_face(player), stream);
    const struct ga_backend_order *order = ga_sim_backend(player->sim)->order;
    if (order->sync(order->user) == GA_OK)
        ga_heap_free_inactive_buffers(heap_face(player));
}

static struct replay_bytes heap_bytes(struct player *player)
{
    struct ga_heap_stats stats;
    ga_heap_stats(heap_face(player), &stats);
    return (struct replay_bytes){ .used = stats.allocated.now + stats.pending, .reserved = stats.reserved.now };
}

static void heap_close(struct player *player)
{
    ga_heaps_delete(player->allocator);
}

bool player_open_heap(struct player *player)
{
    player->allocator = ga_heaps_new(NULL, ga_sim_backend(player->sim), NULL);
    player->alloc = heap_alloc;
    player->free = heap_free;
    player->share = heap_share;
    player->ptr = heap_ptr;
    player->commit = heap_commit;
    player->sync = heap_sync;
    player->bytes = heap_bytes;
    player->close = heap_close;
    return player->allocator != NULL;
}
