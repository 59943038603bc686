/* A stranger's program: knows what is installed, nothing else. */
#include <ggml_alloc/ggml_alloc.h>

int main(void)
{
    uint32_t built = (uint32_t)GA_VERSION_MAJOR << 16 | (uint32_t)GA_VERSION_MINOR << 8 | (uint32_t)GA_VERSION_PATCH;
    return ga_version() == built ? 0 : 1;
}
