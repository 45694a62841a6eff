/*
 * throttle — how often a user name or an address may fail.
 *
 * One struct throttle for the process, thread safe. Failures are counted for each name and each
 * address in leaky buckets: 10 for a name refill at one in 30 s, 100 for an address at one a
 * second. Bounded memory: tables of fixed size keyed by a hash with a random seed; two that share
 * a place share its level.
 */
#ifndef COMMON_BASE_THROTTLE_H
#define COMMON_BASE_THROTTLE_H

#include <stdint.h>

#include "common/base/err.h"

struct throttle;
struct throttle *throttle_new(void);    /* NULL when out of memory */
void throttle_free(struct throttle *t); /* NULL is allowed */

/* Before the password is looked at: TOO_MANY_REQUESTS, and *wait_s tells when to come again. now:
 * clock_boot_ms(). */
int throttle_allowed(struct throttle *t, const char *name, const char *address, int64_t now,
                     int *wait_s, struct err *e) MUSTCHECK;
void throttle_failed(struct throttle *t, const char *name, const char *address, int64_t now);
void throttle_succeeded(struct throttle *t, const char *name);

#endif
