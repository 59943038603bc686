/*
 * A budget beside a slow one: members with lists of what they hold and what they keep idle, devices with a sum of what is taken,
 * and who gives back for whom found by going through all of them.  Devices fail now and then, the limit moves, members boast of
 * memory that they do not have.
 */
#include "ggml_alloc/budget.h"
#include "ggml_alloc/sim.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/rng.h"

#define KIB ((uint64_t)1 << 10)
#define GRANULE (64 * KIB)

enum { DEVICES = 2, MEMBERS = 5, HELD = 64, PIECES = 16 };
enum kind { PLAIN, PINNED, SHARED };

struct held {
    struct ga_buffer buffer; /* the real one */
    enum kind kind;
    uint64_t size;
};

struct device {
    ga_sim *sim;
    uint64_t capacity[2], taken[2]; /* of its own memory, of page-locked memory */
    enum ga_status fault;           /* of the next call; GA_OK: none */
};

struct member {
    struct device *device;
    ga_budget_member *real;
    struct held live[HELD], idle[HELD]; /* as both see it */
    int n_live, n_idle;
    uint64_t boast;
    bool reclaims;
    void *range;
    bool mapped[PIECES];
    uint64_t bytes, peak, refusals; /* as the slow one says */
};

static struct device devices[DEVICES];
static struct member members[MEMBERS];
static ga_budget *budget;
static uint64_t limit, bytes, peak;

static int place_of(enum kind kind)
{
    return kind == PINNED;
}

static void remove_at(struct held *list, int *n, int at)
{
    memmove(&list[at], &list[at + 1], (size_t)(--*n - at) * sizeof *list);
}

/* --- what the budget calls; the slow one has decided before, so that the lists are what it left --- */

static void put(struct member *member, struct held *held)
{
    const struct ga_backend *backend = ga_budget_backend(member->real);
    if (held->kind == PINNED)
        backend->pinned->free(backend->pinned->user, &held->buffer);
    else
        backend->free(backend->user, &held->buffer);
}

static uint64_t real_idle[MEMBERS]; /* of what was not given back yet, for the real one alone */
static struct held real_list[MEMBERS][HELD];
static int n_real_list[MEMBERS];

static uint64_t toy_idle(void *user)
{
    struct member *member = user;
    return real_idle[member - members] + member->boast;
}

/* The oldest first. */
static void toy_give_back(void *user, uint64_t wanted)
{
    struct member *member = user;
    int i = (int)(member - members);
    for (uint64_t given = 0; given < wanted && n_real_list[i];) {
        struct held held = real_list[i][0];
        remove_at(real_list[i], &n_real_list[i], 0);
        given += held.size;
        real_idle[i] -= held.size;
        put(member, &held);
    }
}

/* --- the slow one --- */

static uint64_t slow_idle(const struct member *member)
{
    uint64_t sum = member->boast;
    for (int i = 0; i < member->n_idle; i++)
        sum += member->idle[i].size;
    return member->reclaims ? sum : 0;
}

static void slow_count(struct member *member, struct device *device, enum kind kind, uint64_t size)
{
    device->taken[place_of(kind)] += size;
    member->bytes += size;
    bytes += size;
    member->peak = member->bytes > member->peak ? member->bytes : member->peak;
    peak = bytes > peak ? bytes : peak;
}

static void slow_uncount(struct member *member, enum kind kind, uint64_t size)
{
    member->device->taken[place_of(kind)] -= size;
    member->bytes -= size;
    bytes -= size;
}

/* False: nobody is left.  `gained` when something came back. */
static bool slow_ask(const struct member *asker, bool same_device, uint64_t wanted, bool *spent, bool *gained)
{
    struct member *found = NULL;
    for (int i = 0; i < MEMBERS; i++) {
        struct member *member = &members[i];
        bool helps = member != asker && !spent[i] && (!same_device || member->device == asker->device);
        if (helps && slow_idle(member) > (found ? slow_idle(found) : 0))
            found = member;
    }
    if (!found)
        return false;
    uint64_t most = slow_idle(found), given = 0;
    wanted = wanted < most ? wanted : most;
    while (given < wanted && found->n_idle) {
        given += found->idle[0].size;
        slow_uncount(found, found->idle[0].kind, found->idle[0].size);
        remove_at(found->idle, &found->n_idle, 0);
    }
    spent[found - members] = given == 0;
    *gained |= given > 0;
    return true;
}

static bool slow_room(const struct member *asker, uint64_t size, bool *gained)
{
    bool spent[MEMBERS] = { false };
    while (size > limit || bytes > limit - size)
        if (size > limit || !slow_ask(asker, false, bytes - (limit - size), spent, gained))
            return false;
    return true;
}

static enum ga_status slow_device(struct device *device, enum kind kind, uint64_t size)
{
    enum ga_status fault = device->fault;
    int place = place_of(kind);
    device->fault = GA_OK;
    if (fault != GA_OK)
        return fault;
    return size > device->capacity[place] - device->taken[place] ? GA_NO_SPACE : GA_OK;
}

