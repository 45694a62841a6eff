/*
 * publish_io — the I/O law as it is shown: to the CCC by sync (`bserver.io`, `pool_io`,
 * docs/iolaw.md), to whoever watches the process by /summary and /metrics. Lock held.
 *
 * To the CCC a bServer's total is news when it has moved by an eighth of the limit, when the limit
 * has moved, or after a minute: between those the same figures are shown again.
 */
#ifndef BCENTER_PUBLISH_IO_H
#define BCENTER_PUBLISH_IO_H

#include "bcenter/bcenter.h"

/* There is news of this bServer: it is to be published. */
bool publish_io_due(struct module *m, struct bserver *b, int64_t boot_ms);
/* As last found due. */
json_t *publish_io_json(const struct bserver *b);
void publish_io_pools(struct bcenter *bc);

/* As it is now: [{id, name, total, limit, charges …}], uio. */
json_t *publish_io_summary(struct module *m, int64_t boot_ms);
/* The same as metrics, without the lock. */
void publish_io_metrics(const json_t *summary, FILE *page);

#endif
