#include "cache/defer.h"

#include "base/array.h"

enum { CALLERS = 0 }; /* their queue */

void gai_defer_init(struct defer *defer, const struct ga_mem *mem, const struct ga_backend_order *calls)
{
    *defer = (struct defer){ .mem = mem, .calls = calls };
}

static void release(struct defer *defer, const struct use *use)
{
    if (use->queue != CALLERS && use->event)
        defer->calls->release(defer->calls->user, use->event);
}

void gai_defer_fini(struct defer *defer)
{
    for (uint32_t q = 0; q < defer->n_queues; q++)
        for (uint32_t at = defer->queues[q].first; at; at = defer->uses[at].next)
            release(defer, &defer->uses[at]);
    for (uint32_t at = defer->spent; at; at = defer->uses[at].next)
        release(defer, &defer->uses[at]);
    if (defer->mem) {
        mem_free(defer->mem, defer->uses, defer->cap_uses);
        mem_free(defer->mem, defer->queues, defer->cap_queues);
    }
    *defer = (struct defer){ 0 };
}

static bool queue_room(struct defer *defer)
{
    if (!array_room(defer->mem, &defer->queues, &defer->cap_queues, defer->n_queues + 2u))
        return false;
    if (defer->n_queues == 0)
        defer->queues[defer->n_queues++] = (struct defer_queue){ .stream = GA_STREAM_CURRENT };
    return true;
}

/* There is room for a new one. */
static uint32_t queue_of(struct defer *defer, ga_stream stream)
{
    uint32_t at = CALLERS + 1;
    while (at < defer->n_queues && defer->queues[at].stream != stream)
        at++;
    if (at == defer->n_queues)
        defer->queues[defer->n_queues++] = (struct defer_queue){ .stream = stream };
    return at;
}

static bool use_room(struct defer *defer)
{
    return queue_room(defer) && (defer->spare || array_room(defer->mem, &defer->uses, &defer->cap_uses, defer->n_uses + 2u));
}

static void use_add(struct defer *defer, uint32_t *uses, struct use use)
{
    uint32_t at = defer->spare;
    if (at)
        defer->spare = defer->uses[at].next;
    else
        at = ++defer->n_uses;
    use.next = *uses;
    defer->uses[at] = use;
    *uses = at;
}

/* Where in the block's list the use of `queue` hangs: a link that is 0 when there is none. */
static uint32_t *link_of(struct defer *defer, uint32_t *uses, uint32_t queue)
{
    uint32_t *link = uses;
    while (*link && defer->uses[*link].queue != queue)
        link = &defer->uses[*link].next;
    return link;
}

enum ga_status gai_defer_share(struct defer *defer, uint32_t *uses, uint32_t block, ga_stream stream, bool captured)
{
    if (!defer->calls)
        return GA_UNSUPPORTED;
    if (!use_room(defer))
        return GA_NO_MEMORY;
    uint32_t queue = queue_of(defer, stream);
    uint32_t at = *link_of(defer, uses, queue);
    if (at)
        defer->uses[at].captured &= captured;
    else
        use_add(defer, uses, (struct use){ .block = block, .queue = queue, .captured = captured });
    return GA_OK;
}

enum ga_status gai_defer_share_until(struct defer *defer, uint32_t *uses, uint32_t block, ga_event event)
{
    if (!defer->calls)
        return GA_UNSUPPORTED;
    if (!use_room(defer))
        return GA_NO_MEMORY;
    use_add(defer, uses, (struct use){ .block = block, .queue = CALLERS, .event = event });
    return GA_OK;
}

/* The queue of a stream that was shared with; n_queues: it never was. */
static uint32_t find_queue(const struct defer *defer, ga_stream stream)
{
    uint32_t queue = CALLERS + 1;
    while (queue < defer->n_queues && defer->queues[queue].stream != stream)
        queue++;
    return queue;
}

