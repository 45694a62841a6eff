/* reconcile_state — the inside of reconcile, shared by its files and nobody else. */
#ifndef BSERVER_AGENT_RECONCILE_STATE_H
#define BSERVER_AGENT_RECONCILE_STATE_H

#include <pthread.h>
#include <uthash.h>

#include "bserver-agent/reconcile.h"
#include "common/base/log.h"

enum {
    RECONCILE_WORKERS = 8,
    RECONCILE_STARTS = 4,
    RECONCILE_SWEEP_MS = 2000,
    RECONCILE_PACE_MS = 50, /* between looks: what many events call for is done by one */
    RECONCILE_STACK = 512 * 1024
};

struct reconcile_worker {
    struct reconcile *reconcile;
    pthread_t thread;
    bool started, ended; /* ended: to be joined, and free */
};

struct entry {
    struct id id;
    bool is_wanted;
    struct wanted wanted;
    struct err refused; /* code ERR_NONE: readable */
    struct machine_seen seen;
    bool disk_known; /* seen.overlay is what there is */
    bool present;    /* in the newest listing */
    int foreign_looks;
    enum machine_action doing; /* MACHINE_REST: idle */
    bool queued;               /* doing, but no worker has it yet */
    int index;                 /* of the order that is done */
    int64_t done_at;           /* clock_boot_ms when the last action ended */
    int fails;
    struct err error;
    struct id error_run, error_overlay;
    struct id ready_run;
    bool waiting_image, was_active;
    UT_hash_handle hh;
};

/* The listing of all domains that are ours. */
struct listed {
    struct id id, run;
    enum machine_power power;
    int number; /* libvirt's, of what runs; 0 = it does not */
};
struct listing {
    struct listed *all; /* malloc'd; by id */
    int n, foreign;
    virConnectPtr conn; /* a reference: numbers are of this connection */
};
/*
 * l: zeroed, or the listing before, whose runs are taken where they must be the same: libvirt
 * counts what it starts, so on one connection the same domain with the same number is the same run.
 * On failure l is empty.
 */
int listing_take(struct hypervisor *h, struct listing *l, struct err *e) MUSTCHECK;
void listing_free(struct listing *l); /* what it holds */

struct reconcile {
    struct reconcile_spec spec;
    const struct hypervisor_abilities *can;
    pthread_mutex_t lock; /* everything below */
    pthread_cond_t look_cond, work_cond;
    struct entry *entries;
    bool woken, stopping, complete, seeing;
    int starting, busy;
    int64_t looked_ms, foreign;
    json_t *orphans; /* [{"kind","detail"}] */
    unsigned looks;
    struct listing listing; /* the newest; the looker's */
    struct reconcile_worker workers[RECONCILE_WORKERS];
    int working; /* of them run or rest */
    pthread_t looker;
    bool has_looker;
    char about[LOG_ABOUT];
};

struct entry *reconcile_entry(struct reconcile *r, const struct id *id, bool make); /* lock held */
void reconcile_wake_locked(struct reconcile *r);
void reconcile_view(struct reconcile *r, struct entry *en, struct machine_view *v); /* lock held */
void reconcile_intents(struct reconcile *r, const struct wanted *w, struct machine_intent *i);

/* One look: listing, applying, dispatching. Called by the looker without the lock. */
void reconcile_look(struct reconcile *r);

/* What is queued has its workers, called and started, from now on. Lock held. */
void reconcile_work(struct reconcile *r);
void reconcile_work_end(struct reconcile *r); /* joins them, who have been told that it stops */

#endif
