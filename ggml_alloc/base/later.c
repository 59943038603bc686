#include "base/later.h"

bool gai_later_set(const uint64_t *words, size_t n)
{
    uint64_t any = 0;
    for (size_t i = 0; i < n; i++)
        any |= words[i];
    return any != 0;
}

bool gai_later_refuse(const struct ga_log *log, const char *name)
{
    gai_log(&(struct ga_env){ .log = *log }, GA_ERROR, LATER_WORDS, name, LATER_VERSION);
    return true;
}
