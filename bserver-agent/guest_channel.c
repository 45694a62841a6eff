#include "bserver-agent/guest_channel.h"

#include <libvirt/virterror.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <uthash.h>

#include "bserver-agent/domain_xml.h"
#include "bserver-agent/event_loop.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"

enum { LINE_MAX_BYTES = 512, OPEN_MS = 2000, AGAIN_MS = 5000 };

struct listener {
    struct id desktop, run;
    virStreamPtr stream; /* NULL: broken or not open yet */
    int64_t again_at;
    char line[LINE_MAX_BYTES];
    size_t n;
    bool skipping; /* an over-long line, up to its end */
    UT_hash_handle hh;
};

struct guest_channel {
    struct guest_channel_spec spec;
    pthread_mutex_t lock;
    struct listener *all;
};

/* What the stream's callback knows: never a pointer to a listener that may have gone. */
struct link {
    struct guest_channel *_Atomic g; /* last: libvirt gives it to its event thread */
    struct id desktop, run;
};

bool guest_channel_line(const char *line, size_t n, struct id *run)
{
    struct err ignored = { 0 };
    json_t *o = NULL;
    const char *event;
    bool ready;

    if (n == 0 || n >= LINE_MAX_BYTES || json_read(line, n, &o, &ignored) < 0)
        return false;
    event = json_str(o, "event");
    ready =
        json_num(o, "v", 0) == 1 && event && strcmp(event, "ready") == 0 && json_id(o, "run", run);
    json_decref(o);
    return ready;
}

/* Takes bytes in; true if a line among them said "ready". */
static bool take(struct listener *l, const char *bytes, size_t n, struct id *run)
{
    bool ready = false;

    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '\n') {
            if (!l->skipping && guest_channel_line(l->line, l->n, run))
                ready = true;
            l->n = 0;
            l->skipping = false;
        } else if (l->n == sizeof l->line) {
            l->skipping = true;
        } else {
            l->line[l->n++] = bytes[i];
        }
    }
    return ready;
}

static void close_stream(virStreamPtr stream)
{
    virStreamEventRemoveCallback(stream);
    virStreamAbort(stream);
    virStreamFree(stream);
}

/* With the lock held: the listener of this stream, NULL if it was replaced. */
static struct listener *owner(struct guest_channel *g, const struct id *desktop,
                              virStreamPtr stream)
{
    struct listener *l;

    HASH_FIND(hh, g->all, desktop->s, ID_LEN, l);
    return l && l->stream == stream ? l : NULL;
}

static void on_bytes(virStreamPtr stream, int events UNUSED, void *arg)
{
    struct link *link = arg;
    struct guest_channel *g = atomic_load(&link->g);
    virStreamPtr broken = NULL;
    struct listener *l;
    char bytes[1024];
    struct id run;
    bool ready = false;
    int n;

    n = virStreamRecv(stream, bytes, sizeof bytes);
    if (n == -2)
        return;
    pthread_mutex_lock(&g->lock);
    l = owner(g, &link->desktop, stream);
    if (l && n > 0) {
        ready = take(l, bytes, (size_t)n, &run);
    } else if (l) {
        broken = l->stream;
        l->stream = NULL;
        l->again_at = clock_boot_ms() + AGAIN_MS;
    }
    pthread_mutex_unlock(&g->lock);
    if (ready)
        g->spec.ready(g->spec.arg, &link->desktop, &run);
    if (broken)
        close_stream(broken);
}

struct opening {
    char uuid[ID_LEN + 1];
    virStreamPtr stream;
};

static int run_open(virConnectPtr conn, void *data, struct err *e)
{
    struct opening *o = data;
    auto_domain virDomainPtr dom = virDomainLookupByUUIDString(conn, o->uuid);
    virStreamPtr stream = dom ? virStreamNew(conn, VIR_STREAM_NONBLOCK) : NULL;

    if (!stream)
        return virt_fail(e, "opening the guest's channel");
    if (virDomainOpenChannel(dom, GUEST_CHANNEL, stream, VIR_DOMAIN_CHANNEL_FORCE) < 0) {
        virt_fail(e, "opening the guest's channel");
        virStreamFree(stream);
        return -1;
    }
    o->stream = stream;
    return 0;
}

static void release(void *data)
{
    struct opening *o = data;

    if (o->stream) {
        virStreamAbort(o->stream);
        virStreamFree(o->stream);
    }
}

