/*
 * system.h - what the command asks of its operating system, beyond C11
 *
 * POSIX in system_posix.c, Windows in system_windows.c; nothing else of the command tells them apart.
 */
#ifndef GAI_CLI_SYSTEM_H
#define GAI_CLI_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* First of all: a reader that goes away, or a file too large, is an error of the next write, and bytes are written as they are. */
void system_begin(void);

bool system_is_terminal(FILE *file);
/* Nanoseconds of a clock that is never set back. */
int64_t system_now(void);

/* What asks a process to end calls `to` from now on, where it called `from`; what is ignored stays so. */
void system_on_stop(void (*from)(int), void (*to)(int));

/* Files of any size.  The size leaves the position at the end; -1 with errno set: it has none. */
bool system_seek(FILE *file, uint64_t offset);
int64_t system_size(FILE *file);

/* What may not be replaced by a file: a device, a pipe, a folder. */
bool system_is_special(const char *path);
/* What `path` is in the end, when it is a link to a file; NULL: itself, or there is no memory.  The caller frees it. */
char *system_follow(const char *path);
/*
 * A new file at `path`, whose end "XXXXXX" is replaced by something unique; with the rights of the file `like`, or when there is none of
 * any new file.  NULL: see errno.
 */
FILE *system_create(char *path, const char *like);
/* One file in place of another, at once; false: see errno. */
bool system_replace(const char *from, const char *to);

#endif
