/*
 * ticket_issue — this process's signing key: made at the start, told to the agents before its first
 * use, and the tickets it signs (common/wire/ticket.h).
 */
#ifndef BCENTER_TICKET_ISSUE_H
#define BCENTER_TICKET_ISSUE_H

#include "bcenter/bcenter.h"
#include "bcenter/display.h"

/* Makes the key, stores its public half, publishes it and those of the processes before us. */
int ticket_issue_start(struct bcenter *bc, struct db *db, struct err *e) MUSTCHECK;
/* The old processes' tickets have expired: their keys go. Called by reconcile. */
void ticket_issue_expire(struct bcenter *bc);
/* An agent asks for what comes after cursor: it holds everything before, perhaps our key. */
void ticket_known_by(struct bcenter *bc, const struct id *agent, const char *cursor);
/*
 * Lock held. What a ticket for the live session of d says, and where its screen is. NOT_READY while
 * its bServer has not heard our key, DESKTOP_LOST while it is silent, SESSION_ENDED if the
 * session's run is over, LAW_CAPABILITY if the bServer shows no screens.
 */
int ticket_claim(struct bcenter *bc, const struct desktop *d, struct ticket *out,
                 struct display *display, struct err *e) MUSTCHECK;
/* Lock not held: signs it. */
int ticket_seal(struct bcenter *bc, struct ticket *t, char text[TICKET_MAX], int64_t *expires_wall,
                struct err *e) MUSTCHECK;

#endif
