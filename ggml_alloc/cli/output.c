/* For mkstemp(), fchmod() and realpath(). */
#define _XOPEN_SOURCE 700

#include "cli/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENDING ".XXXXXX"

/* As it was, or as the umask has it for any new file. */
static void set_mode(const char *target, int fd)
{
    struct stat info;
    mode_t mask = umask(0);
    umask(mask);
    (void)fchmod(fd, stat(target, &info) == 0 ? info.st_mode & 07777 : 0666 & ~mask);
}

/* Beside the target, so that it can be renamed to it. */
static FILE *create_temporary(struct output *output)
{
    size_t len = strlen(output->temporary);
    memcpy(output->temporary + len - strlen(ENDING), ENDING, strlen(ENDING));
    int fd = mkstemp(output->temporary);
    if (fd < 0)
        return NULL;
    set_mode(output->target ? output->target : output->path, fd);
    FILE *file = fdopen(fd, "wb");
    if (!file) {
        int error = errno;
        (void)close(fd);
        (void)remove(output->temporary);
        errno = error;
    }
    return file;
}

static bool name_temporary(struct output *output)
{
    output->target = realpath(output->path, NULL);
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
    struct stat info;
    bool is_special = path && stat(path, &info) == 0 && !S_ISREG(info.st_mode);
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
    if (was_made && keep && !error && rename(output->temporary, target) != 0)
        error = errno;
    if (was_made && (!keep || error))
        (void)remove(output->temporary);
    if (error && error != EPIPE)
        cannot(output, error);
    free(output->target);
    free(output->temporary);
    return error && error != EPIPE ? EXIT_RESOURCES : EXIT_YES;
}
