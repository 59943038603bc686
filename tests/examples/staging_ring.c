/*
 * staging_ring.c - weights go to a device through a few page-locked buffers: one is filled while others are on their way
 *
 *     file  -->  [ staged ] [ staged ] [ staged ] [ staged ]  -->  device
 *                     ^          on their way         |
 *                     `------- when it has arrived ---'
 *
 * The host allocator is the ring.  A buffer is given back as soon as its copy was ordered, and handed out again when the copy is
 * done; at the limit, the next request waits for the oldest copy.
 */
#include <ggml_alloc/ggml_alloc.h>

#include <stdio.h>
#include <string.h>

enum { CHUNK = 1 << 16, CHUNKS = 100, SLOTS = 4, STREAM = 1 };

static void read_chunk(char *to, int number)
{
    for (int i = 0; i < CHUNK; i++)
        to[i] = (char)(number + i);
}

static bool arrived(const char *weights)
{
    static char expected[CHUNK];
    for (int number = 0; number < CHUNKS; number++) {
        read_chunk(expected, number);
        if (memcmp(weights + (size_t)number * CHUNK, expected, CHUNK) != 0)
            return false;
    }
    return true;
}

int main(void)
{
    /* A device that runs behind us; this one is simulated, and keeps its memory where we can look. */
    ga_sim *sim = ga_sim_new(NULL, ga_backend_cpu(), NULL);
    if (!sim)
        return 1;
    const struct ga_backend *device = ga_sim_backend(sim);
    struct ga_buffer weights;
    if (device->alloc(device->user, (size_t)CHUNKS * CHUNK, &weights) != GA_OK)
        return 1;

    ga_host *host = ga_host_new(NULL, device, &(struct ga_host_opts){ .limit = SLOTS * CHUNK });
    if (!host)
        return 1;
    for (int number = 0; number < CHUNKS; number++) {
        void *staged;
        ga_host_block *token;
        if (ga_host_alloc(host, CHUNK, &staged, &token) != GA_OK) /* waits when all are on their way */
            return 1;
        read_chunk(staged, number);
        char *to = (char *)weights.base + (size_t)number * CHUNK;
        if (ga_host_copy(host, to, staged, CHUNK, STREAM) != GA_OK || ga_host_record(host, staged, token, STREAM) != GA_OK)
            return 1;
        ga_host_free(host, token); /* ours no more, but nobody else's before it has arrived */
    }
    if (ga_host_sync(host) != GA_OK)
        return 1;

    struct ga_host_stats stats;
    ga_host_stats(host, &stats);
    printf("%d KiB went through %llu KiB of page-locked memory, which was taken in %llu pieces\n", CHUNKS * CHUNK / 1024,
           (unsigned long long)stats.allocated_bytes.peak / 1024, (unsigned long long)stats.host_allocs);
    bool is_right = arrived(weights.base) && stats.host_allocs == SLOTS && !ga_sim_error(sim);
    device->free(device->user, &weights);
    ga_host_delete(host);
    ga_sim_delete(sim);
    return is_right ? 0 : 1;
}
