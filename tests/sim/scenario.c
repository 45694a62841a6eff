#include "tests/sim/scenario.h"

/* Cores and I/O are not in proportion: two fast stores on small machines, two slow ones on large.
 */
static const struct host_spec unequal[] = { { 16, 3000 }, { 16, 800 }, { 8, 3000 }, { 8, 1500 },
                                            { 8, 800 },   { 4, 1500 }, { 4, 800 },  { 4, 400 } };
static const struct host_spec alike[] = { { 8, 1500 }, { 8, 1500 }, { 8, 1500 }, { 8, 1500 },
                                          { 8, 1500 }, { 8, 1500 }, { 8, 1500 }, { 8, 1500 } };

const struct scenario scenarios[SCENARIO_COUNT] = {
    [SCENARIO_IO] = { "unequal hosts, I/O scarce", unequal, 8, { 50, 25, 25 }, 1.4, 3.6, 240, 60 },
    [SCENARIO_CPU] = { "unequal hosts, CPU scarce", unequal, 8, { 20, 60, 20 }, 1.3, 3.0, 240, 60 },
    [SCENARIO_EQUAL] = { "equal hosts, I/O scarce", alike, 8, { 50, 25, 25 }, 1.4, 3.6, 240, 60 },
};
