#include "bind/arena.h"

#include <assert.h>

#include "backend/backend.h"
#include "base/array.h"
#include "base/bits.h"
#include "base/later.h"
#include "base/log.h"

static bool is_there(const struct arena_chunk *chunk)
{
    return chunk->buffer.size != 0;
}

static void give(const struct arena_pool *pool, struct arena_chunk *chunk)
{
    if (is_there(chunk))
        pool->backend->free(pool->backend->user, &chunk->given);
    *chunk = (struct arena_chunk){ 0 };
}

/* What a backend is asked for so that `bytes` remain whatever its base must be rounded up to. */
static uint64_t bytes_to_ask(const struct ga_backend *backend, uint64_t bytes, uint64_t align)
{
    uint64_t promised = gai_backend_align(backend);
    return align > promised ? add_sat(bytes, align - promised) : bytes;
}

enum ga_status gai_arena_take(const ga_arena *arena, unsigned pool, uint64_t bytes, uint64_t align, struct arena_chunk *chunk)
{
    const struct ga_backend *backend = arena->pools[pool].backend;
    uint64_t asked = bytes_to_ask(backend, bytes, align);
    if (asked > SIZE_MAX)
        return GA_NO_SPACE;
    struct ga_buffer given = { 0 };
    if (backend->alloc(backend->user, (size_t)asked, &given) != GA_OK)
        return GA_NO_SPACE;
    uint64_t skip = align_up((uintptr_t)given.base, max_u64(align, gai_backend_align(backend))) - (uintptr_t)given.base;
    if (!given.base || skip > asked - bytes) {
        gai_log(&arena->env, GA_ERROR, "backend '%s' gave a base that is NULL or not aligned to the %zu bytes that it promises",
                backend->name ? backend->name : "", backend->align);
        backend->free(backend->user, &given);
        return GA_INVALID;
    }
    chunk->given = given;
    chunk->buffer = given;
    chunk->buffer.base = (char *)given.base + (size_t)skip;
    chunk->buffer.size = (size_t)bytes;
    return GA_OK;
}

static bool has_room(const struct arena_chunk *chunk, uint64_t bytes, uint64_t align)
{
    return chunk->buffer.size >= bytes && ((uintptr_t)chunk->buffer.base & (align - 1)) == 0;
}

static uint64_t held_by(const struct arena_pool *pool)
{
    uint64_t held = 0;
    for (uint32_t i = 0; i < pool->n_chunks; i++)
        held += pool->chunks[i].given.size;
    for (uint32_t i = 0; i < pool->n_packed; i++)
        held += pool->packed[i].size;
    return held;
}

void gai_arena_blame(ga_arena *arena, unsigned pool, uint32_t chunk, uint64_t bytes, const ga_plan *plan)
{
    const struct ga_backend *backend = arena->pools[pool].backend;
    struct ga_oom oom = { .pool = pool, .chunk = chunk, .needed = bytes, .held = held_by(&arena->pools[pool]) };
    if (backend->info && !backend->info(backend->user, &oom.free_bytes, &oom.total_bytes))
        oom.free_bytes = oom.total_bytes = 0;
    struct ga_live largest;
    if (plan && ga_plan_live_at_peak(plan, pool, &largest, 1, NULL) > 0)
        oom.culprit = largest.id;
    arena->oom = oom;
    arena->out_of_memory = true;
}

/* A buffer to come: it exists, beside all others, before the first old one goes. */
struct move {
    unsigned pool;
    uint32_t chunk;
    uint64_t bytes, align;
    struct arena_chunk fresh;
};

struct moves {
    struct move *list;
    uint32_t n, cap;
};

static const struct arena_chunk *chunk_at(const struct arena_pool *pool, uint32_t chunk)
{
    static const struct arena_chunk nothing;
    return chunk < pool->n_chunks ? &pool->chunks[chunk] : &nothing;
}

