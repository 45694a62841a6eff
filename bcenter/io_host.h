/*
 * io_host — the I/O law on the module's own objects: what each desktop is charged, what a host has,
 * whether a start, a session or a desktop more fits (docs/iolaw.md; the arithmetic is io_law's).
 *
 * Owner: the module in memory, under its lock. Limits, moves and pools' figures are in the database
 * too (io_store.h); what was measured is the agent's, newest sample only. No I/O.
 */
#ifndef BCENTER_IO_HOST_H
#define BCENTER_IO_HOST_H

#include <jansson.h>
#include <uthash.h>

#include "bcenter/io_limit.h"
#include "bcenter/io_mean.h"
#include "common/base/id.h"

struct module;
struct bserver;
struct desktop;

enum { IO_MOVES = 10, IO_SAMPLE_MS = 10000, IO_YOUNG = 3 }; /* young: for three intervals */

/* Of a bServer. */
struct host_io {
    struct io_limit limit;
    struct io_move moves[IO_MOVES]; /* the newest last */
    int nmoves, unsaved;            /* so many of the newest are not in the database */
    int64_t changed, saved;         /* counts the learner's changes; those that were written */
    bool samples;                   /* its agent says that it does */
    int64_t sample_ms, sample_wall; /* of the newest sample, boot and wall clock; 0: none */
    struct io_sample sample;
    int64_t retransmits_ppm; /* of the screens' sockets; -1: not said */
    int64_t total;           /* io_host_look's answer */
    bool waits, waits_now;   /* somebody waits for I/O here; as this round has found so far */
    int64_t refused; /* reconcile_desktops' scratch: the least that this round has refused; 0 */
    int64_t shown_ms, shown_wall, shown_total, shown_limit; /* publish_io */
};

/* Of a desktop. */
struct desktop_io {
    struct id run; /* that `rate` was measured of in the newest sample; "": it was not in it */
    int64_t rate;
    struct id booted; /* the run whose guest has been ready */
    int64_t booted_ms;
    bool settled; /* and a sample has come since */
    struct id peak_run;
    int64_t peak; /* the highest rate of the start of that run */
    int64_t held; /* the charge that a write under way will make */
};

/* Of a pool: what the CCC gives, what was learned. */
struct io_pool {
    struct id id;
    bool every_desktop; /* each running desktop is a job, also without a session */
    struct io_given given_job, given_start;
    struct io_mean job, start;
    int64_t changed, saved;
    int64_t shown_ms; /* publish_io; 0: to be shown at once */
    UT_hash_handle hh;
};

/* A bServer's limit as the CCC gives it: it may be told of before the bServer is. */
struct io_given_limit {
    struct id id;
    struct io_given limit;
    UT_hash_handle hh;
};

/* Lock held, all of them. The pool's entry, made if need be; NULL: no memory. */
struct io_pool *io_pool_entry(struct module *m, const struct id *pool);
struct io_pool *io_pool_of(struct module *m, const struct id *pool); /* NULL: none */

/* What the desktop is charged; a write under way counts as done. */
int64_t io_desktop_charge(struct module *m, struct desktop *d, int64_t boot_ms);
/* What it was measured at, if that is of its run and young; -1. */
int64_t io_desktop_measured(const struct desktop *d, int64_t boot_ms);
/* Its guest has been ready in this run, and a sample has come since, or none will. */
bool io_desktop_settled(struct desktop *d, int64_t boot_ms);

/* Sums up one host, or all; kept in io.total, until the lock is left. */
int64_t io_host_look(struct module *m, struct bserver *b, int64_t boot_ms);
void io_hosts_look(struct module *m, int64_t boot_ms);

enum io_want {
    IO_WANT_START,        /* a new run */
    IO_WANT_SESSION,      /* a person on the run that it has */
    IO_WANT_START_FOR_HER /* a run, if it has none, and its person's session when it is up */
};
/* What would change if the desktop got that, on a host that was looked at. */
struct io_ask io_host_ask(struct module *m, struct desktop *d, enum io_want want, int64_t boot_ms);
/* Looks, and asks the law. out: NULL or what was asked. */
bool io_host_fits(struct module *m, struct desktop *d, enum io_want want, int64_t boot_ms,
                  struct io_ask *out);

/* The limit has moved. */
void io_host_moved(struct bserver *b, struct io_move *move, int64_t wall_ms);
/* The administrator's figures as the CCC's replica has them now. True: a limit in force moved. */
bool io_host_take_given(struct module *m, struct bserver *b, int64_t wall_ms);

#endif
