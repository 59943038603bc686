#include "io/gguf.h"

#include "base/bits.h"
#include "base/text.h"

#include <inttypes.h>
#include <string.h>

static const char *const field_keys[GGUF_FIELDS] = {
    [GGUF_BLOCKS] = "block_count",
    [GGUF_CONTEXT] = "context_length",
    [GGUF_EMBEDDING] = "embedding_length",
    [GGUF_HEADS] = "attention.head_count",
    [GGUF_HEADS_KV] = "attention.head_count_kv",
    [GGUF_KEY] = "attention.key_length",
    [GGUF_VALUE] = "attention.value_length",
    [GGUF_KEY_SWA] = "attention.key_length_swa",
    [GGUF_VALUE_SWA] = "attention.value_length_swa",
    [GGUF_KEY_MLA] = "attention.key_length_mla",
    [GGUF_KV_RANK] = "attention.kv_lora_rank",
    [GGUF_ROPE] = "rope.dimension_count",
    [GGUF_WINDOW] = "attention.sliding_window",
    [GGUF_PATTERN] = "attention.sliding_window_pattern",
    [GGUF_SHARED] = "attention.shared_kv_layers",
    [GGUF_NEXTN] = "nextn_predict_layers",
    [GGUF_CONV] = "ssm.conv_kernel",
    [GGUF_INNER] = "ssm.inner_size",
    [GGUF_STATE] = "ssm.state_size",
    [GGUF_GROUPS] = "ssm.group_count",
    [GGUF_WKV] = "wkv.head_size",
    [GGUF_SHIFTS] = "token_shift_count",
    [GGUF_SHORTCONV] = "shortconv.l_cache",
};

enum value_type { VALUE_BOOL = 7, VALUE_STRING = 8, VALUE_ARRAY = 9, N_VALUE_TYPES = 13 };

/* Of u8 i8 u16 i16 u32 i32 f32 bool string array u64 i64 f64; 0: it varies. */
static const uint8_t value_sizes[N_VALUE_TYPES] = { 1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8 };

struct reader {
    const struct gguf_source *source;
    struct gguf *gguf;
    struct mishap *mishap;
    enum ga_status status; /* the first failure */
    uint64_t at, limit;    /* limit: no header goes further */
    uint64_t begin;        /* of what `buf` holds */
    size_t len;
    char buf[4096];
};

#define KEY_MOST 96u

/* ---- bytes ---- */

static bool refuse(struct reader *in, uint64_t at, const char *what)
{
    if (in->status == GA_OK)
        in->status = gai_mishap(in->mishap, 0, "byte %" PRIu64 ": %s", at, what);
    return false;
}

static bool has(struct reader *in, uint64_t n)
{
    if (n <= in->limit - in->at)
        return true;
    if (in->limit == GGUF_HEADER_MOST)
        return refuse(in, in->at, "the header is longer than 512 MiB");
    return refuse(in, in->at, "more is announced than the file holds");
}

static bool get(struct reader *in, void *to, size_t n)
{
    char *out = to;
    if (!has(in, n))
        return false;
    for (size_t done = 0; done < n;) {
        uint64_t skip = in->at - in->begin;
        if (in->at < in->begin || skip >= in->len) {
            in->begin = in->at;
            in->len = in->source->read(in->source->user, in->at, in->buf, (size_t)min_u64(sizeof in->buf, in->limit - in->at));
            skip = 0;
            if (in->len == 0)
                return refuse(in, in->at, "the file ends here, or cannot be read");
        }
        size_t part = in->len - (size_t)skip < n - done ? in->len - (size_t)skip : n - done;
        memcpy(out + done, in->buf + skip, part);
        done += part;
        in->at += part;
    }
    return true;
}

static bool skip(struct reader *in, uint64_t n)
{
    if (!has(in, n))
        return false;
    in->at += n;
    return true;
}

/* A whole number of 1 to 8 bytes. */
static bool get_uint(struct reader *in, size_t size, uint64_t *value)
{
    unsigned char raw[8] = { 0 };
    if (!get(in, raw, size))
        return false;
    *value = 0;
    for (size_t i = 0; i < size; i++)
        *value = *value << 8 | raw[in->gguf->is_big ? i : size - 1 - i];
    return true;
}

