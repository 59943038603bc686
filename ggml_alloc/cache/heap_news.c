#include "cache/heap.h"

#include <string.h>

static bool is_logged(const ga_heaps *heaps, const struct ga_heap_news *news, unsigned bit)
{
    bool is_hidden = heaps->verbosity & GA_HEAP_LARGE_ONLY && !heap_pool_is_large(news->pool);
    return heaps->verbosity & bit && !is_hidden;
}

static void log_buffer(const ga_heaps *heaps, const struct ga_heap_news *news, const char *what)
{
    char size[32], requested[32];
    gai_log(&heaps->env, GA_INFO, "%s %s buffer #%llu of size %s, %s asked for", what,
            news->usage & GA_HEAP_SHARED ? "shared" : "private", (unsigned long long)news->id,
            ga_heap_format_size(size, news->size, false), ga_heap_format_size(requested, news->requested, false));
}

/* The totals of when it happened. */
struct totals {
    uint64_t allocated, reserved;
};

static void log_totals(const ga_heaps *heaps, const struct totals *totals)
{
    char allocated[32], reserved[32];
    gai_log(&heaps->env, GA_INFO, "%s allocated of %s in heaps", ga_heap_format_size(allocated, totals->allocated, false),
            ga_heap_format_size(reserved, totals->reserved, false));
}

static void log_news(const ga_heaps *heaps, const struct ga_heap_news *news, const struct totals *totals)
{
    static const struct {
        unsigned bit;
        const char *what;
    } lines[] = {
        [GA_HEAP_ALLOCATED] = { GA_HEAP_ALLOCATIONS, "allocated" },
        [GA_HEAP_RECYCLED] = { GA_HEAP_RECYCLES, "recycled" },
        [GA_HEAP_FREED] = { GA_HEAP_RECYCLES, "freed" },
        [GA_HEAP_RELEASED] = { GA_HEAP_RELEASES, "released" },
        [GA_HEAP_ALLOCATION_FAILED] = { GA_HEAP_ALLOCATIONS, "failed to allocate" },
    };
    if (is_logged(heaps, news, lines[news->event].bit))
        log_buffer(heaps, news, lines[news->event].what);
    if (is_logged(heaps, news, GA_HEAP_PROFILING))
        log_totals(heaps, totals);
}

/* While `calling`, the hooks stay as they are. */
static void tell(ga_heaps *heaps, const struct ga_heap_news *news)
{
    if (heaps->n_hooks == 0 && heaps->verbosity == GA_HEAP_SILENT)
        return;
    struct totals totals = { heaps->allocated.now, heaps->reserved.now };
    heaps->calling++;
    lock_give(&heaps->lock);
    log_news(heaps, news, &totals);
    for (uint32_t i = 0; i < heaps->n_hooks; i++)
        heaps->hooks[i].call(heaps->hooks[i].user, news);
    lock_take(&heaps->lock);
    heaps->calling--;
}

void gai_heap_tell(ga_heaps *heaps, enum ga_heap_event event, uint32_t slot)
{
    const struct heap_buffer *buffer = &heaps->buffers[slot];
    struct ga_heap_news news = {
        .event = event,
        .buffer = heap_name(heaps, slot) - (event == GA_HEAP_RELEASED ? (uint64_t)1 << 32 : 0),
        .id = buffer->id,
        .ptr = buffer->ptr,
        .size = buffer->size,
        .requested = buffer->requested,
        .pool = (enum ga_heap_pool)buffer->pool,
        .usage = buffer->usage,
    };
    tell(heaps, &news);
}

void gai_heap_tell_failed(ga_heaps *heaps, const struct heap_request *request)
{
    struct ga_heap_news news = {
        .event = GA_HEAP_ALLOCATION_FAILED,
        .size = request->size,
        .requested = request->requested,
        .pool = (enum ga_heap_pool)request->pool,
        .usage = request->usage,
    };
    tell(heaps, &news);
}

/* n_hooks: there is none of that name. */
static uint32_t find_hook(const ga_heaps *heaps, const char *name)
{
    uint32_t at = 0;
    while (at < heaps->n_hooks && strcmp(heaps->hooks[at].name, name) != 0)
        at++;
    return at;
}

enum ga_status ga_heap_on(ga_heap *heap, const char *name, ga_heap_callback *call, void *user)
{
    ga_heaps *heaps = heap->all;
    enum ga_status status = GA_OK;
    lock_take(&heaps->lock);
    if (heaps->calling)
        status = GA_BUSY;
    else if (find_hook(heaps, name) < heaps->n_hooks)
        status = GA_INVALID;
    else if (!array_room(&heaps->env.mem, &heaps->hooks, &heaps->cap_hooks, heaps->n_hooks + 1u))
        status = GA_NO_MEMORY;
    else
        heaps->hooks[heaps->n_hooks++] = (struct heap_hook){ .name = name, .call = call, .user = user };
    lock_give(&heaps->lock);
    return status;
}

enum ga_status ga_heap_off(ga_heap *heap, const char *name)
{
    ga_heaps *heaps = heap->all;
    enum ga_status status = GA_OK;
    lock_take(&heaps->lock);
    uint32_t at = find_hook(heaps, name);
    if (heaps->calling) {
        status = GA_BUSY;
    } else if (at == heaps->n_hooks) {
        status = GA_UNKNOWN;
    } else {
        heaps->n_hooks--;
        memmove(&heaps->hooks[at], &heaps->hooks[at + 1], (heaps->n_hooks - at) * sizeof *heaps->hooks);
    }
    lock_give(&heaps->lock);
    return status;
}