static bool chunk_suits(const ga_arena *arena, struct backed plan, unsigned pool, uint32_t chunk)
{
    return has_room(chunk_at(&arena->pools[pool], chunk), plan.plan->pools[pool].chunks[chunk], plan.align);
}

bool gai_arena_has_pools(const ga_arena *arena, const ga_plan *plan)
{
    for (unsigned i = arena->n_pools; i < plan->n_pools; i++)
        if (plan->pools[i].n_chunks > 0)
            return false;
    return true;
}

uint64_t gai_arena_need(const ga_arena *arena, struct backed plan, unsigned pool)
{
    uint64_t need = 0;
    for (uint32_t c = 0; pool < plan.plan->n_pools && c < plan.plan->pools[pool].n_chunks; c++)
        need += bytes_to_ask(arena->pools[pool].backend, plan.plan->pools[pool].chunks[c], plan.align);
    return need;
}

bool gai_arena_holds(const ga_arena *arena, struct backed plan)
{
    for (unsigned i = 0; i < plan.plan->n_pools; i++) /* past the arena's there are no chunks */
        for (uint32_t c = 0; c < plan.plan->pools[i].n_chunks; c++)
            if (!chunk_suits(arena, plan, i, c))
                return false;
    return true;
}

/* Room in the table for `n` chunks; those that are new are not there yet. */
static bool widen(const ga_arena *arena, struct arena_pool *pool, uint32_t n)
{
    if (!array_room(&arena->env.mem, &pool->chunks, &pool->cap_chunks, n))
        return false;
    while (pool->n_chunks < n)
        pool->chunks[pool->n_chunks++] = (struct arena_chunk){ 0 };
    return true;
}

/* What the users need of one chunk: the most bytes, the strictest alignment. */
static uint64_t need_of(const ga_arena *arena, unsigned pool, uint32_t chunk, uint64_t *align)
{
    uint64_t bytes = 0;
    *align = 1;
    for (const struct arena_user *user = arena->users; user; user = user->next) {
        uint64_t wants = user->bound.plan ? ga_plan_chunk(user->bound.plan, pool, chunk) : 0;
        if (wants == 0)
            continue;
        bytes = max_u64(bytes, wants);
        *align = max_u64(*align, user->bound.align);
    }
    return bytes;
}

/* What must be had for the plan, and the bookkeeping to put it in. */
static bool list_moves(const ga_arena *arena, struct backed plan, struct moves *moves)
{
    for (unsigned i = 0; i < plan.plan->n_pools; i++) {
        const struct plan_pool *wanted = &plan.plan->pools[i];
        if (wanted->n_chunks > 0 && !widen(arena, &arena->pools[i], wanted->n_chunks))
            return false;
        for (uint32_t c = 0; c < wanted->n_chunks; c++) {
            if (chunk_suits(arena, plan, i, c))
                continue;
            if (!array_room(&arena->env.mem, &moves->list, &moves->cap, (uint64_t)moves->n + 1))
                return false;
            /* The other users of the chunk stay served: no smaller than it is, and aligned for them, too. */
            uint64_t align, had = chunk_at(&arena->pools[i], c)->buffer.size;
            need_of(arena, i, c, &align);
            moves->list[moves->n++] = (struct move){
                .pool = i, .chunk = c, .bytes = max_u64(wanted->chunks[c], had), .align = max_u64(plan.align, align)
            };
        }
    }
    return true;
}

static bool is_empty(const struct arena_pool *pool)
{
    for (uint32_t i = 0; i < pool->n_chunks; i++)
        if (is_there(&pool->chunks[i]))
            return false;
    return true;
}

/* GA_GROW_NEVER lets a pool be filled once. */
static bool may_move(const ga_arena *arena, const struct move *move)
{
    return !arena->frozen && (arena->grow != GA_GROW_NEVER || is_empty(&arena->pools[move->pool]));
}

