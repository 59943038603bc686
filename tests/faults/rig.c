/*
 * The rig: hooks that fail on request, and text to compare.
 */
#include "faults.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>

char doing[400];

void say_text(struct rig *rig, const char *text, size_t len)
{
    struct ga_sink sink = test_sink(&rig->said);
    sink.write(sink.user, text, len);
}

void say(struct rig *rig, const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    cr_assert(len >= 0 && (size_t)len < sizeof text);
    say_text(rig, text, (size_t)len);
}

void say_address(struct rig *rig, const void *address, const void *base)
{
    if (!address)
        say(rig, " nowhere");
    else
        say(rig, " at %llx", (unsigned long long)((uintptr_t)address - (rig->is_itself ? 0 : (uintptr_t)base)));
}

enum ga_status made(const struct rig *rig, bool is_made)
{
    return is_made ? GA_OK : rig->failure != GA_OK ? rig->failure : GA_INVALID;
}

void fill_up(struct rig *rig, enum ga_status (*call)(struct rig *rig))
{
    enum ga_status status = GA_OK;
    rig->failure = GA_NO_MEMORY;
    rig->mem.fail_at = rig->mem.requests + 1;
    rig->mem.stays = true; /* what was refused once may be tried again */
    for (int n = 0; status == GA_OK; n++) {
        cr_assert_lt(n, 200, "%s asks for no memory", doing);
        status = call(rig);
    }
    cr_assert_eq(status, GA_NO_MEMORY);
    rig->mem.fail_at = 0;
    rig->mem.stays = false;
    rig->failure = GA_OK;
}

static bool write_text(void *user, const char *text, size_t len)
{
    struct rig *rig = user;
    if (++rig->writes == rig->fail_write)
        return false;
    cr_assert(rig->fail_write == 0 || rig->writes < rig->fail_write, "written to after it refused");
    struct ga_sink sink = test_sink(&rig->written);
    return sink.write(sink.user, text, len);
}

static size_t read_text(void *user, char *buf, size_t cap)
{
    struct rig *rig = user;
    if (++rig->reads == rig->fail_read)
        return SIZE_MAX;
    cr_assert(!rig->more || rig->reads < 1000, "%s reads on for ever", doing);
    cr_assert(rig->fail_read == 0 || rig->reads < rig->fail_read, "read from after it failed");
    size_t len = rig->text.len, n = 0;
    size_t most = rig->step && rig->step < cap ? rig->step : cap;
    while (n < most && (rig->at < len || rig->more)) {
        buf[n++] = rig->at < len ? rig->text.text[rig->at] : rig->more[(rig->at - len) % strlen(rig->more)];
        rig->at++;
    }
    return n;
}

void rig_open(struct rig *rig, const struct area *area, const struct row *row)
{
    *rig = (struct rig){ .source = { read_text, rig }, .sink = { write_text, rig } };
    snprintf(doing, sizeof doing, "%s %u: %s", area->name, (unsigned)(row - area->rows), row->functions);
    rig->env = test_env(&rig->mem);
    rig->sim = ga_sim_new(NULL, area->has_bytes ? ga_backend_cpu() : ga_backend_null(), NULL);
    rig->device = ga_sim_backend(rig->sim);
    if (row->make)
        row->make(rig);
}

void rig_close(struct rig *rig, const struct area *area)
{
    struct ga_sim_stats left;
    area->drop(rig);
    ga_sim_stats(rig->sim, &left);
    cr_assert(left.live == 0 && left.buffers == 0 && left.events == 0 && left.ranges == 0 && left.pins == 0 && left.pinned == 0,
              "%s leaks memory of the device", doing);
    cr_assert_null(ga_sim_error(rig->sim), "%s: %s", doing, ga_sim_error(rig->sim));
    ga_sim_delete(rig->sim);
    cr_assert(rig->mem.blocks == 0 && rig->mem.live == 0, "%s leaks", doing);
    cr_assert_not(rig->mem.lied, "%s gives wrong sizes back", doing);
    test_text_fini(&rig->said);
    test_text_fini(&rig->written);
    test_text_fini(&rig->text);
}
