/*
 * ticket_issue — this process's signing key: made at the start, told to the agents before its first
 * use, and the tickets it signs (common/wire/ticket.h).
 */
#ifndef BCENTER_TICKET_ISSUE_H
#define BCENTER_TICKET_ISSUE_H

#include "bcenter/bcenter.h"

/* Makes the key, stores its public half, publishes it and those of the processes before us. */
int ticket_issue_start(struct bcenter *bc, struct db *db, struct err *e) MUSTCHECK;
/* The old processes' tickets have expired: their keys go. Called by reconcile. */
void ticket_issue_expire(struct bcenter *bc);
/* An agent asks for what comes after cursor: it holds everything before, perhaps our key. */
void ticket_known_by(struct bcenter *bc, const struct id *agent, const char *cursor);
/*
 * Lock held. A ticket for the live session of d. NOT_READY while its bServer has not heard our key,
 * DESKTOP_LOST while it is silent, DESKTOP_STATE if the session's run is over. *url is the lane's.
 */
int ticket_issue(struct bcenter *bc, const struct desktop *d, char text[TICKET_MAX],
                 const char **url, int64_t *expires_wall, struct err *e) MUSTCHECK;

#endif
