#include "io/gguf_cache.h"

#include "base/bits.h"

#include <string.h>

/* No number that enters a size is larger: products of two fit. */
#define NUMBER_MOST ((uint64_t)1 << 31)

const char *gai_gguf_cache_name(enum gguf_layer_cache cache)
{
    static const char *const names[CACHE_KINDS] = { "none", "full", "sliding", "mla", "recurrent", "full, recurrent" };
    return names[cache];
}

static uint64_t mul_sat(uint64_t a, uint64_t b)
{
    return b && a > UINT64_MAX / b ? UINT64_MAX : a * b;
}

/* Of architectures whose files say only how wide the window is, every n-th layer sees all. */
static uint64_t known_period(const char *arch)
{
    static const struct {
        const char *arch;
        uint64_t period;
    } known[] = { { "gemma2", 2 }, { "gemma3", 6 }, { "gemma3n", 5 }, { "cohere2", 4 }, { "gpt-oss", 2 } };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].arch, arch) == 0)
            return known[i].period;
    return 0;
}

static bool slides(const struct gguf *gguf, uint32_t layer)
{
    const struct gguf_number *pattern = &gguf->numbers[GGUF_PATTERN];
    if (gai_gguf_number(gguf, GGUF_WINDOW, layer, 0) == 0)
        return false;
    if (pattern->list)
        return gai_gguf_number(gguf, GGUF_PATTERN, layer, 0) != 0;
    uint64_t period = pattern->n ? pattern->first : known_period(gguf->arch);
    return period > 1 && layer % period < period - 1;
}

/* Of one layer: false when a number is too large to be one. */
static bool number(const struct gguf *gguf, enum gguf_field field, uint32_t layer, uint64_t otherwise, uint64_t *value)
{
    *value = gai_gguf_number(gguf, field, layer, otherwise);
    return *value < NUMBER_MOST;
}

/* f32, for each sequence: what convolutions remember, and the state itself. */
static bool need_state(const struct gguf *gguf, uint32_t i, uint64_t parallel, struct gguf_layer_need *need)
{
    uint64_t embd, wkv, shifts, shortconv, conv, inner, state, groups;
    if (!number(gguf, GGUF_EMBEDDING, i, 0, &embd) || !number(gguf, GGUF_WKV, i, 0, &wkv) ||
        !number(gguf, GGUF_SHIFTS, i, 2, &shifts) || !number(gguf, GGUF_SHORTCONV, i, 0, &shortconv) ||
        !number(gguf, GGUF_CONV, i, 0, &conv) || !number(gguf, GGUF_INNER, i, 0, &inner) ||
        !number(gguf, GGUF_STATE, i, 0, &state) || !number(gguf, GGUF_GROUPS, i, 0, &groups))
        return false;
    uint64_t kept, held;
    if (wkv) {
        kept = shifts * embd;
        held = embd * wkv;
    } else if (shortconv) {
        kept = embd * (shortconv - 1);
        held = 0;
    } else {
        kept = conv ? mul_sat(conv - 1, add_sat(inner, mul_sat(2 * groups, state))) : 0;
        held = state * inner;
    }
    need->state = mul_sat(mul_sat(add_sat(kept, held), 4), parallel);
    return true;
}

/* Keys and values of `cells` cells. */
static bool need_cells(const struct gguf *gguf, uint32_t i, uint64_t cells, uint32_t type, struct gguf_layer_need *need)
{
    bool is_sliding = need->cache == CACHE_SLIDING;
    uint64_t embd, heads, heads_kv, key, value, rank, rope;
    if (!number(gguf, GGUF_EMBEDDING, i, 0, &embd) || !number(gguf, GGUF_HEADS, i, 0, &heads) ||
        !number(gguf, GGUF_HEADS_KV, i, heads, &heads_kv))
        return false;
    uint64_t even = heads ? embd / heads : 0;
    if (!number(gguf, GGUF_KEY, i, even, &key) || !number(gguf, GGUF_VALUE, i, even, &value) ||
        (is_sliding && (!number(gguf, GGUF_KEY_SWA, i, key, &key) || !number(gguf, GGUF_VALUE_SWA, i, value, &value))))
        return false;
    if (!number(gguf, GGUF_KV_RANK, i, 0, &rank) || !number(gguf, GGUF_ROPE, i, 0, &rope))
        return false;
    if (need->cache == CACHE_MLA) {
        need->keys = mul_sat(gai_gguf_row(type, rank + rope), cells);
        return true;
    }
    need->keys = mul_sat(gai_gguf_row(type, key * heads_kv), cells);
    need->values = mul_sat(gai_gguf_row(type, value * heads_kv), cells);
    return true;
}