/* Should it be opened now? Makes the entry; takes an old run's stream out of it. */
static bool due(struct guest_channel *g, const struct id *desktop, const struct id *run,
                virStreamPtr *old)
{
    int64_t now = clock_boot_ms();
    struct listener *l;
    bool open_it = false;

    *old = NULL;
    pthread_mutex_lock(&g->lock);
    HASH_FIND(hh, g->all, desktop->s, ID_LEN, l);
    if (!l && (l = calloc(1, sizeof *l)) != NULL) {
        l->desktop = *desktop;
        l->run = *run;
        HASH_ADD(hh, g->all, desktop.s, ID_LEN, l);
    }
    if (l && !id_eq(&l->run, run)) {
        *old = l->stream;
        l->stream = NULL;
        l->run = *run;
        l->again_at = 0;
        l->n = 0;
        l->skipping = false;
    }
    if (l && !l->stream && now >= l->again_at) {
        l->again_at = now + AGAIN_MS;
        open_it = true;
    }
    pthread_mutex_unlock(&g->lock);
    return open_it;
}

static void attach(struct guest_channel *g, const struct id *desktop, const struct id *run,
                   virStreamPtr stream)
{
    struct link *link = calloc(1, sizeof *link);
    struct listener *l;
    bool taken = false;

    pthread_mutex_lock(&g->lock);
    HASH_FIND(hh, g->all, desktop->s, ID_LEN, l);
    if (link && l && !l->stream && id_eq(&l->run, run)) {
        l->stream = stream;
        taken = true;
    }
    pthread_mutex_unlock(&g->lock);
    if (!taken) {
        free(link);
        virStreamAbort(stream);
        virStreamFree(stream);
        return;
    }
    link->desktop = *desktop;
    link->run = *run;
    atomic_store(&link->g, g);
    if (virStreamEventAddCallback(
            stream, VIR_STREAM_EVENT_READABLE | VIR_STREAM_EVENT_HANGUP | VIR_STREAM_EVENT_ERROR,
            on_bytes, link, free) < 0) {
        free(link);
        pthread_mutex_lock(&g->lock);
        l = owner(g, desktop, stream);
        if (l)
            l->stream = NULL;
        pthread_mutex_unlock(&g->lock);
        virStreamAbort(stream);
        virStreamFree(stream);
    }
}

int guest_channel_start(const struct guest_channel_spec *spec, struct guest_channel **out,
                        struct err *e)
{
    struct guest_channel *g = calloc(1, sizeof *g);

    if (!g)
        return err_set(e, ERR_INTERNAL, "out of memory");
    g->spec = *spec;
    pthread_mutex_init(&g->lock, NULL);
    *out = g;
    return 0;
}

void guest_channel_want(struct guest_channel *g, const struct id *desktop, const struct id *run)
{
    const struct virt_op op = { "opening the guest's channel", OPEN_MS, sizeof(struct opening),
                                run_open, release };
    struct opening o = { 0 };
    struct err e = { 0 };
    virStreamPtr old;
    bool open_it = due(g, desktop, run, &old);

    if (old)
        close_stream(old);
    if (!open_it)
        return;
    memcpy(o.uuid, desktop->s, sizeof o.uuid);
    if (hypervisor_do(g->spec.h, &op, &o, &e) < 0) {
        log_debug("event=guest-channel desktop=%s code=%s cause=\"%s\"", desktop->s,
                  err_slug(e.code), e.cause);
        return;
    }
    attach(g, desktop, run, o.stream);
}

void guest_channel_drop(struct guest_channel *g, const struct id *desktop)
{
    virStreamPtr stream = NULL;
    struct listener *l;

    pthread_mutex_lock(&g->lock);
    HASH_FIND(hh, g->all, desktop->s, ID_LEN, l);
    if (l) {
        stream = l->stream;
        HASH_DEL(g->all, l);
        free(l);
    }
    pthread_mutex_unlock(&g->lock);
    if (stream)
        close_stream(stream);
}

void guest_channel_stop(struct guest_channel *g)
{
    struct listener *l, *next, *all;

    if (!g)
        return;
    pthread_mutex_lock(&g->lock);
    all = g->all;
    g->all = NULL;
    pthread_mutex_unlock(&g->lock);
    HASH_ITER(hh, all, l, next)
    {
        if (l->stream)
            close_stream(l->stream);
        HASH_DEL(all, l);
        free(l);
    }
    event_loop_flush(); /* a callback that was running has returned */
    pthread_mutex_destroy(&g->lock);
    free(g);
}
