/*
 * pool_share — what one pool's share here asks of its desktops. Pure: how many to make, which may
 * go, which spare to start, which to renew after an image was published (a tenth of them at a
 * time).
 */
#ifndef BCENTER_POOL_SHARE_H
#define BCENTER_POOL_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/id.h"

struct share_desktop {
    struct id id;
    bool deleting, assigned, wanted_on, stale, preparing, host_up;
    bool room; /* its host has I/O for its start */
    int64_t created;
    /* answers */
    bool surplus, want_running, renew;
};
struct share_wish {
    int64_t size, spares_running;
    bool floating;
};
/* Returns how many desktops to make; sorts d. */
int pool_share_plan(const struct share_wish *w, struct share_desktop *d, int n);

#endif
