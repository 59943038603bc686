#include "cli/watch.h"

#include "base/text.h"
#include "cli/system.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#define MS 1000000
#define FIRST (500 * MS)
#define EVERY (100 * MS)

#define ERASE "\r\033[K"

/* A signal knows no other way to tell. */
static volatile sig_atomic_t stop_asked;

static void ask_to_stop(int number)
{
    (void)number;
    stop_asked = 1;
    system_on_stop(ask_to_stop, SIG_DFL);
}

bool watch_is_stopped(void)
{
    return stop_asked;
}

void watch_begin(struct watch *watch, const char *title)
{
    *watch = (struct watch){ .title = title, .is_terminal = system_is_terminal(stderr) };
    if (watch->is_terminal)
        watch->next = system_now() + FIRST;
    if (!stop_asked)
        system_on_stop(SIG_DFL, ask_to_stop);
}

void watch_end(struct watch *watch)
{
    system_on_stop(ask_to_stop, SIG_DFL);
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
        int64_t now = system_now();
        if (now >= watch->next) {
            draw(watch, steps, peak, bound);
            watch->is_drawn = true;
            watch->next = now + EVERY;
        }
    }
    return !stop_asked;
}
