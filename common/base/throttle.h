/*
 * throttle — how often sign-ins may fail.
 *
 * One struct throttle for the process, thread safe. Failures are counted in leaky buckets: 10 for a
 * name at one address, refilled at one in 30 s, and 100 for an address, at one a second (an IPv6
 * address stands for its /64). Nobody is locked out by what others do elsewhere: when a name fails
 * from everywhere, 100 times with one a second, an address has one failure with it instead of 10,
 * so who comes from an address without failures is always heard. A try is charged before the
 * password is looked at and given back when it was right: guesses at the same time are not more.
 * Bounded memory: tables of fixed size keyed by a hash with a random seed; two that share a place
 * share its level.
 */
#ifndef COMMON_BASE_THROTTLE_H
#define COMMON_BASE_THROTTLE_H

#include <stdint.h>

#include "common/base/err.h"

struct throttle;
struct throttle *throttle_new(void);    /* NULL when out of memory */
void throttle_free(struct throttle *t); /* NULL is allowed */

/* Before the password is looked at: charged as if it were wrong; or TOO_MANY_REQUESTS, and *wait_s
 * tells when to come again. now: clock_boot_ms(). */
int throttle_take(struct throttle *t, const char *name, const char *address, int64_t now,
                  int *wait_s, struct err *e) MUSTCHECK;
/* The charge back. right: the password was, and the earlier failures of this name here are
 * forgiven; else it could not be looked at. */
void throttle_return(struct throttle *t, const char *name, const char *address, bool right);

#endif
