/*
 * lock.h - one thread at a time, threads of our own, and a bell that they sleep at
 *
 *     take   one store while there is one thread, one exchange when nobody holds it; else look again after ever longer pauses,
 *            then yield, then sleep in ever longer naps
 *     give   one store
 *
 * What is done under these locks takes nanoseconds, and two threads that allocate meet often: a mutex that sleeps at once costs them
 * a system call each time, and one that wakes sleepers has to exchange when it is given back, too.  Who holds one long (a sleeper
 * without its processor, a walk over all blocks) is waited for in naps of at most a millisecond.
 *
 * Nothing else of the library names threads, and none is started unasked; built with GA_NO_BACKGROUND, none at all.  Built with
 * GA_NO_THREADS for programs of one thread, all of this is nothing.
 */
#ifndef GAI_BASE_LOCK_H
#define GAI_BASE_LOCK_H

#include <stdbool.h>

#ifndef GA_NO_THREADS
#include <pthread.h>
#include <stdatomic.h>

#ifdef __has_include
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define GAI_LOCK_KNOWS_THREADS
#endif
#endif

struct lock {
    atomic_bool held;
};

static inline void lock_init(struct lock *lock)
{
    atomic_init(&lock->held, false);
}

/* Whether this thread is the only one, as the system knows; whoever starts another orders what was done before. */
static inline bool thread_is_alone(void)
{
#ifdef GAI_LOCK_KNOWS_THREADS
    return __libc_single_threaded;
#else
    return false;
#endif
}

/* Waits until it may be tried again. */
void gai_lock_wait(struct lock *lock);

/* Not to be taken twice by one thread. */
static inline void lock_take(struct lock *lock)
{
    if (thread_is_alone()) {
        atomic_store_explicit(&lock->held, true, memory_order_relaxed);
        return;
    }
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

/* False: the system, or this build, has no room for another. */
bool gai_thread_start(struct thread *thread, void *(*run)(void *user), void *user);
void gai_thread_join(struct thread *thread);

/*
 * What sleepers wait for, for however long.  It has a mutex of its own: who goes to sleep holds it before the lock is given back, and
 * who rings holds the lock, so that no ring is missed.
 */
struct bell {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
};

bool gai_bell_init(struct bell *bell); /* false: the system has no room for another */
void gai_bell_fini(struct bell *bell);
/* With the lock held: wakes all who sleep. */
void gai_bell_ring(struct bell *bell);
/* Sleeps without the lock until it rings, or for no reason; at most so many microseconds (less than a second), 0: forever. */
void gai_bell_wait(struct bell *bell, struct lock *lock, long us);

#else
struct lock {
    char nothing; /* C has no empty structs */
};

struct thread {
    char nothing;
};

struct bell {
    char nothing;
};

static inline void lock_init(struct lock *lock)
{
    lock->nothing = 0;
}

static inline void lock_take(struct lock *lock)
{
    (void)lock;
}

static inline void lock_give(struct lock *lock)
{
    (void)lock;
}

static inline struct thread thread_self(void)
{
    return (struct thread){ 0 };
}

static inline bool thread_same(struct thread a, struct thread b)
{
    return a.nothing == b.nothing;
}

static inline bool gai_thread_start(struct thread *thread, void *(*run)(void *user), void *user)
{
    (void)thread, (void)run, (void)user;
    return false;
}

static inline void gai_thread_join(struct thread *thread)
{
    (void)thread;
}

static inline bool gai_bell_init(struct bell *bell)
{
    bell->nothing = 0;
    return true;
}

static inline void gai_bell_fini(struct bell *bell)
{
    (void)bell;
}

static inline void gai_bell_ring(struct bell *bell)
{
    (void)bell;
}

static inline void gai_bell_wait(struct bell *bell, struct lock *lock, long us)
{
    (void)bell, (void)lock, (void)us;
}
#endif

#endif
