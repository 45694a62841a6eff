/*
 * handover_host — hosts as a model: disks, QEMUs and guests, and an agent that does what the
 * bCenter's wanted set says when it comes to it, and whose reports come late, twice and in any
 * order. It keeps the truth that hand-over is judged by: who was on which disk.
 */
#ifndef TESTS_UNIT_BCENTER_HANDOVER_HOST_H
#define TESTS_UNIT_BCENTER_HANDOVER_HOST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "bcenter/agent_observed.h"
#include "common/base/json.h"

enum { MACHINE_REPORTS = 6 };

/* What the host has of one desktop. */
struct machine {
    struct id desktop, host;
    struct id want_run, want_overlay; /* as the agent last heard */
    bool heard, want_gone;
    struct id disk, run, run_disk; /* run_disk: what the QEMU of `run` was started on */
    struct id last_run;
    bool up, ready;
    json_t *reports[MACHINE_REPORTS]; /* sent, and perhaps coming again */
    UT_hash_handle hh;
};
struct host_model {
    struct bcenter *bc;
    struct machine *machines;
    bool persistent; /* a disk may see its person again */
    struct use {
        struct id disk, person, session;
        UT_hash_handle hh;
    } * uses;
};

static inline struct machine *machine_of(struct host_model *h, const struct id *desktop,
                                         const struct id *host)
{
    struct machine *x;

    HASH_FIND(hh, h->machines, desktop->s, ID_LEN, x);
    if (x)
        return x;
    x = calloc(1, sizeof *x);
    assert_non_null(x);
    x->desktop = *desktop;
    x->host = *host;
    HASH_ADD(hh, h->machines, desktop.s, ID_LEN, x);
    return x;
}

static inline void machine_forget(struct host_model *h, struct machine *x)
{
    for (int i = 0; i < MACHINE_REPORTS; i++)
        json_decref(x->reports[i]);
    HASH_DEL(h->machines, x);
    free(x);
}

/* The law: one disk, one session; of a persistent desktop, one person. */
static inline void machine_used(struct host_model *h, const struct machine *x,
                                const struct id *person, const struct id *session)
{
    struct use *u;

    HASH_FIND(hh, h->uses, x->run_disk.s, ID_LEN, u);
    if (u) {
        if (!id_eq(&u->person, person) || (!h->persistent && !id_eq(&u->session, session)))
            fail_msg("the disk %s of %s is handed to %s after %s", x->run_disk.s, x->desktop.s,
                     person->s, u->person.s);
        return;
    }
    u = calloc(1, sizeof *u);
    assert_non_null(u);
    u->disk = x->run_disk;
    u->person = *person;
    u->session = *session;
    HASH_ADD(hh, h->uses, disk.s, ID_LEN, u);
}

/* The agent reads what is wanted now. */
static inline void machine_hear(struct host_model *h, struct machine *x)
{
    json_auto_t *want = sync_set_get(h->bc->agents, x->host.s, "desktop", &x->desktop);

    if (!want)
        return;
    x->heard = true;
    x->want_run = x->want_overlay = (struct id){ "" };
    json_id(want, "run", &x->want_run);
    json_id(json_object_get(want, "overlay"), "id", &x->want_overlay);
    x->want_gone = json_flag(want, "deleting", false);
}

static inline void machine_off(struct machine *x)
{
    x->up = x->ready = false;
    x->last_run = x->run;
    x->run = x->run_disk = (struct id){ "" };
}

/* One step of what it heard, which may be old by now. */
static inline void machine_act(struct machine *x)
{
    if (!x->heard)
        return;
    if (x->up && (x->want_gone || !id_eq(&x->run, &x->want_run))) {
        machine_off(x);
    } else if (x->up) {
        x->ready = true;
    } else if (x->want_gone) {
        x->disk = (struct id){ "" };
    } else if (!id_eq(&x->disk, &x->want_overlay)) {
        x->disk = x->want_overlay;
    } else if (id_set(&x->want_run) && !id_eq(&x->want_run, &x->last_run)) {
        x->up = true;
        x->run = x->want_run;
        x->run_disk = x->disk;
    }
}

static inline void machine_deliver(struct host_model *h, const struct machine *x, json_t *body)
{
    struct agent_source from = { h->bc, x->host };
    struct sync_object o = { .kind = "desktop", .id = x->desktop, .body = body };

    if (body)
        agent_observed(&from, &o);
}

/* Now, or put by to come at another time. */
static inline void machine_report(struct host_model *h, struct machine *x, int slot, bool now)
{
    json_t *o = json_object();

    json_put_str(o, "state",
                 x->up                               ? "running"
                 : x->want_gone && !id_set(&x->disk) ? "missing"
                                                     : "off");
    json_put_str(o, "run", x->up ? x->run.s : NULL);
    json_put_str(o, "last_run", id_set(&x->last_run) ? x->last_run.s : NULL);
    json_put_str(o, "overlay", id_set(&x->disk) ? x->disk.s : NULL);
    json_put_str(o, "ready_run", x->ready ? x->run.s : NULL);
    json_decref(x->reports[slot]);
    x->reports[slot] = o;
    if (now)
        machine_deliver(h, x, o);
}

static inline void host_model_free(struct host_model *h)
{
    struct machine *x, *next;
    struct use *u, *un;

    HASH_ITER(hh, h->machines, x, next)
    {
        machine_forget(h, x);
    }
    HASH_ITER(hh, h->uses, u, un)
    {
        HASH_DEL(h->uses, u);
        free(u);
    }
}

#endif
