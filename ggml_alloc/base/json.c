#include "base/json.h"

#include <string.h>

size_t gai_utf8_len(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t len = at[0] < 0x80                    ? 1
                 : at[0] >= 0xc2 && at[0] < 0xe0 ? 2
                 : (at[0] & 0xf0) == 0xe0        ? 3
                 : at[0] >= 0xf0 && at[0] < 0xf5 ? 4
                                                 : 0;
    for (size_t i = 1; i < len; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90);
    bool beyond = (at[0] == 0xed && at[1] >= 0xa0) || (at[0] == 0xf4 && at[1] >= 0x90);
    return overlong || beyond ? 0 : len;
}

void gai_json_string(struct text *out, const char *text)
{
    if (!text) {
        gai_text(out, "null");
        return;
    }
    gai_text_raw(out, "\"", 1);
    const unsigned char *at = (const unsigned char *)text;
    while (*at) {
        size_t len = gai_utf8_len((const char *)at);
        if (len == 0)
            gai_text(out, "\\ufffd");
        else if (*at == '"' || *at == '\\')
            gai_text(out, "\\%c", *at);
        else if (*at < 0x20 || *at == 0x7f)
            gai_text(out, "\\u%04x", *at);
        else
            gai_text_raw(out, (const char *)at, len);
        at += len ? len : 1;
    }
    gai_text_raw(out, "\"", 1);
}
