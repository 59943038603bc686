#include "io/gen.h"

#include <inttypes.h>

void gai_generated_fini(const struct ga_mem *mem, struct generated *made)
{
    mem_free(mem, made->at, made->room);
    mem_free(mem, made->places, made->room);
    *made = (struct generated){ 0 };
}

void gai_generated_write(const struct generated *made, bool solution, struct text *out)
{
    bool has_align = false, has_offset = solution && made->places;
    for (uint32_t i = 0; i < made->n; i++) {
        has_align |= made->at[i].align > 1;
        has_offset |= made->at[i].fixed != 0;
    }
    gai_text(out, "id,lower,upper,size%s%s\n", has_align ? ",alignment" : "", has_offset ? ",offset" : "");
    for (uint32_t i = 0; i < made->n; i++) {
        const struct ga_interval *interval = &made->at[i];
        gai_text(out, "%" PRIu32 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64, i, interval->birth, interval->death, interval->size);
        if (has_align)
            gai_text(out, ",%" PRIu64, interval->align ? interval->align : 1);
        if (solution && made->places)
            gai_text(out, ",%" PRIu64, made->places[i]);
        else if (interval->fixed)
            gai_text(out, ",%" PRIu64, interval->fixed - 1);
        else if (has_offset)
            gai_text(out, ",");
        gai_text(out, "\n");
    }
}
