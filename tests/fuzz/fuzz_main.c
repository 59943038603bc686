/*
 * fuzz_main.c - replays a corpus: every file of the folders given; without libFuzzer
 */
#define _POSIX_C_SOURCE 200809L
#include "fuzz.h"

#include <dirent.h>

static bool replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    size_t cap = (size_t)1 << 20;
    uint8_t *data = malloc(cap);
    size_t len = data ? fread(data, 1, cap, file) : 0;
    fclose(file);
    /* A block of its own, of just this size, so that reading past the end is seen. */
    uint8_t *exact = malloc(len ? len : 1);
    bool good = data && exact;
    if (good) {
        memcpy(exact, data, len);
        LLVMFuzzerTestOneInput(exact, len);
    }
    free(exact);
    free(data);
    return good;
}

int main(int argc, char **argv)
{
    unsigned replayed = 0;
    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        for (struct dirent *entry; folder && (entry = readdir(folder));) {
            char path[4096];
            if (entry->d_name[0] == '.')
                continue;
            snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
            replayed += replay(path);
        }
        if (folder)
            closedir(folder);
    }
    printf("%u inputs replayed\n", replayed);
    return replayed > 0 ? 0 : 1;
}
