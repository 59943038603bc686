/* For mkstemp(), realpath(), sigaction(), and files above 2 GiB. */
#define _XOPEN_SOURCE 700

#include "cli/system.h"

#if !defined(_WIN32)

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

void system_begin(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
}

bool system_is_terminal(FILE *file)
{
    return isatty(fileno(file)) != 0;
}

int64_t system_now(void)
{
    struct timespec now = { 0 };
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void system_on_stop(void (*from)(int), void (*to)(int))
{
    static const int stop_signals[] = { SIGINT, SIGTERM };
    for (size_t i = 0; i < sizeof stop_signals / sizeof *stop_signals; i++) {
        struct sigaction action = { .sa_handler = to }, was;
        sigemptyset(&action.sa_mask);
        if (sigaction(stop_signals[i], NULL, &was) == 0 && was.sa_handler == from)
            sigaction(stop_signals[i], &action, NULL);
    }
}

bool system_seek(FILE *file, uint64_t offset)
{
    return fseeko(file, (off_t)offset, SEEK_SET) == 0;
}

int64_t system_size(FILE *file)
{
    return fseeko(file, 0, SEEK_END) == 0 ? (int64_t)ftello(file) : -1;
}

bool system_is_special(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && !S_ISREG(info.st_mode);
}

char *system_follow(const char *path)
{
    return realpath(path, NULL);
}

static void set_mode(const char *like, int fd)
{
    struct stat info;
    mode_t mask = umask(0);
    umask(mask);
    (void)fchmod(fd, stat(like, &info) == 0 ? info.st_mode & 07777 : 0666 & ~mask);
}

FILE *system_create(char *path, const char *like)
{
    int fd = mkstemp(path);
    if (fd < 0)
        return NULL;
    set_mode(like, fd);
    FILE *file = fdopen(fd, "wb");
    if (!file) {
        int error = errno;
        (void)close(fd);
        (void)remove(path);
        errno = error;
    }
    return file;
}

bool system_replace(const char *from, const char *to)
{
    return rename(from, to) == 0;
}

#endif
