/*
 * link — the lower tier's end of a sync link: it opens both directions.
 *
 * pull long-polls GET /sync/v1/wanted, push sends POST /sync/v1/observed; an empty push every 3 s
 * is the heartbeat. Each runs one thread, reconnects with jitter (0.2 s … 5 s), survives anything,
 * and is told nothing but where to find the tier above. Answers carry the upper tier's time.
 */
#ifndef COMMON_SYNC_LINK_H
#define COMMON_SYNC_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/peer/peer.h"
#include "common/sync/set.h"

struct sync_link_spec {
    const struct peer_identity *self;
    const char *const *urls; /* addresses of the tier above; NULL-ended, must outlive the link */
    const char *kind;        /* kind of the tier above, as its certificate must say */
};

/* A replica is `set`. page (NULL ok) sees every page that follows before it is applied and may
 * refuse
 * (-1: asked again later), e.g. to store it. */
struct sync_pull;
struct sync_pull_spec {
    struct sync_link_spec link;
    struct sync_set *set;
    struct sync_apply apply;
    int (*page)(void *arg, const json_t *page, struct err *e);
    void *page_arg;
};
int sync_pull_start(const struct sync_pull_spec *spec, struct sync_pull **out,
                    struct err *e) MUSTCHECK;
void sync_pull_stop(struct sync_pull *p);     /* joins; NULL ok */
bool sync_pull_up(const struct sync_pull *p); /* the last exchange succeeded */
int64_t
sync_pull_age_ms(const struct sync_pull *p); /* since the last answer; -1 if there was none */
bool sync_pull_offset_ms(const struct sync_pull *p,
                         int64_t *offset); /* upper tier's wall time − ours; false: unknown yet */

/* Sends `set` (a source, or a replica for a relay with scope_of). about: NULL or what to add to
 * every push ({"url":…}). */
struct sync_push;
struct sync_push_spec {
    struct sync_link_spec link;
    struct sync_set *set;
    int64_t gather_ms;           /* changes within this time travel together */
    json_t *(*about)(void *arg); /* new reference, sent with each push as "about" */
    void (*answered)(void *arg, const json_t *answer); /* NULL ok */
    void *arg;
};
int sync_push_start(const struct sync_push_spec *spec, struct sync_push **out,
                    struct err *e) MUSTCHECK;
void sync_push_wake(struct sync_push *p); /* the set changed */
void sync_push_stop(struct sync_push *p);
bool sync_push_up(const struct sync_push *p);

#endif
