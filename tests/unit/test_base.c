#include "base/array.h"
#include "base/bits.h"
#include "base/hashset.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/text.h"
#include "support.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Test(base, status_has_words_for_every_number)
{
    for (int status = GA_OK; status <= GA_UNSUPPORTED; status++) {
        cr_assert_str_not_empty(ga_status_str((enum ga_status)status));
        for (int other = GA_OK; other < status; other++)
            cr_assert_str_neq(ga_status_str((enum ga_status)status), ga_status_str((enum ga_status)other));
    }
    cr_assert_str_eq(ga_status_str((enum ga_status)(GA_UNSUPPORTED + 1)), "unknown status");
    cr_assert_str_eq(ga_status_str((enum ga_status) - 1), "unknown status");
    cr_assert_eq(ga_version(), GA_VERSION_MAJOR << 16 | GA_VERSION_MINOR << 8 | GA_VERSION_PATCH);
}

Test(mem, refuses_counts_that_overflow)
{
    struct test_mem hook = { 0 };
    struct ga_env env = test_env(&hook);
    static const size_t elems[] = { 2, 3, 8, 4096, SIZE_MAX };
    for (size_t i = 0; i < sizeof elems / sizeof *elems; i++) {
        size_t too_many = SIZE_MAX / elems[i] + 1;
        cr_assert_null(gai_mem_alloc(&env.mem, too_many, elems[i]));
        cr_assert_null(gai_mem_zalloc(&env.mem, too_many, elems[i]));
        cr_assert_null(gai_mem_resize(&env.mem, NULL, 0, too_many, elems[i]));
    }
    cr_assert_eq(hook.requests, 0);
}

Test(mem, tells_the_hook_the_size_last_asked_for)
{
    struct test_mem hook = { 0 };
    struct ga_env env = test_env(&hook);
    uint32_t *a = mem_new(&env.mem, uint32_t, 10);
    for (int i = 0; i < 10; i++)
        cr_assert_eq(a[i], 0);
    a[9] = 7;
    cr_assert_eq(hook.live, 40);
    uint32_t *b = gai_mem_resize(&env.mem, a, 10, 1000, sizeof *a);
    cr_assert_eq(b[9], 7);
    cr_assert_eq(hook.live, 4000);
    uint32_t *none = mem_new_raw(&env.mem, uint32_t, 0);
    cr_assert_not_null(none);
    cr_assert_eq(hook.blocks, 2);
    mem_free(&env.mem, b, 1000);
    mem_free(&env.mem, none, 0);
    mem_free(&env.mem, (uint32_t *)NULL, 5);
    cr_assert(hook.live == 0 && hook.blocks == 0 && !hook.lied);
}

Test(mem, leaves_the_old_block_when_growing_fails)
{
    struct test_mem hook = { .fail_at = 2 };
    struct ga_env env = test_env(&hook);
    char *text = mem_new_raw(&env.mem, char, 4);
    memcpy(text, "old", 4);
    cr_assert_null(gai_mem_resize(&env.mem, text, 4, 400, 1));
    cr_assert_str_eq(text, "old");
    mem_free(&env.mem, text, 4);
    cr_assert(hook.blocks == 0 && !hook.lied);
}

static void hear(void *user, enum ga_level level, const char *text)
{
    (void)level;
    snprintf(user, 600, "%s", text);
}

Test(mem, completes_an_environment)
{
    struct ga_env env = gai_env(NULL);
    void *ptr = gai_mem_alloc(&env.mem, 3, 5);
    cr_assert_not_null(ptr);
    ptr = gai_mem_resize(&env.mem, ptr, 3, 300, 5);
    cr_assert_not_null(ptr);
    gai_mem_free(&env.mem, ptr, 300, 5);
    gai_log(&env, GA_ERROR, "nobody listens to %d", 1);

    char heard[600] = "";
    env = gai_env(&(struct ga_env){ .log = { .write = hear, .user = heard } });
    cr_assert(env.mem.resize != NULL);
    gai_log(&env, GA_INFO, "%d buffers", 3);
    cr_assert_str_eq(heard, "3 buffers");
    char longest[700];
    memset(longest, 'x', sizeof longest);
    longest[699] = 0;
    gai_log(&env, GA_INFO, "%s", longest);
    cr_assert_eq(strlen(heard), 511);
}

Test(base, says_why_only_where_it_is_asked)
{
    char why[8] = "kept";
    gai_say(NULL, 8, "nobody asked");
    gai_say(why, 0, "no room");
    cr_assert_str_eq(why, "kept");
    gai_say(why, sizeof why, "node %d is wrong", 7);
    cr_assert_str_eq(why, "node 7 ");
}

