#include "peers/peer.h"

#include <string.h>

#define ANY UINT32_MAX
#define SQUARE 50000

const struct peer peers[] = {
    { "ggml", "ggml-alloc: in order of birth, best fit, of equals the highest", peer_ggml, ANY, false },
    { "iree", "IREE: in order of birth, smallest gap", peer_iree, SQUARE, true },
    { "tflite", "TFLite: by size, smallest gap", peer_tflite, SQUARE, true },
    { "tflm", "TFLite-Micro: by size, first gap", peer_tflm, SQUARE, true },
    { "tvm", "TVM: by size, on top of all that lives with it", peer_tvm, SQUARE, true },
    { "tvm-climb", "TVM: 500 orders, swapping what lies below the top", peer_tvm_climb, 1100, true },
    { "xla", "XLA: by size, life or area, best or lowest fit; the best of six", peer_xla, SQUARE, true },
    { "somas", "MindSpore: by size, four fits, two orders; the best of eight", peer_somas, 30000, true },
    { "low", "lowest feasible offset first, ties by six priorities; the best of six", peer_low, ANY, false },
    { "boxing", "idealloc: boxes of like sizes and lives, then best fit; the best of ten", peer_boxing, 30000, false },
    { "canonical", "MiniMalloc: all canonical answers, in order of offset", peer_canonical, 5000, false },
};
const unsigned n_peers = sizeof peers / sizeof *peers;

const struct peer *peer_find(const char *name)
{
    for (unsigned i = 0; i < n_peers; i++)
        if (strcmp(peers[i].name, name) == 0)
            return &peers[i];
    return NULL;
}
