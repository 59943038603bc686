/*
 * lock.h - one thread at a time
 *
 * A mutex of POSIX, not of C11: race detectors know only the former.  Nothing else of the library names threads.
 */
#ifndef GAI_BASE_LOCK_H
#define GAI_BASE_LOCK_H

#include <pthread.h>
#include <stdbool.h>

struct lock {
    pthread_mutex_t mutex;
};

/* False: the system has no room for another. */
static inline bool lock_init(struct lock *lock)
{
    return pthread_mutex_init(&lock->mutex, NULL) == 0;
}

static inline void lock_fini(struct lock *lock)
{
    pthread_mutex_destroy(&lock->mutex);
}

/* Not to be taken twice by one thread. */
static inline void lock_take(struct lock *lock)
{
    pthread_mutex_lock(&lock->mutex);
}

static inline void lock_give(struct lock *lock)
{
    pthread_mutex_unlock(&lock->mutex);
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
