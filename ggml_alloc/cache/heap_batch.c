/*
 * Who uses a buffer: batches, each of one stream, that are done in the order that they were committed.  All buffers of a batch wait
 * for one event.  One that could not be recorded is recorded when it is next asked for: later than necessary, which is safe.
 */
#include "cache/heap.h"

static const struct ga_backend_order *calls_of(const ga_heaps *heaps)
{
    return heaps->backend->order;
}

ga_stream gai_heap_stream(const ga_heaps *heaps, ga_stream stream)
{
    const struct ga_backend_order *calls = calls_of(heaps);
    if (stream != GA_STREAM_CURRENT)
        return stream;
    bool known = calls && calls->current && calls->current(calls->user, &stream);
    return known ? stream : 0;
}

static struct heap_queue *find_queue(const ga_heaps *heaps, ga_stream stream)
{
    for (uint32_t q = 0; q < heaps->n_queues; q++)
        if (heaps->queues[q].stream == stream)
            return &heaps->queues[q];
    return NULL;
}

/* NULL: no memory. */
static struct heap_queue *queue_of(ga_heaps *heaps, ga_stream stream)
{
    struct heap_queue *queue = find_queue(heaps, stream);
    if (queue)
        return queue;
    if (!array_room(&heaps->env.mem, &heaps->queues, &heaps->cap_queues, heaps->n_queues + 1u))
        return NULL;
    queue = &heaps->queues[heaps->n_queues++];
    *queue = (struct heap_queue){ .stream = stream };
    return queue;
}

/* The stream's open batch, made when there is none; NULL: no memory. */
static struct heap_queue *open_queue(ga_heaps *heaps, ga_stream stream)
{
    struct heap_queue *queue = queue_of(heaps, stream);
    if (!queue || queue->open)
        return queue;
    uint32_t at = heaps->spare_batch;
    if (at)
        heaps->spare_batch = heaps->batches[at].next;
    else if (array_room(&heaps->env.mem, &heaps->batches, &heaps->cap_batches, heaps->n_batches + 2u))
        at = ++heaps->n_batches;
    else
        return NULL;
    heaps->batches[at] = (struct heap_batch){ .number = ++heaps->n_numbers };
    queue->open = at;
    return queue;
}

bool gai_heap_use_room(ga_heaps *heaps, uint32_t extra)
{
    uint64_t need = (uint64_t)heaps->n_uses + 1 + heaps->n_scalars + extra;
    return array_room(&heaps->env.mem, &heaps->uses, &heaps->cap_uses, need);
}

/* Once a batch is enough. */
static void use(ga_heaps *heaps, uint32_t slot, uint32_t batch)
{
    struct heap_buffer *buffer = &heaps->buffers[slot];
    for (uint32_t at = buffer->uses; at; at = heaps->uses[at].next)
        if (heaps->uses[at].batch == batch)
            return;
    uint32_t at = heaps->spare_use;
    if (at)
        heaps->spare_use = heaps->uses[at].next;
    else
        at = ++heaps->n_uses;
    heaps->uses[at] =
        (struct heap_use){ .buffer = slot, .batch = batch, .next = buffer->uses, .next_of_batch = heaps->batches[batch].uses };
    heaps->batches[batch].uses = buffer->uses = at;
    buffer->refs++;
}

enum ga_status gai_heap_add_use(ga_heaps *heaps, uint32_t slot, ga_stream stream)
{
    if (!calls_of(heaps))
        return GA_UNSUPPORTED;
    const struct heap_queue *queue = gai_heap_use_room(heaps, 1) ? open_queue(heaps, stream) : NULL;
    if (!queue)
        return GA_NO_MEMORY;
    use(heaps, slot, queue->open);
    return GA_OK;
}

void gai_heap_use_now(ga_heaps *heaps, uint32_t slot)
{
    const struct heap_queue *queue = calls_of(heaps) ? find_queue(heaps, gai_heap_stream(heaps, GA_STREAM_CURRENT)) : NULL;
    if (queue && queue->open)
        use(heaps, slot, queue->open);
}

