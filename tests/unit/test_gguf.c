/*
 * test_gguf.c - headers of GGUF files: both byte orders, cut anywhere, changed at random, with numbers near 2^64; what caches need
 */
#include "base/rng.h"
#include "io/gguf_cache.h"
#include "support.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

struct header {
    unsigned char bytes[2048];
    size_t len;
    bool is_big;
};

static void put(struct header *to, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to->bytes[to->len++] = (unsigned char)(value >> 8 * (to->is_big ? size - 1 - i : i));
}

static void put_string(struct header *to, const char *text)
{
    put(to, strlen(text), 8);
    memcpy(to->bytes + to->len, text, strlen(text));
    to->len += strlen(text);
}

static void put_number(struct header *to, const char *key, uint64_t value)
{
    put_string(to, key);
    put(to, 4, 4);
    put(to, value, 4);
}

static void put_start(struct header *to, uint64_t n_tensors, uint64_t n_keys)
{
    memcpy(to->bytes, "GGUF", 4);
    to->len = 4;
    put(to, 3, 4);
    put(to, n_tensors, 8);
    put(to, n_keys, 8);
}

static void put_tensor(struct header *to, const char *name, uint64_t n, uint64_t rows, uint32_t type, uint64_t offset)
{
    put_string(to, name);
    put(to, 2, 4);
    put(to, n, 8);
    put(to, rows, 8);
    put(to, type, 4);
    put(to, offset, 8);
}

/* Strings before and after the architecture, a list by layer, two tensors. */
static struct header make(bool is_big)
{
    struct header to = { .is_big = is_big };
    put_start(&to, 2, 6);
    put_string(&to, "general.architecture");
    put(&to, 8, 4);
    put_string(&to, "llama");
    put_string(&to, "tokens");
    put(&to, 9, 4);
    put(&to, 8, 4);
    put(&to, 2, 8);
    put_string(&to, "a");
    put_string(&to, "");
    put_number(&to, "llama.block_count", 2);
    put_number(&to, "llama.embedding_length", 64);
    put_number(&to, "llama.attention.head_count", 4);
    put_string(&to, "llama.attention.head_count_kv");
    put(&to, 9, 4);
    put(&to, 4, 4);
    put(&to, 2, 8);
    put(&to, 2, 4);
    put(&to, 0, 4);
    put_tensor(&to, "blk.0.attn_k.weight", 64, 32, 8, 0);
    put_tensor(&to, "output.weight", 3, 5, 0, 2176);
    return to;
}

static size_t read_at(void *user, uint64_t offset, char *buf, size_t cap)
{
    const struct header *from = user;
    cr_assert_lt(offset, from->len);
    size_t n = from->len - (size_t)offset < cap ? from->len - (size_t)offset : cap;
    memcpy(buf, from->bytes + offset, n);
    return n;
}

static enum ga_status read_header(struct header *from, const struct ga_mem *mem, struct gguf *gguf, struct mishap *mishap)
{
    struct gguf_source source = { read_at, from, from->len };
    return gai_gguf_read(mem, &source, gguf, mishap);
}

static void is_refused(struct header *from, const char *what)
{
    struct ga_env env = gai_env(NULL);
    struct gguf gguf;
    struct mishap mishap;
    cr_assert_eq(read_header(from, &env.mem, &gguf, &mishap), GA_INVALID);
    cr_assert_str_eq(mishap.what, what);
}

Test(gguf, is_read_in_both_byte_orders)
{
    for (int is_big = 0; is_big < 2; is_big++) {
        struct test_mem mem = { 0 };
        struct ga_env env = test_env(&mem);
        struct header from = make(is_big);
        struct gguf gguf;
        struct mishap mishap;
        cr_assert_eq(read_header(&from, &env.mem, &gguf, &mishap), GA_OK, "%s", mishap.what);
        cr_assert_eq(gguf.is_big, is_big);
        cr_assert_str_eq(gguf.arch, "llama");
        cr_assert_eq(gguf.bytes, 64 / 32 * 34 * 32 + 60);
        cr_assert_eq(gguf.layers[0].bytes, 2176);
        cr_assert_eq(gguf.others, 60);
        cr_assert_eq(gai_gguf_number(&gguf, GGUF_HEADS_KV, 0, 9), 2);
        cr_assert_eq(gai_gguf_number(&gguf, GGUF_HEADS_KV, 1, 9), 0);
        cr_assert_eq(gai_gguf_number(&gguf, GGUF_HEADS_KV, 2, 9), 9);
        struct gguf_use use = { .ctx = 300, .batch = 2048, .ubatch = 512, .parallel = 1, .kv_type = GGUF_F16 };
        struct gguf_need need;
        cr_assert_eq(gai_gguf_need(&gguf, &use, &need, &mishap), GA_OK, "%s", mishap.what);
        cr_assert_eq(need.cells, 512);
        cr_assert_eq(need.keys, 2 * 16 * 2 * 512);
        cr_assert_eq(need.total, 2 * need.keys);
        cr_assert_eq(need.layers[1].cache, CACHE_NONE);
        gai_gguf_fini(&gguf);
        cr_assert_eq(mem.live, 0);
    }
}

