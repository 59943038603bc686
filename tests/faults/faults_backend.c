/*
 * Devices and what goes around one: a meter, a registry, a budget; the simulated one itself.
 */
#include "faults.h"

#include <criterion/criterion.h>
#include <string.h>

enum { BUFFERS = 40 };

static struct {
    ga_meter *meter;
    ga_registry *registry;
    ga_budget *budget;
    ga_budget_member *member, *other;
    ga_cache *cache; /* the other member's, so that there is somebody to trim */
    ga_sim *sim;     /* on the rig's memory */
    const struct ga_backend *backend;
    struct ga_buffer buffers[BUFFERS];
    int n_buffers;
    ga_event event;
} it;

static enum ga_status call_alloc(struct rig *rig)
{
    (void)rig;
    enum ga_status status = it.backend->alloc(it.backend->user, 4096, &it.buffers[it.n_buffers]);
    it.n_buffers += status == GA_OK;
    return status;
}

static void give_all(void)
{
    while (it.n_buffers > 0)
        it.backend->free(it.backend->user, &it.buffers[--it.n_buffers]);
}

static void look_at_meter(struct rig *rig)
{
    struct ga_meter_stats stats;
    ga_meter_stats(it.meter, &stats);
    say(rig, "%llu live, %llu peak, %llu buffers\n", (unsigned long long)stats.live, (unsigned long long)stats.peak,
        (unsigned long long)stats.buffers);
}

/* Bytes only: refusals are counted; and not the other's, who is trimmed for the one. */
static void look_at_budget(struct rig *rig)
{
    struct ga_budget_part parts[4];
    uint64_t peak;
    cr_assert_null(ga_budget_check(it.budget));
    uint32_t n = ga_budget_report(it.budget, parts, 4);
    cr_assert_leq(ga_budget_bytes(it.budget, &peak), 100 * MIB);
    say(rig, "%u members", n);
    for (uint32_t i = 0; i < n; i++)
        say(rig, ", %s %llu", parts[i].name, i == 1 ? 0 : (unsigned long long)parts[i].bytes);
}

static void look_at_sim(struct rig *rig)
{
    struct ga_sim_stats stats;
    struct ga_sim_entry log[8];
    ga_sim_stats(it.sim, &stats);
    say(rig, "%llu live, %llu buffers, %llu events, %llu ranges, %llu pins, %llu ns", (unsigned long long)stats.live,
        (unsigned long long)stats.buffers, (unsigned long long)stats.events, (unsigned long long)stats.ranges,
        (unsigned long long)stats.pins, (unsigned long long)ga_sim_now(it.sim));
    cr_assert_leq(ga_sim_log(it.sim, log, 8), 4);
    cr_assert_null(ga_sim_error(it.sim));
}

static void look(struct rig *rig)
{
    if (it.meter)
        look_at_meter(rig);
    if (it.budget)
        look_at_budget(rig);
    if (it.sim)
        look_at_sim(rig);
    for (int kind = 0; it.registry && kind < 32; kind++)
        say(rig, " %d", ga_registry_get(it.registry, kind) != NULL);
    say(rig, "; %d buffers", it.n_buffers);
    for (int i = 0; i < it.n_buffers; i++)
        say_address(rig, it.buffers[i].base, it.buffers[i].base);
}

static void drop(struct rig *rig)
{
    (void)rig;
    give_all();
    ga_meter_delete(it.meter);
    ga_registry_delete(it.registry);
    if (it.cache)
        ga_budget_reclaim(it.other, NULL);
    ga_cache_delete(it.cache);
    ga_budget_delete(it.budget);
    ga_sim_delete(it.sim);
    memset(&it, 0, sizeof it);
}

static enum ga_status call_meter(struct rig *rig)
{
    it.meter = ga_meter_new(&rig->env, rig->device);
    return made(rig, it.meter != NULL);
}

static void make_meter(struct rig *rig)
{
    cr_assert_eq(call_meter(rig), GA_OK);
    it.backend = ga_meter_backend(it.meter);
    cr_assert_eq(call_alloc(rig), GA_OK);
}

static enum ga_status call_quiet_meter(struct rig *rig)
{
    look_at_meter(rig);
    ga_meter_cap(it.meter, 100);
    cr_assert_eq(call_alloc(rig), GA_NO_SPACE);
    ga_meter_cap(it.meter, 0);
    ga_meter_fail_in(it.meter, 1);
    cr_assert_eq(call_alloc(rig), GA_NO_SPACE);
    give_all();
    ga_meter_delete(it.meter);
    it.meter = NULL;
    return GA_OK;
}

