#include <string.h>

#include "common/base/clock.h"
#include "common/http/metric.h"
#include "common/http/server.h"

static unsigned bucket_of(const char *key)
{
    uint32_t h = 2166136261U; /* FNV-1a */

    for (; *key; key++)
        h = (h ^ (unsigned char)*key) * 16777619U;
    return (h ^ h >> 16) % HTTP_PARK_BUCKETS;
}

uint64_t park_mark(struct http_server *s)
{
    uint64_t mark;

    pthread_mutex_lock(&s->park.lock);
    mark = s->park.wakes;
    pthread_mutex_unlock(&s->park.lock);
    return mark;
}

static void unlink_one(struct http_park *p, struct http_exchange *x)
{
    if (x->prev)
        x->prev->next = x->next;
    else
        p->bucket[x->park_bucket] = x->next;
    if (x->next)
        x->next->prev = x->prev;
    x->prev = x->next = NULL;
    metric_add(METRIC_HTTP_PARKED, -1);
}

void park_put(struct http_exchange *x, uint64_t mark)
{
    struct http_server *s = x->server;
    struct http_park *p = &s->park;
    unsigned b = bucket_of(x->park_key);
    bool sooner = false;

    x->park_bucket = b;
    x->rq.woken = true;
    pthread_mutex_lock(&p->lock);
    if (p->stopping || p->woken_at[b] > mark) {
        pthread_mutex_unlock(&p->lock);
        worker_again(x);
        return;
    }
    x->prev = NULL;
    x->next = p->bucket[b];
    if (x->next)
        x->next->prev = x;
    p->bucket[b] = x;
    if (x->park_until_ms < p->next_ms) {
        p->next_ms = x->park_until_ms;
        sooner = true;
    }
    metric_add(METRIC_HTTP_PARKED, 1);
    pthread_mutex_unlock(&p->lock);
    if (sooner)
        keeper_nudge(s);
}

void http_wake(struct http_server *s, const char *key)
{
    struct http_park *p = &s->park;
    unsigned b = bucket_of(key);

    pthread_mutex_lock(&p->lock);
    p->woken_at[b] = ++p->wakes;
    for (struct http_exchange *x = p->bucket[b], *next; x; x = next) {
        next = x->next;
        if (strcmp(x->park_key, key) == 0) {
            unlink_one(p, x);
            worker_again(x);
        }
    }
    pthread_mutex_unlock(&p->lock);
}

int64_t park_expire(struct http_server *s, int64_t now)
{
    struct http_park *p = &s->park;
    int64_t soonest = INT64_MAX;

    pthread_mutex_lock(&p->lock);
    for (unsigned b = 0; b < HTTP_PARK_BUCKETS; b++)
        for (struct http_exchange *x = p->bucket[b], *next; x; x = next) {
            next = x->next;
            if (x->park_until_ms <= now) {
                unlink_one(p, x);
                x->rq.expired = true;
                worker_again(x);
            } else if (x->park_until_ms < soonest) {
                soonest = x->park_until_ms;
            }
        }
    p->next_ms = soonest;
    pthread_mutex_unlock(&p->lock);
    return soonest;
}

/* The descriptors stay valid while the lock is held: a parked connection is not closed by anyone.
 */
void park_sweep(struct http_server *s)
{
    struct http_park *p = &s->park;
    struct http_exchange *gone = NULL;

    pthread_mutex_lock(&p->lock);
    for (unsigned b = 0; b < HTTP_PARK_BUCKETS; b++)
        for (struct http_exchange *x = p->bucket[b], *next; x; x = next) {
            next = x->next;
            if (conn_gone(x->conn->fd)) {
                unlink_one(p, x);
                x->next = gone;
                gone = x;
            }
        }
    pthread_mutex_unlock(&p->lock);
    while (gone) {
        struct http_exchange *x = gone;

        gone = x->next;
        x->phase = PHASE_GONE;
        exchange_resume(x);
    }
}

void park_stop(struct http_server *s)
{
    struct http_park *p = &s->park;

    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    for (unsigned b = 0; b < HTTP_PARK_BUCKETS; b++)
        while (p->bucket[b]) {
            struct http_exchange *x = p->bucket[b];

            unlink_one(p, x);
            worker_again(x);
        }
    pthread_mutex_unlock(&p->lock);
}
