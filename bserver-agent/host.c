#include "bserver-agent/host.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bserver-agent/host_state.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/http/metric.h"

#ifndef BIC_VERSION
#define BIC_VERSION "0.1.0"
#endif

enum { KEEP_MS = 2000, TEND_MS = 60000, PATIENCE_MS = 15000, SILENT_MS = 10000 };

/* ---- what libvirt and reconcile tell */

static void lifecycle(void *arg, const struct id *desktop UNUSED)
{
    struct host *h = arg;
    struct reconcile *r = __atomic_load_n(&h->reconcile, __ATOMIC_ACQUIRE);

    if (r)
        reconcile_wake(r);
}

/* Alone: only a new process helps; the supervisor starts one. Machines and their QEMUs go on. */
static void exhausted(void *arg)
{
    const struct host *h = arg;

    log_error("event=hypervisor-exhausted lost=%d exit=%d", VIRT_LOST_MAX, h->spec.alone);
    if (h->spec.alone)
        _exit(1);
}

static void guest_ready(void *arg, const struct id *desktop, const struct id *run)
{
    struct host *h = arg;
    struct reconcile *r = __atomic_load_n(&h->reconcile, __ATOMIC_ACQUIRE);

    if (r)
        reconcile_ready(r, desktop, run);
}

static void image_changed(void *arg)
{
    lifecycle(arg, NULL);
}

static bool image_path(void *arg, const char *sha256, char *path, size_t size)
{
    struct host *h = arg;

    return images_path(h->images, sha256, path, size);
}

static void on_report(void *arg, const struct machine_view *v)
{
    struct host *h = arg;

    report_desktop(h->report, v);
    report_orders(h->report, h->intents, v->wanted);
}

static void on_gone(void *arg, const struct id *desktop)
{
    struct host *h = arg;

    report_gone(h->report, desktop);
    guest_channel_drop(h->guests, desktop);
}

static void on_running(void *arg, const struct id *desktop, const struct id *run)
{
    struct host *h = arg;

    if (hypervisor_abilities(h->hypervisor)->guest_channel)
        guest_channel_want(h->guests, desktop, run);
}

static void on_stopped(void *arg, const struct id *desktop)
{
    struct host *h = arg;

    host_screen_stopped(h, desktop);
    guest_channel_drop(h->guests, desktop);
}

static void want_image(void *arg, const struct wanted_overlay *o)
{
    struct host *h = arg;

    images_want(h->images, o->sha256, o->image_size, true);
}

static int image_percent(void *arg, const char *sha256)
{
    struct host *h = arg;

    return images_percent(h->images, sha256);
}

/* ---- the keeper: everything that is due now and then */

/* Storage in whole GiB, so that the report does not change with each block. */
static void storage(struct host *h, int64_t *size_gib, int64_t *free_gib)
{
    int64_t size = 0, unused = 0;
    struct err e = { 0 };

    *size_gib = *free_gib = 0;
    if (!hypervisor_abilities(h->hypervisor)->disks) {
        *size_gib = *free_gib = h->spec.store_gib;
        return;
    }
    if (disk_space(h->disks, &size, &unused, &e) < 0) {
        log_err("storage", &e);
        return;
    }
    *size_gib = h->spec.store_gib ? h->spec.store_gib : size >> 30;
    *free_gib = unused >> 30;
    if (*free_gib > *size_gib)
        *free_gib = *size_gib;
}

static void report_now(struct host *h)
{
    bool up[HOST_LANES];
    struct report_host r = { .can = hypervisor_abilities(h->hypervisor),
                             .version = BIC_VERSION,
                             .lanes = h->lanes,
                             .lane_up = up,
                             .memory_reserve_mib = h->spec.memory_reserve_mib };

    host_screen_lanes(h, up);
    r.io = host_io_about(h->io);
    storage(h, &r.size_gib, &r.free_gib);
    r.drift = reconcile_drift(h->reconcile);
    pthread_mutex_lock(&h->lock);
    r.inventory = &h->inventory;
    report_host(h->report, &r);
    report_vfs(h->report, &h->inventory);
    pthread_mutex_unlock(&h->lock);
}

static void become_ready(struct host *h, const struct reconcile_counts *c, int64_t now)
{
    bool complete = sync_set_is_ready(h->wanted);

    if (complete && !h->complete) {
        h->complete = true;
        reconcile_complete(h->reconcile);
        return; /* one look later everything that is wanted has been looked at */
    }
    if (!sync_set_is_ready(h->observed) && c->looked_ms > 0 &&
        (h->complete || now - h->started_ms > PATIENCE_MS))
        sync_set_ready(h->observed);
}

