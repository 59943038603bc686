/*
 * replay_players.c - our allocators, as a trace sees them
 */
#include "cli/replay.h"

#include "ggml_alloc/cache.h"
#include "ggml_alloc/heap.h"
#include "ggml_alloc/host.h"

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

static uint64_t device_reserved(struct player *player)
{
    struct ga_cache_stats stats;
    ga_cache_stats(player->allocator, &stats);
    return stats.all.reserved_bytes.now;
}

static void device_close(struct player *player)
{
    ga_cache_delete(player->allocator);
}

/* Sizes of segments that waste less: a quarter of the usual ones, own ones from where a quarter would be wasted. */
static const struct ga_cache_opts close_segments = {
    .small_segment = 2 << 20,
    .large_segment = 8 << 20,
    .own_segment = 4 << 20,
    .segment_quantum = 512 << 10,
};

bool player_open_device(struct player *player, enum replay_policy policy)
{
    struct ga_cache_opts opts = { .expandable = policy == REPLAY_RANGE };
    if (policy == REPLAY_SEGMENTS)
        opts = close_segments;
    player->allocator = ga_cache_new(NULL, ga_sim_backend(player->sim), &opts);
    player->alloc = device_alloc;
    player->free = device_free;
    player->share = device_share;
    player->ptr = device_ptr;
    player->sync = device_sync;
    player->reserved = device_reserved;
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

static uint64_t host_reserved(struct player *player)
{
    struct ga_host_stats stats;
    ga_host_stats(player->allocator, &stats);
    return stats.allocated_bytes.now;
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
    player->reserved = host_reserved;
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
    ga_heap_wait_for_events(heap_face(player), NULL, 0);
}

static uint64_t heap_reserved(struct player *player)
{
    return ga_heap_get_total_allocated_memory(heap_face(player));
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
    player->reserved = heap_reserved;
    player->close = heap_close;
    return player->allocator != NULL;
}