static enum gguf_layer_cache layer_cache(const struct gguf *gguf, uint32_t i)
{
    unsigned kind = gguf->layers[i].kind;
    uint64_t heads_kv = gai_gguf_number(gguf, GGUF_HEADS_KV, i, gai_gguf_number(gguf, GGUF_HEADS, i, 0));
    bool has_keys = heads_kv != 0;
    if (kind & GGUF_RECURRENT)
        return has_keys && (kind & GGUF_KEYS) ? CACHE_BOTH : CACHE_RECURRENT;
    if (!has_keys)
        return CACHE_NONE;
    if (gguf->numbers[GGUF_KV_RANK].n && gguf->numbers[GGUF_KEY_MLA].n)
        return CACHE_MLA;
    return slides(gguf, i) ? CACHE_SLIDING : CACHE_FULL;
}

/* Layers that have a cache of their own: not those that predict further tokens, nor those that read another's. */
static uint32_t layers_with_cache(const struct gguf *gguf, uint32_t n)
{
    uint64_t without = add_sat(gai_gguf_number(gguf, GGUF_NEXTN, 0, 0), gai_gguf_number(gguf, GGUF_SHARED, 0, 0));
    return without < n ? n - (uint32_t)without : 0;
}

static bool need_layer(const struct gguf *gguf, uint32_t i, const struct gguf_use *use, struct gguf_need *all)
{
    struct gguf_layer_need *need = &all->layers[i];
    need->cache = layer_cache(gguf, i);
    uint64_t cells = mul_sat(need->cache == CACHE_SLIDING ? all->window_cells : all->cells, use->parallel);
    bool has_state = need->cache == CACHE_RECURRENT || need->cache == CACHE_BOTH;
    bool has_cells = need->cache != CACHE_NONE && need->cache != CACHE_RECURRENT;
    if ((has_state && !need_state(gguf, i, use->parallel, need)) || (has_cells && !need_cells(gguf, i, cells, use->kv_type, need)))
        return false;
    all->keys = add_sat(all->keys, need->keys);
    all->values = add_sat(all->values, need->values);
    all->state = add_sat(all->state, need->state);
    return true;
}

static void set_cells(const struct gguf *gguf, const struct gguf_use *use, struct gguf_need *need)
{
    uint64_t ubatch = min_u64(use->ubatch, min_u64(use->batch, need->ctx)), window = 0;
    (void)number(gguf, GGUF_WINDOW, 0, 0, &window);
    need->cells = align_up(align_up(need->ctx, GGUF_CELLS) / use->parallel, GGUF_CELLS);
    need->window_cells = window ? align_up(min_u64(need->cells, add_sat(window, ubatch)), GGUF_CELLS) : need->cells;
    need->knows_window = window == 0 || gguf->numbers[GGUF_PATTERN].n || known_period(gguf->arch);
}

enum ga_status gai_gguf_need(const struct gguf *gguf, const struct gguf_use *use, struct gguf_need *need, struct mishap *mishap)
{
    uint64_t n = gai_gguf_number(gguf, GGUF_BLOCKS, 0, 0);
    *need = (struct gguf_need){ .ctx = use->ctx ? use->ctx : gai_gguf_number(gguf, GGUF_CONTEXT, 0, 0) };
    if (n == 0 || n > GGUF_LIST)
        return gai_mishap(mishap, 0, "%s.block_count is %s", gguf->arch, n ? "above 512" : "missing");
    if (need->ctx == 0 || need->ctx >= NUMBER_MOST)
        return gai_mishap(mishap, 0, "%s.context_length is missing or too large; say --ctx", gguf->arch);
    set_cells(gguf, use, need);
    need->n_layers = (uint32_t)n;
    for (uint32_t i = 0; i < layers_with_cache(gguf, need->n_layers); i++)
        if (!need_layer(gguf, i, use, need))
            return gai_mishap(mishap, 0, "a number of layer %u is too large", (unsigned)i);
    need->total = add_sat(add_sat(need->keys, need->values), need->state);
    return GA_OK;
}
