#include "bserver-agent/image.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/peer/blob_sweep.h"

enum { SWEEP_MS = 600000 };
enum { FETCH_MS = 6 * 3600 * 1000, AGAIN_MS = 2000, AGAIN_MAX_MS = 60000, PROGRESS_MS = 500 };

struct wanted_image {
    char sha256[BLOB_HEX + 1];
    int64_t size, not_before;
    int64_t since; /* boot ms of the first look at which nothing needed it; 0: needed */
    int64_t began; /* boot ms of the first try; 0: none yet */
    bool urgent, here;
    int percent, fails;
    UT_hash_handle hh;
};

struct images {
    struct images_spec spec;
    struct blob_store *store;
    struct blob_sweep *sweep; /* the fetching thread's */
    struct peer *peer;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    struct wanted_image *all;
    bool stopping, has_thread;
    pthread_t thread;
    char now_sha[BLOB_HEX + 1]; /* being fetched, with its size */
    int64_t now_size, now_began, told_at, sweep_at;
};

/*
 * Started as root, QEMU runs as another user who must be able to read an image, never to write it.
 * The store makes everything private, so search and read are opened here.
 */
static void expose(const struct images *m, const char *path)
{
    char dir[BLOB_PATH];
    char *slash;

    if (geteuid() != 0)
        return;
    snprintf(dir, sizeof dir, "%s", path);
    slash = strrchr(dir, '/');
    if (slash)
        *slash = '\0';
    if (chmod(path, 0444) < 0 || chmod(dir, 0711) < 0 || chmod(m->spec.dir, 0711) < 0)
        log_warn("event=image-not-readable errno=%d", errno);
}

bool images_path(struct images *m, const char *sha256, char *path, size_t size)
{
    char full[BLOB_PATH];
    struct err e = { 0 };

    if (!blob_has(m->store, sha256, NULL) || blob_path(m->store, sha256, full, &e) < 0)
        return false;
    if (strlen(full) >= size)
        return false;
    memcpy(path, full, strlen(full) + 1);
    expose(m, full);
    return true;
}

/* With the lock held. */
static struct wanted_image *next_job(struct images *m, int64_t now, int64_t *sleep_until)
{
    struct wanted_image *best = NULL;

    for (struct wanted_image *w = m->all; w; w = w->hh.next) {
        if (w->here)
            continue;
        if (w->not_before > now) {
            *sleep_until = w->not_before < *sleep_until ? w->not_before : *sleep_until;
            continue;
        }
        if (!best || (w->urgent && !best->urgent))
            best = w;
    }
    return best;
}

static bool progress(void *arg, int64_t bytes)
{
    struct images *m = arg;
    struct wanted_image *w;
    int64_t now = clock_boot_ms();
    bool go_on, tell = false;

    pthread_mutex_lock(&m->lock);
    HASH_FIND_STR(m->all, m->now_sha, w);
    if (w && m->now_size > 0)
        w->percent = (int)(bytes * 100 / m->now_size);
    go_on = !m->stopping && w;
    if (now - m->told_at >= PROGRESS_MS) {
        m->told_at = now;
        tell = true;
    }
    pthread_mutex_unlock(&m->lock);
    if (tell && m->spec.changed)
        m->spec.changed(m->spec.arg);
    return go_on;
}

/* However many tries it takes, its begin and its end are logged once. */
static int fetch(struct images *m, struct err *e)
{
    const struct blob_fetch f = { .sha256 = m->now_sha,
                                  .size = m->now_size,
                                  .bytes_per_s = m->spec.bytes_per_s,
                                  .deadline_ms = clock_boot_ms() + FETCH_MS,
                                  .progress = progress,
                                  .arg = m };

    if (blob_has(m->store, m->now_sha, NULL))
        return 0;
    if (!m->peer)
        return err_set(e, ERR_PEER_UNREACHABLE, "there is nobody to fetch images from");
    if (!m->now_began) {
        m->now_began = clock_boot_ms();
        log_info("event=image-fetch sha256=%s size=%lld", f.sha256, (long long)f.size);
    }
    if (blob_fetch(m->store, m->peer, &f, e) < 0)
        return -1;
    log_info("event=image-fetched sha256=%s ms=%lld", f.sha256,
             (long long)(clock_boot_ms() - m->now_began));
    return 0;
}

static void fetched(struct images *m, int rc)
{
    int64_t wait;
    struct wanted_image *w;

    HASH_FIND_STR(m->all, m->now_sha, w);
    if (!w)
        return;
    w->here = rc == 0;
    w->began = rc == 0 ? 0 : m->now_began;
    w->percent = rc == 0 ? 100 : w->percent;
    wait = (int64_t)AGAIN_MS << (w->fails < 5 ? w->fails : 5);
    w->fails = rc == 0 ? 0 : w->fails + 1;
    w->not_before = clock_boot_ms() + (wait < AGAIN_MAX_MS ? wait : AGAIN_MAX_MS);
}

/* What is wanted no more is no longer tried for; what was let go is not here. */
static void tidy(struct images *m, const json_t *needed, int64_t now)
{
    struct wanted_image *w, *next;

    pthread_mutex_lock(&m->lock);
    HASH_ITER(hh, m->all, w, next)
    {
        if (blob_sweep_due(json_object_get(needed, w->sha256) != NULL, now, BLOB_GRACE_MS,
                           &w->since)) {
            HASH_DEL(m->all, w);
            free(w);
        } else if (w->here && !blob_has(m->store, w->sha256, NULL)) {
            w->here = false;
        }
    }
    pthread_mutex_unlock(&m->lock);
}

