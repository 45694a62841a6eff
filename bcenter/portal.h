/* portal — what the routes for people share: lists, and documents with names in them. */
#ifndef BCENTER_PORTAL_H
#define BCENTER_PORTAL_H

#include "bcenter/bcenter.h"

/* Takes items (objects with "name" and "id"): sorts, cuts to ?limit= after ?cursor=; other query
 * parameters than the common ones and `more` (NULL ok): INVALID_REQUEST. */
int portal_list(const struct request *rq, struct reply *rp, const char *more, json_t *items,
                struct err *e) MUSTCHECK;
/* Lock held. The operation as its owner reads it, with names. */
json_t *portal_operation(struct bcenter *bc, const struct operation *op);
/* Lock held. [{id,name,login}]: this one, and those that serve her in other pools; they can check
 * her password, too. */
json_t *portal_modules(struct bcenter *bc, const struct id *person);

#endif
