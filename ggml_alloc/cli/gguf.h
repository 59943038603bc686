/*
 * gguf.h - a model of a GGUF file, all its parts together
 */
#ifndef GAI_CLI_GGUF_H
#define GAI_CLI_GGUF_H

#include "cli/cli.h"

struct model {
    struct gguf gguf;
    bool is_whole; /* the files hold the tensors that they announce */
};

/* Complains itself; EXIT_YES: `gguf` is to be freed. */
enum exit_code model_load(const char *path, struct model *model);

#endif