static enum ga_status call_registry(struct rig *rig)
{
    it.registry = ga_registry_new(&rig->env);
    return made(rig, it.registry != NULL);
}

static enum ga_status call_set(struct rig *rig)
{
    int kind = 0;
    while (ga_registry_get(it.registry, kind))
        kind++;
    return ga_registry_set(it.registry, kind, rig->device, 0);
}

static void make_registry(struct rig *rig)
{
    cr_assert_eq(call_registry(rig), GA_OK);
    cr_assert_eq(call_set(rig), GA_OK);
    fill_up(rig, call_set);
}

static enum ga_status call_quiet_registry(struct rig *rig)
{
    look(rig);
    ga_registry_delete(it.registry);
    it.registry = NULL;
    return GA_OK;
}

static enum ga_status call_budget(struct rig *rig)
{
    it.budget = ga_budget_new(&rig->env, 100 * MIB);
    return made(rig, it.budget != NULL);
}

static void make_empty_budget(struct rig *rig)
{
    cr_assert_eq(call_budget(rig), GA_OK);
}

static enum ga_status call_join(struct rig *rig)
{
    it.member = ga_budget_join(it.budget, "member", rig->device);
    return made(rig, it.member != NULL);
}

static void make_budget(struct rig *rig)
{
    make_empty_budget(rig);
    cr_assert_eq(call_join(rig), GA_OK);
    it.backend = ga_budget_backend(it.member);
    cr_assert_eq(call_alloc(rig), GA_OK);
}

/* The limit is met, and a cache has some idle memory. */
static void make_full_budget(struct rig *rig)
{
    struct ga_reclaim reclaim;
    ga_block block;
    make_budget(rig);
    it.other = ga_budget_join(it.budget, "cache", rig->device);
    it.cache = ga_cache_new(&rig->env, ga_budget_backend(it.other), NULL);
    ga_cache_reclaim(it.cache, &reclaim);
    ga_budget_reclaim(it.other, &reclaim);
    cr_assert_eq(ga_cache_alloc(it.cache, MIB, 0, &block, NULL), GA_OK);
    cr_assert_eq(ga_cache_free(it.cache, block), GA_OK);
    ga_budget_limit(it.budget, ga_budget_bytes(it.budget, NULL));
}

static enum ga_status call_write(struct rig *rig)
{
    return ga_budget_write(it.budget, &rig->sink);
}

static enum ga_status call_make_room(struct rig *rig)
{
    return made(rig, ga_budget_make_room(it.member, MIB));
}

static enum ga_status call_quiet_budget(struct rig *rig)
{
    look_at_budget(rig);
    ga_budget_limit(it.budget, 1);
    cr_assert_eq(call_alloc(rig), GA_NO_SPACE);
    ga_budget_reclaim(it.member, NULL);
    give_all();
    ga_budget_delete(it.budget);
    it.budget = NULL;
    return GA_OK;
}

static enum ga_status call_sim(struct rig *rig)
{
    it.sim = ga_sim_new(&rig->env, ga_backend_null(), &(struct ga_sim_opts){ .log = 4 });
    return made(rig, it.sim != NULL);
}

static void make_sim(struct rig *rig)
{
    cr_assert_eq(call_sim(rig), GA_OK);
    it.backend = ga_sim_backend(it.sim);
    ga_sim_current(it.sim, 1);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(call_alloc(rig), GA_OK);
    fill_up(rig, call_alloc);
}

static enum ga_status call_record(struct rig *rig)
{
    (void)rig;
    return it.backend->order->record(it.backend->order->user, 0, &it.event);
}

static void make_event(struct rig *rig)
{
    make_sim(rig);
    cr_assert_eq(ga_sim_work(it.sim, 0, it.buffers[0].base, 4096, 100), GA_OK);
    cr_assert_eq(call_record(rig), GA_OK);
}

static enum ga_status call_work(struct rig *rig)
{
    (void)rig;
    return ga_sim_work(it.sim, 2, it.buffers[1].base, 4096, 100);
}

static enum ga_status call_follow(struct rig *rig)
{
    (void)rig;
    return ga_sim_follow(it.sim, 3, it.event);
}