static enum ga_status slow_take(struct member *member, enum kind kind, uint64_t size)
{
    bool spent[MEMBERS] = { false }, gained = false;
    struct device *device = member->device;
    if (!slow_room(member, size, &gained)) {
        member->refusals++;
        return GA_NO_SPACE;
    }
    enum ga_status status;
    for (;;) {
        status = slow_device(device, kind, size);
        uint64_t room = device->capacity[0] - device->taken[0];
        uint64_t lacks = kind != PINNED && room < size ? size - room : size;
        if (status != GA_NO_SPACE || !slow_ask(member, true, lacks, spent, &gained))
            break;
    }
    if (status == GA_OK)
        slow_count(member, device, kind, size);
    member->refusals += status == GA_NO_SPACE;
    return status;
}

/* --- both --- */

static void do_alloc(struct rng *rng, struct member *member)
{
    const struct ga_backend *backend = ga_budget_backend(member->real);
    uint64_t size = 1 + rng_below(rng, rng_below(rng, 8) ? 100 * KIB : 1200 * KIB);
    size = rng_below(rng, 2) ? size : 50 * KIB; /* so that some have equally much */
    enum kind kind = (enum kind)rng_below(rng, 3);
    struct held held = { .kind = kind, .size = size };
    enum ga_status expected = slow_take(member, kind, size), status;
    if (kind == PINNED)
        status = backend->pinned->alloc(backend->pinned->user, (size_t)size, &held.buffer);
    else if (kind == SHARED)
        status = backend->share->alloc(backend->share->user, (size_t)size, GA_MEMORY_SHARED, &held.buffer);
    else
        status = backend->alloc(backend->user, (size_t)size, &held.buffer);
    cr_assert_eq(status, expected, "%s, not %s", ga_status_str(status), ga_status_str(expected));
    if (status == GA_OK)
        member->live[member->n_live++] = held;
}

/* Given back, or kept for the next who asks. */
static void do_free(struct rng *rng, struct member *member)
{
    int i = (int)(member - members), at = (int)rng_below(rng, (uint64_t)member->n_live);
    struct held held = member->live[at];
    remove_at(member->live, &member->n_live, at);
    if (rng_below(rng, 4) && member->n_idle < HELD) {
        member->idle[member->n_idle++] = held;
        real_list[i][n_real_list[i]++] = held;
        real_idle[i] += held.size;
        return;
    }
    slow_uncount(member, held.kind, held.size);
    put(member, &held);
}

static void do_reclaim(struct rng *rng, struct member *member)
{
    struct ga_reclaim reclaim = { toy_idle, toy_give_back, member };
    member->reclaims = rng_below(rng, 4) != 0;
    member->boast = rng_below(rng, 4) ? 0 : rng_below(rng, 300 * KIB);
    ga_budget_reclaim(member->real, member->reclaims ? &reclaim : NULL);
}

static void do_limit(struct rng *rng)
{
    limit = rng_below(rng, 6) ? 500 * KIB + rng_below(rng, 4000 * KIB) : 0;
    ga_budget_limit(budget, limit);
    limit = limit ? limit : UINT64_MAX;
}

/* Nobody is asked. */
static void do_map(struct rng *rng, struct member *member)
{
    const struct ga_backend_vmem *calls = ga_budget_backend(member->real)->vmem;
    size_t at = (size_t)rng_below(rng, PIECES), offset = at * GRANULE;
    if (member->mapped[at]) {
        calls->unmap(calls->user, member->range, offset, GRANULE);
        slow_uncount(member, PLAIN, GRANULE);
        member->mapped[at] = false;
        return;
    }
    bool has_room = GRANULE <= limit && bytes <= limit - GRANULE;
    enum ga_status expected = has_room ? slow_device(member->device, PLAIN, GRANULE) : GA_NO_SPACE;
    cr_assert_eq(calls->map(calls->user, member->range, offset, GRANULE), expected);
    member->refusals += expected == GA_NO_SPACE;
    member->mapped[at] = expected == GA_OK;
    if (expected == GA_OK)
        slow_count(member, member->device, PLAIN, GRANULE);
}

static void do_room(struct rng *rng, struct member *member)
{
    bool gained = false;
    uint64_t size = rng_below(rng, 2000 * KIB);
    bool expected = slow_room(member, size, &gained) || gained;
    cr_assert_eq(ga_budget_make_room(member->real, size), expected);
}

static void do_fault(struct rng *rng)
{
    struct device *device = &devices[rng_below(rng, DEVICES)];
    device->fault = rng_below(rng, 2) ? GA_NO_SPACE : GA_NO_MEMORY;
    uint32_t calls = 1u << GA_SIM_ALLOC | 1u << GA_SIM_PINNED_ALLOC | 1u << GA_SIM_MAP;
    ga_sim_fail(device->sim, &(struct ga_sim_fault){ .calls = calls, .nth = 1, .status = device->fault });
}

