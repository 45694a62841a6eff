/*
 * serve — the upper tier's end of a sync link: what its two routes answer.
 *
 * wanted: a page of `set` for the caller's scope, parked on key up to ?wait= seconds (0-30) when
 * there is nothing new. observed: takes a push in. Both answers carry "time" (ours) and, if not 0,
 * "epoch".
 */
#ifndef COMMON_SYNC_SERVE_H
#define COMMON_SYNC_SERVE_H

#include "common/http/http.h"
#include "common/sync/set.h"

int sync_serve_wanted(const struct request *rq, struct reply *rp, struct sync_set *set,
                      const char *scope, const char *park_key, int64_t epoch,
                      struct err *e) MUSTCHECK;
/* Body {"from","history","cursor","floor","snapshot","more","count","objects":[…],"about":{…}}. */
int sync_serve_observed(const struct request *rq, struct reply *rp, struct sync_set *set,
                        const struct sync_apply *how, int64_t epoch, struct err *e) MUSTCHECK;

#endif