static enum ga_status take_all(ga_arena *arena, struct backed plan, struct moves *moves)
{
    enum ga_status status = GA_OK;
    uint32_t taken = 0;
    for (; taken < moves->n; taken++) {
        struct move *move = &moves->list[taken];
        status = GA_NO_SPACE;
        if (may_move(arena, move))
            status = gai_arena_take(arena, move->pool, move->bytes, move->align, &move->fresh);
        if (status == GA_OK)
            continue;
        gai_arena_blame(arena, move->pool, move->chunk, move->bytes, plan.plan);
        break;
    }
    if (status != GA_OK)
        while (taken > 0) {
            struct move *move = &moves->list[--taken];
            give(&arena->pools[move->pool], &move->fresh);
        }
    return status;
}

static void replace(ga_arena *arena, unsigned pool, uint32_t chunk, const struct arena_chunk *fresh)
{
    struct arena_chunk *old = &arena->pools[pool].chunks[chunk];
    if (is_there(old))
        gai_arena_outdate(arena);
    give(&arena->pools[pool], old);
    *old = *fresh;
}

static void empty(ga_arena *arena)
{
    static const struct arena_chunk nothing;
    for (unsigned i = 0; i < arena->n_pools; i++)
        for (uint32_t c = 0; c < arena->pools[i].n_chunks; c++)
            replace(arena, i, c, &nothing);
}

static void free_outgrown(ga_arena *arena, const struct moves *moves)
{
    static const struct arena_chunk nothing;
    for (uint32_t i = 0; i < moves->n; i++)
        replace(arena, moves->list[i].pool, moves->list[i].chunk, &nothing);
}

static enum ga_status grow(ga_arena *arena, struct backed plan, struct moves *moves)
{
    bool free_first = arena->grow == GA_GROW_FREE_FIRST && !arena->frozen;
    if (free_first)
        free_outgrown(arena, moves);
    enum ga_status status = take_all(arena, plan, moves);
    if (status != GA_OK) {
        if (free_first)
            empty(arena);
        return status;
    }
    for (uint32_t i = 0; i < moves->n; i++)
        replace(arena, moves->list[i].pool, moves->list[i].chunk, &moves->list[i].fresh);
    return GA_OK;
}

enum ga_status gai_arena_hold(ga_arena *arena, struct backed plan)
{
    if (!gai_arena_has_pools(arena, plan.plan))
        return GA_INVALID;
    struct moves moves = { 0 };
    enum ga_status status = GA_NO_MEMORY;
    if (list_moves(arena, plan, &moves))
        status = moves.n == 0 ? GA_OK : grow(arena, plan, &moves);
    if (status == GA_OK)
        arena->out_of_memory = false;
    mem_free(&arena->env.mem, moves.list, moves.cap);
    return status;
}

ga_arena *ga_arena_new(const struct ga_env *env, const struct ga_backend *const *pools, unsigned n_pools,
                       const struct ga_arena_opts *opts)
{
    struct ga_env full = gai_env(env);
    if (!pools || n_pools == 0 || n_pools > UINT16_MAX + 1u)
        return NULL;
    if (opts && later_refused(&full.log, opts, "struct ga_arena_opts"))
        return NULL;
    for (unsigned i = 0; i < n_pools; i++)
        if (!gai_backend_sound(pools[i]))
            return NULL;
    ga_arena *arena = mem_new(&full.mem, ga_arena, 1);
    if (!arena)
        return NULL;
    *arena = (ga_arena){ .env = full, .n_pools = n_pools, .grow = opts ? opts->grow : GA_GROW_KEEP, .refs = 1, .generation = 1 };
    arena->pools = mem_new(&full.mem, struct arena_pool, n_pools);
    if (!arena->pools) {
        ga_arena_delete(arena);
        return NULL;
    }
    for (unsigned i = 0; i < n_pools; i++)
        arena->pools[i].backend = pools[i];
    return arena;
}

