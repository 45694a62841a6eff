/*
 * pool — what a pool's shares must satisfy. Shares are always given by the administrator: nothing
 * is placed by guess. All checks run inside the transaction that writes.
 */
#ifndef CCC_POOL_H
#define CCC_POOL_H

#include <jansson.h>
#include <stdbool.h>

#include "common/db/db.h"

/* Each {module_id, size 0…1000}, no module twice. INVALID_REQUEST with the pointer. */
int pool_shares_check(const json_t *shares, struct err *e) MUSTCHECK;

/*
 * Replaces the pool's shares. Where that moves people's places it waits for the modules' word
 * (docs/broker.md, "Shares change"). PRECONDITION (no such module), LAW_MODULE (more than 1,000
 * desktops over all pools), POOL_SHRINK (fewer than are assigned), with the numbers.
 */
int pool_shares_put(struct db *db, const char *pool, const json_t *shares, struct err *e) MUSTCHECK;

/* What POST and PATCH may say; what makes a pool what it is (kind, image) is chosen once.
 * INVALID_REQUEST with the pointer. */
int pool_check(const json_t *body, bool is_new, struct err *e) MUSTCHECK;

/*
 * After the write: refuses what no room that may become free could ever hold, as far as the
 * modules' bServers are known: LAW_MEMORY, LAW_STORAGE (a desktop larger than each bServer),
 * LAW_SLOTS (shares of all pools over the places of all bServers), with the numbers.
 */
int pool_possible(struct db *db, const char *pool, struct err *e) MUSTCHECK;

/* Modules of checked shares as "{id,id}"; ids are UUIDs, so nothing needs quoting. Free; NULL: out
 * of memory. */
char *pool_share_modules(const json_t *shares);

#endif
