/* host_state — the inside of host, shared by its files and nobody else. */
#ifndef BSERVER_AGENT_HOST_STATE_H
#define BSERVER_AGENT_HOST_STATE_H

#include <pthread.h>

#include "bserver-agent/guest_channel.h"
#include "bserver-agent/host.h"
#include "bserver-agent/host_io.h"
#include "bserver-agent/inventory.h"
#include "bserver-agent/reconcile.h"
#include "bserver-agent/report.h"
#include "common/daemon/daemon.h"

struct host {
    struct host_spec spec;
    char channel_dir[256], image_dir[512];
    struct hypervisor *hypervisor;
    struct disk_store *disks;
    struct intent *intents;
    struct images *images;
    struct guest_channel *guests;
    struct reconcile *reconcile;
    struct sync_set *wanted, *observed;
    struct report *report;
    struct ticker *keeper;
    struct host_io *io;
    struct sync_apply apply;
    struct screen_host screen_host;
    pthread_rwlock_t screen_lock; /* screen: readers use it, the setter waits for them */
    struct screen *screen;
    pthread_mutex_t lock; /* everything below */
    struct inventory inventory;
    char lane_urls[HOST_LANES][256];
    const char *lanes[HOST_LANES + 1];
    int64_t started_ms, tended_ms, vf_looked_ms;
    int64_t counted_desktops, counted_running; /* of ours in the metrics; the keeper's */
    bool complete;
};

/* host_wanted.c */
void host_changed(void *arg, const struct sync_object *o);
/* Adds the sha256 of every image that a disk here stands on or something wanted names; false: not
 * all of that is known. */
bool host_images(void *arg, json_t *into);
/* host_vf.c: inventory, users and answers, every minute and when the bCenter asks. */
int host_vf_look(struct host *h, struct inventory *out, struct err *e) MUSTCHECK;
void host_vf_keep(struct host *h, int64_t now_boot_ms);
/* host_screen.c */
void host_screen_init(struct host *h);
void host_screen_lanes(struct host *h, bool up[HOST_LANES]);
void host_screen_floor(struct host *h, const struct wanted *w);
void host_screen_stopped(struct host *h, const struct id *desktop);
bool host_now_ms(void *arg, int64_t *wall_ms);

#endif
