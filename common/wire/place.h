/*
 * place — which module serves a (person, pool): rendezvous hashing over the pool's shares, the same
 * at the CCC and in every bCenter, computed from the same wanted object (design §5.3).
 *
 * Integers only. A module with size n has max(1, n / 10) points (at most 100); the weight of a
 * point is SHA-256("<person>/<pool>/<module>/<point>") as a big-endian number; the module of the
 * highest wins.
 */
#ifndef COMMON_WIRE_PLACE_H
#define COMMON_WIRE_PLACE_H

#include <stdint.h>

#include "common/base/id.h"

struct place_share {
    struct id module;
    int64_t size; /* desktops; 0 = never */
};
/* Index of the first place among n shares, skipping those with skip[i] (NULL ok); -1 if none is
 * left. */
int place_module(const struct id *person, const struct id *pool, const struct place_share *shares,
                 int n, const unsigned char *skip);

#endif
