#include "ggml/legacy.h"

struct ggml_allocr {
    ggml_tallocr_t talloc;
    ggml_gallocr_t galloc;
    bool graph_last; /* the last call that could fail was the graph allocator's */
};

static ggml_allocr_t around(ggml_tallocr_t talloc)
{
    const struct ga_mem mem = gai_environment().mem;
    ggml_gallocr_t galloc = talloc ? ggml_gallocr_new() : NULL;
    struct ggml_allocr *alloc = galloc ? mem_new(&mem, struct ggml_allocr, 1) : NULL;
    if (!alloc) {
        ggml_gallocr_free(galloc);
        ggml_tallocr_free(talloc);
        return NULL;
    }
    *alloc = (struct ggml_allocr){ .talloc = talloc, .galloc = galloc };
    return alloc;
}

ggml_allocr_t ggml_allocr_new(void *data, size_t size, size_t alignment)
{
    return around(ggml_tallocr_new(data, size, alignment));
}

ggml_allocr_t ggml_allocr_new_measure(size_t alignment)
{
    return around(ggml_tallocr_new_measure(alignment));
}

ggml_allocr_t ggml_allocr_new_from_buffer(struct ggml_backend_buffer *buffer)
{
    return around(ggml_tallocr_new_from_buffer(buffer));
}

ggml_allocr_t ggml_allocr_new_from_backend(struct ggml_backend *backend, size_t size)
{
    return around(ggml_tallocr_new_from_backend(backend, size));
}

ggml_allocr_t ggml_allocr_new_measure_from_backend(struct ggml_backend *backend)
{
    return around(ggml_tallocr_new_measure_from_backend(backend));
}

void ggml_allocr_free(ggml_allocr_t alloc)
{
    if (!alloc)
        return;
    const struct ga_mem mem = alloc->galloc->env.mem;
    ggml_gallocr_free(alloc->galloc);
    ggml_tallocr_free(alloc->talloc);
    mem_free(&mem, alloc, 1);
}

const char *ggml_allocr_error(ggml_allocr_t alloc)
{
    return alloc->graph_last ? ggml_gallocr_error(alloc->galloc) : ggml_tallocr_error(alloc->talloc);
}

struct ggml_backend_buffer *ggml_allocr_get_buffer(ggml_allocr_t alloc)
{
    return ggml_tallocr_get_buffer(alloc->talloc);
}

void ggml_allocr_set_parse_seq(ggml_allocr_t alloc, const int *list, int n)
{
    alloc->graph_last = true;
    ggml_gallocr_set_parse_seq(alloc->galloc, list, n);
}

bool ggml_allocr_is_measure(ggml_allocr_t alloc)
{
    return ggml_tallocr_is_measure(alloc->talloc);
}

void ggml_allocr_reset(ggml_allocr_t alloc)
{
    alloc->graph_last = false;
    ggml_tallocr_reset(alloc->talloc);
}

void ggml_allocr_alloc(ggml_allocr_t alloc, struct ggml_tensor *tensor)
{
    alloc->graph_last = false;
    ggml_tallocr_alloc(alloc->talloc, tensor);
}

size_t ggml_allocr_max_size(ggml_allocr_t alloc)
{
    return ggml_tallocr_max_size(alloc->talloc);
}

size_t ggml_allocr_alloc_graph(ggml_allocr_t alloc, struct ggml_cgraph *graph)
{
    alloc->graph_last = true;
    return ggml_gallocr_alloc_graph(alloc->galloc, alloc->talloc, graph);
}
