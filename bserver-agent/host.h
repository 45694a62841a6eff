/*
 * host — the agent without its links: libvirt, disks, images, intents, reconciliation, the wanted
 * set coming in and the observed set going out. What the links do, tests do with sync_set_apply.
 */
#ifndef BSERVER_AGENT_HOST_H
#define BSERVER_AGENT_HOST_H

#include <jansson.h>

#include "bserver-agent/image.h"
#include "bserver-agent/io_model.h"
#include "bserver-agent/screen.h"
#include "common/sync/set.h"

enum { HOST_LANES = 16 };

struct host;

struct host_spec {
    const char *state_dir, *uri, *kind, *accelerator; /* as in the configuration */
    struct id bserver;
    const char *const *display_urls; /* one a lane, "" = no display there; NULL-ended */
    int64_t store_gib, memory_reserve_mib, recycle_s;
    bool alone; /* in its process: which ends when the hypervisor keeps all its threads */
    int64_t bulk_mib_per_s;            /* of images; 0: as fast as it goes */
    const char *const *display_listen; /* "ADDRESS:PORT", one a lane; NULL-ended; NULL ok */
    int64_t io_sample_s;               /* 0 = 10 */
    struct io_model io_model;          /* for a simulated host */
    const struct peer_identity *self;  /* for images; NULL: none can be fetched */
    const char *const *module_urls;
    bool (*offset_ms)(void *arg, int64_t *offset); /* bCenter's wall clock − ours; NULL ok */
    void (*observed_changed)(void *arg, const char *scope); /* NULL ok */
    void *arg;
};

int host_open(const struct host_spec *spec, struct host **out, struct err *e) MUSTCHECK;
/* Machines go on. The sets go too: stop links before. NULL ok. */
void host_close(struct host *h);

struct sync_set *host_wanted(struct host *h);   /* replica: apply pages with host_apply() */
struct sync_set *host_observed(struct host *h); /* source; ready once the host was looked at */
const struct sync_apply *host_apply(struct host *h);
/* For the pull: refuses a page of an older leader (EPOCH_STALE). arg is the host. */
int host_page(void *host, const json_t *page, struct err *e);

/* What the screen listener asks; set the screen once it runs, NULL before it stops. */
const struct screen_host *host_screen_host(struct host *h);
void host_set_screen(struct host *h, struct screen *s);
/* The lanes' URLs, once the listeners have their ports. Copied. */
void host_set_lanes(struct host *h, const char *const *urls);
bool host_has_display(const struct host *h);

const char *host_boot(const struct host *h);
bool host_ready(struct host *h, char *why, size_t size);
json_t *host_summary(struct host *h);

#endif