static void unlink_use(struct defer *defer, uint32_t *link)
{
    uint32_t at = *link;
    *link = defer->uses[at].next;
    defer->uses[at].next = defer->spare;
    defer->spare = at;
}

void gai_defer_unshare(struct defer *defer, uint32_t *uses, ga_stream stream)
{
    uint32_t *link = link_of(defer, uses, find_queue(defer, stream));
    if (*link)
        unlink_use(defer, link);
}

void gai_defer_unshare_captured(struct defer *defer, uint32_t *uses)
{
    uint32_t *link = uses;
    while (*link) {
        if (defer->uses[*link].captured)
            unlink_use(defer, link);
        else
            link = &defer->uses[*link].next;
    }
}

/* False: the backend could not; another time. */
static bool record(struct defer *defer, struct use *use)
{
    if (use->event == 0 && !defer->held && use->queue != CALLERS &&
        defer->calls->record(defer->calls->user, defer->queues[use->queue].stream, &use->event) != GA_OK)
        use->event = 0;
    return use->event != 0 || use->queue == CALLERS;
}

/* The first use of a block's list goes to its queue. */
static struct use *enqueue(struct defer *defer, uint32_t *uses)
{
    uint32_t at = *uses;
    struct use *use = &defer->uses[at];
    struct defer_queue *queue = &defer->queues[use->queue];
    *uses = use->next;
    use->next = 0;
    use->order = defer->n_freed++;
    if (queue->last)
        defer->uses[queue->last].next = at;
    else
        queue->first = at;
    queue->last = at;
    defer->n_waiting++;
    return use;
}

uint32_t gai_defer_start(struct defer *defer, uint32_t *uses)
{
    uint32_t n = 0;
    for (; *uses; n++)
        record(defer, enqueue(defer, uses));
    return n;
}

uint32_t gai_defer_hold(struct defer *defer, uint32_t *uses, ga_stream *stream)
{
    uint32_t at = *uses;
    if (!at)
        return 0;
    struct use *use = enqueue(defer, uses);
    use->recording = true;
    *stream = defer->queues[use->queue].stream;
    return at;
}

void gai_defer_let(struct defer *defer, uint32_t use, ga_event event)
{
    defer->uses[use].event = event;
    defer->uses[use].recording = false;
}

bool gai_defer_spent(struct defer *defer, ga_event *event)
{
    uint32_t at = defer->spent;
    if (!at)
        return false;
    *event = defer->uses[at].event;
    defer->spent = defer->uses[at].next;
    defer->uses[at].next = defer->spare;
    defer->spare = at;
    return true;
}

static bool is_over(struct defer *defer, struct use *use)
{
    if (use->recording)
        return false;
    return use->over ||
           (!defer->held && record(defer, use) && (use->event == 0 || defer->calls->reached(defer->calls->user, use->event)));
}

/* It is in no queue, and nobody waits for it. */
static void clear_up(struct defer *defer, uint32_t at)
{
    struct use *use = &defer->uses[at];
    bool is_spent = defer->collects && use->event && use->queue != CALLERS;
    uint32_t *list = is_spent ? &defer->spent : &defer->spare;
    if (!is_spent)
        release(defer, use);
    use->gone = false;
    use->next = *list;
    *list = at;
}

/* Takes `at`, which comes after `prev` (0: the first), out of its queue; returns its block. */
static uint32_t drop(struct defer *defer, struct defer_queue *queue, uint32_t prev, uint32_t at)
{
    struct use *use = &defer->uses[at];
    uint32_t block = use->block;
    if (prev)
        defer->uses[prev].next = use->next;
    else
        queue->first = use->next;
    if (queue->last == at)
        queue->last = prev;
    defer->n_waiting--;
    use->gone = use->watchers != 0;
    if (!use->gone)
        clear_up(defer, at);
    return block;
}

