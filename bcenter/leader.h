/*
 * leader — one process leads the module: the row `leader` with its epoch (design: fencing).
 *
 * Taken at the start, renewed every 3 s, asked for `for share` in every statement that writes. A
 * process that finds another epoch in the row has lost it and ends.
 */
#ifndef BCENTER_LEADER_H
#define BCENTER_LEADER_H

#include "bcenter/bcenter.h"

enum { LEADER_RENEW_MS = 3000, LEADER_VALID_MS = 9000 };

/* Our own row (we restarted) is taken at once, another's only after 9 s without renewal: NOT_READY
 * until then. */
int leader_take(struct bcenter *bc, struct db *db, struct err *e) MUSTCHECK;
/* ticker body */
void leader_renew(void *bc);
bool leader_valid(const struct bcenter *bc);

#endif
