/*
 * io_sample — two readings of one host → what it did between them. Pure, integers only.
 *
 * A desktop has a rate only if both readings know the same run with the same devices and no counter
 * of it went backwards; so a new run, a restart of QEMU, a card or disk plugged again never make a
 * rate. Sums saturate instead of overflowing.
 */
#ifndef BSERVER_AGENT_IO_SAMPLE_H
#define BSERVER_AGENT_IO_SAMPLE_H

#include "bserver-agent/io_source.h"

struct io_rate {
    struct id desktop, run;
    int64_t uio; /* micro-requests a second */
};

struct io_sample {
    int64_t interval_ms;
    struct io_rate *rates; /* malloc'd */
    int n;
    int64_t requests;       /* of the desktops that have a rate */
    int64_t us_per_request; /* mean of their block requests; -1: there were none */
    int64_t nic_dropped;
    int64_t resent_ppm; /* of the segments to screens; -1: none was sent, or nobody counts */
    bool vf_counters;
};

/* Both sorted. PRECONDITION if no time lies between them, INTERNAL when out of memory. */
int io_sample(const struct io_reading *before, const struct io_reading *now, struct io_sample *out,
              struct err *e) MUSTCHECK;
void io_sample_free(struct io_sample *s); /* what it holds */

#endif
