/*
 * base.h - words shared by every public header: version, status, hooks
 */
#ifndef GGML_ALLOC_BASE_H
#define GGML_ALLOC_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GA_VERSION_MAJOR 0
#define GA_VERSION_MINOR 1
#define GA_VERSION_PATCH 0

/*
 * On Windows: exported where the library itself is built as a DLL; users of
 * one may define GGML_ALLOC_DLL, which saves a jump per call.
 */
#ifndef GA_API
#if defined(_WIN32) && defined(GGML_ALLOC_BUILD)
#define GA_API __declspec(dllexport)
#elif defined(_WIN32) && defined(GGML_ALLOC_DLL)
#define GA_API __declspec(dllimport)
#elif defined(_WIN32)
#define GA_API
#elif defined(__GNUC__)
#define GA_API __attribute__((visibility("default")))
#else
#define GA_API
#endif
#endif

/* The version of the library in use: major << 16 | minor << 8 | patch. */
GA_API uint32_t ga_version(void);

/*
 * Every function that can fail in more than one way returns a ga_status.  On
 * anything but GA_OK its output parameters and its objects are as they were.
 */
enum ga_status {
    GA_OK = 0,
    GA_NO_MEMORY,   /* the memory hook returned NULL */
    GA_NO_SPACE,    /* a backend, a budget or a chunk limit is exhausted */
    GA_INVALID,     /* the graph, file or argument makes no sense */
    GA_STALE,       /* this graph is not the one the plan was made for */
    GA_IO,          /* the sink or source reported failure */
    GA_UNKNOWN,     /* not one of our blocks */
    GA_FREED,       /* it was one: freed already */
    GA_BUSY,        /* called from inside a callback that may not */
    GA_UNSUPPORTED, /* the backend has no such function */
};

/* A few words for logs; never NULL, also for numbers that are no status. */
GA_API const char *ga_status_str(enum ga_status status);

/*
 * Where the library's own bookkeeping lives.  One function, as in Lua:
 *
 *     resize(user, NULL, 0, n)     a new block of n bytes, or NULL
 *     resize(user, p, old, n)      p grown or shrunk, or NULL and p untouched
 *     resize(user, p, old, 0)      p freed; returns NULL and cannot fail
 *
 * Blocks are aligned for max_align_t.  `old` is always the size last asked for,
 * so a hook can keep exact accounts without headers of its own.
 *
 * This hook and ga_log's are called by whatever thread needs something (what
 * locks itself may call them by several at a time), mostly in the middle of a
 * change and with locks held: they may use other objects, never the one they
 * serve.  Where a callback may do more, its header says so.
 */
struct ga_mem {
    void *(*resize)(void *user, void *ptr, size_t old_size, size_t new_size);
    void *user;
};

enum ga_level { GA_ERROR, GA_WARN, GA_INFO, GA_DEBUG };

struct ga_log {
    void (*write)(void *user, enum ga_level level, const char *text);
    void *user;
};

/*
 * What an object needs from its surroundings.  Constructors copy it; NULL and
 * zeroed fields mean libc and silence.  The library has no global state:
 * objects that share nothing may be used by different threads at a time.
 *
 * Structs that callers fill in begin as zeros, `{ 0 }`, which means defaults.
 * No struct changes its size within a major version:
 *
 *   - What callers choose by (every ga_*_opts, ga_node, ga_pool_places, ga_route,
 *     ga_cache_recording, ga_cache_export, ga_sim_fault) ends in words `later`,
 *     which are zero.  Options of later versions take their place, and zero
 *     means there what was before: a program goes on with a later library as it
 *     was compiled.  One that was compiled for a later version is told so: a word
 *     that is set is GA_INVALID (NULL of what makes an object), and the log, or
 *     the error in words where there is one, says why.
 *   - What the library tells in one piece (every ga_*_stats, ga_*_info and
 *     ga_*oom) ends in them, too, and writes them as zeros.
 *   - All others stay as they are: tuples of hooks, and what is handed over in
 *     arrays or within one of the above.  struct ga_backend and its groups say by
 *     `abi` which version they are of.
 *
 * Who loads the library by hand compares ga_version() with the version of the
 * headers: the major one has to be the same, and while it is 0, the minor one.
 */
struct ga_env {
    struct ga_mem mem;
    struct ga_log log;
};

/*
 * Text out and in.  write() gets pieces in order and returns false to stop;
 * read() fills at most `cap` bytes and returns how many, 0 at the end, and
 * SIZE_MAX when reading failed.  Failure of either is answered with GA_IO.
 * Both are called by the thread that asked for it, before its call returns.
 */
struct ga_sink {
    bool (*write)(void *user, const char *text, size_t len);
    void *user;
};

struct ga_source {
    size_t (*read)(void *user, char *buf, size_t cap);
    void *user;
};

#ifdef __cplusplus
}
#endif

#endif
