/* scenario — the installations and the work that policies are compared on. */
#ifndef TESTS_SIM_SCENARIO_H
#define TESTS_SIM_SCENARIO_H

#include "tests/sim/world.h"

enum { SCENARIO_IO, SCENARIO_CPU, SCENARIO_EQUAL, SCENARIO_COUNT };
extern const struct scenario scenarios[SCENARIO_COUNT];

#endif
