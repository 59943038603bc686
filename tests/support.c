#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* In front of each block, so that lies about sizes are noticed. */
union header {
    size_t size;
    max_align_t align;
};

/* Behind each, so that it is noticed who writes there; whoever reads there reads nothing that makes sense. */
#ifndef __has_feature
#define __has_feature(what) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
enum { GUARD = 0 }; /* it has its own */
#else
enum { GUARD = 16 };
#endif

static bool is_guarded(const union header *block)
{
    const unsigned char *guard = (const unsigned char *)(block + 1) + block->size;
    for (int i = 0; i < GUARD; i++)
        if (guard[i] != 0xa5)
            return false;
    return true;
}

static void *resize(void *user, void *ptr, size_t old_size, size_t new_size)
{
    struct test_mem *mem = user;
    union header *old = ptr ? (union header *)ptr - 1 : NULL;
    if (old_size != (old ? old->size : 0) || (old && !is_guarded(old)))
        mem->lied = true;
    if (new_size == 0) {
        if (old) {
            mem->live -= old->size;
            mem->blocks--;
        }
        free(old);
        return NULL;
    }
    mem->requests++;
    bool is_late = mem->stays && mem->fail_at && mem->requests > mem->fail_at;
    bool is_full = mem->limit && mem->live - old_size + new_size > mem->limit;
    if (mem->requests == mem->fail_at || is_late || is_full)
        return NULL;
    union header *grown = malloc(sizeof *grown + new_size + GUARD);
    if (!grown)
        return NULL;
    grown->size = new_size;
    memset(grown + 1, 0xa5, new_size + GUARD);
    if (old) {
        memcpy(grown + 1, old + 1, old_size < new_size ? old_size : new_size);
        mem->live -= old_size;
        mem->blocks--;
        free(old);
    }
    mem->live += new_size;
    mem->blocks++;
    if (mem->live > mem->peak)
        mem->peak = mem->live;
    return grown + 1;
}

struct ga_env test_env(struct test_mem *mem)
{
    return (struct ga_env){ .mem = { .resize = resize, .user = mem } };
}

static bool append(void *user, const char *text, size_t len)
{
    struct test_text *out = user;
    if (out->limit && out->len + len > out->limit)
        return false;
    if (out->len + len + 1 > out->cap) {
        out->cap = (out->len + len + 1) * 2;
        out->text = realloc(out->text, out->cap);
        if (!out->text)
            abort();
    }
    memcpy(out->text + out->len, text, len);
    out->len += len;
    out->text[out->len] = 0;
    return true;
}

struct ga_sink test_sink(struct test_text *text)
{
    return (struct ga_sink){ .write = append, .user = text };
}

void test_text_fini(struct test_text *text)
{
    free(text->text);
    *text = (struct test_text){ 0 };
}

static size_t take(void *user, char *buf, size_t cap)
{
    struct test_source *source = user;
    size_t n = source->len - source->at;
    if (n > cap)
        n = cap;
    if (source->step && n > source->step)
        n = source->step;
    memcpy(buf, source->text + source->at, n);
    source->at += n;
    return n;
}

struct ga_source test_source(struct test_source *source)
{
    return (struct ga_source){ .read = take, .user = source };
}

const char *test_shared(void)
{
    const char *path = getenv("GGML_ALLOC_SHARED");
    struct stat info;
    return path && stat(path, &info) == 0 ? path : NULL;
}
