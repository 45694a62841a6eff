/*
 * event — what changed, told to the pages that watch and to the requests that wait.
 *
 * Two threads of the process LISTEN: one wakes the xCenters' parked pulls, the other reads the rows
 * of table event since its last look (by xid8 below the horizon, so that none is missed), wakes
 * those who wait for an operation, and sends each stream what its person may see: at most ten
 * events a second, at most 100 ids each; without ids a page reads its list again.
 * A stream ends with its session: at once when that is ended, within ten seconds when it expires.
 */
#ifndef CCC_EVENT_H
#define CCC_EVENT_H

#include "common/base/err.h"
#include "common/http/http.h"

struct event_hub;
struct event_spec {
    const char *conninfo;
    struct http_server **public, **management; /* read when something has to be woken */
    int streams_max;                           /* of all people */
};
/* Before the servers start, so that streams have somewhere to go. */
int event_hub_open(const struct event_spec *spec, struct event_hub **out, struct err *e) MUSTCHECK;
int event_hub_run(struct event_hub *h,
                  struct err *e) MUSTCHECK; /* after the servers have started */
/* Ends the threads. Before the servers stop; streams may still close afterwards. */
void event_hub_quiet(struct event_hub *h);
void event_hub_free(struct event_hub *h); /* after the servers have stopped; NULL ok */

#endif