static void same_info(const struct member *member)
{
    const struct ga_backend *backend = ga_budget_backend(member->real);
    uint64_t free_bytes, total;
    uint64_t room = limit > bytes ? limit - bytes : 0, device = member->device->capacity[0] - member->device->taken[0];
    cr_assert(backend->info(backend->user, &free_bytes, &total));
    cr_assert_eq(free_bytes, room < device ? room : device);
    cr_assert_eq(total, limit < member->device->capacity[0] ? limit : member->device->capacity[0]);
}

static void same(void)
{
    struct ga_budget_part parts[MEMBERS];
    uint64_t most;
    cr_assert_eq(ga_budget_report(budget, parts, MEMBERS), (uint32_t)MEMBERS);
    for (int i = 0; i < MEMBERS; i++) {
        cr_assert_eq(parts[i].bytes, members[i].bytes);
        cr_assert_eq(parts[i].peak, members[i].peak);
        cr_assert_eq(parts[i].refusals, members[i].refusals);
        cr_assert_eq(parts[i].idle, slow_idle(&members[i]));
        cr_assert_eq(n_real_list[i], members[i].n_idle);
        same_info(&members[i]);
    }
    cr_assert_eq(ga_budget_bytes(budget, &most), bytes);
    cr_assert_eq(most, peak);
    const char *broken = ga_budget_check(budget);
    cr_assert_null(broken, "%s", broken);
    for (int i = 0; i < DEVICES; i++) {
        struct ga_sim_stats stats;
        ga_sim_stats(devices[i].sim, &stats);
        cr_assert_eq(stats.live, devices[i].taken[0]);
        cr_assert_eq(stats.pinned, devices[i].taken[1]);
        cr_assert_null(ga_sim_error(devices[i].sim), "%s", ga_sim_error(devices[i].sim));
    }
}

static void open_all(struct rng *rng)
{
    memset(members, 0, sizeof members);
    memset(n_real_list, 0, sizeof n_real_list);
    memset(real_idle, 0, sizeof real_idle);
    limit = 2000 * KIB;
    bytes = peak = 0;
    cr_assert_not_null(budget = ga_budget_new(NULL, limit));
    for (int i = 0; i < DEVICES; i++) {
        devices[i] = (struct device){ .capacity = { 1500 * KIB + rng_below(rng, 2000 * KIB), 800 * KIB } };
        struct ga_sim_opts opts = { .capacity = devices[i].capacity[0], .pinned_capacity = devices[i].capacity[1] };
        cr_assert_not_null(devices[i].sim = ga_sim_new(NULL, ga_backend_null(), &opts));
    }
    for (int i = 0; i < MEMBERS; i++) {
        members[i].device = &devices[i % DEVICES];
        members[i].real = ga_budget_join(budget, "toy", ga_sim_backend(members[i].device->sim));
        const struct ga_backend_vmem *calls = ga_budget_backend(members[i].real)->vmem;
        cr_assert_eq(calls->granule, GRANULE);
        cr_assert_eq(calls->reserve(calls->user, PIECES * GRANULE, &members[i].range), GA_OK);
        do_reclaim(rng, &members[i]);
    }
}

static void close_all(void)
{
    for (int i = 0; i < MEMBERS; i++) {
        struct member *member = &members[i];
        const struct ga_backend_vmem *calls = ga_budget_backend(member->real)->vmem;
        ga_budget_reclaim(member->real, NULL);
        for (int k = 0; k < member->n_live; k++)
            put(member, &member->live[k]);
        for (int k = 0; k < n_real_list[i]; k++)
            put(member, &real_list[i][k]);
        for (size_t k = 0; k < PIECES; k++)
            if (member->mapped[k])
                calls->unmap(calls->user, member->range, k * GRANULE, GRANULE);
        calls->release(calls->user, member->range, PIECES * GRANULE);
    }
    cr_assert_eq(ga_budget_bytes(budget, NULL), 0u);
    cr_assert_null(ga_budget_check(budget));
    ga_budget_delete(budget);
    for (int i = 0; i < DEVICES; i++)
        ga_sim_delete(devices[i].sim);
}

static void play(uint64_t seed, int n_ops)
{
    struct rng rng = { seed };
    open_all(&rng);
    for (int op = 0; op < n_ops; op++) {
        struct member *member = &members[rng_below(&rng, MEMBERS)];
        uint64_t what = rng_below(&rng, 100);
        if (what < 45 && member->n_live < HELD)
            do_alloc(&rng, member);
        else if (what < 85 && member->n_live)
            do_free(&rng, member);
        else if (what < 92)
            do_map(&rng, member);
        else if (what < 94)
            do_room(&rng, member);
        else if (what < 96)
            do_reclaim(&rng, member);
        else if (what < 98)
            do_fault(&rng);
        else if (what < 99)
            do_limit(&rng);
        same();
    }
    close_all();
}

Test(budget, does_what_a_slow_one_does)
{
    for (uint64_t seed = 1; seed <= 200; seed++)
        play(seed, 1500);
}