void images_sweep(struct images *m, int64_t now)
{
    json_t *needed = json_object();

    if (m->spec.needed(m->spec.arg, needed)) {
        blob_sweep_round(m->sweep, needed, now);
        tidy(m, needed, now);
    }
    json_decref(needed);
}

static bool sweep_time(struct images *m, int64_t now)
{
    if (!m->spec.needed || now < m->sweep_at)
        return false;
    m->sweep_at = now + SWEEP_MS;
    return true;
}

static void *fetcher(void *arg)
{
    struct images *m = arg;

    pthread_mutex_lock(&m->lock);
    while (!m->stopping) {
        int64_t now = clock_boot_ms(), until = now + AGAIN_MAX_MS;
        struct wanted_image *w = next_job(m, now, &until);
        struct err e = { 0 };
        struct timespec at;
        int rc;

        if (sweep_time(m, now)) {
            pthread_mutex_unlock(&m->lock);
            images_sweep(m, now);
            pthread_mutex_lock(&m->lock);
            continue;
        }
        if (!w) {
            clock_gettime(CLOCK_MONOTONIC, &at);
            at.tv_sec += (until - now) / 1000 + 1;
            pthread_cond_timedwait(&m->cond, &m->lock, &at);
            continue;
        }
        memcpy(m->now_sha, w->sha256, sizeof m->now_sha);
        m->now_size = w->size;
        m->now_began = w->began;
        pthread_mutex_unlock(&m->lock);
        rc = fetch(m, &e);
        if (rc < 0 && e.code == ERR_NOT_READY) /* the tier above is still getting it */
            log_debug("event=image-wait sha256=%s", m->now_sha);
        else if (rc < 0)
            log_err("image-fetch", &e);
        pthread_mutex_lock(&m->lock);
        fetched(m, rc);
        m->now_sha[0] = '\0';
        pthread_mutex_unlock(&m->lock);
        if (m->spec.changed)
            m->spec.changed(m->spec.arg);
        pthread_mutex_lock(&m->lock);
    }
    pthread_mutex_unlock(&m->lock);
    return NULL;
}

int images_start(const struct images_spec *spec, struct images **out, struct err *e)
{
    struct images *m = calloc(1, sizeof *m);
    pthread_condattr_t attr;

    if (!m)
        return err_set(e, ERR_INTERNAL, "out of memory");
    m->spec = *spec;
    pthread_mutex_init(&m->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&m->cond, &attr);
    pthread_condattr_destroy(&attr);
    m->sweep_at = clock_boot_ms() + SWEEP_MS;
    if (blob_store_open(spec->dir, &m->store, e) < 0 ||
        (spec->self && peer_open(spec->self, spec->urls, spec->kind, NULL, &m->peer, e) < 0)) {
        images_stop(m);
        return -1;
    }
    m->sweep = blob_sweep_new(m->store);
    if (!m->sweep) {
        images_stop(m);
        return err_set(e, ERR_INTERNAL, "out of memory");
    }
    m->has_thread = pthread_create(&m->thread, NULL, fetcher, m) == 0;
    if (!m->has_thread) {
        images_stop(m);
        return err_set(e, ERR_OVERLOADED, "no thread for images");
    }
    *out = m;
    return 0;
}

void images_stop(struct images *m)
{
    struct wanted_image *w, *next;

    if (!m)
        return;
    pthread_mutex_lock(&m->lock);
    m->stopping = true;
    pthread_cond_broadcast(&m->cond);
    pthread_mutex_unlock(&m->lock);
    if (m->peer)
        peer_interrupt(m->peer);
    if (m->has_thread)
        pthread_join(m->thread, NULL);
    HASH_ITER(hh, m->all, w, next)
    {
        HASH_DEL(m->all, w);
        free(w);
    }
    peer_close(m->peer);
    blob_sweep_free(m->sweep);
    blob_store_close(m->store);
    pthread_mutex_destroy(&m->lock);
    pthread_cond_destroy(&m->cond);
    free(m);
}

void images_want(struct images *m, const char *sha256, int64_t size, bool urgent)
{
    struct wanted_image *w;

    if (strlen(sha256) != BLOB_HEX)
        return;
    pthread_mutex_lock(&m->lock);
    HASH_FIND_STR(m->all, sha256, w);
    if (!w && (w = calloc(1, sizeof *w)) != NULL) {
        memcpy(w->sha256, sha256, sizeof w->sha256);
        HASH_ADD_STR(m->all, sha256, w);
        pthread_cond_broadcast(&m->cond);
    }
    if (w) {
        w->size = size;
        w->since = 0;
        if (urgent && w->here && !blob_has(m->store, sha256, NULL))
            w->here = false; /* somebody took it away */
        w->urgent = w->urgent || urgent;
    }
    pthread_mutex_unlock(&m->lock);
}

int images_percent(struct images *m, const char *sha256)
{
    struct wanted_image *w;
    int percent = 0;

    pthread_mutex_lock(&m->lock);
    HASH_FIND_STR(m->all, sha256, w);
    if (w)
        percent = w->percent;
    pthread_mutex_unlock(&m->lock);
    return percent;
}
