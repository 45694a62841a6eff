/*
 * io_limit — the I/O limit of one host, learned from what was measured on it (docs/iolaw.md,
 * design §7). Pure: one sample gives the new state and at most one move, with its reason and the
 * numbers that it was made from. No benchmark, no clock. Figures in uio (io_law.h).
 *
 * A struct of zeros is a host about which nothing is known.
 */
#ifndef BCENTER_IO_LIMIT_H
#define BCENTER_IO_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "bcenter/io_law.h"

enum { IO_QUIET = 63, IO_QUIET_LEAST = 7, IO_STEADY_MS = 60000 };
#define IO_INITIAL (1000 * IO_UNIT) /* of a host that nobody knows: low */
#define IO_LEAST (250 * IO_UNIT)    /* what is learned never falls below */

enum io_reason {
    IO_NO_MOVE,
    IO_HEALTHY,   /* more was measured than it was known to bear, and it bore it */
    IO_SATURATED, /* requests took too long, or frames were dropped */
    IO_RECOVERED, /* long healthy close to a limit that had fallen */
    IO_GIVEN,     /* an administrator's figure */
    IO_WITHDRAWN  /* there is none any more: what was learned holds again */
};
enum io_source { IO_SOURCE_INITIAL, IO_SOURCE_LEARNED, IO_SOURCE_ADMINISTRATOR };

struct io_sample {
    int64_t total;          /* measured over all machines of the host */
    int64_t us_per_request; /* mean, host-side; -1: there were no requests */
    int64_t dropped;        /* frames */
    int64_t interval_ms;
};

struct io_limit {
    int64_t learned;                /* 0: nothing yet, IO_INITIAL holds */
    bool fallen;                    /* and has not come back since */
    int64_t began;                  /* the total at which the newest saturation began */
    bool saturated;                 /* the newest sample was */
    int64_t steady_ms, steady_most; /* healthy near the limit for so long; the highest total then */
    int64_t quiet[IO_QUIET];        /* times per request while little was to do, a ring */
    int nquiet, next;
    bool given; /* an administrator has set it */
    int64_t figure;
};

struct io_move {
    int64_t at;       /* wall clock; the caller's */
    int64_t from, to; /* the limit in force */
    enum io_reason reason;
    int64_t total, us_per_request, quiet_us, dropped; /* of the sample; -1: not of any */
};

/* The limit in force, and where it comes from. */
int64_t io_limit_now(const struct io_limit *l);
enum io_source io_limit_source(const struct io_limit *l);
/* Median time per request while quiet; -1: too few to mean anything. */
int64_t io_limit_quiet(const struct io_limit *l);
bool io_limit_healthy(const struct io_limit *l, const struct io_sample *s);

/* True: the limit in force has moved, *move says from where, to where and why. */
bool io_limit_sample(struct io_limit *l, const struct io_sample *s, struct io_move *move);
/* An administrator's figure, or none. */
bool io_limit_give(struct io_limit *l, bool given, int64_t figure, struct io_move *move);

const char *io_reason_word(enum io_reason r);
enum io_reason io_reason_from(const char *word); /* IO_NO_MOVE if not known */
const char *io_source_word(enum io_source s);

#endif
