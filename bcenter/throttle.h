/*
 * throttle — how often a name or an address may fail in a while. Bounded memory: a table of fixed
 * size, keyed by a hash with a random seed; two that share a place share its count. The caller
 * locks.
 */
#ifndef BCENTER_THROTTLE_H
#define BCENTER_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

struct throttle;
struct throttle *throttle_new(int failures, int64_t window_ms); /* NULL when out of memory */
void throttle_free(struct throttle *t);                         /* NULL ok */
bool throttle_open(const struct throttle *t, const char *key, int64_t now_ms);
void throttle_failed(struct throttle *t, const char *key, int64_t now_ms);

#endif
