#define _POSIX_C_SOURCE 200809L /* sched_yield, nanosleep */

#include "base/lock.h"

#include <sched.h>
#include <time.h>

enum { LOOKS = 200, YIELDS = 20, FIRST_NAP = 20000, LONGEST_NAP = 1000000 /* ns */ };

static bool is_held(struct lock *lock)
{
    return atomic_load_explicit(&lock->held, memory_order_relaxed);
}

/* Leaves the core's units to the other thread of it. */
static inline void relax(void)
{
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
    __builtin_ia32_pause();
#endif
}

void gai_lock_wait(struct lock *lock)
{
    for (int i = 0; i < LOOKS; i++) {
        if (!is_held(lock))
            return;
        relax();
    }
    for (int i = 0; i < YIELDS; i++) {
        if (!is_held(lock))
            return;
        sched_yield();
    }
    for (long ns = FIRST_NAP; is_held(lock); ns = 2 * ns < LONGEST_NAP ? 2 * ns : LONGEST_NAP)
        nanosleep(&(struct timespec){ .tv_nsec = ns }, NULL);
}