static void close_batch(ga_heaps *heaps, struct heap_queue *queue)
{
    if (queue->last)
        heaps->batches[queue->last].next = queue->open;
    else
        queue->first = queue->open;
    queue->last = queue->open;
    queue->open = 0;
}

enum ga_status gai_heap_commit(ga_heaps *heaps, ga_stream stream, uint32_t *batch)
{
    const struct ga_backend_order *calls = calls_of(heaps);
    if (!calls)
        return GA_UNSUPPORTED;
    struct heap_queue *queue = open_queue(heaps, stream);
    if (!queue)
        return GA_NO_MEMORY;
    enum ga_status status = calls->record(calls->user, stream, &heaps->batches[queue->open].event);
    if (status != GA_OK) {
        heaps->batches[queue->open].event = 0;
        return status;
    }
    *batch = queue->open;
    close_batch(heaps, queue);
    return GA_OK;
}

enum ga_status ga_heap_commit(ga_heap *heap, ga_stream stream)
{
    ga_heaps *heaps = heap->all;
    uint32_t batch;
    enum ga_status status = GA_OK;
    stream = gai_heap_stream(heaps, stream);
    lock_take(&heaps->lock);
    const struct heap_queue *queue = find_queue(heaps, stream);
    if (queue && queue->open)
        status = gai_heap_commit(heaps, stream, &batch);
    lock_give(&heaps->lock);
    return calls_of(heaps) ? status : GA_UNSUPPORTED;
}

bool gai_heap_unref(ga_heaps *heaps, uint32_t slot)
{
    struct heap_buffer *buffer = &heaps->buffers[slot];
    if (--buffer->refs)
        return false;
    if (buffer->state == HEAP_PENDING) {
        heaps->pending -= buffer->size;
        buffer->state = HEAP_FREED;
        buffer->next = heaps->freed;
        heaps->freed = slot;
    } else if (buffer->state == HEAP_LEFT) {
        gai_heap_unplace(heaps, slot);
    }
    return true;
}

static bool is_over(ga_heaps *heaps, ga_stream stream, struct heap_batch *batch)
{
    const struct ga_backend_order *calls = calls_of(heaps);
    if (batch->over)
        return true;
    bool recorded = batch->event || calls->record(calls->user, stream, &batch->event) == GA_OK;
    return recorded && (batch->event == 0 || calls->reached(calls->user, batch->event));
}

/* Nobody needs its event any more. */
static void clear_up(ga_heaps *heaps, uint32_t at)
{
    struct heap_batch *batch = &heaps->batches[at];
    if (batch->event)
        calls_of(heaps)->release(calls_of(heaps)->user, batch->event);
    *batch = (struct heap_batch){ .next = heaps->spare_batch };
    heaps->spare_batch = at;
}

/* Its uses are over; returns how many buffers became idle.  Who waits for its event clears up. */
static uint32_t end_batch(ga_heaps *heaps, uint32_t at)
{
    struct heap_batch *batch = &heaps->batches[at];
    uint32_t n_idle = 0;
    for (uint32_t use = batch->uses, next; use; use = next) {
        uint32_t slot = heaps->uses[use].buffer, *link = &heaps->buffers[slot].uses;
        next = heaps->uses[use].next_of_batch;
        while (*link != use)
            link = &heaps->uses[*link].next;
        *link = heaps->uses[use].next;
        heaps->uses[use].next = heaps->spare_use;
        heaps->spare_use = use;
        n_idle += gai_heap_unref(heaps, slot);
    }
    batch->uses = 0;
    batch->number = 0;
    batch->gone = batch->watchers != 0;
    if (!batch->gone)
        clear_up(heaps, at);
    return n_idle;
}

uint32_t gai_heap_poll(ga_heaps *heaps)
{
    uint32_t n_idle = 0;
    for (uint32_t q = 0; q < heaps->n_queues; q++) {
        struct heap_queue *queue = &heaps->queues[q];
        for (uint32_t at; (at = queue->first) && is_over(heaps, queue->stream, &heaps->batches[at]);) {
            queue->first = heaps->batches[at].next;
            if (!queue->first)
                queue->last = 0;
            n_idle += end_batch(heaps, at);
        }
    }
    return n_idle;
}

