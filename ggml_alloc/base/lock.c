#define _POSIX_C_SOURCE 200809L /* sched_yield, nanosleep */

#include "base/lock.h"

#ifndef GA_NO_THREADS
#include <sched.h>
#include <time.h>

enum { FIRST_PAUSE = 16, LONGEST_PAUSE = 512, YIELDS = 20, FIRST_NAP = 20000, LONGEST_NAP = 1000000 /* ns */ };

static bool is_held(struct lock *lock)
{
    return atomic_load_explicit(&lock->held, memory_order_relaxed);
}

/* Leaves the core's units to the other thread of it, where that can be said. */
static inline void relax(void)
{
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
    __builtin_ia32_pause();
#elif defined(__GNUC__) && defined(__aarch64__)
    __asm__ volatile("isb");
#else
    atomic_signal_fence(memory_order_seq_cst); /* the pause stays one */
#endif
}

/*
 * Looking costs who holds it: the line of memory that says so leaves its core, and comes back only when it is given back.  So the
 * pauses get longer, and meanwhile the other one allocates many times undisturbed: two threads take a fifth of the time that they
 * take when they look all the time.
 */
void gai_lock_wait(struct lock *lock)
{
    for (int pause = FIRST_PAUSE; pause <= LONGEST_PAUSE; pause *= 2) {
        for (int i = 0; i < pause; i++)
            relax();
        if (!is_held(lock))
            return;
    }
    for (int i = 0; i < YIELDS; i++) {
        if (!is_held(lock))
            return;
        sched_yield();
    }
    for (long ns = FIRST_NAP; is_held(lock); ns = 2 * ns < LONGEST_NAP ? 2 * ns : LONGEST_NAP)
        nanosleep(&(struct timespec){ .tv_nsec = ns }, NULL);
}

bool gai_thread_start(struct thread *thread, void *(*run)(void *user), void *user)
{
#ifdef GA_NO_BACKGROUND
    (void)thread, (void)run, (void)user;
    return false;
#else
    return pthread_create(&thread->id, NULL, run, user) == 0;
#endif
}

void gai_thread_join(struct thread *thread)
{
    pthread_join(thread->id, NULL);
}

bool gai_bell_init(struct bell *bell)
{
    if (pthread_mutex_init(&bell->mutex, NULL) != 0)
        return false;
    if (pthread_cond_init(&bell->cond, NULL) == 0)
        return true;
    pthread_mutex_destroy(&bell->mutex);
    return false;
}

void gai_bell_fini(struct bell *bell)
{
    pthread_cond_destroy(&bell->cond);
    pthread_mutex_destroy(&bell->mutex);
}

void gai_bell_ring(struct bell *bell)
{
    pthread_mutex_lock(&bell->mutex);
    pthread_cond_broadcast(&bell->cond);
    pthread_mutex_unlock(&bell->mutex);
}

void gai_bell_wait(struct bell *bell, struct lock *lock, long us)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += us * 1000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&bell->mutex);
    lock_give(lock);
    if (us)
        pthread_cond_timedwait(&bell->cond, &bell->mutex, &until);
    else
        pthread_cond_wait(&bell->cond, &bell->mutex);
    pthread_mutex_unlock(&bell->mutex);
    lock_take(lock);
}
#endif
