#include "ggml/legacy.h"

#include <inttypes.h>
#include <string.h>

#include "base/array.h"
#include "base/bits.h"

/* Where measuring begins: no address of this process is dereferenced there, and 0 would mean "no data". */
#define MEASURE_START ((size_t)0x1000)
#define MEASURE_SIZE (SIZE_MAX / 2)
#define MAX_ALIGN (SIZE_MAX / 4 + 1)

static bool is_alignment(size_t alignment)
{
    return is_pow2(alignment) && alignment <= MAX_ALIGN;
}

/* Measuring, the size of the buffer is no limit. */
static uint64_t limit_of(const struct ggml_tallocr *talloc)
{
    size_t size = talloc->is_measure ? MEASURE_SIZE : ggml_backend_buffer_get_size(talloc->buffer);
    size_t usable = size > talloc->padding ? size - talloc->padding : 0;
    return min_u64(usable, UINTPTR_MAX - (uintptr_t)talloc->start);
}

/* The allocator owns the buffer at once: also a failure frees it. */
static ggml_tallocr_t create(struct ggml_backend_buffer *buffer, size_t alignment, bool is_owner, bool is_measure)
{
    char *base = buffer && is_alignment(alignment) ? ggml_backend_buffer_get_base(buffer) : NULL;
    struct ga_env env = gai_environment();
    struct ggml_tallocr *talloc = base ? mem_new(&env.mem, struct ggml_tallocr, 1) : NULL;
    if (!talloc)
        goto fail;
    talloc->env = env;
    talloc->buffer = buffer;
    talloc->is_measure = is_measure;
    talloc->is_verbose = gai_environment_logs(&env, GA_DEBUG);
    talloc->padding = (size_t)(0 - (uintptr_t)base) & (alignment - 1);
    talloc->start = base + talloc->padding;
    if (gai_linear_init(&talloc->linear, &talloc->env.mem, limit_of(talloc), alignment) != GA_OK)
        goto fail;
    talloc->is_owner = is_owner;
    return talloc;
fail:
    ggml_tallocr_free(talloc);
    if (is_owner && buffer)
        ggml_backend_buffer_free(buffer);
    return NULL;
}

ggml_tallocr_t ggml_tallocr_new(void *data, size_t size, size_t alignment)
{
    if (!data || !is_alignment(alignment))
        return NULL;
    return create(ggml_backend_cpu_buffer_from_ptr(NULL, data, size), alignment, true, false);
}

ggml_tallocr_t ggml_tallocr_new_measure(size_t alignment)
{
    if (!is_alignment(alignment))
        return NULL;
    uintptr_t start = alignment > MEASURE_START ? alignment : MEASURE_START; /* aligned: nothing is lost at its beginning */
    return create(ggml_backend_cpu_buffer_from_ptr(NULL, (void *)start, MEASURE_SIZE), alignment, true, true);
}

static ggml_tallocr_t over(struct ggml_backend_buffer *buffer, bool is_owner, bool is_measure)
{
    return buffer ? create(buffer, ggml_backend_buffer_get_alignment(buffer), is_owner, is_measure) : NULL;
}

ggml_tallocr_t ggml_tallocr_new_from_buffer(struct ggml_backend_buffer *buffer)
{
    return over(buffer, false, false);
}

ggml_tallocr_t ggml_tallocr_new_from_backend(struct ggml_backend *backend, size_t size)
{
    return backend ? over(ggml_backend_alloc_buffer(backend, size), true, false) : NULL;
}

ggml_tallocr_t ggml_tallocr_new_measure_from_backend(struct ggml_backend *backend)
{
    return backend ? over(ggml_backend_alloc_buffer(backend, 1), true, true) : NULL;
}

void ggml_tallocr_free(ggml_tallocr_t talloc)
{
    if (!talloc)
        return;
    if (talloc->is_owner)
        ggml_backend_buffer_free(talloc->buffer);
    struct ga_mem mem = talloc->env.mem;
    mem_free(&mem, talloc->names, talloc->cap_names);
    gai_linear_fini(&talloc->linear);
    mem_free(&mem, talloc, 1);
}

const char *ggml_tallocr_error(ggml_tallocr_t talloc)
{
    return words_said(&talloc->error);
}

struct ggml_backend_buffer *ggml_tallocr_get_buffer(ggml_tallocr_t talloc)
{
    return talloc->buffer;
}

bool ggml_tallocr_is_measure(ggml_tallocr_t talloc)
{
    return talloc->is_measure;
}

void ggml_tallocr_reset(ggml_tallocr_t talloc)
{
    gai_linear_reset(&talloc->linear);
    talloc->error.said = false;
}

size_t ggml_tallocr_max_size(ggml_tallocr_t talloc)
{
    uint64_t peak = talloc->linear.range.peak;
    return peak ? (size_t)peak + talloc->padding : 0;
}

size_t gai_tallocr_size(const struct ggml_tallocr *talloc, const struct ggml_tensor *tensor)
{
    /* The interface of that time has it writable; backends only look. */
    return ggml_backend_buffer_get_alloc_size(talloc->buffer, (struct ggml_tensor *)(uintptr_t)tensor);
}