uint32_t gai_defer_over(struct defer *defer, uint32_t *from)
{
    for (; *from < defer->n_queues; ++*from) {
        struct defer_queue *queue = &defer->queues[*from];
        uint32_t prev = 0;
        for (uint32_t at = queue->first; at; prev = at, at = defer->uses[at].next) {
            if (is_over(defer, &defer->uses[at]))
                return drop(defer, queue, prev, at);
            if (*from != CALLERS)
                break;
        }
    }
    return 0;
}

struct defer_walk gai_defer_walk(const struct defer *defer)
{
    return (struct defer_walk){ .queue = CALLERS + 1, .end = defer->n_queues };
}

struct defer_walk gai_defer_walk_stream(const struct defer *defer, ga_stream stream)
{
    uint32_t queue = find_queue(defer, stream);
    return (struct defer_walk){ .queue = queue, .end = queue < defer->n_queues ? queue + 1 : queue };
}

uint32_t gai_defer_next(const struct defer *defer, struct defer_walk *walk)
{
    for (; walk->queue < walk->end; walk->queue++, walk->at = 0) {
        uint32_t next = walk->at ? defer->uses[walk->at].next : defer->queues[walk->queue].first;
        if (!next)
            continue;
        walk->prev = walk->at;
        walk->at = next;
        return defer->uses[next].block;
    }
    return 0;
}

bool gai_defer_drop(struct defer *defer, struct defer_walk *walk)
{
    struct use *use = &defer->uses[walk->at];
    if (use->recording) {
        use->over = true;
        return false;
    }
    drop(defer, &defer->queues[walk->queue], walk->prev, walk->at);
    walk->at = walk->prev;
    return true;
}

void gai_defer_settle(struct defer *defer, uint64_t before)
{
    for (uint32_t q = 0; q < defer->n_queues; q++)
        for (uint32_t at = defer->queues[q].first; at && defer->uses[at].order < before; at = defer->uses[at].next)
            defer->uses[at].over = true;
}

uint32_t gai_defer_oldest(const struct defer *defer)
{
    uint32_t oldest = 0;
    for (uint32_t q = 0; q < defer->n_queues; q++) {
        uint32_t at = defer->queues[q].first;
        if (at && (!oldest || defer->uses[at].order < defer->uses[oldest].order))
            oldest = at;
    }
    return oldest;
}

ga_event gai_defer_watch(struct defer *defer, uint32_t use)
{
    defer->uses[use].watchers++;
    return defer->uses[use].event;
}

void gai_defer_unwatch(struct defer *defer, uint32_t use, bool reached)
{
    defer->uses[use].watchers--;
    defer->uses[use].over |= reached;
    if (defer->uses[use].gone && defer->uses[use].watchers == 0)
        clear_up(defer, use);
}

const char *gai_defer_check(const struct defer *defer)
{
    uint32_t n_waiting = 0, n_spare = 0;
    for (uint32_t q = 0; q < defer->n_queues; q++) {
        uint32_t last = 0;
        for (uint32_t at = defer->queues[q].first; at; last = at, at = defer->uses[at].next) {
            if (++n_waiting > defer->n_uses || defer->uses[at].queue != q)
                return "a use is in the wrong queue";
            if (last && defer->uses[at].order <= defer->uses[last].order)
                return "a queue is not in the order of freeing";
        }
        if (last != defer->queues[q].last)
            return "a queue does not end with its last use";
    }
    for (uint32_t at = defer->spare; at; at = defer->uses[at].next)
        if (++n_spare > defer->n_uses)
            return "the spare uses are in a ring";
    for (uint32_t at = defer->spent; at; at = defer->uses[at].next)
        if (++n_spare > defer->n_uses || !defer->uses[at].event)
            return "the spent uses are in a ring, or have no event";
    if (n_waiting != defer->n_waiting)
        return "the uses that wait are miscounted";
    return n_waiting + n_spare <= defer->n_uses ? NULL : "a use is in two lists";
}
