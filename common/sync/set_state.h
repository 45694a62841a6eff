/* set_state — the inside of a sync_set, shared by set.c, page.c and apply.c only. */
#ifndef COMMON_SYNC_SET_STATE_H
#define COMMON_SYNC_SET_STATE_H

#include <pthread.h>

#include "common/sync/store.h"

struct sync_set {
    _Atomic bool ready;   /* asked without the lock too */
    bool source;          /* constant */
    pthread_mutex_t lock; /* everything below; never held while a callback runs */
    struct id history;
    int64_t next_rev; /* the cursor: everything below it is here */
    int64_t floor;    /* tombstones below it are forgotten */
    int64_t epoch;    /* of the leader that made this history; 0: not said */
    struct store now;
    int64_t bound; /* replica: objects that it holds at most, about; 0: no bound */

    bool in_snapshot; /* a replica takes a snapshot: staging is filled, `now` still serves */
    struct id staging_history;
    int64_t staging_rev, staging_floor, staging_epoch;
    int64_t staging_head; /* how far the freshest sender of it was; -1: not said */
    struct store staging;
    int64_t staging_refused; /* live objects of it that could not be read: the sender counts them */

    void (*changed)(void *arg, const char *scope);
    void *changed_arg;
};

void cursor_text(char to[SYNC_CURSOR_MAX], const struct id *history, int64_t rev);
bool cursor_parse(const char *text, struct id *history,
                  int64_t *rev); /* false for NULL, "" and rubbish */

#endif
