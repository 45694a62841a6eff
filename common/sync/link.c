#include "common/sync/link_thread.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/log.h"

enum { RETRY_FIRST_MS = 200, RETRY_MOST_MS = 5000 };

static void *run(void *arg)
{
    struct link_thread *t = arg;

    log_about_set(t->about);
    t->body(t->arg);
    return NULL;
}

int link_thread_start(struct link_thread *t, const struct sync_link_spec *spec,
                      void (*body)(void *), void *arg, struct err *e)
{
    pthread_condattr_t attr;

    if (peer_open(spec->self, spec->urls, spec->kind, NULL, &t->peer, e) < 0)
        return -1;
    t->body = body;
    t->arg = arg;
    t->last_ms = -1;
    log_about_get(t->about);
    pthread_mutex_init(&t->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&t->wake, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&t->thread, NULL, run, t) != 0) {
        peer_close(t->peer);
        return err_set(e, ERR_INTERNAL, "no thread for a sync link");
    }
    return 0;
}

void link_thread_stop(struct link_thread *t)
{
    pthread_mutex_lock(&t->lock);
    t->stopping = true;
    pthread_cond_broadcast(&t->wake);
    pthread_mutex_unlock(&t->lock);
    peer_interrupt(t->peer);
    pthread_join(t->thread, NULL);
    peer_close(t->peer);
    pthread_cond_destroy(&t->wake);
    pthread_mutex_destroy(&t->lock);
}

bool link_thread_stopping(struct link_thread *t)
{
    bool stopping;

    pthread_mutex_lock(&t->lock);
    stopping = t->stopping;
    pthread_mutex_unlock(&t->lock);
    return stopping;
}

void link_thread_wake(struct link_thread *t)
{
    pthread_mutex_lock(&t->lock);
    t->woken = true;
    pthread_cond_broadcast(&t->wake);
    pthread_mutex_unlock(&t->lock);
}

bool link_thread_wait(struct link_thread *t, int64_t ms, bool for_wake)
{
    struct timespec until;
    bool woken;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&t->lock);
    while (!t->stopping && !(for_wake && t->woken))
        if (pthread_cond_timedwait(&t->wake, &t->lock, &until) != 0)
            break;
    woken = t->woken;
    if (for_wake)
        t->woken = false;
    pthread_mutex_unlock(&t->lock);
    return woken;
}

void link_thread_result(struct link_thread *t, const char *what, const struct err *failed)
{
    bool was;

    pthread_mutex_lock(&t->lock);
    was = t->up;
    t->up = !failed;
    if (!failed) {
        t->last_ms = clock_boot_ms();
        t->failures = 0;
    } else if (t->failures < 16) {
        t->failures++;
    }
    pthread_mutex_unlock(&t->lock);
    if (was && failed)
        log_err(what, failed);
    else if (!was && !failed)
        log_notice("link=%s up=true", what);
}

/* Doubles from 0.2 s to 5 s, with jitter, so that a whole module does not come back in step. */
int64_t link_thread_backoff_ms(struct link_thread *t)
{
    int64_t ms = RETRY_FIRST_MS;
    int n;

    pthread_mutex_lock(&t->lock);
    n = t->failures;
    pthread_mutex_unlock(&t->lock);
    while (--n > 0 && ms < RETRY_MOST_MS)
        ms *= 2;
    if (ms > RETRY_MOST_MS)
        ms = RETRY_MOST_MS;
    return ms / 2 + (int64_t)arc4random_uniform((uint32_t)(ms / 2 + 1));
}

bool link_thread_up(const struct link_thread *t, int64_t *age_ms)
{
    void *shared = (void *)(uintptr_t)&t->lock; /* a lock is taken through a const object */
    int64_t last;
    bool up;

    pthread_mutex_lock(shared);
    up = t->up;
    last = t->last_ms;
    pthread_mutex_unlock(shared);
    if (age_ms)
        *age_ms = last < 0 ? -1 : clock_boot_ms() - last;
    return up;
}