static enum ga_status call_pin(struct rig *rig)
{
    static char bytes[4096];
    (void)rig;
    return it.backend->pinned->pin(it.backend->pinned->user, bytes, sizeof bytes);
}

static enum ga_status call_reserve(struct rig *rig)
{
    void *base;
    (void)rig;
    return it.backend->vmem->reserve(it.backend->vmem->user, it.backend->vmem->granule, &base);
}

static enum ga_status call_copy(struct rig *rig)
{
    (void)rig;
    return it.backend->copy->copy(it.backend->copy->user, it.buffers[2].base, it.buffers[3].base, 100, 0);
}

static enum ga_status call_quiet_sim(struct rig *rig)
{
    look_at_sim(rig);
    ga_sim_advance(it.sim, 10);
    ga_sim_finish(it.sim, 0);
    ga_sim_capture(it.sim, 3, true);
    ga_sim_capture(it.sim, 3, false);
    ga_sim_fail(it.sim, &(struct ga_sim_fault){ .calls = 1u << GA_SIM_ALLOC, .nth = 1 });
    cr_assert_eq(call_alloc(rig), GA_NO_SPACE);
    give_all();
    ga_sim_delete(it.sim);
    it.sim = NULL;
    cr_assert(ga_backend_cpu()->alloc && ga_backend_null()->alloc);
    return GA_OK;
}

static const struct row rows[] = {
    { "ga_meter_new", ASKS_MEMORY, .call = call_meter },
    { "ga_meter_backend", CALL(GA_SIM_ALLOC), .make = make_meter, .call = call_alloc },
    { "ga_meter_stats ga_meter_cap ga_meter_fail_in ga_meter_delete", 0, .make = make_meter, .call = call_quiet_meter },
    { "ga_registry_new", ASKS_MEMORY, .call = call_registry },
    { "ga_registry_set", ASKS_MEMORY, .make = make_registry, .call = call_set },
    { "ga_registry_get ga_registry_delete", 0, .make = make_registry, .call = call_quiet_registry },
    { "ga_budget_new", ASKS_MEMORY, .call = call_budget },
    { "ga_budget_join", ASKS_MEMORY, .make = make_empty_budget, .call = call_join },
    { "ga_budget_backend", CALL(GA_SIM_ALLOC), .make = make_budget, .call = call_alloc },
    { "ga_budget_backend", CALL(GA_SIM_ALLOC) | CALL(GA_SIM_SYNC), .says = GA_NO_SPACE, .gives_back = true,
      .make = make_full_budget, .call = call_alloc },
    { "ga_budget_make_room", CALL(GA_SIM_SYNC), .gives_back = true, .make = make_full_budget, .call = call_make_room },
    { "ga_budget_write", ASKS_SINK, .make = make_budget, .call = call_write },
    { "ga_budget_check ga_budget_report ga_budget_bytes ga_budget_limit ga_budget_reclaim ga_budget_delete", 0, .make = make_budget,
      .call = call_quiet_budget },
    { "ga_sim_new", ASKS_MEMORY, .call = call_sim },
    { "ga_sim_backend", ASKS_MEMORY, .keeps = true, .make = make_sim, .call = call_alloc },
    { "ga_sim_backend", ASKS_MEMORY, .keeps = true, .make = make_sim, .call = call_record },
    { "ga_sim_backend", ASKS_MEMORY, .keeps = true, .make = make_sim, .call = call_pin },
    { "ga_sim_backend", ASKS_MEMORY, .keeps = true, .make = make_sim, .call = call_reserve },
    { "ga_sim_backend", ASKS_MEMORY, .keeps = true, .make = make_sim, .call = call_copy },
    { "ga_sim_work", ASKS_MEMORY, .keeps = true, .make = make_event, .call = call_work },
    { "ga_sim_follow", ASKS_MEMORY, .keeps = true, .make = make_event, .call = call_follow },
    { "ga_sim_stats ga_sim_now ga_sim_log ga_sim_error ga_sim_advance ga_sim_finish ga_sim_capture ga_sim_current ga_sim_fail "
      "ga_sim_delete ga_backend_cpu ga_backend_null",
      0, .make = make_event, .call = call_quiet_sim },
};

const struct area faults_backend = {
    "devices", rows, sizeof rows / sizeof *rows, false, look, drop,
};
