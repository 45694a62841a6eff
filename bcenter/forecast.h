/*
 * forecast — what a pool's share lacks here, in numbers: "needs 40, 26 free". Pure, on the
 * candidates of placement.h; nothing is placed by it.
 */
#ifndef BCENTER_FORECAST_H
#define BCENTER_FORECAST_H

#include "bcenter/placement.h"

enum { FORECAST_LAWS = 6 };

/* One law that ends it on some host, counted in desktops: how many the share needs, and for how
 * many there is room: those that the pool has already, and those for which a host has all they
 * need. */
struct forecast_law {
    enum err_code law;
    int64_t needs, free;
};

struct forecast_ask {
    struct demand each;
    int64_t share, have, room; /* wanted here; there already; what the module's law leaves */
};

/* Those that the share is short of, at most FORECAST_LAWS; returns how many. */
int forecast_make(const struct candidate *c, int n, const struct forecast_ask *ask,
                  struct forecast_law out[FORECAST_LAWS]);

#endif