/* Into the process's sums. By the keeper, or when it has stopped. */
static void count(struct host *h, int64_t desktops, int64_t running)
{
    metric_add(METRIC_DESKTOPS, desktops - h->counted_desktops);
    metric_add(METRIC_DESKTOPS_RUNNING, running - h->counted_running);
    h->counted_desktops = desktops;
    h->counted_running = running;
}

static void keep(void *arg)
{
    struct host *h = arg;
    int64_t now = clock_boot_ms();
    struct reconcile_counts c;

    reconcile_counts(h->reconcile, &c);
    count(h, c.desktops, c.running);
    if (now - h->tended_ms >= TEND_MS) {
        h->tended_ms = now;
        if (hypervisor_abilities(h->hypervisor)->disks)
            disk_purge(h->disks, clock_wall_ms());
    }
    host_vf_keep(h, now);
    report_now(h);
    report_screens_forget(h->report, now);
    become_ready(h, &c, now);
}

/* ---- open, close */

static int make_dir(const char *path, struct err *e)
{
    if (mkdir(path, 0711) < 0 && errno != EEXIST) {
        err_set(e, ERR_STORAGE_FAILED, "a directory of the agent cannot be made");
        return err_cause(e, "mkdir %s: errno %d", path, errno);
    }
    /* As root, QEMU is another user who must be able to walk down to its disks. */
    if (geteuid() == 0 && chmod(path, 0711) < 0)
        return err_set(e, ERR_STORAGE_FAILED, "a directory of the agent cannot be opened to QEMU");
    return 0;
}

/* Where the guests' channel sockets are: short, since a socket's address has 107 bytes. */
static int channel_dir(struct host *h, enum hypervisor_kind kind, struct err *e)
{
    char root[256];

    if (kind != HYPERVISOR_EMBEDDED)
        return 0; /* the system's driver has a place of its own */
    hypervisor_root(h->spec.uri, root, sizeof root);
    if (snprintf(h->channel_dir, sizeof h->channel_dir, "%s/c", root) >= 256)
        return err_set(e, ERR_PRECONDITION, "the directory's name is too long");
    return make_dir(h->channel_dir, e);
}

static int open_hypervisor(struct host *h, struct err *e)
{
    struct hypervisor_spec spec = { .uri = h->spec.uri,
                                    .accelerator = h->spec.accelerator,
                                    .changed = lifecycle,
                                    .exhausted = exhausted,
                                    .arg = h };

    if (!hypervisor_kind_from(h->spec.kind, &spec.kind))
        return err_set(e, ERR_PRECONDITION, "kind must be real, embedded or simulated");
    if (make_dir(h->spec.state_dir, e) < 0 || hypervisor_open(&spec, &h->hypervisor, e) < 0)
        return -1;
    return channel_dir(h, spec.kind, e);
}

static int open_stores(struct host *h, struct err *e)
{
    bool disks = hypervisor_abilities(h->hypervisor)->disks;
    struct images_spec images = { .dir = h->image_dir,
                                  .self = h->spec.self,
                                  .urls = h->spec.module_urls,
                                  .kind = "bcenter",
                                  .bytes_per_s = h->spec.bulk_mib_per_s << 20,
                                  .needed = disks ? host_images : NULL,
                                  .changed = image_changed,
                                  .arg = h };

    snprintf(h->image_dir, sizeof h->image_dir, "%s/images", h->spec.state_dir);
    if (disk_store_open(h->spec.state_dir, h->spec.recycle_s, &h->disks, e) < 0 ||
        intent_open(h->spec.state_dir, disks && disk_any(h->disks), &h->intents, e) < 0)
        return -1;
    return disks ? images_start(&images, &h->images, e) : 0; /* nothing is made of images here */
}

static int open_sets(struct host *h, struct err *e)
{
    h->wanted = sync_set_new_replica();
    h->observed = sync_set_new_source();
    if (!h->wanted || !h->observed)
        return err_set(e, ERR_INTERNAL, "out of memory");
    if (h->spec.observed_changed)
        sync_set_on_change(h->observed, h->spec.observed_changed, h->spec.arg);
    h->apply = (struct sync_apply){ .change = host_changed, .arg = h };
    return report_open(h->observed, &h->spec.bserver, &h->report, e);
}

static int open_machines(struct host *h, struct err *e)
{
    struct guest_channel_spec guests = { h->hypervisor, guest_ready, h };
    struct reconcile_spec spec = { .tools = { .h = h->hypervisor,
                                              .disks = h->disks,
                                              .intents = h->intents,
                                              .channel_dir =
                                                  h->channel_dir[0] ? h->channel_dir : NULL,
                                              .image = image_path,
                                              .now_ms = host_now_ms,
                                              .arg = h },
                                   .report = on_report,
                                   .gone = on_gone,
                                   .running = on_running,
                                   .stopped = on_stopped,
                                   .want_image = want_image,
                                   .image_percent = image_percent,
                                   .arg = h };
    struct reconcile *r;

    if (guest_channel_start(&guests, &h->guests, e) < 0 || reconcile_start(&spec, &r, e) < 0)
        return -1;
    __atomic_store_n(&h->reconcile, r, __ATOMIC_RELEASE);
    if (host_io_start(h, &h->io, e) < 0)
        return -1;
    return ticker_start("keeper", KEEP_MS, keep, h, &h->keeper, e);
}

