#include "cli/system.h"

#if defined(_WIN32)

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <windows.h>

void system_begin(void)
{
    (void)_setmode(_fileno(stdin), _O_BINARY);
    (void)_setmode(_fileno(stdout), _O_BINARY);
}

bool system_is_terminal(FILE *file)
{
    return _isatty(_fileno(file)) != 0;
}

int64_t system_now(void)
{
    LARGE_INTEGER ticks, per_second;
    QueryPerformanceCounter(&ticks);
    QueryPerformanceFrequency(&per_second);
    int64_t rest = ticks.QuadPart % per_second.QuadPart;
    return ticks.QuadPart / per_second.QuadPart * 1000000000 + rest * 1000000000 / per_second.QuadPart;
}

void system_on_stop(void (*from)(int), void (*to)(int))
{
    static const int stop_signals[] = { SIGINT, SIGTERM };
    for (size_t i = 0; i < sizeof stop_signals / sizeof *stop_signals; i++) {
        void (*was)(int) = signal(stop_signals[i], to);
        if (was != from)
            (void)signal(stop_signals[i], was);
    }
}

bool system_seek(FILE *file, uint64_t offset)
{
    return _fseeki64(file, (int64_t)offset, SEEK_SET) == 0;
}

int64_t system_size(FILE *file)
{
    return _fseeki64(file, 0, SEEK_END) == 0 ? _ftelli64(file) : -1;
}

bool system_is_special(const char *path)
{
    struct _stat64 info;
    return _stat64(path, &info) == 0 && (info.st_mode & _S_IFMT) != _S_IFREG;
}

/* Replacing a link replaces what it names by itself. */
char *system_follow(const char *path)
{
    (void)path;
    return NULL;
}

/* Rights are inherited from the folder. */
FILE *system_create(char *path, const char *like)
{
    (void)like;
    if (_mktemp_s(path, strlen(path) + 1) != 0)
        return NULL;
    int fd = _open(path, _O_CREAT | _O_EXCL | _O_WRONLY | _O_BINARY, _S_IREAD | _S_IWRITE);
    if (fd < 0)
        return NULL;
    FILE *file = _fdopen(fd, "wb");
    if (!file) {
        _close(fd);
        (void)remove(path);
    }
    return file;
}

bool system_replace(const char *from, const char *to)
{
    if (MoveFileExA(from, to, MOVEFILE_REPLACE_EXISTING))
        return true;
    errno = EACCES;
    return false;
}

#endif
