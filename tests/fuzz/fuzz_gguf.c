/*
 * Any bytes as a GGUF header: refused with a reason and the byte, or sums that add up, and a need that can be told or is refused.
 */
#include "fuzz.h"

#include "io/gguf_cache.h"

static size_t read_at(void *user, uint64_t offset, char *buf, size_t cap)
{
    const struct fuzz_text *text = user;
    REQUIRE(offset < text->len, "read behind the end");
    size_t n = text->len - (size_t)offset;
    n = n > cap ? cap : n;
    memcpy(buf, text->data + offset, n);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ga_env env = gai_env(NULL);
    struct fuzz_text text = { data, size, 0, 0 };
    struct gguf_source source = { read_at, &text, size };
    struct gguf gguf;
    struct gguf_need need;
    struct mishap mishap;
    if (gai_gguf_read(&env.mem, &source, &gguf, &mishap) != GA_OK) {
        REQUIRE(strncmp(mishap.what, "byte ", 5) == 0, "refused, but nobody says where");
        return 0;
    }
    uint64_t sum = gguf.others, types = 0;
    for (unsigned i = 0; i < GGUF_LIST; i++)
        sum += gguf.layers[i].bytes;
    for (unsigned i = 0; i < GGUF_TYPES; i++)
        types += gguf.by_type[i];
    REQUIRE(sum == gguf.bytes && types == gguf.bytes, "the sums differ");
    struct gguf_use use = { 4096, 2048, 512, 1 + size % 3, GGUF_F16 };
    if (gai_gguf_need(&gguf, &use, &need, &mishap) != GA_OK)
        REQUIRE(mishap.what[0], "refused, but nobody says why");
    gai_gguf_fini(&gguf);
    return 0;
}
