/*
 * desktop_next — what to do about one desktop now. Pure: facts in, at most one action out; carrying
 * it out is reconcile's. A run ends, a desktop is cleaned, forgotten, refreshed or started here and
 * nowhere else.
 */
#ifndef BCENTER_DESKTOP_NEXT_H
#define BCENTER_DESKTOP_NEXT_H

#include "bcenter/module.h"

enum next {
    NEXT_NOTHING,
    NEXT_FORGET,    /* deleting, and the agent has nothing of it any more: the row goes, slot and VF
                       are free */
    NEXT_RUN_ENDED, /* the run is over (guest switched off, crash, host rebooted, agent gave up):
                       run null, session ends */
    NEXT_SESSION_END, /* its person is disabled; or floating: the screen has been closed too long */
    NEXT_RELEASE,     /* floating: assigned, and never taken */
    NEXT_RENEW,       /* floating, nobody's: a new overlay (dirty, or another image is published) */
    NEXT_DELETE,      /* surplus, nobody's */
    NEXT_RESTART,     /* a spare that never came up: off, and on again later */
    NEXT_START        /* a spare that should run */
};

struct next_facts {
    bool busy, deleting, host_up, maintenance, seen;
    bool host_left; /* the CCC has deleted its bServer: what is nobody's for good is given up */
    bool floating, person, session, op_open;
    bool wanted_on, run_ended, other_boot, run_failed;
    bool alive;   /* something runs there */
    bool missing; /* the agent has neither machine nor disk */
    bool used;    /* its overlay had a person */
    bool stale;   /* made from another image version than its pool's, and its turn to be renewed */
    bool surplus; /* its pool wants fewer, and this one is to go */
    bool barred;  /* its live session's person has been disabled, or is nobody here any more */
    bool hung;    /* it has run for long, and its guest has not come up */
    bool want_running; /* its pool wants a running spare, and this one is to be it */
    bool overlay_failed;
    int64_t closed_ms;   /* how long the live session's screen has been closed; -1: open, or not
                            known since its host does not answer */
    int64_t assigned_ms; /* how long it has been somebody's */
    int64_t logoff_ms, retry_in_ms;
};
enum next desktop_next(const struct next_facts *f);

#endif
