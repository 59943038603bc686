#include "cli/output.h"

#include "cli/system.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ENDING ".XXXXXX"

/* Beside the target, so that it can be renamed to it. */
static FILE *create_temporary(struct output *output)
{
    size_t len = strlen(output->temporary);
    memcpy(output->temporary + len - strlen(ENDING), ENDING, strlen(ENDING));
    return system_create(output->temporary, output->target ? output->target : output->path);
}

static bool name_temporary(struct output *output)
{
    output->target = system_follow(output->path);
    const char *target = output->target ? output->target : output->path;
    size_t len = strlen(target);
    output->temporary = malloc(len + sizeof ENDING);
    if (!output->temporary)
        return false;
    memcpy(output->temporary, target, len);
    memcpy(output->temporary + len, ENDING, sizeof ENDING);
    return true;
}

static bool is_there(struct output *output)
{
    errno = 0;
    if (!output->file)
        output->file = create_temporary(output);
    if (!output->file && !output->error)
        output->error = errno ? errno : EIO;
    return output->file != NULL;
}

static bool write_file(void *user, const char *text, size_t len)
{
    struct output *output = user;
    if (!is_there(output))
        return false;
    errno = 0;
    if (fwrite(text, 1, len, output->file) == len)
        return true;
    output->error = errno ? errno : EIO;
    return false;
}

struct ga_sink output_sink(struct output *output)
{
    return (struct ga_sink){ .write = write_file, .user = output };
}

static bool cannot(const struct output *output, int error)
{
    complain("cannot write %s: %s", output->path ? output->path : "to stdout", strerror(error));
    return false;
}

/* A temporary file is there while it is written only: what is killed at work before leaves nothing.  Here it shows that it can be. */
static bool try_temporary(struct output *output)
{
    FILE *file = name_temporary(output) ? create_temporary(output) : NULL;
    if (!file)
        return false;
    (void)fclose(file);
    (void)remove(output->temporary);
    return true;
}

bool output_open(struct output *output, const char *path)
{
    *output = (struct output){ .path = path };
    bool is_special = path && system_is_special(path);
    errno = 0;
    if (!path || is_special)
        output->file = path ? fopen(path, "wb") : stdout;
    if (output->file || (path && !is_special && try_temporary(output)))
        return true;
    int error = errno ? errno : ENOMEM;
    free(output->target);
    free(output->temporary);
    return cannot(output, error);
}

/* All of it on its way, or why not. */
static int flush(struct output *output)
{
    if (!output->file)
        return output->error;
    errno = 0;
    if (fflush(output->file) != 0 && !output->error)
        output->error = errno ? errno : EIO;
    if (output->path && fclose(output->file) != 0 && !output->error)
        output->error = errno ? errno : EIO;
    return output->error;
}

enum exit_code output_close(struct output *output, bool keep)
{
    bool was_made = output->temporary && (output->file || (keep && !output->error && is_there(output)));
    int error = flush(output);
    const char *target = output->target ? output->target : output->path;
    if (was_made && keep && !error && !system_replace(output->temporary, target))
        error = errno;
    if (was_made && (!keep || error))
        (void)remove(output->temporary);
    if (error && error != EPIPE)
        cannot(output, error);
    free(output->target);
    free(output->temporary);
    return error && error != EPIPE ? EXIT_RESOURCES : EXIT_YES;
}
