/*
 * json.h - the few words of JSON that we write
 */
#ifndef GAI_BASE_JSON_H
#define GAI_BASE_JSON_H

#include "base/text.h"

/* Length of the UTF-8 sequence that starts here, 0 when it is none. */
size_t gai_utf8_len(const char *text);

/* A string, quoted and escaped; NULL is null.  Bytes that are not UTF-8 become U+FFFD. */
void gai_json_string(struct text *out, const char *text);

#endif
