/* wanted_block — the page of a block's xCenter: what is for everybody and for each of its modules.
 */
#ifndef CCC_WANTED_BLOCK_H
#define CCC_WANTED_BLOCK_H

#include "ccc/wanted.h"

/* As wanted_page. TX_CONFLICT: modules come faster than they can be read. */
int wanted_block_page(struct db *db, const char *block_id, const char *cursor, json_t **page,
                      bool *empty, struct err *e) MUSTCHECK;

#endif
