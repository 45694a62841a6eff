/*
 * publish — memory turned into the objects that others are told: the agents' wanted set and the
 * module's observed set (docs/sync.md). All under module_lock; the sets notice what did not change.
 */
#ifndef BCENTER_PUBLISH_H
#define BCENTER_PUBLISH_H

#include "bcenter/bcenter.h"

void publish_desktop(struct bcenter *bc, struct desktop *d);
void publish_desktop_gone(struct bcenter *bc, const struct id *desktop, const struct id *bserver);
void publish_bserver(struct bcenter *bc,
                     struct bserver *b); /* its config, its images, itself, its VFs */
void publish_operation(struct bcenter *bc, struct operation *op);
void publish_seat(struct bcenter *bc, const struct seat *s); /* NULL ok */
/* That we go by the newest shares of this pool, once no answer is on its way that was decided by
 * earlier ones; it comes after the seats. Lock held. */
void publish_share(struct bcenter *bc, struct pool *p);
void publish_all(struct bcenter *bc);
/* What has to be said again because time passed: a host fell silent. */
void publish_silence(struct bcenter *bc);

/* The documents of docs/rest.md; new references. */
json_t *desktop_json(const struct bcenter *bc, const struct desktop *d);
json_t *operation_json(const struct operation *op);

#endif
