#include "ggml_alloc/base.h"

uint32_t ga_version(void)
{
    return (uint32_t)GA_VERSION_MAJOR << 16 | (uint32_t)GA_VERSION_MINOR << 8 | (uint32_t)GA_VERSION_PATCH;
}

const char *ga_status_str(enum ga_status status)
{
    static const char *const words[] = {
        [GA_OK] = "ok",
        [GA_NO_MEMORY] = "no memory for bookkeeping",
        [GA_NO_SPACE] = "no space",
        [GA_INVALID] = "invalid",
        [GA_STALE] = "stale plan",
        [GA_IO] = "input or output failed",
        [GA_UNKNOWN] = "not one of our blocks",
        [GA_FREED] = "freed already",
        [GA_BUSY] = "busy",
        [GA_UNSUPPORTED] = "unsupported",
    };
    bool known = (unsigned)status < sizeof words / sizeof *words;
    return known ? words[status] : "unknown status";
}
