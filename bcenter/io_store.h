/*
 * io_store — the I/O law's facts in the module's database: what was learned of bServers and pools,
 * and each move of a limit with its reason (sql/module/queries/io.sql).
 *
 * Written together by one statement, when a limit has moved, or IO_STORE_MS after the last time; a
 * process that dies loses what it has learned since, and learns it again.
 */
#ifndef BCENTER_IO_STORE_H
#define BCENTER_IO_STORE_H

#include "bcenter/bcenter.h"

enum { IO_STORE_MS = 60000 };

/* Lock held: rows into memory. */
void io_take_limits(struct module *m, const PGresult *r);
void io_take_moves(struct module *m, const PGresult *r);
void io_take_pools(struct module *m, const PGresult *r);

/* Lock not held. Writes what is due; all: also what could wait. EPOCH_STALE, DB_UNAVAILABLE: it
 * stays due. */
int io_store_write(struct bcenter *bc, struct db *db, bool all, struct err *e) MUSTCHECK;

#endif
