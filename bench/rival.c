#define _POSIX_C_SOURCE 200809L

#include "rival.h"

#include "measure.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

const char *const rival_words[] = { "answered", "gave up", "timed out", "wrong" };

/* ---- the command ---- */

struct words {
    char path_in[64], path_out[64], capacity[32], line[4096];
};

static const char *expand(const struct words *words, char letter)
{
    return letter == 'I' ? words->path_in : letter == 'O' ? words->path_out : letter == 'C' ? words->capacity : NULL;
}

static bool make_line(struct words *words, const char *command)
{
    size_t len = 0;
    for (const char *at = command; *at; at++) {
        char self[2] = { *at, 0 };
        const char *word = *at == '%' ? expand(words, at[1]) : NULL;
        at += word != NULL;
        word = word ? word : self;
        size_t n = strlen(word);
        if (n >= sizeof words->line - len)
            return false;
        memcpy(&words->line[len], word, n + 1);
        len += n;
    }
    return len > 0;
}

/* A process group of its own, so that what the shell started ends with it. */
static pid_t start(const char *line)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    setpgid(0, 0);
    int nothing = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++)
        dup2(nothing, fd);
    execl("/bin/sh", "sh", "-c", line, (char *)NULL);
    _exit(127);
}

/* -1: killed, because time is up; else its exit status. */
static int wait_for(pid_t pid, double deadline)
{
    int status = 0;
    struct timespec nap = { .tv_nsec = 200000 };
    setpgid(pid, pid); /* whoever comes first */
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (measure_now() > deadline) {
            kill(-pid, SIGKILL);
            waitpid(pid, &status, 0);
            return -1;
        }
        nanosleep(&nap, NULL);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

/* ---- the answer ---- */

/* Which field of the line this is, or -1. */
static int find_column(char *line, const char *name)
{
    int column = 0;
    for (char *word = strtok(line, ",\r\n"); word; word = strtok(NULL, ",\r\n"), column++)
        if (strcmp(word, name) == 0)
            return column;
    return -1;
}

static bool number_at(const char *line, int column, uint64_t *value)
{
    for (; column > 0 && line; column--) {
        line = strchr(line, ',');
        line += line != NULL;
    }
    return line && sscanf(line, "%" SCNu64, value) == 1;
}

/* Rows in any order, one for each interval. */
static bool read_answer(const struct puzzle *puzzle, FILE *in, uint64_t *offsets)
{
    char line[1024], copy[1024];
    if (!fgets(line, sizeof line, in))
        return false;
    int id_at = find_column(strcpy(copy, line), "id"), offset_at = find_column(strcpy(copy, line), "offset");
    uint32_t n = 0;
    for (uint32_t i = 0; i < puzzle->n; i++)
        offsets[i] = UINT64_MAX;
    while (id_at >= 0 && offset_at >= 0 && fgets(line, sizeof line, in)) {
        uint64_t id, offset;
        if (!number_at(line, id_at, &id) || !number_at(line, offset_at, &offset) || id >= puzzle->n || offsets[id] != UINT64_MAX)
            return false;
        offsets[id] = offset;
        n++;
    }
    return n == puzzle->n;
}

static enum rival_end judge(const struct puzzle *puzzle, const char *path, uint64_t *peak)
{
    FILE *in = fopen(path, "r");
    uint64_t *offsets = malloc((puzzle->n + 1) * sizeof *offsets);
    bool good = in && offsets && read_answer(puzzle, in, offsets) && puzzle_judge(puzzle, offsets, peak);
    free(offsets);
    if (in)
        fclose(in);
    return good ? RIVAL_ANSWERED : RIVAL_WRONG;
}

/* ---- files between us ---- */

static bool make_file(char *path, size_t cap, const char *name)
{
    const char *dir = getenv("TMPDIR");
    int len = snprintf(path, cap, "%s/%s-XXXXXX", dir ? dir : ".", name);
    int fd = len > 0 && (size_t)len < cap ? mkstemp(path) : -1;
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static bool write_puzzle(const struct puzzle *puzzle, const char *path)
{
    FILE *out = fopen(path, "w");
    bool good = out && puzzle_write(puzzle, out);
    if (out)
        fclose(out);
    return good;
}

bool rival_run(const char *command, const struct puzzle *puzzle, uint64_t capacity, double limit_ns, struct rival_result *result)
{
    struct words words;
    snprintf(words.capacity, sizeof words.capacity, "%" PRIu64, capacity);
    *result = (struct rival_result){ .end = RIVAL_GAVE_UP };
    if (!make_file(words.path_in, sizeof words.path_in, "puzzle"))
        return false;
    bool good = make_file(words.path_out, sizeof words.path_out, "answer");
    if (good) {
        good = write_puzzle(puzzle, words.path_in) && make_line(&words, command);
        double begin = measure_now();
        pid_t pid = good ? start(words.line) : -1;
        int code = pid > 0 ? wait_for(pid, begin + limit_ns) : 127;
        result->ns = measure_now() - begin;
        good = pid > 0;
        if (code == 0)
            result->end = judge(puzzle, words.path_out, &result->peak);
        else if (code < 0)
            result->end = RIVAL_TIMED_OUT;
        remove(words.path_out);
    }
    remove(words.path_in);
    return good;
}
