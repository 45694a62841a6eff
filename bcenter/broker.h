/*
 * broker — a person gets a desktop: decide under the lock, reserve, commit without it, apply; after
 * a conflict the row is read again and the decision made anew, three times.
 */
#ifndef BCENTER_BROKER_H
#define BCENTER_BROKER_H

#include "bcenter/bcenter.h"
#include "bcenter/broker_decide.h"
#include "bcenter/display.h"
#include "bcenter/resume.h"

enum { BROKER_LABEL = 72 };

struct connection {
    struct id id, desktop; /* session; "" with an operation */
    struct id operation;   /* "" or the operation that boots the desktop */
    struct ticket claims;  /* signed once the lock is free */
    char ticket[TICKET_MAX], resume[RESUME_SECRET];
    struct display display;
    int64_t expires; /* wall clock */
};
struct connect {
    struct broker_ask ask;
    char actor_name[BROKER_LABEL];
    const char *trace;
    int64_t deadline_ms; /* boot clock */
};
/*
 * NOT_ENTITLED, SEAT_ELSEWHERE, POOL_EXHAUSTED, LAW_…, DESKTOP_LOST, OPERATION_OPEN, TX_CONFLICT,
 * DB_UNAVAILABLE, NOT_READY. A refusal carries where it would
 * succeed (seat-elsewhere) and its figures.
 */
int broker_connect(struct bcenter *bc, struct db *db, const struct connect *c,
                   struct connection *out, struct err *e) MUSTCHECK;
/*
 * Lock held on entry, free on return: the desktop that the connect waited for is up and the
 * operation ends well, in one transaction with the session that it was for. What fails is tried
 * again when reconcile comes by.
 */
void broker_arrive(struct bcenter *bc, struct db *db, struct desktop *d,
                   const struct operation *op);
/*
 * The session that the connect led to, with a new ticket, for who asked. From memory: nothing is
 * written and nothing waited for. OPERATION_OPEN, NOT_FOUND (another's, no connect, or failed),
 * SESSION_ENDED, NOT_ENTITLED, and what a ticket says.
 */
int broker_result(struct bcenter *bc, const struct id *operation, const struct id *person,
                  struct connection *out, struct err *e) MUSTCHECK;
json_t *connection_json(const struct bcenter *bc, const struct connection *c);

#endif
