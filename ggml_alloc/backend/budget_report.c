/*
 * What members have, in numbers and in words.
 */
#include "backend/budget.h"

#include <inttypes.h>

#include "base/text.h"

uint32_t ga_budget_report(ga_budget *budget, struct ga_budget_part *out, uint32_t cap)
{
    uint32_t n = gai_budget_members(budget);
    for (uint32_t i = 0; i < n && i < cap; i++) {
        uint64_t idle = gai_budget_idle(budget->members[i]);
        lock_take(&budget->lock);
        out[i] = budget->members[i]->part;
        lock_give(&budget->lock);
        out[i].idle = idle;
    }
    return n;
}

uint64_t ga_budget_bytes(ga_budget *budget, uint64_t *peak)
{
    lock_take(&budget->lock);
    uint64_t bytes = budget->bytes;
    if (peak)
        *peak = budget->peak;
    lock_give(&budget->lock);
    return bytes;
}

static const char *name_or(const char *name)
{
    return name ? name : "?";
}

static void write_totals(struct text *out, ga_budget *budget)
{
    char a[32], b[32], c[32];
    lock_take(&budget->lock);
    uint64_t bytes = budget->bytes, peak = budget->peak, limit = budget->limit;
    lock_give(&budget->lock);
    gai_text(out, "%s now, %s at most", gai_text_bytes(a, bytes), gai_text_bytes(b, peak));
    if (limit != UINT64_MAX)
        gai_text(out, ", limit %s", gai_text_bytes(c, limit));
    gai_text(out, "\n");
}

static void write_part(struct text *out, const struct ga_budget_part *part)
{
    char a[32], b[32], c[32];
    gai_text(out, "%s: %s now, %s at most, %s idle, %" PRIu64 " refused\n", name_or(part->name), gai_text_bytes(a, part->bytes),
             gai_text_bytes(b, part->peak), gai_text_bytes(c, part->idle), part->refusals);
}

static void write_refusal(struct text *out, ga_budget *budget)
{
    char size[32], bytes[32], limit[32];
    lock_take(&budget->lock);
    struct refusal refusal = budget->refusal;
    lock_give(&budget->lock);
    if (refusal.size == 0)
        return;
    gai_text(out, "last refusal: %s for %s: ", gai_text_bytes(size, refusal.size), name_or(refusal.name));
    if (refusal.by_inner)
        gai_text(out, "the device has no room, and nobody on it has idle memory left\n");
    else
        gai_text(out, "%s of %s are taken, and nobody else has idle memory left\n", gai_text_bytes(bytes, refusal.bytes),
                 gai_text_bytes(limit, refusal.limit));
}

enum ga_status ga_budget_write(ga_budget *budget, const struct ga_sink *sink)
{
    struct ga_budget_part parts[GA_BUDGET_MEMBERS];
    uint32_t n = ga_budget_report(budget, parts, GA_BUDGET_MEMBERS);
    struct text out = text_to(sink);
    write_totals(&out, budget);
    for (uint32_t i = 0; i < n; i++)
        write_part(&out, &parts[i]);
    write_refusal(&out, budget);
    return gai_text_end(&out);
}