static void list_live(struct ggml_tallocr *talloc)
{
    const struct range *range = &talloc->linear.range;
    gai_log(&talloc->env, GA_DEBUG, "max_size = %zu bytes, live:", ggml_tallocr_max_size(talloc));
    for (uint32_t at = range_next(range, RANGE_NONE); at != RANGE_NONE; at = range_next(range, at))
        if (!range_is_free(range, at))
            gai_log(&talloc->env, GA_DEBUG, "  %.*s: %" PRIu64 " bytes at %" PRIu64, LEGACY_NAME, talloc->names[at],
                    range_len(range, at), range_offset(range, at));
}

/* Out of memory for names, no more lists are written. */
static void note_name(struct ggml_tallocr *talloc, uint32_t node, const struct ggml_tensor *tensor)
{
    talloc->is_verbose = array_room(&talloc->env.mem, &talloc->names, &talloc->cap_names, (uint64_t)node + 1);
    if (talloc->is_verbose && node != RANGE_NONE)
        strncpy(talloc->names[node], tensor_name(tensor), LEGACY_NAME);
}

static void log_taken(struct ggml_tallocr *talloc, const struct ggml_tensor *tensor, const struct place *place)
{
    const struct range *range = &talloc->linear.range;
    uint32_t node = gai_linear_find(&talloc->linear, tensor);
    uint64_t len = node != RANGE_NONE ? range_len(range, node) : 0;
    gai_log(&talloc->env, GA_DEBUG, "alloc %s: %" PRIu64 " bytes at %" PRIu64, tensor_name(tensor), len, place->offset);
    note_name(talloc, node, tensor);
    if (talloc->is_verbose && range->peak > place->old_peak)
        list_live(talloc);
}

/* The block that the tensor has is nobody's from now on: its struct was built anew at the same address. */
static uint32_t lose(struct linear *linear, const struct ggml_tensor *tensor)
{
    uint32_t lost = gai_linear_find(linear, tensor);
    if (lost != RANGE_NONE)
        gai_linear_disown(linear, lost);
    return lost;
}

static void regain(struct linear *linear, const struct ggml_tensor *tensor, uint32_t lost)
{
    if (lost != RANGE_NONE)
        gai_linear_own(linear, lost, tensor);
}

bool gai_tallocr_take(struct ggml_tallocr *talloc, const struct ggml_tensor *tensor, struct place *place, struct words *error)
{
    struct linear *linear = &talloc->linear;
    size_t size = gai_tallocr_size(talloc, tensor);
    *place = (struct place){ .old_peak = linear->range.peak, .lost = lose(linear, tensor) };
    enum ga_status status = gai_linear_take(linear, tensor, size, &place->offset);
    if (status == GA_OK) {
        if (talloc->is_verbose)
            log_taken(talloc, tensor, place);
        return true;
    }
    regain(linear, tensor, place->lost);
    if (status == GA_NO_MEMORY)
        return gai_words_say(error, &talloc->env, "%s: no memory for bookkeeping", tensor_name(tensor));
    return gai_words_say(error, &talloc->env, "%s: not enough space: needs %zu bytes, the largest block available has %" PRIu64,
                         tensor_name(tensor), size, gai_linear_largest(linear));
}

void gai_tallocr_untake(struct ggml_tallocr *talloc, const struct ggml_tensor *tensor, const struct place *place)
{
    struct linear *linear = &talloc->linear;
    uint32_t node = gai_linear_find(linear, tensor);
    if (node != RANGE_NONE)
        gai_linear_give(linear, node);
    linear->range.peak = place->old_peak;
    regain(linear, tensor, place->lost);
}

static void hand_over(struct ggml_tallocr *talloc, const struct ggml_tensor *from, const struct ggml_tensor *to)
{
    uint32_t node = gai_linear_find(&talloc->linear, from);
    gai_linear_disown(&talloc->linear, node);
    gai_linear_own(&talloc->linear, node, to);
    if (talloc->is_verbose)
        note_name(talloc, node, to);
}

uint32_t gai_tallocr_pass(struct ggml_tallocr *talloc, const struct ggml_tensor *from, const struct ggml_tensor *to)
{
    uint32_t lost = lose(&talloc->linear, to);
    hand_over(talloc, from, to);
    return lost;
}

void gai_tallocr_unpass(struct ggml_tallocr *talloc, const struct ggml_tensor *from, const struct ggml_tensor *to, uint32_t lost)
{
    hand_over(talloc, to, from);
    regain(&talloc->linear, to, lost);
}

void ggml_tallocr_alloc(ggml_tallocr_t talloc, struct ggml_tensor *tensor)
{
    struct place place;
    talloc->error.said = false;
    if (tensor_view_source(tensor)) {
        gai_words_say(&talloc->error, &talloc->env, "%s: a view has no bytes of its own", tensor_name(tensor));
    } else if (tensor_data(tensor)) {
        gai_words_say(&talloc->error, &talloc->env, "%s: has data already", tensor_name(tensor));
    } else if (gai_tallocr_take(talloc, tensor, &place, &talloc->error)) {
        tensor_bind(tensor, talloc->buffer, talloc->start + place.offset);
        if (!talloc->is_measure)
            ggml_backend_buffer_init_tensor(talloc->buffer, tensor);
    }
}
