#include "ggml/legacy.h"

#include <string.h>

ggml_gallocr_t ggml_gallocr_new(void)
{
    struct ga_env env = gai_environment();
    struct ggml_gallocr *galloc = mem_new(&env.mem, struct ggml_gallocr, 1);
    if (!galloc)
        return NULL;
    galloc->env = env;
    galloc->is_verbose = gai_environment_logs(&env, GA_DEBUG);
    return galloc;
}

void ggml_gallocr_free(ggml_gallocr_t galloc)
{
    if (!galloc)
        return;
    struct ga_mem mem = galloc->env.mem;
    mem_free(&mem, galloc->sequence, galloc->n_sequence);
    mem_free(&mem, galloc->tensors, galloc->cap_tensors);
    mem_free(&mem, galloc->known, galloc->cap_known);
    mem_free(&mem, galloc->parts, galloc->cap_parts);
    mem_free(&mem, galloc->sources, galloc->cap_sources);
    mem_free(&mem, galloc->deeds, galloc->cap_deeds);
    gai_hashset_fini(&galloc->set, &mem);
    mem_free(&mem, galloc, 1);
}

const char *ggml_gallocr_error(ggml_gallocr_t galloc)
{
    return words_said(&galloc->error);
}

void ggml_gallocr_set_parse_seq(ggml_gallocr_t galloc, const int *list, int n)
{
    const struct ga_mem *mem = &galloc->env.mem;
    int *copy = NULL;
    galloc->error.said = false;
    if (n < 0 || (n > 0 && !list)) {
        gai_words_say(&galloc->error, &galloc->env, "a parse sequence of %d nodes%s", n, list ? "" : " without a list");
        return;
    }
    if (n > 0) {
        copy = mem_new_raw(mem, int, (size_t)n);
        if (!copy) {
            gai_words_say(&galloc->error, &galloc->env, "no memory for a parse sequence of %d nodes", n);
            return;
        }
        memcpy(copy, list, (size_t)n * sizeof *list);
    }
    mem_free(mem, galloc->sequence, galloc->n_sequence);
    galloc->sequence = copy;
    galloc->n_sequence = (uint32_t)n;
}

static void undo(struct ggml_gallocr *galloc, const struct deed *deed)
{
    struct ggml_tensor *tensor = known_tensor(galloc, deed->id), *holder = known_tensor(galloc, deed->holder);
    struct ggml_tallocr *talloc = galloc->known[deed->id].talloc;
    switch (deed->kind) {
    case DEED_PLACE:
        gai_tallocr_untake(talloc, tensor, &deed->place);
        break;
    case DEED_VIEW:
        break;
    case DEED_INHERIT:
        gai_tallocr_unpass(talloc, holder, tensor, deed->place.lost);
        break;
    case DEED_FREE:
        gai_linear_retake(&talloc->linear, holder, deed->place.offset, deed->len);
        break;
    }
}

static void apply(const struct ggml_gallocr *galloc, const struct deed *deed)
{
    const struct known *known = &galloc->known[deed->id];
    struct ggml_tensor *tensor = known_tensor(galloc, deed->id);
    const struct ggml_tallocr *talloc = known->talloc;
    if (deed->kind == DEED_FREE) {
        if (!talloc->is_measure)
            ggml_backend_buffer_free_tensor(talloc->buffer, tensor);
        return;
    }
    if (deed->kind == DEED_VIEW)
        tensor_follow(tensor, known_tensor(galloc, known->into));
    tensor_bind(tensor, known->buffer, known->data);
    if (!talloc->is_measure)
        ggml_backend_buffer_init_tensor(talloc->buffer, tensor);
}

static bool alloc_graph(struct ggml_gallocr *galloc, const struct ggml_cgraph *graph, const struct places *places)
{
    galloc->error.said = false;
    if (!gai_gallocr_know(galloc, graph, places))
        return false;
    if (!gai_gallocr_decide(galloc)) {
        while (galloc->n_deeds)
            undo(galloc, &galloc->deeds[--galloc->n_deeds]);
        return false;
    }
    for (uint32_t i = 0; i < galloc->n_deeds; i++)
        apply(galloc, &galloc->deeds[i]);
    return true;
}

size_t ggml_gallocr_alloc_graph(ggml_gallocr_t galloc, ggml_tallocr_t talloc, struct ggml_cgraph *graph)
{
    struct places places = { .talloc = talloc };
    if (!talloc)
        return gai_words_say(&galloc->error, &galloc->env, "no allocator to place the graph with"), 0;
    return alloc_graph(galloc, graph, &places) ? ggml_tallocr_max_size(talloc) : 0;
}

void ggml_gallocr_alloc_graph_n(ggml_gallocr_t galloc, struct ggml_cgraph *graph, struct ggml_hash_set hash_set,
                                ggml_tallocr_t *hash_node_talloc)
{
    struct places places = { .set = hash_set, .tallocs = hash_node_talloc };
    uint64_t n_tensors = (uint64_t)graph_n_nodes(graph) + graph_n_leafs(graph);
    if (set_size(hash_set) < n_tensors)
        gai_words_say(&galloc->error, &galloc->env, "a set of %zu slots for a graph of %zu tensors", set_size(hash_set),
                      (size_t)n_tensors);
    else
        alloc_graph(galloc, graph, &places);
}
