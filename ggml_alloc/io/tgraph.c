#include "io/tgraph.h"

#include "base/bits.h"
#include "io/rows.h"

#include <string.h>

enum ga_status gai_tgraph_read(const struct ga_env *env, const struct ga_source *source, enum inplace inplace, struct tgraph *file,
                               struct mishap *mishap)
{
    struct ga_env full = gai_env(env);
    struct tgraph read = { .mem = full.mem };
    struct rows rows = { .mem = full.mem };
    enum ga_status status = gai_rows_read(&rows, &read, source, mishap);
    if (status == GA_OK)
        status = gai_rows_build(&rows, env, inplace, &read, mishap);
    gai_rows_fini(&rows);
    if (status == GA_OK)
        *file = read;
    else
        gai_tgraph_fini(&read);
    return status;
}

static void free_text(const struct ga_mem *mem, char *text)
{
    if (text)
        mem_free(mem, text, strlen(text) + 1);
}

void gai_tgraph_fini(struct tgraph *file)
{
    const struct ga_mem *mem = &file->mem;
    ga_graph_delete(file->graph);
    free_text(mem, file->name);
    for (uint32_t i = 0; i < file->n_buffers; i++)
        free_text(mem, file->buffers[i].name);
    for (uint32_t i = 0; i < file->n_extras; i++) {
        free_text(mem, file->extras[i].name);
        free_text(mem, file->extras[i].basis);
    }
    mem_free(mem, file->buffers, file->cap_buffers);
    mem_free(mem, file->extras, file->cap_extras);
    mem_free(mem, file->results, file->cap_results);
    mem_free(mem, file->ids, file->n_tensors);
    mem_free(mem, file->file_ids, (size_t)file->n_tensors + 1);
}

void gai_tgraph_limits(const struct tgraph *file, uint64_t *align, uint64_t *chunk_max)
{
    for (uint32_t i = 0; i < file->n_buffers; i++) {
        align[i] = file->buffers[i].align;
        chunk_max[i] = file->buffers[i].max_size == UINT64_MAX ? 0 : file->buffers[i].max_size;
    }
}

uint64_t gai_tgraph_recorded(const struct tgraph *file, uint32_t pool)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < file->n_results; i++)
        if (file->results[i].pool == pool)
            sum = add_sat(sum, file->results[i].peak);
    return sum;
}

uint64_t gai_tgraph_extra(const struct tgraph *file, uint32_t pool)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < file->n_extras; i++)
        if (file->extras[i].pool == pool)
            sum = add_sat(sum, file->extras[i].bytes);
    return sum;
}

enum ga_status ga_graph_read(const struct ga_env *env, const struct ga_source *source, ga_graph **graph, char *error, size_t cap)
{
    struct tgraph file;
    struct mishap mishap;
    enum ga_status status = gai_tgraph_read(env, source, INPLACE_VIEWS, &file, &mishap);
    if (status != GA_OK) {
        gai_mishap_say(&mishap, error, cap);
        return status;
    }
    *graph = file.graph;
    file.graph = NULL;
    gai_tgraph_fini(&file);
    return GA_OK;
}
