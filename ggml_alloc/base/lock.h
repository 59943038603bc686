/*
 * lock.h - one thread at a time
 *
 *     take   one exchange when nobody holds it; else look again for a while, then yield, then sleep in ever longer naps
 *     give   one store
 *
 * What is done under these locks takes nanoseconds, and two threads that allocate meet often: a mutex that sleeps at once costs them
 * a system call each time, and one that wakes sleepers has to exchange when it is given back, too.  Who holds one long (a sleeper
 * without its processor, a walk over all blocks) is waited for in naps of at most a millisecond.
 */
#ifndef GAI_BASE_LOCK_H
#define GAI_BASE_LOCK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct lock {
    atomic_bool held;
};

static inline void lock_init(struct lock *lock)
{
    atomic_init(&lock->held, false);
}

/* Waits until it may be tried again. */
void gai_lock_wait(struct lock *lock);

/* Not to be taken twice by one thread. */
static inline void lock_take(struct lock *lock)
{
    while (atomic_exchange_explicit(&lock->held, true, memory_order_acquire))
        gai_lock_wait(lock);
}

static inline void lock_give(struct lock *lock)
{
    atomic_store_explicit(&lock->held, false, memory_order_release);
}

/* Who it is that runs. */
struct thread {
    pthread_t id;
};

static inline struct thread thread_self(void)
{
    return (struct thread){ pthread_self() };
}

static inline bool thread_same(struct thread a, struct thread b)
{
    return pthread_equal(a.id, b.id) != 0;
}

#endif
