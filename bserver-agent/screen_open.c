#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "bserver-agent/screen_conn.h"

#include "common/base/clock.h"

/* The lane takes it from here, also when the connection is gone by now. */
static void hand_back(struct open_job *j)
{
    struct lane *l = j->lane;

    pthread_mutex_lock(&l->lock);
    j->next = l->done;
    l->done = j;
    pthread_mutex_unlock(&l->lock);
    screen_lane_wake(l);
}

static struct open_job *take(struct opener *o)
{
    struct open_job *j;

    pthread_mutex_lock(&o->lock);
    while (!o->first && !o->stop)
        pthread_cond_wait(&o->work, &o->lock);
    j = o->stop ? NULL : o->first;
    if (j) {
        o->first = j->next;
        if (!o->first)
            o->last = &o->first;
    }
    pthread_mutex_unlock(&o->lock);
    return j;
}

static void *run(void *arg)
{
    struct screen *s = arg;
    struct open_job *j;

    while ((j = take(&s->opener)) != NULL) {
        /* Nobody waits for it any more: libvirt is spared. */
        if (clock_boot_ms() >= j->deadline_ms)
            err_set(&j->e, ERR_DEADLINE, "the screen could not be opened in time");
        else if (s->host->open_graphics(s->host->arg, &j->desktop, &j->run, &j->fd, &j->e) < 0)
            j->fd = -1;
        hand_back(j);
    }
    return NULL;
}

void screen_opener_init(struct opener *o)
{
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->work, NULL);
    o->last = &o->first;
}

int screen_opener_start(struct screen *s, struct err *e)
{
    struct opener *o = &s->opener;

    for (; o->n < SCREEN_OPENERS; o->n++)
        if (pthread_create(&o->threads[o->n], NULL, run, s) != 0)
            return err_set(e, ERR_INTERNAL, "no thread for the screens");
    return 0;
}

void screen_opener_queue(struct opener *o, struct open_job *j)
{
    j->next = NULL;
    pthread_mutex_lock(&o->lock);
    *o->last = j;
    o->last = &j->next;
    pthread_cond_signal(&o->work);
    pthread_mutex_unlock(&o->lock);
}

void screen_opener_stop(struct opener *o)
{
    pthread_mutex_lock(&o->lock);
    o->stop = true;
    pthread_cond_broadcast(&o->work);
    pthread_mutex_unlock(&o->lock);
    for (int i = 0; i < o->n; i++)
        pthread_join(o->threads[i], NULL);
    o->n = 0;
    while (o->first) {
        struct open_job *j = o->first;

        o->first = j->next;
        free(j);
    }
    o->last = &o->first;
    pthread_cond_destroy(&o->work);
    pthread_mutex_destroy(&o->lock);
}