/* Its first bytes, 0-terminated; what does not fit `cap` is passed over. */
static bool get_string(struct reader *in, char *text, size_t cap)
{
    uint64_t len;
    if (!get_uint(in, 8, &len) || !has(in, len))
        return false;
    size_t kept = (size_t)min_u64(len, cap - 1);
    if (!get(in, text, kept))
        return false;
    text[kept] = 0;
    return skip(in, len - kept);
}

/* ---- metadata ---- */

static bool skip_strings(struct reader *in, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t len;
        if (!get_uint(in, 8, &len) || !skip(in, len))
            return false;
    }
    return true;
}

static bool get_type(struct reader *in, uint64_t *type)
{
    uint64_t at = in->at;
    if (!get_uint(in, 4, type))
        return false;
    return *type < N_VALUE_TYPES || refuse(in, at, "no type of values");
}

/* How many of what; arrays in arrays are not part of the format as anyone writes it. */
static bool get_array(struct reader *in, uint64_t *type, uint64_t *n)
{
    uint64_t at = in->at;
    if (!get_type(in, type) || !get_uint(in, 8, n))
        return false;
    if (*type == VALUE_ARRAY)
        return refuse(in, at, "an array of arrays");
    uint64_t least = *type == VALUE_STRING ? 8 : value_sizes[*type];
    return *n <= (in->limit - in->at) / least || has(in, UINT64_MAX);
}

static bool skip_value(struct reader *in, uint64_t type)
{
    char text[1];
    uint64_t n = 1;
    if (type == VALUE_ARRAY && !get_array(in, &type, &n))
        return false;
    if (type == VALUE_STRING && n == 1)
        return get_string(in, text, sizeof text);
    return type == VALUE_STRING ? skip_strings(in, n) : skip(in, n * value_sizes[type]);
}

static bool is_whole(uint64_t type)
{
    return type < N_VALUE_TYPES && type != 6 && type != 12 && type != VALUE_STRING && type != VALUE_ARRAY;
}

static bool get_list(struct reader *in, struct gguf_number *number, size_t size, uint64_t n)
{
    uint64_t kept = min_u64(n, GGUF_LIST);
    if (!number->list)
        number->list = mem_new(&in->gguf->mem, uint64_t, GGUF_LIST);
    if (!number->list) {
        in->status = GA_NO_MEMORY;
        return false;
    }
    for (uint64_t i = 0; i < kept; i++)
        if (!get_uint(in, size, &number->list[i]))
            return false;
    number->n = (uint32_t)kept;
    number->first = kept ? number->list[0] : 0;
    return skip(in, (n - kept) * size);
}

/* A number, or one for each layer. */
static bool get_number(struct reader *in, struct gguf_number *number, uint64_t type)
{
    uint64_t at = in->at, n = 0;
    bool is_list = type == VALUE_ARRAY;
    if (is_list && !get_array(in, &type, &n))
        return false;
    if (!is_whole(type))
        return refuse(in, at, "this should be whole numbers");
    if (is_list)
        return get_list(in, number, value_sizes[type], n);
    mem_free(&in->gguf->mem, number->list, GGUF_LIST);
    number->list = NULL;
    number->n = 1;
    return get_uint(in, value_sizes[type], &number->first);
}

/* The field that a key "<architecture>.<field>" names, if it is one that we keep and not another architecture's. */
static struct gguf_number *find_field(struct gguf *gguf, const char *key)
{
    size_t len = strcspn(key, ".");
    if (key[len] != '.' || len >= GGUF_WORD)
        return NULL;
    for (unsigned i = 0; i < GGUF_FIELDS; i++) {
        struct gguf_number *number = &gguf->numbers[i];
        if (strcmp(key + len + 1, field_keys[i]) != 0)
            continue;
        bool is_ours = strlen(gguf->arch) == len && memcmp(gguf->arch, key, len) == 0;
        if (number->n && !is_ours)
            return NULL;
        memcpy(number->arch, key, len);
        number->arch[len] = 0;
        return number;
    }
    return NULL;
}

