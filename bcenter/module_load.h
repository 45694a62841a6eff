/* module_load — the database into memory, at the start and for one bServer after a conflict. */
#ifndef BCENTER_MODULE_LOAD_H
#define BCENTER_MODULE_LOAD_H

#include "bcenter/bcenter.h"

/* All of it; after the new epoch is committed, so that nobody else writes meanwhile. */
int module_load(struct bcenter *bc, struct db *db, struct err *e) MUSTCHECK;
/* The counters, slots and VFs of one bServer again. Lock not held. */
int module_load_bserver(struct bcenter *bc, struct db *db, const struct id *id,
                        struct err *e) MUSTCHECK;

/* Lock held. Rows of operation_all or operation_of. */
void module_take_operations(struct module *m, const PGresult *r);

#endif
