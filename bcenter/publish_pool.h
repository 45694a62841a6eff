/*
 * publish_pool — how a pool stands in this module, for the CCC (docs/sync.md): its desktops, why
 * the next one cannot be placed, and what its share lacks. Under module_lock.
 */
#ifndef BCENTER_PUBLISH_POOL_H
#define BCENTER_PUBLISH_POOL_H

#include "bcenter/bcenter.h"

/* Each pool with a share here; the others are no longer told of. */
void publish_pools(struct bcenter *bc);

#endif