static void destroy(ga_arena *arena)
{
    struct ga_mem mem = arena->env.mem;
    for (unsigned i = 0; arena->pools && i < arena->n_pools; i++) {
        struct arena_pool *pool = &arena->pools[i];
        for (uint32_t c = 0; c < pool->n_chunks; c++)
            give(pool, &pool->chunks[c]);
        for (uint32_t c = 0; c < pool->n_packed; c++)
            pool->backend->free(pool->backend->user, &pool->packed[c]);
        mem_free(&mem, pool->chunks, pool->cap_chunks);
        mem_free(&mem, pool->packed, pool->cap_packed);
    }
    mem_free(&mem, arena->pools, arena->n_pools);
    mem_free(&mem, arena, 1);
}

void ga_arena_delete(ga_arena *arena)
{
    if (arena && --arena->refs == 0)
        destroy(arena);
}

void gai_arena_join(ga_arena *arena, struct arena_user *user)
{
    user->next = arena->users;
    arena->users = user;
    arena->refs++;
}

void gai_arena_leave(ga_arena *arena, struct arena_user *user)
{
    struct arena_user **at = &arena->users;
    while (*at != user)
        at = &(*at)->next;
    assert(arena->refs > 0);
    *at = user->next;
    ga_arena_delete(arena);
}

uint64_t ga_arena_size(const ga_arena *arena, unsigned pool)
{
    return pool < arena->n_pools ? held_by(&arena->pools[pool]) : 0;
}

void ga_arena_trim(ga_arena *arena)
{
    for (unsigned i = 0; i < arena->n_pools && !arena->frozen; i++)
        for (uint32_t c = 0; c < arena->pools[i].n_chunks; c++) {
            uint64_t align, bytes = need_of(arena, i, c, &align);
            struct arena_chunk fresh = { 0 };
            if (bytes >= arena->pools[i].chunks[c].buffer.size)
                continue;
            /* No room for the smaller one beside the larger: it stays as it is. */
            if (bytes == 0 || gai_arena_take(arena, i, bytes, align, &fresh) == GA_OK)
                replace(arena, i, c, &fresh);
        }
}

const struct ga_buffer *ga_arena_buffer(const ga_arena *arena, unsigned pool, unsigned chunk)
{
    if (pool >= arena->n_pools || !is_there(chunk_at(&arena->pools[pool], chunk)))
        return NULL;
    return &arena->pools[pool].chunks[chunk].buffer;
}

uint64_t ga_arena_generation(const ga_arena *arena)
{
    return arena->generation;
}

void ga_arena_freeze(ga_arena *arena, bool frozen)
{
    arena->frozen = frozen;
}

bool ga_arena_oom(const ga_arena *arena, struct ga_oom *oom)
{
    if (arena->out_of_memory)
        *oom = arena->oom;
    return arena->out_of_memory;
}

static const char *check_chunk(const struct arena_pool *pool, const struct arena_chunk *chunk)
{
    if (!is_there(chunk))
        return chunk->given.size == 0 ? NULL : "a chunk that is not there holds a buffer";
    uintptr_t given = (uintptr_t)chunk->given.base, base = (uintptr_t)chunk->buffer.base;
    if (base < given || base - given > chunk->given.size - chunk->buffer.size || chunk->buffer.size > chunk->given.size)
        return "a chunk leaves the buffer that was given for it";
    return base & (gai_backend_align(pool->backend) - 1) ? "a chunk is misaligned" : NULL;
}

const char *gai_arena_check(const ga_arena *arena)
{
    for (unsigned i = 0; i < arena->n_pools; i++)
        for (uint32_t c = 0; c < arena->pools[i].n_chunks; c++) {
            const char *wrong = check_chunk(&arena->pools[i], &arena->pools[i].chunks[c]);
            if (wrong)
                return wrong;
        }
    uint32_t n_users = 0;
    for (const struct arena_user *user = arena->users; user; user = user->next, n_users++)
        if (user->bound.plan && arena->grow != GA_GROW_FREE_FIRST && !gai_arena_holds(arena, user->bound))
            return "a user's plan has no room";
    return arena->refs == n_users || arena->refs == n_users + 1 ? NULL : "references and users differ in number";
}
