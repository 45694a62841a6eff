/*
 * broker_turn — one request at a time for each person and pool: two answers to one person at once
 * could contradict (a desktop here, and her seat given up).
 */
#ifndef BCENTER_BROKER_TURN_H
#define BCENTER_BROKER_TURN_H

#include "bcenter/broker.h"

/* Lock not held; waits until it is her request's turn. *a stays where it is until the end of the
 * turn. TX_CONFLICT: another one is still being served at `until` (boot clock). */
int broker_turn_take(struct bcenter *bc, const struct broker_ask *ask, int64_t until,
                     struct asking *a, struct err *e) MUSTCHECK;
/* Lock not held. */
void broker_turn_end(struct bcenter *bc, struct asking *a);

#endif
