/*
 * placement_why — a stored placement, explained: every bServer that was looked at, with what was
 * known of it, its verdict and its rank, and whether the same functions choose the same again.
 */
#ifndef BCENTER_PLACEMENT_WHY_H
#define BCENTER_PLACEMENT_WHY_H

#include <jansson.h>

#include "bcenter/bcenter.h"

/* NOT_FOUND (seven days are kept), DB_UNAVAILABLE; INTERNAL when what is stored cannot be read. */
int placement_why(struct bcenter *bc, struct db *db, const struct id *id, json_t **out,
                  struct err *e) MUSTCHECK;

#endif