int host_open(const struct host_spec *spec, struct host **out, struct err *e)
{
    struct host *h = calloc(1, sizeof *h);

    if (!h)
        return err_set(e, ERR_INTERNAL, "out of memory");
    h->spec = *spec;
    h->started_ms = clock_boot_ms();
    h->tended_ms = h->vf_looked_ms = h->started_ms;
    pthread_mutex_init(&h->lock, NULL);
    pthread_rwlock_init(&h->screen_lock, NULL);
    host_screen_init(h);
    host_set_lanes(h, spec->display_urls);
    if (open_hypervisor(h, e) < 0 || open_stores(h, e) < 0 || open_sets(h, e) < 0 ||
        host_vf_look(h, &h->inventory, e) < 0 || open_machines(h, e) < 0) {
        host_close(h);
        return -1;
    }
    log_notice("event=host-open kind=%s accelerator=%s why=\"%s\" cores=%lld vfs=%d lost=%d",
               spec->kind, hypervisor_abilities(h->hypervisor)->accelerator,
               hypervisor_abilities(h->hypervisor)->why, (long long)h->inventory.cores,
               h->inventory.nvfs, intent_lost(h->intents));
    *out = h;
    return 0;
}

void host_close(struct host *h)
{
    if (!h)
        return;
    ticker_stop(h->keeper);
    host_io_stop(h->io);
    count(h, 0, 0);
    reconcile_quiet(h->reconcile); /* then those who wake it, then itself */
    images_stop(h->images);
    guest_channel_stop(h->guests);
    hypervisor_close(h->hypervisor);
    reconcile_stop(h->reconcile);
    report_close(h->report);
    sync_set_free(h->wanted);
    sync_set_free(h->observed);
    intent_close(h->intents);
    disk_store_close(h->disks);
    inventory_free(&h->inventory);
    pthread_rwlock_destroy(&h->screen_lock);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

/* ---- what the agent asks */

void host_set_lanes(struct host *h, const char *const *urls)
{
    int n = 0;

    pthread_mutex_lock(&h->lock);
    for (; urls[n] && n < HOST_LANES; n++) {
        snprintf(h->lane_urls[n], sizeof h->lane_urls[n], "%s", urls[n]);
        h->lanes[n] = h->lane_urls[n];
    }
    h->lanes[n] = NULL;
    pthread_mutex_unlock(&h->lock);
}

struct sync_set *host_wanted(struct host *h)
{
    return h->wanted;
}

struct sync_set *host_observed(struct host *h)
{
    return h->observed;
}

const struct sync_apply *host_apply(struct host *h)
{
    return &h->apply;
}

int host_page(void *host, const json_t *page, struct err *e)
{
    struct host *h = host;
    int64_t epoch = json_num(page, "epoch", 0);

    return epoch > 0 ? intent_obey(h->intents, epoch, e) : 0;
}

bool host_has_display(const struct host *h)
{
    return hypervisor_abilities(h->hypervisor)->screen;
}

const char *host_boot(const struct host *h)
{
    return hypervisor_abilities(h->hypervisor)->boot.s;
}

bool host_ready(struct host *h, char *why, size_t size)
{
    struct reconcile_counts c;

    reconcile_counts(h->reconcile, &c);
    if (c.looked_ms == 0 || clock_boot_ms() - c.looked_ms > SILENT_MS) {
        snprintf(why, size, "the hypervisor does not answer");
        return false;
    }
    return true;
}

json_t *host_summary(struct host *h)
{
    const struct hypervisor_abilities *can = hypervisor_abilities(h->hypervisor);
    json_t *o = json_object();
    struct reconcile_counts c;

    reconcile_counts(h->reconcile, &c);
    json_put_str(o, "kind", hypervisor_kind_word(can->kind));
    json_put_str(o, "accelerator", can->accelerator);
    json_put_str(o, "accelerator_why", can->why);
    json_put_str(o, "boot", can->boot.s);
    json_put_int(o, "desktops", c.desktops);
    json_put_int(o, "running", c.running);
    json_put_int(o, "busy", c.busy);
    json_put_int(o, "foreign", c.foreign);
    json_put_int(o, "lost_calls", hypervisor_lost(h->hypervisor));
    json_put_int(o, "epoch", intent_epoch(h->intents));
    json_object_set_new(o, "drift", reconcile_drift(h->reconcile));
    return o;
}
