#include "bserver-agent/hypervisor.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "bserver-agent/accelerator.h"
#include "bserver-agent/embedded.h"
#include "bserver-agent/event_loop.h"
#include "common/base/clock.h"
#include "common/base/log.h"

enum { OPEN_MS = 60000, STACK = 512 * 1024, CLOSE_MS = 5000 };

struct hypervisor {
    char uri[512];
    struct hypervisor_spec spec;
    struct hypervisor_abilities can;
    pthread_mutex_t lock; /* conn, dead, running; lost is read without */
    pthread_cond_t idle;
    virConnectPtr conn;
    bool dead; /* the connection broke: the next op opens another */
    int running, lost;
    int event;
};

/* One call on its thread. Freed by whoever is the last to know of it. */
struct call {
    struct hypervisor *h;
    struct virt_op op;
    pthread_mutex_t lock;
    pthread_cond_t done_cond;
    bool done, abandoned;
    char about[LOG_ABOUT];
    int rc;
    struct err e;
    _Alignas(16) unsigned char data[];
};

static const char *const kind_words[] = { [HYPERVISOR_REAL] = "real",
                                          [HYPERVISOR_EMBEDDED] = "embedded",
                                          [HYPERVISOR_SIMULATED] = "simulated" };

bool hypervisor_kind_from(const char *word, enum hypervisor_kind *out)
{
    for (size_t i = 0; i < sizeof kind_words / sizeof *kind_words; i++)
        if (strcmp(word, kind_words[i]) == 0) {
            *out = (enum hypervisor_kind)i;
            return true;
        }
    return false;
}

const char *hypervisor_kind_word(enum hypervisor_kind kind)
{
    return kind_words[kind];
}

void hypervisor_root(const char *uri, char *to, size_t size)
{
    const char *at = strstr(uri, "root=");

    to[0] = '\0';
    if (at && strncmp(uri, "qemu:///embed?", 14) == 0)
        snprintf(to, size, "%.*s", (int)strcspn(at + 5, "&"), at + 5);
}

int virt_fail(struct err *e, const char *what)
{
    virErrorPtr v = virGetLastError();
    int code = v ? v->code : VIR_ERR_OK, domain = v ? v->domain : VIR_FROM_NONE;

    if (code == VIR_ERR_NO_DOMAIN)
        err_set(e, ERR_VM_MISSING, "this bServer has no such machine");
    else if (code == VIR_ERR_NO_SUPPORT || code == VIR_ERR_OPERATION_UNSUPPORTED ||
             code == VIR_ERR_CONFIG_UNSUPPORTED || code == VIR_ERR_ARGUMENT_UNSUPPORTED)
        err_set(e, ERR_PRECONDITION, "%s: this bServer's hypervisor has no means for it", what);
    else if (code == VIR_ERR_OPERATION_INVALID)
        err_set(e, ERR_VM_STATE, "%s is not possible now", what);
    else if (domain == VIR_FROM_RPC || code == VIR_ERR_NO_CONNECT || code == VIR_ERR_INVALID_CONN)
        err_set(e, ERR_VIRT_UNAVAILABLE, "libvirt does not answer");
    else
        err_set(e, ERR_VM_FAILED, "%s failed", what);
    return err_cause(e, "libvirt %d/%d: %s", domain, code, v && v->message ? v->message : "");
}

/* libvirt prints errors to stderr unless told not to; ours are logged where a task ends. */
static void quiet(void *arg UNUSED, virErrorPtr error UNUSED) {}

static int on_event(virConnectPtr conn UNUSED, virDomainPtr dom, int event UNUSED,
                    int detail UNUSED, void *arg)
{
    struct hypervisor *h = arg;
    char uuid[VIR_UUID_STRING_BUFLEN];
    void (*changed)(void *arg, const struct id *desktop);
    struct id id;

    pthread_mutex_lock(&h->lock);
    changed = h->spec.changed;
    pthread_mutex_unlock(&h->lock);
    if (changed && virDomainGetUUIDString(dom, uuid) == 0 && id_parse(uuid, &id))
        changed(h->spec.arg, &id);
    return 0;
}

static void on_close(virConnectPtr conn UNUSED, int reason, void *arg)
{
    struct hypervisor *h = arg;

    pthread_mutex_lock(&h->lock);
    h->dead = true;
    pthread_mutex_unlock(&h->lock);
    log_warn("event=libvirt-closed reason=%d", reason);
}

