#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/log.h"
#include "common/daemon/daemon.h"

struct ticker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int64_t period_ms;
    void (*tick)(void *arg);
    void *arg;
    bool woken, stop;
    char about[LOG_ABOUT];
};

static struct timespec after(int64_t ms)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

/* A wake during a tick is kept: the next one follows at once. */
static void *ticker_main(void *arg)
{
    struct ticker *t = arg;

    log_about_set(t->about);
    pthread_mutex_lock(&t->lock);
    while (!t->stop) {
        struct timespec until = after(t->period_ms);
        int rc = 0;

        t->woken = false;
        pthread_mutex_unlock(&t->lock);
        t->tick(t->arg);
        pthread_mutex_lock(&t->lock);
        while (!t->stop && !t->woken && rc == 0)
            rc = pthread_cond_timedwait(&t->changed, &t->lock, &until);
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

static void ticker_free(struct ticker *t)
{
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

int ticker_start(const char *name, int64_t period_ms, void (*tick)(void *arg), void *arg,
                 struct ticker **out, struct err *e)
{
    struct ticker *t = calloc(1, sizeof *t);
    pthread_condattr_t monotonic;
    char shown[16];
    int rc;

    if (!t)
        return err_set(e, ERR_INTERNAL, "out of memory");
    t->period_ms = period_ms;
    t->tick = tick;
    t->arg = arg;
    log_about_get(t->about);
    pthread_mutex_init(&t->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&t->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    rc = pthread_create(&t->thread, NULL, ticker_main, t);
    if (rc != 0) {
        ticker_free(t);
        err_set(e, ERR_INTERNAL, "cannot start a thread");
        return err_cause(e, "pthread_create: %s", strerror(rc));
    }
    snprintf(shown, sizeof shown, "%s", name);
    pthread_setname_np(t->thread, shown);
    *out = t;
    return 0;
}

static void say(struct ticker *t, bool *what)
{
    pthread_mutex_lock(&t->lock);
    *what = true;
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

void ticker_wake(struct ticker *t)
{
    say(t, &t->woken);
}

void ticker_stop(struct ticker *t)
{
    if (!t)
        return;
    say(t, &t->stop);
    pthread_join(t->thread, NULL);
    ticker_free(t);
}
