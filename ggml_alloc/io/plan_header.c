/*
 * plan_header.c - a plan as a C header: constants for those who have no heap, and no parser either
 *
 *     #define GA_PLAN_POOL_0_BYTES 4096u
 *     static const struct ga_plan_tensor ga_plan_tensors[] = { { 2u, 0u, 0u, 0u, 1024u, "norm" }, ... };
 */
#include "io/scene.h"

#include <inttypes.h>

/* Bytes that a C string may hold as they are; all others in octal, which ends by itself after three digits. */
static void write_string(const char *plain, struct text *out)
{
    gai_text(out, "\"");
    for (; *plain; plain++) {
        unsigned char byte = (unsigned char)*plain;
        bool is_plain = byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\' && byte != '?';
        if (is_plain)
            gai_text(out, "%c", byte);
        else
            gai_text(out, "\\%03o", byte);
    }
    gai_text(out, "\"");
}

static void write_pools(const struct scene *scene, struct text *out)
{
    for (uint32_t i = 0; i < scene->n_panels; i++) {
        const struct panel *panel = &scene->panels[i];
        gai_text(out, "#define GA_PLAN_POOL_%u_BYTES UINT64_C(%" PRIu64 ")\n", panel->pool, panel->peak);
        for (unsigned c = 0; ga_plan_chunk(scene->report->plan, panel->pool, c) != 0; c++)
            gai_text(out, "#define GA_PLAN_POOL_%u_CHUNK_%u_BYTES UINT64_C(%" PRIu64 ")\n", panel->pool, c,
                     ga_plan_chunk(scene->report->plan, panel->pool, c));
    }
}

static void write_tensors(const struct scene *scene, struct text *out)
{
    gai_text(out, "\nstruct ga_plan_tensor {\n    uint32_t id; /* the file's */\n    uint16_t pool, chunk;\n"
                  "    uint64_t offset, size; /* within the chunk */\n    const char *name;\n};\n\n"
                  "static const struct ga_plan_tensor ga_plan_tensors[GA_PLAN_TENSORS + 1] = {\n");
    for (uint32_t i = 0; i < scene->n_tiles; i++) {
        struct ga_slot slot;
        ga_id id = scene->tiles[i].id;
        if (!ga_plan_slot(scene->report->plan, id, &slot))
            continue;
        gai_text(out, "    { %" PRIu32 "u, %u, %u, UINT64_C(%" PRIu64 "), UINT64_C(%" PRIu64 "), ", gai_scene_file_id(scene, id),
                 slot.pool, slot.chunk, slot.offset, slot.size);
        write_string(gai_scene_name(scene, id), out);
        gai_text(out, " },\n");
    }
    gai_text(out, "    { 0, 0, 0, 0, 0, 0 } /* the end */\n};\n");
}

void gai_scene_header(const struct scene *scene, struct text *out)
{
    gai_text(out, "/* Where every tensor lives; written by ggml-alloc.  Tensors stand in the order in which they are made. */\n"
                  "#ifndef GA_PLAN_TENSORS\n#include <stdint.h>\n\n#define GA_PLAN_NAME ");
    write_string(gai_scene_title(scene), out);
    gai_text(out, "\n#define GA_PLAN_TENSORS %" PRIu32 "u\n", scene->n_tiles);
    write_pools(scene, out);
    write_tensors(scene, out);
    gai_text(out, "#endif\n");
}
