/*
 * screen_ticket — whether a ticket opens a screen here and now (docs/display.md, "Ticket").
 *
 * The guard remembers for all lanes the nonces that were used and the highest sequence number of
 * each desktop. Thread safe; it never calls the host while it holds its lock, since the agent may
 * call us with its own lock held.
 */
#ifndef BSERVER_AGENT_SCREEN_TICKET_H
#define BSERVER_AGENT_SCREEN_TICKET_H

#include <stdbool.h>
#include <stdint.h>

#include "bserver-agent/screen.h"

enum { SCREEN_NONCE_MS = 60000 };

/* All that a decision needs besides signature and age, which ticket_verify has judged. */
struct screen_facts {
    struct id bserver;
    bool known;             /* the desktop is on this bServer */
    struct id run;          /* that runs; "" = none */
    int64_t floor_seq;      /* the lowest sequence number that is still good */
    int64_t agent_start_ms; /* in the bCenter's time */
    bool nonce_used;
};
/* NULL, or the cause of the refusal. Pure. */
const char *screen_ticket_fault(const struct ticket *t, const struct screen_facts *f);

struct screen_guard;
struct screen_guard *screen_guard_new(const struct id *bserver); /* NULL when out of memory */
void screen_guard_free(struct screen_guard *g);

/* Verifies and consumes. TICKET_REFUSED with a cause; OVERLOADED when too many came in a minute. */
int screen_guard_admit(struct screen_guard *g, const struct screen_host *host, const char *text,
                       struct ticket *out, struct err *e) MUSTCHECK;
/* Still good now that the graphics socket is there? NULL, or why not. */
const char *screen_guard_recheck(struct screen_guard *g, const struct screen_host *host,
                                 const struct ticket *t);
void screen_guard_floor(struct screen_guard *g, const struct id *desktop, int64_t seq);

#endif
