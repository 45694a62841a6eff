/*
 * broker — a person gets a desktop: decide under the lock, reserve, commit without it, apply; after
 * a conflict the row is read again and the decision made anew, three times.
 */
#ifndef BCENTER_BROKER_H
#define BCENTER_BROKER_H

#include "bcenter/bcenter.h"
#include "bcenter/broker_decide.h"

enum { RESUME_SECRET = 64, BROKER_LABEL = 72 };

struct connection {
    struct id id, desktop; /* session; "" with an operation */
    struct id operation;   /* "" or the operation that boots the desktop */
    struct ticket claims;  /* signed once the lock is free */
    char ticket[TICKET_MAX], url[300], resume[RESUME_SECRET];
    int64_t expires; /* wall clock */
};
struct connect {
    struct broker_ask ask;
    char actor_name[BROKER_LABEL];
    const char *trace;
    int64_t deadline_ms; /* boot clock */
    bool from_ccc;       /* entitlements that we have not heard of yet may be on their way */
};
/*
 * NOT_ENTITLED, SEAT_ELSEWHERE, POOL_EXHAUSTED, LAW_…, DESKTOP_LOST, OPERATION_OPEN, TX_CONFLICT,
 * DB_UNAVAILABLE, NOT_READY. A refusal carries where it would
 * succeed (seat-elsewhere) and its figures.
 */
int broker_connect(struct bcenter *bc, struct db *db, const struct connect *c,
                   struct connection *out, struct err *e) MUSTCHECK;
/*
 * What the operation's result is, for who asked for it: OPERATION_OPEN, NOT_FOUND (another's, no
 * connect, or failed), SESSION_ENDED, and what broker_connect says. Fills c->ask.
 */
int broker_result(struct bcenter *bc, struct db *db, const struct id *operation, struct connect *c,
                  struct connection *out, struct err *e) MUSTCHECK;
json_t *connection_json(const struct bcenter *bc, const struct connection *c);

#endif