Test(gguf, is_refused_wherever_it_is_cut)
{
    struct header whole = make(false);
    for (size_t len = 0; len < whole.len; len++) {
        struct header from = whole;
        struct ga_env env = gai_env(NULL);
        struct gguf gguf;
        struct mishap mishap;
        from.len = len;
        cr_assert_eq(read_header(&from, &env.mem, &gguf, &mishap), GA_INVALID, "cut at %zu", len);
        cr_assert(strncmp(mishap.what, "byte ", 5) == 0);
    }
}

Test(gguf, survives_random_changes)
{
    struct rng rng = { .state = 7 };
    struct header wholes[2] = { make(false), make(true) };
    uint32_t good = 0;
    for (uint32_t i = 0; i < 100000; i++) {
        struct header from = wholes[i & 1];
        struct test_mem mem = { 0 };
        struct ga_env env = test_env(&mem);
        struct gguf gguf;
        struct mishap mishap;
        for (uint64_t n = rng_below(&rng, 4) + 1; n > 0; n--)
            from.bytes[rng_below(&rng, from.len)] = (unsigned char)(rng_below(&rng, 3) ? rng_next(&rng) : 255);
        if (read_header(&from, &env.mem, &gguf, &mishap) == GA_OK) {
            struct gguf_use use = { 1000, 2048, 512, 2, GGUF_F16 };
            struct gguf_need need;
            gai_gguf_need(&gguf, &use, &need, &mishap);
            gai_gguf_fini(&gguf);
            good++;
        }
        cr_assert(mem.live == 0 && mem.peak <= 65536 * GGUF_FIELDS && !mem.lied);
    }
    cr_assert(good > 1000 && good < 90000);
}

Test(gguf, believes_no_number_near_the_largest)
{
    static const struct {
        size_t at;
        const char *what;
    } cases[] = {
        { 8, "byte 8: more tensors than the file holds" },
        { 16, "byte 16: more keys than the file holds" },
        { 24, "byte 32: more is announced than the file holds" },
        { 56, "byte 64: more is announced than the file holds" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (uint64_t less = 0; less < 20; less++) {
            struct header from = make(false);
            size_t len = from.len;
            from.len = cases[i].at;
            put(&from, UINT64_MAX - less, 8);
            from.len = len;
            is_refused(&from, cases[i].what);
        }
    struct header from = { 0 };
    put_start(&from, 1, 0);
    from.bytes[16] = 1;
    put_string(&from, "general.architecture");
    put(&from, 8, 4);
    put_string(&from, "x");
    size_t at = from.len;
    put_tensor(&from, "t", UINT64_MAX, 2, 0, 0);
    is_refused(&from, "byte 78: the tensor is too large");
    from.len = at;
    put_tensor(&from, "t", (uint64_t)1 << 61, 2, 0, 0);
    is_refused(&from, "byte 94: the tensor is too large");
    from.len = at;
    put_tensor(&from, "t", 32, 2, 0, UINT64_MAX - 31);
    is_refused(&from, "byte 98: the tensors are too large");
}

Test(gguf, is_unharmed_when_memory_runs_out)
{
    struct header from = make(false);
    struct test_mem mem = { .fail_at = 1 };
    struct ga_env env = test_env(&mem);
    struct gguf gguf;
    struct mishap mishap;
    cr_assert_eq(read_header(&from, &env.mem, &gguf, &mishap), GA_NO_MEMORY);
    cr_assert_eq(mem.live, 0);
}
