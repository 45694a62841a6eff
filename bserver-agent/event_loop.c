#include "bserver-agent/event_loop.h"

#include <errno.h>
#include <libvirt/libvirt.h>
#include <libxml/parser.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#include "bserver-agent/hypervisor.h"

enum { ROUND_MS = 500 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t went_round = PTHREAD_COND_INITIALIZER;
static bool running;
static unsigned long rounds;
static int timer;

/* A timer makes the loop go round even when nothing happens. */
static void tick(int t UNUSED, void *arg UNUSED)
{
    virEventUpdateTimeout(t, ROUND_MS);
}

static void *loop(void *arg UNUSED)
{
    for (;;) {
        if (virEventRunDefaultImpl() < 0)
            nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
        pthread_mutex_lock(&lock);
        rounds++;
        pthread_cond_broadcast(&went_round);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static int start(struct err *e)
{
    pthread_attr_t attr;
    pthread_t thread;
    int rc;

    xmlInitParser(); /* before threads use libxml2: ours and libvirt's */
    if (virInitialize() < 0 || virEventRegisterDefaultImpl() < 0)
        return virt_fail(e, "starting libvirt's event loop");
    timer = virEventAddTimeout(ROUND_MS, tick, NULL, NULL);
    if (timer < 0)
        return virt_fail(e, "starting libvirt's event loop");
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    rc = pthread_create(&thread, &attr, loop, NULL);
    pthread_attr_destroy(&attr);
    if (rc != 0)
        return err_set(e, ERR_OVERLOADED, "no thread for libvirt's event loop");
    running = true;
    return 0;
}

int event_loop_start(struct err *e)
{
    int rc = 0;

    pthread_mutex_lock(&lock);
    if (!running)
        rc = start(e);
    pthread_mutex_unlock(&lock);
    return rc;
}

void event_loop_flush(void)
{
    struct timespec until;
    unsigned long seen;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 2;
    pthread_mutex_lock(&lock);
    seen = rounds;
    if (running)
        virEventUpdateTimeout(timer, 0);
    while (running && rounds < seen + 2)
        if (pthread_cond_timedwait(&went_round, &lock, &until) == ETIMEDOUT)
            break;
    pthread_mutex_unlock(&lock);
}
