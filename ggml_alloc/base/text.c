#include "base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

struct text text_to(const struct ga_sink *sink)
{
    struct text text;
    text.sink = *sink;
    text.len = 0;
    text.sum = TEXT_SUM_START;
    text.failed = false;
    return text;
}

uint64_t gai_text_sum(uint64_t sum, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        sum = (sum ^ (unsigned char)bytes[i]) * 0x100000001b3u;
    return sum;
}

static void flush(struct text *text)
{
    if (text->len && !text->failed && !text->sink.write(text->sink.user, text->buf, text->len))
        text->failed = true;
    text->len = 0;
}

void gai_text_raw(struct text *text, const char *bytes, size_t len)
{
    text->sum = gai_text_sum(text->sum, bytes, len);
    if (len > sizeof text->buf - text->len)
        flush(text);
    if (len <= sizeof text->buf) {
        memcpy(text->buf + text->len, bytes, len);
        text->len += len;
    } else if (!text->failed && !text->sink.write(text->sink.user, bytes, len)) {
        text->failed = true;
    }
}

void gai_text(struct text *text, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    int len = gai_format_list(line, sizeof line, format, args);
    va_end(args);
    if (len > 0)
        gai_text_raw(text, line, (size_t)len < sizeof line ? (size_t)len : sizeof line - 1);
}

enum ga_status gai_text_end(struct text *text)
{
    flush(text);
    return text->failed ? GA_IO : GA_OK;
}

const char *gai_text_bytes(char buf[32], uint64_t bytes)
{
    static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    if (bytes < 1024) {
        gai_format(buf, 32, "%" PRIu64 " B", bytes);
        return buf;
    }
    double value = (double)bytes / 1024;
    size_t unit = 0;
    while (value >= 1023.95 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1024;
        unit++;
    }
    gai_format(buf, 32, value < 9.995 ? "%.2f %s" : "%.1f %s", value, units[unit]);
    return buf;
}

bool gai_parse_u64(const char *text, const char *end, uint64_t *value)
{
    uint64_t sum = 0;
    if (text == end)
        return false;
    for (; text < end; text++) {
        unsigned digit = (unsigned char)*text - (unsigned)'0';
        if (digit > 9 || sum > UINT64_MAX / 10 || sum * 10 > UINT64_MAX - digit)
            return false;
        sum = sum * 10 + digit;
    }
    *value = sum;
    return true;
}
