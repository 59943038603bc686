#include "base/log.h"

void gai_log(const struct ga_env *env, enum ga_level level, const char *format, ...)
{
    if (!env->log.write)
        return;
    char text[512];
    va_list args;
    va_start(args, format);
    gai_format_list(text, sizeof text, format, args);
    va_end(args);
    env->log.write(env->log.user, level, text);
}

void gai_say(char *why, size_t cap, const char *format, ...)
{
    if (!why || cap == 0)
        return;
    va_list args;
    va_start(args, format);
    gai_format_list(why, cap, format, args);
    va_end(args);
}
