/*
 * call_order — calls that came again on another way: the latest attempt counts.
 *
 * The CCC asks the block's other xCenter when the first does not answer; what the first one held
 * back (it hung, and goes on) would arrive after the person has done other things. So an attempt of
 * a call is refused once a later one of it has come. Only calls that were repeated are remembered,
 * the last CALL_ORDERS of them. Thread safe.
 */
#ifndef BCENTER_CALL_ORDER_H
#define BCENTER_CALL_ORDER_H

#include <pthread.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/id.h"

enum { CALL_ORDERS = 512 };

struct call_orders {
    pthread_mutex_t lock;
    int next; /* the slot that is used anew: the oldest */
    struct call_seen {
        struct id key;
        int64_t attempt;
    } seen[CALL_ORDERS];
};

/* key "": a caller of a version before, taken. SUPERSEDED. */
int call_order_take(struct call_orders *o, const struct id *key, int64_t attempt,
                    struct err *e) MUSTCHECK;

#endif
