/*
 * machine — one desktop: what to do next, as a pure function, and doing it.
 *
 * machine_next has no clock and no I/O: everything it needs is in the three structs. It names one
 * action; when that is done (or failed) it is asked again with what is then seen. machine_do
 * carries an action out on the calling thread, which may take as long as the action's deadlines.
 */
#ifndef BSERVER_AGENT_MACHINE_H
#define BSERVER_AGENT_MACHINE_H

#include "bserver-agent/disk.h"
#include "bserver-agent/hypervisor.h"
#include "bserver-agent/intent.h"
#include "bserver-agent/wanted.h"

enum {
    MACHINE_SETTLE_MS = 2000,    /* "paused (starting up)" is not believed for so long */
    MACHINE_STUCK_MS = 15000,    /* … and after so long its QEMU is given up */
    MACHINE_SHUTDOWN_MS = 60000, /* ACPI, then destroy */
    MACHINE_AGAIN_MS = 10000,    /* the power button again after so long */
};

enum machine_power {
    MACHINE_NONE,     /* libvirt has no such domain */
    MACHINE_OFF,      /* defined, not running */
    MACHINE_CRASHED,  /* defined, ended by a crash */
    MACHINE_STARTING, /* paused (starting up) */
    MACHINE_RUNNING,
    MACHINE_PAUSED,
    MACHINE_UNKNOWN, /* libvirt did not say */
};

/* What is seen of a desktop, with times in clock_boot_ms. */
struct machine_seen {
    enum machine_power power;
    struct id run;          /* of the domain's metadata; "" = none */
    struct id overlay;      /* of the disk there is; "" = none */
    bool image_here;        /* the wanted overlay's image */
    bool foreign_qemu;      /* a QEMU with its uuid that libvirt does not know */
    int64_t power_since;    /* when this power was first seen */
    int64_t shutdown_since; /* when the guest was first asked to shut down; 0 = not */
    int64_t shutdown_last;  /* … and last */
    int64_t not_before;     /* after a failure: nothing until then */
};

struct machine_intent {
    struct intent_run last; /* newest used run */
    bool used;              /* the wanted run id was used */
    bool suspect;           /* nobody knows: state file lost, and it has a disk */
    enum intent_order_state orders[WANTED_ORDERS]; /* of wanted->orders */
};

enum machine_action {
    MACHINE_REST, /* nothing to do, or waiting */
    MACHINE_WAIT_IMAGE,
    MACHINE_ADOPT,    /* it runs: write that down */
    MACHINE_SHUTDOWN, /* press the power button */
    MACHINE_DESTROY,
    MACHINE_FINISH,  /* its run has ended: write that down, undefine */
    MACHINE_SUSPECT, /* count the wanted run as used */
    MACHINE_RECYCLE, /* disk to the bin, TPM and NVRAM away */
    MACHINE_MAKE_DISK,
    MACHINE_START,
    MACHINE_ORDER, /* reset or reboot: *index says which */
};

enum machine_action machine_next(const struct wanted *w, const struct machine_seen *s,
                                 const struct machine_intent *i, bool has_disks, int64_t now,
                                 int *index);
const char *machine_action_word(enum machine_action a);
bool machine_active(enum machine_power p);

/* What doing needs. */
struct machine_tools {
    struct hypervisor *h;
    struct disk_store *disks;
    struct intent *intents;
    const char *channel_dir; /* NULL: libvirt chooses sockets */
    /* Path of an image in the store; false if it is not here. */
    bool (*image)(void *arg, const char *sha256, char *path, size_t size);
    /* The bCenter's wall clock; false while unknown. NULL ok. */
    bool (*now_ms)(void *arg, int64_t *wall_ms);
    void *arg;
};

int machine_do(const struct machine_tools *t, enum machine_action a, const struct wanted *w,
               const struct machine_seen *s, int index, struct err *e) MUSTCHECK;

#endif