Test(array, grows_and_keeps_what_it_held)
{
    struct test_mem hook = { 0 };
    struct ga_env env = test_env(&hook);
    uint64_t *at = NULL;
    uint32_t n = 0, cap = 0;
    for (; n < 100000; n++) {
        cr_assert(array_room(&env.mem, &at, &cap, n + 1u));
        cr_assert_gt(cap, n);
        at[n] = n * (uint64_t)n;
    }
    for (uint32_t i = 0; i < n; i++)
        cr_assert_eq(at[i], i * (uint64_t)i);
    cr_assert_lt(hook.requests, 40, "appending is O(1) in the mean");
    mem_free(&env.mem, at, cap);
    cr_assert(hook.blocks == 0 && !hook.lied);
}

Test(array, is_as_before_when_it_cannot_grow)
{
    struct test_mem hook = { .fail_at = 2 };
    struct ga_env env = test_env(&hook);
    uint16_t *at = NULL;
    uint32_t cap = 0;
    cr_assert(gai_array_exact(&env.mem, &at, sizeof *at, &cap, 5));
    cr_assert_eq(cap, 5);
    uint16_t *before = at;
    cr_assert(!array_room(&env.mem, &at, &cap, 6u));
    cr_assert(!gai_array_room(&env.mem, &at, sizeof *at, &cap, (uint64_t)UINT32_MAX + 1));
    cr_assert(!gai_array_exact(&env.mem, &at, SIZE_MAX / 4, &cap, 6));
    cr_assert(at == before && cap == 5 && hook.requests == 2);
    cr_assert(gai_array_exact(&env.mem, &at, sizeof *at, &cap, 3), "less than there is");
    cr_assert_eq(cap, 5);
    mem_free(&env.mem, at, cap);
    cr_assert_eq(hook.blocks, 0);
}

Test(bits, arithmetic_does_not_wrap)
{
    cr_assert(!is_pow2(0) && is_pow2(1) && !is_pow2(3) && is_pow2((uint64_t)1 << 63) && !is_pow2(UINT64_MAX));
    for (unsigned i = 0; i < 64; i++) {
        uint64_t bit = (uint64_t)1 << i;
        cr_assert(low_bit(bit) == i && high_bit(bit) == i);
        cr_assert(low_bit(UINT64_MAX << i) == i && high_bit(UINT64_MAX >> i) == 63 - i);
        cr_assert_eq(align_up(bit, bit), bit);
        cr_assert_eq(align_up(1, bit), bit);
    }
    cr_assert_eq(align_up(0, 64), 0);
    cr_assert_eq(align_up(65, 64), 128);
    cr_assert(align_fits(UINT64_MAX - 63, 64) && !align_fits(UINT64_MAX - 62, 64) && align_fits(UINT64_MAX, 1));
    uint64_t sum;
    cr_assert(add_fits(UINT64_MAX - 1, 1, &sum) && sum == UINT64_MAX);
    cr_assert(!add_fits(UINT64_MAX, 1, &sum) && !add_fits(UINT64_MAX, UINT64_MAX, &sum));
    cr_assert(add_sat(UINT64_MAX, 1) == UINT64_MAX && add_sat(3, 4) == 7);
    cr_assert(min_u64(3, 4) == 3 && max_u64(3, 4) == 4 && min_u64(4, 3) == 3 && max_u64(4, 3) == 4);
}

Test(rng, gives_the_same_numbers_everywhere)
{
    struct rng rng = { 0 };
    cr_assert_eq(rng_next(&rng), 0xe220a8397b1dcdafu); /* of the published splitmix64 */
    cr_assert_eq(rng_next(&rng), 0x6e789e6aa1b965f4u);
    unsigned counts[7] = { 0 };
    for (int i = 0; i < 70000; i++)
        counts[rng_below(&rng, 7)]++;
    for (int i = 0; i < 7; i++)
        cr_assert(counts[i] > 9500 && counts[i] < 10500);
}

/* A set of pointers as slow as can be: an array. */
struct slow_set {
    const void *keys[3000];
    uint32_t n;
};

static uint32_t slow_find(const struct slow_set *slow, const void *key)
{
    for (uint32_t i = 1; i <= slow->n; i++)
        if (slow->keys[i] == key)
            return i;
    return 0;
}

/* The set never reads through its keys, so any number is one. */
static const void *key_of(uint64_t number)
{
    uintptr_t bits = (uintptr_t)number;
    const void *key;
    memcpy(&key, &bits, sizeof key);
    return key;
}