static int connect_new(struct hypervisor *h, virConnectPtr *out, struct err *e)
{
    virConnectPtr conn = virConnectOpen(h->uri);

    if (!conn)
        return virt_fail(e, "opening libvirt");
    if (h->spec.kind == HYPERVISOR_REAL) {
        virConnectSetKeepAlive(conn, 5, 3);
        virConnectRegisterCloseCallback(conn, on_close, h, NULL);
    }
    h->event = virConnectDomainEventRegisterAny(conn, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                                VIR_DOMAIN_EVENT_CALLBACK(on_event), h, NULL);
    if (h->event < 0)
        log_warn("event=libvirt-no-events");
    *out = conn;
    return 0;
}

/* A reference to the connection; a broken one is replaced. Runs on op threads only. */
static int borrow(struct hypervisor *h, virConnectPtr *out, struct err *e)
{
    virConnectPtr fresh = NULL, old = NULL;
    bool open;

    pthread_mutex_lock(&h->lock);
    open = h->conn && !h->dead;
    if (open) {
        *out = h->conn;
        virConnectRef(h->conn);
    }
    pthread_mutex_unlock(&h->lock);
    if (open)
        return 0;
    if (connect_new(h, &fresh, e) < 0)
        return -1;
    pthread_mutex_lock(&h->lock);
    if (h->conn && !h->dead) { /* another thread was faster */
        old = fresh;
    } else {
        old = h->conn;
        h->conn = fresh;
        h->dead = false;
    }
    *out = h->conn;
    virConnectRef(h->conn);
    pthread_mutex_unlock(&h->lock);
    if (old)
        virConnectClose(old);
    return 0;
}

static void call_free(struct call *c)
{
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->done_cond);
    free(c);
}

static void count(struct hypervisor *h, int running, int lost)
{
    bool full;

    pthread_mutex_lock(&h->lock);
    h->running += running;
    full = __atomic_add_fetch(&h->lost, lost, __ATOMIC_RELAXED) >= VIRT_LOST_MAX && lost > 0;
    pthread_cond_broadcast(&h->idle);
    pthread_mutex_unlock(&h->lock);
    if (full && h->spec.exhausted)
        h->spec.exhausted(h->spec.arg);
}

static void *call_thread(void *arg)
{
    struct call *c = arg;
    struct hypervisor *h = c->h;
    virConnectPtr conn = NULL;
    bool abandoned;

    log_about_set(c->about);
    c->rc = borrow(h, &conn, &c->e);
    if (c->rc == 0)
        c->rc = c->op.run(conn, c->data, &c->e);
    if (conn)
        virConnectClose(conn);
    pthread_mutex_lock(&c->lock);
    c->done = true;
    abandoned = c->abandoned;
    pthread_cond_signal(&c->done_cond);
    pthread_mutex_unlock(&c->lock);
    if (abandoned) { /* the caller has gone: what it left is ours */
        log_notice("event=virt-call-returned what=%s", c->op.what);
        if (c->op.release)
            c->op.release(c->data);
        call_free(c);
        count(h, -1, -1);
    }
    return NULL;
}

static int call_spawn(struct call *c, struct err *e)
{
    pthread_attr_t attr;
    pthread_t thread;
    int rc;

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, STACK);
    rc = pthread_create(&thread, &attr, call_thread, c);
    pthread_attr_destroy(&attr);
    if (rc != 0) {
        err_set(e, ERR_OVERLOADED, "no thread for a call of the hypervisor");
        return err_cause(e, "pthread_create: errno %d", rc);
    }
    return 0;
}

static struct call *call_new(struct hypervisor *h, const struct virt_op *op, const void *data)
{
    struct call *c = calloc(1, sizeof *c + op->size);
    pthread_condattr_t attr;

    if (!c)
        return NULL;
    c->h = h;
    c->op = *op;
    memcpy(c->data, data, op->size);
    log_about_get(c->about);
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->done_cond, &attr);
    pthread_condattr_destroy(&attr);
    return c;
}

static bool call_wait(struct call *c)
{
    struct timespec until;
    bool done;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += c->op.deadline_ms / 1000;
    until.tv_nsec += (c->op.deadline_ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&c->lock);
    while (!c->done)
        if (pthread_cond_timedwait(&c->done_cond, &c->lock, &until) == ETIMEDOUT)
            break;
    done = c->done;
    c->abandoned = !done;
    pthread_mutex_unlock(&c->lock);
    return done;
}

