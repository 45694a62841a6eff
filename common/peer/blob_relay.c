#include "common/peer/blob_relay.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/peer/blob_sweep.h"

enum { QUEUE = 16, RETRY_S = 1, FETCH_MS = 3600 * 1000 };

struct wish {
    char sha256[BLOB_HEX + 1];
    int64_t size;
};

struct blob_relay {
    struct blob_relay_spec spec;
    struct peer *peer;        /* used by the thread alone, but for peer_interrupt */
    struct blob_sweep *sweep; /* the thread's */
    pthread_t thread;
    pthread_mutex_t lock; /* what follows */
    pthread_cond_t wake;
    bool stopping;
    int n;
    struct wish queue[QUEUE]; /* queue[0] is being fetched */
};

static bool go_on(void *arg, int64_t bytes)
{
    struct blob_relay *r = arg;
    bool stopping;

    (void)bytes;
    pthread_mutex_lock(&r->lock);
    stopping = r->stopping;
    pthread_mutex_unlock(&r->lock);
    return !stopping;
}

static void fetch(struct blob_relay *r, const struct wish *w)
{
    struct err e = { 0 };
    struct blob_fetch f = { .sha256 = w->sha256,
                            .size = w->size,
                            .bytes_per_s = r->spec.bytes_per_s,
                            .deadline_ms = clock_boot_ms() + FETCH_MS,
                            .progress = go_on,
                            .arg = r };

    if (blob_fetch(r->spec.store, r->peer, &f, &e) < 0)
        log_err("blob-relay", &e);
    else
        log_info("blob=%s size=%lld relayed=true", w->sha256, (long long)w->size);
}

static void sweep(struct blob_relay *r)
{
    json_t *needed = json_object();

    if (r->spec.needed(r->spec.arg, needed))
        blob_sweep_round(r->sweep, needed, clock_boot_ms());
    json_decref(needed);
}

/* Lock held. Until there is a wish, or it is time to sweep. */
static void rest(struct blob_relay *r, int64_t ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000 + 1;
    pthread_cond_timedwait(&r->wake, &r->lock, &until);
}

static void *body(void *arg)
{
    struct blob_relay *r = arg;
    int64_t sweep_at = clock_boot_ms() + BLOB_SWEEP_MS;

    pthread_mutex_lock(&r->lock);
    while (!r->stopping) {
        int64_t now = clock_boot_ms();
        struct wish w;

        if (r->spec.needed && now >= sweep_at) {
            sweep_at = now + BLOB_SWEEP_MS;
            pthread_mutex_unlock(&r->lock);
            sweep(r);
            pthread_mutex_lock(&r->lock);
            continue;
        }
        if (r->n == 0) {
            rest(r, r->spec.needed ? sweep_at - now : BLOB_SWEEP_MS);
            continue;
        }
        w = r->queue[0];
        pthread_mutex_unlock(&r->lock);
        fetch(r, &w);
        pthread_mutex_lock(&r->lock);
        memmove(&r->queue[0], &r->queue[1], (size_t)--r->n * sizeof r->queue[0]);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

int blob_relay_start(const struct blob_relay_spec *spec, struct blob_relay **out, struct err *e)
{
    struct blob_relay *r = calloc(1, sizeof *r);
    pthread_condattr_t attr;

    if (!r || !(r->sweep = blob_sweep_new(spec->store))) {
        free(r);
        return err_set(e, ERR_INTERNAL, "out of memory");
    }
    r->spec = *spec;
    if (peer_open(spec->self, spec->urls, spec->kind, NULL, &r->peer, e) < 0) {
        blob_sweep_free(r->sweep);
        free(r);
        return -1;
    }
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&r->wake, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&r->thread, NULL, body, r) != 0) {
        peer_close(r->peer);
        blob_sweep_free(r->sweep);
        free(r);
        return err_set(e, ERR_INTERNAL, "no thread for blobs");
    }
    *out = r;
    return 0;
}

void blob_relay_stop(struct blob_relay *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
    peer_interrupt(r->peer);
    pthread_join(r->thread, NULL);
    peer_close(r->peer);
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->lock);
    blob_sweep_free(r->sweep);
    free(r);
}

/* Queues the wish unless it is there. false: the queue is full. */
static bool wish_for(struct blob_relay *r, const char *sha256, int64_t size)
{
    bool taken = true, there = false;

    pthread_mutex_lock(&r->lock);
    for (int i = 0; i < r->n; i++)
        there |= strcmp(r->queue[i].sha256, sha256) == 0;
    if (!there && r->n == QUEUE) {
        taken = false;
    } else if (!there) {
        snprintf(r->queue[r->n].sha256, sizeof r->queue[r->n].sha256, "%s", sha256);
        r->queue[r->n++].size = size;
        pthread_cond_signal(&r->wake);
    }
    pthread_mutex_unlock(&r->lock);
    return taken;
}

int blob_relay_serve(struct blob_relay *r, const char *sha256, int64_t size, struct reply *rp,
                     struct err *e)
{
    if (blob_has(r->spec.store, sha256, NULL)) {
        if (blob_open(r->spec.store, sha256, &rp->file_fd, &rp->file_size, e) < 0)
            return -1;
        rp->status = 200;
        rp->text_type = "application/octet-stream";
        return 0;
    }
    rp->retry_after_s = RETRY_S;
    if (!wish_for(r, sha256, size))
        return err_set(e, ERR_OVERLOADED, "too many blobs are being fetched");
    return err_set(e, ERR_NOT_READY, "the blob is being fetched");
}
