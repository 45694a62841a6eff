/*
 * io_law — no start and no job to a host at its I/O limit (docs/iolaw.md; paper 002, §3.2.6). Pure:
 * no clock, no I/O, no memory taken.
 *
 * All figures are micro-requests per second (uio): 1 request/s = IO_UNIT. Each is cut to 0 …
 * IO_MOST, and the sum of a host's desktops to IO_SUM_MOST, so nothing overflows whatever was
 * reported.
 */
#ifndef BCENTER_IO_LAW_H
#define BCENTER_IO_LAW_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

#define IO_UNIT INT64_C(1000000)
#define IO_MOST (INT64_C(1000000000) * IO_UNIT)
#define IO_SUM_MOST (INT64_C(1000) * IO_MOST)

/* What one desktop asks of its host. */
struct io_charge {
    bool on;       /* it has a run */
    bool starting; /* from the moment the run is given until counters show what it does */
    int64_t load;  /* its jobs now */
    int64_t per_job, per_start;
    int64_t measured; /* -1: nothing that is still young enough */
};
int64_t io_charge(const struct io_charge *c);

int64_t io_cut(int64_t uio);                     /* 0 … IO_MOST */
int64_t io_add(int64_t total, int64_t charge);   /* at most IO_SUM_MOST */
int64_t io_times(int64_t load, int64_t per_job); /* at most IO_MOST */

/* One desktop's charge becomes another one. */
struct io_ask {
    int64_t total; /* of its host, with `before` in it */
    int64_t before, after;
    int64_t limit;
};
/* With it, the total is still below the limit: strictly. */
bool io_fits(const struct io_ask *a);
/* LAW_IO with total, limit and what was asked beside it, in whole requests per second (rounded so
 * that they show why); and how many of so many hosts said so. Returns -1. */
int io_refuse(const struct io_ask *a, int hosts, int refused, struct err *e);

/* Rounded so that what is shown or stored never looks more free than it is. */
int64_t io_up(int64_t uio, int64_t unit);
int64_t io_down(int64_t uio, int64_t unit);

#endif
