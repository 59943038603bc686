/*
 * kv_cache.c - keys and values of conversations that grow where they are: addresses for the longest, memory for what was said
 *
 *     conversation 0   | token | token | token |  mapped |         addresses, nothing behind them          |
 *     conversation 1   | token |  mapped |                                                                 |
 *                      `- never moves, is never copied   `- one piece more when it is reached
 *
 * Memory is put behind a range piece by piece, under one limit for all.  When that is reached, the oldest conversation ends, and its
 * pieces serve the others.  A cache does the same for blocks of all sizes with the option `expandable`.
 */
#include <ggml_alloc/ggml_alloc.h>

#include <stdio.h>
#include <string.h>

enum { TOKEN = 1 << 12, CONTEXT = 1 << 14, TALKS = 3, SAID = 1500, LIMIT = 8 << 20 };

struct talk {
    const struct ga_backend_vmem *memory;
    char *base;
    size_t mapped;
    int n_tokens;
};

static bool begin(struct talk *talk, const struct ga_backend_vmem *memory)
{
    void *base;
    if (memory->reserve(memory->user, (size_t)CONTEXT * TOKEN, &base) != GA_OK)
        return false;
    *talk = (struct talk){ .memory = memory, .base = base };
    return true;
}

/* False: the limit is reached. */
static bool say(struct talk *talk, int token)
{
    size_t end = (size_t)(talk->n_tokens + 1) * TOKEN, piece = talk->memory->granule;
    if (end > talk->mapped) {
        if (talk->memory->map(talk->memory->user, talk->base, talk->mapped, piece) != GA_OK)
            return false;
        talk->mapped += piece;
    }
    memset(talk->base + (size_t)talk->n_tokens * TOKEN, token & 127, TOKEN);
    talk->n_tokens++;
    return true;
}

/* What attention reads: all that was said so far. */
static bool remembers(const struct talk *talk)
{
    for (int i = 0; i < talk->n_tokens; i++)
        for (size_t at = 0; at < TOKEN; at += 1024)
            if (talk->base[(size_t)i * TOKEN + at] != (char)(i & 127))
                return false;
    return true;
}

static bool end(struct talk *talk)
{
    bool is_right = remembers(talk);
    if (talk->mapped)
        talk->memory->unmap(talk->memory->user, talk->base, 0, talk->mapped);
    talk->memory->release(talk->memory->user, talk->base, (size_t)CONTEXT * TOKEN);
    return is_right;
}

/* One token more for each; when there is no room, the oldest ends.  False: one forgot what was said. */
static bool go_on(struct talk *talks, int token, int *oldest)
{
    bool is_right = true;
    for (int i = *oldest; i < TALKS; i++)
        while (i >= *oldest && !say(&talks[i], token)) {
            printf("conversation %d ends after %d tokens\n", *oldest, talks[*oldest].n_tokens);
            is_right &= end(&talks[(*oldest)++]);
        }
    return is_right;
}

int main(void)
{
    if (!ga_backend_cpu()->vmem)
        return 0; /* a system without ranges */
    ga_budget *budget = ga_budget_new(NULL, LIMIT);
    ga_budget_member *member = budget ? ga_budget_join(budget, "keys and values", ga_backend_cpu()) : NULL;
    if (!member)
        return 1;
    struct talk talks[TALKS];
    for (int i = 0; i < TALKS; i++)
        if (!begin(&talks[i], ga_budget_backend(member)->vmem))
            return 1;

    bool is_right = true;
    int oldest = 0;
    for (int token = 0; token < SAID; token++)
        is_right &= go_on(talks, token, &oldest);

    uint64_t peak;
    ga_budget_bytes(budget, &peak);
    printf("%d tokens in one piece, never more than %d MiB of memory behind %d MiB of addresses\n", talks[TALKS - 1].n_tokens,
           (int)(peak >> 20), (int)((uint64_t)TALKS * CONTEXT * TOKEN >> 20));
    is_right &= oldest > 0 && oldest < TALKS && peak == LIMIT;
    while (oldest < TALKS)
        is_right &= end(&talks[oldest++]);
    is_right &= ga_budget_bytes(budget, NULL) == 0;
    ga_budget_delete(budget);
    return is_right ? 0 : 1;
}