enum ga_status gai_heap_wait(ga_heaps *heaps, uint32_t batch, uint32_t *n_idle)
{
    const struct ga_backend_order *calls = calls_of(heaps);
    ga_event event = heaps->batches[batch].event;
    heaps->batches[batch].watchers++;
    lock_give(&heaps->lock);
    enum ga_status status = event ? calls->wait(calls->user, event) : calls->sync(calls->user);
    lock_take(&heaps->lock);
    heaps->batches[batch].watchers--;
    heaps->batches[batch].over |= status == GA_OK;
    if (heaps->batches[batch].gone && heaps->batches[batch].watchers == 0)
        clear_up(heaps, batch);
    *n_idle += gai_heap_poll(heaps);
    return status;
}

enum ga_status gai_heap_wait_all(ga_heaps *heaps)
{
    const struct ga_backend_order *calls = calls_of(heaps);
    if (!calls)
        return GA_OK;
    for (uint32_t q = 0; q < heaps->n_queues; q++)
        if (heaps->queues[q].open)
            close_batch(heaps, &heaps->queues[q]);
    uint64_t last = heaps->n_numbers;
    lock_give(&heaps->lock);
    enum ga_status status = calls->sync(calls->user);
    lock_take(&heaps->lock);
    for (uint32_t q = 0; status == GA_OK && q < heaps->n_queues; q++)
        for (uint32_t at = heaps->queues[q].first; at; at = heaps->batches[at].next)
            heaps->batches[at].over |= heaps->batches[at].number <= last;
    gai_heap_poll(heaps);
    return status;
}

void gai_heap_fini_batches(ga_heaps *heaps)
{
    const struct ga_backend_order *calls = calls_of(heaps);
    for (uint32_t at = 1; at <= heaps->n_batches; at++)
        if (heaps->batches[at].event)
            calls->release(calls->user, heaps->batches[at].event);
    mem_free(&heaps->env.mem, heaps->uses, heaps->cap_uses);
    mem_free(&heaps->env.mem, heaps->batches, heaps->cap_batches);
    mem_free(&heaps->env.mem, heaps->queues, heaps->cap_queues);
}

/* Uses of one batch, each of which its buffer knows. */
static const char *check_batch(const ga_heaps *heaps, uint32_t at, uint32_t *n_uses)
{
    for (uint32_t use = heaps->batches[at].uses; use; use = heaps->uses[use].next_of_batch) {
        if (++*n_uses > heaps->n_uses || heaps->uses[use].batch != at)
            return "a use is in the list of the wrong batch";
        uint32_t known = heaps->buffers[heaps->uses[use].buffer].uses;
        while (known && known != use)
            known = heaps->uses[known].next;
        if (!known)
            return "a buffer does not know that a batch uses it";
    }
    return NULL;
}

/* Against the sums of buffers. */
const char *gai_heap_check_batches(const ga_heaps *heaps)
{
    uint32_t n_uses = 0, n_known = 0;
    const char *broken = NULL;
    for (uint32_t q = 0; q < heaps->n_queues && !broken; q++) {
        const struct heap_queue *queue = &heaps->queues[q];
        uint32_t last = 0;
        for (uint32_t at = queue->first; at && !broken; last = at, at = heaps->batches[at].next) {
            if (last && heaps->batches[last].number >= heaps->batches[at].number)
                return "a stream's batches are not in the order of commits";
            broken = check_batch(heaps, at, &n_uses);
        }
        if (!broken && last != queue->last)
            return "a stream does not end with its last batch";
        if (!broken && queue->open)
            broken = check_batch(heaps, queue->open, &n_uses);
    }
    for (uint32_t slot = 1; slot <= heaps->n_buffers; slot++) {
        const struct heap_buffer *buffer = &heaps->buffers[slot];
        uint32_t n = 0;
        for (uint32_t at = buffer->state == HEAP_SPARE ? 0 : buffer->uses; at; at = heaps->uses[at].next)
            n++;
        if (buffer->state != HEAP_SPARE && buffer->refs != n + buffer->aliases)
            return "a buffer's references are miscounted";
        n_known += n;
    }
    if (!broken && n_uses != n_known)
        return "a buffer is used by a batch that is gone";
    return broken;
}