static bool get_pair(struct reader *in)
{
    struct gguf *gguf = in->gguf;
    char key[KEY_MOST];
    uint64_t type, at;
    if (!get_string(in, key, sizeof key) || !get_type(in, &type))
        return false;
    at = in->at;
    if (strcmp(key, "general.architecture") == 0)
        return type == VALUE_STRING ? get_string(in, gguf->arch, sizeof gguf->arch) : refuse(in, at, "this should be a string");
    struct gguf_number plain = { 0 }, *number = find_field(gguf, key);
    bool is_align = strcmp(key, "general.alignment") == 0, is_no = strcmp(key, "split.no") == 0;
    bool is_plain = is_align || is_no || strcmp(key, "split.count") == 0;
    if (!is_plain)
        return number ? get_number(in, number, type) : skip_value(in, type);
    if (!is_whole(type))
        return refuse(in, at, "this should be a whole number");
    if (!get_number(in, &plain, type))
        return false;
    if (is_align && !is_pow2(plain.first))
        return refuse(in, at, "the alignment is no power of two");
    *(is_align ? &gguf->align : is_no ? &gguf->split_no : &gguf->split_count) = plain.first;
    return true;
}

/* ---- tensors ---- */

/* "blk.12.attn_k.weight": of which layer, and what that tells of it. */
static struct gguf_layer *find_layer(struct gguf *gguf, const char *name, unsigned *kind)
{
    uint64_t layer;
    *kind = 0;
    if (strncmp(name, "blk.", 4) != 0)
        return NULL;
    size_t digits = strspn(name + 4, "0123456789");
    const char *rest = name + 4 + digits;
    if (*rest != '.' || !gai_parse_u64(name + 4, rest, &layer) || layer >= GGUF_LIST)
        return NULL;
    rest++;
    if (strncmp(rest, "ssm_", 4) == 0 || strncmp(rest, "time_mix_", 9) == 0 || strncmp(rest, "shortconv.", 10) == 0)
        *kind = GGUF_RECURRENT;
    else if (strncmp(rest, "attn_k.", 7) == 0)
        *kind = GGUF_KEYS;
    return &gguf->layers[layer];
}

/* Bytes of a tensor of these dimensions. */
static bool get_size(struct reader *in, uint64_t *type, uint64_t *bytes)
{
    uint64_t n_dims, row = 1, rows = 1, at = in->at;
    if (!get_uint(in, 4, &n_dims))
        return false;
    if (n_dims > 4)
        return refuse(in, at, "more than 4 dimensions");
    for (uint64_t i = 0; i < n_dims; i++) {
        uint64_t n;
        at = in->at;
        if (!get_uint(in, 8, &n))
            return false;
        if (n == 0 || n > INT64_MAX || (i > 0 && rows > INT64_MAX / n))
            return refuse(in, at, n ? "the tensor is too large" : "a dimension is 0");
        *(i ? &rows : &row) *= n;
    }
    at = in->at;
    if (!get_uint(in, 4, type))
        return false;
    if (*type >= GGUF_TYPES || !gai_gguf_type_name((uint32_t)*type))
        return refuse(in, at, "a type of tensors that is not known");
    uint64_t size = gai_gguf_row((uint32_t)*type, row);
    if (size > INT64_MAX / rows)
        return refuse(in, at, "the tensor is too large");
    *bytes = size * rows;
    return true;
}

static bool get_tensor(struct reader *in)
{
    struct gguf *gguf = in->gguf;
    char name[KEY_MOST];
    uint64_t type, bytes = 0, offset;
    unsigned kind;
    if (!get_string(in, name, sizeof name) || !get_size(in, &type, &bytes))
        return false;
    uint64_t at = in->at;
    if (!get_uint(in, 8, &offset))
        return false;
    if (offset % gguf->align != 0)
        return refuse(in, at, "the tensor is not aligned");
    if (offset > INT64_MAX - bytes || gguf->bytes > INT64_MAX - bytes)
        return refuse(in, at, "the tensors are too large");
    struct gguf_layer *layer = find_layer(gguf, name, &kind);
    gguf->bytes += bytes;
    gguf->by_type[type] += bytes;
    *(layer ? &layer->bytes : &gguf->others) += bytes;
    if (layer)
        layer->kind |= kind;
    gguf->data_end = max_u64(gguf->data_end, offset + bytes);
    return true;
}

