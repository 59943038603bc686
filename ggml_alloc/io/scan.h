/*
 * scan.h - records of tab-separated fields, verified as they are read
 *
 *     struct scan scan = scan_from(&mem, &source, "end", &mishap);
 *     bool ok = gai_scan_expect(&scan, "peak", 2) && gai_scan_number(&scan, 1, "pool", 65535, &pool) && ...;
 *     gai_scan_fini(&scan);
 *     return ok ? GA_OK : scan.status;
 *
 * Functions return false once something is wrong: `status` and the mishap then tell what.
 */
#ifndef GAI_IO_SCAN_H
#define GAI_IO_SCAN_H

#include "io/lines.h"

struct scan {
    struct lines lines;
    const char *last;     /* the record that ends a text */
    uint64_t sum;         /* of the lines before the one at hand, as text.h sums */
    struct fields fields; /* of the record at hand; [0] is its name */
    struct mishap *mishap;
    enum ga_status status;
    uint64_t next_sum;
};

struct scan scan_from(const struct ga_mem *mem, const struct ga_source *source, const char *last, struct mishap *mishap);
void gai_scan_fini(struct scan *scan);

/* What is wrong with the line at hand; always false. */
bool gai_scan_fail(struct scan *scan, const char *format, ...) GAI_PRINTF(2, 3);
bool gai_scan_fail_memory(struct scan *scan);

/* The next record: printable ASCII without blanks, no field empty. */
bool gai_scan_next(struct scan *scan);
/* The next record, which must have this name and `n` fields behind it. */
bool gai_scan_expect(struct scan *scan, const char *record, unsigned n);
/* The record at hand must have `n` fields behind its name. */
bool gai_scan_has(struct scan *scan, unsigned n);
/* Nothing may follow the last record. */
bool gai_scan_end(struct scan *scan);

/* A whole decimal number of at most `max`; `what` names it in messages. */
bool gai_scan_number(struct scan *scan, unsigned field, const char *what, uint64_t max, uint64_t *value);
/* A number below `end`, or -1, which is UINT32_MAX. */
bool gai_scan_index(struct scan *scan, unsigned field, const char *what, uint32_t end, uint32_t *value);
/* Hexadecimal, 64 bits. */
bool gai_scan_hex(struct scan *scan, unsigned field, const char *what, uint64_t *value);
/* A copy of the field, from `mem`: strlen() + 1 bytes. */
bool gai_scan_keep(struct scan *scan, unsigned field, const struct ga_mem *mem, char **copy);

#endif
