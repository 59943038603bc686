/*
 * The thread sleeps until something is pending, and then looks every 100 microseconds whether it still is.
 */
#include "cache/host.h"

static void *watch(void *user)
{
    ga_host *host = user;
    lock_take(&host->lock);
    while (!host->stop) {
        gai_host_retire(host, NULL);
        gai_host_tidy(host);
        if (host->stop)
            break;
        host->is_asleep = host->defer.n_waiting == 0;
        if (host->is_asleep)
            gai_bell_wait(&host->bell, &host->lock, 0);
        else
            gai_bell_wait(&host->bell, &host->lock, GA_HOST_BACKGROUND_US);
        host->is_asleep = false;
    }
    lock_give(&host->lock);
    return NULL;
}

bool gai_host_thread(ga_host *host, bool on)
{
    bool done = true;
    lock_take(&host->lock);
    while (host->is_changing)
        gai_bell_wait(&host->bell, &host->lock, 0);
    bool changes = host->has_thread != on;
    if (changes) {
        host->is_changing = true;
        host->stop = !on;
        gai_bell_ring(&host->bell);
        lock_give(&host->lock);
        if (on)
            done = gai_thread_start(&host->thread, watch, host);
        else
            gai_thread_join(&host->thread);
        lock_take(&host->lock);
        host->has_thread = done && on;
        host->is_changing = false;
        gai_bell_ring(&host->bell);
    }
    lock_give(&host->lock);
    return done;
}
