/*
 * wanted_intake — the replica of what the CCC wants, taken into the module's memory; orders become
 * operations, which reconcile stores and carries out.
 */
#ifndef BCENTER_WANTED_INTAKE_H
#define BCENTER_WANTED_INTAKE_H

#include "bcenter/bcenter.h"

/* sync_apply.change; also for what was restored from the database. */
void wanted_intake(void *bc, const struct sync_object *o);
/*
 * sync_apply.hold: absent pools that would take along more than 5 % of the desktops, or any
 * persistent one, wait for a person. Pure on memory; takes module_lock.
 */
bool wanted_hold(void *bc, const struct sync_object *absent, int64_t count, int64_t held_in_all);

#endif
