/* session — a person's live session on a desktop: asked about, ended, its screen opened again. */
#ifndef BCENTER_SESSION_H
#define BCENTER_SESSION_H

#include "bcenter/broker.h"

struct session_end {
    struct id session;
    struct id person; /* "" = whoever asks may: administrators and the CCC */
    struct id actor;
    const char *actor_name, *trace, *reason;
    int64_t deadline_ms;
};
/* Ended already: 0. NOT_FOUND if there never was such a session of hers. */
int session_end(struct bcenter *bc, struct db *db, const struct session_end *s,
                struct err *e) MUSTCHECK;

/* A new ticket by the resume secret alone; for a live session it needs neither the CCC nor the
 * database. TICKET_REFUSED; SESSION_ENDED for a session that was here, NOT_FOUND for any other. */
struct session_resume {
    struct id session;
    const char *secret;
};
int session_ticket(struct bcenter *bc, struct db *db, const struct session_resume *ask,
                   struct connection *out, struct err *e) MUSTCHECK;
json_t *session_ticket_json(const struct connection *c);
/* Ended by the resume secret alone, in the name of its person. Errors as session_ticket. */
int session_end_resume(struct bcenter *bc, struct db *db, const struct session_resume *ask,
                       const char *trace, struct err *e) MUSTCHECK;

/* {id,desktop_id,state,since}. person "" = any. NOT_FOUND. */
int session_state(struct bcenter *bc, struct db *db, const struct id *session,
                  const struct id *person, json_t **out, struct err *e) MUSTCHECK;

#endif
