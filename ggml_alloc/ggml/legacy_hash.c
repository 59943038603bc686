/*
 * The set of tensors that ggml's graphs and schedulers keep: linear probing over slots that the caller owns.
 */
#include "ggml-alloc.h"

size_t ggml_hash_find(const struct ggml_hash_set hash_set, struct ggml_tensor *key)
{
    if (hash_set.size == 0)
        return GGML_HASHTABLE_FULL;
    uint64_t mixed = (uint64_t)(uintptr_t)key * 0x9e3779b97f4a7c15u; /* neighbours in an array must not be neighbours here */
    size_t home = (size_t)((mixed >> 32) % hash_set.size), at = home;
    while (hash_set.keys[at] && hash_set.keys[at] != key) {
        at = at + 1 < hash_set.size ? at + 1 : 0;
        if (at == home)
            return GGML_HASHTABLE_FULL;
    }
    return at;
}

bool ggml_hash_contains(const struct ggml_hash_set hash_set, struct ggml_tensor *key)
{
    size_t at = ggml_hash_find(hash_set, key);
    return at != GGML_HASHTABLE_FULL && hash_set.keys[at] == key;
}

size_t ggml_hash_insert(struct ggml_hash_set hash_set, struct ggml_tensor *key)
{
    if (ggml_hash_contains(hash_set, key))
        return GGML_HASHTABLE_ALREADY_EXISTS;
    return ggml_hash_find_or_insert(hash_set, key);
}

size_t ggml_hash_find_or_insert(struct ggml_hash_set hash_set, struct ggml_tensor *key)
{
    size_t at = ggml_hash_find(hash_set, key);
    if (at != GGML_HASHTABLE_FULL)
        hash_set.keys[at] = key;
    return at;
}
