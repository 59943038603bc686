/* For mkstemp(), fchmod() and realpath(). */
#define _XOPEN_SOURCE 700

#include "cli/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_file(void *user, const char *text, size_t len)
{
    struct output *output = user;
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

/* A new file may be read by whom the umask allows, as any other. */
static void set_mode(int fd)
{
    mode_t mask = umask(0);
    umask(mask);
    (void)fchmod(fd, 0666 & ~mask);
}

static FILE *open_temporary(struct output *output)
{
    output->target = realpath(output->path, NULL);
    const char *target = output->target ? output->target : output->path;
    size_t len = strlen(target);
    output->temporary = malloc(len + sizeof ".XXXXXX");
    if (!output->temporary)
        return NULL;
    memcpy(output->temporary, target, len);
    memcpy(output->temporary + len, ".XXXXXX", sizeof ".XXXXXX");
    int fd = mkstemp(output->temporary);
    if (fd < 0) {
        free(output->temporary);
        output->temporary = NULL;
        return NULL;
    }
    set_mode(fd);
    return fdopen(fd, "wb");
}

bool output_open(struct output *output, const char *path)
{
    *output = (struct output){ .path = path, .file = stdout };
    if (!path)
        return true;
    struct stat info;
    bool is_special = stat(path, &info) == 0 && !S_ISREG(info.st_mode);
    errno = 0;
    output->file = is_special ? fopen(path, "wb") : open_temporary(output);
    if (output->file)
        return true;
    int error = errno ? errno : ENOMEM;
    free(output->target);
    free(output->temporary);
    return cannot(output, error);
}

/* All of it on its way, or why not. */
static int flush(struct output *output)
{
    errno = 0;
    if (fflush(output->file) != 0 && !output->error)
        output->error = errno ? errno : EIO;
    if (output->path && fclose(output->file) != 0 && !output->error)
        output->error = errno ? errno : EIO;
    return output->error;
}

enum exit_code output_close(struct output *output, bool keep)
{
    int error = flush(output);
    const char *target = output->target ? output->target : output->path;
    if (output->temporary && keep && !error && rename(output->temporary, target) != 0)
        error = errno;
    if (output->temporary && (!keep || error))
        (void)remove(output->temporary);
    if (error && error != EPIPE)
        cannot(output, error);
    free(output->target);
    free(output->temporary);
    return error && error != EPIPE ? EXIT_RESOURCES : EXIT_YES;
}
