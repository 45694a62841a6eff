#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bserver-agent/reconcile_state.h"
#include "common/base/clock.h"
#include "common/base/log.h"

/* A worker that had nothing to do for REST_S ends: most of the time a host has no work at all. */
enum { AGAIN_MS = 2000, AGAIN_MAX_MS = 60000, REST_S = 30 };

/* What an action has changed is known at once; the next look confirms it. With the lock held. */
static void took_effect(struct entry *en, enum machine_action a, const struct wanted *w,
                        int64_t now)
{
    en->fails = 0;
    en->seen.not_before = 0;
    memset(&en->error, 0, sizeof en->error);
    switch (a) {
    case MACHINE_START:
        en->seen.power = MACHINE_RUNNING;
        en->seen.run = w->run;
        en->seen.power_since = now;
        memset(&en->ready_run, 0, sizeof en->ready_run);
        break;
    case MACHINE_SHUTDOWN:
        if (!en->seen.shutdown_since)
            en->seen.shutdown_since = now;
        en->seen.shutdown_last = now;
        break;
    case MACHINE_DESTROY: en->seen.power = MACHINE_OFF; break;
    case MACHINE_FINISH:
        en->seen.power = MACHINE_NONE;
        memset(&en->seen.run, 0, sizeof en->seen.run);
        break;
    case MACHINE_MAKE_DISK: en->seen.overlay = w->overlay.id; break;
    case MACHINE_RECYCLE: memset(&en->seen.overlay, 0, sizeof en->seen.overlay); break;
    default: break;
    }
}

static void did_fail(struct reconcile *r, struct entry *en, enum machine_action a,
                     const struct wanted *w, const struct err *e)
{
    int64_t wait = (int64_t)AGAIN_MS << (en->fails < 5 ? en->fails : 5);

    en->fails++;
    en->error = *e;
    memset(&en->error_run, 0, sizeof en->error_run);
    memset(&en->error_overlay, 0, sizeof en->error_overlay);
    if (a == MACHINE_MAKE_DISK)
        en->error_overlay = w->overlay.id;
    else
        en->error_run = id_set(&w->run) ? w->run : en->seen.run;
    en->seen.not_before = clock_boot_ms() + (wait < AGAIN_MAX_MS ? wait : AGAIN_MAX_MS);
    if (a == MACHINE_MAKE_DISK || a == MACHINE_RECYCLE)
        en->disk_known = !r->can->disks; /* half done? look again */
}

static struct entry *next_job(struct reconcile *r)
{
    for (struct entry *en = r->entries; en; en = en->hh.next)
        if (en->queued)
            return en;
    return NULL;
}

/* With the lock held; leaves it while the action runs. The entry stays: busy ones are not freed. */
static void work(struct reconcile *r, struct entry *en)
{
    struct wanted w = en->wanted;
    struct machine_seen s = en->seen;
    enum machine_action a = en->doing;
    int index = en->index, rc;
    struct err e = { 0 };

    en->queued = false;
    pthread_mutex_unlock(&r->lock);
    rc = machine_do(&r->spec.tools, a, &w, &s, index, &e);
    if (rc < 0) {
        char where[96];

        snprintf(where, sizeof where, "%s desktop=%s", machine_action_word(a), w.id.s);
        log_err(where, &e);
    }
    pthread_mutex_lock(&r->lock);
    if (rc == 0)
        took_effect(en, a, &w, clock_boot_ms());
    else
        did_fail(r, en, a, &w, &e);
    en->doing = MACHINE_REST;
    en->done_at = clock_boot_ms();
    r->starting -= a == MACHINE_START;
    r->busy--;
    reconcile_wake_locked(r);
}

/* With the lock held, until there may be work; false: it was none for long. */
static bool rest(struct reconcile *r)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += REST_S;
    return pthread_cond_timedwait(&r->work_cond, &r->lock, &until) != ETIMEDOUT || next_job(r);
}

static void *worker(void *arg)
{
    struct reconcile_worker *w = arg;
    struct reconcile *r = w->reconcile;

    log_about_set(r->about);
    pthread_mutex_lock(&r->lock);
    while (!r->stopping) {
        struct entry *en = next_job(r);

        if (en)
            work(r, en);
        else if (!rest(r))
            break;
    }
    w->ended = true;
    r->working--;
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

static void join(struct reconcile_worker *w)
{
    if (w->started)
        pthread_join(w->thread, NULL);
    w->started = w->ended = false;
}

static int start(struct reconcile *r, struct reconcile_worker *w)
{
    pthread_attr_t attr;
    int rc;

    join(w); /* it has left the lock for good, or is about to */
    w->reconcile = r;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, RECONCILE_STACK);
    rc = pthread_create(&w->thread, &attr, worker, w);
    pthread_attr_destroy(&attr);
    if (rc != 0)
        return -1;
    pthread_setname_np(w->thread, "machine");
    w->started = true;
    r->working++;
    return 0;
}

void reconcile_work(struct reconcile *r)
{
    for (int i = 0; i < RECONCILE_WORKERS && r->working < r->busy && !r->stopping; i++) {
        struct reconcile_worker *w = &r->workers[i];

        if ((!w->started || w->ended) && start(r, w) < 0) {
            log_error("no thread for the machines working=%d", r->working);
            break; /* the next look tries again */
        }
    }
    pthread_cond_broadcast(&r->work_cond);
}

void reconcile_work_end(struct reconcile *r)
{
    for (int i = 0; i < RECONCILE_WORKERS; i++)
        join(&r->workers[i]);
}
