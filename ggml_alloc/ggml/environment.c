#include "ggml/environment.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* The log's user is the name of the highest level that is written. */
static const char *const names[] = { [GA_ERROR] = "error", [GA_WARN] = "warn", [GA_INFO] = "info", [GA_DEBUG] = "debug" };
enum { N_LEVELS = sizeof names / sizeof *names };

static int level_of(const char *name)
{
    for (int level = 0; name && level < N_LEVELS; level++)
        if (strcmp(name, names[level]) == 0)
            return level;
    return -1;
}

static void write_line(void *user, enum ga_level level, const char *text)
{
    if ((int)level <= level_of(user))
        fprintf(stderr, "ggml_alloc: %s\n", text);
}

struct ga_env gai_environment(void)
{
    struct ga_env env = gai_env(NULL);
    int level = level_of(getenv("GGML_ALLOC_LOG"));
    if (level >= 0)
        env.log = (struct ga_log){ .write = write_line, .user = (void *)(uintptr_t)names[level] };
    return env;
}

const char *gai_environment_value(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

static bool write_text(void *user, const char *text, size_t len)
{
    return fwrite(text, 1, len, user) == len;
}

void gai_environment_file(const struct ga_env *env, const char *folder, bool (*tell)(void *user, const struct ga_sink *sink),
                          void *user)
{
    char name[512];
    FILE *file = NULL;
    for (unsigned i = 0; i < 100000 && !file; i++) {
        if (snprintf(name, sizeof name, "%s/graph-%u.tgraph", folder, i) >= (int)sizeof name)
            break;
        FILE *there = fopen(name, "rb");
        if (there)
            fclose(there);
        else if (!(file = fopen(name, "wb")))
            break;
    }
    if (!file) {
        gai_log(env, GA_ERROR, "GGML_ALLOC_TRACE: no file can be written in '%.200s'", folder);
        return;
    }
    bool ok = tell(user, &(struct ga_sink){ write_text, file });
    if (fclose(file) != 0 || !ok)
        gai_log(env, GA_ERROR, "GGML_ALLOC_TRACE: writing '%.200s' failed", name);
}

bool gai_environment_logs(const struct ga_env *env, enum ga_level level)
{
    return env->log.write && (int)level <= level_of(env->log.user);
}

bool gai_words_say(struct words *words, const struct ga_env *env, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(words->text, sizeof words->text, format, args);
    va_end(args);
    words->said = true;
    gai_log(env, GA_ERROR, "%s", words->text);
    return false;
}
