/*
 * test_addrs.c - addresses and their blocks, beside an array
 */
#include "cache/addrs.h"

#include "base/rng.h"
#include "support.h"

#include <criterion/criterion.h>

enum { KEYS = 400 };

static struct test_mem hook;
static struct ga_env env;
static struct addrs addrs;

static void start(void)
{
    hook = (struct test_mem){ 0 };
    env = test_env(&hook);
    addrs = (struct addrs){ 0 };
}

static void finish(void)
{
    gai_addrs_fini(&addrs, &env.mem);
    cr_assert(!hook.lied && hook.blocks == 0);
}

TestSuite(addrs, .init = start, .fini = finish);

static uintptr_t key_of(uint32_t i, uint64_t spread)
{
    return (uintptr_t)(4096 + i * spread);
}

/* Every key of the array is found, every other is not, and a third of the table is empty. */
static void compare(const bool *is_in, uint64_t spread)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        cr_assert_eq(gai_addrs_find(&addrs, key_of(i, spread)), is_in[i] ? i + 1 : 0, "key %u", i);
        n += is_in[i];
    }
    cr_assert_eq(addrs.len, n);
    cr_assert(addrs.bits == 0 || (uint64_t)addrs.most * 3 <= (uint64_t)2 << addrs.bits);
}

Test(addrs, agree_with_an_array)
{
    static const uint64_t spreads[] = { 1, 64, 512, 4096, 2097152 };
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct rng rng = { seed };
        bool is_in[KEYS] = { false };
        uint64_t spread = spreads[seed % 5];
        for (int step = 0; step < 1500; step++) {
            uint32_t i = (uint32_t)rng_below(&rng, step < 750 ? KEYS : 30 + seed);
            if (is_in[i]) {
                gai_addrs_remove(&addrs, key_of(i, spread));
            } else {
                cr_assert(addrs_room(&addrs, &env.mem, addrs.len + (uint64_t)1));
                gai_addrs_add(&addrs, key_of(i, spread), i + 1);
            }
            is_in[i] = !is_in[i];
            if (step % 10 == 0)
                compare(is_in, spread);
        }
        gai_addrs_fini(&addrs, &env.mem);
    }
}

/* Addresses come at equal distances; what is found is found after a few looks. */
Test(addrs, lie_apart_in_their_table)
{
    static const uint64_t spreads[] = { 1, 64, 512, 4096, 1024 * 513, 2097152, (uint64_t)1 << 22 };
    for (size_t s = 0; s < sizeof spreads / sizeof *spreads; s++) {
        cr_assert(addrs_room(&addrs, &env.mem, KEYS));
        for (uint32_t i = 0; i < KEYS; i++)
            gai_addrs_add(&addrs, key_of(i, spreads[s]), i + 1);
        unsigned longest = 0, run = 0;
        for (uint32_t at = 0; at < (uint32_t)1 << addrs.bits; at++) {
            run = addrs.table[at].slot ? run + 1 : 0;
            longest = run > longest ? run : longest;
        }
        cr_assert_leq(longest, 24, "%u addresses lie side by side when they are %u apart", longest, (unsigned)spreads[s]);
        gai_addrs_fini(&addrs, &env.mem);
    }
}

Test(addrs, find_nothing_in_what_is_empty)
{
    cr_assert_eq(gai_addrs_find(&addrs, 4096), 0);
    cr_assert(addrs_room(&addrs, &env.mem, 1));
    cr_assert_eq(gai_addrs_find(&addrs, 4096), 0);
}

Test(addrs, ask_for_no_memory_within_their_room)
{
    for (uint64_t n = 1; n < 2000; n = n * 5 / 4 + 1) {
        cr_assert(addrs_room(&addrs, &env.mem, n));
        cr_assert(addrs.most >= n && (uint64_t)addrs.most * 3 <= (uint64_t)2 << addrs.bits);
        cr_assert(addrs.bits == 6 || n * 2 >= addrs.most, "more than twice as many places as needed");
        uint64_t requests = hook.requests;
        cr_assert(addrs_room(&addrs, &env.mem, addrs.most));
        cr_assert_eq(hook.requests, requests);
        gai_addrs_fini(&addrs, &env.mem);
    }
}

Test(addrs, are_as_before_when_there_is_no_memory_for_more)
{
    cr_assert(addrs_room(&addrs, &env.mem, 40));
    for (uint32_t i = 0; i < 40; i++)
        gai_addrs_add(&addrs, key_of(i, 512), i + 1);
    hook.fail_at = hook.requests + 1;
    cr_assert_not(addrs_room(&addrs, &env.mem, 100));
    uint64_t requests = hook.requests;
    for (uint64_t n = (uint64_t)2 << 30; n < (uint64_t)1 << 40; n <<= 1)
        cr_assert_not(addrs_room(&addrs, &env.mem, n), "more than there are numbers");
    cr_assert_eq(hook.requests, requests);
    for (uint32_t i = 0; i < 40; i++)
        cr_assert_eq(gai_addrs_find(&addrs, key_of(i, 512)), i + 1);
    cr_assert(addrs_room(&addrs, &env.mem, 100));
    for (uint32_t i = 0; i < 40; i++)
        cr_assert_eq(gai_addrs_find(&addrs, key_of(i, 512)), i + 1);
}