/* Keys of one run: neighbours in memory, pages apart, few that come again and again, or all with the same home. */
static const void *draw_key(struct rng *rng, unsigned style)
{
    uint64_t i = rng_below(rng, 4000);
    switch (style) {
    case 0:
        return key_of(0x10000 + 8 * i);
    case 1:
        return key_of(4096 * (i + 1));
    case 2:
        return key_of(1 + i % 20);
    default: /* the multiplier's inverse makes the product small: home 0 until the set is huge */
        return key_of((i + 1) * 0xf1de83e19937733du);
    }
}

Test(hashset, agrees_with_an_array)
{
    static struct slow_set slow;
    struct test_mem hook = { 0 };
    struct ga_env env = test_env(&hook);
    for (unsigned seed = 0; seed < 40; seed++) {
        struct rng rng = { seed };
        struct hashset set = { 0 };
        for (int round = 0; round < 2; round++) {
            slow.n = 0;
            for (int i = 0; i < 400; i++) {
                const void *key = draw_key(&rng, seed % 4);
                uint32_t known = slow_find(&slow, key);
                cr_assert_eq(hashset_find(&set, slow.keys, key), known);
                cr_assert(gai_hashset_room(&set, &env.mem, slow.keys, slow.n + 1));
                slow.keys[slow.n + 1] = key;
                cr_assert_eq(hashset_insert(&set, slow.keys, slow.n + 1), known);
                slow.n += known == 0;
                cr_assert_eq(set.len, slow.n);
                if (i % 20 == 0)
                    cr_assert_null(gai_hashset_check(&set, slow.keys));
            }
            for (uint32_t i = 1; i <= slow.n; i++)
                cr_assert_eq(hashset_find(&set, slow.keys, slow.keys[i]), i);
            gai_hashset_clear(&set);
            cr_assert_null(gai_hashset_check(&set, slow.keys));
            for (uint32_t i = 1; i <= slow.n; i++)
                cr_assert_eq(hashset_find(&set, slow.keys, slow.keys[i]), 0);
        }
        gai_hashset_fini(&set, &env.mem);
    }
    cr_assert(hook.blocks == 0 && !hook.lied);
}

Test(hashset, finds_the_others_when_one_is_removed)
{
    static struct slow_set slow;
    struct test_mem hook = { 0 };
    struct ga_env env = test_env(&hook);
    for (unsigned seed = 0; seed < 40; seed++) {
        struct rng rng = { seed };
        struct hashset set = { 0 };
        slow.n = 0;
        for (int i = 0; i < 600; i++) {
            const void *key = draw_key(&rng, seed % 4);
            uint32_t known = slow_find(&slow, key);
            cr_assert_eq(hashset_find(&set, slow.keys, key), known);
            if (known) {
                gai_hashset_remove(&set, slow.keys, known);
                slow.keys[known] = &slow.keys[known]; /* a key that is never drawn */
            } else {
                cr_assert(gai_hashset_room(&set, &env.mem, slow.keys, set.len + 1));
                slow.keys[++slow.n] = key;
                cr_assert_eq(hashset_insert(&set, slow.keys, slow.n), 0);
            }
            cr_assert_null(gai_hashset_check(&set, slow.keys));
        }
        gai_hashset_fini(&set, &env.mem);
    }
    cr_assert(hook.blocks == 0 && !hook.lied);
}

Test(hashset, asks_for_no_memory_within_its_room)
{
    enum { N = 1000 };
    static const void *keys[N + 1];
    static char bytes[N + 1];
    struct test_mem hook = { 0 };
    struct ga_env env = test_env(&hook);
    struct hashset set = { 0 };
    cr_assert_eq(hashset_find(&set, keys, &set), 0);
    gai_hashset_clear(&set);
    cr_assert_null(gai_hashset_check(&set, keys));
    cr_assert(gai_hashset_room(&set, &env.mem, keys, N));
    for (uint32_t id = 1; id <= N; id++) {
        keys[id] = &bytes[id];
        cr_assert(gai_hashset_room(&set, &env.mem, keys, id));
        cr_assert_eq(hashset_insert(&set, keys, id), 0);
    }
    cr_assert_eq(hook.requests, 1);
    cr_assert_null(gai_hashset_check(&set, keys));
    cr_assert_eq(hashset_find(&set, keys, &set), 0, "a stranger ends at an empty slot also when it is full");
    gai_hashset_fini(&set, &env.mem);
    cr_assert_eq(hook.blocks, 0);
}

