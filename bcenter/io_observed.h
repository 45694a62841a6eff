/*
 * io_observed — what an agent has counted on its host (docs/iolaw.md, Wire: `io`), taken in: each
 * desktop's rate, the limit's learner, the pools' figures. Lock held.
 *
 * The sample is somebody else's word: every number is cut to what it can be, desktops that are not
 * on this host, or are in another run, are passed over; nothing is as long as the message.
 */
#ifndef BCENTER_IO_OBSERVED_H
#define BCENTER_IO_OBSERVED_H

#include "bcenter/module.h"

struct io_time {
    int64_t boot_ms, wall_ms;
};
/* body NULL: the agent has taken its sample back. */
void io_observed_take(struct module *m, struct bserver *b, const json_t *body, struct io_time now);

#endif
