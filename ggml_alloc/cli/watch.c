/* For sigaction(), clock_gettime() and isatty(). */
#define _POSIX_C_SOURCE 200809L

#include "cli/watch.h"

#include "base/text.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define FIRST_MS 500
#define EVERY_MS 100

#define ERASE "\r\033[K"

static const int stop_signals[] = { SIGINT, SIGTERM };
#define N_SIGNALS (sizeof stop_signals / sizeof *stop_signals)

/* A signal knows no other way to tell. */
static volatile sig_atomic_t stop_asked;

/* What is ignored, as in the background of a shell, stays so. */
static void set_handlers(void (*from)(int), void (*to)(int))
{
    for (size_t i = 0; i < N_SIGNALS; i++) {
        struct sigaction action = { .sa_handler = to }, was;
        sigemptyset(&action.sa_mask);
        if (sigaction(stop_signals[i], NULL, &was) == 0 && was.sa_handler == from)
            sigaction(stop_signals[i], &action, NULL);
    }
}

static void ask_to_stop(int number)
{
    (void)number;
    stop_asked = 1;
    set_handlers(ask_to_stop, SIG_DFL);
}

bool watch_is_stopped(void)
{
    return stop_asked;
}

static int64_t now_ms(void)
{
    struct timespec now = { 0 };
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void watch_begin(struct watch *watch, const char *title)
{
    *watch = (struct watch){ .title = title, .is_terminal = isatty(STDERR_FILENO) };
    if (watch->is_terminal)
        watch->next_ms = now_ms() + FIRST_MS;
    if (!stop_asked)
        set_handlers(SIG_DFL, ask_to_stop);
}

void watch_end(struct watch *watch)
{
    set_handlers(ask_to_stop, SIG_DFL);
    if (watch->is_drawn)
        fputs(ERASE, stderr);
    watch->is_drawn = false;
}

/* "999", "12.3 k", "4.5 G" */
static const char *text_steps(char buf[32], uint64_t steps)
{
    static const char units[] = { 'k', 'M', 'G', 'T' };
    if (steps < 1000) {
        snprintf(buf, 32, "%" PRIu64, steps);
        return buf;
    }
    double value = (double)steps / 1000;
    size_t unit = 0;
    for (; value >= 999.95 && unit + 1 < sizeof units; unit++)
        value /= 1000;
    snprintf(buf, 32, "%.1f %c", value, units[unit]);
    return buf;
}

/* Short enough for the narrowest terminal: a line that wraps cannot be erased. */
static void draw(const struct watch *watch, uint64_t steps, uint64_t peak, uint64_t bound)
{
    char line[128], peak_text[32], bound_text[32], steps_text[32];
    snprintf(line, sizeof line, ERASE "%.30s: %s, bound %s, %s steps", watch->title, gai_text_bytes(peak_text, peak),
             gai_text_bytes(bound_text, bound), text_steps(steps_text, steps));
    fputs(line, stderr);
}

bool watch_progress(void *user, uint64_t steps, uint64_t peak, uint64_t bound)
{
    struct watch *watch = user;
    if (watch->is_terminal) {
        int64_t now = now_ms();
        if (now >= watch->next_ms) {
            draw(watch, steps, peak, bound);
            watch->is_drawn = true;
            watch->next_ms = now + EVERY_MS;
        }
    }
    return !stop_asked;
}
