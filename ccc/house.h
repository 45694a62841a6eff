/*
 * house — what a CCC does by the clock: orders end at their deadline, old rows go, the history of
 * the sync source is looked at. Several processes may do it at once.
 */
#ifndef CCC_HOUSE_H
#define CCC_HOUSE_H

#include "ccc/ccc.h"

int house_first(struct ccc *c, struct err *e) MUSTCHECK; /* before anything is served */
void house_tick(void *ccc);

#endif