/* ---- the whole ---- */

static bool get_start(struct reader *in)
{
    struct gguf *gguf = in->gguf;
    char magic[4];
    uint64_t version;
    if (in->limit < sizeof magic)
        return refuse(in, 0, in->limit == 0 ? "the file is empty" : "no GGUF file");
    if (!get(in, magic, sizeof magic))
        return false;
    if (memcmp(magic, "GGUF", 4) != 0)
        return refuse(in, 0, "no GGUF file");
    if (!get_uint(in, 4, &version))
        return false;
    if (version == (uint64_t)2 << 24 || version == (uint64_t)3 << 24) {
        gguf->is_big = true;
        version >>= 24;
    }
    if (version != 2 && version != 3)
        return refuse(in, 4, "a version that is neither 2 nor 3");
    gguf->version = (unsigned)version;
    if (!get_uint(in, 8, &gguf->n_tensors) || !get_uint(in, 8, &gguf->n_keys))
        return false;
    /* The shortest tensor takes 24 bytes, the shortest pair 13. */
    uint64_t left = in->limit - in->at;
    if (gguf->n_tensors > left / 24)
        return refuse(in, 8, "more tensors than the file holds");
    return gguf->n_keys <= left / 13 || refuse(in, 16, "more keys than the file holds");
}

static bool read_header(struct reader *in)
{
    struct gguf *gguf = in->gguf;
    if (!get_start(in))
        return false;
    for (uint64_t i = 0; i < gguf->n_keys; i++)
        if (!get_pair(in))
            return false;
    if (!gguf->arch[0] && gguf->split_no == 0)
        return refuse(in, in->at, "no general.architecture");
    for (uint64_t i = 0; i < gguf->n_tensors; i++)
        if (!get_tensor(in))
            return false;
    if (gguf->align > GGUF_HEADER_MOST)
        return refuse(in, in->at, "the alignment is too large");
    gguf->data_end = gguf->n_tensors ? add_sat(gguf->data_end, align_up(in->at, gguf->align)) : in->at;
    return true;
}

enum ga_status gai_gguf_read(const struct ga_mem *mem, const struct gguf_source *source, struct gguf *gguf, struct mishap *mishap)
{
    struct gguf read = { .mem = *mem, .align = 32 };
    struct reader in = { .source = source, .gguf = &read, .mishap = mishap, .limit = min_u64(source->size, GGUF_HEADER_MOST) };
    if (!read_header(&in)) {
        gai_gguf_fini(&read);
        if (in.status == GA_NO_MEMORY)
            gai_mishap(mishap, 0, "%s", ga_status_str(GA_NO_MEMORY));
        return in.status;
    }
    for (unsigned i = 0; i < GGUF_FIELDS; i++)
        if (strcmp(read.numbers[i].arch, read.arch) != 0)
            read.numbers[i].n = 0;
    *gguf = read;
    return GA_OK;
}

void gai_gguf_fini(struct gguf *gguf)
{
    for (unsigned i = 0; i < GGUF_FIELDS; i++)
        mem_free(&gguf->mem, gguf->numbers[i].list, GGUF_LIST);
}

void gai_gguf_join(struct gguf *gguf, const struct gguf *part)
{
    gguf->n_tensors += part->n_tensors;
    gguf->bytes = add_sat(gguf->bytes, part->bytes);
    gguf->others = add_sat(gguf->others, part->others);
    for (unsigned i = 0; i < GGUF_TYPES; i++)
        gguf->by_type[i] = add_sat(gguf->by_type[i], part->by_type[i]);
    for (unsigned i = 0; i < GGUF_LIST; i++) {
        gguf->layers[i].bytes = add_sat(gguf->layers[i].bytes, part->layers[i].bytes);
        gguf->layers[i].kind |= part->layers[i].kind;
    }
}

uint64_t gai_gguf_number(const struct gguf *gguf, enum gguf_field field, uint32_t layer, uint64_t otherwise)
{
    const struct gguf_number *number = &gguf->numbers[field];
    if (number->n == 0)
        return otherwise;
    if (!number->list)
        return number->first;
    return layer < number->n ? number->list[layer] : otherwise;
}