Test(hashset, is_as_before_when_memory_runs_out)
{
    static const void *keys[40];
    struct test_mem hook = { .fail_at = 2 };
    struct ga_env env = test_env(&hook);
    struct hashset set = { 0 };
    uint32_t id = 1;
    for (; id < 40; id++) {
        keys[id] = &keys[id];
        if (!gai_hashset_room(&set, &env.mem, keys, id))
            break;
        cr_assert_eq(hashset_insert(&set, keys, id), 0);
    }
    cr_assert_lt(id, 40);
    cr_assert_null(gai_hashset_check(&set, keys));
    cr_assert_eq(hashset_find(&set, keys, keys[id - 1]), id - 1);
    cr_assert(!gai_hashset_room(&set, &env.mem, keys, UINT64_MAX / 2));
    gai_hashset_fini(&set, &env.mem);
    cr_assert(hook.blocks == 0 && !hook.lied);
}

Test(text, arrives_whole_and_in_order)
{
    static char expected[200000];
    size_t len = 0;
    struct test_text out = { 0 };
    struct ga_sink sink = test_sink(&out);
    struct text text = text_to(&sink);
    for (int i = 0; i < 10000; i++) {
        gai_text(&text, "%d,%s\n", i, i % 3 ? "x" : "");
        len += (size_t)snprintf(expected + len, sizeof expected - len, "%d,%s\n", i, i % 3 ? "x" : "");
    }
    cr_assert_eq(gai_text_end(&text), GA_OK);
    cr_assert(out.len == len && memcmp(out.text, expected, len) == 0);
    cr_assert_eq(text.sum, gai_text_sum(TEXT_SUM_START, expected, len));
    test_text_fini(&out);
}

Test(text, takes_pieces_larger_than_its_buffer)
{
    static char piece[5000];
    memset(piece, 'p', sizeof piece);
    static const size_t lens[] = { 0, 1, 1023, 1024, 1025, 5000, 2, 1024, 1 };
    struct test_text out = { 0 };
    struct ga_sink sink = test_sink(&out);
    struct text text = text_to(&sink);
    size_t sum = 0;
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        piece[0] = (char)('a' + i);
        gai_text_raw(&text, piece, lens[i]);
        sum += lens[i];
    }
    cr_assert_eq(gai_text_end(&text), GA_OK);
    cr_assert_eq(out.len, sum);
    size_t at = 0;
    for (size_t i = 0; i < sizeof lens / sizeof *lens; at += lens[i], i++)
        if (lens[i])
            cr_assert_eq(out.text[at], (char)('a' + i));
    test_text_fini(&out);
}

Test(text, failure_sticks)
{
    for (size_t limit = 1; limit < 9000; limit += 500) {
        struct test_text out = { .limit = limit };
        struct ga_sink sink = test_sink(&out);
        struct text text = text_to(&sink);
        for (int i = 0; i < 1500; i++)
            gai_text(&text, "12345\n");
        cr_assert_eq(gai_text_end(&text), GA_IO);
        size_t len = out.len;
        cr_assert_leq(len, limit);
        gai_text(&text, "too late");
        cr_assert_eq(gai_text_end(&text), GA_IO);
        cr_assert_eq(out.len, len, "nothing is written after a refusal");
        test_text_fini(&out);
    }
}

Test(text, says_bytes_for_people)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        { 0, "0 B" },
        { 1023, "1023 B" },
        { 1024, "1.00 KiB" },
        { 10240, "10.0 KiB" },
        { 10239, "10.0 KiB" },
        { 1048575, "1.00 MiB" },
        { 130023424, "124.0 MiB" },
        { (uint64_t)3 << 30, "3.00 GiB" },
        { UINT64_MAX, "16.0 EiB" },
    };
    char buf[32];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_assert_str_eq(gai_text_bytes(buf, cases[i].bytes), cases[i].text);
}

Test(text, parses_numbers_and_nothing_else)
{
    static const struct {
        const char *text;
        uint64_t value;
    } good[] = { { "0", 0 }, { "7", 7 }, { "0012", 12 }, { "18446744073709551615", UINT64_MAX } };
    static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "0x10", "1.5", "18446744073709551616", "99999999999999999999",
                                       "a" };
    uint64_t value;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        cr_assert(gai_parse_u64(good[i].text, good[i].text + strlen(good[i].text), &value));
        cr_assert_eq(value, good[i].value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        value = 77;
        cr_assert(!gai_parse_u64(bad[i], bad[i] + strlen(bad[i]), &value), "%s", bad[i]);
        cr_assert_eq(value, 77);
    }
}
