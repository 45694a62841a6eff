/*
 * wanted — the CCC's source of sync (docs/sync.md): pages of table wanted for a block's xCenter.
 *
 * A page and its frame come from one snapshot of the database and end below the oldest transaction
 * that is still open, so that none is skipped. Errors: the database's.
 */
#ifndef CCC_WANTED_H
#define CCC_WANTED_H

#include <jansson.h>

#include "common/db/db.h"

#define WANTED_KEY "wanted" /* of parked requests */

/* scopes: "{\"\",uuid,…}". cursor NULL or "": from the beginning. *empty: nothing new. */
int wanted_page(struct db *db, const char *scopes, const char *cursor, json_t **page, bool *empty,
                struct err *e) MUSTCHECK;

/* At start and now and then: a new history if this database is another one than before. */
int wanted_check(struct db *db, bool *renewed, struct err *e) MUSTCHECK;
/*
 * cursor is the highest that was handed out (ccc/mark.h): a database that has not come that far was
 * put back to an older copy, or lost its newest transaction numbers in a crash. Then a new history
 * begins.
 */
int wanted_behind(struct db *db, const char *cursor, struct err *e) MUSTCHECK;
/*
 * Brings table wanted up to date with what modules have told of seats and desktops, in transactions
 * of its own; those that several processes try at once are repeated.
 */
int wanted_catch_up(struct db *db, struct err *e) MUSTCHECK;

/* Forgets tombstones older than this. */
int wanted_purge(struct db *db, int64_t seconds, struct err *e) MUSTCHECK;

#endif
