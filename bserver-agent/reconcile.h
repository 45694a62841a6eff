/*
 * reconcile — the wanted desktops × what libvirt shows → machines.
 *
 * One thread looks (at every event, after every action, and every 2 s), takes the whole listing,
 * and asks machine_next for each desktop that is idle; workers carry the actions out: one at a time
 * for a desktop, in parallel across desktops, at most four starts. What was listed before an action
 * ended is never used for that desktop. Foreign domains are counted, never touched. Thread safe.
 */
#ifndef BSERVER_AGENT_RECONCILE_H
#define BSERVER_AGENT_RECONCILE_H

#include <jansson.h>

#include "bserver-agent/machine.h"

struct reconcile;

/* What is known of one desktop, for the report. */
struct machine_view {
    struct id id;
    const struct wanted *wanted;
    struct machine_seen seen;
    struct intent_run last;
    struct id ready_run;
    enum machine_action doing;
    int percent;      /* of the image, while waiting for it */
    struct err error; /* code ERR_NONE if there is none */
    struct id error_run, error_overlay;
    bool has_disks, has_guest_channel;
};

struct reconcile_spec {
    struct machine_tools tools;
    int64_t sweep_ms; /* 0 = 2,000 */
    /* All called without a lock held; NULL ok. */
    void (*report)(void *arg, const struct machine_view *v); /* may have changed */
    void (*gone)(void *arg, const struct id *desktop);       /* no longer to be reported */
    void (*running)(void *arg, const struct id *desktop, const struct id *run); /* each look */
    void (*stopped)(void *arg, const struct id *desktop);                       /* its run ended */
    void (*want_image)(void *arg, const struct wanted_overlay *o); /* each look while missing */
    int (*image_percent)(void *arg, const char *sha256);           /* must not block; lock held */
    void (*looked)(void *arg);                                     /* a look is done */
    void *arg;
};

int reconcile_start(const struct reconcile_spec *spec, struct reconcile **out,
                    struct err *e) MUSTCHECK;
/* Joins its threads: nothing is called back any more, the other functions still work. */
void reconcile_quiet(struct reconcile *r);
void reconcile_stop(
    struct reconcile *r); /* quiet first; joins; actions that run are waited for; NULL ok */

/* The wanted desktop changed; w NULL: no longer wanted (the machine is left alone). */
void reconcile_want(struct reconcile *r, const struct id *desktop, const struct wanted *w);
/* A wanted object that could not be read: shown as drift until a good one comes. */
void reconcile_refused(struct reconcile *r, const struct id *desktop, const struct err *why);
/* Everything wanted is known: from now on a machine of ours that is not is an orphan. */
void reconcile_complete(struct reconcile *r);
void reconcile_wake(struct reconcile *r); /* look soon; may be called from the event loop thread */
/* The guest returned this run id. */
void reconcile_ready(struct reconcile *r, const struct id *desktop, const struct id *run);

/* What runs now; false: no such desktop. run "" = nothing. Any pointer may be NULL. */
bool reconcile_desktop(struct reconcile *r, const struct id *desktop, struct id *run,
                       int64_t *floor_seq);
/* Each wanted desktop that runs (not paused), with its run; lock held: visit must not block. */
void reconcile_each_running(struct reconcile *r,
                            void (*visit)(void *arg, const struct id *desktop, const struct id *run,
                                          const struct wanted *w),
                            void *arg);

struct reconcile_counts {
    int64_t desktops, running, foreign, orphans, busy;
    int64_t looked_ms;  /* clock_boot_ms of the last listing that worked; 0 = none */
    int64_t memory_mib; /* of what runs */
};
void reconcile_counts(struct reconcile *r, struct reconcile_counts *out);
/* [{"kind","detail"}]: orphans, unknown QEMUs, refused objects, libvirt's silence. New reference.
 */
json_t *reconcile_drift(struct reconcile *r);

#endif
