/*
 * gen.c - ggml-alloc gen: instances made up, as interval CSV
 */
#include "cli/cli.h"

#include "base/bits.h"

#define USUALLY_LIVE 300u

static enum exit_code write_made(enum ga_status status, struct generated *made, const struct options *options, struct text *out)
{
    struct ga_env env = gai_env(NULL);
    if (status != GA_OK) {
        complain("%s", ga_status_str(status));
        return EXIT_RESOURCES;
    }
    gai_generated_write(made, options->wants_solution, out);
    gai_generated_fini(&env.mem, made);
    return EXIT_YES;
}

enum exit_code command_gen_perfect(const struct options *options, struct text *out)
{
    struct ga_env env = gai_env(NULL);
    struct gen_perfect wish = options->perfect;
    struct generated made;
    wish.seed = options->seed;
    wish.align = options->align;
    if (wish.n_pieces == 0) {
        complain("gen perfect needs --pieces=N");
        return EXIT_USAGE;
    }
    return write_made(gai_gen_perfect(&env.mem, &wish, &made), &made, options, out);
}

enum exit_code command_gen_random(const struct options *options, struct text *out)
{
    struct ga_env env = gai_env(NULL);
    struct gen_random wish = options->random;
    struct generated made;
    uint32_t most = wish.n < 4 ? 1 : wish.n / 4;
    wish.seed = options->seed;
    if (wish.n == 0 || !options->has_kind) {
        complain("gen random needs --n=N and --kind=exp, heavy or mixed");
        return EXIT_USAGE;
    }
    if (options->has_live && wish.live > most) {
        complain("--live=%u is too many of --n=%u; at most a quarter can live at a time", (unsigned)wish.live, (unsigned)wish.n);
        return EXIT_USAGE;
    }
    if (!options->has_live)
        wish.live = (uint32_t)min_u64(USUALLY_LIVE, most);
    return write_made(gai_gen_random(&env.mem, &wish, &made), &made, options, out);
}