int hypervisor_do(struct hypervisor *h, const struct virt_op *op, void *data, struct err *e)
{
    struct call *c;
    int rc;

    if (hypervisor_lost(h) >= VIRT_LOST_MAX) {
        err_set(e, ERR_VIRT_UNAVAILABLE, "the hypervisor does not answer");
        return err_cause(e, "%s: %d calls have not come back", op->what, hypervisor_lost(h));
    }
    c = call_new(h, op, data);
    if (!c)
        return err_set(e, ERR_INTERNAL, "out of memory");
    count(h, 1, 0);
    if (call_spawn(c, e) < 0) {
        call_free(c);
        count(h, -1, 0);
        return -1;
    }
    if (!call_wait(c)) {
        memset(data, 0, op->size);
        count(h, 0, 1);
        err_set(e, ERR_DEADLINE, "%s: the hypervisor does not answer", op->what);
        return err_cause(e, "%s: %d ms passed, %d threads lost", op->what, op->deadline_ms,
                         hypervisor_lost(h));
    }
    rc = c->rc;
    memcpy(data, c->data, op->size);
    if (rc < 0) {
        err_set(e, c->e.code, "%s", c->e.detail);
        err_cause(e, "%s", c->e.cause);
    }
    call_free(c);
    count(h, -1, 0);
    return rc;
}

/* First op: what the driver says about itself. */
static int look(virConnectPtr conn, void *data, struct err *e UNUSED)
{
    struct hypervisor_abilities *can = data;
    char *xml = NULL;

    if (can->kind == HYPERVISOR_SIMULATED)
        return 0;
    xml = virConnectGetDomainCapabilities(conn, NULL, "x86_64", "q35", "qemu", 0);
    if (!xml)
        return virt_fail(e, "asking for the hypervisor's capabilities");
    embedded_read_capabilities(xml, can);
    free(xml);
    return 0;
}

static int probe(struct hypervisor *h, struct err *e)
{
    const struct virt_op op = { "looking", OPEN_MS, sizeof h->can, look, NULL };
    struct hypervisor_abilities *can = &h->can;

    can->kind = h->spec.kind;
    can->disks = can->screen = can->guest_channel = can->kind != HYPERVISOR_SIMULATED;
    can->node_devices = can->kind != HYPERVISOR_EMBEDDED;
    if (hypervisor_do(h, &op, can, e) < 0)
        return -1;
    if (can->kind == HYPERVISOR_SIMULATED)
        can->boot = id_new();
    else if (embedded_boot_id(&can->boot, e) < 0)
        return -1;
    return accelerator_choose(h->spec.accelerator, can, e);
}

int hypervisor_open(const struct hypervisor_spec *spec, struct hypervisor **out, struct err *e)
{
    struct hypervisor *h = calloc(1, sizeof *h);
    pthread_condattr_t attr;

    if (!h)
        return err_set(e, ERR_INTERNAL, "out of memory");
    h->spec = *spec;
    snprintf(h->uri, sizeof h->uri, "%s", spec->uri);
    h->event = -1;
    pthread_mutex_init(&h->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&h->idle, &attr);
    pthread_condattr_destroy(&attr);
    virSetErrorFunc(NULL, quiet);
    if (event_loop_start(e) < 0 ||
        (spec->kind == HYPERVISOR_EMBEDDED && embedded_prepare(h->uri, e) < 0) || probe(h, e) < 0) {
        hypervisor_close(h);
        return -1;
    }
    *out = h;
    return 0;
}

/* Waits for calls that still run, at most CLOSE_MS. */
static bool all_back(struct hypervisor *h)
{
    struct timespec until;
    bool back;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += CLOSE_MS / 1000;
    pthread_mutex_lock(&h->lock);
    while (h->running > 0 && pthread_cond_timedwait(&h->idle, &h->lock, &until) != ETIMEDOUT)
        ;
    back = h->running == 0;
    pthread_mutex_unlock(&h->lock);
    return back;
}

void hypervisor_close(struct hypervisor *h)
{
    if (!h)
        return;
    if (!all_back(h)) { /* lost threads still use it: the process ends anyway */
        pthread_mutex_lock(&h->lock);
        h->spec.changed = NULL;
        pthread_mutex_unlock(&h->lock);
        log_warn("event=hypervisor-left-open lost=%d", hypervisor_lost(h));
        return;
    }
    if (h->conn) {
        if (h->event >= 0)
            virConnectDomainEventDeregisterAny(h->conn, h->event);
        if (h->spec.kind == HYPERVISOR_REAL)
            virConnectUnregisterCloseCallback(h->conn, on_close);
        virConnectClose(h->conn);
    }
    event_loop_flush();
    pthread_mutex_destroy(&h->lock);
    pthread_cond_destroy(&h->idle);
    free(h);
}

const struct hypervisor_abilities *hypervisor_abilities(const struct hypervisor *h)
{
    return &h->can;
}

int hypervisor_lost(const struct hypervisor *h)
{
    return __atomic_load_n(&h->lost, __ATOMIC_RELAXED);
}
