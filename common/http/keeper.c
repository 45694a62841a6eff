#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/http/server.h"

enum { SWEEP_MS = 1000 };

void keeper_nudge(struct http_server *s)
{
    pthread_mutex_lock(&s->keeper_lock);
    s->keeper_nudged = true;
    pthread_cond_signal(&s->keeper_wake);
    pthread_mutex_unlock(&s->keeper_lock);
}

/* Waits until `until` (boot clock), a nudge or the stop; true = stop. */
static bool rest(struct http_server *s, int64_t until)
{
    int64_t ms = until - clock_boot_ms();
    struct timespec t;
    bool stop;

    clock_gettime(CLOCK_MONOTONIC, &t);
    if (ms < 1)
        ms = 1;
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&s->keeper_lock);
    if (!s->keeper_stop && !s->keeper_nudged)
        pthread_cond_timedwait(&s->keeper_wake, &s->keeper_lock, &t);
    s->keeper_nudged = false;
    stop = s->keeper_stop;
    pthread_mutex_unlock(&s->keeper_lock);
    return stop;
}

static void *keeper_main(void *arg)
{
    struct http_server *s = arg;
    int64_t sweep = clock_boot_ms() + SWEEP_MS;

    for (;;) {
        int64_t now = clock_boot_ms(), next = park_expire(s, now), look = linger_drain(s, now);

        if (now >= sweep) {
            park_sweep(s);
            stream_beat_all(s, now);
            conn_sweep(s, now);
            sweep = now + SWEEP_MS;
        }
        next = look < next ? look : next;
        if (rest(s, next < sweep ? next : sweep))
            return NULL;
    }
}

int keeper_start(struct http_server *s, struct err *e)
{
    int rc = pthread_create(&s->keeper, NULL, keeper_main, s);

    if (rc != 0) {
        err_set(e, ERR_INTERNAL, "cannot start a thread");
        return err_cause(e, "pthread_create: %s", strerror(rc));
    }
    s->keeper_started = true;
    return 0;
}

void keeper_stop(struct http_server *s)
{
    if (!s->keeper_started)
        return;
    pthread_mutex_lock(&s->keeper_lock);
    s->keeper_stop = true;
    pthread_cond_signal(&s->keeper_wake);
    pthread_mutex_unlock(&s->keeper_lock);
    pthread_join(s->keeper, NULL);
    s->keeper_started = false;
}
