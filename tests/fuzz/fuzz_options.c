/*
 * Any text as options: refused with a reason and nothing changed, or options that a cache or a host allocator either takes, and
 * then works, or refuses whole.
 */
#include "fuzz.h"

#include "ggml_alloc/cache.h"
#include "ggml_alloc/host.h"
#include "ggml_alloc/sim.h"

#define DEVICE ((uint64_t)1 << 30)

/* To the byte, which is more than who parses has to promise. */
static bool is_same(const void *a, const void *b, size_t size)
{
    return memcmp(a, b, size) == 0;
}

static void try_cache(const char *text, const struct ga_backend *device)
{
    struct ga_cache_opts opts, before;
    char error[100] = "";
    memset(&opts, 0, sizeof opts);
    opts.limit = 12345;
    opts.trace = 2;
    memcpy(&before, &opts, sizeof before);
    enum ga_status status = ga_cache_parse(text, &opts, error, sizeof error);
    REQUIRE(status == GA_OK || (error[0] && is_same(&before, &opts, sizeof opts)), "refused, but changed or not said why");
    REQUIRE(opts.limit == 12345 && opts.trace == 2, "changed what the text cannot say");
    opts.limit = 0;
    ga_cache *cache = status == GA_OK ? ga_cache_new(NULL, device, &opts) : NULL;
    if (!cache)
        return;
    ga_block small, large;
    status = ga_cache_alloc(cache, 1000, 0, &small, NULL);
    bool is_tight = opts.small_segment > DEVICE || (opts.fraction > 0 && opts.fraction * (double)DEVICE < GA_CACHE_SMALL_SEGMENT);
    REQUIRE(status == GA_OK || (status == GA_NO_SPACE && is_tight), "no room for a kilobyte");
    if (ga_cache_alloc(cache, 5000000, 0, &large, NULL) == GA_OK)
        ga_cache_free(cache, large);
    const char *broken = ga_cache_check(cache);
    REQUIRE(!broken, "%s", broken);
    ga_cache_delete(cache);
}

static void try_host(const char *text, const struct ga_backend *device)
{
    struct ga_host_opts opts, before;
    char error[100] = "";
    memset(&opts, 0, sizeof opts);
    opts.max_idle = 7;
    memcpy(&before, &opts, sizeof before);
    enum ga_status status = ga_host_parse(text, &opts, error, sizeof error);
    REQUIRE(status == GA_OK || (error[0] && is_same(&before, &opts, sizeof opts)), "refused, but changed or not said why");
    REQUIRE(opts.max_idle == 7, "changed what the text cannot say");
    opts.background = false; /* a thread each time would only cost time */
    ga_host *host = status == GA_OK ? ga_host_new(NULL, device, &opts) : NULL;
    if (!host)
        return;
    void *ptr;
    ga_host_block *token;
    if (ga_host_alloc(host, 70000, &ptr, &token) == GA_OK)
        ga_host_free(host, token);
    const char *broken = ga_host_check(host);
    REQUIRE(!broken, "%s", broken);
    ga_host_delete(host);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ga_sim *sim = ga_sim_new(NULL, ga_backend_null(), &(struct ga_sim_opts){ .capacity = DEVICE });
    char *text = malloc(size + 1);
    if (sim && text) {
        if (size > 0)
            memcpy(text, data, size);
        text[size] = 0;
        try_cache(text, ga_sim_backend(sim));
        try_host(text, ga_sim_backend(sim));
        REQUIRE(!ga_sim_error(sim), "%s", ga_sim_error(sim));
    }
    free(text);
    ga_sim_delete(sim);
    return 0;
}
