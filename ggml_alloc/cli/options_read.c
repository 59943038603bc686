/*
 * options_read.c - values of options, from text into their fields
 */
#include "cli/options.h"

#include "base/bits.h"

#include <stdio.h>
#include <string.h>

/* A word is stored through an unsigned, whichever enum it is of. */
_Static_assert(sizeof(enum ga_effort) == sizeof(unsigned) && sizeof(enum inplace) == sizeof(unsigned), "an enum is no int");

static void *field(const struct option *option, struct options *options)
{
    return (char *)options + option->to;
}

static int find_word(const char *const *words, const char *word, size_t len)
{
    for (int i = 0; words[i]; i++)
        if (strlen(words[i]) == len && memcmp(words[i], word, len) == 0)
            return i;
    return -1;
}

/* ---- by the type of the field ---- */

bool read_flag(const struct option *option, const char *value, struct options *options)
{
    (void)value;
    *(bool *)field(option, options) = true;
    return true;
}

bool read_target(const struct option *option, const char *value, struct options *options)
{
    *(const char **)field(option, options) = value;
    return *value != 0;
}

bool read_input(const struct option *option, const char *value, struct options *options)
{
    options->n_stdin += strcmp(value, "-") == 0;
    return read_target(option, value, options);
}

bool read_word(const struct option *option, const char *value, struct options *options)
{
    int found = find_word(option->words, value, strlen(value));
    unsigned word = (unsigned)option->least + (unsigned)found;
    memcpy(field(option, options), &word, sizeof word);
    return found >= 0;
}

bool read_words(const struct option *option, const char *value, struct options *options)
{
    unsigned *bits = field(option, options);
    *bits = 0;
    for (const char *at = value;; at++) {
        size_t len = strcspn(at, ",");
        int found = find_word(option->words, at, len);
        if (found < 0)
            return false;
        *bits |= 1u << found;
        at += len;
        if (!*at)
            return true;
    }
}

static bool parse_number(const char *value, uint64_t least, uint64_t most, uint64_t *number)
{
    return gai_parse_u64(value, value + strlen(value), number) && *number >= least && (most == 0 || *number <= most);
}

bool read_number(const struct option *option, const char *value, struct options *options)
{
    return parse_number(value, option->least, option->most, field(option, options));
}

bool read_count(const struct option *option, const char *value, struct options *options)
{
    uint64_t number;
    if (!parse_number(value, option->least, option->most, &number))
        return false;
    *(uint32_t *)field(option, options) = (uint32_t)number;
    return true;
}

bool read_size(const struct option *option, const char *value, struct options *options)
{
    uint64_t *size = field(option, options);
    return gai_parse_size(value, size) && *size >= option->least;
}

bool read_align(const struct option *option, const char *value, struct options *options)
{
    uint64_t *align = field(option, options);
    return gai_parse_size(value, align) && is_pow2(*align) && *align <= (uint64_t)1 << 62;
}

/* ---- fields of their own ---- */

bool read_format(const struct option *option, const char *value, struct options *options)
{
    int found = find_word(option->words, value, strlen(value));
    if (found > GA_PLAN)
        options->picture = (enum picture)(PICTURE_SVG + found - GA_PLAN - 1);
    else
        options->format = (enum ga_format)found;
    return found >= 0;
}

/* One part of --capacity, up to a comma: "8GiB", or "0:8GiB". */
static bool parse_capacity_part(const char *at, size_t len, bool *has_pool, uint64_t *pool, uint64_t *bytes)
{
    char size[64];
    const char *colon = memchr(at, ':', len);
    const char *start = colon ? colon + 1 : at;
    size_t size_len = len - (size_t)(start - at);
    if (size_len >= sizeof size)
        return false;
    memcpy(size, start, size_len);
    size[size_len] = 0;
    *has_pool = colon;
    return (!colon || (gai_parse_u64(at, colon, pool) && *pool <= UINT16_MAX)) && gai_parse_size(size, bytes) && *bytes != 0;
}

bool read_capacity(const struct option *option, const char *value, struct options *options)
{
    *(const char **)field(option, options) = value;
    for (const char *at = value;; at++) {
        size_t len = strcspn(at, ",");
        bool has_pool;
        uint64_t pool, bytes;
        if (!parse_capacity_part(at, len, &has_pool, &pool, &bytes) || (!has_pool && (at != value || at[len])))
            return false;
        at += len;
        if (!*at)
            return true;
    }
}

uint64_t options_capacity(const struct options *options, unsigned pool)
{
    for (const char *at = options->capacity; at;) {
        size_t len = strcspn(at, ",");
        bool has_pool;
        uint64_t for_pool = pool, bytes;
        if (parse_capacity_part(at, len, &has_pool, &for_pool, &bytes) && for_pool == pool)
            return bytes;
        at = at[len] ? at + len + 1 : NULL;
    }
    return 0;
}

/* To six places, below 1. */
bool read_share(const struct option *option, const char *value, struct options *options)
{
    const char *point = strchr(value, '.'), *end = value + strlen(value);
    uint64_t whole, part = 0;
    if (!gai_parse_u64(value, point ? point : end, &whole) || whole != 0)
        return false;
    if (point && (end - point > 7 || !gai_parse_u64(point + 1, end, &part)))
        return false;
    for (long places = point ? (long)(end - point) - 1 : 6; places < 6; places++)
        part *= 10;
    *(uint32_t *)field(option, options) = (uint32_t)part;
    return true;
}

bool read_kv_type(const struct option *option, const char *value, struct options *options)
{
    uint32_t *type = field(option, options);
    *type = gai_gguf_type(value);
    return *type != UINT32_MAX;
}

bool read_extra(const struct option *option, const char *value, struct options *options)
{
    char size[32];
    size_t len = strcspn(value, "=");
    const char *at = strchr(value, '@');
    (void)option;
    if (!value[len] || len == 0 || options->n_extras == EXTRAS_MOST || (at && !at[1]))
        return false;
    const char *end = at ? at : value + strlen(value);
    if (end <= value + len || (size_t)(end - value) - len - 1 >= sizeof size)
        return false;
    struct extra_option *extra = &options->extras[options->n_extras++];
    *extra = (struct extra_option){ .name = value, .len = len, .device = at ? at + 1 : NULL };
    snprintf(size, sizeof size, "%.*s", (int)((size_t)(end - value) - len - 1), value + len + 1);
    return gai_parse_size(size, &extra->bytes);
}

bool read_output(const struct option *option, const char *value, struct options *options)
{
    *(const char **)field(option, options) = strcmp(value, "-") == 0 ? NULL : value;
    return *value != 0;
}
