/*
 * upstream — the links to the xCenters: what the CCC wants comes down and is stored page by page
 * with its cursor, what is observed goes up. A start without the CCC serves from the stored
 * replica.
 */
#ifndef BCENTER_UPSTREAM_H
#define BCENTER_UPSTREAM_H

#include "bcenter/bcenter.h"

/* Reads the stored replica into bc->wanted and memory. */
int upstream_restore(struct bcenter *bc, struct db *db, struct err *e) MUSTCHECK;
int upstream_start(struct bcenter *bc, struct err *e) MUSTCHECK;
void upstream_stop(struct bcenter *bc);
/* sync_set_on_change of bc->observed */
void upstream_observed_changed(void *bc, const char *scope);
bool upstream_up(const struct bcenter *bc);
/* A person has said that the held deletions are meant. */
int upstream_confirm(struct bcenter *bc, struct db *db, int64_t *released, struct err *e) MUSTCHECK;

#endif
